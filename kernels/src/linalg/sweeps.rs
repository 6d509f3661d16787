//! The reflectors of sweeps of a chase, applied to a block of columns: Z ← Q·Z.
//!
//! Reflectors of one link of sweeps that follow one another begin one row further down each: they make a parallelogram V, and
//! their product is I − V·T·Vᴴ. Of a group of sweeps the links are applied from the first to the last, for what a link of a later sweep
//! does not share rows with later links of earlier ones. Source: Haidar, Solcà, Gates, Tomov, Schulthess and Dongarra, *Leading edge
//! hybrid multi-GPU algorithms for generalized eigenproblems in electronic structure calculations*, ISC 2013.

use super::band::Sweeps;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use crate::gemm::Form;

const ADJOINT: Form = Form { negative: false, conj_a: true, conj_b: false };

/// Sweeps whose reflectors are multiplied together: more are wider products, of which more is zeros.
const TOGETHER: usize = 64;

/// Sweeps that are applied together, and how many such sets there are.
fn sets(sweeps: &Sweeps) -> (usize, usize) {
    let together = TOGETHER.min(sweeps.count).min(sweeps.b.max(1));
    (together, sweeps.count.div_ceil(together.max(1)))
}

/// Rows of a parallelogram at most.
fn rows_max(sweeps: &Sweeps) -> usize {
    sweeps.b + sets(sweeps).0
}

/// Elements of the triangles T of the reflectors of `sweeps`.
pub fn sweeps_t_len(sweeps: &Sweeps) -> usize {
    let (together, sets) = sets(sweeps);
    sweeps.links() * sets * together * together
}

/// Bytes of scratch for [`sweeps_t`].
pub fn sweeps_t_scratch_bytes<T: Field>(sweeps: &Sweeps) -> usize {
    let (rows, together) = (rows_max(sweeps), sets(sweeps).0);
    taken_bytes::<T>(rows * together) + taken_bytes::<T>(together * together) + product_scratch_bytes::<T>(together, together, rows)
}

/// Bytes of scratch for [`sweeps_apply`] to blocks of `w` columns.
pub fn sweeps_scratch_bytes<T: Field>(sweeps: &Sweeps, w: usize) -> usize {
    let (rows, together) = (rows_max(sweeps), sets(sweeps).0);
    taken_bytes::<T>(rows * together) + 2 * taken_bytes::<T>(together * w) + product_scratch_bytes::<T>(rows, w, rows)
}

/// The set of sweeps `first .. first + width` of a group, in one link: its first row, and V [rows, width] in `to`; of no rows where it
/// has no reflector.
fn parallelogram<T: Field>(sweeps: &Sweeps, reflectors: &[T], link: usize, first: usize, width: usize, to: &mut [T]) -> (usize, usize) {
    let (top, _) = sweeps.rows_of(first, link);
    let rows = (sweeps.b + width - 1).min(sweeps.n.saturating_sub(top));
    to[..rows * width].fill(T::ZERO);
    for k in 0..width {
        let (row, len) = sweeps.rows_of(first + k, link);
        let v = &reflectors[sweeps.place_of(first + k, link)..][..len];
        for (i, &x) in v.iter().enumerate() {
            to[(row - top + i) * width + k] = if i == 0 { T::ONE } else { x };
        }
    }
    (top, rows)
}

/// The triangles of the `reflectors` of `sweeps` ([`super::chase`]), into `t` ([`sweeps_t_len`]). Cost: about 4·b elements' worth of
/// multiplications an element of `reflectors`.
///
/// # Panics
/// If a slice has another length.
pub fn sweeps_t<T: Field>(sweeps: &Sweeps, reflectors: &[T], t: &mut [T], mut scratch: &mut [u8]) {
    assert!(reflectors.len() == sweeps.reflectors_len() && t.len() == sweeps_t_len(sweeps), "reflectors of {sweeps:?}");
    let (together, sets) = sets(sweeps);
    let held = take::<T>(&mut scratch, rows_max(sweeps) * together);
    let gram = take::<T>(&mut scratch, together * together);
    t.fill(T::ZERO);
    for (at, t) in t.chunks_exact_mut((together * together).max(1)).enumerate() {
        let (link, first) = (at / sets, at % sets * together);
        let width = together.min(sweeps.count - first);
        let (_, rows) = parallelogram(sweeps, reflectors, link, first, width, held);
        if rows == 0 {
            continue;
        }
        let v = Mat::dense(&held[..rows * width], rows, width);
        let gram = &mut gram[..width * width];
        MatMut::dense(gram, width, width).product(ADJOINT, v.t(), v, true, scratch);
        // T[..j, j] = −tau·T[..j, ..j]·(V[:, ..j]ᴴ·v)
        for j in 0..width {
            let tau = match sweeps.rows_of(first + j, link).1 {
                0 => T::ZERO,
                _ => reflectors[sweeps.place_of(first + j, link)],
            };
            for i in 0..j {
                let mut sum = T::ZERO;
                for l in i..j {
                    sum = sum + t[i * width + l] * gram[l * width + j];
                }
                t[i * width + j] = -tau * sum;
            }
            t[j * width + j] = tau;
        }
    }
}

/// z ← Q·z, of the `reflectors` of `sweeps` and their triangles `t`; `z` is [n, w]. Groups of sweeps come in descending order. Cost:
/// about 2·n·w flops for each sweep, twice that for the zeros of the parallelograms.
///
/// # Panics
/// If `z` has other rows, or the scratch is short.
pub fn sweeps_apply<T: Field>(sweeps: &Sweeps, reflectors: &[T], t: &[T], mut z: MatMut<'_, T>, mut scratch: &mut [u8]) {
    assert_eq!(z.rows(), sweeps.n, "columns that are turned");
    let (together, sets) = sets(sweeps);
    let w = z.cols();
    let held = take::<T>(&mut scratch, rows_max(sweeps) * together);
    let (first_product, second_product) = (take::<T>(&mut scratch, together * w), take::<T>(&mut scratch, together * w));
    for set in (0..sets).rev() {
        let first = set * together;
        let width = together.min(sweeps.count - first);
        for link in 0..sweeps.links() {
            let (top, rows) = parallelogram(sweeps, reflectors, link, first, width, held);
            if rows == 0 {
                continue;
            }
            let v = Mat::dense(&held[..rows * width], rows, width);
            let t = Mat::dense(&t[(link * sets + set) * together * together..][..width * width], width, width);
            let mut z = z.again().part(top, 0, rows, w);
            let mut along = MatMut::dense(&mut first_product[..width * w], width, w);
            along.product(ADJOINT, v.t(), z.read(), true, scratch);
            let mut turned = MatMut::dense(&mut second_product[..width * w], width, w);
            turned.product(Form::default(), t, along.read(), true, scratch);
            z.subtract(v, turned.read(), scratch);
        }
    }
}
