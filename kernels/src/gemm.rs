//! C += A·B, on one thread or on those of a crew that have nothing else to do. The bits of C do not depend on how m and n
//! are tiled, nor on k when it is cut at multiples of [`PANEL`] of the global index.
//!
//! C = ((C₀ + p₀) + p₁) + …, p_b the product over global k in [256 b, 256 b + 256), itself summed from 0 in
//! ascending k with fused multiply-adds. The `gemm` crate keeps that order on its main path alone; matrices
//! that are thin, tiny, or of one or two k take others (vector kernels, horizontal sums). Those are padded
//! with zeros to stay off them, and C is always passed with dense rows, for the crate transposes by C's
//! strides and complex products do not commute in their last bit.

use crate::copy::copy;
use crate::crew;
use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::view::{View, ViewMut};
use crate::with_element;
use std::sync::Once;

/// The global multiple at which k is cut.
pub const PANEL: usize = 256;

/// Largest pieces of m and n that go to the crate at once: they bound what it allocates for packing. Rows of C of up to 2048
/// elements are [`UNPACKED`].
const STRIP: [usize; 2] = [1024, 2048];
/// The crate copies A before it multiplies where C's rows are longer than so many vectors, the most that it can be told, and A has
/// dense rows. By itself it copies from two vectors on: 5 to 15 % slower for the sides that are met here, and memory that is
/// mapped anew each time.
const UNPACKED: usize = 256;
/// Largest pieces of m and n that are copied to scratch, where the operands cannot be used as they lie.
const COPIED: [usize; 2] = [256, 512];
/// Fewer rows, columns, elements of C or k than this leave the crate's main path.
const LEAST_SIDE: usize = 8;
const LEAST_AREA: usize = 16 * 16 + 1;
const LEAST_K: usize = 4;
const ALIGN: usize = 64;
/// Where a row of C has so few bytes, so many rows go to the crate at once: those of A and of C then stay in the L2 cache. Whatever
/// the crate packs of B for each such piece is small there. A fifth faster for C of 8000 × 128 and k = 128 in f64.
const THIN_BYTES: usize = 4096;
const THIN_ROWS: usize = 256;
/// Bytes that the crate packs of such rows at most: larger blocks are mapped from the system and given back each time, a fifth of the
/// time of an inverse.
const PACKED_BYTES: usize = 240 << 10;
/// A part of a product that is shared has so many rows at least, and the product so many multiplications and additions: some
/// tenths of a millisecond, in which others are woken.
const SHARED_ROWS: usize = 64;
const SHARED_WORK: usize = 1 << 22;

/// Sides of a C tile and k after padding.
fn padded(dtype: DType, m: usize, n: usize, k: usize) -> [usize; 3] {
    if !is_crate_dtype(dtype) {
        return [m, n, k];
    }
    let n = n.max(LEAST_SIDE);
    let m = m.max(LEAST_SIDE).max(LEAST_AREA.div_ceil(n));
    [m, n, k.max(LEAST_K)]
}

fn is_crate_dtype(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::C64 | DType::C128)
}

/// Bytes of scratch that [`gemm_accumulate`] needs for any operands of these sides, whatever their strides,
/// and what the `gemm` crate allocates for packing meanwhile.
pub fn gemm_scratch_bytes(dtype: DType, m: usize, n: usize, k: usize) -> usize {
    let packing = if is_crate_dtype(dtype) {
        // sides rounded up to the crate's register tiles, at most 64 × 6 (float32 with AVX-512)
        (m.min(STRIP[0]) + n.min(STRIP[1]) + 64 + 8) * k.clamp(LEAST_K, PANEL) * dtype.size() + 2 * ALIGN
    } else {
        0
    };
    own_scratch_bytes(dtype, m, n, k) + packing
}

/// Bytes of scratch that [`gemm_accumulate`] needs beside those for each thread that helps.
pub fn gemm_helper_bytes(dtype: DType, n: usize, k: usize) -> usize {
    (n.min(STRIP[1]) + 8) * k.clamp(LEAST_K, PANEL) * dtype.size() + 2 * ALIGN
}

