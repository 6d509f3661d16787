//! Runtimes: memory, threads and a spill directory, made by users, in use within a `with`.

use crate::error::exception;
use crate::interpreter::{attached, detached};
use flagstone::diagnostics::{Observers, Profile, Progress};
use flagstone::events::{Event, Observer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Memory, threads and a spill file that computations run on.
///
/// `with Runtime(memory_limit="1GiB", threads=4, spill_dir="/scratch"):` makes what is computed inside use it.
#[pyclass(frozen, module = "flagstone")]
pub(crate) struct Runtime(pub(crate) flagstone::Runtime);

/// Who listens to all runtimes made here: bars and traces that are being shown.
static LISTENERS: RwLock<Vec<(u64, Arc<dyn Observer>)>> = RwLock::new(Vec::new());

/// Hands events to whoever listens now.
struct Listeners;

impl Observer for Listeners {
    fn event(&self, event: &Event<'_>) {
        let listeners = LISTENERS.read().unwrap_or_else(PoisonError::into_inner);
        Observers(listeners.iter().map(|(_, listener)| listener.clone()).collect()).event(event);
    }
}

#[pymethods]
impl Runtime {
    #[new]
    #[pyo3(signature = (memory_limit=None, threads=None, spill_dir=None))]
    fn new(
        memory_limit: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
        spill_dir: Option<PathBuf>,
        py: Python<'_>,
    ) -> PyResult<Runtime> {
        let mut builder = flagstone::Runtime::builder().observer(Arc::new(Listeners));
        if let Some(limit) = memory_limit {
            builder = match (limit.extract::<u64>(), limit.extract::<String>()) {
                (Ok(bytes), _) => builder.memory_limit_bytes(bytes),
                (_, Ok(text)) => builder.memory_limit(&text),
                _ => return Err(PyTypeError::new_err(format!("memory_limit: {limit}; expected bytes or a text such as '1GiB'"))),
            };
        }
        if let Some(threads) = threads {
            builder = builder.threads(threads);
        }
        if let Some(directory) = spill_dir {
            builder = builder.spill_dir(directory);
        }
        detached(py, || builder.build()).map(Runtime).map_err(|error| exception(py, &error))
    }

    /// The memory limit in bytes.
    #[getter]
    fn memory_limit(&self) -> u64 {
        self.0.memory_limit_bytes()
    }

    /// Worker threads.
    #[getter]
    fn threads(&self) -> usize {
        self.0.threads()
    }

    /// What its computations have read, written and spilled so far, in bytes; and tasks.
    fn counters(&self) -> std::collections::BTreeMap<&'static str, u64> {
        let counters = self.0.counters();
        [
            ("read_bytes", &counters.read_bytes),
            ("decoded_bytes", &counters.decoded_bytes),
            ("written_bytes", &counters.written_bytes),
            ("spilled_bytes", &counters.spilled_bytes),
            ("spill_read_bytes", &counters.spill_read_bytes),
            ("peak_reserved_bytes", &counters.peak_reserved_bytes),
            ("tasks", &counters.tasks),
        ]
        .into_iter()
        .map(|(name, counter)| (name, counter.load(Relaxed)))
        .collect()
    }

    fn __repr__(&self) -> String {
        let limit = flagstone::error::Bytes(self.0.memory_limit_bytes());
        format!("Runtime(memory_limit='{limit}', threads={})", self.0.threads())
    }
}

/// The runtime of calls outside of any `with`.
static DEFAULT: Mutex<Option<flagstone::Runtime>> = Mutex::new(None);

