//! Rebuilding the graph, without recursion: graphs can be deep.

use super::{Affine, Expr, Relabel, ops, postorder};
use crate::error::Result;
use crate::grid::ChunkGrid;
use std::collections::HashMap;
use std::sync::Arc;

/// Rebuilds the graph from the leaves up: `f` sees each node with its arguments already rebuilt, and
/// returns what stands in its place. Chunks are kept where they mean something: of the roots, of every
/// node that is not replaced, and of the arguments of operations that need them.
///
/// # Errors
/// What `f` or inference refuses.
pub fn rebuild(roots: &[Expr], mut f: impl FnMut(&Expr) -> Result<Expr>) -> Result<Vec<Expr>> {
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for node in postorder(roots) {
        let mut args = Vec::new();
        for arg in node.op.args() {
            let rebuilt = &new[&arg.id];
            args.push(if node.op.needs_chunks() { relabel(rebuilt, &arg.chunks)? } else { rebuilt.clone() });
        }
        let unchanged = node.op.args().iter().zip(&args).all(|(a, b)| Arc::ptr_eq(a, b));
        let here = if unchanged { node.clone() } else { node.replaced_by(node.op.with_args(args), node.chunks.clone())? };
        new.insert(node.id, f(&here)?);
    }
    roots.iter().map(|root| relabel(&new[&root.id], &root.chunks)).collect()
}

/// The same elements under the chunks that a user sees or a user's function is called with. Where an
/// operation has chunks of its own, a view of all elements carries the new ones.
///
/// # Errors
/// As [`super::Node::new`].
pub fn relabel(expr: &Expr, chunks: &ChunkGrid) -> Result<Expr> {
    if expr.chunks == *chunks {
        return Ok(expr.clone());
    }
    let op = match expr.op.relabel(chunks) {
        Relabel::As(op) => op,
        Relabel::View => ops::View { arg: expr.clone(), view: Affine::identity(&expr.shape) }.into(),
    };
    expr.replaced_by(op, chunks.clone())
}
