//! Bits by plane → elements: the inverse of the bit shuffle of `bitshuffle` and of Blosc.
//!
//! A block of n elements of s bytes (n a multiple of 8) is stored as 8·s rows of n/8 bytes: row 8·b + k has bit k of byte b of
//! every element, the first element lowest. Eight rows make the bytes of one plane by 8 × 8 transposes of bits; the planes
//! then interleave as bytes do.
//! Source: K. Masui et al., *A compression scheme for radio data in high performance computing*, 2015, §3.

use super::shuffle::unshuffle;

/// Undoes the bit shuffle of one block. `work` has as many bytes as the block.
///
/// # Panics
/// If lengths differ, `size` is 0, or the block is no multiple of eight elements.
pub(crate) fn unshuffle_bits(src: &[u8], dst: &mut [u8], size: usize, work: &mut [u8]) {
    assert!(src.len() == dst.len() && src.len().is_multiple_of(8 * size), "bitshuffle: lengths");
    if size == 1 {
        return planes(src, dst, 1);
    }
    let work = &mut work[..src.len()];
    planes(src, work, size);
    unshuffle(work, dst, size);
}

/// Rows of bits to planes of bytes.
fn planes(src: &[u8], dst: &mut [u8], size: usize) {
    let n = src.len() / size;
    let row = n / 8;
    for (rows, plane) in src.chunks_exact(n.max(1)).zip(dst.chunks_exact_mut(n.max(1))) {
        let done = columns(rows, plane, row);
        for j in done..row {
            let mut square = 0u64;
            for k in 0..8 {
                square |= u64::from(rows[k * row + j]) << (8 * k);
            }
            plane[8 * j..8 * j + 8].copy_from_slice(&transpose(square).to_le_bytes());
        }
    }
}

/// Turns 8 × 8 bits, byte k the row k, over their diagonal.
fn transpose(mut x: u64) -> u64 {
    for (distance, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let t = (x ^ (x >> distance)) & mask;
        x ^= t ^ (t << distance);
    }
    x
}

/// As many columns of eight rows as whole registers hold; returns how many.
#[cfg(target_arch = "x86_64")]
fn columns(rows: &[u8], plane: &mut [u8], row: usize) -> usize {
    assert!(rows.len() >= 8 * row && plane.len() >= 8 * row);
    let done = if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("gfni") {
        // SAFETY: the instructions are there; rows and plane have the lengths that are asked for.
        unsafe { columns_gfni(rows, plane, row) }
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: as above.
        unsafe { columns_avx2(rows, plane, row) }
    } else {
        0
    };
    columns_sse2(rows, plane, row, done)
}

/// The bytes of thirty-two columns from column `j` on, those of a column side by side: sixteen columns in each half of the registers. The first
/// row's is the first byte of its column, or with `REVERSED` the last.
///
/// # Safety
/// The machine has AVX2; `rows` has eight times `row` bytes, and j + 32 ≤ row.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn side_by_side<const REVERSED: bool>(rows: &[u8], row: usize, j: usize) -> [std::arch::x86_64::__m256i; 8] {
    use std::arch::x86_64::*;
    let mut v = [_mm256_setzero_si256(); 8];
    for k in 0..8 {
        let at = if REVERSED { 7 - k } else { k };
        // SAFETY: each of the eight rows has 32 bytes at j; loads are unaligned.
        v[at] = unsafe { _mm256_loadu_si256(rows.as_ptr().add(k * row + j).cast()) };
    }
    // As in `columns_sse2`, in each half.
    for _ in 0..3 {
        let w = v;
        for k in 0..4 {
            v[2 * k] = _mm256_unpacklo_epi8(w[k], w[k + 4]);
            v[2 * k + 1] = _mm256_unpackhi_epi8(w[k], w[k + 4]);
        }
    }
    v
}

/// As [`columns_avx2`], with 8 × 8 bits turned by one instruction: it multiplies a matrix of bits, whose first row is its last byte, with
/// vectors. Those here have one bit each, so the products are the columns.
///
/// # Safety
/// The machine has AVX2 and GFNI; `rows` and `plane` have eight times `row` bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,gfni")]
unsafe fn columns_gfni(rows: &[u8], plane: &mut [u8], row: usize) -> usize {
    use std::arch::x86_64::*;
    let bits = _mm256_set1_epi64x(i64::from_le_bytes([1, 2, 4, 8, 16, 32, 64, 128]));
    for block in 0..row / 32 {
        let j = block * 32;
        // SAFETY: j + 32 ≤ row, so each of the eight rows has 32 bytes at j and `plane` has 256 at 8·j; loads and stores are
        // unaligned.
        unsafe {
            let v = side_by_side::<true>(rows, row, j);
            for k in 0..4 {
                let (a, b) = (_mm256_gf2p8affine_epi64_epi8::<0>(bits, v[2 * k]), _mm256_gf2p8affine_epi64_epi8::<0>(bits, v[2 * k + 1]));
                let to = plane.as_mut_ptr().add(8 * j + 32 * k);
                _mm256_storeu_si256(to.cast(), _mm256_permute2x128_si256::<0x20>(a, b));
                _mm256_storeu_si256(to.add(128).cast(), _mm256_permute2x128_si256::<0x31>(a, b));
            }
        }
    }
    row / 32 * 32
}

