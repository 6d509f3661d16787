//! Lengths → places in a line of bytes (a spill file, a stretch of address space). Best fit, coalescing.
//!
//! It knows lengths and offsets only. The line ends at its last byte in use, so that freeing the tail
//! shortens it; `cap` bounds that end.

use std::collections::{BTreeMap, BTreeSet};

/// Which stretches of `[0, cap)` are in use.
#[derive(Debug)]
pub(crate) struct Extents {
    free_by_offset: BTreeMap<u64, u64>,
    free_by_len: BTreeSet<(u64, u64)>,
    end: u64,
    cap: u64,
}

impl Extents {
    /// Nothing in use, room up to `cap`.
    pub(crate) fn new(cap: u64) -> Extents {
        Extents { free_by_offset: BTreeMap::new(), free_by_len: BTreeSet::new(), end: 0, cap }
    }

    /// One past the last byte in use.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// A place for `len` bytes: the smallest hole that holds it, else at the end; `None` past the cap.
    pub(crate) fn allocate(&mut self, len: u64) -> Option<u64> {
        debug_assert!(len > 0);
        if let Some(&(hole, offset)) = self.free_by_len.range((len, 0)..).next() {
            self.forget_hole(offset, hole);
            if hole > len {
                self.add_hole(offset + len, hole - len);
            }
            return Some(offset);
        }
        let offset = self.end;
        self.end = offset.checked_add(len).filter(|&end| end <= self.cap)?;
        Some(offset)
    }

    /// Gives `[offset, offset + len)` back; it must be in use. Any part of an allocation may be given back.
    pub(crate) fn free(&mut self, offset: u64, len: u64) {
        debug_assert!(offset + len <= self.end);
        if len == 0 {
            return;
        }
        let (mut start, mut stop) = (offset, offset + len);
        if let Some((&before, &hole)) = self.free_by_offset.range(..start).next_back() {
            debug_assert!(before + hole <= start, "freed twice");
            if before + hole == start {
                self.forget_hole(before, hole);
                start = before;
            }
        }
        if let Some(&hole) = self.free_by_offset.get(&stop) {
            self.forget_hole(stop, hole);
            stop += hole;
        }
        if stop == self.end {
            self.end = start;
        } else {
            self.add_hole(start, stop - start);
        }
    }

    fn add_hole(&mut self, offset: u64, len: u64) {
        self.free_by_offset.insert(offset, len);
        self.free_by_len.insert((len, offset));
    }

    fn forget_hole(&mut self, offset: u64, len: u64) {
        self.free_by_offset.remove(&offset);
        self.free_by_len.remove(&(len, offset));
    }
}

#[cfg(test)]
mod tests {
    use super::Extents;
    use proptest::prelude::*;

    #[test]
    fn holes_are_reused_and_coalesced() {
        let mut extents = Extents::new(100);
        let places: Vec<u64> = (0..5).map(|_| extents.allocate(20).unwrap()).collect();
        assert_eq!(places, [0, 20, 40, 60, 80]);
        assert_eq!(extents.allocate(1), None);
        extents.free(20, 20);
        extents.free(60, 20);
        extents.free(40, 20);
        assert_eq!(extents.allocate(60), Some(20));
        extents.free(20, 60);
        extents.free(80, 20);
        assert_eq!(extents.end(), 20);
        extents.free(0, 20);
        assert_eq!(extents.end(), 0);
    }

    #[test]
    fn the_smallest_hole_that_fits_is_taken() {
        let mut extents = Extents::new(u64::MAX);
        let places: Vec<u64> = [30, 5, 10, 5, 20, 5].iter().map(|&len| extents.allocate(len).unwrap()).collect();
        extents.free(places[0], 30);
        extents.free(places[2], 10);
        extents.free(places[4], 20);
        assert_eq!(extents.allocate(9), Some(places[2]));
        assert_eq!(extents.allocate(15), Some(places[4]));
        assert_eq!(extents.allocate(16), Some(places[0]));
    }

    proptest! {
        #[test]
        fn extents_in_use_never_overlap(actions in prop::collection::vec((1u64..50, any::<prop::sample::Index>(), any::<bool>()), 1..200)) {
            let mut extents = Extents::new(600);
            let mut held: Vec<(u64, u64)> = Vec::new();
            for (len, which, free) in actions {
                if free && !held.is_empty() {
                    let (offset, len) = held.swap_remove(which.index(held.len()));
                    extents.free(offset, len);
                } else if let Some(offset) = extents.allocate(len) {
                    prop_assert!(offset + len <= 600);
                    prop_assert!(held.iter().all(|&(o, l)| offset + len <= o || o + l <= offset));
                    held.push((offset, len));
                }
                prop_assert_eq!(extents.end(), held.iter().map(|&(o, l)| o + l).max().unwrap_or(0));
            }
        }
    }
}
