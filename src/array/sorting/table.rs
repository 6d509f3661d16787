//! The rows of what the order of values decides, in the table of what users can call by NumPy's names.

use super::bin_rules::{self, Rule};
use super::places::{self, Beyond};
use super::quantiles::{Q, QuantileMethod};
use super::{along as lanes, search, sets, tally, weighted};
use crate::array::as_many::up_to_greatest;
use crate::array::composed::composed_as;
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, Index, args, counted, stack};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::sort::Gives;

/// quantile, percentile and their nan- forms: (a, q, axis, out, overwrite_input, method, keepdims, *, weights).
macro_rules! quantiles {
    ($name:literal $top:literal $nan:literal $doc:literal) => {
        sig!($name ["a", "q", "axis" = "None", "out" = "None", "overwrite_input" = "False", "method" = "'linear'", "keepdims" = "False"; "weights" = "None"] $doc,
            |a| quantile($name, $top, $nan, a))
    };
}

/// What sorts and selects.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!(method "sort" ["a", "axis" = "-1", "kind" = "None"; "stable" = "None"] "In ascending order along an axis, NaN last.", |a| sorted("sort", Gives::Values, a)),
    sig!(method "argsort" ["a", "axis" = "-1", "kind" = "None"; "stable" = "None"] "The places of the sorted values; equal ones in their order.",
        |a| sorted("argsort", Gives::Places, a)),
    sig!(method "partition" ["a", "kth", "axis" = "-1"] "With the kth value at its place: sorted.", |a| partitioned("partition", Gives::Values, a)),
    sig!(method "argpartition" ["a", "kth", "axis" = "-1"] "The places of the partitioned values.", |a| partitioned("argpartition", Gives::Places, a)),
    sig!("sort_complex" ["a"] "In ascending order along the last axis, as complex numbers.", |a| sort_complex(a)),
    sig!("median" ["a", "axis" = "None", "out" = "None", "overwrite_input" = "False", "keepdims" = "False"] "The exact median.", |a| median("median", a)),
    sig!("nanmedian" ["a", "axis" = "None", "out" = "None", "overwrite_input" = "False", "keepdims" = "False"] "The exact median of what is not NaN.", |a| median("nanmedian", a)),
    sig!(method "searchsorted" ["a", "v", "side" = "'left'", "sorter" = "None"] "Where values belong in a sorted array.", |a| searchsorted(a)),
    sig!("digitize" ["x", "bins", "right" = "False"] "Between which edges each value lies.", |a| {
        let (x, bins) = (args::array("digitize", &a[0])?, args::array("digitize", &a[1])?);
        Ok(Value::Array(search::digitize(&x, &bins, args::boolean("digitize", &a[2])?)?))
    }),
    sig!("isin" ["element", "test_elements", "assume_unique" = "False", "invert" = "False"; "kind" = "None"] "Whether each element is one of others.", |a| {
        if !matches!(&a[4], Value::None) && !matches!(&a[4], Value::Str(kind) if kind == "sort" || kind == "table") {
            return Err(Error::bad_request("isin", "an unknown kind; expected None, 'sort' or 'table'"));
        }
        let found = search::isin(&args::array("isin", &a[0])?, &args::array("isin", &a[1])?)?;
        Ok(Value::Array(if args::boolean("isin", &a[3])? { found.logical_not() } else { found }))
    }),
    sig!("interp" ["x", "xp", "fp", "left" = "None", "right" = "None", "period" = "None"] "Linear interpolation of points.", |a| interp(a)),
    sig!(moves method "take" ["a", "indices", "axis" = "None"; "mode" = "'raise'"] "The elements at indices along an axis.", |a| take(a)),
    sig!(moves "take_along_axis" ["arr", "indices", "axis" = "-1"] "The elements of each lane at places of its own.", |a| {
        const NAME: &str = "take_along_axis";
        let (x, indices) = (args::array(NAME, &a[0])?, args::array(NAME, &a[1])?);
        Ok(Value::Array(x.take_along_axis(&indices, axis_of(NAME, &a[2])?)))
    }),
    sig!("put_along_axis" ["arr", "indices", "values", "axis"] "The array with values at places of each lane; NumPy changes its argument.", |a| {
        const NAME: &str = "put_along_axis";
        let (x, indices) = (args::array(NAME, &a[0])?, args::array(NAME, &a[1])?);
        Ok(Value::Array(x.put_along_axis(&indices, args::operand(NAME, &a[2])?, axis_of(NAME, &a[3])?)))
    }),
    sig!("unravel_index" ["indices", "shape", "order" = "'C'"] "The place along each axis of places in an array.", |a| {
        const NAME: &str = "unravel_index";
        let shape = args::shape(NAME, &a[1])?.lengths(NAME)?;
        Ok(tuple(places::unravel_index(&args::array(NAME, &a[0])?, &shape, is_fortran(NAME, &a[2])?)?))
    }),
    sig!("ravel_multi_index" ["multi_index", "dims", "mode" = "'raise'", "order" = "'C'"] "Places along each axis as one place in an array.", |a| {
        const NAME: &str = "ravel_multi_index";
        let mode = |value: &Value| match value {
            Value::Str(mode) => Beyond::of_name(NAME, mode),
            _ => Err(Error::bad_request(NAME, "expected mode 'raise', 'wrap' or 'clip'")),
        };
        let modes = match &a[2] {
            Value::Tuple(each) | Value::List(each) => each.iter().map(mode).collect::<Result<Vec<_>>>()?,
            one => vec![mode(one)?],
        };
        let (along, shape) = (args::arrays(NAME, &a[0])?, args::shape(NAME, &a[1])?.lengths(NAME)?);
        if ![1, shape.len()].contains(&modes.len()) {
            return Err(Error::bad_request(NAME, format!("{} modes for {} axes; expected one, or one an axis", modes.len(), shape.len())));
        }
        Ok(Value::Array(places::ravel_multi_index(&along, &shape, &modes, is_fortran(NAME, &a[3])?)?))
    }),
    sig!("trim_zeros" ["filt", "trim" = "'fb'", "axis" = "None"] "Without the zeros at the front and back of axes.", |a| {
        let trim = match &a[1] {
            Value::Str(trim) if !trim.is_empty() && trim.chars().all(|end| "fbFB".contains(end)) => trim.to_lowercase(),
            _ => return Err(Error::bad_request("trim_zeros", "expected trim 'f', 'b' or 'fb'")),
        };
        let x = args::array("trim_zeros", &a[0])?;
        let ends = (trim.contains('f'), trim.contains('b'));
        let axes = match &a[2] {
            Value::None => (0..x.ndim()? as i64).collect(),
            axes => args::integers("trim_zeros", axes)?,
        };
        Ok(Value::Array(places::trim_zeros(&x, ends, &axes)?))
    }),
    sig!("lexsort" ["keys", "axis" = "-1"] "The order by several keys, the last one first.", |a| {
        Ok(Value::Array(lanes::lexsort(&args::arrays("lexsort", &a[0])?, args::integer("lexsort", &a[1])?)?))
    }),
    sig!(moves [1] "compress" ["condition", "a", "axis" = "None"] "The elements where a condition of one axis holds.", |a| compress(a)),
    sig!("extract" ["condition", "arr"] "All elements where a condition holds.", |a| {
        let (mask, x) = (args::array("extract", &a[0])?.ravel().astype(DType::Bool), args::array("extract", &a[1])?.ravel());
        Ok(Value::Array(x.index([Index::Array(mask)])))
    }),
    sig!(method "nonzero" ["a"] "Where the elements are that are not zero, an array an axis.",
        |a| Ok(tuple(args::array("nonzero", &a[0])?.nonzero()))),
    sig!("flatnonzero" ["a"] "Where the elements of the flattened array are that are not zero.",
        |a| Ok(Value::Array(args::array("flatnonzero", &a[0])?.ravel().nonzero().remove(0)))),
    sig!("argwhere" ["a"] "Where the elements are that are not zero, a row an element.",
    |a| {
        let array = args::array("argwhere", &a[0])?;
        // a number is there or not, and has no place
        let found = if array.ndim()? == 0 { array.reshape([1]).nonzero() } else { array.nonzero() };
        let found = stack(&found, 1);
        Ok(Value::Array(if array.ndim()? == 0 { found.index([Index::WHOLE, Index::Slice(Some(0), Some(0), None)]) } else { found }))
    }),
    sig!("unique" ["ar", "return_index" = "False", "return_inverse" = "False", "return_counts" = "False", "axis" = "None"; "equal_nan" = "True", "sorted" = "True"] "The different elements, ascending.", |a| unique(a)),
    sig!("unique_values" ["x"] "The different elements, ascending.", |a| Ok(Value::Array(args::array("unique_values", &a[0])?.unique_with(false).values))),
    sig!("unique_counts" ["x"] -> ["values", "counts"] "The different elements, and how often each occurs.", |a| {
        let found = args::array("unique_counts", &a[0])?.unique_with(false);
        Ok(tuple(vec![found.values, found.counts]))
    }),
    sig!("unique_inverse" ["x"] -> ["values", "inverse_indices"] "The different elements, and the place among them of each element.", |a| {
        let found = args::array("unique_inverse", &a[0])?.unique_with(false);
        Ok(tuple(vec![found.values, found.inverse]))
    }),
    sig!("unique_all" ["x"] -> ["values", "indices", "inverse_indices", "counts"] "The different elements, their first places, the place of each element, and their counts.", |a| {
        let found = args::array("unique_all", &a[0])?.unique_with(false);
        Ok(tuple(vec![found.values, found.index, found.inverse, found.counts]))
    }),
    sig!("intersect1d" ["ar1", "ar2", "assume_unique" = "False", "return_indices" = "False"] "Elements of both, and where they are first in each.",
        |a| intersect1d(a)),
    sig!("union1d" ["ar1", "ar2"] "Elements of either.", |a| of_both("union1d", sets::union1d, a)),
    sig!("setdiff1d" ["ar1", "ar2", "assume_unique" = "False"] "Elements of the first that are none of the second; in their order where they are unique.", |a| {
        let kept = args::boolean("setdiff1d", &a[2])?;
        of_both("setdiff1d", if kept { sets::setdiff1d_in_order } else { sets::setdiff1d }, a)
    }),
    sig!("setxor1d" ["ar1", "ar2", "assume_unique" = "False"] "Elements of exactly one.", |a| of_both("setxor1d", sets::setxor1d, a)),
    sig!("topk" ["a", "k", "axis" = "-1"] "The k largest values, descending; the smallest, ascending, for −k (dask).", |a| top("topk", Gives::Values, a)),
    sig!("argtopk" ["a", "k", "axis" = "-1"] "Where the k largest values stand (dask).", |a| top("argtopk", Gives::Places, a)),
    sig!("bincount" ["x", "weights" = "None", "minlength" = "0"] "How often each of 0, 1, … up to the greatest occurs, with minlength bins at least.", |a| bincount(a)),
    sig!("histogram" ["a", "bins" = "10", "range" = "None", "density" = "None", "weights" = "None"] "Counts between edges, and the edges.", |a| histogram(a)),
    sig!("histogram_bin_edges" ["a", "bins" = "10", "range" = "None", "weights" = "None"] "The edges of a histogram.", |a| histogram_bin_edges(a)),
    sig!("histogram2d" ["x", "y", "bins" = "10", "range" = "None", "density" = "None", "weights" = "None"] "Counts of pairs, and both edges.", |a| histogram2d(a)),
    sig!("histogramdd" ["sample", "bins" = "10", "range" = "None", "density" = "None", "weights" = "None"]
        "Counts of points in as many dimensions as there are columns, and the edges of each.", |a| histogramdd(a)),
    quantiles!("quantile" 1.0 false "Exact quantiles, by any of NumPy's methods."),
    quantiles!("percentile" 100.0 false "Exact percentiles, by any of NumPy's methods."),
    quantiles!("nanquantile" 1.0 true "Exact quantiles of what is not NaN."),
    quantiles!("nanpercentile" 100.0 true "Exact percentiles of what is not NaN."),
];

