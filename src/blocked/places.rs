//! What tasks that are no boxes of a loop read, write and hand on, said once: the space in which they stand, and for each axis of a
//! product which of its blocks a task touches, as its place says. Descriptions, readers, producers, followers and the bound on memory follow, none of which lists the tasks.
//!
//! The parameterised task graphs of PaRSEC are the model: Bosilca et al., *DAGuE: A generic distributed DAG engine for high
//! performance computing*, Parallel Computing 38 (2012).

use super::feed::Feed;
use super::space::{Order, Rows, Space};
use crate::error::Result;
use crate::grid::{AxisChunks, BlockId, ravel, unravel};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Product, Stage, TaskBlocks, TaskSpec, Write};
use std::ops::{Deref, Range};

/// Stages whose tasks stand at places.
pub trait Places: Send + Sync {
    /// What they read, write and need.
    fn graph(&self) -> &Graph;
    /// Bytes of the block at `index` of the `product`-th of [`Graph::products`].
    fn block_bytes(&self, product: usize, index: &[u64]) -> u64;
    /// As [`Stage::flops`], of the task at `place`.
    fn flops(&self, place: &[u64]) -> u64 {
        let _ = place;
        0
    }
    /// As [`Stage::all_flops`].
    fn all_flops(&self) -> u64 {
        0
    }
    /// The part of what the task at `place` reads through a feed, start and shape, that stores should bring near.
    fn wanted(&self, place: &[u64], part: (Vec<u64>, Vec<u64>)) -> (Vec<u64>, Vec<u64>) {
        let _ = place;
        part
    }
    /// Runs the task at `place`.
    ///
    /// # Errors
    /// As [`Stage::run`].
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()>;
}

/// A stage whose description is a [`Graph`].
pub struct Placed<T>(pub T);

impl<T> Deref for Placed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Which blocks along an axis of a product a task touches.
#[derive(Clone, Debug)]
pub enum Along {
    /// The one at the task's place along this axis, so many further.
    At(usize, i64),
    /// Of every so many, from this one on, the one at the task's place along this axis.
    Every(usize, [u64; 2]),
    /// Those of the chunk at the task's place along this axis.
    Group(usize, AxisChunks),
    /// Those after the task's place along this axis.
    After(usize),
    /// This one.
    One(u64),
    /// All.
    All,
}

/// At the task's own place along the first axis.
pub const HERE: Along = Along::At(0, 0);

/// The blocks of a product: how they are numbered, and bytes of the largest one.
#[derive(Clone, Debug)]
pub struct Blocks {
    product: u64,
    /// Blocks along each axis; nothing where a block stands at the place of the task that writes it, and has its number.
    counts: Option<Vec<u64>>,
    bytes_most: u64,
}

/// Blocks of a product that tasks read, take or write.
#[derive(Clone, Debug)]
pub struct Touches {
    of: Blocks,
    along: Vec<Along>,
    within: Option<Vec<Space>>,
    takes: Option<usize>,
}

/// A loop that tasks evaluate in part: each a box of `cuts`, of which [`Along`] says one along each axis.
pub struct Fed {
    pub feed: Feed,
    pub cuts: Vec<AxisChunks>,
    pub along: Vec<Along>,
    /// Only the tasks in one of these, which have no place in common.
    pub within: Option<Vec<Space>>,
}

/// The tasks of a stage.
pub struct Graph {
    /// For plans.
    pub name: String,
    /// What they write.
    pub products: Vec<Product>,
    /// Where they stand.
    pub space: Space,
    /// In which order they run.
    pub order: Box<dyn Order>,
    /// What is read first; a task has one at most.
    pub feeds: Vec<Fed>,
    /// What is read then.
    pub reads: Vec<Touches>,
    /// Blocks that nobody else reads, whose buffers `writes` go on with.
    pub takes: Vec<Touches>,
    /// Blocks of `products`.
    pub writes: Vec<Touches>,
    /// Scratch of each task.
    pub scratch_bytes: u64,
}

