//! Regions → chunk files or shards, in a directory aside until commit.

use super::chain::Chain;
use super::consolidated;
use super::keys::Keys;
use super::pieces::{self, Piece};
use crate::error::{Error, Result};
use crate::grid::{Region, ravel};
use crate::store::copy_box::{copy, dense_source};
use crate::store::in_memory::{check_write, dense_len};
use crate::store::publish::{parent, partial_path, publish, remove, sync_directory};
use crate::store::{Create, Writer};
use flagstone_kernels::view::{View, ViewMut};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A Zarr array being written.
#[derive(Debug)]
pub(super) struct ZarrWriter {
    address: String,
    target: PathBuf,
    partial: PathBuf,
    /// Directories of the groups above.
    above: Vec<PathBuf>,
    /// Group documents to write at commit, outermost first.
    groups: Vec<(PathBuf, String)>,
    /// The array's documents; the last makes it an array.
    documents: Vec<(&'static str, String)>,
    create: Create,
    /// One element of the fill value.
    fill: Vec<u8>,
    chain: Chain,
    keys: Keys,
    /// The box of one file.
    granule: Vec<u64>,
    /// Inner chunks, when files are shards.
    inner: Option<Vec<u64>>,
    done: AtomicBool,
}

/// Bytes of a shard's index with its checksum.
pub(super) fn shard_index_bytes(shard: &[u64], inner: &[u64]) -> Option<u64> {
    let count = shard.iter().zip(inner).try_fold(1u64, |n, (s, i)| n.checked_mul(s / i))?;
    count.checked_mul(16)?.checked_add(4).filter(|&n| n <= 1 << 30)
}

impl ZarrWriter {
    pub(super) fn new(
        address: &str,
        target: PathBuf,
        partial: PathBuf,
        above: Vec<PathBuf>,
        groups: Vec<(PathBuf, String)>,
        documents: Vec<(&'static str, String)>,
        create: Create,
        fill: Vec<u8>,
        chain: Chain,
        keys: Keys,
        granule: Vec<u64>,
        inner: Option<Vec<u64>>,
    ) -> ZarrWriter {
        let address = address.to_string();
        let done = AtomicBool::new(false);
        let mut fill = fill;
        if chain.swap {
            fill.chunks_exact_mut(create.dtype.real().size()).for_each(<[u8]>::reverse);
        }
        ZarrWriter { address, target, partial, above, groups, documents, create, fill, chain, keys, granule, inner, done }
    }

    fn unit(&self) -> &[u64] {
        self.inner.as_ref().unwrap_or(&self.granule)
    }

    fn unit_bytes(&self) -> u64 {
        dense_len(self.unit(), self.create.dtype).unwrap_or(u64::MAX)
    }

    fn index_bytes(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| shard_index_bytes(&self.granule, inner).unwrap_or(u64::MAX))
    }

    /// Encodes one chunk into `stored`; `None` when it holds nothing but the fill value.
    fn encode<'a>(&self, data: &View<'_>, padded: &mut [u8], stored: &'a mut [u8], key: &str) -> Result<Option<&'a [u8]>> {
        let shape: Vec<usize> = self.unit().iter().map(|&n| n as usize).collect();
        let bytes = match dense_source(data).filter(|_| data.shape() == shape && !self.chain.swap) {
            Some(bytes) => bytes,
            None => {
                let padded = &mut padded[..self.unit_bytes() as usize];
                if data.shape() != shape {
                    padded.chunks_exact_mut(self.fill.len()).for_each(|element| element.copy_from_slice(&self.fill));
                }
                let origin = vec![0; shape.len()];
                let mut whole = ViewMut::dense(padded, self.create.dtype, &shape);
                copy(data, &mut whole.part(&origin, data.shape()), self.chain.swap);
                &*padded
            }
        };
        if self.is_fill(bytes) {
            return Ok(None);
        }
        let made = self.chain.encode(bytes, stored);
        let len = made.map_err(|what| Error::store(&self.address, format!("chunk {key}: {what}")))?;
        Ok(Some(&stored[..len]))
    }

