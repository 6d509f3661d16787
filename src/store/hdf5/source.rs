//! What a dataset's elements are read from.

use super::far::Far;
use super::place::{Bytes, Place};
use crate::error::{Error, Result};
use std::fs::File;

/// What elements are read from.
#[derive(Debug)]
pub(super) enum Source {
    /// An open file.
    Near(File),
    /// A far one, and what fetches parts of it.
    Far(Far),
}

impl Source {
    /// The source of elements at a place.
    ///
    /// # Errors
    /// `Store` for a file that cannot be opened.
    pub(super) fn open(place: &Place, address: &str) -> Result<Source> {
        match place {
            Place::Near(path) => {
                let file = File::open(path).map_err(|e| Error::store_io(address, &format!("opening {}", path.display()), &e))?;
                Ok(Source::Near(file))
            }
            Place::Far(file) => Ok(Source::Far(Far::new(file))),
        }
    }

    pub(super) fn bytes(&self) -> &dyn Bytes {
        match self {
            Source::Near(file) => file,
            Source::Far(far) => far.file(),
        }
    }
}
