//! Arrays whose length depends on values: `x[mask]`. They build with an upper bound; the count is found
//! once, when a length is needed, and then the nodes above it are rebuilt with what is known.

use crate::error::{Error, Result};
use crate::expr::{Count, Expr, Node, Op, Reduce, cells, ops, postorder};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::runtime::{CancelToken, Runtime};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::ReduceOp;
use flagstone_kernels::reduce::Reduction;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The count of a mask: one for all arrays that are indexed by the same node, so that `x[m] + y[m]` is
/// known to fit without counting.
pub(super) fn count_of(mask: &Expr) -> Arc<Count> {
    static COUNTS: Mutex<Option<HashMap<u64, Weak<Count>>>> = Mutex::new(None);
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = counts.get_or_insert_default();
    if let Some(count) = counts.get(&mask.id).and_then(Weak::upgrade) {
        return count;
    }
    counts.retain(|_, count| count.strong_count() > 0);
    let count = Arc::new(Count::default());
    counts.insert(mask.id, Arc::downgrade(&count));
    count
}

/// The same array with its length, if that was counted since it was built.
pub(super) fn refreshed(expr: &Expr) -> Result<Expr> {
    match &expr.counted {
        Some(count) if count.0.get().is_some() && unknown(expr).is_empty() => rebuild(expr),
        _ => Ok(expr.clone()),
    }
}

/// The same array with every length known: counts what is not, in one pass of the default runtime.
pub(super) fn settled(expr: &Expr) -> Result<Expr> {
    if expr.counted.is_none() {
        return Ok(expr.clone());
    }
    settled_by(expr, &Runtime::default_runtime()?, &CancelToken::default())
}

/// As [`settled`], by a given runtime, until cancelled.
pub(super) fn settled_by(expr: &Expr, runtime: &Runtime, cancel: &CancelToken) -> Result<Expr> {
    if expr.counted.is_none() {
        return Ok(expr.clone());
    }
    // A mask of a masked array waits for the count below it.
    let mut expr = expr.clone();
    loop {
        let masks = unknown(&expr);
        if masks.is_empty() {
            return rebuild(&expr);
        }
        let ready: Vec<_> = masks.into_iter().filter(|(mask, _)| mask.counted.is_none()).collect();
        if ready.is_empty() {
            return Err(Error::internal("a count that waits for itself"));
        }
        let counts: Result<Vec<Expr>> = ready.iter().map(|(mask, _)| count_nonzero(mask)).collect();
        let found = runtime.compute_exprs(&counts?, cancel)?;
        for ((_, count), dense) in ready.iter().zip(found) {
            let Scalar::Int(n) = Scalar::read(DType::I64, dense.bytes()) else {
                return Err(Error::internal("a count that is no integer"));
            };
            let _ = count.0.set(n as u64);
        }
        expr = rebuild(&expr)?;
        if expr.counted.is_none() {
            return Ok(expr);
        }
    }
}

/// The masks below `expr` that were not counted yet.
fn unknown(expr: &Expr) -> Vec<(Expr, Arc<Count>)> {
    let below = postorder(std::slice::from_ref(expr));
    let mask = |node: Expr| match &node.op {
        Op::Mask(ops::Mask { mask, count, .. }) if count.0.get().is_none() => Some((mask.clone(), count.clone())),
        _ => None,
    };
    below.into_iter().filter_map(mask).collect()
}

fn count_nonzero(mask: &Expr) -> Result<Expr> {
    let axes: Vec<usize> = (0..mask.shape.len()).collect();
    let reduction =
        Reduction { op: ReduceOp::CountNonzero, dtype: DType::Bool, out: DType::I64, skip_nan: false, ddof: 0.0, masked: false };
    let cells = cells(&mask.chunks, &axes);
    Node::new(Op::Reduce(Reduce { reduction, arg: mask.clone(), mask: None, axes, keepdims: false, cells }))
}

/// Rebuilds the nodes whose length was a bound and is known now.
fn rebuild(expr: &Expr) -> Result<Expr> {
    let mut new: HashMap<u64, Expr> = HashMap::new();
    for node in postorder(std::slice::from_ref(expr)) {
        let args: Vec<Expr> = node.op.args().iter().map(|arg| new[&arg.id].clone()).collect();
        let moved = node.op.args().iter().zip(&args).any(|(old, new)| !Arc::ptr_eq(old, new));
        let here = match &node.op {
            Op::Elementwise(_) if moved => {
                let known = args.iter().zip(node.op.args()).find(|(_, old)| old.counted.is_some());
                let shape = known.map_or_else(|| node.shape.clone(), |(new, _)| new.shape.clone());
                let args: Result<Vec<Expr>> = args.iter().map(|arg| stretched(arg, &shape)).collect();
                Node::new(node.op.with_args(args?))?
            }
            Op::Rechunk(ops::Rechunk { chunks, .. }) if moved => {
                let axes = args[0].shape.iter().zip(&chunks.axes).map(|(&n, old)| AxisChunks::regular(n, old.longest()));
                Node::new(Op::Rechunk(ops::Rechunk { arg: args[0].clone(), chunks: ChunkGrid { axes: axes.collect() } }))?
            }
            Op::Reduce(reduce) if moved => {
                let cells = cells(&args[0].chunks, &reduce.axes);
                let Op::Reduce(mut reduce) = node.op.with_args(args) else {
                    return Err(Error::internal("with_args changed the operation"));
                };
                reduce.cells = cells;
                Node::new(Op::Reduce(reduce))?
            }
            Op::Mask(ops::Mask { count, .. }) if moved || (node.counted.is_some() && count.0.get().is_some()) => {
                Node::new(node.op.with_args(args))?
            }
            _ if moved => Node::new(node.op.with_args(args))?,
            _ => node.clone(),
        };
        new.insert(node.id, here);
    }
    Ok(new[&expr.id].clone())
}

/// A constant or a single value repeated, to the length that its neighbour turned out to have.
fn stretched(arg: &Expr, shape: &[u64]) -> Result<Expr> {
    if arg.shape == shape {
        return Ok(arg.clone());
    }
    match &arg.op {
        Op::Full(ops::Full { value, dtype, .. }) => super::elementwise::constant(*value, *dtype, shape),
        Op::View(ops::View { arg: source, view }) if view.source.iter().all(|f| f.axis.is_none()) => {
            let view = crate::expr::Affine { source: view.source.clone(), shape: shape.to_vec() };
            Node::new(Op::View(ops::View { arg: source.clone(), view }))
        }
        _ => Err(Error::internal(format!("{} beside a counted array", arg.op.name()))),
    }
}
