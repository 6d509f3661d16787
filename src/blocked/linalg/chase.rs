//! A band matrix → a tridiagonal one, and the reflectors that do it. A chain of tasks, each a group of sweeps, that hand the band on;
//! beside it, a task for each group that makes the triangles of its reflectors.
//!
//! The band is 2b elements for each column, of which a half is room for bulges: two column blocks. It has to be in memory whole.

use super::stage::sweeps_of;
use crate::blocked::flops;
use crate::error::Result;
use crate::grid::{AxisChunks, BlockId};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{self, Field};
use flagstone_kernels::with_field;

/// A band matrix that is chased.
#[derive(Clone, Debug)]
pub struct Chased {
    /// The product of its columns, in blocks of `columns`, of b + 1 elements each.
    pub band: u64,
    /// The column blocks.
    pub columns: AxisChunks,
    /// Its dtype.
    pub dtype: DType,
}

impl Chased {
    fn n(&self) -> u64 {
        self.columns.len()
    }
    /// Diagonals below the main one.
    pub fn b(&self) -> u64 {
        self.columns.longest()
    }
    /// The groups of sweeps.
    pub fn groups(&self) -> AxisChunks {
        AxisChunks::regular(self.n() - 1, self.b())
    }
    fn sweeps(&self, group: u64) -> linalg::Sweeps {
        sweeps_of(self.n() as usize, self.b(), &self.groups(), group)
    }
    fn item(&self) -> u64 {
        self.dtype.size() as u64
    }
    fn reflectors_bytes(&self, group: u64) -> u64 {
        self.sweeps(group).reflectors_len() as u64 * self.item()
    }
    fn t_bytes(&self, group: u64) -> u64 {
        linalg::sweeps_t_len(&self.sweeps(group)) as u64 * self.item()
    }
}

/// The first task gathers the band, each further one runs a group of sweeps, the last gives the diagonals.
pub struct ChaseStage {
    of: Chased,
    /// The band on its way, the diagonals, and the reflectors where they are wanted.
    products: Vec<Product>,
    scratch_bytes: u64,
}

impl ChaseStage {
    /// With reflectors where eigenvectors are wanted.
    pub fn new(of: Chased, keeps: bool) -> ChaseStage {
        let groups = of.groups().count();
        let product = |what: &str, blocks| Product { id: new_product(), name: format!("eigh: {what}"), blocks };
        let mut products = vec![product("band on its way", groups + 1), product("tridiagonal", 1)];
        products.extend(keeps.then(|| product("sweeps", groups)));
        let scratch_bytes = with_field!(of.dtype, T => of.sweeps(0).scratch_bytes::<T>()) as u64;
        ChaseStage { of, products, scratch_bytes }
    }

    /// The product of the diagonals, f64: `n` of the main one, then those below it.
    pub fn tridiagonal(&self) -> u64 {
        self.products[1].id
    }

    /// The product of the reflectors, a group a block.
    pub fn reflectors(&self) -> Option<u64> {
        self.products.get(2).map(|product| product.id)
    }

    fn band_bytes(&self) -> u64 {
        self.of.n() * 2 * self.of.b() * self.of.item()
    }

    /// The group of sweeps of task `n`, but of the first and the last one.
    fn group(&self, n: u64) -> Option<u64> {
        n.checked_sub(1).filter(|group| *group < self.of.groups().count())
    }

    fn typed<T: Field>(&self, n: u64, blocks: &mut TaskBlocks) {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        let b = self.of.b() as usize;
        if n == 0 {
            let band = bytemuck::cast_slice_mut::<u8, T>(writes[0]);
            band.fill(T::ZERO);
            let columns = reads.iter().flat_map(|columns| bytemuck::cast_slice::<u8, T>(columns).chunks_exact(b + 1));
            band.chunks_exact_mut(2 * b).zip(columns).for_each(|(to, column)| {
                // of b = 1, a column has just that room
                to[..b + 1].copy_from_slice(column);
            });
            return;
        }
        let Some(group) = self.group(n) else {
            let (d, e) = bytemuck::cast_slice_mut::<u8, f64>(writes[0]).split_at_mut(self.of.n() as usize);
            return linalg::diagonals::<T>(bytemuck::cast_slice(reads[0]), b, d, e);
        };
        let (band, reflectors) = writes.split_at_mut(1);
        let reflectors = reflectors.first_mut().map(|block| bytemuck::cast_slice_mut::<u8, T>(block));
        linalg::chase::<T>(self.of.sweeps(group), bytemuck::cast_slice_mut(band[0]), reflectors, scratch);
    }
}

