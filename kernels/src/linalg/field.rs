//! What a matrix that can be factored is made of.

use crate::dtype::{C64, C128, Element};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// f32, f64, c64 and c128.
pub trait Field:
    Element + Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// Its real numbers widened, and its complex ones, to pairs of f64.
    fn wide(self) -> C128;
    /// Rounded back; an imaginary part is dropped where there is none.
    fn narrow(z: C128) -> Self;
    /// The conjugate.
    fn conjugate(self) -> Self;
    /// |re| + |im|: what pivots are compared by, as in LAPACK.
    fn size(self) -> f64;
    /// self / by, without the overflow of |by|² that dividing by the conjugate has.
    fn over(self, by: Self) -> Self;
    /// 1 / self, where multiplying by that is as good as dividing: none of it overflows or loses bits to underflow.
    fn inverse(self) -> Option<Self>;
    /// re² + im², each `scaled` first.
    fn square(self, scaled: impl Fn(f64) -> f64) -> f64;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
}

macro_rules! real {
    ($t:ty) => {
        impl Field for $t {
            #[inline(always)]
            fn wide(self) -> C128 {
                C128::new(self as f64, 0.0)
            }
            #[inline(always)]
            fn narrow(z: C128) -> Self {
                z.re as $t
            }
            #[inline(always)]
            fn conjugate(self) -> Self {
                self
            }
            #[inline(always)]
            fn size(self) -> f64 {
                self.abs() as f64
            }
            #[inline(always)]
            fn over(self, by: Self) -> Self {
                self / by
            }
            #[inline(always)]
            fn inverse(self) -> Option<Self> {
                let inverse = 1.0 / self;
                (self.is_normal() && inverse.is_normal()).then_some(inverse)
            }
            #[inline(always)]
            fn square(self, scaled: impl Fn(f64) -> f64) -> f64 {
                let x = scaled(self as f64);
                x * x
            }
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
        }
    };
}
real!(f32);
real!(f64);

macro_rules! complex {
    ($t:ty, $part:ty) => {
        impl Field for $t {
            #[inline(always)]
            fn wide(self) -> C128 {
                C128::new(self.re as f64, self.im as f64)
            }
            #[inline(always)]
            fn narrow(z: C128) -> Self {
                <$t>::new(z.re as $part, z.im as $part)
            }
            #[inline(always)]
            fn conjugate(self) -> Self {
                self.conj()
            }
            #[inline(always)]
            fn size(self) -> f64 {
                self.re.abs() as f64 + self.im.abs() as f64
            }
            #[inline(always)]
            fn over(self, by: Self) -> Self {
                // Smith, Algorithm 116 (1962)
                let (a, b, c, d) = (self.re, self.im, by.re, by.im);
                if c.abs() >= d.abs() {
                    let (r, den) = (d / c, c + d * (d / c));
                    <$t>::new((a + b * r) / den, (b - a * r) / den)
                } else {
                    let (r, den) = (c / d, c * (c / d) + d);
                    <$t>::new((a * r + b) / den, (b * r - a) / den)
                }
            }
            #[inline(always)]
            fn inverse(self) -> Option<Self> {
                let inverse = <$t>::new(1.0, 0.0).over(self);
                let normal = |z: $t| (z.re.abs() + z.im.abs()).is_normal();
                (normal(self) && normal(inverse)).then_some(inverse)
            }
            #[inline(always)]
            fn square(self, scaled: impl Fn(f64) -> f64) -> f64 {
                let (x, y) = (scaled(self.re as f64), scaled(self.im as f64));
                x * x + y * y
            }
            const ZERO: Self = <$t>::new(0.0, 0.0);
            const ONE: Self = <$t>::new(1.0, 0.0);
        }
    };
}
complex!(C64, f32);
complex!(C128, f64);
