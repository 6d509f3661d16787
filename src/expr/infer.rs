//! Rules of shapes and chunks that operations share.

use super::Cells;
use crate::error::{Error, Result};
use crate::grid::{AxisChunks, ChunkGrid, element_count};
use flagstone_kernels::dtype::DType;

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
        merged[axis] = merge(&merged[axis], by);
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

/// Joins every `by` neighbours.
fn merge(chunks: &AxisChunks, by: u64) -> AxisChunks {
    match chunks {
        AxisChunks::Regular { len, first, chunk } => AxisChunks::Regular { len: *len, first: first + (by - 1) * chunk, chunk: chunk * by },
        AxisChunks::Irregular(_) => {
            let lengths: Vec<u64> = chunks.lengths().collect();
            AxisChunks::from_lengths(&lengths.chunks(by as usize).map(|c| c.iter().sum()).collect::<Vec<u64>>())
        }
    }
}

/// An array of `shape` must be addressable: its bytes fit an i64.
pub(super) fn check_size(operation: &str, shape: &[u64], dtype: DType) -> Result<()> {
    let bytes = element_count(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    match bytes {
        Some(bytes) if bytes <= i64::MAX as u64 && shape.iter().all(|&n| n <= i64::MAX as u64) => Ok(()),
        _ => Err(Error::bad_request(operation, format!("shape {shape:?} of {dtype} is over 2⁶³ bytes"))),
    }
}
