//! Bytes of a chunk → numbers, and bytes.

/// Bytes that were stored as they are; returns how many.
pub(super) fn copied(src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
    let room = dst.len();
    let dst = dst.get_mut(..src.len()).ok_or_else(|| format!("{} bytes are stored, a chunk has {room}", src.len()))?;
    dst.copy_from_slice(src);
    Ok(src.len())
}

/// The four bytes at `at` as a little-endian number.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The `N` bytes at `at` as a big-endian number.
pub(super) fn be<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let found = bytes.get(at..at.checked_add(N)?)?;
    Some(found.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
}
