//! Expr → the program of a loop. The walk from a loop's end down to what it reads: every elementwise operation on
//! the way becomes a step, views compose, and whatever is no part of a loop becomes an input.

use super::feed::{Data, Feed, Input};
use super::lower::Lowering;
use super::made::Blocked;
use super::share::store_id;
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow, Op, element_cost, ops, postorder};
use crate::grid::{AxisChunks, Span};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::program::{Leaf, Program, REGISTERS_MAX, Reg, Step, StepOp, register};
use std::collections::HashMap;

/// Registers while leaves are still being found.
#[derive(Clone, Copy)]
enum Draft {
    Leaf(usize),
    Step(usize),
}

/// A loop's program under construction.
struct Builder {
    feed_inputs: Vec<Input>,
    leaves: Vec<Leaf>,
    steps: Vec<(StepOp, Vec<Draft>, DType)>,
    /// By a node's number and what is seen of it.
    memo: HashMap<(u64, Affine), Draft>,
    shape: Vec<u64>,
}

/// More steps than this do not fuse into one loop.
const STEPS_MAX: usize = 16_384;
/// A view that sees less than one in so many of the elements of its blocks is made blocks of its own, where those are many.
const THIN: u64 = 8;
/// The registers that a masked reduction adds at most: a constant, a cast, a selection.
const MASK_REGISTERS: usize = 3;

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

    /// # Errors
    /// `Unsupported` if the loop has too many steps.
    fn step(&mut self, op: StepOp, args: Vec<Draft>, dtype: DType, name: &str) -> Result<Draft> {
        if self.steps.len() >= STEPS_MAX {
            let what = format!("an expression of more than {STEPS_MAX} operations in one loop; persist a part of it");
            return Err(Error::unsupported(name, what));
        }
        self.steps.push((op, args, dtype));
        Ok(Draft::Step(self.steps.len() - 1))
    }

    /// # Errors
    /// `Unsupported` if there are more registers than a program can name.
    fn finish(self, operation: &str, results: &[Draft]) -> Result<(Feed, Vec<Reg>)> {
        let leaves = self.leaves.len();
        let registers = leaves + self.steps.len();
        if registers + MASK_REGISTERS * results.len() > REGISTERS_MAX {
            let what = format!(
                "{leaves} operands and {} operations for {} results in one loop, of at most {REGISTERS_MAX} together; \
                 persist a part of it, or compute fewer results at once",
                self.steps.len(),
                results.len()
            );
            return Err(Error::unsupported(operation, what));
        }
        let reg = |draft: Draft| match draft {
            Draft::Leaf(i) => register(i),
            Draft::Step(i) => register(leaves + i),
        };
        let steps = self.steps.into_iter().map(|(op, args, dtype)| {
            let mut regs = [0; 3];
            for (to, from) in regs.iter_mut().zip(args) {
                *to = reg(from);
            }
            Step { op, args: regs, dtype }
        });
        let program = Program { steps: steps.collect(), leaves: self.leaves };
        Ok((Feed { shape: self.shape, inputs: self.feed_inputs, program }, results.iter().map(|&r| reg(r)).collect()))
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
    pub(super) fn feed(&mut self, roots: &[&Expr], shape: &[u64]) -> Result<(Feed, Vec<Reg>)> {
        let mut builder = Builder { feed_inputs: vec![], leaves: vec![], steps: vec![], memo: HashMap::new(), shape: shape.to_vec() };
        let mut results = Vec::with_capacity(roots.len());
        for root in roots {
            results.push(self.emit(&mut builder, root, &Affine::identity(shape))?);
        }
        builder.finish(roots.first().map_or("compute", |root| root.op.name()), &results)
    }

    /// The register that holds `view` of `node`. Without recursion: expressions can be deep.
    fn emit(&mut self, builder: &mut Builder, node: &Expr, view: &Affine) -> Result<Draft> {
        let mut stack = vec![(node.clone(), view.clone())];
        while let Some((here, view)) = stack.pop() {
            let at = (here.id, view.clone());
            if builder.memo.contains_key(&at) {
                continue;
            }
            let below = self.below(&here, &view);
            let found: Option<Vec<Draft>> = below.iter().map(|(arg, view)| builder.memo.get(&(arg.id, view.clone())).copied()).collect();
            match found {
                Some(found) => {
                    let draft = self.draft(builder, &here, view, found)?;
                    builder.memo.insert(at, draft);
                }
                None => {
                    stack.push((here, view));
                    stack.extend(below.into_iter().rev());
                }
            }
        }
        Ok(builder.memo[&(node.id, view.clone())])
    }

    /// What of the same loop `view` of `node` is made of: nothing, where it is a leaf.
    fn below(&mut self, node: &Expr, view: &Affine) -> Vec<(Expr, Affine)> {
        match &node.op {
            Op::View(ops::View { arg, view: inner }) => vec![(arg.clone(), inner.then(view))],
            Op::Rechunk(ops::Rechunk { arg, .. }) => vec![(arg.clone(), view.clone())],
            Op::Elementwise(ops::Elementwise { args, .. }) if !self.is_made_first(node, view) => {
                args.iter().map(|arg| (arg.clone(), view.clone())).collect()
            }
            _ => vec![],
        }
    }

    /// The register for `view` of `node`, when those of what it is made of are found.
    fn draft(&mut self, builder: &mut Builder, node: &Expr, view: Affine, found: Vec<Draft>) -> Result<Draft> {
        let draft = match &node.op {
            Op::View(_) | Op::Rechunk(_) => found[0],
            Op::Elementwise(ops::Elementwise { op, dtype, .. }) if !found.is_empty() => builder.step(*op, found, *dtype, node.op.name())?,
            Op::Full(ops::Full { value, dtype, .. }) => builder.leaf(Leaf::Constant { value: *value, dtype: *dtype }),
            Op::Generate(ops::Generate { generator, .. }) if view.slides.is_empty() => {
                builder.leaf(Leaf::Generate { generator: generator.clone(), axes: view.source })
            }
            Op::Source(ops::Source { store }) if self.pass(store).is_none() => {
                builder.input(Input { data: Data::Store(store.clone()), view, dtype: node.dtype })
            }
            op => {
                let made = match op {
                    Op::Source(ops::Source { store }) => self.load(store, self.pass(store).unwrap_or(0), node.dtype)?,
                    _ => self.make(node)?,
                };
                let (made, view) = self.thinned(made, view, node.dtype);
                builder.input(Input { data: Data::Blocks { product: made.product, grid: made.grid }, view, dtype: node.dtype })
            }
        };
        Ok(draft)
    }

    /// Blocks of what a view sees, and the view of those, where it sees little of the blocks that hold it and those are too many to be
    /// held at once: a row of a product that is cut into columns. Who reads them then holds no more than it sees.
    fn thinned(&mut self, made: Blocked, view: Affine, dtype: DType) -> (Blocked, Affine) {
        let region = view.region();
        let touched = |(span, cuts): (&Span, &AxisChunks)| match span.len {
            0 => 0,
            _ => {
                let ((first, _), (last, len)) = (cuts.chunk(cuts.find(span.start)), cuts.chunk(cuts.find(span.stop() - 1)));
                last + len - first
            }
        };
        let held = region.0.iter().zip(&made.grid.axes).map(touched).fold(dtype.size() as u64, u64::saturating_mul);
        let seen = region.elements().saturating_mul(dtype.size() as u64);
        if held <= self.budget.share_bytes() / 4 || held / THIN < seen || !view.slides.is_empty() {
            return (made, view);
        }
        let own = |f: &Follow, span: &Span| match f.axis.filter(|_| f.step != 0) {
            Some(axis) if f.step < 0 => Follow { start: span.len as i64 - 1, step: -1, axis: Some(axis) },
            Some(axis) => Follow { start: 0, step: 1, axis: Some(axis) },
            None => Follow { start: 0, step: 0, axis: None },
        };
        let rest = Affine::new(view.source.iter().zip(&region.0).map(|(f, span)| own(f, span)).collect(), view.shape.clone());
        let at = (made.product, region.0.iter().map(|span| (span.start, span.len, span.step)).collect::<Vec<_>>());
        if let Some(known) = self.thin.get(&at) {
            return (known.clone(), rest);
        }
        let follow = |(axis, span): (usize, &Span)| Follow { start: span.start as i64, step: span.step as i64, axis: Some(axis) };
        let of = Affine::new(region.0.iter().enumerate().map(follow).collect(), region.shape());
        let input = Input { data: Data::Blocks { product: made.product, grid: made.grid }, view: of, dtype };
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
        let slice = self.map("slice", Feed { shape: region.shape(), inputs: vec![input], program }, 0, None);
        self.thin.insert(at, slice.clone());
        (slice, rest)
    }

    /// Whether evaluating `node` once, before it is repeated, beats evaluating it at every place. Windows come one after the other, so
    /// that little of what they see need be kept at once.
    fn is_made_first(&mut self, node: &Expr, view: &Affine) -> bool {
        let repeated = view.shape.iter().fold(1u64, |n, &m| n.saturating_mul(m)) / view.region().elements().max(1);
        let fits = !view.slides.is_empty() || node.bytes() <= self.budget.memory_bytes / 8;
        repeated >= 8 && self.cost(node) >= 4 && fits
    }

    /// Roughly what an element of `node` costs, in additions.
    fn cost(&mut self, root: &Expr) -> u64 {
        for node in postorder(std::slice::from_ref(root)) {
            if self.costs.contains_key(&node.id) {
                continue;
            }
            let cost = element_cost(&node, |arg| self.costs[&arg.id]);
            self.costs.insert(node.id, cost);
        }
        self.costs[&root.id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::Scalar;

    #[test]
    fn more_registers_than_a_program_can_name_are_an_error() {
        let with = |leaves: usize| {
            let leaves = (0..leaves).map(|i| Leaf::Constant { value: Scalar::Int(i as i64), dtype: DType::I64 }).collect();
            let builder = Builder { feed_inputs: vec![], leaves, steps: vec![], memo: HashMap::new(), shape: vec![4] };
            builder.finish("sum", &[Draft::Leaf(REGISTERS_MAX - 10)])
        };
        assert_eq!(with(REGISTERS_MAX - 9).unwrap().1, [register(REGISTERS_MAX - 10)]);
        let error = with(REGISTERS_MAX + 4).err().unwrap().to_string();
        assert!(error.contains("65540 operands") && error.contains("at most 65536"), "{error}");
    }
}
