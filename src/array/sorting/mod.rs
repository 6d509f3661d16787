//! Arrays → what the order of their values decides: sorted lanes and their places, quantiles, sets, bins, places in tables.

mod along;
mod bin_rules;
mod places;
mod quantiles;
mod search;
pub(in crate::array) mod sets;
pub(in crate::array) mod table;
pub(in crate::array) mod tally;
mod weighted;

pub(in crate::array) use along::lexsort;
pub(in crate::array) use quantiles::quantile;
pub use quantiles::{Q, QuantileMethod};
pub use sets::Unique;
pub(in crate::array) use table::q_of;

use super::axes::position;
use super::composed::composed;
use super::lanes::lanes;
use super::{Array, counted};
use crate::error::{Error, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::Lane;
use flagstone_kernels::sort::{Gives, Sorter};

/// `expr` along `axis` in order, or the places of that order; without an axis, of all elements in C order.
fn sorted(expr: &Expr, axis: Option<i64>, gives: Gives) -> Result<Expr> {
    let name = if gives == Gives::Values { "sort" } else { "argsort" };
    counted::when_known(name, std::slice::from_ref(expr), &[], move |args| {
        let expr = &args[0];
        let (expr, axis) = match axis {
            None => (Array::from_expr(expr.clone()).ravel().expr()?, 0),
            // NumPy's places of a number are those of an array of one
            Some(0 | -1) if expr.shape.is_empty() && gives == Gives::Places => (Array::from_expr(expr.clone()).ravel().expr()?, 0),
            Some(axis) => (expr.clone(), position(name, axis, expr.shape.len())?),
        };
        let sorter = Sorter { dtype: expr.dtype, gives };
        if expr.shape.contains(&0) {
            return super::elementwise::cast(&expr, sorter.out());
        }
        lanes(Lane::Sort(sorter), expr, axis)
    })
}

/// Along each axis, where the elements stand that are not zero, in C order.
fn nonzero(x: &Array) -> Result<Vec<Array>> {
    let ndim = x.ndim()?;
    if ndim == 0 {
        return Err(Error::bad_request("nonzero", "an array without axes; expected one axis or more, as x.reshape(1) has"));
    }
    let along = |axis: usize| {
        composed("nonzero", &[x], move |arrays| {
            let shape = arrays[0].shape()?;
            let mut lengths = vec![1; shape.len()];
            lengths[axis] = shape[axis];
            let places = super::arange(0, shape[axis] as i64, 1, None).reshape(lengths).broadcast_to(shape);
            Ok(places.index([super::Index::Array(arrays[0].astype(DType::Bool))]))
        })
    };
    Ok((0..ndim).map(along).collect())
}

impl Array {
    /// Along each axis, where the elements stand that are not zero, in C order.
    ///
    /// ```
    /// let found = (flagstone::arange(0, 6, 1, None) % 2).nonzero();
    /// assert_eq!(found[0].compute::<i64>().unwrap().as_slice().unwrap(), [1, 3, 5]);
    /// ```
    #[track_caller]
    pub fn nonzero(&self) -> Vec<Array> {
        nonzero(self).unwrap_or_else(|error| vec![Array::build(|| Err(error))])
    }

    /// The values along `axis` in ascending order, NaN last, complex numbers by real, then imaginary part. A lane longer than
    /// memory is sorted in runs that spill.
    ///
    /// ```
    /// let x = flagstone::arange(3, 0, -1, None).sort(0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: i64) -> Array {
        Array::build(|| sorted(&self.expr()?, Some(axis), Gives::Values))
    }

    /// Where the values of [`Array::sort`] stood along `axis`: equal ones in their own order.
    ///
    /// ```
    /// let x = flagstone::arange(3, 0, -1, None).argsort(0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [2, 1, 0]);
    /// ```
    #[track_caller]
    pub fn argsort(&self, axis: i64) -> Array {
        Array::build(|| sorted(&self.expr()?, Some(axis), Gives::Places))
    }
}
