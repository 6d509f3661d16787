//! Values as blocks of a given shape, for a loop that would otherwise decode or hold what it reads many times over.

use crate::blocked::blocking;
use crate::blocked::boxes::{Boxes, Order};
use crate::blocked::feed::{Data, Feed, Input};
use crate::blocked::lower::Lowering;
use crate::blocked::made::Blocked;
use crate::blocked::map::MapStage;
use crate::blocked::work::Access;
use crate::expr::{Affine, Expr};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Product, Stage};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program, Reg};

/// How values are recut: into these blocks, in boxes that hold whole ones.
#[derive(Clone)]
struct Cut {
    blocks: Vec<AxisChunks>,
    boxes: Vec<AxisChunks>,
}

impl Cut {
    /// The same with other blocks and boxes along an axis.
    fn along(&self, axis: usize, blocks: AxisChunks, boxes: AxisChunks) -> Cut {
        let with = |all: &[AxisChunks], along: AxisChunks| {
            let mut all = all.to_vec();
            all[axis] = along;
            all
        };
        Cut { blocks: with(&self.blocks, blocks), boxes: with(&self.boxes, boxes) }
    }

    /// The same, and boxes halved along an axis as long as they can be, blocks where a box is no longer than they are.
    fn halved(self, axis: usize) -> impl Iterator<Item = Cut> {
        let longest = self.boxes[axis].longest().max(1);
        let pieces = std::iter::successors(Some(longest), |piece| (*piece > 1).then_some(piece / 2));
        pieces.map(move |piece| {
            let block = self.blocks[axis].longest().max(1);
            let blocks = self.blocks[axis].split(piece);
            // a box ends where a block does: it is so many whole blocks, or one of those that are halved
            let boxes = match piece {
                _ if piece >= longest => self.boxes[axis].clone(),
                _ if piece > block => self.boxes[axis].split(piece - piece % block),
                _ => blocks.clone(),
            };
            self.along(axis, blocks, boxes)
        })
    }
}

/// A loop over `expr`, register `reg` of `feed`, that reads it from blocks cut by `cuts`. They are made in boxes of `boxes`,
/// which hold whole blocks; where memory is small, boxes and blocks are halved along `axis`.
pub(in crate::blocked) fn recut(
    lowering: &mut Lowering<'_>,
    expr: &Expr,
    loop_of: (Feed, Reg),
    cuts: &[AxisChunks],
    boxes: &[AxisChunks],
    axis: usize,
) -> (Feed, Reg) {
    let cut = Cut { blocks: cuts.to_vec(), boxes: boxes.to_vec() };
    recut_by(lowering, expr, loop_of, std::iter::empty(), cut.halved(axis))
}

/// The loop that reads `expr` recut by the first of `several` that needs no more than a share of memory, which bring in several of what is
/// decoded at once; or else by the first of `parts` that leaves room for what reads it.
fn recut_by(
    lowering: &mut Lowering<'_>,
    expr: &Expr,
    (feed, reg): (Feed, Reg),
    several: impl Iterator<Item = Cut>,
    parts: impl Iterator<Item = Cut>,
) -> (Feed, Reg) {
    const NAME: &str = "recut";
    let cut_by = |cut: Cut| {
        let grid = ChunkGrid { axes: cut.blocks };
        let boxes = Boxes { cuts: cut.boxes, order: Order::Rows };
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let product = Product::new(NAME, grid.blocks());
        MapStage::new(NAME, feed.clone(), fused, grid, None, boxes, product)
    };
    let share = lowering.budget.share_bytes();
    let stage = several.map(&cut_by).find(|stage| stage.demand_bytes() <= share);
    let stage = stage.unwrap_or_else(|| blocking::first_within(parts.map(&cut_by), |stage| stage.demand_bytes(), share / 2));
    let made = Blocked { product: stage.product().id, grid: stage.grid().clone() };
    lowering.push(stage, Drive::Pulled);
    plain_feed(made, expr.dtype)
}

