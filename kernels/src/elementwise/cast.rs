//! `astype` between any two dtypes. Floats to integers as the C casts of NumPy's x86-64 build: NaN and
//! what does not fit give the target's MIN where the hardware conversion does, narrow types wrap its low bits.

use super::{Map1, TileFn, tile1};
use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::with_element;
use half::{bf16, f16};

/// Whether conversions between two types are worth a clone for each instruction set.
trait CastFrom: Element {
    const HOT: bool;
    fn to<T: CastTo>(self) -> T;
}

trait CastTo: Element {
    const HOT: bool;
    fn from_i64(x: i64) -> Self;
    fn from_u64(x: u64) -> Self;
    fn from_f32(x: f32) -> Self;
    fn from_f64(x: f64) -> Self;
    fn from_parts(re: f64, _im: f64) -> Self {
        Self::from_f64(re)
    }
}

macro_rules! sources {
    ($($t:ty, $hot:literal, |$x:ident| $e:expr);*) => { $(impl CastFrom for $t {
        const HOT: bool = $hot;
        #[inline(always)]
        fn to<T: CastTo>(self) -> T { let $x = self; $e }
    })* };
}
sources!(
    Bool, false, |x| T::from_u64((x.0 != 0) as u64);
    i8, false, |x| T::from_i64(x as i64);
    i16, false, |x| T::from_i64(x as i64);
    i32, true, |x| T::from_i64(x as i64);
    i64, true, |x| T::from_i64(x);
    u8, true, |x| T::from_u64(x as u64);
    u16, false, |x| T::from_u64(x as u64);
    u32, false, |x| T::from_u64(x as u64);
    u64, false, |x| T::from_u64(x);
    f16, false, |x| T::from_f32(x.to_f32());
    bf16, false, |x| T::from_f32(x.to_f32());
    f32, true, |x| T::from_f32(x);
    f64, true, |x| T::from_f64(x);
    C64, false, |x| T::from_parts(x.re as f64, x.im as f64);
    C128, false, |x| T::from_parts(x.re, x.im)
);

/// The x86 conversion to i32: MIN for NaN and what does not fit.
#[inline(always)]
fn to_i32(x: f64) -> i32 {
    if x > -2147483649.0 && x < 2147483648.0 { x as i32 } else { i32::MIN }
}

const TWO_63: f64 = (1u64 << 63) as f64;

/// The x86 conversion to i64.
#[inline(always)]
fn to_i64(x: f64) -> i64 {
    if x < TWO_63 { x as i64 } else { i64::MIN }
}

#[inline(always)]
fn to_u64(x: f64) -> u64 {
    if x >= TWO_63 { to_i64(x - TWO_63) as u64 ^ (1 << 63) } else { to_i64(x) as u64 }
}

macro_rules! integers {
    ($($t:ty, $hot:literal, $via:ident);*) => { $(impl CastTo for $t {
        const HOT: bool = $hot;
        #[inline(always)] fn from_i64(x: i64) -> $t { x as $t }
        #[inline(always)] fn from_u64(x: u64) -> $t { x as $t }
        #[inline(always)] fn from_f32(x: f32) -> $t { $via(x as f64) as $t }
        #[inline(always)] fn from_f64(x: f64) -> $t { $via(x) as $t }
    })* };
}
integers!(i8, false, to_i32; i16, false, to_i32; i32, true, to_i32; i64, true, to_i64;
    u8, false, to_i32; u16, false, to_i32; u32, false, to_i64; u64, false, to_u64);

/// `x` cut to single precision, with its last bit set if anything was lost: rounding that to fewer bits gives what rounding `x`
/// itself does (Boldo and Melquiond 2008). Rounded to nearest twice, it may end on the wrong side of a tie.
#[inline(always)]
fn to_odd(x: f64) -> f32 {
    let near = x as f32;
    if near as f64 == x || x.is_nan() {
        return near;
    }
    let cut = if (near as f64).abs() > x.abs() { near.to_bits() - 1 } else { near.to_bits() };
    f32::from_bits(cut | 1)
}

macro_rules! floats {
    ($($t:ty, $hot:literal, |$x:ident| $i:expr, $f:expr, $d:expr);*) => { $(impl CastTo for $t {
        const HOT: bool = $hot;
        #[inline(always)] fn from_i64($x: i64) -> $t { $i }
        #[inline(always)] fn from_u64($x: u64) -> $t { $i }
        #[inline(always)] fn from_f32($x: f32) -> $t { $f }
        #[inline(always)] fn from_f64($x: f64) -> $t { $d }
    })* };
}
floats!(
    f16, false, |x| f16::from_f32(x as f32), f16::from_f32(x), f16::from_f32(to_odd(x));
    bf16, false, |x| bf16::from_f32(x as f32), bf16::from_f32(x), bf16::from_f32(to_odd(x));
    f32, true, |x| x as f32, x, x as f32;
    f64, true, |x| x as f64, x as f64, x
);

