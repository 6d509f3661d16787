//! A Hermitian matrix larger than memory → a band matrix, panel by panel, each applied to the rest from both sides.
//!
//! Only the lower triangle is kept, as column blocks from the diagonal block on downwards. Step s makes a panel of block s, and brings
//! every later block up to date with the panel before (V, W); each block then gives its part of X = A·V of the panel just made, which
//! is handed from block to block, and becomes W at last. So a block comes into memory once a step, and a task holds three: itself, V,
//! and W or X. While a panel is made, later blocks are brought up to date by other threads.

use super::stage::Source;
use crate::blocked::flops;
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisChunks, BlockId};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::gemm::gemm_helper_bytes;
use flagstone_kernels::linalg::{self, Field, Mat, MatMut};
use flagstone_kernels::with_field;

/// What is done to `blocks` column blocks, two at least.
#[derive(Clone, Copy, Debug)]
struct Steps {
    blocks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Block s is brought up to date and becomes a panel; of the last one nothing but its diagonal block is left.
    Panel(u64),
    /// Block j is brought up to date with panel s − 1, or brought in.
    Update(u64, u64),
    /// Block j gives its part of X of panel s.
    Multiply(u64, u64),
    /// X of panel s becomes W.
    Finish(u64),
}

impl Steps {
    /// Tasks before step `s`: of each, a panel, two tasks for each later block, and W.
    fn before(&self, s: u64) -> u64 {
        s * (2 * self.blocks + 1 - s)
    }

    fn len(&self) -> u64 {
        self.before(self.blocks - 1) + 1
    }

    fn task(&self, n: u64) -> Task {
        let (mut low, mut high) = (0, self.blocks - 1);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.before(middle) <= n { low = middle } else { high = middle - 1 }
        }
        let (s, at) = (low, n - self.before(low));
        match at {
            0 => Task::Panel(s),
            _ if n + 1 == self.before(s + 1) => Task::Finish(s),
            _ if at % 2 == 1 => Task::Update(s, s + 1 + at / 2),
            _ => Task::Multiply(s, s + at / 2),
        }
    }

    fn number(&self, task: Task) -> u64 {
        match task {
            Task::Panel(s) => self.before(s),
            Task::Update(s, j) => self.before(s) + 1 + 2 * (j - s - 1),
            Task::Multiply(s, j) => self.before(s) + 2 + 2 * (j - s - 1),
            Task::Finish(s) => self.before(s + 1) - 1,
        }
    }
}

/// The products of the stage, by their places in the list.
const BLOCKS: usize = 0;
const SUMS: usize = 1;
const PANELS: usize = 2;
const TRIANGLES: usize = 3;
const SECOND: usize = 4;
const BAND: usize = 5;

/// The tasks.
pub struct BandStage {
    source: Source,
    /// Whether the rows of the source are the columns that a user gave.
    mirrored: bool,
    steps: Steps,
    /// Blocks on their way, X on its way, V, T, W, and the band.
    products: Vec<Product>,
    scratch_bytes: u64,
}

impl BandStage {
    /// Of the matrix of `source`, of two column blocks at least.
    pub fn new(source: Source, mirrored: bool, budget: &Budget) -> BandStage {
        let steps = Steps { blocks: source.columns.count() };
        let product = |what: &str, blocks| Product { id: new_product(), name: format!("eigh: {what}"), blocks };
        let panels = steps.blocks - 1;
        let products = vec![
            product("blocks", steps.len()),
            product("sums", steps.len()),
            product("reflectors", panels),
            product("T", panels),
            product("W", panels),
            product("band", steps.blocks),
        ];
        let (m, w) = (source.rows() as usize, source.columns.longest() as usize);
        let kernel = with_field!(source.dtype, T => linalg::two_sided_scratch_bytes::<T>(m, w)) as u64;
        let helpers = budget.helpers(m as u64, budget.work().step_helpers_max) * gemm_helper_bytes(source.dtype, w, w) as u64;
        let last = (w * w * source.dtype.size()) as u64;
        let scratch_bytes = (kernel + helpers + rounded(last)).max(source.scratch_bytes());
        BandStage { source, mirrored, steps, products, scratch_bytes }
    }

    /// Columns of a block, but of the last one.
    pub fn width(&self) -> u64 {
        self.source.columns.longest()
    }

    /// The products of V and T of the panels.
    pub fn panels(&self) -> [u64; 2] {
        [self.products[PANELS].id, self.products[TRIANGLES].id]
    }

