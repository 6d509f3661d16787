//! HDF5 datatypes ↔ dtypes. Numbers whose bytes are those of a dtype, in either order, and numbers of fewer bits; fields of
//! compounds and arrays of all these; the rest is refused by name.

use super::bits::{Bits, FloatBits};
use super::library::{self, Id, done, id, sync};
use crate::error::{Error, Result};
use flagstone_kernels::copy::swap_bytes;
use flagstone_kernels::dtype::DType;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t::*;
use std::ffi::{CStr, c_char, c_void};

/// How elements lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileType {
    pub(super) dtype: DType,
    /// Whether the file's byte order is not this machine's.
    pub(super) swap: bool,
    /// Which bits of a number count and how, where they are not those of its dtype.
    pub(super) bits: Option<Bits>,
}

impl FileType {
    fn plain(dtype: DType, swap: bool) -> FileType {
        FileType { dtype, swap, bits: None }
    }

    /// Makes native numbers of dense bytes as they are in the file.
    pub(super) fn to_native(self, bytes: &mut [u8]) {
        if self.swap {
            swap_bytes(self.dtype, bytes);
        }
        self.expand_bits(bytes);
    }

    /// Makes numbers of bytes that have the native order.
    pub(super) fn expand_bits(self, bytes: &mut [u8]) {
        if let Some(bits) = self.bits {
            bits.expand(bytes, self.dtype);
        }
    }
}

/// What of a dataset's elements is read: all of each, or a field of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) of: FileType,
    /// Bytes of an element in the file.
    pub(super) bytes: usize,
    /// Where in it the numbers start.
    pub(super) offset: usize,
    /// Axes inside of an element: those of an array datatype.
    pub(super) axes: Vec<u64>,
}

impl Element {
    /// Whether elements are what is read, one number each and nothing between.
    pub(super) fn is_plain(&self) -> bool {
        self.axes.is_empty() && !self.is_part()
    }
    /// Whether something of each element is not read.
    pub(super) fn is_part(&self) -> bool {
        self.inner_bytes() != self.bytes
    }
    /// Bytes of an element that are read.
    pub(super) fn inner_bytes(&self) -> usize {
        self.axes.iter().product::<u64>() as usize * self.of.dtype.size()
    }
}

/// What is read of a dataset of this datatype, or of its field.
///
/// # Errors
/// `Store`, naming a datatype that is no number, or the fields that there are.
pub(super) fn element(address: &str, datatype: &Id, field: Option<&str>) -> Result<Element> {
    let part = sync(|| find(datatype, field)).map_err(|what| Error::store(address, what))?;
    let of = sync(|| describe(&part.datatype, 0)).map_err(|what| Error::store(address, what))?;
    // SAFETY: a plain query of an identifier that is alive.
    let bytes = sync(|| unsafe { H5Tget_size(datatype.raw()) });
    let found = Element { of, bytes, offset: part.offset, axes: part.axes };
    let inside = crate::grid::element_count(&found.axes).and_then(|n| n.checked_mul(of.dtype.size() as u64));
    if inside.and_then(|n| n.checked_add(found.offset as u64)).is_none_or(|end| end > bytes as u64) {
        return Err(Error::store(address, format!("the file is corrupt: a field reaches past its element of {bytes} bytes")));
    }
    Ok(found)
}

/// A part of a datatype.
struct Part {
    datatype: Id,
    offset: usize,
    axes: Vec<u64>,
}

