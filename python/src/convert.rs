//! Objects of Python ⇄ the values of the array layer's table.

use crate::array::Array;
use crate::memory::{dtype_of, numpy, to_dtype};
use crate::source::of_numpy;
use flagstone::Scalar;
use flagstone::array::{Masked, Value};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyEllipsis, PyFloat, PyInt, PyList, PyRange, PySlice, PyString, PyTuple, PyType};

/// A number of Python.
fn number(object: &Bound<'_, PyAny>) -> PyResult<Option<Scalar>> {
    if object.is_instance_of::<PyBool>() {
        return Ok(Some(Scalar::Bool(object.extract()?)));
    }
    if object.is_instance_of::<PyInt>() {
        let wide = || PyOverflowError::new_err("an integer of more than 64 bits: no dtype holds it");
        return match object.extract::<i64>() {
            Ok(i) => Ok(Some(Scalar::Int(i))),
            Err(_) => object.extract::<u64>().map(|u| Some(Scalar::UInt(u))).map_err(|_| wide()),
        };
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Some(Scalar::Float(object.extract()?)));
    }
    match object.cast::<PyComplex>() {
        Ok(z) => Ok(Some(Scalar::Complex(z.getattr("real")?.extract()?, z.getattr("imag")?.extract()?))),
        Err(_) => Ok(None),
    }
}

/// A scalar of NumPy, or an array of it without axes: a number with a dtype.
fn typed(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let dtype = dtype_of(&object.getattr("dtype")?)?;
    let item = object.call_method0("item")?;
    match number(&item)? {
        Some(scalar) => Ok(Value::Typed(scalar, dtype)),
        None => Err(PyTypeError::new_err(format!("{}: expected a number", item.repr()?))),
    }
}

/// An end of a slice: whole numbers past 64 bits are past every end.
fn end(object: Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if object.is_none() {
        return Ok(None);
    }
    let index = object.call_method0("__index__").map_err(|_| PyTypeError::new_err("slice indices must be integers or None"))?;
    match index.extract::<i64>() {
        Ok(i) => Ok(Some(i)),
        Err(_) => Ok(Some(if index.lt(0)? { i64::MIN } else { i64::MAX })),
    }
}

fn all<'py>(items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>) -> PyResult<Vec<Value>> {
    items.map(|item| value(&item?)).collect()
}

/// A value of the array layer. Arrays of NumPy are lent, not copied.
pub(crate) fn value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    match operand(object)? {
        Some(value) => Ok(value),
        None => other(object),
    }
}

/// A value that an operator may have beside an array; `None` for what may know better itself.
pub(crate) fn operand(object: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let py = object.py();
    if let Ok(array) = object.cast::<Array>() {
        return Ok(Some(Value::Array(array.get().array())));
    }
    if object.is_none() {
        return Ok(Some(Value::None));
    }
    let class = object.get_type();
    let exact = class.is(py.get_type::<PyFloat>()) || class.is(py.get_type::<PyComplex>());
    // float64 and complex128 of NumPy are floats of Python, too
    if !exact && object.is_instance(&numpy(py, "generic")?)? {
        return typed(object).map(Some);
    }
    if let Some(scalar) = number(object)? {
        return Ok(Some(Value::Scalar(scalar)));
    }
    if object.is_instance(&numpy(py, "ndarray")?)? {
        let ma = py.import("numpy.ma")?;
        if object.is_instance(&ma.getattr("MaskedArray")?)? {
            return masked(object, &ma.getattr("getmaskarray")?.call1((object,))?).map(Some);
        }
        return match object.getattr("ndim")?.extract::<usize>()? {
            0 => typed(object),
            _ => of_numpy(object).map(Value::Array),
        }
        .map(Some);
    }
    if object.is_instance(&py.import("flagstone._masked")?.getattr("MaskedArray")?)? {
        return masked(object, &object.getattr("mask")?).map(Some);
    }
    if let Ok(items) = object.cast::<PyTuple>() {
        return all(items.iter().map(Ok)).map(|items| Some(Value::Tuple(items)));
    }
    if let Ok(items) = object.cast::<PyList>() {
        return all(items.iter().map(Ok)).map(|items| Some(Value::List(items)));
    }
    Ok(None)
}

