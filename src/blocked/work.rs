//! What the tasks of a loop read, write and need, said once: how the loop is cut into boxes, the affine access to each
//! thing that is read, which blocks a box writes. Descriptions, readers, producers and the bound on memory follow.

use super::boxes::Boxes;
use super::feed::{Feed, carve, carved_bytes};
use super::need::{Around, ROUNDING_BYTES, Windows, most_met};
use super::task_box::TaskBox;
use crate::error::Result;
use crate::events::Counters;
use crate::expr::Follow;
use crate::grid::{AxisChunks, BlockId, ChunkGrid, ravel, unravel};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::reduce::Reduction;
use flagstone_kernels::scan::Scan;
use flagstone_kernels::view::ViewMut;
use std::ops::Range;
use std::sync::Arc;

/// Stages whose tasks are boxes of a loop.
pub trait Tasks: Send + Sync {
    /// What they read, write and need.
    fn work(&self) -> &Work;
    /// As [`Stage::flops`], of a box of `shape`.
    fn flops(&self, shape: &[u64]) -> u64 {
        let _ = shape;
        0
    }
    /// Runs task `n`, the box `task_box`.
    ///
    /// # Errors
    /// As [`Stage::run`].
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()>;
}

/// The tasks of a loop.
pub struct Work {
    /// For plans.
    pub name: String,
    /// How the loop is cut: a task a box.
    pub boxes: Boxes,
    /// Only these boxes have a task: their C-order numbers, ascending.
    pub chosen: Option<Arc<[u64]>>,
    /// What is read.
    pub reads: Vec<Access>,
    /// For each of `reads` that sees more than the places of its box: how far it sees along each axis of its feed.
    around: Vec<Vec<Around>>,
    /// What each box writes.
    pub writes: Vec<Writes>,
    /// The products of `writes`, then that of what is handed on.
    products: Vec<Product>,
    chain: Option<Chain>,
    /// Scratch of a task at most.
    pub scratch_bytes: u64,
    /// Bytes that all tasks together write to stores.
    pub stored_bytes: u64,
}

/// A buffer that tasks along axes hand on: each but the first takes what the one before it wrote, and writes on.
struct Chain {
    /// What is handed on: block n is what task n wrote.
    writes: Writes,
    /// Along these, in C order.
    axes: Range<usize>,
    /// Whether the last task's buffer is its block of [`Work::writes`] (a sum that is done then); else it only reads what it
    /// is handed.
    is_result: bool,
}

/// What a loop reads through a feed, whose axis i is the loop's axis `axes[i]`.
pub struct Access {
    pub feed: Feed,
    pub axes: Vec<usize>,
}

/// The blocks that a box writes.
pub struct Writes {
    pub product: Product,
    pub blocks: Blocks,
}

/// How boxes and blocks belong together, and how large blocks are.
#[derive(Clone)]
pub enum Blocks {
    /// A box writes all blocks of `grid` inside of it. Where the loop is a part of a concatenation: index of its first block
    /// along each axis, and the grid of the whole.
    Grid { grid: ChunkGrid, item: u64, inside: Option<(Vec<u64>, ChunkGrid)> },
    /// A block a box, of so many bytes an element of these axes.
    Elements { axes: Vec<usize>, item: u64 },
    /// A block a box: the n-th is the n-th of this grid, whatever the shape of the box.
    Called { grid: ChunkGrid, item: u64 },
    /// A block a box: the n-th is as long as the n-th of these.
    Listed { lengths: AxisChunks, item: u64 },
    /// A box writes its elements, in an order of its own, in pieces: `per_box` numbers, of which the last may not be used.
    Pieces { piece: u64, per_box: u64, item: u64 },
    /// A block a box: a partial over the kept places, or their results.
    Partial { reduction: Reduction, reduced: Vec<bool>, complete: bool },
    /// A block a box: the state of running totals over the places of all axes but one.
    Carry { scan: Scan, axis: usize },
}

/// Scratch in parts, each for one use: what a description counts and a run takes apart.
#[derive(Clone, Copy, Debug)]
pub struct Layout<const N: usize>([u64; N]);

impl<const N: usize> Layout<N> {
    /// Parts of so many bytes.
    pub fn new(parts: [u64; N]) -> Layout<N> {
        Layout(parts)
    }

    /// Bytes of all parts together.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|&bytes| carved_bytes(bytes)).fold(0, u64::saturating_add)
    }

    /// The parts, off the front of `scratch`, which keeps what is left.
    pub fn split<'a>(&self, scratch: &mut &'a mut [u8]) -> [&'a mut [u8]; N] {
        self.0.map(|bytes| carve(scratch, bytes))
    }
}