/// Goes into fields by name (`a`, or `a.b` in a compound inside) and into arrays.
fn find(datatype: &Id, field: Option<&str>) -> std::result::Result<Part, String> {
    let unreadable = || "the datatype is unreadable".to_string();
    // SAFETY: plain queries of identifiers that are alive, under the lock.
    unsafe {
        let copy = |of: hid_t| id("", "datatype", of).map_err(|_| unreadable());
        let mut part = Part { datatype: copy(H5Tcopy(datatype.raw()))?, offset: 0, axes: vec![] };
        let mut rest = field;
        loop {
            let of = part.datatype.raw();
            match (H5Tget_class(of), rest) {
                (H5T_class_t::H5T_ARRAY, _) => {
                    let rank = H5Tget_array_ndims(of);
                    let mut lens = vec![0u64; usize::try_from(rank).map_err(|_| unreadable())?];
                    if H5Tget_array_dims2(of, lens.as_mut_ptr()) < 0 || part.axes.len() + lens.len() > 32 {
                        return Err(unreadable());
                    }
                    part.axes.extend(lens);
                    part.datatype = copy(H5Tget_super(of))?;
                }
                (H5T_class_t::H5T_COMPOUND, Some(path)) => {
                    let names = member_names(of);
                    let place = |name: &str| names.iter().position(|found| found == name);
                    let cuts = path.match_indices('.').map(|(at, _)| (&path[..at], Some(&path[at + 1..])));
                    let found = std::iter::once((path, None)).chain(cuts).find_map(|(name, rest)| Some((place(name)?, rest)));
                    let Some((i, more)) = found else { return Err(format!("there is no field {path}; there is {}", names.join(", "))) };
                    if !part.axes.is_empty() {
                        return Err(format!("field {path} of an array of compounds is not supported"));
                    }
                    part.offset += H5Tget_member_offset(of, i as u32);
                    part.datatype = copy(H5Tget_member_type(of, i as u32))?;
                    rest = more;
                }
                (_, Some(path)) => return Err(format!("there is no field {path}: the datatype is no compound")),
                (_, None) => return Ok(part),
            }
        }
    }
}

/// The class of complex numbers since HDF5 2.0; bindings of an older libhdf5 have no name for it.
const COMPLEX: i32 = 11;

/// (sign, exponent, exponent bits, mantissa, mantissa bits, bias) of the floats that have a dtype.
const FLOATS: [(DType, [usize; 6]); 4] = [
    (DType::F16, [15, 10, 5, 0, 10, 15]),
    (DType::BF16, [15, 7, 8, 0, 7, 127]),
    (DType::F32, [31, 23, 8, 0, 23, 127]),
    (DType::F64, [63, 52, 11, 0, 52, 1023]),
];

/// The dtype of an HDF5 datatype.
///
/// # Errors
/// `Store`, naming a datatype that is not a number or has odd bits.
pub(super) fn file_type(address: &str, datatype: &Id) -> Result<FileType> {
    sync(|| describe(datatype, 0)).map_err(|what| Error::store(address, what))
}

/// A datatype as people read it: `compound {a, b}`, `float of 16 bytes`.
pub(super) fn type_text(datatype: &Id) -> String {
    if let Ok(found) = sync(|| describe(datatype, 0)) {
        return found.dtype.to_string();
    }
    let of = datatype.raw();
    // SAFETY: plain queries of an identifier that is alive, under the lock.
    sync(|| unsafe {
        let size = H5Tget_size(of);
        match H5Tget_class(of) {
            H5T_class_t::H5T_INTEGER => format!("integer of {size} bytes"),
            H5T_class_t::H5T_FLOAT => format!("float of {size} bytes"),
            H5T_class_t::H5T_STRING if H5Tis_variable_str(of) > 0 => "string".into(),
            H5T_class_t::H5T_STRING => format!("string of {size} bytes"),
            H5T_class_t::H5T_COMPOUND => format!("compound {{{}}}", member_names(of).join(", ")),
            H5T_class_t::H5T_ENUM => format!("enum {{{}}}", member_names(of).join(", ")),
            H5T_class_t::H5T_ARRAY => "array".into(),
            H5T_class_t::H5T_VLEN => "variable-length".into(),
            H5T_class_t::H5T_REFERENCE => "reference".into(),
            H5T_class_t::H5T_OPAQUE => format!("opaque of {size} bytes"),
            H5T_class_t::H5T_BITFIELD => format!("bit field of {size} bytes"),
            H5T_class_t::H5T_TIME => "time".into(),
            class if class as i32 == COMPLEX => format!("complex of {size} bytes"),
            _ => "unknown".into(),
        }
    })
}

