//! What tasks that are no boxes of a loop read, write and hand on, said once: the space in which they stand (a box of places, a
//! triangle, a chain), and for each axis of a product which of its blocks a task touches, as its place says. Descriptions,
//! readers, producers, followers and the bound on memory follow, none of which lists the tasks.
//!
//! The parameterised task graphs of PaRSEC are the model: Bosilca et al., *DAGuE: A generic distributed DAG engine for high
//! performance computing*, Parallel Computing 38 (2012).

use super::boxes::upper_within;
use super::feed::Feed;
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
    /// The part of what a task reads through a feed, start and shape, that stores should bring near.
    fn wanted(&self, part: (Vec<u64>, Vec<u64>)) -> (Vec<u64>, Vec<u64>) {
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

/// Places: ranges along axes and, of a triangle, how far apart the places along two of them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    along: Vec<Range<u64>>,
    /// Two axes, and by how much the place along the second is beyond that along the first.
    apart: Option<([usize; 2], Range<u64>)>,
}

/// In which order the tasks of a space run.
pub trait Order: Send + Sync {
    /// Number of tasks.
    fn len(&self) -> u64;
    /// Where task `n` stands.
    fn place(&self, n: u64) -> Vec<u64>;
    /// The task at `place`.
    fn number(&self, place: &[u64]) -> u64;
}

/// C order of a box of so many places along each axis.
struct Rows(Vec<u64>);

/// Which blocks along an axis of a product a task touches.
#[derive(Clone, Debug)]
pub enum Along {
    /// The one at the task's place along this axis, so many further.
    At(usize, i64),
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
    /// What is read first.
    pub feed: Option<Fed>,
    /// What is read then.
    pub reads: Vec<Touches>,
    /// Blocks that nobody else reads, whose buffers `writes` go on with.
    pub takes: Vec<Touches>,
    /// Blocks of `products`.
    pub writes: Vec<Touches>,
    /// Scratch of each task.
    pub scratch_bytes: u64,
}

