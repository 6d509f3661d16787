//! Python literals of the kinds that headers of `.npy` files hold, as JSON: texts, whole numbers, truth values, lists, tuples, dicts.

use serde_json::{Map, Value};

/// Lists inside of one another are followed to this depth.
const DEPTH_MAX: usize = 32;

/// The value of a literal. Tuples become lists.
///
/// # Errors
/// What is no such literal, as text.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut rest = text.trim();
    let value = value(&mut rest, 0)?;
    match rest.trim_start() {
        "" => Ok(value),
        more => Err(format!("something behind the end: {:?}", start(more))),
    }
}

/// The first letters of what is wrong.
fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

fn value(rest: &mut &str, depth: usize) -> Result<Value, String> {
    if depth > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} lists in one another"));
    }
    *rest = rest.trim_start();
    match rest.chars().next() {
        Some('{') => dict(rest, depth),
        Some('[') => list(rest, ']', depth),
        Some('(') => list(rest, ')', depth),
        Some('\'' | '"') => quoted(rest).map(Value::String),
        Some(_) => word(rest),
        None => Err("the end, where a value should be".into()),
    }
}

fn dict(rest: &mut &str, depth: usize) -> Result<Value, String> {
    let mut found = Map::new();
    *rest = &rest[1..];
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            *rest = after;
            return Ok(Value::Object(found));
        }
        let key = quoted(rest)?;
        *rest = rest.trim_start().strip_prefix(':').ok_or_else(|| format!("no ':' after the key {key:?}"))?;
        let inside = value(rest, depth + 1)?;
        found.insert(key, inside);
        comma(rest, '}')?;
    }
}

fn list(rest: &mut &str, end: char, depth: usize) -> Result<Value, String> {
    let mut found = Vec::new();
    *rest = &rest[1..];
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(end) {
            *rest = after;
            return Ok(Value::Array(found));
        }
        found.push(value(rest, depth + 1)?);
        comma(rest, end)?;
    }
}

/// A comma, or the end that follows.
fn comma(rest: &mut &str, end: char) -> Result<(), String> {
    *rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix(',') {
        *rest = after;
        return Ok(());
    }
    if rest.starts_with(end) { Ok(()) } else { Err(format!("{:?}, where ',' or {end:?} should be", start(rest))) }
}

fn quoted(rest: &mut &str) -> Result<String, String> {
    let mark = rest.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or_else(|| format!("{:?} is no quoted text", start(rest)))?;
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, escaped @ ('\\' | '\'' | '"'))) => text.push(escaped),
                _ => return Err("an escape in a text that is not read".into()),
            },
            letter if letter == mark => {
                *rest = &rest[at + mark.len_utf8()..];
                return Ok(text);
            }
            letter => text.push(letter),
        }
    }
    Err("a text that does not end".into())
}

/// A number or a truth value.
fn word(rest: &mut &str) -> Result<Value, String> {
    let end = rest.find([',', '}', ']', ')', ':']).unwrap_or(rest.len());
    let (word, after) = (rest[..end].trim(), &rest[end..]);
    // Python 2 wrote long numbers with an L.
    let value = match word {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        number => match number.trim_end_matches('L').parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => return Err(format!("{:?} is neither a length nor True nor False", start(word))),
        },
    };
    *rest = after;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_are_read_and_what_is_none_is_named() {
        let text = r#" {'descr': [(('t', 'a\'b'), '<f8'), ("b", '>i2', (2, 3L))], 'fortran_order': False, 'shape': (), } "#;
        let expected = json!({"descr": [[["t", "a'b"], "<f8"], ["b", ">i2", [2, 3]]], "fortran_order": false, "shape": []});
        assert_eq!(parse(text).unwrap(), expected);
        for (text, what) in [
            ("", "the end"),
            ("{'a': 1", "','"),
            ("{'a' 1}", "no ':'"),
            ("{'a': (1,}", "neither"),
            ("{'a': -1}", "\"-1\""),
            ("{'a': Maybe}", "Maybe"),
            ("'abc", "does not end"),
            ("'\\x41'", "escape"),
            ("1 2", "\"1 2\""),
            ("[1] 2", "behind the end"),
            (&"[".repeat(100_000), "in one another"),
            ("é", "\"é\""),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.contains(what), "{text}: {found}");
        }
    }
}
