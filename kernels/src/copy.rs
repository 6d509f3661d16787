//! View → view of the same elements. Copies between any strides: rows by memcpy, transposes by tiles that
//! touch each cache line once; with the bytes of each element reversed where a file has the other byte order.

use crate::dtype::{DType, Element};
use crate::view::{View, ViewMut};

/// One axis of a pair of strided arrays.
#[derive(Clone, Copy, Debug)]
struct Axis {
    len: usize,
    dst: isize,
    src: isize,
}

/// The axes that matter, outermost first by their destination stride, merged where both sides allow it, and
/// the byte offsets that make every destination stride positive. `None` if there are no elements.
fn axes(shape: &[usize], dst: &[isize], src: &[isize]) -> Option<(Vec<Axis>, isize, isize)> {
    if shape.contains(&0) {
        return None;
    }
    let (mut to, mut from) = (0, 0);
    let mut all: Vec<Axis> = (0..shape.len())
        .filter(|&axis| shape[axis] > 1)
        .map(|axis| {
            let (len, d, s) = (shape[axis], dst[axis], src[axis]);
            if d >= 0 {
                return Axis { len, dst: d, src: s };
            }
            to += (len as isize - 1) * d;
            from += (len as isize - 1) * s;
            Axis { len, dst: -d, src: -s }
        })
        .collect();
    all.sort_by_key(|axis| std::cmp::Reverse(axis.dst));
    let mut merged: Vec<Axis> = Vec::with_capacity(all.len());
    for axis in all {
        let len = axis.len as isize;
        match merged.last_mut() {
            Some(outer) if outer.dst == axis.dst * len && outer.src == axis.src * len => {
                *outer = Axis { len: outer.len * axis.len, ..axis };
            }
            _ => merged.push(axis),
        }
    }
    Some((merged, to, from))
}

/// Calls `each` with the byte offsets of every index of `axes`, in order.
fn for_each_offset(axes: &[Axis], mut each: impl FnMut(isize, isize)) {
    let mut index = vec![0; axes.len()];
    let (mut to, mut from) = (0, 0);
    loop {
        each(to, from);
        let mut axis = axes.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let Axis { len, dst, src } = axes[axis];
            index[axis] += 1;
            if index[axis] < len {
                to += dst;
                from += src;
                break;
            }
            index[axis] = 0;
            to -= (len as isize - 1) * dst;
            from -= (len as isize - 1) * src;
        }
    }
}

/// What is moved at once: an element, whose bytes can be reversed.
trait Word: Copy {
    fn reversed(self) -> Self;
}

macro_rules! words {
    ($($t:ty),*) => {
        $(impl Word for $t {
            fn reversed(self) -> $t {
                self.swap_bytes()
            }
        }

        /// The two parts of a complex number.
        impl Word for [$t; 2] {
            fn reversed(self) -> [$t; 2] {
                self.map(<$t>::swap_bytes)
            }
        })*
    };
}

words!(u8, u16, u32, u64, u128);

/// `dst[i…] = src[i…]`: the same shape and dtype, any strides, of the source 0 as well.
///
/// # Panics
/// If shapes or dtypes differ.
pub fn copy(src: &View, dst: &mut ViewMut) {
    let Some((axes, to, from)) = pair(src, dst) else { return };
    // SAFETY: what `pair` gives enumerates exactly the elements of both views.
    unsafe {
        match src.dtype().size() {
            1 => copy_axes::<u8, false>(&axes, to, from),
            2 => copy_axes::<u16, false>(&axes, to, from),
            4 => copy_axes::<u32, false>(&axes, to, from),
            8 => copy_axes::<u64, false>(&axes, to, from),
            _ => copy_axes::<u128, false>(&axes, to, from),
        }
    }
}

