//! The rows of `linalg.*` in the table of what users can call by NumPy's and SciPy's names.

use super::{LuIn, MatrixNorm, QrIn, Sides};
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, Axes, args, axis, eye, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// Functions of linear algebra.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("linalg.qr" ["a", "mode" = "'reduced'"] -> ["Q", "R"] "Q and R; mode 'reduced', 'complete', 'r' or 'raw'.", |a| qr(&a[0], &a[1])),
    sig!("linalg.lu" ["a", "permute_l" = "False"; "p_indices" = "False"] "P, L and U with A = P @ L @ U (SciPy).", |a| lu(a)),
    sig!("linalg.lu_factor" ["a"] "L and U in one matrix, and the exchanges of rows (SciPy).", |a| Ok(tuple(super::lu_factor(&matrix("lu_factor", &a[0])?)))),
    sig!("linalg.cholesky" ["a"; "upper" = "False"] "L with A = L @ L.H, or U with A = U.H @ U.",
        |a| given(super::cholesky(&matrix("cholesky", &a[0])?, args::boolean("cholesky", &a[1])?))),
    sig!("linalg.solve" ["a", "b"; "assume_a" = "'gen'"] "x with a @ x = b; assume_a 'gen' or 'pos' (SciPy).", |a| solve(a)),
    sig!("linalg.solve_triangular" ["a", "b", "trans" = "0", "lower" = "False", "unit_diagonal" = "False"]
        "x with op(a) @ x = b for a triangle of a (SciPy).", |a| solve_triangular(a)),
    sig!("linalg.expm" ["a"] "The exponential of a matrix.", |a| given(super::expm(&matrix("expm", &a[0])?))),
    sig!("linalg.inv" ["a"] "The inverse.", |a| given(super::inv(&matrix("inv", &a[0])?))),
    sig!("linalg.det" ["a"] "The determinant.", |a| given(super::det(&matrix("det", &a[0])?))),
    sig!("linalg.svd" ["a", "full_matrices" = "True", "compute_uv" = "True", "hermitian" = "False"] -> ["U", "S", "Vh"] "U, s and Vh with A = (U * s) @ Vh.", |a| svd(a)),
    sig!("linalg.svdvals" ["x"] "Singular values, descending.", |a| given(super::svdvals(&matrix("svdvals", &a[0])?))),
    sig!("linalg.svd_compressed" ["a", "k", "n_oversamples" = "10", "n_power_iter" = "0", "seed" = "0"]
        "The leading k singular values and vectors, by random directions (dask).", |a| svd_compressed(a)),
    sig!("linalg.eigh" ["a", "UPLO" = "'L'"] -> ["eigenvalues", "eigenvectors"] "Eigenvalues and eigenvectors of a Hermitian matrix.", |a| Ok(tuple(eigh("eigh", a)?))),
    sig!("linalg.eigvalsh" ["a", "UPLO" = "'L'"] "Eigenvalues of a Hermitian matrix.", |a| eigh("eigvalsh", a).map(first)),
    sig!("linalg.eig" ["a"] -> ["eigenvalues", "eigenvectors"] "Eigenvalues and eigenvectors, complex.", |a| Ok(tuple(super::eig(&matrix("eig", &a[0])?)))),
    sig!("linalg.eigvals" ["a"] "Eigenvalues, complex.", |a| Ok(first(super::eig(&matrix("eigvals", &a[0])?)))),
    sig!("linalg.lstsq" ["a", "b", "rcond" = "None"] "Least squares: x, residuals, rank, singular values.", |a| lstsq(a)),
    sig!("linalg.pinv" ["a", "rcond" = "None", "hermitian" = "False"; "rtol" = "'unset'"] "The pseudoinverse.", |a| pinv(a)),
    sig!("linalg.matrix_rank" ["A", "tol" = "None", "hermitian" = "False"; "rtol" = "None"] "How many singular values are not zero.", |a| matrix_rank(a)),
    sig!("linalg.cond" ["x", "p" = "None"] "The condition number.", |a| cond(&a[0], &a[1])),
    sig!("linalg.norm" ["x", "ord" = "None", "axis" = "None", "keepdims" = "False"] "Norms of vectors and matrices.", |a| norm(a)),
    sig!("linalg.vector_norm" ["x"; "axis" = "None", "keepdims" = "False", "ord" = "2"] "Norms of vectors.", |a| vector_norm(&a[0], &a[1], &a[2], &a[3])),
    sig!("linalg.matrix_norm" ["x"; "keepdims" = "False", "ord" = "'fro'"] "Norms of matrices.", |a| matrix_norm(&matrix("matrix_norm", &a[0])?, &a[1], &a[2])),
    sig!("linalg.tensorinv" ["a", "ind" = "2"] "The inverse of an array whose first axes are rows.",
        |a| given(super::tensorinv(&args::array("tensorinv", &a[0])?, args::natural("tensorinv", &a[1])?))),
    sig!("linalg.tensorsolve" ["a", "b", "axes" = "None"] "x with tensordot(a, x, x.ndim) = b.", |a| tensorsolve(a)),
    sig!("linalg.tsqr" ["data"] "Q and R of a tall matrix (dask).", |a| Ok(tuple(super::qr(&matrix("tsqr", &a[0])?)))),
    sig!("linalg.sfqr" ["data"] "Q and R of a wide matrix (dask).", |a| Ok(tuple(super::qr(&matrix("sfqr", &a[0])?)))),
    sig!("linalg.slogdet" ["a"] -> ["sign", "logabsdet"] "Sign and logarithm of the determinant.", |a| Ok(tuple(super::slogdet(&matrix("slogdet", &a[0])?)))),
];

