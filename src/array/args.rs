//! Values of the expression language → what Rust's functions take.

use super::operand::check_fits;
use super::{Array, Axes, Chunks, Index, Operand, Shape, Value, io, manipulate};
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use flagstone_kernels::dtype::{DType, Scalar};

fn expected(operation: &str, what: &str, given: &Value) -> Error {
    Error::bad_type(operation, format!("{}; expected {what}", describe(given)))
}

/// The value in words, for messages.
fn describe(value: &Value) -> String {
    match value {
        Value::Array(array) => format!("{array:?}"),
        Value::Masked(_) => "a masked array".to_string(),
        Value::Scalar(scalar) => super::format_scalar(*scalar, scalar.natural_dtype()),
        Value::Typed(scalar, dtype) => super::format_scalar(*scalar, *dtype),
        Value::None => "None".to_string(),
        Value::Str(text) => format!("'{text}'"),
        Value::DType(dtype) => dtype.name().to_string(),
        Value::Tuple(items) => format!("a tuple of {}", items.len()),
        Value::List(items) => format!("a list of {}", items.len()),
        Value::Slice(..) => "a slice".to_string(),
        Value::Ellipsis => "...".to_string(),
    }
}

/// An array; a number becomes a 0-d one of its own dtype, nested lists an array in memory.
pub(super) fn array(operation: &str, value: &Value) -> Result<Array> {
    if let Some((scalar, dtype)) = value.typed() {
        return Ok(Array::build(|| super::elementwise::constant(scalar, dtype, &[])));
    }
    match value {
        Value::Array(array) => Ok(array.clone()),
        Value::List(items) | Value::Tuple(items) => literal(operation, value, items),
        Value::Masked(_) => {
            let what = "a masked array, whose mask it would not heed; give x.filled(value), x.compressed() or x.data";
            Err(Error::bad_request(operation, what))
        }
        other => Err(expected(operation, "an array or a number", other)),
    }
}

fn literal(operation: &str, value: &Value, items: &[Value]) -> Result<Array> {
    let mut shape = Vec::new();
    let mut scalars = Vec::new();
    if !items.is_empty() && flatten(value, 0, &mut shape, &mut scalars) {
        let dtype = scalars.iter().map(|(_, dtype)| *dtype).reduce(DType::promote).unwrap_or(DType::F64);
        let mut bytes = vec![0; scalars.len() * dtype.size()];
        for ((scalar, _), out) in scalars.iter().zip(bytes.chunks_exact_mut(dtype.size())) {
            scalar.write(dtype, out);
        }
        return Ok(io::in_memory::from_bytes(dtype, &shape, bytes));
    }
    if items.is_empty() {
        return Ok(io::in_memory::from_bytes(DType::F64, &[0], Vec::new()));
    }
    let arrays: Vec<Array> = items.iter().map(|item| array(operation, item)).collect::<Result<_>>()?;
    Ok(manipulate::stack(&arrays, 0))
}

/// Collects the numbers of nested lists; false where they are not all numbers of one shape.
fn flatten(value: &Value, depth: usize, shape: &mut Vec<u64>, scalars: &mut Vec<(Scalar, DType)>) -> bool {
    if let Some(typed) = value.typed() {
        scalars.push(typed);
        return depth == shape.len();
    }
    match value {
        Value::List(items) | Value::Tuple(items) => {
            let first = scalars.is_empty() && depth == shape.len();
            if first {
                shape.push(items.len() as u64);
            }
            shape.get(depth) == Some(&(items.len() as u64)) && items.iter().all(|item| flatten(item, depth + 1, shape, scalars))
        }
        _ => false,
    }
}

/// A number, whatever its dtype.
pub(super) fn scalar(operation: &str, name: &str, value: &Value) -> Result<Scalar> {
    match value.number() {
        Some(scalar) => Ok(scalar),
        None => operand(operation, value)?.scalar(operation, name),
    }
}

/// An operand: numbers stay weak.
pub(super) fn operand(operation: &str, value: &Value) -> Result<Operand> {
    match value {
        Value::Scalar(scalar) => Ok(Operand::Scalar(*scalar)),
        other => array(operation, other).map(Operand::Array),
    }
}

/// Elements that an array may have which steers a call.
const TOLD_MAX: u64 = 1 << 16;

/// What computing them may take.
const TOLD_BYTES: u64 = 64 << 20;

