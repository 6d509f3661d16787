//! Elements as a file has them → as a view has them: of the other byte order, bools of any byte, dense or not.

use flagstone_kernels::copy;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut, dense_strides};

/// Copies `src` to `dst`, swapping the byte order of every element if `swap`.
///
/// # Panics
/// If shapes or dtypes differ.
pub(crate) fn copy(src: &View<'_>, dst: &mut ViewMut<'_>, swap: bool) {
    if swap { copy::copy_swapped(src, dst) } else { copy::copy(src, dst) }
}

/// Makes every byte of a bool array 0 or 1, whatever the file held.
pub(crate) fn normalise_bool(out: &mut ViewMut<'_>) {
    if out.dtype() != DType::Bool {
        return;
    }
    each_dense(out, |bytes| bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0)));
}

/// Calls `f` with the bytes of all elements: of all at once where they lie dense, else of one after the other.
pub(crate) fn each_dense(out: &mut ViewMut<'_>, mut f: impl FnMut(&mut [u8])) {
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
        copy::fill(&7u16.to_ne_bytes(), &mut ViewMut::strided(&mut filled, DType::U16, &[2, 3], &[12, -4], 8));
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
