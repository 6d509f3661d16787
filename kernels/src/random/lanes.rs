//! (law, key, indices) → values. The loops over blocks, cloned for each instruction set; what they compute is
//! the same straight-line code, so the bits are too.

use super::batch::{BATCH, Baseline, Bits, Blocks};
use super::law::Law;
use super::philox::Key;

/// The instruction sets that have a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// Every one that this machine has, the best last.
    pub(super) fn available() -> impl Iterator<Item = Isa> {
        let mut found = [Some(Isa::Baseline), None, None];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found[1] = Some(Isa::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                {
                    found[2] = Some(Isa::Avx512);
                }
            }
        }
        found.into_iter().flatten()
    }

    /// The best that this machine has.
    pub(super) fn best() -> Isa {
        Isa::available().last().unwrap_or(Isa::Baseline)
    }
}

/// Writes `value(lane0, lane1, i)` to element i of `out`, of the bits of block i of `blocks`.
#[inline(always)]
fn fill_batched<T: Copy + Default, const SHIFT: u32>(
    bits: impl Bits,
    key: &Key,
    blocks: Blocks<SHIFT>,
    out: &mut [T],
    value: impl Fn(u64, u64, u64) -> T,
) {
    let (whole, rest) = out.as_chunks_mut::<BATCH>();
    let mut last = [T::default(); BATCH];
    let mut at = 0;
    for out in whole.iter_mut().chain((!rest.is_empty()).then_some(&mut last)) {
        let batch = bits.batch(key, blocks, at);
        for i in 0..BATCH {
            out[i] = value(batch.lane0[i], batch.lane1[i], at + i as u64);
        }
        at += BATCH as u64;
    }
    rest.copy_from_slice(&last[..rest.len()]);
}

#[inline(always)]
fn pairs_loop<L: Law>(bits: impl Bits, law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
    let blocks = Blocks::<0> { first: block, step: 1 };
    fill_batched(bits, key, blocks, out, |lane0, lane1, _| law.pair(lane0, lane1));
}

/// A block an element. Where it is known before the loop which of a pair is wanted, the other's formula falls away.
#[inline(always)]
fn strided_loop<L: Law>(bits: impl Bits, law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
    let blocks = Blocks::<1> { first, step: step as u64 };
    match (step & 1, first & 1) {
        (0, 0) => fill_batched(bits, key, blocks, out, |lane0, lane1, _| law.one(lane0, lane1, false)),
        (0, _) => fill_batched(bits, key, blocks, out, |lane0, lane1, _| law.one(lane0, lane1, true)),
        _ => fill_batched(bits, key, blocks, out, |lane0, lane1, i| law.one(lane0, lane1, blocks.index(i) & 1 != 0)),
    }
}

/// Blocks `block`, `block` + 1, … of the generator of a run.
#[inline(always)]
fn run_words_loop(key: &Key, run: u64, block: u32, words: &mut [u64]) {
    let key = *key;
    for (i, pair) in words.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let (lane0, lane1) = key.lanes(block as u64 + i as u64, run, run >> 32, 1);
        *pair = [lane0, lane1];
    }
}

#[cfg(target_arch = "x86_64")]
mod clones {
    use super::super::batch::{Avx2, Avx512};
    use super::*;

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn pairs_avx2<L: Law>(law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
        // SAFETY: this function needs the instructions, too.
        let bits = unsafe { Avx2::new() };
        pairs_loop(bits, law, key, block, out);
    }
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn strided_avx2<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
        // SAFETY: this function needs the instructions, too.
        let bits = unsafe { Avx2::new() };
        strided_loop(bits, law, key, first, step, out);
    }
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_words_avx2(key: &Key, run: u64, block: u32, words: &mut [u64; 16]) {
        run_words_loop(key, run, block, words);
    }
    #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
    pub(super) fn run_words_avx512(key: &Key, run: u64, block: u32, words: &mut [u64; 16]) {
        run_words_loop(key, run, block, words);
    }
    #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
    pub(super) fn pairs_avx512<L: Law>(law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
        // SAFETY: this function needs the instructions, too.
        let bits = unsafe { Avx512::new() };
        pairs_loop(bits, law, key, block, out);
    }
    #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
    pub(super) fn strided_avx512<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
        // SAFETY: this function needs the instructions, too.
        let bits = unsafe { Avx512::new() };
        strided_loop(bits, law, key, first, step, out);
    }
}

