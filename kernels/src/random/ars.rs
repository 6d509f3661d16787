//! (key, counter) → bits. ARS-7: seven rounds of AES under round keys that a Weyl sequence gives turn a counter of 128
//! bits into as many random ones. Desktop and server cores of the last ten years, and Apple's, have a round
//! as an instruction; on others it is table lookups, an order of magnitude slower and to the same bits.
//! Source: Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011; FIPS 197 for the rounds.

pub(super) const ROUNDS: usize = 7;
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];

/// 128 bits as two words, the low one first.
pub(super) type Block = [u64; 2];

/// Blocks made together: a round has a long latency, and eight of them hide it.
pub(super) const TOGETHER: usize = 8;

/// The round keys.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct Key(pub(super) [Block; ROUNDS + 1]);

impl Key {
    /// The key of a stream of a seed, of which no other has the same.
    pub(super) fn of(seed: u64, stream: u64) -> Key {
        let seed = split_mix(seed);
        Key(round_keys([seed, split_mix(seed.wrapping_add(stream))]))
    }

    /// The bits of a few counters.
    #[inline]
    pub(super) fn blocks(&self, counters: &[Block; TOGETHER]) -> [Block; TOGETHER] {
        #[cfg(target_arch = "x86_64")]
        if crate::isa::has_aes() {
            // SAFETY: the machine has the instructions.
            return unsafe { x86::blocks(self, counters) };
        }
        #[cfg(target_arch = "aarch64")]
        if crate::isa::has_aes() {
            // SAFETY: the machine has the instructions.
            return unsafe { aarch64::blocks(self, counters) };
        }
        counters.map(|counter| by_tables(&self.0, counter))
    }
}

fn round_keys<const N: usize>(key: Block) -> [Block; N] {
    std::array::from_fn(|round| [0, 1].map(|word| WEYL[word].wrapping_mul(round as u64).wrapping_add(key[word])))
}

/// The finaliser of SplitMix64: a bijection that leaves no pattern of its argument.
fn split_mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// SubBytes: x⁻¹ in GF(2⁸) modulo x⁸ + x⁴ + x³ + x + 1, then an affine map.
const SUBSTITUTE: [u8; 256] = {
    let mut table = [0; 256];
    // p runs through the powers of 3, q through those of 1/3
    let (mut p, mut q) = (1u8, 1u8);
    loop {
        p ^= double(p);
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if q & 0x80 != 0 {
            q ^= 0x09;
        }
        table[p as usize] = 0x63 ^ q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4);
        if p == 1 {
            break;
        }
    }
    table[0] = 0x63;
    table
};

/// What SubBytes and MixColumns make of a byte of row 0: (2, 1, 1, 3) times its substitute, first row lowest.
const COLUMN: [u32; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let s = SUBSTITUTE[x];
        table[x] = u32::from_le_bytes([double(s), s, s, double(s) ^ s]);
        x += 1;
    }
    table
};

/// x · 2 in GF(2⁸).
const fn double(x: u8) -> u8 {
    (x << 1) ^ if x & 0x80 != 0 { 0x1b } else { 0 }
}

