//! Operations on real floats. f16 and bf16 compute in f32 and round after every operation.

use super::{TileFn, math, operations, special};
use crate::dtype::{Bool, Element};
use crate::op::{BinaryOp, UnaryOp};
use half::{bf16, f16};
use std::ops;

/// A stored float and the type that its operations compute in.
pub(super) trait Stored: Element {
    /// Whether its loops are worth a clone for each instruction set.
    const HOT: bool;
    /// f32 or f64.
    type C: Compute;
    fn up(self) -> Self::C;
    fn down(x: Self::C) -> Self;
    /// The next value toward `to`, in this type's own steps.
    fn next_after(self, to: Self) -> Self;
    /// Distance to the next value away from zero.
    fn spacing(self) -> Self;
}

/// The scalar functions of a computing type.
pub(super) trait Compute:
    Copy
    + PartialOrd
    + ops::Add<Output = Self>
    + ops::Sub<Output = Self>
    + ops::Mul<Output = Self>
    + ops::Div<Output = Self>
    + ops::Rem<Output = Self>
    + ops::Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    const HALF: Self;
    const PI: Self;
    const LN_2: Self;
    const DEGREE: Self;
    const RADIAN: Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn is_negative(self) -> bool;
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_finite(self) -> bool;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn rint(self) -> Self;
    fn sqrt(self) -> Self;
    fn cbrt(self) -> Self;
    fn exp(self) -> Self;
    /// As `exp`, but for arguments that `exp_is_far` names.
    fn exp_near(self) -> Self;
    fn exp_is_far(self) -> bool;
    fn exp2(self) -> Self;
    fn expm1(self) -> Self;
    fn log(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn log1p(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tan(self) -> Self;
    /// Whether sin, cos and tan leave the argument to `slow_sin` and its kin.
    fn turns_far(self) -> bool;
    fn slow_sin(self) -> Self;
    fn slow_cos(self) -> Self;
    fn slow_tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    fn atan2(self, x: Self) -> Self;
    fn hypot(self, other: Self) -> Self;
    /// As `hypot`, but for arguments that `hypot_is_far` names.
    fn hypot_near(self, other: Self) -> Self;
    fn hypot_is_far(self, other: Self) -> bool;
    fn pow(self, exponent: Self) -> Self;
    /// Whether `pow` leaves these arguments to `slow_pow`.
    fn pow_is_rare(self, exponent: Self) -> bool;
    fn slow_pow(self, exponent: Self) -> Self;
    fn i0(self) -> Self;
    fn erf(self) -> Self;
    fn erfc(self) -> Self;
    fn erfinv(self) -> Self;
    fn erfcinv(self) -> Self;
    fn gamma(self) -> Self;
    fn gammaln(self) -> Self;
    fn digamma(self) -> Self;
    fn expit(self) -> Self;
    fn logit(self) -> Self;
    fn log_expit(self) -> Self;
    fn xlogy(self, y: Self) -> Self;
    fn xlog1py(self, y: Self) -> Self;
    /// self · 2^trunc(exponent).
    fn ldexp(self, exponent: Self) -> Self;
}

macro_rules! compute {
    ($t:ident, $($name:ident = |$x:ident| $e:expr;)*) => {
        impl Compute for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const HALF: $t = 0.5;
            const PI: $t = std::$t::consts::PI;
            const LN_2: $t = std::$t::consts::LN_2;
            const DEGREE: $t = std::$t::consts::PI / 180.0;
            const RADIAN: $t = 180.0 / std::$t::consts::PI;
            #[inline(always)] fn abs(self) -> $t { $t::abs(self) }
            #[inline(always)] fn copysign(self, sign: $t) -> $t { $t::copysign(self, sign) }
            #[inline(always)] fn is_negative(self) -> bool { $t::is_sign_negative(self) }
            #[inline(always)] fn is_nan(self) -> bool { $t::is_nan(self) }
            #[inline(always)] fn is_infinite(self) -> bool { $t::is_infinite(self) }
            #[inline(always)] fn is_finite(self) -> bool { $t::is_finite(self) }
            #[inline(always)] fn floor(self) -> $t { $t::floor(self) }
            #[inline(always)] fn ceil(self) -> $t { $t::ceil(self) }
            #[inline(always)] fn trunc(self) -> $t { $t::trunc(self) }
            #[inline(always)] fn rint(self) -> $t { $t::round_ties_even(self) }
            #[inline(always)] fn sqrt(self) -> $t { $t::sqrt(self) }
            fn cbrt(self) -> $t { $t::cbrt(self) }
            fn slow_sin(self) -> $t { $t::sin(self) }
            fn slow_cos(self) -> $t { $t::cos(self) }
            fn slow_tan(self) -> $t { $t::tan(self) }
            fn asin(self) -> $t { $t::asin(self) }
            fn acos(self) -> $t { $t::acos(self) }
            fn asinh(self) -> $t { math::asinh(self as f64) as $t }
            fn acosh(self) -> $t { math::acosh(self as f64) as $t }
            fn atanh(self) -> $t { math::atanh(self as f64) as $t }
            fn atan2(self, x: $t) -> $t { $t::atan2(self, x) }
            fn hypot(self, other: $t) -> $t { $t::hypot(self, other) }
            #[inline(always)]
            fn hypot_near(self, other: $t) -> $t {
                let (x, y) = (self as f64, other as f64);
                if size_of::<$t>() == 4 { math::hypot_of_singles(x, y) as $t } else { math::hypot_near(x, y) as $t }
            }
            #[inline(always)]
            fn hypot_is_far(self, other: $t) -> bool {
                if size_of::<$t>() == 4 { !(self - self + (other - other) == 0.0) } else { math::hypot_is_far(self as f64, other as f64) }
            }
            fn xlogy(self, y: $t) -> $t { special::xlogy(self as f64, y as f64) as $t }
            fn xlog1py(self, y: $t) -> $t { special::xlog1py(self as f64, y as f64) as $t }
            fn slow_pow(self, exponent: $t) -> $t { $t::powf(self, exponent) }
            fn ldexp(self, exponent: $t) -> $t { math::ldexp(self as f64, exponent.trunc() as i32) as $t }
            #[inline(always)] fn exp_is_far(self) -> bool { math::exp_is_far(self as f64) }
            #[inline(always)] fn turns_far(self) -> bool { math::turns_far(self as f64) }
            #[inline(always)] fn pow_is_rare(self, exponent: $t) -> bool { math::pow_is_rare(self as f64, exponent as f64) }
            #[inline(always)] fn pow(self, exponent: $t) -> $t {
                let power = math::pow(self as f64, exponent as f64) as $t;
                if exponent == 2.0 { self * self } else { power }
            }
            $(#[inline(always)] fn $name(self) -> $t { let $x = self as f64; $e as $t })*
        }
    };
}

