//! Values → order-preserving keys, counts and selections: the pieces of exact medians, quantiles and masks.
//!
//! A key is the value's place in its dtype's order, in the upper bits of a `u64`: comparing keys compares
//! values, and equal values (0.0 and −0.0 too) have equal keys. NaN comes last, as [`NAN_KEY`].

use crate::dtype::{DType, Scalar};
use crate::isa::{Loop, dispatch};
use crate::view::View;
use half::{bf16, f16};

/// The key of NaN in every float dtype. No other float has it (of u64 and i64 the greatest value does).
pub const NAN_KEY: u64 = u64::MAX;

const SIGN: u64 = 1 << 63;

/// Moves the bits of a float, at the top of a `u64` and with 0.0 for −0.0, to their place in the order.
#[inline(always)]
fn order(bits: u64) -> u64 {
    // all bits of a negative number, the sign alone of a positive one
    bits ^ (((bits as i64 >> 63) as u64) | SIGN)
}

/// The order-preserving key of each value of a dense array of a real dtype.
///
/// # Panics
/// If the dtype is complex, or the lengths do not agree.
pub fn keys(values: &[u8], dtype: DType, out: &mut [u64]) {
    assert_eq!(values.len(), out.len() * dtype.size(), "keys: {} {dtype} are not {} bytes", out.len(), values.len());
    dispatch(Keys { values, dtype, out });
}

struct Keys<'a> {
    values: &'a [u8],
    dtype: DType,
    out: &'a mut [u64],
}

impl Loop for Keys<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Keys { values, dtype, out } = self;
        macro_rules! each {
            ($t:ty, $v:ident => $key:expr) => {
                for (chunk, key) in values.as_chunks::<{ size_of::<$t>() }>().0.iter().zip(out) {
                    let $v = <$t>::from_ne_bytes(*chunk);
                    *key = $key;
                }
            };
        }
        match dtype {
            DType::Bool => each!(u8, v => ((v != 0) as u64) << 56),
            DType::U8 => each!(u8, v => (v as u64) << 56),
            DType::U16 => each!(u16, v => (v as u64) << 48),
            DType::U32 => each!(u32, v => (v as u64) << 32),
            DType::U64 => each!(u64, v => v),
            DType::I8 => each!(i8, v => ((v as u8 as u64) << 56) ^ SIGN),
            DType::I16 => each!(i16, v => ((v as u16 as u64) << 48) ^ SIGN),
            DType::I32 => each!(i32, v => ((v as u32 as u64) << 32) ^ SIGN),
            DType::I64 => each!(i64, v => v as u64 ^ SIGN),
            DType::F16 => each!(u16, v => key_of_half(v, 0x7c00)),
            DType::BF16 => each!(u16, v => key_of_half(v, 0x7f80)),
            // adding 0.0 turns −0.0 to 0.0 and changes nothing else
            DType::F32 => each!(f32, v => {
                let key = order(((v + 0.0).to_bits() as u64) << 32);
                if v.is_nan() { NAN_KEY } else { key & !0xffff_ffff }
            }),
            DType::F64 => each!(f64, v => {
                let key = order((v + 0.0).to_bits());
                if v.is_nan() { NAN_KEY } else { key }
            }),
            DType::C64 | DType::C128 => panic!("keys: {dtype} has no such order"),
        }
    }
}

/// Keys that are made at once: they stay in the first cache.
const TILE: usize = 1024;

/// Calls `each` with the keys of a dense array of a real dtype, a tile after the other.
///
/// # Panics
/// As [`keys`].
pub fn tiles_of_keys(values: &[u8], dtype: DType, mut each: impl FnMut(&[u64])) {
    let mut tile = [0; TILE];
    for values in values.chunks(TILE * dtype.size()) {
        let tile = &mut tile[..values.len() / dtype.size()];
        keys(values, dtype, tile);
        each(tile);
    }
}

