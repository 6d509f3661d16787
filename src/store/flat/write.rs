//! Regions → a `.npy` or raw file, written aside at full length and renamed at commit.

use super::header;
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::box_read::{PIECE_BYTES, RUN_BYTES, write_box};
use crate::store::in_memory::{check_write, dense_len};
use crate::store::publish::{already_exists, behind_links, parent, partial_path, publish};
use crate::store::reach::near_misses;
use crate::store::{Codec, Create, Writer};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::View;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A flat file being written.
#[derive(Debug)]
struct FlatWriter {
    address: String,
    target: PathBuf,
    partial: PathBuf,
    file: File,
    base: u64,
    create: Create,
    granule: Vec<u64>,
    done: AtomicBool,
}

/// Starts a `.npy` file.
///
/// # Errors
/// `Store` if it exists and may not be replaced, or cannot be written.
pub(crate) fn create_npy(file: &Path, address: &str, create: &Create) -> Result<Box<dyn Writer>> {
    if create.dtype == DType::BF16 {
        return Err(Error::unsupported(address, "bfloat16 in .npy, which has no code for it; use .zarr or float32"));
    }
    start(file, address, create, header::write(create.dtype, &create.shape))
}

/// Starts a raw file.
///
/// # Errors
/// As [`create_npy`].
pub(crate) fn create_raw(file: &Path, address: &str, create: &Create) -> Result<Box<dyn Writer>> {
    start(file, address, create, Vec::new())
}

fn start(file: &Path, address: &str, create: &Create, header: Vec<u8>) -> Result<Box<dyn Writer>> {
    match &create.codec {
        None | Some(Codec::None) => {}
        Some(codec) => return Err(Error::unsupported(address, format!("the codec {codec} in a flat file; use .zarr or .h5"))),
    }
    match file.symlink_metadata() {
        Ok(found) if found.is_dir() => return Err(Error::store(address, "is a directory; it is not replaced")),
        Ok(_) if !create.overwrite => return Err(already_exists(address)),
        _ => {}
    }
    let base = header.len() as u64;
    let Some(len) = dense_len(&create.shape, create.dtype).and_then(|n| n.checked_add(base)) else {
        return Err(Error::bad_request(address, format!("shape {:?} is too large", create.shape)));
    };
    let file = &behind_links(file);
    let partial = partial_path(parent(file), file);
    let opened = OpenOptions::new().read(true).write(true).create_new(true).open(&partial).map_err(|e| {
        let near = if parent(file).is_dir() { String::new() } else { near_misses(file) };
        Error::store_io(address, "creating", &std::io::Error::new(e.kind(), format!("{e}{near}")))
    })?;
    let writer = FlatWriter {
        address: address.to_string(),
        target: file.to_path_buf(),
        partial,
        file: opened,
        base,
        granule: vec![1; create.shape.len()],
        create: create.clone(),
        done: AtomicBool::new(false),
    };
    let fail = |e| Error::store_io(address, "reserving the file's length", &e);
    writer.file.set_len(len).map_err(fail)?;
    writer.file.write_all_at(&header, 0).map_err(fail)?;
    Ok(Box::new(writer))
}

impl Writer for FlatWriter {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn run_bytes(&self) -> u64 {
        RUN_BYTES
    }
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        dense_len(shape, self.create.dtype).unwrap_or(u64::MAX).clamp(16, PIECE_BYTES)
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        check_write(&self.address, &self.create, region, data)?;
        write_box(&self.file, self.base, &self.create.shape, region, data, scratch)
            .map_err(|e| Error::store_io(&self.address, &format!("writing {region}"), &e))
    }
    fn commit(&self) -> Result<()> {
        if self.create.durable {
            self.file.sync_all().map_err(|e| Error::store_io(&self.address, "fsync", &e))?;
        }
        publish(&self.address, &self.partial, &self.target, self.create.overwrite, self.create.durable)?;
        self.done.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for FlatWriter {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) {
            // Nothing to be done about a failure: the name is hidden and tells whose it was.
            let _ = fs::remove_file(&self.partial);
        }
    }
}
