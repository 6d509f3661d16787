//! The elements at indices that are arrays of integers.

use super::blocks::rows;
use super::counted::{same_lengths, when_known};
use super::elementwise::{broadcast, cast, common_shape, constant};
use super::{Array, counted};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::lookup::Lookup;
use flagstone_kernels::rows::{Held, Rows};

/// Integers that are indices along an axis.
pub(super) struct Places {
    /// The integers.
    pub indices: Expr,
    /// Whether they are known to be places of the axis, none counted from its end.
    pub held: bool,
}

/// The elements of `expr` at `indices` along `axis`, which the axes of the indices replace.
pub(super) fn take(name: &str, expr: &Expr, indices: &Expr, axis: usize) -> Result<Expr> {
    // a list of nothing has no integers in it
    if !indices.dtype.is_integer() && indices.elements() > 0 {
        return Err(Error::bad_type(name, format!("indices of {}; expected integers", indices.dtype)));
    }
    let (name, args) = (name.to_string(), [expr.clone(), cast(indices, DType::I64)?]);
    let known = || {
        let mut lengths = counted::lengths(expr);
        lengths.splice(axis..axis + 1, counted::lengths(indices));
        Ok((lengths, expr.dtype))
    };
    counted::deferred("take", &args, known, move |args| {
        let (table, asked) = (args[0].clone(), args[1].clone());
        let shape = [&table.shape[..axis], &asked.shape, &table.shape[axis + 1..]].concat();
        if shape.contains(&0) {
            return constant(Scalar::Int(0), table.dtype, &shape);
        }
        if table.shape[axis] == 0 {
            return Err(Error::bad_request(&name, format!("indices into axis {axis}, which has no element")));
        }
        Node::new(ops::Lookup { what: Lookup::Take, table, asked, axis }.into())
    })
}

/// The integers as places of an axis of `len`, from its start; others are refused when they are met. Negative ones are counted from its end if
/// `from_end`.
pub(super) fn held(indices: &Expr, len: u64, from_end: bool) -> Result<Expr> {
    let known = || Ok((counted::lengths(indices), DType::I64));
    counted::deferred("index", &[cast(indices, DType::I64)?], known, move |args| {
        let given = &args[0];
        if given.shape.contains(&0) {
            return Ok(given.clone());
        }
        rows::of_each(Rows::Held(Held { len, from_end }), given, DType::I64)
    })
}

/// Arrays of integers that index `axes` as one index of all those axes as one, and their common shape. What is not known to be places
/// of its axis is looked at.
pub(super) fn linear(expr: &Expr, axes: &[usize], indices: &[Places]) -> Result<(Array, Vec<u64>)> {
    let shapes: Vec<&[u64]> = indices.iter().map(|index| &index.indices.shape[..]).collect();
    let shape = common_shape("index", &shapes)?;
    let mut whole: Option<Array> = None;
    for (axis, index) in axes.iter().zip(indices) {
        let place = Array::from_expr(match index.held {
            true => cast(&index.indices, DType::I64)?,
            false => held(&index.indices, expr.shape[*axis], true)?,
        });
        whole = Some(match whole {
            None => place,
            Some(before) => before * (expr.shape[*axis] as i64) + place,
        });
    }
    let whole = whole.ok_or_else(|| Error::internal("no index"))?.expr()?;
    Ok((Array::from_expr(broadcast("index", &whole, &shape)?), shape))
}

/// The elements of `expr` where `axes`, ascending, are indexed by arrays of integers, which are broadcast against each other: their
/// axes come first if `first`, else where the first of the axes stood.
pub(super) fn pointwise(expr: &Expr, axes: &[usize], indices: &[Places], first: bool) -> Result<Expr> {
    if let ([axis], [Places { indices, .. }]) = (axes, indices) {
        let taken = take("index", expr, indices, *axis)?;
        return if first { front(&taken, *axis, indices.shape.len()) } else { Ok(taken) };
    }
    if is_mesh(axes, indices, first) {
        // one axis after the other: what is left of the first is all that the others are taken from
        return axes.iter().zip(indices).enumerate().try_fold(expr.clone(), |taken, (at, (&axis, Places { indices, .. }))| {
            let skipped = indices.shape.len() + at - axes.len();
            let others: Vec<i64> = (0..indices.shape.len()).filter(|&other| other != skipped).map(|other| other as i64).collect();
            take("index", &taken, &Array::from_expr(indices.clone()).squeeze(others).expr()?, axis)
        });
    }
    // which of the lengths repeat is not known before they are
    let lists: Vec<&Expr> = indices.iter().map(|places| &places.indices).filter(|places| !places.shape.is_empty()).collect();
    if lists.iter().any(|places| places.is_counted()) && !lists.windows(2).all(|pair| same_lengths(pair[0], pair[1])) {
        let (axes, held): (Vec<usize>, Vec<bool>) = (axes.to_vec(), indices.iter().map(|places| places.held).collect());
        let args: Vec<Expr> = std::iter::once(expr).chain(indices.iter().map(|places| &places.indices)).cloned().collect();
        return when_known("index", &args, &[], move |args| {
            let places = args[1..].iter().zip(&held).map(|(indices, &held)| Places { indices: indices.clone(), held });
            pointwise(&args[0], &axes, &places.collect::<Vec<_>>(), first)
        });
    }
    let (whole, shape) = linear(expr, axes, indices)?;
    let whole = whole.expr()?;
    let others: Vec<usize> = (0..expr.shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let order: Vec<i64> = axes.iter().chain(&others).map(|&axis| axis as i64).collect();
    let merged: u64 = axes.iter().map(|&axis| expr.shape[axis]).product();
    let lengths: Vec<u64> = std::iter::once(merged).chain(others.iter().map(|&axis| expr.shape[axis])).collect();
    let table = Array::from_expr(expr.clone()).transpose(order).reshape(lengths).expr()?;
    let taken = take("index", &table, &whole, 0)?;
    let before = if first { 0 } else { others.iter().filter(|&&other| other < axes[0]).count() };
    // the index's axes go behind those that stood before it
    let n = shape.len();
    let order: Vec<i64> = (n..n + before).chain(0..n).chain(n + before..taken.shape.len()).map(|axis| axis as i64).collect();
    Array::from_expr(taken).transpose(order).expr()
}

/// Whether arrays of integers are an open mesh, as `ix_` makes it: each varies along an axis of its own, in the order of the axes that they index,
/// which stand side by side and stay where they are.
fn is_mesh(axes: &[usize], indices: &[Places], first: bool) -> bool {
    let n = indices.len();
    let varies_alone = |(at, Places { indices, .. }): (usize, &Places)| {
        let rank = indices.shape.len();
        let is_one = |axis: usize| axis + n == rank + at || (indices.shape[axis] == 1 && !counted::is_counted(indices, axis));
        // shorter ones are broadcast from the left
        rank <= n && rank + at >= n && (0..rank).all(is_one)
    };
    n > 1 && axes.windows(2).all(|pair| pair[1] == pair[0] + 1) && (!first || axes[0] == 0) && indices.iter().enumerate().all(varies_alone)
}

/// `n` axes from `at` on moved to the front.
fn front(expr: &Expr, at: usize, n: usize) -> Result<Expr> {
    let order: Vec<i64> = (at..at + n).chain(0..at).chain(at + n..expr.shape.len()).map(|axis| axis as i64).collect();
    Array::from_expr(expr.clone()).transpose(order).expr()
}
