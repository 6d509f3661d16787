//! Any matrix larger than memory → a band of its upper triangle: the steps of [`super::band`] on [0, Aᴴ; A, 0], whose column blocks are taken
//! in turn from both halves ([`Halves`]). Every block becomes a panel; what stands in the place of a diagonal block is zero. A quarter of the
//! operations that the matrix of twice the order would take as a whole.

use super::halves::Halves;
use super::two_sided::{BAND, BLOCKS, From, Largest, PANELS, TRIANGLES, graph};
use crate::blocked::flops;
use crate::blocked::places::{Graph, Placed, Places};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::plan::{Parts, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::gemm::gemm_helper_bytes;
use flagstone_kernels::linalg::{self, Field, Mat, MatMut};
use flagstone_kernels::with_field;

/// The tasks.
pub struct BidiagonalStage {
    halves: Halves,
    dtype: DType,
    /// Writes blocks on their way, X on its way, V, T, W, and the band.
    graph: Graph,
}

/// A block of so many columns.
fn matrix<T: Field>(block: &[u8], columns: usize) -> Mat<'_, T> {
    let elements: &[T] = bytemuck::cast_slice(block);
    Mat::dense(elements, elements.len() / columns, columns)
}

fn matrix_mut<T: Field>(block: &mut [u8], columns: usize) -> MatMut<'_, T> {
    let elements: &mut [T] = bytemuck::cast_slice_mut(block);
    let rows = elements.len() / columns;
    MatMut::dense(elements, rows, columns)
}

impl BidiagonalStage {
    /// Of the product of `blocks` of a matrix.
    pub fn new(halves: Halves, blocks: u64, dtype: DType, budget: &Budget) -> Placed<BidiagonalStage> {
        let (m, w, item) = (halves.m as usize, halves.width as usize, dtype.size() as u64);
        let kernel = with_field!(dtype, T => linalg::two_sided_scratch_bytes::<T>(m, w)) as u64;
        let helpers = budget.helpers(halves.m, budget.work().step_helpers_max) * gemm_helper_bytes(dtype, w, w) as u64;
        let square = (w * w) as u64 * item;
        let largest = Largest { block: halves.largest() * item, triangle: square, band: square + w as u64 * item };
        let count = halves.in_turn().count();
        let graph = Graph { scratch_bytes: kernel + helpers, ..graph("svd", count, From::Product(blocks), &largest) };
        Placed(BidiagonalStage { halves, dtype, graph })
    }

    /// The products of V and T of the panels of both halves, in turn.
    pub fn panels(&self) -> [u64; 2] {
        [self.graph.products[PANELS].id, self.graph.products[TRIANGLES].id]
    }

    /// The product of the band: of each block its columns, from the diagonal on downwards, of a width and one elements.
    pub fn band(&self) -> u64 {
        self.graph.products[BAND].id
    }

    /// What the panel of block `p`, V and W, takes from block `j`.
    fn update<T: Field>(&self, p: u64, j: u64, [v, second]: [&[u8]; 2], block: &mut [u8], scratch: &mut [u8]) {
        let (of, width) = (self.halves.block(j), self.halves.width as usize);
        let panel = [(matrix::<T>(v, width), self.halves.block(p).rows.0), (matrix::<T>(second, width), self.halves.second(p).0)];
        // V stands in the rows of the blocks of its own half
        let [(left, left_top), (right, right_top)] = if (p + j).is_multiple_of(2) { panel } else { [panel[1], panel[0]] };
        let (top, (first, columns)) = ((of.rows.0 - left_top) as usize, of.columns);
        let right = right.part((first - right_top) as usize, 0, columns as usize, width);
        linalg::bidiagonal_update(matrix_mut::<T>(block, columns as usize), left.below(top), right, scratch);
    }

    /// What block `j` gives to X of the panel of block `s`.
    fn multiply<T: Field>(&self, s: u64, j: u64, v: &[u8], [block, sums]: [&mut [u8]; 2], scratch: &mut [u8]) {
        let (of, width) = (self.halves.block(j), self.halves.width as usize);
        let (v, v_top, x_top) = (matrix::<T>(v, width), self.halves.block(s).rows.0, self.halves.second(s).0);
        let (first, columns) = (of.columns.0, of.columns.1 as usize);
        let (a, x) = (matrix::<T>(block, columns), matrix_mut::<T>(sums, width));
        if (s + j).is_multiple_of(2) {
            let x = x.part((first - x_top) as usize, 0, columns, width);
            linalg::bidiagonal_across(a, v.below((of.rows.0 - v_top) as usize), x, scratch);
        } else {
            let [_, x] = x.split_rows((of.rows.0 - x_top) as usize);
            linalg::bidiagonal_down(a, v.part((first - v_top) as usize, 0, columns, width), x, j == s + 1, scratch);
        }
    }

