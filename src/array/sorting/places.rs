//! Places of an array as one number or as one for each axis, and what lies between the outermost elements that are not zero.

use crate::array::{Array, lookup};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// What becomes of a place that is beyond its axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    Raise,
    Wrap,
    Clip,
}

impl Beyond {
    pub(super) fn of_name(name: &str, mode: &str) -> Result<Beyond> {
        match mode {
            "raise" => Ok(Beyond::Raise),
            "wrap" => Ok(Beyond::Wrap),
            "clip" => Ok(Beyond::Clip),
            other => Err(Error::bad_request(name, format!("mode '{other}'; expected 'raise', 'wrap' or 'clip'"))),
        }
    }
}

fn integers(name: &str, places: &Array) -> Result<Array> {
    match places.dtype()? {
        dtype if dtype.is_integer() => Ok(places.astype(DType::I64)),
        dtype => Err(Error::bad_type(name, format!("indices of {dtype}; expected integers"))),
    }
}

/// The places, each of which must be one of `0..n`.
fn held(places: &Array, n: u64) -> Array {
    Array::build(|| lookup::held(&places.expr()?, n, false))
}

fn check_lengths(name: &str, shape: &[u64]) -> Result<()> {
    let size = shape.iter().try_fold(1u64, |size, &n| size.checked_mul(n)).filter(|&size| size <= i64::MAX as u64);
    match size {
        Some(0) => Err(Error::bad_request(name, format!("shape {shape:?} has no place"))),
        Some(_) if !shape.is_empty() => Ok(()),
        _ => Err(Error::bad_request(name, format!("shape {shape:?}; expected an axis at least, and fewer than 2⁶³ places"))),
    }
}

/// The place along each axis of an array of `shape`, of places in C order, or, `first_fastest`, in Fortran's.
pub(super) fn unravel_index(places: &Array, shape: &[u64], first_fastest: bool) -> Result<Vec<Array>> {
    const NAME: &str = "unravel_index";
    check_lengths(NAME, shape)?;
    let places = integers(NAME, places)?;
    // the slowest axis first; a place beyond all of them is beyond that one
    let mut lengths = shape.to_vec();
    if first_fastest {
        lengths.reverse();
    }
    let stride: u64 = lengths[1..].iter().product();
    let slowest = held(&places.floor_divide(stride as i64), lengths[0]);
    let mut rest = slowest * stride as i64 + &places % stride as i64;
    let mut along = Vec::new();
    for &n in lengths[1..].iter().rev() {
        along.push(&rest % n as i64);
        rest = rest.floor_divide(n as i64);
    }
    along.push(rest);
    if !first_fastest {
        along.reverse();
    }
    Ok(along)
}

/// Places along each axis of an array of `shape` as one, in C order, or, `first_fastest`, in Fortran's.
pub(super) fn ravel_multi_index(along: &[Array], shape: &[u64], beyond: &[Beyond], first_fastest: bool) -> Result<Array> {
    const NAME: &str = "ravel_multi_index";
    check_lengths(NAME, shape)?;
    if along.len() != shape.len() {
        let what = format!("{} arrays of places for {} axes of shape {shape:?}; expected as many", along.len(), shape.len());
        return Err(Error::bad_request(NAME, what));
    }
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    if first_fastest {
        axes.reverse();
    }
    let mut place: Option<Array> = None;
    for axis in axes {
        let (n, at) = (shape[axis], integers(NAME, &along[axis])?);
        let at = match beyond[if beyond.len() == 1 { 0 } else { axis }] {
            Beyond::Raise => held(&at, n),
            Beyond::Wrap => at % n as i64,
            Beyond::Clip => at.clip(0, n as i64 - 1),
        };
        place = Some(place.map_or(at.clone(), |place| place * n as i64 + at));
    }
    place.ok_or_else(|| Error::internal("no axis"))
}

/// Without the places along each of `axes` at its front, its back, or both, where all elements are zero.
pub(super) fn trim_zeros(x: &Array, ends: (bool, bool), axes: &[i64]) -> Result<Array> {
    let ndim = x.ndim()?;
    let axes = axes.iter().map(|&axis| super::position("trim_zeros", axis, ndim)).collect::<Result<Vec<_>>>()?;
    let mut out = x.clone();
    for &at in &axes {
        let others: Vec<i64> = (0..ndim as i64).filter(|&axis| axis != at as i64).collect();
        let there = if others.is_empty() { x.ne(0) } else { x.ne(0).any(others) };
        if let Some(kept) = kept(&there.astype(DType::U8), ends) {
            out = out.take(&kept.nonzero().remove(0), at as i64);
        }
    }
    Ok(out)
}

/// Which places of one axis are left when zeros go at its ends.
fn kept(there: &Array, (front, back): (bool, bool)) -> Option<Array> {
    let mut kept = None;
    let mut keep = |some: Array| kept = Some(kept.take().map_or(some.clone(), |kept: Array| kept & some));
    if front {
        keep(there.cummax(0).ne(0));
    }
    if back {
        keep(there.flip(0).cummax(0).flip(0).ne(0));
    }
    kept
}
