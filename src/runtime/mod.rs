//! Drives it all: expand → optimise → lower → check → run, phase by phase.

mod ahead;
mod collect;
mod fit;
mod phases;

pub use crate::scheduler::CancelToken;
pub use collect::Dense;

use crate::blocked::{Destination, Lowered, Sink, lower, procedures};
use crate::budget::{Budget, parse_bytes};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Counters, Observer};
use crate::expr::{Expr, Node, Op, Resident, ops, postorder, rebuild, settle};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::memory::{Pool, PoolOptions, Reservation, SpillDisk, Usage};
use crate::optimize;
pub use crate::plan::Explanation;
use crate::plan::Plan;
use crate::plan::check_stage::{GUARD_BYTES, watched};
use crate::scheduler::{self, Machine};
use crate::sizes::Sizes;
use crate::store::{Store, Writer};
use collect::Collector;
use fit::{Short, fit};
use flagstone_kernels::dtype::DType;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Memory, threads and a spill file: what computations run on. Cheap to clone.
///
/// The token beside it stops what this handle computes: see [`Runtime::cancelled_by`].
#[derive(Clone)]
pub struct Runtime(Arc<Inner>, CancelToken);

struct Inner {
    id: u64,
    /// The process whose threads and spill file it has.
    process: u32,
    /// What it was made of.
    settings: RuntimeBuilder,
    /// What stands for it in a process that was forked from its own.
    in_fork: Mutex<Option<Runtime>>,
    pool: Pool,
    limit_bytes: u64,
    spill_cap_bytes: u64,
    threads: usize,
    workers: Option<rayon::ThreadPool>,
    counters: Arc<Counters>,
    observer: Option<Arc<dyn Observer>>,
    optimize: bool,
    sizes: Sizes,
    watch_tasks: bool,
    /// One plan at a time: its workers are all of the runtime's.
    gate: Mutex<()>,
}

/// The runtime of calls which name none.
static DEFAULT: OnceLock<Runtime> = OnceLock::new();

thread_local! {
    /// Those of calls which name none, on this thread: the last one is in use.
    static IN_SCOPE: RefCell<Vec<Runtime>> = const { RefCell::new(Vec::new()) };
}

thread_local! {
    /// The runtimes of whose calls this thread is in one, by number.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A call of a runtime, which has it alone.
struct Entered<'a> {
    _gate: MutexGuard<'a, ()>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        ENTERED.with_borrow_mut(Vec::pop);
    }
}

/// Takes the last runtime out of scope when dropped.
struct Scope;

impl Drop for Scope {
    fn drop(&mut self) {
        IN_SCOPE.with_borrow_mut(Vec::pop);
    }
}

/// Settings of a [`Runtime`].
#[derive(Clone, Default)]
pub struct RuntimeBuilder {
    limit: Option<std::result::Result<u64, Error>>,
    threads: Option<usize>,
    spill_dir: Option<PathBuf>,
    spill_cap_bytes: Option<u64>,
    spill_disk: Option<Arc<dyn SpillDisk>>,
    observer: Option<Arc<dyn Observer>>,
    no_optimize: bool,
    sizes: Sizes,
    watch_tasks: bool,
}

