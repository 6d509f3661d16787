//! QR of tall matrices by a tree: rows are factored apart, pairs of R are stacked and factored again, up to one R. For Q, an
//! identity comes down the same tree: each node multiplies by its Q what it is given, and hands a part to each child.
//!
//! The tree follows from shape and dtype alone.

use super::stage::Source;
use crate::blocked::flops;
use crate::blocked::lower::{LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::error::Result;
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, BlockId, ChunkGrid};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{self, Field, Mat, MatMut};
use flagstone_kernels::with_field;

fn product(name: &str, blocks: u64) -> Product {
    Product { id: new_product(), name: name.to_string(), blocks }
}

/// Reflectors of the nodes of a level, and their triangles.
#[derive(Clone, Copy)]
struct Reflectors {
    v: u64,
    t: u64,
}

/// Sizes of a tree's nodes.
#[derive(Clone)]
struct Sizes {
    /// Columns.
    n: u64,
    dtype: DType,
}

impl Sizes {
    fn bytes(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.n).saturating_mul(self.dtype.size() as u64)
    }
    fn t_bytes(&self, rows: u64) -> u64 {
        linalg::qr_whole_t_len(rows as usize, self.n as usize) as u64 * self.dtype.size() as u64
    }
    fn scratch_bytes(&self, rows: u64) -> u64 {
        let (m, n) = (rows as usize, self.n as usize);
        with_field!(self.dtype, T => linalg::qr_whole_scratch_bytes::<T>(m, n, n)) as u64
    }
    /// Factors `v` [rows, n] in place, and writes its R, with zeros below, to `r` [n, n].
    fn factor(&self, v: &mut [u8], t: &mut [u8], r: &mut [u8], scratch: &mut [u8]) {
        with_field!(self.dtype, T => factor::<T>(self.n as usize, bytemuck::cast_slice_mut(v), bytemuck::cast_slice_mut(t), bytemuck::cast_slice_mut(r), scratch));
    }
    /// Q of `v` and `t` times `top` with zeros below it, to `out` [rows, n].
    fn multiply(&self, v: &[u8], t: &[u8], top: Option<&[u8]>, out: &mut [u8], scratch: &mut [u8]) {
        with_field!(self.dtype, T => {
            let (v, out): (&[T], &mut [T]) = (bytemuck::cast_slice(v), bytemuck::cast_slice_mut(out));
            multiply::<T>(self.n as usize, v, bytemuck::cast_slice(t), top.map(bytemuck::cast_slice), out, scratch)
        });
    }
}

fn factor<T: Field>(n: usize, v: &mut [T], t: &mut [T], r: &mut [T], scratch: &mut [u8]) {
    let m = v.len() / n;
    linalg::qr_whole(&mut MatMut::dense(v, m, n), t, scratch);
    for i in 0..n {
        let row = &mut r[i * n..][..n];
        row.fill(T::ZERO);
        if i < m {
            row[i..].copy_from_slice(&v[i * n..][i..n]);
        }
    }
}

fn multiply<T: Field>(n: usize, v: &[T], t: &[T], top: Option<&[T]>, out: &mut [T], scratch: &mut [u8]) {
    let m = v.len() / n;
    out.fill(T::ZERO);
    let k = m.min(n);
    match top {
        Some(top) => out[..k * n].copy_from_slice(&top[..k * n]),
        None => (0..k).for_each(|i| out[i * n + i] = T::ONE),
    }
    linalg::qr_whole_apply(Mat::dense(v, m, n), t, false, &mut MatMut::dense(out, m, n), scratch);
}

/// Nodes that factor: rows of the matrix, or the R of two children.
struct UpStage {
    products: Vec<Product>,
    sizes: Sizes,
    from: Factored,
    scratch_bytes: u64,
}

/// What the nodes of a level factor.
enum Factored {
    /// Rows of the matrix.
    Rows { source: Box<Source>, rows: AxisChunks },
    /// The R of the level below, which has so many.
    Pairs { below: u64, count: u64 },
}

