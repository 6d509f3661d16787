//! The real symmetric tridiagonal problem by divide and conquer, T = Q·diag(w)·Qᵀ, where Q is never stored.
//!
//! A problem of order m is torn into halves by taking ρ·u·uᵀ off, u = (.., 0, 1, ±1, 0, ..). With the halves solved, what is left is
//! diag(d) + ρ·z·zᵀ, z the last row of the one half's eigenvectors and the first row of the other's ([`super::secular`]). Of every such
//! *node* a few vectors of length m are kept, from which any element of its orthogonal matrix S follows; of problems up to the size of a
//! *leaf* the eigenvectors themselves. So the values take O(n²) operations and O(n·log n) numbers in all, and any columns of
//! Q = diag(Q₁, Q₂)·S come from the root down to the leaves: columns of S first, then half of them under each half's Q.
//!
//! Sources: Cuppen, *A divide and conquer method for the symmetric tridiagonal eigenproblem*, Numer. Math. 36 (1981); Gu and Eisenstat,
//! SIAM J. Matrix Anal. Appl. 16 (1995); deflation as LAPACK's dlaed2; Q kept as factors that are products of quotients: Vogel, Xia,
//! Cauley and Balakrishnan, *Superfast divide-and-conquer method and perturbation analysis for structured eigenvalue solutions*, SIAM J.
//! Sci. Comput. 38 (2016).

use super::field::Field;
use super::lapack::one_thread;
use super::matrix::{Mat, MatMut, product_scratch_bytes, take, taken_bytes};
use super::secular::{Roots, Row};
use crate::dtype::C128;
use crate::gemm::Form;
use crate::isa::dispatch;

unsafe extern "C" {
    fn dsteqr_(
        vectors: *const u8,
        n: *const i32,
        d: *mut f64,
        e: *mut f64,
        z: *mut f64,
        row: *const i32,
        work: *mut f64,
        info: *mut i32,
        length: usize,
    );
    fn dsterf_(n: *const i32, d: *mut f64, e: *mut f64, info: *mut i32);
}

/// Rows and columns of S that are made at once.
const TILE: usize = 256;
/// Numbers of a node of order m: so many times m, and two.
const OF_NODE: usize = 11;
/// Numbers of each place that solving works with.
const OF_WORK: usize = 9;

/// The tree of a problem of order `n`, with leaves of order `leaf` at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Order of the matrix.
    pub n: usize,
    /// Order of a leaf at most, 1 at least.
    pub leaf: usize,
}

/// Why there are no eigenvalues, as what follows "the matrix".
fn unconverged() -> String {
    "its eigenvalues did not converge".to_string()
}

/// The eigenvalues of the tridiagonal matrix of `d` `[n]` and `e` [n − 1], ascending, in the place of `d`; `e` is destroyed. By LAPACK's
/// dsterf: QL without square roots. Cost: O(n²).
///
/// # Errors
/// Why there are none, as what follows "the matrix".
///
/// # Panics
/// If `e` has another length.
pub fn tridiagonal_values(d: &mut [f64], e: &mut [f64]) -> Result<(), String> {
    assert!(e.len() + 1 == d.len(), "a tridiagonal matrix of order {}", d.len());
    if d.iter().chain(&*e).any(|x| !x.is_finite()) {
        return Err(unconverged());
    }
    let n = i32::try_from(d.len()).map_err(|_| "is too large for LAPACK".to_string())?;
    let mut info = 0;
    // SAFETY: n elements and n − 1.
    one_thread(|| unsafe { dsterf_(&n, d.as_mut_ptr(), e.as_mut_ptr(), &mut info) });
    if info == 0 { Ok(()) } else { Err(unconverged()) }
}

