//! The one rule by which lengths become known: what was found stands in its place, and everything above it that
//! was built with a bound is inferred again.

use super::{Affine, Count, Expr, Node, Op, ops, output_of, postorder, relabel};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// `roots` with `found` in the place of `node`: of each of its results, where it has several.
///
/// # Errors
/// What does not fit, now that lengths are known.
pub fn replace(roots: &[Expr], node: &Expr, found: &[Expr]) -> Result<Vec<Expr>> {
    rebuilt(roots, Some((node, found)))
}

/// `roots` with the lengths that were counted since they were built. Nodes for which nothing is new stay the same.
///
/// # Errors
/// What does not fit, now that lengths are known.
pub fn settle(roots: &[Expr]) -> Result<Vec<Expr>> {
    rebuilt(roots, None)
}

fn rebuilt(roots: &[Expr], replaced: Option<(&Expr, &[Expr])>) -> Result<Vec<Expr>> {
    let nodes = postorder(roots);
    // each read once, so that what another thread counts meanwhile does not make two lengths of one
    let mut lens: HashMap<*const Count, Option<u64>> = HashMap::new();
    let mut len_of = |count: &Arc<Count>| *lens.entry(Arc::as_ptr(count)).or_insert_with(|| count.1.get().and(count.0.get()).copied());
    let found_of = |of: &Expr| replaced.and_then(|(node, found)| (node.id == of.id).then_some(found));
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for old in nodes {
        let args: Vec<Expr> = old.op.args().into_iter().map(|arg| new[&arg.id].clone()).collect();
        let unchanged = old.op.args().iter().zip(&args).all(|(a, b)| Arc::ptr_eq(a, b));
        let output = output_of(&old).and_then(|(of, at)| found_of(of).and_then(|found| found.get(at).cloned()));
        let here = match &old.op {
            _ if output.is_some() => output,
            // users of a node with several results hold those
            _ if old.more.is_empty() && found_of(&old).is_some() => found_of(&old).and_then(|found| found.first().cloned()),
            Op::Mask(mask) if mask.len.is_none() => match len_of(&mask.count) {
                Some(len) => Some(Node::new(Op::from(ops::Mask { len: Some(len), ..mask.clone() }).with_args(args.clone()))?),
                None => None,
            },
            Op::Spread(_) if !args[1].is_counted() => Some(repeated(&args[0], &args[1].shape)?),
            Op::Deferred(deferred) if args.iter().all(|arg| !arg.is_counted()) => {
                let built = deferred.build.build(&args)?;
                if built.dtype != old.dtype || built.shape.len() != old.shape.len() {
                    let (shape, dtype) = (&built.shape, built.dtype);
                    let what = format!("{} was to be {} of {} axes and is {dtype} of {shape:?}", deferred.name, old.dtype, old.shape.len());
                    return Err(Error::internal(what));
                }
                Some(built)
            }
            _ => None,
        };
        let here = match here {
            Some(here) => labelled(here, &old)?,
            None if unchanged => old.clone(),
            None => labelled(Node::new(old.op.refitted(args))?, &old)?,
        };
        new.insert(old.id, here);
    }
    Ok(roots.iter().map(|root| new[&root.id].clone()).collect())
}

/// `arg` broadcast to `shape`.
fn repeated(arg: &Expr, shape: &[u64]) -> Result<Expr> {
    let view =
        Affine::broadcast(&arg.shape, shape).ok_or_else(|| Error::internal(format!("{:?} beside a selection of {shape:?}", arg.shape)))?;
    Node::new(match &arg.op {
        Op::Full(full) => ops::Full { chunks: view.chunks(&arg.chunks), shape: shape.to_vec(), ..full.clone() }.into(),
        _ => ops::View { arg: arg.clone(), view }.into(),
    })
}

/// `new` in the place of `old`, under its chunks where those are not what follows from its operation.
fn labelled(new: Expr, old: &Expr) -> Result<Expr> {
    if new.chunks == old.chunks || old.chunks == old.op.infer()?.chunks {
        return Ok(new);
    }
    let chunks = if new.shape == old.shape { old.chunks.clone() } else { old.chunks.resized(&new.shape) };
    relabel(&new, &chunks)
}
