//! Tops, rolling windows, masked arrays, groups and updates against plain loops, over chunks, limits and threads, and with several
//! times the limit.

use flagstone::array::Boundary;
use flagstone::{Array, DType, Runtime, arange, axis, idx, random};
use ndarray::{Array2, ArrayD, Axis};

fn runtimes() -> Vec<Runtime> {
    let of = |limit: u64, threads| Runtime::builder().memory_limit_bytes(limit).threads(threads).build().unwrap();
    vec![of(1 << 30, 2), of(8 << 20, 1)]
}

fn values(x: &ArrayD<f64>) -> Vec<f64> {
    x.iter().copied().collect()
}

#[test]
fn the_top_of_a_long_axis_is_merged_from_its_parts() {
    // 40 parts, so that states are merged twice; many ties
    let n = 655_360i64;
    let x = (arange(0, n, 1, None) * 7919 % 20_011).rechunk([1000]);
    let mut sorted: Vec<(i64, i64)> = (0..n).map(|i| (i * 7919 % 20_011, i)).collect();
    sorted.sort_unstable();
    for runtime in runtimes() {
        for k in [1i64, 50, 700] {
            let count = k as usize;
            let greatest: Vec<(i64, i64)> = sorted.iter().rev().take(count).copied().collect();
            let found = runtime.compute::<i64>(&x.topk(k, 0)).unwrap();
            assert_eq!(found.iter().copied().collect::<Vec<_>>(), greatest.iter().map(|(value, _)| *value).collect::<Vec<_>>());
            let found = runtime.compute::<i64>(&x.argtopk(k, 0)).unwrap();
            assert_eq!(found.iter().copied().collect::<Vec<_>>(), greatest.iter().map(|(_, place)| *place).collect::<Vec<_>>());
            let found = runtime.compute::<i64>(&x.argtopk(-k, 0)).unwrap();
            assert_eq!(found.iter().copied().collect::<Vec<_>>(), sorted[..count].iter().map(|(_, place)| *place).collect::<Vec<_>>());
        }
    }
    // more than a state takes is sorted
    let many = x.topk(20_000, 0).index(idx![-1]).item::<i64>().unwrap();
    assert_eq!(many, sorted[sorted.len() - 20_000].0);
}

#[test]
fn the_top_of_many_times_the_limit_is_read_once() {
    let runtime = Runtime::builder().memory_limit_bytes(16 << 20).threads(2).build().unwrap();
    let x = random::random().shape([16 << 20]).chunks([1 << 18]).seed(4).build();
    let top = runtime.compute::<f64>(&x.topk(100, 0)).unwrap();
    assert!(top.iter().zip(top.iter().skip(1)).all(|(a, b)| a >= b));
    let least = top[[99]];
    assert_eq!(runtime.item::<i64>(&x.ge(least).count_nonzero(..)).unwrap(), 100);
    assert_eq!(runtime.item::<f64>(&x.max(..)).unwrap(), top[[0]]);
    // the table of what is taken is eight times the limit
    let taken = runtime.compute::<f64>(&x.take(&x.argtopk(3, 0), 0)).unwrap();
    assert!(taken.iter().eq(top.iter().take(3)), "{taken} of {top}");
}

#[test]
fn elements_in_any_order_read_their_table_once() {
    let n = 4_500_000i64;
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr");
    arange(0.0, n as f64, 1.0, None).rechunk([50_000]).store(address.to_str().unwrap()).unwrap();
    let x = flagstone::open(address.to_str().unwrap()).unwrap();
    // every place once, and each of the first third three times
    let orders = [arange(0, n, 1, None) * 1_299_709 % n, arange(0, n, 1, None) * 1_299_709 % (n / 3)];
    for (places, reads) in orders.iter().zip([1, 2]) {
        for limit in [1u64 << 30, 16 << 20] {
            let runtime = Runtime::builder().memory_limit_bytes(limit).threads(2).build().unwrap();
            // table and result are twice the smaller limit each; what counts from the end is the same
            let taken = x.take(&(places - n * (places % 2)), 0);
            assert_eq!(runtime.item::<i64>(&taken.ne(places).count_nonzero(..)).unwrap(), 0, "{limit} bytes");
            let decoded = runtime.counters().decoded_bytes.load(std::sync::atomic::Ordering::SeqCst);
            // a part of which more is asked than a task answers is read again
            assert!(decoded <= reads * 8 * n as u64, "{decoded} bytes were decoded under {limit}");
        }
    }
    let runtime = Runtime::builder().memory_limit_bytes(16 << 20).threads(2).build().unwrap();
    // three elements beside each other are a row
    let n = n / 3;
    let places = &orders[1] % n;
    let rows = x.reshape([n, 3]).take(&places, 0).index(idx![.., ..;-1]);
    let expected = (&places * 3).reshape([-1, 1]) + arange(2, -1, -1, None);
    assert_eq!(runtime.item::<i64>(&rows.ne(&expected).count_nonzero(..)).unwrap(), 0);
    let refused = |places: Array| runtime.item::<f64>(&x.take(&places, 0).sum(..)).unwrap_err().to_string();
    assert_eq!(refused(&orders[0] + 1), "take: index 4500000 is out of bounds for axis 0 with size 4500000");
    assert_eq!(refused(-2 - &orders[0]), "take: index -4500001 is out of bounds for axis 0 with size 4500000");
}

