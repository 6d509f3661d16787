//! Elementary functions of complex numbers in f64: right in both parts, without overflow inside, and with the branch cuts, zeros,
//! infinities and NaN of C99's Annex G, as NumPy has them.
//!
//! Source: Kahan, *Branch Cuts for Complex Elementary Functions, or Much Ado About Nothing's Sign Bit* (1987).

use num_complex::Complex;
use std::f64::consts::{FRAC_PI_2, LN_2};

type C = Complex<f64>;

/// From here on 1 is lost beside a number.
const LARGE: f64 = 1.0 / f64::EPSILON;

fn is_finite(z: C) -> bool {
    z.re.is_finite() && z.im.is_finite()
}

/// i·z.
fn turned(z: C) -> C {
    C::new(-z.im, z.re)
}

/// −i·z.
fn turned_back(z: C) -> C {
    C::new(z.im, -z.re)
}

/// x·scale, zero where x is, even of an infinite scale.
fn times(x: f64, scale: f64) -> f64 {
    if x == 0.0 { x } else { x * scale }
}

/// eˣ·y, where eˣ alone may overflow.
fn exp_times(x: f64, y: f64) -> f64 {
    const PART: f64 = 700.0;
    if x <= PART {
        return times(y, x.exp());
    }
    times(times(y, PART.exp()), (x - PART).exp())
}

/// √z, its real part not negative.
pub fn sqrt(z: C) -> C {
    let C { re: x, im: y } = z;
    if x == 0.0 && y == 0.0 {
        return C::new(0.0, y);
    }
    if y.is_infinite() {
        return C::new(f64::INFINITY, y);
    }
    if x.is_infinite() {
        // a zero of the sign of y, or NaN
        let still = y * 0.0;
        return if x > 0.0 { C::new(x, still) } else { C::new(still.abs(), x.copysign(y)) };
    }
    // halves of exponents, so that no square leaves the range
    let size = x.abs().max(y.abs());
    let (scale, root) = match size {
        _ if size >= f64::MAX / 4.0 => (0.25, 2.0),
        _ if size < f64::MIN_POSITIVE * 16.0 => (2f64.powi(54), 2f64.powi(-27)),
        _ => (1.0, 1.0),
    };
    let (x, y) = (x * scale, y * scale);
    let t = ((x.abs() + x.hypot(y)) * 0.5).sqrt();
    match x >= 0.0 {
        true => C::new(t * root, y / (2.0 * t) * root),
        false => C::new(y.abs() / (2.0 * t) * root, t.copysign(y) * root),
    }
}

/// e to the z; a real argument stays real.
pub fn exp(z: C) -> C {
    if z.im == 0.0 {
        return C::new(z.re.exp(), z.im);
    }
    if !is_finite(z) {
        return z.exp();
    }
    let (sin, cos) = z.im.sin_cos();
    C::new(exp_times(z.re, cos), exp_times(z.re, sin))
}

/// e to the z, less 1, without losing small z.
pub fn expm1(z: C) -> C {
    if z.im == 0.0 {
        return C::new(z.re.exp_m1(), z.im);
    }
    if z.re.is_infinite() && !z.im.is_finite() {
        return if z.re > 0.0 { C::new(z.re, f64::NAN) } else { C::new(-1.0, 0.0) };
    }
    let half = (z.im / 2.0).sin();
    C::new(z.re.exp_m1() * z.im.cos() - 2.0 * half * half, exp_times(z.re, z.im.sin()))
}

/// The logarithm, careful near |z| = 1.
pub fn log(z: C) -> C {
    let (a, b) = if z.re.abs() >= z.im.abs() { (z.re.abs(), z.im.abs()) } else { (z.im.abs(), z.re.abs()) };
    let size = match a {
        _ if a > 0.5 && a < 2.0 => 0.5 * ((a - 1.0) * (a + 1.0) + b * b).ln_1p(),
        _ if a > f64::MAX / 2.0 && a.is_finite() => (a / 2.0).hypot(b / 2.0).ln() + LN_2,
        _ => a.hypot(b).ln(),
    };
    C::new(size, z.im.atan2(z.re))
}

