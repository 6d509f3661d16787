//! Strided bytes → strided bytes: the one place where stores move elements between layouts.
//!
//! Sources may be broadcast (stride 0), permuted or of the other byte order; bool bytes are made 0 or 1.

use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut, dense_strides};

/// Where elements are and how far apart, by axis. Strides are in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) ptr: *mut u8,
    pub(crate) strides: Vec<isize>,
}

impl Place {
    /// The elements of `out`, with its axes in `order` (axis i is `out`'s axis `order[i]`).
    pub(crate) fn of(out: &mut ViewMut<'_>, order: Option<&[usize]>) -> Place {
        let strides = match order {
            Some(order) => order.iter().map(|&axis| out.strides()[axis]).collect(),
            None => out.strides().to_vec(),
        };
        Place { ptr: out.ptr(), strides }
    }
}

/// Bytes that are swapped together when the byte order differs: a complex number is two floats.
fn swap_unit(dtype: DType) -> usize {
    dtype.real().size()
}

/// Copies `src` to `dst`, swapping the byte order of every element if `swap`.
///
/// # Panics
/// If shapes or dtypes differ.
pub(crate) fn copy(src: &View<'_>, dst: &mut ViewMut<'_>, swap: bool) {
    assert_eq!(src.shape(), dst.shape(), "copy: shapes differ");
    assert_eq!(src.dtype(), dst.dtype(), "copy: dtypes differ");
    let place = Place::of(dst, None);
    // SAFETY: both views hold all elements of the shape inside their borrows; a shared and a unique
    // borrow do not overlap.
    unsafe { copy_raw(src.ptr(), src.strides(), &place, src.shape(), src.dtype(), swap) }
}

/// Sets every element of `dst` to `element` (native bytes of one element).
pub(crate) fn fill(element: &[u8], dst: &mut ViewMut<'_>) {
    let zeros = vec![0; dst.shape().len()];
    let src = View::strided(element, dst.dtype(), dst.shape(), &zeros, 0);
    copy(&src, dst, false);
}

/// Makes every byte of a bool array 0 or 1, whatever the file held.
pub(crate) fn normalise_bool(out: &mut ViewMut<'_>) {
    if out.dtype() != DType::Bool {
        return;
    }
    each_run(out, |bytes| bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0)));
}

/// Calls `f` with the bytes of all elements: of all at once where they lie dense, else of one after the other.
pub(crate) fn each_run(out: &mut ViewMut<'_>, mut f: impl FnMut(&mut [u8])) {
    if let Some(bytes) = dense_bytes(out) {
        return f(bytes);
    }
    let item = out.dtype().size();
    let shape = out.shape().to_vec();
    if shape.contains(&0) {
        return;
    }
    let strides = out.strides().to_vec();
    let mut place = vec![0; shape.len()];
    loop {
        let offset: isize = place.iter().zip(&strides).map(|(&i, &s)| i as isize * s).sum();
        // SAFETY: `place` is inside the view's shape, whose elements lie inside its borrow.
        f(unsafe { std::slice::from_raw_parts_mut(out.ptr().offset(offset), item) });
        if !advance(&mut place, &shape) {
            return;
        }
    }
}

/// The next place in C order; false past the last.
pub(crate) fn advance(place: &mut [usize], shape: &[usize]) -> bool {
    for axis in (0..shape.len()).rev() {
        place[axis] += 1;
        if place[axis] < shape[axis] {
            return true;
        }
        place[axis] = 0;
    }
    false
}

/// Whether elements with `strides` lie dense in C order.
pub(crate) fn is_dense(shape: &[usize], strides: &[isize], item: usize) -> bool {
    let dense = dense_strides(shape, item);
    shape.iter().zip(strides.iter().zip(&dense)).all(|(&n, (a, b))| n <= 1 || a == b)
}

