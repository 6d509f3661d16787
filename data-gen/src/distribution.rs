//! Names and parameters of distributions → lazy arrays.

use crate::checksum::index;
use clap::ValueEnum;
use flagstone::array::{Array, Operand};
use flagstone::random::{self, RandomArray};
use flagstone::{DType, Error, Result, open};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! distributions {
    ($($law:ident $name:literal $doc:literal [$($p:literal $default:literal),*] $whole:literal => |$values:pat_param| $make:expr;)*) => {
        /// What the values are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        #[value(rename_all = "snake_case")]
        pub enum Distribution {
            $(#[doc = $doc] $law,)*
            /// start=0, step=1: counts in C order
            Arange,
        }

        impl Distribution {
            pub fn name(self) -> &'static str {
                match self {
                    $(Distribution::$law => $name,)*
                    Distribution::Arange => "arange",
                }
            }

            /// NumPy's names of the parameters, and what they are unless given.
            fn defaults(self) -> &'static [(&'static str, f64)] {
                match self {
                    $(Distribution::$law => &[$(($p, $default)),*],)*
                    Distribution::Arange => &[("start", 0.0), ("step", 1.0)],
                }
            }

            /// Whether it draws whole numbers.
            fn is_whole(self) -> bool {
                match self {
                    $(Distribution::$law => $whole,)*
                    Distribution::Arange => true,
                }
            }

            /// What draws the values; `None` where they are counted.
            fn drawn(self, values: &[f64]) -> Option<RandomArray> {
                match self {
                    $(Distribution::$law => {
                        let draw: fn(&[f64]) -> RandomArray = |$values| $make;
                        Some(draw(values))
                    })*
                    Distribution::Arange => None,
                }
            }
        }
    };
}

distributions! {
    Uniform "uniform" "low=0, high=1: [low, high)" ["low" 0.0, "high" 1.0] false => |p| random::uniform(p[0], p[1]);
    Integers "integers" "low=0, high=100: whole numbers in [low, high)" ["low" 0.0, "high" 100.0] true => |p| random::integers(p[0] as i64, p[1] as i64);
    Normal "normal" "loc=0, scale=1" ["loc" 0.0, "scale" 1.0] false => |p| random::normal(p[0], p[1]);
    Exponential "exponential" "scale=1" ["scale" 1.0] false => |p| random::exponential(p[0]);
    Lognormal "lognormal" "mean=0, sigma=1" ["mean" 0.0, "sigma" 1.0] false => |p| random::lognormal(p[0], p[1]);
    Gamma "gamma" "shape=1, scale=1" ["shape" 1.0, "scale" 1.0] false => |p| random::gamma(p[0], p[1]);
    Poisson "poisson" "lam=1" ["lam" 1.0] true => |p| random::poisson(p[0]);
    Beta "beta" "a=1, b=1" ["a" 1.0, "b" 1.0] false => |p| random::beta(p[0], p[1]);
    Binomial "binomial" "n=10, p=0.5" ["n" 10.0, "p" 0.5] true => |p| random::binomial(p[0], p[1]);
    Chisquare "chisquare" "df=1" ["df" 1.0] false => |p| random::chisquare(p[0]);
    F "f" "dfnum=1, dfden=1" ["dfnum" 1.0, "dfden" 1.0] false => |p| random::f(p[0], p[1]);
    Geometric "geometric" "p=0.5" ["p" 0.5] true => |p| random::geometric(p[0]);
    Gumbel "gumbel" "loc=0, scale=1" ["loc" 0.0, "scale" 1.0] false => |p| random::gumbel(p[0], p[1]);
    Hypergeometric "hypergeometric" "ngood=10, nbad=10, nsample=10" ["ngood" 10.0, "nbad" 10.0, "nsample" 10.0] true => |p| random::hypergeometric(p[0], p[1], p[2]);
    Laplace "laplace" "loc=0, scale=1" ["loc" 0.0, "scale" 1.0] false => |p| random::laplace(p[0], p[1]);
    Logistic "logistic" "loc=0, scale=1" ["loc" 0.0, "scale" 1.0] false => |p| random::logistic(p[0], p[1]);
    Logseries "logseries" "p=0.5" ["p" 0.5] true => |p| random::logseries(p[0]);
    NegativeBinomial "negative_binomial" "n=1, p=0.5" ["n" 1.0, "p" 0.5] true => |p| random::negative_binomial(p[0], p[1]);
    NoncentralChisquare "noncentral_chisquare" "df=1, nonc=1" ["df" 1.0, "nonc" 1.0] false => |p| random::noncentral_chisquare(p[0], p[1]);
    NoncentralF "noncentral_f" "dfnum=1, dfden=1, nonc=1" ["dfnum" 1.0, "dfden" 1.0, "nonc" 1.0] false => |p| random::noncentral_f(p[0], p[1], p[2]);
    Pareto "pareto" "a=1" ["a" 1.0] false => |p| random::pareto(p[0]);
    Power "power" "a=1" ["a" 1.0] false => |p| random::power(p[0]);
    Rayleigh "rayleigh" "scale=1" ["scale" 1.0] false => |p| random::rayleigh(p[0]);
    StandardCauchy "standard_cauchy" "no parameters" [] false => |_| random::standard_cauchy();
    StandardT "standard_t" "df=1" ["df" 1.0] false => |p| random::standard_t(p[0]);
    Triangular "triangular" "left=0, mode=0.5, right=1" ["left" 0.0, "mode" 0.5, "right" 1.0] false => |p| random::triangular(p[0], p[1], p[2]);
    Vonmises "vonmises" "mu=0, kappa=1" ["mu" 0.0, "kappa" 1.0] false => |p| random::vonmises(p[0], p[1]);
    Wald "wald" "mean=1, scale=1" ["mean" 1.0, "scale" 1.0] false => |p| random::wald(p[0], p[1]);
    Weibull "weibull" "a=1" ["a" 1.0] false => |p| random::weibull(p[0]);
    Zipf "zipf" "a=2" ["a" 2.0] true => |p| random::zipf(p[0]);
}

