//! Depth that is decoded chunk by chunk, where chunks end inside of its blocks: each chunk is decoded once, and what a block has of two
//! chunks is put together.

use crate::blocked::feed::Feed;
use crate::blocked::need::{Around, Windows};
use crate::grid::AxisChunks;
use std::ops::Range;

/// How the depth of one operand is brought in.
pub struct Stretches {
    /// Which operand: 0 or 1. The other one has few rows or columns of its own.
    pub decoded: usize,
    /// Whole chunks of it, which come one after the other.
    pub cuts: AxisChunks,
    /// Places of the depth in a block of it.
    pub block: u64,
}

/// What is done with a stretch, by places of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Goes behind what is left of the stretch before.
    pub head: Range<u64>,
    /// Whether that makes a block whole, or ends the depth.
    pub joins: bool,
    /// Is multiplied where it lies.
    pub body: Range<u64>,
    /// Is left for the next stretch.
    pub tail: Range<u64>,
}

impl Stretches {
    /// The stretch from place `at` of the depth on, no further than `end`: how long it is.
    pub fn length(&self, at: u64, end: u64) -> u64 {
        let (start, len) = self.cuts.chunk(self.cuts.find(at));
        (start + len).min(end) - at
    }

    /// What is done with the `len` places from `at` on, where the last `left` before it are left, of a depth that a task multiplies up to `end`.
    pub fn pieces(&self, at: u64, len: u64, left: u64, end: u64) -> Pieces {
        let head = if left > 0 { (self.block - left).min(len) } else { 0 };
        let is_last = at + len == end;
        let joins = left > 0 && (left + head == self.block || is_last);
        let body = if is_last { len } else { ((at + len) / self.block * self.block).max(at + head) - at };
        Pieces { head: 0..head, joins, body: head..body, tail: body..len }
    }

    /// Places of the longest stretch, with what may be left of the one before.
    pub fn longest(&self) -> u64 {
        self.cuts.longest().saturating_add(self.block - 1).min(self.cuts.len())
    }

    /// Bytes that loading `feed` takes at most, whose own side is cut at `own` and whose depth, axis `axis`, comes in stretches.
    pub fn loading_bytes(&self, feed: &Feed, own: &AxisChunks, axis: usize) -> u64 {
        // from any place on, no more than the longest
        let places = AxisChunks::regular(self.cuts.len(), 1);
        let depth = Windows::around(&places, Around { before: 0, after: self.longest() - 1, turn: 0 });
        let mut windows = [Windows::whole(own); 2];
        windows[axis] = depth;
        feed.loading_bytes(&windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_multiplied_once_in_whole_blocks() {
        for (chunk, block, from, end) in
            [(10, 4, 0, 37), (3, 4, 8, 37), (1, 4, 0, 9), (4, 4, 0, 10), (5, 1, 0, 12), (7, 6, 12, 13), (40, 6, 0, 37)]
        {
            let stretches = Stretches { decoded: 0, cuts: AxisChunks::regular(37, chunk), block };
            let (mut at, mut left, mut multiplied) = (from, 0, from);
            while at < end {
                let len = stretches.length(at, end);
                assert!(len > 0 && len + left <= stretches.longest());
                let pieces = stretches.pieces(at, len, left, end);
                assert_eq!(
                    (pieces.head.start, pieces.head.end, pieces.body.end, pieces.tail.end),
                    (0, pieces.body.start, pieces.tail.start, len)
                );
                left += pieces.head.end;
                if pieces.joins {
                    multiplied += left;
                    left = 0;
                }
                assert!(multiplied % block == 0 || multiplied == end, "{multiplied} of blocks of {block}");
                if !pieces.body.is_empty() {
                    assert_eq!((left, multiplied), (0, at + pieces.body.start));
                    multiplied = at + pieces.body.end;
                    assert!(multiplied % block == 0 || multiplied == end);
                }
                left += pieces.tail.end - pieces.tail.start;
                assert!(left < block);
                at += len;
            }
            assert_eq!((multiplied, left), (end, 0));
        }
    }
}