/// The windows by a plain loop: `f` of the values around each place that are there and no NaN.
fn windows(x: &Array2<f64>, before: i64, after: i64, least: usize, circle: bool, f: &dyn Fn(&[f64]) -> f64) -> ArrayD<f64> {
    let n = x.nrows() as i64;
    Array2::from_shape_fn(x.dim(), |(i, j)| {
        let places = i as i64 - before..=i as i64 + after;
        let there = places.filter(|at| circle || (0..n).contains(at)).map(|at| x[[at.rem_euclid(n) as usize, j]]);
        let known: Vec<f64> = there.filter(|v| !v.is_nan()).collect();
        if known.len() < least.max(1) { f64::NAN } else { f(&known) }
    })
    .into_dyn()
}

#[test]
fn windows_roll_over_any_chunks() {
    let mut x = Array2::from_shape_fn((53, 9), |(i, j)| ((i * 17 + j * 5) % 29) as f64);
    x[[20, 3]] = f64::NAN;
    let near = |a: &ArrayD<f64>, b: &ArrayD<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan());
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let median = |v: &[f64]| {
        let mut v = v.to_vec();
        v.sort_by(f64::total_cmp);
        (v[(v.len() - 1) / 2] + v[v.len() / 2]) / 2.0
    };
    for runtime in runtimes() {
        for chunks in [[53, 9], [4, 2], [1, 9], [20, 4]] {
            let source = Array::from(x.clone()).rechunk(chunks);
            let found = |array: Array| runtime.compute::<f64>(&array).unwrap();
            let trailing = source.rolling(5, 0);
            assert!(near(&found(trailing.mean()), &windows(&x, 4, 0, 5, false, &mean)), "{chunks:?}");
            let centered = source.rolling(6, 0).centered().min_count(2);
            assert!(near(&found(centered.max()), &windows(&x, 3, 2, 2, false, &|v| v.iter().copied().fold(f64::MIN, f64::max))));
            assert!(near(&found(centered.median()), &windows(&x, 3, 2, 2, false, &median)));
            let year = source.rolling(7, 0).centered().min_count(1).boundary(Boundary::Periodic);
            assert!(near(&found(year.mean()), &windows(&x, 3, 3, 1, true, &mean)), "{chunks:?}");
            // a slice reads what its windows see
            assert!(near(
                &found(year.mean().index(idx![..2, 3])),
                &windows(&x, 3, 3, 1, true, &mean).slice(ndarray::s![..2, 3]).to_owned().into_dyn()
            ));
        }
    }
    let weights = [1.0, 2.0, 1.0];
    let weighted = Array::from(x.clone()).rolling(3, 0).centered().min_count(1).weights(weights).mean().compute::<f64>().unwrap();
    let expected = (x[[4, 1]] + 2.0 * x[[5, 1]] + x[[6, 1]]) / 4.0;
    assert!((weighted[[5, 1]] - expected).abs() < 1e-12);
    let expected = (2.0 * x[[0, 1]] + x[[1, 1]]) / 3.0;
    assert!((weighted[[0, 1]] - expected).abs() < 1e-12);
    assert_eq!(Array::from(x).astype(DType::F32).rolling(3, 0).sum().dtype().unwrap(), DType::F32);
}

