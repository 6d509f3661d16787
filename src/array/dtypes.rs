//! Functions of dtypes alone: which may be cast to which, and to which several promote.

use super::operand::{Arg, common_dtype};
use super::{Array, Value, args};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Kind, Scalar};

/// How far a cast may go: bool, unsigned, signed, float, complex.
fn rank(dtype: DType) -> u8 {
    match dtype.kind() {
        Kind::Bool => 0,
        Kind::Unsigned => 1,
        Kind::Signed => 2,
        Kind::Float => 3,
        Kind::Complex => 4,
    }
}

/// NumPy's `can_cast`: `rule` is its `casting`.
pub(super) fn can_cast(operation: &str, from: DType, to: DType, rule: &str) -> Result<bool> {
    let safe = from.promote(to) == to;
    match rule {
        "no" | "equiv" => Ok(from == to),
        "safe" => Ok(safe),
        "same_kind" => Ok(safe || rank(from) <= rank(to)),
        "unsafe" => Ok(true),
        other => {
            let known = "'no', 'equiv', 'safe', 'same_kind' or 'unsafe'";
            Err(Error::bad_request(operation, format!("casting='{other}'; expected {known}")))
        }
    }
}

/// The arrays of a list, cast to the dtype that is asked for as far as `casting` allows.
pub(super) fn arrays_as(operation: &str, list: &Value, dtype: &Value, casting: &Value) -> Result<Vec<Array>> {
    let given = args::arrays(operation, list)?;
    let Value::Str(rule) = casting else {
        return Err(Error::bad_request(operation, "a casting that is no string; expected for example 'same_kind'"));
    };
    let Some(wanted) = args::dtype(operation, dtype)? else { return Ok(given) };
    let cast = |array: Array| -> Result<Array> {
        let from = array.dtype()?;
        match can_cast(operation, from, wanted, rule)? {
            true => Ok(array.astype(wanted)),
            false => Err(Error::bad_type(operation, format!("{from} as {wanted} with casting='{rule}', which does not allow it"))),
        }
    };
    given.into_iter().map(cast).collect()
}

/// (from_, to, casting).
pub(super) fn can_cast_call(a: &[Value]) -> Result<Value> {
    let name = "can_cast";
    let from = match &a[0] {
        Value::Array(array) => array.dtype()?,
        other => named(name, other)?,
    };
    let Value::Str(rule) = &a[2] else { return Err(Error::bad_request(name, "a casting that is no string; expected for example 'safe'")) };
    can_cast(name, from, named(name, &a[1])?, rule).map(|allowed| Value::Scalar(Scalar::Bool(allowed)))
}

/// (dtype, kind): a kind of the array API standard, a dtype, or a tuple of them.
pub(super) fn isdtype(a: &[Value]) -> Result<Value> {
    fn is(dtype: DType, kind: &Value) -> Result<bool> {
        let own = dtype.kind();
        match kind {
            Value::Tuple(kinds) => kinds.iter().try_fold(false, |any, kind| Ok(any | is(dtype, kind)?)),
            Value::DType(other) => Ok(dtype == *other),
            Value::Str(word) => Ok(match word.as_str() {
                "bool" => own == Kind::Bool,
                "signed integer" => own == Kind::Signed,
                "unsigned integer" => own == Kind::Unsigned,
                "integral" => dtype.is_integer(),
                "real floating" => dtype.is_float(),
                "complex floating" => dtype.is_complex(),
                "numeric" => own != Kind::Bool,
                other => {
                    let known = "'bool', 'signed integer', 'unsigned integer', 'integral', 'real floating', 'complex floating', 'numeric'";
                    return Err(Error::bad_request("isdtype", format!("kind '{other}'; expected {known}, or a dtype")));
                }
            }),
            _ => Err(Error::bad_request("isdtype", "a kind that is none; expected for example 'integral', or a dtype")),
        }
    }
    is(named("isdtype", &a[0])?, &a[1]).map(|holds| Value::Scalar(Scalar::Bool(holds)))
}

fn named(name: &str, value: &Value) -> Result<DType> {
    args::dtype(name, value)?.ok_or_else(|| Error::bad_type(name, "None; expected a dtype such as float32"))
}

/// The dtype that dtypes, arrays and weak numbers promote to.
pub(super) fn result_type(a: &[Value]) -> Result<Value> {
    let (Value::Tuple(items) | Value::List(items)) = &a[0] else { return Err(Error::internal("arguments that are no tuple")) };
    let one = |value: &Value| match value {
        Value::Array(_) | Value::Scalar(_) | Value::Typed(..) => args::operand("result_type", value)?.arg(),
        other => super::zeros((), named("result_type", other)?).expr().map(Arg::Expr),
    };
    let found = items.iter().map(one).collect::<Result<Vec<_>>>()?;
    match found[..] {
        [] => Err(Error::bad_request("result_type", "nothing; expected dtypes or arrays")),
        _ => Ok(Value::DType(common_dtype(&found.iter().collect::<Vec<_>>()))),
    }
}

/// (type1, type2).
pub(super) fn promote_types(a: &[Value]) -> Result<Value> {
    Ok(Value::DType(named("promote_types", &a[0])?.promote(named("promote_types", &a[1])?)))
}
