//! The task of a loop that needs the most. Where cuts and the blocks below them do not line up, that is no
//! matter of the box's size: a box that lies across a seam reads both blocks, and copies them together.

use super::boxes::Boxes;
use super::feed::{Data, Feed, Input, places_inside};
use crate::expr::Follow;
use crate::grid::AxisChunks;
use crate::memory::rounded;
use crate::plan::{Stage, TaskSpec};

/// Boxes from the start of an axis that are looked at.
const PLACES_MAX: u64 = 128;
/// Seams of an input from the start of an axis whose boxes are looked at.
const SEAMS_MAX: u64 = 256;

/// Bytes that task `n` holds at once; `feeds` know how large the blocks are that it reads.
pub fn demand(stage: &dyn Stage, feeds: &[&Feed], n: u64) -> u64 {
    let mut spec = TaskSpec::default();
    stage.describe(n, &mut spec);
    let mut reads = std::mem::take(&mut spec.reads);
    reads.sort_unstable();
    reads.dedup();
    let bytes = |key: &crate::memory::BlockKey| {
        let input = feeds.iter().flat_map(|feed| &feed.inputs).find_map(|input| match &input.data {
            Data::Blocks { product, grid } if *product == key.product => Some((grid, input.dtype)),
            _ => None,
        });
        input.map_or(0, |(grid, dtype)| rounded(grid.block(key.block).1.iter().product::<u64>() * dtype.size() as u64))
    };
    // a taken block is as large as the write that continues it
    let taken: u64 = spec.writes.iter().filter(|write| write.takes.is_some()).map(|write| rounded(write.bytes)).sum();
    spec.new_bytes() + taken + reads.iter().map(bytes).sum::<u64>()
}

/// The task of `stage` with the greatest demand, of those that visit `boxes`: from the largest box, along
/// one axis after the other.
pub fn largest(stage: &dyn Stage, feeds: &[&Feed], boxes: &Boxes) -> u64 {
    if boxes.len() == 0 || feeds.iter().all(|feed| feed.lines_up(&boxes.cuts)) {
        return boxes.largest();
    }
    largest_uneven(stage, feeds, boxes)
}

/// As [`largest`], for boxes that differ in more than what they read.
pub fn largest_uneven(stage: &dyn Stage, feeds: &[&Feed], boxes: &Boxes) -> u64 {
    let places = |axis: usize| places(&boxes.cuts[axis], feeds.iter().map(|feed| (*feed, axis)));
    let axes: Vec<Vec<u64>> = (0..boxes.cuts.len()).map(places).collect();
    largest_task(stage, feeds, &boxes.nth(boxes.largest()).index, &axes, &|index| boxes.number(index))
}

/// The task with the greatest demand among those at `places` of each axis, from `from` along one axis after the
/// other.
pub fn largest_task(stage: &dyn Stage, feeds: &[&Feed], from: &[u64], places: &[Vec<u64>], number: &dyn Fn(&[u64]) -> u64) -> u64 {
    let mut best = from.to_vec();
    let mut most = demand(stage, feeds, number(&best));
    for _ in 0..2 {
        for (axis, places) in places.iter().enumerate() {
            let mut index = best.clone();
            for &at in places {
                index[axis] = at;
                let bytes = demand(stage, feeds, number(&index));
                if bytes > most {
                    (most, best) = (bytes, index.clone());
                }
            }
        }
    }
    number(&best)
}

/// The boxes of `cuts`, which cut a loop axis of each feed, that are worth a look: the first ones, the last two,
/// and those where something that is read begins or ends. How cuts and seams meet repeats; where it repeats
/// later than what is looked at, a task may need more than was planned, and is then refused when it starts.
pub fn places<'a>(cuts: &AxisChunks, feeds: impl Iterator<Item = (&'a Feed, usize)>) -> Vec<u64> {
    let count = cuts.count();
    let mut places: Vec<u64> = (0..count.min(PLACES_MAX)).chain(count.saturating_sub(2)..count).collect();
    for (feed, axis) in feeds {
        places.extend(feed.seams(axis).into_iter().filter(|&at| at < cuts.len()).map(|at| cuts.find(at)));
        for length in feed.chunk_lengths(axis) {
            // boxes longer than chunks: where one more chunk is seen for the first time
            let shift = cuts.longest() % length.max(1);
            places.extend(length.checked_div(shift).into_iter().flat_map(|at| at.saturating_sub(1)..=at + 1).filter(|&at| at < count));
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// How an input is cut along a source axis, where that matters.
fn chunks_of(input: &Input, axis: usize) -> Option<AxisChunks> {
    match &input.data {
        Data::Blocks { grid, .. } => Some(grid.axes[axis].clone()),
        Data::Store(store) => store.meta().chunks.as_ref().map(|chunks| AxisChunks::regular(store.meta().shape[axis], chunks[axis])),
    }
}

impl Feed {
    /// Whether every box of `cuts` of the same size brings in as much: no seam of a block or an encoded chunk
    /// lies inside of one box and not of another.
    pub fn lines_up(&self, cuts: &[AxisChunks]) -> bool {
        self.inputs.iter().all(|input| {
            input.view.source.iter().enumerate().all(|(axis, f)| match (f.axis, chunks_of(input, axis)) {
                (None, _) => true,
                (Some(_), Some(chunks)) if chunks.count() <= 1 => true,
                (Some(to), Some(chunks)) => f.step == 1 && f.start == 0 && (cuts[to] == chunks || multiples(&cuts[to], &chunks)),
                (Some(_), None) => true,
            })
        })
    }

    /// The source axes of inputs that follow loop axis `axis`, and how they are cut.
    fn cut_along(&self, axis: usize) -> impl Iterator<Item = (&Follow, AxisChunks)> {
        let sources = self.inputs.iter().flat_map(|input| input.view.source.iter().enumerate().map(move |(source, f)| (input, source, f)));
        sources
            .filter(move |(_, _, f)| f.axis == Some(axis) && f.step != 0)
            .filter_map(|(input, source, f)| Some((f, chunks_of(input, source)?)))
    }

    /// Places along loop axis `axis` where what an input sees of a block begins or ends: of the first blocks and
    /// the last ones.
    fn seams(&self, axis: usize) -> Vec<u64> {
        let len = self.shape[axis];
        let mut seams = Vec::new();
        for (f, chunks) in self.cut_along(axis).filter(|(_, chunks)| len > 0 && !chunks.is_empty()) {
            let last = f.start + f.step * (len as i64 - 1);
            let (low, high) = (chunks.find(f.start.min(last) as u64), chunks.find(f.start.max(last) as u64));
            let first = low..=high.min(low + SEAMS_MAX);
            for block in first.chain(high.saturating_sub(SEAMS_MAX).max(low)..=high) {
                let (start, n) = chunks.chunk(block);
                if let Some((first, n)) = places_inside(f, len, start, n) {
                    seams.extend([first, first + n - 1]);
                }
            }
        }
        seams
    }

    /// Lengths, in places of loop axis `axis`, of the chunks that inputs see.
    fn chunk_lengths(&self, axis: usize) -> Vec<u64> {
        self.cut_along(axis).map(|(f, chunks)| chunks.longest() / f.step.unsigned_abs()).collect()
    }
}

fn multiples(a: &AxisChunks, b: &AxisChunks) -> bool {
    match (a, b) {
        (AxisChunks::Regular { first: f, chunk: c, .. }, AxisChunks::Regular { first: g, chunk: d, .. }) => {
            f == c && g == d && (c % d == 0 || d % c == 0)
        }
        _ => false,
    }
}
