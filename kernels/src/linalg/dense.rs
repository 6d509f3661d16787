//! What LAPACK does to one matrix that a task holds whole: singular values, eigenvalues. Beside it, for stacks of small
//! matrices, what blocks of columns do for large ones.

use super::cholesky::{cholesky_panel, cholesky_scratch_bytes};
use super::field::Field;
use super::lapack::{Drivers, pad, padded};
use super::lu::{lu_apply, lu_panel, lu_scratch_bytes};
use super::matrix::{Mat, MatMut, take, taken_bytes};
use super::triangle::{Triangle, solve_step, triangle_scratch_bytes};
use super::whole::{qr_whole, qr_whole_apply, qr_whole_scratch_bytes, qr_whole_t_len};
use crate::copy::copy;
use crate::dtype::{C128, DType};
use crate::view::{View, ViewMut};
use crate::with_field;
use ndarray::{Array1, Array2};
use ndarray_linalg::{JobSvd, Lapack};
use serde::{Deserialize, Serialize};

/// What is computed of each matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dense {
    /// U `[m, k or m]`, s `[k]`, Vᴴ `[k or n, n]`, k = min(m, n).
    Svd {
        /// Square U and Vᴴ.
        full: bool,
    },
    /// Eigenvalues, ascending, and eigenvectors of a Hermitian matrix.
    Eigh {
        /// Which triangle is read.
        lower: bool,
    },
    /// Eigenvalues and right eigenvectors, complex.
    Eig,
    /// Q [m, k or m] and R [k or m, n].
    Qr {
        /// Square Q.
        full: bool,
    },
    /// L with L·Lᴴ = A, of the lower triangle.
    Cholesky,
    /// x with a·x = b, of two matrices.
    Solve,
    /// x with op(a)·x = b, of one triangle of a matrix, and another matrix.
    SolveTriangular(Triangle),
    /// The determinant.
    Det,
    /// The sign of the determinant and the logarithm of its absolute value.
    SlogDet,
}

/// Lengths of the last axes of a result, and its dtype.
pub type ResultShape = (Vec<u64>, DType);

