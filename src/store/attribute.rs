//! An attribute's value with its dtype, which JSON forgets, and as JSON.

use flagstone_kernels::dtype::{DType, Scalar};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// What an attribute is, where its JSON does not say it.
///
/// ```
/// use flagstone::store::{AttributeKind, Create};
/// let mut create = Create::new(vec![3], flagstone::DType::I16);
/// create.attributes.insert("scale_factor".into(), 0.5.into());
/// create.attribute_kinds.insert("scale_factor".into(), AttributeKind::Number(flagstone::DType::F32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeKind {
    /// A text, also where it is called as a number that JSON has no words for: `NaN`.
    Text,
    /// One number or several of this dtype; of JSON alone they are 64 bits wide. A complex one is an array of two there.
    Number(DType),
}

/// The attributes of which JSON does not say all, by name.
pub type AttributeKinds = BTreeMap<String, AttributeKind>;

impl AttributeKind {
    /// Of texts; `None` where JSON says it.
    pub(crate) fn of_texts<T: AsRef<str>>(texts: &[T]) -> Option<AttributeKind> {
        let is_word = |text: &T| number_word(text.as_ref()).is_some();
        texts.iter().any(is_word).then_some(AttributeKind::Text)
    }

    /// Of numbers of this dtype; `None` where JSON says it.
    pub(crate) fn of_numbers(dtype: DType) -> Option<AttributeKind> {
        let is_plain = matches!(dtype, DType::I64 | DType::F64 | DType::Bool);
        (!is_plain).then_some(AttributeKind::Number(dtype))
    }
}

/// The bytes of numbers of this dtype; `None` where it does not hold one of them as it is.
pub(crate) fn bytes_as(dtype: DType, values: &[&Value]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; values.len() * dtype.size()];
    for (value, out) in values.iter().zip(bytes.chunks_exact_mut(dtype.size())) {
        let number = scalar(value)?;
        number.write(dtype, out);
        let wide = |x| match x {
            Scalar::Int(i) => i128::from(i),
            Scalar::UInt(u) => i128::from(u),
            _ => 0,
        };
        let back = Scalar::read(dtype, out);
        let is_same = match (number, back) {
            (Scalar::Float(a), b) => a.to_bits() == b.as_f64().to_bits() || a.is_nan() && b.as_f64().is_nan(),
            (a, Scalar::Float(b)) => wide(a) as f64 == b && b as i128 == wide(a),
            (a, b) => wide(a) == wide(b),
        };
        if !is_same {
            return None;
        }
    }
    Some(bytes)
}

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

    /// What its JSON does not say.
    pub(crate) fn kind(&self) -> Option<AttributeKind> {
        match self {
            Attribute::Text(text) => AttributeKind::of_texts(&[text]),
            Attribute::Numbers(dtype, _) => AttributeKind::of_numbers(*dtype),
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
        Value::String(text) => number_word(text).map(Scalar::Float),
        _ => None,
    }
}

/// The number that JSON has no words for and a text names.
fn number_word(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
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
