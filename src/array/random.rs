//! Random arrays: one value per element index, the same for any chunking, slice or thread count.

use super::{Array, Chunks, Operand, Shape};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, auto_chunks, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::generate::{Generator, Rule};
use flagstone_kernels::random::{Distribution, Law, Random};
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;

/// A random array being described. It is an array at any time: every method of [`Array`] works on it.
///
/// ```
/// use flagstone::{idx, random};
/// let x = random::normal(10.0, 0.1).shape([20, 30]).seed(0).index(idx![..;10]);
/// assert_eq!(x.shape().unwrap(), [2, 30]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomArray {
    distribution: Distribution,
    dtype: DType,
    shape: Shape,
    seed: u64,
    stream: u64,
    chunks: Option<Chunks>,
    array: Array,
}

impl RandomArray {
    #[track_caller]
    fn new(distribution: Distribution) -> RandomArray {
        let whole = match distribution {
            Distribution::Further { law, .. } => law.is_whole(),
            _ => matches!(distribution, Distribution::Integers { .. } | Distribution::Poisson { .. }),
        };
        let dtype = if whole { DType::I64 } else { DType::F64 };
        let array = Array::build(|| Err(Error::internal("a random array that was not described")));
        // the standard library's hasher is keyed by the operating system's random numbers
        let seed = std::hash::RandomState::new().build_hasher().finish();
        RandomArray { distribution, dtype, shape: Shape(vec![]), seed, stream: 0, chunks: None, array }.built()
    }

    #[track_caller]
    fn built(mut self) -> RandomArray {
        self.array = Array::build(|| self.expr());
        self
    }

    fn expr(&self) -> Result<Expr> {
        let (name, problem) = check(&self.distribution, self.dtype);
        if let Some(problem) = problem {
            return Err(Error::bad_request(name, problem));
        }
        let shape = self.shape.lengths(name)?;
        let chunks = match &self.chunks {
            Some(chunks) => chunks.grid(name, &shape)?,
            None => auto_chunks(&shape),
        };
        let random = Random { distribution: self.distribution, dtype: self.dtype, seed: self.seed, stream: self.stream };
        Node::new(Op::Generate(ops::Generate { generator: Generator { shape, rule: Rule::Random(random) }, chunks }))
    }

    /// The shape; a single value without it.
    #[track_caller]
    pub fn shape(mut self, shape: impl Into<Shape>) -> RandomArray {
        self.shape = shape.into();
        self.built()
    }
    /// The seed; drawn from the operating system without it, and kept.
    #[track_caller]
    pub fn seed(mut self, seed: u64) -> RandomArray {
        self.seed = seed;
        self.built()
    }
    /// Another sequence of the same seed; 0 without it.
    #[track_caller]
    pub fn stream(mut self, stream: u64) -> RandomArray {
        self.stream = stream;
        self.built()
    }
    /// float32 or float64; an integer dtype for integers and poisson.
    #[track_caller]
    pub fn dtype(mut self, dtype: DType) -> RandomArray {
        self.dtype = dtype;
        self.built()
    }
    /// The chunks. They do not change the values.
    #[track_caller]
    pub fn chunks(mut self, chunks: impl Into<Chunks>) -> RandomArray {
        self.chunks = Some(chunks.into());
        self.built()
    }
    /// The array.
    pub fn build(self) -> Array {
        self.array
    }
}

impl Deref for RandomArray {
    type Target = Array;
    fn deref(&self) -> &Array {
        &self.array
    }
}

impl From<RandomArray> for Array {
    fn from(random: RandomArray) -> Array {
        random.array
    }
}

impl From<RandomArray> for Operand {
    fn from(random: RandomArray) -> Operand {
        Operand::Array(random.array)
    }
}

/// NumPy's name of the distribution, and what is wrong with its parameters.
fn check(distribution: &Distribution, dtype: DType) -> (&'static str, Option<String>) {
    let not_negative = |name: &str, value: f64| (value.is_nan() || value < 0.0).then(|| format!("{name} is {value}; expected 0 or more"));
    let (name, problem, whole) = match *distribution {
        Distribution::Uniform { low, high } => {
            let range = (!(high - low).is_finite()).then(|| format!("low {low} and high {high}; expected a finite range"));
            ("random.uniform", range, false)
        }
        Distribution::Integers { low, high } => {
            let fits = |value: i64| super::operand::check_fits("random.integers", Scalar::Int(value), dtype).is_ok();
            let problem = if low >= high {
                Some(format!("low {low} is not below high {high}"))
            } else if dtype.is_integer() && !(fits(low) && fits(high - 1)) {
                Some(format!("{low}..{high} is out of bounds for {dtype}"))
            } else {
                None
            };
            ("random.integers", problem, true)
        }
        Distribution::Normal { scale, .. } => ("random.normal", not_negative("scale", scale), false),
        Distribution::Exponential { scale } => ("random.exponential", not_negative("scale", scale), false),
        Distribution::Lognormal { sigma, .. } => ("random.lognormal", not_negative("sigma", sigma), false),
        Distribution::Gamma { shape, scale } => ("random.gamma", not_negative("shape", shape).or(not_negative("scale", scale)), false),
        Distribution::Poisson { lam } => ("random.poisson", not_negative("lam", lam), true),
        Distribution::Further { law, parameters } => {
            let problem = law.check(parameters).err();
            // the name stands before the message already
            (law.full_name(), problem.map(|what| what.trim_start_matches(law.name()).trim_start_matches(": ").to_string()), law.is_whole())
        }
    };
    let allowed = if whole { dtype.is_integer() } else { matches!(dtype, DType::F32 | DType::F64) };
    let expected = if whole { "an integer dtype" } else { "float32 or float64" };
    (name, problem.or_else(|| (!allowed).then(|| format!("dtype {dtype}; expected {expected}, then .astype"))))
}

