//! Operations → Expr. The logical graph: what is asked for, element by element, with no word of blocks.
//!
//! A [`Node`] knows its shape, dtype and chunks from the moment it is built: [`Node::new`] infers them and
//! refuses what cannot mean anything. Nodes are immutable and shared, so passes rebuild rather than edit.

mod affine;
mod block_fn;
mod cost;
mod counts;
mod infer;
mod op;
mod operation;
pub mod ops;
mod rebuild;
pub mod record;
mod replace;
mod same;
mod text;
mod visit;

pub(crate) use affine::gcd;
pub use affine::{Affine, Follow, Slide};
pub use block_fn::{BlockFn, BlockInfo, register};
pub use cost::element_cost;
pub use counts::{Count, Runs};
pub use infer::{Cells, auto_chunks, cells};
pub use op::Op;
pub use operation::{Cut, Inferred, Operation, Relabel, Selected, Through};
pub use ops::{
    BlockArg, CallAxis, Callee, DepthBlocks, Function, Reduce, Resident, constant, joined, lanes_apart, mirrored, output_of, outputs, recut,
};
pub use rebuild::{rebuild, relabel};
pub use replace::{replace, settle};
pub use same::{same, same_but_for_arguments};
pub use text::text;
pub use visit::postorder;

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
    /// Lengths of the axes; upper bounds where they are counted.
    pub shape: Vec<u64>,
    /// One an axis, set where its length depends on values and is not known yet, as of `x[mask]`: axes that have the
    /// same are equally long. Empty where all lengths are known.
    pub counted: Vec<Option<Arc<Count>>>,
    /// Element type.
    pub dtype: DType,
    /// The chunks that a user sees. They fix the shape of the trees of reductions over this node.
    pub chunks: ChunkGrid,
    /// The results beside the first, of operations that have several; users hold [`ops::Output`] nodes of all of them.
    pub more: Vec<Inferred>,
    /// Bytes that the operation keeps in memory, beside blocks and what its stores keep: tables that follow from its data.
    pub standing_bytes: u64,
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

    /// `op` in the place of this node: the same shape and dtype, the given chunks.
    ///
    /// # Errors
    /// As [`Node::new`]; `Internal` where `op` has another shape or dtype.
    pub fn replaced_by(&self, op: Op, chunks: ChunkGrid) -> Result<Expr> {
        let Inferred { shape, dtype, counted, more, standing_bytes, .. } = op.infer()?;
        if dtype != self.dtype || shape != self.shape {
            let (name, was, is) = (op.name(), &self.shape, &shape);
            return Err(Error::internal(format!("{name} of {was:?} {} was replaced by {is:?} {dtype}", self.dtype)));
        }
        Ok(Node::assemble(op, Inferred { shape, dtype, chunks, counted, more, standing_bytes }))
    }

    /// This node as if its lengths were `shape`: to ask what would be built of it, never to be computed.
    pub fn assumed(&self, shape: Vec<u64>) -> Expr {
        let chunks = self.chunks.resized(&shape);
        Node::assemble(self.op.clone(), Inferred::known(shape, self.dtype, chunks))
    }

    /// What is known of result `at`.
    pub fn output(&self, at: usize) -> Option<Inferred> {
        let Node { shape, dtype, chunks, counted, .. } = self;
        let first = || Inferred { counted: counted.clone(), ..Inferred::known(shape.clone(), *dtype, chunks.clone()) };
        if at == 0 { Some(first()) } else { self.more.get(at - 1).cloned() }
    }

    /// The lengths for people: `≤20` where 20 is a bound.
    pub fn lengths(&self) -> Vec<String> {
        let counted = |axis: usize| self.counted.get(axis).is_some_and(Option::is_some);
        self.shape.iter().enumerate().map(|(axis, n)| if counted(axis) { format!("≤{n}") } else { n.to_string() }).collect()
    }

    /// Whether a length is not known yet.
    pub fn is_counted(&self) -> bool {
        !self.counted.is_empty()
    }

    /// A node without arguments, for the place of arguments that were taken.
    fn nothing() -> Expr {
        let op = ops::Full { value: Scalar::Bool(false), dtype: DType::Bool, shape: vec![], chunks: ChunkGrid { axes: vec![] } };
        let inferred = Inferred::known(vec![], DType::Bool, op.chunks.clone());
        Node::assemble(op.into(), inferred)
    }

    fn assemble(op: Op, inferred: Inferred) -> Expr {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Inferred { shape, dtype, chunks, counted, more, standing_bytes } = inferred;
        debug_assert_eq!(shape, chunks.shape(), "chunks of {op:?}");
        debug_assert!(counted.is_empty() || counted.len() == shape.len(), "counts of {op:?}");
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Node { id, op, shape, counted, dtype, chunks, more, standing_bytes })
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
