//! The graph with one node known: lengths above it follow.

use super::{Expr, Node, Op, cells, ops, postorder};
use crate::error::Result;
use std::collections::HashMap;
use std::sync::Arc;

/// `roots` with `found` in the place of `node`. Where lengths above were bounds, they and the cells that follow
/// from them are inferred again; elsewhere chunks stay.
///
/// # Errors
/// What inference refuses.
pub fn replace(roots: &[Expr], node: &Expr, found: &Expr) -> Result<Vec<Expr>> {
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for old in postorder(roots) {
        let args: Vec<Expr> = old.op.args().into_iter().map(|arg| new[&arg.id].clone()).collect();
        let unchanged = old.op.args().iter().zip(&args).all(|(a, b)| Arc::ptr_eq(a, b));
        let here = match unchanged {
            _ if old.id == node.id => labelled(found.clone(), &old)?,
            true => old.clone(),
            false => labelled(Node::new(follow(&old, args)?)?, &old)?,
        };
        new.insert(old.id, here);
    }
    Ok(roots.iter().map(|root| new[&root.id].clone()).collect())
}

/// `new` with the chunks of `old`, if it is as long.
fn labelled(new: Expr, old: &Expr) -> Result<Expr> {
    if new.shape == old.shape && new.chunks != old.chunks { Node::with_chunks(new.op.clone(), old.chunks.clone()) } else { Ok(new) }
}

/// The operation of `old` on arguments whose lengths may have changed.
fn follow(old: &Expr, args: Vec<Expr>) -> Result<Op> {
    let mut op = old.op.with_args(args);
    match &mut op {
        // constants beside a mask were as long as its bound
        Op::Elementwise(ops::Elementwise { args, .. }) => {
            let known = args.iter().find(|arg| !matches!(arg.op, Op::Full(_))).map(|arg| (arg.shape.clone(), arg.chunks.clone()));
            if let Some((shape, chunks)) = known {
                for arg in args.iter_mut().filter(|arg| arg.shape != shape) {
                    if let Op::Full(ops::Full { value, dtype, .. }) = arg.op {
                        *arg = Node::new(Op::Full(ops::Full { value, dtype, shape: shape.clone(), chunks: chunks.clone() }))?;
                    }
                }
            }
        }
        Op::Reduce(reduce) if old.op.args()[0].shape != reduce.arg.shape => {
            reduce.cells = cells(&reduce.arg.chunks, &reduce.axes);
        }
        Op::Rechunk(ops::Rechunk { arg, chunks }) if chunks.shape() != arg.shape => *chunks = arg.chunks.clone(),
        _ => {}
    }
    Ok(op)
}
