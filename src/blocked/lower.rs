//! The walk over the graph that turns loops into stages.

use super::blocking;
use super::boxes::{Boxes, Order};
use super::combine::{CombineStage, Groups};
use super::concatenate::ConcatenateStage;
use super::feed::{Data, Feed, Input};
use super::function::FunctionStage;
use super::map::{MapStage, WriteStage};
use super::mask::{self, CountStage, FilterStage};
use super::matmul::MatmulStage;
use super::reduce::{Load, ReduceStage};
use super::share::{Sharing, sharing, store_id};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::{Affine, Cells, Expr, Node, Op, Reduce, postorder};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::plan::{Drive, Plan, Product, Stage, StageNode, TaskSpec, new_product};
use crate::store::{Store, Writer};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::op::{BinaryOp, ReduceOp, UnaryOp};
use flagstone_kernels::program::{Leaf, Program, Reg, Step, StepOp};
use flagstone_kernels::reduce::Reduction;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// No limit makes the tiles of a product smaller than this share of memory does.
const MATMUL_SHARE_MIN_BYTES: u64 = 256 << 10;

/// Where a result goes.
#[derive(Clone)]
pub enum Target {
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
    pub to: Target,
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
        kept.push(match &sink.to {
            Target::Writer(writer) => {
                lowering.write(&sink.expr, writer)?;
                None
            }
            Target::Keep => Some(lowering.keep(&sink.expr)?),
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
            loaded: HashMap::new(),
            persisted: HashMap::new(),
            ready: HashMap::new(),
            siblings: siblings(roots),
            costs: HashMap::new(),
        }
    }
}

/// The plan of one stage that `build` makes of the loop over `roots`, and of what it reads; of nothing, if it
/// makes none.
///
/// # Errors
/// As [`lower`].
pub fn lower_loop(roots: &[Expr], budget: &Budget, build: impl FnOnce(Feed, Vec<Reg>) -> Option<Arc<dyn Stage>>) -> Result<Plan> {
    let mut lowering = Lowering::new(roots, budget);
    let (feed, registers) = lowering.feed(&roots.iter().collect::<Vec<_>>(), &roots[0].shape)?;
    let rank = lowering.rank_of(&feed.products());
    match build(feed, registers) {
        Some(stage) => lowering.stages.push(StageNode { stage, drive: Drive::Ranked(rank) }),
        None => lowering.stages.clear(),
    }
    Ok(Plan::new(lowering.stages, vec![]))
}

/// The plan that counts `mask` in boxes cut for values of `dtype`.
///
/// # Errors
/// As [`lower`].
pub fn count_loop(mask: &Expr, dtype: DType, budget: &Budget) -> Result<(Plan, Arc<CountStage>)> {
    let mut counting = None;
    let share = budget.memory_bytes / budget.threads.max(1) as u64;
    let plan = lower_loop(std::slice::from_ref(mask), budget, |feed, registers| {
        let cuts = mask::cuts(&feed, dtype.size() as u64, share);
        let stage = Arc::new(CountStage::new(feed, registers[0], cuts));
        counting = Some(stage.clone());
        Some(stage)
    })?;
    Ok((plan, counting.ok_or_else(|| Error::internal("no counting stage"))?))
}

/// A product in the pool that holds a node's elements.
#[derive(Clone)]
struct Made {
    product: u64,
    grid: ChunkGrid,
}

struct Lowering<'a> {
    budget: &'a Budget,
    sharing: Sharing,
    stages: Vec<StageNode>,
    /// Nodes that have a product.
    made: HashMap<u64, Made>,
    /// Shared stores that have a product.
    loaded: HashMap<usize, Made>,
    /// Persisted products that are read, with the bytes of an element.
    persisted: HashMap<u64, (ChunkGrid, u64)>,
    /// The rank from which on a product can be read without being pulled.
    ready: HashMap<u64, u32>,
    /// Reductions that run in one loop.
    siblings: HashMap<u64, Vec<Expr>>,
    costs: HashMap<u64, u64>,
}

/// Registers while leaves are still being found.
#[derive(Clone, Copy)]
enum Draft {
    Leaf(usize),
    Step(usize),
}

type ViewKey = (Vec<(i64, i64, Option<usize>)>, Vec<u64>);

/// A loop's program under construction.
struct Builder {
    feed_inputs: Vec<Input>,
    leaves: Vec<Leaf>,
    steps: Vec<(StepOp, Vec<Draft>, DType)>,
    memo: HashMap<(u64, ViewKey), Draft>,
    shape: Vec<u64>,
}

/// More steps than this do not fuse into one loop.
const STEPS_MAX: usize = 16_384;

impl Builder {
    fn leaf(&mut self, leaf: Leaf) -> Draft {
        if let Some(at) = self.leaves.iter().position(|other| same_leaf(other, &leaf)) {
            return Draft::Leaf(at);
        }
        self.leaves.push(leaf);
        Draft::Leaf(self.leaves.len() - 1)
    }

