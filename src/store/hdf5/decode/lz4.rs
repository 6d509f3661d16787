//! The LZ4 filter (32004): the length, the length of a block, then blocks, each behind its own length; all big-endian.

use super::bytes::be;
use super::inner;

/// Decodes a chunk.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    let (Some(len), Some(block)) = (be::<8>(src, 0), be::<4>(src, 8)) else {
        return Err(format!("lz4: {} bytes are too few for a header", src.len()));
    };
    if len > dst.len() as u64 || (block == 0 && len > 0) {
        return Err(format!("lz4: {len} bytes in blocks of {block}, where {} were expected", dst.len()));
    }
    let (len, mut at) = (len as usize, 12);
    for out in dst[..len].chunks_mut((block as usize).max(1)) {
        let stored = be::<4>(src, at).and_then(|n| src.get(at + 4..(at + 4).checked_add(n as usize)?));
        let Some(stored) = stored else { return Err(format!("lz4: a block at byte {at} of {} is cut short", src.len())) };
        at += 4 + stored.len();
        if stored.len() == out.len() {
            out.copy_from_slice(stored);
        } else {
            let made = inner::lz4(stored, out)?;
            if made != out.len() {
                return Err(format!("lz4: a block gives {made} bytes, expected {}", out.len()));
            }
        }
    }
    Ok(len)
}
