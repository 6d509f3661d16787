//! Users' functions of blocks.

use crate::error::{Error, Result};
use crate::expr::{BlockFn, Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::halo::Boundary;
use flagstone_kernels::rows::Rows;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// What is called.
#[derive(Clone, Serialize, Deserialize)]
pub enum Callee {
    /// A user's function.
    User(#[serde(with = "record::function")] Arc<dyn BlockFn>),
    /// A kernel of rows, which are the last axes of the arguments.
    Rows(Rows),
}

impl From<Arc<dyn BlockFn>> for Callee {
    fn from(f: Arc<dyn BlockFn>) -> Callee {
        Callee::User(f)
    }
}

impl Callee {
    fn same(&self, other: &Callee) -> bool {
        match (self, other) {
            (Callee::User(f), Callee::User(other)) => std::ptr::addr_eq(Arc::as_ptr(f), Arc::as_ptr(other)),
            (Callee::Rows(rows), Callee::Rows(other)) => rows == other,
            _ => false,
        }
    }
}

/// What a function is given of an array.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlockArg {
    /// The array.
    #[serde(with = "record::arg")]
    pub expr: Expr,
    /// The axis of the calls that each of its axes follows, one to one.
    pub axes: Vec<usize>,
    /// How far beyond the places of a call the function sees along each of them: before, behind, and what beyond the ends. Empty
    /// where it sees no more than the places of a call.
    pub sees: Vec<(u64, u64, Boundary)>,
}

impl BlockArg {
    /// An argument whose axes are the first of the calls.
    pub fn whole(expr: Expr) -> BlockArg {
        BlockArg { axes: (0..expr.shape.len()).collect(), expr, sees: Vec::new() }
    }
}

/// An axis along which calls of a function stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CallAxis {
    /// A call for each of these: the function is given them whole.
    Cut(AxisChunks),
    /// The function takes each place by itself: calls are cut as memory asks. The axis is that of the first argument that
    /// follows it.
    Free,
}

/// An operation by a user's function, or a kernel that is called as one: calls along some axes, of which the first are those of the result.
#[derive(Clone, Serialize, Deserialize)]
pub struct Function {
    /// Its name in messages and plans.
    pub name: String,
    /// The function.
    pub f: Callee,
    /// Arguments.
    pub args: Vec<BlockArg>,
    /// The axes of the calls. Those behind the result's have one cut: a call has all places along them.
    pub axes: Vec<CallAxis>,
    /// Declared dtype of the result.
    pub dtype: DType,
    /// Declared chunks of the result, a chunk a call; along free axes those of the argument.
    pub chunks: ChunkGrid,
}

impl Function {
    /// A function called for each block of `chunks`, with the blocks of the arguments at the same place.
    pub fn of_blocks(name: &str, f: Arc<dyn BlockFn>, args: Vec<Expr>, dtype: DType, chunks: ChunkGrid) -> Function {
        let axes = chunks.axes.iter().cloned().map(CallAxis::Cut).collect();
        Function { name: name.to_string(), f: f.into(), args: args.into_iter().map(BlockArg::whole).collect(), axes, dtype, chunks }
    }

    /// The cuts of the calls that the user sees: along free axes the chunks of the argument.
    pub fn cuts(&self) -> Result<Vec<AxisChunks>> {
        let followed = |axis: usize| {
            let of = |arg: &BlockArg| arg.axes.iter().position(|at| *at == axis).map(|at| arg.expr.chunks.axes[at].clone());
            self.args.iter().find_map(of).ok_or_else(|| Error::internal("a free axis that no argument follows"))
        };
        let one = |(at, axis): (usize, &CallAxis)| match axis {
            CallAxis::Cut(cuts) => Ok(cuts.clone()),
            CallAxis::Free => followed(at),
        };
        self.axes.iter().enumerate().map(one).collect()
    }
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
        self.args.iter().map(|arg| &arg.expr).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().map(|arg| &mut arg.expr).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let (cuts, ndim) = (self.cuts()?, self.chunks.axes.len());
        let lengths: Vec<u64> = cuts.iter().map(AxisChunks::len).collect();
        let follows = |arg: &BlockArg| arg.axes.iter().map(|&axis| lengths[axis]).eq(arg.expr.shape.iter().copied());
        let chunk = |at: usize| match &self.axes[at] {
            CallAxis::Cut(_) => &self.chunks.axes[at],
            CallAxis::Free => &cuts[at],
        };
        let chunks = ChunkGrid { axes: (0..ndim).map(|at| chunk(at).clone()).collect() };
        let a_chunk_a_call = (0..ndim).all(|at| chunks.axes[at].count() == cuts[at].count());
        if !self.args.iter().all(follows) || !a_chunk_a_call || cuts[ndim..].iter().any(|cuts| cuts.count() > 1) {
            return Err(Error::internal(format!("calls of {} along {lengths:?} for {:?}", self.name, chunks.shape())));
        }
        Ok(Inferred::known(chunks.shape(), self.dtype, chunks))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Function(other) if self.f.same(&other.f) && self.name == other.name && self.axes == other.axes)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name.as_bytes());
    }

    fn detail(&self) -> String {
        String::new()
    }

    // calls are made as declared, but for places that are on their own
    fn through(&self) -> Through<'_> {
        let ndim = self.chunks.axes.len();
        if !self.axes[..ndim].contains(&CallAxis::Free) {
            return Through::Stop;
        }
        // where a call sees beyond its places, a slice would end too early
        let sees = |arg: &BlockArg, at: usize| arg.sees.get(at).is_some_and(|(before, after, _)| before + after > 0);
        let seen = |axis: usize| self.args.iter().any(|arg| (0..arg.axes.len()).any(|at| arg.axes[at] == axis && sees(arg, at)));
        let free = |axis: &usize| Some(*axis).filter(|&axis| axis < ndim && self.axes[axis] == CallAxis::Free && !seen(axis));
        Through::Window(self.args.iter().map(|arg| arg.axes.iter().map(free).collect()).collect())
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

    // how it is called stands in `axes`
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