    fn input(&mut self, input: Input) -> Draft {
        let same = |other: &Input| {
            let data = match (&other.data, &input.data) {
                (Data::Store(a), Data::Store(b)) => store_id(a) == store_id(b),
                (Data::Blocks { product: a, .. }, Data::Blocks { product: b, .. }) => a == b,
                _ => false,
            };
            data && other.view == input.view
        };
        let slot = self.feed_inputs.iter().position(same).unwrap_or_else(|| {
            self.feed_inputs.push(input.clone());
            self.feed_inputs.len() - 1
        });
        self.leaf(Leaf::Input { slot, dtype: input.dtype })
    }

    fn finish(self, results: &[Draft]) -> (Feed, Vec<Reg>) {
        let leaves = self.leaves.len();
        let reg = |draft: Draft| match draft {
            Draft::Leaf(i) => i as Reg,
            Draft::Step(i) => (leaves + i) as Reg,
        };
        let steps = self.steps.into_iter().map(|(op, args, dtype)| {
            let mut regs = [0; 3];
            for (to, from) in regs.iter_mut().zip(args) {
                *to = reg(from);
            }
            Step { op, args: regs, dtype }
        });
        let program = Program { steps: steps.collect(), leaves: self.leaves };
        (Feed { shape: self.shape, inputs: self.feed_inputs, program }, results.iter().map(|&r| reg(r)).collect())
    }
}

fn same_leaf(a: &Leaf, b: &Leaf) -> bool {
    match (a, b) {
        (Leaf::Constant { value: v, dtype: d }, Leaf::Constant { value: w, dtype: e }) => d == e && v.same_bits(*w),
        _ => a == b,
    }
}

