//! Bytes → one unlinked file. Where the spill file lives, and the seam at which tests make it fail.

use crate::error::{Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Written bytes that may wait in the page cache before their writer waits for the disk.
const BEHIND_BYTES: u64 = 32 << 20;
/// Storing starts with so many bytes: a call of the system a small block takes longer than writing it.
const START_BYTES: u64 = 1 << 20;

/// Where spilled bytes go. Any number of threads write and read disjoint ranges at once.
pub trait SpillDisk: Send + Sync {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills `bytes` from `offset`.
    ///
    /// # Errors
    /// The system's; `UnexpectedEof` if there is less.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// The range was written: start to store it, and wait for what was written long before.
    fn written(&self, _offset: u64, _len: u64) {}
    /// Nothing past `len` is in use any more.
    fn truncate(&self, _len: u64) {}
}

/// The real spill file: it has no name, so it vanishes with the process.
pub(crate) struct SpillFile {
    file: File,
    behind: Mutex<Behind>,
}

/// Ranges, by place and length, that were written.
#[derive(Default)]
struct Behind {
    /// Those of which storing has not started, in the order in which they were written.
    fresh: Rows,
    /// Those of which it has.
    started: Rows,
}

#[derive(Default)]
struct Rows {
    rows: VecDeque<(u64, u64)>,
    bytes: u64,
}

impl Rows {
    fn push(&mut self, (offset, len): (u64, u64)) {
        self.rows.push_back((offset, len));
        self.bytes += len;
    }

    /// The oldest ones, until no more than `most` bytes are left.
    fn beyond(&mut self, most: u64) -> Vec<(u64, u64)> {
        let mut taken = Vec::new();
        while self.bytes > most
            && let Some(oldest) = self.rows.pop_front()
        {
            self.bytes -= oldest.1;
            taken.push(oldest);
        }
        taken
    }

    /// All, those that lie in a row as one.
    fn take(&mut self) -> Vec<(u64, u64)> {
        let mut rows = self.beyond(0);
        rows.sort_unstable();
        rows.dedup_by(|next, row| {
            let joins = next.0 <= row.0 + row.1;
            if joins {
                row.1 = row.1.max(next.0 + next.1 - row.0);
            }
            joins
        });
        rows
    }
}

impl Behind {
    /// Takes note of a range; what is to be started now, and what is to be waited for.
    fn written(&mut self, range: (u64, u64)) -> [Vec<(u64, u64)>; 2] {
        self.fresh.push(range);
        if self.fresh.bytes < START_BYTES {
            return [Vec::new(), Vec::new()];
        }
        let start = self.fresh.take();
        start.iter().for_each(|&range| self.started.push(range));
        [start, self.started.beyond(BEHIND_BYTES)]
    }
}

impl SpillFile {
    pub(crate) fn create(dir: &Path) -> io::Result<SpillFile> {
        let made = SpillFile { file: tempfile::tempfile_in(dir)?, behind: Mutex::default() };
        // extents are read whole, in an order of their own: what lies behind one is not read ahead, only to be read again
        // SAFETY: plain numbers on an open file; the advice changes no contents.
        unsafe { libc::posix_fadvise(made.file.as_raw_fd(), 0, 0, libc::POSIX_FADV_RANDOM) };
        Ok(made)
    }

    fn sync(&self, offset: u64, len: u64, flags: u32) {
        // SAFETY: plain numbers on an open file. A failure here shows again at the next write or read.
        unsafe { libc::sync_file_range(self.file.as_raw_fd(), offset as i64, len as i64, flags) };
    }
}

impl SpillDisk for SpillFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    // Dirty pages cannot be reclaimed: storing starts with the next `START_BYTES`, and the range written `BEHIND_BYTES` ago, by now stored or nearly, is
    // waited for. Pages that are stored stay in the page cache where the system has memory for them: it takes them back
    // whenever it wants them, also from a container that is charged for them.
    fn written(&self, offset: u64, len: u64) {
        let [start, done] = self.behind.lock().unwrap_or_else(|poison| poison.into_inner()).written((offset, len));
        start.into_iter().for_each(|(offset, len)| self.sync(offset, len, libc::SYNC_FILE_RANGE_WRITE));
        let wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        done.into_iter().for_each(|(offset, len)| self.sync(offset, len, wait));
    }

    fn truncate(&self, len: u64) {
        // Disk space only: if it fails the space comes back with the process.
        let _ = self.file.set_len(len);
    }
}

