//! The list of operations, a line each: which become stages, and which need a procedure first. What each does stands in
//! the file of its name.

use super::indexing::mask::CountMask;
use super::indexing::take_elements::TakeElements;
use super::indexing::take_rows::TakeRows;
use super::linalg::sketched_qr::SketchedQr;
use super::linalg::tall_qr::suits_a_sketch;
use super::lower::{Lower, LowerAll};
use super::procedure::Procedure;
use super::sorting::apart::LanesApart;
use super::sorting::external::ExternalSort;
use super::sorting::quantile::Selection;
use crate::expr::{Expr, Op, ops};
use crate::sizes::Sizes;
use flagstone_kernels::lanes::Lane;

/// The operations that become stages of their own; `None` for those that are steps and leaves of loops.
pub(super) fn lowered(op: &Op) -> Option<&dyn Lower> {
    match op {
        Op::Source(_) | Op::Full(_) | Op::Generate(_) | Op::Elementwise(_) | Op::View(_) | Op::Rechunk(_) => None,
        Op::Resident(operation) => Some(operation),
        Op::Function(operation) => Some(operation),
        Op::Reduce(operation) => Some(operation),
        Op::Concatenate(operation) => Some(operation),
        Op::Reshape(operation) => Some(operation),
        Op::Cumulative(operation) => Some(operation),
        Op::Lanes(operation) => Some(operation),
        Op::Grouped(operation) => Some(operation),
        Op::Lookup(operation) => Some(operation),
        Op::RowsAt(operation) => Some(operation),
        Op::ElementsAt(operation) => Some(operation),
        Op::Tally(operation) => Some(operation),
        Op::Contraction(operation) => Some(operation),
        Op::Mask(operation) => Some(operation),
        Op::Merge(operation) => Some(operation),
        Op::Quantile(operation) => Some(operation),
        Op::Deferred(operation) => Some(operation),
        Op::Spread(operation) => Some(operation),
        Op::Output(operation) => Some(operation),
        Op::Factor(operation) => Some(operation),
        Op::Apply(operation) => Some(operation),
        Op::RowsOver(operation) => Some(operation),
        Op::TallQr(_) | Op::Dense(_) | Op::Eigh(_) | Op::Svd(_) => None,
    }
}

/// The operations that have several results.
pub(super) fn lowered_all(op: &Op) -> Option<&dyn LowerAll> {
    match op {
        Op::Factor(operation) => Some(operation),
        Op::TallQr(operation) => Some(operation),
        Op::Dense(operation) => Some(operation),
        Op::Eigh(operation) => Some(operation),
        Op::Svd(operation) => Some(operation),
        Op::Source(_) | Op::Full(_) | Op::Generate(_) | Op::Resident(_) | Op::Function(_) => None,
        Op::Elementwise(_) | Op::View(_) | Op::Reduce(_) | Op::Concatenate(_) | Op::Rechunk(_) | Op::Reshape(_) => None,
        Op::Cumulative(_) | Op::Lanes(_) | Op::Lookup(_) | Op::RowsAt(_) | Op::Tally(_) | Op::Grouped(_) => None,
        Op::ElementsAt(_)
        | Op::Contraction(_)
        | Op::Mask(_)
        | Op::Merge(_)
        | Op::Quantile(_)
        | Op::Deferred(_)
        | Op::Spread(_)
        | Op::Output(_)
        | Op::Apply(_)
        | Op::RowsOver(_) => None,
    }
}

/// The procedure of `node`, unless it can be lowered as it is.
pub fn procedure(node: &Expr, sizes: &Sizes) -> Option<Box<dyn Procedure>> {
    let work = &sizes.work;
    match &node.op {
        Op::Mask(ops::Mask { mask, count, .. }) if count.1.get().is_none() => Some(Box::new(CountMask::new(node, mask, count))),
        Op::Quantile(quantile) => Some(Box::new(Selection::new(node.dtype, quantile, work))),
        Op::Lanes(ops::Lanes { lane: Lane::Sort(sorter), arg, .. }) if arg.shape.len() == 1 && arg.shape[0] > work.sort_elements => {
            Some(Box::new(ExternalSort::new(node, *sorter, arg, work)))
        }
        Op::Lanes(ops::Lanes { lane, arg, axis }) if LanesApart::suits(lane, &arg.shape, *axis, work) => {
            Some(Box::new(LanesApart::new(node, arg.elements() / arg.shape[*axis])))
        }
        Op::Lookup(lookup) if TakeRows::suits(lookup, work) => Some(Box::new(TakeRows::new(node, lookup))),
        Op::Lookup(lookup) if TakeElements::suits(lookup, work) => Some(Box::new(TakeElements::new(node, lookup, work))),
        Op::TallQr(tall) if suits_a_sketch(tall, &sizes.numerics) => Some(Box::new(SketchedQr::new(node, &tall.arg))),
        Op::Mask(_) | Op::Lanes(_) | Op::TallQr(_) => None,
        Op::Source(_) | Op::Full(_) | Op::Generate(_) | Op::Resident(_) | Op::Function(_) | Op::Elementwise(_) | Op::View(_) => None,
        Op::Reduce(_) | Op::Concatenate(_) | Op::Rechunk(_) | Op::Reshape(_) | Op::Cumulative(_) | Op::Lookup(_) | Op::Tally(_) => None,
        Op::RowsAt(_) | Op::ElementsAt(_) | Op::Grouped(_) | Op::Contraction(_) | Op::Merge(_) | Op::Deferred(_) => None,
        Op::Spread(_) | Op::Output(_) => None,
        Op::Factor(_) | Op::Apply(_) | Op::RowsOver(_) | Op::Dense(_) | Op::Eigh(_) | Op::Svd(_) => None,
    }
}
