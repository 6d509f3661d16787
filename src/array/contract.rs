//! Sums of products by labels: every axis of two operands has one, and the result says which stay and in which order.
//! What is summed with nothing beside it becomes a reduction, what has nothing to sum an elementwise product, the rest one
//! contraction of canonical order, the operands and the result being views.

use super::Axes;
use super::elementwise::{broadcast, cast};
use super::manipulate::{drop_axes, insert_axes, view};
use super::reduce::reduce;
use crate::error::Result;
use crate::expr::{Affine, Expr, Node, Op, ops};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::{BinaryOp, ReduceOp};
use flagstone_kernels::program::StepOp;

/// Names of axes.
pub(super) type Label = u32;

/// An array whose axes have labels, each another one.
#[derive(Clone)]
pub(super) struct Labelled {
    pub expr: Expr,
    pub labels: Vec<Label>,
}

impl Labelled {
    pub fn new(expr: &Expr, labels: Vec<Label>) -> Labelled {
        Labelled { expr: expr.clone(), labels }
    }

    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&own| own == label)
    }

    /// The length of the axis with `label`.
    pub fn len(&self, label: Label) -> Option<u64> {
        self.place(label).map(|axis| self.expr.shape[axis])
    }

    /// Its axes in the order of `labels`, which are its own.
    pub fn ordered(&self, labels: &[Label]) -> Result<Expr> {
        let order: Vec<usize> = labels.iter().filter_map(|&label| self.place(label)).collect();
        view(&self.expr, Affine::permute(&self.expr.shape, &order))
    }

    /// Its axes in the order of `labels`, with axes of length 1 for those that it has not.
    fn spread(&self, labels: &[Label]) -> Result<Expr> {
        let missing: Vec<usize> = (0..labels.len()).filter(|&at| self.place(labels[at]).is_none()).collect();
        insert_axes(&self.ordered(labels)?, &missing)
    }

    /// Summed over all axes but those with labels in `keep`, in its own dtype: integers wrap, bool is or.
    pub fn summed(self, keep: &[Label]) -> Result<Labelled> {
        let gone: Vec<i64> = (0..self.labels.len()).filter(|&at| !keep.contains(&self.labels[at])).map(|at| at as i64).collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let expr = sum(&self.expr, &gone)?;
        Ok(Labelled { expr, labels: self.labels.into_iter().filter(|label| keep.contains(label)).collect() })
    }
}

/// Sums over axes in the array's own dtype.
pub(super) fn sum(expr: &Expr, axes: &[i64]) -> Result<Expr> {
    let op = if expr.dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
    // the wide sum of integers wraps to the same value
    cast(&reduce(op, expr, &Axes::from(axes), false)?, expr.dtype)
}

/// The dtype in which products of `dtype` are summed: half precision in single.
pub(super) fn inside(dtype: DType) -> DType {
    if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype }
}

/// The sum of products of two arrays of one dtype over the labels that are not in `out`, the axes in its order. A label
/// of both has the same length in both, or 1 in one of them.
pub(super) fn contract(operation: &str, a: Labelled, b: Labelled, out: &[Label]) -> Result<Labelled> {
    let (a, b) = (unrepeated(&a, &b)?, unrepeated(&b, &a)?);
    // what only one of them has, and the result has not
    let keep: Vec<Label> = out.iter().chain(&b.labels).copied().collect();
    let a = a.summed(&keep)?;
    let keep: Vec<Label> = out.iter().chain(&a.labels).copied().collect();
    let b = b.summed(&keep)?;
    let among = |both: bool, own: &Labelled, other: &Labelled| -> Vec<Label> {
        out.iter().copied().filter(|&label| own.place(label).is_some() && other.place(label).is_some() == both).collect()
    };
    let batch = among(true, &a, &b);
    let depth: Vec<Label> = a.labels.iter().copied().filter(|label| !out.contains(label)).collect();
    if depth.is_empty() {
        let labels = out.to_vec();
        return Ok(Labelled { expr: multiplied(operation, &a.spread(&labels)?, &b.spread(&labels)?)?, labels });
    }
    let (rows, columns) = (among(false, &a, &b), among(false, &b, &a));
    if rows.is_empty() && columns.is_empty() {
        // a product and its sum in one loop
        let labels = [batch, depth].concat();
        let product = multiplied(operation, &a.ordered(&labels)?, &b.ordered(&labels)?)?;
        let summed = Labelled { expr: product, labels }.summed(out)?;
        return Ok(Labelled { expr: summed.ordered(out)?, labels: out.to_vec() });
    }
    // what comes first in the result is the rows
    let first_row = out.iter().position(|label| rows.contains(label));
    let first_column = out.iter().position(|label| columns.contains(label));
    let swapped = first_column.is_some_and(|column| first_row.is_none_or(|row| column < row));
    let (a, b, rows, columns) = if swapped { (b, a, columns, rows) } else { (a, b, rows, columns) };
    let made = [batch.clone(), rows.clone(), columns.clone()].concat();
    let contraction = ops::Contraction {
        a: a.ordered(&[batch.clone(), rows, depth.clone()].concat())?,
        b: b.ordered(&[batch.clone(), depth.clone(), columns].concat())?,
        batch: batch.len(),
        depth: depth.len(),
    };
    let expr = Node::new(Op::Contraction(contraction))?;
    Ok(Labelled { expr: Labelled { expr, labels: made }.ordered(out)?, labels: out.to_vec() })
}

/// Without axes of length 1 that stand for all places of a longer one of `other`.
fn unrepeated(one: &Labelled, other: &Labelled) -> Result<Labelled> {
    let gone: Vec<usize> =
        (0..one.labels.len()).filter(|&at| one.expr.shape[at] == 1 && other.len(one.labels[at]).is_some_and(|n| n != 1)).collect();
    let labels = (0..one.labels.len()).filter(|at| !gone.contains(at)).map(|at| one.labels[at]).collect();
    Ok(Labelled { expr: drop_axes(&one.expr, &gone)?, labels })
}

/// The elementwise product of arrays of one dtype.
fn multiplied(operation: &str, a: &Expr, b: &Expr) -> Result<Expr> {
    let shape = super::elementwise::common_shape(operation, &[&a.shape, &b.shape])?;
    let args = vec![broadcast(operation, a, &shape)?, broadcast(operation, b, &shape)?];
    let op = if a.dtype == DType::Bool { BinaryOp::LogicalAnd } else { BinaryOp::Multiply };
    Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Binary(op), args, dtype: a.dtype }))
}
