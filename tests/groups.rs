//! Groups by label against plain loops, over chunks, limits and threads.

use flagstone::array::{StoreOptions, where_};
use flagstone::{Array, DType, Runtime, arange, random};
use ndarray::{Array3, ArrayD};

fn runtimes() -> Vec<Runtime> {
    let of = |limit: u64, threads| Runtime::builder().memory_limit_bytes(limit).threads(threads).build().unwrap();
    vec![of(1 << 30, 2), of(1 << 30, 1), of(6 << 20, 2)]
}

/// Values of whole numbers, so that sums are exact, with a NaN; labels of which one stands for no group and one group is empty.
fn data() -> (Array3<f64>, Vec<i64>) {
    let x = Array3::from_shape_fn((61, 7, 1100), |(i, j, k)| ((i * 31 + j * 7 + k * 13) % 97) as f64 - 40.0);
    let labels = (0..61).map(|i| if i % 11 == 3 { -1 } else { (i * i) % 5 }).collect();
    (x, labels)
}

#[test]
fn every_reduction_is_that_of_a_plain_loop() {
    let (x, labels) = data();
    const GROUPS: usize = 6;
    let rows = |g: usize| (0..61).filter(move |&i| data().1[i] == g as i64).collect::<Vec<usize>>();
    let expected = |f: &dyn Fn(&[f64]) -> f64| {
        let groups: Vec<Vec<usize>> = (0..GROUPS).map(rows).collect();
        let at = |(g, j, k): (usize, usize, usize)| f(&groups[g].iter().map(|&i| x[[i, j, k]]).collect::<Vec<f64>>());
        Array3::from_shape_fn((GROUPS, 7, 1100), at).into_dyn()
    };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let var = |v: &[f64]| v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f64>() / v.len() as f64;
    let near = |a: &ArrayD<f64>, b: &ArrayD<f64>| {
        a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan())
    };
    let chunked = Array::from(x.clone()).rechunk([9, 7, 500]);
    let label_array = Array::from(ndarray::Array1::from(labels)).rechunk([10]);
    let mut first: Option<Vec<ArrayD<f64>>> = None;
    for runtime in runtimes() {
        let of = chunked.groupby(&label_array, 0, GROUPS as u64);
        let asked = [of.sum(), of.mean(), of.var(0.0), of.min(), of.max(), of.count().astype(DType::F64)];
        let found: Vec<ArrayD<f64>> = asked.iter().map(|array| runtime.compute::<f64>(array).unwrap()).collect();
        assert!(near(&found[0], &expected(&|v| v.iter().sum())));
        assert!(near(&found[1], &expected(&mean)));
        assert!(near(&found[2], &expected(&var)));
        let extreme =
            |v: &[f64], start: f64, f: fn(f64, f64) -> f64| if v.is_empty() { f64::NAN } else { v.iter().copied().fold(start, f) };
        assert!(near(&found[3], &expected(&|v| extreme(v, f64::INFINITY, f64::min))));
        assert!(near(&found[4], &expected(&|v| extreme(v, f64::NEG_INFINITY, f64::max))));
        assert!(near(&found[5], &expected(&|v| v.len() as f64)));
        let bits =
            |all: &[ArrayD<f64>]| all.iter().flat_map(|array| array.iter().map(|v| v.to_bits()).collect::<Vec<_>>()).collect::<Vec<u64>>();
        match &first {
            None => first = Some(found),
            Some(first) => assert_eq!(bits(first), bits(&found), "bits depend on nothing"),
        }
    }
}

