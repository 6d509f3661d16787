//! Many short rows of a long table, at places in any order: the places are read first, and counted by the part of the table in which they are. What
//! stands for the rows then reads the table part by part ([`super::elements_at`]).

use super::parts::{Parts as PartsOf, place_of};
use super::take_rows::{row_bytes, rows_of, takes_much};
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::lower_loop;
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::ops::{Asked, ElementsAt, Lookup, Reshape};
use crate::expr::{Expr, Node};
use crate::grid::AxisChunks;
use crate::plan::{Parts, Plan, Product, TaskBlocks};
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lookup::Lookup as Kind;
use flagstone_kernels::program::Reg;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Short rows at places that are being read.
pub struct TakeElements {
    node: Expr,
    of: Lookup,
    cuts: Cuts,
    /// What has run, and what keeps its blocks.
    read: Option<(Arc<PlacesStage>, Arc<dyn Any + Send + Sync>)>,
}

/// How what is asked is cut into blocks, and the table into parts.
#[derive(Clone)]
struct Cuts {
    blocks: AxisChunks,
    parts: AxisChunks,
}

impl Cuts {
    /// Of as many rows as [`rows_together`] says, of the table as its chunks lie.
    fn new(of: &Lookup, work: &WorkSizes) -> Cuts {
        let (most, chunks) = (rows_together(row_bytes(of), work), &of.table.chunks.axes[of.axis]);
        Cuts { blocks: AxisChunks::regular(of.asked.elements(), most), parts: chunks.join(most / chunks.longest().max(1)).split(most) }
    }

    fn dtype(&self) -> DType {
        if self.parts.len() <= u64::from(u32::MAX) { DType::U32 } else { DType::U64 }
    }
}

/// Short rows that a task has at once.
fn rows_together(row_bytes: u64, work: &WorkSizes) -> u64 {
    (work.taken_block_bytes / row_bytes.saturating_add(8)).clamp(1, u64::from(u32::MAX))
}

impl TakeElements {
    /// Whether so much is taken, of a table and by places that are both longer than a task has room for, that it is worth being sorted by parts.
    pub fn suits(of: &Lookup, work: &WorkSizes) -> bool {
        let (n, rows, most) = (of.table.shape[of.axis], of.asked.elements(), rows_together(row_bytes(of), work));
        // what lies unevenly is not listed before it is known that it is little
        let about = n.div_ceil(most).saturating_mul(rows.div_ceil(most));
        of.what == Kind::Take
            && n > most
            && rows > most
            && row_bytes(of) < work.taken_row_bytes_min
            && takes_much(of, work)
            && about <= work.taken_blocks_max
            && {
                let Cuts { blocks, parts } = Cuts::new(of, work);
                blocks.count().saturating_mul(parts.count()) <= work.taken_blocks_max
            }
    }

    /// Of `node`, which takes short rows of a table.
    pub fn new(node: &Expr, of: &Lookup, work: &WorkSizes) -> TakeElements {
        TakeElements { node: node.clone(), of: of.clone(), cuts: Cuts::new(of, work), read: None }
    }

    /// The plan that reads the places, and its last stage.
    fn plan(&self, budget: &Budget) -> Result<(Plan, Arc<PlacesStage>)> {
        let asked = &self.of.asked;
        let shape = vec![asked.elements()];
        let asked = if asked.shape == shape { asked.clone() } else { Node::new(Reshape { arg: asked.clone(), shape }.into())? };
        let mut reading = None;
        let plan = lower_loop(std::slice::from_ref(&asked), budget, |feed, registers| {
            let stage = Arc::new(PlacesStage::new(feed, registers[0], self.of.axis, self.cuts.clone()));
            reading = Some(stage.clone());
            stage
        })?;
        let stage = reading.ok_or_else(|| Error::internal("no places"))?;
        let kept = vec![stage.work.writes[0].product.id];
        Ok((Plan::new(plan.stages, kept), stage))
    }

    /// What stands for the node.
    fn rows_at(&self, product: u64, counts: Vec<u32>, owner: Option<Arc<dyn Any + Send + Sync>>) -> Result<Vec<Expr>> {
        let Cuts { blocks, parts } = self.cuts.clone();
        let asked = Arc::new(Asked { product, dtype: self.cuts.dtype(), blocks, parts, counts, owner });
        rows_of(&self.node, &self.of, |table, chunks| ElementsAt { table, asked, chunks }.into())
    }
}

