//! Elementary functions of an f64, free of branches where they are hot, so that loops over them become
//! vector code. Each uses `mul_add` explicitly or not at all: the bits are those of every instruction set.
//!
//! Sources: the reductions and polynomials of fdlibm (Sun, 1993) for log and atan; Taylor for exp.

// constants stand as fdlibm prints them
#![allow(clippy::excessive_precision, clippy::approx_constant)]

use std::f64::consts::LOG2_E;

/// Adding it leaves a number's integer part, rounded to even, in the low bits.
const ROUNDER: f64 = 6755399441055744.0;
const LN2_HI: f64 = 6.93147180369123816490e-01;
const LN2_LO: f64 = 1.90821492927058770002e-10;

#[inline(always)]
fn fma(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

/// 2^n for −1022 ≤ n ≤ 1023.
#[inline(always)]
fn two_to(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// p · 2^n for |n| ≤ 2044, rounded once: the first step is exact.
#[inline(always)]
fn scale(p: f64, n: i64) -> f64 {
    let half = n >> 1;
    p * two_to(half) * two_to(n - half)
}

/// The integer nearest to `x`, as f64 and as integer, for |x| < 2⁵¹. Loops call it beyond, too, for lanes that they then compute again.
#[inline(always)]
fn nearest(x: f64) -> (f64, i64) {
    let shifted = x + ROUNDER;
    (shifted - ROUNDER, (shifted.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64))
}

/// (eʳ − 1 − r) / r² for |r| ≤ ln 2 / 2, to 2⁻⁵⁷ of eʳ.
#[inline(always)]
fn exp_tail(r: f64) -> f64 {
    let r2 = r * r;
    let r4 = r2 * r2;
    let a = fma(r, 1.0 / 6.0, 0.5);
    let b = fma(r, 1.0 / 120.0, 1.0 / 24.0);
    let c = fma(r, 1.0 / 5040.0, 1.0 / 720.0);
    let d = fma(r, 1.0 / 362880.0, 1.0 / 40320.0);
    let e = fma(r, 1.0 / 39916800.0, 1.0 / 3628800.0);
    let f = fma(r, 1.0 / 6227020800.0, 1.0 / 479001600.0);
    let low = fma(r2, b, a);
    let middle = fma(r2, d, c);
    let high = fma(r2, f, e);
    fma(r4, fma(r4, high, middle), low)
}

/// e^(r + c) − 1 for a small correction c.
#[inline(always)]
fn exp_growth(r: f64, c: f64) -> f64 {
    let (r2, tail) = (r * r, exp_tail(r));
    // c grows with eʳ too
    let growth = fma(r2, tail, r);
    fma(r2, tail, fma(c, growth, c)) + r
}

/// e^(r + c) · 2^n for a small correction c.
#[inline(always)]
fn exp_reduced(r: f64, c: f64, n: i64) -> f64 {
    scale(1.0 + exp_growth(r, c), n)
}

/// `x` within `[low, high]`; NaN stays.
#[inline(always)]
fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// eˣ
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    exp_sum(x, 0.0)
}

/// Past this, [`exp_near`] is left to [`exp`]: its result must be a normal number.
const EXP_FAR: f64 = 708.0;

/// Whether [`exp_near`] is wrong here.
#[inline(always)]
pub(crate) fn exp_is_far(x: f64) -> bool {
    // written so that NaN is far
    !matches!(x.abs().partial_cmp(&EXP_FAR), Some(std::cmp::Ordering::Less))
}

/// The bits of [`exp`] for |x| < 708, where neither range nor scaling need care.
#[inline(always)]
pub(crate) fn exp_near(x: f64) -> f64 {
    let (k, n) = nearest(x * LOG2_E);
    let high = fma(k, -LN2_HI, x);
    let r = fma(k, -LN2_LO, high);
    let c = fma(k, -LN2_LO, high - r);
    f64::from_bits((1.0 + exp_growth(r, c)).to_bits().wrapping_add((n as u64) << 52))
}

/// Beyond these, squares overflow, or what underflows of them shows: [`hypot_near`] leaves such sides to `hypot`.
const SIDE_MAX: f64 = f64::from_bits((1023 + 511) << 52);
const SIDE_MIN: f64 = f64::from_bits((1023 - 459) << 52);

/// Whether [`hypot_near`] is wrong here.
#[inline(always)]
pub(crate) fn hypot_is_far(x: f64, y: f64) -> bool {
    let (x, y) = (x.abs(), y.abs());
    let a = if x < y { y } else { x };
    // written so that NaN is far
    let inside = (x <= SIDE_MAX) & (y <= SIDE_MAX) & ((a >= SIDE_MIN) | (a == 0.0));
    !inside
}

/// √(x² + y²) within an ulp: the root of the rounded sum, and what it lacks, found without cancellation.
/// Source: Borges, *Algorithm 1014: An Improved Algorithm for hypot(x, y)*, ACM TOMS 47 (2021), as the GNU C library has it.
#[inline(always)]
pub(crate) fn hypot_near(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    let (a, b) = if x < y { (y, x) } else { (x, y) };
    let h = (a * a + b * b).sqrt();
    // of sides nearly as long as one another, and of others
    let d = h - b;
    let near = a * (2.0 * d - a) + (d - 2.0 * (a - b)) * d;
    let d = h - a;
    let apart = 2.0 * d * (a - 2.0 * b) + ((4.0 * d - b) * b + d * d);
    let over = if h <= 2.0 * b { near } else { apart };
    if h == 0.0 { 0.0 } else { h - over / (2.0 * h) }
}

/// √(x² + y²) of two numbers that were f32: neither square overflows, and both are exact.
#[inline(always)]
pub(crate) fn hypot_of_singles(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// e^(x + tail) for a tail far below x.
#[inline(always)]
fn exp_sum(x: f64, tail: f64) -> f64 {
    let inside = clamp(x, -746.0, 710.0);
    let (k, n) = nearest(inside * LOG2_E);
    let high = fma(k, -LN2_HI, inside);
    let r = fma(k, -LN2_LO, high);
    let c = fma(k, -LN2_LO, high - r);
    let n = if x.is_nan() { 0 } else { n };
    exp_reduced(r, c + tail, n)
}

/// 2ˣ
#[inline(always)]
pub(crate) fn exp2(x: f64) -> f64 {
    const LN_2: f64 = std::f64::consts::LN_2;
    const LN_2_TAIL: f64 = 2.319046813846299558e-17;
    let inside = clamp(x, -1076.0, 1025.0);
    let (k, n) = nearest(inside);
    let f = inside - k;
    let r = f * LN_2;
    let c = fma(f, LN_2, -r) + f * LN_2_TAIL;
    let n = if x.is_nan() { 0 } else { n };
    exp_reduced(r, c, n)
}

/// eˣ − 1
#[inline(always)]
pub(crate) fn expm1(x: f64) -> f64 {
    let inside = clamp(x, -50.0, 710.0);
    let (k, n) = nearest(inside * LOG2_E);
    let high = fma(k, -LN2_HI, inside);
    let r = fma(k, -LN2_LO, high);
    let c = fma(k, -LN2_LO, high - r);
    let n = if x.is_nan() { 0 } else { n };
    // half of everything, so that n = 1024 stays in range: 2ⁿ⁻¹·(1 + r + tail) − ½
    let half = two_to(n - 1);
    let tail = fma(r * r, exp_tail(r), c);
    let (one, scaled) = (half - 0.5, half * r);
    let sum = one + scaled;
    // Knuth's error of the sum: either part may be the larger
    let part = sum - one;
    let error = (one - (sum - part)) + (scaled - part);
    let y = 2.0 * (sum + fma(half, tail, error));
    if x.abs() < 1e-300 { x } else { y }
}

const LG: [f64; 7] = [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
];

/// x = 2^k · m with m in [√½, √2), for x > 0.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let tiny = x < f64::MIN_POSITIVE;
    let scaled = if tiny { x * 18014398509481984.0 } else { x };
    let bits = scaled.to_bits();
    let k = (bits.wrapping_sub(0x3fe6a09e_00000000) as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((k as u64) << 52));
    (k as f64 - if tiny { 54.0 } else { 0.0 }, m)
}

/// fdlibm's (s, R, f²/2) with log(1 + f) = f − (f²/2 − s·(f²/2 + R)).
#[inline(always)]
fn log_parts(f: f64) -> (f64, f64, f64) {
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * fma(w, fma(w, LG[5], LG[3]), LG[1]);
    let odd = z * fma(w, fma(w, fma(w, LG[6], LG[4]), LG[2]), LG[0]);
    (s, even + odd, half_square)
}

/// log's values where its formula has none.
#[inline(always)]
fn log_edges(x: f64, y: f64) -> f64 {
    let y = if x == f64::INFINITY { x } else { y };
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f64::NAN } else { y };
    if x.is_nan() { x } else { y }
}

