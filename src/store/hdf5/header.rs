//! File bytes → where a dataset's data are: superblock, object header (versions 1 and 2), layout message.
//!
//! libhdf5 tells where a header starts; this reads what it does not tell: the address and kind of the chunk
//! index. Every length is checked against the file before anything is allocated.
//! Source: HDF5 File Format Specification 3.0, sections II.A, IV.A.1, IV.A.2.i.

use super::place::{Bytes, Place};
use crate::error::{Error, Result};

/// The address that means "nowhere".
pub(super) const UNDEFINED: u64 = u64::MAX;
/// What every HDF5 file has at 0, 512, 1024, 2048, …
pub(crate) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
/// Headers are small; more is a lie.
const HEADER_BYTES_MAX: usize = 16 << 20;

/// Who has a file open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// Nobody.
    No,
    /// One that lets others read meanwhile.
    Swmr,
    /// One that does not, or that never closed the file.
    Alone,
}

/// Who has the file open for writing; nobody where that cannot be told.
pub(super) fn writing(place: &Place) -> Writing {
    let found = place.bytes().map_err(|e| Error::store_io("", "opening", &e)).and_then(|file| Raw::open("", &*file)?.writing());
    found.unwrap_or(Writing::No)
}

/// Drivers that write one file of HDF5 as several: what they leave behind the superblock of the first, and what they are called.
const DRIVERS: [(&[u8], &str); 2] = [(b"NCSAmult", "multi or split"), (b"NCSAfami", "family")];
/// So far behind the superblock that stands at most.
const DRIVER_BYTES: usize = 4096;

/// The driver that wrote a file as the first of several.
pub(super) fn driver(place: &Place) -> Option<&'static str> {
    let file = place.bytes().ok()?;
    let raw = Raw::open("", &*file).ok()?;
    let mut start = vec![0; DRIVER_BYTES.min((raw.len - raw.base) as usize)];
    file.read_exact_at(&mut start, raw.base).ok()?;
    DRIVERS.iter().find(|(mark, _)| start.windows(mark.len()).any(|bytes| bytes == *mark)).map(|(_, name)| *name)
}

/// A file's raw bytes, with addresses as HDF5 counts them.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    pub(super) address: &'a str,
    pub(super) file: &'a dyn Bytes,
    /// Length of the file.
    pub(super) len: u64,
    /// What HDF5's addresses are counted from: the end of the userblock.
    pub(super) base: u64,
    /// Bytes of an address.
    pub(super) offset_bytes: usize,
    /// Bytes of a length.
    pub(super) length_bytes: usize,
}

impl<'a> Raw<'a> {
    /// Finds the superblock: at 0, 512, 1024, 2048, …
    pub(super) fn open(address: &'a str, file: &'a dyn Bytes) -> Result<Raw<'a>> {
        let len = file.len().map_err(|e| Error::store_io(address, "reading the file's length", &e))?;
        let mut raw = Raw { address, file, len, base: 0, offset_bytes: 8, length_bytes: 8 };
        let mut at = 0u64;
        while at + 16 <= len {
            let start = raw.bytes(at, 16, "superblock")?;
            if start.starts_with(SIGNATURE) {
                let (offset, length) = if start[8] < 2 { (start[13], start[14]) } else { (start[9], start[10]) };
                if ![2, 4, 8].contains(&offset) || ![2, 4, 8].contains(&length) {
                    return Err(raw.corrupt(at, &format!("addresses of {offset} and lengths of {length} bytes; expected 2, 4 or 8")));
                }
                (raw.base, raw.offset_bytes, raw.length_bytes) = (at, offset.into(), length.into());
                return Ok(raw);
            }
            at = if at == 0 { 512 } else { at * 2 };
        }
        Err(Error::store(address, format!("not an HDF5 file: no signature in its {len} bytes")))
    }

    /// Who has the file open for writing, by its superblock.
    fn writing(&self) -> Result<Writing> {
        const WRITE: u8 = 1;
        const SWMR: u8 = 4;
        let start = self.bytes(0, 16, "superblock")?;
        Ok(match (start[8], start[11] & WRITE != 0, start[11] & SWMR != 0) {
            // Before version 3 nobody says.
            (0..=2, ..) | (_, false, false) => Writing::No,
            (_, true, true) => Writing::Swmr,
            _ => Writing::Alone,
        })
    }

    /// An error that names the place.
    pub(super) fn corrupt(&self, at: u64, what: &str) -> Error {
        Error::store(self.address, format!("the file is corrupt at byte {}: {what}", at.saturating_add(self.base)))
    }

    /// Whether the file has so many bytes, or has them by now: a SWMR writer appends to it.
    pub(super) fn has(&self, end: u64) -> bool {
        end <= self.len || self.file.len().is_ok_and(|now| end <= now)
    }

    /// `len` bytes at HDF5 address `at`.
    pub(super) fn bytes(&self, at: u64, len: usize, what: &str) -> Result<Vec<u8>> {
        let start = at.checked_add(self.base).filter(|s| s.checked_add(len as u64).is_some_and(|end| self.has(end)));
        let Some(start) = start else {
            return Err(self.corrupt(at, &format!("{what} of {len} bytes reaches past the file's {} bytes", self.len)));
        };
        let mut found = vec![0; len];
        self.file
            .read_exact_at(&mut found, start)
            .map_err(|e| Error::store_io(self.address, &format!("reading {what} at byte {start}"), &e))?;
        Ok(found)
    }

    /// Reads a block whose last four bytes are a checksum of the rest.
    pub(super) fn checked(&self, at: u64, len: usize, what: &str) -> Result<Vec<u8>> {
        let mut found = self.bytes(at, len, what)?;
        let sum = found.split_off(len.saturating_sub(4));
        if super::checksum::lookup3(&found).to_le_bytes()[..] != sum[..] {
            return Err(self.corrupt(at, &format!("{what}: the checksum does not match")));
        }
        Ok(found)
    }

    /// A reader of `bytes`, which came from `at`.
    pub(super) fn cursor<'b>(&'b self, bytes: &'b [u8], at: u64) -> Cursor<'b> {
        Cursor { raw: self, bytes, used: 0, at }
    }
}

