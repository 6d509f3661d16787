//! Partials of neighbouring runs → one partial, or the result.

use crate::blocked::boxes::Boxes;
use crate::blocked::lower::Lowering;
use crate::blocked::places::{Along, Blocks, Graph, Placed, Places};
use crate::blocked::reductions::tree::{Tree, slot_bytes, slots};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Cells, Reduce};
use crate::grid::{AxisChunks, longest_elements, ravel, unravel};
use crate::memory::rounded;
use crate::plan::{Drive, Product, TaskBlocks};
use flagstone_kernels::op::ReduceOp;
use flagstone_kernels::reduce::Reduction;

/// Combines the partials of one reduction, axis inside axis.
pub struct CombineStage {
    reduction: Reduction,
    /// Which axes of the grid of partials are reduced; the kept ones are cut into blocks.
    reduced: Vec<bool>,
    /// The kept axes' cuts, in order.
    kept: Vec<AxisChunks>,
    /// For each reduced axis, how its partials are cut into groups that belong together.
    groups: Vec<AxisChunks>,
    /// Whether the results are finished here: one group holds all.
    is_complete: bool,
    graph: Graph,
}

impl CombineStage {
    /// Of the partials `from`, cut as `counts` says.
    fn new(
        reduction: Reduction,
        from: u64,
        counts: &[u64],
        reduced: &[bool],
        kept: &[AxisChunks],
        groups: Vec<AxisChunks>,
    ) -> CombineStage {
        let mut grouped = groups.iter();
        let along = reduced.iter().enumerate().map(|(axis, reduced)| match reduced {
            true => Along::Group(axis, grouped.next().cloned().unwrap_or(AxisChunks::whole(counts[axis]))),
            false => Along::At(axis, 0),
        });
        let along: Vec<Along> = along.collect();
        let count = |(along, &n): (&Along, &u64)| if let Along::Group(_, groups) = along { groups.count() } else { n };
        let out: Vec<u64> = along.iter().zip(counts).map(count).collect();
        let is_complete = groups.iter().all(|groups| groups.count() <= 1);
        let elements = longest_elements(kept);
        let lengths: Vec<u64> = groups.iter().map(AxisChunks::longest).collect();
        let name = format!("combine {}", reduction.op.name());
        let product = Product::new(&name, out.iter().product());
        let own: Vec<Along> = (0..out.len()).map(|axis| Along::At(axis, 0)).collect();
        let bytes = written_bytes(&reduction, is_complete, elements);
        let graph = Graph {
            reads: vec![Blocks::new(from, counts, reduction.partial_bytes(elements as usize) as u64).along(along)],
            writes: vec![Blocks::new(product.id, &out, bytes).along(own)],
            scratch_bytes: slot_bytes(std::slice::from_ref(&reduction), elements).saturating_mul(slots(&lengths)),
            ..Graph::rows(&name, vec![product], &out)
        };
        CombineStage { reduction, reduced: reduced.to_vec(), kept: kept.to_vec(), groups, is_complete, graph }
    }

    /// What it writes, and the blocks of that along each axis.
    fn written(&self) -> (u64, Vec<u64>) {
        (self.graph.products[0].id, self.graph.space.counts())
    }

    /// How many partials a task combines along each reduced axis.
    fn lengths(&self, place: &[u64]) -> Vec<u64> {
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        axes.zip(&self.groups).map(|(axis, groups)| groups.chunk(place[axis]).1).collect()
    }

    /// First place and extent of the task's block along each kept axis.
    fn kept_block(&self, place: &[u64]) -> (Vec<u64>, Vec<u64>) {
        let axes = (0..self.reduced.len()).filter(|&axis| !self.reduced[axis]);
        axes.zip(&self.kept).map(|(axis, cuts)| cuts.chunk(place[axis])).unzip()
    }
}

/// Bytes of the results, or of a partial, of so many kept elements.
fn written_bytes(reduction: &Reduction, is_complete: bool, kept: u64) -> u64 {
    if is_complete { kept.saturating_mul(reduction.out.size() as u64) } else { reduction.partial_bytes(kept as usize) as u64 }
}

impl Places for CombineStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        written_bytes(&self.reduction, self.is_complete, self.kept_block(block).1.iter().product())
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let (start, shape) = self.kept_block(place);
        let (kept, sizes) = (shape.iter().product(), self.lengths(place));
        let mut parts = blocks.parts();
        let mut rest = parts.scratch;
        let mut tree = Tree::new(std::slice::from_ref(&self.reduction), kept, slots(&sizes), &mut rest);
        let reads = &parts.reads;
        tree.fold(0, &mut Vec::new(), &|at| sizes.get(at.len()).copied(), &mut |tree, slot, at| {
            let partial = tree.slot(slot).remove(0);
            let from = reads[ravel(at, &sizes) as usize];
            partial.copy_from_slice(&from[..partial.len()]);
            Ok(())
        })?;
        let result = tree.slot(0).remove(0);
        let out = &mut parts.writes[0];
        if self.is_complete {
            finish(&self.reduction, &start, &shape, result, out)?;
        } else {
            out.copy_from_slice(result);
        }
        Ok(())
    }
}

