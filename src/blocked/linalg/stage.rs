//! The tasks of steps: bring in a block's columns at its first step, apply a factored block, or factor, and hand the block on.

use super::columns::Columns;
use super::source::Source;
use crate::blocked::flops;
use crate::blocked::places::{Along, Blocks, Fed, Graph, HERE, Placed, Places};
use crate::blocked::space::Order;
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Counters;
use crate::expr::ops::{Applied, Factors};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Parts, Product, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::gemm::gemm_helper_bytes;
use flagstone_kernels::linalg::{self, Condition, Field, Mat, MatMut};
use flagstone_kernels::with_field;
use std::sync::{Arc, Mutex, PoisonError};

/// Factored blocks that are there already.
#[derive(Clone, Debug)]
pub struct Factored {
    /// The product of the factors, a column block a block.
    pub factors: u64,
    /// Its column blocks.
    pub columns: AxisChunks,
    /// What each block has beside: pivots, or T.
    pub side: Option<u64>,
    /// Which blocks of these products: the first, and every so many.
    pub every: [u64; 2],
    /// How far from singular LU's upper triangle is: whole once all blocks are factored.
    pub condition: Option<Arc<Mutex<Condition>>>,
}

/// What steps do.
#[derive(Clone, Debug)]
pub enum Doing {
    /// Factor the blocks themselves.
    Factor(Factors),
    /// Apply factors.
    Apply(Applied, Factored),
    /// Apply Q of panels of a reduction to a band, of which each has the last rows of the matrix; so many of them stand above its
    /// reflectors, of zeros.
    Panels(Factored, u64),
    /// Apply Q of groups of sweeps that chase a band of so many diagonals below the main one.
    Sweeps(Factored, u64),
}

impl Doing {
    /// The factors that are there already.
    pub fn factored(&self) -> Option<&Factored> {
        match self {
            Doing::Factor(_) => None,
            Doing::Apply(_, factored) | Doing::Panels(factored, _) | Doing::Sweeps(factored, _) => Some(factored),
        }
    }
}

/// Bytes that stand beside each factored block of `w` columns.
fn side_bytes(into: Factors, dtype: DType, w: u64) -> u64 {
    match into {
        Factors::Lu => w * 8,
        Factors::Cholesky => 0,
        Factors::Qr => w * w * dtype.size() as u64,
    }
}

/// Group `k` of the sweeps that chase a band of order `n` with `b` diagonals below the main one.
pub fn sweeps_of(n: usize, b: u64, groups: &AxisChunks, k: u64) -> linalg::Sweeps {
    let (first, count) = groups.chunk(k);
    linalg::Sweeps { n, b: b as usize, first: first as usize, count: count as usize }
}

/// The steps of all blocks of a matrix.
pub struct ColumnStage {
    source: Source,
    doing: Doing,
    columns: Columns,
    /// Writes finished blocks, blocks on their way, and what factored blocks have beside them.
    graph: Graph,
    /// Of LU: what blocks that are factored tell of their triangle, one after the other.
    condition: Option<Arc<Mutex<Condition>>>,
}

impl ColumnStage {
    /// Steps each of which threads of `budget` can help with.
    pub fn new(name: &str, source: Source, doing: Doing, columns: Columns, budget: &Budget) -> Placed<ColumnStage> {
        let product = |what: &str, blocks| Product::new(format!("{name}{what}"), blocks);
        let mut products = vec![product("", columns.blocks), product(" steps", columns.len())];
        if matches!(doing, Doing::Factor(Factors::Lu | Factors::Qr)) {
            products.push(product(" beside", columns.blocks));
        }
        let (m, w) = (source.rows() as usize, source.columns.longest() as usize);
        let wide = doing.factored().map_or(w, |factored| factored.columns.longest() as usize).max(w);
        let kernel = with_field!(source.dtype, T => match &doing {
            Doing::Factor(Factors::Lu) | Doing::Apply(Applied::Lower, _) => linalg::lu_scratch_bytes::<T>(m, wide),
            Doing::Factor(Factors::Cholesky) => linalg::cholesky_scratch_bytes::<T>(m, wide),
            Doing::Factor(Factors::Qr) | Doing::Apply(Applied::Q | Applied::QAdjoint, _) | Doing::Panels(..) => {
                linalg::qr_scratch_bytes::<T>(m, wide)
            }
            Doing::Sweeps(factored, b) => linalg::sweeps_scratch_bytes::<T>(&sweeps_of(m, *b, &factored.columns, 0), w),
            Doing::Apply(Applied::Triangle(_) | Applied::LowerTransposed, _) => linalg::triangle_scratch_bytes::<T>(m, w, wide),
        });
        let helpers = budget.helpers(m as u64, budget.work().step_helpers_max);
        let kernel = kernel as u64 + helpers * gemm_helper_bytes(source.dtype, w, wide) as u64;
        let condition = matches!(doing, Doing::Factor(Factors::Lu)).then(Arc::default);
        let measured = if condition.is_some() { Condition::bytes(source.columns.len()) } else { 0 };
        let graph =
            Graph { scratch_bytes: kernel.max(source.scratch_bytes()) + measured, ..graph(name, &source, &doing, columns, products) };
        Placed(ColumnStage { source, doing, columns, graph, condition })
    }

