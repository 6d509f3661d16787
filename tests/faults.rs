//! Everything that can fail is made to fail at its n-th use, n = 1, 2, … until a clean run: an error or the
//! right answer, never a hang, nothing left in the pool or on disk.

use flagstone::array::{StoreOptions, Value};
use flagstone::error::ErrorKind;
use flagstone::eval::Evaluator;
use flagstone::expr::{Expr, Node, Op, ops};
use flagstone::grid::Region;
use flagstone::memory::SpillDisk;
use flagstone::store::{self, Create, InMemory, MemoryWriter, Meta, Moved, Store, Writer};
use flagstone::{Array, CancelToken, DType, Error, Runtime};
use flagstone_kernels::view::{View, ViewMut};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const ROWS: u64 = 1024;
const COLUMNS: u64 = 2048;
/// 16 MiB of data under it.
const LIMIT_BYTES: u64 = 4 << 20;

/// Counts uses down; says no at one of them.
#[derive(Debug, Default)]
struct Fuse(AtomicI64);

impl Fuse {
    /// The `n`-th use from now fails.
    fn set(&self, n: i64) {
        self.0.store(n, Ordering::SeqCst);
    }
    fn blows(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) == 1
    }
    fn has_blown(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }
}

fn injected() -> Error {
    Error::store_io("flaky", "an injected fault", &io::Error::from_raw_os_error(libc::ENOSPC))
}

/// Panics if `job` takes longer than any of them can.
fn in_time<T: Send + 'static>(what: String, job: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || send.send(job()).is_ok());
    match receive.recv_timeout(Duration::from_secs(60)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: hangs"),
        Err(_) => std::panic::resume_unwind(thread.join().expect_err("the job panicked")),
    }
}

/// 1, 2, … 8, then in growing steps: the places late in a long run are like each other.
fn next(n: i64) -> i64 {
    if n < 8 { n + 1 } else { n + n / 3 }
}

/// A source whose reads fail.
#[derive(Debug)]
struct Flaky {
    inner: InMemory,
    meta: Meta,
    fuse: Arc<Fuse>,
}

