//! How often values occur: by themselves (`bincount`) or between edges (`histogram`).

use crate::array::elementwise::{broadcast, cast};
use crate::array::{Array, Index, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::tally::Even;

/// How often each integer of `0..bins` occurs, or the sum of its weights; another integer is an error if `strict`.
pub(in crate::array) fn tally(indices: &Array, weights: Option<&Array>, bins: u64, strict: bool) -> Result<Array> {
    tallied(indices, None, weights, bins, strict)
}

/// As [`tally`]; with `even`, of values between edges.
fn tallied(indices: &Array, even: Option<Even>, weights: Option<&Array>, bins: u64, strict: bool) -> Result<Array> {
    let indices = cast(&indices.expr()?, if even.is_some() { DType::F64 } else { DType::I64 })?;
    let weights = match weights {
        Some(weights) if weights.dtype()?.is_complex() => {
            return Err(Error::bad_type("bincount", format!("weights of {}; expected a real dtype", weights.dtype()?)));
        }
        Some(weights) => Some(cast(&weights.expr()?, DType::F64)?),
        None => None,
    };
    let args: Vec<Expr> = std::iter::once(indices).chain(weights).collect();
    let result = counted::when_known("bincount", &args, &[], move |args| {
        let weights = match args.get(1) {
            Some(weights) => Some(broadcast("bincount", weights, &args[0].shape)?),
            None => None,
        };
        if args[0].shape.contains(&0) {
            let dtype = if weights.is_some() { DType::F64 } else { DType::I64 };
            return crate::array::zeros([bins], dtype).expr();
        }
        let rows = Node::new(ops::Tally::new(&args[0], even, weights.as_ref(), bins, strict).into())?;
        Array::from_expr(rows).sum(0).expr()
    })?;
    Ok(Array::from_expr(result))
}

/// Where the edges of a histogram come from.
#[derive(Clone)]
pub(in crate::array) enum Edges {
    /// So many bins of equal width over a range, or over that of the values.
    Even(u64, Option<(f64, f64)>),
    /// These.
    Given(Array),
}

/// Edges, and for each value of `x` the number of its bin, which is none of them for values beyond.
pub(in crate::array) fn binned(name: &str, x: &Array, edges: Edges) -> Result<(Array, Array, u64)> {
    if x.dtype()?.is_complex() {
        return Err(Error::bad_type(name, format!("{} has no order; expected a real dtype", x.dtype()?)));
    }
    match edges {
        Edges::Given(edges) => {
            let n = match edges.shape()?[..] {
                [n] if n > 0 => n - 1,
                ref other => {
                    return Err(Error::bad_request(name, format!("edges of shape {other:?}; expected one axis and an element at least")));
                }
            };
            let (starts, ends) = (edges.index([Index::Slice(None, Some(-1), None)]), edges.index([Index::Slice(Some(1), None, None)]));
            let ascend = starts.le(ends).all(..);
            let edges = edges.required(name, &ascend, "edges that do not ascend; expected ascending ones")?;
            let last = edges.index([Index::Int(-1)]);
            // the last bin has both its edges
            let place = edges.searchsorted(x.clone(), true) - 1;
            let place = where_(x.eq(&last), n as i64 - 1, place);
            Ok((edges, where_(x.isnan(), -1, place), n))
        }
        Edges::Even(bins, range) => {
            if bins == 0 {
                return Err(Error::bad_request(name, "0 bins; expected 1 at least"));
            }
            // the edges are floats of the values' own size, and so is the arithmetic where the values give the range
            let of_edges = if x.dtype()?.is_float() { x.dtype()? } else { DType::F64 };
            let of = if range.is_none() { of_edges } else { DType::F64 };
            let values = x.astype(of);
            let (low, high) = match range {
                Some((low, high)) => {
                    if !(low <= high && low.is_finite() && high.is_finite()) {
                        return Err(Error::bad_request(
                            name,
                            format!("a range from {low} to {high}; expected finite numbers in ascending order"),
                        ));
                    }
                    let end = |value: f64| crate::array::full(Vec::<u64>::new(), value, Some(DType::F64));
                    (end(low), end(high))
                }
                None if x.expr()?.shape.contains(&0) => {
                    (crate::array::zeros(Vec::<u64>::new(), of), crate::array::ones(Vec::<u64>::new(), of))
                }
                None => {
                    let (low, high) = (values.min(..), values.max(..));
                    let finite = low.isfinite().logical_and(high.isfinite());
                    let otherwise = "values whose range is not finite; expected finite ones, or range=";
                    (low.required(name, &finite, otherwise)?, high.required(name, &finite, otherwise)?)
                }
            };
            // all values the same: half a unit to either side
            let same = low.eq(&high);
            let (low, high) = (where_(same.clone(), &low - 0.5, low.clone()), where_(same, &high + 0.5, high));
            let steps = crate::array::arange(0, bins as i64 + 1, 1, None).astype(of);
            let width = &high - &low;
            let edge = {
                let (low, high, width) = (low.clone(), high.clone(), width.clone());
                // as NumPy's linspace: the last edge is the end itself
                move |at: &Array| where_(at.eq(bins as f64), high.clone(), at * (&width / bins as f64) + &low).astype(of_edges).astype(of)
            };
            let edges = edge(&steps).astype(of_edges);
            let part = |start: Option<i64>, stop: Option<i64>| edges.index([Index::Slice(start, stop, None)]);
            let apart = part(None, Some(-1)).lt(part(Some(1), None)).all(..);
            let otherwise = format!("too many bins for the range of the values: {bins} have edges that are the same number");
            let (edges, low) = (edges.required(name, &apart, &otherwise)?, low.required(name, &apart, &otherwise)?);
            let inside = values.ge(&low).logical_and(values.le(&high));
            let place = ((&values - &low) / &width * bins as f64).floor();
            let place = where_(inside.clone(), place, 0.0).clip(0.0, bins as f64 - 1.0);
            // rounding may have put a value beside its bin: the edges decide
            let place = where_(values.lt(edge(&place)), &place - 1.0, place.clone());
            let next = &place + 1.0;
            let over = values.ge(edge(&next)).logical_and(place.ne(bins as f64 - 1.0));
            let place = where_(over, next, place);
            Ok((edges, where_(inside, place, -1.0).astype(DType::I64), bins))
        }
    }
}

/// Counts, or sums of weights, between edges, and the edges.
pub(in crate::array) fn histogram(x: &Array, edges: Edges, density: bool, weights: Option<&Array>) -> Result<(Array, Array)> {
    let (sums, edges) = sums(x, edges, weights)?;
    if !density {
        return Ok((sums, edges));
    }
    let part = |start: Option<i64>, stop: Option<i64>| edges.index([Index::Slice(start, stop, None)]);
    let widths = (part(Some(1), None) - part(None, Some(-1))).astype(DType::F64);
    Ok((&sums / widths / sums.sum(..), edges))
}

/// Counts as int64, or sums of weights in their dtype, and the edges.
fn sums(x: &Array, edges: Edges, weights: Option<&Array>) -> Result<(Array, Array)> {
    let range = if let Edges::Even(_, range) = &edges { *range } else { None };
    let dtype = match weights {
        Some(weights) => weights.dtype()?,
        None => DType::I64,
    };
    if let Some(weights) = weights
        && dtype.is_complex()
    {
        let of = |part: Array| sums(x, edges.clone(), Some(&part));
        let ((real, edges), (imag, _)) = (of(weights.real())?, of(weights.imag())?);
        return Ok((real + imag * Scalar::Complex(0.0, 1.0), edges));
    }
    let (edges, place, bins) = binned("histogram", x, edges)?;
    let counts = match range {
        // as `binned` finds them, in one step
        Some((low, high)) => {
            let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
            tallied(x, Some(Even { low, high, dtype: edges.dtype()? }), weights, bins, false)?
        }
        None => tally(&place, weights, bins, false)?,
    };
    // sums of whole weights are whole
    let counts = if dtype.is_integer() { counts.astype(DType::I64) } else { counts };
    Ok((counts.astype(dtype), edges))
}

impl Array {
    /// How often each of the integers 0, 1, … below `minlength` occurs; greater ones are an error.
    ///
    /// ```
    /// let x = flagstone::arange(0, 7, 1, None) % 3;
    /// assert_eq!(x.bincount(3).compute::<i64>().unwrap().as_slice().unwrap(), [3, 2, 2]);
    /// ```
    #[track_caller]
    pub fn bincount(&self, minlength: u64) -> Array {
        Array::build(|| tally(self, None, minlength, true)?.expr())
    }

    /// How many elements lie in each of `bins` bins of equal width between the least and the greatest, and the edges.
    ///
    /// ```
    /// let (counts, edges) = flagstone::arange(0, 10, 1, None).histogram(3);
    /// assert_eq!(counts.compute::<i64>().unwrap().as_slice().unwrap(), [3, 3, 4]);
    /// assert_eq!(edges.shape().unwrap(), [4]);
    /// ```
    #[track_caller]
    pub fn histogram(&self, bins: u64) -> (Array, Array) {
        histogram(self, Edges::Even(bins, None), false, None).unwrap_or_else(|error| {
            let bad = || Array::build(|| Err(error.clone()));
            (bad(), bad())
        })
    }
}
