//! Sorted runs, as one array in order.

use crate::error::Result;
use crate::expr::operation::made_by_a_stage;
use crate::expr::record::not_data;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use flagstone_kernels::sort::Sorter;
use std::any::Any;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Where a block of a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunBlock {
    /// The order of its first item.
    pub order: [u64; 4],
    /// Of which run.
    pub run: u32,
    /// Which of its blocks, all of which but the last are full.
    pub at: u32,
}

/// Sorted runs in blocks of the pool. Run r has the blocks `r * per_run`, + 1, ….
pub struct SortedRuns {
    /// Their number in the pool.
    pub product: u64,
    /// Items of each run.
    pub lengths: Vec<u64>,
    /// Items of a full block.
    pub block_items: u64,
    /// Numbers of blocks that a run has.
    pub per_run: u64,
    /// All blocks, ordered by their first items, then by run. Empty while nothing was sorted yet.
    pub blocks: Vec<RunBlock>,
    /// Dropping the last of them removes the blocks.
    pub owner: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a block of a run takes beside its items: the pool's books of it, where it begins, and its share of the ranges that are
/// merged, which are fewer than blocks.
pub const RUN_BLOCK_BYTES: u64 = 200 + size_of::<RunBlock>() as u64 + 16;

impl SortedRuns {
    fn standing_bytes(&self) -> u64 {
        self.lengths.iter().map(|len| len.div_ceil(self.block_items)).sum::<u64>().saturating_mul(RUN_BLOCK_BYTES)
    }
}

impl fmt::Debug for SortedRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs in blocks of {}", self.lengths.len(), self.block_items)
    }
}

/// All items of sorted runs in order.
#[derive(Clone, Debug)]
pub struct Merge {
    /// What the items are, and give.
    pub sorter: Sorter,
    /// The runs.
    pub runs: Arc<SortedRuns>,
    /// The chunks that a user sees.
    pub chunks: ChunkGrid,
}

not_data!(Merge, "sorted runs are in the memory of one process");

impl Operation for Merge {
    fn name(&self) -> &str {
        "merge"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        Ok(Inferred::known(self.chunks.shape(), self.sorter.out(), self.chunks.clone()).standing(self.runs.standing_bytes()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Merge(other) if Arc::ptr_eq(&self.runs, &other.runs))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.runs.product);
    }

    fn detail(&self) -> String {
        format!("{:?}", self.runs)
    }

    // blocks that nobody reads are not merged
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
