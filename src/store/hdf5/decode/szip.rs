//! szip (filter 4): adaptive entropy coding of integers, by blocks of samples that share a number of split bits.
//!
//! Elements of 32 and 64 bits are coded as planes of bytes. Lines of samples begin anew: each with a reference sample where there
//! is a predictor, and padded to whole blocks.
//! Source: CCSDS 121.0-B-3, *Lossless data compression*, §3 to §5.

use super::bit_reader::Bits;
use super::bytes::le32;
use crate::store::shuffle::unshuffle;

const MSB: u32 = 16;
const PREDICTOR: u32 = 32;
/// Zero blocks from here to the end of a segment.
const REST_OF_SEGMENT: u64 = 5;
const SEGMENT_BLOCKS: usize = 64;
/// The largest code of two samples in one.
const PAIR_CODE_MAX: u64 = 90;

/// Settings of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::hdf5) struct Szip {
    options: u32,
    block: usize,
    bits: usize,
    line: usize,
}

impl Szip {
    /// From the filter's values: options, samples of a block, bits of a sample, samples of a line.
    pub(super) fn new(values: &[u32]) -> Option<Szip> {
        let [options, block, bits, line, ..] = *values else { return None };
        let usable = (2..=64).contains(&block) && block % 2 == 0 && (matches!(bits, 1..=24 | 32 | 64)) && (1..=4096 * 64).contains(&line);
        usable.then_some(Szip { options, block: block as usize, bits: bits as usize, line: line as usize })
    }

    /// Decodes a chunk; returns its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(self, src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
        let len = le32(src, 0).ok_or_else(|| format!("szip: {} bytes are too few for a header", src.len()))? as usize;
        if len > dst.len() {
            return Err(format!("szip gives {len} bytes, where {} were expected", dst.len()));
        }
        let dst = &mut dst[..len];
        let planes = if self.bits > 24 { self.bits / 8 } else { 1 };
        let cut = || "szip is cut short, or finds bad data".to_string();
        if planes == 1 {
            self.lines(&src[4..], dst, self.bits).ok_or_else(cut)?;
        } else {
            let out = work.get_mut(..len).ok_or_else(cut)?;
            self.lines(&src[4..], out, 8).ok_or_else(cut)?;
            unshuffle(out, dst, planes);
        }
        Ok(len)
    }

    /// Decodes lines of samples of `bits` until `dst` is full.
    fn lines(self, src: &[u8], dst: &mut [u8], bits: usize) -> Option<()> {
        let sample = match bits {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        if !dst.len().is_multiple_of(sample) {
            return None;
        }
        let mut input = Bits::new(src);
        let mut samples = vec![0u32; self.line.next_multiple_of(self.block)];
        for line in dst.chunks_mut(self.line * sample) {
            self.line(&mut input, &mut samples, bits)?;
            for (out, &value) in line.chunks_exact_mut(sample).zip(&samples) {
                match (sample, self.options & MSB != 0) {
                    (1, _) => out[0] = value as u8,
                    (2, false) => out.copy_from_slice(&(value as u16).to_le_bytes()),
                    (2, true) => out.copy_from_slice(&(value as u16).to_be_bytes()),
                    (_, false) => out.copy_from_slice(&value.to_le_bytes()),
                    (_, true) => out.copy_from_slice(&value.to_be_bytes()),
                }
            }
        }
        Some(())
    }

    /// Decodes one line with its padding.
    fn line(self, input: &mut Bits<'_>, samples: &mut [u32], bits: usize) -> Option<()> {
        let name_bits = match bits {
            ..=8 => 3,
            9..=16 => 4,
            _ => 5,
        };
        let predicted = self.options & PREDICTOR != 0;
        let mut at = 0;
        while at < samples.len() {
            let reference = predicted && at == 0;
            let name = input.take(name_bits)? as usize;
            let low = if name == 0 { Some(input.take(1)?) } else { None };
            let plain = name == (1 << name_bits) - 1;
            let first = at + usize::from(reference && !plain);
            if reference && !plain {
                samples[at] = input.take(bits)? as u32;
            }
            let end = at + self.block;
            at = match low {
                Some(0) => {
                    let mut blocks = input.unary()? + 1;
                    if blocks == REST_OF_SEGMENT {
                        let number = at / self.block;
                        let segment = SEGMENT_BLOCKS - number % SEGMENT_BLOCKS;
                        blocks = segment.min(samples.len() / self.block - number) as u64;
                    } else if blocks > REST_OF_SEGMENT {
                        blocks -= 1;
                    }
                    let end = at.checked_add(usize::try_from(blocks).ok()?.checked_mul(self.block)?)?;
                    samples.get_mut(first..end)?.fill(0);
                    end
                }
                Some(_) => {
                    // Two samples in one code, which counts the pairs along the diagonals; a reference takes the first's place.
                    let mut i = first;
                    while i < end {
                        let code = input.unary()?;
                        if code > PAIR_CODE_MAX {
                            return None;
                        }
                        let sum = (0..).take_while(|s| s * (s + 1) / 2 <= code).last()?;
                        let second = code - sum * (sum + 1) / 2;
                        if (i - at) % 2 == 0 {
                            samples[i] = (sum - second) as u32;
                            i += 1;
                        }
                        samples[i] = second as u32;
                        i += 1;
                    }
                    end
                }
                None if plain => {
                    for out in &mut samples[at..end] {
                        *out = input.take(bits)? as u32;
                    }
                    end
                }
                None => {
                    let split = name - 1;
                    for out in &mut samples[first..end] {
                        *out = (input.unary()? << split) as u32;
                    }
                    if split > 0 {
                        for out in &mut samples[first..end] {
                            *out = out.wrapping_add(input.take(split)? as u32);
                        }
                    }
                    end
                }
            };
        }
        if predicted {
            unpredict(samples, bits);
        }
        Some(())
    }
}

/// Distances from the sample before, folded so that they are never negative, become samples.
fn unpredict(samples: &mut [u32], bits: usize) {
    let most = ((1u64 << bits) - 1) as u32;
    let half = most / 2 + 1;
    let mut last = samples[0];
    for sample in &mut samples[1..] {
        let folded = *sample;
        // How far both signs reach; past it there is one sign left.
        let up = last & half == 0;
        let reach = if up { last } else { most - last };
        last = if folded.div_ceil(2) <= reach {
            if folded % 2 == 0 { last.wrapping_add(folded / 2) } else { last.wrapping_sub(folded.div_ceil(2)) }
        } else if up {
            folded
        } else {
            most.wrapping_sub(folded)
        } & most;
        *sample = last;
    }
}
