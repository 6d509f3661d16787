//! Op → Inferred, and what else passes ask. An operation has its fields, its inference and its answers in the file
//! of its name.

mod apply;
mod concatenate;
mod contraction;
mod cumulative;
mod deferred;
mod dense;
mod eigh;
mod elementwise;
mod factor;
mod full;
mod function;
mod generate;
mod grouped;
mod lanes;
mod lookup;
mod mask;
mod merge;
mod output;
mod quantile;
mod rechunk;
mod reduce;
mod reshape;
mod resident;
mod source;
mod spread;
mod tall_qr;
mod tally;
mod view;

pub use apply::{Applied, Apply, Zeros};
pub use concatenate::{Concatenate, joined};
pub use contraction::{Contraction, DepthBlocks};
pub use cumulative::Cumulative;
pub use deferred::{Build, Deferred};
pub use dense::Dense;
pub use eigh::Eigh;
pub use elementwise::Elementwise;
pub use factor::{Factor, Factors};
pub use full::{Full, constant};
pub use function::{BlockArg, CallAxis, Callee, Function};
pub use generate::Generate;
pub use grouped::Grouped;
pub use lanes::Lanes;
pub use lookup::Lookup;
pub use mask::Mask;
pub use merge::{Merge, RUN_BLOCK_BYTES, RunBlock, SortedRuns};
pub use output::{Output, output_of, outputs};
pub use quantile::Quantile;
pub use rechunk::Rechunk;
pub use reduce::{Reduce, recut};
pub use reshape::Reshape;
pub use resident::Resident;
pub use source::Source;
pub use spread::Spread;
pub use tall_qr::TallQr;
pub use tally::Tally;
pub use view::{View, mirrored};

/// What a transcendental function or a random number costs, in additions.
const DEAR: u64 = 16;
