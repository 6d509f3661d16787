//! Chunk index in the file → a compact table: address, stored size and filter mask of every chunk.
//!
//! Read once when a dataset is opened; libhdf5 1.10 would need minutes for 10⁵ chunks, but counts them quickly,
//! and its count must be ours. Nodes are visited once each, depths only fall and counts are bounded by the grid, so no pointer in the file can make a
//! walk endless or the table larger than the file.
//! Source: HDF5 File Format Specification 3.0, sections III.A.1 (B-tree v1), III.A.2 (v2), VII (indexes).

use super::arrays;
use super::header::{ChunkLayout, IndexKind, Raw, UNDEFINED};
use crate::error::Result;
use crate::grid::ravel;
use std::collections::HashSet;

/// Where one chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Byte in the file, the userblock included.
    pub(super) at: u64,
    /// Stored bytes.
    pub(super) len: u32,
    /// Bit i set: filter i was skipped.
    pub(super) mask: u32,
}

/// All chunks that are stored.
#[derive(Debug)]
pub(super) enum Index {
    /// By C-order number of the chunk.
    Dense(Dense),
    /// Chunks in the order of their numbers.
    Sparse(Vec<Numbered>),
    /// All there, one after the other, numbered in a grid of these counts.
    Implicit {
        /// Byte in the file of the first.
        at: u64,
        /// Bytes of each.
        len: u32,
        /// Chunks along each axis at the dataset's largest extent.
        counts: Vec<u64>,
    },
}

/// A place for every chunk of the grid: 8 bytes a chunk, 12 where stored sizes differ.
#[derive(Debug, Default)]
pub(super) struct Dense {
    /// Bytes in the file; [`UNDEFINED`] where a chunk was never written.
    at: Vec<u64>,
    /// Stored bytes; empty where all have `len`.
    lens: Vec<u32>,
    len: u32,
    /// Masks; empty until a chunk skips a filter.
    masks: Vec<u32>,
}

impl Dense {
    fn get(&self, number: usize) -> Option<Entry> {
        let at = *self.at.get(number).filter(|&&at| at != UNDEFINED)?;
        let len = self.lens.get(number).copied().unwrap_or(self.len);
        Some(Entry { at, len, mask: self.masks.get(number).copied().unwrap_or(0) })
    }
    /// Whether the place was free.
    fn set(&mut self, number: usize, entry: Entry) -> bool {
        if self.at[number] != UNDEFINED {
            return false;
        }
        self.at[number] = entry.at;
        if let Some(len) = self.lens.get_mut(number) {
            *len = entry.len;
        }
        if entry.mask != 0 {
            self.masks.resize(self.at.len(), 0);
            self.masks[number] = entry.mask;
        }
        true
    }
    fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.at.len()).filter_map(|number| self.get(number))
    }
}

/// A chunk of a grid most of which was never written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    number: u64,
    entry: Entry,
}

impl Index {
    /// The chunk at `place` in a grid of `counts`; `None` where it was never written.
    pub(super) fn get(&self, place: &[u64], counts: &[u64]) -> Option<Entry> {
        match self {
            Index::Dense(dense) => dense.get(ravel(place, counts) as usize),
            Index::Sparse(chunks) => chunks.binary_search_by_key(&ravel(place, counts), |chunk| chunk.number).ok().map(|i| chunks[i].entry),
            Index::Implicit { at, len, counts } => {
                // The grid has no axes inside of an element.
                let number = ravel(&place[..counts.len()], counts);
                Some(Entry { at: at + number * u64::from(*len), len: *len, mask: 0 })
            }
        }
    }
    /// Bytes it keeps in memory.
    pub(super) fn resident_bytes(&self) -> u64 {
        match self {
            Index::Dense(dense) => (8 * dense.at.capacity() + 4 * (dense.lens.capacity() + dense.masks.capacity())) as u64,
            Index::Sparse(chunks) => (chunks.capacity() * size_of::<Numbered>()) as u64,
            Index::Implicit { counts, .. } => 8 * counts.len() as u64,
        }
    }
    /// The largest stored size, and the sum of all.
    pub(super) fn sizes(&self, chunks: u64) -> (u64, u64) {
        let of = |(most, sum): (u64, u64), e: Entry| (most.max(e.len.into()), sum + u64::from(e.len));
        match self {
            Index::Dense(dense) => dense.entries().fold((0, 0), of),
            Index::Sparse(found) => found.iter().map(|chunk| chunk.entry).fold((0, 0), of),
            Index::Implicit { len, .. } => (u64::from(*len), u64::from(*len).saturating_mul(chunks)),
        }
    }
}

