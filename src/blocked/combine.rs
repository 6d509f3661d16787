//! Partials of neighbouring runs → one partial, or the result.

use super::boxes::Boxes;
use super::lower::Lowering;
use super::tree::{Tree, slot_bytes, slots};
use crate::error::Result;
use crate::expr::{Cells, Reduce};
use crate::grid::{AxisChunks, BlockId, ravel, unravel};
use crate::memory::BlockKey;
use crate::plan::{Drive, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::reduce::Reduction;

/// Which partials along the reduced axes belong together.
#[derive(Clone, Debug)]
pub enum Groups {
    /// For each reduced axis, first and number of the pieces of each chunk.
    Pieces(Vec<Vec<(u64, u64)>>),
    /// For each reduced axis, so many neighbours: a power of two, or all.
    Runs(Vec<u64>),
}

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
    /// Which partials belong together.
    pub groups: Groups,
    /// What it writes: partials, or results when one group holds all.
    pub product: Product,
}

impl CombineStage {
    /// First and number of the partials of group `o` along the `r`-th reduced axis, which has `n`.
    fn span(&self, r: usize, n: u64, o: u64) -> (u64, u64) {
        match &self.groups {
            Groups::Pieces(lists) => lists[r][o as usize],
            Groups::Runs(sizes) => (o * sizes[r], sizes[r].min(n - o * sizes[r])),
        }
    }

    /// Groups along each axis of the grid.
    pub fn out_counts(&self) -> Vec<u64> {
        let mut r = 0;
        let count = |(&n, &reduced): (&u64, &bool)| {
            if !reduced {
                return n;
            }
            r += 1;
            match &self.groups {
                Groups::Pieces(lists) => lists[r - 1].len() as u64,
                Groups::Runs(sizes) => n.div_ceil(sizes[r - 1]),
            }
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
        axes.enumerate().map(|(r, axis)| self.span(r, self.counts[axis], index[axis])).collect()
    }

    fn kept_elements(&self, index: &[u64]) -> u64 {
        let axes = (0..self.reduced.len()).filter(|&axis| !self.reduced[axis]);
        axes.zip(&self.kept).map(|(axis, cuts)| cuts.chunk(index[axis]).1).product()
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
    fn largest(&self) -> u64 {
        // the first group of the longest kept block: only a last group is ever shorter, but for pieces
        let mut kept = self.kept.iter();
        let mut r = 0;
        let place = (0..self.reduced.len()).map(|axis| {
            if !self.reduced[axis] {
                let cuts = kept.next().expect("one entry a kept axis");
                let longest = cuts.longest();
                return (0..cuts.count()).find(|&i| cuts.chunk(i).1 == longest).unwrap_or(0);
            }
            r += 1;
            match &self.groups {
                Groups::Pieces(lists) => (0..lists[r - 1].len()).max_by_key(|&i| (lists[r - 1][i].1, usize::MAX - i)).unwrap_or(0) as u64,
                Groups::Runs(_) => 0,
            }
        });
        ravel(&place.collect::<Vec<_>>(), &self.out_counts())
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
        let bytes =
            if self.is_complete() { kept * self.reduction.out.size() as u64 } else { self.reduction.partial_bytes(kept as usize) as u64 };
        spec.writes.push(Write { key: BlockKey { product: self.product.id, block: n }, bytes, takes: None });
        spec.scratch_bytes = slot_bytes(std::slice::from_ref(&self.reduction), kept) * slots(&sizes);
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.from) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn follower(&self, _product: u64, block: BlockId) -> Option<u64> {
        let place = unravel(block, &self.counts);
        let mut r = 0;
        let index: Vec<u64> = (0..place.len())
            .map(|axis| {
                if !self.reduced[axis] {
                    return place[axis];
                }
                r += 1;
                match &self.groups {
                    Groups::Pieces(lists) => lists[r - 1].partition_point(|(first, _)| *first <= place[axis]) as u64 - 1,
                    Groups::Runs(sizes) => place[axis] / sizes[r - 1],
                }
            })
            .collect();
        Some(ravel(&index, &self.out_counts()))
    }
    fn predicted_bytes(&self) -> u64 {
        0
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
            super::reduce::finish(&self.reduction, kept, result, out)?;
        } else {
            out.copy_from_slice(result);
        }
        Ok(())
    }
}

/// The reduction as the kernels run it: with a mask, its partials count what they have seen.
pub(super) fn of_selected(reduce: &Reduce) -> Reduction {
    Reduction { masked: reduce.mask.is_some(), ..reduce.reduction }
}

impl Lowering<'_> {
    /// Stages that combine the partials of a loop cut by `boxes`, until one is left a kept block.
    pub(super) fn combine(&mut self, reduce: &Reduce, partials: u64, boxes: &Boxes, reduced: &[bool], pulled: bool) -> u64 {
        let kept: Vec<AxisChunks> = boxes.cuts.iter().zip(reduced).filter(|(_, r)| !**r).map(|(cuts, _)| cuts.clone()).collect();
        let mut counts = boxes.counts();
        let mut from = partials;
        let axes: Vec<usize> = (0..reduced.len()).filter(|&axis| reduced[axis]).collect();
        // parts of chunks first
        let lists: Vec<Vec<(u64, u64)>> = axes.iter().zip(&reduce.cells).map(|(&axis, cells)| pieces(&boxes.cuts[axis], cells)).collect();
        let kept_elements: u64 = kept.iter().map(AxisChunks::longest).product();
        let partial = crate::memory::rounded(of_selected(reduce).partial_bytes(kept_elements as usize) as u64).max(1);
        // so many partials at once as an eighth of a thread's share holds
        let most = (self.share_bytes() / 8 / partial).clamp(2, 1024);
        let most = 1 << most.ilog2();
        if axes.iter().zip(&lists).any(|(&axis, list)| list.len() as u64 != counts[axis]) {
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, Groups::Pieces(lists));
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
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, Groups::Runs(sizes));
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
        groups: Groups,
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

/// For each chunk, first and number of the cuts inside of it; for cuts that are runs of chunks, one each.
fn pieces(cuts: &AxisChunks, cells: &Cells) -> Vec<(u64, u64)> {
    if cuts.count() <= cells.chunks.count() {
        return (0..cuts.count()).map(|i| (i, 1)).collect();
    }
    let mut lists: Vec<(u64, u64)> = Vec::new();
    let mut last = None;
    for cut in 0..cuts.count() {
        let chunk = cells.chunks.find(cuts.chunk(cut).0);
        if last == Some(chunk) {
            lists.last_mut().expect("a chunk before").1 += 1;
        } else {
            lists.push((cut, 1));
            last = Some(chunk);
        }
    }
    lists
}
