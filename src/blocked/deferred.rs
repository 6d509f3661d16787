//! What waits for a length has none to be cut by: the runtime counts it before anything is lowered.

use super::lower::{Lower, Lowering};
use super::made::Blocked;
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};

fn too_soon(node: &Expr) -> Error {
    Error::internal(format!("{} reached lowering before its length was counted", node.op.name()))
}

impl Lower for ops::Deferred {
    fn lower(&self, node: &Expr, _lowering: &mut Lowering<'_>) -> Result<Blocked> {
        Err(too_soon(node))
    }
}

impl Lower for ops::Spread {
    fn lower(&self, node: &Expr, _lowering: &mut Lowering<'_>) -> Result<Blocked> {
        Err(too_soon(node))
    }
}
