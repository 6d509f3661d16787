//! Arrays with more elements at the ends of their axes, in all of NumPy's modes. Axes are padded one after the other, each
//! with what was padded before: so corners come out as NumPy's.

use crate::array::composed::{Stretch, check_pieces, composed, picked};
use crate::array::elementwise::constant;
use crate::array::{Array, ArrayElement, arange, axis, concatenate};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};
use ndarray::{Array1, ArrayView1};
use std::sync::Arc;

/// Something for the two ends of every axis: one for all of them, a pair for every axis, or a pair for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Ends<T>(pub Vec<[T; 2]>);

impl<T: Copy> From<T> for Ends<T> {
    fn from(both: T) -> Ends<T> {
        Ends(vec![[both; 2]])
    }
}

impl<T> From<[T; 2]> for Ends<T> {
    fn from(ends: [T; 2]) -> Ends<T> {
        Ends(vec![ends])
    }
}

impl<T> From<Vec<[T; 2]>> for Ends<T> {
    fn from(each: Vec<[T; 2]>) -> Ends<T> {
        Ends(each)
    }
}

impl<T: Copy> Ends<T> {
    /// Those of an axis.
    pub(in crate::array) fn on(&self, axis: usize) -> Option<[T; 2]> {
        if self.0.len() == 1 { self.0.first().copied() } else { self.0.get(axis).copied() }
    }

    /// Refuses what is neither one pair nor one an axis.
    pub(in crate::array) fn check(&self, operation: &str, what: &str, ndim: usize) -> Result<()> {
        match self.0.len() == 1 || self.0.len() == ndim {
            true => Ok(()),
            false => Err(Error::bad_request(
                operation,
                format!("{} pairs of {what} for {ndim} axes; expected one pair, or one an axis", self.0.len()),
            )),
        }
    }
}

/// What stands in the new places.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pad {
    /// These values.
    Constant(Ends<Scalar>),
    /// The outermost element.
    Edge,
    /// Even steps from the outermost element to these values, which come last.
    LinearRamp(Ends<Scalar>),
    /// The largest of so many elements at the end, or of all.
    Maximum(Option<Ends<u64>>),
    /// Their mean.
    Mean(Option<Ends<u64>>),
    /// Their median.
    Median(Option<Ends<u64>>),
    /// The smallest of them.
    Minimum(Option<Ends<u64>>),
    /// The elements mirrored at the outermost one, which comes once; odd: twice that one minus those.
    Reflect {
        /// Whether the mirror turns signs, too.
        odd: bool,
    },
    /// The elements mirrored behind the outermost one, which comes twice.
    Symmetric {
        /// Whether the mirror turns signs, too.
        odd: bool,
    },
    /// The elements from the other end.
    Wrap,
    /// Values that do not matter: zeros.
    Empty,
}

fn part(x: &Array, at: usize, stretches: &[Stretch]) -> Result<Array> {
    picked("pad", &x.expr()?, at, stretches).map(Array::from_expr)
}

/// `x` between what stands before and behind it.
fn between(before: Option<Array>, x: &Array, behind: Option<Array>, at: usize) -> Array {
    let parts: Vec<Array> = [before, Some(x.clone()), behind].into_iter().flatten().collect();
    concatenate(&parts, at as i64)
}

fn with_length(x: &Array, at: usize, n: u64) -> Result<Vec<u64>> {
    let mut shape = x.shape()?;
    shape[at] = n;
    Ok(shape)
}

/// The places of `width` new ones before the first of `n` in a pattern that comes again every `period`.
fn mirrored(n: i64, width: [u64; 2], period: i64, mirror: bool, skip_edge: bool) -> Vec<Stretch> {
    let place = |at: i64| {
        let within = at.rem_euclid(period);
        if mirror && within >= n { 2 * n - 1 - i64::from(skip_edge) - within } else { within }
    };
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut at, end) = (-(width[0] as i64), n + width[1] as i64);
    while at < end {
        // up to where the pattern turns or begins anew
        let within = at.rem_euclid(period);
        let turn = if mirror && within < n { n } else { period };
        let len = (turn - within).min(end - at);
        let step = if mirror && within >= n { -1 } else { 1 };
        stretches.push((place(at), step, len as u64));
        at += len;
    }
    stretches
}

