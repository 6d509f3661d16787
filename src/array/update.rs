//! `x.set(index, value)`: the array with other elements at an index, whatever the index is. What is not set is views of the array,
//! so that a slice of the result reads what it needs.

use super::counted;
use super::elementwise::{broadcast, cast, constant};
use super::index::{list_comes_first, mask_axes, parted, slice_bounds};
use super::indexing::{expanded, indexed, places_of, spread_masks, whole_mask, with_axes_of_bools};
use super::lookup::linear;
use super::manipulate::join;
use super::operand::{Arg, check_fits};
use super::{Array, Index, Operand, arange, composed, where_};
use crate::error::{Error, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::DType;

const NAME: &str = "set";

fn part(start: u64, stop: u64) -> Index {
    Index::Slice(Some(start as i64), Some(stop as i64), None)
}

/// The value in the dtype of what it is put into, as NumPy's assignment casts it.
fn valued(value: &Operand, dtype: DType) -> Result<Expr> {
    match value.arg()? {
        Arg::Weak(scalar) => {
            check_fits(NAME, scalar, dtype)?;
            constant(scalar, dtype, &[])
        }
        Arg::Expr(value) if value.dtype.is_complex() && !dtype.is_complex() => {
            Err(Error::bad_type(NAME, format!("values of {} into an array of {dtype}; use .real() first", value.dtype)))
        }
        Arg::Expr(value) => cast(&value, dtype),
    }
}

/// `value` with axes of length 1 before it, or without such, so that it has `ndim`.
fn of_rank(value: &Array, ndim: usize) -> Result<Array> {
    let mut value = value.clone();
    while value.ndim()? > ndim && value.shape()?[0] == 1 {
        value = value.index([Index::Int(0)]);
    }
    let missing = ndim.saturating_sub(value.ndim()?);
    Ok(if missing > 0 { value.expand_dims((0..missing as i64).collect::<Vec<_>>()) } else { value })
}

/// Refuses a value that is not as long as the places along every axis, or 1.
fn check_shape(value: &[u64], places: &[u64]) -> Result<()> {
    match value.len() == places.len() && value.iter().zip(places).all(|(&n, &m)| n == m || n == 1) {
        true => Ok(()),
        false => Err(Error::bad_request(
            NAME,
            format!("values of shape {value:?} for places of shape {places:?}; expected what broadcasts to them"),
        )),
    }
}

/// Places along an axis, ascending.
struct Places {
    start: u64,
    step: u64,
    len: u64,
}

/// `x` with `value`, of as many axes, at `places` from axis `at` on; before it they are all of `x`. `chosen` says which of these
/// places are set, where steps leave some out.
fn within(x: &Array, at: usize, places: &[Places], value: &Array, chosen: Option<Array>) -> Result<Array> {
    let shape = x.shape()?;
    let Some(Places { start, step, len }) = places.get(at) else {
        let value = Array::from_expr(broadcast(NAME, &value.expr()?, &shape)?);
        return Ok(chosen.map_or(value.clone(), |chosen| where_(chosen, value, x)));
    };
    let stop = start + (len - 1) * step + 1;
    let of = |x: &Array, start: u64, stop: u64| {
        let mut items = vec![Index::WHOLE; shape.len()];
        items[at] = part(start, stop);
        x.index(items)
    };
    let middle = of(x, *start, stop);
    let (value, chosen) = if *step == 1 {
        (value.clone(), chosen)
    } else {
        // each value as often as there are places up to the next one
        let spread = if value.shape()?[at] == 1 { value.clone() } else { of(&value.repeat(*step, at as i64), 0, stop - start) };
        let mut along = vec![1; shape.len()];
        along[at] = stop - start;
        let here = (arange(0, (stop - start) as i64, 1, None) % *step as i64).eq(0).reshape(along);
        (spread, Some(chosen.map_or(here.clone(), |chosen| chosen & here)))
    };
    // what lies beside them along this axis stays as it is
    let middle = within(&middle, at + 1, places, &value, chosen)?;
    let mut parts = Vec::new();
    if *start > 0 {
        parts.push(of(x, 0, *start).expr()?);
    }
    parts.push(middle.expr()?);
    if stop < shape[at] {
        parts.push(of(x, stop, shape[at]).expr()?);
    }
    if parts.len() == 1 { Ok(middle) } else { join(parts, at).map(Array::from_expr) }
}

/// Integers, slices and new axes.
fn basic(x: &Array, items: &[Index], value: &Array) -> Result<Array> {
    let shape = x.shape()?;
    let selected = indexed(&x.expr()?, items)?;
    let value = of_rank(value, selected.shape.len())?;
    check_shape(&value.shape()?, &selected.shape)?;
    if selected.shape.contains(&0) {
        return Ok(x.clone());
    }
    // the axes of the array itself: without new ones, with those of integers
    let back: Vec<Index> = items
        .iter()
        .map(|item| match item {
            Index::NewAxis => Index::Int(0),
            Index::Int(_) => Index::NewAxis,
            _ => Index::WHOLE,
        })
        .collect();
    let mut value = value.index(back);
    let mut places = Vec::new();
    for item in items.iter().filter(|item| !matches!(item, Index::NewAxis)) {
        let axis = places.len();
        let (start, step, len) = match item {
            Index::Slice(start, stop, step) => slice_bounds((*start, *stop, *step), shape[axis])?,
            Index::Int(at) => (if *at < 0 { at + shape[axis] as i64 } else { *at }, 1, 1),
            _ => return Err(Error::internal("an index that is not basic")),
        };
        let first = if step < 0 { start + step * (len as i64 - 1) } else { start };
        if step < 0 && value.shape()?[axis] > 1 {
            value = value.flip(axis as i64);
        }
        // a step of one place leads nowhere
        places.push(Places { start: first as u64, step: if len == 1 { 1 } else { step.unsigned_abs() }, len });
    }
    within(x, 0, &places, &value, None)
}

/// The elements where a mask of the array's shape is true: one value for all, or one for each in C order.
fn masked(x: &Array, mask: &Array, value: &Array) -> Result<Array> {
    let (shape, of_mask) = (x.shape()?, mask.shape()?);
    if mask.dtype()? != DType::Bool || of_mask != shape {
        let what = format!("a mask of shape {of_mask:?} {} on an array of shape {shape:?}; expected bool of the same shape", mask.dtype()?);
        return Err(Error::bad_request(NAME, what));
    }
    let value = of_rank(value, 1)?;
    match value.shape()?[..] {
        [1] => Ok(where_(mask, value.index([Index::Int(0)]), x)),
        [n] => {
            let place = where_(mask.ravel(), mask.ravel().astype(DType::I64).cumsum(0) - 1, 0);
            let taken = match n {
                0 => x.clone(),
                _ => value.take(&place.clip(0, n as i64 - 1), 0).reshape(shape),
            };
            let otherwise = format!("{n} values for the places of a mask; expected one, or as many as there are places where it is true");
            where_(mask, taken, x).required(NAME, &mask.sum(..).eq(n as i64), &otherwise)
        }
        ref other => Err(Error::bad_request(NAME, format!("values of shape {other:?} for the places of a mask; expected one axis"))),
    }
}

/// `x` with values at places along its first axis; `values` has one for each place, or one for all, of the other axes. Of several
/// for one place the last one stays.
fn at_places(x: &Array, places: &Array, values: &Array) -> Result<Array> {
    let (n, m) = (x.shape()?[0] as i64, places.shape()?[0] as i64);
    // the last of the places before each one, in order: equal ones in the order of their values
    let order = places.argsort(0);
    let sorted = places.take(&order, 0);
    let here = arange(0, n, 1, None);
    let found = (sorted.searchsorted(here.clone(), true) - 1).clip(0, m - 1);
    let mut along = vec![1; x.ndim()?];
    along[0] = n as u64;
    let hit = sorted.take(&found, 0).eq(here).reshape(along);
    let new = if values.shape()?[0] == 1 { values.clone() } else { values.take(&order.take(&found, 0), 0) };
    Ok(where_(hit, new, x))
}

/// An index with lists or arrays of integers among its items.
fn advanced(x: &Array, items: &[Index], value: &Array) -> Result<Array> {
    let expr = x.expr()?;
    let items = expanded(&expr, items)?;
    let (sliced, axes, places) = places_of(&expr, &items)?;
    let region = Array::from_expr(indexed(&expr, &sliced)?);
    let of_region = region.shape()?;
    let (whole, shape) = linear(&region.expr()?, &axes, &places)?;
    let others: Vec<usize> = (0..of_region.len()).filter(|axis| !axes.contains(axis)).collect();
    let before = if list_comes_first(&items) { 0 } else { others.iter().filter(|&&other| other < axes[0]).count() };
    // the axes of what is selected: those of the index stand behind `before` others
    let n = shape.len();
    let of_others: Vec<u64> = others.iter().map(|&axis| of_region[axis]).collect();
    let selected = [&of_others[..before], &shape, &of_others[before..]].concat();
    let value = of_rank(value, selected.len())?;
    check_shape(&value.shape()?, &selected)?;
    if selected.contains(&0) {
        return Ok(x.clone());
    }
    let order: Vec<i64> = (before..before + n).chain(0..before).chain(before + n..selected.len()).map(|axis| axis as i64).collect();
    let value = value.transpose(order);
    let many = value.shape()?[..n].iter().any(|&n| n > 1);
    let values = if many {
        let lengths = [&shape[..], &value.shape()?[n..]].concat();
        let value = Array::from_expr(broadcast(NAME, &value.expr()?, &lengths)?);
        value.reshape([&[shape.iter().product()], &lengths[n..]].concat())
    } else {
        value.reshape([&[1], &value.shape()?[n..]].concat())
    };
    // the indexed axes as one, before all others
    let order: Vec<i64> = axes.iter().chain(&others).map(|&axis| axis as i64).collect();
    let moved = region.transpose(order.clone());
    let apart = moved.shape()?;
    let merged: u64 = apart[..axes.len()].iter().product();
    let table = moved.reshape([&[merged], &of_others[..]].concat());
    let set = at_places(&table, &whole.ravel(), &values)?.reshape(apart);
    let mut back = vec![0i64; order.len()];
    order.iter().enumerate().for_each(|(at, &axis)| back[axis as usize] = at as i64);
    basic(x, &sliced, &set.transpose(back))
}

fn updated(x: &Array, items: &[Index], value: &Array) -> Result<Array> {
    let expr = x.expr()?;
    let value = Array::from_expr(cast(&value.expr()?, expr.dtype)?);
    if let Some((items, behind)) = parted(expr.shape.len(), items)? {
        let ndim = value.ndim()?;
        let value = if ndim > behind { value.expand_dims([(ndim - behind) as i64]) } else { value };
        return updated(x, &items, &value);
    }
    if let Some((wider, items)) = with_axes_of_bools(&expr, items)? {
        return Ok(updated(&Array::from_expr(wider), &items, &value)?.reshape(&expr.shape[..]));
    }
    if let Some(mask) = whole_mask(&expr, items) {
        return masked(x, mask, &value);
    }
    if items.iter().map(mask_axes).collect::<Result<Vec<_>>>()?.iter().any(Option::is_some) {
        // as many places as are true: known when they are counted
        let spread = spread_masks(&expr, items)?;
        return Ok(with_arrays(x, &spread, &value, advanced));
    }
    let items = expanded(&expr, items)?;
    match items.iter().any(|item| matches!(item, Index::List(_) | Index::Array(_))) {
        true => advanced(x, &items, &value),
        false => basic(x, &items, &value),
    }
}

/// What `f` makes of the array, the index and the value, when the lengths of all arrays among them are known.
#[track_caller]
fn with_arrays(x: &Array, items: &[Index], value: &Array, f: fn(&Array, &[Index], &Array) -> Result<Array>) -> Array {
    let mut arrays = vec![x, value];
    arrays.extend(items.iter().filter_map(|item| if let Index::Array(array) = item { Some(array) } else { None }));
    let items = items.to_vec();
    let like = x.expr().map(|x| (counted::lengths(&x), x.dtype));
    composed::composed_as(NAME, &arrays, like, move |arrays| {
        let mut rest = arrays[2..].iter().cloned();
        let items: Vec<Index> = items
            .iter()
            .map(|item| match item {
                Index::Array(array) => Index::Array(rest.next().unwrap_or_else(|| array.clone())),
                other => other.clone(),
            })
            .collect();
        f(&arrays[0], &items, &arrays[1])
    })
}

impl Array {
    /// The array with `value` at an index in NumPy's meaning: what `x[index] = value` makes of it. The value is broadcast to the
    /// places and cast to the array's dtype; of several for one place the last one stays.
    ///
    /// ```
    /// use flagstone::{arange, idx, zeros, DType};
    /// let x = zeros([3, 4], DType::F64).set(idx![1.., ..;2], 5.0);
    /// assert_eq!(x.sum(..).item::<f64>().unwrap(), 20.0);
    /// let y = arange(0, 5, 1, None).set(idx![[3, 0]], &arange(7, 9, 1, None));
    /// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [8, 1, 2, 7, 4]);
    /// let z = y.set(idx![y.gt(6)], 0);
    /// assert_eq!(z.compute::<i64>().unwrap().as_slice().unwrap(), [0, 1, 2, 0, 4]);
    /// ```
    #[track_caller]
    pub fn set(&self, index: impl AsRef<[Index]>, value: impl Into<Operand>) -> Array {
        let value = value.into();
        Array::build(|| {
            let items = index.as_ref();
            if let Some(Index::Refused(what)) = items.iter().find(|item| matches!(item, Index::Refused(_))) {
                return Err(Error::bad_request(NAME, what));
            }
            let value = Array::from_expr(valued(&value, self.dtype()?)?);
            with_arrays(self, items, &value, updated).expr().map_err(Error::without_place)
        })
    }
}
