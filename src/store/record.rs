//! NumPy's descriptions of dtypes (`<f8`, `[('a', '<f8'), ('b', '>i4', (2,))]`) → which bytes of each element are read. Fields of
//! structured dtypes are read one at a time, as arrays of numbers.

use flagstone_kernels::dtype::DType;
use serde_json::Value;

/// Structured dtypes inside of one another are followed to this depth.
const DEPTH_MAX: usize = 16;

/// What of each element is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) dtype: DType,
    pub(crate) big_endian: bool,
    /// The first byte of it in an element.
    pub(crate) offset: u64,
    /// Bytes of an element.
    pub(crate) element_bytes: u64,
    /// Axes inside of an element.
    pub(crate) axes: Vec<u64>,
    /// What its integers count, as NumPy writes it: `datetime64[10ns]`.
    pub(crate) time: Option<String>,
}

/// The attribute that tells what integers count.
pub(crate) const TIME: &str = "(integers are)";

/// NumPy's codes and names of times: integers of eight bytes.
pub(crate) const TIMES: [(&str, &str); 2] = [("M8", "datetime64"), ("m8", "timedelta64")];

/// Why nothing is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// The description is none.
    Bad(String),
    /// It is something that is not read, or a field must be named.
    Refused(String),
}

/// The part of elements described by `descr` that is read: all of each, or the field of this name (`a`, or `a.b` of a field that is
/// structured itself).
///
/// # Errors
/// `Bad` for what describes nothing, `Refused` for what is no number, or a field that is not there.
pub(crate) fn part(descr: &Value, field: Option<&str>) -> Result<Part, Why> {
    let element_bytes = bytes_of(descr, 0)?;
    let (mut descr, mut rest, mut offset, mut axes) = (descr, field, 0, Vec::new());
    loop {
        match (descr, rest) {
            (Value::Array(fields), Some(path)) => {
                let mut at = offset;
                let mut found = None;
                for field in fields {
                    let (name, of, lens) = parts_of(field)?;
                    let bytes = field_bytes(of, &lens, 1)?;
                    let after = path.strip_prefix(name).filter(|after| after.is_empty() || after.starts_with('.'));
                    if let Some(after) = after.filter(|_| !name.is_empty()) {
                        found = Some((of, lens, at, after.strip_prefix('.').filter(|after| !after.is_empty())));
                    }
                    at += bytes;
                }
                let Some((of, lens, at, after)) = found else {
                    return Err(Why::Refused(format!("there is no field {path}; there is {}", names(fields).join(", "))));
                };
                if !lens.is_empty() && after.is_some() {
                    return Err(Why::Refused(format!("field {path} of several structured elements")));
                }
                axes.extend(lens);
                (descr, rest, offset) = (of, after, at);
            }
            (Value::Array(fields), None) => {
                let names = names(fields);
                let first = names.first().map_or("field", String::as_str);
                return Err(Why::Refused(format!("elements have the fields {}; name one: …#{first}", names.join(", "))));
            }
            (_, Some(path)) => return Err(Why::Refused(format!("there is no field {path}: elements have none"))),
            (Value::String(text), None) => {
                let Some((dtype, big_endian, time)) = number(text) else {
                    return Err(Why::Refused(format!("dtype {text}; numbers, bool and times are read")));
                };
                return Ok(Part { dtype, big_endian, offset, element_bytes, axes, time });
            }
            (other, None) => return Err(Why::Bad(format!("{other} describes no dtype"))),
        }
    }
}

/// The names of fields; padding has none.
fn names(fields: &[Value]) -> Vec<String> {
    let name = |field: &Value| parts_of(field).map(|(name, _, _)| name.to_string()).unwrap_or_default();
    fields.iter().map(name).filter(|name| !name.is_empty()).collect()
}

/// Name, description and axes of a field. A name may have a title before it.
fn parts_of(field: &Value) -> Result<(&str, &Value, Vec<u64>), Why> {
    let bad = || Why::Bad(format!("{field} describes no field"));
    let parts = field.as_array().ok_or_else(bad)?;
    let (name, of, lens) = match &parts[..] {
        [name, of] => (name, of, None),
        [name, of, lens] => (name, of, Some(lens)),
        _ => return Err(bad()),
    };
    let name = match name {
        Value::Array(both) => both.get(1).and_then(Value::as_str),
        one => one.as_str(),
    };
    let lens = match lens {
        None => Vec::new(),
        Some(Value::Array(lens)) => lens.iter().map(Value::as_u64).collect::<Option<_>>().ok_or_else(bad)?,
        Some(one) => vec![one.as_u64().ok_or_else(bad)?],
    };
    Ok((name.ok_or_else(bad)?, of, lens))
}

