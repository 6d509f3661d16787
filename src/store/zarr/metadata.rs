//! `zarr.json` or `.zarray` → [`ArrayLayout`]: all that reading needs, nothing per chunk.
//!
//! zarrs' types check the documents' structure; codec chains that are not ours are left to zarrs.

use super::codecs;
use super::fill;
use super::keys::Keys;
use super::layout::{ArrayLayout, Coding, Parsed, lengths};
use super::{nczarr, structured, xarray};
use crate::error::{Error, Result};
use crate::store::in_memory::dense_len;
use crate::store::record::{self, Part, TIME, TIMES, Why};
use crate::store::{AttributeKinds, Meta};
use flagstone_kernels::dtype::{DType, Scalar};
use serde_json::{Map, Value};
use zarrs::metadata::ArrayMetadata;
use zarrs::metadata::v2::{ArrayMetadataV2, ArrayMetadataV2Order};
use zarrs::metadata::v3::{ArrayMetadataV3, MetadataV3};

/// Chunks larger than this are not believed.
const CHUNK_BYTES_MAX: u64 = 1 << 40;

/// Zarr v3; of structured elements the field of this name.
pub(super) fn v3(document: Value, field: Option<&str>, address: &str) -> Result<ArrayLayout> {
    let bad = |what: String| Error::store(address, format!("zarr.json: {what}"));
    let descr = structured::descr(document.get("data_type").unwrap_or(&Value::Null), 0);
    let v3: ArrayMetadataV3 = serde_json::from_value(document).map_err(|e| bad(e.to_string()))?;
    if let Some((field, _)) = v3.additional_fields.iter().find(|(_, field)| field.must_understand()) {
        return Err(Error::unsupported(address, format!("the extension {field:?} of zarr.json, which must be understood")));
    }
    if !v3.storage_transformers.is_empty() {
        return Err(Error::unsupported(address, "storage transformers"));
    }
    let part = match descr {
        Some(descr) => Some(part(&descr, field, address, bad)?),
        None if field.is_some() => return Err(Error::unsupported(address, "a field of elements that have none")),
        None => None,
    };
    let dtype = part.as_ref().map(|part| part.dtype).or_else(|| v3_dtype(&v3.data_type));
    let dtype =
        dtype.ok_or_else(|| Error::unsupported(address, format!("data type {}; numbers, bool and times are read", v3.data_type.name())))?;
    let grid = v3.chunk_grid.name();
    if grid != "regular" {
        return Err(Error::unsupported(address, format!("chunk grid {grid:?}; \"regular\" is read")));
    }
    let file_chunk =
        lengths(v3.chunk_grid.configuration().and_then(|c| c.get("chunk_shape"))).map_err(|e| bad(format!("chunk_shape: {e}")))?;
    let keys = v3_keys(&v3.chunk_key_encoding).map_err(bad)?;
    let time = part.as_ref().map_or_else(|| v3_time(&v3.data_type), |part| part.time.clone());
    check_shape(&v3.shape, &file_chunk, dtype).map_err(bad)?;
    check_elements(&file_chunk, part.as_ref()).map_err(bad)?;
    let fill_value = serde_json::to_value(&v3.fill_value).map_err(|e| bad(e.to_string()))?;
    let fill = match &part {
        Some(part) => structured::fill(&fill_value, field.unwrap_or_default(), part),
        None => fill::parse(&time_fill(fill_value, time.is_some()), dtype),
    };
    let fill = fill.map_err(|e| bad(format!("fill_value: {e}")))?;

    let rank = v3.shape.len();
    let coding = match (&part, codecs::v3(&v3.codecs, &file_chunk, part.as_ref().map_or(dtype, |_| DType::U8))) {
        // The bytes of structured elements are taken as they are.
        (Some(_), coding) => structured::checked(&v3.codecs, coding).map_err(|why| Error::unsupported(address, why))?,
        (None, Ok(coding)) => coding,
        (None, Err(why)) => Coding::Foreign(Box::new(ArrayMetadata::V3(v3.clone())), why),
    };
    let dimension_names = v3.dimension_names.clone();
    if dimension_names.as_ref().is_some_and(|names| names.len() != rank) {
        return Err(bad(format!("{} dimension names for {rank} axes", dimension_names.map_or(0, |n| n.len()))));
    }
    let mut text = coding_text(&coding);
    if text.is_empty() {
        text = v3.codecs.iter().map(MetadataV3::name).collect::<Vec<_>>().join(" + ");
    }
    let mut attributes = v3.attributes;
    xarray::read(&mut attributes, dtype);
    let kinds = nczarr::read(&mut attributes);
    attributes.extend(time.map(|time| (TIME.to_string(), Value::String(time))));
    let meta = meta(v3.shape, dtype, &file_chunk, &coding, text, &fill, dimension_names, (attributes, kinds));
    Ok(ArrayLayout { meta, part, file_chunk, fill, missing: None, keys, coding })
}

