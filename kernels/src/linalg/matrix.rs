//! Borrowed matrices of a known type, which can be taken apart into disjoint ones.

use super::field::Field;
use crate::gemm::{Form, gemm_form, gemm_scratch_bytes};
use crate::view::{View, ViewMut};
use std::marker::PhantomData;

/// A matrix that is read. Strides count elements.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a, T> {
    ptr: *const T,
    rows: usize,
    cols: usize,
    strides: [isize; 2],
    lifetime: PhantomData<&'a T>,
}

/// A matrix that is written.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    ptr: *mut T,
    rows: usize,
    cols: usize,
    strides: [isize; 2],
    lifetime: PhantomData<&'a mut T>,
}

impl<'a, T: Field> Mat<'a, T> {
    /// Of `rows` dense rows of `cols` elements.
    ///
    /// # Panics
    /// If the slice has another length.
    pub fn dense(elements: &'a [T], rows: usize, cols: usize) -> Mat<'a, T> {
        assert_eq!(elements.len(), rows * cols, "a matrix of {rows} × {cols}");
        Mat { ptr: elements.as_ptr(), rows, cols, strides: [cols as isize, 1], lifetime: PhantomData }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The element in `row` and `col`.
    ///
    /// # Panics
    /// If it is outside.
    #[inline(always)]
    pub fn at(&self, row: usize, col: usize) -> T {
        assert!(row < self.rows && col < self.cols);
        // SAFETY: inside of the borrow, as was just checked.
        unsafe { *self.ptr.offset(row as isize * self.strides[0] + col as isize * self.strides[1]) }
    }

    /// The transposed matrix.
    pub fn t(self) -> Mat<'a, T> {
        Mat { rows: self.cols, cols: self.rows, strides: [self.strides[1], self.strides[0]], ..self }
    }

    /// The `rows` × `cols` elements from (`row`, `col`) on.
    ///
    /// # Panics
    /// If they reach outside.
    pub fn part(self, row: usize, col: usize, rows: usize, cols: usize) -> Mat<'a, T> {
        assert!(row + rows <= self.rows && col + cols <= self.cols, "part of a matrix");
        let ptr = self.ptr.wrapping_offset(row as isize * self.strides[0] + col as isize * self.strides[1]);
        Mat { ptr, rows, cols, ..self }
    }

    /// Rows from `row` on.
    pub fn below(self, row: usize) -> Mat<'a, T> {
        self.part(row, 0, self.rows - row, self.cols)
    }

    fn view(&self) -> View<'a> {
        let item = size_of::<T>() as isize;
        // SAFETY: as this matrix, which is a shared borrow of its elements.
        unsafe { View::from_raw(self.ptr.cast(), T::DTYPE, &[self.rows, self.cols], &self.strides.map(|s| s * item)) }
    }
}

impl<'a, T: Field> MatMut<'a, T> {
    /// Of `rows` dense rows of `cols` elements.
    ///
    /// # Panics
    /// If the slice has another length.
    pub fn dense(elements: &'a mut [T], rows: usize, cols: usize) -> MatMut<'a, T> {
        assert_eq!(elements.len(), rows * cols, "a matrix of {rows} × {cols}");
        MatMut { ptr: elements.as_mut_ptr(), rows, cols, strides: [cols as isize, 1], lifetime: PhantomData }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// A shorter borrow.
    pub fn again(&mut self) -> MatMut<'_, T> {
        MatMut { ..*self }
    }

    /// The same, read.
    pub fn read(&self) -> Mat<'_, T> {
        Mat { ptr: self.ptr, rows: self.rows, cols: self.cols, strides: self.strides, lifetime: PhantomData }
    }

