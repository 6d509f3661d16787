//! Singular values and eigenvalues.

use super::calls::dense;
use super::factor::{applied, factored, r_alone, sides, span};
use super::{matrix, one, qr, qr_parts, several, square, stack};
use crate::array::{Array, Index, axis, concatenate, eye, random, where_};
use crate::error::{Error, Result};
use crate::expr::ops::{Applied, Eigh, Factors, Svd, Zeros};
use crate::expr::{Expr, outputs, postorder};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::Dense;

/// A = U·diag(s)·Vᴴ: U with orthonormal columns, the singular values s, descending, and Vᴴ with orthonormal rows. With
/// `full_matrices` U and Vᴴ are square. Vectors that are not computed cost nothing. Of a matrix with half as many rows again as
/// columns (or the other way round) QR is computed first; what is left, n × n, LAPACK does in one task up to n = 2048, and a larger one,
/// which may be larger than memory, is made a band matrix by panels of its columns and rows. A stack is done matrix by matrix.
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a: Array = random::normal(0.0, 1.0).shape([500, 20]).seed(1).into();
/// let [u, s, vh] = linalg::svd(&a, false);
/// let worst = ((u * s).matmul(&vh) - &a).abs().max(..).item::<f64>().unwrap();
/// assert!(worst < 1e-12);
/// ```
#[track_caller]
pub fn svd(a: &Array, full_matrices: bool) -> [Array; 3] {
    svd_of(a, full_matrices, false)
}

/// As [`svd`], of a matrix that is perhaps the adjoint of the one that a user gave.
#[track_caller]
fn svd_of(a: &Array, full_matrices: bool, mirrored: bool) -> [Array; 3] {
    several("svd", &[a], move |arrays| {
        let call = Dense::Svd { full: full_matrices };
        let a = stack("svd", &arrays[0])?;
        if a.shape.len() > 2 {
            return three(dense(call, a, None)?);
        }
        let (m, n) = (a.shape[0], a.shape[1]);
        if m < n {
            let transposed = Array::from_expr(a).t().conj();
            let [u, s, vh] = svd_of(&transposed, full_matrices, !mirrored);
            return Ok([vh.t().conj(), s, u.t().conj()]);
        }
        if 2 * m < 3 * n || n == 0 {
            return nearly_square(&Array::from_expr(a), full_matrices, mirrored);
        }
        let a = Array::from_expr(a);
        let (q, r) = if full_matrices { complete(&a)? } else { qr_parts(&a)? };
        let [inner, s, vh] = nearly_square(&r, false, mirrored)?;
        let u = match full_matrices {
            true => {
                let first = q.index([Index::Ellipsis, span(0, n)]).matmul(&inner);
                concatenate(&[first, q.index([Index::Ellipsis, span(n, m)])], 1)
            }
            false => q.matmul(&inner),
        };
        Ok([u, s, vh])
    })
}

/// The SVD of a matrix [m, n], m ≥ n, that no QR makes much smaller.
fn nearly_square(a: &Array, full: bool, mirrored: bool) -> Result<[Array; 3]> {
    match sides(a)? {
        [_, n] if n > graph::LAPACK_SIDE_MAX => by_eigenvectors(a, full, mirrored),
        _ => three(dense(Dense::Svd { full }, a.expr()?, None)?),
    }
}

/// The SVD of a matrix [m, n], m ≥ n, of any size: panels of its columns and rows in turn make it a band of its upper triangle; the
/// eigenvectors of the n largest eigenvalues of that and its adjoint, as one Hermitian matrix, have the directions of the columns of U and V.
/// Where singular values are so small that those directions mix with the ones of their negatives, the columns are not orthogonal; QR makes
/// them so, from the largest value to the smallest, and turns a column by no more than rounding is of the norm of A over its singular value.
/// Flops: about 34·n³ (m = n). Sources: Großer and Lang, *Efficient parallel reduction to bidiagonal form*, Parallel Computing 25 (1999);
/// Golub and Van Loan, *Matrix Computations*, 4th ed., §8.6.1.
fn by_eigenvectors(a: &Array, full: bool, mirrored: bool) -> Result<[Array; 3]> {
    let dtype = a.dtype()?;
    let parts = outputs(Svd { mirrored, arg: a.expr()? }.into())?.into_iter().map(Array::from_expr).collect();
    let [values, u, v] = three(parts)?;
    let s = values.flip([0]).maximum(0.0);
    let v = orthonormal(&v.flip([1]), false)?;
    let u = orthonormal(&u.flip([1]), full)?;
    Ok([u, s.astype(dtype.real()), v.t().conj()])
}