fn matrix(operation: &str, a: &Value) -> Result<Array> {
    args::array(operation, a)
}

fn given(array: Array) -> Result<Value> {
    Ok(Value::Array(array))
}

fn tuple<const N: usize>(arrays: [Array; N]) -> Value {
    Value::Tuple(arrays.into_iter().map(Value::Array).collect())
}

fn word<'a>(operation: &str, parameter: &str, value: &'a Value, known: &[&str]) -> Result<&'a str> {
    match value {
        Value::Str(word) if known.contains(&word.as_str()) => Ok(word),
        _ => {
            let given =
                if let Value::Str(word) = value { format!("{parameter}='{word}'") } else { format!("a {parameter} that is no string") };
            let known: Vec<String> = known.iter().map(|word| format!("'{word}'")).collect();
            Err(Error::bad_request(operation, format!("{given}; expected {}", known.join(", "))))
        }
    }
}

fn qr(a: &Value, mode: &Value) -> Result<Value> {
    let a = matrix("qr", a)?;
    Ok(match word("qr", "mode", mode, &["reduced", "complete", "r", "raw"])? {
        "reduced" => tuple(super::qr(&a)),
        "complete" => tuple(super::qr_in(&a, QrIn::Complete)),
        "raw" => tuple(super::qr_in(&a, QrIn::Raw)),
        _ => Value::Array(super::factor::r_alone(&a)),
    })
}

fn lu(a: &[Value]) -> Result<Value> {
    let (matrix, permute, indices) = (matrix("lu", &a[0])?, args::boolean("lu", &a[1])?, args::boolean("lu", &a[2])?);
    if permute {
        let [p, l, u] = super::lu(&matrix, LuIn::Matrix);
        return Ok(tuple([p.matmul(l), u]));
    }
    Ok(tuple(super::lu(&matrix, if indices { LuIn::Indices } else { LuIn::Matrix })))
}

fn solve(a: &[Value]) -> Result<Value> {
    let (matrix, b) = (matrix("solve", &a[0])?, args::array("solve", &a[1])?);
    given(match word("solve", "assume_a", &a[2], &["gen", "pos"])? {
        "pos" => super::solve_positive(&matrix, &b),
        _ => super::solve(&matrix, &b),
    })
}

