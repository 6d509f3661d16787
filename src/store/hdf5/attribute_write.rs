//! JSON → attributes: numbers, texts and arrays of them as HDF5 has them, all else as the text of its JSON.

use super::library::{Id, c_string, done, id, sync};
use super::types::memory_type;
use crate::error::Result;
use crate::store::attribute::{self, AttributeKind, AttributeKinds};
use flagstone_kernels::dtype::DType;
use hdf5_sys::h5a::{H5Acreate2, H5Awrite};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5s::{H5S_class_t, H5Screate, H5Screate_simple};
use hdf5_sys::h5t::*;
use serde_json::{Map, Value};
use std::ffi::{CString, c_char};

/// HDF5's own limit.
const AXES_MAX: usize = 32;

/// Which attributes other programs can read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// All that HDF5 has.
    Hdf5,
    /// libnetcdf, which opens no file with an attribute of two axes or more, and passes over complex ones.
    NetCdf,
}

impl Readers {
    /// Of a file that is NetCDF-4 or not.
    pub(super) fn of(is_netcdf: bool) -> Readers {
        if is_netcdf { Readers::NetCdf } else { Readers::Hdf5 }
    }
}

/// Writes attributes, numbers with the dtypes that `kinds` says where they hold them.
///
/// # Errors
/// Those of libhdf5.
pub(super) fn write(address: &str, object: &Id, attributes: &Map<String, Value>, kinds: &AttributeKinds, readers: Readers) -> Result<()> {
    attributes.iter().try_for_each(|(name, value)| write_one(address, object, name, value, kinds.get(name).copied(), readers))
}

/// Writes the names of the axes as dimension labels.
///
/// # Errors
/// Those of libhdf5.
pub(super) fn write_dimension_names(address: &str, object: &Id, names: &[Option<String>]) -> Result<()> {
    let texts: Vec<&str> = names.iter().map(|n| n.as_deref().unwrap_or_default()).collect();
    put_texts(address, object, "DIMENSION_LABELS", &texts, Some(&[texts.len() as u64]))
}

fn write_one(address: &str, object: &Id, name: &str, value: &Value, kind: Option<AttributeKind>, readers: Readers) -> Result<()> {
    let as_json = || put_texts(address, object, name, &[&value.to_string()], Some(&[]));
    let Some((items, mut shape)) = elements(value).filter(|(_, shape)| shape.len() <= 1 || readers == Readers::Hdf5) else {
        return as_json();
    };
    // What has no elements has a datatype all the same.
    let is_null = value.is_null();
    if items.is_empty() || is_null {
        let shape = (!is_null).then_some(&shape[..]);
        return match kind {
            Some(AttributeKind::Text) => put_texts(address, object, name, &[], shape),
            Some(AttributeKind::Number(dtype)) => put(address, object, name, &memory_type(address, held(dtype))?, shape, [].as_ptr()),
            None => put(address, object, name, &memory_type(address, DType::F64)?, shape, [].as_ptr()),
        };
    }
    // NaN and the infinities are texts in JSON, and numbers here.
    let is_number = |v: &&Value| v.is_number() || v.is_string() && attribute::scalar(v).is_some();
    let is_text = kind == Some(AttributeKind::Text) || !items.iter().all(is_number);
    if items.iter().all(|v| v.is_string()) && is_text {
        let texts: Vec<&str> = items.iter().filter_map(|v| v.as_str()).collect();
        return put_texts(address, object, name, &texts, Some(&shape));
    }
    // What the bits are was said, and they hold the numbers. A complex one is a pair.
    let of_kind = match kind {
        Some(AttributeKind::Number(dtype)) if dtype.is_complex() => {
            Some(dtype).filter(|_| readers == Readers::Hdf5 && shape.last() == Some(&2))
        }
        Some(AttributeKind::Number(dtype)) => Some(held(dtype)),
        _ => None,
    };
    if let Some((dtype, bytes)) = of_kind.and_then(|dtype| Some((dtype, attribute::bytes_as(dtype.real(), &items)?))) {
        if dtype.is_complex() {
            shape.pop();
        }
        return put(address, object, name, &memory_type(address, dtype)?, Some(&shape), bytes.as_ptr());
    }
    let (dtype, bytes) = if items.iter().all(|v| v.is_boolean()) {
        (DType::Bool, Some(items.iter().map(|v| u8::from(v.as_bool() == Some(true))).collect()))
    } else if items.iter().all(|v| v.is_i64()) {
        (DType::I64, attribute::bytes_as(DType::I64, &items))
    } else if items.iter().all(|v| v.is_u64()) {
        (DType::U64, attribute::bytes_as(DType::U64, &items))
    } else {
        // Integers beside fractions only where a float has all their digits.
        (DType::F64, items.iter().all(is_number).then(|| attribute::bytes_as(DType::F64, &items)).flatten())
    };
    match bytes {
        Some(bytes) => put(address, object, name, &memory_type(address, dtype)?, Some(&shape), bytes.as_ptr()),
        None => as_json(),
    }
}

