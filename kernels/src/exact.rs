//! f64 ⇄ data that is read back to the last bit: finite values as numbers, infinities and NaNs, which JSON has no
//! numbers for, by their bits in hexadecimal. For `#[serde(with = "crate::exact")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Bits(String),
}

/// Writes `value`.
///
/// # Errors
/// As the serializer.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_str(&format!("{:#018x}", value.to_bits())) }
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// For anything else.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(value) => Ok(value),
        Written::Bits(bits) => {
            let digits = bits.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            digits.map(f64::from_bits).ok_or_else(|| D::Error::custom(format!("{bits:?} is no float64")))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dtype::Scalar;

    #[test]
    fn every_value_comes_back_to_the_last_bit() {
        let payload = f64::from_bits(0xfff8_0000_0000_0123);
        for value in [0.0, -0.0, 0.1, f64::MAX, 5e-324, 1.0 / 3.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, payload] {
            let text = serde_json::to_string(&Scalar::Complex(value, -value)).unwrap();
            match serde_json::from_str(&text).unwrap() {
                Scalar::Complex(re, im) => assert_eq!([re.to_bits(), im.to_bits()], [value.to_bits(), (-value).to_bits()], "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert!(serde_json::from_str::<Scalar>(r#"{"Float": "NaN"}"#).unwrap_err().to_string().contains("no float64"));
    }
}