/// A masked array, ours or NumPy's, under a mask.
fn masked(object: &Bound<'_, PyAny>, mask: &Bound<'_, PyAny>) -> PyResult<Value> {
    let plain = |part: &Bound<'_, PyAny>| match value(part)? {
        Value::Array(array) => Ok(array),
        Value::Typed(scalar, dtype) => Ok(flagstone::full((), scalar, dtype)),
        _ => Err(PyTypeError::new_err("a masked array of what is no array")),
    };
    let found = Masked::new(&plain(&object.getattr("data")?)?, &plain(mask)?);
    // what NumPy made up for a dtype is what we have for it
    let fill = object.getattr("_fill_value")?;
    let fill = if fill.hasattr("item")? { fill.call_method0("item")? } else { fill };
    Ok(Value::Masked(match number(&fill)? {
        Some(fill) => found.with_fill_value(fill),
        None => found,
    }))
}

/// What is neither a number nor an array nor a sequence of such.
fn other(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = object.py();
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::Str(text.to_str()?.to_string()));
    }
    if object.is_instance_of::<PyEllipsis>() {
        return Ok(Value::Ellipsis);
    }
    if let Ok(slice) = object.cast::<PySlice>() {
        let (start, stop, step) = (slice.getattr("start")?, slice.getattr("stop")?, slice.getattr("step")?);
        return Ok(Value::Slice(end(start)?, end(stop)?, end(step)?));
    }
    if object.is_instance_of::<PyType>() || object.is_instance(&numpy(py, "dtype")?)? {
        return dtype_of(object).map(Value::DType);
    }
    if object.is_instance_of::<PyRange>() {
        return all(object.try_iter()?).map(Value::List);
    }
    if object.hasattr("shape")? && object.hasattr("dtype")? {
        let array = py.import("flagstone._sources")?.getattr("from_array")?.call1((object,))?;
        return value(&array);
    }
    if object.hasattr("__array__")? {
        return of_numpy(&numpy(py, "asarray")?.call1((object,))?).map(Value::Array);
    }
    if object.hasattr("__index__")? {
        return value(&object.call_method0("__index__")?);
    }
    if object.hasattr("__iter__")? && !object.is_callable() {
        return all(object.try_iter()?).map(Value::List);
    }
    let class = object.get_type().name()?;
    Err(PyTypeError::new_err(format!("a {class}; expected an array, a number, a string, a dtype, or a tuple or list of such")))
}

/// An object of Python.
pub(crate) fn object<'py>(py: Python<'py>, value: Value) -> PyResult<Bound<'py, PyAny>> {
    let all = |items: Vec<Value>| items.into_iter().map(|item| object(py, item)).collect::<PyResult<Vec<_>>>();
    Ok(match value {
        Value::Array(array) => Array::built(py, array)?.into_pyobject(py)?.into_any(),
        Value::Masked(masked) => {
            let part = |array: &flagstone::Array| Ok::<_, PyErr>(Array::built(py, array.clone())?.into_pyobject(py)?.into_any());
            let fill = masked.own_fill_value().map_or(Value::None, Value::Scalar);
            let class = py.import("flagstone._masked")?.getattr("MaskedArray")?;
            class.call1((part(masked.data())?, part(masked.mask())?, object(py, fill)?))?
        }
        Value::Scalar(Scalar::Bool(b)) => PyBool::new(py, b).to_owned().into_any(),
        Value::Scalar(Scalar::Int(i)) => i.into_pyobject(py)?.into_any(),
        Value::Scalar(Scalar::UInt(u)) => u.into_pyobject(py)?.into_any(),
        Value::Scalar(Scalar::Float(x)) => x.into_pyobject(py)?.into_any(),
        Value::Scalar(Scalar::Complex(re, im)) => PyComplex::from_doubles(py, re, im).into_any(),
        Value::Typed(scalar, dtype) => to_dtype(py, dtype)?.getattr("type")?.call1((object(py, Value::Scalar(scalar))?,))?,
        Value::None => py.None().into_bound(py),
        Value::Str(text) => text.into_pyobject(py)?.into_any(),
        Value::DType(dtype) => to_dtype(py, dtype)?,
        Value::Tuple(items) => PyTuple::new(py, all(items)?)?.into_any(),
        Value::List(items) => PyList::new(py, all(items)?)?.into_any(),
        Value::Slice(start, stop, step) => py.get_type::<PySlice>().call1((start, stop, step))?,
        Value::Ellipsis => PyEllipsis::get(py).to_owned().into_any(),
        _ => return Err(PyTypeError::new_err("a value that has no type in Python")),
    })
}
