//! Results in the caller's memory: a writer that collects regions into one dense array.

use crate::error::{Error, Result};
use crate::grid::{Region, element_count};
use crate::store::Writer;
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::{DType, Element};
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use flagstone_kernels::with_element;
use ndarray::{ArrayD, IxDyn};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// A computed array in C order, of a dtype known at run time.
pub struct Dense {
    /// Element type.
    pub dtype: DType,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// A `Vec<T>` of the element type.
    data: Box<dyn Any + Send + Sync>,
}

impl Dense {
    /// The array, typed.
    ///
    /// # Errors
    /// `BadRequest` if `T` is not its element type.
    pub fn into_array<T: Element>(self) -> Result<ArrayD<T>> {
        let Ok(data) = self.data.downcast::<Vec<T>>() else {
            return Err(Error::bad_request(
                "compute",
                format!("the array is {}, not {}; convert it with astype first", self.dtype, T::DTYPE),
            ));
        };
        let shape: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), *data).map_err(|e| Error::internal(format!("collecting {shape:?}: {e}")))
    }

    /// The elements in C order, native byte order.
    pub fn bytes(&self) -> &[u8] {
        with_element!(self.dtype, T => self.data.downcast_ref::<Vec<T>>().map_or(&[], |data| bytemuck::cast_slice(data)))
    }
}

/// Where the elements are written.
struct Place {
    ptr: *mut u8,
    bytes: usize,
}

// SAFETY: the pointer is only written through by `Collector::write`, whose callers write disjoint regions.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

/// Collects regions into a dense array.
pub(super) struct Collector {
    dtype: DType,
    shape: Vec<u64>,
    granule: Vec<u64>,
    place: Place,
    data: Mutex<Option<Box<dyn Any + Send + Sync>>>,
}

impl Collector {
    /// Zeros, ready to be written.
    pub(super) fn new(dtype: DType, shape: &[u64]) -> Result<Collector> {
        let len = element_count(shape).unwrap_or(u64::MAX);
        let len = usize::try_from(len).map_err(|_| Error::bad_request("compute", format!("{shape:?} is too large for memory")))?;
        let mut collector = Collector::planned(dtype, shape);
        let (data, place): (Box<dyn Any + Send + Sync>, Place) = with_element!(dtype, T => {
            let mut data = vec![T::default(); len];
            let place = Place { ptr: data.as_mut_ptr().cast(), bytes: len * dtype.size() };
            (Box::new(data), place)
        });
        collector.place = place;
        collector.data = Mutex::new(Some(data));
        Ok(collector)
    }

    /// For plans that will not run: no memory behind it.
    pub(super) fn planned(dtype: DType, shape: &[u64]) -> Collector {
        let place = Place { ptr: std::ptr::null_mut(), bytes: 0 };
        Collector { dtype, shape: shape.to_vec(), granule: vec![1; shape.len()], place, data: Mutex::new(None) }
    }

    /// What was collected.
    pub(super) fn into_dense(self: Arc<Collector>) -> Result<Dense> {
        let data = self.data.lock().unwrap_or_else(PoisonError::into_inner).take();
        let data = data.ok_or_else(|| Error::internal("a result was taken twice"))?;
        Ok(Dense { dtype: self.dtype, shape: self.shape.clone(), data })
    }
}

impl Writer for Collector {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        0
    }
    fn write(&self, region: &Region, data: &View<'_>, _scratch: &mut [u8]) -> Result<u64> {
        let item = self.dtype.size();
        let whole: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        let strides = dense_strides(&whole, item);
        let offset: isize = region.0.iter().zip(&strides).map(|(span, s)| span.start as isize * s).sum();
        // what the region spans, from its first to one past its last byte
        let reach: isize = data.shape().iter().zip(&strides).map(|(&n, s)| (n as isize - 1).max(0) * s).sum();
        let bytes = reach as usize + item;
        if data.shape().contains(&0) {
            return Ok(0);
        }
        if offset as usize + bytes > self.place.bytes {
            return Err(Error::internal(format!("region {region} lies outside of the result {:?}", self.shape)));
        }
        // SAFETY: inside of the allocation (checked above). Tasks write disjoint regions, and `ViewMut` touches
        // only the region's own elements, never the bytes between its rows.
        let span = unsafe { std::slice::from_raw_parts_mut(self.place.ptr.offset(offset), bytes) };
        copy(data, &mut ViewMut::strided(span, self.dtype, data.shape(), &strides, 0));
        Ok(0)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}
