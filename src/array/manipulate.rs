//! Other orders, other axes, other chunks of the same elements; arrays put together.

use super::axes::position;
use super::counted::{self, when_known};
use super::elementwise::{broadcast, cast, common_shape};
use super::{Array, Axes, Chunks, Operand, Shape};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow, Node, Op, auto_chunks, ops};
use crate::grid::{ChunkGrid, element_count};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::generate::{Generator, Rule};
use std::sync::Arc;

/// The arrays, of one dtype and one at least, one after the other along `axis`.
pub(super) fn join(args: Vec<Expr>, axis: usize) -> Result<Expr> {
    Node::new(ops::Concatenate { args, axis }.into())
}

/// What was cut along one of its axes, if these are all of it in order, and where its elements come to stand: so groups that were taken
/// one by one are what they were taken from, and not as many slices.
fn cut_from(args: &[Expr], axis: usize) -> Option<(Expr, Affine)> {
    if args.len() < 2 || args.iter().any(|arg| arg.is_counted() || arg.elements() == 0) {
        return None;
    }
    let (whole, mut all) = uncut(&args[0]);
    let (other, second) = uncut(&args[1]);
    if whole.id != other.id || whole.is_counted() || !all.slides.is_empty() {
        return None;
    }
    let cut = (0..whole.shape.len()).find(|&at| all.source[at] != second.source[at])?;
    let mut end = 0;
    for arg in args {
        let (of, view) = uncut(arg);
        let (here, n) = (Follow { start: end as i64, step: 1, axis: Some(axis) }, arg.shape[axis]);
        let fits = |at: usize, follow: &Follow| match at == cut {
            // one place is followed by none of the axes that are cut
            true => *follow == here || n == 1 && follow.start == here.start && follow.axis.is_none_or(|of| of == axis),
            false => *follow == all.source[at] && follow.axis != Some(axis),
        };
        if of.id != whole.id || !view.slides.is_empty() || !view.source.iter().enumerate().all(|(at, follow)| fits(at, follow)) {
            return None;
        }
        end += n;
    }
    all.source[cut] = Follow { start: 0, step: 1, axis: Some(axis) };
    all.shape[axis] = end;
    (end == whole.shape[cut]).then_some((whole, all))
}

/// What an array is a view of, which is none itself, and which view.
fn uncut(expr: &Expr) -> (Expr, Affine) {
    let (mut of, mut at) = (expr, Affine::identity(&expr.shape));
    while let Op::View(ops::View { arg, view }) = &of.op {
        (of, at) = (arg, view.then(&at));
    }
    (of.clone(), at)
}

/// A view; the node itself when it selects everything where it is.
pub(super) fn view(expr: &Expr, view: Affine) -> Result<Expr> {
    if view.is_identity(&expr.shape) {
        return Ok(expr.clone());
    }
    Node::new(Op::View(ops::View { arg: expr.clone(), view }))
}

fn permuted(expr: &Expr, order: &[usize]) -> Result<Expr> {
    view(expr, Affine::permute(&expr.shape, order))
}

/// New axes of length 1 at these places of the result, ascending.
pub(super) fn insert_axes(expr: &Expr, places: &[usize]) -> Result<Expr> {
    let mut left = expr.shape.iter().enumerate();
    let mut source = Vec::new();
    let mut shape = Vec::new();
    for at in 0..expr.shape.len() + places.len() {
        if places.contains(&at) {
            shape.push(1);
        } else if let Some((_, &n)) = left.next() {
            source.push(Follow { start: 0, step: 1, axis: Some(at) });
            shape.push(n);
        }
    }
    view(expr, Affine::new(source, shape))
}

/// Without these axes, which have length 1.
pub(super) fn drop_axes(expr: &Expr, places: &[usize]) -> Result<Expr> {
    let mut source = Vec::new();
    let mut shape = Vec::new();
    for (axis, &n) in expr.shape.iter().enumerate() {
        if places.contains(&axis) {
            source.push(Follow { start: 0, step: 0, axis: None });
        } else {
            source.push(Follow { start: 0, step: 1, axis: Some(shape.len()) });
            shape.push(n);
        }
    }
    view(expr, Affine::new(source, shape))
}

fn flipped(expr: &Expr, axes: &[usize]) -> Result<Expr> {
    let mut affine = Affine::identity(&expr.shape);
    for &axis in axes {
        if expr.shape[axis] > 1 {
            affine.source[axis] = Follow { start: expr.shape[axis] as i64 - 1, step: -1, axis: Some(axis) };
        }
    }
    view(expr, affine)
}