impl UpStage {
    fn new(sizes: &Sizes, from: Factored, keeps: bool) -> UpStage {
        let (nodes, rows) = match &from {
            Factored::Rows { rows, .. } => (rows.count(), rows.longest()),
            Factored::Pairs { count, .. } => (count.div_ceil(2), 2 * sizes.n),
        };
        let mut products = vec![product("qr: R", nodes)];
        let mut scratch = sizes.scratch_bytes(rows);
        if let Factored::Rows { source, .. } = &from {
            scratch = scratch.max(source.scratch_bytes());
        }
        match keeps {
            true => products.extend([product("qr: reflectors", nodes), product("qr: T", nodes)]),
            // they are made all the same
            false => scratch = scratch.saturating_add(rounded(sizes.bytes(rows))).saturating_add(rounded(sizes.t_bytes(rows))),
        }
        UpStage { products, sizes: sizes.clone(), from, scratch_bytes: scratch }
    }

    fn reflectors(&self) -> Reflectors {
        Reflectors { v: self.products[1].id, t: self.products[2].id }
    }

    fn keeps(&self) -> bool {
        self.products.len() > 1
    }

    /// Rows of node `n`.
    fn rows_of(&self, n: u64) -> u64 {
        match &self.from {
            Factored::Rows { rows, .. } => rows.chunk(n).1,
            Factored::Pairs { count, .. } => self.sizes.n * (count - 2 * n).min(2),
        }
    }

    fn rows_most(&self) -> u64 {
        match &self.from {
            Factored::Rows { rows, .. } => rows.longest(),
            Factored::Pairs { .. } => 2 * self.sizes.n,
        }
    }
}

impl Stage for UpStage {
    fn name(&self) -> &str {
        "qr"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        match &self.from {
            Factored::Rows { source, .. } => source.feed.products(),
            Factored::Pairs { below, .. } => vec![*below],
        }
    }
    fn tasks(&self) -> u64 {
        self.products[0].blocks
    }
    fn demand_bytes(&self) -> u64 {
        let (rows, sizes) = (self.rows_most(), &self.sizes);
        let read = match &self.from {
            Factored::Rows { source, rows } => source.feed.blocks_bytes(&[rows.clone(), AxisChunks::whole(sizes.n)]),
            Factored::Pairs { .. } => 2 * rounded(sizes.bytes(sizes.n)),
        };
        let kept = if self.keeps() { rounded(sizes.bytes(rows)).saturating_add(rounded(sizes.t_bytes(rows))) } else { 0 };
        [rounded(sizes.bytes(sizes.n)), kept, rounded(self.scratch_bytes)].into_iter().fold(read, u64::saturating_add)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        match &self.from {
            Factored::Rows { source, rows } => {
                let (start, len) = rows.chunk(n);
                source.feed.describe(&[start, 0], &[len, self.sizes.n], spec);
            }
            Factored::Pairs { below, count } => {
                spec.reads.extend((2 * n..(2 * n + 2).min(*count)).map(|block| BlockKey { product: *below, block }));
            }
        }
        let rows = self.rows_of(n);
        let sizes = [self.sizes.bytes(self.sizes.n), self.sizes.bytes(rows), self.sizes.t_bytes(rows)];
        for (product, bytes) in self.products.iter().zip(sizes) {
            spec.writes.push(Write { key: BlockKey { product: product.id, block: n }, bytes, takes: None });
        }
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        match &self.from {
            Factored::Rows { source, rows } => {
                source.feed.reading(&[rows.clone(), AxisChunks::whole(self.sizes.n)], product, block).map(|ranges| ranges[0].1).sum()
            }
            Factored::Pairs { below, .. } => (*below == product) as u64,
        }
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        if matches!(&self.from, Factored::Pairs { below, .. } if *below == product) {
            each(block / 2);
        }
    }
    fn prefetch(&self, n: u64) {
        if let Factored::Rows { source, rows } = &self.from {
            let (start, len) = rows.chunk(n);
            source.feed.prefetch(&[start, 0], &[len, self.sizes.n]);
        }
    }
    fn moved_bytes(&self) -> u64 {
        match &self.from {
            Factored::Rows { source, rows } => source.feed.moved_bytes(&[rows.clone(), AxisChunks::whole(self.sizes.n)]),
            Factored::Pairs { .. } => 0,
        }
    }
    fn flops(&self, n: u64) -> u64 {
        let rows = match &self.from {
            Factored::Rows { rows, .. } => rows.chunk(n).1,
            Factored::Pairs { .. } => 2 * self.sizes.n,
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, self.sizes.n])
    }
    fn all_flops(&self) -> u64 {
        let rows = match &self.from {
            Factored::Rows { rows, .. } => rows.len(),
            Factored::Pairs { .. } => 2 * self.sizes.n * self.tasks(),
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, self.sizes.n])
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, writes, mut scratch, counters } = blocks.parts();
        let rows = self.rows_of(n);
        let mut writes = writes.into_iter();
        let r = writes.next().unwrap_or_default();
        let (v, t) = match (writes.next(), writes.next()) {
            (Some(v), Some(t)) => (v, t),
            _ => {
                let v = crate::blocked::feed::carve(&mut scratch, rounded(self.sizes.bytes(rows)));
                let t = crate::blocked::feed::carve(&mut scratch, rounded(self.sizes.t_bytes(rows)));
                (&mut v[..self.sizes.bytes(rows) as usize], &mut t[..self.sizes.t_bytes(rows) as usize])
            }
        };
        match &self.from {
            Factored::Rows { source, rows } => source.bring_rows(rows.chunk(n), &reads, v, scratch, counters)?,
            Factored::Pairs { .. } => {
                reads.iter().zip(v.chunks_exact_mut(self.sizes.bytes(self.sizes.n) as usize)).for_each(|(r, to)| to.copy_from_slice(r))
            }
        }
        self.sizes.factor(v, t, r, scratch);
        Ok(())
    }
}

