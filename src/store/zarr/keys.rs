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
}