impl Lowering<'_> {
    /// The loop over `roots`, which all have `shape`: one register each.
    fn feed(&mut self, roots: &[&Expr], shape: &[u64]) -> Result<(Feed, Vec<Reg>)> {
        let mut builder = Builder { feed_inputs: vec![], leaves: vec![], steps: vec![], memo: HashMap::new(), shape: shape.to_vec() };
        let mut results = Vec::with_capacity(roots.len());
        for root in roots {
            results.push(self.emit(&mut builder, root, &Affine::identity(shape))?);
        }
        Ok(builder.finish(&results))
    }

    /// The register that holds `view` of `node`. Without recursion: expressions can be deep.
    fn emit(&mut self, builder: &mut Builder, node: &Expr, view: &Affine) -> Result<Draft> {
        let key = |node: &Expr, view: &Affine| -> (u64, ViewKey) {
            (node.id, (view.source.iter().map(|f| (f.start, f.step, f.axis)).collect(), view.shape.clone()))
        };
        let mut stack: Vec<(Expr, Affine, bool)> = vec![(node.clone(), view.clone(), false)];
        while let Some((here, view, visited)) = stack.pop() {
            let at = key(&here, &view);
            if builder.memo.contains_key(&at) {
                continue;
            }
            let draft = match &here.op {
                Op::View { arg, view: inner } => {
                    let through = inner.then(&view);
                    match builder.memo.get(&key(arg, &through)) {
                        Some(&draft) => draft,
                        None => {
                            stack.push((here.clone(), view, true));
                            stack.push((arg.clone(), through, false));
                            continue;
                        }
                    }
                }
                Op::Rechunk { arg, .. } => match builder.memo.get(&key(arg, &view)) {
                    Some(&draft) => draft,
                    None => {
                        stack.push((here.clone(), view.clone(), true));
                        stack.push((arg.clone(), view, false));
                        continue;
                    }
                },
                Op::Elementwise { op, args, dtype } if !self.is_made_before_broadcast(&here, &view) => {
                    if !visited {
                        stack.push((here.clone(), view.clone(), true));
                        stack.extend(args.iter().rev().map(|arg| (arg.clone(), view.clone(), false)));
                        continue;
                    }
                    let args: Vec<Draft> = args.iter().map(|arg| builder.memo[&key(arg, &view)]).collect();
                    if builder.steps.len() >= STEPS_MAX {
                        return Err(Error::unsupported(
                            here.op.name(),
                            format!("an expression of more than {STEPS_MAX} operations in one loop; persist a part of it"),
                        ));
                    }
                    builder.steps.push((*op, args, *dtype));
                    Draft::Step(builder.steps.len() - 1)
                }
                Op::Full { value, dtype, .. } => builder.leaf(Leaf::Constant { value: *value, dtype: *dtype }),
                Op::Generate { generator, .. } => builder.leaf(Leaf::Generate { generator: generator.clone(), axes: view.source.clone() }),
                Op::Source(store) if !self.sharing.stores.contains(&store_id(store)) => {
                    builder.input(Input { data: Data::Store(store.clone()), view: view.clone(), dtype: here.dtype })
                }
                Op::Source(store) => {
                    let made = self.load(store, here.dtype)?;
                    builder.input(Input {
                        data: Data::Blocks { product: made.product, grid: made.grid },
                        view: view.clone(),
                        dtype: here.dtype,
                    })
                }
                _ => {
                    let made = self.make(&here)?;
                    builder.input(Input {
                        data: Data::Blocks { product: made.product, grid: made.grid },
                        view: view.clone(),
                        dtype: here.dtype,
                    })
                }
            };
            builder.memo.insert(at, draft);
        }
        Ok(builder.memo[&key(node, view)])
    }

    /// Whether evaluating `node` once, before it is repeated, beats evaluating it at every place.
    fn is_made_before_broadcast(&mut self, node: &Expr, view: &Affine) -> bool {
        let repeated = view.shape.iter().fold(1u64, |n, &m| n.saturating_mul(m)) / view.region().elements().max(1);
        repeated >= 8 && self.cost(node) >= 4 && node.bytes() <= self.budget.memory_bytes / 8
    }

    /// Roughly what an element of `node` costs, in additions.
    fn cost(&mut self, root: &Expr) -> u64 {
        for node in postorder(std::slice::from_ref(root)) {
            if self.costs.contains_key(&node.id) {
                continue;
            }
            let own = match &node.op {
                Op::Elementwise { op: StepOp::Unary(op), .. } if !is_cheap(*op) => 8,
                Op::Elementwise { op: StepOp::Binary(BinaryOp::Power | BinaryOp::Arctan2 | BinaryOp::Hypot), .. } => 8,
                Op::Elementwise { .. } => 1,
                Op::Generate { .. } => 4,
                _ => 0,
            };
            let below: u64 = if matches!(node.op, Op::Elementwise { .. } | Op::View { .. } | Op::Rechunk { .. }) {
                node.op.args().iter().map(|arg| self.costs[&arg.id]).fold(0, u64::saturating_add)
            } else {
                0
            };
            self.costs.insert(node.id, below.saturating_add(own));
        }
        self.costs[&root.id]
    }

    fn push(&mut self, stage: impl Stage + 'static, drive: Drive) -> usize {
        let rank = match drive {
            Drive::Ranked(rank) => rank + 1,
            _ => self.rank_of(&stage.inputs()),
        };
        for product in stage.products() {
            let ready = self.ready.entry(product.id).or_default();
            *ready = rank.max(*ready);
        }
        self.stages.push(StageNode { stage: Arc::new(stage), drive });
        self.stages.len() - 1
    }

    fn rank_of(&self, products: &[u64]) -> u32 {
        products.iter().filter_map(|product| self.ready.get(product)).copied().max().unwrap_or(0)
    }

    fn share_bytes(&self) -> u64 {
        self.budget.memory_bytes / self.budget.threads.max(1) as u64
    }

    /// Bytes that a task of `stage` holds beside the blocks of others, at most.
    fn demand(&self, stage: &dyn Stage) -> u64 {
        if stage.tasks() == 0 {
            return 0;
        }
        let mut spec = TaskSpec::default();
        stage.describe(stage.largest(), &mut spec);
        let read: u64 = spec.reads.iter().map(|key| self.block_bytes(*key)).sum();
        read + spec.new_bytes()
    }

    fn block_bytes(&self, key: crate::memory::BlockKey) -> u64 {
        if let Some((grid, item)) = self.persisted.get(&key.product) {
            return crate::memory::rounded(grid.block(key.block).1.iter().product::<u64>() * item);
        }
        let Some(node) = self.stages.iter().find(|node| node.stage.products().iter().any(|p| p.id == key.product)) else { return 0 };
        let mut spec = TaskSpec::default();
        node.stage.describe(node.stage.producer(key.product, key.block), &mut spec);
        spec.writes.iter().find(|write| write.key == key).map_or(0, |write| crate::memory::rounded(write.bytes))
    }

    /// A shared store as blocks of its chunks.
    fn load(&mut self, store: &Arc<dyn Store>, dtype: DType) -> Result<Made> {
        if let Some(made) = self.loaded.get(&store_id(store)) {
            return Ok(made.clone());
        }
        let shape = store.meta().shape.clone();
        let input = Input { data: Data::Store(store.clone()), view: Affine::identity(&shape), dtype };
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
        let feed = Feed { shape, inputs: vec![input], program };
        let made = self.map(&format!("load {}", store.address()), feed, 0, None);
        self.loaded.insert(store_id(store), made.clone());
        Ok(made)
    }

    /// A pulled stage that evaluates `feed` into blocks, cut as suits what it reads, or as `grid` says.
    fn map(&mut self, name: &str, feed: Feed, result: Reg, grid: Option<ChunkGrid>) -> Made {
        let mut stage = self.map_stage(name, &feed, result, grid);
        stage.boxes = Boxes::rows(stage.grid.axes.clone());
        let made = Made { product: stage.product.id, grid: stage.grid.clone() };
        self.push(stage, Drive::Pulled);
        made
    }

    /// Evaluates `feed` into blocks of `grid`, or such that a task takes half of its share: others read them.
    fn map_stage(&self, name: &str, feed: &Feed, result: Reg, grid: Option<ChunkGrid>) -> MapStage {
        let id = new_product();
        let stage = |cuts: Vec<AxisChunks>| {
            let fused = Fused::new(feed.program.clone(), vec![result], vec![]);
            let grid = ChunkGrid { axes: cuts.clone() };
            let product = Product { id, name: name.to_string(), blocks: grid.blocks() };
            let boxes = Boxes { order: visiting(feed, &cuts), cuts };
            MapStage { name: name.to_string(), feed: feed.clone(), fused, grid, boxes, inside: None, product }
        };
        match grid {
            Some(grid) => stage(grid.axes),
            None => {
                let make = |mut cuts: Vec<Vec<AxisChunks>>| stage(cuts.remove(0));
                blocking::shrunk(&[feed], make, |stage| self.is_small(stage), |stage| self.demand(stage) <= self.budget.memory_bytes)
            }
        }
    }

    /// Whether two tasks of `stage` fit into the memory of one thread.
    fn is_small(&self, stage: &dyn Stage) -> bool {
        self.demand(stage) <= self.share_bytes() / 2
    }

    /// The product that holds `node`, which is no part of a loop.
    fn make(&mut self, node: &Expr) -> Result<Made> {
        if let Some(made) = self.made.get(&node.id) {
            return Ok(made.clone());
        }
        let made = match &node.op {
            Op::Resident(resident) => {
                self.persisted.insert(resident.product, (resident.grid.clone(), resident.dtype.size() as u64));
                Made { product: resident.product, grid: resident.grid.clone() }
            }
            Op::Reduce(reduce) => {
                self.reduce(node, reduce)?;
                return Ok(self.made[&node.id].clone());
            }
            Op::Matmul { a, b } => self.matmul(node, a, b)?,
            Op::Function(function) => {
                let mut feeds = Vec::with_capacity(function.args.len());
                for arg in &function.args {
                    let (feed, regs) = self.feed(&[arg], &arg.shape)?;
                    let fused = Fused::new(feed.program.clone(), regs, vec![]);
                    feeds.push((feed, fused));
                }
                let product = Product { id: new_product(), name: function.name.clone(), blocks: function.chunks.blocks() };
                let made = Made { product: product.id, grid: function.chunks.clone() };
                self.push(FunctionStage { function: function.clone(), args: feeds, product }, Drive::Pulled);
                made
            }
            Op::Concatenate { args, axis } => self.concatenate(args, *axis)?,
            Op::Mask { arg, mask, count } => {
                let Some(runs) = count.1.get() else {
                    return Err(Error::internal("a mask reached lowering before it was counted"));
                };
                let (feed, regs) = self.feed(&[arg, mask], &arg.shape)?;
                let stage = FilterStage::new(feed, regs, runs);
                let made = Made { product: stage.product.id, grid: stage.out.clone() };
                let rank = self.rank_of(&stage.inputs());
                self.push(stage, Drive::Ranked(rank));
                made
            }
            Op::Median { .. } => return Err(Error::internal("a median reached lowering before its phases ran")),
            _ => {
                let (feed, regs) = self.feed(&[node], &node.shape)?;
                self.map(node.op.name(), feed, regs[0], None)
            }
        };
        self.made.insert(node.id, made.clone());
        Ok(made)
    }

    /// Each part writes its own blocks of one product, whose cuts include the seams.
    fn concatenate(&mut self, args: &[Expr], axis: usize) -> Result<Made> {
        let mut feeds = Vec::with_capacity(args.len());
        for arg in args.iter().filter(|arg| arg.shape[axis] > 0) {
            let (feed, regs) = self.feed(&[arg], &arg.shape)?;
            feeds.push((feed, regs[0]));
        }
        if feeds.is_empty() {
            let mut shape = args[0].shape.clone();
            shape[axis] = 0;
            return Ok(Made { product: new_product(), grid: ChunkGrid::whole(&shape) });
        }
        let id = new_product();
        let join = |cuts: Vec<Vec<AxisChunks>>| {
            let mut axes = cuts[0].clone();
            let along: Vec<u64> = cuts.iter().flat_map(|cuts| cuts[axis].lengths().collect::<Vec<_>>()).collect();
            axes[axis] = AxisChunks::from_lengths(&along);
            let whole = ChunkGrid { axes };
            let product = Product { id, name: "concatenate".to_string(), blocks: whole.blocks() };
            let mut offset = 0;
            let mut parts = Vec::with_capacity(feeds.len());
            for ((feed, result), cuts) in feeds.iter().zip(cuts) {
                let mut own = whole.axes.clone();
                own[axis] = cuts[axis].clone();
                let mut first = vec![0; own.len()];
                first[axis] = offset;
                offset += cuts[axis].count();
                let grid = ChunkGrid { axes: own };
                let boxes = Boxes::rows(grid.axes.clone());
                let name = product.name.clone();
                let fused = Fused::new(feed.program.clone(), vec![*result], vec![]);
                let (feed, product) = (feed.clone(), product.clone());
                parts.push(MapStage { name, feed, fused, grid, boxes, inside: Some((first, whole.clone())), product });
            }
            ConcatenateStage::new(parts, whole, axis, product)
        };
        let sources: Vec<&Feed> = feeds.iter().map(|(feed, _)| feed).collect();
        let stage = blocking::shrunk(&sources, join, |stage| self.is_small(stage), |stage| self.demand(stage) <= self.budget.memory_bytes);
        let made = Made { product: id, grid: stage.grid().clone() };
        self.push(stage, Drive::Pulled);
        Ok(made)
    }

    fn matmul(&mut self, node: &Expr, a: &Expr, b: &Expr) -> Result<Made> {
        let (feed_a, regs_a) = self.feed(&[a], &a.shape)?;
        let (feed_b, regs_b) = self.feed(&[b], &b.shape)?;
        let of = |share| MatmulStage::lower(node.dtype, (feed_a.clone(), regs_a[0]), (feed_b.clone(), regs_b[0]), share);
        // under a small limit what a task holds beside its tiles counts: smaller tiles then, of the same bits
        let mut share = self.share_bytes();
        let mut stage = of(share);
        while self.demand(&stage) > self.budget.memory_bytes && share > MATMUL_SHARE_MIN_BYTES {
            share -= share / 4;
            stage = of(share);
        }
        let made = Made { product: stage.product.id, grid: stage.grid() };
        let rank = self.rank_of(&stage.operands());
        self.push(stage, Drive::Ranked(rank));
        Ok(made)
    }

    /// Lowers a reduction together with its siblings.
    fn reduce(&mut self, node: &Expr, reduce: &Reduce) -> Result<()> {
        if reduce.arg.elements() == 0 {
            let made = self.reduce_nothing(node, reduce)?;
            self.made.insert(node.id, made);
            return Ok(());
        }
        let mut members: Vec<Expr> = self.siblings.get(&node.id).cloned().unwrap_or_default();
        members.retain(|member| !self.made.contains_key(&member.id));
        if !members.iter().any(|member| member.id == node.id) {
            members = vec![node.clone()];
        }
        let reduces: Vec<&Reduce> = members
            .iter()
            .filter_map(|member| match &member.op {
                Op::Reduce(reduce) => Some(reduce),
                _ => None,
            })
            .collect();
        let mut roots: Vec<&Expr> = reduces.iter().map(|r| &r.arg).collect();
        roots.extend(reduces.iter().filter_map(|r| r.mask.as_ref()));
        let (feed, regs) = self.feed(&roots, &reduce.arg.shape)?;
        let mut masks = regs[reduces.len()..].iter().copied();
        let reductions: Vec<_> = reduces.iter().map(|r| of_selected(r)).collect();
        let inputs: Vec<_> =
            reduces.iter().zip(&regs).map(|(r, &reg)| (reg, r.mask.as_ref().and_then(|_| masks.next()), of_selected(r))).collect();
        let fused = Arc::new(Fused::with_masks(feed.program.clone(), vec![], inputs));
        let reduced: Vec<bool> = (0..feed.shape.len()).map(|axis| reduce.axes.contains(&axis)).collect();
        let rigid = blocking::natural(&feed).rigid;
        let names: Vec<&str> = members.iter().map(|member| member.op.name()).collect();
        let name = names.join(" + ");
        let mut slack = 0;
        let mut stage = loop {
            let cuts = blocking::for_reduction(&feed, &reduced, &reduce.cells, self.budget, slack);
            let boxes = Boxes { order: visiting(&feed, &cuts), cuts };
            let stage = ReduceStage {
                name: name.clone(),
                feed: feed.clone(),
                fused: fused.clone(),
                reductions: reductions.clone(),
                reduced: reduced.clone(),
                cells: reduce.cells.clone(),
                boxes,
                load: if rigid { Load::Chunk } else { Load::Cell },
                products: vec![],
            };
            if slack >= 12 || self.demand(&stage) <= self.share_bytes() {
                break stage;
            }
            slack += 2;
        };
        let blocks = stage.boxes.len();
        stage.products = names.iter().map(|name| Product { id: new_product(), name: name.to_string(), blocks }).collect();
        let partials: Vec<u64> = stage.products.iter().map(|product| product.id).collect();
        let (boxes, complete) = (stage.boxes.clone(), stage.is_complete());
        let pulled = members.iter().any(|member| self.sharing.pulled.contains(&member.id));
        let drive = if pulled { Drive::Pulled } else { Drive::Ranked(self.rank_of(&stage.feed.products())) };
        self.push(stage, drive);
        for ((member, reduce), partial) in members.iter().zip(&reduces).zip(partials) {
            let product = if complete { partial } else { self.combine(reduce, partial, &boxes, &reduced, pulled) };
            let kept = boxes.cuts.iter().zip(&reduced).filter(|(_, reduced)| !**reduced);
            let mut kept = kept.map(|(cuts, _)| cuts.clone());
            let axes = match reduce.keepdims {
                true => {
                    reduced.iter().map(|&r| if r { AxisChunks::whole(1) } else { kept.next().unwrap_or(AxisChunks::whole(1)) }).collect()
                }
                false => kept.collect(),
            };
            self.made.insert(member.id, Made { product, grid: ChunkGrid { axes } });
        }
        Ok(())
    }

    /// Stages that combine the partials of a loop cut by `boxes`, until one is left a kept block.
    fn combine(&mut self, reduce: &Reduce, partials: u64, boxes: &Boxes, reduced: &[bool], pulled: bool) -> u64 {
        let kept: Vec<AxisChunks> = boxes.cuts.iter().zip(reduced).filter(|(_, r)| !**r).map(|(cuts, _)| cuts.clone()).collect();
        let mut counts = boxes.counts();
        let mut from = partials;
        let axes: Vec<usize> = (0..reduced.len()).filter(|&axis| reduced[axis]).collect();
        // parts of chunks first
        let lists: Vec<Vec<(u64, u64)>> = axes.iter().zip(&reduce.cells).map(|(&axis, cells)| pieces(&boxes.cuts[axis], cells)).collect();
        let kept_elements: u64 = kept.iter().map(AxisChunks::longest).product();
        let partial = crate::memory::rounded(of_selected(reduce).partial_bytes(kept_elements as usize) as u64).max(1);
        // so many partials at once as an eighth of a thread's share holds
        let most = (self.share_bytes() / 8 / partial).clamp(2, 1024);
        let most = 1 << most.ilog2();
        if axes.iter().zip(&lists).any(|(&axis, list)| list.len() as u64 != counts[axis]) {
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, Groups::Pieces(lists));
            (from, counts) = (stage.product.id, stage.out_counts());
            self.push(stage, if pulled { Drive::Pulled } else { Drive::Following });
        }
        while axes.iter().any(|&axis| counts[axis] > 1) || from == partials {
            let mut sizes = vec![1; axes.len()];
            let mut left = most;
            for (size, &axis) in sizes.iter_mut().zip(&axes).rev() {
                if counts[axis] <= left {
                    *size = counts[axis].max(1);
                    left /= *size;
                } else {
                    *size = 1 << left.max(1).ilog2();
                    break;
                }
            }
            if sizes.iter().all(|&size| size == 1) {
                // the innermost axis that still has several
                if let Some(last) = (0..axes.len()).rev().find(|&i| counts[axes[i]] > 1) {
                    sizes[last] = 2;
                }
            }
            let stage = self.combine_stage(reduce, from, &counts, reduced, &kept, Groups::Runs(sizes));
            (from, counts) = (stage.product.id, stage.out_counts());
            self.push(stage, if pulled { Drive::Pulled } else { Drive::Following });
        }
        from
    }

    fn combine_stage(
        &self,
        reduce: &Reduce,
        from: u64,
        counts: &[u64],
        reduced: &[bool],
        kept: &[AxisChunks],
        groups: Groups,
    ) -> CombineStage {
        let name = format!("combine {}", reduce.reduction.op.name());
        let mut stage = CombineStage {
            name: name.clone(),
            reduction: of_selected(reduce),
            from,
            counts: counts.to_vec(),
            reduced: reduced.to_vec(),
            kept: kept.to_vec(),
            groups,
            product: Product { id: new_product(), name, blocks: 0 },
        };
        stage.product.blocks = stage.tasks();
        stage
    }

    /// The reduction of no elements: the same value everywhere.
    fn reduce_nothing(&mut self, node: &Expr, reduce: &Reduce) -> Result<Made> {
        let reduction = &reduce.reduction;
        let mut partial = vec![Line([0; 64]); reduction.partial_bytes(1).div_ceil(64)];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut partial);
        reduction.empty(1, bytes);
        let mut out = vec![0u8; reduction.out.size()];
        reduction.finish(1, bytes, &mut out);
        let value = Scalar::read(reduction.out, &out);
        let full = Node::new(Op::Full { value, dtype: reduction.out, shape: node.shape.clone(), chunks: node.chunks.clone() })?;
        let (feed, regs) = self.feed(&[&full], &full.shape)?;
        Ok(self.map(reduction.op.name(), feed, regs[0], None))
    }

    fn keep(&mut self, expr: &Expr) -> Result<(u64, ChunkGrid)> {
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let rank = self.rank_of(&feed.products());
        let stage = self.map_stage("persist", &feed, regs[0], None);
        let (id, grid) = (stage.product.id, stage.grid.clone());
        self.push(stage, Drive::Ranked(rank));
        Ok((id, grid))
    }

    fn write(&mut self, expr: &Expr, writer: &Arc<dyn Writer>) -> Result<()> {
        let (feed, regs) = self.feed(&[expr], &expr.shape)?;
        let fused = Arc::new(Fused::new(feed.program.clone(), regs, vec![]));
        let stage = |feed: &Feed, cuts: Vec<AxisChunks>| WriteStage {
            name: "write".to_string(),
            feed: feed.clone(),
            fused: fused.clone(),
            boxes: Boxes { order: visiting(feed, &cuts), cuts },
            writer: writer.clone(),
        };
        let fits = |cuts: &[AxisChunks]| self.demand(&stage(&feed, cuts.to_vec())) <= self.share_bytes();
        let mut cuts = blocking::for_writer(&feed, writer.granule(), &fits);
        let mut feed = feed;
        if self.cuts_chunks(&feed, &cuts) {
            // each encoded chunk would be decoded several times: once into small blocks instead, which
            // wait in the pool or its spill file
            for input in &mut feed.inputs {
                if let Data::Store(store) = input.data.clone()
                    && store.meta().compressed
                {
                    let made = self.load_for(&store, input, &cuts)?;
                    input.data = Data::Blocks { product: made.product, grid: made.grid };
                }
            }
            let fits = |cuts: &[AxisChunks]| self.demand(&stage(&feed, cuts.to_vec())) <= self.share_bytes();
            if !fits(&cuts) {
                cuts = (0..cuts.len()).map(|a| AxisChunks::regular(feed.shape[a], writer.granule()[a])).collect();
            }
        }
        let rank = self.rank_of(&feed.products());
        let stage = stage(&feed, cuts);
        self.push(stage, Drive::Ranked(rank));
        Ok(())
    }

    /// Whether tasks cut like this would each decode chunks of which they need only a part.
    fn cuts_chunks(&self, feed: &Feed, cuts: &[AxisChunks]) -> bool {
        let natural = blocking::natural(feed);
        let stores = feed.inputs.iter().any(|input| matches!(&input.data, Data::Store(store) if store.meta().compressed));
        natural.rigid
            && stores
            && natural.cuts.iter().zip(cuts).any(|(chunks, cuts)| {
                // a cut inside of a chunk, seen at the first few
                (0..cuts.count().min(64)).any(|i| {
                    let (start, _) = cuts.chunk(i);
                    start != 0 && chunks.chunk(chunks.find(start)).0 != start
                })
            })
    }

    /// A store as blocks cut at its own chunks and at `cuts` of the loop that reads it, one task a chunk.
    fn load_for(&mut self, store: &Arc<dyn Store>, input: &Input, cuts: &[AxisChunks]) -> Result<Made> {
        let shape = store.meta().shape.clone();
        let chunks = ChunkGrid::regular(&shape, store.meta().chunks.as_deref().unwrap_or(&shape));
        let identity = Affine::identity(&shape);
        let mut axes = chunks.axes.clone();
        for (axis, f) in input.view.source.iter().enumerate() {
            if let (Some(loop_axis), 1) = (f.axis, f.step) {
                axes[axis] = both(&chunks.axes[axis], &cuts[loop_axis], f.start as u64);
            }
        }
        let grid = ChunkGrid { axes };
        let name = format!("split {}", store.address());
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype: input.dtype }], steps: vec![] };
        let feed = Feed { shape, inputs: vec![Input { data: Data::Store(store.clone()), view: identity, dtype: input.dtype }], program };
        let fused = Fused::new(feed.program.clone(), vec![0], vec![]);
        let product = Product { id: new_product(), name: name.clone(), blocks: grid.blocks() };
        let made = Made { product: product.id, grid: grid.clone() };
        let rank = 0;
        self.push(MapStage { name, feed, fused, grid, boxes: Boxes::rows(chunks.axes), inside: None, product }, Drive::Ranked(rank));
        Ok(made)
    }
}