impl Tree {
    /// Numbers that [`Tree::solve`] keeps at most.
    pub fn len(&self) -> usize {
        let mut levels = 0;
        while self.n.div_ceil(1 << levels) > self.leaf {
            levels += 1;
        }
        self.n * (OF_NODE * levels + self.leaf) + (2 << levels)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Numbers of a problem of order `m`.
    fn len_of(&self, m: usize) -> usize {
        if m <= self.leaf { m * m } else { OF_NODE * m + 2 + self.len_of(m / 2) + self.len_of(m - m / 2) }
    }

    /// Bytes of scratch for [`Tree::solve`] with `helpers` other threads.
    pub fn solve_scratch_bytes(&self, helpers: usize) -> usize {
        (OF_WORK + helpers) * taken_bytes::<f64>(self.n) + taken_bytes::<f64>(2 * self.leaf)
    }

    /// Solves the problem of `d` `[n]` and `e` [n − 1]: the eigenvalues, ascending, in the place of `d`, and in `data` ([`Tree::len`]) what
    /// [`Tree::vectors`] makes the eigenvectors of. Cost: about 12·n² divisions, fewer where eigenvalues are close together.
    ///
    /// # Errors
    /// Why there are none, as what follows "the matrix".
    ///
    /// # Panics
    /// If the slices have other lengths, or the scratch is short.
    pub fn solve(&self, d: &mut [f64], e: &mut [f64], data: &mut [f64], mut scratch: &mut [u8]) -> Result<(), String> {
        let n = self.n;
        assert!(d.len() == n && e.len() + 1 == n.max(1), "a tridiagonal matrix of order {n}");
        let most = d.iter().chain(&*e).fold(0.0f64, |most, x| if x.is_nan() { f64::NAN } else { most.max(x.abs()) });
        if !most.is_finite() || n == 0 {
            return if n == 0 { Ok(()) } else { Err(unconverged()) };
        }
        // to numbers of about 1, whose products stay in the range, and back
        let scale = if most == 0.0 { 1.0 } else { most };
        d.iter_mut().chain(e.iter_mut()).for_each(|x| *x /= scale);
        let (first, last) = (take::<f64>(&mut scratch, n), take::<f64>(&mut scratch, n));
        let left = scratch.len().saturating_sub(64) / 8;
        let work = take::<f64>(&mut scratch, left);
        self.recurse(d, e, [first, last], &mut data[..self.len_of(n)], work)?;
        d.iter_mut().for_each(|x| *x *= scale);
        Ok(())
    }

    /// Solves a part of the problem: `ends` become the first and last row of its eigenvectors.
    fn recurse(&self, d: &mut [f64], e: &mut [f64], ends: [&mut [f64]; 2], data: &mut [f64], work: &mut [f64]) -> Result<(), String> {
        let m = d.len();
        if m <= self.leaf {
            return leaf(d, e, ends, data, work);
        }
        let half = m / 2;
        let (own, rest) = data.split_at_mut(OF_NODE * m + 2);
        let (left, right) = rest.split_at_mut(self.len_of(half));
        let rho = e[half - 1];
        d[half - 1] -= rho.abs();
        d[half] -= rho.abs();
        let [first, last] = ends;
        {
            let ((d1, d2), (first1, first2), (last1, last2)) = (d.split_at_mut(half), first.split_at_mut(half), last.split_at_mut(half));
            let (e1, e2) = e.split_at_mut(half);
            self.recurse(d1, &mut e1[..half - 1], [first1, last1], left, work)?;
            self.recurse(d2, e2, [first2, last2], right, work)?;
        }
        join(d, rho, half, [first, last], own, work)
    }

    /// Bytes of scratch for [`Tree::vectors`] of `w` columns.
    pub fn vectors_scratch_bytes(&self, w: usize) -> usize {
        let tile = TILE.min(self.n);
        let held = taken_bytes::<f64>(self.n * w) + taken_bytes::<f64>(self.n.div_ceil(2).max(self.leaf.min(self.n)) * w);
        held + taken_bytes::<f64>(tile * tile) + taken_bytes::<f64>(tile * w) + self.product_bytes(w)
    }

    /// Bytes of scratch of a product inside of it.
    fn product_bytes(&self, w: usize) -> usize {
        let side = TILE.max(self.leaf).min(self.n);
        product_scratch_bytes::<f64>(side, w, side)
    }

    /// The columns from `first` on of the eigenvectors, as many as `out` [n, w] has, of what [`Tree::solve`] left in `data`. Cost: 2·n²·w
    /// flops, a quotient for each w of them, and less where eigenvalues are close together.
    ///
    /// # Panics
    /// If there are no such columns, or the scratch is short.
    pub fn vectors<T: Field>(&self, data: &[f64], first: usize, out: &mut MatMut<'_, T>, mut scratch: &mut [u8]) {
        let (n, w) = (self.n, out.cols());
        assert!(out.rows() == n && first + w <= n, "columns {first} to {} of {n}", first + w);
        let held = take::<f64>(&mut scratch, n * w);
        let other = take::<f64>(&mut scratch, n.div_ceil(2).max(self.leaf.min(n)) * w);
        let tile = TILE.min(n);
        let (square, product) = (take::<f64>(&mut scratch, tile * tile), take::<f64>(&mut scratch, tile * w));
        let data = &data[..self.len_of(n)];
        let mut room = Room { other, square, product, scratch };
        let mut y = MatMut::dense(held, n, w);
        match n <= self.leaf {
            true => y.copy_from(Mat::dense(data, n, n).t().part(0, first, n, w)),
            false => {
                let (own, rest) = data.split_at(OF_NODE * n + 2);
                Node::of(own, n).columns(first, &mut y);
                self.halves(rest, y.again(), &mut room);
            }
        }
        for row in 0..n {
            for (to, &x) in out.row(row).iter_mut().zip(&*y.row(row)) {
                *to = T::narrow(C128::new(x, 0.0));
            }
        }
    }

    /// y ← diag(Q₁, Q₂)·y.
    fn halves(&self, data: &[f64], y: MatMut<'_, f64>, room: &mut Room<'_>) {
        let half = y.rows() / 2;
        let (left, right) = data.split_at(self.len_of(half));
        let [top, low] = y.split_rows(half);
        self.times(left, top, room);
        self.times(right, low, room);
    }

    /// y ← Q·y, of a part of the problem.
    fn times(&self, data: &[f64], mut y: MatMut<'_, f64>, room: &mut Room<'_>) {
        let (m, w) = (y.rows(), y.cols());
        if m <= self.leaf {
            let other = &mut room.other[..m * w];
            MatMut::dense(&mut *other, m, w).copy_from(y.read());
            return y.product(Form::default(), Mat::dense(data, m, m).t(), Mat::dense(other, m, w), true, room.scratch);
        }
        let (own, rest) = data.split_at(OF_NODE * m + 2);
        Node::of(own, m).times(&mut y, room);
        self.halves(rest, y, room);
    }
}

/// What products with S work in.
struct Room<'a> {
    other: &'a mut [f64],
    square: &'a mut [f64],
    product: &'a mut [f64],
    scratch: &'a mut [u8],
}