/// Little-endian numbers from bytes, never past their end.
pub(super) struct Cursor<'a> {
    raw: &'a Raw<'a>,
    bytes: &'a [u8],
    used: usize,
    at: u64,
}

impl<'a> Cursor<'a> {
    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.used.checked_add(n).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(self.raw.corrupt(self.at, "a record is cut short"));
        };
        let found = &self.bytes[self.used..end];
        self.used = end;
        Ok(found)
    }
    /// A number of `n` ≤ 8 bytes.
    pub(super) fn number(&mut self, n: usize) -> Result<u64> {
        let mut wide = [0; 8];
        wide[..n].copy_from_slice(self.take(n)?);
        Ok(u64::from_le_bytes(wide))
    }
    /// One byte.
    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }
    /// Four bytes.
    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(self.number(4)? as u32)
    }
    /// An address; all ones, at any width, is [`UNDEFINED`].
    pub(super) fn offset(&mut self) -> Result<u64> {
        let n = self.raw.offset_bytes;
        let value = self.number(n)?;
        let all = if n == 8 { u64::MAX } else { (1 << (8 * n)) - 1 };
        Ok(if value == all { UNDEFINED } else { value })
    }
    /// A length.
    pub(super) fn length(&mut self) -> Result<u64> {
        self.number(self.raw.length_bytes)
    }
    /// Checks the next bytes.
    pub(super) fn expect(&mut self, signature: &[u8], what: &str) -> Result<()> {
        if self.take(signature.len())? != signature {
            return Err(self.raw.corrupt(self.at, &format!("expected {what}")));
        }
        Ok(())
    }
    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.used
    }
}

/// The kinds of chunk index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexKind {
    /// Version 1 B-tree.
    BTree1,
    /// One chunk; with filters its stored size and filter mask.
    Single(Option<(u64, u32)>),
    /// All chunks one after the other.
    Implicit,
    /// Fixed array.
    Fixed,
    /// Extensible array.
    Extensible,
    /// Version 2 B-tree.
    BTree2,
}

/// The layout message of a chunked dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChunkLayout {
    pub(super) kind: IndexKind,
    /// Address of the index.
    pub(super) at: u64,
    /// Whether chunks that the edge cuts are stored without filters.
    pub(super) plain_edges: bool,
    /// Whether the index has stored sizes at the width of the file's lengths, as chunks of 4 GiB and more need it.
    pub(super) wide_sizes: bool,
}

