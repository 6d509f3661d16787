//! Reductions.

use crate::error::{Error, Result};
use crate::expr::infer::{cells, cells_of};
use crate::expr::{Affine, Cells, Cut, Expr, Inferred, Node, Op, Operation, Relabel, Through, ops, record, text};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::sizes::NumericsSizes;
use flagstone_kernels::op::ReduceOp;
use flagstone_kernels::reduce::Reduction;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// A reduction over some axes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reduce {
    /// Operation and dtypes; the argument has `reduction.dtype`.
    pub reduction: Reduction,
    /// The values.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Only elements where this is true count: a bool array of the argument's shape.
    #[serde(with = "record::optional")]
    pub mask: Option<Expr>,
    /// The reduced axes, ascending.
    pub axes: Vec<usize>,
    /// Whether reduced axes stay with length 1.
    pub keepdims: bool,
    /// How each reduced axis is cut, in the order of `axes`: it fixes the order of arithmetic, and no
    /// pass may change it.
    pub cells: Vec<Cells>,
}

/// The operation cut by the sizes of the runtime that computes it, if they cut it at all.
pub fn recut(op: &Op, sizes: &NumericsSizes) -> Option<Op> {
    let Op::Reduce(reduce) = op else { return None };
    let cells = cells_of(&reduce.arg.chunks, &reduce.axes, sizes);
    Some(Reduce { cells, ..reduce.clone() }.into())
}

impl Reduce {
    /// For each axis of the argument, the axis of the result that it becomes; `None` where it is reduced.
    fn kept(&self) -> Vec<Option<usize>> {
        let mut next = 0..;
        let axes = (0..self.arg.shape.len()).map(|axis| {
            let reduced = self.axes.contains(&axis);
            let place = if !reduced || self.keepdims { next.next() } else { None };
            place.filter(|_| !reduced)
        });
        axes.collect()
    }

    fn answers_positions(&self) -> bool {
        matches!(self.reduction.op, ReduceOp::Argmin | ReduceOp::Argmax)
    }
}

impl Operation for Reduce {
    fn name(&self) -> &str {
        self.reduction.op.name()
    }

    fn args(&self) -> Vec<&Expr> {
        std::iter::once(&self.arg).chain(&self.mask).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        std::iter::once(&mut self.arg).chain(&mut self.mask).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let arg = &self.arg;
        let name = self.name();
        if let Some(mask) = self.mask.as_ref().filter(|mask| mask.shape != arg.shape) {
            return Err(Error::bad_request(name, format!("where has shape {:?}, the array {:?}", mask.shape, arg.shape)));
        }
        let needs_one = matches!(self.reduction.op, ReduceOp::Min | ReduceOp::Max) || self.answers_positions();
        if needs_one
            && let Some(&axis) = self.axes.iter().find(|&&axis| arg.shape[axis] == 0)
            && !arg.is_counted()
        {
            return Err(Error::bad_request(
                name,
                format!("axis {axis} of shape {:?} has no element, and {name} of nothing is not defined", arg.shape),
            ));
        }
        let mut shape = Vec::new();
        let mut axes = Vec::new();
        let mut counted = Vec::new();
        for axis in 0..arg.shape.len() {
            if !self.axes.contains(&axis) {
                shape.push(arg.shape[axis]);
                axes.push(arg.chunks.axes[axis].clone());
                counted.push(arg.counted.get(axis).cloned().flatten());
            } else if self.keepdims {
                shape.push(1);
                axes.push(AxisChunks::whole(1));
                counted.push(None);
            }
        }
        if counted.iter().all(Option::is_none) {
            counted.clear();
        }
        Ok(Inferred { counted, ..Inferred::known(shape, self.reduction.out, ChunkGrid { axes }) })
    }

    fn same(&self, other: &Op) -> bool {
        let Op::Reduce(other) = other else { return false };
        let (r, s) = (&self.reduction, &other.reduction);
        r == s
            && r.ddof.to_bits() == s.ddof.to_bits()
            && (self.mask.is_some(), &self.axes, self.keepdims, &self.cells)
                == (other.mask.is_some(), &other.axes, other.keepdims, &other.cells)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
        self.axes.iter().for_each(|&axis| hasher.write_usize(axis));
    }

    fn detail(&self) -> String {
        let mut words = vec![];
        match &self.axes[..] {
            axes if axes.len() == self.arg.shape.len() => {}
            [axis] => words.push(format!("axis={axis}")),
            axes => words.push(format!("axis={}", text::tuple(axes))),
        }
        if self.reduction.ddof != 0.0 {
            words.push(format!("ddof={}", self.reduction.ddof));
        }
        if self.keepdims {
            words.push("keepdims=True".to_string());
        }
        if self.mask.is_some() {
            words.push("where={1}".to_string());
        }
        words.join(", ")
    }

    fn through(&self) -> Through<'_> {
        Through::Window(self.args().iter().map(|_| self.kept()).collect())
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        true
    }

    // what it reads is shared, not what it makes
    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        true
    }

    fn refit(&mut self, before: &[Expr]) {
        if before[0].shape != self.arg.shape {
            self.cells = cells(&self.arg.chunks, &self.axes);
        }
    }

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        Some(Cut { axes: &self.axes, cells: &self.cells })
    }

    fn under_mask(&self, values: &Expr, selects: &Expr) -> Result<Option<Op>> {
        // positions are among the selected
        if self.answers_positions() || self.axes != [0] {
            return Ok(None);
        }
        let axes: Vec<usize> = (0..values.shape.len()).collect();
        let cells = cells(&values.chunks, &axes);
        let (arg, mask) = (values.clone(), Some(selects.clone()));
        let all: Op = Reduce { reduction: self.reduction, arg, mask, axes, keepdims: false, cells }.into();
        Ok(Some(match self.keepdims {
            true => ops::View { arg: Node::new(all)?, view: Affine::new(vec![], vec![1]) }.into(),
            false => all,
        }))
    }
}
