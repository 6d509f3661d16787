//! Expr → Expr. Views move towards the leaves, so that only what is asked for is read and computed.
//!
//! Users come before their arguments: when a node's turn comes, all that is *wanted* of it (the whole, or
//! views) is known, and it decides with what each want is met: with itself on views of its arguments, with
//! an argument's elements, or with a view of one of its other wants. Then results are built from the leaves up.
//! One visit a node and want, no recursion.

use super::window::{self, Window};
use crate::error::Result;
use crate::expr::{Affine, Expr, Node, Op, Selected, Through, element_cost, ops, postorder, relabel};
use crate::grid::Region;
use flagstone_kernels::dtype::Scalar;
use std::collections::{HashMap, HashSet};

/// An elementwise tree of at most this many operations is evaluated again where views overlap or repeat,
/// rather than kept: reading back what was kept costs as much.
const CHEAP_OPERATIONS_MAX: u64 = 3;

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    let nodes = postorder(roots);
    if !nodes.iter().any(|node| matches!(node.op, Op::View(_) | Op::Rechunk(_))) {
        return Ok(roots.to_vec());
    }
    let mut state = Pushdown::new(nodes);
    let wanted: Vec<WantId> = roots.iter().map(|root| state.want(state.at[&root.id], None)).collect();
    for at in (0..state.nodes.len()).rev() {
        state.decide(at);
    }
    let results = state.build()?;
    roots.iter().zip(wanted).map(|(root, (at, want))| relabel(&results[at][want], &root.chunks)).collect()
}

/// A node's number, and the number of what is wanted of it.
type WantId = (usize, usize);

struct Want {
    /// What is wanted; `None` for the whole.
    view: Option<Affine>,
    /// How it is met, once decided.
    recipe: Option<Recipe>,
}

enum Recipe {
    /// The node's operation on these arguments, or a part of it, and a view of that.
    Apply { args: Vec<WantId>, part: Option<Op>, outer: Option<Affine> },
    /// These, one after the other.
    Join { parts: Vec<WantId>, axis: usize },
    /// Another want's elements.
    Same(WantId),
    /// A view of another want's elements.
    Outer { of: WantId, view: Affine },
    /// A constant.
    Constant(Scalar),
}

struct Pushdown {
    nodes: Vec<Expr>,
    at: HashMap<u64, usize>,
    wants: Vec<Vec<Want>>,
    known: HashMap<(usize, Vec<i64>), usize>,
    costs: Vec<u64>,
}

impl Pushdown {
    fn new(nodes: Vec<Expr>) -> Pushdown {
        let at: HashMap<u64, usize> = nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        let mut costs: Vec<u64> = Vec::with_capacity(nodes.len());
        for node in &nodes {
            costs.push(element_cost(node, |arg| costs[at[&arg.id]]));
        }
        let wants = nodes.iter().map(|_| Vec::new()).collect();
        Pushdown { nodes, at, wants, known: HashMap::new(), costs }
    }

    /// Notes that `view` of node `at` is wanted (`None`: the whole).
    fn want(&mut self, at: usize, view: Option<Affine>) -> WantId {
        let node = &self.nodes[at];
        let view = view.filter(|view| !view.is_identity(&node.shape));
        let key = view.as_ref().map(window::key).unwrap_or_default();
        let wants = &mut self.wants[at];
        let number = *self.known.entry((at, key)).or_insert_with(|| {
            // without elements there is nothing to compute, and places may lie outside
            let empty = view.as_ref().is_some_and(|view| view.shape.contains(&0)) && !node.is_counted();
            let zero = || Scalar::read(node.dtype, &[0; 16][..node.dtype.size()]);
            wants.push(Want { view, recipe: empty.then(|| Recipe::Constant(zero())) });
            wants.len() - 1
        });
        (at, number)
    }

