//! The operations of the logical graph and their fields.

use super::{Affine, Expr};
use crate::grid::{AxisChunks, ChunkGrid, Region};
use crate::store::Store;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::generate::Generator;
use flagstone_kernels::program::StepOp;
use flagstone_kernels::reduce::Reduction;
use flagstone_kernels::view::{View, ViewMut};
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What a node does. Arguments of `Elementwise` have exactly the node's shape (broadcasting is an explicit
/// `View`) and the dtypes that the operation computes in (conversion is an explicit `Cast`).
#[derive(Clone, Debug)]
pub enum Op {
    /// A stored array.
    Source(Arc<dyn Store>),
    /// The same value everywhere.
    Full {
        /// The value.
        value: Scalar,
        /// Its dtype.
        dtype: DType,
        /// Lengths of the axes.
        shape: Vec<u64>,
        /// The chunks that a user sees.
        chunks: ChunkGrid,
    },
    /// Values that follow from the index: random, arange, eye.
    Generate {
        /// The rule and its shape.
        generator: Generator,
        /// The chunks that a user sees.
        chunks: ChunkGrid,
    },
    /// Blocks that `persist` keeps in the pool of a runtime.
    Resident(Arc<Resident>),
    /// A user's function of blocks: `from_function` (no arguments) and `map_blocks`.
    Function(Function),
    /// One elementwise operation.
    Elementwise {
        /// Which.
        op: StepOp,
        /// One to three arguments.
        args: Vec<Expr>,
        /// The dtype of the result.
        dtype: DType,
    },
    /// Slicing, transposing, flipping, broadcasting: any affine choice of elements.
    View {
        /// Whose elements.
        arg: Expr,
        /// Which, and where they go.
        view: Affine,
    },
    /// A reduction.
    Reduce(Reduce),
    /// Arrays one after the other along an axis.
    Concatenate {
        /// At least one; they differ in length along `axis` only.
        args: Vec<Expr>,
        /// The axis.
        axis: usize,
    },
    /// The same elements in other chunks.
    Rechunk {
        /// Whose elements.
        arg: Expr,
        /// The chunks.
        chunks: ChunkGrid,
    },
    /// `a @ b` of two matrices, [m, k] · [k, n].
    Matmul {
        /// The left one.
        a: Expr,
        /// The right one.
        b: Expr,
    },
    /// The elements of `arg` where `mask` is true, in C order.
    Mask {
        /// The values.
        arg: Expr,
        /// A bool array of the same shape.
        mask: Expr,
        /// How many there are, once counted.
        count: Arc<Count>,
    },
    /// The exact median of all elements, f64 (or the argument's own float dtype); NaN if there is a NaN.
    Median {
        /// The values.
        arg: Expr,
        /// Only elements where this is true count.
        mask: Option<Expr>,
    },
}

/// A reduction over some axes.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// Operation and dtypes; the argument has `reduction.dtype`.
    pub reduction: Reduction,
    /// The values.
    pub arg: Expr,
    /// Only elements where this is true count: a bool array of the argument's shape.
    pub mask: Option<Expr>,
    /// The reduced axes, ascending.
    pub axes: Vec<usize>,
    /// Whether reduced axes stay with length 1.
    pub keepdims: bool,
    /// How each reduced axis is cut, in the order of `axes`: it fixes the order of arithmetic, and no
    /// pass may change it.
    pub cells: Vec<Cells>,
}

/// How a reduced axis is cut into chunks, and those into cells of at most `cell` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Chunks along the axis, tiny ones merged.
    pub chunks: AxisChunks,
    /// Elements of a cell along the axis; the last of a chunk may be shorter.
    pub cell: u64,
}

/// How many elements a mask selects: found at most once.
#[derive(Debug, Default)]
pub struct Count(pub OnceLock<u64>, pub OnceLock<Runs>);

/// How many elements a mask selects in each of the boxes that it was counted in.
#[derive(Debug)]
pub struct Runs {
    /// How the mask was cut: boxes stand in C order of the array.
    pub cuts: Vec<AxisChunks>,
    /// One count a box.
    pub counts: Vec<u64>,
}

