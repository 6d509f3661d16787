//! Elements as numcodecs' filters stored them → elements as they were: differences, scaled integers, casts, packed bits.
//! The arithmetic is NumPy's, bit for bit.

use flagstone_kernels::dtype::{DType, Kind};
use flagstone_kernels::elementwise::cast_dense;
use half::f16;
use serde_json::{Map, Value};

/// The elements of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elements {
    pub(super) dtype: DType,
    /// Whether their bytes are in the other order.
    pub(super) swap: bool,
}

/// What an array → array filter of numcodecs did, to be undone. `values` is what went in, `stored` what came out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// Each element less the one before.
    Delta { values: Elements, stored: Elements },
    /// (value − offset) × scale, rounded.
    ScaleOffset { values: Elements, stored: Elements, scale: f64, offset: f64 },
    /// A cast, of `astype` and `quantize`.
    Cast { name: &'static str, values: Elements, stored: Elements },
    /// Eight booleans a byte.
    PackBits,
    /// Rounding that needs no decoding.
    BitRound,
}

/// Elements that are converted at once.
const RUN: usize = 256;

impl Filter {
    /// The filter `name` of a configuration, of these elements where that does not say; `None` where no filter of numcodecs is
    /// called so.
    ///
    /// # Errors
    /// What is missing or cannot be undone, as text.
    pub(super) fn parse(name: &str, config: &Map<String, Value>, of: Elements) -> Result<Option<Filter>, String> {
        let elements = |key: &str| match config.get(key) {
            Some(Value::String(text)) => Elements::parse(text).ok_or_else(|| format!("{name}: {key} {text:?} is no real number")),
            Some(other) => Err(format!("{name}: {key} is {other}, expected a dtype as in \"<f4\"")),
            None => Err(format!("{name}: {key} is missing")),
        };
        let or = |key: &str, default: Elements| match config.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(_) => elements(key),
        };
        let number = |key: &str| {
            let found = config.get(key).unwrap_or(&Value::Null);
            found.as_f64().ok_or_else(|| format!("{name}: {key} is {found}, expected a number"))
        };
        Ok(Some(match name {
            "delta" => {
                let values = or("dtype", of)?;
                let stored = or("astype", values)?;
                let is_real = |e: Elements| !matches!(e.dtype.kind(), Kind::Bool | Kind::Complex);
                let is_float = |e: Elements| e.dtype.kind() == Kind::Float;
                if !is_real(values) || is_float(stored) && !is_float(values) {
                    return Err(format!("delta: differences of {} stored as {}", values.dtype, stored.dtype));
                }
                Filter::Delta { values, stored }
            }
            "fixedscaleoffset" => {
                let values = real("fixedscaleoffset", or("dtype", of)?)?;
                Filter::ScaleOffset { values, stored: or("astype", values)?, scale: number("scale")?, offset: number("offset")? }
            }
            "quantize" => {
                let values = real("quantize", or("dtype", of)?)?;
                Filter::Cast { name: "quantize", values, stored: or("astype", values)? }
            }
            "astype" => Filter::Cast { name: "astype", values: elements("decode_dtype")?, stored: elements("encode_dtype")? },
            "packbits" => Filter::PackBits,
            "bitround" => Filter::BitRound,
            _ => return Ok(None),
        }))
    }

    /// As people write it.
    pub(super) fn text(&self) -> String {
        match self {
            Filter::Delta { values, stored } | Filter::ScaleOffset { values, stored, .. } | Filter::Cast { values, stored, .. } => {
                let name = match self {
                    Filter::Delta { .. } => "delta",
                    Filter::Cast { name, .. } => name,
                    _ => "fixedscaleoffset",
                };
                if values.dtype == stored.dtype { name.to_string() } else { format!("{name}:{}", stored.dtype) }
            }
            Filter::PackBits => "packbits".into(),
            Filter::BitRound => "bitround".into(),
        }
    }

    /// What the elements are that come out of encoding, given those that go in.
    pub(super) fn stored(&self, values: Elements) -> Elements {
        match self {
            Filter::Delta { stored, .. } | Filter::ScaleOffset { stored, .. } | Filter::Cast { stored, .. } => *stored,
            Filter::PackBits => Elements { dtype: DType::U8, swap: false },
            Filter::BitRound => values,
        }
    }

    /// Bytes that encoding makes of `len`.
    pub(super) fn stored_bytes(&self, len: u64) -> u64 {
        match self {
            Filter::Delta { values, stored } | Filter::ScaleOffset { values, stored, .. } | Filter::Cast { values, stored, .. } => {
                (len / values.size() as u64).saturating_mul(stored.size() as u64)
            }
            Filter::PackBits => 1 + len.div_ceil(8),
            Filter::BitRound => len,
        }
    }

    /// Whether decoding changes nothing.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Filter::BitRound => true,
            Filter::Cast { values, stored, .. } => values == stored,
            _ => false,
        }
    }

    /// Decodes `from` into `to`; returns the bytes made.
    ///
    /// # Errors
    /// For lengths that are not those of whole elements, and what does not fit.
    pub(super) fn decode(&self, from: &[u8], to: &mut [u8]) -> Result<usize, String> {
        match self {
            Filter::PackBits => unpack_bits(from, to),
            Filter::BitRound => {
                let len = from.len();
                room(to, len, "bitround")?.copy_from_slice(from);
                Ok(len)
            }
            Filter::Delta { values, stored } => {
                let made = self.convert(from, to, *values, *stored, None)?;
                accumulate(&mut to[..made], values.dtype);
                swap_back(&mut to[..made], *values);
                Ok(made)
            }
            Filter::Cast { values, stored, .. } => {
                let made = self.convert(from, to, *values, *stored, None)?;
                swap_back(&mut to[..made], *values);
                Ok(made)
            }
            Filter::ScaleOffset { values, stored, scale, offset } => {
                let made = self.convert(from, to, *values, *stored, Some((*scale, *offset)))?;
                swap_back(&mut to[..made], *values);
                Ok(made)
            }
        }
    }

    /// Elements of `from`, divided by a scale and moved by an offset where there are those, cast to elements of `to`, native byte order;
    /// returns the bytes made.
    fn convert(&self, from: &[u8], to: &mut [u8], values: Elements, stored: Elements, scaled: Option<(f64, f64)>) -> Result<usize, String> {
        let (size, item) = (stored.size(), values.size());
        if !from.len().is_multiple_of(size) {
            return Err(format!("{}: {} bytes are no whole number of {}", self.text(), from.len(), stored.dtype));
        }
        let made = from.len() / size * item;
        let to = room(to, made, &self.text())?;
        let (mut native, mut floats, mut given) = ([0u64; RUN], [0u64; RUN], [0u64; RUN]);
        for (from, to) in from.chunks(RUN * size).zip(to.chunks_mut(RUN * item)) {
            let native = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut native)[..from.len()];
            native.copy_from_slice(from);
            swap_back(native, stored);
            let given = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut given)[..to.len()];
            match scaled {
                None => cast_dense(stored.dtype, native, values.dtype, given),
                Some((scale, offset)) => {
                    // NumPy divides and adds in the type of a stored float, and in float64 for integers
                    let float = if stored.dtype.is_float() { stored.dtype } else { DType::F64 };
                    let floats = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut floats)[..from.len() / size * float.size()];
                    cast_dense(stored.dtype, native, float, floats);
                    unscale(float, floats, scale, offset);
                    cast_dense(float, floats, values.dtype, given);
                }
            }
            to.copy_from_slice(given);
        }
        Ok(made)
    }
}

