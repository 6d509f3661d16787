//! Out-of-core N-d arrays: lazy NumPy-style blocked algorithms, on every core, under a hard memory limit.
//!
//! The modules stand in the order in which data flows: a user's calls become an `Expr`, which is
//! optimised, lowered to stages of block tasks, checked against the memory limit and run.

pub mod budget;
pub mod diagnostics;
pub mod error;
pub mod events;
pub mod expr;
pub mod grid;
pub mod memory;
pub mod store;

pub use error::{Error, Result};
pub use flagstone_kernels::dtype::{Bool, C64, C128, DType, Element, Scalar};
