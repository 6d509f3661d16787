//! What is made of views lets slices through: a few elements of a rolled, padded or differenced array read the chunks
//! that those elements stand in.

use flagstone::array::{Index, Overlap, Pad, StoreOptions, arange, concatenate, convolve};
use flagstone::{Array, DType, Runtime, idx, ones, open, random};
use std::sync::atomic::Ordering::SeqCst;

const N: i64 = 4_000_000;
// larger than what is joined with its neighbours
const CHUNK: i64 = 200_000;

fn runtime() -> Runtime {
    Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap()
}

#[test]
fn slices_read_the_chunks_that_they_stand_in() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    runtime().store_with(&random::normal(0.0, 1.0).shape([N]).seed(3).build(), &address, &StoreOptions::new().chunks([CHUNK])).unwrap();
    let x = open(&address).unwrap();
    let whole: Vec<f64> = runtime().compute::<f64>(&x).unwrap().into_raw_vec_and_offset().0;
    let at = |place: i64| whole[place as usize];
    let reads = |name: &str, array: Array, chunks_max: f64, expected: &dyn Fn(i64) -> f64| {
        let runtime = runtime();
        let part = runtime.compute::<f64>(&array.index(idx![..10])).unwrap();
        let read = runtime.counters().decoded_bytes.load(SeqCst) as f64 / (8 * CHUNK) as f64;
        assert!(read <= chunks_max, "{name}: {read} chunks read, expected {chunks_max} at most");
        for (i, value) in (0..).zip(&part) {
            assert!((value - expected(i)).abs() < 1e-12, "{name}: {value} at {i}, expected {}", expected(i));
        }
    };
    reads("roll", x.roll(3, 0), 2.0, &|i| at((i + N - 3) % N));
    reads("tile", x.tile([3]).index(idx![N - 5..]), 2.0, &|i| at((i + N - 5) % N));
    reads("pad", x.pad(1000u64, &Pad::Reflect { odd: false }), 1.0, &|i| at(1000 - i));
    reads("pad by its mean", x.pad(5u64, &Pad::Edge).index(idx![N..]), 1.0, &|i| at((N + i - 5).min(N - 1)));
    reads("delete", x.delete(&Index::Int(5), 0), 1.0, &|i| at(if i < 5 { i } else { i + 1 }));
    reads("insert", x.insert(&Index::Int(N / 2), &ones([3], DType::F64), 0), 1.0, &at);
    reads("append", x.append(&x, 0).index(idx![N..]), 1.0, &at);
    reads("split", x.split(4, 0)[3].clone(), 1.0, &|i| at(3 * N / 4 + i));
    reads("diff", x.diff(1, 0), 1.0, &|i| at(i + 1) - at(i));
    reads("gradient", x.gradient(1.0, 0, 1).index(idx![1..]), 1.0, &|i| (at(i + 2) - at(i)) / 2.0);
    reads("convolve", convolve(&x, &ones([3], DType::F64), Overlap::Valid), 3.0, &|i| at(i) + at(i + 1) + at(i + 2));
    reads("window", x.sliding_window_view(&[(0, 3)]).index(idx![.., 2]), 1.0, &|i| at(i + 2));
    reads("several", concatenate(&[x.roll(1, 0), x.flip(0)], 0).index(idx![N..]), 1.0, &|i| at(N - 1 - i));
}

