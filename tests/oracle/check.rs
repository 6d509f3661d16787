//! One program under one runtime, and all of them against each other and the oracle.

use super::dice::{Dice, Stream};
use super::draw::{Context, Drawing, V};
use super::sources::Scale;
use super::tensor::Tensor;
use flagstone::error::ErrorKind;
use flagstone::expr::Expr;
use flagstone::expr::record::Graph;
use flagstone::runtime::{CancelToken, Dense};
use flagstone::sizes::{NumericsSizes, Sizes, WorkSizes};
use flagstone::{Error, Runtime};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// How a program is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    pub limit: Limit,
    pub threads: usize,
    pub optimised: bool,
    pub sizes: Sizes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    None,
    /// What the refusal at 1 byte names.
    Smallest,
    /// Twice that, and a mebibyte.
    Scarce,
    /// Mebibytes; the smallest where those are too few.
    Mib(u64),
    Bytes(u64),
}

/// Every pair of a limit and a number of threads for small arrays. Large ones take a while: without a limit, under
/// one that is usual, and in one more way, which `turn` chooses. Under tiny sizes, work is cut anew each time.
fn ways(scale: Scale, turn: usize) -> Vec<How> {
    let way = |limit, threads, optimised| How { limit, threads, optimised, sizes: Sizes::default() };
    match scale {
        Scale::Large => {
            let third = [
                way(Limit::None, 2, false),
                way(Limit::Mib(24), 4, true),
                way(Limit::Mib(32), 1, false),
                way(Limit::Scarce, 2, true),
                way(Limit::Mib(100), 2, false),
            ];
            vec![way(Limit::None, 1, true), way(Limit::Mib(64), 2, true), third[turn % third.len()]]
        }
        Scale::Tiny => {
            let mut stream = Stream::new(turn as u64);
            let dice = &mut Dice::new(&stream.rolls(200));
            // what fixes bits is one for all ways
            let least = dice.between(1, 4) as u64;
            let numerics = NumericsSizes {
                cell_elements_min: least,
                cell_elements_max: least + dice.below(9) as u64,
                column_row_bytes: 8 * dice.between(1, 6) as u64,
                tall_elements: dice.between(4, 40) as u64,
                eigh_side_max: dice.between(1, 12) as u64,
                tridiagonal_leaf: dice.between(1, 6) as u64,
            };
            let mut ways = vec![
                way(Limit::None, 1, true),
                way(Limit::None, 2, false),
                way(Limit::Smallest, 1, true),
                way(Limit::Smallest, 2, false),
                way(Limit::Scarce, 1, true),
            ];
            for way in &mut ways {
                way.sizes = Sizes { numerics, work: work_sizes(dice) };
            }
            ways
        }
        Scale::Small => {
            let limits = [Limit::None, Limit::Smallest, Limit::Mib(64), Limit::Mib(256)];
            let with = |optimised| [1, 2, 4].into_iter().flat_map(move |threads| limits.map(move |limit| way(limit, threads, optimised)));
            with(true).chain(with(false)).collect()
        }
    }
}

/// A few elements of everything.
fn work_sizes(dice: &mut Dice) -> WorkSizes {
    let mut between = |low: u64, high: u64| dice.between(low as usize, high as usize) as u64;
    let (reduce_elements_min, tile_side_min) = (between(1, 12), between(1, 3));
    let tile_side_even_min = tile_side_min + between(0, 2);
    WorkSizes {
        task_elements: between(2, 40),
        reduce_elements_max: reduce_elements_min + between(0, 40),
        reduce_elements_min,
        tiny_elements: between(1, 10),
        least_elements: between(1, 6),
        kept_row_elements: between(1, 12),
        kept_elements: between(2, 40),
        mask_elements: between(2, 40),
        grouped_elements: between(1, 40),
        taken_elements: between(1, 60),
        taken_row_bytes_min: between(1, 20),
        taken_row_bytes_max: 1 << between(5, 20),
        taken_rows_max: 1 << between(4, 20),
        taken_block_bytes: 1 << between(3, 12),
        taken_blocks_max: 1 << between(2, 20),
        tally_slice_elements: between(1, 40),
        tile_side_min,
        tile_side_max: tile_side_even_min + between(0, 5),
        tile_side_even_min,
        panel_blocks_max: between(1, 3),
        helped_rows_min: 1 << between(1, 9),
        tile_helpers_max: between(0, 2),
        step_helpers_max: between(0, 4),
        combined_max: 1 << between(1, 3),
        row_bytes_min: between(1, 60),
        lane_piece_elements: between(1, 100),
        sort_elements: between(3, 40),
        lanes_elements: between(4, 60),
        lanes_apart_max: between(1, 6),
        run_elements_max: between(3, 60),
        run_piece_min: between(1, 5),
        quantile_keys_max: between(8, 200),
        quantile_keys_min: 4,
        again_share: between(1, 1000),
        quantile_boxes: between(2, 6),
        quantile_values: between(2, 30),
        product_share_min_bytes: between(8, 200),
        tile_side_cost: between(1, 200),
        tiles_enough: between(1, 40),
        thin_side_max: between(1, 12),
        stretch_min: between(1, 400),
        task_decodes_bytes: between(1, 1 << 20),
        step_slice_elements: between(1, 30),
        followers_few: between(1, 20),
        window_tasks_min: between(1, 3),
        window_tasks_max: between(3, 20),
        window_bytes_max: 1 << between(8, 16),
        window_fill_max: between(1, 6),
        window_hints_max: between(1, 20),
    }
}

