//! (key, run) → random words, as many as are asked for.

use super::ars::{Key, TOGETHER};
use rand::TryRng;
use std::convert::Infallible;

/// The random words of one run: blocks whose counters have a bit that those of [`super::batch`] lack.
pub(super) struct RunRng<'a> {
    key: &'a Key,
    run: u64,
    block: u32,
    words: [u64; 2 * TOGETHER],
    used: usize,
}

impl<'a> RunRng<'a> {
    pub(super) fn new(key: &'a Key, run: u64) -> RunRng<'a> {
        RunRng { key, run, block: 0, words: [0; 2 * TOGETHER], used: 2 * TOGETHER }
    }
}

impl TryRng for RunRng<'_> {
    type Error = Infallible;

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        if self.used == self.words.len() {
            let counters = std::array::from_fn(|i| [self.run, 1 << 32 | self.block.wrapping_add(i as u32) as u64]);
            self.words = bytemuck::cast(self.key.blocks(&counters));
            self.block = self.block.wrapping_add(TOGETHER as u32);
            self.used = 0;
        }
        self.used += 1;
        Ok(self.words[self.used - 1])
    }

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|lane| (lane >> 32) as u32)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let lane = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&lane[..chunk.len()]);
        }
        Ok(())
    }
}
