//! Computations that meet each other, stop, or fail: the limit holds, and nothing is left behind.

use super::Runtime;
use crate::array::{Array, concatenate};
use crate::error::ErrorKind;
use crate::runtime::CancelToken;
use crate::sizes::Sizes;
use crate::{DType, axis, idx, ones, random};
use ndarray::ArrayViewD;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

fn runtime(limit: &str, threads: usize) -> Runtime {
    Runtime::builder().memory_limit(limit).threads(threads).build().unwrap()
}

fn left_behind(runtime: &Runtime) -> (u64, u64) {
    let usage = runtime.0.pool.usage();
    (usage.blocks, usage.used_bytes)
}

#[test]
fn two_threads_at_once_keep_the_limit() {
    let runtime = runtime("8MiB", 2);
    let x = random::normal(0.0, 1.0).shape([1000, 600]).seed(3).build();
    let y = (&x - x.mean(axis(0).keepdims())).std(1);
    let alone = runtime.compute::<f64>(&y).unwrap();
    std::thread::scope(|scope| {
        let compute = || (0..5).map(|_| runtime.compute::<f64>(&y).unwrap()).collect::<Vec<_>>();
        let others: Vec<_> = (0..2).map(|_| scope.spawn(compute)).collect();
        for other in others {
            assert!(other.join().unwrap().iter().all(|result| *result == alone));
        }
    });
    assert!(runtime.counters().peak_reserved_bytes.load(SeqCst) <= 8 << 20);
    assert_eq!(left_behind(&runtime), (0, 0));
}

/// An array whose blocks call `f` with the number of blocks called before.
fn counted(f: impl Fn(u64) + Send + Sync + 'static) -> Array {
    let calls = std::sync::atomic::AtomicU64::new(0);
    ones([64, 64], DType::F64).rechunk([8, 8]).map_blocks(move |block: ArrayViewD<'_, f64>| {
        f(calls.fetch_add(1, SeqCst));
        block.to_owned()
    })
}

#[test]
fn cancelled_midway_nothing_is_left() {
    for threads in [1, 3] {
        let runtime = runtime("16MiB", threads);
        let token = CancelToken::new();
        let inside = token.clone();
        let x = counted(move |n| {
            if n == 5 {
                inside.cancel()
            }
        });
        let error = runtime.cancelled_by(&token).compute_exprs(&[(x.sum(0) + 1.0).expr().unwrap()]).err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error}");
        assert_eq!(left_behind(&runtime), (0, 0), "{threads} threads");
    }
}

#[test]
fn a_chain_of_a_thousand_products_is_planned() {
    let x = ones([3, 3], DType::F64) / 3.0;
    let chain = |n| (0..n).fold(x.clone(), |product, _| product.matmul(&x));
    let runtime = runtime("64MiB", 2);
    assert!((runtime.item::<f64>(&chain(3000).sum(..)).unwrap() - 3.0).abs() < 1e-9);
}

#[test]
fn planning_stops_when_it_is_asked_to() {
    let token = CancelToken::new();
    let runtime = runtime("1MiB", 2).cancelled_by(&token);
    let (x, huge) = (ones([600, 600], DType::F64), ones([60_000, 60_000], DType::F64));
    let arrays = [x.matmul(&x).sum(..), huge.matmul(&huge).sum(..), x.index(idx![x.gt(0.0)]).index(idx![..;2]).sum(..)];
    arrays.iter().for_each(|array| drop(runtime.explain(array).unwrap()));
    token.cancel();
    for array in &arrays {
        let errors = [runtime.explain(array).err().unwrap(), runtime.item::<f64>(array).unwrap_err()];
        assert!(errors.iter().all(|error| matches!(error.kind(), ErrorKind::Cancelled)), "{errors:?}");
    }
    assert_eq!(runtime.counters().tasks.load(SeqCst), 0);
}

