//! Sums of products, C-stationary: a tile of C stays in one buffer while panels of A and B stream past it, the depth
//! ascending. A tile's buffer passes from task to task, so it is accumulated in place.
//!
//! Of X·Xᵀ only the tiles on and above the diagonal are computed: products of real numbers commute to the last bit, so the
//! tile below is the one above, transposed. (Those of complex numbers do not, and both halves are computed.)

use super::stretches::{Pieces, Stretches};
use crate::blocked::blocking::{self, lcm};
use crate::blocked::boxes::{Boxes, Order};
use crate::blocked::feed::{Data, Feed, Input, carve, carved_bytes};
use crate::blocked::flops;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::share::store_id;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::budget::Budget;
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Affine, DepthBlocks, Expr, Follow, Operation, constant, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec};
use crate::sizes::WorkSizes;
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::gemm::{PANEL, gemm_helper_bytes, gemm_in_blocks, gemm_scratch_bytes};
use flagstone_kernels::program::{Leaf, Reg};
use flagstone_kernels::view::{View, ViewMut};

/// `C = A·B`: a loop over batch, rows, columns and depth. A tile of C is passed on from panel to panel.
pub struct ContractionStage {
    work: Work,
    dtype: DType,
    programs: [Fused; 2],
    /// Whether A and B are multiplied as they are brought in.
    plain: [bool; 2],
    /// The panels of A and B, and what a block has of two stretches. What follows serves loading, evaluating and multiplying in turn.
    layout: Layout<3>,
    axes: Axes,
    /// Of a depth that is decoded chunk by chunk.
    stretches: Option<Stretches>,
    blocks: DepthBlocks,
}

/// How many loop axes are what: batch, rows, columns, depth, in this order.
#[derive(Clone, Copy)]
struct Axes {
    batch: usize,
    rows: usize,
    columns: usize,
    depth: usize,
}

impl Axes {
    fn of(of: &ops::Contraction) -> Axes {
        Axes { batch: of.batch, rows: of.rows(), columns: of.columns(), depth: of.depth }
    }

    /// Numbers of batch places, rows, columns and places of the depth in a box.
    fn sides(&self, shape: &[u64]) -> [usize; 4] {
        let mut left = shape;
        [self.batch, self.rows, self.columns, self.depth].map(|n| {
            let (own, rest) = left.split_at(n);
            left = rest;
            own.iter().fold(1u64, |n, &len| n.saturating_mul(len)) as usize
        })
    }

    /// Whether A and B are single matrices.
    fn are_of_matrices(&self) -> bool {
        (self.batch, self.rows, self.columns, self.depth) == (0, 1, 1, 1)
    }

    /// The loop axes of A and of B.
    fn operands(&self) -> [Vec<usize>; 2] {
        let (columns, depth) = (self.batch + self.rows, self.batch + self.rows + self.columns);
        let depth = depth..depth + self.depth;
        [(0..columns).chain(depth.clone()).collect(), (0..self.batch).chain(depth.clone()).chain(columns..depth.start).collect()]
    }
}

/// Cuts that hold whole chunks, or lie inside of one: who reads cells of chunks finds each in one block. Of at most `most`
/// elements together, the innermost axes the longest.
fn tile_cuts(chunks: &[AxisChunks], most: u64) -> Vec<AxisChunks> {
    let mut left = most;
    let mut cuts: Vec<AxisChunks> = Vec::with_capacity(chunks.len());
    for chunks in chunks.iter().rev() {
        let (longest, side) = (chunks.longest().max(1), left.max(1));
        let axis = if longest <= side { chunks.join(side / longest) } else { chunks.split(longest.div_ceil(longest.div_ceil(side))) };
        left /= axis.longest().max(1);
        cuts.push(axis);
    }
    cuts.reverse();
    cuts
}