/// The natural logarithm.
#[inline(always)]
pub(crate) fn log(x: f64) -> f64 {
    let (k, m) = split(x);
    let f = m - 1.0;
    let (s, r, half_square) = log_parts(f);
    let y = k * LN2_HI - ((half_square - fma(s, half_square + r, k * LN2_LO)) - f);
    log_edges(x, y)
}

/// log(1 + x)
#[inline(always)]
pub(crate) fn log1p(x: f64) -> f64 {
    let u = 1.0 + x;
    let near = x > -0.2928932188134525 && x < 0.41421356237309503;
    let (k, m) = split(u);
    let k = if near { 0.0 } else { k };
    // what 1 + x lost, relative to it
    let lost = if u >= 2.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let c = if near || u > 1e18 { 0.0 } else { lost / u };
    let f = if near { x } else { m - 1.0 };
    let (s, r, half_square) = log_parts(f);
    let y = k * LN2_HI - ((half_square - fma(s, half_square + r, fma(k, LN2_LO, c))) - f);
    let y = if x.abs() < 1e-300 { x } else { y };
    let y = if x == f64::INFINITY { x } else { y };
    let y = if x == -1.0 { f64::NEG_INFINITY } else { y };
    let y = if x < -1.0 { f64::NAN } else { y };
    if x.is_nan() { x } else { y }
}