#[test]
fn a_panicking_function_is_an_error_that_names_the_block() {
    for threads in [1, 3] {
        let runtime = runtime("16MiB", threads);
        let x = ones([64, 64], DType::F64).rechunk([8, 8]).map_blocks(|block: ArrayViewD<'_, f64>| {
            assert!(block.is_empty(), "no luck");
            block.to_owned()
        });
        let error = runtime.compute::<f64>(&x).unwrap_err();
        let ErrorKind::Panicked { operation, block, message } = error.kind() else { panic!("{error}") };
        assert_eq!(operation, "map_blocks");
        assert!(block.starts_with('[') && message.contains("no luck"), "{error}");
        assert_eq!(left_behind(&runtime), (0, 0), "{threads} threads");
        // and the runtime goes on
        assert_eq!(runtime.item::<f64>(&ones([3], DType::F64).sum(..)).unwrap(), 3.0);
    }
}

#[test]
fn computing_inside_a_block_function_is_refused() {
    let runtime = runtime("16MiB", 2);
    let inner = runtime.clone();
    let x = counted(move |_| {
        let error = inner.item::<f64>(&ones([2], DType::F64).sum(..)).unwrap_err();
        panic!("{error}");
    });
    let error = runtime.compute::<f64>(&x).unwrap_err().to_string();
    assert!(error.contains("inside of a block function"), "{error}");
    assert_eq!(left_behind(&runtime), (0, 0));
}

#[test]
fn what_persists_is_dropped_with_its_last_handle() {
    let runtime = runtime("16MiB", 2);
    let x = runtime.persist(&counted(|_| ())).unwrap();
    assert!(left_behind(&runtime).0 > 0);
    assert_eq!(runtime.item::<f64>(&x.sum(..)).unwrap(), 4096.0);
    drop(x);
    assert_eq!(left_behind(&runtime).0, 0);
}

/// Reads of blocks across seams, beside a result that takes almost all of the limit.
#[test]
fn the_last_task_starts_beside_a_large_result() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("{}/x.npy", directory.path().display());
    crate::store::create(&address, &crate::store::Create::new(vec![94333], DType::Bool)).unwrap().commit().unwrap();
    let x = crate::open(&address).unwrap().rechunk([65800]);
    let y = crate::array::concatenate(&[x.clone(), x], 0).astype(DType::F64);
    for limit in [1_560_000, 1_580_000, 1_595_344, 1_596_000, 1_597_000, 1_600_000] {
        for optimize in [true, false] {
            let runtime = Runtime::builder().memory_limit_bytes(limit).threads(1).optimize(optimize).build().unwrap();
            match runtime.compute::<f64>(&y) {
                Ok(result) => assert_eq!(result.len(), 188666),
                Err(error) => {
                    let ErrorKind::WouldNotFit { smallest_bytes, .. } = error.kind() else { panic!("{limit}: {error}") };
                    assert!(*smallest_bytes > limit, "{error}");
                    assert_eq!(runtime.counters().tasks.load(SeqCst), 0, "refused before anything runs: {error}");
                }
            }
        }
    }
}

/// The first computation counts the mask; the graphs of the others were built with a bound for its length.
#[test]
fn a_selection_counted_by_another_computation_has_its_length() {
    let runtime = runtime("16MiB", 2);
    let x = random::normal(0.0, 1.0).shape([300, 40]).seed(5).build();
    let all: Vec<f64> = runtime.compute::<f64>(&x).unwrap().into_iter().collect();
    let chosen: Vec<f64> = all.into_iter().filter(|v| *v > 0.5).collect();
    let selected = x.index(idx![&x.gt(0.5)]);
    let largest = selected.argmax(..);
    let median = selected.median(..);
    let again = selected.index(idx![&selected.gt(1.0)]).argmax(..);
    let argmax = |values: &[f64]| values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 as i64;
    for _ in 0..2 {
        assert_eq!(runtime.item::<i64>(&largest).unwrap(), argmax(&chosen));
    }
    let above = (&largest + &x).sum(..) - x.sum(..);
    assert!((runtime.item::<f64>(&above).unwrap() - (argmax(&chosen) * 12_000) as f64).abs() < 1e-6);
    let mut sorted = chosen.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
    assert_eq!(runtime.item::<f64>(&median).unwrap(), middle);
    let larger: Vec<f64> = chosen.into_iter().filter(|v| *v > 1.0).collect();
    for _ in 0..2 {
        assert_eq!(runtime.item::<i64>(&again).unwrap(), argmax(&larger));
        runtime.explain(&again).unwrap();
    }
    assert_eq!(left_behind(&runtime), (0, 0));
}

