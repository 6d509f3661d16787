//! LU, Cholesky and QR: each column block takes the steps of those before it, and is factored.

use super::apply::{group_of, source_of, width};
use super::columns::Columns;
use super::order::{DiagonalStage, OrderStage, PermutationStage};
use super::stage::{ColumnStage, Doing, Factored};
use crate::blocked::lower::{Lower, LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::places::Placed;
use crate::error::{Error, Result};
use crate::expr::ops::Factors;
use crate::expr::{Expr, Op, ops, output_of};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Stage};

impl Lowering<'_> {
    /// The factors that `expr` is, as column blocks: those of a factorisation, or any matrix cut into such.
    pub(in crate::blocked) fn factors_of(&mut self, expr: &Expr) -> Result<Factored> {
        let node = output_of(expr).filter(|(_, at)| *at == 0).map_or(expr, |(of, _)| of);
        if matches!(node.op, Op::Factor(_)) {
            return self.factored(node);
        }
        let width = width(self, expr.dtype);
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let columns = AxisChunks::regular(expr.shape[1], width);
        let grid = ChunkGrid { axes: vec![AxisChunks::whole(expr.shape[0]), columns.clone()] };
        let made = self.map("column blocks", feed, regs[0], Some(grid));
        Ok(Factored { factors: made.product, columns, side: None, every: [0, 1], condition: None })
    }

    /// The factors of `node`, a factorisation, as column blocks; made once.
    fn factored(&mut self, node: &Expr) -> Result<Factored> {
        if let Some(factored) = self.factored.get(&node.id) {
            return Ok(factored.clone());
        }
        let Op::Factor(ops::Factor { into, arg }) = &node.op else {
            return Err(Error::internal(format!("{} is no factorisation", node.op.name())));
        };
        let width = width(self, node.dtype);
        let source = source_of(self, arg, width)?;
        let blocks = source.columns.count();
        let group = group_of(self, &source, source.block_bytes(), source.block_bytes() / 4);
        let columns = Columns { blocks, steps: blocks, group, is_triangular: true, is_backward: false, is_mirrored: false };
        let stage = ColumnStage::new(node.op.name(), source, Doing::Factor(*into), columns, self.budget);
        let factored = stage.factored();
        let rank = self.rank_of(&stage.inputs());
        self.push(stage, Drive::Ranked(rank));
        self.factored.insert(node.id, factored.clone());
        Ok(factored)
    }
}

impl Lowering<'_> {
    /// Pushes `stage`, which reads blocks while they are there.
    fn diagonal(&mut self, stage: Placed<DiagonalStage>, factored: &Factored) -> Blocked {
        let product = stage.products()[0].id;
        self.push(stage, Drive::Following);
        Blocked { product, grid: ChunkGrid { axes: vec![factored.columns.clone()] } }
    }
}

impl Lower for ops::Factor {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let factored = lowering.factored(node)?;
        Ok(factored.made(node))
    }
}

impl Factored {
    fn made(&self, node: &Expr) -> Blocked {
        Blocked { product: self.factors, grid: ChunkGrid { axes: vec![AxisChunks::whole(node.shape[0]), self.columns.clone()] } }
    }
}

impl LowerAll for ops::Factor {
    fn lower_all(&self, node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let factored = lowering.factored(node)?;
        let is_wanted = |at: usize| wanted.get(at).copied().unwrap_or(false);
        let mut made = vec![None; wanted.len()];
        made[0] = Some(factored.made(node));
        match self.into {
            Factors::Lu => {
                made[1] = factored.side.map(|product| Blocked { product, grid: ChunkGrid { axes: vec![factored.columns.clone()] } });
                if is_wanted(2) {
                    let stage = OrderStage::new(&factored, node.shape[0], node.dtype)?;
                    made[2] = Some(Blocked { product: stage.products()[0].id, ..factored.made(node) });
                    let rank = lowering.rank_of(&stage.inputs());
                    lowering.push(stage, Drive::Ranked(rank));
                }
                if is_wanted(3) {
                    let stage = PermutationStage::new(&factored, node.shape[0])?;
                    made[3] = Some(Blocked { product: stage.products()[0].id, grid: ChunkGrid::whole(&[node.shape[0]]) });
                    let rank = lowering.rank_of(&stage.inputs());
                    lowering.push(stage, Drive::Ranked(rank));
                }
                if is_wanted(4) {
                    let stage = DiagonalStage::of_factors(&factored, node.shape[0], node.dtype);
                    made[4] = Some(lowering.diagonal(stage, &factored));
                }
            }
            Factors::Cholesky => {}
            Factors::Qr if is_wanted(1) => {
                made[1] = Some(lowering.diagonal(DiagonalStage::of_t(&factored, node.dtype)?, &factored));
            }
            Factors::Qr => {}
        }
        Ok(made)
    }
}