/// Rows and columns cut into tiles of at most `area` elements, such that the threads are done at about
/// the same time: of few tiles, an odd one is a thread that waits.
fn balanced(rows: &AxisChunks, columns: &AxisChunks, area: u64, sizes: &WorkSizes, threads: u64, mirrored: bool) -> [AxisChunks; 2] {
    let side_max = sizes.tile_side_max;
    let cut = |chunks: &AxisChunks, count: u64| {
        let (longest, wanted) = (chunks.longest().max(1), chunks.len().div_ceil(count).max(1));
        if longest <= wanted { chunks.join(wanted.div_ceil(longest)) } else { chunks.split(longest.div_ceil(longest.div_ceil(wanted))) }
    };
    let least = |len: u64| len.div_ceil(side_max).max(1);
    let counts = |len: u64| least(len)..(least(len) + 12).min(len.max(1) + 1);
    let mut best: Option<(u64, [AxisChunks; 2])> = None;
    for p in counts(rows.len()) {
        for q in counts(columns.len()) {
            if mirrored && p != q {
                continue;
            }
            let cuts = [cut(rows, p), cut(columns, q)];
            let [m, n] = cuts.each_ref().map(AxisChunks::longest);
            let fits = m <= side_max && n <= side_max && m.saturating_mul(n) <= area;
            let tiles = if mirrored { cuts[0].count() * (cuts[0].count() + 1) / 2 } else { cuts[0].count() * cuts[1].count() };
            // threads are disturbed: an eighth of a tile more
            let cost = (8 * tiles.div_ceil(threads) + 1).saturating_mul(m.saturating_mul(n) + sizes.tile_side_cost * (m + n));
            if fits && best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, cuts));
            }
        }
    }
    // sides that are cut more often than was looked at
    best.map_or_else(
        || {
            let side = area.isqrt().min(side_max);
            [rows, columns].map(|chunks| tile_cuts(std::slice::from_ref(chunks), side).remove(0))
        },
        |(_, cuts)| cuts,
    )
}

/// Cuts of the depth into runs of whole blocks of about `most` elements, in the order of the blocks: one axis in runs, those
/// after it whole, those before it place by place.
fn depth_cuts(shape: &[u64], blocks: &DepthBlocks, most: u64) -> Vec<AxisChunks> {
    let inner = |axis: usize| shape[axis + 1..].iter().fold(1u64, |n, &len| n.saturating_mul(len)).max(1);
    let mut axis = blocks.axis;
    let mut run = (most / blocks.block).max(1).saturating_mul(blocks.block / inner(axis));
    while axis > 0 && run >= shape[axis] {
        axis -= 1;
        run = (most / inner(axis)).max(1);
    }
    let cut = |at: usize| match at.cmp(&axis) {
        std::cmp::Ordering::Less => AxisChunks::regular(shape[at], 1),
        std::cmp::Ordering::Equal => AxisChunks::regular(shape[at], run.min(shape[at])),
        std::cmp::Ordering::Greater => AxisChunks::whole(shape[at]),
    };
    (0..shape.len()).map(cut).collect()
}

/// How panels follow the chunks in which an operand is decoded.
struct Along {
    /// Which operand.
    decoded: usize,
    /// Its rows, or columns.
    own: AxisChunks,
    /// Places of the depth in a task.
    depth: u64,
    /// How they are brought in, if not all at once.
    stretches: Option<Stretches>,
}

