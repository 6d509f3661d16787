//! Reductions of a cell into partials, merging of partials, and the last step to results.

use crate::dtype::DType;
use crate::op::ReduceOp;

/// A reduction of values of one dtype.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// Which.
    pub op: ReduceOp,
    /// The dtype of the values.
    pub dtype: DType,
    /// The dtype of the result.
    pub out: DType,
    /// Whether NaN is passed over (the nan- forms).
    pub skip_nan: bool,
    /// Delta degrees of freedom of var and std.
    pub ddof: f64,
}
