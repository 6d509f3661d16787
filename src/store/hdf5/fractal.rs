//! Fractal heaps → the bytes of their objects: where attributes in dense storage are.
//!
//! Blocks are numbered along rows of `width` each. Those of the first two rows have the same length, those of each further row twice that of
//! the row before; from some row on they are indirect blocks, which have rows of their own. An object is named by its offset in all of them.
//! Source: HDF5 File Format Specification 3.0, section III.G; widths of identifiers as `H5HFhdr.c` of libhdf5 2.x has them.

use super::btree2::Tree;
use super::header::{Cursor, Raw, UNDEFINED};
use crate::error::Result;

/// Objects are attributes, which are less than 64 KiB, but for those that heaps call huge.
const OBJECT_BYTES_MAX: u64 = 64 << 20;
/// Records of huge objects: address, length, number.
const HUGE: u8 = 1;

/// A heap, by its header.
#[derive(Debug)]
pub(super) struct Heap {
    /// Bytes by which an object is named.
    pub(super) id_bytes: usize,
    /// The B-tree of huge objects.
    huge: u64,
    /// Blocks of a row.
    width: u64,
    /// Bytes of a block of the first row, and of the largest direct block.
    start_bytes: u64,
    direct_bytes_max: u64,
    offset_bytes: usize,
    object_len_bytes: usize,
    root: u64,
    /// Rows of the root; none where it is a direct block.
    rows: u64,
}

impl Heap {
    /// The heap whose header is at `at`; nothing for one with filters, which those of attributes never have.
    ///
    /// # Errors
    /// `Store` for a header that is damaged.
    pub(super) fn open(raw: &Raw<'_>, at: u64) -> Result<Option<Heap>> {
        let (o, l) = (raw.offset_bytes, raw.length_bytes);
        let len = 4 + 1 + 2 + 2 + 1 + 4 + l + o + l + o + 8 * l + 2 + l + l + 2 + 2 + o + 2 + 4;
        let head = raw.bytes(at, len, "fractal heap")?;
        let mut c = raw.cursor(&head, at);
        c.expect(b"FRHP\0", "a fractal heap (FRHP)")?;
        let id_bytes = c.number(2)? as usize;
        if c.number(2)? > 0 {
            return Ok(None);
        }
        c.take(1)?;
        let managed_bytes_max = u64::from(c.u32()?);
        c.take(l)?;
        let huge = c.offset()?;
        c.take(l + o + 8 * l)?;
        let (width, start_bytes, direct_bytes_max, bits) = (c.number(2)?, c.length()?, c.length()?, c.number(2)?);
        c.take(2)?;
        let (root, rows) = (c.offset()?, c.number(2)?);
        let sizes = [start_bytes, direct_bytes_max, width];
        // libhdf5 takes memory for so many rows, and fills what it has
        let have_lengths = sizes.iter().all(|size| size.is_power_of_two() && *size <= 1 << 31) && start_bytes <= direct_bytes_max;
        let rows_max = || (bits + 1).checked_sub(u64::from(start_bytes.ilog2() + width.ilog2()));
        let holds_direct = || bits >= u64::from(direct_bytes_max.ilog2()) && rows_max().is_some_and(|most| most > 0 && rows <= most);
        if !have_lengths || bits > 64 || managed_bytes_max == 0 || !holds_direct() {
            return Err(raw.corrupt(at, "a fractal heap whose blocks have no lengths"));
        }
        let of_bits = |bits: u32| bits.div_ceil(8) as usize;
        let object_len_bytes = of_bits(direct_bytes_max.ilog2()).min(managed_bytes_max.ilog2() as usize / 8 + 1);
        Ok(Some(Heap {
            id_bytes,
            huge,
            width,
            start_bytes,
            direct_bytes_max,
            offset_bytes: of_bits(bits as u32),
            object_len_bytes,
            root,
            rows,
        }))
    }

    /// Shows each object that is too large for blocks.
    pub(super) fn each_huge(&self, raw: &Raw<'_>, mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.huge == UNDEFINED {
            return Ok(());
        }
        let tree = Tree::open(raw, self.huge)?;
        if tree.kind != HUGE {
            return Ok(());
        }
        tree.records(raw, |record, node| {
            let mut c = raw.cursor(record, node);
            let (at, len) = (c.offset()?, c.length()?);
            if len > OBJECT_BYTES_MAX {
                return Err(raw.corrupt(node, &format!("an object of {len} bytes in a heap")));
            }
            visit(&raw.bytes(at, len as usize, "an object of a fractal heap")?)
        })
    }

    /// The bytes of the object with this identifier, which `id` starts with; nothing for one that is huge.
    pub(super) fn object(&self, raw: &Raw<'_>, id: &mut Cursor<'_>) -> Result<Option<Vec<u8>>> {
        let first = id.u8()?;
        match first >> 4 & 3 {
            0 => {}
            // In the identifier itself: those of attributes have eight bytes.
            2 => return Ok(Some(id.take(usize::from(first & 15) + 1)?.to_vec())),
            _ => return Ok(None),
        }
        let (offset, len) = (id.number(self.offset_bytes)?, id.number(self.object_len_bytes)?);
        let Some((block, inside)) = self.block(raw, offset)? else { return Ok(None) };
        raw.bytes(block.saturating_add(inside), len as usize, "an object of a fractal heap").map(Some)
    }

    /// The direct block at an offset, and how far inside of it that is.
    fn block(&self, raw: &Raw<'_>, offset: u64) -> Result<Option<(u64, u64)>> {
        let (mut at, mut rows, mut left) = (self.root, self.rows, offset);
        while rows > 0 && at != UNDEFINED {
            // Bytes of all blocks before a row are those of the first row, doubled for each row after it.
            let first_row = self.start_bytes.saturating_mul(self.width);
            let row = if left < first_row { 0 } else { u64::from((left / first_row).ilog2()) + 1 };
            let before = if row == 0 { 0 } else { first_row.saturating_mul(1 << (row - 1)) };
            let bytes = self.start_bytes.saturating_mul(1 << row.saturating_sub(1));
            if row >= rows {
                return Err(raw.corrupt(at, &format!("an object at byte {offset} of a heap that ends before it")));
            }
            let n = row * self.width + (left - before) / bytes;
            left = (left - before) % bytes;
            // Direct blocks first, then indirect ones; all are addresses.
            let entry = (4 + 1 + raw.offset_bytes + self.offset_bytes) as u64 + n * raw.offset_bytes as u64;
            let head = raw.bytes(at, 5, "an indirect block of a heap")?;
            raw.cursor(&head, at).expect(b"FHIB\0", "an indirect block of a heap (FHIB)")?;
            let place = raw.bytes(at.saturating_add(entry), raw.offset_bytes, "an indirect block of a heap")?;
            let child = raw.cursor(&place, at).offset()?;
            // Rows become fewer, so this ends.
            let inner = if bytes > self.direct_bytes_max { u64::from((bytes / first_row).checked_ilog2().unwrap_or(0)) + 1 } else { 0 };
            if inner >= rows {
                return Err(raw.corrupt(at, "an indirect block of a heap inside of one that is no larger"));
            }
            (at, rows) = (child, inner);
        }
        Ok((at != UNDEFINED).then_some((at, left)))
    }
}
