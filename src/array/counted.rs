//! Arrays whose length depends on values: `x[mask]`. They build with upper bounds; what follows from a length waits
//! for it. Only a runtime counts: the one that computes, or the default one when the user asks for a length.

use crate::error::{Error, Result};
use crate::expr::{Count, Expr, Node, Op, ops, settle};
use crate::runtime::Runtime;
use flagstone_kernels::dtype::DType;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The count of a mask: one for all arrays that are indexed by the same node, so that `x[m] + y[m]` is
/// known to fit without counting.
pub(super) fn count_of(mask: &Expr) -> Arc<Count> {
    static COUNTS: Mutex<Option<HashMap<u64, Weak<Count>>>> = Mutex::new(None);
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = counts.get_or_insert_default();
    if let Some(count) = counts.get(&mask.id).and_then(Weak::upgrade) {
        return count;
    }
    counts.retain(|_, count| count.strong_count() > 0);
    let count = Arc::new(Count::default());
    counts.insert(mask.id, Arc::downgrade(&count));
    count
}

/// The same array with the lengths that were counted since it was built.
pub(super) fn refreshed(expr: &Expr) -> Result<Expr> {
    let mut left = vec![expr];
    let mut seen = HashSet::new();
    while let Some(node) = left.pop() {
        if !node.is_counted() || !seen.insert(node.id) {
            continue;
        }
        if matches!(&node.op, Op::Mask(mask) if mask.count.1.get().is_some()) {
            return settle(std::slice::from_ref(expr)).map(|mut exprs| exprs.remove(0));
        }
        left.extend(node.op.args());
    }
    Ok(expr.clone())
}

/// Whether a call on this thread may count a length that it asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    Allowed,
    Refused,
    /// One was asked for all the same.
    Asked,
}

thread_local! {
    static COUNTING: Cell<Counting> = const { Cell::new(Counting::Allowed) };
}

/// What `f` gives where no length may be counted, unless it asks for one: then what it gives means nothing.
pub(super) fn uncounted<T>(f: impl FnOnce() -> T) -> Option<T> {
    let before = COUNTING.replace(Counting::Refused);
    let made = f();
    (COUNTING.replace(before) != Counting::Asked).then_some(made)
}

/// The same array with every length known: counts what is not, with `runtime` or the default one.
pub(super) fn settled(expr: &Expr, runtime: Option<&Runtime>) -> Result<Expr> {
    match runtime {
        _ if !expr.is_counted() => Ok(expr.clone()),
        Some(runtime) => runtime.settle_expr(expr),
        None if COUNTING.get() != Counting::Allowed => {
            COUNTING.set(Counting::Asked);
            Err(Error::internal("a length that is not known yet"))
        }
        None => Runtime::default_runtime()?.settle_expr(expr),
    }
}

/// Whether the length along `axis` is known only when it is counted.
pub(super) fn is_counted(expr: &Expr, axis: usize) -> bool {
    expr.counted.get(axis).is_some_and(Option::is_some)
}

/// Whether the axes of two arrays have the same lengths, as far as is known before anything is counted.
pub(super) fn same_lengths(a: &Expr, b: &Expr) -> bool {
    let counts = |expr: &Expr| expr.counted.iter().map(|count| count.as_ref().map(Arc::as_ptr)).collect::<Vec<_>>();
    a.shape == b.shape && counts(a) == counts(b)
}

/// Whether `expr` can be repeated to the lengths of `other`, whatever those turn out to be.
pub(super) fn spreads(expr: &Expr, other: &Expr) -> bool {
    let Some(skip) = other.shape.len().checked_sub(expr.shape.len()) else { return false };
    let known = |axis: usize| other.counted.get(axis).is_none_or(Option::is_none);
    let fits = |(axis, &n): (usize, &u64)| n == 1 || (known(skip + axis) && n == other.shape[skip + axis]);
    !expr.is_counted() && expr.shape.iter().enumerate().all(fits)
}

/// `expr` repeated to the lengths of the counted array `other`; [`spreads`] says whether it can be.
pub(super) fn spread(expr: &Expr, other: &Expr) -> Result<Expr> {
    // what gives the lengths, without what is done to the values
    let mut like = other;
    while let Op::Elementwise(_) | Op::Rechunk(_) | Op::Spread(_) = &like.op {
        let Some(arg) = like.op.args().into_iter().find(|arg| same_lengths(arg, like)) else { break };
        like = arg;
    }
    Node::new(ops::Spread { arg: expr.clone(), like: like.clone() }.into())
}

