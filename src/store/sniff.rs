//! The bytes that stand at a path → their format. An ending only decides what is written.

use super::hdf5;
use crate::error::{Error, Result};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A file with HDF5's signature at 0, 512, 1024, 2048, …
    Hdf5,
    /// A directory with `zarr.json`, `.zarray` or `.zgroup`.
    Zarr,
    /// A file that starts with `\x93NUMPY`.
    Npy,
}

const NPY: &[u8] = b"\x93NUMPY";

/// The format of what stands at `path`; `None` where nothing does, or nothing that is known.
///
/// # Errors
/// `Unsupported` for a format that is known by name and not read.
pub(crate) fn format(path: &Path, address: &str) -> Result<Option<Format>> {
    if path.is_dir() {
        let zarr = ["zarr.json", ".zarray", ".zgroup"].iter().any(|name| path.join(name).is_file());
        return Ok(zarr.then_some(Format::Zarr));
    }
    // Opening a pipe would wait for a writer. What cannot be opened is an error of whoever reads it, with what is near.
    if !path.is_file() {
        return Ok(None);
    }
    let Ok((found, file)) = File::open(path).and_then(|file| Ok((file.metadata()?, file))) else { return Ok(None) };
    let Ok(start) = first_bytes(&file, 0) else { return Ok(None) };
    if start.starts_with(b"CDF\x01") || start.starts_with(b"CDF\x02") || start.starts_with(b"CDF\x05") {
        let what = "a NetCDF classic file; NetCDF-4 is read: convert it with `nccopy -k nc4 old.nc new.nc`";
        return Err(Error::unsupported(address, what));
    }
    if start.starts_with(NPY) {
        return Ok(Some(Format::Npy));
    }
    let mut at = 0;
    while at + 8 <= found.len() {
        match first_bytes(&file, at) {
            Ok(bytes) if bytes == *hdf5::SIGNATURE => return Ok(Some(Format::Hdf5)),
            Ok(_) => at = if at == 0 { 512 } else { at * 2 },
            Err(_) => break,
        }
    }
    Ok(None)
}

/// The eight bytes at `at`, zeros past the end.
fn first_bytes(file: &File, at: u64) -> io::Result<[u8; 8]> {
    let mut bytes = [0; 8];
    let mut n = 0;
    while n < bytes.len() {
        match file.read_at(&mut bytes[n..], at + n as u64)? {
            0 => break,
            more => n += more,
        }
    }
    Ok(bytes)
}
