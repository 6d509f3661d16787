//! Norms of vectors and matrices.

use super::svdvals;
use crate::array::{Array, Axes};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// Which norm of a matrix, by NumPy's `ord`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MatrixNorm {
    /// `'fro'`: the root of the sum of squares.
    Frobenius,
    /// `'nuc'`: the sum of singular values.
    Nuclear,
    /// 1, −1: the largest or smallest sum of sizes in a column.
    One {
        /// The smallest.
        least: bool,
    },
    /// 2, −2: the largest or smallest singular value.
    Two {
        /// The smallest.
        least: bool,
    },
    /// ∞, −∞: the largest or smallest sum of sizes in a row.
    Infinity {
        /// The smallest.
        least: bool,
    },
}

impl MatrixNorm {
    /// NumPy's number `ord`.
    pub(in crate::array) fn of(ord: f64) -> Option<MatrixNorm> {
        let least = ord < 0.0;
        match ord.abs() {
            1.0 => Some(MatrixNorm::One { least }),
            2.0 => Some(MatrixNorm::Two { least }),
            f64::INFINITY => Some(MatrixNorm::Infinity { least }),
            _ => None,
        }
    }
}

/// |x| in a real float dtype.
fn sizes(x: &Array) -> Result<Array> {
    let dtype = x.dtype()?;
    // the least integer has no size among its own
    Ok(if dtype.is_float() || dtype.is_complex() { x.abs() } else { x.astype(DType::F64).abs() })
}

/// The greatest of sizes; 0 of none.
fn greatest(size: &Array, axes: Axes) -> Array {
    size.max(axes.initial(0.0))
}

/// (Σ|x|ᵖ)^(1/p) over `axes`, p = `ord`: the largest size for ∞, the smallest for −∞, how many are not zero for 0.
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// assert_eq!(linalg::vector_norm(&ones([3, 3], DType::F64), 2.0, ..).item::<f64>().unwrap(), 3.0);
/// ```
#[track_caller]
pub fn vector_norm(x: &Array, ord: f64, axes: impl Into<Axes>) -> Array {
    let axes = axes.into();
    Array::build(|| {
        let size = sizes(x)?;
        let dtype = size.dtype()?;
        let norm = match ord {
            f64::INFINITY => greatest(&size, axes),
            f64::NEG_INFINITY => size.min(axes),
            0.0 => size.ne(0.0).sum(axes).astype(dtype),
            1.0 => size.sum(axes),
            2.0 => size.square().sum(axes).sqrt(),
            _ => size.pow(ord).sum(axes).pow(1.0 / ord),
        };
        norm.astype(dtype).expr()
    })
}

/// A norm of the matrices along the last two axes.
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// assert_eq!(linalg::matrix_norm(&ones([4, 3], DType::F64), linalg::MatrixNorm::One { least: false }).item::<f64>().unwrap(), 4.0);
/// ```
#[track_caller]
pub fn matrix_norm(x: &Array, norm: MatrixNorm) -> Array {
    Array::build(|| {
        if x.ndim()? < 2 {
            return Err(Error::bad_request("matrix_norm", format!("an array of shape {:?}; expected two axes or more", x.shape()?)));
        }
        let end = |values: Array, least: bool| if least { values.min(-1) } else { greatest(&values, (-1).into()) };
        match norm {
            MatrixNorm::Frobenius => vector_norm(x, 2.0, [-2, -1]),
            MatrixNorm::Nuclear => svdvals(x).sum(-1),
            MatrixNorm::One { least } => end(sizes(x)?.sum(-2), least),
            MatrixNorm::Two { least } => end(svdvals(x), least),
            MatrixNorm::Infinity { least } => end(sizes(x)?.sum(-1), least),
        }
        .expr()
    })
}
