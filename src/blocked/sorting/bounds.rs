//! Which blocks of sorted runs can hold the items of each block of their merge: that follows from their first items alone.
//!
//! Blocks are ordered by first item, then run: so ties cannot pile up. Before the first item of the i-th block stand at most all items
//! of the i blocks before it, and at least those less nearly one block of every run. A result of `out` items therefore never needs
//! more than `out` and two blocks a run ([`merged_items`]), whatever the values. The idea is the merge by quantiles of Varman et al.
//! (1991), without reading for the splitters.

use crate::expr::ops::RunBlock;
use crate::grid::AxisChunks;

/// Items of the blocks that a block of `out` merged items needs at most.
pub(super) fn merged_items(out: u64, piece: u64, runs: u64) -> u64 {
    out.saturating_add(piece.saturating_mul(runs.saturating_add(1)).saturating_mul(2))
}

/// Where the merge of the blocks of a result begins or ends.
pub(super) struct Bounds {
    /// For each block of the result, an order that the first item needed does not come before, or the last not after; `None`
    /// where all of the runs' items are.
    pub orders: Vec<Option<[u64; 4]>>,
    /// For each block of the result and each run in it, the number of a block of the run.
    pub blocks: Vec<u32>,
}

/// For each block of `grid`, from which block to which each run is needed, of runs of such lengths in `blocks` of so many items.
pub(super) fn bounds(lengths: &[u64], block_items: u64, blocks: &[RunBlock], grid: &AxisChunks) -> (Bounds, Bounds) {
    let count = lengths.len();
    let room = || Bounds { orders: Vec::new(), blocks: vec![0; grid.count() as usize * count] };
    let (mut from, mut to) = (room(), room());
    if blocks.is_empty() {
        return (from, to);
    }
    let length = |block: &RunBlock| block_items.min(lengths[block.run as usize] - block.at as u64 * block_items);
    // of each run, the blocks passed, and all items but the first of the last of them
    let (mut passed, mut open) = (vec![0u32; count], vec![0u64; count]);
    let (mut most, mut all_open) = (0, 0);
    for at in 0..=blocks.len() {
        let block = blocks.get(at);
        // items before the first of this block: at most, and at least
        let least = most - all_open + block.map_or(all_open, |block| open[block.run as usize]);
        while to.orders.len() < grid.count() as usize {
            let n = to.orders.len();
            let (start, len) = grid.chunk(n as u64);
            if least < start + len {
                break;
            }
            to.orders.push(block.map(|block| block.order));
            to.blocks[n * count..][..count].copy_from_slice(&passed);
        }
        let Some(block) = block else { break };
        let after = most + length(block);
        // the last block before whose first item at most `start` items stand
        while from.orders.len() < grid.count() as usize {
            let n = from.orders.len();
            if after <= grid.chunk(n as u64).0 {
                break;
            }
            from.orders.push(Some(block.order));
            for run in 0..count {
                let own = run == block.run as usize;
                from.blocks[n * count + run] = if own { passed[run] } else { passed[run].saturating_sub(1) };
            }
        }
        most = after;
        let run = block.run as usize;
        passed[run] += 1;
        all_open = all_open - open[run] + (length(block) - 1);
        open[run] = length(block) - 1;
    }
    (from, to)
}

/// The first of `0..n` for which `before` is false, which it stays.
pub(super) fn partition(n: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
