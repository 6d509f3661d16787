//! A list of numbers as the outcomes of throws. Every list means something, so that shrinking a list shrinks
//! what is drawn from it.

/// Throws; when the list is at its end, all are 0.
pub struct Dice {
    rolls: Vec<u32>,
    at: usize,
}

impl Dice {
    pub fn new(rolls: &[u32]) -> Dice {
        Dice { rolls: rolls.to_vec(), at: 0 }
    }
    /// From 0 to under `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.at += 1;
        self.rolls.get(self.at - 1).map_or(0, |&roll| roll as usize % n.max(1))
    }
    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high + 1 - low)
    }
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
    /// True once in `out_of` throws, and never at the end of the list.
    pub fn chance(&mut self, out_of: usize) -> bool {
        self.below(out_of) == out_of - 1
    }
}

/// A stream of numbers that looks random.
pub struct Stream(u64);

impl Stream {
    pub fn new(seed: u64) -> Stream {
        Stream(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 12345)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) ^ (self.0 << 17 >> 40)
    }
    /// Numbers to draw a recipe from.
    pub fn rolls(&mut self, n: usize) -> Vec<u32> {
        (0..n).map(|_| (self.next() % 1_000_003) as u32).collect()
    }
}
