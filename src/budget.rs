//! What a computation may use: bytes of memory, threads, disk.

use crate::error::{Error, Result};
use crate::sizes::{Sizes, WorkSizes};
use serde::{Deserialize, Serialize};

/// The limits that lowering and the scheduler hold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Budget {
    /// Bytes that all blocks, scratch and indexes together may take; `u64::MAX` for no limit.
    pub memory_bytes: u64,
    /// Worker threads.
    pub threads: usize,
    /// By what work is cut.
    pub sizes: Sizes,
}

impl Budget {
    /// Bytes of memory for each thread.
    pub fn share_bytes(&self) -> u64 {
        self.memory_bytes / self.threads.max(1) as u64
    }

    /// How many threads a task with products of `rows` rows has room for beside its own: `most` at most.
    pub fn helpers(&self, rows: u64, most: u64) -> u64 {
        if rows < self.sizes.work.helped_rows_min { 0 } else { (self.threads.max(1) as u64 - 1).min(most) }
    }

    /// Sizes of tasks and blocks.
    pub fn work(&self) -> &WorkSizes {
        &self.sizes.work
    }
}

/// Reads a size such as `256MiB`, `1.5 GB`, `4096` or `64k`. Decimal units are powers of 1000, `i` units
/// and bare `k`, `m`, `g` powers of 1024.
///
/// # Errors
/// `BadRequest` if it is no size.
pub fn parse_bytes(text: &str) -> Result<u64> {
    let bad = || Error::bad_request("memory size", format!("{text:?} is no size; expected for example 256MiB, 1.5GB or 4096"));
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..split].parse().map_err(|_| bad())?;
    let unit = match trimmed[split..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024f64.powi(4),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return Err(bad()),
    };
    let bytes = number * unit;
    if bytes.is_finite() && (0.0..1.8e19).contains(&bytes) { Ok(bytes as u64) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_bytes("256MiB").unwrap(), 256 << 20);
        assert_eq!(parse_bytes("1.5 GB").unwrap(), 1_500_000_000);
        assert_eq!(parse_bytes("4096").unwrap(), 4096);
        assert!(parse_bytes("lots").is_err());
        assert!(parse_bytes("3 parsecs").is_err());
    }
}
