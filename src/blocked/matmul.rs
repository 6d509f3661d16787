//! Matrix product, C-stationary: a tile of C stays in one buffer while panels of A and B stream past it,
//! K ascending. A tile's buffer passes from task to task, so it is accumulated in place.

use super::boxes::{Boxes, Tile};
use super::feed::{Feed, carve, carved_bytes};
use super::lower::{Lower, Lowering, Made};
use super::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Expr, constant, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, new_product};
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::gemm::{gemm_accumulate, gemm_scratch_bytes};
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Panels begin at multiples of this along K, as the kernel's arithmetic does.
const K_BLOCK: u64 = 256;
/// No limit makes the tiles of a product smaller than this share of memory does.
const MATMUL_SHARE_MIN_BYTES: u64 = 256 << 10;

/// `C = A·B`: a loop over rows, columns and panels of K. A tile of C is passed on from panel to panel.
pub struct MatmulStage {
    work: Work,
    dtype: DType,
    programs: [Fused; 2],
    /// The evaluated panels of A and B. What follows serves loading, evaluating and multiplying in turn.
    layout: Layout<2>,
}

impl MatmulStage {
    /// Chooses tiles such that one, and two panels, are within `share_bytes`. They hold whole `chunks` of the product, or lie
    /// inside of one: who reads cells of chunks finds each in one block.
    pub fn lower(dtype: DType, a: (Feed, Reg), b: (Feed, Reg), chunks: &ChunkGrid, share_bytes: u64, sizes: &WorkSizes) -> MatmulStage {
        let item = dtype.size() as u64;
        let (m, k, n) = (a.0.shape[0], a.0.shape[1], b.0.shape[1]);
        let side = ((share_bytes / 3 / item) as f64).sqrt() as u64;
        // several tiles a core, so that none waits for the last one
        let even = ((m.max(1) as f64 * n.max(1) as f64 / 8.0).sqrt() as u64).max(sizes.tile_side_even_min);
        let side = side.min(even).clamp(sizes.tile_side_min, sizes.tile_side_max);
        let panel = (share_bytes / 8 / (2 * side * item) / K_BLOCK).clamp(1, sizes.panel_blocks_max) * K_BLOCK;
        let along = |chunks: &AxisChunks| {
            let longest = chunks.longest().max(1);
            if longest <= side { chunks.join(side / longest) } else { chunks.split(longest.div_ceil(longest.div_ceil(side))) }
        };
        let boxes = Boxes::rows(vec![along(&chunks.axes[0]), along(&chunks.axes[1]), AxisChunks::regular(k, panel)]);
        let programs = [(&a), (&b)].map(|(feed, result)| Fused::new(feed.program.clone(), vec![*result], vec![]));
        let reads = vec![Access { feed: a.0, axes: vec![0, 2] }, Access { feed: b.0, axes: vec![2, 1] }];
        let [rows, columns, depth] = [0, 1, 2].map(|axis| boxes.cuts[axis].longest());
        let layout = Layout::new([rows.saturating_mul(depth).saturating_mul(item), columns.saturating_mul(depth).saturating_mul(item)]);
        let kernel = programs.iter().map(|fused| carved_bytes(fused.scratch_bytes() as u64)).max().unwrap_or(0);
        let evaluating = kernel.saturating_add(Work::loading_bytes(&boxes, &reads));
        let multiplying = gemm_scratch_bytes(dtype, rows as usize, columns as usize, depth as usize) as u64;
        let scratch = layout.bytes().saturating_add(evaluating.max(multiplying));
        let tiles = boxes.cuts[0].count().saturating_mul(boxes.cuts[1].count());
        let product = Product { id: new_product(), name: "matmul".into(), blocks: tiles };
        let sums = Product { id: new_product(), name: "matmul sums".into(), blocks: boxes.len() };
        let writes = vec![Writes { product, blocks: Blocks::Elements { axes: vec![0, 1], item } }];
        MatmulStage { work: Work::new("matmul", boxes, reads, writes, scratch).summed(sums), dtype, programs, layout }
    }

