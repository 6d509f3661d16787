//! What the order of values decides, and functions of whole lanes → Inferred.

mod apart;
mod lanes;
mod merge;
mod quantile;

pub use apart::lanes_apart;
pub use lanes::Lanes;
pub use merge::{Merge, RUN_BLOCK_BYTES, RunBlock, SortedRuns};
pub use quantile::Quantile;
