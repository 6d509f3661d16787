//! Op → Inferred, and what else passes ask. An operation has its fields, its inference and its answers in the file
//! of its name; operations stand in families.

mod deferred;
mod elementwise;
mod function;
mod indexing;
mod leaves;
mod linalg;
mod output;
mod reductions;
mod shapes;
mod sorting;

pub use deferred::{Build, Deferred};
pub use elementwise::Elementwise;
pub use function::{BlockArg, CallAxis, Callee, Function};
pub use indexing::{Asked, ElementsAt, Lookup, Mask, Places, RowsAt, Spread, View, mirrored};
pub use leaves::{Full, Generate, Resident, Source, constant};
pub use linalg::{Applied, Apply, By, Contraction, Dense, DepthBlocks, Eigh, Factor, Factors, RowsOver, Svd, TallQr, Zeros};
pub use output::{Output, output_of, outputs};
pub use reductions::{Cumulative, Grouped, Reduce, Tally, recut};
pub use shapes::{Concatenate, Rechunk, Reshape, joined};
pub use sorting::{Lanes, Merge, Quantile, RUN_BLOCK_BYTES, RunBlock, SortedRuns, lanes_apart};

/// What a transcendental function or a random number costs, in additions.
const DEAR: u64 = 16;
