//! nbit (filter 5): of each number only the bits that its type has, one after the other, the highest first.
//!
//! libhdf5 believes that a chunk is as long as its type says, and reads past one that is not.
//! Source: HDF5 File Format Specification 3.0, section IV.A.2.l; Group, *N-bit and scale-offset filters* (2007), for the filter's values.

use super::bit_reader::Bits;
use super::bytes::copied;
use std::sync::Arc;

const ATOMIC: u32 = 1;
const ARRAY: u32 = 2;
const COMPOUND: u32 = 3;
const UNTOUCHED: u32 = 4;
const BIG_ENDIAN: u32 = 1;
/// Types nested deeper are none.
const DEPTH_MAX: usize = 32;

/// Settings of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::hdf5) struct Nbit {
    /// Elements of a chunk.
    elements: usize,
    /// Bytes of an element.
    size: usize,
    /// The numbers of an element in the order in which they are stored; `None` where chunks are stored as they are.
    numbers: Option<Arc<[Number]>>,
}

/// A number in an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    /// Where it starts, and how many bytes it has.
    at: usize,
    bytes: usize,
    big_endian: bool,
    /// How many of its bits count, and how many lie below them.
    precision: usize,
    offset: usize,
}

impl Nbit {
    /// From the filter's values, for elements of `item` bytes: their number, whether nothing is packed, elements of a chunk, and the type.
    /// `None` where they make no sense.
    pub(super) fn new(values: &[u32], item: usize) -> Option<Nbit> {
        let [_, plain, elements, ref of @ ..] = *values else { return None };
        let mut found = Vec::new();
        let (size, _) = numbers(of, 0, item, &mut found, DEPTH_MAX)?;
        let packed = plain == 0;
        (size == item && size > 0).then(|| Nbit { elements: elements as usize, size, numbers: packed.then(|| found.into()) })
    }

    /// Decodes a chunk; returns its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(&self, src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
        let Some(numbers) = &self.numbers else {
            return copied(src, dst);
        };
        let len = self.elements.saturating_mul(self.size);
        if len > dst.len() {
            return Err(format!("nbit gives {len} bytes, where {} were expected", dst.len()));
        }
        let mut bits = Bits::new(src);
        for element in dst[..len].chunks_exact_mut(self.size) {
            element.fill(0);
            for number in numbers.iter() {
                let value = number.take(&mut bits).ok_or("nbit is cut short")?;
                let place = &mut element[number.at..][..number.bytes];
                place.copy_from_slice(&value.to_le_bytes()[..number.bytes]);
                if number.big_endian {
                    place.reverse();
                }
            }
        }
        Ok(len)
    }
}

impl Number {
    fn take(&self, bits: &mut Bits<'_>) -> Option<u128> {
        let above = self.precision.saturating_sub(64);
        let high = u128::from(bits.take(above)?);
        let value = high << (self.precision - above) | u128::from(bits.take(self.precision - above)?);
        Some(value << self.offset)
    }
}

