//! Factorisations → Stages. Matrices are factored, and solved with, by blocks of whole columns.
//!
//! A matrix [m, n] lies in the pool as *column blocks* [m, w]: w follows from the dtype alone (rows of 1 KiB), so that no
//! limit chooses arithmetic. A block takes a *step* for each factored block of columns, left-looking: block k is factored
//! when the steps of all blocks before it were done to it, and is then read by every later block. The limit chooses how many
//! blocks are on their way together (a *group*): for each of them together a factored block is brought in once.

mod apply;
mod band;
mod bidiagonal;
mod chase;
mod columns;
pub(super) mod contraction;
mod dense;
mod eigh;
mod factor;
mod halves;
mod order;
mod rows_over;
pub(super) mod sketched_qr;
mod source;
mod stage;
mod stretches;
mod svd;
mod tall;
pub(super) mod tall_qr;
mod tridiagonal;
mod two_sided;

pub use stage::Factored;