thread_local! {
    /// Runtimes under the limits that every program shares.
    static RUNTIMES: RefCell<Vec<(How, Runtime)>> = const { RefCell::new(vec![]) };
}

fn new_runtime(how: How) -> Runtime {
    let limit = match how.limit {
        Limit::None => u64::MAX,
        Limit::Smallest | Limit::Scarce => 1,
        Limit::Mib(n) => n << 20,
        Limit::Bytes(n) => n,
    };
    let tiny = how.sizes != Sizes::default();
    let builder = Runtime::builder().memory_limit_bytes(limit).threads(how.threads).optimize(how.optimised);
    // every task of every plan is described and counted, which takes a while where there are millions of elements
    builder.sizes(how.sizes).watch_tasks(tiny).build().expect("a runtime")
}

fn runtime(how: How) -> Runtime {
    if how.sizes != Sizes::default() {
        return new_runtime(how);
    }
    RUNTIMES.with_borrow_mut(|all| {
        if let Some((_, runtime)) = all.iter().find(|(known, _)| *known == how) {
            return runtime.clone();
        }
        all.push((how, new_runtime(how)));
        all[all.len() - 1].1.clone()
    })
}

/// Longer than this no program runs: it hangs, and is cancelled.
const PATIENCE: Duration = Duration::from_secs(240);

/// A token that is cancelled if it is still watched when patience ends.
struct Watched(CancelToken, u64);

static WATCHED: Mutex<Vec<(u64, Instant, CancelToken)>> = Mutex::new(vec![]);

impl Watched {
    fn new() -> Watched {
        static WATCHMAN: Once = Once::new();
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        WATCHMAN.call_once(|| {
            std::thread::spawn(|| {
                loop {
                    std::thread::sleep(Duration::from_millis(250));
                    let watched = WATCHED.lock().unwrap();
                    watched.iter().filter(|(_, since, _)| since.elapsed() > PATIENCE).for_each(|(_, _, token)| token.cancel());
                }
            });
        });
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let token = CancelToken::new();
        WATCHED.lock().unwrap().push((id, Instant::now(), token.clone()));
        Watched(token, id)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        WATCHED.lock().unwrap().retain(|(id, ..)| *id != self.1);
    }
}

/// The same from the text of their plan; as they are where that says why there is none.
fn written(exprs: Vec<Expr>) -> Result<Vec<Expr>, Error> {
    match Graph::of(&exprs) {
        Ok(graph) => {
            let text = serde_json::to_string(&graph).expect("a graph is JSON");
            serde_json::from_str::<Graph>(&text).expect("JSON is a graph").exprs()
        }
        Err(error) if error.to_string().contains("cannot be written down") => Ok(exprs),
        Err(error) => Err(error),
    }
}

/// A program and what of it is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    drawing: &'a Drawing,
    results: &'a [V],
    directory: &'a Path,
}