/// The key of 16 bits of a float whose infinity is `infinity`.
#[inline(always)]
fn key_of_half(bits: u16, infinity: u16) -> u64 {
    let magnitude = bits & 0x7fff;
    let bits = if magnitude == 0 { 0 } else { bits };
    let key = order((bits as u64) << 48) & !0xffff_ffff_ffff;
    if magnitude > infinity { NAN_KEY } else { key }
}

/// The value of a key that [`keys`] gave for `dtype`.
///
/// # Panics
/// If the dtype is complex.
pub fn from_key(key: u64, dtype: DType) -> Scalar {
    let signed = (key ^ SIGN) as i64;
    if dtype.is_float() && key == NAN_KEY {
        return Scalar::Float(f64::NAN);
    }
    // the inverse of `order`: a set sign bit was a positive number
    let bits = if key & SIGN != 0 { key ^ SIGN } else { !key };
    match dtype {
        DType::Bool => Scalar::Bool(key != 0),
        DType::U8 => Scalar::UInt(key >> 56),
        DType::U16 => Scalar::UInt(key >> 48),
        DType::U32 => Scalar::UInt(key >> 32),
        DType::U64 => Scalar::UInt(key),
        DType::I8 => Scalar::Int(signed >> 56),
        DType::I16 => Scalar::Int(signed >> 48),
        DType::I32 => Scalar::Int(signed >> 32),
        DType::I64 => Scalar::Int(signed),
        DType::F16 => Scalar::Float(f16::from_bits((bits >> 48) as u16).to_f64()),
        DType::BF16 => Scalar::Float(bf16::from_bits((bits >> 48) as u16).to_f64()),
        DType::F32 => Scalar::Float(f32::from_bits((bits >> 32) as u32) as f64),
        DType::F64 => Scalar::Float(f64::from_bits(bits)),
        DType::C64 | DType::C128 => panic!("from_key: {dtype} has no such order"),
    }
}

/// How many keys lie where, against a bracket [low, high].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bracket {
    /// Keys under `low`.
    pub below: u64,
    /// Keys in [`low`, `high`], kept or not.
    pub inside: u64,
    /// Keys over `high`; NaN is among them unless `high` is [`NAN_KEY`].
    pub above: u64,
    /// Keys that are [`NAN_KEY`], counted in `inside` or `above` as well. Means nothing for integers.
    pub nan: u64,
}

/// Keys under `low`, over `high`, and of NaN.
struct Count<'a> {
    tile: &'a [u64],
    low: u64,
    high: u64,
}

impl Loop for Count<'_> {
    type Out = [u64; 3];
    #[inline(always)]
    fn run(self) -> [u64; 3] {
        let (mut below, mut above, mut nan) = (0, 0, 0);
        for &key in self.tile {
            below += (key < self.low) as u64;
            above += (key > self.high) as u64;
            nan += (key == NAN_KEY) as u64;
        }
        [below, above, nan]
    }
}

/// How many keys are [`NAN_KEY`].
pub fn count_nan(keys: &[u64]) -> u64 {
    dispatch(Count { tile: keys, low: 0, high: NAN_KEY })[2]
}

/// Keys that are counted at once.
const COUNTED: usize = 64;

/// One pass: counts the keys below, in and above [low, high], and appends those inside to `inside` from
/// `filled` on, as long as there is room. `filled` counts what was kept.
pub fn bracket(keys: &[u64], low: u64, high: u64, inside: &mut [u64], filled: &mut usize) -> Bracket {
    let mut counts = Bracket::default();
    // Tiles: counting vectorises, and most tiles of a narrow bracket hold no key to keep.
    for tile in keys.chunks(COUNTED) {
        let [below, above, nan] = dispatch(Count { tile, low, high });
        let within = (tile.len() as u64).saturating_sub(below + above);
        if within > 0 && *filled < inside.len() {
            let mut kept = [0; COUNTED];
            let mut n = 0;
            for &key in tile {
                // always written, and kept where it counts: nothing to predict
                kept[n] = key;
                n += (key >= low && key <= high) as usize;
            }
            let n = n.min(inside.len() - *filled);
            inside[*filled..*filled + n].copy_from_slice(&kept[..n]);
            *filled += n;
        }
        counts.below += below;
        counts.above += above;
        counts.inside += within;
        counts.nan += nan;
    }
    counts
}

