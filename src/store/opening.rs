//! An address → what stands there: one array, a group of them, or many files as one array.

use super::address::text;
use super::formats::{open_one, tree_of_one, version_of_one};
use super::many::{self, AsOne};
use super::together::together;
use super::{Node, Store};
use crate::error::Result;
use rayon::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

/// Opens the array at an address; `a_*.h5:/x` stands for the arrays of all files of that pattern as one ([`find`](super::find)).
///
/// # Errors
/// `BadRequest` for an address that names no format, `Store` for what is missing (with what is near) or
/// corrupt, `Unsupported` for what the format can hold and this version cannot read.
pub fn open(address: impl AsRef<Path>) -> Result<Arc<dyn Store>> {
    let address = text(address.as_ref())?;
    match many::find(address, &AsOne::default())? {
        Some(many) => Ok(Arc::new(many)),
        None => open_one(address),
    }
}

/// The groups and arrays at an address, as they are stored: the array alone, or the group with all that is below.
///
/// # Errors
/// As [`open`].
pub fn tree(address: impl AsRef<Path>) -> Result<Node> {
    let (plain, _) = many::decoding(text(address.as_ref())?)?;
    match many::find(&plain, &AsOne::default())? {
        Some(many) => Ok(Node::array(String::new(), many.meta().clone())),
        None => tree_of_one(&plain),
    }
}

/// An address with what changes when somebody writes its file anew: the length and time of the file, of a Zarr array those of its
/// metadata. Chunks that were changed under the same metadata are not seen. Of many files as one array it is a digest of theirs.
///
/// # Errors
/// As [`parse`](super::parse).
pub fn version(address: impl AsRef<Path>) -> Result<String> {
    let address = text(address.as_ref())?;
    let (plain, _) = many::decoding(address)?;
    let Some(files) = many::names_of(&plain)? else { return version_of_one(address, &plain) };
    let versions = together(|| files.par_iter().map(|file| version_of_one(file, file)).collect::<Result<Vec<String>>>())?;
    let mut hasher = DefaultHasher::new();
    versions.hash(&mut hasher);
    Ok(format!("{address} ({} files, {:016x})", files.len(), hasher.finish()))
}

/// [`version`] of each address.
///
/// # Errors
/// As [`version`].
pub fn versions(addresses: &[String]) -> Result<Vec<String>> {
    together(|| addresses.par_iter().map(version).collect())
}
