//! Elements that come more than once: whole arrays beside one another, single elements, and what fills another shape.

use crate::array::axes::position;
use crate::array::composed::{PIECES_MAX, Stretch, composed, composed_of, picked};
use crate::array::{Array, Axes, Shape, arange, zeros};
use crate::error::{Error, Result};

/// `x` put `times` times after itself along an axis.
fn tiled(x: &Array, axis: usize, times: u64) -> Result<Array> {
    let expr = x.expr()?;
    let n = expr.shape[axis];
    let total = n.checked_mul(times).ok_or_else(|| too_long("tile", n, times))?;
    if n == 1 || times <= PIECES_MAX {
        let stretches: Vec<Stretch> = if n == 1 { vec![(0, 0, times)] } else { vec![(0, 1, n); times as usize] };
        return picked("tile", &expr, axis, &stretches).map(Array::from_expr);
    }
    let mut shape = expr.shape.clone();
    shape.insert(axis, times);
    let repeated = x.expand_dims(axis as i64).broadcast_to(shape.clone());
    shape.remove(axis);
    shape[axis] = total;
    Ok(repeated.reshape(shape))
}

/// Of more places, what repeats each goes through the elements once; pieces are views, through which slices go.
const REPEATED_PIECES_MAX: u64 = 64;

/// Every place of an axis `times` times.
fn repeated(x: &Array, axis: usize, times: u64) -> Result<Array> {
    let expr = x.expr()?;
    let n = expr.shape[axis];
    let total = n.checked_mul(times).ok_or_else(|| too_long("repeat", n, times))?;
    if n <= REPEATED_PIECES_MAX || times <= 1 {
        let stretches: Vec<Stretch> = if times == 1 { vec![(0, 1, n)] } else { (0..n).map(|at| (at as i64, 0, times)).collect() };
        return picked("repeat", &expr, axis, if times == 0 { &[] } else { &stretches }).map(Array::from_expr);
    }
    let mut shape = expr.shape.clone();
    shape.insert(axis + 1, times);
    let repeated = x.expand_dims(axis as i64 + 1).broadcast_to(shape.clone());
    shape.remove(axis + 1);
    shape[axis] = total;
    Ok(repeated.reshape(shape))
}

/// Place i of an axis `counts[i]` times, each looked up by where it stands among the ends of the repeats.
fn looked_up(x: &Array, axis: usize, counts: &[u64]) -> Result<Array> {
    let too_many = || Error::bad_request("repeat", "counts that come to 2⁶³ places or more");
    let next = |end: &mut u64, count: &u64| {
        *end = end.saturating_add(*count);
        Some(*end as i64)
    };
    let ends: Vec<i64> = counts.iter().scan(0u64, next).collect();
    let total = ends.last().copied().filter(|&total| total >= 0).ok_or_else(too_many)?;
    let places = Array::from(ndarray::Array1::from(ends)).searchsorted(arange(0, total, 1, None), true);
    Ok(x.take(&places, axis as i64))
}

fn too_long(operation: &str, n: u64, times: u64) -> Error {
    Error::bad_request(operation, format!("{n} places {times} times; expected fewer than 2⁶³ in all"))
}

/// The stretches of an axis whose place i comes `counts[i]` times.
fn counted_stretches(counts: &[u64]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, &count) in (0..).zip(counts) {
        match stretches.last_mut() {
            Some((start, 1, len)) if count == 1 && *start + *len as i64 == at => *len += 1,
            _ if count == 1 => stretches.push((at, 1, 1)),
            _ if count > 1 => stretches.push((at, 0, count)),
            _ => {}
        }
    }
    stretches
}

/// The one axis that `axes` names, or all elements along one.
fn lane(operation: &str, x: &Array, axes: &Axes) -> Result<(Array, usize)> {
    match axes.axes.as_deref() {
        None => Ok((x.ravel(), 0)),
        Some(&[axis]) => Ok((x.clone(), position(operation, axis, x.ndim()?)?)),
        Some(axes) => Err(Error::bad_request(operation, format!("axes {axes:?}; expected one axis, or none for all elements in C order"))),
    }
}

