//! Blocks ↔ extents of the spill file: compressed where that pays, checked on return.
//!
//! A block is written in extents of 1 MiB before compression, so that the staging for compressed bytes is small and allocated when the
//! pool is made: evicting asks for next to no memory. The checksum of each extent stays in memory,
//! so that bytes that rotted, were lost, or belong to another block are an error and never data.

use super::disk::{self, SpillDisk};
use super::extents::Extents;
use crate::error::{Bytes, Error, Result};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use xxhash_rust::xxh3::xxh3_64;

const PAGE: u64 = 4096;
/// Bytes of a block that go into one extent, compressed or not.
const EXTENT: usize = 1 << 20;
const TRIAL: usize = 64 << 10;
const SLOTS_MAX: usize = 4;
/// Spill files longer than this are cut when nothing in them is in use.
const CUT_BYTES: u64 = 64 << 20;

/// A stretch of the file that holds a part of a block.
#[derive(Clone, Copy, Debug)]
struct Extent {
    offset: u64,
    stored: u32,
    compressed: bool,
    checksum: u64,
}

impl Extent {
    /// Bytes that it takes in the file: whole pages.
    fn len(&self) -> u64 {
        u64::from(self.stored).next_multiple_of(PAGE)
    }
}

/// Where a block lies in the spill file: extents that are in a row where there was room.
#[derive(Debug)]
pub(crate) struct SpillCopy {
    extents: Vec<Extent>,
}

impl SpillCopy {
    /// Bytes it takes in the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.extents.iter().map(|extent| u64::from(extent.stored)).sum()
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
        let slot_len = lz4_flex::block::get_maximum_output_size(EXTENT).next_multiple_of(PAGE as usize);
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

    /// Writes a block. Where the cap on disk leaves no room, `make_room` may free some copy and say so.
    ///
    /// # Errors
    /// `Spill`, naming the directory and the bytes; nothing is left in the file then.
    pub(crate) fn write(&self, bytes: &[u8], make_room: &dyn Fn() -> bool) -> Result<SpillCopy> {
        let opened = self.open()?;
        let compress = worth_compressing(bytes, &mut self.slot());
        let mut copy = SpillCopy { extents: Vec::with_capacity(bytes.len().div_ceil(EXTENT)) };
        for raw in bytes.chunks(EXTENT) {
            let mut slot;
            let mut stored = raw;
            if compress {
                slot = self.slot();
                if let Ok(len) = lz4_flex::block::compress_into(raw, &mut slot)
                    && len.next_multiple_of(PAGE as usize) < raw.len()
                {
                    stored = &slot[..len];
                }
            }
            let checksum = xxh3_64(stored);
            let mut extent = Extent { offset: 0, stored: stored.len() as u32, compressed: stored.len() < raw.len(), checksum };
            let place = loop {
                // Bound first, so that the lock is free while room is made.
                let found = lock(&self.extents).allocate(extent.len());
                match found {
                    Some(offset) => break Ok(offset),
                    None if make_room() => {}
                    None => break Err(self.over_cap(&opened.directory, bytes.len())),
                }
            };
            let written = place.and_then(|offset| {
                extent.offset = offset;
                copy.extents.push(extent);
                opened.disk.write_at(stored, offset).map_err(|error| explain(&opened.directory, "writing", bytes.len(), &error))
            });
            if let Err(error) = written {
                self.free(&copy);
                return Err(error);
            }
        }
        each_row(&copy.extents, |offset, len| opened.disk.written(offset, len));
        Ok(copy)
    }

    /// Gives back the room of a copy.
    pub(crate) fn free(&self, copy: &SpillCopy) {
        let mut extents = lock(&self.extents);
        let end = extents.end();
        copy.extents.iter().for_each(|extent| extents.free(extent.offset, extent.len()));
        if extents.end() == 0
            && end > CUT_BYTES
            && let Some(opened) = lock(&self.opened).as_ref()
        {
            opened.disk.truncate(0);
        }
    }

    fn over_cap(&self, directory: &str, len: usize) -> Error {
        let what = format!(
            "a block of {} needs room beyond the cap of {} on the spill file; raise the cap on disk or the memory limit",
            Bytes(len as u64),
            Bytes(self.cap)
        );
        disk::failed(directory, what)
    }

    /// Reads a block back into `bytes`, of the length that was written.
    ///
    /// # Errors
    /// `Spill` if it cannot be read or is not what was written.
    pub(crate) fn read(&self, copy: &SpillCopy, bytes: &mut [u8]) -> Result<()> {
        let opened = self.open()?;
        let whole = bytes.len();
        let failed = |error: io::Error| explain(&opened.directory, "reading back", whole, &error);
        let rotten = |extent: &Extent| {
            let what = format!(
                "a block of {} at offset {} came back other than it was written: the disk or the file is corrupt; \
                 check the disk, or {}",
                Bytes(whole as u64),
                extent.offset,
                disk::MEND
            );
            disk::failed(&opened.directory, what)
        };
        for (extent, into) in copy.extents.iter().zip(bytes.chunks_mut(EXTENT)) {
            let stored = extent.stored as usize;
            if extent.compressed {
                let mut slot = self.slot();
                opened.disk.read_at(&mut slot[..stored], extent.offset).map_err(failed)?;
                if xxh3_64(&slot[..stored]) != extent.checksum {
                    return Err(rotten(extent));
                }
                match lz4_flex::block::decompress_into(&slot[..stored], into) {
                    Ok(len) if len == into.len() => {}
                    _ => return Err(rotten(extent)),
                }
            } else {
                opened.disk.read_at(into, extent.offset).map_err(failed)?;
                if xxh3_64(into) != extent.checksum {
                    return Err(rotten(extent));
                }
            }
        }
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

    /// Staging for one extent. Waits for another's I/O at most, never for a task.
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

/// Calls `with` on the place and length of all extents that lie in a row.
fn each_row(extents: &[Extent], mut with: impl FnMut(u64, u64)) {
    for row in extents.chunk_by(|a, b| a.offset + a.len() == b.offset) {
        with(row[0].offset, row.iter().map(Extent::len).sum());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// Whether 64 KiB from the middle shrink to four fifths or less.
fn worth_compressing(bytes: &[u8], staging: &mut [u8]) -> bool {
    let start = (bytes.len() / 2).saturating_sub(TRIAL / 2);
    let sample = &bytes[start..bytes.len().min(start + TRIAL)];
    lz4_flex::block::compress_into(sample, staging).is_ok_and(|len| len * 5 <= sample.len() * 4)
}

fn explain(directory: &str, doing: &str, bytes: usize, error: &io::Error) -> Error {
    let full = error.kind() == io::ErrorKind::StorageFull || error.raw_os_error() == Some(libc::EDQUOT);
    let mend = if full { format!("; free some space there, or {}", disk::MEND) } else { String::new() };
    disk::failed(directory, format!("{doing} a block of {}: {error}{mend}", Bytes(bytes as u64)))
}