fn own_scratch_bytes(dtype: DType, m: usize, n: usize, k: usize) -> usize {
    let [m, n, k] = padded(dtype, m.min(COPIED[0]), n.min(COPIED[1]), k.min(PANEL));
    (m * k + k * n + m * n) * dtype.size() + 3 * ALIGN
}

/// c += a·b, where `a` is [m, k] and `b` is [k, n]; `k0` is the global index of `a`'s first column. With `first`,
/// what `c` held is not read: c = a·b. Integers wrap, bool is or of ands. f16 and bf16 must come as f32.
/// Cost: 2mnk flops.
///
/// # Panics
/// If the shapes or dtypes do not agree, the dtype is f16 or bf16, or `scratch` is shorter than
/// [`gemm_scratch_bytes`].
pub fn gemm_accumulate(dtype: DType, k0: u64, a: &View, b: &View, c: &mut ViewMut, first: bool, scratch: &mut [u8]) {
    multiply_blocks(dtype, Form::default(), PANEL, k0, a, b, c, first, scratch);
}

/// As [`gemm_accumulate`], where what is added has another `form`: of floats and complex numbers alone.
///
/// # Panics
/// As there, and for other dtypes than these in another form than the plain one.
pub fn gemm_form(dtype: DType, form: Form, k0: u64, a: &View, b: &View, c: &mut ViewMut, first: bool, scratch: &mut [u8]) {
    assert!(form == Form::default() || is_crate_dtype(dtype), "gemm: {form:?} of {dtype}");
    multiply_blocks(dtype, form, PANEL, k0, a, b, c, first, scratch);
}

/// As [`gemm_accumulate`], with k cut at multiples of `block` of the global index instead.
///
/// # Panics
/// As [`gemm_accumulate`], and if `block` is 0 or more than [`PANEL`].
pub fn gemm_in_blocks(dtype: DType, k0: u64, block: usize, a: &View, b: &View, c: &mut ViewMut, first: bool, scratch: &mut [u8]) {
    assert!((1..=PANEL).contains(&block), "gemm: blocks of {block}, at most {PANEL}");
    multiply_blocks(dtype, Form::default(), block, k0, a, b, c, first, scratch);
}

/// What the three above do.
fn multiply_blocks(dtype: DType, form: Form, block: usize, k0: u64, a: &View, b: &View, c: &mut ViewMut, first: bool, scratch: &mut [u8]) {
    let (&[m, k], &[k_b, n], &[m_c, n_c]) = (a.shape(), b.shape(), c.shape()) else {
        panic!("gemm: expected matrices, given {:?} · {:?} → {:?}", a.shape(), b.shape(), c.shape());
    };
    assert!(k == k_b && m == m_c && n == n_c, "gemm: [{m}, {k}] · [{k_b}, {n_b}] → [{m_c}, {n_c}]", n_b = n);
    assert!([a.dtype(), b.dtype(), c.dtype()] == [dtype; 3], "gemm: operands are not all {dtype}");
    let needed = own_scratch_bytes(dtype, m, n, k);
    assert!(scratch.len() >= needed, "gemm: scratch of {} bytes, needed {needed}", scratch.len());
    if first && k == 0 {
        return crate::copy::fill(&vec![0; dtype.size()], c);
    }
    let mut overwrite = first;
    let mut start = 0;
    while start < k {
        let into_block = ((k0 + start as u64) % block as u64) as usize;
        let len = (block - into_block).min(k - start);
        let (a, b) = (a.part(&[0, start], &[m, len]), b.part(&[start, 0], &[len, n]));
        tiles(STRIP, m, n, |i, rows, j, cols| {
            let (a, b) = (a.part(&[i, 0], &[rows, len]), b.part(&[0, j], &[len, cols]));
            panel(dtype, form, &a, &b, &mut c.part(&[i, j], &[rows, cols]), overwrite, scratch);
        });
        overwrite = false;
        start += len;
    }
}

/// What a product adds to C, where it is not A·B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// C − … in the place of C + ….
    pub negative: bool,
    /// The conjugate of A.
    pub conj_a: bool,
    /// The conjugate of B.
    pub conj_b: bool,
}

