//! scaleoffset (filter 6): the differences from the least value of a chunk, each with as many bits as the largest needs, the highest
//! first. Floats were multiplied by a power of ten and rounded before. All ones stand for the fill value, where there is one.
//!
//! libhdf5 does the same element by element and bit by bit, and reads past a chunk that is shorter than its header says.
//! Source: Group, *N-bit and scale-offset filters* (2007); HDF5's own H5Zscaleoffset.c for the header of a chunk.

use super::bit_reader::Bits;
use super::bytes::{copied, le32};

/// The number of bits, the length of the least value and the least value, with room to spare.
const HEADER_BYTES: usize = 21;
const VALUES: usize = 20;
const FLOAT_DECIMAL: u32 = 0;
const INTEGER: u32 = 2;
const CLASS_INTEGER: u32 = 0;
const CLASS_FLOAT: u32 = 1;
const BIG_ENDIAN: u32 = 1;
const FILL_DEFINED: u32 = 1;

/// Settings of the filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::store::hdf5) struct ScaleOffset {
    /// Elements of a chunk.
    elements: usize,
    /// Bytes of an element.
    size: usize,
    big_endian: bool,
    number: Number,
    /// Bits of the fill value.
    fill: Option<u64>,
    /// Whether chunks are stored as they are.
    plain: bool,
}

/// What an element is, and the power of ten that it was multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Integer,
    F32(f32),
    F64(f64),
}

/// What it holds follows from integers: no number in it is NaN.
impl Eq for ScaleOffset {}

impl ScaleOffset {
    /// From the filter's values, for elements of `item` bytes: kind, power of ten or bits, elements of a chunk, class, bytes, sign, byte
    /// order, and the fill value with whether there is one. `None` where they make no sense.
    pub(super) fn new(values: &[u32], item: usize) -> Option<ScaleOffset> {
        let [kind, factor, elements, class, size, _, order, filled, low, high, ..] = *values else { return None };
        let (bytes, factor) = (size as usize, factor as i32);
        let number = match (class, kind, bytes) {
            (CLASS_INTEGER, INTEGER, 1 | 2 | 4 | 8) => Number::Integer,
            (CLASS_FLOAT, FLOAT_DECIMAL, 4) => Number::F32(10f32.powf(factor as f32)),
            (CLASS_FLOAT, FLOAT_DECIMAL, 8) => Number::F64(10f64.powf(f64::from(factor))),
            _ => return None,
        };
        let bits = 8 * size as i32;
        let is_integer = number == Number::Integer;
        if values.len() != VALUES || bytes != item || is_integer && factor > bits {
            return None;
        }
        let fill = u64::from(high) << 32 | u64::from(low);
        Some(ScaleOffset {
            elements: elements as usize,
            size: bytes,
            big_endian: order == BIG_ENDIAN,
            number,
            fill: (filled == FILL_DEFINED).then_some(fill),
            plain: is_integer && factor == bits,
        })
    }

    /// Decodes a chunk; returns its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(&self, src: &[u8], dst: &mut [u8]) -> Result<usize, String> {
        if self.plain {
            return copied(src, dst);
        }
        let len = self.elements.saturating_mul(self.size);
        if len > dst.len() {
            return Err(format!("scaleoffset gives {len} bytes, where {} were expected", dst.len()));
        }
        let dst = &mut dst[..len];
        let (header, stored) = src.split_at_checked(HEADER_BYTES).ok_or("the header of scaleoffset is cut short")?;
        let (bits, of_least) = (le32(header, 0).map_or(usize::MAX, |n| n as usize), usize::from(header[4]).min(8));
        let least = header[5..5 + of_least].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
        match (self.size, 8 * self.size) {
            (_, all) if bits > all => return Err(format!("scaleoffset has {bits} bits a number, where {all} are all")),
            (_, all) if bits == all => dst.copy_from_slice(stored.get(..len).ok_or(CUT)?),
            (1, _) => self.numbers::<1>(bits, least, stored, dst)?,
            (2, _) => self.numbers::<2>(bits, least, stored, dst)?,
            (4, _) => self.numbers::<4>(bits, least, stored, dst)?,
            _ => self.numbers::<8>(bits, least, stored, dst)?,
        }
        if self.big_endian {
            dst.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        Ok(len)
    }

    /// Numbers of `N` bytes, little-endian, from fewer bits.
    fn numbers<const N: usize>(&self, bits: usize, least: u64, stored: &[u8], dst: &mut [u8]) -> Result<(), String> {
        let missing = (1u64 << bits) - 1;
        let mut stored = Bits::new(stored);
        for out in dst.chunks_exact_mut(N) {
            let above = stored.take(bits).ok_or(CUT)?;
            let value = match (self.fill, self.number) {
                (Some(fill), _) if above == missing => fill,
                (_, Number::Integer) => least.wrapping_add(above),
                (_, Number::F32(power)) => u64::from((above as i32 as f32 / power + f32::from_bits(least as u32)).to_bits()),
                (_, Number::F64(power)) => (above as i64 as f64 / power + f64::from_bits(least)).to_bits(),
            };
            out.copy_from_slice(&value.to_le_bytes()[..N]);
        }
        Ok(())
    }
}

const CUT: &str = "scaleoffset is cut short";

#[cfg(test)]
mod tests {
    use super::*;

