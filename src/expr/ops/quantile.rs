//! An exact quantile of all elements.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::Method;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// The exact quantile of all elements, in f64 or the argument's own float dtype; one of the elements, in their dtype, where the
/// method gives such. NaN if there is a NaN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quantile {
    /// The values.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Only elements where this is true count.
    #[serde(with = "record::optional")]
    pub mask: Option<Expr>,
    /// Which, in [0, 1].
    pub q: f64,
    /// Where between two values it lies.
    pub method: Method,
}

impl Operation for Quantile {
    fn name(&self) -> &str {
        if self.method == Method::Median { "median" } else { "quantile" }
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
            return Err(Error::bad_request(self.name(), format!("{} has no order; expected a real dtype", arg.dtype)));
        }
        let dtype = if arg.dtype.is_float() || self.method.is_discrete() { arg.dtype } else { DType::F64 };
        Ok(Inferred::known(vec![], dtype, ChunkGrid { axes: vec![] }))
    }

    fn same(&self, other: &Op) -> bool {
        let what = |of: &Quantile| (of.q.to_bits(), of.method, of.mask.is_some());
        matches!(other, Op::Quantile(other) if what(self) == what(other))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.q.to_bits());
    }

    fn detail(&self) -> String {
        if self.method == Method::Median { String::new() } else { format!("{}, method='{}'", self.q, self.method.name()) }
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
        let masked = Quantile { arg: values.clone(), mask: Some(selects.clone()), ..*self };
        Ok(Some(masked.into()))
    }
}