/// Adds to `counts` the keys in [low, high], by their distance from `low`: bin `(key − low) >> shift`. Gives how
/// many keys lie under `low`.
///
/// # Panics
/// If `shift` is over 63 or there are too few bins for [low, high].
pub fn histogram(keys: &[u64], low: u64, high: u64, shift: u32, counts: &mut [u64]) -> u64 {
    assert!(shift < 64 && low <= high, "histogram: [{low}, {high}] by {shift} bits");
    let bins = (high - low) >> shift;
    assert!(bins < counts.len() as u64, "histogram: {} bins for [{low}, {high}] by {shift} bits", counts.len());
    let mut below = 0;
    for &key in keys {
        if key < low {
            below += 1;
        } else if key <= high {
            counts[((key - low) >> shift) as usize] += 1;
        }
    }
    below
}

/// The bytes of each innermost row of a view in C order: its address, length and stride.
fn for_each_row(view: &View, mut each: impl FnMut(*const u8)) {
    let shape = view.shape();
    if shape.contains(&0) {
        return;
    }
    let outer = shape.len().saturating_sub(1);
    let mut index = vec![0; outer];
    let mut ptr = view.ptr();
    loop {
        each(ptr);
        let mut axis = outer;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < shape[axis] {
                ptr = ptr.wrapping_offset(view.strides()[axis]);
                break;
            }
            index[axis] = 0;
            ptr = ptr.wrapping_offset(-(shape[axis] as isize - 1) * view.strides()[axis]);
        }
    }
}

/// Length and byte stride of the innermost axis; one element for a 0-d view.
fn inner(view: &View) -> (usize, isize) {
    (view.shape().last().copied().unwrap_or(1), view.strides().last().copied().unwrap_or(0))
}

/// One bit an element of up to 64 mask bytes.
///
/// # Safety
/// `count` ≤ 64 bytes at `ptr`, `stride` apart, may be read.
unsafe fn mask_bits(ptr: *const u8, stride: isize, count: usize) -> u64 {
    let mut bits = 0;
    if stride == 1 && count == 64 {
        const ONES: u64 = 0x0101_0101_0101_0101;
        for word in 0..8 {
            // SAFETY: eight of the 64 bytes.
            let bytes = u64::from_le(unsafe { ptr.add(8 * word).cast::<u64>().read_unaligned() });
            // the top bit of every byte that is not 0, then the eight of them gathered by a multiply
            let set = ((((bytes & (0x7f * ONES)) + 0x7f * ONES) | bytes) >> 7) & ONES;
            bits |= (set.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * word);
        }
        return bits;
    }
    for i in 0..count {
        // SAFETY: by the caller's promise.
        let set = unsafe { *ptr.offset(i as isize * stride) } != 0;
        bits |= (set as u64) << i;
    }
    bits
}

/// Writes the elements of `values` where `mask` is set to `out`, dense, in C order; gives their number.
///
/// # Panics
/// If the shapes differ, `mask` is not bool, or `out` is too short for what the mask selects.
pub fn compress(values: &View, mask: &View, out: &mut [u8]) -> usize {
    assert_eq!(values.shape(), mask.shape(), "compress: the shapes of values and mask differ");
    assert_eq!(mask.dtype(), DType::Bool, "compress: the mask is not bool");
    match values.dtype().size() {
        1 => compress_items::<1>(values, mask, out),
        2 => compress_items::<2>(values, mask, out),
        4 => compress_items::<4>(values, mask, out),
        8 => compress_items::<8>(values, mask, out),
        _ => compress_items::<16>(values, mask, out),
    }
}

