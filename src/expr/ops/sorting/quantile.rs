//! Exact quantiles of all elements.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::lanes::Method;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Exact quantiles of all elements, in f64 or the argument's own float dtype; one of the elements, in their dtype, where the
/// method gives such. NaN if there is a NaN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quantile {
    /// The values.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Only elements where this is true count.
    #[serde(with = "record::optional")]
    pub mask: Option<Expr>,
    /// Which, each in [0, 1], along the axis of the result.
    pub q: Vec<f64>,
    /// Whether there is one, and the result has no axis.
    pub is_one: bool,
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
            return Err(Error::bad_type(self.name(), format!("{} has no order; expected a real dtype", arg.dtype)));
        }
        let dtype = if arg.dtype.is_float() || self.method.is_discrete() { arg.dtype } else { DType::F64 };
        let chunks = if self.is_one { ChunkGrid { axes: vec![] } } else { ChunkGrid::whole(&[self.q.len() as u64]) };
        Ok(Inferred::known(chunks.shape(), dtype, chunks))
    }

    fn same(&self, other: &Op) -> bool {
        let bits = |of: &Quantile| of.q.iter().map(|q| q.to_bits()).collect::<Vec<u64>>();
        let what = |of: &Quantile| (bits(of), of.is_one, of.method, of.mask.is_some());
        matches!(other, Op::Quantile(other) if what(self) == what(other))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        self.q.iter().for_each(|q| hasher.write_u64(q.to_bits()));
    }

    fn detail(&self) -> String {
        match &self.q[..] {
            _ if self.method == Method::Median => String::new(),
            [q] if self.is_one => format!("{q}, method='{}'", self.method.name()),
            all => format!("{all:?}, method='{}'", self.method.name()),
        }
    }

    // a few numbers
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
        let masked = Quantile { arg: values.clone(), mask: Some(selects.clone()), ..self.clone() };
        Ok(Some(masked.into()))
    }
}
