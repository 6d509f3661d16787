//! A shard's index → where its inner chunks lie.

use super::codec::Sum;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Shard indexes up to this length are read and checked whole; of longer ones only the entries needed.
pub(super) const INDEX_BYTES_MAX: u64 = 1 << 20;
/// The index of one shard: offset and length of every inner chunk, in C order.
pub(super) struct ShardIndex {
    pub(super) counts: Vec<u64>,
    /// Byte in the file where it starts.
    pub(super) at: u64,
    len: u64,
    checksum: bool,
}

/// Bytes of the index of a shard.
pub(super) fn index_bytes(shard: &[u64], inner: &[u64], checksum: bool) -> Option<u64> {
    let count = shard.iter().zip(inner).try_fold(1u64, |n, (s, i)| n.checked_mul(s / i))?;
    count.checked_mul(16)?.checked_add(if checksum { 4 } else { 0 })
}

impl ShardIndex {
    pub(super) fn of(shard: &[u64], inner: &[u64], at_end: bool, checksum: bool, file_len: u64) -> std::result::Result<ShardIndex, String> {
        let counts = shard.iter().zip(inner).map(|(s, i)| s / i).collect();
        let len = index_bytes(shard, inner, checksum).filter(|&n| n <= file_len);
        let len = len.ok_or_else(|| format!("a shard of {file_len} bytes is shorter than its index"))?;
        Ok(ShardIndex { counts, at: if at_end { file_len - len } else { 0 }, len, checksum })
    }

    pub(super) fn scratch_bytes(&self) -> u64 {
        if self.len <= INDEX_BYTES_MAX { self.len } else { 0 }
    }

    /// The whole index, checked; `None` when it is too long for that.
    pub(super) fn load<'a>(
        &self,
        file: &File,
        base: u64,
        room: &'a mut [u8],
    ) -> std::io::Result<std::result::Result<Option<&'a [u8]>, String>> {
        if room.is_empty() {
            return Ok(Ok(None));
        }
        file.read_exact_at(room, base + self.at)?;
        Ok(self.checked(room).map(Some))
    }

    /// The entries of the whole index, when its checksum is right.
    pub(super) fn checked<'a>(&self, bytes: &'a [u8]) -> std::result::Result<&'a [u8], String> {
        if bytes.len() as u64 != self.len {
            return Err(format!("the shard's index has {} bytes, {} are expected", bytes.len(), self.len));
        }
        let index = if self.checksum { Sum::CRC32C.checked(bytes) } else { Ok(bytes) };
        index.map_err(|what| format!("the shard's index: {what}"))
    }

    /// Entry `n` of these: offset and length of an inner chunk, `None` when it was never written.
    pub(super) fn entry_of(entries: &[u8], n: u64) -> Option<(u64, u64)> {
        let (at, len) = entries[16 * n as usize..][..16].split_at(8);
        let number = |b: &[u8]| b.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
        let (at, len) = (number(at), number(len));
        if at == u64::MAX && len == u64::MAX { None } else { Some((at, len)) }
    }

    /// Offset and length of an inner chunk; `None` when it was never written.
    pub(super) fn entry(&self, index: &[u64], loaded: Option<&[u8]>, file: &File, base: u64) -> std::io::Result<Option<(u64, u64)>> {
        let n = crate::grid::ravel(index, &self.counts);
        if let Some(entries) = loaded {
            return Ok(ShardIndex::entry_of(entries, n));
        }
        let mut entry = [0u8; 16];
        file.read_exact_at(&mut entry, base + self.at + 16 * n)?;
        Ok(ShardIndex::entry_of(&entry, 0))
    }
}
