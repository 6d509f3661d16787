//! One sequence sliding along another: sums of products.

use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::isa::{Loop, dispatch};
use crate::with_element;
use half::{bf16, f16};

/// Sums that are held in registers side by side.
const TILE: usize = 32;

/// out[j] = Σₖ long[j + k] · short[k], the terms added from the first on, so that the bits do not depend on how `long` is cut.
///
/// # Panics
/// If `long` is not as long as `out` and all of `short` but one.
pub(super) fn slide(dtype: DType, long: &[u8], short: &[u8], out: &mut [u8]) {
    with_element!(dtype, T => {
        let (long, short): (&[T], &[T]) = (bytemuck::cast_slice(long), bytemuck::cast_slice(short));
        dispatch(Slide { long, short, out: bytemuck::cast_slice_mut::<u8, T>(out) });
    })
}

struct Slide<'a, T> {
    long: &'a [T],
    short: &'a [T],
    out: &'a mut [T],
}

impl<T: Term> Loop for Slide<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Slide { long, short, out } = self;
        assert_eq!(long.len() + 1, out.len() + short.len(), "a sequence along another");
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

    #[test]
    fn every_place_is_the_sum_of_its_terms() {
        for (n, m) in [(1, 1), (5, 5), (40, 3), (200, 70), (33, 2)] {
            let long: Vec<i32> = (0..n).map(|i| i * 7919 % 1013 - 500).collect();
            let short: Vec<i32> = (0..m).map(|i| i * 31 % 17 - 8).collect();
            let expected: Vec<i32> = (0..=n - m).map(|j| (0..m).map(|k| long[(j + k) as usize] * short[k as usize]).sum()).collect();
            let floats = |x: &[i32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            on_every_isa(|| {
                let mut out = vec![0i32; expected.len()];
                slide(DType::I32, bytemuck::cast_slice(&long), bytemuck::cast_slice(&short), bytemuck::cast_slice_mut(&mut out));
                assert_eq!(out, expected);
                let mut out = vec![0f64; expected.len()];
                let (long, short) = (floats(&long), floats(&short));
                slide(DType::F64, bytemuck::cast_slice(&long), bytemuck::cast_slice(&short), bytemuck::cast_slice_mut(&mut out));
                assert_eq!(out, floats(&expected));
            });
        }
    }

    #[test]
    fn bools_say_whether_any_are_both() {
        let mut out = [9u8; 3];
        slide(DType::Bool, &[1, 0, 0, 1], &[1, 1], &mut out);
        assert_eq!(out, [1, 0, 1]);
    }
}
