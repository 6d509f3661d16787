use super::tests::random;
use super::*;
use crate::dtype::{C64, C128};

/// Some numbers, complex where they can be.
fn numbers<T: Field>(n: usize, seed: u64) -> Vec<T> {
    let mut next = random(seed);
    (0..n).map(|_| T::narrow(C128::new(next(), next()))).collect()
}

/// An upper triangle [n, n] far from a singular one.
fn triangle<T: Field>(n: usize, seed: u64) -> Vec<T> {
    let all = numbers::<T>(n * n, seed);
    (0..n * n)
        .map(|at| match (at / n).cmp(&(at % n)) {
            std::cmp::Ordering::Less => all[at],
            std::cmp::Ordering::Equal => all[at] + T::narrow(C128::new(3.0, 0.0)),
            std::cmp::Ordering::Greater => T::ZERO,
        })
        .collect()
}

fn held<T: Field>(unit: f64) {
    for (m, n) in [(1, 1), (33, 2), (5, 16), (70, 17), (40, 90), (300, 70), (200, 130)] {
        let (a, r) = (numbers::<T>(m * n, 3), triangle::<T>(n, 5));
        let mut scratch = vec![0; rows_squared_scratch_bytes::<T>(m, n)];
        let mut x = a.clone();
        rows_over(Mat::dense(&r, n, n), MatMut::dense(&mut x, m, n), &mut scratch[..rows_over_scratch_bytes::<T>(m, n)]);
        for i in 0..m {
            for j in 0..n {
                let terms = |f: &dyn Fn(C128, C128) -> C128| (0..=j).map(|k| f(x[i * n + k].wide(), r[k * n + j].wide())).sum::<C128>();
                let size = terms(&|x, r| C128::new(x.norm() * r.norm(), 0.0)).re;
                let off = (terms(&|x, r| x * r) - a[i * n + j].wide()).norm();
                assert!(off <= 4.0 * (n as f64) * unit * size, "{m} × {n} at {i}, {j}: {off} of {size}");
            }
        }
        let mut g = numbers::<T>(n * n, 9);
        rows_squared(Mat::dense(&a, m, n), MatMut::dense(&mut g, n, n), &mut scratch);
        for i in 0..n {
            for j in 0..=i {
                let sum: C128 = (0..m).map(|k| a[k * n + i].wide().conj() * a[k * n + j].wide()).sum();
                assert!((sum - g[i * n + j].wide()).norm() <= 8.0 * m as f64 * unit, "{m} × {n} at {i}, {j}");
            }
        }
    }
}

#[test]
fn rows_over_a_triangle_and_their_squares() {
    held::<f64>(f64::EPSILON);
    held::<f32>(f32::EPSILON as f64);
    held::<C128>(f64::EPSILON);
    held::<C64>(f32::EPSILON as f64);
}

