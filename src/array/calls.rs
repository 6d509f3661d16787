//! The calls of the table that are more than one operation or need their arguments read.

use super::composed::composed;
use super::python::attribute;
use super::{Array, Operand, Value, args, creation, cumulative as totals, dtypes, manipulate, reduce as reductions};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::{BinaryOp, ReduceOp, ScanOp};

type Called = Result<Value>;

fn given(array: Array) -> Called {
    Ok(Value::Array(array))
}

pub(super) fn int(i: i64) -> Value {
    Value::Scalar(Scalar::Int(i))
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::None)
}

pub(super) fn as_array(a: &Value, dtype: &Value) -> Called {
    let array = args::array("array", a)?;
    given(match args::dtype("array", dtype)? {
        Some(dtype) => array.astype(dtype),
        None => array,
    })
}

fn rechunked(operation: &str, array: Array, chunks: &Value) -> Called {
    given(if is_none(chunks) { array } else { array.rechunk(args::chunks(operation, chunks)?) })
}

fn scalar(operation: &str, value: &Value) -> Result<Scalar> {
    args::scalar(operation, "the value", value)
}

/// (object, dtype, copy, order, subok, ndmin).
pub(super) fn array(a: &[Value]) -> Called {
    let Value::Array(array) = as_array(&a[0], &a[1])? else { return Err(Error::internal("an array that is none")) };
    let missing = args::integer("array", &a[5])? - array.ndim()? as i64;
    given(if missing > 0 { array.expand_dims((0..missing.min(64)).collect::<Vec<_>>()) } else { array })
}

/// As an array with an axis at least.
pub(super) fn as_lines(a: &Value, dtype: &Value) -> Called {
    let Value::Array(array) = as_array(a, dtype)? else { return Err(Error::internal("an array that is none")) };
    given(array.atleast_1d())
}

/// The dtype that was given, float64 for None.
pub(super) fn or_float(dtype: &Value) -> Value {
    if is_none(dtype) { Value::DType(DType::F64) } else { dtype.clone() }
}

pub(super) fn filled(operation: &str, shape: &Value, value: &Value, dtype: &Value, chunks: &Value) -> Called {
    let shape = args::shape(operation, shape)?;
    let dtype = args::dtype(operation, dtype)?;
    let array = match args::operand(operation, value)? {
        Operand::Scalar(value) => Array::build(|| creation::filled(operation, &shape, value, dtype.unwrap_or(value.natural_dtype()))),
        Operand::Array(values) => dtype.map_or(values.clone(), |dtype| values.astype(dtype)).broadcast_to(shape),
    };
    rechunked(operation, array, chunks)
}

pub(super) fn like(operation: &str, a: &Value, value: &Value, dtype: &Value, shape: &Value) -> Called {
    let array = args::array(operation, a)?;
    if !is_none(shape) {
        let dtype = args::dtype(operation, dtype)?.map_or_else(|| array.dtype(), Ok)?;
        return filled(operation, shape, value, &Value::DType(dtype), &Value::None);
    }
    let dtype = args::dtype(operation, dtype)?;
    match args::operand(operation, value)? {
        Operand::Scalar(value) => given(array.full_like(value, dtype)),
        Operand::Array(values) => {
            let values = values.astype(dtype.map_or_else(|| array.dtype(), Ok)?);
            given(composed(operation, &[&array, &values], |arrays| Ok(arrays[1].broadcast_to(arrays[0].shape()?))))
        }
    }
}

pub(super) fn arange(a: &[Value]) -> Called {
    let (start, stop) = if is_none(&a[1]) { (int(0), &a[0]) } else { (a[0].clone(), &a[1]) };
    let number = |value: &Value| scalar("arange", value);
    let array = creation::arange(number(&start)?, number(stop)?, number(&a[2])?, args::dtype("arange", &a[3])?);
    rechunked("arange", array, &a[5])
}

pub(super) fn logspace(a: &[Value]) -> Called {
    let name = "logspace";
    let dtype = args::dtype(name, &a[5])?.unwrap_or(DType::F64);
    let (start, stop, base) = (args::float(name, &a[0])?, args::float(name, &a[1])?, args::float(name, &a[4])?);
    given(creation::logspace(start, stop, args::natural(name, &a[2])?, args::boolean(name, &a[3])?, base, dtype))
}

