//! An expression straight into a store, box by box.

use super::blocking;
use super::boxes::{Boxes, Tile, visiting};
use super::feed::{Data, Feed, Input, carve, carved_bytes};
use super::lower::{Lowering, Made};
use super::map::{Evaluate, MapStage, Reads};
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Affine, Expr};
use crate::grid::{AxisChunks, BlockId, ChunkGrid, Region};
use crate::memory::rounded;
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, new_product};
use crate::store::{Store, Writer};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program};
use flagstone_kernels::view::{View, ViewMut};
use std::sync::Arc;

/// Evaluates an expression box by box and hands each to a writer.
pub struct WriteStage {
    /// For plans.
    pub name: String,
    /// What is evaluated.
    pub feed: Feed,
    /// Its program, with one output.
    pub fused: Arc<Fused>,
    /// The tasks: unions of the writer's granules.
    pub boxes: Boxes,
    /// Where it goes.
    pub writer: Arc<dyn Writer>,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl WriteStage {
    /// Writes the output of `fused` in boxes cut by `cuts`.
    pub fn new(feed: &Feed, fused: &Arc<Fused>, cuts: Vec<AxisChunks>, writer: &Arc<dyn Writer>) -> WriteStage {
        let boxes = Boxes { order: visiting(feed, &cuts), cuts };
        let longest: Vec<u64> = boxes.cuts.iter().map(AxisChunks::longest).collect();
        let (feed, fused, writer) = (feed.clone(), fused.clone(), writer.clone());
        let mut stage = WriteStage { name: "write".to_string(), feed, fused, boxes, writer, scratch_bytes: 0 };
        let result = match stage.evaluate().plain() {
            Some(_) => 0,
            None => carved_bytes(stage.boxes.longest_elements().saturating_mul(stage.item())),
        };
        stage.scratch_bytes = carved_bytes(stage.fused.scratch_bytes() as u64)
            .saturating_add(result)
            .saturating_add(stage.feed.loading_boxes_bytes(&stage.boxes.cuts))
            .saturating_add(stage.writer.scratch_bytes(&longest));
        stage
    }

    fn item(&self) -> u64 {
        self.fused.program.dtype(self.fused.outputs[0]).size() as u64
    }
    fn bytes(&self, tile: &Tile) -> u64 {
        tile.shape.iter().product::<u64>() * self.item()
    }
    fn evaluate(&self) -> Evaluate<'_> {
        Evaluate { feed: &self.feed, fused: &self.fused, result: self.fused.outputs[0] }
    }
}

impl Stage for WriteStage {
    fn name(&self) -> &str {
        &self.name
    }
    fn products(&self) -> &[Product] {
        &[]
    }
    fn inputs(&self) -> Vec<u64> {
        self.feed.products()
    }
    fn tasks(&self) -> u64 {
        self.boxes.len()
    }
    fn demand_bytes(&self) -> u64 {
        self.feed.blocks_bytes(&self.boxes.cuts).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        let written = self.feed.shape.iter().fold(self.item(), |bytes, &n| bytes.saturating_mul(n));
        self.feed.moved_bytes(&self.boxes.cuts).saturating_add(written)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let tile = self.boxes.nth(n);
        self.feed.describe(&tile.start, &tile.shape, spec);
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.feed.readers(&self.boxes.cuts, product, block)
    }
    fn producer(&self, _product: u64, _block: BlockId) -> u64 {
        0
    }
    fn prefetch(&self, n: u64) {
        let tile = self.boxes.nth(n);
        self.feed.prefetch(&tile.start, &tile.shape);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let tile = self.boxes.nth(n);
        let evaluate = self.evaluate();
        let dtype = self.fused.program.dtype(self.fused.outputs[0]);
        let local: Vec<usize> = tile.shape.iter().map(|&n| n as usize).collect();
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut rest = scratch;
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let result = if evaluate.plain().is_some() { 0 } else { self.bytes(&tile) };
        let held = carve(&mut rest, result);
        let views = evaluate.load(&tile, &Reads { reads, counters }, &mut rest)?;
        let region = Region::dense(&tile.start, &tile.shape);
        let stored = match evaluate.plain() {
            Some(slot) => self.writer.write(&region, &views[slot], rest)?,
            None => {
                self.fused.run(&tile.start, &local, &views, &mut [ViewMut::dense(held, dtype, &local)], kernel);
                self.writer.write(&region, &View::dense(held, dtype, &local), rest)?
            }
        };
        Counters::add(&counters.written_bytes, stored);
        Ok(())
    }
}

