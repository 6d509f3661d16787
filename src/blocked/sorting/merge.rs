//! Sorted runs become one sequence: a task a block of the result merges the blocks of the runs that can hold its items.

use super::bounds::{Bounds, bounds, merged_items, partition};
use crate::blocked::blocking;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::need::ROUNDING_BYTES;
use crate::blocked::work::Layout;
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::ops::{Merge, RunBlock, SortedRuns};
use crate::expr::{Expr, Op};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use crate::sizes::WorkSizes;
use flagstone_kernels::sort::Sorter;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs that become one sequence of items, one after the other in the order of their numbers.
pub(super) struct Group {
    /// Which.
    runs: Range<usize>,
    /// What its tasks write.
    pub grid: AxisChunks,
    /// The number of its first task.
    first: u64,
    from: Bounds,
    to: Bounds,
    /// The items and as much again.
    layout: Layout<2>,
}

impl Group {
    /// The blocks of the `run`-th run of the group that its `n`-th task needs.
    fn needed(&self, n: u64, run: usize) -> Range<u64> {
        let at = n as usize * self.runs.len() + run;
        self.from.blocks[at] as u64..self.to.blocks[at] as u64
    }
}

/// What makes longer runs of runs knows of them, beside their items.
pub(super) struct Longer {
    /// Numbers of blocks that a run has.
    pub per_run: u64,
    /// Where each block that was written begins.
    pub begins: Mutex<Vec<RunBlock>>,
}

/// Merges runs, a task a block of the result, or each group of them into a longer run. Which blocks of a run a task reads follows from
/// their first items, in two lists that ascend, not from the task's place: so it is no graph of places (`places.rs`), and `describe`
/// and `readers` both ask `needed`.
pub(super) struct MergeStage {
    sorter: Sorter,
    pub runs: Arc<SortedRuns>,
    pub groups: Vec<Group>,
    pub products: [Product; 1],
    /// Where the result is runs.
    pub longer: Option<Longer>,
}

impl MergeStage {
    /// Blocks as large as a share allows: the smaller they are, the more of what is read belongs to others.
    pub fn fit(sorter: Sorter, node: &Expr, budget: &Budget) -> Result<MergeStage> {
        let Op::Merge(merge) = &node.op else { return Err(Error::internal("a merge of something else than runs")) };
        let (runs, out) = ((merge.runs.lengths.len() as u64, merge.runs.block_items), sorter.out().size() as u64);
        let of = |most: u64| MergeStage::bytes(sorter, runs, (&AxisChunks::regular(node.shape[0], most), out));
        let sizes = blocking::task_sizes(budget.work());
        let grid = blocking::first_within(sizes.map(|most| (most, of(most))), |(_, bytes)| *bytes, budget.share_bytes()).0;
        Ok(MergeStage::new(sorter, &merge.runs, AxisChunks::regular(node.shape[0], grid)))
    }

    /// Bytes that a task needs whose result is a block of `grid`, of items of so many bytes, of so many runs in blocks of so many items.
    fn bytes(sorter: Sorter, (count, piece): (u64, u64), (grid, out): (&AxisChunks, u64)) -> u64 {
        let item = sorter.item_bytes() as u64;
        let items = merged_items(grid.longest(), piece, count).min(grid.len());
        let blocks = (items / piece.max(1)).saturating_add(count).saturating_add(1);
        let read = items.saturating_mul(item).saturating_add(blocks.saturating_mul(ROUNDING_BYTES));
        let scratch = rounded(layout(sorter, items).bytes());
        read.saturating_add(scratch).saturating_add(rounded(grid.longest().saturating_mul(out)))
    }

    fn new(sorter: Sorter, runs: &Arc<SortedRuns>, grid: AxisChunks) -> MergeStage {
        let group = Group::new(sorter, runs, 0..runs.lengths.len(), 0, grid);
        MergeStage::of(sorter, runs.clone(), "merge", vec![group], None)
    }

    fn of(sorter: Sorter, runs: Arc<SortedRuns>, name: &str, groups: Vec<Group>, longer: Option<Longer>) -> MergeStage {
        let blocks = match &longer {
            Some(longer) => longer.per_run * groups.len() as u64,
            None => groups.iter().map(|group| group.grid.count()).sum(),
        };
        let products = [Product::new(name, blocks)];
        MergeStage { sorter, runs, groups, products, longer }
    }

