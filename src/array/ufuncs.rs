//! Functions of two arrays as reductions, as running totals and as reductions of slices: NumPy's `ufunc.reduce`, `ufunc.accumulate` and
//! `ufunc.reduceat`.

use super::axes::position;
use super::calls::{Options, cumulative, reduction};
use super::composed::composed;
use super::reduce::{self as reductions, first_value};
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Axes, Index, arange, args, concatenate, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::{ReduceOp, ScanOp};

type Called = Result<Value>;

macro_rules! reduces {
    ($name:literal $doc:literal, $call:expr) => {
        sig!($name ["array", "axis" = "0", "dtype" = "None"; "keepdims" = "False", "initial" = "None", "where" = "None"] $doc, $call)
    };
}

macro_rules! accumulates {
    ($name:literal $doc:literal, $call:expr) => {
        sig!($name ["array", "axis" = "0", "dtype" = "None"] $doc, $call)
    };
}

macro_rules! slices {
    ($name:literal $doc:literal, $call:expr) => {
        sig!($name ["array", "indices", "axis" = "0", "dtype" = "None"] $doc, $call)
    };
}

pub(super) static SIGNATURES: &[Signature] = &[
    reduces!("add.reduce" "Sums.", |a| reduce(ReduceOp::Sum, false, a)),
    reduces!("multiply.reduce" "Products.", |a| reduce(ReduceOp::Prod, false, a)),
    reduces!("maximum.reduce" "Largest values.", |a| reduce(ReduceOp::Max, false, a)),
    reduces!("minimum.reduce" "Smallest values.", |a| reduce(ReduceOp::Min, false, a)),
    reduces!("fmax.reduce" "Largest values of what is not NaN.", |a| reduce(ReduceOp::Max, true, a)),
    reduces!("fmin.reduce" "Smallest values of what is not NaN.", |a| reduce(ReduceOp::Min, true, a)),
    reduces!("logical_and.reduce" "Whether all are nonzero.", |a| reduce(ReduceOp::All, false, a)),
    reduces!("logical_or.reduce" "Whether any is nonzero.", |a| reduce(ReduceOp::Any, false, a)),
    reduces!("logical_xor.reduce" "Whether an odd number of them is nonzero.", |a| {
        let truth = args::array("logical_xor.reduce", &a[0])?.astype(DType::Bool);
        reduce(ReduceOp::BitwiseXor, false, &[&[Value::Array(truth), a[1].clone(), Value::None], &a[3..]].concat())
    }),
    reduces!("bitwise_and.reduce" "Bits that all have.", |a| reduce(ReduceOp::BitwiseAnd, false, a)),
    reduces!("bitwise_or.reduce" "Bits that any has.", |a| reduce(ReduceOp::BitwiseOr, false, a)),
    reduces!("bitwise_xor.reduce" "Bits that an odd number of them has.", |a| reduce(ReduceOp::BitwiseXor, false, a)),
    reduces!("logaddexp.reduce" "log Σ eˣ.", |a| log_sum(Base::E, a)),
    reduces!("logaddexp2.reduce" "log₂ Σ 2ˣ.", |a| log_sum(Base::Two, a)),
    reduces!("subtract.reduce" "The first element less all others.", |a| reduce(ReduceOp::Sum, false, &less_the_rest(a, 4)?)),
    accumulates!("add.accumulate" "Running sums.", |a| cumulative(ScanOp::Sum, false, a)),
    accumulates!("subtract.accumulate" "The first element less those so far.", |a| cumulative(ScanOp::Sum, false, &less_the_rest(a, 3)?)),
    accumulates!("multiply.accumulate" "Running products.", |a| cumulative(ScanOp::Prod, false, a)),
    accumulates!("maximum.accumulate" "Running maxima.", |a| cumulative(ScanOp::Max, false, a)),
    accumulates!("minimum.accumulate" "Running minima.", |a| cumulative(ScanOp::Min, false, a)),
    accumulates!("fmax.accumulate" "Running maxima of what is not NaN.", |a| cumulative(ScanOp::Max, true, a)),
    accumulates!("fmin.accumulate" "Running minima of what is not NaN.", |a| cumulative(ScanOp::Min, true, a)),
    accumulates!("logical_and.accumulate" "Whether all so far are nonzero.", |a| cumulative(ScanOp::Min, false, &truths(a)?)),
    accumulates!("logical_or.accumulate" "Whether any so far is nonzero.", |a| cumulative(ScanOp::Max, false, &truths(a)?)),
    slices!("add.reduceat" "Sums of the elements from each index up to the next, and of one element where the next is not greater.", |a| at(ReduceOp::Sum, a)),
    slices!("multiply.reduceat" "Products of such slices.", |a| at(ReduceOp::Prod, a)),
    slices!("maximum.reduceat" "Largest values of such slices.", |a| at(ReduceOp::Max, a)),
    slices!("minimum.reduceat" "Smallest values of such slices.", |a| at(ReduceOp::Min, a)),
    slices!("logical_and.reduceat" "Whether all of such slices are nonzero.", |a| at(ReduceOp::All, a)),
    slices!("logical_or.reduceat" "Whether any of such slices is nonzero.", |a| at(ReduceOp::Any, a)),
    slices!("bitwise_and.reduceat" "Bits that all of such slices have.", |a| at(ReduceOp::BitwiseAnd, a)),
    slices!("bitwise_or.reduceat" "Bits that any of such slices has.", |a| at(ReduceOp::BitwiseOr, a)),
];

