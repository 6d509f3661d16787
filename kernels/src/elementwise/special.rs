//! Special functions of one real number in f64: within a few ulp of SciPy's. erf, Γ and log Γ are those of libm's port of musl.

use super::math;
use std::f64::consts::{FRAC_2_SQRT_PI, PI};

/// Chebyshev coefficients of e^−x I₀(x) on [0, 8], the highest first. Source: Cephes `i0.c`.
const I0_NEAR: [f64; 30] = [
    -4.415_341_646_479_339_5e-18,
    3.330_794_518_822_238_4e-17,
    -2.431_279_846_547_955e-16,
    1.715_391_285_555_133e-15,
    -1.168_533_287_799_345_1e-14,
    7.676_185_498_604_936e-14,
    -4.856_446_783_111_929e-13,
    2.955_052_663_129_64e-12,
    -1.726_826_291_441_556e-11,
    9.675_809_035_373_237e-11,
    -5.189_795_601_635_263e-10,
    2.659_823_724_682_386_6e-9,
    -1.300_025_009_986_248e-8,
    6.046_995_022_541_919e-8,
    -2.670_793_853_940_612e-7,
    1.117_387_539_120_103_7e-6,
    -4.416_738_358_458_750_5e-6,
    1.644_844_807_072_889_6e-5,
    -5.754_195_010_082_104e-5,
    0.000_188_502_885_095_841_65,
    -0.000_576_375_574_538_582_4,
    0.001_639_475_616_941_335_7,
    -0.004_324_309_995_050_576,
    0.010_546_460_394_594_998,
    -0.023_737_414_805_899_47,
    0.049_305_284_239_670_71,
    -0.094_901_097_048_047_64,
    0.171_620_901_522_208_77,
    -0.304_682_672_343_198_4,
    0.676_795_274_409_476_1,
];

/// Those of e^−x √x I₀(x) on [8, ∞), of 32/x − 2. Source: Cephes `i0.c`.
const I0_FAR: [f64; 25] = [
    -7.233_180_487_874_754e-18,
    -4.830_504_485_944_182e-18,
    4.465_621_420_296_76e-17,
    3.461_222_867_697_461e-17,
    -2.827_623_980_516_583_6e-16,
    -3.425_485_619_677_219e-16,
    1.772_560_133_056_526_3e-15,
    3.811_680_669_352_622_4e-15,
    -9.554_846_698_828_307e-15,
    -4.150_569_347_287_222e-14,
    1.540_086_217_521_41e-14,
    3.852_778_382_742_142_6e-13,
    7.180_124_451_383_666e-13,
    -1.794_178_531_506_806_2e-12,
    -1.321_581_184_044_771_3e-11,
    -3.149_916_527_963_241_6e-11,
    1.188_914_710_784_643_9e-11,
    4.940_602_388_224_97e-10,
    3.396_232_025_708_386_5e-9,
    2.266_668_990_498_178e-8,
    2.048_918_589_469_063_8e-7,
    2.891_370_520_834_756_7e-6,
    6.889_758_346_916_825e-5,
    0.003_369_116_478_255_694_3,
    0.804_490_411_014_108_8,
];

/// The sum of a Chebyshev series at `x`/2 by Clenshaw's rule.
fn chebyshev(x: f64, coefficients: &[f64]) -> f64 {
    let (mut b0, mut b1, mut b2) = (coefficients[0], 0.0, 0.0);
    for c in &coefficients[1..] {
        (b2, b1) = (b1, b0);
        b0 = x * b1 - b2 + c;
    }
    0.5 * (b0 - b2)
}

/// The modified Bessel function I₀.
pub(super) fn i0(x: f64) -> f64 {
    let x = x.abs();
    if x <= 8.0 { math::exp(x) * chebyshev(x / 2.0 - 2.0, &I0_NEAR) } else { math::exp(x) * chebyshev(32.0 / x - 2.0, &I0_FAR) / x.sqrt() }
}

pub(super) fn erf(x: f64) -> f64 {
    libm::erf(x)
}