/// What runs on arrays of some size, and a value that it must have.
fn sized(what: &str, array: &Array, limit: &str, expected: f64) {
    for threads in [1, 2] {
        let found = runtime(limit, threads).compute_any(array).unwrap_or_else(|e| panic!("{what}: {e}"));
        let found = found.item().unwrap_or_else(|| panic!("{what} is one number")).as_f64();
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{what}: {found}, expected {expected}");
    }
}

#[test]
fn cells_that_lie_across_blocks_are_brought_in() {
    // tiles of a product are multiples of 64, chunks of its operands are not
    let x = ones([1500, 300], DType::F64).rechunk([500, 500]);
    sized("gram", &x.matmul(x.t()).sum(..), "64MiB", 1500.0 * 1500.0 * 300.0);
    sized("columns", &(x.matmul(x.t()) + 1.0).min(0).sum(..), "64MiB", 1500.0 * 301.0);
    // chunks of 400 do not end where the first part does
    let y = crate::arange(0, 709_524, 1, None).astype(DType::F32).rechunk([400]);
    let both = crate::array::concatenate(&[y.clone(), y.clone()], 0);
    sized("mean of both", &both.mean(..).astype(DType::F64).rint(), "64MiB", 354_762.0);
    sized("variance", &(&both * 0.0 + 1.0).var(..), "64MiB", 0.0);
    sized("all", &both.ge(0.0).all(..).astype(DType::F64), "64MiB", 1.0);
}

#[test]
fn products_larger_than_memory_are_summed_under_a_small_limit() {
    let a = ones([8000, 4], DType::F32);
    sized("tall times wide", &a.matmul(a.t()).sum(..).astype(DType::F64), "16MiB", 8000.0 * 8000.0 * 4.0);
    let b = ones([1200, 1200], DType::F64);
    sized("square", &b.matmul(&b).sum(..), "6MiB", 1200f64.powi(3));
}

/// What a writer's task reads may be more than a thread's share. It was cut until a task wrote one element, which saved nothing.
#[test]
fn a_result_under_the_smallest_limit_is_not_written_element_by_element() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.h5");
    let options = crate::array::StoreOptions::new().chunks([500, 500]).codec(crate::store::Codec::Gzip(1));
    random::normal(0.0, 1.0).shape([1021, 700]).seed(2).build().store_with(&address, &options).unwrap();
    let matrix = Array::from_ndarray(ndarray::Array2::<f64>::ones((1500, 106))).rechunk([500, 106]);
    for y in [matrix.matmul(matrix.t()), crate::open(&address).unwrap()] {
        let at = |limit: u64| {
            let runtime = Runtime::builder().memory_limit_bytes(limit).threads(2).build().unwrap();
            (runtime.compute::<f64>(&y), runtime)
        };
        let smallest = match at(1).0.unwrap_err().kind() {
            ErrorKind::WouldNotFit { smallest_bytes, .. } => *smallest_bytes,
            other => panic!("{other}"),
        };
        let (found, small) = at(smallest);
        assert_eq!(found.unwrap(), runtime("1GiB", 2).compute::<f64>(&y).unwrap());
        let tasks = small.counters().tasks.load(SeqCst);
        assert!(tasks < 10_000, "{tasks} tasks");
    }
}

/// Parts of a box that lies across blocks would bring each of them back for every part.
#[test]
fn blocks_that_are_kept_come_back_from_the_disk_once_for_a_result() {
    let matrix = Array::from_ndarray(ndarray::Array2::<f64>::ones((2000, 106))).rechunk([500, 106]);
    let keeps = runtime("34MiB", 2);
    let y = keeps.persist(&matrix.matmul(matrix.t())).unwrap();
    let found = keeps.compute::<f64>(&y).unwrap();
    assert!(found.iter().all(|&v| v == 106.0));
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(SeqCst);
    let (written, read) = (of(&keeps.counters().spill_written_bytes), of(&keeps.counters().spill_read_bytes));
    assert!(written > 0 && read <= 2 * written, "{written} bytes spilled, {read} read back");
}

