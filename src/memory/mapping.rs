//! Sizes → mapped memory. Where the bytes of blocks come from, outside malloc, and the warm free list.
//!
//! Three sources, by size, so that resident memory never exceeds the rounded sizes that the ledger counts:
//! up to 2 KiB the heap; below 2 MiB page runs of shared arenas (thousands of small blocks cost few
//! mappings; released with MADV_DONTNEED); from 2 MiB a mapping each, aligned for huge pages, which cannot
//! reach past its end. A fresh page costs a fault that zeroes it, several times slower than writing warm memory,
//! so returned mappings are kept, by size, until the pool trims them.

use super::extents::Extents;
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::io;
use std::ptr::NonNull;

/// What large buffers are rounded to.
pub const PAGE: u64 = 4096;
const HEAP_MAX: u64 = 2048;
const HUGE: u64 = 2 << 20;
const ARENA: u64 = 64 << 20;
const ALIGN: u64 = 64;

/// Bytes that a buffer of `bytes` is counted as: whole cache lines up to 2 KiB, whole pages above.
pub fn rounded(bytes: u64) -> u64 {
    let to = if bytes <= HEAP_MAX { ALIGN } else { PAGE };
    bytes.checked_next_multiple_of(to).unwrap_or(u64::MAX - PAGE + 1)
}

/// Memory of a rounded size. Has no owner of its own: whoever holds it gives it back to its [`Memory`].
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: u64,
}

// SAFETY: a mapping is plain memory without thread affinity; access follows the borrow of its one holder.
unsafe impl Send for Mapping {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The rounded size.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first `len` bytes.
    pub(crate) fn slice(&self, len: usize) -> &[u8] {
        debug_assert!(len as u64 <= self.bytes);
        // SAFETY: `start` points to `bytes` ≥ `len` initialised bytes (the system zeroes pages; the heap
        // part is zeroed when it is allocated) that stay mapped while the mapping is held.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), len) }
    }

    /// The first `len` bytes, to write.
    pub(crate) fn slice_mut(&mut self, len: usize) -> &mut [u8] {
        debug_assert!(len as u64 <= self.bytes);
        // SAFETY: as in `slice`; the exclusive borrow makes it the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), len) }
    }

    /// The first `len` bytes, free of the borrow.
    ///
    /// # Safety
    /// The mapping must stay held and unwritten as long as the slice is used.
    pub(crate) unsafe fn slice_unbound<'a>(&self, len: usize) -> &'a [u8] {
        // SAFETY: as in `slice`; the caller upholds the lifetime.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), len) }
    }

    fn dangling() -> Mapping {
        #[repr(align(64))]
        struct Line;
        Mapping { start: NonNull::<Line>::dangling().cast(), bytes: 0 }
    }
}

#[derive(Debug, Default)]
struct Class {
    used_at: u64,
    mappings: Vec<Mapping>,
}

#[derive(Debug)]
struct Arena {
    start: NonNull<u8>,
    extents: Extents,
}

// SAFETY: the arena is an address range; it is used under the pool's lock.
unsafe impl Send for Arena {}

/// The memory of one pool: arenas, and what was given back and is still warm.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    arenas: Vec<Arena>,
    free: BTreeMap<u64, Class>,
    free_bytes: u64,
    clock: u64,
}