/// Mirrored with signs turned at the edges. As NumPy, from the inside outwards: what is new is mirrored next, in whole lengths of the axis, so
/// that it goes on as it began where one side ends before the other.
fn odd(x: &Array, at: usize, width: [u64; 2], skip_edge: bool) -> Result<Array> {
    let (edge, dtype) = (i64::from(skip_edge), x.dtype()?);
    let mut x = x.clone();
    let period = x.shape()?[at] as i64 - edge;
    let [mut before, mut behind] = width;
    while before > 0 || behind > 0 {
        let n = x.shape()?[at] as i64;
        let room = ((n - edge) / period * period) as u64;
        let twice = |start: i64| Ok::<Array, Error>(part(&x, at, &[(start, 1, 1)])? * 2);
        let [left, right] = [before.min(room), behind.min(room)];
        let first = match left {
            0 => None,
            len => Some((twice(0)? - part(&x, at, &[(len as i64 - 1 + edge, -1, len)])?).astype(dtype)),
        };
        let last = match right {
            0 => None,
            len => Some((twice(n - 1)? - part(&x, at, &[(n - 1 - edge, -1, len)])?).astype(dtype)),
        };
        x = between(first, &x, last, at);
        (before, behind) = (before - left, behind - right);
    }
    Ok(x)
}

/// From `end` on in `width` even steps towards the element at `edge`, which is not reached.
fn ramp(x: &Array, at: usize, is_front: bool, end: Scalar, width: u64) -> Result<Option<Array>> {
    if width == 0 {
        return Ok(None);
    }
    let dtype = x.dtype()?;
    let inside = if dtype.is_complex() { DType::C128 } else { DType::F64 };
    let end = Array::from_expr(constant(end, inside, &[])?);
    let others: Vec<i64> = (0..x.ndim()? as i64).filter(|&axis| axis != at as i64).collect();
    let count = arange(0.0, width as f64, 1.0, DType::F64).expand_dims(others);
    let edge = if is_front { 0 } else { x.shape()?[at] as i64 - 1 };
    let step = (part(x, at, &[(edge, 1, 1)])?.astype(inside) - &end) / width as f64;
    let line = count * step + end;
    let line = if dtype.is_integer() { line.floor().astype(dtype) } else { line.astype(dtype) };
    // it ends where the new places begin
    Ok(Some(if is_front { line } else { line.flip(at as i64) }))
}

/// What a statistic of the elements at both ends gives for the new places there.
fn statistic(x: &Array, at: usize, width: [u64; 2], lengths: &Option<Ends<u64>>, mode: &Pad) -> Result<Array> {
    let n = x.shape()?[at];
    let lengths = lengths.as_ref().and_then(|lengths| lengths.on(at)).map_or([n, n], |[a, b]| [a.min(n), b.min(n)]);
    let dtype = x.dtype()?;
    let one = |start: i64, len: u64, width: u64| -> Result<Option<Array>> {
        if len == 0 && matches!(mode, Pad::Maximum(_) | Pad::Minimum(_)) {
            return Err(Error::bad_request("pad", "stat_length 0; expected 1 or more for the largest or smallest"));
        }
        let (some, over) = (part(x, at, &[(start, 1, len)])?, axis(at as i64).keepdims());
        let value = match mode {
            Pad::Maximum(_) => some.max(over),
            Pad::Minimum(_) => some.min(over),
            Pad::Mean(_) => some.mean(over),
            _ => some.median(over),
        };
        let is_rounded = dtype.is_integer() && !matches!(mode, Pad::Maximum(_) | Pad::Minimum(_));
        let value = if is_rounded { value.rint().astype(dtype) } else { value.astype(dtype) };
        Ok(if width == 0 { None } else { Some(value.broadcast_to(with_length(x, at, width)?)) })
    };
    let first = one(0, lengths[0], width[0])?;
    let last = one((n - lengths[1]) as i64, lengths[1], width[1])?;
    Ok(between(first, x, last, at))
}

fn filled(x: &Array, at: usize, values: [Scalar; 2], width: [u64; 2]) -> Result<Array> {
    let one = |i: usize| -> Result<Option<Array>> {
        match width[i] {
            0 => Ok(None),
            n => Ok(Some(Array::from_expr(constant(values[i], x.dtype()?, &with_length(x, at, n)?)?))),
        }
    };
    Ok(between(one(0)?, x, one(1)?, at))
}