/// Under a limit that has room for one task at a time, the other workers take parts of it.
#[test]
fn workers_without_a_task_help_with_that_of_another() {
    let x = random::normal(0.0, 1.0).shape([1500, 1500]).seed(3).build();
    for y in [crate::array::linalg::lu_factor(&x)[0].clone(), crate::array::linalg::qr(&x)[1].clone()] {
        let y = y.sum(0);
        let at = |limit: u64, threads: usize| {
            let runtime = Runtime::builder().memory_limit_bytes(limit).threads(threads).build().unwrap();
            (runtime.compute::<f64>(&y), runtime)
        };
        let smallest = match at(1, 3).0.unwrap_err().kind() {
            ErrorKind::WouldNotFit { smallest_bytes, .. } => *smallest_bytes,
            other => panic!("{other}"),
        };
        let (found, three) = at(smallest, 3);
        let (alone, one) = at(1 << 30, 1);
        let bits = |found: crate::Result<ndarray::ArrayD<f64>>| found.unwrap().mapv(f64::to_bits);
        assert_eq!(bits(found), bits(alone));
        assert_eq!(one.counters().helped.load(SeqCst), 0);
        let helped = three.counters().helped.load(SeqCst);
        assert!(helped > 0, "{}", three.explain(&y).unwrap());
    }
}

/// They are taken by their places, or part by part, as the limit has room for the places.
#[test]
fn rows_in_any_order_come_under_the_limit_that_a_refusal_names() {
    let x = random::normal(0.0, 1.0).dtype(crate::DType::F32).shape([30_000, 256]).seed(3).chunks([777, 100]).build();
    let order = random::integers(-30_000, 30_000).shape([40_000]).seed(4).build();
    let y = x.take(&order, 0).sum(0);
    let wanted = runtime("1GiB", 2).compute::<f32>(&y).unwrap();
    let mut limit = 1;
    for _ in 0..4 {
        let found = Runtime::builder().memory_limit_bytes(limit).threads(2).build().unwrap().compute::<f32>(&y);
        match found.as_ref().map_err(crate::Error::kind) {
            Ok(found) => return assert_eq!(found, wanted),
            Err(ErrorKind::WouldNotFit { smallest_bytes, .. }) => limit = *smallest_bytes,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("refused under {limit} again");
}

/// A procedure that reads nothing itself needs nothing, however little room there is.
#[test]
fn what_needs_nothing_is_not_refused() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.h5:/x");
    runtime("64MiB", 1).store(&random::normal(0.0, 1.0).shape([1, 300_000]).seed(1).build(), &address).unwrap();
    let median = crate::open(&address).unwrap().median(1);
    let mut limit = 1;
    let mut refusals = 0;
    loop {
        let found = Runtime::builder().memory_limit_bytes(limit).threads(1).build().unwrap().compute::<f64>(&median);
        match found.as_ref().map_err(crate::Error::kind) {
            Ok(_) => break,
            Err(ErrorKind::WouldNotFit { smallest_bytes, .. }) => {
                assert!(*smallest_bytes > limit && *smallest_bytes < 64 << 20, "{smallest_bytes} after {limit}");
                limit = *smallest_bytes;
            }
            Err(other) => panic!("{other}"),
        }
        refusals += 1;
        assert!(refusals < 5);
    }
}

#[test]
fn planning_costs_operations_not_chunks() {
    let started = std::time::Instant::now();
    let wide = ones([1u64 << 28, 1], DType::F64).matmul(ones([1, 1u64 << 28], DType::F64));
    let plan = runtime("256MiB", 2).explain(&wide.sum(..)).unwrap();
    assert!(plan.stages.iter().all(|stage| stage.demand_bytes <= 256 << 20), "{plan}");
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn what_does_not_fit_is_refused_before_a_procedure_reads() {
    let calls = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let inside = calls.clone();
    let x = ones([640, 64], DType::F64).rechunk([64, 64]).map_blocks(move |block: ArrayViewD<'_, f64>| {
        inside.fetch_add(1, SeqCst);
        block.to_owned()
    });
    let runtime = runtime("4MiB", 2);
    let huge = ones([4000, 4000], DType::F64).map_blocks(|block: ArrayViewD<'_, f64>| block.to_owned()).sum(..);
    let chosen = x.index(idx![x.gt(0.0)]);
    for first in [x.median(..), chosen.argmax(0).astype(DType::F64), chosen.index(idx![..;2]).sum(..)] {
        let error = runtime.item::<f64>(&(first + &huge)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldNotFit { .. }), "{error}");
        assert_eq!(calls.load(SeqCst), 0, "it read before it refused");
    }
}

#[test]
fn what_a_procedure_keeps_must_fit_on_disk_before_it_reads() {
    let x = random::normal(0.0, 1.0).shape([1 << 20]).seed(1).build();
    let sorted = x.argsort(0).index(idx![..10]);
    let runtime = |cap: u64| Runtime::builder().memory_limit("8MiB").threads(1).spill_cap_bytes(cap).build().unwrap();
    // 16 bytes an item
    let short = runtime(4 << 20);
    let error = short.compute::<i64>(&sorted).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Spill { .. }) && error.to_string().contains("8 MiB would be on disk"), "{error}");
    assert_eq!(short.counters().tasks.load(SeqCst), 0, "it read before it refused");
    runtime(16 << 20).compute::<i64>(&sorted).unwrap();
}

