//! QR of tall matrices by a sketch and Cholesky, in two reads for R and a third for Q: most of it is products of matrices.
//!
//! The first read adds the rows up to a sketch [2n + 16, n], whose R₀ makes the columns of X = A·R₀⁻¹ nearly orthonormal. The second has XᴴX = R₁ᴴ·R₁, and R
//! = R₁·R₀. Q is A·R₀⁻¹·R₁⁻¹, row by row, or A·R⁻¹ where one triangle is as good as two. Where R₀ tells that the columns of A are nearly orthogonal
//! themselves, as those of random numbers are, the second read has AᴴA = RᴴR, and nothing is divided by R₀. Where R₀ or R₁ tells that
//! the matrix is too near a singular one, the tree does it.
//!
//! Source: Higgins, Szyld, Boman and Yamazaki, *Analysis of Randomized Householder-Cholesky QR Factorization with Multisketching*, arXiv
//! 2309.05868 (2023).

use super::rows_over::rows_over;
use super::source::Source;
use super::tall::{Sizes, pairs, rows_of_feed, rows_of_leaves};
use super::tall_qr::tall_qr;
use crate::blocked::flops;
use crate::blocked::lower::lower_stages;
use crate::blocked::places::{Along, Blocks, Graph, HERE, Placed, Places};
use crate::blocked::procedure::{Bound, Keeper, Procedure, Step};
use crate::blocked::work::Layout;
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::expr::ops::By;
use crate::grid::{AxisChunks, ChunkGrid};
use crate::memory::rounded;
use crate::plan::{Drive, Parts, Plan, Product, Stage, TaskBlocks, demand_bytes};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{self, Mat, MatMut};
use flagstone_kernels::with_field;
use std::sync::{Arc, Mutex, PoisonError};

/// What a read has found of a triangle; nothing where there is none.
type Found = Arc<Mutex<Option<Seen>>>;

/// What a triangle tells.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The ratio of its singular values, smallest over largest, its columns brought to length one.
    ratio: f64,
    /// Whether the squares of its columns' lengths are numbers like others.
    can_be_squared: bool,
}

/// How many times n·ε the ratio of R₀, its columns brought to length one, is at least: X is then A·R₀⁻¹ to a sixteenth.
const MARGIN: f64 = 16.0;
/// The ratio of R₁ at least: X is as nearly orthonormal as a sketch makes it, so that XᴴX loses nothing.
const LEAST: f64 = 0.02;
/// The ratio of R₀ at least where A itself is squared, and that of its R: a sketch of orthonormal columns has a sixth.
const APART: f64 = 0.1;

/// A tall matrix on its way.
pub struct SketchedQr {
    node: Expr,
    arg: Expr,
    at: At,
}

/// What is done.
enum At {
    Start,
    /// R₀, of this product, is being found.
    Sketched(Expr, u64, Found),
    /// R of A itself is being found, beside R₀ of this product, which told this.
    Direct(Expr, u64, Seen, Expr, Found),
    /// R₁ and R are being found, beside R₀; whether R alone does for Q.
    Squared([Expr; 3], bool, Found),
}

/// One read of all rows, and what becomes of it.
#[derive(Clone)]
enum Pass {
    /// The sketch: R₀.
    Sketch,
    /// XᴴX, where the block of this product is R₀: R₁ and R. Without one AᴴA: R.
    Squares(Option<u64>),
}

impl SketchedQr {
    /// The QR of `node`.
    pub fn new(node: &Expr, arg: &Expr) -> SketchedQr {
        SketchedQr { node: node.clone(), arg: arg.clone(), at: At::Start }
    }

    fn sizes(&self) -> Sizes {
        Sizes { n: self.arg.shape[1], dtype: self.arg.dtype }
    }

    /// The plan of `pass`, and the products that it leaves: R₀, or R₁ and R, or R.
    fn plan(&self, pass: &Pass, found: &Found, budget: &Budget) -> Result<(Plan, Vec<u64>)> {
        let sizes = self.sizes();
        let mut left = Vec::new();
        let plan = lower_stages(&self.arg, budget, |lowering, feed, reg| {
            let rows = rows_of_leaves(self.arg.shape[0], sizes.n, budget.sizes.numerics.tall_elements);
            let source = Source::new(feed, reg, sizes.dtype, sizes.n, &rows, budget.work());
            let rank = lowering.rank_of(&source.feed.products());
            let first = PassStage::new(&sizes, pass, source, rows);
            let (mut product, mut count) = (first.products()[0].id, first.tasks());
            lowering.push(first, Drive::Ranked(rank));
            while count > 1 {
                let sum = SumStage::new(&sizes, pass, product, count);
                (product, count) = (sum.products()[0].id, sum.tasks());
                lowering.push(sum, Drive::Following);
            }
            let last = FactorStage::new(&sizes, pass, product, found.clone());
            left = last.products().iter().map(|product| product.id).collect();
            // R₀ is there already: nobody asks for it
            let rank = lowering.rank_of(&last.inputs());
            lowering.push(last, Drive::Ranked(rank));
            left.clone()
        })?;
        Ok((plan, left))
    }

