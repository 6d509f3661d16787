//! Which reductions run in one loop, so that what they read is read once.

use crate::expr::{Expr, Op, Reduce, postorder};
use flagstone_kernels::op::ReduceOp;
use std::collections::{HashMap, HashSet};

/// Reductions over the same axes and cells of loops of one shape that do not depend on each other: they
/// run in one loop, so that what they read is read once.
pub fn siblings(roots: &[Expr]) -> HashMap<u64, Vec<Expr>> {
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
        postorder(std::slice::from_ref(root)).into_iter().filter(|node| node.op.is_shared_leaf()).map(|node| node.id).collect()
    };
    !leaves(a).is_disjoint(&leaves(b))
}