pub(super) fn eye(n: &Value, m: &Value, k: &Value, dtype: &Value) -> Called {
    let rows = args::natural("eye", n)?;
    let columns = if is_none(m) { rows } else { args::natural("eye", m)? };
    given(creation::eye(rows, columns, args::integer("eye", k)?, args::dtype("eye", dtype)?.unwrap_or(DType::F64)))
}

pub(super) fn infinite(operation: &str, x: &Value, infinity: f64) -> Called {
    let x = args::array(operation, x)?;
    given(match x.dtype()? {
        dtype if dtype.is_complex() => return Err(Error::bad_type(operation, format!("not defined for {dtype}"))),
        dtype if dtype.is_float() => x.eq(infinity),
        _ => x.isinf(),
    })
}

pub(super) fn angle(z: &Value, deg: &Value) -> Called {
    let angle = args::array("angle", z)?.angle();
    given(if args::boolean("angle", deg)? { angle * (180.0 / std::f64::consts::PI) } else { angle })
}

pub(super) fn sinc(x: &Value) -> Called {
    let y = args::array("sinc", x)? * std::f64::consts::PI;
    given(super::where_(y.eq(0), 1.0, y.sin() / super::where_(y.eq(0), 1.0, &y)))
}

pub(super) fn nan_to_num(a: &[Value]) -> Called {
    let name = "nan_to_num";
    let optional = |value: &Value| if is_none(value) { Ok(None) } else { args::float(name, value).map(Some) };
    given(args::array(name, &a[0])?.nan_to_num(args::float(name, &a[2])?, optional(&a[3])?, optional(&a[4])?))
}

pub(super) fn round(a: &Value, decimals: &Value) -> Called {
    let decimals = args::integer("round", decimals)?.clamp(-400, 400) as i32;
    given(args::array("round", a)?.round(decimals))
}

pub(super) fn isclose(a: &[Value]) -> Called {
    let name = "isclose";
    let (x, y) = (args::array(name, &a[0])?, args::array(name, &a[1])?);
    given(super::isclose(x, y, args::float(name, &a[2])?, args::float(name, &a[3])?, args::boolean(name, &a[4])?))
}

pub(super) fn allclose(a: &[Value]) -> Called {
    match isclose(a)? {
        Value::Array(close) => given(close.all(..)),
        other => Ok(other),
    }
}

/// (a1, a2, equal_nan).
pub(super) fn array_equal(a: &[Value]) -> Called {
    let name = "array_equal";
    let (x, y, equal_nan) = (args::array(name, &a[0])?, args::array(name, &a[1])?, args::boolean(name, &a[2])?);
    given(composed(name, &[&x, &y], move |arrays| {
        let (x, y) = (&arrays[0], &arrays[1]);
        if x.shape()? != y.shape()? {
            return Ok(super::full([0u64; 0], Scalar::Bool(false), DType::Bool));
        }
        let equal = x.eq(y);
        Ok(if equal_nan { (equal | (x.isnan() & y.isnan())).all(..) } else { equal.all(..) })
    }))
}

pub(super) fn where_of(a: &[Value]) -> Called {
    if matches!((&a[1], &a[2]), (Value::None, Value::None)) {
        let places = args::array("where", &a[0])?.nonzero();
        return Ok(Value::Tuple(places.into_iter().map(Value::Array).collect()));
    }
    given(super::where_(args::operand("where", &a[0])?, args::operand("where", &a[1])?, args::operand("where", &a[2])?))
}

pub(super) fn clip(a: &[Value]) -> Called {
    let (low, high) = (if is_none(&a[1]) { &a[3] } else { &a[1] }, if is_none(&a[2]) { &a[4] } else { &a[2] });
    let bound = |value: &Value| if is_none(value) { Ok(None) } else { args::operand("clip", value).map(Some) };
    given(super::elementwise::clipped(&args::array("clip", &a[0])?, bound(low)?, bound(high)?))
}

