//! QR of tall matrices: by a sketch where that does, by the tree of rows where it does not.

use super::matrices::*;
use super::{EPSILON, identity_of, runtime_with, under_all_limits_with};
use flagstone::array::linalg;
use flagstone::events::{Event, Observer};
use flagstone::sizes::Sizes;
use flagstone::{Array, C64, C128, Runtime, idx};
use ndarray::Array2;
use std::sync::{Arc, Mutex};

const ROWS: usize = 700;

/// Sizes so small that the rows are many leaves of a tree, and those of users.
fn small_and_tiny() -> [Sizes; 2] {
    let mut small = Sizes::default();
    small.numerics.tall_elements = 512;
    [small, Sizes::tiny()]
}

/// The names of the stages that run.
#[derive(Default)]
struct Stages(Mutex<Vec<String>>);

impl Observer for Stages {
    fn event(&self, event: &Event<'_>) {
        if let Event::PlanStarted { stages } = event {
            self.0.lock().unwrap().extend(stages.iter().map(|stage| stage.name.clone()));
        }
    }
}

/// The names of the stages that make Q of `x`.
fn stages_of(x: &Array) -> Vec<String> {
    let stages = Arc::new(Stages::default());
    let builder = Runtime::builder().memory_limit_bytes(64 << 20).sizes(small_and_tiny()[0]).observer(stages.clone());
    builder.build().unwrap().compute_any(&linalg::qr(x)[0]).unwrap();
    std::mem::take(&mut *stages.0.lock().unwrap())
}

/// Whether Q of `x` comes of a sketch alone.
fn by_sketch(x: &Array) -> bool {
    let names = stages_of(x);
    assert!(names.iter().any(|name| name == "qr: sketch"), "{names:?}");
    !names.iter().any(|name| name == "qr")
}

fn held<T: Wide + std::fmt::Debug>(name: &str, a: &Array2<T>, unit: f64) {
    let n = a.ncols();
    for sizes in small_and_tiny() {
        let [q, r] = linalg::qr(&array(a));
        let found: Vec<Array2<T>> = under_all_limits_with(sizes, &[q, r]).into_iter().map(two).collect();
        let [q, r] = &found[..] else { unreachable!() };
        let wide = |x: &Array2<T>| x.mapv(|x| x.wide());
        let (q, r) = (wide(q), wide(r));
        let error = off(&wide(a), &q.dot(&r), unit);
        assert!(error <= 20.0, "QR of {name}: {error}");
        let one = Array2::from_shape_fn((n, n), |(i, j)| C128::new((i == j) as u8 as f64, 0.0));
        let error = off(&one, &q.t().mapv(|x| x.conj()).dot(&q), unit * (ROWS as f64 / n as f64).sqrt());
        assert!(error <= 20.0, "Q of {name}: {error}");
        assert!(r.indexed_iter().all(|((i, j), x)| i <= j || *x == C128::new(0.0, 0.0)), "R of {name}");
    }
}

#[test]
fn qr_of_tall_matrices_whatever_their_condition() {
    for n in [1, 2, 7, 20] {
        let rows = random_matrix(ROWS, n, 5);
        for (name, a) in hard(n) {
            held(&format!("{name}, {n} columns"), &rows.dot(&a), EPSILON);
        }
        held(
            &format!("few rows that are not zero, {n} columns"),
            &Array2::from_shape_fn((ROWS, n), |(i, j)| (i == 30 * j) as u8 as f64),
            EPSILON,
        );
        held(&format!("one row again and again, {n} columns"), &Array2::from_shape_fn((ROWS, n), |(_, j)| j as f64 - 3.5), EPSILON);
    }
    let complex = complex_matrix(ROWS, 9, 4);
    held("complex128", &complex, EPSILON);
    held("complex64", &complex.mapv(|x| C64::new(x.re as f32, x.im as f32)), f32::EPSILON as f64);
    held("float32", &random_matrix(ROWS, 9, 4).mapv(|x| x as f32), f32::EPSILON as f64);
}

