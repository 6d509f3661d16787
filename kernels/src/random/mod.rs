//! Counter-based random values: element `i` of a stream is a pure function of (seed, stream, i).

use crate::dtype::DType;
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