#[test]
fn what_skips_nan_is_a_plain_loop_over_the_rest() {
    const GROUPS: usize = 6;
    // a group of nothing but NaN in a column, one of nothing else at all, one without a place
    let nan = |i: usize, j: usize, k: usize| (i * 5 + j * 3 + k) % 4 == 1 || (i * i) % 5 == 1 && k % 3 == 1 || (i * i) % 5 == 4;
    let (whole, labels) = data();
    let x = Array3::from_shape_fn((61, 7, 110), |(i, j, k)| if nan(i, j, k) { f64::NAN } else { whole[[i, j, k]] });
    let zones = ndarray::Array2::from_shape_fn((61, 7), |(i, j)| (i * 5 + j * 3) as i64 % 6 - 1);
    let by_row = |i: usize, _: usize| labels[i];
    let by_zone = |i: usize, j: usize| zones[[i, j]];
    let of = |label: &dyn Fn(usize, usize) -> i64, g: usize, at: &dyn Fn(usize, usize) -> Option<f64>| -> Vec<f64> {
        let places = (0..61).flat_map(|i| (0..7).map(move |j| (i, j))).filter(|&(i, j)| label(i, j) == g as i64);
        places.filter_map(|(i, j)| at(i, j)).filter(|v| !v.is_nan()).collect()
    };
    type Reduce = fn(&[f64]) -> f64;
    let mean: Reduce = |v| v.iter().sum::<f64>() / v.len() as f64;
    let var: Reduce = |v| {
        if v.len() < 2 {
            f64::NAN
        } else {
            v.iter().map(|x| (x - v.iter().sum::<f64>() / v.len() as f64).powi(2)).sum::<f64>() / (v.len() - 1) as f64
        }
    };
    let expected: [Reduce; 7] = [
        |v| v.iter().sum(),
        mean,
        var,
        |v| {
            if v.len() < 2 {
                f64::NAN
            } else {
                (v.iter().map(|x| (x - v.iter().sum::<f64>() / v.len() as f64).powi(2)).sum::<f64>() / (v.len() - 1) as f64).sqrt()
            }
        },
        |v| v.iter().copied().fold(f64::NAN, f64::min),
        |v| v.iter().copied().fold(f64::NAN, f64::max),
        |v| v.len() as f64,
    ];
    let asked = |of: flagstone::array::Groups| {
        [of.nansum(), of.nanmean(), of.nanvar(1.0), of.nanstd(1.0), of.nanmin(), of.nanmax(), of.count().astype(DType::F64)]
    };
    for (dtype, chunks) in [(DType::F64, [9u64, 7, 50]), (DType::F64, [61, 2, 110]), (DType::F32, [4, 3, 7])] {
        let chunked = Array::from(x.clone()).astype(dtype).rechunk(chunks);
        let rows = chunked.groupby(&Array::from(ndarray::Array1::from(labels.clone())).rechunk([10]), 0, GROUPS as u64);
        let areas = chunked.groupby(&Array::from(zones.clone()).rechunk([5, 2]), 0, GROUPS as u64);
        let near = |a: f64, b: f64| {
            (a - b).abs() <= 1e-9 * b.abs().max(1.0) || a.is_nan() && b.is_nan() || dtype == DType::F32 && (a - b).abs() < 1e-5 * b.abs()
        };
        for runtime in runtimes() {
            for (n, (found, zonal)) in asked(rows.clone()).into_iter().zip(asked(areas.clone())).enumerate() {
                if n < 6 {
                    assert_eq!((found.dtype().unwrap(), zonal.dtype().unwrap()), (dtype, dtype));
                }
                let [found, zonal] = [found, zonal].map(|array| runtime.compute::<f64>(&array.astype(DType::F64)).unwrap());
                for (g, k) in (0..GROUPS).flat_map(|g| (0..110).map(move |k| (g, k))) {
                    for j in 0..7 {
                        let values = of(&by_row, g, &|i, at| (at == j).then(|| x[[i, j, k]]));
                        assert!(near(found[[g, j, k]], expected[n](&values)), "{n}: {} of {values:?} in {g}", found[[g, j, k]]);
                    }
                    let values = of(&by_zone, g, &|i, j| Some(x[[i, j, k]]));
                    assert!(near(zonal[[g, k]], expected[n](&values)), "{n}: {} of {values:?} in {g}", zonal[[g, k]]);
                }
            }
        }
    }
}

