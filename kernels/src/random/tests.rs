//! The contract of [`Random::fill`]: the same values for any slice and instruction set, and the right law.

use super::*;
use crate::isa::on_every_isa;
use proptest::prelude::*;

fn random(distribution: Distribution, dtype: DType) -> Random {
    Random { distribution, dtype, seed: 42, stream: 7 }
}

fn further(law: Law, parameters: [f64; 3]) -> Random {
    random(Distribution::Further { law, parameters }, if law.is_whole() { DType::I64 } else { DType::F64 })
}

/// Parameters that a law takes.
fn usual(law: Law) -> [f64; 3] {
    match law {
        Law::Binomial => [40.0, 0.3, 0.0],
        Law::Geometric | Law::Logseries => [0.4, 0.0, 0.0],
        Law::Hypergeometric => [20.0, 30.0, 15.0],
        Law::NegativeBinomial => [2.5, 0.4, 0.0],
        Law::Triangular => [-1.0, 0.5, 2.0],
        _ => [2.5, 1.5, 0.5],
    }
}

/// One stream for every law and dtype that has its own code.
fn streams() -> Vec<Random> {
    use Distribution::*;
    let mut all = vec![
        random(Lognormal { mean: 0.5, sigma: 0.7 }, DType::F64),
        random(Gamma { shape: 2.5, scale: 2.0 }, DType::F64),
        random(Gamma { shape: 0.3, scale: 1.0 }, DType::F32),
        random(Poisson { lam: 3.5 }, DType::I64),
        random(Poisson { lam: 500.0 }, DType::U32),
    ];
    all.extend(Law::ALL.iter().map(|&law| further(law, usual(law))));
    for dtype in [DType::F32, DType::F64] {
        all.push(random(Uniform { low: -1.0, high: 2.0 }, dtype));
        all.push(random(Normal { loc: 1.0, scale: 2.0 }, dtype));
        all.push(random(Exponential { scale: 3.0 }, dtype));
    }
    for dtype in DType::ALL.into_iter().filter(|d| d.is_integer()) {
        all.push(random(Integers { low: 0, high: 100 }, dtype));
    }
    all.push(random(Integers { low: 0, high: 2 }, DType::Bool));
    all.push(random(Integers { low: i64::MIN, high: i64::MAX }, DType::I64));
    all
}

fn bytes(random: &Random, first: u64, step: i64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len * random.dtype.size()];
    random.fill(first, step, &mut out);
    out
}

