//! How an array is cut into chunks, axis by axis.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The number of a block in a [`ChunkGrid`], in C order.
pub type BlockId = u64;

/// Chunks of unequal lengths are listed, 8 bytes each, which the runtime counts against the limit; an axis with more of them is refused.
pub const LISTED_MAX: u64 = 1 << 24;

/// The cuts along one axis. Cutting is O(1) to store where chunks are regular, so that a grid of 10⁷
/// chunks costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AxisChunks {
    /// The first chunk has `first` elements, all others `chunk`, the last what is left.
    Regular {
        /// Elements along the axis.
        len: u64,
        /// Elements of the first chunk, `1..=chunk` (smaller when a slice starts inside a chunk).
        first: u64,
        /// Elements of the others; at least 1.
        chunk: u64,
    },
    /// Regular chunks, each cut from its start into pieces of `piece` elements; its last piece is what is left.
    Pieces {
        /// As of the regular chunks.
        len: u64,
        /// As of the regular chunks.
        first: u64,
        /// As of the regular chunks.
        chunk: u64,
        /// Elements of a piece, `1..chunk`.
        piece: u64,
    },
    /// The ends of the chunks, ascending; the last is the length of the axis.
    Irregular(Arc<[u64]>),
}

impl AxisChunks {
    /// Chunks of `chunk` elements from the start; a zero chunk means the whole axis.
    pub fn regular(len: u64, chunk: u64) -> AxisChunks {
        let chunk = if chunk == 0 { len.max(1) } else { chunk.min(len.max(1)) };
        AxisChunks::Regular { len, first: chunk, chunk }
    }
    /// One chunk.
    pub fn whole(len: u64) -> AxisChunks {
        AxisChunks::regular(len, len)
    }
    /// From chunk lengths; regular when they are.
    pub fn from_lengths(lengths: &[u64]) -> AxisChunks {
        let len: u64 = lengths.iter().sum();
        let nonzero: Vec<u64> = lengths.iter().copied().filter(|&n| n > 0).collect();
        if nonzero.len() <= 1 {
            return AxisChunks::whole(len);
        }
        let chunk = nonzero[1].max(nonzero[0]);
        let middle_same = nonzero[1..nonzero.len() - 1].iter().all(|&n| n == chunk);
        if middle_same && nonzero[0] <= chunk && nonzero[nonzero.len() - 1] <= chunk && (nonzero.len() > 2 || nonzero[0] == chunk) {
            return AxisChunks::Regular { len, first: nonzero[0], chunk };
        }
        let ends = nonzero.iter().scan(0, |at, &n| {
            *at += n;
            Some(*at)
        });
        AxisChunks::Irregular(ends.collect())
    }
    /// The chunks of `parts`, one after the other; regular where they are, however many. `None` where they are not and a list of them
    /// would be longer than [`LISTED_MAX`].
    pub fn concatenated<'a>(parts: impl IntoIterator<Item = &'a AxisChunks> + Clone) -> Option<AxisChunks> {
        let parts = || parts.clone().into_iter().filter(|part| !part.is_empty());
        let Some(first) = parts().next() else { return Some(AxisChunks::whole(0)) };
        if let Some(regular) = parts().skip(1).try_fold(first.clone(), |whole, part| whole.followed_by(part)) {
            return Some(regular);
        }
        let count = parts().map(AxisChunks::count).fold(0, u64::saturating_add);
        (count <= LISTED_MAX).then(|| AxisChunks::from_lengths(&parts().flat_map(AxisChunks::lengths).collect::<Vec<_>>()))
    }
    /// These regular chunks and then `next`, where both together are regular.
    fn followed_by(&self, next: &AxisChunks) -> Option<AxisChunks> {
        let (AxisChunks::Regular { len, first, chunk }, AxisChunks::Regular { len: more, first: begin, chunk: other }) = (self, next)
        else {
            return None;
        };
        let all = len.checked_add(*more)?;
        // a part of one chunk goes with any chunks that are no shorter
        let (own, follows) = ((*first).min(*len), (*begin).min(*more));
        let chunk = match (len <= first, more <= begin) {
            (true, true) | (false, true) => {
                if len <= first {
                    own
                } else {
                    *chunk
                }
            }
            (true, false) => *other,
            (false, false) if chunk == other => *chunk,
            (false, false) => return None,
        };
        let ends_whole = if len <= first { own <= chunk } else { (len - first).is_multiple_of(chunk) };
        let goes_on = if more <= begin { follows <= chunk } else { follows == chunk };
        (ends_whole && goes_on).then_some(AxisChunks::Regular { len: all, first: own, chunk })
    }
    /// Every chunk cut from its start into pieces of at most `piece` elements.
    pub fn split(&self, piece: u64) -> AxisChunks {
        let piece = piece.max(1);
        if self.longest() <= piece {
            return self.clone();
        }
        match self {
            AxisChunks::Regular { len, first, chunk } if first == chunk && chunk.is_multiple_of(piece) => AxisChunks::regular(*len, piece),
            AxisChunks::Regular { len, first, .. } if len <= first => AxisChunks::regular(*len, piece),
            AxisChunks::Regular { len, first, chunk } => AxisChunks::Pieces { len: *len, first: *first, chunk: *chunk, piece },
            AxisChunks::Pieces { len, first, chunk, piece: old } if old.is_multiple_of(piece) => {
                AxisChunks::Pieces { len: *len, first: *first, chunk: *chunk, piece }
            }
            AxisChunks::Pieces { .. } | AxisChunks::Irregular(_) => {
                let pieces = self.lengths().flat_map(|n| (0..n.div_ceil(piece)).map(move |i| piece.min(n - i * piece)));
                AxisChunks::from_lengths(&pieces.collect::<Vec<u64>>())
            }
        }
    }
    /// Every `by` neighbours joined, from the start.
    pub fn join(&self, by: u64) -> AxisChunks {
        let by = by.clamp(1, self.count().max(1));
        match self {
            _ if by == 1 => self.clone(),
            AxisChunks::Regular { len, first, chunk } => AxisChunks::Regular {
                len: *len,
                first: first.saturating_add((by - 1).saturating_mul(*chunk)),
                chunk: chunk.saturating_mul(by),
            },
            AxisChunks::Pieces { len, first, chunk, piece } if first == chunk && chunk.div_ceil(*piece).is_multiple_of(by) => {
                AxisChunks::regular(*len, *chunk).split(piece * by)
            }
            AxisChunks::Pieces { .. } | AxisChunks::Irregular(_) => {
                let lengths: Vec<u64> = self.lengths().collect();
                AxisChunks::from_lengths(&lengths.chunks(by as usize).map(|c| c.iter().sum()).collect::<Vec<u64>>())
            }
        }
    }
    /// Elements along the axis.
    pub fn len(&self) -> u64 {
        match self {
            AxisChunks::Regular { len, .. } | AxisChunks::Pieces { len, .. } => *len,
            AxisChunks::Irregular(ends) => ends.last().copied().unwrap_or(0),
        }
    }
    /// Whether the axis has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Number of chunks; 0 on an empty axis.
    pub fn count(&self) -> u64 {
        match self {
            AxisChunks::Regular { len, first, chunk } => {
                if *len == 0 {
                    0
                } else if len <= first {
                    1
                } else {
                    1 + (len - first).div_ceil(*chunk)
                }
            }
            AxisChunks::Pieces { len, first, chunk, piece } => {
                if len <= first {
                    return len.div_ceil(*piece);
                }
                let (whole, rest) = ((len - first) / chunk, (len - first) % chunk);
                first.div_ceil(*piece) + whole * chunk.div_ceil(*piece) + rest.div_ceil(*piece)
            }
            AxisChunks::Irregular(ends) => ends.len() as u64,
        }
    }
    /// Start and length of chunk `i`.
    ///
    /// # Panics
    /// If there is no chunk `i` (debug builds, and irregular chunks).
    pub fn chunk(&self, i: u64) -> (u64, u64) {
        debug_assert!(i < self.count(), "chunk {i} of {}", self.count());
        match self {
            AxisChunks::Regular { len, first, chunk } => {
                if i == 0 {
                    return (0, (*first).min(*len));
                }
                let start = first + (i - 1) * chunk;
                (start, (*chunk).min(len - start))
            }
            AxisChunks::Pieces { len, first, chunk, piece } => {
                let (before, each) = (first.div_ceil(*piece), chunk.div_ceil(*piece));
                let (start, end, at) = match i.checked_sub(before) {
                    None => (0, (*first).min(*len), i),
                    Some(i) => {
                        let start = first + i / each * chunk;
                        (start, (start + chunk).min(*len), i % each)
                    }
                };
                let start = start + at * piece;
                (start, (*piece).min(end - start))
            }
            AxisChunks::Irregular(ends) => {
                let start = if i == 0 { 0 } else { ends[i as usize - 1] };
                (start, ends[i as usize] - start)
            }
        }
    }
    /// The chunk that holds element `at`.
    pub fn find(&self, at: u64) -> u64 {
        match self {
            AxisChunks::Regular { first, chunk, .. } => {
                if at < *first {
                    0
                } else {
                    1 + (at - first) / chunk
                }
            }
            AxisChunks::Pieces { first, chunk, piece, .. } => match at.checked_sub(*first) {
                None => at / piece,
                Some(at) => first.div_ceil(*piece) + at / chunk * chunk.div_ceil(*piece) + at % chunk / piece,
            },
            AxisChunks::Irregular(ends) => ends.partition_point(|&end| end <= at) as u64,
        }
    }
    /// The longest chunk.
    pub fn longest(&self) -> u64 {
        match self {
            AxisChunks::Regular { len, first, chunk } => {
                if len <= first {
                    *len
                } else {
                    (*chunk).min(len - first).max(*first)
                }
            }
            AxisChunks::Pieces { len, first, chunk, piece } => {
                AxisChunks::Regular { len: *len, first: *first, chunk: *chunk }.longest().min(*piece)
            }
            AxisChunks::Irregular(_) => (0..self.count()).map(|i| self.chunk(i).1).max().unwrap_or(0),
        }
    }
    /// The lengths of all chunks, as NumPy-minded users print them.
    pub fn lengths(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count()).map(|i| self.chunk(i).1)
    }
}