pub(super) fn astype(x: &Value, dtype: &Value, casting: &Value) -> Called {
    let (x, dtype) = (args::array("astype", x)?, args::dtype("astype", dtype)?.unwrap_or(DType::F64));
    let (from, rule) = (x.dtype()?, if let Value::Str(rule) = casting { rule.as_str() } else { "unsafe" });
    if !dtypes::can_cast("astype", from, dtype, rule)? {
        return Err(Error::bad_type(
            "astype",
            format!("{from} as {dtype} with casting='{rule}', which does not allow it; expected 'unsafe'"),
        ));
    }
    given(x.astype(dtype))
}

/// The options of a reduction as values.
pub(super) struct Options<'a> {
    pub axis: &'a Value,
    pub dtype: &'a Value,
    pub keepdims: &'a Value,
    pub only: &'a Value,
    pub ddof: &'a Value,
    pub initial: &'a Value,
}

impl Options<'_> {
    /// Nothing asked for.
    pub const NONE: Options<'static> =
        Options { axis: &Value::None, dtype: &Value::None, keepdims: &NO, only: &Value::None, ddof: &Value::None, initial: &Value::None };
}

const NO: Value = Value::Scalar(Scalar::Bool(false));

/// The one of two names of a parameter that was given: what the first is by default, 0, may stand beside the second.
pub(super) fn one_of<'a>(first: &str, a: &'a Value, second: &str, b: &'a Value) -> Result<&'a Value> {
    match (a, b) {
        (_, Value::None) => Ok(a),
        (Value::Scalar(Scalar::Int(0)), _) => Ok(b),
        _ => Err(Error::bad_request(first, format!("{first} and {second}; expected one of them"))),
    }
}

pub(super) fn reduction(op: ReduceOp, skip_nan: bool, a: &Value, options: Options<'_>) -> Called {
    let name = op.name();
    let mut axes = args::axes(name, options.axis)?;
    axes.keepdims = args::boolean(name, options.keepdims)?;
    axes.dtype = args::dtype(name, options.dtype)?;
    axes.ddof = if is_none(options.ddof) { 0.0 } else { args::float(name, options.ddof)? };
    axes.only = match options.only {
        Value::None | Value::Scalar(Scalar::Bool(true)) | Value::Typed(Scalar::Bool(true), _) => None,
        other => Some(args::array(name, other)?),
    };
    axes.initial = if is_none(options.initial) { None } else { Some(args::operand(name, options.initial)?) };
    let array = args::array(name, a)?;
    given(Array::build(|| reductions::reduce(op, &array.expr()?, &axes, skip_nan)))
}

/// Variances and deviations from a mean that is given, as long as the array along the axes that are kept.
pub(super) fn spread_around(op: ReduceOp, skip_nan: bool, a: &Value, mean: &Value, options: Options<'_>) -> Called {
    let name = op.name();
    let (x, mean) = (args::array(name, a)?, args::array(name, mean)?);
    let ddof = if is_none(options.ddof) { 0.0 } else { args::float(name, options.ddof)? };
    let x = match args::dtype(name, options.dtype)? {
        Some(dtype) => x.astype(dtype),
        None => x,
    };
    let deviation = (&x - &mean).abs();
    let numbers = if skip_nan { x.isnan().logical_not() } else { x.full_like(true, Some(DType::Bool)) };
    let of = |array: &Array, dtype: Value| {
        let options = Options { axis: options.axis, keepdims: options.keepdims, only: options.only, dtype: &dtype, ..Options::NONE };
        let Value::Array(found) = reduction(ReduceOp::Sum, skip_nan, &Value::Array(array.clone()), options)? else {
            return Err(Error::internal("a sum that is no array"));
        };
        Ok(found)
    };
    let squares = of(&(&deviation * &deviation), Value::None)?;
    let count = of(&numbers, Value::DType(squares.dtype()?))?;
    let variance = squares / (count - ddof).maximum(0.0);
    given(if op == ReduceOp::Std { variance.sqrt() } else { variance })
}

/// The last two axes exchanged.
pub(super) fn matrix_transpose(x: &Value) -> Called {
    let x = args::array("matrix_transpose", x)?;
    match x.ndim()? {
        0 | 1 => Err(Error::bad_request("matrix_transpose", format!("an array of shape {:?}; expected two axes or more", x.shape()?))),
        _ => given(x.swapaxes(-1, -2)),
    }
}

