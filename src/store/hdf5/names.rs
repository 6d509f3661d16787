//! An object → whether libhdf5 may be asked for the names of its attributes or links: it takes the memory of a node of their tree before it
//! looks, believes what the tree says of its records, and follows free blocks of the names of old groups for ever.
//!
//! Not looked through are groups that a soft or an external link goes through.

use super::dense::{self, Dense};
use super::header::{self, Message, Raw};
use super::library::{self, Id};
use super::local_heap;
use crate::error::Result;
use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};

/// The message that says where the links of a group are, and the one of old groups.
const LINKS: u64 = 0x02;
const SYMBOLS: u64 = 0x11;

/// Whose names are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Attributes,
    Links,
}

/// Refuses names of attributes that libhdf5 would not come back from.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_attributes(address: &str, object: &Id) -> Result<()> {
    let shares = || library::shares_messages(address, object);
    let require = |raw: &Raw<'_>, message: &Message<'_>| match message.kind {
        dense::ATTRIBUTES => Dense::told(raw, message.body)?.map_or(Ok(()), |dense| dense.require_attributes(raw, shares)),
        _ => Ok(()),
    };
    library::identity(address, object).map_or(Ok(()), |at| require_messages(address, object, at, Of::Attributes, require))
}

/// The same of a group's links.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_links(address: &str, group: &Id) -> Result<()> {
    library::identity(address, group).map_or(Ok(()), |at| require_messages(address, group, at, Of::Links, links))
}

/// The same of the links of what `name` leads to from `above`, where that lies in the same file.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_links_of(address: &str, above: &Id, name: &CStr) -> Result<()> {
    let (Ok(at), Ok((file, _))) = (library::identity_of(address, above, name), library::identity(address, above)) else { return Ok(()) };
    if at.0 == file { require_messages(address, above, at, Of::Links, links) } else { Ok(()) }
}

fn links(raw: &Raw<'_>, message: &Message<'_>) -> Result<()> {
    match message.kind {
        LINKS => Dense::told_of_links(raw, message.body)?.map_or(Ok(()), |dense| dense.require_links(raw)),
        SYMBOLS => {
            // their tree, then their names
            let mut c = raw.cursor(message.body, 0);
            c.offset()?;
            local_heap::require_end(raw, c.offset()?)
        }
        _ => Ok(()),
    }
}

/// Looks through the messages of this header, in the file that `near` lies in.
fn require_messages(
    address: &str,
    near: &Id,
    (file, header): (u64, u64),
    of: Of,
    require: impl Fn(&Raw<'_>, &Message<'_>) -> Result<()>,
) -> Result<()> {
    static LAST: Mutex<Option<(u64, u64, Of)>> = Mutex::new(None);
    let this = Some((file, header, of));
    if *LAST.lock().unwrap_or_else(PoisonError::into_inner) == this {
        return Ok(());
    }
    let Some(opened) = library::near_file(address, near) else { return Ok(()) };
    let Ok(raw) = Raw::open(address, &opened) else { return Ok(()) };
    let mut refused = Ok(());
    let _ = header::messages(&raw, header, |message| {
        if !message.is_shared && refused.is_ok() {
            refused = require(&raw, &message);
        }
        Ok(None::<()>)
    });
    if refused.is_ok() {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = this;
    }
    refused
}
