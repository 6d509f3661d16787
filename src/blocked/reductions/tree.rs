//! Partials → one partial, along trees whose shape follows the cuts alone: 2i with 2i + 1, an odd last one
//! promoted, axis inside axis. So the bits do not depend on which task folded what.

use crate::blocked::feed::{carve, carved_bytes};
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

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::DType;
    use flagstone_kernels::fused::Fused;
    use flagstone_kernels::op::ReduceOp;
    use flagstone_kernels::program::{Leaf, Program};
    use flagstone_kernels::view::View;

    #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C, align(64))]
    struct Line([u8; 64]);

    const VAR: Reduction = Reduction { op: ReduceOp::Var, dtype: DType::F64, out: DType::F64, skip_nan: false, ddof: 0.0, masked: false };

    fn partial() -> Vec<Line> {
        vec![Line([0; 64]); VAR.partial_bytes(1).div_ceil(64)]
    }

    /// The partial of three values that follow from the leaf's place: merges of variances round, and so tell in
    /// their bits in which order they were made.
    fn leaf(place: &[u64], to: &mut [u8]) {
        let seed = place.iter().fold(7u64, |s, &i| (s ^ (i + 1)).wrapping_mul(0x5851_F42D_4C95_7F2D));
        let values = [1u64, 2, 3].map(|k| (seed.wrapping_mul(2 * k + 1) >> 11) as f64 / 1e15);
        let program = Program { leaves: vec![Leaf::Input { slot: 0, dtype: DType::F64 }], steps: vec![] };
        let fused = Fused::new(program, vec![], vec![(0, VAR)]);
        let mut scratch = vec![Line([0; 64]); fused.scratch_bytes().div_ceil(64)];
        let view = View::dense(bytemuck::cast_slice(&values), DType::F64, &[3]);
        fused.reduce(&[0], &[3], &[3], &[true], &[view], &mut [], &mut [to], bytemuck::cast_slice_mut(&mut scratch));
    }

    /// Level by level: 2i with 2i + 1, an odd last one as it is.
    fn by_levels(mut list: Vec<Vec<Line>>) -> Vec<Line> {
        while list.len() > 1 {
            list = list
                .chunks(2)
                .map(|pair| {
                    let mut left = pair[0].clone();
                    if let [_, right] = pair {
                        VAR.merge(1, bytemuck::cast_slice_mut(&mut left), bytemuck::cast_slice(right));
                    }
                    left
                })
                .collect();
        }
        list.remove(0)
    }

    #[test]
    fn lists_fold_along_their_tree() {
        for lengths in (1..40).map(|n| vec![n]).chain([vec![3, 5], vec![7, 4], vec![2, 3, 6], vec![5, 1, 7]]) {
            let reductions = [VAR];
            let count = slots(&lengths);
            let mut scratch = vec![Line([0; 64]); (slot_bytes(&reductions, 1) * count).div_ceil(64) as usize];
            let mut rest: &mut [u8] = bytemuck::cast_slice_mut(&mut scratch);
            let mut tree = Tree::new(&reductions, 1, count, &mut rest);
            let lists = lengths.clone();
            tree.fold(0, &mut Vec::new(), &|at| lists.get(at.len()).copied(), &mut |tree, slot, at| {
                leaf(at, tree.slot(slot).remove(0));
                Ok(())
            })
            .unwrap();
            let got = tree.slot(0).remove(0).to_vec();

            fn nested(lengths: &[u64], at: &mut Vec<u64>) -> Vec<Line> {
                let Some(&n) = lengths.get(at.len()) else {
                    let mut of = partial();
                    leaf(at, bytemuck::cast_slice_mut(&mut of));
                    return of;
                };
                let list = (0..n).map(|i| {
                    at.push(i);
                    let of = nested(lengths, at);
                    at.pop();
                    of
                });
                by_levels(list.collect())
            }
            let want = nested(&lengths, &mut Vec::new());
            assert_eq!(got, bytemuck::cast_slice::<Line, u8>(&want)[..got.len()], "lists of {lengths:?}");
        }
    }
}
