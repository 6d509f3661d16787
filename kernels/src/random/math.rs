//! Bits → uniform, logarithm, sine and cosine on the ranges that random laws need: branch-free, so that loops
//! over them vectorise, and the same operations in the same order on every instruction set.

/// ln of n / 2⁵³ for n in 1 ..= 2⁵³, within 2.5 ε of it.
/// n / 2⁵³ = 2ᵏ(1 + f), s = f/(2 + f): ln = k ln 2 + 2 artanh s. Source of the polynomial: fdlibm `e_log.c`.
#[inline(always)]
pub(super) fn ln_fraction(n: u64) -> f64 {
    const L: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    const SQRT_HALF: u64 = 0x3fe6_a09e_0000_0000;
    let bits = (n as f64).to_bits().wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF);
    // the biased exponent, turned into a float by planting it in the last bits of 2⁵²
    let k = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0 + 53.0);
    let f = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w.mul_add(w.mul_add(w.mul_add(L[6], L[4]), L[2]), L[0]);
    let odd = w.mul_add(w.mul_add(L[5], L[3]), L[1]);
    let p = z.mul_add(odd, even);
    k.mul_add(std::f64::consts::LN_2, s * z.mul_add(p, 2.0))
}

/// ln x for a normal x in (0, 1], within 2 ulp.
/// Source: Cephes `logf.c`.
#[inline(always)]
pub(super) fn ln_f32(x: f32) -> f32 {
    const P: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - SQRT_HALF);
    let k = (bits >> 23) as i32 as f32 - 127.0;
    let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let z = f * f;
    let mut p = P[0];
    for c in &P[1..] {
        p = p.mul_add(f, *c);
    }
    let y = k.mul_add(-2.121_944_4e-4, f * z * p);
    let y = (-0.5f32).mul_add(z, y);
    k.mul_add(0.693_359_4, f + y)
}

/// (cos 2πu, sin 2πu) for u = lane / 2⁶⁴, of which the upper 54 bits count.
/// The quarter turn nearest to u is taken off exactly, in integers; the rest is fdlibm's `k_sin.c`, `k_cos.c`.
#[inline(always)]
pub(super) fn turn(lane: u64) -> (f64, f64) {
    const S: [f64; 6] = [
        1.589_690_995_211_55e-10,
        -2.505_076_025_340_686_3e-8,
        2.755_731_370_707_006_8e-6,
        -1.984_126_982_985_795e-4,
        8.333_333_333_322_49e-3,
        -1.666_666_666_666_663_2e-1,
    ];
    const C: [f64; 6] = [
        -1.135_964_755_778_819_5e-11,
        2.087_572_321_298_175e-9,
        -2.755_731_435_139_066_3e-7,
        2.480_158_728_947_673e-5,
        -1.388_888_888_887_411e-3,
        4.166_666_666_666_66e-2,
    ];
    // half a quarter turn ahead, the upper two bits are quarter = round(4u) mod 4, and the next 52, as the
    // mantissa of a number in [1, 2), are rest + 1½, where rest = 4u − quarter is in [−½, ½)
    let ahead = lane.wrapping_add(1 << 61);
    let rest = f64::from_bits(((ahead << 2) >> 12) | 0x3ff0_0000_0000_0000) - 1.5;
    let x = rest * std::f64::consts::FRAC_PI_2;
    let z = x * x;
    let (mut p, mut q) = (S[0], C[0]);
    for i in 1..6 {
        p = p.mul_add(z, S[i]);
        q = q.mul_add(z, C[i]);
    }
    let sin = (x * z).mul_add(p, x);
    let cos = (z * z).mul_add(q, z.mul_add(-0.5, 1.0));
    let (a, b) = if ahead & (1 << 62) != 0 { (sin, cos) } else { (cos, sin) };
    let sign_cos = (ahead ^ (ahead << 1)) & (1 << 63);
    let sign_sin = ahead & (1 << 63);
    (f64::from_bits(a.to_bits() ^ sign_cos), f64::from_bits(b.to_bits() ^ sign_sin))
}