    /// Makes a longer run of each `together` of `runs`. Its tasks write as much as a share allows, whole blocks of the run.
    pub fn longer(sorter: Sorter, mut runs: SortedRuns, together: u64, budget: &Budget) -> MergeStage {
        let (count, piece) = (runs.lengths.len(), runs.block_items);
        let ranges: Vec<Range<usize>> =
            (0..count).step_by(together as usize).map(|start| start..count.min(start + together as usize)).collect();
        let items = |range: &Range<usize>| runs.lengths[range.clone()].iter().sum::<u64>();
        let longest = ranges.iter().map(items).max().unwrap_or(0);
        let sizes = blocking::task_sizes(budget.work()).map(|most| most.next_multiple_of(piece));
        let of = |out: u64| (out, MergeStage::longer_bytes(sorter, (together, piece), &AxisChunks::regular(longest, out)));
        let out = blocking::first_within(sizes.map(of), |(_, bytes)| *bytes, budget.share_bytes()).0;
        let mut first = 0;
        let groups = ranges.into_iter().map(|range| {
            let grid = AxisChunks::regular(items(&range), out);
            let group = Group::new(sorter, &runs, range, first, grid);
            first += group.grid.count();
            group
        });
        let groups = groups.collect();
        // where they begin is known to the groups by now
        runs.blocks = Vec::new();
        let longer = Longer { per_run: longest.div_ceil(piece).max(1), begins: Mutex::default() };
        MergeStage::of(sorter, Arc::new(runs), "merge runs", groups, Some(longer))
    }

    /// [`MergeStage::bytes`] of a task that writes blocks of a run.
    fn longer_bytes(sorter: Sorter, (count, piece): (u64, u64), grid: &AxisChunks) -> u64 {
        let written = (grid.longest() / piece.max(1) + 1).saturating_mul(ROUNDING_BYTES);
        MergeStage::bytes(sorter, (count, piece), (grid, sorter.item_bytes() as u64)).saturating_add(written)
    }

    /// How many of `count` runs all of the memory has room for at once to make a longer run of; two where it has not even that.
    pub fn runs_max(sorter: Sorter, piece: u64, count: u64, budget: &Budget) -> u64 {
        let grid = AxisChunks::regular(u64::MAX, budget.work().least_elements.next_multiple_of(piece));
        let fits = |runs: u64| MergeStage::longer_bytes(sorter, (runs, piece), &grid) <= budget.memory_bytes;
        partition(count, |runs| fits(runs + 1)).max(2)
    }

    /// The group of task `n`, and its number in it.
    fn task(&self, n: u64) -> (&Group, u64) {
        let group = &self.groups[partition(self.groups.len() as u64, |at| self.groups[at as usize].first <= n) as usize - 1];
        (group, n - group.first)
    }

    fn key(&self, run: usize, at: u64) -> BlockKey {
        BlockKey { product: self.runs.product, block: run as u64 * self.runs.per_run + at }
    }

    /// The blocks of a longer run that a task writes: the number of the first, and the items of each.
    fn written(&self, group: &Group, longer: &Longer, n: u64) -> (u64, impl Iterator<Item = u64> + use<>) {
        let ((start, len), piece) = (group.grid.chunk(n), self.runs.block_items);
        let run = partition(self.groups.len() as u64, |at| self.groups[at as usize].first < group.first);
        (run * longer.per_run + start / piece, (0..len.div_ceil(piece)).map(move |at| piece.min(len - at * piece)))
    }
}

impl Group {
    fn new(sorter: Sorter, runs: &SortedRuns, of: Range<usize>, first: u64, grid: AxisChunks) -> Group {
        let mine = |block: &&RunBlock| of.contains(&(block.run as usize));
        let blocks: Vec<RunBlock> =
            runs.blocks.iter().filter(mine).map(|block| RunBlock { run: block.run - of.start as u32, ..*block }).collect();
        let (from, to) = bounds(&runs.lengths[of.clone()], runs.block_items, &blocks, &grid);
        let items = merged_items(grid.longest(), runs.block_items, of.len() as u64).min(grid.len());
        Group { runs: of, grid, first, from, to, layout: layout(sorter, items) }
    }
}

fn layout(sorter: Sorter, items: u64) -> Layout<2> {
    let bytes = items.saturating_mul(sorter.item_bytes() as u64);
    Layout::new([bytes, bytes])
}

/// Bytes that a task needs which merges so many runs, in blocks of so many items, to the least block of `n` items.
pub(super) fn merging_bytes(sorter: Sorter, runs: (u64, u64), n: u64, work: &WorkSizes) -> u64 {
    MergeStage::bytes(sorter, runs, (&AxisChunks::regular(n, work.least_elements), sorter.out().size() as u64))
}

