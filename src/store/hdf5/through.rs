//! Regions through libhdf5, one call at a time under its lock: for layouts and filters that are read no
//! other way.

use super::library::{self, done, id, sync};
use super::objects;
use super::place::Place;
use crate::error::{Error, Result};
use crate::grid::{Region, Span};
use crate::store::copy_box::{self, dense_bytes};
use flagstone_kernels::copy::swap_bytes;
use flagstone_kernels::view::{View, ViewMut};
use hdf5_sys::h5d::{H5Dget_space, H5Dget_type, H5Dread};
use hdf5_sys::h5s::*;
use hdf5_sys::h5t::H5Tget_size;

/// A dataset that libhdf5 reads. It is opened anew for each read: see [`library::open_at`].
#[derive(Debug)]
pub(super) struct Through {
    pub(super) place: Place,
    pub(super) dataset: String,
    pub(super) swap: bool,
    /// Bytes of a decoded chunk, 0 without chunks.
    pub(super) chunk_bytes: u64,
}

impl Through {
    /// Staging for one index of the first axis, and what libhdf5 allocates.
    pub(super) fn scratch_bytes(&self, region: &Region, item: u64) -> u64 {
        let first = region.0.first().map_or(1, |s| s.len.max(1));
        region.elements() / first * item + 3 * self.chunk_bytes + (2 << 20)
    }

    /// Reads `region` into `out`; returns the bytes.
    pub(super) fn read(&self, address: &str, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<u64> {
        if let Some(bytes) = dense_bytes(out) {
            self.read_dense(address, region, bytes)?;
            let n = bytes.len() as u64;
            if self.swap {
                let dtype = out.dtype();
                if let Some(bytes) = dense_bytes(out) {
                    swap_bytes(dtype, bytes);
                }
            }
            return Ok(n);
        }
        let item = out.dtype().size();
        let (mut shape, mut rows) = (out.shape().to_vec(), region.clone());
        let n = shape[0];
        shape[0] = 1;
        let len = shape.iter().product::<usize>() * item;
        for i in 0..n {
            rows.0[0] = Span::dense(region.0[0].start + i as u64 * region.0[0].step, 1);
            self.read_dense(address, &rows, &mut scratch[..len])?;
            let mut start = vec![0; shape.len()];
            start[0] = i;
            copy_box::copy(&View::dense(&scratch[..len], out.dtype(), &shape), &mut out.part(&start, &shape), self.swap);
        }
        Ok((n * len) as u64)
    }

    fn read_dense(&self, address: &str, region: &Region, out: &mut [u8]) -> Result<()> {
        // SAFETY: identifiers are alive and the lock is held; `out` has as many elements as are selected.
        let read = || unsafe {
            let file = library::open_at(address, &self.place)?;
            let (dataset, _) = objects::open_object(address, &file, &self.dataset)?;
            // Values come in the file's own type: no conversion that could fail or be slow.
            let datatype = id(address, "datatype", H5Dget_type(dataset.raw()))?;
            let space = id(address, "dataspace", H5Dget_space(dataset.raw()))?;
            let (shape, _) = library::extents(address, &space)?;
            let inside = shape.len() == region.0.len() && region.0.iter().zip(&shape).all(|(s, n)| s.stop() <= *n);
            if !inside || H5Tget_size(datatype.raw()) as u64 * region.elements() != out.len() as u64 {
                return Err(Error::store(address, format!("the dataset has changed since it was opened; its shape is now {shape:?}")));
            }
            let memory = if region.0.is_empty() {
                id(address, "dataspace", H5Screate(H5S_class_t::H5S_SCALAR))?
            } else {
                let (start, count, step) = (region.start(), region.shape(), region.0.iter().map(|s| s.step.max(1)).collect::<Vec<_>>());
                let select = H5Sselect_hyperslab(
                    space.raw(),
                    H5S_seloper_t::H5S_SELECT_SET,
                    start.as_ptr(),
                    step.as_ptr(),
                    count.as_ptr(),
                    std::ptr::null(),
                );
                done(address, "selecting the region", select)?;
                id(address, "dataspace", H5Screate_simple(count.len() as i32, count.as_ptr(), std::ptr::null()))?
            };
            let read = H5Dread(dataset.raw(), datatype.raw(), memory.raw(), space.raw(), library::DEFAULT, out.as_mut_ptr().cast());
            done(address, &format!("reading {region}"), read)
        };
        sync(|| self.place.watch(address, read))
    }
}
