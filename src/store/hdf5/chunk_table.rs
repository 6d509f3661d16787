//! Chunks in any order → a compact table of them, checked against the file and against what libhdf5 counts.

use super::header::{Raw, UNDEFINED};
use crate::error::Result;
use crate::grid::ravel;

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
    /// Bytes of a stored size in the index; 0 where all are `chunk_bytes`.
    pub(super) size_bytes: usize,
    /// Whether the dataset has filters.
    pub(super) filtered: bool,
    /// The largest stored size that is believed, and the least of a chunk to which all filters were applied.
    pub(super) stored_max: u64,
    pub(super) stored_min: u64,
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
    pub(super) raw: &'a Raw<'a>,
    pub(super) grid: &'a Grid<'a>,
    table: Index,
    seen: Known,
}

impl<'a> Found<'a> {
    pub(super) fn new(raw: &'a Raw<'a>, grid: &'a Grid<'a>) -> Found<'a> {
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
        let inside = start.is_some_and(|s| s.checked_add(len).is_some_and(|end| self.raw.has(end)));
        if !inside {
            let what = format!(
                "chunk {place:?} is said to have {len} bytes at byte {}, past the file's {} bytes (a truncated file?)",
                at.saturating_add(self.raw.base),
                self.raw.len
            );
            return Err(self.raw.corrupt(from, &what));
        }
        let is_short = mask == 0 && len < self.grid.stored_min;
        if is_short || len > self.grid.stored_max || (!self.grid.filtered && len != u64::from(self.grid.chunk_bytes)) {
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
    pub(super) fn table(mut self) -> Result<Option<Index>> {
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
