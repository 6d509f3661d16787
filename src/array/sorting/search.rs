//! Where values belong in sorted ones: `searchsorted`, and what is made with it.

use crate::array::elementwise::{cast, constant};
use crate::array::operand::Arg;
use crate::array::{Array, Operand, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::lookup::Lookup;

/// Where the values of `v` belong in the sorted 1-D array `a`; after equal ones if `right`.
pub(in crate::array) fn searchsorted(a: &Expr, v: &Operand, right: bool) -> Result<Expr> {
    if a.shape.len() != 1 {
        return Err(Error::bad_request("searchsorted", format!("a sorted array of shape {:?}; expected one axis", a.shape)));
    }
    // a number is searched for in its own dtype, as NumPy makes an array of it
    let v = match v.arg()? {
        Arg::Expr(v) => v,
        Arg::Weak(scalar) => constant(scalar, scalar.natural_dtype(), &[])?,
    };
    let dtype = a.dtype.promote(v.dtype);
    let v = cast(&v, dtype)?;
    counted::when_known("searchsorted", &[cast(a, dtype)?, v], &[], move |args| {
        let (table, asked) = (args[0].clone(), args[1].clone());
        if table.shape == [0] || asked.shape.contains(&0) {
            return constant(Scalar::Int(0), DType::I64, &asked.shape);
        }
        Node::new(ops::Lookup { what: Lookup::Search { right }, table, asked, axis: 0 }.into())
    })
}

/// `x` where `table` holds it in any place.
pub(in crate::array) fn isin(x: &Array, table: &Array) -> Result<Array> {
    let sorted = table.ravel().sort(0);
    let n = sorted.shape()?[0];
    if n == 0 {
        return Ok(x.full_like(false, Some(DType::Bool)));
    }
    let place = sorted.searchsorted(x.clone(), false);
    let last = place.clip(0, n as i64 - 1);
    Ok(sorted.take(&last, 0).eq(x))
}

/// Linear interpolation at `x` of the points (`xp`, `fp`), `xp` ascending; `left` and `right` beyond.
pub(in crate::array) fn interp(x: &Array, xp: &Array, fp: &Array, left: Option<&Array>, right: Option<&Array>) -> Result<Array> {
    let (xp, fp, x) = (xp.astype(DType::F64), fp.clone(), x.astype(DType::F64));
    let fp = if fp.dtype()?.is_complex() { fp.astype(DType::C128) } else { fp.astype(DType::F64) };
    let n = match (&xp.shape()?[..], &fp.shape()?[..]) {
        (&[n], &[m]) if n == m && n > 0 => n as i64,
        (xp, fp) => {
            return Err(Error::bad_request("interp", format!("xp of shape {xp:?} and fp of shape {fp:?}; expected as many, one at least")));
        }
    };
    let last = |values: &Array, at: i64| values.take(&crate::array::full(Vec::<u64>::new(), at, Some(DType::I64)), 0);
    // the place of the last point not after x
    let low = (xp.searchsorted(x.clone(), true) - 1).clip(0, n - 1);
    let high = (&low + 1).clip(0, n - 1);
    let (x0, x1, f0, f1) = (xp.take(&low, 0), xp.take(&high, 0), fp.take(&low, 0), fp.take(&high, 0));
    // NumPy's formula and order of arithmetic
    let slope = (&f1 - &f0) / (&x1 - &x0);
    let inside = on_line(&slope, &x, (&x0, &f0), (&x1, &f1))?;
    let left = left.cloned().unwrap_or_else(|| last(&fp, 0));
    let right = right.cloned().unwrap_or_else(|| last(&fp, n - 1));
    let beyond = where_(x.gt(last(&xp, n - 1)), right, where_(x.eq(last(&xp, n - 1)), last(&fp, n - 1), inside));
    // a single point is no less and no greater than NaN
    let unknown = if n == 1 { last(&fp, 0) } else { x.clone() };
    Ok(where_(x.isnan(), unknown, where_(x.lt(last(&xp, 0)), left, beyond)))
}

/// The line of `slope` through two points, at `x`: from the left one, where that is no number from the right one, and where both are
/// none, between equal values, that value. Parts of complex numbers one by one, as NumPy does.
fn on_line(slope: &Array, x: &Array, left: (&Array, &Array), right: (&Array, &Array)) -> Result<Array> {
    let real = |slope: &Array, f0: &Array, f1: &Array| {
        let first = slope * (x - left.0) + f0;
        let second = slope * (x - right.0) + f1;
        let second = where_(second.isnan().logical_and(f0.eq(f1)), f0, second);
        where_(x.eq(left.0), f0, where_(first.isnan(), second, &first))
    };
    if !slope.dtype()?.is_complex() {
        return Ok(real(slope, left.1, right.1));
    }
    let width = 1.0 / (right.0 - left.0);
    let part = |of: fn(&Array) -> Array| {
        let (f0, f1) = (of(left.1), of(right.1));
        real(&((&f1 - &f0) * &width), &f0, &f1)
    };
    Ok(part(Array::real) + part(Array::imag) * Scalar::Complex(0.0, 1.0))
}

/// Points in one period, in order, with one more before and behind; and the places to look at.
pub(in crate::array) fn periodic(x: &Array, xp: &Array, fp: &Array, period: f64) -> Result<(Array, Array, Array)> {
    let (x, xp) = (x.astype(DType::F64) % period, xp.astype(DType::F64) % period);
    let order = xp.argsort(0);
    let (xp, fp) = (xp.take(&order, 0), fp.take(&order, 0));
    let end = |values: &Array, start: Option<i64>, stop: Option<i64>| values.index([crate::array::Index::Slice(start, stop, None)]);
    let xs = [end(&xp, Some(-1), None) - period, xp.clone(), end(&xp, None, Some(1)) + period];
    let fs = [end(&fp, Some(-1), None), fp.clone(), end(&fp, None, Some(1))];
    Ok((x, crate::array::concatenate(&xs, 0), crate::array::concatenate(&fs, 0)))
}

/// Between which `bins`, ascending or descending, each value lies.
pub(in crate::array) fn digitize(x: &Array, bins: &Array, right: bool) -> Result<Array> {
    let n = match &bins.shape()?[..] {
        &[n] => n as i64,
        other => return Err(Error::bad_request("digitize", format!("bins of shape {other:?}; expected one axis"))),
    };
    let ascending = bins.searchsorted(x.clone(), !right);
    if n < 2 {
        return Ok(ascending);
    }
    let descending = n - bins.flip(0).searchsorted(x.clone(), !right);
    let at = |at: i64| bins.index([crate::array::Index::Int(at)]);
    let (first, last) = (at(0), at(-1));
    // NaN stands behind all numbers
    let descends = first.gt(&last) | (first.ne(&first) & last.eq(&last));
    Ok(where_(descends, descending, ascending))
}

impl Array {
    /// Where the values of `v` belong in this sorted 1-D array: how many stand before each, or, from the `right`, not after it.
    ///
    /// ```
    /// let x = flagstone::arange(0, 10, 2, None).searchsorted(4, true);
    /// assert_eq!(x.item::<i64>().unwrap(), 3);
    /// ```
    #[track_caller]
    pub fn searchsorted(&self, v: impl Into<Operand>, right: bool) -> Array {
        Array::build(|| searchsorted(&self.expr()?, &v.into(), right))
    }

    /// Whether each element is one of `table`'s.
    ///
    /// ```
    /// let x = flagstone::arange(0, 4, 1, None);
    /// assert_eq!(x.isin(&flagstone::arange(2, 9, 1, None)).count_nonzero(..).item::<i64>().unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn isin(&self, table: &Array) -> Array {
        Array::build(|| isin(self, table)?.expr())
    }

    /// The number of the bin of each value: between which of the `bins`, ascending or descending edges, it lies.
    ///
    /// ```
    /// let x = flagstone::arange(0, 10, 3, None).digitize(&flagstone::arange(0, 10, 5, None), false);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [1, 1, 2, 2]);
    /// ```
    #[track_caller]
    pub fn digitize(&self, bins: &Array, right: bool) -> Array {
        Array::build(|| digitize(self, bins, right)?.expr())
    }

    /// Linear interpolation at these places of the points (`xp`, `fp`), `xp` ascending.
    ///
    /// ```
    /// let xp = flagstone::arange(0, 3, 1, None);
    /// let y = flagstone::arange(0.5, 1.0, 1.0, None).interp(&xp, &(&xp * 10));
    /// assert_eq!(y.compute::<f64>().unwrap().as_slice().unwrap(), [5.0]);
    /// ```
    #[track_caller]
    pub fn interp(&self, xp: &Array, fp: &Array) -> Array {
        Array::build(|| interp(self, xp, fp, None, None)?.expr())
    }
}