/// Reads the layout of the chunked dataset whose header is at `at`.
pub(super) fn chunk_layout(raw: &Raw<'_>, at: u64) -> Result<ChunkLayout> {
    let message = layout_message(raw, at)?;
    let mut c = raw.cursor(&message, at);
    let version = c.u8()?;
    match version {
        1 | 2 => {
            c.take(1)?;
            let class = c.u8()?;
            c.take(5)?;
            require_chunked(raw, at, class)?;
            Ok(ChunkLayout { kind: IndexKind::BTree1, at: c.offset()?, plain_edges: false, wide_sizes: false })
        }
        3 => {
            require_chunked(raw, at, c.u8()?)?;
            c.take(1)?;
            Ok(ChunkLayout { kind: IndexKind::BTree1, at: c.offset()?, plain_edges: false, wide_sizes: false })
        }
        4 | 5 => {
            require_chunked(raw, at, c.u8()?)?;
            let (flags, rank, width) = (c.u8()?, c.u8()?, c.u8()?);
            c.take(usize::from(rank) * usize::from(width))?;
            let kind = match c.u8()? {
                1 if flags & 2 != 0 => IndexKind::Single(Some((c.length()?, c.u32()?))),
                1 => IndexKind::Single(None),
                2 => IndexKind::Implicit,
                3 => {
                    c.take(1)?;
                    IndexKind::Fixed
                }
                4 => {
                    c.take(5)?;
                    IndexKind::Extensible
                }
                5 => {
                    c.take(6)?;
                    IndexKind::BTree2
                }
                other => return Err(raw.corrupt(at, &format!("unknown kind {other} of chunk index"))),
            };
            Ok(ChunkLayout { kind, at: c.offset()?, plain_edges: flags & 1 != 0, wide_sizes: version == 5 })
        }
        other => Err(Error::store(
            raw.address,
            format!("data layout version {other} is newer than this program knows (1 to 5); rewrite the file with `h5repack --high=2`"),
        )),
    }
}

fn require_chunked(raw: &Raw<'_>, at: u64, class: u8) -> Result<()> {
    if class == 2 { Ok(()) } else { Err(raw.corrupt(at, &format!("layout class {class} where chunks were expected"))) }
}

const CONTINUATION: u64 = 0x10;
/// The message of a data layout.
pub(super) const LAYOUT: u64 = 0x08;

/// The body of the layout message.
fn layout_message(raw: &Raw<'_>, at: u64) -> Result<Vec<u8>> {
    let layout = messages(raw, at, |message| match message.kind {
        LAYOUT if message.is_shared => Err(raw.corrupt(message.block, "a shared layout message")),
        LAYOUT => Ok(Some(message.body.to_vec())),
        _ => Ok(None),
    })?;
    layout.ok_or_else(|| raw.corrupt(at, "the object header holds no data layout"))
}

/// A message of an object header.
pub(super) struct Message<'a> {
    pub(super) kind: u64,
    /// Whether the body only says where it is.
    pub(super) is_shared: bool,
    pub(super) body: &'a [u8],
    /// The block that holds it.
    block: u64,
}

/// Shows the messages of the object header at `at` until `visit` gives something; nothing where it never does.
///
/// # Errors
/// `Store` for a header that is damaged, and those of `visit`.
pub(super) fn messages<T>(raw: &Raw<'_>, at: u64, mut visit: impl FnMut(Message<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let start = raw.bytes(at, 16, "object header")?;
    let v2 = start.starts_with(b"OHDR");
    let flags = if v2 { start[5] } else { 0 };
    let (first, len) = if v2 {
        let skip = 6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
        let width = 1usize << (flags & 3);
        let sizes = raw.bytes(at + skip, width, "object header")?;
        (at + skip + width as u64, raw.cursor(&sizes, at).number(width)?)
    } else if start[0] == 1 {
        (at + 16, raw.cursor(&start[8..12], at).number(4)?)
    } else {
        return Err(raw.corrupt(at, "expected an object header"));
    };
    let mut blocks = vec![(first, len)];
    let mut total = 0usize;
    let mut next = 0;
    while next < blocks.len() {
        let (block, len) = blocks[next];
        next += 1;
        total = total.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        if total > HEADER_BYTES_MAX || blocks.len() > 4096 {
            return Err(raw.corrupt(at, "an object header that does not end"));
        }
        let mut bytes = raw.bytes(block, len as usize, "object header block")?;
        let mut from = block;
        if v2 && next > 1 {
            // Continuation blocks of version 2 carry a signature and a checksum.
            if !bytes.starts_with(b"OCHK") || bytes.len() < 8 {
                return Err(raw.corrupt(block, "expected an object header continuation"));
            }
            bytes.truncate(bytes.len() - 4);
            bytes.drain(..4);
            from += 4;
        }
        let mut c = raw.cursor(&bytes, from);
        let prefix = if !v2 {
            8
        } else if flags & 4 != 0 {
            6
        } else {
            4
        };
        while c.left() >= prefix {
            let kind = if v2 { u64::from(c.u8()?) } else { c.number(2)? };
            let size = c.number(2)? as usize;
            let message_flags = c.u8()?;
            c.take(prefix - if v2 { 4 } else { 5 })?;
            let body = c.take(size)?;
            if kind == CONTINUATION {
                let mut place = raw.cursor(body, block);
                let (at, len) = (place.offset()?, place.length()?);
                blocks.push((at, len));
            } else if let Some(found) = visit(Message { kind, is_shared: message_flags & 2 != 0, body, block })? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}