/// log(m) as a sum of two, the first with 32 low bits clear.
#[inline(always)]
fn log_split(m: f64) -> (f64, f64) {
    let f = m - 1.0;
    let (s, r, half_square) = log_parts(f);
    let hi = f64::from_bits((f - half_square).to_bits() & 0xffff_ffff_0000_0000);
    (hi, (f - hi - half_square) + s * (half_square + r))
}

/// The logarithm to base 2.
#[inline(always)]
pub(crate) fn log2(x: f64) -> f64 {
    const INV_HI: f64 = 1.44269504072144627571e+00;
    const INV_LO: f64 = 1.67517131648865118353e-10;
    let (k, m) = split(x);
    let (hi, lo) = log_split(m);
    let high = hi * INV_HI;
    let low = (lo + hi) * INV_LO + lo * INV_HI;
    let sum = k + high;
    let y = (low + ((k - sum) + high)) + sum;
    log_edges(x, y)
}

/// The logarithm to base 10.
#[inline(always)]
pub(crate) fn log10(x: f64) -> f64 {
    const INV_HI: f64 = 4.34294481878168880939e-01;
    const INV_LO: f64 = 2.50829467116452752298e-11;
    const TWO_HI: f64 = 3.01029995663611771306e-01;
    const TWO_LO: f64 = 3.69423907715893078616e-13;
    let (k, m) = split(x);
    let (hi, lo) = log_split(m);
    let high = hi * INV_HI;
    let whole = k * TWO_HI;
    let low = k * TWO_LO + (lo + hi) * INV_LO + lo * INV_HI;
    let sum = whole + high;
    let y = (low + ((whole - sum) + high)) + sum;
    log_edges(x, y)
}

/// Past this, sin, cos and tan are left to the slow functions: the reduction below takes k < 2¹⁶.
const FAR: f64 = 100_000.0;

/// Whether sin, cos and tan are wrong here.
#[inline(always)]
pub(crate) fn turns_far(x: f64) -> bool {
    // written so that NaN is far
    !matches!(x.abs().partial_cmp(&FAR), Some(std::cmp::Ordering::Less))
}

