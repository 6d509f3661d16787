//! Transforms along an axis that no task should hold: in six steps, as a matrix of which first the columns, then the rows are
//! transformed (Bailey 1990). The steps are arrays like all others, so that they spill where they must.

use super::Norm;
use crate::array::{Array, Index, arange, concatenate};
use crate::error::Result;
use crate::sizes::graph;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fft::Kind;

/// The sides of the matrix as which `n` values are transformed, the rows fewer; none where they are few enough for a task, or `n` has
/// no divisors that would help.
pub(super) fn sides(n: u64) -> Option<(u64, u64)> {
    if n <= graph::FFT_LONG {
        return None;
    }
    let rows = (graph::FFT_ROWS_MIN..=n.isqrt()).rev().find(|&rows| n.is_multiple_of(rows))?;
    Some((rows, n / rows))
}

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

/// The unscaled complex transform along the last axis, of rows · columns values.
fn transformed(x: &Array, (rows, columns): (u64, u64), inverse: bool) -> Result<Array> {
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

/// The transform of `kind` of `x`, of a dtype that fits it, along `at`, by `sides`, times `scale`.
pub(super) fn along(kind: Kind, x: &Array, at: usize, sides: (u64, u64), scale: f64) -> Result<Array> {
    let n = sides.0 * sides.1;
    let lanes = x.moveaxis(at as i64, -1);
    let slice =
        |x: &Array, start: Option<i64>, stop: Option<i64>, step: Option<i64>| x.index([Index::Ellipsis, Index::Slice(start, stop, step)]);
    let result = match kind {
        Kind::Forward | Kind::Inverse => transformed(&fitted(&lanes, n)?, sides, kind == Kind::Inverse)?,
        Kind::Real => {
            let complex = if x.dtype()? == DType::F32 { DType::C64 } else { DType::C128 };
            let whole = transformed(&fitted(&lanes, n)?.astype(complex), sides, false)?;
            slice(&whole, None, Some((n / 2 + 1) as i64), None)
        }
        Kind::FromHalf => {
            // the other half mirrors the first one
            let half = fitted(&lanes, n / 2 + 1)?;
            let mirrored = slice(&half, Some(((n - 1) / 2) as i64), Some(0), Some(-1)).conj();
            transformed(&concatenate(&[half, mirrored], -1), sides, true)?.real()
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
    fn six_steps_give_the_transform() {
        let x = random::normal(0.0, 1.0).shape([3, 60]).chunks([2, 17]).seed(5).build();
        let z = &x + &x.flip(1) * Scalar::Complex(0.0, 1.0);
        for (n, sides) in [(60i64, (6, 10)), (60, (1, 60)), (48, (6, 8)), (75, (5, 15))] {
            let of = |kind, x: &Array, at| along(kind, x, at, sides, 1.0).unwrap();
            assert!(distance(&of(Kind::Forward, &z, 1), &super::super::fft(&z, Some(n), 1, Norm::Backward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::Inverse, &z, 1), &super::super::ifft(&z, Some(n), 1, Norm::Forward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::Real, &x, 1), &super::super::rfft(&x, Some(n), 1, Norm::Backward)) < 1e-14, "{n}");
            assert!(distance(&of(Kind::FromHalf, &z, 1), &super::super::irfft(&z, Some(n), 1, Norm::Forward)) < 1e-14, "{n}");
            let single = z.t().astype(DType::C64);
            assert!(distance(&of(Kind::Forward, &single, 0), &super::super::fft(&single, Some(n), 0, Norm::Backward)) < 1e-6, "{n}");
        }
    }

    #[test]
    fn only_what_is_long_goes_in_six_steps() {
        assert_eq!(sides(1 << 22), None);
        assert_eq!(sides(1 << 24), Some((1 << 12, 1 << 12)));
        assert_eq!(sides(3 << 23), Some((1 << 12, 3 << 11)));
        // a prime has no sides
        assert_eq!(sides(4_194_319), None);
    }
}
