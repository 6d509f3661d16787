//! Exact quantiles over any axes.

use crate::array::lanes::lanes;
use crate::array::manipulate::insert_axes;
use crate::array::{Array, Axes, Index, axis, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::lanes::{Lane, Method, Quantiles};
use flagstone_kernels::op::UnaryOp;
use std::sync::Arc;

pub use flagstone_kernels::lanes::Method as QuantileMethod;

/// Which quantiles: one, or several along a new first axis of the result.
#[derive(Clone, Debug)]
pub struct Q {
    pub(in crate::array) values: Vec<f64>,
    pub(in crate::array) is_one: bool,
}

impl From<f64> for Q {
    fn from(q: f64) -> Q {
        Q { values: vec![q], is_one: true }
    }
}

impl<const N: usize> From<[f64; N]> for Q {
    fn from(values: [f64; N]) -> Q {
        Q { values: values.to_vec(), is_one: false }
    }
}

impl From<&[f64]> for Q {
    fn from(values: &[f64]) -> Q {
        Q { values: values.to_vec(), is_one: false }
    }
}

impl From<Vec<f64>> for Q {
    fn from(values: Vec<f64>) -> Q {
        Q { values, is_one: false }
    }
}

impl Q {
    /// Hundredths of these.
    pub(super) fn percent(mut self) -> Q {
        self.values.iter_mut().for_each(|q| *q /= 100.0);
        self
    }

    pub(in crate::array) fn checked(&self, name: &str, top: f64) -> Result<()> {
        match self.values.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            Some(q) => Err(Error::bad_request(name, format!("{} is no quantile; expected 0 to {top}", q * top))),
            None => Ok(()),
        }
    }
}

/// The dtype of quantiles: one of the values is one in their dtype; between them lies a float, of their own dtype where they
/// are floats and only one is asked for (NumPy: a list of q is a float64 array).
fn out_dtype(name: &str, dtype: DType, q: &Q, method: Method) -> Result<DType> {
    if dtype.is_complex() {
        return Err(Error::bad_type(name, format!("{dtype} has no order; expected a real dtype")));
    }
    if dtype == DType::Bool && !method.is_discrete() && method != Method::Median {
        let what = "bool has nothing between its values; expected numbers, or a method that gives one of the values, such as 'nearest'";
        return Err(Error::bad_request(name, what));
    }
    Ok(if method.is_discrete() || dtype.is_float() && (q.is_one || dtype == DType::BF16) { dtype } else { DType::F64 })
}

/// Medians of complex numbers in NumPy's order, real parts first: the mean of the middle two of what is sorted. With a NaN, in either
/// part, it is the last of them, unless they are to be skipped.
fn median_of_complex(name: &str, x: &Array, axes: &Axes, skip_nan: bool) -> Result<Array> {
    let shape = x.shape()?;
    let positions = axes.positions(name, shape.len())?;
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !positions.contains(axis)).collect();
    let n: u64 = positions.iter().map(|&axis| shape[axis]).product();
    let order: Vec<i64> = kept.iter().chain(&positions).map(|&axis| axis as i64).collect();
    let lines: Vec<i128> = kept.iter().map(|&axis| shape[axis] as i128).chain([n as i128]).collect();
    let out: Vec<u64> = kept.iter().map(|&axis| shape[axis]).collect();
    let sorted = x.transpose(order).reshape(crate::array::Shape(lines)).sort(-1);
    let at = |place: u64| sorted.index([Index::Ellipsis, Index::Int(place as i64)]);
    let found = match (n, skip_nan) {
        (0, _) => crate::array::full(out, f64::NAN, Some(x.dtype()?)),
        (n, false) => {
            let (last, middle) = (at(n - 1), if n % 2 == 1 { at(n / 2) } else { (at(n / 2 - 1) + at(n / 2)) / 2.0 });
            where_(last.isnan(), &last, &middle)
        }
        // NaNs stand last: the middle two of what stands before them
        (_, true) => {
            let counts = sorted.isnan().logical_not().sum(axis(-1).keepdims());
            let nearest = |places: Array| sorted.take_along_axis(&places.clip(0, n as i64 - 1), Some(-1)).squeeze(-1);
            let (low, high) = (nearest((&counts - 1).floor_divide(2)), nearest(counts.floor_divide(2)));
            let is_odd = (counts.squeeze(-1) % 2).eq(1);
            where_(is_odd, &low, (&low + &high) / 2.0)
        }
    };
    if axes.keepdims { Ok(Array::from_expr(insert_axes(&found.expr()?, &positions)?)) } else { Ok(found) }
}

