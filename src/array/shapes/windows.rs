//! Windows of an array: overlapping ones as new axes, and those that tile it reduced to one value each.

use crate::array::axes::position;
use crate::array::composed::composed;
use crate::array::manipulate::view;
use crate::array::{Array, Axes, axis};
use crate::error::{Error, Result};
use crate::expr::Affine;

/// The array's windows of `len` places that begin every `every` places, along a new last axis.
fn windows_of(x: &Array, at: usize, len: u64, every: u64) -> Result<Array> {
    let expr = x.expr()?;
    view(&expr, Affine::windows(&expr.shape, at, len, every)).map(Array::from_expr)
}

/// An axis and a length along it, checked.
fn named(operation: &str, x: &Array, windows: &[(i64, u64)]) -> Result<Vec<(usize, u64)>> {
    let ndim = x.ndim()?;
    let one = |&(axis, n): &(i64, u64)| match n {
        0 => Err(Error::bad_request(operation, "a window of 0 places; expected 1 or more")),
        n => Ok((position(operation, axis, ndim)?, n)),
    };
    windows.iter().map(one).collect()
}

impl Array {
    /// All windows of the array: (axis, length) each adds a last axis along which its places lie.
    ///
    /// ```
    /// let x = flagstone::zeros([5, 4], flagstone::DType::F64);
    /// assert_eq!(x.sliding_window_view(&[(0, 3)]).shape().unwrap(), [3, 4, 3]);
    /// ```
    #[track_caller]
    pub fn sliding_window_view(&self, windows: &[(i64, u64)]) -> Array {
        let windows = windows.to_vec();
        composed("sliding_window_view", &[self], move |arrays| {
            named("sliding_window_view", &arrays[0], &windows)?.into_iter().try_fold(arrays[0].clone(), |x, (at, n)| {
                let length = x.shape()?[at];
                if n > length {
                    let what = format!("a window of {n} places on an axis with length {length}; expected {length} at most");
                    return Err(Error::bad_request("sliding_window_view", what));
                }
                windows_of(&x, at, n, 1)
            })
        })
    }

    /// Windows that lie side by side, (axis, length) each, reduced to one value: dask's `coarsen`. What does not fill a window
    /// at the end is left out if `trim`, else refused.
    ///
    /// ```
    /// use flagstone::arange;
    /// let x = arange(0, 6, 1, None).coarsen(&[(0, 2)], |x, axes| x.max(axes), false);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [1, 3, 5]);
    /// ```
    #[track_caller]
    pub fn coarsen(&self, windows: &[(i64, u64)], reduction: impl Fn(&Array, Axes) -> Array + Send + Sync + 'static, trim: bool) -> Array {
        let windows = windows.to_vec();
        composed("coarsen", &[self], move |arrays| {
            let windows = named("coarsen", &arrays[0], &windows)?;
            let apart = windows.iter().try_fold(arrays[0].clone(), |x, &(at, n)| {
                let length = x.shape()?[at];
                if length % n != 0 && !trim {
                    let what = format!("windows of {n} on an axis with length {length}; expected a length that divides it, or trim");
                    return Err(Error::bad_request("coarsen", what));
                }
                windows_of(&x, at, n, n)
            })?;
            let new: Vec<i64> = (1..=windows.len() as i64).map(|i| -i).collect();
            Ok(reduction(&apart, axis(new)))
        })
    }
}