/// Solves a leaf: its eigenvectors, column by column, into `data`.
fn leaf(d: &mut [f64], e: &mut [f64], [first, last]: [&mut [f64]; 2], data: &mut [f64], work: &mut [f64]) -> Result<(), String> {
    let m = d.len();
    let n = i32::try_from(m).map_err(|_| unconverged())?;
    let mut info = 0;
    // SAFETY: n and n − 1 elements, n columns of n elements, 2n − 2 elements to work with.
    one_thread(|| unsafe {
        dsteqr_(b"I".as_ptr(), &n, d.as_mut_ptr(), e.as_mut_ptr(), data.as_mut_ptr(), &n, work[..2 * m].as_mut_ptr(), &mut info, 1);
    });
    for (at, column) in data.chunks_exact(m).enumerate() {
        (first[at], last[at]) = (column[0], column[m - 1]);
    }
    if info == 0 { Ok(()) } else { Err(unconverged()) }
}

/// A rotation of two columns: indices, cosine and sine.
type Turn = [f64; 4];

/// A node of order m: S = G₁·G₂·..·P·diag(V, 1)·P', with rotations G, the eigenvectors V of its equation, and permutations.
struct Node<'a> {
    /// Of `roots` poles, the first elements of what follows.
    roots: usize,
    poles: &'a [f64],
    z: &'a [f64],
    origin: &'a [f64],
    shift: &'a [f64],
    inverse: &'a [f64],
    /// Which eigenvalue of the node a root is, and behind the roots, what was deflated.
    place: &'a [f64],
    /// Which eigenvalue of the halves a pole is, and behind the poles, what was deflated.
    index: &'a [f64],
    turns: &'a [Turn],
}

