//! Windows of an array: overlapping ones as new axes, and those that tile it reduced to one value each.

use crate::array::axes::position;
use crate::array::composed::{check_pieces, composed, picked};
use crate::array::{Array, Axes, axis, stack};
use crate::error::{Error, Result};

/// The array's slices of `len` places from `starts` on, `step` apart, along a new last axis.
fn slices(operation: &str, x: &Array, at: usize, count: u64, step: i64, len: u64) -> Result<Array> {
    check_pieces(operation, count, "use smaller windows")?;
    let expr = x.expr()?;
    let one = |start: u64| picked(operation, &expr, at, &[(start as i64, step, len)]).map(Array::from_expr);
    Ok(stack(&(0..count).map(one).collect::<Result<Vec<_>>>()?, -1))
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
                slices("sliding_window_view", &x, at, n, 1, length - n + 1)
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
                slices("coarsen", &x, at, n, n as i64, length / n)
            })?;
            let new: Vec<i64> = (1..=windows.len() as i64).map(|i| -i).collect();
            Ok(reduction(&apart, axis(new)))
        })
    }
}
