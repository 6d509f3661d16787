//! User's calls → Expr. Linear algebra under NumPy's and SciPy's names: factorisations, and what is solved with them.
//!
//! Matrices may be several times larger than the memory limit, and have any chunks: they are worked on by blocks of whole
//! columns of which each thread holds two. Integers and bool are computed in f64; f16 and bf16 are refused, as NumPy
//! refuses them.

mod calls;
mod exponential;
mod factor;
mod least;
mod norm;
mod solve;
mod spectral;
pub(in crate::array) mod table;
mod tensors;

pub use exponential::expm;
pub use factor::{LuIn, QrIn, cholesky, lu, lu_factor, qr, qr_in};
pub use least::{cond, lstsq, matrix_rank, pinv};
pub use norm::{MatrixNorm, matrix_norm, vector_norm};
pub use solve::{Sides, det, inv, slogdet, solve, solve_positive, solve_triangular};
pub use spectral::{eig, eigh, svd, svd_compressed, svdvals};
pub use tensors::{tensorinv, tensorsolve};

use super::Array;
use super::composed::composed;
use super::elementwise::cast;
use crate::error::{Error, Refusal, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::DType;
use std::sync::Arc;

/// The dtype in which `operation` is computed for arrays of `dtype`.
fn computed(operation: &str, dtype: DType) -> Result<DType> {
    match dtype {
        DType::F16 | DType::BF16 => {
            Err(Error::bad_type(operation, format!("an array of {dtype}; expected float32, float64, complex64, complex128 or integers")))
        }
        dtype if dtype.is_float() || dtype.is_complex() => Ok(dtype),
        _ => Ok(DType::F64),
    }
}

/// `a` as a matrix that can be factored.
fn matrix(operation: &str, a: &Array) -> Result<Expr> {
    let a = stack(operation, a)?;
    if a.shape.len() > 2 {
        return Err(Error::refused(Refusal::Matrix, operation, format!("an array of shape {:?}; expected a matrix", a.shape)));
    }
    Ok(a)
}

/// `a` as a matrix that can be factored, or a stack of them.
fn stack(operation: &str, a: &Array) -> Result<Expr> {
    let a = a.expr()?;
    if a.shape.len() < 2 {
        return Err(Error::refused(
            Refusal::Matrix,
            operation,
            format!("an array of shape {:?}; expected a matrix, or a stack of them", a.shape),
        ));
    }
    cast(&a, computed(operation, a.dtype)?)
}

/// As [`stack`], of as many rows as columns.
fn square(operation: &str, a: &Array) -> Result<Expr> {
    let a = stack(operation, a)?;
    match a.shape[..] {
        [.., m, n] if m == n => Ok(a),
        ref shape => Err(Error::refused(Refusal::Matrix, operation, format!("an array of shape {shape:?}; expected a square matrix"))),
    }
}

/// Q and R, k = min(m, n), of a matrix: by a tree of rows where it is tall. The choice follows from the shape alone.
fn qr_parts(a: &Array) -> Result<(Array, Array)> {
    let [q, r] = qr(a);
    q.check()?;
    Ok((q, r))
}

/// What `f` makes of `arrays` once their lengths are known: at once where they are.
#[track_caller]
fn one(name: &str, arrays: &[&Array], f: impl Fn(&[Array]) -> Result<Expr> + Send + Sync + 'static) -> Array {
    composed(name, arrays, move |arrays| f(arrays).map(Array::from_expr))
}

/// As [`one`], of several results. Those that wait for a length are built one by one; what they have in common is one again when
/// the graph is rewritten.
#[track_caller]
fn several<const N: usize>(
    name: &str,
    arrays: &[&Array],
    f: impl Fn(&[Array]) -> Result<[Array; N]> + Send + Sync + 'static,
) -> [Array; N] {
    let mut waits = false;
    for array in arrays {
        match array.expr() {
            Ok(expr) => waits |= expr.is_counted(),
            Err(error) => return failed(&error),
        }
    }
    if !waits {
        let arrays: Vec<Array> = arrays.iter().map(|&array| array.clone()).collect();
        return f(&arrays).unwrap_or_else(|error| failed(&error.without_place()));
    }
    let f = Arc::new(f);
    std::array::from_fn(|at| {
        let f = f.clone();
        composed(name, arrays, move |arrays| f(arrays).map(|all| all[at].clone()))
    })
}

/// As many arrays of an error.
#[track_caller]
fn failed<const N: usize>(error: &Error) -> [Array; N] {
    std::array::from_fn(|_| Array::build(|| Err(error.clone())))
}
