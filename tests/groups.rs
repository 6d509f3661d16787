//! Groups by label against plain loops, over chunks, limits and threads.

use flagstone::{Array, DType, Runtime, random};
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
    assert!(error(x.groupby(&x, 0, 2).sum()).contains("expected integers along one axis"));
}

#[test]
fn anomalies_from_means_of_groups() {
    let x = random::normal(0.0, 1.0).shape([60, 50]).chunks([7, 50]).seed(1).build();
    let months = flagstone::arange(0, 60, 1, None) % 12;
    let anomalies = &x - x.groupby(&months, 0, 12).mean().take(&months, 0);
    let left = anomalies.groupby(&months, 0, 12).mean().abs().max(..);
    assert!(left.item::<f64>().unwrap() < 1e-12);
}
