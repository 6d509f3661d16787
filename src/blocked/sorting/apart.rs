//! Few lanes, too long for tasks that hold whole ones: each becomes an array of one axis, which is sorted in runs, or whose quantiles are
//! selected, whatever its length. What stands in their place are these side by side.

use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Affine, Expr, Follow, Node, ops, relabel};
use crate::plan::Plan;
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::{Lane, Part, Quantiles};
use flagstone_kernels::op::UnaryOp;
use flagstone_kernels::program::StepOp;

/// Lanes on their way to be arrays of one axis.
pub struct LanesApart {
    node: Expr,
    of: ops::Lanes,
}

/// What goes along the long axis of an array of one axis.
fn of_one(lane: &Lane, line: Expr) -> Result<Expr> {
    let elementwise = |op, arg: &Expr, dtype| Node::new(ops::Elementwise { op, args: vec![arg.clone()], dtype }.into());
    match lane {
        Lane::Part(Part { sorter, first, count }) => {
            let sorted = of_one(&Lane::Sort(*sorter), line)?;
            let view = Affine { source: vec![Follow { start: *first as i64, step: 1, axis: Some(0) }], shape: vec![*count] };
            Node::new(ops::View { arg: sorted, view }.into())
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
            let found = Node::new(ops::Quantile { arg: line, mask, q: q.clone(), is_one: false, method: *method }.into())?;
            if found.dtype == *out { Ok(found) } else { elementwise(StepOp::Cast, &found, *out) }
        }
        lane => Node::new(ops::Lanes { lane: lane.clone(), arg: line, axis: 0 }.into()),
    }
}

/// The lanes that stand at the places `at` of the first axes, side by side along the others.
fn beside(of: &ops::Lanes, at: &[u64]) -> Result<Expr> {
    let axis = at.len();
    if axis < of.arg.shape.len() {
        let places = if axis == of.axis { 1 } else { of.arg.shape[axis] };
        let mut args = (0..places).map(|place| beside(of, &[at, &[place]].concat())).collect::<Result<Vec<Expr>>>()?;
        return if args.len() == 1 { Ok(args.remove(0)) } else { Node::new(ops::Concatenate { args, axis }.into()) };
    }
    let follow = |(axis, &start): (usize, &u64)| match axis == of.axis {
        true => Follow { start: 0, step: 1, axis: Some(0) },
        false => Follow { start: start as i64, step: 0, axis: None },
    };
    let view = Affine { source: at.iter().enumerate().map(follow).collect(), shape: vec![of.arg.shape[of.axis]] };
    let line = of_one(&of.lane, Node::new(ops::View { arg: of.arg.clone(), view }.into())?)?;
    let mut shape = vec![1; of.arg.shape.len()];
    shape[of.axis] = line.shape[0];
    let view = Affine { source: vec![Follow { start: 0, step: 1, axis: Some(of.axis) }], shape };
    Node::new(ops::View { arg: line, view }.into())
}

impl LanesApart {
    /// Whether lanes are so few, and so long.
    pub fn suits(of: &ops::Lanes, work: &WorkSizes) -> bool {
        let (n, elements) = (of.arg.shape[of.axis], of.arg.elements());
        matches!(of.lane, Lane::Sort(_) | Lane::Part(_) | Lane::Quantiles(_))
            && of.arg.shape.len() > 1
            && n > work.sort_elements
            && elements > work.lanes_elements
            && elements / n <= work.lanes_apart_max
    }

    /// Of `node`.
    pub fn new(node: &Expr, of: &ops::Lanes) -> LanesApart {
        LanesApart { node: node.clone(), of: of.clone() }
    }

    /// What stands for the node.
    fn apart(&self) -> Result<Vec<Expr>> {
        Ok(vec![relabel(&beside(&self.of, &[])?, &self.node.chunks)?])
    }
}

impl Procedure for LanesApart {
    fn describe(&self) -> String {
        let lanes = self.of.arg.elements() / self.of.arg.shape[self.of.axis];
        format!("{}: lanes one after the other, {lanes} of them", self.of.lane.name())
    }
    fn most(&self) -> Bound {
        Bound { standing_bytes: 0, kept_bytes: 0, reads: 0 }
    }
    fn most_demanding(&self, _: &Budget) -> Result<Plan> {
        Ok(Plan::default())
    }
    fn bound(&self, _: &Budget) -> Result<Vec<Expr>> {
        self.apart()
    }
    fn step(&mut self, _: &Budget, _: &dyn Keeper) -> Result<Step> {
        self.apart().map(Step::Done)
    }
}
