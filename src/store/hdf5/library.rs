//! Calls of libhdf5 → values, under its one lock.

use super::chunk_table::Known;
use super::driver;
use super::header::{self, Writing};
use super::place::Place;
use crate::error::{Error, Result};
use crate::store::remote::{self, FarFile};
use crate::store::stamp::OwnWriting;
use hdf5_sys::h5::{H5set_free_list_limits, hsize_t};
use hdf5_sys::h5d::*;
use hdf5_sys::h5f::*;
use hdf5_sys::h5i::{H5Iget_file_id, hid_t};
use hdf5_sys::h5l::H5Ldelete;
use hdf5_sys::h5o::{H5O_info1_t, H5Oexists_by_name, H5Oget_info_by_name2, H5Oget_info2};
use hdf5_sys::h5p::*;
use hdf5_sys::h5r::hobj_ref_t;
use hdf5_sys::h5s::{H5Sget_simple_extent_dims, H5Sget_simple_extent_ndims, H5Sget_simple_extent_type};
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_uint, c_void};
use std::fs::{File, TryLockError};
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(super) use super::identifiers::{DEFAULT, Id, c_string, done, failed, id, sync};

fn c_path(address: &str, path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::store(address, "the path holds a zero byte"))
}

/// File access properties; without `lock` other processes' locks are ignored.
fn access(address: &str, lock: bool) -> Result<&'static Id> {
    static LISTS: [OnceLock<Id>; 2] = [OnceLock::new(), OnceLock::new()];
    let kept = &LISTS[usize::from(lock)];
    if let Some(list) = kept.get() {
        return Ok(list);
    }
    keep_caches(address)?;
    let list = new_access(address, lock)?;
    Ok(kept.get_or_init(|| list))
}

/// Lets the library keep the table of a closed file's metadata, half a mebibyte, for the next file. Without it that is mapped,
/// zeroed and given back for each, which is half of the time that a small file takes.
fn keep_caches(address: &str) -> Result<()> {
    const MIB: c_int = 1 << 20;
    // The other limits are the library's own.
    const ARRAYS: (c_int, c_int) = (4 * MIB, MIB / 4);
    const BLOCKS: (c_int, c_int) = (16 * MIB, MIB);
    // SAFETY: a plain call, under the lock.
    done(address, "limits of free lists", unsafe { H5set_free_list_limits(2 * MIB, MIB, ARRAYS.0, ARRAYS.1, BLOCKS.0, BLOCKS.1) })
}

fn new_access(address: &str, lock: bool) -> Result<Id> {
    // SAFETY: plain calls on an identifier that is alive.
    unsafe {
        let list = id(address, "file access properties", H5Pcreate(*H5P_CLS_FILE_ACCESS))?;
        done(address, "file locking", H5Pset_file_locking(list.raw(), lock.into(), 1))?;
        // Page-aligned data is read and written faster; small objects stay packed.
        done(address, "alignment", H5Pset_alignment(list.raw(), 1 << 16, 4096))?;
        relax(address, &list)?;
        Ok(list)
    }
}

/// Lets integers of few bits in many bytes be read, which the library takes for damage in old files.
#[cfg(feature = "bundled-hdf5")]
fn relax(address: &str, list: &Id) -> Result<()> {
    const UNUSUAL_UNUSED_BITS: u64 = 1;
    unsafe extern "C" {
        fn H5Pset_relax_file_integrity_checks(list: hid_t, flags: u64) -> c_int;
    }
    // SAFETY: a plain call on an identifier that is alive.
    done(address, "integrity checks", unsafe { H5Pset_relax_file_integrity_checks(list.raw(), UNUSUAL_UNUSED_BITS) })
}

/// The system's library may not have the call.
#[cfg(not(feature = "bundled-hdf5"))]
fn relax(_: &str, _: &Id) -> Result<()> {
    Ok(())
}

/// Opens a file on a disk for reading, as [`open_at`].
pub(super) fn open_read(address: &str, path: &Path) -> Result<Id> {
    open_at(address, &Place::Near(path.into()))
}

