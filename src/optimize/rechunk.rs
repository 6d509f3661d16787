//! Expr → Expr. Chunks are names for parts, not work: a `Rechunk` is its argument. Its chunks live on
//! where they mean something: in the cells of reductions, and on roots and functions' arguments, which
//! [`rebuild`] relabels.

use crate::error::Result;
use crate::expr::{Expr, Op, ops, rebuild};

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    rebuild(roots, |node| {
        Ok(match &node.op {
            // of a selection, until it is counted: chunks that follow from the length fix the order of sums above
            Op::Rechunk(_) if node.is_counted() => node.clone(),
            Op::Rechunk(ops::Rechunk { arg, .. }) => arg.clone(),
            _ => node.clone(),
        })
    })
}
