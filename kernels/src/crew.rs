//! Workers that have nothing to do help the one that runs a task: it cuts what it does into parts, and each part is run by
//! whoever comes first. The memory of the task is reserved once; a helper holds none of its own but what the parts are given.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who works together: the threads of one `rayon` pool.
#[derive(Debug, Default)]
pub struct Crew {
    resting: AtomicUsize,
    /// How often it was rung.
    bell: Mutex<u64>,
    rung: Condvar,
    helped: AtomicU64,
}

thread_local! {
    static CREW: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };
}

impl Crew {
    fn bell(&self) -> MutexGuard<'_, u64> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often it was rung so far.
    pub fn rings(&self) -> u64 {
        *self.bell()
    }

    /// Wakes all that rest: there may be something to do.
    pub fn ring(&self) {
        *self.bell() += 1;
        self.rung.notify_all();
    }

    /// Rests until the bell is rung again after it was rung `since` times, `most` at most; then helps while there is something to
    /// help with.
    pub fn rest(&self, since: u64, most: Duration) {
        self.resting.fetch_add(1, Relaxed);
        let waited = self.rung.wait_timeout_while(self.bell(), most, |rings| *rings == since);
        drop(waited);
        self.resting.fetch_sub(1, Relaxed);
        while rayon::yield_now() == Some(rayon::Yield::Executed) {}
    }

    /// Parts that were run by others than those who cut them.
    pub fn helped(&self) -> u64 {
        self.helped.load(Relaxed)
    }

    /// Runs a task, on a thread of the pool: what it shares is shared with those that rest.
    pub fn run<R>(self: &Arc<Crew>, task: impl FnOnce() -> R) -> R {
        struct Leaves;
        impl Drop for Leaves {
            fn drop(&mut self) {
                CREW.set(None);
            }
        }
        CREW.set(Some(self.clone()));
        let _leaves = Leaves;
        task()
    }
}

/// Into how many parts it is worth to cut something now: one for this thread, and one for each that rests.
pub fn hands() -> usize {
    CREW.with_borrow(|crew| 1 + crew.as_ref().map_or(0, |crew| crew.resting.load(Relaxed)))
}

/// Runs each of `parts`, on this thread and on those that rest.
///
/// # Panics
/// If one of them does.
pub fn share<P: Send>(parts: Vec<P>, run: impl Fn(P) + Sync) {
    let Some(crew) = CREW.with_borrow(Clone::clone).filter(|_| parts.len() > 1) else {
        return parts.into_iter().for_each(run);
    };
    let helpers = parts.len() - 1;
    let (left, owner) = (Mutex::new(parts.into_iter()), std::thread::current().id());
    let work = || {
        // the lock is not held while a part runs
        while let Some(part) = { left.lock().unwrap_or_else(PoisonError::into_inner).next() } {
            if std::thread::current().id() != owner {
                crew.helped.fetch_add(1, Relaxed);
            }
            run(part);
        }
    };
    rayon::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| work());
        }
        crew.ring();
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One thread of four runs `task`, the others rest until it is done.
    fn with_helpers<R: Send + Sync>(crew: &Arc<Crew>, task: impl Fn() -> R + Sync) -> R {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        let mut results = pool.broadcast(|context| {
            if context.index() > 0 {
                while !done.load(Relaxed) {
                    crew.rest(crew.rings(), Duration::from_millis(5));
                }
                return None;
            }
            while crew.resting.load(Relaxed) < 3 {
                std::thread::yield_now();
            }
            let result = crew.run(&task);
            done.store(true, Relaxed);
            crew.ring();
            Some(result)
        });
        results.swap_remove(0).unwrap()
    }

    #[test]
    fn parts_run_once_each_and_those_that_rest_run_some() {
        let crew = Arc::new(Crew::default());
        let sum = with_helpers(&crew, || {
            assert!(hands() > 1);
            let sum = AtomicU64::new(0);
            share((1..=40u64).collect(), |part| {
                // long enough for the others to come
                std::thread::sleep(Duration::from_millis(2));
                sum.fetch_add(part, Relaxed);
            });
            sum.into_inner()
        });
        assert_eq!(sum, 820);
        assert!(crew.helped() > 0);
        // whoever is in no crew does it alone
        let sum = AtomicU64::new(0);
        share(vec![1, 2, 3], |part| {
            sum.fetch_add(part, Relaxed);
        });
        assert_eq!((sum.into_inner(), hands()), (6, 1));
    }

    #[test]
    fn a_part_that_panics_is_the_panic_of_its_owner() {
        let crew = Arc::new(Crew::default());
        let panics =
            with_helpers(&crew, || std::panic::catch_unwind(|| share((0..8).collect(), |part| assert!(part != 5, "part {part}"))).is_err());
        assert!(panics);
        assert_eq!(hands(), 1);
    }

    #[test]
    fn a_shared_product_has_the_same_bits() {
        use crate::dtype::DType;
        use crate::gemm::{gemm_accumulate, gemm_scratch_bytes};
        use crate::view::{View, ViewMut};
        let (m, n, k) = (701, 130, 300);
        let values =
            |n: usize, by: u64| -> Vec<f64> { (0..n as u64).map(|i| ((i.wrapping_mul(by) >> 7) % 1000) as f64 / 7.0 - 71.0).collect() };
        let (a, b) = (values(m * k, 0x9E37_79B9_7F4A_7C15), values(k * n, 0xD134_2543_DE82_EF95));
        let multiply = || {
            let mut c = values(m * n, 3);
            let mut scratch = vec![0u8; 4 * gemm_scratch_bytes(DType::F64, m, n, k)];
            let (a, b) =
                (View::dense(bytemuck::cast_slice(&a), DType::F64, &[m, k]), View::dense(bytemuck::cast_slice(&b), DType::F64, &[k, n]));
            let mut to = ViewMut::dense(bytemuck::cast_slice_mut(&mut c), DType::F64, &[m, n]);
            gemm_accumulate(DType::F64, 0, &a, &b, &mut to, false, &mut scratch);
            c
        };
        let alone = multiply();
        let crew = Arc::new(Crew::default());
        for _ in 0..50 {
            let shared = with_helpers(&crew, multiply);
            assert!(alone.iter().zip(&shared).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        assert!(crew.helped() > 0);
    }
}
