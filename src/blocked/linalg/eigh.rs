//! Eigenvalues and eigenvectors: to a band, to a tridiagonal matrix, its eigenvalues; then, where they are wanted, its eigenvectors, turned
//! back by the sweeps of the chase and by the panels of the band.

use super::apply::{group_of, source_of, width};
use super::band::{BandStage, panel_columns};
use super::chase::{ChaseStage, Chased, TrianglesStage};
use super::columns::Columns;
use super::source::Source;
use super::stage::{ColumnStage, Doing, Factored};
use super::tridiagonal::{ValuesStage, VectorsStage};
use crate::blocked::lower::{LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::shapes::recut::plain_feed;
use crate::error::{Error, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Stage};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::Tree;

impl LowerAll for ops::Eigh {
    fn lower_all(&self, node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let (n, dtype) = (self.arg.shape[0], self.arg.dtype);
        let w = width(lowering, dtype);
        let numerics = lowering.budget.sizes.numerics;
        if n <= numerics.eigh_side_max.max(w) {
            let mut made = self.dense().lower_all(node, wanted, lowering)?;
            if let Some(all) = made[1].take() {
                made[1] = Some(if self.last == n { all } else { lowering.last_columns(all, self.last, dtype) });
            }
            return Ok(made);
        }
        let vectors = wanted[1];
        let source = source_of(lowering, &self.lower_matrix()?, w)?;
        let columns = source.columns.clone();
        let band = BandStage::new(source, !self.lower, lowering.budget);
        let panels = band.panels();
        let chased = Chased { band: band.band(), columns: columns.clone(), n, dtype };
        lowering.ranked(band);
        let (values, made) = lowering.of_band(&chased, vectors.then_some(self.last));
        let found = wanted[0].then(|| Blocked { product: values, grid: ChunkGrid::whole(&[n]) });
        let Some(made) = made.transpose()? else { return Ok(vec![found, None]) };
        let panels =
            Factored { factors: panels[0], columns: panel_columns(&columns), side: Some(panels[1]), every: [0, 1], condition: None };
        let made = lowering.turned(made, Doing::Panels(panels, w), dtype)?;
        Ok(vec![found, Some(made)])
    }
}

impl Lowering<'_> {
    /// The product of the eigenvalues of a band matrix, and its eigenvectors of so many of the largest ones.
    pub(super) fn of_band(&mut self, chased: &Chased, last: Option<u64>) -> (u64, Option<Result<Blocked>>) {
        let (n, dtype, numerics) = (chased.n, chased.dtype, self.budget.sizes.numerics);
        let w = width(self, dtype);
        let chase = ChaseStage::new(chased.clone(), last.is_some());
        let (tridiagonal, reflectors) = (chase.tridiagonal(), chase.reflectors());
        self.ranked(chase);
        let tree = Tree { n: n as usize, leaf: numerics.tridiagonal_leaf.max(1) as usize };
        let values = ValuesStage::new(tridiagonal, tree, dtype.real(), last.is_some(), self.budget);
        let (value_product, kept) = (values.values(), values.kept());
        let Some(((reflectors, kept), last)) = reflectors.zip(kept).zip(last) else {
            self.ranked(values);
            return (value_product, None);
        };
        let triangles = TrianglesStage::new(chased.clone(), reflectors);
        let side = Some(triangles.products()[0].id);
        let sweeps = Factored { factors: reflectors, columns: chased.groups(), side, every: [0, 1], condition: None };
        self.push(triangles, Drive::Following);
        self.ranked(values);
        let stage = VectorsStage::new(kept, tree, dtype, AxisChunks::regular(last, w));
        let grid = ChunkGrid { axes: vec![AxisChunks::whole(n), AxisChunks::regular(last, w)] };
        let made = Blocked { product: stage.products()[0].id, grid };
        self.push(stage, Drive::Pulled);
        (value_product, Some(self.turned(made, Doing::Sweeps(sweeps, chased.b()), dtype)))
    }

    /// Pushes `stage`, whose tasks run in their own order after what it reads.
    pub(super) fn ranked(&mut self, stage: impl Stage + 'static) {
        let rank = self.rank_of(&stage.inputs());
        self.push(stage, Drive::Ranked(rank));
    }

    /// The last `columns` of those of `made`.
    fn last_columns(&mut self, made: Blocked, columns: u64, dtype: DType) -> Blocked {
        let (mut feed, reg) = plain_feed(made, dtype);
        let (rows, all) = (feed.shape[0], feed.shape[1]);
        feed.shape = vec![rows, columns];
        feed.inputs[0].view = feed.inputs[0].view.part(&[0, all - columns], &feed.shape);
        self.map("eigh: last vectors", feed, reg, None)
    }

    /// The columns of `made` under all steps of `doing`, the last first.
    pub(super) fn turned(&mut self, made: Blocked, doing: Doing, dtype: DType) -> Result<Blocked> {
        let n = made.grid.axes[0].len();
        let w = made.grid.axes[1].longest();
        let steps = doing.factored().ok_or_else(|| Error::internal("factors that are not there"))?.columns.count();
        let (feed, reg) = plain_feed(made, dtype);
        let source = Source::new(feed, reg, dtype, w, &AxisChunks::whole(n), self.budget.work());
        let mut columns =
            Columns { blocks: source.columns.count(), steps, group: 1, is_triangular: false, is_backward: true, is_mirrored: false };
        let factor_bytes = source.block_bytes();
        columns.group = group_of(self, &source, factor_bytes, factor_bytes / 4);
        let stage = ColumnStage::new("eigh: vectors", source, doing, columns, self.budget);
        let (product, grid) = stage.finished();
        self.ranked(stage);
        Ok(Blocked { product, grid })
    }
}
