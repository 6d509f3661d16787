//! A tridiagonal matrix → its eigenvalues, in one task, and its eigenvectors, a column block a task.

use crate::blocked::flops;
use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::grid::{AxisChunks, BlockId};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::{C128, DType};
use flagstone_kernels::linalg::{Field, MatMut, Tree, tridiagonal_values};
use flagstone_kernels::with_field;

/// The eigenvalues, and what the eigenvectors follow from where they are wanted: O(n·log n) numbers.
pub struct ValuesStage {
    /// The product of the diagonals.
    tridiagonal: u64,
    tree: Tree,
    /// Of the values.
    dtype: DType,
    /// The values, and the tree.
    products: Vec<Product>,
    scratch_bytes: u64,
}

impl ValuesStage {
    /// Of the diagonals of a matrix of order `tree.n` in the product `tridiagonal`, to values of `dtype`.
    pub fn new(tridiagonal: u64, tree: Tree, dtype: DType, keeps: bool, budget: &Budget) -> ValuesStage {
        let product = |what: &str| Product { id: new_product(), name: format!("eigh: {what}"), blocks: 1 };
        let mut products = vec![product("values")];
        products.extend(keeps.then(|| product("tree")));
        let helpers = budget.helpers(tree.n as u64, budget.work().step_helpers_max);
        let solving = if keeps { tree.solve_scratch_bytes(helpers as usize) } else { 0 };
        let scratch_bytes = rounded(2 * tree.n as u64 * 8) + solving as u64;
        ValuesStage { tridiagonal, tree, dtype, products, scratch_bytes }
    }

    /// The product of the values.
    pub fn values(&self) -> u64 {
        self.products[0].id
    }

    /// The product of what the eigenvectors follow from.
    pub fn kept(&self) -> Option<u64> {
        self.products.get(1).map(|product| product.id)
    }

    fn diagonals_bytes(&self) -> u64 {
        (2 * self.tree.n as u64 - 1) * 8
    }

    fn values_bytes(&self) -> u64 {
        (self.tree.n * self.dtype.size()) as u64
    }
}

impl Stage for ValuesStage {
    fn name(&self) -> &str {
        &self.products[0].name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.tridiagonal]
    }
    fn tasks(&self) -> u64 {
        1
    }
    fn demand_bytes(&self) -> u64 {
        let tree = if self.products.len() > 1 { tree_bytes(&self.tree) } else { 0 };
        [self.diagonals_bytes(), self.values_bytes(), tree, self.scratch_bytes].into_iter().map(rounded).fold(0, u64::saturating_add)
    }
    fn describe(&self, _n: u64, spec: &mut TaskSpec) {
        spec.reads.push(BlockKey { product: self.tridiagonal, block: 0 });
        let bytes = [self.values_bytes(), tree_bytes(&self.tree)];
        let writes = self.products.iter().zip(bytes);
        spec.writes.extend(writes.map(|(product, bytes)| Write { key: BlockKey { product: product.id, block: 0 }, bytes, takes: None }));
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.tridiagonal) as u64
    }
    fn producer(&self, _product: u64, _block: BlockId) -> u64 {
        0
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, _n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, .. } = blocks.parts();
        let held = crate::blocked::feed::carve(&mut scratch, rounded(2 * self.tree.n as u64 * 8));
        let held = &mut held[..reads[0].len()];
        held.copy_from_slice(reads[0]);
        let (d, e) = bytemuck::cast_slice_mut::<u8, f64>(held).split_at_mut(self.tree.n);
        let solved = match writes.get_mut(1) {
            Some(tree) => self.tree.solve(d, e, bytemuck::cast_slice_mut(tree), scratch),
            None => tridiagonal_values(d, e),
        };
        solved.map_err(|why| ErrorKind::Numerical { operation: "eigh".to_string(), what: format!("the matrix {why}") })?;
        with_field!(self.dtype, T => {
            let to = bytemuck::cast_slice_mut::<u8, T>(writes[0]);
            to.iter_mut().zip(d).for_each(|(to, d)| *to = <T as Field>::narrow(C128::new(*d, 0.0)));
        });
        Ok(())
    }
}

fn tree_bytes(tree: &Tree) -> u64 {
    tree.len() as u64 * 8
}

/// The last eigenvectors of the tridiagonal matrix, in the dtype of what is made of them.
pub struct VectorsStage {
    kept: u64,
    tree: Tree,
    dtype: DType,
    columns: AxisChunks,
    products: [Product; 1],
    /// Columns that are made at once: f64 takes more than f32 does.
    at_once: u64,
    scratch_bytes: u64,
}

impl VectorsStage {
    /// Of what [`ValuesStage`] kept, as many as `columns` has, in such blocks of `dtype`.
    pub fn new(kept: u64, tree: Tree, dtype: DType, columns: AxisChunks) -> VectorsStage {
        let product = Product { id: new_product(), name: "eigh: vectors".into(), blocks: columns.count() };
        let at_once = (columns.longest() * dtype.size() as u64 / 8).clamp(1, columns.longest());
        let scratch_bytes = (tree.vectors_scratch_bytes(at_once as usize)) as u64;
        VectorsStage { kept, tree, dtype, columns, products: [product], at_once, scratch_bytes }
    }

    fn bytes(&self, columns: u64) -> u64 {
        self.tree.n as u64 * columns * self.dtype.size() as u64
    }
}

impl Stage for VectorsStage {
    fn name(&self) -> &str {
        &self.products[0].name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.kept]
    }
    fn tasks(&self) -> u64 {
        self.columns.count()
    }
    fn demand_bytes(&self) -> u64 {
        let blocks = [tree_bytes(&self.tree), self.bytes(self.columns.longest()), self.scratch_bytes];
        blocks.into_iter().map(rounded).fold(0, u64::saturating_add)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(BlockKey { product: self.kept, block: 0 });
        let key = BlockKey { product: self.products[0].id, block: n };
        spec.writes.push(Write { key, bytes: self.bytes(self.columns.chunk(n).1), takes: None });
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        if product == self.kept { self.tasks() } else { 0 }
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn flops(&self, n: u64) -> u64 {
        let rows = self.tree.n as u64;
        flops::of_products(DType::F64, &[rows, rows, self.columns.chunk(n).1])
    }
    fn all_flops(&self) -> u64 {
        let rows = self.tree.n as u64;
        flops::of_products(DType::F64, &[rows, rows, self.columns.len()])
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let (first, w) = self.columns.chunk(n);
        with_field!(self.dtype, T => {
            let mut out = MatMut::<T>::dense(bytemuck::cast_slice_mut(writes[0]), self.tree.n, w as usize);
            for at in (0..w).step_by(self.at_once as usize) {
                let columns = self.at_once.min(w - at) as usize;
                let mut part = out.again().part(0, at as usize, self.tree.n, columns);
                self.tree.vectors(bytemuck::cast_slice(reads[0]), self.tree.n - (self.columns.len() - first - at) as usize, &mut part, scratch);
            }
        });
        Ok(())
    }
}
