//! Blocks that are there already.

use super::lower::{Lower, Lowering};
use super::made::Blocked;
use crate::error::Result;
use crate::expr::{Expr, Resident};

impl Lower for Resident {
    fn lower(&self, _node: &Expr, _lowering: &mut Lowering<'_>) -> Result<Blocked> {
        Ok(Blocked { product: self.product, grid: self.grid.clone() })
    }
}
