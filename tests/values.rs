//! Values that a mistake once changed, or could change unseen, through the public interface.

use flagstone::array::{Chunks, where_};
use flagstone::error::ErrorKind;
use flagstone::{Array, DType, Runtime, arange, axis, from_function, idx, random};

fn runtime(limit: &str, threads: usize) -> Runtime {
    Runtime::builder().memory_limit(limit).threads(threads).build().unwrap()
}

/// [rows, 6], NaN all along row `row` and column `column` and nowhere else.
fn with_nan(rows: u64, chunk: u64, row: u64, column: u64) -> Array {
    from_function([rows, 6], Some(Chunks::from([chunk, 6])), move |at| {
        if at[0] == row || at[1] == column { f64::NAN } else { (at[0] * 6 + at[1]) as f64 }
    })
}

#[track_caller]
fn all_nan(runtime: &Runtime, x: &Array, name: &str, slice: &str) {
    let error = runtime.compute_any(x).err().unwrap_or_else(|| panic!("{name}: a result, where NumPy raises"));
    let text = error.to_string();
    assert!(matches!(error.kind(), ErrorKind::Numerical { .. }), "{text}");
    assert!(text.starts_with(&format!("{name}: All-NaN slice encountered")) && text.contains(slice), "{text}\nexpected {slice}");
}

/// NumPy raises; −1 came back.
#[test]
fn arg_reductions_of_nothing_but_nan_are_errors_that_name_the_slice() {
    for (limit, threads) in [("16MiB", 1), ("64MiB", 3)] {
        let runtime = runtime(limit, threads);
        for (rows, chunk) in [(40, 40), (40, 7), (5000, 300)] {
            let x = with_nan(rows, chunk, 17, 2);
            for (y, name) in [(x.nanargmax(0), "nanargmax"), (x.nanargmin(axis(0).keepdims()), "nanargmin")] {
                all_nan(&runtime, &y, name, "the slice at [2] of");
            }
            for (y, name) in [(x.nanargmax(1), "nanargmax"), (x.nanargmin(-1), "nanargmin")] {
                all_nan(&runtime, &y, name, "the slice at [17] of");
            }
            // among several reductions, and as float32
            all_nan(&runtime, &(x.nanmax(0) + x.nanargmax(0)), "nanargmax", "the slice at [2] of");
            all_nan(&runtime, &x.astype(DType::F32).nanargmin(0), "nanargmin", "the slice at [2] of");
            let row = x.index(idx![17]);
            all_nan(&runtime, &row.nanargmax(..), "nanargmax", "the whole array");
            // a mask that selects NaN alone, and one that selects nothing
            all_nan(&runtime, &x.index(idx![x.isnan()]).nanargmin(..), "nanargmin", "the whole array");
            let nothing = runtime.compute_any(&x.index(idx![x.gt(1e9)]).nanargmin(..)).err().unwrap().to_string();
            assert!(nothing.contains("has no element"), "{nothing}");
            // one number is enough, and without nan- the first NaN is the place
            assert_eq!(runtime.item::<i64>(&x.nanargmax(..)).unwrap(), rows as i64 * 6 - 1);
            assert_eq!(runtime.item::<i64>(&x.argmax(..)).unwrap(), 2);
        }
    }
}

#[test]
fn a_step_on_what_is_no_slice_is_refused_in_its_words() {
    let x = arange(0, 10, 1, None);
    for (index, words) in [
        (idx![5; 2], "the step 2 on the integer 5"),
        (idx![[1, 2]; 3], "the step 3 on a list"),
        (idx![x.gt(3); 2], "the step 2 on an array"),
        (Vec::from([flagstone::array::Index::from(1..9).step(2).step(3)]), "the steps 2 and 3 on one slice"),
    ] {
        let error = x.index(index).check().unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("only a slice has one step"), "{error}\nexpected {words}");
    }
    assert_eq!(x.index(idx![1..9; 3]).compute::<i64>().unwrap().into_raw_vec_and_offset().0, [1, 4, 7]);
}

/// Threads and the limit cut the reduced axis into runs and groups of many sizes; a variance, unlike a compensated sum,
/// shows in its bits in which order they were merged.
#[test]
fn bits_of_variances_do_not_depend_on_threads_or_limit() {
    // many small partials, few large ones, and one chunk that is cut
    for (rows, chunk, columns) in [(2_000_003, 1000, 8), (4099, 7, 5000), (3_000_000, 3_000_000, 4)] {
        let x = random::uniform(0.0, 1e3).shape([rows, columns]).seed(11).chunks([chunk, columns]).build();
        let mut bits: Option<Vec<u64>> = None;
        for (limit, threads) in [("2GiB", 1), ("64MiB", 1), ("64MiB", 2), ("48MiB", 3), ("24MiB", 5), ("200MiB", 7)] {
            let found = runtime(limit, threads).compute::<f64>(&x.var(0)).unwrap();
            let found: Vec<u64> = found.iter().map(|v| v.to_bits()).collect();
            let first = bits.get_or_insert_with(|| found.clone());
            assert_eq!(*first, found, "{rows} rows in chunks of {chunk}, {limit} and {threads} threads");
        }
    }
}

