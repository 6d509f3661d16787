//! Shape + chunks → where an element is. The vocabulary of grids and regions.

mod chunks;
mod marks;
mod region;

pub use chunks::{AxisChunks, BlockId, ChunkGrid, LISTED_MAX, longest_elements};
pub use marks::Marks;
pub use region::{Region, Span};

/// Elements of an array of `shape`; `None` past `u64`.
pub fn element_count(shape: &[u64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1u64, |n, &len| n.checked_mul(len))
}

/// The C-order index of `place` in an array of `shape`.
pub fn ravel(place: &[u64], shape: &[u64]) -> u64 {
    place.iter().zip(shape).fold(0, |at, (&p, &n)| at * n + p)
}

/// The place of C-order index `at` in an array of `shape`.
pub fn unravel(mut at: u64, shape: &[u64]) -> Vec<u64> {
    let mut place = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        place[axis] = at % shape[axis];
        at /= shape[axis];
    }
    place
}
