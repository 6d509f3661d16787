//! What must be known before the rest can be lowered: counts of masks, medians.

use super::{Runtime, index_bytes};
use crate::blocked::{Procedure, Step, procedures};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, ops, postorder, replace};
use crate::scheduler::CancelToken;

/// The graph with the length of a selection whose mask was counted since it was built; `None` where there is none left.
fn with_a_count(exprs: &[Expr]) -> Result<Option<Vec<Expr>>> {
    let counted = |node: &Expr| matches!(&node.op, Op::Mask(ops::Mask { count, .. }) if node.counted.is_some() && count.1.get().is_some());
    let node = postorder(exprs).into_iter().find(counted);
    node.map(|node| replace(exprs, &node, &Node::new(node.op.clone())?)).transpose()
}

/// The graph with the lengths of all selections whose masks were counted since it was built.
///
/// # Errors
/// What inference refuses.
pub(super) fn with_counts(mut exprs: Vec<Expr>) -> Result<Vec<Expr>> {
    while let Some(known) = with_a_count(&exprs)? {
        exprs = known;
    }
    Ok(exprs)
}

impl Runtime {
    /// The graph with what its procedures find, one after the other, each above those it depends on.
    pub(super) fn find_all(&self, mut exprs: Vec<Expr>, cancel: &CancelToken) -> Result<Vec<Expr>> {
        loop {
            // in this order: a mask that another thread counts meanwhile is still a procedure, or has a length by now
            let next = procedures(&exprs).into_iter().next();
            if let Some(known) = with_a_count(&exprs)? {
                exprs = known;
                continue;
            }
            let Some((node, procedure)) = next else { return Ok(exprs) };
            let found = self.find(&node, procedure, cancel)?;
            exprs = replace(&exprs, &node, &found)?;
        }
    }

    /// Runs a procedure. What it may need at most must fit before anything is read.
    fn find(&self, node: &Expr, mut procedure: Box<dyn Procedure>, cancel: &CancelToken) -> Result<Expr> {
        let name = node.op.name();
        let node = std::slice::from_ref(node);
        let standing = procedure.standing_bytes().saturating_add(index_bytes(node));
        let refused =
            |procedure: &dyn Procedure, error: Error| self.refusal(error, standing, &mut |budget| procedure.most_demanding(budget));
        let _indexes = self.reserve_indexes(node).map_err(|error| refused(&*procedure, error))?;
        let _held = self.reserve(name, procedure.standing_bytes(), "").map_err(|error| refused(&*procedure, error))?;
        let budget = self.budget(self.0.pool.usage().reserved_bytes);
        self.check(&procedure.most_demanding(&budget)?, &budget).map_err(|error| refused(&*procedure, error))?;
        loop {
            match procedure.step(&budget)? {
                Step::Run(plan) => self.run_plan(&plan, &budget, cancel)?,
                Step::Done(found) => return Ok(found),
            }
        }
    }
}
