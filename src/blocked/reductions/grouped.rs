//! Rows by label: a box is a part of the axes that labels go along, with as much of the others as a task has room for. Its rows are brought
//! in a window at a time, so that a part may be many times what a task holds, and evaluated a few at a time, so that they are folded from
//! the cache.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::need::Windows;
use crate::blocked::shapes::recut::{decoded_often, recut_lanes};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec};
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::grouped;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Folds rows into groups, a block a box.
struct GroupedStage {
    work: Work,
    fold: grouped::Fold,
    dtype: DType,
    groups: u64,
    /// Whether labels go along all axes.
    single: bool,
    programs: [Fused; 2],
    /// What is brought in at once along the first axis.
    windows: AxisChunks,
    /// Places along the first axis whose rows are evaluated at once.
    evaluated: u64,
    /// Of the kernel that evaluates, the rows that are evaluated at once and the labels.
    layout: Layout<3>,
}

impl GroupedStage {
    fn new(of: &ops::Grouped, feeds: &[(Feed, Reg); 2], mut cuts: Vec<AxisChunks>, work: &WorkSizes) -> GroupedStage {
        let along = of.parts.axes.len();
        cuts[..along].clone_from_slice(&of.parts.axes);
        let windows = of.windows();
        let boxes = Boxes::rows(cuts);
        let (dtype, item) = (of.values.dtype, of.values.dtype.size() as u64);
        let into = grouped::out_dtype(of.fold, dtype).size() as u64;
        let programs = feeds.each_ref().map(|(feed, reg)| Fused::new(feed.program.clone(), vec![*reg], vec![]));
        let kernel = programs.iter().map(|program| program.scratch_bytes() as u64).max().unwrap_or(0);
        let single = of.values.shape.len() == along;
        let beside = longest_elements(&boxes.cuts[1..]);
        // single values are added in an order that follows from how many there are at once
        let few = if single { u64::MAX } else { (work.grouped_elements / beside.max(1)).max(1) };
        let evaluated = few.min(windows.longest());
        let layout = Layout::new([kernel, evaluated.saturating_mul(beside).saturating_mul(item), of.rows().saturating_mul(8)]);
        let reads = vec![Access::whole(feeds[0].0.clone()), Access { feed: feeds[1].0.clone(), axes: (0..along).collect() }];
        let units: Vec<Windows<'_>> = std::iter::once(&windows).chain(&boxes.cuts[1..]).map(Windows::whole).collect();
        let loading = reads[0].feed.loading_bytes(&units).max(Work::loading_bytes(&boxes, &reads[1..]));
        let scratch = layout.bytes().saturating_add(loading);
        let product = Product::new("groups", boxes.len());
        let others = Blocks::Elements { axes: (along..boxes.cuts.len()).collect(), item: of.groups.saturating_mul(into) };
        let work = Work::new("groupby", boxes, reads, vec![Writes { product, blocks: others }], scratch);
        GroupedStage { work, fold: of.fold, dtype, groups: of.groups, single, programs, windows, evaluated, layout }
    }
}

