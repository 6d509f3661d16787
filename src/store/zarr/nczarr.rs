//! What libnetcdf keeps for itself in the metadata of Zarr arrays and groups ↔ names of axes, and the types of attributes, which JSON forgets.
//!
//! In Zarr v2 the types are the attribute `_nczarr_attr`, as libnetcdf writes it and xarray hides it: `{"types": {"scale": "<f4"}}`. For v3
//! libnetcdf's sources say `_nczarr_attrs`: `{"attribute_types": [{"name": "scale", "configuration": {"type": "float32"}}]}`. xarray shows that
//! one, and writes no file with an attribute that is an object, so it is written as the text of its JSON, which hinders nobody; in v2 too, for
//! types that libnetcdf has not. Both are read in either version. Only what JSON does not say is listed.

use super::document;
use crate::store::attribute::{self, AttributeKind, AttributeKinds};
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use serde_json::{Map, Value, json};

const TYPES_V2: &str = "_nczarr_attr";
const TYPES_V3: &str = "_nczarr_attrs";

/// What an attribute is by the list of types.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    /// One text.
    Text,
    /// Texts along an axis.
    Texts,
    Number(DType),
}

/// Whether an attribute is what NCZarr keeps for itself.
fn is_own(name: &str) -> bool {
    let own = [TYPES_V2, TYPES_V3, "_nczarr_array", "_nczarr_group", "_nczarr_superblock"];
    own.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Names of the axes in what NCZarr keeps of an array: the last parts of the paths of its dimensions.
pub(super) fn axis_names(array: &Value) -> Option<Vec<Option<String>>> {
    let paths = array.get("dimension_references").or(array.get("dimrefs")).and_then(Value::as_array)?;
    paths.iter().map(|path| path.as_str().map(|path| path.rsplit('/').next().map(String::from))).collect()
}

/// Takes what NCZarr keeps for itself out of the attributes, whose values become what their types say; and what their JSON does not say.
pub(super) fn read(attributes: &mut Map<String, Value>) -> AttributeKinds {
    let mut kinds = AttributeKinds::new();
    for (name, of) in types(attributes) {
        let Some((value, kind)) = attributes.get(&name).and_then(|value| typed(value, of)) else { continue };
        attributes.insert(name.clone(), value);
        kinds.extend(kind.map(|kind| (name, kind)));
    }
    attributes.retain(|name, _| !is_own(name));
    kinds
}

/// The attributes with the list of their types, where JSON does not say all of them.
pub(super) fn written(attributes: &Map<String, Value>, kinds: &AttributeKinds, zarr_version: u8) -> Map<String, Value> {
    let mut written = attributes.clone();
    let (mut types, mut others) = (Map::new(), Vec::new());
    for (name, kind) in kinds {
        let Some(value) = attributes.get(name) else { continue };
        match code(*kind, value).filter(|_| zarr_version == 2) {
            Some(code) => _ = types.insert(name.clone(), code.into()),
            None => others.push(json!({"name": name, "configuration": {"type": data_type(*kind)}})),
        }
    }
    if !types.is_empty() {
        written.insert(TYPES_V2.into(), json!({"types": types}));
    }
    if !others.is_empty() {
        written.insert(TYPES_V3.into(), json!({"attribute_types": others}).to_string().into());
    }
    written
}

/// Attributes of a document, which may list types, as they are written again: numbers without a word in JSON are marked.
pub(super) fn marked(attributes: &Map<String, Value>) -> Map<String, Value> {
    let kinds = read(&mut attributes.clone());
    document::marked_numbers(attributes, &kinds)
}

/// Puts attributes in the place of those of the same names, and what their JSON does not say in that of those.
pub(super) fn replace(
    (kept, kept_kinds): (&mut Map<String, Value>, &mut AttributeKinds),
    (attributes, kinds): (&Map<String, Value>, &AttributeKinds),
) {
    kept.extend(attributes.clone());
    kept_kinds.retain(|name, _| !attributes.contains_key(name));
    kept_kinds.extend(kinds.iter().filter(|(name, _)| attributes.contains_key(*name)).map(|(name, kind)| (name.clone(), *kind)));
}

/// The list of types that is among the attributes.
fn types(attributes: &Map<String, Value>) -> Vec<(String, Type)> {
    let is_list = |name: &str| [TYPES_V2, TYPES_V3].iter().any(|own| own.eq_ignore_ascii_case(name));
    let mut found = Vec::new();
    for (_, list) in attributes.iter().filter(|(name, _)| is_list(name)) {
        let parsed = list.as_str().and_then(|text| serde_json::from_str(text).ok());
        let list: &Value = parsed.as_ref().unwrap_or(list);
        let by_name = list.get("types").and_then(Value::as_object).into_iter().flatten().map(|(name, code)| (name.as_str(), code));
        let in_order = list.get("attribute_types").and_then(Value::as_array).into_iter().flatten();
        let in_order = in_order.filter_map(|one| Some((one.get("name")?.as_str()?, one.get("configuration")?.get("type")?)));
        found.extend(by_name.chain(in_order).filter_map(|(name, code)| Some((name.to_string(), of_code(code.as_str()?)?))));
    }
    found
}

/// The type of a code: NumPy's, or the name of a data type.
fn of_code(code: &str) -> Option<Type> {
    let plain = code.trim_start_matches(['<', '>', '|', '=']);
    match plain {
        "S1" | "char" => return Some(Type::Text),
        "string" => return Some(Type::Texts),
        _ if plain.starts_with(['S', 'U']) => return Some(Type::Texts),
        _ => {}
    }
    let dtype = DType::ALL.into_iter().find(|dtype| dtype.code() == plain || dtype.name() == plain)?;
    Some(Type::Number(dtype))
}

/// NumPy's code of a type, where libnetcdf has that: it opens nothing where another one is listed.
fn code(kind: AttributeKind, value: &Value) -> Option<String> {
    match (kind, value) {
        // One text is letters there, and of several each has room for the longest.
        (AttributeKind::Text, Value::Array(_)) => {
            Some(format!("|S{}", texts(value)?.iter().map(|text| text.len()).max().unwrap_or(0).max(2)))
        }
        (AttributeKind::Text, _) => Some(">S1".into()),
        (AttributeKind::Number(DType::F16 | DType::BF16 | DType::C64 | DType::C128 | DType::Bool), _) => None,
        (AttributeKind::Number(dtype), _) => Some(format!("{}{}", if dtype.size() == 1 { '|' } else { '<' }, dtype.code())),
    }
}

/// The name of a type in Zarr v3.
fn data_type(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Text => "string",
        AttributeKind::Number(dtype) => dtype.name(),
    }
}

