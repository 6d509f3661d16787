//! An array → its blocks, one after the other: for arrays that are larger than memory, and consumers that are not ours.

use super::any::wrong_dtype;
use super::index::Index;
use super::indexing::indexed;
use super::{Array, ArrayElement, counted};
use crate::error::Result;
use crate::expr::{Expr, Through, postorder};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::runtime::Runtime;
use ndarray::ArrayD;
use std::marker::PhantomData;

/// A block is at most so large, however much memory there is.
const BLOCK_BYTES: u64 = 64 << 20;
/// A block is at most this part of the limit: what makes it needs room, too.
const LIMIT_SHARE: u64 = 8;

/// A computed part of an array.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Block<T> {
    /// Where its first element is in the array, along each axis.
    pub start: Vec<u64>,
    /// Its elements.
    pub array: ArrayD<T>,
}

/// The blocks of an array in C order: an iterator that computes one when it is asked for it. See [`Array::blocks`].
pub struct Blocks<T> {
    runtime: Runtime,
    expr: Expr,
    grid: ChunkGrid,
    next: u64,
    elements: PhantomData<fn() -> T>,
}

impl<T: ArrayElement> Blocks<T> {
    fn of(runtime: &Runtime, array: &Array) -> Result<Blocks<T>> {
        let expr = array.expr()?;
        if expr.dtype != T::DTYPE {
            return Err(wrong_dtype("blocks", expr.dtype, T::DTYPE));
        }
        let expr = counted::settled(&expr, Some(runtime))?;
        // what is no loop over stored values would be computed anew for every block
        let expr = if is_loop(&expr) { expr } else { runtime.persist(&Array::from_expr(expr))?.expr()? };
        let most = (runtime.memory_limit_bytes() / LIMIT_SHARE).min(BLOCK_BYTES) / expr.dtype.size() as u64;
        let grid = cut(&expr.chunks, most.max(1));
        Ok(Blocks { runtime: runtime.clone(), expr, grid, next: 0, elements: PhantomData })
    }

    fn compute(&self, number: u64) -> Result<Block<T>> {
        let (start, shape) = self.grid.block(number);
        let slice = |(&first, &n): (&u64, &u64)| Index::Slice(Some(first as i64), Some((first + n) as i64), None);
        let index: Vec<Index> = start.iter().zip(&shape).map(slice).collect();
        let part = Array::from_expr(indexed(&self.expr, &index)?);
        Ok(Block { start, array: self.runtime.compute(&part)? })
    }
}

impl<T: ArrayElement> Iterator for Blocks<T> {
    type Item = Result<Block<T>>;

    /// The next block. After an error there is none.
    fn next(&mut self) -> Option<Result<Block<T>>> {
        if self.next >= self.grid.blocks() {
            return None;
        }
        let block = self.compute(self.next);
        self.next = if block.is_ok() { self.next + 1 } else { self.grid.blocks() };
        Some(block)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // an error ends it early
        let left = usize::try_from(self.grid.blocks() - self.next).ok();
        (left.unwrap_or(usize::MAX).min(1), left)
    }
}

/// Whether any part can be computed from the same part of what is stored: no reduction or product lies below.
fn is_loop(expr: &Expr) -> bool {
    let is_whole = |node: &Expr| {
        matches!(node.op.through(), Through::Stop | Through::Window(_) | Through::Selected { .. }) && !node.op.args().is_empty()
    };
    !postorder(std::slice::from_ref(expr)).iter().any(is_whole)
}

/// Runs of chunks, or parts of them, of at most `most` elements: the last axes whole as far as they go.
pub(super) fn cut(chunks: &ChunkGrid, most: u64) -> ChunkGrid {
    let mut left = most;
    let mut axes: Vec<AxisChunks> = Vec::new();
    let mut room_for_others: u64 = chunks.axes.iter().map(|axis| axis.longest().max(1)).fold(1, u64::saturating_mul);
    for axis in chunks.axes.iter().rev() {
        let longest = axis.longest().max(1);
        room_for_others /= longest;
        // the axes before it keep their chunks if a chunk fits at all; otherwise they are cut, the first one most
        let fits = room_for_others.saturating_mul(longest) <= left;
        let len = if fits { left / room_for_others.max(1) } else { longest.min(left) }.clamp(1, axis.len().max(1));
        let runs = if len >= axis.len() {
            AxisChunks::whole(axis.len())
        } else if len >= longest {
            AxisChunks::regular(axis.len(), len / longest * longest)
        } else {
            AxisChunks::regular(axis.len(), len)
        };
        left = (left / runs.longest().max(1)).max(1);
        axes.insert(0, runs);
    }
    ChunkGrid { axes }
}

/// Iterating with this runtime.
impl Runtime {
    /// As [`Array::blocks`], with this runtime.
    ///
    /// # Errors
    /// As [`Array::blocks`].
    pub fn blocks<T: ArrayElement>(&self, array: &Array) -> Result<Blocks<T>> {
        Blocks::of(self, array)
    }
}

