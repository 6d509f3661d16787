//! Matrix products: against a naive loop, against OpenBLAS in the Frobenius norm, and bit for bit over tilings.

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use flagstone_kernels::dtype::{Bool, C64, C128, DType, Element};
use flagstone_kernels::gemm::{PANEL, gemm_accumulate, gemm_in_blocks, gemm_scratch_bytes};
use flagstone_kernels::view::{View, ViewMut};
use ndarray::Array2;
use ndarray_linalg::Norm;
use proptest::prelude::*;

// For this test alone: the shipped library does not link OpenBLAS.
#[link(name = "openblas")]
unsafe extern "C" {
    fn cblas_dgemm(
        order: i32,
        ta: i32,
        tb: i32,
        m: i32,
        n: i32,
        k: i32,
        alpha: f64,
        a: *const f64,
        lda: i32,
        b: *const f64,
        ldb: i32,
        beta: f64,
        c: *mut f64,
        ldc: i32,
    );
}

/// Uniform in (−1, 1), a fixed sequence.
fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// A dtype that the crate multiplies, from noise.
trait Number: Element + Pod {
    const EPSILON: f64;
    fn of(re: f64, im: f64) -> Self;
    fn wide(self) -> C128;
}
macro_rules! numbers {
    ($($t:ty, $eps:expr, |$re:ident, $im:ident| $of:expr, |$x:ident| $wide:expr;)*) => { $(
        impl Number for $t {
            const EPSILON: f64 = $eps;
            fn of($re: f64, $im: f64) -> $t { let _ = $im; $of }
            fn wide(self) -> C128 { let $x = self; $wide }
        }
    )* };
}
numbers! {
    f32, f32::EPSILON as f64, |re, im| re as f32, |x| C128::new(x as f64, 0.0);
    f64, f64::EPSILON, |re, im| re, |x| C128::new(x, 0.0);
    C64, f32::EPSILON as f64, |re, im| C64::new(re as f32, im as f32), |x| C128::new(x.re as f64, x.im as f64);
    C128, f64::EPSILON, |re, im| C128::new(re, im), |x| x;
}

fn matrix<T: Number>(len: usize, seed: u64) -> Vec<T> {
    noise(len, seed).into_iter().zip(noise(len, seed ^ 99)).map(|(re, im)| T::of(re, im)).collect()
}

/// How the operands lie in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Rows,
    Columns,
    ReversedColumns,
    Unaligned,
}
const LAYOUTS: [Layout; 4] = [Layout::Rows, Layout::Columns, Layout::ReversedColumns, Layout::Unaligned];

/// A matrix stored by a layout.
struct Stored {
    bytes: Vec<u8>,
    dtype: DType,
    shape: [usize; 2],
    strides: [isize; 2],
    offset: isize,
}

impl Stored {
    fn new<T: Element>(values: &[T], shape: [usize; 2], layout: Layout) -> Stored {
        let item = size_of::<T>();
        let [m, n] = shape;
        let (strides, offset) = match layout {
            Layout::Rows => ([(n * item) as isize, item as isize], 0),
            Layout::Columns => ([item as isize, (m * item) as isize], 0),
            Layout::ReversedColumns => ([item as isize, -((m * item) as isize)], ((n - 1) * m * item) as isize),
            Layout::Unaligned => ([(n * item + 1) as isize, item as isize], 1),
        };
        let mut stored = Stored { bytes: vec![0; m * (n * item + 1) + 1], dtype: T::DTYPE, shape, strides, offset };
        for i in 0..m {
            for j in 0..n {
                let at = (offset + i as isize * strides[0] + j as isize * strides[1]) as usize;
                stored.bytes[at..at + item].copy_from_slice(bytemuck::bytes_of(&values[i * n + j]));
            }
        }
        stored
    }
    fn view(&self) -> View<'_> {
        View::strided(&self.bytes, self.dtype, &self.shape, &self.strides, self.offset)
    }
    fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut::strided(&mut self.bytes, self.dtype, &self.shape, &self.strides, self.offset)
    }
    fn values<T: Element>(&self) -> Vec<T> {
        let item = size_of::<T>();
        let at = |i: usize, j: usize| (self.offset + i as isize * self.strides[0] + j as isize * self.strides[1]) as usize;
        (0..self.shape[0] * self.shape[1])
            .map(|x| bytemuck::pod_read_unaligned(&self.bytes[at(x / self.shape[1], x % self.shape[1])..][..item]))
            .collect()
    }
}

