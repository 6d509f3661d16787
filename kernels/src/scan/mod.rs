//! Values and the state before them → running totals. Inclusive cumulative sums, products, minima and maxima along
//! one axis of a strided view.
//!
//! The axis is cut into *cells*. What stands at an element is `prefix ∘ local`. `local` is the left fold, from nothing, of
//! the cell's elements up to it. `prefix` is the left fold of the earlier cells' totals: ((t₀ ∘ t₁) ∘ t₂) … So the bits follow
//! from the elements and the cells alone.
//!
//! Inside of a cell the fold is handed on as a *carry*, so a cell may come in any parts. Cells may be totalled in any order
//! before the prefixes are known ([`Scan::total`], [`Scan::join`], then [`Scan::run`]), or one after the other
//! ([`Scan::next_cell`]). Both give the same bits.
//!
//! State: f16, bf16, f32 and complex64 add up in f64 and are rounded at each element; f64 and complex128 carry the
//! rounding errors of their additions along (Knuth's TwoSum), as in `sum`; integers wrap in 64 bits. Products stay in
//! their own precision (half precision in f32). A sum of −0.0 alone is −0.0. The first NaN stays for minima and
//! maxima. With `skip_nan`, NaN counts as 0 in sums and as 1 in products, and extremes are NaN up to the first number.
//!
//! A carry, and a prefix, is a plane of words for each part of the state, one word a kept element (C order), each
//! plane rounded up to 64 bytes.

mod loops;
#[cfg(test)]
mod tests;

use crate::dtype::DType;
use crate::op::ScanOp;
use crate::reduce::plane_bytes;
use crate::view::{View, ViewMut};
use serde::{Deserialize, Serialize};

/// Running totals of values of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// Which.
    pub op: ScanOp,
    /// The dtype of the values.
    pub dtype: DType,
    /// The dtype of the result: [`ScanOp::out_dtype`].
    pub out: DType,
    /// Whether NaN is passed over (the nan- forms).
    pub skip_nan: bool,
}

impl Scan {
    /// NumPy's scan of values of `dtype`.
    pub fn new(op: ScanOp, dtype: DType, skip_nan: bool) -> Scan {
        let skip_nan = skip_nan && (dtype.is_float() || dtype.is_complex());
        Scan { op, dtype, out: op.out_dtype(dtype), skip_nan }
    }

    /// Whether the whole axis must be one cell. Products of floats: the total of a cell can overflow where the product
    /// in turn does not (10⁻³⁰⁰ before, 10²⁰⁰ · 10²⁰⁰ in the cell), and NumPy multiplies in turn.
    pub fn is_one_cell(&self) -> bool {
        self.op == ScanOp::Prod && (self.dtype.is_float() || self.dtype.is_complex())
    }

    /// Bytes of a carry for `kept` kept elements. Buffers are 64-byte aligned.
    pub fn carry_bytes(&self, kept: usize) -> usize {
        let loops = loops::of(self);
        loops.words * plane_bytes(kept, loops.word_bytes)
    }

    /// # Panics
    /// If `carry` is short or not aligned.
    fn check(&self, kept: usize, carry: &[u8]) {
        let need = self.carry_bytes(kept);
        assert!(carry.len() >= need, "{}: a carry of {kept} takes {need} bytes, given {}", self.op.name(), carry.len());
        assert!((carry.as_ptr() as usize).is_multiple_of(64), "{}: carries are 64-byte aligned", self.op.name());
    }

    /// Writes the carry before a cell's first element.
    ///
    /// # Panics
    /// If `carry` is short or not 64-byte aligned.
    pub fn empty(&self, kept: usize, carry: &mut [u8]) {
        self.check(kept, carry);
        (loops::of(self).empty)(kept, carry);
    }

    /// `left` becomes left ∘ right: the prefix before a cell and that cell's total give the prefix after it. The
    /// prefix after the first cell is its total itself.
    ///
    /// # Panics
    /// If a carry is short or not 64-byte aligned, or the whole axis must be one cell.
    pub fn join(&self, kept: usize, left: &mut [u8], right: &[u8]) {
        assert!(!self.is_one_cell(), "{} of {}: the whole axis is one cell", self.op.name(), self.dtype);
        self.check(kept, left);
        self.check(kept, right);
        (loops::of(self).join)(kept, left, right);
    }

    /// After a cell's last element: its carry goes into the prefix (`None` before the first cell: then the carry is
    /// the prefix, and is copied to `prefix`), and becomes empty.
    ///
    /// # Panics
    /// As [`Scan::join`].
    pub fn next_cell(&self, kept: usize, is_first: bool, prefix: &mut [u8], carry: &mut [u8]) {
        if is_first {
            self.check(kept, prefix);
            let bytes = self.carry_bytes(kept);
            prefix[..bytes].copy_from_slice(&carry[..bytes]);
        } else {
            self.join(kept, prefix, carry);
        }
        self.empty(kept, carry);
    }

    /// Takes the elements of `x` into `carry` without writing results: with the whole cell taken, its total. Cost: one
    /// operation an element.
    ///
    /// # Panics
    /// If `x` has another dtype or no axis `axis`, or `carry` is short or not 64-byte aligned.
    pub fn total(&self, x: &View, axis: usize, carry: &mut [u8]) {
        self.check(self.kept(x, axis), carry);
        (loops::of(self).take)(x, axis, None, carry, None);
    }

    /// Writes the running totals along `axis` to `out`, of `x`'s shape: prefix ∘ (carry ∘ x₀ ∘ … ∘ xᵢ), and takes the
    /// elements of `x` into `carry`. `prefix` is `None` in the first cell.
    ///
    /// # Panics
    /// If `x` or `out` has another dtype, the shapes differ, there is no axis `axis`, a carry is short or not 64-byte
    /// aligned, or `prefix` is given where the whole axis must be one cell.
    pub fn run(&self, x: &View, axis: usize, prefix: Option<&[u8]>, carry: &mut [u8], out: &mut ViewMut) {
        let kept = self.kept(x, axis);
        self.check(kept, carry);
        if let Some(prefix) = prefix {
            assert!(!self.is_one_cell(), "{} of {}: the whole axis is one cell", self.op.name(), self.dtype);
            self.check(kept, prefix);
        }
        assert_eq!(out.dtype(), self.out, "{}: the dtype of the result", self.op.name());
        assert_eq!(out.shape(), x.shape(), "{}: the shape of the result", self.op.name());
        (loops::of(self).take)(x, axis, prefix, carry, Some(out));
    }

    /// How many kept elements `x` has.
    fn kept(&self, x: &View, axis: usize) -> usize {
        assert_eq!(x.dtype(), self.dtype, "{}: the dtype of the values", self.op.name());
        assert!(axis < x.shape().len(), "{}: axis {axis} of shape {:?}", self.op.name(), x.shape());
        x.shape().iter().enumerate().filter(|(a, _)| *a != axis).map(|(_, n)| n).product()
    }
}
