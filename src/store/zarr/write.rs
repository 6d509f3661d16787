//! Regions → chunk files or shards, in a directory aside until commit.

use super::consolidated;
use super::encode::{Encoder, Object};
use super::journal::{self, Journal};
use crate::error::{Error, Result};
use crate::grid::{Marks, Region, ravel, unravel};
use crate::store::Writer;
use crate::store::publish::{leave, left_over, parent, partial_path, publish, remove, sync_directory, take_over};
use flagstone_kernels::view::View;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// A Zarr array being written.
#[derive(Debug)]
pub(super) struct ZarrWriter {
    encoder: Encoder,
    target: PathBuf,
    partial: PathBuf,
    /// Directories of the groups above.
    above: Vec<PathBuf>,
    /// Group documents to write at commit, outermost first.
    groups: Vec<(PathBuf, String)>,
    /// The array's documents; the last makes it an array.
    documents: Vec<(&'static str, String)>,
    /// Of what is finished, where a later writer may go on.
    journal: Option<Journal>,
    /// What an earlier writer had finished, until it is asked for.
    finished: Mutex<Option<Marks>>,
    /// Whether files may be there that an earlier writer did not finish.
    goes_on: bool,
    done: AtomicBool,
}

/// The file of one chunk or shard.
struct ChunkFile<'a> {
    file: File,
    key: String,
    writer: &'a ZarrWriter,
    /// Of the bytes so far, where there is a journal.
    sum: Option<Xxh3>,
    /// Where it goes at the end.
    total: &'a Cell<u64>,
}

impl ChunkFile<'_> {
    fn failed(&self, error: &io::Error) -> Error {
        self.writer.failed(&self.key, error)
    }
}

impl Object for ChunkFile<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(sum) = &mut self.sum {
            sum.update(bytes);
        }
        self.file.write_all(bytes).map_err(|e| self.failed(&e))
    }
    fn finish(self: Box<Self>) -> Result<()> {
        self.total.set(self.sum.as_ref().map_or(0, Xxh3::digest));
        self.writer.sync(&self.file).map_err(|e| self.failed(&e))
    }
}

/// Where an array is written until it is whole, and what is there of it.
struct Aside {
    partial: PathBuf,
    journal: Option<Journal>,
    finished: Option<Marks>,
}

