//! Band and tridiagonal matrices by their properties: what was taken apart multiplies to what it was.

use super::tests::random;
use super::*;
use crate::dtype::{C64, C128, DType};

fn unit<T: Field>() -> f64 {
    if T::DTYPE.real() == DType::F32 { f32::EPSILON as f64 } else { f64::EPSILON }
}

/// A Hermitian band matrix in the layout of [`Sweeps`].
fn band<T: Field>(n: usize, b: usize, seed: u64) -> Vec<T> {
    let mut next = random(seed);
    let mut made = vec![T::ZERO; n * 2 * b];
    for column in 0..n {
        for i in 0..=b.min(n - 1 - column) {
            let im = if i == 0 { 0.0 } else { next() };
            made[column * 2 * b + i] = T::narrow(C128::new(next(), im));
        }
    }
    made
}

/// The element (i, j) of such a matrix.
fn element<T: Field>(band: &[T], b: usize, i: usize, j: usize) -> C128 {
    match (i >= j, i.abs_diff(j) <= b) {
        (_, false) => C128::ZERO,
        (true, true) => band[j * 2 * b + i - j].wide(),
        (false, true) => band[i * 2 * b + j - i].wide().conj(),
    }
}

fn norm(x: impl Iterator<Item = C128>) -> f64 {
    x.map(|x| x.norm_sqr()).sum::<f64>().sqrt()
}

/// ‖B − Q·T·Qᴴ‖/‖B‖ and ‖1 − Qᴴ·Q‖, in units of ε√n, of the chase by groups of `together` sweeps.
fn chased<T: Field>(n: usize, b: usize, together: usize) -> [f64; 2] {
    let before = band::<T>(n, b, (n * 100 + b) as u64);
    let mut now = before.clone();
    let mut groups = Vec::new();
    let mut first = 0;
    while first + 1 < n {
        let sweeps = Sweeps { n, b, first, count: together.min(n - 1 - first) };
        let mut reflectors = vec![T::ONE; sweeps.reflectors_len()];
        let mut scratch = vec![0u8; sweeps.scratch_bytes::<T>()];
        chase(sweeps, &mut now, Some(&mut reflectors), &mut scratch);
        let mut t = vec![T::ONE; sweeps_t_len(&sweeps)];
        let mut scratch = vec![0xffu8; sweeps_t_scratch_bytes::<T>(&sweeps)];
        sweeps_t(&sweeps, &reflectors, &mut t, &mut scratch);
        groups.push((sweeps, reflectors, t));
        first += sweeps.count;
    }
    let (mut d, mut e) = (vec![0.0; n], vec![0.0; n - 1]);
    diagonals(&now, b, &mut d, &mut e);
    let mut q = vec![T::ZERO; n * n];
    (0..n).for_each(|i| q[i * n + i] = T::ONE);
    for (sweeps, reflectors, t) in groups.iter().rev() {
        let mut scratch = vec![0xffu8; sweeps_scratch_bytes::<T>(sweeps, n)];
        sweeps_apply(sweeps, reflectors, t, MatMut::dense(&mut q, n, n), &mut scratch);
    }
    // Q·T, row by row, then its products with the rows of Q
    let q: Vec<C128> = q.iter().map(|x| x.wide()).collect();
    let at = |i: usize, j: usize| q[i * n + j];
    let qt = |i: usize, j: usize| {
        let left = if j > 0 { at(i, j - 1) * e[j - 1] } else { C128::ZERO };
        let right = if j + 1 < n { at(i, j + 1) * e[j] } else { C128::ZERO };
        left + right + at(i, j) * d[j]
    };
    let qt: Vec<C128> = (0..n * n).map(|p| qt(p / n, p % n)).collect();
    let pairs = || (0..n * n).map(|p| (p / n, p % n));
    let product = |i: usize, j: usize| (0..n).map(|k| qt[i * n + k] * at(j, k).conj()).sum::<C128>();
    let left = norm(pairs().map(|(i, j)| product(i, j) - element(&before, b, i, j)));
    let size = norm(pairs().map(|(i, j)| element(&before, b, i, j)));
    let gram = |i: usize, j: usize| (0..n).map(|k| at(k, i).conj() * at(k, j)).sum::<C128>();
    let orthogonal = norm(pairs().map(|(i, j)| gram(i, j) - C128::new((i == j) as u8 as f64, 0.0)));
    let by = unit::<T>() * (n as f64).sqrt();
    [left / size.max(f64::MIN_POSITIVE) / by, orthogonal / by / (n as f64).sqrt()]
}

#[test]
fn bands_are_chased_to_tridiagonal_matrices() {
    for (n, b) in [(1, 1), (2, 1), (2, 3), (5, 2), (9, 3), (30, 1), (40, 7), (40, 39), (40, 64), (67, 8), (150, 20)] {
        for together in [1, b, 3 * b] {
            for [left, orthogonal] in [
                chased::<f64>(n, b, together),
                chased::<f32>(n, b, together),
                chased::<C64>(n, b, together),
                chased::<C128>(n, b, together),
            ] {
                assert!(left <= 20.0 && orthogonal <= 20.0, "{n} by {b}, {together}: {left} {orthogonal}");
            }
        }
    }
}

#[test]
fn a_chase_has_the_same_bits_on_every_isa_and_in_any_groups() {
    let of = |together: usize| {
        let mut now = band::<f64>(50, 9, 4);
        let mut first = 0;
        while first < 49 {
            let sweeps = Sweeps { n: 50, b: 9, first, count: together.min(49 - first) };
            chase(sweeps, &mut now, None, &mut vec![0u8; sweeps.scratch_bytes::<f64>()]);
            first += sweeps.count;
        }
        now
    };
    let one = of(1);
    crate::isa::on_every_isa(|| assert_eq!(one, of(7)));
}