/// The reduction as the kernels run it: with a mask, its partials count what they have seen.
fn of_selected(reduce: &Reduce) -> Reduction {
    Reduction { masked: reduce.mask.is_some(), ..reduce.reduction }
}

/// Memory aligned as kernels want their partials.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Cuts at the ends of `chunks` and, shifted by `offset`, of `cuts`.
fn both(chunks: &AxisChunks, cuts: &AxisChunks, offset: u64) -> AxisChunks {
    let ends = |axis: &AxisChunks, offset: u64| (0..axis.count()).map(|i| axis.chunk(i)).map(|(s, n)| s + n + offset).collect::<Vec<_>>();
    let mut all = ends(chunks, 0);
    all.extend(ends(cuts, offset).into_iter().filter(|&end| end < chunks.len()));
    all.push(offset);
    all.sort_unstable();
    all.dedup();
    let mut last = 0;
    let lengths: Vec<u64> = all.into_iter().filter(|&end| end > 0).map(|end| end - std::mem::replace(&mut last, end)).collect();
    AxisChunks::from_lengths(&lengths)
}

/// For each chunk, first and number of the cuts inside of it; for cuts that are runs of chunks, one each.
fn pieces(cuts: &AxisChunks, cells: &Cells) -> Vec<(u64, u64)> {
    if cuts.count() <= cells.chunks.count() {
        return (0..cuts.count()).map(|i| (i, 1)).collect();
    }
    let mut lists: Vec<(u64, u64)> = Vec::new();
    let mut last = None;
    for cut in 0..cuts.count() {
        let chunk = cells.chunks.find(cuts.chunk(cut).0);
        if last == Some(chunk) {
            lists.last_mut().expect("a chunk before").1 += 1;
        } else {
            lists.push((cut, 1));
            last = Some(chunk);
        }
    }
    lists
}

