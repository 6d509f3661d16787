//! Finds and opens objects, once what libhdf5 would read of them without end was looked through.

use super::identifiers::{DEFAULT, Id, c_string, failed, id, sync};
use super::{before_open, names};
use crate::error::{Error, Result};
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

/// Whether a link exists at a path from `above`, a file or a group, whatever it leads to.
pub(super) fn exists(address: &str, above: &Id, path: &str) -> Result<bool> {
    let mut at = String::from(if path.starts_with('/') { "/" } else { "" });
    sync(|| {
        names::require_links(address, above)?;
        for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
            if !matches!(&at[..], "" | "/") {
                at.push('/');
            }
            at.push_str(part);
            let name = c_string(address, &at)?;
            // SAFETY: the name outlives the call.
            let found = unsafe { H5Lexists(above.raw(), name.as_ptr(), DEFAULT) };
            if found < 0 {
                let refused = failed(address, &format!("looking for {at}"));
                let above_it = at.rsplit_once('/').map_or("", |(before, _)| before);
                return Err(match open_object(address, above, above_it) {
                    Ok((_, H5I_type_t::H5I_DATASET)) => {
                        Error::store(address, format!("{above_it} is an array; nothing can be put below it"))
                    }
                    _ => refused,
                });
            }
            if found == 0 {
                return Ok(false);
            }
            names::require_links_of(address, above, &name)?;
        }
        Ok(true)
    })
}
