//! Granules that are finished ↔ a file of records beside them, so that a writer that was stopped can be gone on with.
//!
//! The file begins with a checksum of all that decides the bytes: what the elements are made of, the documents, the chunks. Then each
//! granule has a record once it is finished: its number, how many bytes are stored, their checksum, a checksum of the record. A granule
//! counts as finished only if its bytes and its record agree with these checksums. So what was half written does not count, nor what was
//! lost when the machine crashed; it is written again, as is what has no record. The file is removed before the array appears at its
//! place.

use crate::grid::Marks;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// No key of a chunk and no document: it starts with a dot, and Zarr v2 has no such name.
const NAME: &str = ".flagstone-journal";
const MAGIC: &[u8; 16] = b"flagstone/1\0\0\0\0\0";
/// Of the head, and of each record.
const RECORD_BYTES: usize = 32;
/// Arrays of more granules are begun anew: a bit each is held until the rest is known.
const GRANULES_MAX: u64 = 1 << 27;
/// What of a granule is read at once to be checked.
const PIECE_BYTES: usize = 1 << 20;

/// The records of one array.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

/// What decides the bytes of an array, as a number.
pub(super) fn fingerprint<'a>(parts: impl Iterator<Item = &'a str>) -> u128 {
    // Each part with its length, so that no two lists are the same text.
    let text: String = std::iter::once(env!("CARGO_PKG_VERSION")).chain(parts).map(|part| format!("{}:{part}\n", part.len())).collect();
    xxh3_128(text.as_bytes())
}

fn head(fingerprint: u128) -> [u8; RECORD_BYTES] {
    let mut head = [0; RECORD_BYTES];
    head[..16].copy_from_slice(MAGIC);
    head[16..].copy_from_slice(&fingerprint.to_le_bytes());
    head
}

/// A granule's number, bytes stored and their checksum, in a record that is whole.
fn parts(record: &[u8; RECORD_BYTES]) -> Option<(u64, u64, u64)> {
    let word = |at: usize| record[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let sum = word(24)?;
    (xxh3_64(&record[..24]) == sum).then_some((word(0)?, word(8)?, word(16)?))
}

impl Journal {
    /// Begins one in the directory of an array.
    pub(super) fn begin(directory: &Path, fingerprint: u128) -> io::Result<Journal> {
        let mut file = File::options().append(true).create_new(true).open(directory.join(NAME))?;
        file.write_all(&head(fingerprint))?;
        Ok(Journal { file })
    }

    /// How many records there are in a directory that was left by a writer of the same.
    pub(super) fn records(directory: &Path, fingerprint: u128) -> Option<u64> {
        let file = File::open(directory.join(NAME)).ok()?;
        let mut found = [0; RECORD_BYTES];
        file.read_exact_at(&mut found, 0).ok()?;
        (found == head(fingerprint)).then_some(file.metadata().ok()?.len() / RECORD_BYTES as u64 - 1)
    }

    /// Goes on with the one in this directory: granules of a grid with `counts` along its axes whose stored bytes are those of their
    /// record are marked. `key` gives the file of a granule.
    pub(super) fn take_up(directory: &Path, counts: &[u64], key: impl Fn(u64) -> String) -> io::Result<(Journal, Marks)> {
        let granules = counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count)).filter(|&n| n <= GRANULES_MAX);
        let granules = granules.ok_or_else(|| io::Error::other("too many granules"))?;
        let path = directory.join(NAME);
        let (mut marks, mut whole) = (Marks::none(counts), RECORD_BYTES as u64);
        let (mut reader, mut record) = (BufReader::new(File::open(&path)?), [0; RECORD_BYTES]);
        reader.read_exact(&mut record)?;
        let mut piece = vec![0; PIECE_BYTES];
        while reader.read_exact(&mut record).is_ok() {
            let Some((n, stored, sum)) = parts(&record).filter(|(n, ..)| *n < granules) else { break };
            whole += RECORD_BYTES as u64;
            if stored == 0 || is_whole(&directory.join(key(n)), stored, sum, &mut piece) {
                marks.mark(n);
            }
        }
        let file = File::options().append(true).open(&path)?;
        // Records go on behind the last whole one.
        file.set_len(whole)?;
        Ok((Journal { file }, marks))
    }

    /// Granule `n` is finished: of so many bytes with this checksum; 0 bytes where nothing had to be stored.
    pub(super) fn add(&self, n: u64, stored: u64, sum: u64) -> io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        for (part, word) in record.chunks_exact_mut(8).zip([n, stored, sum]) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        let check = xxh3_64(&record[..24]);
        record[24..].copy_from_slice(&check.to_le_bytes());
        // One call: the kernel puts it behind those of other threads.
        (&self.file).write_all(&record)
    }

    /// Whether a granule was finished since it began.
    pub(super) fn has_records(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.len() > RECORD_BYTES as u64)
    }

    /// Removes it from the directory of an array that is whole.
    pub(super) fn remove(directory: &Path) -> io::Result<()> {
        fs::remove_file(directory.join(NAME))
    }
}

