//! Which of many files are open.

use crate::error::Result;
use crate::store::Store;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that are open at once whatever the system says, at least.
const OPEN_MIN: usize = 16;
/// More than this are no help: a pass over more files opens each once.
const OPEN_MAX: usize = 1 << 14;

/// Stores that are open, by number: those opened first are closed first, where there are too many.
pub(super) struct Handles {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    stores: HashMap<usize, Arc<dyn Store>>,
    order: VecDeque<usize>,
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Handles {
    /// Of so many stores. A third of the files that the process may have open are theirs.
    pub(super) fn new(count: usize) -> Handles {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a plain query into a struct that is ours.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
        let third = if known { usize::try_from(limit.rlim_cur / 3).unwrap_or(OPEN_MAX) } else { OPEN_MIN };
        Handles { most: third.clamp(OPEN_MIN, OPEN_MAX).min(count.max(1)), open: Mutex::default() }
    }

    /// Stores that are open at once at most.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The store of that number, if it is open.
    pub(super) fn opened(&self, n: usize) -> Option<Arc<dyn Store>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).stores.get(&n).cloned()
    }

    /// Closes those of which `holds` is false.
    pub(super) fn keep_where(&self, holds: impl Fn(&dyn Store) -> bool) {
        let mut held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { stores, order } = &mut *held;
        stores.retain(|_, store| holds(&**store));
        order.retain(|n| stores.contains_key(n));
    }

    /// The store of that number, opened by `open` where it is not. Several threads may open one at the same time; then one is kept.
    pub(super) fn get(&self, n: usize, open: impl FnOnce() -> Result<Arc<dyn Store>>) -> Result<Arc<dyn Store>> {
        if let Some(store) = self.opened(n) {
            return Ok(store);
        }
        let store = open()?;
        let mut held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if held.stores.insert(n, store.clone()).is_none() {
            held.order.push_back(n);
        }
        while held.order.len() > self.most {
            let Some(first) = held.order.pop_front() else { break };
            held.stores.remove(&first);
        }
        Ok(store)
    }
}
