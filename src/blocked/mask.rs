//! `x[mask]`: count what each box selects, then each box writes its elements to a block of just that size.

use super::blocking;
use super::feed::{Feed, carve, carved_bytes};
use super::lower::lower_loop;
use super::procedure::{Procedure, Step};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::{Count, Expr, Node, Op, Runs};
use crate::grid::{AxisChunks, BlockId, ChunkGrid, ravel, unravel};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Plan, demand_bytes, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::select::{compress, count_mask};
use flagstone_kernels::view::{View, ViewMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Elements of a box.
const BOX_ELEMENTS: u64 = 1 << 20;

/// Boxes that stand in C order: whole along the trailing axes, cut along one, single along the leading
/// ones. Where rows of encoded chunks fit into `share_bytes`, the cuts follow them.
pub fn cuts(feed: &Feed, item: u64, share_bytes: u64) -> Vec<AxisChunks> {
    let mut left = BOX_ELEMENTS.min((share_bytes / 4 / (2 * item + 1)).max(blocking::LEAST_ELEMENTS));
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
        let share = budget.memory_bytes / budget.threads.max(1) as u64;
        let plan = lower_loop(std::slice::from_ref(&self.mask), budget, |feed, registers| {
            let cuts = cuts(&feed, self.node.dtype.size() as u64, share);
            let stage = Arc::new(CountStage::new(feed, registers[0], cuts));
            counting = Some(stage.clone());
            stage
        })?;
        Ok((plan, counting.ok_or_else(|| Error::internal("no counting stage"))?))
    }
}

impl Procedure for CountMask {
    fn describe(&self) -> String {
        format!("count the mask on {:?}: 1 read", self.mask.shape)
    }
    fn standing_bytes(&self) -> u64 {
        0
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        // the boxes that are counted are those that are then filtered
        let (count, stage) = self.plan(budget)?;
        let runs = all_of(stage.cuts());
        let roots: Vec<Expr> = self.node.op.args().into_iter().cloned().collect();
        let filter = lower_loop(&roots, budget, |feed, registers| Arc::new(FilterStage::new(feed, registers, &runs)))?;
        Ok(if demand_bytes(&count) >= demand_bytes(&filter) { count } else { filter })
    }
    fn bound(&self, budget: &Budget) -> Result<Expr> {
        let runs = all_of(self.plan(budget)?.1.cuts());
        let count = Arc::new(Count::default());
        let _ = count.0.set(runs.counts.iter().sum());
        let _ = count.1.set(runs);
        let Op::Mask { arg, mask, .. } = &self.node.op else { return Err(Error::internal("a count of something else than a mask")) };
        Node::new(Op::Mask { arg: arg.clone(), mask: mask.clone(), count })
    }
    fn step(&mut self, budget: &Budget) -> Result<Step> {
        let Some(stage) = self.counted.take() else {
            let (plan, stage) = self.plan(budget)?;
            self.counted = Some(stage);
            return Ok(Step::Run(plan));
        };
        let counts: Vec<u64> = stage.counts.iter().map(|n| n.load(Relaxed)).collect();
        // who else counted it found the same
        let _ = self.count.0.set(counts.iter().sum());
        let _ = self.count.1.set(Runs { cuts: stage.cuts(), counts });
        Ok(Step::Done(Node::new(self.node.op.clone())?))
    }
}

/// What a mask that is true everywhere selects in boxes of `cuts`.
fn all_of(cuts: Vec<AxisChunks>) -> Runs {
    let boxes = ChunkGrid { axes: cuts };
    let counts = (0..boxes.blocks()).map(|n| boxes.block(n).1.iter().product()).collect();
    Runs { cuts: boxes.axes, counts }
}