fn values(random: &Random, len: usize) -> Vec<f64> {
    bytes(random, 0, 1, len).chunks_exact(random.dtype.size()).map(|b| crate::dtype::Scalar::read(random.dtype, b).as_f64()).collect()
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for stream in streams() {
        for (first, step) in [(0, 1), (12_345, 1), (u64::MAX / 3, 10), (1 << 40, 10), (9_000_001, -3)] {
            let mut want = None;
            on_every_isa(|| {
                let got = bytes(&stream, first, step, 4099);
                assert!(*want.get_or_insert_with(|| got.clone()) == got, "{stream:?} from {first} by {step}");
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_slice_is_a_slice_of_the_whole(first in 0usize..3000, step in -40i64..40, len in 0usize..2500, shift in 0usize..9) {
        const WHOLE: usize = 4000;
        let step = if len > 1 { step.clamp(-(first as i64) / (len as i64 - 1), (WHOLE - 1 - first) as i64 / (len as i64 - 1)) } else { step };
        for stream in streams() {
            let item = stream.dtype.size();
            let whole = bytes(&stream, 0, 1, WHOLE);
            let mut out = vec![0; shift + len * item];
            stream.fill(first as u64, step, &mut out[shift..]);
            for i in 0..len {
                let at = (first as i64 + i as i64 * step) as usize;
                prop_assert_eq!(&out[shift + i * item..][..item], &whole[at * item..][..item], "{:?}, element {}", stream, i);
            }
        }
    }
}

/// What another program (ARS-7 in Python's integers) makes of the same seed and stream.
#[test]
fn values_are_those_of_the_definition() {
    let stream = random(Distribution::Uniform { low: 0.0, high: 1.0 }, DType::F64);
    for (index, want) in [
        (0, 0.013701650515569375),
        (1, 0.23401613230723728),
        (2, 0.22940130650571233),
        (12345, 0.08178038474738258),
        ((1 << 32) + 1, 0.5086265570864865),
        ((1 << 63) + 3, 0.906907643682901),
        (u64::MAX, 0.16217241900978285),
    ] {
        for step in [1, 2, -1] {
            assert_eq!(bytes(&stream, index, step, 1), f64::to_ne_bytes(want), "element {index}");
        }
    }
}

#[test]
fn indices_wrap() {
    for stream in streams() {
        let item = stream.dtype.size();
        let over = bytes(&stream, u64::MAX - 34, 1, 70);
        for i in 0..70 {
            let alone = bytes(&stream, (u64::MAX - 34).wrapping_add(i as u64), 2, 1);
            assert_eq!(over[i * item..][..item], alone, "{stream:?}, element {i}");
        }
    }
}

#[test]
fn the_value_of_an_index_does_not_depend_on_how_far_it_is() {
    for stream in streams() {
        let far = u64::MAX - 4001;
        let whole = bytes(&stream, far, 1, 4000);
        let back = bytes(&stream, far + 3999, -1, 4000);
        let second = bytes(&stream, far, 2, 2000);
        let item = stream.dtype.size();
        for i in 0..4000 {
            assert_eq!(whole[i * item..][..item], back[(3999 - i) * item..][..item]);
            if i % 2 == 0 {
                assert_eq!(whole[i * item..][..item], second[i / 2 * item..][..item]);
            }
        }
    }
}

#[test]
fn streams_and_seeds_differ() {
    let base = random(Distribution::Uniform { low: 0.0, high: 1.0 }, DType::F64);
    let a = values(&base, 1000);
    for other in [Random { seed: 43, ..base }, Random { stream: 8, ..base }, Random { seed: 7, stream: 42, ..base }] {
        let b = values(&other, 1000);
        assert!(a.iter().all(|x| !b.contains(x)));
    }
}

/// sup |F_n − F| of the values, times √n: above 2.2 with probability 1.2e-4 under the law; the seed is fixed.
fn kolmogorov(mut values: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let worst = values.iter().enumerate().map(|(i, &v)| {
        let f = cdf(v);
        (f - i as f64 / n).abs().max(((i + 1) as f64 / n - f).abs())
    });
    worst.fold(0.0, f64::max) * n.sqrt()
}

/// The normal distribution function by the series of erf near 0 and its continued fraction in the tail.
fn normal_cdf(z: f64) -> f64 {
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if z.abs() < 4.0 {
        let (mut term, mut sum, mut k) = (z, z, 1.0);
        while f64::abs(term) > 1e-17 {
            k += 2.0;
            term *= z * z / k;
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let mut fraction = z.abs();
    for k in (1..60).rev() {
        fraction = z.abs() + k as f64 / fraction;
    }
    if z < 0.0 { density / fraction } else { 1.0 - density / fraction }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n)
}

const N: usize = 1 << 20;

/// Mean and variance within five standard errors, given the fourth central moment.
fn check_moments(values: &[f64], mean: f64, variance: f64, fourth: f64) {
    let n = values.len() as f64;
    let (m, v) = moments(values);
    assert!((m - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {m}, expected {mean}");
    assert!((v - variance).abs() < 5.0 * ((fourth - variance * variance) / n).sqrt(), "variance {v}, expected {variance}");
}

#[test]
fn uniform_is_uniform_and_never_high() {
    for dtype in [DType::F32, DType::F64] {
        let v = values(&random(Distribution::Uniform { low: -1.0, high: 3.0 }, dtype), N);
        check_moments(&v, 1.0, 16.0 / 12.0, 256.0 / 80.0);
        assert!(v.iter().all(|x| (-1.0..3.0).contains(x)));
        assert!(kolmogorov(v, |x| (x + 1.0) / 4.0) < 2.2);
        let narrow = values(&random(Distribution::Uniform { low: 1e6, high: 1e6 + 0.25 }, dtype), N);
        assert!(narrow.iter().all(|x| (1e6..1e6 + 0.25).contains(x)), "{dtype}");
    }
}

#[test]
fn normal_is_normal_also_in_the_tail() {
    for dtype in [DType::F32, DType::F64] {
        let v = values(&random(Distribution::Normal { loc: 10.0, scale: 0.5 }, dtype), N);
        assert!(v.iter().all(|x| x.is_finite()));
        check_moments(&v, 10.0, 0.25, 3.0 / 16.0);
        for z in [2.0, 3.0, 4.0] {
            let want = 2.0 * normal_cdf(-z) * N as f64;
            let got = v.iter().filter(|x| ((*x - 10.0) / 0.5).abs() > z).count() as f64;
            assert!((got - want).abs() < 5.0 * want.sqrt() + 1.0, "{dtype}: {got} beyond {z}, expected {want}");
        }
        let pairs: f64 = v.chunks_exact(2).map(|p| (p[0] - 10.0) * (p[1] - 10.0)).sum::<f64>() / (N as f64 / 2.0);
        assert!(pairs.abs() < 5.0 * 0.25 / (N as f64 / 2.0).sqrt(), "the two of a pair correlate: {pairs}");
        assert!(kolmogorov(v, |x| normal_cdf((x - 10.0) / 0.5)) < 2.2);
    }
}

#[test]
fn exponential_is_exponential_and_finite() {
    for dtype in [DType::F32, DType::F64] {
        let v = values(&random(Distribution::Exponential { scale: 2.0 }, dtype), N);
        assert!(v.iter().all(|x| x.is_finite() && *x >= 0.0 && x.is_sign_positive()));
        check_moments(&v, 2.0, 4.0, 9.0 * 16.0);
        assert!(kolmogorov(v, |x| 1.0 - (-x / 2.0).exp()) < 2.2);
    }
}

#[test]
fn integers_hit_every_value_alike() {
    let v = values(&random(Distribution::Integers { low: -3, high: 7 }, DType::I16), N);
    let mut counts = [0.0; 10];
    for x in v {
        counts[(x + 3.0) as usize] += 1.0;
    }
    let want = N as f64 / 10.0;
    let chi: f64 = counts.iter().map(|c| (c - want) * (c - want) / want).sum();
    assert!(chi < 33.7, "chi² of 9 degrees is {chi}: above 33.7 with probability 1e-4");
}

#[test]
fn run_laws_have_their_moments() {
    let v = values(&random(Distribution::Gamma { shape: 2.5, scale: 2.0 }, DType::F64), N / 4);
    check_moments(&v, 5.0, 10.0, 3.0 * 100.0 + 6.0 * 2.5 * 16.0);
    let v = values(&random(Distribution::Poisson { lam: 4.0 }, DType::I64), N / 4);
    check_moments(&v, 4.0, 4.0, 4.0 + 48.0);
    let v = values(&random(Distribution::Poisson { lam: 300.0 }, DType::U16), N / 4);
    check_moments(&v, 300.0, 300.0, 300.0 + 270_000.0);
    let v = values(&random(Distribution::Lognormal { mean: 1.0, sigma: 0.5 }, DType::F64), N / 4);
    assert!(kolmogorov(v, |x| normal_cdf((x.ln() - 1.0) / 0.5)) < 2.2);
    assert!(values(&random(Distribution::Poisson { lam: 0.0 }, DType::I64), 100).iter().all(|x| *x == 0.0));
}

#[test]
fn bad_parameters_are_refused_with_what_was_given() {
    use Distribution::*;
    for (distribution, dtype, want) in [
        (Normal { loc: 0.0, scale: -1.0 }, DType::F64, "normal: scale is -1, expected ≥ 0"),
        (Normal { loc: f64::NAN, scale: 1.0 }, DType::F64, "normal: loc is NaN, expected a finite number"),
        (Normal { loc: 0.0, scale: 1.0 }, DType::I32, "normal: dtype is int32, expected float32 or float64"),
        (Uniform { low: 2.0, high: 1.0 }, DType::F64, "uniform: low is 2 and high 1, expected low ≤ high"),
        (Integers { low: 5, high: 5 }, DType::I64, "integers: low is 5 and high 5, expected low < high"),
        (Integers { low: 0, high: 257 }, DType::U8, "integers: [0, 257) does not fit uint8, which holds 0 to 255"),
        (Poisson { lam: -2.0 }, DType::I64, "poisson: lam is -2, expected ≥ 0"),
    ] {
        assert_eq!(random(distribution, dtype).validate().unwrap_err(), want);
    }
    assert!(random(Integers { low: 0, high: 256 }, DType::U8).validate().is_ok());
    assert!(random(Poisson { lam: 1e30 }, DType::I64).validate().is_err());
    assert!(random(Uniform { low: -1e308, high: 1e308 }, DType::F64).validate().is_err());
    assert!(random(Gamma { shape: 0.0, scale: 1.0 }, DType::F64).validate().is_ok());
}

/// Values of a further law.
fn drawn(law: Law, parameters: [f64; 3]) -> Vec<f64> {
    values(&further(law, parameters), N / 4)
}

#[test]
fn continuous_laws_have_their_distribution_functions() {
    let check = |law: Law, parameters: [f64; 3], cdf: &dyn Fn(f64) -> f64| {
        let found = kolmogorov(drawn(law, parameters), cdf);
        assert!(found < 2.2, "{} {parameters:?}: {found}", law.name());
    };
    check(Law::Beta, [2.0, 3.0, 0.0], &|x| x * x * (6.0 - 8.0 * x + 3.0 * x * x));
    check(Law::Chisquare, [2.0, 0.0, 0.0], &|x| 1.0 - (-x / 2.0).exp());
    check(Law::Chisquare, [1.0, 0.0, 0.0], &|x| 1.0 - 2.0 * normal_cdf(-x.sqrt()));
    check(Law::F, [2.0, 4.0, 0.0], &|x| 1.0 - (1.0 + x / 2.0).powi(-2));
    check(Law::Gumbel, [1.0, 2.0, 0.0], &|x| (-(-(x - 1.0) / 2.0).exp()).exp());
    check(Law::Laplace, [1.0, 2.0, 0.0], &|x| {
        let tail = 0.5 * (-(x - 1.0).abs() / 2.0).exp();
        if x < 1.0 { tail } else { 1.0 - tail }
    });
    check(Law::Logistic, [1.0, 2.0, 0.0], &|x| 1.0 / (1.0 + (-(x - 1.0) / 2.0).exp()));
    check(Law::Pareto, [3.0, 0.0, 0.0], &|x| 1.0 - (1.0 + x).powi(-3));
    check(Law::Power, [3.0, 0.0, 0.0], &|x| x.powi(3));
    check(Law::Rayleigh, [2.0, 0.0, 0.0], &|x| 1.0 - (-x * x / 8.0).exp());
    check(Law::StandardCauchy, [0.0; 3], &|x| 0.5 + x.atan() / std::f64::consts::PI);
    check(Law::StandardT, [2.0, 0.0, 0.0], &|x| 0.5 + x / (2.0 * (2.0 + x * x).sqrt()));
    check(Law::Triangular, [-1.0, 0.0, 3.0], &|x| if x < 0.0 { (x + 1.0).powi(2) / 4.0 } else { 1.0 - (3.0 - x).powi(2) / 12.0 });
    check(Law::Weibull, [1.5, 0.0, 0.0], &|x| 1.0 - (-x.powf(1.5)).exp());
    check(Law::Wald, [1.5, 2.0, 0.0], &|x| {
        let root = (2.0 / x).sqrt();
        normal_cdf(root * (x / 1.5 - 1.0)) + (4.0f64 / 1.5).exp() * normal_cdf(-root * (x / 1.5 + 1.0))
    });
    // of one degree: the square of a normal value off by √nonc
    let square = |x: f64| normal_cdf(x.sqrt() - 1.5f64.sqrt()) - normal_cdf(-x.sqrt() - 1.5f64.sqrt());
    check(Law::NoncentralChisquare, [1.0, 1.5, 0.0], &square);
    // from 0 it is uniform, near a large kappa normal
    check(Law::Vonmises, [0.0, 0.0, 0.0], &|x| (x + std::f64::consts::PI) / std::f64::consts::TAU);
    check(Law::Vonmises, [0.0, 1e5, 0.0], &|x| normal_cdf(x * 1e5f64.sqrt()));
}

#[test]
fn laws_without_a_simple_function_have_their_moments() {
    let (mean, _) = moments(&drawn(Law::Vonmises, [1.0, 2.0, 0.0]).iter().map(|x| (x - 1.0).cos()).collect::<Vec<_>>());
    // I₁(2)/I₀(2), and the spread of a cosine is below 1
    assert!((mean - 0.697_774_657_964_008).abs() < 5.0 / (N as f64 / 4.0).sqrt(), "{mean}");
    for (df, nonc) in [(3.0, 2.0), (0.5, 2.0), (0.5, 0.0)] {
        let variance = 2.0 * (df + 2.0 * nonc);
        let fourth = 3.0 * variance * variance + 48.0 * (df + 4.0 * nonc);
        check_moments(&drawn(Law::NoncentralChisquare, [df, nonc, 0.0]), df + nonc, variance, fourth);
    }
    let (mean, _) = moments(&drawn(Law::NoncentralF, [3.0, 20.0, 2.0]));
    let want = 20.0 * (3.0 + 2.0) / (3.0 * 18.0);
    assert!((mean - want).abs() < 0.02, "{mean}, expected {want}");
}

/// χ² of how often each whole number came against `chance`, of those that are expected 20 times or more, and the rest.
fn check_counts(law: Law, parameters: [f64; 3], first: u64, chance: impl Fn(u64) -> f64) {
    let values = drawn(law, parameters);
    let n = values.len() as f64;
    let (mut chi, mut cells, mut left, mut seen) = (0.0, 0.0, n, n);
    for k in first.. {
        let want = n * chance(k);
        if want < 20.0 && (k as f64) > values.iter().sum::<f64>() / n {
            break;
        }
        if want < 20.0 {
            continue;
        }
        let got = values.iter().filter(|v| **v == k as f64).count() as f64;
        chi += (got - want) * (got - want) / want;
        (cells, left, seen) = (cells + 1.0, left - want, seen - got);
    }
    // of so many degrees of freedom, above this with probability under 1e-5
    let bound = cells + 4.5 * (2.0f64 * cells).sqrt() + 10.0;
    assert!(chi < bound, "{} {parameters:?}: χ² {chi} of {cells} cells", law.name());
    assert!((seen - left).abs() < 6.0 * left.max(1.0).sqrt() + 1.0, "{} {parameters:?}: {seen} in the tail, expected {left}", law.name());
}

fn choose(n: f64, k: f64) -> f64 {
    (0..k as u64).fold(1.0, |product, i| product * (n - i as f64) / (i as f64 + 1.0))
}

#[test]
fn whole_laws_have_their_chances() {
    for p in [0.3, 0.9] {
        check_counts(Law::Binomial, [12.0, p, 0.0], 0, |k| {
            if k > 12 { 0.0 } else { choose(12.0, k as f64) * p.powi(k as i32) * (1.0 - p).powi(12 - k as i32) }
        });
    }
    check_counts(Law::Geometric, [0.3, 0.0, 0.0], 1, |k| 0.3 * 0.7f64.powi(k as i32 - 1));
    check_counts(Law::Hypergeometric, [8.0, 12.0, 7.0], 0, |k| {
        if k > 7 { 0.0 } else { choose(8.0, k as f64) * choose(12.0, 7.0 - k as f64) / choose(20.0, 7.0) }
    });
    check_counts(Law::Logseries, [0.7, 0.0, 0.0], 1, |k| -(0.7f64.powi(k as i32)) / (k as f64 * 0.3f64.ln()));
    check_counts(Law::NegativeBinomial, [2.0, 0.4, 0.0], 0, |k| (k as f64 + 1.0) * 0.16 * 0.6f64.powi(k as i32));
    let zeta = std::f64::consts::PI.powi(4) / 90.0;
    check_counts(Law::Zipf, [4.0, 0.0, 0.0], 1, |k| (k as f64).powi(-4) / zeta);
    assert!(drawn(Law::Binomial, [0.0, 0.5, 0.0]).iter().all(|v| *v == 0.0));
    assert!(drawn(Law::Binomial, [5.0, 1.0, 0.0]).iter().all(|v| *v == 5.0));
    assert!(drawn(Law::NegativeBinomial, [5.0, 1.0, 0.0]).iter().all(|v| *v == 0.0));
    assert!(drawn(Law::Geometric, [1.0, 0.0, 0.0]).iter().all(|v| *v == 1.0));
}

#[test]
fn further_laws_refuse_what_they_do_not_take() {
    for (law, parameters, want) in [
        (Law::Beta, [0.0, 1.0, 0.0], "beta: a is 0, expected > 0"),
        (Law::Binomial, [2.5, 0.5, 0.0], "binomial: n is 2.5, expected a whole number of 0 to 10⁹"),
        (Law::Geometric, [0.0, 0.0, 0.0], "geometric: p is 0, expected more than 0, and 1 at most"),
        (Law::Hypergeometric, [2.0, 3.0, 6.0], "hypergeometric: nsample is 6 of 2 + 3, expected as many at most"),
        (Law::Triangular, [0.0, 2.0, 1.0], "triangular: left is 0, mode 2 and right 1, expected left ≤ mode ≤ right and left < right"),
        (Law::Zipf, [1.0, 0.0, 0.0], "zipf: a is 1, expected > 1"),
        (Law::Gumbel, [f64::NAN, 1.0, 0.0], "gumbel: loc is NaN, expected a finite number"),
    ] {
        assert_eq!(further(law, parameters).validate().unwrap_err(), want);
    }
}
