//! Groups on the way to what is made, and how links are made.

use super::library::{self, Id, c_string, done, id};
use super::objects;
use crate::error::Result;
use hdf5_sys::h5g::H5Gcreate2;
use hdf5_sys::h5p::*;
use hdf5_sys::h5t::H5T_cset_t;

/// Links with UTF-8 names, through groups that are made on the way.
pub(super) fn link_creation(address: &str) -> Result<Id> {
    // SAFETY: plain calls on an identifier that is alive.
    unsafe {
        let links = id(address, "link properties", H5Pcreate(*H5P_CLS_LINK_CREATE))?;
        done(address, "link properties", H5Pset_create_intermediate_group(links.raw(), 1))?;
        done(address, "link properties", H5Pset_char_encoding(links.raw(), H5T_cset_t::H5T_CSET_UTF8))?;
        Ok(links)
    }
}

/// Makes the group `path` of a file, in one that is there; with `ordered` it keeps the order in which its links are made.
pub(super) fn make(address: &str, hdf5: &Id, path: &str, ordered: bool) -> Result<Id> {
    let (links, name) = (link_creation(address)?, c_string(address, path)?);
    // SAFETY: identifiers are alive and the name outlives the call.
    unsafe {
        let list = id(address, "how groups are made", H5Pcreate(*H5P_CLS_GROUP_CREATE))?;
        if ordered {
            library::keep_order(address, &list)?;
        }
        id(address, "creating the group", H5Gcreate2(hdf5.raw(), name.as_ptr(), links.raw(), list.raw(), library::DEFAULT))
    }
}

/// Makes the groups above `path` that are not there, as [`make`] does.
///
/// # Errors
/// `Store` where something else has such a name, or the file cannot be written.
pub(super) fn make_above(address: &str, hdf5: &Id, path: &str, ordered: bool) -> Result<()> {
    let path = path.trim_matches('/');
    let ends = path.match_indices('/').map(|(at, _)| format!("/{}", &path[..at]));
    for group in ends {
        if !objects::exists(address, hdf5, &group)? {
            make(address, hdf5, &group, ordered)?;
        }
    }
    Ok(())
}
