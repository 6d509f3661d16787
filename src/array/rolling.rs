//! Windows that roll along an axis: `x.rolling(7, 0).mean()`, in one read, each block with what lies around it.

use super::axes::position;
use super::blocks::{Boundary, rows};
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, args, composed};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::rows::{Fold, Rolling as Kernel, Rows};
use std::sync::Arc;

/// Windows around each place along an axis; see [`Array::rolling`].
#[derive(Clone, Debug)]
pub struct Rolling {
    x: Array,
    axis: i64,
    window: u64,
    centered: bool,
    least: Option<u64>,
    weights: Option<Vec<f64>>,
    boundary: Boundary,
}

impl Array {
    /// For each place along `axis` the window of so many places that ends there. NaNs, and places that there are not, are left out; where
    /// a window has fewer values than places, what is made of it is NaN, unless [`Rolling::min_count`] says otherwise.
    ///
    /// ```
    /// let x = flagstone::arange(0.0, 5.0, 1.0, None);
    /// let means = x.rolling(3, 0).centered().min_count(2).mean();
    /// assert_eq!(means.compute::<f64>().unwrap().as_slice().unwrap(), [0.5, 1.0, 2.0, 3.0, 3.5]);
    /// ```
    pub fn rolling(&self, window: u64, axis: i64) -> Rolling {
        Rolling { x: self.clone(), axis, window, centered: false, least: None, weights: None, boundary: Boundary::None }
    }
}

impl Rolling {
    /// The same with each place in the middle of its window; of an even number there is one more before it than behind.
    pub fn centered(mut self) -> Rolling {
        self.centered = true;
        self
    }

    /// The same where so many values are enough.
    pub fn min_count(mut self, values: u64) -> Rolling {
        self.least = Some(values);
        self
    }

    /// The same with a weight for each place of a window, in order: of sums and means.
    pub fn weights(mut self, weights: impl Into<Vec<f64>>) -> Rolling {
        self.weights = Some(weights.into());
        self
    }

    /// The same with something beyond the ends of the axis: the days of a year come again with [`Boundary::Periodic`].
    pub fn boundary(mut self, boundary: Boundary) -> Rolling {
        self.boundary = boundary;
        self
    }

    fn rolled(&self, fold: Fold) -> Result<Array> {
        const NAME: &str = "rolling";
        let (ndim, n) = (self.x.ndim()?, self.window);
        let axis = position(NAME, self.axis, ndim)? as i64;
        if n == 0 {
            return Err(Error::bad_request(NAME, "a window of 0 places; expected 1 or more"));
        }
        let least = self.least.unwrap_or(n);
        if least > n {
            return Err(Error::bad_request(NAME, format!("min_count {least} of a window of {n} places; expected {n} at most")));
        }
        if let Some(weights) = &self.weights {
            if weights.len() as u64 != n {
                let what = format!("{} weights for a window of {n} places; expected as many", weights.len());
                return Err(Error::bad_request(NAME, what));
            }
            if !matches!(fold, Fold::Sum | Fold::Mean | Fold::Count) {
                return Err(Error::unsupported(NAME, "weights of anything else than sums and means"));
            }
        }
        let dtype = match self.x.dtype()? {
            dtype if dtype.is_complex() => return Err(Error::bad_type(NAME, format!("{dtype}; expected real numbers"))),
            dtype if dtype.is_float() => dtype,
            _ => DType::F64,
        };
        let before = if self.centered { n / 2 } else { n - 1 };
        let kernel = Kernel {
            fold,
            before,
            after: n - 1 - before,
            least,
            weights: self.weights.as_deref().map(Arc::from),
            ends: self.boundary == Boundary::None,
        };
        let boundary = self.boundary;
        Ok(composed::composed(NAME, &[&self.x], move |arrays| {
            let lanes = arrays[0].moveaxis(axis, -1).astype(DType::F64).expr()?;
            let len = lanes.shape[ndim - 1];
            if lanes.shape.contains(&0) {
                return Ok(arrays[0].astype(dtype));
            }
            if matches!(boundary, Boundary::Periodic | Boundary::Reflect) && n > len {
                let what = format!(
                    "a window of {n} places on axis {axis} with length {len}; expected {len} at most with the boundary '{}'",
                    boundary.name()
                );
                return Err(Error::bad_request(NAME, what));
            }
            let mut kernel = kernel.clone();
            if kernel.ends && kernel.weights.is_none() {
                // nothing lies farther away
                (kernel.before, kernel.after) = (kernel.before.min(len - 1), kernel.after.min(len - 1));
            }
            let rolled = rows::of_around(Rows::Rolling(kernel.clone()), &lanes, kernel.before, kernel.after, boundary, DType::F64)?;
            Ok(Array::from_expr(rolled).moveaxis(-1, axis).astype(dtype))
        }))
    }

