//! LU, QR and Cholesky.

use super::calls::dense;
use super::{matrix, one, several, square, stack};
use crate::array::{Array, Index, arange, concatenate, eye, identity, where_, zeros};
use crate::error::{Error, Refusal, Result};
use crate::expr::ops::{Applied, Apply, By, Factor, Factors, TallQr, Zeros};
use crate::expr::{Expr, Node, outputs};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::Dense;

/// Rows or columns from `start` to `stop`.
pub(super) fn span(start: u64, stop: u64) -> Index {
    Index::Slice(Some(start as i64), Some(stop as i64), None)
}

/// All results of a factorisation.
pub(super) fn factored(into: Factors, arg: Expr) -> Result<Vec<Array>> {
    let factor = Factor { into, arg };
    match into {
        Factors::Cholesky => Ok(vec![Array::from_expr(Node::new(factor.into())?)]),
        Factors::Lu | Factors::Qr => Ok(outputs(factor.into())?.into_iter().map(Array::from_expr).collect()),
    }
}

/// `arg` under factors.
pub(super) fn applied(applied: Applied, factors: &Array, arg: &Array, zeros: Zeros) -> Result<Array> {
    let apply = Apply { applied, factors: factors.expr()?, arg: arg.expr()?, zeros };
    Node::new(apply.into()).map(Array::from_expr)
}

/// What [`qr_in`] gives, as NumPy's `mode` of `qr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QrIn {
    /// Q [m, k] and R [k, n], k = min(m, n).
    Reduced,
    /// Q [m, m] and R [m, n].
    Complete,
    /// LAPACK's reflectors h `[n, m]` (transposed) and tau `[k]`.
    Raw,
}

/// What [`lu`] gives, as SciPy's `permute_l` and `p_indices`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LuIn {
    /// P as a matrix [m, m] of the dtype of A.
    Matrix,
    /// P as the rows of L in the order of A's (int64): `A = L[p] @ U`.
    Indices,
}

/// A = Q·R by Householder reflectors: Q [m, k] with orthonormal columns, R [k, n] upper triangular, k = min(m, n). Where Q is
/// not computed, it costs nothing. Flops: 2mn² − ⅔n³ for R, as many again for Q (m ≥ n). A matrix of at least eight times as many rows as
/// columns, 2048 at most, is factored by a sketch and Cholesky where it is read from stores or made from nothing, and is not too near a singular one: three reads
/// and at most 4mn² flops, of which two and 2mn² are for R, which is to be found before anything else is computed.
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a: Array = random::normal(0.0, 1.0).shape([50, 30]).seed(1).into();
/// let [q, r] = linalg::qr(&a);
/// let worst = (q.matmul(&r) - &a).abs().max(..).item::<f64>().unwrap();
/// assert!(worst < 1e-13);
/// ```
#[track_caller]
pub fn qr(a: &Array) -> [Array; 2] {
    qr_in(a, QrIn::Reduced)
}

/// As [`qr`], in the form that `mode` asks for.
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// let [q, r] = linalg::qr_in(&ones([5, 3], DType::F64), linalg::QrIn::Complete);
/// assert_eq!((q.shape().unwrap(), r.shape().unwrap()), (vec![5, 5], vec![5, 3]));
/// ```
#[track_caller]
pub fn qr_in(a: &Array, mode: QrIn) -> [Array; 2] {
    parts(a, mode, true)
}

/// R of [`qr`] where nobody wants Q: that of a tall matrix in one read. Its last bits, and the signs of its rows, may be others than those of the R that Q
/// belongs to.
#[track_caller]
pub(super) fn r_alone(a: &Array) -> Array {
    let [_, r] = parts(a, QrIn::Reduced, false);
    r
}

/// As [`qr_in`]; of a tall matrix by what makes Q cheap, or R alone.
#[track_caller]
fn parts(a: &Array, mode: QrIn, for_q: bool) -> [Array; 2] {
    several("qr", &[a], move |arrays| {
        let a = Array::from_expr(stack("qr", &arrays[0])?);
        if a.ndim()? > 2 {
            let full = match mode {
                QrIn::Reduced => false,
                QrIn::Complete => true,
                QrIn::Raw => return Err(Error::unsupported("qr", "mode 'raw' of a stack of matrices")),
            };
            let [q, r] = &dense(Dense::Qr { full }, a.expr()?, None)?[..] else { return Err(Error::internal("two results")) };
            return Ok([q.clone(), r.clone()]);
        }
        let ([m, n], dtype) = (sides(&a)?, a.dtype()?);
        let k = m.min(n);
        if k == 0 {
            return Ok(match mode {
                QrIn::Reduced => [zeros([m, 0], dtype), zeros([0, n], dtype)],
                QrIn::Complete => [identity(m, dtype), zeros([m, n], dtype)],
                QrIn::Raw => [zeros([n, m], dtype), zeros([0], dtype)],
            });
        }
        if mode == QrIn::Reduced && m >= graph::TALL_RATIO * n && n <= graph::TALL_COLUMNS_MAX {
            let outputs = outputs(TallQr { arg: a.expr()?, by: if for_q { By::Sketch } else { By::Tree } }.into())?;
            return Ok([Array::from_expr(outputs[0].clone()), Array::from_expr(outputs[1].clone())]);
        }
        // the columns beyond a square are no factors: the reflectors are applied to them
        let outputs = factored(Factors::Qr, a.index([Index::Ellipsis, span(0, k)]).expr()?)?;
        let (f, tau) = (&outputs[0], &outputs[1]);
        let whole = match n > k {
            true => {
                let right = applied(Applied::QAdjoint, f, &a.index([Index::Ellipsis, span(k, n)]), Zeros::None)?;
                concatenate(&[f.clone(), right], 1)
            }
            false => f.clone(),
        };
        let columns = if mode == QrIn::Complete { m } else { k };
        match mode {
            QrIn::Raw => Ok([whole.t(), tau.clone()]),
            QrIn::Reduced | QrIn::Complete => {
                let q = applied(Applied::Q, f, &eye(m, columns, 0, dtype), Zeros::Below)?;
                Ok([q, whole.index([span(0, columns)]).triu(0)])
            }
        }
    })
}

