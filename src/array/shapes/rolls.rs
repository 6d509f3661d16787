//! Elements that leave at one end and come back at the other; quarter turns; axes rolled to other places.

use crate::array::axes::position;
use crate::array::composed::{composed, picked};
use crate::array::manipulate::join;
use crate::array::{Array, Axes};
use crate::error::{Error, Result};
use crate::expr::Expr;

/// Along one axis, `shift` places on.
fn rolled(x: &Expr, axis: usize, shift: i64) -> Result<Expr> {
    let n = x.shape[axis] as i64;
    match if n > 0 { shift.rem_euclid(n) } else { 0 } {
        0 => Ok(x.clone()),
        shift => picked("roll", x, axis, &[(n - shift, 1, shift as u64), (0, 1, (n - shift) as u64)]),
    }
}

/// In C order over the first `axes` axes. The last of them goes fastest; what it carries over moves the others one place
/// more, so that no reshape is needed.
fn rolled_flat(x: &Expr, axes: usize, shift: i64) -> Result<Expr> {
    let Some(last) = axes.checked_sub(1).filter(|_| shift != 0 && x.elements() > 0) else { return Ok(x.clone()) };
    let n = x.shape[last] as i64;
    let (carry, shift) = (shift.div_euclid(n), shift.rem_euclid(n));
    if shift == 0 {
        return rolled_flat(x, last, carry);
    }
    let part = |start: i64, len: i64, carry: i64| rolled_flat(&picked("roll", x, last, &[(start, 1, len as u64)])?, last, carry);
    let args = vec![part(n - shift, shift, carry + 1)?, part(0, n - shift, carry)?];
    join(args, last)
}

impl Array {
    /// The elements `shift` places on along each of `axes`, those that leave at the end coming back at the start; with `..`
    /// in C order, whatever the number of axes.
    ///
    /// ```
    /// use flagstone::arange;
    /// assert_eq!(arange(0, 5, 1, None).roll(2, 0).compute::<i64>().unwrap().as_slice().unwrap(), [3, 4, 0, 1, 2]);
    /// ```
    #[track_caller]
    pub fn roll(&self, shift: i64, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        composed("roll", &[self], move |arrays| {
            let x = arrays[0].expr()?;
            let Some(named) = &axes.axes else {
                let shift = if x.elements() > 0 { shift.rem_euclid(x.elements() as i64) } else { 0 };
                return Ok(Array::from_expr(rolled_flat(&x, x.shape.len(), shift)?));
            };
            let places = named.iter().map(|&axis| position("roll", axis, x.shape.len())).collect::<Result<Vec<_>>>()?;
            places.into_iter().try_fold(x, |x, axis| rolled(&x, axis, shift)).map(Array::from_expr)
        })
    }

    /// Turned `k` quarters in the plane of two axes, from the first towards the second.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).rot90(1, [0, 1]).shape().unwrap(), [3, 2]);
    /// ```
    #[track_caller]
    pub fn rot90(&self, k: i64, axes: [i64; 2]) -> Array {
        composed("rot90", &[self], move |arrays| {
            let (x, ndim) = (&arrays[0], arrays[0].ndim()?);
            let [first, second] = [position("rot90", axes[0], ndim)?, position("rot90", axes[1], ndim)?];
            if first == second {
                return Err(Error::bad_request("rot90", format!("axes {axes:?}; expected two different axes")));
            }
            let (first, second) = (first as i64, second as i64);
            Ok(match k.rem_euclid(4) {
                0 => x.clone(),
                1 => x.flip(second).swapaxes(first, second),
                2 => x.flip([first, second]),
                _ => x.swapaxes(first, second).flip(second),
            })
        })
    }

    /// One axis moved to stand before the axis `start`; [`Array::moveaxis`] is easier to read.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3, 4], flagstone::DType::F64);
    /// assert_eq!(x.rollaxis(2, 0).shape().unwrap(), [4, 2, 3]);
    /// ```
    #[track_caller]
    pub fn rollaxis(&self, axis: i64, start: i64) -> Array {
        composed("rollaxis", &[self], move |arrays| {
            let ndim = arrays[0].ndim()? as i64;
            let axis = position("rollaxis", axis, ndim as usize)? as i64;
            if !(-ndim..=ndim).contains(&start) {
                return Err(Error::bad_request("rollaxis", format!("start is {start}; expected {}..={ndim}", -ndim)));
            }
            let start = if start < 0 { start + ndim } else { start };
            Ok(arrays[0].moveaxis(axis, if axis < start { start - 1 } else { start }))
        })
    }
}