#[test]
fn what_has_no_nan_skips_none_and_complex_numbers_have_two_ways_to_be_it() {
    let labels = Array::from(ndarray::arr1(&[1i64, 0, 1, -1]));
    let of = Array::from(ndarray::arr1(&[1i32, 2, 4, 9])).groupby(&labels, 0, 3);
    assert_eq!(of.nansum().compute::<i64>().unwrap().as_slice().unwrap(), [2, 5, 0]);
    assert_eq!(of.nanmax().compute::<i32>().unwrap().as_slice().unwrap()[..2], [2, 4]);
    assert_eq!(of.nanvar(0.0).compute::<f64>().unwrap().as_slice().unwrap()[..2], [0.0, 2.25]);
    assert_eq!(of.count().compute::<i64>().unwrap().as_slice().unwrap(), [1, 2, 0]);
    let c = |re: f64, im: f64| num_complex::Complex::new(re, im);
    let x = Array::from(ndarray::arr1(&[c(1.0, 2.0), c(3.0, f64::NAN), c(3.0, 6.0), c(0.0, 0.0)]));
    let of = x.groupby(&labels, 0, 2);
    assert_eq!(of.nansum().compute::<num_complex::Complex<f64>>().unwrap().as_slice().unwrap(), [c(0.0, 0.0), c(4.0, 8.0)]);
    assert_eq!(of.nanmean().compute::<num_complex::Complex<f64>>().unwrap()[[1]], c(2.0, 4.0));
    assert_eq!(of.count().compute::<i64>().unwrap().as_slice().unwrap(), [0, 2]);
    assert_eq!(of.nanvar(0.0).compute::<f64>().unwrap()[[1]], 5.0);
    assert_eq!(of.var(0.0).compute::<f64>().unwrap()[[1]], 5.0);
    assert!(of.nanmin().check().unwrap_err().to_string().contains("complex128 has no order"));
}

#[test]
fn means_without_nan_decode_each_chunk_once_and_variances_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zarr").display().to_string();
    let wide = Runtime::builder().memory_limit("256MiB").threads(2).build().unwrap();
    let (rows, columns) = (1200u64, 1500);
    let x = random::normal(0.0, 1.0).shape([rows, columns]).seed(5).build();
    let x = flagstone::array::where_(x.gt(1.0), f64::NAN, x).astype(DType::F32);
    wide.store_with(&x, &path, &StoreOptions::new().chunks([200, 1500])).unwrap();
    let (x, months) = (flagstone::open(&path).unwrap(), (0..rows as i64).map(|i| i / 30 % 12).collect::<Vec<i64>>());
    let months = Array::from(ndarray::Array1::from(months));
    let of = x.groupby(&months, 0, 12);
    // a chunk as float64 is more than a task may hold
    let decoded = |array: &Array| {
        let runtime = Runtime::builder().memory_limit_bytes(34 << 20).threads(2).build().unwrap();
        runtime.compute::<f32>(array).unwrap();
        runtime.counters().decoded_bytes.load(std::sync::atomic::Ordering::SeqCst) as f64 / (rows * columns * 4) as f64
    };
    for (array, times) in [(of.nanmean(), 1.0), (of.mean(), 1.0), (of.nanmax(), 1.0), (of.nansum(), 1.0), (of.nanvar(0.0), 2.0)] {
        assert!((decoded(&array) - times).abs() < 0.02, "{array:?}, beside labels: {}", decoded(&array));
    }
    // what is made of them for each place is a table that is looked up
    let anomalies = &x - of.nanmean().index(flagstone::idx![&months]);
    assert!((decoded(&anomalies.nanstd(0)) - 2.0).abs() < 0.02);
}

