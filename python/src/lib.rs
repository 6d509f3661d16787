//! Flagstone for Python: the array layer's table as functions and methods, arrays as a class, computing with the interpreter's lock
//! released. What Python itself can say is in the package `flagstone` around it.

mod array;
mod callback;
mod convert;
mod error;
mod function;
mod interpreter;
mod memory;
mod run;
mod runtime;
mod source;

use pyo3::prelude::*;

/// The native half of the package.
#[pymodule]
fn _flagstone(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<array::Array>()?;
    module.add_class::<function::Function>()?;
    module.add_class::<runtime::Runtime>()?;
    function::add_all(module)?;
    runtime::add_functions(module)?;
    source::add_functions(module)?;
    callback::add_functions(module)?;
    module.add_function(wrap_pyfunction!(array::same, module)?)?;
    module.add_function(wrap_pyfunction!(array::planned, module)?)?;
    module.add_function(wrap_pyfunction!(array::compute_all, module)?)?;
    module.add_function(wrap_pyfunction!(array::persist_all, module)?)?;
    module.add_function(wrap_pyfunction!(array::store_all, module)?)?;
    interpreter::watch(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
