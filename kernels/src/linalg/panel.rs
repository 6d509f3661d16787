//! A few columns of a block, packed so that each lies in one piece: what vector loops work on.

use super::field::Field;
use super::matrix::{Mat, MatMut};
use crate::isa::{Loop, dispatch};

/// Columns of `rows` elements each, one after the other.
pub struct Packed<'a, T> {
    elements: &'a mut [T],
    rows: usize,
}

impl<'a, T: Field> Packed<'a, T> {
    /// The columns of `from`, in `elements` of just that number.
    pub fn of(from: Mat<'_, T>, elements: &'a mut [T]) -> Packed<'a, T> {
        let rows = from.rows();
        assert_eq!(elements.len(), rows * from.cols(), "packed columns");
        for row in 0..rows {
            for col in 0..from.cols() {
                elements[col * rows + row] = from.at(row, col);
            }
        }
        Packed { elements, rows }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Puts them back.
    pub fn unpack(&self, to: &mut MatMut<'_, T>) {
        for row in 0..self.rows {
            for (col, to) in to.row(row).iter_mut().enumerate() {
                *to = self.elements[col * self.rows + row];
            }
        }
    }

    /// Column `col`.
    pub fn col(&mut self, col: usize) -> &mut [T] {
        &mut self.elements[col * self.rows..][..self.rows]
    }

    /// The rows from `from` on of column `col`.
    pub fn read(&self, col: usize, from: usize) -> &[T] {
        &self.elements[col * self.rows..][from..self.rows]
    }

    /// The columns before `col`, and those from it on.
    pub fn split(&mut self, col: usize) -> (Packed<'_, T>, impl Iterator<Item = &mut [T]>) {
        let (before, later) = self.elements.split_at_mut(col * self.rows);
        (Packed { elements: before, rows: self.rows }, later.chunks_exact_mut(self.rows.max(1)))
    }

    /// Exchanges two rows.
    pub fn swap_rows(&mut self, a: usize, b: usize) {
        self.elements.chunks_exact_mut(self.rows.max(1)).for_each(|column| column.swap(a, b));
    }
}

/// y − a·x, as a part of a longer loop.
pub(super) struct Axpy<'a, T> {
    pub y: &'a mut [T],
    pub a: T,
    pub x: &'a [T],
}

impl<T: Field> Loop for Axpy<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = *y - self.a * *x;
        }
    }
}

/// y − a·x.
pub fn subtract<T: Field>(y: &mut [T], a: T, x: &[T]) {
    dispatch(Axpy { y, a, x });
}

/// Σ conj(x)·y, as a part of a longer loop.
pub(super) struct Dot<'a, T> {
    pub x: &'a [T],
    pub y: &'a [T],
}

/// Sums that run side by side in a dot product.
const LANES: usize = 16;

impl<T: Field> Loop for Dot<'_, T> {
    type Out = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut sums = [T::ZERO; LANES];
        let whole = self.x.len() / LANES * LANES;
        for (x, y) in self.x[..whole].chunks_exact(LANES).zip(self.y[..whole].chunks_exact(LANES)) {
            for lane in 0..LANES {
                sums[lane] = sums[lane] + x[lane].conjugate() * y[lane];
            }
        }
        for (lane, (x, y)) in self.x[whole..].iter().zip(&self.y[whole..]).enumerate() {
            sums[lane] = sums[lane] + x.conjugate() * *y;
        }
        joined(sums)
    }
}

/// The sum of `N` sums, a power of two, by halves.
#[inline(always)]
pub(super) fn joined<T: Field, const N: usize>(mut sums: [T; N]) -> T {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] = sums[lane] + sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// The sum of squares of what `x` becomes by `scaled`.
struct Squares<'a, T, F>(&'a [T], F);

impl<T: Field, F: Fn(f64) -> f64> Loop for Squares<'_, T, F> {
    type Out = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; LANES];
        let whole = self.0.len() / LANES * LANES;
        for x in self.0[..whole].chunks_exact(LANES) {
            for lane in 0..LANES {
                sums[lane] += x[lane].square(&self.1);
            }
        }
        for (lane, x) in self.0[whole..].iter().enumerate() {
            sums[lane] += x.square(&self.1);
        }
        sums.iter().sum()
    }
}

struct Divide<'a, T> {
    x: &'a mut [T],
    by: T,
}

impl<T: Field> Loop for Divide<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        match self.by.inverse() {
            Some(inverse) => self.x.iter_mut().for_each(|x| *x = *x * inverse),
            None => self.x.iter_mut().for_each(|x| *x = x.over(self.by)),
        }
    }
}

/// x / by: times 1 / by, where that is a normal number.
pub fn divide<T: Field>(x: &mut [T], by: T) {
    dispatch(Divide { x, by });
}

struct Largest<'a, T>(&'a [T]);

impl<T: Field> Loop for Largest<'_, T> {
    type Out = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut most = [0.0f64; LANES];
        let whole = self.0.len() / LANES * LANES;
        for x in self.0[..whole].chunks_exact(LANES) {
            for lane in 0..LANES {
                let size = x[lane].size();
                most[lane] = if size > most[lane] { size } else { most[lane] };
            }
        }
        for x in &self.0[whole..] {
            most[0] = if x.size() > most[0] { x.size() } else { most[0] };
        }
        most.iter().fold(0.0, |a, &b| if b > a { b } else { a })
    }
}

/// The largest |re| + |im|, NaN not counted.
pub fn largest<T: Field>(x: &[T]) -> f64 {
    dispatch(Largest(x))
}

/// Where the first number of the largest |re| + |im| stands; 0 where that of the first one is NaN, and others that are NaN do not count.
pub fn largest_place<T: Field>(x: &[T]) -> usize {
    let most = largest(x);
    let first = x.first().map_or(0.0, |x| x.size());
    if first.is_nan() || first == most { 0 } else { x.iter().position(|x| x.size() == most).unwrap_or(0) }
}

/// The 2-norm, without overflow; NaN where there is one.
pub fn norm<T: Field>(x: &[T]) -> f64 {
    let most = largest(x);
    // squares of numbers beyond these bounds leave the range, or its accuracy
    if most == 0.0 || (1e-140..1e140).contains(&most) {
        return dispatch(Squares(x, |x| x)).sqrt();
    }
    if most.is_infinite() {
        return if x.iter().any(|x| x.size().is_nan()) { f64::NAN } else { f64::INFINITY };
    }
    dispatch(Squares(x, |x| x / most)).sqrt() * most
}