/// Calls `each` with start and length of the pieces of m and of n.
fn tiles(most: [usize; 2], m: usize, n: usize, mut each: impl FnMut(usize, usize, usize, usize)) {
    for i in (0..m).step_by(most[0]) {
        for j in (0..n).step_by(most[1]) {
            each(i, most[0].min(m - i), j, most[1].min(n - j));
        }
    }
}

/// Whether the address is aligned and no stride is negative or between elements.
fn is_regular(address: usize, strides: &[isize], dtype: DType) -> bool {
    with_element!(dtype, T => {
        address.is_multiple_of(align_of::<T>())
            && strides.iter().all(|&s| s >= 0 && s % size_of::<T>() as isize == 0)
    })
}

/// Whether rows are dense, and do not overlap.
fn has_dense_rows(shape: &[usize], strides: &[isize], dtype: DType) -> bool {
    let item = dtype.size() as isize;
    (shape[1] == 1 || strides[1] == item) && (shape[0] == 1 || strides[0] >= item * shape[1] as isize)
}

/// One panel of k: on the operands as they lie, or through copies in scratch.
fn panel(dtype: DType, form: Form, a: &View, b: &View, c: &mut ViewMut, overwrite: bool, scratch: &mut [u8]) {
    let (m, n, k) = (a.shape()[0], b.shape()[1], a.shape()[1]);
    let regular = is_regular(a.ptr() as usize, a.strides(), dtype)
        && is_regular(b.ptr() as usize, b.strides(), dtype)
        && is_regular(c.ptr() as usize, c.strides(), dtype)
        && has_dense_rows(c.shape(), c.strides(), dtype)
        && (is_crate_dtype(dtype) || has_dense_rows(b.shape(), b.strides(), dtype));
    if regular && padded(dtype, m, n, k) == [m, n, k] {
        return multiply_shared(dtype, form, a, b, c, overwrite, scratch.len());
    }
    let skip = scratch.as_ptr().align_offset(ALIGN);
    let scratch = &mut scratch[skip..];
    tiles(COPIED, m, n, |i, rows, j, cols| {
        let item = dtype.size();
        let [rows_p, cols_p, k_p] = padded(dtype, rows, cols, k);
        let (a_bytes, rest) = scratch.split_at_mut((rows_p * k_p * item).next_multiple_of(ALIGN));
        let (b_bytes, c_bytes) = rest.split_at_mut((k_p * cols_p * item).next_multiple_of(ALIGN));
        let c_bytes = &mut c_bytes[..rows_p * cols_p * item];
        let load = |source: &View, bytes: &mut [u8], shape: [usize; 2]| {
            if source.shape() != shape {
                bytes[..shape[0] * shape[1] * item].fill(0);
            }
            copy(source, &mut ViewMut::dense(bytes, dtype, &shape).part(&[0, 0], source.shape()));
        };
        load(&a.part(&[i, 0], &[rows, k]), a_bytes, [rows_p, k_p]);
        load(&b.part(&[0, j], &[k, cols]), b_bytes, [k_p, cols_p]);
        let mut c = c.part(&[i, j], &[rows, cols]);
        if !overwrite {
            load(&c.as_view(), c_bytes, [rows_p, cols_p]);
        }
        let a = View::dense(a_bytes, dtype, &[rows_p, k_p]);
        let b = View::dense(b_bytes, dtype, &[k_p, cols_p]);
        let mut tile = ViewMut::dense(c_bytes, dtype, &[rows_p, cols_p]);
        multiply(dtype, form, &a, &b, &mut tile, overwrite);
        copy(&tile.part(&[0, 0], &[rows, cols]).as_view(), &mut c);
    });
}

