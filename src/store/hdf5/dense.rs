//! Attributes of an object in dense storage → whether libhdf5 may be asked for their names.
//!
//! Source: HDF5 File Format Specification 3.0, sections IV.A.2.v (attribute info) and III.A.2 (B-tree v2, type 8).

use super::btree2::Tree;
use super::header::{self, Raw};
use super::library::{self, Id};
use crate::error::Result;
use crate::store::remote;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

/// The message that says where attributes are that stand in no message of their own.
pub(super) const DENSE: u64 = 0x15;
/// Of the flags of a record by name: the attribute is one that objects share.
pub(super) const SHARED: u8 = 2;

/// Where attributes in dense storage are.
pub(super) struct Dense {
    /// The heap that they lie in.
    pub(super) heap: u64,
    /// The tree of them by name.
    pub(super) by_name: u64,
}

impl Dense {
    /// What the body of a message [`DENSE`] tells; nothing where no attribute is in such a place.
    pub(super) fn told(raw: &Raw<'_>, body: &[u8]) -> Result<Option<Dense>> {
        let mut c = raw.cursor(body, 0);
        let (_, flags) = (c.u8()?, c.u8()?);
        if flags & 1 != 0 {
            c.take(2)?;
        }
        let (heap, by_name) = (c.offset()?, c.offset()?);
        Ok((heap != header::UNDEFINED && by_name != header::UNDEFINED).then_some(Dense { heap, by_name }))
    }
}

/// Refuses names of attributes in dense storage that libhdf5 would take for shared ones where the file shares nothing: it looks for their
/// heap all the same. Nodes of their tree that are larger than any are refused, too: it takes that memory before it looks.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_names(address: &str, object: &Id) -> Result<()> {
    static LAST: Mutex<Option<(u64, u64)>> = Mutex::new(None);
    let Ok((file, header)) = library::identity(address, object) else { return Ok(()) };
    if *LAST.lock().unwrap_or_else(PoisonError::into_inner) == Some((file, header)) {
        return Ok(());
    }
    let Some(path) = library::holder(address, object).ok().filter(|path| remote::url(path).is_none()) else { return Ok(()) };
    let Ok(opened) = File::open(path) else { return Ok(()) };
    let Ok(raw) = Raw::open(address, &opened) else { return Ok(()) };
    let mut refused = Ok(());
    let _ = header::messages(&raw, header, |message| {
        if message.kind == DENSE && refused.is_ok() {
            refused = require_dense(&raw, message.body, || library::shares_messages(address, object));
        }
        Ok(None::<()>)
    });
    if refused.is_ok() {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((file, header));
    }
    refused
}

fn require_dense(raw: &Raw<'_>, body: &[u8], shares: impl Fn() -> bool) -> Result<()> {
    let Some(Dense { by_name, .. }) = Dense::told(raw, body)? else { return Ok(()) };
    Tree::open(raw, by_name)?.records(raw, |record, node| match record.get(8) {
        Some(flags) if flags & SHARED != 0 && !shares() => {
            Err(raw.corrupt(node, "an attribute that is said to be shared, in a file that shares nothing"))
        }
        _ => Ok(()),
    })
}
