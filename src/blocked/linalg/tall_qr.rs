//! QR of tall matrices by a tree: rows are factored apart, pairs of R are stacked and factored again, up to one R. For Q, an
//! identity comes down the same tree: each node multiplies by its Q what it is given, and hands a part to each child.
//!
//! The tree follows from shape and dtype alone. Where the reflectors of the matrix's own rows would take much of the memory, they are made
//! again on the way down: reading and factoring rows once more costs less than storing as many.

use super::source::Source;
use super::tall::{Sizes, pairs, rows_of_feed, rows_of_leaves};
use crate::blocked::flops;
use crate::blocked::lower::{LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::blocked::work::Layout;
use crate::error::Result;
use crate::expr::ops::By;
use crate::expr::{Expr, ops, outputs, postorder};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::memory::{PAGE, rounded};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks};
use crate::sizes::{NumericsSizes, graph};
use flagstone_kernels::linalg::{self, Field, Mat, MatMut};
use flagstone_kernels::with_field;
use std::sync::Arc;

impl Sizes {
    /// Q of `v` and `t` times `top` with zeros below it, to `out` [rows, n].
    fn multiply(&self, v: &[u8], t: &[u8], top: Option<&[u8]>, out: &mut [u8], scratch: &mut [u8]) {
        with_field!(self.dtype, T => {
            let (v, out): (&[T], &mut [T]) = (bytemuck::cast_slice(v), bytemuck::cast_slice_mut(out));
            multiply::<T>(self.n as usize, v, bytemuck::cast_slice(t), top.map(bytemuck::cast_slice), out, scratch)
        });
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
    sizes: Sizes,
    from: Factored,
    /// A task a node, which writes R, and reflectors and T where they are kept.
    graph: Graph,
    /// Reflectors and T where they are not kept: they are made all the same.
    layout: Layout<2>,
}

/// What the nodes of a level factor.
enum Factored {
    /// Rows of the matrix.
    Rows { source: Arc<Source>, rows: AxisChunks },
    /// The R of the level below, which has so many.
    Pairs { below: u64, count: u64 },
}

impl UpStage {
    /// With so many bytes more than it takes itself.
    fn new(sizes: &Sizes, from: Factored, keeps: bool, beside: u64) -> Placed<UpStage> {
        let square = sizes.bytes(sizes.n);
        let (nodes, rows) = match &from {
            Factored::Rows { rows, .. } => (rows.count(), rows.longest()),
            Factored::Pairs { count, .. } => (pairs(*count).count(), 2 * sizes.n),
        };
        let [_, v, t] = sizes.made(rows);
        let mut products = vec![Product::new("qr: R", nodes)];
        let mut layout = Layout::new([rounded(v), rounded(t)]);
        if keeps {
            products.extend([Product::new("qr: reflectors", nodes), Product::new("qr: T", nodes)]);
            layout = Layout::new([0; 2]);
        }
        let (feed, reads, loading) = match &from {
            Factored::Rows { source, rows } => (Some(rows_of_feed(source, rows)), Vec::new(), source.scratch_bytes()),
            Factored::Pairs { below, count } => {
                (None, vec![Blocks::new(*below, &[*count], square).along([Along::Group(0, pairs(*count))])], 0)
            }
        };
        let writes = products.iter().zip(sizes.made(rows)).map(|(product, bytes)| Blocks::new(product.id, &[nodes], bytes).along([HERE]));
        let graph = Graph {
            feeds: feed.into_iter().collect(),
            reads,
            writes: writes.collect(),
            scratch_bytes: sizes.scratch_bytes(rows).max(loading).saturating_add(layout.bytes()).saturating_add(beside),
            ..Graph::rows("qr", products, &[nodes])
        };
        Placed(UpStage { sizes: sizes.clone(), from, graph, layout })
    }

