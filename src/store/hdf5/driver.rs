//! A file that is far away → a driver of libhdf5 that reads it: libhdf5 asks for metadata piece by piece, and gets them out of the blocks
//! that [`FarFile`] keeps. It reads and never writes.
//!
//! Source: `H5FDdevelop.h` of libhdf5 2.x, version 1 of its `H5FD_class_t`; the bindings have an older one, without the version.

use super::collection;
use super::identifiers::{Id, done, id, sync};
use crate::error::{Error, Result};
use crate::store::remote::FarFile;
use hdf5_sys::h5::{H5get_libversion, haddr_t, herr_t, hsize_t};
use hdf5_sys::h5fd::H5FDregister;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5Pset_driver;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::{Arc, OnceLock};

/// The version of the record below.
const VERSION: c_uint = 1;
/// Numbers from 256 on are free for drivers that libhdf5 does not know.
const NUMBER: c_int = 0x466c;
/// Small reads of raw data may be joined.
const DATA_SIEVE: c_ulong = 0x8;
/// Files are as the usual driver writes them.
const LIKE_ANY_OTHER: c_ulong = 0x8000;
/// The kind of memory that a global heap is in.
const GLOBAL_HEAP: c_int = 4;
/// Bytes of a length in nearly all files.
const LENGTH_BYTES: usize = 8;
/// Kinds of memory in a file.
const KINDS: usize = 7;

/// Calls that this driver does not have.
type Absent = Option<unsafe extern "C" fn()>;

/// `H5FD_class_t`.
#[repr(C)]
struct Class {
    version: c_uint,
    value: c_int,
    name: *const c_char,
    maxaddr: haddr_t,
    fc_degree: c_int,
    terminate: Absent,
    sb_size: Absent,
    sb_encode: Absent,
    sb_decode: Absent,
    fapl_size: usize,
    fapl_get: Absent,
    fapl_copy: Absent,
    fapl_free: Absent,
    dxpl_size: usize,
    dxpl_copy: Absent,
    dxpl_free: Absent,
    open: unsafe extern "C" fn(*const c_char, c_uint, hid_t, haddr_t) -> *mut Head,
    close: unsafe extern "C" fn(*mut Head) -> herr_t,
    cmp: unsafe extern "C" fn(*const Head, *const Head) -> c_int,
    query: unsafe extern "C" fn(*const Head, *mut c_ulong) -> herr_t,
    get_type_map: Absent,
    alloc: Absent,
    free: Absent,
    get_eoa: unsafe extern "C" fn(*const Head, c_int) -> haddr_t,
    set_eoa: unsafe extern "C" fn(*mut Head, c_int, haddr_t) -> herr_t,
    get_eof: unsafe extern "C" fn(*const Head, c_int) -> haddr_t,
    get_handle: Absent,
    read: unsafe extern "C" fn(*mut Head, c_int, hid_t, haddr_t, usize, *mut c_void) -> herr_t,
    write: unsafe extern "C" fn(*mut Head, c_int, hid_t, haddr_t, usize, *const c_void) -> herr_t,
    read_vector: Absent,
    write_vector: Absent,
    read_selection: Absent,
    write_selection: Absent,
    flush: Absent,
    truncate: Absent,
    lock: Absent,
    unlock: Absent,
    del: Absent,
    ctl: Absent,
    fl_map: [c_int; KINDS],
}

/// `H5FD_t`: what libhdf5 keeps of an open file.
#[repr(C)]
struct Head {
    driver_id: hid_t,
    cls: *const c_void,
    fileno: c_ulong,
    access_flags: c_uint,
    feature_flags: c_ulong,
    maxaddr: haddr_t,
    base_addr: haddr_t,
    threshold: hsize_t,
    alignment: hsize_t,
    paged_aggr: bool,
}

/// An open file: libhdf5's part stands first.
#[repr(C)]
struct Open {
    head: Head,
    file: Arc<FarFile>,
    /// The end of what libhdf5 addresses.
    eoa: haddr_t,
}

thread_local! {
    /// The file that this thread is about to open. Other names, such as those of external links, the driver does not open.
    static HANDED: RefCell<Option<Arc<FarFile>>> = const { RefCell::new(None) };
}

unsafe extern "C" fn open(name: *const c_char, _: c_uint, _: hid_t, _: haddr_t) -> *mut Head {
    // SAFETY: the library passes a C string.
    let name = unsafe { CStr::from_ptr(name) };
    let handed = HANDED.with(|handed| handed.borrow().clone()).filter(|file| file.url().as_bytes() == name.to_bytes());
    let Some(file) = handed else { return std::ptr::null_mut() };
    // SAFETY: numbers, a pointer and a bool, for all of which zeros are values; the library sets them.
    let head: Head = unsafe { std::mem::zeroed() };
    Box::into_raw(Box::new(Open { head, file, eoa: 0 })).cast()
}

unsafe extern "C" fn close(file: *mut Head) -> herr_t {
    // SAFETY: it came from `open`, and is closed once.
    drop(unsafe { Box::from_raw(file.cast::<Open>()) });
    0
}