/// The directories that may hold the spill file: the one given, or else `$FLAGSTONE_SPILL_DIR`, or else
/// the first usable of `$TMPDIR`, /var/tmp and the working directory.
///
/// # Errors
/// `Spill` if the one asked for cannot be, or none can.
pub(crate) fn open(given: Option<&Path>) -> Result<(PathBuf, SpillFile)> {
    if let Some(dir) = asked_for(given) {
        check(&dir)?;
        return match SpillFile::create(&dir) {
            Ok(file) => Ok((dir, file)),
            Err(error) => Err(failed(&dir.display().to_string(), format!("cannot create a file there: {error}; {MEND}"))),
        };
    }
    let candidates = [std::env::var_os("TMPDIR").map(PathBuf::from), Some("/var/tmp".into()), std::env::current_dir().ok()];
    let mut refused = Vec::new();
    for dir in candidates.into_iter().flatten() {
        match check(&dir).and_then(|()| {
            SpillFile::create(&dir).map_err(|error| failed(&dir.display().to_string(), format!("cannot create a file there: {error}")))
        }) {
            Ok(file) => return Ok((dir, file)),
            Err(error) => refused.push(error.to_string()),
        }
    }
    Err(failed("disk", format!("no directory can hold the spill file ({}); {MEND}", refused.join("; "))))
}

/// Refuses a directory that was asked for and lies in memory, before anything runs.
///
/// # Errors
/// `Spill`.
pub(crate) fn check_asked_for(given: Option<&Path>) -> Result<()> {
    asked_for(given).map_or(Ok(()), |dir| check(&dir))
}

/// How a user mends a spill directory that will not do.
pub(crate) const MEND: &str = "give a directory on a disk with --spill-dir (Runtime::builder().spill_dir) or FLAGSTONE_SPILL_DIR";

/// A spill error.
pub(crate) fn failed(directory: &str, what: impl Into<String>) -> Error {
    ErrorKind::Spill { directory: directory.into(), what: what.into() }.into()
}

fn asked_for(given: Option<&Path>) -> Option<PathBuf> {
    given.map(Path::to_path_buf).or_else(|| std::env::var_os("FLAGSTONE_SPILL_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from))
}

fn check(dir: &Path) -> Result<()> {
    let name = dir.display().to_string();
    let magic = file_system(dir).map_err(|error| failed(&name, format!("cannot use it: {error}; {MEND}")))?;
    if !dir.is_dir() {
        return Err(failed(&name, format!("it is not a directory; {MEND}")));
    }
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    if magic == TMPFS || magic == RAMFS {
        let what = format!("it is a file system in memory (tmpfs or ramfs), where spilling would free none; {MEND}");
        return Err(failed(&name, what));
    }
    Ok(())
}

fn file_system(dir: &Path) -> io::Result<u64> {
    let path = std::ffi::CString::new(dir.as_os_str().as_bytes())?;
    // SAFETY: the path ends in a zero byte, and all zeroes is a valid statfs, which the call fills.
    unsafe {
        let mut stat: libc::statfs = std::mem::zeroed();
        match libc::statfs(path.as_ptr(), &mut stat) {
            0 => Ok(stat.f_type as u64 & 0xffff_ffff),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storing_starts_with_rows_of_small_blocks_and_what_was_written_long_before_is_waited_for() {
        const PAGE: u64 = 4096;
        let mut behind = Behind::default();
        let pages = START_BYTES / PAGE;
        // Every second page, and then those between.
        for n in 0..pages - 1 {
            let at = if n < pages / 2 { 2 * n } else { 2 * (n - pages / 2) + 1 };
            assert_eq!(behind.written((at * PAGE, PAGE)), [vec![], vec![]]);
        }
        let [start, done] = behind.written((1 << 40, PAGE));
        assert_eq!((start, done), (vec![(0, (pages - 1) * PAGE), (1 << 40, PAGE)], vec![]));
        let mut waited = Vec::new();
        for n in 1..=BEHIND_BYTES / START_BYTES {
            let [start, done] = behind.written((n * START_BYTES, START_BYTES));
            assert_eq!(start, [(n * START_BYTES, START_BYTES)]);
            waited.extend(done);
        }
        assert_eq!(waited, [(0, (pages - 1) * PAGE), (1 << 40, PAGE)]);
        assert!(behind.started.bytes <= BEHIND_BYTES);
    }

    #[test]
    fn a_directory_in_memory_is_refused() {
        if file_system(Path::new("/dev/shm")).is_ok_and(|magic| magic == 0x0102_1994) {
            let error = check_asked_for(Some(Path::new("/dev/shm"))).unwrap_err().to_string();
            assert!(error.contains("/dev/shm") && error.contains("--spill-dir"), "{error}");
        }
        let error = check_asked_for(Some(Path::new("/no/such/place"))).unwrap_err().to_string();
        assert!(error.contains("/no/such/place") && error.contains("--spill-dir"), "{error}");
    }

    #[test]
    fn the_file_has_no_name_and_keeps_bytes() {
        let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
        let (place, file) = open(Some(dir.path())).unwrap();
        assert_eq!(place, dir.path());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        for i in 0..500 {
            file.write_at(&bytes, i * 102_400).unwrap();
            file.written(i * 102_400, 102_400);
        }
        let mut back = vec![0; bytes.len()];
        for i in [0, 250, 499] {
            file.read_at(&mut back, i * 102_400).unwrap();
            assert_eq!(back, bytes);
        }
        file.truncate(0);
        assert_eq!(file.read_at(&mut back, 0).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
