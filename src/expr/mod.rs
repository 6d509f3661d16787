//! Operations → Expr. The logical graph: what is asked for, element by element, with no word of blocks.
//!
//! A [`Node`] knows its shape, dtype and chunks from the moment it is built: [`Node::new`] infers them and
//! refuses what cannot mean anything. Nodes are immutable and shared, so passes rebuild rather than edit.

mod affine;
mod infer;
mod op;
mod operation;
pub mod ops;
mod replace;
mod text;
mod visit;

pub use affine::{Affine, Follow};
pub use infer::{auto_chunks, cells};
pub use op::Op;
pub use operation::{Cut, Inferred, Operation, Relabel, Through};
pub use ops::{BlockFn, BlockInfo, Cells, Count, Function, Reduce, Resident, Runs, constant, recut};
pub use replace::replace;
pub use text::text;
pub use visit::{postorder, rebuild, relabel};

use crate::error::{Error, Result};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::{DType, Scalar};
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
        let inferred = op.infer()?;
        Ok(Node::assemble(op, inferred))
    }

    /// As [`Node::new`], with other chunks of the same shape: for passes that must keep the chunks, and
    /// with them the bits, of the node they replace.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn with_chunks(op: Op, chunks: ChunkGrid) -> Result<Expr> {
        let inferred = op.infer()?;
        Ok(Node::assemble(op, Inferred { chunks, ..inferred }))
    }

    /// `op` in the place of this node: the same shape and dtype, the given chunks. A mask that has been
    /// counted since this node was built keeps the bound that its users were built with.
    ///
    /// # Errors
    /// As [`Node::new`]; `Internal` where `op` has another shape or dtype.
    pub fn replaced_by(&self, op: Op, chunks: ChunkGrid) -> Result<Expr> {
        let Inferred { shape, dtype, counted, .. } = op.infer()?;
        let mask = matches!(op, Op::Mask(_));
        if dtype != self.dtype || (shape != self.shape && !mask) {
            let (name, was, is) = (op.name(), &self.shape, &shape);
            return Err(Error::internal(format!("{name} of {was:?} {} was replaced by {is:?} {dtype}", self.dtype)));
        }
        let counted = if mask { self.counted.clone() } else { counted };
        Ok(Node::assemble(op, Inferred { shape: self.shape.clone(), dtype, chunks, counted }))
    }

    /// A node without arguments, for the place of arguments that were taken.
    fn nothing() -> Expr {
        let op = ops::Full { value: Scalar::Bool(false), dtype: DType::Bool, shape: vec![], chunks: ChunkGrid { axes: vec![] } };
        let inferred = Inferred::known(vec![], DType::Bool, op.chunks.clone());
        Node::assemble(op.into(), inferred)
    }

    fn assemble(op: Op, inferred: Inferred) -> Expr {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Inferred { shape, dtype, chunks, counted } = inferred;
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
        let mut left = self.op.take_args();
        while let Some(expr) = left.pop() {
            if let Some(mut node) = Arc::into_inner(expr) {
                left.extend(node.op.take_args());
            }
        }
    }
}