/// x ÷ scale + offset, in floats of `dtype`.
fn unscale(dtype: DType, floats: &mut [u8], scale: f64, offset: f64) {
    match dtype {
        DType::F16 => {
            let (scale, offset) = (f16::from_f64(scale), f16::from_f64(offset));
            bytemuck::cast_slice_mut::<u8, f16>(floats).iter_mut().for_each(|x| *x = *x / scale + offset);
        }
        DType::F32 => {
            let (scale, offset) = (scale as f32, offset as f32);
            bytemuck::cast_slice_mut::<u8, f32>(floats).iter_mut().for_each(|x| *x = *x / scale + offset);
        }
        _ => bytemuck::cast_slice_mut::<u8, f64>(floats).iter_mut().for_each(|x| *x = *x / scale + offset),
    }
}

fn real(name: &str, of: Elements) -> Result<Elements, String> {
    if of.dtype.kind() == Kind::Complex { Err(format!("{name} of {}", of.dtype)) } else { Ok(of) }
}

fn room<'a>(to: &'a mut [u8], len: usize, name: &str) -> Result<&'a mut [u8], String> {
    let found = to.len();
    to.get_mut(..len).ok_or_else(|| format!("{name}: {len} bytes, room for {found}"))
}

impl Elements {
    /// NumPy's code with its byte order, of a real number or bool.
    fn parse(text: &str) -> Option<Elements> {
        let big = match text.as_bytes().first()? {
            b'>' => true,
            b'<' | b'|' => false,
            b'=' => cfg!(target_endian = "big"),
            // A name, as in "float32", or a code alone.
            _ => cfg!(target_endian = "big"),
        };
        let name = text.trim_start_matches(['<', '>', '|', '=']);
        let named = |d: &DType| d.code() == name || d.name() == name;
        let dtype = DType::ALL.into_iter().find(|d| named(d) && *d != DType::BF16 && d.kind() != Kind::Complex)?;
        Some(Elements { dtype, swap: dtype.size() > 1 && big == cfg!(target_endian = "little") })
    }

