//! One number of any dtype.

use crate::dtype::{C64, C128, DType, Element, Kind};
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// One number of any dtype. Holds every value of every dtype exactly: `f16`, `bf16` and `f32` widen to
/// `f64` without loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the kinds")]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(#[serde(with = "crate::exact")] f64),
    Complex(#[serde(with = "crate::exact")] f64, #[serde(with = "crate::exact")] f64),
}

impl Scalar {
    /// The kind it has as a weak scalar.
    pub fn kind(self) -> Kind {
        match self {
            Scalar::Bool(_) => Kind::Bool,
            Scalar::Int(_) => Kind::Signed,
            Scalar::UInt(_) => Kind::Unsigned,
            Scalar::Float(_) => Kind::Float,
            Scalar::Complex(..) => Kind::Complex,
        }
    }

    /// The dtype that NumPy's `asarray` gives it.
    pub fn natural_dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::Int(_) => DType::I64,
            Scalar::UInt(_) => DType::U64,
            Scalar::Float(_) => DType::F64,
            Scalar::Complex(..) => DType::C128,
        }
    }

    /// The value as `f64`, dropping an imaginary part.
    pub fn as_f64(self) -> f64 {
        match self {
            Scalar::Bool(b) => b as u8 as f64,
            Scalar::Int(i) => i as f64,
            Scalar::UInt(u) => u as f64,
            Scalar::Float(f) | Scalar::Complex(f, _) => f,
        }
    }

    /// Bit-exact equality (`NaN` equals itself, `0.0` differs from `-0.0`).
    pub fn same_bits(self, other: Scalar) -> bool {
        match (self, other) {
            (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits(),
            (Scalar::Complex(a, b), Scalar::Complex(c, d)) => a.to_bits() == c.to_bits() && b.to_bits() == d.to_bits(),
            _ => self == other,
        }
    }

    /// Writes the value as one element of `dtype` into `out` (native byte order), cast as NumPy's
    /// `astype` casts.
    ///
    /// # Panics
    /// If `out.len() != dtype.size()`.
    pub fn write(self, dtype: DType, out: &mut [u8]) {
        let from = self.natural_dtype();
        let mut value = [0u128; 1];
        let given: &mut [u8] = bytemuck::cast_slice_mut(&mut value);
        match self {
            Scalar::Bool(b) => given[0] = b as u8,
            Scalar::Int(i) => given[..8].copy_from_slice(&i.to_ne_bytes()),
            Scalar::UInt(u) => given[..8].copy_from_slice(&u.to_ne_bytes()),
            Scalar::Float(f) => given[..8].copy_from_slice(&f.to_ne_bytes()),
            Scalar::Complex(re, im) => given.copy_from_slice(bytemuck::bytes_of(&C128::new(re, im))),
        }
        let mut element = [0u128; 1];
        let element = &mut bytemuck::bytes_of_mut(&mut element)[..dtype.size()];
        crate::elementwise::cast_dense(from, &bytemuck::bytes_of(&value)[..from.size()], dtype, element);
        out.copy_from_slice(element);
    }

    /// Reads one element of `dtype` (native byte order).
    ///
    /// # Panics
    /// If `bytes.len() != dtype.size()`.
    pub fn read(dtype: DType, bytes: &[u8]) -> Scalar {
        fn get<T: Element>(bytes: &[u8]) -> T {
            bytemuck::pod_read_unaligned(bytes)
        }
        match dtype {
            DType::Bool => Scalar::Bool(bytes[0] != 0),
            DType::I8 => Scalar::Int(get::<i8>(bytes) as i64),
            DType::I16 => Scalar::Int(get::<i16>(bytes) as i64),
            DType::I32 => Scalar::Int(get::<i32>(bytes) as i64),
            DType::I64 => Scalar::Int(get(bytes)),
            DType::U8 => Scalar::UInt(bytes[0] as u64),
            DType::U16 => Scalar::UInt(get::<u16>(bytes) as u64),
            DType::U32 => Scalar::UInt(get::<u32>(bytes) as u64),
            DType::U64 => Scalar::UInt(get(bytes)),
            DType::F16 => Scalar::Float(get::<f16>(bytes).to_f64()),
            DType::BF16 => Scalar::Float(get::<bf16>(bytes).to_f64()),
            DType::F32 => Scalar::Float(get::<f32>(bytes) as f64),
            DType::F64 => Scalar::Float(get(bytes)),
            DType::C64 => {
                let c: C64 = get(bytes);
                Scalar::Complex(c.re as f64, c.im as f64)
            }
            DType::C128 => {
                let c: C128 = get(bytes);
                Scalar::Complex(c.re, c.im)
            }
        }
    }
}
