//! A matrix → a band of its upper triangle, Uᴴ·A·V = B, by panels of columns and of rows in turn.
//!
//! This is the reduction of the Hermitian matrix [0, Aᴴ; A, 0] to a band ([`super::two_sided`]), its rows and columns taken in turn from
//! both halves, a block of each: v₁, u₁, v₂, u₂, …. A panel of a block of one half has rows of the other half alone, so no block has more
//! than those; W = X·T, since V and X have no row in common; and a block loses one product where there it loses two. What is left of A
//! lies as column blocks: block vⱼ its columns j, from the rows j on; block uᵢ its rows i, conjugated as columns, from the columns after i
//! on. Source: Großer and Lang, *Efficient parallel reduction to bidiagonal form*, Parallel Computing 25 (1999).

use super::field::Field;
use super::matrix::{Mat, MatMut};
use super::two_sided::{ADJOINT, SUBTRACT_ADJOINT, by_triangle, explicit, panel_of};
use crate::gemm::Form;

/// Row and column of the first NaN or infinity of `a`.
pub fn first_without_number<T: Field>(a: Mat<'_, T>) -> Option<[usize; 2]> {
    let places = (0..a.rows()).flat_map(|row| (0..a.cols()).map(move |column| [row, column]));
    places.into_iter().find(|&[row, column]| !a.at(row, column).size().is_finite())
}

/// `left`·`right`ᴴ less, of a block `a` [m, n]: `left` [m, k] and `right` [n, k] are a panel and its W, or the other way round. Cost:
/// 2mnk flops.
pub fn bidiagonal_update<T: Field>(mut a: MatMut<'_, T>, left: Mat<'_, T>, right: Mat<'_, T>, scratch: &mut [u8]) {
    a.product(SUBTRACT_ADJOINT, left, right.t(), false, scratch);
}

/// Factors a block `a` [m, w]. Into `band` [w, height] come the columns of the band, each from the diagonal of zeros on downwards: R stands
/// below the block's own rows. The block becomes V, with its ones and zeros; `t` [w, w] its triangle. Cost: 2mw² flops.
///
/// # Panics
/// If `band` or `t` has another size.
pub fn bidiagonal_panel<T: Field>(mut a: MatMut<'_, T>, t: MatMut<'_, T>, band: &mut [T], scratch: &mut [u8], height: usize) {
    let (m, w) = (a.rows(), a.cols());
    assert!(band.len() == w * height && height > w, "a band of {w} columns");
    panel_of(a.again(), 0, t, scratch);
    band.fill(T::ZERO);
    for (column, band) in band.chunks_exact_mut(height).enumerate() {
        (0..m.min(column + 1)).for_each(|i| band[w + i - column] = a.read().at(i, column));
    }
    explicit(&mut a, m.min(w));
}

/// Adds to X what a block `a` [m, n] of the panel's own half gives, of the panel's rows `v` [m, k]: `x` [n, k] += Aᴴ·V. Cost: 2mnk flops.
pub fn bidiagonal_across<T: Field>(a: Mat<'_, T>, v: Mat<'_, T>, mut x: MatMut<'_, T>, scratch: &mut [u8]) {
    x.product(ADJOINT, a.t(), v, false, scratch);
}

/// Adds to X what a block `a` [m, n] of the other half gives, of the panel's rows `v` [n, k]: `x` [m, k] += A·V; with `first`, what `x` held
/// is not read. Cost: 2mnk flops.
pub fn bidiagonal_down<T: Field>(a: Mat<'_, T>, v: Mat<'_, T>, mut x: MatMut<'_, T>, first: bool, scratch: &mut [u8]) {
    x.product(Form::default(), a, v, first, scratch);
}

/// Makes W = X·T of `x` [m, k] in its place; `t` is [k, k]. Cost: 2mk² flops.
pub fn bidiagonal_finish<T: Field>(t: Mat<'_, T>, x: MatMut<'_, T>, scratch: &mut [u8]) {
    by_triangle(t, x, scratch);
}
