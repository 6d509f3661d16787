//! Arrays of others as stores: NumPy's memory where it lies, and whatever has shape, dtype and `__getitem__`.

use crate::array::Array;
use crate::error::exception;
use crate::interpreter::{ENDED, attached, detached};
use crate::memory::{Place, dtype_of, expect_shape, native, numpy, place_of};
use crate::run::in_task;
use flagstone::array::open_many;
use flagstone::error::{Error, Result};
use flagstone::grid::Region;
use flagstone::store::{AsOne, Meta, Moved, Store};
use flagstone::{View, ViewMut};
use flagstone_kernels::copy::copy;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice, PyTuple};
use std::sync::Arc;

/// The elements of an array of NumPy, where they lie. They are its owner's: what is written there later is what is read later.
struct Lent {
    _owner: Py<PyAny>,
    place: Place,
    meta: Meta,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NumPy's memory, {} {:?}", self.meta.dtype, self.meta.shape)
    }
}

/// The part of what lies at `place` that `region` selects.
///
/// # Safety
/// The place must hold elements of its shape and strides for as long as the view lives, and the region lie inside.
unsafe fn part<'a>(place: &Place, region: &Region) -> View<'a> {
    let offset: isize = region.0.iter().zip(&place.strides).map(|(span, stride)| span.start as isize * stride).sum();
    let strides: Vec<isize> = region.0.iter().zip(&place.strides).map(|(span, stride)| span.step as isize * stride).collect();
    let shape: Vec<usize> = region.0.iter().map(|span| span.len as usize).collect();
    let ptr = (place.address as *const u8).wrapping_offset(offset);
    // SAFETY: the caller's promise.
    unsafe { View::from_raw(ptr, place.dtype, &shape, &strides) }
}

/// Copies `region` of what lies at `place` into `out`.
///
/// # Safety
/// The place must hold elements of its shape and strides.
unsafe fn read_from(place: &Place, region: &Region, out: &mut ViewMut<'_>) -> Result<Moved> {
    let inside =
        region.0.len() == place.shape.len() && region.0.iter().zip(&place.shape).all(|(span, &n)| span.len == 0 || span.stop() <= n);
    let fits = out.dtype() == place.dtype && out.shape().iter().map(|&n| n as u64).eq(region.shape());
    if !inside || !fits {
        return Err(Error::internal(format!("{region} of an array of shape {:?} into {:?}", place.shape, out.shape())));
    }
    let bytes = region.elements() * place.dtype.size() as u64;
    if bytes > 0 {
        // SAFETY: the region lies inside (checked above); the rest is the caller's promise.
        copy(&unsafe { part(place, region) }, out);
    }
    Ok(Moved::plain(bytes))
}

impl Store for Lent {
    fn address(&self) -> &str {
        "numpy"
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn scratch_bytes(&self, _region: &Region) -> u64 {
        0
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, _scratch: &mut [u8]) -> Result<Moved> {
        // SAFETY: the owner is kept, and NumPy does not move elements that somebody refers to.
        unsafe { read_from(&self.place, region, out) }
    }
    fn is_in_memory(&self) -> bool {
        true
    }
}

/// The lazy array of an array of NumPy, whose elements stay where they are.
pub(crate) fn of_numpy(array: &Bound<'_, PyAny>) -> PyResult<flagstone::Array> {
    let array = native(array)?;
    let place = place_of(&array)?;
    let meta = Meta::plain(place.shape.clone(), place.dtype);
    Ok(flagstone::array::from_store(Arc::new(Lent { _owner: array.unbind(), place, meta })))
}

/// Any object with shape, dtype and `__getitem__`, asked for regions by slices.
struct Asked {
    object: Py<PyAny>,
    name: String,
    meta: Meta,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Asked {
    /// What was given, with NaN for what is masked of it.
    fn unmasked<'py>(&self, given: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let ma = given.py().import("numpy.ma")?;
        if !given.is_instance(&ma.getattr("MaskedArray")?)? || !ma.call_method1("is_masked", (&given,))?.is_truthy()? {
            return Ok(given);
        }
        if self.meta.dtype.is_float() || self.meta.dtype.is_complex() {
            return given.call_method1("filled", (f64::NAN,));
        }
        let (name, dtype) = (&self.name, self.meta.dtype);
        let what = format!(
            "{name} gave masked elements, which {dtype} has no value for; take the data and the mask apart, as \
             fs.ma.array(fs.from_array(data), mask=fs.from_array(mask)), or give floats"
        );
        Err(PyValueError::new_err(what))
    }

