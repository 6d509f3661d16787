//! The exponential of a matrix, by products and one solution: as large as those can be.

use super::{one, solve, square};
use crate::array::as_many::as_many;
use crate::array::counted::deferred;
use crate::array::elementwise::cast;
use crate::array::{Array, identity, where_};
use crate::error::Result;
use crate::expr::Expr;
use flagstone_kernels::dtype::DType;

/// Coefficients of the numerator of the Padé approximant of degree 13, over the first one.
const PADE: [f64; 14] = {
    let b = [
        64764752532480000.0,
        32382376266240000.0,
        7771770303897600.0,
        1187353796428800.0,
        129060195264000.0,
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ];
    let mut over = b;
    let mut at = 0;
    while at < b.len() {
        over[at] = b[at] / b[0];
        at += 1;
    }
    over
};
/// Up to this 1-norm the approximant is right to a rounding of f64.
const NORM_MAX: f64 = 5.371920351148152;
/// Halvings that bring any finite norm below [`NORM_MAX`].
const HALVINGS_MAX: u64 = 1024;

/// eᵃ of a square matrix, or of each of a stack: halved until its 1-norm is below 5.4, a quotient of polynomials of degree 13, then
/// squared as often as it was halved. Flops: about 2n³ (6⅔ + halvings); how many those are is found first, in a read of `a`.
/// Source: Higham, *The Scaling and Squaring Method for the Matrix Exponential Revisited*, SIAM J. Matrix Anal. 26 (2005).
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let e = linalg::expm(&eye(3, 3, 0, DType::F64)).max(..).item::<f64>().unwrap();
/// assert!((e - std::f64::consts::E).abs() < 1e-15);
/// ```
#[track_caller]
pub fn expm(a: &Array) -> Array {
    one("expm", &[a], |arrays| {
        let a = square("expm", &arrays[0])?;
        if a.shape.contains(&0) {
            return Ok(a);
        }
        let norm = Array::from_expr(cast(&a, widest(a.dtype))?).abs().sum([-2]).max(..);
        let halvings = (norm / NORM_MAX).log2().ceil();
        let taken = as_many(&where_(halvings.isfinite(), halvings, 0.0), HALVINGS_MAX)?;
        let known = (a.shape.iter().map(|&n| (n, None)).collect(), a.dtype);
        deferred("expm", &[a, taken], || Ok(known), |args| halved_and_squared(&args[0], args[1].shape[0]).and_then(|e| e.expr()))
    })
}

/// The dtype in which norms of arrays of `dtype` do not overflow.
fn widest(dtype: DType) -> DType {
    if dtype.is_complex() { DType::C128 } else { DType::F64 }
}

fn halved_and_squared(a: &Expr, halvings: u64) -> Result<Array> {
    let (n, dtype) = (a.shape[a.shape.len() - 1], a.dtype);
    let mut half = Array::from_expr(a.clone());
    // in two steps, so that no power of two leaves the range
    for part in [halvings / 2, halvings - halvings / 2] {
        half = half * 0.5f64.powi(part as i32);
    }
    let half = half.astype(dtype);
    let one = identity(n, dtype);
    let a2 = half.matmul(&half);
    let a4 = a2.matmul(&a2);
    let a6 = a4.matmul(&a2);
    // Σ cᵢ·a⁶, a⁴, a² from i on downwards, and the constant below them
    let three = |i: usize| (&a6 * PADE[i] + &a4 * PADE[i - 2] + &a2 * PADE[i - 4]).astype(dtype);
    let four = |i: usize| (three(i) + &one * PADE[i - 6]).astype(dtype);
    let odd = half.matmul(&(a6.matmul(three(13)) + four(7)));
    let even = a6.matmul(three(12)) + four(6);
    let mut e = solve(&(&even - &odd), &(&even + &odd));
    for _ in 0..halvings {
        e = e.matmul(&e);
    }
    Ok(e)
}