/// A task's memory where a state is handed on.
pub struct HandedOn<'a> {
    /// The blocks that it reads through its feeds.
    pub reads: Vec<&'a [u8]>,
    /// The blocks that it writes.
    pub writes: Vec<&'a mut [u8]>,
    /// As described.
    pub scratch: &'a mut [u8],
    /// Counts what stores move.
    pub counters: &'a Counters,
    before: Option<&'a [u8]>,
    state: Option<&'a mut [u8]>,
    taken: bool,
}

impl HandedOn<'_> {
    /// What the task before it wrote; `None` for the first one.
    pub fn before(&self) -> Option<&[u8]> {
        match &self.state {
            Some(state) if self.taken => Some(state),
            _ => self.before,
        }
    }

    /// What the next task will find; `None` for the last one.
    pub fn after(&mut self) -> Option<&mut [u8]> {
        self.state.as_deref_mut()
    }
}

/// What a task evaluates its arguments with, one after the other.
pub struct Evaluating<'a> {
    /// The blocks that are read, in the order of the arguments.
    pub reads: &'a [&'a [u8]],
    /// For the programs.
    pub kernel: &'a mut [u8],
    /// For loading.
    pub scratch: &'a mut [u8],
    /// Counts what stores move.
    pub counters: &'a Counters,
}

impl Evaluating<'_> {
    /// The values of the next argument in the box `task_box` at the front of `held`, dense, and their shape.
    ///
    /// # Errors
    /// What stores refuse.
    pub fn values<'h>(&mut self, access: &Access, fused: &Fused, task_box: &TaskBox, held: &'h mut [u8]) -> Result<(&'h [u8], Vec<usize>)> {
        let (start, shape) = access.part(task_box);
        let mut spec = TaskSpec::default();
        access.feed.describe(&start, &shape, &mut spec);
        let (own, others) = self.reads.split_at(spec.reads.len());
        self.reads = others;
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let views = access.feed.load((&start, &shape), &start, &shape, own, &mut &mut self.scratch[..], self.counters)?;
        let dtype = fused.program.dtype(fused.outputs[0]);
        let held = &mut held[..local.iter().product::<usize>() * dtype.size()];
        fused.run(&start, &local, &views, &mut [ViewMut::dense(&mut *held, dtype, &local)], self.kernel);
        Ok((held, local))
    }
}

impl Access {
    /// A feed over the loop's own axes.
    pub fn whole(feed: Feed) -> Access {
        Access { axes: (0..feed.shape.len()).collect(), feed }
    }

    fn cuts(&self, boxes: &Boxes) -> Vec<AxisChunks> {
        self.axes.iter().map(|&axis| boxes.cuts[axis].clone()).collect()
    }

    /// Start and shape of a box along the feed's axes.
    pub fn part(&self, task_box: &TaskBox) -> (Vec<u64>, Vec<u64>) {
        self.axes.iter().map(|&axis| (task_box.start[axis], task_box.shape[axis])).unzip()
    }
}

impl Blocks {
    /// Bytes of the block that a box of `shape`, the `n`-th task, writes.
    fn bytes(&self, n: u64, shape: &[u64]) -> u64 {
        match self {
            Blocks::Grid { .. } | Blocks::Pieces { .. } => unreachable!("a box writes several"),
            Blocks::Elements { axes, item } => axes.iter().fold(*item, |bytes, &axis| bytes.saturating_mul(shape[axis])),
            Blocks::Called { grid, item } => grid.block(n).1.iter().product::<u64>() * item,
            Blocks::Listed { lengths, item } => lengths.chunk(n).1 * item,
            Blocks::Carry { scan, axis } => {
                let kept = shape.iter().enumerate().filter(|(at, _)| at != axis).fold(1u64, |n, (_, &len)| n.saturating_mul(len));
                scan.carry_bytes(kept as usize) as u64
            }
            Blocks::Partial { reduction, reduced, complete } => {
                let kept = shape.iter().zip(reduced).filter(|(_, reduced)| !**reduced).fold(1u64, |n, (&len, _)| n.saturating_mul(len));
                if *complete { kept.saturating_mul(reduction.out.size() as u64) } else { reduction.partial_bytes(kept as usize) as u64 }
            }
        }
    }

