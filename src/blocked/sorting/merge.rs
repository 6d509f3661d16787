//! A lane longer than a task, sorted: boxes become sorted runs, written in small blocks whose first items are kept; then each
//! block of the result is merged by one task from the blocks of the runs that can hold its items.
//!
//! Which those are follows from the first items alone. Blocks are ordered by first item, then run: so ties cannot pile up. Before
//! the first item of the i-th block stand at most all items of the i blocks before it, and at least those less nearly one
//! block of every run. A result of `out` items therefore never needs more than `out` and two blocks a run ([`merged_items`]),
//! whatever the values. The idea is the merge by quantiles of Varman et al. (1991), without reading for the splitters.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering, lower_loop};
use crate::blocked::made::Blocked;
use crate::blocked::need::ROUNDING_BYTES;
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::ops::{Merge, RUN_BLOCK_BYTES, RunBlock, SortedRuns};
use crate::expr::{Expr, Node};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Plan, Product, Stage, StageNode, TaskBlocks, TaskSpec, Write, demand_bytes, new_product};
use crate::sizes::WorkSizes;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::sort::Sorter;
use flagstone_kernels::view::ViewMut;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Items of the blocks that a block of `out` merged items needs at most.
fn merged_items(out: u64, piece: u64, runs: u64) -> u64 {
    out.saturating_add(piece.saturating_mul(runs.saturating_add(1)).saturating_mul(2))
}

/// How an axis is cut into runs, and runs into blocks.
#[derive(Clone, Debug)]
struct Cuts {
    runs: AxisChunks,
    piece: u64,
}

impl Cuts {
    fn per_run(&self) -> u64 {
        self.runs.longest().div_ceil(self.piece).max(1)
    }
}

/// A long lane on its way.
pub struct ExternalSort {
    node: Expr,
    sorter: Sorter,
    arg: Expr,
    work: WorkSizes,
    /// What has run, and what keeps its blocks.
    sorted: Option<(Arc<RunsStage>, Arc<dyn Any + Send + Sync>)>,
}

impl ExternalSort {
    /// Of `node`, which sorts the one axis of `arg`.
    pub fn new(node: &Expr, sorter: Sorter, arg: &Expr, work: &WorkSizes) -> ExternalSort {
        ExternalSort { node: node.clone(), sorter, arg: arg.clone(), work: *work, sorted: None }
    }

    /// The plan that writes the runs, and its last stage.
    fn runs(&self, budget: &Budget) -> Result<(Plan, Arc<RunsStage>)> {
        let mut made = None;
        let plan = lower_loop(std::slice::from_ref(&self.arg), budget, |feed, registers| {
            let stage = Arc::new(RunsStage::fit(self.sorter, &feed, registers[0], budget));
            made = Some(stage.clone());
            stage
        })?;
        let stage = made.ok_or_else(|| Error::internal("no runs"))?;
        let kept = vec![stage.work.writes[0].product.id];
        Ok((Plan::new(plan.stages, kept), stage))
    }

    /// What stands for the node once `stage` has run, its blocks kept by `owner`.
    fn merged(&self, stage: &RunsStage, owner: Option<Arc<dyn Any + Send + Sync>>) -> Result<Expr> {
        let mut blocks = std::mem::take(&mut *stage.begins.lock().unwrap_or_else(PoisonError::into_inner));
        blocks.sort_unstable();
        let cuts = &stage.cuts;
        let lengths = (0..cuts.runs.count()).map(|run| cuts.runs.chunk(run).1).collect();
        let product = stage.work.writes[0].product.id;
        let runs = SortedRuns { product, lengths, block_items: cuts.piece, per_run: cuts.per_run(), blocks, owner };
        Node::new(Merge { sorter: self.sorter, runs: Arc::new(runs), chunks: self.node.chunks.clone() }.into())
    }
}

