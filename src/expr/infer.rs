//! The shape, dtype and chunks of each operation's result.

use super::{Cells, Count, Expr, Op, Reduce};
use crate::error::{Error, Result};
use crate::grid::{AxisChunks, ChunkGrid, element_count};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::ReduceOp;
use std::sync::Arc;

/// A cell has at most this many elements: 1 MiB of f32, so that it stays in a core's L2 cache.
const CELL_ELEMENTS_MAX: u64 = 1 << 18;
/// Chunks are merged along reduced axes until a cell has at least this many.
const CELL_ELEMENTS_MIN: u64 = 1 << 15;
/// Elements of a chunk where neither the user nor the file says.
const CHUNK_ELEMENTS: u64 = 1 << 20;

/// Chunks for an array that has none of its own: whole rows, [`CHUNK_ELEMENTS`] at most.
pub fn auto_chunks(shape: &[u64]) -> ChunkGrid {
    let mut left = CHUNK_ELEMENTS;
    let mut chunk = vec![1; shape.len()];
    for axis in (0..shape.len()).rev() {
        chunk[axis] = shape[axis].clamp(1, left.max(1));
        left /= chunk[axis];
    }
    ChunkGrid::regular(shape, &chunk)
}

/// The cuts of each reduced axis: cells of at most 2¹⁸ elements cut along the slowest axes, from chunks
/// merged along reduced axes until they have 2¹⁵.
pub fn cells(chunks: &ChunkGrid, axes: &[usize]) -> Vec<Cells> {
    let mut merged: Vec<AxisChunks> = chunks.axes.clone();
    let mut elements: u64 = merged.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul);
    for &axis in axes.iter().rev() {
        if elements == 0 || elements >= CELL_ELEMENTS_MIN {
            break;
        }
        let by = CELL_ELEMENTS_MIN.div_ceil(elements).min(merged[axis].count().max(1));
        let before = merged[axis].longest().max(1);
        merged[axis] = merged[axis].join(by);
        elements = elements / before * merged[axis].longest();
    }
    let mut left = CELL_ELEMENTS_MAX;
    let mut cell = vec![1; merged.len()];
    for axis in (0..merged.len()).rev() {
        cell[axis] = merged[axis].longest().clamp(1, left.max(1));
        left /= cell[axis];
    }
    axes.iter().map(|&axis| Cells { chunks: merged[axis].clone(), cell: cell[axis] }).collect()
}

pub(super) fn counted(op: &Op) -> Option<Arc<Count>> {
    match op {
        Op::Mask { count, .. } if count.0.get().is_none() => Some(count.clone()),
        Op::Elementwise { args, .. } => args.iter().find_map(|arg| arg.counted.clone()),
        Op::Rechunk { arg, .. } => arg.counted.clone(),
        _ => None,
    }
}

pub(super) fn infer(op: &Op) -> Result<(Vec<u64>, DType, ChunkGrid)> {
    match op {
        Op::Source(store) => {
            let meta = store.meta();
            let shape = meta.shape.clone();
            check_size("open", &shape, meta.dtype)?;
            let chunks = match meta.chunks.as_ref() {
                Some(chunks) => ChunkGrid::regular(&shape, chunks),
                None => auto_chunks(&shape),
            };
            Ok((shape, meta.dtype, chunks))
        }
        Op::Full { dtype, shape, chunks, .. } => {
            check_size("full", shape, *dtype)?;
            Ok((shape.clone(), *dtype, chunks.clone()))
        }
        Op::Generate { generator, chunks } => {
            check_size("generate", &generator.shape, generator.dtype())?;
            Ok((generator.shape.clone(), generator.dtype(), chunks.clone()))
        }
        Op::Resident(resident) => Ok((resident.grid.shape(), resident.dtype, resident.grid.clone())),
        Op::Function(function) => Ok((function.chunks.shape(), function.dtype, function.chunks.clone())),
        Op::Elementwise { args, dtype, .. } => {
            let shape = args[0].shape.clone();
            if let Some(other) = args.iter().find(|arg| arg.shape != shape) {
                return Err(Error::bad_request(op.name(), format!("shapes {shape:?} and {:?} do not broadcast", other.shape)));
            }
            Ok((shape, *dtype, elementwise_chunks(args)))
        }
        Op::View { arg, view } => {
            if view.source.len() != arg.shape.len() {
                return Err(Error::internal(format!("a view of {} axes on {:?}", view.source.len(), arg.shape)));
            }
            check_size("index", &view.shape, arg.dtype)?;
            Ok((view.shape.clone(), arg.dtype, view.chunks(&arg.chunks)))
        }
        Op::Reduce(reduce) => infer_reduce(reduce),
        Op::Concatenate { args, axis } => {
            let mut shape = args[0].shape.clone();
            shape[*axis] = args.iter().map(|arg| arg.shape[*axis]).fold(0, u64::saturating_add);
            check_size("concatenate", &shape, args[0].dtype)?;
            let mut axes = args[0].chunks.axes.clone();
            let lengths: Vec<u64> = args.iter().flat_map(|arg| arg.chunks.axes[*axis].lengths().collect::<Vec<_>>()).collect();
            axes[*axis] = AxisChunks::from_lengths(&lengths);
            Ok((shape, args[0].dtype, ChunkGrid { axes }))
        }
        Op::Rechunk { arg, chunks } => Ok((arg.shape.clone(), arg.dtype, chunks.clone())),
        Op::Matmul { a, b } => {
            if a.shape.len() != 2 || b.shape.len() != 2 || a.shape[1] != b.shape[0] {
                return Err(Error::bad_request(
                    "matmul",
                    format!("shapes {:?} and {:?} do not match: expected [m, k] and [k, n]", a.shape, b.shape),
                ));
            }
            let shape = vec![a.shape[0], b.shape[1]];
            check_size("matmul", &shape, a.dtype)?;
            Ok((shape, a.dtype, product_chunks(&a.chunks.axes[0], &b.chunks.axes[1])))
        }
        Op::Mask { arg, mask, count } => {
            if mask.shape != arg.shape || mask.dtype != DType::Bool {
                return Err(Error::bad_request(
                    "index",
                    format!(
                        "a mask of {} {:?} on an array of shape {:?}; expected bool of the same shape",
                        mask.dtype, mask.shape, arg.shape
                    ),
                ));
            }
            let len = count.0.get().copied().unwrap_or(arg.elements());
            Ok((vec![len], arg.dtype, auto_chunks(&[len])))
        }
        Op::Median { arg, .. } => {
            if arg.dtype.is_complex() {
                return Err(Error::bad_request("median", format!("{} has no order; expected a real dtype", arg.dtype)));
            }
            let dtype = if arg.dtype.is_float() { arg.dtype } else { DType::F64 };
            Ok((vec![], dtype, ChunkGrid { axes: vec![] }))
        }
    }
}

