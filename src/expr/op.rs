//! The list of operations. What each is and does stands in its file in `ops`.

use super::operation::{Inferred, Operation};
use super::{Expr, Node, infer, ops};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;
use std::ops::Deref;
use std::sync::LazyLock;

/// Makes [`Op`] of a list of operations, a line each.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a node does. Methods of [`Operation`] can be called on it.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum Op {
            $($(#[$doc])* $name(ops::$name),)*
        }

        impl Op {
            /// What is asked of any operation.
            pub fn operation(&self) -> &(dyn Operation + 'static) {
                match self {
                    $(Op::$name(operation) => operation,)*
                }
            }

            fn operation_mut(&mut self) -> &mut dyn Operation {
                match self {
                    $(Op::$name(operation) => operation,)*
                }
            }
        }

        $(impl From<ops::$name> for Op {
            fn from(operation: ops::$name) -> Op {
                Op::$name(operation)
            }
        })*
    };
}

operations! {
    /// A stored array.
    Source,
    /// The same value everywhere.
    Full,
    /// Values that follow from the index: random, arange, eye.
    Generate,
    /// Blocks that `persist` keeps in the pool of a runtime.
    Resident,
    /// A user's function of blocks: `from_function` (no arguments) and `map_blocks`.
    Function,
    /// One elementwise operation.
    Elementwise,
    /// Slicing, transposing, flipping, broadcasting: any affine choice of elements.
    View,
    /// A reduction.
    Reduce,
    /// Arrays one after the other along an axis.
    Concatenate,
    /// The same elements in other chunks.
    Rechunk,
    /// The same elements in C order under another shape.
    Reshape,
    /// Running totals along an axis.
    Cumulative,
    /// Lanes along an axis, each made into another: sorted, quantiles of them, Fourier transforms.
    Lanes,
    /// Rows by label, part by part.
    Grouped,
    /// Places in a table: `searchsorted`, `take`.
    Lookup,
    /// Rows of a table at places that are known.
    RowsAt,
    /// Short rows of a table at places that lie in blocks.
    ElementsAt,
    /// How often indices occur, part by part.
    Tally,
    /// Sums of products of two arrays over some axes: `a @ b`, `tensordot`, `einsum`.
    Contraction,
    /// The elements of an array where a mask is true, in C order.
    Mask,
    /// Sorted runs as one array in order.
    Merge,
    /// An exact quantile of all elements.
    Quantile,
    /// What waits for a length to be known.
    Deferred,
    /// Elements repeated as often as a selection will be long.
    Spread,
    /// One of several results of an operation.
    Output,
    /// LU, Cholesky or QR of a matrix.
    Factor,
    /// Factors of one matrix, applied to the columns of another.
    Apply,
    /// QR of a matrix of many rows.
    TallQr,
    /// Rows of a tall matrix, divided by triangles.
    RowsOver,
    /// Matrices that fit into one task, each of a stack by itself.
    Dense,
    /// Eigenvalues and eigenvectors of a Hermitian matrix.
    Eigh,
    /// Singular values and the directions that belong to them.
    Svd,
}

impl Deref for Op {
    type Target = dyn Operation;

    fn deref(&self) -> &(dyn Operation + 'static) {
        self.operation()
    }
}

impl Op {
    /// Shape, dtype and chunks of the result, its size checked.
    ///
    /// # Errors
    /// `BadRequest` where the arguments do not fit together, or the result could not be addressed.
    pub fn infer(&self) -> Result<Inferred> {
        if !self.takes_counted()
            && let Some(arg) = self.args().into_iter().find(|arg| arg.is_counted())
        {
            return Err(Error::internal(format!("{} of a {} whose length is not known yet", self.name(), arg.op.name())));
        }
        let inferred = self.operation().infer()?;
        for result in std::iter::once(&inferred).chain(&inferred.more) {
            infer::check_size(self.name(), &result.shape, result.dtype)?;
        }
        Ok(inferred)
    }

    /// The same operation on other arguments, in the order of [`Operation::args`].
    ///
    /// # Panics
    /// If their number differs.
    pub fn with_args(&self, new: Vec<Expr>) -> Op {
        let mut op = self.clone();
        let args = op.operation_mut().args_mut();
        assert_eq!(args.len(), new.len(), "as many arguments as before");
        args.into_iter().zip(new).for_each(|(arg, new)| *arg = new);
        op
    }

    /// As [`Op::with_args`], after lengths of arguments became known.
    pub(super) fn refitted(&self, new: Vec<Expr>) -> Op {
        let before: Vec<Expr> = self.args().into_iter().cloned().collect();
        let mut op = self.with_args(new);
        op.operation_mut().refit(&before);
        op
    }

    /// The arguments, each replaced by a node that is never dropped.
    pub(super) fn take_args(&mut self) -> Vec<Expr> {
        static NOTHING: LazyLock<Expr> = LazyLock::new(Node::nothing);
        self.operation_mut().args_mut().into_iter().map(|arg| std::mem::replace(arg, NOTHING.clone())).collect()
    }

    /// Feeds the kind of operation and what [`Operation::hash`] feeds.
    pub fn digest(&self, hasher: &mut impl Hasher) {
        use std::hash::Hash;
        std::mem::discriminant(self).hash(hasher);
        self.operation().hash(hasher);
    }
}