/// Windows that overlap, of what is stored and of what is computed from it: a hundred times the data, of which nothing is kept.
#[test]
fn windows_decode_each_chunk_once_and_keep_nothing() {
    const WINDOW: usize = 100;
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    runtime().store_with(&random::normal(0.0, 1.0).shape([N]).seed(3).build(), &address, &StoreOptions::new().chunks([CHUNK])).unwrap();
    let x = open(&address).unwrap();
    let whole: Vec<f64> = runtime().compute::<f64>(&x).unwrap().into_raw_vec_and_offset().0;
    let greatest = |of: &dyn Fn(f64) -> f64| {
        let sums = whole.windows(WINDOW).step_by(7).map(|window| window.iter().map(|&x| of(x)).sum::<f64>() / WINDOW as f64);
        sums.fold(f64::MIN, f64::max)
    };
    let plain: (Array, f64) = (x.clone(), greatest(&|x| x));
    for (name, (array, expected)) in [("stored", plain), ("computed", (x.sin().exp(), greatest(&|x| x.sin().exp())))] {
        let runtime = Runtime::builder().memory_limit("16MiB").threads(2).build().unwrap();
        let means = array.sliding_window_view(&[(0, WINDOW as u64)]).mean(1);
        let found: f64 = runtime.compute::<f64>(&means.index(idx![..;7]).max(..)).unwrap()[[]];
        assert!((found - expected).abs() < 1e-12, "{name}: {found}, expected {expected}");
        let (decoded, spilled) = (runtime.counters().decoded_bytes.load(SeqCst), runtime.counters().spilled_bytes.load(SeqCst));
        assert!(decoded <= 8 * N as u64 && spilled <= 8 * N as u64, "{name}: {decoded} bytes decoded, {spilled} spilled");
    }
}

/// Rows of a matrix in chunks of several rows and columns, by indices: those in memory read what they name, those that are computed decode
/// each chunk once, however many tasks look into it.
#[test]
fn indices_decode_each_chunk_once() {
    const SHAPE: [i64; 2] = [6000, 1200];
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    let x = random::normal(0.0, 1.0).shape(SHAPE).seed(3).build();
    Runtime::builder().build().unwrap().store_with(&x, &address, &StoreOptions::new().chunks([100, 600])).unwrap();
    let x = open(&address).unwrap();
    let whole = runtime().compute::<f64>(&x).unwrap();
    let places: Vec<i64> = (0..600).map(|i| i % 30 + i / 30 * 60 % 400 + 1500).collect();
    let decoded = |at: Array, most: f64| {
        let runtime = Runtime::builder().memory_limit("32MiB").threads(2).build().unwrap();
        let found = runtime.compute::<f64>(&x.index([Index::Array(at)]).sum(0)).unwrap();
        let read = runtime.counters().decoded_bytes.load(SeqCst) as f64 / whole.len() as f64 / 8.0;
        assert!(read <= most, "{read} of the matrix decoded, expected {most} at most");
        for (j, found) in found.iter().enumerate() {
            let expected: f64 = places.iter().map(|&i| whole[[i as usize, j]]).sum();
            assert!((found - expected).abs() < 1e-9, "column {j}: {found}, expected {expected}");
        }
    };
    let in_memory = Array::from(ndarray::Array1::from(places.clone()));
    // columns are sorted in strips that end inside of chunks
    let narrow = Runtime::builder().memory_limit("32MiB").threads(2).build().unwrap();
    let medians = narrow.compute::<f64>(&x.median(0)).unwrap();
    let read = narrow.counters().decoded_bytes.load(SeqCst) as f64 / whole.len() as f64 / 8.0;
    assert!(read <= 1.1, "{read} of the matrix decoded for medians");
    for j in [0, 41, 42, 599, 600, 1199] {
        let mut column: Vec<f64> = (0..SHAPE[0] as usize).map(|i| whole[[i, j]]).collect();
        column.sort_by(f64::total_cmp);
        assert_eq!(medians[[j]], (column[2999] + column[3000]) / 2.0, "median of column {j}");
    }
    decoded(in_memory.clone(), 0.5);
    decoded(in_memory + 0, 1.1);
}