    /// The wants of node `at` that wait for a recipe.
    fn open(&self, at: usize) -> Vec<(usize, Option<Affine>)> {
        let wants = self.wants[at].iter().enumerate();
        wants.filter(|(_, want)| want.recipe.is_none()).map(|(number, want)| (number, want.view.clone())).collect()
    }

    fn meet(&mut self, (at, number): WantId, recipe: Recipe) {
        self.wants[at][number].recipe = Some(recipe);
    }

    fn decide(&mut self, at: usize) {
        let node = self.nodes[at].clone();
        match node.op.through() {
            // places of a selection are not known
            _ if node.is_counted() => self.keep(at),
            Through::Constant(value) => {
                for (number, view) in self.open(at) {
                    let recipe =
                        if view.is_some() { Recipe::Constant(value) } else { Recipe::Apply { args: vec![], part: None, outer: None } };
                    self.meet((at, number), recipe);
                }
            }
            Through::Compose(view) => {
                for (number, next) in self.open(at) {
                    let composed = next.map_or_else(|| view.clone(), |next| view.then(&next));
                    if !composed.slides.is_empty() {
                        self.slide((at, number), &composed);
                        continue;
                    }
                    let wanted = self.args(at, |_| Some(composed.clone()))[0];
                    self.meet((at, number), Recipe::Same(wanted));
                }
            }
            Through::Argument => {
                for (number, view) in self.open(at) {
                    let wanted = self.args(at, |_| view.clone())[0];
                    self.meet((at, number), Recipe::Same(wanted));
                }
            }
            Through::Each => self.elementwise(at),
            Through::Parts(axis) => self.concatenate(at, axis),
            Through::Window(kept) => self.windows(at, &kept, None),
            Through::Selected { kept, axis, by } => self.windows(at, &kept, Some((axis, by))),
            Through::Stop => self.keep(at),
        }
    }

    /// Windows of an argument are taken of the box that they lie in: what is below is computed once for each place.
    fn slide(&mut self, id: WantId, view: &Affine) {
        if view.shape.contains(&0) {
            // all of it: views without an element are met already
            let args = self.args(id.0, |_| None);
            return self.meet(id, Recipe::Apply { args, part: None, outer: None });
        }
        let cover = window::cover(&[view.region()]);
        let args = self.args(id.0, |_| Some(window::select(&cover)));
        let of = self.nodes[id.0].op.args()[0].clone();
        let part = ops::View { arg: of, view: window::within(view, &cover) };
        self.meet(id, Recipe::Apply { args, part: Some(part.into()), outer: None });
    }

    /// The whole is computed, and views of it are taken.
    fn keep(&mut self, at: usize) {
        for (number, view) in self.open(at) {
            if let Some(view) = view {
                let of = self.want(at, None);
                self.meet((at, number), Recipe::Outer { of, view });
            }
        }
        for (number, _) in self.open(at) {
            let args = self.args(at, |_| None);
            self.meet((at, number), Recipe::Apply { args, part: None, outer: None });
        }
    }

    /// Wants of the arguments of node `at`.
    fn args(&mut self, at: usize, view: impl Fn(usize) -> Option<Affine>) -> Vec<WantId> {
        let node = self.nodes[at].clone();
        node.op.args().iter().enumerate().map(|(i, arg)| self.want(self.at[&arg.id], view(i))).collect()
    }

