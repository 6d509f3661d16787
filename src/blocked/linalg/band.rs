//! A Hermitian matrix larger than memory → a band matrix, panel by panel, each applied to the rest from both sides.
//!
//! Only the lower triangle is kept, as column blocks from the diagonal block on downwards. Step s makes a panel of block s, and brings
//! every later block up to date with the panel before (V, W); each block then gives its part of X = A·V of the panel just made, which
//! is handed from block to block, and becomes W at last. So a block comes into memory once a step, and a task holds three: itself, V,
//! and W or X. While a panel is made, later blocks are brought up to date by other threads.

use super::source::Source;
use super::two_sided::{BAND, BLOCKS, From, Largest, PANELS, TRIANGLES, graph};
use crate::blocked::flops;
use crate::blocked::places::{Along, Fed, Graph, Placed, Places};
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::AxisChunks;
use crate::memory::rounded;
use crate::plan::{Parts, TaskBlocks};
use flagstone_kernels::gemm::gemm_helper_bytes;
use flagstone_kernels::linalg::{self, Field, Mat, MatMut};
use flagstone_kernels::with_field;

/// The tasks.
pub struct BandStage {
    source: Source,
    /// Whether the rows of the source are the columns that a user gave.
    mirrored: bool,
    /// Writes blocks on their way, X on its way, V, T, W, and the band.
    graph: Graph,
}

impl BandStage {
    /// Of the matrix of `source`, of two column blocks at least.
    pub fn new(source: Source, mirrored: bool, budget: &Budget) -> Placed<BandStage> {
        let (m, w) = (source.rows() as usize, source.columns.longest() as usize);
        let kernel = with_field!(source.dtype, T => linalg::two_sided_scratch_bytes::<T>(m, w)) as u64;
        let helpers = budget.helpers(m as u64, budget.work().step_helpers_max) * gemm_helper_bytes(source.dtype, w, w) as u64;
        let square = (w * w * source.dtype.size()) as u64;
        let scratch_bytes = (kernel + helpers + rounded(square)).max(source.scratch_bytes());
        let fed = Fed { feed: source.feed.clone(), cuts: source.boxes(), along: vec![Along::One(0), Along::At(1, 0)], within: None };
        let column = (w * source.dtype.size()) as u64;
        let largest = Largest { block: bytes_below(&source, 0, w as u64), triangle: square, band: square + column };
        let graph = Graph { scratch_bytes, ..graph("eigh", source.columns.count(), From::Loop(fed), &largest) };
        Placed(BandStage { source, mirrored, graph })
    }

    /// Columns of a block, but of the last one.
    pub fn width(&self) -> u64 {
        self.source.columns.longest()
    }

    /// The products of V and T of the panels.
    pub fn panels(&self) -> [u64; 2] {
        [self.graph.products[PANELS].id, self.graph.products[TRIANGLES].id]
    }

    /// The product of the band: of each block its columns, from the diagonal on downwards, of [`BandStage::width`] and one elements.
    pub fn band(&self) -> u64 {
        self.graph.products[BAND].id
    }

