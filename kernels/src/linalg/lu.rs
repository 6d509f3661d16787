//! LU with partial pivoting, P·A = L·U, by column blocks.

use super::PACKED;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::panel::{Packed, divide, largest_place};
use super::tiles::{Beside, subtract_all};
use super::triangle::{Triangle, solve};
use crate::gemm::Form;
use std::ops::Range;

const UNIT_LOWER: Triangle = Triangle { lower: true, unit: true, transposed: false, conjugated: false };

/// Bytes of scratch for [`lu_panel`] and [`lu_apply`] on blocks of `m` rows and `w` columns. ([`lu_apply_transposed`] needs what
/// a triangle needs.)
pub fn lu_scratch_bytes<T: Field>(m: usize, w: usize) -> usize {
    taken_bytes::<T>(m * PACKED) + product_scratch_bytes::<T>(m, w, w)
}

/// Factors the rows from `at` on of a block [m, w]: L below the diagonal that begins in row `at`, U on and above it. Where
/// the i-th column found its pivot, as a row of the block, goes to `pivots[i]`. A column without a pivot is left as it is:
/// who solves finds the zero on the diagonal. Cost: (m − at)·w² flops.
/// Source: Toledo, *Locality of Reference in LU Decomposition with Partial Pivoting*, SIAM J. Matrix Anal. 18 (1997).
///
/// # Panics
/// If there are fewer than min(m − at, w) pivots.
pub fn lu_panel<T: Field>(a: MatMut<'_, T>, at: usize, pivots: &mut [i64], scratch: &mut [u8]) {
    let [_, mut low] = a.split_rows(at);
    recurse(&mut low, pivots, scratch);
    pivots.iter_mut().for_each(|p| *p += at as i64);
}

/// Pivots are rows of `a`.
fn recurse<T: Field>(a: &mut MatMut<'_, T>, pivots: &mut [i64], scratch: &mut [u8]) {
    let (m, w) = (a.rows(), a.cols());
    let k = m.min(w);
    if w <= PACKED {
        return narrow(a, pivots, scratch);
    }
    let half = (w / 2).next_multiple_of(PACKED);
    let first = half.min(k);
    let [mut left, mut right] = a.again().split_cols(half);
    recurse(&mut left, &mut pivots[..first], scratch);
    lu_swap(&mut right, 0, &pivots[..first]);
    lu_eliminate(left.read(), 0, right.again(), scratch);
    if m <= half {
        return;
    }
    let [_, mut low] = right.split_rows(half);
    recurse(&mut low, &mut pivots[half..k], scratch);
    pivots[half..k].iter_mut().for_each(|p| *p += half as i64);
    lu_swap(&mut left, half, &pivots[half..k]);
}

fn narrow<T: Field>(a: &mut MatMut<'_, T>, pivots: &mut [i64], mut scratch: &mut [u8]) {
    let (m, w) = (a.rows(), a.cols());
    let mut columns = Packed::of(a.read(), take(&mut scratch, m * w));
    halves(&mut columns, 0..w, pivots);
    columns.unpack(a);
}

/// Factors the packed columns `part`, whose diagonal begins in the row of its first one's number.
fn halves<T: Field>(columns: &mut Packed<'_, T>, part: Range<usize>, pivots: &mut [i64]) {
    let (m, at, w) = (columns.rows(), part.start, part.len());
    if m <= at || w == 0 {
        return;
    }
    if w == 1 {
        let pivot = at + largest_place(columns.read(at, at));
        pivots[at] = pivot as i64;
        let p = columns.col(at)[pivot];
        // a column without a pivot is left as it is
        if p != T::ZERO {
            if pivot != at {
                columns.swap_rows(at, pivot);
            }
            divide(&mut columns.col(at)[at + 1..], p);
        }
        return;
    }
    let middle = at + w.div_ceil(2);
    halves(columns, at..middle, pivots);
    // U of the columns to the right
    let end = middle.min(m);
    let mut u = [T::ZERO; PACKED * PACKED];
    let mut u = Beside::new(&mut u, part.end - middle);
    for c in middle..part.end {
        for i in at..end {
            let mut x = columns.col(c)[i];
            for l in at..i {
                x = x - columns.col(l)[i] * u.at(l - at, c - middle);
            }
            columns.col(c)[i] = x;
            u.row(i - at)[c - middle] = x;
        }
    }
    subtract_all(columns, at..end, middle..part.end, end, &u);
    halves(columns, middle..part.end, pivots);
}

/// Exchanges rows of a block: row `first` + i with row `pivots[i]`, in ascending order.
pub fn lu_swap<T: Field>(a: &mut MatMut<'_, T>, first: usize, pivots: &[i64]) {
    for (i, &p) in pivots.iter().enumerate() {
        a.swap_rows(first + i, p as usize);
    }
}

/// What the factor `f` (its diagonal begins in row `at`) does to `c`, whose rows are exchanged already: U in the rows of the
/// diagonal, the rows below lessened.
fn lu_eliminate<T: Field>(f: Mat<'_, T>, at: usize, c: MatMut<'_, T>, scratch: &mut [u8]) {
    let k = f.cols().min(f.rows() - at);
    let [_, rest] = c.split_rows(at);
    let [mut here, mut below] = rest.split_rows(k);
    // a diagonal of ones has no zero
    let _ = solve(UNIT_LOWER, f.part(at, 0, k, k), &mut here, scratch);
    below.subtract(f.part(at + k, 0, f.rows() - at - k, k), here.read(), scratch);
}

/// Applies the factored block `f` [m, w], its diagonal beginning in row `at` and its rows exchanged as `pivots` say, to the
/// block `c` [m, n]. Cost: 2(m − at)·w·n flops.
pub fn lu_apply<T: Field>(f: Mat<'_, T>, at: usize, pivots: &[i64], mut c: MatMut<'_, T>, scratch: &mut [u8]) {
    lu_swap(&mut c, at, pivots);
    lu_eliminate(f, at, c, scratch);
}

/// The transpose of what [`lu_apply`] does: with the steps of all blocks, from the last to the first, c becomes Mᵀ·c, where
/// M·A = U. Cost: as there.
pub fn lu_apply_transposed<T: Field>(f: Mat<'_, T>, at: usize, pivots: &[i64], mut c: MatMut<'_, T>, scratch: &mut [u8]) {
    let k = f.cols().min(f.rows() - at);
    let [_, rest] = c.again().split_rows(at);
    let [mut here, below] = rest.split_rows(k);
    let form = Form { negative: true, ..Form::default() };
    here.product(form, f.part(at + k, 0, f.rows() - at - k, k).t(), below.read(), false, scratch);
    // a diagonal of ones has no zero
    let _ = solve(Triangle { transposed: true, ..UNIT_LOWER }, f.part(at, 0, k, k), &mut here, scratch);
    for (i, &p) in pivots.iter().enumerate().rev() {
        c.swap_rows(at + i, p as usize);
    }
}
