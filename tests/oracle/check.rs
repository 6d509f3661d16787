//! One recipe under one runtime, and all of them against each other and the oracle.

use super::draw::Drawn;
use super::engine;
use super::tensor::Tensor;
use flagstone::error::ErrorKind;
use flagstone::runtime::{CancelToken, Dense};
use flagstone::{Error, Runtime};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// How a recipe is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    /// Bytes; `None` for no limit.
    pub limit: Option<u64>,
    pub threads: usize,
    pub optimised: bool,
}

const MIB: u64 = 1 << 20;

thread_local! {
    /// Runtimes under the limits that every recipe shares.
    static RUNTIMES: std::cell::RefCell<Vec<(How, Runtime)>> = const { std::cell::RefCell::new(vec![]) };
}

fn new_runtime(how: How) -> Runtime {
    let limit = how.limit.unwrap_or(u64::MAX);
    Runtime::builder().memory_limit_bytes(limit).threads(how.threads).optimize(how.optimised).build().expect("a runtime")
}

fn runtime(how: How) -> Runtime {
    RUNTIMES.with_borrow_mut(|all| {
        if let Some((_, runtime)) = all.iter().find(|(known, _)| *known == how) {
            return runtime.clone();
        }
        all.push((how, new_runtime(how)));
        all[all.len() - 1].1.clone()
    })
}

/// Longer than this no recipe runs: it hangs, and is cancelled.
const PATIENCE: Duration = Duration::from_secs(20);

/// A token that is cancelled if it is still watched when patience ends.
struct Watched(CancelToken);

static WATCHED: Mutex<Option<(Instant, CancelToken)>> = Mutex::new(None);

impl Watched {
    fn new() -> Watched {
        static WATCHMAN: Once = Once::new();
        WATCHMAN.call_once(|| {
            std::thread::spawn(|| {
                loop {
                    std::thread::sleep(Duration::from_millis(250));
                    match &*WATCHED.lock().unwrap() {
                        Some((since, token)) if since.elapsed() > PATIENCE => token.cancel(),
                        _ => {}
                    }
                }
            });
        });
        let token = CancelToken::new();
        *WATCHED.lock().unwrap() = Some((Instant::now(), token.clone()));
        Watched(token)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        *WATCHED.lock().unwrap() = None;
    }
}

fn compute(drawn: &Drawn, runtime: &Runtime) -> Result<Vec<Dense>, Error> {
    let arrays = engine::build(&drawn.recipe, &drawn.sources.arrays, runtime)?;
    let exprs = arrays.iter().map(|array| array.expr()).collect::<Result<Vec<_>, _>>()?;
    for (expr, &v) in exprs.iter().zip(&drawn.recipe.results) {
        let value = &drawn.values[v];
        let shape: Vec<u64> = value.shape().iter().map(|&n| n as u64).collect();
        let known = expr.counted.is_some() || expr.shape == shape;
        assert!(known && expr.dtype == value.dtype, "metadata {:?} {}, expected {shape:?} {}", expr.shape, expr.dtype, value.dtype);
    }
    runtime.compute_exprs(&exprs, &Watched::new().0)
}

/// The results under the least memory: the limit that the refusal at 1 byte names, or what refusals under
/// that name, three times at most.
fn compute_smallest(drawn: &Drawn, how: How) -> Result<(Vec<Dense>, u64), String> {
    let mut limits = vec![1u64];
    loop {
        let limit = limits[limits.len() - 1];
        let runtime = new_runtime(How { limit: Some(limit), ..how });
        match compute(drawn, &runtime) {
            Ok(results) => return Ok((results, limit)),
            Err(error) => match error.kind() {
                ErrorKind::WouldNotFit { smallest_bytes, .. } if *smallest_bytes > limit && limits.len() < 4 => {
                    limits.push(*smallest_bytes)
                }
                _ => return Err(format!("under the limits {limits:?}: {error}")),
            },
        }
    }
}

/// Compares all ways to run the recipe: the same bits, which the oracle grants.
pub fn check(drawn: &Drawn) -> Result<(), String> {
    let mut first: Option<Vec<Dense>> = None;
    for optimised in [true, false] {
        for threads in [1, 2, 4] {
            for limit in [None, Some(1), Some(64 * MIB), Some(256 * MIB)] {
                let mut how = How { limit, threads, optimised };
                let results = if limit == Some(1) {
                    let (results, limit) = compute_smallest(drawn, how).map_err(|e| format!("{how:?}: {e}"))?;
                    how.limit = Some(limit);
                    results
                } else {
                    compute(drawn, &runtime(how)).map_err(|e| format!("{how:?}: {e}"))?
                };
                match &first {
                    None => {
                        right(drawn, &results).map_err(|e| format!("{how:?}: {e}"))?;
                        first = Some(results);
                    }
                    Some(first) => {
                        same(first, &results).map_err(|e| format!("{how:?} differs from no limit and 1 thread: {e}"))?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn tensor(dense: &Dense) -> Tensor {
    let shape: Vec<usize> = dense.shape.iter().map(|&n| n as usize).collect();
    Tensor::from_bytes(dense.dtype, &shape, dense.bytes())
}

fn right(drawn: &Drawn, results: &[Dense]) -> Result<(), String> {
    for (&v, dense) in drawn.recipe.results.iter().zip(results) {
        if let Some(difference) = drawn.values[v].difference(&tensor(dense)) {
            return Err(format!("v{v} {difference}"));
        }
    }
    Ok(())
}

fn same(first: &[Dense], other: &[Dense]) -> Result<(), String> {
    for (a, b) in first.iter().zip(other) {
        if (&a.shape, a.dtype) != (&b.shape, b.dtype) {
            return Err(format!("{:?} {} and {:?} {}", a.shape, a.dtype, b.shape, b.dtype));
        }
        if a.bytes() != b.bytes() {
            let at = a.bytes().iter().zip(b.bytes()).position(|(x, y)| x != y).unwrap_or(0) / a.dtype.size();
            let (x, y) = (tensor(a), tensor(b));
            let pick = |t: &Tensor| t.values.iter().nth(at).copied();
            return Err(format!("bits at element {at} of {:?}: {:?} and {:?}", a.shape, pick(&x), pick(&y)));
        }
    }
    Ok(())
}
