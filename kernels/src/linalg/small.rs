//! Small symmetric matrices, many at once → eigenvalues and eigenvectors, by rotations.
//!
//! Cyclic Jacobi (Golub and Van Loan, *Matrix Computations*, 8.5): each rotation makes one element outside of the diagonal zero, and a
//! handful of sweeps all of them. It is slower than LAPACK for one matrix of order 8, and many times faster for [`LANES`] of order 3
//! side by side, each in a lane of vector registers. What a lane does depends on its matrix alone, so that the bits do not depend
//! on who stands beside it.

use super::Field;
use crate::isa;

/// Matrices of this order at most.
pub const SMALL_MAX: usize = 8;

/// Matrices that are worked on side by side.
const LANES: usize = 8;
/// Sweeps at most: five or six are enough.
const SWEEPS_MAX: usize = 60;

/// A real number of a lane.
pub trait Real: Field + PartialOrd {
    /// The distance from 1 to the next number.
    const EPSILON: Self;
    /// √x.
    fn root(self) -> Self;
    /// |x|.
    fn magnitude(self) -> Self;
    /// A power of two that brings numbers of the size of `self` near to 1.
    fn scale(self) -> Self;
}

macro_rules! real {
    ($t:ty, $bits:ty, $mantissa:literal, $bias:literal) => {
        impl Real for $t {
            const EPSILON: Self = <$t>::EPSILON;
            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }
            fn scale(self) -> Self {
                let exponent = (self.to_bits() >> $mantissa) as i32 & (2 * $bias + 1);
                // of the smallest ones, whose exponent says less, as much as a normal number gives
                let inverse = (2 * $bias - exponent).clamp(1, 2 * $bias);
                if self == 0.0 { 1.0 } else { <$t>::from_bits((inverse as $bits) << $mantissa) }
            }
        }
    };
}
real!(f32, u32, 23, 127);
real!(f64, u64, 52, 1023);

/// Eigenvalues, ascending, and eigenvectors of the symmetric matrices `[n, n]` in `a`, one after the other in C order, of which one
/// triangle is read: into `values`, `n` a matrix, and into `vectors`, a matrix of columns each.
///
/// # Errors
/// The number of the first matrix that has NaN or infinity.
///
/// # Panics
/// If `n` is 0 or over [`SMALL_MAX`], or the slices have other lengths.
pub fn eigh_small<T: Real>(
    a: &[T],
    n: usize,
    lower: bool,
    mut values: Option<&mut [T]>,
    mut vectors: Option<&mut [T]>,
) -> Result<(), usize> {
    assert!((1..=SMALL_MAX).contains(&n) && a.len().is_multiple_of(n * n), "matrices of order {n}");
    let count = a.len() / (n * n);
    for first in (0..count).step_by(LANES) {
        let lanes = LANES.min(count - first);
        let all = &a[first * n * n..(first + lanes) * n * n];
        let is_read = |place: usize| if lower { place / n >= place % n } else { place / n <= place % n };
        if let Some(at) = (0..all.len()).find(|&at| is_read(at % (n * n)) && !all[at].size().is_finite()) {
            return Err(first + at / (n * n));
        }
        let mut turned =
            Turned { matrices: [[T::ZERO; LANES]; SMALL_MAX * SMALL_MAX], vectors: [[T::ZERO; LANES]; SMALL_MAX * SMALL_MAX], n };
        let mut scales = [T::ONE; LANES];
        for lane in 0..lanes {
            let at = |i: usize, j: usize| all[lane * n * n + if (i >= j) == lower || i == j { i * n + j } else { j * n + i }];
            let mut most = T::ZERO;
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let size = at(i, j).magnitude();
                most = if size > most { size } else { most };
            }
            scales[lane] = most.scale();
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                turned.matrices[i * n + j][lane] = at(i, j) * scales[lane];
            }
        }
        for i in 0..n {
            turned.vectors[i * n + i] = [T::ONE; LANES];
        }
        isa::dispatch(Turning(&mut turned));
        for lane in 0..lanes {
            let mut order: [usize; SMALL_MAX] = std::array::from_fn(|i| i);
            let found = |i: usize| turned.matrices[i * n + i][lane];
            order[..n].sort_by(|&i, &j| found(i).partial_cmp(&found(j)).unwrap_or(std::cmp::Ordering::Equal));
            if let Some(values) = values.as_deref_mut() {
                let to = &mut values[(first + lane) * n..][..n];
                to.iter_mut().zip(order).for_each(|(to, i)| *to = found(i) / scales[lane]);
            }
            if let Some(vectors) = vectors.as_deref_mut() {
                let to = &mut vectors[(first + lane) * n * n..][..n * n];
                to.iter_mut().enumerate().for_each(|(at, to)| *to = turned.vectors[at / n * n + order[at % n]][lane]);
            }
        }
    }
    Ok(())
}