fn sorted(name: &str, gives: Gives, a: &[Value]) -> Result<Value> {
    if let Value::Str(kind) = &a[2]
        && !["quicksort", "mergesort", "heapsort", "stable"].contains(&kind.as_str())
    {
        return Err(Error::bad_request(name, format!("kind '{kind}'; expected quicksort, mergesort, heapsort or stable")));
    }
    along(name, gives, &a[0], &a[1])
}

fn along(name: &str, gives: Gives, array: &Value, axis: &Value) -> Result<Value> {
    let axis = if matches!(axis, Value::None) { None } else { Some(args::integer(name, axis)?) };
    let array = args::array(name, array)?;
    Ok(Value::Array(Array::build(|| super::sorted(&array.expr()?, axis, gives))))
}

fn partitioned(name: &str, gives: Gives, a: &[Value]) -> Result<Value> {
    let sorted = along(name, gives, &a[0], &a[2])?;
    if let Value::Array(array) = &sorted {
        let shape = array.shape()?;
        let axis = if matches!(a[2], Value::None) { 0 } else { super::position(name, args::integer(name, &a[2])?, shape.len())? };
        let n = shape[axis] as i64;
        if let Some(kth) = args::integers(name, &a[1])?.into_iter().find(|&kth| kth < -n || kth >= n) {
            return Err(Error::bad_request(name, format!("kth {kth} of {n} elements")));
        }
    }
    Ok(sorted)
}

