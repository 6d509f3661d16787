//! Factors of one matrix, applied to the columns of another: what solves, and what forms Q.

use crate::error::{Error, Result};
use crate::expr::infer::column_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::linalg::Triangle;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// What is done to a block of columns by each block of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Applied {
    /// Rows exchanged as LU exchanged them, then L⁻¹, of the first result of [`crate::expr::ops::Factors::Lu`].
    Lower,
    /// The transpose of that: L⁻ᵀ, then the rows exchanged back. With U⁻ᵀ before, it makes the inverse of the transposed matrix.
    LowerTransposed,
    /// The inverse of a triangle of the factors, transposed where it says so.
    Triangle(Triangle),
    /// Q of the first result of [`crate::expr::ops::Factors::Qr`].
    Q,
    /// Its adjoint.
    QAdjoint,
}

/// Where a matrix has zeros by the way it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Zeros {
    /// Nowhere that is known.
    #[default]
    None,
    /// Below its diagonal.
    Below,
    /// Above its diagonal; so has every ascending choice of its columns.
    Above,
}

/// `arg` [m, r] under the factors [m, n]: an array of the shape of `arg`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Apply {
    /// What is done.
    pub applied: Applied,
    /// The factors: of an [`crate::expr::ops::Factor`], or any matrix whose triangle is meant.
    #[serde(with = "record::arg")]
    pub factors: Expr,
    /// The columns, of the dtype of the factors.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Where `arg` is zero, as an identity is, and stays so: of zeros below its diagonal Q leaves the first columns alone that its
    /// later reflectors begin below; of zeros above, the first steps leave the later columns alone.
    pub zeros: Zeros,
}

impl Operation for Apply {
    fn name(&self) -> &str {
        match self.applied {
            Applied::Lower | Applied::LowerTransposed | Applied::Triangle(_) => "solve_triangular",
            Applied::Q | Applied::QAdjoint => "qr_multiply",
        }
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.factors, &self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.factors, &mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (f, b) = (&self.factors, &self.arg);
        let square = matches!(self.applied, Applied::Triangle(_));
        let fits = f.shape.len() == 2 && b.shape.len() == 2 && f.shape[0] == b.shape[0] && (!square || f.shape[0] == f.shape[1]);
        if !fits || f.dtype != b.dtype {
            let what = format!("factors of shape {:?} {} and columns of shape {:?} {}", f.shape, f.dtype, b.shape, b.dtype);
            return Err(Error::bad_request(self.name(), what));
        }
        Ok(Inferred::known(b.shape.clone(), b.dtype, column_chunks(&b.shape, b.dtype)))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Apply(other) if (self.applied, self.zeros) == (other.applied, other.zeros))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.detail().as_bytes());
    }

    fn detail(&self) -> String {
        let triangle = |t: &Triangle| {
            let mut words = vec![if t.lower { "lower" } else { "upper" }];
            words.extend(t.unit.then_some("unit_diagonal"));
            words.extend(t.transposed.then_some(if t.conjugated { "trans=C" } else { "trans=T" }));
            words.join(", ")
        };
        match &self.applied {
            Applied::Lower => "L of lu".to_string(),
            Applied::LowerTransposed => "L of lu, trans=T".to_string(),
            Applied::Triangle(t) => triangle(t),
            Applied::Q => "Q".to_string(),
            Applied::QAdjoint => "Qᴴ".to_string(),
        }
    }

    // columns do not meet each other; what is upper only as a whole is taken as a whole
    fn through(&self) -> Through<'_> {
        match self.zeros {
            Zeros::Below => Through::Stop,
            Zeros::None | Zeros::Above => Through::Window(vec![vec![None, None], vec![None, Some(1)]]),
        }
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