impl Dense {
    /// NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            Dense::Svd { .. } => "svd",
            Dense::Eigh { .. } => "eigh",
            Dense::Eig => "eig",
            Dense::Qr { .. } => "qr",
            Dense::Cholesky => "cholesky",
            Dense::Solve => "solve",
            Dense::SolveTriangular(_) => "solve_triangular",
            Dense::Det => "det",
            Dense::SlogDet => "slogdet",
        }
    }

    /// What comes out of a matrix [m, n] of `dtype`; `columns` are those of the right-hand side.
    pub fn makes(self, dtype: DType, m: u64, n: u64, columns: u64) -> Vec<ResultShape> {
        let k = m.min(n);
        let complex = if dtype.real() == DType::F32 { DType::C64 } else { DType::C128 };
        match self {
            Dense::Svd { full } => {
                let (rows, cols) = if full { (m, n) } else { (k, k) };
                vec![(vec![m, rows], dtype), (vec![k], dtype.real()), (vec![cols, n], dtype)]
            }
            Dense::Eigh { .. } => vec![(vec![n], dtype.real()), (vec![n, n], dtype)],
            Dense::Eig => vec![(vec![n], complex), (vec![n, n], complex)],
            Dense::Qr { full } => {
                let rows = if full { m } else { k };
                vec![(vec![m, rows], dtype), (vec![rows, n], dtype)]
            }
            Dense::Cholesky => vec![(vec![n, n], dtype)],
            Dense::Solve | Dense::SolveTriangular(_) => vec![(vec![n, columns], dtype)],
            Dense::Det => vec![(vec![], dtype)],
            Dense::SlogDet => vec![(vec![], dtype), (vec![], dtype.real())],
        }
    }

    /// Bytes that [`Dense::run`] takes beside what it is given: of scratch, and what LAPACK's wrapper allocates meanwhile.
    pub fn scratch_bytes(self, dtype: DType, m: u64, n: u64, columns: u64) -> u64 {
        let (m, n, columns) = (m as usize, n as usize, columns as usize);
        let most = m.max(n);
        let item = dtype.size();
        let bytes = with_field!(dtype, T => match self {
            // the matrix, both factors, and gesdd's work: 4·k² + 7·k and a block row
            Dense::Svd { full } => {
                let k = m.min(n);
                let factors = if full { m * m + n * n } else { k * (m + n) };
                (2 * m * n + 2 * factors + 5 * k * k + 64 * most + 4 * pad(most)) * item.max(8)
            }
            // syevd's work: 2n² + 6n + 1
            Dense::Eigh { .. } => (5 * n * n + 64 * n + 2 * pad(n)) * item.max(8),
            Dense::Eig => (6 * n * n + 64 * n + 4 * pad(n)) * 2 * item.max(8),
            Dense::Qr { full } => {
                let k = if full { m } else { m.min(n) };
                taken_bytes::<T>(m * n) + taken_bytes::<T>(m * k) + taken_bytes::<T>(qr_whole_t_len(m, n)) + qr_whole_scratch_bytes::<T>(m, n, k)
            }
            Dense::Cholesky => taken_bytes::<T>(n * n) + cholesky_scratch_bytes::<T>(n, n),
            Dense::Solve => {
                taken_bytes::<T>(n * n + n * columns) + n * 8 + 64 + lu_scratch_bytes::<T>(n, n.max(columns)).max(triangle_scratch_bytes::<T>(n, columns, n))
            }
            Dense::SolveTriangular(_) => taken_bytes::<T>(n * n) + taken_bytes::<T>(n * columns) + triangle_scratch_bytes::<T>(n, columns, n),
            Dense::Det | Dense::SlogDet => taken_bytes::<T>(n * n) + n * 8 + 64 + lu_scratch_bytes::<T>(n, n),
        });
        bytes as u64 + 64
    }

    /// Computes what is not `None` of `out` from one matrix, or from two.
    ///
    /// # Errors
    /// Why there is no result, as what follows "the matrix".
    ///
    /// # Panics
    /// If shapes or dtypes are not those of [`Dense::makes`], or the matrices have no elements.
    pub fn run(self, args: &[View<'_>], out: &mut [Option<ViewMut<'_>>], scratch: &mut [u8]) -> Result<(), String> {
        with_field!(args[0].dtype(), T => self.typed::<T>(args, out, scratch))
    }

    fn typed<T: Drivers + Lapack<Complex: Field, Real: Field>>(
        self,
        args: &[View<'_>],
        out: &mut Results<'_>,
        scratch: &mut [u8],
    ) -> Result<(), String> {
        let a = &args[0];
        match self {
            Dense::Svd { full } => svd::<T>(a, full, out),
            Dense::Eigh { lower } => eigh::<T>(a, lower, out),
            Dense::Eig => eig::<T>(a, out),
            Dense::Qr { .. } => {
                qr::<T>(a, out, scratch);
                Ok(())
            }
            Dense::Cholesky => cholesky::<T>(a, out, scratch),
            Dense::Solve => solve::<T>(a, &args[1], out, scratch),
            Dense::SolveTriangular(kind) => solve_triangular::<T>(kind, a, &args[1], out, scratch),
            Dense::Det => {
                det::<T>(a, out, scratch);
                Ok(())
            }
            Dense::SlogDet => {
                slogdet::<T>(a, out, scratch);
                Ok(())
            }
        }
    }
}

/// What is wanted of the results of a matrix.
type Results<'a> = [Option<ViewMut<'a>>];

const UNCONVERGED: &str = "its eigenvalues did not converge";

/// Singular values, and the vectors where they are wanted: U of all rows or of the first min(m, n) columns, s, Vᴴ.
fn svd<T: Drivers + Lapack<Real: Field>>(a: &View<'_>, full: bool, out: &mut Results<'_>) -> Result<(), String> {
    let vectors = out[0].is_some() || out[2].is_some();
    let job = match (vectors, full) {
        (false, _) => JobSvd::None,
        (true, true) => JobSvd::All,
        (true, false) => JobSvd::Some,
    };
    let (u, s, vt) = T::gesdd(owned::<T>(a), job).ok_or_else(|| failed::<T>(a, "its singular values did not converge"))?;
    put_optional(&mut out[0], u);
    put_vector(&mut out[1], s);
    put_optional(&mut out[2], vt);
    Ok(())
}

/// All of a Hermitian matrix of which one triangle is read, and conjugated: LAPACK's wrapper takes rows for columns.
fn hermitian<T: Field>(a: &View<'_>, lower: bool) -> Array2<T> {
    let mut whole = owned::<T>(a);
    for i in 0..whole.nrows() {
        whole[[i, i]] = T::narrow(C128::new(Field::wide(whole[[i, i]]).re, 0.0));
        for j in 0..i {
            let (to, from) = if lower { ([j, i], [i, j]) } else { ([i, j], [j, i]) };
            whole[to] = whole[from];
            whole[from] = whole[from].conjugate();
        }
    }
    whole
}

