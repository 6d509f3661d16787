//! Arrays one after the other along an axis.

use crate::error::Result;
use crate::expr::infer::check_size;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Arrays one after the other along an axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Concatenate {
    /// At least one; they differ in length along `axis` only.
    #[serde(with = "record::args")]
    pub args: Vec<Expr>,
    /// The axis.
    pub axis: usize,
}

/// The arrays, one at least, one after the other along `axis`.
///
/// # Errors
/// As [`Node::new`].
pub fn joined(args: Vec<Expr>, axis: usize) -> Result<Expr> {
    match &args[..] {
        [one] => Ok(one.clone()),
        _ => Node::new(Concatenate { args, axis }.into()),
    }
}

impl Operation for Concatenate {
    fn name(&self) -> &str {
        "concatenate"
    }

    fn args(&self) -> Vec<&Expr> {
        self.args.iter().collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let (first, axis) = (&self.args[0], self.axis);
        let mut shape = first.shape.clone();
        shape[axis] = self.args.iter().map(|arg| arg.shape[axis]).fold(0, u64::saturating_add);
        check_size(self.name(), &shape, first.dtype)?;
        let mut axes = first.chunks.axes.clone();
        let parts = || self.args.iter().map(|arg| &arg.chunks.axes[axis]);
        // beyond what can be listed, equal chunks: a reduction then has cells across the seams
        let even = || AxisChunks::regular(shape[axis], parts().map(AxisChunks::longest).max().unwrap_or(1));
        axes[axis] = AxisChunks::concatenated(parts().collect::<Vec<_>>()).unwrap_or_else(even);
        Ok(Inferred::known(shape, first.dtype, ChunkGrid { axes }))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Concatenate(other) if self.axis == other.axis)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(self.axis);
    }

    fn detail(&self) -> String {
        format!("axis={}", self.axis)
    }

    fn through(&self) -> Through<'_> {
        Through::Parts(self.axis)
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}
