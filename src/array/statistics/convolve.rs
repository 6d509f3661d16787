//! Two sequences, one sliding along the other: each block of the longer one with what lies around it, beside all of the shorter one.

use crate::array::blocks::rows;
use crate::array::composed::composed;
use crate::array::{Array, Index, Pad};
use crate::error::{Error, Result};
use flagstone_kernels::rows::{Rows, Slide};

/// Which places of the one sequence along the other count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// Where they overlap at all.
    Full,
    /// As many as the longer one has, in the middle.
    Same,
    /// Where the shorter one lies within the longer one.
    Valid,
}

/// Σₖ short[k] · long[j + k] for the places j of `overlap`; beyond its ends `long` has no terms.
fn slid(long: &Array, short: &Array, overlap: Overlap) -> Result<Array> {
    let (n, m) = (long.shape()?[0], short.shape()?[0]);
    let dtype = long.dtype()?;
    let (before, after) = match overlap {
        Overlap::Full => (m - 1, 0),
        Overlap::Same => (m / 2, m - 1 - m / 2),
        Overlap::Valid => (0, m - 1),
    };
    let long = if overlap == Overlap::Full { long.pad([0, m - 1], &Pad::Empty) } else { long.clone() };
    let found = Array::from_expr(rows::of_around_beside(
        Rows::Slide(Slide { dtype, len: n, before }),
        &long.expr()?,
        before,
        after,
        &short.expr()?,
    )?);
    Ok(if overlap == Overlap::Valid { found.index([Index::Slice(None, Some((n + 1 - m) as i64), None)]) } else { found })
}

/// Both as sequences of one dtype.
fn sequences(name: &str, arrays: &[Array]) -> Result<[Array; 2]> {
    for (array, which) in arrays.iter().zip(["first", "second"]) {
        match array.shape()?[..] {
            [0] => return Err(Error::bad_request(name, format!("the {which} operand is empty; expected an element at least"))),
            [_] => {}
            ref shape => return Err(Error::bad_request(name, format!("the {which} operand has shape {shape:?}; expected one axis"))),
        }
    }
    let dtype = arrays[0].dtype()?.promote(arrays[1].dtype()?);
    Ok([arrays[0].astype(dtype), arrays[1].astype(dtype)])
}

fn lifted(operand: &Array) -> Result<Array> {
    let scalar = operand.ndim()? == 0;
    Ok(if scalar { operand.expand_dims(0) } else { operand.clone() })
}

/// The convolution of two sequences. The shorter one is held in memory; the work is the product of their lengths.
///
/// ```
/// use flagstone::{arange, array::{convolve, Overlap}, ones, DType};
/// let x = convolve(&arange(0, 4, 1, None), &ones([2], DType::I64), Overlap::Full);
/// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [0, 1, 3, 5, 3]);
/// ```
#[track_caller]
pub fn convolve(a: &Array, v: &Array, overlap: Overlap) -> Array {
    composed("convolve", &[a, v], move |arrays| {
        let [a, v] = sequences("convolve", &[lifted(&arrays[0])?, lifted(&arrays[1])?])?;
        let (long, short) = if v.shape()? > a.shape()? { (v, a) } else { (a, v) };
        slid(&long, &short.flip(0), overlap)
    })
}

/// The correlation of two sequences, Σₖ aⱼ₊ₖ · conj(vₖ). The shorter one is held in memory; the work is the product of their lengths.
///
/// ```
/// use flagstone::{arange, array::{correlate, Overlap}};
/// let x = arange(0, 3, 1, None);
/// assert_eq!(correlate(&x, &x, Overlap::Full).compute::<i64>().unwrap().as_slice().unwrap(), [0, 2, 5, 2, 0]);
/// ```
#[track_caller]
pub fn correlate(a: &Array, v: &Array, overlap: Overlap) -> Array {
    composed("correlate", &[a, v], move |arrays| {
        let [a, v] = sequences("correlate", &[lifted(&arrays[0])?, lifted(&arrays[1])?])?;
        let v = if v.dtype()?.is_complex() { v.conj() } else { v };
        match v.shape()? > a.shape()? {
            // the longer one slides the other way
            true => Ok(slid(&v, &a, overlap)?.flip(0)),
            false => slid(&a, &v, overlap),
        }
    })
}