fn joined(operation: &str, arrays: &[Expr], axis: i64) -> Result<Expr> {
    let Some(first) = arrays.first() else {
        return Err(Error::bad_request(operation, "no arrays; expected at least one"));
    };
    let axis = position(operation, axis, first.shape.len())?;
    let dtype = arrays.iter().map(|expr| expr.dtype).reduce(DType::promote).unwrap_or(first.dtype);
    for expr in arrays {
        let fits = expr.shape.len() == first.shape.len()
            && expr.shape.iter().zip(&first.shape).enumerate().all(|(at, (a, b))| at == axis || a == b);
        if !fits {
            let what = format!("shapes {:?} and {:?} differ in more than axis {axis}", first.shape, expr.shape);
            return Err(Error::bad_request(operation, what));
        }
    }
    let args: Vec<Expr> = arrays.iter().map(|expr| cast(expr, dtype)).collect::<Result<_>>()?;
    if args.len() == 1 {
        return Ok(args[0].clone());
    }
    match cut_from(&args, axis) {
        Some((whole, at)) => view(&whole, at),
        None => join(args, axis),
    }
}

fn stacked(arrays: &[Expr], axis: i64) -> Result<Expr> {
    let Some(first) = arrays.first() else { return joined("stack", arrays, axis) };
    if let Some(other) = arrays.iter().find(|expr| expr.shape != first.shape) {
        return Err(Error::bad_request("stack", format!("shapes {:?} and {:?}; expected one shape", first.shape, other.shape)));
    }
    let at = position("stack", axis, first.shape.len() + 1)?;
    let arrays: Vec<Expr> = arrays.iter().map(|expr| insert_axes(expr, &[at])).collect::<Result<_>>()?;
    joined("stack", &arrays, at as i64)
}

fn exprs(arrays: &[Array]) -> Result<Vec<Expr>> {
    arrays.iter().map(Array::expr).collect()
}

/// Arrays one after the other along an axis.
///
/// ```
/// use flagstone::{DType, array::concatenate, zeros};
/// let x = zeros([2, 3], DType::F32);
/// assert_eq!(concatenate(&[x.clone(), x], 0).shape().unwrap(), [4, 3]);
/// ```
#[track_caller]
pub fn concatenate(arrays: &[Array], axis: i64) -> Array {
    Array::build(|| when_known("concatenate", &exprs(arrays)?, &[], move |arrays| joined("concatenate", arrays, axis)))
}

/// Arrays of one shape along a new axis.
///
/// ```
/// use flagstone::{DType, array::stack, zeros};
/// let x = zeros([2, 3], DType::F32);
/// assert_eq!(stack(&[x.clone(), x], -1).shape().unwrap(), [2, 3, 2]);
/// ```
#[track_caller]
pub fn stack(arrays: &[Array], axis: i64) -> Array {
    Array::build(|| when_known("stack", &exprs(arrays)?, &[], move |arrays| stacked(arrays, axis)))
}

/// Arrays below one another: along axis 0, 1-D ones as rows.
///
/// ```
/// use flagstone::{DType, array::vstack, zeros};
/// let x = zeros([3], DType::F32);
/// assert_eq!(vstack(&[x.clone(), x]).shape().unwrap(), [2, 3]);
/// ```
#[track_caller]
pub fn vstack(arrays: &[Array]) -> Array {
    Array::build(|| {
        let rows = |expr: &Expr| match expr.shape.len() {
            0 => insert_axes(expr, &[0, 1]),
            1 => insert_axes(expr, &[0]),
            _ => Ok(expr.clone()),
        };
        when_known("vstack", &exprs(arrays)?, &[], move |arrays| {
            joined("vstack", &arrays.iter().map(rows).collect::<Result<Vec<Expr>>>()?, 0)
        })
    })
}

/// Arrays beside one another: along axis 1, 1-D ones along axis 0.
///
/// ```
/// use flagstone::{DType, array::hstack, zeros};
/// let x = zeros([2, 3], DType::F32);
/// assert_eq!(hstack(&[x.clone(), x]).shape().unwrap(), [2, 6]);
/// ```
#[track_caller]
pub fn hstack(arrays: &[Array]) -> Array {
    Array::build(|| {
        let lines = |expr: &Expr| if expr.shape.is_empty() { insert_axes(expr, &[0]) } else { Ok(expr.clone()) };
        when_known("hstack", &exprs(arrays)?, &[], move |arrays| {
            let arrays: Vec<Expr> = arrays.iter().map(lines).collect::<Result<_>>()?;
            let axis = arrays.first().map_or(0, |expr| i64::from(expr.shape.len() > 1));
            joined("hstack", &arrays, axis)
        })
    })
}

