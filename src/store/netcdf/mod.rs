//! NetCDF classic files (CDF-1, -2, -5) → regions of their variables: a header, then flat big-endian arrays; those along the record
//! axis interleave, one record of each after the other.
//!
//! NetCDF-4 files are HDF5, and read by `hdf5`.

mod header;
mod input;
mod read;

use super::attribute::Attribute;
use super::tree::{Node, Refused};
use super::{AttributeKinds, Meta, Packing, Store};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};
use header::{Header, Kind, Variable};
use read::Classic;
use serde_json::{Map, Value};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub(crate) use header::is_classic;

/// Whether libnetcdf itself has this number where nothing was written, of arrays that do not say another.
pub(crate) fn is_default_fill(fill: Scalar, dtype: DType) -> bool {
    let whole = |scalar: Scalar| match scalar {
        Scalar::Int(n) => Some(i128::from(n)),
        Scalar::UInt(n) => Some(i128::from(n)),
        _ => None,
    };
    let default = Kind::Number(dtype).fill();
    match (whole(fill), whole(default)) {
        (Some(fill), Some(default)) => fill == default,
        _ => fill.as_f64() as f32 == default.as_f64() as f32,
    }
}

/// Opens the variable at `path`; an empty one stands for the only one.
///
/// # Errors
/// `Store` for a missing variable, one of text, or a corrupt or short file.
pub fn open(file: &Path, path: &str, address: &str) -> Result<Arc<dyn Store>> {
    let opened = super::reach::open_file(file, address)?;
    let header = header::read(&opened, address)?;
    let variable = find(&header, path, file, address)?;
    Ok(Arc::new(classic(opened, &header, variable, address)?))
}

/// Whether the file has a variable at `path`.
pub fn exists(file: &Path, path: &str, address: &str) -> bool {
    open(file, path, address).is_ok()
}

/// The variables of the file, or the one at `path`.
///
/// # Errors
/// As [`open`]; a variable of text is listed as what cannot be read.
pub fn tree(file: &Path, path: &str, address: &str) -> Result<Node> {
    let opened = super::reach::open_file(file, address)?;
    let header = header::read(&opened, address)?;
    let node = |variable: &Variable, name: String| {
        let node = Node { attributes: json(&variable.attributes), attribute_kinds: kinds(&variable.attributes), ..Node::new(name) };
        match opened.try_clone().map_err(|e| Error::store_io(address, "the file", &e)).and_then(|f| classic(f, &header, variable, address))
        {
            Ok(found) => Node { meta: Some(found.meta().clone()), ..node },
            Err(e) => {
                let why = e.to_string();
                let why = why.strip_prefix(address).map_or(why.as_str(), |rest| rest.trim_start_matches(": ")).to_string();
                let shape = Some(header.shape(variable));
                Node { refused: Some(Refused { shape, dtype: Some(variable.kind.name().into()), codec: Some("none".into()), why }), ..node }
            }
        }
    };
    if !path.trim_matches('/').is_empty() {
        return Ok(node(find(&header, path, file, address)?, String::new()));
    }
    let (attributes, attribute_kinds) = (json(&header.attributes), kinds(&header.attributes));
    let children = header.variables.iter().map(|variable| node(variable, variable.name.clone())).collect();
    Ok(Node { attributes, attribute_kinds, children, ..Node::new(String::new()) })
}

/// Attributes as JSON.
fn json(attributes: &[(String, Attribute)]) -> Map<String, Value> {
    attributes.iter().map(|(name, value)| (name.clone(), value.json())).collect()
}

/// What their JSON does not say.
fn kinds(attributes: &[(String, Attribute)]) -> AttributeKinds {
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), value.kind()?))).collect()
}

fn find<'a>(header: &'a Header, path: &str, file: &Path, address: &str) -> Result<&'a Variable> {
    let name = path.trim_matches('/');
    let named = |variables: &[&Variable]| {
        let shown: Vec<String> = variables.iter().take(12).map(|v| format!("{}:/{}", file.display(), v.name)).collect();
        let more = variables.len().saturating_sub(12);
        format!("{}{}", shown.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
    };
    let numeric: Vec<&Variable> = header.variables.iter().filter(|v| v.kind != Kind::Char).collect();
    if name.is_empty() {
        return match numeric[..] {
            [only] => Ok(only),
            [] => Err(Error::store(address, "holds no variable of numbers")),
            _ => Err(Error::store(address, format!("holds {} variables; choose one: {}", numeric.len(), named(&numeric)))),
        };
    }
    header.variables.iter().find(|v| v.name == name).ok_or_else(|| {
        let there = if numeric.is_empty() { String::new() } else { format!("; there is {}", named(&numeric)) };
        Error::store(address, format!("the file has no variable {name}{there}"))
    })
}

/// A number by the bits that stand for it: a byte that is unsigned by its attributes has missing values over 127.
fn as_stored(value: Scalar, dtype: DType) -> Scalar {
    let mut bytes = vec![0; dtype.size()];
    value.write(dtype, &mut bytes);
    Scalar::read(dtype, &bytes)
}

fn classic(file: File, header: &Header, variable: &Variable, address: &str) -> Result<Classic> {
    let Some(dtype) = variable.kind.dtype() else {
        return Err(Error::store(address, format!("{} is of dtype char (text), which is not a number", variable.name)));
    };
    let shape = header.shape(variable);
    let record = header.is_record(variable);
    let end = header.end(variable).filter(|&end| end <= header.file_bytes);
    if end.is_none() {
        let what = format!(
            "{}: {dtype} of shape {shape:?} from byte {} reaches past the file's {} bytes (a truncated file?)",
            variable.name, variable.begin, header.file_bytes
        );
        return Err(Error::store(address, what));
    }
    let packing = Packing::of(dtype, |name| variable.attribute(name).cloned());
    let meta = Meta {
        dimension_names: (!shape.is_empty()).then(|| variable.dims.iter().map(|&d| Some(header.dims[d].name.clone())).collect()),
        fill: packing.missing.first().map(|fill| as_stored(*fill, dtype)).or(Some(variable.kind.fill())),
        attributes: json(&variable.attributes),
        attribute_kinds: kinds(&variable.attributes),
        ..Meta::plain(shape, dtype)
    };
    let record_bytes = record.then_some(header.record_bytes);
    Ok(Classic { address: address.to_string(), file, meta, packing, begin: variable.begin, record_bytes })
}
