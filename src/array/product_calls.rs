//! The calls of the table that are products.

use super::einsum::summed;
use super::products::{Contracted, multi_dot as multiplied};
use super::{Array, Value, args, counted};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::Scalar;

type Called = Result<Value>;

/// A product of two by its method.
pub(super) fn of_two(name: &str, a: &[Value], method: impl Fn(&Array, Array) -> Array) -> Called {
    Ok(Value::Array(method(&args::array(name, &a[0])?, args::array(name, &a[1])?)))
}

pub(super) fn matmul(a: &[Value]) -> Called {
    of_two("matmul", a, |a, b| a.matmul(b))
}

pub(super) fn dot(a: &[Value]) -> Called {
    Ok(Value::Array(args::array("dot", &a[0])?.dot(args::operand("dot", &a[1])?)))
}

pub(super) fn outer(a: &[Value]) -> Called {
    of_two("outer", a, |a, b| a.outer(b))
}

/// `linalg.outer`, which does not flatten.
pub(super) fn outer_of_vectors(a: &[Value]) -> Called {
    for x in a {
        let shape = args::array("outer", x)?.shape()?;
        if shape.len() != 1 {
            return Err(Error::bad_request("outer", format!("an array of shape {shape:?}; expected one axis")));
        }
    }
    outer(a)
}

pub(super) fn vecdot(a: &[Value], axis: &Value) -> Called {
    let axis = args::integer("vecdot", axis)?;
    of_two("vecdot", a, |a, b| a.vecdot(b, axis))
}

pub(super) fn tensordot(a: &[Value]) -> Called {
    let axes = match &a[2] {
        Value::Tuple(items) | Value::List(items) => match &items[..] {
            [first, second] => Contracted::Pairs(args::integers("tensordot", first)?, args::integers("tensordot", second)?),
            _ => {
                let what = format!("axes of {} items; expected a number, or axes of the first and axes of the second", items.len());
                return Err(Error::bad_request("tensordot", what));
            }
        },
        count => Contracted::Last(args::integer("tensordot", count)?),
    };
    of_two("tensordot", a, |a, b| a.tensordot(b, axes.clone()))
}

/// (a, b, axisa, axisb, axisc, axis).
pub(super) fn cross(a: &[Value]) -> Called {
    let axis = |at: usize| args::integer("cross", if matches!(a[5], Value::None) { &a[at] } else { &a[5] });
    let axes = [axis(2)?, axis(3)?, axis(4)?];
    of_two("cross", a, |a, b| a.cross(b, axes))
}

/// (x1, x2, axis) of `linalg.cross`: of 3 components.
pub(super) fn cross_of_three(a: &[Value]) -> Called {
    let axis = args::integer("cross", &a[2])?;
    let lengths = |value: &Value| -> Result<Option<u64>> {
        let shape = args::array("cross", value)?.shape()?;
        let at = if axis < 0 { axis + shape.len() as i64 } else { axis };
        Ok(usize::try_from(at).ok().and_then(|at| shape.get(at).copied()))
    };
    for value in &a[..2] {
        if let Some(n) = lengths(value)?.filter(|&n| n != 3) {
            return Err(Error::bad_request("cross", format!("vectors of {n} components; expected 3")));
        }
    }
    of_two("cross", a, |a, b| a.cross(b, [axis; 3]))
}

/// (a, offset, axis1, axis2, dtype).
pub(super) fn trace(a: &[Value]) -> Called {
    let (array, dtype) = (args::array("trace", &a[0])?, args::dtype("trace", &a[4])?);
    let [offset, axis1, axis2] = [1, 2, 3].map(|at| args::integer("trace", &a[at]));
    let array = dtype.map_or(array.clone(), |dtype| array.astype(dtype));
    let trace = array.trace(offset?, axis1?, axis2?);
    Ok(Value::Array(dtype.map_or(trace.clone(), |dtype| trace.astype(dtype))))
}

/// (x, offset, dtype) of `linalg.trace`: of the last two axes.
pub(super) fn trace_of_matrices(a: &[Value]) -> Called {
    let axis = |axis: i64| Value::Scalar(Scalar::Int(axis));
    trace(&[a[0].clone(), a[1].clone(), axis(-2), axis(-1), a[2].clone()])
}

pub(super) fn matrix_power(a: &[Value]) -> Called {
    Ok(Value::Array(args::array("matrix_power", &a[0])?.matrix_power(args::integer("matrix_power", &a[1])?)))
}

pub(super) fn multi_dot(a: &[Value]) -> Called {
    let arrays = args::arrays("multi_dot", &a[0])?;
    Ok(Value::Array(multiplied(&arrays.iter().collect::<Vec<_>>())))
}

/// The subscripts of axes that NumPy's other form of einsum gives as a list of numbers and `...`.
fn subscripts_of(list: &Value) -> Result<String> {
    const LABELS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let refused = || Error::bad_request("einsum", "subscripts that are no list of numbers from 0 to 51; expected for example [0, 1]");
    let (Value::List(items) | Value::Tuple(items)) = list else { return Err(refused()) };
    let one = |item: &Value| match item {
        Value::Ellipsis => Ok("...".to_string()),
        number => {
            let label = usize::try_from(args::integer("einsum", number)?).ok().and_then(|at| LABELS.get(at));
            label.map(|&label| char::from(label).to_string()).ok_or_else(refused)
        }
    };
    items.iter().map(one).collect()
}

/// The subscripts as a string, and the operands: `a, [0, 1], b, [1, 2], [0, 2]` is `"AB,BC->AC", a, b`.
fn subscripts_and_operands(first: &Value, rest: &Value) -> Result<(String, Value)> {
    if let Value::Str(subscripts) = first {
        return Ok((subscripts.clone(), rest.clone()));
    }
    let (Value::List(rest) | Value::Tuple(rest)) = rest else { return Err(Error::internal("operands that are no list")) };
    let all: Vec<&Value> = std::iter::once(first).chain(rest).collect();
    let (pairs, out) = all.as_chunks::<2>();
    let subscripts = pairs.iter().map(|[_, list]| subscripts_of(list)).collect::<Result<Vec<String>>>()?.join(",");
    let subscripts = match out {
        [out] => format!("{subscripts}->{}", subscripts_of(out)?),
        _ => subscripts,
    };
    Ok((subscripts, Value::List(pairs.iter().map(|[operand, _]| (*operand).clone()).collect())))
}

/// (subscripts, *operands, dtype, optimize).
pub(super) fn einsum(a: &[Value]) -> Called {
    let (subscripts, operands) = subscripts_and_operands(&a[0], &a[1])?;
    let (arrays, dtype) = (args::arrays("einsum", &operands)?, args::dtype("einsum", &a[2])?);
    Ok(Value::Array(Array::build(|| {
        let exprs = arrays.iter().map(Array::expr).collect::<Result<Vec<_>>>()?;
        counted::when_known("einsum", &exprs, &[], move |exprs| summed(&subscripts, exprs, dtype))
    })))
}