/// The operands' chunks; where those make chunks of more than [`CHUNK_ELEMENTS`] elements (a tall matrix times a wide
/// one), they are cut, nearly square.
fn product_chunks(rows: &AxisChunks, columns: &AxisChunks) -> ChunkGrid {
    let (m, n) = (rows.longest().max(1), columns.longest().max(1));
    let side = CHUNK_ELEMENTS.isqrt();
    let (m_most, n_most) = match (m > side, n > side) {
        (true, true) => (side, side),
        (true, false) => (CHUNK_ELEMENTS / n, n),
        (false, true) => (m, CHUNK_ELEMENTS / m),
        (false, false) => (m, n),
    };
    ChunkGrid { axes: vec![even_split(rows, m_most), even_split(columns, n_most)] }
}

/// Chunks cut into equal parts of at most `most` elements.
fn even_split(chunks: &AxisChunks, most: u64) -> AxisChunks {
    let longest = chunks.longest().max(1);
    chunks.split(longest.div_ceil(longest.div_ceil(most)))
}

/// An array of `shape` must be addressable: its bytes fit an i64.
fn check_size(operation: &str, shape: &[u64], dtype: DType) -> Result<()> {
    let bytes = element_count(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    match bytes {
        Some(bytes) if bytes <= i64::MAX as u64 && shape.iter().all(|&n| n <= i64::MAX as u64) => Ok(()),
        _ => Err(Error::bad_request(operation, format!("shape {shape:?} of {dtype} is over 2⁶³ bytes"))),
    }
}

/// Along each axis, the cuts of the first argument that cuts it; an argument broadcast along the axis has
/// one chunk there.
fn elementwise_chunks(args: &[Expr]) -> ChunkGrid {
    let axes = (0..args[0].shape.len()).map(|axis| {
        let cut = args.iter().map(|arg| &arg.chunks.axes[axis]).find(|chunks| chunks.count() > 1);
        cut.unwrap_or(&args[0].chunks.axes[axis]).clone()
    });
    ChunkGrid { axes: axes.collect() }
}

fn infer_reduce(reduce: &Reduce) -> Result<(Vec<u64>, DType, ChunkGrid)> {
    let arg = &reduce.arg;
    let name = reduce.reduction.op.name();
    if let Some(mask) = reduce.mask.as_ref().filter(|mask| mask.shape != arg.shape) {
        return Err(Error::bad_request(name, format!("where has shape {:?}, the array {:?}", mask.shape, arg.shape)));
    }
    let needs_one = matches!(reduce.reduction.op, ReduceOp::Min | ReduceOp::Max | ReduceOp::Argmin | ReduceOp::Argmax);
    if needs_one
        && let Some(&axis) = reduce.axes.iter().find(|&&axis| arg.shape[axis] == 0)
        && arg.counted.is_none()
    {
        return Err(Error::bad_request(
            name,
            format!("axis {axis} of shape {:?} has no element, and {name} of nothing is not defined", arg.shape),
        ));
    }
    let mut shape = Vec::new();
    let mut axes = Vec::new();
    for axis in 0..arg.shape.len() {
        if !reduce.axes.contains(&axis) {
            shape.push(arg.shape[axis]);
            axes.push(arg.chunks.axes[axis].clone());
        } else if reduce.keepdims {
            shape.push(1);
            axes.push(AxisChunks::whole(1));
        }
    }
    Ok((shape, reduce.reduction.out, ChunkGrid { axes }))
}
