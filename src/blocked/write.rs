//! An expression straight into a store, box by box.

use super::blocking;
use super::boxes::{Boxes, visiting};
use super::feed::{Data, Feed, Input};
use super::lower::Lowering;
use super::made::Blocked;
use super::map::MapStage;
use super::task_box::TaskBox;
use super::work::{Access, Layout, Tasks, Work};
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Affine, Expr};
use crate::grid::{AxisChunks, ChunkGrid, Region};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks};
use crate::store::{Store, Writer};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program};
use flagstone_kernels::view::{View, ViewMut};
use std::sync::Arc;

/// Evaluates an expression box by box and hands each to a writer.
pub struct WriteStage {
    work: Work,
    /// Its program, with one output.
    fused: Arc<Fused>,
    /// Where it goes.
    writer: Arc<dyn Writer>,
    /// Of the kernel, and of the values where they are computed.
    layout: Layout<2>,
}

impl WriteStage {
    /// Writes the output of `fused` in boxes cut by `cuts`, unions of the writer's granules.
    pub fn new(feed: &Feed, fused: &Arc<Fused>, cuts: Vec<AxisChunks>, writer: &Arc<dyn Writer>) -> WriteStage {
        let boxes = Boxes { order: visiting(feed, &cuts), cuts };
        let longest: Vec<u64> = boxes.cuts.iter().map(AxisChunks::longest).collect();
        let item = fused.program.dtype(fused.outputs[0]).size() as u64;
        let plain = super::plain_input(&fused.program, fused.outputs[0]);
        let values = if plain.is_some() { 0 } else { boxes.longest_elements().saturating_mul(item) };
        let layout = Layout::new([fused.scratch_bytes() as u64, values]);
        let reads = vec![Access::whole(feed.clone())];
        let loading = Work::loading_bytes(&boxes, &reads);
        let (writing, dense) = (writer.scratch_bytes(&longest), writer.dense_scratch_bytes(&longest));
        let rest = match plain {
            // in the order of what is read: brought together dense, or a part of a block, for which nothing was brought together
            Some(slot) if feed.inputs[slot].view.is_identity(&feed.shape) => loading.saturating_add(dense).max(writing),
            Some(_) => loading.saturating_add(writing),
            None => loading.saturating_add(dense),
        };
        let scratch = layout.bytes().saturating_add(rest);
        let mut work = Work::new("write", boxes, reads, vec![], scratch);
        work.stored_bytes = feed.shape.iter().fold(item, |bytes, &n| bytes.saturating_mul(n));
        WriteStage { work, fused: fused.clone(), writer: writer.clone(), layout }
    }
}

impl Tasks for WriteStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let output = self.fused.outputs[0];
        let dtype = self.fused.program.dtype(output);
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut rest = scratch;
        let [kernel, values] = self.layout.split(&mut rest);
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        let region = Region::dense(&task_box.start, &task_box.shape);
        let stored = match super::plain_input(&self.fused.program, output) {
            Some(slot) => self.writer.write(&region, &views[slot], rest)?,
            None => {
                let values = &mut values[..local.iter().product::<usize>() * dtype.size()];
                self.fused.run(&task_box.start, &local, &views, &mut [ViewMut::dense(values, dtype, &local)], kernel);
                self.writer.write(&region, &View::dense(values, dtype, &local), rest)?
            }
        };
        Counters::add(&counters.written_bytes, stored);
        Ok(())
    }
}

/// Granules of any length made so long that their elements lie in runs: the last axes whole, as long as all of them have no more than
/// `run_bytes`.
fn in_runs(granule: &[u64], shape: &[u64], item: u64, run_bytes: u64) -> Vec<u64> {
    let (mut granule, mut bytes) = (granule.to_vec(), item);
    for (len, &n) in granule.iter_mut().zip(shape).rev() {
        bytes = bytes.saturating_mul(n);
        if bytes > run_bytes {
            break;
        }
        *len = n;
    }
    granule
}

impl Lowering<'_> {
    pub(super) fn write(&mut self, expr: &Expr, writer: &Arc<dyn Writer>) -> Result<()> {
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let fused = Arc::new(Fused::new(feed.program.clone(), regs, vec![]));
        let stage = |feed: &Feed, cuts: Vec<AxisChunks>| WriteStage::new(feed, &fused, cuts, writer);
        let granule = in_runs(writer.granule(), &feed.shape, expr.dtype.size() as u64, writer.run_bytes());
        let make = |cuts: Vec<AxisChunks>| stage(&feed, cuts);
        let made = blocking::for_writer(&feed, &granule, self.budget.work(), make, Stage::demand_bytes, self.budget.share_bytes());
        let (feed, stage) = match self.cuts_chunks(&feed, &made.work.boxes.cuts) {
            true => {
                let cuts = made.work.boxes.cuts.clone();
                let feed = self.split_for(feed.clone(), &cuts)?;
                let stage = stage(&feed, cuts);
                (feed, stage)
            }
            false => (feed, made),
        };
        let drive = self.drive(&feed, stage.tasks());
        self.push(stage, drive);
        Ok(())
    }

    /// The loop where each encoded chunk would be decoded several times: each is decoded once instead, into blocks cut at `cuts`,
    /// which wait in the pool or its spill file.
    fn split_for(&mut self, mut feed: Feed, cuts: &[AxisChunks]) -> Result<Feed> {
        for input in &mut feed.inputs {
            if let Data::Store(store) = input.data.clone()
                && store.meta().compressed
            {
                let made = self.load_for(&store, input, cuts)?;
                input.data = Data::Blocks { product: made.product, grid: made.grid };
            }
        }
        Ok(feed)
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
    fn load_for(&mut self, store: &Arc<dyn Store>, input: &Input, cuts: &[AxisChunks]) -> Result<Blocked> {
        let shape = store.meta().shape.clone();
        let chunks = store.chunk_grid().unwrap_or_else(|| ChunkGrid::whole(&shape));
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
        let product = Product::new(name.clone(), grid.blocks());
        let made = Blocked { product: product.id, grid: grid.clone() };
        let rank = 0;
        self.push(MapStage::new(&name, feed, fused, grid, None, Boxes::rows(chunks.axes), product), Drive::Ranked(rank));
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

#[cfg(test)]
mod tests {
    use super::in_runs;

    #[test]
    fn short_rows_are_written_whole() {
        assert_eq!(in_runs(&[1, 1], &[1000, 2], 8, 4096), [1, 2]);
        assert_eq!(in_runs(&[1, 1, 1], &[1000, 100, 5], 8, 4096), [1, 100, 5]);
        assert_eq!(in_runs(&[1, 1], &[1000, 1000], 8, 4096), [1, 1]);
        assert_eq!(in_runs(&[1, 1], &[1000, 2], 8, 0), [1, 1]);
        assert_eq!(in_runs(&[1], &[7], 8, 4096), [7]);
        assert_eq!(in_runs(&[], &[], 8, 4096), [0u64; 0]);
    }
}
