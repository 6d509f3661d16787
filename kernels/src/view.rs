//! Borrowed strided arrays of a dtype known at run time: what kernels read and write.

use crate::dtype::{DType, Element};
use std::marker::PhantomData;

/// A read-only strided array. Strides are in bytes and may be zero (broadcast) or negative.
///
/// ```
/// use flagstone_kernels::{dtype::DType, view::View};
/// let bytes: Vec<u8> = [1.5f64, 2.5, 3.5, 4.5].iter().flat_map(|x| x.to_ne_bytes()).collect();
/// let view = View::strided(&bytes, DType::F64, &[2, 2], &[8, 16], 0);
/// assert_eq!(view.get::<f64>(&[1, 0]), Some(2.5));
/// assert_eq!(view.get::<f64>(&[2, 0]), None);
/// assert_eq!(view.to_vec::<f64>(), Some(vec![1.5, 3.5, 2.5, 4.5]));
/// assert_eq!(view.to_vec::<f32>(), None);
/// ```
#[derive(Clone, Debug)]
pub struct View<'a> {
    ptr: *const u8,
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    lifetime: PhantomData<&'a [u8]>,
}

/// A strided array that may be written.
#[derive(Debug)]
pub struct ViewMut<'a> {
    ptr: *mut u8,
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    lifetime: PhantomData<&'a mut [u8]>,
}

// SAFETY: a View is a shared borrow of plain bytes, a ViewMut a unique one of its elements.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}
// SAFETY: as above.
unsafe impl Send for ViewMut<'_> {}

/// C-order strides in bytes of a dense array of `shape`.
pub fn dense_strides(shape: &[usize], item: usize) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = item as isize;
    for axis in (0..shape.len()).rev() {
        strides[axis] = step;
        step *= shape[axis].max(1) as isize;
    }
    strides
}

/// Bytes from the first element to the one at `place`; `None` outside of `shape`.
fn offset_of(place: &[usize], shape: &[usize], strides: &[isize]) -> Option<isize> {
    let inside = place.len() == shape.len() && place.iter().zip(shape).all(|(at, n)| at < n);
    inside.then(|| place.iter().zip(strides).map(|(&at, stride)| at as isize * stride).sum())
}

/// Panics unless every element of `shape` at `offset` with `strides` lies inside `len` bytes.
fn assert_inside(shape: &[usize], strides: &[isize], offset: isize, item: usize, len: usize) {
    assert_eq!(shape.len(), strides.len(), "view: as many strides as axes");
    if shape.contains(&0) {
        return;
    }
    let (mut low, mut high) = (offset, offset);
    for (&n, &s) in shape.iter().zip(strides) {
        let reach = (n as isize - 1) * s;
        if reach < 0 { low += reach } else { high += reach }
    }
    assert!(low >= 0 && (high + item as isize) as usize <= len, "view: elements {low}..{} of {len} bytes", high + item as isize);
}

