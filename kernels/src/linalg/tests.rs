use super::matrix::MatMut;
use super::*;
use crate::dtype::{C64, C128, DType};

/// A full matrix of wide complex numbers, to check against by plain loops.
#[derive(Clone)]
struct Dense {
    rows: usize,
    cols: usize,
    at: Vec<C128>,
}

impl Dense {
    fn of(rows: usize, cols: usize, f: impl Fn(usize, usize) -> C128) -> Dense {
        Dense { rows, cols, at: (0..rows * cols).map(|i| f(i / cols.max(1), i % cols.max(1))).collect() }
    }
    fn get(&self, i: usize, j: usize) -> C128 {
        self.at[i * self.cols + j]
    }
    fn times(&self, other: &Dense) -> Dense {
        Dense::of(self.rows, other.cols, |i, j| (0..self.cols).map(|k| self.get(i, k) * other.get(k, j)).sum())
    }
    fn adjoint(&self) -> Dense {
        Dense::of(self.cols, self.rows, |i, j| self.get(j, i).conj())
    }
    fn distance(&self, other: &Dense) -> f64 {
        self.at.iter().zip(&other.at).map(|(a, b)| (a - b).norm_sqr()).sum::<f64>().sqrt()
    }
    fn norm(&self) -> f64 {
        self.at.iter().map(|a| a.norm_sqr()).sum::<f64>().sqrt()
    }
}

/// Numbers between −1 and 1.
pub(super) fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }
}

fn random_matrix<T: Field>(rows: usize, cols: usize, seed: u64) -> Dense {
    let mut next = random(seed);
    let values: Vec<C128> = (0..rows * cols).map(|_| T::narrow(C128::new(next(), next())).wide()).collect();
    Dense { rows, cols, at: values }
}

/// The column blocks of a matrix, each [rows, width].
fn blocks<T: Field>(a: &Dense, width: usize) -> Vec<Vec<T>> {
    (0..a.cols.div_ceil(width))
        .map(|b| {
            let w = width.min(a.cols - b * width);
            (0..a.rows * w).map(|i| T::narrow(a.get(i / w, b * width + i % w))).collect()
        })
        .collect()
}

fn joined<T: Field>(blocks: &[Vec<T>], rows: usize, cols: usize, width: usize) -> Dense {
    Dense::of(rows, cols, |i, j| {
        let w = width.min(cols - j / width * width);
        blocks[j / width][i * w + j % width].wide()
    })
}

fn mat<T: Field>(block: &mut [T], rows: usize) -> MatMut<'_, T> {
    let cols = block.len() / rows;
    MatMut::dense(block, rows, cols)
}

/// A tolerance of 20 √n roundings.
fn eps<T: Field>(n: usize) -> f64 {
    let unit = if T::DTYPE.real() == DType::F32 { f32::EPSILON as f64 } else { f64::EPSILON };
    20.0 * unit * (n.max(1) as f64).sqrt()
}

const SHAPES: [(usize, usize); 9] = [(1, 1), (5, 3), (3, 5), (16, 16), (40, 40), (57, 40), (40, 57), (200, 90), (130, 131)];
const WIDTHS: [usize; 4] = [1, 7, 20, 64];