/// Refuses an array to write to: an array is another one afterwards, and there is none to give it to.
fn nowhere(name: &str, out: &Value) -> Result<()> {
    if is_none(out) { Ok(()) } else { Err(Error::unsupported(name, "out=; use what is returned")) }
}

fn median(name: &str, a: &[Value]) -> Result<Value> {
    nowhere(name, &a[2])?;
    let mut axes = args::axes(name, &a[1])?;
    axes.keepdims = args::boolean(name, &a[4])?;
    let array = args::array(name, &a[0])?;
    Ok(Value::Array(if name == "median" { array.median(axes) } else { array.nanmedian(axes) }))
}

fn quantile(name: &str, top: f64, skip_nan: bool, a: &[Value]) -> Result<Value> {
    nowhere(name, &a[3])?;
    let shape = places_of(name, &a[1])?;
    let q = q_of(name, &a[1])?;
    let q = if top == 100.0 { q.percent() } else { q };
    q.checked(name, top)?;
    let method = match &a[5] {
        Value::Str(method) => QuantileMethod::of_name(method).ok_or_else(|| {
            let known: Vec<&str> = QuantileMethod::NAMES.iter().map(|(name, _)| *name).collect();
            Error::bad_request(name, format!("method '{method}'; expected one of {}", known.join(", ")))
        })?,
        _ => return Err(Error::bad_request(name, "expected the name of a method such as 'linear'")),
    };
    let mut axes = args::axes(name, &a[2])?;
    axes.keepdims = args::boolean(name, &a[6])?;
    let array = args::array(name, &a[0])?;
    let own = array.dtype()?;
    let of_fractions = dtype_of_fractions(&a[1])?;
    // at whole numbers the linear method takes values as they are
    let is_taken = top == 1.0 && method == QuantileMethod::Linear && (of_fractions.is_integer() || of_fractions == DType::Bool);
    let method = if is_taken && (own.is_integer() || own.is_float()) { QuantileMethod::Lower } else { method };
    let between = with_fractions(own, &a[1])?;
    let array = if !method.is_discrete() { array.astype(between) } else { array };
    if let Some(weights) = weights(name, &a[7])? {
        if method != QuantileMethod::InvertedCdf {
            return Err(Error::bad_request(name, format!("weights with method '{}'; expected 'inverted_cdf'", method.name())));
        }
        return Ok(Value::Array(in_places(weighted::quantile(name, &array, &q, &axes, &weights, skip_nan), &shape)?));
    }
    let found = Array::build(|| super::quantile(name, &array.expr()?, &q, &axes, method, skip_nan));
    // what lies between floats is one of the dtype of both
    let found = match own.is_float() && !method.is_discrete() {
        _ if is_taken => found.astype(own),
        true => found.astype(between),
        false => found,
    };
    Ok(Value::Array(in_places(found, &shape)?))
}

