//! (key, counter) → bits. Philox4x32-10: ten rounds of two 32 × 32 → 64 multiplies turn a counter into four
//! random words. Written over `u64` values of which only the low half counts, so that loops over it
//! vectorise (`vpmuludq`).
//! Source: Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011.

pub(super) const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
const LOW: u64 = 0xffff_ffff;

/// The two key words of each round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key([[u64; 2]; ROUNDS]);

impl Key {
    /// The schedule of a two-word key.
    pub(super) fn new(words: [u32; 2]) -> Key {
        Key(std::array::from_fn(|r| {
            // twice in the word, though the upper half never counts: were it known to be 0, the masks of `lanes`
            // would vanish and with them LLVM's reason to take the short multiply
            [0, 1].map(|w| words[w].wrapping_add(WEYL[w].wrapping_mul(r as u32)) as u64 * 0x1_0000_0001)
        }))
    }

    /// The key of a stream of a seed. For one seed every stream has another key.
    pub(super) fn of(seed: u64, stream: u64) -> Key {
        let hash = split_mix(split_mix(seed).wrapping_add(stream));
        Key::new([hash as u32, (hash >> 32) as u32])
    }

    /// The two words of a round.
    #[inline(always)]
    pub(super) fn round(&self, round: usize) -> [u64; 2] {
        self.0[round]
    }

    /// Four words for a counter of four words, as two lanes (words 0 and 1, words 2 and 3; high word first). Of
    /// each argument only the low 32 bits count (better if the upper ones are not known
    /// to be 0, see [`Key::new`]).
    #[inline(always)]
    pub(super) fn lanes(&self, c0: u64, c1: u64, c2: u64, c3: u64) -> (u64, u64) {
        let [lanes] = self.lanes_together([[c0, c1, c2, c3]]);
        lanes
    }

    /// [`Key::lanes`] of `N` counters, round by round: as many chains of multiplies hide each other's latency, also
    /// where a core's scheduler holds fewer operations than a chain has.
    #[inline(always)]
    pub(super) fn lanes_together<const N: usize>(&self, mut counters: [[u64; 4]; N]) -> [(u64, u64); N] {
        // spelt out: a loop of so long a body would not be unrolled, and what holds it would not vectorise
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = self.0;
        round(&mut counters, r0);
        round(&mut counters, r1);
        round(&mut counters, r2);
        round(&mut counters, r3);
        round(&mut counters, r4);
        round(&mut counters, r5);
        round(&mut counters, r6);
        round(&mut counters, r7);
        round(&mut counters, r8);
        round(&mut counters, r9);
        counters.map(|[c0, c1, c2, c3]| ((c0 << 32) | (c1 & LOW), (c2 << 32) | (c3 & LOW)))
    }
}

#[inline(always)]
fn round<const N: usize>(counters: &mut [[u64; 4]; N], [k0, k1]: [u64; 2]) {
    for [c0, c1, c2, c3] in counters {
        let p0 = (*c0 & LOW) * MULTIPLIERS[0];
        let p1 = (*c2 & LOW) * MULTIPLIERS[1];
        // the upper halves of c1 and c3 hold rubbish from here on: nothing reads them
        (*c0, *c1) = ((p1 >> 32) ^ *c1 ^ k0, p1);
        (*c2, *c3) = ((p0 >> 32) ^ *c3 ^ k1, p0);
    }
}

/// The finaliser of SplitMix64: a bijection that leaves no pattern of its argument.
fn split_mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution (`kat_vectors`).
    #[test]
    fn known_answers() {
        for (counter, key, want) in [
            ([0; 4], [0; 2], [0x6627e8d5u32, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
            ([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]),
        ] {
            let [c0, c1, c2, c3] = counter.map(|word: u32| word as u64);
            let (a, b) = Key::new(key).lanes(c0, c1, c2, c3);
            assert_eq!([(a >> 32) as u32, a as u32, (b >> 32) as u32, b as u32], want);
        }
    }
}
