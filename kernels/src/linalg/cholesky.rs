//! Cholesky, A = L·Lᴴ, by column blocks. Only the lower triangle of A is looked at.

use super::NARROW;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::panel::{Packed, subtract};
use crate::dtype::C128;
use crate::gemm::Form;

const SUBTRACT_ADJOINT: Form = Form { negative: true, conj_a: false, conj_b: true };

/// Bytes of scratch for [`cholesky_panel`] and [`cholesky_update`] on blocks of `m` rows and `w` columns.
pub fn cholesky_scratch_bytes<T: Field>(m: usize, w: usize) -> usize {
    taken_bytes::<T>(m * NARROW) + product_scratch_bytes::<T>(m, w, w)
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
    if w <= NARROW {
        return narrow(a, scratch);
    }
    let half = (w / 2).next_multiple_of(NARROW);
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
    for j in 0..w {
        let d = columns.col(j)[j].wide().re;
        if d.is_nan() || d <= 0.0 {
            return Err(j);
        }
        let root = T::narrow(C128::new(d.sqrt(), 0.0));
        let column = columns.col(j);
        column[j] = root;
        column[j + 1..].iter_mut().for_each(|x| *x = x.over(root));
        for c in j + 1..w {
            let (l, column) = columns.two(j, c);
            subtract(&mut column[c..], l[c].conjugate(), &l[c..]);
        }
    }
    columns.unpack(a);
    Ok(())
}

/// Lessens the block `c` [m, n], whose diagonal begins in row `at`, by the part of L in the factored block `f` [m, w].
/// Cost: 2(m − at)·w·n flops.
pub fn cholesky_update<T: Field>(f: Mat<'_, T>, at: usize, c: MatMut<'_, T>, scratch: &mut [u8]) {
    let n = c.cols();
    let [_, mut low] = c.split_rows(at);
    low.product(SUBTRACT_ADJOINT, f.below(at), f.part(at, 0, n, f.cols()).t(), false, scratch);
}
