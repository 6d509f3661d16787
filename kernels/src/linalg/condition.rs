//! Columns of a triangular matrix, one after the other → estimates of its largest and its smallest singular value.
//!
//! Source: C. Bischof, *Incremental condition estimation*, SIAM J. Matrix Anal. Appl. 11 (1990), which LAPACK has as xLAIC1. For each
//! of the two a vector w of length 1 is kept with ‖wᴴ·R‖ near the singular value; a new column asks for a singular value of a
//! matrix of order two. The smallest one is never estimated too small, the largest never too large, so that their ratio never
//! promises a worse matrix than there is. Costs a product of w with the column.

use super::{Field, Mat};
use crate::dtype::C128;

/// A smaller scale is worked into the vector, lest its elements leave the range.
const SCALE_MIN: f64 = 1e-100;

/// What is known of the columns so far.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    largest: Side,
    smallest: Side,
}

/// An estimate and its left vector, which is `scale` times what is kept.
#[derive(Clone, Debug)]
struct Side {
    value: f64,
    vector: Vec<C128>,
    scale: C128,
}

impl Default for Side {
    fn default() -> Side {
        Side { value: 0.0, vector: Vec::new(), scale: C128::new(1.0, 0.0) }
    }
}

impl Condition {
    /// Bytes that it takes for a matrix of `n` columns.
    pub fn bytes(n: u64) -> u64 {
        n.saturating_mul(2 * size_of::<C128>() as u64)
    }

    /// How many columns it has seen.
    pub fn columns(&self) -> usize {
        self.largest.vector.len()
    }

    /// Adds the columns of `block`, of which the `j`-th is a column of R down to row `at + j`; `at` columns came before.
    pub fn add<T: Field>(&mut self, block: Mat<'_, T>, at: usize) {
        self.largest.add(block, at, true);
        self.smallest.add(block, at, false);
    }

    /// The smallest singular value divided by the largest one, as they are estimated: at least what it is. 1 where there is no column.
    pub fn reciprocal(&self) -> f64 {
        match self.columns() {
            0 => 1.0,
            _ if self.largest.value == 0.0 => 0.0,
            _ => self.smallest.value / self.largest.value,
        }
    }
}

impl Side {
    fn add<T: Field>(&mut self, block: Mat<'_, T>, at: usize, largest: bool) {
        self.settle();
        let mut along = self.products(block);
        for j in 0..block.cols().min(block.rows().saturating_sub(at)) {
            let diagonal = block.at(at + j, j).wide();
            let (value, [first, last]) = match self.vector.is_empty() {
                true => (diagonal.norm(), [C128::new(1.0, 0.0); 2]),
                false => of_two(self.value, along[j], diagonal, largest),
            };
            self.value = value;
            self.scale *= first;
            if self.scale.norm() < SCALE_MIN {
                self.settle();
            }
            self.vector.push(last / self.scale);
            for (k, sum) in along.iter_mut().enumerate().skip(j + 1) {
                *sum = *sum * first.conj() + last.conj() * block.at(at + j, k).wide();
            }
        }
    }

    fn settle(&mut self) {
        let scale = std::mem::replace(&mut self.scale, C128::new(1.0, 0.0));
        self.vector.iter_mut().for_each(|w| *w *= scale);
    }

    /// The products of the vector with all columns of the block, row by row as they lie.
    fn products<T: Field>(&self, block: Mat<'_, T>) -> Vec<C128> {
        let rows = self.vector.iter().enumerate();
        if T::DTYPE.is_complex() {
            let mut along = vec![C128::new(0.0, 0.0); block.cols()];
            rows.for_each(|(i, w)| along.iter_mut().enumerate().for_each(|(j, sum)| *sum += w.conj() * block.at(i, j).wide()));
            return along;
        }
        let mut along = vec![0.0; block.cols()];
        rows.for_each(|(i, w)| along.iter_mut().enumerate().for_each(|(j, sum)| *sum += w.re * block.at(i, j).wide().re));
        along.into_iter().map(|sum| C128::new(sum, 0.0)).collect()
    }
}