/// The quantiles of a parameter that is a number, nested lists or an array: one, or several as they come.
pub(in crate::array) fn q_of(name: &str, value: &Value) -> Result<Q> {
    let mut flat = Vec::new();
    flattened(name, &args::told(name, value)?, &mut flat)?;
    Ok(if places_of(name, value)?.is_empty() && flat.len() == 1 { Q::from(flat[0]) } else { Q::from(flat) })
}

/// Of numbers without a dtype that of their kind.
fn dtype_of_fractions(q: &Value) -> Result<DType> {
    match q {
        Value::Scalar(q) => Ok(q.natural_dtype()),
        Value::Typed(_, own) => Ok(*own),
        other => args::array("quantile", other)?.dtype(),
    }
}

/// The shape of a parameter that is a number, nested lists or an array.
fn places_of(name: &str, value: &Value) -> Result<Vec<u64>> {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Array(_) => args::array(name, value)?.shape(),
        _ => Ok(vec![]),
    }
}

fn flattened(name: &str, value: &Value, out: &mut Vec<f64>) -> Result<()> {
    match value {
        Value::List(items) | Value::Tuple(items) => items.iter().try_for_each(|item| flattened(name, item, out)),
        one => args::float(name, one).map(|q| out.push(q)),
    }
}

/// What was found along a first axis of fractions, in the shape that the fractions came in.
fn in_places(found: Array, shape: &[u64]) -> Result<Array> {
    if shape.len() < 2 {
        return Ok(found);
    }
    let rest = found.shape()?.split_off(1);
    Ok(found.reshape([shape, &rest].concat()))
}

