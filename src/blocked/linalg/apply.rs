//! Solving and multiplying with factors: each column block of the other matrix takes a step for each factored block.

use super::columns::Columns;
use super::source::Source;
use super::stage::{ColumnStage, Doing};
use crate::blocked::blocking;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::shapes::recut::recut;
use crate::error::{Error, Result};
use crate::expr::ops::{Applied, Zeros};
use crate::expr::{Expr, ops};
use crate::grid::AxisChunks;
use crate::plan::{Drive, Stage};
use flagstone_kernels::dtype::DType;

/// Columns of a block of `dtype`.
pub fn width(lowering: &Lowering<'_>, dtype: DType) -> u64 {
    (lowering.budget.sizes.numerics.column_row_bytes / dtype.size() as u64).max(1)
}

/// The values of the matrix `expr` as column blocks of `width` columns. Where a source is decoded in chunks wider than that,
/// its chunks are cut into narrow blocks first, so that each is decoded once or twice, not for every column block.
pub fn source_of(lowering: &mut Lowering<'_>, expr: &Expr, width: u64) -> Result<Source> {
    let (feed, regs) = lowering.feed(&[expr], &expr.shape)?;
    let (natural, whole) = (blocking::natural(&feed), AxisChunks::whole(expr.shape[0]));
    if !natural.rigid || natural.cuts[1].longest() <= width {
        return Ok(Source::new(feed, regs[0], expr.dtype, width, &whole, lowering.budget.work()));
    }
    let columns = AxisChunks::regular(expr.shape[1], width);
    let together = columns.join(natural.cuts[1].longest().div_ceil(width));
    let rows = &natural.cuts[0];
    let (feed, reg) = recut(lowering, expr, (feed, regs[0]), &[rows.clone(), columns], &[rows.clone(), together], 0);
    Ok(Source::new(feed, reg, expr.dtype, width, &whole, lowering.budget.work()))
}

/// How many column blocks are on their way together: as many as memory has room for beside those that each thread reads.
pub fn group_of(lowering: &Lowering<'_>, source: &Source, factors_bytes: u64, scratch_bytes: u64) -> u64 {
    let (memory, threads) = (lowering.budget.memory_bytes, lowering.budget.threads as u64);
    let read = factors_bytes.saturating_mul(2).saturating_add(scratch_bytes.saturating_mul(threads));
    let left = memory.saturating_sub(read) / 8 * 7;
    (left / source.block_bytes().max(1)).clamp(1, source.columns.count().max(1))
}

impl Lower for ops::Apply {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let mut factored = lowering.factors_of(&self.factors)?;
        if matches!(self.applied, Applied::Triangle(_)) {
            factored.side = None;
        }
        if !matches!(self.applied, Applied::Triangle(_)) && factored.side.is_none() {
            return Err(Error::internal(format!("{} of what is not the first result of a factorisation", node.op.name())));
        }
        let width = width(lowering, node.dtype);
        let source = source_of(lowering, &self.arg, width)?;
        let is_backward = match self.applied {
            Applied::Lower | Applied::QAdjoint => false,
            Applied::Q | Applied::LowerTransposed => true,
            Applied::Triangle(kind) => !kind.is_forward(),
        };
        let item = node.dtype.size() as u64;
        let factors_bytes = self.factors.shape[0].saturating_mul(factored.columns.longest()).saturating_mul(item);
        let (blocks, steps) = (source.columns.count(), factored.columns.count());
        let is_lower = self.zeros == Zeros::Above && blocks == steps;
        let mut columns =
            Columns { blocks, steps, group: 1, is_triangular: self.zeros == Zeros::Below || is_lower, is_backward, is_mirrored: is_lower };
        columns.group = group_of(lowering, &source, factors_bytes, factors_bytes / 4);
        let name = node.op.name().to_string();
        let stage = ColumnStage::new(&name, source, Doing::Apply(self.applied, factored), columns, lowering.budget);
        let (product, grid) = stage.finished();
        let rank = lowering.rank_of(&stage.inputs());
        lowering.push(stage, Drive::Ranked(rank));
        Ok(Blocked { product, grid })
    }
}
