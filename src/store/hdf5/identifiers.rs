//! Identifiers of libhdf5, which close themselves, and why it refuses, under its one lock.

use super::lock;
use crate::error::{Error, Result};
use hdf5_sys::h5e::{H5E_DEFAULT, H5E_direction_t, H5E_error2_t, H5Eclear2, H5Eget_msg, H5Ewalk2};
use hdf5_sys::h5i::{H5Idec_ref, hid_t};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

pub(super) use super::lock::sync;

/// The default property list, and "all of a dataspace".
pub(super) const DEFAULT: hid_t = 0;

/// An identifier of the library that is released when dropped.
#[derive(Debug)]
pub(super) struct Id(hid_t);

impl Id {
    /// What calls of the library take, under its lock.
    pub(super) fn raw(&self) -> hid_t {
        require_lock();
        self.0
    }
}

/// The library knows nothing of threads: whoever calls it without the lock damages what others do meanwhile.
fn require_lock() {
    debug_assert!(lock::is_held(), "libhdf5 is called without its lock");
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the identifier is ours and released once, under the lock.
        sync(|| unsafe { H5Idec_ref(self.0) });
    }
}

/// The identifier a call returned, or the library's reason why there is none.
pub(super) fn id(address: &str, doing: &str, id: hid_t) -> Result<Id> {
    if id < 0 { Err(failed(address, doing)) } else { Ok(Id(id)) }
}

/// Nothing, or the library's reason why a call failed.
pub(super) fn done(address: &str, doing: &str, status: c_int) -> Result<()> {
    if status < 0 { Err(failed(address, doing)) } else { Ok(()) }
}

/// The innermost message of the library's error stack, as an error of ours. It is the last call's only while the lock is held.
pub(super) fn failed(address: &str, doing: &str) -> Error {
    extern "C" fn visit(n: c_uint, error: *const H5E_error2_t, found: *mut c_void) -> c_int {
        // SAFETY: the library passes a valid record, and `found` is the String below.
        unsafe {
            if n == 0 && !error.is_null() && !(*error).desc.is_null() {
                let text = CStr::from_ptr((*error).desc).to_string_lossy();
                let mut major = [0 as c_char; 96];
                let len = H5Eget_msg((*error).min_num, std::ptr::null_mut(), major.as_mut_ptr(), major.len());
                let found = &mut *found.cast::<String>();
                found.push_str(&text);
                if len > 0 {
                    let kind = CStr::from_ptr(major.as_ptr()).to_string_lossy();
                    found.push_str(&format!(" ({})", kind.to_lowercase()));
                }
            }
        }
        0
    }
    require_lock();
    let mut found = String::new();
    // SAFETY: `visit` has the type the library expects and keeps no pointer.
    unsafe {
        // Walking up starts at the first cause.
        H5Ewalk2(H5E_DEFAULT, H5E_direction_t::H5E_WALK_UPWARD, Some(visit), (&raw mut found).cast());
        H5Eclear2(H5E_DEFAULT);
    }
    // The library advises a tool that would make a file that is being written look whole.
    if found.contains("h5clear") {
        found = "it is open for writing in another program, or was not closed by one".into();
    }
    let mut reason = if found.is_empty() { String::new() } else { format!(": {found}") };
    if found.contains("bad version") {
        reason.push_str("; if the file is newer than this libhdf5, rewrite it with `h5repack --low=0 --high=2`");
    }
    Error::store(address, format!("{doing}: libhdf5 refuses{reason}"))
}

/// A C string, refusing what cannot be one.
pub(super) fn c_string(address: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::store(address, "the name holds a zero byte"))
}
