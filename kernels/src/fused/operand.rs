//! Operands of a tile: where it lies dense, it is used in place; else it is packed into scratch.

use super::code::LeafBuffer;
use super::pack::{pack, panel_pitch, panel_rows};
use super::space::Space;
use crate::dtype::{DType, Scalar};
use crate::generate::Generator;
use crate::program::Leaf;
use crate::reduce::TILE;
use crate::view::View;
use crate::with_element;

/// A tile's place in the loop.
pub(super) struct Place {
    pub index: Vec<usize>,
    pub at: usize,
    pub n: usize,
}

impl Place {
    /// Calls `body(index, done, n)` for each run of places along the innermost axis.
    fn runs(&self, space: &Space, mut body: impl FnMut(&[usize], usize, usize)) {
        let inner = space.inner();
        let last = space.shape.len() - 1;
        if self.index[last] + self.n <= inner {
            return body(&self.index, 0, self.n);
        }
        let mut index = self.index.clone();
        let mut done = 0;
        while done < self.n {
            let n = (inner - index[last]).min(self.n - done);
            body(&index, done, n);
            done += n;
            index[last] = 0;
            for axis in (0..last).rev() {
                index[axis] += 1;
                if index[axis] < space.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }
}

pub(super) fn alignment(dtype: DType) -> usize {
    with_element!(dtype, T => align_of::<T>())
}

/// Writes `n` values `stride` bytes apart.
///
/// # Safety
/// All of them can be read at `from`, and written from `to` on.
unsafe fn scatter<T>(from: *const u8, to: *mut u8, n: usize, stride: isize) {
    for i in 0..n {
        // SAFETY: as the caller says; neither side need be aligned.
        unsafe { to.offset(i as isize * stride).cast::<T>().write_unaligned(from.cast::<T>().add(i).read_unaligned()) }
    }
}

/// Where a leaf's values come from.
enum From<'a> {
    View { base: *const u8 },
    Constant { value: Scalar, dtype: DType },
    Generator { generator: &'a Generator, first: i64 },
}

/// A leaf bound to its data.
pub(super) struct Source<'a> {
    from: From<'a>,
    size: usize,
    aligned: usize,
    dense: usize,
    tile: *mut u8,
    panel: *mut u8,
    /// The axis next to the innermost is dense while the innermost is not: pack several rows at once.
    paneled: bool,
    /// What the panel holds: its first address and how many columns.
    packed: (*const u8, usize),
    /// What the tile holds, if it is one value over and over: its address and how many.
    filled: (*const u8, usize),
}

impl<'a> Source<'a> {
    /// The leaf and its strides along the loop's axes.
    pub(super) fn new(leaf: &'a Leaf, origin: &[u64], shape: &[usize], inputs: &[View]) -> (Source<'a>, Vec<isize>) {
        let (from, dtype, strides) = match leaf {
            Leaf::Input { slot, dtype } => {
                let view = &inputs[*slot];
                assert!(
                    view.shape() == shape && view.dtype() == *dtype,
                    "fused: input {slot} is {shape:?} {dtype}, given {:?} {}",
                    view.shape(),
                    view.dtype()
                );
                (From::View { base: view.ptr() }, *dtype, view.strides().to_vec())
            }
            Leaf::Constant { value, dtype } => (From::Constant { value: *value, dtype: *dtype }, *dtype, vec![0; shape.len()]),
            Leaf::Generate { generator, axes } => {
                let (mut first, steps) = generator.affine();
                let mut strides = vec![0isize; shape.len()];
                for (follow, step) in axes.iter().zip(&steps) {
                    let mut start = follow.start;
                    if let Some(axis) = follow.axis {
                        start = start.wrapping_add(follow.step.wrapping_mul(origin[axis] as i64));
                        strides[axis] = strides[axis].wrapping_add(follow.step.wrapping_mul(*step) as isize);
                    }
                    first = first.wrapping_add(start.wrapping_mul(*step));
                }
                (From::Generator { generator, first }, generator.dtype(), strides)
            }
        };
        let null = std::ptr::null_mut();
        let source = Source {
            from,
            size: dtype.size(),
            aligned: alignment(dtype),
            dense: 1,
            tile: null,
            panel: null,
            paneled: false,
            packed: (null, 0),
            filled: (null, 0),
        };
        (source, strides)
    }

