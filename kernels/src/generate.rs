//! Values that follow from the place of an element alone.

use crate::dtype::DType;
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// A function from an index of an array of `shape` to a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Shape of the whole generated array.
    pub shape: Vec<u64>,
    /// What is generated.
    pub rule: Rule,
}

/// The rule of a [`Generator`]. `i` is the element's flat C-order index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Random values, one stream value an element.
    Random(Random),
    /// `start + i·step`, computed in `dtype` as NumPy's arange: f64 for floats, wrapping i64 for integers.
    Arange {
        /// First value, for floats.
        start: f64,
        /// Difference, for floats.
        step: f64,
        /// First value, for integers.
        start_int: i64,
        /// Difference, for integers.
        step_int: i64,
        /// The dtype of the values.
        dtype: DType,
    },
    /// `start + i·step` in f64, the last element being `stop` exactly when `endpoint_index` is it.
    Linspace {
        /// First value.
        start: f64,
        /// Difference.
        step: f64,
        /// Value at `endpoint_index`.
        stop: f64,
        /// Index that gets `stop` itself; `u64::MAX` for none.
        endpoint_index: u64,
        /// The dtype of the values.
        dtype: DType,
    },
    /// 1 where column = row + k, else 0; two axes.
    Eye {
        /// The diagonal.
        k: i64,
        /// The dtype of the values.
        dtype: DType,
    },
}

impl Generator {
    /// The dtype of the values.
    pub fn dtype(&self) -> DType {
        match &self.rule {
            Rule::Random(random) => random.dtype,
            Rule::Arange { dtype, .. } | Rule::Linspace { dtype, .. } | Rule::Eye { dtype, .. } => *dtype,
        }
    }
}
