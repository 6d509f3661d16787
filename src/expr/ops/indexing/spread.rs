//! As long as a selection.

use crate::error::{Error, Result};
use crate::expr::{Affine, Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Elements repeated along axes whose length is not known yet, to stand beside a selection: `x[mask] - 1`. When it
/// is, a broadcast stands in its place; it is never lowered itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// What is repeated: of length 1 along the counted axes, or without them.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Whose lengths it is repeated to; its values are not read.
    #[serde(with = "record::arg")]
    pub like: Expr,
}

impl Operation for Spread {
    fn name(&self) -> &str {
        "broadcast"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg, &self.like]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg, &mut self.like]
    }

    fn infer(&self) -> Result<Inferred> {
        let (arg, like) = (&self.arg, &self.like);
        let view = Affine::broadcast(&arg.shape, &like.shape)
            .ok_or_else(|| Error::internal(format!("{:?} beside a selection of at most {:?}", arg.shape, like.shape)))?;
        let chunks = view.chunks(&arg.chunks);
        Ok(Inferred { counted: like.counted.clone(), ..Inferred::known(like.shape.clone(), arg.dtype, chunks) })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Spread(_))
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

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
        false
    }

    fn takes_counted(&self) -> bool {
        true
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
