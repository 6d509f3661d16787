//! Random values by the definition: ARS-7 (Salmon et al., SC 2011), its rounds those of FIPS 197 one byte at a time, and
//! the laws as formulas in float64. Nothing of the engine is called.

use super::tensor::{Num, Tensor, fit, ulp};
use flagstone::DType;
use std::sync::LazyLock;

/// Product in GF(2⁸) modulo x⁸ + x⁴ + x³ + x + 1.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ if a >> 7 == 1 { 0x1b } else { 0 };
    }
    product
}

/// SubBytes of every byte: the inverse, found by trying, then the affine map.
static SUBSTITUTE: LazyLock<[u8; 256]> = LazyLock::new(|| {
    std::array::from_fn(|x| {
        let inverse = (0..=255).find(|&y| times(x as u8, y) == 1).unwrap_or(0);
        (0..5).fold(0x63, |byte, turn| byte ^ inverse.rotate_left(turn))
    })
});

/// One round on a state of 16 bytes, column after column; the last has no MixColumns.
fn round(state: [u8; 16], key: u128, last: bool) -> [u8; 16] {
    let moved: [u8; 16] = std::array::from_fn(|i| SUBSTITUTE[state[(i + 4 * (i % 4)) % 16] as usize]);
    let mixed = if last {
        moved
    } else {
        std::array::from_fn(|i| {
            let row = |r: usize| moved[i / 4 * 4 + (i + r) % 4];
            let double = |x: u8| (x << 1) ^ ((x >> 7) * 0x1b);
            double(row(0)) ^ double(row(1)) ^ row(1) ^ row(2) ^ row(3)
        })
    };
    (u128::from_le_bytes(mixed) ^ key).to_le_bytes()
}

/// ARS of `rounds` rounds: the round keys are a Weyl sequence in each half of the key.
fn ars(key: u128, counter: u128, rounds: u128) -> u128 {
    const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
    let round_key = |n: u128| {
        let half = |i: usize| ((key >> (64 * i)) as u64).wrapping_add(WEYL[i].wrapping_mul(n as u64)) as u128;
        half(0) | half(1) << 64
    };
    let mut state = (counter ^ round_key(0)).to_le_bytes();
    for n in 1..=rounds {
        state = round(state, round_key(n), n == rounds);
    }
    u128::from_le_bytes(state)
}

fn split_mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What random values follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    Uniform(f64, f64),
    Integers(i64, i64),
    Normal(f64, f64),
    Exponential(f64),
}

/// The array that a law, a dtype and a seed give: elements 2i and 2i + 1 come from the two words of block i.
pub fn tensor(law: Law, dtype: DType, shape: &[usize], seed: u64) -> Tensor {
    let key = split_mix(seed) as u128 | (split_mix(split_mix(seed)) as u128) << 64;
    let single = dtype == DType::F32;
    let mut words = (u128::MAX, [0u64; 2]);
    let mut pair = move |i: usize| {
        if words.0 != i as u128 / 2 {
            let block = ars(key, i as u128 / 2, 7);
            words = (i as u128 / 2, [block as u64, (block >> 64) as u64]);
        }
        words.1
    };
    let exact = matches!(law, Law::Uniform(..) | Law::Integers(..));
    Tensor::new(dtype, shape, exact, |i| {
        let words = pair(i);
        let own = words[i % 2];
        // in (0, 1], rounded to the dtype: near 1 the logarithm is small, and the rounding is most of it
        let above_zero = |word: u64| match single {
            true => (((word >> 33) as f32 + 0.5) / (1u32 << 31) as f32) as f64,
            false => ((word >> 11) + 1) as f64 / 2f64.powi(53),
        };
        match law {
            Law::Uniform(low, high) if single => {
                let grain = ((high - low) / 2f64.powi(24)) as f32;
                let value = grain.mul_add((own >> 40) as f32, low as f32);
                assert_eq!(low as f32 as f64, low, "drawn so");
                (Num::F(if (value as f64) < high { value } else { (high as f32).next_down() } as f64), 0.0)
            }
            Law::Uniform(low, high) => {
                let value = ((high - low) / 2f64.powi(53)).mul_add((own >> 11) as f64, low);
                (Num::F(if value < high { value } else { high.next_down() }), 0.0)
            }
            Law::Integers(low, high) => {
                let offset = (own as u128 * (high - low) as u128) >> 64;
                (Num::I(low as i128 + offset as i128), 0.0)
            }
            Law::Normal(loc, scale) => {
                // float64 turns by 54 bits, float32 by 32
                let bits = if single { 32 } else { 54 };
                let turn = words[1] >> (64 - bits);
                // the nearest quarter, taken off exactly
                let quarter = ((turn as u128 + (1 << (bits - 3))) >> (bits - 2)) as i128;
                let rest = (turn as i128 - (quarter << (bits - 2))) as f64 / 2f64.powi(bits - 2);
                let (sin, cos) = (rest * std::f64::consts::FRAC_PI_2).sin_cos();
                let (cos, sin) = [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)][quarter as usize % 4];
                let radius = (-2.0 * above_zero(words[0]).ln()).sqrt();
                let value = scale * radius * if i % 2 == 0 { cos } else { sin } + loc;
                (fit(Num::F(value), dtype), 8.0 * ulp(scale * radius + loc.abs(), dtype))
            }
            Law::Exponential(scale) => {
                let value = -scale * above_zero(own).ln();
                (fit(Num::F(value), dtype), 6.0 * ulp(value, dtype))
            }
        }
    })
}

/// Known answers of the Random123 distribution (`kat_vectors`), which has them for ten rounds.
#[test]
fn rounds_give_the_known_answers() {
    let block = |words: [u32; 4]| words.iter().rev().fold(0u128, |block, &word| block << 32 | word as u128);
    for (counter, key, want) in [
        ([0; 4], [0; 4], [0x8d73ee19, 0x506401ef, 0x13c2dbe4, 0x0cbe9c0d]),
        (
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89],
            [0xa516e7d6, 0x8357ad74, 0x5b59b3ec, 0x8763fff3],
        ),
        ([u32::MAX; 4], [u32::MAX, u32::MAX, 0, 0], [0xbb3743b1, 0x9f635551, 0xecbc87fc, 0xa19478a9]),
    ] {
        assert_eq!(ars(block(key), block(counter), 10), block(want));
    }
}
