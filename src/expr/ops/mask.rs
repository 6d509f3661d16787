//! The elements of an array where a mask is true.

use crate::error::{Error, Result};
use crate::expr::infer::auto_chunks;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::{AxisChunks, ChunkGrid};
use flagstone_kernels::dtype::DType;
use std::hash::Hasher;
use std::sync::{Arc, OnceLock};

/// The elements of `arg` where `mask` is true, in C order.
#[derive(Clone, Debug)]
pub struct Mask {
    /// The values.
    pub arg: Expr,
    /// A bool array of the same shape.
    pub mask: Expr,
    /// How many there are, once counted.
    pub count: Arc<Count>,
}

/// How many elements a mask selects: found at most once.
#[derive(Debug, Default)]
pub struct Count(pub OnceLock<u64>, pub OnceLock<Runs>);

/// How many elements a mask selects in each of the boxes that it was counted in.
#[derive(Debug)]
pub struct Runs {
    /// How the mask was cut: boxes stand in C order of the array.
    pub cuts: Vec<AxisChunks>,
    /// One count a box.
    pub counts: Vec<u64>,
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
            return Err(Error::bad_request(
                "index",
                format!("a mask of {} {:?} on an array of shape {:?}; expected bool of the same shape", mask.dtype, mask.shape, arg.shape),
            ));
        }
        let known = self.count.0.get().copied();
        let len = known.unwrap_or(arg.elements());
        let counted = known.is_none().then(|| self.count.clone());
        Ok(Inferred { shape: vec![len], dtype: arg.dtype, chunks: auto_chunks(&[len]), counted })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Mask(_))
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
        true
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    // a mask of a selection waits for the count below it
    fn takes_counted(&self) -> bool {
        true
    }

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