impl Procedure for ExternalSort {
    fn describe(&self) -> String {
        format!("sort {} {} in runs, each written and read once where memory is full", self.arg.shape[0], self.arg.dtype)
    }
    fn most(&self) -> Bound {
        let n = self.arg.shape[0];
        Bound {
            standing_bytes: n.div_ceil(self.work.run_piece_min).saturating_mul(RUN_BLOCK_BYTES),
            kept_bytes: n.saturating_mul(self.sorter.item_bytes() as u64),
            reads: 1,
        }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        let (runs, stage) = self.runs(budget)?;
        let merge = MergeStage::fit(self.sorter, &self.merged(&stage, None)?, budget)?;
        let merge = Plan::new(vec![StageNode { stage: Arc::new(merge), drive: Drive::Ranked(0) }], vec![]);
        Ok(if demand_bytes(&runs) >= demand_bytes(&merge) { runs } else { merge })
    }
    fn bound(&self, budget: &Budget) -> Result<Vec<Expr>> {
        Ok(vec![self.merged(&self.runs(budget)?.1, None)?])
    }
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        match self.sorted.take() {
            None => {
                let (plan, stage) = self.runs(budget)?;
                let owner = keeper.keep(stage.work.writes[0].product.id);
                self.sorted = Some((stage, owner));
                Ok(Step::Run(plan))
            }
            Some((stage, owner)) => Ok(Step::Done(vec![self.merged(&stage, Some(owner))?])),
        }
    }
}

/// Writes sorted runs, one a box.
struct RunsStage {
    work: Work,
    sorter: Sorter,
    cuts: Cuts,
    fused: Fused,
    /// Of the kernel, the values, and the items.
    layout: Layout<3>,
    /// Where each block that was written begins.
    begins: Mutex<Vec<RunBlock>>,
}

impl RunsStage {
    /// Runs as long as a share allows, in blocks so small that merging takes no more. Where those are too many to be merged, ones as long as
    /// all of the memory allows, one sorted after the other.
    fn fit(sorter: Sorter, feed: &Feed, reg: Reg, budget: &Budget) -> RunsStage {
        let (work, n, item) = (budget.work(), feed.shape[0], sorter.item_bytes() as u64);
        let of = |most: u64, together: bool| {
            let cuts = blocking::of_size(feed, most, work).remove(0);
            let cuts = if together { cuts.join(most / cuts.longest().max(1)) } else { cuts };
            let runs = cuts.split(most.max(1));
            // what a merge reads beside its own items, two blocks of each run, and their two copies: an eighth of a share
            let fair = budget.share_bytes() / 8 / 6 / item / (runs.count() + 1);
            let piece = fair.clamp(work.run_piece_min.max(1), runs.longest().max(1).max(work.run_piece_min));
            let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
            RunsStage::new(sorter, feed, fused, Cuts { runs, piece })
        };
        let longest = work.run_elements_max.min(n.max(1));
        let least = work.least_elements.min(longest).max(1);
        let lengths = || std::iter::successors(Some(longest), |most| Some(most / 2)).take_while(|&most| most >= least);
        let stage = blocking::first_within(lengths().map(|most| of(most, false)), |stage| stage.demand_bytes(), budget.share_bytes());
        // of the least blocks that are merged
        let merging = |stage: &RunsStage| {
            let out = AxisChunks::regular(n, work.least_elements);
            MergeStage::bytes(sorter, (stage.cuts.runs.count(), stage.cuts.piece), &out)
        };
        if merging(&stage) <= budget.memory_bytes {
            return stage;
        }
        let needs = |stage: &RunsStage| stage.demand_bytes().max(merging(stage));
        blocking::first_within(std::iter::once(stage).chain(lengths().map(|most| of(most, true))), needs, budget.memory_bytes)
    }

    fn new(sorter: Sorter, feed: &Feed, fused: Fused, cuts: Cuts) -> RunsStage {
        let boxes = Boxes::rows(vec![cuts.runs.clone()]);
        let (elements, item) = (boxes.longest_elements(), sorter.item_bytes() as u64);
        let values = elements.saturating_mul(sorter.dtype.size() as u64);
        let layout = Layout::new([fused.scratch_bytes() as u64, values, elements.saturating_mul(item)]);
        let reads = vec![Access::whole(feed.clone())];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let blocks = Blocks::Pieces { piece: cuts.piece, per_box: cuts.per_run(), item };
        let product = Product { id: new_product(), name: "runs".into(), blocks: boxes.len() * cuts.per_run() };
        let work = Work::new("sort runs", boxes, reads, vec![Writes { product, blocks }], scratch);
        RunsStage { work, sorter, cuts, fused, layout, begins: Mutex::default() }
    }
}

