//! Bytes → the bits in them.

/// Bits from bytes, the highest first.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, at: 0 }
    }
    /// The next 64 bits, zeros past the end.
    fn window(&self) -> u64 {
        let from = self.at / 8;
        let mut bytes = [0u8; 16];
        let rest = self.bytes.get(from..).unwrap_or_default();
        let n = rest.len().min(9);
        bytes[..n].copy_from_slice(&rest[..n]);
        (u128::from_be_bytes(bytes) << (self.at % 8) >> 64) as u64
    }
    /// The next `n` ≤ 64 bits.
    pub(super) fn take(&mut self, n: usize) -> Option<u64> {
        if n == 0 {
            return Some(0);
        }
        let value = self.window() >> (64 - n);
        self.skip(n)?;
        Some(value)
    }
    /// How many zeros stand before the next one.
    pub(super) fn unary(&mut self) -> Option<u64> {
        let mut zeros = 0u64;
        loop {
            let n = self.window().leading_zeros() as usize;
            if n < 64 {
                self.skip(n + 1)?;
                return Some(zeros + n as u64);
            }
            self.skip(64)?;
            zeros += 64;
        }
    }
    fn skip(&mut self, n: usize) -> Option<()> {
        self.at += n;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }
}
