//! Rows by label: a box is a part of the axes that labels go along, with as much of the others as a task has room for.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Parts, Product, Stage, TaskBlocks, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::grouped;
use flagstone_kernels::program::Reg;

/// Folds rows into groups, a block a box.
struct GroupedStage {
    work: Work,
    fold: grouped::Fold,
    dtype: DType,
    groups: u64,
    programs: [Fused; 2],
    /// Of the kernel that evaluates, the rows and the labels.
    layout: Layout<3>,
}

impl GroupedStage {
    fn new(of: &ops::Grouped, feeds: &[(Feed, Reg); 2], mut cuts: Vec<AxisChunks>) -> GroupedStage {
        let along = of.parts.axes.len();
        cuts[..along].clone_from_slice(&of.parts.axes);
        let rows = of.rows();
        let boxes = Boxes::rows(cuts);
        let (dtype, item) = (of.values.dtype, of.values.dtype.size() as u64);
        let programs = feeds.each_ref().map(|(feed, reg)| Fused::new(feed.program.clone(), vec![*reg], vec![]));
        let kernel = programs.iter().map(|program| program.scratch_bytes() as u64).max().unwrap_or(0);
        let layout = Layout::new([kernel, boxes.longest_elements().saturating_mul(item), rows.saturating_mul(8)]);
        let reads = vec![Access::whole(feeds[0].0.clone()), Access { feed: feeds[1].0.clone(), axes: (0..along).collect() }];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let product = Product { id: new_product(), name: "groups".into(), blocks: boxes.len() };
        let others = Blocks::Elements { axes: (along..boxes.cuts.len()).collect(), item: of.groups.saturating_mul(item) };
        let work = Work::new("groupby", boxes, reads, vec![Writes { product, blocks: others }], scratch);
        GroupedStage { work, fold: of.fold, dtype, groups: of.groups, programs, layout }
    }
}

impl Tasks for GroupedStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, values, labels] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let [of_values, of_labels] = [0, 1].map(|at| (&self.work.reads[at], &self.programs[at]));
        let (values, _) = evaluating.values(of_values.0, of_values.1, task_box, values)?;
        let (labels, _) = evaluating.values(of_labels.0, of_labels.1, task_box, labels)?;
        let labels = bytemuck::cast_slice(labels);
        grouped::fold(self.fold, self.dtype, values, labels, self.groups as usize, writes[0]).map_err(|bad| {
            Error::bad_request("groupby", format!("the label {} of {} groups; expected 0 to {}", bad.0, self.groups, self.groups - 1))
        })
    }
}

impl Lower for ops::Grouped {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (values, regs) = lowering.feed(&[&self.values], &self.values.shape)?;
        let (labels, label_regs) = lowering.feed(&[&self.labels], &self.labels.shape)?;
        let feeds = [(values, regs[0]), (labels, label_regs[0])];
        let (work, along) = (lowering.budget.work(), self.labels.shape.len());
        let of = |most: u64| {
            let mut cuts = blocking::of_size(&feeds[0].0, most, work);
            cuts[..along].fill(AxisChunks::whole(1));
            blocking::shrink(&mut cuts, (most / self.rows().max(self.groups)).max(1));
            GroupedStage::new(self, &feeds, cuts)
        };
        // what is decoded whole is read whole where that fits, however long a part is: narrower boxes would decode it again
        let natural = blocking::natural(&feeds[0].0);
        let whole = natural.rigid.then(|| GroupedStage::new(self, &feeds, natural.cuts.clone()));
        let sizes = blocking::task_sizes(work);
        let stages = whole.into_iter().chain(sizes.map(of));
        let stage = blocking::first_within(stages, |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2);
        let first = [AxisChunks::regular(self.parts.blocks(), 1), AxisChunks::whole(self.groups)];
        let axes = first.into_iter().chain(stage.work.boxes.cuts[along..].iter().cloned()).collect();
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        let bytes = node.elements().saturating_mul(node.dtype.size() as u64);
        let drive = lowering.drive_of_parts(&[&feeds[0].0, &feeds[1].0], stage.tasks(), bytes);
        lowering.push(stage, drive);
        Ok(made)
    }
}
