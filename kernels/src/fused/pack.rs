//! Strided rows → a panel of dense ones: how a transposed operand is read a cache line at a time.

#[cfg(target_arch = "x86_64")]
use crate::isa::has_avx512;
use crate::reduce::TILE;

/// Rows that a panel packs: a cache line of elements.
pub(super) fn panel_rows(size: usize) -> usize {
    64 / size
}

/// Bytes from one row of a panel to the next: past a tile, so that rows do not share cache sets.
pub(super) fn panel_pitch(size: usize) -> usize {
    size * TILE + 64
}

pub(super) fn panel_bytes(size: usize) -> usize {
    panel_rows(size) * panel_pitch(size)
}

/// Packs `rows` rows of `n` elements into a panel; row r starts r elements after `from`, and its elements
/// are `stride` bytes apart. Reads each cache line once, and writes whole ones where it can.
///
/// # Safety
/// The elements can be read, and the panel has room.
pub(super) unsafe fn pack(from: *const u8, stride: isize, panel: *mut u8, rows: usize, n: usize, size: usize) {
    unsafe fn each<T: Copy, const ROWS: usize>(from: *const u8, stride: isize, panel: *mut u8, rows: usize, n: usize) {
        // SAFETY: the caller's.
        unsafe {
            let pitch = panel_pitch(size_of::<T>());
            for c in 0..n {
                let line = from.offset(c as isize * stride).cast::<T>();
                let to = panel.cast::<T>().add(c);
                if rows == ROWS {
                    for r in 0..ROWS {
                        to.byte_add(r * pitch).write(line.add(r).read_unaligned());
                    }
                } else {
                    for r in 0..rows {
                        to.byte_add(r * pitch).write(line.add(r).read_unaligned());
                    }
                }
            }
        }
    }
    // SAFETY: the caller's.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if size == 8 && rows == avx512::SIDE && has_avx512() {
            return avx512::pack(from, stride, panel, n);
        }
        match size {
            1 => each::<u8, 64>(from, stride, panel, rows, n),
            2 => each::<u16, 32>(from, stride, panel, rows, n),
            4 => each::<u32, 16>(from, stride, panel, rows, n),
            8 => each::<u64, 8>(from, stride, panel, rows, n),
            _ => each::<[u64; 2], 4>(from, stride, panel, rows, n),
        }
    }
}

/// Squares of 8 × 8 elements of 8 bytes, turned in registers: three times as fast as element by element.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::panel_pitch;
    use std::arch::x86_64::*;

    pub(super) const SIDE: usize = 8;

    /// How far ahead lines are asked for: two panels. Lines a stride apart are on pages of their own, where no
    /// hardware looks ahead.
    const AHEAD: usize = 128;

    /// As [`super::pack`] of 8 rows.
    ///
    /// # Safety
    /// As there; the machine must have AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn pack(from: *const u8, stride: isize, panel: *mut u8, n: usize) {
        let pitch = panel_pitch(8);
        for column in (0..n).step_by(SIDE) {
            let last = SIDE.min(n - column) - 1;
            let mut lines = [_mm512_setzero_pd(); SIDE];
            for (i, line) in lines.iter_mut().enumerate() {
                let at = from.wrapping_offset((column + i.min(last)) as isize * stride);
                // SAFETY: columns that the caller says can be read; the last square repeats its last. Nothing is read
                // where a prefetch points.
                unsafe {
                    *line = _mm512_loadu_pd(at.cast());
                    _mm_prefetch::<_MM_HINT_T1>(at.wrapping_add(AHEAD).cast());
                }
            }
            for (r, row) in turned(&lines).iter().enumerate() {
                // SAFETY: row r of the panel, of which a tile's end is followed by 64 bytes.
                unsafe { _mm512_storeu_pd(panel.add(r * pitch + column * 8).cast(), *row) };
            }
        }
    }

    /// Element r of vector i becomes element i of vector r: pairs of neighbours, then every second quarter of two,
    /// twice. (Plain loops: `map` and `from_fn` lack the instructions, and would not be inlined.)
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn turned(l: &[__m512d; SIDE]) -> [__m512d; SIDE] {
        let zero = _mm512_setzero_pd();
        // [even or odd element][pair of lines]
        let mut pairs = [[zero; 4]; 2];
        for i in 0..4 {
            pairs[0][i] = _mm512_unpacklo_pd(l[2 * i], l[2 * i + 1]);
            pairs[1][i] = _mm512_unpackhi_pd(l[2 * i], l[2 * i + 1]);
        }
        let mut rows = [zero; SIDE];
        for (odd, [a, b, c, d]) in pairs.into_iter().enumerate() {
            let (low, high) = (_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0x88>(c, d));
            rows[odd] = _mm512_shuffle_f64x2::<0x88>(low, high);
            rows[odd + 4] = _mm512_shuffle_f64x2::<0xdd>(low, high);
            let (low, high) = (_mm512_shuffle_f64x2::<0xdd>(a, b), _mm512_shuffle_f64x2::<0xdd>(c, d));
            rows[odd + 2] = _mm512_shuffle_f64x2::<0x88>(low, high);
            rows[odd + 6] = _mm512_shuffle_f64x2::<0xdd>(low, high);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    #[test]
    fn a_panel_holds_the_rows_that_were_strided() {
        for size in [1, 2, 4, 8, 16] {
            for n in [1, 2, 7, 8, 9, 100, TILE] {
                for rows in [1, 3, panel_rows(size)] {
                    // one row more than is packed, so that lines are apart by an odd stride
                    let stride = (panel_rows(size) + 1) * size;
                    let data: Vec<u8> = (0..n * stride).map(|i| (i * 7 / 3) as u8).collect();
                    on_every_isa(|| {
                        let mut panel = vec![0u8; panel_bytes(size)];
                        // SAFETY: n lines of at least `rows` elements; the panel has room.
                        unsafe { pack(data.as_ptr(), stride as isize, panel.as_mut_ptr(), rows, n, size) };
                        for (r, row) in panel.chunks(panel_pitch(size)).take(rows).enumerate() {
                            for (c, got) in row.chunks_exact(size).take(n).enumerate() {
                                assert_eq!(
                                    got,
                                    &data[c * stride + r * size..][..size],
                                    "row {r}, column {c} of {rows} × {n}, {size} bytes"
                                );
                            }
                        }
                    });
                }
            }
        }
    }
}