    /// The read that follows where A·R₀⁻¹ is squared, R₀ being of this product.
    fn squared(&mut self, first: Expr, product: u64, seen: Seen, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        let (m, n) = (self.arg.shape[0] as f64, self.arg.shape[1] as f64);
        let found = Found::default();
        let (plan, left) = self.plan(&Pass::Squares(Some(product)), &found, budget)?;
        let (second, r) = (self.triangle(left[0], keeper)?, self.triangle(left[1], keeper)?);
        // rows over R are off by √n·ε over the ratio at most: no more than √m·ε is what the tree's are
        let one_does = seen.ratio * m.sqrt() >= n.sqrt();
        self.at = At::Squared([first, second, r], one_does, found);
        Ok(Step::Run(plan))
    }

    /// A triangle that a pass leaves.
    fn triangle(&self, product: u64, keeper: &dyn Keeper) -> Result<Expr> {
        let n = self.arg.shape[1];
        let chunks = self.node.output(1).ok_or_else(|| Error::internal("no R"))?.chunks;
        keeper.resident(product, ChunkGrid::whole(&[n, n]), self.arg.dtype, chunks)
    }
}

fn value(found: &Found) -> Option<Seen> {
    *found.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Procedure for SketchedQr {
    fn describe(&self) -> String {
        format!("qr of {:?} by a sketch, or by a tree of rows where the matrix is nearly singular", self.arg.shape)
    }
    fn most(&self) -> Bound {
        Bound { standing_bytes: 0, kept_bytes: 4 * rounded(self.sizes().bytes(self.sizes().n)), reads: 3 }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        let found = Found::default();
        let (sketch, products) = self.plan(&Pass::Sketch, &found, budget)?;
        let (squares, _) = self.plan(&Pass::Squares(Some(products[0])), &found, budget)?;
        Ok(if demand_bytes(&sketch) >= demand_bytes(&squares) { sketch } else { squares })
    }
    fn bound(&self, _: &Budget) -> Result<Vec<Expr>> {
        tall_qr(&self.arg, By::Either)
    }
    fn step(&mut self, budget: &Budget, keeper: &dyn Keeper) -> Result<Step> {
        let n = self.arg.shape[1] as f64;
        match std::mem::replace(&mut self.at, At::Start) {
            At::Start => {
                let found = Found::default();
                let (plan, left) = self.plan(&Pass::Sketch, &found, budget)?;
                self.at = At::Sketched(self.triangle(left[0], keeper)?, left[0], found);
                Ok(Step::Run(plan))
            }
            At::Sketched(first, product, found) => {
                let Some(seen) = value(&found) else { return Ok(Step::Done(tall_qr(&self.arg, By::Tree)?)) };
                // X differs from A·R₀⁻¹ by n·ε over this at most
                if seen.ratio.is_nan() || seen.ratio < MARGIN * n * self.arg.dtype.epsilon() {
                    return Ok(Step::Done(tall_qr(&self.arg, By::Tree)?));
                }
                if seen.ratio < APART || !seen.can_be_squared {
                    return self.squared(first, product, seen, budget, keeper);
                }
                let found = Found::default();
                let (plan, left) = self.plan(&Pass::Squares(None), &found, budget)?;
                self.at = At::Direct(first, product, seen, self.triangle(left[0], keeper)?, found);
                Ok(Step::Run(plan))
            }
            At::Direct(_, _, _, r, found) if value(&found).is_some_and(|of_r| of_r.ratio >= APART) => {
                Ok(Step::Done(vec![rows_over(&self.arg, vec![r.clone()])?, r]))
            }
            At::Direct(first, product, seen, ..) => self.squared(first, product, seen, budget, keeper),
            At::Squared([first, second, r], one_does, found) => {
                if !value(&found).is_some_and(|of_r1| of_r1.ratio >= LEAST) {
                    return Ok(Step::Done(tall_qr(&self.arg, By::Tree)?));
                }
                let triangles = if one_does { vec![r.clone()] } else { vec![first, second] };
                Ok(Step::Done(vec![rows_over(&self.arg, triangles)?, r]))
            }
        }
    }
}

impl Pass {
    /// Rows of what it adds up.
    fn height(&self, n: u64) -> u64 {
        match self {
            Pass::Sketch => linalg::sketch_height(n),
            Pass::Squares(_) => n,
        }
    }
    fn name(&self) -> &'static str {
        match self {
            Pass::Sketch => "qr: sketch",
            Pass::Squares(None) => "qr: squares of the matrix",
            Pass::Squares(Some(_)) => "qr: squares",
        }
    }
    /// Flops of some rows of `n` elements.
    fn flops(&self, dtype: DType, rows: u64, n: u64) -> u64 {
        match self {
            Pass::Sketch => flops::of_products(dtype, &[rows, n, 8]),
            Pass::Squares(_) => flops::of_products(dtype, &[rows, n, n]),
        }
    }
}

