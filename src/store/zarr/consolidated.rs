//! A group's consolidated metadata → all that is below it, in one read.

use super::place::Place;
use super::{Found, described, found_v2, found_v3};
use super::{document, nczarr};
use crate::error::Result;
use crate::store::Node;
use crate::store::publish::{partial_path, remove};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// Groups and arrays by the parts of their paths: what is in a group follows it.
type Paths = BTreeMap<Vec<String>, Found>;

/// What is below a group of version 3, if its document says so.
pub(super) fn v3(mut document: Value, address: &str) -> Option<Paths> {
    let Value::Object(all) = document.get_mut("consolidated_metadata")?.get_mut("metadata")?.take() else { return None };
    all.into_iter().map(|(path, document)| Some((parts(&path)?, found_v3(document, address).ok()?))).collect()
}

/// What is below a group of version 2, if `.zmetadata` stands in it.
pub(super) fn v2(place: &Place, address: &str) -> Result<Option<Paths>> {
    // One that is damaged or too long is of no use to anyone: the group is listed.
    let Ok(Some(document)) = place.document(".zmetadata", address) else { return Ok(None) };
    let Some(all) = document.get("metadata").and_then(Value::as_object) else { return Ok(None) };
    let mut found = Paths::new();
    for (key, document) in all {
        let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
        if path.is_empty() || !matches!(name, ".zarray" | ".zgroup") {
            continue;
        }
        let attributes = all.get(&format!("{path}/.zattrs")).and_then(Value::as_object).cloned().unwrap_or_default();
        let Some(parts) = parts(path) else { return Ok(None) };
        found.insert(parts, found_v2(name, document.clone(), attributes));
    }
    Ok(Some(found))
}

/// The parts of a path; `None` for one that leads out of the group.
fn parts(path: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = path.split('/').map(String::from).collect();
    parts.iter().all(|part| !part.is_empty() && part != "." && part != "..").then_some(parts)
}

/// Puts all that was found below `group`, which is at `place`.
pub(super) fn fill(group: &mut Node, found: Paths, place: &Place, address: &str) {
    for (parts, found) in found {
        let Some((name, above)) = parts.split_last() else { continue };
        let mut parent = &mut *group;
        for part in above {
            // What is in a group follows it at once, so it can only be the last; a group that nobody wrote has no attributes.
            if parent.children.last().is_none_or(|last| last.name != *part) {
                parent.children.push(Node::new(part.clone()));
            }
            let last = parent.children.len() - 1;
            parent = &mut parent.children[last];
        }
        let child = match found {
            Found::Group { attributes, kinds, .. } => Node { attributes, attribute_kinds: kinds, ..Node::new(name.clone()) },
            array => described(array, place, name.clone(), address),
        };
        parent.children.push(child);
    }
}

/// Takes a group's consolidated metadata away, which does not know what was written below: readers then look themselves.
///
/// # Errors
/// Those of the files.
pub(super) fn forget(directory: &Path) -> io::Result<()> {
    remove(&directory.join(".zmetadata"))?;
    let file = directory.join("zarr.json");
    let Ok(Some(Value::Object(mut fields))) = document::read(&file, "") else { return Ok(()) };
    if fields.remove("consolidated_metadata").is_none() {
        return Ok(());
    }
    if let Some(Value::Object(attributes)) = fields.get_mut("attributes") {
        *attributes = nczarr::marked(attributes);
    }
    let aside = partial_path(directory, &file);
    fs::write(&aside, document::bare_words(&format!("{:#}", Value::Object(fields))))?;
    fs::rename(&aside, &file)
}