/// Opens a file for reading. The identifier must not be kept: a file that is open for reading cannot be
/// opened for writing in the same process.
pub(super) fn open_at(address: &str, place: &Place) -> Result<Id> {
    // A file that this process writes is marked too, and opens: so the mark is looked at where opening fails.
    let failed = match open_with(address, place, H5F_ACC_RDONLY) {
        Ok(file) => return Ok(file),
        Err(failed) => failed,
    };
    if let Some(driver) = header::driver(place) {
        let what = format!(
            "is one of several files that HDF5's {driver} driver wrote as one; make one file of them with h5repack, or h5py's driver="
        );
        return Err(Error::unsupported(address, what));
    }
    match header::writing(place) {
        Writing::No => match place {
            // Nothing of a new file may have been written yet.
            Place::Near(path) if is_held(path, File::try_lock_shared) => Err(held(address)),
            _ => Err(failed),
        },
        Writing::Swmr => open_with(address, place, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ),
        Writing::Alone if !reads_unclosed() => {
            let what = format!(
                "the file is open for writing in another program, or was not closed by one, so that parts of it may be missing: wait until \
                 it is closed, or set {UNCLOSED}=1 to read what is there (nothing is changed)"
            );
            Err(Error::store(address, what))
        }
        Writing::Alone => open_unclosed(address, place),
    }
}

/// Set, a file that was not closed is read as it is.
const UNCLOSED: &str = "FLAGSTONE_READ_UNCLOSED";

/// Opens a file for reading whose superblock says that a writer has it.
fn open_unclosed(address: &str, place: &Place) -> Result<Id> {
    let name = c_path(address, place.path())?;
    sync(|| {
        let list = new_access(address, false)?;
        if let Place::Far(_) = place {
            driver::set(address, &list)?;
        }
        let mut ignore = true;
        // The mark is ignored in memory; the file is open for reading only, so it stays.
        // SAFETY: the name outlives the call; the library copies one byte of the value.
        unsafe {
            let property = c"clear_status_flags";
            let value = (&raw mut ignore).cast();
            done(address, "file access properties", H5Pset(list.raw(), property.as_ptr(), value))?;
            let open = || H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, list.raw());
            let opened = match place {
                Place::Near(_) => open(),
                Place::Far(file) => driver::handing(file, open),
            };
            id(address, "opening the HDF5 file", opened)
        }
    })
}

/// Opens a file where it is.
fn open_with(address: &str, place: &Place, flags: c_uint) -> Result<Id> {
    match place {
        Place::Near(path) => open_file(address, path, flags),
        Place::Far(file) => open_far(address, file, flags),
    }
}

/// Opens a far file through our driver.
fn open_far(address: &str, file: &Arc<FarFile>, flags: c_uint) -> Result<Id> {
    static FAR: OnceLock<Id> = OnceLock::new();
    let name = c_string(address, file.url())?;
    sync(|| {
        let list = match FAR.get() {
            Some(list) => list,
            None => {
                keep_caches(address)?;
                let list = new_access(address, false)?;
                driver::set(address, &list)?;
                FAR.get_or_init(|| list)
            }
        };
        // SAFETY: the name outlives the call.
        let opened = driver::handing(file, || unsafe { H5Fopen(name.as_ptr(), flags, list.raw()) });
        id(address, "opening the HDF5 file", opened)
    })
}

/// A file that this process writes; closed before it is said to be left, since fields are dropped in their order.
#[derive(Debug)]
pub(super) struct Writable(Id, OwnWriting);

impl Deref for Writable {
    type Target = Id;
    fn deref(&self) -> &Id {
        &self.0
    }
}

impl Drop for Writable {
    /// Gives the lock back before the file is closed: a process that was forked meanwhile has it open as well, and would hold the lock on.
    fn drop(&mut self) {
        if self.1.is_last()
            && flush("", &self.0).is_ok()
            && let Ok(number) = number_of("", &self.0)
        {
            // SAFETY: a plain call on an open file.
            unsafe { libc::flock(number, libc::LOCK_UN) };
        }
    }
}

/// Opens a file for reading and writing; a file that this process writes already is shared.
pub(super) fn open_write(address: &str, path: &Path) -> Result<Writable> {
    let own = OwnWriting::new(path);
    Ok(Writable(open_file(address, path, H5F_ACC_RDWR)?, own))
}

/// Whether who writes the file moves nothing that is in it (SWMR), or the user wants it read while somebody writes.
pub(in crate::store) fn may_grow(path: &Path) -> bool {
    reads_unclosed() || matches!(header::writing(&Place::Near(path.into())), Writing::Swmr)
}

