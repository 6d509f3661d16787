//! Users' functions of blocks.

use crate::error::Result;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::{ChunkGrid, Region};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut};
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Which block a [`BlockFn`] is asked for.
#[derive(Clone, Debug)]
pub struct BlockInfo {
    /// Index of the block along each axis.
    pub index: Vec<u64>,
    /// Where it lies in the whole array.
    pub region: Region,
}

/// A user's function from blocks to a block.
pub trait BlockFn: Send + Sync {
    /// Computes the block into `out`; `args` are the blocks of the arguments at the same place.
    fn call(&self, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>);
}

/// An operation by a user's function, block by block.
#[derive(Clone)]
pub struct Function {
    /// Its name in messages and plans.
    pub name: String,
    /// The function.
    pub f: Arc<dyn BlockFn>,
    /// Arguments, of the result's chunks (block for block; shapes may differ only by declared chunks).
    pub args: Vec<Expr>,
    /// Declared dtype of the result.
    pub dtype: DType,
    /// Declared chunks of the result.
    pub chunks: ChunkGrid,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.args)
    }
}

impl Operation for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn args(&self) -> Vec<&Expr> {
        self.args.iter().collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().collect()
    }

    fn infer(&self) -> Result<Inferred> {
        Ok(Inferred::known(self.chunks.shape(), self.dtype, self.chunks.clone()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Function(other) if std::ptr::addr_eq(Arc::as_ptr(&self.f), Arc::as_ptr(&other.f)) && self.name == other.name)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name.as_bytes());
    }

    fn detail(&self) -> String {
        String::new()
    }

    // blocks are called as declared
    fn through(&self) -> Through<'_> {
        Through::Stop
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
        true
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
