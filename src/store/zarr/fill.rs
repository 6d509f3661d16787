//! Fill values: JSON ↔ one element's bytes. NaN, Infinity, bit patterns in hex, base64 and null too.

use crate::store::record::Part;
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
        // Some writers have false for 0, as zarr-python reads it.
        (Kind::Signed | Kind::Unsigned | Kind::Float, Value::Bool(b)) => Scalar::Int(i64::from(*b)).write(dtype, &mut out),
        (Kind::Signed | Kind::Unsigned, Value::Number(n)) => out = integer(n, dtype)?,
        (Kind::Signed | Kind::Unsigned, Value::String(text)) => out = integer_text(text, dtype)?,
        (Kind::Bool, Value::String(text)) => out[0] = u8::from(bool_text(text, dtype)?),
        (Kind::Float, value) => float(value, dtype, &mut out)?,
        (Kind::Complex, Value::Array(parts)) if parts.len() == 2 => {
            let (re, im) = out.split_at_mut(dtype.size() / 2);
            float(&parts[0], dtype.real(), re)?;
            float(&parts[1], dtype.real(), im)?;
        }
        (Kind::Complex, Value::Number(n)) => {
            Scalar::Complex(n.as_f64().ok_or("no number")?, 0.0).write(dtype, &mut out);
        }
        (Kind::Complex, Value::String(text)) => complex_text(text, dtype, &mut out)?,
        (_, other) => return Err(format!("{other} is no {dtype}")),
    }
    Ok(out)
}

/// The bytes of a field in the fill value of structured elements: base64 of all of them, or zeros.
pub(super) fn of_field(value: &Value, part: &Part) -> Result<Vec<u8>, String> {
    let item = part.dtype.size();
    let text = match value {
        Value::Null => return Ok(vec![0; item]),
        Value::Number(n) if n.as_f64() == Some(0.0) => return Ok(vec![0; item]),
        Value::String(text) => text,
        other => return Err(format!("{other} for structured elements; expected base64")),
    };
    let whole = base64_bytes(text, part.element_bytes as usize).filter(|bytes| bytes.len() as u64 == part.element_bytes);
    let whole = whole.ok_or_else(|| format!("the text {text:?} is not {} bytes in base64", part.element_bytes))?;
    let mut bytes = whole[part.offset as usize..][..item].to_vec();
    if part.big_endian == cfg!(target_endian = "little") {
        bytes.chunks_exact_mut(part.dtype.real().size()).for_each(<[u8]>::reverse);
    }
    Ok(bytes)
}

/// A value as the specification writes it.
pub(super) fn text(value: Scalar, dtype: DType) -> Value {
    let float = |x: f64| match x {
        x if x.is_nan() => json!("NaN"),
        x if x.is_infinite() => json!(if x > 0.0 { "Infinity" } else { "-Infinity" }),
        x => json!(x),
    };
    match (dtype.kind(), value) {
        (Kind::Bool, value) => json!(value.as_f64() != 0.0),
        (Kind::Signed | Kind::Unsigned, Scalar::Int(i)) => json!(i),
        (Kind::Signed | Kind::Unsigned, Scalar::UInt(u)) => json!(u),
        (Kind::Signed | Kind::Unsigned, value) => json!(value.as_f64() as i64),
        (Kind::Float, value) => float(value.as_f64()),
        (Kind::Complex, Scalar::Complex(re, im)) => json!([float(re), float(im)]),
        (Kind::Complex, value) => json!([float(value.as_f64()), 0.0]),
    }
}

fn integer(n: &serde_json::Number, dtype: DType) -> Result<Vec<u8>, String> {
    let scalar = match (n.as_i64(), n.as_u64(), n.as_f64()) {
        (Some(i), ..) => Scalar::Int(i),
        (_, Some(u), _) => Scalar::UInt(u),
        (_, _, Some(f)) if f == f.trunc() && f.abs() < 9e15 => Scalar::Int(f as i64),
        _ => return Err(format!("{n} is no {dtype}")),
    };
    exactly(scalar, dtype).ok_or_else(|| format!("{n} is out of the range of {dtype}"))
}