impl Store for Flaky {
    fn address(&self) -> &str {
        "flaky"
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        self.inner.scratch_bytes(region)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> flagstone::Result<Moved> {
        if self.fuse.blows() {
            return Err(injected());
        }
        self.inner.read(region, out, scratch)
    }
}

fn value(i: u64, j: u64) -> f64 {
    ((i * 37 + j * 91 + i * j) % 1009) as f64
}

fn source(fuse: Arc<Fuse>) -> Array {
    let bytes: Vec<u8> = (0..ROWS * COLUMNS).flat_map(|at| value(at / COLUMNS, at % COLUMNS).to_ne_bytes()).collect();
    let inner = InMemory::new(DType::F64, &[ROWS, COLUMNS], bytes).unwrap();
    let mut meta = Meta::plain(vec![ROWS, COLUMNS], DType::F64);
    meta.chunks = Some(vec![128, 256]);
    let flaky: Arc<dyn Store> = Arc::new(Flaky { inner, meta, fuse });
    Array::from_expr(Node::new(Op::Source(ops::Source { store: flaky })).unwrap())
}

fn array(text: &str, x: &Array) -> Array {
    let mut evaluator = Evaluator::new();
    evaluator.define("x", Value::Array(x.clone()));
    match evaluator.run(text) {
        Ok(Value::Array(array)) => array,
        Ok(other) => panic!("{text}: {other:?} is no array"),
        Err(error) => panic!("{}", error.render(text)),
    }
}

fn runtime() -> Runtime {
    Runtime::builder().memory_limit_bytes(LIMIT_BYTES).threads(2).build().unwrap()
}

/// Nothing is left of a computation.
fn assert_empty(rt: &Runtime, what: &str) {
    let usage = rt.pool_usage();
    assert_eq!((usage.blocks, usage.used_bytes, usage.reserved_bytes), (0, 0, 0), "{what}: {usage:?}");
}

/// A writer into memory, or into another writer, whose calls fail; commits count as calls.
struct FlakyWriter {
    inner: Inner,
    granule: Vec<u64>,
    fuse: Arc<Fuse>,
    committed: Arc<AtomicBool>,
}

enum Inner {
    Memory(Arc<MemoryWriter>),
    File(Box<dyn Writer>),
}

impl FlakyWriter {
    fn inner(&self) -> &dyn Writer {
        match &self.inner {
            Inner::Memory(writer) => writer.as_ref(),
            Inner::File(writer) => writer.as_ref(),
        }
    }
}

impl Writer for FlakyWriter {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        self.inner().scratch_bytes(shape)
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> flagstone::Result<u64> {
        if self.fuse.blows() {
            return Err(injected());
        }
        self.inner().write(region, data, scratch)
    }
    fn commit(&self) -> flagstone::Result<()> {
        if self.fuse.blows() {
            return Err(injected());
        }
        self.committed.store(true, Ordering::SeqCst);
        self.inner().commit()
    }
}

/// Stores into memory: the elements, and whether it was committed.
fn collect(rt: &Runtime, expr: Expr, fuse: &Arc<Fuse>) -> (flagstone::Result<Vec<u8>>, bool) {
    let memory = Arc::new(MemoryWriter::new(&Create::new(expr.shape.clone(), expr.dtype)).unwrap());
    let committed = Arc::new(AtomicBool::new(false));
    let granule = vec![1; expr.shape.len()];
    let writer = FlakyWriter { inner: Inner::Memory(memory.clone()), granule, fuse: fuse.clone(), committed: committed.clone() };
    let stored = rt.store_exprs(vec![(expr, Box::new(writer))]);
    let committed = committed.load(Ordering::SeqCst);
    let memory = Arc::into_inner(memory).expect("the writer is dropped when the store ends");
    (stored.map(|()| memory.into_store().unwrap().bytes().to_vec()), committed)
}

const TEXTS: &[&str] = &[
    "x * 2 + 1",
    "x.T + 0",
    "x.sum(axis=0)",
    "x.std(axis=1)",
    "x - x.mean(axis=0)",
    "x - x.mean(axis=1, keepdims=True)",
    "x[:, :1024] + x[:, :1024].T",
    "x[:, :256] @ x[:256, :]",
    "concatenate((x[:100], x[200:]), axis=0)",
    "x[::-2, 3:700:5]",
    "x.mean().reshape(1)",
];

/// What a run without faults gives, and how many uses it makes of the fuse.
fn clean(rt: &Runtime, text: &str, x: &Array, reads: &Arc<Fuse>, writes: &Arc<Fuse>) -> Vec<u8> {
    reads.set(i64::MAX);
    writes.set(i64::MAX);
    let (bytes, committed) = collect(rt, array(text, x).expr().unwrap(), writes);
    let bytes = bytes.unwrap_or_else(|e| panic!("{text}: {e}"));
    assert!(committed, "{text}");
    let free = Runtime::builder().no_memory_limit().threads(1).build().unwrap();
    let (unlimited, _) = collect(&free, array(text, x).expr().unwrap(), writes);
    assert!(bytes == unlimited.unwrap(), "{text}: the limit changed the result");
    bytes
}

#[test]
fn the_nth_read_or_write_fails() {
    let (reads, writes) = (Arc::new(Fuse::default()), Arc::new(Fuse::default()));
    let x = source(reads.clone());
    let rt = runtime();
    for text in TEXTS {
        let right = clean(&rt, text, &x, &reads, &writes);
        for fuse in [&reads, &writes] {
            let mut n = 1;
            loop {
                let what = format!("{text}, {} {n}", if Arc::ptr_eq(fuse, &reads) { "read" } else { "write" });
                reads.set(i64::MAX);
                writes.set(i64::MAX);
                fuse.set(n);
                let (again, expr, to) = (rt.clone(), array(text, &x).expr().unwrap(), writes.clone());
                let (outcome, committed) = in_time(what.clone(), move || collect(&again, expr, &to));
                assert_empty(&rt, &what);
                if !fuse.has_blown() {
                    assert!(outcome.unwrap() == right, "{what}");
                    break;
                }
                let error = outcome.expect_err(&what);
                assert!(error.to_string().contains("an injected fault"), "{what}: {error}");
                assert!(!committed, "{what}: committed in spite of {error}");
                n = next(n);
            }
        }
    }
}

#[test]
fn reductions_to_memory_survive_failing_reads() {
    let reads = Arc::new(Fuse::default());
    let x = source(reads.clone());
    // a median keeps up to 8 MiB of candidates, whatever the data
    let rt = Runtime::builder().memory_limit("20MiB").threads(2).build().unwrap();
    for text in ["median(x)", "x[x > 500].mean()", "x[x > 500].sum()", "x.std()", "x[x > 1000]", "x.argmax()"] {
        reads.set(i64::MAX);
        let right = format!("{:?}", rt.compute_any(&array(text, &x)).unwrap_or_else(|e| panic!("{text}: {e}")).scalars());
        let mut n = 1;
        loop {
            let what = format!("{text}, read {n}");
            reads.set(n);
            // a new node: the count of a mask is kept in the old one
            let (again, y) = (rt.clone(), array(text, &x));
            let outcome = in_time(what.clone(), move || again.compute_any(&y).map(|any| format!("{:?}", any.scalars())));
            assert_empty(&rt, &what);
            if !reads.has_blown() {
                assert_eq!(outcome.unwrap(), right, "{what}");
                break;
            }
            let error = outcome.expect_err(&what);
            assert!(error.to_string().contains("an injected fault"), "{what}: {error}");
            n = next(n);
        }
    }
}

/// All names below a directory with the bytes of their files.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path.display().to_string(), vec![]);
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// What must be the same before and after a store that failed: all names and bytes; of an HDF5 file, which
/// takes new arrays into itself, its arrays and their values.
fn state(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = tree(dir);
    for (name, bytes) in found.iter_mut().filter(|(name, _)| name.ends_with(".h5")) {
        let told = ok(dir, &["info", name.as_str()]) + &ok(dir, &["eval", "x.sum(), x.std()", &format!("x={name}:/x")]);
        *bytes = told.into_bytes();
    }
    found
}

/// Targets of every format, with something at the address before.
const TARGETS: &[&str] = &["a.npy", "a.zarr", "g.zarr:/g/x", "a.h5:/x"];

fn options(target: &str) -> StoreOptions {
    let options = StoreOptions::new().overwrite(true);
    if target.ends_with(".npy") { options } else { options.chunks([128u64, 256]) }
}

#[test]
fn a_full_disk_under_a_store_leaves_what_was_there() {
    let (reads, fuse) = (Arc::new(Fuse::default()), Arc::new(Fuse::default()));
    reads.set(i64::MAX);
    let x = source(reads);
    let rt = runtime();
    for target in TARGETS {
        let dir = tempfile::tempdir().unwrap();
        let address = dir.path().join(target).display().to_string();
        rt.store_with(&(&x * 0.0), &address, &options(target)).unwrap();
        let before = state(dir.path());
        let mut create = Create::new(vec![ROWS, COLUMNS], DType::F64);
        create.chunks = (!target.ends_with(".npy")).then(|| vec![128, 256]);
        create.overwrite = true;
        let mut n = 1;
        loop {
            let what = format!("{target}, write {n}");
            fuse.set(n);
            let file = store::create(&address, &create).unwrap();
            let granule = file.granule().to_vec();
            let writer = FlakyWriter { inner: Inner::File(file), granule, fuse: fuse.clone(), committed: Arc::default() };
            let (again, expr) = (rt.clone(), (&x + 1.0).expr().unwrap());
            let outcome = in_time(what.clone(), move || again.store_exprs(vec![(expr, Box::new(writer))]));
            assert_empty(&rt, &what);
            if !fuse.has_blown() {
                outcome.unwrap();
                break;
            }
            let error = outcome.expect_err(&what);
            assert!(matches!(error.kind(), ErrorKind::Store { .. }), "{what}: {error}");
            assert!(state(dir.path()) == before, "{what}: the old array changed, or something was left beside it");
            n = next(n);
        }
        let stored = flagstone::open(&address).unwrap();
        assert_eq!(rt.item::<f64>(&(stored - &x - 1.0).abs().max(..)).unwrap(), 0.0, "{target}");
    }
}

/// A spill file in memory that fails, is full, or forgets a bit.
#[derive(Default)]
struct FlakyDisk {
    bytes: Mutex<Vec<u8>>,
    writes: Fuse,
    reads: Fuse,
    flips: Fuse,
    used: AtomicU64,
}

impl FlakyDisk {
    fn calm(&self) {
        [&self.writes, &self.reads, &self.flips].iter().for_each(|fuse| fuse.set(i64::MAX));
    }
}

impl SpillDisk for FlakyDisk {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.writes.blows() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let (start, mut file) = (offset as usize, self.bytes.lock().unwrap());
        let len = file.len().max(start + bytes.len());
        file.resize(len, 0);
        file[start..start + bytes.len()].copy_from_slice(bytes);
        self.used.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        if self.reads.blows() {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let (start, file) = (offset as usize, self.bytes.lock().unwrap());
        let stored = file.get(start..start + bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(stored);
        if self.flips.blows() {
            bytes[bytes.len() / 2] ^= 0x10;
        }
        Ok(())
    }
}

/// Persists more than the limit and reads it back.
fn spilling(rt: &Runtime, x: &Array) -> flagstone::Result<(f64, f64)> {
    let kept = rt.persist(&(x * 3.0 + 1.0))?;
    Ok((rt.item(&kept.sum(..))?, rt.item(&kept.max(..))?))
}

#[test]
fn a_failing_spill_disk_is_an_error() {
    let calm = Arc::new(Fuse::default());
    calm.set(i64::MAX);
    let x = source(calm);
    let disk = Arc::new(FlakyDisk::default());
    disk.calm();
    let rt = Runtime::builder().memory_limit_bytes(LIMIT_BYTES).threads(2).spill_disk(disk.clone()).build().unwrap();
    let sum: f64 = (0..ROWS * COLUMNS).map(|at| value(at / COLUMNS, at % COLUMNS) * 3.0 + 1.0).sum();
    let right = (sum, 1008.0 * 3.0 + 1.0);
    assert_eq!(spilling(&rt, &x).unwrap(), right);
    assert!(disk.used.load(Ordering::SeqCst) > 0, "nothing was spilled");
    assert_empty(&rt, "after the last handle is dropped");
    for (name, fuse) in [("write", &disk.writes), ("read", &disk.reads), ("flipped bit in read", &disk.flips)] {
        let mut n = 1;
        loop {
            let what = format!("spill {name} {n}");
            disk.calm();
            fuse.set(n);
            let (again, y) = (rt.clone(), x.clone());
            let outcome = in_time(what.clone(), move || spilling(&again, &y));
            assert_empty(&rt, &what);
            if !fuse.has_blown() {
                assert_eq!(outcome.unwrap(), right, "{what}");
                break;
            }
            let error = outcome.expect_err(&what);
            assert!(matches!(error.kind(), ErrorKind::Spill { .. }), "{what}: {error}");
            n = next(n);
        }
        assert!(n > 2, "{name}: only {n} uses were tried");
    }
}

#[test]
fn a_full_spill_disk_says_how_to_mend_it() {
    let calm = Arc::new(Fuse::default());
    calm.set(i64::MAX);
    let x = source(calm);
    let rt = Runtime::builder().memory_limit_bytes(LIMIT_BYTES).spill_cap_bytes(512 << 10).threads(2).build().unwrap();
    // values that do not compress
    let noise = flagstone::random::normal(0.0, 1.0).shape([ROWS, COLUMNS]).seed(3).build() + &x;
    let again = rt.clone();
    let error = in_time("a cap on spilling".into(), move || spilling(&again, &noise)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Spill { .. }), "{error}");
    assert!(error.to_string().contains("512 KiB"), "{error}");
    assert_empty(&rt, "after the cap");
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    struct Cancels(CancelToken, AtomicU64);
    impl flagstone::events::Observer for Cancels {
        fn event(&self, event: &flagstone::events::Event<'_>) {
            if matches!(event, flagstone::events::Event::TaskFinished { .. }) && self.1.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.0.cancel();
            }
        }
    }
    let calm = Arc::new(Fuse::default());
    calm.set(i64::MAX);
    let x = source(calm);
    for target in TARGETS {
        let dir = tempfile::tempdir().unwrap();
        let address = dir.path().join(target).display().to_string();
        runtime().store_with(&(&x * 0.0), &address, &options(target)).unwrap();
        let before = state(dir.path());
        for n in [1, 2, 5, 20] {
            let cancel = CancelToken::new();
            let observer = Arc::new(Cancels(cancel.clone(), AtomicU64::new(n)));
            let rt = Runtime::builder().memory_limit_bytes(LIMIT_BYTES).threads(2).observer(observer).build().unwrap();
            let (again, y, to, how) = (rt.clone(), x.t(), address.clone(), options(target));
            let outcome = in_time(format!("{target}, cancelled after {n}"), move || again.cancelled_by(&cancel).store_with(&y, &to, &how));
            let error = outcome.expect_err("cancelled");
            assert!(matches!(error.kind(), ErrorKind::Cancelled), "{target}: {error}");
            assert!(state(dir.path()) == before, "{target}, cancelled after {n}: something changed");
            assert_empty(&rt, target);
        }
    }
}