    fn size(self) -> usize {
        self.dtype.size()
    }
}

/// Running sums in place, native byte order, each rounded to its type.
fn accumulate(bytes: &mut [u8], dtype: DType) {
    macro_rules! sums {
        ($t:ty, $add:expr) => {{
            let mut sum: Option<$t> = None;
            for bytes in bytes.as_chunks_mut().0 {
                let x = <$t>::from_ne_bytes(*bytes);
                let next = sum.map_or(x, |sum| $add(sum, x));
                *bytes = next.to_ne_bytes();
                sum = Some(next);
            }
        }};
    }
    match dtype {
        // Sums that wrap are the same, signed or not.
        DType::I8 | DType::U8 => sums!(u8, u8::wrapping_add),
        DType::I16 | DType::U16 => sums!(u16, u16::wrapping_add),
        DType::I32 | DType::U32 => sums!(u32, u32::wrapping_add),
        DType::I64 | DType::U64 => sums!(u64, u64::wrapping_add),
        DType::F16 => sums!(f16, |a: f16, b: f16| a + b),
        DType::F32 => sums!(f32, |a: f32, b: f32| a + b),
        DType::F64 => sums!(f64, |a: f64, b: f64| a + b),
        // parsing refuses the others
        _ => {}
    }
}

fn swap_back(bytes: &mut [u8], elements: Elements) {
    if elements.swap {
        bytes.chunks_exact_mut(elements.size()).for_each(<[u8]>::reverse);
    }
}