/// Eigenvalues of a Hermitian matrix, and the vectors where they are wanted.
fn eigh<T: Drivers + Lapack<Real: Field>>(a: &View<'_>, lower: bool, out: &mut Results<'_>) -> Result<(), String> {
    let found = T::heev(hermitian::<T>(a, lower), out[1].is_some());
    let (w, v) = found.ok_or_else(|| failed::<T>(a, UNCONVERGED))?;
    put_vector(&mut out[0], w);
    put_optional(&mut out[1], v);
    Ok(())
}

/// Eigenvalues of any square matrix, and the vectors where they are wanted.
fn eig<T: Drivers + Lapack<Complex: Field>>(a: &View<'_>, out: &mut Results<'_>) -> Result<(), String> {
    let (w, v) = T::geev(owned::<T>(a), out[1].is_some()).ok_or_else(|| failed::<T>(a, UNCONVERGED))?;
    put_vector(&mut out[0], w);
    put_optional(&mut out[1], v);
    Ok(())
}

/// R, and Q where it is wanted, which the reflectors make of the first columns of the identity.
fn qr<T: Field>(a: &View<'_>, out: &mut Results<'_>, mut scratch: &mut [u8]) {
    let (m, n) = (a.shape()[0], a.shape()[1]);
    let held = take::<T>(&mut scratch, m * n);
    let t = take::<T>(&mut scratch, qr_whole_t_len(m, n));
    copy(a, &mut dense::<T>(held, m, n));
    qr_whole(&mut MatMut::dense(held, m, n), t, scratch);
    if let Some(r) = &mut out[1] {
        let rows = r.shape()[0];
        copy(&dense::<T>(held, m, n).part(&[0, 0], &[rows, n]).as_view(), r);
        (0..rows).for_each(|i| (0..i.min(n)).for_each(|j| assert!(r.set(&[i, j], T::ZERO))));
    }
    if let Some(q) = &mut out[0] {
        let columns = q.shape()[1];
        let made = take::<T>(&mut scratch, m * columns);
        (0..m * columns).for_each(|i| made[i] = if i / columns == i % columns { T::ONE } else { T::ZERO });
        qr_whole_apply(Mat::dense(held, m, n), t, false, &mut MatMut::dense(made, m, columns), scratch);
        copy(&dense::<T>(made, m, columns).as_view(), q);
    }
}

/// The lower triangular factor.
fn cholesky<T: Field>(a: &View<'_>, out: &mut Results<'_>, mut scratch: &mut [u8]) -> Result<(), String> {
    let n = a.shape()[0];
    let held = take::<T>(&mut scratch, n * n);
    copy(a, &mut dense::<T>(held, n, n));
    cholesky_panel(MatMut::dense(held, n, n), 0, scratch)
        .map_err(|i| format!("is not positive definite: its leading minor of order {} is not positive", i + 1))?;
    out[0].iter_mut().for_each(|l| copy(&dense::<T>(held, n, n).as_view(), l));
    Ok(())
}

/// LU of a square matrix in place of a copy of it: the factors and the pivots. Takes n² elements and n numbers off `scratch`.
fn factored<'s, T: Field>(a: &View<'_>, scratch: &mut &'s mut [u8]) -> (&'s mut [T], &'s mut [i64]) {
    let n = a.shape()[0];
    let held = take::<T>(scratch, n * n);
    let pivots: &mut [i64] = bytemuck::cast_slice_mut(take::<f64>(scratch, n));
    copy(a, &mut dense::<T>(held, n, n));
    lu_panel(MatMut::dense(held, n, n), 0, pivots, scratch);
    (held, pivots)
}

/// x of a·x = b.
fn solve<T: Field>(a: &View<'_>, b: &View<'_>, out: &mut Results<'_>, mut scratch: &mut [u8]) -> Result<(), String> {
    let (n, columns) = (a.shape()[0], b.shape()[1]);
    let x = take::<T>(&mut scratch, n * columns);
    copy(b, &mut dense::<T>(x, n, columns));
    let (held, pivots) = factored::<T>(a, &mut scratch);
    let f = Mat::dense(held, n, n);
    lu_apply(f, 0, pivots, MatMut::dense(x, n, columns), scratch);
    let upper = Triangle { lower: false, unit: false, transposed: false, conjugated: false };
    solve_step(upper, f, 0, MatMut::dense(x, n, columns), scratch)
        .map_err(|i| format!("is singular: element {i} of the diagonal of its triangular factor is zero"))?;
    out[0].iter_mut().for_each(|to| copy(&dense::<T>(x, n, columns).as_view(), to));
    Ok(())
}

