//! Names of axes → what NetCDF calls dimensions: datasets of one axis (scales) to which the axes of others are attached by references.
//! libnetcdf and xarray know the axes of a file by these alone, and not by their labels. What others attached stays as it is. An axis without
//! a label, or with one that something else has there, gets a name by its length: `dim_0`, or the next that is free or as long and not yet an axis
//! of the same array. libnetcdf opens no file in which some axes of an array are attached and others are not.
//!
//! Source: the HDF5 dimension scale specification; NetCDF-4's format, appendix "Creating netCDF-4 files with HDF5".

use super::attribute_write;
use super::attributes::{self, NO_VARIABLE, Scales};
use super::library::{self, DEFAULT, Id, c_string, done, id, sync};
use super::links::{Leads, links};
use super::objects;
use crate::error::{Error, Result};
use hdf5_sys::h5a::{H5Acreate2, H5Adelete, H5Aexists, H5Aget_space, H5Aopen, H5Aread, H5Awrite};
use hdf5_sys::h5d::{H5Dcreate2, H5Dget_space};
use hdf5_sys::h5i::{H5I_type_t, hid_t};
use hdf5_sys::h5o::H5Oopen_by_addr;
use hdf5_sys::h5r::hobj_ref_t;
use hdf5_sys::h5s::H5Screate_simple;
use hdf5_sys::h5t::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{CStr, c_void};
use std::path::Path;

/// The attribute by which libnetcdf numbers the dimensions of a file: one that a scale has none of is the next, whether that is taken or not.
const NUMBER: &CStr = c"_Netcdf4Dimid";
/// Groups deeper than this are not looked at.
const DEPTH_MAX: usize = 64;
/// Of a longer list the file lies.
const LISTED_MAX: u64 = 1 << 16;

/// A dataset on which axes may be attached.
struct Scale {
    dataset: Id,
    name: String,
    len: u64,
    /// Whether it is as long as what is attached to it: a dimension alone, without a limit, of which libnetcdf stores no length.
    grows: bool,
    /// Whether it has values, or stands for the dimension alone.
    is_variable: bool,
    /// Header and axis of what is attached to it.
    attached: Vec<Attached>,
}

impl Scale {
    /// Whether an axis of this length can be attached.
    fn fits(&self, len: u64) -> bool {
        self.len == len || self.grows
    }
}

/// The scales of a group, by name.
type Known = BTreeMap<String, Scale>;

/// What is known on the way through a file.
#[derive(Default)]
struct Walk {
    /// Of the groups from the root to this one.
    above: Vec<Known>,
    /// Headers of all datasets with axes that are attached.
    attached: HashSet<hobj_ref_t>,
    /// Groups that were walked: other names may lead there in circles.
    seen: HashSet<(u64, u64)>,
    names: Scales,
    /// Headers of datasets whose axes get a name where they have none.
    fresh: HashSet<hobj_ref_t>,
    /// Numbers that scales have, and the scales that have none.
    numbers: BTreeSet<i32>,
    unnumbered: Vec<Id>,
}

/// One element of a scale's list of what is attached.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
struct Attached {
    dataset: hobj_ref_t,
    axis: u32,
}

/// Whether a file is NetCDF-4 by its ending: what programs that know dimensions will open.
pub(crate) fn is_netcdf(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("nc") || ending.eq_ignore_ascii_case("nc4"))
}

/// Attaches every axis that has a label to the scale of that name and length in its group, or in one above; where there is none, one without
/// values is made, as libnetcdf does. All axes of the datasets `fresh` are attached, also those without a label.
///
/// # Errors
/// `Store` where the file cannot be written.
pub(crate) fn share_dimensions(file: &Path, fresh: &[String], address: &str) -> Result<()> {
    sync(|| {
        let hdf5 = library::open_write(address, file)?;
        let (root, _) = objects::open_object(address, &hdf5, "/")?;
        let header = |path: &String| library::header_address(address, &objects::open_object(address, &hdf5, path)?.0);
        let mut walk = Walk { fresh: fresh.iter().map(header).collect::<Result<_>>()?, ..Walk::default() };
        group(address, &root, &mut walk)?;
        number_all(address, &mut walk)?;
        library::flush(address, &hdf5)
    })
}

