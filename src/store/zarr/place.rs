//! A key of a Zarr store → the bytes of a file, or a part of one: stores are directories, zip files or far away.

use super::document;
use crate::error::{Error, Result};
use crate::store::remote::{self, Bucket};
use crate::store::zip::{Archive, Member};
use serde_json::Value;
use std::fs::{self, File};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Where a group or array is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A directory.
    Directory(PathBuf),
    /// In a zip file, names that start with `prefix`, which is empty or ends in `/`.
    Zip { archive: Arc<Archive>, path: PathBuf, prefix: String },
    /// In a bucket or on a server, keys that start with `prefix`, which is empty or ends in `/`.
    Far { bucket: Arc<Bucket>, prefix: String },
}

/// The bytes of a key.
pub(super) struct Opened<'a> {
    file: Handle<'a>,
    /// Where they begin in the file.
    pub(super) at: u64,
    /// How many there are in the file.
    pub(super) len: u64,
    /// What they are packed as, where they are.
    pub(super) packed: Option<Packed>,
    /// CRC-32 of the bytes, where one is known.
    pub(super) sum: Option<u32>,
}

/// What bytes are packed by deflate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    /// Bytes when unpacked.
    pub(super) len: u64,
}

enum Handle<'a> {
    Own(File),
    Shared(&'a File),
}

impl Deref for Handle<'_> {
    type Target = File;
    fn deref(&self) -> &File {
        match self {
            Handle::Own(file) => file,
            Handle::Shared(file) => file,
        }
    }
}