fn lu_of<T: Field>(m: usize, n: usize, width: usize) {
    let a = random_matrix::<T>(m, n, (m * 1000 + n) as u64);
    let mut b = blocks::<T>(&a, width);
    let k = m.min(n);
    let mut pivots: Vec<Vec<i64>> = Vec::new();
    let mut scratch = vec![0u8; lu_scratch_bytes::<T>(m, width)];
    for j in 0..b.len() {
        let (done, rest) = b.split_at_mut(j);
        for (f, pivots) in pivots.iter().enumerate() {
            lu_apply(mat(&mut done[f], m).read(), f * width, pivots, mat(&mut rest[0], m), &mut scratch);
        }
        if j * width < k {
            let w = width.min(n - j * width);
            let mut found = vec![0; w.min(m - j * width)];
            lu_panel(mat(&mut rest[0], m), j * width, &mut found, &mut scratch);
            pivots.push(found);
        }
    }
    // later exchanges of rows reach earlier blocks
    for j in 0..pivots.len() {
        for (f, pivots) in pivots.iter().enumerate().skip(j + 1) {
            lu_swap(&mut mat(&mut b[j], m), f * width, pivots);
        }
    }
    let f = joined(&b, m, n, width);
    let l = Dense::of(m, k, |i, j| {
        if i == j {
            C128::ONE
        } else if i > j {
            f.get(i, j)
        } else {
            C128::ZERO
        }
    });
    let u = Dense::of(k, n, |i, j| if i <= j { f.get(i, j) } else { C128::ZERO });
    let mut rows: Vec<usize> = (0..m).collect();
    pivots.iter().flatten().enumerate().for_each(|(i, &p)| rows.swap(i, p as usize));
    let pa = Dense::of(m, n, |i, j| a.get(rows[i], j));
    assert!(l.times(&u).distance(&pa) <= eps::<T>(m) * a.norm(), "LU of {m} × {n} by {width}");
    // M·A = U, so that columns y under Mᵀ and then Aᵀ are Uᵀ·y, in its first rows
    let mut stepwise = blocks::<T>(&a, width);
    for j in 0..pivots.len() {
        let (done, rest) = stepwise.split_at_mut(j);
        for (f, pivots) in pivots.iter().take(j).enumerate() {
            lu_apply(mat(&mut done[f], m).read(), f * width, pivots, mat(&mut rest[0], m), &mut scratch);
        }
        lu_panel(mat(&mut rest[0], m), j * width, &mut vec![0; pivots[j].len()], &mut scratch);
    }
    let y = random_matrix::<T>(m, 3, 5);
    let mut x: Vec<T> = y.at.iter().map(|&x| T::narrow(x)).collect();
    let mut scratch = vec![0u8; triangle_scratch_bytes::<T>(m, 3, width)];
    for (f, pivots) in pivots.iter().enumerate().rev() {
        lu_apply_transposed(mat(&mut stepwise[f], m).read(), f * width, pivots, mat(&mut x, m), &mut scratch);
    }
    let x = Dense::of(m, 3, |i, j| x[i * 3 + j].wide());
    let transposed = |a: &Dense| Dense::of(a.cols, a.rows, |i, j| a.get(j, i));
    let first = Dense::of(k, 3, |i, j| y.get(i, j));
    let bound = eps::<T>(m) * a.norm() * x.norm();
    assert!(transposed(&a).times(&x).distance(&transposed(&u).times(&first)) <= bound, "Lᵀ of {m} × {n} by {width}");
    // pivots are the largest by |re| + |im|
    assert!(l.at.iter().all(|x| x.norm() <= 1.415), "multipliers");
}

fn qr_of<T: Field>(m: usize, n: usize, width: usize) {
    let a = random_matrix::<T>(m, n, (m * 1000 + n) as u64);
    let mut b = blocks::<T>(&a, width);
    let k = m.min(n);
    let mut ts: Vec<Vec<T>> = Vec::new();
    let mut scratch = vec![0u8; qr_scratch_bytes::<T>(m, width)];
    for j in 0..b.len() {
        let (done, rest) = b.split_at_mut(j);
        for (f, t) in ts.iter_mut().enumerate() {
            let side = t.len().isqrt();
            qr_apply(mat(&mut done[f], m).read(), f * width, mat(t, side).read(), true, mat(&mut rest[0], m), &mut scratch);
        }
        if j * width < k {
            let side = width.min(n - j * width).min(m - j * width);
            let mut t = vec![T::ONE; side * side];
            qr_panel(mat(&mut rest[0], m), j * width, mat(&mut t, side), &mut scratch);
            ts.push(t);
        }
    }
    let f = joined(&b, m, n, width);
    let r = Dense::of(k, n, |i, j| if i <= j { f.get(i, j) } else { C128::ZERO });
    // Q: the reflectors applied to the identity, last block first
    let mut q = blocks::<T>(&Dense::of(m, k, |i, j| C128::new((i == j) as u8 as f64, 0.0)), width);
    for block in &mut q {
        for (f, t) in ts.iter_mut().enumerate().rev() {
            let side = t.len().isqrt();
            qr_apply(mat(&mut b[f], m).read(), f * width, mat(t, side).read(), false, mat(block, m), &mut scratch);
        }
    }
    let q = joined(&q, m, k, width);
    assert!(q.times(&r).distance(&a) <= eps::<T>(m) * a.norm(), "QR of {m} × {n} by {width}");
    let one = Dense::of(k, k, |i, j| C128::new((i == j) as u8 as f64, 0.0));
    assert!(q.adjoint().times(&q).distance(&one) <= eps::<T>(m) * (k as f64).sqrt(), "QᴴQ of {m} × {n} by {width}");
    assert!((0..k).all(|i| r.get(i, i).im == 0.0 || (m <= n && i + 1 == k)), "R has a real diagonal");
}

