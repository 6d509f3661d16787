//! Matrix product, C-stationary: a tile of C stays in one buffer while panels of A and B stream past it,
//! K ascending. A tile's buffer passes from task to task, so it is accumulated in place.

use super::feed::{Feed, carve, carved_bytes};
use super::lower::{Lowering, Made};
use crate::error::Result;
use crate::expr::Expr;
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::gemm::{gemm_accumulate, gemm_scratch_bytes};
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Panels begin at multiples of this along K, as the kernel's arithmetic does.
const K_BLOCK: u64 = 256;
/// Sides of tiles.
const SIDE_MIN: u64 = 64;
const SIDE_MAX: u64 = 8192;

/// No limit makes the tiles of a product smaller than this share of memory does.
const MATMUL_SHARE_MIN_BYTES: u64 = 256 << 10;

struct Operand {
    feed: Feed,
    fused: Fused,
}

impl Operand {
    fn new((feed, result): (Feed, Reg)) -> Operand {
        let fused = Fused::new(feed.program.clone(), vec![result], vec![]);
        Operand { feed, fused }
    }

    /// Bytes of an evaluated panel at most, and of the work to get it, where panels are cut by `cuts`.
    fn scratch_bytes(&self, dtype: DType, cuts: &[AxisChunks; 2]) -> (u64, u64) {
        let held = carved_bytes(cuts[0].longest() * cuts[1].longest() * dtype.size() as u64);
        (held, self.feed.loading_boxes_bytes(cuts).saturating_add(carved_bytes(self.fused.scratch_bytes() as u64)))
    }

    fn evaluate(
        &self,
        dtype: DType,
        start: &[u64],
        shape: &[u64],
        reads: &[&[u8]],
        held: &mut [u8],
        scratch: &mut [u8],
        counters: &crate::events::Counters,
    ) -> Result<()> {
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        // lives as long as the views do: both end here
        let mut working = scratch;
        let kernel = carve(&mut working, self.fused.scratch_bytes() as u64);
        let views = self.feed.load((start, shape), start, shape, reads, &mut working, counters)?;
        self.fused.run(start, &local, &views, &mut [ViewMut::dense(held, dtype, &local)], kernel);
        Ok(())
    }
}

