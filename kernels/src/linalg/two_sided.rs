//! A full Hermitian matrix → a band matrix, Qᴴ·A·Q = B, by panels of columns; only the lower triangle is stored.
//!
//! The matrix lies as column blocks, each from its diagonal block on downwards. A *panel* is the QR of what lies below the diagonal block
//! of the first one, I − V·T·Vᴴ. With X = A·V of the rest and W = X·T − ½·V·(Tᴴ·Vᴴ·X·T), the rest becomes A − V·Wᴴ − W·Vᴴ. Each block of
//! the rest gives its part of X by itself, to the rows of its own columns and to those below.
//! Source: Dongarra, Sorensen and Hammarling, *Block reduction of matrices to condensed forms for eigenvalue computations*, J. Comput. Appl.
//! Math. 27 (1989); to bands: Bischof, Lang and Sun, *A framework for symmetric band reduction*, ACM TOMS 26 (2000).

use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::qr::{qr_panel, qr_scratch_bytes};
use crate::dtype::C128;
use crate::gemm::Form;

pub(super) const ADJOINT: Form = Form { negative: false, conj_a: true, conj_b: false };
pub(super) const SUBTRACT_ADJOINT: Form = Form { negative: true, conj_a: false, conj_b: true };

/// Rows of X that are multiplied with T at once.
const ROWS: usize = 256;

/// Bytes of scratch for what is done to column blocks of `m` rows and `w` columns at most.
pub fn two_sided_scratch_bytes<T: Field>(m: usize, w: usize) -> usize {
    let finish = taken_bytes::<T>(ROWS.min(m) * w) + 2 * taken_bytes::<T>(w * w);
    qr_scratch_bytes::<T>(m, w).max(finish + product_scratch_bytes::<T>(m, w, m.max(w)))
}

/// A − V·Wᴴ − W·Vᴴ of a column block `a` [m, n] from its diagonal block on downwards; `v` and `w` are [m, k] in the same rows. Cost: 4mnk
/// flops.
pub fn two_sided_update<T: Field>(mut a: MatMut<'_, T>, v: Mat<'_, T>, w: Mat<'_, T>, scratch: &mut [u8]) {
    let (n, k) = (a.cols(), v.cols());
    a.product(SUBTRACT_ADJOINT, v, w.part(0, 0, n, k).t(), false, scratch);
    a.product(SUBTRACT_ADJOINT, w, v.part(0, 0, n, k).t(), false, scratch);
}

/// Makes the upper triangle of the diagonal block of `a` [m, n] from the lower one, and its diagonal real. On failure the row and column
/// of what is no number in the lower triangle.
///
/// # Errors
/// The row and column, counted in the block, of a NaN or infinity.
pub fn two_sided_first<T: Field>(mut a: MatMut<'_, T>) -> Result<(), [usize; 2]> {
    let n = a.cols();
    for row in 0..a.rows() {
        let from = &mut a.row(row)[..n.min(row + 1)];
        if let Some(column) = from.iter().position(|x| !x.size().is_finite()) {
            return Err([row, column]);
        }
        if row < n {
            from[row] = T::narrow(C128::new(from[row].wide().re, 0.0));
            for column in 0..row {
                let mirrored = a.read().at(row, column).conjugate();
                a.row(column)[row] = mirrored;
            }
        }
    }
    Ok(())
}

/// Factors the rows from w on of a column block `a` [m, w], its diagonal block above them. Into `band` [w, w + 1] come the columns of the
/// band, each from the diagonal on downwards; the block becomes V, with its ones and zeros, and zeros in the place of the diagonal block;
/// `t` [w, w] its triangle. Without rows below, no panel is made, and `t` is not looked at. Cost: 2mw² flops.
///
/// # Panics
/// If `band` or `t` has another size.
pub fn two_sided_panel<T: Field>(mut a: MatMut<'_, T>, mut t: MatMut<'_, T>, band: &mut [T], scratch: &mut [u8], height: usize) {
    let (m, w) = (a.rows(), a.cols());
    assert!(band.len() == w * height, "a band of {w} columns");
    let reflectors = m.saturating_sub(w).min(w);
    if reflectors > 0 {
        panel_of(a.again(), w, t.again(), scratch);
    }
    for (column, band) in band.chunks_exact_mut(height).enumerate() {
        for (i, to) in band.iter_mut().enumerate() {
            *to = if column + i < m { a.read().at(column + i, column) } else { T::ZERO };
        }
        band[0] = T::narrow(C128::new(band[0].wide().re, 0.0));
    }
    (0..w).for_each(|row| a.row(row).fill(T::ZERO));
    let [_, mut below] = a.split_rows(w);
    explicit(&mut below, reflectors);
}

