//! Polynomials by their coefficients, the highest power first: sums, products, quotients, slopes and areas.

use super::differences::from;
use super::moments::floats;
use super::{Overlap, convolve};
use crate::array::composed::{check_pieces, composed};
use crate::array::{Array, Index, Pad, arange, concatenate, zeros};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// The number of coefficients.
pub(super) fn length(name: &str, p: &Array) -> Result<u64> {
    match p.shape()?[..] {
        [n] => Ok(n),
        ref shape => Err(Error::bad_request(name, format!("coefficients of shape {shape:?}; expected one axis"))),
    }
}

/// Elements `start..stop` along axis 0, negative ones from the end.
pub(super) fn part(x: &Array, start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>) -> Array {
    x.index([Index::Slice(start.into(), stop.into(), None)])
}

/// Both with as many coefficients: zeros come first.
fn aligned(name: &str, arrays: &[Array]) -> Result<[Array; 2]> {
    let (n, m) = (length(name, &arrays[0])?, length(name, &arrays[1])?);
    let wide = |p: &Array, n: u64, most: u64| if n == most { p.clone() } else { p.pad([most - n, 0], &Pad::Empty) };
    Ok([wide(&arrays[0], n, n.max(m)), wide(&arrays[1], m, n.max(m))])
}

/// The sum of two polynomials.
///
/// ```
/// use flagstone::{arange, array::polyadd};
/// let sum = polyadd(&arange(1, 4, 1, None), &arange(1, 2, 1, None));
/// assert_eq!(sum.compute::<i64>().unwrap().as_slice().unwrap(), [1, 2, 4]);
/// ```
#[track_caller]
pub fn polyadd(a: &Array, b: &Array) -> Array {
    composed("polyadd", &[a, b], |arrays| aligned("polyadd", arrays).map(|[a, b]| a + b))
}

/// The difference of two polynomials.
///
/// ```
/// use flagstone::{arange, array::polysub};
/// let difference = polysub(&arange(1, 4, 1, None), &arange(1, 2, 1, None));
/// assert_eq!(difference.compute::<i64>().unwrap().as_slice().unwrap(), [1, 2, 2]);
/// ```
#[track_caller]
pub fn polysub(a: &Array, b: &Array) -> Array {
    composed("polysub", &[a, b], |arrays| aligned("polysub", arrays).map(|[a, b]| a - b))
}

/// The product of two polynomials.
///
/// ```
/// use flagstone::{arange, array::polymul};
/// let square = polymul(&arange(1, 3, 1, None), &arange(1, 3, 1, None));
/// assert_eq!(square.compute::<i64>().unwrap().as_slice().unwrap(), [1, 4, 4]);
/// ```
#[track_caller]
pub fn polymul(a: &Array, b: &Array) -> Array {
    convolve(a, b, Overlap::Full)
}

/// The `m`-th slope of a polynomial.
///
/// ```
/// use flagstone::{arange, array::polyder};
/// assert_eq!(polyder(&arange(1, 4, 1, None), 1).compute::<i64>().unwrap().as_slice().unwrap(), [2, 2]);
/// ```
#[track_caller]
pub fn polyder(p: &Array, m: u64) -> Array {
    composed("polyder", &[p], move |arrays| {
        let rounds = m.min(length("polyder", &arrays[0])?);
        check_pieces("polyder", rounds, "take slopes fewer times")?;
        (0..rounds).try_fold(arrays[0].clone(), |p, _| {
            let n = length("polyder", &p)? as i64;
            Ok(from(&p, 0, 0, 1)? * arange(n - 1, 0, -1, None))
        })
    })
}

/// The area under a polynomial, 0 at 0, taken `m` times.
///
/// ```
/// use flagstone::{arange, array::polyint};
/// assert_eq!(polyint(&arange(2, 4, 1, None), 1).compute::<f64>().unwrap().as_slice().unwrap(), [1.0, 3.0, 0.0]);
/// ```
#[track_caller]
pub fn polyint(p: &Array, m: u64) -> Array {
    composed("polyint", &[p], move |arrays| {
        check_pieces("polyint", m, "take areas fewer times")?;
        length("polyint", &arrays[0])?;
        (0..m).try_fold(arrays[0].clone(), |p, _| {
            let n = length("polyint", &p)? as i64;
            let divided = p / arange(n, 0, -1, None);
            let end = crate::array::zeros([1], if divided.dtype()?.is_complex() { DType::C128 } else { DType::F64 });
            Ok(concatenate(&[divided, end], 0))
        })
    })
}

/// Quotient and remainder of two polynomials, the highest power first. The remainder has one coefficient less than the divisor, one at
/// least; NumPy drops its zeros at the front.
///
/// ```
/// use flagstone::{Array, array::polydiv};
/// let [p, by] = [[3.0, 5.0, 2.0].as_slice(), &[2.0, 1.0]].map(|p| Array::from(ndarray::ArrayView1::from(p).to_owned()));
/// let [quotient, rest] = polydiv(&p, &by);
/// assert_eq!(quotient.compute::<f64>().unwrap().as_slice().unwrap(), [1.5, 1.75]);
/// assert_eq!(rest.compute::<f64>().unwrap().as_slice().unwrap(), [0.25]);
/// ```
#[track_caller]
pub fn polydiv(u: &Array, v: &Array) -> [Array; 2] {
    let at = |wanted: usize| {
        composed("polydiv", &[u, v], move |arrays| divided(&arrays[0], &arrays[1]).map(|[q, r]| if wanted == 0 { q } else { r }))
    };
    [at(0), at(1)]
}

fn divided(u: &Array, v: &Array) -> Result<[Array; 2]> {
    let dtype = floats(u)?.dtype()?.promote(floats(v)?.dtype()?);
    let (u, v) = (u.astype(dtype), v.astype(dtype));
    let (n, m) = (length("polydiv", &u)?, length("polydiv", &v)?);
    if n == 0 || m == 0 {
        return Err(Error::bad_request("polydiv", "a polynomial without coefficients; expected one at least"));
    }
    if n < m {
        return Ok([zeros([1], dtype), u]);
    }
    check_pieces("polydiv", n - m + 1, "divide by a polynomial of a higher degree")?;
    let (mut quotient, mut rest) = (Vec::new(), u);
    for _ in 0..=n - m {
        let factor = part(&rest, 0, 1) / part(&v, 0, 1);
        // what it leaves of the first m coefficients, of which the first one is gone
        let left = part(&rest, 1, m as i64) - &factor * part(&v, 1, None);
        rest = concatenate(&[left, part(&rest, m as i64, None)], 0);
        quotient.push(factor);
    }
    let rest = if m == 1 { zeros([1], dtype) } else { rest };
    Ok([concatenate(&quotient, 0), rest])
}
