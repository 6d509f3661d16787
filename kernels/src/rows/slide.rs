//! One sequence sliding along another: sums of products.

use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::isa::{Loop, dispatch};
use crate::with_element;
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// Sums that are held in registers side by side.
const TILE: usize = 32;

/// One sequence along another, `Σₖ long[j − before + k] · short[k]` at its places j. What lies beyond the ends of the longer one is no term, so
/// that an infinity or a NaN of the shorter one spoils nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slide {
    /// Of both, and of the sums.
    pub dtype: DType,
    /// Elements of the longer one.
    pub len: u64,
    /// How far before a place its first term is.
    pub before: u64,
}

impl Slide {
    /// Sums at the places from `first` on, `long` beginning `before` elements ahead of them; the terms are added from the first on, so that
    /// the bits do not depend on how `long` is cut.
    ///
    /// # Panics
    /// If `long` is not as long as `out` and all of `short` but one.
    pub(super) fn run(&self, long: &[u8], short: &[u8], first: u64, out: &mut [u8]) {
        with_element!(self.dtype, T => {
            let (long, short): (&[T], &[T]) = (bytemuck::cast_slice(long), bytemuck::cast_slice(short));
            let out = bytemuck::cast_slice_mut::<u8, T>(out);
            assert_eq!(long.len() + 1, out.len() + short.len(), "a sequence along another");
            // places that have all their terms
            let place = |at: u64| at.saturating_sub(first).min(out.len() as u64) as usize;
            let from = place(self.before);
            let to = place((self.len + self.before + 1).saturating_sub(short.len() as u64)).max(from);
            let (ahead, rest) = out.split_at_mut(from);
            let (whole, behind) = rest.split_at_mut(to - from);
            self.ends(long, short, first, ahead);
            self.ends(&long[to..], short, first + to as u64, behind);
            if !whole.is_empty() {
                dispatch(Whole { long: &long[from..to + short.len() - 1], short, out: whole });
            }
        })
    }

    /// The same of places that lack some of their terms.
    fn ends<T: Term>(&self, long: &[T], short: &[T], first: u64, out: &mut [T]) {
        for (j, out) in out.iter_mut().enumerate() {
            let at = first + j as u64;
            let from = self.before.saturating_sub(at).min(short.len() as u64) as usize;
            let to = ((self.len + self.before).saturating_sub(at).min(short.len() as u64) as usize).max(from);
            let terms = long[j + from..j + to].iter().zip(&short[from..to]).map(|(long, short)| long.times(*short));
            *out = terms.reduce(|sum, term| sum.plus(term)).unwrap_or_default();
        }
    }
}

struct Whole<'a, T> {
    long: &'a [T],
    short: &'a [T],
    out: &'a mut [T],
}

impl<T: Term> Loop for Whole<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Whole { long, short, out } = self;
        let whole = out.len() / TILE * TILE;
        for (tile, out) in out[..whole].as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
            let long = &long[tile * TILE..];
            let mut sums = [T::default(); TILE];
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = long[at].times(short[0]);
            }
            for (k, &factor) in short.iter().enumerate().skip(1) {
                let long: &[T; TILE] = long[k..].first_chunk().expect("a tile of them");
                for at in 0..TILE {
                    sums[at] = sums[at].plus(long[at].times(factor));
                }
            }
            *out = sums;
        }
        for (j, out) in out.iter_mut().enumerate().skip(whole) {
            let terms = long[j..].iter().zip(short).map(|(long, short)| long.times(*short));
            *out = terms.reduce(|sum, term| sum.plus(term)).unwrap_or_default();
        }
    }
}

/// Products and sums as NumPy has them: of bools whether both, and whether any; of integers what their bits hold.
trait Term: Element + Default {
    fn times(self, other: Self) -> Self;
    fn plus(self, other: Self) -> Self;
}

