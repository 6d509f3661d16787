//! Products of matrices, their factors, and what solves with them → Inferred.

mod apply;
mod contraction;
mod dense;
mod eigh;
mod factor;
mod rows_over;
mod svd;
mod tall_qr;

pub use apply::{Applied, Apply, Zeros};
pub use contraction::{Contraction, DepthBlocks};
pub use dense::Dense;
pub use eigh::Eigh;
pub use factor::{Factor, Factors};
pub use rows_over::RowsOver;
pub use svd::Svd;
pub use tall_qr::{By, TallQr};