/// Mirrored pairs where a square loop reads a product as it is and transposed, else rows.
fn visiting(feed: &Feed, cuts: &[AxisChunks]) -> Order {
    let product = |input: &Input| match &input.data {
        Data::Blocks { product, .. } => Some(*product),
        Data::Store(_) => None,
    };
    let mirrored = feed.inputs.iter().any(|a| {
        let axes = |input: &Input| input.view.source.iter().map(|f| f.axis).collect::<Vec<_>>();
        axes(a) == [Some(1), Some(0)]
            && feed.inputs.iter().any(|b| product(a).is_some() && product(a) == product(b) && axes(b) == [Some(0), Some(1)])
    });
    if mirrored && cuts.len() == 2 && cuts[0] == cuts[1] { Order::Pairs } else { Order::Rows }
}

fn is_cheap(op: UnaryOp) -> bool {
    use UnaryOp::*;
    matches!(
        op,
        Negative
            | Positive
            | Absolute
            | Fabs
            | Sign
            | Signbit
            | Rint
            | Floor
            | Ceil
            | Trunc
            | Square
            | Isnan
            | Isinf
            | Isfinite
            | LogicalNot
            | Invert
            | Real
            | Imag
            | Conjugate
    )
}

/// Reductions over the same axes and cells of loops of one shape that do not depend on each other: they
/// run in one loop, so that what they read is read once.
fn siblings(roots: &[Expr]) -> HashMap<u64, Vec<Expr>> {
    let nodes = postorder(roots);
    let reduces: Vec<(&Expr, &Reduce)> = nodes
        .iter()
        .filter_map(|node| match &node.op {
            Op::Reduce(reduce) if reduce.arg.elements() > 0 => Some((node, reduce)),
            _ => None,
        })
        .collect();
    // reductions below each node, as positions
    let mut below: HashMap<u64, HashSet<u64>> = HashMap::new();
    for node in &nodes {
        let mut all = HashSet::new();
        for arg in node.op.args() {
            all.extend(below[&arg.id].iter().copied());
            if matches!(arg.op, Op::Reduce(_)) {
                all.insert(arg.id);
            }
        }
        below.insert(node.id, all);
    }
    let mut groups: Vec<Vec<(&Expr, &Reduce)>> = Vec::new();
    for &(node, reduce) in &reduces {
        let fits = |group: &Vec<(&Expr, &Reduce)>| {
            let (_, first) = group[0];
            first.arg.shape == reduce.arg.shape
                && first.axes == reduce.axes
                && first.cells == reduce.cells
                && share_leaf(&first.arg, &reduce.arg)
                && group.iter().all(|(member, _)| below[&member.id] == below[&node.id])
                && !matches!(reduce.reduction.op, ReduceOp::Argmin | ReduceOp::Argmax if group.len() > 16)
        };
        match groups.iter_mut().find(|group| fits(group)) {
            Some(group) => group.push((node, reduce)),
            None => groups.push(vec![(node, reduce)]),
        }
    }
    let mut siblings = HashMap::new();
    for group in groups.into_iter().filter(|group| group.len() > 1) {
        let members: Vec<Expr> = group.iter().map(|(node, _)| (*node).clone()).collect();
        for (node, _) in group {
            siblings.insert(node.id, members.clone());
        }
    }
    siblings
}

/// Whether two loops read a common source or generator.
fn share_leaf(a: &Expr, b: &Expr) -> bool {
    let leaves = |root: &Expr| -> HashSet<u64> {
        postorder(std::slice::from_ref(root))
            .into_iter()
            .filter(|node| {
                matches!(
                    node.op,
                    Op::Source(_) | Op::Generate { .. } | Op::Resident(_) | Op::Concatenate { .. } | Op::Function(_) | Op::Matmul { .. }
                )
            })
            .map(|node| node.id)
            .collect()
    };
    !leaves(a).is_disjoint(&leaves(b))
}