/// A parameter that steers a call, as places and fractions do, with the elements of an array read at the call, as those of a list are:
/// what is built follows from them.
///
/// # Errors
/// `Unsupported` of an array of more than 2¹⁶ elements; and what computing them gives.
pub(super) fn told(operation: &str, value: &Value) -> Result<Value> {
    let Value::Array(array) = value else { return Ok(value.clone()) };
    let (shape, dtype) = (array.shape()?, array.dtype()?);
    let elements = shape.iter().fold(1u64, |n, &len| n.saturating_mul(len));
    if elements > TOLD_MAX {
        let what = format!("{elements} elements that steer the call; expected {TOLD_MAX} at most");
        return Err(Error::unsupported(operation, what));
    }
    let scalars = match io::in_memory::at_hand(&array.expr()?, TOLD_MAX)? {
        Some(scalars) if !dtype.is_complex() => scalars,
        _ => computed(operation, value, array, dtype)?,
    };
    Ok(nested(&shape, dtype, &mut scalars.into_iter()))
}

/// The elements of an array, by the runtime in use, or a small one where there is none yet, or it waits for them.
fn computed(operation: &str, value: &Value, array: &Array, dtype: DType) -> Result<Vec<Scalar>> {
    let runtime = match Runtime::free() {
        Some(runtime) => runtime,
        None => Runtime::builder().memory_limit_bytes(TOLD_BYTES).threads(1).build()?,
    };
    Ok(match dtype {
        DType::Bool => runtime.compute::<bool>(array)?.into_iter().map(Scalar::Bool).collect(),
        DType::U64 => runtime.compute::<u64>(array)?.into_iter().map(Scalar::UInt).collect(),
        dtype if dtype.is_integer() => runtime.compute::<i64>(&array.astype(DType::I64))?.into_iter().map(Scalar::Int).collect(),
        dtype if dtype.is_complex() => return Err(expected(operation, "real numbers", value)),
        _ => runtime.compute::<f64>(&array.astype(DType::F64))?.into_iter().map(Scalar::Float).collect(),
    })
}

/// Lists in lists in the lengths of `shape`; a number where it has none.
fn nested(shape: &[u64], dtype: DType, scalars: &mut std::vec::IntoIter<Scalar>) -> Value {
    match shape.split_first() {
        None => scalars.next().map_or(Value::None, |scalar| Value::Typed(scalar, dtype)),
        Some((&n, rest)) => Value::List((0..n).map(|_| nested(rest, dtype, scalars)).collect()),
    }
}

/// The arrays of a list or tuple.
pub(super) fn arrays(operation: &str, value: &Value) -> Result<Vec<Array>> {
    match value {
        Value::List(items) | Value::Tuple(items) => items.iter().map(|item| array(operation, item)).collect(),
        Value::Array(array) => {
            // an array is the sequence of what lies along its first axis
            let n = array.shape()?.first().copied().ok_or_else(|| expected(operation, "a list of arrays", value))?;
            if n > 4096 {
                return Err(Error::unsupported(operation, format!("{n} arrays along an axis as a list")));
            }
            Ok((0..n as i64).map(|at| array.index([Index::Int(at)])).collect())
        }
        other => Err(expected(operation, "a list of arrays", other)),
    }
}

/// An integer.
pub(super) fn integer(operation: &str, value: &Value) -> Result<i64> {
    match value.number() {
        Some(Scalar::Int(i)) => Ok(i),
        Some(Scalar::Bool(b)) => Ok(i64::from(b)),
        // a scalar of an unsigned dtype
        Some(Scalar::UInt(u)) => i64::try_from(u).map_err(|_| expected(operation, "an integer", value)),
        _ => Err(expected(operation, "an integer", value)),
    }
}

/// An integer that is a length or a seed.
pub(super) fn natural(operation: &str, value: &Value) -> Result<u64> {
    match value.number() {
        Some(Scalar::UInt(u)) => Ok(u),
        _ => {
            let negative = |_| Error::bad_request(operation, format!("{}; expected 0 or more", describe(value)));
            u64::try_from(integer(operation, value)?).map_err(negative)
        }
    }
}

/// A real number.
pub(super) fn float(operation: &str, value: &Value) -> Result<f64> {
    match value.number() {
        Some(Scalar::Complex(..)) => Err(expected(operation, "a real number", value)),
        Some(scalar) => Ok(scalar.as_f64()),
        None => Err(expected(operation, "a number", value)),
    }
}

/// A truth value.
pub(super) fn boolean(operation: &str, value: &Value) -> Result<bool> {
    match value.number() {
        Some(Scalar::Bool(b)) => Ok(b),
        Some(Scalar::Int(i)) => Ok(i != 0),
        _ => Err(expected(operation, "True or False", value)),
    }
}

/// A dtype, by value or name; `None` for None.
pub(super) fn dtype(operation: &str, value: &Value) -> Result<Option<DType>> {
    match value {
        Value::None => Ok(None),
        Value::DType(dtype) => Ok(Some(*dtype)),
        Value::Str(name) => match DType::parse(name) {
            Some(dtype) => Ok(Some(dtype)),
            None => Err(expected(operation, "a dtype such as float32", value)),
        },
        other => Err(expected(operation, "a dtype such as float32", other)),
    }
}

