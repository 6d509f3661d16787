//! Reductions as a tree: every task reduces a run of cells to a partial, groups of partials combine, the
//! last one finishes. Where a task sees all of the reduced axes it finishes at once.

use super::blocking;
use super::boxes::{Boxes, Tile, visiting};
use super::combine::of_selected;
use super::feed::{Feed, carve, carved_bytes};
use super::lower::{Lowering, Made};
use super::tree::{Tree, slot_bytes, slots};
use crate::error::{Error, Result};
use crate::expr::{Cells, Expr, Node, Op, Reduce, ops};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::BlockKey;
use crate::plan::{Drive, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::Scalar;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::op::ReduceOp;
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

/// Writes the `kept` results of a partial.
///
/// # Errors
/// As NumPy's, if a mask selects nothing for an operation that needs a value.
pub(super) fn finish(reduction: &Reduction, kept: u64, partial: &[u8], out: &mut [u8]) -> Result<()> {
    if reduction.is_empty_selection(kept as usize, partial) {
        let name = reduction.op.name();
        return Err(Error::bad_request(
            if reduction.skip_nan { format!("nan{name}") } else { name.to_string() },
            match (reduction.op, reduction.skip_nan) {
                (ReduceOp::Argmin | ReduceOp::Argmax, _) => format!("attempt to get {name} of an empty sequence: the mask selects nothing"),
                (op, skip_nan) => {
                    let whole = match (op == ReduceOp::Min, skip_nan) {
                        (true, false) => "minimum",
                        (true, true) => "fmin",
                        (false, false) => "maximum",
                        (false, true) => "fmax",
                    };
                    format!("zero-size array to reduction operation {whole} which has no identity: the mask selects nothing")
                }
            },
        ));
    }
    reduction.finish(kept as usize, partial, out);
    Ok(())
}

/// Reduces a feed's registers over some axes; one product a reduction.
pub struct ReduceStage {
    /// For plans.
    pub name: String,
    /// What is reduced.
    pub feed: Feed,
    /// The program and its reductions.
    pub fused: Arc<Fused>,
    /// The reductions.
    pub reductions: Vec<Reduction>,
    /// Which loop axes are reduced.
    pub reduced: Vec<bool>,
    /// Cuts of the reduced axes, in order.
    pub cells: Vec<Cells>,
    /// The tasks: kept axes cut into blocks of the result, reduced axes into aligned runs of cells.
    pub boxes: Boxes,
    /// How much a task brings in at once.
    pub load: Load,
    /// The partials or, when every task sees all reduced places, the results.
    pub products: Vec<Product>,
}

/// The part of a chunk along one reduced axis that a task covers.
struct Run {
    start: u64,
    len: u64,
    cell: u64,
}

impl ReduceStage {
    /// Whether each task finishes its result.
    pub fn is_complete(&self) -> bool {
        self.boxes.counts().iter().zip(&self.reduced).all(|(&n, &reduced)| !reduced || n <= 1)
    }

    fn kept(&self, tile: &Tile) -> u64 {
        tile.shape.iter().zip(&self.reduced).filter(|(_, reduced)| !**reduced).map(|(n, _)| n).product()
    }

    /// For each reduced axis, the runs of the chunks that the tile covers.
    fn runs(&self, tile: &Tile) -> Vec<Vec<Run>> {
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        axes.zip(&self.cells)
            .map(|(axis, cells)| {
                let (start, end) = (tile.start[axis], tile.start[axis] + tile.shape[axis]);
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

    /// The box with the tile's extent along kept axes and the given spans along reduced ones.
    fn place(&self, tile: &Tile, spans: impl Iterator<Item = (u64, u64)>) -> (Vec<u64>, Vec<u64>) {
        let (mut start, mut shape) = (tile.start.clone(), tile.shape.clone());
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        for (axis, (s, n)) in axes.zip(spans) {
            start[axis] = s;
            shape[axis] = n;
        }
        (start, shape)
    }

    /// The largest box that is brought in at once.
    fn unit(&self, tile: &Tile) -> (Vec<u64>, Vec<u64>) {
        let longest = self.runs(tile).into_iter().map(|runs| {
            let run = runs.into_iter().max_by_key(|run| run.len);
            match (run, self.load) {
                (None, _) => (0, 0),
                (Some(run), Load::Cell) => (run.start, run.len.min(run.cell)),
                (Some(run), Load::Chunk) => (run.start, run.len),
            }
        });
        let spans: Vec<(u64, u64)> = longest.collect();
        self.place(tile, spans.into_iter())
    }

    fn slots(&self, tile: &Tile) -> u64 {
        let runs = self.runs(tile);
        let chunks: Vec<u64> = runs.iter().map(|runs| runs.len() as u64).collect();
        let cells: Vec<u64> = runs.iter().map(|runs| runs.iter().map(|run| run.len.div_ceil(run.cell)).max().unwrap_or(1)).collect();
        slots(&chunks) + slots(&cells)
    }

    fn write_bytes(&self, reduction: &Reduction, kept: u64) -> u64 {
        if self.is_complete() { kept * reduction.out.size() as u64 } else { reduction.partial_bytes(kept as usize) as u64 }
    }
}

impl Stage for ReduceStage {
    fn name(&self) -> &str {
        &self.name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        self.feed.products()
    }
    fn tasks(&self) -> u64 {
        self.boxes.len()
    }
    fn largest(&self) -> u64 {
        super::largest::largest(self, &[&self.feed], &self.boxes)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let tile = self.boxes.nth(n);
        self.feed.describe(&tile.start, &tile.shape, spec);
        let kept = self.kept(&tile);
        let block = crate::grid::ravel(&tile.index, &self.boxes.counts());
        for (product, reduction) in self.products.iter().zip(&self.reductions) {
            let key = BlockKey { product: product.id, block };
            spec.writes.push(Write { key, bytes: self.write_bytes(reduction, kept), takes: None });
        }
        let (start, shape) = self.unit(&tile);
        spec.scratch_bytes = slot_bytes(&self.reductions, kept) * self.slots(&tile)
            + carved_bytes(self.fused.scratch_bytes() as u64)
            + self.feed.scratch_bytes(&start, &shape);
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.feed.readers(&self.boxes.cuts, product, block)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        self.boxes.number(&crate::grid::unravel(block, &self.boxes.counts()))
    }
    fn prefetch(&self, n: u64) {
        let tile = self.boxes.nth(n);
        self.feed.prefetch(&tile.start, &tile.shape);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let tile = self.boxes.nth(n);
        let kept = self.kept(&tile);
        let runs = self.runs(&tile);
        let parts = blocks.parts();
        let (reads, counters) = (parts.reads, parts.counters);
        let mut rest = parts.scratch;
        let mut tree = Tree::new(&self.reductions, kept, self.slots(&tile), &mut rest);
        let kernel = carve(&mut rest, self.fused.scratch_bytes() as u64);
        let whole = (&tile.start[..], &tile.shape[..]);
        let chunk_counts: Vec<u64> = runs.iter().map(|runs| runs.len() as u64).collect();
        tree.fold(0, &mut Vec::new(), &|at| chunk_counts.get(at.len()).copied(), &mut |tree, base, chunk| {
            let here: Vec<&Run> = runs.iter().zip(chunk).map(|(runs, &i)| &runs[i as usize]).collect();
            let cell_counts: Vec<u64> = here.iter().map(|run| run.len.div_ceil(run.cell)).collect();
            let (start, shape) = self.place(&tile, here.iter().map(|run| (run.start, run.len)));
            let mut left = &mut *rest;
            let held = match self.load {
                Load::Chunk => Some(self.feed.load(whole, &start, &shape, &reads, &mut left, counters)?),
                Load::Cell => None,
            };
            tree.fold(base, &mut Vec::new(), &|at| cell_counts.get(at.len()).copied(), &mut |tree, slot, cell| {
                let span = |(run, &i): (&&Run, &u64)| (run.start + i * run.cell, run.cell.min(run.len - i * run.cell));
                let (cell_start, cell_shape) = self.place(&tile, here.iter().zip(cell).map(span));
                let local: Vec<usize> = cell_shape.iter().map(|&n| n as usize).collect();
                let mut left = &mut *left;
                let views = match &held {
                    Some(views) => {
                        let offset: Vec<usize> = cell_start.iter().zip(&start).map(|(a, b)| (a - b) as usize).collect();
                        views.iter().map(|view| view.part(&offset, &local)).collect()
                    }
                    None => self.feed.load(whole, &cell_start, &cell_shape, &reads, &mut left, counters)?,
                };
                let mut partials = tree.slot(slot);
                self.fused.reduce(&cell_start, &local, &self.feed.shape, &self.reduced, &views, &mut [], &mut partials, kernel);
                Ok(())
            })
        })?;
        let complete = self.is_complete();
        for ((partial, reduction), write) in tree.slot(0).into_iter().zip(&self.reductions).zip(parts.writes) {
            if complete {
                finish(reduction, kept, partial, write)?;
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

impl Lowering<'_> {
    /// Lowers a reduction together with its siblings.
    pub(super) fn reduce(&mut self, node: &Expr, reduce: &Reduce) -> Result<()> {
        if reduce.arg.elements() == 0 {
            let made = self.reduce_nothing(node, reduce)?;
            self.made.insert(node.id, made);
            return Ok(());
        }
        let mut members: Vec<Expr> = self.siblings.get(&node.id).cloned().unwrap_or_default();
        members.retain(|member| !self.made.contains_key(&member.id));
        if !members.iter().any(|member| member.id == node.id) {
            members = vec![node.clone()];
        }
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
        let rigid = blocking::natural(&feed).rigid;
        let names: Vec<&str> = members.iter().map(|member| member.op.name()).collect();
        let name = names.join(" + ");
        let mut slack = 0;
        let mut stage = loop {
            let cuts = blocking::for_reduction(&feed, &reduced, &reduce.cells, self.budget, slack);
            let boxes = Boxes { order: visiting(&feed, &cuts), cuts };
            let stage = ReduceStage {
                name: name.clone(),
                feed: feed.clone(),
                fused: fused.clone(),
                reductions: reductions.clone(),
                reduced: reduced.clone(),
                cells: reduce.cells.clone(),
                boxes,
                load: if rigid { Load::Chunk } else { Load::Cell },
                products: vec![],
            };
            if slack >= 12 || self.demand(&stage) <= self.share_bytes() {
                break stage;
            }
            slack += 2;
        };
        let blocks = stage.boxes.len();
        stage.products = names.iter().map(|name| Product { id: new_product(), name: name.to_string(), blocks }).collect();
        let partials: Vec<u64> = stage.products.iter().map(|product| product.id).collect();
        let (boxes, complete) = (stage.boxes.clone(), stage.is_complete());
        let pulled = members.iter().any(|member| self.sharing.pulled.contains(&member.id));
        let drive = if pulled { Drive::Pulled } else { Drive::Ranked(self.rank_of(&stage.feed.products())) };
        self.push(stage, drive);
        for ((member, reduce), partial) in members.iter().zip(&reduces).zip(partials) {
            let product = if complete { partial } else { self.combine(reduce, partial, &boxes, &reduced, pulled) };
            let kept = boxes.cuts.iter().zip(&reduced).filter(|(_, reduced)| !**reduced);
            let mut kept = kept.map(|(cuts, _)| cuts.clone());
            let axes = match reduce.keepdims {
                true => {
                    reduced.iter().map(|&r| if r { AxisChunks::whole(1) } else { kept.next().unwrap_or(AxisChunks::whole(1)) }).collect()
                }
                false => kept.collect(),
            };
            self.made.insert(member.id, Made { product, grid: ChunkGrid { axes } });
        }
        Ok(())
    }

    /// The reduction of no elements: the same value everywhere.
    fn reduce_nothing(&mut self, node: &Expr, reduce: &Reduce) -> Result<Made> {
        let reduction = &reduce.reduction;
        let mut partial = vec![Line([0; 64]); reduction.partial_bytes(1).div_ceil(64)];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut partial);
        reduction.empty(1, bytes);
        let mut out = vec![0u8; reduction.out.size()];
        reduction.finish(1, bytes, &mut out);
        let value = Scalar::read(reduction.out, &out);
        let full = Node::new(Op::Full(ops::Full { value, dtype: reduction.out, shape: node.shape.clone(), chunks: node.chunks.clone() }))?;
        let (feed, regs) = self.feed(&[&full], &full.shape)?;
        Ok(self.map(reduction.op.name(), feed, regs[0], None))
    }
}