/// Rows, sketched or squared.
struct PassStage {
    sizes: Sizes,
    pass: Pass,
    source: Source,
    rows: AxisChunks,
    graph: Graph,
    /// The rows.
    layout: Layout<1>,
}

impl PassStage {
    fn new(sizes: &Sizes, pass: &Pass, source: Source, rows: AxisChunks) -> Placed<PassStage> {
        let (n, longest) = (sizes.n, rows.longest());
        let product = Product::new(pass.name(), rows.count());
        let layout = Layout::new([rounded(sizes.bytes(longest))]);
        let kernel = with_field!(sizes.dtype, T => linalg::rows_squared_scratch_bytes::<T>(longest as usize, n as usize)) as u64;
        let reads = match pass {
            Pass::Sketch | Pass::Squares(None) => vec![],
            Pass::Squares(Some(first)) => vec![Blocks::new(*first, &[1], sizes.bytes(n)).along([Along::One(0)])],
        };
        let graph = Graph {
            feeds: vec![rows_of_feed(&source, &rows)],
            reads,
            writes: vec![Blocks::new(product.id, &[rows.count()], sizes.bytes(pass.height(n))).along([HERE])],
            scratch_bytes: source.scratch_bytes().max(kernel).saturating_add(layout.bytes()),
            ..Graph::rows(pass.name(), vec![product], &[rows.count()])
        };
        Placed(PassStage { sizes: sizes.clone(), pass: pass.clone(), source, rows, graph, layout })
    }
}

impl Places for PassStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, _block: &[u64]) -> u64 {
        self.sizes.bytes(self.pass.height(self.sizes.n))
    }
    fn flops(&self, place: &[u64]) -> u64 {
        self.pass.flops(self.sizes.dtype, self.rows.chunk(place[0]).1, self.sizes.n)
    }
    fn all_flops(&self) -> u64 {
        self.pass.flops(self.sizes.dtype, self.rows.len(), self.sizes.n)
    }
    fn run(&self, place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, mut scratch, counters } = blocks.parts();
        let [x] = self.layout.split(&mut scratch);
        let (first, len) = self.rows.chunk(place[0]);
        let x = &mut x[..self.sizes.bytes(len) as usize];
        let fed = reads.len() - matches!(self.pass, Pass::Squares(Some(_))) as usize;
        self.source.bring_rows((first, len), &reads[..fed], x, scratch, counters)?;
        let n = self.sizes.n as usize;
        with_field!(self.sizes.dtype, T => {
            let (x, to): (&mut [T], &mut [T]) = (bytemuck::cast_slice_mut(x), bytemuck::cast_slice_mut(&mut *writes[0]));
            match self.pass {
                Pass::Sketch => {
                    to.fill(<T as linalg::Field>::ZERO);
                    linalg::sketch_rows(first, x, n, to);
                }
                Pass::Squares(first) => {
                    let mut x = MatMut::dense(x, len as usize, n);
                    if first.is_some() {
                        linalg::rows_over(Mat::dense(bytemuck::cast_slice(reads[fed]), n, n), x.again(), scratch);
                    }
                    linalg::rows_squared(x.read(), MatMut::dense(to, n, n), scratch);
                }
            }
        });
        Ok(())
    }
}

/// Sums of pairs.
struct SumStage {
    sizes: Sizes,
    height: u64,
    graph: Graph,
}