/// Matrices on their way to diagonal ones, a lane each, and the product of the rotations so far.
struct Turned<T> {
    matrices: [[T; LANES]; SMALL_MAX * SMALL_MAX],
    vectors: [[T; LANES]; SMALL_MAX * SMALL_MAX],
    n: usize,
}

struct Turning<'a, T>(&'a mut Turned<T>);

impl<T: Real> isa::Loop for Turning<'_, T> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let Turned { matrices, vectors, n } = self.0;
        let n = *n;
        for _ in 0..SWEEPS_MAX {
            let mut left = false;
            for p in 0..n {
                for q in p + 1..n {
                    let (c, s, any) = rotation(&mut *matrices, n, p, q);
                    if !any {
                        continue;
                    }
                    left = true;
                    for i in (0..n).filter(|&i| i != p && i != q) {
                        let (x, y) = (matrices[i * n + p], matrices[i * n + q]);
                        let (x, y) = rotated(x, y, c, s);
                        (matrices[i * n + p], matrices[i * n + q]) = (x, y);
                        (matrices[p * n + i], matrices[q * n + i]) = (x, y);
                    }
                    for i in 0..n {
                        (vectors[i * n + p], vectors[i * n + q]) = rotated(vectors[i * n + p], vectors[i * n + q], c, s);
                    }
                }
            }
            if !left {
                break;
            }
        }
    }
}

/// The cosines and sines that make element (p, q) zero, and whether any lane turns; the diagonal is turned already. A lane whose
/// element is nothing but rounding beside the matrix, whose elements are about 1, does not turn.
#[inline(always)]
fn rotation<T: Real>(matrices: &mut [[T; LANES]; SMALL_MAX * SMALL_MAX], n: usize, p: usize, q: usize) -> ([T; LANES], [T; LANES], bool) {
    let (mut c, mut s, mut any) = ([T::ONE; LANES], [T::ZERO; LANES], false);
    let least = T::EPSILON * T::EPSILON;
    let two = T::ONE + T::ONE;
    for lane in 0..LANES {
        let x = matrices[p * n + q][lane];
        let (a, b) = (matrices[p * n + p][lane], matrices[q * n + q][lane]);
        let turns = x.magnitude() > least;
        let by = if turns { x } else { T::ONE };
        let theta = (b - a) / (two * by);
        let size = theta.magnitude() + (theta * theta + T::ONE).root();
        let t = if theta < T::ZERO { -(T::ONE / size) } else { T::ONE / size };
        let t = if turns { t } else { T::ZERO };
        c[lane] = T::ONE / (t * t + T::ONE).root();
        s[lane] = t * c[lane];
        matrices[p * n + p][lane] = a - t * x;
        matrices[q * n + q][lane] = b + t * x;
        matrices[p * n + q][lane] = T::ZERO;
        matrices[q * n + p][lane] = T::ZERO;
        any |= turns;
    }
    (c, s, any)
}

