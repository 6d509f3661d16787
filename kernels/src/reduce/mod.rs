//! Values → partials → results. Reductions of a cell into partials, merging of partials, and the last step.
//!
//! The arithmetic of a cell follows from its shape, the reduced axes and the dtype alone (and from the
//! mask). Where the last axis, whatever its length, is reduced, the element at flat C-order position i among the
//! reduced axes goes to lane i mod 32, and the lanes are joined by a fixed tree. Where it is kept, every
//! kept element takes its values in C order. Moments (var, std) take 1024 values, or 16 rows, at a time.
//!
//! A partial is a 64-byte header (how many values every kept element has been offered), then a plane of words
//! for each part of the state, then under a mask a plane of u64: how many values each kept element has seen.
//! Each plane is rounded up to 64 bytes.

mod arg;
pub(crate) mod fold;
pub(crate) mod folds;
mod moments;

use crate::dtype::{DType, Scalar};
use crate::op::ReduceOp;
use crate::with_element;
use serde::{Deserialize, Serialize};

/// Lanes of a reduction over the innermost axis.
pub(crate) const LANES: usize = 32;
/// Values in a tile, and in a block of moments: part of the arithmetic, not a tuning knob.
pub(crate) const TILE: usize = 1024;
/// Rows in a block of moments where the innermost axis is kept.
pub(crate) const BLOCK_ROWS: usize = 16;
const HEADER: usize = 64;

/// A reduction of values of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// Which.
    pub op: ReduceOp,
    /// The dtype of the values.
    pub dtype: DType,
    /// The dtype of the result.
    pub out: DType,
    /// Whether NaN is passed over (the nan- forms).
    pub skip_nan: bool,
    /// Delta degrees of freedom of var and std.
    pub ddof: f64,
    /// Whether a mask selects the values: kept elements may then have seen more or fewer.
    pub masked: bool,
}

/// Where an element of a cell lies among the reduced axes of the whole array.
pub(crate) struct Places {
    /// For each reduced axis: extent in the cell, first place, extent of the whole array.
    pub axes: Vec<(usize, u64, u64)>,
}

impl Places {
    /// The flat index, in the whole array's reduced axes, of the cell's reduced position `flat`.
    pub(crate) fn index(&self, mut flat: usize) -> i64 {
        let (mut index, mut stride) = (0u64, 1u64);
        for &(extent, first, full) in self.axes.iter().rev() {
            index += (first + (flat % extent) as u64) * stride;
            flat /= extent;
            stride *= full;
        }
        index as i64
    }
}

/// Where the partial of a run of kept elements lies.
#[derive(Clone, Copy)]
pub(crate) struct PartialAt {
    /// The partial, 64-byte aligned.
    pub partial: *mut u8,
    /// How many kept elements it has.
    pub kept: usize,
    /// The first of the run.
    pub at: usize,
}

impl PartialAt {
    /// The words of plane `k` from element `at` on; all planes before it have words of `W`.
    ///
    /// # Safety
    /// The partial was sized by `partial_bytes` for a state of such words.
    #[inline(always)]
    unsafe fn plane<W>(self, k: usize) -> *mut W {
        // SAFETY: inside the partial, by the contract.
        unsafe { self.partial.add(HEADER + k * plane_bytes(self.kept, size_of::<W>())).cast::<W>().add(self.at) }
    }
}

pub(crate) fn plane_bytes(kept: usize, word: usize) -> usize {
    (kept * word).next_multiple_of(64)
}

