//! Values without their repetitions, and sets of them: what stands in a sorted array where a value differs from the one before it.

use crate::array::axes::position;
use crate::array::composed::check_pieces;
use crate::array::{Array, Index, concatenate, counted, full};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

fn part(x: &Array, start: Option<i64>, stop: Option<i64>) -> Array {
    x.index([Index::Slice(start, stop, None)])
}

/// Whether each element of a sorted 1-D array differs from the one before it, NaNs being the same or not.
fn firsts(sorted: &Array, equal_nan: bool) -> Result<Array> {
    let (a, b) = (part(sorted, None, Some(-1)), part(sorted, Some(1), None));
    let differ = b.ne(&a);
    let dtype = sorted.dtype()?;
    let differ = if equal_nan && (dtype.is_float() || dtype.is_complex()) {
        differ.logical_and(a.isnan().logical_and(b.isnan()).logical_not())
    } else {
        differ
    };
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

impl Unique {
    /// Arrays that carry an error.
    #[track_caller]
    fn failed(error: Error) -> Unique {
        let bad = || Array::build(|| Err(error.clone()));
        Unique { values: bad(), index: bad(), inverse: bad(), counts: bad() }
    }
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

/// The unique elements of all of `x`, all NaNs as one or each by itself.
fn unique(x: &Array, equal_nan: bool) -> Result<Unique> {
    if x.expr()?.is_counted() {
        let of = |result: fn(Unique) -> Array| later(&[x], move |args| Ok(result(unique(&args[0], equal_nan)?)));
        return Ok(Unique {
            values: of(|found| found.values)?,
            index: of(|found| found.index)?,
            inverse: of(|found| found.inverse)?,
            counts: of(|found| found.counts)?,
        });
    }
    let all = x.ravel();
    let sorted = all.sort(0);
    let first = firsts(&sorted, equal_nan)?;
    let n = sorted.shape()?[0] as i64;
    let select = |array: Array| array.index([Index::Array(first.clone())]);
    let (values, index, places) = (select(sorted), select(all.argsort(0)), select(crate::array::arange(0, n, 1, None)));
    let counts = counts_of(&places, n)?;
    let may_be_nan = x.dtype()?.is_float() || x.dtype()?.is_complex();
    // complex NaNs are one here, and stand one after the other where they are searched
    let inverse = match !may_be_nan || equal_nan && !x.dtype()?.is_complex() {
        true => values.searchsorted(x.clone(), false),
        // the NaNs are told apart by their places alone
        false => (first.astype(DType::I64).cumsum(0) - 1).take(&all.argsort(0).argsort(0), 0).reshape(x.shape()?),
    };
    Ok(Unique { values, index, inverse, counts })
}

/// The order of the rows of a matrix, by their first element, then by their second: rows that are equal stay in their order.
fn order_of_rows(rows: &Array) -> Result<Array> {
    let [n, columns] = rows.shape()?[..] else { return Err(Error::internal("rows that are no matrix")) };
    check_pieces("unique", columns, "take the different elements of fewer columns")?;
    let column = |at: u64| rows.index([Index::WHOLE, Index::Int(at as i64)]);
    // by the last column first: what comes later counts more
    let order = (0..columns).rev().fold(None, |order: Option<Array>, at| {
        Some(match order {
            None => column(at).argsort(0),
            Some(order) => order.take(&column(at).take(&order, 0).argsort(0), 0),
        })
    });
    Ok(order.unwrap_or_else(|| crate::array::arange(0, n as i64, 1, None)))
}

/// The different slices of `x` at the places of an axis, in the order of their elements. NaN differs from NaN.
fn unique_along(x: &Array, axis: i64) -> Result<Unique> {
    let shape = x.shape()?;
    let at = position("unique", axis, shape.len())?;
    let n = shape[at];
    let others: u64 = shape.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, &n)| n).product();
    let front = x.moveaxis(at as i64, 0);
    let rows = front.reshape([n, others]);
    let order = order_of_rows(&rows)?;
    let sorted = rows.take(&order, 0);
    let differ = part(&sorted, Some(1), None).ne(part(&sorted, None, Some(-1))).any(1);
    let first = concatenate(&[full([n.min(1)], true, Some(DType::Bool)), differ], 0);
    let select = |array: &Array| array.index([Index::Array(first.clone())]);
    let index = select(&order);
    let counts = counts_of(&select(&crate::array::arange(0, n as i64, 1, None)), n as i64)?;
    let values = front.take(&index, 0).moveaxis(0, at as i64);
    let ranks = first.astype(DType::I64).cumsum(0) - 1;
    let inverse = ranks.take(&order.argsort(0), 0);
    Ok(Unique { values, index, inverse, counts })
}