/// Factors the rows of `a` [m, w] from `at` on, and makes the triangle `t` [w, w] of the reflectors; zeros where there are fewer than w.
pub(super) fn panel_of<T: Field>(a: MatMut<'_, T>, at: usize, mut t: MatMut<'_, T>, scratch: &mut [u8]) {
    let (m, w) = (a.rows(), a.cols());
    let reflectors = (m - at).min(w);
    assert!(t.rows() == w && t.cols() == w, "T of {w} columns");
    (0..w).for_each(|i| t.row(i).fill(T::ZERO));
    qr_panel(a, at, t.part(0, 0, reflectors, reflectors), scratch);
}

/// The reflectors that were made of `v`, with their ones and zeros; zeros in further columns.
pub(super) fn explicit<T: Field>(v: &mut MatMut<'_, T>, reflectors: usize) {
    for i in 0..v.rows() {
        let to = v.row(i);
        to[reflectors..].fill(T::ZERO);
        if i < reflectors {
            to[i] = T::ONE;
            to[i + 1..].fill(T::ZERO);
        }
    }
}

/// Adds what the column block `a` [m, n], from its diagonal block on downwards, gives to X = A·V: to the rows of its columns and those
/// below. `v` and `x` are [m, k] in the same rows; with `first`, what `x` held is not read. Cost: 4mnk flops.
pub fn two_sided_product<T: Field>(a: Mat<'_, T>, v: Mat<'_, T>, mut x: MatMut<'_, T>, first: bool, scratch: &mut [u8]) {
    let (m, n, k) = (a.rows(), a.cols(), v.cols());
    x.product(Form::default(), a, v.part(0, 0, n, k), first, scratch);
    if m > n {
        x.part(0, 0, n, k).product(ADJOINT, a.below(n).t(), v.below(n), false, scratch);
    }
}

/// Makes W of X in its place: `v` and `x` are [m, k], `t` [k, k]. Cost: 6mk² flops.
pub fn two_sided_finish<T: Field>(v: Mat<'_, T>, t: Mat<'_, T>, mut x: MatMut<'_, T>, mut scratch: &mut [u8]) {
    let k = x.cols();
    by_triangle(t, x.again(), scratch);
    let (along, inner) = (take::<T>(&mut scratch, k * k), take::<T>(&mut scratch, k * k));
    let mut z = MatMut::dense(along, k, k);
    z.product(ADJOINT, v.t(), x.read(), true, scratch);
    let mut s = MatMut::dense(&mut *inner, k, k);
    s.product(ADJOINT, t.t(), z.read(), true, scratch);
    let half = T::narrow(C128::new(0.5, 0.0));
    inner.iter_mut().for_each(|x| *x = *x * half);
    x.subtract(v, Mat::dense(inner, k, k), scratch);
}

/// X·T of `x` [m, k] in its place. Cost: 2mk² flops.
pub(super) fn by_triangle<T: Field>(t: Mat<'_, T>, mut x: MatMut<'_, T>, mut scratch: &mut [u8]) {
    let (m, k) = (x.rows(), x.cols());
    let held = take::<T>(&mut scratch, ROWS.min(m) * k);
    for row in (0..m).step_by(ROWS) {
        let rows = ROWS.min(m - row);
        let held = &mut held[..rows * k];
        MatMut::dense(&mut *held, rows, k).copy_from(x.read().part(row, 0, rows, k));
        x.again().part(row, 0, rows, k).product(Form::default(), Mat::dense(held, rows, k), t, true, scratch);
    }
}
