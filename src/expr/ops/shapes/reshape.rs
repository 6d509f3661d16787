//! The same elements under another shape.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{ChunkGrid, element_count};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// The elements of an array in C order under another shape of as many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reshape {
    /// The elements.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
}

impl Operation for Reshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        if element_count(&self.arg.shape) != element_count(&self.shape) {
            return Err(Error::internal(format!("{:?} as {:?}", self.arg.shape, self.shape)));
        }
        Ok(Inferred::known(self.shape.clone(), self.arg.dtype, auto_chunks(&self.shape)))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Reshape(other) if self.shape == other.shape)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        self.shape.iter().for_each(|&n| hasher.write_u64(n));
    }

    fn detail(&self) -> String {
        format!("{:?}", self.shape)
    }

    // blocks that nobody reads are not made
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}