fn padded(x: &Array, at: usize, width: [u64; 2], mode: &Pad) -> Result<Array> {
    let n = x.shape()?[at] as i64;
    if n == 0 && !matches!(mode, Pad::Constant(_) | Pad::Empty) {
        return Err(Error::bad_request("pad", format!("axis {at} has no element to extend; expected mode 'constant' or 'empty'")));
    }
    // how far it is from one turn of a pattern to the next: every stretch is a piece
    let stretch = match mode {
        Pad::Reflect { odd: false } if n > 1 => n - 1,
        Pad::Symmetric { odd: false } | Pad::Wrap => n,
        _ => i64::MAX,
    };
    check_pieces("pad", (width[0] + width[1]) / stretch as u64 + 3, "pad less, or repeat the array with tile")?;
    let edge = || part(x, at, &[(0, 0, width[0]), (0, 1, n as u64), (n - 1, 0, width[1])]);
    match mode {
        Pad::Constant(values) => filled(x, at, values.on(at).unwrap_or([Scalar::Int(0); 2]), width),
        Pad::Empty => filled(x, at, [Scalar::Int(0); 2], width),
        Pad::Edge => edge(),
        Pad::LinearRamp(ends) => {
            let ends = ends.on(at).unwrap_or([Scalar::Int(0); 2]);
            Ok(between(ramp(x, at, true, ends[0], width[0])?, x, ramp(x, at, false, ends[1], width[1])?, at))
        }
        Pad::Maximum(lengths) | Pad::Mean(lengths) | Pad::Median(lengths) | Pad::Minimum(lengths) => statistic(x, at, width, lengths, mode),
        // a single element has no other to mirror
        Pad::Reflect { .. } if n == 1 => edge(),
        Pad::Reflect { odd: true } => odd(x, at, width, true),
        Pad::Symmetric { odd: true } => odd(x, at, width, false),
        Pad::Reflect { odd: false } => part(x, at, &mirrored(n, width, 2 * n - 2, true, true)),
        Pad::Symmetric { odd: false } => part(x, at, &mirrored(n, width, 2 * n, true, false)),
        Pad::Wrap => part(x, at, &mirrored(n, width, n, false, false)),
    }
}

impl Array {
    /// With new elements before and behind it along every axis.
    ///
    /// ```
    /// use flagstone::{arange, array::Pad};
    /// let x = arange(0, 3, 1, None).pad([2u64, 1], &Pad::Reflect { odd: false });
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [2, 1, 0, 1, 2, 1]);
    /// ```
    #[track_caller]
    pub fn pad(&self, widths: impl Into<Ends<u64>>, mode: &Pad) -> Array {
        let (widths, mode) = (widths.into(), mode.clone());
        composed("pad", &[self], move |arrays| {
            let ndim = arrays[0].ndim()?;
            widths.check("pad", "widths", ndim)?;
            match &mode {
                Pad::Constant(values) | Pad::LinearRamp(values) => values.check("pad", "values", ndim)?,
                Pad::Maximum(Some(lengths)) | Pad::Mean(Some(lengths)) | Pad::Median(Some(lengths)) | Pad::Minimum(Some(lengths)) => {
                    lengths.check("pad", "lengths", ndim)?;
                }
                _ => {}
            }
            let width = |at: usize| widths.on(at).unwrap_or_default();
            if (0..ndim).flat_map(width).any(|n| n > i64::MAX as u64 / 4) {
                return Err(Error::bad_request("pad", format!("widths {:?}; expected fewer than 2⁶¹ new places", widths.0)));
            }
            (0..ndim).filter(|&at| width(at) != [0, 0]).try_fold(arrays[0].clone(), |x, at| padded(&x, at, width(at), &mode))
        })
    }

    /// With zeros before and behind it along every axis, into which `f` then puts what it wants: it is given each lane along the first
    /// axis, with how many places are new at its two ends and the number of the axis, then each lane along the second, and so on. A
    /// task holds whole lanes.
    ///
    /// ```
    /// use flagstone::{arange, DType};
    /// let x = arange(1, 4, 1, DType::I64).pad_with::<i64>([1u64, 2], |lane, [before, _], _| lane[before as usize - 1] = 9);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [9, 1, 2, 3, 0, 0]);
    /// ```
    ///
    /// # Errors
    /// `BadType` of an array of another dtype.
    #[track_caller]
    pub fn pad_with<T: ArrayElement>(
        &self,
        widths: impl Into<Ends<u64>>,
        f: impl Fn(&mut [T], [u64; 2], usize) + Send + Sync + 'static,
    ) -> Array {
        let (widths, f) = (widths.into(), Arc::new(f));
        composed("pad", &[self], move |arrays| {
            let padded = arrays[0].pad(widths.clone(), &Pad::Empty);
            let shape = padded.shape()?;
            if shape.contains(&0) {
                return Ok(padded);
            }
            let along = |x: Array, (at, &n): (usize, &u64)| {
                let (f, width) = (f.clone(), widths.on(at).unwrap_or_default());
                x.apply_along_axis(at as i64, [n], move |lane: ArrayView1<'_, T>| {
                    let mut lane = lane.to_vec();
                    f(&mut lane, width, at);
                    Array1::from(lane).into_dyn()
                })
            };
            Ok(shape.iter().enumerate().fold(padded, along))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(stretches: &[Stretch]) -> Vec<i64> {
        stretches.iter().flat_map(|&(start, step, len)| (0..len as i64).map(move |i| start + i * step)).collect()
    }

    #[test]
    fn mirrors_turn_where_they_should() {
        assert_eq!(places(&mirrored(3, [5, 4], 4, true, true)), [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2][..12]);
        assert_eq!(places(&mirrored(3, [4, 4], 6, true, false)), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(places(&mirrored(3, [4, 4], 3, false, false)), [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(places(&mirrored(1, [2, 1], 2, true, false)), [0, 0, 0, 0]);
    }
}