/// What a datatype is, or why it is no number. Parts of enums and compounds, at depth 1, are plain numbers.
fn describe(datatype: &Id, depth: usize) -> std::result::Result<FileType, String> {
    let of = datatype.raw();
    // SAFETY: plain queries of an identifier that is alive, under the lock.
    unsafe {
        match H5Tget_class(of) {
            H5T_class_t::H5T_INTEGER => integer(of, H5Tget_sign(of) == H5T_sign_t::H5T_SGN_2),
            H5T_class_t::H5T_BITFIELD => integer(of, false),
            H5T_class_t::H5T_FLOAT => float(of),
            H5T_class_t::H5T_ENUM if depth == 0 => enumeration(of),
            H5T_class_t::H5T_COMPOUND if depth == 0 => pair(of),
            H5T_class_t::H5T_STRING => Err("dtype string is not a number".into()),
            H5T_class_t::H5T_REFERENCE => Err("dtype reference is not a number".into()),
            H5T_class_t::H5T_VLEN => Err("dtype variable-length is not a number".into()),
            H5T_class_t::H5T_ARRAY => Err("dtype array is not a number".into()),
            H5T_class_t::H5T_TIME => Err("dtype time is not a number".into()),
            H5T_class_t::H5T_OPAQUE => Err("dtype opaque is not a number".into()),
            H5T_class_t::H5T_ENUM => Err("dtype enum is not a number".into()),
            H5T_class_t::H5T_COMPOUND => Err("dtype compound is not a number".into()),
            class if class as i32 == COMPLEX => complex(of),
            _ => Err("the datatype is unreadable".into()),
        }
    }
}

/// Whether the bytes of a number stand the other way round than this machine's.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn is_swapped(of: hid_t) -> std::result::Result<bool, String> {
    // SAFETY: a plain query.
    match unsafe { H5Tget_order(of) } {
        H5T_order_t::H5T_ORDER_LE => Ok(cfg!(target_endian = "big")),
        H5T_order_t::H5T_ORDER_BE => Ok(cfg!(target_endian = "little")),
        _ => Err("a byte order other than little and big endian is not supported".to_string()),
    }
}

fn odd(kind: &str, size: usize) -> String {
    format!("dtype {kind} of {size} bytes with unusual bits is not supported; convert it with h5py first")
}

/// An integer, or a field of bits, of which some may be padding.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn integer(of: hid_t, signed: bool) -> std::result::Result<FileType, String> {
    // SAFETY: plain queries.
    let (size, precision, offset) = unsafe { (H5Tget_size(of), H5Tget_precision(of), H5Tget_offset(of)) };
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if precision == 0 || precision.checked_add(offset).is_none_or(|end| end > 8 * size) {
        return Err(odd("integer", size));
    }
    let bits = (precision < 8 * size).then_some(Bits::Integer { offset: offset as u32, precision: precision as u32 });
    let dtype = match (signed, size) {
        (true, 1) => DType::I8,
        (true, 2) => DType::I16,
        (true, 4) => DType::I32,
        (true, 8) => DType::I64,
        (false, 1) => DType::U8,
        (false, 2) => DType::U16,
        (false, 4) => DType::U32,
        (false, 8) => DType::U64,
        _ => return Err(odd("integer", size)),
    };
    // SAFETY: the caller's promise.
    Ok(FileType { dtype, swap: size > 1 && unsafe { is_swapped(of) }?, bits })
}