/// Arrays broadcast against each other.
pub(super) fn broadcast_arrays(arrays: &[Array]) -> Result<Vec<Array>> {
    let exprs = exprs(arrays)?;
    let one = |at: usize| {
        when_known("broadcast_arrays", &exprs, &[], move |exprs| {
            let shapes: Vec<&[u64]> = exprs.iter().map(|expr| expr.shape.as_slice()).collect();
            broadcast("broadcast_arrays", &exprs[at], &common_shape("broadcast_arrays", &shapes)?)
        })
    };
    (0..exprs.len()).map(|at| one(at).map(Array::from_expr)).collect()
}

/// What is known of the lengths that `expr`, whose own are not all known, is to have: those that are named, and a bound for another.
fn named_lengths(expr: &Expr, wanted: &Shape) -> Result<Vec<counted::Length>> {
    let misfit = || Error::bad_request("reshape", format!("an array of at most {:?} elements into shape {:?}", expr.shape, wanted.0));
    let open = wanted.0.iter().filter(|&&n| n == -1).count();
    let one = |n: i128| Shape(vec![n]).lengths("reshape").map(|n| n[0]);
    let named = wanted.0.iter().filter(|&&n| n != -1).map(|&n| one(n)).collect::<Result<Vec<u64>>>()?;
    let elements = element_count(&named).filter(|&n| n <= expr.elements() || expr.elements() == 0 && open == 1);
    let elements = elements.ok_or_else(misfit)?;
    if open > 1 || open == 1 && elements == 0 {
        return Err(misfit());
    }
    let mut named = named.into_iter();
    let mut length = |&n: &i128| match n {
        -1 => (expr.elements() / elements.max(1), Some(Arc::default())),
        _ => (named.next().unwrap_or_default(), None),
    };
    Ok(wanted.0.iter().map(&mut length).collect())
}

fn reshaped(expr: &Expr, wanted: &Shape) -> Result<Expr> {
    let elements = expr.elements();
    let mut wanted = wanted.0.clone();
    let open: Vec<usize> = (0..wanted.len()).filter(|&at| wanted[at] == -1).collect();
    let misfit = |wanted: &[i128]| Error::bad_request("reshape", format!("an array of shape {:?} into shape {wanted:?}", expr.shape));
    if let [at] = open[..] {
        let others = wanted.iter().filter(|&&n| n != -1).try_fold(1i128, |all, &n| all.checked_mul(n));
        let Some(others) = others.filter(|&others| others > 0 && elements as i128 % others == 0) else { return Err(misfit(&wanted)) };
        wanted[at] = elements as i128 / others;
    }
    let shape = Shape(wanted.clone()).lengths("reshape")?;
    if element_count(&shape) != Some(elements) {
        return Err(misfit(&wanted));
    }
    if shape == expr.shape {
        return Ok(expr.clone());
    }
    match &expr.op {
        Op::Full(ops::Full { value, dtype, .. }) => {
            let chunks = auto_chunks(&shape);
            return Node::new(Op::Full(ops::Full { value: *value, dtype: *dtype, shape, chunks }));
        }
        // their values follow the flat index, which a reshape keeps
        Op::Generate(ops::Generate { generator, .. }) if !matches!(generator.rule, Rule::Eye { .. }) => {
            let chunks = auto_chunks(&shape);
            return Node::new(Op::Generate(ops::Generate { generator: Generator { shape, rule: generator.rule.clone() }, chunks }));
        }
        _ if elements == 0 => {
            let chunks = auto_chunks(&shape);
            return Node::new(Op::Full(ops::Full { value: Scalar::Int(0), dtype: expr.dtype, shape, chunks }));
        }
        _ => {}
    }
    let ones = |shape: &[u64]| (0..shape.len()).filter(|&at| shape[at] == 1).collect::<Vec<_>>();
    let long = |shape: &[u64]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    if long(&shape) != long(&expr.shape) {
        return Node::new(ops::Reshape { arg: expr.clone(), shape }.into());
    }
    insert_axes(&drop_axes(expr, &ones(&expr.shape))?, &ones(&shape))
}