macro_rules! terms {
    ($($t:ty: |$a:ident, $b:ident| $times:expr, $plus:expr;)*) => { $(
        impl Term for $t {
            #[inline(always)]
            fn times(self, other: $t) -> $t {
                let ($a, $b) = (self, other);
                $times
            }
            #[inline(always)]
            fn plus(self, other: $t) -> $t {
                let ($a, $b) = (self, other);
                $plus
            }
        }
    )* };
}

terms! {
    Bool: |a, b| Bool(a.0 & b.0), Bool(a.0 | b.0);
    i8: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    i16: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    i32: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    i64: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    u8: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    u16: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    u32: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    u64: |a, b| a.wrapping_mul(b), a.wrapping_add(b);
    f16: |a, b| f16::from_f32(a.to_f32() * b.to_f32()), f16::from_f32(a.to_f32() + b.to_f32());
    bf16: |a, b| bf16::from_f32(a.to_f32() * b.to_f32()), bf16::from_f32(a.to_f32() + b.to_f32());
    f32: |a, b| a * b, a + b;
    f64: |a, b| a * b, a + b;
    C64: |a, b| a * b, a + b;
    C128: |a, b| a * b, a + b;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    fn slide<T: Term>(dtype: DType, len: u64, before: u64, long: &[T], short: &[T], first: u64, out: &mut [T]) {
        let of = Slide { dtype, len, before };
        of.run(bytemuck::cast_slice(long), bytemuck::cast_slice(short), first, bytemuck::cast_slice_mut(out));
    }

    #[test]
    fn every_place_is_the_sum_of_its_terms() {
        for (n, m) in [(1, 1), (5, 5), (40, 3), (200, 70), (33, 2)] {
            let long: Vec<i32> = (0..n).map(|i| i * 7919 % 1013 - 500).collect();
            let short: Vec<i32> = (0..m).map(|i| i * 31 % 17 - 8).collect();
            let expected: Vec<i32> = (0..=n - m).map(|j| (0..m).map(|k| long[(j + k) as usize] * short[k as usize]).sum()).collect();
            let floats = |x: &[i32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            on_every_isa(|| {
                let mut out = vec![0i32; expected.len()];
                slide(DType::I32, n as u64, 0, &long, &short, 0, &mut out);
                assert_eq!(out, expected);
                let mut out = vec![0f64; expected.len()];
                slide(DType::F64, n as u64, 0, &floats(&long), &floats(&short), 0, &mut out);
                assert_eq!(out, floats(&expected));
            });
        }
    }

    #[test]
    fn beyond_the_ends_there_are_no_terms() {
        let (n, m, before) = (50usize, 7usize, 6usize);
        let long: Vec<f64> = (0..n).map(|i| i as f64 - 20.).collect();
        let mut short = vec![1.; m];
        (short[0], short[4]) = (f64::INFINITY, f64::NAN);
        let places = n + m - 1;
        let term = |j: usize, k: usize| (j + k).checked_sub(before).filter(|&at| at < n).map(|at| long[at] * short[k]);
        let expected: Vec<f64> = (0..places).map(|j| (0..m).filter_map(|k| term(j, k)).fold(0., |sum, term| sum + term)).collect();
        let around: Vec<f64> =
            (0..places + m - 1).map(|at| at.checked_sub(before).and_then(|at| long.get(at)).copied().unwrap_or(0.)).collect();
        for part in [1, 3, 20, places] {
            for first in (0..places).step_by(part) {
                let to = (first + part).min(places);
                let mut out = vec![9.; to - first];
                slide(DType::F64, n as u64, before as u64, &around[first..to + m - 1], &short, first as u64, &mut out);
                let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
                assert!(out.iter().zip(&expected[first..to]).all(same), "{first}..{to}: {out:?}");
            }
        }
    }

    #[test]
    fn bools_say_whether_any_are_both() {
        let mut out = [Bool(9); 3];
        slide(DType::Bool, 4, 0, &[1, 0, 0, 1].map(Bool), &[Bool(1), Bool(1)], 0, &mut out);
        assert_eq!(out, [1, 0, 1].map(Bool));
    }
}
