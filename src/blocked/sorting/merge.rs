//! A lane longer than a task, sorted: boxes become sorted runs, written in small blocks whose first items are kept; then each
//! block of the result is merged by one task from the blocks of the runs that can hold its items.
//!
//! Which those are follows from the first items alone. Blocks are ordered by first item, then run: so ties cannot pile up. Before
//! the first item of the i-th block stand at most all items of the i blocks before it, and at least those less nearly one
//! block of every run. A result of `out` items therefore never needs more than `out` and two blocks a run ([`merged_items`]),
//! whatever the values. The idea is the merge by quantiles of Varman et al. (1991), without reading for the splitters.
//!
//! How many runs can be merged at once follows from the limit. Where there are more, groups of them become longer runs first, as often as
//! it takes: what is read for that goes with its last reader. Items are never equal unless nothing tells them apart, so that neither
//! how runs are cut nor how they are grouped shows in the result.

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
use std::ops::Range;
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

/// The items of a run, or of a result, in blocks that a stage has written, and what keeps them.
type Owner = Arc<dyn Any + Send + Sync>;

/// A long lane on its way.
pub struct ExternalSort {
    node: Expr,
    sorter: Sorter,
    arg: Expr,
    work: WorkSizes,
    /// What has run, and what keeps its blocks.
    sorted: Option<(Sorted, Owner)>,
}

/// A stage that has written sorted runs.
enum Sorted {
    First(Arc<RunsStage>),
    Again(Arc<MergeStage>),
}

impl Sorted {
    /// What was written, kept by `owner`. To be asked once: it hands on where blocks begin.
    fn runs(&self, owner: Option<Owner>) -> Result<SortedRuns> {
        let begins = |begins: &Mutex<Vec<RunBlock>>| {
            let mut blocks = std::mem::take(&mut *begins.lock().unwrap_or_else(PoisonError::into_inner));
            blocks.sort_unstable();
            blocks
        };
        Ok(match self {
            Sorted::First(stage) => {
                let Cuts { runs, piece } = &stage.cuts;
                let lengths = (0..runs.count()).map(|run| runs.chunk(run).1).collect();
                let (product, blocks) = (stage.work.writes[0].product.id, begins(&stage.begins));
                SortedRuns { product, lengths, block_items: *piece, per_run: stage.cuts.per_run(), blocks, owner }
            }
            Sorted::Again(stage) => {
                let longer = stage.longer.as_ref().ok_or_else(|| Error::internal("a merge that wrote no runs"))?;
                let lengths = stage.groups.iter().map(|group| group.grid.len()).collect();
                let (product, block_items) = (stage.products[0].id, stage.runs.block_items);
                SortedRuns { product, lengths, block_items, per_run: longer.per_run, blocks: begins(&longer.begins), owner }
            }
        })
    }
}

impl ExternalSort {
    /// Of `node`, which sorts the one axis of `arg`.
    pub fn new(node: &Expr, sorter: Sorter, arg: &Expr, work: &WorkSizes) -> ExternalSort {
        ExternalSort { node: node.clone(), sorter, arg: arg.clone(), work: *work, sorted: None }
    }

    /// The plan that writes the runs, and its last stage.
    fn runs(&self, budget: &Budget) -> Result<(Plan, Sorted)> {
        let mut made = None;
        let plan = lower_loop(std::slice::from_ref(&self.arg), budget, |feed, registers| {
            let stage = Arc::new(RunsStage::fit(self.sorter, &feed, registers[0], budget));
            made = Some(stage.clone());
            stage
        })?;
        let stage = made.ok_or_else(|| Error::internal("no runs"))?;
        let kept = vec![stage.work.writes[0].product.id];
        Ok((Plan::new(plan.stages, kept), Sorted::First(stage)))
    }

    /// The plan that makes longer runs of `runs`, and its stage; or these, where there are so few that they can be merged at once.
    fn longer(&self, runs: SortedRuns, budget: &Budget) -> std::result::Result<(Plan, Sorted), SortedRuns> {
        let (count, piece) = (runs.lengths.len() as u64, runs.block_items);
        // two are the least that are merged
        if count <= 2 || merging_bytes(self.sorter, (count, piece), self.arg.shape[0], &self.work) <= budget.memory_bytes {
            return Err(runs);
        }
        let together = together(count, MergeStage::runs_max(self.sorter, piece, count, budget));
        let (read, stage) = (runs.product, Arc::new(MergeStage::longer(self.sorter, runs, together, budget)));
        let node = StageNode { stage: stage.clone(), drive: Drive::Ranked(0) };
        Ok((Plan::new(vec![node], vec![stage.products[0].id]).with_last_reads(vec![read]), Sorted::Again(stage)))
    }

    /// The most demanding of the plans that write runs, and what those are that are left to merge.
    fn all_runs(&self, budget: &Budget) -> Result<(Plan, SortedRuns)> {
        let (mut most, made) = self.runs(budget)?;
        let mut runs = made.runs(None)?;
        loop {
            let (plan, made) = match self.longer(runs, budget) {
                Ok(longer) => longer,
                Err(runs) => return Ok((most, runs)),
            };
            runs = made.runs(None)?;
            if demand_bytes(&plan) > demand_bytes(&most) {
                most = plan;
            }
        }
    }

    /// What stands for the node: all of `runs` in order.
    fn merged(&self, runs: SortedRuns) -> Result<Expr> {
        Node::new(Merge { sorter: self.sorter, runs: Arc::new(runs), chunks: self.node.chunks.clone() }.into())
    }
}

