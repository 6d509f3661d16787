//! Arrays whose length depends on values: programs that NumPy runs build without computing, give its results, and
//! read each source as often as they must. Nothing here may use the default runtime, which the last lines look at.

use flagstone::array::{Axes, Value, concatenate, stack, where_};
use flagstone::eval::Evaluator;
use flagstone::{Array, DType, Runtime, arange, axis, idx, open, random};
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;

fn runtime() -> Runtime {
    Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap()
}

/// `0.0, 1.0, … 19.0` and its last fifteen, by a mask.
fn some() -> (Array, Array) {
    let x = arange(0.0, 20.0, 1.0, None);
    let chosen = x.index(idx![&x.gt(4.0)]);
    (x, chosen)
}

fn values(runtime: &Runtime, array: &Array) -> Vec<f64> {
    runtime.compute::<f64>(array).unwrap().into_raw_vec_and_offset().0
}

fn counting(from: i64, to: i64) -> Vec<f64> {
    (from..to).map(|v| v as f64).collect()
}

#[test]
fn a_selection_stands_beside_its_own_mean() {
    let runtime = runtime();
    let (_, a) = some();
    assert_eq!(runtime.item::<i64>(&(&a - a.mean(..)).argmax(..)).unwrap(), 14);
    assert_eq!(runtime.item::<i64>(&where_(a.gt(a.mean(..)), &a, 0.0).argmax(..)).unwrap(), 14);
    let scaled = (&a - a.mean(..) * 2.0) / (a.std(..).exp() + 1.0);
    assert_eq!(runtime.item::<i64>(&scaled.argmin(..)).unwrap(), 0);
    assert_eq!(runtime.item::<i64>(&(&a - a.median(..)).abs().argmin(..)).unwrap(), 7);
    assert_eq!(values(&runtime, &(&a - a.mean(..))), (-7..8).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn what_follows_from_a_length_waits_for_it() {
    let runtime = runtime();
    let (x, a) = some();
    let every = |array: &Array, expected: &[f64]| {
        assert_eq!(values(&runtime, array), expected, "{array:?}");
    };
    every(&a.index(idx![..;2]), &[5., 7., 9., 11., 13., 15., 17., 19.]);
    every(&a.index(idx![-5..3]), &[]);
    every(&a.index(idx![-3..]), &[17., 18., 19.]);
    every(&a.flip(0).index(idx![..2]), &[19., 18.]);
    every(&a.index(idx![[3, 0, -1]]), &[8., 5., 19.]);
    every(&a.index(idx![-15]).expand_dims(0), &[5.]);
    every(&a.index(idx![vec![true; 15]]), &counting(5, 20));
    // lengths that differ from the bound, equal to the count
    let y = arange(0.0, 15.0, 1.0, None);
    every(&(&a - &y), &[5.0; 15]);
    every(&(&y - &a), &[-5.0; 15]);
    every(&concatenate(&[a.clone(), y.clone(), a.index(idx![..1])], 0), &[counting(5, 20), counting(0, 15), vec![5.0]].concat());
    every(&stack(&[a.clone(), y.clone()], 0).sum(1), &[180., 105.]);
    every(&a.matmul(&y).expand_dims(0), &[(0..15).map(|i| (i * (i + 5)) as f64).sum()]);
    every(&a.sum(axis(0).keepdims()), &[180.]);
    every(&a.sum(Axes::from(0).only(&y.gt(3.0))).expand_dims(0), &[(9..20).sum::<i32>() as f64]);
    every(&a.index(idx![.., None]).sum(1), &counting(5, 20));
    every(&(a.index(idx![.., None]) * arange(0.0, 2.0, 1.0, None)).sum(0), &[0., 180.]);
    every(&a.full_like(3.0, None), &[3.0; 15]);
    every(&a.reshape([15, 1]).sum(0), &[180.]);
    every(&a.reshape([1, -1]).sum(1), &[180.]);
    every(&a.broadcast_to([2, 15]).sum(1), &[180., 180.]);
    every(&a.rechunk(4).index(idx![..;7]), &[5., 12., 19.]);
    every(&a.map_blocks(|block: ndarray::ArrayViewD<f64>| block.mapv(|v| v + 1.0)), &counting(6, 21));
    // a selection of a selection, and of another's mask
    let b = a.index(idx![&a.gt(9.0)]);
    every(&b, &counting(10, 20));
    every(&(&b + &b.flip(0)), &[29.0; 10]);
    every(&(x.index(idx![&x.lt(15.0)]) + &a), &(0..15).map(|i| (2 * i + 5) as f64).collect::<Vec<_>>());
    every(&a.index(idx![&x.index(idx![&x.lt(15.0)]).gt(9.0)]), &counting(15, 20));
    // comparing with what the dtype does not hold
    let small = x.astype(DType::U8).index(idx![&x.gt(4.0)]);
    every(&small.lt(1000).astype(DType::F64), &[1.0; 15]);
    every(&(small.lt(1000) & a.gt(18.0)).astype(DType::F64).sum(axis(0).keepdims()), &[1.]);
}

#[test]
fn what_does_not_fit_once_it_is_counted_is_refused_with_numpys_words() {
    let runtime = runtime();
    let (x, a) = some();
    let refused = |array: &Array, words: &str| {
        let error = runtime.compute_any(array).map(|_| ()).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&(&a + arange(0.0, 16.0, 1.0, None)), "[15] and [16] do not broadcast");
    refused(&a.index(idx![15]), "index 15 is out of bounds for axis 0 with length 15");
    refused(&x.index(idx![&x.gt(99.0)]).argmax(..), "argmax of nothing");
    assert!(a.index(idx![20]).check().unwrap_err().to_string().contains("out of bounds"), "beyond the bound already");
    assert!(a.matmul(x.expand_dims(0).expand_dims(0)).check().is_err());
}

#[test]
fn building_never_counts() {
    let (x, a) = some();
    let built = [
        (a.index(idx![..;2]).sum(..), 0),
        (&a + arange(0.0, 15.0, 1.0, None), 1),
        (a.index(idx![.., None]), 2),
        (concatenate(&[a.clone(), a.clone()], 0), 1),
        (stack(&[a.clone(), a.clone()], 0), 2),
        (a.index(idx![&a.gt(9.0)]), 1),
        (a.reshape([15, 1]), 2),
        (a.flip(0), 1),
        (x.index(idx![&x.gt(4.0)]).matmul(&a), 0),
    ];
    for (array, ndim) in &built {
        assert_eq!((array.ndim().unwrap(), array.dtype().unwrap()), (*ndim, DType::F64), "{array:?}");
        let _ = format!("{array:?}");
    }
    for call in ["array_equal(a, a[::2])", "random.permutation(a, seed=1)", "ix_(a > 7)", "ix_(a.astype('int64'), [1, 2])"] {
        let mut evaluator = Evaluator::new();
        evaluator.define("a", Value::Array(a.clone()));
        evaluator.run(call).unwrap_or_else(|e| panic!("{call}: {e}"));
    }
    let runtime = runtime();
    let text = runtime.explain(&a.index(idx![..;2]).sum(..)).unwrap().to_string();
    assert!(text.contains("count the mask"), "{text}");
    let above = x.index(idx![&x.gt(x.median(..))]);
    let text = runtime.explain(&(above.index(idx![..;2]) + arange(0.0, 5.0, 1.0, None))).unwrap().to_string();
    assert!(text.contains("count the mask") && text.contains("median"), "{text}");
    assert_eq!(runtime.counters().tasks.load(SeqCst), 0, "explaining runs nothing");
    assert!(runtime.make_default(), "building made the default runtime");
}

fn stored(directory: &Path) -> Array {
    let address = directory.join("x.zarr");
    let x = random::normal(0.0, 1.0).shape([200_000]).seed(3).build();
    runtime().store(&x, address.to_str().unwrap()).unwrap();
    open(address.to_str().unwrap()).unwrap()
}

#[test]
fn a_stored_selection_reads_its_source_twice() {
    let directory = tempfile::tempdir().unwrap();
    let x = stored(directory.path());
    let reads = |array: &Array, name: &str| {
        let runtime = runtime();
        let address = directory.path().join(name);
        runtime.store(array, address.to_str().unwrap()).unwrap();
        runtime.counters().decoded_bytes.load(SeqCst) as f64 / 1_600_000.0
    };
    let a = x.index(idx![&x.gt(0.5)]);
    assert_eq!(reads(&a, "a.npy"), 2.0);
    // counted before, by another runtime
    assert_eq!(reads(&a, "again.npy"), 1.0);
    let b = x.index(idx![&x.gt(0.25)]);
    assert_eq!(reads(&((&b - b.mean(..)) * 2.0), "b.npy"), 2.0, "its mean reads what is written from");
    let c = x.index(idx![&x.gt(0.125)]);
    assert_eq!(reads(&(&c * 2.0).index(idx![..;3]), "c.npy"), 2.0);
}
