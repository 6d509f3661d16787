//! Structured data types of Zarr v3 → NumPy's descriptions of them, of which fields are read: `structured` as zarr-python 3 writes it, and
//! the `struct` of the extensions' register.

use super::fill;
use super::layout::{Coding, Parsed};
use crate::store::record::{Part, TIMES};
use flagstone_kernels::dtype::DType;
use serde_json::{Value, json};
use zarrs::metadata::v3::MetadataV3;

/// Data types inside of one another are followed to this depth.
const DEPTH_MAX: usize = 16;

/// NumPy's description of a structured data type; `None` where it is another one, or has fields that are none.
pub(super) fn descr(data_type: &Value, depth: usize) -> Option<Value> {
    let config = data_type.get("configuration")?;
    let fields = config.get("fields").and_then(Value::as_array).filter(|_| depth < DEPTH_MAX)?;
    let name_and_type: fn(&Value) -> Option<(&Value, &Value)> = match data_type.get("name").and_then(Value::as_str)? {
        "structured" => |field| Some((field.get(0)?, field.get(1)?)),
        "struct" => |field| Some((field.get("name")?, field.get("data_type")?)),
        _ => return None,
    };
    let one = |field: &Value| {
        let (name, of) = name_and_type(field)?;
        let of = descr(of, depth + 1).unwrap_or_else(|| simple(of).into());
        Some(json!([name.as_str()?, of]))
    };
    fields.iter().map(one).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// NumPy's code of a data type, little-endian; of one that NumPy does not have its name, which is then refused.
fn simple(data_type: &Value) -> String {
    let name = data_type.as_str().or_else(|| data_type.get("name")?.as_str()).unwrap_or("?");
    let config = |key: &str| data_type.get("configuration").and_then(|config| config.get(key));
    let bytes = config("length_bytes").and_then(Value::as_u64);
    if let Some(dtype) = DType::ALL.into_iter().find(|dtype| dtype.name() == name && *dtype != DType::BF16) {
        return format!("<{}", dtype.code());
    }
    if let Some((code, _)) = TIMES.iter().find(|(_, known)| name.strip_prefix("numpy.") == Some(*known)) {
        let scale = config("scale_factor").and_then(Value::as_u64).filter(|&n| n != 1).map_or(String::new(), |n| n.to_string());
        return format!("<{code}[{scale}{}]", config("unit").and_then(Value::as_str).unwrap_or("generic"));
    }
    match (name, bytes) {
        ("null_terminated_bytes", Some(n)) => format!("|S{n}"),
        ("raw_bytes", Some(n)) => format!("|V{n}"),
        ("fixed_length_utf32", Some(n)) if n % 4 == 0 => format!("<U{}", n / 4),
        _ => match name.strip_prefix('r').and_then(|bits| bits.parse::<u64>().ok()).filter(|bits| bits % 8 == 0) {
            Some(bits) => format!("|V{}", bits / 8),
            None => name.to_string(),
        },
    }
}

/// The fill value of a field, native byte order: of all elements in base64, or by the names of fields.
pub(super) fn fill(value: &Value, field: &str, part: &Part) -> Parsed<Vec<u8>> {
    if !value.is_object() {
        return fill::of_field(value, part);
    }
    let found = field.split('.').try_fold(value, |value, name| value.get(name));
    let found = found.ok_or_else(|| format!("{value} has no field {field}"))?;
    match (found, &part.time) {
        (Value::String(text), Some(_)) if text == "NaT" => Ok(i64::MIN.to_ne_bytes().to_vec()),
        _ => fill::parse(found, part.dtype),
    }
}

/// The coding of structured elements, whose fields are little-endian.
pub(super) fn checked(codecs: &[MetadataV3], coding: Parsed<Coding>) -> Parsed<Coding> {
    let coding = coding?;
    let inner = |codec: &MetadataV3| codec.configuration().and_then(|config| config.get("codecs")).cloned();
    let mut all = codecs.to_vec();
    for codecs in codecs.iter().filter_map(inner) {
        all.extend(serde_json::from_value::<Vec<MetadataV3>>(codecs).map_err(|e| e.to_string())?);
    }
    let endian = |codec: &MetadataV3| codec.configuration().and_then(|config| config.get("endian")).and_then(Value::as_str) == Some("big");
    if all.iter().any(|codec| codec.name() == "bytes" && endian(codec)) {
        return Err("big-endian structured elements".into());
    }
    match &coding {
        Coding::Chunks(chain) | Coding::Shards { chain, .. } if chain.has_filters() => Err("filters of structured elements".into()),
        _ => Ok(coding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record;

    #[test]
    fn both_ways_to_write_fields_are_understood() {
        let time = json!({"name": "numpy.datetime64", "configuration": {"unit": "s", "scale_factor": 10}});
        let text = json!({"name": "fixed_length_utf32", "configuration": {"length_bytes": 8}});
        let inside = json!({"name": "structured", "configuration": {"fields": [["x", "float32"], ["t", time]]}});
        let one = json!({"name": "structured", "configuration": {"fields": [["a", "int32"], ["s", text], ["in", inside], ["r", "r24"]]}});
        let want = json!([["a", "<i4"], ["s", "<U2"], ["in", [["x", "<f4"], ["t", "<M8[10s]"]]], ["r", "|V3"]]);
        assert_eq!(descr(&one, 0), Some(want));
        let other = json!({"name": "struct", "configuration": {"fields": [{"name": "a", "data_type": "bool"}, {"name": "b", "data_type": "bfloat16"}]}});
        assert_eq!(descr(&other, 0), Some(json!([["a", "<b1"], ["b", "bfloat16"]])));
        for none in [json!("int32"), json!({"name": "struct"}), json!({"name": "struct", "configuration": {"fields": [["a", "int32"]]}})] {
            assert_eq!(descr(&none, 0), None, "{none}");
        }
    }

    #[test]
    fn fill_values_are_named_or_in_base64() {
        let descr = json!([["a", "<i2"], ["in", [["x", "<f4"], ["t", "<M8[s]"]]]]);
        let of = |value: &Value, field: &str| fill(value, field, &record::part(&descr, Some(field)).unwrap());
        let named = json!({"a": 7, "in": {"x": "NaN", "t": "NaT"}});
        assert_eq!(of(&named, "a").unwrap(), 7i16.to_ne_bytes());
        assert!(f32::from_ne_bytes(of(&named, "in.x").unwrap().try_into().unwrap()).is_nan());
        assert_eq!(of(&named, "in.t").unwrap(), i64::MIN.to_ne_bytes());
        assert_eq!(of(&json!("AQAAAAAAAAAAAAAAAAA="), "a").unwrap(), 1i16.to_ne_bytes());
        assert!(of(&json!({"b": 1}), "a").is_err());
    }
}
