//! A view → one of half the length along some axes: each place of the result stands for the box of two places along those axes (one,
//! at an odd end) that it covers.

use crate::dtype::{Bool, C64, C128, DType, Element};
use crate::isa;
use crate::view::{View, ViewMut};
use half::{bf16, f16};
use std::marker::PhantomData;

/// Axes that are halved at most: so many rows of a box are looked at side by side.
pub const HALVED_MAX: usize = 4;
const ROWS_MAX: usize = 1 << HALVED_MAX;

/// What stands for a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Halving {
    /// The arithmetic mean. Of integers the exact one, rounded to the nearest, ties to the even one.
    Mean,
    /// The first place of the box.
    Nearest,
    /// The value that occurs most, the smallest of several. Of integers and bool.
    Mode,
}

impl Halving {
    /// Its name, as OME-Zarr files say it.
    pub fn name(self) -> &'static str {
        match self {
            Halving::Mean => "mean",
            Halving::Nearest => "nearest",
            Halving::Mode => "mode",
        }
    }

    /// Whether a dtype has it.
    pub fn takes(self, dtype: DType) -> bool {
        match self {
            Halving::Mean => dtype != DType::Bool,
            Halving::Nearest => true,
            Halving::Mode => !dtype.is_float() && !matches!(dtype, DType::C64 | DType::C128),
        }
    }
}

/// Halves `from` along the axes that are true in `axes` into `out`, which has the halved lengths, rounded up. No scratch.
/// # Panics
/// If the shapes do not fit, more than [`HALVED_MAX`] axes are halved, or the dtype does not have this halving.
pub fn halve(from: &View<'_>, axes: &[bool], how: Halving, out: &mut ViewMut<'_>) {
    let halved = |(&n, &half): (&usize, &bool)| if half { n.div_ceil(2) } else { n };
    let shape: Vec<usize> = from.shape().iter().zip(axes).map(halved).collect();
    assert!(
        axes.len() == from.shape().len() && out.shape() == shape && out.dtype() == from.dtype(),
        "halve: {:?} to {:?}",
        from.shape(),
        out.shape()
    );
    assert!(axes.iter().filter(|&&half| half).count() <= HALVED_MAX && how.takes(from.dtype()), "halve: {how:?} of {}", from.dtype());
    match from.dtype() {
        DType::Bool => rows::<Bool>(from, axes, how, out),
        DType::I8 => rows::<i8>(from, axes, how, out),
        DType::I16 => rows::<i16>(from, axes, how, out),
        DType::I32 => rows::<i32>(from, axes, how, out),
        DType::I64 => rows::<i64>(from, axes, how, out),
        DType::U8 => rows::<u8>(from, axes, how, out),
        DType::U16 => rows::<u16>(from, axes, how, out),
        DType::U32 => rows::<u32>(from, axes, how, out),
        DType::U64 => rows::<u64>(from, axes, how, out),
        DType::F16 => rows::<f16>(from, axes, how, out),
        DType::BF16 => rows::<bf16>(from, axes, how, out),
        DType::F32 => rows::<f32>(from, axes, how, out),
        DType::F64 => rows::<f64>(from, axes, how, out),
        DType::C64 => rows::<C64>(from, axes, how, out),
        DType::C128 => rows::<C128>(from, axes, how, out),
    }
}

/// An element with a sum that is wide enough for a box.
trait Summed: Element {
    type Sum: Copy;
    fn zero() -> Self::Sum;
    fn add(sum: Self::Sum, value: Self) -> Self::Sum;
    fn mean(sum: Self::Sum, count: usize) -> Self;
    /// Whether it comes before another of its kind.
    fn before(self, other: Self) -> bool;
}

macro_rules! integers {
    ($($t:ty => $sum:ty),*) => { $(impl Summed for $t {
        type Sum = $sum;
        fn zero() -> $sum {
            0
        }
        #[inline(always)]
        fn add(sum: $sum, value: $t) -> $sum {
            sum + value as $sum
        }
        #[inline(always)]
        fn mean(sum: $sum, count: usize) -> $t {
            // A box that no edge cuts has a power of two of places; dividing by it is a shift, which rounds down.
            let (down, rest) = if count.is_power_of_two() {
                (sum >> count.trailing_zeros(), sum & (count as $sum - 1))
            } else {
                (sum.div_euclid(count as $sum), sum.rem_euclid(count as $sum))
            };
            let count = count as $sum;
            let up = 2 * rest > count || 2 * rest == count && down & 1 == 1;
            (down + up as $sum) as $t
        }
        fn before(self, other: $t) -> bool {
            self < other
        }
    })* };
}
integers!(i8 => i32, u8 => i32, i16 => i32, u16 => i32, i32 => i64, u32 => i64, i64 => i128, u64 => i128);

