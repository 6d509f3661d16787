//! A bar on stderr: tasks done of all, the stage, the time that is left.

use crate::events::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Mutex;

/// An [`Observer`] that draws a bar while a plan runs and removes it at the end.
pub struct Progress {
    bar: ProgressBar,
    plan: Mutex<Plan>,
}

/// What is known of the plan that runs.
#[derive(Default)]
struct Plan {
    names: Vec<String>,
    left: Vec<u64>,
    /// The earliest stage with tasks left: what the bar shows.
    shown: usize,
}

impl Progress {
    /// A bar on stderr, drawn even where stderr is no terminal.
    pub fn stderr() -> Progress {
        Progress::on(ProgressDrawTarget::stderr_with_hz(10))
    }

    fn on(target: ProgressDrawTarget) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{elapsed_precise} [{bar:32}] {human_pos}/{human_len} tasks, {eta} left  {wide_msg}";
        // A template that does not parse is a defect here, and no reason to fail a computation.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress { bar, plan: Mutex::default() }
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        let Ok(mut plan) = self.plan.lock() else { return };
        match event {
            Event::PlanStarted { stages } => {
                *plan = Plan {
                    names: stages.iter().map(|(name, _)| name.clone()).collect(),
                    left: stages.iter().map(|&(_, tasks)| tasks).collect(),
                    shown: usize::MAX,
                };
                self.bar.set_position(0);
                self.bar.set_length(plan.left.iter().sum());
                self.bar.reset_eta();
            }
            Event::TaskFinished { stage, .. } => {
                if let Some(left) = plan.left.get_mut(*stage) {
                    *left = left.saturating_sub(1);
                }
                let first = plan.left.iter().position(|&left| left > 0).unwrap_or(*stage);
                if first != plan.shown {
                    plan.shown = first;
                    self.bar.set_message(plan.names.get(first).cloned().unwrap_or_default());
                }
                self.bar.inc(1);
            }
            Event::PlanFinished => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_bar_counts_tasks_and_names_the_stage() {
        let progress = Progress::on(ProgressDrawTarget::hidden());
        let stages = [("read".to_string(), 1), ("sum".to_string(), 2)];
        progress.event(&Event::PlanStarted { stages: &stages });
        assert_eq!((progress.bar.position(), progress.bar.length()), (0, Some(3)));
        let now = Instant::now();
        let task = |stage| Event::TaskFinished { stage, task: 0, worker: 0, started: now, ended: now };
        progress.event(&task(1));
        assert_eq!((progress.bar.position(), progress.bar.message().as_str()), (1, "read"));
        progress.event(&task(0));
        assert_eq!((progress.bar.position(), progress.bar.message().as_str()), (2, "sum"));
        progress.event(&Event::PlanFinished);
        assert!(progress.bar.is_finished());
    }
}