/// What is read of elements of this description.
fn part(descr: &Value, field: Option<&str>, address: &str, bad: impl Fn(String) -> Error) -> Result<Part> {
    let part = record::part(descr, field).map_err(|why| match why {
        Why::Bad(what) => bad(what),
        Why::Refused(what) => Error::unsupported(address, what),
    })?;
    if !part.axes.is_empty() {
        return Err(Error::unsupported(address, format!("a field that has axes of its own, {:?}, in Zarr", part.axes)));
    }
    Ok(part)
}

/// Refuses chunks of structured elements that are too large.
fn check_elements(chunk: &[u64], part: Option<&Part>) -> Parsed<()> {
    let Some(part) = part else { return Ok(()) };
    let bytes = chunk.iter().try_fold(part.element_bytes, |n, &len| n.checked_mul(len));
    match bytes.filter(|&n| n <= CHUNK_BYTES_MAX) {
        Some(_) => Ok(()),
        None => Err(format!("chunks of shape {chunk:?} of {} bytes each are too large", part.element_bytes)),
    }
}

/// Zarr v2; of structured elements the field of this name.
pub(super) fn v2(document: Value, mut attributes: Map<String, Value>, field: Option<&str>, address: &str) -> Result<ArrayLayout> {
    let bad = |what: String| Error::store(address, format!(".zarray: {what}"));
    let mut document = document;
    if let Some(object) = document.as_object_mut() {
        object.entry("node_type").or_insert_with(|| "array".into());
    }
    let descr = document.get("dtype").cloned().unwrap_or_default();
    let part = part(&descr, field, address, bad)?;
    let is_field = descr.is_array();
    if is_field && let Some(object) = document.as_object_mut() {
        object.insert("dtype".into(), format!("|V{}", part.element_bytes).into());
    }
    let ours = document.get("_NCZARR_ARRAY").or(document.get("_nczarr_array")).cloned();
    let v2: ArrayMetadataV2 = serde_json::from_value(document).map_err(|e| bad(e.to_string()))?;
    let (dtype, big) = (part.dtype, part.big_endian);
    let file_chunk: Vec<u64> = v2.chunks.iter().map(|n| n.get()).collect();
    check_shape(&v2.shape, &file_chunk, dtype).map_err(bad)?;
    check_elements(&file_chunk, Some(&part).filter(|_| is_field)).map_err(bad)?;
    let time = part.time.clone();
    let fill_value = serde_json::to_value(&v2.fill_value).map_err(|e| bad(e.to_string()))?;
    let has_fill = !fill_value.is_null() && !is_field && time.is_none() && !dtype.is_complex() && dtype != DType::Bool;
    let fill = if is_field { fill::of_field(&fill_value, &part) } else { fill::parse(&time_fill(fill_value, time.is_some()), dtype) };
    let fill = fill.map_err(|e| bad(format!("fill_value: {e}")))?;

    let rank = v2.shape.len();
    let order = (v2.order == ArrayMetadataV2Order::F && rank > 1).then(|| (0..rank).rev().collect());
    let swap = dtype.size() > 1 && big == cfg!(target_endian = "little");
    let configs: Vec<(String, Map<String, Value>)> =
        v2.filters.iter().flatten().chain(&v2.compressor).map(|c| (c.id().to_string(), c.configuration().clone().into())).collect();
    let filters = v2.filters.iter().flatten().count();
    if is_field && filters > 0 {
        return Err(Error::unsupported(address, "filters of structured elements"));
    }
    let chain = codecs::v2(&configs, dtype, order, swap).map_err(|e| Error::unsupported(address, e))?;
    let coding = Coding::Chunks(chain);
    let separator = char::from(v2.dimension_separator);
    let nczarr = attributes.get("_nczarr_array").or(attributes.get("_NCZARR_ARRAY")).or(ours.as_ref()).and_then(nczarr::axis_names);
    let is_netcdf = ours.is_some() || attributes.keys().any(|name| name.starts_with("_nczarr") || name.starts_with("_NCZARR"));
    let kinds = nczarr::read(&mut attributes);
    // xarray keeps names of axes of v2 arrays here.
    let names = attributes.get("_ARRAY_DIMENSIONS").and_then(Value::as_array).filter(|names| names.len() == rank);
    let xarray = names.map(|names| names.iter().map(|n| n.as_str().map(String::from)).collect());
    let dimension_names = xarray.clone().or(nczarr.filter(|names| names.len() == rank)).filter(|_| rank > 0);
    if xarray.is_some() {
        attributes.remove("_ARRAY_DIMENSIONS");
    }
    // xarray has no other place in v2 for what is missing; libnetcdf says it in attributes alone.
    let missing = (xarray.is_some() && !is_netcdf && has_fill).then(|| Scalar::read(dtype, &fill));
    attributes.extend(time.map(|time| (TIME.to_string(), Value::String(time))));
    let text = coding_text(&coding);
    let meta = meta(v2.shape, dtype, &file_chunk, &coding, text, &fill, dimension_names, (attributes, kinds));
    let part = is_field.then_some(part);
    Ok(ArrayLayout { meta, part, file_chunk, fill, missing, keys: Keys { prefixed: false, separator }, coding })
}

