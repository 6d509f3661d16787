//! Blocks ↔ extents of the spill file: compressed where that pays, checked on return.
//!
//! A block is written in pieces, so that the staging for compressed bytes is small and allocated when the
//! pool is made: evicting asks for no memory. Each piece has a checksum seeded with the block's identity,
//! so that bytes that rotted, were lost, or belong to another block are an error and never data.

use super::BlockKey;
use super::disk::{self, SpillDisk};
use super::extents::Extents;
use crate::error::{Bytes, Error, Result};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const PAGE: u64 = 4096;
const PIECE: usize = 1 << 20;
const TRIAL: usize = 64 << 10;
const SLOTS_MAX: usize = 4;
/// Spill files longer than this are cut when nothing in them is in use.
const CUT_BYTES: u64 = 64 << 20;

#[derive(Clone, Copy, Debug)]
struct Piece {
    stored: u32,
    compressed: bool,
    checksum: u64,
}

/// Where a block lies in the spill file.
#[derive(Debug)]
pub(crate) struct SpillCopy {
    offset: u64,
    extent: u64,
    pieces: Vec<Piece>,
}

impl SpillCopy {
    /// Bytes it takes in the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::from(piece.stored)).sum()
    }
}

struct Opened {
    directory: String,
    disk: Arc<dyn SpillDisk>,
}

/// The spill file of a pool, made when the first block is written.
pub(crate) struct Spill {
    dir: Option<PathBuf>,
    cap: u64,
    opened: Mutex<Option<Arc<Opened>>>,
    extents: Mutex<Extents>,
    slots: Mutex<Vec<Vec<u8>>>,
    slot_returned: Condvar,
}

impl Spill {
    /// # Errors
    /// `Spill` if a directory was asked for that cannot be.
    pub(crate) fn new(dir: Option<PathBuf>, cap: Option<u64>, disk: Option<Arc<dyn SpillDisk>>) -> Result<Spill> {
        if disk.is_none() {
            disk::check_asked_for(dir.as_deref())?;
        }
        let slots = std::thread::available_parallelism().map_or(2, usize::from).min(SLOTS_MAX);
        let slot_len = lz4_flex::block::get_maximum_output_size(PIECE).next_multiple_of(PAGE as usize);
        let opened = disk.map(|disk| Arc::new(Opened { directory: "the given disk".into(), disk }));
        let cap = cap.unwrap_or(u64::MAX);
        Ok(Spill {
            dir,
            cap,
            opened: Mutex::new(opened),
            extents: Mutex::new(Extents::new(cap)),
            slots: Mutex::new((0..slots).map(|_| vec![0; slot_len]).collect()),
            slot_returned: Condvar::new(),
        })
    }

    /// Room in the file for `len` bytes; `None` past the cap on disk.
    pub(crate) fn allocate(&self, len: u64) -> Option<u64> {
        lock(&self.extents).allocate(len.next_multiple_of(PAGE))
    }

    /// The error for a block that the cap on disk does not let in.
    pub(crate) fn over_cap(&self, len: u64) -> Error {
        let directory = lock(&self.opened).as_ref().map_or_else(|| "disk".into(), |opened| opened.directory.clone());
        let what = format!(
            "a block of {} needs room beyond the cap of {} on the spill file; raise the cap on disk or the memory limit",
            Bytes(len),
            Bytes(self.cap)
        );
        disk::failed(&directory, what)
    }

    /// Gives back room that [`Spill::allocate`] gave.
    pub(crate) fn release(&self, offset: u64, len: u64) {
        let mut extents = lock(&self.extents);
        let end = extents.end();
        extents.free(offset, len.next_multiple_of(PAGE));
        if extents.end() == 0
            && end > CUT_BYTES
            && let Some(opened) = lock(&self.opened).as_ref()
        {
            opened.disk.truncate(0);
        }
    }

    /// Gives back the room of a copy.
    pub(crate) fn free(&self, copy: &SpillCopy) {
        self.release(copy.offset, copy.extent);
    }

