//! Which reductions run in one loop, so that what they read is read once.

use super::reach::{Numbers, reach};
use crate::expr::{Expr, Op, Reduce, postorder};
use flagstone_kernels::op::ReduceOp;
use std::collections::HashMap;

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
    let reductions = reach(&nodes, |node| matches!(node.op, Op::Reduce(_)));
    let leaves = reach(&nodes, |node| node.op.is_shared_leaf());
    let mut groups: Vec<Vec<(&Expr, &Reduce)>> = Vec::new();
    // those of groups that only cells and leaves tell apart
    let mut alike: HashMap<(&[u64], &[usize], Numbers), Vec<usize>> = HashMap::new();
    for &(node, reduce) in &reduces {
        let fits = |group: &Vec<(&Expr, &Reduce)>| {
            let (_, first) = group[0];
            first.cells == reduce.cells
                && leaves[&first.arg.id].meets(&leaves[&reduce.arg.id])
                && !matches!(reduce.reduction.op, ReduceOp::Argmin | ReduceOp::Argmax if group.len() > 16)
        };
        let below = Numbers::joined(node.op.args().into_iter().map(|arg| &reductions[&arg.id]), None);
        let candidates = alike.entry((&reduce.arg.shape, &reduce.axes, below)).or_default();
        match candidates.iter().find(|&&at| fits(&groups[at])) {
            Some(&at) => groups[at].push((node, reduce)),
            None => {
                candidates.push(groups.len());
                groups.push(vec![(node, reduce)]);
            }
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
