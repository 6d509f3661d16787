//! The walk over the graph that turns loops into stages.

use super::blocking;
use super::boxes::{Boxes, Order, visiting};
use super::feed::{Data, Feed, Input};
use super::linalg::Factored;
use super::made::{Blocked, Several};
use super::map::MapStage;
use super::operations;
use super::share::{Sharing, sharing, store_id};
use super::siblings::siblings;
use crate::budget::Budget;
use crate::error::Result;
use crate::expr::{Affine, Expr};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Plan, Product, Stage, StageNode, new_product};
use crate::store::{Store, Writer};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::{Leaf, Program, Reg};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where a result goes.
#[derive(Clone)]
pub enum Destination {
    /// To a store, or a buffer of the caller's.
    Writer(Arc<dyn Writer>),
    /// It stays in the pool.
    Keep,
}

/// A result that is asked for.
#[derive(Clone)]
pub struct Sink {
    /// What.
    pub expr: Expr,
    /// Where to.
    pub to: Destination,
}

/// Stages, and for each kept sink its product and grid.
pub struct Lowered {
    /// The stages.
    pub plan: Plan,
    /// One entry a sink; `None` for those that were written.
    pub kept: Vec<Option<(u64, ChunkGrid)>>,
}

/// Lowers all sinks into one plan, so that what they share is read and computed once.
///
/// # Errors
/// `Unsupported` for what no stage can do yet; never `WouldNotFit`, which the plan's check decides.
pub fn lower(sinks: &[Sink], budget: &Budget) -> Result<Lowered> {
    let roots: Vec<Expr> = sinks.iter().map(|sink| sink.expr.clone()).collect();
    let mut lowering = Lowering::new(&roots, budget);
    let mut kept = Vec::with_capacity(sinks.len());
    for sink in sinks {
        lowering.current = sink.expr.id;
        kept.push(match &sink.to {
            Destination::Writer(writer) => {
                lowering.write(&sink.expr, writer)?;
                None
            }
            Destination::Keep => Some(lowering.keep(&sink.expr)?),
        });
    }
    let products = kept.iter().flatten().map(|(product, _)| *product).collect();
    Ok(Lowered { plan: Plan::new(lowering.stages, products), kept })
}