    /// The product of finished blocks and its cuts.
    pub fn finished(&self) -> (u64, ChunkGrid) {
        (self.graph.products[0].id, ChunkGrid { axes: self.source.boxes() })
    }

    /// As what the blocks are read that it factors.
    pub fn factored(&self) -> Factored {
        Factored {
            factors: self.graph.products[0].id,
            columns: self.source.columns.clone(),
            side: self.graph.products.get(2).map(|side| side.id),
            every: [0, 1],
            condition: self.condition.clone(),
        }
    }

    fn factor_columns(&self) -> &AxisChunks {
        factor_columns(&self.source, &self.doing)
    }

    /// Whether step `k` of block `j` factors it; else it applies a factored block.
    fn factors(&self, j: u64, k: u64) -> bool {
        matches!(self.doing, Doing::Factor(_)) && j == k
    }

    /// As [`Places::flops`], of step `k` of block `j`.
    fn step_flops(&self, j: u64, k: u64) -> u64 {
        let (rows, n) = (self.source.rows(), self.source.columns.chunk(j).1);
        let (at, w) = self.factor_columns().chunk(k);
        let (below, above) = (rows.saturating_sub(at), at + w);
        let factors = self.factors(j, k);
        let products = match &self.doing {
            // a block times itself: half of it, and for Q its triangle
            Doing::Factor(Factors::Lu | Factors::Cholesky) if factors => [below, w, w.div_ceil(2)],
            Doing::Factor(Factors::Qr) if factors => [below, w, w * 3 / 2],
            Doing::Factor(Factors::Cholesky) => [rows.saturating_sub(self.source.columns.chunk(j).0), w, n],
            Doing::Factor(Factors::Lu) | Doing::Apply(Applied::Lower | Applied::LowerTransposed, _) => [below, w, n],
            Doing::Apply(Applied::Triangle(kind), _) => [if kind.is_forward() == kind.lower { below } else { above.min(rows) }, w, n],
            Doing::Factor(Factors::Qr) | Doing::Apply(Applied::Q | Applied::QAdjoint, _) | Doing::Panels(..) => [below, w, 2 * n],
            // a parallelogram of reflectors is as much again as they are, half of it zeros
            Doing::Sweeps(..) => [below, w, 4 * n],
        };
        flops::of_products(self.source.dtype, &products)
    }

