//! Boxes of elements, dense or with a step.

use serde::{Deserialize, Serialize};
use std::fmt;

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

/// As a slice in NumPy's syntax: `2:6`, or `0:9:4` with a step.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.start, self.stop())?;
        if self.step == 1 || self.len <= 1 { Ok(()) } else { write!(f, ":{}", self.step) }
    }
}

/// A box of elements: one span an axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region(pub Vec<Span>);

/// As an index in NumPy's syntax: `[2:6, 0:9:4]`.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, span) in self.0.iter().enumerate() {
            write!(f, "{}{span}", if axis == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_written_as_indices() {
        let stepped =
            Region(vec![Span::dense(2, 4), Span { start: 0, len: 3, step: 4 }, Span { start: 7, len: 1, step: 9 }, Span::dense(5, 0)]);
        assert_eq!(stepped.to_string(), "[2:6, 0:9:4, 7:8, 5:5]");
        assert_eq!(Region::whole(&[]).to_string(), "[]");
    }
}
