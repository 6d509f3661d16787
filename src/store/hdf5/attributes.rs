//! Attributes → JSON.

use super::heaps;
use super::library::{self, Id, done, id, sync};
use super::links::{Leads, Link, links};
use super::names;
use super::objects;
use super::types::file_type;
use crate::error::{Error, Result};
use crate::store::Packing;
use crate::store::attribute::{self, Attribute, AttributeKind, AttributeKinds};
use flagstone_kernels::dtype::{DType, Scalar};
use hdf5_sys::h5::{H5_index_t, H5_iter_order_t, herr_t};
use hdf5_sys::h5a::*;
use hdf5_sys::h5i::{H5Iget_name, hid_t};
use hdf5_sys::h5r::hobj_ref_t;
use hdf5_sys::h5t::*;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_void};

/// Attributes larger than this are described, not read.
const BYTES_MAX: u64 = 1 << 20;
/// What the dimension scales interface keeps for itself.
const INTERNAL: [&str; 3] = ["DIMENSION_LABELS", "DIMENSION_LIST", "REFERENCE_LIST"];
/// What libnetcdf keeps for itself.
const NETCDF: [&str; 4] = ["_NCProperties", "_Netcdf4Coordinates", "_Netcdf4Dimid", "_nc3_strict"];
/// How the name of a scale begins that stands for a dimension without values.
pub(super) const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable";

/// The attribute of this name, where there is one and libhdf5 may be asked for it.
fn named(address: &str, object: &Id, name: &CStr) -> Option<Id> {
    names::require_attributes(address, object).ok()?;
    // SAFETY: the name is a C string; the identifier is alive.
    sync(|| unsafe {
        let found = H5Aexists(object.raw(), name.as_ptr()) > 0;
        if found { id(address, "attribute", H5Aopen(object.raw(), name.as_ptr(), 0)).ok() } else { None }
    })
}

/// Whether a dataset is a dimension of NetCDF's that has no values.
pub(super) fn is_bare_dimension(address: &str, dataset: &Id) -> bool {
    sync(|| {
        let name = named(address, dataset, c"NAME").and_then(|attribute| value(address, &attribute).ok());
        name.as_ref().and_then(|(name, _)| name.as_str()).is_some_and(|name| name.starts_with(NO_VARIABLE))
    })
}

/// Whether other datasets have it as a dimension.
pub(super) fn is_used_as_dimension(address: &str, dataset: &Id) -> bool {
    has(address, dataset, c"REFERENCE_LIST")
}

/// Whether there is an attribute of this name, and libhdf5 may be asked for it.
pub(super) fn has(address: &str, object: &Id, name: &CStr) -> bool {
    named(address, object, name).is_some()
}

/// Takes away what scales and libnetcdf keep for themselves. NetCDF has no scalars: what it wrote of one element is one.
fn without_own(found: Map<String, Value>, is_netcdf: bool) -> Map<String, Value> {
    let is_scale = found.get("CLASS").and_then(Value::as_str) == Some("DIMENSION_SCALE");
    let is_own = |name: &str| INTERNAL.contains(&name) || NETCDF.contains(&name) || is_scale && matches!(name, "CLASS" | "NAME");
    let one = |value: Value| match value {
        Value::Array(mut items) if is_netcdf && items.len() == 1 && !items[0].is_array() => items.remove(0),
        other => other,
    };
    found.into_iter().filter(|(name, _)| !is_own(name)).map(|(name, value)| (name, one(value))).collect()
}

/// All attributes of an object, but those that dimension scales and libnetcdf keep for themselves, and what their JSON does not say. One that
/// cannot be read says why: it hides neither the others nor the object.
pub(super) fn read(address: &str, object: &Id) -> (Map<String, Value>, AttributeKinds) {
    let why = |e: Error| Value::String(format!("<{}>", e.to_string().trim_start_matches(address).trim_start_matches(": ")));
    sync(|| {
        let (mut found, mut kinds, mut is_netcdf) = (Map::new(), AttributeKinds::new(), false);
        let names = match names(address, object) {
            Ok(names) => names,
            // Where one is damaged, libhdf5 refuses all.
            Err((e, count)) => {
                found.insert(if count > 1 { format!("(unreadable 0 to {})", count - 1) } else { "(unreadable)".into() }, why(e));
                Vec::new()
            }
        };
        for name in names {
            let told = name.to_string_lossy().into_owned();
            if INTERNAL.contains(&&*told) {
                is_netcdf = true;
                continue;
            }
            is_netcdf |= NETCDF.contains(&&*told);
            // SAFETY: the name is a C string; the identifier is alive.
            let opened = id(address, "attribute", unsafe { H5Aopen(object.raw(), name.as_ptr(), 0) });
            let (value, kind) = opened.and_then(|attribute| value(address, &attribute)).unwrap_or_else(|e| (why(e), None));
            kinds.extend(kind.map(|kind| (told.clone(), kind)));
            found.insert(told, value);
        }
        // of a scalar nothing but the file says whose it is
        let has_one = || found.values().any(|value| value.as_array().is_some_and(|items| items.len() == 1));
        let of_netcdf = || objects::open_object(address, object, "/").is_ok_and(|(root, _)| has(address, &root, c"_NCProperties"));
        let is_netcdf = is_netcdf || has_one() && of_netcdf();
        let found = without_own(found, is_netcdf);
        kinds.retain(|name, _| found.contains_key(name));
        (found, kinds)
    })
}

