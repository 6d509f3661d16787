//! Regions → chunk files or shards, in a directory aside until commit.

use super::consolidated;
use super::encode::{Encoder, Object};
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::Writer;
use crate::store::publish::{parent, partial_path, publish, remove, sync_directory};
use flagstone_kernels::view::View;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

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
    done: AtomicBool,
}

/// The file of one chunk or shard.
struct ChunkFile<'a> {
    file: File,
    key: String,
    writer: &'a ZarrWriter,
}

impl ChunkFile<'_> {
    fn failed(&self, error: &io::Error) -> Error {
        self.writer.failed(&self.key, error)
    }
}

impl Object for ChunkFile<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| self.failed(&e))
    }
    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.sync(&self.file).map_err(|e| self.failed(&e))
    }
}

impl ZarrWriter {
    pub(super) fn new(
        encoder: Encoder,
        target: PathBuf,
        partial: PathBuf,
        above: Vec<PathBuf>,
        groups: Vec<(PathBuf, String)>,
        documents: Vec<(&'static str, String)>,
    ) -> ZarrWriter {
        ZarrWriter { encoder, target, partial, above, groups, documents, done: AtomicBool::new(false) }
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
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        self.encoder.write(region, data, scratch, &|key| {
            let file = self.create_file(key).map_err(|e| self.failed(key, &e))?;
            Ok(Box::new(ChunkFile { file, key: key.to_string(), writer: self }))
        })
    }
    fn commit(&self) -> Result<()> {
        if self.done.load(Ordering::Relaxed) {
            return Err(Error::internal(format!("{}: committed twice", self.encoder.address)));
        }
        self.write_documents().map_err(|e| Error::store_io(&self.encoder.address, "writing the metadata", &e))?;
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
        if !self.done.load(Ordering::Relaxed) {
            // Nothing to be done about a failure: the name is hidden and tells whose it was.
            let _ = remove(&self.partial);
        }
    }
}
