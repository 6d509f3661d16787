//! A function of whole lanes, in one read: a box holds all of the axis, and as many lanes as a task has room for. What is
//! decoded in chunks wider than that is cut into narrower blocks first, so that each chunk is decoded once.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::{Data, Feed};
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::plain_input;
use crate::blocked::shapes::recut::recut_lanes;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks};
use crate::sizes::WorkSizes;
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lanes::Lane;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Writes lanes, a block a box.
pub struct LanesStage {
    work: Work,
    lane: Lane,
    axis: usize,
    /// How the axis is brought in: in pieces that lie in one block of what is read, where those are not small.
    pieces: AxisChunks,
    /// Evaluates the values.
    fused: Fused,
    /// Which input they are, where they are one.
    plain: Option<usize>,
    /// Of the kernel that evaluates, the values, what comes out (unless it goes straight to the block), and the lanes' kernel.
    layout: Layout<4>,
}

impl LanesStage {
    /// Lanes along `axis` of what `fused` evaluates, in boxes cut by `cuts`, which hold all of the axis.
    fn new(lane: &Lane, axis: usize, feed: &Feed, fused: Fused, cuts: Vec<AxisChunks>, work: &WorkSizes) -> LanesStage {
        let boxes = Boxes::rows(cuts);
        let n = boxes.cuts[axis].len();
        let elements = boxes.longest_elements();
        let out_lane = lane.len(n).saturating_mul(lane.out().size() as u64);
        let results = if axis + 1 == boxes.cuts.len() { 0 } else { (elements / n).saturating_mul(out_lane) };
        let values = elements.saturating_mul(lane.dtype().size() as u64);
        let natural = blocking::natural(feed).cuts.swap_remove(axis);
        let together = work.lane_piece_elements / (elements / n.max(1)).saturating_mul(natural.longest()).max(1);
        let pieces = natural.join(together.max(1));
        let plain = plain_input(&fused.program, fused.outputs[0]);
        let layout = Layout::new([fused.scratch_bytes() as u64, values, results, lane.scratch_bytes(n)]);
        let reads = vec![Access::whole(feed.clone())];
        let mut loaded = boxes.cuts.clone();
        loaded[axis] = pieces.clone();
        let scratch = layout.bytes().saturating_add(feed.loading_boxes_bytes(&loaded));
        let product = Product::new(lane.name(), boxes.len());
        let others = (0..boxes.cuts.len()).filter(|&other| other != axis).collect();
        let writes = vec![Writes { product, blocks: Blocks::Elements { axes: others, item: out_lane } }];
        LanesStage { work: Work::new(lane.name(), boxes, reads, writes, scratch), lane: lane.clone(), axis, pieces, fused, plain, layout }
    }

    /// The values of a box, lane after lane.
    fn load(
        &self,
        task_box: &TaskBox,
        values: &mut [u8],
        kernel: &mut [u8],
        reads: &[&[u8]],
        scratch: &mut [u8],
        counters: &Counters,
    ) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let dtype = self.lane.dtype();
        let mut values = ViewMut::strided(values, dtype, &local, &self.strides(&local, dtype), 0);
        let (mut start, mut shape) = (task_box.start.clone(), task_box.shape.clone());
        let (mut first, mut sides) = (vec![0; local.len()], local);
        for (at, len) in (0..self.pieces.count()).map(|piece| self.pieces.chunk(piece)) {
            (start[self.axis], shape[self.axis]) = (at, len);
            (first[self.axis], sides[self.axis]) = (at as usize, len as usize);
            let mut rest = &mut *scratch;
            let views = self.work.reads[0].feed.load((&task_box.start, &task_box.shape), &start, &shape, reads, &mut rest, counters)?;
            let mut piece = values.part(&first, &sides);
            match self.plain {
                Some(slot) => copy(&views[slot], &mut piece),
                None => self.fused.run(&start, &sides, &views, &mut [piece], kernel),
            }
        }
        Ok(())
    }

    /// Byte strides of an array of `shape` whose lanes lie one after the other.
    fn strides(&self, shape: &[usize], dtype: DType) -> Vec<isize> {
        let mut strides = vec![0; shape.len()];
        let mut next = dtype.size() as isize;
        let slower = (0..shape.len()).rev().filter(|&axis| axis != self.axis);
        for axis in std::iter::once(self.axis).chain(slower) {
            strides[axis] = next;
            next *= shape[axis] as isize;
        }
        strides
    }
}

