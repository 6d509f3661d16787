//! The header of `.npy` files, versions 1 to 3, both ways.
//!
//! Source: NumPy, `numpy/lib/format.py`, "Format Version 1.0" and after.

use super::literal;
use crate::error::{Error, Result};
use crate::store::record::{self, Part, Why};
use flagstone_kernels::dtype::DType;
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is believed; NumPy's own limit is 10 000.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    /// What of each element is read.
    pub(super) part: Part,
    pub(super) shape: Vec<u64>,
    pub(super) fortran_order: bool,
    /// Bytes of the header itself.
    pub(super) bytes: u64,
}

/// Reads the header of the `.npy` file at byte `base`, and which bytes are the field of this name, if one is asked for.
///
/// # Errors
/// `Store` for what is no header, `Unsupported` for elements that are no numbers.
pub(super) fn read(file: &File, base: u64, field: Option<&str>, address: &str) -> Result<Header> {
    let bad = |what: String| Error::store(address, format!("not a readable .npy file: {what}"));
    let mut start = [0u8; 12];
    let exact = |buf: &mut [u8], at| file.read_exact_at(buf, base + at).map_err(|e| bad(format!("the header is cut off: {e}")));
    exact(&mut start[..10], 0)?;
    if &start[..6] != MAGIC {
        return Err(bad("it does not start with \\x93NUMPY".into()));
    }
    let (len, at) = match start[6] {
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
    exact(&mut text, at)?;
    // Version 1 and 2 are Latin-1; names that are not ASCII are the only letters where that matters.
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(e) => e.as_bytes().iter().map(|&b| char::from(b)).collect(),
    };
    let parsed = parse(&text).map_err(|what| bad(format!("{what} in the header {:?}", text.trim_end())))?;
    let part = record::part(&parsed.descr, field).map_err(|why| match why {
        Why::Bad(what) => bad(what),
        Why::Refused(what) => Error::unsupported(address, what),
    })?;
    Ok(Header { part, shape: parsed.shape, fortran_order: parsed.fortran_order, bytes: at + len as u64 })
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

struct Parsed {
    descr: Value,
    fortran_order: bool,
    shape: Vec<u64>,
}

/// A dict literal of three known keys, as `repr` writes it.
fn parse(text: &str) -> std::result::Result<Parsed, String> {
    let Value::Object(mut fields) = literal::parse(text)? else { return Err("no dict".into()) };
    let mut take = |name: &str| fields.remove(name).ok_or_else(|| format!("no {name}"));
    let (descr, order, shape) = (take("descr")?, take("fortran_order")?, take("shape")?);
    if let Some(other) = fields.keys().next() {
        return Err(format!("the unknown key {other:?}"));
    }
    let fortran_order = order.as_bool().ok_or_else(|| format!("fortran_order {order}"))?;
    let lens = shape.as_array().and_then(|lens| lens.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    let shape = lens.ok_or_else(|| format!("the shape {shape}"))?;
    if shape.len() > 64 {
        return Err(format!("{} axes", shape.len()));
    }
    Ok(Parsed { descr, fortran_order, shape })
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
            let part = record::part(&parsed.descr, None).unwrap();
            assert_eq!((part.dtype, part.big_endian), (dtype_given, false));
        }
    }

    #[test]
    fn broken_headers_are_named() {
        for (text, what) in [
            ("", "the end"),
            ("3", "no dict"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (), 'more': 1}", "\"more\""),
            ("{'descr': '<f8', 'fortran_order': False}", "no shape"),
            ("{'descr': '<f8', 'fortran_order': Maybe, 'shape': ()}", "Maybe"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "-1"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,}", "neither"),
            ("{'descr': '<f8', 'fortran_order': 1, 'shape': ()}", "fortran_order 1"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': 3}", "the shape 3"),
        ] {
            assert!(parse(text).err().unwrap().contains(what), "{text}");
        }
    }
}
