//! Elementwise stages: an expression into blocks of the pool.

use super::boxes::{Boxes, Tile};
use super::feed::{Feed, carve, carved_bytes};
use super::need::{ROUNDING_BYTES, Windows, most_met};
use crate::error::Result;
use crate::events::Counters;
use crate::grid::{BlockId, ChunkGrid, Region};
use crate::expr::Follow;
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Evaluates a feed over a box, whole.
pub(super) struct Evaluate<'a> {
    pub feed: &'a Feed,
    pub fused: &'a Fused,
    pub result: Reg,
}

impl Evaluate<'_> {
    pub fn load<'s>(&self, tile: &Tile, parts: &Reads<'s>, scratch: &mut &'s mut [u8]) -> Result<Vec<View<'s>>> {
        self.feed.load((&tile.start, &tile.shape), &tile.start, &tile.shape, &parts.reads, scratch, parts.counters)
    }

    /// Evaluates the part of the tile at `start` of `shape` into `out`.
    fn part(&self, tile: &Tile, start: &[u64], shape: &[u64], views: &[View<'_>], out: ViewMut<'_>, kernel: &mut [u8]) {
        let offset: Vec<usize> = start.iter().zip(&tile.start).map(|(a, b)| (a - b) as usize).collect();
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let views: Vec<View<'_>> = views.iter().map(|view| view.part(&offset, &local)).collect();
        let mut out = out;
        match self.plain() {
            Some(slot) => flagstone_kernels::copy::copy(&views[slot], &mut out),
            None => self.fused.run(start, &local, &views, &mut [out], kernel),
        }
    }

    /// The input that the result is, when nothing is computed.
    pub fn plain(&self) -> Option<usize> {
        super::plain_input(&self.fused.program, self.result)
    }
}

/// What a task reads from.
pub(super) struct Reads<'a> {
    pub reads: Vec<&'a [u8]>,
    pub counters: &'a Counters,
}

/// Evaluates an expression into blocks. A task may write several: all those inside its box.
pub struct MapStage {
    /// For plans.
    pub name: String,
    /// What is evaluated.
    pub feed: Feed,
    /// Its program, with one output.
    pub fused: Fused,
    /// How the product is cut.
    pub grid: ChunkGrid,
    /// The tasks: their cuts are a subset of the grid's.
    pub boxes: Boxes,
    /// Where the loop's blocks stand in the product's grid (not 0 for a part of a concatenation): index of
    /// the first block along each axis, and the grid of the whole product.
    pub inside: Option<(Vec<u64>, ChunkGrid)>,
    /// What it writes.
    pub product: Product,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl MapStage {
    /// Evaluates `feed` in `boxes`, of which each holds whole blocks of `grid`.
    pub fn new(name: &str, feed: Feed, fused: Fused, grid: ChunkGrid, boxes: Boxes, product: Product) -> MapStage {
        let scratch_bytes = feed.loading_boxes_bytes(&boxes.cuts).saturating_add(carved_bytes(fused.scratch_bytes() as u64));
        MapStage { name: name.to_string(), feed, fused, grid, boxes, inside: None, product, scratch_bytes }
    }

    fn blocks(&self, tile: &Tile) -> Vec<(BlockId, Vec<u64>, Vec<u64>)> {
        let ranges: Vec<(u64, u64)> = (0..tile.start.len())
            .map(|axis| {
                let chunks = &self.grid.axes[axis];
                let first = chunks.find(tile.start[axis]);
                (first, chunks.find(tile.start[axis] + tile.shape[axis] - 1) - first + 1)
            })
            .collect();
        let counts: Vec<u64> = ranges.iter().map(|range| range.1).collect();
        (0..counts.iter().product::<u64>())
            .map(|at| {
                let index: Vec<u64> = crate::grid::unravel(at, &counts).iter().zip(&ranges).map(|(i, range)| i + range.0).collect();
                let (start, shape) = index.iter().zip(&self.grid.axes).map(|(&i, axis)| axis.chunk(i)).unzip();
                (self.block_id(&index), start, shape)
            })
            .collect()
    }

    fn block_id(&self, index: &[u64]) -> BlockId {
        match &self.inside {
            None => self.grid.id(index),
            Some((first, whole)) => whole.id(&index.iter().zip(first).map(|(i, f)| i + f).collect::<Vec<_>>()),
        }
    }

    fn evaluate(&self) -> Evaluate<'_> {
        Evaluate { feed: &self.feed, fused: &self.fused, result: self.fused.outputs[0] }
    }