    /// Takes step `k` of block `j`: factors it, or applies `factors` and what stands beside them.
    fn step<T: Field>(&self, j: u64, k: u64, factors: Option<(&[u8], &[u8])>, blocks: [&mut [u8]; 2], scratch: &mut [u8]) -> Result<()> {
        let [block, side] = blocks;
        let m = self.source.rows() as usize;
        let n = self.source.columns.chunk(j).1 as usize;
        let (at, w) = self.factor_columns().chunk(k);
        let (at, w) = (at as usize, w as usize);
        let mut block = MatMut::<T>::dense(bytemuck::cast_slice_mut(block), m, n);
        let Some((f, beside)) = factors else {
            let Doing::Factor(into) = &self.doing else { unreachable!("applies what it reads") };
            match into {
                Factors::Lu => {
                    linalg::lu_panel(block.again(), at, bytemuck::cast_slice_mut(side), scratch);
                    self.measure(block.read(), at);
                }
                Factors::Qr => linalg::qr_panel(block, at, MatMut::dense(bytemuck::cast_slice_mut(side), w, w), scratch),
                Factors::Cholesky => linalg::cholesky_panel(block, at, scratch).map_err(|i| self.indefinite(i))?,
            }
            return Ok(());
        };
        if let Doing::Sweeps(factored, b) = &self.doing {
            let sweeps = sweeps_of(m, *b, &factored.columns, k);
            linalg::sweeps_apply::<T>(&sweeps, bytemuck::cast_slice(f), bytemuck::cast_slice(beside), block, scratch);
            return Ok(());
        }
        if let Doing::Panels(_, above) = &self.doing {
            let panel: &[T] = bytemuck::cast_slice(f);
            let (rows, above) = (panel.len() / w, *above as usize);
            let reflectors = w.min(rows - above);
            let t = Mat::<T>::dense(bytemuck::cast_slice(beside), w, w).part(0, 0, reflectors, reflectors);
            let [_, below] = block.split_rows(m - rows);
            linalg::qr_apply(Mat::dense(panel, rows, w), above, t, false, below, scratch);
            return Ok(());
        }
        let f = Mat::<T>::dense(bytemuck::cast_slice(f), m, w);
        let t = || Mat::<T>::dense(bytemuck::cast_slice(beside), w, w);
        match &self.doing {
            Doing::Factor(Factors::Lu) | Doing::Apply(Applied::Lower, _) => {
                linalg::lu_apply(f, at, bytemuck::cast_slice(beside), block, scratch)
            }
            Doing::Apply(Applied::LowerTransposed, _) => linalg::lu_apply_transposed(f, at, bytemuck::cast_slice(beside), block, scratch),
            Doing::Factor(Factors::Cholesky) => linalg::cholesky_update(f, self.source.columns.chunk(j).0 as usize, block, scratch),
            Doing::Factor(Factors::Qr) | Doing::Apply(Applied::QAdjoint, _) => linalg::qr_apply(f, at, t(), true, block, scratch),
            Doing::Apply(Applied::Q, _) => linalg::qr_apply(f, at, t(), false, block, scratch),
            Doing::Apply(Applied::Triangle(kind), _) => linalg::solve_step(*kind, f, at, block, scratch).map_err(|i| self.singular(i))?,
            Doing::Panels(..) | Doing::Sweeps(..) => unreachable!("done above"),
        }
        Ok(())
    }

    /// What a factored block tells of the triangle. Blocks are factored in order, each after the one before it.
    fn measure<T: Field>(&self, block: Mat<'_, T>, at: usize) {
        if let Some(condition) = &self.condition {
            condition.lock().unwrap_or_else(PoisonError::into_inner).add(block, at);
        }
    }

    /// Tells of a matrix so near to a singular one that what is solved with it means nothing.
    fn warn(&self, counters: &Counters) {
        let Doing::Apply(Applied::Triangle(_), Factored { condition: Some(condition), .. }) = &self.doing else { return };
        let reciprocal = condition.lock().unwrap_or_else(PoisonError::into_inner).reciprocal();
        // of rounding errors that add up at random
        let lost = self.source.dtype.epsilon() * (self.source.rows() as f64).sqrt();
        if reciprocal > 0.0 && reciprocal < lost {
            counters.warn(format!(
                "{}: the matrix is close to a singular one, its condition number about {:.0e} or more; few digits of the result are right, if any",
                self.graph.name,
                1.0 / reciprocal
            ));
        }
    }

    fn indefinite(&self, i: usize) -> Error {
        let what = format!("the matrix is not positive definite: its leading minor of order {} is not positive", i + 1);
        ErrorKind::Numerical { operation: self.graph.name.clone(), what }.into()
    }

    fn singular(&self, i: usize) -> Error {
        let what = format!("the matrix is singular: element {i} of the diagonal of its triangular factor is zero");
        ErrorKind::Numerical { operation: self.graph.name.clone(), what }.into()
    }
}

impl Places for ColumnStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, product: usize, block: &[u64]) -> u64 {
        match product {
            2 => beside_bytes(&self.source, &self.doing, block[0]),
            _ => self.source.bytes(self.source.columns.chunk(block[0]).1),
        }
    }
    fn flops(&self, place: &[u64]) -> u64 {
        self.step_flops(place[0], place[1])
    }
    fn all_flops(&self) -> u64 {
        // of Cholesky, a step is as long as the rows from the diagonal of the block on that takes it
        if matches!(self.doing, Doing::Factor(Factors::Cholesky)) {
            let of = |j: u64| self.step_flops(j, 0).saturating_mul(j).saturating_add(self.step_flops(j, j));
            return (0..self.columns.blocks).map(of).fold(0, u64::saturating_add);
        }
        let of = |k: u64| {
            let own = self.factors(k, k) as u64;
            let others = self.columns.takers(k) - own;
            let typical = if k == 0 { self.columns.blocks.saturating_sub(1).min(1) } else { 0 };
            let factored = if own == 1 { self.step_flops(k, k) } else { 0 };
            others.saturating_mul(self.step_flops(typical, k)).saturating_add(factored)
        };
        (0..self.columns.steps).map(of).fold(0, u64::saturating_add)
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let (j, k) = (place[0], place[1]);
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        // by then all blocks are factored, whichever come first
        if self.columns.number(place) + 1 == self.columns.len() {
            self.warn(counters);
        }
        let (block, side) = writes.split_at_mut(1);
        let mut factors = &reads[..];
        if !self.columns.space().inner(1, -self.columns.next()).has(place) {
            let applied = self.graph.reads.iter().filter(|_| !self.factors(j, k)).count();
            let source;
            (source, factors) = reads.split_at(reads.len() - applied);
            self.source.bring(j, source, block[0], scratch, counters)?;
        }
        let factors = factors.first().map(|f| (*f, factors.get(1).copied().unwrap_or_default()));
        let side = side.first_mut().map(|side| &mut **side).unwrap_or_default();
        with_field!(self.source.dtype, T => self.step::<T>(j, k, factors, [&mut *block[0], side], scratch))
    }
}