    /// Brings block `j`, in `block` already where s > 0, up to step `s`.
    fn bring<T: Field>(
        &self,
        s: u64,
        j: u64,
        reads: &[&[u8]],
        block: &mut [u8],
        parts: (&mut [u8], &crate::events::Counters),
    ) -> Result<()> {
        let ((first, w), (scratch, counters)) = (self.source.columns.chunk(j), parts);
        let rows = (self.source.rows() - first) as usize;
        if s == 0 {
            self.source.bring_below(j, first, reads, block, scratch, counters)?;
            let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(block), rows, w as usize);
            return linalg::two_sided_first(a).map_err(|[row, column]| self.no_number(row as u64 + first, column as u64 + first));
        }
        let [v, second] = reads else { return Err(Error::internal("a panel and W")) };
        let columns = self.width() as usize;
        let low = |block: &'_ [u8]| {
            let elements = bytemuck::cast_slice::<u8, T>(block);
            elements.len() / columns - rows
        };
        let (skip, skip_second) = (low(v), low(second));
        let v = Mat::<T>::dense(bytemuck::cast_slice(v), rows + skip, columns).below(skip);
        let second = Mat::<T>::dense(bytemuck::cast_slice(second), rows + skip_second, columns).below(skip_second);
        let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(block), rows, w as usize);
        linalg::two_sided_update(a, v, second, scratch);
        Ok(())
    }

    fn no_number(&self, row: u64, column: u64) -> Error {
        let (row, column) = if self.mirrored { (column, row) } else { (row, column) };
        let what = format!("the matrix has NaN or infinity in row {row}, column {column}");
        ErrorKind::Numerical { operation: "eigh".to_string(), what }.into()
    }

    fn typed<T: Field>(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let (width, s, j) = (self.width() as usize, place[0], place[1]);
        match (j == s, place[2]) {
            (true, 0) if s + 1 == self.source.columns.count() => {
                let (scratch, last) = scratch.split_at_mut(scratch.len() - reads[0].len());
                last.copy_from_slice(reads[0]);
                self.bring::<T>(s, s, &reads[1..], last, (scratch, counters))?;
                let w = self.source.columns.chunk(s).1 as usize;
                let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(last), w, w);
                let none = MatMut::<T>::dense(&mut [], 0, 0);
                linalg::two_sided_panel(a, none, bytemuck::cast_slice_mut(writes[0]), scratch, width + 1);
            }
            (true, 0) => {
                self.bring::<T>(s, s, &reads, writes[0], (&mut *scratch, counters))?;
                let rows = writes[0].len() / (width * size_of::<T>());
                let [v, t, band] = &mut writes[..] else { return Err(Error::internal("a panel, T and a band")) };
                let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(v), rows, width);
                let t = MatMut::<T>::dense(bytemuck::cast_slice_mut(t), width, width);
                linalg::two_sided_panel(a, t, bytemuck::cast_slice_mut(band), scratch, width + 1);
            }
            (false, 0) => self.bring::<T>(s, j, &reads, writes[0], (scratch, counters))?,
            (false, _) => {
                let columns = self.source.columns.chunk(j).1 as usize;
                let rows = writes[0].len() / (columns * size_of::<T>());
                let v = bytemuck::cast_slice::<u8, T>(reads[0]);
                let v = Mat::dense(v, v.len() / width, width);
                let [block, sums] = &mut writes[..] else { return Err(Error::internal("a block and X")) };
                let a = Mat::<T>::dense(bytemuck::cast_slice(block), rows, columns);
                let x = bytemuck::cast_slice_mut::<u8, T>(sums);
                let height = x.len() / width;
                let [_, x] = MatMut::dense(x, height, width).split_rows(height - rows);
                linalg::two_sided_product(a, v.below(v.rows() - rows), x, j == s + 1, scratch);
            }
            (true, _) => {
                let x = bytemuck::cast_slice_mut::<u8, T>(writes[0]);
                let rows = x.len() / width;
                let v = bytemuck::cast_slice::<u8, T>(reads[0]);
                let v = Mat::dense(v, v.len() / width, width);
                let t = Mat::dense(bytemuck::cast_slice(reads[1]), width, width);
                linalg::two_sided_finish(v.below(v.rows() - rows), t, MatMut::dense(x, rows, width), scratch);
            }
        }
        Ok(())
    }
}

impl Places for BandStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, block: &[u64]) -> u64 {
        let (w, item, columns) = (self.width(), self.source.dtype.size() as u64, &self.source.columns);
        match product {
            BLOCKS => bytes_below(&self.source, block[1], columns.chunk(block[1]).1),
            PANELS => bytes_below(&self.source, block[0], w),
            TRIANGLES => w * w * item,
            BAND => columns.chunk(block[0]).1 * (w + 1) * item,
            _ => bytes_below(&self.source, block[0] + 1, w),
        }
    }
    fn wanted(&self, _place: &[u64], (mut start, mut shape): (Vec<u64>, Vec<u64>)) -> (Vec<u64>, Vec<u64>) {
        // what is above the diagonal is not brought in
        start[0] = start[1];
        shape[0] -= start[1];
        (start, shape)
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let (w, s, j) = (self.width(), place[0], place[1]);
        let below = |j: u64| self.source.rows() - self.source.columns.chunk(j).0;
        let products = match (j == s, place[2]) {
            (true, 0) => [below(s), w, w * 3 / 2],
            (true, _) => [0; 3],
            (false, 0) if s == 0 => [0; 3],
            (false, _) => [below(j), w, 2 * self.source.columns.chunk(j).1],
        };
        flops::of_products(self.source.dtype, &products)
    }
    fn all_flops(&self) -> u64 {
        let (n, w) = (self.source.rows(), self.width());
        // two products of half the rest of the matrix for each panel, and the panels
        let of = |depth: u64| flops::of_products(self.source.dtype, &[n, n, depth]);
        of(2 * n / 3).saturating_add(of(w * 3 / 4))
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        with_field!(self.source.dtype, T => self.typed::<T>(place, blocks))
    }
}

/// Bytes of so many columns of the rows from block `j` on.
fn bytes_below(source: &Source, j: u64, columns: u64) -> u64 {
    let rows = source.rows() - source.columns.chunk(j).0;
    rows * columns * source.dtype.size() as u64
}

/// The columns of the panels: all but the last block's.
pub fn panel_columns(columns: &AxisChunks) -> AxisChunks {
    let w = columns.longest();
    AxisChunks::regular((columns.count() - 1) * w, w)
}
