//! Transforms along an axis that no task should hold: in six steps, as a matrix of which first the columns, then the rows are
//! transformed (Bailey 1990); or, of a length with a large prime in it, as a convolution with a chirp of a length without (Bluestein 1970). The
//! steps are arrays like all others, so that they spill where they must.

use super::Norm;
use crate::array::{Array, Index, arange, concatenate};
use crate::error::Result;
use crate::sizes::graph;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fft::{Kind, largest_prime};

/// How what is too long for a task is transformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As a matrix with so many rows, the fewer, and columns.
    Matrix(u64, u64),
    /// As a convolution of so many values.
    Chirp(u64),
}

/// How `n` values are transformed; `None` where a task does it.
pub(super) fn way(n: u64) -> Option<Way> {
    if n > graph::FFT_LONG
        && let Some(rows) = (graph::FFT_ROWS_MIN..=n.isqrt()).rev().find(|&rows| n.is_multiple_of(rows))
    {
        return Some(Way::Matrix(rows, n / rows));
    }
    (largest_prime(n) > graph::FFT_PRIME_MAX && n <= CHIRP_MAX).then(|| Way::Chirp((2 * n - 1).next_power_of_two()))
}

/// The square of a greater one is no int64.
const CHIRP_MAX: u64 = 3_037_000_499;

/// The values along the last axis, cut or padded with zeros to `n`.
fn fitted(x: &Array, n: u64) -> Result<Array> {
    let mut shape = x.shape()?;
    let last = shape.len() - 1;
    let have = shape[last];
    if have >= n {
        return Ok(x.index([Index::Ellipsis, Index::Slice(None, Some(n as i64), None)]));
    }
    shape[last] = n - have;
    Ok(concatenate(&[x.clone(), crate::array::zeros(shape, x.dtype()?)], -1))
}

/// The unscaled complex transform along the last axis, of `n` values.
fn transformed(x: &Array, n: u64, way: Way, inverse: bool) -> Result<Array> {
    match way {
        Way::Matrix(rows, columns) => in_six_steps(x, (rows, columns), inverse),
        Way::Chirp(m) => convolved(x, (n, m), inverse),
    }
}

/// The same, of `n` values: with w = e^(∓πi/n), Σ x[j] w^(2jk) is w^(k²) Σ (x[j] w^(j²)) w^(-(k-j)²), a convolution of `m` values.
fn convolved(x: &Array, (n, m): (u64, u64), inverse: bool) -> Result<Array> {
    let turn = if inverse { 1.0 } else { -1.0 } * std::f64::consts::PI / n as f64;
    let k = arange(0, n as i64, 1, None);
    // the squares are exact, and come again after 2n
    let chirp = (((&k * &k) % (2 * n as i64)).astype(DType::F64) * Scalar::Complex(0.0, turn)).exp();
    let back = chirp.conj();
    let mirrored = back.index([Index::Slice(Some(n as i64 - 1), Some(0), Some(-1))]);
    let response = concatenate(&[back, crate::array::zeros([m - 2 * n + 1], DType::C128), mirrored], 0);
    // no task holds what is several times as long
    let rows = (1..=m.isqrt()).rev().find(|&rows| m.is_multiple_of(rows)).unwrap_or(1);
    let each = |x: &Array, inverse: bool| in_six_steps(x, (rows, m / rows), inverse);
    let product = each(&fitted(&(x.astype(DType::C128) * &chirp), m)?, false)? * each(&response, false)?;
    let whole = each(&product, true)? / m as f64;
    Ok((whole.index([Index::Ellipsis, Index::Slice(None, Some(n as i64), None)]) * chirp).astype(x.dtype()?))
}

/// The same, of rows · columns values.
fn in_six_steps(x: &Array, (rows, columns): (u64, u64), inverse: bool) -> Result<Array> {
    let shape = x.shape()?;
    let others = &shape[..shape.len() - 1];
    let dtype = x.dtype()?;
    let each = |x: &Array, at: i64| if inverse { super::ifft(x, None, at, Norm::Forward) } else { super::fft(x, None, at, Norm::Backward) };
    let matrix = x.reshape([others, &[rows, columns]].concat());
    let first = each(&matrix, -2);
    // e^(∓2πi · row · column / n): the product is a whole number below n, and so exact
    let turn = if inverse { 2.0 } else { -2.0 } * std::f64::consts::PI / (rows * columns) as f64;
    let place = arange(0, rows as i64, 1, None).expand_dims(1) * arange(0, columns as i64, 1, None);
    let twiddle = (place.astype(DType::F64) * Scalar::Complex(0.0, turn)).exp().astype(dtype);
    let last = each(&(first * twiddle), -1);
    Ok(last.swapaxes(-1, -2).reshape([others, &[rows * columns]].concat()))
}

