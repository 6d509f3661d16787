//! What follows from singular values: least squares, pseudoinverses, ranks, condition numbers.

use super::factor::{r_alone, span};
use super::{computed, matrix, one, qr_parts, several, stack, svd, svdvals};
use crate::array::elementwise::cast;
use crate::array::{Array, Index, axis, concatenate, where_, zeros};
use crate::error::{Error, Refusal, Result};
use flagstone_kernels::dtype::DType;

/// Least squares: gives x, the residuals, the rank of `a`, and the singular values of `a`.
///
/// x makes ‖a·x − b‖ least; where several do, it is the shortest. The residuals are the sums of squares of a·x − b, one for each column
/// of `b`. There are none where `a` has no more rows than columns. NumPy gives none for a deficient rank either; here the rank is
/// not known before it is computed. Singular values of at most `rcond` times the largest count as zero; by default `rcond` is the
/// machine precision times the longer side. Cost: one read of `a` and `b`, QR of `[a b]`, then SVD of R.
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a: Array = random::normal(0.0, 1.0).shape([500, 5]).seed(1).into();
/// let b = a.sum(1);
/// let [x, _, rank, _] = linalg::lstsq(&a, &b, None);
/// assert!((x - 1.0).abs().max(..).item::<f64>().unwrap() < 1e-12);
/// assert_eq!(rank.item::<i64>().unwrap(), 5);
/// ```
#[track_caller]
pub fn lstsq(a: &Array, b: &Array, rcond: Option<f64>) -> [Array; 4] {
    several("lstsq", &[a, b], move |arrays| {
        let (a, b) = (matrix("lstsq", &arrays[0])?, arrays[1].expr()?);
        let (m, n) = (a.shape[0], a.shape[1]);
        let is_vector = b.shape.len() == 1;
        if !matches!(b.shape.len(), 1 | 2) || b.shape[0] != m {
            let what = format!("a right-hand side of shape {:?}; expected [{m}] or [{m}, columns]", b.shape);
            return Err(Error::refused(Refusal::Matrix, "lstsq", what));
        }
        let dtype = a.dtype.promote(computed("lstsq", b.dtype)?);
        let (a, b) = (Array::from_expr(cast(&a, dtype)?), Array::from_expr(cast(&b, dtype)?));
        let b = if is_vector { b.expand_dims([1]) } else { b };
        let columns = b.shape()?[1];
        let shaped = |x: Array| if is_vector { x.squeeze([1]) } else { x };
        if m == 0 || n == 0 {
            return Ok([
                shaped(zeros([n, columns], dtype)),
                // without unknowns all of b is left
                if m > 0 { b.abs().square().sum(0) } else { zeros([0], dtype.real()) },
                zeros([0u64; 0], DType::I64),
                zeros([0], dtype.real()),
            ]);
        }
        let rcond = rcond.unwrap_or(dtype.epsilon() * m.max(n) as f64);
        let parts = |x: &Array| -> Result<([Array; 3], Array)> {
            let [u, s, vh] = svd(x, false);
            let keeps = s.gt(s.index([Index::Int(0)]) * rcond);
            Ok(([u, s, vh], keeps))
        };
        if m < n {
            // Aᴴ = Q·R, so that A = Rᴴ·Qᴴ
            let (q, r) = qr_parts(&a.t().conj())?;
            let ([u, s, vh], keeps) = parts(&r.t().conj())?;
            let c = divided(&u.t().conj().matmul(&b), &s, &keeps);
            let x = q.matmul(vh.t().conj().matmul(&c));
            return Ok([shaped(x), zeros([0], dtype.real()), keeps.sum(..), s]);
        }
        // R of [a b] has Qᴴ·b beside the R of a, and what is left of b below
        let r = r_alone(&concatenate(&[a, b], 1));
        let rows = r.shape()?[0];
        let inner = r.index([span(0, n), span(0, n)]);
        let right = r.index([span(0, n), span(n, n + columns)]);
        let ([u, s, vh], keeps) = parts(&inner)?;
        let c = u.t().conj().matmul(&right);
        let x = vh.t().conj().matmul(divided(&c, &s, &keeps));
        let squares = |x: &Array| x.abs().square().sum(0);
        let left = match m > n {
            true => {
                let below = r.index([span(n, rows), span(n, n + columns)]);
                squares(&below) + squares(&where_(keeps.expand_dims([1]), 0.0, &c))
            }
            false => zeros([0], dtype.real()),
        };
        Ok([shaped(x), left, keeps.sum(..), s])
    })
}

