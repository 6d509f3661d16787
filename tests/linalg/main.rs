//! Factorisations by their properties: what is multiplied back is what was factored, within a few roundings, on matrices that are
//! hard, in blocks so narrow that a matrix of 60 columns is many of them; and the same bits under every limit and number of
//! threads.

mod grid;
mod matrices;
mod tall;

use flagstone::array::linalg;
use flagstone::error::ErrorKind;
use flagstone::events::{Event, Observer};
use flagstone::sizes::Sizes;
use flagstone::{Array, C64, C128, DType, Runtime, idx, ones, zeros};
use matrices::*;
use ndarray::{Array2, ArrayD, Axis, Ix1};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

const EPSILON: f64 = f64::EPSILON;

/// Narrow blocks, or those that users have.
fn sizes(tiny: bool) -> Sizes {
    if tiny { Sizes::tiny() } else { Sizes::default() }
}

fn runtime(tiny: bool, limit_bytes: u64, threads: usize) -> Runtime {
    runtime_with(sizes(tiny), limit_bytes, threads)
}

fn runtime_with(sizes: Sizes, limit_bytes: u64, threads: usize) -> Runtime {
    Runtime::builder().memory_limit_bytes(limit_bytes).threads(threads).sizes(sizes).build().unwrap()
}

/// Bits of the results are the same for one and two threads, a roomy limit and the least that will do.
fn under_all_limits<T: Wide + std::fmt::Debug>(tiny: bool, results: &[Array]) -> Vec<ArrayD<T>> {
    under_all_limits_with(sizes(tiny), results)
}

fn under_all_limits_with<T: Wide + std::fmt::Debug>(sizes: Sizes, results: &[Array]) -> Vec<ArrayD<T>> {
    let runtime = |limit, threads| runtime_with(sizes, limit, threads);
    let roomy = runtime(64 << 20, 1);
    let first: Vec<ArrayD<T>> = results.iter().map(|result| roomy.compute::<T>(result).unwrap()).collect();
    for (result, first) in results.iter().zip(&first) {
        for threads in [1, 2] {
            let error = runtime(1, threads).compute::<T>(result).expect_err("more than a byte");
            let ErrorKind::WouldNotFit { smallest_bytes, .. } = *error.kind() else { panic!("{error}") };
            let again = runtime(smallest_bytes, threads).compute::<T>(result);
            let again = again.unwrap_or_else(|error| panic!("{smallest_bytes}: {error}"));
            let same = first.iter().zip(&again).all(|(a, b)| bytemuck::bytes_of(a) == bytemuck::bytes_of(b));
            assert!(same && first.shape() == again.shape(), "other bits under {smallest_bytes} bytes and {threads} threads");
        }
    }
    first
}

/// Results in narrow blocks; of some matrices under all limits.
fn found_of(name: &str, results: &[Array]) -> Vec<ArrayD<f64>> {
    if ["permutation", "leading 1e-14", "rank deficient"].contains(&name) {
        return under_all_limits(true, results);
    }
    let runtime = runtime(true, 64 << 20, 2);
    results.iter().map(|result| runtime.compute(result).unwrap()).collect()
}

fn identity_of(n: usize) -> Array {
    flagstone::array::eye(n as u64, n as u64, 0, DType::F64)
}

fn identity(n: usize) -> Array2<f64> {
    Array2::eye(n)
}

/// An error in units of ε·√n, said with `--nocapture`: the table of accuracy in docs/linalg.md.
fn held(what: &str, name: &str, error: f64) {
    println!("| {what} | {name} | {error:.2} |");
    assert!(error <= 20.0, "{what} of {name}: {error}");
}