#[test]
fn groups_have_places_medians_and_weights() {
    let x = Array2::from_shape_fn((61, 40), |(i, j)| ((i * 31 + j * 13) % 17) as f64);
    let labels: Vec<i64> = (0..61).map(|i| if i % 11 == 3 { -1 } else { (i * i) % 5 }).collect();
    let weights: Vec<f64> = (0..61).map(|i| (i % 4) as f64 + 0.5).collect();
    let by_loop = |f: &dyn Fn(&[(usize, f64)]) -> f64| {
        Array2::from_shape_fn((6, 40), |(g, j)| f(&(0..61).filter(|&i| labels[i] == g as i64).map(|i| (i, x[[i, j]])).collect::<Vec<_>>()))
            .into_dyn()
    };
    let same = |a: &ArrayD<f64>, b: &ArrayD<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan());
    let median = |rows: &[(usize, f64)]| {
        let mut v: Vec<f64> = rows.iter().map(|(_, v)| *v).collect();
        v.sort_by(f64::total_cmp);
        if v.is_empty() { f64::NAN } else { (v[(v.len() - 1) / 2] + v[v.len() / 2]) / 2.0 }
    };
    let first = |rows: &[(usize, f64)]| {
        let least = rows.iter().map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
        rows.iter().find(|(_, v)| *v == least).map_or(-1.0, |(i, _)| *i as f64)
    };
    let weighted = |rows: &[(usize, f64)]| {
        let sum: f64 = rows.iter().map(|(i, v)| weights[*i] * v).sum();
        if rows.is_empty() { f64::NAN } else { sum / rows.iter().map(|(i, _)| weights[*i]).sum::<f64>() }
    };
    for runtime in runtimes() {
        let source = Array::from(x.clone()).rechunk([9, 7]);
        let of = source.groupby(&Array::from(ndarray::Array1::from(labels.clone())), 0, 6);
        let found = |array: &Array| runtime.compute::<f64>(&array.astype(DType::F64)).unwrap();
        assert!(same(&found(&of.median()), &by_loop(&median)));
        assert!(same(&found(&of.argmin()), &by_loop(&first)));
        assert!(same(&found(&of.weighted_mean(&Array::from(ndarray::Array1::from(weights.clone())))), &by_loop(&weighted)));
        // the lanes along the last axis, where groups are the last axis, too
        let turned = source.t().groupby(&Array::from(ndarray::Array1::from(labels.clone())), -1, 6).median();
        assert!(same(&found(&turned.t()), &by_loop(&median)));
    }
}

#[test]
fn zones_of_a_raster_are_labels_of_two_axes() {
    let x = Array2::from_shape_fn((30, 40), |(i, j)| (i * 3 + j) as f64);
    let zones = Array2::from_shape_fn((30, 40), |(i, j)| ((i / 7) * 2 + j / 20) as i64);
    let bands = ndarray::stack(Axis(0), &[x.view(), (&x * 2.0).view()]).unwrap();
    let of = Array::from(bands).rechunk([1, 8, 16]).groupby(&Array::from(zones.clone()).rechunk([10, 10]), 1, 10);
    let found = of.sum().compute::<f64>().unwrap();
    assert_eq!(found.shape(), [2, 10]);
    for zone in 0..10 {
        let expected: f64 = x.iter().zip(&zones).filter(|(_, z)| **z == zone).map(|(v, _)| *v).sum();
        assert_eq!((found[[0, zone as usize]], found[[1, zone as usize]]), (expected, 2.0 * expected));
    }
    let said = Array::from(x).groupby(&Array::from(zones.t().to_owned()), 0, 10).sum().check().unwrap_err().to_string();
    assert!(said.contains("40 × 30 labels for 30 × 40 places"), "{said}");
}

