//! Arrays one after the other: each part evaluates into its own blocks of one product, whose cuts include
//! the seams.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::map::MapStage;
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, BlockId, ChunkGrid, LISTED_MAX};
use crate::plan::{Drive, Product, Stage, TaskBlocks, TaskSpec, new_product};
use flagstone_kernels::fused::Fused;

/// The parts' tasks, one part after the other. What they read, write and need is said by each part, a loop of its own; there is no
/// more to it than where a part begins.
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
        let blocks: Vec<u64> = parts.iter().map(|part| part.grid().axes[axis].count()).collect();
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
    fn demand_bytes(&self) -> u64 {
        self.parts.iter().map(MapStage::demand_bytes).max().unwrap_or(0)
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
    fn moved_bytes(&self) -> u64 {
        self.parts.iter().map(MapStage::moved_bytes).fold(0, u64::saturating_add)
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (part, n) = self.part(n);
        Stage::run(part, n, blocks)
    }
}

impl Lower for ops::Concatenate {
    /// Each part writes its own blocks of one product, whose cuts include the seams.
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (args, axis) = (&self.args, self.axis);
        let mut feeds = Vec::with_capacity(args.len());
        for arg in args.iter().filter(|arg| arg.shape[axis] > 0) {
            let (feed, regs) = lowering.feed(&[arg], &arg.shape)?;
            feeds.push((feed, regs[0]));
        }
        if feeds.is_empty() {
            let mut shape = args[0].shape.clone();
            shape[axis] = 0;
            return Ok(Blocked { product: new_product(), grid: ChunkGrid::whole(&shape) });
        }
        let id = new_product();
        // the other axes are cut as suits the largest part: a thin one beside it would leave its rows whole
        let elements = |feed: &Feed| feed.shape.iter().fold(1u64, |n, &len| n.saturating_mul(len));
        let largest = (0..feeds.len()).rev().max_by_key(|&at| elements(&feeds[at].0)).unwrap_or(0);
        let join = |cuts: Vec<Vec<AxisChunks>>| {
            let mut axes = cuts[largest].clone();
            axes[axis] = AxisChunks::concatenated(cuts.iter().map(|cuts| &cuts[axis]))?;
            let whole = ChunkGrid { axes };
            let product = Product { id, name: "concatenate".to_string(), blocks: whole.blocks() };
            let mut offset = 0;
            let mut parts = Vec::with_capacity(feeds.len());
            for ((feed, result), cuts) in feeds.iter().zip(cuts) {
                let mut own = whole.axes.clone();
                own[axis] = cuts[axis].clone();
                let mut first = vec![0; own.len()];
                first[axis] = offset;
                offset += cuts[axis].count();
                let grid = ChunkGrid { axes: own };
                let boxes = Boxes::rows(grid.axes.clone());
                let fused = Fused::new(feed.program.clone(), vec![*result], vec![]);
                let inside = Some((first, whole.clone()));
                parts.push(MapStage::new(&product.name, feed.clone(), fused, grid, inside, boxes, product.clone()));
            }
            Some(ConcatenateStage::new(parts, whole, axis, product))
        };
        let sources: Vec<&Feed> = feeds.iter().map(|(feed, _)| feed).collect();
        let demand = |stage: &Option<ConcatenateStage>| stage.as_ref().map_or(u64::MAX, Stage::demand_bytes);
        let stage = blocking::shrunk(&sources, join, demand, lowering.budget.share_bytes() / 2, lowering.budget);
        let stage = stage.ok_or_else(|| {
            let shapes: Vec<String> = args.iter().map(|arg| arg.shape[axis].to_string()).collect();
            let what = format!("{} elements along axis {axis} would make over {LISTED_MAX} blocks of unequal lengths", shapes.join(" + "));
            Error::unsupported(
                "concatenate",
                format!("{what}; rechunk the arrays so that their chunks are equal, or raise the memory limit"),
            )
        })?;
        let made = Blocked { product: id, grid: stage.grid().clone() };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
