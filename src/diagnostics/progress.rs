//! A bar on stderr: the part of the work that is done, tasks done of all, the stage, the time that is left.

use crate::events::{Event, Observer, work};
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
    /// All tasks, and those that are done.
    tasks: u64,
    done: u64,
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
        let template = "{elapsed_precise} [{bar:32}] {percent}%, {prefix} tasks, {eta} left  {wide_msg}";
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
                    names: stages.iter().map(|stage| stage.name.clone()).collect(),
                    left: stages.iter().map(|stage| stage.tasks).collect(),
                    tasks: stages.iter().map(|stage| stage.tasks).sum(),
                    done: 0,
                    shown: usize::MAX,
                };
                self.bar.set_position(0);
                self.bar.set_length(stages.iter().map(|stage| work(stage.tasks, stage.flops)).fold(0, u64::saturating_add));
                self.bar.reset_eta();
            }
            Event::TaskFinished { stage, flops, .. } => {
                if let Some(left) = plan.left.get_mut(*stage) {
                    *left = left.saturating_sub(1);
                }
                let first = plan.left.iter().position(|&left| left > 0).unwrap_or(*stage);
                if first != plan.shown {
                    plan.shown = first;
                    self.bar.set_message(plan.names.get(first).cloned().unwrap_or_default());
                }
                plan.done += 1;
                self.bar.set_prefix(format!("{}/{}", plan.done, plan.tasks));
                self.bar.inc(work(1, *flops));
            }
            Event::PlanFinished => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::StageSize;
    use std::time::Instant;

    #[test]
    fn the_bar_goes_by_work_and_names_the_stage() {
        let progress = Progress::on(ProgressDrawTarget::hidden());
        let stages = [StageSize::new("read", 1, 0), StageSize::new("multiply", 2, 6 << 30)];
        progress.event(&Event::PlanStarted { stages: &stages });
        assert_eq!((progress.bar.position(), progress.bar.length()), (0, Some(3 * 128 + 6 * 1024)));
        let now = Instant::now();
        let task = |stage, flops| Event::TaskFinished { stage, task: 0, worker: 0, flops, started: now, ended: now };
        progress.event(&task(1, 5 << 30));
        assert_eq!((progress.bar.position(), progress.bar.message().as_str()), (128 + 5 * 1024, "read"));
        progress.event(&task(0, 0));
        assert_eq!((progress.bar.position(), progress.bar.message().as_str()), (2 * 128 + 5 * 1024, "multiply"));
        assert_eq!(progress.bar.prefix(), "2/3");
        progress.event(&Event::PlanFinished);
        assert!(progress.bar.is_finished());
    }
}
