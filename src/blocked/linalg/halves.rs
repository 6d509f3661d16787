//! The column blocks of [0, Aᴴ; A, 0], taken in turn from both of its halves, and what brings A into them and directions out of them.

use super::source::Source;
use crate::blocked::places::{Along, Blocks, Fed, Graph, HERE, Placed, Places};
use crate::blocked::space::{Order, Space};
use crate::error::{ErrorKind, Result};
use crate::grid::AxisChunks;
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{Field, Mat, first_without_number};
use flagstone_kernels::with_field;

/// Of a matrix [m, n], m ≥ n ≥ 1: column blocks v₁, u₁, v₂, … of its columns and, conjugated, its rows. Each has rows of the other half
/// alone: vⱼ the rows from its own number on, uᵢ the columns after its own.
#[derive(Clone, Debug)]
pub struct Halves {
    pub m: u64,
    pub n: u64,
    /// Columns of a block, but of the last one.
    pub width: u64,
}

/// A column block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfBlock {
    /// 0 of v, 1 of u.
    pub half: u64,
    /// The first of its columns, in its own half, and their number.
    pub columns: (u64, u64),
    /// The first of its rows, in the other half, and their number.
    pub rows: (u64, u64),
}

impl Halves {
    /// Blocks of at most `width` columns.
    pub fn new(m: u64, n: u64, width: u64) -> Halves {
        Halves { m, n, width: width.min(n) }
    }

    /// The column blocks of A's columns.
    pub fn columns(&self) -> AxisChunks {
        AxisChunks::regular(self.n, self.width)
    }

    /// The column blocks of both halves. Those of the last rows have nothing.
    pub fn in_turn(&self) -> AxisChunks {
        AxisChunks::regular(2 * self.n - self.columns().chunk(self.columns().count() - 1).1, self.width)
    }

    pub fn block(&self, j: u64) -> HalfBlock {
        let (half, columns) = (j % 2, self.columns().chunk(j / 2));
        let (top, end) = if half == 0 { (columns.0, self.m) } else { (columns.0 + columns.1, self.n) };
        HalfBlock { half, columns, rows: (top, end - top) }
    }

    /// Rows of W of the panel of block `j`, of the block's own half: the first, and their number.
    pub fn second(&self, j: u64) -> (u64, u64) {
        let block = self.block(j);
        let (top, end) = (block.columns.0 + block.columns.1, if block.half == 0 { self.n } else { self.m });
        (top, end - top)
    }

    /// Elements of the largest block, V, X or W.
    pub fn largest(&self) -> u64 {
        self.m * self.width
    }
}

/// Tasks at (half, block): block j of v, and the one of u before it.
struct InTurn {
    pairs: u64,
}

impl Order for InTurn {
    fn len(&self) -> u64 {
        2 * self.pairs - 1
    }
    fn place(&self, n: u64) -> Vec<u64> {
        vec![n % 2, n.div_ceil(2)]
    }
    fn number(&self, place: &[u64]) -> u64 {
        2 * place[1] - place[0]
    }
}

/// Brings A into its blocks, a task each.
pub struct CutStage {
    halves: Halves,
    /// A, and where it has more than one column block, Aᴴ.
    sources: Vec<Source>,
    /// Whether the rows are the columns that a user gave.
    mirrored: bool,
    dtype: DType,
    graph: Graph,
}

impl CutStage {
    /// Of the column blocks of A and those of Aᴴ.
    pub fn new(halves: Halves, sources: Vec<Source>, mirrored: bool) -> Placed<CutStage> {
        let (pairs, dtype) = (halves.columns().count(), sources[0].dtype);
        let order = InTurn { pairs };
        let product = Product::new("svd: halves", order.len());
        let space = Space::of(&[2, pairs]).triangle([0, 1]);
        let fed = |(half, source): (u64, &Source)| Fed {
            feed: source.feed.clone(),
            cuts: source.boxes(),
            along: vec![Along::One(0), Along::At(1, -(half as i64))],
            within: Some(vec![space.at(0, half..half + 1)]),
        };
        let bytes = halves.largest() * dtype.size() as u64;
        let graph = Graph {
            feeds: (0..).zip(&sources).map(fed).collect(),
            writes: vec![Blocks::of_tasks(product.id, bytes).along([HERE, Along::At(1, 0)])],
            scratch_bytes: sources.iter().map(Source::scratch_bytes).max().unwrap_or(0),
            ..Graph::new("svd: halves", vec![product], space, Box::new(order))
        };
        Placed(CutStage { halves, sources, mirrored, dtype, graph })
    }