impl Lowering<'_> {
    pub(super) fn write(&mut self, expr: &Expr, writer: &Arc<dyn Writer>) -> Result<()> {
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let fused = Arc::new(Fused::new(feed.program.clone(), regs, vec![]));
        let stage = |feed: &Feed, cuts: Vec<AxisChunks>| WriteStage::new(feed, &fused, cuts, writer);
        let fits = |cuts: &[AxisChunks]| stage(&feed, cuts.to_vec()).demand_bytes() <= self.share_bytes();
        let mut cuts = blocking::for_writer(&feed, writer.granule(), &fits);
        let mut feed = feed;
        if self.cuts_chunks(&feed, &cuts) {
            // each encoded chunk would be decoded several times: once into small blocks instead, which
            // wait in the pool or its spill file
            for input in &mut feed.inputs {
                if let Data::Store(store) = input.data.clone()
                    && store.meta().compressed
                {
                    let made = self.load_for(&store, input, &cuts)?;
                    input.data = Data::Blocks { product: made.product, grid: made.grid };
                }
            }
            let fits = |cuts: &[AxisChunks]| stage(&feed, cuts.to_vec()).demand_bytes() <= self.share_bytes();
            if !fits(&cuts) {
                cuts = (0..cuts.len()).map(|a| AxisChunks::regular(feed.shape[a], writer.granule()[a])).collect();
            }
        }
        let rank = self.rank_of(&feed.products());
        let stage = stage(&feed, cuts);
        self.push(stage, Drive::Ranked(rank));
        Ok(())
    }

    /// Whether tasks cut like this would each decode chunks of which they need only a part.
    fn cuts_chunks(&self, feed: &Feed, cuts: &[AxisChunks]) -> bool {
        let natural = blocking::natural(feed);
        let stores = feed.inputs.iter().any(|input| matches!(&input.data, Data::Store(store) if store.meta().compressed));
        natural.rigid
            && stores
            && natural.cuts.iter().zip(cuts).any(|(chunks, cuts)| {
                // a cut inside of a chunk, seen at the first few
                (0..cuts.count().min(64)).any(|i| {
                    let (start, _) = cuts.chunk(i);
                    start != 0 && chunks.chunk(chunks.find(start)).0 != start
                })
            })
    }

    /// A store as blocks cut at its own chunks and at `cuts` of the loop that reads it, one task a chunk.
    fn load_for(&mut self, store: &Arc<dyn Store>, input: &Input, cuts: &[AxisChunks]) -> Result<Made> {
        let shape = store.meta().shape.clone();
        let chunks = ChunkGrid::regular(&shape, store.meta().chunks.as_deref().unwrap_or(&shape));
        let identity = Affine::identity(&shape);
        let mut axes = chunks.axes.clone();
        for (axis, f) in input.view.source.iter().enumerate() {
            if let (Some(loop_axis), 1) = (f.axis, f.step) {
                axes[axis] = both(&chunks.axes[axis], &cuts[loop_axis], f.start as u64);
            }
        }
        let grid = ChunkGrid { axes };
        let name = format!("split {}", store.address());
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype: input.dtype }], steps: vec![] };
        let feed = Feed { shape, inputs: vec![Input { data: Data::Store(store.clone()), view: identity, dtype: input.dtype }], program };
        let fused = Fused::new(feed.program.clone(), vec![0], vec![]);
        let product = Product { id: new_product(), name: name.clone(), blocks: grid.blocks() };
        let made = Made { product: product.id, grid: grid.clone() };
        let rank = 0;
        self.push(MapStage::new(&name, feed, fused, grid, Boxes::rows(chunks.axes), product), Drive::Ranked(rank));
        Ok(made)
    }
}

/// Cuts at the ends of `chunks` and, shifted by `offset`, of `cuts`.
fn both(chunks: &AxisChunks, cuts: &AxisChunks, offset: u64) -> AxisChunks {
    let ends = |axis: &AxisChunks, offset: u64| (0..axis.count()).map(|i| axis.chunk(i)).map(|(s, n)| s + n + offset).collect::<Vec<_>>();
    let mut all = ends(chunks, 0);
    all.extend(ends(cuts, offset).into_iter().filter(|&end| end < chunks.len()));
    all.push(offset);
    all.sort_unstable();
    all.dedup();
    let mut last = 0;
    let lengths: Vec<u64> = all.into_iter().filter(|&end| end > 0).map(|end| end - std::mem::replace(&mut last, end)).collect();
    AxisChunks::from_lengths(&lengths)
}
