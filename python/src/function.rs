//! The table's rows → functions and methods of Python: one class for all of them, which binds arguments as the table says.

use crate::array::Array;
use crate::convert::{object, value};
use crate::error::of_call;
use crate::interpreter::detached;
use crate::memory::numpy;
use crate::run::is_in_task;
use flagstone::array::{Signature, Value, methods, signatures};
use flagstone::eval::call;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySlice, PyTuple};

// A function of the table, or a method. Its text is that of the table: a comment for documentation would stand in its place.
#[pyclass(frozen, module = "flagstone")]
pub(crate) struct Function {
    signature: &'static Signature,
    method: bool,
}

/// Whether there is an array of NumPy among the arguments, and none of ours.
fn only_of_numpy(py: Python<'_>, args: &[Bound<'_, PyAny>], found: &mut bool) -> PyResult<bool> {
    let (theirs, masked) = (numpy(py, "ndarray")?, py.import("flagstone._masked")?.getattr("MaskedArray")?);
    for arg in args {
        if arg.is_instance_of::<Array>() || arg.is_instance(&masked)? {
            return Ok(false);
        }
        *found |= arg.is_instance(&theirs)?;
        if (arg.is_instance_of::<PyTuple>() || arg.is_instance_of::<PyList>())
            && !only_of_numpy(py, &arg.try_iter()?.collect::<PyResult<Vec<_>>>()?, found)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Function {
    /// NumPy's function of the name for arguments that are NumPy's: inside of a function of the user's, blocks are, and what is made of
    /// them cannot wait. Who writes for any namespace, as xarray does, has ours there.
    fn of_numpy<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let named = kwargs.into_iter().flat_map(|kwargs| kwargs.values());
        let mut found = false;
        if !only_of_numpy(py, &args.iter().chain(named).collect::<Vec<_>>(), &mut found)? || !found {
            return Ok(None);
        }
        let mut theirs = py.import("numpy")?.into_any();
        for part in self.signature.name.split('.') {
            match theirs.getattr_opt(part)? {
                Some(next) => theirs = next,
                None => return Ok(None),
            }
        }
        Ok(Some(theirs))
    }

    /// The parameters as Python writes them, the array itself left out of a method's.
    fn text(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        // behind `*args` parameters go by name anyway
        let mut starred = false;
        for (at, param) in self.signature.params.iter().enumerate() {
            if at == 0 && self.method {
                parts.push("self".into());
                continue;
            }
            if param.keyword_only && !starred {
                parts.push("*".into());
            }
            starred |= param.keyword_only || param.name.starts_with('*');
            parts.push(param.default.map_or_else(|| param.name.to_string(), |default| format!("{}={default}", param.name)));
        }
        format!("({})", parts.join(", "))
    }
}

#[pymethods]
impl Function {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if is_in_task()
            && let Some(theirs) = self.of_numpy(py, args, kwargs)?
        {
            return theirs.call(args, kwargs);
        }
        let positional = args.iter().map(|arg| value(&arg)).collect::<PyResult<Vec<_>>>()?;
        let given = |(name, arg): (Bound<'py, PyAny>, Bound<'py, PyAny>)| Ok((name.extract::<String>()?, value(&arg)?));
        let mut named = kwargs.into_iter().flat_map(|kwargs| kwargs.iter()).map(given).collect::<PyResult<Vec<_>>>()?;
        // whoever calls NumPy's functions by all their parameters says that there is nothing to write to
        let writes = self.signature.params.iter().any(|param| param.name == "out");
        named.retain(|(name, arg)| writes || name != "out" || !matches!(arg, Value::None));
        // Whatever needs a length that is not known yet counts it with the runtime in use, and may ask Python for elements.
        let runtime = crate::runtime::current(py)?;
        let value = detached(py, || runtime.in_scope(|| call(self.signature, positional, named))).map_err(|error| of_call(py, &error))?;
        let names = self.signature.results;
        let count = if let Value::Tuple(items) = &value { items.len() } else { 0 };
        let found = object(py, value)?;
        if names.is_empty() || count != names.len() {
            return Ok(found);
        }
        py.import("flagstone._results")?.call_method1("named", (self.signature.name, names, found))
    }

    /// `mgrid[0:3, 0:1:5j]`: a call whose arguments are slices.
    fn __getitem__<'py>(slf: &Bound<'py, Self>, at: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if slf.get().signature.params.first().is_none_or(|param| param.name != "*ranges") {
            let what = format!("the function {} is called by round brackets", slf.get().signature.name);
            return Err(pyo3::exceptions::PyTypeError::new_err(what));
        }
        let items = if let Ok(items) = at.cast::<PyTuple>() { items.clone() } else { PyTuple::new(py, [at])? };
        let range = |item: Bound<'py, PyAny>| match item.is_instance_of::<PySlice>() {
            true => Ok(PyTuple::new(py, [item.getattr("start")?, item.getattr("stop")?, item.getattr("step")?])?.into_any()),
            false => Ok(item),
        };
        let ranges = items.iter().map(range).collect::<PyResult<Vec<_>>>()?;
        slf.call1(PyTuple::new(py, ranges)?)
    }

    /// What NumPy has under a function's name: `maximum.accumulate`.
    fn __getattr__(&self, name: &str) -> PyResult<Function> {
        let full = format!("{}.{name}", self.signature.name);
        let missing = || pyo3::exceptions::PyAttributeError::new_err(format!("the function {} has no {name:?}", self.signature.name));
        function(&full, false).map_err(|_| missing())
    }

    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: Option<Bound<'py, PyAny>>,
        _class: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match instance.filter(|instance| slf.get().method && !instance.is_none()) {
            None => Ok(slf.clone().into_any()),
            Some(instance) => py.import("types")?.getattr("MethodType")?.call1((slf, instance)),
        }
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.signature.name.rsplit('.').next().unwrap_or(self.signature.name)
    }

    #[getter]
    fn __qualname__(&self) -> String {
        if self.method { format!("Array.{}", self.__name__()) } else { self.__name__().to_string() }
    }

    #[getter]
    fn __module__(&self) -> String {
        match self.signature.name.rsplit_once('.') {
            Some((module, _)) if !self.method => format!("flagstone.{module}"),
            _ => "flagstone".to_string(),
        }
    }

    /// NumPy's name, dotted for submodules.
    #[getter]
    fn name(&self) -> &'static str {
        self.signature.name
    }

    /// What it does, in a line.
    #[getter]
    fn summary(&self) -> &'static str {
        self.signature.doc
    }

    #[getter]
    fn __doc__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let (name, doc) = (this.__name__(), this.signature.doc);
        let receiver = if this.method { "x." } else { "" };
        let example: String = slf.py().import("flagstone._examples")?.getattr("example")?.call1((slf,))?.extract()?;
        Ok(format!(
            "{receiver}{name}{}\n\n{doc}\n\nLazy: nothing is computed until the value is asked for. Arguments mean what they mean to NumPy.\n\n{example}",
            this.text().replace("self, ", "").replace("self", "")
        ))
    }

    /// Whether it is called as a method.
    #[getter]
    fn is_method(&self) -> bool {
        self.method
    }

    #[getter]
    fn __text_signature__(&self) -> String {
        self.text()
    }

    /// Name, default as text (or None), and whether it is given by name only, of every parameter.
    #[getter]
    fn parameters(&self) -> Vec<(&'static str, Option<&'static str>, bool)> {
        self.signature.params.iter().map(|param| (param.name, param.default, param.keyword_only)).collect()
    }

    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("flagstone._signatures")?.getattr("signature")?.call1((self.parameters(), self.method))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (&'static str, bool))> {
        Ok((py.import("flagstone._flagstone")?.getattr("function")?, (self.signature.name, self.method)))
    }

    fn __repr__(&self) -> String {
        format!("<function {} of Flagstone>", self.signature.name)
    }
}

/// The function, or the method, of that name.
#[pyfunction]
#[pyo3(signature = (name, method=false))]
fn function(name: &str, method: bool) -> PyResult<Function> {
    let found = if method { methods().find(|row| row.name == name) } else { signatures().find(|row| row.name == name) };
    let missing = || pyo3::exceptions::PyNameError::new_err(format!("Flagstone has no function {name:?}"));
    found.map(|signature| Function { signature, method }).ok_or_else(missing)
}

/// Gives the module every function of the table, and `Array` every method.
pub(crate) fn add_all(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let functions = PyDict::new(py);
    for signature in signatures() {
        functions.set_item(signature.name, Function { signature, method: false }.into_py_any(py)?)?;
    }
    module.add("functions", functions)?;
    let class = py.get_type::<Array>();
    for signature in methods() {
        class.setattr(signature.name, Function { signature, method: true }.into_py_any(py)?)?;
    }
    module.add_function(wrap_pyfunction!(function, module)?)
}