/// A = P·L·U with partial pivoting: the permutation P, L [m, k] lower triangular with ones on its diagonal, U [k, n] upper
/// triangular, k = min(m, n). Flops: mn² − ⅓n³ (m ≥ n).
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a: Array = random::normal(0.0, 1.0).shape([40, 40]).seed(1).into();
/// let [p, l, u] = linalg::lu(&a, linalg::LuIn::Matrix);
/// let worst = (p.matmul(&l).matmul(&u) - &a).abs().max(..).item::<f64>().unwrap();
/// assert!(worst < 1e-13);
/// ```
#[track_caller]
pub fn lu(a: &Array, form: LuIn) -> [Array; 3] {
    several("lu", &[a], move |arrays| {
        let a = Array::from_expr(matrix("lu", &arrays[0])?);
        let ([m, n], dtype) = (sides(&a)?, a.dtype()?);
        let k = m.min(n);
        let places = arange(0, m as i64, 1, DType::I64);
        let (order, l, u) = match k {
            0 => (places.clone(), zeros([m, 0], dtype), zeros([0, n], dtype)),
            _ => {
                let outputs = factored(Factors::Lu, a.index([Index::Ellipsis, span(0, k)]).expr()?)?;
                let f = &outputs[2];
                let mut u = f.index([span(0, k)]).triu(0);
                if n > k {
                    let right = applied(Applied::Lower, &outputs[0], &a.index([Index::Ellipsis, span(k, n)]), Zeros::None)?;
                    u = concatenate(&[u, right], 1);
                }
                (outputs[3].clone(), f.tril(-1) + eye(m, k, 0, dtype), u)
            }
        };
        // row i of L·U is row order[i] of A
        let is = order.expand_dims([0]).eq(places.expand_dims([1]));
        let p = match form {
            LuIn::Matrix => is.astype(dtype),
            LuIn::Indices if m == 0 => places,
            LuIn::Indices => is.argmax(1),
        };
        Ok([p, l, u])
    })
}

/// LU of a matrix [m, n] in one: L below the diagonal, U on and above it, and for each of the first min(m, n) rows the one that it was exchanged
/// with (int64), as SciPy's `lu_factor`.
///
/// ```
/// use flagstone::{DType, array::linalg, ones};
/// let [lu, piv] = linalg::lu_factor(&ones([3, 3], DType::F64));
/// assert_eq!((lu.shape().unwrap(), piv.shape().unwrap()), (vec![3, 3], vec![3]));
/// ```
#[track_caller]
pub fn lu_factor(a: &Array) -> [Array; 2] {
    several("lu_factor", &[a], |arrays| {
        let a = Array::from_expr(matrix("lu_factor", &arrays[0])?);
        let ([m, n], dtype) = (sides(&a)?, a.dtype()?);
        let k = m.min(n);
        if k == 0 {
            return Ok([zeros([m, n], dtype), zeros([0], DType::I64)]);
        }
        let outputs = factored(Factors::Lu, a.index([Index::Ellipsis, span(0, k)]).expr()?)?;
        let mut lu = outputs[2].clone();
        if n > k {
            lu = concatenate(&[lu, applied(Applied::Lower, &outputs[0], &a.index([Index::Ellipsis, span(k, n)]), Zeros::None)?], 1);
        }
        Ok([lu, outputs[1].clone()])
    })
}

/// A = L·Lᴴ of a Hermitian positive definite matrix, L lower triangular; with `upper`, A = Uᴴ·U. The other triangle of A is
/// not looked at. Computing it is an error where A is not positive definite. Flops: ⅓n³.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let l = linalg::cholesky(&(eye(3, 3, 0, DType::F64) * 4.0), false);
/// assert_eq!(l.sum(..).item::<f64>().unwrap(), 6.0);
/// ```
#[track_caller]
pub fn cholesky(a: &Array, upper: bool) -> Array {
    one("cholesky", &[a], move |arrays| {
        let a = square("cholesky", &arrays[0])?;
        if a.shape.contains(&0) {
            return Ok(a);
        }
        let is_stack = a.shape.len() > 2;
        let a = Array::from_expr(a);
        let adjoint = |a: Array| a.swapaxes(-1, -2).conj();
        let a = if upper { adjoint(a) } else { a }.expr()?;
        let l = if is_stack { dense(Dense::Cholesky, a, None)?.remove(0) } else { factored(Factors::Cholesky, a)?.remove(0) };
        if upper { adjoint(l).expr() } else { l.expr() }
    })
}

pub(super) fn sides(a: &Array) -> Result<[u64; 2]> {
    match a.shape()?[..] {
        [m, n] => Ok([m, n]),
        ref shape => Err(Error::refused(Refusal::Matrix, "linalg", format!("an array of shape {shape:?}; expected a matrix"))),
    }
}

/// −1 for an odd number of exchanges of rows, else 1, in `dtype`.
pub(super) fn parity(pivots: &Array, dtype: DType) -> Result<Array> {
    let n = pivots.shape()?[0] as i64;
    Ok(where_(pivots.ne(arange(0, n, 1, DType::I64)), -1.0, 1.0).prod(..).astype(dtype))
}
