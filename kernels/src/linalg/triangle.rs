//! Triangular systems: a block of right-hand sides against one triangle, and against a whole column block.

use super::NARROW;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes};
use super::panel::subtract;
use crate::gemm::Form;
use serde::{Deserialize, Serialize};

/// Which triangle of a matrix is solved with, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Triangle {
    /// The lower one.
    pub lower: bool,
    /// Its diagonal counts as ones.
    pub unit: bool,
    /// Transposed.
    pub transposed: bool,
    /// Conjugated.
    pub conjugated: bool,
}

impl Triangle {
    /// Whether unknowns are found from the first on.
    pub fn is_forward(&self) -> bool {
        self.lower != self.transposed
    }
}

/// Bytes of scratch for solving with a triangle of order `k` inside of blocks of `m` rows, for `n` right-hand sides.
pub fn triangle_scratch_bytes<T: Field>(m: usize, n: usize, k: usize) -> usize {
    product_scratch_bytes::<T>(m, n, k.max(m))
}

/// b ← op(t)⁻¹·b, where `t` is [k, k] and `b` is [k, n] with dense rows. The first place of the diagonal that is zero is the
/// error. Cost: k²n flops.
///
/// # Errors
/// The place of a zero on the diagonal.
pub fn solve<T: Field>(kind: Triangle, t: Mat<'_, T>, b: &mut MatMut<'_, T>, scratch: &mut [u8]) -> Result<(), usize> {
    if !kind.unit
        && let Some(zero) = (0..t.rows()).find(|&i| t.at(i, i) == T::ZERO)
    {
        return Err(zero);
    }
    let t = if kind.transposed { t.t() } else { t };
    halves(kind.is_forward(), kind, t, b.again(), scratch);
    Ok(())
}

/// `t` lies as it is used; `forward` where it is lower then.
fn halves<T: Field>(forward: bool, kind: Triangle, t: Mat<'_, T>, mut b: MatMut<'_, T>, scratch: &mut [u8]) {
    let k = t.rows();
    if k <= NARROW {
        return substitute(forward, kind, t, &mut b);
    }
    let half = (k / 2).next_multiple_of(NARROW).min(k - 1);
    let form = Form { negative: true, conj_a: kind.conjugated, conj_b: false };
    let (first, last) = (t.part(0, 0, half, half), t.part(half, half, k - half, k - half));
    let [mut top, mut low] = b.split_rows(half);
    if forward {
        halves(forward, kind, first, top.again(), scratch);
        low.product(form, t.part(half, 0, k - half, half), top.read(), false, scratch);
        halves(forward, kind, last, low, scratch);
    } else {
        halves(forward, kind, last, low.again(), scratch);
        top.product(form, t.part(0, half, half, k - half), low.read(), false, scratch);
        halves(forward, kind, first, top, scratch);
    }
}

fn substitute<T: Field>(forward: bool, kind: Triangle, t: Mat<'_, T>, b: &mut MatMut<'_, T>) {
    let element = |i: usize, j: usize| if kind.conjugated { t.at(i, j).conjugate() } else { t.at(i, j) };
    let k = t.rows();
    for step in 0..k {
        let i = if forward { step } else { k - 1 - step };
        let [mut top, mut low] = b.again().split_rows(if forward { i } else { i + 1 });
        let (known, row) = if forward { (&mut top, low.row(0)) } else { (&mut low, top.row(i)) };
        let first = if forward { 0 } else { i + 1 };
        for j in 0..known.rows() {
            subtract(row, element(i, first + j), known.row(j));
        }
        if !kind.unit {
            let by = element(i, i);
            row.iter_mut().for_each(|x| *x = x.over(by));
        }
    }
}

/// One step of solving op(A)·x = b by column blocks of A: `f` is the block [m, w] whose first column is `at`, `b` is [m, n].
/// Forward steps come in ascending order of `at`, others in descending order ([`Triangle::is_forward`]). Cost: 2mwn flops.
///
/// # Errors
/// The place of a zero on the diagonal.
pub fn solve_step<T: Field>(kind: Triangle, f: Mat<'_, T>, at: usize, b: MatMut<'_, T>, scratch: &mut [u8]) -> Result<(), usize> {
    let w = f.cols();
    let [above, rest] = b.split_rows(at);
    let [mut here, below] = rest.split_rows(w);
    let (mut others, part) = if kind.lower { (below, f.below(at + w)) } else { (above, f.part(0, 0, at, w)) };
    let form = Form { negative: true, conj_a: kind.conjugated, conj_b: false };
    if kind.transposed {
        here.product(form, part.t(), others.read(), false, scratch);
    }
    solve(kind, f.part(at, 0, w, w), &mut here, scratch).map_err(|i| at + i)?;
    if !kind.transposed {
        others.product(form, part, here.read(), false, scratch);
    }
    Ok(())
}
