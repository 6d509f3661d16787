//! What is done to matrices that fit into one task, each of a stack by itself.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::linalg;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// One call of LAPACK's kind for each matrix of a stack [.., m, n].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dense {
    /// What is computed.
    pub call: linalg::Dense,
    /// The matrices: f32, f64, c64 or c128.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// The right-hand sides of what solves, [.., n, columns], a stack of the same shape and dtype.
    #[serde(with = "record::optional")]
    pub other: Option<Expr>,
}

impl Dense {
    /// Rows and columns of the matrices, and columns of the right-hand sides.
    pub fn sides(&self) -> Option<(u64, u64, u64)> {
        let sides = |expr: &Expr| match expr.shape[..] {
            [.., m, n] => Some((m, n)),
            _ => None,
        };
        let (m, n) = sides(&self.arg)?;
        Some((m, n, self.other.as_ref().map_or(Some(0), |other| sides(other).map(|(_, columns)| columns))?))
    }
}

impl Operation for Dense {
    fn name(&self) -> &str {
        self.call.name()
    }

    fn args(&self) -> Vec<&Expr> {
        std::iter::once(&self.arg).chain(&self.other).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        std::iter::once(&mut self.arg).chain(&mut self.other).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let shape = &self.arg.shape;
        let (m, n, columns) =
            self.sides().ok_or_else(|| Error::bad_request(self.name(), format!("an array of shape {shape:?}; expected matrices")))?;
        let stack = &shape[..shape.len() - 2];
        let fits = |other: &Expr| other.shape[..other.shape.len() - 2] == *stack && other.shape[stack.len()] == n;
        if !self.other.as_ref().is_none_or(fits) {
            return Err(Error::internal(format!("{} of stacks of other shapes", self.name())));
        }
        let mut results = self.call.makes(self.arg.dtype, m, n, columns).into_iter().map(|(last, dtype)| {
            let shape = [stack, &last[..]].concat();
            Inferred::known(shape.clone(), dtype, auto_chunks(&shape))
        });
        let first = results.next().ok_or_else(|| Error::internal("no result"))?;
        Ok(results.fold(first, Inferred::and))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Dense(other) if self.call == other.call)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
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
