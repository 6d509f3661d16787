//! Views of blocks ↔ ndarray: what a user's function is given and gives.

use crate::array::ArrayElement;
use crate::expr::{BlockFn, BlockInfo};
use crate::grid::element_count;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use ndarray::{ArrayD, ArrayView1, ArrayViewD, Axis};
use std::marker::PhantomData;

/// The elements of a block: lent where they lie in memory as the user's type does, else copied.
enum Held<'a, T> {
    Lent(ArrayViewD<'a, T>),
    Copied(ArrayD<T>),
}

impl<'a, T: ArrayElement> Held<'a, T> {
    fn of(view: &View<'a>) -> Held<'a, T> {
        assert_eq!(view.dtype(), T::DTYPE, "a block of the argument's dtype");
        let shape = view.shape().to_vec();
        let lent =
            view.as_slice::<T::Stored>().and_then(T::slice).and_then(|elements| ArrayViewD::from_shape(shape.clone(), elements).ok());
        lent.map_or_else(
            || {
                let values = view.to_vec::<T::Stored>().unwrap_or_default().into_iter().map(T::from_stored).collect();
                let array = ArrayD::from_shape_vec(shape, values);
                Held::Copied(array.unwrap_or_else(|_| unreachable!("a view has as many elements as its shape")))
            },
            Held::Lent,
        )
    }

    fn view(&self) -> ArrayViewD<'_, T> {
        match self {
            Held::Lent(view) => view.view(),
            Held::Copied(array) => array.view(),
        }
    }
}

/// Writes `value(place)` to every place of `out`, in C order.
pub(super) fn write<T: ArrayElement>(out: &mut ViewMut<'_>, mut value: impl FnMut(&[u64]) -> T) {
    assert_eq!(out.dtype(), T::DTYPE, "a block of the declared dtype");
    let shape: Vec<u64> = out.shape().iter().map(|&n| n as u64).collect();
    let strides = out.strides().to_vec();
    let ptr = out.ptr();
    let mut place = vec![0u64; shape.len()];
    for _ in 0..element_count(&shape).unwrap_or(0) {
        let offset: isize = place.iter().zip(&strides).map(|(&at, stride)| at as isize * stride).sum();
        let stored = value(&place).into_stored();
        // SAFETY: the place lies inside of `out`, which is borrowed mutably.
        unsafe { ptr.offset(offset).cast::<T::Stored>().write_unaligned(stored) };
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            if place[axis] < shape[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
}

/// Writes what a function gave, which must have the shape of `out`.
pub(super) fn give<T: ArrayElement>(result: ArrayViewD<'_, T>, out: &mut ViewMut<'_>) {
    assert_eq!(result.shape(), out.shape(), "the function gave a block of another shape (left) than was declared (right)");
    assert_eq!(out.dtype(), T::DTYPE, "a block of the declared dtype");
    if let (Some(values), true) = (result.as_slice(), dense_strides(out.shape(), T::DTYPE.size()) == out.strides()) {
        let ptr = out.ptr().cast::<T::Stored>();
        for (at, value) in values.iter().enumerate() {
            // SAFETY: a dense view, borrowed mutably, has as many elements as its shape, which is the result's.
            unsafe { ptr.add(at).write_unaligned(value.clone().into_stored()) };
        }
        return;
    }
    let mut values = result.iter();
    write(out, |_| values.next().cloned().unwrap_or_else(|| unreachable!("as many values as places")));
}

/// A function of blocks of `T` that gives one of `U`.
pub(in crate::array) struct OfBlocks<T, U, F> {
    f: F,
    types: PhantomData<fn(T) -> U>,
}

impl<T, U, F: Fn(&BlockInfo, &[ArrayViewD<'_, T>]) -> ArrayD<U>> OfBlocks<T, U, F> {
    pub(in crate::array) fn new(f: F) -> OfBlocks<T, U, F> {
        OfBlocks { f, types: PhantomData }
    }
}

impl<T, U, F> BlockFn for OfBlocks<T, U, F>
where
    T: ArrayElement,
    U: ArrayElement,
    F: Fn(&BlockInfo, &[ArrayViewD<'_, T>]) -> ArrayD<U> + Send + Sync,
{
    fn call(&self, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
        let held: Vec<Held<'_, T>> = args.iter().map(Held::of).collect();
        let views: Vec<ArrayViewD<'_, T>> = held.iter().map(Held::view).collect();
        give((self.f)(info, &views).view(), out);
    }
}

/// A function of an element's index.
pub(super) struct OfIndex<T, F>(pub F, pub PhantomData<fn() -> T>);

impl<T: ArrayElement, F: Fn(&[u64]) -> T + Send + Sync> BlockFn for OfIndex<T, F> {
    fn call(&self, info: &BlockInfo, _args: &[View<'_>], out: &mut ViewMut<'_>) {
        let spans = &info.region.0;
        let mut global = vec![0u64; spans.len()];
        write(out, |place| {
            for (axis, span) in spans.iter().enumerate() {
                global[axis] = span.start + place[axis] * span.step;
            }
            (self.0)(&global)
        });
    }
}

/// A shape as ndarray has it.
pub(super) fn dense(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

/// A function of lanes along an axis, giving arrays of one shape, which stand in the place of the axis.
pub(super) struct OfLanes<T, U, F> {
    axis: usize,
    gives: Vec<usize>,
    f: F,
    types: PhantomData<fn(T) -> U>,
}

impl<T, U, F: Fn(ArrayView1<'_, T>) -> ArrayD<U>> OfLanes<T, U, F> {
    pub(super) fn new(axis: usize, gives: Vec<usize>, f: F) -> OfLanes<T, U, F> {
        OfLanes { axis, gives, f, types: PhantomData }
    }
}

impl<T, U, F> BlockFn for OfLanes<T, U, F>
where
    T: ArrayElement,
    U: ArrayElement,
    F: Fn(ArrayView1<'_, T>) -> ArrayD<U> + Send + Sync,
{
    fn call(&self, _: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
        let held = Held::<T>::of(&args[0]);
        let view = held.view();
        let (at, within) = (self.axis, self.gives.len());
        // the places of the other axes, in C order
        for (n, lane) in view.lanes(Axis(at)).into_iter().enumerate() {
            let made = (self.f)(lane);
            assert_eq!(made.shape(), self.gives, "the function gave an array of another shape (left) than was declared (right)");
            let mut rest = n;
            let (mut start, mut shape) = (vec![0; out.shape().len()], vec![1; out.shape().len()]);
            shape[at..at + within].copy_from_slice(&self.gives);
            for axis in (0..start.len()).rev().filter(|axis| !(at..at + within).contains(axis)) {
                start[axis] = rest % out.shape()[axis];
                rest /= out.shape()[axis];
            }
            let mut part = out.part(&start, &shape);
            let made = made.to_shape(shape).unwrap_or_else(|_| unreachable!("axes of one place more"));
            give(made.view(), &mut part);
        }
    }
}
