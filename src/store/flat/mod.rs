//! `.npy` and raw files, and members of `.npz` files ↔ regions: plain bytes at an offset, read by `pread`, mapped only for the user.

mod header;
mod literal;
mod npz;
mod write;

pub(crate) use npz::{exists as npz_exists, is_npz, open as open_npz, tree as npz_tree};
pub(crate) use write::{create_npy, create_raw};

use super::box_read::{self, BoxFile};
use super::copy_box::normalise_bool;
use super::in_memory::{check_region, dense_len};
use super::reach::{open_file, will_need};
use super::record::{Part, TIME};
use super::{Meta, Moved, Store};
use crate::error::{Error, Result};
use crate::grid::Region;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A dense array in a file.
#[derive(Debug)]
pub struct Flat {
    address: String,
    file: File,
    meta: Meta,
    base: u64,
    swap: bool,
    /// Lengths as stored, slowest first.
    stored_shape: Vec<u64>,
    /// Bytes from one index to the next along each stored axis, where something else lies between elements.
    strides: Option<Vec<u64>>,
    /// Stored axis i is axis `order[i]`; `None` in C order.
    order: Option<Vec<usize>>,
}

/// What a raw file holds, as its address says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RawLayout {
    /// Element type.
    pub dtype: DType,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// Byte of the first element.
    pub offset: u64,
    /// Most significant byte first.
    pub big_endian: bool,
    /// First axis fastest.
    pub fortran_order: bool,
}

impl RawLayout {
    /// From the first byte on, in C order, least significant byte first.
    pub fn new(dtype: DType, shape: Vec<u64>) -> RawLayout {
        RawLayout { dtype, shape, offset: 0, big_endian: false, fortran_order: false }
    }
}

/// As an address says it: `dtype=float64&shape=2,3&offset=0&order=C&endian=little`.
impl std::fmt::Display for RawLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let order = if self.fortran_order { "F" } else { "C" };
        let endian = if self.big_endian { "big" } else { "little" };
        write!(f, "dtype={}&shape={}&offset={}&order={order}&endian={endian}", self.dtype, shape.join(","), self.offset)
    }
}

/// Opens a `.npy` file, or a field of its elements.
///
/// # Errors
/// `Store` for a missing, short or corrupt file, `Unsupported` for dtypes that are not numbers.
pub fn open_npy(file: &Path, field: Option<&str>, address: &str) -> Result<Arc<Flat>> {
    let opened = open_file(file, address)?;
    let len = file_len(&opened, address)?;
    Flat::npy(opened, 0, len, field, address).map(Arc::new)
}

/// Opens a raw file.
///
/// # Errors
/// `Store` for a missing or short file.
pub fn open_raw(file: &Path, layout: &RawLayout, address: &str) -> Result<Arc<Flat>> {
    let RawLayout { dtype, shape, offset, big_endian, fortran_order } = layout.clone();
    let (part, opened) = (plain(dtype, big_endian), open_file(file, address)?);
    let len = file_len(&opened, address)?;
    Flat::new(opened, address, part, shape, fortran_order, offset, len).map(Arc::new)
}

fn file_len(file: &File, address: &str) -> Result<u64> {
    Ok(file.metadata().map_err(|e| Error::store_io(address, "asking for the file's length", &e))?.len())
}

/// Elements that are numbers and nothing else.
fn plain(dtype: DType, big_endian: bool) -> Part {
    Part { dtype, big_endian, offset: 0, element_bytes: dtype.size() as u64, axes: Vec::new(), time: None }
}

impl Flat {
    /// The `.npy` file of `len` bytes at byte `base`.
    fn npy(file: File, base: u64, len: u64, field: Option<&str>, address: &str) -> Result<Flat> {
        let found = header::read(&file, base, field, address)?;
        let end = base.saturating_add(len);
        Flat::new(file, address, found.part, found.shape, found.fortran_order, base + found.bytes, end)
    }