    /// Bytes that a box writes at most.
    fn bytes_most(&self, boxes: &Boxes) -> u64 {
        match self {
            Blocks::Grid { grid, item, .. } => {
                let along = Follow { start: 0, step: 1, axis: Some(0) };
                let met = grid.axes.iter().zip(&boxes.cuts).map(|(chunks, cuts)| most_met(chunks, &along, &Windows::whole(cuts)).chunks);
                let blocks = met.fold(1, u64::saturating_mul);
                let block = rounded(grid.largest_elements().saturating_mul(*item));
                let apart = boxes.longest_elements().saturating_mul(*item).saturating_add(blocks.saturating_mul(ROUNDING_BYTES));
                blocks.saturating_mul(block).min(apart)
            }
            Blocks::Called { grid, item } => rounded(grid.largest_elements().saturating_mul(*item)),
            Blocks::Listed { lengths, item } => rounded(lengths.longest() * item),
            Blocks::Pieces { per_box, item, .. } => {
                boxes.longest_elements().saturating_mul(*item).saturating_add(per_box.saturating_mul(ROUNDING_BYTES))
            }
            _ => rounded(self.bytes(0, &boxes.cuts.iter().map(AxisChunks::longest).collect::<Vec<_>>())),
        }
    }
}

impl Work {
    /// Tasks that read `reads` and write `writes`, with `scratch_bytes` for each beside loading.
    pub fn new(name: &str, boxes: Boxes, reads: Vec<Access>, writes: Vec<Writes>, scratch_bytes: u64) -> Work {
        let products = writes.iter().map(|write| write.product.clone()).collect();
        Work {
            name: name.to_string(),
            boxes,
            chosen: None,
            reads,
            around: Vec::new(),
            writes,
            products,
            chain: None,
            scratch_bytes,
            stored_bytes: 0,
        }
    }

    /// The same, where each of `reads` sees what lies `around` its box along each axis of its feed.
    pub fn seeing(mut self, around: Vec<Vec<Around>>) -> Work {
        assert_eq!(around.len(), self.reads.len(), "one an access");
        self.around = around;
        self
    }

    /// Start and shape of what a box sees of the n-th of [`Work::reads`]; it may have no place.
    pub fn part(&self, n: usize, task_box: &TaskBox) -> (Vec<u64>, Vec<u64>) {
        let (start, shape) = self.reads[n].part(task_box);
        let Some(around) = self.around.get(n) else { return (start, shape) };
        let lens = &self.reads[n].feed.shape;
        around.iter().zip(start.iter().zip(&shape)).zip(lens).map(|((around, (&start, &len)), &n)| around.window(start, len, n)).unzip()
    }

    /// Whether boxes see the places of an axis of the n-th of [`Work::reads`] as if it began anew: as of [`Around`].
    pub fn turn(&self, n: usize, axis: usize) -> i64 {
        self.around.get(n).map_or(0, |around| around[axis].turn)
    }

    /// What boxes see at most of the n-th of [`Work::reads`].
    fn seen_bytes(&self, n: usize) -> u64 {
        let access = &self.reads[n];
        let cuts = access.cuts(&self.boxes);
        match self.around.get(n) {
            None => access.feed.blocks_bytes(&cuts),
            Some(around) => access.feed.blocks_bytes_in(&windows(&cuts, around)),
        }
    }

    /// Bytes of scratch that loading what boxes of `access` see takes at most, with what lies `around` them.
    pub fn loading_bytes_around(boxes: &Boxes, access: &Access, around: &[Around]) -> u64 {
        access.feed.loading_bytes(&windows(&access.cuts(boxes), around))
    }

    /// The same, where the buffer of what is written is handed on along the last `depth` axes until it is done, under the
    /// number of `product`. Where boxes are one triangle of a square, the last task writes the mirrored block, too.
    pub fn summed(mut self, product: Product, depth: usize) -> Work {
        self.products.push(product.clone());
        let blocks = self.writes[0].blocks.clone();
        let axes = self.boxes.cuts.len() - depth..self.boxes.cuts.len();
        self.chain = Some(Chain { writes: Writes { product, blocks }, axes, is_result: true });
        self
    }

    /// The same, where tasks along `axis` hand on a state beside what they write.
    pub fn handing_on(mut self, writes: Writes, axis: usize) -> Work {
        self.products.push(writes.product.clone());
        self.chain = Some(Chain { writes, axes: axis..axis + 1, is_result: false });
        self
    }

