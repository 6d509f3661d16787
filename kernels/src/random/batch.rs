//! (key, evenly spaced indices) → bits. A batch of blocks before their values, made by one function for all laws.

use super::ars::{Key, TOGETHER};

/// Blocks of a batch.
pub(super) const BATCH: usize = 32;

/// Lanes `FIRST` .. `FIRST` + `LANES` of the two of each block of a batch.
#[repr(align(64))]
pub(super) struct Batch<const FIRST: usize, const LANES: usize>(pub(super) [[u64; BATCH]; LANES]);

/// The blocks of the elements `first` + i·`step` of a stream, a block every two elements.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub(super) first: u64,
    pub(super) step: u64,
}

impl Blocks {
    /// Element i, modulo 2⁶⁴.
    #[inline(always)]
    pub(super) fn index(self, i: u64) -> u64 {
        self.first.wrapping_add(i.wrapping_mul(self.step))
    }
}

impl<const FIRST: usize, const LANES: usize> Batch<FIRST, LANES> {
    /// The blocks `at`, `at` + 1, … of `blocks`.
    #[inline(never)]
    pub(super) fn new(key: &Key, blocks: Blocks, at: u64) -> Self {
        const { assert!(FIRST + LANES <= 2) }
        #[cfg(target_arch = "x86_64")]
        if crate::isa::has_vaes() {
            // SAFETY: the machine has the instructions.
            return Batch(unsafe { avx512::lanes::<FIRST, LANES>(key, blocks, at) });
        }
        let mut lanes = [[0; BATCH]; LANES];
        for first in (0..BATCH).step_by(TOGETHER) {
            let counters = std::array::from_fn(|i| [blocks.index(at + (first + i) as u64) >> 1, 0]);
            for (i, block) in key.blocks(&counters).iter().enumerate() {
                for (lane, out) in lanes.iter_mut().enumerate() {
                    out[first + i] = block[FIRST + lane];
                }
            }
        }
        Batch(lanes)
    }
}

/// Four blocks a vector. Plain loops: `map` and `from_fn` lack the instructions, and would not be inlined.
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{BATCH, Blocks, Key};
    use crate::random::ars::ROUNDS;
    use std::arch::x86_64::*;

    /// Words of a vector: a pair of vectors has as many blocks.
    const WIDTH: usize = 8;
    const PAIRS: usize = BATCH / WIDTH;

    #[target_feature(enable = "avx512f,vaes")]
    pub(super) fn lanes<const FIRST: usize, const LANES: usize>(key: &Key, blocks: Blocks, at: u64) -> [[u64; BATCH]; LANES] {
        let mut keys = [_mm512_setzero_si512(); ROUNDS + 1];
        for (vector, round) in keys.iter_mut().zip(&key.0) {
            // SAFETY: a block has 128 bits.
            *vector = _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(round.as_ptr().cast()) });
        }
        let step = |i: u64| i.wrapping_mul(blocks.step) as i64;
        // the even and the odd blocks of a pair, which its words then interleave
        let even = _mm512_setr_epi64(0, 0, step(2), 0, step(4), 0, step(6), 0);
        let odd = _mm512_setr_epi64(step(1), 0, step(3), 0, step(5), 0, step(7), 0);
        let mut pairs = [[_mm512_setzero_si512(); 2]; PAIRS];
        for (i, pair) in pairs.iter_mut().enumerate() {
            let first = _mm512_maskz_set1_epi64(0b0101_0101, blocks.index(at + (WIDTH * i) as u64) as i64);
            for (vector, steps) in pair.iter_mut().zip([even, odd]) {
                let counters = _mm512_srli_epi64::<1>(_mm512_add_epi64(first, steps));
                *vector = _mm512_xor_si512(counters, keys[0]);
            }
        }
        for round in 1..ROUNDS {
            for vector in pairs.as_flattened_mut() {
                *vector = _mm512_aesenc_epi128(*vector, keys[round]);
            }
        }
        let mut lanes = [[_mm512_setzero_si512(); PAIRS]; LANES];
        for (i, [even, odd]) in pairs.iter().enumerate() {
            let (even, odd) = (_mm512_aesenclast_epi128(*even, keys[ROUNDS]), _mm512_aesenclast_epi128(*odd, keys[ROUNDS]));
            for (lane, out) in lanes.iter_mut().enumerate() {
                out[i] = if FIRST + lane == 0 { _mm512_unpacklo_epi64(even, odd) } else { _mm512_unpackhi_epi64(even, odd) };
            }
        }
        // SAFETY: vectors are arrays of integers, and any bits are integers.
        unsafe { std::mem::transmute_copy(&lanes) }
    }
}
