//! The header of `.npy` files, versions 1 to 3, both ways.
//!
//! Source: NumPy, `numpy/lib/format.py`, "Format Version 1.0" and after.

use super::RawLayout;
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use std::fs::File;
use std::os::unix::fs::FileExt;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is believed; NumPy's own limit is 10 000.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// Reads the header: layout (offset 0) and the byte at which the elements start.
pub(super) fn read(file: &File, address: &str) -> Result<(RawLayout, u64)> {
    let bad = |what: String| Error::store(address, format!("not a readable .npy file: {what}"));
    let mut start = [0u8; 12];
    let exact = |buf: &mut [u8], at| file.read_exact_at(buf, at).map_err(|e| bad(format!("the header is cut off: {e}")));
    exact(&mut start[..10], 0)?;
    if &start[..6] != MAGIC {
        return Err(bad(format!("it starts with {:?}, not with {MAGIC:?}", &start[..6])));
    }
    let (len, base) = match start[6] {
        1 => (u16::from_le_bytes([start[8], start[9]]) as usize, 10),
        2 | 3 => {
            exact(&mut start, 0)?;
            (u32::from_le_bytes([start[8], start[9], start[10], start[11]]) as usize, 12)
        }
        version => return Err(bad(format!("version {version}, known are 1 to 3"))),
    };
    if len > HEADER_BYTES_MAX {
        return Err(bad(format!("a header of {len} bytes")));
    }
    let mut text = vec![0u8; len];
    exact(&mut text, base)?;
    let text = std::str::from_utf8(&text).map_err(|e| bad(format!("the header is no text: {e}")))?;
    let layout = parse(text).map_err(|what| bad(format!("{what} in the header {:?}", text.trim_end())))?;
    let (dtype, big_endian) = dtype(&layout.descr)
        .ok_or_else(|| Error::unsupported(address, format!("dtype {} of a .npy file; numbers and bool are read", layout.descr)))?;
    let raw = RawLayout { dtype, shape: layout.shape, offset: 0, big_endian, fortran_order: layout.fortran_order };
    Ok((raw, base + len as u64))
}

/// The header of a C-order array of native byte order, padded to 64 bytes.
pub(super) fn write(dtype: DType, shape: &[u64]) -> Vec<u8> {
    let lens: Vec<String> = shape.iter().map(u64::to_string).collect();
    let shape = if lens.len() == 1 { format!("({},)", lens[0]) } else { format!("({})", lens.join(", ")) };
    let mark = match (dtype.size(), cfg!(target_endian = "little")) {
        (1, _) => '|',
        (_, true) => '<',
        (_, false) => '>',
    };
    let mut text = format!("{{'descr': '{mark}{}', 'fortran_order': False, 'shape': {shape}, }}", dtype.code());
    // Version 1 holds 65 535 bytes; a shape would need thousands of axes to pass that.
    let prefix = 10;
    while (prefix + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

fn dtype(descr: &str) -> Option<(DType, bool)> {
    let order = descr.chars().next()?;
    let native_big = cfg!(target_endian = "big");
    let (code, big) = match order {
        '<' | '|' => (&descr[1..], false),
        '>' => (&descr[1..], true),
        '=' => (&descr[1..], native_big),
        _ => (descr, native_big),
    };
    Some((DType::ALL.into_iter().find(|d| d.code() == code)?, big))
}

struct Parsed {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

/// A dict literal of three known keys, as `repr` writes it.
fn parse(text: &str) -> std::result::Result<Parsed, String> {
    let mut rest = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or("no dict")?.trim_start();
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':').ok_or("no ':' after a key")?.trim_start();
        match key {
            "descr" if rest.starts_with('[') => return Err("fields (a structured dtype)".into()),
            "descr" => {
                let (value, after) = quoted(rest)?;
                (descr, rest) = (Some(value.to_string()), after);
            }
            "fortran_order" => {
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                fortran_order = Some(match rest[..end].trim() {
                    "True" => true,
                    "False" => false,
                    other => return Err(format!("fortran_order {other:?}")),
                });
                rest = &rest[end..];
            }
            "shape" => {
                let inner = rest.strip_prefix('(').ok_or("a shape that is no tuple")?;
                let end = inner.find(')').ok_or("a shape that does not end")?;
                let lens = inner[..end].split(',').map(str::trim).filter(|t| !t.is_empty());
                let lens: Vec<u64> = lens
                    .map(|t| t.trim_end_matches('L').parse().map_err(|_| format!("the length {t:?}")))
                    .collect::<std::result::Result<_, String>>()?;
                if lens.len() > 64 {
                    return Err(format!("{} axes", lens.len()));
                }
                (shape, rest) = (Some(lens), &inner[end + 1..]);
            }
            other => return Err(format!("the unknown key {other:?}")),
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Ok(Parsed { descr: descr.ok_or("no descr")?, fortran_order: fortran_order.ok_or("no fortran_order")?, shape: shape.ok_or("no shape")? })
}

fn quoted(text: &str) -> std::result::Result<(&str, &str), String> {
    let mark = text.chars().next().filter(|c| *c == '\'' || *c == '"').ok_or("no quoted text")?;
    let end = text[1..].find(mark).ok_or("a text that does not end")?;
    Ok((&text[1..1 + end], &text[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_shape_are_read_back_and_aligned() {
        for (dtype_given, shape) in [(DType::F64, vec![]), (DType::Bool, vec![3]), (DType::C64, vec![2, 0, 5])] {
            let bytes = write(dtype_given, &shape);
            assert_eq!(bytes.len() % 64, 0);
            let parsed = parse(std::str::from_utf8(&bytes[10..]).unwrap()).unwrap();
            assert_eq!(parsed.shape, shape);
            assert!(!parsed.fortran_order);
            assert_eq!(dtype(&parsed.descr), Some((dtype_given, false)));
        }
        assert_eq!(dtype(">i2"), Some((DType::I16, true)));
        assert_eq!(dtype("<U8"), None);
        assert_eq!(dtype("é"), None);
    }

    #[test]
    fn broken_headers_are_named() {
        for (text, what) in [
            ("", "no dict"),
            ("{'descr': '<f8', 'fortran_order': False}", "no shape"),
            ("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}", "fields"),
            ("{'descr': '<f8', 'fortran_order': Maybe, 'shape': ()}", "Maybe"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "-1"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,}", "does not end"),
        ] {
            assert!(parse(text).err().unwrap().contains(what), "{text}");
        }
    }
}