/// As [`copy`], with the bytes of each element reversed; of each part of a complex one.
///
/// # Panics
/// As [`copy`].
pub fn copy_swapped(src: &View, dst: &mut ViewMut) {
    let Some((axes, to, from)) = pair(src, dst) else { return };
    let dtype = src.dtype();
    // SAFETY: as above.
    unsafe {
        match (dtype.real().size(), dtype.is_complex()) {
            (1, _) => copy_axes::<u8, false>(&axes, to, from),
            (2, _) => copy_axes::<u16, true>(&axes, to, from),
            (4, false) => copy_axes::<u32, true>(&axes, to, from),
            (4, true) => copy_axes::<[u32; 2], true>(&axes, to, from),
            (_, false) => copy_axes::<u64, true>(&axes, to, from),
            (_, true) => copy_axes::<[u64; 2], true>(&axes, to, from),
        }
    }
}

/// The axes of both views and where they start; `None` if there are no elements. The views' constructors checked that all
/// elements lie inside their borrows, and a unique and a shared borrow do not overlap.
fn pair(src: &View, dst: &mut ViewMut) -> Option<(Vec<Axis>, *mut u8, *const u8)> {
    assert_eq!(src.shape(), dst.shape(), "copy: the shapes differ");
    assert_eq!(src.dtype(), dst.dtype(), "copy: the dtypes differ");
    let (axes, to, from) = axes(dst.shape(), dst.strides(), src.strides())?;
    Some((axes, dst.ptr().wrapping_offset(to), src.ptr().wrapping_offset(from)))
}

/// # Safety
/// Every element of `axes` from `to` may be written, from `from` may be read; the two do not overlap.
unsafe fn copy_axes<T: Word, const SWAP: bool>(axes: &[Axis], to: *mut u8, from: *const u8) {
    let item = size_of::<T>() as isize;
    let Some((&inner, outer)) = axes.split_last() else {
        // SAFETY: one element, by the caller's promise.
        return unsafe { copy_line::<T, SWAP>(Axis { len: 1, dst: item, src: item }, to, from) };
    };
    if !SWAP && inner.dst == item && inner.src == item {
        let bytes = inner.len * size_of::<T>();
        // SAFETY: a row lies dense on both sides.
        return for_each_offset(outer, |t, f| unsafe { from.offset(f).copy_to_nonoverlapping(to.offset(t), bytes) });
    }
    // the axis along which neighbours lie closest in the source, where that is not `inner`
    let closest = (0..outer.len()).filter(|&at| outer[at].src != 0).min_by_key(|&at| outer[at].src.abs());
    // an `inner` that one tile holds is gone through as by the plain loop
    let alike = |at: usize| at + 1 == outer.len() && inner.len <= side::<T>();
    if let Some(at) = closest.filter(|&at| outer[at].src.abs() < inner.src.abs() && !alike(at)) {
        let mut rest = outer.to_vec();
        let row = rest.remove(at);
        // SAFETY: the plane of `row` and `inner` at each offset of the other axes belongs to the views.
        return for_each_offset(&rest, |t, f| unsafe { copy_tiles::<T, SWAP>(row, inner, to.offset(t), from.offset(f)) });
    }
    // SAFETY: as above, a line of `inner` at a time.
    for_each_offset(outer, |t, f| unsafe { copy_line::<T, SWAP>(inner, to.offset(t), from.offset(f)) });
}

/// # Safety
/// As [`copy_axes`], for the one axis.
unsafe fn copy_line<T: Word, const SWAP: bool>(axis: Axis, to: *mut u8, from: *const u8) {
    for i in 0..axis.len as isize {
        // SAFETY: element i of the axis.
        unsafe {
            let value = from.offset(i * axis.src).cast::<T>().read_unaligned();
            to.offset(i * axis.dst).cast::<T>().write_unaligned(if SWAP { value.reversed() } else { value });
        }
    }
}

/// Elements of a side of a tile.
fn side<T>() -> usize {
    (64 / size_of::<T>()).clamp(8, 32)
}