/// The logarithm of 1 + z, without losing small z.
pub fn log1p(z: C) -> C {
    let one_more = C::new(z.re + 1.0, z.im);
    if z.re.abs() < 0.5 && z.im.abs() < 0.5 {
        let size = 0.5 * (z.re * (2.0 + z.re) + z.im * z.im).ln_1p();
        return C::new(size, one_more.im.atan2(one_more.re));
    }
    log(one_more)
}

/// The hyperbolic sine.
pub fn sinh(z: C) -> C {
    let C { re: x, im: y } = z;
    if y == 0.0 {
        return C::new(x.sinh(), y);
    }
    if !is_finite(z) {
        return match (x, y) {
            // ±0 and what is no number
            (0.0, _) => C::new(x, f64::NAN),
            _ if x.is_infinite() && y.is_finite() => C::new(x * y.cos(), f64::INFINITY * y.sin()),
            _ if x.is_infinite() => C::new(x, f64::NAN),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    let (sin, cos) = y.sin_cos();
    match x.abs() > 22.0 {
        true => C::new(exp_times(x.abs(), 0.5f64.copysign(x) * cos), exp_times(x.abs(), 0.5 * sin)),
        false => C::new(x.sinh() * cos, x.cosh() * sin),
    }
}

/// The hyperbolic cosine.
pub fn cosh(z: C) -> C {
    let C { re: x, im: y } = z;
    if y == 0.0 {
        return C::new(x.cosh(), if x.is_nan() { y } else { y * 1f64.copysign(x) });
    }
    if !is_finite(z) {
        return match (x, y) {
            (0.0, _) => C::new(f64::NAN, x),
            _ if x.is_infinite() && y.is_finite() => C::new(f64::INFINITY * y.cos(), x * y.sin()),
            _ if x.is_infinite() => C::new(f64::INFINITY, f64::NAN),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    let (sin, cos) = y.sin_cos();
    match x.abs() > 22.0 {
        true => C::new(exp_times(x.abs(), 0.5 * cos), exp_times(x.abs(), 0.5f64.copysign(x) * sin)),
        false => C::new(x.cosh() * cos, x.sinh() * sin),
    }
}

/// The hyperbolic tangent.
pub fn tanh(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_infinite() {
        return C::new(1f64.copysign(x), 0f64.copysign(if y.is_finite() { (2.0 * y).sin() } else { y }));
    }
    if !is_finite(z) {
        return match (x, y) {
            (_, 0.0) => z,
            (0.0, _) => C::new(x, f64::NAN),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    if x.abs() > 22.0 {
        let small = (-x.abs()).exp();
        return C::new(1f64.copysign(x), 4.0 * y.sin() * y.cos() * small * small);
    }
    let (t, s) = (y.tan(), x.sinh());
    let (beta, rho) = (1.0 + t * t, (1.0 + s * s).sqrt());
    let under = 1.0 + beta * s * s;
    C::new(beta * rho * s / under, t / under)
}

/// The sine.
pub fn sin(z: C) -> C {
    turned_back(sinh(turned(z)))
}

/// The cosine.
pub fn cos(z: C) -> C {
    cosh(turned(z))
}

/// The tangent.
pub fn tan(z: C) -> C {
    turned_back(tanh(turned(z)))
}

/// The logarithm of 2z, of numbers so large that 1 is lost beside them.
fn log_twice(z: C) -> C {
    let log = log(z);
    C::new(log.re + LN_2, log.im)
}

fn is_large(z: C) -> bool {
    z.re.abs() > LARGE || z.im.abs() > LARGE
}

/// √(1 − z) and √(1 + z).
fn roots(z: C) -> [C; 2] {
    [sqrt(C::new(1.0 - z.re, -z.im)), sqrt(C::new(1.0 + z.re, z.im))]
}

/// The inverse of the hyperbolic sine.
pub fn asinh(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_nan() || y.is_nan() {
        return match (x, y) {
            _ if x.is_infinite() => C::new(x, f64::NAN),
            _ if y.is_infinite() => C::new(y, f64::NAN),
            (_, 0.0) => C::new(f64::NAN, y),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    if is_large(z) {
        let log = log_twice(C::new(x.abs(), y.abs()));
        return C::new(log.re.copysign(x), log.im.copysign(y));
    }
    let [less, more] = roots(turned(z));
    // of asin(i·z), turned back
    let across = less.re * more.im - less.im * more.re;
    let along = (less.re * more.re - less.im * more.im).abs();
    C::new(across.asinh().copysign(x), y.atan2(along))
}

/// The inverse of the sine.
pub fn asin(z: C) -> C {
    turned_back(asinh(turned(z)))
}

/// The inverse of the cosine.
pub fn acos(z: C) -> C {
    let C { re: x, im: y } = z;
    if x.is_nan() || y.is_nan() {
        return match (x, y) {
            _ if x.is_infinite() => C::new(f64::NAN, f64::NEG_INFINITY),
            _ if y.is_infinite() => C::new(f64::NAN, -y),
            (0.0, _) => C::new(FRAC_PI_2, f64::NAN),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    if is_large(z) {
        let log = log_twice(z);
        return C::new(log.im.abs(), -log.re.copysign(y));
    }
    let [less, more] = roots(z);
    let across = more.re * less.im - more.im * less.re;
    C::new(2.0 * less.re.atan2(more.re), -across.abs().asinh().copysign(y))
}

/// The inverse of the hyperbolic cosine.
pub fn acosh(z: C) -> C {
    let w = acos(z);
    match (w.re.is_nan(), w.im.is_nan()) {
        (true, true) => C::new(f64::NAN, f64::NAN),
        (true, false) => C::new(w.im.abs(), w.re),
        (false, true) => C::new(w.im, w.re),
        (false, false) => C::new(w.im.abs(), w.re.copysign(z.im)),
    }
}

/// The inverse of the hyperbolic tangent.
pub fn atanh(z: C) -> C {
    let (x, y) = (z.re.abs(), z.im.abs());
    let signed = |re: f64, im: f64| C::new(re.copysign(z.re), im.copysign(z.im));
    if y == 0.0 && x <= 1.0 {
        return signed(x.atanh(), y);
    }
    if z.re == 0.0 {
        return signed(0.0, y.atan());
    }
    if x.is_nan() || y.is_nan() {
        return match (x, y) {
            _ if x.is_infinite() => C::new(0f64.copysign(z.re), f64::NAN),
            _ if y.is_infinite() => signed(0.0, FRAC_PI_2),
            _ => C::new(f64::NAN, f64::NAN),
        };
    }
    if is_large(z) {
        // the real part of 1/z, its square not formed
        let across = match (x, y) {
            _ if x.is_infinite() || y.is_infinite() => 0.0,
            _ if x >= y => 1.0 / (x + y / x * y),
            _ => x / y / (x / y * x + y),
        };
        return signed(across, FRAC_PI_2);
    }
    let re = match x == 1.0 && y < f64::EPSILON {
        true => 0.5 * (LN_2 - y.ln()),
        false => 0.25 * (4.0 * x / ((x - 1.0) * (x - 1.0) + y * y)).ln_1p(),
    };
    let im = match x == 1.0 {
        true => 0.5 * 2f64.atan2(-y),
        false => 0.5 * (2.0 * y).atan2((1.0 - x) * (1.0 + x) - y * y),
    };
    signed(re, im)
}

/// The inverse of the tangent.
pub fn atan(z: C) -> C {
    turned_back(atanh(turned(z)))
}
