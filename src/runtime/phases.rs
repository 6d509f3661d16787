//! What must be known before the rest can be lowered: counts of masks, medians.

use super::Runtime;
use crate::blocked::{Median, Step, count_loop, lower_loop};
use crate::error::Result;
use crate::expr::{Expr, Node, Op, Runs, cells, postorder};
use crate::grid::ChunkGrid;
use crate::scheduler::CancelToken;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

fn is_pending(node: &Node) -> bool {
    match &node.op {
        Op::Mask { count, .. } => count.1.get().is_none(),
        Op::Median { .. } => true,
        _ => false,
    }
}

/// The phases that must run first, for `explain`.
pub(super) fn pending(exprs: &[Expr]) -> Vec<String> {
    let name = |node: &Expr| match &node.op {
        Op::Mask { arg, .. } => format!("count the mask on {:?}", arg.shape),
        _ => format!("select the median of {:?}: at most 2 reads where the values are in random order", node.op.args()[0].shape),
    };
    postorder(exprs).iter().filter(|node| is_pending(node)).map(name).collect()
}

/// The first node whose phase can run: everything below it is known.
pub(super) fn next(exprs: &[Expr]) -> Option<Expr> {
    postorder(exprs).into_iter().find(|node| is_pending(node))
}

/// Runs the phase of `node`, and rebuilds `exprs` with what it found.
pub(super) fn run(runtime: &Runtime, exprs: &[Expr], node: &Expr, cancel: &CancelToken) -> Result<Vec<Expr>> {
    match &node.op {
        Op::Mask { mask, count, .. } => {
            let refused = |error| {
                let standing = super::index_bytes(std::slice::from_ref(node));
                runtime.refusal(error, standing, &mut |budget| Ok(count_loop(mask, node.dtype, budget)?.0))
            };
            let _indexes = runtime.reserve_indexes(std::slice::from_ref(node)).map_err(refused)?;
            let budget = runtime.budget(runtime.0.pool.usage().reserved_bytes);
            let (plan, stage) = count_loop(mask, node.dtype, &budget)?;
            runtime.run_plan(&plan, &budget, cancel).map_err(refused)?;
            let counts: Vec<u64> = stage.counts.iter().map(|n| n.load(Relaxed)).collect();
            let _ = count.0.set(counts.iter().sum());
            let _ = count.1.set(Runs { cuts: stage.cuts(), counts });
            replace(exprs, node, None)
        }
        Op::Median { arg, mask } => {
            let roots: Vec<Expr> = std::iter::once(arg).chain(mask).cloned().collect();
            let _indexes = runtime.reserve_indexes(&roots)?;
            let _held = runtime.0.pool.reserve(Median::standing_bytes())?;
            let mut median = Median::new(arg.dtype, node.dtype);
            let value = loop {
                let budget = runtime.budget(runtime.0.pool.usage().reserved_bytes);
                let mut step = None;
                let plan = lower_loop(&roots, &budget, |feed, registers| {
                    let next = median.step(&feed, &registers);
                    let stage = match &next {
                        Step::Run(stage) => Some(stage.clone()),
                        Step::Done(_) => None,
                    };
                    step = Some(next);
                    stage
                })?;
                match step {
                    Some(Step::Done(value)) => break value,
                    _ => runtime.run_plan(&plan, &budget, cancel)?,
                }
            };
            let full = Op::Full { value, dtype: node.dtype, shape: vec![], chunks: ChunkGrid { axes: vec![] } };
            replace(exprs, node, Some(Node::new(full)?))
        }
        _ => Ok(exprs.to_vec()),
    }
}

/// The graph with `node` known: replaced by `with`, or inferred again. Lengths above it follow.
fn replace(exprs: &[Expr], node: &Expr, with: Option<Expr>) -> Result<Vec<Expr>> {
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for old in postorder(exprs) {
        let args: Vec<Expr> = old.op.args().into_iter().map(|arg| new[&arg.id].clone()).collect();
        let same = old.op.args().iter().zip(&args).all(|(a, b)| Arc::ptr_eq(a, b));
        let rebuilt = if old.id == node.id && with.is_some() {
            with.clone().unwrap_or_else(|| old.clone())
        } else if same && old.id != node.id {
            old.clone()
        } else {
            let mut op = old.op.with_args(args);
            match &mut op {
                // constants beside a mask were as long as its bound
                Op::Elementwise { args, .. } => {
                    let known =
                        args.iter().find(|arg| !matches!(arg.op, Op::Full { .. })).map(|arg| (arg.shape.clone(), arg.chunks.clone()));
                    if let Some((known, known_chunks)) = known {
                        for arg in args.iter_mut().filter(|arg| arg.shape != known) {
                            if let Op::Full { value, dtype, .. } = arg.op {
                                *arg = Node::new(Op::Full { value, dtype, shape: known.clone(), chunks: known_chunks.clone() })?;
                            }
                        }
                    }
                }
                Op::Reduce(reduce) if old.op.args()[0].shape != reduce.arg.shape => {
                    reduce.cells = cells(&reduce.arg.chunks, &reduce.axes);
                }
                Op::Rechunk { arg, chunks } if chunks.shape() != arg.shape => *chunks = arg.chunks.clone(),
                _ => {}
            }
            let inferred = Node::new(op)?;
            if inferred.shape == old.shape { Node::with_chunks(inferred.op.clone(), old.chunks.clone())? } else { inferred }
        };
        new.insert(old.id, rebuilt);
    }
    Ok(exprs.iter().map(|expr| new[&expr.id].clone()).collect())
}
