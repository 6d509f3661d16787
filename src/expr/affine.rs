//! Affine choices of elements: every slice, transpose, flip, new axis and broadcast as one value that
//! composes before anything is read, so that push-down is algebra.

use crate::grid::{AxisChunks, ChunkGrid, Region, Span};
pub use flagstone_kernels::program::Follow;
use serde::{Deserialize, Serialize};

/// Selects elements of a source of `source.len()` axes into a result of `shape`. Along source axis `s` the
/// index is `source[s].start + source[s].step · out[source[s].axis]`, and `slide.step · out[slide.axis]` more for each slide along
/// it. An axis of the result that no source axis follows repeats (a new or broadcast axis); one that two follow is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Affine {
    /// One entry a source axis.
    pub source: Vec<Follow>,
    /// Shape of the result.
    pub shape: Vec<u64>,
    /// The second and further axes of the result that a source axis follows: those of windows that overlap. In ascending order, each
    /// with a step that is not 0, along a source axis that follows another axis already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slides: Vec<Slide>,
}

/// A source axis follows one axis of the result more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slide {
    /// The source axis.
    pub source: usize,
    /// The axis of the result.
    pub axis: usize,
    /// Source elements from one place of it to the next.
    pub step: i64,
}

impl Affine {
    /// Without slides.
    pub fn new(source: Vec<Follow>, shape: Vec<u64>) -> Affine {
        Affine { source, shape, slides: vec![] }
    }

    /// Every element where it is.
    pub fn identity(shape: &[u64]) -> Affine {
        let source = (0..shape.len()).map(|axis| Follow { start: 0, step: 1, axis: Some(axis) }).collect();
        Affine::new(source, shape.to_vec())
    }

    /// The windows of `len` places along `axis` that begin every `every` places, `len` and `every` one at least: they lie where the
    /// axis was, their places along a new last axis.
    pub fn windows(shape: &[u64], axis: usize, len: u64, every: u64) -> Affine {
        let mut all = Affine::identity(shape);
        all.source[axis].step = every as i64;
        all.shape[axis] = shape[axis].checked_sub(len).map_or(0, |left| left / every + 1);
        all.slides.push(Slide { source: axis, axis: shape.len(), step: 1 });
        all.shape.push(len);
        all
    }

    /// Axis `i` of the result is axis `order[i]` of the source.
    pub fn permute(shape: &[u64], order: &[usize]) -> Affine {
        let mut source = vec![Follow { start: 0, step: 1, axis: None }; shape.len()];
        for (to, &from) in order.iter().enumerate() {
            source[from].axis = Some(to);
        }
        Affine::new(source, order.iter().map(|&from| shape[from]).collect())
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
        Some(Affine::new(source?, to.to_vec()))
    }

    /// Whether it selects every element of a source of `shape` where it is.
    pub fn is_identity(&self, shape: &[u64]) -> bool {
        self.shape == shape && *self == Affine::identity(shape)
    }

    /// The steps that source axis `at` takes along axes of the result.
    fn steps(&self, at: usize) -> impl Iterator<Item = (i64, usize)> {
        let f = self.source[at];
        let slides = self.slides.iter().filter(move |slide| slide.source == at).map(|slide| (slide.step, slide.axis));
        f.axis.map(|axis| (f.step, axis)).into_iter().chain(slides)
    }

    /// What selecting `self`, then `next` of that, selects.
    pub fn then(&self, next: &Affine) -> Affine {
        let mut all = Affine::new(Vec::with_capacity(self.source.len()), next.shape.clone());
        for (at, f) in self.source.iter().enumerate() {
            let Some(axis) = f.axis else {
                all.source.push(*f);
                continue;
            };
            let g = next.source[axis];
            let step = if g.axis.is_some() { f.step * g.step } else { 0 };
            let mut follow = Follow { start: f.start + f.step * g.start, step, axis: g.axis };
            if !self.slides.is_empty() || !next.slides.is_empty() {
                let mut further = Vec::new();
                for (by, axis) in self.steps(at) {
                    let g = next.source[axis];
                    further.extend(next.steps(axis).map(|(step, axis)| (by * step, axis)));
                    follow.start += if Some(axis) == f.axis { 0 } else { by * g.start };
                }
                further.retain(|(step, _)| *step != 0);
                // the axis that it follows first stays the first one
                let first = further.iter().position(|(_, axis)| Some(*axis) == follow.axis).unwrap_or(0);
                if first < further.len() {
                    (follow.step, follow.axis) = (further[first].0, Some(further[first].1));
                    further.remove(first);
                }
                all.slides.extend(further.into_iter().map(|(step, axis)| Slide { source: at, axis, step }));
            }
            all.source.push(follow);
        }
        all.slides.sort_unstable();
        all
    }

