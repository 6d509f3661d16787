//! Operators, indexing and attributes of the expression language, on values that hold an array.

use super::{Array, Index, Masked, Signature, Value, args, late, masked};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::Scalar;
use flagstone_kernels::op::{BinaryOp, UnaryOp};

fn count(n: u64) -> Value {
    Value::Scalar(i64::try_from(n).map_or(Scalar::UInt(n), Scalar::Int))
}

/// NumPy's attribute `name` of an array; `None` if it has none. Errors of the array come back as an array.
///
/// ```
/// use flagstone::{DType, array::{Value, attribute}, zeros};
/// let x = zeros([2, 3], DType::F64);
/// assert!(matches!(attribute(&x, "dtype"), Some(Value::DType(DType::F64))));
/// assert!(attribute(&x, "colour").is_none());
/// ```
pub fn attribute(x: &Array, name: &str) -> Option<Value> {
    let failed = |result: Result<Value>| Some(result.unwrap_or_else(|error| Value::Array(Array(Err(error)))));
    match name {
        "T" | "mT" => Some(Value::Array(if name == "mT" { x.swapaxes(-1, -2) } else { x.t() })),
        "real" => Some(Value::Array(x.real())),
        "imag" => Some(Value::Array(x.imag())),
        "shape" => failed(x.shape().map(|shape| Value::Tuple(shape.into_iter().map(count).collect()))),
        "chunks" => {
            let lengths = |axis: &crate::grid::AxisChunks| Value::Tuple(axis.lengths().map(count).collect());
            failed(x.chunks().map(|grid| Value::Tuple(grid.axes.iter().map(lengths).collect())))
        }
        "ndim" => failed(x.ndim().map(|n| count(n as u64))),
        "size" => failed(x.size().map(count)),
        "nbytes" => failed(x.nbytes().map(count)),
        "itemsize" => failed(x.dtype().map(|dtype| count(dtype.size() as u64))),
        "dtype" => failed(x.dtype().map(Value::DType)),
        _ => None,
    }
}

/// The same of a masked array: `data`, `mask` and `fill_value` besides.
pub fn masked_attribute(x: &Masked, name: &str) -> Option<Value> {
    let own = masked::attribute(x, name);
    own.or_else(|| masked::attribute_of_both(x, |array| attribute(array, name), !matches!(name, "real" | "imag")))
}

/// What `signature` gives of bound arguments. Of masked arrays, functions that move elements move data and mask; others heed the mask,
/// or refuse. Where a length is asked for that is not known yet, arrays that are built once it is.
///
/// # Errors
/// Those of the function.
pub fn apply(signature: &'static Signature, arguments: &[Value]) -> Result<Value> {
    if !has_masked(arguments) {
        return late::call(signature, arguments);
    }
    masked::moved(signature, arguments).unwrap_or_else(|| (signature.call)(arguments))
}

/// Whether there is a masked array among `values`, or in lists of theirs.
pub fn has_masked(values: &[Value]) -> bool {
    values.iter().any(Value::has_masked)
}

/// `x[index]`.
///
/// # Errors
/// `BadRequest` when an item is nothing to index with; errors of the array come with the array.
pub fn index(x: &Value, index: &[Value]) -> Result<Value> {
    let items: Vec<Index> = index.iter().map(args::index).collect::<Result<_>>()?;
    if let Value::Masked(masked) = x {
        return Ok(Value::Masked(masked::index(masked, &items)));
    }
    let array = args::array("index", x)?;
    Ok(Value::Array(array.index(items)))
}

/// `x.oix[index]`: each item along an axis of its own.
///
/// # Errors
/// As [`index`].
pub fn orthogonal(x: &Value, index: &[Value]) -> Result<Value> {
    let items: Vec<Index> = index.iter().map(args::index).collect::<Result<_>>()?;
    if let Value::Masked(masked) = x {
        return Ok(Value::Masked(masked::orthogonal(masked, &items)));
    }
    Ok(Value::Array(args::array("oix", x)?.oix(items)))
}

/// What `x[index] = value` makes of `x`.
///
/// # Errors
/// As [`index`].
pub fn set_index(x: &Value, index: &[Value], value: &Value) -> Result<Value> {
    let items: Vec<Index> = index.iter().map(args::index).collect::<Result<_>>()?;
    if let Value::Masked(masked) = x {
        return Ok(Value::Masked(masked::set_index(masked, &items, value)?));
    }
    let array = args::array("set", x)?;
    args::require_fitting("set", value, array.dtype()?)?;
    Ok(Value::Array(array.set(items, args::operand("set", value)?)))
}

/// `-x`, `+x`, `~x` of an array.
///
/// # Errors
/// `BadRequest` for another operator; `not` has no meaning for arrays.
pub fn unary(op: &str, x: Value) -> Result<Value> {
    let op = match op {
        "-" => UnaryOp::Negative,
        "+" => UnaryOp::Positive,
        "~" => UnaryOp::Invert,
        "not" => return Err(Error::bad_request("not", "the truth of an array is ambiguous; use ~x, x.any() or x.all()")),
        other => return Err(Error::bad_request(other, "no operator of one array")),
    };
    function1(op, &x)
}

/// `a op b` where at least one is an array: arithmetic, comparisons, `@`.
///
/// # Errors
/// `BadRequest` for another operator or what is no operand.
pub fn binary(op: &str, a: Value, b: Value) -> Result<Value> {
    let op = match op {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        "//" => BinaryOp::FloorDivide,
        "%" => BinaryOp::Remainder,
        "**" => BinaryOp::Power,
        "&" => BinaryOp::BitwiseAnd,
        "|" => BinaryOp::BitwiseOr,
        "^" => BinaryOp::BitwiseXor,
        "<<" => BinaryOp::LeftShift,
        ">>" => BinaryOp::RightShift,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterEqual,
        "==" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "@" => return Ok(Value::Array(args::array("matmul", &a)?.matmul(args::operand("matmul", &b)?))),
        other => return Err(Error::bad_request(other, "no operator of two arrays")),
    };
    function2(op, &a, &b)
}

/// A function of two operands as a value.
pub(super) fn function2(op: BinaryOp, a: &Value, b: &Value) -> Result<Value> {
    if matches!(a, Value::Masked(_)) || matches!(b, Value::Masked(_)) {
        return masked::binary(op, a, b).map(Value::Masked);
    }
    let (a, b) = (args::operand(op.name(), a)?, args::operand(op.name(), b)?);
    Ok(Value::Array(Array::build(|| super::elementwise::binary(op, &a, &b))))
}

/// A function of one array as a value.
pub(super) fn function1(op: UnaryOp, x: &Value) -> Result<Value> {
    if let Value::Masked(masked) = x {
        return Ok(Value::Masked(masked::unary(op, masked)));
    }
    let array = args::array(op.name(), x)?;
    Ok(Value::Array(Array::build(|| super::elementwise::unary(op, &array.expr()?))))
}