/// Where operand 0 or 1, a matrix, is decoded in chunks and the other one has few rows or columns of its own: its own side cut
/// at its chunks, and the depth `stretched` from chunk to chunk, where what it reads beside is small; or so deep a panel as a part of memory
/// allows, one that mostly ends where a chunk does. Few chunks are then decoded twice.
fn along_chunks(operands: &Operands<'_>, share_bytes: u64, budget: &Budget, stretched: bool) -> Option<Along> {
    let (axes, threads, sizes) = (Axes::of(operands.of), budget.threads.max(1) as u64, budget.work());
    if !axes.are_of_matrices() || operands.mirrored {
        return None;
    }
    let item = operands.dtype.size() as u64;
    (0..2).find_map(|at| {
        let (feed, other) = (&operands.feeds[at].0, operands.feeds[1 - at].0.shape[1 - at]);
        if !blocking::decodes(feed) || other > sizes.thin_side_max {
            return None;
        }
        let cuts = blocking::natural(feed).cuts;
        let (own, chunks, depth) = (&cuts[at], &cuts[1 - at], feed.shape[1 - at]);
        // beside the panel stand what it is evaluated from, the tile, and the other operand
        let panel = PANEL as u64;
        let block = own.longest().max(other).max(1).saturating_mul(item * panel);
        let most = (share_bytes / 4 / block).min(depth.div_ceil(panel));
        let whole = most.saturating_mul(panel) >= depth;
        let together = if whole { share_bytes / 4 / block.saturating_mul(most).max(1) } else { 1 };
        let own = own.join(together.min(own.count() / (4 * threads)).max(1));
        if stretched {
            let aside =
                |input: &Input| matches!(input.data, Data::Store(_)) || input.view.source.iter().filter(|f| f.axis.is_some()).count() < 2;
            if !feed.inputs.iter().all(aside) {
                return None;
            }
            let chunk = chunks.longest().max(1);
            let room = share_bytes / 16 / own.longest().max(1).saturating_mul(item);
            let cuts = chunks.join((sizes.stretch_min.min(room) / chunk).max(1));
            let stretches = Stretches { decoded: at, cuts, block: panel };
            // the other operand's part is there as a whole, and a task can be cancelled when it ends
            let blocks = (share_bytes / 8 / other.max(1).saturating_mul(item * panel))
                .min(sizes.task_decodes_bytes / own.longest().max(1).saturating_mul(item * panel));
            let depth = blocks.max(stretches.longest().div_ceil(panel)).saturating_mul(panel);
            return Some(Along { decoded: at, own, depth, stretches: Some(stretches) });
        }
        // panels and chunks meet as often as there are of both, less where both end
        let chunk = chunks.longest().max(1);
        let met = |blocks: u64| {
            let panel = blocks * panel;
            depth.div_ceil(panel) + depth.div_ceil(chunk) - depth.saturating_sub(1) / lcm(panel, chunk)
        };
        let blocks = (most.saturating_sub(DEPTHS_TRIED).max(1)..=most).min_by_key(|&blocks| (met(blocks), most - blocks))?;
        Some(Along { decoded: at, own, depth: blocks * panel, stretches: None })
    })
}

/// So many depths of a panel are looked at.
const DEPTHS_TRIED: u64 = 64;

/// The operands of a contraction and what it makes.
struct Operands<'a> {
    of: &'a ops::Contraction,
    dtype: DType,
    chunks: &'a ChunkGrid,
    feeds: [(Feed, Reg); 2],
    /// Whether B is A with rows and columns exchanged.
    mirrored: bool,
}

impl ContractionStage {
    /// Chooses tiles such that one, and two panels, are within `share_bytes`.
    fn lower(operands: &Operands<'_>, share_bytes: u64, budget: &Budget) -> ContractionStage {
        let along = |stretched| along_chunks(operands, share_bytes, budget, stretched);
        let stretched = along(true).map(|along| ContractionStage::of(operands, share_bytes, budget, Some(along)));
        let fits = |stage: &ContractionStage| stage.work.scratch_bytes <= share_bytes;
        stretched.filter(fits).unwrap_or_else(|| ContractionStage::of(operands, share_bytes, budget, along(false)))
    }

