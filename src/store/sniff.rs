//! The bytes that stand at a path → their format. An ending only decides what is written.

use super::remote::FarFile;
use super::{flat, hdf5, netcdf, zarr};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A file with HDF5's signature at 0, 512, 1024, 2048, …
    Hdf5,
    /// A directory with `zarr.json`, `.zarray` or `.zgroup`, or a zip file with one inside.
    Zarr,
    /// A file that starts with `\x93NUMPY`.
    Npy,
    /// A zip file of such files.
    Npz,
    /// A NetCDF classic file.
    NetCdf,
}

/// The format of a far file, by its start: HDF5's signature is looked for in its first 64 KiB.
pub(crate) fn far_format(file: &FarFile) -> Option<Format> {
    let read = |at: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    let start = read(0)?;
    if netcdf::is_classic(&start) {
        return Some(Format::NetCdf);
    }
    if start.starts_with(b"PK\x03\x04") {
        return Some(Format::Npz);
    }
    if start.starts_with(NPY) {
        return Some(Format::Npy);
    }
    let places = std::iter::once(0).chain((0..8).map(|i| 512 << i)).take_while(|at| at + 8 <= file.len().min(64 << 10));
    places.filter_map(read).any(|bytes| bytes == *hdf5::SIGNATURE).then_some(Format::Hdf5)
}

const NPY: &[u8] = b"\x93NUMPY";

/// The format of what stands at `path`; `None` where nothing does, or nothing that is known.
pub(crate) fn format(path: &Path) -> Option<Format> {
    format_of(path, &path.metadata().ok()?)
}

/// The format of what stands at `path`, of which this is known.
pub(crate) fn format_of(path: &Path, found: &Metadata) -> Option<Format> {
    if found.is_dir() {
        let zarr = ["zarr.json", ".zarray", ".zgroup"].iter().any(|name| path.join(name).is_file());
        return zarr.then_some(Format::Zarr);
    }
    // Opening a pipe would wait for a writer. What cannot be opened is an error of whoever reads it, with what is near.
    if !found.is_file() {
        return None;
    }
    let Ok(file) = File::open(path) else { return None };
    let Ok(start) = first_bytes(&file, 0) else { return None };
    if netcdf::is_classic(&start) {
        return Some(Format::NetCdf);
    }
    if start.starts_with(b"PK\x03\x04") && zarr::is_in_zip(path) {
        return Some(Format::Zarr);
    }
    // An archive without members has its end at its start. Of one that is damaged its name decides.
    if start.starts_with(b"PK") && (flat::is_npz(path) || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"))) {
        return Some(Format::Npz);
    }
    if start.starts_with(NPY) {
        return Some(Format::Npy);
    }
    let mut at = 0;
    while at + 8 <= found.len() {
        match first_bytes(&file, at) {
            Ok(bytes) if bytes == *hdf5::SIGNATURE => return Some(Format::Hdf5),
            Ok(_) => at = if at == 0 { 512 } else { at * 2 },
            Err(_) => break,
        }
    }
    None
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