/// The dtype of floats and fractions of a dtype of their own, as an array has and a list gets from NumPy; a number has none.
fn with_fractions(dtype: DType, q: &Value) -> Result<DType> {
    if !dtype.is_float() {
        return Ok(dtype);
    }
    match q {
        Value::Scalar(_) => Ok(dtype),
        _ => Ok(dtype.promote(Some(dtype_of_fractions(q)?).filter(|own| own.is_float()).unwrap_or(DType::F64))),
    }
}

fn tuple(arrays: Vec<Array>) -> Value {
    Value::Tuple(arrays.into_iter().map(Value::Array).collect())
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::None)
}

fn searchsorted(a: &[Value]) -> Result<Value> {
    let right = match &a[2] {
        Value::Str(side) if side == "left" || side == "right" => side == "right",
        _ => return Err(Error::bad_request("searchsorted", "expected side 'left' or 'right'")),
    };
    let (table, v) = (args::array("searchsorted", &a[0])?, args::operand("searchsorted", &a[1])?);
    let table = if is_none(&a[3]) { table } else { table.take(&args::array("searchsorted", &a[3])?, 0) };
    Ok(Value::Array(table.searchsorted(v, right)))
}

fn interp(a: &[Value]) -> Result<Value> {
    let of = |at: usize| args::array("interp", &a[at]);
    let beyond = |at: usize| if is_none(&a[at]) { Ok(None) } else { of(at).map(Some) };
    let (mut x, mut xp, mut fp) = (of(0)?, of(1)?, of(2)?);
    if !is_none(&a[5]) {
        let period = args::float("interp", &a[5])?.abs();
        if period == 0.0 {
            return Err(Error::bad_request("interp", "period 0; expected a length"));
        }
        (x, xp, fp) = search::periodic(&x, &xp, &fp, period)?;
        return Ok(Value::Array(search::interp(&x, &xp, &fp, None, None)?));
    }
    Ok(Value::Array(search::interp(&x, &xp, &fp, beyond(3)?.as_ref(), beyond(4)?.as_ref())?))
}

fn take(a: &[Value]) -> Result<Value> {
    let (x, indices) = (args::array("take", &a[0])?, args::array("take", &a[1])?);
    let (x, axis) = if is_none(&a[2]) { (x.ravel(), 0) } else { (x, args::integer("take", &a[2])?) };
    let shape = x.shape()?;
    let n = shape[super::position("take", axis, shape.len())?] as i64;
    let is_raise = matches!(&a[3], Value::Str(mode) if mode == "raise");
    if let (true, Ok(listed)) = (is_raise, args::integers("take", &a[1]))
        && let Some(at) = listed.into_iter().find(|&at| at < -n || at >= n)
    {
        return Err(Error::bad_index("take", format!("index {at} is out of bounds for axis {axis} with length {n}")));
    }
    let indices = match &a[3] {
        Value::Str(mode) if mode == "raise" => indices,
        Value::Str(mode) if mode == "clip" => indices.clip(0, n - 1),
        Value::Str(mode) if mode == "wrap" => indices % n,
        _ => return Err(Error::bad_request("take", "expected mode 'raise', 'wrap' or 'clip'")),
    };
    Ok(Value::Array(x.take(&indices, axis)))
}

