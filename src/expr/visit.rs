//! Walking the graph, without recursion: graphs can be deep.

use super::Expr;
use std::collections::HashSet;

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
