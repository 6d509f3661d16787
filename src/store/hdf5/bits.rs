//! Numbers of fewer bits than their bytes have → numbers of a dtype.

use flagstone_kernels::dtype::{DType, Scalar};

/// How the bits of a number are read that are not those of its dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    /// An integer of fewer bits.
    Integer {
        /// The lowest bit that counts.
        offset: u32,
        /// How many do.
        precision: u32,
    },
    /// A float with its parts at other places.
    Float(FloatBits),
}

impl Bits {
    /// Makes the numbers of `bytes` (native byte order) what their bits say.
    pub(super) fn expand(self, bytes: &mut [u8], dtype: DType) {
        match self {
            Bits::Integer { offset, precision } => integers(offset, precision, bytes, dtype),
            Bits::Float(float) => float.expand(bytes, dtype),
        }
    }
}

fn integers(offset: u32, precision: u32, bytes: &mut [u8], dtype: DType) {
    macro_rules! each {
        ($int:ty) => {{
            let top = <$int>::BITS - precision;
            // Up to the top, then down again: a signed integer keeps its sign.
            for unit in bytes.as_chunks_mut::<{ size_of::<$int>() }>().0 {
                *unit = (<$int>::from_ne_bytes(*unit) << (top - offset) >> top).to_ne_bytes();
            }
        }};
    }
    match dtype {
        DType::I8 => each!(i8),
        DType::I16 => each!(i16),
        DType::I32 => each!(i32),
        DType::I64 => each!(i64),
        DType::U8 => each!(u8),
        DType::U16 => each!(u16),
        DType::U32 => each!(u32),
        DType::U64 => each!(u64),
        _ => {}
    }
}

/// Where the parts of a float are, whose mantissa begins with a one that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FloatBits {
    sign: u32,
    exponent: u32,
    exponent_bits: u32,
    mantissa: u32,
    mantissa_bits: u32,
    bias: i64,
}

impl FloatBits {
    /// Parts at (sign, exponent, exponent bits, mantissa, mantissa bits, bias), if `dtype`, which has as many bytes, holds every value
    /// that they can make.
    pub(super) fn new(parts: [usize; 6], dtype: DType) -> Option<FloatBits> {
        // Mantissa bits, and exponents of two of the largest and the smallest value.
        let (bits_max, largest, smallest) = match dtype {
            DType::F16 => (10, 15, -24),
            DType::F32 => (23, 127, -149),
            DType::F64 => (52, 1023, -1074),
            _ => return None,
        };
        let all = 8 * dtype.size();
        let [sign, exponent, exponent_bits, mantissa, mantissa_bits, bias] = parts;
        let bias = i64::try_from(bias).ok().filter(|bias| bias.abs() < 1 << 32)?;
        let inside = |at: usize, len: usize| at.checked_add(len).is_some_and(|end| end <= all);
        let fits = inside(sign, 1) && inside(exponent, exponent_bits) && inside(mantissa, mantissa_bits);
        if !fits || !(1..=11).contains(&exponent_bits) || mantissa_bits > bits_max {
            return None;
        }
        // The exponent of all ones stands for what is not finite.
        let (top, bottom) = ((1 << exponent_bits) - 2 - bias, 1 - bias - mantissa_bits as i64);
        let [sign, exponent, exponent_bits, mantissa, mantissa_bits] =
            [sign, exponent, exponent_bits, mantissa, mantissa_bits].map(|n| n as u32);
        (top <= largest && bottom >= smallest).then_some(FloatBits { sign, exponent, exponent_bits, mantissa, mantissa_bits, bias })
    }

    fn expand(self, bytes: &mut [u8], dtype: DType) {
        let item = dtype.size();
        for unit in bytes.chunks_exact_mut(item) {
            let mut wide = [0; 8];
            if cfg!(target_endian = "big") {
                wide[8 - item..].copy_from_slice(unit);
            } else {
                wide[..item].copy_from_slice(unit);
            }
            Scalar::Float(self.value(u64::from_ne_bytes(wide))).write(dtype, unit);
        }
    }

    fn value(self, bits: u64) -> f64 {
        let part = |at: u32, len: u32| bits >> at & ((1 << len) - 1);
        let (exponent, mantissa) = (part(self.exponent, self.exponent_bits), part(self.mantissa, self.mantissa_bits));
        let power = |exponent: i64| f64::from_bits(((1023 + exponent) as u64) << 52);
        let size = if exponent == (1 << self.exponent_bits) - 1 {
            if mantissa != 0 {
                return f64::NAN;
            }
            f64::INFINITY
        } else {
            // Below the smallest exponent there is no one before the mantissa.
            let one = if exponent == 0 { 0 } else { 1 << self.mantissa_bits };
            let scale = exponent.max(1) as i64 - self.bias - i64::from(self.mantissa_bits);
            // In two steps, since one power alone may be too small for a float; neither rounds.
            (one + mantissa) as f64 * power(scale / 2) * power(scale - scale / 2)
        };
        if part(self.sign, 1) == 1 { -size } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a float of the same parts as a dtype makes of all kinds of bits is what the dtype makes of them.
    #[test]
    fn parts_of_a_dtype_make_its_values() {
        let f32s = FloatBits::new([31, 23, 8, 0, 23, 127], DType::F32).unwrap();
        let f64s = FloatBits::new([63, 52, 11, 0, 52, 1023], DType::F64).unwrap();
        let mut bits = 1u64;
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            for bits in [bits, bits & 0x800f_ffff_ffff_ffff, bits | 0x7ff0_0000_0000_0000, bits & 0x8000_0000_0000_00ff] {
                let (narrow, wide) = (f32::from_bits((bits >> 32) as u32), f64::from_bits(bits));
                let (a, b) = (f32s.value(bits >> 32) as f32, f64s.value(bits));
                assert!(a.to_bits() == narrow.to_bits() || a.is_nan() && narrow.is_nan(), "{narrow:e} became {a:e}");
                assert!(b.to_bits() == wide.to_bits() || b.is_nan() && wide.is_nan(), "{wide:e} became {b:e}");
            }
        }
    }

    #[test]
    fn what_a_dtype_does_not_hold_is_not_read() {
        assert!(FloatBits::new([26, 20, 6, 7, 13, 31], DType::F32).is_some());
        // A bit too many, an exponent too large, a bias that makes values too small or too large, bits outside.
        for (parts, dtype) in [
            ([31, 24, 7, 0, 24, 63], DType::F32),
            ([31, 22, 9, 0, 22, 255], DType::F32),
            ([31, 23, 8, 0, 23, 128], DType::F32),
            ([31, 23, 8, 0, 23, 126], DType::F32),
            ([32, 23, 8, 0, 23, 127], DType::F32),
            ([7, 3, 4, 0, 3, 7], DType::I8),
            ([63, 52, 11, 0, 52, usize::MAX], DType::F64),
            ([31, 23, 0, 0, 23, 0], DType::F32),
        ] {
            assert!(FloatBits::new(parts, dtype).is_none(), "{parts:?}");
        }
    }
}
