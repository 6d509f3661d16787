//! Chunks of Blosc, version 1 and 2: a header, the starts of the blocks, and in each block one compressed stream, or one for each
//! byte of an element. Filters are undone block by block.
//!
//! Source: the chunk format of C-Blosc2 (README_CHUNK_FORMAT.rst).

use super::bytes::le32;
use super::{blosclz, inner};
use crate::store::bitshuffle::unshuffle_bits;
use crate::store::shuffle::unshuffle;

const HEADER_BYTES: usize = 16;
/// Where both shuffles are said to be on, a header of this length names filters one by one.
const LONG_HEADER_BYTES: usize = 32;
/// Blosc 1 splits no block of longer elements, and none of fewer elements.
const SPLITS_MAX: usize = 16;
const SPLIT_ELEMENTS_MIN: usize = 128;

mod flag {
    pub(super) const SHUFFLE: u8 = 0x01;
    pub(super) const PLAIN: u8 = 0x02;
    pub(super) const BITSHUFFLE: u8 = 0x04;
    pub(super) const DELTA: u8 = 0x08;
    pub(super) const WHOLE_BLOCKS: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x01;
    pub(super) const LAZY: u8 = 0x08;
    pub(super) const INSTRUMENTED: u8 = 0x80;
}

/// One of the things that were done to a block before it was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Shuffle(usize),
    Bitshuffle,
    /// Exclusive or with the element before, in later blocks with the first block.
    Delta,
}

/// The header of a chunk.
#[derive(Debug)]
struct Header {
    version: u8,
    flags: u8,
    size: usize,
    len: usize,
    block: usize,
    header: usize,
    /// These, in the order in which they were done.
    filters: Vec<Filter>,
    /// Of the long header: zeros, NaN, one value.
    special: u8,
}

/// The decoded length that the header at the start of `src` tells, and the bytes of the chunk.
pub(super) fn lengths(src: &[u8]) -> Option<(usize, usize)> {
    Some((le32(src, 4)? as usize, le32(src, 12)? as usize))
}

impl Header {
    fn read(src: &[u8]) -> Result<Header, String> {
        let short = || format!("blosc: {} bytes are too few for a header", src.len());
        let (len, stored) = lengths(src).ok_or_else(short)?;
        let block = le32(src, 8).ok_or_else(short)? as usize;
        let (version, flags, size) = (src[0], src[2], usize::from(src[3]));
        if stored != src.len() {
            return Err(format!("blosc: the header says {stored} bytes, there are {}", src.len()));
        }
        if size == 0 || block == 0 {
            return Err(format!("blosc: elements of {size} bytes in blocks of {block}"));
        }
        let mut found =
            Header { version, flags, size, len, block: block.min(len.max(1)), header: HEADER_BYTES, filters: vec![], special: 0 };
        if flags & (flag::SHUFFLE | flag::BITSHUFFLE) == flag::SHUFFLE | flag::BITSHUFFLE {
            let long = src.get(HEADER_BYTES..LONG_HEADER_BYTES).ok_or_else(short)?;
            found.long(long)?;
        } else if flags & flag::SHUFFLE != 0 {
            found.filters.push(Filter::Shuffle(size));
        } else if flags & flag::BITSHUFFLE != 0 {
            found.filters.push(Filter::Bitshuffle);
        }
        if found.header == HEADER_BYTES && version > 2 && flags & flag::DELTA != 0 {
            found.filters.push(Filter::Delta);
        }
        Ok(found)
    }

    /// Reads the second half of a long header.
    fn long(&mut self, long: &[u8]) -> Result<(), String> {
        self.header = LONG_HEADER_BYTES;
        let (filters, of_filters) = (&long[..6], &long[8..14]);
        // The alpha versions left the last slot as it was.
        let slots = if self.version == 3 { 5 } else { 6 };
        for (&filter, &meta) in filters.iter().zip(of_filters).take(slots) {
            match filter {
                // Truncating the precision of floats is not undone.
                0 | 4 => {}
                1 => self.filters.push(Filter::Shuffle(if meta == 0 { self.size } else { meta.into() })),
                2 => self.filters.push(Filter::Bitshuffle),
                3 => self.filters.push(Filter::Delta),
                other => return Err(format!("blosc2: filter {other} inside is not supported")),
            }
        }
        if self.filters.iter().skip(1).any(|filter| *filter == Filter::Delta) && self.filters[0] != Filter::Delta {
            return Err("blosc2: a delta after another filter is not supported".into());
        }
        let (more, flags) = (long[14], long[15]);
        self.special = flags >> 4 & 7;
        if more != 0 {
            return Err("blosc2: blocks of variable length are not supported".into());
        }
        for (bit, what) in [(flag::DICTIONARY, "a dictionary"), (flag::LAZY, "a lazy chunk"), (flag::INSTRUMENTED, "an instrumented chunk")]
        {
            if flags & bit != 0 {
                return Err(format!("blosc2: {what} is not supported"));
            }
        }
        Ok(())
    }

