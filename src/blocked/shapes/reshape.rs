//! The same elements under another shape. A *slab* is a box whose elements stand in C order one after the other: whole along the
//! trailing axes, cut along one, single along the leading ones. So a product cut into slabs is a product of one axis, too,
//! and of any other shape whose slabs have the same elements: changing its shape moves nothing.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::map::MapStage;
use crate::blocked::shapes::recut::{plain_feed, recut_slabs};
use crate::error::Result;
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Product, Stage};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;

/// An array of `shape` cut into slabs of at most `most` elements.
fn slabs(shape: &[u64], most: u64) -> Vec<AxisChunks> {
    let mut left = most.max(1);
    let mut cuts = vec![AxisChunks::whole(1); shape.len()];
    for axis in (0..shape.len()).rev() {
        let piece = shape[axis].clamp(1, left);
        cuts[axis] = AxisChunks::regular(shape[axis], piece);
        left = if piece < shape[axis] { 1 } else { left / piece };
    }
    cuts
}

/// The same slabs along one axis.
fn flat(cuts: &[AxisChunks]) -> AxisChunks {
    let total = cuts.iter().map(AxisChunks::len).product();
    let slab: u64 = cuts.iter().map(AxisChunks::longest).product();
    // all that the axis that is cut, and those after it, come to
    let cut = cuts.iter().rposition(|cuts| cuts.count() > 1).unwrap_or(0);
    let whole = cuts[cut..].iter().map(AxisChunks::len).product();
    AxisChunks::regular(total, whole).split(slab)
}

/// A stage that evaluates `feed` into blocks of `cuts`.
fn mapped((feed, reg): &(Feed, Reg), cuts: Vec<AxisChunks>) -> MapStage {
    let grid = ChunkGrid { axes: cuts.clone() };
    let product = Product::new("reshape", grid.blocks());
    let fused = Fused::new(feed.program.clone(), vec![*reg], vec![]);
    MapStage::new("reshape", feed.clone(), fused, grid, None, Boxes::rows(cuts), product)
}

/// The stage that evaluates `feed` into slabs of an array of `shape`, which has the feed's elements and is cut alike: as large
/// as half a share allows.
fn into_slabs(feed: &(Feed, Reg), shape: &[u64], lowering: &Lowering<'_>) -> (MapStage, Vec<AxisChunks>) {
    let of = |most: u64| {
        let cuts = slabs(shape, most);
        let along = if feed.0.shape == shape { cuts.clone() } else { vec![flat(&cuts)] };
        (mapped(feed, along), cuts)
    };
    let sizes = blocking::task_sizes(lowering.budget.work());
    blocking::first_within(sizes.map(of), |(stage, _)| stage.demand_bytes(), lowering.budget.share_bytes() / 2)
}

impl ops::Reshape {
    /// The argument as slabs, cut along one axis.
    fn flattened(&self, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let arg = &self.arg;
        let (feed, regs) = lowering.feed(&[arg], &arg.shape)?;
        let mut feed = (feed, regs[0]);
        let natural = blocking::natural(&feed.0);
        let (mut stage, mut cuts) = into_slabs(&feed, &arg.shape, lowering);
        let cuts_through = |(cuts, natural): (&AxisChunks, &AxisChunks)| cuts.longest() < natural.longest();
        if natural.rigid && cuts.iter().zip(&natural.cuts).any(cuts_through) {
            feed = recut_slabs(lowering, arg, feed, &cuts, &natural.cuts);
            (stage, cuts) = into_slabs(&feed, &arg.shape, lowering);
        }
        let made = Blocked { product: stage.product().id, grid: ChunkGrid { axes: vec![flat(&cuts)] } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}

impl Lower for ops::Reshape {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let feed = if self.arg.shape.len() == 1 {
            let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
            (feed, regs[0])
        } else {
            let made = self.flattened(lowering)?;
            // slabs of the one shape that are slabs of the other
            let most = made.grid.axes[0].longest();
            let cuts = slabs(&self.shape, most);
            if flat(&cuts) == made.grid.axes[0] {
                return Ok(Blocked { product: made.product, grid: ChunkGrid { axes: cuts } });
            }
            plain_feed(made, self.arg.dtype)
        };
        let (stage, cuts) = into_slabs(&feed, &self.shape, lowering);
        let made = Blocked { product: stage.product().id, grid: ChunkGrid { axes: cuts } };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_are_the_same_elements_along_one_axis() {
        for shape in [vec![7], vec![3, 5, 4], vec![1, 1, 6], vec![4, 1, 3], vec![2, 9], vec![1], vec![]] {
            for most in 1..70 {
                let cuts = slabs(&shape, most);
                let (boxes, along) = (ChunkGrid { axes: cuts.clone() }, flat(&cuts));
                assert_eq!(boxes.blocks(), along.count(), "{shape:?} {most}");
                let mut at = 0;
                for n in 0..boxes.blocks() {
                    let (start, lens) = boxes.block(n);
                    let elements: u64 = lens.iter().product();
                    let first = start.iter().zip(&shape).fold(0, |at, (i, n)| at * n + i);
                    assert_eq!((first, along.chunk(n)), (at, (at, elements)), "{shape:?} {most}: slab {n}");
                    assert!(elements <= most, "{shape:?} {most}");
                    at += elements;
                }
            }
        }
    }
}
