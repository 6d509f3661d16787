//! The roots of 1 + ρ·Σ zⱼ²/(dⱼ − λ) and the eigenvectors of diag(d) + ρ·z·zᵀ: what joins two halves of a tridiagonal problem.
//!
//! A root is kept as the pole that it is closest to and its distance from there, so that every dⱼ − λ has all its digits. Then z is
//! replaced by the vector ẑ for which the roots found are exact: the eigenvectors ẑⱼ/(dⱼ − λ) are orthogonal to working precision, however
//! close the roots are. Source: Gu and Eisenstat, *A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem*, SIAM J.
//! Matrix Anal. Appl. 16 (1995); roots by LAPACK's dlaed4 (Li, *Solving secular equations stably and efficiently*, LAWN 89, 1993).

use crate::crew;
use crate::isa::{Loop, dispatch};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

unsafe extern "C" {
    fn dlaed4_(
        n: *const i32,
        i: *const i32,
        d: *const f64,
        z: *const f64,
        delta: *mut f64,
        rho: *const f64,
        lambda: *mut f64,
        info: *mut i32,
    );
}

/// A part that another thread may take has so many quotients at least: some tenths of a millisecond.
const SHARED_WORK: usize = 1 << 17;
/// Sums and products that run side by side.
const LANES: usize = 8;

/// What the roots and eigenvectors of an equation with `k` poles follow from, all of length `k`.
pub struct Roots<'a> {
    /// The poles d, ascending, each apart from the next.
    pub poles: &'a [f64],
    /// On entry z, of norm 1 or nearly so; then ẑ.
    pub z: &'a mut [f64],
    /// The pole next to each root.
    pub origin: &'a mut [f64],
    /// The distance of each root from it.
    pub shift: &'a mut [f64],
    /// 1 over the norm of each eigenvector ẑⱼ/(dⱼ − λ).
    pub inverse: &'a mut [f64],
}

impl Roots<'_> {
    /// Finds all roots, for ρ > 0: each between its pole and the next, the last behind the last pole. Of a matrix whose columns have
    /// the elements `ends` in two rows, the columns of its product with the eigenvectors take their place. `work` holds k elements for
    /// each thread that helps, and 2k more. Cost: about 12 divisions for each of k² quotients.
    ///
    /// # Errors
    /// If an iteration does not converge.
    pub fn find(&mut self, rho: f64, ends: [&mut [f64]; 2], work: &mut [f64]) -> Result<(), String> {
        let k = self.poles.len();
        let failed = AtomicBool::new(false);
        let hands = crew::hands().min(1 + k * k / SHARED_WORK);
        {
            let (poles, z) = (self.poles, &*self.z);
            let hands = hands.min(work.len() / k.max(1)).max(1);
            let part = k.div_ceil(hands).max(1);
            let outputs = self.origin.chunks_mut(part).zip(self.shift.chunks_mut(part));
            let parts: Vec<_> = outputs.zip(work.chunks_mut(k.max(1))).enumerate().collect();
            crew::share(parts, |(at, ((origin, shift), delta))| {
                for (i, (origin, shift)) in origin.iter_mut().zip(shift).enumerate() {
                    match root(poles, z, rho, at * part + i, &mut delta[..k]) {
                        Some(found) => (*origin, *shift) = found,
                        None => failed.store(true, Relaxed),
                    }
                }
            });
        }
        if failed.load(Relaxed) {
            return Err("its eigenvalues did not converge".to_string());
        }
        let part = k.div_ceil(hands).max(1);
        {
            let (poles, origin, shift) = (self.poles, &*self.origin, &*self.shift);
            let parts: Vec<_> = self.z.chunks_mut(part).enumerate().collect();
            crew::share(parts, |(at, z)| {
                for (i, z) in z.iter_mut().enumerate() {
                    let found = dispatch(Exact { poles, origin, shift, j: at * part + i });
                    *z = found.max(0.0).sqrt().copysign(*z);
                }
            });
        }
        let [first, last] = ends;
        let (old_first, rest) = work.split_at_mut(k);
        let old_last = &mut rest[..k];
        old_first.copy_from_slice(first);
        old_last.copy_from_slice(last);
        let (poles, z, origin, shift) = (self.poles, &*self.z, &*self.origin, &*self.shift);
        let (old_first, old_last) = (&*old_first, &*old_last);
        let outputs = self.inverse.chunks_mut(part).zip(first.chunks_mut(part)).zip(last.chunks_mut(part));
        crew::share(outputs.enumerate().collect(), |(at, ((inverse, first), last))| {
            for (i, ((inverse, first), last)) in inverse.iter_mut().zip(first).zip(last).enumerate() {
                let i = at * part + i;
                let [square, a, b] = dispatch(Ends { poles, z, origin: origin[i], shift: shift[i], first: old_first, last: old_last });
                *inverse = 1.0 / square.sqrt();
                (*first, *last) = (a * *inverse, b * *inverse);
            }
        });
        Ok(())
    }
}

