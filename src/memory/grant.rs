//! An admitted request → its blocks and buffers, until it is dropped.

use super::BlockKey;
use super::buffer::Buffer;
use super::mapping::rounded;
use super::residency::Residency;
use crate::error::{Bytes, Error, Result};
use std::sync::Arc;

/// What a task runs with: pinned blocks and a reserve. Dropping it unpins and gives back what is left of the
/// reserve; only [`Grant::finish`] counts readers off.
pub struct Grant {
    pool: Arc<Residency>,
    id: u64,
    /// Pinned by this grant for as long as it lives, so in place and unwritten.
    reads: Vec<&'static [u8]>,
    takes: Vec<Option<BlockKey>>,
    ended: bool,
}

impl Grant {
    pub(super) fn new(pool: Arc<Residency>, id: u64, reads: Vec<&'static [u8]>, takes: &[BlockKey]) -> Grant {
        Grant { pool, id, reads, takes: takes.iter().copied().map(Some).collect(), ended: false }
    }

    /// How many blocks the request reads.
    pub fn reads(&self) -> usize {
        self.reads.len()
    }

    /// The bytes of the `i`-th of the request's reads.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn read(&self, i: usize) -> &[u8] {
        self.reads[i]
    }

    /// The buffer of the `i`-th of the request's takes. The block ceases to exist.
    ///
    /// # Panics
    /// If there are not so many, or it was taken before.
    pub fn take(&mut self, i: usize) -> Buffer {
        let key = self.takes[i].take().expect("a block is taken once");
        let (mapping, len) = self.pool.take(self.id, key);
        Buffer::new(self.pool.clone(), self.id, mapping, len)
    }

    /// A buffer of `bytes` out of the reserve, counted as [`rounded`]`(bytes)`. Dropped while the grant lives,
    /// it goes back to the reserve.
    ///
    /// # Errors
    /// `Internal` past the reserve; `BadRequest` if the system has no memory left.
    pub fn allocate(&mut self, bytes: u64) -> Result<Buffer> {
        let len = usize::try_from(bytes).map_err(|_| Error::internal(format!("a buffer of {bytes} bytes")))?;
        let mapping = self.pool.allocate(self.id, rounded(bytes))?;
        Ok(Buffer::new(self.pool.clone(), self.id, mapping, len))
    }

    /// What is left of the reserve.
    pub fn reserve_left(&self) -> u64 {
        self.pool.reserve_of(self.id)
    }

    /// Makes a buffer the block `key`, which may be evicted once this grant is gone. `readers` finished reads
    /// free it; `u64::MAX`: it stays until removed; 0: it is freed at once.
    ///
    /// # Panics
    /// If the buffer is another pool's or there is such a block: a defect of the caller.
    pub fn publish(&mut self, key: BlockKey, buffer: Buffer, readers: u64) {
        assert!(buffer.is_of(&self.pool), "a buffer is published in its own pool");
        if readers > 0 {
            let (mapping, len, _) = buffer.into_parts();
            let published = self.pool.publish(self.id, key, mapping, len, readers);
            assert!(published, "{key:?} is published twice");
        }
    }

    /// The task succeeded: counts one reader off for every read, frees blocks without readers left (and takes
    /// that were not taken, if this was their last reader), and ends the grant.
    pub fn finish(mut self) {
        self.end(true);
    }

    fn end(&mut self, finished: bool) {
        if !self.ended {
            self.ended = true;
            self.reads.clear();
            self.pool.end_grant(self.id, finished);
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant({} reads, {} takes, {} left)", self.reads.len(), self.takes.len(), Bytes(self.reserve_left()))
    }
}

/// Bytes promised to something outside the pool, until it is dropped.
pub struct Reservation {
    pool: Arc<Residency>,
    id: u64,
    bytes: u64,
}

impl Reservation {
    pub(super) fn new(pool: Arc<Residency>, id: u64, bytes: u64) -> Reservation {
        Reservation { pool, id, bytes }
    }

    /// How many.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.pool.end_grant(self.id, false);
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reservation({})", Bytes(self.bytes))
    }
}
