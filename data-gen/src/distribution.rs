//! Names and parameters of distributions → lazy arrays.

use crate::checksum::index;
use clap::ValueEnum;
use flagstone::array::Array;
use flagstone::random::{self, RandomArray};
use flagstone::{DType, Error, Result};
use std::collections::BTreeMap;

/// What the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Distribution {
    /// low=0, high=1: [low, high)
    Uniform,
    /// low=0, high=100: whole numbers in [low, high)
    Integers,
    /// loc=0, scale=1
    Normal,
    /// scale=1
    Exponential,
    /// mean=0, sigma=1
    Lognormal,
    /// shape=1, scale=1
    Gamma,
    /// lam=1
    Poisson,
    /// start=0, step=1: counts in C order
    Arange,
}

impl Distribution {
    pub fn name(self) -> &'static str {
        match self {
            Distribution::Uniform => "uniform",
            Distribution::Integers => "integers",
            Distribution::Normal => "normal",
            Distribution::Exponential => "exponential",
            Distribution::Lognormal => "lognormal",
            Distribution::Gamma => "gamma",
            Distribution::Poisson => "poisson",
            Distribution::Arange => "arange",
        }
    }

    /// NumPy's names of the parameters, and what they are unless given.
    fn defaults(self) -> &'static [(&'static str, f64)] {
        match self {
            Distribution::Uniform => &[("low", 0.0), ("high", 1.0)],
            Distribution::Integers => &[("low", 0.0), ("high", 100.0)],
            Distribution::Normal => &[("loc", 0.0), ("scale", 1.0)],
            Distribution::Exponential => &[("scale", 1.0)],
            Distribution::Lognormal => &[("mean", 0.0), ("sigma", 1.0)],
            Distribution::Gamma => &[("shape", 1.0), ("scale", 1.0)],
            Distribution::Poisson => &[("lam", 1.0)],
            Distribution::Arange => &[("start", 0.0), ("step", 1.0)],
        }
    }
}

/// A distribution with all its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    distribution: Distribution,
    values: Vec<f64>,
}

impl Parameters {
    /// The defaults, replaced by what `given` says as `name=value`.
    pub fn read(distribution: Distribution, given: &[String]) -> Result<Parameters> {
        let defaults = distribution.defaults();
        let mut values: Vec<f64> = defaults.iter().map(|(_, value)| *value).collect();
        for pair in given {
            let bad = |what: &str| Error::bad_request("--param", format!("{pair:?}: {what}"));
            let (name, value) = pair.split_once('=').ok_or_else(|| bad("expected NAME=VALUE, for example scale=2"))?;
            let names = || defaults.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let at = defaults.iter().position(|(known, _)| *known == name);
            let at = at.ok_or_else(|| bad(&format!("{} has the parameters {}", distribution.name(), names())))?;
            values[at] = value.parse().map_err(|_| bad("the value is no number"))?;
            if distribution == Distribution::Integers && values[at].fract() != 0.0 {
                return Err(bad("the bounds of integers are whole numbers"));
            }
        }
        Ok(Parameters { distribution, values })
    }

    /// Names and values, for the manifest.
    pub fn listed(&self) -> BTreeMap<String, f64> {
        let names = self.distribution.defaults().iter().map(|(name, _)| name.to_string());
        names.zip(self.values.iter().copied()).collect()
    }

    /// The lazy array.
    pub fn array(&self, shape: &[u64], dtype: DType, seed: u64, chunks: Option<&[u64]>) -> Array {
        let at = |n: usize| self.values[n];
        let random = match self.distribution {
            Distribution::Uniform => random::uniform(at(0), at(1)),
            Distribution::Integers => random::integers(at(0) as i64, at(1) as i64),
            Distribution::Normal => random::normal(at(0), at(1)),
            Distribution::Exponential => random::exponential(at(0)),
            Distribution::Lognormal => random::lognormal(at(0), at(1)),
            Distribution::Gamma => random::gamma(at(0), at(1)),
            Distribution::Poisson => random::poisson(at(0)),
            Distribution::Arange => return counted(shape, at(0), at(1)).astype(dtype),
        };
        let described = drawn_as(random, self.distribution, dtype).shape(shape).seed(seed);
        let described = match chunks {
            Some(chunks) => described.chunks(chunks),
            None => described,
        };
        described.build().astype(dtype)
    }
}

/// Draws in `dtype` where the distribution can, in its own dtype where not (the caller casts).
fn drawn_as(random: RandomArray, distribution: Distribution, dtype: DType) -> RandomArray {
    let whole = matches!(distribution, Distribution::Integers | Distribution::Poisson);
    let direct = if whole { dtype.is_integer() } else { matches!(dtype, DType::F32 | DType::F64) };
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
        assert_eq!(normal.values, [0.0, 0.5]);
        for (given, what) in [("sigma=1", "loc, scale"), ("scale", "NAME=VALUE"), ("scale=x", "no number")] {
            let message = read(Distribution::Normal, &[given]).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        }
        assert!(read(Distribution::Integers, &["low=0.5"]).is_err());
    }

    #[test]
    fn arange_counts_in_c_order() {
        let parameters = Parameters::read(Distribution::Arange, &["start=5".into(), "step=-2".into()]).unwrap();
        let values = parameters.array(&[2, 3], DType::F32, 0, None).compute::<f32>().unwrap();
        assert_eq!(values.iter().copied().collect::<Vec<_>>(), [5.0, 3.0, 1.0, -1.0, -3.0, -5.0]);
    }
}