impl Stage for ChaseStage {
    fn name(&self) -> &str {
        "eigh: chase"
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.of.band, self.products[0].id]
    }
    fn tasks(&self) -> u64 {
        self.of.groups().count() + 2
    }
    fn demand_bytes(&self) -> u64 {
        let columns = rounded(self.of.b() * (self.of.b() + 1) * self.of.item()).saturating_mul(self.of.columns.count());
        let reflectors = if self.products.len() > 2 { rounded(self.of.reflectors_bytes(0)) } else { 0 };
        let beside = columns.max(reflectors).max(rounded(self.of.n() * 16));
        rounded(self.band_bytes()).saturating_add(beside).saturating_add(rounded(self.scratch_bytes))
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let band = |block| BlockKey { product: self.products[0].id, block };
        if n == 0 {
            spec.reads.extend((0..self.of.columns.count()).map(|block| BlockKey { product: self.of.band, block }));
            spec.writes.push(Write { key: band(0), bytes: self.band_bytes(), takes: None });
            return;
        }
        let Some(group) = self.group(n) else {
            spec.reads.push(band(n - 1));
            let key = BlockKey { product: self.tridiagonal(), block: 0 };
            return spec.writes.push(Write { key, bytes: (2 * self.of.n() - 1) * 8, takes: None });
        };
        spec.scratch_bytes = self.scratch_bytes;
        spec.takes.push(band(n - 1));
        spec.writes.push(Write { key: band(n), bytes: self.band_bytes(), takes: Some(0) });
        if let Some(product) = self.reflectors() {
            let key = BlockKey { product, block: group };
            spec.writes.push(Write { key, bytes: self.of.reflectors_bytes(group), takes: None });
        }
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.of.band || product == self.products[0].id) as u64
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        match product {
            _ if product == self.products[0].id => block,
            _ if product == self.tridiagonal() => self.tasks() - 1,
            _ => block + 1,
        }
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn flops(&self, n: u64) -> u64 {
        let sweeps = self.group(n).map_or(0, |group| self.of.groups().chunk(group).1);
        flops::of_products(self.of.dtype, &[3 * self.of.n(), self.of.b(), sweeps])
    }
    fn all_flops(&self) -> u64 {
        flops::of_products(self.of.dtype, &[3 * self.of.n(), self.of.b(), self.of.groups().len()])
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        with_field!(self.of.dtype, T => self.typed::<T>(n, blocks));
        Ok(())
    }
}

/// The triangles of the reflectors of each group of sweeps.
pub struct TrianglesStage {
    of: Chased,
    reflectors: u64,
    products: [Product; 1],
    scratch_bytes: u64,
}

impl TrianglesStage {
    /// Of the product of `reflectors`.
    pub fn new(of: Chased, reflectors: u64) -> TrianglesStage {
        let product = Product { id: new_product(), name: "eigh: T of sweeps".into(), blocks: of.groups().count() };
        let scratch_bytes = with_field!(of.dtype, T => linalg::sweeps_t_scratch_bytes::<T>(&of.sweeps(0))) as u64;
        TrianglesStage { of, reflectors, products: [product], scratch_bytes }
    }
}

impl Stage for TrianglesStage {
    fn name(&self) -> &str {
        &self.products[0].name
    }
    fn products(&self) -> &[Product] {
        &self.products
    }
    fn inputs(&self) -> Vec<u64> {
        vec![self.reflectors]
    }
    fn tasks(&self) -> u64 {
        self.products[0].blocks
    }
    fn demand_bytes(&self) -> u64 {
        let blocks = [self.of.reflectors_bytes(0), self.of.t_bytes(0), self.scratch_bytes];
        blocks.into_iter().map(rounded).fold(0, u64::saturating_add)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        spec.reads.push(BlockKey { product: self.reflectors, block: n });
        let key = BlockKey { product: self.products[0].id, block: n };
        spec.writes.push(Write { key, bytes: self.of.t_bytes(n), takes: None });
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, _block: BlockId) -> u64 {
        (product == self.reflectors) as u64
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        if product == self.reflectors {
            each(block);
        }
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        with_field!(self.of.dtype, T => {
            linalg::sweeps_t::<T>(&self.of.sweeps(n), bytemuck::cast_slice(reads[0]), bytemuck::cast_slice_mut(writes[0]), scratch)
        });
        Ok(())
    }
}
