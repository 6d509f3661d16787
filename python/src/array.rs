//! The class of lazy arrays.

use crate::convert::{object, operand, value};
use crate::error::exception;
use crate::memory::{ndarray, to_dtype};
use crate::run::{build, run};
use flagstone::array::{
    Chunks, StoreOptions, Value, attribute, binary, corners, format, format_corners, index, orthogonal, plan_of, set_index, unary,
};
use flagstone::store::Codec;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyDict, PyTuple};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// A lazy array, larger than memory if need be: NumPy's operators, indexing and methods, computed when its value is asked for, by
/// `compute()`, `numpy.asarray`, `float()` or `print`.
#[pyclass(frozen, weakref, module = "flagstone")]
pub(crate) struct Array(RwLock<flagstone::Array>);

/// Our answer, or that Python may ask the other operand.
type Answer<'py> = PyResult<Bound<'py, PyAny>>;

impl Array {
    /// The array, unless it could not be built: then the exception.
    pub(crate) fn built(py: Python<'_>, array: flagstone::Array) -> PyResult<Array> {
        array.check().map_err(|error| exception(py, &error))?;
        Ok(Array(RwLock::new(array)))
    }

    /// The array that it is now.
    pub(crate) fn array(&self) -> flagstone::Array {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `self op other`, or `other op self`.
    fn binary<'py>(&self, op: &str, other: &Bound<'py, PyAny>, swapped: bool) -> Answer<'py> {
        let py = other.py();
        let other = match operand(other)? {
            Some(Value::None) | None => return Ok(py.NotImplemented().into_bound(py)),
            Some(other) => other,
        };
        let own = Value::Array(self.array());
        let (a, b) = if swapped { (other, own) } else { (own, other) };
        object(py, build(py, || binary(op, a, b))?)
    }

    fn unary<'py>(&self, py: Python<'py>, op: &str) -> Answer<'py> {
        let own = Value::Array(self.array());
        object(py, build(py, || unary(op, own))?)
    }

    /// An attribute; of a length that is not known yet, it is counted first.
    fn attribute<'py>(&self, py: Python<'py>, name: &str) -> Answer<'py> {
        let array = self.known(py)?;
        let found = attribute(&array, name).ok_or_else(|| PyValueError::new_err(format!("no attribute {name}")))?;
        object(py, found)
    }

    /// The array with all lengths known: what a mask selects is counted once, and the node keeps the count.
    fn known(&self, py: Python<'_>) -> PyResult<flagstone::Array> {
        let array = self.array();
        let expr = array.expr().map_err(|error| exception(py, &error))?;
        if !expr.is_counted() {
            return Ok(array);
        }
        run(py, |runtime| runtime.settle(&array))
    }

    /// What stands between the brackets.
    fn index_parts(at: &Bound<'_, PyAny>) -> PyResult<Vec<Value>> {
        match at.cast::<PyTuple>() {
            Ok(parts) => parts.iter().map(|part| value(&part)).collect(),
            Err(_) => Ok(vec![value(at)?]),
        }
    }

    /// The only element, as a number of Python.
    fn only<'py>(&self, py: Python<'py>, what: &str) -> Answer<'py> {
        let array = self.known(py)?;
        let size = array.size().map_err(|error| exception(py, &error))?;
        match size {
            1 => computed(py, &[array])?.remove(0).call_method0("item"),
            0 if what == "bool" => Err(PyValueError::new_err(
                "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that an array is not empty.",
            )),
            _ if what == "bool" => {
                Err(PyValueError::new_err("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"))
            }
            _ => Err(PyTypeError::new_err(format!(
                "{what}() of an array of {size} elements; only one element can be converted to a number of Python"
            ))),
        }
    }
}

/// What `x.oix` is: it has only its items.
#[pyclass(frozen, module = "flagstone")]
struct Orthogonal(flagstone::Array);

#[pymethods]
impl Orthogonal {
    fn __getitem__<'py>(&self, at: &Bound<'py, PyAny>) -> Answer<'py> {
        let py = at.py();
        let (own, parts) = (Value::Array(self.0.clone()), Array::index_parts(at)?);
        let found = build(py, || orthogonal(&own, &parts))?;
        object(py, found)
    }
}