pub(super) fn ptp(a: &Value, axis: &Value, keepdims: &Value) -> Called {
    let mut axes = args::axes("ptp", axis)?;
    axes.keepdims = args::boolean("ptp", keepdims)?;
    given(args::array("ptp", a)?.ptp(axes))
}

/// (a, axis, dtype) of NumPy's running totals.
pub(super) fn cumulative(op: ScanOp, skip_nan: bool, a: &[Value]) -> Called {
    let name = op.name();
    let axis = if is_none(&a[1]) { None } else { Some(args::integer(name, &a[1])?) };
    let (array, dtype) = (args::array(name, &a[0])?, args::dtype(name, &a[2])?);
    given(Array::build(|| totals::cumulative(op, &array.expr()?, axis, dtype, skip_nan)))
}

/// (x, axis, dtype, include_initial) of the array API's.
pub(super) fn cumulative_with_initial(op: ScanOp, a: &[Value]) -> Called {
    let name = op.name();
    let axis = if is_none(&a[1]) { None } else { Some(args::integer(name, &a[1])?) };
    let (array, dtype, initial) = (args::array(name, &a[0])?, args::dtype(name, &a[2])?, args::boolean(name, &a[3])?);
    given(Array::build(|| totals::with_initial(op, &array.expr()?, axis, dtype, initial)))
}

pub(super) fn transpose(a: &Value, axes: &Value) -> Called {
    given(args::array("transpose", a)?.transpose(args::axes("transpose", axes)?))
}

/// `x.transpose()`, `x.transpose(None)`, `x.transpose(1, 0)`, `x.transpose((1, 0))`.
pub(super) fn transpose_spread(a: &Value, axes: &Value) -> Called {
    match axes {
        Value::Tuple(items) | Value::List(items) if items.iter().all(is_none) => transpose(a, &Value::None),
        _ => given(args::array("transpose", a)?.transpose(args::spread("transpose", axes)?)),
    }
}

pub(super) fn swapaxes(a: &[Value]) -> Called {
    let axis = |value| args::integer("swapaxes", value);
    given(args::array("swapaxes", &a[0])?.swapaxes(axis(&a[1])?, axis(&a[2])?))
}

pub(super) fn moveaxis(a: &[Value]) -> Called {
    let axes = |value| args::integers("moveaxis", value);
    given(args::array("moveaxis", &a[0])?.moveaxis(axes(&a[1])?, axes(&a[2])?))
}

pub(super) fn squeeze(a: &Value, axis: &Value) -> Called {
    given(args::array("squeeze", a)?.squeeze(args::axes("squeeze", axis)?))
}

pub(super) fn expand_dims(a: &Value, axis: &Value) -> Called {
    given(args::array("expand_dims", a)?.expand_dims(args::integers("expand_dims", axis)?))
}

pub(super) fn flip(m: &Value, axis: &Value) -> Called {
    given(args::array("flip", m)?.flip(args::axes("flip", axis)?))
}

/// (arrays, axis, dtype, casting).
pub(super) fn joined(name: &str, join: fn(&[Array], i64) -> Array, a: &[Value]) -> Called {
    let arrays = dtypes::arrays_as(name, &a[0], &a[2], &a[3])?;
    if is_none(&a[1]) {
        let flat: Vec<Array> = arrays.iter().map(Array::ravel).collect();
        return given(join(&flat, 0));
    }
    given(join(&arrays, args::integer(name, &a[1])?))
}

pub(super) fn broadcast_to(a: &Value, shape: &Value) -> Called {
    given(args::array("broadcast_to", a)?.broadcast_to(args::shape("broadcast_to", shape)?))
}

pub(super) fn broadcast_arrays(arrays: &Value) -> Called {
    let arrays = manipulate::broadcast_arrays(&args::arrays("broadcast_arrays", arrays)?)?;
    Ok(Value::Tuple(arrays.into_iter().map(Value::Array).collect()))
}