impl Memory {
    /// Bytes on the free list.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.free_bytes
    }

    /// Memory of `bytes`, which must be [`rounded`]: warm if there is some of that size, or up to half
    /// larger (its tail is given to the system), else fresh.
    ///
    /// # Errors
    /// The system's, when it refuses a mapping.
    pub(crate) fn obtain(&mut self, bytes: u64) -> io::Result<Mapping> {
        self.clock += 1;
        if bytes == 0 {
            return Ok(Mapping::dangling());
        }
        let largest = if bytes >= HUGE { bytes.saturating_add(bytes / 2) } else { bytes };
        let found = self.free.range(bytes..=largest).find(|(_, class)| !class.mappings.is_empty()).map(|(&size, _)| size);
        if let Some(size) = found
            && let Some(class) = self.free.get_mut(&size)
            && let Some(mapping) = class.mappings.pop()
        {
            class.used_at = self.clock;
            self.free_bytes -= size;
            if size > bytes {
                // SAFETY: the tail is whole pages of a mapping of its own (≥ 2 MiB) that nobody uses.
                unsafe { unmap(mapping.start.as_ptr().add(bytes as usize), size - bytes) };
            }
            return Ok(Mapping { start: mapping.start, bytes });
        }
        let start = if bytes <= HEAP_MAX {
            // SAFETY: the layout has a size above zero.
            let start = NonNull::new(unsafe { alloc(heap_layout(bytes)) }).ok_or(io::ErrorKind::OutOfMemory)?;
            // SAFETY: `start` points to `bytes` fresh bytes.
            unsafe { start.as_ptr().write_bytes(0, bytes as usize) };
            start
        } else if bytes < HUGE {
            self.obtain_in_arena(bytes)?
        } else {
            map_huge(bytes)?
        };
        Ok(Mapping { start, bytes })
    }

    /// Takes a mapping back; it stays warm on the free list until [`Memory::trim`].
    pub(crate) fn give_back(&mut self, mapping: Mapping) {
        if mapping.bytes == 0 {
            return;
        }
        self.clock += 1;
        self.free_bytes += mapping.bytes;
        let class = self.free.entry(mapping.bytes).or_default();
        class.used_at = self.clock;
        class.mappings.push(mapping);
    }

    /// Gives free memory to the system until at most `keep_bytes` are left, sizes unused for longest first.
    pub(crate) fn trim(&mut self, keep_bytes: u64) {
        while self.free_bytes > keep_bytes {
            let Some((&size, _)) = self.free.iter().min_by_key(|(_, class)| class.used_at) else { return };
            let Some(mut class) = self.free.remove(&size) else { return };
            while self.free_bytes > keep_bytes
                && let Some(mapping) = class.mappings.pop()
            {
                self.free_bytes -= mapping.bytes;
                self.release(mapping);
            }
            if !class.mappings.is_empty() {
                self.free.insert(size, class);
            }
        }
    }

    /// Gives a mapping to the system.
    pub(crate) fn release(&mut self, mapping: Mapping) {
        let (start, bytes) = (mapping.start.as_ptr(), mapping.bytes);
        if bytes == 0 {
        } else if bytes <= HEAP_MAX {
            // SAFETY: allocated in `obtain` with this layout; the mapping is consumed.
            unsafe { dealloc(start, heap_layout(bytes)) }
        } else if bytes < HUGE {
            let holds = |arena: &&mut Arena| (arena.start.as_ptr()..arena.start.as_ptr().wrapping_add(ARENA as usize)).contains(&start);
            let Some(arena) = self.arenas.iter_mut().find(holds) else {
                debug_assert!(false, "a mapping of another pool");
                return;
            };
            // SAFETY: whole pages inside the arena that nobody uses any more; they read as zero later.
            unsafe { libc::madvise(start.cast(), bytes as usize, libc::MADV_DONTNEED) };
            arena.extents.free((start as usize - arena.start.as_ptr() as usize) as u64, bytes);
        } else {
            // SAFETY: a mapping of its own; consumed.
            unsafe { unmap(start, bytes) };
        }
    }

    fn obtain_in_arena(&mut self, bytes: u64) -> io::Result<NonNull<u8>> {
        for arena in self.arenas.iter_mut().rev() {
            if let Some(offset) = arena.extents.allocate(bytes) {
                // SAFETY: the extent lies inside the arena.
                return Ok(unsafe { arena.start.add(offset as usize) });
            }
        }
        let start = map(ARENA)?;
        // SAFETY: the range was mapped just now. Huge pages would make unused neighbours resident; a kernel
        // without them refuses, which is as good.
        unsafe { libc::madvise(start.as_ptr().cast(), ARENA as usize, libc::MADV_NOHUGEPAGE) };
        let mut extents = Extents::new(ARENA);
        let offset = extents.allocate(bytes).unwrap_or(0);
        self.arenas.push(Arena { start, extents });
        // SAFETY: the extent lies inside the arena.
        Ok(unsafe { start.add(offset as usize) })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.trim(0);
        for arena in &self.arenas {
            // SAFETY: the pool that lent out pieces of this arena is gone, and with it every holder.
            unsafe { unmap(arena.start.as_ptr(), ARENA) };
        }
    }
}

fn heap_layout(bytes: u64) -> Layout {
    Layout::from_size_align(bytes as usize, ALIGN as usize).expect("at most 2 KiB, aligned to 64")
}

