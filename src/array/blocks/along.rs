//! Functions of lanes along an axis, and of arrays along several axes in turn.

use super::values::{OfLanes, dense};
use super::{called, of_type};
use crate::array::axes::position;
use crate::array::{Array, ArrayElement, Shape, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, CallAxis, Expr, Function};
use crate::grid::{AxisChunks, ChunkGrid};
use ndarray::{ArrayD, ArrayView1};
use std::sync::Arc;

fn along<U: ArrayElement>(x: &Expr, axis: i64, lane: &[u64], f: &Arc<dyn BlockFn>) -> Result<Expr> {
    const NAME: &str = "apply_along_axis";
    let ndim = x.shape.len();
    let at = position(NAME, axis, ndim)?;
    if x.shape[at] == 0 {
        return Err(Error::bad_request(NAME, format!("axis {at} of shape {:?} has no element", x.shape)));
    }
    // the calls stand along the result's axes, and hold the lane whole behind them
    let out = ndim - 1 + lane.len();
    let follows = |axis: usize| match axis {
        axis if axis < at => axis,
        axis if axis == at => out,
        axis => axis - 1 + lane.len(),
    };
    let arg = BlockArg { expr: x.clone(), axes: (0..ndim).map(follows).collect(), sees: Vec::new() };
    let mut axes = vec![CallAxis::Free; out];
    let mut chunks =
        [&x.chunks.axes[..at], &lane.iter().map(|&n| AxisChunks::whole(n)).collect::<Vec<_>>(), &x.chunks.axes[at + 1..]].concat();
    for (n, &len) in lane.iter().enumerate() {
        axes[at + n] = CallAxis::Cut(AxisChunks::whole(len));
    }
    axes.push(CallAxis::Cut(AxisChunks::whole(x.shape[at])));
    let chunks = ChunkGrid { axes: std::mem::take(&mut chunks) };
    called(Function { name: NAME.into(), f: f.clone().into(), args: vec![arg], axes, dtype: U::DTYPE, chunks })
}

impl Array {
    /// `f` of every lane along `axis`; what it gives has the shape `lane`, whose axes stand in the place of the axis: none where
    /// `f` gives one value. Any chunks will do: a task holds as many whole lanes as it has room for. A slice of the result
    /// calls `f` for its lanes.
    ///
    /// ```
    /// let x = flagstone::ones([2, 3], flagstone::DType::F64);
    /// let both = x.apply_along_axis(1, [2], |lane: ndarray::ArrayView1<f64>| ndarray::arr1(&[lane.sum(), lane.len() as f64]).into_dyn());
    /// assert_eq!(both.compute::<f64>().unwrap().as_slice().unwrap(), [3.0, 3.0, 3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn apply_along_axis<T, U>(
        &self,
        axis: i64,
        lane: impl Into<Shape>,
        f: impl Fn(ArrayView1<'_, T>) -> ArrayD<U> + Send + Sync + 'static,
    ) -> Array
    where
        T: ArrayElement,
        U: ArrayElement,
    {
        Array::build(|| {
            let x = of_type::<T>("apply_along_axis", self)?;
            let lane = lane.into().lengths("apply_along_axis")?;
            if lane.contains(&0) {
                return Err(Error::bad_request("apply_along_axis", format!("lanes of shape {lane:?}; expected an element at least")));
            }
            let at = position("apply_along_axis", axis, x.shape.len())?;
            let f: Arc<dyn BlockFn> = Arc::new(OfLanes::new(at, dense(&lane), f));
            counted::when_known("apply_along_axis", &[x], &[], move |args| along::<U>(&args[0], axis, &lane, &f))
        })
    }

    /// `f` of the array and the first axis, of what that gives and the second axis, and so on. An axis that `f` drops comes back
    /// with length 1.
    ///
    /// ```
    /// let x = flagstone::ones([2, 3, 4], flagstone::DType::F64);
    /// assert_eq!(x.apply_over_axes(|x, axis| x.sum(axis), &[0, 2]).shape().unwrap(), [1, 3, 1]);
    /// ```
    #[track_caller]
    pub fn apply_over_axes(&self, f: impl Fn(&Array, i64) -> Array, axes: &[i64]) -> Array {
        Array::build(|| {
            let ndim = self.ndim()?;
            let each = |x: Array, &axis: &i64| {
                let at = position("apply_over_axes", axis, ndim)? as i64;
                let made = f(&x, at);
                match made.ndim()? {
                    n if n == ndim => Ok(made),
                    n if n + 1 == ndim => Ok(made.expand_dims(at)),
                    n => Err(Error::bad_request(
                        "apply_over_axes",
                        format!("the function made {n} axes of {ndim}; expected as many, or one fewer"),
                    )),
                }
            };
            axes.iter().try_fold(self.clone(), each)?.expr()
        })
    }
}
