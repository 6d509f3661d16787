//! Finds and opens objects, once what libhdf5 would read of them without end was looked through.

use super::identifiers::{DEFAULT, Id, c_string, failed, id, sync};
use super::{before_open, names};
use crate::error::Result;
use hdf5_sys::h5i::{H5I_type_t, H5Iget_type};
use hdf5_sys::h5l::H5Lexists;
use hdf5_sys::h5o::H5Oopen;

/// Opens an object and says whether it is a dataset, a group or something else.
pub(super) fn open_object(address: &str, at: &Id, name: &str) -> Result<(Id, H5I_type_t)> {
    let c_name = c_string(address, name)?;
    sync(|| {
        before_open::require(address, at, &c_name)?;
        // SAFETY: the name outlives the calls.
        let object = id(address, &format!("opening {name}"), unsafe { H5Oopen(at.raw(), c_name.as_ptr(), DEFAULT) })?;
        // SAFETY: the identifier is alive.
        let kind = unsafe { H5Iget_type(object.raw()) };
        Ok((object, kind))
    })
}

/// Whether a link exists at an absolute path, whatever it leads to.
pub(super) fn exists(address: &str, file: &Id, path: &str) -> Result<bool> {
    let mut at = String::new();
    sync(|| names::require_links(address, file))?;
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        at = format!("{at}/{part}");
        let name = c_string(address, &at)?;
        // SAFETY: the name outlives the call.
        let found = sync(|| unsafe { H5Lexists(file.raw(), name.as_ptr(), DEFAULT) });
        if found < 0 {
            return Err(failed(address, &format!("looking for {at}")));
        }
        if found == 0 {
            return Ok(false);
        }
        sync(|| names::require_links_of(address, file, &name))?;
    }
    Ok(true)
}
