//! Operations on integers. They wrap; where Rust would panic, NumPy's values stand: x // 0 and x % 0 are
//! 0, MIN // −1 is MIN, shifts past the width give 0 (or −1 for negative numbers to the right).

use super::{TileFn, operations};
use crate::dtype::{Bool, Element};
use crate::op::{BinaryOp, UnaryOp};

/// What the operations need of an integer type.
pub(super) trait Int: Element {
    /// Whether its loops are worth a clone for each instruction set.
    const HOT: bool;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn sign(self) -> Self;
    fn is_negative(self) -> bool;
    fn is_zero(self) -> bool;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn floor_div(self, other: Self) -> Self;
    fn floor_mod(self, other: Self) -> Self;
    fn fmod(self, other: Self) -> Self;
    fn pow(self, exponent: Self) -> Self;
    fn recip(self) -> Self;
    fn not(self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn shl(self, by: Self) -> Self;
    fn shr(self, by: Self) -> Self;
    fn gcd(self, other: Self) -> Self;
    fn lcm(self, other: Self) -> Self;
    fn ones(self) -> u8;
    fn zero() -> Self;
}

macro_rules! common {
    ($t:ty, $unsigned:ty) => {
        const HOT: bool = size_of::<$t>() >= 4;
        #[inline(always)]
        fn is_zero(self) -> bool {
            self == 0
        }
        #[inline(always)]
        fn add(self, other: $t) -> $t {
            self.wrapping_add(other)
        }
        #[inline(always)]
        fn sub(self, other: $t) -> $t {
            self.wrapping_sub(other)
        }
        #[inline(always)]
        fn mul(self, other: $t) -> $t {
            self.wrapping_mul(other)
        }
        #[inline(always)]
        fn neg(self) -> $t {
            self.wrapping_neg()
        }
        #[inline(always)]
        fn fmod(self, other: $t) -> $t {
            if other == 0 { 0 } else { self.wrapping_rem(other) }
        }
        #[inline(always)]
        fn not(self) -> $t {
            !self
        }
        #[inline(always)]
        fn and(self, other: $t) -> $t {
            self & other
        }
        #[inline(always)]
        fn or(self, other: $t) -> $t {
            self | other
        }
        #[inline(always)]
        fn xor(self, other: $t) -> $t {
            self ^ other
        }
        #[inline(always)]
        fn shl(self, by: $t) -> $t {
            if (by as $unsigned) < <$t>::BITS as $unsigned { self << by } else { 0 }
        }
        #[inline(always)]
        fn gcd(self, other: $t) -> $t {
            let (mut a, mut b) = (Int::abs(self) as $unsigned, Int::abs(other) as $unsigned);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a as $t
        }
        #[inline(always)]
        fn lcm(self, other: $t) -> $t {
            let gcd = Int::gcd(self, other) as $unsigned;
            if gcd == 0 { 0 } else { (Int::abs(self) as $unsigned / gcd).wrapping_mul(Int::abs(other) as $unsigned) as $t }
        }
        #[inline(always)]
        fn ones(self) -> u8 {
            (Int::abs(self) as $unsigned).count_ones() as u8
        }
        #[inline(always)]
        fn zero() -> $t {
            0
        }
    };
}

/// x^n by squaring, wrapping.
macro_rules! squaring {
    ($x:expr, $n:expr) => {{
        let (mut base, mut n) = ($x, $n);
        let mut power = 1;
        while n != 0 {
            if n & 1 == 1 {
                power = base.wrapping_mul(power);
            }
            base = base.wrapping_mul(base);
            n >>= 1;
        }
        power
    }};
}

macro_rules! signed {
    ($($t:ty, $unsigned:ty, $one_over_zero:expr);*) => { $(impl Int for $t {
        common!($t, $unsigned);
        #[inline(always)]
        fn abs(self) -> $t {
            self.wrapping_abs()
        }
        #[inline(always)]
        fn sign(self) -> $t {
            self.signum()
        }
        #[inline(always)]
        fn is_negative(self) -> bool {
            self < 0
        }
        #[inline(always)]
        fn floor_div(self, other: $t) -> $t {
            if other == 0 {
                return 0;
            }
            let quotient = self.wrapping_div(other);
            if self.wrapping_rem(other) != 0 && (self < 0) != (other < 0) { quotient - 1 } else { quotient }
        }
        #[inline(always)]
        fn floor_mod(self, other: $t) -> $t {
            if other == 0 {
                return 0;
            }
            let rest = self.wrapping_rem(other);
            if rest != 0 && (self < 0) != (other < 0) { rest + other } else { rest }
        }
        /// A negative power is 0 but for ±1; the array layer refuses negative scalars as NumPy does.
        fn pow(self, exponent: $t) -> $t {
            if exponent >= 0 {
                squaring!(self, exponent)
            } else if self == 1 || (self == -1 && exponent & 1 == 0) {
                1
            } else if self == -1 {
                -1
            } else {
                0
            }
        }
        /// 1 / 0 is infinity cast to an integer.
        #[inline(always)]
        fn recip(self) -> $t {
            match self {
                0 => $one_over_zero,
                1 | -1 => self,
                _ => 0,
            }
        }
        #[inline(always)]
        fn shr(self, by: $t) -> $t {
            if (by as $unsigned) < <$t>::BITS as $unsigned { self >> by } else { self >> (<$t>::BITS - 1) }
        }
    })* };
}

macro_rules! unsigned {
    ($($t:ty),*) => { $(impl Int for $t {
        common!($t, $t);
        #[inline(always)]
        fn abs(self) -> $t {
            self
        }
        #[inline(always)]
        fn sign(self) -> $t {
            (self != 0) as $t
        }
        #[inline(always)]
        fn is_negative(self) -> bool {
            false
        }
        #[inline(always)]
        fn floor_div(self, other: $t) -> $t {
            if other == 0 { 0 } else { self / other }
        }
        #[inline(always)]
        fn floor_mod(self, other: $t) -> $t {
            if other == 0 { 0 } else { self % other }
        }
        fn pow(self, exponent: $t) -> $t {
            squaring!(self, exponent)
        }
        #[inline(always)]
        fn recip(self) -> $t {
            (self == 1) as $t
        }
        #[inline(always)]
        fn shr(self, by: $t) -> $t {
            if by < <$t>::BITS as $t { self >> by } else { 0 }
        }
    })* };
}

signed!(i8, u8, 0; i16, u16, 0; i32, u32, i32::MIN; i64, u64, i64::MIN);
unsigned!(u8, u16, u32, u64);

operations! { maps, UnaryOp, Map1, tile1, Int, T;
    hot Negative => |a| a.neg();
    cold Positive => |a| a;
    hot Absolute => |a| a.abs();
    cold Sign => |a| a.sign();
    cold Floor => |a| a;
    cold Ceil => |a| a;
    cold Trunc => |a| a;
    hot Square => |a| a.mul(a);
    cold Reciprocal => |a| a.recip();
    cold Invert => |a| a.not();
    cold Real => |a| a;
    cold Imag => |a| a.and(T::zero());
    cold Conjugate => |a| a;
}

operations! { counts, UnaryOp, Map1, tile1, Int, u8;
    cold BitwiseCount => |a| a.ones();
}

operations! { tests, UnaryOp, Map1, tile1, Int, Bool;
    cold Signbit => |a| a.is_negative().into();
    cold Isnan => |_a| Bool(0);
    cold Isinf => |_a| Bool(0);
    cold Isfinite => |_a| Bool(1);
    cold LogicalNot => |a| a.is_zero().into();
}

operations! { joins, BinaryOp, Map2, tile2, Int, T;
    hot Add => |a, b| a.add(b);
    hot Subtract => |a, b| a.sub(b);
    hot Multiply => |a, b| a.mul(b);
    cold FloorDivide => |a, b| a.floor_div(b);
    cold Remainder => |a, b| a.floor_mod(b);
    cold Fmod => |a, b| a.fmod(b);
    cold Power => |a, b| a.pow(b);
    hot BitwiseAnd => |a, b| a.and(b);
    hot BitwiseOr => |a, b| a.or(b);
    hot BitwiseXor => |a, b| a.xor(b);
    cold LeftShift => |a, b| a.shl(b);
    cold RightShift => |a, b| a.shr(b);
    cold Gcd => |a, b| a.gcd(b);
    cold Lcm => |a, b| a.lcm(b);
}

pub(super) fn unary<T: Int>(op: UnaryOp) -> Option<TileFn> {
    maps::<T>(op).or_else(|| counts::<T>(op)).or_else(|| tests::<T>(op))
}

pub(super) fn binary<T: Int>(op: BinaryOp) -> Option<TileFn> {
    joins::<T>(op)
}
