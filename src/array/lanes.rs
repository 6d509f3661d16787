//! A node that makes each lane along an axis into another one.

use crate::error::Result;
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::lanes::Lane;

/// `lane` of each lane of `arg`, which has elements, along `axis`.
pub(super) fn lanes(lane: Lane, arg: Expr, axis: usize) -> Result<Expr> {
    Node::new(ops::Lanes { lane, arg, axis }.into())
}