/// Blocks that stay in a runtime's memory pool until the last array that uses them is dropped.
pub struct Resident {
    /// The product's number in the pool.
    pub product: u64,
    /// How the array is cut into blocks.
    pub grid: ChunkGrid,
    /// Element type.
    pub dtype: DType,
    /// Which runtime's pool holds it.
    pub runtime: u64,
    /// Dropping it removes the blocks.
    pub owner: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resident({} {:?})", self.dtype, self.grid.shape())
    }
}

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

impl Op {
    /// The nodes that it reads.
    pub fn args(&self) -> Vec<&Expr> {
        match self {
            Op::Source(_) | Op::Full { .. } | Op::Generate { .. } | Op::Resident(_) => vec![],
            Op::Function(function) => function.args.iter().collect(),
            Op::Elementwise { args, .. } | Op::Concatenate { args, .. } => args.iter().collect(),
            Op::View { arg, .. } | Op::Rechunk { arg, .. } => vec![arg],
            Op::Reduce(reduce) => std::iter::once(&reduce.arg).chain(&reduce.mask).collect(),
            Op::Matmul { a, b } => vec![a, b],
            Op::Mask { arg, mask, .. } => vec![arg, mask],
            Op::Median { arg, mask } => std::iter::once(arg).chain(mask).collect(),
        }
    }

    /// Leaves an operation without arguments behind.
    pub(super) fn take(&mut self) -> Op {
        std::mem::replace(self, Op::Concatenate { args: Vec::new(), axis: 0 })
    }

    /// The nodes that it read, as [`Op::args`].
    pub(super) fn into_args(self) -> Vec<Expr> {
        match self {
            Op::Source(_) | Op::Full { .. } | Op::Generate { .. } | Op::Resident(_) => vec![],
            Op::Function(function) => function.args,
            Op::Elementwise { args, .. } | Op::Concatenate { args, .. } => args,
            Op::View { arg, .. } | Op::Rechunk { arg, .. } => vec![arg],
            Op::Reduce(reduce) => std::iter::once(reduce.arg).chain(reduce.mask).collect(),
            Op::Matmul { a, b } => vec![a, b],
            Op::Mask { arg, mask, .. } => vec![arg, mask],
            Op::Median { arg, mask } => std::iter::once(arg).chain(mask).collect(),
        }
    }

    /// The same operation on other arguments, in the order of [`Op::args`].
    ///
    /// # Panics
    /// If their number differs.
    pub fn with_args(&self, new: Vec<Expr>) -> Op {
        let mut op = self.clone();
        let mut new = new.into_iter();
        {
            let mut next = || new.next().expect("as many arguments as before");
            match &mut op {
                Op::Source(_) | Op::Full { .. } | Op::Generate { .. } | Op::Resident(_) => {}
                Op::Function(function) => function.args.iter_mut().for_each(|arg| *arg = next()),
                Op::Elementwise { args, .. } | Op::Concatenate { args, .. } => args.iter_mut().for_each(|arg| *arg = next()),
                Op::View { arg, .. } | Op::Rechunk { arg, .. } => *arg = next(),
                Op::Reduce(reduce) => {
                    reduce.arg = next();
                    reduce.mask.iter_mut().for_each(|mask| *mask = next());
                }
                Op::Matmul { a, b } => {
                    *a = next();
                    *b = next();
                }
                Op::Mask { arg, mask, .. } => {
                    *arg = next();
                    *mask = next();
                }
                Op::Median { arg, mask } => {
                    *arg = next();
                    mask.iter_mut().for_each(|mask| *mask = next());
                }
            }
        }
        assert!(new.next().is_none(), "as many arguments as before");
        op
    }

    /// A short name for plans and messages: NumPy's where there is one.
    pub fn name(&self) -> &str {
        match self {
            Op::Source(_) => "source",
            Op::Full { .. } => "full",
            Op::Generate { .. } => "generate",
            Op::Resident(_) => "persisted",
            Op::Function(function) => &function.name,
            Op::Elementwise { op, .. } => match op {
                StepOp::Unary(op) => op.name(),
                StepOp::Binary(op) => op.name(),
                StepOp::Where => "where",
                StepOp::Cast => "astype",
            },
            Op::View { .. } => "view",
            Op::Reduce(reduce) => reduce.reduction.op.name(),
            Op::Concatenate { .. } => "concatenate",
            Op::Rechunk { .. } => "rechunk",
            Op::Matmul { .. } => "matmul",
            Op::Mask { .. } => "mask",
            Op::Median { .. } => "median",
        }
    }
}
