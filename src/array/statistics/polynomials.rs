//! Polynomials by their coefficients, the highest power first: sums, products, slopes and areas.

use super::differences::from;
use super::{Overlap, convolve};
use crate::array::composed::{check_pieces, composed};
use crate::array::{Array, Pad, arange, concatenate};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// The number of coefficients.
pub(super) fn length(name: &str, p: &Array) -> Result<u64> {
    match p.shape()?[..] {
        [n] => Ok(n),
        ref shape => Err(Error::bad_request(name, format!("coefficients of shape {shape:?}; expected one axis"))),
    }
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

/// The product of two polynomials; one may have 1024 coefficients.
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