fn field_bytes(of: &Value, lens: &[u64], depth: usize) -> Result<u64, Why> {
    let each = bytes_of(of, depth)?;
    let bytes = lens.iter().try_fold(each, |n: u64, &len| n.checked_mul(len));
    bytes.filter(|&n| n <= 1 << 40).ok_or_else(|| Why::Bad(format!("a field of shape {lens:?} and {each} bytes each")))
}

/// Bytes of an element of this description.
fn bytes_of(descr: &Value, depth: usize) -> Result<u64, Why> {
    match descr {
        Value::Array(_) if depth >= DEPTH_MAX => Err(Why::Bad(format!("more than {DEPTH_MAX} structured dtypes in one another"))),
        Value::Array(fields) => fields.iter().try_fold(0u64, |sum, field| {
            let (_, of, lens) = parts_of(field)?;
            let sum = sum.checked_add(field_bytes(of, &lens, depth + 1)?);
            sum.ok_or_else(|| Why::Bad("elements of too many bytes".into()))
        }),
        Value::String(text) => {
            if let Some((dtype, _, _)) = number(text) {
                return Ok(dtype.size() as u64);
            }
            let code = text.trim_start_matches(['<', '>', '|', '=']);
            let kind = code.chars().next().unwrap_or(' ');
            let count: Option<u64> = code.get(kind.len_utf8()..).and_then(|n| n.parse().ok());
            match (kind, count) {
                ('S' | 'a' | 'V', Some(n)) if n <= 1 << 40 => Ok(n),
                // Text of four bytes a letter.
                ('U', Some(n)) if n <= 1 << 38 => Ok(4 * n),
                // Numbers of other lengths, such as those of 16 bytes.
                ('f' | 'c' | 'i' | 'u', Some(n)) if n <= 64 => Ok(n),
                ('O', _) => Err(Why::Refused(format!("dtype {text}, objects of Python; numbers, bool and times are read"))),
                _ => Err(Why::Refused(format!("dtype {text}; numbers, bool and times are read"))),
            }
        }
        other => Err(Why::Bad(format!("{other} describes no dtype"))),
    }
}

/// The dtype, whether it is big-endian, and what its integers count.
pub(crate) fn number(text: &str) -> Option<(DType, bool, Option<String>)> {
    let native_big = cfg!(target_endian = "big");
    let (code, big) = match text.chars().next()? {
        '<' | '|' => (&text[1..], false),
        '>' => (&text[1..], true),
        '=' => (&text[1..], native_big),
        _ => (text, native_big),
    };
    if let Some(time) = time(code) {
        return Some((DType::I64, big, Some(time)));
    }
    let code = if code == "?" { "b1" } else { code };
    let dtype = DType::ALL.into_iter().find(|d| d.code() == code && *d != DType::BF16)?;
    Some((dtype, big, None))
}

/// What the integers of a code such as `M8[ns]` count.
fn time(code: &str) -> Option<String> {
    TIMES.iter().find_map(|(letters, name)| {
        let unit = code.strip_prefix(letters)?;
        (unit.is_empty() || unit.starts_with('[') && unit.ends_with(']')).then(|| format!("{name}{unit}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_lie_one_behind_the_other() {
        let descr =
            json!([["a", "<f8"], [["title", "b"], ">i2", [2, 3]], ["", "|V2"], ["in", [["x", "|u1"], ["t", "<M8[s]"]]], ["s", "<U2"]]);
        let found = |field| part(&descr, Some(field)).unwrap();
        let plain = |dtype, big_endian, offset, axes: &[u64], time: Option<&str>| Part {
            dtype,
            big_endian,
            offset,
            element_bytes: 8 + 12 + 2 + 9 + 8,
            axes: axes.to_vec(),
            time: time.map(String::from),
        };
        assert_eq!(found("a"), plain(DType::F64, false, 0, &[], None));
        assert_eq!(found("b"), plain(DType::I16, true, 8, &[2, 3], None));
        assert_eq!(found("in.x"), plain(DType::U8, false, 22, &[], None));
        assert_eq!(found("in.t"), plain(DType::I64, false, 23, &[], Some("datetime64[s]")));
        for (field, what) in [
            (None, "name one: …#a"),
            (Some("c"), "there is a, b, in, s"),
            (Some("in"), "the fields x, t"),
            (Some("s"), "dtype <U2"),
            (Some("a.b"), "elements have none"),
        ] {
            let Err(Why::Refused(found)) = part(&descr, field) else { panic!("{field:?}") };
            assert!(found.contains(what), "{found}");
        }
        assert_eq!(part(&json!("|b1"), None).unwrap().dtype, DType::Bool);
        assert!(matches!(part(&json!("|O"), None), Err(Why::Refused(_))));
        for bad in [json!(3), json!([3]), json!([["a"]]), json!([["a", "<f8", [1u64 << 50, 1u64 << 50]]])] {
            assert!(matches!(part(&bad, Some("a")), Err(Why::Bad(_))), "{bad}");
        }
    }
}