/// Before the dataset `old` is replaced by `new`: what is attached to it has labels in place of references that would lead nowhere, and `new`
/// is known to libnetcdf by the number of `old`. [`share_dimensions`] attaches again what has labels.
///
/// # Errors
/// `Store` where the file cannot be written.
pub(super) fn detach(address: &str, old: &Id, new: &Id) -> Result<()> {
    if let (Some(of_old), None) = (number(address, old)?, number(address, new)?) {
        put_number(address, new, of_old)?;
    }
    // SAFETY: the datatype is that of the record.
    let list = unsafe { listed(address, old, &record(address)?)? };
    for entry in list {
        // SAFETY: the identifier is alive. What is there no more is no object.
        let Ok(dataset) = id(address, "dimensions", unsafe { H5Oopen_by_addr(old.raw(), entry.dataset) }) else { continue };
        if !has(address, &dataset, c"DIMENSION_LIST")? {
            continue;
        }
        // SAFETY: the identifier is alive.
        let space = id(address, "dataspace", unsafe { H5Dget_space(dataset.raw()) })?;
        let (shape, _) = library::extents(address, &space)?;
        if let Some(names) = attributes::dimension_names(address, &dataset, shape.len(), &mut Scales::default()) {
            remove(address, &dataset, c"DIMENSION_LABELS")?;
            attribute_write::write_dimension_names(address, &dataset, &names)?;
        }
        remove(address, &dataset, c"DIMENSION_LIST")?;
    }
    Ok(())
}

/// The datasets of a group become scales where others are named after them, and are attached; then those of the groups below.
fn group(address: &str, of: &Id, walk: &mut Walk) -> Result<()> {
    let (mut known, mut named, mut groups, mut lone, mut attached_before) = (Known::new(), Vec::new(), Vec::new(), Vec::new(), false);
    for link in links(address, of)?.into_iter().filter(|link| matches!(link.leads, Leads::Object(_))) {
        match objects::open_object(address, of, &link.name)? {
            (object, H5I_type_t::H5I_GROUP) => groups.push(object),
            (dataset, H5I_type_t::H5I_DATASET) => {
                if has(address, &dataset, c"DIMENSION_LIST")? {
                    walk.attached.insert(library::header_address(address, &dataset)?);
                    attached_before = true;
                    continue;
                }
                // SAFETY: the identifier is alive.
                let space = id(address, "dataspace", unsafe { H5Dget_space(dataset.raw()) })?;
                let Ok((shape, most)) = library::extents(address, &space) else { continue };
                let is_variable = !attributes::is_bare_dimension(address, &dataset);
                let mut names = attributes::dimension_names(address, &dataset, shape.len(), &mut walk.names);
                if walk.fresh.contains(&library::header_address(address, &dataset)?) && names.is_none() {
                    match shape.len() {
                        // Others may be named after it.
                        1 => lone.push(link.name.clone()),
                        rank => names = (rank > 0).then(|| vec![None; rank]),
                    }
                }
                if let ([len], true) = (&shape[..], names.as_ref().is_none_or(|names| names[..] == [Some(link.name.clone())])) {
                    let grows = !is_variable && most == [u64::MAX];
                    let scale = Scale { dataset, name: link.name.clone(), len: *len, grows, is_variable, attached: Vec::new() };
                    known.insert(link.name, scale);
                } else if let Some(names) = names {
                    named.push((dataset, shape, names));
                }
            }
            _ => {}
        }
    }
    walk.above.push(known);
    let hidden = if attached_before { HashMap::new() } else { names_of_one_length(&named) };
    for (dataset, shape, names) in named {
        attach(address, of, &dataset, &shape, &names, &hidden, walk)?;
    }
    for below in groups {
        if walk.above.len() < DEPTH_MAX && walk.seen.insert(library::identity(address, &below)?) {
            group(address, &below, walk)?;
        }
    }
    for name in lone {
        let Some(known) = walk.above.last_mut().filter(|known| known.get(&name).is_some_and(|scale| scale.attached.is_empty())) else {
            continue;
        };
        if let Some(alone) = known.remove(&name) {
            attach(address, of, &alone.dataset, &[alone.len], &[None], &HashMap::new(), walk)?;
        }
    }
    // All that may be attached to them has been seen.
    for scale in walk.above.pop().into_iter().flat_map(BTreeMap::into_values) {
        finish(address, &scale, &walk.attached)?;
        if has(address, &scale.dataset, c"CLASS")? {
            match number(address, &scale.dataset)? {
                Some(number) => drop(walk.numbers.insert(number)),
                None => walk.unnumbered.push(scale.dataset),
            }
        }
    }
    Ok(())
}

