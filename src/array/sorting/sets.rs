//! Values without their repetitions, and sets of them: what stands in a sorted array where a value differs from the one before it.

use crate::array::{Array, Index, concatenate, counted, full};
use crate::error::Result;
use flagstone_kernels::dtype::DType;

fn part(x: &Array, start: Option<i64>, stop: Option<i64>) -> Array {
    x.index([Index::Slice(start, stop, None)])
}

/// Whether each element of a sorted 1-D array differs from the one before it, NaNs being the same.
fn firsts(sorted: &Array) -> Result<Array> {
    let (a, b) = (part(sorted, None, Some(-1)), part(sorted, Some(1), None));
    let differ = b.ne(&a);
    let dtype = sorted.dtype()?;
    let differ =
        if dtype.is_float() || dtype.is_complex() { differ.logical_and(a.isnan().logical_and(b.isnan()).logical_not()) } else { differ };
    let n = sorted.shape()?[0];
    Ok(concatenate(&[full([n.min(1)], true, Some(DType::Bool)), differ], 0))
}

/// What `unique` gives.
#[non_exhaustive]
pub struct Unique {
    /// The values, ascending.
    pub values: Array,
    /// Where each occurs first.
    pub index: Array,
    /// The place among the values of each element.
    pub inverse: Array,
    /// How often each occurs.
    pub counts: Array,
}

/// `f` of arrays whose lengths are known.
fn later(arrays: &[&Array], f: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static) -> Result<Array> {
    let exprs: Vec<_> = arrays.iter().map(|array| array.expr()).collect::<Result<_>>()?;
    let expr = counted::when_known("unique", &exprs, &[], move |args| {
        let arrays: Vec<Array> = args.iter().cloned().map(Array::from_expr).collect();
        f(&arrays)?.expr()
    })?;
    Ok(Array::from_expr(expr))
}

/// The unique elements of all of `x`.
pub(in crate::array) fn unique(x: &Array) -> Result<Unique> {
    if x.expr()?.is_counted() {
        let of = |result: fn(Unique) -> Array| later(&[x], move |args| Ok(result(unique(&args[0])?)));
        return Ok(Unique {
            values: of(|found| found.values)?,
            index: of(|found| found.index)?,
            inverse: of(|found| found.inverse)?,
            counts: of(|found| found.counts)?,
        });
    }
    let all = x.ravel();
    let sorted = all.sort(0);
    let first = firsts(&sorted)?;
    let n = sorted.shape()?[0] as i64;
    let select = |array: Array| array.index([Index::Array(first.clone())]);
    let (values, index, places) = (select(sorted), select(all.argsort(0)), select(crate::array::arange(0, n, 1, None)));
    let counts = later(&[&places], move |args| {
        let places = &args[0];
        let ends = concatenate(&[part(places, Some(1), None), full([places.shape()?[0].min(1)], n, Some(DType::I64))], 0);
        Ok(ends - places)
    })?;
    let inverse = values.searchsorted(x.clone(), false);
    Ok(Unique { values, index, inverse, counts })
}

/// The unique elements of two arrays, chosen by whether an element is its value's first, and whether there is another.
fn of_both(a: &Array, b: &Array, keep: fn(&Array, &Array) -> Array) -> Result<Array> {
    later(&[&unique(a)?.values, &unique(b)?.values], move |args| {
        let sorted = concatenate(args, 0).sort(0);
        let first = firsts(&sorted)?;
        let none = full([first.shape()?[0].min(1)], false, Some(DType::Bool));
        let again = concatenate(&[part(&first, Some(1), None).logical_not(), none], 0);
        Ok(sorted.index([Index::Array(keep(&first, &again))]))
    })
}

impl Array {
    /// The different elements, ascending, all NaNs as one.
    ///
    /// ```
    /// let x = (flagstone::arange(0, 10, 1, None) % 3).unique();
    /// assert_eq!(x.values.compute::<i64>().unwrap().as_slice().unwrap(), [0, 1, 2]);
    /// assert_eq!(x.counts.compute::<i64>().unwrap().as_slice().unwrap(), [4, 3, 3]);
    /// ```
    #[track_caller]
    pub fn unique(&self) -> Unique {
        unique(self).unwrap_or_else(|error| {
            let bad = || Array::build(|| Err(error.clone()));
            Unique { values: bad(), index: bad(), inverse: bad(), counts: bad() }
        })
    }
}

/// Elements of both.
pub(in crate::array) fn intersect1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, |first, again| first.logical_and(again))
}

/// Elements of either.
pub(in crate::array) fn union1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, |first, _| first.clone())
}

/// Elements of exactly one.
pub(in crate::array) fn setxor1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, |first, again| first.logical_and(again.logical_not()))
}

/// Elements of `a` that are none of `b`.
pub(in crate::array) fn setdiff1d(a: &Array, b: &Array) -> Result<Array> {
    let a = unique(a)?.values;
    Ok(a.index([Index::Array(a.isin(b).logical_not())]))
}
