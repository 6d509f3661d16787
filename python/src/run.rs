//! Computing with the interpreter's lock released, stopped by Ctrl-C.

use crate::error::exception;
use crate::interpreter::{Running, attached, detached};
use crate::runtime;
use flagstone::{CancelToken, Result, Runtime};
use pyo3::prelude::*;
use std::cell::Cell;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often the interpreter is asked whether somebody pressed Ctrl-C.
const LISTEN: Duration = Duration::from_millis(50);

thread_local! {
    /// Whether this thread is in Python on behalf of a task.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, a call of a user's function inside of a task.
pub(crate) fn in_task<T>(f: impl FnOnce() -> T) -> T {
    let before = IN_TASK.replace(true);
    let out = f();
    IN_TASK.set(before);
    out
}

/// Whether this thread is in a user's function of blocks.
pub(crate) fn is_in_task() -> bool {
    IN_TASK.get()
}

/// What `f` builds, with the lock released: whatever needs a length that is not known yet counts it with the runtime in use, and may ask
/// Python for elements.
pub(crate) fn build<T: Send>(py: Python<'_>, f: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let runtime = runtime::current(py)?;
    detached(py, || runtime.in_scope(f)).map_err(|error| exception(py, &error))
}

/// What `f` computes with the runtime in use.
pub(crate) fn run<T: Send>(py: Python<'_>, f: impl FnOnce(&Runtime) -> Result<T> + Send) -> PyResult<T> {
    let runtime = runtime::current(py)?;
    // The engine refuses what a task asks of it, and knows a task by its thread.
    if IN_TASK.get() {
        return f(&runtime).map_err(|error| exception(py, &error));
    }
    let token = CancelToken::new();
    let stoppable = runtime.cancelled_by(&token);
    let _running = Running::new(&token);
    let (outcome, interrupt) = detached(py, || {
        std::thread::scope(|scope| {
            let (tell, told) = channel();
            scope.spawn(move || tell.send(f(&stoppable)));
            let mut interrupt = None;
            loop {
                match told.recv_timeout(LISTEN) {
                    Ok(outcome) => return (Some(outcome), interrupt),
                    Err(RecvTimeoutError::Disconnected) => return (None, interrupt),
                    Err(RecvTimeoutError::Timeout) if interrupt.is_none() => {
                        interrupt = attached(|py| py.check_signals()).and_then(PyResult::err);
                        if interrupt.is_some() {
                            token.cancel();
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        })
    });
    match (outcome, interrupt) {
        (_, Some(interrupt)) => Err(interrupt),
        (Some(outcome), None) => outcome.map_err(|error| exception(py, &error)),
        (None, None) => Err(pyo3::exceptions::PyRuntimeError::new_err("the computation panicked, please report it")),
    }
}