    /// The product of the blocks.
    pub fn made(&self) -> u64 {
        self.graph.products[0].id
    }

    fn check<T: Field>(&self, block: &HalfBlock, elements: &[u8]) -> Result<()> {
        let block_of = Mat::<T>::dense(bytemuck::cast_slice(elements), block.rows.1 as usize, block.columns.1 as usize);
        let Some([row, column]) = first_without_number(block_of) else { return Ok(()) };
        let (row, column) = (row as u64 + block.rows.0, column as u64 + block.columns.0);
        let (row, column) = if (block.half == 1) != self.mirrored { (column, row) } else { (row, column) };
        let what = format!("the matrix has NaN or infinity in row {row}, column {column}");
        Err(ErrorKind::Numerical { operation: "svd".to_string(), what }.into())
    }
}

impl Places for CutStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, place: &[u64]) -> u64 {
        let block = self.halves.block(self.graph.order.number(place));
        block.rows.1 * block.columns.1 * self.dtype.size() as u64
    }
    fn wanted(&self, place: &[u64], (mut start, mut shape): (Vec<u64>, Vec<u64>)) -> (Vec<u64>, Vec<u64>) {
        (start[0], shape[0]) = self.halves.block(self.graph.order.number(place)).rows;
        (start, shape)
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let block = self.halves.block(self.graph.order.number(place));
        self.sources[place[0] as usize].bring_below(place[1] - place[0], block.rows.0, &reads, writes[0], scratch, counters)?;
        with_field!(self.dtype, T => self.check::<T>(&block, writes[0]))
    }
}

/// Takes the directions of one half out of those of both, in column blocks: rows in the order of the blocks become rows in their own.
pub struct ApartStage {
    halves: Halves,
    half: u64,
    columns: AxisChunks,
    item: u64,
    graph: Graph,
}

impl ApartStage {
    /// Of the product `both` of matrices [2n, ..] in blocks of `columns`. What comes is [m, ..] or [n, ..], further rows of zeros.
    pub fn new(halves: Halves, half: u64, both: u64, columns: AxisChunks, dtype: DType) -> Placed<ApartStage> {
        let (counts, item) = ([columns.count()], dtype.size() as u64);
        let product = Product::new(if half == 0 { "svd: rows of V" } else { "svd: rows of U" }, counts[0]);
        let row_bytes = columns.longest() * item;
        let rows = if half == 0 { halves.n } else { halves.m };
        let graph = Graph {
            reads: vec![Blocks::new(both, &counts, 2 * halves.n * row_bytes).along([HERE])],
            writes: vec![Blocks::new(product.id, &counts, rows * row_bytes).along([HERE])],
            ..Graph::rows(&product.name.clone(), vec![product], &counts)
        };
        Placed(ApartStage { halves, half, columns, item, graph })
    }

    /// The product of the blocks.
    pub fn made(&self) -> u64 {
        self.graph.products[0].id
    }
}

impl Places for ApartStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        let rows = if self.half == 0 { self.halves.n } else { self.halves.m };
        rows * self.columns.chunk(block[0]).1 * self.item
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        let row_bytes = (self.columns.chunk(place[0]).1 * self.item) as usize;
        let columns = self.halves.columns();
        let (mut from, mut to) = (reads[0], &mut *writes[0]);
        for pair in 0..columns.count() {
            let bytes = columns.chunk(pair).1 as usize * row_bytes;
            let (both, rest) = from.split_at(2 * bytes);
            let (own, further) = to.split_at_mut(bytes);
            own.copy_from_slice(&both[self.half as usize * bytes..][..bytes]);
            (from, to) = (rest, further);
        }
        to.fill(0);
        Ok(())
    }
}