    /// Elements from byte `base` on of a file of which `len` bytes are theirs.
    fn new(file: File, address: &str, part: Part, shape: Vec<u64>, fortran_order: bool, base: u64, len: u64) -> Result<Flat> {
        let too_long = || "more than can be addressed".to_string();
        let elements = shape.iter().try_fold(1u64, |n, &len| n.checked_mul(len));
        let needed = elements.and_then(|n| n.checked_mul(part.element_bytes)).and_then(|n| n.checked_add(base));
        if needed.is_none_or(|needed| needed > len) {
            let needed = needed.map_or_else(too_long, |n| format!("{n} bytes"));
            let what = format!("{} of shape {shape:?} from byte {base} needs {needed}, the file has {len}", part.dtype);
            return Err(Error::store(address, what));
        }
        let turned = fortran_order && shape.len() > 1;
        let (outer, inner) = (shape.len(), part.axes.len());
        let order = turned.then(|| (0..outer).rev().chain(outer..outer + inner).collect::<Vec<_>>());
        let mut stored_shape: Vec<u64> = if turned { shape.iter().rev().copied().collect() } else { shape.clone() };
        let strides = (part.element_bytes != part.dtype.size() as u64).then(|| {
            let mut strides = box_read::file_strides(&stored_shape, part.element_bytes);
            strides.extend(box_read::file_strides(&part.axes, part.dtype.size() as u64));
            strides
        });
        stored_shape.extend(&part.axes);
        let shape: Vec<u64> = shape.iter().chain(&part.axes).copied().collect();
        if dense_len(&shape, part.dtype).is_none() || shape.len() > 64 {
            return Err(Error::store(address, format!("shape {shape:?} is {}", too_long())));
        }
        let swap = part.big_endian == cfg!(target_endian = "little") && part.dtype.size() > 1;
        let mut meta = Meta::plain(shape, part.dtype);
        meta.attributes.extend(part.time.map(|time| (TIME.to_string(), time.into())));
        Ok(Flat { address: address.to_string(), file, meta, base: base + part.offset, swap, stored_shape, strides, order })
    }

    /// Bytes from the first to the last wanted byte of a region, and where they begin.
    fn reach(&self, region: &Region) -> (u64, u64) {
        let item = self.meta.dtype.size() as u64;
        let strides = self.strides.clone().unwrap_or_else(|| box_read::file_strides(&self.stored_shape, item));
        let (mut first, mut last) = (self.base, self.base + item);
        for (i, stride) in strides.iter().enumerate() {
            let span = region.0[self.order.as_ref().map_or(i, |order| order[i])];
            first += span.start * stride;
            last += (span.stop() - 1) * stride;
        }
        (first, last - first)
    }

    /// Maps the file: its elements without a copy, for as long as the mapping lives. The operating system
    /// pages it in and counts the pages, outside of Flagstone's limit.
    ///
    /// # Errors
    /// `Unsupported` for the other byte order, `Store` when it cannot be mapped.
    pub fn map(&self) -> Result<Mapped> {
        if self.swap {
            return Err(Error::unsupported("map", format!("{} is of the other byte order; read it instead", self.address)));
        }
        if self.strides.is_some() {
            return Err(Error::unsupported("map", format!("{} is a field of structured elements; read it instead", self.address)));
        }
        // SAFETY: the mapping is private to this process and read-only; a program that truncates the
        // file meanwhile raises SIGBUS, as with every mapping: the documentation of `Mapped` says so.
        let map = unsafe { memmap2::Mmap::map(&self.file) }.map_err(|e| Error::store_io(&self.address, "mapping", &e))?;
        let shape: Vec<usize> = self.meta.shape.iter().map(|&n| n as usize).collect();
        let strides = box_read::stored_strides(&shape, self.order.as_deref(), self.meta.dtype.size());
        // The file may have shrunk since it was opened.
        let end = self.base + dense_len(&self.meta.shape, self.meta.dtype).unwrap_or(u64::MAX);
        if (map.len() as u64) < end {
            return Err(Error::store(&self.address, format!("the file has shrunk to {} bytes, {end} are needed", map.len())));
        }
        Ok(Mapped { map, base: self.base as usize, dtype: self.meta.dtype, shape, strides })
    }
}

/// A mapped file: a read-only array without a copy. The file must not be truncated while it lives.
#[derive(Debug)]
pub struct Mapped {
    map: memmap2::Mmap,
    base: usize,
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Mapped {
    /// The elements.
    pub fn view(&self) -> View<'_> {
        View::strided(&self.map, self.dtype, &self.shape, &self.strides, self.base as isize)
    }
}

impl Store for Flat {
    fn address(&self) -> &str {
        &self.address
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        box_read::scratch_bytes(region, self.meta.dtype)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        check_region(&self.address, &self.meta, region, out)?;
        let stored = BoxFile {
            file: &self.file,
            base: self.base,
            dtype: self.meta.dtype,
            swap: self.swap,
            shape: &self.stored_shape,
            order: self.order.as_deref(),
        };
        let read = stored.read_strided(self.strides.as_deref(), region, out, scratch);
        let bytes = read.map_err(|e| Error::store_io(&self.address, &format!("reading {region}"), &e))?;
        normalise_bool(out);
        Ok(Moved { stored_bytes: bytes, decoded_bytes: bytes })
    }
    fn prefetch(&self, region: &Region) {
        if region.elements() == 0 {
            return;
        }
        let (at, len) = self.reach(region);
        will_need(&self.file, at, len);
    }
    fn stored_bytes(&self) -> Option<u64> {
        dense_len(&self.meta.shape, self.meta.dtype)
    }
}