#[test]
fn bits_of_a_row_do_not_depend_on_the_rows_beside_it() {
    let (m, n) = (100, 50);
    let (a, r) = (numbers::<f64>(m * n, 3), triangle::<f64>(n, 5));
    let mut scratch = vec![0; rows_over_scratch_bytes::<f64>(m, n)];
    let mut over = |rows: &[f64]| {
        let mut x = rows.to_vec();
        rows_over(Mat::dense(&r, n, n), MatMut::dense(&mut x, rows.len() / n, n), &mut scratch);
        x
    };
    let all = over(&a);
    let parts: Vec<f64> = [0..7, 7..8, 8..60, 60..100].into_iter().flat_map(|rows| over(&a[rows.start * n..rows.end * n])).collect();
    assert!(all.iter().zip(&parts).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn a_sketch_keeps_lengths_and_follows_from_the_numbers_of_its_rows() {
    let (m, n) = (900, 11);
    let a = numbers::<C128>(m * n, 7);
    let mut sketch = vec![C128::new(0.0, 0.0); sketch_height(n as u64) as usize * n];
    sketch_rows(0, &a, n, &mut sketch);
    let mut parts = vec![C128::new(0.0, 0.0); sketch.len()];
    sketch_rows(0, &a[..300 * n], n, &mut parts);
    sketch_rows(300, &a[300 * n..], n, &mut parts);
    assert!(sketch.iter().zip(&parts).all(|(a, b)| (a - b).norm() < 1e-12));
    for seed in 0..50 {
        let v = numbers::<C128>(n, 100 + seed);
        let length =
            |rows: &[C128]| rows.chunks(n).map(|row| row.iter().zip(&v).map(|(a, v)| a * v).sum::<C128>().norm_sqr()).sum::<f64>().sqrt();
        let ratio = length(&sketch) / length(&a) / 8f64.sqrt();
        assert!((0.25..2.0).contains(&ratio), "{ratio}");
    }
}

#[test]
fn triangles_tell_how_near_to_singular_ones_they_are() {
    let n = 20;
    let mut scratch = vec![0; rows_cholesky_scratch_bytes::<f64>(n)];
    let mut r = triangle::<f64>(n, 5);
    let good = columns_reciprocal(Mat::dense(&r, n, n), &mut scratch);
    assert!(good > 1e-2, "{good}");
    // a column of another length is none the worse
    (0..n).for_each(|i| r[i * n + 7] *= 1e-200);
    let scaled = columns_reciprocal(Mat::dense(&r, n, n), &mut scratch);
    assert!((scaled / good - 1.0).abs() < 1e-9, "{scaled} and {good}");
    r[9 * n + 9] = 1e-14;
    assert!(columns_reciprocal(Mat::dense(&r, n, n), &mut scratch) < 1e-12);
    for wrong in [0.0, f64::NAN, f64::INFINITY] {
        (0..n).for_each(|i| r[i * n + 3] = wrong);
        assert_eq!(columns_reciprocal(Mat::dense(&r, n, n), &mut scratch), 0.0);
    }
    // G = Lᴴ·L of a known triangle, and what is not positive definite
    let known = triangle::<f64>(n, 8);
    let squares = |sign: f64| -> Vec<f64> {
        (0..n * n).map(|at| (0..n).map(|k| known[k * n + at / n] * known[k * n + at % n]).sum::<f64>() * sign).collect()
    };
    let mut r1 = vec![0.0; n * n];
    let mut cholesky = |mut g: Vec<f64>| {
        let found = rows_cholesky(MatMut::dense(&mut g, n, n), MatMut::dense(&mut r1, n, n), &mut scratch);
        found.map(|found| (found, r1.clone()))
    };
    let (ratio, found) = cholesky(squares(1.0)).unwrap();
    assert!(ratio > 1e-3 && found.iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-10));
    assert!(cholesky(squares(-1.0)).is_none() && cholesky(vec![f64::NAN; n * n]).is_none());
    // the product of two
    let (first, mut product) = (triangle::<f64>(n, 9), vec![7.0; n * n]);
    triangles(Mat::dense(&known, n, n), Mat::dense(&first, n, n), MatMut::dense(&mut product, n, n), &mut scratch);
    let wanted = |i: usize, j: usize| (0..n).map(|k| known[i * n + k] * first[k * n + j]).sum::<f64>();
    assert!((0..n * n).all(|at| if at / n > at % n { product[at] == 0.0 } else { (product[at] - wanted(at / n, at % n)).abs() < 1e-10 }));
}

#[test]
fn columns_whose_squares_leave_the_range_are_told() {
    let n = 6;
    let of = |length: f64| {
        let mut r = triangle::<f64>(n, 5);
        (0..n).for_each(|i| r[i * n + 4] *= length);
        r
    };
    let can = |length: f64| columns_can_be_squared(Mat::dense(&of(length), n, n));
    assert!(can(1.0) && can(1e-100) && can(1e100));
    assert!(!can(1e-150) && !can(1e150) && !can(0.0) && !can(f64::NAN));
    let narrow = |length: f64| {
        let r: Vec<f32> = of(length).into_iter().map(|x| x as f32).collect();
        columns_can_be_squared(Mat::dense(&r, n, n))
    };
    assert!(narrow(1e10) && !narrow(1e17) && !narrow(1e-17));
}
