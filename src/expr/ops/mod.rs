//! Op → Inferred, and what else passes ask. An operation has its fields, its inference and its answers in the file
//! of its name.

mod concatenate;
mod cumulative;
mod deferred;
mod elementwise;
mod full;
mod function;
mod generate;
mod mask;
mod matmul;
mod median;
mod rechunk;
mod reduce;
mod resident;
mod source;
mod spread;
mod view;

pub use concatenate::Concatenate;
pub use cumulative::Cumulative;
pub use deferred::{Build, Deferred};
pub use elementwise::Elementwise;
pub use full::{Full, constant};
pub use function::{BlockFn, BlockInfo, Function};
pub use generate::Generate;
pub use mask::{Count, Mask, Runs};
pub use matmul::Matmul;
pub use median::Median;
pub use rechunk::Rechunk;
pub use reduce::{Cells, Reduce, recut};
pub use resident::Resident;
pub use source::Source;
pub use spread::Spread;
pub use view::View;

/// What a transcendental function or a random number costs, in additions.
const DEAR: u64 = 16;
