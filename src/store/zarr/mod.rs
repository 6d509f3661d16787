//! Zarr v2 and v3 directories, and zip files of them ↔ regions. Metadata by zarrs' types; chunks are read and decoded here,
//! straight into the caller's buffer, one thread, nothing kept per chunk.

mod blosc;
mod chain;
mod codec;
mod codecs;
mod consolidated;
mod create;
mod document;
mod encode;
mod far;
mod far_write;
mod fill;
mod filter;
mod foreign;
mod journal;
mod keys;
mod layout;
mod metadata;
mod nczarr;
mod place;
mod read;
mod shard;
mod structured;
mod write;
mod xarray;

pub(crate) use create::{create, create_group};

use super::reach::near_misses;
use super::zip::Archive;
use super::{AttributeKinds, Node, Refused, Store};
use crate::error::{Error, Result};
use place::Place;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

/// Groups below groups are listed to this depth.
const DEPTH_MAX: usize = 64;

/// What a place holds.
enum Found {
    ArrayV3(Value),
    ArrayV2(Value, Map<String, Value>),
    Group { version: u8, attributes: Map<String, Value>, kinds: AttributeKinds, document: Value },
    Nothing,
}

/// The attributes, and their kinds, of the group of `version` at `place`; none of both where nothing is.
///
/// # Errors
/// `Store` where an array stands, `BadRequest` where a group of another version does.
fn group_there(place: &Place, address: &str, version: u8) -> Result<(Map<String, Value>, AttributeKinds)> {
    match look(place, address)? {
        Found::Group { version: found, attributes, kinds, .. } if found == version => Ok((attributes, kinds)),
        Found::Nothing => Ok((Map::new(), AttributeKinds::new())),
        Found::Group { version: found, .. } => {
            Err(Error::bad_request(address, format!("is a group of Zarr version {found}, not {version}")))
        }
        _ => Err(Error::store(address, "is an array, not a group")),
    }
}

/// Why an array of one version has no place in a group of another.
fn other_version(group: impl Display, found: u8, version: u8) -> String {
    format!(
        "{group} is a group of Zarr version {found}; an array of version {version} cannot be in it: write version {found} \
         (zarr_version={found}, --zarr-version {found})"
    )
}

fn look(place: &Place, address: &str) -> Result<Found> {
    if let Some(v3) = place.document("zarr.json", address)? {
        return found_v3(v3, address);
    }
    for name in [".zarray", ".zgroup"] {
        if let Some(v2) = place.document(name, address)? {
            let attributes = place.document(".zattrs", address)?;
            return Ok(found_v2(name, v2, attributes.as_ref().and_then(Value::as_object).cloned().unwrap_or_default()));
        }
    }
    Ok(Found::Nothing)
}

fn found_v3(document: Value, address: &str) -> Result<Found> {
    match document.get("node_type").and_then(Value::as_str) {
        Some("array") => Ok(Found::ArrayV3(document)),
        Some("group") => {
            let mut attributes = document.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
            let kinds = nczarr::read(&mut attributes);
            Ok(Found::Group { version: 3, attributes, kinds, document })
        }
        other => Err(Error::store(address, format!("zarr.json: node_type is {}, expected array or group", other.unwrap_or("missing")))),
    }
}

fn found_v2(name: &str, document: Value, mut attributes: Map<String, Value>) -> Found {
    if name == ".zarray" {
        return Found::ArrayV2(document, attributes);
    }
    let kinds = nczarr::read(&mut attributes);
    Found::Group { version: 2, attributes, kinds, document }
}

/// Opens the array at `path` of the Zarr directory `root`; of a group with exactly one array, that one.
///
/// # Errors
/// `Store` when it is missing (naming what is near) or its metadata is corrupt, `Unsupported` for codecs,
/// dtypes and extensions that are not read.
pub(crate) fn open(root: &Path, path: &str, address: &str) -> Result<Arc<dyn Store>> {
    let mut place = Place::below(root, path, address)?;
    let (mut found, mut field) = (look(&place, address)?, None);
    // What follows the last # is a field, where the name is not one with # in it.
    if let (Found::Nothing, Some((above, name))) = (&found, path.rsplit_once('#')) {
        let there = Place::below(root, above, address)?;
        if let array @ (Found::ArrayV2(..) | Found::ArrayV3(_)) = look(&there, address)? {
            (place, found, field) = (there, array, Some(name));
        }
    }
    let layout = match found {
        Found::ArrayV3(v3) => metadata::v3(v3, field, address)?,
        Found::ArrayV2(v2, attributes) => metadata::v2(v2, attributes, field, address)?,
        Found::Group { .. } => {
            let arrays = tree(root, path, address)?.arrays();
            return match &arrays[..] {
                [only] => open(root, &format!("{}{only}", path.trim_end_matches('/')), address),
                [] => Err(Error::store(address, "is a group without an array")),
                many => Err(Error::store(address, format!("is a group; its arrays are {}", listed(many)))),
            };
        }
        Found::Nothing => return Err(missing(root, path, &place, address)),
    };
    Ok(Arc::new(read::ZarrStore::new(address, place, layout)?))
}

