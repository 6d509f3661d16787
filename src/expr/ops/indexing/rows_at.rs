//! Rows of a table at places that are known.

use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::record::not_data;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Places along the first axis of a table, in any order, each as often as it is asked for.
#[derive(Default)]
pub struct Places {
    /// The place of each row of the result.
    pub of: Vec<u32>,
    /// The rows of the result in the order of their places, those of one place in their own.
    pub order: Vec<u32>,
}

impl Places {
    /// What so many places take at most while they are put in order, and beside the stages that follow them: which rows of the result a
    /// task makes.
    pub const BYTES: u64 = 16;

    /// The same places, in order.
    pub fn new(of: Vec<u32>) -> Places {
        let mut order: Vec<u32> = (0..of.len() as u32).collect();
        order.sort_unstable_by_key(|&row| (of[row as usize], row));
        Places { of, order }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} places", self.of.len())
    }
}

/// The rows of a table, which are what stands at a place of its first axis, at places that are known.
#[derive(Clone, Debug)]
pub struct RowsAt {
    /// The table.
    pub table: Expr,
    /// Where; none while they are not read yet.
    pub places: Arc<Places>,
    /// The chunks that a user sees, and how many rows there are.
    pub chunks: ChunkGrid,
}

not_data!(RowsAt, "places that were read are in the memory of one process");

impl Operation for RowsAt {
    fn name(&self) -> &str {
        "take"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.table]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.table]
    }

    fn infer(&self) -> Result<Inferred> {
        let shape = self.chunks.shape();
        if self.table.shape.is_empty() || shape.len() != self.table.shape.len() || shape[1..] != self.table.shape[1..] {
            return Err(Error::internal(format!("rows of {:?} in {:?}", self.table.shape, shape)));
        }
        let standing = shape[0].saturating_mul(Places::BYTES);
        Ok(Inferred::known(shape, self.table.dtype, self.chunks.clone()).standing(standing))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::RowsAt(other) if Arc::ptr_eq(&self.places, &other.places))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(Arc::as_ptr(&self.places) as usize);
    }

    fn detail(&self) -> String {
        format!("{:?}", self.places)
    }

    // rows that nobody reads are taken all the same: they come with others
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
