//! Expr → passes. What must be found out before the rest can be lowered, since shapes or values above depend on
//! it: the count of a mask, a median. The runtime runs one pass after the other; a procedure runs nothing.

use super::operations;
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Expr, postorder};
use crate::grid::ChunkGrid;
use crate::plan::Plan;
use crate::sizes::Sizes;
use flagstone_kernels::dtype::DType;
use std::any::Any;
use std::sync::Arc;

/// Keeps the blocks of products between the passes of a procedure.
pub trait Keeper {
    /// The blocks of `product` stay in the pool until the last of what is returned is dropped.
    fn keep(&self, product: u64) -> Arc<dyn Any + Send + Sync>;
    /// The same as an array with `chunks`, whose blocks are those of `grid`.
    ///
    /// # Errors
    /// `Internal` where the two do not go together.
    fn resident(&self, product: u64, grid: ChunkGrid, dtype: DType, chunks: ChunkGrid) -> Result<Expr>;
}

/// What a procedure takes at most, whatever it finds: known before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Bytes of memory that it holds between passes, beside the blocks of the pool.
    pub standing_bytes: u64,
    /// Bytes of blocks that a later pass reads: what memory has no room for is on disk meanwhile.
    pub kept_bytes: u64,
    /// Reads of its argument.
    pub reads: u32,
}

/// An operation of which each pass depends on what the last one found.
pub trait Procedure {
    /// What it does: for people.
    fn describe(&self) -> String;
    /// What it takes at most.
    fn most(&self) -> Bound;
    /// The pass whose tasks need the most memory of all that there may be: checked before anything is read.
    ///
    /// # Errors
    /// As [`super::lower`].
    fn most_demanding(&self, budget: &Budget) -> Result<Plan>;
    /// What stands in the place of the node's results while nothing was read: as long as what may be found, and as demanding.
    ///
    /// # Errors
    /// As [`super::lower`].
    fn bound(&self, budget: &Budget) -> Result<Vec<Expr>>;
    /// The next pass, or what was found. To be called again when the pass has run, with the same budget. Blocks that a later
    /// pass reads are kept by `keeper`.
    ///
    /// # Errors
    /// As [`super::lower`].
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step>;
}

/// What is to be done next.
pub enum Step {
    /// Run this, then ask again.
    Run(Plan),
    /// These stand in the place of the node's results.
    Done(Vec<Expr>),
}

/// All procedures below `roots` with their nodes; those before a node's own come before it.
pub fn procedures(roots: &[Expr], sizes: &Sizes) -> Vec<(Expr, Box<dyn Procedure>)> {
    postorder(roots).into_iter().filter_map(|node| operations::procedure(&node, sizes).map(|procedure| (node, procedure))).collect()
}