/// Quantiles of `expr`; `skip_nan` for the nan- forms.
pub(in crate::array) fn quantile(name: &str, expr: &Expr, q: &Q, axes: &Axes, method: Method, skip_nan: bool) -> Result<Expr> {
    if expr.dtype.is_complex() && method == Method::Median {
        let (named, axes) = (name.to_string(), axes.clone());
        return counted::when_known(name, std::slice::from_ref(expr), &[], move |args| {
            median_of_complex(&named, &Array::from_expr(args[0].clone()), &axes, skip_nan)?.expr()
        });
    }
    let ndim = expr.shape.len();
    let positions = axes.positions(name, ndim)?;
    let out = out_dtype(name, expr.dtype, q, method)?;
    let skip_nan = skip_nan && expr.dtype.is_float();
    if positions.len() == ndim {
        // by selection, whatever the length
        let result = of_all(expr, q, method, skip_nan, out)?;
        return if axes.keepdims { insert_axes(&result, &kept_places(&positions, q)) } else { Ok(result) };
    }
    let (name, q, axes) = (name.to_string(), q.clone(), axes.clone());
    let of_lanes = move |args: &[Expr]| of_lanes(&name, &args[0], &q, &axes, method, skip_nan, out);
    counted::when_known("quantile", std::slice::from_ref(expr), &[], of_lanes)
}

/// Where reduced axes of length 1 stand in a result.
pub(super) fn kept_places(positions: &[usize], q: &Q) -> Vec<usize> {
    positions.iter().map(|at| at + !q.is_one as usize).collect()
}

fn of_all(expr: &Expr, q: &Q, method: Method, skip_nan: bool, out: DType) -> Result<Expr> {
    if expr.shape.contains(&0) && !out.is_float() {
        return Err(Error::bad_request("quantile", format!("an array of shape {:?} has no element", expr.shape)));
    }
    if q.values.is_empty() {
        return crate::array::elementwise::constant(Scalar::Int(0), out, &[0]);
    }
    let array = Array::from_expr(expr.clone());
    let mask = if skip_nan { Some(crate::array::elementwise::unary(UnaryOp::LogicalNot, &array.isnan().expr()?)?) } else { None };
    let found = Node::new(ops::Quantile { arg: expr.clone(), mask, q: q.values.clone(), is_one: q.is_one, method }.into())?;
    crate::array::elementwise::cast(&found, out)
}

fn of_lanes(name: &str, expr: &Expr, q: &Q, axes: &Axes, method: Method, skip_nan: bool, out: DType) -> Result<Expr> {
    let ndim = expr.shape.len();
    let positions = axes.positions(name, ndim)?;
    let kept: Vec<usize> = (0..ndim).filter(|axis| !positions.contains(axis)).collect();
    let array = Array::from_expr(expr.clone());
    // several axes become one
    let (array, axis) = match positions[..] {
        [axis] => (array, axis),
        _ => {
            let order: Vec<i64> = kept.iter().chain(&positions).map(|&axis| axis as i64).collect();
            let mut shape: Vec<i128> = kept.iter().map(|&axis| expr.shape[axis] as i128).collect();
            shape.push(positions.iter().map(|&axis| expr.shape[axis] as i128).product());
            (array.transpose(order).reshape(crate::array::Shape(shape)), kept.len())
        }
    };
    let arg = array.expr()?;
    let mut shape = arg.shape.clone();
    shape[axis] = q.values.len() as u64;
    let lanes = match arg.shape.contains(&0) {
        true if !out.is_float() && !shape.contains(&0) => {
            return Err(Error::bad_request(name, format!("an array of shape {:?} has no element along its axes", expr.shape)));
        }
        true => crate::array::elementwise::constant(Scalar::Float(f64::NAN), out, &shape)?,
        false => {
            let of = Quantiles { dtype: arg.dtype, out, q: q.values.clone(), method, skip_nan };
            lanes(Lane::Quantiles(Arc::new(of)), arg, axis)?
        }
    };
    let lanes = Array::from_expr(lanes);
    let result = if q.is_one { lanes.squeeze(axis as i64) } else { lanes.moveaxis(axis as i64, 0) }.expr()?;
    if axes.keepdims { insert_axes(&result, &kept_places(&positions, q)) } else { Ok(result) }
}