/// A dataset, its shape and the names of its axes.
type NamedAxes = (Id, Vec<u64>, Vec<Option<String>>);

/// Names that all axes of these datasets have at one length.
fn names_of_one_length(named: &[NamedAxes]) -> HashMap<String, u64> {
    let mut lengths: HashMap<String, Option<u64>> = HashMap::new();
    for (name, &len) in named.iter().flat_map(|(_, shape, names)| names.iter().zip(shape)) {
        let Some(name) = name else { continue };
        lengths.entry(name.clone()).and_modify(|of| *of = of.filter(|&of| of == len)).or_insert(Some(len));
    }
    lengths.into_iter().filter_map(|(name, len)| Some((name, len?))).collect()
}

/// Attaches the axes of one dataset of a group: all of them, if it is one of those that were just made or has a label. `hidden` are the names,
/// with their lengths, that may be those of other dimensions above: programs look for a dimension by its name, in the group and then above it.
fn attach(
    address: &str,
    group: &Id,
    dataset: &Id,
    shape: &[u64],
    names: &[Option<String>],
    hidden: &HashMap<String, u64>,
    walk: &mut Walk,
) -> Result<()> {
    let own = library::header_address(address, dataset)?;
    walk.attached.insert(own);
    let (is_fresh, above) = (walk.fresh.contains(&own), &mut walk.above);
    let mut names: Vec<Option<String>> =
        names.iter().map(|name| name.clone().filter(|name| !name.is_empty() && !name.contains('/'))).collect();
    if !is_fresh && names.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut scales: Vec<hobj_ref_t> = Vec::new();
    for (axis, &len) in shape.iter().enumerate() {
        let name = match &names[axis] {
            Some(name) if may_be_named(address, group, len, name, above, hidden.get(name) == Some(&len))? => name.clone(),
            _ => default_name(address, group, len, &names, above)?,
        };
        names[axis] = Some(name.clone());
        let nearest = above.iter_mut().rev().find_map(|known| known.get_mut(&name)).filter(|scale| scale.fits(len));
        let scale = match nearest {
            Some(scale) => scale,
            None => {
                let made = bare(address, group, &name, len)?;
                let here = above.last_mut().ok_or_else(|| Error::internal("no group"))?;
                here.entry(name).or_insert(made)
            }
        };
        scale.attached.push(Attached { dataset: own, axis: axis as u32 });
        scales.push(library::header_address(address, &scale.dataset)?);
    }
    let mut list: Vec<hvl_t> = scales.iter_mut().map(|scale| hvl_t { len: 1, p: (&raw mut *scale).cast() }).collect();
    // SAFETY: the base type is the library's; the list leads to references that outlive the write.
    unsafe {
        let datatype = id(address, "dimensions", H5Tvlen_create(*H5T_STD_REF_OBJ))?;
        put(address, dataset, c"DIMENSION_LIST", &datatype, Some(list.len() as u64), list.as_mut_ptr().cast())?;
    }
    // What libnetcdf would believe before it looks at the list, and dimensions may be others now.
    remove(address, dataset, c"_Netcdf4Coordinates")?;
    // Labels say nothing more, and libnetcdf would show them.
    remove(address, dataset, c"DIMENSION_LABELS")
}

/// Whether an axis of this length can be named so: after the nearest scale of that name, or after one that is made here, which may hide one above if
/// `hides`.
fn may_be_named(address: &str, group: &Id, len: u64, name: &str, above: &[Known], hides: bool) -> Result<bool> {
    let nearest = above.iter().rev().find_map(|known| known.get(name));
    Ok(match nearest {
        Some(scale) if scale.fits(len) => true,
        Some(_) if !hides => false,
        _ => !objects::exists(address, group, name)?,
    })
}