/// The columns of `a` [m, n], m ≥ n, made orthonormal from the first to the last, and further ones up to m where they are asked for.
fn orthonormal(a: &Array, full: bool) -> Result<Array> {
    let ([m, n], dtype) = (sides(a)?, a.dtype()?);
    let (q, r) = if full { complete(a)? } else { qr_parts(a)? };
    let diagonal = r.diagonal(0, 0, 1);
    let signs = where_(diagonal.eq(0.0), 1.0, &diagonal / diagonal.abs()).astype(dtype);
    let first = q.index([Index::Ellipsis, span(0, n)]) * signs;
    Ok(if full && m > n { concatenate(&[first, q.index([Index::Ellipsis, span(n, m)])], 1) } else { first })
}

/// Q [m, m] and R [n, n] of a tall matrix.
fn complete(a: &Array) -> Result<(Array, Array)> {
    let ([m, n], dtype) = (sides(a)?, a.dtype()?);
    let f = factored(Factors::Qr, a.expr()?)?.remove(0);
    let q = applied(Applied::Q, &f, &eye(m, m, 0, dtype), Zeros::Below)?;
    Ok((q, f.index([span(0, n)]).triu(0)))
}

fn three(results: Vec<Array>) -> Result<[Array; 3]> {
    results.try_into().map_err(|_| Error::internal("another number of results"))
}

fn two(results: Vec<Array>) -> Result<[Array; 2]> {
    results.try_into().map_err(|_| Error::internal("another number of results"))
}

/// The singular values, descending.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// assert_eq!(linalg::svdvals(&(eye(3, 3, 0, DType::F64) * 4.0)).sum(..).item::<f64>().unwrap(), 12.0);
/// ```
#[track_caller]
pub fn svdvals(a: &Array) -> Array {
    one("svd", &[a], |arrays| {
        let a = Array::from_expr(stack("svd", &arrays[0])?);
        let of = match a.shape()?[..] {
            [m, n] if 2 * m >= 3 * n && n > 0 => r_alone(&a),
            [m, n] if 2 * n >= 3 * m && m > 0 => r_alone(&a.t().conj()),
            _ => a,
        };
        let [_, s, _] = svd(&of, false);
        s.expr()
    })
}

/// The eigenvalues of a Hermitian matrix [n, n], ascending, and its eigenvectors as columns; one triangle is read. A matrix of more than
/// 512 rows may be larger than memory: it is made a band matrix of b diagonals, b the width of a column block, that one tridiagonal by
/// chasing bulges, whose problem is divided and joined. A limit must have room for about five column blocks. Vectors that nobody asks for
/// are not made. A stack is done matrix by matrix, by LAPACK.
/// Flops: 4/3·n³ + 6·b·n² for the values, 7·n³ more for the vectors. Computing it is an error where the matrix has NaN or infinity.
/// Sources: Bischof, Lang and Sun, *A framework for symmetric band reduction*, ACM TOMS 26 (2000); Lang, SIAM J. Sci. Comput. 14 (1993);
/// Gu and Eisenstat, SIAM J. Matrix Anal. Appl. 16 (1995).
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let [w, v] = linalg::eigh(&(eye(3, 3, 0, DType::F64) * 4.0), true);
/// assert_eq!((w.sum(..).item::<f64>().unwrap(), v.shape().unwrap()), (12.0, vec![3, 3]));
/// ```
#[track_caller]
pub fn eigh(a: &Array, lower: bool) -> [Array; 2] {
    several("eigh", &[a], move |arrays| {
        let arg = square("eigh", &arrays[0])?;
        if arg.shape.len() > 2 || arg.shape.contains(&0) {
            return two(dense(Dense::Eigh { lower }, arg, None)?);
        }
        two(outputs(Eigh { lower, last: arg.shape[0], arg }.into())?.into_iter().map(Array::from_expr).collect())
    })
}

/// The eigenvalues and right eigenvectors of any square matrix, complex whatever they are (NumPy gives real ones where none is
/// complex, which is not known before they are computed). A matrix must fit into one task.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let [w, _] = linalg::eig(&(eye(3, 3, 0, DType::F64) * 4.0));
/// assert_eq!(w.real().sum(..).item::<f64>().unwrap(), 12.0);
/// ```
#[track_caller]
pub fn eig(a: &Array) -> [Array; 2] {
    several("eig", &[a], |arrays| two(dense(Dense::Eig, square("eig", &arrays[0])?, None)?))
}