pub(super) fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// The inverse of erfc: a first guess, then Halley's steps on erfc, which is exact where 1 − erf is not.
pub(super) fn erfcinv(p: f64) -> f64 {
    match p {
        p if !(0.0..=2.0).contains(&p) => return f64::NAN,
        0.0 => return f64::INFINITY,
        2.0 => return f64::NEG_INFINITY,
        // 1 − p is exact there
        p if (0.5..=1.5).contains(&p) => return erfinv_near(1.0 - p),
        _ => {}
    }
    // the smaller tail, so that nothing cancels
    let tail = if p < 1.0 { p } else { 2.0 - p };
    // Abramowitz & Stegun, Handbook of Mathematical Functions, 26.2.23, for the normal law
    let t = (-2.0 * (tail / 2.0).ln()).sqrt();
    let guess = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    let mut y = guess * std::f64::consts::FRAC_1_SQRT_2;
    for _ in 0..3 {
        let off = (libm::erfc(y) - tail) / (FRAC_2_SQRT_PI * (-y * y).exp());
        y += off / (1.0 - y * off);
    }
    if p < 1.0 { y } else { -y }
}

/// The inverse of erf.
pub(super) fn erfinv(x: f64) -> f64 {
    if x.abs() > 0.5 || x.is_nan() { erfcinv(1.0 - x.abs()).copysign(x) } else { erfinv_near(x) }
}

/// For |x| up to ½: the series at 0, then Halley's steps on erf.
fn erfinv_near(x: f64) -> f64 {
    let size = x.abs();
    let z = PI / 4.0 * size * size;
    let mut y = size / FRAC_2_SQRT_PI * (1.0 + z / 3.0 + 7.0 / 30.0 * z * z);
    for _ in 0..4 {
        let off = (libm::erf(y) - size) / (FRAC_2_SQRT_PI * (-y * y).exp());
        y -= off / (1.0 + y * off);
    }
    y.copysign(x)
}

pub(super) fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// log |Γ(x)|; at −∞ as SciPy has it.
pub(super) fn gammaln(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { x } else { libm::lgamma(x) }
}

/// ψ, the slope of log Γ: reflected to the right half, carried up to [1, 2] or to where its asymptotic series holds.
/// Source of both: Boost.Math, *digamma*; the zero in [1, 2] is taken out in three parts, so that values near it are right.
pub(super) fn digamma(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    let mut carried = 0.0;
    let mut x = x;
    if x < 0.0 {
        if x == x.floor() {
            return f64::NAN;
        }
        // ψ(1 − x) − π / tan πx, of the distance to the nearest integer
        let near = x - x.round();
        // π cot, from the nearer of a pole and a zero
        carried = match near.abs() > 0.25 {
            true => -PI * (PI * (0.5 - near.abs())).tan().copysign(near),
            false => -PI / (PI * near).tan(),
        };
        x = 1.0 - x;
    }
    if x >= 10.0 {
        return carried + digamma_far(x);
    }
    while x > 2.0 {
        x -= 1.0;
        carried += 1.0 / x;
    }
    while x < 1.0 {
        carried -= 1.0 / x;
        x += 1.0;
    }
    carried + digamma_near(x)
}

/// ψ on [10, ∞).
fn digamma_far(x: f64) -> f64 {
    const P: [f64; 8] = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0, -3617.0 / 8160.0];
    let z = 1.0 / (x * x);
    let series = P.iter().rev().fold(0.0, |sum, c| sum * z + c);
    math::log(x) - 0.5 / x - z * series
}

/// ψ on [1, 2].
fn digamma_near(x: f64) -> f64 {
    const Y: f64 = 0.995_581_626_892_089_8;
    const ROOT: [f64; 3] =
        [1_569_415_565.0 / 1_073_741_824.0, 381_566_830.0 / 1_073_741_824.0 / 1_073_741_824.0, 9.016_312_093_258_695e-20];
    const P: [f64; 6] = [
        0.254_798_510_611_315_5,
        -0.325_550_311_868_044_9,
        -0.650_318_537_708_965_1,
        -0.289_191_264_447_747_8,
        -0.045_251_321_448_739_06,
        -0.002_071_332_116_774_595,
    ];
    const Q: [f64; 7] = [
        1.0,
        2.076_711_702_373_047,
        1.460_624_290_976_351_6,
        0.435_935_296_926_659_7,
        0.054_151_797_245_674_22,
        0.002_128_498_701_782_114_4,
        -5.578_984_132_167_551e-7,
    ];
    let g = x - ROOT[0] - ROOT[1] - ROOT[2];
    let at = x - 1.0;
    let poly = |c: &[f64]| c.iter().rev().fold(0.0, |sum, c| sum * at + c);
    g * Y + g * (poly(&P) / poly(&Q))
}

