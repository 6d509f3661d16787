//! x ÷ d where d is one number throughout: the bits of a division, by products, which are several times as fast.
//!
//! With r the float nearest to 1/d and q within an ulp of x/d, q + r·(x − d·q), both steps fused, is x/d rounded to
//! nearest: Markstein, *Computation of elementary functions on the IBM RISC System/6000 processor*, 1990, theorem 1.
//! x·r is within 2 ulps, and one such step brings it within one.

use crate::isa::{Loop, dispatch, has_fma};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Within these bounds neither quotient nor remainder leaves the normal numbers.
const FAR: f64 = 1e250;
const FAR_DIVISOR: f64 = 1e50;

#[inline(always)]
fn is_far(x: f64, far: f64) -> bool {
    let size = x.abs();
    !(size > far.recip() && size < far)
}

/// The loop of x ÷ d on f64; the second argument holds d.
pub(crate) unsafe fn divide_by_constant(args: [*const u8; 3], out: *mut u8, n: usize) {
    // SAFETY: the contract of `TileFn`.
    let (x, d, out) = unsafe {
        (from_raw_parts(args[0].cast::<f64>(), n), from_raw_parts(args[1].cast::<f64>(), n), from_raw_parts_mut(out.cast::<f64>(), n))
    };
    let Some(&d) = d.first() else { return };
    if is_far(d, FAR_DIVISOR) || !has_fma() {
        return dispatch(Divided(x, d, out));
    }
    let rare = dispatch(Multiplied(x, d, out));
    if rare {
        for (out, &x) in out.iter_mut().zip(x) {
            if is_far(x, FAR) {
                *out = x / d;
            }
        }
    }
}

struct Divided<'a>(&'a [f64], f64, &'a mut [f64]);

impl Loop for Divided<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (out, &x) in self.2.iter_mut().zip(self.0) {
            *out = x / self.1;
        }
    }
}

/// Gives whether an argument was out of bounds.
struct Multiplied<'a>(&'a [f64], f64, &'a mut [f64]);

impl Loop for Multiplied<'_> {
    type Out = bool;
    #[inline(always)]
    fn run(self) -> bool {
        const SIGN: u64 = 1 << 63;
        let d = self.1;
        let r = 1.0 / d;
        for (out, &x) in self.2.iter_mut().zip(self.0) {
            let first = x * r;
            let near = (-d).mul_add(first, x).mul_add(r, first);
            let quotient = (-d).mul_add(near, x).mul_add(r, near);
            // a quotient of 0 has lost its sign
            *out = f64::from_bits(quotient.to_bits() | (first.to_bits() & SIGN));
        }
        let mut rare = false;
        for &x in self.0 {
            rare |= x != 0.0 && is_far(x, FAR);
        }
        rare
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    fn quotients(x: &[f64], d: f64) -> Vec<f64> {
        let (divisors, mut out) = (vec![d; x.len()], vec![0.0; x.len()]);
        // SAFETY: three tiles of as many f64.
        unsafe { divide_by_constant([x.as_ptr().cast(), divisors.as_ptr().cast(), x.as_ptr().cast()], out.as_mut_ptr().cast(), x.len()) };
        out
    }

    /// Numbers of all sizes, and those whose mantissas are hard to round: near 1 and near 2.
    fn numbers() -> Vec<f64> {
        let mut bits = 1u64;
        let mut next = || {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bits
        };
        let mut all: Vec<f64> = (0..3000).map(|_| (next() >> 11) as f64 / 1e10 - 4e5).collect();
        all.extend((0..500).map(|_| f64::from_bits(next())));
        for i in 0..40u64 {
            for exponent in [1u64, 30, 500, 1000, 1023, 1024, 1500, 2040, 2046] {
                let mantissas = [i, (1 << 52) - 1 - i, (1 << 51) + i];
                all.extend(mantissas.map(|mantissa| f64::from_bits(exponent << 52 | mantissa)));
            }
        }
        all.extend([0.0, 1.0, 10.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::INFINITY, f64::NAN]);
        let negative: Vec<f64> = all.iter().map(|x| -x).collect();
        all.extend(negative);
        all
    }

    #[test]
    fn the_bits_are_those_of_a_division() {
        let x = numbers();
        let divisors =
            numbers().into_iter().step_by(17).chain([3.0, -3.0, 7.0, 10.0, 0.1, 1e50, 1e-50, 1e51, 0.0, -0.0, f64::INFINITY, f64::NAN]);
        for d in divisors {
            on_every_isa(|| {
                for (x, got) in x.iter().zip(quotients(&x, d)) {
                    let want = x / d;
                    assert!(
                        got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
                        "{x:e} / {d:e}: {got:e}, expected {want:e}"
                    );
                }
            });
        }
    }
}