impl Array {
    /// The exact median: the mean of the middle two where their number is even.
    ///
    /// ```
    /// let x = flagstone::ones([2, 3], flagstone::DType::F32);
    /// assert_eq!(x.median(..).ndim().unwrap(), 0);
    /// assert_eq!(x.median(1).shape().unwrap(), [2]);
    /// ```
    #[track_caller]
    pub fn median(&self, axes: impl Into<Axes>) -> Array {
        Array::build(|| quantile("median", &self.expr()?, &Q::from(0.5), &axes.into(), Method::Median, false))
    }

    /// [`Array::median`] of what is not NaN.
    ///
    /// ```
    /// assert_eq!(flagstone::ones([6], flagstone::DType::F32).nanmedian(0).ndim().unwrap(), 0);
    /// ```
    #[track_caller]
    pub fn nanmedian(&self, axes: impl Into<Axes>) -> Array {
        Array::build(|| quantile("nanmedian", &self.expr()?, &Q::from(0.5), &axes.into(), Method::Median, true))
    }

    /// Exact quantiles, each in [0, 1], between the nearest two values linearly; several lie along a new first axis.
    ///
    /// ```
    /// let x = flagstone::arange(0, 11, 1, None);
    /// assert_eq!(x.quantile([0.1, 0.25], ..).compute::<f64>().unwrap().as_slice().unwrap(), [1.0, 2.5]);
    /// ```
    #[track_caller]
    pub fn quantile(&self, q: impl Into<Q>, axes: impl Into<Axes>) -> Array {
        self.quantile_by(q, axes, Method::Linear, false)
    }

    /// [`Array::quantile`] of what is not NaN.
    ///
    /// ```
    /// assert_eq!(flagstone::ones([6], flagstone::DType::F32).nanquantile(0.5, 0).ndim().unwrap(), 0);
    /// ```
    #[track_caller]
    pub fn nanquantile(&self, q: impl Into<Q>, axes: impl Into<Axes>) -> Array {
        self.quantile_by(q, axes, Method::Linear, true)
    }

    /// [`Array::quantile`] in hundredths.
    ///
    /// ```
    /// let x = flagstone::arange(0, 11, 1, None);
    /// assert_eq!(x.percentile(25.0, ..).item::<f64>().unwrap(), 2.5);
    /// ```
    #[track_caller]
    pub fn percentile(&self, q: impl Into<Q>, axes: impl Into<Axes>) -> Array {
        self.quantile_by(q.into().percent(), axes, Method::Linear, false)
    }

    /// [`Array::quantile`] by another method, and without NaNs where they are to be skipped.
    ///
    /// ```
    /// use flagstone::QuantileMethod;
    /// let x = flagstone::arange(0, 10, 1, None);
    /// assert_eq!(x.quantile_by(0.5, .., QuantileMethod::Lower, false).item::<i64>().unwrap(), 4);
    /// ```
    #[track_caller]
    pub fn quantile_by(&self, q: impl Into<Q>, axes: impl Into<Axes>, method: QuantileMethod, skip_nan: bool) -> Array {
        let (q, axes) = (q.into(), axes.into());
        Array::build(|| {
            q.checked("quantile", 1.0)?;
            quantile(if skip_nan { "nanquantile" } else { "quantile" }, &self.expr()?, &q, &axes, method, skip_nan)
        })
    }
}