fn open_file(address: &str, path: &Path, flags: c_uint) -> Result<Id> {
    let name = c_path(address, path)?;
    let writes = flags & H5F_ACC_RDWR != 0;
    sync(|| {
        let open = |lock| {
            let list = access(address, lock)?;
            // SAFETY: the name outlives the call.
            id(address, "opening the HDF5 file", unsafe { H5Fopen(name.as_ptr(), flags, list.raw()) })
        };
        // Who writes takes the lock, so that nobody else does; who reads looks whether one is held, and takes none.
        let mut opened = open(writes);
        if writes && opened.is_err() {
            if is_held(path, File::try_lock) {
                return Err(Error::store(address, format!("{HELD}: wait until it is closed. To write meanwhile would damage it")));
            }
            opened = open(writes);
        }
        let refused = match opened {
            Ok(file) if writes => return keep_from_children(address, file),
            Ok(file) => return Ok(file),
            Err(refused) => refused,
        };
        // A file that someone in this process opened the other way opens only so.
        open(!writes).map_err(|_| refused)
    })
}

/// How it is said that another program has a file.
const HELD: &str = "the file is open in another program, which holds a lock on it";

/// Whether another program holds a lock on a file that forbids this one, as libhdf5 does: who writes has it alone, readers together.
fn is_held(path: &Path, lock: fn(&File) -> std::result::Result<(), TryLockError>) -> bool {
    /// A process that another thread starts has, for a moment, all files that this one had open.
    const MOMENT: Duration = Duration::from_millis(20);
    const MOMENTS: u32 = 10;
    let Ok(file) = File::open(path) else { return false };
    // File systems without locks know nobody who holds one.
    let is_held = || matches!(lock(&file), Err(TryLockError::WouldBlock));
    is_held()
        && (0..MOMENTS).all(|_| {
            std::thread::sleep(MOMENT);
            is_held()
        })
}

/// The number that the system has for an open file.
fn number_of(address: &str, file: &Id) -> Result<c_int> {
    let mut handle: *mut c_void = std::ptr::null_mut();
    // SAFETY: the library sets the handle to a place where its usual driver keeps the number.
    sync(|| unsafe {
        done(address, "the file's number", H5Fget_vfd_handle(file.raw(), DEFAULT, &raw mut handle))?;
        handle.cast::<c_int>().as_ref().copied().ok_or_else(|| failed(address, "the file's number"))
    })
}

/// A file that was opened for writing, which no process that this one starts shall have: it would hold the lock when the file is closed.
fn keep_from_children(address: &str, file: Id) -> Result<Id> {
    let number = number_of(address, &file)?;
    // SAFETY: a plain call on an open file.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    Ok(file)
}

/// Refuses a file that another program has open for writing, unless the user said that such are read: what is in the file is half of what
/// the other program knows. A file that this process writes is shared with it.
///
/// # Errors
/// `Store` where somebody holds a lock.
pub(super) fn require_free(address: &str, place: &Place, file: &Id) -> Result<()> {
    let Place::Near(path) = place else { return Ok(()) };
    let mut intent = 0;
    // SAFETY: the library sets a number.
    sync(|| done(address, "how the file is open", unsafe { H5Fget_intent(file.raw(), &raw mut intent) }))?;
    if intent & H5F_ACC_RDWR != 0 || reads_unclosed() || locks_are_off() || !is_held(path, File::try_lock_shared) {
        return Ok(());
    }
    Err(held(address))
}

fn held(address: &str) -> Error {
    let what = format!(
        "{HELD}: parts of what it wrote may not be in the file yet. Wait until it is closed, or set {UNCLOSED}=1 to read what is there \
         (nothing is changed)"
    );
    Error::store(address, what)
}