pub(in crate::array) fn compress(a: &[Value]) -> Result<Value> {
    let (condition, x) = (args::array("compress", &a[0])?.astype(DType::Bool), args::array("compress", &a[1])?);
    let (x, axis) = if is_none(&a[2]) { (x.ravel(), 0) } else { (x, args::integer("compress", &a[2])?) };
    let (length, shape) = (condition.shape()?, x.shape()?);
    let n = shape[super::position("compress", axis, shape.len())?];
    match length[..] {
        [m] if m <= n => Ok(Value::Array(x.take(&condition.nonzero().remove(0), axis))),
        _ => Err(Error::bad_request("compress", format!("a condition of shape {length:?} for an axis of length {n}"))),
    }
}

/// Small integers become complex64, the rest complex128.
fn sort_complex(a: &[Value]) -> Result<Value> {
    let sorted = args::array("sort_complex", &a[0])?.sort(-1);
    let dtype = sorted.dtype()?;
    Ok(Value::Array(match dtype {
        dtype if dtype.is_complex() => sorted,
        DType::I8 | DType::U8 | DType::I16 | DType::U16 => sorted.astype(DType::C64),
        _ => sorted.astype(DType::C128),
    }))
}

fn unique(a: &[Value]) -> Result<Value> {
    let x = args::array("unique", &a[0])?;
    let along = if is_none(&a[4]) { None } else { Some(args::integer("unique", &a[4])?) };
    let equal_nan = args::boolean("unique", &a[5])?;
    let found = match along {
        Some(axis) if x.ndim()? != 1 => x.unique_along(axis),
        Some(axis) => {
            super::position("unique", axis, 1)?;
            x.unique_with(equal_nan)
        }
        None => x.unique_with(equal_nan),
    };
    let asked = [&a[1], &a[2], &a[3]].map(|value| args::boolean("unique", value));
    let mut results = vec![found.values];
    for (asked, result) in asked.into_iter().zip([found.index, found.inverse, found.counts]) {
        if asked? {
            results.push(result);
        }
    }
    Ok(if results.len() == 1 { Value::Array(results.remove(0)) } else { tuple(results) })
}

fn of_both(name: &str, f: fn(&Array, &Array) -> Result<Array>, a: &[Value]) -> Result<Value> {
    Ok(Value::Array(f(&args::array(name, &a[0])?, &args::array(name, &a[1])?)?))
}

fn intersect1d(a: &[Value]) -> Result<Value> {
    let name = "intersect1d";
    let common = of_both(name, sets::intersect1d, a)?;
    if !args::boolean(name, &a[3])? {
        return Ok(common);
    }
    let common = args::array(name, &common)?;
    let place = |x: &Value| -> Result<Array> {
        let found = args::array(name, x)?.unique();
        Ok(found.index.take(&found.values.searchsorted(&common, false), 0))
    };
    let places = [place(&a[0])?, place(&a[1])?];
    Ok(tuple(std::iter::once(common).chain(places).collect()))
}

fn top(name: &str, gives: Gives, a: &[Value]) -> Result<Value> {
    let (x, k, axis) = (args::array(name, &a[0])?, args::integer(name, &a[1])?, args::integer(name, &a[2])?);
    Ok(Value::Array(lanes::top(name, &x, k, axis, gives)))
}

fn axis_of(name: &str, axis: &Value) -> Result<Option<i64>> {
    if is_none(axis) { Ok(None) } else { args::integer(name, axis).map(Some) }
}

fn is_fortran(name: &str, order: &Value) -> Result<bool> {
    match order {
        Value::Str(order) if order == "C" || order == "F" => Ok(order == "F"),
        _ => Err(Error::bad_request(name, "an unknown order; expected 'C' or 'F'")),
    }
}

fn weights(name: &str, value: &Value) -> Result<Option<Array>> {
    if is_none(value) { Ok(None) } else { args::array(name, value).map(Some) }
}