/// The bytes of `out`, if its elements lie dense in C order.
pub(crate) fn dense_bytes<'a>(out: &'a mut ViewMut<'_>) -> Option<&'a mut [u8]> {
    let item = out.dtype().size();
    let len = out.shape().iter().product::<usize>() * item;
    if len == 0 {
        return Some(&mut []);
    }
    if !is_dense(out.shape(), out.strides(), item) {
        return None;
    }
    // SAFETY: dense, and the constructor checked that all elements lie inside the unique borrow, which
    // `'a` keeps.
    Some(unsafe { std::slice::from_raw_parts_mut(out.ptr(), len) })
}

/// The bytes of `data`, if its elements lie dense in C order.
pub(crate) fn dense_source<'a>(data: &View<'a>) -> Option<&'a [u8]> {
    let item = data.dtype().size();
    let len = data.shape().iter().product::<usize>() * item;
    if len == 0 {
        return Some(&[]);
    }
    if !is_dense(data.shape(), data.strides(), item) {
        return None;
    }
    // SAFETY: dense, and the constructor checked that all elements lie inside the borrow.
    Some(unsafe { std::slice::from_raw_parts(data.ptr(), len) })
}

/// Copies elements of `shape`.
///
/// # Safety
/// All elements must be readable at `src`, writable at `dst`, and the two must not overlap.
pub(crate) unsafe fn copy_raw(src: *const u8, src_strides: &[isize], dst: &Place, shape: &[usize], dtype: DType, swap: bool) {
    let swap = swap && swap_unit(dtype) > 1;
    if shape.contains(&0) {
        return;
    }
    let axes = loop_order(shape, src_strides, &dst.strides, dtype.size());
    // SAFETY: the caller's promise; the loops below visit exactly the places of `shape`.
    unsafe {
        match (dtype.size(), swap, swap_unit(dtype)) {
            (1, ..) => walk::<1, 0>(src, dst.ptr, &axes),
            (2, false, _) => walk::<2, 0>(src, dst.ptr, &axes),
            (2, true, _) => walk::<2, 2>(src, dst.ptr, &axes),
            (4, false, _) => walk::<4, 0>(src, dst.ptr, &axes),
            (4, true, _) => walk::<4, 4>(src, dst.ptr, &axes),
            (8, false, _) => walk::<8, 0>(src, dst.ptr, &axes),
            (8, true, 4) => walk::<8, 4>(src, dst.ptr, &axes),
            (8, true, _) => walk::<8, 8>(src, dst.ptr, &axes),
            (_, false, _) => walk::<16, 0>(src, dst.ptr, &axes),
            (_, true, _) => walk::<16, 8>(src, dst.ptr, &axes),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Loop {
    len: usize,
    src: isize,
    dst: isize,
}

/// The loops, outermost first: long destination strides outside, neighbours merged where they can be.
fn loop_order(shape: &[usize], src: &[isize], dst: &[isize], item: usize) -> Vec<Loop> {
    let mut loops: Vec<Loop> =
        shape.iter().zip(src.iter().zip(dst)).filter(|(len, _)| **len > 1).map(|(&len, (&src, &dst))| Loop { len, src, dst }).collect();
    loops.sort_by_key(|l| std::cmp::Reverse(l.dst.unsigned_abs()));
    let mut merged: Vec<Loop> = Vec::with_capacity(loops.len() + 1);
    for inner in loops {
        match merged.last_mut() {
            Some(outer) if outer.src == inner.src * inner.len as isize && outer.dst == inner.dst * inner.len as isize => {
                *outer = Loop { len: outer.len * inner.len, ..inner };
            }
            _ => merged.push(inner),
        }
    }
    if merged.is_empty() {
        merged.push(Loop { len: 1, src: item as isize, dst: item as isize });
    }
    merged
}

/// # Safety
/// As [`copy_raw`].
unsafe fn walk<const N: usize, const SWAP: usize>(src: *const u8, dst: *mut u8, axes: &[Loop]) {
    let (outer, inner) = match axes {
        // A transposing copy: two loops go as tiles, so that both sides stay in cache.
        [outer @ .., a, b] if a.src.unsigned_abs() < b.src.unsigned_abs() => (outer, [*a, *b]),
        [outer @ .., b] => (outer, [Loop { len: 1, src: 0, dst: 0 }, *b]),
        [] => return,
    };
    let shape: Vec<usize> = outer.iter().map(|l| l.len).collect();
    let mut place = vec![0; shape.len()];
    loop {
        let (mut from, mut to) = (src, dst);
        for (&i, l) in place.iter().zip(outer) {
            from = from.wrapping_offset(i as isize * l.src);
            to = to.wrapping_offset(i as isize * l.dst);
        }
        // SAFETY: the offsets visit exactly the places of the caller's shape.
        unsafe { if inner[0].len == 1 { row::<N, SWAP>(from, to, inner[1]) } else { tiles::<N, SWAP>(from, to, inner) } }
        if !advance(&mut place, &shape) {
            return;
        }
    }
}

/// # Safety
/// As [`copy_raw`].
unsafe fn row<const N: usize, const SWAP: usize>(src: *const u8, dst: *mut u8, axis: Loop) {
    // SAFETY: the caller's promise.
    unsafe {
        if SWAP == 0 && axis.src == N as isize && axis.dst == N as isize {
            std::ptr::copy_nonoverlapping(src, dst, N * axis.len);
            return;
        }
        for i in 0..axis.len as isize {
            one::<N, SWAP>(src.offset(i * axis.src), dst.offset(i * axis.dst));
        }
    }
}

/// # Safety
/// As [`copy_raw`].
unsafe fn tiles<const N: usize, const SWAP: usize>(src: *const u8, dst: *mut u8, [a, b]: [Loop; 2]) {
    const SIDE: usize = 32;
    for a0 in (0..a.len).step_by(SIDE) {
        for b0 in (0..b.len).step_by(SIDE) {
            for i in a0..(a0 + SIDE).min(a.len) {
                let (i, j) = (i as isize, b0 as isize);
                let rest = Loop { len: SIDE.min(b.len - b0), ..b };
                // SAFETY: i < a.len and j + rest.len <= b.len.
                unsafe { row::<N, SWAP>(src.offset(i * a.src + j * b.src), dst.offset(i * a.dst + j * b.dst), rest) }
            }
        }
    }
}

/// # Safety
/// `N` bytes must be readable at `src` and writable at `dst`.
#[inline(always)]
unsafe fn one<const N: usize, const SWAP: usize>(src: *const u8, dst: *mut u8) {
    // SAFETY: the caller's promise; arrays of bytes have no alignment.
    unsafe {
        let mut element: [u8; N] = src.cast::<[u8; N]>().read();
        if SWAP > 0 {
            for unit in element.chunks_exact_mut(SWAP) {
                unit.reverse();
            }
        }
        dst.cast::<[u8; N]>().write(element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_swapped_and_broadcast_copies_land_where_indexing_says() {
        let (rows, cols) = (37, 70);
        let src: Vec<u8> = (0..rows * cols).flat_map(|i| (i as u32).to_be_bytes()).collect();
        let mut dst = vec![0u8; rows * cols * 4];
        let turned = View::strided(&src, DType::U32, &[cols, rows], &[4, cols as isize * 4], 0);
        copy(&turned, &mut ViewMut::dense(&mut dst, DType::U32, &[cols, rows]), true);
        for (at, bytes) in dst.chunks_exact(4).enumerate() {
            let (col, row) = (at / rows, at % rows);
            assert_eq!(u32::from_ne_bytes(bytes.try_into().unwrap()), (row * cols + col) as u32);
        }
        let mut filled = vec![0u8; 24];
        fill(&7u16.to_ne_bytes(), &mut ViewMut::strided(&mut filled, DType::U16, &[2, 3], &[12, -4], 8));
        let words: Vec<u16> = filled.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect();
        assert_eq!(words, [7, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0]);
    }

    #[test]
    fn complex_numbers_swap_by_part() {
        let src: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|f| f.to_be_bytes()).collect();
        let mut dst = [0u8; 8];
        copy(&View::dense(&src, DType::C64, &[]), &mut ViewMut::dense(&mut dst, DType::C64, &[]), true);
        assert_eq!(dst[..4], 1.5f32.to_ne_bytes());
        assert_eq!(dst[4..], (-2.0f32).to_ne_bytes());
    }
}
