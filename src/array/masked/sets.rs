//! Sets of masked arrays: what does not count is one more element, behind the others.

use super::Masked;
use crate::array::sorting::sets;
use crate::array::{Array, Index, concatenate, full};
use crate::error::Result;
use flagstone_kernels::dtype::DType;

/// `values`, all of which count, and behind them an element that does not where `masked`, without axes, holds.
fn with_one_masked(values: &Array, masked: &Array) -> Result<Masked> {
    let one = |value: Array| value.index([Index::Array(masked.reshape([1]))]);
    let data = concatenate(&[values.clone(), one(full([1], 0, Some(values.dtype()?)))], 0);
    let mask = concatenate(&[values.full_like(false, Some(DType::Bool)), one(full([1], true, None))], 0);
    Ok(Masked::new(&data, &mask))
}

/// The different elements, ascending.
pub(super) fn unique(x: &Masked) -> Result<Masked> {
    with_one_masked(&x.compressed().unique().values, &x.mask.any(..))
}

/// What `of` makes of the elements of both that count, with what does not where `masked` says so of the two.
pub(super) fn of_both(
    a: &Masked,
    b: &Masked,
    of: fn(&Array, &Array) -> Result<Array>,
    masked: fn(Array, Array) -> Array,
) -> Result<Masked> {
    with_one_masked(&of(&a.compressed(), &b.compressed())?, &masked(a.mask.any(..), b.mask.any(..)))
}

/// Elements of both, of either, of exactly one, and of the first that are none of the second: the function of arrays, and of which of two
/// masked ones the result has what does not count.
pub(super) type Operation = (fn(&Array, &Array) -> Result<Array>, fn(Array, Array) -> Array);
pub(super) const INTERSECTION: Operation = (sets::intersect1d, |a, b| a & b);
pub(super) const UNION: Operation = (sets::union1d, |a, b| a | b);
pub(super) const ONE_OF_BOTH: Operation = (sets::setxor1d, |a, b| a.ne(b));
pub(super) const DIFFERENCE: Operation = (sets::setdiff1d, |a, b| a & b.logical_not());
