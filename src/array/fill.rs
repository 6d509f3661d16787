//! Missing values, and filling them with the last one that is there.

use super::axes::position;
use super::composed::composed;
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Operand, arange, args, where_};
use flagstone_kernels::dtype::{DType, Scalar};

impl Array {
    /// The array with each NaN along `axis` replaced by the last value before it that is none, at most `n` places away (dask's `push`,
    /// xarray's `ffill`). A task holds whole lanes.
    ///
    /// ```
    /// let x = flagstone::arange(0.0, 5.0, 1.0, None);
    /// let y = flagstone::array::where_(&x.eq(3.0), f64::NAN, &x).push(None, 0);
    /// assert_eq!(y.compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 1.0, 2.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn push(&self, n: Option<u64>, axis: i64) -> Array {
        composed("push", &[self], move |arrays| {
            let x = &arrays[0];
            let dtype = x.dtype()?;
            if !(dtype.is_float() || dtype.is_complex()) {
                return Ok(x.clone());
            }
            let shape = x.shape()?;
            let axis = position("push", axis, shape.len())?;
            let mut lengths = vec![1; shape.len()];
            lengths[axis] = shape[axis];
            let places = arange(0, shape[axis] as i64, 1, None).reshape(lengths);
            let there = x.isnan().logical_not();
            // of each place the last one before it that has a value, the first one where there is none
            let from = where_(&there, &places, 0).cummax(axis as i64);
            let filled = x.take_along_axis(&from, Some(axis as i64));
            let Some(n) = n else { return Ok(filled) };
            let nan = Operand::Scalar(Scalar::Float(f64::NAN));
            Ok(where_((&places - &from).le(n.min(i64::MAX as u64) as i64), filled, nan).astype(dtype))
        })
    }

    /// Where values are NaN; nowhere in integers and bool (dask's `isnull`).
    ///
    /// ```
    /// assert!(!flagstone::arange(0, 3, 1, None).isnull().any(..).item::<bool>().unwrap());
    /// ```
    #[track_caller]
    pub fn isnull(&self) -> Array {
        composed("isnull", &[self], |arrays| {
            let dtype = arrays[0].dtype()?;
            let may = dtype.is_float() || dtype.is_complex();
            Ok(if may { arrays[0].isnan() } else { arrays[0].full_like(false, Some(DType::Bool)) })
        })
    }
}

/// Functions of missing values.
pub(super) static SIGNATURES: &[Signature] = &[
    sig!("isnull" ["values"] "Where values are NaN (dask).", |a| Ok(Value::Array(args::array("isnull", &a[0])?.isnull()))),
    sig!("notnull" ["values"] "Where values are not NaN (dask).", |a| Ok(Value::Array(args::array("notnull", &a[0])?.isnull().logical_not()))),
    sig!("push" ["array", "n", "axis"] "NaN replaced by the last value before it, at most n places away (dask).", |a| {
        let n = if matches!(a[1], Value::None) { None } else { Some(args::natural("push", &a[1])?) };
        Ok(Value::Array(args::array("push", &a[0])?.push(n, args::integer("push", &a[2])?)))
    }),
];