    /// As [`ContractionStage::lower`], with panels `along` the chunks of an operand, if at all.
    fn of(operands: &Operands<'_>, share_bytes: u64, budget: &Budget, along: Option<Along>) -> ContractionStage {
        let (threads, sizes) = (budget.threads.max(1) as u64, budget.work());
        let Operands { of, dtype, chunks, feeds, mirrored } = operands;
        let axes = Axes::of(of);
        let item = dtype.size() as u64;
        let blocks = DepthBlocks::new(of.depth_shape(), PANEL as u64);
        let lengths = |chunks: &[AxisChunks]| chunks.iter().map(AxisChunks::len).fold(1, u64::saturating_mul);
        let (batch_chunks, kept) = chunks.axes.split_at(axes.batch);
        let (row_chunks, column_chunks) = kept.split_at(axes.rows);
        let [batch, m, n] = [batch_chunks, row_chunks, column_chunks].map(lengths);
        let side = ((share_bytes / 3 / item) as f64).sqrt() as u64;
        // several tiles a core, so that none waits for the last one
        let matrices = batch.max(1) as f64 * m.max(1) as f64 * n.max(1) as f64;
        let even = ((matrices / 8.0).sqrt() as u64).max(sizes.tile_side_even_min);
        let side = side.min(even).clamp(sizes.tile_side_min, sizes.tile_side_max);
        let longest = |cuts: &[AxisChunks]| longest_elements(cuts).max(1);
        let few = m.div_ceil(side).saturating_mul(n.div_ceil(side)) <= sizes.tiles_enough * threads;
        let (rows, columns) = match (row_chunks, column_chunks) {
            ([rows], [columns]) if axes.batch == 0 && few => {
                let area = (share_bytes / 3 / item).max(sizes.tile_side_min.pow(2));
                let [rows, columns] = balanced(rows, columns, area, sizes, threads, *mirrored);
                (vec![rows], vec![columns])
            }
            _ => (tile_cuts(row_chunks, side), tile_cuts(column_chunks, side)),
        };
        let sides = longest(&rows).saturating_add(longest(&columns)).saturating_mul(item * blocks.block);
        let panel = (share_bytes / 8 / sides).clamp(1, sizes.panel_blocks_max) * blocks.block;
        let (rows, columns, panel, stretches) = match along {
            Some(Along { decoded: 0, own, depth, stretches }) => (vec![own], vec![AxisChunks::whole(n)], depth, stretches),
            Some(Along { own, depth, stretches, .. }) => (vec![AxisChunks::whole(m)], vec![own], depth, stretches),
            None => (rows, columns, panel, None),
        };
        let depth = depth_cuts(of.depth_shape(), &blocks, panel);
        // small matrices: as many in a task as make up a tile
        let (m_cut, n_cut, k_cut) = (longest(&rows), longest(&columns), longest(&depth));
        let widest = m_cut.saturating_mul(n_cut).max(k_cut.saturating_mul(m_cut.max(n_cut)));
        let places = (side * side / widest.max(1)).min((batch / 8).max(sizes.tiny_elements / widest.max(1)));
        let mut cuts = tile_cuts(batch_chunks, places);
        cuts.extend([rows, columns, depth].concat());
        let order = match mirrored {
            true if cuts[axes.batch] == cuts[axes.batch + 1] && !cuts[axes.batch].is_empty() => Order::Upper(axes.batch),
            _ => Order::Rows,
        };
        let boxes = Boxes { cuts, order };
        let programs = feeds.each_ref().map(|(feed, result)| Fused::new(feed.program.clone(), vec![*result], vec![]));
        let [a_axes, b_axes] = axes.operands();
        let reads = [Access { feed: feeds[0].0.clone(), axes: a_axes }, Access { feed: feeds[1].0.clone(), axes: b_axes }];
        let largest: Vec<u64> = boxes.cuts.iter().map(AxisChunks::longest).collect();
        let [places, m, n, k] = axes.sides(&largest);
        let of_sides = |a: usize, b: usize| [places, a, b].iter().fold(item, |bytes, &side| bytes.saturating_mul(side as u64));
        let kernel = programs.iter().map(|fused| carved_bytes(fused.scratch_bytes() as u64)).max().unwrap_or(0);
        // of a depth that comes in stretches, one is there at a time
        let k = stretches.as_ref().map_or(k, |stretches| (stretches.longest() as usize).min(k));
        let loading = [0, 1].map(|at| match &stretches {
            Some(stretches) => stretches.loading_bytes(&reads[at].feed, &boxes.cuts[at], 1 - at),
            None => Work::loading_bytes(&boxes, std::slice::from_ref(&reads[at])),
        });
        // what is multiplied as it is brought in stays where that is
        let plain = [0, 1].map(|at| axes.are_of_matrices() && is_plain(&reads[at].feed, &programs[at]));
        let panels = [of_sides(m, k), of_sides(k, n)];
        let [of_a, of_b] = [0, 1].map(|at| if plain[at] { loading[at] } else { panels[at] });
        let joint = stretches.as_ref().map_or(0, |stretches| of_sides([m, n][stretches.decoded], PANEL.min(k)));
        let layout = Layout::new([of_a, of_b, joint]);
        let evaluated = (0..2).filter(|&at| !plain[at]).map(|at| loading[at]).max();
        let evaluating = evaluated.map_or(0, |loading| loading.saturating_add(kernel));
        // rows of a large tile can be left to a thread that has nothing else to do
        let helped = budget.helpers(m as u64, sizes.tile_helpers_max) * gemm_helper_bytes(*dtype, n, k) as u64;
        let multiplying = gemm_scratch_bytes(*dtype, m, n, k) as u64 + helped;
        let scratch = layout.bytes().saturating_add(evaluating.max(multiplying));
        let kept = axes.batch + axes.rows + axes.columns;
        let tiles = boxes.cuts[..kept].iter().map(AxisChunks::count).fold(1, u64::saturating_mul);
        let name = of.name();
        let product = Product::new(name, tiles);
        let sums = Product::new(format!("{name} sums"), boxes.len());
        let writes = vec![Writes { product, blocks: Blocks::Elements { axes: (0..kept).collect(), item } }];
        let work = Work::new(name, boxes, reads.into(), writes, scratch).summed(sums, axes.depth);
        ContractionStage { work, dtype: *dtype, programs, plain, layout, axes, stretches, blocks }
    }

