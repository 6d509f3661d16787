//! The calls of the table that are more than one operation or need their arguments read.

use super::python::attribute;
use super::{Array, Value, args, creation, cumulative as totals, manipulate, reduce as reductions};
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
    args::operand(operation, value)?.scalar(operation, "the value")
}

pub(super) fn filled(operation: &str, shape: &Value, value: &Value, dtype: &Value, chunks: &Value) -> Called {
    let value = scalar(operation, value)?;
    let dtype = args::dtype(operation, dtype)?.unwrap_or(value.natural_dtype());
    let shape = args::shape(operation, shape)?;
    let array = Array::build(|| creation::filled(operation, &shape, value, dtype));
    rechunked(operation, array, chunks)
}

pub(super) fn like(operation: &str, a: &Value, value: &Value, dtype: &Value) -> Called {
    let value = scalar(operation, value)?;
    given(args::array(operation, a)?.full_like(value, args::dtype(operation, dtype)?))
}

pub(super) fn arange(a: &[Value]) -> Called {
    let (start, stop) = if is_none(&a[1]) { (int(0), &a[0]) } else { (a[0].clone(), &a[1]) };
    let number = |value: &Value| scalar("arange", value);
    let array = creation::arange(number(&start)?, number(stop)?, number(&a[2])?, args::dtype("arange", &a[3])?);
    rechunked("arange", array, &a[4])
}

pub(super) fn linspace(a: &[Value]) -> Called {
    let name = "linspace";
    let dtype = args::dtype(name, &a[4])?.unwrap_or(DType::F64);
    let (start, stop) = (args::float(name, &a[0])?, args::float(name, &a[1])?);
    given(creation::linspace(start, stop, args::natural(name, &a[2])?, args::boolean(name, &a[3])?, dtype))
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
        dtype if dtype.is_complex() => return Err(Error::bad_request(operation, format!("not defined for {dtype}"))),
        dtype if dtype.is_float() => x.eq(infinity),
        _ => x.isinf(),
    })
}

pub(super) fn angle(z: &Value, deg: &Value) -> Called {
    let angle = args::array("angle", z)?.angle();
    given(if args::boolean("angle", deg)? { angle * (180.0 / std::f64::consts::PI) } else { angle })
}

pub(super) fn sinc(x: &Value) -> Called {
    let x = args::array("sinc", x)?;
    let y = super::where_(x.eq(0), 1e-20, &x) * std::f64::consts::PI;
    given(y.sin() / y)
}

pub(super) fn nan_to_num(a: &[Value]) -> Called {
    let name = "nan_to_num";
    let optional = |value: &Value| if is_none(value) { Ok(None) } else { args::float(name, value).map(Some) };
    given(args::array(name, &a[0])?.nan_to_num(args::float(name, &a[1])?, optional(&a[2])?, optional(&a[3])?))
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

pub(super) fn array_equal(a: &Value, b: &Value) -> Called {
    let (a, b) = (args::array("array_equal", a)?, args::array("array_equal", b)?);
    if a.shape()? == b.shape()? { given(a.eq(b).all(..)) } else { Ok(Value::Scalar(Scalar::Bool(false))) }
}

pub(super) fn choose(a: &[Value]) -> Called {
    given(super::where_(args::operand("where", &a[0])?, args::operand("where", &a[1])?, args::operand("where", &a[2])?))
}

pub(super) fn clip(a: &[Value]) -> Called {
    let (low, high) = (if is_none(&a[1]) { &a[3] } else { &a[1] }, if is_none(&a[2]) { &a[4] } else { &a[2] });
    let bound = |value: &Value| if is_none(value) { Ok(None) } else { args::operand("clip", value).map(Some) };
    given(super::elementwise::clipped(&args::array("clip", &a[0])?, bound(low)?, bound(high)?))
}

pub(super) fn astype(x: &Value, dtype: &Value) -> Called {
    let dtype = args::dtype("astype", dtype)?.unwrap_or(DType::F64);
    given(args::array("astype", x)?.astype(dtype))
}

/// The options of a reduction as values.
pub(super) struct Options<'a> {
    pub axis: &'a Value,
    pub dtype: &'a Value,
    pub keepdims: &'a Value,
    pub only: &'a Value,
    pub ddof: &'a Value,
}

