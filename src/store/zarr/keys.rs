//! Chunk index → key: the file's path below the array.

use std::fmt::Write;

/// A chunk key encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    /// Keys start with `c` (Zarr v3's `default`).
    pub(super) prefixed: bool,
    /// `/` or `.`.
    pub(super) separator: char,
}

impl Keys {
    /// The key of the chunk at `index`.
    pub(super) fn key(self, index: &[u64]) -> String {
        let mut key = String::with_capacity(8 * index.len() + 1);
        if self.prefixed {
            key.push('c');
        } else if index.is_empty() {
            key.push('0');
        }
        for (i, n) in index.iter().enumerate() {
            if self.prefixed || i > 0 {
                key.push(self.separator);
            }
            let _ = write!(key, "{n}");
        }
        key
    }

    /// The index whose key this is, of an array that has axes.
    pub(super) fn index(self, key: &str) -> Option<Vec<u64>> {
        let rest = match key.strip_prefix('c') {
            Some(rest) if self.prefixed => rest.strip_prefix(self.separator)?,
            None if !self.prefixed => key,
            _ => return None,
        };
        let index = rest.split(self.separator).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
        // one text is the key of an index: no leading zeros or signs
        if self.key(&index) == key { Some(index) } else { None }
    }

    /// Whether keys may start with this, which ends in `/`.
    pub(super) fn may_start(self, start: &str) -> bool {
        let rest = if self.prefixed { start.strip_prefix("c/") } else { Some(start) };
        let numbers = |rest: &str| rest.split_terminator('/').all(|part| part.parse::<u64>().is_ok());
        self.separator == '/' && rest.is_some_and(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_specification() {
        let key = |prefixed, separator, index: &[u64]| Keys { prefixed, separator }.key(index);
        assert_eq!(key(true, '/', &[1, 23]), "c/1/23");
        assert_eq!(key(true, '.', &[1, 23]), "c.1.23");
        assert_eq!(key(true, '/', &[]), "c");
        assert_eq!(key(false, '.', &[1, 23]), "1.23");
        assert_eq!(key(false, '/', &[4]), "4");
        assert_eq!(key(false, '.', &[]), "0");
    }

    #[test]
    fn an_index_is_found_from_its_key_and_from_nothing_else() {
        for prefixed in [true, false] {
            for separator in ['/', '.'] {
                let keys = Keys { prefixed, separator };
                for index in [&[4][..], &[0, 1], &[12, 0, 345]] {
                    assert_eq!(keys.index(&keys.key(index)).as_deref(), Some(index));
                }
                for other in ["", "c", "c/", "x", "zarr.json", ".zarray", "c/1/x", "01", "+1", "1.", "c.1.", "1//2", "c//1"] {
                    assert_eq!(keys.index(other), None, "{other:?} with {keys:?}");
                }
            }
        }
        let starts = |prefixed, separator, start| Keys { prefixed, separator }.may_start(start);
        assert!(starts(true, '/', "c/") && starts(true, '/', "c/1/2/") && starts(false, '/', "3/"));
        assert!(!starts(true, '/', "x/") && !starts(true, '/', "c/x/") && !starts(false, '/', "c/") && !starts(true, '.', "c/"));
    }
}
