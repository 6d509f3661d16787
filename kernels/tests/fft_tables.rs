//! What a transform takes is no more than it says.

use flagstone_kernels::dtype::DType;
use flagstone_kernels::fft::{Fft, Kind};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

struct Counted;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system's allocator, and a count.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

#[test]
fn tables_are_no_larger_than_a_transform_says() {
    let primes = [37, 251, 1009, 8191, 65_537, 100_003, 131_071];
    let smooth = [1, 2, 3, 16, 31, 97, 1000, 1024, 4000, 4096, 6561, 30_030, 65_536, 100_000, 177_147, 262_144, 400_000];
    let lengths = primes.iter().flat_map(|&p| [p, 2 * p, 4 * p, 12 * p]).chain(smooth);
    for n in lengths {
        for (kind, dtypes) in [
            (Kind::Forward, [DType::C64, DType::C128]),
            (Kind::Inverse, [DType::C64, DType::C128]),
            (Kind::Real, [DType::F32, DType::F64]),
            (Kind::FromHalf, [DType::C64, DType::C128]),
        ] {
            for dtype in dtypes {
                let before = LIVE.load(Relaxed);
                let fft = Fft::new(kind, dtype, n, 1.0);
                let taken = LIVE.load(Relaxed) - before;
                let said = fft.tables_bytes() as isize;
                assert!(taken <= said, "{kind:?} of {n} {dtype}: {taken} bytes of {said}");
                if n >= 65_536 && kind != Kind::Inverse {
                    println!("{kind:?} of {n} {dtype}: {:.2} of what it says", taken as f64 / said as f64);
                }
            }
        }
    }
}
