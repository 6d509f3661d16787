//! Threads that work without the interpreter's lock ↔ the interpreter, as long as there is one. Where it ends while daemon threads compute, none
//! of them may come for the lock any more: it would be ended in the middle of our frames, which ends the process, or find nothing to attach to.

use flagstone::CancelToken;
use pyo3::prelude::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

/// How long the end waits for functions of users that are being called.
const WAIT: Duration = Duration::from_secs(5);

/// Why a function of Python was not called.
pub(crate) const ENDED: &str = "the interpreter has ended";

/// Who goes in and out.
struct Door {
    /// Threads in Python on behalf of tasks, and threads that come back from work without the lock.
    inside: usize,
    /// What is being computed, by number.
    running: Vec<(u64, CancelToken)>,
    next: u64,
    /// The thread that ends the interpreter, which alone goes in afterwards.
    ended_by: Option<ThreadId>,
    /// The process that the interpreter was started in: one that was forked from it has none of the threads that were inside.
    process: u32,
}

static DOOR: Mutex<Door> = Mutex::new(Door { inside: 0, running: Vec::new(), next: 0, ended_by: None, process: 0 });
static LEFT: Condvar = Condvar::new();

fn door() -> MutexGuard<'static, Door> {
    DOOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that is inside.
struct Inside;

impl Inside {
    /// `None` once the interpreter ends.
    fn enter() -> Option<Inside> {
        let mut door = door();
        let here = std::thread::current().id();
        if door.ended_by.is_some_and(|by| by != here) {
            return None;
        }
        door.inside += 1;
        Some(Inside)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut door = door();
        door.inside = door.inside.saturating_sub(1);
        drop(door);
        LEFT.notify_all();
    }
}

/// What `f` does with the interpreter's lock; `None` once it ends.
pub(crate) fn attached<T>(f: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Some(Python::attach(f))
}

/// What `f` does without the interpreter's lock. A thread that ends after the interpreter stays where it is until the process is gone.
pub(crate) fn detached<T: Send>(py: Python<'_>, f: impl FnOnce() -> T + Send) -> T {
    let (out, _inside) = py.detach(|| {
        let out = f();
        loop {
            if let Some(inside) = Inside::enter() {
                return (out, inside);
            }
            std::thread::park();
        }
    });
    out
}

/// A computation that the end of the interpreter cancels.
pub(crate) struct Running(u64);

impl Running {
    pub(crate) fn new(token: &CancelToken) -> Running {
        let mut door = door();
        door.next += 1;
        let number = door.next;
        door.running.push((number, token.clone()));
        Running(number)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        door().running.retain(|(number, _)| *number != self.0);
    }
}

/// Cancels what is being computed, and waits until nobody is inside.
#[pyfunction]
fn end(py: Python<'_>) {
    {
        let mut door = door();
        if door.process != std::process::id() {
            return;
        }
        door.ended_by = Some(std::thread::current().id());
        door.running.iter().for_each(|(_, token)| token.cancel());
    }
    py.detach(|| {
        let _ = LEFT.wait_timeout_while(door(), WAIT, |door| door.inside > 0);
    });
}

/// Has the interpreter call [`end`] before it ends.
pub(crate) fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    door().process = std::process::id();
    let end = wrap_pyfunction!(end, module)?;
    module.py().import("atexit")?.call_method1("register", (end,)).map(drop)
}
