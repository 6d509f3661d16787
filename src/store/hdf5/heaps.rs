//! Collections of the global heap → whether libhdf5 comes to their end: it goes round for ever in one whose free space has no bytes, as where
//! zeros were left of a write that was not finished, and holds its lock meanwhile (`H5HGcache.c`, 2.x).
//!
//! Texts and references of attributes are there. What the attributes of an object lie in is looked through before libhdf5 is asked for one
//! of them; of those in dense storage, where some writers put more than eight of an object, it is not known where they lie.
//! Source: HDF5 File Format Specification 3.0, sections III.E and IV.A.2.m.

use super::collection;
use super::header::{self, Raw};
use super::library::{self, Id};
use crate::error::Result;
use crate::store::remote;
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

/// The message of an attribute.
const ATTRIBUTE: u64 = 0x0C;
/// The class of elements of any length.
const VARIABLE: u8 = 9;
/// Larger collections are not looked through.
const COLLECTION_BYTES_MAX: u64 = 64 << 20;

/// What was looked through last.
#[derive(Default)]
struct Looked {
    /// The number of the file among those that are open.
    file: u64,
    /// The header of the object.
    object: u64,
    /// Collections of the file that end: objects share them.
    sound: BTreeSet<u64>,
}

/// So many collections are remembered.
const SOUND_MAX: usize = 4096;

/// Refuses the object of an attribute if attributes of it lie where libhdf5 would not come back from.
///
/// # Errors
/// `Store` for such a collection.
pub(super) fn require_sound(address: &str, attribute: &Id) -> Result<()> {
    static LAST: Mutex<Option<Looked>> = Mutex::new(None);
    let Ok((file, object)) = library::identity(address, attribute) else { return Ok(()) };
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let looked = last.get_or_insert_default();
    if (looked.file, looked.object) == (file, object) {
        return Ok(());
    }
    if looked.file != file || looked.sound.len() > SOUND_MAX {
        *looked = Looked { file, ..Looked::default() };
    }
    // Far away the driver sees what is read.
    let Some(path) = library::holder(address, attribute).ok().filter(|path| remote::url(path).is_none()) else { return Ok(()) };
    if let Ok(opened) = File::open(path)
        && let Ok(raw) = Raw::open(address, &opened)
    {
        for at in collections(&raw, object) {
            if !looked.sound.contains(&at) {
                require(&raw, at)?;
                looked.sound.insert(at);
            }
        }
    }
    looked.object = object;
    Ok(())
}

/// Where the collections are that attributes of the object with this header lie in. What is damaged otherwise libhdf5 finds.
fn collections(raw: &Raw<'_>, header: u64) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let _ = header::messages(raw, header, |message| {
        if message.kind == ATTRIBUTE && !message.is_shared {
            let _ = in_attribute(raw, message.body, &mut found);
        }
        Ok(None::<()>)
    });
    found
}

/// Adds where the elements of an attribute lie, if they are of any length.
fn in_attribute(raw: &Raw<'_>, body: &[u8], found: &mut BTreeSet<u64>) -> Result<()> {
    let mut c = raw.cursor(body, 0);
    let (version, flags) = (c.u8()?, c.u8()?);
    let (name, datatype, space) = (c.number(2)? as usize, c.number(2)? as usize, c.number(2)? as usize);
    if version == 3 {
        c.take(1)?;
    }
    let padded = |len: usize| if version == 1 { len.next_multiple_of(8) } else { len };
    c.take(padded(name))?;
    let datatype = c.take(padded(datatype))?;
    c.take(padded(space))?;
    // A shared datatype is not here.
    if version > 1 && flags & 1 != 0 || datatype.first().is_none_or(|class| class & 15 != VARIABLE) {
        return Ok(());
    }
    while c.left() > 0 {
        let (len, at) = (c.u32()?, c.offset()?);
        c.u32()?;
        if len > 0 && at != 0 && at != header::UNDEFINED {
            found.insert(at);
        }
    }
    Ok(())
}

fn require(raw: &Raw<'_>, at: u64) -> Result<()> {
    let start = raw.bytes(at, 8 + raw.length_bytes, "global heap").ok().filter(|start| start.starts_with(b"GCOL"));
    let Some(start) = start else { return Ok(()) };
    let len = raw.cursor(&start[8..], at).length()?;
    if len > COLLECTION_BYTES_MAX {
        return Ok(());
    }
    match raw.bytes(at, len as usize, "global heap") {
        Ok(bytes) if !collection::ends(&bytes, raw.length_bytes) => Err(raw.corrupt(at, "free space without bytes in a global heap")),
        _ => Ok(()),
    }
}
