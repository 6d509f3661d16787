//! LAPACK's own grid: its types of matrices (general, positive definite, of least squares, triangular) in all its sizes, in blocks of 1, 3 and 20
//! columns, under a roomy limit and (in blocks of 3) the smallest one, for each dtype. Source: Anderson et al., *LAPACK Users' Guide*, and its
//! TESTING/LIN (xLATB4, xCHKGE, xCHKPO, xCHKQR, xDRVLS, xCHKTR), whose bound for the same ratios is 30.

use crate::matrices::{Wide, array, norm, orthogonal, random, two};
use crate::{runtime_with, under_all_limits_with};
use flagstone::array::linalg;
use flagstone::error::ErrorKind;
use flagstone::sizes::Sizes;
use flagstone::{Array, C64, C128};
use ndarray::{Array2, ArrayD, s};

const SIDES: [usize; 7] = [0, 1, 2, 3, 5, 10, 50];
const BLOCKS: [usize; 3] = [1, 3, 20];
/// Errors in units of ε·√max(m, n).
const BOUND: f64 = 5.0;

/// A dtype under test: numbers of it, and the bounds of its range.
trait Element: Wide + std::fmt::Debug {
    const UNIT: f64;
    /// A norm so small that numbers of a matrix of it are only just normal ones (xLATB4).
    const SMALL: f64;
    const IS_COMPLEX: bool;
    fn narrow(x: C128) -> Self;
}

macro_rules! element {
    ($t:ty, $real:ty, $is_complex:expr, $narrow:expr) => {
        impl Element for $t {
            const UNIT: f64 = <$real>::EPSILON as f64;
            const SMALL: f64 = 0.25 * <$real>::MIN_POSITIVE as f64 / <$real>::EPSILON as f64;
            const IS_COMPLEX: bool = $is_complex;
            fn narrow(x: C128) -> Self {
                $narrow(x)
            }
        }
    };
}

element!(f64, f64, false, |x: C128| x.re);
element!(f32, f32, false, |x: C128| x.re as f32);
element!(C128, f64, true, |x| x);
element!(C64, f32, true, |x: C128| C64::new(x.re as f32, x.im as f32));

/// Blocks of `columns` columns.
fn blocks_of<T: Element>(columns: usize) -> Sizes {
    let mut sizes = Sizes::tiny();
    sizes.numerics.column_row_bytes = (columns * size_of::<T>()) as u64;
    sizes
}

fn narrowed<T: Element>(a: &Array2<C128>) -> Array2<T> {
    a.mapv(T::narrow)
}

fn widened<T: Element>(a: &Array2<T>) -> Array2<C128> {
    a.mapv(T::wide)
}

fn adjoint(a: &Array2<C128>) -> Array2<C128> {
    a.t().mapv(|x| x.conj())
}

fn identity(n: usize) -> Array2<C128> {
    Array2::eye(n)
}

fn numbers<T: Element>(m: usize, n: usize, seed: u64) -> Array2<C128> {
    let mut next = random(seed);
    Array2::from_shape_simple_fn((m, n), || C128::new(next(), if T::IS_COMPLEX { next() } else { 0.0 }))
}

/// [m, n] of a norm and a condition number, its singular values in equal ratios (xLATMS, mode 3).
fn conditioned<T: Element>(m: usize, n: usize, condition: f64, norm: f64) -> Array2<C128> {
    let k = m.min(n);
    let value = |i: usize| norm * condition.powf(-(i as f64) / (k.max(2) - 1) as f64);
    // a phase a row and a column makes real vectors complex ones, and leaves them orthonormal
    let phase = |i: usize| if T::IS_COMPLEX { C128::from_polar(1.0, i as f64) } else { C128::new(1.0, 0.0) };
    let side = |n: usize| Array2::from_shape_fn((n, k), |(i, j)| phase(i + 1) * phase(3 * j));
    let (u, v) =
        (orthogonal(m).slice(s![.., ..k]).mapv(|x| x.wide()) * side(m), orthogonal(n).slice(s![.., ..k]).mapv(|x| x.wide()) * side(n));
    let scaled = Array2::from_shape_fn((m, k), |(i, j)| u[[i, j]] * value(j));
    scaled.dot(&adjoint(&v))
}

