//! The same elements under another shape, in other chunks, behind one another → Inferred.

mod concatenate;
mod rechunk;
mod reshape;

pub use concatenate::{Concatenate, joined};
pub use rechunk::Rechunk;
pub use reshape::Reshape;
