//! Running totals, in one read: boxes of whole cells along the axis hand the prefix on, and others of the same rank run
//! beside them. The bits follow from the cells alone (`kernels::scan`).

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::error::Result;
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Product, Stage, TaskBlocks};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::scan::Scan;
use flagstone_kernels::view::{View, ViewMut};

/// Writes running totals, a block a box.
pub struct CumulativeStage {
    work: Work,
    scan: Scan,
    axis: usize,
    /// The cells along the axis.
    cells: AxisChunks,
    /// Evaluates the values.
    fused: Fused,
    /// Of the kernel, the values, the prefix and the carry.
    layout: Layout<4>,
}

impl CumulativeStage {
    /// Totals of what `fused` evaluates, in boxes cut by `cuts`, which hold whole `cells` unless all is one.
    fn new(scan: Scan, axis: usize, cells: &AxisChunks, feed: &Feed, fused: Fused, cuts: Vec<AxisChunks>) -> CumulativeStage {
        let boxes = Boxes::rows(cuts);
        let values = boxes.longest_elements().saturating_mul(scan.dtype.size() as u64);
        let kept = boxes.longest_elements() / boxes.cuts[axis].longest().max(1);
        let carry = scan.carry_bytes(kept as usize) as u64;
        let layout = Layout::new([fused.scratch_bytes() as u64, values, carry, carry]);
        let reads = vec![Access::whole(feed.clone())];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let product = |name: &str| Product::new(name, boxes.len());
        let totals = Blocks::Elements { axes: (0..boxes.cuts.len()).collect(), item: scan.out.size() as u64 };
        let writes = vec![Writes { product: product(scan.op.name()), blocks: totals }];
        let prefixes = Writes { product: product("prefixes"), blocks: Blocks::Carry { scan, axis } };
        let work = Work::new(scan.op.name(), boxes, reads, writes, scratch).handing_on(prefixes, axis);
        CumulativeStage { work, scan, axis, cells: cells.clone(), fused, layout }
    }
}

impl Tasks for CumulativeStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let elements: usize = local.iter().product();
        let kept = elements / local[self.axis].max(1);
        let bytes = self.scan.carry_bytes(kept);
        let mut handed = self.work.handed_on(task_box, blocks.parts());
        let mut rest = std::mem::take(&mut handed.scratch);
        let [kernel, values, prefix, carry] = self.layout.split(&mut rest);
        let values = &mut values[..elements * self.scan.dtype.size()];
        let views = self.work.reads[0].feed.load_box(task_box, &handed.reads, &mut rest, handed.counters)?;
        self.fused.run(&task_box.start, &local, &views, &mut [ViewMut::dense(&mut *values, self.scan.dtype, &local)], kernel);
        if self.scan.is_one_cell() {
            // in turn, box after box: what is handed on is the cell so far
            match handed.before() {
                Some(before) => carry[..bytes].copy_from_slice(&before[..bytes]),
                None => self.scan.empty(kept, carry),
            }
            let values = View::dense(values, self.scan.dtype, &local);
            self.scan.run(&values, self.axis, None, carry, &mut ViewMut::dense(&mut *handed.writes[0], self.scan.out, &local));
            if let Some(after) = handed.after() {
                after[..bytes].copy_from_slice(&carry[..bytes]);
            }
            return Ok(());
        }
        if let Some(before) = handed.before() {
            prefix[..bytes].copy_from_slice(&before[..bytes]);
        }
        self.scan.empty(kept, carry);
        let values = View::dense(values, self.scan.dtype, &local);
        let mut out = ViewMut::dense(&mut *handed.writes[0], self.scan.out, &local);
        let (first, end) = (task_box.start[self.axis], task_box.start[self.axis] + task_box.shape[self.axis]);
        let mut at = first;
        while at < end {
            let cell = self.cells.find(at);
            let len = (self.cells.chunk(cell).1 as usize).min((end - at) as usize);
            let (mut from, mut shape) = (vec![0; local.len()], local.clone());
            (from[self.axis], shape[self.axis]) = ((at - first) as usize, len);
            let before = (cell > 0).then_some(&*prefix);
            self.scan.run(&values.part(&from, &shape), self.axis, before, carry, &mut out.part(&from, &shape));
            at += len as u64;
            if at < self.cells.len() {
                self.scan.next_cell(kept, cell == 0, prefix, carry);
            }
        }
        if let Some(after) = handed.after() {
            after[..bytes].copy_from_slice(&prefix[..bytes]);
        }
        Ok(())
    }
}

impl Lower for ops::Cumulative {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
        let whole = self.cells[0].chunks.split(self.cells[0].cell);
        let of = |most: u64| {
            // kept axes as suits what is read; then so many cells as a task holds
            let mut cuts = blocking::of_size(&feed, most, lowering.budget.work());
            cuts[self.axis] = AxisChunks::whole(1);
            // one cell may be cut anywhere
            let cells = if self.scan.is_one_cell() { self.arg.chunks.axes[self.axis].split(most) } else { whole.clone() };
            blocking::shrink(&mut cuts, (most / cells.longest().max(1)).max(1));
            let kept = longest_elements(&cuts);
            cuts[self.axis] = cells.join((most / (kept * cells.longest()).max(1)).max(1));
            let fused = Fused::new(feed.program.clone(), regs.clone(), vec![]);
            CumulativeStage::new(self.scan, self.axis, &cells, &feed, fused, cuts)
        };
        let sizes = blocking::task_sizes(lowering.budget.work());
        let stage = blocking::first_within(sizes.map(of), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2);
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes: stage.work.boxes.cuts.clone() } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
