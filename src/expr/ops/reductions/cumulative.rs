//! Running totals along an axis.

use crate::error::{Error, Result};
use crate::expr::infer::cells;
use crate::expr::{Cells, Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid};
use flagstone_kernels::scan::Scan;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Inclusive running totals along an axis: NumPy's `cumsum` and its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cumulative {
    /// Operation and dtypes; the argument has `scan.dtype`.
    pub scan: Scan,
    /// The values.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Along which axis.
    pub axis: usize,
    /// How the axis is cut: it fixes the order of arithmetic, and no pass may change it.
    pub cells: Vec<Cells>,
}

impl Cumulative {
    /// Totals of `arg` along `axis`, cut by its chunks.
    pub fn new(scan: Scan, arg: &Expr, axis: usize) -> Cumulative {
        let whole = || vec![Cells { chunks: AxisChunks::whole(arg.shape[axis]), cell: arg.shape[axis].max(1) }];
        let cells = if scan.is_one_cell() { whole() } else { cells(&arg.chunks, &[axis]) };
        Cumulative { scan, arg: arg.clone(), axis, cells }
    }
}

impl Operation for Cumulative {
    fn name(&self) -> &str {
        self.scan.op.name()
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        if self.arg.dtype != self.scan.dtype || self.axis >= self.arg.shape.len() {
            return Err(Error::internal(format!("{} along axis {} of {:?} {}", self.name(), self.axis, self.arg.shape, self.arg.dtype)));
        }
        Ok(Inferred::known(self.arg.shape.clone(), self.scan.out, self.arg.chunks.clone()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Cumulative(other) if (self.scan, self.axis, &self.cells) == (other.scan, other.axis, &other.cells))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
        hasher.write_usize(self.axis);
    }

    fn detail(&self) -> String {
        format!("axis={}", self.axis)
    }

    // an element needs all before it along the axis
    fn through(&self) -> Through<'_> {
        Through::Window(vec![(0..self.arg.shape.len()).map(|axis| Some(axis).filter(|axis| *axis != self.axis)).collect()])
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

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        Some(Cut { axes: std::slice::from_ref(&self.axis), cells: &self.cells })
    }

    // positions count
    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