    /// Of the product of block `j` and a panel.
    fn product_flops(&self, j: u64) -> u64 {
        let of = self.halves.block(j);
        flops::of_products(self.dtype, &[of.rows.1, of.columns.1, self.halves.width])
    }

    fn panel_flops(&self, j: u64) -> u64 {
        let of = self.halves.block(j);
        flops::of_products(self.dtype, &[of.rows.1, of.columns.1, of.columns.1 * 3 / 2])
    }

    fn typed<T: Field>(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let (s, j) = (place[0], place[1]);
        if place[2] == 0 && s > 0 {
            let [v, second, ..] = reads[..] else { return Err(Error::internal("a panel and W")) };
            self.update::<T>(s - 1, j, [v, second], writes[0], scratch);
        }
        match (j == s, place[2]) {
            (true, 0) => {
                let [v, t, band] = &mut writes[..] else { return Err(Error::internal("a panel, T and a band")) };
                let columns = self.halves.block(s).columns.1 as usize;
                let band = bytemuck::cast_slice_mut(band);
                let t = matrix_mut::<T>(t, columns);
                linalg::bidiagonal_panel(matrix_mut::<T>(v, columns), t, band, scratch, self.halves.width as usize + 1);
            }
            (false, 0) => {}
            (false, _) => {
                let [block, sums] = &mut writes[..] else { return Err(Error::internal("a block and X")) };
                self.multiply::<T>(s, j, reads[0], [block, sums], scratch);
            }
            (true, _) => {
                let width = self.halves.width as usize;
                linalg::bidiagonal_finish(matrix::<T>(reads[1], width), matrix_mut::<T>(writes[0], width), scratch);
            }
        }
        Ok(())
    }
}

impl Places for BidiagonalStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, block: &[u64]) -> u64 {
        let (halves, width) = (&self.halves, self.halves.width);
        let columns = |j: u64| halves.block(j).columns.1;
        let elements = match product {
            BLOCKS => halves.block(block[1]).rows.1 * columns(block[1]),
            PANELS => halves.block(block[0]).rows.1 * columns(block[0]),
            TRIANGLES => columns(block[0]) * columns(block[0]),
            BAND => columns(block[0]) * (width + 1),
            _ => halves.second(block[0]).1 * width,
        };
        elements * self.dtype.size() as u64
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let (s, j) = (place[0], place[1]);
        match (j == s, place[2]) {
            (true, 0) => self.panel_flops(s) + if s == 0 { 0 } else { self.product_flops(s) },
            (true, _) => 0,
            (false, 0) if s == 0 => 0,
            (false, _) => self.product_flops(j),
        }
    }
    fn all_flops(&self) -> u64 {
        // each block loses a product to every panel before it, and gives one to its X
        let of = |j: u64| self.product_flops(j).saturating_mul(2 * j).saturating_add(self.panel_flops(j));
        (0..self.halves.in_turn().count()).map(of).fold(0, u64::saturating_add)
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        with_field!(self.dtype, T => self.typed::<T>(place, blocks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_each_element_once() {
        for (m, n, w) in [(7, 7, 3), (9, 7, 3), (6, 6, 3), (5, 2, 3), (4, 4, 1), (1, 1, 1)] {
            let halves = Halves::new(m, n, w);
            let mut seen = vec![0; (m * n) as usize];
            let lengths: Vec<u64> = (0..halves.in_turn().count()).map(|j| halves.block(j).columns.1).collect();
            assert_eq!(lengths, halves.in_turn().lengths().collect::<Vec<_>>());
            for j in 0..halves.in_turn().count() {
                let block = halves.block(j);
                for r in block.rows.0..block.rows.0 + block.rows.1 {
                    for c in block.columns.0..block.columns.0 + block.columns.1 {
                        let [row, column] = if block.half == 0 { [r, c] } else { [c, r] };
                        seen[(row * n + column) as usize] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{m} × {n} by {w}: {seen:?}");
        }
    }
}
