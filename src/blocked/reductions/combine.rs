//! Partials of neighbouring runs → one partial, or the result.

use crate::blocked::boxes::Boxes;
use crate::blocked::lower::Lowering;
use crate::blocked::reductions::tree::{Tree, slot_bytes, slots};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Cells, Reduce};
use crate::grid::{AxisChunks, BlockId, ravel, unravel};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::op::ReduceOp;
use flagstone_kernels::reduce::Reduction;

/// Combines the partials of one reduction, axis inside axis.
pub struct CombineStage {
    /// For plans.
    pub name: String,
    /// Which reduction.
    pub reduction: Reduction,
    /// The partials' product.
    pub from: u64,
    /// The grid of the partials: kept axes are cut into blocks, reduced axes into partials.
    pub counts: Vec<u64>,
    /// Which axes of the grid are reduced.
    pub reduced: Vec<bool>,
    /// The kept axes' cuts, in order.
    pub kept: Vec<AxisChunks>,
    /// For each reduced axis, how its partials are cut into groups that belong together.
    pub groups: Vec<AxisChunks>,
    /// What it writes: partials, or results when one group holds all.
    pub product: Product,
}

impl CombineStage {
    /// Groups along each axis of the grid.
    pub fn out_counts(&self) -> Vec<u64> {
        let mut groups = self.groups.iter();
        let count = |(&n, &reduced): (&u64, &bool)| match reduced {
            true => groups.next().map_or(n, AxisChunks::count),
            false => n,
        };
        self.counts.iter().zip(&self.reduced).map(count).collect()
    }

    /// Whether the results are finished here.
    pub fn is_complete(&self) -> bool {
        self.out_counts().iter().zip(&self.reduced).all(|(&n, &reduced)| !reduced || n <= 1)
    }

    /// The spans of a task along the reduced axes.
    fn spans(&self, index: &[u64]) -> Vec<(u64, u64)> {
        let axes = (0..self.reduced.len()).filter(|&axis| self.reduced[axis]);
        axes.zip(&self.groups).map(|(axis, groups)| groups.chunk(index[axis])).collect()
    }

    fn write_bytes(&self, kept: u64) -> u64 {
        if self.is_complete() { kept * self.reduction.out.size() as u64 } else { self.reduction.partial_bytes(kept as usize) as u64 }
    }

    /// First place and extent of the task's block along each kept axis.
    fn kept_block(&self, index: &[u64]) -> (Vec<u64>, Vec<u64>) {
        let axes = (0..self.reduced.len()).filter(|&axis| !self.reduced[axis]);
        axes.zip(&self.kept).map(|(axis, cuts)| cuts.chunk(index[axis])).unzip()
    }

    fn kept_elements(&self, index: &[u64]) -> u64 {
        self.kept_block(index).1.iter().product()
    }
}

impl Stage for CombineStage {
    fn name(&self) -> &str {
        &self.name
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.from]
    }
    fn tasks(&self) -> u64 {
        self.out_counts().iter().product()
    }
    fn demand_bytes(&self) -> u64 {
        let kept = self.kept.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul);
        let partial = rounded(self.reduction.partial_bytes(kept as usize) as u64);
        let sizes: Vec<u64> = self.groups.iter().map(AxisChunks::longest).collect();
        let read = sizes.iter().fold(partial, |bytes, &n| bytes.saturating_mul(n));
        let scratch = slot_bytes(std::slice::from_ref(&self.reduction), kept).saturating_mul(slots(&sizes));
        read.saturating_add(rounded(self.write_bytes(kept))).saturating_add(rounded(scratch))
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let index = unravel(n, &self.out_counts());
        let spans = self.spans(&index);
        let sizes: Vec<u64> = spans.iter().map(|span| span.1).collect();
        for at in 0..sizes.iter().product::<u64>() {
            let inside = unravel(at, &sizes);
            let mut r = 0;
            let place: Vec<u64> = (0..self.reduced.len())
                .map(|axis| {
                    if !self.reduced[axis] {
                        return index[axis];
                    }
                    r += 1;
                    spans[r - 1].0 + inside[r - 1]
                })
                .collect();
            spec.reads.push(BlockKey { product: self.from, block: ravel(&place, &self.counts) });
        }
        let kept = self.kept_elements(&index);
        let key = BlockKey { product: self.product.id, block: n };
        spec.writes.push(Write { key, bytes: self.write_bytes(kept), takes: None });
        spec.scratch_bytes = slot_bytes(std::slice::from_ref(&self.reduction), kept) * slots(&sizes);
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.from) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        if product != self.from {
            return;
        }
        let place = unravel(block, &self.counts);
        let mut groups = self.groups.iter();
        let index: Vec<u64> = (0..place.len())
            .map(|axis| match self.reduced[axis] {
                true => groups.next().map_or(0, |groups| groups.find(place[axis])),
                false => place[axis],
            })
            .collect();
        each(ravel(&index, &self.out_counts()));
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let index = unravel(n, &self.out_counts());
        let kept = self.kept_elements(&index);
        let sizes: Vec<u64> = self.spans(&index).iter().map(|span| span.1).collect();
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
        if self.is_complete() {
            let (start, shape) = self.kept_block(&index);
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
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, whole);
            (from, counts) = (stage.product.id, stage.out_counts());
            self.push(stage, if pulled { Drive::Pulled } else { Drive::Following });
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
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, groups);
            (from, counts) = (stage.product.id, stage.out_counts());
            self.push(stage, if pulled { Drive::Pulled } else { Drive::Following });
        }
        from
    }

    fn combine_stage(
        &self,
        reduce: &Reduce,
        from: u64,
        counts: &[u64],
        reduced: &[bool],
        kept: &[AxisChunks],
        groups: Vec<AxisChunks>,
    ) -> CombineStage {
        let name = format!("combine {}", reduce.reduction.op.name());
        let mut stage = CombineStage {
            name: name.clone(),
            reduction: of_selected(reduce),
            from,
            counts: counts.to_vec(),
            reduced: reduced.to_vec(),
            kept: kept.to_vec(),
            groups,
            product: Product { id: new_product(), name, blocks: 0 },
        };
        stage.product.blocks = stage.tasks();
        stage
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