    /// A plain copy of one store input into one block: read straight into it.
    fn direct(&self, tile: &Tile, written: usize) -> bool {
        written == 1
            && self.feed.inputs.len() == 1
            && self.evaluate().plain() == Some(0)
            && matches!(self.feed.inputs[0].data, super::feed::Data::Store(_))
            && self.feed.inputs[0].view.is_identity(&self.feed.shape)
            && !tile.shape.is_empty()
    }

    fn item(&self) -> u64 {
        self.fused.program.dtype(self.fused.outputs[0]).size() as u64
    }
}

impl Stage for MapStage {
    fn name(&self) -> &str {
        &self.name
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        self.feed.products()
    }
    fn tasks(&self) -> u64 {
        self.boxes.len()
    }
    fn demand_bytes(&self) -> u64 {
        let follow = Follow { start: 0, step: 1, axis: Some(0) };
        let (mut blocks, mut elements) = (1u64, 1u64);
        for (chunks, cuts) in self.grid.axes.iter().zip(&self.boxes.cuts) {
            blocks = blocks.saturating_mul(most_met(chunks, &follow, &Windows::whole(cuts)));
            elements = elements.saturating_mul(cuts.longest());
        }
        let block = rounded(self.grid.largest_elements().saturating_mul(self.item()));
        let apart = elements.saturating_mul(self.item()).saturating_add(blocks.saturating_mul(ROUNDING_BYTES));
        let written = blocks.saturating_mul(block).min(apart);
        self.feed.blocks_bytes(&self.boxes.cuts).saturating_add(written).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        self.feed.moved_bytes(&self.boxes.cuts)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let tile = self.boxes.nth(n);
        self.feed.describe(&tile.start, &tile.shape, spec);
        for (block, _, shape) in self.blocks(&tile) {
            let bytes = shape.iter().product::<u64>() * self.item();
            spec.writes.push(Write { key: BlockKey { product: self.product.id, block }, bytes, takes: None });
        }
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.feed.readers(&self.boxes.cuts, product, block)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        let index = match &self.inside {
            None => crate::grid::unravel(block, &self.grid.counts()),
            Some((first, whole)) => crate::grid::unravel(block, &whole.counts()).iter().zip(first).map(|(i, f)| i - f).collect(),
        };
        let tile = index.iter().zip(&self.grid.axes).zip(&self.boxes.cuts).map(|((&i, chunks), cuts)| cuts.find(chunks.chunk(i).0));
        self.boxes.number(&tile.collect::<Vec<_>>())
    }
    fn prefetch(&self, n: u64) {
        let tile = self.boxes.nth(n);
        self.feed.prefetch(&tile.start, &tile.shape);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let tile = self.boxes.nth(n);
        let targets = self.blocks(&tile);
        let evaluate = self.evaluate();
        let dtype = self.fused.program.dtype(self.fused.outputs[0]);
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let dense = |shape: &[u64]| shape.iter().map(|&n| n as usize).collect::<Vec<_>>();
        if self.direct(&tile, targets.len())
            && let super::feed::Data::Store(store) = &self.feed.inputs[0].data
        {
            let mut out = ViewMut::dense(&mut *writes[0], dtype, &dense(&tile.shape));
            let moved = store.read(&Region::dense(&tile.start, &tile.shape), &mut out, scratch)?;
            Counters::add(&counters.read_bytes, moved.stored_bytes);
            Counters::add(&counters.decoded_bytes, moved.decoded_bytes);
            return Ok(());
        }
        let mut rest = scratch;
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let views = evaluate.load(&tile, &Reads { reads, counters }, &mut rest)?;
        for ((_, start, shape), write) in targets.iter().zip(&mut writes) {
            let out = ViewMut::dense(write, dtype, &dense(shape));
            evaluate.part(&tile, start, shape, &views, out, kernel);
        }
        Ok(())
    }
}