/// Whether the user says that files are read which were not closed.
fn reads_unclosed() -> bool {
    std::env::var_os(UNCLOSED).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether the user says that libhdf5's locks are of no use, as on some networks.
fn locks_are_off() -> bool {
    std::env::var("HDF5_USE_FILE_LOCKING").is_ok_and(|value| ["FALSE", "0"].contains(&value.to_ascii_uppercase().as_str()))
}

/// Has lists of creation properties of files and groups keep the order in which links are made, without which libnetcdf opens no file to write
/// into it.
pub(super) fn keep_order(address: &str, list: &Id) -> Result<()> {
    const TRACKED_AND_INDEXED: c_uint = 3;
    // SAFETY: a plain call on an identifier that is alive.
    done(address, "order of links", unsafe { H5Pset_link_creation_order(list.raw(), TRACKED_AND_INDEXED) })
}

/// Creates a file that must not exist; with `ordered`, one that keeps the order in which its links are made.
pub(super) fn create_file(address: &str, path: &Path, ordered: bool) -> Result<Writable> {
    let name = c_path(address, path)?;
    let made = sync(|| {
        let list = access(address, false)?;
        // SAFETY: the name outlives the calls.
        unsafe {
            let made = id(address, "how files are made", H5Pcreate(*H5P_CLS_FILE_CREATE))?;
            if ordered {
                keep_order(address, &made)?;
            }
            id(address, "creating the HDF5 file", H5Fcreate(name.as_ptr(), H5F_ACC_EXCL, made.raw(), list.raw()))
        }
    })?;
    Ok(Writable(made, OwnWriting::new(path)))
}

/// Whether the links of a path lead to an object.
pub(super) fn leads_somewhere(address: &str, file: &Id, path: &str) -> Result<bool> {
    let name = c_string(address, path)?;
    // SAFETY: the name outlives the call.
    Ok(sync(|| unsafe { H5Oexists_by_name(file.raw(), name.as_ptr(), DEFAULT) }) > 0)
}

/// Removes a link; failures do not matter where this is called.
pub(super) fn unlink(file: &Id, path: &str) {
    if let Ok(name) = CString::new(path) {
        // SAFETY: the name outlives the call.
        sync(|| unsafe { H5Ldelete(file.raw(), name.as_ptr(), DEFAULT) });
    }
}

/// The file that holds the object: another one, where the path leads through an external link.
pub(super) fn holder(address: &str, object: &Id) -> Result<PathBuf> {
    // SAFETY: the buffer has the length that is passed, one more than the name.
    unsafe {
        let len = H5Fget_name(object.raw(), std::ptr::null_mut(), 0);
        if len < 0 {
            return Err(failed(address, "file name"));
        }
        let mut name = vec![0u8; len as usize + 1];
        H5Fget_name(object.raw(), name.as_mut_ptr().cast(), name.len());
        name.pop();
        Ok(PathBuf::from(OsString::from_vec(name)))
    }
}

/// That file, opened, where it is near: of what is far the driver sees what is read.
pub(super) fn near_file(address: &str, object: &Id) -> Option<File> {
    let path = holder(address, object).ok().filter(|path| remote::url(path).is_none())?;
    File::open(path).ok()
}

/// Where the object's header is, counted from the file's base address.
pub(super) fn header_address(address: &str, object: &Id) -> Result<u64> {
    identity(address, object).map(|(_, at)| at)
}

/// The number of the object's file among those that are open, and where its header is: the same for no other object.
pub(super) fn identity(address: &str, object: &Id) -> Result<(u64, u64)> {
    /// `H5O_INFO_BASIC`: without walking the chunk index for its size.
    const BASIC: c_uint = 1;
    let mut info = H5O_info1_t::default();
    // SAFETY: `info` is the record the library fills.
    sync(|| done(address, "object header", unsafe { H5Oget_info2(object.raw(), &raw mut info, BASIC) }))?;
    Ok((info.fileno, info.addr))
}

/// The same of an object that is not opened.
pub(super) fn identity_of(address: &str, above: &Id, name: &CStr) -> Result<(u64, u64)> {
    const BASIC: c_uint = 1;
    let mut info = H5O_info1_t::default();
    // SAFETY: `info` is the record the library fills; the name outlives the call.
    let mut told = || unsafe { H5Oget_info_by_name2(above.raw(), name.as_ptr(), &raw mut info, BASIC, DEFAULT) };
    sync(|| done(address, "object header", told()))?;
    Ok((info.fileno, info.addr))
}

/// Whether the file of an object has an image of its writer's cache: then metadata may stand there, and nowhere else.
pub(super) fn has_cache_image(address: &str, object: &Id) -> Result<bool> {
    let (mut at, mut len) = (0, 0);
    // SAFETY: plain calls on identifiers that are alive; the library sets two numbers.
    sync(|| unsafe {
        let file = id(address, "the object's file", H5Iget_file_id(object.raw()))?;
        done(address, "the image of a cache", H5Fget_mdc_image_info(file.raw(), &raw mut at, &raw mut len))?;
        Ok(len > 0)
    })
}

/// How the file of this object or attribute was made.
fn made(address: &str, object: &Id) -> Result<Id> {
    // SAFETY: plain calls on identifiers that are alive.
    sync(|| unsafe {
        let file = id(address, "the object's file", H5Iget_file_id(object.raw()))?;
        id(address, "how the file was made", H5Fget_create_plist(file.raw()))
    })
}

/// Whether objects of the file of this one may share messages.
pub(super) fn shares_messages(address: &str, object: &Id) -> bool {
    let mut indexes = 0;
    // SAFETY: the library sets the number.
    let mut told = |list: &Id| sync(|| unsafe { H5Pget_shared_mesg_nindexes(list.raw(), &raw mut indexes) });
    made(address, object).is_ok_and(|list| told(&list) >= 0) && indexes > 0
}

/// Bytes of an element of any length where it stands, in the file of this attribute: its length, and where it is.
pub(super) fn element_bytes(address: &str, attribute: &Id) -> Result<u64> {
    let (mut offset, mut length) = (0, 0);
    let list = made(address, attribute)?;
    // SAFETY: the library sets both numbers.
    sync(|| done(address, "sizes of the file", unsafe { H5Pget_sizes(list.raw(), &raw mut offset, &raw mut length) }))?;
    Ok(4 + offset as u64 + 4)
}

/// How many attributes an object has.
pub(super) fn attribute_count(address: &str, object: &Id) -> Result<u64> {
    /// `H5O_INFO_NUM_ATTRS`.
    const ATTRIBUTES: c_uint = 4;
    let mut info = H5O_info1_t::default();
    // SAFETY: `info` is the record the library fills.
    sync(|| done(address, "attributes", unsafe { H5Oget_info2(object.raw(), &raw mut info, ATTRIBUTES) }))?;
    require_room(address, object, info.num_attrs, "attributes")?;
    Ok(info.num_attrs)
}

/// Refuses a number of attributes or links for which the file has no room: libhdf5 believes it, and takes memory for a table of so many.
///
/// # Errors
/// `Store` for such a number.
pub(super) fn require_room(address: &str, object: &Id, count: u64, what: &str) -> Result<()> {
    /// The shortest message of a link has so many bytes; all else has more.
    const BYTES_MIN: u64 = 10;
    // SAFETY: plain calls on identifiers that are alive; the library sets the length.
    let len = sync(|| unsafe {
        let file = id(address, "file", H5Iget_file_id(object.raw()))?;
        let mut len = 0;
        done(address, "file length", H5Fget_filesize(file.raw(), &raw mut len))?;
        Ok::<u64, Error>(len)
    })?;
    if count > len / BYTES_MIN {
        return Err(Error::store(address, format!("the file is corrupt: {count} {what} of one object, in {len} bytes")));
    }
    Ok(())
}

/// Current and largest extents; `u64::MAX` for no limit.
pub(super) fn extents(address: &str, space: &Id) -> Result<(Vec<u64>, Vec<u64>)> {
    // SAFETY: the vectors have as many entries as the library says it will write.
    sync(|| unsafe {
        if H5Sget_simple_extent_type(space.raw()) == hdf5_sys::h5s::H5S_class_t::H5S_NULL {
            return Err(Error::store(address, "the dataset is empty (a null dataspace): it has no shape and no values"));
        }
        let rank = H5Sget_simple_extent_ndims(space.raw());
        done(address, "dataspace", rank)?;
        let mut now: Vec<hsize_t> = vec![0; rank as usize];
        let mut most = now.clone();
        done(address, "dataspace", H5Sget_simple_extent_dims(space.raw(), now.as_mut_ptr(), most.as_mut_ptr()))?;
        Ok((now, most))
    })
}

/// The names of the files that hold a dataset's elements in its place.
pub(super) fn external_files(address: &str, creation: &Id) -> Result<Vec<CString>> {
    // SAFETY: the buffer is as long as the length that is passed; numbers are set by the library.
    sync(|| unsafe {
        let n = H5Pget_external_count(creation.raw());
        done(address, "external files", n)?;
        (0..n as c_uint)
            .map(|i| {
                let (mut name, mut offset, mut bytes) = ([0 as c_char; 4096], 0, 0);
                let told = H5Pget_external(creation.raw(), i, name.len() - 1, name.as_mut_ptr(), &raw mut offset, &raw mut bytes);
                done(address, "external files", told)?;
                Ok(CStr::from_ptr(name.as_ptr()).to_owned())
            })
            .collect()
    })
}

/// One filter of a dataset's pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilterInfo {
    pub(super) id: i32,
    pub(super) values: Vec<u32>,
    pub(super) name: String,
}

