//! A pattern of file names → the addresses that it stands for.

use crate::error::{Error, Result};
use crate::store::{address, formats};

/// Whether the address has a pattern in the name of its file, and no file that is called so.
pub(super) fn is_pattern(source: &str) -> bool {
    let (file, _) = parts_of(source);
    file.contains(['*', '?', '[']) && !address::is_far(source) && !formats::exists(source)
}

/// The file of an address, and what is behind it: what is inside, or how raw bytes lie.
fn parts_of(source: &str) -> (&str, &str) {
    const PATTERN: [char; 3] = ['*', '?', '['];
    let end = source.rsplit_once('?').filter(|(_, query)| query.contains('=')).map_or(source.len(), |(file, _)| file.len());
    let colons = || source[..end].match_indices(':').map(|(at, _)| at);
    let behind_ending = colons().rfind(|&at| address::holds_names(&source[..at]).is_some());
    // A name without an ending: the colon behind the pattern.
    let behind_pattern = || source.find(PATTERN).and_then(|first| colons().find(|&at| at > first));
    source.split_at(behind_ending.or_else(behind_pattern).unwrap_or(end))
}

/// The addresses of a source: itself, or all files that its pattern names, `a_2` before `a_10`.
///
/// # Errors
/// `Store` when no file has such a name, `BadRequest` for a pattern that is none.
pub(super) fn expand(source: &str) -> Result<Vec<String>> {
    if !is_pattern(source) {
        return Ok(vec![source.to_string()]);
    }
    let (pattern, inside) = parts_of(source);
    let paths = glob::glob(pattern).map_err(|e| Error::bad_request("open", format!("the pattern {pattern:?}: {e}")))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|e| Error::store(source, e.to_string()))?;
        found.push(format!("{}{inside}", address::text(&path)?));
    }
    if found.is_empty() {
        return Err(Error::store(source, format!("no file is called as in {pattern}")));
    }
    found.sort_by(|a, b| parts(a).cmp(parts(b)));
    Ok(found)
}

/// Text and numbers of a name in turns: numbers are ordered by value.
fn parts(name: &str) -> impl Iterator<Item = (&str, u128)> {
    let mut rest = name;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        rest = after;
        Some((text, number.parse().unwrap_or(u128::MAX)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["a_10.h5", "a_9.h5", "a_010b.h5", "a.h5", "b_1.h5"];
        names.sort_by(|a, b| parts(a).cmp(parts(b)));
        assert_eq!(names, ["a.h5", "a_9.h5", "a_10.h5", "a_010b.h5", "b_1.h5"]);
    }

    #[test]
    fn a_pattern_is_of_the_file_alone() {
        assert!(is_pattern("a_*.h5:/x") && is_pattern("d/a_[0-9].bin?dtype=f4&shape=2,3") && is_pattern("a_?.npy"));
        assert_eq!(parts_of("d:e/a_*.h5:/g/x:y"), ("d:e/a_*.h5", ":/g/x:y"));
        assert_eq!(parts_of("d:e/a_*:/x"), ("d:e/a_*", ":/x"));
        assert!(!is_pattern("a.h5:/x*") && !is_pattern("d.bin?dtype=f4&shape=2,3") && !is_pattern("https://host/a_*.zarr"));
    }
}