/// The pole next to root `i` and its distance from there.
fn root(poles: &[f64], z: &[f64], rho: f64, i: usize, delta: &mut [f64]) -> Option<(f64, f64)> {
    match poles.len() {
        1 => return Some((poles[0], rho * z[0] * z[0])),
        2 => return Some(one_of_two(poles, z, rho, i)),
        _ => {}
    }
    let (n, place) = (i32::try_from(poles.len()).ok()?, i32::try_from(i + 1).ok()?);
    let (mut lambda, mut info) = (0.0, 0);
    // SAFETY: d, z and delta have n elements each, 1 ≤ i ≤ n; the others are single numbers.
    unsafe { dlaed4_(&n, &place, poles.as_ptr(), z.as_ptr(), delta.as_mut_ptr(), &rho, &mut lambda, &mut info) };
    let next = if i + 1 < poles.len() && delta[i + 1].abs() < delta[i].abs() { i + 1 } else { i };
    (info == 0 && delta[next].is_finite()).then_some((poles[next], -delta[next]))
}

/// The same of two poles, as LAPACK's dlaed5, which does not tell the distance.
fn one_of_two(poles: &[f64], z: &[f64], rho: f64, i: usize) -> (f64, f64) {
    let gap = poles[1] - poles[0];
    let (first, second) = (z[0] * z[0], z[1] * z[1]);
    if i == 0 && 1.0 + 2.0 * rho * (second - first) / gap > 0.0 {
        let (b, c) = (gap + rho * (first + second), rho * first * gap);
        return (poles[0], 2.0 * c / (b + (b * b - 4.0 * c).abs().sqrt()));
    }
    let (b, c) = (rho * (first + second) - gap, rho * second * gap);
    let root = (b * b + 4.0 * c).sqrt();
    let shift = match (i, b > 0.0) {
        (0, true) => -2.0 * c / (b + root),
        (0, false) => (b - root) / 2.0,
        (_, true) => (b + root) / 2.0,
        (_, false) => 2.0 * c / (root - b),
    };
    (poles[1], shift)
}

/// ẑⱼ², by Löwner's formula: Π (λᵢ − dⱼ) / Π' (dᵢ − dⱼ).
struct Exact<'a> {
    poles: &'a [f64],
    origin: &'a [f64],
    shift: &'a [f64],
    j: usize,
}

impl Loop for Exact<'_> {
    type Out = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Exact { poles, origin, shift, j } = self;
        let d = poles[j];
        let mut products = [1.0; LANES];
        let mut range = |from: usize, to: usize| {
            let whole = from + (to - from) / LANES * LANES;
            for i in (from..whole).step_by(LANES) {
                let (origin, shift, poles) = (&origin[i..i + LANES], &shift[i..i + LANES], &poles[i..i + LANES]);
                for lane in 0..LANES {
                    products[lane] *= ((d - origin[lane]) - shift[lane]) / (d - poles[lane]);
                }
            }
            for i in whole..to {
                products[i - whole] *= ((d - origin[i]) - shift[i]) / (d - poles[i]);
            }
        };
        range(0, j);
        range(j + 1, poles.len());
        let own = shift[j] - (d - origin[j]);
        products.iter().fold(own, |all, one| all * one)
    }
}

/// The square of the norm of an eigenvector ẑⱼ/(dⱼ − λ), and its products with two others.
struct Ends<'a> {
    poles: &'a [f64],
    z: &'a [f64],
    origin: f64,
    shift: f64,
    first: &'a [f64],
    last: &'a [f64],
}

impl Loop for Ends<'_> {
    type Out = [f64; 3];

    #[inline(always)]
    fn run(self) -> [f64; 3] {
        let Ends { poles, z, origin, shift, first, last } = self;
        let mut sums = [[0.0; LANES]; 3];
        let k = poles.len();
        let whole = k / LANES * LANES;
        for j in (0..whole).step_by(LANES) {
            let (poles, z, first, last) = (&poles[j..j + LANES], &z[j..j + LANES], &first[j..j + LANES], &last[j..j + LANES]);
            for lane in 0..LANES {
                let x = z[lane] / ((poles[lane] - origin) - shift);
                sums[0][lane] += x * x;
                sums[1][lane] += x * first[lane];
                sums[2][lane] += x * last[lane];
            }
        }
        for j in whole..k {
            let x = z[j] / ((poles[j] - origin) - shift);
            sums[0][j - whole] += x * x;
            sums[1][j - whole] += x * first[j];
            sums[2][j - whole] += x * last[j];
        }
        sums.map(|lanes| lanes.iter().sum())
    }
}

/// A row of the matrix of eigenvectors, for the roots in `origin`, `shift` and `inverse`.
pub struct Row<'a> {
    /// The row's pole and its ẑ.
    pub pole: f64,
    pub z: f64,
    pub origin: &'a [f64],
    pub shift: &'a [f64],
    pub inverse: &'a [f64],
    pub to: &'a mut [f64],
}

impl Loop for Row<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let Row { pole, z, origin, shift, inverse, to } = self;
        for (((to, origin), shift), inverse) in to.iter_mut().zip(origin).zip(shift).zip(inverse) {
            *to = z * inverse / ((pole - origin) - shift);
        }
    }
}