/// `C = A·B`. Task `tile · panels + p` adds panel `p` to a tile.
pub struct MatmulStage {
    dtype: DType,
    a: Operand,
    b: Operand,
    rows: AxisChunks,
    columns: AxisChunks,
    panels: AxisChunks,
    /// Tiles that are not done: block `tile · panels + p`.
    sums: u64,
    products: [Product; 2],
    /// What others read: the finished tiles.
    pub product: Product,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl MatmulStage {
    /// Chooses tiles such that one, and two panels, are within `share_bytes`. They hold whole `chunks` of the product, or lie
    /// inside of one: who reads cells of chunks finds each in one block.
    pub fn lower(dtype: DType, a: (Feed, Reg), b: (Feed, Reg), chunks: &ChunkGrid, share_bytes: u64) -> MatmulStage {
        let item = dtype.size() as u64;
        let (m, k, n) = (a.0.shape[0], a.0.shape[1], b.0.shape[1]);
        let side = ((share_bytes / 3 / item) as f64).sqrt() as u64;
        // several tiles a core, so that none waits for the last one
        let even = ((m.max(1) as f64 * n.max(1) as f64 / 8.0).sqrt() as u64).max(256);
        let side = side.min(even).clamp(SIDE_MIN, SIDE_MAX);
        let panel = (share_bytes / 8 / (2 * side * item) / K_BLOCK).clamp(1, 8) * K_BLOCK;
        let along = |chunks: &AxisChunks| {
            let longest = chunks.longest().max(1);
            if longest <= side { chunks.join(side / longest) } else { chunks.split(longest.div_ceil(longest.div_ceil(side))) }
        };
        let (rows, columns) = (along(&chunks.axes[0]), along(&chunks.axes[1]));
        let panels = AxisChunks::regular(k, panel);
        let tiles = rows.count().saturating_mul(columns.count());
        let sums = Product { id: new_product(), name: "matmul sums".into(), blocks: tiles.saturating_mul(panels.count()) };
        let product = Product { id: new_product(), name: "matmul".into(), blocks: tiles };
        let products = [sums.clone(), product.clone()];
        let (a, b) = (Operand::new(a), Operand::new(b));
        let mut stage = MatmulStage { dtype, a, b, rows, columns, panels, sums: sums.id, products, product, scratch_bytes: 0 };
        let [cuts_a, cuts_b] = stage.cuts();
        let ((held_a, work_a), (held_b, work_b)) = (stage.a.scratch_bytes(dtype, &cuts_a), stage.b.scratch_bytes(dtype, &cuts_b));
        let longest = |axis: &AxisChunks| axis.longest() as usize;
        let multiply = gemm_scratch_bytes(dtype, longest(&stage.rows), longest(&stage.columns), longest(&stage.panels)) as u64;
        stage.scratch_bytes = held_a.saturating_add(held_b).saturating_add(work_a.max(work_b).max(multiply));
        stage
    }

    /// How the panels of A and of B are cut.
    fn cuts(&self) -> [[AxisChunks; 2]; 2] {
        [[self.rows.clone(), self.panels.clone()], [self.panels.clone(), self.columns.clone()]]
    }

    /// How C is cut.
    pub fn grid(&self) -> ChunkGrid {
        ChunkGrid { axes: vec![self.rows.clone(), self.columns.clone()] }
    }

    /// The products that the operands read.
    pub fn operands(&self) -> Vec<u64> {
        let mut products = self.a.feed.products();
        products.extend(self.b.feed.products());
        products
    }

    /// Panels; one empty panel where K is 0, so that C is zeros.
    fn panel_count(&self) -> u64 {
        self.panels.count().max(1)
    }

    fn place(&self, n: u64) -> (u64, u64, [(u64, u64); 3]) {
        let (tile, p) = (n / self.panel_count(), n % self.panel_count());
        let (i, j) = (tile / self.columns.count(), tile % self.columns.count());
        let k = if self.panels.is_empty() { (0, 0) } else { self.panels.chunk(p) };
        (tile, p, [self.rows.chunk(i), self.columns.chunk(j), k])
    }

    fn key(&self, tile: u64, p: u64) -> BlockKey {
        if p + 1 == self.panel_count() {
            BlockKey { product: self.product.id, block: tile }
        } else {
            BlockKey { product: self.sums, block: tile * self.panel_count() + p }
        }
    }
}

impl Stage for MatmulStage {
    fn name(&self) -> &str {
        "matmul"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        let mut inputs = self.operands();
        inputs.push(self.sums);
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
    fn tasks(&self) -> u64 {
        self.rows.count().saturating_mul(self.columns.count()).saturating_mul(self.panel_count())
    }
    fn demand_bytes(&self) -> u64 {
        let [a, b] = self.cuts();
        // a tile's buffer counts whether it is new or taken
        let tile = rounded(self.rows.longest() * self.columns.longest() * self.dtype.size() as u64);
        let read = self.a.feed.blocks_bytes(&a).saturating_add(self.b.feed.blocks_bytes(&b));
        read.saturating_add(tile).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        let [a, b] = self.cuts();
        let a = self.a.feed.moved_bytes(&a).saturating_mul(self.columns.count());
        a.saturating_add(self.b.feed.moved_bytes(&b).saturating_mul(self.rows.count()))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (tile, p, [(r0, m), (c0, cols), (k0, k)]) = self.place(n);
        self.a.feed.describe(&[r0, k0], &[m, k], spec);
        self.b.feed.describe(&[k0, c0], &[k, cols], spec);
        if p > 0 {
            spec.takes.push(self.key(tile, p - 1));
        }
        let bytes = m * cols * self.dtype.size() as u64;
        spec.writes.push(Write { key: self.key(tile, p), bytes, takes: (p > 0).then_some(0) });
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        if product == self.sums {
            return 1;
        }
        let [a, b] = self.cuts();
        self.a.feed.readers(&a, product, block) * self.columns.count() + self.b.feed.readers(&b, product, block) * self.rows.count()
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        if product == self.sums { block } else { block * self.panel_count() + self.panel_count() - 1 }
    }
    fn prefetch(&self, n: u64) {
        let (_, _, [(r0, m), (c0, cols), (k0, k)]) = self.place(n);
        self.a.feed.prefetch(&[r0, k0], &[m, k]);
        self.b.feed.prefetch(&[k0, c0], &[k, cols]);
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (_, p, [(r0, m), (c0, cols), (k0, k)]) = self.place(n);
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut spec = TaskSpec::default();
        self.a.feed.describe(&[r0, k0], &[m, k], &mut spec);
        let (reads_a, reads_b) = reads.split_at(spec.reads.len());
        let mut rest = scratch;
        let bytes = |rows: u64, columns: u64| rows * columns * self.dtype.size() as u64;
        let a = carve(&mut rest, bytes(m, k));
        let b = carve(&mut rest, bytes(k, cols));
        self.a.evaluate(self.dtype, &[r0, k0], &[m, k], reads_a, a, rest, counters)?;
        self.b.evaluate(self.dtype, &[k0, c0], &[k, cols], reads_b, b, rest, counters)?;
        let (m, cols, k) = (m as usize, cols as usize, k as usize);
        if p == 0 && k == 0 {
            writes[0].fill(0);
            return Ok(());
        }
        let a = View::dense(a, self.dtype, &[m, k]);
        let b = View::dense(b, self.dtype, &[k, cols]);
        let mut c = ViewMut::dense(&mut *writes[0], self.dtype, &[m, cols]);
        gemm_accumulate(self.dtype, k0, &a, &b, &mut c, p == 0, rest);
        Ok(())
    }
}

impl Lowering<'_> {
    pub(super) fn matmul(&mut self, node: &Expr, a: &Expr, b: &Expr) -> Result<Made> {
        let (feed_a, regs_a) = self.feed(&[a], &a.shape)?;
        let (feed_b, regs_b) = self.feed(&[b], &b.shape)?;
        let of = |share| MatmulStage::lower(node.dtype, (feed_a.clone(), regs_a[0]), (feed_b.clone(), regs_b[0]), &node.chunks, share);
        // under a small limit what a task holds beside its tiles counts: smaller tiles then, of the same bits
        let mut share = self.share_bytes();
        let mut stage = of(share);
        while stage.demand_bytes() > self.budget.memory_bytes && share > MATMUL_SHARE_MIN_BYTES {
            share -= share / 4;
            stage = of(share);
        }
        let made = Made { product: stage.product.id, grid: stage.grid() };
        let rank = self.rank_of(&stage.operands());
        self.push(stage, Drive::Ranked(rank));
        Ok(made)
    }
}
