//! Fold → loops. A reduction whose state takes one value at a time, as the loops over tiles and partials.

use super::{LANES, Ops, PartialAt, Places, Planes, Reducer, Reduction};
use crate::dtype::Element;
use crate::isa::{Loop, dispatch};
use std::array::from_fn;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// A state of `N` words that takes values one at a time.
pub(crate) trait Fold<const N: usize>: 'static {
    type In: Element;
    type Word: bytemuck::Pod;
    type Out: Element;
    /// Whether the loops are compiled for each instruction set.
    const HOT: bool;
    fn init() -> [Self::Word; N];
    fn step(state: [Self::Word; N], x: Self::In) -> [Self::Word; N];
    fn join(left: [Self::Word; N], right: [Self::Word; N]) -> [Self::Word; N];
    /// The result, `count` values having been offered.
    fn finish(state: [Self::Word; N], count: u64) -> Self::Out;
}

type Lanes<W, const N: usize> = [[W; LANES]; N];

struct Feed<'a, F: Fold<N>, const N: usize>(&'a mut Lanes<F::Word, N>, &'a [F::In]);

impl<F: Fold<N>, const N: usize> Loop for Feed<'_, F, N> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let mut lanes = *self.0;
        let (chunks, rest) = self.1.as_chunks::<LANES>();
        for chunk in chunks {
            for l in 0..LANES {
                let state = F::step(from_fn(|k| lanes[k][l]), chunk[l]);
                for k in 0..N {
                    lanes[k][l] = state[k];
                }
            }
        }
        for (l, &x) in rest.iter().enumerate() {
            let state = F::step(from_fn(|k| lanes[k][l]), x);
            for k in 0..N {
                lanes[k][l] = state[k];
            }
        }
        *self.0 = lanes;
    }
}

/// The fixed tree: lane l with lane l + 16, then 8, 4, 2, 1.
#[inline(always)]
fn tree<F: Fold<N>, const N: usize>(lanes: &Lanes<F::Word, N>) -> [F::Word; N] {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            let joined = F::join(from_fn(|k| lanes[k][l]), from_fn(|k| lanes[k][l + half]));
            for k in 0..N {
                lanes[k][l] = joined[k];
            }
        }
        half /= 2;
    }
    from_fn(|k| lanes[k][0])
}

#[inline(always)]
fn fresh<F: Fold<N>, const N: usize>() -> Lanes<F::Word, N> {
    F::init().map(|word| [word; LANES])
}

unsafe fn start<F: Fold<N>, const N: usize>(lanes: *mut u8) {
    // SAFETY: the contract of `Reducer`: room for lanes, aligned.
    unsafe { lanes.cast::<Lanes<F::Word, N>>().write(fresh::<F, N>()) }
}

unsafe fn feed<F: Fold<N>, const N: usize>(lanes: *mut u8, tile: *const u8, n: usize, _at: usize, _places: &Places) {
    // SAFETY: the contract of `Reducer`: lanes that `start` wrote, and n values.
    let body = unsafe { Feed::<F, N>(&mut *lanes.cast(), from_raw_parts(tile.cast(), n)) };
    if F::HOT { dispatch(body) } else { body.run() }
}

#[inline(always)]
unsafe fn put<F: Fold<N>, const N: usize>(state: [F::Word; N], to: PartialAt) {
    for k in 0..N {
        // SAFETY: the contract of `PartialAt::plane`.
        unsafe { to.plane::<F::Word>(k).write(state[k]) }
    }
}

unsafe fn close<F: Fold<N>, const N: usize>(lanes: *mut u8, to: PartialAt) {
    // SAFETY: lanes that `start` wrote; `to` names an element of the partial.
    unsafe { put::<F, N>(tree::<F, N>(&*lanes.cast()), to) }
}

struct Whole<'a, F: Fold<N>, const N: usize>(PartialAt, &'a [F::In], usize);

impl<F: Fold<N>, const N: usize> Loop for Whole<'_, F, N> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Whole(to, tile, len) = self;
        for (row, x) in tile.chunks_exact(len).enumerate() {
            let mut lanes = fresh::<F, N>();
            Feed::<F, N>(&mut lanes, x).run();
            // SAFETY: one kept element a row, all inside the partial.
            unsafe { put::<F, N>(tree::<F, N>(&lanes), PartialAt { at: to.at + row, ..to }) }
        }
    }
}