fn flagstone(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone"));
    command.current_dir(dir).args(args).env("RUST_BACKTRACE", "0").output().expect("the binary runs")
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let output = flagstone(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// The lengths of the files at a path and below, some of which come and go.
fn files_bytes(path: &Path) -> u64 {
    let below = |entries: std::fs::ReadDir| entries.flatten().map(|entry| files_bytes(&entry.path())).sum();
    match std::fs::read_dir(path) {
        Ok(entries) => below(entries),
        Err(_) => std::fs::metadata(path).map_or(0, |found| found.len()),
    }
}

/// Starts a store of gigabytes over the array at `target` and sends `signal` once it writes.
fn interrupted_store(dir: &Path, target: &str, signal: i32) -> Output {
    let before = files_bytes(dir);
    let child = Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .current_dir(dir)
        .args([
            "eval",
            "random.normal(size=(400000, 2000), seed=1)",
            "-o",
            target,
            "--overwrite",
            "--threads",
            "2",
            "--memory-limit",
            "64MiB",
        ])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..2000 {
        if files_bytes(dir) > before {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    // SAFETY: a signal to a child of this process that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
    child.wait_with_output().unwrap()
}

#[test]
fn a_killed_store_leaves_the_old_array_and_the_next_succeeds() {
    for target in TARGETS {
        let dir = tempfile::tempdir().unwrap();
        ok(dir.path(), &["eval", "arange(1000.0)", "-o", target]);
        let before = state(dir.path());
        let killed = interrupted_store(dir.path(), target, libc::SIGKILL);
        assert_eq!(killed.status.code(), None, "{target}: ended before it was killed: {}", String::from_utf8_lossy(&killed.stderr));
        let after = state(dir.path());
        assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "{target}: the old array changed");
        assert_eq!(ok(dir.path(), &["eval", "x.sum()", &format!("x={target}")]), "499500.0", "{target}");
        ok(dir.path(), &["eval", "arange(1000.0) * 2", "-o", target, "--overwrite"]);
        assert_eq!(ok(dir.path(), &["eval", "x.sum()", &format!("x={target}")]), "999000.0", "{target}");
    }
}

#[test]
fn an_interrupt_exits_with_130_and_leaves_nothing() {
    for target in TARGETS {
        let dir = tempfile::tempdir().unwrap();
        ok(dir.path(), &["eval", "arange(1000.0)", "-o", target]);
        let before = state(dir.path());
        let ended = interrupted_store(dir.path(), target, libc::SIGINT);
        assert_eq!(ended.status.code(), Some(130), "{target}: {}", String::from_utf8_lossy(&ended.stderr));
        assert!(state(dir.path()) == before, "{target}: something changed, or was left behind");
    }
}

/// The largest file at or below a path.
fn largest(path: &Path) -> std::path::PathBuf {
    if path.is_file() {
        return path.to_path_buf();
    }
    let below = tree(path).into_iter().max_by_key(|(_, bytes)| bytes.len());
    below.expect("a directory with files").0.into()
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    for (target, codec) in [
        ("a.npy", None),
        ("a.zarr", Some("none")),
        ("b.zarr", Some("zstd:3")),
        ("c.zarr", None),
        ("a.h5:/x", None),
        ("b.h5:/x", Some("gzip:1")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut args = vec!["eval", "random.normal(size=(300, 300), seed=1)", "-o", target];
        if let Some(codec) = codec {
            args.extend(["--codec", codec, "--chunks", "100,100"]);
        }
        ok(dir.path(), &args);
        let name = target.split(':').next().unwrap();
        let file = largest(&dir.path().join(name));
        let bytes = std::fs::read(&file).unwrap();
        for keep in [bytes.len() - 1, bytes.len() / 2, 10, 0] {
            std::fs::write(&file, &bytes[..keep]).unwrap();
            let output = flagstone(dir.path(), &["eval", "x.sum()", &format!("x={target}")]);
            let message = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{target} cut to {keep} of {}: {}{message}",
                bytes.len(),
                String::from_utf8_lossy(&output.stdout)
            );
            assert!(
                message.contains(name) && message.starts_with("error: ") && !message.contains("panicked"),
                "{target} cut to {keep}: {message}"
            );
        }
    }
}
