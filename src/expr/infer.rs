//! Rules of shapes and chunks that operations share.

use crate::error::{Error, Result};
use crate::grid::{AxisChunks, ChunkGrid, element_count, longest_elements};
use crate::sizes::NumericsSizes;
use crate::sizes::graph::CHUNK_ELEMENTS;
use flagstone_kernels::dtype::DType;
use serde::{Deserialize, Serialize};

/// How a reduced axis is cut into chunks, and those into cells of at most `cell` elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cells {
    /// Chunks along the axis, tiny ones merged.
    pub chunks: AxisChunks,
    /// Elements of a cell along the axis; the last of a chunk may be shorter.
    pub cell: u64,
}

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

/// Chunks for a matrix that is made by blocks of whole columns: as wide as those are by the sizes of a runtime that sets none,
/// so that what is summed of it lies in few of them.
pub fn column_chunks(shape: &[u64], dtype: DType) -> ChunkGrid {
    let &[rows, columns] = shape else { return auto_chunks(shape) };
    let width = (NumericsSizes::default().column_row_bytes / dtype.size() as u64).clamp(1, columns.max(1));
    ChunkGrid::regular(shape, &[rows.clamp(1, CHUNK_ELEMENTS / width), width])
}

/// Chunks for what is made by whole lanes along `axis`, of `n` elements, from an array in `chunks`: whole lanes, so few that what is
/// summed of them lies in few blocks.
pub fn lane_chunks(chunks: &ChunkGrid, axis: usize, n: u64) -> ChunkGrid {
    let mut axes = chunks.axes.clone();
    axes[axis] = AxisChunks::whole(n);
    for other in (0..axes.len()).filter(|&other| other != axis) {
        let have = longest_elements(&axes);
        if have > CHUNK_ELEMENTS {
            axes[other] = axes[other].split((axes[other].longest() / have.div_ceil(CHUNK_ELEMENTS)).max(1));
        }
    }
    ChunkGrid { axes }
}

/// The cuts of each reduced axis by the sizes of a runtime that sets none.
pub fn cells(chunks: &ChunkGrid, axes: &[usize]) -> Vec<Cells> {
    cells_of(chunks, axes, &NumericsSizes::default())
}

/// The cuts of each reduced axis: cells of at most so many elements cut along the slowest axes, from chunks merged along
/// reduced axes until they have enough.
pub fn cells_of(chunks: &ChunkGrid, axes: &[usize], sizes: &NumericsSizes) -> Vec<Cells> {
    let mut merged: Vec<AxisChunks> = chunks.axes.clone();
    let mut elements: u64 = longest_elements(&merged);
    for &axis in axes.iter().rev() {
        if elements == 0 || elements >= sizes.cell_elements_min {
            break;
        }
        let by = sizes.cell_elements_min.div_ceil(elements).min(merged[axis].count().max(1));
        let before = merged[axis].longest().max(1);
        merged[axis] = merged[axis].join(by);
        elements = elements / before * merged[axis].longest();
    }
    let mut left = sizes.cell_elements_max;
    let mut cell = vec![1; merged.len()];
    for axis in (0..merged.len()).rev() {
        cell[axis] = merged[axis].longest().clamp(1, left.max(1));
        left /= cell[axis];
    }
    axes.iter().map(|&axis| Cells { chunks: merged[axis].clone(), cell: cell[axis] }).collect()
}

/// The operands' chunks; where those make chunks of more than [`CHUNK_ELEMENTS`] elements (a tall matrix times a wide
/// one), they are cut: one place of the batch, rows and columns nearly square.
pub(super) fn contraction_chunks(batch: &[AxisChunks], rows: &[AxisChunks], columns: &[AxisChunks]) -> ChunkGrid {
    let longest = |axes: &[AxisChunks]| axes.iter().map(|axis| axis.longest().max(1)).fold(1, u64::saturating_mul);
    let (m, n) = (longest(rows), longest(columns));
    let side = CHUNK_ELEMENTS.isqrt();
    let (m_most, n_most) = match (m > side, n > side) {
        (true, true) => (side, side),
        (true, false) => (CHUNK_ELEMENTS / n, n),
        (false, true) => (m, CHUNK_ELEMENTS / m),
        (false, false) => (m, n),
    };
    let batch_most = CHUNK_ELEMENTS / (m.min(m_most) * n.min(n_most)).max(1);
    let groups = [(batch, batch_most), (rows, m_most), (columns, n_most)];
    ChunkGrid { axes: groups.into_iter().flat_map(|(axes, most)| split_to(axes, most)).collect() }
}

/// Axes of which chunks have at most `most` elements together, the outermost ones cut first.
fn split_to(axes: &[AxisChunks], most: u64) -> Vec<AxisChunks> {
    let (mut left, mut split) = (most.max(1), Vec::with_capacity(axes.len()));
    for axis in axes.iter().rev() {
        let axis = even_split(axis, left);
        left = (left / axis.longest().max(1)).max(1);
        split.push(axis);
    }
    split.reverse();
    split
}

/// Chunks cut into equal parts of at most `most` elements.
fn even_split(chunks: &AxisChunks, most: u64) -> AxisChunks {
    let longest = chunks.longest().max(1);
    chunks.split(longest.div_ceil(longest.div_ceil(most)))
}

/// An array of `shape` must be addressable: its bytes fit an i64.
pub(super) fn check_size(operation: &str, shape: &[u64], dtype: DType) -> Result<()> {
    let bytes = element_count(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    match bytes {
        Some(bytes) if bytes <= i64::MAX as u64 && shape.iter().all(|&n| n <= i64::MAX as u64) => Ok(()),
        _ => Err(Error::bad_request(operation, format!("shape {shape:?} of {dtype} is over 2⁶³ bytes"))),
    }
}
