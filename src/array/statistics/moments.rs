//! Central moments along axes, and what is made of them: how lopsided and how heavy in the tails values are. Two reads: one
//! for the mean, one for powers of the distance from it.

use crate::array::composed::composed;
use crate::array::{Array, Axes, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// As numbers that can be divided in.
pub(super) fn floats(x: &Array) -> Result<Array> {
    let dtype = x.dtype()?;
    Ok(if dtype.is_float() || dtype.is_complex() { x.clone() } else { x.astype(DType::F64) })
}

/// The `order`-th power by products: x³ as x²·x, so that it is as near as NumPy's.
fn power(x: &Array, order: u32) -> Array {
    match order {
        1 => x.clone(),
        order if order % 2 == 0 => power(x, order / 2).square(),
        order => power(x, order - 1) * x,
    }
}

fn central(x: &Array, order: u32, axes: &Axes) -> Result<Array> {
    let x = floats(x)?;
    match order {
        0 => Ok(x.full_like(1, None).mean(axes.clone())),
        1 => Ok(x.full_like(0, None).mean(axes.clone())),
        _ => Ok(power(&(&x - x.mean(axes.clone().keepdims())), order).mean(axes.clone())),
    }
}

/// How many elements one value is made of.
fn count(name: &str, x: &Array, axes: &Axes) -> Result<f64> {
    let shape = x.shape()?;
    Ok(axes.positions(name, shape.len())?.into_iter().map(|at| shape[at] as f64).product())
}

/// Second moments that are nothing but rounding: of values that are all the same.
fn is_rounding(x: &Array, second: &Array, axes: &Axes) -> Result<Array> {
    let eps = second.dtype()?.epsilon();
    Ok(second.le((floats(x)?.mean(axes.clone()) * eps).square()))
}

impl Array {
    /// The central moments: means of powers of the distance from the mean, or from `center`.
    ///
    /// ```
    /// let x = flagstone::arange(0, 5, 1, None);
    /// assert_eq!(x.moment(2, None, 0).item::<f64>().unwrap(), 2.0);
    /// ```
    #[track_caller]
    pub fn moment(&self, order: u32, center: Option<f64>, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        composed("moment", &[self], move |arrays| match center {
            None => central(&arrays[0], order, &axes),
            Some(_) if order == 0 => central(&arrays[0], 0, &axes),
            Some(center) => Ok(power(&(floats(&arrays[0])? - center), order).mean(axes.clone())),
        })
    }

    /// The skewness, m₃/m₂^1.5, of what is not all the same; with `bias` false as an unbiased estimate.
    ///
    /// ```
    /// let x = flagstone::arange(0, 5, 1, None);
    /// assert_eq!(x.skew(true, 0).item::<f64>().unwrap(), 0.0);
    /// ```
    #[track_caller]
    pub fn skew(&self, bias: bool, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        composed("skew", &[self], move |arrays| {
            let (x, n) = (&arrays[0], count("skew", &arrays[0], &axes)?);
            no_complex("skew", x)?;
            let (second, third) = (central(x, 2, &axes)?, central(x, 3, &axes)?);
            let plain = &third / second.pow(1.5);
            let value = if bias || n <= 2.0 { plain } else { ((n - 1.0) * n).sqrt() / (n - 2.0) * plain };
            Ok(where_(is_rounding(x, &second, &axes)?, f64::NAN, value))
        })
    }

    /// The kurtosis, m₄/m₂², of what is not all the same: less 3 with `fisher`, so that the normal law has 0; with `bias`
    /// false as an unbiased estimate.
    ///
    /// ```
    /// let x = flagstone::arange(0, 2, 1, None);
    /// assert_eq!(x.kurtosis(true, true, 0).item::<f64>().unwrap(), -2.0);
    /// ```
    #[track_caller]
    pub fn kurtosis(&self, fisher: bool, bias: bool, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        composed("kurtosis", &[self], move |arrays| {
            let (x, n) = (&arrays[0], count("kurtosis", &arrays[0], &axes)?);
            no_complex("kurtosis", x)?;
            let (second, fourth) = (central(x, 2, &axes)?, central(x, 4, &axes)?);
            let plain = fourth / second.square();
            let value = match bias || n <= 3.0 {
                true => plain,
                false => (plain * (n * n - 1.0) - 3.0 * (n - 1.0).powi(2)) * (1.0 / (n - 2.0) / (n - 3.0)) + 3.0,
            };
            let value = where_(is_rounding(x, &second, &axes)?, f64::NAN, value);
            Ok(if fisher { value - 3.0 } else { value })
        })
    }
}

fn no_complex(name: &str, x: &Array) -> Result<()> {
    match x.dtype()? {
        dtype if dtype.is_complex() => Err(Error::bad_type(name, format!("not defined for {dtype}; use .real() and .imag()"))),
        _ => Ok(()),
    }
}
