//! The exact median.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use std::hash::Hasher;

/// The exact median of all elements, f64 (or the argument's own float dtype); NaN if there is a NaN.
#[derive(Clone, Debug)]
pub struct Median {
    /// The values.
    pub arg: Expr,
    /// Only elements where this is true count.
    pub mask: Option<Expr>,
}

impl Operation for Median {
    fn name(&self) -> &str {
        "median"
    }

    fn args(&self) -> Vec<&Expr> {
        std::iter::once(&self.arg).chain(&self.mask).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        std::iter::once(&mut self.arg).chain(&mut self.mask).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let arg = &self.arg;
        if arg.dtype.is_complex() {
            return Err(Error::bad_request("median", format!("{} has no order; expected a real dtype", arg.dtype)));
        }
        let dtype = if arg.dtype.is_float() { arg.dtype } else { DType::F64 };
        Ok(Inferred::known(vec![], dtype, ChunkGrid { axes: vec![] }))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Median(other) if self.mask.is_some() == other.mask.is_some())
    }

    fn hash(&self, _: &mut dyn Hasher) {}

    fn detail(&self) -> String {
        String::new()
    }

    // one number
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

    fn under_mask(&self, values: &Expr, selects: &Expr) -> Result<Option<Op>> {
        let median = Median { arg: values.clone(), mask: Some(selects.clone()) };
        Ok(Some(median.into()))
    }
}
