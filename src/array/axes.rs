//! Which axes a reduction takes, and how.

use super::{Array, Operand};
use crate::error::{Error, Refusal, Result};
use flagstone_kernels::dtype::DType;

/// The axes of a reduction and its options, under NumPy's names. `..` means all axes; an integer one
/// (negative from the end); arrays, tuples and vectors several.
///
/// ```
/// use flagstone::{DType, axis, zeros};
/// let x = zeros([2, 3, 4], DType::F64);
/// assert_eq!(x.sum(..).ndim().unwrap(), 0);
/// assert_eq!(x.sum(-1).shape().unwrap(), [2, 3]);
/// assert_eq!(x.var(axis([0, 2]).keepdims().ddof(1)).shape().unwrap(), [1, 3, 1]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Axes {
    /// The axes as given; `None` for all.
    pub(super) axes: Option<Vec<i64>>,
    pub(super) keepdims: bool,
    pub(super) ddof: f64,
    pub(super) dtype: Option<DType>,
    pub(super) only: Option<Array>,
    pub(super) initial: Option<Operand>,
}

/// The axes of a reduction, ready for options.
///
/// ```
/// use flagstone::{DType, axis, zeros};
/// let x = zeros([2, 3], DType::F64);
/// assert_eq!(x.mean(axis(1).keepdims()).shape().unwrap(), [2, 1]);
/// ```
pub fn axis(axes: impl Into<Axes>) -> Axes {
    axes.into()
}

impl Axes {
    /// Reduced axes stay with length 1.
    pub fn keepdims(mut self) -> Axes {
        self.keepdims = true;
        self
    }
    /// Delta degrees of freedom of var and std.
    pub fn ddof(mut self, ddof: impl Into<f64>) -> Axes {
        self.ddof = ddof.into();
        self
    }
    /// The dtype that values are cast to first.
    pub fn dtype(mut self, dtype: DType) -> Axes {
        self.dtype = Some(dtype);
        self
    }
    /// Only elements where `mask` is true count (NumPy's `where=`).
    pub fn only(mut self, mask: &Array) -> Axes {
        self.only = Some(mask.clone());
        self
    }
    /// The value that sums, products, extremes and joined bits begin with, cast to the dtype of the result; also what they are of nothing.
    ///
    /// ```
    /// use flagstone::{DType, axis, zeros};
    /// assert!(zeros([0, 3], DType::F64).max(axis(0)).shape().is_err());
    /// assert_eq!(zeros([0, 3], DType::F64).max(axis(0).initial(-1.0)).shape().unwrap(), [3]);
    /// ```
    pub fn initial(mut self, initial: impl Into<Operand>) -> Axes {
        self.initial = Some(initial.into());
        self
    }

    /// The axes as positions, ascending, without repeats.
    pub(super) fn positions(&self, operation: &str, ndim: usize) -> Result<Vec<usize>> {
        let Some(axes) = &self.axes else { return Ok((0..ndim).collect()) };
        let mut positions: Vec<usize> = axes.iter().map(|&axis| position(operation, axis, ndim)).collect::<Result<_>>()?;
        positions.sort_unstable();
        if positions.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::bad_request(operation, format!("axes {axes:?} name an axis twice")));
        }
        Ok(positions)
    }
}

/// The position of an axis, negative ones counted from the end.
pub(super) fn position(operation: &str, axis: i64, ndim: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + ndim as i64 } else { axis };
    usize::try_from(from_start).ok().filter(|&at| at < ndim).ok_or_else(|| {
        let has = match ndim {
            0 => "no axis".to_string(),
            1 => "one axis".to_string(),
            _ => format!("{ndim} axes"),
        };
        Error::refused(Refusal::Axis, operation, format!("axis {axis} of an array with {has}"))
    })
}

impl From<std::ops::RangeFull> for Axes {
    fn from(_: std::ops::RangeFull) -> Axes {
        Axes::default()
    }
}

fn several(axes: Vec<i64>) -> Axes {
    Axes { axes: Some(axes), ..Axes::default() }
}

macro_rules! from_integers {
    ($($t:ty),*) => { $(
        impl From<$t> for Axes {
            fn from(axis: $t) -> Axes {
                several(vec![axis as i64])
            }
        }
        impl<const N: usize> From<[$t; N]> for Axes {
            fn from(axes: [$t; N]) -> Axes {
                several(axes.iter().map(|&axis| axis as i64).collect())
            }
        }
        impl From<&[$t]> for Axes {
            fn from(axes: &[$t]) -> Axes {
                several(axes.iter().map(|&axis| axis as i64).collect())
            }
        }
        impl From<Vec<$t>> for Axes {
            fn from(axes: Vec<$t>) -> Axes {
                Axes::from(axes.as_slice())
            }
        }
        impl From<($t, $t)> for Axes {
            fn from(axes: ($t, $t)) -> Axes {
                several(vec![axes.0 as i64, axes.1 as i64])
            }
        }
        impl From<($t, $t, $t)> for Axes {
            fn from(axes: ($t, $t, $t)) -> Axes {
                several(vec![axes.0 as i64, axes.1 as i64, axes.2 as i64])
            }
        }
    )* };
}
from_integers!(i32, i64, isize, usize);
