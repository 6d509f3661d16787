//! Partials → one partial, along trees whose shape follows the cuts alone: 2i with 2i + 1, an odd last one
//! promoted, axis inside axis. So the bits do not depend on which task folded what.

use super::feed::{carve, carved_bytes};
use crate::error::Result;
use flagstone_kernels::reduce::Reduction;

/// A stack of partials, one of each reduction in a slot.
pub struct Tree<'a> {
    reductions: &'a [Reduction],
    kept: usize,
    slot_bytes: usize,
    slots: &'a mut [u8],
}

/// Bytes of a slot: a partial of each reduction over `kept` elements.
pub fn slot_bytes(reductions: &[Reduction], kept: u64) -> u64 {
    reductions.iter().map(|r| carved_bytes(r.partial_bytes(kept as usize) as u64)).sum()
}

/// Slots that folding lists of these lengths, nested, can need at once.
pub fn slots(lengths: &[u64]) -> u64 {
    lengths.iter().map(|&n| n.max(1).ilog2() as u64 + 1).sum::<u64>() + 1
}

impl<'a> Tree<'a> {
    /// Takes `slots` slots from the front of `scratch`.
    pub fn new(reductions: &'a [Reduction], kept: u64, slots: u64, scratch: &mut &'a mut [u8]) -> Tree<'a> {
        let slot_bytes = slot_bytes(reductions, kept);
        Tree { reductions, kept: kept as usize, slot_bytes: slot_bytes as usize, slots: carve(scratch, slot_bytes * slots) }
    }

    /// The partials of a slot.
    pub fn slot(&mut self, slot: usize) -> Vec<&mut [u8]> {
        let mut rest = &mut self.slots[slot * self.slot_bytes..][..self.slot_bytes];
        self.reductions.iter().map(|r| carve(&mut rest, r.partial_bytes(self.kept) as u64)).collect()
    }

    fn merge(&mut self, left: usize) {
        let pair = &mut self.slots[left * self.slot_bytes..][..2 * self.slot_bytes];
        let (mut a, mut b) = pair.split_at_mut(self.slot_bytes);
        for r in self.reductions {
            let bytes = r.partial_bytes(self.kept) as u64;
            r.merge(self.kept, carve(&mut a, bytes), carve(&mut b, bytes));
        }
    }

    /// Folds nested lists into slot `base`. `lengths(prefix)` is the length of the list at that place, or
    /// `None` where a leaf is; `leaf` writes it to the slot it is given, and may use those above.
    ///
    /// # Errors
    /// What `leaf` gives.
    pub fn fold(
        &mut self,
        base: usize,
        at: &mut Vec<u64>,
        lengths: &dyn Fn(&[u64]) -> Option<u64>,
        leaf: &mut dyn FnMut(&mut Tree<'a>, usize, &[u64]) -> Result<()>,
    ) -> Result<()> {
        let Some(n) = lengths(at) else { return leaf(self, base, at) };
        let mut ranks: Vec<u32> = Vec::new();
        for i in 0..n {
            at.push(i);
            let done = self.fold(base + ranks.len(), at, lengths, leaf);
            at.pop();
            done?;
            let mut rank = 0;
            while ranks.last() == Some(&rank) {
                ranks.pop();
                self.merge(base + ranks.len());
                rank += 1;
            }
            ranks.push(rank);
        }
        while ranks.len() > 1 {
            ranks.pop();
            self.merge(base + ranks.len() - 1);
        }
        Ok(())
    }
}