impl RuntimeBuilder {
    /// The memory limit as text, such as `256MiB`. What is no size is reported by [`RuntimeBuilder::build`].
    pub fn memory_limit(mut self, limit: &str) -> RuntimeBuilder {
        self.limit = Some(parse_bytes(limit));
        self
    }
    /// The memory limit in bytes.
    pub fn memory_limit_bytes(mut self, limit: u64) -> RuntimeBuilder {
        self.limit = Some(Ok(limit));
        self
    }
    /// No memory limit.
    pub fn no_memory_limit(self) -> RuntimeBuilder {
        self.memory_limit_bytes(u64::MAX)
    }
    /// Worker threads; 1 runs on the caller's thread. By default one a core.
    pub fn threads(mut self, threads: usize) -> RuntimeBuilder {
        self.threads = Some(threads);
        self
    }
    /// Where blocks go that do not fit into memory: a directory on a disk.
    pub fn spill_dir(mut self, directory: impl Into<PathBuf>) -> RuntimeBuilder {
        self.spill_dir = Some(directory.into());
        self
    }
    /// The most bytes that the spill file may take.
    pub fn spill_cap_bytes(mut self, bytes: u64) -> RuntimeBuilder {
        self.spill_cap_bytes = Some(bytes);
        self
    }
    /// What to spill to instead of a file: for tests of disks that fail.
    #[doc(hidden)]
    pub fn spill_disk(mut self, disk: Arc<dyn SpillDisk>) -> RuntimeBuilder {
        self.spill_disk = Some(disk);
        self
    }
    /// Who hears of tasks, spills and warnings.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> RuntimeBuilder {
        self.observer = Some(observer);
        self
    }
    /// Whether expressions are optimised. Results are the same, bit for bit.
    pub fn optimize(mut self, optimize: bool) -> RuntimeBuilder {
        self.no_optimize = !optimize;
        self
    }

    /// By what work is cut: for tests that make hundreds of blocks out of small arrays.
    #[doc(hidden)]
    pub fn sizes(mut self, sizes: Sizes) -> RuntimeBuilder {
        self.sizes = sizes;
        self
    }

    /// Whether every task of every plan is enumerated before it runs, and what a task may not rely on is overwritten: for
    /// tests on small arrays. A stage that breaks its promise is a panic.
    #[doc(hidden)]
    pub fn watch_tasks(mut self, watch: bool) -> RuntimeBuilder {
        self.watch_tasks = watch;
        self
    }

    /// The runtime.
    ///
    /// # Errors
    /// `BadRequest` for settings that mean nothing, `Internal` if threads cannot be started.
    pub fn build(self) -> Result<Runtime> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let from_env = |name: &str| std::env::var(name).ok();
        let limit_bytes = match (self.limit.clone(), from_env("FLAGSTONE_MEMORY_LIMIT")) {
            (Some(limit), _) => limit?,
            (None, Some(text)) => parse_bytes(&text)?,
            (None, None) => crate::memory::default_memory_limit(),
        };
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = match (self.threads, from_env("FLAGSTONE_THREADS")) {
            (Some(threads), _) => threads,
            (None, Some(text)) => {
                text.trim().parse().map_err(|_| Error::bad_request("FLAGSTONE_THREADS", format!("{text:?} is no number of threads")))?
            }
            (None, None) => cores(),
        };
        if threads == 0 || threads > 4096 {
            return Err(Error::bad_request("threads", format!("{threads} threads were asked for; expected 1 to 4096")));
        }
        let workers = match threads {
            1 => None,
            n => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(n)
                    .thread_name(|i| format!("flagstone-{i}"))
                    .build()
                    .map_err(|e| Error::internal(format!("starting {n} threads: {e}")))?,
            ),
        };
        let settings = RuntimeBuilder { limit: Some(Ok(limit_bytes)), threads: Some(threads), ..self.clone() };
        let counters = Arc::new(Counters::default());
        let guards = if self.watch_tasks { (threads * GUARD_BYTES) as u64 } else { 0 };
        let pool = Pool::new(PoolOptions {
            limit_bytes: limit_bytes.saturating_add(guards),
            spill_dir: self.spill_dir,
            spill_cap_bytes: self.spill_cap_bytes,
            counters: counters.clone(),
            observer: self.observer.clone(),
            disk: self.spill_disk,
        })?;
        let inner = Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            process: std::process::id(),
            settings,
            in_fork: Mutex::new(None),
            pool,
            limit_bytes,
            spill_cap_bytes: self.spill_cap_bytes.unwrap_or(u64::MAX),
            threads,
            workers,
            counters,
            observer: self.observer,
            optimize: !self.no_optimize,
            sizes: self.sizes.within(limit_bytes),
            watch_tasks: self.watch_tasks,
            gate: Mutex::new(()),
        };
        Ok(Runtime(Arc::new(inner), CancelToken::new()))
    }
}

/// The stores below `exprs`, each once.
fn stores(exprs: &[Expr]) -> Vec<Arc<dyn Store>> {
    let mut seen = HashSet::new();
    let of = |node: &Expr| match &node.op {
        Op::Source(ops::Source { store }) if seen.insert(key(store)) => Some(store.clone()),
        _ => None,
    };
    postorder(exprs).iter().filter_map(of).collect()
}

