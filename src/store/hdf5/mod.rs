//! HDF5 files ↔ regions.

use super::{Create, Node, Store, Writer};
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// Opens a dataset.
///
/// # Errors
/// Always, in this build.
pub fn open(_file: &Path, _dataset: &str, address: &str) -> Result<Arc<dyn Store>> {
    Err(Error::unsupported(address, "HDF5"))
}

/// Creates a dataset.
///
/// # Errors
/// Always, in this build.
pub fn create(_file: &Path, _dataset: &str, address: &str, _create: &Create) -> Result<Box<dyn Writer>> {
    Err(Error::unsupported(address, "HDF5"))
}

/// Lists a file.
///
/// # Errors
/// Always, in this build.
pub fn tree(_file: &Path, address: &str) -> Result<Node> {
    Err(Error::unsupported(address, "HDF5"))
}