/// Fills `words` from the generator of a run, from its block `block` on.
pub(super) fn run_words(isa: Isa, key: &Key, run: u64, block: u32, words: &mut [u64; 16]) {
    match isa {
        Isa::Baseline => run_words_loop(key, run, block, words),
        // SAFETY: an Isa other than Baseline comes from `available`, which detected its features.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { clones::run_words_avx2(key, run, block, words) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { clones::run_words_avx512(key, run, block, words) },
    }
}

/// The values of blocks `block`, `block` + 1, …: elements 2·block, 2·block + 1, …
fn pairs<L: Law>(isa: Isa, law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
    match isa {
        Isa::Baseline => pairs_loop(Baseline, law, key, block, out),
        // SAFETY: an Isa other than Baseline comes from `available`, which detected its features.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { clones::pairs_avx2(law, key, block, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { clones::pairs_avx512(law, key, block, out) },
    }
}

/// The values of elements `first`, `first` + `step`, …: one block each.
fn strided<L: Law>(isa: Isa, law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
    match isa {
        Isa::Baseline => strided_loop(Baseline, law, key, first, step, out),
        // SAFETY: an Isa other than Baseline comes from `available`, which detected its features.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { clones::strided_avx2(law, key, first, step, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { clones::strided_avx512(law, key, first, step, out) },
    }
}

/// The values of elements `first`, `first` + 1, …: pairs, and a single value at an odd start or end.
fn run<L: Law>(isa: Isa, law: L, key: &Key, first: u64, out: &mut [L::Value]) {
    let head = ((first & 1) as usize).min(out.len());
    let (start, rest) = out.split_at_mut(head);
    strided(isa, law, key, first, 1, start);
    let first = first.wrapping_add(head as u64);
    let (middle, end) = rest.as_chunks_mut::<2>();
    pairs(isa, law, key, first >> 1, middle);
    strided(isa, law, key, first.wrapping_add(2 * middle.len() as u64), 1, end);
}

/// Writes elements `first`, `first` + `step`, … to `out`, whatever its alignment, a tile in L1 at a time.
pub(super) fn fill<L: Law>(isa: Isa, law: L, key: &Key, first: u64, step: i64, out: &mut [u8]) {
    const TILE: usize = 1024;
    if !matches!(step, -1 | 0)
        && let Ok(values) = bytemuck::try_cast_slice_mut::<u8, L::Value>(out)
    {
        return if step == 1 { run(isa, law, key, first, values) } else { strided(isa, law, key, first, step, values) };
    }
    let item = size_of::<L::Value>();
    let mut tile = [L::Value::default(); TILE];
    let mut index = first;
    for bytes in out.chunks_mut(TILE * item) {
        let values = &mut tile[..bytes.len() / item];
        let ahead = (values.len() as i64 - 1).wrapping_mul(step) as u64;
        match step {
            1 => run(isa, law, key, index, values),
            -1 => {
                run(isa, law, key, index.wrapping_add(ahead), values);
                values.reverse();
            }
            0 => {
                strided(isa, law, key, index, 1, &mut values[..1]);
                let value = values[0];
                values.fill(value);
            }
            _ => strided(isa, law, key, index, step, values),
        }
        bytes.copy_from_slice(bytemuck::cast_slice(values));
        index = index.wrapping_add(ahead).wrapping_add(step as u64);
    }
}
