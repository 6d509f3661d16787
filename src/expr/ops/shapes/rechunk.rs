//! The same elements in other chunks.

use crate::error::Result;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record, text};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// The same elements in other chunks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rechunk {
    /// Whose elements.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// The chunks.
    pub chunks: ChunkGrid,
}

impl Operation for Rechunk {
    fn name(&self) -> &str {
        "rechunk"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let counted = self.arg.counted.clone();
        Ok(Inferred { counted, ..Inferred::known(self.arg.shape.clone(), self.arg.dtype, self.chunks.clone()) })
    }

    // its chunks are those of the node, which are compared before
    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Rechunk(_))
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        text::tuple(self.chunks.axes.iter().map(|axis| axis.longest()))
    }

    fn through(&self) -> Through<'_> {
        Through::Argument
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        true
    }

    fn refit(&mut self, _: &[Expr]) {
        if self.chunks.shape() != self.arg.shape {
            self.chunks = self.chunks.resized(&self.arg.shape);
        }
    }

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, chunks: &ChunkGrid) -> Relabel {
        Relabel::As(Rechunk { chunks: chunks.clone(), ..self.clone() }.into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