    /// The finished tiles, and how C is cut into them.
    fn made(&self) -> Blocked {
        let kept = self.axes.batch + self.axes.rows + self.axes.columns;
        Blocked { product: self.work.writes[0].product.id, grid: ChunkGrid { axes: self.work.boxes.cuts[..kept].to_vec() } }
    }

    /// The products that the operands read.
    fn operands(&self) -> Vec<u64> {
        self.work.reads.iter().flat_map(|access| access.feed.products()).collect()
    }

    /// The matrix at `place` of the batch in a panel.
    fn matrix<'a>(&self, panel: &View<'a>, place: usize) -> View<'a> {
        if self.axes.are_of_matrices() { panel.clone() } else { panel.at(place) }
    }

    /// The panel of operand `at` that the box at `start` of `shape` needs, inside of the box that `reads` was described for: as it lies, or
    /// evaluated into `held`, several axes as one of `sides`.
    fn panel<'a>(
        &self,
        at: usize,
        task: (&[u64], &[u64]),
        (start, shape): (&[u64], &[u64]),
        reads: &[&'a [u8]],
        mut held: &'a mut [u8],
        scratch: &mut [u8],
        counters: &Counters,
        sides: Option<[usize; 3]>,
    ) -> Result<View<'a>> {
        let (access, fused) = (&self.work.reads[at], &self.programs[at]);
        if let Some(slot) = self.plain[at].then(|| crate::blocked::plain_input(&fused.program, fused.outputs[0])).flatten() {
            let mut views = access.feed.load(task, start, shape, reads, &mut held, counters)?;
            return Ok(views.swap_remove(slot));
        }
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let held = &mut held[..local.iter().product::<usize>() * self.dtype.size()];
        let mut scratch = &mut *scratch;
        let kernel = carve(&mut scratch, fused.scratch_bytes() as u64);
        let views = access.feed.load(task, start, shape, reads, &mut scratch, counters)?;
        fused.run(start, &local, &views, &mut [ViewMut::dense(held, self.dtype, &local)], kernel);
        Ok(View::dense(held, self.dtype, sides.as_ref().map_or(&local[..], |sides| &sides[..])))
    }

    /// The panel of operand `at` that `tile` needs, several axes as a long one.
    fn whole_panel<'a>(
        &self,
        at: usize,
        tile: &TaskBox,
        reads: &[&'a [u8]],
        held: &'a mut [u8],
        scratch: &mut [u8],
        counters: &Counters,
    ) -> Result<View<'a>> {
        let (start, shape) = self.work.reads[at].part(tile);
        let [places, m, n, k] = self.axes.sides(&tile.shape);
        let sides = (!self.axes.are_of_matrices()).then_some(if at == 0 { [places, m, k] } else { [places, k, n] });
        self.panel(at, (&start, &shape), (&start, &shape), reads, held, scratch, counters, sides)
    }

    /// Adds to C what `tile` has of the depth, a stretch after the other.
    fn run_stretches(
        &self,
        stretches: &Stretches,
        tile: &TaskBox,
        reads: [&[&[u8]]; 2],
        c: &mut [u8],
        scratch: &mut [u8],
        counters: &Counters,
    ) -> Result<()> {
        let [m, n] = [tile.shape[0] as usize, tile.shape[1] as usize];
        let (from, end) = (tile.start[2], tile.start[2] + tile.shape[2]);
        let (decoded, block) = (stretches.decoded, self.blocks.block as usize);
        let mut c = ViewMut::dense(c, self.dtype, &[m, n]);
        let mut rest = scratch;
        let [a, b, joint] = self.layout.split(&mut rest);
        let mut held = [a, b];
        // no more of a block than the depth has
        let joined = block.min(tile.shape[2] as usize);
        let joint_shape = if decoded == 0 { [m, joined] } else { [joined, n] };
        let parts = [0, 1].map(|at| self.work.reads[at].part(tile));
        // the depth is the second axis of A, and the first of B
        let along = |at: usize, start: u64, len: u64| {
            let (mut starts, mut shape) = parts[at].clone();
            (starts[1 - at], shape[1 - at]) = (start, len);
            (starts, shape)
        };
        let (mut at, mut left, mut first) = (from, 0u64, tile.index[2] == 0);
        while at < end {
            let len = stretches.length(at, end);
            let Pieces { head, joins, body, tail } = stretches.pieces(at, len, left, end);
            let [held_a, held_b] = &mut held;
            let (own, other) = if decoded == 0 { (held_a, held_b) } else { (held_b, held_a) };
            let task = |at: usize| (&parts[at].0[..], &parts[at].1[..]);
            let (start, shape) = along(decoded, at, len);
            let stretch = self.panel(decoded, task(decoded), (&start, &shape), reads[decoded], &mut own[..], rest, counters, None)?;
            let (start, shape) = along(1 - decoded, at - left, left + len);
            let beside =
                self.panel(1 - decoded, task(1 - decoded), (&start, &shape), reads[1 - decoded], &mut other[..], rest, counters, None)?;
            let mut multiply = |of: &View<'_>, places_of: std::ops::Range<u64>, from: u64| {
                let with = depth_part(&beside, decoded, places_of);
                let (a, b) = if decoded == 0 { (of, &with) } else { (&with, of) };
                gemm_in_blocks(self.dtype, from, block, a, b, &mut c, std::mem::take(&mut first), rest);
            };
            let begun = left;
            if !head.is_empty() {
                copy_into(joint, self.dtype, &joint_shape, 1 - decoded, left, &depth_part(&stretch, 1 - decoded, head.clone()));
                left += head.end;
            }
            if joins {
                let joined = View::dense(joint, self.dtype, &joint_shape);
                multiply(&depth_part(&joined, 1 - decoded, 0..left), 0..left, at - begun);
                left = 0;
            }
            if !body.is_empty() {
                multiply(&depth_part(&stretch, 1 - decoded, body.clone()), begun + body.start..begun + body.end, at + body.start);
            }
            if !tail.is_empty() {
                copy_into(joint, self.dtype, &joint_shape, 1 - decoded, left, &depth_part(&stretch, 1 - decoded, tail.clone()));
                left += tail.end - tail.start;
            }
            at += len;
        }
        Ok(())
    }
}

