//! A Hermitian band matrix → a real tridiagonal one, B = Q·T·Qᴴ, by chasing bulges.
//!
//! *Sweep* s makes column s tridiagonal by a reflector on the rows s + 1 .. s + 1 + b. That fills the block below; the first column of
//! what it filled is made zero by a reflector on the next b rows, and so on to the end of the matrix. The rest of the bulge stays:
//! the next sweep finds it just where it makes its own. A sweep works on 2b columns at a time, which stay in the cache.
//!
//! Source: Lang, *A parallel algorithm for reducing symmetric banded matrices to tridiagonal form*, SIAM J. Sci. Comput. 14 (1993); the
//! order of the reflectors: Haidar, Ltaief and Dongarra, *Parallel reduction to condensed forms for symmetric eigenvalue problems using
//! aggregated fine-grained and memory-aware kernels*, SC 2011.

use super::field::Field;
use super::matrix::{take, taken_bytes};
use super::panel::{Axpy, Dot};
use super::qr::reflector;
use crate::dtype::C128;
use crate::isa::{Loop, dispatch};

/// Sweeps `first .. first + count` of the chase of a band matrix of order `n` with `b` diagonals below the main one.
///
/// The matrix is given as `n` columns of 2b elements, of which the i-th stands i rows below the diagonal: those from i = b + 1 on are
/// zero at first, and hold the bulges. The first element of a column has no imaginary part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweeps {
    /// Order of the matrix.
    pub n: usize,
    /// Diagonals below the main one, at least 1.
    pub b: usize,
    /// The first sweep. There are n − 1 in all.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Sweeps {
    /// Reflectors of a sweep at most.
    pub fn links(&self) -> usize {
        (self.n - 1 - self.first).div_ceil(self.b)
    }

    /// Elements of the reflectors of all sweeps: of each link of each sweep b elements, in which its tau stands in the place of the
    /// leading one.
    pub fn reflectors_len(&self) -> usize {
        self.links() * self.count * self.b
    }

    /// First row and length of a reflector; of no length where the sweep has no such link.
    pub(super) fn rows_of(&self, sweep: usize, link: usize) -> (usize, usize) {
        let row = self.first + sweep + 1 + link * self.b;
        (row, self.b.min(self.n.saturating_sub(row)))
    }

    /// Where a reflector stands among those of all sweeps.
    pub(super) fn place_of(&self, sweep: usize, link: usize) -> usize {
        (link * self.count + sweep) * self.b
    }

    /// Bytes of scratch for [`chase`].
    pub fn scratch_bytes<T: Field>(&self) -> usize {
        2 * taken_bytes::<T>(self.b)
    }
}

/// Runs `sweeps` on `band` ([`Sweeps`] has its layout), and writes their reflectors where they are asked for
/// ([`Sweeps::reflectors_len`]). Sweeps come in ascending order, all of them in the end. Cost: 12·b flops for each element of a
/// column below the diagonal, 6·b·n² in all.
///
/// # Panics
/// If the slices have other lengths, or the scratch is short.
pub fn chase<T: Field>(sweeps: Sweeps, band: &mut [T], mut reflectors: Option<&mut [T]>, mut scratch: &mut [u8]) {
    let Sweeps { n, b, first, count } = sweeps;
    assert!(band.len() == n * 2 * b && first + count < n, "a band of order {n}");
    if let Some(reflectors) = &mut reflectors {
        assert_eq!(reflectors.len(), sweeps.reflectors_len(), "reflectors");
        reflectors.fill(T::ZERO);
    }
    let (v, y) = (take::<T>(&mut scratch, b), take::<T>(&mut scratch, b));
    for sweep in 0..count {
        dispatch(Sweep { sweeps, sweep, band, reflectors: reflectors.as_deref_mut(), v, y });
    }
}

/// The diagonals of a band matrix that all sweeps have made tridiagonal: `d` `[n]` and `e` [n − 1].
pub fn diagonals<T: Field>(band: &[T], b: usize, d: &mut [f64], e: &mut [f64]) {
    for (column, d) in band.chunks_exact(2 * b).zip(d) {
        *d = column[0].wide().re;
    }
    for (column, e) in band.chunks_exact(2 * b).zip(e) {
        *e = column[1].wide().re;
    }
}

