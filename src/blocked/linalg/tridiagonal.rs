//! A tridiagonal matrix → its eigenvalues, in one task, and its eigenvectors, a column block a task.

use crate::blocked::flops;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::blocked::work::Layout;
use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::grid::AxisChunks;
use crate::memory::rounded;
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::dtype::{C128, DType};
use flagstone_kernels::linalg::{Field, MatMut, Tree, tridiagonal_values};
use flagstone_kernels::with_field;

/// The eigenvalues, and what the eigenvectors follow from where they are wanted: O(n·log n) numbers.
pub struct ValuesStage {
    tree: Tree,
    /// Of the values.
    dtype: DType,
    /// One task, which writes the values, and the tree.
    graph: Graph,
    /// The diagonals, and what solving takes.
    layout: Layout<2>,
}

impl ValuesStage {
    /// Of the diagonals of a matrix of order `tree.n` in the product `tridiagonal`, to values of `dtype`.
    pub fn new(tridiagonal: u64, tree: Tree, dtype: DType, keeps: bool, budget: &Budget) -> Placed<ValuesStage> {
        let mut products = vec![Product::new("eigh: values", 1)];
        products.extend(keeps.then(|| Product::new("eigh: tree", 1)));
        let helpers = budget.helpers(tree.n as u64, budget.work().step_helpers_max);
        let solving = if keeps { tree.solve_scratch_bytes(helpers as usize) } else { 0 };
        let diagonals = 2 * tree.n as u64 * 8;
        let layout = Layout::new([rounded(diagonals), solving as u64]);
        let written = products.iter().zip(ValuesStage::written_bytes(&tree, dtype));
        let graph = Graph {
            reads: vec![Blocks::new(tridiagonal, &[1], diagonals - 8).along([HERE])],
            writes: written.map(|(product, bytes)| Blocks::new(product.id, &[1], bytes).along([HERE])).collect(),
            scratch_bytes: layout.bytes(),
            ..Graph::rows("eigh: values", products, &[1])
        };
        Placed(ValuesStage { tree, dtype, graph, layout })
    }

    /// The product of the values.
    pub fn values(&self) -> u64 {
        self.graph.products[0].id
    }

    /// The product of what the eigenvectors follow from.
    pub fn kept(&self) -> Option<u64> {
        self.graph.products.get(1).map(|product| product.id)
    }

    fn written_bytes(tree: &Tree, dtype: DType) -> [u64; 2] {
        [(tree.n * dtype.size()) as u64, tree_bytes(tree)]
    }
}

impl Places for ValuesStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, _block: &[u64]) -> u64 {
        ValuesStage::written_bytes(&self.tree, self.dtype)[product]
    }
    fn run(&self, _place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, .. } = blocks.parts();
        let [held, scratch] = self.layout.split(&mut scratch);
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
    tree: Tree,
    dtype: DType,
    columns: AxisChunks,
    /// Columns that are made at once: f64 takes more than f32 does.
    at_once: u64,
    graph: Graph,
}

impl VectorsStage {
    /// Of what [`ValuesStage`] kept, as many as `columns` has, in such blocks of `dtype`.
    pub fn new(kept: u64, tree: Tree, dtype: DType, columns: AxisChunks) -> Placed<VectorsStage> {
        let (counts, product) = ([columns.count()], Product::new("eigh: vectors", columns.count()));
        let at_once = (columns.longest() * dtype.size() as u64 / 8).clamp(1, columns.longest());
        let bytes = tree.n as u64 * columns.longest() * dtype.size() as u64;
        let graph = Graph {
            reads: vec![Blocks::new(kept, &[1], tree_bytes(&tree)).along([Along::One(0)])],
            writes: vec![Blocks::new(product.id, &counts, bytes).along([HERE])],
            scratch_bytes: tree.vectors_scratch_bytes(at_once as usize) as u64,
            ..Graph::rows("eigh: vectors", vec![product], &counts)
        };
        Placed(VectorsStage { tree, dtype, columns, at_once, graph })
    }
}

impl Places for VectorsStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.tree.n as u64 * self.columns.chunk(block[0]).1 * self.dtype.size() as u64
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let rows = self.tree.n as u64;
        flops::of_products(DType::F64, &[rows, rows, self.columns.chunk(place[0]).1])
    }
    fn all_flops(&self) -> u64 {
        let rows = self.tree.n as u64;
        flops::of_products(DType::F64, &[rows, rows, self.columns.len()])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let (first, w) = self.columns.chunk(place[0]);
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