/// Integers: one, or a tuple or list of them.
pub(super) fn integers(operation: &str, value: &Value) -> Result<Vec<i64>> {
    match value {
        Value::Tuple(items) | Value::List(items) => items.iter().map(|item| integer(operation, item)).collect(),
        other => integer(operation, other).map(|i| vec![i]),
    }
}

/// `*args` of integers: spread, or one tuple.
pub(super) fn spread(operation: &str, value: &Value) -> Result<Vec<i64>> {
    match value {
        Value::Tuple(items) | Value::List(items) if items.len() == 1 => integers(operation, &items[0]),
        other => integers(operation, other),
    }
}

/// The axes of a reduction; None is all.
pub(super) fn axes(operation: &str, value: &Value) -> Result<Axes> {
    match value {
        Value::None => Ok(Axes::default()),
        other => Ok(Axes::from(integers(operation, other)?)),
    }
}

/// A shape.
pub(super) fn shape(operation: &str, value: &Value) -> Result<Shape> {
    Ok(Shape::from(integers(operation, value)?))
}

/// Chunk sizes: an integer, a tuple, a tuple of tuples of lengths, or "auto".
pub(super) fn chunks(operation: &str, value: &Value) -> Result<Chunks> {
    match value {
        Value::Str(text) if text == "auto" => Ok(Chunks::Auto),
        Value::Scalar(_) | Value::Typed(..) => Ok(Chunks::Same(integer(operation, value)? as i128)),
        Value::Tuple(items) | Value::List(items) if items.iter().any(|item| matches!(item, Value::Tuple(_) | Value::List(_))) => {
            let lengths = |item: &Value| match item {
                Value::Tuple(items) | Value::List(items) => items.iter().map(|n| natural(operation, n)).collect(),
                other => Err(expected(operation, "a tuple of chunk lengths for each axis", other)),
            };
            Ok(Chunks::Lengths(items.iter().map(lengths).collect::<Result<_>>()?))
        }
        Value::Tuple(items) | Value::List(items) => {
            let size = |item: &Value| if matches!(item, Value::None) { Ok(-1) } else { integer(operation, item).map(i128::from) };
            Ok(Chunks::PerAxis(items.iter().map(size).collect::<Result<_>>()?))
        }
        other => Err(expected(operation, "chunk sizes or \"auto\"", other)),
    }
}

/// An item of an index.
pub(super) fn index(value: &Value) -> Result<Index> {
    match value {
        Value::Scalar(Scalar::Bool(set)) | Value::Typed(Scalar::Bool(set), _) => {
            Ok(Index::Array(super::full(Vec::<u64>::new(), *set, Some(DType::Bool))))
        }
        Value::Scalar(Scalar::Int(_) | Scalar::UInt(_)) | Value::Typed(Scalar::Int(_) | Scalar::UInt(_), _) => {
            integer("index", value).map(Index::Int)
        }
        Value::None => Ok(Index::NewAxis),
        Value::Ellipsis => Ok(Index::Ellipsis),
        Value::Slice(start, stop, step) => Ok(Index::Slice(*start, *stop, *step)),
        Value::Array(mask) => Ok(Index::Array(mask.clone())),
        Value::List(items) | Value::Tuple(items) => {
            let bools: Option<Vec<bool>> =
                items.iter().map(|item| if let Some(Scalar::Bool(b)) = item.number() { Some(b) } else { None }).collect();
            match bools {
                Some(bools) if !bools.is_empty() => Ok(Index::Bools(bools)),
                _ if items.iter().any(|item| matches!(item, Value::List(_) | Value::Tuple(_))) => array("index", value).map(Index::Array),
                _ => integers("index", value).map(Index::List),
            }
        }
        other => Err(Error::bad_index("index", format!("{}; expected an integer, slice, list, mask, None or ...", describe(other)))),
    }
}

/// Refuses numbers, in lists too, that `dtype` has nothing like: whole ones out of its range, NaN and infinities where it has integers,
/// complex ones where it has none.
pub(super) fn require_fitting(operation: &str, value: &Value, dtype: DType) -> Result<()> {
    match value {
        Value::Scalar(Scalar::Complex(..)) if !dtype.is_complex() => {
            Err(Error::bad_type(operation, format!("{} for an array of {dtype}; expected a real number", describe(value))))
        }
        Value::Scalar(Scalar::Float(x)) if dtype.is_integer() && !x.is_finite() => {
            Err(Error::bad_request(operation, format!("{} for an array of {dtype}; expected a finite number", describe(value))))
        }
        Value::Scalar(scalar) => check_fits(operation, *scalar, dtype),
        Value::List(items) | Value::Tuple(items) => items.iter().try_for_each(|item| require_fitting(operation, item, dtype)),
        _ => Ok(()),
    }
}