/// The loops of one reduction. Lanes are the state of one kept element while its values come in tiles.
#[derive(Clone, Copy)]
pub(crate) struct Reducer {
    /// Bytes of a state of lanes.
    pub lane_bytes: usize,
    /// Bytes of the rows that [`Reducer::rows`] keeps for `flush`.
    pub block_bytes: usize,
    /// Makes lanes that have seen nothing.
    pub start: unsafe fn(lanes: *mut u8),
    /// Takes `n` values, the first at flat position `at`. Calls of [`TILE`] values but the last, or of a
    /// mask's runs: lanes start anew with each.
    pub feed: unsafe fn(lanes: *mut u8, tile: *const u8, n: usize, at: usize, places: &Places),
    /// Joins the lanes and writes the partial of one element.
    pub close: unsafe fn(lanes: *mut u8, to: PartialAt),
    /// `start`, `feed`, `close` for each of `rows` kept elements whose `len` ≤ [`TILE`] values lie in the tile.
    pub whole: unsafe fn(lanes: *mut u8, to: PartialAt, tile: *const u8, rows: usize, len: usize, places: &Places),
    /// Takes `rows` rows of `width` values, one value for each kept element, the first row being `row`.
    pub rows: unsafe fn(to: PartialAt, tile: *const u8, rows: usize, width: usize, block: *mut u8, row: usize, places: &Places),
    /// After `rows` rows in all: takes what is still in the block.
    pub flush: unsafe fn(to: PartialAt, width: usize, block: *mut u8, rows: usize),
}

/// The parts of a state, for those who only move it.
struct Planes {
    /// Bytes of a word, for each plane.
    words: Vec<usize>,
}

/// The operations on partials of one reduction.
pub(crate) struct Ops {
    reducer: Reducer,
    planes: Planes,
    /// Makes partials of no elements, but for the header.
    empty: unsafe fn(to: PartialAt),
    /// left ∪ right, but for the header.
    merge: unsafe fn(left: PartialAt, right: *const u8),
    /// Writes `n` results of dtype `natural`; every one of them has seen `count` values.
    finish: unsafe fn(reduction: &Reduction, from: PartialAt, n: usize, count: u64, out: *mut u8),
    natural: DType,
}

impl Reduction {
    fn ops(&self) -> Ops {
        match self.op {
            ReduceOp::Var | ReduceOp::Std => moments::ops(self),
            ReduceOp::Argmin | ReduceOp::Argmax => arg::ops(self),
            _ => folds::ops(self),
        }
    }

    pub(crate) fn reducer(&self) -> Reducer {
        self.ops().reducer
    }

    /// Bytes of a partial for `kept` kept elements. Buffers are 64-byte aligned.
    pub fn partial_bytes(&self, kept: usize) -> usize {
        self.state_bytes(kept) + if self.masked { plane_bytes(kept, size_of::<u64>()) } else { 0 }
    }

    /// Bytes of a partial before the counts of selected values.
    pub(crate) fn state_bytes(&self, kept: usize) -> usize {
        HEADER + self.ops().planes.words.iter().map(|&word| plane_bytes(kept, word)).sum::<usize>()
    }

    /// Says that every kept element has seen `count` values.
    pub(crate) fn set_count(partial: &mut [u8], count: u64) {
        partial[..8].copy_from_slice(&count.to_ne_bytes());
    }