/// As [`multiply`], by as many as have nothing else to do: each takes some of the rows, and packs B for itself, for which there
/// must be room in `scratch_bytes`.
fn multiply_shared(dtype: DType, form: Form, a: &View, b: &View, c: &mut ViewMut, overwrite: bool, scratch_bytes: usize) {
    let (m, n, k) = (a.shape()[0], b.shape()[1], a.shape()[1]);
    let packed = gemm_helper_bytes(dtype, n, k);
    let spare = scratch_bytes.saturating_sub(gemm_scratch_bytes(dtype, m, n, k));
    let parts = crew::hands().min(1 + spare / packed).min(m / SHARED_ROWS);
    if parts < 2 || m * n * k < SHARED_WORK {
        return multiply(dtype, form, a, b, c, overwrite);
    }
    let starts = even_cuts(m, parts);
    let parts = c.cut_rows(&starts).into_iter().zip(starts.windows(2));
    crew::share(parts.collect(), |(mut c, rows)| {
        multiply(dtype, form, &a.part(&[rows[0], 0], &[rows[1] - rows[0], k]), b, &mut c, overwrite);
    });
}

/// Where `parts` pieces of `m` rows begin, of equal size but for one row, and where the last one ends.
fn even_cuts(m: usize, parts: usize) -> Vec<usize> {
    (0..=parts).map(|i| i * m / parts).collect()
}

/// c = a·b or c += a·b on regular operands, c with dense rows.
fn multiply(dtype: DType, form: Form, a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    let (m, n, k) = (a.shape()[0], b.shape()[1], a.shape()[1]);
    let item = dtype.size();
    // rows of A that are dense are multiplied as they lie; others are packed, in memory that is not mapped for that alone
    let most = if a.strides()[1] == item as isize { THIN_ROWS } else { THIN_ROWS.min(PACKED_BYTES / (k * item)) };
    let is_thin = is_crate_dtype(dtype) && n * item <= THIN_BYTES && most / 2 * n >= LEAST_AREA;
    if !is_thin || m <= most {
        return multiply_rows(dtype, form, a, b, c, overwrite);
    }
    // pieces of equal size, so that none is too small for the crate's main path
    let starts = even_cuts(m, m.div_ceil(most));
    for (mut c, rows) in c.cut_rows(&starts).into_iter().zip(starts.windows(2)) {
        multiply_rows(dtype, form, &a.part(&[rows[0], 0], &[rows[1] - rows[0], k]), b, &mut c, overwrite);
    }
}

fn multiply_rows(dtype: DType, form: Form, a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    match dtype {
        DType::F32 => multiply_by_crate::<f32>(form, a, b, c, overwrite, 1.0),
        DType::F64 => multiply_by_crate::<f64>(form, a, b, c, overwrite, 1.0),
        DType::C64 => multiply_by_crate::<C64>(form, a, b, c, overwrite, C64::new(1.0, 0.0)),
        DType::C128 => multiply_by_crate::<C128>(form, a, b, c, overwrite, C128::new(1.0, 0.0)),
        DType::Bool => multiply_ring::<Bool>(a, b, c, overwrite),
        DType::I8 => multiply_ring::<i8>(a, b, c, overwrite),
        DType::I16 => multiply_ring::<i16>(a, b, c, overwrite),
        DType::I32 => multiply_ring::<i32>(a, b, c, overwrite),
        DType::I64 => multiply_ring::<i64>(a, b, c, overwrite),
        DType::U8 => multiply_ring::<u8>(a, b, c, overwrite),
        DType::U16 => multiply_ring::<u16>(a, b, c, overwrite),
        DType::U32 => multiply_ring::<u32>(a, b, c, overwrite),
        DType::U64 => multiply_ring::<u64>(a, b, c, overwrite),
        DType::F16 | DType::BF16 => panic!("gemm: {dtype} must be cast to float32 by the caller"),
    }
}

/// Row and column strides in elements.
fn element_strides<T>(strides: &[isize]) -> [isize; 2] {
    [strides[0] / size_of::<T>() as isize, strides[1] / size_of::<T>() as isize]
}

