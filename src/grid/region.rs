//! Boxes of elements, dense or with a step.

use serde::{Deserialize, Serialize};

/// `len` places along an axis: `start`, `start + step`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First place.
    pub start: u64,
    /// Number of places.
    pub len: u64,
    /// From one place to the next; at least 1.
    pub step: u64,
}

impl Span {
    /// `start..start + len`.
    pub fn dense(start: u64, len: u64) -> Span {
        Span { start, len, step: 1 }
    }
    /// One past the last place; `start` when empty.
    pub fn stop(&self) -> u64 {
        if self.len == 0 { self.start } else { self.start + (self.len - 1) * self.step + 1 }
    }
}

/// A box of elements: one span an axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region(pub Vec<Span>);

impl Region {
    /// The dense box at `start` with `shape`.
    pub fn dense(start: &[u64], shape: &[u64]) -> Region {
        Region(start.iter().zip(shape).map(|(&s, &n)| Span::dense(s, n)).collect())
    }
    /// All of an array of `shape`.
    pub fn whole(shape: &[u64]) -> Region {
        Region(shape.iter().map(|&n| Span::dense(0, n)).collect())
    }
    /// Number of places along each axis.
    pub fn shape(&self) -> Vec<u64> {
        self.0.iter().map(|s| s.len).collect()
    }
    /// First place along each axis.
    pub fn start(&self) -> Vec<u64> {
        self.0.iter().map(|s| s.start).collect()
    }
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.0.iter().map(|s| s.len).product()
    }
    /// Whether every step is 1.
    pub fn is_dense(&self) -> bool {
        self.0.iter().all(|s| s.step == 1 || s.len <= 1)
    }
}
