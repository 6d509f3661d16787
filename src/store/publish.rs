//! What was written aside → what is seen at the address, in one step.

use crate::error::{Error, Result};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A hidden sibling of `target`, on the same file system, that no other writer uses.
pub(crate) fn partial_path(directory: &Path, target: &Path) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    directory.join(format!(".{name}.partial-{}-{n}", std::process::id()))
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes a file or a directory with all in it; a missing one is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Makes `partial` visible as `target`. With `overwrite` what stands there is exchanged for it and then
/// deleted; without, an existing target is an error and stays.
///
/// # Errors
/// `Store`; then `target` is as before.
pub(crate) fn publish(address: &str, partial: &Path, target: &Path, overwrite: bool, durable: bool) -> Result<()> {
    let fail = |e: io::Error| match e.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => already_exists(address),
        _ => Error::store_io(address, "making the new array visible", &e),
    };
    if overwrite && target.symlink_metadata().is_ok() {
        match rename_with(partial, target, libc::RENAME_EXCHANGE) {
            Ok(()) => remove(partial).map_err(|e| Error::store_io(address, "deleting the array that was replaced", &e))?,
            Err(_) if target.is_dir() => {
                // No exchange on this file system: aside, in, and back if that fails.
                let aside = partial_path(parent(target), target);
                fs::rename(target, &aside).map_err(fail)?;
                if let Err(e) = fs::rename(partial, target) {
                    fs::rename(&aside, target).map_err(fail)?;
                    return Err(fail(e));
                }
                remove(&aside).map_err(|e| Error::store_io(address, "deleting the array that was replaced", &e))?;
            }
            Err(_) => fs::rename(partial, target).map_err(fail)?,
        }
    } else {
        match rename_with(partial, target, libc::RENAME_NOREPLACE) {
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) || e.raw_os_error() == Some(libc::ENOSYS) => {
                if target.symlink_metadata().is_ok() {
                    return Err(already_exists(address));
                }
                fs::rename(partial, target).map_err(fail)?;
            }
            other => other.map_err(fail)?,
        }
    }
    if durable {
        sync_directory(parent(target)).map_err(|e| Error::store_io(address, "fsync of the directory", &e))?;
    }
    Ok(())
}

/// The error of a create where something stands already.
pub(crate) fn already_exists(address: &str) -> Error {
    Error::store(address, "already exists; ask for overwrite, or choose another name")
}

/// fsync of a directory: names that were renamed in it survive a crash.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn rename_with(from: &Path, to: &Path, flags: libc::c_uint) -> io::Result<()> {
    let from = CString::new(from.as_os_str().as_bytes())?;
    let to = CString::new(to.as_os_str().as_bytes())?;
    // SAFETY: both are NUL-terminated strings that live across the call.
    let rc = unsafe { libc::renameat2(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), flags) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