fn bincount(a: &[Value]) -> Result<Value> {
    let x = args::array("bincount", &a[0])?;
    let dtype = x.dtype()?;
    if !(dtype.is_integer() || dtype == DType::Bool) || x.ndim()? != 1 {
        return Err(Error::bad_type("bincount", format!("{dtype} of shape {:?}; expected integers along one axis", x.shape()?)));
    }
    let (bins, weights) = (args::natural("bincount", &a[2])?, weights("bincount", &a[1])?);
    // as many as any value of the dtype asks for
    let enough = match dtype {
        DType::Bool => 2,
        DType::U8 => 1 << 8,
        DType::I8 => 1 << 7,
        _ => u64::MAX,
    };
    if bins >= enough {
        return Ok(Value::Array(tally::tally(&x, weights.as_ref(), bins, true)?));
    }
    // the number of bins follows from the values, which are read once more
    let bins = up_to_greatest(&x, bins)?;
    let dtype = if weights.is_some() { DType::F64 } else { DType::I64 };
    let known = bins.expr().map(|bins| (counted::lengths(&bins), dtype));
    let arrays: Vec<&Array> = [&x, &bins].into_iter().chain(&weights).collect();
    let counts = composed_as("bincount", &arrays, known, |arrays| {
        let bins = arrays[1].shape()?[0];
        // without bins the negative value is found that there must be
        let least = u64::from(arrays[0].shape()? != [0]);
        tally::tally(&arrays[0], arrays.get(2), bins.max(least), true)
    });
    counts.check()?;
    Ok(Value::Array(counts))
}

fn edges(name: &str, bins: &Value, range: &Value) -> Result<tally::Edges> {
    match bins.number() {
        None => Ok(tally::Edges::Given(args::array(name, bins)?)),
        Some(_) => Ok(tally::Edges::Even(args::natural(name, bins)?, ends(name, range)?)),
    }
}

/// (low, high), or nothing.
fn ends(name: &str, range: &Value) -> Result<Option<(f64, f64)>> {
    match &args::told(name, range)? {
        Value::None => Ok(None),
        Value::Tuple(ends) | Value::List(ends) if ends.len() == 2 => Ok(Some((args::float(name, &ends[0])?, args::float(name, &ends[1])?))),
        _ => Err(Error::bad_request(name, "expected a range (low, high)")),
    }
}

/// Counts and edges where `bins` is the name of a rule.
fn by_rule(name: &str, x: &Array, [bins, range, weights]: [&Value; 3], density: bool) -> Result<Option<[Array; 2]>> {
    let Value::Str(rule) = bins else { return Ok(None) };
    if !is_none(weights) {
        return Err(Error::bad_type(
            name,
            format!("the rule '{rule}' for bins of values with weights; expected a number of bins or edges"),
        ));
    }
    bin_rules::histogram(name, x, Rule::named(name, rule)?, ends(name, range)?, density).map(Some)
}

/// (a, bins, range, weights).
fn histogram_bin_edges(a: &[Value]) -> Result<Value> {
    let name = "histogram_bin_edges";
    let x = args::array(name, &a[0])?;
    Ok(Value::Array(match by_rule(name, &x, [&a[1], &a[2], &a[3]], false)? {
        Some([_, edges]) => edges,
        None => tally::binned(name, &x, edges(name, &a[1], &a[2])?)?.0,
    }))
}

fn histogram(a: &[Value]) -> Result<Value> {
    let density = !is_none(&a[3]) && args::boolean("histogram", &a[3])?;
    let x = args::array("histogram", &a[0])?;
    if let Some(found) = by_rule("histogram", &x, [&a[1], &a[2], &a[4]], density)? {
        return Ok(tuple(found.into()));
    }
    let (counts, edges) = tally::histogram(&x, edges("histogram", &a[1], &a[2])?, density, weights("histogram", &a[4])?.as_ref())?;
    Ok(tuple(vec![counts, edges]))
}

