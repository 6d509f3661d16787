//! (law, key, indices) → values. The loops over blocks, cloned for each instruction set; the laws are the same
//! straight-line code in each, so the values are too.

use super::ars::Key;
use super::batch::{BATCH, Batch, Blocks};
use super::law::Law;
use crate::isa::{Loop, dispatch};

/// Writes `value(lanes, i)` to element i of `out`, of those lanes of block i of `blocks`.
#[inline(always)]
fn fill_batched<T: Copy + Default, const FIRST: usize, const LANES: usize>(
    key: &Key,
    blocks: Blocks,
    out: &mut [T],
    value: impl Fn([u64; LANES], u64) -> T,
) {
    let (whole, rest) = out.as_chunks_mut::<BATCH>();
    let mut last = [T::default(); BATCH];
    let mut at = 0;
    for out in whole.iter_mut().chain((!rest.is_empty()).then_some(&mut last)) {
        let Batch(lanes) = Batch::<FIRST, LANES>::new(key, blocks, at);
        for i in 0..BATCH {
            out[i] = value(lanes.each_ref().map(|lane| lane[i]), at + i as u64);
        }
        at += BATCH as u64;
    }
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The values of elements `first`, `first` + 1, … where `first` is even: pairs, both of a block.
struct Pairs<'a, L: Law> {
    law: L,
    key: &'a Key,
    first: u64,
    out: &'a mut [[L::Value; 2]],
}

impl<L: Law> Loop for Pairs<'_, L> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Pairs { law, key, first, out } = self;
        let blocks = Blocks { first, step: 2 };
        fill_batched::<_, 0, 2>(key, blocks, out, |[lane0, lane1], _| law.pair(lane0, lane1));
    }
}

/// The values of elements `first`, `first` + `step`, …: one block each. Where it is known before the loop which of a
/// pair is wanted, the other's formula falls away, and where a value needs one lane, the other is not made.
struct Strided<'a, L: Law> {
    law: L,
    key: &'a Key,
    first: u64,
    step: i64,
    out: &'a mut [L::Value],
}

impl<L: Law> Loop for Strided<'_, L> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Strided { law, key, first, step, out } = self;
        let blocks = Blocks { first, step: step as u64 };
        match (step & 1, first & 1) {
            (0, 0) if L::APART => fill_batched::<_, 0, 1>(key, blocks, out, |[lane], _| law.one(lane, lane, false)),
            (0, _) if L::APART => fill_batched::<_, 1, 1>(key, blocks, out, |[lane], _| law.one(lane, lane, true)),
            (0, 0) => fill_batched::<_, 0, 2>(key, blocks, out, |[lane0, lane1], _| law.one(lane0, lane1, false)),
            (0, _) => fill_batched::<_, 0, 2>(key, blocks, out, |[lane0, lane1], _| law.one(lane0, lane1, true)),
            _ => fill_batched::<_, 0, 2>(key, blocks, out, |[lane0, lane1], i| law.one(lane0, lane1, blocks.index(i) & 1 != 0)),
        }
    }
}

/// The values of elements `first`, `first` + 1, …: pairs, and a single value at an odd start or end.
fn run<L: Law>(law: L, key: &Key, first: u64, out: &mut [L::Value]) {
    let head = ((first & 1) as usize).min(out.len());
    let (start, rest) = out.split_at_mut(head);
    strided(law, key, first, 1, start);
    let first = first.wrapping_add(head as u64);
    let (middle, end) = rest.as_chunks_mut::<2>();
    let after = first.wrapping_add(2 * middle.len() as u64);
    dispatch(Pairs { law, key, first, out: middle });
    strided(law, key, after, 1, end);
}

fn strided<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [L::Value]) {
    dispatch(Strided { law, key, first, step, out });
}

/// Writes elements `first`, `first` + `step`, … to `out`, whatever its alignment, a tile in L1 at a time.
pub(super) fn fill<L: Law>(law: L, key: &Key, first: u64, step: i64, out: &mut [u8]) {
    const TILE: usize = 1024;
    if !matches!(step, -1 | 0)
        && let Ok(values) = bytemuck::try_cast_slice_mut::<u8, L::Value>(out)
    {
        return if step == 1 { run(law, key, first, values) } else { strided(law, key, first, step, values) };
    }
    let item = size_of::<L::Value>();
    let mut tile = [L::Value::default(); TILE];
    let mut index = first;
    for bytes in out.chunks_mut(TILE * item) {
        let values = &mut tile[..bytes.len() / item];
        let ahead = (values.len() as i64 - 1).wrapping_mul(step) as u64;
        match step {
            1 => run(law, key, index, values),
            -1 => {
                run(law, key, index.wrapping_add(ahead), values);
                values.reverse();
            }
            0 => {
                strided(law, key, index, 1, &mut values[..1]);
                let value = values[0];
                values.fill(value);
            }
            _ => strided(law, key, index, step, values),
        }
        bytes.copy_from_slice(bytemuck::cast_slice(values));
        index = index.wrapping_add(ahead).wrapping_add(step as u64);
    }
}
