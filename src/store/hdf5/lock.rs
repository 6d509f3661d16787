//! The one lock of libhdf5, which knows nothing of threads, and nothing of processes that are forked: a child has the lock as it was, and the
//! library's tables with it, but not the thread that held it. So whoever forks holds the lock meanwhile.
//!
//! The lock of the binding is one in which waiting threads are listed, and a child would hand it to threads that are not there. Ours, a word
//! on which threads wait in the kernel, is taken first: nobody waits for the other.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static LOCK: Mutex<()> = Mutex::new(());

thread_local! {
    /// What a thread that forks holds meanwhile.
    static AT_FORK: Cell<Option<MutexGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Whether this thread may call the library.
pub(super) fn is_held() -> bool {
    hdf5_sys::LOCK.is_owned_by_current_thread()
}

fn lock() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` as the only thread that is in libhdf5; inside of other such work at once.
pub(super) fn sync<T>(work: impl FnOnce() -> T) -> T {
    static FORKS: Once = Once::new();
    FORKS.call_once(|| {
        // SAFETY: the functions have the type that the system expects, and live as long as the process.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork)) };
    });
    let _ours = (!is_held()).then(lock);
    hdf5::sync::sync(work)
}

extern "C" fn before_fork() {
    if !is_held() {
        let _ = AT_FORK.try_with(|held| held.set(Some(lock())));
    }
}

/// In the process that forked and in its child, whose only thread is a copy of the one that forked.
extern "C" fn after_fork() {
    let _ = AT_FORK.try_with(Cell::take);
}
