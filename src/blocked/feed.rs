//! What a loop over blocks reads and computes: leaves (stores, blocks of products, generators) and the
//! elementwise program over them. Every stage that evaluates an expression does it through a [`Feed`].

use super::task_box::TaskBox;
use crate::error::Result;
use crate::events::Counters;
use crate::expr::{Affine, Follow};
use crate::grid::{AxisChunks, BlockId, ChunkGrid, Region};
use crate::memory::BlockKey;
use crate::plan::TaskSpec;
use crate::store::Store;
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::program::Program;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use std::sync::Arc;

/// Where an input's elements are.
#[derive(Clone, Debug)]
pub enum Data {
    /// In a store: each task reads the region it needs.
    Store(Arc<dyn Store>),
    /// In blocks of the memory pool, cut by the grid.
    Blocks {
        /// The product's number.
        product: u64,
        /// How the product is cut.
        grid: ChunkGrid,
    },
}

/// One input of the program: slot `i` of the views given to it.
#[derive(Clone, Debug)]
pub struct Input {
    /// Where the elements are.
    pub data: Data,
    /// Which element each place of the loop sees.
    pub view: Affine,
    /// Their dtype.
    pub dtype: DType,
}

/// A loop of `shape` over an elementwise program and its inputs.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Lengths of the loop's axes.
    pub shape: Vec<u64>,
    /// What the program reads.
    pub inputs: Vec<Input>,
    /// What is computed at each place.
    pub program: Program,
}

/// Scratch is handed out in pieces of this alignment.
const ALIGN: u64 = 64;

fn aligned(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(ALIGN).unwrap_or(u64::MAX - ALIGN + 1)
}

/// Splits `bytes` off the front of `scratch`, leaving the rest aligned.
///
/// # Panics
/// If the scratch is shorter: a defect of the stage that described it.
pub fn carve<'a>(scratch: &mut &'a mut [u8], bytes: u64) -> &'a mut [u8] {
    let (front, rest) = std::mem::take(scratch).split_at_mut(aligned(bytes) as usize);
    *scratch = rest;
    &mut front[..bytes as usize]
}

/// The bytes that [`carve`] takes.
pub fn carved_bytes(bytes: u64) -> u64 {
    aligned(bytes)
}

/// The places `0..len` along a loop axis that see an element inside of `start..start + n`.
pub fn places_inside(f: &Follow, len: u64, start: u64, n: u64) -> Option<(u64, u64)> {
    let (low, high) = (start as i64, (start + n) as i64);
    if f.axis.is_none() || f.step == 0 {
        return (low <= f.start && f.start < high).then_some((0, len));
    }
    // smallest and largest c with low <= f.start + f.step·c < high
    let (first, end) = if f.step > 0 {
        ((low - f.start + f.step - 1).div_euclid(f.step), (high - f.start + f.step - 1).div_euclid(f.step))
    } else {
        let s = -f.step;
        ((f.start - high).div_euclid(s) + 1, (f.start - low).div_euclid(s) + 1)
    };
    let (first, end) = (first.max(0) as u64, end.clamp(0, len as i64) as u64);
    (first < end).then(|| (first, end - first))
}

/// The blocks along one axis that `len` places see, and what is as far `around` them, below and above, ascending.
fn blocks_seen(chunks: &AxisChunks, f: &Follow, len: u64, around: (u64, u64)) -> Vec<u64> {
    if len == 0 || chunks.is_empty() {
        return Vec::new();
    }
    let last = if f.axis.is_some() { f.start + f.step * (len as i64 - 1) } else { f.start };
    let (low, high) = (f.start.min(last) as u64 - around.0, f.start.max(last) as u64 + around.1);
    let seen = |b: &u64| places_around(f, len, chunks.chunk(*b), around).is_some();
    (chunks.find(low)..=chunks.find(high)).filter(seen).collect()
}

/// As [`places_inside`], where each place sees what is so far below and above it, too.
fn places_around(f: &Follow, len: u64, (start, n): (u64, u64), (below, above): (u64, u64)) -> Option<(u64, u64)> {
    // seen from above the start of the axis, so that nothing lies below it
    let up = Follow { start: f.start + above as i64, ..*f };
    places_inside(&up, len, start, n + below + above)
}

impl Input {
    fn axis_len(f: &Follow, shape: &[u64]) -> u64 {
        f.axis.map_or(1, |axis| shape[axis])
    }

    /// For each source axis, the blocks that the box sees.
    fn seen(grid: &ChunkGrid, part: &Affine) -> Vec<Vec<u64>> {
        let axes = part.source.iter().zip(&grid.axes).enumerate();
        axes.map(|(at, (f, chunks))| blocks_seen(chunks, f, Self::axis_len(f, &part.shape), part.slid(at))).collect()
    }

