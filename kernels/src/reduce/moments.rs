//! Variance: two passes over a block of values, Chan's formula between blocks.
//!
//! The state is (count, sum of squared distances, mean), the mean in two parts for complex values, whose
//! squared distance is |x − mean|². Under a mask NaN stands for what is left out, integers come as f64, and
//! a selected NaN shows in that fewer values were counted than selected.
//! Source: Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
//! variances", 1979.

use super::{BLOCK_ROWS, LANES, Ops, PartialAt, Places, Planes, Reducer, Reduction, TILE};
use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::elementwise::order::Order;
use crate::isa::{Loop, dispatch};
use crate::op::ReduceOp;
use crate::with_element;
use half::{bf16, f16};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// A value as the f64 of its parts.
trait Value: Order {
    const COMPLEX: bool;
    /// f32 for values whose variance is f32, and so on.
    type Out: Element;
    fn parts(self) -> [f64; 2];
    fn round(x: f64) -> Self::Out;
}

macro_rules! values {
    ($($t:ty, $complex:literal, $out:ty, |$x:ident| $parts:expr, |$y:ident| $round:expr);* $(;)?) => { $(impl Value for $t {
        const COMPLEX: bool = $complex;
        type Out = $out;
        #[inline(always)] fn parts(self) -> [f64; 2] { let $x = self; $parts }
        fn round($y: f64) -> $out { $round }
    })* };
}
values!(
    Bool, false, f64, |x| [(x.0 != 0) as u8 as f64, 0.0], |y| y;
    i8, false, f64, |x| [x as f64, 0.0], |y| y;
    i16, false, f64, |x| [x as f64, 0.0], |y| y;
    i32, false, f64, |x| [x as f64, 0.0], |y| y;
    i64, false, f64, |x| [x as f64, 0.0], |y| y;
    u8, false, f64, |x| [x as f64, 0.0], |y| y;
    u16, false, f64, |x| [x as f64, 0.0], |y| y;
    u32, false, f64, |x| [x as f64, 0.0], |y| y;
    u64, false, f64, |x| [x as f64, 0.0], |y| y;
    f16, false, f16, |x| [x.to_f64(), 0.0], |y| f16::from_f64(y);
    bf16, false, bf16, |x| [x.to_f64(), 0.0], |y| bf16::from_f64(y);
    f32, false, f32, |x| [x as f64, 0.0], |y| y as f32;
    f64, false, f64, |x| [x, 0.0], |y| y;
    C64, true, f32, |x| [x.re as f64, x.im as f64], |y| y as f32;
    C128, true, f64, |x| [x.re, x.im], |y| y;
);

#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    squares: f64,
    mean: [f64; 2],
}

const NOTHING: Moments = Moments { count: 0.0, squares: 0.0, mean: [0.0; 2] };

impl Moments {
    /// Of `count` values with sum of distances `d` and of squared distances `squares` from `pivot`, which
    /// is near the mean.
    #[inline(always)]
    fn around(pivot: [f64; 2], count: f64, d: [f64; 2], squares: f64) -> Moments {
        let shift = [d[0] / count, d[1] / count];
        // the exact correction for a pivot that was rounded
        let squares = squares - (d[0] * shift[0] + d[1] * shift[1]);
        Moments { count, squares: if squares < 0.0 { 0.0 } else { squares }, mean: [pivot[0] + shift[0], pivot[1] + shift[1]] }
    }

    /// Chan's merge.
    #[inline(always)]
    fn join(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        let weight = other.count / count;
        let gap = [other.mean[0] - self.mean[0], other.mean[1] - self.mean[1]];
        let squares = self.squares + other.squares + (gap[0] * gap[0] + gap[1] * gap[1]) * (self.count * weight);
        let mean = [self.mean[0] + gap[0] * weight, self.mean[1] + gap[1] * weight];
        let joined = Moments { count, squares, mean };
        if self.count == 0.0 {
            other
        } else if other.count == 0.0 {
            self
        } else {
            joined
        }
    }
}

#[inline(always)]
fn tree(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum over values of what `f` gives for each: value i in lane i mod 32.
#[inline(always)]
fn lane_sum<T: Copy>(values: &[T], f: impl Fn(T) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] += f(chunk[l]);
        }
    }
    for (l, &x) in rest.iter().enumerate() {
        lanes[l] += f(x);
    }
    tree(lanes)
}

/// The moments of a tile.
struct OfTile<'a, T, const SKIP: bool>(&'a [T]);

impl<T: Value, const SKIP: bool> Loop for OfTile<'_, T, SKIP> {
    type Out = Moments;
    #[inline(always)]
    fn run(self) -> Moments {
        let values = self.0;
        let used = |x: T| !(SKIP && x.nan());
        let count = if SKIP { lane_sum(values, |x| if used(x) { 1.0 } else { 0.0 }) } else { values.len() as f64 };
        if count == 0.0 {
            return NOTHING;
        }
        let part = |k: usize| move |x: T| if used(x) { x.parts()[k] } else { 0.0 };
        let im = if T::COMPLEX { lane_sum(values, part(1)) / count } else { 0.0 };
        let pivot = [lane_sum(values, part(0)) / count, im];
        let from = |k: usize| move |x: T| if used(x) { x.parts()[k] - pivot[k] } else { 0.0 };
        let square = |k: usize| move |x: T| from(k)(x) * from(k)(x);
        let mut d = [lane_sum(values, from(0)), 0.0];
        let mut squares = lane_sum(values, square(0));
        if T::COMPLEX {
            d[1] = lane_sum(values, from(1));
            squares += lane_sum(values, square(1));
        }
        Moments::around(pivot, count, d, squares)
    }
}

