//! A user's own reduction: parts of it for every block, parts combined along a tree, and what follows from the last one.

use super::values::{OfBlocks, dense};
use super::{called, of_type};
use crate::array::{Array, ArrayElement, Axes, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Expr, Function};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use ndarray::{ArrayD, ArrayViewD};
use std::sync::Arc;

const NAME: &str = "reduction";

/// The functions of a reduction.
struct Functions {
    chunk: Arc<dyn BlockFn>,
    combine: Arc<dyn BlockFn>,
    finish: Arc<dyn BlockFn>,
    parts: DType,
    out: DType,
    state: u64,
}

/// Calls along `axes` of one array.
fn call(f: &Arc<dyn BlockFn>, arg: BlockArg, axes: Vec<AxisChunks>, dtype: DType, chunks: Vec<AxisChunks>) -> Result<Expr> {
    let axes = axes.into_iter().map(CallAxis::Cut).collect();
    called(Function { name: NAME.into(), f: f.clone().into(), args: vec![arg], axes, dtype, chunks: ChunkGrid { axes: chunks } })
}

fn reduced(x: &Expr, axes: &Axes, of: &Functions) -> Result<Expr> {
    let ndim = x.shape.len();
    let positions = axes.positions(NAME, ndim)?;
    if x.shape.contains(&0) {
        return Err(Error::bad_request(NAME, format!("an array of shape {:?} has no element", x.shape)));
    }
    let kept: Vec<usize> = (0..ndim).filter(|axis| !positions.contains(axis)).collect();
    // parts stand along the reduced axes, one a block, then along the kept axes, then the state
    let order: Vec<usize> = positions.iter().chain(&kept).copied().collect();
    let state = AxisChunks::whole(of.state);
    let mut cuts: Vec<AxisChunks> = order.iter().map(|&axis| x.chunks.axes[axis].clone()).collect();
    let one_each = |cuts: &AxisChunks| AxisChunks::regular(cuts.count(), 1);
    let mut chunks: Vec<AxisChunks> = cuts[..positions.len()].iter().map(one_each).collect();
    chunks.extend(cuts[positions.len()..].iter().cloned().chain([state.clone()]));
    cuts.push(state.clone());
    let follows = (0..ndim).map(|axis| order.iter().position(|at| *at == axis).unwrap_or(axis)).collect();
    let arg = BlockArg { expr: x.clone(), axes: follows, sees: Vec::new() };
    let mut parts = call(&of.chunk, arg, cuts, of.parts, chunks)?;
    for axis in 0..positions.len() {
        while parts.shape[axis] > 1 {
            let mut cuts = parts.chunks.axes.clone();
            cuts[axis] = AxisChunks::regular(parts.shape[axis], graph::REDUCTION_TOGETHER);
            let mut chunks = cuts.clone();
            chunks[axis] = one_each(&cuts[axis]);
            parts = call(&of.combine, BlockArg::whole(parts), cuts, of.parts, chunks)?;
        }
    }
    // the result's axes, then those of the parts, of one place
    let (first, out) = (positions.len(), kept.len());
    let follows = (0..first).map(|at| out + at).chain(0..out).chain([out + first]).collect();
    let chunks: Vec<AxisChunks> = parts.chunks.axes[first..first + out].to_vec();
    let calls = [&chunks[..], &vec![AxisChunks::whole(1); first], &[state]].concat();
    let done = call(&of.finish, BlockArg { expr: parts, axes: follows, sees: Vec::new() }, calls, of.out, chunks)?;
    match axes.keepdims {
        true => crate::array::manipulate::insert_axes(&done, &positions),
        false => Ok(done),
    }
}

impl Array {
    /// A reduction over `axes` by three functions, in one read. `chunk` makes a part of each block: an array of the kept axes and a
    /// last one of `state` places. `combine` makes one part of several, which lie along a first axis in the order of the
    /// blocks. `finish` makes the result, of the kept axes, of the last part. Blocks are the array's chunks; they and nothing else
    /// fix which parts are combined with which.
    ///
    /// ```
    /// use flagstone::axis;
    /// use ndarray::{ArrayD, ArrayViewD, Axis, stack};
    /// let x = flagstone::arange(0.0, 12.0, 1.0, None).reshape([4, 3]).rechunk([1, 2]);
    /// // the mean as a sum and a number
    /// let chunk = |block: ArrayViewD<f64>| {
    ///     let (sums, n) = (block.sum_axis(Axis(0)), block.len_of(Axis(0)) as f64);
    ///     stack(Axis(1), &[sums.view(), ArrayD::from_elem(sums.shape(), n).view()]).unwrap()
    /// };
    /// let combine = |parts: ArrayViewD<f64>| parts.sum_axis(Axis(0));
    /// let finish = |part: ArrayViewD<f64>| &part.index_axis(Axis(1), 0) / &part.index_axis(Axis(1), 1);
    /// let mean = x.reduction(axis(0), 2, chunk, combine, finish);
    /// assert_eq!(mean.compute::<f64>().unwrap().as_slice().unwrap(), [4.5, 5.5, 6.5]);
    /// ```
    #[track_caller]
    pub fn reduction<T, S, U>(
        &self,
        axes: impl Into<Axes>,
        state: u64,
        chunk: impl Fn(ArrayViewD<'_, T>) -> ArrayD<S> + Send + Sync + 'static,
        combine: impl Fn(ArrayViewD<'_, S>) -> ArrayD<S> + Send + Sync + 'static,
        finish: impl Fn(ArrayViewD<'_, S>) -> ArrayD<U> + Send + Sync + 'static,
    ) -> Array
    where
        T: ArrayElement,
        S: ArrayElement,
        U: ArrayElement,
    {
        let axes = axes.into();
        Array::build(|| {
            let x = of_type::<T>(NAME, self)?;
            if state == 0 {
                return Err(Error::bad_request(NAME, "a state of 0 places; expected 1 or more"));
            }
            let first = axes.positions(NAME, x.shape.len())?.len();
            // a part stands in a block with an axis of one place for each axis that is reduced
            let placed = move |part: ArrayD<S>, info: &BlockInfo| {
                let shape = dense(&info.region.shape());
                assert_eq!(part.shape(), &shape[first..], "the function gave a part of another shape (left) than was declared (right)");
                part.to_shape(shape).unwrap_or_else(|_| unreachable!("axes of one place more")).into_owned()
            };
            let chunk = move |info: &BlockInfo, args: &[ArrayViewD<'_, T>]| placed(chunk(args[0].view()), info);
            let combine = move |info: &BlockInfo, args: &[ArrayViewD<'_, S>]| {
                let shape = args[0].shape();
                // of the axes of parts one has several places
                let lying: Vec<usize> = std::iter::once(shape[..first].iter().product()).chain(shape[first..].iter().copied()).collect();
                let parts = args[0].to_shape(lying).unwrap_or_else(|_| unreachable!("as many elements"));
                placed(combine(parts.view()), info)
            };
            let finish = move |_: &BlockInfo, args: &[ArrayViewD<'_, S>]| {
                let part = args[0].to_shape(&args[0].shape()[first..]).unwrap_or_else(|_| unreachable!("axes of one place less"));
                finish(part.view())
            };
            let of = Functions {
                chunk: Arc::new(OfBlocks::new(chunk)),
                combine: Arc::new(OfBlocks::new(combine)),
                finish: Arc::new(OfBlocks::new(finish)),
                parts: S::DTYPE,
                out: U::DTYPE,
                state,
            };
            counted::when_known(NAME, &[x], &[], move |args| reduced(&args[0], &axes, &of))
        })
    }
}