fn common(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

fn covers(outer: &Range<u64>, inner: &Range<u64>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// `whole`, cut at the ends of `parts`.
fn cut<'a>(whole: &'a Range<u64>, parts: impl Iterator<Item = &'a Range<u64>>) -> Vec<Range<u64>> {
    let mut ends: Vec<u64> = parts.chain([whole]).flat_map(|part| [part.start, part.end]).collect();
    ends.retain(|&end| whole.start <= end && end <= whole.end);
    ends.sort_unstable();
    ends.dedup();
    if ends.len() == 1 { vec![whole.clone()] } else { ends.windows(2).map(|ends| ends[0]..ends[1]).collect() }
}

impl Space {
    /// So many places along each axis.
    pub fn of(counts: &[u64]) -> Space {
        Space { along: counts.iter().map(|&n| 0..n).collect(), apart: None }
    }

    /// Those where the place along the second of `axes` is not before that along the first.
    pub fn triangle(mut self, axes: [usize; 2]) -> Space {
        self.apart = Some((axes, 0..u64::MAX));
        self
    }

    /// Those of these `places` along `axis`.
    pub fn at(&self, axis: usize, places: Range<u64>) -> Space {
        let mut part = self.clone();
        part.along[axis] = common(&self.along[axis], &places);
        part
    }

    /// Those of a triangle that are so far from its diagonal.
    pub fn apart(&self, distances: Range<u64>) -> Space {
        let apart = self.apart.as_ref().map(|(axes, own)| (*axes, common(own, &distances)));
        Space { along: self.along.clone(), apart }
    }

    /// Those that have another one `by` places further along `axis`.
    pub fn inner(&self, axis: usize, by: i64) -> Space {
        let moved = |range: &Range<u64>, by: i64| match range.end {
            u64::MAX => range.start.saturating_add_signed(by)..u64::MAX,
            end => range.start.saturating_add_signed(by)..end.saturating_add_signed(by),
        };
        let part = self.at(axis, moved(&self.along[axis], -by));
        match &self.apart {
            Some(([_, high], apart)) if axis == *high => part.apart(moved(apart, -by)),
            Some(([low, _], apart)) if axis == *low => part.apart(moved(apart, by)),
            _ => part,
        }
    }

    /// The others: those at the end of the axis, and before that those at the edge of the triangle.
    pub fn ends(&self, axis: usize, by: i64) -> Vec<Space> {
        let inner = self.inner(axis, by);
        let inner_along = self.at(axis, inner.along[axis].clone());
        let outside = |whole: &Range<u64>, inner: &Range<u64>| match inner.start > whole.start {
            true => whole.start..inner.start,
            false => inner.end..whole.end,
        };
        let edge = self.apart.iter().zip(&inner.apart).map(|((_, whole), (_, part))| inner_along.apart(outside(whole, part)));
        std::iter::once(self.at(axis, outside(&self.along[axis], &inner.along[axis]))).chain(edge).collect()
    }

    /// Places along each axis, of those that begin at the first.
    pub fn counts(&self) -> Vec<u64> {
        self.along.iter().map(|along| along.end).collect()
    }

    /// Whether `place` is one of these.
    pub fn has(&self, place: &[u64]) -> bool {
        let is_apart = |(axes, distances): &([usize; 2], Range<u64>)| {
            place[axes[1]].checked_sub(place[axes[0]]).is_some_and(|distance| distances.contains(&distance))
        };
        self.apart.as_ref().is_none_or(is_apart) && self.along.iter().zip(place).all(|(along, at)| along.contains(at))
    }

    /// Whether each place of `other`, of the same triangle, is one of these.
    fn covers(&self, other: &Space) -> bool {
        let along = self.along.iter().zip(&other.along).all(|(own, other)| covers(own, other));
        let apart = self.apart.iter().zip(&other.apart).all(|((_, own), (_, other))| covers(own, other));
        along && apart
    }

    fn count(&self) -> u64 {
        let length = |range: &Range<u64>| range.end - range.start;
        let Some(([low, high], distances)) = &self.apart else { return self.along.iter().map(length).product() };
        let (i, j) = (&self.along[*low], &self.along[*high]);
        let beyond = |distance: u64| upper_within((i.start + distance.min(j.end), length(i)), (j.start, length(j)));
        let others = self.along.iter().enumerate().filter(|(axis, _)| axis != low && axis != high);
        others.map(|(_, along)| length(along)).product::<u64>() * (beyond(distances.start) - beyond(distances.end))
    }

    /// Calls `each` with the places, in about as many steps.
    fn each(&self, each: &mut dyn FnMut(&[u64])) {
        if self.count() > 0 {
            self.walk(&mut Vec::new(), each);
        }
    }

    fn walk(&self, place: &mut Vec<u64>, each: &mut dyn FnMut(&[u64])) {
        let axis = place.len();
        if axis == self.along.len() {
            return each(place);
        }
        let mut along = self.along[axis].clone();
        if let Some(([low, high], apart)) = &self.apart {
            // what there is to the first or the last place of the other axis, or to the one that it has by now
            let other = |axis: usize| place.get(axis).map_or(self.along[axis].clone(), |&at| at..at + 1);
            if axis == *high {
                let i = other(*low);
                along = common(&along, &(i.start + apart.start..(i.end - 1).saturating_add(apart.end)));
            } else if axis == *low {
                let j = other(*high);
                along = common(&along, &((j.start + 1).saturating_sub(apart.end)..j.end.saturating_sub(apart.start)));
            }
        }
        for at in along {
            place.push(at);
            self.walk(place, each);
            place.pop();
        }
    }
}

impl Order for Rows {
    fn len(&self) -> u64 {
        self.0.iter().product()
    }
    fn place(&self, n: u64) -> Vec<u64> {
        unravel(n, &self.0)
    }
    fn number(&self, place: &[u64]) -> u64 {
        ravel(place, &self.0)
    }
}

impl Along {
    /// Those of `count` that the task at `place` touches.
    fn blocks(&self, place: &[u64], count: u64) -> Range<u64> {
        let one = |at: u64| at..at + 1;
        match self {
            Along::At(axis, by) => one(place[*axis].saturating_add_signed(*by)),
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
            Along::Group(axis, groups) => Some(space.at(*axis, groups.find(blocks.start)..groups.find(blocks.start) + 1)),
            Along::After(axis) => Some(space.at(*axis, 0..blocks.start)),
            Along::One(at) => blocks.contains(at).then(|| space.clone()),
            Along::All => Some(space.clone()),
        }
    }

    /// How many of `count` a task touches at most.
    fn most(&self, count: u64) -> u64 {
        match self {
            Along::At(..) | Along::One(_) => 1,
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
        Graph { name: name.to_string(), products, space, order, feed: None, reads, takes, writes, scratch_bytes: 0 }
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
        let fed = self.feed.as_ref().filter(|fed| self.holds(&fed.within, place))?;
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
        if let Some(fed) = &self.feed {
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
        let within: Vec<&Space> = touches.chain(self.feed.iter().map(|fed| &fed.within)).flatten().flatten().collect();
        let mut parts = vec![self.space.clone()];
        for (axis, along) in self.space.along.iter().enumerate() {
            let cuts = cut(along, within.iter().map(|space| &space.along[axis]));
            parts = parts.iter().flat_map(|part| cuts.iter().map(|cut| part.at(axis, cut.clone()))).collect();
        }
        if let Some((_, apart)) = &self.space.apart {
            let cuts = cut(apart, within.iter().flat_map(|space| &space.apart).map(|(_, apart)| apart));
            parts = parts.iter().flat_map(|part| cuts.iter().map(|cut| part.apart(cut.clone()))).collect();
        }
        parts
    }

    /// Bytes that a task of `part` holds at once at most.
    fn held_bytes(&self, part: &Space) -> u64 {
        let holds = |within: &Option<Vec<Space>>| spaces(within, &self.space).iter().any(|space| space.covers(part));
        let taken = |touches: &&Touches| !touches.takes.is_some_and(|n| holds(&self.takes[n].within));
        let fed = self.feed.iter().filter(|fed| holds(&fed.within)).map(|fed| fed.feed.blocks_bytes(&fed.cuts));
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
        let mut inputs: Vec<u64> = graph.feed.iter().flat_map(|fed| fed.feed.products()).collect();
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
        if let Some((feed, part)) = self.graph().fed(&self.graph().order.place(n)) {
            let (start, shape) = self.wanted(part);
            feed.prefetch(&start, &shape);
        }
    }
    fn moved_bytes(&self) -> u64 {
        self.graph().feed.as_ref().map_or(0, |fed| fed.feed.moved_bytes(&fed.cuts))
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

    fn every(counts: &[u64]) -> impl Iterator<Item = Vec<u64>> {
        let counts = counts.to_vec();
        (0..counts.iter().product()).map(move |n| unravel(n, &counts))
    }

    fn whole() -> Vec<Space> {
        vec![
            Space::of(&[5]),
            Space::of(&[4, 3]),
            Space::of(&[5, 5]).triangle([0, 1]),
            Space::of(&[4, 6]).triangle([1, 0]),
            Space::of(&[2, 4, 5]).triangle([1, 2]),
        ]
    }

    #[test]
    fn places_of_a_space_are_counted_and_listed_as_one_by_one() {
        for space in whole() {
            let counts = space.counts();
            let mut parts = vec![space.clone()];
            for axis in 0..counts.len() {
                parts.push(space.at(axis, 1..3));
                for by in [1, 2, -1] {
                    // what has another place so far on, and what has none, are all of it
                    let (inner, ends) = (space.inner(axis, by), space.ends(axis, by));
                    for place in every(&counts).filter(|place| space.has(place)) {
                        let moved = place[axis].checked_add_signed(by).is_some_and(|at| {
                            let mut other = place.clone();
                            other[axis] = at;
                            space.has(&other)
                        });
                        assert_eq!(inner.has(&place), moved, "{space:?}, {place:?} by {by} along {axis}");
                        assert_eq!(
                            ends.iter().filter(|end| end.has(&place)).count(),
                            !moved as usize,
                            "{space:?}, {place:?} by {by} along {axis}"
                        );
                    }
                    parts.extend(ends.into_iter().chain([inner]));
                }
            }
            if space.apart.is_some() {
                parts.extend([space.apart(0..1), space.apart(1..u64::MAX), space.apart(2..3)]);
            }
            for part in parts {
                let expected: Vec<Vec<u64>> = every(&counts).filter(|place| part.has(place)).collect();
                let mut listed = Vec::new();
                part.each(&mut |place| listed.push(place.to_vec()));
                assert_eq!((listed, part.count()), (expected.clone(), expected.len() as u64), "{part:?}");
            }
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
                let relations: [(Vec<u64>, Vec<Along>, Option<Vec<Space>>); 7] = [
                    (vec![n], vec![Along::At(axis, 0)], None),
                    (vec![n], vec![Along::At(axis, 1)], Some(vec![space.at(axis, 0..n - 1)])),
                    (vec![n], vec![Along::At(axis, -1)], Some(vec![space.at(axis, 1..n)])),
                    (vec![3 * n - 1], vec![Along::Group(axis, groups)], None),
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
