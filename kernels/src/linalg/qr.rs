//! QR by Householder reflectors, A = Q·R, by column blocks; Q = I − V·T·Vᴴ of each block, in compact WY form.
//! Source: Schreiber and Van Loan, *A Storage-Efficient WY Representation*, SIAM J. Sci. Stat. Comput. 10 (1989); the
//! recursion: Elmroth and Gustavson, *Applying recursion to serial and parallel QR factorization*, IBM J. Res. Dev. 44 (2000).

use super::PACKED;
use super::field::Field;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::panel::{Packed, divide, norm};
use super::tiles::{Beside, dots, subtract_all};
use crate::dtype::C128;
use crate::gemm::Form;
use std::ops::Range;

const ADJOINT: Form = Form { negative: false, conj_a: true, conj_b: false };

/// Bytes of scratch for [`qr_panel`] and [`qr_apply`] on blocks of `m` rows and `w` columns; the other block has no more.
pub fn qr_scratch_bytes<T: Field>(m: usize, w: usize) -> usize {
    let small = taken_bytes::<T>(w * w);
    taken_bytes::<T>(m * PACKED) + 6 * small + qr_products_bytes::<T>(m, w, w)
}

/// Bytes of scratch for the products of `w` reflectors of `m` rows and a block of `columns` columns.
pub(super) fn qr_products_bytes<T: Field>(m: usize, w: usize, columns: usize) -> usize {
    product_scratch_bytes::<T>(m, columns, w).max(product_scratch_bytes::<T>(w, columns, m))
}

/// Factors the rows from `at` on of a block [m, w]: R on and above the diagonal that begins in row `at`, below it the
/// reflectors without their leading ones. `t` is [k, k], k = min(m − at, w): upper triangular, zero below. Its diagonal is
/// LAPACK's tau. Cost: 2(m − at)·w² flops and a third of it for `t`.
///
/// # Panics
/// If `t` has another shape.
pub fn qr_panel<T: Field>(a: MatMut<'_, T>, at: usize, mut t: MatMut<'_, T>, scratch: &mut [u8]) {
    let [_, mut low] = a.split_rows(at);
    let k = low.rows().min(low.cols());
    assert!(t.rows() == k && t.cols() == k, "T of {k} reflectors");
    (0..k).for_each(|i| t.row(i).fill(T::ZERO));
    recurse(&mut low, &mut t, scratch);
}

fn recurse<T: Field>(a: &mut MatMut<'_, T>, t: &mut MatMut<'_, T>, scratch: &mut [u8]) {
    let (m, w) = (a.rows(), a.cols());
    let k = m.min(w);
    if w <= PACKED {
        return narrow(a, t, scratch);
    }
    let half = (w / 2).next_multiple_of(PACKED);
    let first = half.min(k);
    let [mut left, mut right] = a.again().split_cols(half);
    let [mut t_top, mut t_low] = t.again().split_rows(first);
    recurse(&mut left, &mut t_top.again().part(0, 0, first, first), scratch);
    qr_apply(left.read(), 0, t_top.read().part(0, 0, first, first), true, right.again(), scratch);
    if m <= half {
        return;
    }
    let second = k - half;
    let [_, mut low] = right.split_rows(half);
    recurse(&mut low, &mut t_low.again().part(0, half, second, second), scratch);
    // T₁₂ = −T₁·(V₁ᴴ·V₂)·T₂: V₂ is zero above row `half`
    let mut rest = scratch;
    let (corner, z, zt) = (take(&mut rest, second * second), take(&mut rest, first * second), take(&mut rest, first * second));
    unit_lower(low.read(), second, corner);
    let corner = Mat::dense(corner, second, second);
    let v = left.read();
    let mut z = MatMut::dense(z, first, second);
    z.product(ADJOINT, v.part(half, 0, second, first).t(), corner, true, rest);
    if m - half > second {
        z.product(ADJOINT, v.below(half + second).t(), low.read().below(second), false, rest);
    }
    let mut zt = MatMut::dense(zt, first, second);
    zt.product(Form::default(), z.read(), t_low.read().part(0, half, second, second), true, rest);
    let [t_left, t_right] = t_top.split_cols(half);
    let mut t_right = t_right.part(0, 0, first, second);
    t_right.product(Form { negative: true, ..Form::default() }, t_left.read().part(0, 0, first, first), zt.read(), false, rest);
}

/// The leading `k` rows of reflectors, with their ones and zeros.
fn unit_lower<T: Field>(v: Mat<'_, T>, k: usize, to: &mut [T]) {
    for i in 0..k {
        for j in 0..k {
            to[i * k + j] = match i.cmp(&j) {
                std::cmp::Ordering::Less => T::ZERO,
                std::cmp::Ordering::Equal => T::ONE,
                std::cmp::Ordering::Greater => v.at(i, j),
            };
        }
    }
}

fn narrow<T: Field>(a: &mut MatMut<'_, T>, t: &mut MatMut<'_, T>, mut scratch: &mut [u8]) {
    let (m, w) = (a.rows(), a.cols());
    let mut columns = Packed::of(a.read(), take(&mut scratch, m * w));
    halves(&mut columns, 0..w, t);
    columns.unpack(a);
}