/// Whether elements are taken in Fortran's order, the first axis fastest.
fn is_fortran(name: &str, order: &Value) -> Result<bool> {
    match order {
        Value::Str(order) if matches!(order.as_str(), "C" | "A" | "K") => Ok(false),
        Value::Str(order) if order == "F" => Ok(true),
        _ => Err(Error::bad_request(name, "an unknown order; expected 'C', 'F', 'A' or 'K'")),
    }
}

fn reshaped(a: &Value, mut shape: Vec<i64>, order: &Value) -> Called {
    let a = args::array("reshape", a)?;
    if !is_fortran("reshape", order)? {
        return given(a.reshape(shape));
    }
    shape.reverse();
    given(a.t().reshape(shape).t())
}

pub(super) fn reshape(a: &Value, shape: &Value, order: &Value) -> Called {
    reshaped(a, args::integers("reshape", shape)?, order)
}

pub(super) fn reshape_spread(a: &Value, shape: &Value, order: &Value) -> Called {
    reshaped(a, args::spread("reshape", shape)?, order)
}

pub(super) fn ravel(a: &Value, order: &Value) -> Called {
    let a = args::array("ravel", a)?;
    given(if is_fortran("ravel", order)? { a.t().ravel() } else { a.ravel() })
}

pub(super) fn rechunk(x: &Value, chunks: &Value) -> Called {
    given(args::array("rechunk", x)?.rechunk(args::chunks("rechunk", chunks)?))
}

/// The number of elements, or the length of one axis.
pub(super) fn size(a: &Value, axis: &Value) -> Called {
    if is_none(axis) {
        return attribute_of("size", a);
    }
    let shape = args::array("size", a)?.shape()?;
    let at = super::axes::position("size", args::integer("size", axis)?, shape.len())?;
    Ok(int(shape[at] as i64))
}

pub(super) fn attribute_of(name: &str, a: &Value) -> Called {
    attribute(&args::array(name, a)?, name).ok_or_else(|| Error::internal("an attribute that is none"))
}

/// Quotients rounded down, and what they leave.
pub(super) fn divmod(x1: &Value, x2: &Value) -> Called {
    let of = |op| super::python::function2(op, x1, x2);
    Ok(Value::Tuple(vec![of(BinaryOp::FloorDivide)?, of(BinaryOp::Remainder)?]))
}

/// Integers and bool in the float that NumPy's functions of floats compute them in.
fn as_float(name: &str, x: Array) -> Result<Array> {
    Ok(match x.dtype()? {
        dtype if dtype.is_float() => x,
        dtype if dtype.is_complex() => return Err(Error::bad_type(name, format!("not defined for {dtype}; use .real() and .imag()"))),
        DType::Bool | DType::I8 | DType::U8 => x.astype(DType::F16),
        DType::I16 | DType::U16 => x.astype(DType::F32),
        _ => x.astype(DType::F64),
    })
}

/// Fractional and integral parts, both with the sign of x.
pub(super) fn modf(x: &Value) -> Called {
    let x = as_float("modf", args::array("modf", x)?)?;
    let whole = x.trunc();
    let part = super::where_(x.isinf(), 0.0, &x - &whole).copysign(&x);
    Ok(Value::Tuple(vec![Value::Array(part), Value::Array(whole)]))
}

/// Mantissas of ½ to 1 and exponents (int32) with x = mantissa · 2^exponent.
pub(super) fn frexp(x: &Value) -> Called {
    let x = as_float("frexp", args::array("frexp", x)?)?;
    let regular = x.isfinite() & x.ne(0.0);
    let size = super::where_(&regular, x.abs(), 1.0);
    // the logarithm may be off by one at powers of two
    let guess = size.log2().floor().astype(DType::I32) + 1;
    let mantissa = size.ldexp(-&guess);
    let exponent = &guess + mantissa.ge(1.0).astype(DType::I32) - mantissa.lt(0.5).astype(DType::I32);
    let scaled = size.ldexp(-&exponent).copysign(&x).astype(x.dtype()?);
    let exponent = super::where_(&regular, exponent, 0).astype(DType::I32);
    Ok(Value::Tuple(vec![Value::Array(super::where_(&regular, scaled, &x)), Value::Array(exponent)]))
}
