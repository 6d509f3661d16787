//! Arrays in a store.

use crate::error::Result;
use crate::expr::infer::{auto_chunks, check_size};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;
use std::sync::Arc;

/// A stored array.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// What reads it.
    #[serde(with = "record::source")]
    pub store: Arc<dyn Store>,
}

impl Operation for Source {
    fn name(&self) -> &str {
        "source"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        let meta = self.store.meta();
        let shape = meta.shape.clone();
        check_size("open", &shape, meta.dtype)?;
        let chunks = self.store.chunk_grid().unwrap_or_else(|| auto_chunks(&shape));
        Ok(Inferred::known(shape, meta.dtype, chunks))
    }

    // by pointer: two handles of one file may have been opened before and after it was written
    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Source(other) if std::ptr::addr_eq(Arc::as_ptr(&self.store), Arc::as_ptr(&other.store)))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(Arc::as_ptr(&self.store).cast::<()>() as usize);
    }

    fn detail(&self) -> String {
        self.store.address().to_string()
    }

    // the loop that reads it reads only the region of its view
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
