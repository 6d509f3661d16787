//! What was written aside → what is seen at the address, in one step.

use crate::error::{Error, ErrorKind, Result};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A hidden sibling of `target`, on the same file system, that no other writer uses. What writers of `target` left there
/// when they were killed is removed.
pub(crate) fn partial_path(directory: &Path, target: &Path) -> PathBuf {
    for left in left_over(directory, target) {
        // Another writer may remove it at the same time; what stays is hidden.
        let _ = remove(&left);
    }
    own_path(directory, target, std::process::id())
}

/// What writers of `target` that are no more left in `directory`.
pub(crate) fn left_over(directory: &Path, target: &Path) -> Vec<PathBuf> {
    let start = partial_start(target);
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let left = entries.flatten().filter(|entry| is_left_over(&entry.file_name().to_string_lossy(), &start));
    left.map(|entry| entry.path()).collect()
}

/// What a writer of `target` left becomes this process's own, under the name that is returned; `None` where another one took it.
pub(crate) fn take_over(directory: &Path, target: &Path, left: &Path) -> Option<PathBuf> {
    let own = own_path(directory, target, std::process::id());
    fs::rename(left, &own).ok().map(|()| own)
}

/// Leaves what this process wrote of `target` aside for a later writer.
pub(crate) fn leave(directory: &Path, target: &Path, partial: &Path) -> io::Result<()> {
    // Numbers of processes go on from one another: that of this one keeps the names of two apart.
    let name = own_path(directory, target, NOBODY);
    fs::rename(
        partial,
        name.with_file_name(format!("{}{:010}", name.file_name().unwrap_or_default().to_string_lossy(), std::process::id())),
    )
}

/// A number that no process has: those of Linux are below 2²².
const NOBODY: u32 = i32::MAX as u32;

/// A hidden name beside `target` that was not given before.
fn own_path(directory: &Path, target: &Path, process: u32) -> PathBuf {
    directory.join(format!("{}{process}-{}", partial_start(target), NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Bytes of a name that hidden ones have of it: file systems allow 255, and more stands around it.
const NAME_BYTES_MAX: usize = 180;

/// How hidden names of `target` start; the process and a number follow.
pub(crate) fn partial_start(target: &Path) -> String {
    let mut name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if name.len() > NAME_BYTES_MAX {
        let told = xxh3_64(name.as_bytes());
        let end = (0..=NAME_BYTES_MAX).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        name.truncate(end);
        name.push_str(&format!("-{told:016x}"));
    }
    format!(".{name}.partial-")
}

/// What is written where a path leads that is a symbolic link: the link stays.
pub(crate) fn behind_links(path: &Path) -> PathBuf {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()),
        _ => path.to_path_buf(),
    }
}

/// Whether this is a hidden name that starts with `start`, of a process that is no more.
pub(crate) fn is_left_over(name: &str, start: &str) -> bool {
    let numbers = name.strip_prefix(start).and_then(|rest| rest.split_once('-'));
    let process = numbers.and_then(|(process, n)| n.parse::<u64>().and(process.parse::<libc::pid_t>()).ok());
    process.is_some_and(|process| process > 0 && !is_alive(process))
}

/// Whether a process lives; of one that cannot be asked it is assumed.
fn is_alive(process: libc::pid_t) -> bool {
    // SAFETY: signal 0 is sent to nobody; the call only looks for the process.
    let found = unsafe { libc::kill(process, 0) } == 0;
    found || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
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
    let what = "already exists; ask for overwrite (--overwrite, overwrite=True), or choose another name".to_string();
    ErrorKind::Store { address: address.to_string(), what, io: Some(io::ErrorKind::AlreadyExists) }.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_writers_left_is_removed_by_the_next_one() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let alive = std::process::id();
        fs::create_dir_all(at(&format!(".x.zarr.partial-{dead}-0")).join("c/0")).unwrap();
        fs::write(at(&format!(".x.zarr.partial-{dead}-12")), "file").unwrap();
        let kept = [
            format!(".x.zarr.partial-{alive}-0"),
            format!(".x.zarr.partial-{}-0", 1),
            format!(".y.zarr.partial-{dead}-0"),
            format!("x.zarr.partial-{dead}-0"),
            format!(".x.zarr.partial-{dead}-0.txt"),
            format!(".x.zarr.partial-{dead}"),
            ".x.zarr.partial--1-0".to_string(),
        ];
        for name in &kept {
            fs::write(at(name), "").unwrap();
        }
        let next = partial_path(directory.path(), &at("x.zarr"));
        assert!(next.file_name().unwrap().to_str().unwrap().starts_with(&format!(".x.zarr.partial-{alive}-")));
        let mut found: Vec<String> =
            fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(found, kept);
    }

    #[test]
    fn what_stands_at_the_address_is_there_until_the_new_one_is() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for is_dir in [false, true] {
            let target = at(&format!("target-{is_dir}"));
            if is_dir {
                fs::create_dir(&target).unwrap();
            }
            let old = if is_dir { target.join("file") } else { target.clone() };
            fs::write(&old, "old").unwrap();
            // Nothing can be renamed to it: what is there stays.
            let message = publish("x", &at("nothing"), &target, true, false).unwrap_err().to_string();
            assert!(message.contains("making the new array visible"), "{message}");
            assert_eq!(fs::read_to_string(&old).unwrap(), "old");
            // While it is replaced again and again, there is always one.
            let done = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for n in 0..300 {
                        let partial = at(&format!("partial-{n}"));
                        if is_dir {
                            fs::create_dir(&partial).unwrap();
                        } else {
                            fs::write(&partial, "new").unwrap();
                        }
                        publish("x", &partial, &target, true, false).unwrap();
                    }
                    done.store(true, Ordering::Relaxed);
                });
                while !done.load(Ordering::Relaxed) {
                    assert!(target.exists(), "nothing stands at the address");
                }
            });
        }
    }
}
