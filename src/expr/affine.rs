//! Affine choices of elements: every slice, transpose, flip, new axis and broadcast as one value that
//! composes before anything is read, so that push-down is algebra.

use crate::grid::{AxisChunks, ChunkGrid, Region, Span};
pub use flagstone_kernels::program::Follow;
use serde::{Deserialize, Serialize};

/// Selects elements of a source of `source.len()` axes into a result of `shape`. Along source axis `s` the
/// index is `source[s].start + source[s].step · out[source[s].axis]`. An axis of the result that no
/// source axis follows repeats (a new or broadcast axis); one that two follow is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affine {
    /// One entry a source axis.
    pub source: Vec<Follow>,
    /// Shape of the result.
    pub shape: Vec<u64>,
}

impl Affine {
    /// Every element where it is.
    pub fn identity(shape: &[u64]) -> Affine {
        let source = (0..shape.len()).map(|axis| Follow { start: 0, step: 1, axis: Some(axis) }).collect();
        Affine { source, shape: shape.to_vec() }
    }

    /// Axis `i` of the result is axis `order[i]` of the source.
    pub fn permute(shape: &[u64], order: &[usize]) -> Affine {
        let mut source = vec![Follow { start: 0, step: 1, axis: None }; shape.len()];
        for (to, &from) in order.iter().enumerate() {
            source[from].axis = Some(to);
        }
        Affine { source, shape: order.iter().map(|&from| shape[from]).collect() }
    }

    /// NumPy's `broadcast_to`; `None` when the shapes do not fit.
    pub fn broadcast(from: &[u64], to: &[u64]) -> Option<Affine> {
        let skip = to.len().checked_sub(from.len())?;
        let follow = |(axis, (&n, &m)): (usize, (&u64, &u64))| match (n, m) {
            (n, m) if n == m => Some(Follow { start: 0, step: 1, axis: Some(axis + skip) }),
            (1, _) => Some(Follow { start: 0, step: 0, axis: None }),
            _ => None,
        };
        let source: Option<Vec<Follow>> = from.iter().zip(&to[skip..]).enumerate().map(follow).collect();
        Some(Affine { source: source?, shape: to.to_vec() })
    }

    /// Whether it selects every element of a source of `shape` where it is.
    pub fn is_identity(&self, shape: &[u64]) -> bool {
        self.shape == shape && *self == Affine::identity(shape)
    }

    /// What selecting `self`, then `next` of that, selects.
    pub fn then(&self, next: &Affine) -> Affine {
        let follow = |f: &Follow| match f.axis {
            None => *f,
            Some(axis) => {
                let g = next.source[axis];
                let step = if g.axis.is_some() { f.step * g.step } else { 0 };
                Follow { start: f.start + f.step * g.start, step, axis: g.axis }
            }
        };
        Affine { source: self.source.iter().map(follow).collect(), shape: next.shape.clone() }
    }

    /// The part of the result that starts at `start` and has `shape`, as a choice from the source.
    pub fn part(&self, start: &[u64], shape: &[u64]) -> Affine {
        let source = start.iter().enumerate();
        let source = source.map(|(axis, &s)| Follow { start: s as i64, step: 1, axis: Some(axis) }).collect();
        self.then(&Affine { source, shape: shape.to_vec() })
    }

    /// The smallest region of the source that holds all that is selected (steps kept, made positive).
    pub fn region(&self) -> Region {
        if self.shape.contains(&0) {
            return Region(self.source.iter().map(|_| Span::dense(0, 0)).collect());
        }
        let span = |f: &Follow| match f.axis {
            Some(axis) if f.step != 0 && self.shape[axis] > 1 => {
                let len = self.shape[axis];
                let last = f.start + f.step * (len as i64 - 1);
                Span { start: f.start.min(last) as u64, len, step: f.step.unsigned_abs() }
            }
            _ => Span::dense(f.start as u64, 1),
        };
        Region(self.source.iter().map(span).collect())
    }

    /// Byte strides and offset of the result over a buffer that holds [`Affine::region`] densely in C
    /// order with items of `item` bytes.
    pub fn strides(&self, item: usize) -> (Vec<isize>, isize) {
        let held: Vec<usize> = self.region().shape().iter().map(|&n| n as usize).collect();
        let dense = flagstone_kernels::view::dense_strides(&held, item);
        let mut strides = vec![0isize; self.shape.len()];
        let mut offset = 0isize;
        for (f, (&stride, &n)) in self.source.iter().zip(dense.iter().zip(&held)) {
            if let Some(axis) = f.axis {
                if f.step < 0 {
                    strides[axis] = -stride;
                    offset += stride * (n as isize - 1);
                } else if f.step > 0 {
                    strides[axis] = stride;
                }
            }
        }
        (strides, offset)
    }

