//! A few packed columns against a few others: tiles of dot products and of updates that stay in registers.

use super::field::Field;
use super::panel::{Packed, joined};
use crate::isa::{Loop, dispatch};
use std::array::from_fn;
use std::hint::black_box;
use std::ops::Range;

/// Rows whose products add up side by side.
const LANES: usize = 8;

/// Σ conj(x)·y for each of A columns x and B columns y.
struct Dots<'a, T, const A: usize, const B: usize> {
    x: [&'a [T]; A],
    y: [&'a [T]; B],
}

impl<T: Field, const A: usize, const B: usize> Loop for Dots<'_, T, A, B> {
    type Out = [[T; B]; A];
    #[inline(always)]
    fn run(self) -> [[T; B]; A] {
        let n = self.x[0].len();
        let (x, y) = (self.x.map(|x| x[..n].as_chunks::<LANES>()), self.y.map(|y| y[..n].as_chunks::<LANES>()));
        let mut sums = [[[T::ZERO; LANES]; B]; A];
        for at in 0..n / LANES {
            let y: [[T; LANES]; B] = from_fn(|b| y[b].0[at]);
            for a in 0..A {
                let x = x[a].0[at];
                for b in 0..B {
                    for lane in 0..LANES {
                        sums[a][b][lane] = sums[a][b][lane] + x[lane].conjugate() * y[b][lane];
                    }
                }
            }
        }
        from_fn(|a| {
            from_fn(|b| {
                let mut sums = sums[a][b];
                for (sum, (x, y)) in sums.iter_mut().zip(x[a].1.iter().zip(y[b].1)) {
                    *sum = *sum + x.conjugate() * *y;
                }
                joined(sums)
            })
        })
    }
}

/// y − Σ by·x for each of B columns y, the A columns x one after the other.
struct Updates<'a, T, const A: usize, const B: usize> {
    y: [&'a mut [T]; B],
    x: [&'a [T]; A],
    by: [[T; B]; A],
}

impl<T: Field, const A: usize, const B: usize> Loop for Updates<'_, T, A, B> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let n = self.x[0].len();
        let x = self.x.map(|x| x[..n].as_chunks::<LANES>());
        let y = self.y.map(|y| y[..n].as_chunks_mut::<LANES>());
        for at in 0..n / LANES {
            // without this the compiler works on several turns at once, whose elements it has to gather: a tenth as fast
            black_box(());
            let x: [[T; LANES]; A] = from_fn(|a| x[a].0[at]);
            for b in 0..B {
                let mut held = y[b].0[at];
                for a in 0..A {
                    for lane in 0..LANES {
                        held[lane] = held[lane] - self.by[a][b] * x[a][lane];
                    }
                }
                y[b].0[at] = held;
            }
        }
        for b in 0..B {
            for (row, y) in y[b].1.iter_mut().enumerate() {
                for a in 0..A {
                    *y = *y - self.by[a][b] * x[a].1[row];
                }
            }
        }
    }
}

/// Cuts a range into pieces of `most`, which is 2 or 4, and smaller powers of two.
fn pieces(range: Range<usize>, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let size = match range.end - at {
            0 => return None,
            1 => 1,
            2 | 3 => 2,
            _ => most,
        };
        at += size;
        Some((at - size, size))
    })
}

/// Calls a function of two tile sides, which are 1, 2 or 4.
macro_rules! with_sides {
    ($a:expr, $b:expr, $call:ident $args:tt) => {
        match ($a, $b) {
            (1, 1) => $call::<T, 1, 1> $args,
            (1, 2) => $call::<T, 1, 2> $args,
            (1, _) => $call::<T, 1, 4> $args,
            (2, 1) => $call::<T, 2, 1> $args,
            (2, 2) => $call::<T, 2, 2> $args,
            (2, _) => $call::<T, 2, 4> $args,
            (_, 1) => $call::<T, 4, 1> $args,
            (_, 2) => $call::<T, 4, 2> $args,
            _ => $call::<T, 4, 4> $args,
        }
    };
}

/// A small matrix that stands beside the columns of a panel; row, column.
pub struct Beside<'a, T> {
    elements: &'a mut [T],
    cols: usize,
}

impl<'a, T: Field> Beside<'a, T> {
    /// Of `cols` columns, over `elements` of as many rows as it gets.
    pub fn new(elements: &'a mut [T], cols: usize) -> Beside<'a, T> {
        Beside { elements, cols }
    }
    /// An element.
    pub fn at(&self, row: usize, col: usize) -> T {
        self.elements[row * self.cols + col]
    }
    /// A row.
    pub fn row(&mut self, row: usize) -> &mut [T] {
        &mut self.elements[row * self.cols..][..self.cols]
    }
    /// A row, written, and an earlier or later one, read.
    pub fn two(&mut self, to: usize, from: usize) -> (&mut [T], &[T]) {
        let (first, later) = self.elements.split_at_mut(to.max(from) * self.cols);
        let (first, later) = (&mut first[to.min(from) * self.cols..][..self.cols], &mut later[..self.cols]);
        if to < from { (first, later) } else { (later, first) }
    }
}

/// Writes Σ conj(x)·y over the rows from `from` on, of each column x of `xs` and y of `ys`, to `out` [xs, ys].
pub fn dots<T: Field>(columns: &Packed<'_, T>, xs: Range<usize>, ys: Range<usize>, from: usize, out: &mut Beside<'_, T>) {
    fn tile<T: Field, const A: usize, const B: usize>(columns: &Packed<'_, T>, x: usize, y: usize, from: usize, out: &mut [&mut [T]; 4]) {
        let found = dispatch(Dots::<T, A, B> { x: from_fn(|a| columns.read(x + a, from)), y: from_fn(|b| columns.read(y + b, from)) });
        out.iter_mut().zip(found).for_each(|(out, found)| out[..B].copy_from_slice(&found));
    }
    // four by four would be more sums than there are registers
    for (x, a) in pieces(xs.clone(), 2) {
        for (y, b) in pieces(ys.clone(), 4) {
            let mut rows = out.elements.chunks_exact_mut(out.cols).skip(x - xs.start);
            let mut into: [&mut [T]; 4] = from_fn(|_| rows.next().map_or(&mut [][..], |row| &mut row[y - ys.start..]));
            with_sides!(a, b, tile(columns, x, y, from, &mut into));
        }
    }
}

/// Takes Σ `by`[x, y]·x of each column x of `xs` from each column y of `ys`, which come later, in the rows from `from` on.
pub fn subtract_all<T: Field>(columns: &mut Packed<'_, T>, xs: Range<usize>, ys: Range<usize>, from: usize, by: &Beside<'_, T>) {
    fn tile<T: Field, const A: usize, const B: usize>(
        columns: &mut Packed<'_, T>,
        x: usize,
        y: usize,
        from: usize,
        by: impl Fn(usize, usize) -> T,
    ) {
        let (before, mut later) = columns.split(y);
        let y = from_fn(|_| later.next().map_or(&mut [][..], |y| &mut y[from..]));
        dispatch(Updates::<T, A, B> { y, x: from_fn(|a| before.read(x + a, from)), by: from_fn(|a| from_fn(|b| by(a, b))) });
    }
    // the columns x in ascending order for each y
    for (y, b) in pieces(ys.clone(), 4) {
        for (x, a) in pieces(xs.clone(), 4) {
            let by = |a: usize, b: usize| by.at(x - xs.start + a, y - ys.start + b);
            with_sides!(a, b, tile(columns, x, y, from, by));
        }
    }
}
