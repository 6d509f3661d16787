//! Users' functions → block functions: of an element's index, of blocks, of blocks and what lies around them, of lanes, of parts
//! of a reduction. Shape and dtype of what they give are declared, and never found out by calling them.

mod along;
mod blockwise;
mod gufunc;
mod overlap;
mod reduction;
pub(in crate::array) mod rows;
pub(super) mod values;

pub use blockwise::{Blockwise, blockwise};
pub use gufunc::{CoreSizes, apply_gufunc};
pub use overlap::{Boundary, Halo, overlap_function};

use super::{Array, ArrayElement, Chunks, Shape, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Expr, Function, Node, auto_chunks};
use crate::grid::{AxisChunks, ChunkGrid, element_count};
use flagstone_kernels::dtype::{DType, Element};
use ndarray::{ArrayD, ArrayViewD};
use std::marker::PhantomData;
use std::sync::Arc;
use values::{OfBlocks, OfIndex};

/// The array of `f` at every index.
pub(super) fn from_function<T: ArrayElement>(
    shape: &Shape,
    chunks: Option<Chunks>,
    f: impl Fn(&[u64]) -> T + Send + Sync + 'static,
) -> Result<Expr> {
    made::<T>("from_function", shape, chunks, Arc::new(OfIndex(f, PhantomData)))
}

/// An array of no other.
fn made<T: ArrayElement>(name: &str, shape: &Shape, chunks: Option<Chunks>, f: Arc<dyn BlockFn>) -> Result<Expr> {
    let shape = shape.lengths(name)?;
    let size = element_count(&shape).and_then(|n| n.checked_mul(T::Stored::DTYPE.size() as u64));
    if size.is_none_or(|bytes| bytes > i64::MAX as u64) {
        return Err(Error::bad_request(name, format!("shape {shape:?} is over 2⁶³ bytes")));
    }
    let chunks = match chunks {
        Some(chunks) => chunks.grid(name, &shape)?,
        None => auto_chunks(&shape),
    };
    called(Function::of_blocks(name, f, vec![], T::DTYPE, chunks))
}

/// The node of a function.
pub(super) fn called(function: Function) -> Result<Expr> {
    Node::new(function.into())
}

/// The array, whose elements must be what a function takes.
pub(super) fn of_type<T: ArrayElement>(name: &str, array: &Array) -> Result<Expr> {
    let expr = array.expr()?;
    match expr.dtype == T::DTYPE {
        true => Ok(expr),
        false => Err(Error::bad_type(name, format!("the function takes {}, the array is {}; use .astype first", T::DTYPE, expr.dtype))),
    }
}

/// An array made block by block: `f` of each block's place gives its elements.
///
/// ```
/// use flagstone::array::from_blocks;
/// let x = from_blocks([4], [2], |block| ndarray::ArrayD::from_elem(vec![2], block.index[0] as i64));
/// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [0, 0, 1, 1]);
/// ```
#[track_caller]
pub fn from_blocks<T: ArrayElement>(
    shape: impl Into<Shape>,
    chunks: impl Into<Chunks>,
    f: impl Fn(&BlockInfo) -> ArrayD<T> + Send + Sync + 'static,
) -> Array {
    let f = OfBlocks::new(move |info: &BlockInfo, _: &[ArrayViewD<'_, T>]| f(info));
    Array::build(|| made::<T>("from_blocks", &shape.into(), Some(chunks.into()), Arc::new(f)))
}

/// Calls of `f` along axes that are cut into `cuts`, each of which gives a block of `dtype`, of the lengths that `chunks` says along each
/// axis of the result: where the types of elements are known at run time only. The result's axes are the first of the calls', and the
/// others have one cut. Every array stands with the axes of the calls that its own follow, cut as they are.
///
/// ```
/// use flagstone::array::{BlockFn, BlockInfo, block_function};
/// use flagstone::{DType, View, ViewMut, ones};
/// struct Lengths;
/// impl BlockFn for Lengths {
///     fn call(&self, _: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
///         out.set(&[0], args[0].shape()[0] as u64);
///     }
/// }
/// let x = ones([5], DType::F32).rechunk([2]);
/// let f = std::sync::Arc::new(Lengths);
/// let y = block_function("lengths", f, &[(x, vec![0])], &[vec![2, 2, 1]], DType::U64, &[vec![1, 1, 1]]);
/// assert_eq!(y.compute::<u64>().unwrap().as_slice().unwrap(), [2, 2, 1]);
/// ```
#[track_caller]
pub fn block_function(
    name: &str,
    f: Arc<dyn BlockFn>,
    args: &[(Array, Vec<usize>)],
    cuts: &[Vec<u64>],
    dtype: DType,
    chunks: &[Vec<u64>],
) -> Array {
    let axes = |lengths: &[Vec<u64>]| lengths.iter().map(|lengths| AxisChunks::from_lengths(lengths)).collect::<Vec<_>>();
    Array::build(|| {
        let (cuts, chunks) = (axes(cuts), ChunkGrid { axes: axes(chunks) });
        let counts: Vec<u64> = cuts.iter().map(AxisChunks::count).collect();
        if !counts.starts_with(&chunks.counts()) || counts[chunks.axes.len()..].iter().any(|&count| count != 1) {
            let what = format!(
                "blocks {:?} declared for calls {counts:?}; expected as many, and one cut of what the result has not",
                chunks.counts()
            );
            return Err(Error::bad_request(name, what));
        }
        let follow = |(array, axes): &(Array, Vec<usize>)| {
            let expr = array.known()?;
            // the same lengths, in whatever form they are kept
            let as_cut = |(own, &axis): (&AxisChunks, &usize)| cuts.get(axis).is_some_and(|cuts| own.lengths().eq(cuts.lengths()));
            match axes.len() == expr.chunks.axes.len() && expr.chunks.axes.iter().zip(axes).all(as_cut) {
                true => Ok(BlockArg { expr, axes: axes.clone(), sees: Vec::new() }),
                false => {
                    let what =
                        format!("an array in chunks {:?} along axes {axes:?} of calls {counts:?}; rechunk it first", expr.chunks.counts());
                    Err(Error::bad_request(name, what))
                }
            }
        };
        let args = args.iter().map(follow).collect::<Result<_>>()?;
        let axes = cuts.iter().cloned().map(CallAxis::Cut).collect();
        called(Function { name: name.to_string(), f: f.into(), args, axes, dtype, chunks })
    })
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
        let f: Arc<dyn BlockFn> = Arc::new(OfBlocks::new(move |_: &BlockInfo, args: &[ArrayViewD<'_, T>]| f(args[0].view())));
        Array::build(|| {
            counted::when_known("map_blocks", &[of_type::<T>("map_blocks", self)?], &[], move |args| {
                called(Function::of_blocks("map_blocks", f.clone(), args.to_vec(), U::DTYPE, args[0].chunks.clone()))
            })
        })
    }
}
