//! Triangles and diagonals of matrices, and of stacks of them.

use super::{Array, arange, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// Whether column − row ≤ `k` at each place of an [m, n] matrix.
pub(super) fn is_low(m: u64, n: u64, k: i64) -> Array {
    // beyond the corners nothing changes
    let k = k.clamp(-(m as i64), n as i64);
    let rows = arange(k, m as i64 + k, 1, DType::I64).expand_dims([1]);
    let columns = arange(0, n as i64, 1, DType::I64).expand_dims([0]);
    columns.le(rows)
}

/// The lengths of the matrix; one axis is each of its rows, as NumPy has it.
fn sides(operation: &str, a: &Array) -> Result<[u64; 2]> {
    match a.shape()?[..] {
        [.., m, n] => Ok([m, n]),
        [n] => Ok([n, n]),
        [] => Err(Error::bad_request(operation, "an array without axes; expected one axis or more")),
    }
}

impl Array {
    /// The matrix, or each of a stack, with zeros above its `k`-th diagonal.
    ///
    /// ```
    /// use flagstone::{DType, ones};
    /// assert_eq!(ones([3, 3], DType::F64).tril(0).sum(..).item::<f64>().unwrap(), 6.0);
    /// ```
    #[track_caller]
    pub fn tril(&self, k: i64) -> Array {
        Array::build(|| {
            let [m, n] = sides("tril", self)?;
            where_(is_low(m, n, k), self, self.full_like(false, None)).expr()
        })
    }

    /// The matrix, or each of a stack, with zeros below its `k`-th diagonal.
    ///
    /// ```
    /// use flagstone::{DType, ones};
    /// assert_eq!(ones([3, 3], DType::F64).triu(1).sum(..).item::<f64>().unwrap(), 3.0);
    /// ```
    #[track_caller]
    pub fn triu(&self, k: i64) -> Array {
        Array::build(|| {
            let [m, n] = sides("triu", self)?;
            where_(is_low(m, n, k.saturating_sub(1)), self.full_like(false, None), self).expr()
        })
    }
}
