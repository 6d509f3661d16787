//! What xarray means by fill values. In attributes of Zarr v3 `_FillValue` of floats is the base64 of a little-endian double; v2 has no such
//! attribute, and the fill value of an array whose axes have names is what is missing in it, or null where nothing is.

use super::fill::base64_bytes;
use crate::store::{Create, attribute};
use flagstone_kernels::dtype::{DType, Scalar};
use serde_json::{Map, Value};

const FILL: &str = "_FillValue";
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Attributes of an array of `dtype` as they are elsewhere.
pub(super) fn read(attributes: &mut Map<String, Value>, dtype: DType) {
    let Some(Value::String(text)) = attributes.get(FILL).filter(|_| dtype.is_float()) else { return };
    // Of eight bytes in base64 the twelfth letter is a filler; NaN and the infinities have fewer letters.
    let bytes = base64_bytes(text, 8).filter(|_| text.len() == 12);
    if let Some(number) = bytes.and_then(|bytes| bytes.try_into().ok()).map(f64::from_le_bytes) {
        attributes.insert(FILL.into(), attribute::json(Scalar::Float(number)));
    }
}

/// The fill value in the document of an array of v2, where xarray must not take zeros for missing.
pub(super) fn written_v2(create: &Create) -> Option<Scalar> {
    let fill = create.fill.unwrap_or(Scalar::Int(0));
    let is_missing = create.dimension_names.is_none() || create.attributes.contains_key(FILL) || fill.as_f64() != 0.0;
    is_missing.then_some(fill)
}

/// Attributes as xarray expects them.
pub(super) fn written(attributes: &Map<String, Value>, dtype: DType) -> Map<String, Value> {
    let mut written = attributes.clone();
    if let Some(number) = attributes.get(FILL).filter(|_| dtype.is_float()).and_then(attribute::scalar) {
        written.insert(FILL.into(), base64(&number.as_f64().to_le_bytes()).into());
    }
    written
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0u32, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        let letter = |i: usize| if i <= three.len() { char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63]) } else { '=' };
        text.extend((0..4).map(letter));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fill_values_of_floats_are_numbers_here_and_base64_there() {
        for (number, text) in [
            (json!("NaN"), "AAAAAAAA+H8="),
            (json!(-999.0), "AAAAAAA4j8A="),
            (json!("-Infinity"), "AAAAAAAA8P8="),
            (json!(0), "AAAAAAAAAAA="),
        ] {
            let here = json!({"_FillValue": number, "units": "K"}).as_object().unwrap().clone();
            let mut there = written(&here, DType::F32);
            assert_eq!(there["_FillValue"], text);
            read(&mut there, DType::F32);
            assert_eq!(
                attribute::scalar(&there["_FillValue"]).map(|x| x.as_f64().to_bits()),
                attribute::scalar(&number).map(|x| x.as_f64().to_bits())
            );
            assert_eq!(written(&here, DType::I16), here);
        }
        let mut other = json!({"_FillValue": "Infinity"}).as_object().unwrap().clone();
        read(&mut other, DType::F64);
        assert_eq!(other["_FillValue"], "Infinity");
    }
}
