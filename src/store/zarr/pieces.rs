//! A region → its parts, one a chunk.

use crate::error::Result;
use crate::grid::{Region, Span};

/// The part of a region inside one chunk.
#[derive(Debug)]
pub(super) struct Piece {
    /// The chunk's index along each axis.
    pub(super) index: Vec<u64>,
    /// The region inside the chunk.
    pub(super) local: Region,
    /// Where the part starts in the region, and its shape.
    pub(super) start: Vec<usize>,
    pub(super) shape: Vec<usize>,
}

impl Piece {
    /// Whether the part is the whole chunk.
    pub(super) fn is_whole(&self, chunk: &[u64]) -> bool {
        let whole = |(s, &n): (&Span, &u64)| s.start == 0 && s.len == n && (s.step == 1 || n <= 1);
        self.local.0.iter().zip(chunk).all(whole)
    }

    /// Elements of the part.
    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }
}

/// The parts of a region in C order. Keeps one at a time.
#[derive(Debug)]
pub(super) struct Pieces {
    region: Region,
    chunk: Vec<u64>,
    piece: Piece,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Among,
    Done,
}

impl Pieces {
    /// Before the first part of `region` in chunks of this shape.
    pub(super) fn new(region: &Region, chunk: &[u64]) -> Pieces {
        let rank = chunk.len();
        let piece =
            Piece { index: vec![0; rank], local: Region(vec![Span::dense(0, 0); rank]), start: vec![0; rank], shape: vec![0; rank] };
        let state = if region.elements() == 0 { State::Done } else { State::New };
        Pieces { region: region.clone(), chunk: chunk.to_vec(), piece, state }
    }

    /// The next part.
    pub(super) fn next(&mut self) -> Option<&Piece> {
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
        Some(&self.piece)
    }

    /// Goes to the part behind this one; false after the last.
    fn advance(&mut self) -> bool {
        for axis in (0..self.chunk.len()).rev() {
            self.piece.start[axis] += self.piece.shape[axis];
            if (self.piece.start[axis] as u64) < self.region.0[axis].len {
                self.place(axis);
                return true;
            }
            self.piece.start[axis] = 0;
            self.place(axis);
        }
        false
    }

    fn place(&mut self, axis: usize) {
        let (span, chunk, piece) = (self.region.0[axis], self.chunk[axis], &mut self.piece);
        let first = span.start + piece.start[axis] as u64 * span.step;
        let index = first / chunk;
        let inside = first - index * chunk;
        let len = ((chunk - inside).div_ceil(span.step)).min(span.len - piece.start[axis] as u64);
        piece.index[axis] = index;
        piece.local.0[axis] = Span { start: inside, len, step: span.step };
        piece.shape[axis] = len as usize;
    }
}

/// Calls `f` for each chunk that holds an element of `region`, in C order.
pub(super) fn for_each(region: &Region, chunk: &[u64], mut f: impl FnMut(&Piece) -> Result<()>) -> Result<()> {
    let mut pieces = Pieces::new(region, chunk);
    while let Some(piece) = pieces.next() {
        f(piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_element_once_in_its_chunk() {
        let chunk = [4, 3];
        for (a, b) in [((0, 10, 1), (0, 7, 1)), ((1, 3, 5), (2, 2, 4)), ((3, 1, 1), (6, 1, 9)), ((0, 12, 1), (1, 3, 2))] {
            let span = |(start, len, step)| Span { start, len, step };
            let region = Region(vec![span(a), span(b)]);
            let mut seen = vec![0; (a.1 * b.1) as usize];
            for_each(&region, &chunk, |piece| {
                for i in 0..piece.shape[0] {
                    for j in 0..piece.shape[1] {
                        let at = [piece.start[0] + i, piece.start[1] + j];
                        for (axis, n) in [i, j].into_iter().enumerate() {
                            let s = piece.local.0[axis];
                            let inside = s.start + n as u64 * s.step;
                            assert!(inside < chunk[axis]);
                            let r = region.0[axis];
                            assert_eq!(piece.index[axis] * chunk[axis] + inside, r.start + at[axis] as u64 * r.step);
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
