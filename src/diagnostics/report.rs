//! Counters → what a computation cost, as data.

use crate::events::{Counters, Event, Observer};
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What a computation cost.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Time that passed.
    pub wall_seconds: f64,
    /// Largest resident memory of the process, file pages included.
    pub peak_resident_bytes: u64,
    /// Bytes read from stores, as stored.
    pub read_bytes: u64,
    /// Bytes that decoding gave.
    pub decoded_bytes: u64,
    /// Bytes written to stores, as stored.
    pub written_bytes: u64,
    /// Bytes of blocks spilled, in memory size.
    pub spilled_bytes: u64,
    /// Bytes written to the spill file.
    pub spill_written_bytes: u64,
    /// Bytes read back from the spill file.
    pub spill_read_bytes: u64,
    /// Tasks run.
    pub tasks: u64,
    /// What the user should know that is not an error.
    pub warnings: Vec<String>,
}

impl Report {
    /// The state of `counters` after `wall` of time.
    pub fn new(counters: &Counters, wall: Duration, peak_resident_bytes: u64, warnings: Vec<String>) -> Report {
        Report {
            wall_seconds: wall.as_secs_f64(),
            peak_resident_bytes,
            read_bytes: counters.read_bytes.load(Relaxed),
            decoded_bytes: counters.decoded_bytes.load(Relaxed),
            written_bytes: counters.written_bytes.load(Relaxed),
            spilled_bytes: counters.spilled_bytes.load(Relaxed),
            spill_written_bytes: counters.spill_written_bytes.load(Relaxed),
            spill_read_bytes: counters.spill_read_bytes.load(Relaxed),
            tasks: counters.tasks.load(Relaxed),
            warnings,
        }
    }
}

/// An [`Observer`] that keeps the warnings, each once.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    /// All warnings so far, in the order in which they came first.
    pub fn list(&self) -> Vec<String> {
        self.0.lock().map(|list| list.clone()).unwrap_or_default()
    }
}

impl Observer for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let (Event::Warning(text), Ok(mut list)) = (event, self.0.lock())
            && !list.iter().any(|known| known == text)
        {
            list.push(text.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_kept_once() {
        let warnings = Warnings::default();
        for text in ["a", "b", "a"] {
            warnings.event(&Event::Warning(text));
        }
        assert_eq!(warnings.list(), ["a", "b"]);
    }
}