impl Array {
    /// The blocks of the array in C order, each computed when it is asked for: at most an eighth of the memory limit, and
    /// 64 MiB. They follow the array's chunks where these are of such a size. Reductions and products below the array
    /// are computed once, before the first block, and kept in the default runtime's pool, spilled when they must be.
    ///
    /// # Errors
    /// `BadRequest` when the array has another dtype or an error of its own; what computing meets. A block's own error
    /// comes in its place, and ends the iteration.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let x = flagstone::arange(0, 1000, 1, None) * 2;
    /// let mut sum = 0;
    /// for block in x.blocks::<i64>()? {
    ///     sum += block?.array.sum();
    /// }
    /// assert_eq!(sum, 999_000);
    /// # Ok(()) }
    /// ```
    pub fn blocks<T: ArrayElement>(&self) -> Result<Blocks<T>> {
        self.check()?;
        Blocks::of(&Runtime::default_runtime()?, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{axis, from_function};

    fn runtime(limit: &str) -> Runtime {
        Runtime::builder().memory_limit(limit).threads(2).build().unwrap()
    }

    #[test]
    fn blocks_make_up_the_array_and_stay_small() {
        for (shape, chunks, limit) in [
            ([1000, 700], [250, 700], "8MiB"),
            ([1000, 700], [7, 11], "8MiB"),
            ([3, 300_000], [1, 100_000], "8MiB"),
            ([300_000, 3], [100_000, 1], "8MiB"),
            ([1, 1], [1, 1], "64MiB"),
        ] {
            let runtime = runtime(limit);
            let x = from_function(shape, Some(chunks.into()), move |at| (at[0] * shape[1] + at[1]) as f64);
            // a loop, and something that is computed first
            for (y, what) in [(&x + 1.0, "a loop"), (&x - x.mean(axis(0).keepdims()), "a mean")] {
                let want: ArrayD<f64> = Runtime::builder().memory_limit("256MiB").build().unwrap().compute(&y).unwrap();
                let mut got = ArrayD::<f64>::from_elem(want.raw_dim(), f64::NAN);
                for block in runtime.blocks::<f64>(&y).unwrap() {
                    let Block { start, array } = block.unwrap();
                    assert!(array.len() * 8 <= 1 << 20 || array.len() == 1, "{what} of {shape:?}: a block of {:?}", array.shape());
                    for (place, value) in array.indexed_iter() {
                        got[[start[0] as usize + place[0], start[1] as usize + place[1]]] = *value;
                    }
                }
                assert_eq!(got, want, "{what} of {shape:?} in chunks of {chunks:?}");
            }
            assert_eq!(runtime.pool_usage().blocks, 0, "what was computed first is dropped with the iterator");
        }
    }

    #[test]
    fn an_error_ends_the_blocks_and_comes_in_its_place() {
        let x = from_function([64], Some([8].into()), |at| if at[0] == 20 { panic!("no luck") } else { at[0] as f64 });
        let runtime = Runtime::builder().memory_limit("4MiB").threads(1).build().unwrap();
        let blocks = Blocks::<f64> { grid: ChunkGrid::regular(&[64], &[8]), ..runtime.blocks(&x).unwrap() };
        let found: Vec<bool> = blocks.map(|block| block.is_ok()).collect();
        assert_eq!(found, [true, true, false]);
        let wrong = runtime.blocks::<f32>(&x).err().unwrap().to_string();
        assert!(wrong.starts_with("blocks: the array is float64"), "{wrong}");
    }

    #[test]
    fn cuts_hold_runs_of_chunks_or_parts_of_them() {
        let lengths = |shape: &[u64], chunk: &[u64], most: u64| -> Vec<u64> {
            cut(&ChunkGrid::regular(shape, chunk), most).axes.iter().map(AxisChunks::longest).collect()
        };
        assert_eq!(lengths(&[100, 100], &[10, 10], 100), [10, 10]);
        assert_eq!(lengths(&[100, 100], &[10, 10], 999), [10, 90]);
        assert_eq!(lengths(&[100, 100], &[10, 10], 2500), [20, 100]);
        assert_eq!(lengths(&[100, 100], &[100, 100], 50), [1, 50]);
        assert_eq!(lengths(&[100], &[10], 1 << 40), [100]);
        assert_eq!(lengths(&[], &[], 4), [0u64; 0]);
        for (shape, chunk, most) in [([5000, 3, 700], [64, 3, 9], 1000), ([17, 19, 23], [17, 1, 23], 100), ([9, 9, 9], [2, 3, 4], 7)] {
            let longest = lengths(&shape, &chunk, most);
            assert!(longest.iter().product::<u64>() <= most, "{longest:?} over {most}");
        }
    }
}