/// The leading `k` singular values and vectors of a matrix of any size, by randomised power iteration:
/// `n_oversamples` more random directions than `k`, `n_power_iter` times multiplied by A·Aᴴ, made orthogonal each time. Reads A
/// 2 + 2·`n_power_iter` times; centred or otherwise elementwise matrices are never stored, and the means of `x - x.mean(0)` are found
/// while it is read the first time. The same `seed` gives the same bits.
/// Source: Halko, Martinsson and Tropp, *Finding structure with randomness*, SIAM Review 53 (2011), algorithms 4.4 and 5.1.
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a = random::normal(0.0, 1.0).shape([500, 4]).seed(1).matmul(random::normal(0.0, 1.0).shape([4, 60]).seed(2));
/// let [u, s, vh] = linalg::svd_compressed(&a, 4, 10, 0, 0);
/// let worst = ((u * s).matmul(&vh) - &a).abs().max(..).item::<f64>().unwrap();
/// assert!(worst < 1e-11);
/// ```
#[track_caller]
pub fn svd_compressed(a: &Array, k: u64, n_oversamples: u64, n_power_iter: u64, seed: u64) -> [Array; 3] {
    several("svd_compressed", &[a], move |arrays| {
        let a = Array::from_expr(matrix("svd_compressed", &arrays[0])?);
        let ([m, n], dtype) = (sides(&a)?, a.dtype()?);
        let most = m.min(n);
        if k == 0 || k > most {
            return Err(Error::bad_request("svd_compressed", format!("k = {k} of a matrix of shape [{m}, {n}]; expected 1 to {most}")));
        }
        let width = k.saturating_add(n_oversamples).min(most);
        let normal = |stream| Array::from(random::normal(0.0, 1.0).shape([n, width]).seed(seed).stream(stream).dtype(dtype.real()));
        let directions = match dtype.is_complex() {
            true => normal(0).astype(dtype) + normal(1).astype(dtype) * flagstone_kernels::dtype::Scalar::Complex(0.0, 1.0),
            false => normal(0),
        };
        let adjoint = a.t().conj();
        let [mut basis, _] = qr(&sample(&a, &directions)?);
        for _ in 0..n_power_iter {
            let [rows, _] = qr(&adjoint.matmul(&basis));
            [basis, _] = qr(&a.matmul(&rows));
        }
        // Qᴴ·A = (Aᴴ·Q)ᴴ: a tall matrix, whose SVD begins with QR
        let [v, s, uh] = svd(&adjoint.matmul(&basis), false);
        let u = basis.matmul(uh.t().conj());
        let leading = |x: &Array| x.index([Index::Ellipsis, span(0, k)]);
        Ok([leading(&u), leading(&s), leading(&v).t().conj()])
    })
}

/// A·Ω. Of a matrix from which rows or columns are taken away, such as the means of its columns, their products with Ω are taken away instead:
/// so what they are made of is read once with the matrix. It is done in double precision: what is left may be much smaller than what is taken
/// away, by 10⁶ or so before the directions suffer.
fn sample(a: &Array, directions: &Array) -> Result<Array> {
    let (dtype, of) = (a.dtype()?, a.expr()?);
    let (rest, taken) = parted(&of);
    if taken.is_empty() {
        return Ok(a.matmul(directions));
    }
    let wide = if dtype.is_complex() { DType::C128 } else { DType::F64 };
    let directions = directions.astype(wide);
    let mut product = Array::from_expr(rest).astype(wide).matmul(&directions);
    for Repeated { of, axis: along, negative } in taken {
        let line = Array::from_expr(of).astype(wide);
        let part = match along {
            0 => line.index([span(0, 1)]).matmul(&directions),
            _ => line.index([Index::Ellipsis, span(0, 1)]) * directions.sum(axis(0).keepdims()),
        };
        product = if negative { product - part } else { product + part };
    }
    Ok(product.astype(dtype))
}

/// An addend of a matrix whose rows (axis 0) or columns are all the same.
struct Repeated {
    of: Expr,
    axis: usize,
    negative: bool,
}

/// A sum of matrices as one of them and others, each of computed rows or columns that are all the same.
fn parted(a: &Expr) -> (Expr, Vec<Repeated>) {
    let (mut rest, mut taken) = (a.clone(), Vec::new());
    while let Some([(x, _), (y, negative)]) = rest.op.addends() {
        // what is taken away from rows that are all the same stays as it is
        let found = repeats(y).map(|axis| (x, y, axis)).or_else(|| repeats(x).filter(|_| !negative).map(|axis| (y, x, axis)));
        let Some((next, of, axis)) = found else { break };
        taken.push(Repeated { of: of.clone(), axis, negative });
        rest = next.clone();
    }
    (rest, taken)
}

