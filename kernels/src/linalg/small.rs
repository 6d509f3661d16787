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
    /// The largest number.
    const LARGEST: Self;
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
            const LARGEST: Self = <$t>::MAX;
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
        let group = Group {
            a: &a[first * n * n..][..lanes * n * n],
            lower,
            values: values.as_deref_mut().map(|values| &mut values[first * n..][..lanes * n]),
            vectors: vectors.as_deref_mut().map(|vectors| &mut vectors[first * n * n..][..lanes * n * n]),
        };
        let done = match n {
            1 => isa::dispatch(Of::<T, 1>(group)),
            2 => isa::dispatch(Of::<T, 2>(group)),
            3 => isa::dispatch(Of::<T, 3>(group)),
            4 => isa::dispatch(Of::<T, 4>(group)),
            5 => isa::dispatch(Of::<T, 5>(group)),
            6 => isa::dispatch(Of::<T, 6>(group)),
            7 => isa::dispatch(Of::<T, 7>(group)),
            _ => isa::dispatch(Of::<T, SMALL_MAX>(group)),
        };
        done.map_err(|lane| first + lane)?;
    }
    Ok(())
}

/// Up to [`LANES`] matrices, and where their results go.
struct Group<'a, T> {
    a: &'a [T],
    lower: bool,
    values: Option<&'a mut [T]>,
    vectors: Option<&'a mut [T]>,
}

/// Those of order `N`.
struct Of<'a, T, const N: usize>(Group<'a, T>);

/// A number of each lane.
type Lanes<T> = [T; LANES];

/// Matrices on their way to diagonal ones, a lane each, and the product of the rotations so far, of which there is no need for values.
struct Turned<T, const N: usize> {
    matrices: [[Lanes<T>; N]; N],
    vectors: [[Lanes<T>; N]; N],
    with_vectors: bool,
}

impl<T: Real, const N: usize> isa::Loop for Of<'_, T, N> {
    /// The lane of a matrix that has NaN or infinity.
    type Out = Result<(), usize>;

    #[inline(always)]
    fn run(self) -> Result<(), usize> {
        let Group { a, lower, values, vectors } = self.0;
        let mut matrices = [[[T::ZERO; LANES]; N]; N];
        let mut scales = [T::ONE; LANES];
        for (lane, a) in a.chunks_exact(N * N).enumerate() {
            let (mut most, mut finite) = (T::ZERO, true);
            for i in 0..N {
                for j in 0..=i {
                    let x = a[if lower { i * N + j } else { j * N + i }];
                    let size = x.magnitude();
                    most = if size > most { size } else { most };
                    finite &= size <= T::LARGEST;
                    (matrices[i][j][lane], matrices[j][i][lane]) = (x, x);
                }
            }
            if !finite {
                return Err(lane);
            }
            scales[lane] = most.scale();
        }
        for x in matrices.iter_mut().flatten() {
            (0..LANES).for_each(|lane| x[lane] = x[lane] * scales[lane]);
        }
        let mut turned = Turned { matrices, vectors: [[[T::ZERO; LANES]; N]; N], with_vectors: vectors.is_some() };
        (0..N).for_each(|i| turned.vectors[i][i] = [T::ONE; LANES]);
        turned.turn();
        turned.sort();
        if let Some(values) = values {
            for (lane, to) in values.chunks_exact_mut(N).enumerate() {
                (0..N).for_each(|i| to[i] = turned.matrices[i][i][lane] / scales[lane]);
            }
        }
        if let Some(vectors) = vectors {
            for (lane, to) in vectors.chunks_exact_mut(N * N).enumerate() {
                (0..N * N).for_each(|at| to[at] = turned.vectors[at / N][at % N][lane]);
            }
        }
        Ok(())
    }
}

