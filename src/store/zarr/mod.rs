//! Zarr v2 and v3 directories ↔ regions. Metadata by zarrs' types; chunks are read and decoded here,
//! straight into the caller's buffer, one thread, nothing kept per chunk.

mod blosc;
mod chain;
mod codec;
mod codecs;
mod create;
mod document;
mod fill;
mod filter;
mod foreign;
mod keys;
mod metadata;
mod pieces;
mod read;
mod write;

pub(crate) use create::create;

use super::reach::near_misses;
use super::{Node, Refused, Store};
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Groups below groups are listed to this depth.
const DEPTH_MAX: usize = 64;

/// What a directory holds.
enum Found {
    ArrayV3(Value),
    ArrayV2(Value, Map<String, Value>),
    Group { version: u8, attributes: Map<String, Value> },
    Nothing,
}

fn look(directory: &Path, address: &str) -> Result<Found> {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(v3) = document::read(&directory.join("zarr.json"), address)? {
        return match v3.get("node_type").and_then(Value::as_str) {
            Some("array") => Ok(Found::ArrayV3(v3)),
            Some("group") => Ok(Found::Group { version: 3, attributes: object(v3.get("attributes")) }),
            other => Err(Error::store(address, format!("zarr.json: node_type is {}, expected array or group", other.unwrap_or("missing")))),
        };
    }
    let attributes = || -> Result<Map<String, Value>> { Ok(object(document::read(&directory.join(".zattrs"), address)?.as_ref())) };
    if let Some(v2) = document::read(&directory.join(".zarray"), address)? {
        return Ok(Found::ArrayV2(v2, attributes()?));
    }
    if document::read(&directory.join(".zgroup"), address)?.is_some() {
        return Ok(Found::Group { version: 2, attributes: attributes()? });
    }
    Ok(Found::Nothing)
}

/// The directory of `path` below `root`, which it cannot leave.
fn below(root: &Path, path: &str, address: &str) -> Result<PathBuf> {
    let path = Path::new(path.trim_matches('/'));
    if path.components().any(|c| !matches!(c, Component::Normal(name) if !name.to_string_lossy().starts_with("__"))) {
        return Err(Error::bad_request(address, format!("{:?} is no path of an array inside a Zarr group", path.display())));
    }
    Ok(root.join(path))
}

/// Opens the array at `path` of the Zarr directory `root`; of a group with exactly one array, that one.
///
/// # Errors
/// `Store` when it is missing (naming what is near) or its metadata is corrupt, `Unsupported` for codecs,
/// dtypes and extensions that are not read.
pub(crate) fn open(root: &Path, path: &str, address: &str) -> Result<Arc<dyn Store>> {
    let directory = below(root, path, address)?;
    let layout = match look(&directory, address)? {
        Found::ArrayV3(v3) => metadata::v3(v3, address)?,
        Found::ArrayV2(v2, attributes) => metadata::v2(v2, attributes, address)?,
        Found::Group { .. } => {
            let arrays = tree(&directory, "", address)?.arrays();
            return match &arrays[..] {
                [only] => open(root, &format!("{}{only}", path.trim_end_matches('/')), address),
                [] => Err(Error::store(address, "is a group without an array")),
                many => Err(Error::store(address, format!("is a group; its arrays are {}", listed(many)))),
            };
        }
        Found::Nothing => return Err(missing(root, path, &directory, address)),
    };
    Ok(Arc::new(read::ZarrStore::new(address, &directory, layout)?))
}

fn listed(names: &[String]) -> String {
    let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    format!("{}{more}", names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", "))
}