/// The axis along which a matrix that is computed from others repeats.
fn repeats(of: &Expr) -> Option<usize> {
    let mut at = of;
    while let Some(arg) = at.op.converted() {
        at = arg;
    }
    let is_computed = || postorder(std::slice::from_ref(at)).iter().any(|node| node.op.ends_loop());
    (0..2).find(|&axis| at.op.repeats_along(axis)).filter(|_| is_computed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::zeros;
    use crate::sizes::Sizes;
    use crate::{DType, Runtime};
    use flagstone_kernels::dtype::Scalar;

    /// Random numbers, with some columns that depend on others where `rank` is less than their number.
    fn matrix(m: u64, n: u64, rank: u64, dtype: DType) -> Array {
        let normal = |shape: [u64; 2], seed| -> Array {
            let part = |stream| Array::from(random::normal(0.0, 1.0).shape(shape).seed(seed).stream(stream).dtype(dtype.real()));
            if dtype.is_complex() { part(0).astype(dtype) + part(1).astype(dtype) * Scalar::Complex(0.0, 1.0) } else { part(0) }
        };
        normal([m, rank], 1).matmul(normal([rank, n], 2))
    }

    #[test]
    fn what_is_no_number_is_named_by_its_place() {
        let runtime = Runtime::builder().memory_limit_bytes(64 << 20).threads(1).sizes(Sizes::tiny()).build().unwrap();
        for (row, column) in [(0, 0), (12, 3), (3, 12), (16, 16), (19, 0)] {
            let a = matrix(20, 17, 17, DType::F64).set([row, column].map(Index::from), f64::NAN);
            for (mirrored, place) in [(false, [row, column]), (true, [column, row])] {
                let [_, s, _] = by_eigenvectors(&a, false, mirrored).unwrap();
                let said = runtime.compute::<f64>(&s).unwrap_err().to_string();
                assert!(said.contains(&format!("NaN or infinity in row {}, column {}", place[0], place[1])), "{said}");
            }
        }
    }

    #[test]
    fn singular_vectors_follow_from_eigenvectors() {
        let runtime = Runtime::builder().memory_limit_bytes(64 << 20).threads(2).sizes(Sizes::tiny()).watch_tasks(true).build().unwrap();
        let norm = |x: &Array| runtime.item::<f64>(&x.astype(DType::C128).abs().square().sum(..)).unwrap().sqrt();
        for (m, n, rank) in [(20, 20, 20), (22, 17, 17), (19, 19, 6), (14, 13, 1), (10, 10, 0), (3, 2, 2), (1, 1, 1)] {
            for (dtype, unit) in [(DType::F64, f64::EPSILON), (DType::C128, f64::EPSILON), (DType::C64, f32::EPSILON.into())] {
                for graded in [false, true] {
                    let a = if rank == 0 { zeros([m, n], dtype) } else { matrix(m, n, rank, dtype) };
                    let grades = random::uniform(-12.0, 0.0).shape([n]).seed(3).build().exp().astype(dtype.real());
                    let a = if graded { a * grades } else { a };
                    for full in [false, true].into_iter().take(1 + (m > n) as usize) {
                        let [u, s, vh] = by_eigenvectors(&a, full, false).unwrap();
                        let what = format!("{m} × {n} of rank {rank}, {dtype}, graded {graded}, full {full}");
                        let by = 20.0 * unit * (m as f64).sqrt();
                        let used = u.index([Index::Ellipsis, span(0, n)]);
                        let left = norm(&((used * &s).matmul(&vh) - &a));
                        assert!(left <= by * norm(&a), "{what}: {left}");
                        for q in [u.t().conj().matmul(&u), vh.matmul(vh.t().conj())] {
                            let k = sides(&q).unwrap()[0];
                            let off = norm(&(&q - eye(k, k, 0, dtype)));
                            assert!(off <= by * (k as f64).sqrt(), "{what}: {off}");
                        }
                        let s = runtime.compute::<f64>(&s.astype(DType::F64)).unwrap();
                        assert!(s.iter().zip(s.iter().skip(1)).all(|(a, b)| a >= b) && s.iter().all(|&s| s >= 0.0), "{what}: {s}");
                        assert_eq!(u.shape().unwrap(), [m, if full { m } else { n }]);
                    }
                }
            }
        }
    }
}
