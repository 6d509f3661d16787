//! `.npy` and raw files ↔ regions: plain bytes at an offset, read by `pread`, mapped only for the user.

mod header;
mod write;

pub(crate) use write::{create_npy, create_raw};

use super::box_read::{self, BoxFile};
use super::copy_box::normalise_bool;
use super::in_memory::{check_region, dense_len};
use super::reach::{open_file, will_need};
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
    /// Stored axis i is axis `order[i]`; `None` in C order.
    order: Option<Vec<usize>>,
}

/// What a raw file holds, as its address says.
#[derive(Clone, Debug, PartialEq)]
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
    /// As an address says it: `dtype=<f4&shape=10,20&offset=0&order=C`.
    pub(super) fn text(&self) -> String {
        let lens: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let (endian, order) = (if self.big_endian { '>' } else { '<' }, if self.fortran_order { 'F' } else { 'C' });
        format!("dtype={endian}{}&shape={}&offset={}&order={order}", self.dtype.code(), lens.join(","), self.offset)
    }
}

/// Opens a `.npy` file.
///
/// # Errors
/// `Store` for a missing, short or corrupt file, `Unsupported` for dtypes that are not numbers.
pub fn open_npy(file: &Path, address: &str) -> Result<Arc<Flat>> {
    let opened = open_file(file, address)?;
    let (layout, base) = header::read(&opened, address)?;
    Flat::new(opened, address, RawLayout { offset: base, ..layout })
}

/// Opens a raw file.
///
/// # Errors
/// `Store` for a missing or short file.
pub fn open_raw(file: &Path, layout: &RawLayout, address: &str) -> Result<Arc<Flat>> {
    Flat::new(open_file(file, address)?, address, layout.clone())
}

impl Flat {
    fn new(file: File, address: &str, layout: RawLayout) -> Result<Arc<Flat>> {
        let RawLayout { dtype, shape, offset, big_endian, fortran_order } = layout;
        let len = file.metadata().map_err(|e| Error::store_io(address, "asking for the file's length", &e))?.len();
        let needed = dense_len(&shape, dtype).and_then(|n| n.checked_add(offset));
        if needed.is_none_or(|needed| needed > len) {
            let needed = needed.map_or("more than can be addressed".into(), |n| format!("{n} bytes"));
            let what = format!("{dtype} of shape {shape:?} from byte {offset} needs {needed}, the file has {len}");
            return Err(Error::store(address, what));
        }
        let turned = fortran_order && shape.len() > 1;
        let order = turned.then(|| (0..shape.len()).rev().collect::<Vec<_>>());
        let stored_shape = if turned { shape.iter().rev().copied().collect() } else { shape.clone() };
        let swap = big_endian == cfg!(target_endian = "little") && dtype.size() > 1;
        let meta = Meta::plain(shape, dtype);
        Ok(Arc::new(Flat { address: address.to_string(), file, meta, base: offset, swap, stored_shape, order }))
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
        let bytes = stored
            .read(region, out, scratch)
            .map_err(|e| Error::store_io(&self.address, &format!("reading {:?} + {:?}", region.start(), region.shape()), &e))?;
        normalise_bool(out);
        Ok(Moved { stored_bytes: bytes, decoded_bytes: bytes })
    }
    fn prefetch(&self, region: &Region) {
        if region.elements() == 0 {
            return;
        }
        let (mut first, mut last, mut stride) = (0, 0, self.meta.dtype.size() as u64);
        let end = stride;
        for i in (0..self.stored_shape.len()).rev() {
            let span = region.0[self.order.as_ref().map_or(i, |order| order[i])];
            first += span.start * stride;
            last += (span.stop() - 1) * stride;
            stride *= self.stored_shape[i];
        }
        will_need(&self.file, self.base + first, last + end - first);
    }
    fn stored_bytes(&self) -> Option<u64> {
        dense_len(&self.meta.shape, self.meta.dtype)
    }
}