    /// The `rows` × `cols` elements from (`row`, `col`) on.
    ///
    /// # Panics
    /// If they reach outside.
    pub fn part(self, row: usize, col: usize, rows: usize, cols: usize) -> MatMut<'a, T> {
        assert!(row + rows <= self.rows && col + cols <= self.cols, "part of a matrix");
        let ptr = self.ptr.wrapping_offset(row as isize * self.strides[0] + col as isize * self.strides[1]);
        MatMut { ptr, rows, cols, ..self }
    }

    /// The rows before `row`, and those from it on.
    pub fn split_rows(self, row: usize) -> [MatMut<'a, T>; 2] {
        let (rows, cols, strides) = (self.rows, self.cols, self.strides);
        assert!(row <= rows, "split of a matrix");
        // both borrow disjoint elements of what `self` borrowed alone
        let below = MatMut { ptr: self.ptr.wrapping_offset(row as isize * strides[0]), rows: rows - row, cols, ..self };
        [MatMut { ptr: self.ptr, rows: row, cols, strides, lifetime: PhantomData }, below]
    }

    /// The columns before `col`, and those from it on.
    pub fn split_cols(self, col: usize) -> [MatMut<'a, T>; 2] {
        let (rows, cols, strides) = (self.rows, self.cols, self.strides);
        assert!(col <= cols, "split of a matrix");
        let right = MatMut { ptr: self.ptr.wrapping_offset(col as isize * strides[1]), rows, cols: cols - col, ..self };
        [MatMut { ptr: self.ptr, rows, cols: col, strides, lifetime: PhantomData }, right]
    }

    /// The elements of `row`, which lie side by side.
    ///
    /// # Panics
    /// If it is outside, or its elements lie apart.
    #[inline(always)]
    pub fn row(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows && (self.strides[1] == 1 || self.cols <= 1));
        // SAFETY: the elements of a row of this unique borrow.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.offset(row as isize * self.strides[0]), self.cols) }
    }

    /// Exchanges two rows.
    pub fn swap_rows(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let [top, mut low] = self.again().split_rows(a.max(b));
        let mut top = top;
        top.row(a.min(b)).swap_with_slice(low.row(0));
    }

    /// Copies `from`, of the same shape.
    pub fn copy_from(&mut self, from: Mat<'_, T>) {
        crate::copy::copy(&from.view(), &mut self.view());
    }

    fn view(&mut self) -> ViewMut<'_> {
        let item = size_of::<T>() as isize;
        // SAFETY: as this matrix, which is a unique borrow of its elements.
        unsafe { ViewMut::from_raw(self.ptr.cast(), T::DTYPE, &[self.rows, self.cols], &self.strides.map(|s| s * item)) }
    }

    /// self − a·b, or another form of it; with `first`, what `self` held is not read.
    pub fn product(&mut self, form: Form, a: Mat<'_, T>, b: Mat<'_, T>, first: bool, scratch: &mut [u8]) {
        if self.rows == 0 || self.cols == 0 {
            return;
        }
        gemm_form(T::DTYPE, form, 0, &a.view(), &b.view(), &mut self.view(), first, scratch);
    }

    /// self − a·b.
    pub fn subtract(&mut self, a: Mat<'_, T>, b: Mat<'_, T>, scratch: &mut [u8]) {
        self.product(Form { negative: true, ..Form::default() }, a, b, false, scratch);
    }
}

/// Scratch of products of such sides at most.
pub fn product_scratch_bytes<T: Field>(m: usize, n: usize, k: usize) -> usize {
    gemm_scratch_bytes(T::DTYPE, m, n, k)
}

/// `n` elements off the front of `scratch`, zero or not.
///
/// # Panics
/// If the scratch is shorter: a defect of whoever counted it.
pub fn take<'a, T: Field>(scratch: &mut &'a mut [u8], n: usize) -> &'a mut [T] {
    let skip = scratch.as_ptr().align_offset(64).min(scratch.len());
    let (front, rest) = std::mem::take(scratch)[skip..].split_at_mut(n * size_of::<T>());
    *scratch = rest;
    bytemuck::cast_slice_mut(front)
}

/// The bytes that [`take`] takes at most.
pub fn taken_bytes<T: Field>(n: usize) -> usize {
    n * size_of::<T>() + 64
}
