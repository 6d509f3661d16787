//! What the Blosc2 filter (32026) stores: a contiguous frame that holds one chunk, whose blocks may be boxes of the chunk; or, by
//! older filters, a chunk alone.
//!
//! Source: the frame and `b2nd` formats of C-Blosc2 (README_CFRAME_FORMAT.rst, README_B2ND_METALAYER.rst).

use super::blosc;
use super::bytes::{be, le32};
use crate::store::copy_box::advance;

const MAGIC: &[u8] = b"b2frame\0";
/// The frame's header without what is said of the array.
const HEADER_BYTES: usize = 0x57;
const AXES_MAX: usize = 16;

/// How the blocks of a chunk lie in it.
#[derive(Debug, PartialEq, Eq)]
struct Boxes {
    chunk: Vec<usize>,
    block: Vec<usize>,
}

/// Decodes what the filter stored; returns the length.
///
/// # Errors
/// What is wrong with it, or what is not supported.
pub(super) fn decode(src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
    if src.get(2..10) != Some(MAGIC) {
        return blosc::decode(src, dst, work);
    }
    let bad = |what: &str| format!("blosc2: the frame {what}");
    let number = |at: usize, n: usize| match n {
        4 => be::<4>(src, at),
        _ => be::<8>(src, at),
    };
    let (header, len) = (number(0x0B, 4), number(0x10, 8));
    let (whole, stored) = (number(0x1E, 8), number(0x27, 8));
    let (Some(header), Some(len), Some(whole), Some(stored)) = (header, len, whole, stored) else { return Err(bad("is cut short")) };
    let (size, chunk) = (number(0x30, 4).unwrap_or(0) as usize, number(0x3A, 4).unwrap_or(0));
    if len as usize > src.len() || header < HEADER_BYTES as u64 || header > len || size == 0 {
        return Err(bad("does not fit its bytes"));
    }
    if src[0x1A] & 0x0F != 0 {
        return Err(bad("is spread over files, which is not supported"));
    }
    if whole != chunk {
        return Err(format!("blosc2: a frame of {whole} bytes in chunks of {chunk}; one chunk is supported"));
    }
    let header = header as usize;
    let boxes = boxes(&src[..header])?;
    // The index behind the chunk says where it is, or that all its values are one.
    let index = header.checked_add(stored as usize).and_then(|at| src.get(at..)).ok_or_else(|| bad("is cut short"))?;
    let index_len = le32(index, 12).map(|n| n as usize).filter(|&n| n <= index.len()).ok_or_else(|| bad("has no index of chunks"))?;
    let mut offset = [0u8; 8];
    let mut index_work = [0u8; 16];
    if blosc::decode(&index[..index_len], &mut offset, &mut index_work)? != 8 {
        return Err(bad("has not one chunk"));
    }
    let offset = i64::from_le_bytes(offset);
    let chunk = if offset < 0 {
        None
    } else {
        let at = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(header)).and_then(|at| src.get(at..));
        let at = at.ok_or_else(|| bad("has its chunk past its end"))?;
        let len = le32(at, 12).map(|n| n as usize).filter(|&n| n <= at.len());
        Some(&at[..len.ok_or_else(|| bad("has its chunk past its end"))?])
    };
    let whole = whole as usize;
    let Some(boxes) = boxes else {
        return match chunk {
            Some(chunk) => blosc::decode(chunk, dst, work),
            None => special(offset, size, dst.get_mut(..whole).ok_or_else(|| bad("is longer than what was expected"))?),
        };
    };
    let elements = boxes.chunk.iter().try_fold(1usize, |n, &m| n.checked_mul(m)).and_then(|n| n.checked_mul(size));
    let Some(dst) = elements.and_then(|n| dst.get_mut(..n)) else {
        return Err(format!("blosc2: a frame of shape {:?}, where {} bytes were expected", boxes.chunk, dst.len()));
    };
    if boxes.padded().and_then(|n| n.checked_mul(size)) != Some(whole) {
        return Err(bad("has blocks that do not fit its chunk"));
    }
    match chunk {
        None => special(offset, size, dst),
        Some(chunk) => {
            let mut scatter = Scatter::new(&boxes, size);
            let block = boxes.block.iter().product::<usize>() * size;
            blosc::each_block(chunk, whole, block, work, |block| scatter.put(block, dst))?;
            Ok(dst.len())
        }
    }
}