/// Whether two arrays are made by the same operations on the same stores, so that they have the same elements. Others may have them, too.
#[pyfunction]
pub(crate) fn same(a: &Bound<'_, Array>, b: &Bound<'_, Array>) -> bool {
    a.get().array().is_same(&b.get().array())
}

/// The elements of several arrays, computed in one pass.
pub(crate) fn computed<'py>(py: Python<'py>, arrays: &[flagstone::Array]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let results = run(py, |runtime| {
        let exprs = arrays.iter().map(flagstone::Array::expr).collect::<flagstone::Result<Vec<_>>>()?;
        runtime.compute_exprs(&exprs)
    })?;
    results.into_iter().map(|dense| ndarray(py, dense)).collect()
}

/// An array of NumPy, or its scalar where there are no axes.
fn scalar_of(array: Bound<'_, PyAny>) -> Answer<'_> {
    match array.getattr("ndim")?.extract::<usize>()? {
        0 => array.get_item(PyTuple::empty(array.py())),
        _ => Ok(array),
    }
}

#[pymethods]
impl Array {
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Answer<'py> {
        to_dtype(py, self.array().dtype().map_err(|error| exception(py, &error))?)
    }
    #[getter]
    fn ndim(&self, py: Python<'_>) -> PyResult<usize> {
        self.array().ndim().map_err(|error| exception(py, &error))
    }
    /// Lengths of the axes. Of `x[mask]` this counts, once.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "shape")
    }
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "size")
    }
    #[getter]
    fn nbytes<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "nbytes")
    }
    #[getter]
    fn itemsize<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "itemsize")
    }
    /// Lengths of the chunks along every axis.
    #[getter]
    fn chunks<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "chunks")
    }
    #[getter(T)]
    fn transposed<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "T")
    }
    #[getter(mT)]
    fn matrix_transposed<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "mT")
    }
    #[getter]
    fn real<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "real")
    }
    #[getter]
    fn imag<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.attribute(py, "imag")
    }

    fn __add__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("+", other, false)
    }
    fn __radd__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("+", other, true)
    }
    fn __sub__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("-", other, false)
    }
    fn __rsub__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("-", other, true)
    }
    fn __mul__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("*", other, false)
    }
    fn __rmul__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("*", other, true)
    }
    fn __truediv__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("/", other, false)
    }
    fn __rtruediv__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("/", other, true)
    }
    fn __floordiv__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("//", other, false)
    }
    fn __rfloordiv__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("//", other, true)
    }
    fn __mod__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("%", other, false)
    }
    fn __rmod__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("%", other, true)
    }
    fn __pow__<'py>(&self, other: &Bound<'py, PyAny>, modulo: Option<Bound<'py, PyAny>>) -> Answer<'py> {
        match modulo {
            None => self.binary("**", other, false),
            Some(_) => Err(PyTypeError::new_err("pow() of arrays takes no modulus")),
        }
    }
    fn __rpow__<'py>(&self, other: &Bound<'py, PyAny>, _modulo: Option<Bound<'py, PyAny>>) -> Answer<'py> {
        self.binary("**", other, true)
    }
    fn __matmul__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("@", other, false)
    }
    fn __rmatmul__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("@", other, true)
    }
    fn __and__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("&", other, false)
    }
    fn __rand__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("&", other, true)
    }
    fn __or__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("|", other, false)
    }
    fn __ror__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("|", other, true)
    }
    fn __xor__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("^", other, false)
    }
    fn __rxor__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("^", other, true)
    }
    fn __lshift__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("<<", other, false)
    }
    fn __rlshift__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary("<<", other, true)
    }
    fn __rshift__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary(">>", other, false)
    }
    fn __rrshift__<'py>(&self, other: &Bound<'py, PyAny>) -> Answer<'py> {
        self.binary(">>", other, true)
    }
    fn __divmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        slf.py().import("flagstone")?.getattr("divmod")?.call1((slf, other))
    }
    fn __rdivmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        slf.py().import("flagstone")?.getattr("divmod")?.call1((other, slf))
    }
    fn __neg__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.unary(py, "-")
    }
    fn __pos__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.unary(py, "+")
    }
    fn __invert__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        self.unary(py, "~")
    }
    fn __abs__<'py>(slf: &Bound<'py, Self>) -> Answer<'py> {
        slf.py().import("flagstone")?.getattr("absolute")?.call1((slf,))
    }
    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, op: CompareOp) -> Answer<'py> {
        let op = match op {
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        };
        self.binary(op, other, false)
    }

    fn __getitem__<'py>(&self, at: &Bound<'py, PyAny>) -> Answer<'py> {
        let py = at.py();
        let (own, parts) = (Value::Array(self.array()), Array::index_parts(at)?);
        let found = build(py, || index(&own, &parts))?;
        object(py, found)
    }

    /// Indices that select each along an axis of its own: of lists the outer product.
    #[getter]
    fn oix(&self) -> Orthogonal {
        Orthogonal(self.array())
    }

    /// The name refers to another array afterwards; what was made from this one before does not change.
    fn __setitem__(&self, at: &Bound<'_, PyAny>, elements: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = at.py();
        let elements = value(elements)?;
        let (own, parts) = (Value::Array(self.array()), Array::index_parts(at)?);
        let set = build(py, || set_index(&own, &parts, &elements))?;
        let Value::Array(set) = set else { return Err(PyTypeError::new_err("no array came of setting elements")) };
        set.check().map_err(|error| exception(py, &error))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let shape = self.known(py)?.shape().map_err(|error| exception(py, &error))?;
        let len = shape.first().copied().ok_or_else(|| PyTypeError::new_err("len() of unsized object: the array has no axes"))?;
        Ok(len as usize)
    }
    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        self.only(py, "bool")?.is_truthy()
    }
    fn __float__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        py.get_type::<pyo3::types::PyFloat>().call1((self.only(py, "float")?,))
    }
    fn __int__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        py.get_type::<pyo3::types::PyInt>().call1((self.only(py, "int")?,))
    }
    fn __complex__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        py.get_type::<pyo3::types::PyComplex>().call1((self.only(py, "complex")?,))
    }
    fn __index__<'py>(&self, py: Python<'py>) -> Answer<'py> {
        match self.array().dtype() {
            Ok(dtype) if dtype.is_integer() => self.only(py, "index"),
            Ok(dtype) => Err(PyTypeError::new_err(format!("an array of {dtype} as an index; only arrays of one integer can be converted"))),
            Err(error) => Err(exception(py, &error)),
        }
    }
    /// The only element, as a number of Python; or one of several, by its place.
    #[pyo3(signature = (*args))]
    fn item<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> Answer<'py> {
        let py = slf.py();
        match args.len() {
            0 => slf.get().only(py, "item"),
            1 if !args.get_item(0)?.is_instance_of::<PyTuple>() => {
                slf.call_method0("ravel")?.get_item(args.get_item(0)?)?.call_method0("item")
            }
            1 => slf.get_item(args.get_item(0)?)?.call_method0("item"),
            _ => slf.get_item(args)?.call_method0("item"),
        }
    }

    /// The elements: an array of NumPy, or one of its scalars where there are no axes.
    fn compute<'py>(&self, py: Python<'py>) -> Answer<'py> {
        scalar_of(computed(py, &[self.array()])?.remove(0))
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(&self, py: Python<'py>, dtype: Option<Bound<'py, PyAny>>, copy: Option<bool>) -> Answer<'py> {
        if copy == Some(false) {
            return Err(PyValueError::new_err(
                "a lazy array has no elements in memory that could be looked at without a copy: it must be computed",
            ));
        }
        let array = computed(py, &[self.array()])?.remove(0);
        match dtype {
            None => Ok(array),
            Some(dtype) => {
                let named = PyDict::new(py);
                named.set_item("copy", false)?;
                array.call_method("astype", (dtype,), Some(&named))
            }
        }
    }

    /// Computes now; the blocks stay in the runtime's memory or its spill file.
    fn persist(&self, py: Python<'_>) -> PyResult<Array> {
        let array = self.array();
        let kept = run(py, |runtime| runtime.persist(&array))?;
        Array::built(py, kept)
    }

    /// What computing would do, as text.
    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        let array = self.array();
        run(py, |runtime| runtime.explain(&array).map(|explanation| explanation.to_string()))
    }

    /// What it is computed from, as text that another process computes ([`planned`]): of what reads files, and is no part of this process alone.
    #[pyo3(name = "_plan")]
    fn plan(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let array = self.array();
        let reads = array.reads_stores().map_err(|error| exception(py, &error))?;
        Ok(if reads { plan_of(&Value::Array(array)).ok().map(|plan| plan.to_string()) } else { None })
    }

    /// Whether a length is not known before something is computed, as of `x[mask]`.
    #[getter]
    fn is_counted(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.array().expr().map_err(|error| exception(py, &error))?.is_counted())
    }

    /// The same array by another handle.
    fn _alias(&self) -> Array {
        Array(RwLock::new(self.array()))
    }

    /// One line; computes nothing.
    fn __repr__(&self) -> String {
        format!("flagstone.{:?}", self.array())
    }

    /// The elements as NumPy prints them, of large arrays only the corners, which alone are computed.
    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let array = self.known(py)?;
        let text = run(py, |runtime| {
            let shape = array.shape()?;
            Ok(match corners(&array)? {
                Some(corner) => format_corners(&runtime.compute_any(&corner)?, &shape),
                None => format(&runtime.compute_any(&array)?),
            })
        })?;
        Ok(match self.ndim(py)? {
            0 => text,
            _ => format!("{text}\n{}", self.__repr__()),
        })
    }
}