/// The name of an axis of this length that has none; `taken` are names of other axes of the same array.
fn default_name(address: &str, group: &Id, len: u64, taken: &[Option<String>], above: &[Known]) -> Result<String> {
    for number in 0u64.. {
        let name = format!("dim_{number}");
        if taken.iter().flatten().any(|other| *other == name) {
            continue;
        }
        let free = match above.iter().rev().find_map(|known| known.get(&name)) {
            Some(scale) => scale.fits(len),
            None => !objects::exists(address, group, &name)?,
        };
        if free {
            return Ok(name);
        }
    }
    Err(Error::internal("more names than numbers"))
}

/// A dimension without values, as libnetcdf makes it.
fn bare(address: &str, group: &Id, name: &str, len: u64) -> Result<Scale> {
    let c_name = c_string(address, name)?;
    // SAFETY: plain calls on identifiers that are alive; the name outlives them.
    let dataset = unsafe {
        let space = id(address, "a dimension", H5Screate_simple(1, &raw const len, std::ptr::null()))?;
        let dataset = H5Dcreate2(group.raw(), c_name.as_ptr(), *H5T_IEEE_F32BE, space.raw(), DEFAULT, DEFAULT, DEFAULT);
        id(address, "a dimension", dataset)?
    };
    Ok(Scale { dataset, name: name.to_string(), len, grows: false, is_variable: false, attached: Vec::new() })
}

/// The number of a scale.
fn number(address: &str, scale: &Id) -> Result<Option<i32>> {
    if !has(address, scale, NUMBER)? {
        return Ok(None);
    }
    let mut number = 0i32;
    // SAFETY: plain calls on identifiers that are alive; the number outlives them, and has the bytes of its datatype.
    unsafe {
        let attribute = id(address, "dimensions", H5Aopen(scale.raw(), NUMBER.as_ptr(), DEFAULT))?;
        done(address, "dimensions", H5Aread(attribute.raw(), *H5T_NATIVE_INT, (&raw mut number).cast()))?;
    }
    Ok(Some(number))
}

fn put_number(address: &str, scale: &Id, number: i32) -> Result<()> {
    // SAFETY: plain calls on identifiers that are alive; the number outlives them, and has the bytes of its datatype.
    unsafe {
        let datatype = id(address, "dimensions", H5Tcopy(*H5T_NATIVE_INT))?;
        put(address, scale, NUMBER, &datatype, None, (&raw const number).cast())
    }
}

/// Gives each scale without a number one that no other has.
fn number_all(address: &str, walk: &mut Walk) -> Result<()> {
    let free = (0..).filter(|number| !walk.numbers.contains(number));
    walk.unnumbered.iter().zip(free).try_for_each(|(scale, number)| put_number(address, scale, number))
}

/// Makes a scale of a dataset to which something is attached, or that is labelled as one; `live` are all that have something attached.
fn finish(address: &str, scale: &Scale, live: &HashSet<hobj_ref_t>) -> Result<()> {
    let dataset = &scale.dataset;
    if scale.attached.is_empty() && !has(address, dataset, c"DIMENSION_LABELS")? {
        return Ok(());
    }
    if !has(address, dataset, c"CLASS")? {
        let name = if scale.is_variable { scale.name.clone() } else { format!("{NO_VARIABLE}.{:10}", scale.len) };
        put_text(address, dataset, c"CLASS", "DIMENSION_SCALE")?;
        put_text(address, dataset, c"NAME", &name)?;
    }
    remove(address, dataset, c"DIMENSION_LABELS")?;
    if scale.attached.is_empty() {
        return Ok(());
    }
    // SAFETY: the records are laid out as their datatype says, and outlive the calls.
    unsafe {
        let datatype = record(address)?;
        let mut list = listed(address, dataset, &datatype)?;
        // Those that are there no more, and those that are attached again.
        list.retain(|entry| live.contains(&entry.dataset) && !scale.attached.iter().any(|new| new.dataset == entry.dataset));
        list.extend(&scale.attached);
        put(address, dataset, c"REFERENCE_LIST", &datatype, Some(list.len() as u64), list.as_ptr().cast())
    }
}

