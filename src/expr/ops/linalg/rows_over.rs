//! Rows of a tall matrix, divided by triangles.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// A·R₀⁻¹·R₁⁻¹ … of a matrix [m, n] and upper triangular [n, n]: Q of a QR whose R is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowsOver {
    /// The matrix: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// The triangles, of the same dtype, each in one block.
    #[serde(with = "record::args")]
    pub triangles: Vec<Expr>,
}

impl Operation for RowsOver {
    fn name(&self) -> &str {
        "qr: Q"
    }

    fn args(&self) -> Vec<&Expr> {
        std::iter::once(&self.arg).chain(&self.triangles).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        std::iter::once(&mut self.arg).chain(&mut self.triangles).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        match (&self.arg.shape[..], &self.triangles[..]) {
            (&[_, n], triangles) if triangles.iter().all(|of| of.shape == [n, n] && of.dtype == self.arg.dtype) => {
                Ok(Inferred::known(self.arg.shape.clone(), self.arg.dtype, auto_chunks(&self.arg.shape)))
            }
            _ => Err(Error::internal(format!("rows of {:?} over {} triangles", self.arg.shape, self.triangles.len()))),
        }
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::RowsOver(_))
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

    fn through(&self) -> Through<'_> {
        let rows = vec![Some(0), None];
        Through::Window(std::iter::once(rows).chain(self.triangles.iter().map(|_| vec![None; 2])).collect())
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
