//! Two lanes → two values. The laws that are a closed formula of the bits of one block.

use super::math::{ln_f32, ln_fraction, numerator, turn, turn_f32, unit_above_zero_f32};
use crate::dtype::Element;

/// A law of pairs of values: elements 2i and 2i + 1 of a stream come from the two lanes of block i.
/// Every method must be straight-line code marked `#[inline(always)]`.
pub(super) trait Law: Copy {
    type Value: Element;
    /// Whether the one value follows from lane 0 alone and the other from lane 1.
    const APART: bool;
    fn pair(self, lane0: u64, lane1: u64) -> [Self::Value; 2];

    /// Element 0 or 1 of the pair.
    #[inline(always)]
    fn one(self, lane0: u64, lane1: u64, odd: bool) -> Self::Value {
        let [a, b] = self.pair(lane0, lane1);
        if odd { b } else { a }
    }
}

/// low + (high − low)·u, kept at or above `low` and under `high`.
#[derive(Clone, Copy)]
pub(super) struct Uniform<T> {
    low: T,
    /// (high − low) over 2⁵³, or 2²⁴ for f32.
    grain: T,
    last: T,
}

impl Uniform<f64> {
    pub(super) fn new(low: f64, high: f64) -> Self {
        let last = if high > low { high.next_down() } else { low };
        Uniform { low, grain: (high - low) / 9_007_199_254_740_992.0, last }
    }
}

impl Uniform<f32> {
    /// The bounds are f64: `low` is the least f32 not under the one, `last` the greatest f32 under the other.
    pub(super) fn new(low: f64, high: f64) -> Self {
        let mut least = low as f32;
        if (least as f64) < low {
            least = least.next_up();
        }
        let mut last = high as f32;
        if last as f64 >= high {
            last = last.next_down();
        }
        let last = last.max(least);
        Uniform { low: least, grain: ((high - low) / 16_777_216.0) as f32, last }
    }
}

impl Law for Uniform<f64> {
    type Value = f64;
    const APART: bool = true;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f64; 2] {
        [lane0, lane1].map(|lane| {
            let v = self.grain.mul_add((lane >> 11) as f64, self.low);
            if v < self.last { v } else { self.last }
        })
    }
}

impl Law for Uniform<f32> {
    type Value = f32;
    const APART: bool = true;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f32; 2] {
        [lane0, lane1].map(|lane| {
            let v = self.grain.mul_add((lane >> 40) as u32 as i32 as f32, self.low);
            if v < self.last { v } else { self.last }
        })
    }
}

/// Box–Muller: a radius from lane 0, an angle from lane 1; the pair is its cosine and its sine.
#[derive(Clone, Copy)]
pub(super) struct Normal<T> {
    pub(super) loc: T,
    pub(super) scale: T,
}

impl Law for Normal<f64> {
    type Value = f64;
    const APART: bool = false;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f64; 2] {
        let radius = (-2.0 * ln_fraction(numerator(lane0))).sqrt();
        let (cos, sin) = turn(lane1);
        [self.scale.mul_add(radius * cos, self.loc), self.scale.mul_add(radius * sin, self.loc)]
    }
}

impl Law for Normal<f32> {
    type Value = f32;
    const APART: bool = false;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f32; 2] {
        let radius = (-2.0 * ln_f32(unit_above_zero_f32(lane0))).sqrt();
        let (cos, sin) = turn_f32((lane1 >> 32) as u32);
        [self.scale.mul_add(radius * cos, self.loc), self.scale.mul_add(radius * sin, self.loc)]
    }
}

/// −scale · ln(1 − u), the inverse of the distribution function.
#[derive(Clone, Copy)]
pub(super) struct Exponential<T> {
    pub(super) scale: T,
}

