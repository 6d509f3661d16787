//! Elementwise stages: an expression into blocks of the pool.

use super::boxes::Boxes;
use super::feed::Data;
use super::feed::Feed;
use super::task_box::TaskBox;
use super::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::error::Result;
use crate::events::Counters;
use crate::grid::{ChunkGrid, Region};
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::view::{View, ViewMut};

/// Evaluates an expression into blocks. A task may write several: all those inside its box.
pub struct MapStage {
    work: Work,
    /// Its program, with one output.
    fused: Fused,
    layout: Layout<1>,
}

impl MapStage {
    /// Evaluates `feed` in `boxes`, of which each holds whole blocks of `grid`. For a part of a concatenation, `inside` is the
    /// index of its first block along each axis, and the grid of the whole.
    pub fn new(
        name: &str,
        feed: Feed,
        fused: Fused,
        grid: ChunkGrid,
        inside: Option<(Vec<u64>, ChunkGrid)>,
        boxes: Boxes,
        product: Product,
    ) -> MapStage {
        let item = fused.program.dtype(fused.outputs[0]).size() as u64;
        let layout = Layout::new([fused.scratch_bytes() as u64]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let writes = vec![Writes { product, blocks: Blocks::Grid { grid, item, inside } }];
        MapStage { work: Work::new(name, boxes, reads, writes, scratch), fused, layout }
    }

    /// How its blocks are cut.
    pub fn grid(&self) -> &ChunkGrid {
        match &self.work.writes[0].blocks {
            Blocks::Grid { grid, .. } => grid,
            _ => unreachable!("made with a grid"),
        }
    }

    /// The product that it writes.
    pub fn product(&self) -> &Product {
        &self.work.writes[0].product
    }

    /// The input that the result is, when nothing is computed.
    fn plain(&self) -> Option<usize> {
        super::plain_input(&self.fused.program, self.fused.outputs[0])
    }

    /// The store whose box the only block of a task is, as it lies there: it is read straight into the block.
    fn direct(&self, task_box: &TaskBox, written: usize) -> Option<&dyn crate::store::Store> {
        let feed = &self.work.reads[0].feed;
        match &feed.inputs[..] {
            [input] if written == 1 && self.plain() == Some(0) && input.view.is_identity(&feed.shape) && !task_box.shape.is_empty() => {
                match &input.data {
                    Data::Store(store) => Some(store.as_ref()),
                    Data::Blocks { .. } => None,
                }
            }
            _ => None,
        }
    }
}

impl Tasks for MapStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let targets = self.work.blocks_inside(task_box);
        let dtype = self.fused.program.dtype(self.fused.outputs[0]);
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let dense = |shape: &[u64]| shape.iter().map(|&n| n as usize).collect::<Vec<_>>();
        if let Some(store) = self.direct(task_box, targets.len()) {
            let mut out = ViewMut::dense(&mut *writes[0], dtype, &dense(&task_box.shape));
            let moved = store.read(&Region::dense(&task_box.start, &task_box.shape), &mut out, scratch)?;
            Counters::add(&counters.read_bytes, moved.stored_bytes);
            Counters::add(&counters.decoded_bytes, moved.decoded_bytes);
            return Ok(());
        }
        let mut rest = scratch;
        let [kernel] = self.layout.split(&mut rest);
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        for ((_, start, shape), write) in targets.iter().zip(&mut writes) {
            let offset: Vec<usize> = start.iter().zip(&task_box.start).map(|(a, b)| (a - b) as usize).collect();
            let local = dense(shape);
            let views: Vec<View<'_>> = views.iter().map(|view| view.part(&offset, &local)).collect();
            let mut out = ViewMut::dense(write, dtype, &local);
            match self.plain() {
                Some(slot) => flagstone_kernels::copy::copy(&views[slot], &mut out),
                None => self.fused.run(start, &local, &views, &mut [out], kernel),
            }
        }
        Ok(())
    }
}
