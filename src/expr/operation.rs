//! What every operation of the graph answers, and what each pass relies on. The operations themselves are in
//! `ops`, one a file; passes ask these methods instead of listing operations.

use super::{Affine, Cells, Count, Expr, Op};
use crate::error::Result;
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::{DType, Scalar};
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// What is known of a result before anything is computed.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// Lengths of the axes, bounds where they are counted.
    pub shape: Vec<u64>,
    /// Element type.
    pub dtype: DType,
    /// The chunks that a user sees.
    pub chunks: ChunkGrid,
    /// As [`super::Node::counted`].
    pub counted: Vec<Option<Arc<Count>>>,
    /// The results beside the first, where there are several: see [`super::ops::Output`].
    pub more: Vec<Inferred>,
    /// As [`super::Node::standing_bytes`].
    pub standing_bytes: u64,
}

impl Inferred {
    /// Of a result whose lengths are known.
    pub fn known(shape: Vec<u64>, dtype: DType, chunks: ChunkGrid) -> Inferred {
        Inferred { shape, dtype, chunks, counted: Vec::new(), more: Vec::new(), standing_bytes: 0 }
    }

    /// The same of an operation that keeps so much in memory.
    pub fn standing(mut self, bytes: u64) -> Inferred {
        self.standing_bytes = bytes;
        self
    }

    /// The same with one result more.
    pub fn and(mut self, next: Inferred) -> Inferred {
        self.more.push(next);
        self
    }
}

/// How a view of an operation's result is met without computing all of it.
#[derive(Debug)]
pub enum Through<'a> {
    /// The operation applied to the same view of each argument.
    Each,
    /// It is a view itself, of its argument: the two compose.
    Compose(&'a Affine),
    /// Its argument has the same elements at the same places.
    Argument,
    /// The value is the same everywhere.
    Constant(Scalar),
    /// Its arguments stand one after the other along this axis: those that are not in the view are dropped.
    Parts(usize),
    /// Only places along kept axes can be left out: for each argument and each of its axes, the axis of the
    /// result that it follows one to one, or `None` where every place is needed for every element. Along an axis of the
    /// result that no argument follows (of running totals) the view is taken of what comes out.
    Window(Vec<Vec<Option<usize>>>),
    /// As `Window`, and places along `axis` of the result, which no argument follows, can be had by themselves.
    Selected {
        /// As of `Window`.
        kept: Vec<Vec<Option<usize>>>,
        /// The axis of the result.
        axis: usize,
        /// The operation that gives those places alone.
        by: &'a dyn Selected,
    },
    /// The whole is computed, and the view taken of that.
    Stop,
}

/// An operation of which a run of places along an axis of the result costs less than all of them.
pub trait Selected: fmt::Debug {
    /// The operation that gives `count` places from `first` on, where there is one.
    fn part(&self, first: u64, count: u64) -> Option<Op>;
}

/// How other chunks come to an operation's result.
#[derive(Debug)]
pub enum Relabel {
    /// The same operation, which follows whatever chunks its node has.
    As(Op),
    /// Its chunks are how it is stored or called: a view of all elements carries the new ones.
    View,
}

/// The cut of a reduction's argument, which fixes the order of arithmetic. No pass may change it.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// The reduced axes of argument 0, ascending.
    pub axes: &'a [usize],
    /// How each of them is cut.
    pub cells: &'a [Cells],
}

/// An operation of the graph. No method has a default: whoever adds an operation decides each.
pub trait Operation: fmt::Debug + Send + Sync {
    /// A short name for plans and messages: NumPy's where there is one.
    fn name(&self) -> &str;

    /// The nodes that it reads, in a fixed order.
    fn args(&self) -> Vec<&Expr>;

    /// The same nodes in the same order, to put others in their place.
    fn args_mut(&mut self) -> Vec<&mut Expr>;

    /// Shape, dtype and chunks of the result, or of all results. [`Op::infer`] checks the sizes that come out, so that
    /// lengths may saturate here, but must not wrap.
    ///
    /// # Errors
    /// `BadRequest` where the arguments do not fit together.
    fn infer(&self) -> Result<Inferred>;

    /// Whether `other` gives the same bits on the same arguments. Both have the same shape, dtype and chunks.
    /// Constants and generators are the same by value, stores, blocks and users' functions by pointer.
    fn same(&self, other: &Op) -> bool;

    /// Feeds what [`Operation::same`] compares, or a part of it; the kind of operation and the arguments are
    /// fed already.
    fn hash(&self, hasher: &mut dyn Hasher);

    /// What `explain` prints after the arguments, as a user would write it; empty where nothing is left to say. An argument
    /// that it names as `{1}`, by its number, stands there and not among the others.
    fn detail(&self) -> String;

    /// How push-down takes a view of it.
    fn through(&self) -> Through<'_>;

    /// What an element costs beside its arguments, in additions: decides whether it is evaluated again or kept.
    fn cost(&self) -> u64;

    /// Whether it is made by a stage of its own, of which others read blocks; otherwise it is a step or a leaf of
    /// the loop that reads it.
    fn ends_loop(&self) -> bool;

    /// Whether reductions that read it save a read by running in one loop.
    fn is_shared_leaf(&self) -> bool;

    /// Whether an argument may have a length that is not known yet. Where not, whoever builds it waits for the count
    /// ([`super::ops::Deferred`]), and no node of it ever has such an argument.
    fn takes_counted(&self) -> bool;

    /// Brings the parameters that follow from the lengths of arguments up to date, after those were counted. Called
    /// on operations that take counted arguments; `before` has the arguments that it had.
    fn refit(&mut self, before: &[Expr]);

    /// Whether the chunks of its arguments are part of what it does, as of what is built later from them; passes then keep
    /// them.
    fn needs_chunks(&self) -> bool;

    /// The operation where its result is to have `chunks`.
    fn relabel(&self, chunks: &ChunkGrid) -> Relabel;

    /// The cut of argument 0, of reductions.
    fn cut(&self) -> Option<Cut<'_>>;

    /// What stands for it over all elements of `values` where `selects` is true, its argument 0 being
    /// `values[selects]` (any number of axes, one at least), and an argument 1 being worked into `selects` already.
    /// `None` where that is not the same, because positions or chunks count.
    ///
    /// # Errors
    /// What inference refuses.
    fn under_mask(&self, values: &Expr, selects: &Expr) -> Result<Option<Op>>;
}

/// The answers of an operation whose result is made by a stage of its own, from arguments of known lengths. Others read its blocks, so it
/// costs their loops nothing. It fixes no cells. A mask cannot be moved below it, since its result depends on where elements stand.
macro_rules! made_by_a_stage {
    () => {
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

        fn refit(&mut self, _: &[$crate::expr::Expr]) {}

        fn needs_chunks(&self) -> bool {
            false
        }

        fn cut(&self) -> Option<$crate::expr::Cut<'_>> {
            None
        }

        fn under_mask(&self, _: &$crate::expr::Expr, _: &$crate::expr::Expr) -> $crate::error::Result<Option<$crate::expr::Op>> {
            Ok(None)
        }
    };
}
pub(super) use made_by_a_stage;