/// Nodes that multiply: what each hands to its children, or the rows of Q.
struct DownStage {
    products: Vec<Product>,
    sizes: Sizes,
    of: Reflectors,
    /// What the level above handed down; nothing at the root, which is given an identity.
    above: Option<u64>,
    to: To,
    scratch_bytes: u64,
}

/// What the nodes of a level write.
enum To {
    /// Rows of Q.
    Rows(AxisChunks),
    /// A square for each of so many children.
    Children(u64),
}

impl DownStage {
    fn new(sizes: &Sizes, of: Reflectors, above: Option<u64>, to: To) -> DownStage {
        let (products, scratch) = match &to {
            To::Rows(rows) => (vec![product("qr: Q", rows.count())], sizes.scratch_bytes(rows.longest())),
            To::Children(count) => (vec![product("qr: down", *count)], sizes.scratch_bytes(2 * sizes.n)),
        };
        let both = if matches!(to, To::Children(_)) { rounded(sizes.bytes(2 * sizes.n)) } else { 0 };
        DownStage { products, sizes: sizes.clone(), of, above, to, scratch_bytes: scratch.saturating_add(both) }
    }

    fn rows_of(&self, n: u64) -> u64 {
        match &self.to {
            To::Rows(rows) => rows.chunk(n).1,
            To::Children(count) => self.sizes.n * (count - 2 * n).min(2),
        }
    }
}

