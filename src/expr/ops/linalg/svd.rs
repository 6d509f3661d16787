//! Singular values and the directions that belong to them.

use crate::error::{Error, Result};
use crate::expr::infer::column_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::ops::{Elementwise, View};
use crate::expr::{Affine, Expr, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::op::UnaryOp;
use flagstone_kernels::program::StepOp;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// The n largest eigenvalues of [0, Aᴴ; A, 0], of a matrix A [m, n], m ≥ n, that may be larger than memory, and their eigenvectors: the
/// singular values, and directions of the singular vectors. Results: s `[n]`, ascending, which rounding can make a little less than 0; the
/// rows of U, [m, n], and of V, [n, n], both of length 1/√2 where s is not next to 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Svd {
    /// Whether the matrix is Aᴴ of the one that a user gave: for messages.
    pub mirrored: bool,
    /// The matrix: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
}

impl Svd {
    /// The first `rows` rows as columns, conjugated.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn adjoint(&self, rows: u64) -> Result<Expr> {
        let dtype = self.arg.dtype;
        let view = Affine::permute(&self.arg.shape, &[1, 0]).part(&[0, 0], &[self.arg.shape[1], rows]);
        let transposed = Node::new(View { arg: self.arg.clone(), view }.into())?;
        if !dtype.is_complex() {
            return Ok(transposed);
        }
        Node::new(Elementwise { op: StepOp::Unary(UnaryOp::Conjugate), args: vec![transposed], dtype }.into())
    }
}

impl Operation for Svd {
    fn name(&self) -> &str {
        "svd"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (shape, dtype) = (&self.arg.shape, self.arg.dtype);
        let [m, n] = shape[..] else { return Err(Error::internal(format!("the SVD of an array of shape {shape:?}"))) };
        if m < n || n == 0 {
            return Err(Error::internal(format!("the SVD of a matrix of shape {shape:?}, which is wide or empty")));
        }
        let values = Inferred::known(vec![n], dtype.real(), column_chunks(&[n], dtype.real()));
        let of = |rows: u64| Inferred::known(vec![rows, n], dtype, column_chunks(&[rows, n], dtype));
        Ok(values.and(of(m)).and(of(n)))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Svd(other) if self.mirrored == other.mirrored)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u8(self.mirrored as u8);
    }

    fn detail(&self) -> String {
        String::new()
    }

    // an element depends on all of the matrix
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
