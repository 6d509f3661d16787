//! Which encoded sources are decoded once into blocks of the pool, because several places read them.

use crate::budget::Budget;
use crate::expr::{Affine, Expr, Op, ops, postorder};
use crate::store::Store;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Identifies a store by the handle that opened it.
pub fn store_id(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store) as *const () as usize
}

/// What is shared, and which reductions must therefore be pulled by their readers slab by slab.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Stores whose chunks become blocks of the pool.
    pub stores: HashSet<usize>,
    /// Reductions (by node) that run when their reader comes to the slab.
    pub pulled: HashSet<u64>,
}

/// A loop: the node at its end, the stores it reads and the loops whose results it reads.
struct Loop {
    root: Expr,
    uses: Vec<(usize, Affine, u64)>,
    reads: Vec<u64>,
}

/// Whether a node is the end of a loop, and not part of one.
pub fn ends_loop(node: &Expr) -> bool {
    node.op.ends_loop()
}

/// Decides what is shared between the loops that end at `roots` or below them.
pub fn sharing(roots: &[Expr], budget: &Budget) -> Sharing {
    let nodes = postorder(roots);
    let root_ids: HashSet<u64> = roots.iter().map(|root| root.id).collect();
    let loops: Vec<Loop> = nodes.iter().filter(|node| ends_loop(node) || root_ids.contains(&node.id)).map(collect).collect();
    let position: HashMap<u64, usize> = loops.iter().enumerate().map(|(i, l)| (l.root.id, i)).collect();
    // everything that a loop depends on; loops stand in topological order
    let mut behind: Vec<HashSet<usize>> = Vec::with_capacity(loops.len());
    for l in &loops {
        let mut all = HashSet::new();
        for read in &l.reads {
            if let Some(&i) = position.get(read) {
                all.insert(i);
                all.extend(behind.get(i).into_iter().flatten().copied());
            }
        }
        behind.push(all);
    }
    let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut sharing = Sharing::default();
    for (i, l) in loops.iter().enumerate() {
        for (at, (store, view, _)) in l.uses.iter().enumerate() {
            users.entry(*store).or_default().push(i);
            if l.uses[..at].iter().any(|(other, other_view, _)| other == store && other_view != view) {
                sharing.stores.insert(*store);
            }
        }
    }
    for (store, mut users) in users {
        users.dedup();
        if users.len() < 2 {
            continue;
        }
        let pairs = || users.iter().flat_map(|&a| users.iter().map(move |&b| (a, b)));
        let ordered: Vec<(usize, usize)> = pairs().filter(|(a, b)| behind[*b].contains(a)).collect();
        let slab = |(a, b): &(usize, usize)| slab_bytes(&loops[*a], rows_together(&loops[*b]));
        let slabs = ordered.iter().all(|pair| slab(pair).is_some_and(|bytes| bytes <= budget.memory_bytes / 3));
        if slabs {
            sharing.stores.insert(store);
            sharing.pulled.extend(ordered.iter().map(|(a, _)| loops[*a].root.id));
        }
    }
    sharing
}

/// The encoded stores that the loop ending at `root` reads, and the loops it reads from.
fn collect(root: &Expr) -> Loop {
    let mut found = Loop { root: root.clone(), uses: Vec::new(), reads: Vec::new() };
    let mut seen = HashSet::new();
    let mut stack: Vec<(Expr, Affine)> = if ends_loop(root) {
        root.op.args().into_iter().map(|arg| (arg.clone(), Affine::identity(&arg.shape))).collect()
    } else {
        vec![(root.clone(), Affine::identity(&root.shape))]
    };
    while let Some((node, view)) = stack.pop() {
        if !seen.insert((node.id, view.source.iter().map(|f| (f.start, f.step, f.axis)).collect::<Vec<_>>())) {
            continue;
        }
        match &node.op {
            _ if ends_loop(&node) => found.reads.push(node.id),
            Op::Source(ops::Source { store }) => {
                if store.meta().compressed && store.meta().chunks.is_some() {
                    found.uses.push((store_id(store), view, node.bytes()));
                }
            }
            Op::View(ops::View { arg, view: inner }) => stack.push((arg.clone(), inner.then(&view))),
            _ => stack.extend(node.op.args().into_iter().map(|arg| (arg.clone(), view.clone()))),
        }
    }
    found
}

/// Rows that a task of the loop needs at once: a reduction over the first axis does not cut its cells, which join
/// tiny chunks.
fn rows_together(l: &Loop) -> u64 {
    let Op::Reduce(reduce) = &l.root.op else { return 0 };
    let first = reduce.axes.iter().position(|&axis| axis == 0);
    first.map_or(0, |at| reduce.cells[at].chunks.longest())
}

/// Bytes of source that a block of a reduction's result, or `rows` rows if that is more, needs; `None` if it
/// needs all of it.
fn slab_bytes(l: &Loop, rows: u64) -> Option<u64> {
    let Op::Reduce(reduce) = &l.root.op else { return None };
    if reduce.axes.contains(&0) {
        return None;
    }
    let arg = &reduce.arg;
    let along = |axis: usize| match axis {
        _ if reduce.axes.contains(&axis) => arg.shape[axis],
        0 => arg.chunks.axes[0].longest().max(rows).min(arg.shape[0]),
        _ => arg.chunks.axes[axis].longest(),
    };
    let elements: u64 = (0..arg.shape.len()).map(along).fold(1, u64::saturating_mul);
    Some(elements.saturating_mul(arg.dtype.size() as u64))
}
