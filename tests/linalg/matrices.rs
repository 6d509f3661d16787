//! Matrices to try factorisations on, and how far a matrix is from another.

use flagstone::array::ArrayElement;
use flagstone::{Array, C64, C128};
use ndarray::{Array2, ArrayD, Ix2};

/// Some numbers in −1..1, the same each time.
pub fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }
}

pub fn random_matrix(m: usize, n: usize, seed: u64) -> Array2<f64> {
    let mut next = random(seed);
    Array2::from_shape_simple_fn((m, n), &mut next)
}

pub fn complex_matrix(m: usize, n: usize, seed: u64) -> Array2<C128> {
    let mut next = random(seed);
    Array2::from_shape_simple_fn((m, n), || C128::new(next(), next()))
}

/// Columns made orthonormal, twice, so that they are.
pub fn orthogonal(n: usize) -> Array2<f64> {
    let mut q = random_matrix(n, n, 77);
    for _ in 0..2 {
        for j in 0..n {
            for i in 0..j {
                let along = q.column(i).dot(&q.column(j));
                let earlier = q.column(i).to_owned();
                q.column_mut(j).scaled_add(-along, &earlier);
            }
            let norm = q.column(j).dot(&q.column(j)).sqrt();
            q.column_mut(j).mapv_inplace(|x| x / norm);
        }
    }
    q
}

pub fn with_singular_values(n: usize, s: impl Fn(usize) -> f64) -> Array2<f64> {
    let (u, v) = (orthogonal(n), orthogonal(n).reversed_axes());
    let scaled = Array2::from_shape_fn((n, n), |(i, j)| u[[i, j]] * s(j));
    scaled.dot(&v)
}

/// Matrices that have broken factorisations.
pub fn hard(n: usize) -> Vec<(&'static str, Array2<f64>)> {
    let half = n / 2;
    let leading = |by: f64| {
        let mut a = random_matrix(n, n, 3);
        a.slice_mut(ndarray::s![..half, ..half]).mapv_inplace(|x| x * by);
        a
    };
    vec![
        ("random", random_matrix(n, n, 1)),
        ("orthogonal", orthogonal(n)),
        ("Hilbert", Array2::from_shape_fn((n, n), |(i, j)| 1.0 / (i + j + 1) as f64)),
        ("graded rows", Array2::from_shape_fn((n, n), |(i, j)| random_matrix(n, n, 2)[[i, j]] * 10f64.powf(-16.0 * i as f64 / n as f64))),
        (
            "graded columns",
            Array2::from_shape_fn((n, n), |(i, j)| random_matrix(n, n, 2)[[i, j]] * 10f64.powf(-16.0 * j as f64 / n as f64)),
        ),
        ("permutation", Array2::from_shape_fn((n, n), |(i, j)| ((i + half) % n == j) as u8 as f64)),
        ("leading 1e-8", leading(1e-8)),
        ("leading 1e-12", leading(1e-12)),
        ("leading 1e-14", leading(1e-14)),
        ("Kahan", {
            let (s, c) = (0.6f64.sin(), 0.6f64.cos());
            Array2::from_shape_fn((n, n), |(i, j)| {
                s.powi(i as i32)
                    * if i == j {
                        1.0
                    } else if j > i {
                        -c
                    } else {
                        0.0
                    }
            })
        }),
        (
            "Wilkinson",
            Array2::from_shape_fn((n, n), |(i, j)| {
                if j + 1 == n || i == j {
                    1.0
                } else if i > j {
                    -1.0
                } else {
                    0.0
                }
            }),
        ),
        ("rank deficient", random_matrix(n, n / 3, 5).dot(&random_matrix(n / 3, n, 6))),
        ("zero", Array2::zeros((n, n))),
        ("clustered", with_singular_values(n, |i| if i < half { 1.0 } else { 1e-10 })),
        ("repeated", with_singular_values(n, |i| (i / 10 + 1) as f64)),
        ("huge", random_matrix(n, n, 8) * 1e150),
        ("small", random_matrix(n, n, 8) * 1e-150),
    ]
}

/// Real and complex numbers as wide complex ones.
pub trait Wide: ArrayElement + bytemuck::Pod {
    fn wide(self) -> C128;
}

impl Wide for f64 {
    fn wide(self) -> C128 {
        C128::new(self, 0.0)
    }
}

impl Wide for f32 {
    fn wide(self) -> C128 {
        C128::new(self.into(), 0.0)
    }
}

impl Wide for C64 {
    fn wide(self) -> C128 {
        C128::new(self.re.into(), self.im.into())
    }
}

impl Wide for C128 {
    fn wide(self) -> C128 {
        self
    }
}

pub fn norm<T: Wide>(a: &Array2<T>) -> f64 {
    // scaled, for numbers of 1e150 whose squares are none
    let most = a.iter().map(|&x| x.wide().norm()).fold(0.0, f64::max);
    if most == 0.0 {
        return 0.0;
    }
    a.iter().map(|&x| (x.wide().norm() / most).powi(2)).sum::<f64>().sqrt() * most
}

/// ‖a − b‖ / ‖a‖, in units of ε·√n.
pub fn off<T: Wide>(a: &Array2<T>, b: &Array2<T>, unit: f64) -> f64 {
    let difference: Array2<C128> = Array2::from_shape_fn(a.raw_dim(), |at| a[at].wide() - b[at].wide());
    let (most, size) = (norm(&difference), norm(a));
    if most == 0.0 { 0.0 } else { most / size / (unit * (a.nrows().max(a.ncols()).max(1) as f64).sqrt()) }
}

pub fn two<T: ArrayElement>(found: ArrayD<T>) -> Array2<T> {
    found.into_dimensionality::<Ix2>().unwrap()
}

pub fn array<T: ArrayElement>(a: &Array2<T>) -> Array {
    Array::from(a.clone())
}
