//! Which encoded sources are decoded once into blocks of the pool, because several places read them.

use super::reach::Numbers;
use crate::budget::Budget;
use crate::expr::{Affine, Expr, Op, ops, postorder};
use crate::grid::ChunkGrid;
use crate::store::Store;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// Where more places than this read a store, their chunks are not compared pair by pair: it is shared.
const COMPARED_MAX: usize = 256;

/// Identifies a store by the handle that opened it.
pub fn store_id(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store) as *const () as usize
}

/// What is shared, and which reductions must therefore be pulled by their readers slab by slab.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Stores whose chunks become blocks of the pool, once for all loops.
    stores: HashSet<usize>,
    /// By loop (the node at its end) and store: in which pass over the store, of those that several loops share, it reads it.
    passes: HashMap<(u64, usize), u32>,
    /// Reductions (by node) that run when their reader comes to the slab.
    pub pulled: HashSet<u64>,
}

impl Sharing {
    /// Whether a store is decoded into blocks for the loop that ends at `root`: those of which pass over it.
    pub fn pass(&self, root: u64, store: usize) -> Option<u32> {
        let once = || self.stores.contains(&store).then_some(0);
        self.passes.get(&(root, store)).copied().or_else(once)
    }
}

/// A loop: the node at its end, the stores it reads and the loops whose results it reads.
struct Loop {
    root: Expr,
    uses: Vec<Use>,
    reads: Vec<u64>,
}

/// What a loop reads of an encoded store.
struct Use {
    store: usize,
    view: Affine,
    /// The box of chunks that the view lies in.
    chunks: Vec<Range<u64>>,
}

impl Use {
    fn new(store: &Arc<dyn Store>, view: Affine, chunks: &ChunkGrid) -> Use {
        let region = view.region();
        let touched = region.0.iter().zip(&chunks.axes).map(|(span, axis)| match span.len {
            0 => 0..0,
            _ => axis.find(span.start)..axis.find(span.stop() - 1) + 1,
        });
        Use { store: store_id(store), chunks: touched.collect(), view }
    }

    /// Whether windows see chunks for several boxes of a loop.
    fn slides_over_chunks(&self) -> bool {
        self.view.slides.iter().any(|slide| self.chunks[slide.source].end > self.chunks[slide.source].start + 1)
    }

    /// Whether some chunk may be read for both.
    fn meets(&self, other: &Use) -> bool {
        self.chunks.iter().zip(&other.chunks).all(|(a, b)| a.start < b.end && b.start < a.end)
    }
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
    let mut behind: Vec<Numbers> = Vec::with_capacity(loops.len());
    for l in &loops {
        let read = || l.reads.iter().filter_map(|read| position.get(read)).filter(|&&at| at < behind.len());
        let all = Numbers::joined(read().map(|&at| &behind[at]), None);
        behind.push(read().fold(all, |all, &at| Numbers::joined([&all].into_iter(), Some(at))));
    }
    let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut sharing = Sharing::default();
    for (i, l) in loops.iter().enumerate() {
        for (at, here) in l.uses.iter().enumerate() {
            users.entry(here.store).or_default().push(i);
            let of_another_view = l.uses[..at].iter().any(|other| other.store == here.store && other.view != here.view);
            if of_another_view || here.slides_over_chunks() {
                sharing.stores.insert(here.store);
            }
        }
    }
    for (store, mut users) in users {
        users.dedup();
        if users.len() < 2 || are_apart(&loops, &users, store) {
            continue;
        }
        let pairs = || users.iter().flat_map(|&a| users.iter().map(move |&b| (a, b)));
        let ordered: Vec<(usize, usize)> = pairs().filter(|(a, b)| behind[*b].contains(*a)).collect();
        let slab = |(a, b): &(usize, usize)| slab_bytes(&loops[*a], rows_together(&loops[*b]));
        let slabs = ordered.iter().all(|pair| slab(pair).is_some_and(|bytes| bytes <= budget.memory_bytes / 3));
        if slabs {
            sharing.stores.insert(store);
            sharing.pulled.extend(ordered.iter().map(|(a, _)| loops[*a].root.id));
        } else if !sharing.stores.contains(&store) {
            for (pass, together) in passes(&users, &behind) {
                if together.len() > 1 && !are_apart(&loops, &together, store) {
                    sharing.passes.extend(together.iter().map(|&l| ((loops[l].root.id, store), pass)));
                }
            }
        }
    }
    sharing
}

/// Loops that read a store, in topological order, by the pass over it in which they can do so at the earliest: none depends on another of
/// its pass.
fn passes(users: &[usize], behind: &[Numbers]) -> BTreeMap<u32, Vec<usize>> {
    let mut pass: Vec<u32> = Vec::with_capacity(users.len());
    for (at, &user) in users.iter().enumerate() {
        let before = users[..at].iter().zip(&pass).filter(|(other, _)| behind[user].contains(**other));
        pass.push(before.map(|(_, &pass)| pass + 1).max().unwrap_or(0));
    }
    let mut together: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (&user, pass) in users.iter().zip(pass) {
        together.entry(pass).or_default().push(user);
    }
    together
}

/// Whether each chunk of a store is read by one of these loops at most: then nothing is decoded twice, and nothing need be kept.
fn are_apart(loops: &[Loop], users: &[usize], store: usize) -> bool {
    let uses: Vec<(usize, &Use)> =
        users.iter().flat_map(|&l| loops[l].uses.iter().filter(|of| of.store == store).map(move |of| (l, of))).collect();
    uses.len() <= COMPARED_MAX
        && uses.iter().enumerate().all(|(i, (l, here))| uses[..i].iter().all(|(other, there)| l == other || !here.meets(there)))
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
        if !seen.insert((node.id, view.clone())) {
            continue;
        }
        match &node.op {
            _ if ends_loop(&node) => found.reads.push(node.id),
            Op::Source(ops::Source { store }) => {
                if let Some(chunks) = store.chunk_grid().filter(|_| store.meta().compressed) {
                    found.uses.push(Use::new(store, view, &chunks));
                }
            }
            Op::View(ops::View { arg, view: inner }) => stack.push((arg.clone(), inner.then(&view))),
            // what ends no loop is made place by place, of what stands at the same places
            _ => {
                let args = node.op.args().into_iter();
                stack.extend(
                    args.inspect(|arg| assert_eq!(arg.shape, node.shape, "{}", node.op.name())).map(|arg| (arg.clone(), view.clone())),
                );
            }
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
