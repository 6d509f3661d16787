//! Places in a table: a box holds the whole axis of the table beside a part of what is asked. A table that is decoded in chunks is cut into
//! blocks first where boxes would decode its chunks many times.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::shapes::recut::recut_lanes;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lookup::Lookup;
use flagstone_kernels::program::Reg;

/// Looks up, a block a box. The last axis of the loop is that of the table.
struct LookupStage {
    work: Work,
    what: Lookup,
    dtype: DType,
    axis: usize,
    programs: [Fused; 2],
    /// Of the kernel that evaluates, the table, what is asked, and the lookup.
    layout: Layout<4>,
}

impl LookupStage {
    fn new(of: &ops::Lookup, feeds: &[(Feed, Reg); 2], mut cuts: Vec<AxisChunks>) -> LookupStage {
        let (dtype, axis, last, between) = (of.table.dtype, of.axis, cuts.len(), of.asked.shape.len());
        let (asked_dtype, out) = of.what.dtypes(dtype);
        let of_table = |at: usize| match at {
            at if at < axis => at,
            at if at == axis => last,
            at => at - 1 + between,
        };
        cuts.push(AxisChunks::whole(of.table.shape[axis]));
        let reads = vec![
            Access { feed: feeds[0].0.clone(), axes: (0..of.table.shape.len()).map(of_table).collect() },
            Access { feed: feeds[1].0.clone(), axes: (axis..axis + between).collect() },
        ];
        let boxes = Boxes::rows(cuts);
        let held = |access: &Access| access.axes.iter().map(|&axis| boxes.cuts[axis].longest()).fold(1, u64::saturating_mul);
        let (table, asked) = (held(&reads[0]), held(&reads[1]));
        let programs = feeds.each_ref().map(|(feed, reg)| Fused::new(feed.program.clone(), vec![*reg], vec![]));
        let kernel = programs.iter().map(|program| program.scratch_bytes() as u64).max().unwrap_or(0);
        let bytes = |elements: u64, dtype: DType| elements.saturating_mul(dtype.size() as u64);
        let working = of.what.scratch_bytes(dtype, of.table.shape[axis], asked);
        let layout = Layout::new([kernel, bytes(table, dtype), bytes(asked, asked_dtype), working]);
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let product = Product { id: new_product(), name: of.what.name().into(), blocks: boxes.len() };
        let writes = vec![Writes { product, blocks: Blocks::Elements { axes: (0..last).collect(), item: out.size() as u64 } }];
        LookupStage { work: Work::new(of.what.name(), boxes, reads, writes, scratch), what: of.what, dtype, axis, programs, layout }
    }
}

impl Tasks for LookupStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, table, asked, working] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let [of_table, of_asked] = [0, 1].map(|at| (&self.work.reads[at], &self.programs[at]));
        let (table, shape) = evaluating.values(of_table.0, of_table.1, task_box, table)?;
        let (asked, _) = evaluating.values(of_asked.0, of_asked.1, task_box, asked)?;
        let sizes = |shape: &[usize]| shape.iter().product::<usize>();
        let lengths = [sizes(&shape[..self.axis]), shape[self.axis], sizes(&shape[self.axis + 1..])];
        self.what.run(table, self.dtype, lengths, asked, writes[0], working).map_err(|bad| {
            Error::bad_index(self.what.name(), format!("index {} is out of bounds for axis {} with size {}", bad.0, self.axis, lengths[1]))
        })
    }
}

/// What an element of the table costs, in tenths of decoding it: decoding, and writing and reading blocks that stay in memory and such that
/// go to the disk, where LZ4 takes as long as what a codec of files takes.
const DECODING: u64 = 10;
const IN_MEMORY: [u64; 2] = [3, 1];
const ON_DISK: [u64; 2] = [10, 8];

impl ops::Lookup {
    /// The stage that reads the loops of the table and of what is asked, in tasks of at most half a share where that can be had.
    fn stage(&self, feeds: &[(Feed, Reg); 2], lowering: &Lowering<'_>) -> LookupStage {
        let (work, n) = (lowering.budget.work(), self.table.shape[self.axis]);
        let longest = |cuts: &[AxisChunks]| cuts.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul);
        let of = |most: u64| {
            // the table's other axes stand in every answer, too
            let mut table = blocking::of_lanes(&feeds[0].0, self.axis, most / n);
            let mut asked = blocking::of_size(&feeds[1].0, most, work);
            blocking::shrink(&mut asked, (most / longest(&table).max(1)).max(1));
            table.splice(self.axis..=self.axis, asked);
            LookupStage::new(self, feeds, table)
        };
        let sizes = blocking::task_sizes(work);
        blocking::first_within(sizes.map(of), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2)
    }

    /// How `stage` cuts the table, and the cuts in which it is decoded, where decoding each chunk for every task that looks into it costs
    /// more than blocks of the table do.
    fn decoded_often(&self, stage: &LookupStage, table: &Feed, lowering: &Lowering<'_>) -> Option<[Vec<AxisChunks>; 2]> {
        let between = self.axis..self.axis + self.asked.shape.len();
        let mut cuts = stage.work.boxes.cuts[..stage.work.boxes.cuts.len() - 1].to_vec();
        let parts: u64 = cuts.splice(between, [AxisChunks::whole(self.table.shape[self.axis])]).map(|asked| asked.count()).product();
        let natural = blocking::natural(table);
        let narrower = |(at, (cuts, from)): (usize, (&AxisChunks, &AxisChunks))| {
            if at == self.axis { 1 } else { cuts.count().div_ceil(from.count().max(1)).max(1) }
        };
        let strips: u64 = cuts.iter().zip(&natural.cuts).enumerate().map(narrower).product();
        let bytes = self.table.bytes();
        let costs = if bytes <= lowering.budget.memory_bytes / 2 { IN_MEMORY } else { ON_DISK };
        let again = DECODING.saturating_mul(parts.saturating_mul(strips));
        let kept = DECODING + costs[0] + costs[1].saturating_mul(parts);
        (blocking::decodes(table) && again > kept).then_some([cuts, natural.cuts])
    }
}

impl Lower for ops::Lookup {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (table, regs) = lowering.feed(&[&self.table], &self.table.shape)?;
        let (asked, asked_regs) = lowering.feed(&[&self.asked], &self.asked.shape)?;
        let mut feeds = [(table, regs[0]), (asked, asked_regs[0])];
        let mut stage = self.stage(&feeds, lowering);
        if let Some([cuts, from]) = self.decoded_often(&stage, &feeds[0].0, lowering) {
            feeds[0] = recut_lanes(lowering, &self.table, feeds[0].clone(), &cuts, &from, self.axis);
            stage = self.stage(&feeds, lowering);
        }
        let axes = stage.work.boxes.cuts[..node.shape.len()].to_vec();
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