fn unpack_bits(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    let Some((&padding, bits)) = from.split_first() else { return Err("packbits: no byte that tells the padding".into()) };
    let len = (8 * bits.len()).checked_sub(padding.into()).filter(|_| padding < 8);
    let len = len.ok_or_else(|| format!("packbits: {padding} bits of padding in {} bytes", bits.len()))?;
    let to = room(to, len, "packbits")?;
    for (i, out) in to.iter_mut().enumerate() {
        *out = bits[i / 8] >> (7 - i % 8) & 1;
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filter(name: &str, config: Value) -> Result<Option<Filter>, String> {
        Filter::parse(name, config.as_object().unwrap(), Elements { dtype: DType::C64, swap: false })
    }

    #[test]
    fn what_numpy_gives_is_given() {
        let delta = filter("delta", json!({"dtype": ">i2", "astype": "|i1"})).unwrap().unwrap();
        let mut out = [0; 8];
        assert_eq!(delta.decode(&[1, 255, 5], &mut out), Ok(6));
        assert_eq!(out[..6], [0, 1, 0, 0, 0, 5]);
        let scaled = filter("fixedscaleoffset", json!({"dtype": "<f8", "astype": "u1", "scale": 10, "offset": 1000.5})).unwrap().unwrap();
        assert_eq!(scaled.decode(&[0, 17], &mut [0; 16]).unwrap(), 16);
        let mut out = [0; 16];
        scaled.decode(&[0, 17], &mut out).unwrap();
        assert_eq!(out[8..], (17.0 / 10.0 + 1000.5f64).to_le_bytes());
        let mut out = [9; 11];
        assert_eq!(Filter::PackBits.decode(&[5, 0b1010_0000, 0b1100_0000], &mut out), Ok(11));
        assert_eq!(out, [1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0]);
    }

    /// numcodecs 0.16 with NumPy 2.4 on x86-64.
    #[test]
    fn what_does_not_fit_is_what_numpy_makes_of_it() {
        let cast = |from: &str, to: &str, x: &[u8], len: usize| {
            let config = json!({"decode_dtype": to, "encode_dtype": from});
            let mut out = vec![9; len];
            assert_eq!(filter("astype", config).unwrap().unwrap().decode(x, &mut out), Ok(len));
            out
        };
        assert_eq!(cast("<f8", "<i2", &3e9f64.to_le_bytes(), 2), 0i16.to_le_bytes());
        assert_eq!(cast("<f4", ">i4", &f32::NAN.to_le_bytes(), 4), i32::MIN.to_be_bytes());
        assert_eq!(cast(">f8", "<i8", &1e19f64.to_be_bytes(), 8), i64::MIN.to_le_bytes());
        assert_eq!(cast("<f8", "<u8", &f64::NAN.to_le_bytes(), 8), (1u64 << 63).to_le_bytes());
        assert_eq!(cast("<f8", "|b1", &0.5f64.to_le_bytes(), 1), [1]);
        assert_eq!(cast("|i1", "<u2", &[255], 2), u16::MAX.to_le_bytes());
    }

    #[test]
    fn damaged_and_senseless_filters_are_errors() {
        assert!(Filter::PackBits.decode(&[], &mut [0; 8]).is_err());
        assert!(Filter::PackBits.decode(&[8, 1, 1], &mut [0; 16]).is_err());
        assert!(Filter::PackBits.decode(&[3], &mut [0; 16]).is_err());
        assert!(Filter::PackBits.decode(&[0, 1], &mut [0; 7]).is_err());
        let delta = filter("delta", json!({"dtype": "<i4"})).unwrap().unwrap();
        assert!(delta.decode(&[0; 7], &mut [0; 8]).unwrap_err().contains("7 bytes are no whole number of int32"));
        assert!(delta.decode(&[0; 8], &mut [0; 7]).unwrap_err().contains("room for 7"));
        for (name, config, what) in [
            ("delta", json!({}), "differences of complex64"),
            ("astype", json!({}), "decode_dtype is missing"),
            ("delta", json!({"dtype": "<c8"}), "\"<c8\" is no real number"),
            ("delta", json!({"dtype": "<i4", "astype": "<f4"}), "differences of int32 stored as float32"),
            ("fixedscaleoffset", json!({"dtype": "<f4", "scale": "x", "offset": 0}), "scale is \"x\""),
            ("astype", json!({"decode_dtype": "<f4", "encode_dtype": 3}), "expected a dtype"),
        ] {
            let message = filter(name, config).unwrap_err();
            assert!(message.contains(what), "{message}");
        }
        assert_eq!(filter("json2", json!({})), Ok(None));
    }
}