/// A value as its type has it, and what its JSON does not say; `None` where it does not fit the type.
fn typed(value: &Value, of: Type) -> Option<(Value, Option<AttributeKind>)> {
    let has_none = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let text_kind = |texts: &[&str]| if texts.is_empty() { Some(AttributeKind::Text) } else { AttributeKind::of_texts(texts) };
    match of {
        Type::Number(dtype) if has_none => Some((value.clone(), Some(AttributeKind::Number(dtype)))),
        Type::Number(dtype) => Some((numbers(value, dtype.real())?, AttributeKind::of_numbers(dtype))),
        Type::Text | Type::Texts if has_none => Some((value.clone(), Some(AttributeKind::Text))),
        Type::Text => {
            // libnetcdf writes a text that looks like JSON without its quotation marks.
            let text = value.as_str().map_or_else(|| value.to_string(), String::from);
            let kind = text_kind(&[&text]);
            Some((Value::String(text), kind))
        }
        Type::Texts => {
            let kind = text_kind(&texts(value)?);
            Some((value.clone(), kind))
        }
    }
}

/// A text, or those of arrays of them.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(items) => Some(items.iter().map(texts).collect::<Option<Vec<_>>>()?.concat()),
        one => one.as_str().map(|text| vec![text]),
    }
}