/// The condition numbers and norms of the types that have them: easy, hard, as hard as the dtype can tell, near underflow, near overflow.
fn spectra<T: Element>() -> [(&'static str, f64, f64); 5] {
    let hard = 0.1 / T::UNIT;
    [("easy", 2.0, 1.0), ("hard", hard.sqrt(), 1.0), ("hardest", hard, 1.0), ("small", 2.0, T::SMALL), ("large", 2.0, 1.0 / T::SMALL)]
}

fn triangle(a: &Array2<C128>, lower: bool) -> Array2<C128> {
    Array2::from_shape_fn(a.raw_dim(), |(i, j)| if i == j || (i > j) == lower { a[[i, j]] } else { C128::new(0.0, 0.0) })
}

fn diagonal(a: &Array2<C128>) -> Array2<C128> {
    triangle(&triangle(a, true), false)
}

/// A matrix whose columns from `first` on, `count` of them, are zero.
fn without(a: &Array2<C128>, first: usize, count: usize) -> Array2<C128> {
    let mut a = a.clone();
    a.slice_mut(s![.., first..first + count]).fill(C128::new(0.0, 0.0));
    a
}

/// The general types of LAPACK that are not singular, by name.
fn general<T: Element>(m: usize, n: usize) -> Vec<(&'static str, Array2<C128>)> {
    let easy = conditioned::<T>(m, n, 2.0, 1.0);
    let named = spectra::<T>().map(|(name, condition, norm)| (name, conditioned::<T>(m, n, condition, norm)));
    [("diagonal", diagonal(&easy)), ("upper", triangle(&easy, false)), ("lower", triangle(&easy, true))].into_iter().chain(named).collect()
}

/// ‖x‖ ≤ bound · ε · √side · ‖a‖, said where it is not.
fn small<T: Element>(what: &str, x: &Array2<C128>, a: f64, side: usize) {
    let ratio = if norm(x) == 0.0 { 0.0 } else { norm(x) / a / T::UNIT / (side.max(1) as f64).sqrt() };
    assert!(ratio <= BOUND, "{what}, {}: {ratio}", std::any::type_name::<T>());
}

/// Under all limits, in blocks of 3 columns, or under one, as wide matrices.
fn found<T: Element>(columns: usize, results: &[Array]) -> Vec<Array2<C128>> {
    let wide = |x: ArrayD<T>| widened(&two(x));
    if columns == 3 {
        return under_all_limits_with::<T>(blocks_of::<T>(columns), results).into_iter().map(wide).collect();
    }
    let runtime = runtime_with(blocks_of::<T>(columns), 64 << 20, 2);
    results.iter().map(|result| wide(runtime.compute(result).unwrap())).collect()
}

fn general_systems<T: Element>() {
    for n in SIDES {
        for (name, a) in general::<T>(n, n) {
            let (a, b) = (narrowed::<T>(&a), narrowed::<T>(&numbers::<T>(n, 2, n as u64)));
            let (x, right) = (array(&a), array(&b));
            let (a, b) = (widened(&a), widened(&b));
            for columns in BLOCKS {
                let what = |of: &str| format!("{of} of {name}, {n}², blocks of {columns}");
                let [p, l, u] = linalg::lu(&x, linalg::LuIn::Matrix);
                let results = found::<T>(columns, &[p, l, u, linalg::solve(&x, &right), linalg::inv(&x)]);
                let [p, l, u, solved, inverse] = &results[..] else { unreachable!() };
                small::<T>(&what("LU"), &(p.dot(&l.dot(u)) - &a), norm(&a), n);
                small::<T>(&what("solve"), &(a.dot(solved) - &b), norm(&a) * norm(solved) + norm(&b), n);
                small::<T>(&what("inv"), &(a.dot(inverse) - identity(n)), norm(&a) * norm(inverse), n);
            }
        }
    }
}

fn singular_systems<T: Element>() {
    for n in SIDES.into_iter().filter(|&n| n > 0) {
        let easy = conditioned::<T>(n, n, 2.0, 1.0);
        for (at, count) in [(0, 1), (n - 1, 1), (n / 2, n - n / 2)] {
            let a = narrowed::<T>(&without(&easy, at, count));
            let x = array(&a);
            let [p, l, u] = linalg::lu(&x, linalg::LuIn::Matrix);
            for columns in BLOCKS {
                let what = format!("LU without column {at}, {n}², blocks of {columns}");
                let results = found::<T>(columns, &[p.clone(), l.clone(), u.clone()]);
                small::<T>(&what, &(results[0].dot(&results[1].dot(&results[2])) - widened(&a)), norm(&a), n);
                let runtime = runtime_with(blocks_of::<T>(columns), 1 << 20, 2);
                for call in [linalg::solve(&x, &x), linalg::inv(&x)] {
                    let error = runtime.compute::<T>(&call).expect_err("a singular matrix");
                    assert!(
                        matches!(error.kind(), ErrorKind::Numerical { .. }) && error.to_string().contains("singular"),
                        "{what}: {error}"
                    );
                }
                let det = runtime.compute::<T>(&linalg::det(&x)).unwrap();
                assert!(det.iter().all(|x| x.wide() == C128::new(0.0, 0.0)), "{what}");
            }
        }
    }
}

fn positive_systems<T: Element>() {
    for n in SIDES {
        let types = spectra::<T>().into_iter().map(|(name, condition, norm)| (name, conditioned::<T>(n, n, condition.sqrt(), norm.sqrt())));
        for (name, half) in types {
            // exactly Hermitian as it is rounded
            let product = half.dot(&adjoint(&half));
            let lower = triangle(&product, true);
            let a = Array2::from_shape_fn((n, n), |(i, j)| match i.cmp(&j) {
                std::cmp::Ordering::Equal => C128::new(lower[[i, i]].re, 0.0),
                std::cmp::Ordering::Greater => lower[[i, j]],
                std::cmp::Ordering::Less => lower[[j, i]].conj(),
            });
            // rounded to the dtype, the hardest may have lost the last bit of being positive
            let a = if name == "hardest" { a + identity(n) * C128::new(10.0 * n as f64 * T::UNIT, 0.0) } else { a };
            let (a, b) = (narrowed::<T>(&a), narrowed::<T>(&numbers::<T>(n, 2, n as u64)));
            let (x, right) = (array(&a), array(&b));
            let (a, b) = (widened(&a), widened(&b));
            for columns in BLOCKS {
                let what = |of: &str| format!("{of} of {name}, {n}², blocks of {columns}");
                let calls = [linalg::cholesky(&x, false), linalg::cholesky(&x, true), linalg::solve_positive(&x, &right)];
                let results = found::<T>(columns, &calls);
                let [l, u, solved] = &results[..] else { unreachable!() };
                small::<T>(&what("L"), &(l.dot(&adjoint(l)) - &a), norm(&a), n);
                small::<T>(&what("U"), &(adjoint(u).dot(u) - &a), norm(&a), n);
                small::<T>(&what("solve"), &(a.dot(solved) - &b), norm(&a) * norm(solved) + norm(&b), n);
            }
        }
        // without a row and column it is not definite
        for at in [0, n / 2, n.saturating_sub(1)].into_iter().filter(|_| n > 0) {
            let half = conditioned::<T>(n, n, 2.0, 1.0);
            let mut a = half.dot(&adjoint(&half));
            a.slice_mut(s![at, ..]).fill(C128::new(0.0, 0.0));
            a.slice_mut(s![.., at]).fill(C128::new(0.0, 0.0));
            for columns in BLOCKS {
                let runtime = runtime_with(blocks_of::<T>(columns), 1 << 20, 2);
                let error =
                    runtime.compute::<T>(&linalg::cholesky(&array(&narrowed::<T>(&a)), false)).expect_err("not definite").to_string();
                assert!(error.contains(&format!("order {} ", at + 1)), "{n}², {at}: {error}");
            }
        }
    }
}

fn triangles_of_qr<T: Element>() {
    for m in SIDES {
        for n in SIDES {
            for (name, a) in general::<T>(m, n) {
                let a = narrowed::<T>(&a);
                let x = array(&a);
                let a = widened(&a);
                for columns in BLOCKS {
                    let what = |of: &str| format!("{of} of {name}, {m} × {n}, blocks of {columns}");
                    let [q, r] = linalg::qr(&x);
                    let results = found::<T>(columns, &[q, r]);
                    let [q, r] = &results[..] else { unreachable!() };
                    small::<T>(&what("QR"), &(q.dot(r) - &a), norm(&a), m.max(n));
                    small::<T>(&what("Q"), &(adjoint(q).dot(q) - identity(m.min(n))), 1.0, m.max(n));
                    assert!(r.indexed_iter().all(|((i, j), x)| i <= j || x.norm() == 0.0), "{}", what("R"));
                }
            }
        }
    }
}

/// Full rank and half of it, of three sizes of numbers (xDRVLS).
fn least_squares<T: Element>() {
    for m in SIDES.into_iter().filter(|&m| m > 0) {
        for n in SIDES.into_iter().filter(|&n| n > 0) {
            for scale in [1.0, T::SMALL.sqrt(), 1.0 / T::SMALL.sqrt()] {
                for half in [false, true] {
                    let k = m.min(n);
                    let rank = if half { k.div_ceil(2) } else { k };
                    let a = if half && k > 1 {
                        conditioned::<T>(m, rank, 2.0, scale).dot(&conditioned::<T>(rank, n, 2.0, 1.0))
                    } else {
                        conditioned::<T>(m, n, 2.0, scale)
                    };
                    let (a, b) = (narrowed::<T>(&a), narrowed::<T>(&numbers::<T>(m, 2, 3)));
                    let (x, right) = (array(&a), array(&b));
                    let (a, b) = (widened(&a), widened(&b));
                    for columns in BLOCKS {
                        let what = |of: &str| format!("{of}, {m} × {n}, rank {rank}, {scale:e}, blocks of {columns}");
                        let runtime = runtime_with(blocks_of::<T>(columns), 64 << 20, 2);
                        let [x, _, found, _] = linalg::lstsq(&x, &right, None);
                        assert_eq!(runtime.item::<i64>(&found).unwrap(), rank as i64, "{}", what("rank"));
                        let x = widened(&two(runtime.compute::<T>(&x).unwrap()));
                        let left = a.dot(&x) - &b;
                        // what is left is at right angles to all columns
                        small::<T>(&what("residual"), &adjoint(&a).dot(&left), norm(&a) * norm(&b), m.max(n));
                        // and x, the shortest, is in the span of the rows: what is not is what the projector leaves
                        let [_, _, vh] = linalg::svd(&array(&narrowed::<T>(&a)), false);
                        let vh = widened(&two(runtime.compute::<T>(&vh).unwrap()));
                        let rows = vh.slice(s![..rank, ..]).to_owned();
                        small::<T>(&what("shortest"), &(&x - adjoint(&rows).dot(&rows.dot(&x))), norm(&x), m.max(n));
                    }
                }
            }
        }
    }
}

fn triangular_systems<T: Element>() {
    for n in SIDES {
        for (name, condition, norm_of) in spectra::<T>() {
            for lower in [false, true] {
                // with ones on its diagonal and numbers near overflow beside them, what is solved overflows
                for unit in [false, true].into_iter().filter(|unit| !unit || norm_of == 1.0) {
                    for (transposed, conjugated) in [(false, false), (true, false), (true, true)] {
                        // the diagonal is that of a matrix whose own is far from zero, so that the triangle is not worse than it
                        let full = conditioned::<T>(n, n, condition, norm_of);
                        let a = narrowed::<T>(&(full + identity(n) * C128::new(norm_of * 2.0, 0.0)));
                        let b = narrowed::<T>(&numbers::<T>(n, 2, 7));
                        let (x, right) = (array(&a), array(&b));
                        let mut t = triangle(&widened(&a), lower);
                        if unit {
                            t.diag_mut().fill(C128::new(1.0, 0.0));
                        }
                        let t = match (transposed, conjugated) {
                            (false, _) => t,
                            (_, false) => t.t().to_owned(),
                            _ => adjoint(&t),
                        };
                        let sides = linalg::Sides::default().lower(lower).unit_diagonal(unit).transposed(transposed).conjugated(conjugated);
                        for columns in BLOCKS {
                            let solved = found::<T>(columns, &[linalg::solve_triangular(&x, &right, sides)]).remove(0);
                            let what = format!("{sides:?} of {name}, {n}², blocks of {columns}");
                            let (left, size) = (t.dot(&solved) - widened(&b), norm(&t) * norm(&solved) + norm(&b));
                            small::<T>(&what, &left, size, n);
                        }
                    }
                }
            }
        }
    }
}

macro_rules! of_each_dtype {
    ($($name:ident: $check:ident;)*) => {$(
        #[test]
        fn $name() {
            $check::<f64>();
            $check::<f32>();
            $check::<C128>();
            $check::<C64>();
        }
    )*};
}

of_each_dtype! {
    general_matrices_of_lapacks_grid: general_systems;
    singular_matrices_of_lapacks_grid: singular_systems;
    positive_matrices_of_lapacks_grid: positive_systems;
    matrices_of_lapacks_grid_by_qr: triangles_of_qr;
    least_squares_of_lapacks_grid: least_squares;
    triangles_of_lapacks_grid: triangular_systems;
}