/// sin(x − k·π), given k·π to be near x: k is a multiple of ½ below 2¹⁶, the difference at most π/2.
/// Polynomial: least squares of (sin r − r)/r³ over r² in [0, π²/4], to 2⁻⁶¹ of sin r.
#[inline(always)]
fn sin_past(x: f64, k: f64) -> f64 {
    const P1: f64 = std::f64::consts::PI;
    const P2: f64 = 1.2246467991473532e-16;
    const P3: f64 = -2.9947698097183397e-33;
    const S: [f64; 8] = [
        -0.16666666666666666,
        0.008333333333333208,
        -0.00019841269841213368,
        2.7557319211744394e-06,
        -2.5052106921615934e-08,
        1.605894190347732e-10,
        -7.64304346538988e-13,
        2.7216780035058983e-15,
    ];
    // exact: the product's last bit is 2⁻⁵² or above and the difference below 2
    let first = fma(-k, P1, x);
    let product = k * P2;
    let error = fma(k, P2, -product);
    let r = first - product;
    let tail = ((first - r) - product) - fma(k, P3, error);
    let z = r * r;
    let w = z * z;
    let q = fma(fma(fma(S[7], w, fma(S[6], z, S[5])), w, fma(S[4], z, S[3])), w, fma(S[2], z, S[1]));
    // of the tail, sin takes as much as cos r is
    let cos = fma(fma(z, 1.0 / 24.0, -0.5), z, 1.0);
    // what the cube lost in rounding counts near π/2, where its term is more than half of r
    let cube = r * z;
    let lost = fma(r, z, -cube);
    r + fma(cube, S[0], fma(cube * z, q, fma(tail, cos, lost * S[0])))
}

/// `y` with its sign changed where n is odd.
#[inline(always)]
fn sign_of_half_turn(y: f64, n: i64) -> f64 {
    f64::from_bits(y.to_bits() ^ ((n as u64) << 63))
}

/// sin x for |x| < 10⁵.
#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let (k, n) = nearest(x * std::f64::consts::FRAC_1_PI);
    let y = sign_of_half_turn(sin_past(x, k), n);
    if x == 0.0 { x } else { y }
}

/// cos x for |x| < 10⁵: − sin(x − (n + ½)·π), its sign changed where n is odd.
#[inline(always)]
pub(crate) fn cos(x: f64) -> f64 {
    let (k, n) = nearest(fma(x, std::f64::consts::FRAC_1_PI, -0.5));
    sign_of_half_turn(sin_past(x, k + 0.5), n + 1)
}

pub(crate) fn tan(x: f64) -> f64 {
    x.tan()
}

/// The arc tangent.
#[inline(always)]
pub(crate) fn atan(x: f64) -> f64 {
    const AT: [f64; 11] = [
        3.33333333333329318027e-01,
        -1.99999999998764832476e-01,
        1.42857142725034663711e-01,
        -1.11111104054623557880e-01,
        9.09088713343650656196e-02,
        -7.69187620504482999495e-02,
        6.66107313738753120669e-02,
        -5.83357013379057348645e-02,
        4.97687799461593236017e-02,
        -3.65315727442169155270e-02,
        1.62858201153657823623e-02,
    ];
    let a = x.abs();
    // (a − c) / (1 + c·a) for the nearest c of 0, ½, 1, 3⁄2, ∞, and atan(c) in two parts
    let (mut up, mut down, mut hi, mut lo) = (a, 1.0, 0.0, 0.0);
    let mut step = |from: f64, u: f64, d: f64, h: f64, l: f64| {
        let past = a >= from;
        up = if past { u } else { up };
        down = if past { d } else { down };
        hi = if past { h } else { hi };
        lo = if past { l } else { lo };
    };
    step(0.4375, 2.0 * a - 1.0, 2.0 + a, 4.63647609000806093515e-01, 2.26987774529616870924e-17);
    step(0.6875, a - 1.0, a + 1.0, 7.85398163397448278999e-01, 3.06161699786838301793e-17);
    step(1.1875, a - 1.5, 1.0 + 1.5 * a, 9.82793723247329054082e-01, 1.39033110312309984516e-17);
    step(2.4375, -1.0, a, 1.57079632679489655800e+00, 6.12323399573676603587e-17);
    let t = up / down;
    let z = t * t;
    let w = z * z;
    let odd = z * fma(w, fma(w, fma(w, fma(w, fma(w, AT[10], AT[8]), AT[6]), AT[4]), AT[2]), AT[0]);
    let even = w * fma(w, fma(w, fma(w, fma(w, AT[9], AT[7]), AT[5]), AT[3]), AT[1]);
    let y = hi - ((t * (odd + even) - lo) - t);
    y.copysign(x)
}

