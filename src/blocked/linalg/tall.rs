//! What the ways to factor a tall matrix have in common: how its rows are cut, trees on them, and what a node of one takes and does.

use super::source::Source;
use crate::blocked::places::{Along, Fed, HERE};
use crate::grid::AxisChunks;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::{self, Field, MatMut};
use flagstone_kernels::with_field;

/// A leaf has no more elements than so many triangles of its columns, if that is a sixteenth of what it may have: with few columns the tree
/// is next to no work.
const TRIANGLES: u64 = 64;
/// Fewer columns are packed as so many.
const PACKED_COLUMNS: u64 = 32;

/// The rows of a matrix [m, n] that are worked on together: of `elements` elements, and twice as many rows as columns at least, so that a level of
/// a tree of squares is half as much as the one below it.
pub fn rows_of_leaves(m: u64, n: u64, elements: u64) -> AxisChunks {
    let elements = elements.min((TRIANGLES * n * n).max(elements / 16));
    AxisChunks::regular(m, (elements / n.max(PACKED_COLUMNS)).max(2 * n).clamp(1, m.max(1)))
}

/// Each node of a level of a tree with its children, of which there are `count`.
pub fn pairs(count: u64) -> AxisChunks {
    AxisChunks::regular(count, 2)
}

/// The rows of the matrix, a box of them a node.
pub fn rows_of_feed(source: &Source, rows: &AxisChunks) -> Fed {
    let cuts = vec![rows.clone(), AxisChunks::whole(source.columns.len())];
    Fed { feed: source.feed.clone(), cuts, along: vec![HERE, Along::One(0)], within: None }
}

/// Sizes of a tree's nodes, which have some rows and all columns.
#[derive(Clone)]
pub struct Sizes {
    /// Columns.
    pub n: u64,
    /// Of the elements.
    pub dtype: DType,
}

impl Sizes {
    /// Of so many rows.
    pub fn bytes(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.n).saturating_mul(self.dtype.size() as u64)
    }
    /// Of the triangles of their reflectors.
    pub fn t_bytes(&self, rows: u64) -> u64 {
        linalg::qr_whole_t_len(rows as usize, self.n as usize) as u64 * self.dtype.size() as u64
    }
    /// Of what a node of `rows` makes: R, the reflectors and T.
    pub fn made(&self, rows: u64) -> [u64; 3] {
        [self.bytes(self.n), self.bytes(rows), self.t_bytes(rows)]
    }
    /// Of the scratch that factoring them takes.
    pub fn scratch_bytes(&self, rows: u64) -> u64 {
        let (m, n) = (rows as usize, self.n as usize);
        with_field!(self.dtype, T => linalg::qr_whole_scratch_bytes::<T>(m, n, n)) as u64
    }
    /// Factors `v` [rows, n] in place.
    pub fn reflect(&self, v: &mut [u8], t: &mut [u8], scratch: &mut [u8]) {
        with_field!(self.dtype, T => {
            let v = bytemuck::cast_slice_mut::<u8, T>(v);
            let n = self.n as usize;
            linalg::qr_whole(&mut MatMut::dense(v, v.len() / n, n), bytemuck::cast_slice_mut(t), scratch);
        });
    }
    /// Factors `v` [rows, n] in place, and writes its R, with zeros below, to `r` [n, n].
    pub fn factor(&self, v: &mut [u8], t: &mut [u8], r: &mut [u8], scratch: &mut [u8]) {
        self.reflect(v, t, scratch);
        with_field!(self.dtype, T => upper::<T>(self.n as usize, bytemuck::cast_slice(v), bytemuck::cast_slice_mut(r)));
    }
}

/// The upper triangle of `v` [m, n], zeros below it, to `r` [n, n].
fn upper<T: Field>(n: usize, v: &[T], r: &mut [T]) {
    let m = v.len() / n;
    for i in 0..n {
        let row = &mut r[i * n..][..n];
        row.fill(T::ZERO);
        if i < m {
            row[i..].copy_from_slice(&v[i * n..][i..n]);
        }
    }
}