/// The values of a chunk that is not stored, of which the index has a mark in place of an offset.
fn special(mark: i64, size: usize, out: &mut [u8]) -> Result<usize, String> {
    match ((mark as u64 >> 56) & 7, size) {
        (1, _) => out.fill(0),
        (2, 4) => out.chunks_exact_mut(4).for_each(|value| value.copy_from_slice(&f32::NAN.to_le_bytes())),
        (2, 8) => out.chunks_exact_mut(8).for_each(|value| value.copy_from_slice(&f64::NAN.to_le_bytes())),
        (kind, _) => return Err(format!("blosc2: special values {kind} of {size} bytes are not supported")),
    }
    Ok(out.len())
}

/// The `b2nd` metalayer of a frame's header, if there is one.
fn boxes(header: &[u8]) -> Result<Option<Boxes>, String> {
    let bad = || "blosc2: the frame's metalayers are unreadable".to_string();
    let Some(&0x93) = header.get(HEADER_BYTES) else { return Ok(None) };
    let n = be::<2>(header, HEADER_BYTES + 5).ok_or_else(bad)?;
    let mut at = HEADER_BYTES + 7;
    for _ in 0..n {
        // A short text and a 32-bit offset.
        let len = usize::from(header.get(at).ok_or_else(bad)? & 0x1F);
        let name = header.get(at + 1..at + 1 + len).ok_or_else(bad)?;
        let offset = be::<4>(header, at + 2 + len).ok_or_else(bad)? as usize;
        at += 6 + len;
        if name == b"b2nd" {
            return read_boxes(header.get(offset..).and_then(|rest| rest.get(5..)).ok_or_else(bad)?).map(Some).ok_or_else(bad);
        }
    }
    Ok(None)
}

/// Reads `[version, axes, shape, chunks, blocks, …]`.
fn read_boxes(layer: &[u8]) -> Option<Boxes> {
    let rank = usize::from(*layer.get(2)?);
    if layer.first()? & 0xF0 != 0x90 || rank > AXES_MAX {
        return None;
    }
    let mut at = 3;
    let mut axes = |bytes: usize| {
        let lens = (0..rank).map(|i| {
            let place = at + 1 + i * (bytes + 1) + 1;
            let len = if bytes == 8 { be::<8>(layer, place)? } else { be::<4>(layer, place)? };
            usize::try_from(len).ok()
        });
        let lens = lens.collect::<Option<Vec<usize>>>();
        at += 1 + rank * (bytes + 1);
        lens
    };
    let (shape, chunk, block) = (axes(8)?, axes(4)?, axes(4)?);
    (shape == chunk && !chunk.contains(&0) && !block.contains(&0)).then_some(Boxes { chunk, block })
}

impl Boxes {
    /// Elements of all blocks.
    fn padded(&self) -> Option<usize> {
        let axes = self.chunk.iter().zip(&self.block);
        axes.map(|(n, b)| n.checked_next_multiple_of(*b)).try_fold(1usize, |n, m| n.checked_mul(m?))
    }
}

/// Copies blocks, as they come, to their places in the chunk.
struct Scatter<'a> {
    boxes: &'a Boxes,
    size: usize,
    /// Blocks along each axis, and the place of the next.
    counts: Vec<usize>,
    place: Vec<usize>,
}

impl Scatter<'_> {
    fn new(boxes: &Boxes, size: usize) -> Scatter<'_> {
        let counts: Vec<usize> = boxes.chunk.iter().zip(&boxes.block).map(|(n, b)| n.div_ceil(*b)).collect();
        Scatter { boxes, size, place: vec![0; counts.len()], counts }
    }

    /// Copies the next block to `dst`, which is the chunk in C order.
    fn put(&mut self, block: &[u8], dst: &mut [u8]) {
        let (boxes, size) = (self.boxes, self.size);
        let Some(last) = boxes.chunk.len().checked_sub(1) else {
            dst.copy_from_slice(&block[..dst.len()]);
            return;
        };
        let start: Vec<usize> = self.place.iter().zip(&boxes.block).map(|(p, b)| p * b).collect();
        let lens: Vec<usize> = start.iter().zip(&boxes.chunk).zip(&boxes.block).map(|((s, n), b)| *b.min(&(n - s))).collect();
        let mut row = vec![0; last];
        loop {
            let (mut from, mut to) = (0, 0);
            for a in 0..last {
                from = (from + row[a]) * boxes.block[a + 1];
                to = (to + start[a] + row[a]) * boxes.chunk[a + 1];
            }
            let (from, to, n) = (from * size, (to + start[last]) * size, lens[last] * size);
            dst[to..to + n].copy_from_slice(&block[from..from + n]);
            if !advance(&mut row, &lens[..last]) {
                break;
            }
        }
        advance(&mut self.place, &self.counts);
    }
}