    /// The finished tiles, and how C is cut into them.
    pub fn made(&self) -> Made {
        Made { product: self.work.writes[0].product.id, grid: ChunkGrid { axes: self.work.boxes.cuts[..2].to_vec() } }
    }

    /// The products that the operands read.
    pub fn operands(&self) -> Vec<u64> {
        self.work.reads.iter().flat_map(|access| access.feed.products()).collect()
    }

    /// Evaluates the panel of operand `at` that `tile` needs into `held`.
    fn evaluate<'a>(
        &self,
        at: usize,
        tile: &Tile,
        reads: &[&'a [u8]],
        held: &mut [u8],
        mut scratch: &'a mut [u8],
        counters: &Counters,
    ) -> Result<()> {
        let (access, fused) = (&self.work.reads[at], &self.programs[at]);
        let (start, shape) = access.part(tile);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let kernel = carve(&mut scratch, fused.scratch_bytes() as u64);
        let views = access.feed.load((&start, &shape), &start, &shape, reads, &mut scratch, counters)?;
        fused.run(&start, &local, &views, &mut [ViewMut::dense(held, self.dtype, &local)], kernel);
        Ok(())
    }
}

impl Tasks for MatmulStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, tile: &Tile, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut spec = TaskSpec::default();
        let (start, shape) = self.work.reads[0].part(tile);
        self.work.reads[0].feed.describe(&start, &shape, &mut spec);
        let (reads_a, reads_b) = reads.split_at(spec.reads.len());
        let [m, n, k] = [0, 1, 2].map(|axis| tile.shape[axis] as usize);
        let item = self.dtype.size();
        let mut rest = scratch;
        let [a, b] = self.layout.split(&mut rest);
        let (a, b) = (&mut a[..m * k * item], &mut b[..k * n * item]);
        self.evaluate(0, tile, reads_a, a, rest, counters)?;
        self.evaluate(1, tile, reads_b, b, rest, counters)?;
        let a = View::dense(a, self.dtype, &[m, k]);
        let b = View::dense(b, self.dtype, &[k, n]);
        let mut c = ViewMut::dense(&mut *writes[0], self.dtype, &[m, n]);
        gemm_accumulate(self.dtype, tile.start[2], &a, &b, &mut c, tile.index[2] == 0, rest);
        Ok(())
    }
}

impl Lower for ops::Matmul {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Made> {
        let (a, b) = (&self.a, &self.b);
        if a.shape[1] == 0 {
            // a sum of nothing
            let zero = Scalar::read(node.dtype, &[0; 16][..node.dtype.size()]);
            let zeros = constant(zero, node.dtype, &node.chunks)?;
            let (feed, regs) = lowering.feed(&[&zeros], &zeros.shape)?;
            return Ok(lowering.map("matmul", feed, regs[0], None));
        }
        let (feed_a, regs_a) = lowering.feed(&[a], &a.shape)?;
        let (feed_b, regs_b) = lowering.feed(&[b], &b.shape)?;
        let of = |share| {
            MatmulStage::lower(
                node.dtype,
                (feed_a.clone(), regs_a[0]),
                (feed_b.clone(), regs_b[0]),
                &node.chunks,
                share,
                lowering.budget.work(),
            )
        };
        // under a small limit what a task holds beside its tiles counts: smaller tiles then, of the same bits
        let mut share = lowering.budget.share_bytes();
        let mut stage = of(share);
        while stage.demand_bytes() > lowering.budget.memory_bytes && share > MATMUL_SHARE_MIN_BYTES {
            share -= share / 4;
            stage = of(share);
        }
        let made = stage.made();
        let rank = lowering.rank_of(&stage.operands());
        lowering.push(stage, Drive::Ranked(rank));
        Ok(made)
    }
}