impl Opened<'_> {
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl Place {
    /// The place of `path` below `root`, which it cannot leave.
    ///
    /// # Errors
    /// `BadRequest` for a path that is none; those of opening a zip file.
    pub(super) fn below(root: &Path, path: &str, address: &str) -> Result<Place> {
        let path = path.trim_matches('/');
        let parts = Path::new(path).components();
        if parts.clone().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(Error::bad_request(address, format!("{path:?} is no path of an array inside a Zarr group")));
        }
        if let Some(url) = remote::url(root) {
            let (bucket, key) = Bucket::open(url, address)?;
            let prefix = [key.as_str(), path].iter().filter(|part| !part.is_empty()).map(|part| format!("{part}/")).collect();
            return Ok(Place::Far { bucket, prefix });
        }
        if !root.is_file() {
            return Ok(Place::Directory(root.join(path)));
        }
        let archive = Arc::new(Archive::open(root, address)?);
        let prefix = parts.map(|part| format!("{}/", part.as_os_str().to_string_lossy())).collect();
        Ok(Place::Zip { archive, path: root.to_path_buf(), prefix })
    }

    /// The place of `name` in this one.
    pub(super) fn child(&self, name: &str) -> Place {
        match self {
            Place::Directory(directory) => Place::Directory(directory.join(name)),
            Place::Zip { archive, path, prefix } => {
                Place::Zip { archive: archive.clone(), path: path.clone(), prefix: format!("{prefix}{name}/") }
            }
            Place::Far { bucket, prefix } => Place::Far { bucket: bucket.clone(), prefix: format!("{prefix}{name}/") },
        }
    }

    /// Whether something is there: a directory, or names in the zip file.
    pub(super) fn exists(&self) -> bool {
        match self {
            Place::Directory(directory) => directory.exists(),
            Place::Zip { archive, prefix, .. } => archive.below(prefix).next().is_some(),
            Place::Far { bucket, prefix } => {
                let mut any = false;
                let _ = bucket.objects(prefix, &mut |_, _| {
                    any = true;
                    false
                });
                any
            }
        }
    }

    /// Names of what may be groups and arrays in this one, sorted.
    ///
    /// # Errors
    /// `Store` when a directory cannot be listed.
    pub(super) fn names(&self, address: &str) -> Result<Vec<String>> {
        let mut names = match self {
            Place::Zip { archive, prefix, .. } => archive.directories(prefix),
            Place::Far { bucket, prefix } => bucket.directories(prefix).map_err(|what| Error::store(address, what))?,
            Place::Directory(directory) => {
                let entries = fs::read_dir(directory).map_err(|e| Error::store_io(address, "listing a group", &e))?;
                let entries = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
                entries.filter(|name| !name.starts_with('.') && directory.join(name).is_dir()).collect()
            }
        };
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    /// A metadata document of this group or array; `None` where there is none.
    ///
    /// # Errors
    /// As [`document::read`].
    pub(super) fn document(&self, name: &str, address: &str) -> Result<Option<Value>> {
        match self {
            Place::Directory(directory) => document::read(&directory.join(name), address),
            Place::Zip { archive, prefix, .. } => {
                let name = format!("{prefix}{name}");
                let Some(member) = archive.find(&name) else { return Ok(None) };
                let text = unpacked(archive, member).map_err(|e| Error::store_io(address, &format!("reading {name}"), &e))?;
                document::parse(&text[..], text.len() as u64, &name, address)
            }
            Place::Far { bucket, prefix } => {
                let key = format!("{prefix}{name}");
                let text = bucket.get(&key, document::KEPT_BYTES_MAX).map_err(|what| Error::store(address, what))?;
                let Some(text) = text else { return Ok(None) };
                document::parse(&text[..], text.len() as u64, &bucket.url(&key), address)
            }
        }
    }

    /// The bytes of a key of this array; `None` where there is none.
    ///
    /// # Errors
    /// `Store` for what is no file or cannot be opened.
    pub(super) fn open(&self, key: &str, address: &str) -> Result<Option<Opened<'_>>> {
        let failed = |e: &io::Error| Error::store_io(address, &format!("chunk {key}: opening"), e);
        match self {
            Place::Directory(directory) => {
                let opened = File::open(directory.join(key)).and_then(|file| {
                    let found = file.metadata()?;
                    Ok((file, found))
                });
                match opened {
                    Ok((_, found)) if !found.is_file() => Err(Error::store(address, format!("chunk {key}: is not a file"))),
                    Ok((file, found)) => Ok(Some(Opened { file: Handle::Own(file), at: 0, len: found.len(), packed: None, sum: None })),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(failed(&e)),
                }
            }
            Place::Zip { archive, prefix, .. } => {
                let Some(member) = archive.find(&format!("{prefix}{key}")) else { return Ok(None) };
                let at = archive.start(member).map_err(|e| failed(&e))?;
                let packed = member.deflated.then_some(Packed { len: member.len });
                Ok(Some(Opened { file: Handle::Shared(archive.file()), at, len: member.stored, packed, sum: Some(member.sum) }))
            }
            Place::Far { .. } => Err(Error::internal("an object that is far away is no file")),
        }
    }

    /// The longest chunk that is packed by deflate, packed and unpacked; zeros where none is.
    pub(super) fn packed_bytes(&self, is_chunk: impl Fn(&str) -> bool) -> (u64, u64) {
        let Place::Zip { archive, prefix, .. } = self else { return (0, 0) };
        let packed = archive.below(prefix).filter(|(key, member)| member.deflated && is_chunk(key));
        packed.fold((0, 0), |(stored, len), (_, member)| (stored.max(member.stored), len.max(member.len)))
    }

    /// Bytes that are kept in memory to find keys.
    pub(super) fn resident_bytes(&self) -> u64 {
        match self {
            Place::Directory(_) | Place::Far { .. } => 0,
            Place::Zip { archive, .. } => archive.resident_bytes(),
        }
    }
}

/// A document out of an archive.
fn unpacked(archive: &Archive, member: &Member) -> io::Result<Vec<u8>> {
    let damaged = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    if member.len.max(member.stored) > document::KEPT_BYTES_MAX {
        return Err(damaged(format!("{} bytes; metadata in a zip file is read up to {}", member.len, document::KEPT_BYTES_MAX)));
    }
    let mut stored = vec![0; member.stored as usize];
    archive.file().read_exact_at(&mut stored, archive.start(member)?)?;
    let text = if member.deflated {
        let mut text = vec![0; member.len as usize];
        let made = libdeflater::Decompressor::new().deflate_decompress(&stored, &mut text).map_err(|e| damaged(e.to_string()))?;
        if made != text.len() {
            return Err(damaged(format!("unpacks to {made} bytes, {} were announced", text.len())));
        }
        text
    } else {
        stored
    };
    if libdeflater::crc32(&text) != member.sum {
        return Err(damaged("its CRC-32 is wrong".into()));
    }
    Ok(text)
}