/// The largest or smallest singular value of `[[value, along], [0, diagonal]]`, and its left vector.
fn of_two(value: f64, along: C128, diagonal: C128, largest: bool) -> (f64, [C128; 2]) {
    let zero = C128::new(0.0, 0.0);
    let scale = value.max(along.norm()).max(diagonal.norm());
    if scale == 0.0 || !scale.is_finite() {
        return (scale, [C128::new(1.0, 0.0), zero]);
    }
    let (s, a, d) = (value / scale, along / scale, diagonal / scale);
    // the matrix times its adjoint is [[p, r], [r̄, q]]
    let (p, r, q) = (s * s + a.norm_sqr(), a * d.conj(), d.norm_sqr());
    let half = (p - q) / 2.0;
    let root = (half * half + r.norm_sqr()).sqrt();
    let most = (p + q) / 2.0 + root;
    let vector = if half >= 0.0 { [C128::new(half + root, 0.0), r.conj()] } else { [r, C128::new(root - half, 0.0)] };
    let length = vector[0].norm().hypot(vector[1].norm());
    let vector = if length == 0.0 { [C128::new(1.0, 0.0), zero] } else { vector.map(|v| v / length) };
    if largest {
        return (most.sqrt() * scale, vector);
    }
    // the product of both is |det|: their difference would be lost in rounding
    let least = if most == 0.0 { 0.0 } else { s * d.norm() / most.sqrt() };
    (least * scale, [-vector[1].conj(), vector[0].conj()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::C64;

    /// Estimates of an upper triangle whose columns come in blocks of three.
    fn estimate<T: Field>(matrix: &[T], n: usize) -> Condition {
        let mut found = Condition::default();
        for at in (0..n).step_by(3) {
            let w = 3.min(n - at);
            let block: Vec<T> = (0..n).flat_map(|i| (at..at + w).map(move |j| (i, j))).map(|(i, j)| matrix[i * n + j]).collect();
            found.add(Mat::dense(&block, n, w), at);
        }
        found
    }

    /// Singular values by one-sided rotations, in f64.
    fn singular_values(matrix: &[C128], n: usize) -> Vec<f64> {
        let mut a = matrix.to_vec();
        for _ in 0..60 {
            for p in 0..n {
                for q in p + 1..n {
                    let dot = |x: usize, y: usize, a: &[C128]| (0..n).map(|i| a[i * n + x].conj() * a[i * n + y]).sum::<C128>();
                    let (pp, qq, pq) = (dot(p, p, &a).re, dot(q, q, &a).re, dot(p, q, &a));
                    if pq.norm() == 0.0 {
                        continue;
                    }
                    let phase = pq / pq.norm();
                    let zeta = (qq - pp) / (2.0 * pq.norm());
                    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                    let t = if zeta == 0.0 { 1.0 } else { t };
                    let c = 1.0 / (1.0 + t * t).sqrt();
                    let s = c * t;
                    for i in 0..n {
                        let (x, y) = (a[i * n + p], a[i * n + q] * phase.conj());
                        (a[i * n + p], a[i * n + q]) = (x * c - y * s, x * s + y * c);
                    }
                }
            }
        }
        let mut values: Vec<f64> = (0..n).map(|j| (0..n).map(|i| a[i * n + j].norm_sqr()).sum::<f64>().sqrt()).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn triangle<T: Field>(n: usize, make: impl Fn(usize, usize) -> C128) -> Vec<T> {
        (0..n * n)
            .map(|at| (at / n, at % n))
            .map(|(i, j)| if i <= j { T::narrow(make(i, j)) } else { T::narrow(C128::new(7e9, 0.0)) })
            .collect()
    }

    fn held_against_singular_values<T: Field>(n: usize, factor: f64, make: impl Fn(usize, usize) -> C128) {
        let upper: Vec<T> = triangle(n, make);
        let found = estimate(&upper, n);
        let whole: Vec<C128> =
            upper.iter().enumerate().map(|(at, x)| if at / n <= at % n { x.wide() } else { C128::new(0.0, 0.0) }).collect();
        let values = singular_values(&whole, n);
        let (least, most) = (values[0], values[n - 1]);
        let slack = 1.0 + 1e-9;
        assert!(found.largest.value <= most * slack && found.largest.value * factor >= most, "{} for {most}", found.largest.value);
        assert!(found.smallest.value * slack >= least && found.smallest.value <= least * factor, "{} for {least}", found.smallest.value);
    }

    #[test]
    fn estimates_are_near_singular_values_and_on_their_safe_side() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / 2f64.powi(30) - 1.0
        };
        for n in [1, 2, 3, 7, 20] {
            let numbers: Vec<f64> = (0..2 * n * n).map(|_| next()).collect();
            let random = |i: usize, j: usize| C128::new(numbers[i * n + j], 0.0);
            let complex = |i: usize, j: usize| C128::new(numbers[i * n + j], numbers[n * n + i * n + j]);
            held_against_singular_values::<f64>(n, 10.0, random);
            held_against_singular_values::<f32>(n, 10.0, random);
            held_against_singular_values::<C128>(n, 10.0, complex);
            held_against_singular_values::<C64>(n, 10.0, complex);
            // graded over sixteen powers of ten
            let graded = |i: usize, j: usize| complex(i, j) * 10f64.powf(-16.0 * i as f64 / n as f64);
            held_against_singular_values::<C128>(n, 10.0, graded);
        }
    }

    #[test]
    fn a_triangle_that_hides_it_is_found_out() {
        // Kahan's: no diagonal element is small
        let n = 60;
        let (s, c) = (1.2f64.sin(), 1.2f64.cos());
        let kahan = |i: usize, j: usize| C128::new(s.powi(i as i32) * if i == j { 1.0 } else { -c }, 0.0);
        let found = estimate(&triangle::<f64>(n, kahan), n);
        let least_diagonal = s.powi(n as i32 - 1);
        assert!(found.smallest.value < 1e-5 * least_diagonal, "{} with a diagonal of {least_diagonal}", found.smallest.value);
    }

    #[test]
    fn zeros_and_infinities_are_no_surprise() {
        let at = |x: f64| move |i: usize, j: usize| C128::new(if (i, j) == (1, 1) { x } else { (i == j) as u8 as f64 }, 0.0);
        assert_eq!(estimate(&triangle::<f64>(4, at(0.0)), 4).reciprocal(), 0.0);
        assert_eq!(estimate(&triangle::<f64>(4, at(1.0)), 4).reciprocal(), 1.0);
        let infinite = estimate(&triangle::<f64>(4, at(f64::INFINITY)), 4).reciprocal();
        assert!(infinite.is_nan() || infinite == 0.0, "{infinite}");
        assert_eq!(estimate::<f64>(&[], 0).reciprocal(), 1.0);
        assert_eq!(estimate(&triangle::<f64>(4, |_, _| C128::new(0.0, 0.0)), 4).reciprocal(), 0.0);
        // neither squares nor products leave the range
        let tiny = |i: usize, j: usize| C128::new(if i == j { 1e-200 } else { 0.0 }, 0.0);
        assert!((estimate(&triangle::<f64>(4, tiny), 4).reciprocal() - 1.0).abs() < 1e-12);
    }
}