    /// The part of the result that starts at `start` and has `shape`, as a choice from the source.
    pub fn part(&self, start: &[u64], shape: &[u64]) -> Affine {
        let source = start.iter().enumerate();
        let source = source.map(|(axis, &s)| Follow { start: s as i64, step: 1, axis: Some(axis) }).collect();
        self.then(&Affine::new(source, shape.to_vec()))
    }

    /// As [`Affine::part`], of all places along the axes that slide.
    pub fn part_with_slides(&self, start: &[u64], shape: &[u64]) -> Affine {
        if self.slides.is_empty() {
            return self.part(start, shape);
        }
        let (mut start, mut shape) = (start.to_vec(), shape.to_vec());
        for slide in &self.slides {
            (start[slide.axis], shape[slide.axis]) = (0, self.shape[slide.axis]);
        }
        self.part(&start, &shape)
    }

    /// How far below and above the place that source axis `at` follows its slides take it at most.
    pub fn slid(&self, at: usize) -> (u64, u64) {
        let slides = self.slides.iter().filter(|slide| slide.source == at);
        slides.fold((0, 0), |(below, above), slide| {
            let far = slide.step.unsigned_abs().saturating_mul(self.shape[slide.axis].saturating_sub(1));
            if slide.step < 0 { (below + far, above) } else { (below, above + far) }
        })
    }

    /// The smallest region of the source that holds all that is selected (steps kept, made positive; of several the largest that takes
    /// all of them).
    pub fn region(&self) -> Region {
        if self.shape.contains(&0) {
            return Region(self.source.iter().map(|_| Span::dense(0, 0)).collect());
        }
        let span = |(at, f): (usize, &Follow)| {
            let (mut low, mut high, mut step) = (f.start, f.start, 0);
            for (by, axis) in self.steps(at).filter(|&(by, axis)| by != 0 && self.shape[axis] > 1) {
                let far = by * (self.shape[axis] as i64 - 1);
                (low, high, step) = (low + far.min(0), high + far.max(0), gcd(step, by.unsigned_abs()));
            }
            match step {
                0 => Span::dense(f.start as u64, 1),
                _ => Span { start: low as u64, len: (high - low) as u64 / step + 1, step },
            }
        };
        Region(self.source.iter().enumerate().map(span).collect())
    }

    /// Byte strides and offset of the result over a buffer that holds [`Affine::region`] densely in C
    /// order with items of `item` bytes.
    pub fn strides(&self, item: usize) -> (Vec<isize>, isize) {
        let region = self.region();
        let held: Vec<usize> = region.shape().iter().map(|&n| n as usize).collect();
        let dense = flagstone_kernels::view::dense_strides(&held, item);
        let mut strides = vec![0isize; self.shape.len()];
        let mut offset = 0isize;
        for (at, (f, (&stride, span))) in self.source.iter().zip(dense.iter().zip(&region.0)).enumerate() {
            let step = span.step as i64;
            offset += stride * ((f.start - span.start as i64) / step) as isize;
            for (by, axis) in self.steps(at) {
                strides[axis] += stride * (by / step) as isize;
            }
        }
        (strides, offset)
    }