    /// A view of an elementwise operation is the operation on views. Where that would evaluate dear
    /// operations more than once for an element, the least box that holds all wants is evaluated once.
    fn elementwise(&mut self, at: usize) {
        let node = self.nodes[at].clone();
        if self.costs[at] > CHEAP_OPERATIONS_MAX {
            let split: Vec<(usize, Affine, Option<Affine>)> = self
                .open(at)
                .into_iter()
                .map(|(number, view)| {
                    let view = view.unwrap_or_else(|| Affine::identity(&node.shape));
                    let (once, again) = window::split_repeats(&view);
                    (number, once, again)
                })
                .collect();
            let mut seen = HashSet::new();
            let regions: Vec<Region> =
                split.iter().filter(|(_, once, _)| seen.insert(window::key(once))).map(|(_, once, _)| once.region()).collect();
            let cover = window::cover(&regions);
            // overlaps by half are worth it: what is not kept is not written
            let apart = window::extents(&regions) <= cover.elements().saturating_mul(3) / 2;
            let boxed = window::select(&cover);
            for (number, once, again) in split {
                let (of, view) = match apart {
                    true => (self.want(at, Some(once)), again),
                    false => {
                        let view = window::within(&once, &cover);
                        (self.want(at, Some(boxed.clone())), Some(again.map_or(view.clone(), |again| view.then(&again))))
                    }
                };
                match view {
                    Some(view) if of != (at, number) => self.meet((at, number), Recipe::Outer { of, view }),
                    _ => {}
                }
            }
        }
        for (number, view) in self.open(at) {
            let args = self.args(at, |_| view.clone());
            self.meet((at, number), Recipe::Apply { args, part: None, outer: None });
        }
    }

    /// A view of one part drops the others. What only moves the elements of one that is wanted as it is, too, is a view of
    /// that: its parts are not put together twice.
    fn concatenate(&mut self, at: usize, axis: usize) {
        let node = self.nodes[at].clone();
        let args = node.op.args();
        let mut end = 0;
        let ends: Vec<u64> = args
            .iter()
            .map(|arg| {
                end += arg.shape[axis];
                end
            })
            .collect();
        let open = self.open(at);
        let whole = open.iter().find(|(_, view)| view.is_none()).map(|(number, _)| (at, *number));
        for (number, view) in open {
            let Some(view) = view else {
                let args = self.args(at, |_| None);
                self.meet((at, number), Recipe::Apply { args, part: None, outer: None });
                continue;
            };
            if let Some(of) = whole.filter(|_| view.region().elements() == node.elements()) {
                self.meet((at, number), Recipe::Outer { of, view });
                continue;
            }
            let mut parts = Vec::new();
            for (part, view) in window::parts(&view, axis, &ends) {
                parts.push(self.want(self.at[&args[part].id], Some(view)));
            }
            let recipe = match (parts.as_slice(), view.source[axis].axis) {
                ([one], _) => Recipe::Same(*one),
                (_, Some(axis)) => Recipe::Join { parts, axis },
                // a fixed place lies in one part
                (_, None) => unreachable!("one place in {} parts", parts.len()),
            };
            self.meet((at, number), recipe);
        }
    }

    /// Reductions and products of matrices are computed for the slices of their kept axes that are wanted;
    /// what flips, drops, moves or repeats axes stays outside, so that the arithmetic is the same. Along an axis of which places can be
    /// `selected`, those between the first and the last that are wanted are.
    fn windows(&mut self, at: usize, kept: &[Vec<Option<usize>>], selected: Option<(usize, &dyn Selected)>) {
        let node = self.nodes[at].clone();
        let open = self.open(at);
        let whole = |view: &Option<Affine>| view.as_ref().is_none_or(|view| view.region().elements() >= node.elements());
        if open.iter().any(|(_, view)| whole(view)) {
            return self.keep(at);
        }
        let regions: Vec<Region> = open.iter().filter_map(|(_, view)| view.as_ref().map(Affine::region)).collect();
        if regions.is_empty() {
            return;
        }
        let cover = window::cover(&regions);
        // one computation of a box of which half is wanted is less work than many small ones
        if regions.len() > 1 && window::extents(&regions) > cover.elements() / 2 {
            let boxed = window::select(&cover);
            if boxed.is_identity(&node.shape) {
                return self.keep(at);
            }
            let of = self.want(at, Some(boxed));
            for (number, view) in open {
                if let Some(view) = view.filter(|_| of != (at, number)) {
                    self.meet((at, number), Recipe::Outer { of, view: window::within(&view, &cover) });
                }
            }
        }
        // an axis of the result that no argument follows is not narrowed by narrowing arguments
        let narrowed: Vec<bool> = (0..node.shape.len()).map(|axis| kept.iter().flatten().any(|place| *place == Some(axis))).collect();
        for (number, view) in self.open(at) {
            let Some(view) = view else { continue };
            let Window { inner, mut outer } = window::split_window(&view, &node.shape, &narrowed);
            let part = selected.and_then(|(axis, by)| {
                let span = view.region().0[axis];
                if span.stop() - span.start == node.shape[axis] {
                    return None;
                }
                let part = by.part(span.start, span.stop() - span.start)?;
                outer.source[axis].start -= span.start as i64;
                Some(part)
            });
            let args = self.args(at, |i| Some(window::argument(&node.op.args()[i].shape, &kept[i], &inner)));
            self.meet((at, number), Recipe::Apply { args, part, outer: Some(outer) });
        }
    }

