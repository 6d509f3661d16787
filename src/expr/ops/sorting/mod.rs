//! What the order of values decides, and functions of whole lanes → Inferred.

mod lanes;
mod merge;
mod quantile;

pub use lanes::{Lanes, lanes_apart};
pub use merge::{Merge, RUN_BLOCK_BYTES, RunBlock, SortedRuns};
pub use quantile::Quantile;
