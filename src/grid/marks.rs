//! Which blocks of a grid are marked, and those that are not as few boxes.

use super::{ravel, unravel};

/// A mark for each block of a grid, in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    counts: Vec<u64>,
    words: Vec<u64>,
}

/// Bits of a word.
const BITS: u64 = 64;

impl Marks {
    /// None marked, of a grid with so many blocks along each axis. Takes a bit a block.
    pub fn none(counts: &[u64]) -> Marks {
        let blocks: u64 = counts.iter().product();
        Marks { counts: counts.to_vec(), words: vec![0; blocks.div_ceil(BITS) as usize] }
    }

    /// Marks block `n`.
    pub fn mark(&mut self, n: u64) {
        self.words[(n / BITS) as usize] |= 1 << (n % BITS);
    }

    /// Whether block `n` is marked.
    pub fn has(&self, n: u64) -> bool {
        self.words[(n / BITS) as usize] >> (n % BITS) & 1 == 1
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.words.len() * size_of::<u64>()) as u64
    }

    /// How many are marked.
    pub fn marked(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Boxes of blocks, none in two of them, that hold every block without a mark: the first block and the number of them along each
    /// axis. At most `most`; where more would be needed they hold marked blocks, too.
    pub fn unmarked_boxes(&self, most: usize) -> Vec<(Vec<u64>, Vec<u64>)> {
        let blocks: u64 = self.counts.iter().product();
        let (mut left, mut boxes, mut n) = (self.clone(), Vec::new(), 0);
        while n < blocks {
            if left.words[(n / BITS) as usize] == u64::MAX {
                n = (n / BITS + 1) * BITS;
            } else if left.has(n) {
                n += 1;
            } else if boxes.len() == most {
                return self.unmarked_rows(most);
            } else {
                let start = unravel(n, &self.counts);
                let lens = left.take_box(&start);
                boxes.push((start, lens));
            }
        }
        boxes
    }

    /// The longest box without a mark that starts here and whose blocks follow one another in C order; then it is marked.
    fn take_box(&mut self, start: &[u64]) -> Vec<u64> {
        let mut lens = vec![1; start.len()];
        for axis in (0..start.len()).rev() {
            // Along an axis only of what is whole along those behind it.
            if (axis + 1..start.len()).any(|behind| lens[behind] < self.counts[behind]) {
                break;
            }
            while start[axis] + lens[axis] < self.counts[axis] {
                let (mut next, mut slab) = (start.to_vec(), lens.clone());
                next[axis] += lens[axis];
                slab[axis] = 1;
                if self.blocks_of(&next, &slab).any(|n| self.has(n)) {
                    break;
                }
                lens[axis] += 1;
            }
        }
        let taken: Vec<u64> = self.blocks_of(start, &lens).collect();
        taken.into_iter().for_each(|n| self.mark(n));
        lens
    }

    fn blocks_of<'a>(&'a self, start: &'a [u64], lens: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        (0..lens.iter().product()).map(move |i| {
            let place: Vec<u64> = unravel(i, lens).iter().zip(start).map(|(at, start)| at + start).collect();
            ravel(&place, &self.counts)
        })
    }

    /// Whole rows of the first axis that have a block without a mark; from the first to the last of them where those are too many.
    fn unmarked_rows(&self, most: usize) -> Vec<(Vec<u64>, Vec<u64>)> {
        let row: u64 = self.counts[1..].iter().product();
        let lacks = |at: &u64| (at * row..(at + 1) * row).any(|n| !self.has(n));
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for at in (0..self.counts[0]).filter(lacks) {
            let are_enough = runs.len() == most;
            match runs.last_mut() {
                Some((start, len)) if are_enough || *start + *len == at => *len = at + 1 - *start,
                _ => runs.push((at, 1)),
            }
        }
        let whole = |(at, len): (u64, u64)| {
            let (mut start, mut lens) = (vec![0; self.counts.len()], self.counts.clone());
            (start[0], lens[0]) = (at, len);
            (start, lens)
        };
        runs.into_iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every block without a mark is in one box, none in two; marked ones are in none while there are boxes enough.
    fn check(marks: &Marks, most: usize) -> Vec<(Vec<u64>, Vec<u64>)> {
        let boxes = marks.unmarked_boxes(most);
        assert!(boxes.len() <= most, "{boxes:?}");
        let are_few = marks.unmarked_boxes(usize::MAX).len() > most;
        let blocks: u64 = marks.counts.iter().product();
        let mut seen = vec![0; blocks as usize];
        for (start, lens) in &boxes {
            marks.blocks_of(start, lens).for_each(|n| seen[n as usize] += 1);
        }
        for n in 0..blocks {
            let seen = seen[n as usize];
            assert!(seen <= 1 && (seen == 1 || marks.has(n)), "block {n} of {:?} is in {seen} boxes", marks.counts);
            assert!(seen == 0 || !marks.has(n) || are_few, "block {n} is marked");
        }
        boxes
    }

    #[test]
    fn what_is_not_marked_is_in_few_boxes() {
        let mut marks = Marks::none(&[4, 5, 6]);
        assert_eq!(marks.bytes(), 16);
        assert_eq!(check(&marks, 9), [(vec![0, 0, 0], vec![4, 5, 6])]);
        // As a loop leaves it that was stopped in its second row, with two workers.
        (0..44).for_each(|n| marks.mark(n));
        marks.mark(45);
        assert_eq!(marks.marked(), 45);
        let boxes = check(&marks, 9);
        assert_eq!(boxes.last(), Some(&(vec![2, 0, 0], vec![2, 5, 6])));
        assert_eq!(boxes.len(), 4);
        (0..120).for_each(|n| marks.mark(n));
        assert_eq!(check(&marks, 9), []);
        let mut scalar = Marks::none(&[]);
        assert_eq!(check(&scalar, 9), [(vec![], vec![])]);
        scalar.mark(0);
        assert_eq!(check(&scalar, 9), []);
        assert_eq!(check(&Marks::none(&[3, 0]), 9), []);
    }

    #[test]
    fn where_boxes_are_too_many_they_are_whole_rows() {
        let mut marks = Marks::none(&[40, 7]);
        (0..280).filter(|n| n % 2 == 0 || n / 70 == 1).for_each(|n| marks.mark(n));
        assert_eq!(marks.unmarked_boxes(5), [(vec![0, 0], vec![10, 7]), (vec![20, 0], vec![20, 7])]);
        check(&marks, 1);
        for seed in 1..200u64 {
            let counts = [seed % 5 + 1, seed % 7 + 1, seed % 11 + 1];
            let mut marks = Marks::none(&counts);
            let mut state = seed;
            for n in 0..counts.iter().product() {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                if state >> 60 < seed % 16 {
                    marks.mark(n);
                }
            }
            check(&marks, 1000);
            check(&marks, 3);
        }
    }
}
