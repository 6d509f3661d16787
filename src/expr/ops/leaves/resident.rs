//! Blocks that `persist` keeps.

use crate::error::Result;
use crate::expr::record::not_data;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use std::any::Any;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Blocks that stay in a runtime's memory pool until the last array that uses them is dropped.
#[derive(Clone)]
pub struct Resident {
    /// The product's number in the pool.
    pub product: u64,
    /// How the array is cut into blocks.
    pub grid: ChunkGrid,
    /// Element type.
    pub dtype: DType,
    /// Which runtime's pool holds it.
    pub runtime: u64,
    /// Dropping the last of them removes the blocks.
    pub owner: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resident({} {:?})", self.dtype, self.grid.shape())
    }
}

not_data!(Resident, "blocks that persist keeps are in the memory of one process; store the array and open that");

impl Operation for Resident {
    fn name(&self) -> &str {
        "persisted"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        Ok(Inferred::known(self.grid.shape(), self.dtype, self.grid.clone()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Resident(other) if (self.runtime, self.product) == (other.runtime, other.product))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.product);
    }

    fn detail(&self) -> String {
        String::new()
    }

    // the loop that reads it reads only the blocks under its view
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        false
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
        Relabel::View
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