/// The transform of `kind` of `x`, of a dtype that fits it, along `at`, of `n` values in this way, times `scale`.
pub(super) fn along(kind: Kind, x: &Array, at: usize, (n, way): (u64, Way), scale: f64) -> Result<Array> {
    let lanes = x.moveaxis(at as i64, -1);
    let slice =
        |x: &Array, start: Option<i64>, stop: Option<i64>, step: Option<i64>| x.index([Index::Ellipsis, Index::Slice(start, stop, step)]);
    let result = match kind {
        Kind::Forward | Kind::Inverse => transformed(&fitted(&lanes, n)?, n, way, kind == Kind::Inverse)?,
        Kind::Real => {
            let complex = if x.dtype()? == DType::F32 { DType::C64 } else { DType::C128 };
            let whole = transformed(&fitted(&lanes, n)?.astype(complex), n, way, false)?;
            slice(&whole, None, Some((n / 2 + 1) as i64), None)
        }
        Kind::FromHalf => {
            // the other half mirrors the first one
            let half = fitted(&lanes, n / 2 + 1)?;
            let mirrored = slice(&half, Some(((n - 1) / 2) as i64), Some(0), Some(-1)).conj();
            transformed(&concatenate(&[half, mirrored], -1), n, way, true)?.real()
        }
    };
    let result = if scale == 1.0 { result } else { result * scale };
    Ok(result.moveaxis(-1, at as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{axis, random};

    /// The largest distance, beside the largest value.
    fn distance(a: &Array, b: &Array) -> f64 {
        assert_eq!((a.shape().unwrap(), a.dtype().unwrap()), (b.shape().unwrap(), b.dtype().unwrap()));
        let far = (a - b).abs().max(axis([0, 1])).astype(DType::F64) / b.abs().max(axis([0, 1])).astype(DType::F64);
        far.item::<f64>().unwrap()
    }

    #[test]
    fn every_way_gives_the_transform() {
        let x = random::normal(0.0, 1.0).shape([3, 60]).chunks([2, 17]).seed(5).build();
        let z = &x + &x.flip(1) * Scalar::Complex(0.0, 1.0);
        let matrix = |rows, columns| Way::Matrix(rows, columns);
        let ways = [
            (60i64, matrix(6, 10)),
            (60, matrix(1, 60)),
            (48, matrix(6, 8)),
            (75, matrix(5, 15)),
            (61, Way::Chirp(128)),
            (60, Way::Chirp(121)),
        ];
        for (n, way) in ways {
            let of = |kind, x: &Array, at| along(kind, x, at, (n as u64, way), 1.0).unwrap();
            assert!(distance(&of(Kind::Forward, &z, 1), &super::super::fft(&z, Some(n), 1, Norm::Backward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::Inverse, &z, 1), &super::super::ifft(&z, Some(n), 1, Norm::Forward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::Real, &x, 1), &super::super::rfft(&x, Some(n), 1, Norm::Backward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::FromHalf, &z, 1), &super::super::irfft(&z, Some(n), 1, Norm::Forward)) < 1e-14, "{n}");
            let single = z.t().astype(DType::C64);
            assert!(distance(&of(Kind::Forward, &single, 0), &super::super::fft(&single, Some(n), 0, Norm::Backward)) < 1e-6, "{n}");
        }
    }

    #[test]
    fn only_what_is_long_goes_another_way() {
        assert_eq!(way(1 << 22), None);
        assert_eq!(way(1 << 24), Some(Way::Matrix(1 << 12, 1 << 12)));
        assert_eq!(way(3 << 23), Some(Way::Matrix(1 << 12, 3 << 11)));
        // a prime has no sides
        assert_eq!(way(4_194_319), Some(Way::Chirp(1 << 24)));
        assert_eq!(way(524_287), Some(Way::Chirp(1 << 20)));
        assert_eq!(way(2 * 524_287), Some(Way::Chirp(1 << 21)));
        assert_eq!(way(16 * 524_287), Some(Way::Matrix(16, 524_287)));
        assert_eq!(way(1009 * 1013), None);
        assert_eq!([1, 2, 12, 97, 98].map(largest_prime), [1, 2, 3, 97, 7]);
    }
}