    /// The product of the band: of each block its columns, from the diagonal on downwards, of [`BandStage::width`] and one elements.
    pub fn band(&self) -> u64 {
        self.products[BAND].id
    }

    /// Bytes of so many columns of the rows from block `j` on.
    fn bytes(&self, j: u64, columns: u64) -> u64 {
        let rows = self.source.rows() - self.source.columns.chunk(j).0;
        rows * columns * self.source.dtype.size() as u64
    }

    fn key(&self, product: usize, block: u64) -> BlockKey {
        BlockKey { product: self.products[product].id, block }
    }

    /// The block that `task` wrote, of blocks or sums on their way.
    fn left_by(&self, product: usize, task: Task) -> BlockKey {
        self.key(product, self.steps.number(task))
    }

    fn write(&self, product: usize, block: u64, bytes: u64, takes: Option<usize>) -> Write {
        Write { key: self.key(product, block), bytes, takes }
    }

    /// Describes how block `j` comes to step `s`: a source that is read, or what the last step left, with V and W.
    fn describe_block(&self, s: u64, j: u64, spec: &mut TaskSpec) {
        if s == 0 {
            let (first, w) = self.source.columns.chunk(j);
            return self.source.feed.describe(&[0, first], &[self.source.rows(), w], spec);
        }
        let block = self.left_by(BLOCKS, Task::Multiply(s - 1, j));
        // the last one is not written again
        if s == j && s + 1 == self.steps.blocks {
            spec.reads.push(block)
        } else {
            spec.takes.push(block)
        }
        spec.reads.extend([self.key(PANELS, s - 1), self.key(SECOND, s - 1)]);
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

    fn typed<T: Field>(&self, task: Task, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let width = self.width() as usize;
        match task {
            Task::Panel(s) if s + 1 == self.steps.blocks => {
                let (scratch, last) = scratch.split_at_mut(scratch.len() - reads[0].len());
                last.copy_from_slice(reads[0]);
                self.bring::<T>(s, s, &reads[1..], last, (scratch, counters))?;
                let w = self.source.columns.chunk(s).1 as usize;
                let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(last), w, w);
                let none = MatMut::<T>::dense(&mut [], 0, 0);
                linalg::two_sided_panel(a, none, bytemuck::cast_slice_mut(writes[0]), scratch, width + 1);
            }
            Task::Panel(s) => {
                self.bring::<T>(s, s, &reads, writes[0], (&mut *scratch, counters))?;
                let rows = writes[0].len() / (width * size_of::<T>());
                let [v, t, band] = &mut writes[..] else { return Err(Error::internal("a panel, T and a band")) };
                let a = MatMut::<T>::dense(bytemuck::cast_slice_mut(v), rows, width);
                let t = MatMut::<T>::dense(bytemuck::cast_slice_mut(t), width, width);
                linalg::two_sided_panel(a, t, bytemuck::cast_slice_mut(band), scratch, width + 1);
            }
            Task::Update(s, j) => self.bring::<T>(s, j, &reads, writes[0], (scratch, counters))?,
            Task::Multiply(s, j) => {
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
            Task::Finish(_) => {
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

impl Stage for BandStage {
    fn name(&self) -> &str {
        "eigh: to a band"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        let mut inputs = self.source.feed.products();
        inputs.extend(self.products[..BAND].iter().map(|product| product.id));
        inputs
    }
    fn tasks(&self) -> u64 {
        self.steps.len()
    }
    fn demand_bytes(&self) -> u64 {
        let (w, item) = (self.width(), self.source.dtype.size() as u64);
        let block = rounded(self.bytes(0, w));
        // a block that is brought in with what it is made of; a block, V and W or X; a panel writes T and its band
        let brought = self.source.feed.blocks_bytes(&self.source.boxes());
        let beside = rounded(w * w * item).saturating_add(rounded(w * (w + 1) * item));
        let held = brought.max(block.saturating_mul(2)).saturating_add(block);
        held.saturating_add(beside).saturating_add(rounded(self.scratch_bytes))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (w, item) = (self.width(), self.source.dtype.size() as u64);
        spec.scratch_bytes = self.scratch_bytes;
        match self.steps.task(n) {
            Task::Panel(s) => {
                self.describe_block(s, s, spec);
                if s + 1 < self.steps.blocks {
                    spec.writes.push(self.write(PANELS, s, self.bytes(s, w), (s > 0).then_some(0)));
                    spec.writes.push(self.write(TRIANGLES, s, w * w * item, None));
                }
                spec.writes.push(self.write(BAND, s, self.source.columns.chunk(s).1 * (w + 1) * item, None));
            }
            Task::Update(s, j) => {
                self.describe_block(s, j, spec);
                let columns = self.source.columns.chunk(j).1;
                spec.writes.push(self.write(BLOCKS, n, self.bytes(j, columns), (s > 0).then_some(0)));
            }
            Task::Multiply(s, j) => {
                spec.takes.push(self.left_by(BLOCKS, Task::Update(s, j)));
                let columns = self.source.columns.chunk(j).1;
                spec.writes.push(self.write(BLOCKS, n, self.bytes(j, columns), Some(0)));
                if j > s + 1 {
                    spec.takes.push(self.left_by(SUMS, Task::Multiply(s, j - 1)));
                }
                spec.writes.push(self.write(SUMS, n, self.bytes(s + 1, w), (j > s + 1).then_some(1)));
                spec.reads.push(self.key(PANELS, s));
            }
            Task::Finish(s) => {
                spec.takes.push(self.left_by(SUMS, Task::Multiply(s, self.steps.blocks - 1)));
                spec.reads.extend([self.key(PANELS, s), self.key(TRIANGLES, s)]);
                spec.writes.push(self.write(SECOND, s, self.bytes(s + 1, w), Some(0)));
            }
        }
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        let source: u64 = self.source.feed.reading(&self.source.boxes(), product, block).map(|ranges| ranges[1].1).sum();
        let later = |s: u64| self.steps.blocks - 1 - s;
        let own = match self.products.iter().position(|of| of.id == product) {
            Some(BLOCKS | SUMS | TRIANGLES) => 1,
            Some(PANELS) => 2 * later(block) + 1,
            Some(SECOND) => later(block),
            _ => 0,
        };
        source + own
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        match self.products.iter().position(|of| of.id == product) {
            Some(BLOCKS | SUMS) => block,
            Some(SECOND) => self.steps.number(Task::Finish(block)),
            _ => self.steps.number(Task::Panel(block)),
        }
    }
    fn prefetch(&self, n: u64) {
        if let Task::Panel(0) | Task::Update(0, _) = self.steps.task(n) {
            let j = if let Task::Update(_, j) = self.steps.task(n) { j } else { 0 };
            let (first, w) = self.source.columns.chunk(j);
            self.source.feed.prefetch(&[first, first], &[self.source.rows() - first, w]);
        }
    }
    fn moved_bytes(&self) -> u64 {
        self.source.feed.moved_bytes(&self.source.boxes())
    }
    fn flops(&self, n: u64) -> u64 {
        let w = self.width();
        let below = |j: u64| self.source.rows() - self.source.columns.chunk(j).0;
        let products = match self.steps.task(n) {
            Task::Panel(s) => [below(s), w, w * 3 / 2],
            Task::Update(0, _) | Task::Finish(_) => [0; 3],
            Task::Update(_, j) | Task::Multiply(_, j) => [below(j), w, 2 * self.source.columns.chunk(j).1],
        };
        flops::of_products(self.source.dtype, &products)
    }
    fn all_flops(&self) -> u64 {
        let (n, w) = (self.source.rows(), self.width());
        // two products of half the rest of the matrix for each panel, and the panels
        let of = |depth: u64| flops::of_products(self.source.dtype, &[n, n, depth]);
        of(2 * n / 3).saturating_add(of(w * 3 / 4))
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        with_field!(self.source.dtype, T => self.typed::<T>(self.steps.task(n), blocks))
    }
}

/// The columns of the panels: all but the last block's.
pub fn panel_columns(columns: &AxisChunks) -> AxisChunks {
    let w = columns.longest();
    AxisChunks::regular((columns.count() - 1) * w, w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_its_number() {
        for blocks in 2..9 {
            let steps = Steps { blocks };
            let mut all = Vec::new();
            for s in 0..blocks {
                all.push(Task::Panel(s));
                all.extend((s + 1..blocks).flat_map(|j| [Task::Update(s, j), Task::Multiply(s, j)]));
                all.extend((s + 1 < blocks).then_some(Task::Finish(s)));
            }
            assert_eq!(all, (0..steps.len()).map(|n| steps.task(n)).collect::<Vec<_>>(), "{blocks}");
            assert!(all.iter().zip(0..).all(|(task, n)| steps.number(*task) == n), "{blocks}");
        }
    }
}