/// Names of objects by header address, of the groups that were asked: a dimension scale is named by the address of its
/// header, and libhdf5 would walk the whole file for each.
#[derive(Debug, Default)]
pub(super) struct Scales {
    names: HashMap<(u64, u64), HashMap<u64, String>>,
    /// Of scales, as [`super::lagging`] finds them.
    pub(super) lengths: HashMap<(u64, u64), u64>,
}

impl Scales {
    /// The path of the object at `scale`, which stands in the group of `dataset` or in one above, most often.
    pub(super) fn path(&mut self, address: &str, dataset: &Id, scale: u64) -> Option<String> {
        let path = path_of(dataset)?;
        for (at, _) in path.rmatch_indices('/') {
            let above = if at == 0 { "/" } else { &path[..at] };
            let Ok((group, _)) = objects::open_object(address, dataset, above) else { continue };
            let Ok(identity) = library::identity(address, &group) else { continue };
            let names = self.names.entry(identity).or_insert_with(|| {
                let named = |link: Link| match link.leads {
                    Leads::Object(at) => Some((at, link.name)),
                    _ => None,
                };
                links(address, &group).unwrap_or_default().into_iter().filter_map(named).collect()
            });
            if let Some(name) = names.get(&scale) {
                return Some(format!("{}/{name}", above.trim_end_matches('/')));
            }
        }
        None
    }
}

/// The path by which an object was opened, from the root of its file.
pub(super) fn path_of(object: &Id) -> Option<String> {
    // SAFETY: the buffer has the length that is passed, one more than the name.
    unsafe {
        let len = H5Iget_name(object.raw(), std::ptr::null_mut(), 0);
        let len = usize::try_from(len).ok().filter(|&len| len > 0)?;
        let mut name = vec![0u8; len + 1];
        H5Iget_name(object.raw(), name.as_mut_ptr().cast(), name.len());
        name.pop();
        String::from_utf8(name).ok()
    }
}

/// Names of an object's attributes, ascending; with an error how many there are said to be.
fn names(address: &str, object: &Id) -> std::result::Result<Vec<CString>, (Error, u64)> {
    extern "C" fn visit(_: hid_t, name: *const c_char, _: *const H5A_info_t, found: *mut c_void) -> herr_t {
        // SAFETY: the library passes a C string, and `found` is the vector below.
        unsafe { (*found.cast::<Vec<CString>>()).push(CStr::from_ptr(name).to_owned()) };
        0
    }
    // counting takes the memory of a node of their tree
    names::require_attributes(address, object).map_err(|e| (e, 0))?;
    let count = library::attribute_count(address, object).map_err(|e| (e, 0))?;
    let mut found: Vec<CString> = Vec::new();
    let (by_name, ascending, mut next) = (H5_index_t::H5_INDEX_NAME, H5_iter_order_t::H5_ITER_INC, 0);
    // SAFETY: `visit` has the type the library expects and keeps no pointer; the vector outlives the call.
    let iterated = unsafe { H5Aiterate2(object.raw(), by_name, ascending, &raw mut next, Some(visit), (&raw mut found).cast()) };
    done(address, "attributes", iterated).map(|()| found).map_err(|e| (e, count))
}

fn value(address: &str, attribute: &Id) -> Result<(Value, Option<AttributeKind>)> {
    // SAFETY: identifiers are alive and the lock is held; buffers have the sizes the library tells.
    unsafe {
        let datatype = id(address, "attribute", H5Aget_type(attribute.raw()))?;
        let space = id(address, "attribute", H5Aget_space(attribute.raw()))?;
        let is_text = H5Tget_class(datatype.raw()) == H5T_class_t::H5T_STRING;
        // Of what has no elements only the datatype says what they would be.
        let of_none = || {
            let number = || file_type(address, &datatype).ok().map(|of| AttributeKind::Number(of.dtype));
            if is_text { Some(AttributeKind::Text) } else { number() }
        };
        let Ok((shape, _)) = library::extents(address, &space) else { return Ok((Value::Null, of_none())) };
        let elements = crate::grid::element_count(&shape).unwrap_or(u64::MAX);
        let size = H5Tget_size(datatype.raw());
        if elements.saturating_mul(size as u64) > BYTES_MAX {
            return Ok((Value::String(format!("<{elements} elements>")), None));
        }
        let n = elements as usize;
        let (items, kind): (Vec<Value>, _) = if n == 0 {
            (Vec::new(), of_none())
        } else if is_text {
            let texts = strings(address, attribute, &datatype, &space, n)?;
            let kind = AttributeKind::of_texts(&texts);
            (texts.into_iter().map(Value::String).collect(), kind)
        } else {
            let (dtype, numbers) = numbers(address, attribute, &datatype, n)?;
            (numbers.into_iter().map(attribute::json).collect(), AttributeKind::of_numbers(dtype))
        };
        Ok((nested(&mut items.into_iter(), &shape), kind))
    }
}