/// The grid whose chunks are indexed.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    /// Chunk lengths.
    pub(super) chunk: &'a [u64],
    /// Chunks along each axis, now.
    pub(super) counts: &'a [u64],
    /// Chunks along each axis at the largest extent; `u64::MAX` without a limit.
    pub(super) counts_max: Vec<u64>,
    /// Bytes of a chunk, decoded.
    pub(super) chunk_bytes: u32,
    /// Whether the dataset has filters.
    pub(super) filtered: bool,
    /// The largest stored size that is believed.
    pub(super) stored_max: u64,
    /// What libhdf5 counts.
    pub(super) known: Known,
}

/// Chunks that libhdf5 counts in the index, those past the current extents too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// How many.
    pub(super) chunks: u64,
    /// The sum of their stored sizes.
    pub(super) bytes: u64,
}

/// Collects chunks in any order and checks each. The table is made once, at its final length.
pub(super) struct Found<'a> {
    raw: &'a Raw<'a>,
    grid: &'a Grid<'a>,
    table: Index,
    seen: Known,
}

impl<'a> Found<'a> {
    fn new(raw: &'a Raw<'a>, grid: &'a Grid<'a>) -> Found<'a> {
        let total: u64 = grid.counts.iter().product();
        let table = if total <= grid.known.chunks.saturating_mul(2) {
            let lens = if grid.filtered { vec![0; total as usize] } else { Vec::new() };
            Index::Dense(Dense { at: vec![UNDEFINED; total as usize], lens, len: grid.chunk_bytes, masks: Vec::new() })
        } else {
            Index::Sparse(Vec::with_capacity(grid.known.chunks as usize))
        };
        Found { raw, grid, table, seen: Known::default() }
    }

    /// Adds the chunk at `place` in the grid. Places past the current extent are left over from before the
    /// dataset shrank.
    pub(super) fn add(&mut self, place: &[u64], at: u64, len: u64, mask: u32, from: u64) -> Result<()> {
        if at == UNDEFINED {
            return Ok(());
        }
        self.seen.chunks += 1;
        self.seen.bytes = self.seen.bytes.saturating_add(len);
        if self.seen.chunks > self.grid.known.chunks || place.iter().zip(self.grid.counts).any(|(p, n)| p >= n) {
            return Ok(());
        }
        let start = at.checked_add(self.raw.base);
        let inside = start.is_some_and(|s| s.checked_add(len).is_some_and(|end| end <= self.raw.len));
        if !inside {
            let what = format!(
                "chunk {place:?} is said to have {len} bytes at byte {}, past the file's {} bytes (a truncated file?)",
                at.saturating_add(self.raw.base),
                self.raw.len
            );
            return Err(self.raw.corrupt(from, &what));
        }
        if len > self.grid.stored_max || (!self.grid.filtered && len != u64::from(self.grid.chunk_bytes)) {
            let what = format!("chunk {place:?} is said to take {len} bytes; decoded it has {}", self.grid.chunk_bytes);
            return Err(self.raw.corrupt(from, &what));
        }
        let entry = Entry { at: at + self.raw.base, len: len as u32, mask };
        let number = ravel(place, self.grid.counts);
        match &mut self.table {
            Index::Dense(dense) => {
                if !dense.set(number as usize, entry) {
                    return Err(self.raw.corrupt(from, "a chunk is indexed twice"));
                }
            }
            Index::Sparse(chunks) => chunks.push(Numbered { number, entry }),
            Index::Implicit { .. } => {}
        }
        Ok(())
    }

    /// The table, if it holds what libhdf5 counts.
    fn table(mut self) -> Result<Option<Index>> {
        if self.seen != self.grid.known {
            return Ok(None);
        }
        if let Index::Sparse(chunks) = &mut self.table {
            chunks.sort_unstable_by_key(|chunk| chunk.number);
            if let Some(twice) = chunks.windows(2).find(|w| w[0].number == w[1].number) {
                return Err(self.raw.corrupt(twice[1].entry.at.saturating_sub(self.raw.base), "a chunk is indexed twice"));
            }
        }
        Ok(Some(self.table))
    }
}

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
            if end.is_none_or(|end| end > raw.len) {
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

/// Bytes that hold numbers up to `limit`, as libhdf5 counts them.
fn width_of(limit: u64) -> usize {
    limit.max(1).ilog2() as usize / 8 + 1
}

fn btree2(found: &mut Found<'_>, at: u64) -> Result<()> {
    let (raw, rank) = (found.raw, found.grid.counts.len());
    let len = 4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + raw.offset_bytes + 2 + raw.length_bytes + 4;
    let head = raw.checked(at, len, "chunk index header")?;
    let mut c = raw.cursor(&head, at);
    c.expect(b"BTHD\0", "a version 2 B-tree (BTHD)")?;
    let (kind, node, record, depth) = (c.u8()?, c.u32()? as usize, c.number(2)? as usize, c.number(2)? as usize);
    c.take(2)?;
    let (root, used) = (c.offset()?, c.number(2)? as usize);
    let size_bytes = match kind {
        10 if record == raw.offset_bytes + 8 * rank => 0,
        11 if record > raw.offset_bytes + 4 + 8 * rank && record <= raw.offset_bytes + 12 + 8 * rank => {
            record - raw.offset_bytes - 4 - 8 * rank
        }
        _ => return Err(raw.corrupt(at, &format!("B-tree records of kind {kind} and {record} bytes"))),
    };
    // How many records fit a node at each level, and how wide counts of them are stored.
    const PREFIX: usize = 10;
    if node < PREFIX + record || node > 16 << 20 || depth > 32 {
        return Err(raw.corrupt(at, &format!("B-tree nodes of {node} bytes and depth {depth}")));
    }
    let leaf = (node - PREFIX) / record;
    let count_bytes = width_of(leaf as u64);
    let mut total_bytes = vec![0usize];
    let mut total = leaf as u64;
    for level in 1..=depth {
        let pointer = raw.offset_bytes + count_bytes + total_bytes[level - 1];
        let fits = node.saturating_sub(PREFIX + pointer) / (record + pointer);
        total = (fits as u64 + 1).saturating_mul(total).saturating_add(fits as u64);
        total_bytes.push(width_of(total));
    }
    let mut seen = HashSet::new();
    let mut open = if root == UNDEFINED { vec![] } else { vec![(root, used, depth)] };
    while let Some((at, used, level)) = open.pop() {
        if !seen.insert(at) {
            return Err(raw.corrupt(at, "the chunk index points to one node twice"));
        }
        let pointer = raw.offset_bytes + count_bytes + if level > 0 { total_bytes[level - 1] } else { 0 };
        let len = PREFIX + used * record + if level > 0 { (used + 1) * pointer } else { 0 };
        if len > node {
            return Err(raw.corrupt(at, &format!("{used} records in a B-tree node of {node} bytes")));
        }
        let body = raw.checked(at, len, "chunk index node")?;
        let mut c = raw.cursor(&body, at);
        c.expect(if level > 0 { b"BTIN\0" } else { b"BTLF\0" }, "a version 2 B-tree node")?;
        c.take(1)?;
        for _ in 0..used {
            let address = c.offset()?;
            let (len, mask) = match size_bytes {
                0 => (found.grid.chunk_bytes.into(), 0),
                n => (c.number(n)?, c.u32()?),
            };
            let place: Vec<u64> = (0..rank).map(|_| c.number(8)).collect::<Result<_>>()?;
            found.add(&place, address, len, mask, at)?;
        }
        if level > 0 {
            for _ in 0..=used {
                let (child, n) = (c.offset()?, c.number(count_bytes)? as usize);
                c.take(total_bytes[level - 1])?;
                open.push((child, n, level - 1));
            }
        }
    }
    Ok(())
}