impl CastTo for Bool {
    const HOT: bool = false;
    #[inline(always)]
    fn from_i64(x: i64) -> Bool {
        (x != 0).into()
    }
    #[inline(always)]
    fn from_u64(x: u64) -> Bool {
        (x != 0).into()
    }
    #[inline(always)]
    fn from_f32(x: f32) -> Bool {
        (x != 0.0).into()
    }
    #[inline(always)]
    fn from_f64(x: f64) -> Bool {
        (x != 0.0).into()
    }
    #[inline(always)]
    fn from_parts(re: f64, im: f64) -> Bool {
        (re != 0.0 || im != 0.0).into()
    }
}

macro_rules! complexes {
    ($($t:ty, $part:ty);*) => { $(impl CastTo for $t {
        const HOT: bool = false;
        #[inline(always)] fn from_i64(x: i64) -> $t { <$t>::new(x as $part, 0.0) }
        #[inline(always)] fn from_u64(x: u64) -> $t { <$t>::new(x as $part, 0.0) }
        #[inline(always)] fn from_f32(x: f32) -> $t { <$t>::new(x as $part, 0.0) }
        #[inline(always)] fn from_f64(x: f64) -> $t { <$t>::new(x as $part, 0.0) }
        #[inline(always)] fn from_parts(re: f64, im: f64) -> $t { <$t>::new(re as $part, im as $part) }
    })* };
}
complexes!(C64, f32; C128, f64);

struct Cast<T>(std::marker::PhantomData<T>);

impl<S: CastFrom, T: CastTo> Map1<S> for Cast<T> {
    type Out = T;
    const HOT: bool = S::HOT && T::HOT;
    #[inline(always)]
    fn at(x: S) -> T {
        x.to()
    }
}

/// The loop that casts `from` to `to`.
pub fn cast(from: DType, to: DType) -> TileFn {
    fn outer<S: CastFrom>(to: DType) -> TileFn {
        with_element!(to, T => tile1::<S, Cast<T>>())
    }
    with_element!(from, S => outer::<S>(to))
}

/// Casts the dense elements of `from` in `values` to as many of `to` in `out`.
///
/// # Panics
/// If those are not as many, or a buffer is not aligned for its elements.
pub fn cast_dense(from: DType, values: &[u8], to: DType, out: &mut [u8]) {
    let n = values.len() / from.size();
    assert_eq!((values.len(), out.len()), (n * from.size(), n * to.size()), "{from} to {to}");
    let is_aligned = |at: *const u8, dtype: DType| with_element!(dtype, T => at.cast::<T>().is_aligned());
    assert!(is_aligned(values.as_ptr(), from) && is_aligned(out.as_ptr(), to), "{from} to {to}: not aligned");
    // SAFETY: both hold n aligned elements; they are apart, one being borrowed mutably.
    unsafe { cast(from, to)([values.as_ptr(); 3], out.as_mut_ptr(), n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around every tie between neighbours, in float64.
    fn around_ties<T: CastTo + PartialEq + Copy>(next: impl Fn(u16) -> (T, f64)) {
        for bits in 0..0x7b00u16 {
            let ((low, a), (high, b)) = (next(bits), next(bits + 1));
            let middle = (a + b) / 2.0;
            let even = if bits % 2 == 0 { low } else { high };
            assert!(T::from_f64(middle) == even, "{middle}");
            assert!(T::from_f64(middle.next_up()) == high && T::from_f64(middle.next_down()) == low, "beside {middle}");
        }
    }

    #[test]
    fn halves_of_doubles_are_the_nearest() {
        around_ties(|bits| (f16::from_bits(bits), f16::from_bits(bits).to_f64()));
        around_ties(|bits| (bf16::from_bits(bits), bf16::from_bits(bits).to_f64()));
        assert!(f16::from_f64(f64::NAN).is_nan() && <f16 as CastTo>::from_f64(f64::NAN).is_nan());
        assert_eq!(<f16 as CastTo>::from_f64(-1e300), f16::NEG_INFINITY);
        assert_eq!(<bf16 as CastTo>::from_f64(1e300), bf16::INFINITY);
        assert_eq!(<f16 as CastTo>::from_f64(-0.0).to_bits(), 0x8000);
    }
}