impl Law for Exponential<f64> {
    type Value = f64;
    const APART: bool = true;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f64; 2] {
        // + 0.0: ln 1 must give 0, not −0
        [lane0, lane1].map(|lane| ln_fraction(numerator(lane)).mul_add(-self.scale, 0.0))
    }
}

impl Law for Exponential<f32> {
    type Value = f32;
    const APART: bool = true;
    #[inline(always)]
    fn pair(self, lane0: u64, lane1: u64) -> [f32; 2] {
        [lane0, lane1].map(|lane| ln_f32(unit_above_zero_f32(lane)).mul_add(-self.scale, 0.0))
    }
}

/// low + ⌊lane · range / 2⁶⁴⌋: every value has a probability within 2⁻⁶⁴ of 1/range, a bias of at most
/// range/2⁶⁴ of it. `NARROW` is for ranges under 2³², which take half the multiplies to the same value.
#[derive(Clone, Copy)]
pub(super) struct Integers<T, const NARROW: bool> {
    low: i64,
    range: u64,
    value: std::marker::PhantomData<T>,
}

impl<T, const NARROW: bool> Integers<T, NARROW> {
    /// Values in [low, high).
    pub(super) fn new(low: i64, high: i64) -> Self {
        let range = high.wrapping_sub(low) as u64;
        debug_assert!(!NARROW || range >> 32 == 0);
        Integers { low, range, value: std::marker::PhantomData }
    }
}

/// The upper half of a 128-bit product, by 32-bit pieces, which vectorise.
#[inline(always)]
fn multiply_high(a: u64, b: u64) -> u64 {
    const LOW: u64 = 0xffff_ffff;
    let (a0, a1, b0, b1) = (a & LOW, a >> 32, b & LOW, b >> 32);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 32);
    let cross = a0 * b1 + (middle & LOW);
    a1 * b1 + (middle >> 32) + (cross >> 32)
}

/// As [`multiply_high`] for b under 2³².
#[inline(always)]
fn multiply_high_narrow(a: u64, b: u64) -> u64 {
    const LOW: u64 = 0xffff_ffff;
    let b = b & LOW;
    ((a >> 32) * b + (((a & LOW) * b) >> 32)) >> 32
}

macro_rules! integers {
    ($($t:ty),*) => { $(
        impl<const NARROW: bool> Law for Integers<$t, NARROW> {
            type Value = $t;
            const APART: bool = true;
            #[inline(always)]
            fn pair(self, lane0: u64, lane1: u64) -> [$t; 2] {
                [lane0, lane1].map(|lane| {
                    let offset = if NARROW { multiply_high_narrow(lane, self.range) } else { multiply_high(lane, self.range) };
                    self.low.wrapping_add(offset as i64) as $t
                })
            }
        }
    )* };
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_high_is_the_upper_half() {
        let mut x = 1u64;
        for _ in 0..10_000 {
            x = x.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let y = x.rotate_left(23) >> (x & 63);
            assert_eq!(multiply_high(x, y), ((x as u128 * y as u128) >> 64) as u64);
            assert_eq!(multiply_high_narrow(x, y >> 32), multiply_high(x, y >> 32));
        }
        assert_eq!(multiply_high(u64::MAX, u64::MAX), u64::MAX - 1);
        assert_eq!(multiply_high_narrow(u64::MAX, 0xffff_ffff), 0xffff_fffe);
    }

    #[test]
    fn the_last_lane_stays_under_high() {
        assert!(Uniform::<f64>::new(1.0, 1.0 + f64::EPSILON).pair(u64::MAX, 0)[0] < 1.0 + f64::EPSILON);
        assert!((Uniform::<f32>::new(0.1, 0.3).pair(u64::MAX, 0)[0] as f64) < 0.3);
        assert!((Uniform::<f32>::new(0.1, 0.3).pair(0, 0)[0] as f64) >= 0.1);
        assert_eq!(Uniform::<f64>::new(3.0, 3.0).pair(u64::MAX, 1), [3.0, 3.0]);
    }
}