fn missing(root: &Path, path: &str, directory: &Path, address: &str) -> Error {
    if !root.exists() {
        return Error::store(address, format!("the directory does not exist{}", near_misses(root)));
    }
    if path.trim_matches('/').is_empty() {
        return Error::store(address, "no zarr.json, .zarray or .zgroup in this directory: it is no Zarr array or group");
    }
    let mut arrays = tree(root, "", address).map(|node| node.arrays()).unwrap_or_default();
    let wanted = format!("/{}", path.trim_matches('/'));
    arrays.sort_by_key(|name| strsim::levenshtein(name, &wanted));
    let hint = if arrays.is_empty() { "it holds no array".to_string() } else { format!("it holds {}", listed(&arrays)) };
    let what = if directory.exists() { "is a directory without Zarr metadata" } else { "does not exist" };
    Error::store(address, format!("{wanted} {what} in {}; {hint}", root.display()))
}

/// Whether an array or group is there.
pub(crate) fn exists(root: &Path, path: &str) -> bool {
    let found = below(root, path, "").and_then(|directory| look(&directory, ""));
    !matches!(found, Ok(Found::Nothing) | Err(_))
}

/// Groups and arrays below `path` of `root`.
///
/// # Errors
/// `Store` when there is none or metadata is corrupt.
pub(crate) fn tree(root: &Path, path: &str, address: &str) -> Result<Node> {
    let directory = below(root, path, address)?;
    match node(&directory, String::new(), address, 0)? {
        Some(node) => Ok(node),
        None => Err(missing(root, path, &directory, address)),
    }
}

fn node(directory: &Path, name: String, address: &str, depth: usize) -> Result<Option<Node>> {
    let (layout, refused) = match look(directory, address)? {
        Found::Nothing => return Ok(None),
        Found::ArrayV3(v3) => {
            let refused = outline(&v3, "data_type", &["codecs"]);
            (metadata::v3(v3, address), refused)
        }
        Found::ArrayV2(v2, attributes) => {
            let refused = outline(&v2, "dtype", &["filters", "compressor"]);
            (metadata::v2(v2, attributes, address), refused)
        }
        Found::Group { attributes, .. } => return group(directory, name, attributes, address, depth).map(Some),
    };
    // An array that cannot be read is listed all the same, with the reason.
    Ok(Some(match layout {
        Ok(layout) => Node { attributes: layout.meta.attributes.clone(), meta: Some(layout.meta), ..Node::new(name) },
        Err(e) => Node { refused: Some(Refused { why: why(&e, address), ..refused }), ..Node::new(name) },
    }))
}

fn group(directory: &Path, name: String, attributes: Map<String, Value>, address: &str, depth: usize) -> Result<Node> {
    let mut group = Node { attributes, ..Node::new(name) };
    if depth >= DEPTH_MAX {
        return Ok(group.unreadable(&format!("not listed: more than {DEPTH_MAX} groups deep")));
    }
    let entries = fs::read_dir(directory).map_err(|e| Error::store_io(address, "listing a group", &e))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| !name.starts_with('.')).collect();
    names.sort();
    for name in names {
        let below = directory.join(&name);
        if below.is_dir() {
            // What is corrupt hides nothing beside it.
            match node(&below, name.clone(), address, depth + 1) {
                Ok(child) => group.children.extend(child),
                Err(e) => group.children.push(Node::new(name).unreadable(&why(&e, address))),
            }
        }
    }
    Ok(group)
}

/// A reason without the address, which stands above the listing.
fn why(error: &Error, address: &str) -> String {
    let text = error.to_string();
    text.strip_prefix(address).map_or(text.clone(), |rest| rest.trim_start_matches(": ").to_string())
}

/// What a document says of an array, believed or not.
fn outline(document: &Value, dtype: &str, codecs: &[&str]) -> Refused {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.get("name").or(other.get("id")).and_then(Value::as_str).map_or_else(|| other.to_string(), str::to_string),
    };
    let lens = document.get("shape").and_then(Value::as_array).map(|lens| lens.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    let steps = codecs.iter().filter_map(|key| document.get(*key)).flat_map(|found| match found {
        Value::Array(steps) => steps.iter().map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)],
    });
    let steps: Vec<String> = steps.collect();
    Refused {
        shape: lens.flatten(),
        dtype: document.get(dtype).map(text),
        codec: Some(if steps.is_empty() { "none".into() } else { steps.join(" + ") }),
        why: String::new(),
    }
}