/// Rows of what is made of whole columns, of an array that is much larger than the limit: a task holds what it sees of the columns' blocks, and
/// of sorted ones only the rows that are wanted are made.
#[test]
fn a_row_of_columns_needs_little_memory() {
    const SHAPE: [i64; 2] = [6000, 2400];
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    let x = random::normal(0.0, 1.0).shape(SHAPE).seed(3).build();
    Runtime::builder().build().unwrap().store_with(&x, &address, &StoreOptions::new().chunks([400, 300])).unwrap();
    let x = open(&address).unwrap();
    let whole = Runtime::builder().build().unwrap().compute::<f64>(&x).unwrap();
    let columns: Vec<Vec<f64>> = (0..SHAPE[1] as usize)
        .map(|j| {
            let mut column: Vec<f64> = whole.index_axis(ndarray::Axis(1), j).iter().copied().collect();
            column.sort_by(f64::total_cmp);
            column
        })
        .collect();
    // As it is written, nothing is pushed down: rows of the blocks of all columns.
    for optimize in [true, false] {
        let runtime = || Runtime::builder().memory_limit("24MiB").threads(2).optimize(optimize).build().unwrap();
        let sorted = x.sort(0);
        let (one, total) = (runtime(), runtime());
        let row = one.compute::<f64>(&sorted.index(idx![5])).unwrap();
        assert!(row.iter().zip(&columns).all(|(found, column)| *found == column[5]));
        let sum = total.item::<f64>(&sorted.index(idx![5]).sum(..)).unwrap();
        let wanted: f64 = columns.iter().map(|column| column[5]).sum();
        assert!((sum - wanted).abs() < 1e-9 * wanted.abs(), "{sum}, expected {wanted}");
        if optimize {
            let spilled = one.counters().spilled_bytes.load(SeqCst);
            // What is recut into columns, and no sorted column beside it.
            assert!(spilled <= whole.len() as u64 * 9, "{spilled} bytes spilled");
        }
    }
    let runtime = runtime();
    for (name, array, at) in [
        ("from the end", x.sort(0).index(idx![-3..]), &(|i: usize, j: usize| columns[j][5997 + i]) as &dyn Fn(usize, usize) -> f64),
        ("in steps", x.sort(0).index(idx![10..4000;995]), &|i, j| columns[j][10 + 995 * i]),
        ("downwards", x.sort(0).flip(0).index(idx![2..4]), &|i, j| columns[j][5997 - i]),
        ("of some columns", x.sort(0).index(idx![7..9, 11..;100]), &|i, j| columns[11 + 100 * j][7 + i]),
    ] {
        let found = runtime.compute::<f64>(&array).unwrap();
        for ((i, j), found) in found.into_dimensionality::<ndarray::Ix2>().unwrap().indexed_iter() {
            assert_eq!(*found, at(i, j), "{name}: row {i}, column {j}");
        }
    }
    let places = runtime.compute::<i64>(&x.argsort(0).index(idx![5])).unwrap();
    assert!(places.iter().enumerate().all(|(j, &i)| whole[[i as usize, j]] == columns[j][5]));
}

/// Two tasks that look into all of a table decode it twice where blocks of it would go to the disk, and once where those stay in memory.
#[test]
fn a_table_is_decoded_again_where_that_is_cheaper_than_keeping_it() {
    const SHAPE: [i64; 2] = [200_000, 32];
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr").display().to_string();
    let x = random::normal(0.0, 1.0).shape(SHAPE).seed(3).build();
    Runtime::builder().build().unwrap().store_with(&x, &address, &StoreOptions::new().chunks([10_000, 4])).unwrap();
    let x = open(&address).unwrap();
    // each row five times, in another order
    let places = arange(0, 1_000_000, 1, DType::I64) * 7919 % SHAPE[0];
    let total = 5.0 * Runtime::builder().build().unwrap().item::<f64>(&x.sum(..)).unwrap();
    // few tasks look into a table that memory has no room for; many. Where there is room for the places, rows come in the table's order: several
    // tasks a chunk where the rows that are asked of it are more than a task has, and one
    for (limit, times) in [("60MiB", 1.5..=8.0), ("40MiB", 1.0..=1.0), ("64MiB", 1.5..=8.0), ("512MiB", 1.0..=1.0)] {
        let runtime = Runtime::builder().memory_limit(limit).threads(1).build().unwrap();
        // indices that are computed: none is read
        let found = x.index([Index::Array(places.clone())]).sum(..);
        let found: f64 = runtime.item(&found).unwrap();
        assert!((found - total).abs() < 1e-6 * total.abs().max(1.0), "{found}, expected {total}");
        let read = runtime.counters().decoded_bytes.load(SeqCst) as f64 / (SHAPE[0] * SHAPE[1] * 8) as f64;
        assert!(times.contains(&read), "{limit}: {read} of the table decoded");
    }
}