fn multiply(a: &View, b: &View, c: &mut ViewMut, k0: u64, first: bool) {
    let dtype = a.dtype();
    let mut scratch = vec![0xFF; gemm_scratch_bytes(dtype, a.shape()[0], b.shape()[1], a.shape()[1])];
    gemm_accumulate(dtype, k0, a, b, c, first, &mut scratch);
}

/// |c − c₀ − ab| ≤ (k + 2)·ε·(|c₀| + |a||b|), elementwise; complex products cost a factor of 2√2 at most.
fn check_against_naive<T: Number>(m: usize, n: usize, k: usize, layouts: [Layout; 3], first: bool) {
    let (a, b, c): (Vec<T>, Vec<T>, Vec<T>) = (matrix(m * k, 1), matrix(k * n, 2), matrix(m * n, 3));
    let stored_a = Stored::new(&a, [m, k], layouts[0]);
    let stored_b = Stored::new(&b, [k, n], layouts[1]);
    let mut stored_c = Stored::new(&c, [m, n], layouts[2]);
    multiply(&stored_a.view(), &stored_b.view(), &mut stored_c.view_mut(), 0, first);
    let got: Vec<T> = stored_c.values();
    for i in 0..m {
        for j in 0..n {
            let mut want = if first { C128::new(0.0, 0.0) } else { c[i * n + j].wide() };
            let mut size = want.norm();
            for p in 0..k {
                let term = a[i * k + p].wide() * b[p * n + j].wide();
                want += term;
                size += a[i * k + p].wide().norm() * b[p * n + j].wide().norm();
            }
            let error = (got[i * n + j].wide() - want).norm();
            let bound = 3.0 * (k + 2) as f64 * T::EPSILON * size;
            assert!(error <= bound, "{} {m}×{k}×{n} at {i}, {j}: error {error}, bound {bound}", T::DTYPE);
        }
    }
}

#[test]
fn products_equal_the_naive_loop() {
    for &(m, n, k) in &[(1, 1, 1), (1, 50, 300), (50, 1, 257), (7, 7, 2), (16, 16, 30), (40, 33, 513), (300, 9, 1), (3, 600, 258)] {
        for (i, first) in [(0, true), (1, false), (2, true), (3, false)] {
            let layouts = [LAYOUTS[i], LAYOUTS[(i + k) % 4], LAYOUTS[(i + m) % 4]];
            check_against_naive::<f32>(m, n, k, layouts, first);
            check_against_naive::<f64>(m, n, k, layouts, first);
            check_against_naive::<C64>(m, n, k, layouts, first);
            check_against_naive::<C128>(m, n, k, layouts, first);
        }
    }
}

/// Multiplies tile by tile: pieces of m, n and (in multiples of 256) k.
fn tiled<T: Number>(a: &Stored, b: &Stored, layout: Layout, tile: [usize; 3]) -> Vec<T> {
    let ([m, k], n) = (a.shape, b.shape[1]);
    let mut c = Stored::new(&vec![T::default(); m * n], [m, n], layout);
    for p in (0..k).step_by(tile[2]) {
        for i in (0..m).step_by(tile[0]) {
            for j in (0..n).step_by(tile[1]) {
                let [rows, cols, len] = [tile[0].min(m - i), tile[1].min(n - j), tile[2].min(k - p)];
                let (a, b) = (a.view().part(&[i, p], &[rows, len]), b.view().part(&[p, j], &[len, cols]));
                multiply(&a, &b, &mut c.view_mut().part(&[i, j], &[rows, cols]), p as u64, p == 0);
            }
        }
    }
    c.values()
}