impl Along {
    /// Those of `count` that the task at `place` touches.
    fn blocks(&self, place: &[u64], count: u64) -> Range<u64> {
        let one = |at: u64| at..at + 1;
        match self {
            Along::At(axis, by) => one(place[*axis].saturating_add_signed(*by)),
            Along::Every(axis, [first, step]) => one(first + place[*axis] * step),
            Along::Group(axis, groups) => {
                let (first, n) = groups.chunk(place[*axis]);
                first..first + n
            }
            Along::After(axis) => place[*axis] + 1..count,
            Along::One(at) => one(*at),
            Along::All => 0..count,
        }
    }

    /// The places of `space` whose tasks touch one of `blocks`: one block, or of a feed several boxes of which a task has one.
    fn touching(&self, space: &Space, blocks: &Range<u64>) -> Option<Space> {
        match self {
            Along::At(axis, by) => Some(space.at(*axis, blocks.start.saturating_add_signed(-by)..blocks.end.saturating_add_signed(-by))),
            Along::Every(axis, [first, step]) => {
                let at = |block: u64| block.saturating_sub(*first).div_ceil(*step);
                Some(space.at(*axis, at(blocks.start)..at(blocks.end)))
            }
            Along::Group(axis, groups) => Some(space.at(*axis, groups.find(blocks.start)..groups.find(blocks.start) + 1)),
            Along::After(axis) => Some(space.at(*axis, 0..blocks.start)),
            Along::One(at) => blocks.contains(at).then(|| space.clone()),
            Along::All => Some(space.clone()),
        }
    }

    /// How many of `count` a task touches at most.
    fn most(&self, count: u64) -> u64 {
        match self {
            Along::At(..) | Along::Every(..) | Along::One(_) => 1,
            Along::Group(_, groups) => groups.longest(),
            Along::After(_) | Along::All => count,
        }
    }
}

impl Blocks {
    /// Blocks of a grid of `counts`, numbered in C order, of `bytes_most` at most.
    pub fn new(product: u64, counts: &[u64], bytes_most: u64) -> Blocks {
        Blocks { product, counts: Some(counts.to_vec()), bytes_most }
    }

    /// Blocks that have the place and the number of the task that writes them.
    pub fn of_tasks(product: u64, bytes_most: u64) -> Blocks {
        Blocks { product, counts: None, bytes_most }
    }

    /// Those that a task touches `along` each axis.
    pub fn along(&self, along: impl Into<Vec<Along>>) -> Touches {
        Touches { of: self.clone(), along: along.into(), within: None, takes: None }
    }
}

impl Touches {
    /// By the tasks in one of `spaces` alone, which have no place in common.
    pub fn within(self, spaces: impl Into<Vec<Space>>) -> Touches {
        Touches { within: Some(spaces.into()), ..self }
    }

    /// In the buffer of the `n`-th of [`Graph::takes`], where a task takes that.
    pub fn taking(self, n: usize) -> Touches {
        Touches { takes: Some(n), ..self }
    }
}

/// The spaces in which a task touches something: those said, or the `whole`.
fn spaces<'a>(within: &'a Option<Vec<Space>>, whole: &'a Space) -> &'a [Space] {
    within.as_deref().unwrap_or(std::slice::from_ref(whole))
}

impl Graph {
    /// Tasks in a box of `counts`, in C order, that write `products`.
    pub fn rows(name: &str, products: Vec<Product>, counts: &[u64]) -> Graph {
        Graph::new(name, products, Space::of(counts), Box::new(Rows(counts.to_vec())))
    }

    /// Tasks at the places of `space`, in this order.
    pub fn new(name: &str, products: Vec<Product>, space: Space, order: Box<dyn Order>) -> Graph {
        let (reads, takes, writes) = (Vec::new(), Vec::new(), Vec::new());
        Graph { name: name.to_string(), products, space, order, feeds: Vec::new(), reads, takes, writes, scratch_bytes: 0 }
    }

    fn product(&self, id: u64) -> usize {
        self.products.iter().position(|product| product.id == id).unwrap_or_default()
    }

    /// Blocks along each axis.
    fn counts(&self, of: &Blocks) -> Vec<u64> {
        of.counts.clone().unwrap_or_else(|| self.space.counts())
    }