/// The datatype of [`Attached`].
fn record(address: &str) -> Result<Id> {
    // SAFETY: plain calls on identifiers that are alive.
    unsafe {
        let datatype = id(address, "dimensions", H5Tcreate(H5T_class_t::H5T_COMPOUND, size_of::<Attached>()))?;
        let member = |name: &CStr, at, of: hid_t| done(address, "dimensions", H5Tinsert(datatype.raw(), name.as_ptr(), at, of));
        member(c"dataset", std::mem::offset_of!(Attached, dataset), *H5T_STD_REF_OBJ)?;
        member(c"dimension", std::mem::offset_of!(Attached, axis), *H5T_NATIVE_INT)?;
        Ok(datatype)
    }
}

/// What a scale's list says is attached; nothing where it has none.
///
/// # Safety
/// `datatype` must be that of [`Attached`].
unsafe fn listed(address: &str, dataset: &Id, datatype: &Id) -> Result<Vec<Attached>> {
    const NAME: &CStr = c"REFERENCE_LIST";
    if !has(address, dataset, NAME)? {
        return Ok(Vec::new());
    }
    // SAFETY: plain calls on identifiers that are alive; the list has as many elements as the space.
    unsafe {
        let attribute = id(address, "dimensions", H5Aopen(dataset.raw(), NAME.as_ptr(), DEFAULT))?;
        let space = id(address, "dimensions", H5Aget_space(attribute.raw()))?;
        let (shape, _) = library::extents(address, &space)?;
        let n = crate::grid::element_count(&shape).filter(|&n| n <= LISTED_MAX).unwrap_or(0) as usize;
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut list = vec![Attached { dataset: 0, axis: 0 }; n];
        done(address, "dimensions", H5Aread(attribute.raw(), datatype.raw(), list.as_mut_ptr().cast()))?;
        Ok(list)
    }
}

/// Whether libnetcdf numbered a scale.
pub(super) fn is_of_netcdf(address: &str, scale: &Id) -> bool {
    attributes::has(address, scale, NUMBER)
}

/// What is attached to a scale: the header of a dataset, and which of its axes.
///
/// # Errors
/// `Store` for a list that cannot be read.
pub(super) fn attached(address: &str, scale: &Id) -> Result<Vec<(hobj_ref_t, usize)>> {
    if !attributes::is_used_as_dimension(address, scale) {
        return Ok(Vec::new());
    }
    // SAFETY: the datatype is that of the record.
    let list = unsafe { listed(address, scale, &record(address)?)? };
    Ok(list.into_iter().map(|of| (of.dataset, of.axis as usize)).collect())
}

/// Whether an object has an attribute.
fn has(address: &str, object: &Id, name: &CStr) -> Result<bool> {
    // SAFETY: the name outlives the call; the identifier is alive.
    match unsafe { H5Aexists(object.raw(), name.as_ptr()) } {
        n if n < 0 => done(address, "dimensions", n).map(|()| false),
        n => Ok(n > 0),
    }
}

fn put_text(address: &str, dataset: &Id, name: &CStr, text: &str) -> Result<()> {
    let text = c_string(address, text)?;
    // SAFETY: plain calls on identifiers that are alive; the text has the length of its datatype, the zero included.
    unsafe {
        let datatype = id(address, "dimensions", H5Tcopy(*H5T_C_S1))?;
        done(address, "dimensions", H5Tset_size(datatype.raw(), text.as_bytes_with_nul().len()))?;
        put(address, dataset, name, &datatype, None, text.as_ptr().cast())
    }
}

/// Writes an attribute in the place of one of its name.
///
/// # Safety
/// `data` must hold as many elements of the datatype as `shape` says, or one.
unsafe fn put(address: &str, object: &Id, name: &CStr, datatype: &Id, shape: Option<u64>, data: *const c_void) -> Result<()> {
    remove(address, object, name)?;
    // SAFETY: plain calls on identifiers that are alive; the caller's promise.
    unsafe {
        let space = attribute_write::space(address, Some(shape.as_slice()))?;
        let made = H5Acreate2(object.raw(), name.as_ptr(), datatype.raw(), space.raw(), DEFAULT, DEFAULT);
        let made = id(address, "dimensions", made)?;
        done(address, "dimensions", H5Awrite(made.raw(), datatype.raw(), data))
    }
}

fn remove(address: &str, object: &Id, name: &CStr) -> Result<()> {
    if !has(address, object, name)? {
        return Ok(());
    }
    // SAFETY: the name outlives the call; the identifier is alive.
    done(address, "dimensions", unsafe { H5Adelete(object.raw(), name.as_ptr()) })
}