impl Stage for DownStage {
    fn name(&self) -> &str {
        "qr: Q"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        [self.of.v, self.of.t].into_iter().chain(self.above).collect()
    }
    fn tasks(&self) -> u64 {
        match &self.to {
            To::Rows(rows) => rows.count(),
            To::Children(count) => count.div_ceil(2),
        }
    }
    fn demand_bytes(&self) -> u64 {
        let sizes = &self.sizes;
        let rows = match &self.to {
            To::Rows(rows) => rows.longest(),
            To::Children(_) => 2 * sizes.n,
        };
        // reflectors, what is made of them, what comes from above
        let blocks = [sizes.bytes(rows), sizes.t_bytes(rows), sizes.bytes(rows), sizes.bytes(sizes.n), self.scratch_bytes];
        blocks.into_iter().map(rounded).fold(0, u64::saturating_add).saturating_add(rounded(1))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.extend([self.of.v, self.of.t].into_iter().chain(self.above).map(|product| BlockKey { product, block: n }));
        let id = self.products[0].id;
        let mut write = |block, bytes| spec.writes.push(Write { key: BlockKey { product: id, block }, bytes, takes: None });
        match &self.to {
            To::Rows(rows) => write(n, self.sizes.bytes(rows.chunk(n).1)),
            To::Children(count) => (2 * n..(2 * n + 2).min(*count)).for_each(|child| write(child, self.sizes.bytes(self.sizes.n))),
        }
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        self.inputs().contains(&product) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        if matches!(self.to, To::Rows(_)) { block } else { block / 2 }
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn flops(&self, n: u64) -> u64 {
        let rows = match &self.to {
            To::Rows(rows) => rows.chunk(n).1,
            To::Children(_) => 2 * self.sizes.n,
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, 2 * self.sizes.n])
    }
    fn all_flops(&self) -> u64 {
        let rows = match &self.to {
            To::Rows(rows) => rows.len(),
            To::Children(_) => 2 * self.sizes.n * self.tasks(),
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, 2 * self.sizes.n])
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, .. } = blocks.parts();
        let top = self.above.map(|_| reads[2]);
        match &self.to {
            To::Rows(_) => self.sizes.multiply(reads[0], reads[1], top, writes[0], scratch),
            To::Children(_) => {
                let bytes = self.sizes.bytes(self.rows_of(n)) as usize;
                let both = &mut crate::blocked::feed::carve(&mut scratch, rounded(self.sizes.bytes(2 * self.sizes.n)))[..bytes];
                self.sizes.multiply(reads[0], reads[1], top, both, scratch);
                let square = self.sizes.bytes(self.sizes.n) as usize;
                both.chunks_exact(square).zip(&mut writes).for_each(|(part, to)| to.copy_from_slice(part));
            }
        }
        Ok(())
    }
}

/// Rows of a matrix [m, n] that are factored together: twice as many as columns at least, so that a level of the tree is half as
/// much as the one below it.
fn leaf_rows(m: u64, n: u64, elements: u64) -> u64 {
    (elements / n.max(1)).max(2 * n).clamp(1, m.max(1))
}

impl LowerAll for ops::TallQr {
    fn lower_all(&self, node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let (m, n) = (self.arg.shape[0], self.arg.shape[1]);
        let keeps = wanted[0];
        let sizes = Sizes { n, dtype: node.dtype };
        let rows = AxisChunks::regular(m, leaf_rows(m, n, lowering.budget.sizes.numerics.tall_elements));
        let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
        let source = Source::new(feed, regs[0], node.dtype, n, &rows, lowering.budget.work());
        let mut levels = Vec::new();
        let mut stage = UpStage::new(&sizes, Factored::Rows { source: Box::new(source), rows: rows.clone() }, keeps);
        let mut drive = Drive::Ranked(lowering.rank_of(&stage.inputs()));
        let root = loop {
            let (below, count) = (stage.products[0].id, stage.products[0].blocks);
            levels.push((keeps.then(|| stage.reflectors()), count));
            lowering.push(stage, drive);
            if count == 1 {
                break below;
            }
            stage = UpStage::new(&sizes, Factored::Pairs { below, count }, keeps);
            drive = Drive::Following;
        };
        let r = wanted[1].then(|| Blocked { product: root, grid: ChunkGrid::whole(&[n, n]) });
        let mut above = None;
        let mut q = None;
        for level in (0..levels.len()).rev() {
            let Some(of) = levels[level].0 else { break };
            let to = match level.checked_sub(1) {
                Some(below) => To::Children(levels[below].1),
                None => To::Rows(rows.clone()),
            };
            let stage = DownStage::new(&sizes, of, above, to);
            above = Some(stage.products[0].id);
            if level == 0 {
                q = above.map(|product| Blocked { product, grid: ChunkGrid { axes: vec![rows.clone(), AxisChunks::whole(n)] } });
            }
            let drive = if level == 0 { Drive::Pulled } else { Drive::Ranked(lowering.rank_of(&stage.inputs())) };
            lowering.push(stage, drive);
        }
        Ok(vec![q, r])
    }
}