pub(crate) fn sinh(x: f64) -> f64 {
    x.sinh()
}
pub(crate) fn cosh(x: f64) -> f64 {
    x.cosh()
}
pub(crate) fn tanh(x: f64) -> f64 {
    x.tanh()
}
// Rust's own overflow from 2¹⁰²³ on, and are off by dozens of units where 1 − x or x − 1 is small
pub(crate) fn asinh(x: f64) -> f64 {
    libm::asinh(x)
}
pub(crate) fn acosh(x: f64) -> f64 {
    // libm's gives a number far below 1
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}
pub(crate) fn atanh(x: f64) -> f64 {
    libm::atanh(x)
}

/// Whether `pow` is wrong here: x is not a positive normal number, or the power nears the ends of the range.
#[inline(always)]
pub(crate) fn pow_is_rare(x: f64, y: f64) -> bool {
    let exponent = ((x.to_bits() >> 52) as i64 - 1023) as f64;
    let plain = (f64::MIN_POSITIVE..f64::INFINITY).contains(&x) && y.abs() * (exponent.abs() + 1.0) < 1000.0;
    !plain
}

/// x^y for positive x, well inside the range: e^(y · log x), the logarithm as a sum of two.
#[inline(always)]
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    let (k, m) = split(x);
    let f = m - 1.0;
    // s = f / (2 + f) as s + s_lo: 2 + f is exact to one rounding, whose error is known
    let d = 2.0 + f;
    let d_lo = f - (d - 2.0);
    let s = f / d;
    let s_lo = (fma(-s, d, f) - s * d_lo) / d;
    let t = s * s;
    let t_lo = fma(s, s, -t) + 2.0 * s * s_lo;
    // log m = 2s·(1 + t/3 + t²/5 + …)
    let mut p = 1.0 / 27.0;
    for n in [25.0, 23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0] {
        p = fma(p, t, 1.0 / n);
    }
    const THIRD: f64 = 1.0 / 3.0;
    const THIRD_LO: f64 = 1.850371707708594e-17;
    let tp = t * p;
    let u = THIRD + tp;
    let u_lo = (THIRD - u) + tp + THIRD_LO;
    let v = t * u;
    let v_lo = fma(t, u, -v) + fma(t, u_lo, t_lo * u);
    let s2 = 2.0 * s;
    let q = s2 * v;
    let q_lo = fma(s2, v, -q) + fma(s2, v_lo, 2.0 * s_lo * v);
    // k·ln 2 + 2s + q
    let a = k * LN2_HI;
    let b = a + s2;
    let b_lo = if k == 0.0 { 0.0 } else { (a - b) + s2 };
    let l = b + q;
    let l_lo = ((b - l) + q) + (b_lo + fma(k, LN2_LO, 2.0 * s_lo + q_lo));
    let log = l + l_lo;
    let log_lo = (l - log) + l_lo;
    let e = y * log;
    let e_lo = fma(y, log, -e) + y * log_lo;
    exp_sum(e, e_lo)
}

