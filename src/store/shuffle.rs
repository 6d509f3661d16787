//! Bytes by plane ↔ bytes by element: the shuffle filter of HDF5 and of numcodecs.
//!
//! Interleaving log₂ s times whole 16-byte registers turns s planes into elements of s bytes.

/// Gathers byte k of every element into plane k. A tail shorter than an element stays where it is.
///
/// # Panics
/// If lengths differ or `size` is 0.
pub(crate) fn shuffle(src: &[u8], dst: &mut [u8], size: usize) {
    assert_eq!(src.len(), dst.len());
    let n = src.len() / size;
    let done = match size {
        2 => planes_from::<2>(src, dst, n),
        4 => planes_from::<4>(src, dst, n),
        8 => planes_from::<8>(src, dst, n),
        16 => planes_from::<16>(src, dst, n),
        _ => 0,
    };
    for k in 0..size {
        for i in done..n {
            dst[k * n + i] = src[i * size + k];
        }
    }
    dst[n * size..].copy_from_slice(&src[n * size..]);
}

/// The inverse of [`shuffle`].
///
/// # Panics
/// If lengths differ or `size` is 0.
pub(crate) fn unshuffle(src: &[u8], dst: &mut [u8], size: usize) {
    assert_eq!(src.len(), dst.len());
    let n = src.len() / size;
    let done = match size {
        2 => planes_to::<2>(src, dst, n),
        4 => planes_to::<4>(src, dst, n),
        8 => planes_to::<8>(src, dst, n),
        16 => planes_to::<16>(src, dst, n),
        _ => 0,
    };
    for i in done..n {
        for k in 0..size {
            dst[i * size + k] = src[k * n + i];
        }
    }
    dst[n * size..].copy_from_slice(&src[n * size..]);
}

/// Elements of S bytes from their planes, 16 at a time; returns how many.
#[cfg(target_arch = "x86_64")]
fn planes_to<const S: usize>(src: &[u8], dst: &mut [u8], n: usize) -> usize {
    use std::arch::x86_64::*;
    for block in 0..n / 16 {
        let i = block * 16;
        // SAFETY: i + 16 ≤ n, so every plane has 16 bytes at i and `dst` has 16·S bytes at i·S; loads and
        // stores are unaligned. SSE2 is part of x86-64.
        unsafe {
            let mut v = [_mm_setzero_si128(); S];
            for k in 0..S {
                v[k] = _mm_loadu_si128(src.as_ptr().add(k * n + i).cast());
            }
            let mut stage = 1;
            while stage < S {
                let w = v;
                for k in 0..S / 2 {
                    v[2 * k] = _mm_unpacklo_epi8(w[k], w[k + S / 2]);
                    v[2 * k + 1] = _mm_unpackhi_epi8(w[k], w[k + S / 2]);
                }
                stage *= 2;
            }
            for k in 0..S {
                _mm_storeu_si128(dst.as_mut_ptr().add(i * S + 16 * k).cast(), v[k]);
            }
        }
    }
    n / 16 * 16
}

/// Planes from elements of S bytes, 16 at a time; returns how many.
#[cfg(target_arch = "x86_64")]
fn planes_from<const S: usize>(src: &[u8], dst: &mut [u8], n: usize) -> usize {
    use std::arch::x86_64::*;
    for block in 0..n / 16 {
        let i = block * 16;
        // SAFETY: as in `planes_to`, with source and destination exchanged.
        unsafe {
            let low = _mm_set1_epi16(0xff);
            let mut v = [_mm_setzero_si128(); S];
            for k in 0..S {
                v[k] = _mm_loadu_si128(src.as_ptr().add(i * S + 16 * k).cast());
            }
            let mut stage = 1;
            while stage < S {
                let w = v;
                for k in 0..S / 2 {
                    v[k] = _mm_packus_epi16(_mm_and_si128(w[2 * k], low), _mm_and_si128(w[2 * k + 1], low));
                    v[k + S / 2] = _mm_packus_epi16(_mm_srli_epi16::<8>(w[2 * k]), _mm_srli_epi16::<8>(w[2 * k + 1]));
                }
                stage *= 2;
            }
            for k in 0..S {
                _mm_storeu_si128(dst.as_mut_ptr().add(k * n + i).cast(), v[k]);
            }
        }
    }
    n / 16 * 16
}

#[cfg(not(target_arch = "x86_64"))]
fn planes_to<const S: usize>(_: &[u8], _: &mut [u8], _: usize) -> usize {
    0
}

#[cfg(not(target_arch = "x86_64"))]
fn planes_from<const S: usize>(_: &[u8], _: &mut [u8], _: usize) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_hold_the_bytes_of_elements_in_order() {
        for size in [1, 2, 3, 4, 8, 12, 16] {
            for len in [0, 1, size, 15 * size, 16 * size, 33 * size + size / 2, 1000] {
                let src: Vec<u8> = (0..len).map(|i| (i * 37 + i / 251) as u8).collect();
                let n = len / size;
                let mut planes = vec![0; len];
                shuffle(&src, &mut planes, size);
                for i in 0..n {
                    for k in 0..size {
                        assert_eq!(planes[k * n + i], src[i * size + k], "size {size}, len {len}");
                    }
                }
                let mut back = vec![0; len];
                unshuffle(&planes, &mut back, size);
                assert_eq!(back, src);
            }
        }
    }
}