#[test]
fn groups_go_along_any_axis_and_keep_their_dtype() {
    let x = Array::from(ndarray::arr2(&[[1i32, 2, 3, 4], [5, 6, 7, 8]]));
    let labels = Array::from(ndarray::arr1(&[1i64, 0, 1, 1]));
    let of = x.groupby(&labels, -1, 2);
    assert_eq!(of.sum().compute::<i64>().unwrap(), ndarray::arr2(&[[2, 8], [6, 20]]).into_dyn());
    assert_eq!(of.max().compute::<i32>().unwrap(), ndarray::arr2(&[[2, 4], [6, 8]]).into_dyn());
    assert_eq!(x.astype(DType::F32).groupby(&labels, 1, 2).mean().dtype().unwrap(), DType::F32);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let x = random::random().shape([4, 3]).seed(0).build();
    let labels = |of: &[i64]| Array::from(ndarray::Array1::from(of.to_vec()));
    let error = |array: Array| array.compute::<f64>().unwrap_err().to_string();
    assert!(error(x.groupby(&labels(&[0, 1]), 0, 2).sum()).contains("2 labels for 4 places"));
    assert!(error(x.groupby(&labels(&[0, 1, 2, 0]), 0, 2).sum()).contains("the label 2 of 2 groups"));
    assert!(error(x.groupby(&x, 0, 2).sum()).contains("labels of float64; expected integers"));
}

#[test]
fn anomalies_from_means_of_groups() {
    let x = random::normal(0.0, 1.0).shape([60, 50]).chunks([7, 50]).seed(1).build();
    let months = flagstone::arange(0, 60, 1, None) % 12;
    let anomalies = &x - x.groupby(&months, 0, 12).mean().take(&months, 0);
    let left = anomalies.groupby(&months, 0, 12).mean().abs().max(..);
    assert!(left.item::<f64>().unwrap() < 1e-12);
}

