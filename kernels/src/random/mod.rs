//! Index → value. Counter-based random values: element `i` of a stream is a pure function of (seed, stream, i).
//!
//! Element i takes one of the two words of the block of bits i / 2, so any slice of a random array is generated alone.
//! Uniform, normal, exponential and integers are formulas of one block and vectorise (`law`, `lanes`); the
//! others draw from a generator shared by a short run of elements (`runs`).

mod ars;
mod batch;
mod element;
mod further;
mod lanes;
mod law;
mod math;
mod run_rng;
mod runs;
#[cfg(test)]
mod tests;

use crate::dtype::DType;
use ars::Key;
pub use element::ElementLaw;
pub use further::{Bound, Law, Parameter};
use law::{Exponential, Integers, Normal, Uniform};
use runs::RunLaw;
use serde::{Deserialize, Serialize};

/// A distribution and its parameters, under NumPy's names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the fields are NumPy's parameters")]
pub enum Distribution {
    Uniform { low: f64, high: f64 },
    Integers { low: i64, high: i64 },
    Normal { loc: f64, scale: f64 },
    Exponential { scale: f64 },
    Lognormal { mean: f64, sigma: f64 },
    Gamma { shape: f64, scale: f64 },
    Poisson { lam: f64 },
    Further { law: Law, parameters: [f64; 3] },
}

impl Distribution {
    /// NumPy's name.
    pub fn name(&self) -> &'static str {
        match self {
            Distribution::Uniform { .. } => "uniform",
            Distribution::Integers { .. } => "integers",
            Distribution::Normal { .. } => "normal",
            Distribution::Exponential { .. } => "exponential",
            Distribution::Lognormal { .. } => "lognormal",
            Distribution::Gamma { .. } => "gamma",
            Distribution::Poisson { .. } => "poisson",
            Distribution::Further { law, .. } => law.name(),
        }
    }
}

/// A stream of random values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Random {
    /// What the values follow.
    pub distribution: Distribution,
    /// f32 or f64 for the continuous ones, an integer dtype for integers and poisson.
    pub dtype: DType,
    /// The user's seed.
    pub seed: u64,
    /// Tells apart arrays of one seed.
    pub stream: u64,
}

impl Random {
    /// Writes the values of flat indices `first`, `first` + `step`, … to `out`, one an element, in native byte
    /// order. `step` may be 0 or negative; `out` may have any length in whole elements and any alignment.
    /// The values follow from (seed, stream, index) alone, on every instruction set.
    ///
    /// # Panics
    /// If [`Random::validate`] refuses the stream, or `out` does not hold whole elements.
    pub fn fill(&self, first: u64, step: i64, out: &mut [u8]) {
        if let Err(reason) = self.validate() {
            panic!("{reason}");
        }
        let item = self.dtype.size();
        assert!(out.len().is_multiple_of(item), "random: {} bytes are no whole number of {}", out.len(), self.dtype);
        let key = &Key::of(self.seed, self.stream);
        let single = self.dtype == DType::F32;
        let law = match self.distribution {
            Distribution::Uniform { low, high } if single => {
                return lanes::fill(Uniform::<f32>::new(low, high), key, first, step, out);
            }
            Distribution::Uniform { low, high } => {
                return lanes::fill(Uniform::<f64>::new(low, high), key, first, step, out);
            }
            Distribution::Normal { loc, scale } if single => {
                let law = Normal { loc: loc as f32, scale: scale as f32 };
                return lanes::fill(law, key, first, step, out);
            }
            Distribution::Normal { loc, scale } => {
                return lanes::fill(Normal { loc, scale }, key, first, step, out);
            }
            Distribution::Exponential { scale } if single => {
                return lanes::fill(Exponential { scale: scale as f32 }, key, first, step, out);
            }
            Distribution::Exponential { scale } => {
                return lanes::fill(Exponential { scale }, key, first, step, out);
            }
            Distribution::Integers { low, high } => {
                return fill_integers(self.dtype, low, high, key, first, step, out);
            }
            Distribution::Lognormal { mean, sigma } => RunLaw::lognormal(mean, sigma),
            Distribution::Gamma { shape, scale } => RunLaw::gamma(shape, scale),
            Distribution::Poisson { lam } => RunLaw::poisson(lam),
            Distribution::Further { law, parameters } => law.draw(parameters).map(RunLaw::Further),
        };
        match law {
            Ok(law) => runs::fill(&law, self.dtype, key, first, step, out),
            Err(reason) => panic!("{reason}"),
        }
    }

