//! Places in a table: a box holds the axis of the table beside a part of what is asked, or a part of that axis where it is long: then the
//! answers are handed on from part to part until they are whole. A table that is decoded in chunks is cut into blocks first where boxes
//! would decode its chunks many times.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::shapes::recut::{decoded_often, recut_lanes};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lookup::{Lookup, Part};
use flagstone_kernels::program::Reg;

/// Looks up, a block a box. The last axis of the loop is that of the table.
struct LookupStage {
    work: Work,
    what: Lookup,
    dtype: DType,
    axis: usize,
    programs: [Fused; 2],
    /// Of the kernel that evaluates, the table, and what is asked.
    layout: Layout<3>,
}

impl LookupStage {
    /// Boxes that cut the answers by `cuts`, and the axis of the table by `parts`.
    fn new(of: &ops::Lookup, feeds: &[(Feed, Reg); 2], mut cuts: Vec<AxisChunks>, parts: AxisChunks) -> LookupStage {
        let (dtype, axis, last) = (of.table.dtype, of.axis, cuts.len());
        let (asked_dtype, out) = of.what.dtypes(dtype);
        let links = parts.count();
        cuts.push(parts);
        let reads = vec![
            Access { feed: feeds[0].0.clone(), axes: (0..of.table.shape.len()).map(|at| of.of_table(at).unwrap_or(last)).collect() },
            Access { feed: feeds[1].0.clone(), axes: of.of_asked().collect() },
        ];
        let boxes = Boxes::rows(cuts);
        let held = |access: &Access| access.axes.iter().map(|&axis| boxes.cuts[axis].longest()).fold(1, u64::saturating_mul);
        let (table, asked) = (held(&reads[0]), held(&reads[1]));
        let programs = feeds.each_ref().map(|(feed, reg)| Fused::new(feed.program.clone(), vec![*reg], vec![]));
        let kernel = programs.iter().map(|program| program.scratch_bytes() as u64).max().unwrap_or(0);
        let bytes = |elements: u64, dtype: DType| elements.saturating_mul(dtype.size() as u64);
        let layout = Layout::new([kernel, bytes(table, dtype), bytes(asked, asked_dtype)]);
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let product = |name: String, blocks: u64| Product::new(name, blocks);
        let (name, tasks) = (of.what.name(), boxes.len());
        let blocks = Blocks::Elements { axes: (0..last).collect(), item: out.size() as u64 };
        let writes = vec![Writes { product: product(name.into(), tasks / links), blocks }];
        let work = Work::new(name, boxes, reads, writes, scratch);
        let work = if links > 1 { work.summed(product(format!("{name} in parts"), tasks), 1) } else { work };
        LookupStage { work, what: of.what, dtype, axis, programs, layout }
    }
}

impl Tasks for LookupStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, table, asked] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let [of_table, of_asked] = [0, 1].map(|at| (&self.work.reads[at], &self.programs[at]));
        let (table, shape) = evaluating.values(of_table.0, of_table.1, task_box, table)?;
        let (asked, _) = evaluating.values(of_asked.0, of_asked.1, task_box, asked)?;
        let sizes = |shape: &[usize]| shape.iter().product::<usize>();
        let lengths = [sizes(&shape[..self.axis]), shape[self.axis], sizes(&shape[self.axis + 1..])];
        let along = self.work.boxes.cuts.len() - 1;
        let part = Part { start: task_box.start[along], of: self.work.boxes.cuts[along].len() };
        self.what.run((table, part), self.dtype, lengths, asked, writes[0]).map_err(|bad| {
            // lanes were moved to the last axis
            let of = if self.what == Lookup::TakeAlong { "an axis".into() } else { format!("axis {}", self.axis) };
            Error::bad_index(self.what.name(), format!("index {} is out of bounds for {of} with size {}", bad.0, part.of))
        })
    }
}

impl ops::Lookup {
    /// The stage that reads the loops of the table and of what is asked, in tasks of at most half a share where that can be had. The axis of
    /// the table stays whole as long as what is asked is not cut into much less for it: each part of that looks through all of the table.
    fn stage(&self, feeds: &[(Feed, Reg); 2], lowering: &Lowering<'_>) -> LookupStage {
        let (work, n) = (lowering.budget.work(), self.table.shape[self.axis]);
        let all_asked = self.asked.shape[self.shared()..].iter().product::<u64>().max(1);
        let longest = |cuts: &[AxisChunks]| longest_elements(cuts).max(1);
        // the table's other axes stand in every answer, too
        let of = |most: u64, lanes: u64, parts: &dyn Fn(u64) -> AxisChunks| {
            let mut cuts = blocking::of_lanes(&feeds[0].0, self.axis, lanes);
            let each = (most / longest(&cuts)).max(1);
            let mut asked = blocking::of_size(&feeds[1].0, most, work).split_off(self.shared());
            blocking::shrink(&mut asked, each);
            cuts.splice(self.axis..=self.axis, asked);
            LookupStage::new(self, feeds, cuts, parts(each))
        };
        let sizes = || blocking::task_sizes(work);
        let whole = sizes().filter(|&most| most >= n / 4).map(|most| of(most, most / n, &|_| AxisChunks::whole(n)));
        let natural = &blocking::natural(&feeds[0].0).cuts[self.axis];
        let in_parts =
            sizes().map(|most| of(most, (most / all_asked).max(1), &|each| natural.join(each / natural.longest().max(1)).split(each)));
        blocking::first_within(whole.chain(in_parts), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2)
    }
}

impl Lower for ops::Lookup {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let (table, regs) = lowering.feed(&[&self.table], &self.table.shape)?;
        let (asked, asked_regs) = lowering.feed(&[&self.asked], &self.asked.shape)?;
        let mut feeds = [(table, regs[0]), (asked, asked_regs[0])];
        let mut stage = self.stage(&feeds, lowering);
        for (n, (arg, along)) in [(&self.table, self.axis), (&self.asked, self.shared())].into_iter().enumerate() {
            if let Some([cuts, from]) = decoded_often(&stage.work.reads[n], &stage.work.boxes, lowering) {
                feeds[n] = recut_lanes(lowering, arg, feeds[n].clone(), &cuts, &from, along);
                stage = self.stage(&feeds, lowering);
            }
        }
        let axes = stage.work.boxes.cuts[..node.shape.len()].to_vec();
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
