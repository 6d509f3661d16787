//! Expr → Expr. Common subexpressions: of nodes that do the same to the same nodes, one is kept.
//! What is the same, operations say themselves.

use crate::error::Result;
use crate::expr::{Expr, Node, rebuild, same_but_for_arguments};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    let mut kept: HashMap<u64, Vec<Expr>> = HashMap::new();
    rebuild(roots, |node| {
        let like = kept.entry(digest(node)).or_default();
        if let Some(same) = like.iter().find(|other| same(node, other)) {
            return Ok(same.clone());
        }
        like.push(node.clone());
        Ok(node.clone())
    })
}

/// Equal for nodes that are the same; arguments are known by id, as they were joined before.
fn digest(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&node.shape, node.dtype).hash(&mut hasher);
    for arg in node.op.args() {
        arg.id.hash(&mut hasher);
    }
    node.op.digest(&mut hasher);
    hasher.finish()
}

fn same(a: &Node, b: &Node) -> bool {
    same_but_for_arguments(a, b) && a.op.args().iter().zip(&b.op.args()).all(|(x, y)| Arc::ptr_eq(x, y))
}