impl Array {
    /// The array put after itself as often as `reps` says along each of its last axes; new axes come first.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3], flagstone::DType::F64);
    /// assert_eq!(x.tile([4, 1, 2]).shape().unwrap(), [4, 2, 6]);
    /// ```
    #[track_caller]
    pub fn tile(&self, reps: impl Into<Shape>) -> Array {
        let reps = reps.into();
        composed("tile", &[self], move |arrays| {
            let mut reps = reps.lengths("tile")?;
            let ndim = arrays[0].ndim()?;
            let new = reps.len().saturating_sub(ndim);
            let x = arrays[0].expand_dims((0..new as i64).collect::<Vec<_>>());
            reps.splice(0..0, vec![1; (ndim + new) - reps.len()]);
            (0..).zip(reps).try_fold(x, |x, (axis, times)| tiled(&x, axis, times))
        })
    }

    /// Every element `times` times: along one axis, or with `..` of all elements in C order.
    ///
    /// ```
    /// use flagstone::arange;
    /// assert_eq!(arange(0, 3, 1, None).repeat(2, 0).compute::<i64>().unwrap().as_slice().unwrap(), [0, 0, 1, 1, 2, 2]);
    /// ```
    #[track_caller]
    pub fn repeat(&self, times: u64, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        composed("repeat", &[self], move |arrays| {
            let (x, axis) = lane("repeat", &arrays[0], &axes)?;
            repeated(&x, axis, times)
        })
    }

    /// Element i of an axis `counts[i]` times; one count is for all of them.
    ///
    /// ```
    /// use flagstone::arange;
    /// let x = arange(0, 3, 1, None).repeat_each(&[2, 0, 1], 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [0, 0, 2]);
    /// ```
    #[track_caller]
    pub fn repeat_each(&self, counts: &[u64], axes: impl Into<Axes>) -> Array {
        let (axes, counts) = (axes.into(), counts.to_vec());
        composed_of("repeat", &[self], &[counts.len() as u64], move |arrays| {
            let (x, axis) = lane("repeat", &arrays[0], &axes)?;
            let n = x.shape()?[axis];
            match counts[..] {
                [times] => repeated(&x, axis, times),
                _ if counts.len() as u64 != n => {
                    Err(Error::bad_request("repeat", format!("{} counts for an axis with length {n}; expected {n}, or one", counts.len())))
                }
                _ => {
                    let stretches = counted_stretches(&counts);
                    if stretches.len() as u64 <= REPEATED_PIECES_MAX {
                        return picked("repeat", &x.expr()?, axis, &stretches).map(Array::from_expr);
                    }
                    looked_up(&x, axis, &counts)
                }
            }
        })
    }

    /// The elements in C order in another shape: repeated from the first one on where there are too few, without the last
    /// ones where there are too many.
    ///
    /// ```
    /// use flagstone::arange;
    /// assert_eq!(arange(0, 3, 1, None).resize([5]).compute::<i64>().unwrap().as_slice().unwrap(), [0, 1, 2, 0, 1]);
    /// ```
    #[track_caller]
    pub fn resize(&self, shape: impl Into<Shape>) -> Array {
        let shape = shape.into();
        composed("resize", &[self], move |arrays| {
            let (x, shape) = (&arrays[0], shape.lengths("resize")?);
            let too_large = || Error::bad_request("resize", format!("shape {shape:?}; expected fewer than 2⁶³ elements"));
            let wanted = crate::grid::element_count(&shape).ok_or_else(too_large)?;
            if x.size()? == 0 || wanted == 0 {
                return Ok(zeros(shape, x.dtype()?));
            }
            let line = tiled(&x.ravel(), 0, wanted.div_ceil(x.size()?))?;
            Ok(Array::from_expr(picked("resize", &line.expr()?, 0, &[(0, 1, wanted)])?).reshape(shape))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_places_beside_each_other_are_one_stretch() {
        assert_eq!(counted_stretches(&[1, 1, 0, 1, 3, 1, 1]), [(0, 1, 2), (3, 1, 1), (4, 0, 3), (5, 1, 2)]);
        assert_eq!(counted_stretches(&[0, 0]), []);
    }
}