#[test]
fn lu_and_qr_of_hard_matrices() {
    for (name, a) in hard(60) {
        let x = array(&a);
        let [p, l, u] = linalg::lu(&x, linalg::LuIn::Matrix);
        let [q, r] = linalg::qr(&x);
        let found: Vec<Array2<f64>> = found_of(name, &[p, l, u, q, r]).into_iter().map(two).collect();
        let [p, l, u, q, r] = &found[..] else { unreachable!() };
        let error = off(&a, &p.dot(l).dot(u), EPSILON);
        // Wilkinson's matrix grows by 2ⁿ: partial pivoting promises no more
        held("LU", name, if name == "Wilkinson" { error / 2f64.powi(59) } else { error });
        assert!(l.iter().all(|x| x.abs() <= 1.0), "{name}");
        let error = off(&a, &q.dot(r), EPSILON);
        held("QR", name, error);
        let error = off(&identity(60), &q.t().dot(q), EPSILON);
        held("Q", name, error);
        for ((i, j), x) in r.indexed_iter() {
            assert!(i <= j || *x == 0.0, "R of {name}");
        }
    }
}

#[test]
fn solutions_of_hard_systems() {
    let b = random_matrix(60, 4, 9);
    for (name, a) in hard(60) {
        let x = linalg::solve(&array(&a), &array(&b));
        if ["zero", "Wilkinson"].contains(&name) {
            continue;
        }
        let found = two(found_of(name, &[x]).remove(0));
        let left = a.dot(&found) - &b;
        let error = norm(&left) / (norm(&a) * norm(&found) + norm(&b)) / EPSILON / 60f64.sqrt();
        held("solve", name, error);
    }
}

#[test]
fn singular_and_eigenvalues_of_hard_matrices() {
    for (name, a) in hard(60) {
        let [u, s, vh] = linalg::svd(&array(&a), true);
        let runtime = runtime(true, 64 << 20, 2);
        let (u, vh) = (two(runtime.compute::<f64>(&u).unwrap()), two(runtime.compute::<f64>(&vh).unwrap()));
        let s = runtime.compute::<f64>(&s).unwrap().into_dimensionality::<Ix1>().unwrap();
        let error = off(&a, &(&u * &s).dot(&vh), EPSILON);
        held("SVD", name, error);
        assert!(s.windows(2).into_iter().all(|s| s[0] >= s[1]) && s.iter().all(|&s| s >= 0.0), "{name}");
        assert!(off(&identity(60), &u.t().dot(&u), EPSILON) <= 20.0 && off(&identity(60), &vh.dot(&vh.t()), EPSILON) <= 20.0, "{name}");
        let symmetric = &a + &a.t();
        let [w, v] = linalg::eigh(&array(&symmetric), true);
        let (w, v) = (runtime.compute::<f64>(&w).unwrap().into_dimensionality::<Ix1>().unwrap(), two(runtime.compute::<f64>(&v).unwrap()));
        let error = off(&symmetric, &(&v * &w).dot(&v.t()), EPSILON);
        held("eigh, put together", name, error);
    }
}

