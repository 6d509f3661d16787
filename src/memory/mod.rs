//! Blocks → residency. It alone counts bytes and spills.
//!
//! A task states what it reads, takes and allocates; [`Pool::admit`] pins and reserves all of it or nothing,
//! evicting blocks that nobody holds (their next use latest first) to the spill file. What may be held when is
//! decided by the ledger, a pure state machine; the pool adds memory, I/O and threads.
//!
//! ```text
//!   admit ──▶ ledger: begin ──▶ spill victims ──▶ funded ──▶ restore ──▶ Grant { read, take, allocate, publish }
//!               │ not now                (outside the lock)                     │ finish, drop
//!               ▼                                                               ▼
//!         wait_change ◀─────────────────────────── changed ◀──────────── ledger: release
//! ```
//! What counts against the limit: blocks in memory, buffers, what is left of reserves, reservations, and the
//! warm free list. What does not count:
//!
//! - staging for spilling: 1.1 MiB a core, four at most, made with the pool;
//! - the ledger itself: a few hundred bytes a block;
//! - the scheduler's window of near tasks: 4 MiB, or one task a worker where those name more blocks;
//! - up to 32 MiB of the free list, which may overlap promised bytes: so an evicted block's memory is handed on warm.

mod buffer;
mod disk;
mod extents;
mod grant;
mod ledger;
mod mapping;
mod pool;
mod process;
mod residency;
mod spill;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use buffer::Buffer;
pub use disk::SpillDisk;
pub use grant::{Grant, Reservation};
pub use mapping::{PAGE, rounded};
pub use pool::{Pool, PoolOptions, Usage};
pub use process::{ProcessIo, default_memory_limit, end_blas_threads, peak_resident_bytes, process_io, resident_bytes, tune_allocator};
pub use residency::Request;

/// Which block: products are numbered per runtime, blocks in C order of the product's grid.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug, Ord, PartialOrd)]
pub struct BlockKey {
    /// The product: one output of one stage, never used twice in a runtime.
    pub product: u64,
    /// The block's number in it.
    pub block: u64,
}

impl std::fmt::Display for BlockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "block {} of product {}", self.block, self.product)
    }
}
