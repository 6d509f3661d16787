//! Metadata files → JSON, and JSON → their text. The numbers that JSON has no words for are the texts `NaN`, `Infinity` and
//! `-Infinity` here; in attributes zarr-python and xarray write them as bare words, and so does this.

use crate::error::{Error, Result};
use crate::store::{AttributeKind, AttributeKinds};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// (file name, text) of the array's metadata; the last makes the array visible.
pub(super) type Documents = Vec<(&'static str, String)>;

/// Documents up to this length are kept as a whole: a tree of values takes at most some sixteen times as much memory.
pub(super) const KEPT_BYTES_MAX: u64 = 4 << 20;
/// Of longer ones, consolidated metadata of large groups, only the kind is read; nor are they read without end.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

/// Reads a document; `None` where there is no such file. Of a group's that is too long to keep, the kind alone.
///
/// # Errors
/// `Store` for what is no JSON, cannot be read or is too long.
pub(super) fn read(path: &Path, address: &str) -> Result<Option<Value>> {
    let failed = |e: &io::Error| Error::store_io(address, &format!("reading {}", path.display()), e);
    let opened = match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
        Ok(opened) => opened,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(failed(&e)),
    };
    let (found, file) = opened;
    if found.is_dir() {
        return Ok(None);
    }
    parse(file, found.len(), &path.display().to_string(), address)
}

/// Parses the document `name` of `len` bytes, as [`read`].
///
/// # Errors
/// As [`read`].
pub(super) fn parse(from: impl Read, len: u64, name: &str, address: &str) -> Result<Option<Value>> {
    let no_json = |e: serde_json::Error| match e.io_error_kind() {
        Some(kind) => Error::store_io(address, &format!("reading {name}"), &kind.into()),
        None => Error::store(address, format!("{name} is no JSON: {e}")),
    };
    if len <= KEPT_BYTES_MAX {
        let mut text = Vec::with_capacity(len as usize);
        // A file that grows meanwhile is not read without end.
        let read = from.take(4 * KEPT_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|e| Error::store_io(address, &format!("reading {name}"), &e))?;
        let mut value = whole(&text).map_err(no_json)?;
        // Some writers have null where there are none.
        if value.get("attributes").is_some_and(Value::is_null) {
            value.as_object_mut().and_then(|fields| fields.remove("attributes"));
        }
        return Ok(Some(value));
    }
    let Kind(kind) = serde_json::from_reader(BareWords::new(BufReader::new(from)).take(DOCUMENT_BYTES_MAX)).map_err(no_json)?;
    if kind.get("node_type").and_then(Value::as_str) != Some("group") {
        let what = format!("{name} has {len} bytes; an array's metadata is read up to {KEPT_BYTES_MAX}");
        return Err(Error::store(address, what));
    }
    Ok(Some(Value::Object(kind)))
}

/// The value of a text that is held as a whole: byte by byte only where a bare word may be in it.
fn whole(text: &[u8]) -> serde_json::Result<Value> {
    // One behind a quotation mark is a text already, as fill values are.
    let is_bare = |at: usize| text[at..].starts_with(b"NaN") || text[at..].starts_with(b"Infinity");
    let mut capitals = text.iter().enumerate().filter(|(_, byte)| matches!(byte, b'N' | b'I')).map(|(at, _)| at);
    if capitals.any(|at| is_bare(at) && (at == 0 || text[at - 1] != b'"')) {
        serde_json::from_reader(BareWords::new(text))
    } else {
        serde_json::from_slice(text)
    }
}

/// What a node is, and nothing that may be long.
struct Kind(Map<String, Value>);

impl<'de> serde::Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Kind, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Kind;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Kind, A::Error> {
                let mut kept = Map::new();
                while let Some(key) = from.next_key::<String>()? {
                    if key == "node_type" || key == "zarr_format" {
                        kept.insert(key, from.next_value()?);
                    } else {
                        from.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Kind(kept))
            }
        }
        from.deserialize_map(Fields)
    }
}

/// JSON whose bare words `NaN`, `Infinity` and `-Infinity` become texts.
struct BareWords<R> {
    from: R,
    state: State,
    /// Bytes that were made of one byte and are still to be read.
    ready: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Outside,
    /// After a minus, which may begin a word or a number.
    Minus,
    Word,
    Text,
    Escape,
    End,
}

impl<R: BufRead> BareWords<R> {
    fn new(from: R) -> BareWords<R> {
        BareWords { from, state: State::Outside, ready: Vec::new() }
    }

    /// What one byte becomes, last byte first.
    fn step(&mut self, byte: u8) {
        self.ready.push(byte);
        self.state = match (self.state, byte) {
            (State::Text, b'\\') => State::Escape,
            (State::Text, b'"') => State::Outside,
            (State::Text | State::Escape, _) => State::Text,
            (State::Word, b'a'..=b'z' | b'A'..=b'Z') => State::Word,
            (State::Outside, b'-') => {
                self.ready.clear();
                State::Minus
            }
            (State::Outside | State::Minus, b'N' | b'I') => {
                self.ready.extend(if self.state == State::Minus { &b"-\""[..] } else { b"\"" });
                State::Word
            }
            (before, _) => {
                self.ready.extend(match before {
                    State::Word => &b"\""[..],
                    State::Minus => b"-",
                    _ => b"",
                });
                if byte == b'"' { State::Text } else { State::Outside }
            }
        };
    }
}