unsafe extern "C" fn cmp(a: *const Head, b: *const Head) -> c_int {
    // SAFETY: both came from `open`.
    let (a, b) = unsafe { (&*a.cast::<Open>(), &*b.cast::<Open>()) };
    Arc::as_ptr(&a.file).cmp(&Arc::as_ptr(&b.file)) as c_int
}

unsafe extern "C" fn query(_: *const Head, flags: *mut c_ulong) -> herr_t {
    // SAFETY: the library passes a place for the flags, or none.
    if let Some(flags) = unsafe { flags.as_mut() } {
        *flags = DATA_SIEVE | LIKE_ANY_OTHER;
    }
    0
}

unsafe extern "C" fn get_eoa(file: *const Head, _: c_int) -> haddr_t {
    // SAFETY: it came from `open`.
    unsafe { (*file.cast::<Open>()).eoa }
}

unsafe extern "C" fn set_eoa(file: *mut Head, _: c_int, eoa: haddr_t) -> herr_t {
    // SAFETY: it came from `open`, and the library's lock is held.
    unsafe { (*file.cast::<Open>()).eoa = eoa };
    0
}

unsafe extern "C" fn get_eof(file: *const Head, _: c_int) -> haddr_t {
    // SAFETY: it came from `open`.
    unsafe { (*file.cast::<Open>()).file.len() }
}

unsafe extern "C" fn read(file: *mut Head, kind: c_int, _: hid_t, at: haddr_t, len: usize, to: *mut c_void) -> herr_t {
    // SAFETY: it came from `open`; the library passes a buffer of `len` bytes.
    let (open, out) = unsafe { (&*file.cast::<Open>(), std::slice::from_raw_parts_mut(to.cast::<u8>(), len)) };
    // As with files on a disk: zeros follow their end.
    let there = open.file.len().saturating_sub(at).min(len as u64) as usize;
    let (bytes, zeros) = out.split_at_mut(there);
    zeros.fill(0);
    let is_read = bytes.is_empty() || open.file.read_exact_at(bytes, at).is_ok();
    if is_read && (kind != GLOBAL_HEAP || collection::ends(bytes, LENGTH_BYTES)) { 0 } else { -1 }
}

unsafe extern "C" fn write(_: *mut Head, _: c_int, _: hid_t, _: haddr_t, _: usize, _: *const c_void) -> herr_t {
    -1
}

/// Refuses a library whose record of a driver is another one: the system's may be older than the one that is built with this crate.
fn require_version(address: &str) -> Result<()> {
    let (mut major, mut minor, mut release) = (0, 0, 0);
    // SAFETY: the library sets three numbers.
    sync(|| done(address, "libhdf5's version", unsafe { H5get_libversion(&raw mut major, &raw mut minor, &raw mut release) }))?;
    if major >= 2 {
        return Ok(());
    }
    let what = format!("an HDF5 file that is far away, with libhdf5 {major}.{minor}.{release}; build with the feature `bundled-hdf5`");
    Err(Error::unsupported(address, what))
}

/// The driver's number, registered once.
fn registered(address: &str) -> Result<hid_t> {
    static NUMBERED: OnceLock<Id> = OnceLock::new();
    if let Some(driver) = NUMBERED.get() {
        return Ok(driver.raw());
    }
    require_version(address)?;
    let class = Class {
        version: VERSION,
        value: NUMBER,
        name: c"flagstone_far".as_ptr(),
        maxaddr: haddr_t::MAX >> 1,
        fc_degree: 1,
        terminate: None,
        sb_size: None,
        sb_encode: None,
        sb_decode: None,
        fapl_size: 0,
        fapl_get: None,
        fapl_copy: None,
        fapl_free: None,
        dxpl_size: 0,
        dxpl_copy: None,
        dxpl_free: None,
        open,
        close,
        cmp,
        query,
        get_type_map: None,
        alloc: None,
        free: None,
        get_eoa,
        set_eoa,
        get_eof,
        get_handle: None,
        read,
        write,
        read_vector: None,
        write_vector: None,
        read_selection: None,
        write_selection: None,
        flush: None,
        truncate: None,
        lock: None,
        unlock: None,
        del: None,
        ctl: None,
        fl_map: [1; KINDS],
    };
    // SAFETY: the record is laid out as the header of this version of the library says; the library copies it.
    let driver = sync(|| id(address, "a driver for far files", unsafe { H5FDregister((&raw const class).cast()) }))?;
    Ok(NUMBERED.get_or_init(|| driver).raw())
}

/// Has files opened by these access properties read by the driver.
///
/// # Errors
/// `Store` where libhdf5 refuses it.
pub(super) fn set(address: &str, access: &Id) -> Result<()> {
    sync(|| {
        let driver = registered(address)?;
        // SAFETY: both are alive; the driver has no settings.
        done(address, "a driver for far files", unsafe { H5Pset_driver(access.raw(), driver, std::ptr::null()) })
    })
}

/// Does `work`, which may open `file` by its URL.
pub(super) fn handing<T>(file: &Arc<FarFile>, work: impl FnOnce() -> T) -> T {
    let before = HANDED.with(|handed| handed.replace(Some(file.clone())));
    let done = work();
    HANDED.with(|handed| handed.replace(before));
    done
}
