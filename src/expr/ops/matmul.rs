//! Products of matrices.

use crate::error::{Error, Result};
use crate::expr::infer::product_chunks;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use std::hash::Hasher;

/// `a @ b` of two matrices, [m, k] · [k, n].
#[derive(Clone, Debug)]
pub struct Matmul {
    /// The left one.
    pub a: Expr,
    /// The right one.
    pub b: Expr,
}

impl Operation for Matmul {
    fn name(&self) -> &str {
        "matmul"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.a, &self.b]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.a, &mut self.b]
    }

    fn infer(&self) -> Result<Inferred> {
        let (a, b) = (&self.a, &self.b);
        if a.shape.len() != 2 || b.shape.len() != 2 || a.shape[1] != b.shape[0] {
            return Err(Error::bad_request(
                "matmul",
                format!("shapes {:?} and {:?} do not match: expected [m, k] and [k, n]", a.shape, b.shape),
            ));
        }
        let chunks = product_chunks(&a.chunks.axes[0], &b.chunks.axes[1]);
        Ok(Inferred::known(vec![a.shape[0], b.shape[1]], a.dtype, chunks))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Matmul(_))
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

    // rows of the left one, columns of the right one
    fn through(&self) -> Through<'_> {
        Through::Window(vec![vec![Some(0), None], vec![None, Some(1)]])
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        true
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