struct Sweep<'a, T> {
    sweeps: Sweeps,
    sweep: usize,
    band: &'a mut [T],
    reflectors: Option<&'a mut [T]>,
    /// The reflector, and a product with it.
    v: &'a mut [T],
    y: &'a mut [T],
}

impl<T: Field> Loop for Sweep<'_, T> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let Sweep { sweeps, sweep, band, mut reflectors, v, y } = self;
        let height = 2 * sweeps.b;
        let (mut row, mut len) = sweeps.rows_of(sweep, 0);
        let mut tau = reflect(&mut band[(row - 1) * height + 1..][..len], v);
        for link in 0.. {
            let (v_now, y) = (&v[..len], &mut y[..]);
            if let Some(reflectors) = &mut reflectors {
                let to = &mut reflectors[sweeps.place_of(sweep, link)..][..len];
                to.copy_from_slice(v_now);
                to[0] = tau;
            }
            both_sides(&mut band[row * height..][..len * height], height, tau, v_now, &mut y[..len]);
            let (next, below) = sweeps.rows_of(sweep, link + 1);
            if below == 0 {
                return;
            }
            // E·H, of the block E in the rows of the next link and the columns of this one
            let from = |c: usize| (row + c) * height + (next - row - c);
            let y = &mut y[..below];
            y.fill(T::ZERO);
            if tau != T::ZERO {
                for c in 0..len {
                    Axpy { y, a: -(tau * v_now[c]), x: &band[from(c)..][..below] }.run();
                }
                for c in 0..len {
                    Axpy { y: &mut band[from(c)..][..below], a: v_now[c].conjugate(), x: y }.run();
                }
            }
            // its first column is made zero, the others follow: Hᴴ·E
            tau = reflect(&mut band[from(0)..][..below], v);
            let v_next = &v[..below];
            if tau != T::ZERO {
                for c in 1..len {
                    let column = &mut band[from(c)..][..below];
                    let along = Dot { x: v_next, y: column }.run();
                    Axpy { y: column, a: tau.conjugate() * along, x: v_next }.run();
                }
            }
            (row, len) = (next, below);
        }
    }
}

/// Makes x = (β, 0), with the reflector in `v` in all its elements, and gives tau.
#[inline(always)]
fn reflect<T: Field>(x: &mut [T], v: &mut [T]) -> T {
    let tau = reflector(x);
    v[0] = T::ONE;
    v[1..x.len()].copy_from_slice(&x[1..]);
    x[1..].fill(T::ZERO);
    tau
}

/// D ← Hᴴ·D·H = D − v·wᴴ − w·vᴴ, of the lower triangle of D, whose columns are `height` elements apart.
#[inline(always)]
fn both_sides<T: Field>(columns: &mut [T], height: usize, tau: T, v: &[T], y: &mut [T]) {
    if tau == T::ZERO {
        return;
    }
    let len = v.len();
    y.fill(T::ZERO);
    for c in 0..len {
        let column = &columns[c * height..][..len - c];
        let (head, rest) = y[c..].split_at_mut(1);
        head[0] = head[0] + column[0] * v[c] + Dot { x: &column[1..], y: &v[c + 1..] }.run();
        Axpy { y: rest, a: -v[c], x: &column[1..] }.run();
    }
    // w = tau·y − ½·|tau|²·(vᴴ·y)·v, where vᴴ·y is real
    let along = Dot { x: v, y }.run().wide().re;
    let half = T::narrow(C128::new(0.5 * (tau.conjugate() * tau).wide().re * along, 0.0));
    for (y, v) in y.iter_mut().zip(v) {
        *y = tau * *y - half * *v;
    }
    for c in 0..len {
        let column = &mut columns[c * height..][..len - c];
        let (of_v, of_w) = (y[c].conjugate(), v[c].conjugate());
        for ((x, v), w) in column.iter_mut().zip(&v[c..]).zip(&y[c..]) {
            *x = *x - (*v * of_v + *w * of_w);
        }
    }
}