/// Adds the numbers of the type that `values` begin with, which starts at byte `at` of an element of `item` bytes; its own bytes, and
/// the values behind it.
fn numbers<'v>(values: &'v [u32], at: usize, item: usize, found: &mut Vec<Number>, depth: usize) -> Option<(usize, &'v [u32])> {
    let [class, size, ref rest @ ..] = *values else { return None };
    let bytes = size as usize;
    if depth == 0 || bytes == 0 || at.checked_add(bytes)? > item || found.len() > item {
        return None;
    }
    let mut rest = rest;
    match class {
        ATOMIC => {
            let [order, precision, offset, ref behind @ ..] = *rest else { return None };
            let (precision, offset) = (precision as usize, offset as usize);
            let fits = bytes <= 16 && precision > 0 && precision.checked_add(offset)? <= 8 * bytes;
            fits.then(|| found.push(Number { at, bytes, big_endian: order == BIG_ENDIAN, precision, offset }))?;
            rest = behind;
        }
        ARRAY => {
            let (one, behind) = numbers(rest, at, item, found, depth - 1)?;
            for n in 1..bytes / one {
                numbers(rest, at + n * one, item, found, depth - 1)?;
            }
            rest = behind;
        }
        COMPOUND => {
            let [members, ref of @ ..] = *rest else { return None };
            rest = of;
            for _ in 0..members {
                let [start, ref of @ ..] = *rest else { return None };
                rest = numbers(of, at.checked_add(start as usize)?, item, found, depth - 1)?.1;
            }
        }
        UNTOUCHED => {
            let byte = |n| Number { at: at + n, bytes: 1, big_endian: false, precision: 8, offset: 0 };
            found.extend((0..bytes).map(byte));
        }
        _ => return None,
    }
    Some((bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type, what is stored of elements of it, and the elements.
    fn check(of: &[u32], item: usize, stored: &[u8], elements: &[u8]) {
        let values = [&[of.len() as u32 + 3, 0, (elements.len() / item) as u32], of].concat();
        let nbit = Nbit::new(&values, item).unwrap();
        let mut out = vec![0xAA; elements.len()];
        assert_eq!(nbit.decode(stored, &mut out), Ok(elements.len()));
        assert_eq!(out, elements, "{of:?}");
        assert!(nbit.decode(&stored[..stored.len() - 1], &mut out).is_err());
        assert!(nbit.decode(stored, &mut out[1..]).is_err());
        for cut in 0..values.len() {
            assert_eq!(Nbit::new(&values[..cut], item), None, "{cut} of {values:?}");
        }
    }

    #[test]
    fn numbers_are_what_their_bits_say() {
        // 12 bits above 4: 0xABC, 0x123
        check(&[ATOMIC, 2, 0, 12, 4], 2, &[0xAB, 0xC1, 0x23], &[0xC0, 0xAB, 0x30, 0x12]);
        check(&[ATOMIC, 2, 1, 12, 4], 2, &[0xAB, 0xC1, 0x23], &[0xAB, 0xC0, 0x12, 0x30]);
        // three bits within a byte
        check(&[ATOMIC, 1, 0, 3, 2], 1, &[0b1010_1100], &[0b10100, 0b01100]);
        // more than a word: 68 bits
        let wide = [0xF1, 2, 3, 4, 5, 6, 7, 8, 0x90];
        let mut expected = [0u8; 16];
        expected[..9].copy_from_slice(&[0x89, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x0F]);
        check(&[ATOMIC, 16, 0, 68, 0], 16, &wide, &expected);
    }

    #[test]
    fn compounds_arrays_and_what_is_left_alone() {
        // {4 bits at 0, two of 4 bits from 1 on, a byte at 4}
        let of = [COMPOUND, 5, 3, 0, ATOMIC, 1, 0, 4, 0, 1, ARRAY, 2, ATOMIC, 1, 0, 4, 0, 4, UNTOUCHED, 1];
        check(&of, 5, &[0x12, 0x3F, 0xE0], &[1, 2, 3, 0, 0xFE]);
        let plain = Nbit::new(&[8, 1, 2, ATOMIC, 2, 0, 16, 0], 2).unwrap();
        let mut out = [0; 4];
        assert_eq!((plain.decode(&[1, 2, 3, 4], &mut out), out), (Ok(4), [1, 2, 3, 4]));
        assert!(plain.decode(&[0; 5], &mut out).is_err());
    }

    #[test]
    fn values_that_lie_are_none() {
        for of in [
            &[ATOMIC, 2, 0, 17, 0][..],
            &[ATOMIC, 2, 0, 0, 0],
            &[ATOMIC, 2, 0, 8, u32::MAX],
            &[ATOMIC, 4, 0, 8, 0],
            &[ARRAY, 2, ARRAY, 0, ATOMIC, 1, 0, 1, 0],
            &[COMPOUND, 2, 1, u32::MAX, ATOMIC, 2, 0, 4, 0],
            &[COMPOUND, 2, u32::MAX, 0, ATOMIC, 2, 0, 4, 0],
            &[7, 2],
        ] {
            assert_eq!(Nbit::new(&[&[8, 0, 2], of].concat(), 2), None, "{of:?}");
        }
    }
}