    fn ask(&self, py: Python<'_>, region: &Region, out: &mut ViewMut<'_>) -> PyResult<Result<Moved>> {
        let slice = |span: &flagstone::grid::Span| {
            let stop = if span.len == 0 { span.start } else { span.stop() };
            PySlice::new(py, span.start as isize, stop as isize, span.step as isize)
        };
        let index = PyTuple::new(py, region.0.iter().map(slice))?;
        let given = self.unmasked(self.object.bind(py).get_item(index)?)?;
        let given = native(&numpy(py, "asarray")?.call1((given,))?)?;
        let place = place_of(&given)?;
        expect_shape(&self.name, &place.shape, &region.shape())?;
        if place.dtype != self.meta.dtype {
            let what = format!("{} gave {}; expected its dtype, {}", self.name, place.dtype, self.meta.dtype);
            return Err(PyTypeError::new_err(what));
        }
        // SAFETY: `given` holds the elements until the end of this call.
        Ok(unsafe { read_from(&place, &Region::whole(&place.shape), out) })
    }
}

impl Store for Asked {
    fn address(&self) -> &str {
        &self.name
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    /// What the object makes for the region is as large as the region, or as the chunks that it lies in.
    fn scratch_bytes(&self, region: &Region) -> u64 {
        let reach = |(axis, span): (usize, &flagstone::grid::Span)| {
            let chunk = self.meta.chunks.as_ref().map_or(1, |chunks| chunks[axis].max(1));
            (span.len * span.step).div_ceil(chunk).saturating_add(1).saturating_mul(chunk).min(self.meta.shape[axis].max(1))
        };
        let elements = region.0.iter().enumerate().map(reach).fold(1u64, u64::saturating_mul);
        elements.saturating_mul(self.meta.dtype.size() as u64)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, _scratch: &mut [u8]) -> Result<Moved> {
        let asked = in_task(|| attached(|py| self.ask(py, region, out))).ok_or_else(|| Error::store(&self.name, ENDED))?;
        asked.unwrap_or_else(|raised| Err(Error::store(&self.name, "an exception of Python").caused_by(raised)))
    }
}

/// The lazy array of an object, which is asked for elements when they are needed.
#[pyfunction]
#[pyo3(signature = (object, name, chunks=None))]
fn ask(object: Bound<'_, PyAny>, name: String, chunks: Option<Vec<u64>>) -> PyResult<Array> {
    let mut meta = Meta::plain(object.getattr("shape")?.extract()?, dtype_of(&object.getattr("dtype")?)?);
    meta.compressed = chunks.is_some();
    meta.chunks = chunks;
    Array::built(object.py(), flagstone::array::from_store(Arc::new(Asked { object: object.unbind(), name, meta })))
}

/// The lazy array of an array of NumPy, without a copy.
#[pyfunction]
fn lend(array: Bound<'_, PyAny>) -> PyResult<Array> {
    Array::built(array.py(), of_numpy(&array)?)
}

/// The array at an address, or at several as one, lazily: only headers are read.
///
/// A pattern ('a_*.nc:/tas') or a list stands for many arrays: one after the other along `axis` (a number or a name; the first one), in the
/// order of the coordinate `by` that lies beside each, or stacked along a new axis `stack`. Without `by` the files of a pattern are in the
/// order of the numbers in their names. `decode='cf'`: values in place of stored numbers, by the CF conventions.
#[pyfunction]
#[pyo3(signature = (address, *, axis=None, by=None, stack=None, decode=None))]
fn open(
    py: Python<'_>,
    address: Bound<'_, PyAny>,
    axis: Option<Bound<'_, PyAny>>,
    by: Option<String>,
    stack: Option<i64>,
    decode: Option<String>,
) -> PyResult<Array> {
    let addresses: Vec<std::path::PathBuf> = match address.extract::<std::path::PathBuf>() {
        Ok(one) => vec![one],
        Err(_) if address.is_instance_of::<PyList>() || address.is_instance_of::<PyTuple>() => address.extract()?,
        Err(error) => return Err(error),
    };
    let decodes = match decode.as_deref() {
        None => false,
        Some("cf") => true,
        Some(other) => return Err(PyValueError::new_err(format!("decode='{other}'; expected 'cf'"))),
    };
    let axis = axis.map(|axis| axis.str().and_then(|text| text.extract::<String>())).transpose()?;
    let as_one = AsOne::default().axis(axis).by(by).stack(stack);
    let opened = detached(py, || open_many(&addresses, &as_one, decodes)).map_err(|error| exception(py, &error))?;
    Array::built(py, opened)
}

pub(crate) fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(ask, module)?)?;
    module.add_function(wrap_pyfunction!(lend, module)?)?;
    module.add_function(wrap_pyfunction!(open, module)?)
}
