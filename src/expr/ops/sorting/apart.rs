//! Lanes along an axis as arrays of one axis, side by side.

use super::{Lanes, Quantile};
use crate::error::Result;
use crate::expr::ops::{Elementwise, View, joined};
use crate::expr::{Affine, Expr, Follow, Node, Op};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::{Lane, Part, Quantiles};
use flagstone_kernels::op::UnaryOp;
use flagstone_kernels::program::StepOp;

/// What stands for a node that makes lanes into others, each by itself: each sorted, or its quantiles selected, as an array of one axis is.
/// `None` of another node.
///
/// # Errors
/// As [`Node::new`].
pub fn lanes_apart(node: &Expr) -> Result<Option<Expr>> {
    match &node.op {
        Op::Lanes(of) => beside(of, &[]).map(Some),
        _ => Ok(None),
    }
}

/// What goes along the long axis of an array of one axis.
fn of_one(lane: &Lane, line: Expr) -> Result<Expr> {
    let elementwise = |op, arg: &Expr, dtype| Node::new(Elementwise { op, args: vec![arg.clone()], dtype }.into());
    match lane {
        Lane::Part(Part { sorter, first, count }) => {
            let sorted = of_one(&Lane::Sort(*sorter), line)?;
            let view = Affine { source: vec![Follow { start: *first as i64, step: 1, axis: Some(0) }], shape: vec![*count] };
            Node::new(View { arg: sorted, view }.into())
        }
        Lane::Quantiles(of) => {
            let Quantiles { out, q, method, skip_nan, .. } = &**of;
            let mask = match *skip_nan && line.dtype.is_float() {
                true => {
                    let is_nan = elementwise(StepOp::Unary(UnaryOp::Isnan), &line, DType::Bool)?;
                    Some(elementwise(StepOp::Unary(UnaryOp::LogicalNot), &is_nan, DType::Bool)?)
                }
                false => None,
            };
            let found = Node::new(Quantile { arg: line, mask, q: q.clone(), is_one: false, method: *method }.into())?;
            if found.dtype == *out { Ok(found) } else { elementwise(StepOp::Cast, &found, *out) }
        }
        lane => Node::new(Lanes { lane: lane.clone(), arg: line, axis: 0 }.into()),
    }
}

/// The lanes that stand at the places `at` of the first axes, side by side along the others.
fn beside(of: &Lanes, at: &[u64]) -> Result<Expr> {
    let axis = at.len();
    if axis < of.arg.shape.len() {
        let places = if axis == of.axis { 1 } else { of.arg.shape[axis] };
        let args = (0..places).map(|place| beside(of, &[at, &[place]].concat())).collect::<Result<Vec<Expr>>>()?;
        return joined(args, axis);
    }
    let follow = |(axis, &start): (usize, &u64)| match axis == of.axis {
        true => Follow { start: 0, step: 1, axis: Some(0) },
        false => Follow { start: start as i64, step: 0, axis: None },
    };
    let view = Affine { source: at.iter().enumerate().map(follow).collect(), shape: vec![of.arg.shape[of.axis]] };
    let line = of_one(&of.lane, Node::new(View { arg: of.arg.clone(), view }.into())?)?;
    let mut shape = vec![1; of.arg.shape.len()];
    shape[of.axis] = line.shape[0];
    let view = Affine { source: vec![Follow { start: 0, step: 1, axis: Some(of.axis) }], shape };
    Node::new(View { arg: line, view }.into())
}

