//! argmin and argmax: the first in logical order; the first NaN wins, or is passed over.
//!
//! The state is the best value and its flat index among the whole array's reduced axes, −1 for none.

use super::folds::with_float;
use super::{Ops, PartialAt, Places, Planes, Reducer, Reduction, plane_bytes};
use crate::dtype::{C64, C128, DType};
use crate::elementwise::order::Order;
use crate::isa::{Loop, dispatch};
use crate::op::ReduceOp;
use crate::with_element;
use half::{bf16, f16};
use std::slice::from_raw_parts;

#[derive(Clone, Copy)]
struct Best<T> {
    value: T,
    index: i64,
}

/// Whether `x`, later in order, takes the place of `best`.
#[inline(always)]
fn better<T: Order, const MAX: bool, const SKIP: bool>(x: T, best: T) -> bool {
    let ahead = if MAX { best.lt(x) } else { x.lt(best) };
    if SKIP { ahead } else { (ahead | x.nan()) & !best.nan() }
}

/// Whether any of some values is better than the best so far: the part worth vector instructions.
struct AnyBetter<'a, T, const MAX: bool, const SKIP: bool>(&'a [T], T);

impl<T: Order, const MAX: bool, const SKIP: bool> Loop for AnyBetter<'_, T, MAX, SKIP> {
    type Out = bool;
    #[inline(always)]
    fn run(self) -> bool {
        self.0.iter().fold(false, |any, &x| any | better::<T, MAX, SKIP>(x, self.1))
    }
}

impl<T: Order> Best<T> {
    #[inline(always)]
    fn none() -> Best<T> {
        Best { value: T::BOTTOM, index: -1 }
    }

    #[inline(always)]
    fn takes<const MAX: bool, const SKIP: bool>(self, x: T) -> bool {
        if self.index < 0 { !(SKIP && x.nan()) } else { better::<T, MAX, SKIP>(x, self.value) }
    }

    /// The better of two; the smaller index where they are equal.
    fn join<const MAX: bool, const SKIP: bool>(self, other: Best<T>) -> Best<T> {
        let (first, second) = if other.index < self.index { (other, self) } else { (self, other) };
        if first.index < 0 || (second.index >= 0 && better::<T, MAX, SKIP>(second.value, first.value)) { second } else { first }
    }

    fn feed<const MAX: bool, const SKIP: bool>(&mut self, tile: &[T], at: usize, places: &Places) {
        for (c, chunk) in tile.chunks(256).enumerate() {
            let scan = self.index < 0 || dispatch(AnyBetter::<T, MAX, SKIP>(chunk, self.value));
            if !scan {
                continue;
            }
            let mut found = None;
            for (i, &x) in chunk.iter().enumerate() {
                if self.takes::<MAX, SKIP>(x) {
                    *self = Best { value: x, index: 0 };
                    found = Some(i);
                }
            }
            if let Some(i) = found {
                self.index = places.index(at + c * 256 + i);
            }
        }
    }
}

/// The best of element `to.at`.
///
/// # Safety
/// As `PartialAt::plane`.
unsafe fn get<T: Order>(from: PartialAt) -> Best<T> {
    // SAFETY: by the contract; indices lie after one plane of values.
    unsafe { Best { value: *from.plane::<T>(0), index: *indices::<T>(from) } }
}

/// # Safety
/// As `get`.
unsafe fn put<T: Order>(best: Best<T>, to: PartialAt) {
    // SAFETY: by the contract.
    unsafe {
        *to.plane::<T>(0) = best.value;
        *indices::<T>(to) = best.index;
    }
}

/// # Safety
/// As `get`.
unsafe fn indices<T>(of: PartialAt) -> *mut i64 {
    // SAFETY: by the contract.
    unsafe { of.partial.add(super::HEADER + plane_bytes(of.kept, size_of::<T>())).cast::<i64>().add(of.at) }
}

/// The indices of a whole partial, −1 for none.
pub(super) fn indices_of(dtype: DType, kept: usize, partial: &[u8]) -> &[i64] {
    bytemuck::cast_slice(&partial[super::HEADER + plane_bytes(kept, dtype.size())..][..kept * size_of::<i64>()])
}

unsafe fn start<T: Order>(lanes: *mut u8) {
    // SAFETY: room for a state, aligned.
    unsafe { lanes.cast::<Best<T>>().write(Best::none()) }
}