/// Whether a file has these bytes.
fn is_whole(path: &Path, stored: u64, sum: u64, piece: &mut [u8]) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    if file.metadata().map_or(true, |found| found.len() != stored) {
        return false;
    }
    let mut found = Xxh3::new();
    loop {
        match file.read(piece) {
            Ok(0) => return found.digest() == sum,
            Ok(n) => found.update(&piece[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_counts() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let key = |n: u64| format!("chunk{n}");
        let journal = Journal::begin(directory.path(), 7).unwrap();
        assert!(!journal.has_records());
        for n in [0, 1, 2, 4, 5] {
            let bytes = vec![n as u8; 3 * PIECE_BYTES / 2];
            fs::write(at(&key(n)), &bytes).unwrap();
            journal.add(n, bytes.len() as u64, xxh3_64(&bytes)).unwrap();
        }
        journal.add(3, 0, 0).unwrap();
        // Cut, changed, gone; of the last record a part.
        File::options().write(true).open(at("chunk1")).unwrap().set_len(9).unwrap();
        File::options().write(true).open(at("chunk2")).unwrap().write_all_at(b"x", 1_200_000).unwrap();
        fs::remove_file(at("chunk4")).unwrap();
        (&journal.file).write_all(&[1; 17]).unwrap();
        assert_eq!((Journal::records(directory.path(), 7), Journal::records(directory.path(), 8)), (Some(6), None));
        let found = |marks: &Marks| (0..9).filter(|&n| marks.has(n)).collect::<Vec<_>>();
        let (journal, marks) = Journal::take_up(directory.path(), &[3, 3], key).unwrap();
        assert_eq!(found(&marks), [0, 3, 5]);
        // It goes on where it was whole.
        journal.add(8, 0, 0).unwrap();
        let (_, marks) = Journal::take_up(directory.path(), &[3, 3], key).unwrap();
        assert_eq!(found(&marks), [0, 3, 5, 8]);
        // A record that was changed ends what is believed.
        let file = File::options().write(true).open(at(NAME)).unwrap();
        file.write_all_at(&[0xff], 2 * RECORD_BYTES as u64 + 8).unwrap();
        let (_, marks) = Journal::take_up(directory.path(), &[3, 3], key).unwrap();
        assert_eq!(found(&marks), [0]);
        assert!(Journal::take_up(directory.path(), &[1 << 20, 1 << 20], key).is_err());
        assert!(Journal::begin(directory.path(), 7).is_err());
    }

    #[test]
    fn parts_are_not_mixed_up() {
        let of = |parts: &[&str]| fingerprint(parts.iter().copied());
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["a", "b"]), of(&["a\n1:b"]));
        assert_eq!(of(&["a"]), of(&["a"]));
    }
}
