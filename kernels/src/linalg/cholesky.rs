//! Cholesky, A = L·Lᴴ, by column blocks. Only the lower triangle of A is looked at.

use super::PACKED;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::panel::{Packed, divide};
use super::tiles::{Beside, subtract_all};
use crate::dtype::C128;
use crate::gemm::Form;
use std::ops::Range;

const SUBTRACT_ADJOINT: Form = Form { negative: true, conj_a: false, conj_b: true };

/// Bytes of scratch for [`cholesky_panel`] and [`cholesky_update`] on blocks of `m` rows and `w` columns.
pub fn cholesky_scratch_bytes<T: Field>(m: usize, w: usize) -> usize {
    taken_bytes::<T>(m * PACKED) + product_scratch_bytes::<T>(m, w, w)
}

/// Factors the rows from `at` on of a block [m, w], and sets what is above the diagonal to zero. Cost: (m − at)·w² flops.
///
/// # Errors
/// The row of the block in which the leading minor is not positive.
pub fn cholesky_panel<T: Field>(a: MatMut<'_, T>, at: usize, scratch: &mut [u8]) -> Result<(), usize> {
    let w = a.cols();
    let [mut above, mut low] = a.split_rows(at);
    recurse(&mut low, scratch).map_err(|i| at + i)?;
    (0..at).for_each(|i| above.row(i).fill(T::ZERO));
    (0..w).for_each(|i| low.row(i)[i + 1..].fill(T::ZERO));
    Ok(())
}

fn recurse<T: Field>(a: &mut MatMut<'_, T>, scratch: &mut [u8]) -> Result<(), usize> {
    let w = a.cols();
    if w <= PACKED {
        return narrow(a, scratch);
    }
    let half = (w / 2).next_multiple_of(PACKED);
    let [mut left, right] = a.again().split_cols(half);
    recurse(&mut left, scratch)?;
    let [_, mut low] = right.split_rows(half);
    let l = left.read();
    low.product(SUBTRACT_ADJOINT, l.below(half), l.part(half, 0, w - half, half).t(), false, scratch);
    recurse(&mut low, scratch).map_err(|i| half + i)
}

fn narrow<T: Field>(a: &mut MatMut<'_, T>, mut scratch: &mut [u8]) -> Result<(), usize> {
    let (m, w) = (a.rows(), a.cols());
    let mut columns = Packed::of(a.read(), take(&mut scratch, m * w));
    halves(&mut columns, 0..w)?;
    columns.unpack(a);
    Ok(())
}

/// Factors the packed columns `part`, whose diagonal begins in the row of its first one's number.
fn halves<T: Field>(columns: &mut Packed<'_, T>, part: Range<usize>) -> Result<(), usize> {
    let at = part.start;
    if part.len() == 1 {
        let column = columns.col(at);
        let d = column[at].wide().re;
        if d.is_nan() || d <= 0.0 {
            return Err(at);
        }
        let root = T::narrow(C128::new(d.sqrt(), 0.0));
        column[at] = root;
        divide(&mut column[at + 1..], root);
        return Ok(());
    }
    let middle = at + part.len().div_ceil(2);
    halves(columns, at..middle)?;
    let mut by = [T::ZERO; PACKED * PACKED];
    let mut by = Beside::new(&mut by, part.end - middle);
    for l in at..middle {
        for c in middle..part.end {
            by.row(l - at)[c - middle] = columns.col(l)[c].conjugate();
        }
    }
    // what is above the diagonal changes too, and counts for nothing
    subtract_all(columns, at..middle, middle..part.end, middle, &by);
    halves(columns, middle..part.end)
}

/// Lessens the block `c` [m, n], whose diagonal begins in row `at`, by the part of L in the factored block `f` [m, w].
/// Cost: 2(m − at)·w·n flops.
pub fn cholesky_update<T: Field>(f: Mat<'_, T>, at: usize, c: MatMut<'_, T>, scratch: &mut [u8]) {
    let n = c.cols();
    let [_, mut low] = c.split_rows(at);
    low.product(SUBTRACT_ADJOINT, f.below(at), f.part(at, 0, n, f.cols()).t(), false, scratch);
}