fn compress_items<const SIZE: usize>(values: &View, mask: &View, out: &mut [u8]) -> usize {
    let (len, stride) = inner(values);
    let (_, mask_stride) = inner(mask);
    let out = out.as_chunks_mut::<SIZE>().0;
    let mut written = 0;
    let mut mask_rows = Vec::new();
    for_each_row(mask, |row| mask_rows.push(row));
    let mut mask_rows = mask_rows.into_iter();
    for_each_row(values, |row| {
        let Some(mask_row) = mask_rows.next() else { return };
        for start in (0..len).step_by(64) {
            let count = (len - start).min(64);
            // SAFETY: elements start.. of a row of the views, inside their borrows.
            unsafe {
                let mut bits = mask_bits(mask_row.offset(start as isize * mask_stride), mask_stride, count);
                let from = row.offset(start as isize * stride);
                if count == 64 && bits == u64::MAX && stride == SIZE as isize {
                    let dense = std::slice::from_raw_parts(from.cast::<[u8; SIZE]>(), 64);
                    out[written..written + 64].copy_from_slice(dense);
                    written += 64;
                    continue;
                }
                while bits != 0 {
                    let i = bits.trailing_zeros() as isize;
                    out[written] = *from.offset(i * stride).cast::<[u8; SIZE]>();
                    written += 1;
                    bits &= bits - 1;
                }
            }
        }
    });
    written
}

