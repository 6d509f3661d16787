//! A function of whole lanes along an axis.

use super::Quantile;
use crate::error::{Error, Result};
use crate::expr::infer::lane_chunks;
use crate::expr::operation::{Selected, made_by_a_stage};
use crate::expr::ops::{Elementwise, View, joined};
use crate::expr::{Affine, Expr, Follow, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::{Lane, Part, Quantiles};
use flagstone_kernels::op::UnaryOp;
use flagstone_kernels::program::StepOp;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Each lane along an axis made into another one, which may be of another length.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lanes {
    /// What is done to a lane of `lane.dtype()`.
    pub lane: Lane,
    /// The values, at least one along the axis.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Along which axis.
    pub axis: usize,
}

impl Selected for Lanes {
    fn part(&self, first: u64, count: u64) -> Option<Op> {
        let (sorter, before) = match self.lane {
            Lane::Sort(sorter) => (sorter, 0),
            Lane::Part(part) => (part.sorter, part.first),
            _ => return None,
        };
        Some(Lanes { lane: Lane::Part(Part { sorter, first: before + first, count }), ..self.clone() }.into())
    }
}

impl Operation for Lanes {
    fn name(&self) -> &str {
        self.lane.name()
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (mut shape, arg) = (self.arg.shape.clone(), &self.arg);
        if arg.dtype != self.lane.dtype() || shape.get(self.axis).is_none_or(|&n| n == 0) {
            return Err(Error::internal(format!("{} along axis {} of {shape:?} {}", self.name(), self.axis, arg.dtype)));
        }
        shape[self.axis] = self.lane.len(shape[self.axis]);
        let chunks = lane_chunks(&arg.chunks, self.axis, shape[self.axis]);
        Ok(Inferred::known(shape, self.lane.out(), chunks).standing(self.lane.tables_bytes()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Lanes(other) if (&self.lane, self.axis) == (&other.lane, other.axis))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
        hasher.write_usize(self.axis);
    }

    fn detail(&self) -> String {
        match &self.lane {
            Lane::Sort(_) => format!("axis={}", self.axis),
            Lane::Part(part) => format!("axis={}, places {}..{}", self.axis, part.first, part.first + part.count),
            Lane::Fft(fft) => format!("n={}, axis={}", fft.out_len(), self.axis),
            Lane::Quantiles(of) if self.lane.name() == "median" => format!("axis={}, skip_nan={}", self.axis, of.skip_nan),
            Lane::Quantiles(of) => format!("{:?}, axis={}, method='{}', skip_nan={}", of.q, self.axis, of.method.name(), of.skip_nan),
        }
    }

    // an element needs all of its lane
    fn through(&self) -> Through<'_> {
        let kept = vec![(0..self.arg.shape.len()).map(|axis| Some(axis).filter(|axis| *axis != self.axis)).collect()];
        match self.lane {
            // one lane that is longer than memory is sorted in runs, and what nobody reads of it is not merged
            Lane::Sort(_) | Lane::Part(_) if self.arg.shape.len() > 1 => Through::Selected { kept, axis: self.axis, by: self },
            _ => Through::Window(kept),
        }
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}

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
            let view = Affine::new(vec![Follow { start: *first as i64, step: 1, axis: Some(0) }], vec![*count]);
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
    let view = Affine::new(at.iter().enumerate().map(follow).collect(), vec![of.arg.shape[of.axis]]);
    let line = of_one(&of.lane, Node::new(View { arg: of.arg.clone(), view }.into())?)?;
    let mut shape = vec![1; of.arg.shape.len()];
    shape[of.axis] = line.shape[0];
    let view = Affine::new(vec![Follow { start: 0, step: 1, axis: Some(of.axis) }], shape);
    Node::new(View { arg: line, view }.into())
}
