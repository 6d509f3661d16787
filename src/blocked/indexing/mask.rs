//! `x[mask]`: count what each box selects, then each box writes its elements to a block of just that size.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering, lower_loop};
use crate::blocked::made::Blocked;
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::{Count, Expr, Node, Op, Runs, ops, settle};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Parts, Plan, Product, Stage, TaskBlocks, demand_bytes};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::select::{compress, count_mask};
use flagstone_kernels::view::{View, ViewMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Boxes that stand in C order: whole along the trailing axes, cut along one, single along the leading
/// ones. Where rows of encoded chunks fit into a thread's share, the cuts follow them.
pub fn cuts(feed: &Feed, item: u64, budget: &Budget) -> Vec<AxisChunks> {
    let (work, share_bytes) = (budget.work(), budget.share_bytes());
    let mut left = work.mask_elements.min((share_bytes / 4 / (2 * item + 1)).max(work.least_elements));
    let natural = blocking::natural(feed);
    if natural.rigid && !feed.shape.is_empty() {
        let trailing: u64 = feed.shape[1..].iter().product();
        let slab = natural.cuts[0].longest().saturating_mul(trailing);
        if slab.saturating_mul(item + 1).saturating_mul(4) <= share_bytes {
            left = left.max(slab);
        }
    }
    let mut cuts: Vec<AxisChunks> = feed.shape.iter().map(|&n| AxisChunks::whole(n)).collect();
    for axis in (0..cuts.len()).rev() {
        let piece = feed.shape[axis].clamp(1, left.max(1));
        cuts[axis] = AxisChunks::regular(feed.shape[axis], piece);
        left /= piece;
    }
    cuts
}

/// Counts a mask in one read, so that its selection has a length and every box knows its place.
pub struct CountMask {
    node: Expr,
    mask: Expr,
    count: Arc<Count>,
    /// What has run.
    counted: Option<Arc<CountStage>>,
}

impl CountMask {
    /// Of `node`, which selects by `mask`.
    pub fn new(node: &Expr, mask: &Expr, count: &Arc<Count>) -> CountMask {
        CountMask { node: node.clone(), mask: mask.clone(), count: count.clone(), counted: None }
    }

    /// The plan that counts in boxes cut for the selected values, and its last stage.
    fn plan(&self, budget: &Budget) -> Result<(Plan, Arc<CountStage>)> {
        let mut counting = None;
        let plan = lower_loop(std::slice::from_ref(&self.mask), budget, |feed, registers| {
            let cuts = cuts(&feed, self.node.dtype.size() as u64, budget);
            let stage = Arc::new(CountStage::new(feed, registers[0], cuts));
            counting = Some(stage.clone());
            stage
        })?;
        Ok((plan, counting.ok_or_else(|| Error::internal("no counting stage"))?))
    }
}

impl Procedure for CountMask {
    fn describe(&self) -> String {
        format!("count the mask on {:?}", self.mask.shape)
    }
    fn most(&self) -> Bound {
        Bound { standing_bytes: 0, kept_bytes: 0, reads: 1 }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        // the boxes that are counted are those that are then filtered
        let (count, stage) = self.plan(budget)?;
        let runs = most_of(stage.cuts(), None);
        let roots: Vec<Expr> = self.node.op.args().into_iter().cloned().collect();
        let filter = lower_loop(&roots, budget, |feed, registers| Arc::new(FilterStage::new(feed, registers, &runs)))?;
        Ok(if demand_bytes(&count) >= demand_bytes(&filter) { count } else { filter })
    }
    fn bound(&self, budget: &Budget) -> Result<Vec<Expr>> {
        let Op::Mask(ops::Mask { arg, mask, len, .. }) = &self.node.op else {
            return Err(Error::internal("a count of something else than a mask"));
        };
        let runs = most_of(self.plan(budget)?.1.cuts(), *len);
        let count = Arc::new(Count::default());
        let len: u64 = runs.counts.iter().sum();
        let _ = count.0.set(len);
        let _ = count.1.set(runs);
        Ok(vec![Node::new(ops::Mask { arg: arg.clone(), mask: mask.clone(), count, len: Some(len) }.into())?])
    }
    fn step(&mut self, budget: &Budget, _: &dyn Keeper) -> Result<Step> {
        let Some(stage) = self.counted.take() else {
            let (plan, stage) = self.plan(budget)?;
            self.counted = Some(stage);
            return Ok(Step::Run(plan));
        };
        let counts: Vec<u64> = stage.counts.iter().map(|n| n.load(Relaxed)).collect();
        // who else counted it found the same
        let _ = self.count.0.set(counts.iter().sum());
        let _ = self.count.1.set(Runs { cuts: stage.cuts(), counts });
        Ok(Step::Done(settle(std::slice::from_ref(&self.node))?))
    }
}

/// What a mask selects in boxes of `cuts` where it is true everywhere, or, of a length that is known before the boxes are, in the largest.
fn most_of(cuts: Vec<AxisChunks>, len: Option<u64>) -> Runs {
    let boxes = ChunkGrid { axes: cuts };
    let mut counts: Vec<u64> = (0..boxes.blocks()).map(|n| boxes.block(n).1.iter().product()).collect();
    if let Some(mut left) = len {
        let mut largest: Vec<usize> = (0..counts.len()).collect();
        largest.sort_by_key(|&n| std::cmp::Reverse(counts[n]));
        for n in largest {
            counts[n] = counts[n].min(left);
            left -= counts[n];
        }
    }
    Runs { cuts: boxes.axes, counts }
}

/// Counts what the mask selects in each box.
pub struct CountStage {
    work: Work,
    fused: Fused,
    /// Of the mask, and of the kernel.
    layout: Layout<2>,
    /// One count a box, in C order.
    pub counts: Arc<Vec<AtomicU64>>,
}

impl CountStage {
    /// Counts register `mask` of `feed` in the boxes of `cuts`.
    pub fn new(feed: Feed, mask: Reg, cuts: Vec<AxisChunks>) -> CountStage {
        let fused = Fused::new(feed.program.clone(), vec![mask], vec![]);
        let boxes = Boxes::rows(cuts);
        let counts = Arc::new((0..boxes.len()).map(|_| AtomicU64::new(0)).collect());
        let layout = Layout::new([boxes.longest_elements(), fused.scratch_bytes() as u64]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        CountStage { work: Work::new("count mask", boxes, reads, vec![], scratch), fused, layout, counts }
    }

    /// How the mask is cut into boxes.
    pub fn cuts(&self) -> Vec<AxisChunks> {
        self.work.boxes.cuts.clone()
    }
}

impl Tasks for CountStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut rest = scratch;
        let [held, kernel] = self.layout.split(&mut rest);
        let held = &mut held[..local.iter().product()];
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        self.fused.run(&task_box.start, &local, &views, &mut [ViewMut::dense(&mut *held, DType::Bool, &local)], kernel);
        self.counts[n as usize].store(count_mask(&View::dense(held, DType::Bool, &local)) as u64, Relaxed);
        Ok(())
    }
}

