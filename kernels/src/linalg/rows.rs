//! Rows of a tall matrix against a small triangle: sketched, divided by it, multiplied with themselves.
//!
//! Source: Higgins, Szyld, Boman and Yamazaki, *Analysis of Randomized Householder-Cholesky QR Factorization with Multisketching*, arXiv
//! 2309.05868 (2023).

use super::NARROW;
use super::cholesky::{cholesky_panel, cholesky_scratch_bytes};
use super::condition::Condition;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use crate::dtype::{C128, DType};
use crate::gemm::Form;
use crate::isa::{Loop, dispatch};

/// Rows of the sketch that each row of the matrix is added to, as Clarkson and Woodruff's sketch has one: with eight, twice as many rows
/// as columns are enough (Nelson and Nguyên 2013; in practice Martinsson and Tropp 2020, §9.2).
const ADDED_TO: usize = 8;
/// Columns whose products with themselves are computed whole.
const SQUARE: usize = 64;
/// Rows that are divided side by side.
const ROWS: usize = 32;

/// Sixty-four bits of a number (Steele, Lea and Flood 2014: splitmix64).
#[inline(always)]
fn bits(of: u64) -> u64 {
    let z = of.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Sketch<'a, T> {
    first: u64,
    rows: &'a [T],
    n: usize,
    to: &'a mut [T],
}

impl<T: Field> Loop for Sketch<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let height = self.to.len() / self.n;
        let parts = ADDED_TO.min(height);
        for (row, i) in self.rows.chunks_exact(self.n).zip(self.first..) {
            for part in 0..parts {
                let (from, end) = (part * height / parts, (part + 1) * height / parts);
                let word = bits(i.wrapping_mul(ADDED_TO as u64).wrapping_add(part as u64));
                let at = from + (((word >> 32) * (end - from) as u64) >> 32) as usize;
                let sign = if word & 1 == 0 { T::ONE } else { -T::ONE };
                let to = &mut self.to[at * self.n..][..self.n];
                to.iter_mut().zip(row).for_each(|(to, x)| *to = *to + sign * *x);
            }
        }
    }
}

/// Adds the rows [m, n] of a matrix, of which `first` is the number of the first one, to its sketch [s, n]: each to eight rows of it, with signs, as
/// its number says. The singular values of the sketch are near those of the matrix times √8, whatever it is, with a probability that
/// grows with s / n. Cost: 8mn additions.
///
/// # Panics
/// If `n` is 0, or does not divide the others.
pub fn sketch_rows<T: Field>(first: u64, rows: &[T], n: usize, sketch: &mut [T]) {
    assert!(rows.len().is_multiple_of(n) && sketch.len().is_multiple_of(n), "rows of {n}");
    dispatch(Sketch { first, rows, n, to: sketch });
}

/// Rows of the sketch of a matrix of `n` columns.
pub fn sketch_height(n: u64) -> u64 {
    2 * n + 2 * ADDED_TO as u64
}

/// Bytes of scratch for [`rows_over`] of `m` rows of `n` elements.
pub fn rows_over_scratch_bytes<T: Field>(m: usize, n: usize) -> usize {
    product_scratch_bytes::<T>(m, n, n)
}

/// Bytes of scratch for [`rows_squared`] of as many, and for [`rows_over`].
pub fn rows_squared_scratch_bytes<T: Field>(m: usize, n: usize) -> usize {
    product_scratch_bytes::<T>(n, n, m).max(rows_over_scratch_bytes::<T>(m, n))
}

/// x ← x·R⁻¹, where `r` [n, n] is upper triangular and `x` is [m, n]: each row is divided by itself, with a backward error of its own. A zero on
/// the diagonal makes what is no number. Cost: mn² flops.
pub fn rows_over<T: Field>(r: Mat<'_, T>, mut x: MatMut<'_, T>, scratch: &mut [u8]) {
    let n = r.cols();
    if n <= NARROW {
        return dispatch(Over { r, x });
    }
    let half = (n / 2).next_multiple_of(NARROW).min(n - 1);
    let [mut left, mut right] = x.again().split_cols(half);
    rows_over(r.part(0, 0, half, half), left.again(), scratch);
    right.subtract(left.read(), r.part(0, half, half, n - half), scratch);
    rows_over(r.part(half, half, n - half, n - half), right, scratch);
}

/// A few columns over a triangle.
struct Over<'a, T> {
    r: Mat<'a, T>,
    x: MatMut<'a, T>,
}

