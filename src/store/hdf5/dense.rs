//! Attributes and links of an object in dense storage → where they are, and whether libhdf5 may be asked for them.
//!
//! Source: HDF5 File Format Specification 3.0, sections IV.A.2.c (link info), IV.A.2.v (attribute info) and III.A.2 (B-tree v2, types 5
//! to 9).

use super::btree2::Tree;
use super::fractal::Heap;
use super::header::{self, Raw};
use crate::error::Result;

/// The message that says where attributes are that stand in no message of their own.
pub(super) const ATTRIBUTES: u64 = 0x15;
/// Of the flags of a record by name: the attribute is one that objects share.
pub(super) const SHARED: u8 = 2;

/// Kind and bytes of the records of trees: attributes by name, attributes and links in the order in which they were made, links by name.
const BY_NAME: (u8, usize) = (8, 17);
const IN_ORDER: (u8, usize) = (9, 13);
const LINKS_BY_NAME: (u8, usize) = (5, 11);
const LINKS_IN_ORDER: (u8, usize) = (6, 15);

/// Where attributes, or links, in dense storage are.
pub(super) struct Dense {
    /// The heap that they lie in.
    pub(super) heap: u64,
    /// The tree of them by name.
    by_name: u64,
    /// The tree of them in the order in which they were made.
    in_order: Option<u64>,
}

impl Dense {
    /// What the body of a message [`ATTRIBUTES`] tells; nothing where no attribute is in such a place.
    pub(super) fn told(raw: &Raw<'_>, body: &[u8]) -> Result<Option<Dense>> {
        Dense::read(raw, body, 2)
    }

    /// What the body of a message of links tells.
    pub(super) fn told_of_links(raw: &Raw<'_>, body: &[u8]) -> Result<Option<Dense>> {
        Dense::read(raw, body, 8)
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

    /// Refuses attributes whose trees are of something else, or that are said to be shared where `shares` says that the file shares nothing:
    /// libhdf5 looks for them all the same.
    ///
    /// # Errors
    /// `Store` for such attributes.
    pub(super) fn require_attributes(&self, raw: &Raw<'_>, shares: impl Fn() -> bool) -> Result<()> {
        self.require_heap(raw, 8)?;
        self.require_order(raw, IN_ORDER)?;
        self.names(raw)?.records(raw, |record, node| match record.get(8) {
            Some(flags) if flags & SHARED != 0 && !shares() => {
                Err(raw.corrupt(node, "an attribute that is said to be shared, in a file that shares nothing"))
            }
            _ => Ok(()),
        })
    }

    /// Refuses links whose trees are of something else.
    ///
    /// # Errors
    /// `Store` for such links.
    pub(super) fn require_links(&self, raw: &Raw<'_>) -> Result<()> {
        self.require_heap(raw, 7)?;
        self.require_order(raw, LINKS_IN_ORDER)?;
        tree(raw, self.by_name, LINKS_BY_NAME)?.records(raw, |_, _| Ok(()))
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
