//! A band matrix → a tridiagonal one, and the reflectors that do it. A chain of tasks, each a group of sweeps, that hand the band on;
//! beside it, a task for each group that makes the triangles of its reflectors.
//!
//! The band is 2b elements for each column, of which a half is room for bulges: two column blocks. It has to be in memory whole.

use super::stage::sweeps_of;
use crate::blocked::flops;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::blocked::space::Space;
use crate::error::Result;
use crate::grid::AxisChunks;
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{self, Field};
use flagstone_kernels::with_field;

/// A band matrix that is chased.
#[derive(Clone, Debug)]
pub struct Chased {
    /// The product of its columns, in blocks of `columns`, of b + 1 elements each.
    pub band: u64,
    /// The column blocks, of all columns or all but some last ones, which have nothing.
    pub columns: AxisChunks,
    /// Its order.
    pub n: u64,
    /// Its dtype.
    pub dtype: DType,
}

impl Chased {
    /// Diagonals below the main one.
    pub fn b(&self) -> u64 {
        self.columns.longest()
    }
    /// The groups of sweeps.
    pub fn groups(&self) -> AxisChunks {
        AxisChunks::regular(self.n - 1, self.b())
    }
    fn sweeps(&self, group: u64) -> linalg::Sweeps {
        sweeps_of(self.n as usize, self.b(), &self.groups(), group)
    }
    fn item(&self) -> u64 {
        self.dtype.size() as u64
    }
    fn band_bytes(&self) -> u64 {
        self.n * 2 * self.b() * self.item()
    }
    fn diagonals_bytes(&self) -> u64 {
        (2 * self.n - 1) * 8
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
    /// A chain that writes the band on its way, the diagonals, and the reflectors where they are wanted.
    graph: Graph,
}

impl ChaseStage {
    /// With reflectors where eigenvectors are wanted.
    pub fn new(of: Chased, keeps: bool) -> Placed<ChaseStage> {
        let (groups, columns) = (of.groups().count(), [of.columns.count()]);
        let mut products = vec![Product::new("eigh: band on its way", groups + 1), Product::new("eigh: tridiagonal", 1)];
        products.extend(keeps.then(|| Product::new("eigh: sweeps", groups)));
        let chain = Space::of(&[groups + 2]);
        let [first, sweeps, last] = [0..1, 1..groups + 1, groups + 1..groups + 2].map(|tasks| [chain.at(0, tasks)]);
        let band = Blocks::new(of.band, &columns, of.b() * (of.b() + 1) * of.item());
        let way = Blocks::new(products[0].id, &[groups + 1], of.band_bytes());
        let tridiagonal = Blocks::new(products[1].id, &[1], of.diagonals_bytes());
        let reflectors = products.get(2).map(|product| Blocks::new(product.id, &[groups], of.reflectors_bytes(0)));
        let before = [Along::At(0, -1)];
        let mut writes =
            vec![way.along([HERE]).within([chain.at(0, 0..groups + 1)]).taking(0), tridiagonal.along([Along::One(0)]).within(last.clone())];
        writes.extend(reflectors.map(|reflectors| reflectors.along(before.clone()).within(sweeps.clone())));
        let graph = Graph {
            reads: vec![band.along([Along::All]).within(first), way.along(before.clone()).within(last)],
            takes: vec![way.along(before).within(sweeps)],
            writes,
            scratch_bytes: with_field!(of.dtype, T => of.sweeps(0).scratch_bytes::<T>()) as u64,
            ..Graph::rows("eigh: chase", products, &[groups + 2])
        };
        Placed(ChaseStage { of, graph })
    }

    /// The product of the diagonals, f64: `n` of the main one, then those below it.
    pub fn tridiagonal(&self) -> u64 {
        self.graph.products[1].id
    }

    /// The product of the reflectors, a group a block.
    pub fn reflectors(&self) -> Option<u64> {
        self.graph.products.get(2).map(|product| product.id)
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
            let (d, e) = bytemuck::cast_slice_mut::<u8, f64>(writes[0]).split_at_mut(self.of.n as usize);
            return linalg::diagonals::<T>(bytemuck::cast_slice(reads[0]), b, d, e);
        };
        let (band, reflectors) = writes.split_at_mut(1);
        let reflectors = reflectors.first_mut().map(|block| bytemuck::cast_slice_mut::<u8, T>(block));
        linalg::chase::<T>(self.of.sweeps(group), bytemuck::cast_slice_mut(band[0]), reflectors, scratch);
    }
}

impl Places for ChaseStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, block: &[u64]) -> u64 {
        match product {
            0 => self.of.band_bytes(),
            1 => self.of.diagonals_bytes(),
            _ => self.of.reflectors_bytes(block[0]),
        }
    }
    fn flops(&self, place: &[u64]) -> u64 {
        let sweeps = self.group(place[0]).map_or(0, |group| self.of.groups().chunk(group).1);
        flops::of_products(self.of.dtype, &[3 * self.of.n, self.of.b(), sweeps])
    }
    fn all_flops(&self) -> u64 {
        flops::of_products(self.of.dtype, &[3 * self.of.n, self.of.b(), self.of.groups().len()])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        with_field!(self.of.dtype, T => self.typed::<T>(place[0], blocks));
        Ok(())
    }
}

/// The triangles of the reflectors of each group of sweeps.
pub struct TrianglesStage {
    of: Chased,
    graph: Graph,
}

impl TrianglesStage {
    /// Of the product of `reflectors`.
    pub fn new(of: Chased, reflectors: u64) -> Placed<TrianglesStage> {
        let counts = [of.groups().count()];
        let product = Product::new("eigh: T of sweeps", counts[0]);
        let graph = Graph {
            reads: vec![Blocks::new(reflectors, &counts, of.reflectors_bytes(0)).along([HERE])],
            writes: vec![Blocks::new(product.id, &counts, of.t_bytes(0)).along([HERE])],
            scratch_bytes: with_field!(of.dtype, T => linalg::sweeps_t_scratch_bytes::<T>(&of.sweeps(0))) as u64,
            ..Graph::rows("eigh: T of sweeps", vec![product], &counts)
        };
        Placed(TrianglesStage { of, graph })
    }
}

impl Places for TrianglesStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, block: &[u64]) -> u64 {
        self.of.t_bytes(block[0])
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, .. } = blocks.parts();
        with_field!(self.of.dtype, T => {
            linalg::sweeps_t::<T>(&self.of.sweeps(place[0]), bytemuck::cast_slice(reads[0]), bytemuck::cast_slice_mut(writes[0]), scratch)
        });
        Ok(())
    }
}
