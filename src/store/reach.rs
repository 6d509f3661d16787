//! A path → the file and its bytes soon, or an error that says what is near.

use super::publish::parent;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::path::Path;

/// Opens a file.
///
/// # Errors
/// `Store`, saying what is near where there is none.
pub(crate) fn open_file(file: &Path, address: &str) -> Result<File> {
    let opened = File::open(file).map_err(|e| {
        let near = if e.kind() == std::io::ErrorKind::NotFound { near_misses(file) } else { String::new() };
        Error::store_io(address, "opening the file", &std::io::Error::new(e.kind(), format!("{e}{near}")))
    })?;
    match opened.metadata() {
        Ok(found) if found.is_dir() => Err(Error::store(address, "is a directory, not a file")),
        Ok(_) => Ok(opened),
        Err(e) => Err(Error::store_io(address, "asking for the file's length", &e)),
    }
}

/// Asks the operating system to read `len` bytes at `at` of `file` soon; errors do not matter.
pub(crate) fn will_need(file: &File, at: u64, len: u64) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open while `file` is borrowed; advice touches no memory.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), at as libc::off_t, len as libc::off_t, libc::POSIX_FADV_WILLNEED) };
}

/// "; did you mean …" with names in the same directory that look like the missing `path`, or what is there.
pub(crate) fn near_misses(path: &Path) -> String {
    let directory = parent(path);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(_) => {
            let missing = directory.ancestors().filter(|d| !d.as_os_str().is_empty() && !d.exists()).last();
            return missing.map_or_else(String::new, |d| format!("; there is no directory {}", d.display()));
        }
    };
    let wanted = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let stem = wanted.split('.').next().unwrap_or_default().to_string();
    let mut near: Vec<(usize, String)> = entries
        .flatten()
        .take(10_000)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .map(|name| (strsim::levenshtein(&name.to_lowercase(), &wanted), name))
        .filter(|(d, name)| *d <= 2 || !stem.is_empty() && name.to_lowercase().split('.').next() == Some(stem.as_str()))
        .collect();
    near.sort();
    near.truncate(3);
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.into_iter().map(|(_, name)| directory.join(name).display().to_string()).collect();
    format!("; did you mean {}?", names.join(" or "))
}