macro_rules! floats {
    ($($t:ty, $to:expr, $from:expr);*) => { $(impl Summed for $t {
        type Sum = f64;
        fn zero() -> f64 {
            0.0
        }
        #[inline(always)]
        fn add(sum: f64, value: $t) -> f64 {
            sum + $to(value)
        }
        #[inline(always)]
        fn mean(sum: f64, count: usize) -> $t {
            $from(sum / count as f64)
        }
        fn before(self, other: $t) -> bool {
            self < other
        }
    })* };
}
floats!(f16, f16::to_f64, f16::from_f64; bf16, bf16::to_f64, bf16::from_f64; f32, f64::from, |v: f64| v as f32; f64, |v: f64| v, |v: f64| v);

macro_rules! complex {
    ($($t:ty, $real:ty);*) => { $(impl Summed for $t {
        type Sum = (f64, f64);
        fn zero() -> (f64, f64) {
            (0.0, 0.0)
        }
        #[inline(always)]
        fn add(sum: (f64, f64), value: $t) -> (f64, f64) {
            (sum.0 + f64::from(value.re), sum.1 + f64::from(value.im))
        }
        #[inline(always)]
        fn mean(sum: (f64, f64), count: usize) -> $t {
            <$t>::new((sum.0 / count as f64) as $real, (sum.1 / count as f64) as $real)
        }
        fn before(self, _: $t) -> bool {
            false
        }
    })* };
}
complex!(C64, f32; C128, f64);

impl Summed for Bool {
    type Sum = ();
    fn zero() {}
    fn add((): (), _: Bool) {}
    fn mean((): (), _: usize) -> Bool {
        Bool(0)
    }
    fn before(self, other: Bool) -> bool {
        self.0 < other.0
    }
}

/// Rows of a box: those places of the axes before the last that one place of the result covers.
struct Rows {
    first: [*const u8; ROWS_MAX],
    count: usize,
    len: usize,
    stride: isize,
    /// Whether the rows are halved too.
    half: bool,
}

impl Rows {
    /// The values of place `j` of the result, row by row.
    #[inline(always)]
    fn each<T: Summed>(&self, j: usize, mut f: impl FnMut(T)) {
        let (start, n) = if self.half { (2 * j, if 2 * j + 1 < self.len { 2 } else { 1 }) } else { (j, 1) };
        for row in &self.first[..self.count] {
            for k in start..start + n {
                // SAFETY: the rows begin inside of the view and have `len` elements `stride` bytes apart; k is less than that.
                f(unsafe { row.offset(k as isize * self.stride).cast::<T>().read_unaligned() });
            }
        }
    }
}

/// Sums that are held at once.
const SUMS: usize = 64;

/// Means of boxes that no edge cuts along the rows, all of them dense: row after row is added to a few sums side by side, each in
/// the order of [`Rows::each`].
struct Means<'a, T> {
    rows: &'a Rows,
    to: *mut u8,
    /// Elements of the result's row.
    len: usize,
    of: PhantomData<T>,
}

impl<T: Summed> isa::Loop for Means<'_, T> {
    /// Places that are done.
    type Out = usize;
    #[inline(always)]
    fn run(self) -> usize {
        let (rows, places) = (self.rows, 1 + usize::from(self.rows.half));
        let whole = (rows.len / places).min(self.len) / SUMS * SUMS;
        for at in (0..whole).step_by(SUMS) {
            let mut sums = [T::zero(); SUMS];
            for row in &rows.first[..rows.count] {
                let row = row.wrapping_add(at * places * size_of::<T>());
                for (j, sum) in sums.iter_mut().enumerate() {
                    for k in 0..places {
                        // SAFETY: the row has `len` dense elements, and (at + j) · places + k is less than that.
                        *sum = T::add(*sum, unsafe { row.cast::<T>().add(j * places + k).read_unaligned() });
                    }
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                // SAFETY: `to` is the first of `len` dense elements, and at + j is less than that.
                unsafe { self.to.cast::<T>().add(at + j).write_unaligned(T::mean(sum, rows.count * places)) };
            }
        }
        whole
    }
}