/// Writes the selected elements, one block a box that selects any.
pub struct FilterStage {
    work: Work,
    fused: Fused,
    dtype: DType,
    /// The lengths of the blocks.
    lengths: AxisChunks,
    /// Of the mask, the values, and the kernel.
    layout: Layout<3>,
}

impl FilterStage {
    /// Selects register `registers[0]` where `registers[1]` is true; `runs` is what [`CountStage`] found.
    pub fn new(feed: Feed, registers: Vec<Reg>, runs: &Runs) -> FilterStage {
        let dtype = feed.program.dtype(registers[0]);
        let item = dtype.size() as u64;
        let fused = Fused::new(feed.program.clone(), registers, vec![]);
        // boxes that select nothing read nothing
        let chosen: Arc<[u64]> = (0..runs.counts.len() as u64).filter(|&n| runs.counts[n as usize] > 0).collect();
        let ends = chosen.iter().scan(0, |end, &n| {
            *end += runs.counts[n as usize];
            Some(*end)
        });
        let lengths = if chosen.is_empty() { AxisChunks::whole(0) } else { AxisChunks::Irregular(ends.collect()) };
        let boxes = Boxes::rows(runs.cuts.clone());
        let elements = boxes.longest_elements();
        let layout = Layout::new([elements, elements.saturating_mul(item), fused.scratch_bytes() as u64]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let product = Product::new("mask", chosen.len() as u64);
        let writes = vec![Writes { product, blocks: Blocks::Listed { lengths: lengths.clone(), item } }];
        let mut work = Work::new("mask", boxes, reads, writes, scratch);
        work.chosen = Some(chosen);
        FilterStage { work, fused, dtype, lengths, layout }
    }

    /// What it writes, and how that is cut.
    pub fn made(&self) -> Blocked {
        Blocked { product: self.work.writes[0].product.id, grid: ChunkGrid { axes: vec![self.lengths.clone()] } }
    }
}

impl Tasks for FilterStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let elements: usize = local.iter().product();
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let [mask, values, kernel] = self.layout.split(&mut rest);
        let (mask, values) = (&mut mask[..elements], &mut values[..elements * self.dtype.size()]);
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        let mut outputs = [ViewMut::dense(&mut *values, self.dtype, &local), ViewMut::dense(&mut *mask, DType::Bool, &local)];
        self.fused.run(&task_box.start, &local, &views, &mut outputs, kernel);
        let (mask, counted) = (View::dense(mask, DType::Bool, &local), self.lengths.chunk(n).1);
        let selected = count_mask(&mask) as u64;
        if selected != counted {
            let what = format!(
                "what the mask is made of has changed since its elements were counted: {selected} of a box are true where {counted} were; \
                 make the selection again"
            );
            return Err(Error::store("x[mask]", what));
        }
        compress(&View::dense(values, self.dtype, &local), &mask, writes[0]);
        Ok(())
    }
}

impl Lower for ops::Mask {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let Some(runs) = self.count.1.get() else {
            return Err(Error::internal("a mask reached lowering before it was counted"));
        };
        let (feed, regs) = lowering.feed(&[&self.arg, &self.mask], &self.arg.shape)?;
        let stage = FilterStage::new(feed, regs, runs);
        let made = stage.made();
        let rank = lowering.rank_of(&stage.inputs());
        lowering.push(stage, Drive::Ranked(rank));
        Ok(made)
    }
}