/// A transpose: neighbours along `row` lie closest in the source, along `inner` in the destination. Tiles of one cache line a side, in
/// supertiles whose pages the TLB holds.
/// # Safety
/// As [`copy_axes`], for the two axes.
unsafe fn copy_tiles<T: Word, const SWAP: bool>(row: Axis, inner: Axis, to: *mut u8, from: *const u8) {
    let side = side::<T>();
    let super_side = 8 * side;
    for row_super in (0..row.len).step_by(super_side) {
        for inner_super in (0..inner.len).step_by(super_side) {
            for row_tile in (row_super..row.len.min(row_super + super_side)).step_by(side) {
                for inner_tile in (inner_super..inner.len.min(inner_super + super_side)).step_by(side) {
                    let line = Axis { len: side.min(inner.len - inner_tile), ..inner };
                    for r in row_tile..row.len.min(row_tile + side) {
                        let t = r as isize * row.dst + inner_tile as isize * inner.dst;
                        let f = r as isize * row.src + inner_tile as isize * inner.src;
                        // SAFETY: row r, elements inner_tile.. of the plane.
                        unsafe { copy_line::<T, SWAP>(line, to.offset(t), from.offset(f)) };
                    }
                }
            }
        }
    }
}

/// Sets every element of `dst` to `value`, one element in native byte order.
///
/// # Panics
/// If `value` is not one element of the view's dtype.
pub fn fill(value: &[u8], dst: &mut ViewMut) {
    let dtype = dst.dtype();
    assert_eq!(value.len(), dtype.size(), "fill: the value is no {dtype}");
    let zeros = vec![0; dst.shape().len()];
    let Some((axes, to, _)) = axes(dst.shape(), dst.strides(), &zeros) else { return };
    let to = dst.ptr().wrapping_offset(to);
    let from = value.as_ptr();
    // SAFETY: the axes enumerate the elements of `dst`; the source is one element with stride 0.
    unsafe {
        match value.len() {
            1 => fill_axes::<u8>(&axes, to, from),
            2 => fill_axes::<u16>(&axes, to, from),
            4 => fill_axes::<u32>(&axes, to, from),
            8 => fill_axes::<u64>(&axes, to, from),
            _ => fill_axes::<u128>(&axes, to, from),
        }
    }
}

/// # Safety
/// Every element of `axes` from `to` may be written; `from` holds one element.
unsafe fn fill_axes<T: Copy>(axes: &[Axis], to: *mut u8, from: *const u8) {
    // SAFETY: one element, by the caller's promise.
    let value = unsafe { from.cast::<T>().read_unaligned() };
    let (inner, outer) = match axes.split_last() {
        Some((&inner, outer)) => (inner, outer),
        None => (Axis { len: 1, dst: 0, src: 0 }, axes),
    };
    let dense = inner.dst == size_of::<T>() as isize;
    for_each_offset(outer, |t, _| {
        for i in 0..inner.len as isize {
            let step = if dense { size_of::<T>() as isize } else { inner.dst };
            // SAFETY: element i of the line at this offset.
            unsafe { to.offset(t + i * step).cast::<T>().write_unaligned(value) };
        }
    });
}

/// Reverses the bytes of each element in place; of each part of a complex one.
///
/// # Panics
/// If `bytes` is no whole number of elements.
pub fn swap_bytes(dtype: DType, bytes: &mut [u8]) {
    assert!(bytes.len().is_multiple_of(dtype.size()), "swap_bytes: {} bytes are no whole {dtype}", bytes.len());
    fn swap<const N: usize>(bytes: &mut [u8]) {
        bytes.as_chunks_mut::<N>().0.iter_mut().for_each(|part| part.reverse());
    }
    match dtype.real().size() {
        2 => swap::<2>(bytes),
        4 => swap::<4>(bytes),
        8 => swap::<8>(bytes),
        _ => {}
    }
}