#[test]
fn masked_arrays_leave_out_what_does_not_count() {
    let x = Array2::from_shape_fn((6, 5), |(i, j)| (i * 5 + j) as f64 - 7.0);
    let data = Array::from(x.clone()).rechunk([4, 3]);
    let masked = data.masked_inside(3.0, -1.0);
    let counts = |v: f64| !(-1.0..=3.0).contains(&v);
    let kept: Vec<f64> = x.iter().copied().filter(|v| counts(*v)).collect();
    assert_eq!(values(&masked.compressed().compute::<f64>().unwrap()), kept);
    assert_eq!(masked.count(..).item::<i64>().unwrap(), kept.len() as i64);
    let mean = masked.mean(0).filled(-99.0).compute::<f64>().unwrap();
    let least = masked.min(axis(1)).filled(-99.0).compute::<f64>().unwrap();
    for j in 0..5 {
        let lane: Vec<f64> = x.column(j).iter().copied().filter(|v| counts(*v)).collect();
        assert!((mean[[j]] - lane.iter().sum::<f64>() / lane.len() as f64).abs() < 1e-12);
    }
    for i in 0..6 {
        let lane = x.row(i).iter().copied().filter(|v| counts(*v)).fold(f64::INFINITY, f64::min);
        assert_eq!(least[[i]], if lane.is_finite() { lane } else { -99.0 });
    }
    // masked where either is, and where the divisor is 0
    let other = data.masked_greater_equal(20.0);
    let sum = (&masked + &other).filled(0.0).compute::<f64>().unwrap();
    let expected = x.mapv(|v| if counts(v) && v < 20.0 { 2.0 * v } else { 0.0 }).into_dyn();
    assert_eq!(sum, expected);
    let quotient = (&other / &(&data - 1.0)).filled(-1.0).compute::<f64>().unwrap();
    assert_eq!(quotient[[1, 3]], -1.0);
    assert_eq!((&masked * 2.0).sum(..).filled(0.0).item::<f64>().unwrap(), 2.0 * kept.iter().sum::<f64>());
    let wholly = data.masked_less(100.0);
    assert!(wholly.max(..).mask().item::<bool>().unwrap());
    assert_eq!(wholly.std(axis(0).ddof(1)).filled(5.0).compute::<f64>().unwrap(), ArrayD::from_elem(vec![5], 5.0));
    assert_eq!(Array::from(ndarray::arr1(&[1.0, f64::NAN, 2.0])).masked_invalid().sum(..).filled(0.0).item::<f64>().unwrap(), 3.0);
    let integers = arange(0, 6, 1, None).masked_equal(5);
    assert_eq!(integers.max(..).filled(-1).item::<i64>().unwrap(), 4);
}

#[test]
fn updates_of_many_times_the_limit_touch_what_they_must() {
    let runtime = Runtime::builder().memory_limit_bytes(8 << 20).threads(2).build().unwrap();
    let x = random::random().shape([4096, 2048]).chunks([256, 512]).seed(2).build();
    let y = x.set(idx![100..3000, ..;2], -1.0).set(idx![[5, 4000, 5]], arange(0.0, 3.0, 1.0, None).reshape([3, 1]));
    let sum = |array: &Array| runtime.item::<f64>(&array.sum(..)).unwrap();
    let kept = sum(&x) - sum(&x.index(idx![100..3000, ..;2])) - sum(&x.index(idx![[5, 4000]]));
    let expected = kept - 2900.0 * 1024.0 + 2.0 * 2048.0 + 2048.0;
    assert!((sum(&y) - expected).abs() < 1e-6, "{} {expected}", sum(&y));
    let places = x.argsort(1).index(idx![.., ..1]);
    let z = x.put_along_axis(&places, 2.0, Some(1));
    assert!((sum(&z) - (sum(&x) - sum(&x.min(1)) + 2.0 * 4096.0)).abs() < 1e-6);
}

