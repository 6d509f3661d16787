//! Local heaps → whether libhdf5 comes to the end of one's free space: it goes round for ever where a free block names one before it, and
//! takes memory for each (`H5HLcache.c`, 2.x).
//!
//! Names of the links of old groups are there, and those of external files.
//! Source: HDF5 File Format Specification 3.0, section III.D.

use super::header::Raw;
use crate::error::Result;

/// The offset that says that no free block follows.
const LAST: u64 = 1;

/// Refuses the heap whose prefix is at `at` if its free blocks have no last one. What is damaged otherwise libhdf5 finds.
///
/// # Errors
/// `Store` for such a heap.
pub(super) fn require_end(raw: &Raw<'_>, at: u64) -> Result<()> {
    let Ok((first, heap)) = prefix(raw, at) else { return Ok(()) };
    let next = |block: u64| {
        let place = raw.bytes(heap.at.saturating_add(block), raw.length_bytes, "a free block of a local heap").ok()?;
        let inside = block.saturating_add(2 * raw.length_bytes as u64) <= heap.bytes;
        raw.cursor(&place, heap.at).length().ok().filter(|_| inside && block != LAST)
    };
    // Two walks, of which one is twice as fast: it meets the other where it goes round.
    let (mut slow, mut fast) = (Some(first), Some(first));
    while let Some(block) = fast {
        slow = slow.and_then(next);
        fast = next(block).and_then(next);
        if fast.is_some() && fast == slow {
            return Err(raw.corrupt(at, "free blocks without a last one in a local heap"));
        }
    }
    Ok(())
}

/// The block of a heap that holds its names.
struct Names {
    at: u64,
    bytes: u64,
}

/// The first free block, and what it is in.
fn prefix(raw: &Raw<'_>, at: u64) -> Result<(u64, Names)> {
    let head = raw.bytes(at, 8 + 2 * raw.length_bytes + raw.offset_bytes, "a local heap")?;
    let mut c = raw.cursor(&head, at);
    c.expect(b"HEAP", "a local heap (HEAP)")?;
    c.take(4)?;
    let (bytes, first) = (c.length()?, c.length()?);
    Ok((first, Names { at: c.offset()?, bytes }))
}