fn factor_columns<'a>(source: &'a Source, doing: &'a Doing) -> &'a AxisChunks {
    doing.factored().map_or(&source.columns, |factored| &factored.columns)
}

/// Bytes of a factored block at most.
fn factor_bytes(source: &Source, doing: &Doing) -> u64 {
    let (rows, item) = (source.rows(), source.dtype.size() as u64);
    match doing {
        Doing::Sweeps(factored, b) => sweeps_of(rows as usize, *b, &factored.columns, 0).reflectors_len() as u64 * item,
        _ => rows.saturating_mul(factor_columns(source, doing).longest()).saturating_mul(item),
    }
}

/// Bytes beside the factored block `k`.
fn beside_bytes(source: &Source, doing: &Doing, k: u64) -> u64 {
    let w = factor_columns(source, doing).chunk(k).1;
    match doing {
        Doing::Factor(into) => side_bytes(*into, source.dtype, w),
        Doing::Apply(Applied::Lower | Applied::LowerTransposed, _) => side_bytes(Factors::Lu, source.dtype, w),
        Doing::Apply(Applied::Q | Applied::QAdjoint, _) | Doing::Panels(..) => side_bytes(Factors::Qr, source.dtype, w),
        Doing::Sweeps(factored, b) => {
            let sweeps = sweeps_of(source.rows() as usize, *b, &factored.columns, k);
            (linalg::sweeps_t_len(&sweeps) * source.dtype.size()) as u64
        }
        Doing::Apply(Applied::Triangle(_), _) => 0,
    }
}

/// The tasks of `columns`: each takes its block from its step before, or brings it in, and applies factors to it or factors it.
fn graph(name: &str, source: &Source, doing: &Doing, columns: Columns, products: Vec<Product>) -> Graph {
    let (space, next) = (columns.space(), columns.next());
    let (blocks, block_bytes) = ([columns.blocks], source.block_bytes());
    let (done, way) = (Blocks::new(products[0].id, &blocks, block_bytes), Blocks::of_tasks(products[1].id, block_bytes));
    let own_side = products.get(2).map(|side| side.id);
    let (factors, side) = doing.factored().map_or((products[0].id, own_side), |factored| (factored.factors, factored.side));
    let every = doing.factored().map_or([0, 1], |factored| factored.every);
    let counts = [every[0] + every[1] * columns.steps];
    let beside = side.map(|side| Blocks::new(side, &counts, beside_bytes(source, doing, 0)));
    // the step that factors a block applies nothing
    let (factoring, applying) = match doing {
        Doing::Factor(_) => (space.apart(0..1), space.apart(1..u64::MAX)),
        _ => (space.at(0, 0..0), space.clone()),
    };
    let of_step = |blocks: &Blocks| blocks.along([Along::Every(1, every)]).within([applying.clone()]);
    let mut writes = vec![
        way.along([HERE, Along::At(1, 0)]).within([space.inner(1, next)]).taking(0),
        done.along([HERE]).within(space.ends(1, next)).taking(0),
    ];
    writes.extend(beside.iter().filter(|_| own_side.is_some()).map(|side| side.along([HERE]).within([factoring.clone()])));
    let factors = Blocks::new(factors, &counts, factor_bytes(source, doing));
    Graph {
        feeds: vec![Fed {
            feed: source.feed.clone(),
            cuts: source.boxes(),
            along: vec![Along::One(0), HERE],
            within: Some(space.ends(1, -next)),
        }],
        reads: std::iter::once(&factors).chain(&beside).map(of_step).collect(),
        takes: vec![way.along([HERE, Along::At(1, -next)]).within([space.inner(1, -next)])],
        writes,
        ..Graph::new(name, products, space, Box::new(columns))
    }
}