impl<'a> View<'a> {
    /// A dense C-order view of `bytes`.
    ///
    /// # Panics
    /// If `bytes` is shorter than the shape asks.
    pub fn dense(bytes: &'a [u8], dtype: DType, shape: &[usize]) -> View<'a> {
        View::strided(bytes, dtype, shape, &dense_strides(shape, dtype.size()), 0)
    }

    /// A view whose first element is at byte `offset` of `bytes`.
    ///
    /// # Panics
    /// If any element lies outside of `bytes`.
    pub fn strided(bytes: &'a [u8], dtype: DType, shape: &[usize], strides: &[isize], offset: isize) -> View<'a> {
        assert_inside(shape, strides, offset, dtype.size(), bytes.len());
        View {
            // wrapping_offset: with an empty shape the offset may point anywhere; it is never read
            ptr: bytes.as_ptr().wrapping_offset(offset),
            dtype,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            lifetime: PhantomData,
        }
    }

    /// As [`ViewMut::from_raw`], of elements that are only read.
    ///
    /// # Safety
    /// As long as the view lives, each element (`ptr` and any sum of `strides` within `shape`) lies in one allocation, and
    /// nobody writes any of them.
    ///
    /// # Panics
    /// If there are not as many strides as axes.
    pub unsafe fn from_raw(ptr: *const u8, dtype: DType, shape: &[usize], strides: &[isize]) -> View<'a> {
        assert_eq!(shape.len(), strides.len(), "view: as many strides as axes");
        View { ptr, dtype, shape: shape.to_vec(), strides: strides.to_vec(), lifetime: PhantomData }
    }

    /// The address of the first element.
    pub fn ptr(&self) -> *const u8 {
        self.ptr
    }
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Bytes from one element to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }
    /// What stands at `place` of the first axis.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn at(&self, place: usize) -> View<'a> {
        assert!(self.shape.first().is_some_and(|&n| place < n), "view: place {place} of {:?}", self.shape);
        let ptr = self.ptr.wrapping_offset(place as isize * self.strides[0]);
        View { ptr, dtype: self.dtype, shape: self.shape[1..].to_vec(), strides: self.strides[1..].to_vec(), lifetime: PhantomData }
    }
    /// The same elements with the axes in reverse order.
    pub fn transposed(&self) -> View<'a> {
        let (shape, strides) = (self.shape.iter().rev().copied().collect(), self.strides.iter().rev().copied().collect());
        View { ptr: self.ptr, dtype: self.dtype, shape, strides, lifetime: PhantomData }
    }
    /// The part of the view that starts at `start` and has `shape`.
    ///
    /// # Panics
    /// If it reaches past the view.
    pub fn part(&self, start: &[usize], shape: &[usize]) -> View<'a> {
        let mut ptr = self.ptr;
        for axis in 0..self.shape.len() {
            assert!(start[axis] + shape[axis] <= self.shape[axis], "view: part {start:?} + {shape:?} of {:?}", self.shape);
            ptr = ptr.wrapping_offset(start[axis] as isize * self.strides[axis]);
        }
        View { ptr, dtype: self.dtype, shape: shape.to_vec(), strides: self.strides.clone(), lifetime: PhantomData }
    }
    /// The element at `place`; `None` outside of the view, and for another type than the view's.
    pub fn get<T: Element>(&self, place: &[usize]) -> Option<T> {
        let offset = offset_of(place, &self.shape, &self.strides)?;
        // SAFETY: the place is inside of the shape, all of whose elements the constructor checked to lie inside the borrow; a
        // dtype has one type.
        (T::DTYPE == self.dtype).then(|| unsafe { self.ptr.offset(offset).cast::<T>().read_unaligned() })
    }
    fn is_dense(&self) -> bool {
        let dense = dense_strides(&self.shape, self.dtype.size());
        self.shape.iter().zip(self.strides.iter().zip(&dense)).all(|(&n, (a, b))| n == 1 || a == b)
    }
    /// The bytes of all elements, if they lie dense in C order; of any alignment.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        let len: usize = self.shape.iter().product();
        if len == 0 {
            return Some(&[]);
        }
        // SAFETY: dense, and the constructor checked that all elements lie inside the borrow.
        self.is_dense().then(|| unsafe { std::slice::from_raw_parts(self.ptr, len * self.dtype.size()) })
    }
    /// The elements as a slice, if they lie dense in C order.
    pub fn as_slice<T: Element>(&self) -> Option<&'a [T]> {
        if T::DTYPE != self.dtype {
            return None;
        }
        let len: usize = self.shape.iter().product();
        if len == 0 {
            return Some(&[]);
        }
        if !self.is_dense() || !(self.ptr as usize).is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: dense, aligned, and the constructor checked that all elements lie inside the borrow.
        Some(unsafe { std::slice::from_raw_parts(self.ptr.cast(), len) })
    }
}

