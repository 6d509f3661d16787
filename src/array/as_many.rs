//! A number that is computed, as a length: a selection of as many places, which what follows from the number waits for.

use super::{Array, Index, arange, axis};
use crate::error::Result;
use crate::expr::Expr;
use crate::sizes::graph::COUNTED_BINS_MAX;
use flagstone_kernels::dtype::DType;

/// An array of `n` elements, `most` at most, where the real number `n` has no axes and is computed first, in a read of what it is
/// made of.
pub(super) fn as_many(n: &Array, most: u64) -> Result<Expr> {
    let places = arange(0, most as i64, 1, DType::I64);
    places.index([Index::Array(n.gt(&places))]).expr()
}

/// An array of as many elements as integers from 0 to the greatest of `values`, `least` at least.
pub(super) fn up_to_greatest(values: &Array, least: u64) -> Result<Array> {
    // there are no greater ones in one byte, or two
    let most = match values.dtype()?.size() {
        narrow @ (1 | 2) => 1 << (8 * narrow),
        _ => COUNTED_BINS_MAX,
    };
    let greatest = values.astype(DType::I64).max(axis(..).initial(least as i64 - 1));
    as_many(&(greatest + 1), most.max(least)).map(Array::from_expr)
}
