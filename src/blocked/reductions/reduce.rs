//! Reductions as a tree: every task reduces a run of cells to a partial, groups of partials combine, the
//! last one finishes. Where a task sees all of the reduced axes it finishes at once.

use crate::blocked::blocking;
use crate::blocked::boxes::{Boxes, visiting};
use crate::blocked::feed::{Feed, carve, carved_bytes};
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::need::{Windows, most_met};
use crate::blocked::reductions::combine::{finish, of_selected};
use crate::blocked::reductions::tree::{Tree, slot_bytes, slots};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Cells, Expr, Follow, Op, Reduce, constant};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Product, Stage, TaskBlocks};
use flagstone_kernels::dtype::Scalar;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::reduce::Reduction;
use std::sync::Arc;

/// How much a task brings in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A cell: plain bytes go through the cache once.
    Cell,
    /// The part of the task inside of a chunk: encoded chunks are decoded once.
    Chunk,
}

/// Reduces a feed's registers over some axes; one product a reduction.
pub struct ReduceStage {
    work: Work,
    /// The program and its reductions.
    fused: Arc<Fused>,
    /// The reductions.
    reductions: Vec<Reduction>,
    /// Which loop axes are reduced.
    reduced: Vec<bool>,
    /// Cuts of the reduced axes, in order.
    cells: Vec<Cells>,
    /// How much a task brings in at once.
    load: Load,
    /// Slots for partials that a task needs at most.
    slots: u64,
}

/// The parts of chunks that tasks cut by `cuts` reduce one by one: chunks, or the cuts that lie inside of them.
fn runs<'a>(cuts: &'a AxisChunks, cells: &'a Cells) -> &'a AxisChunks {
    if cuts.count() <= cells.chunks.count() { &cells.chunks } else { cuts }
}

/// The part of a chunk along one reduced axis that a task covers.
struct Run {
    start: u64,
    len: u64,
    cell: u64,
}

impl ReduceStage {
    /// Reduces what `fused` says in boxes cut by `cuts`: kept axes into blocks of the result, reduced axes into aligned
    /// runs of `cells`. It writes partials or, where every task sees all reduced places, the results.
    pub fn new(
        names: &[&str],
        feed: &Feed,
        fused: &Arc<Fused>,
        reductions: &[Reduction],
        reduced: &[bool],
        cells: &[Cells],
        cuts: Vec<AxisChunks>,
    ) -> ReduceStage {
        let load = if blocking::decodes(feed) { Load::Chunk } else { Load::Cell };
        let boxes = Boxes { order: visiting(feed, &cuts), cuts };
        let along = boxes.cuts.iter().zip(reduced).filter(|(_, reduced)| **reduced).map(|(cuts, _)| cuts);
        let (mut chunks, mut cells_of) = (Vec::new(), Vec::new());
        for (cuts, axis) in along.zip(cells) {
            chunks.push(most_met(&axis.chunks, &Follow { start: 0, step: 1, axis: Some(0) }, &Windows::whole(cuts)).chunks);
            cells_of.push(runs(cuts, axis).longest().div_ceil(axis.cell));
        }
        let slots = slots(&chunks) + slots(&cells_of);
        let kept = boxes.cuts.iter().zip(reduced).filter(|(_, reduced)| !**reduced);
        let kept = kept.map(|(cuts, _)| cuts.longest()).fold(1, u64::saturating_mul);
        let scratch = slot_bytes(reductions, kept)
            .saturating_mul(slots)
            .saturating_add(carved_bytes(fused.scratch_bytes() as u64))
            .saturating_add(feed.loading_bytes(&units(&boxes.cuts, reduced, cells, load)));
        let complete = boxes.counts().iter().zip(reduced).all(|(&n, &reduced)| !reduced || n <= 1);
        let write = |(name, reduction): (&&str, &Reduction)| Writes {
            product: Product::new(*name, boxes.len()),
            blocks: Blocks::Partial { reduction: *reduction, reduced: reduced.to_vec(), complete },
        };
        let writes = names.iter().zip(reductions).map(write).collect();
        let work = Work::new(&names.join(" + "), boxes.clone(), vec![Access::whole(feed.clone())], writes, scratch);
        let (fused, reductions) = (fused.clone(), reductions.to_vec());
        ReduceStage { work, fused, reductions, reduced: reduced.to_vec(), cells: cells.to_vec(), load, slots }
    }

    /// Whether each task finishes its result.
    pub fn is_complete(&self) -> bool {
        self.work.boxes.counts().iter().zip(&self.reduced).all(|(&n, &reduced)| !reduced || n <= 1)
    }

    /// The entries of the kept axes.
    fn of_kept(&self, axes: &[u64]) -> Vec<u64> {
        axes.iter().zip(&self.reduced).filter(|(_, reduced)| !**reduced).map(|(&n, _)| n).collect()
    }

    fn kept(&self, task_box: &TaskBox) -> u64 {
        self.of_kept(&task_box.shape).iter().product()
    }

