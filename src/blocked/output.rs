//! One of several results: those that a graph reaches are made, all by one call.

use super::lower::{Lower, Lowering};
use super::made::{Blocked, Several};
use super::operations;
use crate::error::{Error, Result};
use crate::expr::{Expr, Op, ops, postorder};

impl Several {
    /// Of the results that `roots` reach.
    pub fn wanted(roots: &[Expr]) -> Several {
        let mut several = Several::default();
        for node in postorder(roots) {
            if let Op::Output(ops::Output { of, at }) = &node.op {
                several.wanted.entry(of.id).or_insert_with(|| vec![false; of.more.len() + 1])[*at] = true;
            }
        }
        several
    }
}

impl Lower for ops::Output {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let of = &self.of;
        if !lowering.several.made.contains_key(&of.id) {
            let operation = operations::lowered_all(&of.op)
                .ok_or_else(|| Error::internal(format!("{} has one result, and was asked for several", of.op.name())))?;
            let wanted = lowering.several.wanted.get(&of.id).cloned().unwrap_or_default();
            let made = lowering.in_loop(of.id, |lowering| operation.lower_all(of, &wanted, lowering))?;
            lowering.several.made.insert(of.id, made);
        }
        let made = lowering.several.made.get(&of.id).and_then(|made| made.get(self.at).cloned().flatten());
        made.ok_or_else(|| Error::internal(format!("{} made no result {}", of.op.name(), self.at)))
    }
}
