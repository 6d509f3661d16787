//! The same value everywhere.

use crate::error::Result;
use crate::expr::{Cut, Expr, Inferred, Node, Op, Operation, Relabel, Through, text};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::{DType, Scalar};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// The same value everywhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Full {
    /// The value.
    pub value: Scalar,
    /// Its dtype.
    pub dtype: DType,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// The chunks that a user sees.
    pub chunks: ChunkGrid,
}

/// A node of `value` everywhere.
///
/// # Errors
/// As [`Node::new`].
pub fn constant(value: Scalar, dtype: DType, chunks: &ChunkGrid) -> Result<Expr> {
    Node::new(Full { value, dtype, shape: chunks.shape(), chunks: chunks.clone() }.into())
}

impl Operation for Full {
    fn name(&self) -> &str {
        "full"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        Ok(Inferred::known(self.shape.clone(), self.dtype, self.chunks.clone()))
    }

    // bit by bit: 0.0 and -0.0 differ, a NaN is itself
    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Full(other) if self.value.same_bits(other.value))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.value.as_f64().to_bits());
    }

    fn detail(&self) -> String {
        text::scalar(self.value)
    }

    fn through(&self) -> Through<'_> {
        Through::Constant(self.value)
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        false
    }

    // nothing is read for it
    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, chunks: &ChunkGrid) -> Relabel {
        Relabel::As(Full { chunks: chunks.clone(), ..self.clone() }.into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