impl Asked<'_> {
    fn tensor(&self, i: usize) -> &Tensor {
        self.drawing.tensor(self.results[i])
    }

    fn compute(&self, runtime: &Runtime, how: How) -> Result<Vec<Dense>, Error> {
        let context = Context { runtime: runtime.clone(), directory: self.directory.to_path_buf(), files: Cell::new(0) };
        let arrays = self.drawing.build(self.results, &context)?;
        let exprs = arrays.iter().map(|array| array.expr()).collect::<Result<Vec<_>, _>>()?;
        for (i, expr) in exprs.iter().enumerate() {
            let value = self.tensor(i);
            let shape: Vec<u64> = value.shape.iter().map(|&n| n as u64).collect();
            let known = expr.is_counted() || expr.shape == shape;
            assert!(known && expr.dtype == value.dtype, "metadata {:?} {}, expected {shape:?} {}", expr.shape, expr.dtype, value.dtype);
        }
        let exprs = if how.threads == 2 { written(exprs)? } else { exprs };
        runtime.cancelled_by(&Watched::new().0).compute_exprs(&exprs)
    }

    /// The results under the least memory: the limit that the refusal at 1 byte names, or what refusals under that
    /// name: one for each array that is kept or stored on the way, and three more at most.
    fn compute_smallest(&self, how: How) -> Result<Vec<Dense>, String> {
        let mut limits = vec![1u64];
        loop {
            let mut limit = limits[limits.len() - 1];
            if how.limit == Limit::Scarce && limit > 1 {
                limit = 2 * limit + (1 << 20);
            }
            match self.compute(&new_runtime(How { limit: Limit::Bytes(limit), ..how }), how) {
                Ok(results) => return Ok(results),
                Err(error) => match error.kind() {
                    ErrorKind::WouldNotFit { smallest_bytes, .. }
                        if *smallest_bytes > limit && limits.len() < 4 + self.drawing.values.len() =>
                    {
                        limits.push(*smallest_bytes)
                    }
                    _ => return Err(format!("under the limits {limits:?}: {error}")),
                },
            }
        }
    }

    fn run(&self, how: How) -> Result<Vec<Dense>, String> {
        if matches!(how.limit, Limit::Smallest | Limit::Scarce) {
            return self.compute_smallest(how);
        }
        match self.compute(&runtime(how), how) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldNotFit { .. }) => self.compute_smallest(how),
            outcome => outcome.map_err(|error| error.to_string()),
        }
    }

    fn right(&self, results: &[Dense]) -> Result<(), String> {
        for (i, dense) in results.iter().enumerate() {
            if let Some(difference) = self.tensor(i).difference(dense.dtype, &lengths(dense), dense.bytes()) {
                return Err(format!("v{} {difference}", self.results[i]));
            }
        }
        Ok(())
    }

    /// All ways to run the program: the same bits, which the oracle grants.
    fn check(&self) -> Result<(), String> {
        let mut first: Option<(How, Vec<Dense>)> = None;
        for how in ways(self.drawing.scale, self.drawing.turn) {
            let results = self.run(how).map_err(|e| format!("{how:?}: {e}"))?;
            match &first {
                None => {
                    self.right(&results).map_err(|e| format!("{how:?}: {e}"))?;
                    first = Some((how, results));
                }
                Some((other, first)) => same(first, &results).map_err(|e| format!("{how:?} differs from {other:?}: {e}"))?,
            }
        }
        Ok(())
    }

    fn check_caught(&self) -> Result<(), String> {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.check()));
        caught.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
            Err(format!("panicked: {}", text.unwrap_or_default()))
        })
    }
}

/// Checks a program; an error says what is wrong with the first of its values that is wrong alone, and how that
/// one is made.
pub fn check(drawing: &Drawing, directory: &Path) -> Result<(), String> {
    let asked = Asked { drawing, results: &drawing.results, directory };
    let Err(error) = asked.check_caught() else { return Ok(()) };
    for v in 0..drawing.values.len() {
        let alone = Asked { results: &[v], ..asked };
        if let Err(error) = alone.check_caught() {
            return Err(format!("{error}\n{}", drawing.text(&[v])));
        }
    }
    Err(format!("{error}\n{}", drawing.text(&drawing.results)))
}

fn lengths(dense: &Dense) -> Vec<usize> {
    dense.shape.iter().map(|&n| n as usize).collect()
}

fn same(first: &[Dense], other: &[Dense]) -> Result<(), String> {
    for (a, b) in first.iter().zip(other) {
        if (&a.shape, a.dtype) != (&b.shape, b.dtype) {
            return Err(format!("{:?} {} and {:?} {}", a.shape, a.dtype, b.shape, b.dtype));
        }
        if a.bytes() != b.bytes() {
            let size = a.dtype.size();
            let at = a.bytes().iter().zip(b.bytes()).position(|(x, y)| x != y).unwrap_or(0) / size;
            let pick = |dense: &Dense| super::tensor::read(dense.dtype, dense.bytes(), at);
            return Err(format!("bits at element {at} of {:?} {}: {:?} and {:?}", a.shape, a.dtype, pick(a), pick(b)));
        }
    }
    Ok(())
}
