//! Diagonals, as sums over squares along them of which all else is masked: nothing beside those squares is read.

use super::axes::position;
use super::composed::composed;
use super::elementwise::{cast, constant};
use super::manipulate::{drop_axes, insert_axes, view};
use super::reduce::reduce;
use super::{Array, Pad, concatenate, eye, where_};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow};
use crate::grid::AxisChunks;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::ReduceOp;

/// A diagonal is read in at most so many squares, or in chunks where those are larger.
const SQUARES_MAX: u64 = 64;

/// The places of `expr` from `start` on along two axes, `n` of each.
fn square(expr: &Expr, axes: [usize; 2], start: [u64; 2], n: u64) -> Result<Expr> {
    let mut affine = Affine::identity(&expr.shape);
    for (axis, start) in axes.into_iter().zip(start) {
        affine.source[axis] = Follow { start: start as i64, step: 1, axis: Some(axis) };
        affine.shape[axis] = n;
    }
    view(expr, affine)
}

/// A diagonal of two axes, as the last axis. Of matrices cut into squares, those on the diagonal are read.
pub(super) fn diagonal(expr: &Expr, offset: i64, axes: [usize; 2]) -> Result<Expr> {
    let [rows, columns] = axes;
    let (below, right) = (offset.min(0).unsigned_abs(), offset.max(0) as u64);
    let n = expr.shape[rows].saturating_sub(below).min(expr.shape[columns].saturating_sub(right));
    let last: Vec<usize> = (0..expr.shape.len()).filter(|axis| !axes.contains(axis)).chain([rows]).collect();
    let longest = axes.map(|axis| expr.chunks.axes[axis].longest()).into_iter().max().unwrap_or(1);
    let cuts = AxisChunks::regular(n, longest.max(n.div_ceil(SQUARES_MAX)));
    let part = |(start, n): (u64, u64)| -> Result<Array> {
        let part = square(expr, axes, [below + start, right + start], n)?;
        let mask = eye(n, n, 0, DType::Bool).expr()?;
        let mask = if rows < columns { mask } else { view(&mask, Affine::permute(&mask.shape, &[1, 0]))? };
        let others: Vec<usize> = (0..part.shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let mask = Array::from_expr(insert_axes(&mask, &others)?);
        let op = if part.dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
        let one = super::axis(columns as i64).keepdims().only(&mask);
        let one = cast(&reduce(op, &part, &one, false)?, part.dtype)?;
        let order: Vec<usize> = last.iter().copied().chain([columns]).collect();
        let one = view(&one, Affine::permute(&one.shape, &order))?;
        Ok(Array::from_expr(drop_axes(&one, &[last.len()])?))
    };
    if n == 0 {
        let shape: Vec<u64> = last[..last.len() - 1].iter().map(|&axis| expr.shape[axis]).chain([0]).collect();
        return constant(Scalar::Int(0), expr.dtype, &shape);
    }
    let parts: Vec<Array> = (0..cuts.count()).map(|i| part(cuts.chunk(i))).collect::<Result<_>>()?;
    concatenate(&parts, -1).expr()
}

/// Two different axes by number.
pub(super) fn two_axes(operation: &str, expr: &Expr, axis1: i64, axis2: i64) -> Result<[usize; 2]> {
    let ndim = expr.shape.len();
    if ndim < 2 {
        return Err(Error::bad_request(operation, format!("an array of shape {:?}; expected at least two axes", expr.shape)));
    }
    let axes = [position(operation, axis1, ndim)?, position(operation, axis2, ndim)?];
    if axes[0] == axes[1] {
        return Err(Error::bad_request(operation, format!("axis1 and axis2 are both {axis1}; expected two axes")));
    }
    Ok(axes)
}

impl Array {
    /// A diagonal of the plane of two axes as the last axis: `offset` columns to the right, or rows down where it is negative.
    ///
    /// ```
    /// let x = flagstone::zeros([3, 4, 2], flagstone::DType::F64);
    /// assert_eq!(x.diagonal(1, 0, 1).shape().unwrap(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn diagonal(&self, offset: i64, axis1: i64, axis2: i64) -> Array {
        composed("diagonal", &[self], move |arrays| {
            let x = arrays[0].expr()?;
            diagonal(&x, offset, two_axes("diagonal", &x, axis1, axis2)?).map(Array::from_expr)
        })
    }

    /// Of a vector a square matrix with it on the `k`-th diagonal, of a matrix that diagonal.
    ///
    /// ```
    /// let x = flagstone::zeros([3], flagstone::DType::F64);
    /// assert_eq!(x.diag(-1).shape().unwrap(), [4, 4]);
    /// assert_eq!(x.diag(-1).diag(0).shape().unwrap(), [4]);
    /// ```
    #[track_caller]
    pub fn diag(&self, k: i64) -> Array {
        composed("diag", &[self], move |arrays| {
            let x = &arrays[0];
            match x.shape()?[..] {
                [n] => {
                    let ends = if k < 0 { [k.unsigned_abs(), 0] } else { [0, k as u64] };
                    let too_large = || Error::bad_request("diag", format!("{n} elements on diagonal {k}; expected a side under 2⁶³"));
                    let side = n.checked_add(k.unsigned_abs()).filter(|&side| side <= i64::MAX as u64).ok_or_else(too_large)?;
                    let rows = x.pad(ends, &Pad::Empty).expand_dims(1);
                    Ok(where_(eye(side, side, k, DType::Bool), rows, Array::from_expr(constant(Scalar::Int(0), x.dtype()?, &[])?)))
                }
                [_, _] => Ok(x.diagonal(k, 0, 1)),
                ref shape => Err(Error::bad_request("diag", format!("an array of shape {shape:?}; expected one or two axes"))),
            }
        })
    }

    /// A square matrix with all elements, in C order, on its `k`-th diagonal.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([3], flagstone::DType::F64).diagflat(2).shape().unwrap(), [5, 5]);
    /// ```
    #[track_caller]
    pub fn diagflat(&self, k: i64) -> Array {
        self.ravel().diag(k)
    }
}
