//! Collections of the global heap → whether libhdf5 comes to their end: it goes round for ever in one whose free space has no bytes, as where
//! zeros were left of a write that was not finished, and holds its lock meanwhile (`H5HGcache.c`, 2.x).
//!
//! Texts and references of attributes are there, and the mappings of virtual datasets. What the attributes of an object lie in is looked
//! through before libhdf5 is asked for one of them (their names in `names.rs`), and the heap of a mapping before the dataset is opened
//! (`before_open.rs`). What is not looked through:
//! attributes that several objects share, and a virtual dataset that an external link leads to.
//! Source: HDF5 File Format Specification 3.0, sections III.E, IV.A.2.i, IV.A.2.m and IV.A.2.v.

use super::collection;
use super::dense::{self, Dense, SHARED};
use super::fractal::Heap;
use super::header::{self, Raw};
use super::library::{self, Id};
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};
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
    if let Some(opened) = library::near_file(address, attribute)
        && let Ok(raw) = Raw::open(address, &opened)
    {
        for (at, len) in collections(&raw, object) {
            if len > raw.len {
                // The library takes that memory before it looks.
                return Err(raw.corrupt(at, &format!("an element of {len} bytes or more in a global heap, in a file of {}", raw.len)));
            }
            if !looked.sound.contains(&at) {
                require_end(&raw, at)?;
                looked.sound.insert(at);
            }
        }
    }
    looked.object = object;
    Ok(())
}

/// Collections of the global heap, and the most bytes that one thing in each is said to have.
type Collections = BTreeMap<u64, u64>;

/// Where the collections are that attributes of the object with this header lie in. What is damaged otherwise libhdf5 finds.
fn collections(raw: &Raw<'_>, header: u64) -> Collections {
    let mut found = Collections::new();
    let _ = header::messages(raw, header, |message| {
        if message.kind == ATTRIBUTE && !message.is_shared {
            let _ = in_attribute(raw, message.body, &mut found);
        }
        if message.kind == dense::ATTRIBUTES {
            let _ = in_dense(raw, message.body, &mut found);
        }
        Ok(None::<()>)
    });
    found
}

/// Adds where the elements of attributes in dense storage lie, which a message tells of.
fn in_dense(raw: &Raw<'_>, body: &[u8], found: &mut Collections) -> Result<()> {
    let Some(dense) = Dense::told(raw, body)? else { return Ok(()) };
    let Some(heap) = Heap::open(raw, dense.heap)? else { return Ok(()) };
    heap.each_huge(raw, |attribute| {
        let _ = in_attribute(raw, attribute, found);
        Ok(())
    })?;
    // an identifier in the heap, the attribute's flags, its number, a hash
    dense.names(raw)?.records(raw, |record, node| {
        if record[8] & SHARED == 0
            && let Some(attribute) = heap.object(raw, &mut raw.cursor(record, node))?
        {
            let _ = in_attribute(raw, &attribute, found);
        }
        Ok(())
    })
}

/// Adds where the elements of an attribute lie, if they are of any length.
fn in_attribute(raw: &Raw<'_>, body: &[u8], found: &mut Collections) -> Result<()> {
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
    // What an element is stands behind the eight bytes that say of what length they are.
    let size = datatype.get(12..16).map_or(1, |size| u64::from(u32::from_le_bytes([size[0], size[1], size[2], size[3]])));
    while c.left() > 0 {
        let (len, at) = (c.u32()?, c.offset()?);
        c.u32()?;
        if len > 0 && at != 0 && at != header::UNDEFINED {
            let most = found.entry(at).or_default();
            *most = (*most).max(u64::from(len).saturating_mul(size.max(1)));
        }
    }
    Ok(())
}

/// Refuses the collection at `at` if libhdf5 does not come to its end.
///
/// # Errors
/// `Store` for such a collection.
pub(super) fn require_end(raw: &Raw<'_>, at: u64) -> Result<()> {
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
