//! Arrays one after the other: each part evaluates into its own blocks of one product, whose cuts include
//! the seams.

use super::map::MapStage;
use crate::error::Result;
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::plan::{Product, Stage, TaskBlocks, TaskSpec};

/// The parts' tasks, one part after the other.
pub struct ConcatenateStage {
    parts: Vec<MapStage>,
    /// The first task of each part, and the number of all.
    first: Vec<u64>,
    /// Which part holds each block along the axis.
    seams: AxisChunks,
    grid: ChunkGrid,
    axis: usize,
    product: Product,
}

impl ConcatenateStage {
    /// `parts` write into `grid`, side by side along `axis`.
    pub fn new(parts: Vec<MapStage>, grid: ChunkGrid, axis: usize, product: Product) -> ConcatenateStage {
        let mut first = vec![0];
        first.extend(parts.iter().scan(0, |at, part| {
            *at += part.tasks();
            Some(*at)
        }));
        let blocks: Vec<u64> = parts.iter().map(|part| part.grid.axes[axis].count()).collect();
        ConcatenateStage { seams: AxisChunks::from_lengths(&blocks), parts, first, grid, axis, product }
    }

    /// How the whole is cut.
    pub fn grid(&self) -> &ChunkGrid {
        &self.grid
    }

    fn part(&self, n: u64) -> (&MapStage, u64) {
        let at = self.first.partition_point(|&first| first <= n) - 1;
        (&self.parts[at], n - self.first[at])
    }
}

impl Stage for ConcatenateStage {
    fn name(&self) -> &str {
        "concatenate"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        let mut inputs: Vec<u64> = self.parts.iter().flat_map(MapStage::inputs).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
    fn tasks(&self) -> u64 {
        self.first.last().copied().unwrap_or(0)
    }
    fn largest(&self) -> u64 {
        let demand = |at: &usize| super::largest::demand(&self.parts[*at], &[&self.parts[*at].feed], self.parts[*at].largest());
        let largest = (0..self.parts.len()).max_by_key(demand).unwrap_or(0);
        self.first[largest] + self.parts[largest].largest()
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (part, n) = self.part(n);
        part.describe(n, spec);
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.parts.iter().map(|part| part.readers(product, block)).sum()
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        let along = crate::grid::unravel(block, &self.grid.counts())[self.axis];
        // `seams` joins equal neighbours only in how it is stored: its chunks are the parts
        let at = self.seams.find(along) as usize;
        self.first[at] + self.parts[at].producer(product, block)
    }
    fn prefetch(&self, n: u64) {
        let (part, n) = self.part(n);
        part.prefetch(n);
    }
    fn predicted_bytes(&self) -> u64 {
        self.parts.iter().map(MapStage::predicted_bytes).sum()
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (part, n) = self.part(n);
        part.run(n, blocks)
    }
}
