//! A grant's reserve → bytes to write. Owned, aligned to 64, outside malloc.

use super::mapping::Mapping;
use super::residency::Residency;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Bytes of a pool, aligned to 64 (to a page from 2 KiB, to 2 MiB from 2 MiB). Their contents are whatever
/// was there: zeroes are not promised. Counted as [`rounded`](super::rounded)`(len)` until it is dropped, which
/// gives it back to the reserve of the grant it came from, or to all if that is gone.
pub struct Buffer {
    /// `None` once it was handed on.
    mapping: Option<Mapping>,
    len: usize,
    grant: u64,
    pool: Arc<Residency>,
}

impl Buffer {
    pub(super) fn new(pool: Arc<Residency>, grant: u64, mapping: Mapping, len: usize) -> Buffer {
        Buffer { mapping: Some(mapping), len, grant, pool }
    }

    pub(super) fn is_of(&self, pool: &Arc<Residency>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    /// The memory, the length asked for and the grant that it is charged to; nothing is left to drop.
    pub(super) fn into_parts(mut self) -> (Mapping, usize, u64) {
        let mapping = self.mapping.take().expect("a buffer holds its memory until it is handed on");
        (mapping, self.len, self.grant)
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.mapping.as_ref().map_or(&[], |mapping| mapping.slice(self.len))
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.mapping.as_mut().map_or(&mut [], |mapping| mapping.slice_mut(self.len))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            self.pool.drop_buffer(self.grant, mapping);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}
