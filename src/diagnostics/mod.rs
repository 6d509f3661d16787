//! Events → people. A progress bar, a trace of every task, a report; the engine works without any of them.

mod profile;
mod progress;
mod report;

pub use profile::Profile;
pub use progress::Progress;
pub use report::{Report, Warnings};

use crate::events::{Event, Observer};
use std::sync::Arc;

/// Tells several observers.
#[derive(Default)]
pub struct Observers(pub Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn event(&self, event: &Event<'_>) {
        for observer in &self.0 {
            observer.event(event);
        }
    }
}