fn check_tilings<T: Number>(m: usize, n: usize, k: usize, tiles: &[[usize; 3]]) {
    let (a, b): (Vec<T>, Vec<T>) = (matrix(m * k, 5), matrix(k * n, 6));
    let (rows_a, rows_b) = (Stored::new(&a, [m, k], Layout::Rows), Stored::new(&b, [k, n], Layout::Rows));
    let want: Vec<T> = tiled(&rows_a, &rows_b, Layout::Rows, [m, n, k.next_multiple_of(PANEL)]);
    for (x, &tile) in tiles.iter().enumerate() {
        let stored_a = Stored::new(&a, [m, k], LAYOUTS[x % 4]);
        let stored_b = Stored::new(&b, [k, n], LAYOUTS[(x / 2) % 4]);
        let got: Vec<T> = tiled(&stored_a, &stored_b, LAYOUTS[(x / 3) % 4], tile);
        assert!(cast_slice::<T, u8>(&got) == cast_slice::<T, u8>(&want), "{} {m}×{k}×{n} in tiles {tile:?}", T::DTYPE);
    }
}

#[test]
fn bits_do_not_depend_on_tiling_or_layout() {
    let tiles = [
        [64, 64, 256],
        [1, 200, 512],
        [200, 1, 256],
        [16, 16, 256],
        [7, 9, 768],
        [128, 3, 256],
        [5, 64, 512],
        [192, 128, 256],
        [65, 200, 768],
        [15, 17, 256],
        [2, 2, 256],
        [33, 8, 512],
    ];
    for k in [770, 257, 258, 100, 259] {
        check_tilings::<f32>(130, 97, k, &tiles);
        check_tilings::<f64>(130, 97, k, &tiles);
        check_tilings::<C64>(67, 50, k, &tiles);
        check_tilings::<C128>(67, 50, k, &tiles);
    }
    // large enough for every packing path of the crate
    check_tilings::<f64>(700, 600, 513, &[[700, 64, 512], [64, 600, 256], [448, 320, 768], [1, 600, 256]]);
    // strips of the crate's calls are cut too
    check_tilings::<f32>(1100, 40, 300, &[[1100, 40, 512], [1024, 40, 256], [500, 13, 512]]);
    check_tilings::<f64>(20, 4200, 300, &[[20, 4200, 512], [20, 4096, 256], [9, 1000, 512]]);
}

/// C tiles of at most 256 elements with k dense in both operands are where the crate would sum horizontally.
#[test]
fn bits_of_other_blocks_of_k_do_not_depend_on_how_it_is_cut() {
    let (m, n, k) = (40, 33, 700);
    let (a, b): (Vec<f64>, Vec<f64>) = (matrix(m * k, 5), matrix(k * n, 6));
    let (a, b) = (Stored::new(&a, [m, k], Layout::Rows), Stored::new(&b, [k, n], Layout::Rows));
    let product = |block: usize, step: usize| -> Vec<f64> {
        let mut c = Stored::new(&vec![0.0; m * n], [m, n], Layout::Rows);
        let mut scratch = vec![0xFF; gemm_scratch_bytes(DType::F64, m, n, k)];
        for p in (0..k).step_by(step) {
            let len = step.min(k - p);
            let (a, b) = (a.view().part(&[0, p], &[m, len]), b.view().part(&[p, 0], &[len, n]));
            gemm_in_blocks(DType::F64, p as u64, block, &a, &b, &mut c.view_mut(), p == 0, &mut scratch);
        }
        c.values()
    };
    for block in [1, 50, 200, 250] {
        assert_eq!(product(block, 700), product(block, 2 * block), "blocks of {block}");
    }
    assert_ne!(product(250, 700), product(200, 700), "blocks of 250 and 200 round the same way");
}

