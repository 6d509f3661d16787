//! Chunk index in the file → a compact table: address, stored size and filter mask of every chunk.
//!
//! Read once when a dataset is opened; libhdf5 1.10 would need minutes for 10⁵ chunks, but counts them quickly,
//! and its count must be ours. Nodes are visited once each, depths only fall and counts are bounded by the grid, so no pointer in the file can make a
//! walk endless or the table larger than the file.
//! Source: HDF5 File Format Specification 3.0, sections III.A.1 (B-tree v1), III.A.2 (v2), VII (indexes).

use super::arrays;
use super::btree2;
use super::chunk_table::{Found, Grid, Index};
use super::header::{ChunkLayout, IndexKind, Raw, UNDEFINED};
use crate::error::Result;
use std::collections::HashSet;

/// Reads the whole index; `None` where it holds other chunks than libhdf5 counts: then one of the two walks is
/// wrong, and chunks that are missed would be read as the fill value.
pub(super) fn read(raw: &Raw<'_>, layout: &ChunkLayout, grid: &Grid<'_>) -> Result<Option<Index>> {
    let mut found = Found::new(raw, grid);
    if layout.at == UNDEFINED {
        return found.table();
    }
    match layout.kind {
        IndexKind::BTree1 => btree1(&mut found, layout.at)?,
        IndexKind::Single(stored) => {
            let (len, mask) = stored.unwrap_or((grid.chunk_bytes.into(), 0));
            found.add(&vec![0; grid.counts.len()], layout.at, len, mask, layout.at)?;
        }
        IndexKind::Implicit => {
            let counts = grid.counts_max.clone();
            let all = crate::grid::element_count(&counts).and_then(|n| n.checked_mul(grid.chunk_bytes.into()));
            let end = all.and_then(|n| n.checked_add(raw.base)).and_then(|n| n.checked_add(layout.at));
            if end.is_none_or(|end| !raw.has(end)) {
                return Err(raw.corrupt(layout.at, "chunks reach past the end of the file (a truncated file?)"));
            }
            return Ok(Some(Index::Implicit { at: layout.at + raw.base, len: grid.chunk_bytes, counts }));
        }
        IndexKind::Fixed => arrays::fixed(raw, grid, layout.at, &mut found)?,
        IndexKind::Extensible => arrays::extensible(raw, grid, layout.at, &mut found)?,
        IndexKind::BTree2 => btree2(&mut found, layout.at)?,
    }
    found.table()
}

fn btree1(found: &mut Found<'_>, root: u64) -> Result<()> {
    let (raw, rank) = (found.raw, found.grid.counts.len());
    let key = 8 + 8 * (rank + 1);
    let prefix = 8 + 2 * raw.offset_bytes;
    let mut seen = HashSet::new();
    // (address, the level it must have)
    let mut open = vec![(root, None::<u8>)];
    while let Some((at, want)) = open.pop() {
        if !seen.insert(at) {
            return Err(raw.corrupt(at, "the chunk index points to one node twice"));
        }
        let head = raw.bytes(at, prefix, "chunk index node")?;
        let mut c = raw.cursor(&head, at);
        c.expect(b"TREE", "a chunk index node (TREE)")?;
        let (kind, level, used) = (c.u8()?, c.u8()?, c.number(2)? as usize);
        if kind != 1 || want.is_some_and(|want| want != level) {
            let expected = want.map_or(String::new(), |want| format!(" and level {want}"));
            return Err(raw.corrupt(at, &format!("a chunk index node of kind {kind} and level {level}, expected kind 1{expected}")));
        }
        let body = raw.bytes(at + prefix as u64, used * (key + raw.offset_bytes), "chunk index node")?;
        let mut c = raw.cursor(&body, at);
        let first = open.len();
        for _ in 0..used {
            let (len, mask) = (c.u32()?, c.u32()?);
            let mut place = Vec::with_capacity(rank);
            for &n in found.grid.chunk {
                let start = c.number(8)?;
                if start % n != 0 {
                    return Err(raw.corrupt(at, &format!("a chunk at element {start} where chunks have {n}")));
                }
                place.push(start / n);
            }
            c.number(8)?;
            let child = c.offset()?;
            if level == 0 {
                found.add(&place, child, len.into(), mask, at)?;
            } else {
                open.push((child, Some(level - 1)));
            }
        }
        // Left to right, so that chunks come out in order.
        open[first..].reverse();
    }
    Ok(())
}

/// Records of a chunk without filters, and of one with them.
const PLAIN: u8 = 10;
const FILTERED: u8 = 11;

/// Bytes of a stored size in an index of filtered chunks that have `chunk_bytes`, as libhdf5 writes and reads them; in trees of version 1
/// they are always four.
pub(super) fn size_bytes(raw: &Raw<'_>, layout: &ChunkLayout, chunk_bytes: u32) -> usize {
    // a stored chunk may be longer than a decoded one
    if layout.wide_sizes { raw.length_bytes } else { 1 + (chunk_bytes.max(1).ilog2() as usize + 8) / 8 }
}

/// Refuses an index that libhdf5 would not come back from: it takes the memory of a tree's node before it looks whether the file has it,
/// believes the kind and the width of its records, and looks at each chunk that an array is said to have. A stored size takes
/// `size_bytes`, 0 without filters.
///
/// # Errors
/// `Store` for such an index.
pub(super) fn require(raw: &Raw<'_>, layout: &ChunkLayout, counts: &[u64], counts_max: &[u64], size_bytes: usize) -> Result<()> {
    match layout.kind {
        _ if layout.at == UNDEFINED => Ok(()),
        IndexKind::BTree2 => chunk_tree(raw, layout.at, counts.len(), size_bytes).map(drop),
        IndexKind::Extensible => arrays::require_extensible(raw, layout.at, counts, counts_max, size_bytes),
        IndexKind::Fixed => arrays::require_fixed(raw, layout.at, counts_max, size_bytes),
        _ => Ok(()),
    }
}

/// The tree of the chunks of a dataset of `rank` axes, whose stored sizes take `size_bytes`.
///
/// # Errors
/// `Store` for a tree of something else.
fn chunk_tree(raw: &Raw<'_>, at: u64, rank: usize, size_bytes: usize) -> Result<btree2::Tree> {
    let tree = btree2::Tree::open(raw, at)?;
    let expected = match size_bytes {
        0 => (PLAIN, raw.offset_bytes + 8 * rank),
        n => (FILTERED, raw.offset_bytes + n + 4 + 8 * rank),
    };
    if (tree.kind, tree.record_bytes) == expected {
        return Ok(tree);
    }
    let (kind, record) = expected;
    let what = format!("B-tree records of kind {} and {} bytes, expected kind {kind} and {record}", tree.kind, tree.record_bytes);
    Err(raw.corrupt(at, &what))
}

fn btree2(found: &mut Found<'_>, at: u64) -> Result<()> {
    let (raw, rank) = (found.raw, found.grid.counts.len());
    let tree = chunk_tree(raw, at, rank, found.grid.size_bytes)?;
    tree.records(raw, |record, node| {
        let mut c = raw.cursor(record, node);
        let address = c.offset()?;
        let (len, mask) = match found.grid.size_bytes {
            0 => (found.grid.chunk_bytes.into(), 0),
            n => (c.number(n)?, c.u32()?),
        };
        let place: Vec<u64> = (0..rank).map(|_| c.number(8)).collect::<Result<_>>()?;
        found.add(&place, address, len, mask, node)
    })
}
