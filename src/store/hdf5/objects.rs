//! Opens objects, once what libhdf5 would read of them without end was looked through.

use super::heaps;
use super::identifiers::{DEFAULT, Id, c_string, id, sync};
use crate::error::Result;
use hdf5_sys::h5i::{H5I_type_t, H5Iget_type};
use hdf5_sys::h5o::H5Oopen;

/// Opens an object and says whether it is a dataset, a group or something else.
pub(super) fn open_object(address: &str, at: &Id, name: &str) -> Result<(Id, H5I_type_t)> {
    let c_name = c_string(address, name)?;
    sync(|| {
        heaps::require_mapping(address, at, &c_name)?;
        // SAFETY: the name outlives the calls.
        let object = id(address, &format!("opening {name}"), unsafe { H5Oopen(at.raw(), c_name.as_ptr(), DEFAULT) })?;
        // SAFETY: the identifier is alive.
        let kind = unsafe { H5Iget_type(object.raw()) };
        Ok((object, kind))
    })
}
