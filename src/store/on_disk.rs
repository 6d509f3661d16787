//! The array of a file on a disk, which others may write meanwhile: what is known of where its elements lie holds for the file as it stood.
//! So each computation asks for the array as it is now ([`Store::renewed`]), and what is read of a file that was written since is no value.

use super::packing::Packing;
use super::stamp::{Home, Stamps};
use super::{Meta, Moved, Store};
use crate::error::{Error, Result};
use crate::grid::Region;
use flagstone_kernels::view::ViewMut;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How the array of a format is opened, and what may happen to its files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opener {
    pub(super) open: fn(&str) -> Result<Arc<dyn Store>>,
    /// Whether the elements are in the files that are watched, at places that the handle knows.
    pub(super) holds_places: bool,
    /// Whether a writer of this file moves nothing that is there, or the user said that what it does is of no matter.
    pub(super) may_grow: fn(&Path) -> bool,
}

/// An open array, and how its files stood when it was opened.
#[derive(Debug)]
pub(super) struct OnDisk {
    store: Arc<dyn Store>,
    /// Its shape is that when the address was opened first.
    meta: Meta,
    stamps: Stamps,
    /// The directory of files that are looked for anew by each read, where the elements are in such.
    home: Option<Home>,
    opener: Opener,
    /// Bytes of the handle that this one stands for.
    beside_bytes: u64,
    /// What stands for this one since the files were written.
    later: Mutex<Option<Arc<OnDisk>>>,
}

impl OnDisk {
    /// The array at an address, whose files are `files`.
    ///
    /// # Errors
    /// Those of opening it.
    pub(super) fn open(address: &str, files: Vec<PathBuf>, opener: Opener) -> Result<OnDisk> {
        let stamps = Stamps::of(files.iter().cloned());
        let home = files.first().filter(|_| !opener.holds_places).and_then(|file| file.parent()).map(Home::of);
        let store = (opener.open)(address)?;
        // An external link leads to another file.
        let stamps = match store.elsewhere() {
            Some(other) => Stamps::of(files.into_iter().chain([other.to_path_buf()])),
            None => stamps,
        };
        Ok(OnDisk { meta: store.meta().clone(), store, stamps, home, opener, beside_bytes: 0, later: Mutex::default() })
    }

    fn may_grow(&self) -> bool {
        self.stamps.files().any(self.opener.may_grow)
    }

    /// Whether its directory is another one than when it was opened.
    ///
    /// # Errors
    /// `Store` when the array is gone.
    fn has_moved(&self) -> Result<bool> {
        let Some(home) = &self.home else { return Ok(false) };
        if self.stamps.are_gone() {
            return Err(Error::store(self.address(), "is gone since it was opened"));
        }
        Ok(!home.is_same())
    }

    /// Whether what is there may be another array, or more of it, than when it was opened.
    ///
    /// # Errors
    /// `Store` when it is gone.
    fn may_differ(&self) -> Result<bool> {
        Ok(self.has_moved()? || self.stamps.may_differ())
    }

    /// Whether what was read until now may be neither the array as it was nor the array as it is.
    fn was_disturbed(&self) -> Result<bool> {
        match self.opener.holds_places {
            true => Ok(self.stamps.was_written() && !self.may_grow()),
            // Chunks that are not there may be those of either.
            false => self.has_moved(),
        }
    }

    /// The array as it is now, which stands for this one.
    fn reopened(&self) -> Result<OnDisk> {
        let files = self.stamps.files().map(Path::to_path_buf).collect();
        let now = OnDisk::open(self.address(), files, self.opener)?;
        let (then, found) = (&self.meta, &now.meta);
        let within = then.shape.len() == found.shape.len() && then.shape.iter().zip(&found.shape).all(|(then, now)| then <= now);
        if !within || then.dtype != found.dtype || self.packing() != now.packing() {
            let what = if then.dtype == found.dtype && then.shape == found.shape {
                format!("its attributes said of its numbers {}, and say {} now", self.packing(), now.packing())
            } else {
                format!("it was {} of shape {:?}, and is {} of shape {:?} now", then.dtype, then.shape, found.dtype, found.shape)
            };
            let what = format!("has changed since it was opened: {what}; open it again");
            return Err(Error::store(self.address(), what));
        }
        let meta = Meta { shape: then.shape.clone(), ..found.clone() };
        Ok(OnDisk { meta, beside_bytes: self.store.resident_bytes(), ..now })
    }
}

impl Store for OnDisk {
    fn address(&self) -> &str {
        self.store.address()
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn packing(&self) -> Packing {
        self.store.packing()
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        self.store.scratch_bytes(region)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        let moved = self.store.read(region, out, scratch);
        // Looked at afterwards: whatever was written until now is seen.
        if self.was_disturbed()? {
            let what = "has changed since it was opened: another program wrote it while it was read; compute it again";
            return Err(Error::store(self.address(), what));
        }
        moved
    }
    fn prefetch(&self, region: &Region) {
        self.store.prefetch(region);
    }
    fn ahead_bytes(&self) -> u64 {
        self.store.ahead_bytes()
    }
    fn allow_ahead(&self, bytes: u64) -> Box<dyn Send> {
        self.store.allow_ahead(bytes)
    }
    fn stored_bytes(&self) -> Option<u64> {
        self.store.stored_bytes()
    }
    fn values(&self) -> Option<&[u8]> {
        self.store.values()
    }
    fn is_in_memory(&self) -> bool {
        self.store.is_in_memory()
    }
    fn resident_bytes(&self) -> u64 {
        self.store.resident_bytes() + self.beside_bytes
    }
    fn shared_bytes(&self) -> Option<(usize, u64)> {
        self.store.shared_bytes()
    }
    fn renewed(&self) -> Result<Option<Arc<dyn Store>>> {
        if !self.may_differ()? || self.may_grow() {
            return Ok(None);
        }
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match later.take().filter(|known| known.may_differ().is_ok_and(|differs| !differs)) {
            Some(known) => known,
            None => Arc::new(self.reopened()?),
        };
        *later = Some(now.clone());
        Ok(Some(now))
    }
}