impl View<'_> {
    /// All elements in C order; `None` for another type than the view's.
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        if T::DTYPE != self.dtype() {
            return None;
        }
        if let Some(dense) = self.as_slice::<T>() {
            return Some(dense.to_vec());
        }
        let mut values = vec![T::default(); self.shape().iter().product()];
        copy(self, &mut ViewMut::dense(bytemuck::cast_slice_mut(&mut values), self.dtype(), self.shape()));
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A view's geometry in a buffer of its own: axes in some order of memory, padded, some reversed.
    fn layout(shape: &[usize], order: u64, pad: usize, flips: u32, item: usize) -> (Vec<isize>, isize, usize) {
        let n = shape.len();
        let mut places: Vec<usize> = (0..n).collect();
        places.rotate_left(order as usize % n.max(1));
        if order & 64 != 0 {
            places.reverse();
        }
        let (mut strides, mut step) = (vec![0; n], item * (1 + pad % 3));
        for &axis in &places {
            strides[axis] = step as isize;
            step = step * shape[axis].max(1) + pad;
        }
        let mut offset = 1; // never aligned
        for axis in 0..n {
            if flips >> axis & 1 == 1 && shape[axis] > 0 {
                offset += strides[axis] * (shape[axis] as isize - 1);
                strides[axis] = -strides[axis];
            }
        }
        (strides, offset, step + 2 + item)
    }

    fn offsets(shape: &[usize], strides: &[isize], offset: isize) -> Vec<usize> {
        let mut all = vec![offset];
        for (&n, &s) in shape.iter().zip(strides) {
            all = all.iter().flat_map(|o| (0..n as isize).map(move |i| o + i * s)).collect();
        }
        all.into_iter().map(|o| o as usize).collect()
    }

    proptest! {
        #[test]
        fn copies_and_fills_are_elementwise(
            shape in prop::collection::vec(0usize..20, 0..4), which in 0usize..15,
            orders in (0u64..128, 0u64..128), pads in (0usize..5, 0usize..5), flips in (0u32..16, 0u32..16),
        ) {
            let dtype = DType::ALL[which];
            let item = dtype.size();
            let (src_strides, src_offset, src_len) = layout(&shape, orders.0, pads.0, flips.0, item);
            let (dst_strides, dst_offset, dst_len) = layout(&shape, orders.1, pads.1, flips.1, item);
            let src: Vec<u8> = (0..src_len).map(|i| (i * 7 + i / 251) as u8).collect();
            let mut got = vec![0xAA; dst_len];
            let (mut want, mut filled_want) = (got.clone(), got.clone());
            let mut filled = got.clone();
            let from = offsets(&shape, &src_strides, src_offset);
            let value: Vec<u8> = (1..=item as u8).collect();
            for (f, t) in from.iter().zip(offsets(&shape, &dst_strides, dst_offset)) {
                want[t..t + item].copy_from_slice(&src[*f..f + item]);
                filled_want[t..t + item].copy_from_slice(&value);
            }
            let view = View::strided(&src, dtype, &shape, &src_strides, src_offset);
            copy(&view, &mut ViewMut::strided(&mut got, dtype, &shape, &dst_strides, dst_offset));
            prop_assert_eq!(&got, &want);
            for t in offsets(&shape, &dst_strides, dst_offset) {
                swap_bytes(dtype, &mut want[t..t + item]);
            }
            copy_swapped(&view, &mut ViewMut::strided(&mut got, dtype, &shape, &dst_strides, dst_offset));
            prop_assert_eq!(got, want);
            fill(&value, &mut ViewMut::strided(&mut filled, dtype, &shape, &dst_strides, dst_offset));
            prop_assert_eq!(filled, filled_want);
        }
    }

    #[test]
    fn large_transposes_cross_tiles_and_supertiles() {
        for dtype in [DType::U8, DType::F16, DType::F32, DType::F64, DType::C128] {
            let (rows, cols, item) = (301, 267, dtype.size());
            let src: Vec<u8> = (0..rows * cols * item).map(|i| (i % 253) as u8).collect();
            let mut got = vec![0; src.len()];
            let strides = [item as isize, (cols * item) as isize];
            copy(&View::strided(&src, dtype, &[cols, rows], &strides, 0), &mut ViewMut::dense(&mut got, dtype, &[cols, rows]));
            for c in 0..cols {
                for r in 0..rows {
                    assert_eq!(got[(c * rows + r) * item..][..item], src[(r * cols + c) * item..][..item]);
                }
            }
        }
    }

    #[test]
    fn bytes_swap_by_part() {
        let mut bytes: Vec<u8> = (0..16).collect();
        swap_bytes(DType::C64, &mut bytes);
        assert_eq!(bytes[..8], [3, 2, 1, 0, 7, 6, 5, 4]);
        swap_bytes(DType::F64, &mut bytes);
        assert_eq!(bytes[..8], [4, 5, 6, 7, 0, 1, 2, 3]);
        let before = bytes.clone();
        swap_bytes(DType::Bool, &mut bytes);
        assert_eq!(bytes, before);
    }
}