/// Numbers, or arrays of them, as what `dtype` holds of them.
fn numbers(value: &Value, dtype: DType) -> Option<Value> {
    if let Value::Array(items) = value {
        return items.iter().map(|item| numbers(item, dtype)).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    if dtype == DType::Bool {
        return value.as_bool().map(Value::Bool);
    }
    let number = attribute::scalar(value)?;
    if dtype.kind() != Kind::Float {
        let whole = match number {
            Scalar::Float(x) if x == x.trunc() && x.abs() < 9e15 => Value::from(x as i64),
            Scalar::Float(_) => return None,
            _ => value.clone(),
        };
        return attribute::bytes_as(dtype, &[&whole]).map(|_| whole);
    }
    let mut bytes = vec![0; dtype.size()];
    Scalar::Float(number.as_f64()).write(dtype, &mut bytes);
    let held = Scalar::read(dtype, &bytes).as_f64();
    // A number that is too large for the dtype is none of it.
    (held.is_finite() == number.as_f64().is_finite()).then(|| attribute::json(Scalar::Float(held)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn types_are_kept_in_both_versions() {
        let kinds: AttributeKinds = [
            ("f4", AttributeKind::Number(DType::F32)),
            ("i2", AttributeKind::Number(DType::I16)),
            ("u8", AttributeKind::Number(DType::U64)),
            ("u1", AttributeKind::Number(DType::U8)),
            ("f2", AttributeKind::Number(DType::F16)),
            ("c8", AttributeKind::Number(DType::C64)),
            ("none", AttributeKind::Number(DType::I32)),
            ("word", AttributeKind::Text),
            ("words", AttributeKind::Text),
        ]
        .map(|(name, kind)| (name.to_string(), kind))
        .into();
        let attributes = object(json!({
            "f4": [0.5, "NaN"], "i2": -3, "u8": u64::MAX, "u1": [[1, 2], [3, 4]], "f2": 1.5, "c8": [1.0, "Infinity"], "none": [],
            "word": "NaN", "words": [["NaN"], ["a"]], "f8": 1.0, "i8": 1, "text": "a", "object": {"a": 1},
        }));
        for version in [2, 3] {
            let mut there = written(&attributes, &kinds, version);
            assert_eq!(there.len(), attributes.len() + if version == 2 { 2 } else { 1 });
            assert_eq!(read(&mut there), kinds, "version {version}");
            assert_eq!(there, attributes, "version {version}");
            assert_eq!(written(&attributes, &AttributeKinds::new(), version), attributes);
        }
        assert!(written(&attributes, &kinds, 3)["_nczarr_attrs"].is_string());
    }

    #[test]
    fn values_are_what_their_types_say() {
        let types = json!({
            "types": {"a": "<f4", "b": "<f8", "c": ">S1", "d": ">S1", "e": "<i2", "f": "<i2", "g": "|S128", "h": "|J0", "i": "<f4", "j": "<i8"}
        });
        for (name, types) in [("_nczarr_attr", types.clone()), ("_NCZARR_ATTR", types.clone()), ("_nczarr_attrs", types.to_string().into())]
        {
            let mut attributes = object(json!({
                "a": 0.1, "b": [1, 2], "c": 5, "d": "NaN", "e": 70000, "f": 3.0, "g": ["x", "y"], "h": {"x": 1}, "i": 1e300, "j": 7,
                "_nczarr_superblock": {}, "_NCZARR_GROUP": {},
            }));
            attributes.insert(name.into(), types);
            let kinds = read(&mut attributes);
            let expected = json!({
                "a": f64::from(0.1f32), "b": [1.0, 2.0], "c": "5", "d": "NaN", "e": 70000, "f": 3, "g": ["x", "y"], "h": {"x": 1},
                "i": 1e300, "j": 7,
            });
            assert_eq!(Value::Object(attributes), expected);
            let known: Vec<(&str, AttributeKind)> = kinds.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
            let number = AttributeKind::Number;
            assert_eq!(known, [("a", number(DType::F32)), ("d", AttributeKind::Text), ("f", number(DType::I16))]);
        }
    }
}
