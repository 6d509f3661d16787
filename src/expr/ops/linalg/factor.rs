//! Factorisations of a matrix.

use crate::error::{Error, Refusal, Result};
use crate::expr::infer::column_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Into which factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Factors {
    /// P·A = L·U with partial pivoting. Results: L below the diagonal and U on and above it, in the order of rows in which
    /// each block of columns was factored (what solving needs); for each column, which row was exchanged with the one on the
    /// diagonal (int64); L and U in the final order of rows; the rows of A in that order (int64); the diagonal of U.
    Lu,
    /// A = L·Lᴴ of a Hermitian matrix of which the lower triangle is read. Result: L, zeros above the diagonal.
    Cholesky,
    /// A = Q·R. Results: R on and above the diagonal and the reflectors of Q below it; their factors, LAPACK's tau.
    Qr,
}

/// A matrix [m, n], m ≥ n, factored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Factor {
    /// Into what.
    pub into: Factors,
    /// The matrix: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
}

impl Operation for Factor {
    fn name(&self) -> &str {
        match self.into {
            Factors::Lu => "lu",
            Factors::Cholesky => "cholesky",
            Factors::Qr => "qr",
        }
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (shape, dtype) = (&self.arg.shape, self.arg.dtype);
        let &[m, n] = &shape[..] else {
            return Err(Error::refused(Refusal::Matrix, self.name(), format!("an array of shape {shape:?}; expected a matrix")));
        };
        if m < n || (self.into == Factors::Cholesky && m != n) {
            return Err(Error::refused(Refusal::Matrix, self.name(), format!("a matrix of shape {shape:?}; expected a square one")));
        }
        let of = |shape: Vec<u64>, dtype: DType| Inferred::known(shape.clone(), dtype, column_chunks(&shape, dtype));
        let factors = || of(shape.clone(), dtype);
        Ok(match self.into {
            Factors::Lu => factors().and(of(vec![n], DType::I64)).and(factors()).and(of(vec![m], DType::I64)).and(of(vec![n], dtype)),
            Factors::Cholesky => factors(),
            Factors::Qr => factors().and(of(vec![n], dtype)),
        })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Factor(other) if self.into == other.into)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
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
