//! Many rows of a long table, at places in any order: the places are read first. What stands for the rows then reads the table once, in its
//! own order ([`super::rows_at`]).

use super::parts::place_of;
use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::lower_loop;
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Evaluating, Layout, Tasks, Work};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::ops::{Lookup, Places, Reshape, RowsAt, View};
use crate::expr::{Affine, Expr, Node, Op, auto_chunks, relabel};
use crate::grid::{ChunkGrid, ravel, unravel};
use crate::plan::{Parts, Plan, Stage, TaskBlocks};
use crate::sizes::WorkSizes;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lookup::Lookup as Kind;
use flagstone_kernels::program::Reg;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows at places that are being read.
pub struct TakeRows {
    node: Expr,
    of: Lookup,
    /// What has run.
    read: Option<Arc<ListStage>>,
}

impl TakeRows {
    /// Whether so much is taken that the places are worth being read first, there is room for them, and a task that holds all places of
    /// the axis has not even long pieces of rows at each.
    pub fn suits(of: &Lookup, work: &WorkSizes) -> bool {
        let (n, item) = (of.table.shape[of.axis], of.table.dtype.size() as u64);
        let (inner, lanes) = (of.table.shape[of.axis + 1..].iter().product::<u64>(), work.task_elements / n.max(1));
        let is_long = n > work.task_elements / 4 || lanes < inner && lanes.saturating_mul(item) < work.row_bytes_min;
        of.what == Kind::Take
            && is_long
            && n <= u64::from(u32::MAX)
            && of.asked.elements() <= work.taken_rows_max
            && (work.taken_row_bytes_min..=work.taken_row_bytes_max).contains(&row_bytes(of))
            && takes_much(of, work)
    }

    /// Of `node`, which takes rows of a table.
    pub fn new(node: &Expr, of: &Lookup) -> TakeRows {
        TakeRows { node: node.clone(), of: of.clone(), read: None }
    }

    /// The plan that reads the places, and its last stage.
    fn plan(&self, budget: &Budget) -> Result<(Plan, Arc<ListStage>)> {
        let mut reading = None;
        let plan = lower_loop(std::slice::from_ref(&self.of.asked), budget, |feed, registers| {
            let along = (self.of.table.shape[self.of.axis], self.of.axis);
            let of = |most: u64| ListStage::new(feed.clone(), registers[0], along, most, budget.work());
            let stages = blocking::task_sizes(budget.work()).map(of);
            let stage = Arc::new(blocking::first_within(stages, Stage::demand_bytes, budget.share_bytes()));
            reading = Some(stage.clone());
            stage
        })?;
        Ok((plan, reading.ok_or_else(|| Error::internal("no places"))?))
    }

    /// What stands for the node.
    fn rows_at(&self, places: Places) -> Result<Vec<Expr>> {
        let places = Arc::new(places);
        rows_of(&self.node, &self.of, |table, chunks| RowsAt { table, places, chunks }.into())
    }
}

/// What stands for `node`, which takes `of`: what `rows` makes of a table whose first axis is the one that is taken along, with the axes where
/// they belong.
pub(super) fn rows_of(node: &Expr, of: &Lookup, rows: impl FnOnce(Expr, ChunkGrid) -> Op) -> Result<Vec<Expr>> {
    let Lookup { table, asked, axis, .. } = of;
    let order: Vec<usize> = std::iter::once(*axis).chain((0..table.shape.len()).filter(|at| at != axis)).collect();
    let table = permuted(table, &order)?;
    let shape = [&[asked.elements()], &table.shape[1..]].concat();
    let rows = Node::new(rows(table.clone(), auto_chunks(&shape)))?;
    let shape = [&asked.shape[..], &table.shape[1..]].concat();
    let rows = if rows.shape == shape { rows } else { Node::new(Reshape { arg: rows, shape }.into())? };
    // the axes before the one that is taken along go before those of what is asked
    let n = asked.shape.len();
    let order: Vec<usize> = (n..n + axis).chain(0..n).chain(n + axis..rows.shape.len()).collect();
    Ok(vec![relabel(&permuted(&rows, &order)?, &node.chunks)?])
}