    /// For each reduced axis, the runs of the chunks that the box covers.
    fn runs(&self, task_box: &TaskBox) -> Vec<Vec<Run>> {
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        axes.zip(&self.cells)
            .map(|(axis, cells)| {
                let (start, end) = (task_box.start[axis], task_box.start[axis] + task_box.shape[axis]);
                if start == end {
                    return Vec::new();
                }
                (cells.chunks.find(start)..=cells.chunks.find(end - 1))
                    .map(|i| {
                        let (s, n) = cells.chunks.chunk(i);
                        let (low, high) = (s.max(start), (s + n).min(end));
                        Run { start: low, len: high - low, cell: cells.cell }
                    })
                    .collect()
            })
            .collect()
    }

    /// The box with the extent of a task along kept axes and the given spans along reduced ones.
    fn place(&self, task_box: &TaskBox, spans: impl Iterator<Item = (u64, u64)>) -> (Vec<u64>, Vec<u64>) {
        let (mut start, mut shape) = (task_box.start.clone(), task_box.shape.clone());
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        for (axis, (s, n)) in axes.zip(spans) {
            start[axis] = s;
            shape[axis] = n;
        }
        (start, shape)
    }
}

/// What is brought in at once along each loop axis.
fn units<'a>(cuts: &'a [AxisChunks], reduced: &[bool], cells: &'a [Cells], load: Load) -> Vec<Windows<'a>> {
    let mut cells = cells.iter();
    let unit = |(cuts, &reduced): (&'a AxisChunks, &bool)| {
        let cells = if reduced { cells.next() } else { None };
        let Some(cells) = cells else { return Windows::whole(cuts) };
        let piece = match load {
            Load::Cell => cells.cell,
            Load::Chunk => u64::MAX,
        };
        Windows { piece, ..Windows::whole(runs(cuts, cells)) }
    };
    cuts.iter().zip(reduced).map(unit).collect()
}

impl Tasks for ReduceStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let feed = &self.work.reads[0].feed;
        let kept = self.kept(task_box);
        let runs = self.runs(task_box);
        let parts = blocks.parts();
        let (reads, counters) = (parts.reads, parts.counters);
        let mut rest = parts.scratch;
        let mut tree = Tree::new(&self.reductions, kept, self.slots, &mut rest);
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let whole = (&task_box.start[..], &task_box.shape[..]);
        let chunk_counts: Vec<u64> = runs.iter().map(|runs| runs.len() as u64).collect();
        tree.fold(0, &mut Vec::new(), &|at| chunk_counts.get(at.len()).copied(), &mut |tree, base, chunk| {
            let here: Vec<&Run> = runs.iter().zip(chunk).map(|(runs, &i)| &runs[i as usize]).collect();
            let cell_counts: Vec<u64> = here.iter().map(|run| run.len.div_ceil(run.cell)).collect();
            let (start, shape) = self.place(task_box, here.iter().map(|run| (run.start, run.len)));
            let mut left = &mut *rest;
            let held = match self.load {
                Load::Chunk => Some(feed.load(whole, &start, &shape, &reads, &mut left, counters)?),
                Load::Cell => None,
            };
            tree.fold(base, &mut Vec::new(), &|at| cell_counts.get(at.len()).copied(), &mut |tree, slot, cell| {
                let span = |(run, &i): (&&Run, &u64)| (run.start + i * run.cell, run.cell.min(run.len - i * run.cell));
                let (cell_start, cell_shape) = self.place(task_box, here.iter().zip(cell).map(span));
                let local: Vec<usize> = cell_shape.iter().map(|&n| n as usize).collect();
                let mut left = &mut *left;
                let views = match &held {
                    Some(views) => {
                        let offset: Vec<usize> = cell_start.iter().zip(&start).map(|(a, b)| (a - b) as usize).collect();
                        views.iter().map(|view| view.part(&offset, &local)).collect()
                    }
                    None => feed.load(whole, &cell_start, &cell_shape, &reads, &mut left, counters)?,
                };
                let mut partials = tree.slot(slot);
                self.fused.reduce(&cell_start, &local, &feed.shape, &self.reduced, &views, &mut [], &mut partials, kernel);
                Ok(())
            })
        })?;
        let complete = self.is_complete();
        let (kept_start, kept_shape) = (self.of_kept(&task_box.start), self.of_kept(&task_box.shape));
        for ((partial, reduction), write) in tree.slot(0).into_iter().zip(&self.reductions).zip(parts.writes) {
            if complete {
                finish(reduction, &kept_start, &kept_shape, partial, write)?;
            } else {
                write.copy_from_slice(partial);
            }
        }
        Ok(())
    }
}

/// Memory aligned as kernels want their partials.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Lower for Reduce {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        lowering.reduce(node, self)?;
        Ok(lowering.made[&node.id].clone())
    }
}

