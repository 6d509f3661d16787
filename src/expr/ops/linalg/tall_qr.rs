//! QR of matrices with many more rows than columns.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// A = Q·R of a tall matrix [m, n], m ≥ n. Results: Q [m, n] and R [n, n].
///
/// By a tree: rows are factored apart, and pairs of their R together (Demmel, Grigori, Hoemmen and Langou, *Communication-optimal
/// parallel and sequential QR and LU factorizations*, SIAM J. Sci. Comput. 34 (2012)). Or, where the matrix can be read several times and is
/// no worse conditioned than that allows, by a sketch, whose R makes its columns nearly orthonormal, and Cholesky.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TallQr {
    /// The matrix: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// How.
    pub by: By,
}

/// How a tall matrix is factored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The tree.
    Tree,
    /// A sketch, where that does: cheaper where Q is wanted too, and dearer for R alone.
    Sketch,
    /// The tree, in tasks that have room for what a sketch takes: what is planned until it is known which does.
    Either,
}

impl Operation for TallQr {
    fn name(&self) -> &str {
        "qr"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let &[m, n] = &self.arg.shape[..] else {
            return Err(Error::bad_request("qr", format!("an array of shape {:?}; expected a matrix", self.arg.shape)));
        };
        let of = |shape: Vec<u64>| Inferred::known(shape.clone(), self.arg.dtype, auto_chunks(&shape));
        Ok(of(vec![m, n]).and(of(vec![n, n])))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::TallQr(other) if self.by == other.by)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u8(self.by as u8);
    }

    fn detail(&self) -> String {
        String::new()
    }

    // by its several results
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