    /// Bytes of the blocks that a task touches at most.
    fn bytes_most(&self, touches: &Touches) -> u64 {
        let most = touches.along.iter().zip(self.counts(&touches.of)).map(|(along, count)| along.most(count));
        most.fold(rounded(touches.of.bytes_most), u64::saturating_mul)
    }

    fn holds(&self, within: &Option<Vec<Space>>, place: &[u64]) -> bool {
        spaces(within, &self.space).iter().any(|space| space.has(place))
    }

    /// What the task at `place` evaluates: the loop, and start and shape of a box of it.
    fn fed(&self, place: &[u64]) -> Option<(&Feed, (Vec<u64>, Vec<u64>))> {
        let fed = self.feeds.iter().find(|fed| self.holds(&fed.within, place))?;
        let chunk = |(along, cuts): (&Along, &AxisChunks)| match cuts.count() {
            0 => (0, 0),
            count => cuts.chunk(along.blocks(place, count).start),
        };
        Some((&fed.feed, fed.along.iter().zip(&fed.cuts).map(chunk).unzip()))
    }

    /// Calls `each` with index and key of what the task at `place` touches, in C order.
    fn touched(&self, touches: &Touches, place: &[u64], mut each: impl FnMut(&[u64], BlockKey)) {
        if !self.holds(&touches.within, place) {
            return;
        }
        let counts = self.counts(&touches.of);
        let blocks: Vec<Range<u64>> = touches.along.iter().zip(counts).map(|(along, count)| along.blocks(place, count)).collect();
        let lens: Vec<u64> = blocks.iter().map(|range| range.end - range.start).collect();
        for at in 0..lens.iter().product() {
            let index: Vec<u64> = unravel(at, &lens).iter().zip(&blocks).map(|(i, range)| i + range.start).collect();
            let block = touches.of.counts.as_ref().map_or_else(|| self.order.number(&index), |counts| ravel(&index, counts));
            each(&index, BlockKey { product: touches.of.product, block });
        }
    }

    /// The tasks that touch one of `blocks` along each axis.
    fn tasks_of<'a>(&'a self, along: &[Along], within: &'a Option<Vec<Space>>, blocks: &[Range<u64>]) -> Vec<Space> {
        let narrowed = |space: &Space| {
            let mut axes = along.iter().zip(blocks);
            axes.try_fold(space.clone(), |space, (along, blocks)| along.touching(&space, blocks))
        };
        spaces(within, &self.space).iter().filter_map(narrowed).collect()
    }

    /// The tasks that touch `block` of `product`.
    fn touching(&self, touches: &Touches, product: u64, block: BlockId) -> Vec<Space> {
        if touches.of.product != product {
            return Vec::new();
        }
        let index = touches.of.counts.as_ref().map_or_else(|| self.order.place(block), |counts| unravel(block, counts));
        let blocks: Vec<Range<u64>> = index.into_iter().map(|i| i..i + 1).collect();
        self.tasks_of(&touches.along, &touches.within, &blocks)
    }

    /// The tasks that read or take `block` of `product`, as often as they do.
    fn reading(&self, product: u64, block: BlockId) -> Vec<Space> {
        let mut tasks: Vec<Space> =
            self.reads.iter().chain(&self.takes).flat_map(|touches| self.touching(touches, product, block)).collect();
        for fed in &self.feeds {
            for boxes in fed.feed.reading(&fed.cuts, product, block) {
                let boxes: Vec<Range<u64>> = boxes.into_iter().map(|(first, n)| first..first + n).collect();
                tasks.extend(self.tasks_of(&fed.along, &fed.within, &boxes));
            }
        }
        tasks
    }

    /// The space, cut so that all tasks of a part touch the same products.
    fn parts(&self) -> Vec<Space> {
        let touches = self.reads.iter().chain(&self.takes).chain(&self.writes).map(|touches| &touches.within);
        let within: Vec<&Space> = touches.chain(self.feeds.iter().map(|fed| &fed.within)).flatten().flatten().collect();
        self.space.cut(&within)
    }

    /// Bytes that a task of `part` holds at once at most.
    fn held_bytes(&self, part: &Space) -> u64 {
        let holds = |within: &Option<Vec<Space>>| spaces(within, &self.space).iter().any(|space| space.covers(part));
        let taken = |touches: &&Touches| !touches.takes.is_some_and(|n| holds(&self.takes[n].within));
        let fed = self.feeds.iter().filter(|fed| holds(&fed.within)).map(|fed| fed.feed.blocks_bytes(&fed.cuts));
        // a buffer counts once, taken and written
        let touched = self.reads.iter().chain(&self.takes).chain(self.writes.iter().filter(taken));
        let bytes = touched.filter(|touches| holds(&touches.within)).map(|touches| self.bytes_most(touches));
        fed.chain(bytes).fold(rounded(self.scratch_bytes), u64::saturating_add)
    }
}