    /// Writes a block at `offset`, where `bytes.len()` was allocated; what compression leaves over is given
    /// back. After an error the room is still allocated.
    ///
    /// # Errors
    /// `Spill`, naming the directory and the bytes.
    pub(crate) fn write(&self, key: BlockKey, bytes: &[u8], offset: u64) -> Result<SpillCopy> {
        let opened = self.open()?;
        let worth = worth_compressing(bytes, &mut self.slot());
        let mut copy = SpillCopy { offset, extent: 0, pieces: Vec::with_capacity(bytes.len().div_ceil(PIECE)) };
        let failed = |error: io::Error| explain(&opened.directory, "writing", bytes.len() as u64, &error);
        for (number, raw) in bytes.chunks(PIECE).enumerate() {
            let at = offset + copy.extent;
            let seed = seed(key, number);
            let mut stored = raw.len();
            let mut compressed = false;
            let checksum;
            let mut slot;
            if worth
                && let Some(len) = {
                    slot = self.slot();
                    lz4_flex::block::compress_into(raw, &mut slot).ok().filter(|&len| len.next_multiple_of(PAGE as usize) < raw.len())
                }
            {
                (stored, compressed) = (len, true);
                checksum = xxh3_64_with_seed(&slot[..len], seed);
                opened.disk.write_at(&slot[..len], at).map_err(failed)?;
            } else {
                checksum = xxh3_64_with_seed(raw, seed);
                opened.disk.write_at(raw, at).map_err(failed)?;
            }
            copy.extent += (stored as u64).next_multiple_of(PAGE);
            copy.pieces.push(Piece { stored: stored as u32, compressed, checksum });
        }
        opened.disk.written(offset, copy.extent);
        let allocated = (bytes.len() as u64).next_multiple_of(PAGE);
        self.release(offset + copy.extent, allocated - copy.extent);
        Ok(copy)
    }

    /// Reads a block back into `bytes`, of the length that was written.
    ///
    /// # Errors
    /// `Spill` if it cannot be read or is not what was written.
    pub(crate) fn read(&self, key: BlockKey, copy: &SpillCopy, bytes: &mut [u8]) -> Result<()> {
        let opened = self.open()?;
        let whole = bytes.len() as u64;
        let failed = |error: io::Error| explain(&opened.directory, "reading back", whole, &error);
        let rotten = || {
            let what = format!(
                "a block of {} at offset {} came back other than it was written: the disk or the file is corrupt; \
                 check the disk, or {}",
                Bytes(whole),
                copy.offset,
                disk::MEND
            );
            disk::failed(&opened.directory, what)
        };
        let mut at = copy.offset;
        for (number, (piece, into)) in copy.pieces.iter().zip(bytes.chunks_mut(PIECE)).enumerate() {
            let seed = seed(key, number);
            let stored = piece.stored as usize;
            if piece.compressed {
                let mut slot = self.slot();
                opened.disk.read_at(&mut slot[..stored], at).map_err(failed)?;
                if xxh3_64_with_seed(&slot[..stored], seed) != piece.checksum {
                    return Err(rotten());
                }
                match lz4_flex::block::decompress_into(&slot[..stored], into) {
                    Ok(len) if len == into.len() => {}
                    _ => return Err(rotten()),
                }
            } else {
                opened.disk.read_at(into, at).map_err(failed)?;
                if xxh3_64_with_seed(into, seed) != piece.checksum {
                    return Err(rotten());
                }
            }
            at += (stored as u64).next_multiple_of(PAGE);
        }
        opened.disk.read(copy.offset, copy.extent);
        Ok(())
    }

    fn open(&self) -> Result<Arc<Opened>> {
        let mut opened = lock(&self.opened);
        if let Some(opened) = opened.as_ref() {
            return Ok(opened.clone());
        }
        let (dir, file) = disk::open(self.dir.as_deref())?;
        let new = Arc::new(Opened { directory: dir.display().to_string(), disk: Arc::new(file) });
        *opened = Some(new.clone());
        Ok(new)
    }

    /// Staging for one piece. Waits for another piece's I/O at most, never for a task.
    fn slot(&self) -> Slot<'_> {
        let mut slots = lock(&self.slots);
        loop {
            if let Some(bytes) = slots.pop() {
                return Slot { spill: self, bytes };
            }
            slots = self.slot_returned.wait(slots).unwrap_or_else(|poison| poison.into_inner());
        }
    }
}

struct Slot<'a> {
    spill: &'a Spill,
    bytes: Vec<u8>,
}

impl std::ops::Deref for Slot<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::ops::DerefMut for Slot<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        lock(&self.spill.slots).push(std::mem::take(&mut self.bytes));
        self.spill.slot_returned.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

fn seed(key: BlockKey, piece: usize) -> u64 {
    let mixed = key.product.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.block;
    mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ piece as u64
}

/// Whether 64 KiB from the middle shrink to four fifths or less.
fn worth_compressing(bytes: &[u8], staging: &mut [u8]) -> bool {
    let start = (bytes.len() / 2).saturating_sub(TRIAL / 2);
    let sample = &bytes[start..bytes.len().min(start + TRIAL)];
    lz4_flex::block::compress_into(sample, staging).is_ok_and(|len| len * 5 <= sample.len() * 4)
}

fn explain(directory: &str, doing: &str, bytes: u64, error: &io::Error) -> Error {
    let full = error.kind() == io::ErrorKind::StorageFull || error.raw_os_error() == Some(libc::EDQUOT);
    let mend = if full { format!("; free some space there, or {}", disk::MEND) } else { String::new() };
    disk::failed(directory, format!("{doing} a block of {}: {error}{mend}", Bytes(bytes)))
}
