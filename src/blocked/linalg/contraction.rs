//! Sums of products, C-stationary: a tile of C stays in one buffer while panels of A and B stream past it, the depth
//! ascending. A tile's buffer passes from task to task, so it is accumulated in place.
//!
//! Of X·Xᵀ only the tiles on and above the diagonal are computed: products of real numbers commute to the last bit, so the
//! tile below is the one above, transposed. (Those of complex numbers do not, and both halves are computed.)

use crate::blocked::blocking::{self, lcm};
use crate::blocked::boxes::{Boxes, Order};
use crate::blocked::feed::{Data, Feed, carve, carved_bytes};
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
    /// The evaluated panels of A and B. What follows serves loading, evaluating and multiplying in turn.
    layout: Layout<2>,
    axes: Axes,
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

/// Where operand 0 or 1, a matrix, is decoded in chunks and the other one has few rows or columns of its own: which it is, its own side cut
/// at its chunks, and so deep a panel as a part of memory allows, one that mostly ends where a chunk does. Few chunks are then decoded twice.
fn along_chunks(
    operands: &Operands<'_>,
    axes: &Axes,
    share_bytes: u64,
    threads: u64,
    sizes: &WorkSizes,
) -> Option<(usize, AxisChunks, u64)> {
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
        let (own, chunks, depth) = (&cuts[at], cuts[1 - at].longest().max(1), feed.shape[1 - at]);
        // beside the panel stand what it is evaluated from, the tile, and the other operand
        let block = own.longest().max(other).max(1).saturating_mul(item * PANEL as u64);
        let most = (share_bytes / 4 / block).min(depth.div_ceil(PANEL as u64));
        let whole = most.saturating_mul(PANEL as u64) >= depth;
        let together = if whole { share_bytes / 4 / block.saturating_mul(most).max(1) } else { 1 };
        let own = own.join(together.min(own.count() / (4 * threads)).max(1));
        // panels and chunks meet as often as there are of both, less where both end
        let met = |blocks: u64| {
            let panel = blocks * PANEL as u64;
            depth.div_ceil(panel) + depth.div_ceil(chunks) - depth.saturating_sub(1) / lcm(panel, chunks)
        };
        let blocks = (most.saturating_sub(DEPTHS_TRIED).max(1)..=most).min_by_key(|&blocks| (met(blocks), most - blocks))?;
        Some((at, own, blocks * PANEL as u64))
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
        let (threads, sizes) = (budget.threads.max(1) as u64, budget.work());
        let Operands { of, dtype, chunks, feeds, mirrored } = operands;
        let axes = Axes { batch: of.batch, rows: of.rows(), columns: of.columns(), depth: of.depth };
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
        let (rows, columns, panel) = match along_chunks(operands, &axes, share_bytes, threads, sizes) {
            Some((0, rows, panel)) => (vec![rows], vec![AxisChunks::whole(n)], panel),
            Some((_, columns, panel)) => (vec![AxisChunks::whole(m)], vec![columns], panel),
            None => (rows, columns, panel),
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
        let loading = reads.each_ref().map(|access| Work::loading_bytes(&boxes, std::slice::from_ref(access)));
        // what is multiplied as it is brought in stays where that is
        let plain = [0, 1].map(|at| axes.are_of_matrices() && is_plain(&reads[at].feed, &programs[at]));
        let panels = [of_sides(m, k), of_sides(k, n)];
        let layout = Layout::new([0, 1].map(|at| if plain[at] { loading[at] } else { panels[at] }));
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
        ContractionStage { work, dtype: *dtype, programs, plain, layout, axes, blocks }
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

    /// The panel of operand `at` that `tile` needs: as it lies, or evaluated into `held`.
    fn panel<'a>(
        &self,
        at: usize,
        tile: &TaskBox,
        reads: &[&'a [u8]],
        mut held: &'a mut [u8],
        scratch: &mut [u8],
        counters: &Counters,
    ) -> Result<View<'a>> {
        let (access, fused) = (&self.work.reads[at], &self.programs[at]);
        let (start, shape) = access.part(tile);
        if let Some(slot) = self.plain[at].then(|| crate::blocked::plain_input(&fused.program, fused.outputs[0])).flatten() {
            let mut views = access.feed.load((&start, &shape), &start, &shape, reads, &mut held, counters)?;
            return Ok(views.swap_remove(slot));
        }
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let held = &mut held[..local.iter().product::<usize>() * self.dtype.size()];
        let mut scratch = &mut *scratch;
        let kernel = carve(&mut scratch, fused.scratch_bytes() as u64);
        let views = access.feed.load((&start, &shape), &start, &shape, reads, &mut scratch, counters)?;
        fused.run(&start, &local, &views, &mut [ViewMut::dense(held, self.dtype, &local)], kernel);
        // several axes are one long one
        let [places, m, n, k] = self.axes.sides(&tile.shape);
        let sides = if at == 0 { [places, m, k] } else { [places, k, n] };
        Ok(View::dense(held, self.dtype, if self.axes.are_of_matrices() { &sides[1..] } else { &sides }))
    }
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
        let mut rest = scratch;
        let [a, b] = self.layout.split(&mut rest);
        let a = self.panel(0, tile, reads_a, a, rest, counters)?;
        // on the diagonal of a product with its own transpose, one panel is the other
        let diagonal = matches!(self.work.boxes.order, Order::Upper(axis) if tile.index[axis] == tile.index[axis + 1]);
        let b = if diagonal { None } else { Some(self.panel(1, tile, reads_b, b, rest, counters)?) };
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
