//! Blocks that are there already.

use super::lower::{Lower, Lowering, Made};
use crate::error::Result;
use crate::expr::{Expr, Resident};

impl Lower for Resident {
    fn lower(&self, _node: &Expr, _lowering: &mut Lowering<'_>) -> Result<Made> {
        Ok(Made { product: self.product, grid: self.grid.clone() })
    }
}