unsafe fn feed<T: Order, const MAX: bool, const SKIP: bool>(lanes: *mut u8, tile: *const u8, n: usize, at: usize, places: &Places) {
    // SAFETY: a state that `start` wrote, and n values.
    unsafe { (*lanes.cast::<Best<T>>()).feed::<MAX, SKIP>(from_raw_parts(tile.cast(), n), at, places) }
}

unsafe fn close<T: Order>(lanes: *mut u8, to: PartialAt) {
    // SAFETY: a state that `start` wrote; `to` is in the partial.
    unsafe { put(*lanes.cast::<Best<T>>(), to) }
}

unsafe fn whole<T: Order, const MAX: bool, const SKIP: bool>(
    _: *mut u8,
    to: PartialAt,
    tile: *const u8,
    rows: usize,
    len: usize,
    places: &Places,
) {
    // SAFETY: rows · len values, and `rows` elements of the partial from `at` on.
    unsafe {
        for (row, x) in from_raw_parts(tile.cast::<T>(), rows * len).chunks_exact(len).enumerate() {
            let mut best = Best::none();
            best.feed::<MAX, SKIP>(x, 0, places);
            put(best, PartialAt { at: to.at + row, ..to });
        }
    }
}

unsafe fn rows<T: Order, const MAX: bool, const SKIP: bool>(
    to: PartialAt,
    tile: *const u8,
    rows: usize,
    width: usize,
    _: *mut u8,
    row: usize,
    places: &Places,
) {
    // SAFETY: rows · width values, and `width` elements of the partial from `at` on.
    unsafe {
        for (r, x) in from_raw_parts(tile.cast::<T>(), rows * width).chunks_exact(width).enumerate() {
            let index = places.index(row + r);
            let (values, indices) = (to.plane::<T>(0), indices::<T>(to));
            for (c, &x) in x.iter().enumerate() {
                let best = Best { value: *values.add(c), index: *indices.add(c) };
                if best.takes::<MAX, SKIP>(x) {
                    *values.add(c) = x;
                    *indices.add(c) = index;
                }
            }
        }
    }
}

unsafe fn flush(_: PartialAt, _: usize, _: *mut u8, _: usize) {}

unsafe fn empty<T: Order>(to: PartialAt) {
    for at in 0..to.kept {
        // SAFETY: inside the partial.
        unsafe { put(Best::<T>::none(), PartialAt { at, ..to }) }
    }
}

unsafe fn merge<T: Order, const MAX: bool, const SKIP: bool>(left: PartialAt, right: *const u8) {
    for at in 0..left.kept {
        let to = PartialAt { at, ..left };
        // SAFETY: both have `kept` elements; the right one is only read.
        unsafe { put(get::<T>(to).join::<MAX, SKIP>(get(PartialAt { partial: right.cast_mut(), ..to })), to) }
    }
}

unsafe fn finish<T: Order>(_: &Reduction, from: PartialAt, n: usize, _: u64, out: *mut u8) {
    for i in 0..n {
        // SAFETY: inside the partial, and room for `n` results.
        unsafe { out.cast::<i64>().add(i).write(*indices::<T>(from).add(i)) }
    }
}

fn of<T: Order, const MAX: bool, const SKIP: bool>() -> Ops {
    Ops {
        reducer: Reducer {
            lane_bytes: size_of::<Best<T>>(),
            block_bytes: 0,
            start: start::<T>,
            feed: feed::<T, MAX, SKIP>,
            close: close::<T>,
            whole: whole::<T, MAX, SKIP>,
            rows: rows::<T, MAX, SKIP>,
            flush,
        },
        planes: Planes { words: vec![size_of::<T>(), size_of::<i64>()] },
        empty: empty::<T>,
        merge: merge::<T, MAX, SKIP>,
        finish: finish::<T>,
        natural: DType::I64,
    }
}

/// The loops of an arg- reduction.
pub(super) fn ops(reduction: &Reduction) -> Ops {
    let skip = reduction.skip_nan && (reduction.dtype.is_float() || reduction.dtype.is_complex());
    match (reduction.op == ReduceOp::Argmax, skip) {
        (false, false) => with_element!(reduction.dtype, T => of::<T, false, false>()),
        (false, true) => with_float!(reduction.dtype, T => of::<T, false, true>()),
        (true, false) => with_element!(reduction.dtype, T => of::<T, true, false>()),
        (true, true) => with_float!(reduction.dtype, T => of::<T, true, true>()),
    }
}
