//! User's calls → Expr. The lazy array: a cheap handle on a node of the logical graph.
//!
//! Building never fails and never computes, whatever depends on values, as the length of `x[mask]`: a call that cannot mean anything gives an array that carries
//! its first error, with the caller's file and line, to `check`, `shape` or `compute`. Every module here
//! validates, builds nodes, or hands them to the runtime; none holds an algorithm.

mod any;
mod args;
mod as_many;
mod axes;
mod bits;
mod blocks;
mod calls;
mod choices;
mod choices_table;
mod composed;
mod contract;
mod counted;
mod creation;
mod cumulative;
mod decode;
mod diagonal;
mod dtypes;
mod einsum;
mod elementwise;
pub mod fft;
mod fill;
mod format;
mod grids;
mod groups;
mod index;
mod indexing;
mod into_view;
mod io;
mod kron;
mod lanes;
mod late;
pub mod linalg;
mod lookup;
mod manipulate;
mod masked;
mod operand;
mod operators;
mod orthogonal;
mod pieces;
mod plans;
mod product_calls;
mod products;
mod python;
pub mod random;
mod random_order;
mod random_table;
mod reduce;
mod registered;
mod required;
mod rest;
mod rolling;
mod run;
mod shape;
mod shapes;
mod signatures;
mod sorting;
mod statistics;
mod table;
mod triangles;
mod ufuncs;
mod update;
mod value;
mod write;

pub use any::{AnyArray, ArrayElement};
pub use axes::{Axes, axis};
pub use bits::BitOrder;
pub use blocks::{Blockwise, Boundary, CoreSizes, Halo, apply_gufunc, block_function, blockwise, from_blocks, overlap_function};
pub use choices::{Missing, choose, piecewise, select};
pub use creation::{arange, empty, eye, from_function, full, identity, linspace, logspace, ones, zeros};
pub use einsum::einsum;
pub use elementwise::{isclose, where_};
pub use format::{corners, format, format_corners, format_scalar};
pub use grids::{Indexing, Range, bartlett, blackman, geomspace, hamming, hanning, indices, kaiser, meshgrid, mgrid, ogrid, tri};
pub use groups::Groups;
pub use index::{Ellipsis, Index, NewAxis};
pub use io::{StoreOptions, from_store, open, open_many};
pub use manipulate::{concatenate, hstack, stack, vstack};
pub use masked::{Masked, MaskedOperand};
pub use operand::Operand;
pub use pieces::{Block, Blocks};
pub use plans::{plan_of, planned};
pub use products::{Contracted, multi_dot};
pub use python::{apply, attribute, binary, has_masked, index, masked_attribute, orthogonal, set_index, unary};
pub use registered::{Registered, register};
pub use rolling::Rolling;
pub use run::ComputeMany;
pub use shape::{Chunks, Shape};
pub use shapes::{Ends, Nested, Pad, Sections, block, column_stack, dstack};
pub use signatures::{function, method, methods, reference, signatures};
pub use sorting::{Q, QuantileMethod, Unique};
pub use statistics::hypotheses as stats;
pub use statistics::{
    Observations, Overlap, Spacing, convolve, correlate, poly, polyadd, polyder, polydiv, polyfit, polyint, polymul, polysub, polyval,
    roots,
};
pub use value::{OfMasked, Param, Signature, Value};
pub use write::{ArrayWriter, create};

use crate::error::Result;
use crate::expr::Expr;
pub use crate::expr::{BlockFn, BlockInfo};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use std::fmt;
use std::panic::Location;

/// A lazy N-d array: cheap to clone, immutable, typed at the edge.
///
/// ```
/// use flagstone::{DType, axis, zeros};
/// let x = zeros([4, 3], DType::F32);
/// let y = (&x - x.mean(axis(1).keepdims())).std(0);
/// assert_eq!(y.shape().unwrap(), [3]);
/// assert_eq!(y.dtype().unwrap(), DType::F32);
/// ```
#[derive(Clone)]
pub struct Array(Result<Expr>);

impl Array {
    /// The array of a node: how passes and stores hand one back.
    ///
    /// ```
    /// let x = flagstone::zeros([2], flagstone::DType::F64);
    /// let same = flagstone::Array::from_expr(x.expr().unwrap());
    /// assert_eq!(same.shape().unwrap(), [2]);
    /// ```
    #[doc(hidden)]
    pub fn from_expr(expr: Expr) -> Array {
        Array(Ok(expr))
    }

