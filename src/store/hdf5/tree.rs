//! An HDF5 file → its groups and datasets as a tree.

use super::library::{self, Id, sync};
use super::{attributes, open};
use crate::error::Result;
use crate::store::tree::Node;
use hdf5_sys::h5i::H5I_type_t;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// Groups deeper than this are not listed.
const DEPTH_MAX: usize = 64;

/// Lists groups and datasets. A dataset that is no array of numbers has no `meta`, and an attribute
/// `(unreadable)` that says why; a group that was listed before (links may form circles) has no children.
///
/// # Errors
/// `Store` when the file cannot be opened.
pub fn tree(file: &Path, address: &str) -> Result<Node> {
    sync(|| {
        let hdf5 = library::open_read(address, file)?;
        let (root, _) = library::open_object(address, &hdf5, "/")?;
        group(address, &root, String::new(), &mut HashSet::new(), 0)
    })
}

fn group(address: &str, of: &Id, name: String, seen: &mut HashSet<u64>, depth: usize) -> Result<Node> {
    let mut node = Node { name, meta: None, attributes: attributes::read(address, of)?, children: Vec::new() };
    if depth == DEPTH_MAX || !seen.insert(library::header_address(address, of)?) {
        return Ok(node);
    }
    for name in library::link_names(address, of)? {
        // What is being written is hidden, and a link may lead nowhere.
        let Ok((object, kind)) = library::open_object(address, of, &name) else { continue };
        if name.starts_with('.') && name.contains(".partial-") {
            continue;
        }
        match kind {
            H5I_type_t::H5I_GROUP => node.children.push(group(address, &object, name, seen, depth + 1)?),
            H5I_type_t::H5I_DATASET => node.children.push(dataset(address, &object, name)?),
            _ => {}
        }
    }
    Ok(node)
}

fn dataset(address: &str, of: &Id, name: String) -> Result<Node> {
    Ok(match open::describe(address, of) {
        Ok(found) => {
            let attributes = found.meta.attributes.clone();
            Node { name, meta: Some(found.meta), attributes, children: Vec::new() }
        }
        Err(why) => {
            let mut attributes = attributes::read(address, of)?;
            let why = why.to_string();
            let why = why.strip_prefix(address).map_or(why.as_str(), |w| w.trim_start_matches(": "));
            attributes.insert("(unreadable)".into(), Value::String(why.into()));
            Node { name, meta: None, attributes, children: Vec::new() }
        }
    })
}