    /// The memory of a task that is handed a state, and hands one on: neither at the ends of the axis.
    pub fn handed_on<'a>(&self, task_box: &TaskBox, parts: Parts<'a>) -> HandedOn<'a> {
        let Parts { mut reads, mut writes, scratch, counters } = parts;
        let (link, links) = self.chain.as_ref().map_or((0, 1), |chain| self.link(chain, task_box));
        let taken = link > 0 && link + 1 < links;
        let before = if link > 0 && !taken { reads.pop() } else { None };
        let state = if link + 1 < links { writes.pop() } else { None };
        HandedOn { reads, writes, scratch, counters, before, state, taken }
    }

    /// Bytes of scratch that loading whole boxes of all that is read takes at most, one after the other.
    pub fn loading_bytes(boxes: &Boxes, reads: &[Access]) -> u64 {
        reads.iter().map(|access| access.feed.loading_boxes_bytes(&access.cuts(boxes))).max().unwrap_or(0)
    }

    /// The box of task `n`.
    pub fn task_box(&self, n: u64) -> TaskBox {
        match &self.chosen {
            None => self.boxes.nth(n),
            Some(chosen) => self.boxes.at(&unravel(chosen[n as usize], &self.boxes.counts())),
        }
    }

    /// The number of the task of the box at `index`, if it has one.
    fn task(&self, index: &[u64]) -> Option<u64> {
        match &self.chosen {
            None => Some(self.boxes.number(index)),
            Some(chosen) => chosen.binary_search(&ravel(index, &self.boxes.counts())).ok().map(|n| n as u64),
        }
    }

    /// The blocks of a grid inside of a box: number, start and shape.
    pub fn blocks_inside(&self, task_box: &TaskBox) -> Vec<(BlockId, Vec<u64>, Vec<u64>)> {
        let Some(Writes { blocks: Blocks::Grid { grid, inside, .. }, .. }) = self.writes.first() else { return Vec::new() };
        let along = |(chunks, (&start, &len)): (&AxisChunks, (&u64, &u64))| {
            let first = chunks.find(start);
            (first, chunks.find(start + len - 1) - first + 1)
        };
        let (first, counts): (Vec<u64>, Vec<u64>) = grid.axes.iter().zip(task_box.start.iter().zip(&task_box.shape)).map(along).unzip();
        (0..counts.iter().product::<u64>())
            .map(|at| {
                let index: Vec<u64> = unravel(at, &counts).iter().zip(&first).map(|(i, first)| i + first).collect();
                let (start, shape) = index.iter().zip(&grid.axes).map(|(&i, axis)| axis.chunk(i)).unzip();
                let block = match inside {
                    None => grid.id(&index),
                    Some((first, whole)) => whole.id(&index.iter().zip(first).map(|(i, first)| i + first).collect::<Vec<_>>()),
                };
                (block, start, shape)
            })
            .collect()
    }

    /// Which task of its chain a box is, and how many there are.
    fn link(&self, chain: &Chain, task_box: &TaskBox) -> (u64, u64) {
        let counts = &self.boxes.counts()[chain.axes.clone()];
        (ravel(&task_box.index[chain.axes.clone()], counts), counts.iter().product())
    }

    /// Describes what task `n` is handed and hands on: under `done`, where the chain ends in what the task writes.
    fn hand_on(&self, chain: &Chain, n: u64, task_box: &TaskBox, done: Option<BlockKey>, spec: &mut TaskSpec) {
        let (link, links) = self.link(chain, task_box);
        let product = chain.writes.product.id;
        let before = (link > 0).then(|| {
            let mut index = task_box.index.clone();
            let earlier = unravel(link - 1, &self.boxes.counts()[chain.axes.clone()]);
            index[chain.axes.clone()].copy_from_slice(&earlier);
            BlockKey { product, block: self.boxes.number(&index) }
        });
        let after = if link + 1 < links { Some(BlockKey { product, block: n }) } else { done };
        let Some(key) = after else {
            spec.reads.extend(before);
            return;
        };
        let takes = before.map(|key| {
            spec.takes.push(key);
            spec.takes.len() - 1
        });
        spec.writes.push(Write { key, bytes: chain.writes.blocks.bytes(n, &task_box.shape), takes });
    }

    /// Finds the boxes in which the n-th of [`Work::reads`] sees `block` of `product`. Calls `each` for every time that one sees it, with
    /// the box along the axes of the feed.
    fn reading(&self, n: usize, product: u64, block: BlockId, each: &mut dyn FnMut(&[(u64, u64)])) {
        let access = &self.reads[n];
        let cuts = access.cuts(&self.boxes);
        match self.around.get(n) {
            None => access.feed.reading(&cuts, product, block).for_each(|ranges| each(&ranges)),
            Some(around) => access.feed.reading_around(&cuts, around, product, block).for_each(|ranges| each(&ranges)),
        }
    }

    /// How many tasks read through `access` what lies in the boxes of the feed's axes that `ranges` say.
    fn tasks_in(&self, access: &Access, ranges: &[(u64, u64)]) -> u64 {
        let mut boxes: Vec<(u64, u64)> = self.boxes.cuts.iter().map(|cuts| (0, cuts.count())).collect();
        for (&axis, &range) in access.axes.iter().zip(ranges) {
            boxes[axis] = range;
        }
        match &self.chosen {
            None => self.boxes.visited_in(&boxes),
            Some(_) => {
                let mut tasks = 0;
                self.each_task_in(access, ranges, &mut |_| tasks += 1);
                tasks
            }
        }
    }

    /// Calls `each` with the tasks that [`Work::tasks_in`] counts.
    fn each_task_in(&self, access: &Access, ranges: &[(u64, u64)], each: &mut dyn FnMut(u64)) {
        let mut boxes: Vec<(u64, u64)> = self.boxes.cuts.iter().map(|cuts| (0, cuts.count())).collect();
        for (&axis, &range) in access.axes.iter().zip(ranges) {
            boxes[axis] = range;
        }
        let (first, lens): (Vec<u64>, Vec<u64>) = boxes.into_iter().unzip();
        for at in 0..lens.iter().product::<u64>() {
            let index: Vec<u64> = unravel(at, &lens).iter().zip(&first).map(|(i, first)| i + first).collect();
            if self.boxes.is_visited(&index)
                && let Some(task) = self.task(&index)
            {
                each(task);
            }
        }
    }
}

