//! Errors of the engine → exceptions of Python, with our text. An exception that a user's function raised comes back as it was.

use flagstone::error::{Error, ErrorKind, Refusal};
use flagstone::eval::EvalError;
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyIndexError, PyKeyboardInterrupt, PyMemoryError, PyNotImplementedError, PyOSError,
    PyOverflowError, PyPermissionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;

/// The exception that caused `error`.
fn raised(py: Python<'_>, error: &Error) -> Option<PyErr> {
    std::error::Error::source(error)?.downcast_ref::<PyErr>().map(|raised| raised.clone_ref(py))
}

/// The exception of an error of the engine.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.kind().to_string();
    match error.kind() {
        ErrorKind::BadRequest { refusal, .. } => refused(py, *refusal, text),
        ErrorKind::Unsupported { .. } => PyNotImplementedError::new_err(text),
        ErrorKind::WouldNotFit { .. } => PyMemoryError::new_err(text),
        ErrorKind::Store { address, io, .. } => match raised(py, error) {
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
        ErrorKind::Panicked { operation, block, .. } => match raised(py, error) {
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
fn refused(py: Python<'_>, refusal: Refusal, text: String) -> PyErr {
    match refusal {
        Refusal::Type => PyTypeError::new_err(text),
        Refusal::Index => PyIndexError::new_err(text),
        Refusal::Axis => of_numpy(py, "numpy.exceptions", "AxisError", text),
        Refusal::Overflow => PyOverflowError::new_err(text),
        Refusal::Matrix => of_numpy(py, "numpy.linalg", "LinAlgError", text),
        _ => PyValueError::new_err(text),
    }
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
