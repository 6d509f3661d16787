//! What users see of factors beside solving: the final order of rows of LU, and tau of QR. A task a column block.

use super::stage::Factored;
use crate::error::{Error, Result};
use crate::grid::{AxisChunks, BlockId};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{MatMut, lu_swap};
use flagstone_kernels::with_field;

fn beside(factored: &Factored) -> Result<u64> {
    factored.side.ok_or_else(|| Error::internal("factors without what stands beside them"))
}

/// Bytes of the pivots of all column blocks, each a block of its own.
fn pivots_bytes(columns: &AxisChunks) -> u64 {
    rounded(columns.longest() * 8).saturating_mul(columns.count())
}

/// L and U in the final order of rows: later exchanges reach earlier blocks.
pub struct OrderStage {
    products: [Product; 1],
    factors: u64,
    pivots: u64,
    columns: AxisChunks,
    rows: u64,
    dtype: DType,
}

impl OrderStage {
    pub fn new(factored: &Factored, rows: u64, dtype: DType) -> Result<OrderStage> {
        let columns = factored.columns.clone();
        let product = Product { id: new_product(), name: "lu in order".into(), blocks: columns.count() };
        Ok(OrderStage { products: [product], factors: factored.factors, pivots: beside(factored)?, columns, rows, dtype })
    }

    fn bytes(&self, columns: u64) -> u64 {
        self.rows * columns * self.dtype.size() as u64
    }
}

impl Stage for OrderStage {
    fn name(&self) -> &str {
        "lu in order"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.factors, self.pivots]
    }
    fn tasks(&self) -> u64 {
        self.columns.count()
    }
    fn demand_bytes(&self) -> u64 {
        2 * rounded(self.bytes(self.columns.longest())) + pivots_bytes(&self.columns)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(BlockKey { product: self.factors, block: n });
        spec.reads.extend((n + 1..self.columns.count()).map(|block| BlockKey { product: self.pivots, block }));
        let key = BlockKey { product: self.products[0].id, block: n };
        spec.writes.push(Write { key, bytes: self.bytes(self.columns.chunk(n).1), takes: None });
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        match product {
            _ if product == self.factors => 1,
            _ if product == self.pivots => block,
            _ => 0,
        }
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        writes[0].copy_from_slice(reads[0]);
        let (m, w) = (self.rows as usize, self.columns.chunk(n).1 as usize);
        with_field!(self.dtype, T => {
            let mut block = MatMut::<T>::dense(bytemuck::cast_slice_mut(writes[0]), m, w);
            for (later, pivots) in (n + 1..self.columns.count()).zip(&reads[1..]) {
                let first = self.columns.chunk(later).0;
                lu_swap(&mut block, first as usize, bytemuck::cast_slice(pivots));
            }
        });
        Ok(())
    }
}

/// The order in which LU took the rows.
pub struct PermutationStage {
    products: [Product; 1],
    pivots: u64,
    columns: AxisChunks,
    rows: u64,
}

impl PermutationStage {
    pub fn new(factored: &Factored, rows: u64) -> Result<PermutationStage> {
        let product = Product { id: new_product(), name: "rows of lu".into(), blocks: 1 };
        Ok(PermutationStage { products: [product], pivots: beside(factored)?, columns: factored.columns.clone(), rows })
    }
}

impl Stage for PermutationStage {
    fn name(&self) -> &str {
        "rows of lu"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.pivots]
    }
    fn tasks(&self) -> u64 {
        1
    }
    fn demand_bytes(&self) -> u64 {
        rounded(self.rows.saturating_mul(8)).saturating_add(pivots_bytes(&self.columns))
    }
    fn describe(&self, _n: u64, spec: &mut TaskSpec) {
        spec.reads.extend((0..self.columns.count()).map(|block| BlockKey { product: self.pivots, block }));
        spec.writes.push(Write { key: BlockKey { product: self.products[0].id, block: 0 }, bytes: self.rows * 8, takes: None });
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.pivots) as u64
    }
    fn producer(&self, _product: u64, _block: BlockId) -> u64 {
        0
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, _n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        let rows: &mut [i64] = bytemuck::cast_slice_mut(writes[0]);
        rows.iter_mut().zip(0..).for_each(|(row, i)| *row = i);
        for (i, &pivot) in reads.iter().flat_map(|pivots| bytemuck::cast_slice::<u8, i64>(pivots)).enumerate() {
            rows.swap(i, pivot as usize);
        }
        Ok(())
    }
}

/// Diagonals: of U, and of QR's T, which is tau.
pub struct DiagonalStage {
    products: [Product; 1],
    of: u64,
    columns: AxisChunks,
    /// Rows of a block, and whether the diagonal begins in the row of the first column's number.
    rows: Option<u64>,
    item: u64,
}

impl DiagonalStage {
    /// Of factors of `rows` rows.
    pub fn of_factors(factored: &Factored, rows: u64, dtype: DType) -> DiagonalStage {
        DiagonalStage::new("diagonal", factored.factors, &factored.columns, Some(rows), dtype)
    }

    /// Of the triangle T of each block of reflectors.
    pub fn of_t(factored: &Factored, dtype: DType) -> Result<DiagonalStage> {
        Ok(DiagonalStage::new("tau", beside(factored)?, &factored.columns, None, dtype))
    }

    fn new(name: &str, of: u64, columns: &AxisChunks, rows: Option<u64>, dtype: DType) -> DiagonalStage {
        let product = Product { id: new_product(), name: name.into(), blocks: columns.count() };
        DiagonalStage { products: [product], of, columns: columns.clone(), rows, item: dtype.size() as u64 }
    }
}

impl Stage for DiagonalStage {
    fn name(&self) -> &str {
        &self.products[0].name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.of]
    }
    fn tasks(&self) -> u64 {
        self.columns.count()
    }
    fn demand_bytes(&self) -> u64 {
        let w = self.columns.longest();
        rounded(self.rows.unwrap_or(w).saturating_mul(w).saturating_mul(self.item)).saturating_add(rounded(w * self.item))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(BlockKey { product: self.of, block: n });
        let key = BlockKey { product: self.products[0].id, block: n };
        spec.writes.push(Write { key, bytes: self.columns.chunk(n).1 * self.item, takes: None });
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.of) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        if product == self.of {
            each(block);
        }
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        let ((first, w), item) = (self.columns.chunk(n), self.item as usize);
        let first = if self.rows.is_some() { first } else { 0 };
        for i in 0..w {
            let at = ((first + i) * w + i) as usize * item;
            writes[0][i as usize * item..][..item].copy_from_slice(&reads[0][at..][..item]);
        }
        Ok(())
    }
}