impl<'a> ViewMut<'a> {
    /// A dense C-order view of `bytes`.
    ///
    /// # Panics
    /// If `bytes` is shorter than the shape asks.
    pub fn dense(bytes: &'a mut [u8], dtype: DType, shape: &[usize]) -> ViewMut<'a> {
        let strides = dense_strides(shape, dtype.size());
        ViewMut::strided(bytes, dtype, shape, &strides, 0)
    }

    /// A view whose first element is at byte `offset` of `bytes`.
    ///
    /// # Panics
    /// If any element lies outside of `bytes`.
    pub fn strided(bytes: &'a mut [u8], dtype: DType, shape: &[usize], strides: &[isize], offset: isize) -> ViewMut<'a> {
        assert_inside(shape, strides, offset, dtype.size(), bytes.len());
        ViewMut {
            ptr: bytes.as_mut_ptr().wrapping_offset(offset),
            dtype,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            lifetime: PhantomData,
        }
    }

    /// A view of memory that others write elsewhere at the same time: the elements alone are touched, never the bytes between
    /// them, so that views of different regions of one array may be written by several threads at once. A slice from the
    /// first element to the last would claim what lies between, too.
    ///
    /// # Safety
    /// As long as the view lives, each element (`ptr` and any sum of `strides` within `shape`) lies in one allocation and may be
    /// written, no two of them overlap, and nobody else reads or writes any of them.
    ///
    /// # Panics
    /// If there are not as many strides as axes.
    pub unsafe fn from_raw(ptr: *mut u8, dtype: DType, shape: &[usize], strides: &[isize]) -> ViewMut<'a> {
        assert_eq!(shape.len(), strides.len(), "view: as many strides as axes");
        ViewMut { ptr, dtype, shape: shape.to_vec(), strides: strides.to_vec(), lifetime: PhantomData }
    }

    /// The address of the first element.
    pub fn ptr(&mut self) -> *mut u8 {
        self.ptr
    }
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// Bytes from one element to the next along each axis.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }
    /// Writes `value` at `place`, and says whether it could: not outside of the view, nor with another type than its own.
    pub fn set<T: Element>(&mut self, place: &[usize], value: T) -> bool {
        let Some(offset) = offset_of(place, &self.shape, &self.strides).filter(|_| T::DTYPE == self.dtype) else { return false };
        // SAFETY: as in `View::get`, of a unique borrow.
        unsafe { self.ptr.offset(offset).cast::<T>().write_unaligned(value) };
        true
    }
    /// A shorter borrow of the part that starts at `start` and has `shape`.
    ///
    /// # Panics
    /// If it reaches past the view.
    pub fn part(&mut self, start: &[usize], shape: &[usize]) -> ViewMut<'_> {
        let mut ptr = self.ptr;
        for axis in 0..self.shape.len() {
            assert!(start[axis] + shape[axis] <= self.shape[axis], "view: part {start:?} + {shape:?} of {:?}", self.shape);
            ptr = ptr.wrapping_offset(start[axis] as isize * self.strides[axis]);
        }
        ViewMut { ptr, dtype: self.dtype, shape: shape.to_vec(), strides: self.strides.clone(), lifetime: PhantomData }
    }
    /// A shorter borrow of the same elements without `axis`, which has one place.
    ///
    /// # Panics
    /// If the axis has another length.
    pub fn without(&mut self, axis: usize) -> ViewMut<'_> {
        assert_eq!(self.shape.get(axis), Some(&1), "view: axis {axis} of {:?}", self.shape);
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        shape.remove(axis);
        strides.remove(axis);
        ViewMut { ptr: self.ptr, dtype: self.dtype, shape, strides, lifetime: PhantomData }
    }
    /// The rows from each of `starts` to the next, as views that can be written at once.
    ///
    /// # Panics
    /// Unless it is a matrix whose rows lie apart, and `starts` ascend within it.
    pub fn cut_rows(&mut self, starts: &[usize]) -> Vec<ViewMut<'_>> {
        let (&[m, n], &[rows, columns]) = (&self.shape[..], &self.strides[..]) else { panic!("view: rows of {:?}", self.shape) };
        let row = (n.max(1) - 1) as isize * columns.abs() + self.dtype.size() as isize;
        assert!(m <= 1 || rows.abs() >= row, "view: rows of {row} bytes, {rows} apart");
        assert!(starts.is_sorted() && starts.last().is_none_or(|&end| end <= m), "view: rows {starts:?} of {m}");
        let cut = |of: &[usize]| ViewMut {
            ptr: self.ptr.wrapping_offset(of[0] as isize * rows),
            dtype: self.dtype,
            shape: vec![of[1] - of[0], n],
            strides: vec![rows, columns],
            lifetime: PhantomData,
        };
        starts.windows(2).map(cut).collect()
    }
    /// The same elements, read-only, for as long as this borrow lasts.
    pub fn as_view(&self) -> View<'_> {
        View { ptr: self.ptr, dtype: self.dtype, shape: self.shape.clone(), strides: self.strides.clone(), lifetime: PhantomData }
    }
}