    fn held_bytes(&self, part: &Affine) -> u64 {
        part.region().elements() * self.dtype.size() as u64
    }
}

/// Calls `f` with every combination of one entry from each list, the last list fastest.
fn product(lists: &[Vec<u64>], mut f: impl FnMut(&[u64])) {
    if lists.iter().any(Vec::is_empty) {
        return;
    }
    let mut at = vec![0usize; lists.len()];
    let mut values: Vec<u64> = lists.iter().map(|list| list[0]).collect();
    loop {
        f(&values);
        let mut axis = lists.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            at[axis] += 1;
            if at[axis] < lists[axis].len() {
                values[axis] = lists[axis][at[axis]];
                break;
            }
            at[axis] = 0;
            values[axis] = lists[axis][0];
        }
    }
}

impl Feed {
    /// The products it reads, each once.
    pub fn products(&self) -> Vec<u64> {
        let mut products: Vec<u64> = self
            .inputs
            .iter()
            .filter_map(|input| match &input.data {
                Data::Blocks { product, .. } => Some(*product),
                Data::Store(_) => None,
            })
            .collect();
        products.sort_unstable();
        products.dedup();
        products
    }

    /// Adds the blocks that the box at `start` of `shape` reads.
    pub fn describe(&self, start: &[u64], shape: &[u64], spec: &mut TaskSpec) {
        for input in &self.inputs {
            let Data::Blocks { product: id, grid } = &input.data else { continue };
            let counts = grid.counts();
            product(&Input::seen(grid, &input.view.part_with_slides(start, shape)), |index| {
                spec.reads.push(BlockKey { product: *id, block: crate::grid::ravel(index, &counts) });
            });
        }
    }

    /// For each input that sees `block` of `product`, the places along every loop axis where it does: first and number.
    pub fn places_of(&self, product: u64, block: BlockId) -> impl Iterator<Item = Vec<(u64, u64)>> {
        self.inputs.iter().filter_map(move |input| {
            let Data::Blocks { product: id, grid } = &input.data else { return None };
            if *id != product {
                return None;
            }
            let (start, shape) = grid.block(block);
            let mut places: Vec<(u64, u64)> = self.shape.iter().map(|&n| (0, n)).collect();
            for (axis, f) in input.view.source.iter().enumerate() {
                let len = Input::axis_len(f, &self.shape);
                let seen = places_around(f, len, (start[axis], shape[axis]), input.view.slid(axis))?;
                if let Some(to) = f.axis.filter(|_| f.step != 0) {
                    places[to] = seen;
                }
            }
            Some(places)
        })
    }

    /// For each input that sees `block` of `product`, the boxes of `cuts` where it does: first and number along
    /// every loop axis.
    pub fn reading(&self, cuts: &[AxisChunks], product: u64, block: BlockId) -> impl Iterator<Item = Vec<(u64, u64)>> {
        let boxes = |(&(first, n), cuts): (&(u64, u64), &AxisChunks)| {
            let low = cuts.find(first);
            // of an axis without an element there is no box
            (low, if n == 0 { 0 } else { cuts.find(first + n - 1) - low + 1 })
        };
        self.places_of(product, block).map(move |places| places.iter().zip(cuts).map(boxes).collect())
    }

    /// Tells the stores that a box will be read soon.
    pub fn prefetch(&self, start: &[u64], shape: &[u64]) {
        for input in &self.inputs {
            if let Data::Store(store) = &input.data {
                store.prefetch(&input.view.part(start, shape).region());
            }
        }
    }