impl Tasks for RunsStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let (elements, item) = (task_box.shape[0] as usize, self.sorter.item_bytes());
        let Parts { reads, writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let [kernel, values, items] = self.layout.split(&mut rest);
        let values = &mut values[..elements * self.sorter.dtype.size()];
        let items = &mut items[..elements * item];
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        let mut out = [ViewMut::dense(&mut *values, self.sorter.dtype, &[elements])];
        self.fused.run(&task_box.start, &[elements], &views, &mut out, kernel);
        let first = task_box.start[0];
        self.sorter.items(values, |i| first + i as u64, items);
        self.sorter.sort(items);
        let blocks = items.chunks(self.cuts.piece as usize * item);
        let mut begins = Vec::with_capacity(writes.len());
        for (at, (items, block)) in blocks.zip(writes).enumerate() {
            block.copy_from_slice(items);
            begins.push(RunBlock { order: self.sorter.order(&items[..item]), run: n as u32, at: at as u32 });
        }
        self.begins.lock().unwrap_or_else(PoisonError::into_inner).extend(begins);
        Ok(())
    }
}

/// Where the merge of the blocks of a result begins or ends.
struct Bounds {
    /// For each block of the result, an order that the first item needed does not come before, or the last not after; `None`
    /// where all of the runs' items are.
    orders: Vec<Option<[u64; 4]>>,
    /// For each block of the result and each run in it, the number of a block of the run.
    blocks: Vec<u32>,
}

/// Merges runs, a task a block of the result. Which blocks of a run a task reads follows from their first items, in two lists that
/// ascend, not from the task's place: so it is no graph of places (`places.rs`), and `describe` and `readers` both ask `needed`.
pub struct MergeStage {
    sorter: Sorter,
    runs: Arc<SortedRuns>,
    grid: AxisChunks,
    products: [Product; 1],
    from: Bounds,
    to: Bounds,
    /// The items and as much again.
    layout: Layout<2>,
}

impl MergeStage {
    /// Blocks as large as a share allows: the smaller they are, the more of what is read belongs to others.
    fn fit(sorter: Sorter, node: &Expr, budget: &Budget) -> Result<MergeStage> {
        let crate::expr::Op::Merge(merge) = &node.op else { return Err(Error::internal("a merge of something else than runs")) };
        let runs = (merge.runs.lengths.len() as u64, merge.runs.block_items);
        let of = |most: u64| MergeStage::bytes(sorter, runs, &AxisChunks::regular(node.shape[0], most));
        let sizes = blocking::task_sizes(budget.work());
        let grid = blocking::first_within(sizes.map(|most| (most, of(most))), |(_, bytes)| *bytes, budget.share_bytes()).0;
        Ok(MergeStage::new(sorter, &merge.runs, AxisChunks::regular(node.shape[0], grid)))
    }

    /// Bytes that a task needs whose result is a block of `grid`, of so many runs in blocks of so many items.
    fn bytes(sorter: Sorter, (count, piece): (u64, u64), grid: &AxisChunks) -> u64 {
        let item = sorter.item_bytes() as u64;
        let items = merged_items(grid.longest(), piece, count).min(grid.len());
        let blocks = (items / piece.max(1)).saturating_add(count).saturating_add(1);
        let read = items.saturating_mul(item).saturating_add(blocks.saturating_mul(ROUNDING_BYTES));
        let scratch = rounded(layout(sorter, items).bytes());
        read.saturating_add(scratch).saturating_add(rounded(grid.longest().saturating_mul(sorter.out().size() as u64)))
    }