#[test]
fn the_limit_that_a_refusal_names_is_enough() {
    let x = random::normal(0.0, 1.0).shape([300, 500]).seed(1).chunks([70, 90]).build();
    let programs = [
        ("rows", (&x - x.mean(axis(1).keepdims())).std(0)),
        ("median", &x - x.median(..)),
        ("mask", x.index(idx![x.gt(0.5)]) * 2.0),
        ("product", x.matmul(x.t()).sum(0)),
        ("parts", crate::array::concatenate(&[x.clone(), x.index(idx![3..]).clone()], 0).var(0)),
    ];
    for (what, array) in programs {
        for threads in [1, 2, 4] {
            let limited = |bytes| Runtime::builder().memory_limit_bytes(bytes).threads(threads).build().unwrap();
            let error = limited(1).compute_any(&array).unwrap_err();
            let ErrorKind::WouldNotFit { smallest_bytes, .. } = error.kind() else { panic!("{what}: {error}") };
            // the results of a mask are counted when they are known
            let mut limit = *smallest_bytes;
            if what == "mask" {
                limit += 300 * 500 * 8;
            }
            limited(limit).compute_any(&array).unwrap_or_else(|e| panic!("{what}, {threads} threads, {limit}: {e}"));
        }
    }
}

#[test]
fn bits_do_not_depend_on_work_sizes() {
    let x = random::normal(0.0, 1.0).shape([37, 41]).seed(5).chunks([9, 11]).build();
    let long = random::normal(0.0, 1.0).shape([700, 7]).seed(6).chunks([90, 4]).build();
    let cube = random::normal(0.0, 1.0).shape([300, 3, 5]).seed(7).chunks([70, 2, 3]).build();
    let programs = [
        ("variance", x.var(0)),
        ("demean", &x - x.mean(axis(1).keepdims())),
        ("product", x.matmul(x.t()).sum(1)),
        ("gram", long.t().matmul(&long)),
        ("gram of the centred", (&long - long.mean(0)).t().matmul(&long - long.mean(0))),
        ("tensordot", cube.tensordot(&cube, ([0, 2], [0, 2]))),
        ("a long inner axis", cube.t().tensordot(&cube, ([0, 2], [2, 0]))),
        ("stack", cube.matmul(cube.swapaxes(1, 2)).sum(0)),
        ("median", &x * x.median(..)),
        ("mask", x.index(idx![x.gt(0.0)]) + 1.0),
        ("running totals", x.cumsum(0)),
        ("running totals of rows", (&x * 3.0).cumsum(1).index(idx![..;2])),
        ("search", long.ravel().sort(0).searchsorted(x.clone(), true).astype(DType::F64)),
        ("take", long.take(&(crate::arange(0, 1400, 1, None) * 37 % 700).reshape([70, 20]), 0)),
        ("take along", long.take_along_axis(&long.argsort(0), Some(0))),
        ("parts", crate::array::concatenate(&[x.clone(), x.index(idx![3.., ..;-1])], 0).std(1)),
    ];
    let tiny = Sizes::tiny();
    for (what, array) in programs {
        let with = |sizes: Sizes, limit: &str, threads: usize| {
            let runtime = Runtime::builder().memory_limit(limit).threads(threads).sizes(sizes).build().unwrap();
            runtime.compute::<f64>(&array).unwrap_or_else(|e| panic!("{what}: {e}"))
        };
        let bits = |result: ndarray::ArrayD<f64>| result.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let first = bits(with(Sizes { work: Sizes::default().work, ..tiny }, "64MiB", 1));
        assert_eq!(bits(with(tiny, "64MiB", 1)), first, "{what}, tiny tasks");
        assert_eq!(bits(with(tiny, "4MiB", 3)), first, "{what}, tiny tasks on three threads");
    }
}