#[test]
fn labels_of_several_axes_are_those_of_their_places() {
    let (x, _) = data();
    let x = x.slice(ndarray::s![..31, .., ..150]).to_owned();
    const GROUPS: usize = 4;
    // of the axes 0 and 1 of three, and of all
    let label = |i: usize, j: usize| ((i * 5 + j * 3) % 5) as i64 - 1;
    let label3 = |i: usize, j: usize, k: usize| ((i / 9 * 3 + j / 4 + k / 100) % 5) as i64 - 1;
    let two = ndarray::Array2::from_shape_fn((31, 7), |(i, j)| label(i, j));
    let three = Array3::from_shape_fn((31, 7, 150), |(i, j, k)| label3(i, j, k));
    let member = |g: usize, at: (usize, usize), k: usize| (label(at.0, at.1) == g as i64).then(|| x[[at.0, at.1, k]]);
    let of_two = |g: usize, k: usize| -> Vec<(i64, f64)> {
        let places = (0..31).flat_map(|i| (0..7).map(move |j| (i, j)));
        places.filter_map(|at| member(g, at, k).map(|v| ((at.0 * 7 + at.1) as i64, v))).collect()
    };
    let of_three = |g: usize| -> Vec<f64> { x.iter().zip(three.iter()).filter(|(_, l)| **l == g as i64).map(|(v, _)| *v).collect() };
    let least = |v: &[(i64, f64)]| v.iter().rev().min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))).unwrap().0;
    for chunks in [[31u64, 7, 150], [4, 3, 40], [10, 7, 64]] {
        let chunked = Array::from(x.clone()).rechunk(chunks);
        let by_two = Array::from(two.clone()).rechunk([5, 2]);
        let by_three = Array::from(three.clone()).rechunk([7, 5, 33]);
        for runtime in runtimes() {
            let of = chunked.groupby(&by_two, 0, GROUPS as u64);
            let (sum, argmin) = (runtime.compute::<f64>(&of.sum()).unwrap(), runtime.compute::<i64>(&of.argmin()).unwrap());
            let (count, median) = (runtime.compute::<i64>(&of.count()).unwrap(), runtime.compute::<f64>(&of.median()).unwrap());
            let weights = by_two.astype(DType::F64) + 3.0;
            let weighted = runtime.compute::<f64>(&of.weighted_sum(&weights)).unwrap();
            let var = runtime.compute::<f64>(&of.var(0.0)).unwrap();
            assert_eq!(sum.shape(), [GROUPS, 150]);
            for (g, k) in (0..GROUPS).flat_map(|g| (0..150).map(move |k| (g, k))) {
                let mut values = of_two(g, k);
                let total: f64 = values.iter().map(|v| v.1).sum();
                assert_eq!(sum[[g, k]], total);
                assert_eq!(count[[g, k]], values.len() as i64);
                assert_eq!(weighted[[g, k]], total * (g as f64 + 3.0));
                assert_eq!(argmin[[g, k]], least(&values), "{chunks:?} {g} {k}");
                let mean = total / values.len() as f64;
                let expected = values.iter().map(|v| (v.1 - mean).powi(2)).sum::<f64>() / values.len() as f64;
                assert!((var[[g, k]] - expected).abs() < 1e-9 * expected);
                values.sort_by(|a, b| a.1.total_cmp(&b.1));
                let half = values.len() / 2;
                let middle = if values.len() % 2 == 1 { values[half].1 } else { (values[half - 1].1 + values[half].1) / 2.0 };
                assert_eq!(median[[g, k]], middle);
            }
            let of = chunked.groupby(&by_three, 0, GROUPS as u64);
            let (mean, max) = (runtime.compute::<f64>(&of.mean()).unwrap(), runtime.compute::<f64>(&of.max()).unwrap());
            for g in 0..GROUPS {
                let values = of_three(g);
                assert_eq!(mean[[g]], values.iter().sum::<f64>() / values.len() as f64);
                assert_eq!(max[[g]], values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
    // a slice of the axes that have no labels reads no more than it needs, and is the slice
    let chunked = Array::from(x.clone()).rechunk([4, 3, 40]);
    let of = chunked.groupby(&Array::from(two.clone()), 0, GROUPS as u64).sum();
    let part = of.index(flagstone::idx![.., 3..5]);
    assert_eq!(part.compute::<f64>().unwrap(), of.compute::<f64>().unwrap().slice(ndarray::s![.., 3..5]).to_owned().into_dyn());
}

#[test]
fn sums_and_counts_of_groups_read_their_labels_while_they_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let [x_path, y_path] = ["x.zarr", "labels.zarr"].map(|name| dir.path().join(name).display().to_string());
    let wide = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
    let options = StoreOptions::new().chunks([100, 100]);
    let side = 2400u64;
    let x = random::random().shape([side, side]).seed(3).build();
    wide.store_with(&x, &x_path, &options).unwrap();
    let labels = flagstone::arange(0, side as i64, 1, None).reshape([side, 1]) / 400 + 1 + flagstone::zeros([1, side], DType::I64);
    wide.store_with(&labels.astype(DType::I32), &y_path, &options).unwrap();
    let [x, y] = [x_path, y_path].map(|path| flagstone::open(&path).unwrap());
    let runtime = Runtime::builder().memory_limit_bytes(34 << 20).threads(2).build().unwrap();
    let means = runtime.compute::<f64>(&x.groupby(&y, 0, 7).mean()).unwrap();
    assert!(means.iter().skip(1).all(|mean| (mean - 0.5).abs() < 0.01));
    let counted = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(counted(&runtime.counters().spilled_bytes), 0, "labels wait for nobody");
    assert_eq!(counted(&runtime.counters().decoded_bytes), side * side * 12, "each chunk is decoded once");
}

#[test]
fn many_groups_of_wide_rows_decode_each_chunk_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zarr").display().to_string();
    let (rows, columns, groups) = (2000u64, 600, 200u64);
    let wide = Runtime::builder().memory_limit("256MiB").threads(2).build().unwrap();
    let x = random::normal(0.0, 1.0).shape([rows, columns]).seed(5).build();
    wide.store_with(&x, &path, &StoreOptions::new().chunks([100, 200])).unwrap();
    let labels = flagstone::arange(0, rows as i64, 1, None) * 7 % groups as i64;
    let sums = flagstone::open(&path).unwrap().groupby(&labels, 0, groups).sum();
    let expected = wide.compute::<f64>(&sums).unwrap();
    // ten rows make a group, so a part has to be nearly all of them: many times what a task may hold
    let narrow = Runtime::builder().memory_limit_bytes(8 << 20).threads(2).build().unwrap();
    let found = narrow.compute::<f64>(&sums).unwrap();
    let bits = |array: &ArrayD<f64>| array.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
    assert_eq!(bits(&found), bits(&expected));
    assert_eq!(narrow.counters().decoded_bytes.load(std::sync::atomic::Ordering::SeqCst), rows * columns * 8);
    let mut by_loop = ndarray::Array2::<f64>::zeros((groups as usize, columns as usize));
    let values = wide.compute::<f64>(&x).unwrap();
    for (i, row) in values.outer_iter().enumerate() {
        let mut into = by_loop.row_mut(i * 7 % groups as usize);
        into.iter_mut().zip(row.iter()).for_each(|(into, v)| *into += v);
    }
    assert!(by_loop.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-12));
}