/// Counts what the mask selects in each box.
pub struct CountStage {
    feed: Feed,
    fused: Fused,
    cuts: ChunkGrid,
    /// One count a box, in C order.
    pub counts: Arc<Vec<AtomicU64>>,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl CountStage {
    /// Counts register `mask` of `feed` in the boxes of `cuts`.
    pub fn new(feed: Feed, mask: Reg, cuts: Vec<AxisChunks>) -> CountStage {
        let fused = Fused::new(feed.program.clone(), vec![mask], vec![]);
        let cuts = ChunkGrid { axes: cuts };
        let counts = Arc::new((0..cuts.blocks()).map(|_| AtomicU64::new(0)).collect());
        let scratch_bytes = carved_bytes(cuts.largest_elements())
            .saturating_add(carved_bytes(fused.scratch_bytes() as u64))
            .saturating_add(feed.loading_boxes_bytes(&cuts.axes));
        CountStage { feed, fused, cuts, counts, scratch_bytes }
    }

    /// How the mask is cut into boxes.
    pub fn cuts(&self) -> Vec<AxisChunks> {
        self.cuts.axes.clone()
    }
}

impl Stage for CountStage {
    fn name(&self) -> &str {
        "count mask"
    }
    fn products(&self) -> &[Product] {
        &[]
    }
    fn inputs(&self) -> Vec<u64> {
        self.feed.products()
    }
    fn tasks(&self) -> u64 {
        self.cuts.blocks()
    }
    fn demand_bytes(&self) -> u64 {
        self.feed.blocks_bytes(&self.cuts.axes).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        self.feed.moved_bytes(&self.cuts.axes)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (start, shape) = self.cuts.block(n);
        self.feed.describe(&start, &shape, spec);
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.feed.readers(&self.cuts.axes, product, block)
    }
    fn producer(&self, _product: u64, _block: BlockId) -> u64 {
        0
    }
    fn prefetch(&self, n: u64) {
        let (start, shape) = self.cuts.block(n);
        self.feed.prefetch(&start, &shape);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (start, shape) = self.cuts.block(n);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut rest = scratch;
        let held = carve(&mut rest, shape.iter().product());
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let views = self.feed.load((&start, &shape), &start, &shape, &reads, &mut rest, counters)?;
        self.fused.run(&start, &local, &views, &mut [ViewMut::dense(&mut *held, DType::Bool, &local)], kernel);
        self.counts[n as usize].store(count_mask(&View::dense(held, DType::Bool, &local)) as u64, Relaxed);
        Ok(())
    }
}

/// Writes the selected elements, one block a box that selects any.
pub struct FilterStage {
    feed: Feed,
    fused: Fused,
    cuts: ChunkGrid,
    /// The boxes that select something.
    boxes: Vec<u64>,
    /// The blocks of the result.
    pub out: ChunkGrid,
    /// What it writes.
    pub product: Product,
    dtype: DType,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl FilterStage {
    /// Selects register `registers[0]` where `registers[1]` is true; `runs` is what [`CountStage`] found.
    pub fn new(feed: Feed, registers: Vec<Reg>, runs: &Runs) -> FilterStage {
        let dtype = feed.program.dtype(registers[0]);
        let fused = Fused::new(feed.program.clone(), registers, vec![]);
        let boxes: Vec<u64> = (0..runs.counts.len() as u64).filter(|&n| runs.counts[n as usize] > 0).collect();
        let mut end = 0;
        let ends: Arc<[u64]> = boxes
            .iter()
            .map(|&n| {
                end += runs.counts[n as usize];
                end
            })
            .collect();
        let axis = if boxes.is_empty() { AxisChunks::whole(0) } else { AxisChunks::Irregular(ends) };
        let product = Product { id: new_product(), name: "mask".into(), blocks: boxes.len() as u64 };
        let cuts = ChunkGrid { axes: runs.cuts.clone() };
        let elements = cuts.largest_elements();
        let scratch_bytes = carved_bytes(elements)
            .saturating_add(carved_bytes(elements.saturating_mul(dtype.size() as u64)))
            .saturating_add(carved_bytes(fused.scratch_bytes() as u64))
            .saturating_add(feed.loading_boxes_bytes(&cuts.axes));
        FilterStage { feed, fused, cuts, boxes, out: ChunkGrid { axes: vec![axis] }, product, dtype, scratch_bytes }
    }

    fn bytes(&self, n: u64) -> u64 {
        self.out.axes[0].chunk(n).1 * self.dtype.size() as u64
    }
}

impl Stage for FilterStage {
    fn name(&self) -> &str {
        "mask"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        self.feed.products()
    }
    fn tasks(&self) -> u64 {
        self.boxes.len() as u64
    }
    fn demand_bytes(&self) -> u64 {
        let written = rounded(self.out.largest_elements() * self.dtype.size() as u64);
        self.feed.blocks_bytes(&self.cuts.axes).saturating_add(written).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        self.feed.moved_bytes(&self.cuts.axes)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (start, shape) = self.cuts.block(self.boxes[n as usize]);
        self.feed.describe(&start, &shape, spec);
        spec.writes.push(Write { key: BlockKey { product: self.product.id, block: n }, bytes: self.bytes(n), takes: None });
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        // boxes that select nothing read nothing
        let counts = self.cuts.counts();
        let selects = |boxes: Vec<(u64, u64)>| {
            let (first, lens): (Vec<u64>, Vec<u64>) = boxes.into_iter().unzip();
            let number = |at: u64| ravel(&unravel(at, &lens).iter().zip(&first).map(|(i, f)| i + f).collect::<Vec<_>>(), &counts);
            (0..lens.iter().product::<u64>()).filter(|&at| self.boxes.binary_search(&number(at)).is_ok()).count() as u64
        };
        self.feed.reading(&self.cuts.axes, product, block).map(selects).sum()
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn prefetch(&self, n: u64) {
        let (start, shape) = self.cuts.block(self.boxes[n as usize]);
        self.feed.prefetch(&start, &shape);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (start, shape) = self.cuts.block(self.boxes[n as usize]);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let elements: u64 = shape.iter().product();
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let mask = carve(&mut rest, elements);
        let values = carve(&mut rest, elements * self.dtype.size() as u64);
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let views = self.feed.load((&start, &shape), &start, &shape, &reads, &mut rest, counters)?;
        let mut outputs = [ViewMut::dense(&mut *values, self.dtype, &local), ViewMut::dense(&mut *mask, DType::Bool, &local)];
        self.fused.run(&start, &local, &views, &mut outputs, kernel);
        let taken = compress(&View::dense(values, self.dtype, &local), &View::dense(mask, DType::Bool, &local), writes[0]);
        if taken as u64 * self.dtype.size() as u64 != self.bytes(n) {
            return Err(Error::internal(format!(
                "mask: box {n} selected {taken} elements the second time; its source changed while it was read"
            )));
        }
        Ok(())
    }
}
