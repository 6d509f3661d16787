//! Views → views. Dense kernels: no I/O, no knowledge of chunks or limits, no threads but those of the crew that shares a
//! product's rows when it has nothing else to do ([`crew`]).
//! A dtype is matched once, at the edge of a kernel; inside is one loop.

pub mod copy;
pub mod crew;
pub mod dtype;
pub mod elementwise;
pub mod exact;
pub mod fft;
pub mod fused;
pub mod gemm;
pub mod generate;
pub mod grouped;
pub mod halo;
pub mod halve;
mod isa;
pub mod lanes;
pub mod linalg;
pub mod lookup;
pub mod op;
pub mod program;
pub mod random;
pub mod reduce;
pub mod rows;
mod scalar;
pub mod scan;
pub mod select;
pub mod sort;
pub mod tally;
pub mod view;

/// What [`with_element`] names, for crates that do not depend on it themselves.
#[doc(hidden)]
pub use half;
