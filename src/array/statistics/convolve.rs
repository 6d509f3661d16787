//! Two sequences, one sliding along the other: as a sum of as many shifted products as the shorter one has elements, so that
//! a slice of the result reads what it needs.

use crate::array::composed::{composed, picked};
use crate::array::{Array, Pad};
use crate::error::{Error, Result};

/// The shorter operand may have this many elements: every one is a term of every element of the result.
const TERMS_MAX: u64 = 1024;

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

/// Σₖ short[k] · long[j + k] for the places j of `overlap`; beyond its ends `long` is 0.
fn slid(name: &str, long: &Array, short: &Array, overlap: Overlap) -> Result<Array> {
    let (n, m) = (long.shape()?[0], short.shape()?[0]);
    if m > TERMS_MAX {
        let what =
            format!("{n} elements with {m}: the shorter one may have {TERMS_MAX}, since the work is their product; use Fourier transforms");
        return Err(Error::unsupported(name, what));
    }
    // zeros before and behind, and how many places there are
    let (before, behind) = match overlap {
        Overlap::Full => (m - 1, m - 1),
        Overlap::Same => (m / 2, m - 1 - m / 2),
        Overlap::Valid => (0, 0),
    };
    let count = n + before + behind + 1 - m;
    let (long, short) = (long.pad([before, behind], &Pad::Empty).expr()?, short.expr()?);
    let term = |k: u64| -> Result<Array> {
        let shifted = Array::from_expr(picked(name, &long, 0, &[(k as i64, 1, count)])?);
        let factor = Array::from_expr(picked(name, &short, 0, &[(k as i64, 1, 1)])?);
        Ok(shifted * factor)
    };
    (1..m).try_fold(term(0)?, |sum, k| Ok(sum + term(k)?))
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

/// The convolution of two sequences; the shorter one may have 1024 elements.
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
        slid("convolve", &long, &short.flip(0), overlap)
    })
}

/// The correlation of two sequences, Σₖ aⱼ₊ₖ · conj(vₖ); the shorter one may have 1024 elements.
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
            true => Ok(slid("correlate", &v, &a, overlap)?.flip(0)),
            false => slid("correlate", &a, &v, overlap),
        }
    })
}