/// The numbers of an attribute, and their dtype.
///
/// # Safety
/// The identifiers must be alive and the lock held.
unsafe fn numbers(address: &str, attribute: &Id, datatype: &Id, n: usize) -> Result<(DType, Vec<Scalar>)> {
    let of = file_type(address, datatype)?;
    let mut bytes = vec![0; n * of.dtype.size()];
    // SAFETY: the buffer holds n elements of the datatype, which has the bytes of its dtype.
    unsafe { done(address, "attribute", H5Aread(attribute.raw(), datatype.raw(), bytes.as_mut_ptr().cast()))? };
    of.to_native(&mut bytes);
    Ok((of.dtype, bytes.chunks_exact(of.dtype.size()).map(|b| Scalar::read(of.dtype, b)).collect()))
}

/// How the numbers of a dataset stand for values. JSON would forget whether a scale has 32 or 64 bits.
pub(super) fn packing(address: &str, dataset: &Id, dtype: DType) -> Packing {
    // SAFETY: names are C strings; identifiers are alive and the lock is held; buffers have the sizes the library tells.
    let typed = |name: &str| unsafe {
        let name = CString::new(name).ok()?;
        let attribute = named(address, dataset, &name)?;
        let datatype = id(address, "attribute", H5Aget_type(attribute.raw())).ok()?;
        let space = id(address, "attribute", H5Aget_space(attribute.raw())).ok()?;
        let (shape, _) = library::extents(address, &space).ok()?;
        let n = crate::grid::element_count(&shape).filter(|&n| n.saturating_mul(16) <= BYTES_MAX)? as usize;
        if H5Tget_class(datatype.raw()) == H5T_class_t::H5T_STRING {
            return strings(address, &attribute, &datatype, &space, n).ok()?.into_iter().next().map(Attribute::Text);
        }
        numbers(address, &attribute, &datatype, n).ok().map(|(dtype, values)| Attribute::Numbers(dtype, values))
    };
    sync(|| Packing::of(dtype, typed))
}

/// Refuses `n` elements of any length that libhdf5 would not come back from, or would read past: a datatype may say that they are shorter than they can be, and
/// it believes that until it reads them.
///
/// # Errors
/// `Store` for such elements.
fn require_elements(address: &str, attribute: &Id, n: usize) -> Result<()> {
    // SAFETY: the identifier is alive.
    let (stored, each) = (sync(|| unsafe { H5Aget_storage_size(attribute.raw()) }), library::element_bytes(address, attribute)?);
    if stored != each.saturating_mul(n as u64) {
        let what = format!("the file is corrupt: an attribute of {n} elements of any length, {each} bytes each, has {stored} bytes");
        return Err(Error::store(address, what));
    }
    heaps::require_sound(address, attribute)
}

/// The strings of an attribute.
///
/// # Safety
/// The identifiers must be alive and the lock held.
unsafe fn strings(address: &str, attribute: &Id, datatype: &Id, space: &Id, n: usize) -> Result<Vec<String>> {
    // SAFETY: the library fills n pointers or n·size bytes of the buffers.
    unsafe {
        if H5Tis_variable_str(datatype.raw()) > 0 {
            require_elements(address, attribute, n)?;
            let mut texts: Vec<*mut c_char> = vec![std::ptr::null_mut(); n];
            done(address, "attribute", H5Aread(attribute.raw(), datatype.raw(), texts.as_mut_ptr().cast()))?;
            let text = |p: &*mut c_char| if p.is_null() { String::new() } else { CStr::from_ptr(*p).to_string_lossy().into_owned() };
            let found = texts.iter().map(text).collect();
            library::reclaim(datatype, space, texts.as_mut_ptr().cast());
            return Ok(found);
        }
        let size = H5Tget_size(datatype.raw()).max(1);
        let mut bytes = vec![0u8; n * size];
        done(address, "attribute", H5Aread(attribute.raw(), datatype.raw(), bytes.as_mut_ptr().cast()))?;
        let text = |b: &[u8]| {
            let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
            String::from_utf8_lossy(&b[..end]).trim_end().to_string()
        };
        Ok(bytes.chunks_exact(size).map(text).collect())
    }
}