impl<T: Field> Loop for Over<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(mut self) {
        let (m, n) = (self.x.rows(), self.r.cols());
        let mut columns = [[T::ZERO; ROWS]; NARROW];
        let mut by = [[T::ZERO; NARROW]; NARROW];
        for j in 0..n {
            for i in 0..=j {
                by[j][i] = self.r.at(i, j);
            }
        }
        for top in (0..m).step_by(ROWS) {
            let rows = ROWS.min(m - top);
            for i in 0..rows {
                let row = self.x.row(top + i);
                for j in 0..n {
                    columns[j][i] = row[j];
                }
            }
            for j in 0..n {
                // in registers until it is done
                let mut column = columns[j];
                for (by, earlier) in by[j][..j].iter().zip(&columns) {
                    for i in 0..ROWS {
                        column[i] = column[i] - *by * earlier[i];
                    }
                }
                match by[j][j].inverse() {
                    Some(inverse) => column.iter_mut().for_each(|x| *x = *x * inverse),
                    None => column.iter_mut().for_each(|x| *x = x.over(by[j][j])),
                }
                columns[j] = column;
            }
            for i in 0..rows {
                let row = self.x.row(top + i);
                for j in 0..n {
                    row[j] = columns[j][i];
                }
            }
        }
    }
}

/// g ← xᴴ·x of `x` [m, n], on and below the diagonal; what is above it is not said. Cost: mn² flops.
pub fn rows_squared<T: Field>(x: Mat<'_, T>, mut g: MatMut<'_, T>, scratch: &mut [u8]) {
    let (m, n) = (x.rows(), x.cols());
    let form = Form { negative: false, conj_a: true, conj_b: false };
    if n <= SQUARE {
        return g.product(form, x.t(), x, true, scratch);
    }
    let half = (n / 2).next_multiple_of(NARROW);
    let (left, right) = (x.part(0, 0, m, half), x.part(0, half, m, n - half));
    rows_squared(left, g.again().part(0, 0, half, half), scratch);
    g.again().part(half, 0, n - half, half).product(form, right.t(), left, true, scratch);
    rows_squared(right, g.part(half, half, n - half, n - half), scratch);
}

/// Bytes of scratch for [`rows_cholesky`] and [`columns_reciprocal`] of order `n`.
pub fn rows_cholesky_scratch_bytes<T: Field>(n: usize) -> usize {
    // the lengths of the columns, and what the estimate keeps, have memory of their own
    let kept = Condition::bytes(n as u64) as usize + n * size_of::<f64>();
    taken_bytes::<T>(n * n) + cholesky_scratch_bytes::<T>(n, n).max(product_scratch_bytes::<T>(n, n, n)) + kept
}

/// The singular values' ratio, smallest over largest, of an upper triangle [n, n] whose columns are brought to length one, as it is estimated: at least what it
/// is, and 0 where a column is zero or no number.
pub fn columns_reciprocal<T: Field>(r: Mat<'_, T>, mut scratch: &mut [u8]) -> f64 {
    let n = r.cols();
    let lengths: Vec<f64> = (0..n).map(|j| norm_of(&r, j)).collect();
    if lengths.iter().any(|&length| length == 0.0 || !length.is_finite()) {
        return 0.0;
    }
    let scaled = take::<T>(&mut scratch, n * n);
    for i in 0..n {
        for j in 0..n {
            let z = r.at(i, j).wide();
            scaled[i * n + j] = T::narrow(C128::new(z.re / lengths[j], z.im / lengths[j]));
        }
    }
    let mut condition = Condition::default();
    condition.add(Mat::dense(scaled, n, n), 0);
    condition.reciprocal()
}

/// The length of column `j`.
fn norm_of<T: Field>(r: &Mat<'_, T>, j: usize) -> f64 {
    (0..=j).fold(0.0f64, |length, i| length.hypot(r.at(i, j).wide().norm()))
}

/// Whether the lengths of the columns of an upper triangle are such that their squares leave neither the range of the dtype nor its accuracy.
pub fn columns_can_be_squared<T: Field>(r: Mat<'_, T>) -> bool {
    let most = if matches!(T::DTYPE, DType::F32 | DType::C64) { 1e15 } else { 1e140 };
    (0..r.cols()).all(|j| (1.0 / most..most).contains(&norm_of(&r, j)))
}

/// R with Rᴴ·R = G, of `g` [n, n], of which what is on and below the diagonal is read and overwritten. The ratio of R's singular values once its columns are
/// brought to length one, as [`columns_reciprocal`] has it; nothing where G is not positive definite or no number.
pub fn rows_cholesky<T: Field>(mut g: MatMut<'_, T>, mut r: MatMut<'_, T>, scratch: &mut [u8]) -> Option<f64> {
    cholesky_panel(g.again(), 0, scratch).ok()?;
    for i in 0..g.cols() {
        let row = r.row(i);
        for (j, x) in row.iter_mut().enumerate() {
            *x = g.read().at(j, i).conjugate();
        }
    }
    Some(columns_reciprocal(r.read(), scratch))
}

/// R = R₁·R₀ of two upper triangles.
pub fn triangles<T: Field>(r1: Mat<'_, T>, first: Mat<'_, T>, mut r: MatMut<'_, T>, scratch: &mut [u8]) {
    r.product(Form::default(), r1, first, true, scratch);
    // what rounding left below the diagonal
    (0..r.rows()).for_each(|i| r.row(i)[..i].fill(T::ZERO));
}