fn cholesky_of<T: Field>(n: usize, width: usize) {
    let x = random_matrix::<T>(n, n, n as u64);
    let mut a = x.times(&x.adjoint());
    (0..n).for_each(|i| a.at[i * n + i] += C128::new(0.5, 0.0));
    // what is above the diagonal is not looked at
    let lower = Dense::of(n, n, |i, j| if i >= j { T::narrow(a.get(i, j)).wide() } else { C128::new(f64::NAN, 0.0) });
    let mut b = blocks::<T>(&lower, width);
    let mut scratch = vec![0u8; cholesky_scratch_bytes::<T>(n, width)];
    for j in 0..b.len() {
        let (done, rest) = b.split_at_mut(j);
        for f in done {
            cholesky_update(mat(f, n).read(), j * width, mat(&mut rest[0], n), &mut scratch);
        }
        cholesky_panel(mat(&mut rest[0], n), j * width, &mut scratch).unwrap();
    }
    let l = joined(&b, n, n, width);
    let whole = Dense::of(n, n, |i, j| if i >= j { lower.get(i, j) } else { lower.get(j, i).conj() });
    assert!(l.times(&l.adjoint()).distance(&whole) <= eps::<T>(n) * whole.norm(), "Cholesky of {n} by {width}");
    // and of a matrix that is not positive definite
    let mut bad = blocks::<T>(&Dense::of(n, n, |i, j| C128::new((i == j && i + 1 < n) as u8 as f64, 0.0)), n);
    let mut scratch = vec![0u8; cholesky_scratch_bytes::<T>(n, n)];
    assert_eq!(cholesky_panel(mat(&mut bad[0], n), 0, &mut scratch), Err(n - 1));
}

fn triangles_of<T: Field>(n: usize, width: usize) {
    for bits in 0..16 {
        let kind = Triangle { lower: bits & 1 > 0, unit: bits & 2 > 0, transposed: bits & 4 > 0, conjugated: bits & 8 > 0 };
        let mut a = random_matrix::<T>(n, n, n as u64);
        (0..n).for_each(|i| a.at[i * n + i] += C128::new(4.0, 1.0));
        a.at.iter_mut().for_each(|x| *x = T::narrow(*x / (n as f64).sqrt()).wide());
        let one_sided = Dense::of(n, n, |i, j| match (i == j, (i > j) == kind.lower) {
            (true, _) if kind.unit => C128::ONE,
            (true, _) | (false, true) => a.get(i, j),
            _ => C128::ZERO,
        });
        let used = Dense::of(n, n, |i, j| {
            let x = if kind.transposed { one_sided.get(j, i) } else { one_sided.get(i, j) };
            if kind.conjugated { x.conj() } else { x }
        });
        let x = random_matrix::<T>(n, 3, 5);
        let rhs = used.times(&x);
        let mut f = blocks::<T>(&a, width);
        let mut b = blocks::<T>(&rhs, 3).remove(0);
        let mut scratch = vec![0u8; triangle_scratch_bytes::<T>(n, 3, width)];
        let mut order: Vec<usize> = (0..f.len()).collect();
        if !kind.is_forward() {
            order.reverse();
        }
        for k in order {
            solve_step(kind, mat(&mut f[k], n).read(), k * width, mat(&mut b, n), &mut scratch).unwrap();
        }
        let found = joined(&[b.clone()], n, 3, 3);
        assert!(used.times(&found).distance(&rhs) <= eps::<T>(n) * 10.0 * (used.norm() * found.norm()), "{kind:?} of {n} by {width}");
    }
}