/// Half of X·Xᵀ is the other half mirrored: real products commute, and so must the bits of sums of them.
#[test]
fn the_product_of_transposes_has_the_bits_of_the_transpose() {
    fn check<T: Number>(m: usize, n: usize, k: usize) {
        let (a, b): (Vec<T>, Vec<T>) = (matrix(m * k, 5), matrix(k * n, 6));
        let (a, b) = (Stored::new(&a, [m, k], Layout::Rows), Stored::new(&b, [k, n], Layout::Rows));
        let mut c = Stored::new(&vec![T::default(); m * n], [m, n], Layout::Rows);
        let mut mirrored = Stored::new(&vec![T::default(); m * n], [n, m], Layout::Rows);
        multiply(&a.view(), &b.view(), &mut c.view_mut(), 0, true);
        multiply(&b.view().transposed(), &a.view().transposed(), &mut mirrored.view_mut(), 0, true);
        let (c, mirrored): (Vec<T>, Vec<T>) = (c.values(), mirrored.values());
        let back: Vec<T> = (0..m * n).map(|at| mirrored[at % n * m + at / n]).collect();
        assert!(cast_slice::<T, u8>(&back) == cast_slice::<T, u8>(&c), "{} {m}×{k}×{n}", T::DTYPE);
    }
    for (m, n, k) in [(1, 1, 700), (3, 1, 300), (2, 40, 257), (7, 9, 5), (130, 97, 770), (64, 300, 2)] {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }
}

#[test]
fn bits_of_small_tiles_do_not_depend_on_layout() {
    fn check<T: Number>() {
        let (m, n, k) = (40, 37, 300);
        let (a, b): (Vec<T>, Vec<T>) = (matrix(m * k, 5), matrix(k * n, 6));
        let rows = |v: &[T], shape| Stored::new(v, shape, Layout::Rows);
        let want: Vec<T> = tiled(&rows(&a, [m, k]), &rows(&b, [k, n]), Layout::Rows, [m, n, 512]);
        for x in 0..64 {
            let [la, lb, lc] = [LAYOUTS[x % 4], LAYOUTS[x / 4 % 4], LAYOUTS[x / 16]];
            let (a, b) = (Stored::new(&a, [m, k], la), Stored::new(&b, [k, n], lb));
            for tile in [[12, 12, 256], [16, 16, 256], [8, 9, 512], [m, n, 512]] {
                let got: Vec<T> = tiled(&a, &b, lc, tile);
                let same = cast_slice::<T, u8>(&got) == cast_slice::<T, u8>(&want);
                assert!(same, "{} as {la:?}, {lb:?}, {lc:?} in tiles {tile:?}", T::DTYPE);
            }
        }
    }
    check::<f32>();
    check::<f64>();
    check::<C64>();
    check::<C128>();
}

/// A value of one row and column is NaN or infinite there alone: padding adds nothing.
#[test]
fn infinities_stay_in_their_row_and_column() {
    let (m, n, k) = (3, 5, 2);
    let (mut a, mut b) = (matrix::<f64>(m * k, 1), matrix::<f64>(k * n, 2));
    (a[0], b[4]) = (f64::INFINITY, f64::NAN);
    let (a, b) = (Stored::new(&a, [m, k], Layout::Rows), Stored::new(&b, [k, n], Layout::Rows));
    let mut c = Stored::new(&vec![f64::NAN; m * n], [m, n], Layout::Rows);
    multiply(&a.view(), &b.view(), &mut c.view_mut(), 0, true);
    for (x, v) in c.values::<f64>().into_iter().enumerate() {
        assert_eq!(v.is_nan(), x % n == 4, "element {x} is {v}");
        assert_eq!(v.is_infinite(), x < 4, "element {x} is {v}");
    }
}

#[test]
fn no_columns_of_a_give_zeros_or_what_was_there() {
    let mut c = vec![3.0f64; 4];
    let (a, b) = (View::dense(&[], DType::F64, &[2, 0]), View::dense(&[], DType::F64, &[0, 2]));
    multiply(&a, &b, &mut ViewMut::dense(cast_slice_mut(&mut c), DType::F64, &[2, 2]), 0, false);
    assert_eq!(c, [3.0; 4]);
    multiply(&a, &b, &mut ViewMut::dense(cast_slice_mut(&mut c), DType::F64, &[2, 2]), 0, true);
    assert_eq!(c, [0.0; 4]);
}