/// Factors the packed columns `part`, whose diagonal begins in the row of its first one's number; as [`recurse`].
fn halves<T: Field>(columns: &mut Packed<'_, T>, part: Range<usize>, t: &mut MatMut<'_, T>) {
    let (m, at, w) = (columns.rows(), part.start, part.len());
    if m <= at || w == 0 {
        return;
    }
    if w == 1 {
        t.row(at)[at] = reflector(&mut columns.col(at)[at..]);
        return;
    }
    let middle = at + w.div_ceil(2);
    let end = middle.min(m);
    halves(columns, at..middle, t);
    let mut z = [T::ZERO; PACKED * PACKED];
    let mut z = Beside::new(&mut z, part.end - middle);
    // Z = V₁ᴴ·C, then T₁ᴴ·Z, then C − V₁·Z
    dots(columns, at..end, middle..part.end, end, &mut z);
    for c in middle..part.end {
        for i in at..end {
            let mut sum = z.at(i - at, c - middle) + columns.col(c)[i];
            for row in i + 1..end {
                sum = sum + columns.col(i)[row].conjugate() * columns.col(c)[row];
            }
            z.row(i - at)[c - middle] = sum;
        }
    }
    for i in (at..end).rev() {
        let by = t.row(i)[i].conjugate();
        z.row(i - at).iter_mut().for_each(|z| *z = by * *z);
        for l in at..i {
            let by = t.row(l)[i].conjugate();
            let (to, from) = z.two(i - at, l - at);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *to + by * *from);
        }
    }
    for c in middle..part.end {
        for row in at..end {
            let mut x = columns.col(c)[row] - z.at(row - at, c - middle);
            for i in at..row {
                x = x - columns.col(i)[row] * z.at(i - at, c - middle);
            }
            columns.col(c)[row] = x;
        }
    }
    subtract_all(columns, at..end, middle..part.end, end, &z);
    if m <= middle {
        return;
    }
    halves(columns, middle..part.end, t);
    // T₁₂ = −T₁·(V₁ᴴ·V₂)·T₂: V₂ is zero above row `middle`
    let last = part.end.min(m);
    dots(columns, at..middle, middle..last, last, &mut z);
    for i in at..middle {
        for j in middle..last {
            let mut sum = z.at(i - at, j - middle) + columns.col(i)[j].conjugate();
            for row in j + 1..last {
                sum = sum + columns.col(i)[row].conjugate() * columns.col(j)[row];
            }
            z.row(i - at)[j - middle] = sum;
        }
        for j in (middle..last).rev() {
            let mut sum = T::ZERO;
            for l in middle..=j {
                sum = sum + z.at(i - at, l - middle) * t.row(l)[j];
            }
            z.row(i - at)[j - middle] = sum;
        }
    }
    for i in at..middle {
        for j in middle..last {
            let mut sum = T::ZERO;
            for l in i..middle {
                sum = sum + t.row(i)[l] * z.at(l - at, j - middle);
            }
            t.row(i)[j] = -sum;
        }
    }
}

/// Makes of x = (α, x₂) the reflector H = I − tau·v·vᴴ, v = (1, v₂), with Hᴴ·x = (β, 0), β real: β and v₂ stand in the place
/// of x afterwards. As LAPACK's larfg.
pub(super) fn reflector<T: Field>(x: &mut [T]) -> T {
    let alpha = x[0].wide();
    let rest = norm(&x[1..]);
    if rest == 0.0 && alpha.im == 0.0 {
        return T::ZERO;
    }
    let beta = alpha.re.hypot(alpha.im).hypot(rest).copysign(-alpha.re);
    let by = T::narrow(C128::new(alpha.re - beta, alpha.im));
    divide(&mut x[1..], by);
    x[0] = T::narrow(C128::new(beta, 0.0));
    T::narrow(C128::new((beta - alpha.re) / beta, -alpha.im / beta))
}

/// c ← Qᴴ·c (`adjoint`) or Q·c, where Q is of the reflectors in the block `f` [m, w], its diagonal beginning in row `at`, and
/// of its `t` [k, k]; `c` is [m, n], n at most the width of a block. Cost: 4(m − at)·k·n flops.
pub fn qr_apply<T: Field>(f: Mat<'_, T>, at: usize, t: Mat<'_, T>, adjoint: bool, c: MatMut<'_, T>, scratch: &mut [u8]) {
    let (k, n) = (t.rows(), c.cols());
    if k == 0 || n == 0 {
        return;
    }
    let f = f.below(at);
    let [_, low] = c.split_rows(at);
    let [mut top, mut bottom] = low.split_rows(k);
    let below = f.part(k, 0, f.rows() - k, k);
    let mut rest = scratch;
    let (corner, z, tz) = (take(&mut rest, k * k), take(&mut rest, k * n), take(&mut rest, k * n));
    unit_lower(f, k, corner);
    let corner = Mat::dense(corner, k, k);
    let mut z = MatMut::dense(z, k, n);
    z.product(ADJOINT, corner.t(), top.read(), true, rest);
    if below.rows() > 0 {
        z.product(ADJOINT, below.t(), bottom.read(), false, rest);
    }
    let mut tz = MatMut::dense(tz, k, n);
    if adjoint {
        tz.product(ADJOINT, t.t(), z.read(), true, rest);
    } else {
        tz.product(Form::default(), t, z.read(), true, rest);
    }
    top.subtract(corner, tz.read(), rest);
    bottom.subtract(below, tz.read(), rest);
}