/// The cuts of an array along every axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChunkGrid {
    /// One entry an axis.
    pub axes: Vec<AxisChunks>,
}

impl ChunkGrid {
    /// Chunks of `chunk` from the origin of an array of `shape`.
    pub fn regular(shape: &[u64], chunk: &[u64]) -> ChunkGrid {
        ChunkGrid { axes: shape.iter().zip(chunk).map(|(&n, &c)| AxisChunks::regular(n, c)).collect() }
    }
    /// One chunk.
    pub fn whole(shape: &[u64]) -> ChunkGrid {
        ChunkGrid { axes: shape.iter().map(|&n| AxisChunks::whole(n)).collect() }
    }
    /// The shape of the array.
    pub fn shape(&self) -> Vec<u64> {
        self.axes.iter().map(AxisChunks::len).collect()
    }
    /// Cuts of the same size for another shape of as many axes: an axis of the same length keeps its own.
    pub fn resized(&self, shape: &[u64]) -> ChunkGrid {
        let cut = |(old, &n): (&AxisChunks, &u64)| if old.len() == n { old.clone() } else { AxisChunks::regular(n, old.longest().max(1)) };
        ChunkGrid { axes: self.axes.iter().zip(shape).map(cut).collect() }
    }
    /// Number of chunks along each axis.
    pub fn counts(&self) -> Vec<u64> {
        self.axes.iter().map(AxisChunks::count).collect()
    }
    /// Number of chunks; 1 for a 0-d array.
    pub fn blocks(&self) -> u64 {
        self.axes.iter().map(AxisChunks::count).product()
    }
    /// Start and shape of block `id`.
    pub fn block(&self, id: BlockId) -> (Vec<u64>, Vec<u64>) {
        let index = super::unravel(id, &self.counts());
        index.iter().zip(&self.axes).map(|(&i, axis)| axis.chunk(i)).unzip()
    }
    /// The number of the block with `index` along each axis.
    pub fn id(&self, index: &[u64]) -> BlockId {
        super::ravel(index, &self.counts())
    }
    /// Elements of the largest block; 1 for a 0-d array.
    pub fn largest_elements(&self) -> u64 {
        longest_elements(&self.axes)
    }
}

