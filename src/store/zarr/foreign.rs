//! Chunks of codec chains that are not ours → bytes, by zarrs, one thread.

use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use zarrs::array::{Array, ArrayBytes, CodecOptions};
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::ArrayMetadata;
use zarrs::storage::store::MemoryStore;

/// zarrs' decoder of one array.
pub(super) struct Foreign {
    array: Array<FilesystemStore>,
    options: CodecOptions,
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Foreign")
    }
}

impl Foreign {
    /// # Errors
    /// `Unsupported` for chains that zarrs cannot decode either, with the reason `why` they are not decoded here.
    pub(super) fn new(directory: &Path, metadata: ArrayMetadata, why: &str, address: &str) -> Result<Foreign> {
        let store = FilesystemStore::new(directory).map_err(|e| refused(address, why, &e.to_string()))?;
        let array = array(store, metadata).map_err(|e| refused(address, why, &e))?;
        let options = CodecOptions::default().with_concurrent_target(1).with_chunk_concurrent_minimum(1);
        Ok(Foreign { array, options })
    }

    /// Whether [`Foreign::new`] would do, without a look at the disk.
    ///
    /// # Errors
    /// As [`Foreign::new`].
    pub(super) fn check(metadata: ArrayMetadata, why: &str, address: &str) -> Result<()> {
        array(MemoryStore::new(), metadata).map(drop).map_err(|e| refused(address, why, &e))
    }

    /// The elements of the chunk at `index`, dense in C order and native byte order.
    ///
    /// # Errors
    /// What failed, as text.
    pub(super) fn chunk(&self, index: &[u64]) -> std::result::Result<Vec<u8>, String> {
        // Other people's decoders may panic on corrupt bytes; that is an error of the file.
        let read = || self.array.retrieve_chunk_opt::<ArrayBytes<'static>>(index, &self.options);
        let bytes = catch_unwind(AssertUnwindSafe(read)).map_err(|_| "the decoder panicked".to_string())?;
        let fixed = bytes.map_err(|e| e.to_string())?.into_fixed().map_err(|e| e.to_string())?;
        Ok(fixed.into_owned())
    }
}

/// zarrs' array of these metadata, or what it says against them.
fn array<S>(store: S, metadata: ArrayMetadata) -> std::result::Result<Array<S>, String> {
    let open = || Array::new_with_metadata(Arc::new(store), "/", metadata).map_err(|e| e.to_string());
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err("the metadata is corrupt".into()))
}

fn refused(address: &str, why: &str, what: &str) -> Error {
    // What a parser says of its own types helps nobody.
    let what = what.split(": data did not match any variant").next().unwrap_or(what);
    Error::unsupported(address, format!("codecs: {why} ({what})"))
}
