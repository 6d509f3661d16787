//! LAPACK's drivers on a matrix that a task holds whole: those of ndarray-linalg for real matrices, called directly for complex ones.
//!
//! OpenBLAS up to 0.3.21 reads, in its products of a complex matrix and a vector for AVX-512 (cgemv and zgemv, 'N'), up to four elements past the
//! end of the vector. What is there changes nothing; but a vector that is a row of a matrix ends the process where the memory behind the matrix is
//! nobody's. So each array that is handed to it has room behind its end, which the wrapper does not give its own.
//!
//! OpenBLAS works on the calling thread alone.

use super::field::Field;
use crate::dtype::{C64, C128};
use ndarray::{Array1, Array2, ShapeBuilder};
use ndarray_linalg::{Eig, EigVals, EigValshInto, EighInto, JobSvd, Lapack, SVDDCInto, UPLO};
use std::sync::Once;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: i32);
}

/// OpenBLAS's own threads would take the cores of other tasks.
pub(super) fn one_thread<R>(call: impl FnOnce() -> R) -> R {
    static ONCE: Once = Once::new();
    // SAFETY: sets a number, before any other call of the library.
    ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
    call()
}

/// Vectors of this many elements behind the end of an array stay inside of its memory.
const PAST_END: usize = 8;

/// Elements of [`padded`] beside those that it holds.
pub(super) const fn pad(stride: usize) -> usize {
    PAST_END * stride + 64
}

/// `len` zeros, with room behind them for vectors whose elements are `stride` apart.
pub(super) fn padded<T: Field>(len: usize, stride: usize) -> Vec<T> {
    let mut elements = Vec::with_capacity(len + pad(stride));
    elements.resize(len, T::ZERO);
    elements
}

/// U and Vᴴ where they are wanted, and the singular values.
pub(super) type Singular<T> = (Option<Array2<T>>, Array1<<T as ndarray_linalg::Scalar>::Real>, Option<Array2<T>>);

/// What LAPACK computes of a matrix, whose elements have room behind them; nothing where it does not converge.
pub(super) trait Drivers: Field + Lapack {
    /// Singular values and vectors; rows one after the other.
    fn gesdd(a: Array2<Self>, job: JobSvd) -> Option<Singular<Self>>;
    /// Eigenvalues and vectors of a Hermitian matrix, conjugated; rows one after the other.
    fn heev(a: Array2<Self>, vectors: bool) -> Option<(Array1<Self::Real>, Option<Array2<Self>>)>;
    /// Eigenvalues and right eigenvectors; rows one after the other.
    fn geev(a: Array2<Self>, vectors: bool) -> Option<(Array1<Self::Complex>, Option<Array2<Self::Complex>>)>;
}

macro_rules! wrapped {
    ($($t:ty)*) => { $(
        impl Drivers for $t {
            fn gesdd(a: Array2<$t>, job: JobSvd) -> Option<Singular<$t>> {
                one_thread(|| a.svddc_into(job)).ok()
            }
            fn heev(a: Array2<$t>, vectors: bool) -> Option<(Array1<$t>, Option<Array2<$t>>)> {
                if vectors {
                    return one_thread(|| a.eigh_into(UPLO::Lower)).ok().map(|(w, v)| (w, Some(v)));
                }
                one_thread(|| a.eigvalsh_into(UPLO::Lower)).ok().map(|w| (w, None))
            }
            fn geev(a: Array2<$t>, vectors: bool) -> Option<(Array1<Self::Complex>, Option<Array2<Self::Complex>>)> {
                if vectors {
                    return one_thread(|| a.eig()).ok().map(|(w, v)| (w, Some(v)));
                }
                one_thread(|| a.eigvals()).ok().map(|w| (w, None))
            }
        }
    )* };
}

wrapped!(f32 f64);