impl<R: BufRead> Read for BareWords<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut n = 0;
        while n < out.len() {
            if let Some(byte) = self.ready.pop() {
                out[n] = byte;
                n += 1;
                continue;
            }
            let Some(&byte) = self.from.fill_buf()?.first() else {
                match std::mem::replace(&mut self.state, State::End) {
                    State::Word => self.ready.push(b'"'),
                    State::Minus => self.ready.push(b'-'),
                    _ => break,
                }
                continue;
            };
            self.from.consume(1);
            self.step(byte);
        }
        Ok(n)
    }
}

/// What no text holds; it marks a text that is written as a bare word.
const MARK: char = '\u{fdd0}';

/// Attributes whose numbers without a word in JSON are marked for [`bare_words`].
pub(super) fn marked(attributes: &Map<String, Value>) -> Map<String, Value> {
    fn mark(value: &Value) -> Value {
        match value {
            Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => Value::String(format!("{MARK}{text}")),
            Value::Array(items) => Value::Array(items.iter().map(mark).collect()),
            Value::Object(fields) => Value::Object(marked(fields)),
            other => other.clone(),
        }
    }
    attributes.iter().map(|(name, value)| (name.clone(), mark(value))).collect()
}

/// As [`marked`], but for those that are texts.
pub(super) fn marked_numbers(attributes: &Map<String, Value>, kinds: &AttributeKinds) -> Map<String, Value> {
    let mut all = marked(attributes);
    for (name, kind) in kinds {
        if let (AttributeKind::Text, Some(text)) = (kind, attributes.get(name)) {
            all.insert(name.clone(), text.clone());
        }
    }
    all
}

/// The text of a document, what was marked as bare words.
pub(super) fn bare_words(text: &str) -> String {
    ["NaN", "Infinity", "-Infinity"].iter().fold(text.to_string(), |text, word| text.replace(&format!("\"{MARK}{word}\""), word))
}

/// Bytes that a value takes in memory, about.
pub(super) fn value_bytes(value: &Value) -> u64 {
    let inside: u64 = match value {
        Value::String(text) => text.capacity() as u64,
        Value::Array(items) => items.iter().map(value_bytes).sum(),
        Value::Object(fields) => attributes_bytes(fields),
        _ => 0,
    };
    size_of::<Value>() as u64 + inside
}

/// Bytes that attributes take in memory, about.
pub(super) fn attributes_bytes(attributes: &Map<String, Value>) -> u64 {
    attributes.iter().map(|(name, value)| (size_of::<String>() + name.capacity()) as u64 + value_bytes(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> serde_json::Result<Value> {
        serde_json::from_reader(BareWords::new(BufReader::with_capacity(3, text.as_bytes())))
    }

    #[test]
    fn bare_words_are_read_as_texts_and_written_as_they_were() {
        let text = r#"{"a": NaN, "b": [-Infinity,Infinity, -1.5, -0, null, true], "NaN": "say \"NaN\", -Infinity \\", "c": {"d": NaN}}"#;
        let expected = json!({"a": "NaN", "b": ["-Infinity", "Infinity", -1.5, -0.0, null, true], "NaN": "say \"NaN\", -Infinity \\",
            "c": {"d": "NaN"}});
        let found = parse(text).unwrap();
        assert_eq!(whole(text.as_bytes()).unwrap(), found);
        assert_eq!(found["NaN"], expected["NaN"]);
        assert_eq!(found["b"].as_array().unwrap()[..3], expected["b"].as_array().unwrap()[..3]);
        assert_eq!((&found["a"], &found["c"]), (&expected["a"], &expected["c"]));
        assert_eq!(parse("NaN").unwrap(), json!("NaN"));
        assert_eq!(parse("-Infinity").unwrap(), json!("-Infinity"));
        for bad in ["-", "{NaN", "[1 NaN]", "\"NaN", "nan", "-\"x\""] {
            assert!(parse(bad).is_err() && whole(bad.as_bytes()).is_err(), "{bad}");
        }
        let plain = br#"{"a": [1.5, -2, "NaN", null], "Infinity": {}}"#;
        assert_eq!(whole(plain).unwrap(), json!({"a": [1.5, -2, "NaN", null], "Infinity": {}}));
        let written = bare_words(&format!("{}", Value::Object(marked(found.as_object().unwrap()))));
        assert!(written.contains(r#""a":NaN"#) && written.contains(r#"[-Infinity,Infinity,-1.5"#), "{written}");
        assert!(written.contains(r#"say \"NaN\", -Infinity \\"#), "{written}");
        assert_eq!(parse(&written).unwrap(), found);
    }

    #[test]
    fn long_documents_are_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zarr.json");
        let long = "1,".repeat(KEPT_BYTES_MAX as usize);
        std::fs::write(&path, format!("{{\"node_type\": \"group\", \"consolidated_metadata\": [{long}1], \"zarr_format\": 3}}")).unwrap();
        assert_eq!(read(&path, "x").unwrap(), Some(json!({"node_type": "group", "zarr_format": 3})));
        std::fs::write(&path, format!("{{\"node_type\": \"array\", \"attributes\": {{\"a\": [{long}1]}}}}")).unwrap();
        let message = read(&path, "x").unwrap_err().to_string();
        assert!(message.contains("an array's metadata is read up to 4194304"), "{message}");
        assert_eq!(read(&directory.path().join("none"), "x").unwrap(), None);
    }
}
