//! Tapers of signal processing, as NumPy makes them: symmetric, 1 in the middle.

use crate::array::{Array, arange, ones, where_, zeros};
use flagstone_kernels::dtype::DType;
use std::f64::consts::PI;

/// What `f` makes of the places 1 − n, 3 − n, …, n − 1; of a single place 1.
#[track_caller]
fn taper(n: u64, f: impl FnOnce(Array, f64) -> Array) -> Array {
    match n {
        0 => zeros([0], DType::F64),
        1 => ones([1], DType::F64),
        n => f(arange(1 - n as i64, n as i64, 2, None).astype(DType::F64), (n - 1) as f64),
    }
}

/// The triangle that ends in zeros.
///
/// ```
/// assert_eq!(flagstone::array::bartlett(3).compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn bartlett(n: u64) -> Array {
    taper(n, |at, last| where_(at.le(0.0), &at / last + 1.0, 1.0 - &at / last))
}

/// Blackman's: 0.42 + 0.5 cos πt + 0.08 cos 2πt.
///
/// ```
/// assert_eq!(flagstone::array::blackman(5).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn blackman(n: u64) -> Array {
    taper(n, |at, last| 0.42 + 0.5 * (PI * &at / last).cos() + 0.08 * (2.0 * PI * &at / last).cos())
}

/// Hamming's: 0.54 + 0.46 cos πt.
///
/// ```
/// assert_eq!(flagstone::array::hamming(5).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn hamming(n: u64) -> Array {
    taper(n, |at, last| 0.54 + 0.46 * (PI * at / last).cos())
}

/// Hann's: 0.5 + 0.5 cos πt.
///
/// ```
/// assert_eq!(flagstone::array::hanning(5).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn hanning(n: u64) -> Array {
    taper(n, |at, last| 0.5 + 0.5 * (PI * at / last).cos())
}

/// Kaiser's: I₀(β √(1 − t²)) / I₀(β).
///
/// ```
/// assert_eq!(flagstone::array::kaiser(5, 14.0).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn kaiser(n: u64, beta: f64) -> Array {
    if n == 1 {
        return ones([1], DType::F64);
    }
    let half = n.saturating_sub(1) as f64 / 2.0;
    let at = (arange(0, n, 1, None).astype(DType::F64) - half) / half;
    let most = ones((), DType::F64) * beta;
    (beta * (1.0 - at.square()).sqrt()).i0() / most.i0()
}
