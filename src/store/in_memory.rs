//! An owned dense buffer behind the store's seam: small arrays and tests.

use super::copy_box::copy;
use super::{Create, Meta, Moved, Store, Writer};
use crate::error::{Error, Result};
use crate::grid::{Region, element_count};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use std::sync::{Mutex, PoisonError};

/// A dense C-order array in memory.
#[derive(Debug)]
pub struct InMemory {
    meta: Meta,
    bytes: Vec<u8>,
}

/// Byte length of a dense array, if it can be addressed.
pub(crate) fn dense_len(shape: &[u64], dtype: DType) -> Option<u64> {
    element_count(shape)?.checked_mul(dtype.size() as u64).filter(|&n| i64::try_from(n).is_ok())
}

impl InMemory {
    /// Wraps `bytes`, dense in C order and native byte order.
    ///
    /// # Errors
    /// `BadRequest` if their number is not what `shape` and `dtype` ask.
    pub fn new(dtype: DType, shape: &[u64], bytes: Vec<u8>) -> Result<InMemory> {
        if dense_len(shape, dtype) != Some(bytes.len() as u64) {
            return Err(Error::bad_request("in-memory array", format!("{} bytes for {dtype} of shape {shape:?}", bytes.len())));
        }
        Ok(InMemory { meta: Meta::plain(shape.to_vec(), dtype), bytes })
    }

    /// The bytes, dense in C order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The part of a dense array that `region` selects.
pub(crate) fn select<'a>(bytes: &'a [u8], dtype: DType, shape: &[u64], region: &Region) -> View<'a> {
    let full: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    let dense = dense_strides(&full, dtype.size());
    let offset = region.0.iter().zip(&dense).map(|(s, &stride)| s.start as isize * stride).sum();
    let strides: Vec<isize> = region.0.iter().zip(&dense).map(|(s, &stride)| s.step as isize * stride).collect();
    let shape: Vec<usize> = region.0.iter().map(|s| s.len as usize).collect();
    View::strided(bytes, dtype, &shape, &strides, offset)
}

impl Store for InMemory {
    fn address(&self) -> &str {
        "memory"
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn scratch_bytes(&self, _region: &Region) -> u64 {
        0
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, _scratch: &mut [u8]) -> Result<Moved> {
        check_region("memory", &self.meta, region, out)?;
        copy(&select(&self.bytes, self.meta.dtype, &self.meta.shape, region), out, false);
        let bytes = region.elements() * self.meta.dtype.size() as u64;
        Ok(Moved { stored_bytes: bytes, decoded_bytes: bytes })
    }
    fn stored_bytes(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }
    fn values(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }
    fn resident_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Refuses a region outside of the array and an output of another shape or dtype.
pub(crate) fn check_region(address: &str, meta: &Meta, region: &Region, out: &ViewMut<'_>) -> Result<()> {
    check_inside(address, &meta.shape, region)?;
    let same = out.shape().iter().zip(&region.0).all(|(&n, s)| n as u64 == s.len);
    if !same || out.shape().len() != region.0.len() || out.dtype() != meta.dtype {
        let what = format!("read of {region} of {} into {} of shape {:?}", meta.dtype, out.dtype(), out.shape());
        return Err(Error::internal(format!("{address}: {what}")));
    }
    Ok(())
}

/// Refuses a region outside of an array of `shape`.
pub(crate) fn check_inside(address: &str, shape: &[u64], region: &Region) -> Result<()> {
    let inside = |s: &crate::grid::Span, n: u64| s.step >= 1 && (s.len == 0 || s.stop() <= n);
    if region.0.len() == shape.len() && region.0.iter().zip(shape).all(|(s, &n)| inside(s, n)) {
        return Ok(());
    }
    Err(Error::internal(format!("{address}: {region} reaches past the array of shape {shape:?}")))
}

/// Refuses data that does not belong in `region` of what `create` describes.
pub(crate) fn check_write(address: &str, create: &Create, region: &Region, data: &View<'_>) -> Result<()> {
    check_inside(address, &create.shape, region)?;
    let same = data.shape().iter().zip(&region.0).all(|(&n, s)| n as u64 == s.len);
    if !same || data.dtype() != create.dtype || !region.is_dense() {
        let what = format!("write of {} of shape {:?} at {region} of {}", data.dtype(), data.shape(), create.dtype);
        return Err(Error::internal(format!("{address}: {what}")));
    }
    Ok(())
}

/// A writer that collects into memory.
#[derive(Debug)]
pub struct MemoryWriter {
    create: Create,
    granule: Vec<u64>,
    bytes: Mutex<Vec<u8>>,
}

impl MemoryWriter {
    /// An array of zeros to be written.
    ///
    /// # Errors
    /// `BadRequest` if the array cannot be addressed.
    pub fn new(create: &Create) -> Result<MemoryWriter> {
        let Some(len) = dense_len(&create.shape, create.dtype) else {
            return Err(Error::bad_request("in-memory array", format!("shape {:?} is too large", create.shape)));
        };
        let granule = vec![1; create.shape.len()];
        Ok(MemoryWriter { create: create.clone(), granule, bytes: Mutex::new(vec![0; len as usize]) })
    }

    /// What was written so far, as a store.
    ///
    /// # Errors
    /// None in practice: the length was checked at the start.
    pub fn into_store(self) -> Result<InMemory> {
        let bytes = self.bytes.into_inner().unwrap_or_else(PoisonError::into_inner);
        InMemory::new(self.create.dtype, &self.create.shape, bytes)
    }
}

impl Writer for MemoryWriter {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        0
    }
    fn write(&self, region: &Region, data: &View<'_>, _scratch: &mut [u8]) -> Result<u64> {
        check_write("memory", &self.create, region, data)?;
        let full: Vec<usize> = self.create.shape.iter().map(|&n| n as usize).collect();
        let start: Vec<usize> = region.0.iter().map(|s| s.start as usize).collect();
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = ViewMut::dense(&mut bytes, self.create.dtype, &full);
        copy(data, &mut whole.part(&start, data.shape()), false);
        Ok(region.elements() * self.create.dtype.size() as u64)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Span;

    #[test]
    fn what_was_written_in_parts_is_read_with_steps() {
        let writer = MemoryWriter::new(&Create::new(vec![4, 6], DType::I32)).unwrap();
        for half in 0..2u64 {
            let part: Vec<u8> = (0..12i32).flat_map(|i| (i + 12 * half as i32).to_ne_bytes()).collect();
            let region = Region::dense(&[2 * half, 0], &[2, 6]);
            writer.write(&region, &View::dense(&part, DType::I32, &[2, 6]), &mut []).unwrap();
        }
        writer.commit().unwrap();
        let store = writer.into_store().unwrap();
        let mut out = vec![0u8; 16];
        let region = Region(vec![Span { start: 1, len: 2, step: 2 }, Span { start: 0, len: 2, step: 5 }]);
        store.read(&region, &mut ViewMut::dense(&mut out, DType::I32, &[2, 2]), &mut []).unwrap();
        let got: Vec<i32> = out.chunks_exact(4).map(|b| i32::from_ne_bytes(b.try_into().unwrap())).collect();
        assert_eq!(got, [6, 11, 18, 23]);
        let past = Region::dense(&[3, 0], &[2, 2]);
        assert!(store.read(&past, &mut ViewMut::dense(&mut out, DType::I32, &[2, 2]), &mut []).is_err());
        assert!(InMemory::new(DType::F64, &[3], vec![0; 23]).is_err());
    }
}