impl Aside {
    /// A directory in `place` for the array at `target`: with `resume` that of a writer of the same which was stopped.
    fn new(place: &Path, target: &Path, encoder: &Encoder, documents: &[(&'static str, String)]) -> io::Result<Aside> {
        let Some(origin) = &encoder.create.origin else {
            let partial = partial_path(place, target);
            return fs::create_dir(&partial).map(|()| Aside { partial, journal: None, finished: None });
        };
        let granule = format!("{:?}", encoder.granule());
        let texts = documents.iter().map(|(_, text)| text.as_str());
        let fingerprint = journal::fingerprint([origin.as_str(), &granule].into_iter().chain(texts));
        if encoder.create.resume {
            let left = left_over(place, target).into_iter().filter_map(|left| Some((Journal::records(&left, fingerprint)?, left)));
            let most = left.max_by_key(|(records, _)| *records);
            if let Some(partial) = most.and_then(|(_, left)| take_over(place, target, &left)) {
                let counts = encoder.counts();
                match Journal::take_up(&partial, &counts, |n| encoder.key(&unravel(n, &counts))) {
                    Ok((journal, finished)) => return Ok(Aside { partial, journal: Some(journal), finished: Some(finished) }),
                    Err(_) => remove(&partial)?,
                }
            }
        }
        let partial = partial_path(place, target);
        fs::create_dir(&partial)?;
        let journal = Journal::begin(&partial, fingerprint)?;
        Ok(Aside { partial, journal: Some(journal), finished: None })
    }
}

impl ZarrWriter {
    /// Starts the array at `target`, aside in the directory `place`.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn new(
        place: &Path,
        encoder: Encoder,
        target: PathBuf,
        above: Vec<PathBuf>,
        groups: Vec<(PathBuf, String)>,
        documents: Vec<(&'static str, String)>,
    ) -> io::Result<ZarrWriter> {
        let Aside { partial, journal, finished } = Aside::new(place, &target, &encoder, &documents)?;
        let (goes_on, finished, done) = (finished.is_some(), Mutex::new(finished), AtomicBool::new(false));
        Ok(ZarrWriter { encoder, target, partial, above, groups, documents, journal, finished, goes_on, done })
    }

    /// A granule is finished: nothing that an earlier writer left is in its place, and the journal knows.
    fn note(&self, key: &str, index: &[u64], stored: u64, sum: u64) -> io::Result<()> {
        if stored == 0 && self.goes_on {
            remove(&self.partial.join(key))?;
        }
        match &self.journal {
            Some(journal) => journal.add(ravel(index, &self.encoder.counts()), stored, sum),
            None => Ok(()),
        }
    }

    fn failed(&self, key: &str, error: &io::Error) -> Error {
        Error::store_io(&self.encoder.address, &format!("chunk {key}: writing"), error)
    }

    fn create_file(&self, key: &str) -> io::Result<File> {
        let path = self.partial.join(key);
        match File::create(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.partial.is_dir() => {
                fs::create_dir_all(parent(&path))?;
                File::create(&path)
            }
            other => other,
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.encoder.create.durable { file.sync_data() } else { Ok(()) }
    }

    fn write_documents(&self) -> io::Result<()> {
        for (name, text) in &self.documents {
            let mut file = File::create(self.partial.join(name))?;
            file.write_all(text.as_bytes())?;
            self.sync(&file)?;
        }
        if self.encoder.create.durable { sync_directories(&self.partial) } else { Ok(()) }
    }

    /// Makes the groups above; returns the directories that were not there before.
    fn write_groups(&self) -> io::Result<Vec<PathBuf>> {
        let mut made = Vec::new();
        for (file, text) in &self.groups {
            let directory = parent(file);
            match fs::create_dir(directory) {
                Ok(()) => made.push(directory.to_path_buf()),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(e) => {
                    undo(&made);
                    return Err(e);
                }
            }
            if file.exists() {
                continue;
            }
            let aside = partial_path(directory, file);
            let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, file));
            if let Err(e) = written {
                let _ = fs::remove_file(&aside);
                undo(&made);
                return Err(e);
            }
        }
        Ok(made)
    }
}

/// Removes groups that a failed commit made and nobody filled since.
fn undo(made: &[PathBuf]) {
    for directory in made.iter().rev() {
        for name in ["zarr.json", ".zgroup"] {
            let _ = fs::remove_file(directory.join(name));
        }
        let _ = fs::remove_dir(directory);
    }
}

fn sync_directories(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    sync_directory(path)
}

impl Writer for ZarrWriter {
    fn granule(&self) -> &[u64] {
        self.encoder.granule()
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        self.encoder.scratch_bytes()
    }
    fn dense_scratch_bytes(&self, shape: &[u64]) -> u64 {
        self.encoder.dense_scratch_bytes(shape)
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let total = Cell::new(0);
        let make = |key: &str| {
            let file = self.create_file(key).map_err(|e| self.failed(key, &e))?;
            let sum = self.journal.as_ref().map(|_| Xxh3::new());
            Ok(Box::new(ChunkFile { file, key: key.to_string(), writer: self, sum, total: &total }) as Box<dyn Object + '_>)
        };
        let finished =
            |key: &str, index: &[u64], stored: u64| self.note(key, index, stored, total.take()).map_err(|e| self.failed(key, &e));
        self.encoder.write(region, data, scratch, &make, &finished)
    }
    fn take_finished(&self) -> Option<Marks> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
    fn commit(&self) -> Result<()> {
        if self.done.load(Ordering::Relaxed) {
            return Err(Error::internal(format!("{}: committed twice", self.encoder.address)));
        }
        self.write_documents().map_err(|e| Error::store_io(&self.encoder.address, "writing the metadata", &e))?;
        if self.journal.is_some() {
            let removed = Journal::remove(&self.partial);
            removed.map_err(|e| Error::store_io(&self.encoder.address, "removing the journal of what is finished", &e))?;
        }
        let made = self.write_groups().map_err(|e| Error::store_io(&self.encoder.address, "creating the groups above", &e))?;
        if let Err(e) =
            publish(&self.encoder.address, &self.partial, &self.target, self.encoder.create.overwrite, self.encoder.create.durable)
        {
            undo(&made);
            return Err(e);
        }
        for directory in &self.above {
            let forgotten = consolidated::forget(directory);
            forgotten.map_err(|e| {
                Error::store_io(&self.encoder.address, &format!("the consolidated metadata of {}", directory.display()), &e)
            })?;
        }
        self.done.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for ZarrWriter {
    fn drop(&mut self) {
        if self.done.load(Ordering::Relaxed) {
            return;
        }
        // Nothing to be done about a failure: the name is hidden and tells whose it was.
        let is_kept =
            self.journal.as_ref().is_some_and(Journal::has_records) && leave(parent(&self.partial), &self.target, &self.partial).is_ok();
        if !is_kept {
            let _ = remove(&self.partial);
        }
    }
}