/// A distribution with all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    distribution: Distribution,
    values: Vec<Parameter>,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// The same for all elements.
    Number(f64),
    /// An array of its own, by its address: a value for each element that it broadcasts to.
    Stored(String),
}

impl Parameters {
    /// The defaults, replaced by what `given` says as `name=value`.
    pub fn read(distribution: Distribution, given: &[String]) -> Result<Parameters> {
        let defaults = distribution.defaults();
        let mut values: Vec<Parameter> = defaults.iter().map(|(_, value)| Parameter::Number(*value)).collect();
        for pair in given {
            let bad = |what: &str| Error::bad_request("--param", format!("{pair:?}: {what}"));
            let (name, value) = pair.split_once('=').ok_or_else(|| bad("expected NAME=VALUE, for example scale=2"))?;
            let names = || defaults.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let at = defaults.iter().position(|(known, _)| *known == name);
            let at = at.ok_or_else(|| bad(&format!("{} has the parameters {}", distribution.name(), names())))?;
            let whole = matches!(distribution, Distribution::Integers | Distribution::Arange);
            values[at] = match value.parse() {
                Ok(number) if distribution == Distribution::Integers && f64::fract(number) != 0.0 => {
                    return Err(bad("the bounds of integers are whole numbers"));
                }
                Ok(number) => Parameter::Number(number),
                Err(_) if whole => return Err(bad("the value is no number")),
                Err(_) if !std::path::Path::new(value.split(':').next().unwrap_or(value)).exists() => {
                    return Err(bad("the value is no number, and no array is there"));
                }
                Err(_) => Parameter::Stored(value.to_string()),
            };
        }
        Ok(Parameters { distribution, values })
    }

    /// Names and values, for the manifest.
    pub fn listed(&self) -> BTreeMap<String, Parameter> {
        let names = self.distribution.defaults().iter().map(|(name, _)| name.to_string());
        names.zip(self.values.iter().cloned()).collect()
    }

    /// The lazy array.
    pub fn array(&self, shape: &[u64], dtype: DType, seed: u64, chunks: Option<&[u64]>) -> Result<Array> {
        let numbers: Option<Vec<f64>> =
            self.values.iter().map(|value| if let Parameter::Number(n) = value { Some(*n) } else { None }).collect();
        let random = match numbers {
            Some(numbers) => match self.distribution.drawn(&numbers) {
                Some(random) => random,
                None => return Ok(counted(shape, numbers[0], numbers[1]).astype(dtype)),
            },
            None => {
                let operand = |value: &Parameter| match value {
                    Parameter::Number(n) => Ok(Operand::from(*n)),
                    Parameter::Stored(address) => open(address).map(Operand::from),
                };
                random::of_parameters(self.distribution.name(), self.values.iter().map(operand).collect::<Result<Vec<_>>>()?)
            }
        };
        let described = drawn_as(random, self.distribution, dtype).shape(shape).seed(seed);
        let described = match chunks {
            Some(chunks) => described.chunks(chunks),
            None => described,
        };
        Ok(described.build().astype(dtype))
    }
}

/// Draws in `dtype` where the distribution can, in its own dtype where not (the caller casts).
fn drawn_as(random: RandomArray, distribution: Distribution, dtype: DType) -> RandomArray {
    let direct = if distribution.is_whole() { dtype.is_integer() } else { matches!(dtype, DType::F32 | DType::F64) };
    if direct { random.dtype(dtype) } else { random }
}

/// start + i · step for the i-th element in C order: whole where both numbers are.
fn counted(shape: &[u64], start: f64, step: f64) -> Array {
    let at = index(shape, DType::I64);
    let whole = |value: f64| value.fract() == 0.0 && value.abs() < 9e15;
    if whole(start) && whole(step) { at * (step as i64) + (start as i64) } else { at.astype(DType::F64) * step + start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_defaults_and_only_known_names() {
        let read = |distribution, given: &[&str]| Parameters::read(distribution, &given.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        let normal = read(Distribution::Normal, &["scale=0.5"]).unwrap();
        assert_eq!(normal.values, [Parameter::Number(0.0), Parameter::Number(0.5)]);
        for (given, what) in [("sigma=1", "loc, scale"), ("scale", "NAME=VALUE"), ("scale=x", "no number")] {
            let message = read(Distribution::Normal, &[given]).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        }
        assert!(read(Distribution::Integers, &["low=0.5"]).is_err());
    }

    #[test]
    fn a_parameter_may_be_an_array_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let address = directory.path().join("n.npy").display().to_string();
        let counts = flagstone::arange(0, 3, 1, None);
        counts.store(&address).unwrap();
        let parameters = Parameters::read(Distribution::Binomial, &[format!("n={address}"), "p=1".into()]).unwrap();
        assert_eq!(parameters.listed()["n"], Parameter::Stored(address));
        let values = parameters.array(&[2, 3], DType::I64, 0, None).unwrap().compute::<i64>().unwrap();
        assert_eq!(values.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn arange_counts_in_c_order() {
        let parameters = Parameters::read(Distribution::Arange, &["start=5".into(), "step=-2".into()]).unwrap();
        let values = parameters.array(&[2, 3], DType::F32, 0, None).unwrap().compute::<f32>().unwrap();
        assert_eq!(values.iter().copied().collect::<Vec<_>>(), [5.0, 3.0, 1.0, -1.0, -3.0, -5.0]);
    }
}