/// The bytes of an integer, if `dtype` holds it.
fn exactly(scalar: Scalar, dtype: DType) -> Option<Vec<u8>> {
    let wide = |scalar| match scalar {
        Scalar::Int(i) => i128::from(i),
        Scalar::UInt(u) => i128::from(u),
        _ => 0,
    };
    let mut out = vec![0u8; dtype.size()];
    scalar.write(dtype, &mut out);
    (wide(Scalar::read(dtype, &out)) == wide(scalar)).then_some(out)
}

/// The bits of an element written as `0x` and hexadecimal digits, most significant first; `None` for other texts.
fn bits(text: &str, dtype: DType) -> Result<Option<Vec<u8>>, String> {
    let Some(hex) = text.strip_prefix("0x") else { return Ok(None) };
    let bits = u64::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 2 * dtype.size());
    let bits = bits.ok_or_else(|| format!("{text:?} are not the bits of a {dtype}"))?;
    let mut bytes = bits.to_le_bytes()[..dtype.size()].to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    Ok(Some(bytes))
}

/// A decimal number in a text, as zarr-python reads it: base64 of an integer's bytes is what remains.
fn integer_text(text: &str, dtype: DType) -> Result<Vec<u8>, String> {
    let decimal = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !decimal.is_empty() && decimal.bytes().all(|c| c.is_ascii_digit()) {
        let number = text.trim_start_matches('+').parse::<i128>().map_err(|_| format!("{text:?} is out of the range of {dtype}"))?;
        let scalar = match (i64::try_from(number), u64::try_from(number)) {
            (Ok(i), _) => Scalar::Int(i),
            (_, Ok(u)) => Scalar::UInt(u),
            _ => return Err(format!("{text:?} is out of the range of {dtype}")),
        };
        return exactly(scalar, dtype).ok_or_else(|| format!("{text:?} is out of the range of {dtype}"));
    }
    match bits(text, dtype)? {
        Some(bytes) => Ok(bytes),
        None => base64(text, dtype),
    }
}

fn bool_text(text: &str, dtype: DType) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        // No text is false, as zarr-python has it.
        "false" | "0" | "" => Ok(false),
        _ => match base64(text, dtype)?[..] {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(format!("{text:?} is no bool")),
        },
    }
}

/// A real number in a text, or the bytes of both parts in base64.
fn complex_text(text: &str, dtype: DType, out: &mut [u8]) -> Result<(), String> {
    if text.ends_with('=') {
        out.copy_from_slice(&base64(text, dtype)?);
        return Ok(());
    }
    float(&Value::String(text.into()), dtype.real(), &mut out[..dtype.size() / 2])
}

fn float(value: &Value, dtype: DType, out: &mut [u8]) -> Result<(), String> {
    let number = match value {
        Value::Number(n) => n.as_f64().ok_or("no number")?,
        Value::String(text) => match text.as_str() {
            "NaN" | "nan" => f64::NAN,
            "Infinity" | "inf" => f64::INFINITY,
            "-Infinity" | "-inf" => f64::NEG_INFINITY,
            text => match (bits(text, dtype)?, text.parse::<f64>()) {
                (Some(bytes), _) => {
                    out.copy_from_slice(&bytes);
                    return Ok(());
                }
                (None, Ok(number)) => number,
                (None, Err(_)) => {
                    out.copy_from_slice(&base64(text, dtype)?);
                    return Ok(());
                }
            },
        },
        other => return Err(format!("{other} is no {dtype}")),
    };
    Scalar::Float(number).write(dtype, out);
    Ok(())
}

/// Little-endian bytes of one element in base64. No element has a multiple of three bytes, so its base64 always ends in
/// `=`: that tells it from a decimal number and from words like NaN.
fn base64(text: &str, dtype: DType) -> Result<Vec<u8>, String> {
    let bytes = if text.ends_with('=') { base64_bytes(text, dtype.size()) } else { None };
    let mut out = bytes.filter(|bytes| bytes.len() == dtype.size()).ok_or_else(|| format!("the text {text:?} is no {dtype}"))?;
    if cfg!(target_endian = "big") {
        out.chunks_exact_mut(dtype.real().size()).for_each(<[u8]>::reverse);
    }
    Ok(out)
}