/// Elements of the largest box of axes that are cut so.
pub fn longest_elements(cuts: &[AxisChunks]) -> u64 {
    cuts.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_one_after_the_other_are_those_of_a_list() {
        let axes: Vec<AxisChunks> = [(0, 3), (1, 3), (2, 3), (3, 3), (4, 3), (6, 3), (8, 3), (5, 9), (7, 2), (12, 4)]
            .into_iter()
            .map(|(len, chunk)| AxisChunks::regular(len, chunk))
            .chain([
                AxisChunks::Regular { len: 7, first: 1, chunk: 3 },
                AxisChunks::regular(9, 4).split(3),
                AxisChunks::from_lengths(&[1, 4, 2]),
            ])
            .collect();
        for a in &axes {
            for b in &axes {
                for c in &axes {
                    let joined = AxisChunks::concatenated([a, b, c]).unwrap();
                    let lengths: Vec<u64> = [a, b, c].into_iter().flat_map(AxisChunks::lengths).collect();
                    assert_eq!(joined.lengths().collect::<Vec<_>>(), lengths, "{a:?} {b:?} {c:?}");
                    assert_eq!(joined.count(), lengths.len() as u64);
                }
            }
        }
        let long = AxisChunks::regular(1 << 61, 1 << 20);
        assert_eq!(AxisChunks::concatenated([&long, &long]), Some(AxisChunks::regular(1 << 62, 1 << 20)));
        assert_eq!(
            AxisChunks::concatenated([&AxisChunks::whole(10), &long]),
            Some(AxisChunks::Regular { len: (1 << 61) + 10, first: 10, chunk: 1 << 20 })
        );
        assert_eq!(AxisChunks::concatenated([&AxisChunks::regular((1 << 61) + 1, 1 << 20), &long]), None);
    }

    #[test]
    fn every_element_is_in_the_chunk_that_find_names() {
        for axis in [
            AxisChunks::regular(10, 3),
            AxisChunks::Regular { len: 10, first: 2, chunk: 5 },
            AxisChunks::from_lengths(&[3, 1, 6]),
            AxisChunks::from_lengths(&[2, 4, 4, 1]),
            AxisChunks::whole(7),
            AxisChunks::Regular { len: 23, first: 4, chunk: 7 }.split(3),
            AxisChunks::Regular { len: 25, first: 4, chunk: 7 }.split(2),
            AxisChunks::regular(30, 8).split(3),
            AxisChunks::regular(30, 8).split(3).join(3),
            AxisChunks::regular(30, 8).split(2).join(2),
            AxisChunks::from_lengths(&[3, 1, 6]).split(2),
            AxisChunks::regular(30, 8).split(6).split(3),
            AxisChunks::regular(5, 8).split(2),
        ] {
            let mut next = 0;
            for i in 0..axis.count() {
                let (start, len) = axis.chunk(i);
                assert_eq!(start, next);
                assert!(len > 0 && len <= axis.longest());
                assert!((start..start + len).all(|at| axis.find(at) == i));
                next = start + len;
            }
            assert_eq!(next, axis.len());
        }
        assert_eq!(AxisChunks::regular(20, 8).split(3).lengths().collect::<Vec<_>>(), [3, 3, 2, 3, 3, 2, 3, 1]);
        assert_eq!(AxisChunks::regular(20, 8).split(3).join(3), AxisChunks::regular(20, 8));
        assert_eq!(AxisChunks::whole(0).count(), 0);
        assert!(matches!(AxisChunks::from_lengths(&[2, 4, 4, 1]), AxisChunks::Regular { first: 2, chunk: 4, .. }));
        assert!(matches!(AxisChunks::from_lengths(&[4, 2]), AxisChunks::Regular { first: 4, .. }));
    }
}
