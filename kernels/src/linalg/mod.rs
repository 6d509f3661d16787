//! Column blocks → factors. What factorisations do to one block of columns on one thread: factor it, apply another block's
//! factor to it. All in place, C order, with scratch that is counted beside each kernel.
//!
//! A *column block* is [m, w] with dense rows. Who calls cuts a matrix at the same columns whatever the memory: then the bits of
//! a factorisation follow from shape and dtype alone.

mod band;
mod bidiagonal;
mod cholesky;
mod condition;
mod dense;
mod divide;
mod field;
mod lapack;
mod lu;
mod matrix;
mod panel;
mod qr;
mod rows;
mod secular;
mod small;
mod sweeps;
mod tiles;
mod triangle;
mod two_sided;
mod whole;

pub use band::{Sweeps, chase, diagonals};
pub use bidiagonal::{bidiagonal_across, bidiagonal_down, bidiagonal_finish, bidiagonal_panel, bidiagonal_update, first_without_number};
pub use cholesky::{cholesky_panel, cholesky_scratch_bytes, cholesky_update};
pub use condition::Condition;
pub use dense::{Dense, ResultShape};
pub use divide::{Tree, tridiagonal_values};
pub use field::Field;
pub use lu::{lu_apply, lu_apply_transposed, lu_panel, lu_scratch_bytes, lu_swap};
pub use matrix::{Mat, MatMut};
pub use qr::{qr_apply, qr_panel, qr_scratch_bytes};
pub use rows::{
    columns_can_be_squared, columns_reciprocal, rows_cholesky, rows_cholesky_scratch_bytes, rows_over, rows_over_scratch_bytes,
    rows_squared, rows_squared_scratch_bytes, sketch_height, sketch_rows, triangles,
};
pub use small::{Real, SMALL_MAX, eigh_small};
pub use sweeps::{sweeps_apply, sweeps_scratch_bytes, sweeps_t, sweeps_t_len, sweeps_t_scratch_bytes};
pub use triangle::{Triangle, solve_step, triangle_scratch_bytes};
pub use two_sided::{two_sided_finish, two_sided_first, two_sided_panel, two_sided_product, two_sided_scratch_bytes, two_sided_update};
pub use whole::{qr_whole, qr_whole_apply, qr_whole_scratch_bytes, qr_whole_t_len};

/// Calls `$body` with `$t` bound to the type of an f32, f64, c64 or c128.
///
/// # Panics
/// For other dtypes.
#[macro_export]
macro_rules! with_field {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::dtype::DType::F32 => {
                type $t = f32;
                $body
            }
            $crate::dtype::DType::F64 => {
                type $t = f64;
                $body
            }
            $crate::dtype::DType::C64 => {
                type $t = $crate::dtype::C64;
                $body
            }
            $crate::dtype::DType::C128 => {
                type $t = $crate::dtype::C128;
                $body
            }
            other => panic!("linear algebra of {other}: the caller casts"),
        }
    };
}

/// Unknowns that are found by vector loops; more are halved, so that most of the work is products.
const NARROW: usize = 16;

/// Columns that are packed and halved down to single ones.
const PACKED: usize = 32;

#[cfg(test)]
mod rows_tests;
#[cfg(test)]
mod spectral_tests;
#[cfg(test)]
mod tests;
