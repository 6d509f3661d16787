//! The bit shuffle filter (32008): blocks of elements by bit plane, each behind LZ4 or Zstandard, or plain.
//!
//! With a codec there are the length (8 bytes), the bytes of a block (4), then blocks, each behind its length (4), all
//! big-endian. The last block has what is left, down to a multiple of eight elements; the rest lies plain at the end.

use super::bytes::be;
use super::inner;
use crate::store::bitshuffle::unshuffle_bits;

/// Elements that a block is a multiple of.
const MULTIPLE: usize = 8;

/// The elements of a block where the filter does not say: some 8 KiB.
pub(super) fn default_block(size: usize) -> usize {
    (8192 / size.max(1) / MULTIPLE * MULTIPLE).max(128)
}

/// Settings of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::hdf5) struct Bitshuffle {
    /// Bytes of an element.
    size: usize,
    /// Elements of a block; 0 where the filter does not say.
    block: usize,
    codec: Inner,
}

/// The codec behind the bit shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inner {
    None,
    Lz4,
    Zstd,
}

impl Bitshuffle {
    /// From the filter's values: a version in two, bytes of an element, elements of a block, and a codec. `None` where they are unusual.
    pub(super) fn new(values: &[u32]) -> Option<Bitshuffle> {
        let value = |i: usize| values.get(i).copied();
        let codec = match value(4) {
            None | Some(0) => Inner::None,
            Some(2) => Inner::Lz4,
            Some(3) => Inner::Zstd,
            Some(_) => return None,
        };
        let size = value(2).filter(|&size| size > 0)? as usize;
        Some(Bitshuffle { size, block: value(3).unwrap_or(0) as usize, codec })
    }

    /// Whether there is no codec behind it.
    pub(super) fn is_plain(&self) -> bool {
        self.codec == Inner::None
    }

    /// Decodes a chunk.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(&self, src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
        let default = if self.block == 0 { default_block(self.size) } else { self.block };
        let (len, block, mut at) = match self.codec {
            Inner::None => (src.len(), default, 0),
            _ => {
                let (Some(len), Some(bytes)) = (be::<8>(src, 0), be::<4>(src, 8)) else {
                    return Err(format!("bitshuffle: {} bytes are too few for a header", src.len()));
                };
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                (len, if bytes == 0 { default } else { bytes as usize / self.size }, 12)
            }
        };
        if len > dst.len() || !len.is_multiple_of(self.size) || block == 0 || !block.is_multiple_of(MULTIPLE) {
            let what = format!("bitshuffle: {len} bytes in blocks of {block} elements of {} bytes; {} were expected", self.size, dst.len());
            return Err(what);
        }
        let elements = len / self.size;
        let blocked = elements / MULTIPLE * MULTIPLE * self.size;
        let (blocks, rest) = dst[..len].split_at_mut(blocked);
        let block_bytes = block.saturating_mul(self.size).min(blocked.max(1));
        let (bits, planes) = work.split_at_mut(block_bytes);
        for out in blocks.chunks_mut(block_bytes) {
            let cut = || format!("bitshuffle: a block at byte {at} of {} is cut short", src.len());
            if self.codec == Inner::None {
                let stored = src.get(at..at + out.len()).ok_or_else(cut)?;
                at += out.len();
                unshuffle_bits(stored, out, self.size, planes);
                continue;
            }
            let stored = be::<4>(src, at).and_then(|n| src.get(at + 4..(at + 4).checked_add(n as usize)?)).ok_or_else(cut)?;
            at += 4 + stored.len();
            let bits = &mut bits[..out.len()];
            let made = match self.codec {
                Inner::Zstd => inner::zstd(stored, bits)?,
                _ => inner::lz4(stored, bits)?,
            };
            if made != bits.len() {
                return Err(format!("bitshuffle: a block gives {made} bytes, expected {}", bits.len()));
            }
            unshuffle_bits(bits, out, self.size, planes);
        }
        let stored = src.get(at..at + rest.len()).ok_or_else(|| "bitshuffle: the last elements are missing".to_string())?;
        rest.copy_from_slice(stored);
        Ok(len)
    }
}
