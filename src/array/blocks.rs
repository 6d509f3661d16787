//! Users' functions as block functions: of an element's index, or of whole blocks.

use super::{Array, ArrayElement, Chunks, Shape, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockFn, BlockInfo, Expr, Function, Node, Op, auto_chunks};
use crate::grid::{ChunkGrid, element_count};
use flagstone_kernels::dtype::Element;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use ndarray::{ArrayD, ArrayViewD};
use std::marker::PhantomData;
use std::sync::Arc;

/// The elements of a view, copied to a dense array.
fn read<T: ArrayElement>(view: &View<'_>) -> ArrayD<T> {
    assert_eq!(view.dtype(), T::DTYPE, "a block of the argument's dtype");
    let shape = view.shape().to_vec();
    let values = view.to_vec::<T::Stored>().unwrap_or_default().into_iter().map(T::from_stored).collect();
    ArrayD::from_shape_vec(shape, values).unwrap_or_else(|_| unreachable!("a view has as many elements as its shape"))
}

/// Writes `value(place)` to every place of `out`, in C order.
fn write<T: ArrayElement>(out: &mut ViewMut<'_>, mut value: impl FnMut(&[u64]) -> T) {
    assert_eq!(out.dtype(), T::DTYPE, "a block of the declared dtype");
    let shape: Vec<u64> = out.shape().iter().map(|&n| n as u64).collect();
    let strides = out.strides().to_vec();
    let ptr = out.ptr();
    let mut place = vec![0u64; shape.len()];
    for _ in 0..element_count(&shape).unwrap_or(0) {
        let offset: isize = place.iter().zip(&strides).map(|(&at, stride)| at as isize * stride).sum();
        let stored = value(&place).into_stored();
        // SAFETY: as in `read`, and `out` is borrowed mutably.
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

struct OfIndex<T, F>(F, PhantomData<fn() -> T>);

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

pub(super) struct OfBlocks<T, U, F>(F, PhantomData<fn(T) -> U>);

impl<T, U, F> OfBlocks<T, U, F> {
    pub(super) fn new(f: F) -> OfBlocks<T, U, F> {
        OfBlocks(f, PhantomData)
    }
}

impl<T, U, F> BlockFn for OfBlocks<T, U, F>
where
    T: ArrayElement,
    U: ArrayElement,
    F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Send + Sync,
{
    fn call(&self, _info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
        let block = read::<T>(&args[0]);
        let result = (self.0)(block.view());
        assert_eq!(result.shape(), out.shape(), "map_blocks: the function must give a block of the shape it was given");
        if let (Some(values), true) = (result.as_slice(), dense_strides(out.shape(), U::DTYPE.size()) == out.strides()) {
            assert_eq!(out.dtype(), U::DTYPE, "a block of the declared dtype");
            let ptr = out.ptr().cast::<U::Stored>();
            for (at, value) in values.iter().enumerate() {
                // SAFETY: a dense view, borrowed mutably, has as many elements as its shape, which is the result's.
                unsafe { ptr.add(at).write_unaligned(value.clone().into_stored()) };
            }
            return;
        }
        let mut values = result.iter();
        write(out, |_| values.next().cloned().unwrap_or_else(|| unreachable!("as many values as places")));
    }
}

/// The array of `f` at every index.
pub(super) fn from_function<T: ArrayElement>(
    shape: &Shape,
    chunks: Option<Chunks>,
    f: impl Fn(&[u64]) -> T + Send + Sync + 'static,
) -> Result<Expr> {
    let shape = shape.lengths("from_function")?;
    let size = element_count(&shape).and_then(|n| n.checked_mul(T::Stored::DTYPE.size() as u64));
    if size.is_none_or(|bytes| bytes > i64::MAX as u64) {
        return Err(Error::bad_request("from_function", format!("shape {shape:?} is over 2⁶³ bytes")));
    }
    let chunks = match chunks {
        Some(chunks) => chunks.grid("from_function", &shape)?,
        None => auto_chunks(&shape),
    };
    function("from_function", Arc::new(OfIndex(f, PhantomData)), vec![], T::DTYPE, chunks)
}

/// An array that a function of blocks of `T` takes.
pub(super) fn taken<T: ArrayElement>(expr: Expr) -> Result<Expr> {
    if expr.dtype == T::DTYPE {
        return Ok(expr);
    }
    let what = format!("the function takes {}, the array is {}; use .astype first", T::DTYPE, expr.dtype);
    Err(Error::bad_request("map_blocks", what))
}

pub(super) fn function(
    name: &str,
    f: Arc<dyn BlockFn>,
    args: Vec<Expr>,
    dtype: flagstone_kernels::dtype::DType,
    chunks: ChunkGrid,
) -> Result<Expr> {
    Node::new(Op::Function(Function { name: name.to_string(), f, args, dtype, chunks }))
}

impl Array {
    /// `f` of every block of an array of `T`, giving a block of the same shape of `U`. Blocks are the
    /// array's chunks. A panic in `f` becomes an error that names the block.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let y = zeros([4], DType::F64).map_blocks(|block: ndarray::ArrayViewD<f64>| block.mapv(|v| v as f32 + 1.0));
    /// assert_eq!(y.dtype().unwrap(), DType::F32);
    /// ```
    #[track_caller]
    pub fn map_blocks<T, U>(&self, f: impl Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Send + Sync + 'static) -> Array
    where
        T: ArrayElement,
        U: ArrayElement,
    {
        Array::build(|| {
            let expr = taken::<T>(self.expr()?)?;
            let f: Arc<dyn BlockFn> = Arc::new(OfBlocks::<T, U, _>::new(f));
            counted::when_known("map_blocks", &[expr], &[], move |args| {
                function("map_blocks", f.clone(), args.to_vec(), U::DTYPE, args[0].chunks.clone())
            })
        })
    }
}