/// The graph that reads the arrays of files as they are now.
fn renewed(exprs: &[Expr]) -> Result<Vec<Expr>> {
    let now = stores(exprs).into_iter().map(|store| Ok((key(&store), store.renewed()?)));
    let now = now.collect::<Result<HashMap<usize, Option<Arc<dyn Store>>>>>()?;
    if now.values().all(Option::is_none) {
        return Ok(exprs.to_vec());
    }
    rebuild(exprs, |node| match &node.op {
        Op::Source(ops::Source { store }) => match &now[&key(store)] {
            Some(store) => node.replaced_by(ops::Source { store: store.clone() }.into(), node.chunks.clone()),
            None => Ok(node.clone()),
        },
        _ => Ok(node.clone()),
    })
}

/// What tells stores apart.
fn key(store: &Arc<dyn Store>) -> usize {
    Arc::as_ptr(store).cast::<()>() as usize
}

/// Bytes that the stores, the tables of operations and the lists of chunks below `exprs` keep in memory.
fn standing_bytes_of(exprs: &[Expr]) -> u64 {
    let nodes = postorder(exprs);
    let tables = nodes.iter().map(|node| node.standing_bytes).fold(lists_bytes(&nodes), u64::saturating_add);
    let stores = stores(exprs);
    let shared: HashMap<usize, u64> = stores.iter().filter_map(|store| store.shared_bytes()).collect();
    let own = stores.iter().map(|store| store.resident_bytes()).chain(shared.into_values());
    own.fold(tables, u64::saturating_add)
}

/// Bytes of the lists of chunks of unequal lengths, of which nodes share one, and of what stages make of each: blocks joined or split.
fn lists_bytes(nodes: &[Expr]) -> u64 {
    const OF_NODES_AND_OF_STAGES: u64 = 2;
    let mut seen = HashSet::new();
    let lists = nodes.iter().flat_map(|node| &node.chunks.axes).filter_map(|axis| match axis {
        AxisChunks::Irregular(ends) if seen.insert(Arc::as_ptr(ends).addr()) => Some(size_of_val(&ends[..]) as u64),
        _ => None,
    });
    lists.fold(0, u64::saturating_add).saturating_mul(OF_NODES_AND_OF_STAGES)
}

/// Bytes of the results of `exprs`, as far as their lengths are known.
fn results_bytes(exprs: &[Expr]) -> u64 {
    exprs.iter().filter(|expr| !expr.is_counted()).map(|expr| expr.bytes()).fold(0, u64::saturating_add)
}

/// Results in the caller's memory, as far as planning goes.
fn collected(exprs: &[Expr]) -> Vec<Sink> {
    let planned = |expr: &Expr| Sink { expr: expr.clone(), to: Destination::Writer(Arc::new(Collector::planned(expr.dtype, &expr.shape))) };
    exprs.iter().map(planned).collect()
}

/// Bytes of a limit that are left beside `standing_bytes`.
fn room(limit_bytes: u64, standing_bytes: u64) -> u64 {
    match limit_bytes {
        u64::MAX => u64::MAX,
        limit => limit.saturating_sub(standing_bytes),
    }
}

/// Results that go into `writers`, one each.
fn written(exprs: &[Expr], writers: &[Arc<dyn Writer>]) -> Vec<Sink> {
    let sink = |(expr, writer): (&Expr, &Arc<dyn Writer>)| Sink { expr: expr.clone(), to: Destination::Writer(writer.clone()) };
    exprs.iter().zip(writers).map(sink).collect()
}

/// The refusal with another smallest limit.
fn naming(error: Error, smallest_bytes: u64) -> Error {
    match error.kind() {
        ErrorKind::WouldNotFit { operation, needed_bytes, limit_bytes, advice, .. } => ErrorKind::WouldNotFit {
            operation: operation.clone(),
            needed_bytes: *needed_bytes,
            limit_bytes: *limit_bytes,
            smallest_bytes,
            advice: advice.clone(),
        }
        .into(),
        _ => error,
    }
}

