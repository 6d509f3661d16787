//! Values as blocks of a given shape, for a loop that would otherwise decode or hold what it reads many times over.

use crate::blocked::blocking;
use crate::blocked::boxes::{Boxes, Order};
use crate::blocked::feed::{Data, Feed, Input};
use crate::blocked::lower::Lowering;
use crate::blocked::made::Blocked;
use crate::blocked::map::MapStage;
use crate::expr::{Affine, Expr};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Product, Stage, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program, Reg};

/// A loop over `expr`, register `reg` of `feed`, that reads it from blocks cut by `cuts`. They are made in boxes of `boxes`,
/// which hold whole blocks; where memory is small, boxes and blocks are halved along `axis`.
pub(in crate::blocked) fn recut(
    lowering: &mut Lowering<'_>,
    expr: &Expr,
    (feed, reg): (Feed, Reg),
    cuts: &[AxisChunks],
    boxes: &[AxisChunks],
    axis: usize,
) -> (Feed, Reg) {
    const NAME: &str = "recut";
    let longest = boxes[axis].longest().max(1);
    let stage = |piece: u64| {
        let with = |all: &[AxisChunks], along: AxisChunks| {
            let mut all = all.to_vec();
            all[axis] = along;
            all
        };
        let block = cuts[axis].longest().max(1);
        let blocks = cuts[axis].split(piece);
        // a box ends where a block does: it is so many whole blocks, or one of those that are halved
        let along = match piece {
            _ if piece >= longest => boxes[axis].clone(),
            _ if piece > block => boxes[axis].split(piece - piece % block),
            _ => blocks.clone(),
        };
        let grid = ChunkGrid { axes: with(cuts, blocks) };
        let boxes = Boxes { cuts: with(boxes, along), order: Order::Rows };
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let product = Product { id: new_product(), name: NAME.into(), blocks: grid.blocks() };
        MapStage::new(NAME, feed.clone(), fused, grid, None, boxes, product)
    };
    let pieces = std::iter::successors(Some(longest), |piece| (*piece > 1).then_some(piece / 2));
    let stage = blocking::first_within(pieces.map(stage), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2);
    let made = Blocked { product: stage.product().id, grid: stage.grid().clone() };
    lowering.push(stage, Drive::Pulled);
    plain_feed(made, expr.dtype)
}

/// [`recut`] for tasks that hold all of `axis` in boxes of `boxes`, where those are narrower than what is decoded at once, `from`: no block
/// lies in two of the latter, wherever those boxes end. What is short along `axis` (maps of single days) is brought in several at a time, as far
/// as memory allows: blocks of few elements cost more than they hold.
pub(in crate::blocked) fn recut_lanes(
    lowering: &mut Lowering<'_>,
    expr: &Expr,
    loop_of: (Feed, Reg),
    boxes: &[AxisChunks],
    from: &[AxisChunks],
    axis: usize,
) -> (Feed, Reg) {
    let finer =
        |(boxes, from): (&AxisChunks, &AxisChunks)| if boxes.count() > from.count() { from.split(boxes.longest()) } else { from.clone() };
    let mut cuts: Vec<AxisChunks> = boxes.iter().zip(from).map(finer).collect();
    let mut from = from.to_vec();
    // along the axis a box of whole lanes has one cut
    cuts[axis] = from[axis].clone();
    let block = cuts.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul);
    // a power of two: halves end where what is decoded at once does
    let together = lowering.budget.work().tiny_elements / block.max(1);
    from[axis] = from[axis].join(1 << together.max(1).ilog2());
    cuts[axis] = from[axis].clone();
    recut(lowering, expr, loop_of, &cuts, &from, axis)
}

/// A loop that reads `made` as it is.
pub(in crate::blocked) fn plain_feed(made: Blocked, dtype: DType) -> (Feed, Reg) {
    let shape = made.grid.shape();
    let view = Affine::identity(&shape);
    let input = Input { data: Data::Blocks { product: made.product, grid: made.grid }, view, dtype };
    let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
    (Feed { shape, inputs: vec![input], program }, 0)
}
