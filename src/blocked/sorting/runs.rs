//! Boxes become sorted runs, one a box, in small blocks whose first items are kept.

use super::merge::merging_bytes;
use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::ops::RunBlock;
use crate::grid::AxisChunks;
use crate::plan::{Parts, Product, Stage, TaskBlocks};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::sort::Sorter;
use flagstone_kernels::view::ViewMut;
use std::sync::{Mutex, PoisonError};

/// How an axis is cut into runs, and runs into blocks.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    pub runs: AxisChunks,
    /// Items of a block.
    pub piece: u64,
}

impl Cuts {
    /// Blocks of the longest run.
    pub fn per_run(&self) -> u64 {
        self.runs.longest().div_ceil(self.piece).max(1)
    }
}

/// Writes sorted runs, one a box.
pub(super) struct RunsStage {
    pub work: Work,
    sorter: Sorter,
    pub cuts: Cuts,
    fused: Fused,
    /// Of the kernel, the values, and the items.
    layout: Layout<3>,
    /// Where each block that was written begins.
    pub begins: Mutex<Vec<RunBlock>>,
}

impl RunsStage {
    /// Runs as long as a share allows, in blocks so small that merging takes no more. Where those are too many to be merged at once, ones as
    /// long as all of the memory allows, one sorted after the other, if those can be: that is no more to read and write.
    pub fn fit(sorter: Sorter, feed: &Feed, reg: Reg, budget: &Budget) -> RunsStage {
        let (work, n, item) = (budget.work(), feed.shape[0], sorter.item_bytes() as u64);
        let of = |most: u64, together: bool| {
            let cuts = blocking::of_size(feed, most, work).remove(0);
            let cuts = if together { cuts.join(most / cuts.longest().max(1)) } else { cuts };
            let runs = cuts.split(most.max(1));
            // what a merge reads beside its own items, two blocks of each run, and their two copies: an eighth of a share
            let fair = budget.share_bytes() / 8 / 6 / item / (runs.count() + 1);
            let piece = fair.clamp(work.run_piece_min.max(1), runs.longest().max(1).max(work.run_piece_min));
            let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
            RunsStage::new(sorter, feed, fused, Cuts { runs, piece })
        };
        let longest = work.run_elements_max.min(n.max(1));
        let least = work.least_elements.min(longest).max(1);
        let lengths = || std::iter::successors(Some(longest), |most| Some(most / 2)).take_while(|&most| most >= least);
        let stage = blocking::first_within(lengths().map(|most| of(most, false)), |stage| stage.demand_bytes(), budget.share_bytes());
        let fits = |stage: &RunsStage| {
            merging_bytes(sorter, (stage.cuts.runs.count(), stage.cuts.piece), n, work).max(stage.demand_bytes()) <= budget.memory_bytes
        };
        if fits(&stage) {
            return stage;
        }
        lengths().map(|most| of(most, true)).find(fits).unwrap_or(stage)
    }

    fn new(sorter: Sorter, feed: &Feed, fused: Fused, cuts: Cuts) -> RunsStage {
        let boxes = Boxes::rows(vec![cuts.runs.clone()]);
        let (elements, item) = (boxes.longest_elements(), sorter.item_bytes() as u64);
        let values = elements.saturating_mul(sorter.dtype.size() as u64);
        let layout = Layout::new([fused.scratch_bytes() as u64, values, elements.saturating_mul(item)]);
        let reads = vec![Access::whole(feed.clone())];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let blocks = Blocks::Pieces { piece: cuts.piece, per_box: cuts.per_run(), item };
        let product = Product::new("runs", boxes.len() * cuts.per_run());
        let work = Work::new("sort runs", boxes, reads, vec![Writes { product, blocks }], scratch);
        RunsStage { work, sorter, cuts, fused, layout, begins: Mutex::default() }
    }
}

impl Tasks for RunsStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let (elements, item) = (task_box.shape[0] as usize, self.sorter.item_bytes());
        let Parts { reads, writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let [kernel, values, items] = self.layout.split(&mut rest);
        let values = &mut values[..elements * self.sorter.dtype.size()];
        let items = &mut items[..elements * item];
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        let mut out = [ViewMut::dense(&mut *values, self.sorter.dtype, &[elements])];
        self.fused.run(&task_box.start, &[elements], &views, &mut out, kernel);
        let first = task_box.start[0];
        self.sorter.items(values, |i| first + i as u64, items);
        self.sorter.sort(items);
        let blocks = items.chunks(self.cuts.piece as usize * item);
        let mut begins = Vec::with_capacity(writes.len());
        for (at, (items, block)) in blocks.zip(writes).enumerate() {
            block.copy_from_slice(items);
            begins.push(RunBlock { order: self.sorter.order(&items[..item]), run: n as u32, at: at as u32 });
        }
        self.begins.lock().unwrap_or_else(PoisonError::into_inner).extend(begins);
        Ok(())
    }
}
