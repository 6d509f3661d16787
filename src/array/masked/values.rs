//! Masked arrays in the expression language: operators, indices, attributes, and functions that move elements.
//!
//! Source of the rules of what is masked besides: `numpy.ma.core`, where a function with a domain masks what is outside of it and what is
//! no finite number.

use super::Masked;
use crate::array::elementwise;
use crate::array::value::{OfMasked, Signature};
use crate::array::{Array, Index, Operand, Value, args, full, where_};
use crate::error::Result;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::{BinaryOp, UnaryOp};

impl Masked {
    /// A value as a masked array, of which all counts where it is a plain one.
    pub(super) fn of(operation: &str, value: &Value) -> Result<Masked> {
        match value {
            Value::Masked(masked) => Ok(masked.clone()),
            list if list.has_masked() => {
                let data = args::array(operation, &replaced(value, |masked| masked.data.clone(), Value::clone))?;
                let mask = args::array(operation, &replaced(value, |masked| masked.mask.clone(), all_of_it_counts))?;
                Ok(Masked::new(&data, &mask))
            }
            other => Ok(Masked::new(&args::array(operation, other)?, &nowhere())),
        }
    }

    /// Data and mask moved alike.
    pub(super) fn both(&self, f: impl Fn(&Array) -> Array) -> Masked {
        self.with(f(&self.data), f(&self.mask))
    }
}

/// A mask of nothing.
pub(super) fn nowhere() -> Array {
    full((), false, None)
}

/// A mask of everything.
pub(super) fn everywhere() -> Array {
    full((), true, None)
}

/// Where a / b is no number: where b is 0, or so small beside a that the quotient is none.
pub(super) fn no_quotient(a: &Array, b: &Operand) -> Array {
    let divisor = match b {
        Operand::Array(array) => array.clone(),
        Operand::Scalar(scalar) => full((), *scalar, None),
    };
    (a.abs() * f64::MIN_POSITIVE).ge(divisor.abs())
}

/// A function of one masked array.
pub(in crate::array) fn unary(op: UnaryOp, x: &Masked) -> Masked {
    let found = x.map(|x| Array::build(|| elementwise::unary(op, &x.expr()?)));
    match op {
        UnaryOp::Sqrt
        | UnaryOp::Log
        | UnaryOp::Log2
        | UnaryOp::Log10
        | UnaryOp::Arcsin
        | UnaryOp::Arccos
        | UnaryOp::Arccosh
        | UnaryOp::Arctanh
        | UnaryOp::Tan => {
            let outside = found.data.isfinite().logical_not();
            found.or_where(&outside)
        }
        _ => found,
    }
}

/// A function of two operands, of which one is masked at least.
pub(in crate::array) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Masked> {
    let parts = |value: &Value| match value {
        Value::Masked(masked) => Ok((Operand::from(&masked.data), Some(masked.clone()))),
        other => args::operand(op.name(), other).map(|operand| (operand, None)),
    };
    let ((x, left), (y, right)) = (parts(a)?, parts(b)?);
    let data = Array::build(|| elementwise::binary(op, &x, &y));
    let mut mask = [&left, &right].into_iter().flatten().map(|masked| masked.mask.clone()).reduce(|a, b| &a | &b).unwrap_or_else(nowhere);
    let endless = || data.isfinite().logical_not();
    match op {
        BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder | BinaryOp::Fmod => {
            let dividend = match x {
                Operand::Array(array) => array,
                Operand::Scalar(scalar) => full((), scalar, None),
            };
            mask = mask | endless() | no_quotient(&dividend, &y);
        }
        BinaryOp::Power => mask = mask | endless(),
        _ => {}
    }
    // under the mask elements of NumPy's are equal where both are masked
    if matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) {
        let masks = [&left, &right].map(|masked| masked.as_ref().map_or_else(nowhere, |masked| masked.mask.clone()));
        let compared = Array::build(|| elementwise::binary(op, &Operand::from(&masks[0]), &Operand::from(&masks[1])));
        let fill_value = left.or(right).and_then(|masked| masked.fill_value);
        return Ok(Masked { fill_value, ..Masked::new(&where_(&mask, &compared, &data), &mask) });
    }
    let fill_value = left.or(right).and_then(|masked| masked.fill_value);
    Ok(Masked { fill_value, ..Masked::new(&data, &mask) })
}

/// `x[index]`.
pub(in crate::array) fn index(x: &Masked, items: &[Index]) -> Masked {
    x.both(|array| array.index(items))
}

/// `x.oix[index]`.
pub(in crate::array) fn orthogonal(x: &Masked, items: &[Index]) -> Masked {
    x.both(|array| array.oix(items))
}

