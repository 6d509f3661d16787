//! Items → the greatest or least of them. Those that cannot be among them are passed over, many at a time.

use super::items::Item;
use crate::isa::{Loop, dispatch};

/// Items that are looked at together.
const TOGETHER: usize = 64;
/// So many times as many as are wanted are gathered before most of them go, and at least
const ROOM: usize = 4;
const ROOM_MIN: usize = 512;

/// Brings the `k` greatest of `items`, or the least, to the front, in any order; what stands behind them is lost. Cost: O(n), a
/// comparison an item where the outermost ones do not come last.
pub(super) fn to_front<I: Item>(items: &mut [I], k: usize, greatest: bool) {
    match greatest {
        _ if k == 0 || k == items.len() => {}
        true => gather::<I, true>(items, k),
        false => gather::<I, false>(items, k),
    }
}

fn gather<I: Item, const GREATEST: bool>(items: &mut [I], k: usize) {
    let room = k.saturating_mul(ROOM).max(ROOM_MIN);
    if items.len() <= room.saturating_mul(2) {
        settle::<I, GREATEST>(items, k);
        return;
    }
    let mut bound = settle::<I, GREATEST>(&mut items[..room], k);
    let (mut kept, mut at) = (k, room);
    while let Some(next) = dispatch(Next::<'_, I, GREATEST> { items: &items[at..], bound }) {
        let from = at + next * TOGETHER;
        at = (from + TOGETHER).min(items.len());
        for i in from..at {
            // what stands in the way was looked at
            items[kept] = items[i];
            kept += usize::from(is_beyond::<I, GREATEST>(items[i], bound));
        }
        if kept >= room {
            bound = settle::<I, GREATEST>(&mut items[..kept], k);
            kept = k;
        }
    }
    settle::<I, GREATEST>(&mut items[..kept], k);
}

/// Brings the outermost `k` to the front; gives the last of them.
fn settle<I: Item, const GREATEST: bool>(items: &mut [I], k: usize) -> I {
    let (_, last, _) = if GREATEST { items.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)) } else { items.select_nth_unstable(k - 1) };
    *last
}

#[inline(always)]
fn is_beyond<I: Item, const GREATEST: bool>(item: I, bound: I) -> bool {
    if GREATEST { item > bound } else { item < bound }
}

/// Which [`TOGETHER`] of the items has the first one beyond the bound.
struct Next<'a, I, const GREATEST: bool> {
    items: &'a [I],
    bound: I,
}

impl<I: Item, const GREATEST: bool> Loop for Next<'_, I, GREATEST> {
    type Out = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let any = |items: &[I]| items.iter().fold(false, |any, item| any | is_beyond::<I, GREATEST>(*item, self.bound));
        self.items.chunks(TOGETHER).position(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    #[test]
    fn what_comes_to_the_front_are_the_outermost() {
        let mut random = 1u64;
        let mut next = || {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            random >> 33
        };
        let n = 20_000u32;
        let samples: [Vec<u32>; 5] = [
            (0..n).map(|_| next() as u32).collect(),
            (0..n).collect(),
            (0..n).rev().collect(),
            (0..n).map(|_| next() as u32 % 5).collect(),
            vec![7; n as usize],
        ];
        on_every_isa(|| {
            for sample in &samples {
                for len in [1, 63, 1025, 5000, n as usize] {
                    for k in [1, 2, 100, 1000, len] {
                        let (k, mut expected) = (k.min(len), sample[..len].to_vec());
                        expected.sort_unstable();
                        for greatest in [false, true] {
                            let mut items = sample[..len].to_vec();
                            to_front(&mut items, k, greatest);
                            items[..k].sort_unstable();
                            let expected = if greatest { &expected[len - k..] } else { &expected[..k] };
                            assert_eq!(&items[..k], expected, "{k} of {len}, {greatest}");
                        }
                    }
                }
            }
        });
    }
}