/// x · 2^n, rounded once.
pub(crate) fn ldexp(x: f64, n: i32) -> f64 {
    let n = n.clamp(-2200, 2200);
    // the large steps are exact, or already past the range; only the last one rounds
    if n > 1023 {
        ldexp(x * two_to(1023), n - 1023)
    } else if n < -1022 {
        // stop short of the subnormals by 53 bits, so that this step is exact
        ldexp(x * two_to(-1022 + 53), n + 1022 - 53)
    } else {
        x * two_to(n as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(got: f64, want: f64) -> f64 {
        if got == want || (got.is_nan() && want.is_nan()) {
            return 0.0;
        }
        let order = |x: f64| if x < 0.0 { -((x.to_bits() & (u64::MAX >> 1)) as i64) } else { x.to_bits() as i64 };
        (order(got) as i128 - order(want) as i128).unsigned_abs() as f64
    }

    /// Arguments of every size, and the special ones.
    fn arguments() -> Vec<f64> {
        let mut all = vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            2.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            5e-324,
            -5e-324,
            2.2250738585072014e-308,
            1e-310,
            709.78,
            709.79,
            -708.4,
            -745.13,
            -745.14,
            1e300,
            -1e300,
            1.7976931348623157e308,
            1024.0,
            -1074.0,
            -1075.0,
            1.5707963267948966,
            3.141592653589793,
            6381956970095103.0 * two_to(797),
            0.4375,
            0.6875,
            1.1875,
            2.4375,
            1e5,
        ];
        let mut x = 0x9E3779B97F4A7C15u64;
        for i in 0..200_000 {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let unit = (x >> 11) as f64 / (1u64 << 53) as f64;
            all.push(match i % 5 {
                0 => (unit - 0.5) * 4.0,
                1 => (unit - 0.5) * 1500.0,
                2 => 1.0 + (unit - 0.5) * 0.01,
                3 => f64::from_bits(x),
                _ => (unit - 0.5) * 190_000.0,
            });
        }
        all
    }

    /// std is glibc's, below one ulp itself.
    fn check(name: &str, f: impl Fn(f64) -> f64, want: impl Fn(f64) -> f64, within: f64, usable: impl Fn(f64) -> bool) {
        for x in arguments().into_iter().filter(|&x| usable(x)) {
            let apart = ulps(f(x), want(x));
            assert!(apart <= within, "{name}({x:e}) = {:e}, {apart} ulps from {:e}", f(x), want(x));
        }
    }

    #[test]
    fn functions_agree_with_the_c_library() {
        let any = |_: f64| true;
        check("exp", exp, f64::exp, 1.0, any);
        check("exp2", exp2, f64::exp2, 1.0, any);
        check("expm1", expm1, f64::exp_m1, 1.0, any);
        check("log", log, f64::ln, 1.0, any);
        check("log2", log2, f64::log2, 1.0, any);
        // glibc's own log10 is off by up to two
        check("log10", log10, f64::log10, 2.0, any);
        check("log1p", log1p, f64::ln_1p, 1.0, any);
        check("atan", atan, f64::atan, 1.0, any);
        check("sin", sin, f64::sin, 1.0, |x| !turns_far(x));
        check("cos", cos, f64::cos, 1.0, |x| !turns_far(x));
        for y in [-3.7, -1.0, -0.5, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 13.3, 100.0] {
            check("pow", |x| pow(x, y), |x| x.powf(y), 1.0, |x| !pow_is_rare(x, y));
        }
    }

    #[test]
    fn near_exponentials_are_the_same() {
        for x in arguments().into_iter().chain([707.9999, -707.9999, 0.0, -0.0]).filter(|&x| !exp_is_far(x)) {
            assert_eq!(exp_near(x).to_bits(), exp(x).to_bits(), "exp({x:e})");
        }
        assert!([708.0, -708.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().all(exp_is_far));
    }

    #[test]
    fn lengths_are_those_of_the_library() {
        let mut sides = arguments();
        sides.extend([0.0, -0.0, 3.0, 4.0, 1e-137, 1e-160, -1e153, 1e155, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1.0 + f64::EPSILON]);
        sides.truncate(2000);
        for &x in &sides {
            for &y in sides.iter().step_by(7).chain(sides.iter().rev().take(12)) {
                if !hypot_is_far(x, y) {
                    let (found, expected) = (hypot_near(x, y), x.hypot(y));
                    let off = (found.to_bits() as i64 - expected.to_bits() as i64).abs();
                    assert!(off <= 1, "hypot({x:e}, {y:e}): {found:e}, expected {expected:e}");
                }
                let single = hypot_of_singles(x as f32 as f64, y as f32 as f64) as f32;
                let expected = (x as f32).hypot(y as f32);
                assert!(single.is_nan() || (single.to_bits() as i64 - expected.to_bits() as i64).abs() <= 1, "{x:e}, {y:e}");
            }
        }
        assert_eq!((hypot_near(3.0, -4.0), hypot_near(0.0, 0.0), hypot_near(-0.0, 5.0)), (5.0, 0.0, 5.0));
        for far in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e160, 1e-150] {
            assert!(hypot_is_far(far, 1e-150) && hypot_is_far(1e-150, far), "{far}");
        }
    }

    #[test]
    fn signs_of_zero_stay() {
        for f in [sin, atan, expm1, log1p] {
            assert!(f(-0.0).is_sign_negative() && f(-0.0) == 0.0);
        }
    }

    #[test]
    fn ldexp_rounds_once() {
        assert_eq!(ldexp(1.5, 4), 24.0);
        assert_eq!(ldexp(1.0, 2000), f64::INFINITY);
        assert_eq!(ldexp(1.0, -1074), 5e-324);
        assert_eq!(ldexp(f64::from_bits(1), 2000), two_to(926));
    }
}