#[test]
fn several_quantiles_are_found_in_the_reads_of_one() {
    let x = random::normal(0.0, 1.0).shape([1 << 20]).chunks([1 << 16]).seed(9).build();
    let q = [0.01, 0.25, 0.5, 0.75, 0.99, 1.0];
    for limit in [1 << 30, 24 << 20] {
        let runtime = Runtime::builder().memory_limit_bytes(limit).threads(2).build().unwrap();
        let all = runtime.compute::<f64>(&x.quantile(q, ..)).unwrap();
        for (at, q) in q.into_iter().enumerate() {
            assert_eq!(all[[at]], runtime.item::<f64>(&x.quantile(q, ..)).unwrap(), "{q}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr");
    x.store(address.to_str().unwrap()).unwrap();
    let stored = flagstone::open(address.to_str().unwrap()).unwrap();
    let decoded = |array: &Array| {
        let runtime = Runtime::builder().memory_limit_bytes(1 << 30).threads(2).build().unwrap();
        runtime.compute_any(array).unwrap();
        runtime.counters().decoded_bytes.load(std::sync::atomic::Ordering::SeqCst)
    };
    let (one, several) = (decoded(&stored.quantile(0.25, ..)), decoded(&stored.quantile(q, ..)));
    assert_eq!(one, several, "bytes decoded for one quantile and for {}", q.len());
    assert_eq!(decoded(&stored.topk(20, 0)), 8 << 20);
}

#[test]
fn wide_chunks_are_cut_where_blocks_end() {
    // boxes of halved chunks once ended inside of blocks
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr");
    let x = random::normal(0.0, 1.0).shape([3027, 627]).chunks([2472, 324]).seed(1).build();
    x.store(address.to_str().unwrap()).unwrap();
    let stored = flagstone::open(address.to_str().unwrap()).unwrap();
    let expected = x.lt(0.0).compute::<bool>().unwrap();
    for mebibytes in [24, 32, 48, 64, 1024] {
        let runtime = Runtime::builder().memory_limit_bytes(mebibytes << 20).threads(2).build().unwrap();
        let found = runtime.compute::<bool>(&stored.lt(0.0).reshape([57, 33297])).unwrap();
        assert!(found.iter().eq(expected.iter()), "{mebibytes} MiB");
    }
}

#[test]
fn laws_with_parameters_of_their_own_follow_from_element_and_seed_alone() {
    let n = 60_000u64;
    let rates = (arange(0, n as i64, 1, None) % 7).astype(DType::F64);
    let drawn = |chunks: u64| random::of_parameters("poisson", [rates.rechunk([chunks]).into()]).seed(5).chunks([chunks]).build();
    let first = runtimes()[0].compute::<i64>(&drawn(n)).unwrap();
    for runtime in runtimes() {
        for chunks in [997, 20_000] {
            assert_eq!(runtime.compute::<i64>(&drawn(chunks)).unwrap(), first, "chunks of {chunks}");
            let part = runtime.compute::<i64>(&drawn(chunks).index(idx![100..50_000;13])).unwrap();
            assert!(part.iter().eq(first.iter().skip(100).take(49_900).step_by(13)));
        }
    }
    for rate in 0..7 {
        let of_rate = first.iter().skip(rate).step_by(7);
        let (count, sum) = of_rate.fold((0.0, 0.0), |(count, sum), &value| (count + 1.0, sum + value as f64));
        // five deviations of the mean
        assert!((sum / count - rate as f64).abs() <= 5.0 * (rate as f64 / count).sqrt(), "rate {rate}: {}", sum / count);
    }
    let streams = [0, 1].map(|stream| random::of_parameters("normal", [rates.clone().into(), 1.0.into()]).seed(5).stream(stream).build());
    assert!(runtimes()[0].item::<i64>(&streams[0].eq(&streams[1]).count_nonzero(..)).unwrap() < 3);
}

#[test]
fn parameters_of_laws_may_be_larger_than_memory_and_selected() {
    // 128 MiB of scales and as many words under 16
    let runtime = Runtime::builder().memory_limit_bytes(16 << 20).threads(2).build().unwrap();
    let scales = arange(0, 16 << 20, 1, None) % 2 + 1;
    let x = random::of_parameters("exponential", [scales.rechunk([1 << 18]).into()]).seed(1).build();
    let mean = runtime.item::<f64>(&x.mean(..)).unwrap();
    assert!((mean - 1.5).abs() < 0.01, "{mean}");
    // as many as a mask selects
    let some = arange(0.0, 100.0, 1.0, None);
    let some = some.index([some.gt(89.5).into()]);
    let drawn = random::of_parameters("binomial", [(&some).into(), 1.0.into()]).seed(1).build();
    assert_eq!(runtime.item::<i64>(&drawn.sum(..)).unwrap(), (90..100).sum::<i64>());
    let refused = |x: &Array| runtime.compute::<f64>(x).unwrap_err().to_string();
    let negative = random::of_parameters("gamma", [(some - 95.0).into(), 1.0.into()]).seed(1).build();
    assert!(refused(&negative).contains("random.gamma: shape is -5, expected"), "{}", refused(&negative));
    let unknown = random::of_parameters("gauss", [1.0.into()]).build();
    assert!(refused(&unknown).contains("there is no law \"gauss\""), "{}", refused(&unknown));
    let few = random::of_parameters("gamma", [1.0.into()]).build();
    assert!(refused(&few).contains("1 parameters of gamma; expected shape, scale"), "{}", refused(&few));
    let narrow = random::of_parameters("poisson", [arange(0, 3, 1, None).into()]).shape([2]).build();
    assert!(runtime.compute::<i64>(&narrow).unwrap_err().to_string().contains("broadcast"));
}
