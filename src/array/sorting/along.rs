//! Elements at places of their own lane (`take_along_axis`, `put_along_axis`), the top of lanes, and the order by several keys.

use crate::array::axes::position;
use crate::array::blocks::rows;
use crate::array::composed::composed;
use crate::array::elementwise::{broadcast, cast, common_shape};
use crate::array::operand::Arg;
use crate::array::{Array, Index, Operand, arange};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lookup::Lookup;
use flagstone_kernels::rows::Rows;
use flagstone_kernels::sort::Gives;

/// The array with `axis` last, and places in it likewise, the other axes of both broadcast against each other.
fn lanes(name: &str, x: &Array, indices: &Array, axis: i64) -> Result<(Expr, Expr, i64)> {
    let (ndim, dtype) = (x.ndim()?, indices.dtype()?);
    if !dtype.is_integer() {
        return Err(Error::bad_type(name, format!("indices of {dtype}; expected integers")));
    }
    if indices.ndim()? != ndim {
        let what = format!("indices of shape {:?} for an array of shape {:?}; expected as many axes", indices.shape()?, x.shape()?);
        return Err(Error::bad_request(name, what));
    }
    let axis = position(name, axis, ndim)? as i64;
    let (x, indices) = (x.moveaxis(axis, -1).expr()?, cast(&indices.moveaxis(axis, -1).expr()?, DType::I64)?);
    let others = common_shape(name, &[&x.shape[..ndim - 1], &indices.shape[..ndim - 1]])?;
    let along = |expr: &Expr| broadcast(name, expr, &[&others[..], &expr.shape[ndim - 1..]].concat());
    Ok((along(&x)?, along(&indices)?, axis))
}

/// NumPy: without an axis both are flattened.
fn flattened(x: &Array, axis: Option<i64>) -> (Array, i64) {
    match axis {
        None => (x.ravel(), 0),
        Some(axis) => (x.clone(), axis),
    }
}

pub(super) fn take_along_axis(x: &Array, indices: &Array, axis: Option<i64>) -> Array {
    const NAME: &str = "take_along_axis";
    composed(NAME, &[x, indices], move |arrays| {
        let ((x, axis), indices) = (flattened(&arrays[0], axis), &arrays[1]);
        let (x, indices, axis) = lanes(NAME, &x, indices, axis)?;
        if indices.shape.contains(&0) {
            return Ok(crate::array::zeros(indices.shape.clone(), x.dtype).moveaxis(-1, axis));
        }
        if x.shape.contains(&0) {
            return Err(Error::bad_request(NAME, format!("indices into axis {axis}, which has no element")));
        }
        let last = x.shape.len() - 1;
        let taken = Node::new(ops::Lookup { what: Lookup::TakeAlong, table: x, asked: indices, axis: last }.into())?;
        Ok(Array::from_expr(taken).moveaxis(-1, axis))
    })
}

pub(super) fn put_along_axis(x: &Array, indices: &Array, values: &Operand, axis: Option<i64>) -> Array {
    const NAME: &str = "put_along_axis";
    Array::build(|| {
        let dtype = x.dtype()?;
        let values = match values.arg()? {
            Arg::Expr(values) => Array::from_expr(cast(&values, dtype)?),
            Arg::Weak(scalar) => Array::from_expr(crate::array::elementwise::constant(scalar, dtype, &[])?),
        };
        let put = composed(NAME, &[x, indices, &values], move |arrays| {
            let ((of, axis), indices, values) = (flattened(&arrays[0], axis), &arrays[1], &arrays[2]);
            let shape = arrays[0].shape()?;
            let values = values.broadcast_to(indices.shape()?);
            if indices.size()? == 0 {
                return Ok(arrays[0].clone());
            }
            let (x, indices, axis) = lanes(NAME, &of, indices, axis)?;
            let moved = values.moveaxis(axis, -1).expr()?;
            let values = broadcast(NAME, &moved, &indices.shape)?;
            if x.shape.contains(&0) || x.shape[..x.shape.len() - 1] != of.moveaxis(axis, -1).shape()?[..x.shape.len() - 1] {
                let what = format!("indices of shape {:?} into shape {shape:?}; expected lanes that are there", arrays[1].shape()?);
                return Err(Error::bad_request(NAME, what));
            }
            let n = x.shape[x.shape.len() - 1];
            let put = rows::of_whole(Rows::PutAlong(x.dtype), &[x.clone(), indices, values], n, x.dtype)?;
            Ok(Array::from_expr(put).moveaxis(-1, axis).reshape(shape))
        });
        put.expr()
    })
}

