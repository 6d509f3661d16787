//! A region → its parts, one a chunk that it touches.

use crate::error::Result;
use crate::grid::{Region, Span};

/// The part of a region inside one chunk.
#[derive(Debug)]
pub(crate) struct ChunkPart {
    /// The chunk's index along each axis.
    pub(crate) index: Vec<u64>,
    /// The region inside the chunk.
    pub(crate) local: Region,
    /// Where the part starts in the region, and its shape.
    pub(crate) start: Vec<usize>,
    pub(crate) shape: Vec<usize>,
}

impl ChunkPart {
    /// Whether the part is the whole chunk.
    pub(crate) fn is_whole(&self, chunk: &[u64]) -> bool {
        let whole = |(s, &n): (&Span, &u64)| s.start == 0 && s.len == n && (s.step == 1 || n <= 1);
        self.local.0.iter().zip(chunk).all(whole)
    }

    /// Elements of the part.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }
}

/// The parts of a region in C order. Keeps one at a time.
#[derive(Debug)]
pub(crate) struct ChunkParts {
    region: Region,
    chunk: Vec<u64>,
    part: ChunkPart,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Among,
    Done,
}

impl ChunkParts {
    /// Before the first part of `region` in chunks of this shape.
    pub(crate) fn new(region: &Region, chunk: &[u64]) -> ChunkParts {
        let rank = chunk.len();
        let part =
            ChunkPart { index: vec![0; rank], local: Region(vec![Span::dense(0, 0); rank]), start: vec![0; rank], shape: vec![0; rank] };
        let state = if region.elements() == 0 { State::Done } else { State::New };
        ChunkParts { region: region.clone(), chunk: chunk.to_vec(), part, state }
    }

    /// The next part.
    pub(crate) fn next(&mut self) -> Option<&ChunkPart> {
        match self.state {
            State::Done => return None,
            State::New => {
                (0..self.chunk.len()).for_each(|axis| self.place(axis));
                self.state = State::Among;
            }
            State::Among => {
                if !self.advance() {
                    self.state = State::Done;
                    return None;
                }
            }
        }
        Some(&self.part)
    }

    /// Goes to the part behind this one; false after the last.
    fn advance(&mut self) -> bool {
        for axis in (0..self.chunk.len()).rev() {
            self.part.start[axis] += self.part.shape[axis];
            if (self.part.start[axis] as u64) < self.region.0[axis].len {
                self.place(axis);
                return true;
            }
            self.part.start[axis] = 0;
            self.place(axis);
        }
        false
    }

    fn place(&mut self, axis: usize) {
        let (span, chunk, part) = (self.region.0[axis], self.chunk[axis], &mut self.part);
        let first = span.start + part.start[axis] as u64 * span.step;
        let index = first / chunk;
        let inside = first - index * chunk;
        let len = ((chunk - inside).div_ceil(span.step)).min(span.len - part.start[axis] as u64);
        part.index[axis] = index;
        part.local.0[axis] = Span { start: inside, len, step: span.step };
        part.shape[axis] = len as usize;
    }
}

/// Calls `f` for each chunk that holds an element of `region`, in C order.
pub(crate) fn for_each_part(region: &Region, chunk: &[u64], mut f: impl FnMut(&ChunkPart) -> Result<()>) -> Result<()> {
    let mut parts = ChunkParts::new(region, chunk);
    while let Some(part) = parts.next() {
        f(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole chunks are read and written without a copy: an edge that a chunk fits exactly cuts none.
    #[test]
    fn a_chunk_is_whole_where_the_region_has_all_of_it() {
        let wholes = |spans: [(u64, u64, u64); 2], chunk: [u64; 2]| {
            let mut wholes = Vec::new();
            let region = Region(spans.map(|(start, len, step)| Span { start, len, step }).to_vec());
            for_each_part(&region, &chunk, |part| {
                wholes.push(part.is_whole(&chunk));
                Ok(())
            })
            .unwrap();
            wholes
        };
        assert_eq!(wholes([(0, 8, 1), (0, 6, 1)], [4, 3]), [true; 4]);
        assert_eq!(wholes([(0, 10, 1), (0, 3, 1)], [4, 3]), [true, true, false]);
        assert_eq!(wholes([(1, 7, 1), (0, 3, 1)], [4, 3]), [false, true]);
        assert_eq!(wholes([(0, 4, 2), (0, 3, 1)], [4, 3]), [false, false]);
        assert_eq!(wholes([(0, 3, 5), (0, 3, 1)], [1, 3]), [true; 3]);
    }

    #[test]
    fn parts_cover_every_element_once_in_its_chunk() {
        let chunk = [4, 3];
        for (a, b) in [((0, 10, 1), (0, 7, 1)), ((1, 3, 5), (2, 2, 4)), ((3, 1, 1), (6, 1, 9)), ((0, 12, 1), (1, 3, 2))] {
            let span = |(start, len, step)| Span { start, len, step };
            let region = Region(vec![span(a), span(b)]);
            let mut seen = vec![0; (a.1 * b.1) as usize];
            for_each_part(&region, &chunk, |part| {
                for i in 0..part.shape[0] {
                    for j in 0..part.shape[1] {
                        let at = [part.start[0] + i, part.start[1] + j];
                        for (axis, n) in [i, j].into_iter().enumerate() {
                            let s = part.local.0[axis];
                            let inside = s.start + n as u64 * s.step;
                            assert!(inside < chunk[axis]);
                            let r = region.0[axis];
                            assert_eq!(part.index[axis] * chunk[axis] + inside, r.start + at[axis] as u64 * r.step);
                        }
                        seen[at[0] * b.1 as usize + at[1]] += 1;
                    }
                }
                Ok(())
            })
            .unwrap();
            assert!(seen.iter().all(|&n| n == 1), "{region:?}: {seen:?}");
        }
    }
}