/// f32 goes through the f64 functions: a vector of half the lanes, and the last bit right.
macro_rules! computes {
    ($($t:ident),*) => { $(compute! { $t,
        exp = |x| math::exp(x);
        exp_near = |x| math::exp_near(x);
        exp2 = |x| math::exp2(x);
        expm1 = |x| math::expm1(x);
        log = |x| math::log(x);
        log2 = |x| math::log2(x);
        log10 = |x| math::log10(x);
        log1p = |x| math::log1p(x);
        sin = |x| math::sin(x);
        cos = |x| math::cos(x);
        tan = |x| math::tan(x);
        atan = |x| math::atan(x);
        sinh = |x| math::sinh(x);
        cosh = |x| math::cosh(x);
        tanh = |x| math::tanh(x);
        i0 = |x| special::i0(x);
        erf = |x| special::erf(x);
        erfc = |x| special::erfc(x);
        erfinv = |x| special::erfinv(x);
        erfcinv = |x| special::erfcinv(x);
        gamma = |x| special::gamma(x);
        gammaln = |x| special::gammaln(x);
        digamma = |x| special::digamma(x);
        expit = |x| special::expit(x);
        logit = |x| special::logit(x);
        log_expit = |x| special::log_expit(x);
    })* };
}
computes!(f32, f64);

macro_rules! stored {
    ($($t:ident, $c:ident, $zero:expr, |$x:ident| $up:expr, $down:expr);*) => { $(impl Stored for $t {
        const HOT: bool = size_of::<$t>() >= 4;
        type C = $c;
        #[inline(always)]
        fn up(self) -> $c { let $x = self; $up }
        #[inline(always)]
        fn down($x: $c) -> $t { $down }
        fn next_after(self, to: $t) -> $t {
            if self.is_nan() || to.is_nan() {
                return $t::NAN;
            }
            if self == to {
                return to;
            }
            if self == $zero {
                return if to > $zero { $t::from_bits(1) } else { -$t::from_bits(1) };
            }
            let away = (to > self) == (self > $zero);
            $t::from_bits(if away { self.to_bits() + 1 } else { self.to_bits() - 1 })
        }
        fn spacing(self) -> $t {
            if self.is_nan() || self.is_infinite() {
                return $t::NAN;
            }
            if self == $zero {
                return $t::from_bits(1);
            }
            $t::from_bits(self.to_bits() + 1) - self
        }
    })* };
}
stored!(
    f16, f32, f16::ZERO, |x| x.to_f32(), f16::from_f32(x);
    bf16, f32, bf16::ZERO, |x| x.to_f32(), bf16::from_f32(x);
    f32, f32, 0.0, |x| x, x;
    f64, f64, 0.0, |x| x, x
);