#[test]
fn factors_multiply_to_what_was_factored() {
    for (m, n) in SHAPES {
        for width in WIDTHS {
            lu_of::<f64>(m, n, width);
            lu_of::<C64>(m, n, width);
            qr_of::<f64>(m, n, width);
            qr_of::<C128>(m, n, width);
            qr_of::<f32>(m, n, width);
        }
    }
}

#[test]
fn cholesky_and_triangles_of_any_order_and_width() {
    for n in [1, 2, 16, 17, 40, 100] {
        for width in WIDTHS {
            cholesky_of::<f64>(n, width);
            cholesky_of::<C64>(n, width);
            triangles_of::<f64>(n, width);
            triangles_of::<C128>(n, width);
        }
    }
}

#[test]
fn a_column_without_a_pivot_stays_and_solving_names_it() {
    let mut a = vec![1.0f64, 2.0, 3.0, 2.0, 4.0, 6.0, 1.0, 1.0, 1.0];
    let mut pivots = [0i64; 3];
    let mut scratch = vec![0u8; lu_scratch_bytes::<f64>(3, 3)];
    lu_panel(MatMut::dense(&mut a, 3, 3), 0, &mut pivots, &mut scratch);
    let upper = Triangle { lower: false, unit: false, transposed: false, conjugated: false };
    let mut b = vec![1.0f64; 3];
    let mut scratch = vec![0u8; triangle_scratch_bytes::<f64>(3, 1, 3)];
    assert_eq!(solve_step(upper, Mat::dense(&a, 3, 3), 0, MatMut::dense(&mut b, 3, 1), &mut scratch), Err(2));
}

#[test]
fn reflectors_of_numbers_at_the_ends_of_the_range() {
    for scale in [1e-300, 1e-160, 1.0, 1e150, 1e300] {
        let mut a: Vec<f64> = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0].iter().map(|x| x * scale).collect();
        let mut t = vec![0.0; 4];
        let mut scratch = vec![0u8; qr_scratch_bytes::<f64>(3, 2)];
        qr_panel(MatMut::dense(&mut a, 3, 2), 0, MatMut::dense(&mut t, 2, 2), &mut scratch);
        let norm = (9.0f64 + 16.0 + 25.0).sqrt() * scale;
        assert!((a[0].abs() / norm - 1.0).abs() < 1e-14, "{scale}: {} and {norm}", a[0]);
        assert!(t.iter().all(|x| x.is_finite()), "{t:?}");
    }
}

#[test]
fn panels_have_the_same_bits_on_every_isa() {
    let (m, w) = (300, 45);
    let a: Vec<f64> = (0..m * w).map(|i| ((i * 7919 + i / 13) % 1009) as f64 / 1009.0 - 0.4).collect();
    let mut scratch = vec![0u8; qr_scratch_bytes::<f64>(m, w).max(lu_scratch_bytes::<f64>(m, w))];
    let mut first: Option<Vec<u64>> = None;
    crate::isa::on_every_isa(|| {
        let (mut qr, mut lu, mut t, mut pivots) = (a.clone(), a.clone(), vec![0.0; w * w], vec![0; w]);
        qr_panel(MatMut::dense(&mut qr, m, w), 0, MatMut::dense(&mut t, w, w), &mut scratch);
        lu_panel(MatMut::dense(&mut lu, m, w), 0, &mut pivots, &mut scratch);
        let bits: Vec<u64> = qr.iter().chain(&lu).chain(&t).map(|x| x.to_bits()).collect();
        assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits);
    });
}
