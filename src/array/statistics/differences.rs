//! Neighbours along an axis: what they differ by, the area under them, angles without jumps; polynomials.

use crate::array::axes::position;
use crate::array::composed::{check_pieces, composed, picked};
use crate::array::elementwise::constant;
use crate::array::{Array, Operand, concatenate, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

/// The places from `start` on without the last `without` ones along an axis.
pub(super) fn from(x: &Array, at: usize, start: u64, without: u64) -> Result<Array> {
    let x = x.expr()?;
    let len = x.shape[at].saturating_sub(start + without);
    picked("index", &x, at, &[(start as i64, 1, len)]).map(Array::from_expr)
}

/// A place minus the one before it; of bool whether they differ.
pub(in crate::array) fn difference(later: &Array, earlier: &Array) -> Result<Array> {
    Ok(if later.dtype()? == DType::Bool { later.ne(earlier) } else { later - earlier })
}

/// What stands before or behind `x`: of no axes, it is repeated along the others.
fn beside(x: &Array, at: usize, more: &Array) -> Result<Array> {
    if more.ndim()? > 0 {
        return Ok(more.clone());
    }
    let mut shape = x.shape()?;
    shape[at] = 1;
    Ok(more.broadcast_to(shape))
}

/// `n` times `step` of neighbours along `axis`, the later one and the earlier one, in the array between `prepend` and `append`.
#[track_caller]
pub(in crate::array) fn diff(
    x: &Array,
    n: u64,
    axis: i64,
    [prepend, append]: [Option<&Array>; 2],
    step: fn(&Array, &Array) -> Result<Array>,
) -> Array {
    let given: Vec<&Array> = std::iter::once(x).chain(prepend).chain(append).collect();
    let before = prepend.is_some();
    composed("diff", &given, move |arrays| {
        let x = &arrays[0];
        let at = position("diff", axis, x.ndim()?)?;
        if n == 0 {
            return Ok(x.clone());
        }
        let mut parts = arrays[1..].iter().map(|more| beside(x, at, more)).collect::<Result<Vec<_>>>()?;
        parts.insert(usize::from(before && !parts.is_empty()), x.clone());
        let whole = concatenate(&parts, at as i64);
        // each round takes one place: after as many as there are, nothing is left
        let rounds = n.min(whole.shape()?[at]);
        check_pieces("diff", rounds, "take differences fewer times")?;
        (0..rounds).try_fold(whole, |x, _| step(&from(&x, at, 1, 0)?, &from(&x, at, 0, 1)?))
    })
}

impl Array {
    /// The differences of neighbours along an axis, `n` times.
    ///
    /// ```
    /// let x = flagstone::arange(0, 4, 1, None).square().diff(1, 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [1, 3, 5]);
    /// ```
    #[track_caller]
    pub fn diff(&self, n: u64, axis: i64) -> Array {
        diff(self, n, axis, [None, None], difference)
    }

    /// The differences of neighbours among all elements in C order, between two arrays of what comes before and behind them.
    ///
    /// ```
    /// let x = flagstone::arange(0, 4, 1, None);
    /// assert_eq!(x.ediff1d(None, Some(&x)).shape().unwrap(), [7]);
    /// ```
    #[track_caller]
    pub fn ediff1d(&self, to_begin: Option<&Array>, to_end: Option<&Array>) -> Array {
        let given: Vec<&Array> = std::iter::once(self).chain(to_begin).chain(to_end).collect();
        let before = to_begin.is_some();
        composed("ediff1d", &given, move |arrays| {
            let (x, dtype) = (arrays[0].ravel(), arrays[0].dtype()?);
            let differences = from(&x, 0, 1, 0)? - from(&x, 0, 0, 1)?;
            let end = |more: &Array| match crate::array::dtypes::can_cast("ediff1d", more.dtype()?, dtype, "same_kind")? {
                true => Ok(more.ravel().astype(dtype)),
                false => {
                    Err(Error::bad_type("ediff1d", format!("ends of {} on differences of {dtype}; expected what it holds", more.dtype()?)))
                }
            };
            let mut parts = arrays[1..].iter().map(end).collect::<Result<Vec<_>>>()?;
            parts.insert(usize::from(before), differences);
            Ok(concatenate(&parts, 0))
        })
    }

    /// The area under the points along an axis by the trapezoidal rule, at the places `x` (along that axis, or of the array's
    /// shape) or at even steps.
    ///
    /// ```
    /// let y = flagstone::ones([5], flagstone::DType::F64);
    /// assert_eq!(y.trapezoid(0.5, 0).item::<f64>().unwrap(), 2.0);
    /// ```
    #[track_caller]
    pub fn trapezoid(&self, x: impl Into<Operand>, axis: i64) -> Array {
        let (places, dx) = match x.into() {
            Operand::Array(places) => (vec![places], Scalar::Float(1.0)),
            Operand::Scalar(dx) => (vec![], dx),
        };
        let given: Vec<&Array> = std::iter::once(self).chain(&places).collect();
        composed("trapezoid", &given, move |arrays| {
            let y = &arrays[0];
            let at = position("trapezoid", axis, y.ndim()?)?;
            let pairs = from(y, at, 1, 0)? + from(y, at, 0, 1)?;
            let Some(x) = arrays.get(1) else { return Ok((pairs * dx / 2.0).sum(at as i64)) };
            let widths = match x.ndim()? {
                1 => {
                    let others: Vec<i64> = (0..y.ndim()? as i64).filter(|&axis| axis != at as i64).collect();
                    x.diff(1, 0).expand_dims(others)
                }
                _ => x.diff(1, axis),
            };
            Ok((widths * pairs / 2.0).sum(at as i64))
        })
    }

    /// Angles along an axis without jumps of more than `discont` (half a `period` at least): a multiple of `period` is added.
    ///
    /// ```
    /// let x = flagstone::arange(0, 20, 1, None) % 6;
    /// assert_eq!(x.unwrap_phase(None, 0, 6).astype(flagstone::DType::I64).max(..).item::<i64>().unwrap(), 19);
    /// ```
    #[track_caller]
    pub fn unwrap_phase(&self, discont: Option<f64>, axis: i64, period: impl Into<Operand>) -> Array {
        let period = period.into();
        composed("unwrap", &[self], move |arrays| {
            let p = &arrays[0];
            let at = position("unwrap", axis, p.ndim()?)?;
            let period = period.scalar("unwrap", "period")?;
            let steps = p.diff(1, at as i64);
            let dtype = (&steps * period).dtype()?;
            // of whole numbers an odd period has no middle
            let (high, low, meets) = match period {
                Scalar::Int(period) if dtype.is_integer() => {
                    (Scalar::Int(period.div_euclid(2)), Scalar::Int(-period.div_euclid(2)), period.rem_euclid(2) == 0)
                }
                period => (Scalar::Float(period.as_f64() / 2.0), Scalar::Float(-period.as_f64() / 2.0), true),
            };
            let within = (&steps - low) % period + low;
            let within = if meets { where_(within.eq(low) & steps.gt(0), high, &within) } else { within };
            let near = steps.abs().lt(discont.unwrap_or(period.as_f64() / 2.0));
            let turns = where_(near, 0, within - &steps).cumsum(at as i64).astype(dtype);
            let first = from(p, at, 0, p.shape()?[at].saturating_sub(1))?.astype(dtype);
            Ok(concatenate(&[first, (from(p, at, 1, 0)? + turns).astype(dtype)], at as i64))
        })
    }

    /// Whether two arrays are equal once one is broadcast to the other's shape: false where it cannot be.
    ///
    /// ```
    /// use flagstone::{DType, ones};
    /// assert!(ones([2, 3], DType::F64).array_equiv(&ones([3], DType::F64)).item::<bool>().unwrap());
    /// ```
    #[track_caller]
    pub fn array_equiv(&self, other: &Array) -> Array {
        composed("array_equiv", &[self, other], |arrays| {
            let equal = arrays[0].eq(&arrays[1]);
            if equal.check().is_ok() { Ok(equal.all(..)) } else { Ok(Array::from_expr(constant(Scalar::Bool(false), DType::Bool, &[])?)) }
        })
    }
}

/// The polynomial with coefficients `p` (of one axis, the highest power first) at `x`, by Horner's rule.
///
/// ```
/// use flagstone::{arange, array::polyval};
/// // x² + 2 at 0, 1, 2
/// let y = polyval(&(arange(0, 3, 1, None) - 1).square().cumsum(0), &arange(0, 3, 1, None));
/// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [2, 4, 8]);
/// ```
#[track_caller]
pub fn polyval(p: &Array, x: &Array) -> Array {
    composed("polyval", &[p, x], |arrays| {
        let (p, x) = (arrays[0].expr()?, &arrays[1]);
        let [n] = p.shape[..] else {
            return Err(Error::bad_request("polyval", format!("coefficients of shape {:?}; expected one axis", p.shape)));
        };
        check_pieces("polyval", n, "use a polynomial of a lower degree")?;
        (0..n as i64).try_fold(x.full_like(false, None), |y, k| {
            let coefficient = Array::from_expr(picked("polyval", &p, 0, &[(k, 1, 1)])?).squeeze(0);
            Ok(y * x + coefficient)
        })
    })
}