    /// Streams of a block of `len` bytes.
    fn streams(&self, len: usize) -> usize {
        let always = self.header == LONG_HEADER_BYTES || self.version > 2;
        let usual = self.size <= SPLITS_MAX && self.block / self.size >= SPLIT_ELEMENTS_MIN;
        let split = self.flags & flag::WHOLE_BLOCKS == 0 && len == self.block && (always || usual);
        if split { self.size } else { 1 }
    }

    /// Decodes one stream that fills `dst`.
    fn stream(&self, src: &[u8], dst: &mut [u8]) -> Result<(), String> {
        let codec = self.flags >> 5;
        let made = match codec {
            0 => blosclz::decode(src, dst).ok_or("blosclz finds bad data")?,
            1 => inner::lz4(src, dst)?,
            2 => inner::snappy(src, dst)?,
            3 => inner::zlib(src, dst)?,
            4 => inner::zstd(src, dst)?,
            other => return Err(format!("blosc: codec {other} inside is not supported")),
        };
        if made == dst.len() { Ok(()) } else { Err(format!("blosc: a stream gives {made} bytes, expected {}", dst.len())) }
    }

    /// Decompresses the block at byte `at` of the chunk.
    fn block(&self, src: &[u8], mut at: usize, dst: &mut [u8]) -> Result<(), String> {
        let streams = self.streams(dst.len());
        if !dst.len().is_multiple_of(streams) {
            return Err(format!("blosc: {streams} streams for a block of {} bytes", dst.len()));
        }
        let each = dst.len() / streams;
        for out in dst.chunks_exact_mut(each.max(1)) {
            let from = at;
            let cut = || format!("blosc: a stream at byte {from} of {} is cut short", src.len());
            let len = le32(src, at).ok_or_else(cut)? as i32;
            at += 4;
            match usize::try_from(len) {
                Ok(0) => out.fill(0),
                Ok(len) => {
                    let stored = src.get(at..at + len).ok_or_else(cut)?;
                    at += len;
                    if len == out.len() {
                        out.copy_from_slice(stored);
                    } else {
                        self.stream(stored, out)?;
                    }
                }
                // One byte again and again: the token says so, the length which.
                Err(_) => {
                    let token = *src.get(at).ok_or_else(cut)?;
                    at += 1;
                    match u8::try_from(-i64::from(len)) {
                        Ok(byte) if token & 1 != 0 => out.fill(byte),
                        _ => return Err(format!("blosc: a stream of length {len} and token {token}")),
                    }
                }
            }
        }
        Ok(())
    }

    /// Block `i` of the chunk, its filters undone but for the delta. `work` has room for two.
    fn decode_block(&self, src: &[u8], i: usize, out: &mut [u8], work: &mut [u8]) -> Result<(), String> {
        if self.flags & flag::PLAIN != 0 {
            let at = self.header + i * self.block;
            let plain = src.get(at..at + out.len()).filter(|_| src.len() == self.header + self.len);
            let plain = plain.ok_or_else(|| format!("blosc: {} bytes for {} plain ones", src.len(), self.len))?;
            out.copy_from_slice(plain);
            return Ok(());
        }
        let at = le32(src, self.header + 4 * i).ok_or_else(|| format!("blosc: the start of block {i} is missing"))? as usize;
        let mut moves = self.filters.iter().filter(|filter| **filter != Filter::Delta);
        let Some(first) = moves.next() else { return self.block(src, at, out) };
        if work.len() < 2 * self.block {
            return Err(format!("blosc: blocks of {} bytes in a chunk of {}", self.block, self.len));
        }
        let (front, back) = work.split_at_mut(self.block);
        let (mut front, mut back) = (&mut front[..out.len()], &mut back[..out.len()]);
        self.block(src, at, front)?;
        for filter in moves.rev() {
            // The room of the output is free until the last filter.
            self.undo(*filter, front, back, out);
            std::mem::swap(&mut front, &mut back);
        }
        self.undo(*first, front, out, back);
        Ok(())
    }