fn of_tile<T: Value, const SKIP: bool>(values: &[T]) -> Moments {
    let body = OfTile::<T, SKIP>(values);
    if T::HOT { dispatch(body) } else { body.run() }
}

/// # Safety
/// As `PartialAt::plane`.
#[inline(always)]
unsafe fn get<T: Value>(from: PartialAt, at: usize) -> Moments {
    // SAFETY: by the contract.
    unsafe {
        let word = |k: usize| *from.plane::<f64>(k).add(at);
        Moments { count: word(0), squares: word(1), mean: [word(2), if T::COMPLEX { word(3) } else { 0.0 }] }
    }
}

/// # Safety
/// As `PartialAt::plane`.
#[inline(always)]
unsafe fn put<T: Value>(m: Moments, to: PartialAt, at: usize) {
    // SAFETY: by the contract.
    unsafe {
        *to.plane::<f64>(0).add(at) = m.count;
        *to.plane::<f64>(1).add(at) = m.squares;
        *to.plane::<f64>(2).add(at) = m.mean[0];
        if T::COMPLEX {
            *to.plane::<f64>(3).add(at) = m.mean[1];
        }
    }
}

unsafe fn start(lanes: *mut u8) {
    // SAFETY: room for a state, aligned.
    unsafe { lanes.cast::<Moments>().write(NOTHING) }
}

unsafe fn feed<T: Value, const SKIP: bool>(lanes: *mut u8, tile: *const u8, n: usize, _: usize, _: &Places) {
    // SAFETY: a state that `start` wrote, and n values.
    unsafe {
        let state = lanes.cast::<Moments>();
        *state = (*state).join(of_tile::<T, SKIP>(from_raw_parts(tile.cast(), n)));
    }
}

unsafe fn close<T: Value>(lanes: *mut u8, to: PartialAt) {
    // SAFETY: a state that `start` wrote; `to` is in the partial.
    unsafe { put::<T>(*lanes.cast::<Moments>(), to, 0) }
}

unsafe fn whole<T: Value, const SKIP: bool>(_: *mut u8, to: PartialAt, tile: *const u8, rows: usize, len: usize, _: &Places) {
    // SAFETY: rows · len values, and `rows` elements of the partial from `at` on.
    unsafe {
        for (row, x) in from_raw_parts(tile.cast::<T>(), rows * len).chunks_exact(len).enumerate() {
            put::<T>(of_tile::<T, SKIP>(x), to, row);
        }
    }
}

/// Takes a block of rows, dense, `width` wide.
struct Block<'a, T, const SKIP: bool>(PartialAt, &'a [T], usize, &'a mut [f64]);

impl<T: Value, const SKIP: bool> Loop for Block<'_, T, SKIP> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Block(to, values, width, scratch) = self;
        let rows = values.chunks_exact(width);
        let used = |x: T| !(SKIP && x.nan());
        // planes of the scratch: count, pivot, distances, squares; a second pivot and distances for complex
        let (count, scratch) = scratch.split_at_mut(width);
        let (squares, scratch) = scratch.split_at_mut(width);
        count.fill(0.0);
        squares.fill(0.0);
        let parts = if T::COMPLEX { 2 } else { 1 };
        let (pivots, scratch) = scratch.split_at_mut(parts * width);
        let distances = &mut scratch[..parts * width];
        pivots.fill(0.0);
        distances.fill(0.0);
        for row in rows.clone() {
            for c in 0..width {
                count[c] += if used(row[c]) { 1.0 } else { 0.0 };
            }
            for (k, pivot) in pivots.chunks_exact_mut(width).enumerate() {
                for c in 0..width {
                    pivot[c] += if used(row[c]) { row[c].parts()[k] } else { 0.0 };
                }
            }
        }
        for pivot in pivots.chunks_exact_mut(width) {
            for c in 0..width {
                pivot[c] /= count[c];
            }
        }
        for row in rows {
            for (k, (pivot, distance)) in pivots.chunks_exact(width).zip(distances.chunks_exact_mut(width)).enumerate() {
                for c in 0..width {
                    let d = if used(row[c]) { row[c].parts()[k] - pivot[c] } else { 0.0 };
                    distance[c] += d;
                    squares[c] += d * d;
                }
            }
        }
        for c in 0..width {
            let im = |plane: &[f64]| if T::COMPLEX { plane[width + c] } else { 0.0 };
            let block = Moments::around([pivots[c], im(pivots)], count[c], [distances[c], im(distances)], squares[c]);
            let block = if count[c] == 0.0 { NOTHING } else { block };
            // SAFETY: `width` elements of the partial from `at` on.
            unsafe { put::<T>(get::<T>(to, c).join(block), to, c) }
        }
    }
}