    fn new(sorter: Sorter, runs: &Arc<SortedRuns>, grid: AxisChunks) -> MergeStage {
        let items = merged_items(grid.longest(), runs.block_items, runs.lengths.len() as u64).min(grid.len());
        let product = Product { id: new_product(), name: "merge".into(), blocks: grid.count() };
        let (from, to) = bounds(runs, &grid);
        MergeStage { sorter, runs: runs.clone(), grid, products: [product], from, to, layout: layout(sorter, items) }
    }

    /// The blocks of run `run` that the `n`-th block of the result needs.
    fn needed(&self, n: u64, run: usize) -> std::ops::Range<u64> {
        let at = n as usize * self.runs.lengths.len() + run;
        self.from.blocks[at] as u64..self.to.blocks[at] as u64
    }

    fn key(&self, run: usize, at: u64) -> BlockKey {
        BlockKey { product: self.runs.product, block: run as u64 * self.runs.per_run + at }
    }
}

fn layout(sorter: Sorter, items: u64) -> Layout<2> {
    let bytes = items.saturating_mul(sorter.item_bytes() as u64);
    Layout::new([bytes, bytes])
}

/// For each block of `grid`, from which block to which each run is needed.
fn bounds(runs: &SortedRuns, grid: &AxisChunks) -> (Bounds, Bounds) {
    let count = runs.lengths.len();
    let room = || Bounds { orders: Vec::new(), blocks: vec![0; grid.count() as usize * count] };
    let (mut from, mut to) = (room(), room());
    if runs.blocks.is_empty() {
        return (from, to);
    }
    let length = |block: &RunBlock| runs.block_items.min(runs.lengths[block.run as usize] - block.at as u64 * runs.block_items);
    // of each run, the blocks passed, and all items but the first of the last of them
    let (mut passed, mut open) = (vec![0u32; count], vec![0u64; count]);
    let (mut most, mut all_open) = (0, 0);
    for at in 0..=runs.blocks.len() {
        let block = runs.blocks.get(at);
        // items before the first of this block: at most, and at least
        let least = most - all_open + block.map_or(all_open, |block| open[block.run as usize]);
        while to.orders.len() < grid.count() as usize {
            let n = to.orders.len();
            let (start, len) = grid.chunk(n as u64);
            if least < start + len {
                break;
            }
            to.orders.push(block.map(|block| block.order));
            to.blocks[n * count..][..count].copy_from_slice(&passed);
        }
        let Some(block) = block else { break };
        let after = most + length(block);
        // the last block before whose first item at most `start` items stand
        while from.orders.len() < grid.count() as usize {
            let n = from.orders.len();
            if after <= grid.chunk(n as u64).0 {
                break;
            }
            from.orders.push(Some(block.order));
            for run in 0..count {
                let own = run == block.run as usize;
                from.blocks[n * count + run] = if own { passed[run] } else { passed[run].saturating_sub(1) };
            }
        }
        most = after;
        let run = block.run as usize;
        passed[run] += 1;
        all_open = all_open - open[run] + (length(block) - 1);
        open[run] = length(block) - 1;
    }
    (from, to)
}