    /// Rows of node `n`.
    fn rows_of(&self, n: u64) -> u64 {
        match &self.from {
            Factored::Rows { rows, .. } => rows.chunk(n).1,
            Factored::Pairs { count, .. } => self.sizes.n * pairs(*count).chunk(n).1,
        }
    }
}

impl Places for UpStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, block: &[u64]) -> u64 {
        self.sizes.made(self.rows_of(block[0]))[product]
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let rows = match &self.from {
            Factored::Rows { rows, .. } => rows.chunk(place[0]).1,
            Factored::Pairs { .. } => 2 * self.sizes.n,
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, self.sizes.n])
    }
    fn all_flops(&self) -> u64 {
        let rows = match &self.from {
            Factored::Rows { rows, .. } => rows.len(),
            Factored::Pairs { count, .. } => 2 * self.sizes.n * pairs(*count).count(),
        };
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, self.sizes.n])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, writes, mut scratch, counters } = blocks.parts();
        let [_, v_bytes, t_bytes] = self.sizes.made(self.rows_of(place[0]));
        let mut writes = writes.into_iter();
        let r = writes.next().unwrap_or_default();
        let [v, t] = self.layout.split(&mut scratch);
        let (v, t) = match (writes.next(), writes.next()) {
            (Some(v), Some(t)) => (v, t),
            _ => (&mut v[..v_bytes as usize], &mut t[..t_bytes as usize]),
        };
        match &self.from {
            Factored::Rows { source, rows } => source.bring_rows(rows.chunk(place[0]), &reads, v, scratch, counters)?,
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
    sizes: Sizes,
    /// Whether the level above handed something down; the root is given an identity.
    has_above: bool,
    to: To,
    /// A task a node.
    graph: Graph,
    /// What goes to both children; reflectors and T where they are made again.
    layout: Layout<3>,
}

/// What the nodes of a level write.
enum To {
    /// Rows of Q.
    Rows(AxisChunks),
    /// Rows of Q, of reflectors that are made again.
    Again { source: Arc<Source>, rows: AxisChunks },
    /// A square for each of so many children.
    Children(u64),
}

impl DownStage {
    /// With the reflectors and the triangles of a level, where they are kept.
    fn new(sizes: &Sizes, of: Option<[u64; 2]>, above: Option<u64>, to: To) -> Placed<DownStage> {
        let square = sizes.bytes(sizes.n);
        let (product, nodes, rows) = match &to {
            To::Rows(rows) | To::Again { rows, .. } => (Product::new("qr: Q", rows.count()), rows.count(), rows.longest()),
            To::Children(count) => (Product::new("qr: down", *count), pairs(*count).count(), 2 * sizes.n),
        };
        let [_, v, t] = sizes.made(rows);
        let (along, written, layout) = match &to {
            To::Rows(_) => (HERE, v, [0; 3]),
            To::Again { .. } => (HERE, v, [0, rounded(v), rounded(t)]),
            To::Children(count) => (Along::Group(0, pairs(*count)), square, [rounded(v), 0, 0]),
        };
        let (feed, loading) = match &to {
            To::Again { source, rows } => (Some(rows_of_feed(source, rows)), source.scratch_bytes()),
            _ => (None, 0),
        };
        let layout = Layout::new(layout);
        let kept = of.into_iter().flat_map(|[reflectors, triangles]| [(reflectors, v), (triangles, t)]);
        let read = kept.chain(above.map(|above| (above, square)));
        let graph = Graph {
            feeds: feed.into_iter().collect(),
            reads: read.map(|(product, bytes)| Blocks::new(product, &[nodes], bytes).along([HERE])).collect(),
            writes: vec![Blocks::new(product.id, &[product.blocks], written).along([along])],
            scratch_bytes: sizes.scratch_bytes(rows).max(loading).saturating_add(layout.bytes()),
            ..Graph::rows("qr: Q", vec![product], &[nodes])
        };
        Placed(DownStage { sizes: sizes.clone(), has_above: above.is_some(), to, graph, layout })
    }

    /// Rows of node `n`, or of all nodes, and how many times their square with the columns they cost.
    fn rows_and_products(&self, n: Option<u64>) -> (u64, u64) {
        let of = |rows: &AxisChunks| n.map_or(rows.len(), |n| rows.chunk(n).1);
        match &self.to {
            To::Rows(rows) => (of(rows), 2),
            To::Again { rows, .. } => (of(rows), 3),
            To::Children(count) => (2 * self.sizes.n * if n.is_some() { 1 } else { pairs(*count).count() }, 2),
        }
    }
}

