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
}

/// Calls `f` for each chunk that holds an element of `region`, in C order. Keeps one piece at a time.
pub(super) fn for_each(region: &Region, chunk: &[u64], mut f: impl FnMut(&Piece) -> Result<()>) -> Result<()> {
    if region.elements() == 0 {
        return Ok(());
    }
    let rank = chunk.len();
    let mut piece =
        Piece { index: vec![0; rank], local: Region(vec![Span::dense(0, 0); rank]), start: vec![0; rank], shape: vec![0; rank] };
    let place = |piece: &mut Piece, axis: usize| {
        let span = region.0[axis];
        let first = span.start + piece.start[axis] as u64 * span.step;
        let index = first / chunk[axis];
        let inside = first - index * chunk[axis];
        let len = ((chunk[axis] - inside).div_ceil(span.step)).min(span.len - piece.start[axis] as u64);
        piece.index[axis] = index;
        piece.local.0[axis] = Span { start: inside, len, step: span.step };
        piece.shape[axis] = len as usize;
    };
    for axis in 0..rank {
        place(&mut piece, axis);
    }
    loop {
        f(&piece)?;
        let mut axis = rank;
        loop {
            if axis == 0 {
                return Ok(());
            }
            axis -= 1;
            piece.start[axis] += piece.shape[axis];
            if (piece.start[axis] as u64) < region.0[axis].len {
                place(&mut piece, axis);
                break;
            }
            piece.start[axis] = 0;
            place(&mut piece, axis);
        }
    }
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
