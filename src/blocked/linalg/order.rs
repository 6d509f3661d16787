//! What users see of factors beside solving: the final order of rows of LU, and tau of QR. A task a column block.

use super::stage::Factored;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::error::{Error, Result};
use crate::grid::AxisChunks;
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{MatMut, lu_swap};
use flagstone_kernels::with_field;

/// What stands beside the factors, of so many bytes for a block of `w` columns.
fn beside(factored: &Factored, bytes: impl Fn(u64) -> u64) -> Result<Blocks> {
    let product = factored.side.ok_or_else(|| Error::internal("factors without what stands beside them"))?;
    Ok(Blocks::new(product, &[factored.columns.count()], bytes(factored.columns.longest())))
}

/// L and U in the final order of rows: later exchanges reach earlier blocks.
pub struct OrderStage {
    graph: Graph,
    columns: AxisChunks,
    rows: u64,
    dtype: DType,
}

impl OrderStage {
    pub fn new(factored: &Factored, rows: u64, dtype: DType) -> Result<Placed<OrderStage>> {
        let columns = factored.columns.clone();
        let (counts, bytes) = ([columns.count()], rows * columns.longest() * dtype.size() as u64);
        let product = Product::new("lu in order", columns.count());
        let graph = Graph {
            reads: vec![Blocks::new(factored.factors, &counts, bytes).along([HERE]), beside(factored, |w| w * 8)?.along([Along::After(0)])],
            writes: vec![Blocks::new(product.id, &counts, bytes).along([HERE])],
            ..Graph::rows("lu in order", vec![product], &counts)
        };
        Ok(Placed(OrderStage { graph, columns, rows, dtype }))
    }
}

impl Places for OrderStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.rows * self.columns.chunk(block[0]).1 * self.dtype.size() as u64
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        writes[0].copy_from_slice(reads[0]);
        let (m, w) = (self.rows as usize, self.columns.chunk(place[0]).1 as usize);
        with_field!(self.dtype, T => {
            let mut block = MatMut::<T>::dense(bytemuck::cast_slice_mut(writes[0]), m, w);
            for (later, pivots) in (place[0] + 1..self.columns.count()).zip(&reads[1..]) {
                let first = self.columns.chunk(later).0;
                lu_swap(&mut block, first as usize, bytemuck::cast_slice(pivots));
            }
        });
        Ok(())
    }
}

/// The order in which LU took the rows.
pub struct PermutationStage {
    graph: Graph,
    rows: u64,
}

impl PermutationStage {
    pub fn new(factored: &Factored, rows: u64) -> Result<Placed<PermutationStage>> {
        let product = Product::new("rows of lu", 1);
        let graph = Graph {
            reads: vec![beside(factored, |w| w * 8)?.along([Along::All])],
            writes: vec![Blocks::new(product.id, &[1], rows.saturating_mul(8)).along([HERE])],
            ..Graph::rows("rows of lu", vec![product], &[1])
        };
        Ok(Placed(PermutationStage { graph, rows }))
    }
}

impl Places for PermutationStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, _block: &[u64]) -> u64 {
        self.rows * 8
    }
    fn run(&self, _place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
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
    graph: Graph,
    columns: AxisChunks,
    /// Whether the diagonal begins in the row of the first column's number.
    is_lower: bool,
    item: u64,
}

impl DiagonalStage {
    /// Of factors of `rows` rows.
    pub fn of_factors(factored: &Factored, rows: u64, dtype: DType) -> Placed<DiagonalStage> {
        let columns = &factored.columns;
        let bytes = rows.saturating_mul(columns.longest()).saturating_mul(dtype.size() as u64);
        DiagonalStage::new("diagonal", Blocks::new(factored.factors, &[columns.count()], bytes), columns, true, dtype)
    }

    /// Of the triangle T of each block of reflectors.
    pub fn of_t(factored: &Factored, dtype: DType) -> Result<Placed<DiagonalStage>> {
        let of = beside(factored, |w| w.saturating_mul(w).saturating_mul(dtype.size() as u64))?;
        Ok(DiagonalStage::new("tau", of, &factored.columns, false, dtype))
    }

    fn new(name: &str, of: Blocks, columns: &AxisChunks, is_lower: bool, dtype: DType) -> Placed<DiagonalStage> {
        let (counts, item) = ([columns.count()], dtype.size() as u64);
        let product = Product::new(name, columns.count());
        let graph = Graph {
            reads: vec![of.along([HERE])],
            writes: vec![Blocks::new(product.id, &counts, columns.longest() * item).along([HERE])],
            ..Graph::rows(name, vec![product], &counts)
        };
        Placed(DiagonalStage { graph, columns: columns.clone(), is_lower, item })
    }
}

impl Places for DiagonalStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.columns.chunk(block[0]).1 * self.item
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        let ((first, w), item) = (self.columns.chunk(place[0]), self.item as usize);
        let first = if self.is_lower { first } else { 0 };
        for i in 0..w {
            let at = ((first + i) * w + i) as usize * item;
            writes[0][i as usize * item..][..item].copy_from_slice(&reads[0][at..][..item]);
        }
        Ok(())
    }
}