    fn undo(&self, filter: Filter, src: &[u8], dst: &mut [u8], work: &mut [u8]) {
        match filter {
            Filter::Shuffle(size) => unshuffle(src, dst, size),
            Filter::Bitshuffle => {
                let elements = src.len() / self.size;
                // Up to version 2 a block that is no multiple of eight elements stays as it is.
                let whole = if self.version <= 2 && !elements.is_multiple_of(8) { 0 } else { elements / 8 * 8 * self.size };
                unshuffle_bits(&src[..whole], &mut dst[..whole], self.size, work);
                dst[whole..].copy_from_slice(&src[whole..]);
            }
            Filter::Delta => {}
        }
    }

    /// Plain chunks are stored as they were before any filter.
    fn has_delta(&self) -> bool {
        self.flags & flag::PLAIN == 0 && self.filters.contains(&Filter::Delta)
    }

    /// Undoes the delta in a block; `first` starts with the first block, or is empty where this is it.
    fn delta(&self, first: &[u8], block: &mut [u8]) {
        let unit = match self.size {
            1 | 2 | 4 | 8 => self.size,
            n if n.is_multiple_of(8) => 8,
            _ => 1,
        };
        let whole = block.len() / unit * unit;
        if first.is_empty() {
            for i in unit..whole {
                block[i] ^= block[i - unit];
            }
        } else {
            for (byte, reference) in block[..whole].iter_mut().zip(first) {
                *byte ^= *reference;
            }
        }
    }

    /// Fills `dst` with what a chunk without blocks stands for.
    fn fill(&self, src: &[u8], dst: &mut [u8]) -> Result<(), String> {
        let value: &[u8] = match (self.special, self.size) {
            (1, _) => &[0],
            (2, 4) => &f32::NAN.to_le_bytes(),
            (2, 8) => &f64::NAN.to_le_bytes(),
            (3, _) => &src[self.header..],
            (special, size) => return Err(format!("blosc2: a chunk of special values {special} of {size} bytes is not supported")),
        };
        if value.is_empty() || !dst.len().is_multiple_of(value.len()) {
            return Err(format!("blosc2: a value of {} bytes for a chunk of {}", value.len(), dst.len()));
        }
        dst.chunks_exact_mut(value.len()).for_each(|out| out.copy_from_slice(value));
        Ok(())
    }
}

/// Decodes a chunk; returns its length. `work` has room for two blocks.
///
/// # Errors
/// What is wrong with it, or what is not supported.
pub(super) fn decode(src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
    let header = Header::read(src)?;
    if header.len > dst.len() {
        return Err(format!("blosc gives {} bytes, where {} were expected", header.len, dst.len()));
    }
    let dst = &mut dst[..header.len];
    if header.special != 0 {
        header.fill(src, dst)?;
        return Ok(header.len);
    }
    for i in 0..header.len.div_ceil(header.block) {
        let (from, to) = (i * header.block, ((i + 1) * header.block).min(header.len));
        header.decode_block(src, i, &mut dst[from..to], work)?;
        if header.has_delta() {
            let (first, rest) = dst.split_at_mut(from);
            header.delta(first, &mut rest[..to - from]);
        }
    }
    Ok(header.len)
}

/// Hands out the blocks of a chunk of `len` bytes one by one, each in the same place of `work`, which has room for four.
///
/// # Errors
/// As [`decode`].
pub(super) fn each_block(src: &[u8], len: usize, block: usize, work: &mut [u8], mut take: impl FnMut(&[u8])) -> Result<(), String> {
    let header = Header::read(src)?;
    if header.len != len || work.len() < 2 * block {
        return Err(format!("blosc2: a chunk of {} bytes in boxes of {block}, where {len} were expected", header.len));
    }
    let (first, work) = work.split_at_mut(block);
    let (out, work) = work.split_at_mut(block);
    for i in 0..len / block {
        if header.special != 0 {
            header.fill(src, out)?;
        } else if header.block == block {
            header.decode_block(src, i, out, work)?;
        } else {
            return Err(format!("blosc2: blocks of {} bytes, where boxes have {block}", header.block));
        }
        if header.has_delta() {
            header.delta(if i == 0 { &[] } else { first }, out);
            if i == 0 {
                first.copy_from_slice(out);
            }
        }
        take(out);
    }
    Ok(())
}
