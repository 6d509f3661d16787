//! (key, evenly spaced indices) → bits. A batch of blocks before their values: multiplies have a long latency, and
//! what comes of many blocks side by side does not wait for it.

use super::philox::Key;

/// Blocks of a batch.
pub(super) const BATCH: usize = 32;

/// The two lanes of each block of a batch.
#[repr(align(64))]
pub(super) struct Batch {
    pub(super) lane0: [u64; BATCH],
    pub(super) lane1: [u64; BATCH],
}

/// The blocks of the indices `first` + i·`step`, a block every 2^`SHIFT` indices.
#[derive(Clone, Copy)]
pub(super) struct Blocks<const SHIFT: u32> {
    pub(super) first: u64,
    pub(super) step: u64,
}

impl<const SHIFT: u32> Blocks<SHIFT> {
    #[inline(always)]
    pub(super) fn index(self, i: u64) -> u64 {
        self.first.wrapping_add(i.wrapping_mul(self.step))
    }

    /// The counter of the block of index i.
    #[inline(always)]
    pub(super) fn counter(self, i: u64) -> [u64; 4] {
        let block = self.index(i) >> SHIFT;
        [block, block.rotate_right(32), 0, 0]
    }
}

/// How the bits of a batch are made.
pub(super) trait Bits: Copy {
    /// Those of the blocks `at`, `at` + 1, … of `blocks`.
    fn batch<const SHIFT: u32>(self, key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch;
}

/// Whatever the machine has.
#[derive(Clone, Copy)]
pub(super) struct Baseline;

impl Bits for Baseline {
    #[inline(always)]
    fn batch<const SHIFT: u32>(self, key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
        // a function of its own: every law calls it
        #[inline(never)]
        fn baseline<const SHIFT: u32>(key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
            by_quarters(key, blocks, at)
        }
        baseline(key, blocks, at)
    }
}

/// AVX2. Whoever has one has the instructions.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// # Safety
    /// The machine must have AVX2.
    pub(super) unsafe fn new() -> Avx2 {
        Avx2(())
    }
}

#[cfg(target_arch = "x86_64")]
impl Bits for Avx2 {
    #[inline(always)]
    fn batch<const SHIFT: u32>(self, key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
        #[target_feature(enable = "avx2")]
        #[inline(never)]
        fn avx2<const SHIFT: u32>(key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
            by_quarters(key, blocks, at)
        }
        // SAFETY: `self` vouches for the instructions.
        unsafe { avx2(key, blocks, at) }
    }
}

/// Four chains of multiplies side by side, in a loop that vectorises.
#[inline(always)]
fn by_quarters<const SHIFT: u32>(key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
    const QUARTER: usize = BATCH / 4;
    let mut batch = Batch { lane0: [0; BATCH], lane1: [0; BATCH] };
    // arrays apart, so that the loop is seen to vectorise
    let (a0, rest) = batch.lane0.split_at_mut(QUARTER);
    let (b0, rest) = rest.split_at_mut(QUARTER);
    let (c0, d0) = rest.split_at_mut(QUARTER);
    let (a1, rest) = batch.lane1.split_at_mut(QUARTER);
    let (b1, rest) = rest.split_at_mut(QUARTER);
    let (c1, d1) = rest.split_at_mut(QUARTER);
    for i in 0..QUARTER {
        let counter = |quarter: usize| blocks.counter(at + (quarter * QUARTER + i) as u64);
        [(a0[i], a1[i]), (b0[i], b1[i]), (c0[i], c1[i]), (d0[i], d1[i])] =
            key.lanes_together([counter(0), counter(1), counter(2), counter(3)]);
    }
    batch
}

/// AVX-512F. Whoever has one has the instructions. Written out, since compilers leave half of the speed. (AVX2 gains
/// nothing by it: there the time goes into turning integers into floats.)
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    /// # Safety
    /// The machine must have AVX-512F.
    pub(super) unsafe fn new() -> Avx512 {
        Avx512(())
    }
}

#[cfg(target_arch = "x86_64")]
impl Bits for Avx512 {
    #[inline(always)]
    fn batch<const SHIFT: u32>(self, key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
        // SAFETY: `self` vouches for the instructions.
        unsafe { avx512::batch(key, blocks, at) }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::*;
    use crate::random::philox::MULTIPLIERS;
    use std::arch::x86_64::*;

    const WIDTH: usize = 8;
    const CHAINS: usize = BATCH / WIDTH;

    /// a ^ b ^ c, and a | (b & c), as tables of the eight cases.
    const XOR: i32 = 0x96;
    const OR_AND: i32 = 0xf8;

    #[target_feature(enable = "avx512f")]
    #[inline(never)]
    pub(super) fn batch<const SHIFT: u32>(key: &Key, blocks: Blocks<SHIFT>, at: u64) -> Batch {
        let [m0, m1] = MULTIPLIERS.map(|m| _mm512_set1_epi64(m as i64));
        let step = |i: u64| i.wrapping_mul(blocks.step) as i64;
        let steps = _mm512_setr_epi64(0, step(1), step(2), step(3), step(4), step(5), step(6), step(7));
        let mut words: [[__m512i; 4]; CHAINS] = std::array::from_fn(|chain| {
            let first = _mm512_set1_epi64(blocks.index(at + (WIDTH * chain) as u64) as i64);
            let block = _mm512_srli_epi64::<SHIFT>(_mm512_add_epi64(first, steps));
            [block, _mm512_srli_epi64::<32>(block), _mm512_setzero_si512(), _mm512_setzero_si512()]
        });
        // spelt out, since the words of a loop would be copied from round to round
        macro_rules! rounds {
            ($($round:literal)*) => {$({
                let [k0, k1] = key.round($round).map(|word| _mm512_set1_epi64(word as i64));
                for [c0, c1, c2, c3] in &mut words {
                    let (p0, p1) = (_mm512_mul_epu32(*c0, m0), _mm512_mul_epu32(*c2, m1));
                    let (high0, high1) = (_mm512_srli_epi64::<32>(p0), _mm512_srli_epi64::<32>(p1));
                    (*c0, *c1) = (_mm512_ternarylogic_epi64::<XOR>(high1, *c1, k0), p1);
                    (*c2, *c3) = (_mm512_ternarylogic_epi64::<XOR>(high0, *c3, k1), p0);
                }
            })*};
        }
        rounds!(0 1 2 3 4 5 6 7 8 9);
        let low = _mm512_set1_epi64(0xffff_ffff);
        let join = |high: __m512i, word: __m512i| _mm512_ternarylogic_epi64::<OR_AND>(_mm512_slli_epi64::<32>(high), word, low);
        let lane0 = words.map(|[c0, c1, ..]| join(c0, c1));
        let lane1 = words.map(|[.., c2, c3]| join(c2, c3));
        // SAFETY: vectors are arrays of integers, here of the type that they are turned into.
        unsafe {
            Batch {
                lane0: std::mem::transmute::<[__m512i; CHAINS], [u64; BATCH]>(lane0),
                lane1: std::mem::transmute::<[__m512i; CHAINS], [u64; BATCH]>(lane1),
            }
        }
    }
}