/// (cos 2πu, sin 2πu) for u = word / 2³². Polynomials: Cephes `sinf.c`.
#[inline(always)]
pub(super) fn turn_f32(word: u32) -> (f32, f32) {
    let quarter = word.wrapping_add(1 << 29) >> 30;
    let rest = (word << 2) as i32 as f32;
    let x = rest * (std::f32::consts::FRAC_PI_2 / 4_294_967_296.0);
    let z = x * x;
    let p = (-1.951_529_6e-4f32).mul_add(z, 8.332_161e-3).mul_add(z, -1.666_665_5e-1);
    let q = 2.443_315_7e-5f32.mul_add(z, -1.388_731_6e-3).mul_add(z, 4.166_664_6e-2);
    let sin = (x * z).mul_add(p, x);
    let cos = (z * z).mul_add(q, z.mul_add(-0.5, 1.0));
    let (a, b) = if quarter & 1 != 0 { (sin, cos) } else { (cos, sin) };
    let sign_cos = (quarter.wrapping_add(1) & 2) << 30;
    let sign_sin = (quarter & 2) << 30;
    (f32::from_bits(a.to_bits() ^ sign_cos), f32::from_bits(b.to_bits() ^ sign_sin))
}

/// The upper 53 bits of a lane in 1 ..= 2⁵³: over 2⁵³, exactly one minus a uniform of [0, 1).
#[inline(always)]
pub(super) fn numerator(lane: u64) -> u64 {
    (lane >> 11) + 1
}

/// The upper 31 bits of a lane in (0, 1], from 2⁻³² up: more bits where the logarithm is steep.
#[inline(always)]
pub(super) fn unit_above_zero_f32(lane: u64) -> f32 {
    ((lane >> 33) as u32 as i32 as f32 + 0.5) * (1.0 / 2_147_483_648.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points over the whole range and dense at both of its ends.
    fn lanes() -> impl Iterator<Item = u64> {
        let steps = (0..200_000u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let small = (0..64).map(|b| 1u64 << b);
        let large = (0..64).map(|b| u64::MAX - ((1u64 << b) - 1));
        steps.chain(small).chain(large).chain(0..2000)
    }

    #[test]
    fn logarithms_are_within_their_ulps() {
        for lane in lanes() {
            let n = numerator(lane);
            let u = n as f64 / 9_007_199_254_740_992.0;
            let (got, want) = (ln_fraction(n), u.ln());
            assert!((got - want).abs() <= want.abs() * 2.5 * f64::EPSILON, "ln {u}: {got} for {want}");
            let u = unit_above_zero_f32(lane);
            assert!(u > 0.0 && u <= 1.0);
            let (got, want) = (ln_f32(u) as f64, (u as f64).ln());
            assert!((got - want).abs() <= want.abs() * 2.5e-7, "ln {u}: {got} for {want}");
        }
        assert_eq!((ln_fraction(1 << 53), ln_f32(1.0)), (0.0, 0.0));
    }

    #[test]
    fn turns_lie_on_the_circle_where_they_should() {
        for lane in lanes() {
            let angle = lane as f64 / 18_446_744_073_709_551_616.0 * std::f64::consts::TAU;
            let (c, s) = turn(lane);
            assert!((c - angle.cos()).abs() < 2e-15 && (s - angle.sin()).abs() < 2e-15, "{lane:#x}: {c} {s}");
            let word = (lane >> 32) as u32;
            let angle = word as f64 / 4_294_967_296.0 * std::f64::consts::TAU;
            let (c, s) = turn_f32(word);
            let worst = (c as f64 - angle.cos()).abs().max((s as f64 - angle.sin()).abs());
            assert!(worst < 2e-7, "{word:#x}: {c} {s}");
        }
        assert_eq!(turn(0), (1.0, 0.0));
        assert_eq!(turn(1 << 62).1, 1.0);
    }
}