/// Tridiagonal matrices that have broken eigensolvers.
fn tridiagonals(n: usize) -> Vec<(&'static str, Vec<f64>, Vec<f64>)> {
    let mut next = random(n as u64);
    let mut some = |n: usize| (0..n).map(|_| next()).collect::<Vec<f64>>();
    let e = n - 1;
    let middle = (n / 2) as f64;
    vec![
        ("random", some(n), some(e)),
        ("zero", vec![0.0; n], vec![0.0; e]),
        ("identity", vec![1.0; n], vec![0.0; e]),
        ("diagonal", some(n), vec![0.0; e]),
        ("1 2 1", vec![2.0; n], vec![1.0; e]),
        ("1 2 1 of either sign", vec![2.0; n], (0..e).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect()),
        ("Wilkinson", (0..n).map(|i| (i as f64 - middle).abs()).collect(), vec![1.0; e]),
        (
            "glued Wilkinson",
            (0..n).map(|i| (i as f64 % 21.0 - 10.0).abs()).collect(),
            (0..e).map(|i| if i % 21 == 20 { 1e-10 } else { 1.0 }).collect(),
        ),
        (
            "graded",
            (0..n).map(|i| 10f64.powf(-16.0 * i as f64 / n as f64)).collect(),
            (0..e).map(|i| 10f64.powf(-16.0 * i as f64 / n as f64 - 0.5)).collect(),
        ),
        (
            "graded upwards",
            (0..n).map(|i| 10f64.powf(16.0 * i as f64 / n as f64)).collect(),
            (0..e).map(|i| 10f64.powf(16.0 * i as f64 / n as f64 - 0.5)).collect(),
        ),
        ("clustered", vec![1.0; n], some(e).iter().map(|x| x * 1e-12).collect()),
        ("some zeros", some(n), some(e).iter().enumerate().map(|(i, x)| if i % 5 == 0 { 0.0 } else { *x }).collect()),
        ("no diagonal", vec![0.0; n], vec![1.0; e]),
        ("huge", some(n).iter().map(|x| x * 1e300).collect(), some(e).iter().map(|x| x * 1e300).collect()),
        ("small", some(n).iter().map(|x| x * 1e-300).collect(), some(e).iter().map(|x| x * 1e-300).collect()),
    ]
}

#[test]
fn tridiagonal_problems_are_divided_and_joined() {
    for n in [1usize, 2, 3, 4, 7, 21, 50, 64, 130, 300] {
        for leaf in [1, 2, 5, 32, 400] {
            for (name, d, e) in tridiagonals(n) {
                let what = format!("{name} of {n} by {leaf}");
                let tree = Tree { n, leaf };
                let mut data = vec![f64::NAN; tree.len()];
                let (mut w, mut off) = (d.clone(), e.clone());
                tree.solve(&mut w, &mut off, &mut data, &mut vec![0u8; tree.solve_scratch_bytes(0)]).unwrap();
                assert!(w.windows(2).all(|w| w[0] <= w[1]), "{what}: {w:?}");
                let mut plain = d.clone();
                tridiagonal_values(&mut plain, &mut e.clone()).unwrap();
                let most = d.iter().chain(&e).fold(0.0f64, |most, x| most.max(x.abs())).max(f64::MIN_POSITIVE);
                let unit = f64::EPSILON * (n as f64).sqrt();
                let worst = w.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / most / unit;
                assert!(worst <= 20.0, "{what}: values off by {worst}");
                // the vectors in blocks of some columns
                let mut v = vec![0.0f64; n * n];
                for first in (0..n).step_by(13) {
                    let width = 13.min(n - first);
                    let mut block = vec![0.0f64; n * width];
                    let mut scratch = vec![0xffu8; tree.vectors_scratch_bytes(width)];
                    tree.vectors(&data, first, &mut MatMut::dense(&mut block, n, width), &mut scratch);
                    (0..n * width).for_each(|at| v[at / width * n + first + at % width] = block[at]);
                }
                let at = |i: usize, j: usize| v[i * n + j];
                let (mut left, mut orthogonal) = (0.0, 0.0);
                for i in 0..n {
                    for j in 0..n {
                        let above = if i > 0 { e[i - 1] / most * at(i - 1, j) } else { 0.0 };
                        let below = if i + 1 < n { e[i] / most * at(i + 1, j) } else { 0.0 };
                        let x: f64 = above + below + (d[i] / most - w[j] / most) * at(i, j);
                        left += x * x;
                        let gram: f64 = (0..n).map(|k| at(k, i) * at(k, j)).sum::<f64>() - (i == j) as u8 as f64;
                        orthogonal += gram * gram;
                    }
                }
                let [left, orthogonal] = [left, orthogonal].map(|x: f64| x.sqrt() / unit / (n as f64).sqrt());
                assert!(left <= 20.0 && orthogonal <= 20.0, "{what}: {left} {orthogonal}");
            }
        }
    }
}

#[test]
fn what_is_no_number_has_no_eigenvalues() {
    let tree = Tree { n: 9, leaf: 2 };
    for bad in [f64::NAN, f64::INFINITY] {
        let (mut d, mut e) = (vec![1.0; 9], vec![1.0; 8]);
        d[4] = bad;
        assert!(tridiagonal_values(&mut d.clone(), &mut e.clone()).is_err());
        let mut data = vec![0.0; tree.len()];
        assert!(tree.solve(&mut d, &mut e, &mut data, &mut vec![0u8; tree.solve_scratch_bytes(0)]).is_err());
    }
}