impl Places for DownStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.sizes.bytes(match &self.to {
            To::Rows(rows) | To::Again { rows, .. } => rows.chunk(block[0]).1,
            To::Children(_) => self.sizes.n,
        })
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let (rows, times) = self.rows_and_products(Some(place[0]));
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, times * self.sizes.n])
    }
    fn all_flops(&self) -> u64 {
        let (rows, times) = self.rows_and_products(None);
        flops::of_products(self.sizes.dtype, &[rows, self.sizes.n, times * self.sizes.n])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, counters } = blocks.parts();
        let top = if self.has_above { reads.last().copied() } else { None };
        let [both, v, t] = self.layout.split(&mut scratch);
        match &self.to {
            To::Rows(_) => self.sizes.multiply(reads[0], reads[1], top, writes[0], scratch),
            To::Again { source, rows } => {
                let (first, len) = rows.chunk(place[0]);
                let [_, v_bytes, t_bytes] = self.sizes.made(len).map(|bytes| bytes as usize);
                let (v, t) = (&mut v[..v_bytes], &mut t[..t_bytes]);
                let fed = reads.len() - self.has_above as usize;
                source.bring_rows((first, len), &reads[..fed], v, scratch, counters)?;
                self.sizes.reflect(v, t, scratch);
                self.sizes.multiply(v, t, top, writes[0], scratch);
            }
            To::Children(_) => {
                let square = self.sizes.bytes(self.sizes.n) as usize;
                let both = &mut both[..square * writes.len()];
                self.sizes.multiply(reads[0], reads[1], top, both, scratch);
                both.chunks_exact(square).zip(&mut writes).for_each(|(part, to)| to.copy_from_slice(part));
            }
        }
        Ok(())
    }
}

/// Whether `of` can be factored by a sketch: by rows that are made again at each read, for little more than reading them.
pub fn suits_a_sketch(of: &ops::TallQr, sizes: &NumericsSizes) -> bool {
    let (m, n) = (of.arg.shape[0], of.arg.shape[1]);
    of.by == By::Sketch
        && m / graph::SKETCHED_RATIO >= n
        && rows_of_leaves(m, n, sizes.tall_elements).count() > 1
        && postorder(std::slice::from_ref(&of.arg)).iter().all(|node| !node.op.ends_loop())
}

/// Q and R of `arg`.
///
/// # Errors
/// `BadRequest` where it is no matrix.
pub fn tall_qr(arg: &Expr, by: By) -> Result<Vec<Expr>> {
    outputs(ops::TallQr { arg: arg.clone(), by }.into())
}

impl LowerAll for ops::TallQr {
    fn lower_all(&self, node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let (m, n) = (self.arg.shape[0], self.arg.shape[1]);
        let keeps = wanted[0];
        let sizes = Sizes { n, dtype: node.dtype };
        let rows = rows_of_leaves(m, n, lowering.budget.sizes.numerics.tall_elements);
        let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
        let source = Arc::new(Source::new(feed, regs[0], node.dtype, n, &rows, lowering.budget.work()));
        // what is read from stores or made from nothing can be read again; blocks would have to be kept as long
        let much = sizes.bytes(m) > lowering.budget.memory_bytes / lowering.budget.work().again_share;
        let again = keeps && much && rows.count() > 1 && source.feed.products().is_empty();
        // the triangles that rows are divided by; scratch is rounded to pages as a whole, and they would not be
        let beside = if self.by == By::Either { 2 * rounded(sizes.bytes(n)) + PAGE } else { 0 };
        let mut levels = Vec::new();
        let mut stage = UpStage::new(&sizes, Factored::Rows { source: source.clone(), rows: rows.clone() }, keeps && !again, beside);
        let mut drive = Drive::Ranked(lowering.rank_of(&stage.inputs()));
        let root = loop {
            let (made, count) = (stage.products().iter().map(|product| product.id).collect::<Vec<_>>(), stage.tasks());
            let below = made[0];
            levels.push((made.get(1..3).map(|kept| [kept[0], kept[1]]), count));
            lowering.push(stage, drive);
            if count == 1 {
                break below;
            }
            stage = UpStage::new(&sizes, Factored::Pairs { below, count }, keeps, 0);
            drive = Drive::Following;
        };
        let r = wanted[1].then(|| Blocked { product: root, grid: ChunkGrid::whole(&[n, n]) });
        let mut above = None;
        let mut q = None;
        for level in (0..levels.len()).rev().filter(|_| keeps) {
            let of = levels[level].0;
            let to = match level.checked_sub(1) {
                Some(below) => To::Children(levels[below].1),
                None if again => To::Again { source: source.clone(), rows: rows.clone() },
                None => To::Rows(rows.clone()),
            };
            let stage = DownStage::new(&sizes, of, above, to);
            above = Some(stage.products()[0].id);
            if level == 0 {
                q = above.map(|product| Blocked { product, grid: ChunkGrid { axes: vec![rows.clone(), AxisChunks::whole(n)] } });
            }
            let drive = if level == 0 { Drive::Pulled } else { Drive::Ranked(lowering.rank_of(&stage.inputs())) };
            lowering.push(stage, drive);
        }
        Ok(vec![q, r])
    }
}