    #[track_caller]
    fn of(&self, fold: Fold) -> Array {
        Array::build(|| self.rolled(fold)?.expr())
    }

    /// The sums of the windows.
    #[track_caller]
    pub fn sum(&self) -> Array {
        self.of(Fold::Sum)
    }

    /// The means.
    #[track_caller]
    pub fn mean(&self) -> Array {
        self.of(Fold::Mean)
    }

    /// The variances.
    #[track_caller]
    pub fn var(&self, ddof: f64) -> Array {
        self.of(Fold::Var(ddof))
    }

    /// The standard deviations.
    #[track_caller]
    pub fn std(&self, ddof: f64) -> Array {
        self.of(Fold::Std(ddof))
    }

    /// The least values.
    #[track_caller]
    pub fn min(&self) -> Array {
        self.of(Fold::Min)
    }

    /// The greatest values.
    #[track_caller]
    pub fn max(&self) -> Array {
        self.of(Fold::Max)
    }

    /// The medians.
    #[track_caller]
    pub fn median(&self) -> Array {
        self.of(Fold::Median)
    }

    /// How many values each window has.
    #[track_caller]
    pub fn count(&self) -> Array {
        self.of(Fold::Count)
    }
}

/// move_sum, move_mean, … of bottleneck: (a, window, min_count, axis).
macro_rules! moving {
    ($name:literal $fold:expr, $doc:literal) => {
        sig!($name ["a", "window", "min_count" = "None", "axis" = "-1"] $doc, |a| moved($name, $fold, a))
    };
}

/// move_var and move_std: with ddof.
macro_rules! moving_with_ddof {
    ($name:literal $fold:ident, $doc:literal) => {
        sig!($name ["a", "window", "min_count" = "None", "axis" = "-1", "ddof" = "0"] $doc, |a| moved($name, Fold::$fold(args::float($name, &a[4])?), a))
    };
}

/// What rolls along axes.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    moving!("move_sum" Fold::Sum, "Sums of the windows that end at each place (bottleneck)."),
    moving!("move_mean" Fold::Mean, "Means of the windows that end at each place (bottleneck)."),
    moving!("move_min" Fold::Min, "The least values of the windows that end at each place (bottleneck)."),
    moving!("move_max" Fold::Max, "The greatest values of the windows that end at each place (bottleneck)."),
    moving!("move_median" Fold::Median, "Medians of the windows that end at each place (bottleneck)."),
    moving_with_ddof!("move_var" Var, "Variances of the windows that end at each place (bottleneck)."),
    moving_with_ddof!("move_std" Std, "Standard deviations of the windows that end at each place (bottleneck)."),
];

fn moved(name: &str, fold: Fold, a: &[Value]) -> Result<Value> {
    let windows = args::array(name, &a[0])?.rolling(args::natural(name, &a[1])?, args::integer(name, &a[3])?);
    let windows = match &a[2] {
        Value::None => windows,
        least => windows.min_count(args::natural(name, least)?),
    };
    Ok(Value::Array(windows.of(fold)))
}