/// What `x[index] = value` makes of `x`: what is given counts, but where it is masked itself.
pub(in crate::array) fn set_index(x: &Masked, items: &[Index], value: &Value) -> Result<Masked> {
    let given = Masked::of("set", value)?;
    let data = match value {
        Value::Masked(_) => Operand::from(&given.data),
        plain => args::operand("set", plain)?,
    };
    Ok(x.with(x.data.set(items, data), x.mask.set(items, &given.mask)))
}

/// What a masked array alone has under the name; `None` where arrays have it, too, or nobody.
pub(in crate::array) fn attribute(x: &Masked, name: &str) -> Option<Value> {
    match name {
        "data" => Some(Value::Array(x.data.clone())),
        "mask" => Some(Value::Array(x.mask.clone())),
        "fill_value" => Some(Value::Array(x.fill_value())),
        _ => None,
    }
}

/// `x.T` and the like: `of` gives it of an array.
pub(in crate::array) fn attribute_of_both(x: &Masked, of: impl Fn(&Array) -> Option<Value>, moves: bool) -> Option<Value> {
    let data = of(&x.data)?;
    let mask = if moves { of(&x.mask)? } else { Value::Array(x.mask.clone()) };
    Some(match joined(data, mask) {
        Value::Masked(found) => Value::Masked(Masked { fill_value: x.fill_value, ..found }),
        other => other,
    })
}

/// What `signature` gives of arguments with masked arrays among them, where it moves elements, or makes others of them one by one.
pub(in crate::array) fn moved(signature: &Signature, arguments: &[Value]) -> Option<Result<Value>> {
    let fill_value = arguments.iter().find_map(|value| if let Value::Masked(masked) = value { masked.fill_value } else { None });
    Some(of_data_and_mask(signature, arguments)?.map(|found| match found {
        Value::Masked(found) => Value::Masked(Masked { fill_value, ..found }),
        other => other,
    }))
}

/// As [`moved`], without the fill value.
fn of_data_and_mask(signature: &Signature, arguments: &[Value]) -> Option<Result<Value>> {
    if let (OfMasked::Each, Some(Value::Masked(masked))) = (signature.of_masked, arguments.first()) {
        let arguments = [&[Value::Array(masked.data.clone())], &arguments[1..]].concat();
        return Some((signature.call)(&arguments).map(|data| joined(data, Value::Array(masked.mask.clone()))));
    }
    let OfMasked::Moves(moved) = signature.of_masked else { return None };
    let called = |f: fn(&Masked) -> Array, plain: fn(&Value) -> Value| {
        let arguments: Vec<Value> = arguments
            .iter()
            .enumerate()
            .map(|(at, value)| replaced(value, f, if moved.contains(&at) { plain } else { Value::clone }))
            .collect();
        (signature.call)(&arguments)
    };
    let data = called(|masked| masked.data.clone(), Value::clone);
    let mask = called(|masked| masked.mask.clone(), all_of_it_counts);
    Some(data.and_then(|data| Ok(joined(data, mask?))))
}

/// The mask of a plain array or number.
fn all_of_it_counts(plain: &Value) -> Value {
    match plain {
        Value::Array(array) => Value::Array(array.full_like(false, Some(DType::Bool))),
        Value::Scalar(_) | Value::Typed(..) => Value::Scalar(Scalar::Bool(false)),
        other => other.clone(),
    }
}

/// The value with arrays in the place of masked ones, and of the others that stand where arrays stand.
fn replaced(value: &Value, f: fn(&Masked) -> Array, plain: fn(&Value) -> Value) -> Value {
    match value {
        Value::Masked(masked) => Value::Array(f(masked)),
        Value::Tuple(items) => Value::Tuple(items.iter().map(|item| replaced(item, f, plain)).collect()),
        Value::List(items) => Value::List(items.iter().map(|item| replaced(item, f, plain)).collect()),
        other => plain(other),
    }
}

/// Results of data and of masks as masked arrays.
fn joined(data: Value, mask: Value) -> Value {
    match (data, mask) {
        (Value::Array(data), Value::Array(mask)) => Value::Masked(Masked::new(&data, &mask)),
        (Value::Tuple(data), Value::Tuple(mask)) => {
            Value::Tuple(data.into_iter().zip(mask).map(|(data, mask)| joined(data, mask)).collect())
        }
        (data, _) => data,
    }
}

/// The number that a fill value is.
pub(super) fn fill(operation: &str, value: &Value) -> Result<Option<Scalar>> {
    match value {
        Value::None => Ok(None),
        other => args::scalar(operation, "fill_value", other).map(Some),
    }
}