/// The array that a plan computes.
#[pyfunction]
pub(crate) fn planned(py: Python<'_>, plan: &str) -> PyResult<Array> {
    let none = || pyo3::exceptions::PyValueError::new_err("what was pickled is no plan of an array");
    let plan: serde_json::Value = serde_json::from_str(plan).map_err(|_| none())?;
    match flagstone::array::planned(&plan).map_err(|error| exception(py, &error))? {
        Value::Array(array) => Array::built(py, array),
        _ => Err(none()),
    }
}

/// The elements of several arrays, computed in one pass.
#[pyfunction]
pub(crate) fn compute_all<'py>(py: Python<'py>, arrays: Vec<Bound<'py, Array>>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let arrays: Vec<flagstone::Array> = arrays.iter().map(|array| array.get().array()).collect();
    computed(py, &arrays)?.into_iter().map(scalar_of).collect()
}

/// Keeps the blocks of several arrays, computed in one pass.
#[pyfunction]
pub(crate) fn persist_all(py: Python<'_>, arrays: Vec<Bound<'_, Array>>) -> PyResult<Vec<Array>> {
    let arrays: Vec<flagstone::Array> = arrays.iter().map(|array| array.get().array()).collect();
    let kept = run(py, |runtime| {
        let exprs = arrays.iter().map(flagstone::Array::expr).collect::<flagstone::Result<Vec<_>>>()?;
        runtime.persist_exprs(&exprs)
    })?;
    kept.into_iter().map(|expr| Array::built(py, flagstone::Array::from_expr(expr))).collect()
}