impl Procedure for TakeElements {
    fn describe(&self) -> String {
        let (rows, of) = (self.of.asked.elements(), self.of.table.shape[self.of.axis]);
        format!("take {rows} of {of}: their places, to read the table part by part and put each where it belongs")
    }
    fn most(&self) -> Bound {
        let rows = self.of.asked.elements();
        let pairs = self.cuts.blocks.count().saturating_mul(self.cuts.parts.count());
        Bound {
            standing_bytes: pairs.saturating_mul(size_of::<u32>() as u64),
            kept_bytes: rows.saturating_mul(self.cuts.dtype().size() as u64),
            reads: 1,
        }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        Ok(self.plan(budget)?.0)
    }
    fn bound(&self, _: &Budget) -> Result<Vec<Expr>> {
        self.rows_at(crate::plan::new_product(), Vec::new(), None)
    }
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        let Some((stage, owner)) = self.read.take() else {
            let (plan, stage) = self.plan(budget)?;
            self.read = Some((stage, keeper.keep(plan.kept[0])));
            return Ok(Step::Run(plan));
        };
        let counts = std::mem::take(&mut *stage.counts.lock().unwrap_or_else(PoisonError::into_inner));
        self.rows_at(stage.work.writes[0].product.id, counts, Some(owner)).map(Step::Done)
    }
}

/// Reads indices, a block of them a task: writes them as places, and counts how many are in each part of the table.
struct PlacesStage {
    work: Work,
    fused: Fused,
    /// Of the kernel, the indices, and how many are in each part.
    layout: Layout<3>,
    axis: usize,
    cuts: Cuts,
    counts: Mutex<Vec<u32>>,
}

impl PlacesStage {
    /// Indices along `axis` of a table, register `reg` of `feed`.
    fn new(feed: Feed, reg: Reg, axis: usize, cuts: Cuts) -> PlacesStage {
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let boxes = Boxes::rows(vec![cuts.blocks.clone()]);
        let (held, counted) = (cuts.blocks.longest().saturating_mul(8), cuts.parts.count().saturating_mul(4));
        let layout = Layout::new([fused.scratch_bytes() as u64, held, counted]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let blocks = Blocks::Elements { axes: vec![0], item: cuts.dtype().size() as u64 };
        let writes = vec![Writes { product: Product::new("places", boxes.len()), blocks }];
        let work = Work::new("places", boxes, reads, writes, scratch);
        PlacesStage { work, fused, layout, axis, cuts, counts: Mutex::default() }
    }

    /// Writes the places of `indices`, and counts them by their parts.
    fn places<T: Place>(&self, indices: &[i64], places: &mut [T], counts: &mut [u32]) -> Result<()> {
        let (n, parts) = (self.cuts.parts.len(), PartsOf::new(&self.cuts.parts));
        counts.fill(0);
        for (&index, to) in indices.iter().zip(places) {
            let place = place_of(index, n, self.axis)?;
            *to = T::of(place);
            counts[parts.of(place).0] += 1;
        }
        Ok(())
    }
}

/// How a place is kept.
pub(super) trait Place: bytemuck::Pod {
    /// It, of such a table.
    fn of(place: u64) -> Self;
    /// The place.
    fn get(self) -> u64;
}

impl Place for u32 {
    fn of(place: u64) -> u32 {
        place as u32
    }
    fn get(self) -> u64 {
        self.into()
    }
}

impl Place for u64 {
    fn of(place: u64) -> u64 {
        place
    }
    fn get(self) -> u64 {
        self
    }
}

impl Tasks for PlacesStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, held, counts] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let (indices, _) = evaluating.values(&self.work.reads[0], &self.fused, task_box, held)?;
        let (indices, counts): (&[i64], &mut [u32]) = (bytemuck::cast_slice(indices), bytemuck::cast_slice_mut(counts));
        match self.cuts.dtype() {
            DType::U32 => self.places::<u32>(indices, bytemuck::cast_slice_mut(&mut *writes[0]), counts)?,
            _ => self.places::<u64>(indices, bytemuck::cast_slice_mut(&mut *writes[0]), counts)?,
        }
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.resize(self.cuts.blocks.count() as usize * counts.len(), 0);
        all[n as usize * counts.len()..][..counts.len()].copy_from_slice(counts);
        Ok(())
    }
}