impl SumStage {
    fn new(sizes: &Sizes, pass: &Pass, below: u64, count: u64) -> Placed<SumStage> {
        let (nodes, height) = (pairs(count).count(), pass.height(sizes.n));
        let product = Product::new(pass.name(), nodes);
        let graph = Graph {
            reads: vec![Blocks::new(below, &[count], sizes.bytes(height)).along([Along::Group(0, pairs(count))])],
            writes: vec![Blocks::new(product.id, &[nodes], sizes.bytes(height)).along([HERE])],
            ..Graph::rows(&format!("{}, sums", pass.name()), vec![product], &[nodes])
        };
        Placed(SumStage { sizes: sizes.clone(), height, graph })
    }
}

impl Places for SumStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, _block: &[u64]) -> u64 {
        self.sizes.bytes(self.height)
    }
    fn run(&self, _place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, .. } = blocks.parts();
        writes[0].copy_from_slice(reads[0]);
        if let Some(other) = reads.get(1) {
            with_field!(self.sizes.dtype, T => {
                let (sum, other): (&mut [T], &[T]) = (bytemuck::cast_slice_mut(&mut *writes[0]), bytemuck::cast_slice(other));
                sum.iter_mut().zip(other).for_each(|(sum, x)| *sum += *x);
            });
        }
        Ok(())
    }
}

/// One task that makes triangles of what was added up.
struct FactorStage {
    sizes: Sizes,
    pass: Pass,
    graph: Graph,
    found: Found,
    /// What is factored, and the triangles of its reflectors.
    layout: Layout<2>,
}

impl FactorStage {
    fn new(sizes: &Sizes, pass: &Pass, of: u64, found: Found) -> Placed<FactorStage> {
        let (n, height) = (sizes.n, pass.height(sizes.n));
        let square = sizes.bytes(n);
        let one = |product: u64, bytes: u64| Blocks::new(product, &[1], bytes).along([Along::One(0)]);
        let mut reads = vec![one(of, sizes.bytes(height))];
        let mut products = vec![Product::new("qr: R", 1)];
        let cholesky = with_field!(sizes.dtype, T => linalg::rows_cholesky_scratch_bytes::<T>(n as usize)) as u64;
        let (t, kernel) = match pass {
            Pass::Sketch => (sizes.t_bytes(height), sizes.scratch_bytes(height).max(cholesky)),
            Pass::Squares(None) => (0, cholesky),
            Pass::Squares(Some(first)) => {
                products.push(Product::new("qr: R", 1));
                reads.push(one(*first, square));
                (0, cholesky)
            }
        };
        let layout = Layout::new([rounded(sizes.bytes(height)), rounded(t)]);
        let graph = Graph {
            reads,
            writes: products.iter().map(|product| one(product.id, square)).collect(),
            scratch_bytes: layout.bytes().saturating_add(kernel),
            ..Graph::rows("qr: R", products, &[1])
        };
        Placed(FactorStage { sizes: sizes.clone(), pass: pass.clone(), graph, found, layout })
    }
}

impl Places for FactorStage {
    fn graph(&self) -> &Graph {
        &self.graph
    }
    fn block_bytes(&self, _product: usize, _block: &[u64]) -> u64 {
        self.sizes.bytes(self.sizes.n)
    }
    fn run(&self, _place: &[u64], blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, writes, mut scratch, .. } = blocks.parts();
        let [of, t] = self.layout.split(&mut scratch);
        let of = &mut of[..reads[0].len()];
        of.copy_from_slice(reads[0]);
        let n = self.sizes.n as usize;
        let mut writes = writes.into_iter();
        let (Some(to), second) = (writes.next(), writes.next()) else { return Err(Error::internal("no triangle")) };
        if let Pass::Sketch = self.pass {
            let t = &mut t[..self.sizes.t_bytes(self.pass.height(self.sizes.n)) as usize];
            self.sizes.factor(of, t, to, scratch);
        }
        let found = with_field!(self.sizes.dtype, T => {
            let ratio = match self.pass {
                Pass::Sketch => Some(linalg::columns_reciprocal::<T>(Mat::dense(bytemuck::cast_slice(to), n, n), scratch)),
                Pass::Squares(_) => {
                    let g = MatMut::<T>::dense(bytemuck::cast_slice_mut(of), n, n);
                    linalg::rows_cholesky(g, MatMut::dense(bytemuck::cast_slice_mut(to), n, n), scratch)
                }
            };
            let triangle = Mat::<T>::dense(bytemuck::cast_slice(to), n, n);
            if let (Some(r), Some(first)) = (second, reads.get(1)) {
                linalg::triangles(triangle, Mat::dense(bytemuck::cast_slice(first), n, n), MatMut::dense(bytemuck::cast_slice_mut(r), n, n), scratch);
            }
            ratio.map(|ratio| Seen { ratio, can_be_squared: linalg::columns_can_be_squared(triangle) })
        });
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}
