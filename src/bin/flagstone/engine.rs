//! What all commands that compute take: memory, threads, a bar.

use crate::Failure;
use clap::ValueEnum;
use flagstone::budget;
use flagstone::diagnostics::{Observers, Progress};
use flagstone::events::{Event, Observer};
use flagstone::runtime::{CancelToken, Runtime, RuntimeBuilder};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// Options of the engine.
#[derive(clap::Args)]
pub struct Engine {
    /// Bytes of memory that may be used: 256MiB, 1.5GB, 4096 [default: half of what the machine or container has]
    #[arg(long, value_name = "SIZE", value_parser = budget::parse_bytes)]
    memory_limit: Option<u64>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = thread_count, allow_negative_numbers = true)]
    threads: Option<u16>,
    /// Where blocks go that do not fit in memory
    #[arg(long, value_name = "DIR")]
    spill_dir: Option<PathBuf>,
    /// Draw a progress bar on stderr; auto: where it is a terminal
    #[arg(long, value_enum, default_value_t = When::Auto)]
    progress: When,
}

fn thread_count(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("expected how many, from 1 to {}", u16::MAX))
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

/// Prints warnings as they come, above the bar where there is one.
struct PrintWarnings(Option<Arc<Progress>>);

impl Observer for PrintWarnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            let line = format!("warning: {text}");
            match &self.0 {
                Some(progress) => progress.line(&line),
                None => eprintln!("{line}"),
            }
        }
    }
}

impl Engine {
    /// What a person sees while it runs: the bar, and warnings.
    pub fn observers(&self) -> Vec<Arc<dyn Observer>> {
        let drawn = match self.progress {
            When::Auto => std::io::stderr().is_terminal(),
            when => when == When::Always,
        };
        let progress = drawn.then(|| Arc::new(Progress::stderr()));
        let bar = progress.clone().map(|progress| progress as Arc<dyn Observer>);
        bar.into_iter().chain([Arc::new(PrintWarnings(progress)) as Arc<dyn Observer>]).collect()
    }

    /// A runtime of these options, not yet built.
    pub fn builder(&self) -> RuntimeBuilder {
        let mut builder = Runtime::builder();
        if let Some(bytes) = self.memory_limit {
            builder = builder.memory_limit_bytes(bytes);
        }
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.into());
        }
        if let Some(dir) = &self.spill_dir {
            builder = builder.spill_dir(dir);
        }
        builder
    }

    /// The runtime, which an interrupt tells to stop.
    pub fn start(&self) -> Result<Runtime, Failure> {
        let cancel = CancelToken::new();
        let on_signal = cancel.clone();
        ctrlc::set_handler(move || on_signal.cancel()).map_err(|e| Failure::Message(format!("cannot listen for an interrupt: {e}")))?;
        Ok(self.builder().observer(Arc::new(Observers(self.observers()))).build()?.cancelled_by(&cancel))
    }
}