fn solve_triangular(a: &[Value]) -> Result<Value> {
    let name = "solve_triangular";
    let (transposed, conjugated) = match &a[2] {
        Value::Str(trans) => match trans.as_str() {
            "N" => (false, false),
            "T" => (true, false),
            "C" => (true, true),
            _ => return Err(Error::bad_request(name, "an unknown trans; expected 0, 1, 2, 'N', 'T' or 'C'")),
        },
        number => match args::integer(name, number)? {
            0 => (false, false),
            1 => (true, false),
            2 => (true, true),
            _ => return Err(Error::bad_request(name, "an unknown trans; expected 0, 1, 2, 'N', 'T' or 'C'")),
        },
    };
    let sides = Sides { lower: args::boolean(name, &a[3])?, unit_diagonal: args::boolean(name, &a[4])?, transposed, conjugated };
    given(super::solve_triangular(&matrix(name, &a[0])?, &args::array(name, &a[1])?, sides))
}

fn tensorsolve(a: &[Value]) -> Result<Value> {
    let name = "tensorsolve";
    let axes = if matches!(a[2], Value::None) { vec![] } else { args::integers(name, &a[2])? };
    given(super::tensorsolve(&args::array(name, &a[0])?, &args::array(name, &a[1])?, &axes))
}

fn first<const N: usize>(arrays: [Array; N]) -> Value {
    arrays.into_iter().next().map_or(Value::None, Value::Array)
}

fn optional(operation: &str, value: &Value) -> Result<Option<f64>> {
    if matches!(value, Value::None) { Ok(None) } else { args::float(operation, value).map(Some) }
}

fn svd(a: &[Value]) -> Result<Value> {
    let matrix = matrix("svd", &a[0])?;
    match args::boolean("svd", &a[2])? {
        true => Ok(tuple(super::svd(&matrix, args::boolean("svd", &a[1])?))),
        false => given(super::svdvals(&matrix)),
    }
}

fn svd_compressed(a: &[Value]) -> Result<Value> {
    let name = "svd_compressed";
    let number = |at: usize| args::natural(name, &a[at]);
    Ok(tuple(super::svd_compressed(&matrix(name, &a[0])?, number(1)?, number(2)?, number(3)?, number(4)?)))
}

fn eigh(operation: &str, a: &[Value]) -> Result<[Array; 2]> {
    let lower = word(operation, "UPLO", &a[1], &["L", "U", "l", "u"])?.eq_ignore_ascii_case("L");
    Ok(super::eigh(&matrix(operation, &a[0])?, lower))
}

fn lstsq(a: &[Value]) -> Result<Value> {
    let (matrix, b) = (matrix("lstsq", &a[0])?, args::array("lstsq", &a[1])?);
    // below zero LAPACK takes its machine precision, which is the half of NumPy's
    let precision = matrix.dtype()?.promote(b.dtype()?).promote(DType::F32).epsilon() / 2.0;
    let rcond = optional("lstsq", &a[2])?.map(|rcond| if rcond < 0.0 { precision } else { rcond });
    Ok(tuple(super::lstsq(&matrix, &b, rcond)))
}

/// Of one axis: whether any element is not zero.
fn matrix_rank(a: &[Value]) -> Result<Value> {
    let name = "matrix_rank";
    let matrix = matrix(name, &a[0])?;
    if matrix.ndim()? < 2 {
        return given(matrix.any(..).astype(DType::I64));
    }
    given(match (optional(name, &a[1])?, optional(name, &a[3])?) {
        (Some(_), Some(_)) => return Err(Error::bad_request(name, "tol and rtol; expected one of them")),
        (None, Some(rtol)) => {
            let s = super::svdvals(&matrix);
            s.gt(s.max(axis(-1).keepdims()) * rtol).sum(-1)
        }
        (tol, None) => super::matrix_rank(&matrix, tol),
    })
}

fn pinv(a: &[Value]) -> Result<Value> {
    let matrix = matrix("pinv", &a[0])?;
    let rcond = match (optional("pinv", &a[1])?, &a[3]) {
        (Some(_), rtol) if !matches!(rtol, Value::Str(_)) => {
            return Err(Error::bad_request("pinv", "rcond and rtol; expected one of them"));
        }
        (Some(rcond), _) => rcond,
        (None, Value::Str(_)) => 1e-15,
        (None, Value::None) => {
            let (shape, dtype) = (matrix.shape()?, matrix.dtype()?);
            dtype.epsilon() * shape.iter().rev().take(2).max().copied().unwrap_or(1) as f64
        }
        (None, rtol) => args::float("pinv", rtol)?,
    };
    given(super::pinv(&matrix, rcond))
}