pub(super) fn reduction(op: ReduceOp, skip_nan: bool, a: &Value, options: Options<'_>) -> Called {
    let name = op.name();
    let mut axes = args::axes(name, options.axis)?;
    axes.keepdims = args::boolean(name, options.keepdims)?;
    axes.dtype = args::dtype(name, options.dtype)?;
    axes.ddof = if is_none(options.ddof) { 0.0 } else { args::float(name, options.ddof)? };
    axes.only = match options.only {
        Value::None | Value::Scalar(Scalar::Bool(true)) => None,
        other => Some(args::array(name, other)?),
    };
    let array = args::array(name, a)?;
    given(Array::build(|| reductions::reduce(op, &array.expr()?, &axes, skip_nan)))
}

pub(super) fn ptp(a: &Value, axis: &Value, keepdims: &Value) -> Called {
    let mut axes = args::axes("ptp", axis)?;
    axes.keepdims = args::boolean("ptp", keepdims)?;
    given(args::array("ptp", a)?.ptp(axes))
}

pub(super) fn average(a: &[Value]) -> Called {
    let name = "average";
    let mut axes = args::axes(name, &a[1])?;
    axes.keepdims = args::boolean(name, &a[3])?;
    let x = args::array(name, &a[0])?;
    if is_none(&a[2]) {
        return given(x.mean(axes));
    }
    let weights = args::array(name, &a[2])?;
    if weights.shape()? != x.shape()? {
        return Err(Error::unsupported(name, "weights of another shape; broadcast them to the array's shape"));
    }
    given((&x * &weights).sum(axes.clone()) / weights.sum(axes))
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

pub(super) fn joined(name: &str, join: fn(&[Array], i64) -> Array, a: &[Value]) -> Called {
    let arrays = args::arrays(name, &a[0])?;
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

pub(super) fn reshape(a: &Value, shape: &Value) -> Called {
    given(args::array("reshape", a)?.reshape(args::shape("reshape", shape)?))
}

pub(super) fn reshape_spread(a: &Value, shape: &Value) -> Called {
    given(args::array("reshape", a)?.reshape(args::spread("reshape", shape)?))
}

pub(super) fn rechunk(x: &Value, chunks: &Value) -> Called {
    given(args::array("rechunk", x)?.rechunk(args::chunks("rechunk", chunks)?))
}

pub(super) fn attribute_of(name: &str, a: &Value) -> Called {
    attribute(&args::array(name, a)?, name).ok_or_else(|| Error::internal("an attribute that is none"))
}

/// Quotients rounded down, and what they leave.
pub(super) fn divmod(x1: &Value, x2: &Value) -> Called {
    let of = |op| super::python::function2(op, x1, x2);
    Ok(Value::Tuple(vec![of(BinaryOp::FloorDivide)?, of(BinaryOp::Remainder)?]))
}

/// Fractional and integral parts, both with the sign of x.
pub(super) fn modf(x: &Value) -> Called {
    let x = args::array("modf", x)?;
    let whole = x.trunc();
    let part = super::where_(x.isinf(), 0.0, &x - &whole).copysign(&x);
    Ok(Value::Tuple(vec![Value::Array(part), Value::Array(whole)]))
}

/// Mantissas of ½ to 1 and exponents (int32) with x = mantissa · 2^exponent.
pub(super) fn frexp(x: &Value) -> Called {
    let x = args::array("frexp", x)?;
    let x = if x.dtype()?.is_float() { x } else { x.astype(DType::F64) };
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