/// (array, axis, dtype, …) with the others of an axis negated, as their first one less the others is their sum; `initial` is at that place.
fn less_the_rest(a: &[Value], initial: usize) -> Result<Vec<Value>> {
    const NAME: &str = "subtract";
    let (x, axes) = (args::array(NAME, &a[0])?, args::axes(NAME, &a[1])?);
    let dtype = args::dtype(NAME, &a[2])?.map_or_else(|| x.dtype(), Ok)?;
    if dtype == DType::Bool {
        return Err(Error::bad_type(NAME, "bool; use bitwise_xor or logical_xor"));
    }
    let x = x.astype(dtype);
    let [axis] = axes.positions(NAME, x.ndim()?)?[..] else {
        return Err(Error::bad_request(NAME, "several axes; the order of differences matters, so expected one"));
    };
    let first = a.get(initial).is_none_or(|initial| matches!(initial, Value::None));
    if first && a.get(5).is_some_and(|only| !matches!(only, Value::None)) {
        return Err(Error::bad_request(NAME, "where= without an initial value; expected initial="));
    }
    let mut signed = a.to_vec();
    signed[0] = Value::Array(composed(NAME, &[&x], move |arrays| {
        let x = &arrays[0];
        let mut shape = vec![1; x.ndim()?];
        shape[axis] = x.shape()?[axis];
        let place = arange(0, shape[axis] as i64, 1, None).reshape(shape);
        // less an initial value all are taken
        Ok(where_(if first { place.gt(0) } else { place.ge(0) }, -x, x))
    }));
    signed[2] = Value::DType(dtype);
    Ok(signed)
}

/// Fewer slices are each reduced by itself.
const GROUPED_MIN: usize = 32;

/// Slices that follow one another along an axis of `x`, from `starts` on, as groups of places: in one pass, however many they are.
fn grouped(op: ReduceOp, x: &Array, axis: usize, starts: &[i64], dtype: Option<DType>) -> Result<Option<Array>> {
    let n = x.shape()?[axis] as i64;
    let mut index = vec![Index::WHOLE; axis];
    index.push(Index::Slice(Some(starts[0]), None, None));
    let edges = Array::from(ndarray::Array1::from(starts.to_vec()));
    let labels = edges.searchsorted(arange(starts[0], n, 1, None), true) - 1;
    let groups = |x: &Array| x.index(index.clone()).groupby(&labels, axis as i64, starts.len() as u64);
    let truth = || x.astype(DType::Bool).astype(DType::U8);
    let of = dtype.map_or_else(|| x.clone(), |dtype| x.astype(dtype));
    let as_given = |found: Array| match dtype {
        Some(dtype) => found.astype(dtype),
        None => found,
    };
    Ok(match op {
        // whole numbers are added as they are, and floats as float64
        ReduceOp::Sum if !of.dtype()?.is_complex() => Some(as_given(groups(&of).sum())),
        ReduceOp::Max if !of.dtype()?.is_complex() => Some(as_given(groups(&of).max())),
        ReduceOp::Min if !of.dtype()?.is_complex() => Some(as_given(groups(&of).min())),
        ReduceOp::All => Some(groups(&truth()).min().astype(DType::Bool)),
        ReduceOp::Any => Some(groups(&truth()).max().astype(DType::Bool)),
        _ => None,
    })
}

/// Without those that come again.
fn distinct(starts: &[i64]) -> Vec<i64> {
    let mut distinct = starts.to_vec();
    distinct.dedup();
    distinct
}

/// Slices from `starts`, ascending, of which some come again: the last of the same is that of `found`, the others are one element.
fn repeated(op: ReduceOp, x: &Array, axis: usize, starts: &[i64], found: &Array) -> Result<Array> {
    let ends = starts.iter().skip(1).map(Some).chain([None]);
    let is_one: Vec<bool> = starts.iter().zip(ends).map(|(start, next)| next == Some(start)).collect();
    let number = |before: &mut i64, pair: (usize, &bool)| {
        *before += i64::from(pair.0 > 0 && !is_one[pair.0 - 1]);
        Some(*before)
    };
    let numbers: Vec<i64> = is_one.iter().enumerate().scan(0, number).collect();
    let of = |places: Vec<i64>| Array::from(ndarray::Array1::from(places));
    let ones = x.take(&of(starts.to_vec()), axis as i64);
    let ones = if matches!(op, ReduceOp::All | ReduceOp::Any) { ones.astype(DType::Bool) } else { ones };
    let mut shape = vec![1; x.ndim()?];
    shape[axis] = starts.len() as u64;
    let is_one = Array::from(ndarray::Array1::from(is_one)).reshape(shape);
    Ok(where_(is_one, ones.astype(found.dtype()?), found.take(&of(numbers), axis as i64)))
}