/// ‖C − C_OpenBLAS‖_F ≤ 2·k·ε·‖A‖_F·‖B‖_F, twice the bound that each of the two keeps.
#[test]
fn products_agree_with_openblas() {
    let (m, n, k) = (301, 257, 700);
    let (a, b): (Vec<f64>, Vec<f64>) = (noise(m * k, 11), noise(k * n, 12));
    let (mut ours, mut theirs) = (vec![0.0; m * n], vec![0.0; m * n]);
    multiply(
        &View::dense(cast_slice(&a), DType::F64, &[m, k]),
        &View::dense(cast_slice(&b), DType::F64, &[k, n]),
        &mut ViewMut::dense(cast_slice_mut(&mut ours), DType::F64, &[m, n]),
        0,
        true,
    );
    let [rows, plain] = [101, 111];
    // SAFETY: the CBLAS interface: row-major matrices of these sides and leading dimensions.
    unsafe {
        cblas_dgemm(
            rows,
            plain,
            plain,
            m as i32,
            n as i32,
            k as i32,
            1.0,
            a.as_ptr(),
            k as i32,
            b.as_ptr(),
            n as i32,
            0.0,
            theirs.as_mut_ptr(),
            n as i32,
        );
    }
    let array = |v: Vec<f64>, shape: [usize; 2]| Array2::from_shape_vec(shape, v).unwrap();
    let difference = (array(ours, [m, n]) - array(theirs, [m, n])).norm_l2();
    let bound = 2.0 * k as f64 * f64::EPSILON * array(a, [m, k]).norm_l2() * array(b, [k, n]).norm_l2();
    assert!(difference <= bound, "{difference} over {bound}");
}

macro_rules! integer_case {
    ($t:ty, $m:expr, $n:expr, $k:expr, $layouts:expr, $first:expr) => {{
        let (m, n, k) = ($m, $n, $k);
        let scale = |v: Vec<f64>| v.into_iter().map(|x| (x * 9e18) as i64 as $t).collect::<Vec<$t>>();
        let (a, b, c) = (scale(noise(m * k, 1)), scale(noise(k * n, 2)), scale(noise(m * n, 3)));
        let (stored_a, stored_b) = (Stored::new(&a, [m, k], $layouts[0]), Stored::new(&b, [k, n], $layouts[1]));
        let mut stored_c = Stored::new(&c, [m, n], $layouts[2]);
        multiply(&stored_a.view(), &stored_b.view(), &mut stored_c.view_mut(), 0, $first);
        let got: Vec<$t> = stored_c.values();
        for i in 0..m {
            for j in 0..n {
                let start = if $first { 0 } else { c[i * n + j] };
                let want = (0..k).fold(start, |s, p| s.wrapping_add(a[i * k + p].wrapping_mul(b[p * n + j])));
                prop_assert_eq!(got[i * n + j], want);
            }
        }
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn integers_wrap_and_bools_or(m in 1usize..40, n in 1usize..40, k in 1usize..300, l in 0usize..64, first: bool) {
        let layouts = [LAYOUTS[l % 4], LAYOUTS[l / 4 % 4], LAYOUTS[l / 16]];
        integer_case!(i8, m, n, k, layouts, first);
        integer_case!(u16, m, n, k, layouts, first);
        integer_case!(i32, m, n, k, layouts, first);
        integer_case!(u64, m, n, k, layouts, first);
        integer_case!(i64, m, n, k, layouts, first);
        let bools = |len, seed| noise(len, seed).into_iter().map(|x| Bool::from(x > 0.8)).collect::<Vec<Bool>>();
        let (a, b, c) = (bools(m * k, 1), bools(k * n, 2), bools(m * n, 3));
        let (stored_a, stored_b) = (Stored::new(&a, [m, k], layouts[0]), Stored::new(&b, [k, n], layouts[1]));
        let mut stored_c = Stored::new(&c, [m, n], layouts[2]);
        multiply(&stored_a.view(), &stored_b.view(), &mut stored_c.view_mut(), 0, first);
        for (x, got) in stored_c.values::<Bool>().into_iter().enumerate() {
            let hit = (0..k).any(|p| a[x / n * k + p].0 & b[p * n + x % n].0 == 1);
            prop_assert_eq!(bool::from(got), hit || (!first && bool::from(c[x])));
        }
    }
}