/// The rows of `c` over `s` where it counts, else zeros.
fn divided(c: &Array, s: &Array, keeps: &Array) -> Array {
    let (s, keeps) = (s.expand_dims([1]), keeps.expand_dims([1]));
    where_(&keeps, c / where_(&keeps, s, 1.0), 0.0).astype(c.dtype().unwrap_or(DType::F64))
}

/// The pseudoinverse of Moore and Penrose, of each matrix of a stack; singular values of at most `rcond` times the largest count as
/// zero (NumPy's default is 1e-15).
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// let x = linalg::pinv(&ones([4, 2], DType::F64), 1e-15);
/// assert!((x.sum(..) - 1.0).abs().item::<f64>().unwrap() < 1e-14);
/// ```
#[track_caller]
pub fn pinv(a: &Array, rcond: f64) -> Array {
    one("pinv", &[a], move |arrays| {
        let a = Array::from_expr(stack("pinv", &arrays[0])?);
        let dtype = a.dtype()?;
        if a.shape()?.contains(&0) {
            return a.swapaxes(-1, -2).expr();
        }
        let [u, s, vh] = svd(&a, false);
        let keeps = s.gt(s.max(axis(-1).keepdims()) * rcond);
        let inverse = where_(&keeps, 1.0 / where_(&keeps, &s, 1.0), 0.0).astype(s.dtype()?);
        let scaled = vh.swapaxes(-1, -2).conj() * inverse.expand_dims([-2]);
        scaled.matmul(u.swapaxes(-1, -2).conj()).astype(dtype).expr()
    })
}

/// How many singular values are larger than `tol`, by default the largest times machine precision times the longer side; of each
/// matrix of a stack.
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// assert_eq!(linalg::matrix_rank(&ones([4, 2], DType::F64), None).item::<i64>().unwrap(), 1);
/// ```
#[track_caller]
pub fn matrix_rank(a: &Array, tol: Option<f64>) -> Array {
    one("matrix_rank", &[a], move |arrays| {
        let a = Array::from_expr(stack("matrix_rank", &arrays[0])?);
        let shape = a.shape()?;
        let [.., m, n] = shape[..] else { return Err(Error::internal("no matrix")) };
        let s = svdvals(&a);
        if m == 0 || n == 0 {
            return s.count_nonzero(-1).expr();
        }
        match tol {
            Some(tol) => s.gt(tol).sum(-1).expr(),
            None => s.gt(s.max(axis(-1).keepdims()) * (s.dtype()?.epsilon() * m.max(n) as f64)).sum(-1).expr(),
        }
    })
}

/// The ratio of the largest and the smallest singular value, of each matrix of a stack: infinite where both are zero, NaN where an
/// element is.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// assert_eq!(linalg::cond(&(eye(3, 3, 0, DType::F64) * 4.0)).item::<f64>().unwrap(), 1.0);
/// ```
#[track_caller]
pub fn cond(a: &Array) -> Array {
    one("cond", &[a], |arrays| {
        let a = stack("cond", &arrays[0])?;
        // of a stack of no matrices there are no numbers
        if a.shape[a.shape.len() - 2..].contains(&0) {
            return Err(Error::refused(Refusal::Matrix, "cond", format!("an array of shape {:?}; expected elements", a.shape)));
        }
        let a = Array::from_expr(a);
        let s = svdvals(&a);
        let ratio = s.index([Index::Ellipsis, Index::Int(0)]) / s.index([Index::Ellipsis, Index::Int(-1)]);
        let of_zeros = ratio.isnan().logical_and(a.isnan().any([-2, -1]).logical_not());
        where_(of_zeros, f64::INFINITY, ratio).expr()
    })
}