/// (array, indices, axis, dtype).
fn at(op: ReduceOp, a: &[Value]) -> Called {
    let name = "reduceat";
    let (x, axis) = (args::array(name, &a[0])?, args::integer(name, &a[2])?);
    let (indices, dtype) = (args::integers(name, &args::told(name, &a[1])?)?, args::dtype(name, &a[3])?);
    let (ndim, all) = (x.ndim()?, Axes { keepdims: true, dtype, ..args::axes(name, &a[2])? });
    let axis = position(name, axis, ndim)?;
    Ok(Value::Array(composed(name, &[&x], move |arrays| {
        let x = &arrays[0];
        let n = x.shape()?[axis] as i64;
        if let Some(beyond) = indices.iter().find(|&&index| !(0..n).contains(&index)) {
            return Err(Error::bad_index(name, format!("index {beyond} is out of bounds for axis {axis} with length {n}")));
        }
        let in_order = indices.windows(2).all(|pair| pair[0] <= pair[1]);
        if in_order
            && indices.len() > GROUPED_MIN
            && let Some(found) = grouped(op, x, axis, &distinct(&indices), dtype)?
        {
            return if indices.windows(2).all(|pair| pair[0] < pair[1]) { Ok(found) } else { repeated(op, x, axis, &indices, &found) };
        }
        let ends = indices.iter().skip(1).copied().chain([n]);
        let slice = |(&start, end): (&i64, i64)| {
            let mut index = vec![Index::WHOLE; ndim];
            index[axis] = Index::Slice(Some(start), Some(end.max(start + 1)), None);
            Array::build(|| reductions::reduce(op, &x.index(index).expr()?, &all, false))
        };
        let parts: Vec<Array> = indices.iter().zip(ends).map(slice).collect();
        if parts.is_empty() {
            let mut none = vec![Index::WHOLE; ndim];
            none[axis] = Index::Slice(Some(0), Some(0), None);
            return Ok(slice((&0, n)).index(none));
        }
        Ok(concatenate(&parts, axis as i64))
    })))
}

/// (array, axis, dtype, keepdims, initial, where).
fn reduce(op: ReduceOp, skip_nan: bool, a: &[Value]) -> Called {
    let options = Options { axis: &a[1], dtype: &a[2], keepdims: &a[3], initial: &a[4], only: &a[5], ..Options::NONE };
    reduction(op, skip_nan, &a[0], options)
}

/// (array, axis, dtype), the array as bools.
fn truths(a: &[Value]) -> Result<Vec<Value>> {
    Ok(vec![Value::Array(args::array("accumulate", &a[0])?.astype(DType::Bool)), a[1].clone(), Value::None])
}

/// Of which powers the logarithms are added.
#[derive(Clone, Copy)]
enum Base {
    E,
    Two,
}

impl Base {
    fn power(self, x: &Array) -> Array {
        match self {
            Base::E => x.exp(),
            Base::Two => x.exp2(),
        }
    }
    fn log(self, x: &Array) -> Array {
        match self {
            Base::E => x.log(),
            Base::Two => x.log2(),
        }
    }
    fn joined(self, a: &Array, b: &Array) -> Array {
        match self {
            Base::E => a.logaddexp(b),
            Base::Two => a.logaddexp2(b),
        }
    }
}

/// (array, axis, dtype, keepdims, initial, where): powers of what is less the greatest, so that none overflows. Two reads.
fn log_sum(base: Base, a: &[Value]) -> Called {
    let name = "logaddexp.reduce";
    let array = args::array(name, &a[0])?;
    let dtype = match args::dtype(name, &a[2])? {
        Some(dtype) => dtype,
        None => array.logaddexp(&array).dtype()?,
    };
    let axes = Axes { keepdims: true, ..args::axes(name, &a[1])? };
    let (keepdims, initial) =
        (args::boolean(name, &a[3])?, if matches!(a[4], Value::None) { None } else { Some(args::operand(name, &a[4])?) });
    let x = match &a[5] {
        Value::None => array.astype(dtype),
        only => where_(&args::array(name, only)?, array.astype(dtype), f64::NEG_INFINITY),
    };
    Ok(Value::Array(composed(name, &[&x], move |arrays| {
        let x = &arrays[0];
        let most = x.max(axes.clone().initial(f64::NEG_INFINITY));
        // ∞ − ∞ is no number
        let level = where_(most.isfinite(), &most, 0.0);
        let sums = base.log(&base.power(&(x - &level)).sum(axes.clone())) + level;
        let sums = match &initial {
            None => sums,
            Some(first) => base.joined(&sums, &first_value(first, dtype)),
        };
        let dropped: Vec<i64> = axes.positions(name, x.ndim()?)?.into_iter().map(|axis| axis as i64).collect();
        Ok(if keepdims { sums } else { sums.squeeze(dropped) })
    })))
}
