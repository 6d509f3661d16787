//! Operations on complex numbers, with NumPy's formulas where its results show them (Smith's division,
//! integer powers by repeated multiplication).

use super::complex_math as math;
use super::float::Compute;
use super::{TileFn, operations};
use crate::dtype::{Bool, Element};
use crate::op::{BinaryOp, UnaryOp};
use num_complex::Complex;

/// A complex type and its parts.
pub(super) trait Parts: Element {
    /// Whether its loops are worth a clone for each instruction set.
    const HOT: bool = true;
    type Part: Element;
    fn map(self, f: impl Fn(Complex<f64>) -> Complex<f64>) -> Self;
    fn re(self) -> Self::Part;
    fn im(self) -> Self::Part;
    fn neg(self) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn recip(self) -> Self;
    fn conj(self) -> Self;
    fn sign(self) -> Self;
    fn rint(self) -> Self;
    fn abs(self) -> Self::Part;
    /// As `abs`, but for numbers that `abs_is_far` names.
    fn abs_near(self) -> Self::Part;
    fn abs_is_far(self) -> bool;
    fn angle(self) -> Self::Part;
    fn pow(self, exponent: Self) -> Self;
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_zero(self) -> bool;
}

macro_rules! parts {
    ($($t:ident),*) => { $(impl Parts for Complex<$t> {
        type Part = $t;
        /// A function of the value in f64: one rounding more for c64, none for c128.
        #[inline(always)]
        fn map(self, f: impl Fn(Complex<f64>) -> Complex<f64>) -> Self {
            let y = f(Complex::new(self.re as f64, self.im as f64));
            Complex::new(y.re as $t, y.im as $t)
        }
        #[inline(always)] fn re(self) -> $t { self.re }
        #[inline(always)] fn im(self) -> $t { self.im }
        #[inline(always)] fn neg(self) -> Self { Complex::new(-self.re, -self.im) }
        #[inline(always)] fn add(self, b: Self) -> Self { Complex::new(self.re + b.re, self.im + b.im) }
        #[inline(always)] fn sub(self, b: Self) -> Self { Complex::new(self.re - b.re, self.im - b.im) }
        #[inline(always)]
        fn mul(self, b: Self) -> Self {
            Complex::new(self.re * b.re - self.im * b.im, self.re * b.im + self.im * b.re)
        }
        fn div(self, b: Self) -> Self {
            let (abs_re, abs_im) = (b.re.abs(), b.im.abs());
            if abs_re >= abs_im {
                if abs_re == 0.0 && abs_im == 0.0 {
                    return Complex::new(self.re / abs_re, self.im / abs_re);
                }
                let ratio = b.im / b.re;
                let scale = 1.0 / (b.re + b.im * ratio);
                Complex::new((self.re + self.im * ratio) * scale, (self.im - self.re * ratio) * scale)
            } else {
                let ratio = b.re / b.im;
                let scale = 1.0 / (b.im + b.re * ratio);
                Complex::new((self.re * ratio + self.im) * scale, (self.im * ratio - self.re) * scale)
            }
        }
        fn recip(self) -> Self {
            if self.im.abs() <= self.re.abs() {
                let ratio = self.im / self.re;
                let d = self.re + self.im * ratio;
                Complex::new(1.0 / d, -ratio / d)
            } else {
                let ratio = self.re / self.im;
                let d = self.re * ratio + self.im;
                Complex::new(ratio / d, -1.0 / d)
            }
        }
        #[inline(always)] fn conj(self) -> Self { Complex::new(self.re, -self.im) }
        /// x / |x|, and 0 for 0.
        fn sign(self) -> Self {
            let size = self.re.hypot(self.im);
            if size.is_nan() {
                Complex::new($t::NAN, $t::NAN)
            } else if size.is_infinite() {
                match (self.re.is_infinite(), self.im.is_infinite()) {
                    (true, true) => Complex::new($t::NAN, $t::NAN),
                    (true, false) => Complex::new($t::copysign(1.0, self.re), 0.0),
                    _ => Complex::new(0.0, $t::copysign(1.0, self.im)),
                }
            } else if size == 0.0 {
                Complex::new(0.0, 0.0)
            } else {
                Complex::new(self.re / size, self.im / size)
            }
        }
        #[inline(always)]
        fn rint(self) -> Self {
            Complex::new(self.re.round_ties_even(), self.im.round_ties_even())
        }
        fn abs(self) -> $t { $t::hypot(self.re, self.im) }
        #[inline(always)] fn abs_near(self) -> $t { Compute::hypot_near(self.re, self.im) }
        #[inline(always)] fn abs_is_far(self) -> bool { Compute::hypot_is_far(self.re, self.im) }
        #[inline(always)] fn angle(self) -> $t { self.im.atan2(self.re) }
        /// NumPy's `npy_cpow`.
        fn pow(self, b: Self) -> Self {
            let one = Complex::new(1.0, 0.0);
            if b.re == 0.0 && b.im == 0.0 {
                return one;
            }
            if self.re == 0.0 && self.im == 0.0 {
                return if b.re > 0.0 { Complex::new(0.0, 0.0) } else { Complex::new($t::NAN, $t::NAN) };
            }
            if b.im == 0.0 && b.re == b.re.trunc() && b.re.abs() < 100.0 {
                let mut n = b.re.abs() as u32;
                let (mut power, mut base) = (one, self);
                match b.re as i32 {
                    1 => return self,
                    2 => return Parts::mul(self, self),
                    3 => return Parts::mul(self, Parts::mul(self, self)),
                    _ => {}
                }
                loop {
                    if n & 1 == 1 {
                        power = Parts::mul(power, base);
                    }
                    n >>= 1;
                    if n == 0 {
                        break;
                    }
                    base = Parts::mul(base, base);
                }
                return if b.re < 0.0 { Parts::div(one, power) } else { power };
            }
            let (x, y) = (Complex::new(self.re as f64, self.im as f64), Complex::new(b.re as f64, b.im as f64));
            let power = x.powc(y);
            Complex::new(power.re as $t, power.im as $t)
        }
        #[inline(always)] fn is_nan(self) -> bool { self.re.is_nan() || self.im.is_nan() }
        #[inline(always)] fn is_infinite(self) -> bool { self.re.is_infinite() || self.im.is_infinite() }
        #[inline(always)] fn is_zero(self) -> bool { self.re == 0.0 && self.im == 0.0 }
    })* };
}
parts!(f32, f64);