/// A length, or a bound with the count that it waits for.
pub(super) type Length = (u64, Option<Arc<Count>>);

/// The lengths of an array.
pub(super) fn lengths(expr: &Expr) -> Vec<Length> {
    expr.shape.iter().enumerate().map(|(axis, &n)| (n, expr.counted.get(axis).cloned().flatten())).collect()
}

/// What `build` gives of arrays: at once where their lengths are all known, else once they are; until then an array of the lengths and
/// the dtype that `known` says. [`when_known`] finds those out by trying.
pub(super) fn deferred(
    name: &str,
    args: &[Expr],
    known: impl FnOnce() -> Result<(Vec<Length>, DType)>,
    build: impl Fn(&[Expr]) -> Result<Expr> + Send + Sync + 'static,
) -> Result<Expr> {
    if !args.iter().any(|arg| arg.is_counted()) {
        return build(args);
    }
    let (lengths, dtype) = known()?;
    let (shape, mut counted): (Vec<u64>, Vec<_>) = lengths.into_iter().unzip();
    if counted.iter().all(Option::is_none) {
        counted.clear();
    }
    let build = Arc::new(build);
    Node::new(ops::Deferred { name: name.to_string(), args: args.to_vec(), build, shape, counted, dtype }.into())
}

/// Lengths are guessed so often at most.
const TRIES_MAX: u64 = 256;

/// What `build` gives of arrays whose lengths are all known: at once where they are, else once they are counted.
/// Dtype and number of axes, which may not follow from a length, are found by asking `build` with the bounds, and
/// where those do not fit, with lengths of the arrays or one of `guesses` in their place.
///
/// # Errors
/// What `build` refuses whatever the length.
pub(super) fn when_known(
    name: &str,
    args: &[Expr],
    guesses: &[u64],
    build: impl Fn(&[Expr]) -> Result<Expr> + Send + Sync + 'static,
) -> Result<Expr> {
    if !args.iter().any(|arg| arg.is_counted()) {
        return build(args);
    }
    let mut counts: Vec<*const Count> = args.iter().flat_map(|arg| arg.counted.iter().flatten().map(Arc::as_ptr)).collect();
    counts.sort_unstable();
    counts.dedup();
    // the bounds, or for each count a guess
    let assumed = |guess: &dyn Fn(usize) -> Option<u64>| -> Vec<Expr> {
        let of = |count: &Arc<Count>| counts.binary_search(&Arc::as_ptr(count)).ok().and_then(guess);
        let one = |arg: &Expr| {
            let length = |(axis, &bound): (usize, &u64)| arg.counted[axis].as_ref().and_then(of).unwrap_or(bound);
            if arg.is_counted() { arg.assumed(arg.shape.iter().enumerate().map(length).collect()) } else { arg.clone() }
        };
        args.iter().map(one).collect()
    };
    let known = args.iter().filter(|arg| !arg.is_counted()).flat_map(|arg| arg.shape.iter().copied());
    let bounds = args.iter().filter(|arg| arg.is_counted()).flat_map(|arg| arg.shape.iter().copied());
    let mut guesses: Vec<u64> = guesses.iter().copied().chain(known).chain(bounds).collect();
    let first = build(&assumed(&|_| None));
    let like = first.or_else(|error| {
        let same = guesses.iter().find_map(|&guess| build(&assumed(&|_| Some(guess))).ok());
        // of few counts each on its own
        guesses.sort_unstable();
        guesses.dedup();
        let tries = (guesses.len() as u64).checked_pow(counts.len() as u32).filter(|&tries| tries <= TRIES_MAX).unwrap_or(0);
        let guess = |n: u64| move |count: usize, of: &[u64]| of[(n / (of.len() as u64).pow(count as u32)) as usize % of.len()];
        same.or_else(|| (0..tries).find_map(|n| build(&assumed(&|count| Some(guess(n)(count, &guesses)))).ok())).ok_or(error)
    })?;
    let lengths = || like.shape.iter().map(|&bound| (bound, Some(Arc::default()))).collect();
    deferred(name, args, || Ok((lengths(), like.dtype)), build)
}