/// What a text stands for in base64, if it is that and no longer than `len_max`.
pub(super) fn base64_bytes(text: &str, len_max: usize) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) || text.len() / 4 > len_max / 3 + 1 {
        return None;
    }
    let (mut bits, mut held, mut out) = (0u32, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(digit)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
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
        assert_eq!(read(json!("255"), DType::U16), Ok(Scalar::UInt(255)));
        assert_eq!(read(json!("-32768"), DType::I16), Ok(Scalar::Int(-32768)));
        assert_eq!(read(json!("1234"), DType::I32), Ok(Scalar::Int(1234)));
        assert_eq!(read(json!("18446744073709551615"), DType::U64), Ok(Scalar::UInt(u64::MAX)));
        assert_eq!(read(json!("0x00ff"), DType::U16), Ok(Scalar::UInt(255)));
        assert_eq!(read(json!("/wA="), DType::U16), Ok(Scalar::UInt(255)));
        assert_eq!(read(json!("1.5"), DType::F64), Ok(Scalar::Float(1.5)));
        assert_eq!(read(json!("-3"), DType::F32), Ok(Scalar::Float(-3.0)));
        assert_eq!(read(json!("AAAAAAAA+D8="), DType::F64), Ok(Scalar::Float(1.5)));
        assert_eq!(read(json!("AADAPwAAAMA="), DType::C64), Ok(Scalar::Complex(1.5, -2.0)));
        assert_eq!(read(json!("1.5"), DType::C128), Ok(Scalar::Complex(1.5, 0.0)));
        assert_eq!(read(json!(["0x3fc00000", "-Infinity"]), DType::C64), Ok(Scalar::Complex(1.5, f64::NEG_INFINITY)));
        for (text, expected) in [("true", true), ("False", false), ("1", true), ("AQ==", true), ("AA==", false), ("", false)] {
            assert_eq!(read(json!(text), DType::Bool), Ok(Scalar::Bool(expected)), "{text}");
        }
        assert_eq!((read(json!(true), DType::I32), read(json!(false), DType::U8)), (Ok(Scalar::Int(1)), Ok(Scalar::UInt(0))));
        assert_eq!(read(json!(true), DType::F16), Ok(Scalar::Float(1.0)));
        for (value, dtype) in [
            (json!(300), DType::U8),
            (json!(-1), DType::U64),
            (json!(1.5), DType::I32),
            (json!("0x3fc0"), DType::F32),
            (json!("x"), DType::F64),
            (json!([1]), DType::C64),
            (json!(2), DType::Bool),
            (json!("NaN"), DType::U16),
            (json!("NaN"), DType::I32),
            (json!("Infinity"), DType::I64),
            (json!("256"), DType::U8),
            (json!("-1"), DType::U32),
            (json!("1.5"), DType::I16),
            (json!("99999999999999999999999999999999999999999999"), DType::I64),
            (json!(""), DType::I8),
            (json!("maybe"), DType::Bool),
            (json!("0xff"), DType::U16),
        ] {
            assert!(read(value.clone(), dtype).is_err(), "{value} as {dtype}");
        }
        for dtype in DType::ALL {
            assert_eq!(parse(&text(Scalar::Int(0), dtype), dtype), Ok(vec![0; dtype.size()]));
            for value in [Scalar::Int(1), Scalar::Float(f64::NAN), Scalar::Float(f64::NEG_INFINITY), Scalar::Complex(1.5, f64::NAN)] {
                let kept = matches!((dtype.kind(), value), (_, Scalar::Int(_)) | (Kind::Complex, _) | (Kind::Float, Scalar::Float(_)));
                if kept {
                    let mut bytes = vec![0; dtype.size()];
                    value.write(dtype, &mut bytes);
                    let back = parse(&text(Scalar::read(dtype, &bytes), dtype), dtype).unwrap();
                    assert!(Scalar::read(dtype, &back).same_bits(Scalar::read(dtype, &bytes)), "{value:?} as {dtype}");
                }
            }
        }
    }
}
