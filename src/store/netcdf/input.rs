//! The header's bytes, read as they are needed: a cursor that never asks for more than the file has.

use crate::error::{Error, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes read at once.
const WINDOW_BYTES: usize = 64 << 10;
/// Headers are small; more is a lie.
const HEADER_BYTES_MAX: u64 = 256 << 20;

/// Big-endian numbers and texts from a file's start on.
pub(super) struct Input<'a> {
    file: &'a File,
    address: &'a str,
    /// Length of the file.
    pub(super) len: u64,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Whether counts have eight bytes.
    pub(super) wide: bool,
}

impl<'a> Input<'a> {
    pub(super) fn new(file: &'a File, address: &'a str) -> Result<Input<'a>> {
        let len = file.metadata().map_err(|e| Error::store_io(address, "asking for the file's length", &e))?.len();
        Ok(Input { file, address, len, at: 0, window: Vec::new(), window_at: 0, wide: false })
    }

    /// An error at this place.
    pub(super) fn bad(&self, what: &str) -> Error {
        Error::store(self.address, format!("not a readable NetCDF classic file: {what} at byte {}", self.at))
    }

    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(n as u64).filter(|&end| end <= self.len.min(HEADER_BYTES_MAX));
        let Some(end) = end else { return Err(self.bad("the header is cut short")) };
        if self.at < self.window_at || end > self.window_at + self.window.len() as u64 {
            let len = (n.max(WINDOW_BYTES) as u64).min(self.len - self.at) as usize;
            self.window.resize(len, 0);
            self.file
                .read_exact_at(&mut self.window, self.at)
                .map_err(|e| Error::store_io(self.address, &format!("reading the header at byte {}", self.at), &e))?;
            self.window_at = self.at;
        }
        let from = (self.at - self.window_at) as usize;
        self.at = end;
        Ok(&self.window[from..from + n])
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |n, &b| n << 8 | u32::from(b)))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    /// A count or a length: four bytes, eight in CDF-5.
    pub(super) fn count(&mut self) -> Result<u64> {
        if self.wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// `n` bytes and what pads them to four.
    pub(super) fn padded(&mut self, n: u64) -> Result<&[u8]> {
        let len = usize::try_from(n).unwrap_or(usize::MAX);
        let whole = len.checked_next_multiple_of(4).unwrap_or(usize::MAX);
        Ok(&self.take(whole)?[..len])
    }

    /// Passes `n` bytes and what pads them to four.
    pub(super) fn skip(&mut self, n: u64) -> Result<()> {
        let end = n.checked_next_multiple_of(4).and_then(|n| n.checked_add(self.at)).filter(|&end| end <= self.len);
        self.at = end.ok_or_else(|| self.bad("the header is cut short"))?;
        Ok(())
    }

    /// A name.
    pub(super) fn name(&mut self) -> Result<String> {
        let len = self.count()?;
        Ok(String::from_utf8_lossy(self.padded(len)?).into_owned())
    }
}