/// ‖A·V − V·Λ‖/‖A‖ and ‖1 − Vᴴ·V‖/‖1‖ in units of ε·√n, of ascending eigenvalues.
fn eigen_errors<T: Wide>(a: &Array2<C128>, w: &[f64], v: &Array2<T>, unit: f64) -> [f64; 2] {
    assert!(w.windows(2).all(|w| w[0] <= w[1]), "ascending");
    let n = a.nrows();
    // of numbers of about 1, so that no square of theirs leaves the range
    let most = a.iter().map(|x| x.norm()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let a = a.mapv(|x| x / most);
    let v = v.mapv(|x| x.wide());
    let scaled = Array2::from_shape_fn((n, n), |(i, j)| v[[i, j]] * (w[j] / most));
    let left = norm(&(a.dot(&v) - scaled)) / norm(&a).max(f64::MIN_POSITIVE);
    let one = Array2::from_shape_fn((n, n), |(i, j)| C128::new((i == j) as u8 as f64, 0.0));
    [left / (unit * (n as f64).sqrt()), off(&one, &v.t().mapv(|x| x.conj()).dot(&v), unit)]
}

#[test]
fn eigenvectors_of_hard_matrices() {
    for (name, a) in hard(60) {
        let symmetric = &a + &a.t();
        // one triangle is read
        let given = Array2::from_shape_fn((60, 60), |(i, j)| if i >= j { symmetric[[i, j]] } else { f64::NAN });
        for (lower, given) in [(true, given.clone()), (false, given.t().to_owned())] {
            let [w, v] = linalg::eigh(&array(&given), lower);
            let found = found_of(name, &[w.clone(), v.clone()]);
            let (w, v) = (found[0].clone().into_dimensionality::<Ix1>().unwrap(), two(found[1].clone()));
            let exact = symmetric.mapv(|x| C128::new(x, 0.0));
            let errors = eigen_errors(&exact, w.as_slice().unwrap(), &v, EPSILON);
            held("eigh", name, errors[0]);
            held("its vectors", name, errors[1]);
        }
        // values and vectors of one graph, where the values come from the same equations as the vectors
        let [w, v] = linalg::eigh(&array(&given), true);
        let scaled = two(runtime(true, 64 << 20, 2).compute::<f64>(&(&v * &w)).unwrap());
        let v = two(runtime(true, 64 << 20, 1).compute::<f64>(&v).unwrap());
        let most = symmetric.iter().fold(0.0f64, |most, x| most.max(x.abs())).max(f64::MIN_POSITIVE);
        let left = norm(&((&symmetric / most).dot(&v) - scaled / most)) / norm(&(&symmetric / most)).max(f64::MIN_POSITIVE);
        assert!(left <= 20.0 * EPSILON * 60f64.sqrt(), "{name}: {left}");
    }
}

/// A Hermitian matrix of every dtype, in sizes around those of a column block, a leaf and LAPACK's share.
#[test]
fn eigenvectors_of_every_dtype_and_size() {
    fn check<T: Wide + std::fmt::Debug, R: Wide + std::fmt::Debug>(
        n: usize,
        unit: f64,
        narrow: impl Fn(C128) -> T,
        real: impl Fn(R) -> f64,
    ) {
        let x = complex_matrix(n, n, n as u64);
        let given = Array2::from_shape_fn((n, n), |(i, j)| narrow(x[[i, j]] + x[[j, i]].conj()));
        let exact = given.mapv(|x| x.wide());
        for (tiny, lower) in [(true, true), (true, false), (false, true)] {
            let [w, v] = linalg::eigh(&array(&given), lower);
            let w: Vec<f64> = under_all_limits::<R>(tiny, &[w]).remove(0).into_iter().map(&real).collect();
            let v = two(under_all_limits::<T>(tiny, &[v]).remove(0));
            let errors = eigen_errors(&exact, &w, &v, unit);
            assert!(errors.iter().all(|&error| error <= 20.0), "{n} of {}, {tiny} {lower}: {errors:?}", T::DTYPE);
        }
    }
    for n in [1, 2, 4, 5, 6, 7, 9, 13, 31] {
        check::<f64, f64>(n, EPSILON, |x| x.re, |x| x);
        check::<f32, f32>(n, f32::EPSILON.into(), |x| x.re as f32, |x| x.into());
        check::<C128, f64>(n, EPSILON, |x| x, |x| x);
        check::<C64, f32>(n, f32::EPSILON.into(), |x| C64::new(x.re as f32, x.im as f32), |x| x.into());
    }
}

/// Four times the limit, in narrow column blocks: spilled, and right.
#[test]
fn eigenvectors_larger_than_memory() {
    let n = 1400;
    let mut sizes = Sizes::default();
    sizes.numerics.column_row_bytes = 128;
    let bytes = (n * n * 8) as u64;
    let runtime = Runtime::builder().memory_limit_bytes(bytes / 4).threads(2).sizes(sizes).build().unwrap();
    let a = random_matrix(n, n, 4);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    array(&(&a + &a.t())).store(&path).unwrap();
    let x = flagstone::open(&path).unwrap();
    let [w, v] = linalg::eigh(&x, true);
    let (w_found, v_found) = (dir.path().join("w.npy"), dir.path().join("v.npy"));
    runtime.store_many(&[(w, &w_found), (v, &v_found)], &Default::default()).unwrap();
    assert!(runtime.counters().spill_written_bytes.load(SeqCst) > bytes);
    let usage = runtime.pool_usage();
    assert_eq!(usage.resident_bytes + usage.spilled_bytes, 0, "nothing is left behind");
    let (w, v) = (flagstone::open(&w_found).unwrap(), flagstone::open(&v_found).unwrap());
    let runtime = self::runtime(false, 64 << 20, 2);
    let worst = runtime.item::<f64>(&(x.matmul(&v) - &v * &w).abs().max(..)).unwrap();
    assert!(worst < 1e-11, "{worst}");
    let worst = runtime.item::<f64>(&(v.t().matmul(&v) - identity_of(n)).abs().max(..)).unwrap();
    assert!(worst < 1e-12, "{worst}");
}

/// Where scratch and new blocks hold what makes every result wrong that depends on them.
#[test]
fn tasks_of_eigenvectors_depend_on_nothing_but_their_blocks() {
    for n in [6, 14, 17] {
        let x = complex_matrix(n, n, 3);
        let a = array(&Array2::from_shape_fn((n, n), |(i, j)| x[[i, j]] + x[[j, i]].conj()));
        let v = linalg::eigh(&a, true)[1].clone();
        let watched = Runtime::builder().memory_limit_bytes(1 << 20).threads(2).sizes(Sizes::tiny()).watch_tasks(true).build().unwrap();
        assert_eq!(watched.compute::<C128>(&v).unwrap(), runtime(true, 1 << 20, 1).compute::<C128>(&v).unwrap());
        let w = linalg::eigh(&a.real(), false)[0].clone();
        assert_eq!(watched.compute::<f64>(&w).unwrap(), runtime(true, 1 << 20, 1).compute::<f64>(&w).unwrap());
    }
}

#[test]
fn eigenvalues_alone_make_no_vectors() {
    let runtime = runtime(true, 64 << 20, 1);
    let plan = |array: &Array| runtime.explain(array).unwrap().to_string();
    let [w, v] = linalg::eigh(&array(&random_matrix(60, 60, 4)), true);
    assert!(plan(&w).contains("eigh: values") && !plan(&w).contains("vectors") && !plan(&w).contains("T of sweeps"), "{}", plan(&w));
    assert!(plan(&v).contains("eigh: vectors"), "{}", plan(&v));
}

#[test]
fn what_has_no_eigenvalues_says_where() {
    for lower in [true, false] {
        let mut bad = random_matrix(20, 20, 1);
        let (row, column) = if lower { (17, 4) } else { (4, 17) };
        bad[[row, column]] = f64::NAN;
        let error = runtime(true, 1 << 20, 2).compute::<f64>(&linalg::eigh(&array(&bad), lower)[0]).unwrap_err().to_string();
        assert!(error.contains(&format!("NaN or infinity in row {row}, column {column}")), "{error}");
    }
}

#[test]
fn shapes_of_all_kinds_and_complex_numbers() {
    for (m, n) in [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (20, 9), (9, 20), (100, 10), (40, 10), (10, 50), (33, 31)] {
        for tiny in [false, true] {
            let a = complex_matrix(m, n, (m * 100 + n) as u64);
            let x = array(&a);
            let [q, r] = linalg::qr(&x);
            let [complete, tall] = linalg::qr_in(&x, linalg::QrIn::Complete);
            let [p, l, u] = linalg::lu(&x, linalg::LuIn::Matrix);
            let results = [q, r, complete, tall, p, l, u];
            let found: Vec<Array2<C128>> = under_all_limits::<C128>(tiny, &results).into_iter().map(two).collect();
            let [q, r, complete, tall, p, l, u] = &found[..] else { unreachable!() };
            for (what, product) in [("reduced", q.dot(r)), ("complete", complete.dot(tall)), ("lu", p.dot(l).dot(u))] {
                let error = off(&a, &product, EPSILON);
                assert!(error <= 20.0, "{what} of {m} × {n}: {error}");
            }
            for q in [q, complete] {
                let one = Array2::from_shape_fn((q.ncols(), q.ncols()), |(i, j)| C128::new((i == j) as u8 as f64, 0.0));
                assert!(off(&one, &q.t().mapv(|x| x.conj()).dot(q), EPSILON) <= 20.0, "Q of {m} × {n}");
            }
            let [u, s, vh] = linalg::svd(&x, false);
            let runtime = runtime(tiny, 64 << 20, 2);
            let (u, vh) = (two(runtime.compute::<C128>(&u).unwrap()), two(runtime.compute::<C128>(&vh).unwrap()));
            let s = runtime.compute::<f64>(&s).unwrap().into_dimensionality::<Ix1>().unwrap().mapv(|s| C128::new(s, 0.0));
            let error = off(&a, &(&u * &s).dot(&vh), EPSILON);
            assert!(error <= 20.0, "SVD of {m} × {n}: {error}");
        }
    }
}

#[test]
fn cholesky_and_what_it_solves() {
    for n in [1usize, 2, 5, 40, 61] {
        for tiny in [false, true] {
            let x = complex_matrix(n, n, n as u64).mapv(|x| C64::new(x.re as f32, x.im as f32));
            let a = x.dot(&x.t().mapv(|x| x.conj())) + Array2::<C64>::eye(n);
            let b = complex_matrix(n, 2, 5).mapv(|x| C64::new(x.re as f32, x.im as f32));
            let results =
                [linalg::cholesky(&array(&a), false), linalg::cholesky(&array(&a), true), linalg::solve_positive(&array(&a), &array(&b))];
            let found: Vec<Array2<C64>> = under_all_limits::<C64>(tiny, &results).into_iter().map(two).collect();
            let unit = f32::EPSILON as f64;
            let adjoint = |x: &Array2<C64>| x.t().mapv(|x| x.conj());
            assert!(off(&a, &found[0].dot(&adjoint(&found[0])), unit) <= 20.0, "L of {n}");
            assert!(off(&a, &adjoint(&found[1]).dot(&found[1]), unit) <= 20.0, "U of {n}");
            let left = a.dot(&found[2]) - &b;
            assert!(norm(&left) / (norm(&a) * norm(&found[2])) <= 20.0 * unit * (n as f64).sqrt(), "solve of {n}");
            for ((i, j), x) in found[0].indexed_iter() {
                assert!(i >= j || *x == C64::new(0.0, 0.0));
            }
        }
    }
}

#[test]
fn what_cannot_be_solved_says_where() {
    let runtime = runtime(true, 1 << 20, 2);
    let message = |array: &Array| runtime.compute::<f64>(array).unwrap_err().to_string();
    let mut singular = random_matrix(20, 20, 1);
    let twice = singular.row(3).to_owned();
    singular.row_mut(17).assign(&twice);
    singular.row_mut(3).fill(0.0);
    singular.row_mut(17).fill(0.0);
    let said = message(&linalg::inv(&array(&singular)));
    assert!(said.contains("singular") && said.contains("element"), "{said}");
    let mut indefinite = Array2::<f64>::eye(20);
    indefinite[[7, 7]] = -1.0;
    let said = message(&linalg::cholesky(&array(&indefinite), false));
    assert!(said.contains("not positive definite") && said.contains("order 8 "), "{said}");
    let said = message(&linalg::svdvals(&array(&Array2::from_elem((4, 4), f64::NAN))));
    assert!(said.contains("NaN or infinity in row 0, column 0"), "{said}");
    for (what, array) in [
        ("square", linalg::inv(&zeros([3, 4], DType::F64))),
        ("expected a matrix", linalg::qr(&ones([3], DType::F64))[0].clone()),
        ("float16", linalg::det(&ones([3, 3], DType::F16))),
        ("right-hand side", linalg::solve(&ones([3, 3], DType::F64), &ones([4], DType::F64))),
        ("expected 1 to 3", linalg::svd_compressed(&ones([3, 3], DType::F64), 4, 1, 1, 0)[1].clone()),
    ] {
        let said = array.check().unwrap_err().to_string();
        assert!(said.contains(what), "{said}");
    }
}

/// The warnings of a computation.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push(text.to_string());
        }
    }
}