/// Bytes that a task needs which merges so many runs, in blocks of so many items, to the least block of `n` items.
fn merging_bytes(sorter: Sorter, runs: (u64, u64), n: u64, work: &WorkSizes) -> u64 {
    MergeStage::bytes(sorter, runs, (&AxisChunks::regular(n, work.least_elements), sorter.out().size() as u64))
}

/// How many of `runs` runs become one, so that there is one in the end after as few rounds as if it were `most`.
fn together(runs: u64, most: u64) -> u64 {
    let rounds = (1..u64::BITS).find(|&rounds| most.saturating_pow(rounds) >= runs).unwrap_or(u64::BITS);
    partition(most, |count| count < 2 || count.saturating_pow(rounds) < runs)
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
        let (making, runs) = self.all_runs(budget)?;
        let merge = MergeStage::fit(self.sorter, &self.merged(runs)?, budget)?;
        let merge = Plan::new(vec![StageNode { stage: Arc::new(merge), drive: Drive::Ranked(0) }], vec![]);
        Ok(if demand_bytes(&making) >= demand_bytes(&merge) { making } else { merge })
    }
    fn bound(&self, budget: &Budget) -> Result<Vec<Expr>> {
        Ok(vec![self.merged(self.all_runs(budget)?.1)?])
    }
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        let (plan, made) = match self.sorted.take() {
            None => self.runs(budget)?,
            Some((made, owner)) => match self.longer(made.runs(Some(owner))?, budget) {
                Ok(longer) => longer,
                Err(runs) => return Ok(Step::Done(vec![self.merged(runs)?])),
            },
        };
        let owner = keeper.keep(plan.kept[0]);
        self.sorted = Some((made, owner));
        Ok(Step::Run(plan))
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
    /// Runs as long as a share allows, in blocks so small that merging takes no more. Where those are too many to be merged at once, ones as
    /// long as all of the memory allows, one sorted after the other, if those can be: that is no more to read and write.
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
        let fits = |stage: &RunsStage| {
            merging_bytes(sorter, (stage.cuts.runs.count(), stage.cuts.piece), n, work).max(stage.demand_bytes()) <= budget.memory_bytes
        };
        if fits(&stage) {
            return stage;
        }
        lengths().map(|most| of(most, true)).find(fits).unwrap_or(stage)
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

/// Runs that become one sequence of items, one after the other in the order of their numbers.
struct Group {
    /// Which.
    runs: Range<usize>,
    /// What its tasks write.
    grid: AxisChunks,
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
struct Longer {
    /// Numbers of blocks that a run has.
    per_run: u64,
    /// Where each block that was written begins.
    begins: Mutex<Vec<RunBlock>>,
}

/// Merges runs, a task a block of the result, or each group of them into a longer run. Which blocks of a run a task reads follows from
/// their first items, in two lists that ascend, not from the task's place: so it is no graph of places (`places.rs`), and `describe`
/// and `readers` both ask `needed`.
pub struct MergeStage {
    sorter: Sorter,
    runs: Arc<SortedRuns>,
    groups: Vec<Group>,
    products: [Product; 1],
    /// Where the result is runs.
    longer: Option<Longer>,
}

impl MergeStage {
    /// Blocks as large as a share allows: the smaller they are, the more of what is read belongs to others.
    fn fit(sorter: Sorter, node: &Expr, budget: &Budget) -> Result<MergeStage> {
        let crate::expr::Op::Merge(merge) = &node.op else { return Err(Error::internal("a merge of something else than runs")) };
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
        let products = [Product { id: new_product(), name: name.into(), blocks }];
        MergeStage { sorter, runs, groups, products, longer }
    }

    /// Makes a longer run of each `together` of `runs`. Its tasks write as much as a share allows, whole blocks of the run.
    fn longer(sorter: Sorter, mut runs: SortedRuns, together: u64, budget: &Budget) -> MergeStage {
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
    fn runs_max(sorter: Sorter, piece: u64, count: u64, budget: &Budget) -> u64 {
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

/// For each block of `grid`, from which block to which each run is needed, of runs of such lengths in `blocks` of so many items.
fn bounds(lengths: &[u64], block_items: u64, blocks: &[RunBlock], grid: &AxisChunks) -> (Bounds, Bounds) {
    let count = lengths.len();
    let room = || Bounds { orders: Vec::new(), blocks: vec![0; grid.count() as usize * count] };
    let (mut from, mut to) = (room(), room());
    if blocks.is_empty() {
        return (from, to);
    }
    let length = |block: &RunBlock| block_items.min(lengths[block.run as usize] - block.at as u64 * block_items);
    // of each run, the blocks passed, and all items but the first of the last of them
    let (mut passed, mut open) = (vec![0u32; count], vec![0u64; count]);
    let (mut most, mut all_open) = (0, 0);
    for at in 0..=blocks.len() {
        let block = blocks.get(at);
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
    fn as_few_rounds_make_one_run_of_groups_that_are_no_larger_than_that_needs() {
        for runs in 3..300 {
            for most in 2..40 {
                let rounds = |group: u64| {
                    let (mut left, mut rounds) = (runs, 0);
                    while left > 1 {
                        left = u64::div_ceil(left, group);
                        rounds += 1;
                    }
                    rounds
                };
                let group = together(runs, most);
                assert!((2..=most).contains(&group), "{runs} runs by {most} at most: {group}");
                assert_eq!(rounds(group), rounds(most), "{runs} runs by {most} at most: {group}");
                assert!(group == 2 || rounds(group - 1) > rounds(most), "{runs} runs by {most} at most: {group}");
            }
        }
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