/// Counts, or sums of weights, of points whose places along several axes are known, as float64, and the edges.
fn points(name: &str, along: &[(Array, tally::Edges)], density: bool, weights: Option<&Array>) -> Result<(Array, Vec<Array>)> {
    let (mut all_edges, mut lengths, mut place): (Vec<Array>, Vec<u64>, Option<(Array, Array)>) = (Vec::new(), Vec::new(), None);
    for (x, edges) in along {
        let (edges, at, n) = tally::binned(name, x, edges.clone())?;
        let inside = at.ge(0).logical_and(at.lt(n as i64));
        place = Some(match place {
            None => (at, inside),
            Some((before, all)) => (before * (n as i64) + at, all.logical_and(inside)),
        });
        all_edges.push(edges);
        lengths.push(n);
    }
    let (place, inside) = place.ok_or_else(|| Error::bad_request(name, "points without a coordinate; expected one at least"))?;
    let bins = lengths.iter().try_fold(1u64, |bins, &n| bins.checked_mul(n)).filter(|bins| *bins < 1 << 40);
    let bins = bins.ok_or_else(|| Error::bad_request(name, format!("bins {lengths:?}; expected fewer than 2⁴⁰ together")))?;
    let place = crate::array::where_(inside, place, -1);
    let counts = tally::tally(&place, weights, bins, false)?.astype(DType::F64).reshape(lengths.clone());
    if !density {
        return Ok((counts, all_edges));
    }
    let mut divided = &counts / counts.sum(..);
    for (axis, edges) in all_edges.iter().enumerate() {
        let mut shape = vec![1; lengths.len()];
        shape[axis] = lengths[axis];
        let widths = edges.index([Index::Slice(Some(1), None, None)]) - edges.index([Index::Slice(None, Some(-1), None)]);
        divided = divided / widths.reshape(shape);
    }
    Ok((divided, all_edges))
}

/// The item of a sequence of so many, or the one value for all.
fn item(value: &Value, at: usize, of: usize) -> &Value {
    match value {
        Value::Tuple(each) | Value::List(each) if each.len() == of => &each[at],
        one => one,
    }
}

/// The coordinates of points in one dtype, as NumPy stacks them.
fn stacked(coordinates: Vec<Array>) -> Result<Vec<Array>> {
    let dtypes = coordinates.iter().map(Array::dtype).collect::<Result<Vec<DType>>>()?;
    let Some(common) = dtypes.into_iter().reduce(DType::promote) else { return Ok(coordinates) };
    Ok(coordinates.into_iter().map(|x| x.astype(common)).collect())
}

fn histogramdd(a: &[Value]) -> Result<Value> {
    const NAME: &str = "histogramdd";
    // a list has an array for each coordinate, an array a column
    let coordinates = match &a[0] {
        Value::List(_) | Value::Tuple(_) => stacked(args::arrays(NAME, &a[0])?)?,
        _ => {
            let sample = args::array(NAME, &a[0])?;
            let sample = if sample.ndim()? == 1 { sample.expand_dims(1) } else { sample };
            match sample.shape()?[..] {
                [_, d] if d <= 64 => (0..d as i64).map(|at| sample.index([Index::WHOLE, Index::Int(at)])).collect(),
                ref other => {
                    return Err(Error::bad_request(
                        NAME,
                        format!("points of shape {other:?}; expected a row a point and 64 columns at most"),
                    ));
                }
            }
        }
    };
    let d = coordinates.len();
    let of = |(at, x): (usize, Array)| Ok((x, edges(NAME, item(&a[1], at, d), item(&a[2], at, d))?));
    let along = coordinates.into_iter().enumerate().map(of).collect::<Result<Vec<_>>>()?;
    let density = !is_none(&a[3]) && args::boolean(NAME, &a[3])?;
    let (counts, edges) = points(NAME, &along, density, weights(NAME, &a[4])?.as_ref())?;
    Ok(Value::Tuple(vec![Value::Array(counts), tuple(edges)]))
}

fn histogram2d(a: &[Value]) -> Result<Value> {
    const NAME: &str = "histogram2d";
    let coordinates = stacked(vec![args::array(NAME, &a[0])?, args::array(NAME, &a[1])?])?;
    let of = |(at, x): (usize, Array)| Ok((x, edges(NAME, item(&a[2], at, 2), item(&a[3], at, 2))?));
    let along = coordinates.into_iter().enumerate().map(of).collect::<Result<Vec<_>>>()?;
    let density = !is_none(&a[4]) && args::boolean(NAME, &a[4])?;
    let (counts, edges) = points(NAME, &along, density, weights(NAME, &a[5])?.as_ref())?;
    Ok(tuple(std::iter::once(counts).chain(edges).collect()))
}