/// Thirty-two columns at a time, sixteen in each half of a register.
///
/// # Safety
/// The machine has AVX2; `rows` and `plane` have eight times `row` bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn columns_avx2(rows: &[u8], plane: &mut [u8], row: usize) -> usize {
    use std::arch::x86_64::*;
    for block in 0..row / 32 {
        let j = block * 32;
        // SAFETY: j + 32 ≤ row, so each of the eight rows has 32 bytes at j and `plane` has 256 at 8·j; loads and stores are
        // unaligned.
        unsafe {
            let v = side_by_side::<false>(rows, row, j);
            for k in 0..8 {
                let mut x = v[k];
                let t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<7>(x)), _mm256_set1_epi64x(0x00AA_00AA_00AA_00AA));
                x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<7>(t)));
                let t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<14>(x)), _mm256_set1_epi64x(0x0000_CCCC_0000_CCCC));
                x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<14>(t)));
                let t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<28>(x)), _mm256_set1_epi64x(0x0000_0000_F0F0_F0F0));
                x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64::<28>(t)));
                let to = plane.as_mut_ptr().add(8 * j + 16 * k);
                _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(x));
                _mm_storeu_si128(to.add(128).cast(), _mm256_extracti128_si256::<1>(x));
            }
        }
    }
    row / 32 * 32
}

/// Sixteen columns at a time from column `first` on, a multiple of sixteen; returns up to which.
#[cfg(target_arch = "x86_64")]
fn columns_sse2(rows: &[u8], plane: &mut [u8], row: usize, first: usize) -> usize {
    use std::arch::x86_64::*;
    assert!(rows.len() >= 8 * row && plane.len() >= 8 * row);
    for block in first / 16..row / 16 {
        let j = block * 16;
        // SAFETY: j + 16 ≤ row, so each of the eight rows has 16 bytes at j and `plane` has 128 at 8·j; loads and stores are
        // unaligned. SSE2 is part of x86-64.
        unsafe {
            let mut v = [_mm_setzero_si128(); 8];
            for k in 0..8 {
                v[k] = _mm_loadu_si128(rows.as_ptr().add(k * row + j).cast());
            }
            // Interleaving three times puts the eight bytes of a column side by side.
            for _ in 0..3 {
                let w = v;
                for k in 0..4 {
                    v[2 * k] = _mm_unpacklo_epi8(w[k], w[k + 4]);
                    v[2 * k + 1] = _mm_unpackhi_epi8(w[k], w[k + 4]);
                }
            }
            for k in 0..8 {
                let mut x = v[k];
                let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<7>(x)), _mm_set1_epi64x(0x00AA_00AA_00AA_00AA));
                x = _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<7>(t)));
                let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<14>(x)), _mm_set1_epi64x(0x0000_CCCC_0000_CCCC));
                x = _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<14>(t)));
                let t = _mm_and_si128(_mm_xor_si128(x, _mm_srli_epi64::<28>(x)), _mm_set1_epi64x(0x0000_0000_F0F0_F0F0));
                x = _mm_xor_si128(x, _mm_xor_si128(t, _mm_slli_epi64::<28>(t)));
                _mm_storeu_si128(plane.as_mut_ptr().add(8 * j + 16 * k).cast(), x);
            }
        }
    }
    row / 16 * 16
}

#[cfg(not(target_arch = "x86_64"))]
fn columns(_: &[u8], _: &mut [u8], _: usize) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn registers_of_any_length_give_the_same() {
        for row in [0, 15, 16, 31, 32, 47, 64, 100] {
            let rows: Vec<u8> = (0..8 * row).map(|i| (i * 41 + i / 7) as u8).collect();
            let (mut short, mut long) = (vec![0; 8 * row], vec![0; 8 * row]);
            assert_eq!((columns_sse2(&rows, &mut short, row, 0), columns(&rows, &mut long, row)), (row / 16 * 16, row / 16 * 16));
            assert_eq!(short, long, "{row} columns");
            if is_x86_feature_detected!("avx2") {
                long.fill(0);
                // SAFETY: the instructions are there; both have eight times `row` bytes.
                let done = unsafe { columns_avx2(&rows, &mut long, row) };
                assert_eq!(short[..8 * done], long[..8 * done], "{row} columns");
            }
        }
    }

    #[test]
    fn every_bit_comes_back_to_its_element() {
        for size in [1, 2, 3, 4, 8, 12, 16] {
            for n in [8, 16, 120, 128, 136, 1000] {
                let elements: Vec<u8> = (0..n * size).map(|i| (i * 37 + i / 251) as u8).collect();
                let mut stored = vec![0u8; n * size];
                for i in 0..n {
                    for (b, k) in (0..size).flat_map(|b| (0..8).map(move |k| (b, k))) {
                        let bit = elements[i * size + b] >> k & 1;
                        stored[(8 * b + k) * (n / 8) + i / 8] |= bit << (i % 8);
                    }
                }
                let (mut found, mut work) = (vec![0; n * size], vec![0; n * size]);
                unshuffle_bits(&stored, &mut found, size, &mut work);
                assert_eq!(found, elements, "{n} elements of {size} bytes");
            }
        }
    }
}