/// Places of a matrix along an axis.
fn depth_part<'a>(view: &View<'a>, axis: usize, range: std::ops::Range<u64>) -> View<'a> {
    let mut start = [0; 2];
    let mut shape = [view.shape()[0], view.shape()[1]];
    (start[axis], shape[axis]) = (range.start as usize, (range.end - range.start) as usize);
    view.part(&start, &shape)
}

/// Copies `from` to the places from `at` on along an axis of the matrix in `to`.
fn copy_into(to: &mut [u8], dtype: DType, shape: &[usize; 2], axis: usize, at: u64, from: &View<'_>) {
    let mut start = [0; 2];
    start[axis] = at as usize;
    copy(from, &mut ViewMut::dense(to, dtype, shape).part(&start, from.shape()));
}

impl Tasks for ContractionStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn flops(&self, shape: &[u64]) -> u64 {
        flops::of_products(self.dtype, shape)
    }
    fn run(&self, _n: u64, tile: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut spec = TaskSpec::default();
        let (start, shape) = self.work.reads[0].part(tile);
        self.work.reads[0].feed.describe(&start, &shape, &mut spec);
        let (reads_a, reads_b) = reads.split_at(spec.reads.len());
        let [_, m, n, k] = self.axes.sides(&tile.shape);
        let item = self.dtype.size();
        if let Some(stretches) = &self.stretches {
            return self.run_stretches(stretches, tile, [reads_a, reads_b], writes[0], scratch, counters);
        }
        let mut rest = scratch;
        let [a, b, _] = self.layout.split(&mut rest);
        let a = self.whole_panel(0, tile, reads_a, a, rest, counters)?;
        // on the diagonal of a product with its own transpose, one panel is the other
        let diagonal = matches!(self.work.boxes.order, Order::Upper(axis) if tile.index[axis] == tile.index[axis + 1]);
        let b = if diagonal { None } else { Some(self.whole_panel(1, tile, reads_b, b, rest, counters)?) };
        let depth = self.axes.batch + self.axes.rows + self.axes.columns;
        let first = tile.index[depth..].iter().all(|&i| i == 0);
        // whole rows of the depth, or a part of one
        let row = k.min(self.blocks.row as usize);
        let axis = depth + self.blocks.axis;
        let into_row = tile.start[axis] * (self.blocks.row / self.work.boxes.cuts[axis].len().max(1));
        for (place, c) in writes[0].chunks_exact_mut(m * n * item).enumerate() {
            let a = self.matrix(&a, place);
            let b = b.as_ref().map_or_else(|| a.transposed(), |b| self.matrix(b, place));
            let mut c = ViewMut::dense(c, self.dtype, &[m, n]);
            for at in (0..k).step_by(row.max(1)) {
                let (a, b) = (a.part(&[0, at], &[m, row]), b.part(&[at, 0], &[row, n]));
                gemm_in_blocks(self.dtype, into_row, self.blocks.block as usize, &a, &b, &mut c, first && at == 0, rest);
            }
        }
        if let [above, below] = &mut writes[..] {
            for (above, below) in above.chunks_exact(m * n * item).zip(below.chunks_exact_mut(m * n * item)) {
                copy(&View::dense(above, self.dtype, &[m, n]).transposed(), &mut ViewMut::dense(below, self.dtype, &[n, m]));
            }
        }
        Ok(())
    }
}