fn nested(items: &mut impl Iterator<Item = Value>, shape: &[u64]) -> Value {
    match shape.split_first() {
        None => items.next().unwrap_or(Value::Null),
        Some((&n, rest)) => Value::Array((0..n).map(|_| nested(items, rest)).collect()),
    }
}

/// The last part of a path.
fn last(path: &str) -> Option<String> {
    path.rsplit('/').next().map(str::to_string)
}

/// Names of the axes: dimension labels, else the names of attached dimension scales, else the name of the one that it is.
pub(super) fn dimension_names(address: &str, dataset: &Id, rank: usize, scales: &mut Scales) -> Option<Vec<Option<String>>> {
    // SAFETY: names are C literals; identifiers are alive; buffers have the sizes the library tells.
    sync(|| unsafe {
        let open = |name: &CStr| named(address, dataset, name);
        if let Some(labels) = open(c"DIMENSION_LABELS") {
            let datatype = id(address, "attribute", H5Aget_type(labels.raw())).ok()?;
            let space = id(address, "attribute", H5Aget_space(labels.raw())).ok()?;
            let (shape, _) = library::extents(address, &space).ok()?;
            if shape == [rank as u64] && H5Tget_class(datatype.raw()) == H5T_class_t::H5T_STRING {
                let found = strings(address, &labels, &datatype, &space, rank).ok()?;
                let names: Vec<_> = found.into_iter().map(|s| (!s.is_empty()).then_some(s)).collect();
                return names.iter().any(Option::is_some).then_some(names);
            }
        }
        let Some(list) = open(c"DIMENSION_LIST") else {
            // A scale of one axis names it: what NetCDF calls a coordinate variable.
            let class = open(c"CLASS").filter(|_| rank == 1)?;
            let datatype = id(address, "attribute", H5Aget_type(class.raw())).ok()?;
            let space = id(address, "attribute", H5Aget_space(class.raw())).ok()?;
            let is_text = H5Tget_class(datatype.raw()) == H5T_class_t::H5T_STRING;
            let text = is_text.then(|| strings(address, &class, &datatype, &space, 1).ok()).flatten()?;
            let path = path_of(dataset).filter(|_| text == ["DIMENSION_SCALE"])?;
            return Some(vec![last(&path)]);
        };
        let names: Vec<_> =
            scale_paths(address, dataset, &list, rank, scales)?.into_iter().map(|path| path.as_deref().and_then(last)).collect();
        names.iter().any(Option::is_some).then_some(names)
    })
}

/// Where the scales are that a dataset's axes are attached to.
pub(super) fn attached_to(address: &str, dataset: &Id, rank: usize, scales: &mut Scales) -> Option<Vec<Option<String>>> {
    let list = named(address, dataset, c"DIMENSION_LIST")?;
    // SAFETY: the attribute is alive.
    sync(|| unsafe { scale_paths(address, dataset, &list, rank, scales) })
}

/// The paths of the scales in an attribute that lists those of each axis.
///
/// # Safety
/// The identifiers must be alive and the lock held.
unsafe fn scale_paths(address: &str, dataset: &Id, list: &Id, rank: usize, scales: &mut Scales) -> Option<Vec<Option<String>>> {
    // SAFETY: buffers have the sizes the library tells.
    unsafe {
        let datatype = id(address, "attribute", H5Aget_type(list.raw())).ok()?;
        let space = id(address, "attribute", H5Aget_space(list.raw())).ok()?;
        let (shape, _) = library::extents(address, &space).ok()?;
        let base = id(address, "attribute", H5Tget_super(datatype.raw())).ok()?;
        let of_references = H5Tget_class(datatype.raw()) == H5T_class_t::H5T_VLEN && H5Tequal(base.raw(), *H5T_STD_REF_OBJ) > 0;
        if shape != [rank as u64] || !of_references || require_elements(address, list, rank).is_err() {
            return None;
        }
        let mut attached: Vec<hvl_t> = (0..rank).map(|_| hvl_t { len: 0, p: std::ptr::null_mut() }).collect();
        done(address, "attribute", H5Aread(list.raw(), datatype.raw(), attached.as_mut_ptr().cast())).ok()?;
        let path = |scale: &hvl_t| {
            if scale.len == 0 || scale.p.is_null() {
                return None;
            }
            // An object reference is the address of the header.
            let known = scales.path(address, dataset, scale.p.cast::<hobj_ref_t>().read_unaligned());
            known.or_else(|| library::referenced(dataset, scale.p.cast()))
        };
        let paths = attached.iter().map(path).collect();
        library::reclaim(&datatype, &space, attached.as_mut_ptr().cast());
        Some(paths)
    }
}