impl Tasks for LanesStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let (elements, n) = (local.iter().product::<usize>(), local[self.axis]);
        let (dtype, out) = (self.lane.dtype(), self.lane.out());
        let mut out_local = local.clone();
        out_local[self.axis] = self.lane.len(n as u64) as usize;
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let [kernel, values, results, working] = self.layout.split(&mut rest);
        let values = &mut values[..elements * dtype.size()];
        self.load(task_box, values, kernel, &reads, rest, counters)?;
        let (in_lane, out_lane) = (n * dtype.size(), out_local[self.axis] * out.size());
        let mut each = |results: &mut [u8]| {
            let lanes = values.chunks_exact(in_lane).zip(results.chunks_exact_mut(out_lane));
            lanes.for_each(|(lane, result)| self.lane.run(lane, result, working));
        };
        let block = &mut *writes[0];
        if self.axis + 1 == local.len() {
            each(block);
        } else {
            each(results);
            let results = &results[..elements / n * out_lane];
            copy(&View::strided(results, out, &out_local, &self.strides(&out_local, out), 0), &mut ViewMut::dense(block, out, &out_local));
        }
        Ok(())
    }
}

impl ops::Lanes {
    /// The stage that reads `feed`, in tasks of at most half a share where that can be had.
    fn stage(&self, feed: &Feed, reg: Reg, lowering: &Lowering<'_>) -> LanesStage {
        let (n, work) = (self.arg.shape[self.axis], lowering.budget.work());
        let of = |most: u64| {
            let mut cuts = blocking::of_size(feed, most, work);
            cuts[self.axis] = AxisChunks::whole(1);
            let lanes = (most / n).max(1);
            let have = longest_elements(&cuts);
            if let Some(last) = (0..cuts.len()).rev().find(|&axis| axis != self.axis) {
                cuts[last] = cuts[last].join(lanes / have.max(1));
            }
            blocking::shrink(&mut cuts, lanes);
            cuts[self.axis] = AxisChunks::whole(n);
            LanesStage::new(&self.lane, self.axis, feed, Fused::new(feed.program.clone(), vec![reg], vec![]), cuts, work)
        };
        blocking::first_within(blocking::task_sizes(work).map(of), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2)
    }
}

impl ops::Lanes {
    /// The boxes by which `feed` is best read where those of whole lanes, `boxes`, are narrower, so that it would be decoded many
    /// times, or read in short pieces.
    fn cut_first(&self, feed: &Feed, boxes: &[AxisChunks], lowering: &Lowering<'_>) -> Option<Vec<AxisChunks>> {
        let natural = blocking::natural(feed);
        if natural.rigid {
            let narrower = |(axis, cuts): (usize, &AxisChunks)| axis != self.axis && cuts.count() > natural.cuts[axis].count();
            return boxes.iter().enumerate().any(narrower).then_some(natural.cuts);
        }
        let (work, last) = (lowering.budget.work(), boxes.len() - 1);
        let stored = feed.inputs.iter().any(|input| matches!(input.data, Data::Store(_)));
        let short = boxes[last].count() > 1 && boxes[last].longest() * (self.arg.dtype.size() as u64) < work.row_bytes_min;
        (stored && self.axis != last && short).then(|| blocking::elementwise(feed, work))
    }
}

impl Lower for ops::Lanes {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
        let mut stage = self.stage(&feed, regs[0], lowering);
        if let Some(from) = self.cut_first(&feed, &stage.work.boxes.cuts, lowering) {
            let (feed, reg) = recut_lanes(lowering, &self.arg, (feed, regs[0]), &stage.work.boxes.cuts, &from, self.axis);
            stage = self.stage(&feed, reg, lowering);
        }
        let mut axes = stage.work.boxes.cuts.clone();
        axes[self.axis] = AxisChunks::whole(self.lane.len(self.arg.shape[self.axis]));
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