fn cond(x: &Value, p: &Value) -> Result<Value> {
    let x = matrix("cond", x)?;
    match p {
        Value::None => given(super::cond(&x)),
        Value::Scalar(_) | Value::Typed(..) if args::float("cond", p)? == 2.0 => given(super::cond(&x)),
        Value::Scalar(_) | Value::Typed(..) if args::float("cond", p)? == -2.0 => given(1.0 / super::cond(&x)),
        _ => {
            let norm = of_matrix("cond", p)?;
            // what has no inverse is not inverted: those of its transposed matrix are the factors that `inv` works with
            let singular = super::slogdet(&x.swapaxes(-1, -2))[0].eq(0.0);
            let n = x.shape()?.last().copied().unwrap_or(0);
            let unit = eye(n, n, 0, x.dtype()?);
            let whole = where_(singular.expand_dims([-1, -2]), unit, &x);
            let product = super::matrix_norm(&x, norm) * super::matrix_norm(&super::inv(&whole), norm);
            given(where_(singular, f64::INFINITY, product))
        }
    }
}

fn of_matrix(operation: &str, ord: &Value) -> Result<MatrixNorm> {
    let unknown = || Error::bad_request(operation, "an unknown ord of a matrix; expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf");
    match ord {
        Value::Str(name) if name == "fro" => Ok(MatrixNorm::Frobenius),
        Value::Str(name) if name == "nuc" => Ok(MatrixNorm::Nuclear),
        Value::Scalar(_) | Value::Typed(..) => MatrixNorm::of(args::float(operation, ord)?).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

/// NumPy's `norm`: of a vector along one axis, of a matrix along two, of all elements where neither `ord` nor `axis` is given.
fn norm(a: &[Value]) -> Result<Value> {
    let x = args::array("norm", &a[0])?;
    let (ord, keepdims) = (&a[1], args::boolean("norm", &a[3])?);
    let ndim = x.ndim()?;
    if matches!(ord, Value::None) && matches!(a[2], Value::None) {
        let axes = if keepdims { axis(..).keepdims() } else { axis(..) };
        return given(super::vector_norm(&x, 2.0, axes));
    }
    let axes: Vec<i64> = match &a[2] {
        Value::None => (0..ndim as i64).collect(),
        axes => args::integers("norm", axes)?,
    };
    match axes[..] {
        [_] => {
            let ord = match ord {
                Value::None => 2.0,
                Value::Str(word) => return Err(Error::bad_request("norm", format!("ord '{word}' of vectors; expected a number"))),
                ord => args::float("norm", ord)?,
            };
            let axes = Axes::from(axes);
            given(super::vector_norm(&x, ord, if keepdims { axes.keepdims() } else { axes }))
        }
        [row, column] => {
            let norm = if matches!(ord, Value::None) { MatrixNorm::Frobenius } else { of_matrix("norm", ord)? };
            let found = super::matrix_norm(&x.moveaxis([row, column], [-2, -1]), norm);
            let place = |axis: i64| if axis < 0 { axis + ndim as i64 } else { axis };
            let mut places = [place(row), place(column)];
            places.sort_unstable();
            given(if keepdims { found.expand_dims(places) } else { found })
        }
        _ => Err(Error::bad_request("norm", format!("{} axes; expected one or two (an array of more axes needs axis=)", axes.len()))),
    }
}

fn vector_norm(x: &Value, axes: &Value, keepdims: &Value, ord: &Value) -> Result<Value> {
    let name = "vector_norm";
    let (x, axes) = (args::array(name, x)?, args::axes(name, axes)?);
    given(super::vector_norm(&x, args::float(name, ord)?, if args::boolean(name, keepdims)? { axes.keepdims() } else { axes }))
}

fn matrix_norm(x: &Array, keepdims: &Value, ord: &Value) -> Result<Value> {
    let found = super::matrix_norm(x, of_matrix("matrix_norm", ord)?);
    given(if args::boolean("matrix_norm", keepdims)? { found.expand_dims([-2, -1]) } else { found })
}