unsafe fn whole<F: Fold<N>, const N: usize>(_: *mut u8, to: PartialAt, tile: *const u8, rows: usize, len: usize, _: &Places) {
    // SAFETY: the tile has rows · len values.
    let body = unsafe { Whole::<F, N>(to, from_raw_parts(tile.cast(), rows * len), len) };
    if F::HOT { dispatch(body) } else { body.run() }
}

struct Rows<'a, F: Fold<N>, const N: usize>([&'a mut [F::Word]; N], &'a [F::In]);

impl<F: Fold<N>, const N: usize> Loop for Rows<'_, F, N> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Rows(planes, tile) = self;
        let width = planes[0].len();
        let planes = planes.map(|plane| plane.as_mut_ptr());
        for x in tile.chunks_exact(width) {
            for c in 0..width {
                // SAFETY: every plane has `width` words.
                unsafe {
                    let state = F::step(from_fn(|k| *planes[k].add(c)), *x.get_unchecked(c));
                    for k in 0..N {
                        *planes[k].add(c) = state[k];
                    }
                }
            }
        }
    }
}

unsafe fn rows<F: Fold<N>, const N: usize>(to: PartialAt, tile: *const u8, rows: usize, width: usize, _: *mut u8, _: usize, _: &Places) {
    // SAFETY: planes are apart, and have `width` words from `at` on; the tile has rows · width values.
    let body = unsafe { Rows::<F, N>(from_fn(|k| from_raw_parts_mut(to.plane(k), width)), from_raw_parts(tile.cast(), rows * width)) };
    if F::HOT { dispatch(body) } else { body.run() }
}

unsafe fn flush(_: PartialAt, _: usize, _: *mut u8, _: usize) {}

unsafe fn empty<F: Fold<N>, const N: usize>(to: PartialAt) {
    for (k, word) in F::init().into_iter().enumerate() {
        // SAFETY: a plane has `kept` words.
        unsafe { from_raw_parts_mut(to.plane::<F::Word>(k), to.kept) }.fill(word);
    }
}

struct Merge<'a, F: Fold<N>, const N: usize>([&'a mut [F::Word]; N], [&'a [F::Word]; N]);

impl<F: Fold<N>, const N: usize> Loop for Merge<'_, F, N> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Merge(left, right) = self;
        let kept = left[0].len();
        let left = left.map(|plane| plane.as_mut_ptr());
        for at in 0..kept {
            // SAFETY: every plane has `kept` words.
            unsafe {
                let joined = F::join(from_fn(|k| *left[k].add(at)), from_fn(|k| *right[k].get_unchecked(at)));
                for k in 0..N {
                    *left[k].add(at) = joined[k];
                }
            }
        }
    }
}

unsafe fn merge<F: Fold<N>, const N: usize>(left: PartialAt, right: *const u8) {
    let right = PartialAt { partial: right.cast_mut(), ..left };
    // SAFETY: both partials have planes of `kept` words, which are apart; the right one is only read.
    let body = unsafe {
        Merge::<F, N>(from_fn(|k| from_raw_parts_mut(left.plane(k), left.kept)), from_fn(|k| from_raw_parts(right.plane(k), left.kept)))
    };
    if F::HOT { dispatch(body) } else { body.run() }
}

unsafe fn finish<F: Fold<N>, const N: usize>(_: &Reduction, from: PartialAt, n: usize, count: u64, out: *mut u8) {
    for i in 0..n {
        // SAFETY: `n` elements from `at` on are in the partial, and room for their results in `out`.
        unsafe {
            let state = from_fn(|k| *from.plane::<F::Word>(k).add(i));
            out.cast::<F::Out>().add(i).write(F::finish(state, count));
        }
    }
}

/// The loops of a fold.
pub(super) fn ops<F: Fold<N>, const N: usize>() -> Ops {
    Ops {
        reducer: Reducer {
            lane_bytes: size_of::<Lanes<F::Word, N>>(),
            block_bytes: 0,
            start: start::<F, N>,
            feed: feed::<F, N>,
            close: close::<F, N>,
            whole: whole::<F, N>,
            rows: rows::<F, N>,
            flush,
        },
        planes: Planes { words: vec![size_of::<F::Word>(); N] },
        empty: empty::<F, N>,
        merge: merge::<F, N>,
        finish: finish::<F, N>,
        natural: F::Out::DTYPE,
    }
}