/// x of op(a)·x = b, of one triangle of `a`.
fn solve_triangular<T: Field>(
    kind: Triangle,
    a: &View<'_>,
    b: &View<'_>,
    out: &mut Results<'_>,
    mut scratch: &mut [u8],
) -> Result<(), String> {
    let (n, columns) = (a.shape()[0], b.shape()[1]);
    let (held, x) = (take::<T>(&mut scratch, n * n), take::<T>(&mut scratch, n * columns));
    copy(a, &mut dense::<T>(held, n, n));
    copy(b, &mut dense::<T>(x, n, columns));
    solve_step(kind, Mat::dense(held, n, n), 0, MatMut::dense(x, n, columns), scratch)
        .map_err(|i| format!("is singular: element {i} of its diagonal is zero"))?;
    out[0].iter_mut().for_each(|to| copy(&dense::<T>(x, n, columns).as_view(), to));
    Ok(())
}

/// The product of the diagonal of U, with the sign of the exchanges of rows.
fn det<T: Field>(a: &View<'_>, out: &mut Results<'_>, mut scratch: &mut [u8]) {
    let n = a.shape()[0];
    let (held, pivots) = factored::<T>(a, &mut scratch);
    let exchanged = pivots.iter().enumerate().filter(|(i, p)| **p != *i as i64).count();
    let product = (0..n).fold(T::ONE, |product, i| product * held[i * n + i]);
    let det = if product.size().is_finite() && product != T::ZERO {
        if exchanged % 2 == 1 { -product } else { product }
    } else {
        // on the way it may have been too large or too small where the whole is not
        let (sign, log) = sign_and_log(held, pivots, n);
        T::narrow(sign * log.exp())
    };
    out[0].iter_mut().for_each(|to| assert!(to.set(&[], det)));
}

/// The sign of that product, and the logarithm of its absolute value.
fn slogdet<T: Field + Lapack<Real: Field>>(a: &View<'_>, out: &mut Results<'_>, mut scratch: &mut [u8]) {
    let n = a.shape()[0];
    let (held, pivots) = factored::<T>(a, &mut scratch);
    let (sign, log) = sign_and_log(held, pivots, n);
    out[0].iter_mut().for_each(|to| assert!(to.set(&[], T::narrow(sign))));
    out[1].iter_mut().for_each(|to| assert!(to.set(&[], <T::Real as Field>::narrow(C128::new(log, 0.0)))));
}

/// The sign of the product of the diagonal of U and of the exchanges of rows, and the logarithm of its absolute value.
fn sign_and_log<T: Field>(held: &[T], pivots: &[i64], n: usize) -> (C128, f64) {
    let (mut sign, mut log) = (C128::new(1.0, 0.0), 0.0);
    for i in 0..n {
        let d = held[i * n + i].wide();
        let size = d.re.hypot(d.im);
        sign = if size == 0.0 { C128::new(0.0, 0.0) } else { sign * (d / size) };
        sign = if pivots[i] != i as i64 { -sign } else { sign };
        log += size.ln();
    }
    (sign, log)
}

fn dense<T: Field>(elements: &mut [T], rows: usize, cols: usize) -> ViewMut<'_> {
    ViewMut::dense(bytemuck::cast_slice_mut(elements), T::DTYPE, &[rows, cols])
}

fn owned<T: Field>(a: &View<'_>) -> Array2<T> {
    let (m, n) = (a.shape()[0], a.shape()[1]);
    let mut elements = padded::<T>(m * n, n);
    copy(a, &mut dense(&mut elements, m, n));
    Array2::from_shape_vec((m, n), elements).expect("as many elements as the shape has")
}

/// What is wrong with `a` where LAPACK gave nothing.
fn failed<T: Field>(a: &View<'_>, otherwise: &str) -> String {
    let (m, n) = (a.shape()[0], a.shape()[1]);
    let odd = (0..m * n).map(|i| [i / n, i % n]).find(|place| a.get::<T>(place).is_some_and(|x| !x.size().is_finite()));
    match odd {
        Some([i, j]) => format!("has NaN or infinity in row {i}, column {j}"),
        None => otherwise.to_string(),
    }
}

fn put_optional<T: Field>(to: &mut Option<ViewMut<'_>>, from: Option<Array2<T>>) {
    if let (Some(to), Some(from)) = (to, from) {
        let strides: Vec<isize> = from.strides().iter().map(|s| s * size_of::<T>() as isize).collect();
        let shape = [from.nrows(), from.ncols()];
        // SAFETY: a view of the array's own elements, which outlives it.
        let view = unsafe { View::from_raw(from.as_ptr().cast(), T::DTYPE, &shape, &strides) };
        copy(&view, to);
    }
}

fn put_vector<T: Field>(to: &mut Option<ViewMut<'_>>, from: Array1<T>) {
    if let Some(to) = to {
        from.iter().enumerate().for_each(|(i, &x)| assert!(to.set(&[i], x), "a vector of its dtype"));
    }
}