#[test]
fn a_matrix_close_to_a_singular_one_is_warned_of_where_it_is_solved_with() {
    let heard = |x: &Array, tiny: bool, limit: u64, threads: usize| {
        let heard = Arc::new(Heard::default());
        let builder = Runtime::builder().memory_limit_bytes(limit).threads(threads).sizes(sizes(tiny)).observer(heard.clone());
        builder.build().unwrap().compute::<f64>(x).unwrap();
        std::mem::take(&mut *heard.0.lock().unwrap())
    };
    for tiny in [false, true] {
        for (limit, threads) in [(256 << 20, 2), (1 << 20, 1)] {
            let near = array(&with_singular_values(60, |i| 10f64.powf(-18.0 * i as f64 / 59.0)));
            let found = heard(&linalg::inv(&near), tiny, limit, threads);
            assert!(found.len() == 1 && found[0].contains("the matrix is close to a singular one"), "{found:?}");
            // its own words: at most what it is, and not a hundred times less
            let digits: f64 = found[0].split("about ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!((5e14..1e19).contains(&digits), "{found:?}");
            // what comes of the factors is right however near they are to singular ones
            assert_eq!(heard(&linalg::slogdet(&near)[1], tiny, limit, threads), [""; 0]);
            let far = array(&with_singular_values(60, |i| 10f64.powf(-12.0 * i as f64 / 59.0)));
            assert_eq!(heard(&linalg::inv(&far), tiny, limit, threads), [""; 0]);
        }
    }
}

/// Three times the limit: spilled, and right.
#[test]
fn matrices_larger_than_memory() {
    let n = 1600;
    let a = random_matrix(n, n, 4) + Array2::<f64>::eye(n) * 40.0;
    let bytes = (n * n * 8) as u64;
    let runtime = runtime(false, bytes / 4 + (4 << 20), 2);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    array(&a).store(&path).unwrap();
    let x = flagstone::open(&path).unwrap();
    let b = x.sum(1);
    let solved = linalg::solve(&x, &b);
    let worst = runtime.item::<f64>(&(solved - 1.0).abs().max(..)).unwrap();
    assert!(worst < 1e-11, "{worst}");
    let [q, r] = linalg::qr(&x);
    let worst = runtime.item::<f64>(&(q.matmul(&r) - &x).abs().max(..)).unwrap();
    assert!(worst < 1e-12, "{worst}");
    assert!(runtime.counters().spill_written_bytes.load(SeqCst) > 0);
    let usage = runtime.pool_usage();
    assert_eq!(usage.resident_bytes + usage.spilled_bytes, 0, "nothing is left behind");
}

/// Of matrices whose exponentials are known: rotations of the plane, and a Jordan block, large and small, in one matrix.
#[test]
fn exponentials_of_known_matrices() {
    for (n, tiny) in [(2, false), (40, false), (40, true)] {
        let at = |i: usize| 0.9 * (i / 2) as f64 - 3.0;
        let a = Array2::from_shape_fn((n, n), |(i, j)| match i ^ 1 == j {
            true => at(i) * if i > j { 1.0 } else { -1.0 },
            false => 0.0,
        });
        let exact = Array2::from_shape_fn((n, n), |(i, j)| match (i == j, i ^ 1 == j) {
            (true, _) => at(i).cos(),
            (_, true) => at(i).sin() * if i > j { 1.0 } else { -1.0 },
            _ => 0.0,
        });
        let runtime = runtime(tiny, 4 << 20, 2);
        let found = two(runtime.compute::<f64>(&linalg::expm(&array(&a))).unwrap());
        assert!(off(&exact, &found, EPSILON) <= 100.0, "rotations of {n}: {}", off(&exact, &found, EPSILON));
        // e^(−3)·[[1, 20], [0, 1]], and of a stack of the same
        let jordan = array(&ndarray::array![[-3.0, 20.0], [0.0, -3.0]]);
        let exact = ndarray::array![[1.0, 20.0], [0.0, 1.0]] * (-3f64).exp();
        let one = two(runtime.compute::<f64>(&linalg::expm(&jordan)).unwrap());
        assert!(off(&exact, &one, EPSILON) <= 100.0, "{one}");
        let stack = linalg::expm(&jordan.expand_dims([0]).broadcast_to([3, 2, 2])).index(idx![2]);
        assert!(off(&exact, &two(runtime.compute::<f64>(&stack).unwrap()), EPSILON) <= 100.0);
    }
}

#[test]
fn results_that_nobody_asked_for_are_not_made() {
    let runtime = runtime(false, 64 << 20, 1);
    let x = array(&random_matrix(300, 300, 4));
    let plan = |array: &Array| runtime.explain(array).unwrap().to_string();
    let [q, r] = linalg::qr(&x);
    assert!(plan(&q).contains("qr_multiply") && !plan(&r).contains("qr_multiply"));
    let [p, l, u] = linalg::lu(&x, linalg::LuIn::Matrix);
    assert!(plan(&l).contains("lu in order") && plan(&p).contains("rows of lu") && !plan(&p).contains("lu in order"));
    assert!(!plan(&u).contains("rows of lu"));
    // a slice of columns is solved for those alone
    let inverse = linalg::inv(&x);
    let corner = inverse.index(idx![..100, ..10]);
    let whole = two(runtime.compute::<f64>(&inverse).unwrap());
    let part = two(runtime.compute::<f64>(&corner).unwrap());
    assert_eq!(part, whole.slice(ndarray::s![..100, ..10]));
    assert!(plan(&corner).contains("300, 10"), "{}", plan(&corner));
}

#[test]
fn least_squares_pseudoinverses_and_ranks() {
    let runtime = runtime(true, 64 << 20, 2);
    let a = random_matrix(90, 7, 1);
    let exact = random_matrix(7, 2, 2);
    let b = a.dot(&exact);
    let [x, left, rank, _] = linalg::lstsq(&array(&a), &array(&b), None);
    assert!(off(&exact, &two(runtime.compute::<f64>(&x).unwrap()), EPSILON) <= 50.0);
    assert!(runtime.compute::<f64>(&left).unwrap().iter().all(|x| *x < 1e-25));
    assert_eq!(runtime.item::<i64>(&rank).unwrap(), 7);
    // of all that do, the shortest: in the span of the rows
    let wide = a.t().to_owned();
    let [x, ..] = linalg::lstsq(&array(&wide), &array(&exact), None);
    let x = two(runtime.compute::<f64>(&x).unwrap());
    assert!(off(&exact, &wide.dot(&x), EPSILON) <= 50.0);
    let inverse = two(runtime.compute::<f64>(&linalg::pinv(&array(&wide), 1e-15)).unwrap());
    assert!(off(&x, &inverse.dot(&exact), EPSILON) <= 50.0);
    let deficient = random_matrix(50, 3, 5).dot(&random_matrix(3, 20, 6));
    assert_eq!(runtime.item::<i64>(&linalg::matrix_rank(&array(&deficient), None)).unwrap(), 3);
    // slow decay: the error of a compressed one is near the first value that it leaves out
    let a = with_singular_values(60, |i| 1.0 / (i + 1) as f64);
    let [u, s, vh] = linalg::svd_compressed(&array(&a), 8, 8, 3, 0);
    let back = two(runtime.compute::<f64>(&(&u * &s).matmul(&vh)).unwrap());
    let found = runtime.compute::<f64>(&s).unwrap();
    for (i, s) in found.iter().enumerate() {
        assert!((s * (i + 1) as f64 - 1.0).abs() < 1e-3, "singular value {i}: {s}");
    }
    let left: f64 = (8..60).map(|i| (1.0 / (i + 1) as f64).powi(2)).sum::<f64>().sqrt();
    assert!(norm(&(&a - &back)) < left * 1.01);
}

/// Of stacks that broadcast against one another: what each matrix alone gives.
#[test]
fn stacks_are_solved_matrix_by_matrix() {
    let (stack, n) = (5, 6);
    let runtime = runtime(true, 1 << 20, 2);
    let parts: Vec<Array2<C128>> =
        (0..stack).map(|i| complex_matrix(n, n, i as u64 + 1) + Array2::<C128>::eye(n) * C128::new(8.0, 0.0)).collect();
    let views: Vec<_> = parts.iter().map(|a| a.view()).collect();
    let all = Array::from(ndarray::stack(Axis(0), &views).unwrap());
    let right = complex_matrix(n, 2, 77);
    let b = array(&right).expand_dims([0, 1]).broadcast_to([3, 1, n as u64, 2]);
    let adjoint = |x: &Array2<C128>| x.t().mapv(|x| x.conj());
    for (lower, transposed, conjugated) in [(true, false, false), (false, true, false), (true, true, true)] {
        let sides = linalg::Sides::default().lower(lower).transposed(transposed).conjugated(conjugated);
        let found = runtime.compute::<C128>(&linalg::solve_triangular(&all, &b, sides)).unwrap();
        assert_eq!(found.shape(), [3, stack, n, 2]);
        for (i, a) in parts.iter().enumerate() {
            let kept = |(r, c): (usize, usize)| if r == c || (r > c) == lower { a[[r, c]] } else { C128::new(0.0, 0.0) };
            let t = Array2::from_shape_fn((n, n), kept);
            let t = match (transposed, conjugated) {
                (false, _) => t,
                (_, false) => t.t().to_owned(),
                _ => adjoint(&t),
            };
            let x = two(found.index_axis(Axis(0), 2).index_axis(Axis(0), i).to_owned().into_dyn());
            assert!(off(&right, &t.dot(&x), EPSILON) <= 20.0, "{sides:?} of matrix {i}");
        }
    }
    let squares: Vec<Array2<C128>> = parts.iter().map(|a| a.dot(&adjoint(a))).collect();
    let views: Vec<_> = squares.iter().map(|a| a.view()).collect();
    let all = Array::from(ndarray::stack(Axis(0), &views).unwrap());
    let found = runtime.compute::<C128>(&linalg::solve_positive(&all, &b)).unwrap();
    for (i, a) in squares.iter().enumerate() {
        let x = two(found.index_axis(Axis(0), 1).index_axis(Axis(0), i).to_owned().into_dyn());
        assert!(off(&right, &a.dot(&x), EPSILON) <= 200.0, "positive definite matrix {i}");
    }
    let singular = zeros([3, n as u64, n as u64], DType::F64);
    let said = runtime.compute::<f64>(&linalg::solve_triangular(&singular, &ones([n as u64], DType::F64), linalg::Sides::default()));
    let said = said.unwrap_err().to_string();
    assert!(said.contains("singular") && said.contains("element 0"), "{said}");
}

/// OpenBLAS's products of complex matrices read past the end of their vectors: not past the memory that they are in.
#[test]
fn lapack_of_complex_matrices_stays_inside_of_its_memory() {
    let runtime = runtime_with(Sizes::default(), 64 << 20, 2);
    for (m, n) in [(300, 300), (400, 256), (150, 150), (100, 220)] {
        let a = complex_matrix(m, n, 3);
        for x in [array(&a), array(&a.mapv(|x| C64::new(x.re as f32, x.im as f32)))] {
            for _ in 0..5 {
                let s = linalg::svdvals(&x);
                let [u, of_svd, vt] = linalg::svd(&x, false);
                for result in [s, u, of_svd, vt] {
                    runtime.compute_any(&result).unwrap();
                }
            }
            if m == n {
                let hermitian = &x + &x.conj().swapaxes(0, 1);
                for _ in 0..5 {
                    runtime.compute_any(&linalg::eigh(&hermitian, true)[0]).unwrap();
                    runtime.compute_any(&linalg::eig(&x)[0]).unwrap();
                }
            }
        }
    }
}