#[test]
fn a_sketch_does_up_to_where_numbers_end() {
    let rows = random_matrix(ROWS, 12, 5);
    let of = |s: &dyn Fn(usize) -> f64| array(&rows.dot(&with_singular_values(12, s)));
    for digits in [0.0, 2.0, 6.0, 11.0] {
        let x = of(&|i| 10f64.powf(-digits * i as f64 / 11.0));
        assert!(by_sketch(&x), "a condition of 1e{digits}");
        held("its matrix", &two(runtime_with(Sizes::default(), 64 << 20, 2).compute::<f64>(&x).unwrap()), EPSILON);
    }
    // columns of any length
    assert!(by_sketch(&array(&Array2::from_shape_fn((ROWS, 12), |(i, j)| rows[[i, j]] * 10f64.powf(20.0 * j as f64 - 120.0)))));
    for digits in [15.0, 30.0] {
        assert!(!by_sketch(&of(&|i| 10f64.powf(-digits * i as f64 / 11.0))), "a condition of 1e{digits}");
    }
    let mut spoilt = rows.clone();
    spoilt[[333, 4]] = f64::NAN;
    assert!(!by_sketch(&array(&spoilt)));
}

#[test]
fn a_matrix_whose_columns_are_apart_is_squared_itself() {
    let rows = random_matrix(ROWS, 12, 5);
    let passes = |x: &Array2<f64>| {
        let names = stages_of(&array(x));
        ["qr: squares of the matrix", "qr: squares"].map(|pass| names.iter().any(|name| name == pass))
    };
    assert_eq!(passes(&rows), [true, false]);
    // whatever the lengths of its columns are, but for those whose squares are no such numbers
    let scaled = |digits: f64| Array2::from_shape_fn((ROWS, 12), |(i, j)| rows[[i, j]] * 10f64.powf(digits * j as f64));
    assert_eq!(passes(&scaled(-10.0)), [true, false]);
    assert_eq!(passes(&scaled(-20.0)), [false, true]);
    for digits in [-10.0, -20.0, 20.0] {
        held(&format!("columns of 1e{digits}, and its powers"), &scaled(digits), EPSILON);
    }
    for condition in [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 20.0, 40.0, 100.0f64] {
        let x = rows.dot(&with_singular_values(12, |i| condition.powf(-(i as f64) / 11.0)));
        held(&format!("a condition of {condition}"), &x, EPSILON);
    }
    assert_eq!(passes(&rows.dot(&with_singular_values(12, |i| 100f64.powf(-(i as f64) / 11.0)))), [false, true]);
}

#[test]
fn what_would_be_made_anew_at_each_read_is_factored_by_the_tree() {
    let runtime = runtime_with(small_and_tiny()[0], 64 << 20, 2);
    let x = array(&random_matrix(ROWS, 12, 5));
    let told = |x: &Array| runtime.explain(&linalg::qr(x)[0]).unwrap().to_string();
    assert!(told(&(&x * 2.0 - 1.0)).contains("by a sketch"), "{}", told(&x));
    assert!(!told(&x.matmul(identity_of(12))).contains("by a sketch"));
    assert!(!told(&x.index(idx![..90])).contains("by a sketch"), "fewer than eight times as many rows");
}

#[test]
fn q_and_r_found_one_after_the_other_belong_together() {
    let x = array(&random_matrix(ROWS, 12, 5).dot(&with_singular_values(12, |i| 10f64.powf(-(i as f64)))));
    let runtime = runtime_with(small_and_tiny()[0], 64 << 20, 2);
    let [q, r] = linalg::qr(&x);
    let (first, then) = (runtime.compute::<f64>(&r).unwrap(), runtime.compute::<f64>(&q).unwrap());
    assert!(off(&two(runtime.compute::<f64>(&x).unwrap()), &two(then).dot(&two(first)), EPSILON) <= 20.0);
}
