//! Errors of the engine → exceptions of Python, with our text. An exception that a user's function raised comes back as it was.

use flagstone::error::{Error, ErrorKind};
use flagstone::eval::EvalError;
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyIndexError, PyKeyboardInterrupt, PyMemoryError, PyNotImplementedError, PyOSError,
    PyPermissionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Exceptions on their way through the engine, whose errors are text, by number.
static RAISED: Mutex<BTreeMap<u64, PyErr>> = Mutex::new(BTreeMap::new());

/// What stands before the number of an exception in the text of an error.
const MARK: &str = "exception of Python #";

/// Keeps `error` until the engine has come back, and gives the text that finds it again.
pub(crate) fn keep(error: PyErr) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
    // What no one came for belongs to computations that failed twice.
    while raised.len() >= 64 {
        raised.pop_first();
    }
    raised.insert(number, error);
    format!("{MARK}{number};")
}

/// The exception that `text` tells of.
fn kept(text: &str) -> Option<PyErr> {
    let number = text.split_once(MARK)?.1.split(';').next()?.parse().ok()?;
    RAISED.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
}

/// The exception of an error of the engine.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.kind().to_string();
    match error.kind() {
        ErrorKind::BadRequest { operation, what } => refused(py, operation, what, text),
        ErrorKind::Unsupported { .. } => PyNotImplementedError::new_err(text),
        ErrorKind::WouldNotFit { .. } => PyMemoryError::new_err(text),
        ErrorKind::Store { address, what, io } => match kept(what) {
            Some(raised) => noted(py, raised, format!("while {address} was read")),
            None => match io {
                Some(std::io::ErrorKind::NotFound) => PyFileNotFoundError::new_err(text),
                Some(std::io::ErrorKind::PermissionDenied) => PyPermissionError::new_err(text),
                Some(std::io::ErrorKind::AlreadyExists) => PyFileExistsError::new_err(text),
                _ => PyOSError::new_err(text),
            },
        },
        ErrorKind::Spill { .. } => PyOSError::new_err(text),
        ErrorKind::Numerical { .. } => of_numpy(py, "numpy.linalg", "LinAlgError", text),
        ErrorKind::Panicked { operation, block, message } => match kept(message) {
            Some(raised) => noted(py, raised, format!("in the function given to {operation}, block {block}")),
            None => PyRuntimeError::new_err(text),
        },
        ErrorKind::Cancelled => PyKeyboardInterrupt::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}

/// The exception of a call that cannot be read, or that the array layer refuses.
pub(crate) fn of_call(py: Python<'_>, error: &EvalError) -> PyErr {
    match error.array_error() {
        Some(error) => exception(py, error),
        None => PyTypeError::new_err(error.message().to_string()),
    }
}

/// NumPy's class of exception for a call that means nothing.
fn refused(py: Python<'_>, operation: &str, what: &str, text: String) -> PyErr {
    if what.starts_with("axis ") && what.contains("out of bounds") {
        return of_numpy(py, "numpy.exceptions", "AxisError", text);
    }
    if operation == "index" || what.starts_with("index ") && what.contains("out of bounds") {
        return PyIndexError::new_err(text);
    }
    if what.starts_with("integer ") && what.contains("out of bounds for") {
        return pyo3::exceptions::PyOverflowError::new_err(text);
    }
    if operation.starts_with("linalg.") && (what.contains("square") || what.contains("axes")) {
        return of_numpy(py, "numpy.linalg", "LinAlgError", text);
    }
    let types = ["bool", "int", "uint", "float", "complex", "bfloat"];
    let of_a_type = types.iter().any(|name| what.starts_with(name) || what.starts_with(&format!("not defined for {name}")));
    if of_a_type || what.contains("dtype") && what.contains("cannot") {
        return PyTypeError::new_err(text);
    }
    PyValueError::new_err(text)
}

/// An exception of one of NumPy's classes.
fn of_numpy(py: Python<'_>, module: &str, class: &str, text: String) -> PyErr {
    let made = py.import(module).and_then(|module| module.getattr(class)).and_then(|class| class.call1((text,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The exception with a note of where it was raised.
fn noted(py: Python<'_>, raised: PyErr, note: String) -> PyErr {
    match raised.value(py).call_method1("add_note", (note,)) {
        Ok(_) => raised,
        Err(error) => error,
    }
}