/// Writes the results of a partial: those of the kept axes from `start` on, `shape` of them.
///
/// # Errors
/// As NumPy's, if a mask selects nothing for an operation that needs a value, or all that nanargmin or nanargmax
/// see is NaN.
pub(in crate::blocked) fn finish(reduction: &Reduction, start: &[u64], shape: &[u64], partial: &[u8], out: &mut [u8]) -> Result<()> {
    let kept = shape.iter().product::<u64>() as usize;
    let name = reduction.op.name();
    let called = || if reduction.skip_nan { format!("nan{name}") } else { name.to_string() };
    if reduction.is_empty_selection(kept, partial) {
        return Err(Error::bad_request(
            called(),
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
    if let Some(at) = reduction.first_all_nan(kept, partial) {
        let place: Vec<u64> = unravel(at as u64, shape).iter().zip(start).map(|(at, first)| at + first).collect();
        let slice = if place.is_empty() { "the whole array".to_string() } else { format!("the slice at {place:?} of the axes that stay") };
        let what = format!("All-NaN slice encountered: {slice} has nothing but NaN; leave it out, or fill it with where(isnan(x), …, x)");
        return Err(ErrorKind::Numerical { operation: called(), what }.into());
    }
    reduction.finish(kept, partial, out);
    Ok(())
}

/// The reduction as the kernels run it: with a mask, its partials count what they have seen.
pub(in crate::blocked) fn of_selected(reduce: &Reduce) -> Reduction {
    Reduction { masked: reduce.mask.is_some(), ..reduce.reduction }
}

impl Lowering<'_> {
    /// Stages that combine the partials of a loop cut by `boxes`, until one is left a kept block.
    pub(in crate::blocked) fn combine(&mut self, reduce: &Reduce, partials: u64, boxes: &Boxes, reduced: &[bool], pulled: bool) -> u64 {
        let kept: Vec<AxisChunks> = boxes.cuts.iter().zip(reduced).filter(|(_, r)| !**r).map(|(cuts, _)| cuts.clone()).collect();
        let mut counts = boxes.counts();
        let mut from = partials;
        let axes: Vec<usize> = (0..reduced.len()).filter(|&axis| reduced[axis]).collect();
        // parts of chunks first
        let whole: Vec<AxisChunks> = axes.iter().zip(&reduce.cells).map(|(&axis, cells)| pieces(&boxes.cuts[axis], cells)).collect();
        let kept_elements: u64 = kept.iter().map(AxisChunks::longest).product();
        let partial = rounded(of_selected(reduce).partial_bytes(kept_elements as usize) as u64).max(1);
        // so many partials at once as an eighth of a thread's share holds
        let most = (self.budget.share_bytes() / 8 / partial).clamp(2, self.budget.work().combined_max.max(2));
        let most = 1 << most.ilog2();
        if axes.iter().zip(&whole).any(|(&axis, groups)| groups.count() != counts[axis]) {
            let stage = CombineStage::new(of_selected(reduce), from, &counts, reduced, &kept, whole);
            (from, counts) = stage.written();
            self.push(Placed(stage), if pulled { Drive::Pulled } else { Drive::Following });
        }
        while axes.iter().any(|&axis| counts[axis] > 1) || from == partials {
            let mut sizes = vec![1; axes.len()];
            let mut left = most;
            for (size, &axis) in sizes.iter_mut().zip(&axes).rev() {
                if counts[axis] <= left {
                    *size = counts[axis].max(1);
                    left /= *size;
                } else {
                    *size = 1 << left.max(1).ilog2();
                    break;
                }
            }
            if sizes.iter().all(|&size| size == 1) {
                // the innermost axis that still has several
                if let Some(last) = (0..axes.len()).rev().find(|&i| counts[axes[i]] > 1) {
                    sizes[last] = 2;
                }
            }
            let groups = axes.iter().zip(&sizes).map(|(&axis, &size)| AxisChunks::regular(counts[axis], size)).collect();
            let stage = CombineStage::new(of_selected(reduce), from, &counts, reduced, &kept, groups);
            (from, counts) = stage.written();
            self.push(Placed(stage), if pulled { Drive::Pulled } else { Drive::Following });
        }
        from
    }
}

/// How the cuts of a reduced axis are grouped by the chunk that they lie in; cuts that are runs of chunks stand alone.
fn pieces(cuts: &AxisChunks, cells: &Cells) -> AxisChunks {
    if cuts.count() <= cells.chunks.count() {
        return AxisChunks::regular(cuts.count(), 1);
    }
    match (cuts, &cells.chunks) {
        (_, chunks) if chunks.count() <= 1 => AxisChunks::whole(cuts.count()),
        (AxisChunks::Pieces { piece, .. } | AxisChunks::Regular { chunk: piece, .. }, AxisChunks::Regular { first, chunk, .. })
            if cells.chunks.split(*piece) == *cuts =>
        {
            AxisChunks::Regular { len: cuts.count(), first: first.div_ceil(*piece), chunk: chunk.div_ceil(*piece) }
        }
        _ => {
            let mut lengths: Vec<u64> = Vec::new();
            let mut last = None;
            for cut in 0..cuts.count() {
                let chunk = cells.chunks.find(cuts.chunk(cut).0);
                if last == Some(chunk) {
                    *lengths.last_mut().expect("a chunk before") += 1;
                } else {
                    lengths.push(1);
                    last = Some(chunk);
                }
            }
            AxisChunks::from_lengths(&lengths)
        }
    }
}