/// Where a machine has no instruction. As many rounds as there are keys after the first.
fn by_tables(keys: &[Block], counter: Block) -> Block {
    let words = |[low, high]: Block| [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32];
    let add = |state: [u32; 4], key: Block| -> [u32; 4] { std::array::from_fn(|c| state[c] ^ words(key)[c]) };
    let mut state = add(words(counter), keys[0]);
    for (round, &key) in keys.iter().enumerate().skip(1) {
        // byte r of column c comes from column c + r: ShiftRows
        let byte = |c: usize, r: usize| (state[(c + r) % 4] >> (8 * r)) as u8 as usize;
        let columns: [u32; 4] = std::array::from_fn(|c| {
            if round + 1 < keys.len() {
                (0..4).fold(0, |column, r| column ^ COLUMN[byte(c, r)].rotate_left(8 * r as u32))
            } else {
                (0..4).fold(0, |column, r| column | (SUBSTITUTE[byte(c, r)] as u32) << (8 * r))
            }
        });
        state = add(columns, key);
    }
    let word = |low: u32, high: u32| low as u64 | (high as u64) << 32;
    [word(state[0], state[1]), word(state[2], state[3])]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Block, Key, ROUNDS, TOGETHER};
    use std::arch::x86_64::*;

    #[target_feature(enable = "aes")]
    pub(super) fn blocks(key: &Key, counters: &[Block; TOGETHER]) -> [Block; TOGETHER] {
        // SAFETY: a block has as many bytes as a vector.
        let load = |block: &Block| unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
        let mut blocks = [_mm_setzero_si128(); TOGETHER];
        for (block, counter) in blocks.iter_mut().zip(counters) {
            *block = _mm_xor_si128(load(counter), load(&key.0[0]));
        }
        for round in &key.0[1..ROUNDS] {
            let round = load(round);
            for block in &mut blocks {
                *block = _mm_aesenc_si128(*block, round);
            }
        }
        let round = load(&key.0[ROUNDS]);
        let mut out = [[0; 2]; TOGETHER];
        for (out, block) in out.iter_mut().zip(blocks) {
            // SAFETY: as above.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_aesenclast_si128(block, round)) };
        }
        out
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use super::{Block, Key, ROUNDS, TOGETHER};
    use std::arch::aarch64::*;

    #[target_feature(enable = "aes")]
    pub(super) fn blocks(key: &Key, counters: &[Block; TOGETHER]) -> [Block; TOGETHER] {
        // SAFETY: a block has as many bytes as a vector.
        let load = |block: &Block| unsafe { vld1q_u8(block.as_ptr().cast()) };
        let mut blocks = [vdupq_n_u8(0); TOGETHER];
        for (block, counter) in blocks.iter_mut().zip(counters) {
            *block = load(counter);
        }
        // here the key comes before the substitution
        for round in &key.0[..ROUNDS - 1] {
            let round = load(round);
            for block in &mut blocks {
                *block = vaesmcq_u8(vaeseq_u8(*block, round));
            }
        }
        let (round, last) = (load(&key.0[ROUNDS - 1]), load(&key.0[ROUNDS]));
        let mut out = [[0; 2]; TOGETHER];
        for (out, block) in out.iter_mut().zip(blocks) {
            // SAFETY: as above.
            unsafe { vst1q_u8(out.as_mut_ptr().cast(), veorq_u8(vaeseq_u8(block, round), last)) };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    fn block(words: [u32; 4]) -> Block {
        [0, 2].map(|i| words[i] as u64 | (words[i + 1] as u64) << 32)
    }

    /// Known answers of the Random123 distribution (`kat_vectors`), which has them for ten rounds.
    #[test]
    fn known_answers() {
        const DIGITS: [u32; 8] = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89];
        let digits = |from: usize| std::array::from_fn(|i| DIGITS[from + i]);
        for (counter, key, want) in [
            ([0; 4], [0; 4], [0x8d73ee19, 0x506401ef, 0x13c2dbe4, 0x0cbe9c0d]),
            (digits(0), digits(4), [0xa516e7d6, 0x8357ad74, 0x5b59b3ec, 0x8763fff3]),
            ([u32::MAX; 4], [u32::MAX, u32::MAX, 0, 0], [0xbb3743b1, 0x9f635551, 0xecbc87fc, 0xa19478a9]),
        ] {
            let keys: [Block; 11] = round_keys(block(key));
            assert_eq!(by_tables(&keys, block(counter)), block(want));
        }
    }

    #[test]
    fn instructions_and_tables_agree() {
        for seed in 0..100 {
            let key = Key::of(seed, seed / 2);
            let counters = std::array::from_fn(|i| [split_mix(i as u64), seed << i]);
            let want = counters.map(|counter| by_tables(&key.0, counter));
            on_every_isa(|| assert_eq!(key.blocks(&counters), want));
        }
    }

    #[test]
    fn no_two_streams_have_the_same_key() {
        let mut keys: Vec<Block> = (0..40).flat_map(|seed| (0..40).map(move |stream| Key::of(seed, stream).0[0])).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 1600);
    }
}