    /// Brings in what `task_box` needs: one view an input. Takes its memory from the front of `scratch`.
    ///
    /// # Errors
    /// What stores refuse.
    pub fn load_box<'a>(
        &self,
        task_box: &TaskBox,
        reads: &[&'a [u8]],
        scratch: &mut &'a mut [u8],
        counters: &Counters,
    ) -> Result<Vec<View<'a>>> {
        self.load((&task_box.start, &task_box.shape), &task_box.start, &task_box.shape, reads, scratch, counters)
    }

    /// Brings in what the box at `start` of `shape` needs: one view an input, of the box's shape. `task` is
    /// the box that `reads` was described for; this box lies inside of it. Takes its memory from
    /// the front of `scratch`.
    ///
    /// # Errors
    /// What stores refuse.
    pub fn load<'a>(
        &self,
        task: (&[u64], &[u64]),
        start: &[u64],
        shape: &[u64],
        reads: &[&'a [u8]],
        scratch: &mut &'a mut [u8],
        counters: &Counters,
    ) -> Result<Vec<View<'a>>> {
        let mut views = Vec::with_capacity(self.inputs.len());
        let mut first_read = 0;
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        for input in &self.inputs {
            let item = input.dtype.size();
            let part = input.view.part(start, shape);
            match &input.data {
                Data::Store(store) => {
                    let region = part.region();
                    let held = carve(scratch, input.held_bytes(&part));
                    let held_shape: Vec<usize> = region.shape().iter().map(|&n| n as usize).collect();
                    let mut out = ViewMut::dense(held, input.dtype, &held_shape);
                    // decoding scratch is shared by all inputs: it stays at the front for the next one
                    let moved = store.read(&region, &mut out, scratch)?;
                    Counters::add(&counters.read_bytes, moved.stored_bytes);
                    Counters::add(&counters.decoded_bytes, moved.decoded_bytes);
                    let (strides, offset) = part.strides(item);
                    views.push(View::strided(held, input.dtype, &local, &strides, offset));
                }
                Data::Blocks { grid, .. } => {
                    let whole = Input::seen(grid, &input.view.part_with_slides(task.0, task.1));
                    let count: usize = whole.iter().map(Vec::len).product();
                    let blocks = &reads[first_read..first_read + count];
                    first_read += count;
                    views.push(gather(input, grid, &part, &whole, blocks, &local, scratch));
                }
            }
        }
        Ok(views)
    }
}

/// A view of the box over one block where it lies in one, else over a dense copy.
fn gather<'a>(
    input: &Input,
    grid: &ChunkGrid,
    part: &Affine,
    whole: &[Vec<u64>],
    blocks: &[&'a [u8]],
    local: &[usize],
    scratch: &mut &'a mut [u8],
) -> View<'a> {
    let item = input.dtype.size();
    let seen = Input::seen(grid, part);
    let lists: Vec<u64> = whole.iter().map(|axis| axis.len() as u64).collect();
    let block_of = |index: &[u64]| -> &'a [u8] {
        let at: Vec<u64> = index.iter().zip(whole).map(|(i, axis)| axis.binary_search(i).unwrap_or(0) as u64).collect();
        blocks[crate::grid::ravel(&at, &lists) as usize]
    };
    let extent = |index: &[u64]| -> (Vec<u64>, Vec<usize>) {
        index.iter().zip(&grid.axes).map(|(&i, axis)| axis.chunk(i)).map(|(s, n)| (s, n as usize)).unzip()
    };
    if local.contains(&0) {
        return View::strided(&[], input.dtype, local, &vec![0; local.len()], 0);
    }
    if seen.iter().all(|axis| axis.len() == 1) {
        let index: Vec<u64> = seen.iter().map(|axis| axis[0]).collect();
        let (start, shape) = extent(&index);
        let dense = dense_strides(&shape, item);
        let mut strides = vec![0isize; local.len()];
        let mut offset = 0isize;
        for (axis, f) in part.source.iter().enumerate() {
            offset += (f.start - start[axis] as i64) as isize * dense[axis];
            if let Some(loop_axis) = f.axis {
                strides[loop_axis] += f.step as isize * dense[axis];
            }
        }
        for slide in &part.slides {
            strides[slide.axis] += slide.step as isize * dense[slide.source];
        }
        return View::strided(block_of(&index), input.dtype, local, &strides, offset);
    }
    let region: Region = part.region();
    let held = carve(scratch, input.held_bytes(part));
    let held_shape: Vec<usize> = region.shape().iter().map(|&n| n as usize).collect();
    let mut out = ViewMut::dense(held, input.dtype, &held_shape);
    product(&seen, |index| {
        let (start, shape) = extent(index);
        let dense = dense_strides(&shape, item);
        let mut to = vec![0usize; index.len()];
        let mut count = vec![0usize; index.len()];
        let mut strides = vec![0isize; index.len()];
        let mut offset = 0isize;
        for axis in 0..index.len() {
            let span = region.0[axis];
            let f = Follow { start: span.start as i64, step: span.step as i64, axis: Some(axis) };
            // between the steps of windows
            let Some((first, n)) = places_inside(&f, span.len, start[axis], shape[axis] as u64) else { return };
            to[axis] = first as usize;
            count[axis] = n as usize;
            strides[axis] = span.step as isize * dense[axis];
            offset += (span.start + span.step * first - start[axis]) as isize * dense[axis];
        }
        let from = View::strided(block_of(index), input.dtype, &count, &strides, offset);
        copy(&from, &mut out.part(&to, &count));
    });
    let (strides, offset) = part.strides(item);
    View::strided(held, input.dtype, local, &strides, offset)
}