/// The filters in the order in which they are applied when writing.
pub(super) fn filters(address: &str, creation: &Id) -> Result<Vec<FilterInfo>> {
    // SAFETY: the buffers are as long as the lengths that are passed.
    sync(|| unsafe {
        let n = H5Pget_nfilters(creation.raw());
        done(address, "filters", n)?;
        (0..n as c_uint)
            .map(|i| {
                let (mut flags, mut config, mut len) = (0, 0, 64usize);
                let mut values = [0; 64];
                let mut name = [0 as c_char; 128];
                let id = H5Pget_filter2(
                    creation.raw(),
                    i,
                    &raw mut flags,
                    &raw mut len,
                    values.as_mut_ptr(),
                    name.len() - 1,
                    name.as_mut_ptr(),
                    &raw mut config,
                );
                done(address, "filters", id)?;
                let name = CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned();
                Ok(FilterInfo { id, values: values[..len.min(64)].to_vec(), name })
            })
            .collect()
    })
}

/// Frees what the library allocated for values of variable length.
///
/// # Safety
/// `values` must hold what the library read with this datatype and space, and the lock be held.
#[allow(deprecated, reason = "deprecated since 1.12, while the 1.10 of systems knows no other call; so `expect` would not hold with both")]
pub(super) unsafe fn reclaim(datatype: &Id, space: &Id, values: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { hdf5_sys::h5d::H5Dvlen_reclaim(datatype.raw(), space.raw(), DEFAULT, values) };
}

