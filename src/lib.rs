//! Out-of-core N-d arrays: lazy NumPy-style blocked algorithms, on every core, under a hard memory limit.
//!
//! The modules stand in the order in which data flows: a user's calls become an `Expr`, which is
//! optimised, lowered to stages of block tasks, checked against the memory limit and run.
//!
//! What is hidden from this documentation (`expr`, `optimize`, `plan`, `memory`) is for the project's own tests and tools,
//! and may change in any version.

pub mod budget;
pub mod diagnostics;
pub mod error;
pub mod events;
pub mod grid;
#[doc(hidden)]
pub mod sizes;

pub mod array;
mod blocked;
pub mod convert;
pub mod eval;
#[doc(hidden)]
pub mod expr;
#[doc(hidden)]
pub mod memory;
#[doc(hidden)]
pub mod optimize;
#[doc(hidden)]
pub mod plan;
pub mod runtime;
mod scheduler;
pub mod store;

pub use array::{Array, Axes, Q, QuantileMethod, arange, axis, create, from_function, full, ones, open, random, zeros};
pub use error::{Error, Result};
pub use flagstone_kernels::dtype::{Bool, C64, C128, DType, Element, Scalar};
pub use flagstone_kernels::view::{View, ViewMut};
pub use runtime::{CancelToken, Runtime};