macro_rules! distributions {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $t:ty),*) => $distribution:expr, $example:literal;)*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n\n```\nlet x = flagstone::random::", $example, ".shape([2, 3]).seed(1);\nassert_eq!(x.ndim().unwrap(), 2);\n```")]
        #[track_caller]
        pub fn $name($($arg: $t),*) -> RandomArray {
            RandomArray::new($distribution)
        }
    )* };
}

distributions! {
    /// Uniform in [0, 1).
    random() => Distribution::Uniform { low: 0.0, high: 1.0 }, "random()";
    /// Uniform in [low, high).
    uniform(low: f64, high: f64) => Distribution::Uniform { low, high }, "uniform(-1.0, 1.0)";
    /// Normal with mean 0 and deviation 1.
    standard_normal() => Distribution::Normal { loc: 0.0, scale: 1.0 }, "standard_normal()";
    /// Normal with mean `loc` and deviation `scale`.
    normal(loc: f64, scale: f64) => Distribution::Normal { loc, scale }, "normal(10.0, 0.1)";
    /// Integers in [low, high).
    integers(low: i64, high: i64) => Distribution::Integers { low, high }, "integers(0, 10)";
    /// Exponential with mean `scale`.
    exponential(scale: f64) => Distribution::Exponential { scale }, "exponential(1.0)";
    /// e to a normal value.
    lognormal(mean: f64, sigma: f64) => Distribution::Lognormal { mean, sigma }, "lognormal(0.0, 1.0)";
    /// Gamma of a shape and a scale.
    gamma(shape: f64, scale: f64) => Distribution::Gamma { shape, scale }, "gamma(2.0, 1.0)";
    /// Poisson with mean `lam`.
    poisson(lam: f64) => Distribution::Poisson { lam }, "poisson(3.0)";
}

/// A law of NumPy's by its parameters, those that are missing being 0.
#[track_caller]
pub(super) fn of_law(law: Law, values: &[f64]) -> RandomArray {
    let parameters = std::array::from_fn(|i| values.get(i).copied().unwrap_or(0.0));
    RandomArray::new(Distribution::Further { law, parameters })
}

macro_rules! further {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*) => $law:ident, $example:literal;)*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n\n```\nlet x = flagstone::random::", $example, ".shape([2, 3]).seed(1);\nassert_eq!(x.ndim().unwrap(), 2);\n```")]
        #[track_caller]
        pub fn $name($($arg: f64),*) -> RandomArray {
            of_law(Law::$law, &[$($arg),*])
        }
    )* };
}

further! {
    /// Beta of two shapes, in 0 ..= 1.
    beta(a, b) => Beta, "beta(2.0, 3.0)";
    /// Successes among `n` trials that succeed with probability `p`.
    binomial(n, p) => Binomial, "binomial(10.0, 0.3)";
    /// χ² of `df` degrees of freedom.
    chisquare(df) => Chisquare, "chisquare(3.0)";
    /// Fisher's F of two degrees of freedom.
    f(dfnum, dfden) => F, "f(3.0, 5.0)";
    /// Trials until one succeeds with probability `p`, that one included.
    geometric(p) => Geometric, "geometric(0.3)";
    /// Gumbel's law of the largest value.
    gumbel(loc, scale) => Gumbel, "gumbel(0.0, 1.0)";
    /// The good among `nsample` that are taken from `ngood` good and `nbad` bad ones.
    hypergeometric(ngood, nbad, nsample) => Hypergeometric, "hypergeometric(5.0, 6.0, 4.0)";
    /// Laplace's law, exponential to both sides of `loc`.
    laplace(loc, scale) => Laplace, "laplace(0.0, 1.0)";
    /// The logistic law.
    logistic(loc, scale) => Logistic, "logistic(0.0, 1.0)";
    /// The logarithmic law, k with probability in proportion to pᵏ/k.
    logseries(p) => Logseries, "logseries(0.6)";
    /// Failures before the `n`-th success with probability `p`; `n` need not be whole.
    negative_binomial(n, p) => NegativeBinomial, "negative_binomial(3.0, 0.4)";
    /// χ² of `df` degrees of freedom about a mean off by `nonc`.
    noncentral_chisquare(df, nonc) => NoncentralChisquare, "noncentral_chisquare(3.0, 2.0)";
    /// F of two degrees of freedom, the first χ² off by `nonc`.
    noncentral_f(dfnum, dfden, nonc) => NoncentralF, "noncentral_f(3.0, 5.0, 2.0)";
    /// Pareto's second law (Lomax), from 0.
    pareto(a) => Pareto, "pareto(3.0)";
    /// u to the power 1/`a`, u uniform.
    power(a) => Power, "power(3.0)";
    /// The length of a vector of two normal components.
    rayleigh(scale) => Rayleigh, "rayleigh(1.0)";
    /// Cauchy's law about 0.
    standard_cauchy() => StandardCauchy, "standard_cauchy()";
    /// Student's t of `df` degrees of freedom.
    standard_t(df) => StandardT, "standard_t(4.0)";
    /// A triangle from `left` over `mode` to `right`.
    triangular(left, mode, right) => Triangular, "triangular(0.0, 1.0, 3.0)";
    /// Von Mises' law of angles in −π ..= π.
    vonmises(mu, kappa) => Vonmises, "vonmises(0.0, 4.0)";
    /// Wald's inverse Gaussian law.
    wald(mean, scale) => Wald, "wald(1.0, 2.0)";
    /// Weibull's law of scale 1.
    weibull(a) => Weibull, "weibull(1.5)";
    /// Zipf's law, k with probability in proportion to k⁻ᵃ.
    zipf(a) => Zipf, "zipf(2.5)";
}
