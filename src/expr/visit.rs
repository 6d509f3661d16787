//! Walking and rebuilding the graph, without recursion: graphs can be deep.

use super::{Expr, Node};
use crate::error::Result;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Every node that `roots` reach, arguments before users, each once.
pub fn postorder(roots: &[Expr]) -> Vec<Expr> {
    let mut seen = HashSet::new();
    let mut order = Vec::new();
    let mut stack: Vec<(Expr, bool)> = roots.iter().rev().map(|root| (root.clone(), false)).collect();
    while let Some((node, done)) = stack.pop() {
        if done {
            order.push(node);
        } else if seen.insert(node.id) {
            stack.push((node.clone(), true));
            stack.extend(node.op.args().into_iter().rev().filter(|arg| !seen.contains(&arg.id)).map(|arg| (arg.clone(), false)));
        }
    }
    order
}

/// Rebuilds the graph from the leaves up: `f` sees each node with its arguments already rebuilt. The chunks
/// of a node are kept when its shape is.
///
/// # Errors
/// What `f` or inference refuses.
pub fn rebuild(roots: &[Expr], mut f: impl FnMut(&Expr) -> Result<Expr>) -> Result<Vec<Expr>> {
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for node in postorder(roots) {
        let args: Vec<Expr> = node.op.args().into_iter().map(|arg| new[&arg.id].clone()).collect();
        let unchanged = node.op.args().iter().zip(&args).all(|(a, b)| Arc::ptr_eq(a, b));
        let here = if unchanged {
            node.clone()
        } else {
            let op = node.op.with_args(args);
            let inferred = Node::new(op)?;
            if inferred.shape == node.shape && inferred.chunks != node.chunks {
                Node::with_chunks(inferred.op.clone(), node.chunks.clone())?
            } else {
                inferred
            }
        };
        new.insert(node.id, f(&here)?);
    }
    Ok(roots.iter().map(|root| new[&root.id].clone()).collect())
}
