//! What must hold of values that are not known before they are computed.

use super::blocks::rows;
use super::{Array, counted, where_};
use crate::error::Result;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::rows::{Required, Rows};

impl Array {
    /// The same elements. Computing them is an error of the operation `by` that says `otherwise` where `holds`, bools of their shape or
    /// one that is broadcast to it, is false.
    pub(super) fn required(&self, by: &str, holds: &Array, otherwise: &str) -> Result<Array> {
        let holds = holds.expr()?;
        let kernel = Rows::Required(Required { by: by.to_string(), otherwise: otherwise.to_string() });
        let known = || Ok((counted::lengths(&holds), DType::Bool));
        let held = counted::deferred(by, std::slice::from_ref(&holds), known, move |args| match &args[0] {
            none if none.shape.contains(&0) => Ok(none.clone()),
            some => rows::of_each(kernel.clone(), some, DType::Bool),
        })?;
        Ok(where_(Array::from_expr(held), self, 0))
    }
}