impl Tasks for GroupedStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, counters } = blocks.parts();
        let [kernel, values, labels] = self.layout.split(&mut scratch);
        let [of_values, of_labels] = [0, 1].map(|at| (&self.work.reads[at], &self.programs[at]));
        let (start, shape) = of_values.0.part(task_box);
        let mut spec = TaskSpec::default();
        of_values.0.feed.describe(&start, &shape, &mut spec);
        let (own, others) = reads.split_at(spec.reads.len());
        let mut evaluating = Evaluating { reads: others, kernel, scratch, counters };
        let (labels, places) = evaluating.values(of_labels.0, of_labels.1, task_box, labels)?;
        let labels: &[i64] = bytemuck::cast_slice(labels);
        // labels of a place along the first axis
        let beside: usize = places[1..].iter().product();
        let (mut at, end) = (start[0], start[0] + shape[0]);
        while at < end {
            let (first, len) = self.windows.chunk(self.windows.find(at));
            let stop = (first + len).min(end);
            let (mut from, mut window) = (start.clone(), shape.clone());
            (from[0], window[0]) = (at, stop - at);
            let mut scratch = &mut *evaluating.scratch;
            let views = of_values.0.feed.load((&start, &shape), &from, &window, own, &mut scratch, counters)?;
            while from[0] < stop {
                let n = self.evaluated.min(stop - from[0]);
                let mut offset = vec![0; window.len()];
                offset[0] = (from[0] - at) as usize;
                window[0] = n;
                let local: Vec<usize> = window.iter().map(|&n| n as usize).collect();
                let views: Vec<View<'_>> = views.iter().map(|view| view.part(&offset, &local)).collect();
                let values = &mut values[..local.iter().product::<usize>() * self.dtype.size()];
                of_values.1.run(&from, &local, &views, &mut [ViewMut::dense(&mut *values, self.dtype, &local)], evaluating.kernel);
                let first = (from[0] - start[0]) as usize;
                let labels = &labels[first * beside..(first + n as usize) * beside];
                let into = grouped::Groups { count: self.groups as usize, single: self.single, first: first == 0 };
                grouped::fold(self.fold, self.dtype, values, labels, into, writes[0]).map_err(|bad| {
                    let (bad, groups) = (bad.0, self.groups);
                    Error::bad_request("groupby", format!("the label {bad} of {groups} groups; expected 0 to {}", groups - 1))
                })?;
                from[0] += n;
            }
            at = stop;
        }
        Ok(())
    }
}

impl ops::Grouped {
    /// The stage whose boxes have as much of the other axes as a task has room for.
    fn stage(&self, feeds: &[(Feed, Reg); 2], lowering: &Lowering<'_>) -> GroupedStage {
        let (work, along) = (lowering.budget.work(), self.labels.shape.len());
        let of = |most: u64| {
            let mut cuts = blocking::of_size(&feeds[0].0, most, work);
            cuts[..along].fill(AxisChunks::whole(1));
            let beside = longest_elements(&self.parts.axes[1..]);
            blocking::shrink(&mut cuts, (most / self.windows().longest().saturating_mul(beside).max(self.groups)).max(1));
            GroupedStage::new(self, feeds, cuts, work)
        };
        // what is decoded whole is read whole where that fits, however long a part is: narrower boxes would decode it again
        let natural = blocking::natural(&feeds[0].0);
        let whole = natural.rigid.then(|| GroupedStage::new(self, feeds, natural.cuts.clone(), work));
        let stages = whole.into_iter().chain(blocking::task_sizes(work).map(of));
        blocking::first_within(stages, |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2)
    }
}

impl Lower for ops::Grouped {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (values, regs) = lowering.feed(&[&self.values], &self.values.shape)?;
        let (labels, label_regs) = lowering.feed(&[&self.labels], &self.labels.shape)?;
        let mut feeds = [(values, regs[0]), (labels, label_regs[0])];
        let mut stage = self.stage(&feeds, lowering);
        // where the groups of a whole chunk are too many to hold, its rows are cut narrower first
        if let Some([cuts, from]) = decoded_often(&stage.work.reads[0], &stage.work.boxes, lowering) {
            feeds[0] = recut_lanes(lowering, &self.values, feeds[0].clone(), &cuts, &from, 0);
            stage = self.stage(&feeds, lowering);
        }
        let first = [AxisChunks::regular(self.parts.blocks(), 1), AxisChunks::whole(self.groups)];
        let axes = first.into_iter().chain(stage.work.boxes.cuts[self.labels.shape.len()..].iter().cloned()).collect();
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        let bytes = node.elements().saturating_mul(node.dtype.size() as u64);
        let drive = lowering.drive_of_parts(&[&feeds[0].0, &feeds[1].0], stage.tasks(), bytes);
        lowering.push(stage, drive);
        Ok(made)
    }
}