/// How many places there are from each of `firsts` to the next one, of `n` in all.
fn counts_of(firsts: &Array, n: i64) -> Result<Array> {
    later(&[firsts], move |args| {
        let places = &args[0];
        let ends = concatenate(&[part(places, Some(1), None), full([places.shape()?[0].min(1)], n, Some(DType::I64))], 0);
        Ok(ends - places)
    })
}

/// The unique elements of two arrays, chosen by whether an element is its value's first, and whether there is another.
fn of_both(a: &Array, b: &Array, equal_nan: bool, keep: fn(&Array, &Array) -> Array) -> Result<Array> {
    later(&[&unique(a, true)?.values, &unique(b, true)?.values], move |args| {
        let sorted = concatenate(args, 0).sort(0);
        let first = firsts(&sorted, equal_nan)?;
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
        self.unique_with(true)
    }

    /// As [`Array::unique`], where each NaN is an element of its own unless `equal_nan`.
    ///
    /// ```
    /// let x = flagstone::full([3], f64::NAN, None);
    /// assert_eq!(x.unique_with(false).values.shape().unwrap(), [3]);
    /// ```
    #[track_caller]
    pub fn unique_with(&self, equal_nan: bool) -> Unique {
        unique(self, equal_nan).unwrap_or_else(Unique::failed)
    }

    /// The different slices at the places of an axis, in the order of their elements, the first ones deciding; NaN differs from NaN, as
    /// in NumPy. Slices of 4096 elements at most, whose order takes a sort of one element of each at a time.
    ///
    /// ```
    /// let x = flagstone::arange(0, 8, 1, None).reshape([4, 2]) % 4;
    /// let found = x.unique_along(0);
    /// assert_eq!(found.values.compute::<i64>().unwrap().iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
    /// assert_eq!(found.inverse.compute::<i64>().unwrap().as_slice().unwrap(), [0, 1, 0, 1]);
    /// ```
    #[track_caller]
    pub fn unique_along(&self, axis: i64) -> Unique {
        let result = |which: fn(Unique) -> Array| later(&[self], move |args| Ok(which(unique_along(&args[0], axis)?)));
        let found = || {
            if !self.expr()?.is_counted() {
                return unique_along(self, axis);
            }
            Ok(Unique {
                values: result(|found| found.values)?,
                index: result(|found| found.index)?,
                inverse: result(|found| found.inverse)?,
                counts: result(|found| found.counts)?,
            })
        };
        found().unwrap_or_else(Unique::failed)
    }
}

/// Elements of both, of which NaN is none.
pub(in crate::array) fn intersect1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, false, |first, again| first.logical_and(again))
}

/// Elements of either.
pub(in crate::array) fn union1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, true, |first, _| first.clone())
}

/// Elements of exactly one, as which NaN counts in either.
pub(in crate::array) fn setxor1d(a: &Array, b: &Array) -> Result<Array> {
    of_both(a, b, false, |first, again| first.logical_and(again.logical_not()))
}

/// Elements of `a` that are none of `b`.
pub(in crate::array) fn setdiff1d(a: &Array, b: &Array) -> Result<Array> {
    setdiff1d_in_order(&unique(a, true)?.values, b)
}

/// Elements of `a`, which are unique and stay in their order, that are none of `b`.
pub(in crate::array) fn setdiff1d_in_order(a: &Array, b: &Array) -> Result<Array> {
    let a = a.ravel();
    Ok(a.index([Index::Array(a.isin(b).logical_not())]))
}
