//! Singular values and their directions: to a band of the upper triangle, which with its adjoint is a Hermitian band matrix of twice the
//! order; the largest half of its eigenvalues and eigenvectors; the rows of each half of these, turned back by the panels of that half.

use super::apply::{source_of, width};
use super::bidiagonal::BidiagonalStage;
use super::chase::Chased;
use super::halves::{ApartStage, CutStage, Halves};
use super::stage::{Doing, Factored};
use crate::blocked::lower::{LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::shapes::recut::plain_feed;
use crate::error::Result;
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::Drive;
use flagstone_kernels::dtype::DType;

impl LowerAll for ops::Svd {
    fn lower_all(&self, _node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let (m, n, dtype) = (self.arg.shape[0], self.arg.shape[1], self.arg.dtype);
        let halves = Halves::new(m, n, width(lowering, dtype));
        let panels_of_rows = halves.columns().count() - 1;
        let mut sources = vec![source_of(lowering, &self.arg, halves.width)?];
        if panels_of_rows > 0 {
            sources.push(source_of(lowering, &self.adjoint(panels_of_rows * halves.width)?, halves.width)?);
        }
        let cut = CutStage::new(halves.clone(), sources, self.mirrored);
        let reduction = BidiagonalStage::new(halves.clone(), cut.made(), dtype, lowering.budget);
        let ([v, t], band) = (reduction.panels(), reduction.band());
        lowering.push(cut, Drive::Pulled);
        lowering.ranked(reduction);
        let chased = Chased { band, columns: halves.in_turn(), n: 2 * n, dtype };
        let vectors = [wanted[1], wanted[2]];
        let (values, both) = lowering.of_band(&chased, vectors.contains(&true).then_some(n));
        let mut made = vec![wanted[0].then(|| lowering.last_values(values, n, dtype.real())), None, None];
        let Some(both) = both.transpose()? else { return Ok(made) };
        for (half, place) in [(1, 1), (0, 2)] {
            if !wanted[place] {
                continue;
            }
            let columns = both.grid.axes[1].clone();
            let apart = ApartStage::new(halves.clone(), half, both.product, columns.clone(), dtype);
            let rows = AxisChunks::whole(if half == 0 { n } else { m });
            let own = Blocked { product: apart.made(), grid: ChunkGrid { axes: vec![rows, columns] } };
            lowering.push(apart, Drive::Following);
            // the panels of v have rows of u, and the other way round
            let (count, first) = if half == 1 { (n, 0) } else { (panels_of_rows * halves.width, 1) };
            let columns = AxisChunks::regular(count, halves.width);
            let panels = Factored { factors: v, columns, side: Some(t), every: [first, 2], condition: None };
            made[place] = Some(if count == 0 { own } else { lowering.turned(own, Doing::Panels(panels, 0), dtype)? });
        }
        Ok(made)
    }
}

impl Lowering<'_> {
    /// The last `n` of the 2n elements of the one block of a product.
    fn last_values(&mut self, values: u64, n: u64, dtype: DType) -> Blocked {
        let (mut feed, reg) = plain_feed(Blocked { product: values, grid: ChunkGrid::whole(&[2 * n]) }, dtype);
        feed.shape = vec![n];
        feed.inputs[0].view = feed.inputs[0].view.part(&[n], &feed.shape);
        self.map("svd: values", feed, reg, None)
    }
}
