//! What a run takes from the heap beside the pool does not grow with the data: a copy that no task stated
//! would. The pool maps its memory itself, so none of it shows here.

use flagstone::array::{StoreOptions, Value};
use flagstone::eval::Evaluator;
use flagstone::grid::Region;
use flagstone::store::Writer;
use flagstone::{Array, Runtime, open};
use flagstone_kernels::view::View;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The system's allocator, counted.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

fn count(bytes: i64) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: i64 = 1 << 20;
const THREADS: usize = 2;
/// What a worker may take from the heap: names, task lists, codec contexts; 8 MiB are a median's bracket, which is reserved.
const A_THREAD_MAX: i64 = 6 * MIB;
/// What four times the data may add: entries of blocks and chunk indexes.
const GROWTH_MAX: i64 = MIB;

/// Takes everything and keeps nothing but the number of elements.
struct Nowhere(Vec<u64>, Arc<AtomicI64>);

impl Writer for Nowhere {
    fn granule(&self) -> &[u64] {
        &self.0
    }
    fn scratch_bytes(&self, _shape: &[u64]) -> u64 {
        0
    }
    fn write(&self, region: &Region, _data: &View<'_>, _scratch: &mut [u8]) -> flagstone::Result<u64> {
        self.1.fetch_add(region.elements() as i64, Relaxed);
        Ok(0)
    }
    fn commit(&self) -> flagstone::Result<()> {
        Ok(())
    }
}

/// Where results go.
#[derive(Clone, Copy, PartialEq)]
enum To {
    Nowhere,
    File(&'static str),
}

/// x: a source of [n, n]; n is 1448 (16 MiB) and 2896 (64 MiB), the limit 24 MiB.
const ROWS: &[(&str, &str, To)] = &[
    ("x.mean()", "x.npy", To::Nowhere),
    ("x.mean()", "x.h5:/x", To::Nowhere),
    ("x.mean()", "z.h5:/x", To::Nowhere),
    ("x.mean()", "x.zarr", To::Nowhere),
    ("x.std(axis=0)", "z.h5:/x", To::Nowhere),
    ("x.std(axis=1)", "x.zarr", To::Nowhere),
    ("x - x.mean(axis=0)", "x.npy", To::Nowhere),
    ("x - x.mean(axis=1, keepdims=True)", "x.zarr", To::Nowhere),
    ("x + x.T", "x.zarr", To::Nowhere),
    ("x.T * 2", "z.h5:/x", To::Nowhere),
    ("sin(x) * 2 + x ** 2", "x.npy", To::Nowhere),
    ("x[::-1, ::3]", "z.h5:/x", To::Nowhere),
    ("x[:, :512] @ x[:512, :]", "x.npy", To::Nowhere),
    ("concatenate((x[100:], x[:100]), axis=0)", "x.zarr", To::Nowhere),
    ("x[x > 1.0].mean()", "x.npy", To::Nowhere),
    ("median(x)", "x.npy", To::Nowhere),
    ("random.normal(size=x.shape, seed=1).std()", "x.npy", To::Nowhere),
    ("x.argmax()", "x.h5:/x", To::Nowhere),
    ("x.astype(float32)", "x.npy", To::File("out.npy")),
    ("x * 2", "x.npy", To::File("out.zarr")),
    ("x.T", "x.npy", To::File("out.h5:/x")),
    ("x[x > 0.0]", "x.npy", To::File("out.npy")),
];

fn array(text: &str, x: Array) -> Array {
    let mut evaluator = Evaluator::new();
    evaluator.define("x", Value::Array(x));
    match evaluator.run(text) {
        Ok(Value::Array(array)) => array,
        Ok(other) => panic!("{text}: {other:?} is no array"),
        Err(error) => panic!("{}", error.render(text)),
    }
}

/// The most that a run holds on the heap beyond what was held before it.
fn growth(rt: &Runtime, dir: &str, (text, source, to): (&str, &str, To)) -> i64 {
    let y = array(text, open(format!("{dir}/{source}")).unwrap());
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    match to {
        To::Nowhere => {
            let expr = y.expr().unwrap();
            let taken = Arc::new(AtomicI64::new(0));
            let (writer, elements) = (Nowhere(vec![1; expr.shape.len()], taken.clone()), expr.elements());
            rt.store_exprs(vec![(expr, Box::new(writer))]).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(taken.load(Relaxed) as u64, elements, "{text}: not all was written");
        }
        To::File(name) => {
            let options = StoreOptions::new().overwrite(true);
            let options = if name.ends_with(".zarr") { options.chunks([181, 181]) } else { options };
            rt.store_with(&y, format!("{dir}/{name}"), &options).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
    }
    PEAK.load(Relaxed) - before
}

fn make(dir: &str, n: u64) {
    let rt = Runtime::builder().memory_limit("256MiB").threads(THREADS).build().unwrap();
    let x = flagstone::random::normal(0.0, 1.0).shape([n, n]).seed(n).build();
    let plain = StoreOptions::default();
    let chunked = StoreOptions::new().chunks([181, 181]);
    let gzip = chunked.clone().codec(flagstone::store::Codec::Gzip(1));
    for (name, options) in [("x.npy", &plain), ("x.h5:/x", &plain), ("z.h5:/x", &gzip), ("x.zarr", &chunked)] {
        rt.store_with(&x, format!("{dir}/{name}"), options).unwrap();
    }
}

#[test]
fn the_heap_does_not_grow_with_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [("small", 1448), ("large", 2896)].map(|(name, n)| {
        let place = dir.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let place = place.display().to_string();
        make(&place, n);
        place
    });
    let rt = Runtime::builder().memory_limit("24MiB").threads(THREADS).build().unwrap();
    let mut failures = Vec::new();
    for &row in ROWS {
        // once before it counts: thread-local contexts and tables stay
        growth(&rt, &sizes[0], row);
        let [small, large] = [&sizes[0], &sizes[1]].map(|dir| growth(&rt, dir, row));
        println!(
            "{:<42} {:<8} {:>8.2} MiB, four times the data {:>8.2} MiB",
            row.0,
            row.1,
            small as f64 / MIB as f64,
            large as f64 / MIB as f64
        );
        if large > A_THREAD_MAX * THREADS as i64 || large - small > GROWTH_MAX {
            failures.push(format!("{} of {}: {small} bytes, with four times the data {large}", row.0, row.1));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
