//! Values → JSON.

use flagstone::Scalar;
use serde_json::{Value, json};

/// A number; what JSON has no number for is a string: `"NaN"`, `"Infinity"`, `"-Infinity"`. A complex number
/// is a pair.
pub fn scalar(x: Scalar) -> Value {
    match x {
        Scalar::Bool(b) => json!(b),
        Scalar::Int(i) => json!(i),
        Scalar::UInt(u) => json!(u),
        Scalar::Float(x) => float(x),
        Scalar::Complex(re, im) => json!([float(re), float(im)]),
    }
}

fn float(x: f64) -> Value {
    if x.is_nan() {
        json!("NaN")
    } else if x.is_infinite() {
        json!(if x > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(x)
    }
}

/// Elements in C order as lists nested as `shape` says.
pub fn nested(shape: &[usize], elements: &[Scalar]) -> Value {
    match shape.split_first() {
        None => elements.first().copied().map_or(Value::Null, scalar),
        Some((&len, rest)) => {
            let each: usize = rest.iter().product();
            Value::Array((0..len).map(|i| nested(rest, &elements[i * each..(i + 1) * each])).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_nested_as_the_shape() {
        let elements: Vec<Scalar> = [1.0, f64::NAN, f64::INFINITY, -0.5].map(Scalar::Float).into();
        assert_eq!(nested(&[2, 2], &elements), json!([[1.0, "NaN"], ["Infinity", -0.5]]));
        assert_eq!(nested(&[], &elements[..1]), json!(1.0));
        assert_eq!(nested(&[2, 0], &[]), json!([[], []]));
        assert_eq!(nested(&[1], &[Scalar::Complex(1.0, -2.0)]), json!([[1.0, -2.0]]));
    }
}
