//! Attributes and links of an object in dense storage → whether libhdf5 may be asked for their names.
//!
//! Source: HDF5 File Format Specification 3.0, sections IV.A.2.c (link info), IV.A.2.v (attribute info) and III.A.2 (B-tree v2, types 5
//! to 9).

use super::btree2::Tree;
use super::fractal::Heap;
use super::header::{self, Raw};
use super::library::{self, Id};
use crate::error::Result;
use crate::store::remote;
use std::ffi::CStr;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

/// The message that says where attributes are that stand in no message of their own.
pub(super) const DENSE: u64 = 0x15;
/// Of the flags of a record by name: the attribute is one that objects share.
pub(super) const SHARED: u8 = 2;

/// The message that says where the links of a group are.
const LINKS: u64 = 0x02;

/// Kind and bytes of the records of trees: attributes by name, attributes and links in the order in which they were made, links by name.
const BY_NAME: (u8, usize) = (8, 17);
const IN_ORDER: (u8, usize) = (9, 13);
const LINKS_BY_NAME: (u8, usize) = (5, 11);
const LINKS_IN_ORDER: (u8, usize) = (6, 15);

/// Where attributes in dense storage are.
pub(super) struct Dense {
    /// The heap that they lie in.
    pub(super) heap: u64,
    /// The tree of them by name.
    pub(super) by_name: u64,
    /// The tree of them in the order in which they were made.
    in_order: Option<u64>,
}

impl Dense {
    /// What the body of a message [`DENSE`] tells; nothing where no attribute is in such a place.
    pub(super) fn told(raw: &Raw<'_>, body: &[u8]) -> Result<Option<Dense>> {
        Dense::read(raw, body, 2)
    }

    /// As told of attributes, or of links: the number of the next one, which is there if things have an order, has so many bytes.
    fn read(raw: &Raw<'_>, body: &[u8], next_bytes: usize) -> Result<Option<Dense>> {
        let mut c = raw.cursor(body, 0);
        let (_, flags) = (c.u8()?, c.u8()?);
        if flags & 1 != 0 {
            c.take(next_bytes)?;
        }
        let (heap, by_name) = (c.offset()?, c.offset()?);
        let in_order = if flags & 2 != 0 { Some(c.offset()?).filter(|&at| at != header::UNDEFINED) } else { None };
        Ok((heap != header::UNDEFINED && by_name != header::UNDEFINED).then_some(Dense { heap, by_name, in_order }))
    }

    /// The tree of attributes by name.
    ///
    /// # Errors
    /// `Store` where there is another thing.
    pub(super) fn names(&self, raw: &Raw<'_>) -> Result<Tree> {
        tree(raw, self.by_name, BY_NAME)
    }

    /// Refuses a heap that names objects by another number of bytes than trees have room for.
    fn require_heap(&self, raw: &Raw<'_>, id_bytes: usize) -> Result<()> {
        match Heap::open(raw, self.heap)? {
            Some(heap) if heap.id_bytes != id_bytes => {
                Err(raw.corrupt(self.heap, &format!("a fractal heap with names of {} bytes, expected {id_bytes}", heap.id_bytes)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a tree in the order in which things were made that has other records.
    fn require_order(&self, raw: &Raw<'_>, of: (u8, usize)) -> Result<()> {
        self.in_order.map_or(Ok(()), |at| tree(raw, at, of)?.records(raw, |_, _| Ok(())))
    }
}

/// The tree at `at`, which must have records of this kind and length: libhdf5 believes what it says of them.
fn tree(raw: &Raw<'_>, at: u64, (kind, bytes): (u8, usize)) -> Result<Tree> {
    let tree = Tree::open(raw, at)?;
    if (tree.kind, tree.record_bytes) == (kind, bytes) {
        return Ok(tree);
    }
    let found = format!("a B-tree with records of kind {} and {} bytes, expected {kind} and {bytes}", tree.kind, tree.record_bytes);
    Err(raw.corrupt(at, &found))
}

/// Refuses names of attributes in dense storage that libhdf5 would not come back from: it takes the memory of a node of their tree before it
/// looks, believes what the tree says of its records, and looks for attributes that are said to be shared where the file shares nothing.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_names(address: &str, object: &Id) -> Result<()> {
    let shares = || library::shares_messages(address, object);
    let require = |raw: &Raw<'_>, body: &[u8]| require_attributes(raw, body, shares);
    library::identity(address, object).map_or(Ok(()), |at| require_messages(address, object, at, DENSE, require))
}

/// The same of a group's links.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_links(address: &str, group: &Id) -> Result<()> {
    library::identity(address, group).map_or(Ok(()), |at| require_messages(address, group, at, LINKS, in_trees))
}

/// The same of the links of what `name` leads to from `above`, where that lies in the same file.
///
/// # Errors
/// `Store` for such names.
pub(super) fn require_links_of(address: &str, above: &Id, name: &CStr) -> Result<()> {
    let (Ok(at), Ok((file, _))) = (library::identity_of(address, above, name), library::identity(address, above)) else { return Ok(()) };
    if at.0 == file { require_messages(address, above, at, LINKS, in_trees) } else { Ok(()) }
}

/// Looks through the messages of a kind in this header, in the file that `near` lies in.
fn require_messages(
    address: &str,
    near: &Id,
    (file, header): (u64, u64),
    kind: u64,
    require: impl Fn(&Raw<'_>, &[u8]) -> Result<()>,
) -> Result<()> {
    static LAST: Mutex<Option<[u64; 3]>> = Mutex::new(None);
    let this = Some([file, header, kind]);
    if *LAST.lock().unwrap_or_else(PoisonError::into_inner) == this {
        return Ok(());
    }
    let Some(path) = library::holder(address, near).ok().filter(|path| remote::url(path).is_none()) else { return Ok(()) };
    let Ok(opened) = File::open(path) else { return Ok(()) };
    let Ok(raw) = Raw::open(address, &opened) else { return Ok(()) };
    let mut refused = Ok(());
    let _ = header::messages(&raw, header, |message| {
        if message.kind == kind && !message.is_shared && refused.is_ok() {
            refused = require(&raw, message.body);
        }
        Ok(None::<()>)
    });
    if refused.is_ok() {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = this;
    }
    refused
}

fn require_attributes(raw: &Raw<'_>, body: &[u8], shares: impl Fn() -> bool) -> Result<()> {
    let Some(dense) = Dense::told(raw, body)? else { return Ok(()) };
    dense.require_heap(raw, 8)?;
    dense.require_order(raw, IN_ORDER)?;
    dense.names(raw)?.records(raw, |record, node| match record.get(8) {
        Some(flags) if flags & SHARED != 0 && !shares() => {
            Err(raw.corrupt(node, "an attribute that is said to be shared, in a file that shares nothing"))
        }
        _ => Ok(()),
    })
}

/// Refuses trees of links that are of something else.
fn in_trees(raw: &Raw<'_>, body: &[u8]) -> Result<()> {
    let Some(dense) = Dense::read(raw, body, 8)? else { return Ok(()) };
    dense.require_heap(raw, 7)?;
    dense.require_order(raw, LINKS_IN_ORDER)?;
    tree(raw, dense.by_name, LINKS_BY_NAME)?.records(raw, |_, _| Ok(()))
}