    /// The same with what was axis `i` of the result as its axis `to[i]`.
    pub fn reordered(&self, to: &[usize]) -> Affine {
        let mut shape = self.shape.clone();
        self.shape.iter().zip(to).for_each(|(&n, &to)| shape[to] = n);
        let source = self.source.iter().map(|f| Follow { axis: f.axis.map(|axis| to[axis]), ..*f }).collect();
        let mut slides: Vec<Slide> = self.slides.iter().map(|slide| Slide { axis: to[slide.axis], ..*slide }).collect();
        slides.sort_unstable();
        Affine { source, shape, slides }
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

/// The greatest number that divides both; the other one where one is 0.
pub(crate) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
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
                let place = |at: usize| {
                    let steps = view.steps(at).map(|(step, axis)| step * out[axis] as i64);
                    (view.source[at].start + steps.sum::<i64>()) as u64
                };
                crate::grid::ravel(&(0..view.source.len()).map(place).collect::<Vec<_>>(), shape)
            })
            .collect()
    }

    #[test]
    fn then_selects_what_the_two_select() {
        let shape = [5, 7];
        let source = vec![Follow { start: 4, step: -2, axis: Some(1) }, Follow { start: 1, step: 2, axis: Some(0) }];
        let a = Affine::new(source, vec![3, 3]);
        let source = vec![Follow { start: 2, step: -1, axis: Some(2) }, Follow { start: 1, step: 0, axis: None }];
        let b = Affine::new(source, vec![2, 1, 3]);
        let windows = Affine::windows(&a.shape, 0, 2, 1);
        for b in [b.clone(), windows.clone(), Affine::windows(&a.shape, 1, 3, 1), windows.then(&Affine::windows(&windows.shape, 0, 2, 1))] {
            let first = select(&a, &shape);
            let second: Vec<u64> = select(&b, &a.shape).iter().map(|&i| first[i as usize]).collect();
            assert_eq!(select(&a.then(&b), &shape), second);
        }
    }

    /// Slices, flips and fixed places of windows, and windows of windows.
    fn views() -> Vec<(Affine, [u64; 2])> {
        let shape = [9, 7];
        let windows = Affine::windows(&shape, 0, 4, 1);
        let both = windows.then(&Affine::windows(&windows.shape, 1, 2, 1));
        let follow = |start, step, axis| Follow { start, step, axis };
        let sliced = |of: &Affine, source: Vec<Follow>, shape: Vec<u64>| of.then(&Affine::new(source, shape));
        let twice = windows.then(&Affine::windows(&windows.shape, 0, 3, 1));
        vec![
            (sliced(&windows, vec![follow(1, 2, Some(1)), follow(6, -3, Some(0)), follow(3, -1, Some(2))], vec![3, 2, 4]), shape),
            (sliced(&windows, vec![follow(2, 0, None), follow(0, 1, Some(0)), follow(0, 2, Some(1))], vec![7, 2]), shape),
            (sliced(&windows, vec![follow(1, 2, Some(0)), follow(0, 1, Some(1)), follow(2, 0, None)], vec![2, 7]), shape),
            (sliced(&windows, vec![follow(5, -2, Some(0)), follow(0, 1, Some(1)), follow(3, -2, Some(2))], vec![3, 7, 2]), shape),
            (both.reordered(&[3, 1, 0, 2]), shape),
            (twice.part(&[1, 2, 1, 0], &[3, 4, 2, 3]), shape),
            (twice, shape),
            (both, shape),
            (windows, shape),
            (Affine::windows(&shape, 0, 3, 3), shape),
            (Affine::windows(&shape, 1, 2, 4), shape),
            // no window: flipped, stepped, transposed, repeated
            (Affine::new(vec![follow(4, -2, Some(1)), follow(1, 2, Some(0))], vec![3, 3, 2]), [5, 7]),
        ]
    }

    #[test]
    fn elements_are_where_regions_and_strides_say() {
        for (a, shape) in views() {
            let all = select(&a, &shape);
            let region = a.region();
            let held: Vec<u64> = (0..region.elements())
                .map(|at| {
                    let p = crate::grid::unravel(at, &region.shape());
                    let place: Vec<u64> = region.0.iter().zip(p).map(|(s, i)| s.start + s.step * i).collect();
                    crate::grid::ravel(&place, &shape)
                })
                .collect();
            let (strides, offset) = a.strides(1);
            let got = (0..all.len()).map(|at| {
                let p = crate::grid::unravel(at as u64, &a.shape);
                held[(offset + p.iter().zip(&strides).map(|(&i, s)| i as isize * s).sum::<isize>()) as usize]
            });
            assert_eq!(got.collect::<Vec<_>>(), all, "{a:?}");
            let mut ends: Vec<u64> = held.clone();
            ends.retain(|place| all.contains(place));
            assert_eq!((ends.first(), ends.last()), (held.first(), held.last()), "no more than is needed of {a:?}");
        }
    }

    #[test]
    fn a_fixed_place_of_a_window_is_no_window() {
        let windows = Affine::windows(&[9, 7], 0, 4, 1);
        let one = Affine::new(
            vec![
                Follow { start: 0, step: 1, axis: Some(0) },
                Follow { start: 0, step: 1, axis: Some(1) },
                Follow { start: 2, step: 0, axis: None },
            ],
            vec![6, 7],
        );
        let slice = windows.then(&one);
        assert_eq!(slice, Affine::identity(&[9, 7]).part(&[2, 0], &[6, 7]));
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
