//! Kronecker products: one array repeated place by place, the other as a whole, multiplied.

use super::elementwise::{broadcast, constant};
use super::manipulate::{insert_axes, view};
use super::{Array, concatenate};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow};
use flagstone_kernels::dtype::Scalar;

/// Pieces of an array along an axis that a product may take.
const PIECES_MAX: u64 = 4096;

/// Along `axis`, each place `times` times before the next one.
fn repeated(expr: &Expr, axis: usize, times: u64) -> Result<Array> {
    let n = expr.shape[axis];
    if times == 1 || n == 1 {
        let mut shape = expr.shape.clone();
        shape[axis] = n.saturating_mul(times);
        return Ok(Array::from_expr(broadcast("kron", expr, &shape)?));
    }
    too_many_pieces(n)?;
    let one = |at: u64| -> Result<Array> {
        let mut affine = Affine::identity(&expr.shape);
        affine.source[axis] = Follow { start: at as i64, step: 0, axis: None };
        affine.shape[axis] = times;
        Ok(Array::from_expr(view(expr, affine)?))
    };
    Ok(concatenate(&(0..n).map(one).collect::<Result<Vec<_>>>()?, axis as i64))
}

/// Along `axis`, all places, `times` times.
fn tiled(expr: &Expr, axis: usize, times: u64) -> Result<Array> {
    if expr.shape[axis] == 1 {
        return repeated(expr, axis, times);
    }
    too_many_pieces(times)?;
    Ok(concatenate(&vec![Array::from_expr(expr.clone()); times as usize], axis as i64))
}

fn too_many_pieces(n: u64) -> Result<()> {
    match n <= PIECES_MAX {
        true => Ok(()),
        false => Err(Error::unsupported("kron", format!("{n} places along an axis of the first array; expected at most {PIECES_MAX}"))),
    }
}

pub(super) fn kron(a: &Expr, b: &Expr) -> Result<Expr> {
    let ndim = a.shape.len().max(b.shape.len());
    let padded = |expr: &Expr| insert_axes(expr, &(0..ndim - expr.shape.len()).collect::<Vec<_>>());
    let (mut left, mut right) = (padded(a)?, padded(b)?);
    let (of_a, of_b) = (left.shape.clone(), right.shape.clone());
    if of_a.iter().chain(&of_b).any(|&n| n == 0) {
        let shape: Vec<u64> = of_a.iter().zip(&of_b).map(|(n, m)| n.saturating_mul(*m)).collect();
        return constant(Scalar::Int(0), a.dtype.promote(b.dtype), &shape);
    }
    for axis in 0..ndim {
        left = repeated(&left, axis, of_b[axis])?.expr()?;
        right = tiled(&right, axis, of_a[axis])?.expr()?;
    }
    (Array::from_expr(left) * Array::from_expr(right)).expr()
}