    /// Whether these elements, as they are stored, are nothing but the fill value.
    fn is_fill(&self, bytes: &[u8]) -> bool {
        match is_zero(&self.fill) {
            true => is_zero(bytes),
            false => bytes.chunks_exact(self.fill.len()).all(|element| element == self.fill),
        }
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

    fn write_file(&self, piece: &Piece, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let key = self.keys.key(&piece.index);
        let io = |e| Error::store_io(&self.address, &format!("chunk {key}: writing"), &e);
        let (index, scratch) = scratch.split_at_mut(self.index_bytes() as usize);
        let (padded, stored) = scratch.split_at_mut(self.unit_bytes() as usize);
        let Some(inner) = &self.inner else {
            let Some(bytes) = self.encode(data, padded, stored, &key)? else { return Ok(0) };
            let mut file = self.create_file(&key).map_err(io)?;
            file.write_all(bytes).map_err(io)?;
            self.sync(&file).map_err(io)?;
            return Ok(bytes.len() as u64);
        };
        // Never written is all ones, in the index too.
        index.fill(0xff);
        let counts: Vec<u64> = self.granule.iter().zip(inner).map(|(g, i)| g / i).collect();
        let mut at = 0;
        let mut file = None;
        let local = Region(piece.shape.iter().map(|&n| crate::grid::Span::dense(0, n as u64)).collect());
        pieces::for_each(&local, inner, |part| {
            let Some(bytes) = self.encode(&data.part(&part.start, &part.shape), padded, stored, &key)? else { return Ok(()) };
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(self.create_file(&key).map_err(io)?),
            };
            file.write_all_at(bytes, at).map_err(io)?;
            let entry = &mut index[16 * ravel(&part.index, &counts) as usize..][..16];
            entry[..8].copy_from_slice(&at.to_le_bytes());
            entry[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            at += bytes.len() as u64;
            Ok(())
        })?;
        let Some(file) = file else { return Ok(0) };
        let (entries, sum) = index.split_at_mut(self.index_bytes() as usize - 4);
        sum.copy_from_slice(&crc32c::crc32c(entries).to_le_bytes());
        file.write_all_at(index, at).map_err(io)?;
        self.sync(&file).map_err(io)?;
        Ok(at + index.len() as u64)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.create.durable { file.sync_data() } else { Ok(()) }
    }

    fn write_documents(&self) -> io::Result<()> {
        for (name, text) in &self.documents {
            let mut file = File::create(self.partial.join(name))?;
            file.write_all(text.as_bytes())?;
            self.sync(&file)?;
        }
        if self.create.durable { sync_directories(&self.partial) } else { Ok(()) }
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

fn is_zero(bytes: &[u8]) -> bool {
    // Whole words first, and a stop at the first block that holds something.
    let (blocks, rest) = bytes.as_chunks::<256>();
    blocks.iter().all(|block| block.iter().fold(0, |a, b| a | b) == 0) && rest.iter().all(|&b| b == 0)
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
        &self.granule
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        let unit = self.unit_bytes();
        let buffers = unit.saturating_add(self.chain.stored_bytes_max(unit)).saturating_add(self.index_bytes());
        buffers.saturating_add(self.chain.encode_context_bytes(unit))
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        check_write(&self.address, &self.create, region, data)?;
        let whole = region.0.iter().zip(&self.granule).zip(&self.create.shape);
        let mut aligned = whole.map(|((s, g), &n)| s.start % g == 0 && ((s.start + s.len) % g == 0 || s.start + s.len == n));
        if region.elements() > 0 && !aligned.all(|ok| ok) {
            let what = format!("write of {region} cuts chunks of {:?}", self.granule);
            return Err(Error::internal(format!("{}: {what}", self.address)));
        }
        let mut stored = 0;
        pieces::for_each(region, &self.granule, |piece| {
            stored += self.write_file(piece, &data.part(&piece.start, &piece.shape), scratch)?;
            Ok(())
        })?;
        Ok(stored)
    }
    fn commit(&self) -> Result<()> {
        if self.done.load(Ordering::Relaxed) {
            return Err(Error::internal(format!("{}: committed twice", self.address)));
        }
        self.write_documents().map_err(|e| Error::store_io(&self.address, "writing the metadata", &e))?;
        let made = self.write_groups().map_err(|e| Error::store_io(&self.address, "creating the groups above", &e))?;
        if let Err(e) = publish(&self.address, &self.partial, &self.target, self.create.overwrite, self.create.durable) {
            undo(&made);
            return Err(e);
        }
        for directory in &self.above {
            let forgotten = consolidated::forget(directory);
            forgotten.map_err(|e| Error::store_io(&self.address, &format!("the consolidated metadata of {}", directory.display()), &e))?;
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