/// A float whose bits are those of a dtype, or whose values are all those of the dtype of its length.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn float(of: hid_t) -> std::result::Result<FileType, String> {
    let mut bits = [0usize; 6];
    let [sign, exponent, exponent_bits, mantissa, mantissa_bits, bias] = &mut bits;
    // SAFETY: plain queries, into numbers of this function.
    let size = unsafe {
        H5Tget_fields(of, sign, exponent, exponent_bits, mantissa, mantissa_bits);
        *bias = H5Tget_ebias(of);
        H5Tget_size(of)
    };
    if let Some((dtype, _)) = FLOATS.iter().find(|(dtype, known)| *known == bits && dtype.size() == size) {
        // SAFETY: the caller's promise.
        return Ok(FileType::plain(*dtype, unsafe { is_swapped(of) }?));
    }
    let dtype = [DType::F16, DType::F32, DType::F64].into_iter().find(|dtype| dtype.size() == size);
    // SAFETY: a plain query.
    let is_implied = unsafe { H5Tget_norm(of) } == H5T_norm_t::H5T_NORM_IMPLIED;
    let read = dtype.filter(|_| is_implied).and_then(|dtype| Some((dtype, FloatBits::new(bits, dtype)?)));
    match read {
        // SAFETY: the caller's promise.
        Some((dtype, bits)) => Ok(FileType { dtype, swap: unsafe { is_swapped(of) }?, bits: Some(Bits::Float(bits)) }),
        None => Err(odd("float", size)),
    }
}

/// An enum: the integers that it is made of, or bool.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn enumeration(of: hid_t) -> std::result::Result<FileType, String> {
    // SAFETY: the library's identifier is ours to close; the enum's values have a byte where `is_bool` reads them.
    unsafe {
        let base = library::id("", "", H5Tget_super(of)).map_err(|_| "dtype enum without a base".to_string())?;
        let found = describe(&base, 1)?;
        if found.dtype.size() == 1 && is_bool(of) {
            return Ok(FileType::plain(DType::Bool, false));
        }
        Ok(found)
    }
}

/// A compound of the two parts of a complex number.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn pair(of: hid_t) -> std::result::Result<FileType, String> {
    // SAFETY: plain queries, and identifiers that are ours to close; `pair` says that there are two members.
    let (field, parts) = unsafe {
        let (names, size) = (member_names(of), H5Tget_size(of));
        // Two floats of other names are two quantities, not the parts of one.
        let pair = [["r", "i"], ["real", "imag"]].iter().any(|pair| names == *pair);
        let field = format!("Name a field: …#{}", names.first().map_or("field", String::as_str));
        if !pair {
            let names = names.join(", ");
            return Err(format!("dtype compound {{{names}}} is not a number; only {{r, i}} and {{real, imag}} are (a complex). {field}"));
        }
        let part = |i| {
            let part = library::id("", "", H5Tget_member_type(of, i)).map_err(|_| "dtype compound without members".to_string())?;
            describe(&part, 1)
        };
        let parts = [part(0)?, part(1)?];
        if parts[0] != parts[1] || parts[0].bits.is_some() {
            return Err(format!("dtype complex with unlike parts is not supported. {field}"));
        }
        let item = parts[0].dtype.size();
        if (H5Tget_member_offset(of, 0), H5Tget_member_offset(of, 1), size) != (0, item, 2 * item) {
            return Err(format!("dtype complex with bytes between or behind its parts is not supported. {field}"));
        }
        (field, parts)
    };
    let dtype = match parts[0].dtype {
        DType::F32 => DType::C64,
        DType::F64 => DType::C128,
        other => return Err(format!("dtype complex of {other} is not supported. {field}")),
    };
    Ok(FileType::plain(dtype, parts[0].swap))
}

/// A complex number of HDF5 2.0.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn complex(of: hid_t) -> std::result::Result<FileType, String> {
    // SAFETY: the library's identifier is ours to close.
    let base = unsafe { library::id("", "", H5Tget_super(of)) }.map_err(|_| "dtype complex without parts".to_string())?;
    let part = describe(&base, 1)?;
    match part.dtype {
        other if part.bits.is_some() => Err(format!("dtype complex of {other} with unusual bits is not supported")),
        DType::F32 => Ok(FileType { dtype: DType::C64, ..part }),
        DType::F64 => Ok(FileType { dtype: DType::C128, ..part }),
        other => Err(format!("dtype complex of {other} is not supported")),
    }
}

