//! An array with elements added or left out along an axis.

use crate::array::axes::position;
use crate::array::composed::{PIECES_MAX, Stretch, composed_as, picked};
use crate::array::counted::{self, Length};
use crate::array::index::slice_bounds;
use crate::array::{Array, Axes, Index, arange, concatenate, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use ndarray::Array1;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The one axis that `axes` names; without one all elements lie along one.
fn lane(operation: &str, x: &Array, axes: &Axes) -> Result<(Array, usize)> {
    match axes.axes.as_deref() {
        None if x.ndim()? == 1 => Ok((x.clone(), 0)),
        None => Ok((x.ravel(), 0)),
        Some(&[axis]) => Ok((x.clone(), position(operation, axis, x.ndim()?)?)),
        Some(axes) => Err(Error::bad_request(operation, format!("axes {axes:?}; expected one axis, or none for all elements in C order"))),
    }
}

fn place(operation: &str, at: i64, n: u64, last: i64) -> Result<i64> {
    let from_start = if at < 0 { at.saturating_add(n as i64) } else { at };
    match (0..=last).contains(&from_start) {
        true => Ok(from_start),
        false => Err(Error::bad_index(
            operation,
            format!("index {at} is out of bounds for an axis with size {n}; expected {}..={last}", -(n as i64)),
        )),
    }
}

/// The places that an index names, in its order.
fn places(operation: &str, index: &Index, n: u64, last: i64) -> Result<Vec<i64>> {
    match index {
        Index::Int(at) => Ok(vec![place(operation, *at, n, last)?]),
        Index::List(list) => list.iter().map(|&at| place(operation, at, n, last)).collect(),
        Index::Bools(bools) if bools.len() as u64 == n => Ok((0..).zip(bools).filter(|(_, set)| **set).map(|(at, _)| at).collect()),
        Index::Bools(bools) => {
            Err(Error::bad_request(operation, format!("{} bools for an axis with length {n}; expected {n}", bools.len())))
        }
        Index::Slice(start, stop, step) => {
            let (start, step, len) = slice_bounds((*start, *stop, *step), n)?;
            Ok((0..len as i64).map(|i| start + i * step).collect())
        }
        _ => Err(Error::bad_request(operation, "an index that names no places; expected an integer, a slice, a list or bools")),
    }
}

/// The lengths of an edited array, as far as they are known, and its dtype: along the axis it has so many at most, or a number that follows from
/// lengths that are not known.
fn edited(operation: &str, x: &Array, axes: &Axes, more: u64, dtype: DType) -> Result<(Vec<Length>, DType)> {
    let expr = x.expr()?;
    let fresh = |n: u64| (n.saturating_add(more), Some(Arc::default()));
    match axes.axes.as_deref() {
        Some(&[axis]) => {
            let axis = position(operation, axis, expr.shape.len())?;
            let mut lengths = counted::lengths(&expr);
            lengths[axis] = fresh(expr.shape[axis]);
            Ok((lengths, dtype))
        }
        _ => Ok((vec![fresh(expr.elements())], dtype)),
    }
}

/// What is left of `x` along an axis without the places of an index, looked up where it is more pieces than a graph takes.
fn without(x: &Array, index: &Index, axis: usize) -> Result<Array> {
    let expr = x.expr()?;
    let n = expr.shape[axis];
    if let Some(slice) = sliced(index, n)?.filter(|slice| slice.step > 2 && slice.len > PIECES_OF_SLICE_MAX) {
        return without_every(x, slice, axis);
    }
    let stretches = kept(index, n)?;
    if stretches.len() as u64 <= PIECES_MAX {
        return picked("delete", &expr, axis, &stretches).map(Array::from_expr);
    }
    let gone: BTreeSet<i64> = places("delete", index, n, n as i64 - 1)?.into_iter().collect();
    // of those left, place p is behind as many that are gone as have no more than p left before them
    let left_before = Array::from((0..).zip(&gone).map(|(i, at)| at - i).collect::<Array1<i64>>());
    let p = arange(0, n as i64 - gone.len() as i64, 1, DType::I64);
    Ok(x.take(&(left_before.searchsorted(&p, true) + &p), axis as i64))
}

/// `x` with row i of `values` before place `at[i]` of an axis, looked up: as many pieces as a graph does not take. `order` has
/// the rows by their places, those at one place in their order.
fn looked_up(x: &Array, values: &Array, at: &[i64], order: &[usize], axis: usize) -> Result<Array> {
    let (n, count) = (x.shape()?[axis] as i64, at.len() as i64);
    let slots = Array::from(order.iter().zip(0..).map(|(&row, before)| at[row] + before).collect::<Array1<i64>>());
    let rows = Array::from(order.iter().map(|&row| row as i64 + n).collect::<Array1<i64>>());
    let p = arange(0, n + count, 1, DType::I64);
    let (before, upto) = (slots.searchsorted(&p, false), slots.searchsorted(&p, true));
    let row = rows.take(&(&upto - 1).clip(0, count - 1), 0);
    let source = where_(upto.ne(before), row, &p - &upto);
    Ok(concatenate(&[x.clone(), values.clone()], axis as i64).take(&source, axis as i64))
}

/// Of more places at one distance from each other, what is left is reshaped.
const PIECES_OF_SLICE_MAX: u64 = 64;

/// Places in ascending order.
struct Places {
    low: u64,
    step: u64,
    len: u64,
}

/// The places of a slice of an axis of `n`; `None` of another index.
fn sliced(index: &Index, n: u64) -> Result<Option<Places>> {
    let Index::Slice(start, stop, step) = index else { return Ok(None) };
    let (start, step, len) = slice_bounds((*start, *stop, *step), n)?;
    let low = if step < 0 { start + step * (len as i64 - 1) } else { start };
    Ok(Some(Places { low: if len == 0 { 0 } else { low as u64 }, step: step.unsigned_abs(), len }))
}

/// `x` without places along an axis, each with what lies behind it up to the next one as a row, of which the first place goes.
fn without_every(x: &Array, Places { low, step, len }: Places, axis: usize) -> Result<Array> {
    let shape = x.shape()?;
    let along = |start: u64, stop: u64| {
        let mut index = vec![Index::WHOLE; axis];
        index.push(Index::Slice(Some(start as i64), Some(stop as i64), None));
        x.index(index)
    };
    let rows = len.min((shape[axis] - low) / step);
    let end = low + rows * step;
    let mut of_rows = shape.clone();
    of_rows.splice(axis..=axis, [rows, step]);
    let mut first = vec![Index::WHOLE; axis + 1];
    first.push(Index::Slice(Some(1), None, None));
    let mut left = shape.clone();
    left[axis] = rows * (step - 1);
    let middle = along(low, end).reshape(of_rows).index(first).reshape(left);
    let rest = along(end + u64::from(rows < len), shape[axis]);
    Ok(concatenate(&[along(0, low), middle, rest], axis as i64))
}

/// What is left of an axis of `n` without the places of an index.
fn kept(index: &Index, n: u64) -> Result<Vec<Stretch>> {
    let end = n as i64;
    if let Some(Places { low, step, len }) = sliced(index, n)? {
        let (low, size) = (low as i64, step);
        // a slice may take away any number of places, which are no list
        match (len, size) {
            (0, _) => return Ok(vec![(0, 1, n)]),
            (_, 1) => return Ok(vec![(0, 1, low as u64), (low + len as i64, 1, (end - low - len as i64) as u64)]),
            (_, 2) => {
                let after = low + 2 * len as i64 - 1;
                return Ok(vec![(0, 1, low as u64), (low + 1, 2, len - 1), (after, 1, (end - after) as u64)]);
            }
            _ => {}
        }
    }
    let gone: BTreeSet<i64> = places("delete", index, n, end - 1)?.into_iter().collect();
    let (starts, ends) = (std::iter::once(0).chain(gone.iter().map(|at| at + 1)), gone.iter().copied().chain([end]));
    Ok(starts.zip(ends).map(|(start, end)| (start, 1, (end - start) as u64)).collect())
}

/// `values` as an array of the lengths of `x`, but for `axis`, where it has its own.
fn fitted(x: &Array, values: &Array, axis: usize) -> Result<Array> {
    let (shape, own) = (x.shape()?, values.shape()?);
    let missing = shape.len().checked_sub(own.len());
    let Some(missing) = missing else {
        return Err(Error::bad_request("insert", format!("values of shape {own:?} into an array of shape {shape:?}")));
    };
    let wide = values.expand_dims((0..missing as i64).collect::<Vec<_>>()).astype(x.dtype()?);
    let mut wanted = shape;
    wanted[axis] = wide.shape()?[axis];
    Ok(wide.broadcast_to(wanted))
}

impl Array {
    /// With `values` after it: along an axis, or with `..` the elements of both along one.
    ///
    /// ```
    /// use flagstone::arange;
    /// let x = arange(0, 3, 1, None);
    /// assert_eq!(x.append(&x, 0).shape().unwrap(), [6]);
    /// ```
    #[track_caller]
    pub fn append(&self, values: &Array, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        let more = values.expr().map_or(0, |values| values.elements());
        let known = self.dtype().and_then(|dtype| edited("append", self, &axes, more, dtype.promote(values.dtype()?)));
        composed_as("append", &[self, values], known, move |arrays| match axes.axes.as_deref() {
            Some(&[axis]) => Ok(concatenate(arrays, axis)),
            _ => {
                let lines = arrays.iter().map(|array| lane("append", array, &axes).map(|(line, _)| line)).collect::<Result<Vec<_>>>()?;
                Ok(concatenate(&lines, 0))
            }
        })
    }

    /// With `values`, cast to its dtype, before the places that an index names (of the array as it is), along an axis or with
    /// `..` among all elements in C order. One value goes to every place, or one to each.
    ///
    /// ```
    /// use flagstone::{arange, array::Index};
    /// let x = arange(0, 3, 1, None);
    /// let y = x.insert(&Index::List(vec![1, 1, 3]), &arange(7, 10, 1, None), 0);
    /// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [0, 7, 8, 1, 2, 9]);
    /// ```
    #[track_caller]
    pub fn insert(&self, at: &Index, values: &Array, axes: impl Into<Axes>) -> Array {
        let (axes, index) = (axes.into(), at.clone());
        let listed = if let Index::List(list) = at { list.len() as u64 } else { 0 };
        let more = values.expr().map_or(0, |values| values.elements()).max(listed);
        let known = self.dtype().and_then(|dtype| edited("insert", self, &axes, more, dtype));
        composed_as("insert", &[self, values], known, move |arrays| {
            let (x, axis) = lane("insert", &arrays[0], &axes)?;
            let (expr, ndim) = (x.expr()?, x.ndim()?);
            let n = expr.shape[axis];
            let at = places("insert", &index, n, n as i64)?;
            let part = |start: i64, end: i64| picked("insert", &expr, axis, &[(start, 1, (end - start) as u64)]).map(Array::from_expr);
            if let [at] = at[..] {
                // NumPy: the values of an integer lie along the first axis, those of a list of one along the axis itself
                let alone = matches!(index, Index::Int(_));
                let values = arrays[1].expand_dims((0..ndim.saturating_sub(arrays[1].ndim()?) as i64).collect::<Vec<_>>());
                let values = if alone { values.moveaxis(0, axis as i64) } else { values };
                return Ok(concatenate(&[part(0, at)?, fitted(&x, &values, axis)?, part(at, n as i64)?], axis as i64));
            }
            let count = at.len() as u64;
            let values = fitted(&x, &arrays[1], axis)?;
            let mut wanted = values.shape()?;
            wanted[axis] = count;
            let values = values.broadcast_to(wanted).expr()?;
            // at one place they stay in the order of the list
            let mut order: Vec<usize> = (0..at.len()).collect();
            order.sort_by_key(|&i| at[i]);
            if 2 * count >= PIECES_MAX {
                return looked_up(&x, &Array::from_expr(values), &at, &order, axis);
            }
            let (mut pieces, mut done) = (Vec::new(), 0);
            for i in order {
                pieces.push(part(done, at[i])?);
                pieces.push(Array::from_expr(picked("insert", &values, axis, &[(i as i64, 1, 1)])?));
                done = at[i];
            }
            pieces.push(part(done, n as i64)?);
            Ok(concatenate(&pieces, axis as i64))
        })
    }

    /// Without the places that an index names, along an axis or with `..` among all elements in C order.
    ///
    /// ```
    /// use flagstone::{arange, array::Index};
    /// let x = arange(0, 6, 1, None).delete(&Index::List(vec![1, -1]), 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [0, 2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn delete(&self, places: &Index, axes: impl Into<Axes>) -> Array {
        let (axes, index) = (axes.into(), places.clone());
        let known = self.dtype().and_then(|dtype| edited("delete", self, &axes, 0, dtype));
        composed_as("delete", &[self], known, move |arrays| {
            let (x, axis) = lane("delete", &arrays[0], &axes)?;
            without(&x, &index, axis)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_the_index_does_not_name() {
        for n in 0..9u64 {
            for (start, stop, step) in [(None, None, 1), (Some(1), Some(5), 1), (None, None, 2), (Some(1), None, 2), (None, None, 3)] {
                for step in [step, -step] {
                    let (first, stride, len) = slice_bounds((start, stop, Some(step)), n).unwrap();
                    let gone: Vec<i64> = (0..len as i64).map(|i| first + i * stride).collect();
                    let want: Vec<i64> = (0..n as i64).filter(|at| !gone.contains(at)).collect();
                    let stretches = kept(&Index::Slice(start, stop, Some(step)), n).unwrap();
                    let got: Vec<i64> =
                        stretches.iter().flat_map(|&(start, step, len)| (0..len as i64).map(move |i| start + i * step)).collect();
                    assert_eq!(got, want, "{start:?}:{stop:?}:{step} of {n}");
                }
            }
        }
    }

    /// More places than a graph takes pieces.
    #[test]
    fn many_places_are_inserted_and_deleted_like_few() {
        let (n, count) = (9000i64, 5000usize);
        let at: Vec<i64> =
            (0..count as i64).map(|i| i * 7919 % (n + 1)).map(|at| if at % 3 == 0 && at < n { at - n } else { at }).collect();
        let from_start: Vec<i64> = at.iter().map(|&at| if at < 0 { at + n } else { at }).collect();
        let values: Vec<i64> = (0..count as i64).map(|i| -1 - i).collect();
        let x = arange(0, n, 1, DType::I64);
        let made = x.insert(&Index::List(at.clone()), &Array::from(Array1::from(values.clone())), 0).compute::<i64>().unwrap();
        let mut wanted: Vec<i64> = Vec::new();
        for place in 0..=n {
            wanted.extend((0..count).filter(|&i| from_start[i] == place).map(|i| values[i]));
            wanted.extend((place < n).then_some(place));
        }
        assert_eq!(made.as_slice().unwrap(), wanted);
        let gone: Vec<i64> = at.into_iter().filter(|&at| at < n).collect();
        let left = x.delete(&Index::List(gone.clone()), 0).compute::<i64>().unwrap();
        let gone: BTreeSet<i64> = gone.into_iter().map(|at| if at < 0 { at + n } else { at }).collect();
        assert!(gone.len() > PIECES_MAX as usize);
        assert_eq!(left.as_slice().unwrap(), (0..n).filter(|at| !gone.contains(at)).collect::<Vec<_>>());
        let thinned = arange(0, 20000, 1, DType::I64).delete(&Index::Slice(None, None, Some(3)), 0).compute::<i64>().unwrap();
        assert_eq!(thinned.as_slice().unwrap(), (0..20000).filter(|at| at % 3 != 0).collect::<Vec<_>>());
    }
}