/// Computes arrays into files, in one pass.
#[pyfunction]
#[pyo3(signature = (arrays, *, chunks=None, shards=None, codec=None, overwrite=false, attributes=None, dimension_names=None, zarr_version=3))]
pub(crate) fn store_all(
    py: Python<'_>,
    arrays: Vec<(Bound<'_, Array>, PathBuf)>,
    chunks: Option<Vec<i64>>,
    shards: Option<Vec<u64>>,
    codec: Option<String>,
    overwrite: bool,
    attributes: Option<String>,
    dimension_names: Option<Vec<Option<String>>>,
    zarr_version: u8,
) -> PyResult<()> {
    let mut options = StoreOptions::new().overwrite(overwrite).zarr_version(zarr_version);
    options.chunks = chunks.map(|chunks| Chunks::from(&chunks[..]));
    options.shards = shards;
    options.dimension_names = dimension_names;
    options.codec = codec.map(|text| text.parse::<Codec>()).transpose().map_err(|error| exception(py, &error))?;
    if let Some(text) = attributes {
        let parsed = serde_json::from_str(&text);
        options =
            options.attributes(parsed.map_err(|error| PyValueError::new_err(format!("attributes: {error}; expected what JSON can say")))?);
    }
    let arrays: Vec<(flagstone::Array, PathBuf)> = arrays.into_iter().map(|(array, path)| (array.get().array(), path)).collect();
    run(py, move |runtime| runtime.store_many(&arrays, &options))
}