/// Blocks that are read again with a step, straight and turned.
#[test]
fn blocks_are_gathered_with_their_step() {
    let n = 3000u64;
    let of = |i: u64, j: u64| (i * 31 + j * 17) % 1009;
    let s = from_function([n, n], Some(Chunks::from([700, 900])), move |at| of(at[0], at[1]) as f64);
    let want: u64 = (0..n).step_by(3).map(|i| (0..n).map(|j| of(i, j) + of(j, i)).sum::<u64>()).sum();
    let third = |x: &Array| x.index(idx![..; 3]);
    for (limit, threads) in [("48MiB", 1), ("256MiB", 2)] {
        let runtime = runtime(limit, threads);
        let kept = runtime.persist(&s).unwrap();
        for s in [&s, &kept] {
            assert_eq!(runtime.item::<f64>(&(third(s) + third(&s.t())).sum(..)).unwrap(), want as f64, "{limit}");
        }
    }
}

/// The two in the middle lie in different halves of the values, at the ends of their brackets.
#[test]
fn the_middle_two_of_a_median_may_be_far_apart() {
    let runtime = runtime("64MiB", 2);
    let i = arange(0, 4_000_000, 1, None);
    let halves = |below: f64, above: f64| where_(i.lt(2_000_000), below, above);
    for (below, above, want) in [(-1.0, 1.0, 0.0), (0.0, 3.0, 1.5), (-7.0, -2.0, -4.5), (1.0, 1e300, 5e299), (-1e-310, 1.0, 0.5)] {
        assert_eq!(runtime.item::<f64>(&halves(below, above).median(..)).unwrap(), want, "{below} and {above}");
    }
    let single = halves(-1.0, 1.0).astype(DType::F32);
    assert_eq!(runtime.item::<f32>(&single.median(..)).unwrap(), 0.0);
    // one more of either half, and the median is its value
    assert_eq!(runtime.item::<f64>(&where_(i.le(2_000_000), -1.0, 1.0).median(..)).unwrap(), -1.0);
    assert_eq!(runtime.item::<f64>(&where_(i.lt(1_999_999), -1.0, 1.0).median(..)).unwrap(), 1.0);
    // of distinct values, an even and an odd number
    assert_eq!(runtime.item::<f64>(&(&i * 7 % 4_000_000).median(..)).unwrap(), 1_999_999.5);
    assert_eq!(runtime.item::<f64>(&arange(0, 3_999_999, 1, None).median(..)).unwrap(), 1_999_999.0);
}

/// Partials of nothing (a block of NaN alone, a tree's beginning) add nothing, where the square of a mean is more than a float holds.
#[test]
fn partials_of_nothing_change_no_variance() {
    let huge = 2f64.powi(600);
    for (limit, threads) in [("16MiB", 1), ("64MiB", 3)] {
        let runtime = runtime(limit, threads);
        for empty in [0..0, 0..100, 200..400, 500..600] {
            let text = format!("rows {empty:?} of NaN, {limit}");
            let nan = move |at: &[u64]| if empty.contains(&at[0]) { f64::NAN } else { huge };
            let x = from_function([600, 3], Some(Chunks::from([100, 3])), nan);
            assert_eq!(runtime.item::<f64>(&x.nanvar(..)).unwrap(), 0.0, "{text}");
            assert_eq!(runtime.compute::<f64>(&x.nanstd(0)).unwrap().into_raw_vec_and_offset().0, [0.0; 3], "{text}");
            assert_eq!(runtime.item::<f64>(&x.nanvar(1).nansum(..)).unwrap(), 0.0, "{text}");
        }
    }
}

/// Between values of very different sizes it shows from which end the way is measured: NumPy takes the nearer one.
#[test]
fn quantiles_between_two_values_are_numpys_to_the_last_bit() {
    let x = from_function([2], None, |at| [-1e16, 1.0][at[0] as usize]);
    // np.quantile([-1e16, 1], [.25, .5, .6, .75, .9])
    let want = [-7.5e15, -4999999999999999.0, -3999999999999999.0, -2499999999999999.0, -999999999999998.8];
    assert_eq!(x.quantile([0.25, 0.5, 0.6, 0.75, 0.9], ..).compute::<f64>().unwrap().into_raw_vec_and_offset().0, want);
}

/// Rows that are boxes of their own, as a small limit cuts them: each goes on from the one before.
#[test]
fn running_sums_go_on_over_boxes_of_one_row() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    let x = from_function([6, 150_000], Some(Chunks::from([1, 150_000])), |at| (at[0] + 1) as f64);
    x.store(&address).unwrap();
    let stored = flagstone::open(&address).unwrap();
    for x in [&x, &stored] {
        assert_eq!(runtime("8MiB", 1).item::<f64>(&x.cumsum(0).sum(..)).unwrap(), (1 + 3 + 6 + 10 + 15 + 21) as f64 * 150_000.0);
    }
}
