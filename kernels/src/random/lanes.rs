//! (law, key, indices) → values. The loops over blocks, cloned for each instruction set; what they compute is
//! the same straight-line code, so the bits are too.

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

/// The counter of block `block` of a stream.
#[inline(always)]
fn counter(block: u64) -> [u64; 4] {
    [block, block.rotate_right(32), 0, 0]
}

/// Blocks of a quarter of a stage.
const QUARTER: usize = 32;
/// Blocks whose bits are made before their values: the two are loops of their own, so that neither waits for the
/// other's latency.
const STAGE: usize = 4 * QUARTER;

/// Writes `value(lane0, lane1, i)` to element i of `out`, of the bits of block `block(i)`.
#[inline(always)]
fn fill_staged<T>(key: &Key, block: impl Fn(u64) -> u64, out: &mut [T], value: impl Fn(u64, u64, u64) -> T) {
    let key = *key;
    let (stages, rest) = out.as_chunks_mut::<STAGE>();
    let mut first = 0;
    for stage in stages {
        // arrays apart, so that the loop is seen to vectorise
        let (mut a0, mut b0, mut c0, mut d0) = ([0; QUARTER], [0; QUARTER], [0; QUARTER], [0; QUARTER]);
        let (mut a1, mut b1, mut c1, mut d1) = ([0; QUARTER], [0; QUARTER], [0; QUARTER], [0; QUARTER]);
        for i in 0..QUARTER {
            let at = |quarter: usize| counter(block(first + (quarter * QUARTER + i) as u64));
            [(a0[i], a1[i]), (b0[i], b1[i]), (c0[i], c1[i]), (d0[i], d1[i])] = key.lanes_together([at(0), at(1), at(2), at(3)]);
        }
        let bits = [(a0, a1), (b0, b1), (c0, c1), (d0, d1)];
        for (out, (lanes0, lanes1)) in stage.as_chunks_mut::<QUARTER>().0.iter_mut().zip(&bits) {
            for i in 0..QUARTER {
                out[i] = value(lanes0[i], lanes1[i], first + i as u64);
            }
            first += QUARTER as u64;
        }
    }
    for (i, out) in (first..).zip(rest) {
        let [c0, c1, c2, c3] = counter(block(i));
        let (lane0, lane1) = key.lanes(c0, c1, c2, c3);
        *out = value(lane0, lane1, i);
    }
}

#[inline(always)]
fn pairs_loop<L: Law>(law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
    fill_staged(key, |i| block.wrapping_add(i), out, |lane0, lane1, _| law.pair(lane0, lane1));
}

#[inline(always)]
fn strided_loop<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
    match (step & 1, first & 1) {
        (0, 0) => every(law, key, first, step, |_| false, out),
        (0, _) => every(law, key, first, step, |_| true, out),
        _ => every(law, key, first, step, |index| index & 1 != 0, out),
    }
}

/// A block an element. Where `odd` is known before the loop, half of the block's last round falls away, and the
/// other value of the pair with it.
#[inline(always)]
fn every<L: Law>(law: L, key: &Key, first: u64, step: i64, odd: impl Fn(u64) -> bool, out: &mut [L::Value]) {
    let index = |i: u64| first.wrapping_add(i.wrapping_mul(step as u64));
    if L::LONG {
        return fill_staged(key, |i| index(i) >> 1, out, |lane0, lane1, i| law.one(lane0, lane1, odd(index(i))));
    }
    let key = *key;
    for (i, value) in (0..).zip(out) {
        let [c0, c1, c2, c3] = counter(index(i) >> 1);
        let (lane0, lane1) = key.lanes(c0, c1, c2, c3);
        *value = law.one(lane0, lane1, odd(index(i)));
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
    use super::*;

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn pairs_avx2<L: Law>(law: L, key: &Key, block: u64, out: &mut [[L::Value; 2]]) {
        pairs_loop(law, key, block, out);
    }
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn strided_avx2<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
        strided_loop(law, key, first, step, out);
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
        pairs_loop(law, key, block, out);
    }
    #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
    pub(super) fn strided_avx512<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
        strided_loop(law, key, first, step, out);
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
        Isa::Baseline => pairs_loop(law, key, block, out),
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
        Isa::Baseline => strided_loop(law, key, first, step, out),
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