/// 1 / (1 + e^−x).
pub(super) fn expit(x: f64) -> f64 {
    if x < 0.0 {
        let e = math::exp(x);
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + math::exp(-x))
    }
}

/// log(x / (1 − x)); near ½ by the slope of log there, where the quotient is nearly 1.
pub(super) fn logit(x: f64) -> f64 {
    if (0.3..=0.65).contains(&x) {
        let s = 2.0 * (x - 0.5);
        math::log1p(s) - math::log1p(-s)
    } else {
        math::log(x / (1.0 - x))
    }
}

/// log(expit(x)).
pub(super) fn log_expit(x: f64) -> f64 {
    if x < 0.0 { x - math::log1p(math::exp(x)) } else { -math::log1p(math::exp(-x)) }
}

/// x log y, and 0 where x is 0 and y a number.
pub(super) fn xlogy(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * math::log(y) }
}

/// x log(1 + y), and 0 where x is 0 and y a number.
pub(super) fn xlog1py(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * math::log1p(y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64, ulps: f64, what: &str) {
        assert!((got - want).abs() <= ulps * f64::EPSILON * want.abs(), "{what}: {got:e}, expected {want:e}");
    }

    /// Reference values of 20 digits and more, from the tables in Abramowitz & Stegun and the DLMF.
    #[test]
    fn known_values_come_out() {
        near(i0(1.0), 1.266_065_877_752_008_4, 4.0, "i0(1)");
        near(i0(10.0), 2_815.716_628_466_254, 4.0, "i0(10)");
        near(digamma(1.0), -0.577_215_664_901_532_9, 4.0, "digamma(1)");
        near(digamma(0.5), -1.963_510_026_021_423_5, 4.0, "digamma(1/2)");
        near(digamma(20.0), 2.970_523_992_242_149, 4.0, "digamma(20)");
        near(erfinv(0.5), 0.476_936_276_204_469_9, 4.0, "erfinv(1/2)");
        near(gamma(0.5), PI.sqrt(), 4.0, "gamma(1/2)");
        near(gammaln(100.0), 359.134_205_369_575_4, 4.0, "gammaln(100)");
        near(expit(-700.0), 9.859_676_543_759_77e-305, 8.0, "expit(-700)");
    }

    #[test]
    fn inverses_go_back() {
        for i in 1..2000 {
            let x = i as f64 / 1000.0 - 1.0;
            near(erf(erfinv(x)), x, 4.0, "erf(erfinv(x))");
            let p = 10f64.powf(-300.0 * i as f64 / 2000.0);
            let y = erfcinv(p);
            // an ulp of y moves erfc by 2y² ulps of its own
            near(erfc(y), p, 8.0 + 4.0 * y * y, "erfc(erfcinv(p))");
        }
        for (x, want) in [(0.0, 0.0), (1.0, f64::INFINITY), (-1.0, f64::NEG_INFINITY)] {
            assert_eq!(erfinv(x), want);
        }
        assert!(erfinv(1.5).is_nan() && erfcinv(-0.1).is_nan() && erfinv(f64::NAN).is_nan());
    }

    #[test]
    fn poles_are_as_scipy_has_them() {
        assert_eq!((digamma(0.0), digamma(-0.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(digamma(-3.0).is_nan() && gamma(-3.0).is_nan());
        assert_eq!((gamma(0.0), gammaln(-2.0)), (f64::INFINITY, f64::INFINITY));
        assert_eq!((logit(0.0), logit(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((xlogy(0.0, 0.0), xlogy(0.0, f64::INFINITY)), (0.0, 0.0));
    }
}