/// The `k` greatest values along `axis`, the greatest first, or with `k` below 0 the least, the least first; or their places.
pub(super) fn top(name: &str, x: &Array, k: i64, axis: i64, gives: Gives) -> Array {
    if k == 0 {
        return Array::build(|| Err(Error::bad_request(name, "k is 0; expected the number of values, negative for the smallest")));
    }
    composed(name, &[x], move |arrays| {
        let name = if gives == Gives::Values { "topk" } else { "argtopk" };
        let x = &arrays[0];
        let axis = position(name, axis, x.ndim()?)? as i64;
        let lanes = x.moveaxis(axis, -1).expr()?;
        let (n, count) = (lanes.shape[lanes.shape.len() - 1], k.unsigned_abs());
        if lanes.shape.contains(&0) || count > graph::TOP_MAX {
            let sorted = Array::build(|| super::sorted(&lanes, Some(-1), gives));
            let part = |start: Option<i64>, stop: Option<i64>| sorted.index([Index::Ellipsis, Index::Slice(start, stop, None)]);
            let found = if k < 0 { part(None, Some(count.min(n) as i64)) } else { part(Some((n - count.min(n)) as i64), None).flip(-1) };
            return Ok(found.moveaxis(-1, axis));
        }
        Ok(Array::from_expr(rows::top(&lanes, count, k > 0, gives)?).moveaxis(-1, axis))
    })
}

/// The order by several keys, of which the last decides first: stable orders by each of them, the last one last.
pub(in crate::array) fn lexsort(keys: &[Array], axis: i64) -> Result<Array> {
    let Some(first) = keys.first() else {
        return Err(Error::bad_request("lexsort", "no key; expected one at least"));
    };
    let shape = first.shape()?;
    if let Some(other) = keys.iter().find(|key| key.shape().is_ok_and(|other| other != shape)) {
        return Err(Error::bad_request("lexsort", format!("keys of shapes {shape:?} and {:?}; expected one shape", other.shape()?)));
    }
    if shape.is_empty() {
        return Ok(arange(0, 1, 1, None).index([Index::Int(0)]));
    }
    let axis = position("lexsort", axis, shape.len())? as i64;
    let next = |order: Array, key: &Array| {
        let again = take_along_axis(key, &order, Some(axis)).argsort(axis);
        take_along_axis(&order, &again, Some(axis))
    };
    Ok(keys[1..].iter().fold(first.argsort(axis), next))
}

impl Array {
    /// The elements of each lane along `axis` at the places of its lane of `indices`, negative ones from the end; the other axes of
    /// both are broadcast against each other. Without an axis, of the array flattened.
    ///
    /// ```
    /// let x = flagstone::arange(0, 6, 1, None).reshape([2, 3]);
    /// let last = x.take_along_axis(&x.argmax(flagstone::axis(1).keepdims()), Some(1));
    /// assert_eq!(last.compute::<i64>().unwrap().as_slice().unwrap(), [2, 5]);
    /// ```
    #[track_caller]
    pub fn take_along_axis(&self, indices: &Array, axis: Option<i64>) -> Array {
        take_along_axis(self, indices, axis)
    }

    /// The array with `values` at the places of `indices` in each lane along `axis`: what NumPy's `put_along_axis` makes of it. Of
    /// several values for one place the last one stays.
    ///
    /// ```
    /// let x = flagstone::zeros([2, 3], flagstone::DType::I64);
    /// let y = x.put_along_axis(&flagstone::arange(0, 2, 1, None).reshape([2, 1]), 7, Some(1));
    /// assert_eq!(y.compute::<i64>().unwrap().as_slice().unwrap(), [7, 0, 0, 0, 7, 0]);
    /// ```
    #[track_caller]
    pub fn put_along_axis(&self, indices: &Array, values: impl Into<Operand>, axis: Option<i64>) -> Array {
        put_along_axis(self, indices, &values.into(), axis)
    }

    /// The `k` greatest values along `axis`, the greatest first; the least, the least first, for a negative `k` (dask). In one
    /// read, with a state of `k` values for each lane.
    ///
    /// ```
    /// let x = flagstone::arange(0, 10, 1, None).topk(3, 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [9, 8, 7]);
    /// ```
    #[track_caller]
    pub fn topk(&self, k: i64, axis: i64) -> Array {
        top("topk", self, k, axis, Gives::Values)
    }

    /// Where the values of [`Array::topk`] stand along `axis`.
    ///
    /// ```
    /// let x = flagstone::arange(0, 10, 1, None).argtopk(-2, 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [0, 1]);
    /// ```
    #[track_caller]
    pub fn argtopk(&self, k: i64, axis: i64) -> Array {
        top("argtopk", self, k, axis, Gives::Places)
    }
}