/// Whether the loop is what it reads, each place another one, none backwards: memory that can be multiplied as it is.
fn is_plain(feed: &Feed, fused: &Fused) -> bool {
    let view = crate::blocked::plain_input(&fused.program, fused.outputs[0]).map(|slot| &feed.inputs[slot].view);
    let followed = |view: &Affine, axis: usize| view.source.iter().any(|f| f.axis == Some(axis) && f.step > 0);
    view.is_some_and(|view| view.slides.is_empty() && (0..view.shape.len()).all(|axis| followed(view, axis)))
}

/// The same loop with its axes in another order: what was axis i is axis `to[i]`.
fn reordered(feed: &Feed, to: &[usize]) -> Feed {
    let follow = |f: &Follow| Follow { axis: f.axis.map(|axis| to[axis]), ..*f };
    let mut feed = feed.clone();
    feed.shape = Affine::identity(&feed.shape).reordered(to).shape;
    for input in &mut feed.inputs {
        input.view = input.view.reordered(to);
    }
    for leaf in &mut feed.program.leaves {
        if let Leaf::Generate { axes, .. } = leaf {
            axes.iter_mut().for_each(|f| *f = follow(f));
        }
    }
    feed
}

/// Whether two loops see the same everywhere.
fn same(a: &Feed, b: &Feed) -> bool {
    let data = |a: &Data, b: &Data| match (a, b) {
        (Data::Store(a), Data::Store(b)) => store_id(a) == store_id(b),
        (Data::Blocks { product: a, .. }, Data::Blocks { product: b, .. }) => a == b,
        _ => false,
    };
    let inputs = || a.inputs.iter().zip(&b.inputs).all(|(a, b)| data(&a.data, &b.data) && a.view == b.view);
    a.shape == b.shape && a.program == b.program && a.inputs.len() == b.inputs.len() && inputs()
}