/// HDF5 has no bfloat16: what stands for it.
fn held(dtype: DType) -> DType {
    if dtype == DType::BF16 { DType::F32 } else { dtype }
}

/// What arrays in arrays hold, in C order, and the lengths of their axes; of another value itself, without axes. `None` where the lengths along an
/// axis differ.
fn elements(value: &Value) -> Option<(Vec<&Value>, Vec<u64>)> {
    let (mut level, mut shape) = (vec![value], Vec::new());
    while let Some(Value::Array(first)) = level.first() {
        let arrays: Vec<&Vec<Value>> = level.iter().filter_map(|v| v.as_array()).filter(|items| items.len() == first.len()).collect();
        if arrays.len() != level.len() || shape.len() == AXES_MAX {
            return None;
        }
        shape.push(first.len() as u64);
        level = arrays.into_iter().flatten().collect();
    }
    level.iter().all(|v| !v.is_array()).then_some((level, shape))
}

fn put_texts(address: &str, object: &Id, name: &str, texts: &[&str], shape: Option<&[u64]>) -> Result<()> {
    let texts: Vec<CString> = texts.iter().map(|t| c_string(address, &t.replace('\0', "\u{fffd}"))).collect::<Result<_>>()?;
    let pointers: Vec<*const c_char> = texts.iter().map(|t| t.as_ptr()).collect();
    // SAFETY: plain calls on identifiers that are alive; the pointers outlive the write.
    sync(|| unsafe {
        let datatype = id(address, "attribute", H5Tcopy(*H5T_C_S1))?;
        done(address, "attribute", H5Tset_size(datatype.raw(), H5T_VARIABLE))?;
        done(address, "attribute", H5Tset_cset(datatype.raw(), H5T_cset_t::H5T_CSET_UTF8))?;
        put(address, object, name, &datatype, shape, pointers.as_ptr().cast())
    })
}

/// Writes elements of `datatype`, as many as the shape says; without one the attribute holds none.
fn put(address: &str, object: &Id, name: &str, datatype: &Id, shape: Option<&[u64]>, data: *const u8) -> Result<()> {
    let c_name = c_string(address, name)?;
    let doing = format!("writing attribute {name:?}");
    // SAFETY: `data` holds as many elements of `datatype` as the space.
    sync(|| unsafe {
        let space = space(address, shape)?;
        let made = id(address, &doing, H5Acreate2(object.raw(), c_name.as_ptr(), datatype.raw(), space.raw(), 0, 0))?;
        if shape.is_none_or(|shape| shape.contains(&0)) {
            return Ok(());
        }
        done(address, &doing, H5Awrite(made.raw(), datatype.raw(), data.cast()))
    })
}

/// The space of an attribute: elements along axes of these lengths, one where there is no axis, none where there is no shape.
///
/// # Errors
/// Those of libhdf5.
pub(super) fn space(address: &str, shape: Option<&[u64]>) -> Result<Id> {
    // SAFETY: plain calls; the lengths outlive their call.
    let space: hid_t = sync(|| unsafe {
        match shape {
            None => H5Screate(H5S_class_t::H5S_NULL),
            Some([]) => H5Screate(H5S_class_t::H5S_SCALAR),
            Some(lens) => H5Screate_simple(lens.len() as i32, lens.as_ptr(), std::ptr::null()),
        }
    });
    id(address, "the space of an attribute", space)
}