    /// Gives it its scratch, and learns how it lies in the loop.
    pub(super) fn bind(&mut self, space: &Space, leaf: usize, scratch: *mut u8, room: &LeafBuffer) {
        // SAFETY: offsets lie inside the scratch.
        unsafe {
            self.tile = scratch.add(room.tile);
            self.panel = scratch.add(room.panel);
        }
        if let From::Constant { value, dtype } = self.from {
            let n = space.len().min(TILE);
            // SAFETY: the tile has room, and nothing else refers to it now.
            let out = unsafe { std::slice::from_raw_parts_mut(self.tile, n * self.size) };
            for element in out.chunks_exact_mut(self.size) {
                value.write(dtype, element);
            }
        }
        if let From::View { base } = self.from {
            self.dense = space.dense_len(leaf, self.size);
            if !(base as usize).is_multiple_of(self.aligned)
                || space.strides[leaf].iter().any(|s| !s.unsigned_abs().is_multiple_of(self.aligned))
            {
                self.dense = 0;
            }
            let axes = space.shape.len();
            let size = self.size as isize;
            let inner = space.strides[leaf][axes - 1];
            self.paneled = axes >= 2
                && inner != 0
                && inner != size
                && space.strides[leaf][axes - 2] == size
                && space.shape[axes - 2] >= 2
                && space.inner() >= 16
                && (space.inner() <= TILE || !(space.reduced[axes - 1] && space.reduced[axes - 2]));
        }
    }

    pub(super) fn has_panel(&self) -> bool {
        self.paneled
    }

    /// A pointer to the tile's values.
    pub(super) fn load(&mut self, space: &Space, leaf: usize, place: &Place) -> *const u8 {
        match self.from {
            From::Constant { .. } => {}
            From::Generator { generator, first } => {
                let step = *space.strides[leaf].last().unwrap() as i64;
                place.runs(space, |index, done, n| {
                    let at = first.wrapping_add(space.offset(leaf, index) as i64);
                    // SAFETY: a tile has room for TILE elements; nothing else refers to it now.
                    let out = unsafe { std::slice::from_raw_parts_mut(self.tile.add(done * self.size), n * self.size) };
                    generator.fill_flat(at, step, out);
                });
            }
            From::View { base } => return self.load_view(space, leaf, place, base),
        }
        self.tile
    }

    fn load_view(&mut self, space: &Space, leaf: usize, place: &Place, base: *const u8) -> *const u8 {
        let size = self.size;
        let from = base.wrapping_offset(space.offset(leaf, &place.index));
        if self.dense > 0 && (place.n == 1 || place.at % self.dense + place.n <= self.dense) {
            return from;
        }
        let last = space.shape.len() - 1;
        let stride = space.strides[leaf][last];
        let one_run = place.index[last] + place.n <= space.inner();
        if one_run && stride == 0 {
            if self.filled.0 != from || self.filled.1 < place.n {
                // SAFETY: `from` is an element of the view; the tile has room.
                unsafe { gather(from, 0, self.tile, place.n, size) };
                self.filled = (from, place.n);
            }
            return self.tile;
        }
        if one_run && self.paneled && (space.inner() > TILE || place.n == space.inner()) {
            return self.packed_row(space, place.index[last - 1], from, stride, place.n);
        }
        self.filled = (std::ptr::null(), 0);
        place.runs(space, |index, done, n| {
            let mut from = base.wrapping_offset(space.offset(leaf, index));
            let mut stride = stride;
            if self.paneled && space.inner() <= TILE {
                let row = from.wrapping_offset(-(index[last] as isize * stride));
                from = self.packed_row(space, index[last - 1], row, stride, space.inner()).wrapping_add(index[last] * size);
                stride = size as isize;
            }
            // SAFETY: n elements of the view along its inner axis; the tile has room.
            unsafe { gather(from, stride, self.tile.add(done * size), n, size) };
        });
        self.tile
    }

