//! A path → a group there with attributes.

use super::attribute_write::{self, Readers};
use super::dimensions::is_netcdf;
use super::library::{self, c_string, done, sync};
use super::objects;
use super::paths;
use crate::error::{Error, Result};
use crate::store::AttributeKinds;
use hdf5_sys::h5a::{H5Adelete, H5Aexists};
use hdf5_sys::h5i::H5I_type_t;
use serde_json::{Map, Value};
use std::path::Path;

/// Makes the group `path` of `file`, and both where they are missing; attributes of the same names are replaced. `kinds` says what their
/// JSON does not.
///
/// # Errors
/// `Store` where something else has the name, or the file cannot be written.
pub(crate) fn create_group(file: &Path, path: &str, address: &str, attributes: &Map<String, Value>, kinds: &AttributeKinds) -> Result<()> {
    let path = format!("/{}", path.trim_matches('/'));
    sync(|| {
        let exists = file.symlink_metadata().is_ok();
        let hdf5 = if exists { library::open_write(address, file)? } else { library::create_file(address, file, is_netcdf(file))? };
        let group = if path == "/" || objects::exists(address, &hdf5, &path)? {
            let (object, kind) = objects::open_object(address, &hdf5, &path)?;
            if kind != H5I_type_t::H5I_GROUP {
                return Err(Error::store(address, "is there and is no group"));
            }
            object
        } else {
            paths::make_above(address, &hdf5, &path, is_netcdf(file))?;
            paths::make(address, &hdf5, &path, is_netcdf(file))?
        };
        for name in attributes.keys() {
            let name = c_string(address, name)?;
            // SAFETY: the group is alive and the name outlives the calls.
            unsafe {
                if H5Aexists(group.raw(), name.as_ptr()) > 0 {
                    done(address, "replacing an attribute", H5Adelete(group.raw(), name.as_ptr()))?;
                }
            }
        }
        attribute_write::write(address, &group, attributes, kinds, Readers::of(is_netcdf(file)))
    })
}
