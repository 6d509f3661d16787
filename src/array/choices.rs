//! One of several arrays at each place: by conditions, by number, or by functions that hold in parts.

use super::composed::composed;
use super::elementwise::constant;
use super::lookup::held;
use super::operand::{Arg, common_dtype};
use super::{Array, Operand, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use std::sync::Arc;

/// Operands of one dtype, numbers being weak.
fn promoted(operands: &[Operand]) -> Result<Vec<Array>> {
    let args = operands.iter().map(Operand::arg).collect::<Result<Vec<_>>>()?;
    let dtype = common_dtype(&args.iter().collect::<Vec<_>>());
    let one = |arg: Arg| match arg {
        Arg::Expr(expr) => Ok(Array::from_expr(expr).astype(dtype)),
        Arg::Weak(scalar) => {
            super::operand::check_fits("select", scalar, dtype)?;
            constant(scalar, dtype, &[]).map(Array::from_expr)
        }
    };
    args.into_iter().map(one).collect()
}

/// The choice of the first condition that holds at each place, or `default`.
///
/// ```
/// use flagstone::{arange, array::select};
/// let x = arange(0, 4, 1, None);
/// let y = select(&[x.lt(1), x.gt(2)], &[(&x - 10).into(), (&x + 10).into()], 0);
/// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [-10, 0, 0, 13]);
/// ```
#[track_caller]
pub fn select(conditions: &[Array], choices: &[Operand], default: impl Into<Operand>) -> Array {
    let all: Vec<Operand> = choices.iter().cloned().chain([default.into()]).collect();
    Array::build(|| {
        if conditions.len() != choices.len() || conditions.is_empty() {
            let what = format!("{} conditions for {} choices; expected as many, and one at least", conditions.len(), choices.len());
            return Err(Error::bad_request("select", what));
        }
        if let Some(other) = conditions.iter().map(Array::dtype).collect::<Result<Vec<_>>>()?.iter().find(|dtype| **dtype != DType::Bool) {
            return Err(Error::bad_type("select", format!("a condition of {other}; expected bool")));
        }
        let mut all = promoted(&all)?;
        let default = all.pop().ok_or_else(|| Error::internal("select without a default"))?;
        conditions.iter().zip(all).rev().fold(default, |otherwise, (condition, choice)| where_(condition, choice, otherwise)).expr()
    })
}

/// What a number that no choice has stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It goes around: of n choices, number n is the first one.
    Wrap,
    /// The first or the last one.
    Clip,
    /// None: computing is an error.
    Refuse,
}

/// The choice whose number stands in `numbers` at each place.
///
/// ```
/// use flagstone::{arange, array::{Missing, choose}};
/// let x = arange(0, 4, 1, None);
/// let y = choose(&x, &[&x * 10, &x * 100], Missing::Wrap);
/// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [0, 100, 20, 300]);
/// ```
#[track_caller]
pub fn choose(numbers: &Array, choices: &[Array], missing: Missing) -> Array {
    Array::build(|| {
        let dtype = numbers.dtype()?;
        if !(dtype.is_integer() || dtype == DType::Bool) {
            return Err(Error::bad_type("choose", format!("numbers of {dtype}; expected an integer dtype or bool")));
        }
        if choices.is_empty() || choices.len() > 256 {
            return Err(Error::bad_request("choose", format!("{} choices; expected 1 to 256", choices.len())));
        }
        let (numbers, last) = (numbers.astype(DType::I64), choices.len() as i64 - 1);
        let numbers = match missing {
            Missing::Wrap => numbers % (last + 1),
            Missing::Clip => numbers.clip(0, last),
            Missing::Refuse => Array::from_expr(held(&numbers.expr()?, choices.len() as u64, false)?),
        };
        let mut choices = promoted(&choices.iter().map(Operand::from).collect::<Vec<_>>())?.into_iter();
        let first = choices.next().ok_or_else(|| Error::internal("choose without choices"))?;
        // the numbers broadcast, too
        let first = where_(numbers.ge(0), &first, &first);
        (1..).zip(choices).fold(first, |otherwise, (number, choice)| where_(numbers.eq(number), choice, otherwise)).expr()
    })
}

/// What [`piecewise`] does where a condition holds: a function of an array, which is asked to build, not to compute.
pub type Branch = Arc<dyn Fn(&Array) -> Array + Send + Sync>;

/// `x` by the function of the last condition that holds at each place, cast to the dtype of `x`; by one more function, where
/// there is one, or 0 where none holds.
///
/// ```
/// use flagstone::{Array, arange, array::piecewise};
/// use std::sync::Arc;
/// let x = arange(-2, 3, 1, None);
/// let y = piecewise(&x, &[x.lt(0)], &[Arc::new(|x: &Array| -x), Arc::new(|x: &Array| x * 10)]);
/// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [2, 1, 0, 10, 20]);
/// ```
#[track_caller]
pub fn piecewise(x: &Array, conditions: &[Array], functions: &[Branch]) -> Array {
    let given: Vec<&Array> = std::iter::once(x).chain(conditions).collect();
    let functions = functions.to_vec();
    composed("piecewise", &given, move |arrays| {
        let (x, conditions) = (&arrays[0], &arrays[1..]);
        let further = functions.len().checked_sub(conditions.len()).filter(|&more| more <= 1);
        let Some(further) = further else {
            let what = format!("{} functions for {} conditions; expected as many, or one more", functions.len(), conditions.len());
            return Err(Error::bad_request("piecewise", what));
        };
        let dtype = x.dtype()?;
        let otherwise = match further {
            1 => functions[conditions.len()](x).astype(dtype),
            _ => x.full_like(false, None),
        };
        let otherwise = otherwise.broadcast_to(x.shape()?);
        Ok(conditions.iter().zip(&functions).fold(otherwise, |otherwise, (condition, f)| where_(condition, f(x).astype(dtype), otherwise)))
    })
}