macro_rules! direct {
    ($($t:ident $real:ident $gesdd:ident $heev:ident $geev:ident)*) => { $(
        unsafe extern "C" {
            fn $gesdd(
                job: *const u8, m: *const i32, n: *const i32, a: *mut $t, lda: *const i32, s: *mut $real, u: *mut $t, ldu: *const i32, vt: *mut $t,
                ldvt: *const i32, work: *mut $t, work_len: *const i32, real_work: *mut $real, whole_work: *mut i32, info: *mut i32, job_len: usize,
            );
            fn $heev(
                job: *const u8, half: *const u8, n: *const i32, a: *mut $t, lda: *const i32, w: *mut $real, work: *mut $t, work_len: *const i32,
                real_work: *mut $real, info: *mut i32, job_len: usize, half_len: usize,
            );
            fn $geev(
                left: *const u8, right: *const u8, n: *const i32, a: *mut $t, lda: *const i32, w: *mut $t, vl: *mut $t, ldvl: *const i32, vr: *mut $t,
                ldvr: *const i32, work: *mut $t, work_len: *const i32, real_work: *mut $real, info: *mut i32, left_len: usize, right_len: usize,
            );
        }

        impl Drivers for $t {
            fn gesdd(a: Array2<$t>, job: JobSvd) -> Option<Singular<$t>> {
                // what is rows here is columns there: the transpose, of which U and Vᴴ change places
                let (n, m) = a.dim();
                let k = m.min(n);
                let (job, u_cols, vt_rows) = match job {
                    JobSvd::All => (b"A", m, n),
                    JobSvd::Some => (b"S", k, k),
                    JobSvd::None => (b"N", 0, 0),
                };
                let ld = |rows: usize| i32::try_from(rows.max(1)).ok();
                let [m32, n32, ldvt] = [ld(m)?, ld(n)?, ld(vt_rows)?];
                let (mut a, mut s) = (elements(a), vec![0.0; k]);
                let (mut u, mut vt) = (padded::<$t>(m * u_cols, m), padded::<$t>(vt_rows * n, vt_rows));
                let real_len = if job == b"N" { 7 * k } else { (5 * k * k + 5 * k).max(2 * m.max(n) * k + 2 * k * k + k) };
                let (mut real_work, mut whole_work, mut info) = (vec![0.0; real_len], vec![0; 8 * k], 0);
                let mut call = |work: &mut [$t], len: i32| {
                    // SAFETY: each array has what LAPACK asks for with this job, and room behind.
                    one_thread(|| unsafe {
                        $gesdd(
                            job.as_ptr(), &m32, &n32, a.as_mut_ptr(), &m32, s.as_mut_ptr(), u.as_mut_ptr(), &m32, vt.as_mut_ptr(), &ldvt,
                            work.as_mut_ptr(), &len, real_work.as_mut_ptr(), whole_work.as_mut_ptr(), &mut info, 1,
                        );
                    });
                    info == 0
                };
                let mut work = asked::<$t>(m.max(n), &mut call)?;
                let len = work.len() as i32;
                if !call(&mut work, len) {
                    return None;
                }
                if job == b"N" {
                    return Some((None, Array1::from(s), None));
                }
                Some((Array2::from_shape_vec((n, vt_rows), vt).ok(), Array1::from(s), Array2::from_shape_vec((u_cols, m), u).ok()))
            }
            fn heev(a: Array2<$t>, vectors: bool) -> Option<(Array1<$real>, Option<Array2<$t>>)> {
                let n = a.nrows();
                let n32 = i32::try_from(n).ok()?;
                let (mut a, mut w) = (elements(a), vec![0.0; n]);
                let (mut real_work, mut info) = (vec![0.0; (3 * n).max(3) - 2], 0);
                let job = if vectors { b"V" } else { b"N" };
                let mut call = |work: &mut [$t], len: i32| {
                    // SAFETY: as above.
                    one_thread(|| unsafe {
                        $heev(
                            job.as_ptr(), b"L".as_ptr(), &n32, a.as_mut_ptr(), &n32, w.as_mut_ptr(), work.as_mut_ptr(), &len, real_work.as_mut_ptr(),
                            &mut info, 1, 1,
                        );
                    });
                    info == 0
                };
                let mut work = asked::<$t>(n, &mut call)?;
                let len = work.len() as i32;
                if !call(&mut work, len) {
                    return None;
                }
                let v = if vectors { Some(Array2::from_shape_vec((n, n).f(), a).ok()?) } else { None };
                Some((Array1::from(w), v))
            }
            fn geev(a: Array2<$t>, vectors: bool) -> Option<(Array1<$t>, Option<Array2<$t>>)> {
                let n = a.nrows();
                let n32 = i32::try_from(n).ok()?;
                let (mut columns, mut w) = (padded::<$t>(n * n, n), padded::<$t>(n, 1));
                a.indexed_iter().for_each(|((i, j), x)| columns[j * n + i] = *x);
                let mut v = padded::<$t>(if vectors { n * n } else { 1 }, n);
                let (mut none, mut real_work, mut info) = (padded::<$t>(1, n), vec![0.0; 2 * n], 0);
                let job = if vectors { b"V" } else { b"N" };
                let mut call = |work: &mut [$t], len: i32| {
                    // SAFETY: as above.
                    one_thread(|| unsafe {
                        $geev(
                            b"N".as_ptr(), job.as_ptr(), &n32, columns.as_mut_ptr(), &n32, w.as_mut_ptr(), none.as_mut_ptr(), &n32, v.as_mut_ptr(), &n32,
                            work.as_mut_ptr(), &len, real_work.as_mut_ptr(), &mut info, 1, 1,
                        );
                    });
                    info == 0
                };
                let mut work = asked::<$t>(n, &mut call)?;
                let len = work.len() as i32;
                if !call(&mut work, len) {
                    return None;
                }
                let v = if vectors { Some(Array2::from_shape_vec((n, n).f(), v).ok()?) } else { None };
                Some((Array1::from(w), v))
            }
        }
    )* };
}

direct! {
    C64 f32 cgesdd_ cheev_ cgeev_
    C128 f64 zgesdd_ zheev_ zgeev_
}

/// What an array is made of, rows one after the other, with the room behind.
fn elements<T>(a: Array2<T>) -> Vec<T> {
    a.into_raw_vec_and_offset().0
}

/// Memory to work in, as much as `call` says when it is asked by a length of −1.
fn asked<T: Field>(side: usize, call: &mut impl FnMut(&mut [T], i32) -> bool) -> Option<Vec<T>> {
    let mut first = [T::ZERO];
    if !call(&mut first, -1) {
        return None;
    }
    Some(padded(first[0].wide().re as usize, side))
}
