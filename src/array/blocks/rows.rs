//! Kernels of rows as calls of blocks: rows are the last axes, all other axes are cut as memory asks.

use super::called;
use crate::array::Array;
use crate::error::Result;
use crate::expr::{BlockArg, CallAxis, Expr, Function};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::sizes::graph;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::halo::Boundary;
use flagstone_kernels::rows::{Rows, Top};
use flagstone_kernels::sort::{Gives, Sorter};

fn whole(n: u64) -> CallAxis {
    CallAxis::Cut(AxisChunks::whole(n))
}

/// An argument whose axes follow these of the calls.
fn arg(expr: &Expr, axes: impl IntoIterator<Item = usize>) -> BlockArg {
    BlockArg { expr: expr.clone(), axes: axes.into_iter().collect(), sees: Vec::new() }
}

fn node(kernel: Rows, args: Vec<BlockArg>, axes: Vec<CallAxis>, dtype: DType, chunks: Vec<AxisChunks>) -> Result<Expr> {
    let name = kernel.name().to_string();
    called(Function { name, f: crate::expr::Callee::Rows(kernel), args, axes, dtype, chunks: ChunkGrid { axes: chunks } })
}

/// Rows of `len` elements of `dtype` made of the rows of `args`, each whole. All have the other axes of the first one, or none:
/// then its row is that of every call. None is empty.
pub(in crate::array) fn of_whole(kernel: Rows, args: &[Expr], len: u64, dtype: DType) -> Result<Expr> {
    let others = args[0].shape.len() - 1;
    let mut axes = vec![CallAxis::Free; others];
    axes.push(whole(len));
    axes.extend(args.iter().map(|arg| whole(arg.shape[arg.shape.len() - 1])));
    let of = |(n, expr): (usize, &Expr)| match expr.shape.len() - 1 {
        0 => arg(expr, [others + 1 + n]),
        _ => arg(expr, (0..others).chain([others + 1 + n])),
    };
    let mut chunks = args[0].chunks.axes[..others].to_vec();
    chunks.push(AxisChunks::whole(len));
    node(kernel, args.iter().enumerate().map(of).collect(), axes, dtype, chunks)
}

/// An element for each of `x` made of what lies around it along the last axis.
pub(in crate::array) fn of_around(kernel: Rows, x: &Expr, before: u64, after: u64, boundary: Boundary, dtype: DType) -> Result<Expr> {
    let last = x.shape.len() - 1;
    let mut sees = vec![(0, 0, Boundary::None); last];
    sees.push((before, after, boundary));
    let args = vec![BlockArg { sees, ..arg(x, 0..=last) }];
    node(kernel, args, vec![CallAxis::Free; last + 1], dtype, x.chunks.axes.clone())
}

/// An element for each of the sequence `x` made of what lies around it, zeros beyond its ends, and of all of the sequence `beside`.
pub(in crate::array) fn of_around_beside(kernel: Rows, x: &Expr, before: u64, after: u64, beside: &Expr) -> Result<Expr> {
    let zero = Boundary::Constant(Scalar::Int(0));
    let args = vec![BlockArg { sees: vec![(before, after, zero)], ..arg(x, [0]) }, arg(beside, [1])];
    node(kernel, args, vec![CallAxis::Free, whole(beside.shape[0])], x.dtype, x.chunks.axes.clone())
}

/// An element for each of `args`, which have one shape, of an axis at least.
pub(in crate::array) fn of_elements(kernel: Rows, args: &[Expr], dtype: DType) -> Result<Expr> {
    let axes = args[0].shape.len();
    let of = |expr: &Expr| arg(expr, 0..axes);
    node(kernel, args.iter().map(of).collect(), vec![CallAxis::Free; axes], dtype, args[0].chunks.axes.clone())
}

/// An element for each of `x`, of any number of axes.
pub(in crate::array) fn of_each(kernel: Rows, x: &Expr, dtype: DType) -> Result<Expr> {
    if !x.shape.is_empty() {
        return of_elements(kernel, std::slice::from_ref(x), dtype);
    }
    let one = Array::from_expr(x.clone()).reshape([1]).expr()?;
    Array::from_expr(of_elements(kernel, &[one], dtype)?).reshape(Vec::<u64>::new()).expr()
}

/// The `k` greatest (or least) values of each row, the greatest (or least) first, or their places: in one read, with a state of `k`
/// items a part, which are merged along a tree.
pub(in crate::array) fn top(x: &Expr, k: u64, greatest: bool, gives: Gives) -> Result<Expr> {
    let (others, sorter) = (x.shape.len() - 1, Sorter { dtype: x.dtype, gives });
    let (n, item) = (x.shape[others], sorter.item_bytes() as u64);
    let of = |of_items, gives| Rows::Top(Top { sorter, k, greatest, of_items, gives });
    let free = vec![CallAxis::Free; others];
    let chunks = |x: &Expr| x.chunks.axes[..others].to_vec();
    let slots = |cuts: &AxisChunks| AxisChunks::from_lengths(&cuts.lengths().map(|n| n.min(k)).collect::<Vec<_>>());
    // parts so long that their state is small beside them
    let least = k.saturating_mul(8).max(1 << 14).max(graph::TOP_PLACES / 16);
    let along = &x.chunks.axes[others];
    let cuts = along.join(least.div_ceil(along.longest().max(1))).split(least.max(graph::TOP_PLACES));
    if cuts.count() == 1 {
        let axes = [&free[..], &[whole(n.min(k)), whole(n)]].concat();
        let args = vec![arg(x, (0..others).chain([others + 1]))];
        return node(of(false, true), args, axes, sorter.out(), [chunks(x), vec![AxisChunks::whole(n.min(k))]].concat());
    }
    // [others, items, bytes]
    let axes = |cuts: &AxisChunks| [&free[..], &[CallAxis::Cut(cuts.clone()), whole(item)]].concat();
    let made = |cuts: &AxisChunks, x: &Expr| [chunks(x), vec![slots(cuts), AxisChunks::whole(item)]].concat();
    let mut state = node(of(false, false), vec![arg(x, 0..=others)], axes(&cuts), DType::U8, made(&cuts, x))?;
    while state.chunks.axes[others].count() > graph::TOP_TOGETHER {
        let cuts = state.chunks.axes[others].join(graph::TOP_TOGETHER);
        state = node(of(true, false), vec![arg(&state, 0..others + 2)], axes(&cuts), DType::U8, made(&cuts, &state))?;
    }
    let total = state.shape[others];
    let axes = [&free[..], &[whole(n.min(k)), whole(total), whole(item)]].concat();
    let args = vec![arg(&state, (0..others).chain([others + 1, others + 2]))];
    node(of(true, true), args, axes, sorter.out(), [chunks(&state), vec![AxisChunks::whole(n.min(k))]].concat())
}
