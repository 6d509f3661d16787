//! NumPy's further laws: their names, parameters and bounds in one table, and how a value of each is drawn from the
//! generator of a run. What rand_distr has is drawn by it.

use super::run_rng::RunRng;
use rand::Rng;
use rand_distr::{Distribution as _, Exp1, Open01, StandardNormal, StandardUniform};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Any finite number.
    Finite,
    /// ≥ 0.
    NotNegative,
    /// > 0.
    Positive,
    /// > 1.
    OverOne,
    /// In 0 ..= 1.
    Probability,
    /// In (0, 1].
    PositiveProbability,
    /// In [0, 1).
    UnderOne,
    /// A whole number of 0 ..= 10⁹.
    Count,
}

impl Bound {
    /// What is wrong with `value`.
    fn refuses(self, value: f64) -> Option<&'static str> {
        let (holds, what) = match self {
            Bound::Finite => (true, ""),
            Bound::NotNegative => (value >= 0.0, "≥ 0"),
            Bound::Positive => (value > 0.0, "> 0"),
            Bound::OverOne => (value > 1.0, "> 1"),
            Bound::Probability => ((0.0..=1.0).contains(&value), "0 to 1"),
            Bound::PositiveProbability => (value > 0.0 && value <= 1.0, "more than 0, and 1 at most"),
            Bound::UnderOne => ((0.0..1.0).contains(&value), "0 or more, and less than 1"),
            Bound::Count => ((0.0..=1e9).contains(&value) && value.fract() == 0.0, "a whole number of 0 to 10⁹"),
        };
        if !value.is_finite() { Some("a finite number") } else { (!holds).then_some(what) }
    }
}

/// A parameter of a law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// NumPy's name.
    pub name: &'static str,
    /// What it may be.
    pub bound: Bound,
}

impl Parameter {
    /// Whether the parameter of the law `name` may be `value`.
    pub(super) fn check(&self, name: &str, value: f64) -> Result<(), String> {
        match self.bound.refuses(value) {
            Some(expected) => Err(format!("{name}: {} is {value}, expected {expected}", self.name)),
            None => Ok(()),
        }
    }
}

macro_rules! laws {
    ($($law:ident $name:literal $whole:literal [$($p:literal $bound:ident),*];)*) => {
        /// A law of NumPy's beside those that have code of their own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "the variants are NumPy's laws")]
        pub enum Law { $($law),* }

        impl Law {
            /// Every law.
            pub const ALL: &'static [Law] = &[$(Law::$law),*];
            /// NumPy's name, as it is called.
            pub const fn full_name(self) -> &'static str {
                match self { $(Law::$law => concat!("random.", $name)),* }
            }
            /// NumPy's name.
            pub const fn name(self) -> &'static str {
                match self { $(Law::$law => $name),* }
            }
            /// Whether its values are whole numbers.
            pub const fn is_whole(self) -> bool {
                match self { $(Law::$law => $whole),* }
            }
            /// Its parameters in NumPy's order.
            pub const fn parameters(self) -> &'static [Parameter] {
                match self { $(Law::$law => &[$(Parameter { name: $p, bound: Bound::$bound }),*]),* }
            }
        }
    };
}

laws! {
    Beta "beta" false ["a" Positive, "b" Positive];
    Binomial "binomial" true ["n" Count, "p" Probability];
    Chisquare "chisquare" false ["df" Positive];
    F "f" false ["dfnum" Positive, "dfden" Positive];
    Geometric "geometric" true ["p" PositiveProbability];
    Gumbel "gumbel" false ["loc" Finite, "scale" NotNegative];
    Hypergeometric "hypergeometric" true ["ngood" Count, "nbad" Count, "nsample" Count];
    Laplace "laplace" false ["loc" Finite, "scale" NotNegative];
    Logistic "logistic" false ["loc" Finite, "scale" NotNegative];
    Logseries "logseries" true ["p" UnderOne];
    NegativeBinomial "negative_binomial" true ["n" Positive, "p" PositiveProbability];
    NoncentralChisquare "noncentral_chisquare" false ["df" Positive, "nonc" NotNegative];
    NoncentralF "noncentral_f" false ["dfnum" Positive, "dfden" Positive, "nonc" NotNegative];
    Pareto "pareto" false ["a" Positive];
    Power "power" false ["a" Positive];
    Rayleigh "rayleigh" false ["scale" NotNegative];
    StandardCauchy "standard_cauchy" false [];
    StandardT "standard_t" false ["df" Positive];
    Triangular "triangular" false ["left" Finite, "mode" Finite, "right" Finite];
    Vonmises "vonmises" false ["mu" Finite, "kappa" NotNegative];
    Wald "wald" false ["mean" Positive, "scale" Positive];
    Weibull "weibull" false ["a" NotNegative];
    Zipf "zipf" true ["a" OverOne];
}