/// How many elements of a bool view are set.
///
/// # Panics
/// If it is not bool.
pub fn count_mask(mask: &View) -> usize {
    assert_eq!(mask.dtype(), DType::Bool, "count_mask: the mask is not bool");
    let (len, stride) = inner(mask);
    let mut total = 0;
    for_each_row(mask, |row| {
        // SAFETY: the elements of a row of the view, inside its borrow.
        unsafe {
            if stride == 1 {
                // sums of at most 255 bytes fit a byte: that is what vectorises
                for part in std::slice::from_raw_parts(row, len).chunks(255) {
                    total += part.iter().fold(0u8, |sum, &b| sum + (b != 0) as u8) as usize;
                }
            } else {
                for i in 0..len as isize {
                    total += (*row.offset(i * stride) != 0) as usize;
                }
            }
        }
    });
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{Bool, Element};
    use proptest::prelude::*;

    fn key_of<T: Element>(value: T) -> u64 {
        let mut key = [0];
        keys(bytemuck::bytes_of(&value), T::DTYPE, &mut key);
        key[0]
    }

    fn check<T: Element + PartialOrd>(values: &[T]) {
        for a in values {
            for b in values {
                assert_eq!(a.partial_cmp(b), Some(key_of(*a).cmp(&key_of(*b))), "{a:?} against {b:?}");
            }
            let mut back = vec![0; T::DTYPE.size()];
            from_key(key_of(*a), T::DTYPE).write(T::DTYPE, &mut back);
            assert_eq!(bytemuck::pod_read_unaligned::<T>(&back), *a);
        }
    }

    #[test]
    fn keys_keep_the_order_and_come_back() {
        check(&[i8::MIN, -1, 0, 1, i8::MAX]);
        check(&[i16::MIN, -300, 0, 1, i16::MAX]);
        check(&[i32::MIN, -70_000, 0, 1, i32::MAX]);
        check(&[i64::MIN, -(1 << 40), 0, 1, i64::MAX]);
        check(&[0u8, 1, 255]);
        check(&[0u16, 1, 65_535]);
        check(&[0u32, 1, u32::MAX]);
        check(&[0u64, 1, u64::MAX]);
        check(&[Bool(0), Bool(1)]);
        let floats = [f64::NEG_INFINITY, f64::MIN, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY];
        check(&floats);
        check(&floats.map(|f| f as f32));
        check(&floats.map(f16::from_f64));
        check(&floats.map(bf16::from_f64));
        for nan in [f64::NAN, -f64::NAN] {
            assert_eq!(key_of(nan), NAN_KEY);
            assert_eq!(key_of(nan as f32), NAN_KEY);
            assert_eq!(key_of(f16::from_f64(nan)), NAN_KEY);
            assert_eq!(key_of(bf16::from_f64(nan)), NAN_KEY);
        }
        assert!(from_key(NAN_KEY, DType::F16).as_f64().is_nan());
        assert!(key_of(f64::INFINITY) < NAN_KEY && key_of(f32::INFINITY) < NAN_KEY);
    }

    proptest! {
        #[test]
        fn brackets_and_histograms_agree_with_sorting(
            mut keys in prop::collection::vec(prop_oneof![0u64..50, any::<u64>(), Just(NAN_KEY)], 0..900),
            low in 0u64..60, width in prop_oneof![0u64..40, any::<u64>()], room in 0usize..600,
        ) {
            let high = low.saturating_add(width);
            let (mut inside, mut filled) = (vec![0; room], 0);
            let got = bracket(&keys, low, high, &mut inside, &mut filled);
            let want: Vec<u64> = keys.iter().copied().filter(|k| (low..=high).contains(k)).collect();
            prop_assert_eq!(&inside[..filled], &want[..want.len().min(room)]);
            prop_assert_eq!(got.inside, want.len() as u64);
            keys.sort_unstable();
            prop_assert_eq!(got.below, keys.partition_point(|k| *k < low) as u64);
            prop_assert_eq!(got.above, (keys.len() - keys.partition_point(|k| *k <= high)) as u64);
            prop_assert_eq!(got.nan, keys.iter().filter(|k| **k == NAN_KEY).count() as u64);

            // select the middle by four passes of 16 bits
            if !keys.is_empty() {
                let (mut rank, mut prefix) = (keys.len() as u64 / 2, 0);
                for pass in 0..4 {
                    let mut counts = vec![0; 1 << 16];
                    let shift = 48 - 16 * pass;
                    let (low, high) = (prefix, prefix | (u64::MAX >> (16 * pass)));
                    let below = histogram(&keys, low, high, shift, &mut counts);
                    prop_assert_eq!(below, keys.partition_point(|k| *k < low) as u64);
                    let bin = counts.iter().position(|&c| { let here = rank < c; if !here { rank -= c } here }).unwrap();
                    prefix |= (bin as u64) << shift;
                }
                prop_assert_eq!(prefix, keys[keys.len() / 2]);
            }
        }

        #[test]
        fn compress_takes_what_the_mask_sets(
            rows in 0usize..5, cols in 0usize..300, which in 0usize..15, transposed: bool, seed in any::<u64>(), dense: bool,
        ) {
            let dtype = DType::ALL[which];
            let item = dtype.size();
            let bytes: Vec<u8> = (0..rows * cols * item).map(|i| (i % 251) as u8).collect();
            let mask: Vec<u8> = (0..rows * cols)
                .map(|i| (dense && i % 97 != 0 || (seed.rotate_left(i as u32) & 1) == 1) as u8).collect();
            let (strides, mask_strides) = if transposed {
                ([item as isize, (rows * item) as isize], [1, rows as isize])
            } else {
                ([(cols * item) as isize, item as isize], [cols as isize, 1])
            };
            let shape = [rows, cols];
            let values = View::strided(&bytes, dtype, &shape, &strides, 0);
            let mask_view = View::strided(&mask, DType::Bool, &shape, &mask_strides, 0);
            let mut want = Vec::new();
            for r in 0..rows as isize {
                for c in 0..cols as isize {
                    if mask[(r * mask_strides[0] + c * mask_strides[1]) as usize] != 0 {
                        want.extend_from_slice(&bytes[(r * strides[0] + c * strides[1]) as usize..][..item]);
                    }
                }
            }
            let mut out = vec![0; want.len()];
            let n = compress(&values, &mask_view, &mut out);
            prop_assert_eq!(n * item, want.len());
            prop_assert_eq!(out, want);
            prop_assert_eq!(count_mask(&mask_view), n);
        }
    }
}