/// Removes the blocks of a persisted array when the last handle goes.
struct Owned {
    pool: Pool,
    product: u64,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.pool.remove_product(self.product);
    }
}

impl Runtime {
    /// Settings, all at their defaults.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The runtime that calls use which name none: that of [`Runtime::in_scope`] around them, else the one of this process, with half of
    /// the memory that the process may use and all cores; `FLAGSTONE_MEMORY_LIMIT`, `FLAGSTONE_THREADS` and `FLAGSTONE_SPILL_DIR` override.
    ///
    /// # Errors
    /// As [`RuntimeBuilder::build`].
    pub fn default_runtime() -> Result<Runtime> {
        if let Some(runtime) = Runtime::in_use() {
            return Ok(runtime);
        }
        let built = Runtime::builder().build()?;
        Ok(DEFAULT.get_or_init(|| built).clone())
    }

    /// The runtime of calls which name none, if there is one yet.
    fn in_use() -> Option<Runtime> {
        let found = IN_SCOPE.with_borrow(|scope| scope.last().cloned()).or_else(|| DEFAULT.get().cloned())?;
        found.of_this_process().ok()
    }

    /// This runtime; in a process that was forked from the one that made it, where none of its threads run, one of the same settings that stands
    /// for it from then on. What it persisted is not there.
    ///
    /// # Errors
    /// As [`RuntimeBuilder::build`].
    pub fn of_this_process(&self) -> Result<Runtime> {
        if self.0.process == std::process::id() {
            return Ok(self.clone());
        }
        let mut in_fork = self.0.in_fork.lock().unwrap_or_else(PoisonError::into_inner);
        match &*in_fork {
            Some(known) => known.of_this_process(),
            None => Ok(Runtime(in_fork.insert(self.0.settings.clone().build()?).0.clone(), self.1.clone())),
        }
    }

    /// The same, where it is not planning the very call.
    pub(crate) fn free() -> Option<Runtime> {
        Runtime::in_use().filter(|runtime| !runtime.is_entered())
    }

