//! The chunks of a dataset: how they are cut, stored and found.

use super::chunk_table::Index;
use super::filters::Pipeline;

/// Chunks and where they are.
#[derive(Debug)]
pub(super) struct Chunked {
    pub(super) chunk: Vec<u64>,
    pub(super) counts: Vec<u64>,
    pub(super) chunk_bytes: usize,
    pub(super) pipeline: Pipeline,
    pub(super) index: Index,
    /// Whether chunks that the edge cuts are stored without filters.
    pub(super) plain_edges: bool,
    /// Bytes of the largest stored chunk.
    pub(super) stored_most: u64,
}
