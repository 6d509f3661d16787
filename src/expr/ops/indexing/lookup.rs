//! Places in a table.

use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid};
use flagstone_kernels::lookup::Lookup as Kind;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// What stands in a table along one of its axes, looked up for each element of another array: where values belong
/// (`searchsorted`), or the elements at indices (`take`). The axes of what is asked stand in the place of the axis; of `take_along_axis`,
/// along the last axis, both have those before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    /// What is looked up.
    pub what: Kind,
    /// The table, not empty along the axis.
    #[serde(with = "record::arg")]
    pub table: Expr,
    /// Values, or indices.
    #[serde(with = "record::arg")]
    pub asked: Expr,
    /// Along which axis of the table.
    pub axis: usize,
}

impl Lookup {
    /// How many leading axes what is asked has from the table.
    pub fn shared(&self) -> usize {
        if self.what == Kind::TakeAlong { self.axis } else { 0 }
    }

    /// Axis of the result that is the table's axis `at`; none for the axis that is looked up along.
    pub fn of_table(&self, at: usize) -> Option<usize> {
        match at {
            at if at < self.axis => Some(at),
            at if at == self.axis => None,
            at => Some(at - 1 + self.asked.shape.len() - self.shared()),
        }
    }

    /// Axes of the result that are those of what is asked.
    pub fn of_asked(&self) -> std::ops::Range<usize> {
        let first = self.axis - self.shared();
        first..first + self.asked.shape.len()
    }
}

impl Operation for Lookup {
    fn name(&self) -> &str {
        self.what.name()
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.table, &self.asked]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.table, &mut self.asked]
    }

    fn infer(&self) -> Result<Inferred> {
        let (table, asked, axis) = (&self.table, &self.asked, self.axis);
        let (dtype, out) = self.what.dtypes(table.dtype);
        let shared = self.shared();
        let lies = || table.shape[..shared] != asked.shape[..shared] || (self.what == Kind::TakeAlong && axis + 1 != table.shape.len());
        if asked.dtype != dtype || table.shape.get(axis).is_none_or(|&n| n == 0) || asked.shape.len() < shared || lies() {
            return Err(Error::internal(format!("{} of {} in {:?} {}", self.name(), asked.dtype, table.shape, table.dtype)));
        }
        let spliced = |table: &[AxisChunks], asked: &[AxisChunks]| [&table[..axis - shared], asked, &table[axis + 1..]].concat();
        let chunks = ChunkGrid { axes: spliced(&table.chunks.axes, &asked.chunks.axes) };
        Ok(Inferred::known(chunks.shape(), out, chunks))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Lookup(other) if (self.what, self.axis) == (other.what, other.axis))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
        hasher.write_usize(self.axis);
    }

    fn detail(&self) -> String {
        match self.what {
            Kind::Search { right } => format!("side='{}'", if right { "right" } else { "left" }),
            Kind::Take | Kind::TakeAlong => format!("axis={}", self.axis),
        }
    }

    // a place of the result follows one of the table or one of what is asked
    fn through(&self) -> Through<'_> {
        let table = (0..self.table.shape.len()).map(|at| self.of_table(at)).collect();
        Through::Window(vec![table, self.of_asked().map(Some).collect()])
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}
