//! A group → its links: what each is, and where it leads, without opening anything.

use super::library::{self, DEFAULT, Id, done, sync};
use super::names;
use crate::error::Result;
use hdf5_sys::h5::{H5_index_t, H5_iter_order_t};
use hdf5_sys::h5g::{H5G_info_t, H5Gget_info};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5l::{H5L_info1_t, H5Lget_val, H5Lunpack_elink_val};
use std::ffi::{CStr, CString, c_char, c_int, c_void};

/// A name in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) leads: Leads,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To the object whose header is here.
    Object(u64),
    /// To a path in the file.
    Path(String),
    /// To a path in another file.
    File { file: String, path: String },
    /// To what a program defines that is not this one.
    Elsewhere { class: i32 },
}

impl Leads {
    /// What to say where it leads to no object.
    pub(super) fn nothing(&self) -> &'static str {
        match self {
            Leads::Elsewhere { .. } => "only the program that made it can follow it",
            _ => "nothing is there",
        }
    }

    /// As people read it; `None` for the object itself.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Leads::Object(_) => None,
            Leads::Path(path) => Some(format!("soft link to {path}")),
            Leads::File { file, path } => Some(format!("external link to {file}:{path}")),
            Leads::Elsewhere { class } => Some(format!("user-defined link of class {class}")),
        }
    }
}

/// (name, class, header address or length of the value) of one link.
type Told = (CString, i32, u64);

/// A group's links, by name ascending.
#[allow(deprecated, reason = "deprecated since 1.12, while the 1.10 of systems knows no other call; so `expect` would not hold with both")]
pub(super) fn links(address: &str, group: &Id) -> Result<Vec<Link>> {
    extern "C" fn visit(_: hid_t, name: *const c_char, info: *const H5L_info1_t, found: *mut c_void) -> c_int {
        // SAFETY: the library passes a C string and a record, and `found` is the vector below. The class is read as a number:
        // programs may define others than the binding's enum has.
        unsafe {
            let class = (&raw const (*info).type_).cast::<c_int>().read();
            let value = (&raw const (*info).u).cast::<u64>().read();
            (*found.cast::<Vec<Told>>()).push((CStr::from_ptr(name).to_owned(), class, value));
        }
        0
    }
    names::require_links(address, group)?;
    let mut told: Vec<Told> = Vec::new();
    // SAFETY: `visit` has the type the library expects and keeps no pointer.
    sync(|| unsafe {
        let mut info = H5G_info_t::default();
        done(address, "listing a group", H5Gget_info(group.raw(), &raw mut info))?;
        library::require_room(address, group, info.nlinks, "links")?;
        let mut next = 0;
        let (by_name, ascending) = (H5_index_t::H5_INDEX_NAME, H5_iter_order_t::H5_ITER_INC);
        let iterated = hdf5_sys::h5l::H5Literate1(group.raw(), by_name, ascending, &raw mut next, Some(visit), (&raw mut told).cast());
        done(address, "listing a group", iterated)
    })?;
    let link = |(name, class, value): Told| {
        let leads = match class {
            0 => Leads::Object(value),
            1 => Leads::Path(text(&link_value(address, group, &name, value)?)),
            64 => external(&link_value(address, group, &name, value)?).unwrap_or(Leads::Elsewhere { class }),
            class => Leads::Elsewhere { class },
        };
        Ok(Link { name: name.to_string_lossy().into_owned(), leads })
    };
    told.into_iter().map(link).collect()
}

/// The bytes of a link that is not hard.
fn link_value(address: &str, group: &Id, name: &CStr, len: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0u8; (len as usize).min(1 << 16)];
    // SAFETY: the buffer has the length that is passed; the name outlives the call.
    let mut read = || unsafe { H5Lget_val(group.raw(), name.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len(), DEFAULT) };
    sync(|| done(address, "reading a link", read()))?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn external(value: &[u8]) -> Option<Leads> {
    let (mut flags, mut file, mut path) = (0, std::ptr::null(), std::ptr::null());
    // SAFETY: the library sets both pointers to C strings inside `value`, or fails.
    sync(|| unsafe {
        let unpacked = H5Lunpack_elink_val(value.as_ptr().cast(), value.len(), &raw mut flags, &raw mut file, &raw mut path);
        if unpacked < 0 || file.is_null() || path.is_null() {
            return None;
        }
        let text = |p: *const c_char| CStr::from_ptr(p).to_string_lossy().into_owned();
        Some(Leads::File { file: text(file), path: text(path) })
    })
}

/// Names of a group's links, ascending.
pub(super) fn link_names(address: &str, group: &Id) -> Result<Vec<String>> {
    Ok(links(address, group)?.into_iter().map(|link| link.name).collect())
}
