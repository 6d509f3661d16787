//! What must be known before the rest can be lowered: counts of masks, medians.

use super::{Runtime, index_bytes};
use crate::blocked::{Procedure, Step, procedures};
use crate::error::{Error, Result};
use crate::expr::{Expr, replace};
use crate::scheduler::CancelToken;

impl Runtime {
    /// The graph with what its procedures find, one after the other, each above those it depends on.
    pub(super) fn find_all(&self, mut exprs: Vec<Expr>, cancel: &CancelToken) -> Result<Vec<Expr>> {
        while let Some((node, procedure)) = procedures(&exprs).into_iter().next() {
            let found = self.find(&node, procedure, cancel)?;
            exprs = replace(&exprs, &node, &found)?;
        }
        Ok(exprs)
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
