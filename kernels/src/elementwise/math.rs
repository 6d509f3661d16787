//! The elementary functions of an f64.

pub(crate) fn asinh(x: f64) -> f64 { x.asinh() }
pub(crate) fn acosh(x: f64) -> f64 { x.acosh() }
pub(crate) fn atanh(x: f64) -> f64 { x.atanh() }

/// x · 2^n, rounded once.
pub(crate) fn ldexp(x: f64, n: i32) -> f64 {
    let two = |n: i32| f64::from_bits(((n + 1023) as u64) << 52);
    let n = n.clamp(-2200, 2200);
    // the large steps are exact, or already past the range; only the last one rounds
    if n > 1023 {
        ldexp(x * two(1023), n - 1023)
    } else if n < -1022 {
        // stop short of the subnormals by 53 bits, so that this step is exact
        ldexp(x * two(-1022 + 53), n + 1022 - 53)
    } else {
        x * two(n)
    }
}
pub(crate) fn turns_far(_: f64) -> bool { false }
pub(crate) fn pow_is_rare(_: f64, _: f64) -> bool { false }
pub(crate) fn pow(x: f64, y: f64) -> f64 { x.powf(y) }
pub(crate) fn exp(x: f64) -> f64 { x.exp() }
pub(crate) fn exp2(x: f64) -> f64 { x.exp2() }
pub(crate) fn expm1(x: f64) -> f64 { x.exp_m1() }
pub(crate) fn log(x: f64) -> f64 { x.ln() }
pub(crate) fn log2(x: f64) -> f64 { x.log2() }
pub(crate) fn log10(x: f64) -> f64 { x.log10() }
pub(crate) fn log1p(x: f64) -> f64 { x.ln_1p() }
pub(crate) fn sin(x: f64) -> f64 { x.sin() }
pub(crate) fn cos(x: f64) -> f64 { x.cos() }
pub(crate) fn tan(x: f64) -> f64 { x.tan() }
pub(crate) fn atan(x: f64) -> f64 { x.atan() }
pub(crate) fn sinh(x: f64) -> f64 { x.sinh() }
pub(crate) fn cosh(x: f64) -> f64 { x.cosh() }
pub(crate) fn tanh(x: f64) -> f64 { x.tanh() }