operations! { maps, UnaryOp, Map1, tile1, Parts, T;
    hot Negative => |a| a.neg();
    cold Positive => |a| a;
    cold Sign => |a| a.sign();
    cold Rint => |a| a.rint();
    cold Sqrt => |a| a.map(math::sqrt);
    hot Square => |a| a.mul(a);
    cold Reciprocal => |a| a.recip();
    cold Conjugate => |a| a.conj();
    cold Exp => |a| a.map(math::exp);
    cold Exp2 => |a| a.map(|z| math::exp(z * std::f64::consts::LN_2));
    cold Expm1 => |a| a.map(math::expm1);
    cold Log => |a| a.map(math::log);
    cold Log2 => |a| a.map(|z| math::log(z) * std::f64::consts::LOG2_E);
    cold Log10 => |a| a.map(|z| math::log(z) * std::f64::consts::LOG10_E);
    cold Log1p => |a| a.map(math::log1p);
    cold Sin => |a| a.map(math::sin);
    cold Cos => |a| a.map(math::cos);
    cold Tan => |a| a.map(math::tan);
    cold Arcsin => |a| a.map(math::asin);
    cold Arccos => |a| a.map(math::acos);
    cold Arctan => |a| a.map(math::atan);
    cold Sinh => |a| a.map(math::sinh);
    cold Cosh => |a| a.map(math::cosh);
    cold Tanh => |a| a.map(math::tanh);
    cold Arcsinh => |a| a.map(math::asinh);
    cold Arccosh => |a| a.map(math::acosh);
    cold Arctanh => |a| a.map(math::atanh);
}

operations! { parts, UnaryOp, Map1, tile1, Parts, T::Part;
    hot Absolute => |a| a.abs_near(), rare |a| a.abs_is_far(), a.abs();
    cold Real => |a| a.re();
    cold Imag => |a| a.im();
    cold Angle => |a| a.angle();
}

operations! { tests, UnaryOp, Map1, tile1, Parts, Bool;
    cold Isnan => |a| a.is_nan().into();
    cold Isinf => |a| a.is_infinite().into();
    cold Isfinite => |a| (!a.is_nan() && !a.is_infinite()).into();
    cold LogicalNot => |a| a.is_zero().into();
}

operations! { joins, BinaryOp, Map2, tile2, Parts, T;
    hot Add => |a, b| a.add(b);
    hot Subtract => |a, b| a.sub(b);
    hot Multiply => |a, b| a.mul(b);
    cold Divide => |a, b| a.div(b);
    cold Power => |a, b| a.pow(b);
    cold FloatPower => |a, b| a.pow(b);
}

pub(super) fn unary<F>(op: UnaryOp) -> Option<TileFn>
where
    Complex<F>: Parts,
{
    maps::<Complex<F>>(op).or_else(|| parts::<Complex<F>>(op)).or_else(|| tests::<Complex<F>>(op))
}

pub(super) fn binary<F>(op: BinaryOp) -> Option<TileFn>
where
    Complex<F>: Parts,
{
    joins::<Complex<F>>(op)
}