impl Stage for MergeStage {
    fn name(&self) -> &str {
        "merge"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.runs.product]
    }
    fn tasks(&self) -> u64 {
        self.grid.count()
    }
    fn demand_bytes(&self) -> u64 {
        MergeStage::bytes(self.sorter, (self.runs.lengths.len() as u64, self.runs.block_items), &self.grid)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        for run in 0..self.runs.lengths.len() {
            spec.reads.extend(self.needed(n, run).map(|at| self.key(run, at)));
        }
        let bytes = self.grid.chunk(n).1 * self.sorter.out().size() as u64;
        spec.writes.push(Write { key: BlockKey { product: self.products[0].id, block: n }, bytes, takes: None });
        spec.scratch_bytes = self.layout.bytes();
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        if product != self.runs.product {
            return 0;
        }
        let (run, at) = ((block / self.runs.per_run) as usize, block % self.runs.per_run);
        // both ends ascend
        let tasks = self.grid.count();
        let first = partition(tasks, |n| self.needed(n, run).end <= at);
        let end = partition(tasks, |n| self.needed(n, run).start <= at);
        end.saturating_sub(first)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let item = self.sorter.item_bytes();
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let mut rest = scratch;
        let [items, spare] = self.layout.split(&mut rest);
        let (from, to) = (self.from.orders[n as usize], self.to.orders[n as usize]);
        let mut reads = reads.into_iter();
        // items of blocks that stand before all that are read, or are left out of them
        let (mut before, mut filled) = (0, 0);
        let mut lengths = Vec::with_capacity(self.runs.lengths.len());
        for run in 0..self.runs.lengths.len() {
            let needed = self.needed(n, run);
            before += needed.start * self.runs.block_items;
            let start = filled;
            for read in reads.by_ref().take((needed.end - needed.start) as usize) {
                let skipped = from.map_or(0, |order| self.sorter.around(read, order).0);
                let end = to.map_or(read.len() / item, |order| self.sorter.around(read, order).1).max(skipped);
                before += skipped as u64;
                let part = &read[skipped * item..end * item];
                items[filled..filled + part.len()].copy_from_slice(part);
                filled += part.len();
            }
            lengths.push((filled - start) / item);
        }
        let items = &mut items[..filled];
        self.sorter.merge(items, &lengths, spare);
        let (start, len) = self.grid.chunk(n);
        let first = (start - before) as usize;
        self.sorter.write(&items[first * item..(first + len as usize) * item], writes[0]);
        Ok(())
    }
}

/// The first of `0..n` for which `before` is false, which it stays.
fn partition(n: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

impl Lower for Merge {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let stage = MergeStage::fit(self.sorter, node, lowering.budget)?;
        let made = Blocked { product: stage.products[0].id, grid: ChunkGrid { axes: vec![stage.grid.clone()] } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::DType;
    use flagstone_kernels::sort::Gives;

    /// Runs of these values, each sorted, in blocks of `piece`.
    fn runs_of(values: &[Vec<i64>], piece: u64) -> SortedRuns {
        let mut blocks = Vec::new();
        for (run, values) in values.iter().enumerate() {
            for (at, block) in values.chunks(piece as usize).enumerate() {
                blocks.push(RunBlock { order: [block[0] as u64, 0, 0, 0], run: run as u32, at: at as u32 });
            }
        }
        blocks.sort_unstable();
        let longest = values.iter().map(Vec::len).max().unwrap() as u64;
        let lengths = values.iter().map(|run| run.len() as u64).collect();
        SortedRuns { product: 1, lengths, block_items: piece, per_run: longest.div_ceil(piece), blocks, owner: None }
    }

    #[test]
    fn a_block_of_the_result_needs_few_blocks_and_those_hold_its_items() {
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for case in 0..400 {
            let (count, spread) = (1 + random(6), [1, 2, 10, 1000][case % 4]);
            let piece = 1 + random(5);
            let values: Vec<Vec<i64>> = (0..count)
                .map(|_| {
                    let mut run: Vec<i64> = (0..1 + random(30)).map(|_| random(spread) as i64).collect();
                    run.sort_unstable();
                    run
                })
                .collect();
            let runs = Arc::new(runs_of(&values, piece));
            let total: u64 = runs.lengths.iter().sum();
            let grid = AxisChunks::regular(total, 1 + random(12));
            let sorter = Sorter { dtype: DType::U64, gives: Gives::Values };
            let stage = MergeStage::new(sorter, &runs, grid.clone());
            let mut all: Vec<i64> = values.concat();
            all.sort_unstable();
            for n in 0..grid.count() {
                let (start, len) = grid.chunk(n);
                let (mut below, mut held) = (0, Vec::<i64>::new());
                for (run, values) in values.iter().enumerate() {
                    let needed = stage.needed(n, run);
                    let first = (needed.start * piece) as usize;
                    below += first;
                    held.extend(&values[first..values.len().min((needed.end * piece) as usize)]);
                }
                assert!(held.len() as u64 <= merged_items(len, piece, count), "{values:?} by {piece}: block {n} reads {}", held.len());
                held.sort_unstable();
                let from = start as usize - below;
                assert_eq!(
                    held[from..from + len as usize],
                    all[start as usize..(start + len) as usize],
                    "{values:?} by {piece}: block {n}"
                );
            }
        }
    }
}
