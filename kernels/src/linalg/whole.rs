//! QR of a matrix that one thread holds whole: by column blocks inside, so that T stays narrow.

use super::field::Field;
use super::matrix::{Mat, MatMut};
use super::qr::{qr_apply, qr_panel, qr_products_bytes, qr_scratch_bytes};

/// Columns that are factored together.
const BLOCK: usize = 64;

/// Elements of the `t` of [`qr_whole`] for a matrix [m, n].
pub fn qr_whole_t_len(m: usize, n: usize) -> usize {
    m.min(n) * BLOCK
}

/// Bytes of scratch for [`qr_whole`] and [`qr_whole_apply`] of a matrix [m, n], to one with `columns` columns.
pub fn qr_whole_scratch_bytes<T: Field>(m: usize, n: usize, columns: usize) -> usize {
    qr_scratch_bytes::<T>(m, BLOCK.min(n.max(1)))
        + qr_products_bytes::<T>(m, BLOCK, columns.max(n))
        + 64
        + 2 * super::matrix::taken_bytes::<T>(BLOCK * columns.max(n))
}

fn pieces(k: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> {
    (0..k.div_ceil(BLOCK)).map(move |b| (b * BLOCK, BLOCK.min(k - b * BLOCK)))
}

/// The triangle of the reflectors from column `at` on, of which there are `w`.
fn t_of<T: Field>(t: &mut [T], at: usize, w: usize) -> MatMut<'_, T> {
    MatMut::dense(&mut t[at * BLOCK..][..w * w], w, w)
}

/// Factors `a` [m, n]: R on and above the diagonal, reflectors below it, their triangles in `t`
/// ([`qr_whole_t_len`]). Cost: 2mn² − ⅔n³ flops (m ≥ n).
pub fn qr_whole<T: Field>(a: &mut MatMut<'_, T>, t: &mut [T], scratch: &mut [u8]) {
    let (m, n) = (a.rows(), a.cols());
    for (at, w) in pieces(m.min(n)) {
        let [left, right] = a.again().split_cols(at + w);
        let mut block = left.part(0, at, m, w);
        let mut t = t_of(t, at, w);
        qr_panel(block.again(), at, t.again(), scratch);
        qr_apply(block.read(), at, t.read(), true, right, scratch);
    }
}

/// c ← Qᴴ·c (`adjoint`) or Q·c, of the reflectors that [`qr_whole`] left in `f` [m, n] and `t`; `c` is [m, columns].
pub fn qr_whole_apply<T: Field>(f: Mat<'_, T>, t: &[T], adjoint: bool, c: &mut MatMut<'_, T>, scratch: &mut [u8]) {
    let (m, k) = (f.rows(), f.rows().min(f.cols()));
    let mut step = |(at, w): (usize, usize)| {
        let t = Mat::dense(&t[at * BLOCK..][..w * w], w, w);
        qr_apply(f.part(0, at, m, w), at, t, adjoint, c.again(), scratch);
    };
    if adjoint { pieces(k).for_each(&mut step) } else { pieces(k).rev().for_each(&mut step) }
}