impl<'a> Node<'a> {
    fn of(data: &'a [f64], m: usize) -> Node<'a> {
        let (head, rest) = data.split_at(2);
        let (roots, turns) = (head[0] as usize, head[1] as usize);
        let part = |at: usize| &rest[at * m..][..m];
        let turned = &bytemuck::cast_slice(&rest[7 * m..][..4 * m])[..turns];
        Node {
            roots,
            poles: &part(0)[..roots],
            z: &part(1)[..roots],
            origin: &part(2)[..roots],
            shift: &part(3)[..roots],
            inverse: &part(4)[..roots],
            place: part(5),
            index: part(6),
            turns: turned,
        }
    }

    /// Rows under the rotations, the last first.
    fn turn(&self, y: &mut MatMut<'_, f64>) {
        for &[p, q, c, s] in self.turns.iter().rev() {
            let (p, q) = (p as usize, q as usize);
            let [mut top, mut low] = y.again().split_rows(p.max(q));
            let (one, other) = (top.row(p.min(q)), low.row(0));
            let (x, y) = if p < q { (one, other) } else { (other, one) };
            for (x, y) in x.iter_mut().zip(y) {
                (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
            }
        }
    }

    /// The columns of S from `first` on.
    fn columns(&self, first: usize, y: &mut MatMut<'_, f64>) {
        let (m, w) = (y.rows(), y.cols());
        (0..m).for_each(|row| y.row(row).fill(0.0));
        for (at, &place) in self.place.iter().enumerate() {
            let Some(column) = (place as usize).checked_sub(first).filter(|&column| column < w) else { continue };
            if at >= self.roots {
                y.row(self.index[at] as usize)[column] = 1.0;
                continue;
            }
            for j in 0..self.roots {
                let x = self.z[j] * self.inverse[at] / ((self.poles[j] - self.origin[at]) - self.shift[at]);
                y.row(self.index[j] as usize)[column] = x;
            }
        }
        self.turn(y);
    }

    /// y ← S·y.
    fn times(&self, y: &mut MatMut<'_, f64>, room: &mut Room<'_>) {
        let (m, w) = (y.rows(), y.cols());
        let other = &mut room.other[..m * w];
        for (to, &place) in other.chunks_exact_mut(w).zip(self.place) {
            to.copy_from_slice(y.row(place as usize));
        }
        for (from, &index) in other.chunks_exact(w).zip(self.index).skip(self.roots) {
            y.row(index as usize).copy_from_slice(from);
        }
        let other = Mat::dense(&other[..self.roots * w], self.roots, w);
        for j in (0..self.roots).step_by(TILE) {
            let rows = TILE.min(self.roots - j);
            let mut product = MatMut::dense(&mut room.product[..rows * w], rows, w);
            for i in (0..self.roots).step_by(TILE) {
                let cols = TILE.min(self.roots - i);
                let square = &mut room.square[..rows * cols];
                for (row, to) in square.chunks_exact_mut(cols).enumerate() {
                    let (pole, z) = (self.poles[j + row], self.z[j + row]);
                    let (origin, shift, inverse) = (&self.origin[i..][..cols], &self.shift[i..][..cols], &self.inverse[i..][..cols]);
                    dispatch(Row { pole, z, origin, shift, inverse, to });
                }
                product.product(Form::default(), Mat::dense(square, rows, cols), other.part(i, 0, cols, w), i == 0, room.scratch);
            }
            for (row, &index) in self.index[j..][..rows].iter().enumerate() {
                y.row(index as usize).copy_from_slice(product.row(row));
            }
        }
        self.turn(y);
    }
}

/// Joins two halves: of their eigenvalues in `d`, the first `half` of one of them, and the first and last rows of their eigenvectors
/// makes those of the whole, where `e` was torn off between them. What its eigenvectors follow from comes to `own`.
fn join(d: &mut [f64], e: f64, half: usize, [first, last]: [&mut [f64]; 2], own: &mut [f64], work: &mut [f64]) -> Result<(), String> {
    let m = d.len();
    let (head, rest) = own.split_at_mut(2);
    let (vectors, turns) = rest.split_at_mut(7 * m);
    let mut vectors = vectors.chunks_exact_mut(m);
    let [poles, z, origin, shift, inverse, place, index] = std::array::from_fn(|_| vectors.next().unwrap_or_default());
    let turns: &mut [Turn] = bytemuck::cast_slice_mut(turns);
    let (parts, work) = work.split_at_mut(5 * m);
    let mut parts = parts.chunks_exact_mut(m);
    let [all_z, order, values, new_first, new_last] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    for (i, z) in all_z.iter_mut().enumerate() {
        *z = if i < half { last[i] } else { first[i] * 1f64.copysign(e) } * std::f64::consts::FRAC_1_SQRT_2;
    }
    first[half..].fill(0.0);
    last[..half].fill(0.0);
    merged(d, half, order);
    let rho = 2.0 * e.abs();
    let most = |x: &[f64]| x.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let least = 8.0 * 0.5 * f64::EPSILON * most(d).max(most(all_z));
    let (mut roots, mut turned, mut end) = (0, 0, m);
    let mut before: Option<usize> = None;
    for &j in &*order {
        let j = j as usize;
        if rho * all_z[j].abs() <= least {
            end -= 1;
            index[end] = j as f64;
            continue;
        }
        if let Some(p) = before {
            // two eigenvalues that are as good as one: a rotation makes the one's element of z zero
            let tau = all_z[j].hypot(all_z[p]);
            let (c, s) = (all_z[j] / tau, -all_z[p] / tau);
            if ((d[j] - d[p]) * c * s).abs() <= least {
                (all_z[j], all_z[p]) = (tau, 0.0);
                for row in [&mut *first, &mut *last] {
                    (row[p], row[j]) = (c * row[p] + s * row[j], c * row[j] - s * row[p]);
                }
                (d[p], d[j]) = (d[p] * c * c + d[j] * s * s, d[p] * s * s + d[j] * c * c);
                turns[turned] = [p as f64, j as f64, c, s];
                turned += 1;
                end -= 1;
                index[end] = p as f64;
            } else {
                (poles[roots], z[roots], index[roots]) = (d[p], all_z[p], p as f64);
                roots += 1;
            }
        }
        before = Some(j);
    }
    if let Some(p) = before {
        (poles[roots], z[roots], index[roots]) = (d[p], all_z[p], p as f64);
        roots += 1;
    }
    (head[0], head[1]) = (roots as f64, turned as f64);
    for (at, &index) in index.iter().enumerate() {
        let index = index as usize;
        (values[at], new_first[at], new_last[at]) = (d[index], first[index], last[index]);
    }
    if roots > 0 {
        let (origin, shift) = (&mut origin[..roots], &mut shift[..roots]);
        let mut all =
            Roots { poles: &poles[..roots], z: &mut z[..roots], origin: &mut *origin, shift: &mut *shift, inverse: &mut inverse[..roots] };
        all.find(rho, [&mut new_first[..roots], &mut new_last[..roots]], work)?;
        (0..roots).for_each(|i| values[i] = origin[i] + shift[i]);
    }
    order.iter_mut().enumerate().for_each(|(i, at)| *at = i as f64);
    order.sort_unstable_by(|&i, &j| values[i as usize].total_cmp(&values[j as usize]).then(i.total_cmp(&j)));
    for (rank, &at) in order.iter().enumerate() {
        let at = at as usize;
        place[at] = rank as f64;
        (d[rank], first[rank], last[rank]) = (values[at], new_first[at], new_last[at]);
    }
    Ok(())
}

/// The places of `d` in ascending order, of which the first `half` ascend, and the others.
fn merged(d: &[f64], half: usize, order: &mut [f64]) {
    let (mut i, mut j) = (0, half);
    for to in order {
        let from = if j >= d.len() || (i < half && d[i] <= d[j]) { &mut i } else { &mut j };
        *to = *from as f64;
        *from += 1;
    }
}