impl<'a> Lowering<'a> {
    fn new(roots: &[Expr], budget: &'a Budget) -> Lowering<'a> {
        Lowering {
            budget,
            sharing: sharing(roots, budget),
            stages: Vec::new(),
            made: HashMap::new(),
            several: Several::wanted(roots),
            factored: HashMap::new(),
            current: roots.first().map_or(0, |root| root.id),
            loaded: HashMap::new(),
            thin: HashMap::new(),
            driven: HashSet::new(),
            ready: HashMap::new(),
            siblings: siblings(roots),
            costs: HashMap::new(),
        }
    }
}

/// The plan of the stages that `build` pushes over the loop `root`, and of what it reads; it says which products stay.
///
/// # Errors
/// As [`lower`].
pub(super) fn lower_stages(root: &Expr, budget: &Budget, build: impl FnOnce(&mut Lowering<'_>, Feed, Reg) -> Vec<u64>) -> Result<Plan> {
    let mut lowering = Lowering::new(std::slice::from_ref(root), budget);
    let (feed, registers) = lowering.feed(&[root], &root.shape)?;
    let kept = build(&mut lowering, feed, registers[0]);
    Ok(Plan::new(lowering.stages, kept))
}

/// The plan of the stage that `build` makes of the loop over `roots`, and of what it reads.
///
/// # Errors
/// As [`lower`].
pub(super) fn lower_loop(roots: &[Expr], budget: &Budget, build: impl FnOnce(Feed, Vec<Reg>) -> Arc<dyn Stage>) -> Result<Plan> {
    let mut lowering = Lowering::new(roots, budget);
    let (feed, registers) = lowering.feed(&roots.iter().collect::<Vec<_>>(), &roots[0].shape)?;
    let rank = lowering.rank_of(&feed.products());
    lowering.stages.push(StageNode { stage: build(feed, registers), drive: Drive::Ranked(rank) });
    Ok(Plan::new(lowering.stages, vec![]))
}

/// Stack that lowering one operation takes at most, by far, and how much more there is where less is left.
const STACK_LEFT_BYTES: usize = 256 << 10;
const STACK_BYTES: usize = 4 << 20;

/// How an operation becomes stages. Each does it in the file of its name.
pub(super) trait Lower {
    /// Pushes the stages that make `node`, whose operation this is.
    ///
    /// # Errors
    /// As [`lower`].
    fn lower(&self, node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked>;
}

/// How an operation with several results becomes stages.
pub(super) trait LowerAll {
    /// Pushes the stages that make those results of `node` that are wanted.
    ///
    /// # Errors
    /// As [`lower`].
    fn lower_all(&self, node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>>;
}

/// A plan on its way. How each kind of loop's end is lowered stands beside its stage.
pub(super) struct Lowering<'a> {
    pub budget: &'a Budget,
    pub sharing: Sharing,
    stages: Vec<StageNode>,
    /// Nodes that have a product.
    pub made: HashMap<u64, Blocked>,
    /// Products of the nodes that have several results.
    pub several: Several,
    /// Factorisations that are on their way.
    pub factored: HashMap<u64, Factored>,
    /// The loop that is lowered: the node at its end.
    current: u64,
    /// Shared stores that have a product, by the pass over them.
    loaded: HashMap<(usize, u32), Blocked>,
    /// Slices of products that are blocks of their own, by product, and start, length and step along each axis.
    pub thin: HashMap<(u64, Vec<(u64, u64, u64)>), Blocked>,
    /// Products of stages that run of themselves: nobody has to ask for their blocks.
    driven: HashSet<u64>,
    /// The rank from which on a product can be read without being pulled.
    ready: HashMap<u64, u32>,
    /// Reductions that run in one loop.
    pub siblings: HashMap<u64, Vec<Expr>>,
    /// What an element of a node costs.
    pub costs: HashMap<u64, u64>,
}

impl Lowering<'_> {
    pub(super) fn push(&mut self, stage: impl Stage + 'static, drive: Drive) -> usize {
        let rank = match drive {
            Drive::Ranked(rank) => rank + 1,
            _ => self.rank_of(&stage.inputs()),
        };
        for product in stage.products() {
            if drive != Drive::Pulled {
                self.driven.insert(product.id);
            }
            let ready = self.ready.entry(product.id).or_default();
            *ready = rank.max(*ready);
        }
        self.stages.push(StageNode { stage: Arc::new(stage), drive });
        self.stages.len() - 1
    }

    pub(super) fn rank_of(&self, products: &[u64]) -> u32 {
        products.iter().filter_map(|product| self.ready.get(product)).copied().max().unwrap_or(0)
    }

    /// When `tasks` tasks that read `feed` run, where nobody asks for what they make: as soon as they can, if all blocks that they
    /// read come of themselves, so that none waits for the last of them; else in their own order. A block that very many
    /// read would make all of them near at once.
    pub(super) fn drive(&self, feed: &Feed, tasks: u64) -> Drive {
        let blocks = || {
            feed.inputs.iter().filter_map(|input| match &input.data {
                Data::Blocks { product, grid } => Some((product, grid.blocks())),
                Data::Store(_) => None,
            })
        };
        let follows =
            |(product, n): (&u64, u64)| self.driven.contains(product) && tasks <= n.saturating_mul(self.budget.work().followers_few);
        if blocks().next().is_some() && blocks().all(follows) { Drive::Following } else { Drive::Ranked(self.rank_of(&feed.products())) }
    }

    /// When tasks that read `feeds` and make `bytes` in all run, for a reader that needs all that they make: in their own order, beside others
    /// that read the same, where that much can lie there; else when they are asked for.
    pub(super) fn drive_of_parts(&self, feeds: &[&Feed], tasks: u64, bytes: u64) -> Drive {
        if bytes > self.budget.share_bytes() {
            return Drive::Pulled;
        }
        let of_blocks = feeds.iter().filter(|feed| !feed.products().is_empty()).map(|feed| self.drive(feed, tasks));
        let rank = |drive| if let Drive::Ranked(rank) = drive { Some(rank) } else { None };
        match of_blocks.map(rank).max() {
            Some(None) => Drive::Following,
            Some(Some(rank)) => Drive::Ranked(rank),
            None => Drive::Ranked(0),
        }
    }

    /// The pass over a store in which the loop that is lowered reads blocks of it that it shares with others.
    pub(super) fn pass(&self, store: &Arc<dyn Store>) -> Option<u32> {
        self.sharing.pass(self.current, store_id(store))
    }

    /// Lowers a loop, which ends at `root`.
    pub(super) fn in_loop<R>(&mut self, root: u64, lower: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::replace(&mut self.current, root);
        let lowered = lower(self);
        self.current = outer;
        lowered
    }

    /// A shared store as blocks of its chunks, for one pass over it.
    pub(super) fn load(&mut self, store: &Arc<dyn Store>, pass: u32, dtype: DType) -> Result<Blocked> {
        let at = (store_id(store), pass);
        if let Some(made) = self.loaded.get(&at) {
            return Ok(made.clone());
        }
        let shape = store.meta().shape.clone();
        let input = Input { data: Data::Store(store.clone()), view: Affine::identity(&shape), dtype };
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
        let feed = Feed { shape, inputs: vec![input], program };
        let made = self.map(&format!("load {}", store.address()), feed, 0, None);
        self.loaded.insert(at, made.clone());
        Ok(made)
    }

    /// A pulled stage that evaluates `feed` into blocks, cut as suits what it reads, or as `grid` says.
    pub(super) fn map(&mut self, name: &str, feed: Feed, result: Reg, grid: Option<ChunkGrid>) -> Blocked {
        // others read them: two fit into the memory of one thread
        let stage = self.map_stage(name, &feed, result, grid, self.budget.share_bytes() / 2, |_| Order::Rows);
        let made = Blocked { product: stage.product().id, grid: stage.grid().clone() };
        self.push(stage, Drive::Pulled);
        made
    }

    /// Evaluates `feed` into blocks of `grid`, or such that a task takes `most_bytes` where that can be had.
    fn map_stage(
        &self,
        name: &str,
        feed: &Feed,
        result: Reg,
        grid: Option<ChunkGrid>,
        most_bytes: u64,
        order: impl Fn(&[AxisChunks]) -> Order,
    ) -> MapStage {
        let id = new_product();
        let stage = |cuts: Vec<AxisChunks>| {
            let fused = Fused::new(feed.program.clone(), vec![result], vec![]);
            let grid = ChunkGrid { axes: cuts.clone() };
            let product = Product { id, name: name.to_string(), blocks: grid.blocks() };
            MapStage::new(name, feed.clone(), fused, grid, None, Boxes { order: order(&cuts), cuts }, product)
        };
        match grid {
            Some(grid) => stage(grid.axes),
            None => {
                let make = |mut cuts: Vec<Vec<AxisChunks>>| stage(cuts.remove(0));
                blocking::shrunk(&[feed], make, |stage| stage.demand_bytes(), most_bytes, self.budget)
            }
        }
    }

    /// The product that holds `node`, which is no part of a loop.
    pub(super) fn make(&mut self, node: &Expr) -> Result<Blocked> {
        if let Some(made) = self.made.get(&node.id) {
            return Ok(made.clone());
        }
        // what it reads is made first, and what that reads: a chain of products is as deep as its user made it
        let made = stacker::maybe_grow(STACK_LEFT_BYTES, STACK_BYTES, || match operations::lowered(&node.op) {
            Some(operation) => self.in_loop(node.id, |lowering| operation.lower(node, lowering)),
            // what is part of loops, asked for by itself
            None => {
                let (feed, regs) = self.feed(&[node], &node.shape)?;
                Ok(self.map(node.op.name(), feed, regs[0], None))
            }
        })?;
        self.made.insert(node.id, made.clone());
        Ok(made)
    }

    fn keep(&mut self, expr: &Expr) -> Result<(u64, ChunkGrid)> {
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let rank = self.rank_of(&feed.products());
        // whoever reads them under this limit sees several at once
        let order = |cuts: &[AxisChunks]| visiting(&feed, cuts);
        let stage = self.map_stage("persist", &feed, regs[0], None, self.budget.share_bytes() / 16, order);
        let (id, grid) = (stage.product().id, stage.grid().clone());
        self.push(stage, Drive::Ranked(rank));
        Ok((id, grid))
    }
}