/// The stage that `of` makes of cuts whose tasks are within their share of the budget, or near to it.
fn fitted(of: impl Fn(Vec<AxisChunks>) -> ReduceStage, feed: &Feed, reduced: &[bool], cells: &[Cells], budget: &Budget) -> ReduceStage {
    let sized = |cut: bool| {
        let cuts = move |slack| blocking::for_reduction(feed, reduced, cells, budget, slack, cut);
        (0..=18).step_by(2).map(cuts)
    };
    let demand = |stage: &ReduceStage| stage.demand_bytes();
    let stage = blocking::first_within(sized(false).map(&of), demand, budget.share_bytes());
    if stage.demand_bytes() <= budget.memory_bytes {
        return stage;
    }
    // chunks that have to be decoded whole are cut only when nothing else fits: their parts decode them again
    blocking::first_within(std::iter::once(stage).chain(sized(true).map(of)), demand, budget.memory_bytes)
}

/// How the result of a loop cut like this is cut.
fn kept_grid(boxes: &Boxes, reduced: &[bool], keepdims: bool) -> ChunkGrid {
    let axis = |(cuts, &reduced): (&AxisChunks, &bool)| match (reduced, keepdims) {
        (false, _) => Some(cuts.clone()),
        (true, true) => Some(AxisChunks::whole(1)),
        (true, false) => None,
    };
    ChunkGrid { axes: boxes.cuts.iter().zip(reduced).filter_map(axis).collect() }
}

impl Lowering<'_> {
    /// Lowers a reduction together with its siblings.
    pub(in crate::blocked) fn reduce(&mut self, node: &Expr, reduce: &Reduce) -> Result<()> {
        if reduce.arg.elements() == 0 {
            let made = self.reduce_nothing(node, reduce)?;
            self.made.insert(node.id, made);
            return Ok(());
        }
        let members = self.together(node);
        let reduces: Vec<&Reduce> = members
            .iter()
            .filter_map(|member| match &member.op {
                Op::Reduce(reduce) => Some(reduce),
                _ => None,
            })
            .collect();
        let mut roots: Vec<&Expr> = reduces.iter().map(|r| &r.arg).collect();
        roots.extend(reduces.iter().filter_map(|r| r.mask.as_ref()));
        let (feed, regs) = self.feed(&roots, &reduce.arg.shape)?;
        let mut masks = regs[reduces.len()..].iter().copied();
        let reductions: Vec<_> = reduces.iter().map(|r| of_selected(r)).collect();
        let inputs: Vec<_> =
            reduces.iter().zip(&regs).map(|(r, &reg)| (reg, r.mask.as_ref().and_then(|_| masks.next()), of_selected(r))).collect();
        let fused = Arc::new(Fused::with_masks(feed.program.clone(), vec![], inputs));
        let reduced: Vec<bool> = (0..feed.shape.len()).map(|axis| reduce.axes.contains(&axis)).collect();
        let names: Vec<&str> = members.iter().map(|member| member.op.name()).collect();
        let of = |cuts: Vec<AxisChunks>| ReduceStage::new(&names, &feed, &fused, &reductions, &reduced, &reduce.cells, cuts);
        let stage = fitted(of, &feed, &reduced, &reduce.cells, self.budget);
        let partials: Vec<u64> = stage.products().iter().map(|product| product.id).collect();
        let (boxes, complete) = (stage.work.boxes.clone(), stage.is_complete());
        let pulled = members.iter().any(|member| self.sharing.pulled.contains(&member.id));
        let drive = if pulled { Drive::Pulled } else { self.drive(&feed, stage.tasks()) };
        self.push(stage, drive);
        for ((member, reduce), partial) in members.iter().zip(&reduces).zip(partials) {
            let product = if complete { partial } else { self.combine(reduce, partial, &boxes, &reduced, pulled) };
            self.made.insert(member.id, Blocked { product, grid: kept_grid(&boxes, &reduced, reduce.keepdims) });
        }
        Ok(())
    }

    /// The reductions of the same loop as `node` that are not lowered yet, itself among them.
    fn together(&self, node: &Expr) -> Vec<Expr> {
        let mut members: Vec<Expr> = self.siblings.get(&node.id).cloned().unwrap_or_default();
        members.retain(|member| !self.made.contains_key(&member.id));
        if members.iter().any(|member| member.id == node.id) { members } else { vec![node.clone()] }
    }

    /// The reduction of no elements: the same value everywhere.
    fn reduce_nothing(&mut self, node: &Expr, reduce: &Reduce) -> Result<Blocked> {
        let reduction = &reduce.reduction;
        let mut partial = vec![Line([0; 64]); reduction.partial_bytes(1).div_ceil(64)];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut partial);
        reduction.empty(1, bytes);
        let mut out = vec![0u8; reduction.out.size()];
        reduction.finish(1, bytes, &mut out);
        let value = Scalar::read(reduction.out, &out);
        let full = constant(value, reduction.out, &node.chunks)?;
        let (feed, regs) = self.feed(&[&full], &full.shape)?;
        Ok(self.map(reduction.op.name(), feed, regs[0], None))
    }
}