fn map(bytes: u64) -> io::Result<NonNull<u8>> {
    let len = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // not MAP_NORESERVE: more than the machine has is refused here, not by killing the process when it is written
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing that exists.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// A mapping that starts at a multiple of 2 MiB; huge pages where the system has them. They never reach past
/// the end, since a huge page is given only where all of it is mapped, and the next mapping starts at
/// the next multiple.
fn map_huge(bytes: u64) -> io::Result<NonNull<u8>> {
    let whole = bytes.checked_add(HUGE).ok_or(io::ErrorKind::OutOfMemory)?;
    let start = map(whole)?;
    let head = (start.as_ptr() as u64).next_multiple_of(HUGE) - start.as_ptr() as u64;
    // SAFETY: all three ranges lie in what was mapped just now; head and tail are whole pages.
    unsafe {
        let aligned = start.add(head as usize);
        unmap(start.as_ptr(), head);
        unmap(aligned.as_ptr().add(bytes as usize), HUGE - head);
        libc::madvise(aligned.as_ptr().cast(), bytes as usize, libc::MADV_HUGEPAGE);
        Ok(aligned)
    }
}

/// # Safety
/// The range must be whole pages of a mapping of ours that nobody uses any more.
unsafe fn unmap(start: *mut u8, bytes: u64) {
    if bytes == 0 {
        return;
    }
    // SAFETY: the caller's promise.
    if unsafe { libc::munmap(start.cast(), bytes as usize) } != 0 {
        // Too many mappings to split one: the pages at least go back. The address range is lost.
        // SAFETY: as above.
        unsafe { libc::madvise(start.cast(), bytes as usize, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_to_lines_and_pages() {
        assert_eq!([0, 1, 64, 65, 2048, 2049, 4096, 4097].map(rounded), [0, 64, 64, 128, 2048, 4096, 4096, 8192]);
        assert_eq!((3u64 << 20) + 4096, rounded((3 << 20) + 1));
        assert!(rounded(u64::MAX) > u64::MAX - 4096);
    }

    #[test]
    fn every_size_is_aligned_writable_and_reused_warm() {
        let mut memory = Memory::default();
        for bytes in [1, 64, 2048, 2049, 100_000, 1 << 20, 2 << 20, (5 << 20) + 3].map(rounded) {
            let mut mapping = memory.obtain(bytes).unwrap();
            assert_eq!(mapping.start.as_ptr() as u64 % ALIGN, 0);
            let slice = mapping.slice_mut(bytes as usize);
            assert!(slice.iter().all(|&byte| byte == 0));
            slice.fill(7);
            let place = mapping.start;
            memory.give_back(mapping);
            assert_eq!(memory.free_bytes(), bytes);
            let again = memory.obtain(bytes).unwrap();
            assert_eq!((again.start, again.slice(1)[0]), (place, 7));
            memory.give_back(again);
            memory.trim(0);
            assert_eq!(memory.free_bytes(), 0);
        }
    }

    #[test]
    fn more_than_the_machine_has_is_refused() {
        let mut memory = Memory::default();
        for bytes in [1 << 50, u64::MAX / 2, u64::MAX].map(rounded) {
            assert!(memory.obtain(bytes).is_err(), "{bytes}");
        }
        let overcommits = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").is_ok_and(|text| text.trim() == "1");
        assert!(overcommits || memory.obtain(35 << 40).is_err());
    }

    #[test]
    fn a_larger_mapping_is_cut() {
        let mut memory = Memory::default();
        let mut large = memory.obtain(6 << 20).unwrap();
        large.slice_mut(6 << 20).fill(1);
        memory.give_back(large);
        let mut cut = memory.obtain(4 << 20).unwrap();
        assert_eq!((cut.bytes(), memory.free_bytes()), (4 << 20, 0));
        assert_eq!(cut.slice_mut(4 << 20)[(4 << 20) - 1], 1);
        memory.release(cut);
    }

    #[test]
    fn trimming_takes_the_sizes_unused_longest() {
        let mut memory = Memory::default();
        let sizes = [4096, 8192, 12288];
        let mappings: Vec<Mapping> = sizes.iter().map(|&bytes| memory.obtain(bytes).unwrap()).collect();
        mappings.into_iter().for_each(|mapping| memory.give_back(mapping));
        let first = memory.obtain(4096).unwrap();
        memory.give_back(first);
        memory.trim(16384);
        assert_eq!(memory.free.keys().copied().collect::<Vec<_>>(), [4096, 12288]);
    }
}