    fn values(kind: u32, factor: i32, elements: u32, [class, size, order]: [u32; 3], fill: Option<u64>) -> Vec<u32> {
        let (low, high) = fill.map_or((0, 0), |fill| (fill as u32, (fill >> 32) as u32));
        let mut values = vec![kind, factor as u32, elements, class, size, 1, order, u32::from(fill.is_some()), low, high];
        values.resize(VALUES, 0);
        values
    }

    fn chunk(bits: u32, least: u64, stored: &[u8]) -> Vec<u8> {
        let mut chunk = [&bits.to_le_bytes()[..], &[8], &least.to_le_bytes()].concat();
        chunk.resize(HEADER_BYTES, 0);
        [&chunk[..], stored].concat()
    }

    /// Values of the filter, a chunk, and what it holds.
    fn check(values: &[u32], chunk: &[u8], expected: &[u8]) {
        let filter = ScaleOffset::new(values, values[4] as usize).unwrap();
        let mut out = vec![0xAA; expected.len()];
        assert_eq!(filter.decode(chunk, &mut out), Ok(expected.len()));
        assert_eq!(out, expected, "{values:?}");
        for cut in 0..chunk.len() {
            assert!(filter.decode(&chunk[..cut], &mut out).is_err(), "{cut} bytes of {values:?}");
        }
        assert!(filter.decode(chunk, &mut out[1..]).is_err());
    }

    #[test]
    fn integers_are_above_the_least() {
        // 3, 0, 6 above −2; 7 where it was never written
        let stored = chunk(3, -2i64 as u64, &[0b0110_0011, 0b0111_0000]);
        let of = |order, fill| values(INTEGER, 0, 4, [CLASS_INTEGER, 2, order], fill);
        let little = |numbers: [i16; 4]| numbers.map(i16::to_le_bytes).concat();
        check(&of(0, Some(-9i16 as u16 as u64)), &stored, &little([1, -2, 4, -9]));
        check(&of(0, None), &stored, &little([1, -2, 4, 5]));
        check(&of(1, None), &stored, &[1i16, -2, 4, 5].map(i16::to_be_bytes).concat());
        // one value alone, and all bits
        check(&of(0, None), &chunk(0, 7, &[]), &little([7; 4]));
        check(&of(1, None), &chunk(16, 0, &[1, 2, 3, 4, 5, 6, 7, 8]), &[2, 1, 4, 3, 6, 5, 8, 7]);
        check(
            &values(INTEGER, 0, 2, [CLASS_INTEGER, 8, 0], None),
            &chunk(4, u64::MAX, &[0x1F]),
            &[0u64, 14].map(u64::to_le_bytes).concat(),
        );
    }

    #[test]
    fn floats_are_hundredths() {
        let stored = |least| chunk(4, least, &[0x0F, 0xA0]);
        let of = |size, fill| values(FLOAT_DECIMAL, 2, 3, [CLASS_FLOAT, size, 0], fill);
        let (low, missing) = (1.5f32, -9f32);
        check(
            &of(4, Some(missing.to_bits().into())),
            &stored(low.to_bits().into()),
            &[low, missing, 10.0 / 100.0 + low].map(f32::to_le_bytes).concat(),
        );
        let low = -2.25f64;
        check(&of(8, None), &stored(low.to_bits()), &[low, 15.0 / 100.0 + low, 10.0 / 100.0 + low].map(f64::to_le_bytes).concat());
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        let plain = ScaleOffset::new(&values(INTEGER, 16, 2, [CLASS_INTEGER, 2, 1], None), 2).unwrap();
        let mut out = [0; 4];
        assert_eq!((plain.decode(&[1, 2, 3, 4], &mut out), out), (Ok(4), [1, 2, 3, 4]));
        assert!(plain.decode(&[0; 5], &mut out).is_err());
        let filter = ScaleOffset::new(&values(INTEGER, 0, 2, [CLASS_INTEGER, 2, 0], None), 2).unwrap();
        for bits in [17, 64, u32::MAX] {
            assert!(filter.decode(&chunk(bits, 0, &[0; 64]), &mut out).is_err());
        }
        // a least value of 255 bytes is one of eight
        let mut long = chunk(0, 3, &[]);
        long[4] = 255;
        assert_eq!((filter.decode(&long, &mut out), out), (Ok(4), [3, 0, 3, 0]));
    }

    #[test]
    fn values_that_lie_are_none() {
        let good = values(INTEGER, 0, 2, [CLASS_INTEGER, 2, 0], None);
        assert!(ScaleOffset::new(&good, 2).is_some());
        for cut in 0..VALUES {
            assert_eq!(ScaleOffset::new(&good[..cut], 2), None);
        }
        assert_eq!(ScaleOffset::new(&good, 4), None);
        for (kind, factor, of) in [
            (INTEGER, 17, [CLASS_INTEGER, 2, 0]),
            (FLOAT_DECIMAL, 0, [CLASS_INTEGER, 2, 0]),
            (INTEGER, 0, [CLASS_INTEGER, 3, 0]),
            (FLOAT_DECIMAL, 0, [CLASS_FLOAT, 2, 0]),
            (1, 0, [CLASS_FLOAT, 4, 0]),
            (INTEGER, 0, [7, 4, 0]),
        ] {
            assert_eq!(ScaleOffset::new(&values(kind, factor, 2, of, None), of[1] as usize), None, "{of:?}");
        }
    }
}
