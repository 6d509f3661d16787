//! Solving and multiplying with factors: each column block of the other matrix takes a step for each factored block.

use super::columns::Columns;
use super::stage::{ColumnStage, Doing, Source};
use crate::blocked::blocking;
use crate::blocked::boxes::{Boxes, Order};
use crate::blocked::feed::{Data, Feed, Input};
use crate::blocked::lower::{Lower, Lowering, Made};
use crate::blocked::map::MapStage;
use crate::error::{Error, Result};
use crate::expr::ops::Applied;
use crate::expr::{Affine, Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Product, Stage, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program, Reg};

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
        return Ok(Source::new(feed, regs[0], expr.dtype, width, &whole));
    }
    let (feed, reg) = cut_narrow(lowering, expr, feed, regs[0], &natural.cuts, width);
    Ok(Source::new(feed, reg, expr.dtype, width, &whole))
}

fn cut_narrow(lowering: &mut Lowering<'_>, expr: &Expr, feed: Feed, reg: Reg, natural: &[AxisChunks], width: u64) -> (Feed, Reg) {
    let columns = AxisChunks::regular(expr.shape[1], width);
    let together = columns.join(natural[1].longest().div_ceil(width));
    let stage = |rows: AxisChunks| {
        let grid = ChunkGrid { axes: vec![rows.clone(), columns.clone()] };
        let boxes = Boxes { cuts: vec![rows, together.clone()], order: Order::Rows };
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let product = Product { id: new_product(), name: "column blocks".into(), blocks: grid.blocks() };
        MapStage::new("column blocks", feed.clone(), fused, grid, None, boxes, product)
    };
    let longest = natural[0].longest().max(1);
    let rows = std::iter::successors(Some(longest), |rows| (*rows > 1).then_some(rows / 2)).map(|piece| natural[0].split(piece));
    let stage = blocking::first_within(rows.map(stage), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2);
    let made = Made { product: stage.product().id, grid: stage.grid().clone() };
    lowering.push(stage, Drive::Pulled);
    plain_feed(made, expr)
}

/// A loop that reads `made`, which holds `expr`, as it is.
fn plain_feed(made: Made, expr: &Expr) -> (Feed, Reg) {
    let data = Data::Blocks { product: made.product, grid: made.grid };
    let input = Input { data, view: Affine::identity(&expr.shape), dtype: expr.dtype };
    let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype: expr.dtype }], steps: vec![] };
    (Feed { shape: expr.shape.clone(), inputs: vec![input], program }, 0)
}

/// How many column blocks are on their way together: as many as memory has room for beside those that each thread reads.
pub fn group_of(lowering: &Lowering<'_>, source: &Source, factors_bytes: u64, scratch_bytes: u64) -> u64 {
    let (memory, threads) = (lowering.budget.memory_bytes, lowering.budget.threads as u64);
    let read = factors_bytes.saturating_mul(2).saturating_add(scratch_bytes.saturating_mul(threads));
    let left = memory.saturating_sub(read) / 8 * 7;
    (left / source.block_bytes().max(1)).clamp(1, source.columns.count().max(1))
}

impl Lower for ops::Apply {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Made> {
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
            Applied::Q => true,
            Applied::Triangle(kind) => !kind.is_forward(),
        };
        let item = node.dtype.size() as u64;
        let factors_bytes = self.factors.shape[0].saturating_mul(factored.columns.longest()).saturating_mul(item);
        let mut columns = Columns {
            blocks: source.columns.count(),
            steps: factored.columns.count(),
            group: 1,
            is_triangular: self.is_upper,
            is_backward,
        };
        columns.group = group_of(lowering, &source, factors_bytes, factors_bytes / 4);
        let name = node.op.name().to_string();
        let stage = ColumnStage::new(&name, source, Doing::Apply(self.applied, factored), columns);
        let (product, grid) = stage.finished();
        let rank = lowering.rank_of(&stage.inputs());
        lowering.push(stage, Drive::Ranked(rank));
        Ok(Made { product, grid })
    }
}