/// Whether the product is X·Xᵀ of real numbers, for each place of the batch.
fn is_mirrored(of: &ops::Contraction, dtype: DType, [(a, a_reg), (b, b_reg)]: &[(Feed, Reg); 2]) -> bool {
    if dtype.is_complex() || (of.rows(), of.columns()) != (1, 1) || a_reg != b_reg {
        return false;
    }
    // [batch…, depth…, column] as [batch…, column, depth…]
    let to: Vec<usize> = (0..of.batch).chain(of.batch + 1..b.shape.len()).chain([of.batch]).collect();
    same(a, &reordered(b, &to))
}

impl Lower for ops::Contraction {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        if self.depth_shape().contains(&0) {
            // a sum of nothing
            let zero = Scalar::read(node.dtype, &[0; 16][..node.dtype.size()]);
            let zeros = constant(zero, node.dtype, &node.chunks)?;
            let (feed, regs) = lowering.feed(&[&zeros], &zeros.shape)?;
            return Ok(lowering.map(self.name(), feed, regs[0], None));
        }
        let mut fed = |operand: &Expr| lowering.feed(&[operand], &operand.shape).map(|(feed, regs)| (feed, regs[0]));
        let feeds = [fed(&self.a)?, fed(&self.b)?];
        let mirrored = is_mirrored(self, node.dtype, &feeds);
        let operands = Operands { of: self, dtype: node.dtype, chunks: &node.chunks, feeds, mirrored };
        let of = |share| ContractionStage::lower(&operands, share, lowering.budget);
        // under a small limit what a task holds beside its tiles counts: smaller tiles then, of the same bits
        let mut share = lowering.budget.share_bytes();
        let mut stage = of(share);
        while stage.demand_bytes() > lowering.budget.memory_bytes && share > lowering.budget.work().product_share_min_bytes {
            share -= share / 4;
            stage = of(share);
        }
        let made = stage.made();
        let rank = lowering.rank_of(&stage.operands());
        lowering.push(stage, Drive::Ranked(rank));
        Ok(made)
    }
}
