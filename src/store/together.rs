//! Calls that wait for files, side by side.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};

/// Threads, and the process that they are of: one that was forked from it has none of them.
static THREADS: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// What `work` gives, whose parallel iterators have threads of this process.
pub(super) fn together<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let threads = {
        let mut known = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        match &*known {
            Some((of, threads)) if *of == process => Some(threads.clone()),
            _ => {
                let made = ThreadPoolBuilder::new().thread_name(|i| format!("flagstone-files-{i}")).build().ok().map(Arc::new);
                // Those of another process are never waited for.
                std::mem::forget(std::mem::replace(&mut *known, made.clone().map(|threads| (process, threads))));
                made
            }
        }
    };
    match threads {
        Some(threads) => threads.install(work),
        None => work(),
    }
}