    /// The `n` elements from `from` on, `stride` bytes apart, dense: packed with the rows next to them, of
    /// which this is number `row`.
    fn packed_row(&mut self, space: &Space, row: usize, from: *const u8, stride: isize, n: usize) -> *const u8 {
        let rows = panel_rows(self.size);
        let first = from.wrapping_sub(row % rows * self.size);
        if self.packed != (first, n) {
            let rows = rows.min(space.shape[space.shape.len() - 2] - (row - row % rows));
            // SAFETY: rows × n elements of the view; the panel has room for a tile a row.
            unsafe { pack(first, stride, self.panel, rows, n, self.size) };
            self.packed = (first, n);
        }
        self.panel.wrapping_add(row % rows * panel_pitch(self.size))
    }
}

/// Copies `n` elements of `size` bytes, `stride` bytes apart, to dense ones.
///
/// # Safety
/// The elements can be read, `to` has room and is aligned to `size` (8 at most).
unsafe fn gather(from: *const u8, stride: isize, to: *mut u8, n: usize, size: usize) {
    unsafe fn each<T: Copy>(from: *const u8, stride: isize, to: *mut u8, n: usize) {
        // SAFETY: the caller's.
        unsafe {
            let to = to.cast::<T>();
            if stride == 0 {
                let value = from.cast::<T>().read_unaligned();
                for i in 0..n {
                    to.add(i).write(value);
                }
                return;
            }
            for i in 0..n {
                to.add(i).write(from.offset(i as isize * stride).cast::<T>().read_unaligned());
            }
        }
    }
    // SAFETY: the caller's.
    unsafe {
        if stride == size as isize {
            return from.copy_to_nonoverlapping(to, n * size);
        }
        match size {
            1 => each::<u8>(from, stride, to, n),
            2 => each::<u16>(from, stride, to, n),
            4 => each::<u32>(from, stride, to, n),
            8 => each::<u64>(from, stride, to, n),
            _ => each::<[u64; 2]>(from, stride, to, n),
        }
    }
}

/// An output.
pub(super) struct Sink {
    pub base: *mut u8,
    pub size: usize,
    pub alignment: usize,
}

impl Sink {
    /// Where the tile lies in the output, if dense there and aligned.
    pub(super) fn direct(&self, space: &Space, k: usize, place: &Place) -> Option<*mut u8> {
        let dense = space.dense_len(k, self.size);
        let to = self.base.wrapping_offset(space.offset(k, &place.index));
        (place.at % dense + place.n <= dense && (to as usize).is_multiple_of(self.alignment)).then_some(to)
    }

    /// Writes the tile, unless it was computed in place.
    ///
    /// # Safety
    /// `values` points at the tile's elements.
    pub(super) unsafe fn store(&self, space: &Space, k: usize, place: &Place, values: *const u8) {
        if self.direct(space, k, place).is_some_and(|to| values == to.cast_const()) {
            return;
        }
        let stride = *space.strides[k].last().unwrap();
        place.runs(space, |index, done, n| {
            let to = self.base.wrapping_offset(space.offset(k, index));
            // SAFETY: places of the output's view, which nothing else borrows; the tile holds the values.
            unsafe {
                let from = values.add(done * self.size);
                if stride == self.size as isize {
                    return from.copy_to_nonoverlapping(to, n * self.size);
                }
                match self.size {
                    1 => scatter::<u8>(from, to, n, stride),
                    2 => scatter::<u16>(from, to, n, stride),
                    4 => scatter::<u32>(from, to, n, stride),
                    8 => scatter::<u64>(from, to, n, stride),
                    _ => scatter::<u128>(from, to, n, stride),
                }
            }
        });
    }
}