fn rows<T: Summed>(from: &View<'_>, axes: &[bool], how: Halving, out: &mut ViewMut<'_>) {
    if out.shape().contains(&0) {
        return;
    }
    let Some((last, outer)) = axes.split_last() else {
        let value = from.get::<T>(&[]).unwrap_or_default();
        out.set(&[], value);
        return;
    };
    let rank = outer.len();
    let (len, stride, out_len, out_stride) = (from.shape()[rank], from.strides()[rank], out.shape()[rank], out.strides()[rank]);
    let mut place = vec![0usize; rank];
    loop {
        let mut rows = Rows { first: [std::ptr::null(); ROWS_MAX], count: 1, len, stride, half: *last };
        rows.first[0] = from.ptr();
        let mut to = out.ptr();
        for (axis, &half) in outer.iter().enumerate() {
            let (at, step) = (place[axis], from.strides()[axis]);
            let start = if half { 2 * at } else { at } as isize;
            let two = half && 2 * at + 1 < from.shape()[axis];
            for n in 0..rows.count {
                rows.first[n] = rows.first[n].wrapping_offset(start * step);
                if two {
                    rows.first[rows.count + n] = rows.first[n].wrapping_offset(step);
                }
            }
            rows.count *= 1 + usize::from(two);
            to = to.wrapping_offset(at as isize * out.strides()[axis]);
        }
        // What of the row was made many places at once.
        let mut done = 0;
        if how == Halving::Mean && stride == size_of::<T>() as isize && out_stride == stride {
            done = isa::dispatch(Means::<T> { rows: &rows, to, len: out_len, of: PhantomData });
        }
        for j in done..out_len {
            let value: T = match how {
                Halving::Mean => {
                    let (mut sum, mut count) = (T::zero(), 0);
                    rows.each(j, |value| {
                        sum = T::add(sum, value);
                        count += 1;
                    });
                    T::mean(sum, count)
                }
                Halving::Nearest => {
                    let mut first = None;
                    rows.each(j, |value: T| {
                        first.get_or_insert(value);
                    });
                    first.unwrap_or_default()
                }
                Halving::Mode => mode(&rows, j),
            };
            // SAFETY: `to` is the first of `out_len` elements of the result's row, `out_stride` bytes apart.
            unsafe { to.offset(j as isize * out_stride).cast::<T>().write_unaligned(value) };
        }
        let mut axis = rank;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            place[axis] += 1;
            if place[axis] < out.shape()[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
}

/// The value that occurs most in a box.
fn mode<T: Summed>(rows: &Rows, j: usize) -> T {
    let mut values = [T::default(); 2 * ROWS_MAX];
    let mut n = 0;
    rows.each(j, |value| {
        values[n] = value;
        n += 1;
    });
    let values = &values[..n];
    let (mut best, mut most) = (values[0], 0);
    for &value in values {
        let count = values.iter().filter(|&&other| other == value).count();
        if count > most || count == most && value.before(best) {
            (best, most) = (value, count);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halved<T: Element>(values: &[T], shape: &[usize], axes: &[bool], how: Halving) -> Vec<T> {
        let out_shape: Vec<usize> = shape.iter().zip(axes).map(|(&n, &half)| if half { n.div_ceil(2) } else { n }).collect();
        let mut out = vec![T::default(); out_shape.iter().product()];
        let view = View::dense(bytemuck::cast_slice(values), T::DTYPE, shape);
        halve(&view, axes, how, &mut ViewMut::dense(bytemuck::cast_slice_mut(&mut out), T::DTYPE, &out_shape));
        // The same through a view that is turned.
        let turned: Vec<usize> = shape.iter().rev().copied().collect();
        let mut again = vec![T::default(); out.len()];
        let mut mirrored = vec![T::default(); values.len()];
        crate::copy::copy(&view.transposed(), &mut ViewMut::dense(bytemuck::cast_slice_mut(&mut mirrored), T::DTYPE, &turned));
        let mirror = View::dense(bytemuck::cast_slice(&mirrored), T::DTYPE, &turned).transposed();
        halve(&mirror, axes, how, &mut ViewMut::dense(bytemuck::cast_slice_mut(&mut again), T::DTYPE, &out_shape));
        assert_eq!(out, again);
        out
    }

    #[test]
    fn means_are_exact_and_ties_go_to_even() {
        let values: [i16; 10] = [1, 2, 3, 4, -32768, 2, 3, 5, 6, 32767];
        // Boxes {1, 2, 2, 3}, {3, 4, 5, 6}, {-32768, 32767}: 2, 4.5, -0.5.
        assert_eq!(halved(&values, &[2, 5], &[true, true], Halving::Mean), [2, 4, 0]);
        // 2.5 and 3.5 are ties.
        assert_eq!(halved(&[2i64, 3, 3, 4], &[4], &[true], Halving::Mean), [2, 4]);
        assert_eq!(halved(&[u64::MAX, u64::MAX, i64::MAX as u64, 1], &[4], &[true], Halving::Mean), [u64::MAX, 1 << 62]);
        assert_eq!(halved(&[1.0f32, 2.0, 4.0], &[3], &[true], Halving::Mean), [1.5, 4.0]);
        assert_eq!(halved(&[C64::new(1.0, 2.0), C64::new(3.0, -4.0)], &[2], &[true], Halving::Mean), [C64::new(2.0, -1.0)]);
        assert_eq!(halved(&[1u8, 2, 3, 5], &[2, 2], &[true, false], Halving::Mean), [2, 4]);
    }

    #[test]
    fn long_rows_are_the_means_of_their_places() {
        fn check<T: Summed>(value: impl Fn(usize) -> T) {
            for (shape, axes) in [([3, 2, 131], [true, true, true]), ([2, 5, 256], [true, false, true]), ([4, 1, 77], [true, true, false])]
            {
                let values: Vec<T> = (0..shape.iter().product()).map(&value).collect();
                let found = halved(&values, &shape, &axes, Halving::Mean);
                let [a, b, c] = [0, 1, 2].map(|axis: usize| 1 + usize::from(axes[axis]));
                let (out_b, out_c) = (shape[1].div_ceil(b), shape[2].div_ceil(c));
                for (at, mean) in found.into_iter().enumerate() {
                    let (i, j, k) = (at / out_c / out_b * a, at / out_c % out_b * b, at % out_c * c);
                    let (mut sum, mut count) = (T::zero(), 0);
                    for (i, j, k) in (i..(i + a).min(shape[0]))
                        .flat_map(|i| (j..(j + b).min(shape[1])).flat_map(move |j| (k..(k + c).min(shape[2])).map(move |k| (i, j, k))))
                    {
                        sum = T::add(sum, values[(i * shape[1] + j) * shape[2] + k]);
                        count += 1;
                    }
                    assert_eq!(mean, T::mean(sum, count), "{} {shape:?} {axes:?} at {at}", T::DTYPE);
                }
            }
        }
        isa::on_every_isa(|| {
            check(|i| (i * 7919 % 65536) as u16);
            check(|i| (i * 7919 % 65536) as u16 as i16);
            check(|i| (i as i64 * 7919 % 1000 - 500) << 40);
            check(|i| f32::exp((i % 97) as f32 - 50.0));
            check(|i| C128::new(i as f64 / 4.0, -(i as f64)));
        });
    }

    #[test]
    fn means_of_integers_are_those_of_a_division() {
        for count in [1usize, 2, 3, 4, 6, 8, 12, 16] {
            for sum in -100i32..100 {
                let exact = f64::from(sum) / count as f64;
                assert_eq!(<i16 as Summed>::mean(sum, count), exact.round_ties_even() as i16, "{sum} / {count}");
            }
        }
    }

    #[test]
    fn modes_and_nearest_are_values_that_were_there() {
        let values: [u8; 8] = [5, 7, 7, 9, 3, 7, 1, 1];
        assert_eq!(halved(&values, &[2, 2, 2], &[true; 3], Halving::Mode), [7]);
        assert_eq!(halved(&values, &[8], &[true], Halving::Mode), [5, 7, 3, 1]);
        assert_eq!(halved(&values, &[2, 4], &[false, true], Halving::Nearest), [5, 7, 3, 1]);
        assert_eq!(halved(&[Bool(1), Bool(0), Bool(1)], &[3], &[true], Halving::Mode), [Bool(0), Bool(1)]);
        assert!(halved::<f64>(&[], &[0, 3], &[true, true], Halving::Nearest).is_empty());
        assert_eq!(halved(&[2.5f64], &[], &[], Halving::Mean), [2.5]);
        assert!(!Halving::Mode.takes(DType::F32) && !Halving::Mean.takes(DType::Bool));
    }
}