impl<T: Places> Stage for Placed<T> {
    fn name(&self) -> &str {
        &self.graph().name
    }
    fn products(&self) -> &[Product] {
        &self.graph().products
    }
    fn inputs(&self) -> Vec<u64> {
        let graph = self.graph();
        let mut inputs: Vec<u64> = graph.feeds.iter().flat_map(|fed| fed.feed.products()).collect();
        inputs.extend(graph.reads.iter().chain(&graph.takes).map(|touches| touches.of.product));
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
    fn tasks(&self) -> u64 {
        self.graph().order.len()
    }
    fn demand_bytes(&self) -> u64 {
        self.graph().parts().iter().map(|part| self.graph().held_bytes(part)).max().unwrap_or(0)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let graph = self.graph();
        let place = graph.order.place(n);
        if let Some((feed, (start, shape))) = graph.fed(&place) {
            feed.describe(&start, &shape, spec);
        }
        for touches in &graph.reads {
            graph.touched(touches, &place, |_, key| spec.reads.push(key));
        }
        let mut taken = vec![None; graph.takes.len()];
        for (touches, taken) in graph.takes.iter().zip(&mut taken) {
            graph.touched(touches, &place, |_, key| {
                *taken = Some(spec.takes.len());
                spec.takes.push(key);
            });
        }
        for touches in &graph.writes {
            let (product, takes) = (graph.product(touches.of.product), touches.takes.and_then(|n| taken[n]));
            graph.touched(touches, &place, |index, key| {
                spec.writes.push(Write { key, bytes: self.block_bytes(product, index), takes });
            });
        }
        spec.scratch_bytes = graph.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.graph().reading(product, block).iter().map(Space::count).sum()
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        let graph = self.graph();
        graph.reading(product, block).iter().for_each(|tasks| tasks.each(&mut |place| each(graph.order.number(place))));
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        let (graph, mut task) = (self.graph(), 0);
        let tasks = graph.writes.iter().flat_map(|touches| graph.touching(touches, product, block));
        tasks.for_each(|tasks| tasks.each(&mut |place| task = graph.order.number(place)));
        task
    }
    fn prefetch(&self, n: u64) {
        let place = self.graph().order.place(n);
        if let Some((feed, part)) = self.graph().fed(&place) {
            let (start, shape) = self.wanted(&place, part);
            feed.prefetch(&start, &shape);
        }
    }
    fn moved_bytes(&self) -> u64 {
        self.graph().feeds.iter().map(|fed| fed.feed.moved_bytes(&fed.cuts)).fold(0, u64::saturating_add)
    }
    fn flops(&self, n: u64) -> u64 {
        Places::flops(&self.0, &self.graph().order.place(n))
    }
    fn all_flops(&self) -> u64 {
        Places::all_flops(&self.0)
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        Places::run(&self.0, &self.graph().order.place(n), blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::tests::{every, whole};
    use super::*;

    struct Of(Graph);

    impl Places for Of {
        fn graph(&self) -> &Graph {
            &self.0
        }
        fn block_bytes(&self, _: usize, index: &[u64]) -> u64 {
            64 * (1 + index.iter().sum::<u64>() % 3)
        }
        fn run(&self, _: &[u64], _: &mut TaskBlocks) -> Result<()> {
            Ok(())
        }
    }

    /// The places of a space in C order.
    struct Listed(Vec<Vec<u64>>);

    impl Order for Listed {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn place(&self, n: u64) -> Vec<u64> {
            self.0[n as usize].clone()
        }
        fn number(&self, place: &[u64]) -> u64 {
            self.0.iter().position(|at| at == place).unwrap() as u64
        }
    }

    #[test]
    fn who_reads_a_block_is_who_says_that_it_reads_it() {
        const READ: u64 = 1;
        for space in whole() {
            let (counts, axes) = (space.counts(), space.counts().len());
            let order = || Listed(every(&space.counts()).filter(|place| space.has(place)).collect());
            let own = Product { id: 2, name: "own".to_string(), blocks: order().len() };
            for axis in 0..axes {
                let (n, other) = (counts[axis], (axis + 1) % axes);
                let groups = AxisChunks::regular(3 * n - 1, 3);
                let relations: [(Vec<u64>, Vec<Along>, Option<Vec<Space>>); 8] = [
                    (vec![n], vec![Along::At(axis, 0)], None),
                    (vec![n], vec![Along::At(axis, 1)], Some(vec![space.at(axis, 0..n - 1)])),
                    (vec![n], vec![Along::At(axis, -1)], Some(vec![space.at(axis, 1..n)])),
                    (vec![3 * n - 1], vec![Along::Group(axis, groups)], None),
                    (vec![2 * n], vec![Along::Every(axis, [1, 2])], None),
                    (vec![n, 2], vec![Along::After(axis), Along::All], None),
                    (vec![counts[other], 3], vec![Along::At(other, 0), Along::One(1)], Some(space.ends(axis, 1))),
                    (vec![2, n], vec![Along::All, Along::At(axis, 0)], Some(vec![space.inner(axis, -1)])),
                ];
                for (blocks, along, within) in relations {
                    let what = format!("{space:?}: {along:?} of {blocks:?} within {within:?}");
                    let mut reads = Blocks::new(READ, &blocks, 192).along(along);
                    reads.within = within;
                    let handed = Blocks::of_tasks(2, 192);
                    let back: Vec<Along> = (0..axes).map(|at| Along::At(at, -((at == axis) as i64))).collect();
                    let here: Vec<Along> = (0..axes).map(|at| Along::At(at, 0)).collect();
                    let graph = Graph {
                        reads: vec![reads],
                        takes: vec![handed.along(back).within(vec![space.inner(axis, -1)])],
                        writes: vec![handed.along(here).taking(0)],
                        scratch_bytes: 64,
                        ..Graph::new("of", vec![own.clone()], space.clone(), Box::new(order()))
                    };
                    check(&Placed(Of(graph)), READ, blocks.iter().product(), &what);
                }
            }
        }
    }

    /// Holds what `stage` says of blocks against what it says of tasks, one by one.
    fn check(stage: &Placed<Of>, product: u64, blocks: u64, what: &str) {
        let tasks: Vec<TaskSpec> = (0..stage.tasks())
            .map(|n| {
                let mut spec = TaskSpec::default();
                stage.describe(n, &mut spec);
                spec
            })
            .collect();
        for (product, blocks) in [(product, blocks), (2, stage.tasks())] {
            for block in 0..blocks {
                let key = BlockKey { product, block };
                let of = |n: usize| tasks[n].reads.iter().chain(&tasks[n].takes).filter(|other| **other == key).map(move |_| n as u64);
                let expected: Vec<u64> = (0..tasks.len()).flat_map(of).collect();
                let mut followers = Vec::new();
                stage.followers(product, block, &mut |n| followers.push(n));
                followers.sort_unstable();
                assert_eq!(
                    (stage.readers(product, block), followers),
                    (expected.len() as u64, expected),
                    "{what}: block {block} of {product}"
                );
            }
        }
        for (n, spec) in tasks.iter().enumerate() {
            assert!(spec.writes.iter().all(|write| stage.producer(2, write.key.block) == n as u64), "{what}: task {n}");
            // the blocks that are read, of 192 bytes at most, and those that are new
            let held = 192 * (spec.reads.len() + spec.takes.len()) as u64 + spec.new_bytes();
            assert!(held <= stage.demand_bytes(), "{what}: task {n} holds {held} of {}", stage.demand_bytes());
        }
    }
}