/// `expr` in other chunks.
pub(super) fn cut_as(expr: Expr, chunks: ChunkGrid) -> Result<Expr> {
    if chunks == expr.chunks { Ok(expr) } else { Node::new(ops::Rechunk { arg: expr, chunks }.into()) }
}

impl Array {
    /// What `f` builds of the array, once its lengths are known; see [`when_known`].
    #[track_caller]
    fn rearranged(&self, name: &str, guesses: &[u64], f: impl Fn(&Expr) -> Result<Expr> + Send + Sync + 'static) -> Array {
        Array::build(|| when_known(name, &[self.expr()?], guesses, move |args| f(&args[0])))
    }

    /// The axes in reverse order.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).t().shape().unwrap(), [3, 2]);
    /// ```
    #[track_caller]
    pub fn t(&self) -> Array {
        self.rearranged("transpose", &[], |expr| permuted(expr, &(0..expr.shape.len()).rev().collect::<Vec<_>>()))
    }

    /// The axes in the given order: all axes, each once; `..` reverses them.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3, 4], flagstone::DType::F64);
    /// assert_eq!(x.transpose([1, 2, 0]).shape().unwrap(), [3, 4, 2]);
    /// ```
    #[track_caller]
    pub fn transpose(&self, order: impl Into<Axes>) -> Array {
        let order = order.into();
        let Some(axes) = order.axes.clone() else { return self.t() };
        self.rearranged("transpose", &[], move |expr| {
            let ndim = expr.shape.len();
            if order.positions("transpose", ndim)?.len() != ndim {
                return Err(Error::bad_request("transpose", format!("axes {axes:?} of a {ndim}-d array; expected each axis once")));
            }
            let places: Result<Vec<usize>> = axes.iter().map(|&axis| position("transpose", axis, ndim)).collect();
            permuted(expr, &places?)
        })
    }

    /// Two axes exchanged.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3, 4], flagstone::DType::F64);
    /// assert_eq!(x.swapaxes(0, -1).shape().unwrap(), [4, 3, 2]);
    /// ```
    #[track_caller]
    pub fn swapaxes(&self, a: i64, b: i64) -> Array {
        self.rearranged("swapaxes", &[], move |expr| {
            let ndim = expr.shape.len();
            let mut order: Vec<usize> = (0..ndim).collect();
            order.swap(position("swapaxes", a, ndim)?, position("swapaxes", b, ndim)?);
            permuted(expr, &order)
        })
    }

    /// Axes moved to other places, the others keeping their order.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3, 4], flagstone::DType::F64);
    /// assert_eq!(x.moveaxis(0, -1).shape().unwrap(), [3, 4, 2]);
    /// ```
    #[track_caller]
    pub fn moveaxis(&self, from: impl Into<Axes>, to: impl Into<Axes>) -> Array {
        let (from, to) = (from.into(), to.into());
        self.rearranged("moveaxis", &[], move |expr| {
            let ndim = expr.shape.len();
            from.positions("moveaxis", ndim)?;
            to.positions("moveaxis", ndim)?;
            let places =
                |axes: &Axes| -> Result<Vec<usize>> { axes.axes.iter().flatten().map(|&axis| position("moveaxis", axis, ndim)).collect() };
            let (from, to) = (places(&from)?, places(&to)?);
            if from.len() != to.len() {
                return Err(Error::bad_request("moveaxis", format!("{} axes to {} places", from.len(), to.len())));
            }
            let mut order: Vec<usize> = (0..ndim).filter(|axis| !from.contains(axis)).collect();
            let mut moves: Vec<(usize, usize)> = to.into_iter().zip(from).collect();
            moves.sort_unstable();
            for (to, from) in moves {
                order.insert(to, from);
            }
            permuted(expr, &order)
        })
    }

    /// Without axes of length 1: the given ones, or all with `..`.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 1, 3, 1], flagstone::DType::F64);
    /// assert_eq!(x.squeeze(..).shape().unwrap(), [2, 3]);
    /// assert_eq!(x.squeeze(1).shape().unwrap(), [2, 3, 1]);
    /// ```
    #[track_caller]
    pub fn squeeze(&self, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        let open = axes.axes.is_none() && self.expr().is_ok_and(|expr| expr.is_counted());
        self.rearranged("squeeze", &[1], move |expr| {
            if open {
                return Err(Error::bad_request("squeeze", "lengths are counted, which may be 1 or not; expected the axes to be named"));
            }
            let mut places = axes.positions("squeeze", expr.shape.len())?;
            if axes.axes.is_none() {
                places.retain(|&axis| expr.shape[axis] == 1);
            } else if let Some(&axis) = places.iter().find(|&&axis| expr.shape[axis] != 1) {
                return Err(Error::bad_request("squeeze", format!("axis {axis} has length {}; expected 1", expr.shape[axis])));
            }
            drop_axes(expr, &places)
        })
    }

