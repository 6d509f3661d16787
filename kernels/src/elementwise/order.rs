//! Comparison, logic and extremes, for every dtype. Complex numbers order lexicographically with NumPy's
//! rule for NaN parts.

use super::operations;
use crate::dtype::{Bool, Element};
use half::{bf16, f16};
use num_complex::Complex;

/// NumPy's comparisons.
pub(crate) trait Order: Element {
    /// Whether its loops are worth a clone for each instruction set.
    const HOT: bool;
    /// The greatest value, or infinity.
    const TOP: Self;
    /// The least value, or minus infinity.
    const BOTTOM: Self;
    /// Whether the first of two equal values is their extreme, which shows in 0.0 and −0.0: NumPy's vector
    /// loops for f32 and f64 give the second.
    const FIRST_OF_EQUALS: bool = true;
    /// NaN, where there is one.
    const NAN: Option<Self>;
    fn lt(self, other: Self) -> bool;
    fn le(self, other: Self) -> bool;
    fn eq(self, other: Self) -> bool;
    fn nan(self) -> bool;
    fn truthy(self) -> bool;
}

macro_rules! ordered_ints {
    ($($t:ty, $hot:literal);*) => { $(impl Order for $t {
        const HOT: bool = $hot;
        const TOP: $t = <$t>::MAX;
        const BOTTOM: $t = <$t>::MIN;
        const NAN: Option<$t> = None;
        #[inline(always)] fn lt(self, other: $t) -> bool { self < other }
        #[inline(always)] fn le(self, other: $t) -> bool { self <= other }
        #[inline(always)] fn eq(self, other: $t) -> bool { self == other }
        #[inline(always)] fn nan(self) -> bool { false }
        #[inline(always)] fn truthy(self) -> bool { self != 0 }
    })* };
}
ordered_ints!(i8, false; i16, false; i32, true; i64, true; u8, false; u16, false; u32, false; u64, false);

impl Order for Bool {
    const HOT: bool = false;
    const TOP: Bool = Bool(1);
    const BOTTOM: Bool = Bool(0);
    const NAN: Option<Bool> = None;
    #[inline(always)]
    fn lt(self, other: Bool) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn le(self, other: Bool) -> bool {
        self.0 <= other.0
    }
    #[inline(always)]
    fn eq(self, other: Bool) -> bool {
        self.0 == other.0
    }
    #[inline(always)]
    fn nan(self) -> bool {
        false
    }
    #[inline(always)]
    fn truthy(self) -> bool {
        self.0 != 0
    }
}

macro_rules! ordered_floats {
    ($($t:ty, $hot:literal, $zero:expr);*) => { $(impl Order for $t {
        const HOT: bool = $hot;
        const FIRST_OF_EQUALS: bool = size_of::<$t>() == 2;
        const TOP: $t = <$t>::INFINITY;
        const BOTTOM: $t = <$t>::NEG_INFINITY;
        const NAN: Option<$t> = Some(<$t>::NAN);
        #[inline(always)] fn lt(self, other: $t) -> bool { self < other }
        #[inline(always)] fn le(self, other: $t) -> bool { self <= other }
        #[inline(always)] fn eq(self, other: $t) -> bool { self == other }
        #[inline(always)] fn nan(self) -> bool { self.is_nan() }
        #[inline(always)] fn truthy(self) -> bool { self != $zero }
    })* };
}
ordered_floats!(f32, true, 0.0; f64, true, 0.0; f16, false, f16::ZERO; bf16, false, bf16::ZERO);

macro_rules! ordered_complex {
    ($($t:ty),*) => { $(impl Order for Complex<$t> {
        const HOT: bool = false;
        const TOP: Self = Complex::new(<$t>::INFINITY, <$t>::INFINITY);
        const BOTTOM: Self = Complex::new(<$t>::NEG_INFINITY, <$t>::NEG_INFINITY);
        const NAN: Option<Self> = Some(Complex::new(<$t>::NAN, <$t>::NAN));
        #[inline(always)]
        fn lt(self, other: Self) -> bool {
            (self.re < other.re && !self.im.is_nan() && !other.im.is_nan()) || (self.re == other.re && self.im < other.im)
        }
        #[inline(always)]
        fn le(self, other: Self) -> bool {
            (self.re < other.re && !self.im.is_nan() && !other.im.is_nan()) || (self.re == other.re && self.im <= other.im)
        }
        #[inline(always)] fn eq(self, other: Self) -> bool { self == other }
        #[inline(always)] fn nan(self) -> bool { self.re.is_nan() || self.im.is_nan() }
        #[inline(always)] fn truthy(self) -> bool { self.re != 0.0 || self.im != 0.0 }
    })* };
}
ordered_complex!(f32, f64);

/// `low` ≤ `high`, or < where the second of two equal values is their extreme.
#[inline(always)]
fn ahead<T: Order>(low: T, high: T) -> bool {
    if T::FIRST_OF_EQUALS { low.le(high) } else { low.lt(high) }
}

operations! { extremes, BinaryOp, Map2, tile2, Order, T;
    hot Maximum => |a, b| if a.nan() || ahead(b, a) { a } else { b };
    hot Minimum => |a, b| if a.nan() || ahead(a, b) { a } else { b };
    hot Fmax => |a, b| if b.nan() || ahead(b, a) { a } else { b };
    hot Fmin => |a, b| if b.nan() || ahead(a, b) { a } else { b };
}

operations! { tests, BinaryOp, Map2, tile2, Order, Bool;
    hot Equal => |a, b| a.eq(b).into();
    hot NotEqual => |a, b| (!a.eq(b)).into();
    hot Less => |a, b| a.lt(b).into();
    hot LessEqual => |a, b| a.le(b).into();
    hot Greater => |a, b| b.lt(a).into();
    hot GreaterEqual => |a, b| b.le(a).into();
    cold LogicalAnd => |a, b| (a.truthy() & b.truthy()).into();
    cold LogicalOr => |a, b| (a.truthy() | b.truthy()).into();
    cold LogicalXor => |a, b| (a.truthy() ^ b.truthy()).into();
}

/// Comparisons, logic, maximum and its kin.
pub(super) fn binary<T: Order>(op: crate::op::BinaryOp) -> Option<super::TileFn> {
    extremes::<T>(op).or_else(|| tests::<T>(op))
}