/// Draws one value.
pub(super) type Draw = Box<dyn Fn(&mut RunRng<'_>) -> f64>;

impl Law {
    /// Whether the parameters are what the law takes.
    ///
    /// # Errors
    /// A sentence with the parameter, what was given and what is expected.
    pub fn check(self, values: [f64; 3]) -> Result<(), String> {
        self.check_sizes(values)?;
        self.draw(values).map(|_| ())
    }

    /// As [`Law::check`], but for what is found out when it draws.
    pub(super) fn check_sizes(self, values: [f64; 3]) -> Result<(), String> {
        let name = self.name();
        for (parameter, value) in self.parameters().iter().zip(values) {
            parameter.check(name, value)?;
        }
        match (self, values) {
            (Law::Triangular, [left, mode, right]) if !(left <= mode && mode <= right && left < right) => {
                Err(format!("{name}: left is {left}, mode {mode} and right {right}, expected left ≤ mode ≤ right and left < right"))
            }
            (Law::Hypergeometric, [good, bad, sample]) if sample > good + bad => {
                Err(format!("{name}: nsample is {sample} of {good} + {bad}, expected as many at most"))
            }
            _ => Ok(()),
        }
    }

    /// What draws its values.
    pub(super) fn draw(self, [a, b, c]: [f64; 3]) -> Result<Draw, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", self.name());
        macro_rules! of {
            ($law:expr) => {{
                let law = $law.map_err(|error| failed(&error))?;
                Box::new(move |rng: &mut RunRng<'_>| law.sample(rng) as f64)
            }};
        }
        Ok(match self {
            Law::Beta => of!(rand_distr::Beta::new(a, b)),
            Law::Binomial => of!(rand_distr::Binomial::new(a as u64, b)),
            Law::Chisquare => of!(rand_distr::ChiSquared::new(a)),
            Law::F => of!(rand_distr::FisherF::new(a, b)),
            // NumPy counts the trials, not the failures before the last one
            Law::Geometric => {
                let law = rand_distr::Geometric::new(a).map_err(|error| failed(&error))?;
                Box::new(move |rng| law.sample(rng) as f64 + 1.0)
            }
            Law::Gumbel => Box::new(move |rng| a - b * exponential(rng).ln()),
            Law::Hypergeometric => of!(rand_distr::Hypergeometric::new((a + b) as u64, a as u64, c as u64)),
            Law::Laplace => Box::new(move |rng| {
                let size = b * exponential(rng);
                if uniform(rng) < 0.5 { a - size } else { a + size }
            }),
            Law::Logistic => Box::new(move |rng| {
                let u = open(rng);
                a + b * (u / (1.0 - u)).ln()
            }),
            Law::Logseries => Box::new(move |rng| logseries(rng, a)),
            Law::NegativeBinomial if b == 1.0 => Box::new(|_| 0.0),
            Law::NegativeBinomial => {
                let rate = rand_distr::Gamma::new(a, (1.0 - b) / b).map_err(|error| failed(&error))?;
                Box::new(move |rng| {
                    let rate = rate.sample(rng);
                    poisson(rng, rate)
                })
            }
            Law::NoncentralChisquare => {
                let law = Noncentral::new(a, b).map_err(|error| failed(&error))?;
                Box::new(move |rng| law.sample(rng))
            }
            Law::NoncentralF => {
                let above = Noncentral::new(a, c).map_err(|error| failed(&error))?;
                let below = rand_distr::ChiSquared::new(b).map_err(|error| failed(&error))?;
                Box::new(move |rng| above.sample(rng) * b / (below.sample(rng) * a))
            }
            Law::Pareto => Box::new(move |rng| (exponential(rng) / a).exp_m1()),
            Law::Power => Box::new(move |rng| open(rng).powf(1.0 / a)),
            Law::Rayleigh => Box::new(move |rng| a * (2.0 * exponential(rng)).sqrt()),
            Law::StandardCauchy => Box::new(|rng| (PI * (open(rng) - 0.5)).tan()),
            Law::StandardT => of!(rand_distr::StudentT::new(a)),
            Law::Triangular => Box::new(move |rng| {
                let u = uniform(rng);
                let whole = c - a;
                let turn = (b - a) / whole;
                if u <= turn { a + (u * whole * (b - a)).sqrt() } else { c - ((1.0 - u) * whole * (c - b)).sqrt() }
            }),
            Law::Vonmises => Box::new(move |rng| vonmises(rng, a, b)),
            Law::Wald => of!(rand_distr::InverseGaussian::new(a, b)),
            Law::Weibull if a == 0.0 => Box::new(|_| 0.0),
            Law::Weibull => Box::new(move |rng| exponential(rng).powf(1.0 / a)),
            Law::Zipf => of!(rand_distr::Zeta::new(a)),
        })
    }
}

fn uniform(rng: &mut impl Rng) -> f64 {
    StandardUniform.sample(rng)
}

fn open(rng: &mut impl Rng) -> f64 {
    Open01.sample(rng)
}

fn exponential(rng: &mut impl Rng) -> f64 {
    Exp1.sample(rng)
}

fn poisson(rng: &mut impl Rng, rate: f64) -> f64 {
    // a rate that no Poisson law has is 0, or so large that its values are it
    rand_distr::Poisson::new(rate).map_or(if rate > 0.0 { rate.floor() } else { 0.0 }, |law| law.sample(rng))
}

/// χ² of a normal vector of which one component is off by √nonc.
struct Noncentral {
    df: f64,
    nonc: f64,
    /// Of one degree less, where there is more than one.
    rest: Option<rand_distr::ChiSquared<f64>>,
}

impl Noncentral {
    fn new(df: f64, nonc: f64) -> Result<Noncentral, rand_distr::ChiSquaredError> {
        let rest = if df > 1.0 { Some(rand_distr::ChiSquared::new(df - 1.0)?) } else { None };
        Ok(Noncentral { df, nonc, rest })
    }

    fn sample(&self, rng: &mut RunRng<'_>) -> f64 {
        let of = |df: f64, rng: &mut RunRng<'_>| rand_distr::ChiSquared::new(df).map_or(0.0, |law| law.sample(rng));
        match &self.rest {
            Some(rest) => {
                let normal: f64 = StandardNormal.sample(rng);
                let off = normal + self.nonc.sqrt();
                rest.sample(rng) + off * off
            }
            None if self.nonc == 0.0 => of(self.df, rng),
            None => {
                let more = poisson(rng, self.nonc / 2.0);
                of(self.df + 2.0 * more, rng)
            }
        }
    }
}

/// Source: Kemp, *Efficient generation of logarithmically distributed pseudo-random variables*, Applied Statistics 30 (1981).
fn logseries(rng: &mut RunRng<'_>, p: f64) -> f64 {
    let slope = (-p).ln_1p();
    loop {
        let v = uniform(rng);
        if v >= p {
            return 1.0;
        }
        let q = -(slope * uniform(rng)).exp_m1();
        if v <= q * q {
            let drawn = (1.0 + v.ln() / q.ln()).floor();
            if drawn >= 1.0 && v > 0.0 {
                return drawn;
            }
            continue;
        }
        return if v >= q { 1.0 } else { 2.0 };
    }
}

/// Source: Best & Fisher, *Efficient simulation of the von Mises distribution*, Applied Statistics 28 (1979).
fn vonmises(rng: &mut RunRng<'_>, mu: f64, kappa: f64) -> f64 {
    let around = |angle: f64| (angle + PI).rem_euclid(2.0 * PI) - PI;
    if kappa < 1e-8 {
        return around(mu + PI * (2.0 * uniform(rng) - 1.0));
    }
    if kappa > 1e6 {
        let normal: f64 = StandardNormal.sample(rng);
        return around(mu + normal / kappa.sqrt());
    }
    // where kappa is small the general form cancels
    let s = match kappa < 1e-5 {
        true => 1.0 / kappa + kappa,
        false => {
            let r = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
            let rho = (r - (2.0 * r).sqrt()) / (2.0 * kappa);
            (1.0 + rho * rho) / (2.0 * rho)
        }
    };
    loop {
        let z = (PI * uniform(rng)).cos();
        let w = (1.0 + s * z) / (s + z);
        let y = kappa * (s - w);
        let v = open(rng);
        if y * (2.0 - y) - v >= 0.0 || (y / v).ln() + 1.0 - y >= 0.0 {
            let angle = w.clamp(-1.0, 1.0).acos();
            return around(if uniform(rng) < 0.5 { mu - angle } else { mu + angle });
        }
    }
}