    /// The node, or the first error of building it.
    ///
    /// # Errors
    /// The first error of building the array.
    ///
    /// ```
    /// let x = flagstone::zeros([2], flagstone::DType::F64);
    /// assert_eq!(x.expr().unwrap().shape, [2]);
    /// ```
    #[doc(hidden)]
    pub fn expr(&self) -> Result<Expr> {
        counted::refreshed(self.0.as_ref().map_err(Clone::clone)?)
    }

    /// The node with every length known: counts a mask when it must.
    pub(crate) fn known(&self) -> Result<Expr> {
        counted::settled(&self.expr()?, None)
    }

    /// What `f` builds, or its error with the place of the user's call.
    #[track_caller]
    pub(crate) fn build(f: impl FnOnce() -> Result<Expr>) -> Array {
        let place = Location::caller();
        Array(f().map_err(|error| error.at(place)))
    }

    /// Whether the array was built without error.
    ///
    /// # Errors
    /// The first error of building it, naming the file and line of the call.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let bad = zeros([2], DType::F64) + zeros([3], DType::F64);
    /// assert!(bad.check().unwrap_err().to_string().contains("do not broadcast"));
    /// ```
    pub fn check(&self) -> Result<()> {
        self.expr().map(|_| ())
    }

    /// Lengths of the axes. Of `x[mask]` this counts, with the default runtime, once.
    ///
    /// # Errors
    /// The first error of building the array; whatever counting meets.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).shape().unwrap(), [2, 3]);
    /// ```
    pub fn shape(&self) -> Result<Vec<u64>> {
        Ok(self.known()?.shape.clone())
    }

    /// Element type.
    ///
    /// # Errors
    /// The first error of building the array.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!((zeros([2], DType::F32) * 2.0).dtype().unwrap(), DType::F32);
    /// ```
    pub fn dtype(&self) -> Result<DType> {
        Ok(self.expr()?.dtype)
    }

    /// The chunks, as a user sees them.
    ///
    /// # Errors
    /// The first error of building the array.
    ///
    /// ```
    /// let x = flagstone::zeros([10], flagstone::DType::F64).rechunk([4]);
    /// assert_eq!(x.chunks().unwrap().axes[0].lengths().collect::<Vec<_>>(), [4, 4, 2]);
    /// ```
    pub fn chunks(&self) -> Result<ChunkGrid> {
        Ok(self.known()?.chunks.clone())
    }

    /// Number of axes.
    ///
    /// # Errors
    /// The first error of building the array.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).ndim().unwrap(), 2);
    /// ```
    pub fn ndim(&self) -> Result<usize> {
        Ok(self.expr()?.shape.len())
    }

    /// Whether both are made by the same operations on the same stores, as far as that can be told without computing: then they have the same
    /// elements. Others may have them all the same.
    ///
    /// ```
    /// let x = flagstone::arange(0, 5, 1, None);
    /// assert!((&x + 1).is_same(&(&x + 1)) && !(&x + 1).is_same(&(&x + 2)));
    /// ```
    pub fn is_same(&self, other: &Array) -> bool {
        match (self.expr(), other.expr()) {
            (Ok(a), Ok(b)) => crate::expr::same(&a, &b),
            _ => false,
        }
    }

    /// Number of elements.
    ///
    /// # Errors
    /// As [`Array::shape`].
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F64).size().unwrap(), 6);
    /// ```
    pub fn size(&self) -> Result<u64> {
        Ok(self.known()?.elements())
    }

    /// Bytes of all elements.
    ///
    /// # Errors
    /// As [`Array::shape`].
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([2, 3], flagstone::DType::F32).nbytes().unwrap(), 24);
    /// ```
    pub fn nbytes(&self) -> Result<u64> {
        Ok(self.known()?.bytes())
    }
}

impl fmt::Debug for Array {
    /// One line; never computes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expr() {
            Err(error) => write!(f, "Array(error: {error})"),
            Ok(expr) => {
                let chunks: Vec<String> = expr.chunks.axes.iter().map(|axis| axis.longest().to_string()).collect();
                write!(f, "Array({} [{}] {}, chunks [{}])", expr.op.name(), expr.lengths().join(", "), expr.dtype, chunks.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
