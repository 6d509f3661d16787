//! An attribute's value with its dtype, which JSON forgets, and as JSON.

use flagstone_kernels::dtype::{DType, Scalar};
use serde_json::{Map, Number, Value};

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    /// A text.
    Text(String),
    /// One number, or several along one axis.
    Numbers(DType, Vec<Scalar>),
}

impl Attribute {
    /// The attribute `name`; JSON has integers, floats, and text for what is not finite.
    pub(crate) fn from_json(attributes: &Map<String, Value>, name: &str) -> Option<Attribute> {
        let value = attributes.get(name)?;
        let items = match value {
            Value::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>(),
            one => scalar(one).map(|one| vec![one]),
        };
        match (items, value) {
            (Some(items), _) => items.first().map(|first| Attribute::Numbers(first.natural_dtype(), items.clone())),
            (None, Value::String(text)) => Some(Attribute::Text(text.clone())),
            _ => None,
        }
    }

    /// For people and for what is written.
    pub(crate) fn json(&self) -> Value {
        match self {
            Attribute::Text(text) => Value::String(text.clone()),
            Attribute::Numbers(_, values) => match values.as_slice() {
                [one] => json(*one),
                many => Value::Array(many.iter().map(|value| json(*value)).collect()),
            },
        }
    }
}

/// The number that a value is, also one that JSON has no words for.
pub(crate) fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Number(n) if n.is_i64() => n.as_i64().map(Scalar::Int),
        Value::Number(n) if n.is_u64() => n.as_u64().map(Scalar::UInt),
        Value::Number(n) => n.as_f64().map(Scalar::Float),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(Scalar::Float(f64::NAN)),
            "Infinity" | "inf" => Some(Scalar::Float(f64::INFINITY)),
            "-Infinity" | "-inf" => Some(Scalar::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        _ => None,
    }
}

/// JSON has no NaN or infinity: they become text.
pub(crate) fn json(value: Scalar) -> Value {
    let word = |f: f64| {
        if f.is_nan() {
            "NaN"
        } else if f > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
    };
    let float = |f: f64| Number::from_f64(f).map_or_else(|| Value::String(word(f).to_string()), Value::Number);
    match value {
        Scalar::Bool(b) => Value::Bool(b),
        Scalar::Int(i) => i.into(),
        Scalar::UInt(u) => u.into(),
        Scalar::Float(f) => float(f),
        Scalar::Complex(re, im) => Value::Array(vec![float(re), float(im)]),
    }
}