/// f64 words that a block's loop needs a column.
const BLOCK_WORDS: usize = 6;

unsafe fn take<T: Value, const SKIP: bool>(to: PartialAt, values: *const T, rows: usize, width: usize, scratch: *mut u8) {
    // SAFETY: rows · width values, and room for the loop's words.
    let body = unsafe {
        Block::<T, SKIP>(to, from_raw_parts(values, rows * width), width, from_raw_parts_mut(scratch.cast(), BLOCK_WORDS * width))
    };
    if T::HOT { dispatch(body) } else { body.run() }
}

const SCRATCH_BYTES: usize = BLOCK_WORDS * TILE * size_of::<f64>();

unsafe fn rows<T: Value, const SKIP: bool>(
    to: PartialAt,
    tile: *const u8,
    rows: usize,
    width: usize,
    block: *mut u8,
    row: usize,
    _: &Places,
) {
    // SAFETY: rows · width values in the tile; the block has room for the loop's words, then BLOCK_ROWS rows.
    unsafe {
        let kept = block.add(SCRATCH_BYTES).cast::<T>();
        let mut tile = tile.cast::<T>();
        let (mut row, mut rows) = (row, rows);
        while rows > 0 {
            let filled = row % BLOCK_ROWS;
            let n = rows.min(BLOCK_ROWS - filled);
            if n == BLOCK_ROWS {
                take::<T, SKIP>(to, tile, n, width, block);
            } else {
                tile.copy_to_nonoverlapping(kept.add(filled * width), n * width);
                if filled + n == BLOCK_ROWS {
                    take::<T, SKIP>(to, kept, BLOCK_ROWS, width, block);
                }
            }
            tile = tile.add(n * width);
            row += n;
            rows -= n;
        }
    }
}

unsafe fn flush<T: Value, const SKIP: bool>(to: PartialAt, width: usize, block: *mut u8, rows: usize) {
    let rest = rows % BLOCK_ROWS;
    if rest > 0 {
        // SAFETY: `rows` left the last `rest` rows in the block.
        unsafe { take::<T, SKIP>(to, block.add(SCRATCH_BYTES).cast(), rest, width, block) }
    }
}

unsafe fn empty<T: Value>(to: PartialAt) {
    for at in 0..to.kept {
        // SAFETY: inside the partial.
        unsafe { put::<T>(NOTHING, to, at) }
    }
}

unsafe fn merge<T: Value>(left: PartialAt, right: *const u8) {
    let right = PartialAt { partial: right.cast_mut(), ..left };
    for at in 0..left.kept {
        // SAFETY: both have `kept` elements; the right one is only read.
        unsafe { put::<T>(get::<T>(left, at).join(get::<T>(right, at)), left, at) }
    }
}

unsafe fn finish<T: Value>(reduction: &Reduction, from: PartialAt, n: usize, count: u64, out: *mut u8) {
    for at in 0..n {
        // SAFETY: inside the partial, and room for `n` results.
        unsafe {
            let m = get::<T>(from, at);
            let freedom = m.count - reduction.ddof;
            // NumPy: no degrees of freedom divide by 0; the nan- forms give NaN
            let freedom = if freedom <= 0.0 && reduction.skip_nan { f64::NAN } else { freedom.max(0.0) };
            let met_nan = reduction.masked && !reduction.skip_nan && m.count != count as f64;
            let variance = if met_nan { f64::NAN } else { m.squares / freedom };
            let value = if reduction.op == ReduceOp::Std { variance.sqrt() } else { variance };
            out.cast::<T::Out>().add(at).write(T::round(value));
        }
    }
}

fn of<T: Value, const SKIP: bool>() -> Ops {
    Ops {
        reducer: Reducer {
            lane_bytes: size_of::<Moments>(),
            block_bytes: SCRATCH_BYTES + BLOCK_ROWS * TILE * size_of::<T>(),
            start,
            feed: feed::<T, SKIP>,
            close: close::<T>,
            whole: whole::<T, SKIP>,
            rows: rows::<T, SKIP>,
            flush: flush::<T, SKIP>,
        },
        planes: Planes { words: vec![size_of::<f64>(); if T::COMPLEX { 4 } else { 3 }] },
        empty: empty::<T>,
        merge: merge::<T>,
        finish: finish::<T>,
        natural: <T::Out as Element>::DTYPE,
    }
}

/// The loops of var or std.
pub(super) fn ops(reduction: &Reduction) -> Ops {
    let skip = reduction.skip_nan || reduction.masked;
    match reduction.dtype {
        DType::F16 if skip => of::<f16, true>(),
        DType::BF16 if skip => of::<bf16, true>(),
        DType::F32 if skip => of::<f32, true>(),
        DType::F64 if skip => of::<f64, true>(),
        DType::C64 if skip => of::<C64, true>(),
        DType::C128 if skip => of::<C128, true>(),
        _ if reduction.masked => of::<f64, true>(),
        other => with_element!(other, T => of::<T, false>()),
    }
}
