//! The rows of `random.*` in the table of what users can call by NumPy's names.

use super::composed::composed;
use super::random::{self, RandomArray};
use super::random_order::Order;
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Index, Operand, arange, args, elementwise, stack};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use flagstone_kernels::random::Law;

type Called = Result<Value>;

/// The distribution's parameters, then size; seed, dtype, chunks and stream by name.
macro_rules! drawn {
    ($name:literal [$($p:literal $(= $d:literal)?),*] $n:literal $doc:literal, $make:expr) => {
        sig!($name [$($p $(= $d)?,)* "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"] $doc, |a| {
            let make: fn(&[Value]) -> Result<RandomArray> = $make;
            described($name, make(a)?, &a[$n..])
        })
    };
}
/// A law of a place and a size, which may be arrays: they move and stretch the law of place 0 and size 1.
macro_rules! placed {
    ($name:literal $p:literal $q:literal $doc:literal, $make:ident, $standard:ident, $end:expr) => {
        sig!($name [$p = "0.0", $q = "1.0", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"] $doc, |a| {
            match numbers($name, &a[..2])? {
                Some(given) => described($name, random::$make(given[0], given[1]), &a[2..]),
                None => moved($name, random::$standard(0.0, 1.0), &a[0], ($q, &a[1]), &a[2..], $end),
            }
        })
    };
}
/// One of the further laws.
macro_rules! further {
    ($name:literal [$($p:literal $(= $d:literal)?),*] $n:literal $law:ident $doc:literal) => {
        drawn!($name [$($p $(= $d)?),*] $n $doc, |a| of_law(Law::$law, &a[..$n]))
    };
}

