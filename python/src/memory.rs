//! Elements in memory, both ways without a copy: results that NumPy looks at, and blocks lent to a user's function.

use crate::error::exception;
use flagstone::runtime::Dense;
use flagstone::{DType, Element};
use flagstone_kernels::with_element;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use std::any::Any;

/// The module `numpy`'s function `name`.
pub(crate) fn numpy<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    NUMPY.get_or_try_init(py, || py.import("numpy").map(Bound::unbind))?.bind(py).getattr(name)
}

/// How NumPy writes a dtype: `<f4`. bfloat16 is none of NumPy's.
pub(crate) fn typestr(dtype: DType) -> PyResult<String> {
    let kind = match dtype {
        DType::Bool => 'b',
        DType::BF16 => {
            return Err(PyTypeError::new_err("NumPy has no bfloat16; use .astype('float32') before it becomes an array of NumPy"));
        }
        _ if dtype.is_complex() => 'c',
        _ if dtype.is_float() => 'f',
        _ if dtype.name().starts_with('u') => 'u',
        _ => 'i',
    };
    let order = if dtype.size() == 1 {
        '|'
    } else if cfg!(target_endian = "little") {
        '<'
    } else {
        '>'
    };
    Ok(format!("{order}{kind}{}", dtype.size()))
}

/// Elements that an array of NumPy looks at.
#[pyclass(frozen)]
pub(crate) struct Memory {
    /// Whatever holds the elements.
    _owner: Box<dyn Any + Send + Sync>,
    address: usize,
    typestr: String,
    shape: Vec<u64>,
    /// In bytes; `None`: C order.
    strides: Option<Vec<isize>>,
    read_only: bool,
}

#[pymethods]
impl Memory {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", &self.typestr)?;
        interface.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        interface.set_item("data", (self.address, self.read_only))?;
        if let Some(strides) = &self.strides {
            interface.set_item("strides", PyTuple::new(py, strides)?)?;
        }
        Ok(interface)
    }
}

/// An array of NumPy that looks at elements at `address`, as long as `owner` lives, which it keeps.
pub(crate) fn look_at<'py>(
    py: Python<'py>,
    (owner, address): (Box<dyn Any + Send + Sync>, usize),
    dtype: DType,
    shape: Vec<u64>,
    strides: Option<Vec<isize>>,
    read_only: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let memory = Memory { _owner: owner, address, typestr: typestr(dtype)?, shape, strides, read_only };
    numpy(py, "asarray")?.call1((Py::new(py, memory)?,))
}

/// A result as an array of NumPy, without a copy.
pub(crate) fn ndarray<'py>(py: Python<'py>, dense: Dense) -> PyResult<Bound<'py, PyAny>> {
    fn held<T: Element>(dense: Dense) -> flagstone::Result<(Box<dyn Any + Send + Sync>, usize)> {
        let mut elements: Vec<T> = dense.into_array::<T>()?.into_raw_vec_and_offset().0;
        let address = elements.as_mut_ptr() as usize;
        Ok((Box::new(elements), address))
    }
    let (dtype, shape) = (dense.dtype, dense.shape.clone());
    typestr(dtype)?;
    let elements = with_element!(dtype, T => held::<T>(dense)).map_err(|error| exception(py, &error))?;
    look_at(py, elements, dtype, shape, None, false)
}

/// Where the elements of an array of NumPy lie.
pub(crate) struct Place {
    pub(crate) address: usize,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<u64>,
    /// In bytes.
    pub(crate) strides: Vec<isize>,
}

/// The place of `array`'s elements, which stay there as long as `array` does.
pub(crate) fn place_of(array: &Bound<'_, PyAny>) -> PyResult<Place> {
    let dtype = dtype_of(&array.getattr("dtype")?)?;
    let interface = array.getattr("__array_interface__")?;
    let (address, _): (usize, bool) = interface.get_item("data")?.extract()?;
    let shape: Vec<u64> = interface.get_item("shape")?.extract()?;
    let strides: Vec<isize> = array.getattr("strides")?.extract()?;
    Ok(Place { address, dtype, shape, strides })
}

/// Our dtype of NumPy's `dtype`, or of whatever NumPy takes for one.
pub(crate) fn dtype_of(dtype: &Bound<'_, PyAny>) -> PyResult<DType> {
    let py = dtype.py();
    let class = numpy(py, "dtype")?;
    let made;
    // of tensorstore, whose own dtypes are none to NumPy
    let dtype = &dtype.getattr_opt("numpy_dtype")?.unwrap_or_else(|| dtype.clone());
    let dtype = if dtype.is_instance(&class)? {
        dtype
    } else {
        made = class.call1((dtype,))?;
        &made
    };
    let name: String = dtype.getattr("name")?.extract()?;
    DType::parse(&name).ok_or_else(|| {
        let known: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
        // what xarray makes of bools of which some are missing
        let hint = if name == "object" { "; bools of which some are missing: give a fill_value, or astype(float) first" } else { "" };
        PyTypeError::new_err(format!("dtype {name}: Flagstone has none such; expected one of {}{hint}", known.join(", ")))
    })
}

/// NumPy's dtype of ours; of bfloat16, which NumPy lacks, its name.
pub(crate) fn to_dtype(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    match typestr(dtype) {
        Ok(_) => numpy(py, "dtype")?.call1((dtype.name(),)),
        Err(_) => Ok(dtype.name().into_pyobject(py)?.into_any()),
    }
}

/// Elements in NumPy's memory in the machine's byte order: the array itself wherever it can be.
pub(crate) fn native<'py>(array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let dtype = array.getattr("dtype")?;
    if dtype.getattr("hasobject")?.extract()? {
        return Err(PyTypeError::new_err("an array of objects: expected numbers"));
    }
    match dtype.getattr("isnative")?.extract()? {
        true => Ok(array.clone()),
        false => array.call_method1("astype", (dtype.call_method1("newbyteorder", ("=",))?,)),
    }
}

/// Refuses what is no array of the expected shape.
pub(crate) fn expect_shape(what: &str, found: &[u64], expected: &[u64]) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{what} gave an array of shape {found:?}; expected {expected:?}")))
}