    fn build(self) -> Result<Vec<Vec<Expr>>> {
        let mut results: Vec<Vec<Option<Expr>>> = self.wants.iter().map(|wants| wants.iter().map(|_| None).collect()).collect();
        for (at, wants) in self.wants.iter().enumerate() {
            // an `Outer` reads another want of its own node
            for outer in [false, true] {
                for (number, want) in wants.iter().enumerate() {
                    let recipe = want.recipe.as_ref().expect("every want was decided");
                    if matches!(recipe, Recipe::Outer { .. }) == outer {
                        let get = |(at, number): &WantId| results[*at][*number].clone().expect("arguments come first");
                        results[at][number] = Some(built(&self.nodes[at], want.view.as_ref(), recipe, get)?);
                    }
                }
            }
        }
        Ok(results.into_iter().map(|wants| wants.into_iter().flatten().collect()).collect())
    }
}

fn built(node: &Expr, view: Option<&Affine>, recipe: &Recipe, get: impl Fn(&WantId) -> Expr) -> Result<Expr> {
    match recipe {
        Recipe::Apply { args: ids, part, outer } => {
            let old = node.op.args();
            let mut args = Vec::new();
            for (id, old) in ids.iter().zip(&old) {
                let arg = get(id);
                args.push(if node.op.needs_chunks() { relabel(&arg, &old.chunks)? } else { arg });
            }
            if view.is_none() && args.iter().zip(&old).all(|(a, b)| a.id == b.id) {
                return Ok(node.clone());
            }
            let op = part.as_ref().unwrap_or(&node.op).with_args(args);
            match (view, outer) {
                (None, _) => node.replaced_by(op, node.chunks.clone()),
                (Some(_), Some(outer)) => view_of(&Node::new(op)?, outer),
                (Some(view), None) => Node::with_chunks(op, view.chunks(&node.chunks)),
            }
        }
        Recipe::Join { parts, axis } => Node::new(Op::Concatenate(ops::Concatenate { args: parts.iter().map(get).collect(), axis: *axis })),
        Recipe::Same(id) => Ok(get(id)),
        Recipe::Outer { of, view } => view_of(&get(of), view),
        Recipe::Constant(value) => {
            let view = view.expect("a constant stands for a view");
            let chunks = view.chunks(&node.chunks);
            Node::new(Op::Full(ops::Full { value: *value, dtype: node.dtype, shape: view.shape.clone(), chunks }))
        }
    }
}

/// `view` of `expr`, joined with the view that `expr` is.
fn view_of(expr: &Expr, view: &Affine) -> Result<Expr> {
    if view.is_identity(&expr.shape) {
        return Ok(expr.clone());
    }
    match &expr.op {
        Op::View(ops::View { arg, view: first }) => view_of(arg, &first.then(view)),
        Op::Full(ops::Full { value, dtype, .. }) => {
            Node::new(Op::Full(ops::Full { value: *value, dtype: *dtype, shape: view.shape.clone(), chunks: view.chunks(&expr.chunks) }))
        }
        _ => Node::new(Op::View(ops::View { arg: expr.clone(), view: view.clone() })),
    }
}