    /// What `f` gives, whose calls on this thread use this runtime where they name none: the lengths of `x[mask]` are counted within its
    /// limit.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let runtime = flagstone::Runtime::builder().memory_limit("64MiB").build()?;
    /// let x = flagstone::arange(0, 10, 1, None);
    /// let length = runtime.in_scope(|| x.index([x.gt(6).into()]).shape())?;
    /// assert_eq!(length, [3]);
    /// # Ok(()) }
    /// ```
    pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        IN_SCOPE.with_borrow_mut(|scope| scope.push(self.clone()));
        let _scope = Scope;
        f()
    }

    /// Makes this the runtime of calls which name none. False, and nothing changes, where one is in use
    /// already.
    pub fn make_default(&self) -> bool {
        DEFAULT.set(self.clone()).is_ok()
    }

    /// A number that tells runtimes of this process apart.
    pub fn id(&self) -> u64 {
        self.0.id
    }
    /// The memory limit in bytes.
    pub fn memory_limit_bytes(&self) -> u64 {
        self.0.limit_bytes
    }
    /// Worker threads.
    pub fn threads(&self) -> usize {
        self.0.threads
    }
    /// What all computations of this runtime have read, written and spilled so far.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The same runtime, whose every call stops with `Cancelled` once `token` is cancelled: what was begun is taken
    /// back, and nothing is left at an address that was not there before.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{CancelToken, DType, Runtime, error::ErrorKind, ones};
    /// let runtime = Runtime::builder().memory_limit("64MiB").build()?;
    /// let token = CancelToken::new();
    /// let stoppable = runtime.cancelled_by(&token);
    /// token.cancel(); // from any thread
    /// let error = stoppable.item::<f64>(&ones([1000], DType::F64).sum(..)).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Cancelled));
    /// # Ok(()) }
    /// ```
    pub fn cancelled_by(&self, token: &CancelToken) -> Runtime {
        Runtime(self.0.clone(), token.clone())
    }
    /// The token that stops this handle's calls.
    pub fn cancel_token(&self) -> &CancelToken {
        &self.1
    }

    /// What its pool holds now: for tests that look for what is left behind.
    #[doc(hidden)]
    pub fn pool_usage(&self) -> Usage {
        self.0.pool.usage()
    }

    /// Computes all of `exprs` in one shared pass, into memory. The results count against the limit.
    ///
    /// # Errors
    /// Whatever can go wrong: see [`ErrorKind`].
    #[doc(hidden)]
    pub fn compute_exprs(&self, exprs: &[Expr]) -> Result<Vec<Dense>> {
        let _gate = self.enter()?;
        let exprs = self.prepare(exprs, results_bytes, &collected)?;
        let standing = self.reserve_results(&exprs)?;
        let mut sinks = Vec::with_capacity(exprs.len());
        let mut collectors = Vec::with_capacity(exprs.len());
        for expr in &exprs {
            let collector = Arc::new(Collector::new(expr.dtype, &expr.shape)?);
            collectors.push(collector.clone());
            sinks.push(Sink { expr: expr.clone(), to: Destination::Writer(collector) });
        }
        self.run_sinks(&sinks)?;
        drop((sinks, standing));
        collectors.into_iter().map(Collector::into_dense).collect()
    }

    /// Computes each expression into its writer, in one shared pass, and commits them all at the end, one after the other.
    ///
    /// # Errors
    /// As [`Runtime::compute_exprs`]; then nothing is committed but what was before a commit that failed.
    #[doc(hidden)]
    pub fn store_exprs(&self, items: Vec<(Expr, Box<dyn Writer>)>) -> Result<()> {
        let _gate = self.enter()?;
        let (exprs, writers): (Vec<Expr>, Vec<Arc<dyn Writer>>) = items.into_iter().map(|(e, w)| (e, Arc::from(w))).unzip();
        let sinks = |exprs: &[Expr]| written(exprs, &writers);
        let prepared = self.prepare(&exprs, |_| 0, &sinks)?;
        self.run_sinks(&sinks(&prepared))?;
        writers.iter().try_for_each(|writer| writer.commit())
    }

    /// Computes each expression into blocks that stay in memory, or in the spill file, until the last use
    /// of the returned expression is dropped.
    ///
    /// # Errors
    /// As [`Runtime::compute_exprs`].
    #[doc(hidden)]
    pub fn persist_exprs(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        let _gate = self.enter()?;
        let sinks = |exprs: &[Expr]| exprs.iter().map(|expr| Sink { expr: expr.clone(), to: Destination::Keep }).collect();
        let prepared = self.prepare(exprs, |_| 0, &sinks)?;
        let kept = self.run_sinks(&sinks(&prepared))?;
        let resident = |(expr, kept): (&Expr, Option<(u64, ChunkGrid)>)| {
            let (product, grid) = kept.ok_or_else(|| Error::internal("persist kept no product"))?;
            self.kept(product, grid, expr.dtype, expr.chunks.clone())
        };
        prepared.iter().zip(kept).map(resident).collect()
    }

    /// What would be done, computing nothing.
    ///
    /// # Errors
    /// `BadRequest`, `Unsupported`; `WouldNotFit` is told in the text instead.
    #[doc(hidden)]
    pub fn explain_exprs(&self, exprs: &[Expr]) -> Result<Explanation> {
        // wherever the results will go
        self.explain_sinks(exprs, &collected)
    }

    /// As [`Runtime::explain_exprs`], of what goes into these writers.
    pub(crate) fn explain_into(&self, exprs: &[Expr], writers: Vec<Box<dyn Writer>>) -> Result<Explanation> {
        let writers: Vec<Arc<dyn Writer>> = writers.into_iter().map(Arc::from).collect();
        self.explain_sinks(exprs, &|exprs| written(exprs, &writers))
    }

    fn explain_sinks(&self, exprs: &[Expr], sinks: &dyn Fn(&[Expr]) -> Vec<Sink>) -> Result<Explanation> {
        let exprs = renewed(&settle(exprs)?)?;
        let text = crate::expr::text(&self.rewrite(&exprs)?);
        // under no limit at all, to know which one would do
        let smallest = self.foresee_awaited(exprs.clone(), (0, 0), sinks)?.smallest_bytes();
        let foreseen = self.foresee_awaited(exprs, (0, self.0.limit_bytes), sinks)?;
        Ok(Explanation::new(text, &foreseen.plan, (self.0.limit_bytes, smallest), foreseen.phases))
    }

    /// Keeps the blocks of `product` in the pool until the last of what is returned is dropped.
    fn own(&self, product: u64) -> Arc<dyn std::any::Any + Send + Sync> {
        Arc::new(Owned { pool: self.0.pool.clone(), product })
    }

    /// The blocks of `product` as an array that owns them.
    fn kept(&self, product: u64, grid: ChunkGrid, dtype: DType, chunks: ChunkGrid) -> Result<Expr> {
        let resident = Resident { product, grid, dtype, runtime: self.0.id, owner: self.own(product) };
        Node::with_chunks(Op::Resident(resident), chunks)
    }

    fn enter(&self) -> Result<Entered<'_>> {
        scheduler::refuse_inside_task()?;
        if self.is_entered() {
            return Err(Error::internal("a runtime is asked to compute while it plans"));
        }
        if self.0.process != std::process::id() {
            let what = "a runtime of the process that this one was forked from, whose threads are not here; make one after the fork";
            return Err(Error::bad_request("compute", what));
        }
        let gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        ENTERED.with_borrow_mut(|entered| entered.push(self.0.id));
        Ok(Entered { _gate: gate })
    }

    /// Whether this thread is in a call of it.
    fn is_entered(&self) -> bool {
        ENTERED.with_borrow(|entered| entered.contains(&self.0.id))
    }

    /// A budget of `memory_bytes` for this runtime's threads and sizes.
    fn budget(&self, memory_bytes: u64) -> Budget {
        Budget { memory_bytes, threads: self.0.threads, sizes: self.0.sizes }
    }

    /// Bytes of the limit that are left beside `standing_bytes`.
    fn room(&self, standing_bytes: u64) -> u64 {
        room(self.0.limit_bytes, standing_bytes)
    }

    /// Expand and optimise.
    fn rewrite(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        for node in postorder(exprs) {
            if let Op::Resident(resident) = &node.op
                && resident.runtime != self.0.id
            {
                return Err(Error::bad_request("compute", "an array that another runtime persisted; compute it there, or persist it here"));
            }
        }
        let expanded = optimize::cut(&optimize::expand(exprs)?, &self.0.sizes.numerics)?;
        if self.0.optimize { optimize::optimize(&expanded) } else { Ok(expanded) }
    }

    /// Rewrites, and runs the phases on whose values later shapes depend. Where there are any, all that follows is planned
    /// before the first one reads: a computation that does not fit is refused at once. What waits for a length is planned as if that
    /// were as great as it may be, and then gets it: the graph is then what it would be had the user asked for the length first.
    fn prepare(&self, exprs: &[Expr], results_bytes: fn(&[Expr]) -> u64, sinks: &dyn Fn(&[Expr]) -> Vec<Sink>) -> Result<Vec<Expr>> {
        let exprs = &renewed(&settle(exprs)?)?;
        if Runtime::is_awaited(exprs) {
            self.foresee_awaited(exprs.clone(), (results_bytes(exprs), self.0.limit_bytes), sinks)?.check(self.0.spill_cap_bytes)?;
        }
        let exprs = renewed(&settle(&self.rewrite(&self.awaited(exprs)?)?)?)?;
        if !procedures(&exprs, &self.0.sizes).is_empty() {
            self.foresee(exprs.clone(), (results_bytes(&exprs), self.0.limit_bytes), sinks)?.check(self.0.spill_cap_bytes)?;
        }
        self.find_all(exprs)
    }

    /// Room for the results, or an error that says to store them.
    fn reserve_results(&self, exprs: &[Expr]) -> Result<Vec<Reservation>> {
        let reserve = |expr: &Expr| self.reserve("compute", expr.bytes(), "; or store the result instead of computing it into memory");
        exprs.iter().map(reserve).collect::<Result<_>>().or_else(|error| {
            // the limit that would do for the results may not do for computing them
            let standing = results_bytes(exprs).saturating_add(standing_bytes_of(exprs));
            let short = self.fit_sinks(&collected(exprs), 0)?.err().map_or(0, |short| short.smallest_bytes);
            Err(naming(error, standing.saturating_add(short)))
        })
    }

    /// Reserves what the open stores keep in memory.
    fn reserve_standing(&self, exprs: &[Expr]) -> Result<Reservation> {
        let (bytes, nodes) = (standing_bytes_of(exprs), postorder(exprs));
        match nodes.iter().max_by_key(|node| node.standing_bytes) {
            Some(node) if node.standing_bytes > bytes / 2 => {
                self.reserve(node.op.name(), bytes, "; its tables take it, from the start to the end, beside all data")
            }
            _ => self.reserve(
                "open",
                bytes,
                "; the chunk indexes of opened files, the tables of operations and lists of unequal chunks take it",
            ),
        }
    }

    /// Room for `bytes` that a user's handle keeps until it is dropped. `advice` ends the refusal.
    pub(crate) fn hold(&self, operation: &str, bytes: u64, advice: &str) -> Result<Box<dyn std::any::Any + Send + Sync>> {
        Ok(Box::new(self.reserve(operation, bytes, advice)?))
    }

    /// Room for `bytes` that stand beside the pool's blocks. `advice` ends the refusal.
    fn reserve(&self, operation: &str, bytes: u64, advice: &str) -> Result<Reservation> {
        let taken = self.0.pool.usage().reserved_bytes;
        match self.0.pool.reserve(bytes) {
            Ok(Some(reservation)) => Ok(reservation),
            Err(error) if !matches!(error.kind(), ErrorKind::WouldNotFit { .. }) => Err(error),
            Ok(None) | Err(_) => Err(ErrorKind::WouldNotFit {
                operation: operation.into(),
                // beside what is held already
                needed_bytes: bytes.saturating_add(taken),
                limit_bytes: self.0.limit_bytes,
                smallest_bytes: bytes.saturating_add(taken),
                advice: advice.into(),
            }
            .into()),
        }
    }

    fn run_sinks(&self, sinks: &[Sink]) -> Result<Vec<Option<(u64, ChunkGrid)>>> {
        let exprs: Vec<Expr> = sinks.iter().map(|sink| sink.expr.clone()).collect();
        let results = self.0.pool.usage().reserved_bytes;
        let _indexes = match self.reserve_standing(&exprs) {
            Ok(indexes) => indexes,
            Err(error) => {
                let short = self.fit_sinks(sinks, 0)?.err().map_or(0, |short| short.smallest_bytes);
                return Err(naming(error, results.saturating_add(standing_bytes_of(&exprs)).saturating_add(short)));
            }
        };
        let standing = self.0.pool.usage().reserved_bytes;
        let (fitted, ahead_bytes) = self.fit_beside(&exprs, self.room(standing), |room| self.fit_sinks(sinks, room))?;
        let (Lowered { plan, kept }, _) = fitted.map_err(|short| short.refusal(self.0.limit_bytes, standing))?;
        let _ahead = self.allow_ahead(&exprs, ahead_bytes)?;
        self.run_plan(&plan, self.room(standing.saturating_add(ahead_bytes)))?;
        Ok(kept)
    }

    /// The plan for `sinks` that fits `room_bytes`.
    fn fit_sinks(&self, sinks: &[Sink], room_bytes: u64) -> Result<std::result::Result<(Lowered, Budget), Short>> {
        fit(room_bytes, &self.budget(0), &self.1, |lowered: &Lowered| &lowered.plan, |budget| lower(sinks, budget))
    }

    /// Runs a plan of which each task fits `room_bytes`.
    fn run_plan(&self, plan: &Plan, room_bytes: u64) -> Result<()> {
        let machine = Machine {
            pool: &self.0.pool,
            workers: self.0.workers.as_ref(),
            limit_bytes: room_bytes,
            sizes: self.0.sizes.work,
            counters: &self.0.counters,
            observer: self.0.observer.as_ref(),
            cancel: &self.1,
        };
        if self.0.watch_tasks {
            return scheduler::run(&watched(plan, &|key| self.0.pool.block_bytes(key)), &machine);
        }
        scheduler::run(plan, &machine)
    }
}

#[cfg(test)]
mod tests;