/// The runtime that a call uses: of the innermost `with` around it, else the default one.
pub(crate) fn current(py: Python<'_>) -> PyResult<flagstone::Runtime> {
    static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let variable = CURRENT.get_or_try_init(py, || py.import("flagstone._runtime")?.getattr("_current").map(Bound::unbind))?;
    let chosen = variable.bind(py).call_method0("get")?;
    if !chosen.is_none() {
        return chosen.cast::<Runtime>()?.get().0.of_this_process().map_err(|error| exception(py, &error));
    }
    let default = || -> flagstone::Result<flagstone::Runtime> {
        let mut default = DEFAULT.lock().unwrap_or_else(PoisonError::into_inner);
        match &*default {
            Some(runtime) => runtime.of_this_process(),
            None => {
                let runtime = flagstone::Runtime::builder().observer(Arc::new(Listeners)).build()?;
                // What the engine computes by itself, such as lengths, runs on it too.
                runtime.make_default();
                Ok(default.insert(runtime).clone())
            }
        }
    };
    detached(py, default).map_err(|error| exception(py, &error))
}

/// Makes `runtime` the one of calls outside of any `with`.
#[pyfunction]
fn set_default(runtime: &Bound<'_, Runtime>) {
    *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime.get().0.clone());
}

/// The runtime in use.
#[pyfunction]
fn current_runtime(py: Python<'_>) -> PyResult<Runtime> {
    current(py).map(Runtime)
}

/// A bar on stderr for every plan that runs while it is listened to.
#[pyclass(frozen)]
struct Listener {
    number: u64,
    trace: Option<Arc<Profile>>,
}

fn listen(listener: Arc<dyn Observer>, trace: Option<Arc<Profile>>) -> Listener {
    let mut all = LISTENERS.write().unwrap_or_else(PoisonError::into_inner);
    let number = all.last().map_or(0, |(number, _)| number + 1);
    all.push((number, listener));
    Listener { number, trace }
}

#[pymethods]
impl Listener {
    /// Stops listening; a trace is closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        LISTENERS.write().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != self.number);
        self.trace.as_ref().map_or(Ok(()), |trace| trace.finish()).map_err(|error| exception(py, &error))
    }
}

/// Shows a bar on stderr.
#[pyfunction]
fn show_progress() -> Listener {
    listen(Arc::new(Progress::stderr()), None)
}

/// Writes a trace of every task.
#[pyfunction]
fn write_trace(py: Python<'_>, path: PathBuf) -> PyResult<Listener> {
    let trace = Arc::new(Profile::create(&path).map_err(|error| exception(py, &error))?);
    Ok(listen(trace.clone(), Some(trace)))
}

/// A function of Python that hears how far a plan is.
struct Heard {
    report: Py<PyAny>,
    plan: Mutex<(u64, u64, std::time::Instant)>,
}

impl Heard {
    fn tell(&self, done: u64, all: u64) {
        // Who shows progress must not stop the work: what it raises is dropped.
        let _ = attached(|py| self.report.call1(py, (done, all)));
    }
}

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        let told = {
            let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::PlanStarted { stages } => {
                    *plan = (0, stages.iter().map(|stage| stage.tasks).sum(), std::time::Instant::now());
                    Some((0, plan.1))
                }
                Event::TaskFinished { .. } => {
                    plan.0 += 1;
                    let due = plan.2.elapsed().as_millis() >= 100;
                    if due {
                        plan.2 = std::time::Instant::now();
                    }
                    due.then_some((plan.0, plan.1))
                }
                Event::PlanFinished => Some((plan.1, plan.1)),
                _ => None,
            }
        };
        if let Some((done, all)) = told {
            self.tell(done, all);
        }
    }
}

/// Calls `report(tasks done, tasks of the plan)` ten times a second at most.
#[pyfunction]
fn report_progress(report: Py<PyAny>) -> Listener {
    listen(Arc::new(Heard { report, plan: Mutex::new((0, 0, std::time::Instant::now())) }), None)
}

pub(crate) fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(set_default, module)?)?;
    module.add_function(wrap_pyfunction!(current_runtime, module)?)?;
    module.add_function(wrap_pyfunction!(show_progress, module)?)?;
    module.add_function(wrap_pyfunction!(report_progress, module)?)?;
    module.add_function(wrap_pyfunction!(write_trace, module)?)
}