/// Cuts with what lies around them.
fn windows<'a>(cuts: &'a [AxisChunks], around: &[Around]) -> Vec<Windows<'a>> {
    cuts.iter().zip(around).map(|(cuts, around)| Windows::around(cuts, *around)).collect()
}

impl<T: Tasks> Stage for T {
    fn name(&self) -> &str {
        &self.work().name
    }
    fn products(&self) -> &[Product] {
        &self.work().products
    }
    fn inputs(&self) -> Vec<u64> {
        let work = self.work();
        let mut inputs: Vec<u64> = work.reads.iter().flat_map(|access| access.feed.products()).collect();
        inputs.extend(work.chain.iter().map(|chain| chain.writes.product.id));
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
    fn tasks(&self) -> u64 {
        let work = self.work();
        work.chosen.as_ref().map_or_else(|| work.boxes.len(), |chosen| chosen.len() as u64)
    }
    fn demand_bytes(&self) -> u64 {
        let work = self.work();
        let read = (0..work.reads.len()).map(|n| work.seen_bytes(n));
        // a buffer counts once, whether it is new, taken or read
        let state = work.chain.iter().filter(|chain| !chain.is_result).map(|chain| &chain.writes);
        // the mirrored block of a triangle's box
        let mirrored = work.writes.iter().filter(|_| work.boxes.has_mirrors());
        let written = work.writes.iter().chain(state).chain(mirrored).map(|write| write.blocks.bytes_most(&work.boxes));
        read.chain(written).fold(rounded(work.scratch_bytes), u64::saturating_add)
    }
    fn moved_bytes(&self) -> u64 {
        let work = self.work();
        let of = |access: &Access| {
            let again = (0..work.boxes.cuts.len()).filter(|axis| !access.axes.contains(axis)).map(|axis| work.boxes.cuts[axis].count());
            again.fold(access.feed.moved_bytes(&access.cuts(&work.boxes)), u64::saturating_mul)
        };
        let moved = work.reads.iter().map(of).fold(work.stored_bytes, u64::saturating_add);
        let all = work.boxes.cuts.iter().map(AxisChunks::count).fold(1, u64::saturating_mul).max(1);
        let tasks = work.chosen.as_ref().map_or_else(|| work.boxes.len(), |chosen| chosen.len() as u64);
        if tasks == all { moved } else { (moved as u128 * tasks as u128 / all as u128) as u64 }
    }
    fn flops(&self, n: u64) -> u64 {
        Tasks::flops(self, &self.work().task_box(n).shape)
    }
    fn all_flops(&self) -> u64 {
        let work = self.work();
        let whole: Vec<u64> = work.boxes.cuts.iter().map(AxisChunks::len).collect();
        let boxes = work.boxes.cuts.iter().map(AxisChunks::count).fold(1, u64::saturating_mul).max(1);
        (Tasks::flops(self, &whole) as u128 * self.tasks() as u128 / boxes as u128) as u64
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let work = self.work();
        let task_box = work.task_box(n);
        for (n, access) in work.reads.iter().enumerate() {
            let (start, shape) = work.part(n, &task_box);
            // around a box there may be nothing, of which nothing is read, be it the same everywhere
            if work.around.get(n).is_none() || !shape.contains(&0) {
                access.feed.describe(&start, &shape, spec);
            }
        }
        for Writes { product, blocks } in &work.writes {
            if let Blocks::Grid { item, .. } = blocks {
                for (block, _, shape) in work.blocks_inside(&task_box) {
                    let bytes = shape.iter().product::<u64>() * item;
                    spec.writes.push(Write { key: BlockKey { product: product.id, block }, bytes, takes: None });
                }
                continue;
            }
            if let &Blocks::Pieces { piece, per_box, item } = blocks {
                let elements: u64 = task_box.shape.iter().product();
                for at in 0..elements.div_ceil(piece) {
                    let key = BlockKey { product: product.id, block: n * per_box + at };
                    spec.writes.push(Write { key, bytes: piece.min(elements - at * piece) * item, takes: None });
                }
                continue;
            }
            let bytes = blocks.bytes(n, &task_box.shape);
            let mut key = BlockKey { product: product.id, block: ravel(&task_box.index, &work.boxes.counts()) };
            if work.chosen.is_some() {
                key.block = n;
            }
            match &work.chain {
                Some(chain) if chain.is_result => {
                    let (link, links) = work.link(chain, &task_box);
                    key.block /= links;
                    let done = link + 1 == links;
                    work.hand_on(chain, n, &task_box, done.then_some(key), spec);
                    if let Some(mirrored) = work.boxes.mirrored(&task_box.index).filter(|_| done) {
                        let block = ravel(&mirrored, &work.boxes.counts()) / links;
                        spec.writes.push(Write { key: BlockKey { product: product.id, block }, bytes, takes: None });
                    }
                }
                _ => spec.writes.push(Write { key, bytes, takes: None }),
            }
        }
        if let Some(chain) = work.chain.as_ref().filter(|chain| !chain.is_result) {
            work.hand_on(chain, n, &task_box, None, spec);
        }
        spec.scratch_bytes = work.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        let work = self.work();
        if work.chain.as_ref().is_some_and(|chain| chain.writes.product.id == product) {
            return 1;
        }
        let mut tasks = 0;
        for (n, access) in work.reads.iter().enumerate() {
            work.reading(n, product, block, &mut |ranges| tasks += work.tasks_in(access, ranges));
        }
        tasks
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        let work = self.work();
        for (n, access) in work.reads.iter().enumerate() {
            work.reading(n, product, block, &mut |ranges| work.each_task_in(access, ranges, each));
        }
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        let work = self.work();
        if let Some(chain) = &work.chain {
            if product == chain.writes.product.id {
                return block;
            }
            if chain.is_result {
                let counts = work.boxes.counts();
                let links: u64 = counts[chain.axes.clone()].iter().product();
                return work.boxes.number(&unravel(block * links + links - 1, &counts));
            }
        }
        let write = work.writes.iter().find(|write| write.product.id == product);
        match write.map(|write| &write.blocks) {
            Some(Blocks::Grid { grid, inside, .. }) => {
                let index: Vec<u64> = match inside {
                    None => unravel(block, &grid.counts()),
                    Some((first, whole)) => unravel(block, &whole.counts()).iter().zip(first).map(|(i, first)| i - first).collect(),
                };
                let task_box = index.iter().zip(&grid.axes).zip(&work.boxes.cuts).map(|((&i, chunks), cuts)| cuts.find(chunks.chunk(i).0));
                work.boxes.number(&task_box.collect::<Vec<_>>())
            }
            Some(Blocks::Pieces { per_box, .. }) => block / per_box,
            _ if work.chosen.is_some() => block,
            _ => work.boxes.number(&unravel(block, &work.boxes.counts())),
        }
    }
    fn prefetch(&self, n: u64) {
        let work = self.work();
        let task_box = work.task_box(n);
        for (n, access) in work.reads.iter().enumerate() {
            let (start, shape) = work.part(n, &task_box);
            if !shape.contains(&0) {
                access.feed.prefetch(&start, &shape);
            }
        }
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        Tasks::run(self, n, &self.work().task_box(n), blocks)
    }
}