fn multiply_by_crate<T: Element + std::ops::Neg<Output = T>>(form: Form, a: &View, b: &View, c: &mut ViewMut, overwrite: bool, one: T) {
    let (m, n, k) = (a.shape()[0], b.shape()[1], a.shape()[1]);
    let [a_rows, a_cols] = element_strides::<T>(a.strides());
    let [b_rows, b_cols] = element_strides::<T>(b.strides());
    let [c_rows, c_cols] = element_strides::<T>(c.strides());
    static TOLD: Once = Once::new();
    TOLD.call_once(|| gemm::set_rhs_packing_threshold(UNPACKED));
    // SAFETY: the views' constructors checked that all their elements lie inside their borrows; addresses and
    // strides are whole elements (`is_regular`); c is a unique borrow. T is a type that the crate knows.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.ptr().cast::<T>(),
            c_cols,
            c_rows,
            !overwrite,
            a.ptr().cast::<T>(),
            a_cols,
            a_rows,
            b.ptr().cast::<T>(),
            b_cols,
            b_rows,
            one,
            if form.negative { -one } else { one },
            false,
            form.conj_a,
            form.conj_b,
            gemm::Parallelism::None,
        );
    }
}

/// What a matrix product of integers and bool is made of.
trait Ring: Element {
    /// self + a·b.
    fn add_product(self, a: Self, b: Self) -> Self;
}

macro_rules! rings {
    ($($t:ty),*) => { $(
        impl Ring for $t {
            #[inline(always)]
            fn add_product(self, a: $t, b: $t) -> $t {
                self.wrapping_add(a.wrapping_mul(b))
            }
        }
    )* };
}
rings!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Ring for Bool {
    #[inline(always)]
    fn add_product(self, a: Bool, b: Bool) -> Bool {
        Bool(self.0 | (a.0 & b.0))
    }
}

fn multiply_ring<T: Ring>(a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the features were just detected.
            return unsafe { multiply_ring_avx512::<T>(a, b, c, overwrite) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just detected.
            return unsafe { multiply_ring_avx2::<T>(a, b, c, overwrite) };
        }
    }
    multiply_ring_loop::<T>(a, b, c, overwrite);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw")]
fn multiply_ring_avx512<T: Ring>(a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    multiply_ring_loop::<T>(a, b, c, overwrite);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn multiply_ring_avx2<T: Ring>(a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    multiply_ring_loop::<T>(a, b, c, overwrite);
}

/// Four rows of B at a time over a stretch of C's row that stays in L1. b and c have dense rows.
#[inline(always)]
fn multiply_ring_loop<T: Ring>(a: &View, b: &View, c: &mut ViewMut, overwrite: bool) {
    let (m, n, k) = (a.shape()[0], b.shape()[1], a.shape()[1]);
    let stretch = (4096 / size_of::<T>()).max(1);
    let [a_rows, a_cols] = element_strides::<T>(a.strides());
    let (b_rows, c_rows) = (b.strides()[0], c.strides()[0]);
    let (a, b, c) = (a.ptr().cast::<T>(), b.ptr(), c.ptr());
    for j in (0..n).step_by(stretch) {
        let len = stretch.min(n - j);
        for i in 0..m as isize {
            // SAFETY: row i, columns j..j + len of c, which has dense rows and is uniquely borrowed; rows of b,
            // likewise, and single elements of a, shared. All aligned (`is_regular`).
            unsafe {
                let row = std::slice::from_raw_parts_mut(c.offset(i * c_rows).cast::<T>().add(j), len);
                let factor = |p: usize| *a.offset(i * a_rows + p as isize * a_cols);
                let b_row = |p: usize| std::slice::from_raw_parts(b.offset(p as isize * b_rows).cast::<T>().add(j), len);
                if overwrite {
                    row.fill(T::default());
                }
                let mut p = 0;
                while p + 4 <= k {
                    let f = [factor(p), factor(p + 1), factor(p + 2), factor(p + 3)];
                    let (b0, b1, b2, b3) = (b_row(p), b_row(p + 1), b_row(p + 2), b_row(p + 3));
                    for x in 0..len {
                        let sum = row[x].add_product(f[0], b0[x]).add_product(f[1], b1[x]);
                        row[x] = sum.add_product(f[2], b2[x]).add_product(f[3], b3[x]);
                    }
                    p += 4;
                }
                while p < k {
                    let (f, b0) = (factor(p), b_row(p));
                    for x in 0..len {
                        row[x] = row[x].add_product(f, b0[x]);
                    }
                    p += 1;
                }
            }
        }
    }
}