impl Stage for MergeStage {
    fn name(&self) -> &str {
        &self.products[0].name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.runs.product]
    }
    fn tasks(&self) -> u64 {
        self.groups.iter().map(|group| group.grid.count()).sum()
    }
    fn demand_bytes(&self) -> u64 {
        let of = |group: &Group| {
            let runs = (group.runs.len() as u64, self.runs.block_items);
            match &self.longer {
                Some(_) => MergeStage::longer_bytes(self.sorter, runs, &group.grid),
                None => MergeStage::bytes(self.sorter, runs, (&group.grid, self.sorter.out().size() as u64)),
            }
        };
        self.groups.iter().map(of).max().unwrap_or(0)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (group, n) = self.task(n);
        for run in 0..group.runs.len() {
            spec.reads.extend(group.needed(n, run).map(|at| self.key(group.runs.start + run, at)));
        }
        let product = self.products[0].id;
        let write = |block: u64, bytes: u64| Write { key: BlockKey { product, block }, bytes, takes: None };
        match &self.longer {
            Some(longer) => {
                let (first, items) = self.written(group, longer, n);
                let item = self.sorter.item_bytes() as u64;
                spec.writes.extend(items.enumerate().map(|(at, items)| write(first + at as u64, items * item)));
            }
            None => spec.writes.push(write(n, group.grid.chunk(n).1 * self.sorter.out().size() as u64)),
        }
        spec.scratch_bytes = group.layout.bytes();
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        if product != self.runs.product {
            return 0;
        }
        let (run, at) = ((block / self.runs.per_run) as usize, block % self.runs.per_run);
        let group = &self.groups[partition(self.groups.len() as u64, |group| self.groups[group as usize].runs.end <= run) as usize];
        let run = run - group.runs.start;
        // both ends ascend
        let tasks = group.grid.count();
        let first = partition(tasks, |n| group.needed(n, run).end <= at);
        let end = partition(tasks, |n| group.needed(n, run).start <= at);
        end.saturating_sub(first)
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        let Some(longer) = &self.longer else { return block };
        let group = &self.groups[(block / longer.per_run) as usize];
        group.first + group.grid.find(block % longer.per_run * self.runs.block_items)
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let item = self.sorter.item_bytes();
        let (group, n) = self.task(n);
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let mut rest = scratch;
        let [items, spare] = group.layout.split(&mut rest);
        let (from, to) = (group.from.orders[n as usize], group.to.orders[n as usize]);
        let mut reads = reads.into_iter();
        // items of blocks that stand before all that are read, or are left out of them
        let (mut before, mut filled) = (0, 0);
        let mut lengths = Vec::with_capacity(group.runs.len());
        for run in 0..group.runs.len() {
            let needed = group.needed(n, run);
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
        let (start, len) = group.grid.chunk(n);
        let first = (start - before) as usize;
        let items = &items[first * item..(first + len as usize) * item];
        let Some(longer) = &self.longer else {
            self.sorter.write(items, writes[0]);
            return Ok(());
        };
        let (block, _) = self.written(group, longer, n);
        let (run, at) = ((block / longer.per_run) as u32, (block % longer.per_run) as u32);
        let mut begins = Vec::with_capacity(writes.len());
        for (next, (items, write)) in items.chunks(self.runs.block_items as usize * item).zip(writes).enumerate() {
            write.copy_from_slice(items);
            begins.push(RunBlock { order: self.sorter.order(&items[..item]), run, at: at + next as u32 });
        }
        longer.begins.lock().unwrap_or_else(PoisonError::into_inner).extend(begins);
        Ok(())
    }
}

impl Lower for Merge {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let stage = MergeStage::fit(self.sorter, node, lowering.budget)?;
        let made = Blocked { product: stage.products[0].id, grid: ChunkGrid { axes: vec![stage.groups[0].grid.clone()] } };
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
    fn what_reads_a_block_of_a_longer_run_is_counted_and_what_writes_it_found() {
        let values: Vec<Vec<i64>> = (0..7).map(|run| (0..5 + 3 * run).map(|i| (i * 7 + run) % 11).collect()).collect();
        let sorted = |mut run: Vec<i64>| {
            run.sort_unstable();
            run
        };
        let runs = runs_of(&values.into_iter().map(sorted).collect::<Vec<_>>(), 3);
        let mut sizes = crate::sizes::Sizes::tiny();
        (sizes.work.task_elements, sizes.work.least_elements) = (6, 3);
        let budget = Budget { memory_bytes: 1 << 20, threads: 1, sizes };
        let lengths = runs.lengths.clone();
        let stage = MergeStage::longer(Sorter { dtype: DType::U64, gives: Gives::Values }, runs, 3, &budget);
        assert_eq!(stage.groups.iter().map(|group| group.runs.clone()).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        let (mut read, mut written) = (std::collections::HashMap::new(), Vec::new());
        for n in 0..stage.tasks() {
            let mut spec = TaskSpec::default();
            stage.describe(n, &mut spec);
            spec.reads.iter().for_each(|key| *read.entry(*key).or_insert(0) += 1);
            for write in &spec.writes {
                assert_eq!(stage.producer(write.key.product, write.key.block), n);
                written.push((write.key.block, write.bytes / 8));
            }
        }
        for (run, len) in lengths.iter().enumerate() {
            for at in 0..len.div_ceil(3) {
                let key = stage.key(run, at);
                assert_eq!(read.get(&key).copied().unwrap_or(0), stage.readers(key.product, key.block), "run {run}, block {at}");
                assert!(read[&key] > 0, "run {run}, block {at}");
            }
        }
        let per_run = stage.longer.as_ref().unwrap().per_run;
        for (group, of) in stage.groups.iter().enumerate() {
            let items = |block: &&(u64, u64)| block.0 / per_run == group as u64;
            let lens: Vec<u64> = written.iter().filter(items).map(|block| block.1).collect();
            assert_eq!(lens.iter().sum::<u64>(), lengths[of.runs.clone()].iter().sum::<u64>(), "run {group}");
            assert!(lens[..lens.len() - 1].iter().all(|&n| n == 3), "all but the last are full: {lens:?}");
        }
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
                    let needed = stage.groups[0].needed(n, run);
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
