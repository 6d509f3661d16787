//! A shard's index → where its inner chunks lie.

use super::codec::Sum;
use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, Hash, RandomState};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

/// Shard indexes up to this length are read and checked whole whenever one is needed. Of longer ones the sum is checked once, in pieces of
/// this length; then only the entries needed are read.
pub(super) const INDEX_BYTES_MAX: u64 = 1 << 20;
/// So many shards with a long index are remembered as right. Where there are more, some are checked again.
const RIGHT_MAX: usize = 4096;
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

    /// Room for [`ShardIndex::load`] and [`ShardIndex::verify`].
    pub(super) fn scratch_bytes(&self) -> u64 {
        self.len.min(INDEX_BYTES_MAX)
    }

    /// Whether it is too long to be loaded whole, and has a sum.
    pub(super) fn must_verify(&self) -> bool {
        self.len > INDEX_BYTES_MAX && self.checksum
    }

    /// Holds a long index against its sum; `read` hands on bytes of the shard from a place on, as many as the room that it is lent.
    pub(super) fn verify<E>(
        &self,
        room: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8], &mut dyn FnMut(&[u8])) -> std::result::Result<(), E>,
    ) -> std::result::Result<std::result::Result<(), String>, E> {
        let (end, mut at, mut sum) = (self.at + self.len - 4, self.at, 0);
        while at < end {
            let len = (end - at).min(INDEX_BYTES_MAX);
            read(at, &mut room[..len as usize], &mut |bytes| sum = crc32c::crc32c_append(sum, bytes))?;
            at += len;
        }
        let mut stored = 0;
        read(end, &mut room[..4], &mut |bytes| stored = bytes.iter().rev().fold(0, |n, &b| n << 8 | u32::from(b)))?;
        Ok(if stored == sum { Ok(()) } else { Err(format!("the shard's index: crc32c is {sum:08x}, stored was {stored:08x}")) })
    }

    /// The whole index, checked; `None` when it is too long for that.
    pub(super) fn load<'a>(
        &self,
        file: &File,
        base: u64,
        room: &'a mut [u8],
    ) -> std::io::Result<std::result::Result<Option<&'a [u8]>, String>> {
        if self.len > INDEX_BYTES_MAX {
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

/// The shards of an array whose long index was held against its sum.
#[derive(Debug, Default)]
pub(super) struct Right {
    /// Of each its file, and the state that it was in.
    seen: Mutex<HashSet<u64>>,
    keys: RandomState,
}

impl Right {
    /// What it takes when it is full.
    pub(super) const BYTES: u64 = 32 * RIGHT_MAX as u64;

    /// Does `check` unless it found this state of a shard right before.
    ///
    /// # Errors
    /// Those of `check`.
    pub(super) fn once<E>(&self, state: impl Hash, check: impl FnOnce() -> std::result::Result<(), E>) -> std::result::Result<(), E> {
        let state = self.keys.hash_one(state);
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&state) {
            return Ok(());
        }
        check()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= RIGHT_MAX {
            seen.clear();
        }
        seen.insert(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_is_not_checked_again_and_little_is_remembered() {
        let (right, mut checks) = (Right::default(), 0);
        let mut once = |n: usize, outcome| {
            right
                .once(n, || {
                    checks += 1;
                    outcome
                })
                .map(|()| checks)
        };
        assert_eq!((once(1, Err("bad")), once(1, Ok(())), once(1, Err("not asked"))), (Err("bad"), Ok(2), Ok(2)));
        for n in 0..3 * RIGHT_MAX {
            once(n, Ok(())).unwrap();
        }
        assert!(right.seen.lock().unwrap().len() <= RIGHT_MAX);
    }
}
