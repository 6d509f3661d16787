//! Random arrays: one value per element index, the same for any chunking, slice or thread count.

use super::blocks::rows;
use super::composed::composed;
use super::{Array, Chunks, Operand, Shape, elementwise};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, auto_chunks, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::generate::{Generator, Rule};
use flagstone_kernels::random::{Distribution, ElementLaw, Law, Random};
use flagstone_kernels::rows::{Drawn, Rows};
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
    drawn: Draws,
    dtype: DType,
    /// A single value, or as the parameters are, without it.
    shape: Option<Shape>,
    seed: u64,
    stream: u64,
    chunks: Option<Chunks>,
    array: Array,
}

/// What is drawn.
#[derive(Clone, Debug)]
enum Draws {
    /// Values of one distribution.
    Of(Distribution),
    /// A value each of a law with these parameters.
    Each(ElementLaw, Vec<Array>),
}

impl RandomArray {
    #[track_caller]
    fn new(distribution: Distribution) -> RandomArray {
        let whole = match distribution {
            Distribution::Further { law, .. } => law.is_whole(),
            _ => matches!(distribution, Distribution::Integers { .. } | Distribution::Poisson { .. }),
        };
        RandomArray::drawing(Draws::Of(distribution), whole)
    }

    #[track_caller]
    fn drawing(drawn: Draws, whole: bool) -> RandomArray {
        let dtype = if whole { DType::I64 } else { DType::F64 };
        let array = Array::build(|| Err(Error::internal("a random array that was not described")));
        // the standard library's hasher is keyed by the operating system's random numbers
        let seed = std::hash::RandomState::new().build_hasher().finish();
        RandomArray { drawn, dtype, shape: None, seed, stream: 0, chunks: None, array }.built()
    }

    #[track_caller]
    fn built(mut self) -> RandomArray {
        self.array = match &self.drawn {
            Draws::Of(distribution) => Array::build(|| self.expr(*distribution)),
            Draws::Each(law, parameters) => self.each(*law, parameters),
        };
        self
    }

    fn expr(&self, distribution: Distribution) -> Result<Expr> {
        let (name, problem) = check(&distribution, self.dtype);
        if let Some(problem) = problem {
            return Err(Error::bad_request(name, problem));
        }
        let shape = self.shape.as_ref().map_or(Ok(vec![]), |shape| shape.lengths(name))?;
        let chunks = match &self.chunks {
            Some(chunks) => chunks.grid(name, &shape)?,
            None => auto_chunks(&shape),
        };
        let random = Random { distribution, dtype: self.dtype, seed: self.seed, stream: self.stream };
        Node::new(Op::Generate(ops::Generate { generator: Generator { shape, rule: Rule::Random(random) }, chunks }))
    }

    /// A value of `law` for each element that the parameters broadcast to, or that the shape has.
    #[track_caller]
    fn each(&self, law: ElementLaw, parameters: &[Array]) -> Array {
        let (name, this) = (law.full_name(), self.clone());
        composed(name, &parameters.iter().collect::<Vec<_>>(), move |parameters| {
            let problem = check_dtype(law.is_whole(), this.dtype);
            problem.map_or(Ok(()), |problem| Err(Error::bad_request(name, problem)))?;
            let own = parameters.iter().map(Array::shape).collect::<Result<Vec<_>>>()?;
            let common = elementwise::common_shape(name, &own.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
            let shape = this.shape.as_ref().map_or(Ok(common.clone()), |shape| shape.lengths(name))?;
            if elementwise::common_shape(name, &[&common, &shape])? != shape {
                let what = format!("parameters of shape {common:?} for size {shape:?}; expected a size that they broadcast to");
                return Err(Error::bad_request(name, what));
            }
            // rows have an axis at least
            let held = if shape.is_empty() { vec![1] } else { shape.clone() };
            let mut words = integers(0, i64::MAX).shape(held.clone()).seed(this.seed).stream(this.stream);
            if let Some(chunks) = this.chunks.clone().filter(|_| !shape.is_empty()) {
                words = words.chunks(chunks);
            }
            let mut args = vec![words.build().expr()?];
            for parameter in parameters {
                args.push(parameter.astype(DType::F64).broadcast_to(held.clone()).expr()?);
            }
            let drawn = rows::of_elements(Rows::Drawn(Drawn { law, dtype: this.dtype }), &args, this.dtype)?;
            Ok(Array::from_expr(drawn).reshape(shape))
        })
    }

    /// The shape; without it that of the parameters, a single value where those are numbers.
    #[track_caller]
    pub fn shape(mut self, shape: impl Into<Shape>) -> RandomArray {
        self.shape = Some(shape.into());
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
    // what the kernel refuses it would refuse when it runs
    let of_kernel = || {
        let what = Random { distribution: *distribution, dtype, seed: 0, stream: 0 }.validate().err()?;
        Some(what.split_once(": ").map_or(what.clone(), |(_, reason)| reason.to_string()))
    };
    (name, problem.or_else(|| check_dtype(whole, dtype)).or_else(of_kernel))
}

/// What is wrong with the dtype of a law, of `whole` numbers or not.
fn check_dtype(whole: bool, dtype: DType) -> Option<String> {
    let allowed = if whole { dtype.is_integer() } else { matches!(dtype, DType::F32 | DType::F64) };
    let expected = if whole { "an integer dtype" } else { "float32 or float64" };
    (!allowed).then(|| format!("dtype {dtype}; expected {expected}, then .astype"))
}

/// Values of the law that NumPy calls `law` ("gamma", "binomial", …), whose parameters, in NumPy's order, are arrays or numbers that
/// broadcast: each element is drawn with its own. Parameters may be larger than memory. Each element is drawn by itself, from a
/// generator that its word of a random array begins: some 100 ns, where a law of numbers costs a few. Of `normal` and the like it is
/// faster to scale what the law of numbers gives.
///
/// # Errors
/// Those of the arrays, `BadRequest` for a law that is not known, another number of parameters, and a shape that they do not
/// broadcast to. Computing it is an error where a parameter is none that the law takes.
///
/// ```
/// use flagstone::{arange, random};
/// let n = arange(0.0, 100.0, 1.0, None);
/// let x = random::of_parameters("binomial", [n.into(), 1.0.into()]).seed(1);
/// assert_eq!(x.sum(..).item::<i64>().unwrap(), 4950);
/// ```
#[track_caller]
pub fn of_parameters(law: &str, parameters: impl IntoIterator<Item = Operand>) -> RandomArray {
    let as_array = |parameter: Operand| match parameter {
        Operand::Array(array) => array,
        Operand::Scalar(scalar) => super::full((), scalar, DType::F64),
    };
    let parameters: Vec<Array> = parameters.into_iter().map(as_array).collect();
    let known = ElementLaw::of_name(law);
    let problem = match known {
        None => Some(format!("there is no law {law:?}; expected one of NumPy's, as \"gamma\"")),
        Some(law) if law.parameters().len() != parameters.len() => {
            let names: Vec<&str> = law.parameters().iter().map(|parameter| parameter.name).collect();
            Some(format!("{} parameters of {}; expected {}", parameters.len(), law.name(), names.join(", ")))
        }
        Some(_) => None,
    };
    let parameters = match problem {
        Some(what) => vec![Array::build(|| Err(Error::bad_request("random.of_parameters", what)))],
        None => parameters,
    };
    let law = known.unwrap_or(ElementLaw::Normal);
    RandomArray::drawing(Draws::Each(law, parameters), law.is_whole())
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