/// Random arrays.
pub(super) static SIGNATURES: &[Signature] = &[
    drawn!("random.random" [] 0 "Uniform in [0, 1).", |_| Ok(random::random())),
    drawn!("random.random_sample" [] 0 "Uniform in [0, 1).", |_| Ok(random::random())),
    drawn!("random.ranf" [] 0 "Uniform in [0, 1).", |_| Ok(random::random())),
    drawn!("random.sample" [] 0 "Uniform in [0, 1).", |_| Ok(random::random())),
    sig!("random.rand" ["*d"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"] "Uniform in [0, 1), of a shape.",
        |a| described("random.rand", random::random(), a)),
    sig!("random.randn" ["*d"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"] "Normal, of a shape.",
        |a| described("random.randn", random::standard_normal(), a)),
    drawn!("random.standard_normal" [] 0 "Normal, mean 0, deviation 1.", |_| Ok(random::standard_normal())),
    drawn!("random.standard_exponential" [] 0 "Exponential, mean 1.", |_| Ok(random::exponential(1.0))),
    drawn!("random.standard_gamma" ["shape"] 1 "Gamma, scale 1.", |a| {
        match numbers("random.standard_gamma", &a[..1])? {
            Some(given) => Ok(random::gamma(given[0], 1.0)),
            None => of_parameters("gamma", &[a[0].clone(), Value::Scalar(Scalar::Float(1.0))]),
        }
    }),
    sig!("random.uniform" ["low" = "0.0", "high" = "1.0", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Uniform in [low, high); the bounds may be arrays.", |a| uniform(a)),
    placed!("random.normal" "loc" "scale" "Normal; the parameters may be arrays.", normal, normal, Array::clone),
    placed!("random.lognormal" "mean" "sigma" "e to a normal value; the parameters may be arrays.", lognormal, normal, Array::exp),
    placed!("random.laplace" "loc" "scale" "Laplace; the parameters may be arrays.", laplace, laplace, Array::clone),
    placed!("random.logistic" "loc" "scale" "Logistic; the parameters may be arrays.", logistic, logistic, Array::clone),
    placed!("random.gumbel" "loc" "scale" "Gumbel; the parameters may be arrays.", gumbel, gumbel, Array::clone),
    drawn!("random.gamma" ["shape", "scale" = "1.0"] 2 "Gamma.", |a| {
        match numbers("random.gamma", &a[..2])? {
            Some(given) => Ok(random::gamma(given[0], given[1])),
            None => of_parameters("gamma", &a[..2]),
        }
    }),
    sig!("random.exponential" ["scale" = "1.0", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Exponential; the scale may be an array.", |a| scaled("random.exponential", a, random::exponential)),
    sig!("random.rayleigh" ["scale" = "1.0", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Rayleigh; the scale may be an array.", |a| scaled("random.rayleigh", a, random::rayleigh)),
    drawn!("random.poisson" ["lam" = "1.0"] 1 "Poisson.", |a| {
        match numbers("random.poisson", &a[..1])? {
            Some(given) => Ok(random::poisson(given[0])),
            None => of_parameters("poisson", &a[..1]),
        }
    }),
    drawn!("random.randint" ["low", "high" = "None"] 2 "Integers in [low, high).", |a| integers("random.randint", &a[0], &a[1], false)),
    sig!("random.integers" ["low", "high" = "None", "size" = "None", "dtype" = "None", "endpoint" = "False"; "seed" = "None", "chunks" = "None", "stream" = "0"]
    "Integers in [low, high).", |a| {
        let name = "random.integers";
        let (endpoint, rest) = (args::boolean(name, &a[4])?, [a[2].clone(), a[5].clone(), a[3].clone(), a[6].clone(), a[7].clone()]);
        if has_axes(&a[0])? || has_axes(&a[1])? {
            return integers_between(name, &a[0], &a[1], endpoint, &rest);
        }
        described(name, integers(name, &a[0], &a[1], endpoint)?, &rest)
    }),
    sig!("random.choice" ["a", "size" = "None", "replace" = "True", "p" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Integers below a, drawn with replacement.", |a| choice(a)),
    sig!("random.permutation" ["x", "axis" = "0"; "seed" = "None", "chunks" = "None", "stream" = "0"]
        "The numbers below x, or the slices of x along an axis, in a random order.", |a| permutation("random.permutation", a)),
    sig!("random.shuffle" ["x", "axis" = "0"; "seed" = "None", "chunks" = "None", "stream" = "0"]
        "The slices of x along an axis in a random order, as a new array.", |a| permutation("random.shuffle", a)),
    sig!("random.permuted" ["x", "axis" = "None"; "seed" = "None", "chunks" = "None", "stream" = "0"]
        "The elements of each lane in an order of its own.", |a| permuted(a)),
    sig!("random.random_integers" ["low", "high" = "None", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Integers in [low, high], from 1 where only one is given.", |a| random_integers(a)),
    drawn!("random.tomaxint" [] 0 "Integers from 0 to 2⁶³ − 2.", |_| Ok(random::integers(0, i64::MAX))),
    further!("random.beta" ["a", "b"] 2 Beta "Beta."),
    further!("random.binomial" ["n", "p"] 2 Binomial "Successes among n trials."),
    further!("random.chisquare" ["df"] 1 Chisquare "χ²."),
    further!("random.f" ["dfnum", "dfden"] 2 F "Fisher's F."),
    further!("random.geometric" ["p"] 1 Geometric "Trials until one succeeds."),
    further!("random.hypergeometric" ["ngood", "nbad", "nsample"] 3 Hypergeometric "The good ones in a sample."),
    further!("random.logseries" ["p"] 1 Logseries "Logarithmic."),
    further!("random.negative_binomial" ["n", "p"] 2 NegativeBinomial "Failures before the n-th success."),
    further!("random.noncentral_chisquare" ["df", "nonc"] 2 NoncentralChisquare "χ² about another mean."),
    further!("random.noncentral_f" ["dfnum", "dfden", "nonc"] 3 NoncentralF "F about another mean."),
    further!("random.pareto" ["a"] 1 Pareto "Pareto, from 0."),
    further!("random.power" ["a"] 1 Power "u to the power 1/a."),
    further!("random.standard_cauchy" [] 0 StandardCauchy "Cauchy."),
    further!("random.standard_t" ["df"] 1 StandardT "Student's t."),
    further!("random.triangular" ["left", "mode", "right"] 3 Triangular "Triangular."),
    further!("random.vonmises" ["mu", "kappa"] 2 Vonmises "Von Mises' law of angles."),
    further!("random.wald" ["mean", "scale"] 2 Wald "Wald, inverse Gaussian."),
    further!("random.weibull" ["a"] 1 Weibull "Weibull, scale 1."),
    further!("random.zipf" ["a"] 1 Zipf "Zipf."),
    sig!("random.dirichlet" ["alpha", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Shares that add up to 1, along the last axis.", |a| dirichlet(a)),
    sig!("random.multinomial" ["n", "pvals", "size" = "None"; "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "How often each outcome comes up in n trials, along the last axis.", |a| multinomial(a)),
    sig!("random.multivariate_hypergeometric" ["colors", "nsample", "size" = "None", "method" = "'marginals'";
        "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "How many of each colour are in a sample, along the last axis.", |a| multivariate_hypergeometric(a)),
    sig!("random.multivariate_normal" ["mean", "cov", "size" = "None", "check_valid" = "'warn'", "tol" = "1e-08";
        "method" = "'cholesky'", "seed" = "None", "dtype" = "None", "chunks" = "None", "stream" = "0"]
        "Normal vectors, along the last axis.", |a| multivariate_normal(a)),
];

fn given(array: Array) -> Called {
    Ok(Value::Array(array))
}

/// A size as lengths.
fn lengths(name: &str, size: &Value) -> Result<Vec<u64>> {
    args::shape(name, size)?.lengths(name)
}

/// A list of numbers.
fn floats(name: &str, value: &Value) -> Result<Vec<f64>> {
    match value {
        Value::List(items) | Value::Tuple(items) => items.iter().map(|item| args::float(name, item)).collect(),
        one => args::float(name, one).map(|one| vec![one]),
    }
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::None)
}

fn of_law(law: Law, values: &[Value]) -> Result<RandomArray> {
    match numbers(law.full_name(), values)? {
        Some(given) => Ok(random::of_law(law, &given)),
        None => of_parameters(law.name(), values),
    }
}

/// A law of which some parameters are arrays.
fn of_parameters(law: &str, values: &[Value]) -> Result<RandomArray> {
    let parameters = values.iter().map(|value| operand(law, value)).collect::<Result<Vec<_>>>()?;
    Ok(random::of_parameters(law, parameters))
}

/// A number, an array, or an array of what a list holds.
fn operand(name: &str, value: &Value) -> Result<Operand> {
    match value {
        Value::List(_) | Value::Tuple(_) => args::array(name, value).map(Operand::Array),
        value => args::operand(name, value),
    }
}

/// The parameters as numbers, where all are.
fn numbers(name: &str, values: &[Value]) -> Result<Option<Vec<f64>>> {
    match values.iter().any(|value| matches!(value, Value::Array(_) | Value::List(_) | Value::Tuple(_))) {
        true => Ok(None),
        false => values.iter().map(|value| args::float(name, value)).collect::<Result<_>>().map(Some),
    }
}

fn integers(name: &str, low: &Value, high: &Value, endpoint: bool) -> Result<RandomArray> {
    let (low, high) = if is_none(high) { (0, args::integer(name, low)?) } else { (args::integer(name, low)?, args::integer(name, high)?) };
    let too_high = || Error::unsupported(name, "a high of 2⁶³ − 1 with endpoint");
    let high = if endpoint { high.checked_add(1).ok_or_else(too_high)? } else { high };
    Ok(random::integers(low, high))
}

/// Whether it is an array that is no number.
fn has_axes(value: &Value) -> Result<bool> {
    match value {
        Value::Array(array) => Ok(array.ndim()? > 0),
        Value::Tuple(_) | Value::List(_) => Ok(true),
        _ => Ok(false),
    }
}

/// Integers between bounds that are arrays: what is left of 63 random bits by the distance of the bounds, which none is nearer than
/// 2⁻⁶³ times that distance to being as likely as another. `rest` is `[size, seed, dtype, chunks, stream]`.
fn integers_between(name: &str, low: &Value, high: &Value, endpoint: bool, rest: &[Value]) -> Called {
    let bound = |value: &Value| {
        let bound = args::array(name, value)?;
        match bound.dtype()? {
            dtype if dtype.is_integer() || dtype == DType::Bool => Ok(bound.astype(DType::I64)),
            dtype => Err(Error::bad_type(name, format!("bounds of {dtype}; expected integers"))),
        }
    };
    let (low, high) =
        if is_none(high) { (crate::array::zeros(Vec::<u64>::new(), DType::I64), bound(low)?) } else { (bound(low)?, bound(high)?) };
    let distance = if endpoint { &high - &low + 1 } else { &high - &low };
    let distance = distance.required(
        name,
        &distance.gt(0),
        "a high bound that is not above the low one; expected low < high, or low ≤ high with endpoint",
    )?;
    let common = elementwise::common_shape(name, &[&low.shape()?, &high.shape()?])?;
    let mut words = [rest[0].clone(), rest[1].clone(), Value::None, rest[3].clone(), rest[4].clone()];
    if is_none(&words[0]) {
        words[0] = Value::Tuple(common.iter().map(|&n| Value::Scalar(Scalar::Int(n as i64))).collect());
    }
    let Value::Array(words) = described(name, random::integers(0, i64::MAX), &words)? else {
        return Err(Error::internal("a random array that is none"));
    };
    let shape = words.shape()?;
    if elementwise::common_shape(name, &[&common, &shape])? != shape {
        let what = format!("bounds of shape {common:?} for size {shape:?}; expected a size that they broadcast to");
        return Err(Error::bad_request(name, what));
    }
    let Some(dtype) = args::dtype(name, &rest[2])? else { return Ok(Value::Array(low + words % distance)) };
    if !dtype.is_integer() && dtype != DType::Bool {
        return Err(Error::bad_type(name, format!("{dtype}; expected an integer dtype")));
    }
    let top = &low + &distance - 1;
    let holds = |x: &Array| {
        let kept = x.astype(dtype).astype(DType::I64).eq(x);
        if dtype.kind() == Kind::Unsigned { kept.logical_and(x.ge(0)) } else { kept }
    };
    let low = low.required(name, &holds(&low).logical_and(holds(&top)), &format!("a bound that {dtype} does not hold"))?;
    Ok(Value::Array((low + words % distance).astype(dtype)))
}

/// `[size, seed, dtype, chunks, stream]` applied.
fn described(name: &str, mut random: RandomArray, a: &[Value]) -> Called {
    if !is_none(&a[0]) {
        random = random.shape(args::shape(name, &a[0])?);
    }
    if !is_none(&a[1]) {
        random = random.seed(args::natural(name, &a[1])?);
    }
    if let Some(dtype) = args::dtype(name, &a[2])? {
        random = random.dtype(dtype);
    }
    if !is_none(&a[3]) {
        random = random.chunks(args::chunks(name, &a[3])?);
    }
    given(random.stream(args::natural(name, &a[4])?).build())
}

/// `standard · scale + loc` of the shape that all three broadcast to, and what the scale is called, which is not negative; `rest` is
/// `[size, seed, dtype, chunks, stream]`.
fn moved(
    name: &str,
    standard: RandomArray,
    loc: &Value,
    (called, scale): (&str, &Value),
    rest: &[Value],
    end: fn(&Array) -> Array,
) -> Called {
    let (loc, scale) = (args::operand(name, loc)?, args::array(name, scale)?);
    let scale: Operand = scale.required(name, &scale.lt(0).logical_not(), &format!("{called} is negative; expected 0 or more"))?.into();
    let shape = |operand: &Operand| if let Operand::Array(array) = operand { array.shape() } else { Ok(vec![]) };
    let common = elementwise::common_shape(name, &[&shape(&loc)?, &shape(&scale)?])?;
    let size = Value::Tuple(common.iter().map(|&n| Value::Scalar(Scalar::Int(n as i64))).collect());
    let mut rest = rest.to_vec();
    if is_none(&rest[0]) {
        rest[0] = size;
    }
    let Value::Array(standard) = described(name, standard, &rest)? else { return Err(Error::internal("a random array that is none")) };
    if elementwise::common_shape(name, &[&common, &standard.shape()?])? != standard.shape()? {
        let what = format!("parameters of shape {common:?} for size {:?}; expected a size that they broadcast to", standard.shape()?);
        return Err(Error::bad_request(name, what));
    }
    let dtype = standard.dtype()?;
    given(end(&(standard * scale + loc)).astype(dtype))
}

/// (low, high, size, …).
fn uniform(a: &[Value]) -> Called {
    let name = "random.uniform";
    if let Some(bounds) = numbers(name, &a[..2])? {
        return described(name, random::uniform(bounds[0], bounds[1]), &a[2..]);
    }
    let low = args::array(name, &a[0])?;
    let width = args::array(name, &a[1])? - &low;
    moved(name, random::random(), &a[0], ("high - low", &Value::Array(width)), &a[2..], Array::clone)
}

/// (scale, size, …).
fn scaled(name: &str, a: &[Value], make: fn(f64) -> RandomArray) -> Called {
    match numbers(name, &a[..1])? {
        Some(scale) => described(name, make(scale[0]), &a[1..]),
        None => moved(name, make(1.0), &Value::Scalar(Scalar::Float(0.0)), ("scale", &a[0]), &a[1..], Array::clone),
    }
}

/// (a, size, replace, p, seed, dtype, chunks, stream).
fn choice(a: &[Value]) -> Called {
    let name = "random.choice";
    let replace = args::boolean(name, &a[2])?;
    let number = matches!(&a[0], Value::Scalar(_) | Value::Typed(..));
    if replace && number && is_none(&a[3]) {
        return described(name, integers(name, &a[0], &Value::None, false)?, &[&a[1..2], &a[4..]].concat());
    }
    let dtype = args::dtype(name, &a[5])?;
    let of = if number { arange(0, args::integer(name, &a[0])?, 1, None) } else { args::array(name, &a[0])? };
    let chances = if is_none(&a[3]) { None } else { Some(args::array(name, &a[3])?.astype(DType::F64)) };
    let size: Vec<u64> = if is_none(&a[1]) { vec![] } else { lengths(name, &a[1])? };
    if let Value::List(_) | Value::Tuple(_) = &a[3] {
        check_chances(name, &floats(name, &a[3])?, if replace { 1 } else { size.iter().product() })?;
    }
    let how = order(name, &[a[4].clone(), a[6].clone(), a[7].clone()])?;
    let arrays: Vec<&Array> = std::iter::once(&of).chain(&chances).collect();
    let chosen = composed(name, &arrays, move |arrays| {
        let (of, chances) = (&arrays[0], arrays.get(1));
        let [n] = of.shape()?[..] else {
            return Err(Error::bad_request(name, format!("an array of shape {:?} to choose from; expected one axis", of.shape()?)));
        };
        if let Some(shape) = chances.map(Array::shape).transpose()?.filter(|shape| *shape != [n]) {
            return Err(Error::bad_request(name, format!("chances of shape {shape:?} for {n} elements; expected [{n}]")));
        }
        let m = size.iter().try_fold(1u64, |m, &n| m.checked_mul(n)).ok_or_else(|| Error::bad_request(name, "a size beyond 2⁶⁴"))?;
        if n == 0 && m > 0 {
            return Err(Error::bad_request(name, "nothing to choose from; expected an element at least"));
        }
        if !replace && m > n {
            return Err(Error::bad_request(name, format!("{m} of {n} elements, each once at most; expected {n} at most, or replace=True")));
        }
        let places = match (replace, chances) {
            (true, None) => how.random(random::integers(0, n as i64)).shape([m]).build(),
            // where a uniform number falls among the running totals
            (true, Some(chances)) => {
                let totals = chances.cumsum(0);
                let u = how.random(random::random()).shape([m]).build() * totals.index([Index::Int(-1)]);
                totals.searchsorted(&u, true).minimum(n as i64 - 1)
            }
            (false, None) => how.below(n).index([Index::Slice(None, Some(m as i64), None)]),
            // the first of clocks that run as fast as the chances are (Efraimidis and Spirakis, 2006)
            (false, Some(chances)) => {
                let clocks = how.random(random::exponential(1.0)).shape([n]).build() / chances;
                clocks.argsort(0).index([Index::Slice(None, Some(m as i64), None)])
            }
        };
        Ok(of.take(&places, 0).reshape(size.clone()))
    });
    given(dtype.map_or(chosen.clone(), |dtype| chosen.astype(dtype)))
}

/// Chances that add up to 1, of which so many are over 0: those of a list are known before anything is computed.
fn check_chances(name: &str, chances: &[f64], least: u64) -> Result<()> {
    let (sum, some) = (chances.iter().sum::<f64>(), chances.iter().filter(|&&p| p > 0.0).count() as u64);
    if chances.iter().any(|p| p.is_nan() || *p < 0.0) || (sum - 1.0).abs() > 1e-8 {
        return Err(Error::bad_request(name, format!("chances that add up to {sum}; expected numbers from 0 on that add up to 1")));
    }
    match some < least {
        true => Err(Error::bad_request(name, format!("{some} chances over 0 for {least} elements, each once; expected as many"))),
        false => Ok(()),
    }
}

/// (n, pvals, size, seed, dtype, chunks, stream): a binomial of what is left for each outcome but the last.
fn multinomial(a: &[Value]) -> Called {
    let name = "random.multinomial";
    let chances = floats(name, &args::told(name, &a[1])?)?;
    let total: f64 = chances.iter().sum();
    if chances.is_empty() || chances.len() > 4096 || chances.iter().any(|p| !(0.0..=1.0).contains(p)) || total > 1.0 + 1e-12 {
        return Err(Error::bad_request(
            name,
            format!("pvals of {} numbers with the sum {total}; expected 1 to 4096 chances that add up to 1", chances.len()),
        ));
    }
    let n = args::array(name, &a[0])?;
    let mut behind = 1.0;
    let shares: Vec<f64> = chances[..chances.len() - 1]
        .iter()
        .map(|&p| {
            let share = if behind > 0.0 { (p / behind).clamp(0.0, 1.0) } else { 0.0 };
            behind -= p;
            share
        })
        .collect();
    parts_of(name, n, shares.len(), &a[2..], |at, left| ("binomial", vec![left.into(), shares[at].into()]))
}

/// (colors, nsample, size, method, seed, dtype, chunks, stream): a hypergeometric of what is left for each colour but the last.
fn multivariate_hypergeometric(a: &[Value]) -> Called {
    let name = "random.multivariate_hypergeometric";
    let colors = args::integers(name, &args::told(name, &a[0])?)?;
    let sample = args::natural(name, &a[1])?;
    let total: i64 = colors.iter().fold(0, |sum, &n| sum.saturating_add(n));
    if colors.is_empty() || colors.len() > 4096 || colors.iter().any(|&n| n < 0) || sample as i64 > total {
        return Err(Error::bad_request(name, format!("{sample} of {colors:?}; expected 1 to 4096 numbers from 0 on, and as many at most")));
    }
    let behind = |at: usize| colors[at + 1..].iter().sum::<i64>() as f64;
    let rest = [&a[2..3], &a[4..]].concat();
    let n = super::full((), Scalar::Int(sample as i64), DType::I64);
    parts_of(name, n, colors.len() - 1, &rest, |at, left| {
        ("hypergeometric", vec![(colors[at] as f64).into(), behind(at).into(), left.into()])
    })
}

/// `n` in parts along a new last axis: each but the last drawn from what is left by the law that `next` says; `rest` is `[size, seed,
/// dtype, chunks, stream]`.
fn parts_of(name: &str, n: Array, drawn: usize, rest: &[Value], next: impl Fn(usize, &Array) -> (&'static str, Vec<Operand>)) -> Called {
    let stream = args::natural(name, &rest[4])?;
    let dtype = args::dtype(name, &rest[2])?.unwrap_or(DType::I64);
    let mut left = n.astype(DType::I64);
    if !is_none(&rest[0]) {
        left = left.broadcast_to(lengths(name, &rest[0])?);
    }
    let mut parts = Vec::with_capacity(drawn + 1);
    for at in 0..drawn {
        let (law, parameters) = next(at, &left);
        // a stream of its own for each part, far from those that users number
        let own = stream.wrapping_add((at as u64 + 1) << 40);
        let own = Value::Scalar(i64::try_from(own).map_or(Scalar::UInt(own), Scalar::Int));
        let given = [rest[0].clone(), rest[1].clone(), Value::None, rest[3].clone(), own];
        let Value::Array(part) = described(name, random::of_parameters(law, parameters), &given)? else {
            return Err(Error::internal("a random array that is none"));
        };
        left = &left - &part;
        parts.push(part);
    }
    parts.push(left);
    given(stack(&parts, -1).astype(dtype))
}

/// `[seed, chunks, stream]`.
fn order(name: &str, a: &[Value]) -> Result<Order> {
    Ok(Order {
        seed: if is_none(&a[0]) { None } else { Some(args::natural(name, &a[0])?) },
        chunks: if is_none(&a[1]) { None } else { Some(args::chunks(name, &a[1])?) },
        stream: args::natural(name, &a[2])?,
    })
}

/// (x, axis, seed, chunks, stream).
fn permutation(name: &str, a: &[Value]) -> Called {
    let order = order(name, &a[2..])?;
    match &a[0] {
        Value::Scalar(_) if name == "random.permutation" => given(order.below(args::natural(name, &a[0])?)),
        x => given(order.slices(&args::array(name, x)?, args::integer(name, &a[1])?)),
    }
}

/// (x, axis, seed, chunks, stream).
fn permuted(a: &[Value]) -> Called {
    let name = "random.permuted";
    let axis = if is_none(&a[1]) { None } else { Some(args::integer(name, &a[1])?) };
    given(order(name, &a[2..])?.lanes(&args::array(name, &a[0])?, axis))
}

/// (low, high, size, …).
fn random_integers(a: &[Value]) -> Called {
    let name = "random.random_integers";
    let (low, high) = match is_none(&a[1]) {
        true => (1, args::integer(name, &a[0])?),
        false => (args::integer(name, &a[0])?, args::integer(name, &a[1])?),
    };
    let beyond = high.checked_add(1).ok_or_else(|| Error::unsupported(name, "a high of 2⁶³ − 1"))?;
    described(name, random::integers(low, beyond), &a[2..])
}

/// (alpha, size, seed, dtype, chunks, stream).
fn dirichlet(a: &[Value]) -> Called {
    let name = "random.dirichlet";
    let alpha = args::told(name, &a[0])?;
    let (Value::List(items) | Value::Tuple(items)) = &alpha else {
        return Err(Error::bad_request(name, "an alpha that is no list; expected a list of numbers over 0"));
    };
    if items.is_empty() || items.len() > 4096 {
        return Err(Error::bad_request(name, format!("an alpha of {} numbers; expected 1 to 4096", items.len())));
    }
    let stream = args::natural(name, &a[5])?;
    let alphas = items.iter().map(|alpha| args::float(name, alpha)).collect::<Result<Vec<f64>>>()?;
    if let Some(alpha) = alphas.iter().find(|&&alpha| !(alpha > 0.0 && alpha.is_finite())) {
        return Err(Error::bad_request(name, format!("an alpha of {alpha}; expected numbers over 0")));
    }
    let drawn = |i: usize, half: u64, law: RandomArray| -> Result<Array> {
        // a stream of its own for each share, far from those that users number
        let own = stream.wrapping_add((i as u64 + 1) << 40).wrapping_add(half << 39);
        let own = Value::Scalar(i64::try_from(own).map_or(Scalar::UInt(own), Scalar::Int));
        let rest = [a[1].clone(), a[2].clone(), a[3].clone(), a[4].clone(), own];
        match described(name, law, &rest)? {
            Value::Array(array) => Ok(array),
            _ => Err(Error::internal("a random array that is none")),
        }
    };
    let is_small = alphas.iter().any(|&alpha| alpha < 0.1);
    let one = |(i, &alpha): (usize, &f64)| match is_small {
        false => drawn(i, 0, random::gamma(alpha, 1.0)),
        // its logarithm, as of what is of alpha + 1 times U^(1/alpha) (Marsaglia and Tsang 2000, section 6): itself it would be 0, all of them
        true => Ok(drawn(i, 0, random::gamma(alpha + 1.0, 1.0))?.log() + (-drawn(i, 1, random::uniform(0.0, 1.0))?).log1p() / alpha),
    };
    let shares = stack(&alphas.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?, -1);
    let last = || super::axis(-1).keepdims();
    let all = if is_small { (&shares - shares.max(last())).exp() } else { shares };
    given(&all / all.sum(last()))
}

/// (mean, cov, size, check_valid, tol, method, seed, dtype, chunks, stream).
fn multivariate_normal(a: &[Value]) -> Called {
    let name = "random.multivariate_normal";
    let (mean, cov) = (args::array(name, &a[0])?, args::array(name, &a[1])?);
    if !matches!(&a[5], Value::Str(method) if method == "cholesky") {
        return Err(Error::unsupported(
            name,
            "a method other than 'cholesky'; the law is the same, the covariance must be positive definite",
        ));
    }
    let before = if is_none(&a[2]) { vec![] } else { args::integers(name, &a[2])? };
    let rest: [Value; 4] = [a[6].clone(), a[7].clone(), a[8].clone(), a[9].clone()];
    given(composed(name, &[&mean, &cov], move |arrays| {
        let (mean, cov) = (&arrays[0], &arrays[1]);
        let (n, square) = (mean.shape()?, cov.shape()?);
        if n.len() != 1 || square != [n[0], n[0]] {
            return Err(Error::bad_request(name, format!("a mean of shape {n:?} and a cov of {square:?}; expected [n] and [n, n]")));
        }
        let size = before.iter().copied().chain([n[0] as i64]).map(|n| Value::Scalar(Scalar::Int(n)));
        let given: Vec<Value> = [Value::Tuple(size.collect())].into_iter().chain(rest.iter().cloned()).collect();
        let Value::Array(standard) = described(name, random::standard_normal(), &given)? else {
            return Err(Error::internal("a random array that is none"));
        };
        let dtype = standard.dtype()?;
        let factor = super::linalg::cholesky(&cov.astype(dtype), false);
        Ok((standard.matmul(factor.t()) + mean).astype(dtype))
    }))
}
