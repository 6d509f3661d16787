//! The task of a loop that needs the most. Where cuts and the blocks below them do not line up, that is no
//! matter of the box's size: a box that lies across a seam reads both blocks, and copies them together.

use super::boxes::Boxes;
use super::feed::{Data, Feed};
use crate::grid::AxisChunks;
use crate::memory::rounded;
use crate::plan::{Stage, TaskSpec};

/// Places along an axis that are looked at: how cuts and blocks meet repeats, mostly much earlier.
const PLACES_MAX: u64 = 384;

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
    largest_task(stage, feeds, &boxes.nth(boxes.largest()).index, &boxes.counts(), &|index| boxes.number(index))
}

/// As [`largest`], for tasks that stand in any grid of `counts`.
pub fn largest_task(stage: &dyn Stage, feeds: &[&Feed], from: &[u64], counts: &[u64], number: &dyn Fn(&[u64]) -> u64) -> u64 {
    let mut best = from.to_vec();
    let mut most = demand(stage, feeds, number(&best));
    for _ in 0..2 {
        for axis in 0..counts.len() {
            let mut index = best.clone();
            for at in (0..counts[axis].min(PLACES_MAX)).chain(counts[axis].saturating_sub(2).max(PLACES_MAX)..counts[axis]) {
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

impl Feed {
    /// Whether every box of `cuts` of the same size brings in as much: no seam of a block or an encoded chunk
    /// lies inside of one box and not of another.
    pub fn lines_up(&self, cuts: &[AxisChunks]) -> bool {
        self.inputs.iter().all(|input| {
            let chunk_of = |axis: usize| match &input.data {
                Data::Blocks { grid, .. } => Some(grid.axes[axis].clone()),
                Data::Store(store) => {
                    store.meta().chunks.as_ref().map(|chunks| AxisChunks::regular(store.meta().shape[axis], chunks[axis]))
                }
            };
            input.view.source.iter().enumerate().all(|(axis, f)| match (f.axis, chunk_of(axis)) {
                (None, _) => true,
                (Some(_), Some(chunks)) if chunks.count() <= 1 => true,
                (Some(to), Some(chunks)) => f.step == 1 && f.start == 0 && (cuts[to] == chunks || multiples(&cuts[to], &chunks)),
                (Some(_), None) => true,
            })
        })
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
