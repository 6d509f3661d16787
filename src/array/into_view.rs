//! A user's array as a store that is written: `compute_into` needs no memory of its own.

use super::ArrayElement;
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::Writer;
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::{DType, Element};
use flagstone_kernels::view::{View, ViewMut};
use ndarray::ArrayViewMutD;
use std::sync::{Arc, PoisonError, RwLock};

/// Where the elements go, as long as the user's borrow lasts.
#[derive(Debug)]
pub(super) struct LentView {
    place: RwLock<Option<Place>>,
    granule: Vec<u64>,
}

#[derive(Debug)]
struct Place {
    ptr: *mut u8,
    dtype: DType,
    /// In bytes.
    strides: Vec<isize>,
    shape: Vec<u64>,
}

// SAFETY: the pointer comes from a mutable borrow that `Lent` holds; writers of different regions touch
// different elements.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

/// A borrow of the user's array that a writer may use until it is dropped.
pub(super) struct Lent<'a, 'b, T: ArrayElement> {
    view: Arc<LentView>,
    _borrow: &'a mut ArrayViewMutD<'b, T>,
}

impl<'a, 'b, T: ArrayElement> Lent<'a, 'b, T> {
    pub(super) fn new(array: &'a mut ArrayViewMutD<'b, T>) -> Lent<'a, 'b, T> {
        let item = size_of::<T::Stored>();
        assert_eq!(item, size_of::<T>(), "an element lies in memory as it is stored");
        let strides = array.strides().iter().map(|&s| s * item as isize).collect();
        let shape: Vec<u64> = array.shape().iter().map(|&n| n as u64).collect();
        let granule = vec![1; shape.len()];
        let place = Place { ptr: array.as_mut_ptr().cast(), dtype: T::Stored::DTYPE, strides, shape };
        Lent { view: Arc::new(LentView { place: RwLock::new(Some(place)), granule }), _borrow: array }
    }

    pub(super) fn writer(&self) -> Box<dyn Writer> {
        Box::new(IntoView(self.view.clone()))
    }
}

impl<T: ArrayElement> Drop for Lent<'_, '_, T> {
    /// After this no writer can reach the array, whoever still holds one.
    fn drop(&mut self) {
        *self.view.place.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

struct IntoView(Arc<LentView>);

impl Writer for IntoView {
    fn granule(&self) -> &[u64] {
        &self.0.granule
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        0
    }
    fn write(&self, region: &Region, data: &View<'_>, _scratch: &mut [u8]) -> Result<u64> {
        let place = self.0.place.read().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = place.as_ref() else { return Err(Error::internal("compute_into wrote after it returned")) };
        let spans = &region.0;
        let inside = spans.len() == place.shape.len() && spans.iter().zip(&place.shape).all(|(span, &n)| span.stop() <= n);
        let fits = data.shape().iter().map(|&n| n as u64).eq(region.shape()) && data.dtype() == place.dtype;
        if !inside || !fits || !region.is_dense() {
            return Err(Error::internal("compute_into was given a block of another shape"));
        }
        if data.shape().contains(&0) {
            return Ok(0);
        }
        let to: isize = spans.iter().zip(&place.strides).map(|(span, stride)| span.start as isize * stride).sum();
        // SAFETY: the region lies inside the array's shape and `data` has the region's shape (checked above), so all places are
        // elements; `Lent` still holds the borrow, the read lock keeps it, and tasks write disjoint regions.
        let mut view = unsafe { ViewMut::from_raw(place.ptr.offset(to), place.dtype, data.shape(), &place.strides) };
        copy(data, &mut view);
        Ok(region.elements() * place.dtype.size() as u64)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}