/// The path of the object that an object reference names.
///
/// # Safety
/// `reference` must point to one, and the lock be held.
pub(super) unsafe fn referenced(at: &Id, reference: *const hobj_ref_t) -> Option<String> {
    /// What the bindings call `H5R_OBJECT` or `H5R_OBJECT1`, by the version of the library.
    const OBJECT: c_int = 0;
    unsafe extern "C" {
        fn H5Rget_name(at: hid_t, kind: c_int, reference: *const c_void, name: *mut c_char, len: usize) -> isize;
    }
    let mut text = [0 as c_char; 512];
    // SAFETY: the caller's promise; the buffer has the length that is passed, and the library ends it with a zero.
    unsafe {
        let len = H5Rget_name(at.raw(), OBJECT, reference.cast(), text.as_mut_ptr(), text.len());
        (len > 0).then(|| CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
    }
}

/// Brings what this process wrote to the file, so that plain reads see it.
pub(super) fn flush(address: &str, file: &Id) -> Result<()> {
    // SAFETY: the identifier is alive.
    sync(|| done(address, "flushing the HDF5 file", unsafe { H5Fflush(file.raw(), H5F_scope_t::H5F_SCOPE_GLOBAL) }))
}

/// How many chunks a dataset's index holds, and the sum of their stored sizes; `chunk_bytes` is the size of each
/// where no filter changes it.
pub(super) fn known_chunks(address: &str, dataset: &Id, chunk_bytes: Option<u32>) -> Result<Known> {
    // SAFETY: the identifier is alive; the library fills one number. Each call walks the index once.
    sync(|| unsafe {
        let mut chunks = 0;
        let space = id(address, "dataspace", H5Dget_space(dataset.raw()))?;
        done(address, "counting chunks", H5Dget_num_chunks(dataset.raw(), space.raw(), &raw mut chunks))?;
        let bytes = match chunk_bytes {
            Some(each) => chunks.saturating_mul(each.into()),
            None => H5Dget_storage_size(dataset.raw()),
        };
        Ok(Known { chunks, bytes })
    })
}

/// The creation properties of a dataset.
pub(super) fn creation(address: &str, dataset: &Id) -> Result<Id> {
    // SAFETY: the identifier is alive.
    sync(|| id(address, "creation properties", unsafe { H5Dget_create_plist(dataset.raw()) }))
}
