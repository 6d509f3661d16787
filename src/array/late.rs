//! Calls of functions that ask for lengths which are not known yet: they are made when those are counted.

use super::counted::{uncounted, when_known};
use super::{Array, Signature, Value};
use crate::error::{Error, Result};
use crate::expr::Expr;

/// The arrays among `values`, and in lists of theirs.
fn arrays(values: &[Value], out: &mut Vec<Array>) {
    for value in values {
        match value {
            Value::Array(array) => out.push(array.clone()),
            Value::Tuple(items) | Value::List(items) => arrays(items, out),
            _ => {}
        }
    }
}

/// `values` with others in the place of their arrays.
fn replaced(values: &[Value], others: &mut impl Iterator<Item = Expr>) -> Vec<Value> {
    let mut one = |value: &Value| match value {
        Value::Array(array) => Value::Array(others.next().map_or_else(|| array.clone(), Array::from_expr)),
        Value::Tuple(items) => Value::Tuple(replaced(items, others)),
        Value::List(items) => Value::List(replaced(items, others)),
        other => other.clone(),
    };
    values.iter().map(&mut one).collect()
}

/// The result of a call, or the one of this number where it has several.
fn result(found: Value, number: Option<usize>) -> Result<Expr> {
    match (found, number) {
        (Value::Array(array), None) => array.expr(),
        (Value::Tuple(mut items), Some(number)) if number < items.len() => result(items.swap_remove(number), None),
        _ => Err(Error::internal("a result that is no array")),
    }
}

/// What `signature` gives of bound arguments, none of them masked: at once where it asks for no length that is not known, else arrays of
/// lengths that are known when those are. What gives something else than arrays counts.
pub(super) fn call(signature: &'static Signature, arguments: &[Value]) -> Result<Value> {
    let mut given = Vec::new();
    arrays(arguments, &mut given);
    let given: Vec<Expr> = given.iter().map(Array::expr).collect::<Result<_>>()?;
    if !given.iter().any(|array| array.is_counted()) || signature.draws() {
        return (signature.call)(arguments);
    }
    if let Some(made) = uncounted(|| (signature.call)(arguments)) {
        return made;
    }
    let later = |number: Option<usize>| {
        let arguments = arguments.to_vec();
        let call = move |exprs: &[Expr]| result((signature.call)(&replaced(&arguments, &mut exprs.iter().cloned()))?, number);
        when_known(signature.name, &given, &[], call).map(|expr| Value::Array(Array::from_expr(expr)))
    };
    let made = match signature.results.len() {
        0 | 1 => later(None),
        n => (0..n).map(|number| later(Some(number))).collect::<Result<Vec<Value>>>().map(Value::Tuple),
    };
    made.or_else(|_| (signature.call)(arguments))
}