    /// The chunks of the result, from those of the source.
    pub fn chunks(&self, source: &ChunkGrid) -> ChunkGrid {
        let mut axes: Vec<AxisChunks> = self.shape.iter().map(|&n| AxisChunks::whole(n)).collect();
        for (f, chunks) in self.source.iter().zip(&source.axes) {
            if let Some(axis) = f.axis
                && f.step != 0
            {
                axes[axis] = slice_chunks(chunks, f.start, f.step, self.shape[axis]);
            }
        }
        ChunkGrid { axes }
    }
}

/// The cuts of a slice of an axis. Regular cuts stay regular, so that this is O(1).
fn slice_chunks(chunks: &AxisChunks, start: i64, step: i64, len: u64) -> AxisChunks {
    if len <= 1 {
        return AxisChunks::whole(len);
    }
    let stride = step.unsigned_abs();
    let last = (start + step * (len as i64 - 1)) as u64;
    let (low, high) = (last.min(start as u64), last.max(start as u64));
    match chunks {
        AxisChunks::Regular { chunk, .. } => {
            // elements of the slice in the chunk where it begins
            let (chunk_start, chunk_len) = chunks.chunk(chunks.find(if step > 0 { low } else { high }));
            let inside = if step > 0 { (chunk_start + chunk_len - low).div_ceil(stride) } else { (high - chunk_start) / stride + 1 };
            let full = chunk.div_ceil(stride).max(1);
            AxisChunks::Regular { len, first: inside.clamp(1, full), chunk: full }
        }
        // how blocks of the pool are cut, where a hint will do: as if the pieces went on evenly
        AxisChunks::Pieces { piece, .. } => AxisChunks::regular(len, piece.div_ceil(stride)),
        AxisChunks::Irregular(_) => {
            let (from, to) = (chunks.find(low), chunks.find(high));
            let count = |i: u64| {
                let (s, n) = chunks.chunk(i);
                let first = if s <= low { 0 } else { (s - low).div_ceil(stride) };
                let end = (s + n - low).div_ceil(stride).min(len);
                end.saturating_sub(first)
            };
            let mut lengths: Vec<u64> = (from..=to).map(count).collect();
            if step < 0 {
                lengths.reverse();
            }
            AxisChunks::from_lengths(&lengths)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(view: &Affine, shape: &[u64]) -> Vec<u64> {
        let n = crate::grid::element_count(&view.shape).unwrap();
        (0..n)
            .map(|at| {
                let out = crate::grid::unravel(at, &view.shape);
                let place = view.source.iter().map(|f| (f.start + f.axis.map_or(0, |a| f.step * out[a] as i64)) as u64);
                crate::grid::ravel(&place.collect::<Vec<_>>(), shape)
            })
            .collect()
    }

    #[test]
    fn then_selects_what_the_two_select() {
        let shape = [5, 7];
        let a = Affine {
            source: vec![Follow { start: 4, step: -2, axis: Some(1) }, Follow { start: 1, step: 2, axis: Some(0) }],
            shape: vec![3, 3],
        };
        let b = Affine {
            source: vec![Follow { start: 2, step: -1, axis: Some(2) }, Follow { start: 1, step: 0, axis: None }],
            shape: vec![2, 1, 3],
        };
        let first = select(&a, &shape);
        let second: Vec<u64> = select(&b, &a.shape).iter().map(|&i| first[i as usize]).collect();
        assert_eq!(select(&a.then(&b), &shape), second);
    }

    #[test]
    fn strides_find_the_elements_in_the_dense_region() {
        let shape = [5, 7];
        let a = Affine {
            source: vec![Follow { start: 4, step: -2, axis: Some(1) }, Follow { start: 1, step: 2, axis: Some(0) }],
            shape: vec![3, 3, 2],
        };
        let region = a.region();
        let held: Vec<u64> = (0..region.elements())
            .map(|at| {
                let p = crate::grid::unravel(at, &region.shape());
                let place: Vec<u64> = region.0.iter().zip(p).map(|(s, i)| s.start + s.step * i).collect();
                crate::grid::ravel(&place, &shape)
            })
            .collect();
        let (strides, offset) = a.strides(1);
        let got: Vec<u64> = (0..18)
            .map(|at| {
                let p = crate::grid::unravel(at, &a.shape);
                let off: isize = p.iter().zip(&strides).map(|(&i, s)| i as isize * s).sum();
                held[(offset + off) as usize]
            })
            .collect();
        assert_eq!(got, select(&a, &shape));
    }

    #[test]
    fn slices_of_regular_chunks_are_regular() {
        let chunks = AxisChunks::regular(1000, 100);
        let sliced = slice_chunks(&chunks, 50, 1, 900);
        assert_eq!(sliced.lengths().collect::<Vec<_>>()[..2], [50, 100]);
        let stepped = slice_chunks(&chunks, 0, 10, 100);
        assert_eq!(stepped.count(), 10);
    }
}