#[inline(always)]
fn sign<C: Compute>(x: C) -> C {
    if x > C::ZERO {
        C::ONE
    } else if x < C::ZERO {
        -C::ONE
    } else if x == C::ZERO {
        C::ZERO
    } else {
        x
    }
}

/// NumPy's `npy_floor_divide`: from the exact remainder, so that it agrees with `%`.
#[inline(always)]
fn floor_divide<C: Compute>(a: C, b: C) -> C {
    if b == C::ZERO {
        return a / b;
    }
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != C::ZERO && (b < C::ZERO) != (rest < C::ZERO) {
        rest = rest + b;
        quotient = quotient - C::ONE;
    }
    let _ = rest;
    if quotient == C::ZERO {
        return C::ZERO.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > C::HALF { floor + C::ONE } else { floor }
}

/// NumPy's `npy_remainder`: the sign of the divisor.
#[inline(always)]
fn remainder<C: Compute>(a: C, b: C) -> C {
    let rest = a % b;
    if b == C::ZERO {
        return rest;
    }
    if rest == C::ZERO {
        C::ZERO.copysign(b)
    } else if (b < C::ZERO) != (rest < C::ZERO) {
        rest + b
    } else {
        rest
    }
}

/// log(eᵃ + eᵇ).
#[inline(always)]
fn logaddexp<C: Compute>(a: C, b: C) -> C {
    if a == b {
        return a + C::LN_2;
    }
    let gap = a - b;
    if gap > C::ZERO {
        a + (-gap).exp().log1p()
    } else if gap <= C::ZERO {
        b + gap.exp().log1p()
    } else {
        gap
    }
}

/// log₂(2ᵃ + 2ᵇ).
#[inline(always)]
fn logaddexp2<C: Compute>(a: C, b: C) -> C {
    if a == b {
        return a + C::ONE;
    }
    let gap = a - b;
    if gap > C::ZERO {
        a + (-gap).exp2().log1p() / C::LN_2
    } else if gap <= C::ZERO {
        b + gap.exp2().log1p() / C::LN_2
    } else {
        gap
    }
}

#[inline(always)]
fn heaviside<C: Compute>(x: C, at_zero: C) -> C {
    if x.is_nan() {
        x
    } else if x == C::ZERO {
        at_zero
    } else if x < C::ZERO {
        C::ZERO
    } else {
        C::ONE
    }
}

/// The angle of a real number: 0, or π where the sign is set.
#[inline(always)]
fn angle<C: Compute>(x: C) -> C {
    if x.is_nan() {
        x
    } else if x.is_negative() {
        C::PI
    } else {
        C::ZERO
    }
}

operations! { maps, UnaryOp, Map1, tile1, Stored, T;
    hot Negative => |a| T::down(-a.up());
    cold Positive => |a| a;
    hot Absolute => |a| T::down(a.up().abs());
    cold Fabs => |a| T::down(a.up().abs());
    hot Sign => |a| T::down(sign(a.up()));
    hot Rint => |a| T::down(a.up().rint());
    hot Floor => |a| T::down(a.up().floor());
    hot Ceil => |a| T::down(a.up().ceil());
    hot Trunc => |a| T::down(a.up().trunc());
    hot Sqrt => |a| T::down(a.up().sqrt());
    cold Cbrt => |a| T::down(a.up().cbrt());
    hot Square => |a| T::down(a.up() * a.up());
    hot Reciprocal => |a| T::down(T::C::ONE / a.up());
    hot Exp => |a| T::down(a.up().exp_near()), rare |a| a.up().exp_is_far(), T::down(a.up().exp());
    hot Exp2 => |a| T::down(a.up().exp2());
    hot Expm1 => |a| T::down(a.up().expm1());
    hot Log => |a| T::down(a.up().log());
    hot Log2 => |a| T::down(a.up().log2());
    hot Log10 => |a| T::down(a.up().log10());
    hot Log1p => |a| T::down(a.up().log1p());
    hot Sin => |a| T::down(a.up().sin()), rare |a| a.up().turns_far(), T::down(a.up().slow_sin());
    hot Cos => |a| T::down(a.up().cos()), rare |a| a.up().turns_far(), T::down(a.up().slow_cos());
    hot Tan => |a| T::down(a.up().tan()), rare |a| a.up().turns_far(), T::down(a.up().slow_tan());
    cold Arcsin => |a| T::down(a.up().asin());
    cold Arccos => |a| T::down(a.up().acos());
    hot Arctan => |a| T::down(a.up().atan());
    hot Sinh => |a| T::down(a.up().sinh());
    hot Cosh => |a| T::down(a.up().cosh());
    hot Tanh => |a| T::down(a.up().tanh());
    cold Arcsinh => |a| T::down(a.up().asinh());
    cold Arccosh => |a| T::down(a.up().acosh());
    cold Arctanh => |a| T::down(a.up().atanh());
    hot Deg2rad => |a| T::down(a.up() * T::C::DEGREE);
    hot Rad2deg => |a| T::down(a.up() * T::C::RADIAN);
    cold Spacing => |a| a.spacing();
    cold Real => |a| a;
    cold Imag => |_a| T::down(T::C::ZERO);
    cold Conjugate => |a| a;
    cold Angle => |a| T::down(angle(a.up()));
    cold I0 => |a| T::down(a.up().i0());
    cold Erf => |a| T::down(a.up().erf());
    cold Erfc => |a| T::down(a.up().erfc());
    cold Erfinv => |a| T::down(a.up().erfinv());
    cold Erfcinv => |a| T::down(a.up().erfcinv());
    cold Gamma => |a| T::down(a.up().gamma());
    cold Gammaln => |a| T::down(a.up().gammaln());
    cold Digamma => |a| T::down(a.up().digamma());
    cold Expit => |a| T::down(a.up().expit());
    cold Logit => |a| T::down(a.up().logit());
    cold LogExpit => |a| T::down(a.up().log_expit());
}

operations! { tests, UnaryOp, Map1, tile1, Stored, Bool;
    cold Signbit => |a| a.up().is_negative().into();
    hot Isnan => |a| a.up().is_nan().into();
    hot Isinf => |a| a.up().is_infinite().into();
    hot Isfinite => |a| a.up().is_finite().into();
    cold LogicalNot => |a| (a.up() == T::C::ZERO).into();
}

operations! { joins, BinaryOp, Map2, tile2, Stored, T;
    hot Add => |a, b| T::down(a.up() + b.up());
    hot Subtract => |a, b| T::down(a.up() - b.up());
    hot Multiply => |a, b| T::down(a.up() * b.up());
    hot Divide => |a, b| T::down(a.up() / b.up());
    cold FloorDivide => |a, b| T::down(floor_divide(a.up(), b.up()));
    cold Remainder => |a, b| T::down(remainder(a.up(), b.up()));
    cold Fmod => |a, b| T::down(a.up() % b.up());
    hot Power => |a, b| T::down(a.up().pow(b.up())), rare |a, b| a.up().pow_is_rare(b.up()), T::down(a.up().slow_pow(b.up()));
    hot FloatPower => |a, b| T::down(a.up().pow(b.up())), rare |a, b| a.up().pow_is_rare(b.up()), T::down(a.up().slow_pow(b.up()));
    cold Arctan2 => |a, b| T::down(a.up().atan2(b.up()));
    hot Hypot => |a, b| T::down(a.up().hypot_near(b.up())), rare |a, b| a.up().hypot_is_far(b.up()), T::down(a.up().hypot(b.up()));
    cold Copysign => |a, b| T::down(a.up().copysign(b.up()));
    cold Nextafter => |a, b| a.next_after(b);
    cold Logaddexp => |a, b| T::down(logaddexp(a.up(), b.up()));
    cold Logaddexp2 => |a, b| T::down(logaddexp2(a.up(), b.up()));
    cold Heaviside => |a, b| T::down(heaviside(a.up(), b.up()));
    cold Xlogy => |a, b| T::down(a.up().xlogy(b.up()));
    cold Xlog1py => |a, b| T::down(a.up().xlog1py(b.up()));
    cold Ldexp => |a, b| T::down(a.up().ldexp(b.up()));
}

pub(super) fn unary<T: Stored>(op: UnaryOp) -> Option<TileFn> {
    maps::<T>(op).or_else(|| tests::<T>(op))
}

pub(super) fn binary<T: Stored>(op: BinaryOp) -> Option<TileFn> {
    joins::<T>(op)
}
