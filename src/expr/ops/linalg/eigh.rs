//! Eigenvalues and eigenvectors of a Hermitian matrix.

use crate::error::{Error, Refusal, Result};
use crate::expr::infer::column_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::ops::{Dense, Elementwise, View};
use crate::expr::{Affine, Expr, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::linalg;
use flagstone_kernels::op::UnaryOp;
use flagstone_kernels::program::StepOp;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// A·V = V·diag(w) of a Hermitian matrix [n, n] that may be larger than memory. Results: w `[n]`, ascending, and the last columns of V,
/// [n, last].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Eigh {
    /// Which triangle is read.
    pub lower: bool,
    /// How many eigenvectors are made: those of the largest eigenvalues.
    pub last: u64,
    /// The matrix: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
}

impl Eigh {
    /// The same of a matrix that fits into one task, with all its eigenvectors.
    pub fn dense(&self) -> Dense {
        Dense { call: linalg::Dense::Eigh { lower: self.lower }, arg: self.arg.clone(), other: None }
    }

    /// The matrix, transposed and conjugated where the upper triangle is read, so that the lower one is what counts.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn lower_matrix(&self) -> Result<Expr> {
        if self.lower {
            return Ok(self.arg.clone());
        }
        let view = Affine::permute(&self.arg.shape, &[1, 0]);
        let transposed = Node::new(View { arg: self.arg.clone(), view }.into())?;
        if !transposed.dtype.is_complex() {
            return Ok(transposed);
        }
        let dtype = transposed.dtype;
        Node::new(Elementwise { op: StepOp::Unary(UnaryOp::Conjugate), args: vec![transposed], dtype }.into())
    }
}

impl Operation for Eigh {
    fn name(&self) -> &str {
        "eigh"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (shape, dtype) = (&self.arg.shape, self.arg.dtype);
        let n = match shape[..] {
            [m, n] if m == n => n,
            _ => {
                let what = format!("an array of shape {shape:?}; expected a square matrix");
                return Err(Error::refused(Refusal::Matrix, self.name(), what));
            }
        };
        if self.last > n {
            return Err(Error::internal(format!("{} eigenvectors of a matrix of order {n}", self.last)));
        }
        let values = Inferred::known(vec![n], dtype.real(), column_chunks(&[n], dtype.real()));
        let shape = vec![n, self.last];
        Ok(values.and(Inferred::known(shape.clone(), dtype, column_chunks(&shape, dtype))))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Eigh(other) if (self.lower, self.last) == (other.lower, other.last))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u8(self.lower as u8);
        hasher.write_u64(self.last);
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
