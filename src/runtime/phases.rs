//! What must be known before the rest can be lowered: counts of masks, medians.

use super::fit::{Short, fit};
use super::{Runtime, index_bytes};
use crate::blocked::{Procedure, Sink, Step, lower, procedures};
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Expr, Node, Op, ops, postorder, replace};
use crate::plan::Plan;
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

/// What a computation will take.
pub(super) struct Foreseen {
    /// What its procedures do, in order.
    pub phases: Vec<String>,
    /// The plan that follows them.
    pub plan: Plan,
    /// What does not fit, and the bytes that stand beside it.
    short: Vec<(Short, u64)>,
}

impl Foreseen {
    /// Refuses what does not fit, naming the limit under which all of it does.
    ///
    /// # Errors
    /// `WouldNotFit`.
    pub(super) fn check(&self, limit_bytes: u64) -> Result<()> {
        let most = self.short.iter().max_by_key(|(short, standing)| short.smallest_bytes.saturating_add(*standing));
        most.map_or(Ok(()), |(short, standing)| Err(short.refusal(limit_bytes, *standing).into()))
    }
}

impl Runtime {
    /// The graph with what its procedures find, one after the other, each above those it depends on.
    pub(super) fn find_all(&self, mut exprs: Vec<Expr>, cancel: &CancelToken) -> Result<Vec<Expr>> {
        loop {
            // in this order: a mask that another thread counts meanwhile is still a procedure, or has a length by now
            let next = procedures(&exprs, &self.0.sizes.work).into_iter().next();
            if let Some(known) = with_a_count(&exprs)? {
                exprs = known;
                continue;
            }
            let Some((node, procedure)) = next else { return Ok(exprs) };
            let found = self.find(&node, procedure, cancel)?;
            exprs = replace(&exprs, &node, &found)?;
        }
    }

    /// Plans all that `exprs` will take beside `results_bytes`, as if every procedure found what takes the most. Reads
    /// nothing.
    ///
    /// # Errors
    /// What lowering refuses, `Cancelled`; that something does not fit is told by [`Foreseen::check`].
    pub(super) fn foresee(
        &self,
        mut exprs: Vec<Expr>,
        results_bytes: u64,
        sinks: &dyn Fn(&[Expr]) -> Vec<Sink>,
        cancel: &CancelToken,
    ) -> Result<Foreseen> {
        let mut foreseen = Foreseen { phases: Vec::new(), plan: Plan::new(vec![], vec![]), short: Vec::new() };
        let taken = self.0.pool.usage().reserved_bytes;
        while let Some((node, procedure)) = procedures(&exprs, &self.0.sizes.work).into_iter().next() {
            foreseen.phases.push(procedure.describe());
            let standing = taken.saturating_add(procedure.standing_bytes()).saturating_add(index_bytes(std::slice::from_ref(&node)));
            let budget = match self.fit_procedure(&*procedure, self.room(standing), cancel)? {
                Ok(budget) => budget,
                Err(short) => {
                    let smallest = short.smallest_bytes;
                    foreseen.short.push((short, standing));
                    self.budget(smallest)
                }
            };
            exprs = replace(&exprs, &node, &procedure.bound(&budget)?)?;
        }
        let sinks = sinks(&exprs);
        let standing = taken.saturating_add(results_bytes).saturating_add(index_bytes(&exprs));
        foreseen.plan = match self.fit_sinks(&sinks, self.room(standing), cancel)? {
            Ok((lowered, _)) => lowered.plan,
            Err(short) => {
                let budget = self.budget(short.smallest_bytes);
                foreseen.short.push((short, standing));
                lower(&sinks, &budget)?.plan
            }
        };
        Ok(foreseen)
    }

    /// The budget under which the most demanding pass of a procedure fits `room_bytes`.
    fn fit_procedure(
        &self,
        procedure: &dyn Procedure,
        room_bytes: u64,
        cancel: &CancelToken,
    ) -> Result<std::result::Result<Budget, Short>> {
        let fitted = fit(room_bytes, &self.budget(0), cancel, |plan| plan, |budget| procedure.most_demanding(budget))?;
        Ok(fitted.map(|(_, budget)| budget))
    }

    /// Runs a procedure. What it may need at most must fit before anything is read.
    fn find(&self, node: &Expr, mut procedure: Box<dyn Procedure>, cancel: &CancelToken) -> Result<Expr> {
        let _indexes = self.reserve_indexes(std::slice::from_ref(node))?;
        let _held = self.reserve(node.op.name(), procedure.standing_bytes(), "")?;
        let standing = self.0.pool.usage().reserved_bytes;
        let fitted = self.fit_procedure(&*procedure, self.room(standing), cancel)?;
        let budget = fitted.map_err(|short| short.refusal(self.0.limit_bytes, standing))?;
        loop {
            match procedure.step(&budget)? {
                Step::Run(plan) => self.run_plan(&plan, self.room(standing), cancel)?,
                Step::Done(found) => return Ok(found),
            }
        }
    }
}
