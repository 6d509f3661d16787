//! Operations → Expr. The logical graph: what is asked for, element by element, with no word of blocks.
//!
//! A [`Node`] knows its shape, dtype and chunks from the moment it is built: [`Node::new`] infers them and
//! refuses what cannot mean anything. Nodes are immutable and shared, so passes rebuild rather than edit.

mod affine;
mod infer;
mod op;
mod replace;
mod text;
mod visit;

pub use affine::{Affine, Follow};
pub use infer::{auto_chunks, cells};
pub use op::{BlockFn, BlockInfo, Cells, Count, Function, Op, Reduce, Resident, Runs};
pub use replace::replace;
pub use text::text;
pub use visit::{postorder, rebuild, relabel};

use crate::error::{Error, Result};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared node of the logical graph.
pub type Expr = Arc<Node>;

/// One operation and what is known of its result.
#[derive(Debug)]
pub struct Node {
    /// Unique in this process; orders nodes by when they were built.
    pub id: u64,
    /// What is done, and to what.
    pub op: Op,
    /// Lengths of the axes. Where `counted` is set, the first one is an upper bound.
    pub shape: Vec<u64>,
    /// Set when the length of the (only) axis depends on values, as of `x[mask]`.
    pub counted: Option<Arc<Count>>,
    /// Element type.
    pub dtype: DType,
    /// The chunks that a user sees. They fix the shape of the trees of reductions over this node.
    pub chunks: ChunkGrid,
}

impl Node {
    /// A node of `op`, its shape, dtype and chunks inferred.
    ///
    /// # Errors
    /// `BadRequest` where the arguments do not fit together.
    pub fn new(op: Op) -> Result<Expr> {
        let (shape, dtype, chunks) = infer::infer(&op)?;
        let counted = infer::counted(&op);
        Ok(Node::assemble(op, shape, counted, dtype, chunks))
    }

    /// As [`Node::new`], with other chunks of the same shape: for passes that must keep the chunks, and
    /// with them the bits, of the node they replace.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn with_chunks(op: Op, chunks: ChunkGrid) -> Result<Expr> {
        let (shape, dtype, _) = infer::infer(&op)?;
        let counted = infer::counted(&op);
        Ok(Node::assemble(op, shape, counted, dtype, chunks))
    }

    /// `op` in the place of this node: the same shape and dtype, the given chunks. A mask that has been
    /// counted since this node was built keeps the bound that its users were built with.
    ///
    /// # Errors
    /// As [`Node::new`]; `Internal` where `op` has another shape or dtype.
    pub fn replaced_by(&self, op: Op, chunks: ChunkGrid) -> Result<Expr> {
        let (shape, dtype, _) = infer::infer(&op)?;
        let mask = matches!(op, Op::Mask { .. });
        if dtype != self.dtype || (shape != self.shape && !mask) {
            let (name, was, is) = (op.name(), &self.shape, &shape);
            return Err(Error::internal(format!("{name} of {was:?} {} was replaced by {is:?} {dtype}", self.dtype)));
        }
        let counted = if mask { self.counted.clone() } else { infer::counted(&op) };
        Ok(Node::assemble(op, self.shape.clone(), counted, dtype, chunks))
    }

    fn assemble(op: Op, shape: Vec<u64>, counted: Option<Arc<Count>>, dtype: DType, chunks: ChunkGrid) -> Expr {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        debug_assert_eq!(shape, chunks.shape(), "chunks of {op:?}");
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Node { id, op, shape, counted, dtype, chunks })
    }

    /// Number of elements (an upper bound where counted); saturates.
    pub fn elements(&self) -> u64 {
        crate::grid::element_count(&self.shape).unwrap_or(u64::MAX)
    }

    /// Bytes of all elements; saturates.
    pub fn bytes(&self) -> u64 {
        self.elements().saturating_mul(self.dtype.size() as u64)
    }
}

/// Chains can be longer than a stack is deep, so that arguments are not dropped by recursion.
impl Drop for Node {
    fn drop(&mut self) {
        let mut left = self.op.take().into_args();
        while let Some(expr) = left.pop() {
            if let Some(mut node) = Arc::into_inner(expr) {
                left.extend(node.op.take().into_args());
            }
        }
    }
}