#[inline(always)]
fn rotated<T: Real>(x: [T; LANES], y: [T; LANES], c: [T; LANES], s: [T; LANES]) -> ([T; LANES], [T; LANES]) {
    let (mut a, mut b) = (x, y);
    for lane in 0..LANES {
        a[lane] = c[lane] * x[lane] - s[lane] * y[lane];
        b[lane] = s[lane] * x[lane] + c[lane] * y[lane];
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    /// Numbers in −1..1, the same each time.
    fn numbers(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / 2f64.powi(30) - 1.0
        }
    }

    /// Symmetric matrices that are hard: random, diagonal, zero, of one value, of rank one, graded, tiny, huge.
    fn matrices(n: usize, count: usize, largest: f64) -> Vec<f64> {
        let mut next = numbers(n as u64);
        let mut all = Vec::new();
        for k in 0..count {
            let random: Vec<f64> = (0..n * n).map(|_| next()).collect();
            let at = |i: usize, j: usize| match k % 8 {
                0 => random[i.max(j) * n + i.min(j)],
                1 => {
                    if i == j {
                        random[i]
                    } else {
                        0.0
                    }
                }
                2 => 0.0,
                3 => 1.0,
                4 => random[i] * random[j],
                5 => random[i.max(j) * n + i.min(j)] * 10f64.powi(-3 * (i + j) as i32),
                6 => random[i.max(j) * n + i.min(j)] / largest,
                _ => random[i.max(j) * n + i.min(j)] * largest,
            };
            all.extend((0..n * n).map(|place| at(place / n, place % n)));
        }
        all
    }

    /// ‖A·V − V·diag(w)‖ and ‖VᵀV − 1‖ within a few roundings.
    fn check<T: Real>(largest: f64) {
        for n in 1..=SMALL_MAX {
            let count = 19;
            let all: Vec<T> = matrices(n, count, largest).into_iter().map(|x| T::narrow(crate::dtype::C128::new(x, 0.0))).collect();
            let (mut w, mut v) = (vec![T::ZERO; count * n], vec![T::ZERO; count * n * n]);
            eigh_small(&all, n, true, Some(&mut w), Some(&mut v)).unwrap();
            let bound = 20.0 * T::EPSILON.wide().re * (n as f64).sqrt();
            for k in 0..count {
                let wide = |of: &[T], i: usize| of[i].wide().re;
                let (a, w, v) = (&all[k * n * n..][..n * n], &w[k * n..][..n], &v[k * n * n..][..n * n]);
                let most = (0..n * n).map(|i| wide(a, i).abs()).fold(0.0, f64::max) * n as f64;
                assert!(w.windows(2).all(|pair| pair[0] <= pair[1]), "{w:?}");
                for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let product: f64 = (0..n).map(|l| wide(a, i * n + l) * wide(v, l * n + j)).sum();
                    let off = (product - wide(v, i * n + j) * wide(w, j)).abs();
                    assert!(off <= bound * most, "order {n}, matrix {k}: {off:e} of {most:e}");
                    let dot: f64 = (0..n).map(|l| wide(v, l * n + i) * wide(v, l * n + j)).sum();
                    assert!((dot - (i == j) as u8 as f64).abs() <= bound, "order {n}, matrix {k}: {dot}");
                }
                // the same by itself
                let mut alone = (vec![T::ZERO; n], vec![T::ZERO; n * n]);
                eigh_small(a, n, true, Some(&mut alone.0), Some(&mut alone.1)).unwrap();
                assert!(alone.0 == w && alone.1 == v, "order {n}, matrix {k}");
            }
        }
    }

    #[test]
    fn eigenvalues_and_vectors_are_right_whoever_stands_beside_them() {
        on_every_isa(|| {
            check::<f64>(1e300);
            check::<f32>(1e30);
        });
    }

    #[test]
    fn one_triangle_is_read() {
        let (lower, upper) = ([2.0, f64::NAN, 1.0, 3.0], [2.0, 1.0, f64::NAN, 3.0]);
        let of = |a: &[f64], is_lower: bool| {
            let mut w = [0.0; 2];
            eigh_small(a, 2, is_lower, Some(&mut w), None).map(|()| w)
        };
        assert_eq!(of(&lower, true), of(&upper, false));
        assert_eq!(of(&lower, false), Err(0));
        assert_eq!(of(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, f64::INFINITY, 1.0], true), Err(1));
    }
}
