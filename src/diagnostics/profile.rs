//! Events → a trace file that chrome://tracing and ui.perfetto.dev open: a row a worker, spilling on its own.

use crate::error::{Error, Result};
use crate::events::{Event, Observer};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// The row of spilling: far from any worker's number.
const SPILL_ROW: usize = 1_000_000;

/// An [`Observer`] that writes every task as it ends, so that its memory does not grow with the plan.
pub struct Profile {
    path: PathBuf,
    origin: Instant,
    state: Mutex<State>,
}

struct State {
    out: BufWriter<File>,
    stages: Vec<String>,
    rows: BTreeSet<usize>,
    first: bool,
    failed: Option<std::io::Error>,
}

impl Profile {
    /// A trace at `path`; replaces a file there.
    ///
    /// # Errors
    /// `Store` when the file cannot be created.
    pub fn create(path: &Path) -> Result<Profile> {
        let failed = |e: &std::io::Error| Error::store_io(path.display(), "creating the trace", e);
        let mut out = BufWriter::new(File::create(path).map_err(|e| failed(&e))?);
        out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[").map_err(|e| failed(&e))?;
        let state = State { out, stages: Vec::new(), rows: BTreeSet::new(), first: true, failed: None };
        Ok(Profile { path: path.to_path_buf(), origin: Instant::now(), state: Mutex::new(state) })
    }

    /// Names the rows and closes the trace. Events after it are dropped.
    ///
    /// # Errors
    /// `Store` when a write failed, now or before.
    pub fn finish(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for row in std::mem::take(&mut state.rows) {
            let name = if row == SPILL_ROW { "spill".to_string() } else { format!("worker {row}") };
            state.write(serde_json::json!({
                "name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": name}
            }));
        }
        let closed = state.out.write_all(b"\n]}\n").and_then(|()| state.out.flush());
        let failed = state.failed.take().or(closed.err());
        state.failed = Some(std::io::Error::other("the trace is finished"));
        match failed {
            Some(e) => Err(Error::store_io(self.path.display(), "writing the trace", &e)),
            None => Ok(()),
        }
    }

    fn micros(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.origin).as_nanos() as f64 / 1e3
    }
}

impl State {
    fn write(&mut self, event: serde_json::Value) {
        if self.failed.is_some() {
            return;
        }
        let comma = if std::mem::take(&mut self.first) { "\n" } else { ",\n" };
        self.failed = write!(self.out, "{comma}{event}").err();
    }
}

impl Observer for Profile {
    fn event(&self, event: &Event<'_>) {
        let Ok(mut state) = self.state.lock() else { return };
        match event {
            Event::PlanStarted { stages } => state.stages = stages.iter().map(|stage| stage.name.clone()).collect(),
            Event::TaskFinished { stage, task, worker, started, ended, .. } => {
                let name = state.stages.get(*stage).cloned().unwrap_or_else(|| format!("stage {stage}"));
                state.rows.insert(*worker);
                state.write(serde_json::json!({
                    "name": name, "cat": "task", "ph": "X", "pid": 1, "tid": worker,
                    "ts": self.micros(*started), "dur": self.micros(*ended) - self.micros(*started),
                    "args": {"stage": stage, "task": task}
                }));
            }
            Event::Spilled { written, bytes, started, ended } => {
                state.rows.insert(SPILL_ROW);
                state.write(serde_json::json!({
                    "name": if *written { "spill" } else { "read back" }, "cat": "spill", "ph": "X", "pid": 1,
                    "tid": SPILL_ROW, "ts": self.micros(*started),
                    "dur": self.micros(*ended) - self.micros(*started), "args": {"bytes": bytes}
                }));
            }
            Event::Warning(text) => state.write(serde_json::json!({
                "name": text, "cat": "warning", "ph": "i", "s": "g", "pid": 1, "tid": 0,
                "ts": self.micros(Instant::now())
            })),
            Event::PlanFinished => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::StageSize;
    use std::time::Duration;

    #[test]
    fn the_trace_has_a_row_a_worker_and_one_of_spilling() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.json");
        let profile = Profile::create(&path).unwrap();
        let stages = [StageSize::new("sum", 2, 0)];
        profile.event(&Event::PlanStarted { stages: &stages });
        let (started, ended) = (profile.origin, profile.origin + Duration::from_micros(250));
        for worker in [0, 1] {
            profile.event(&Event::TaskFinished { stage: 0, task: 7, worker, flops: 0, started, ended });
        }
        profile.event(&Event::Spilled { written: true, bytes: 64, started, ended });
        profile.finish().unwrap();
        profile.event(&Event::Spilled { written: true, bytes: 64, started, ended });
        let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 6);
        assert_eq!(events[1]["name"], "sum");
        assert_eq!((events[1]["tid"].as_u64(), events[1]["dur"].as_f64()), (Some(1), Some(250.0)));
        let names: Vec<_> = events[3..].iter().map(|e| e["args"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["worker 0", "worker 1", "spill"]);
    }

    #[test]
    fn a_plan_without_tasks_is_a_valid_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.json");
        Profile::create(&path).unwrap().finish().unwrap();
        let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(trace["traceEvents"], serde_json::json!([]));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let error = Profile::create(Path::new("/no-such-directory/trace.json")).err().unwrap();
        assert!(error.to_string().contains("/no-such-directory/trace.json"), "{error}");
    }
}