    /// New axes of length 1 at these places of the result.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3], flagstone::DType::F64);
    /// assert_eq!(x.expand_dims([0, -1]).shape().unwrap(), [1, 2, 3, 1]);
    /// ```
    #[track_caller]
    pub fn expand_dims(&self, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        self.rearranged("expand_dims", &[], move |expr| {
            let new = axes.axes.as_ref().map_or(0, Vec::len);
            let places = axes.positions("expand_dims", expr.shape.len() + new)?;
            if axes.axes.is_none() {
                return Err(Error::bad_request("expand_dims", "no axis; expected the places of the new axes"));
            }
            insert_axes(expr, &places)
        })
    }

    /// The elements along these axes in reverse order.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3], flagstone::DType::F64);
    /// assert_eq!(x.flip(0).shape().unwrap(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn flip(&self, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        self.rearranged("flip", &[], move |expr| flipped(expr, &axes.positions("flip", expr.shape.len())?))
    }

    /// Repeated along axes of length 1 and new leading axes until it has `shape`.
    ///
    /// ```
    /// let x = flagstone::zeros([3], flagstone::DType::F64);
    /// assert_eq!(x.broadcast_to([2, 3]).shape().unwrap(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Array {
        let shape = shape.into().lengths("broadcast_to");
        let lengths = shape.clone().unwrap_or_default();
        self.rearranged("broadcast_to", &lengths, move |expr| broadcast("broadcast_to", expr, shape.as_ref().map_err(Clone::clone)?))
    }

    /// The same elements in C order under another shape, one length being −1 at most. Axes of length 1 come and go freely; what else is
    /// taken apart or put together moves each element once at most, beside the reading.
    ///
    /// ```
    /// let x = flagstone::arange(0, 6, 1, None).reshape([2, -1]);
    /// assert_eq!(x.shape().unwrap(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Array {
        let shape = shape.into();
        Array::build(|| {
            let expr = self.expr()?;
            let known = || Ok((named_lengths(&expr, &shape)?, expr.dtype));
            let wanted = shape.clone();
            counted::deferred("reshape", std::slice::from_ref(&expr), known, move |args| reshaped(&args[0], &wanted))
        })
    }

    /// All elements along one axis, in C order.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).ravel().shape().unwrap(), [6]);
    /// ```
    #[track_caller]
    pub fn ravel(&self) -> Array {
        self.reshape([-1])
    }

    /// The same elements in other chunks: a size for all axes, one an axis (−1 for the whole axis), all
    /// lengths, or `"auto"`.
    ///
    /// ```
    /// let x = flagstone::zeros([10, 10], flagstone::DType::F64).rechunk([-1, 5]);
    /// assert_eq!(x.chunks().unwrap().counts(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn rechunk(&self, chunks: impl Into<Chunks>) -> Array {
        Array::build(|| {
            let (expr, chunks) = (self.expr()?, chunks.into());
            if let (true, Chunks::Lengths(_)) = (expr.is_counted(), &chunks) {
                // lengths add up to what is counted
                let known = || Ok((counted::lengths(&expr), expr.dtype));
                return counted::deferred("rechunk", std::slice::from_ref(&expr), known, move |args| {
                    let chunks = chunks.clone().grid("rechunk", &args[0].shape)?;
                    cut_as(args[0].clone(), chunks)
                });
            }
            let chunks = chunks.grid("rechunk", &expr.shape)?;
            cut_as(expr, chunks)
        })
    }

    /// A new array of this one's shape, chunks and dtype (or another) that holds `value` everywhere.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::F32).full_like(1.0, None).dtype().unwrap(), DType::F32);
    /// ```
    #[track_caller]
    pub fn full_like(&self, value: impl Into<Operand>, dtype: Option<DType>) -> Array {
        let value = value.into();
        self.rearranged("full_like", &[], move |expr| {
            let dtype = dtype.unwrap_or(expr.dtype);
            let value = value.scalar("full_like", "fill_value")?;
            super::operand::check_fits("full_like", value, dtype)?;
            Node::new(Op::Full(ops::Full { value, dtype, shape: expr.shape.clone(), chunks: expr.chunks.clone() }))
        })
    }
}
