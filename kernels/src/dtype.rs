//! The element types, their promotion, and a scalar of any of them.
//!
//! Promotion follows NumPy 2 (NEP 50): two dtypes promote by kind and size, a Python-like scalar is
//! *weak* and only lifts the kind.

pub use crate::scalar::Scalar;
use half::{bf16, f16};
use num_complex::Complex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// 64-bit complex: two `f32`.
pub type C64 = Complex<f32>;
/// 128-bit complex: two `f64`.
pub type C128 = Complex<f64>;

/// An element type, named as NumPy names it by [`DType::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the field's standard names")]
pub enum DType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
    C64,
    C128,
}

/// The kinds of number, in promotion order. Also the type of a weak (Python-like) scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the field's standard names")]
pub enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    Complex,
}

impl Kind {
    /// What Python calls a scalar of this kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Signed | Kind::Unsigned => "int",
            Kind::Float => "float",
            Kind::Complex => "complex",
        }
    }
}

impl DType {
    /// Every dtype, smallest kind first.
    pub const ALL: [DType; 15] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
        DType::C64,
        DType::C128,
    ];

    /// Bytes an element takes.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// NumPy's name: `float64`, `int32`, `bool`, …
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::C64 => "complex64",
            DType::C128 => "complex128",
        }
    }

    /// Reads a NumPy name (`float64`), a type code (`f8`, `<f8`, `?`), or ours (`f64`); the byte order
    /// mark is accepted and ignored. `None` if it names no dtype of ours; `f16` names none, since NumPy counts bytes.
    pub fn parse(text: &str) -> Option<DType> {
        let text = text.trim_start_matches(['<', '>', '=', '|']);
        Some(match text {
            "bool" | "bool_" | "?" | "b1" => DType::Bool,
            "int8" | "i1" | "b" => DType::I8,
            "int16" | "i2" | "i16" | "short" | "h" => DType::I16,
            "int32" | "i4" | "i32" | "intc" | "i" => DType::I32,
            "int64" | "i8" | "i64" | "int" | "int_" | "intp" | "long" | "longlong" | "l" | "q" | "p" | "n" => DType::I64,
            "uint8" | "u1" | "ubyte" | "B" => DType::U8,
            "uint16" | "u2" | "u16" | "ushort" | "H" => DType::U16,
            "uint32" | "u4" | "u32" | "uintc" | "I" => DType::U32,
            "uint64" | "u8" | "u64" | "uint" | "uintp" | "ulong" | "ulonglong" | "L" | "Q" | "P" | "N" => DType::U64,
            "float16" | "f2" | "half" | "e" => DType::F16,
            "bfloat16" | "bf16" => DType::BF16,
            "float32" | "f4" | "f32" | "single" | "f" => DType::F32,
            "float64" | "f8" | "f64" | "float" | "double" | "d" => DType::F64,
            "complex64" | "c8" | "c64" | "csingle" | "F" => DType::C64,
            "complex128" | "c16" | "c128" | "complex" | "cdouble" | "D" => DType::C128,
            _ => return None,
        })
    }

    /// NumPy's type code without a byte order mark: `f8`, `i4`, `b1`; `bfloat16` has none in NumPy
    /// and is spelled out.
    pub const fn code(self) -> &'static str {
        match self {
            DType::Bool => "b1",
            DType::I8 => "i1",
            DType::I16 => "i2",
            DType::I32 => "i4",
            DType::I64 => "i8",
            DType::U8 => "u1",
            DType::U16 => "u2",
            DType::U32 => "u4",
            DType::U64 => "u8",
            DType::F16 => "f2",
            DType::BF16 => "bfloat16",
            DType::F32 => "f4",
            DType::F64 => "f8",
            DType::C64 => "c8",
            DType::C128 => "c16",
        }
    }

    /// The kind of number.
    pub const fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => Kind::Signed,
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => Kind::Unsigned,
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Kind::Float,
            DType::C64 | DType::C128 => Kind::Complex,
        }
    }

    /// Whether it is f16, bf16, f32 or f64.
    pub const fn is_float(self) -> bool {
        matches!(self.kind(), Kind::Float)
    }

    /// Whether it is complex.
    pub const fn is_complex(self) -> bool {
        matches!(self.kind(), Kind::Complex)
    }

    /// Whether it is a signed or unsigned integer (not bool).
    pub const fn is_integer(self) -> bool {
        matches!(self.kind(), Kind::Signed | Kind::Unsigned)
    }

    /// The dtype of the real and imaginary parts; itself when real.
    pub const fn real(self) -> DType {
        match self {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            other => other,
        }
    }

    /// The distance from 1 to the next number of the real dtype, NumPy's `finfo(dtype).eps`; f64's for integers, which are computed
    /// in f64.
    pub const fn epsilon(self) -> f64 {
        match self.real() {
            DType::F16 => 1.0 / (1 << 10) as f64,
            DType::BF16 => 1.0 / (1 << 7) as f64,
            DType::F32 => f32::EPSILON as f64,
            _ => f64::EPSILON,
        }
    }

    /// NumPy's `promote_types`; `float16` with `bfloat16` gives `float32`.
    pub fn promote(self, other: DType) -> DType {
        use DType::*;
        if self == other {
            return self;
        }
        let (low, high) = if (self.kind(), self.size()) <= (other.kind(), other.size()) { (self, other) } else { (other, self) };
        match (low.kind(), high.kind()) {
            (Kind::Bool, _) => high,
            (Kind::Signed, Kind::Signed) | (Kind::Unsigned, Kind::Unsigned) => high,
            (Kind::Signed, Kind::Unsigned) => match (low.size(), high.size()) {
                (s, u) if s > u => low,
                (_, 1) => I16,
                (_, 2) => I32,
                (_, 4) => I64,
                _ => F64,
            },
            (Kind::Signed | Kind::Unsigned, Kind::Float) => match (low.size(), high) {
                (1, _) => high,
                (2, F16 | BF16) => F32,
                (2, _) => high,
                _ => F64,
            },
            (Kind::Signed | Kind::Unsigned, _) => {
                if low.size() <= 2 {
                    high
                } else {
                    C128
                }
            }
            (Kind::Float, Kind::Float) => {
                if matches!((low, high), (F16, BF16) | (BF16, F16)) {
                    F32
                } else {
                    high
                }
            }
            (Kind::Float, _) => {
                if low == F64 {
                    C128
                } else {
                    high
                }
            }
            _ => high,
        }
    }

    /// Promotion with a weak scalar of `kind` (NEP 50): only a higher kind changes the dtype.
    /// A weak signed and a weak unsigned scalar both are Python's `int`.
    pub fn promote_weak(self, kind: Kind) -> DType {
        match (self.kind(), kind) {
            (_, Kind::Bool) => self,
            (Kind::Bool, Kind::Signed) => DType::I64,
            (Kind::Bool, Kind::Unsigned) => DType::I64,
            (_, Kind::Signed | Kind::Unsigned) => self,
            (Kind::Float | Kind::Complex, Kind::Float) => self,
            (_, Kind::Float) => DType::F64,
            (Kind::Complex, Kind::Complex) => self,
            (Kind::Float, Kind::Complex) => {
                if self == DType::F64 {
                    DType::C128
                } else {
                    DType::C64
                }
            }
            (_, Kind::Complex) => DType::C128,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that is an element of an array. `bool` is not [`bytemuck::Pod`]: arrays of it hold one
/// byte an element, 0 or 1, and [`Bool`] stands for it.
pub trait Element: bytemuck::Pod + Send + Sync + PartialEq + fmt::Debug + Default {
    /// Its dtype.
    const DTYPE: DType;
}

/// One byte, 0 or 1: the in-memory form of `bool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Bool(pub u8);

impl From<bool> for Bool {
    fn from(b: bool) -> Bool {
        Bool(b as u8)
    }
}

impl From<Bool> for bool {
    fn from(b: Bool) -> bool {
        b.0 != 0
    }
}

macro_rules! elements {
    ($($t:ty => $d:ident),*) => { $(impl Element for $t { const DTYPE: DType = DType::$d; })* };
}
elements!(
    Bool => Bool, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
    u64 => U64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, C64 => C64, C128 => C128
);

/// Runs `$body` with `$t` bound to the element type of `$dtype`: the one match from dtype to type.
#[macro_export]
macro_rules! with_element {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::dtype::DType::Bool => {
                type $t = $crate::dtype::Bool;
                $body
            }
            $crate::dtype::DType::I8 => {
                type $t = i8;
                $body
            }
            $crate::dtype::DType::I16 => {
                type $t = i16;
                $body
            }
            $crate::dtype::DType::I32 => {
                type $t = i32;
                $body
            }
            $crate::dtype::DType::I64 => {
                type $t = i64;
                $body
            }
            $crate::dtype::DType::U8 => {
                type $t = u8;
                $body
            }
            $crate::dtype::DType::U16 => {
                type $t = u16;
                $body
            }
            $crate::dtype::DType::U32 => {
                type $t = u32;
                $body
            }
            $crate::dtype::DType::U64 => {
                type $t = u64;
                $body
            }
            $crate::dtype::DType::F16 => {
                type $t = $crate::half::f16;
                $body
            }
            $crate::dtype::DType::BF16 => {
                type $t = $crate::half::bf16;
                $body
            }
            $crate::dtype::DType::F32 => {
                type $t = f32;
                $body
            }
            $crate::dtype::DType::F64 => {
                type $t = f64;
                $body
            }
            $crate::dtype::DType::C64 => {
                type $t = $crate::dtype::C64;
                $body
            }
            $crate::dtype::DType::C128 => {
                type $t = $crate::dtype::C128;
                $body
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promotion_follows_numpy() {
        use DType::*;
        for (a, b, c) in [
            (I8, U8, I16),
            (I64, U64, F64),
            (I32, F32, F64),
            (I16, F32, F32),
            (I16, F16, F32),
            (I8, F16, F16),
            (F16, BF16, F32),
            (F64, C64, C128),
            (F32, C64, C64),
            (I32, C64, C128),
            (Bool, I8, I8),
            (U8, I16, I16),
            (U32, I8, I64),
        ] {
            assert_eq!(a.promote(b), c, "{a} with {b}");
            assert_eq!(b.promote(a), c, "{b} with {a}");
        }
        assert_eq!(F32.promote_weak(Kind::Float), F32);
        assert_eq!(I8.promote_weak(Kind::Float), F64);
        assert_eq!(Bool.promote_weak(Kind::Signed), I64);
        assert_eq!(F32.promote_weak(Kind::Complex), C64);
    }

    #[test]
    fn every_name_and_code_is_read_back() {
        for d in DType::ALL {
            assert_eq!(DType::parse(d.name()), Some(d));
            assert_eq!(DType::parse(d.code()), Some(d));
        }
    }
}
