//! Results in the caller's memory: a writer that collects regions into one dense array.

use crate::error::{Bytes, Error, Result};
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
    ///
    /// # Errors
    /// `BadRequest` if the system has not so much memory: without a limit, nothing before this asks.
    pub(super) fn new(dtype: DType, shape: &[u64]) -> Result<Collector> {
        let too_large = || {
            let bytes = element_count(shape).map_or(u64::MAX, |len| len.saturating_mul(dtype.size() as u64));
            let what = format!("the system refused {} for a result of {shape:?} {dtype}; store it instead", Bytes(bytes));
            Error::bad_request("compute", what)
        };
        let len = element_count(shape).and_then(|len| usize::try_from(len).ok()).ok_or_else(too_large)?;
        let bytes = len.checked_mul(dtype.size()).ok_or_else(too_large)?;
        let mut collector = Collector::planned(dtype, shape);
        let (data, place): (Box<dyn Any + Send + Sync>, Place) = with_element!(dtype, T => {
            // `vec![zero; len]` would end the process where the system refuses
            let mut data = bytemuck::allocation::try_zeroed_vec::<T>(len).map_err(|()| too_large())?;
            let place = Place { ptr: data.as_mut_ptr().cast(), bytes };
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
        let inside = region.0.len() == whole.len() && region.0.iter().zip(&self.shape).all(|(span, &n)| span.stop() <= n);
        let fits = data.shape().iter().map(|&n| n as u64).eq(region.shape()) && data.dtype() == self.dtype && region.is_dense();
        if !inside || !fits || self.place.bytes != whole.iter().product::<usize>() * item {
            return Err(Error::internal(format!("region {region:?} is no part of the result {} {:?}", self.dtype, self.shape)));
        }
        if data.shape().contains(&0) {
            return Ok(0);
        }
        let strides = dense_strides(&whole, item);
        let offset: isize = region.0.iter().zip(&strides).map(|(span, s)| span.start as isize * s).sum();
        // SAFETY: the region lies inside of the shape, and the allocation holds all of the shape (checked above); it lives as
        // long as the collector. Tasks write disjoint regions, and nobody reads before all are done.
        let mut target = unsafe { ViewMut::from_raw(self.place.ptr.offset(offset), self.dtype, data.shape(), &strides) };
        copy(data, &mut target);
        Ok(0)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Region;

    /// Interleaved columns by several threads: no slice may cover another thread's elements. Small and without I/O, so that an
    /// interpreter that looks for overlapping borrows can run it.
    #[test]
    fn threads_write_interleaved_regions() {
        const ROWS: usize = 5;
        const COLUMNS: usize = 12;
        let collector = Arc::new(Collector::new(DType::U32, &[ROWS as u64, COLUMNS as u64]).unwrap());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let collector = &collector;
                scope.spawn(move || {
                    for round in 0..3 {
                        let at = thread + 4 * round;
                        let column: Vec<u32> = (0..ROWS).map(|row| (row * COLUMNS + at) as u32).collect();
                        let view = View::dense(bytemuck::cast_slice(&column), DType::U32, &[ROWS, 1]);
                        collector.write(&Region::dense(&[0, at as u64], &[ROWS as u64, 1]), &view, &mut []).unwrap();
                    }
                });
            }
        });
        let array = collector.into_dense().unwrap().into_array::<u32>().unwrap();
        assert!(array.iter().copied().eq(0..(ROWS * COLUMNS) as u32), "{array}");
    }

    #[test]
    fn regions_that_are_no_part_of_the_result_are_refused() {
        let collector = Collector::new(DType::U8, &[4, 4]).unwrap();
        let bytes = [1; 16];
        let write = |start: [u64; 2], shape: [usize; 2], dtype: DType| {
            let region = Region::dense(&start, &shape.map(|n| n as u64));
            collector.write(&region, &View::dense(&bytes, dtype, &shape), &mut [])
        };
        write([2, 2], [2, 2], DType::U8).unwrap();
        // its last element lies inside of the memory, its first row does not
        assert!(write([0, 2], [2, 4], DType::U8).is_err());
        assert!(write([3, 0], [2, 2], DType::U8).is_err());
        assert!(write([0, 0], [2, 2], DType::U16).is_err());
        assert!(
            Collector::planned(DType::U8, &[4, 4])
                .write(&Region::dense(&[0, 0], &[1, 1]), &View::dense(&bytes, DType::U8, &[1, 1]), &mut [])
                .is_err()
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter stops where a system refuses")]
    fn what_the_system_refuses_is_an_error() {
        for shape in [&[1 << 50][..], &[1 << 30, 1 << 30], &[u64::MAX, u64::MAX]] {
            let error = Collector::new(DType::F64, shape).err().expect("no system has so much").to_string();
            assert!(error.contains("store it instead") && error.contains(&format!("{shape:?}")), "{error}");
        }
        assert!(Collector::new(DType::F64, &[0, 1 << 40]).unwrap().place.bytes == 0);
    }
}