/// Whether an enum of one byte is what h5py writes for bool: FALSE = 0 and TRUE = 1, in any order.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn is_bool(of: hid_t) -> bool {
    // SAFETY: a value of the enum has one byte, as the caller found.
    unsafe {
        let values = (0..2).map(|i| {
            let mut value = u8::MAX;
            (H5Tget_member_value(of, i, (&raw mut value).cast()) >= 0).then_some(value)
        });
        let names = member_names(of);
        names.len() == 2 && {
            let mut members: Vec<_> = names.into_iter().zip(values).collect();
            members.sort();
            members == [("FALSE".to_string(), Some(0)), ("TRUE".to_string(), Some(1))]
        }
    }
}

/// Names of the members of a compound or an enum.
///
/// # Safety
/// `of` must be alive and the lock held.
unsafe fn member_names(of: hid_t) -> Vec<String> {
    // SAFETY: the library returns C strings that are ours to free.
    unsafe {
        let n = H5Tget_nmembers(of).clamp(0, 64);
        (0..n as u32)
            .filter_map(|i| {
                let name: *mut c_char = H5Tget_member_name(of, i);
                if name.is_null() {
                    return None;
                }
                let text = CStr::from_ptr(name).to_string_lossy().into_owned();
                hdf5_sys::h5::H5free_memory(name.cast::<c_void>());
                Some(text)
            })
            .collect()
    }
}

/// A new datatype with the bytes of `dtype` in memory, as h5py makes it.
///
/// # Errors
/// `Store` for `bfloat16`, which other programs would not understand.
pub(super) fn memory_type(address: &str, dtype: DType) -> Result<Id> {
    // SAFETY: plain calls on identifiers that are alive, under the lock; names are C literals.
    sync(|| unsafe {
        let copy = |of: hid_t| id(address, "datatype", H5Tcopy(of));
        match dtype {
            DType::Bool => {
                let made = id(address, "datatype", H5Tenum_create(*H5T_STD_I8LE))?;
                for (name, value) in [(c"FALSE", 0i8), (c"TRUE", 1)] {
                    done(address, "datatype", H5Tenum_insert(made.raw(), name.as_ptr(), (&raw const value).cast()))?;
                }
                Ok(made)
            }
            DType::I8 => copy(*H5T_NATIVE_INT8),
            DType::I16 => copy(*H5T_NATIVE_INT16),
            DType::I32 => copy(*H5T_NATIVE_INT32),
            DType::I64 => copy(*H5T_NATIVE_INT64),
            DType::U8 => copy(*H5T_NATIVE_UINT8),
            DType::U16 => copy(*H5T_NATIVE_UINT16),
            DType::U32 => copy(*H5T_NATIVE_UINT32),
            DType::U64 => copy(*H5T_NATIVE_UINT64),
            DType::F32 => copy(*H5T_NATIVE_FLOAT),
            DType::F64 => copy(*H5T_NATIVE_DOUBLE),
            DType::F16 | DType::BF16 => {
                let bits = FLOATS.iter().find(|(d, _)| *d == dtype).map_or([0; 6], |(_, bits)| *bits);
                let [sign, exponent, exponent_bits, mantissa, mantissa_bits, bias] = bits;
                let made = copy(*H5T_NATIVE_FLOAT)?;
                let of = made.raw();
                done(address, "datatype", H5Tset_fields(of, sign, exponent, exponent_bits, mantissa, mantissa_bits))?;
                done(address, "datatype", H5Tset_size(of, 2))?;
                done(address, "datatype", H5Tset_ebias(of, bias))?;
                Ok(made)
            }
            DType::C64 | DType::C128 => {
                let part = if dtype == DType::C64 { *H5T_NATIVE_FLOAT } else { *H5T_NATIVE_DOUBLE };
                let made = id(address, "datatype", H5Tcreate(H5T_class_t::H5T_COMPOUND, dtype.size()))?;
                for (name, at) in [(c"r", 0), (c"i", dtype.size() / 2)] {
                    done(address, "datatype", H5Tinsert(made.raw(), name.as_ptr(), at, part))?;
                }
                Ok(made)
            }
        }
    })
}
