//! Rows of a tall matrix, divided by triangles: a task has some rows.

use super::source::Source;
use super::tall::{Sizes, rows_of_feed, rows_of_leaves};
use crate::blocked::flops;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::error::Result;
use crate::expr::{Expr, Node, ops};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Parts, Product, TaskBlocks};
use flagstone_kernels::linalg::{self, Mat, MatMut};
use flagstone_kernels::with_field;

/// Tasks that divide rows.
struct RowsOverStage {
    sizes: Sizes,
    source: Source,
    rows: AxisChunks,
    /// How many triangles there are.
    triangles: usize,
    graph: Graph,
}

impl RowsOverStage {
    fn new(sizes: Sizes, source: Source, rows: AxisChunks, triangles: &[u64]) -> Placed<RowsOverStage> {
        let product = Product::new("qr: Q", rows.count());
        let square = sizes.bytes(sizes.n);
        let kernel = with_field!(sizes.dtype, T => linalg::rows_over_scratch_bytes::<T>(rows.longest() as usize, sizes.n as usize)) as u64;
        let graph = Graph {
            feeds: vec![rows_of_feed(&source, &rows)],
            reads: triangles.iter().map(|&triangle| Blocks::new(triangle, &[1], square).along([Along::One(0)])).collect(),
            writes: vec![Blocks::new(product.id, &[rows.count()], sizes.bytes(rows.longest())).along([HERE])],
            scratch_bytes: source.scratch_bytes().max(kernel),
            ..Graph::rows("qr: Q", vec![product], &[rows.count()])
        };
        Placed(RowsOverStage { sizes, source, rows, triangles: triangles.len(), graph })
    }
}

impl Places for RowsOverStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.sizes.bytes(self.rows.chunk(block[0]).1)
    }
    fn flops(&self, place: &[u64]) -> u64 {
        flops::of_products(self.sizes.dtype, &[self.rows.chunk(place[0]).1, self.sizes.n, self.sizes.n * self.triangles as u64 / 2])
    }
    fn all_flops(&self) -> u64 {
        flops::of_products(self.sizes.dtype, &[self.rows.len(), self.sizes.n, self.sizes.n * self.triangles as u64 / 2])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let (fed, triangles) = reads.split_at(reads.len() - self.triangles);
        self.source.bring_rows(self.rows.chunk(place[0]), fed, writes[0], scratch, counters)?;
        let n = self.sizes.n as usize;
        with_field!(self.sizes.dtype, T => {
            let x: &mut [T] = bytemuck::cast_slice_mut(&mut *writes[0]);
            for triangle in triangles {
                linalg::rows_over(Mat::dense(bytemuck::cast_slice(triangle), n, n), MatMut::dense(x, x.len() / n, n), scratch);
            }
        });
        Ok(())
    }
}

/// `arg` over `triangles`, one after the other.
///
/// # Errors
/// `Internal` where they do not fit together.
pub fn rows_over(arg: &Expr, triangles: Vec<Expr>) -> Result<Expr> {
    Node::new(ops::RowsOver { arg: arg.clone(), triangles }.into())
}

impl Lower for ops::RowsOver {
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let sizes = Sizes { n: self.arg.shape[1], dtype: node.dtype };
        let rows = rows_of_leaves(self.arg.shape[0], sizes.n, lowering.budget.sizes.numerics.tall_elements);
        let triangles = self.triangles.iter().map(|triangle| Ok(lowering.make(triangle)?.product)).collect::<Result<Vec<u64>>>()?;
        let (feed, regs) = lowering.feed(&[&self.arg], &self.arg.shape)?;
        let source = Source::new(feed, regs[0], node.dtype, sizes.n, &rows, lowering.budget.work());
        let grid = ChunkGrid { axes: vec![rows.clone(), AxisChunks::whole(sizes.n)] };
        let stage = RowsOverStage::new(sizes, source, rows, &triangles);
        let product = stage.graph.products[0].id;
        lowering.push(stage, Drive::Pulled);
        Ok(Blocked { product, grid })
    }
}