/// Bytes of what stands at a place of the axis that is taken along.
pub(super) fn row_bytes(of: &Lookup) -> u64 {
    (of.table.elements() / of.table.shape[of.axis].max(1)).saturating_mul(of.table.dtype.size() as u64)
}

/// Whether the table, and what is taken of it, are so much that the places are worth being read first.
pub(super) fn takes_much(of: &Lookup, work: &WorkSizes) -> bool {
    let row = of.table.elements() / of.table.shape[of.axis].max(1);
    of.table.elements().min(row.saturating_mul(of.asked.elements())) > work.taken_elements
}

/// The same with its axes in another order.
fn permuted(expr: &Expr, order: &[usize]) -> Result<Expr> {
    if order.is_sorted() {
        return Ok(expr.clone());
    }
    Node::new(View { arg: expr.clone(), view: Affine::permute(&expr.shape, order) }.into())
}

impl Procedure for TakeRows {
    fn describe(&self) -> String {
        let (rows, of) = (self.of.asked.elements(), self.of.table.shape[self.of.axis]);
        format!("take {rows} rows of {of}: their places, to read them in order and put each where it belongs")
    }
    fn most(&self) -> Bound {
        Bound { standing_bytes: self.of.asked.elements().saturating_mul(Places::BYTES), kept_bytes: 0, reads: 1 }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        Ok(self.plan(budget)?.0)
    }
    fn bound(&self, _: &Budget) -> Result<Vec<Expr>> {
        self.rows_at(Places::default())
    }
    fn step(&mut self, budget: &Budget, _: &dyn Keeper) -> Result<Step> {
        let Some(stage) = self.read.take() else {
            let (plan, stage) = self.plan(budget)?;
            self.read = Some(stage);
            return Ok(Step::Run(plan));
        };
        let places = std::mem::take(&mut *stage.places.lock().unwrap_or_else(PoisonError::into_inner));
        self.rows_at(Places::new(places)).map(Step::Done)
    }
}

/// Reads indices, which become a list of places.
struct ListStage {
    work: Work,
    fused: Fused,
    /// Of the kernel, and the indices.
    layout: Layout<2>,
    /// How many places there are, and of which axis of the table.
    of: (u64, usize),
    places: Mutex<Vec<u32>>,
}

impl ListStage {
    /// Indices into so many places of an axis, register `reg` of `feed`, at most so many at once.
    fn new(feed: Feed, reg: Reg, of: (u64, usize), most: u64, work: &WorkSizes) -> ListStage {
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let boxes = Boxes::rows(blocking::of_size(&feed, most, work));
        let rows: u64 = feed.shape.iter().product();
        let layout = Layout::new([fused.scratch_bytes() as u64, boxes.longest_elements().saturating_mul(8)]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let work = Work::new("places", boxes, reads, vec![], scratch);
        ListStage { work, fused, layout, of, places: Mutex::new(vec![0; rows as usize]) }
    }
}

impl Tasks for ListStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, held] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let (indices, _) = evaluating.values(&self.work.reads[0], &self.fused, task_box, held)?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let ((n, axis), shape) = (self.of, &self.work.reads[0].feed.shape);
        let place = |bytes: &[u8]| {
            let index = i64::from_ne_bytes(bytes.try_into().map_err(|_| Error::internal("an index of other bytes"))?);
            Ok::<u32, Error>(place_of(index, n, axis)? as u32)
        };
        let Some((line, others)) = task_box.shape.split_last() else { return Ok(()) };
        for (at, line) in indices.chunks_exact(*line as usize * 8).enumerate() {
            let mut start = task_box.start.clone();
            start.iter_mut().zip(unravel(at as u64, others)).for_each(|(start, inside)| *start += inside);
            for (to, bytes) in places[ravel(&start, shape) as usize..].iter_mut().zip(line.chunks_exact(8)) {
                *to = place(bytes)?;
            }
        }
        Ok(())
    }
}