/// [`recut`] for tasks that hold all of `axis`, or long parts of it, in boxes of `boxes`, where those are narrower than what is decoded at once, `from`: no block
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
    let blocks: Vec<AxisChunks> = boxes.iter().zip(from).map(finer).collect();
    let block = longest_elements(&blocks);
    let together = lowering.budget.work().tiny_elements / block.max(1);
    let cut = Cut { blocks, boxes: from.to_vec() };
    let joined = |log2: u32| {
        let along = from[axis].join(1 << log2);
        cut.along(axis, along.clone(), along)
    };
    let several: Vec<Cut> = (1..=together.max(1).ilog2()).rev().map(joined).collect();
    recut_by(lowering, expr, loop_of, several.into_iter(), cut.halved(axis))
}

/// [`recut`] for tasks that read slabs cut by `slabs`, of what is decoded at once in boxes of `from`. Along the axes that slabs have whole,
/// several of those are brought in at a time, as far as memory allows.
pub(in crate::blocked) fn recut_slabs(
    lowering: &mut Lowering<'_>,
    expr: &Expr,
    loop_of: (Feed, Reg),
    slabs: &[AxisChunks],
    from: &[AxisChunks],
) -> (Feed, Reg) {
    let blocks = slabs.iter().zip(from).map(|(slab, from)| from.split(slab.longest())).collect();
    let cut = Cut { blocks, boxes: from.to_vec() };
    let elements = |cut: &Cut| longest_elements(&cut.blocks).max(1);
    let whole = slabs.iter().rposition(|slab| slab.count() > 1).map_or(0, |last| last + 1)..slabs.len();
    let joined = |most: u64| {
        whole.clone().rev().fold(cut.clone(), |cut, axis| {
            let along = cut.boxes[axis].join(most / elements(&cut));
            cut.along(axis, along.clone(), along)
        })
    };
    let least = 2 * elements(&cut);
    let sizes = std::iter::successors(Some(lowering.budget.work().tiny_elements), |most| Some(most / 2)).take_while(|most| *most >= least);
    let several: Vec<Cut> = sizes.map(joined).collect();
    recut_by(lowering, expr, loop_of, several.into_iter(), cut.halved(0))
}

/// What an element costs, in tenths of decoding it: decoding, and writing and reading blocks that stay in memory and such that
/// go to the disk, where LZ4 takes as long as what a codec of files takes.
const DECODING: u64 = 10;
const IN_MEMORY: [u64; 2] = [3, 1];
const ON_DISK: [u64; 2] = [10, 8];

/// How `boxes` cut what they read through `access`, and the cuts in which that is decoded, where decoding each chunk for every box that sees a
/// part of it costs more than blocks of it do.
pub(in crate::blocked) fn decoded_often(access: &Access, boxes: &Boxes, lowering: &Lowering<'_>) -> Option<[Vec<AxisChunks>; 2]> {
    let (Access { feed, axes }, boxes) = (access, &boxes.cuts);
    let cuts: Vec<AxisChunks> = axes.iter().map(|&axis| boxes[axis].clone()).collect();
    let times: u64 = (0..boxes.len()).filter(|axis| !axes.contains(axis)).map(|axis| boxes[axis].count()).product();
    let natural = blocking::natural(feed).cuts;
    let strips: u64 = cuts.iter().zip(&natural).map(|(cuts, from)| cuts.count().div_ceil(from.count().max(1)).max(1)).product();
    let item = feed.inputs.iter().map(|input| input.dtype.size() as u64).max().unwrap_or(1);
    let bytes = feed.shape.iter().fold(item, |bytes, &n| bytes.saturating_mul(n));
    let costs = if bytes <= lowering.budget.memory_bytes / 2 { IN_MEMORY } else { ON_DISK };
    let again = DECODING.saturating_mul(times.saturating_mul(strips));
    let kept = DECODING + costs[0] + costs[1].saturating_mul(times);
    (!axes.is_empty() && blocking::decodes(feed) && again > kept).then_some([cuts, natural])
}

/// A loop that reads `made` as it is.
pub(in crate::blocked) fn plain_feed(made: Blocked, dtype: DType) -> (Feed, Reg) {
    let shape = made.grid.shape();
    let view = Affine::identity(&shape);
    let input = Input { data: Data::Blocks { product: made.product, grid: made.grid }, view, dtype };
    let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
    (Feed { shape, inputs: vec![input], program }, 0)
}