/// An array that is one lane too long for a task is put in order by label and value.
#[test]
fn quantiles_of_a_long_lane_are_those_of_a_plain_loop() {
    const SHAPE: (usize, usize) = (1600, 1000);
    const GROUPS: usize = 9;
    let value = |at: usize| if at % 1013 == 5 { f64::NAN } else { (at * 7919 % 100_003) as f64 - 50_000.0 };
    // one stands for no group, one is empty, and one has no NaN
    let label = |at: usize| {
        let zone = (at / 200_000) as i64 - 1;
        if value(at).is_nan() && zone == 2 { 3 } else { zone }
    };
    // made as they are read
    let at = arange(0, (SHAPE.0 * SHAPE.1) as i64, 1, None).rechunk([70_000]);
    let is_nan = (&at % 1013).eq(5);
    let x = where_(&is_nan, f64::NAN, (&at * 7919 % 100_003) - 50_000).reshape([SHAPE.0 as u64, SHAPE.1 as u64]);
    let zones = at.floor_divide(200_000) - 1;
    let zones = where_(is_nan & zones.eq(2), 3, zones).reshape([SHAPE.0 as u64, SHAPE.1 as u64]);
    let sorted = |g: usize| {
        let mut all: Vec<f64> = (0..SHAPE.0 * SHAPE.1).filter(|&at| label(at) == g as i64).map(value).collect();
        all.sort_by(f64::total_cmp);
        let known = all.iter().filter(|v| !v.is_nan()).count();
        (all[..known].to_vec(), all.len() > known)
    };
    let groups: Vec<(Vec<f64>, bool)> = (0..GROUPS).map(sorted).collect();
    assert!(groups[GROUPS - 1].0.is_empty() && groups[3].1 && !groups[2].1);
    let median = |all: &[f64]| if all.is_empty() { f64::NAN } else { (all[(all.len() - 1) / 2] + all[all.len() / 2]) / 2.0 };
    let quantile = |all: &[f64], q: f64| {
        if all.is_empty() {
            return f64::NAN;
        }
        let index = q * (all.len() - 1) as f64;
        let (low, part) = (index as usize, index.fract());
        all[low] + (all[(low + 1).min(all.len() - 1)] - all[low]) * part
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6 || a.is_nan() && b.is_nan();
    let of = x.groupby(&zones, 0, GROUPS as u64);
    let asked = [of.median(), of.nanmedian(), of.nanquantile([0.0, 0.3, 1.0])];
    let runtimes = [(20u64 << 20, 2), (256 << 20, 1)]
        .map(|(limit, threads)| Runtime::builder().memory_limit_bytes(limit).threads(threads).build().unwrap());
    for runtime in runtimes {
        let [medians, nanmedians, quantiles] = asked.each_ref().map(|array| runtime.compute::<f64>(array).unwrap());
        for (g, (all, has_nan)) in groups.iter().enumerate() {
            assert!(near(medians[[g]], if *has_nan { f64::NAN } else { median(all) }), "median of group {g}: {}", medians[[g]]);
            assert!(near(nanmedians[[g]], median(all)), "median of what is no NaN of group {g}: {}", nanmedians[[g]]);
            for (n, q) in [0.0, 0.3, 1.0].into_iter().enumerate() {
                assert!(near(quantiles[[n, g]], quantile(all, q)), "quantile {q} of group {g}: {}", quantiles[[n, g]]);
            }
        }
    }
    let refused = Runtime::builder().build().unwrap().compute::<f64>(&x.groupby(&zones, 0, 3).median()).unwrap_err().to_string();
    assert!(refused.contains("none of the 3 groups"), "{refused}");
}
