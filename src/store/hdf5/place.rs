//! Where an HDF5 file is: on a disk, or far away; and its bytes.

use crate::error::Result;
use crate::store::reach;
use crate::store::remote::{self, FarFile};
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file at any place of it.
pub(super) trait Bytes: Debug {
    /// How many there are.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` with those from `at` on.
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()>;
}

impl Bytes for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, out, at)
    }
}

impl Bytes for Arc<FarFile> {
    fn len(&self) -> io::Result<u64> {
        Ok(FarFile::len(self))
    }
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        FarFile::read_exact_at(self, out, at).map_err(io::Error::other)
    }
}

/// Where a file is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On a disk.
    Near(PathBuf),
    /// Behind a URL.
    Far(Arc<FarFile>),
}

impl Place {
    /// The place of a path, or of a URL that is given as one: then its first bytes are fetched.
    ///
    /// # Errors
    /// Those of [`FarFile::open`]; what is near is not looked at.
    pub(super) fn of(path: &Path, address: &str) -> Result<Place> {
        match remote::url(path) {
            Some(url) => Ok(Place::Far(FarFile::open(url, address)?)),
            None => Ok(Place::Near(path.into())),
        }
    }

    /// As the library names it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Place::Near(path) => path,
            Place::Far(file) => Path::new(file.url()),
        }
    }

    /// Refuses a place where no file is, with what is near.
    ///
    /// # Errors
    /// `Store` where there is none.
    pub(super) fn require(&self, address: &str) -> Result<()> {
        match self {
            Place::Near(path) => reach::open_file(path, address).map(drop),
            Place::Far(_) => Ok(()),
        }
    }

    /// Does what reads through libhdf5, under its lock: a round trip that failed is the result, whatever libhdf5 made of it.
    ///
    /// # Errors
    /// What failed, else what `work` says.
    pub(super) fn watch<T>(&self, address: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self {
            Place::Near(_) => work(),
            Place::Far(file) => file.watch(address, work),
        }
    }

    /// Its bytes for readers of metadata.
    ///
    /// # Errors
    /// Those of opening a file.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Bytes>> {
        match self {
            Place::Near(path) => Ok(Box::new(File::open(path)?)),
            Place::Far(file) => Ok(Box::new(file.clone())),
        }
    }
}