impl<T: Real, const N: usize> Turned<T, N> {
    /// Rotates until nothing but rounding stands beside the diagonals.
    #[inline(always)]
    fn turn(&mut self) {
        for _ in 0..SWEEPS_MAX {
            let mut left = false;
            for p in 0..N {
                for q in p + 1..N {
                    let (c, s, any) = self.rotation(p, q);
                    if !any {
                        continue;
                    }
                    left = true;
                    for i in (0..N).filter(|&i| i != p && i != q) {
                        let (x, y) = rotated(self.matrices[i][p], self.matrices[i][q], c, s);
                        (self.matrices[i][p], self.matrices[i][q]) = (x, y);
                        (self.matrices[p][i], self.matrices[q][i]) = (x, y);
                    }
                    if self.with_vectors {
                        for row in &mut self.vectors {
                            (row[p], row[q]) = rotated(row[p], row[q], c, s);
                        }
                    }
                }
            }
            if !left {
                break;
            }
        }
    }

    /// The cosines and sines that make element (p, q) zero, and whether any lane turns; the diagonal is turned already. A lane whose
    /// element is nothing but rounding beside the matrix, whose elements are about 1, does not turn.
    #[inline(always)]
    fn rotation(&mut self, p: usize, q: usize) -> (Lanes<T>, Lanes<T>, bool) {
        let (mut c, mut s, mut any) = ([T::ONE; LANES], [T::ZERO; LANES], false);
        let least = T::EPSILON * T::EPSILON;
        let two = T::ONE + T::ONE;
        let (off, mut a, mut b) = (self.matrices[p][q], self.matrices[p][p], self.matrices[q][q]);
        for lane in 0..LANES {
            let x = off[lane];
            let turns = x.magnitude() > least;
            let by = if turns { x } else { T::ONE };
            let theta = (b[lane] - a[lane]) / (two * by);
            let size = theta.magnitude() + (theta * theta + T::ONE).root();
            let t = if theta < T::ZERO { -(T::ONE / size) } else { T::ONE / size };
            let t = if turns { t } else { T::ZERO };
            c[lane] = T::ONE / (t * t + T::ONE).root();
            s[lane] = t * c[lane];
            a[lane] = a[lane] - t * x;
            b[lane] = b[lane] + t * x;
            any |= turns;
        }
        (self.matrices[p][p], self.matrices[q][q]) = (a, b);
        (self.matrices[p][q], self.matrices[q][p]) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        (c, s, any)
    }

    /// Exchanges neighbours until the diagonals ascend; equal values stay in order.
    #[inline(always)]
    fn sort(&mut self) {
        for end in (1..N).rev() {
            for i in 0..end {
                let (x, y) = (self.matrices[i][i], self.matrices[i + 1][i + 1]);
                let less: [bool; LANES] = std::array::from_fn(|lane| y[lane] < x[lane]);
                (self.matrices[i][i], self.matrices[i + 1][i + 1]) = exchanged(x, y, less);
                if self.with_vectors {
                    for row in &mut self.vectors {
                        (row[i], row[i + 1]) = exchanged(row[i], row[i + 1], less);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn exchanged<T: Real>(x: Lanes<T>, y: Lanes<T>, which: [bool; LANES]) -> (Lanes<T>, Lanes<T>) {
    let pick = |x: &Lanes<T>, y: &Lanes<T>| std::array::from_fn(|lane| if which[lane] { y[lane] } else { x[lane] });
    (pick(&x, &y), pick(&y, &x))
}

#[inline(always)]
fn rotated<T: Real>(x: Lanes<T>, y: Lanes<T>, c: Lanes<T>, s: Lanes<T>) -> (Lanes<T>, Lanes<T>) {
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
            let mut w = vec![0.0; a.len() / 2];
            eigh_small(a, 2, is_lower, Some(&mut w), None).map(|()| w)
        };
        assert_eq!(of(&lower, true), of(&upper, false));
        assert_eq!(of(&lower, false), Err(0));
        assert_eq!(of(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, f64::INFINITY, 1.0], true), Err(1));
    }
}