fn meta(
    shape: Vec<u64>,
    dtype: DType,
    file_chunk: &[u64],
    coding: &Coding,
    codec: String,
    fill: &[u8],
    dimension_names: Option<Vec<Option<String>>>,
    (attributes, attribute_kinds): (Map<String, Value>, AttributeKinds),
) -> Meta {
    let (chunks, shards, compressed) = match coding {
        Coding::Chunks(chain) => (file_chunk.to_vec(), None, !chain.is_plain()),
        Coding::Shards { inner, chain, .. } => (inner.clone(), Some(file_chunk.to_vec()), !chain.is_plain()),
        Coding::Foreign(..) => (file_chunk.to_vec(), None, true),
    };
    let fill = Some(Scalar::read(dtype, fill));
    Meta { shape, dtype, chunks: Some(chunks), shards, codec, compressed, fill, dimension_names, attributes, attribute_kinds }
}

fn coding_text(coding: &Coding) -> String {
    match coding {
        Coding::Chunks(chain) | Coding::Shards { chain, .. } => chain.text(),
        Coding::Foreign(..) => String::new(),
    }
}

fn check_shape(shape: &[u64], chunk: &[u64], dtype: DType) -> Parsed<()> {
    if shape.len() != chunk.len() {
        return Err(format!("shape {shape:?} and chunk shape {chunk:?} have different ranks"));
    }
    if shape.len() > 64 {
        return Err(format!("{} axes", shape.len()));
    }
    if chunk.contains(&0) {
        return Err(format!("the chunk shape {chunk:?} has a zero"));
    }
    if dense_len(shape, dtype).is_none() || shape.iter().any(|&n| i64::try_from(n).is_err()) {
        return Err(format!("shape {shape:?} is too large"));
    }
    if dense_len(chunk, dtype).is_none_or(|n| n > CHUNK_BYTES_MAX) {
        return Err(format!("chunks of shape {chunk:?} are too large"));
    }
    Ok(())
}

fn v3_dtype(data_type: &MetadataV3) -> Option<DType> {
    let time = v3_time(data_type).map(|_| DType::I64);
    time.or_else(|| DType::ALL.into_iter().find(|d| d.name() == data_type.name()))
}

/// What the integers of an array of times count, as NumPy writes it: `datetime64[10ns]`.
fn v3_time(data_type: &MetadataV3) -> Option<String> {
    let name = data_type.name().strip_prefix("numpy.").filter(|name| TIMES.iter().any(|(_, known)| known == name))?;
    let config = data_type.configuration();
    let unit = config.and_then(|c| c.get("unit")).and_then(Value::as_str).unwrap_or("generic");
    let scale = config.and_then(|c| c.get("scale_factor")).and_then(Value::as_u64).filter(|&n| n != 1);
    Some(format!("{name}[{}{unit}]", scale.map_or(String::new(), |n| n.to_string())))
}

/// The fill value of times: NaT, "not a time", is the smallest integer.
fn time_fill(fill: Value, is_time: bool) -> Value {
    if is_time && fill.as_str() == Some("NaT") { i64::MIN.into() } else { fill }
}

fn v3_keys(encoding: &MetadataV3) -> Parsed<Keys> {
    let given = encoding.configuration().and_then(|c| c.get("separator"));
    let (prefixed, default) = match encoding.name() {
        "default" => (true, '/'),
        "v2" => (false, '.'),
        other => return Err(format!("chunk key encoding {other:?}; \"default\" and \"v2\" are read")),
    };
    let separator = match given.map(Value::as_str) {
        None => default,
        Some(Some("/")) => '/',
        Some(Some(".")) => '.',
        Some(_) => return Err(format!("chunk key separator {}; expected \"/\" or \".\"", given.unwrap_or(&Value::Null))),
    };
    Ok(Keys { prefixed, separator })
}