#[test]
fn half_a_product_with_its_transpose_is_computed_and_all_of_it_is_there() {
    let x = random::normal(0.0, 1.0).shape([290, 23]).seed(5).chunks([50, 9]).build();
    // the same values, which nothing says
    let other = x.maximum(f64::NEG_INFINITY);
    let stack = crate::array::stack(&[x.clone(), &x * 3.0, x.exp()], 0);
    let stack_other = crate::array::stack(&[x.clone(), &other * 3.0, x.exp()], 0);
    let pairs = [
        ("XᵀX", x.t().matmul(&x), x.t().matmul(&other), 0.6),
        ("XXᵀ", x.matmul(x.t()), x.matmul(other.t()), 0.6),
        ("centred", (&x - x.mean(0)).t().matmul(&x - x.mean(0)), (&x - x.mean(0)).t().matmul(&other - other.mean(0)), 0.7),
        ("stack", stack.swapaxes(1, 2).matmul(&stack), stack.swapaxes(1, 2).matmul(&stack_other), 0.9),
        ("integers", x.astype(DType::I8).t().matmul(x.astype(DType::I8)), x.astype(DType::I8).t().matmul(other.astype(DType::I8)), 0.6),
        ("a part", x.matmul(x.t()).index(idx![3..80, 10..;-1]), x.matmul(other.t()).index(idx![3..80, 10..;-1]), 1.1),
    ];
    for (what, mirrored, full, share) in pairs {
        for (limit, threads) in [("64MiB", 1), ("64MiB", 3), ("2MiB", 2)] {
            let runtime = Runtime::builder().memory_limit(limit).threads(threads).sizes(Sizes::tiny()).build().unwrap();
            let bits = |array: &Array| -> Vec<u64> {
                runtime.compute::<f64>(&array.astype(DType::F64)).unwrap().iter().map(|v| v.to_bits()).collect()
            };
            assert_eq!(bits(&mirrored), bits(&full), "{what}, {limit}, {threads} threads");
            let tasks = |array: &Array| -> u64 {
                runtime.explain(array).unwrap().stages.iter().filter(|stage| stage.name == "matmul").map(|stage| stage.tasks).sum()
            };
            let (some, all) = (tasks(&mirrored), tasks(&full));
            assert!((some as f64) < all as f64 * share, "{what}: {some} tasks of {all}");
        }
    }
    // complex products do not commute in their last bit: both halves are computed
    let z = x.astype(DType::C128) * crate::C128::new(0.3, 0.7);
    let runtime = Runtime::builder().memory_limit("64MiB").threads(2).sizes(Sizes::tiny()).build().unwrap();
    let hermitian = runtime.compute::<crate::C128>(&z.t().conj().matmul(&z)).unwrap();
    let part = runtime.compute::<crate::C128>(&z.t().conj().matmul(&z).index(idx![10.., ..9])).unwrap();
    assert_eq!(hermitian.slice(ndarray::s![10.., ..9]).into_dyn(), part);
}

#[test]
fn lists_of_unequal_chunks_are_counted_once() {
    let part = |chunk: u64| ones([1 << 20], DType::U8).rechunk([chunk]);
    // 2.6 million chunks, of which each of these nodes has the same list: 20 MiB of it.
    let x = concatenate(&[part(1), part(2), part(1)], 0);
    let sum = (&x + (&x + &x)).sum(..);
    let smallest = |limit: &str| {
        let error = runtime(limit, 1).item::<u64>(&sum).unwrap_err();
        let ErrorKind::WouldNotFit { smallest_bytes, .. } = error.kind() else { panic!("{error}") };
        *smallest_bytes
    };
    let least = smallest("16MiB");
    assert!((40 << 20..60 << 20).contains(&least), "{least}");
    let limited = Runtime::builder().memory_limit_bytes(least).threads(1).build().unwrap();
    assert_eq!(limited.item::<u64>(&sum).unwrap(), 9 << 20);
}
