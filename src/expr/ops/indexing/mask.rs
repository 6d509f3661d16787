//! The elements of an array where a mask is true.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Count, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;
use std::sync::Arc;

/// The elements of `arg` where `mask` is true, in C order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mask {
    /// The values.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// A bool array of the same shape.
    #[serde(with = "record::arg")]
    pub mask: Expr,
    /// How many there are, for whoever counts them.
    #[serde(with = "record::count")]
    pub count: Arc<Count>,
    /// How many there are, where the graph was built or rebuilt since they were counted.
    pub len: Option<u64>,
}

impl Mask {
    /// Whether it selects from numbered places, not from values: so a number that is computed stands for a length. The bound on that is the
    /// largest number there may be, which says nothing of the one that comes.
    pub fn is_of_places(&self) -> bool {
        self.arg.op.counts_up()
    }
}

impl Operation for Mask {
    fn name(&self) -> &str {
        "mask"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg, &self.mask]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg, &mut self.mask]
    }

    fn infer(&self) -> Result<Inferred> {
        let (arg, mask) = (&self.arg, &self.mask);
        if mask.shape != arg.shape || mask.dtype != DType::Bool {
            return Err(Error::bad_index(
                "index",
                format!("a mask of {} {:?} on an array of shape {:?}; expected bool of the same shape", mask.dtype, mask.shape, arg.shape),
            ));
        }
        let len = self.len.unwrap_or(arg.elements());
        let counted = if self.len.is_none() { vec![Some(self.count.clone())] } else { vec![] };
        Ok(Inferred { counted, ..Inferred::known(vec![len], arg.dtype, auto_chunks(&[len])) })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Mask(other) if self.len == other.len)
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}