    /// Whether the parameters and the dtype make sense together.
    ///
    /// # Errors
    /// A sentence with the parameter, what was given and what is expected.
    pub fn validate(&self) -> Result<(), String> {
        let name = self.distribution.name();
        let dtype = self.dtype;
        let finite = |parameter: &str, value: f64| {
            if dtype == DType::F32 && value.is_finite() && !(value as f32).is_finite() {
                return Err(format!("{name}: {parameter} is {value}, more than float32 holds; ask for float64"));
            }
            let fits = value.is_finite();
            fits.then_some(()).ok_or_else(|| format!("{name}: {parameter} is {value}, expected a finite number"))
        };
        let not_negative = |parameter: &str, value: f64| {
            if value < 0.0 {
                return Err(format!("{name}: {parameter} is {value}, expected ≥ 0"));
            }
            finite(parameter, value)
        };
        let expects = |holds: bool, what: &str| holds.then_some(()).ok_or_else(|| format!("{name}: dtype is {dtype}, expected {what}"));
        match self.distribution {
            Distribution::Integers { .. } => expects(dtype.is_integer() || dtype == DType::Bool, "an integer dtype or bool")?,
            Distribution::Poisson { .. } => expects(dtype.is_integer(), "an integer dtype")?,
            Distribution::Further { law, .. } if law.is_whole() => expects(dtype.is_integer(), "an integer dtype")?,
            _ => expects(matches!(dtype, DType::F32 | DType::F64), "float32 or float64")?,
        }
        match self.distribution {
            Distribution::Uniform { low, high } => {
                finite("low", low)?;
                finite("high", high)?;
                if low > high {
                    return Err(format!("{name}: low is {low} and high {high}, expected low ≤ high"));
                }
                finite("high - low", high - low)
            }
            Distribution::Integers { low, high } => {
                if low >= high {
                    return Err(format!("{name}: low is {low} and high {high}, expected low < high"));
                }
                let (least, greatest) = integer_range(dtype);
                if (low as i128) < least || (high as i128 - 1) > greatest {
                    return Err(format!("{name}: [{low}, {high}) does not fit {dtype}, which holds {least} to {greatest}"));
                }
                Ok(())
            }
            Distribution::Normal { loc, scale } => {
                finite("loc", loc)?;
                not_negative("scale", scale)
            }
            Distribution::Exponential { scale } => not_negative("scale", scale),
            Distribution::Lognormal { mean, sigma } => {
                finite("mean", mean)?;
                not_negative("sigma", sigma)
            }
            Distribution::Gamma { shape, scale } => {
                not_negative("shape", shape)?;
                not_negative("scale", scale)
            }
            Distribution::Further { law, parameters } => law.check(parameters),
            Distribution::Poisson { lam } => {
                not_negative("lam", lam)?;
                RunLaw::poisson(lam).map(|_| ())?;
                let (_, greatest) = integer_range(dtype);
                // 40 standard deviations: no draw comes near
                if lam + 40.0 * lam.sqrt() > greatest as f64 && dtype.size() == 8 {
                    return Err(format!("{name}: lam is {lam}, more than {dtype} holds"));
                }
                Ok(())
            }
        }
    }
}

/// The least and the greatest value of an integer dtype or bool.
fn integer_range(dtype: DType) -> (i128, i128) {
    let bits = dtype.size() as u32 * 8;
    match dtype {
        DType::Bool => (0, 1),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        _ => (0, (1i128 << bits) - 1),
    }
}

fn fill_integers(dtype: DType, low: i64, high: i64, key: &Key, first: u64, step: i64, out: &mut [u8]) {
    macro_rules! run {
        ($t:ty) => {
            if high.wrapping_sub(low) as u64 >> 32 == 0 {
                lanes::fill(Integers::<$t, true>::new(low, high), key, first, step, out)
            } else {
                lanes::fill(Integers::<$t, false>::new(low, high), key, first, step, out)
            }
        };
    }
    match dtype {
        DType::I8 => run!(i8),
        DType::I16 => run!(i16),
        DType::I32 => run!(i32),
        DType::I64 => run!(i64),
        DType::U16 => run!(u16),
        DType::U32 => run!(u32),
        DType::U64 => run!(u64),
        // u8 and bool, which holds 0 or 1 in one
        _ => run!(u8),
    }
}
