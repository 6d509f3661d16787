//! Files → how they stand, so that it shows when they were written since; and which of that this process did itself.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What changes when a file is written, or another one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// The file system and its number for the file: the same for as long as it is the same file.
    file: (u64, u64),
    len: u64,
    /// Nanoseconds since 1970.
    written: i128,
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        path.metadata().ok().map(|found| Stamp::from(&found))
    }
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Stamp {
        let written = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        Stamp { file: (found.dev(), found.ino()), len: found.len(), written }
    }
}

/// How some files stood at a time.
#[derive(Debug)]
pub(super) struct Stamps {
    files: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether one had been written just before, so that the clock of the file system may show the next write as the same.
    young: bool,
}

/// The clocks of file systems step by less.
const STEP: Duration = Duration::from_millis(50);

impl Stamps {
    /// As they stand now. Those that are not there may come.
    pub(super) fn of(files: impl IntoIterator<Item = PathBuf>) -> Stamps {
        let files: Vec<_> = files.into_iter().map(|file| (Stamp::of(&file), file)).map(|(stamp, file)| (file, stamp)).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = (now.saturating_sub(STEP)).as_nanos() as i128;
        let young = files.iter().flat_map(|(_, stamp)| stamp).any(|stamp| stamp.written >= since);
        Stamps { files, young }
    }

    /// Whether one may have been written, or replaced. Of one that is gone nobody knows more than was known.
    pub(super) fn may_differ(&self) -> bool {
        self.files.iter().any(|(file, then)| Stamp::of(file).is_some_and(|now| self.young || Some(now) != *then))
    }

    /// Whether some were there, and all of these are gone.
    pub(super) fn are_gone(&self) -> bool {
        let mut there = self.files.iter().filter(|(_, then)| then.is_some()).peekable();
        there.peek().is_some() && there.all(|(file, _)| !file.exists())
    }

    /// Whether another program wrote one, which is the same file still.
    pub(super) fn was_written(&self) -> bool {
        self.files.iter().any(|(file, then)| {
            let changed = |now: &Stamp| then.is_some_and(|then| now.file == then.file && *now != then);
            Stamp::of(file).filter(changed).is_some_and(|now| !is_own(&now))
        })
    }

    /// The files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(file, _)| file.as_path())
    }
}

/// A directory, whatever comes and goes in it: the same until it is removed, or another one takes its place.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    then: Option<Identity>,
}

/// File system, number and time of making: numbers are given out again.
type Identity = (u64, u64, Option<SystemTime>);

impl Home {
    pub(super) fn of(path: &Path) -> Home {
        Home { path: path.into(), then: identity(path) }
    }

    pub(super) fn is_same(&self) -> bool {
        identity(&self.path) == self.then
    }
}

fn identity(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|found| (found.dev(), found.ino(), found.created().ok()))
}

/// What this process does with a file that it writes in place.
#[derive(Default)]
struct Own {
    writers: usize,
    /// How the last writer left it.
    left: Option<Stamp>,
}

/// By file system and number. One entry a file that was ever written in place.
static OWN: Mutex<Option<HashMap<(u64, u64), Own>>> = Mutex::new(None);

fn with_own<T>(f: impl FnOnce(&mut HashMap<(u64, u64), Own>) -> T) -> T {
    f(OWN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Whether a file stands as this process leaves it, or is written by it now: what it writes moves nothing that is there.
fn is_own(now: &Stamp) -> bool {
    with_own(|own| own.get(&now.file).is_some_and(|own| own.writers > 0 || own.left == Some(*now)))
}

/// While it lives, this process writes a file in place. To be dropped when the file is closed.
#[derive(Debug)]
pub(super) struct OwnWriting {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

impl OwnWriting {
    /// Of the file at a path, which is there.
    pub(super) fn new(path: &Path) -> OwnWriting {
        let file = Stamp::of(path).map(|stamp| stamp.file);
        if let Some(file) = file {
            with_own(|own| own.entry(file).or_default().writers += 1);
        }
        OwnWriting { path: path.into(), file }
    }
}

impl OwnWriting {
    /// Whether nobody else in this process writes the file.
    pub(super) fn is_last(&self) -> bool {
        self.file.is_some_and(|file| with_own(|own| own.get(&file).is_some_and(|own| own.writers == 1)))
    }
}

impl Drop for OwnWriting {
    fn drop(&mut self) {
        let Some(file) = self.file else { return };
        let left = Stamp::of(&self.path).filter(|stamp| stamp.file == file);
        with_own(|own| {
            let own = own.entry(file).or_default();
            own.writers = own.writers.saturating_sub(1);
            own.left = left;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::thread::sleep;

    #[test]
    fn what_others_write_shows_and_what_is_written_here_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"one").unwrap();
        let written_at = |time| File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        // Not the time of the write itself: a machine may stall for longer than a step.
        written_at(SystemTime::now() + Duration::from_secs(60));
        assert!(Stamps::of([file.clone()]).may_differ(), "the next write may bear the same time");
        written_at(SystemTime::now() - 2 * STEP);
        let then = Stamps::of([file.clone(), directory.path().join("none")]);
        assert!(!then.may_differ() && !then.was_written());
        {
            let _own = OwnWriting::new(&file);
            fs::write(&file, b"two").unwrap();
            assert!(then.may_differ() && !then.was_written(), "by a writer of this process");
        }
        assert!(then.may_differ() && !then.was_written(), "left by it");
        sleep(2 * STEP);
        fs::write(&file, b"six").unwrap();
        assert!(then.was_written(), "by another one");
        let other = directory.path().join("other");
        fs::write(&other, b"1").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(then.may_differ() && !then.was_written(), "another file, while the one that was there is as it was");
        assert!(!then.are_gone());
        fs::remove_file(&file).unwrap();
        assert!(!then.may_differ() && !then.was_written() && then.are_gone());
    }

    #[test]
    fn directories_are_the_same_until_others_take_their_place() {
        let directory = tempfile::tempdir().unwrap();
        let (home, other) = (directory.path().join("home"), directory.path().join("other"));
        fs::create_dir(&home).unwrap();
        let then = Home::of(&home);
        fs::write(home.join("chunk"), b"1").unwrap();
        assert!(then.is_same());
        fs::create_dir(&other).unwrap();
        fs::remove_dir_all(&home).unwrap();
        assert!(!then.is_same());
        fs::rename(&other, &home).unwrap();
        assert!(!then.is_same());
        assert!(Home::of(&home).is_same());
    }
}