    fn count(partial: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&partial[..8]);
        u64::from_ne_bytes(bytes)
    }

    /// How many values a masked reduction's kept elements have seen, each.
    fn selected<'a>(&self, kept: usize, partial: &'a [u8]) -> &'a [u64] {
        bytemuck::cast_slice(&partial[self.state_bytes(kept)..][..kept * size_of::<u64>()])
    }

    fn selected_mut<'a>(&self, kept: usize, partial: &'a mut [u8]) -> &'a mut [u64] {
        bytemuck::cast_slice_mut(&mut partial[self.state_bytes(kept)..][..kept * size_of::<u64>()])
    }

    /// Whether it has no result, since for some kept element the mask selected nothing: of min, max, argmin and
    /// argmax. Callers refuse those as NumPy does.
    ///
    /// # Panics
    /// If `partial` is short or not 64-byte aligned.
    pub fn is_empty_selection(&self, kept: usize, partial: &[u8]) -> bool {
        self.check(kept, partial);
        let needs_one = matches!(self.op, ReduceOp::Min | ReduceOp::Max | ReduceOp::Argmin | ReduceOp::Argmax);
        self.masked && needs_one && self.selected(kept, partial).contains(&0)
    }

    /// The first kept element that has seen values, but no other than NaN: where nanargmin and nanargmax have no
    /// result. Callers refuse it as NumPy does. `None` for any other reduction.
    ///
    /// # Panics
    /// If `partial` is short or not 64-byte aligned.
    pub fn first_all_nan(&self, kept: usize, partial: &[u8]) -> Option<usize> {
        self.check(kept, partial);
        match self.op {
            ReduceOp::Argmin | ReduceOp::Argmax if self.skip_nan => {
                let seen = |at: usize| if self.masked { self.selected(kept, partial)[at] } else { Self::count(partial) };
                arg::indices_of(self.dtype, kept, partial).iter().enumerate().position(|(at, &index)| index < 0 && seen(at) > 0)
            }
            _ => None,
        }
    }

    /// # Panics
    /// If `partial` is short or not aligned.
    fn check(&self, kept: usize, partial: &[u8]) {
        let need = self.partial_bytes(kept);
        assert!(partial.len() >= need, "{}: a partial of {kept} takes {need} bytes, given {}", self.op.name(), partial.len());
        assert!((partial.as_ptr() as usize).is_multiple_of(64), "{}: partials are 64-byte aligned", self.op.name());
    }

    /// Writes the partial of no elements. Finished, it gives sum 0, prod 1, mean and var NaN, any false, all
    /// true, count 0; callers refuse min, max and the arg- reductions of nothing.
    ///
    /// # Panics
    /// If `partial` is short or not 64-byte aligned.
    pub fn empty(&self, kept: usize, partial: &mut [u8]) {
        self.check(kept, partial);
        partial[..HEADER].fill(0);
        // SAFETY: checked.
        unsafe { (self.ops().empty)(PartialAt { partial: partial.as_mut_ptr(), kept, at: 0 }) }
        if self.masked {
            self.selected_mut(kept, partial).fill(0);
        }
    }

    /// `left` becomes left ∪ right; `right` is later in order.
    ///
    /// # Panics
    /// If a partial is short or not 64-byte aligned.
    pub fn merge(&self, kept: usize, left: &mut [u8], right: &[u8]) {
        self.check(kept, left);
        self.check(kept, right);
        let count = Self::count(left) + Self::count(right);
        // SAFETY: checked.
        unsafe { (self.ops().merge)(PartialAt { partial: left.as_mut_ptr(), kept, at: 0 }, right.as_ptr()) };
        Self::set_count(left, count);
        if self.masked {
            for (l, r) in self.selected_mut(kept, left).iter_mut().zip(self.selected(kept, right)) {
                *l += r;
            }
        }
    }

    /// Writes the `kept` results, dense, of dtype `self.out`; rounds once. An arg- reduction that has seen nothing
    /// (but NaN, with `skip_nan`: [`Reduction::first_all_nan`]) gives −1.
    ///
    /// # Panics
    /// If `partial` is short or not 64-byte aligned, or `out` has another size.
    pub fn finish(&self, kept: usize, partial: &[u8], out: &mut [u8]) {
        self.check(kept, partial);
        assert_eq!(out.len(), kept * self.out.size(), "{}: {kept} results of {}", self.op.name(), self.out);
        let ops = self.ops();
        let from = PartialAt { partial: partial.as_ptr().cast_mut(), kept, at: 0 };
        let count = Self::count(partial);
        let selected = if self.masked { Some(self.selected(kept, partial)) } else { None };
        if selected.is_none()
            && ops.natural == self.out
            && with_element!(self.out, T => (out.as_ptr() as usize).is_multiple_of(align_of::<T>()))
        {
            // SAFETY: checked; finish only reads the partial.
            return unsafe { (ops.finish)(self, from, kept, count, out.as_mut_ptr()) };
        }
        let mut value = [0u128; 1];
        for at in 0..kept {
            let count = selected.map_or(count, |selected| selected[at]);
            // SAFETY: a view of one element of a checked partial, through `kept` elements of plane strides.
            unsafe { (ops.finish)(self, PartialAt { at, ..from }, 1, count, value.as_mut_ptr().cast()) };
            let value = Scalar::read(ops.natural, &bytemuck::bytes_of(&value)[..ops.natural.size()]);
            value.write(self.out, &mut out[at * self.out.size()..][..self.out.size()]);
        }
    }
}
