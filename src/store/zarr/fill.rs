//! Fill values: JSON ↔ one element's bytes. NaN, Infinity, bit patterns in hex, base64 and null too.

use flagstone_kernels::dtype::{DType, Kind, Scalar};
use serde_json::{Value, json};

/// The native bytes of one element.
///
/// # Errors
/// What cannot be a value of `dtype`, as text.
pub(super) fn parse(value: &Value, dtype: DType) -> Result<Vec<u8>, String> {
    let mut out = vec![0u8; dtype.size()];
    match (dtype.kind(), value) {
        (_, Value::Null) => {}
        (Kind::Bool, Value::Bool(b)) => out[0] = u8::from(*b),
        (Kind::Bool, Value::Number(n)) if n.as_f64() == Some(0.0) || n.as_f64() == Some(1.0) => {
            out[0] = u8::from(n.as_f64() == Some(1.0));
        }
        (Kind::Signed | Kind::Unsigned, Value::Number(n)) => out = integer(n, dtype)?,
        (Kind::Float, value) => float(value, dtype, &mut out)?,
        (Kind::Complex, Value::Array(parts)) if parts.len() == 2 => {
            let (re, im) = out.split_at_mut(dtype.size() / 2);
            float(&parts[0], dtype.real(), re)?;
            float(&parts[1], dtype.real(), im)?;
        }
        (Kind::Complex, Value::Number(n)) => {
            Scalar::Complex(n.as_f64().ok_or("no number")?, 0.0).write(dtype, &mut out);
        }
        (_, Value::String(text)) => out = base64(text, dtype)?,
        (_, other) => return Err(format!("{other} is no {dtype}")),
    }
    Ok(out)
}

/// Zero as the specification writes it.
pub(super) fn zero(dtype: DType) -> Value {
    match dtype.kind() {
        Kind::Bool => json!(false),
        Kind::Signed | Kind::Unsigned => json!(0),
        Kind::Float => json!(0.0),
        Kind::Complex => json!([0.0, 0.0]),
    }
}

fn integer(n: &serde_json::Number, dtype: DType) -> Result<Vec<u8>, String> {
    let mut out = vec![0u8; dtype.size()];
    let scalar = match (n.as_i64(), n.as_u64(), n.as_f64()) {
        (Some(i), ..) => Scalar::Int(i),
        (_, Some(u), _) => Scalar::UInt(u),
        (_, _, Some(f)) if f == f.trunc() && f.abs() < 9e15 => Scalar::Int(f as i64),
        _ => return Err(format!("{n} is no {dtype}")),
    };
    scalar.write(dtype, &mut out);
    let back = match Scalar::read(dtype, &out) {
        Scalar::Int(i) => i128::from(i),
        Scalar::UInt(u) => i128::from(u),
        _ => 0,
    };
    let given = match scalar {
        Scalar::Int(i) => i128::from(i),
        Scalar::UInt(u) => i128::from(u),
        _ => 0,
    };
    if back == given { Ok(out) } else { Err(format!("{n} is out of the range of {dtype}")) }
}

fn float(value: &Value, dtype: DType, out: &mut [u8]) -> Result<(), String> {
    let number = match value {
        Value::Number(n) => n.as_f64().ok_or("no number")?,
        Value::String(text) => match text.as_str() {
            "NaN" | "nan" => f64::NAN,
            "Infinity" | "inf" => f64::INFINITY,
            "-Infinity" | "-inf" => f64::NEG_INFINITY,
            text => {
                if let Some(hex) = text.strip_prefix("0x") {
                    let bits = u64::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 2 * dtype.size());
                    let bits = bits.ok_or_else(|| format!("{text:?} are not the bits of a {dtype}"))?;
                    let bytes = bits.to_le_bytes();
                    out.copy_from_slice(&bytes[..dtype.size()]);
                    if cfg!(target_endian = "big") {
                        out.reverse();
                    }
                    return Ok(());
                }
                let bytes = base64(text, dtype)?;
                out.copy_from_slice(&bytes);
                return Ok(());
            }
        },
        other => return Err(format!("{other} is no {dtype}")),
    };
    Scalar::Float(number).write(dtype, out);
    Ok(())
}

/// Little-endian bytes of one element in base64.
fn base64(text: &str, dtype: DType) -> Result<Vec<u8>, String> {
    let bad = || format!("{text:?} is no {dtype}");
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(bad()),
        };
        bits = (bits << 6 | u32::from(digit)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
        if out.len() > dtype.size() {
            return Err(bad());
        }
    }
    if out.len() != dtype.size() {
        return Err(bad());
    }
    if cfg!(target_endian = "big") {
        out.chunks_exact_mut(dtype.real().size()).for_each(<[u8]>::reverse);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_fill_value_is_read() {
        let read = |value: Value, dtype| parse(&value, dtype).map(|bytes| Scalar::read(dtype, &bytes));
        assert!(matches!(read(json!("NaN"), DType::F32), Ok(Scalar::Float(f)) if f.is_nan()));
        assert_eq!(read(json!("-Infinity"), DType::F64), Ok(Scalar::Float(f64::NEG_INFINITY)));
        assert_eq!(read(json!("0x3fc00000"), DType::F32), Ok(Scalar::Float(1.5)));
        assert_eq!(read(json!("0x3e00"), DType::F16), Ok(Scalar::Float(1.5)));
        assert_eq!(read(json!("AADAPw=="), DType::F32), Ok(Scalar::Float(1.5)));
        assert_eq!(read(json!(null), DType::I16), Ok(Scalar::Int(0)));
        assert_eq!(read(json!(u64::MAX), DType::U64), Ok(Scalar::UInt(u64::MAX)));
        assert_eq!(read(json!([1.0, "NaN"]), DType::C64).unwrap().as_f64(), 1.0);
        assert_eq!(read(json!(true), DType::Bool), Ok(Scalar::Bool(true)));
        for (value, dtype) in [
            (json!(300), DType::U8),
            (json!(-1), DType::U64),
            (json!(1.5), DType::I32),
            (json!("0x3fc0"), DType::F32),
            (json!("x"), DType::F64),
            (json!([1]), DType::C64),
            (json!(2), DType::Bool),
        ] {
            assert!(read(value.clone(), dtype).is_err(), "{value} as {dtype}");
        }
        for dtype in DType::ALL {
            assert_eq!(parse(&zero(dtype), dtype), Ok(vec![0; dtype.size()]));
        }
    }
}