fn listed(names: &[String]) -> String {
    let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    format!("{}{more}", names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", "))
}

fn missing(root: &Path, path: &str, place: &Place, address: &str) -> Error {
    if let Place::Far { bucket, prefix } = place {
        let what = format!("there is no zarr.json, .zarray or .zgroup at {}: it is no Zarr array or group", bucket.url(prefix));
        return Error::store(address, what);
    }
    if !root.exists() {
        return Error::store_missing(address, format!("the directory does not exist{}", near_misses(root)));
    }
    if path.trim_matches('/').is_empty() {
        return Error::store(address, "no zarr.json, .zarray or .zgroup in it: it is no Zarr array or group");
    }
    let mut arrays = tree(root, "", address).map(|node| node.arrays()).unwrap_or_default();
    let wanted = format!("/{}", path.trim_matches('/'));
    arrays.sort_by_key(|name| strsim::levenshtein(name, &wanted));
    let hint = if arrays.is_empty() { "it holds no array".to_string() } else { format!("it holds {}", listed(&arrays)) };
    let what = if place.exists() { "is a directory without Zarr metadata" } else { "does not exist" };
    Error::store(address, format!("{wanted} {what} in {}; {hint}", root.display()))
}

/// Whether a zip file holds Zarr metadata. Of one that is damaged its name decides: then opening says what is wrong.
pub(crate) fn is_in_zip(file: &Path) -> bool {
    let is_metadata = |name: &str| matches!(name.rsplit('/').next(), Some("zarr.json" | ".zarray" | ".zgroup"));
    match Archive::open(file, "") {
        Ok(archive) => archive.below("").any(|(name, _)| is_metadata(name)),
        Err(_) => file.to_string_lossy().contains(".zarr"),
    }
}

/// Whether an array or group is there.
pub(crate) fn exists(root: &Path, path: &str) -> bool {
    let found = Place::below(root, path, "").and_then(|place| look(&place, ""));
    !matches!(found, Ok(Found::Nothing) | Err(_))
}

/// Groups and arrays below `path` of `root`.
///
/// # Errors
/// `Store` when there is none or metadata is corrupt.
pub(crate) fn tree(root: &Path, path: &str, address: &str) -> Result<Node> {
    let place = Place::below(root, path, address)?;
    match node(&place, String::new(), address, 0)? {
        Some(node) => Ok(node),
        None => Err(missing(root, path, &place, address)),
    }
}

fn node(place: &Place, name: String, address: &str, depth: usize) -> Result<Option<Node>> {
    match look(place, address)? {
        Found::Nothing => Ok(None),
        Found::Group { version, attributes, kinds, document } => {
            let mut group = Node { attributes, attribute_kinds: kinds, ..Node::new(name) };
            let consolidated = match version {
                2 => consolidated::v2(place, address)?,
                _ => consolidated::v3(document, address),
            };
            match consolidated {
                Some(found) => consolidated::fill(&mut group, found, place, address),
                None => list(place, &mut group, address, depth)?,
            }
            Ok(Some(group))
        }
        array => Ok(Some(described(array, place, name, address))),
    }
}

/// An array of `place` or below; one that cannot be read with the reason.
fn described(array: Found, place: &Place, name: String, address: &str) -> Node {
    let (layout, refused) = match array {
        Found::ArrayV3(v3) => {
            let refused = outline(&v3, "data_type", &["codecs"]);
            (metadata::v3(v3, None, address), refused)
        }
        Found::ArrayV2(v2, attributes) => {
            let refused = outline(&v2, "dtype", &["filters", "compressor"]);
            (metadata::v2(v2, attributes, None, address), refused)
        }
        Found::Group { .. } | Found::Nothing => return Node::new(name),
    };
    let readable = layout.and_then(|layout| read::require_codecs(place, &layout, address).map(|()| layout));
    match readable {
        Ok(layout) => Node::array(name, layout.meta),
        Err(e) => Node { refused: Some(Refused { why: why(&e, address), ..refused }), ..Node::new(name) },
    }
}

/// Puts what is below `place` in `group`.
fn list(place: &Place, group: &mut Node, address: &str, depth: usize) -> Result<()> {
    if depth >= DEPTH_MAX {
        group.refused = Some(Refused { why: format!("not listed: more than {DEPTH_MAX} groups deep"), ..Refused::default() });
        return Ok(());
    }
    for name in place.names(address)? {
        // What is corrupt hides nothing beside it.
        match node(&place.child(&name), name.clone(), address, depth + 1) {
            Ok(child) => group.children.extend(child),
            Err(e) => group.children.push(Node::new(name).unreadable(&why(&e, address))),
        }
    }
    Ok(())
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
