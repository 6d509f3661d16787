//! Results → text as NumPy prints, or JSON.

use crate::json;
use flagstone::array::{AnyArray, Array, Value, corners, format, format_corners, format_scalar};
use flagstone::runtime::Runtime;
use flagstone::{Error, Result};
use serde_json::json;

/// JSON holds the values of arrays of at most so many elements.
const DATA_ELEMENTS_MAX: usize = 1000;

/// One array of the result: its values, or its corners where it is too large to be shown whole.
struct Shown {
    shape: Vec<u64>,
    values: AnyArray,
    whole: bool,
}

/// All arrays of a result, from left to right, computed in one pass.
pub struct Results(Vec<Shown>);

impl Results {
    /// Computes what showing `value` needs, and no more.
    pub fn compute(value: &Value, runtime: &Runtime) -> Result<Results> {
        let mut shapes = Vec::new();
        let mut exprs = Vec::new();
        for array in crate::compute::arrays(value) {
            let array: Array = runtime.settle(array)?;
            let corner = corners(&array)?;
            shapes.push((array.shape()?, corner.is_none()));
            exprs.push(corner.unwrap_or(array).expr()?);
        }
        if exprs.is_empty() {
            return Ok(Results(Vec::new()));
        }
        let computed = runtime.compute_exprs(&exprs)?;
        if computed.len() != shapes.len() {
            return Err(Error::internal("fewer results than arrays"));
        }
        let shown = shapes
            .into_iter()
            .zip(computed)
            .map(|((shape, whole), dense)| Ok(Shown { shape, values: AnyArray::from_dense(dense)?, whole }));
        shown.collect::<Result<_>>().map(Results)
    }

    /// As Python's `print` would show it.
    pub fn text(&self, value: &Value) -> String {
        text(value, &mut self.0.iter())
    }

    /// dtype, shape and data; `results` of several.
    pub fn json(&self, value: &Value) -> serde_json::Value {
        to_json(value, &mut self.0.iter())
    }
}

fn text<'a>(value: &Value, shown: &mut dyn Iterator<Item = &'a Shown>) -> String {
    let list = |items: &[Value], shown: &mut dyn Iterator<Item = &'a Shown>, open: &str, close: &str| {
        let parts: Vec<String> = items.iter().map(|item| nested(item, shown)).collect();
        let between = if parts.iter().any(|part| part.contains('\n')) { ",\n" } else { ", " };
        let trailing = if items.len() == 1 && open == "(" { "," } else { "" };
        format!("{open}{}{trailing}{close}", parts.join(between))
    };
    match value {
        Value::Array(_) => match shown.next() {
            Some(Shown { values, whole: true, .. }) => format(values),
            Some(Shown { values, shape, .. }) => format_corners(values, shape),
            None => String::new(),
        },
        Value::Scalar(x) => format_scalar(*x, x.natural_dtype()),
        Value::Typed(x, dtype) => format_scalar(*x, *dtype),
        Value::None => "None".to_string(),
        Value::Str(text) => text.clone(),
        Value::DType(dtype) => dtype.to_string(),
        Value::Tuple(items) => list(items, shown, "(", ")"),
        Value::List(items) => list(items, shown, "[", "]"),
        Value::Slice(start, stop, step) => {
            let part = |x: &Option<i64>| x.map_or("None".to_string(), |x| x.to_string());
            format!("slice({}, {}, {})", part(start), part(stop), part(step))
        }
        Value::Ellipsis => "Ellipsis".to_string(),
        _ => "a value that cannot be printed".to_string(),
    }
}

/// Inside of a tuple or list: strings in quotes, dtypes by name.
fn nested(value: &Value, shown: &mut dyn Iterator<Item = &Shown>) -> String {
    match value {
        Value::Str(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::DType(dtype) => format!("dtype('{dtype}')"),
        other => text(other, shown),
    }
}

fn to_json(value: &Value, shown: &mut dyn Iterator<Item = &Shown>) -> serde_json::Value {
    match value {
        Value::Array(_) => match shown.next() {
            Some(Shown { shape, values, whole }) => {
                let scalars = if *whole { values.scalars() } else { Vec::new() };
                let mut out = json!({"dtype": values.dtype().name(), "shape": shape});
                if *whole && scalars.len() <= DATA_ELEMENTS_MAX {
                    out["data"] = json::nested(values.shape(), &scalars);
                }
                out
            }
            None => serde_json::Value::Null,
        },
        Value::Scalar(x) => json!({"dtype": x.natural_dtype().name(), "shape": [], "data": json::scalar(*x)}),
        Value::Typed(x, dtype) => json!({"dtype": dtype.name(), "shape": [], "data": json::scalar(*x)}),
        Value::Tuple(items) | Value::List(items) => {
            json!({"results": items.iter().map(|item| to_json(item, &mut *shown)).collect::<Vec<_>>()})
        }
        Value::None => json!({"data": null}),
        Value::Str(text) => json!({"data": text}),
        Value::DType(dtype) => json!({"data": dtype.name()}),
        _ => json!({"data": text(value, &mut std::iter::empty())}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone::{DType, Scalar};

    #[test]
    fn pythons_values_print_as_in_python() {
        let int = |i| Value::Scalar(Scalar::Int(i));
        let results = Results(Vec::new());
        for (value, out) in [
            (Value::Tuple(vec![int(1)]), "(1,)"),
            (Value::Tuple(vec![int(1), Value::List(vec![])]), "(1, [])"),
            (Value::Scalar(Scalar::Float(2.0)), "2.0"),
            (Value::Scalar(Scalar::Bool(true)), "True"),
            (Value::List(vec![Value::Str("a'b".into()), Value::DType(DType::F32)]), r"['a\'b', dtype('float32')]"),
            (Value::Str("a".into()), "a"),
            (Value::None, "None"),
        ] {
            assert_eq!(results.text(&value), out);
        }
    }
}
