//! Rows with labels → a row a label: sums, with how many were added beside them, least and greatest values.

use crate::dtype::{C128, DType, Element};
use serde::{Deserialize, Serialize};

/// What becomes of the rows of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fold {
    /// Added, in an order that follows from the number of groups and from whether rows are single values, in the dtype of the values.
    Sum,
    /// Multiplied, in the order of `Sum` and in its dtypes.
    Product,
    /// The least value; NaN wins.
    Min,
    /// The greatest value; NaN wins.
    Max,
    /// What is no NaN: its sum as a real part, in the order of `Sum`, and as the imaginary part how many there are of it.
    Present,
    /// The least value; NaN loses, and is what groups of nothing else get.
    NanMin,
    /// The greatest value; NaN loses, and is what groups of nothing else get.
    NanMax,
}

/// What rows are folded into.
#[derive(Clone, Copy, Debug)]
pub struct Groups {
    /// Number of groups.
    pub count: usize,
    /// Whether rows are single values.
    pub single: bool,
    /// Whether nothing has been folded into them yet.
    pub first: bool,
}

/// A label that is not one of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoGroup(pub i64);

/// Whether `fold` can be done with values of `dtype`: sums and products are of int64, uint64, float64 and complex128, all others are cast to
/// one of them first. Where NaN counts for nothing, values are floats, whose sums add float64.
pub fn folds(fold: Fold, dtype: DType) -> bool {
    match fold {
        Fold::Sum | Fold::Product => matches!(dtype, DType::I64 | DType::U64 | DType::F64 | DType::C128),
        Fold::Min | Fold::Max => !dtype.is_complex(),
        Fold::Present => dtype == DType::F64,
        Fold::NanMin | Fold::NanMax => dtype.is_float(),
    }
}

/// The dtype of what values of `dtype` fold into.
pub fn out_dtype(fold: Fold, dtype: DType) -> DType {
    if fold == Fold::Present { DType::C128 } else { dtype }
}

/// Folds rows [labels, others] of dense `values` into rows [groups, others] of `out`, which may hold anything before where these are the
/// `first` ones. Groups without a row get 0, of products 1, or for extremes the other end of the dtype or NaN. Rows whose label is negative belong to no
/// group.
/// `single` says that there are no others: where a row has one value by chance, it is folded as any row is.
///
/// # Errors
/// The first label that is not below the number of groups.
///
/// # Panics
/// If the dtype has no such fold, or a buffer is too short.
pub fn fold(fold: Fold, dtype: DType, values: &[u8], labels: &[i64], groups: Groups, out: &mut [u8]) -> Result<(), NoGroup> {
    if let Some(&label) = labels.iter().find(|&&label| label >= groups.count as i64) {
        return Err(NoGroup(label));
    }
    match (fold, dtype) {
        (Fold::Sum, DType::I64) => rows::<i64>(values, labels, groups, out, 0, |a, b| a.wrapping_add(b)),
        (Fold::Sum, DType::U64) => rows::<u64>(values, labels, groups, out, 0, |a, b| a.wrapping_add(b)),
        (Fold::Sum, DType::F64) => rows::<f64>(values, labels, groups, out, 0.0, |a, b| a + b),
        (Fold::Sum, DType::C128) => rows::<C128>(values, labels, groups, out, C128::default(), |a, b| a + b),
        (Fold::Product, DType::I64) => rows::<i64>(values, labels, groups, out, 1, |a, b| a.wrapping_mul(b)),
        (Fold::Product, DType::U64) => rows::<u64>(values, labels, groups, out, 1, |a, b| a.wrapping_mul(b)),
        (Fold::Product, DType::F64) => rows::<f64>(values, labels, groups, out, 1.0, |a, b| a * b),
        (Fold::Product, DType::C128) => rows::<C128>(values, labels, groups, out, C128::new(1.0, 0.0), |a, b| a * b),
        (Fold::Present, DType::F64) => rows_into::<f64, C128>(values, labels, groups, out, C128::default(), add_present, |a, b| a + b),
        (Fold::Sum | Fold::Product | Fold::Present, other) => panic!("a sum or product of {other}"),
        (_, DType::C64 | DType::C128) => panic!("{dtype} has no order"),
        (fold, _) => real_extremes(fold, dtype, values, labels, groups, out),
    }
    Ok(())
}

/// A value that is no NaN added to a sum, and counted.
fn add_present(sum: C128, value: f64) -> C128 {
    // both are selected, not jumped to: rows of them go several at a time
    let there = !value.is_nan();
    C128::new(sum.re + if there { value } else { 0.0 }, sum.im + f64::from(there))
}

/// Least or greatest values; a group without rows gets the dtype's greatest or least value, or NaN where that loses.
fn real_extremes(fold: Fold, dtype: DType, values: &[u8], labels: &[i64], groups: Groups, out: &mut [u8]) {
    macro_rules! of {
        ($t:ty, $least:expr, $greatest:expr) => {{
            let least = fold == Fold::Min;
            // what does not compare with itself is a NaN, which stays
            let first = move |a: $t, b: $t| {
                let stays = a.partial_cmp(&a).is_none() || if least { a <= b } else { a >= b };
                if stays { a } else { b }
            };
            rows::<$t>(values, labels, groups, out, if least { $greatest } else { $least }, first)
        }};
    }
    macro_rules! floats {
        ($t:ty) => {
            match fold {
                // what compares with nothing goes
                Fold::NanMin => rows::<$t>(values, labels, groups, out, <$t>::NAN, |a, b| if a <= b || b.is_nan() { a } else { b }),
                Fold::NanMax => rows::<$t>(values, labels, groups, out, <$t>::NAN, |a, b| if a >= b || b.is_nan() { a } else { b }),
                _ => of!($t, <$t>::NEG_INFINITY, <$t>::INFINITY),
            }
        };
    }
    use crate::dtype::Bool;
    use half::{bf16, f16};
    match dtype {
        DType::Bool => of!(Bool, Bool(0), Bool(1)),
        DType::I8 => of!(i8, i8::MIN, i8::MAX),
        DType::I16 => of!(i16, i16::MIN, i16::MAX),
        DType::I32 => of!(i32, i32::MIN, i32::MAX),
        DType::I64 => of!(i64, i64::MIN, i64::MAX),
        DType::U8 => of!(u8, 0, u8::MAX),
        DType::U16 => of!(u16, 0, u16::MAX),
        DType::U32 => of!(u32, 0, u32::MAX),
        DType::U64 => of!(u64, 0, u64::MAX),
        DType::F16 => floats!(f16),
        DType::BF16 => floats!(bf16),
        DType::F32 => floats!(f32),
        DType::F64 => floats!(f64),
        DType::C64 | DType::C128 => panic!("{dtype} has no order"),
    }
}

fn rows<T: Element>(values: &[u8], labels: &[i64], groups: Groups, out: &mut [u8], nothing: T, with: impl Fn(T, T) -> T) {
    rows_into::<T, T>(values, labels, groups, out, nothing, &with, &with);
}

/// Rows folded `with` what a group has of them, and two of those joined by `both`.
fn rows_into<T: Element, O: Element>(
    values: &[u8],
    labels: &[i64],
    groups: Groups,
    out: &mut [u8],
    nothing: O,
    with: impl Fn(O, T) -> O,
    both: impl Fn(O, O) -> O,
) {
    let (values, out): (&[T], &mut [O]) = (bytemuck::cast_slice(values), bytemuck::cast_slice_mut(out));
    let others = values.len() / labels.len().max(1);
    let out = &mut out[..groups.count * others];
    if groups.first {
        out.fill(nothing);
    }
    if groups.single && groups.count <= FEW {
        return single(values, labels, out, nothing, with, both);
    }
    for (&label, row) in labels.iter().zip(values.chunks_exact(others.max(1))) {
        if label >= 0 {
            let into = &mut out[label as usize * others..][..others];
            into.iter_mut().zip(row).for_each(|(into, &value)| *into = with(*into, value));
        }
    }
}

/// Groups so few that several rows of them lie in the nearest cache.
const FEW: usize = 512;

/// As [`rows`] of one value each: four rows of groups side by side, since neighbours often have the same label, and would wait for each
/// other.
fn single<T: Element, O: Element>(
    values: &[T],
    labels: &[i64],
    out: &mut [O],
    nothing: O,
    with: impl Fn(O, T) -> O,
    both: impl Fn(O, O) -> O,
) {
    let mut lanes = [[nothing; FEW]; 4];
    let fold = |lane: &mut [O; FEW], label: i64, value: T| {
        if let Some(into) = lane.get_mut(label as usize) {
            *into = with(*into, value);
        }
    };
    let ((labels, last_labels), (values, last_values)) = (labels.as_chunks::<4>(), values.as_chunks::<4>());
    for (labels, values) in labels.iter().zip(values) {
        lanes.iter_mut().zip(labels.iter().zip(values)).for_each(|(lane, (&label, &value))| fold(lane, label, value));
    }
    lanes.iter_mut().zip(last_labels.iter().zip(last_values)).for_each(|(lane, (&label, &value))| fold(lane, label, value));
    for (at, out) in out.iter_mut().enumerate() {
        *out = both(*out, both(both(lanes[0][at], lanes[1][at]), both(lanes[2][at], lanes[3][at])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Element>(what: Fold, values: &[T], labels: &[i64], groups: usize) -> Vec<T> {
        into::<T, T>(what, values, labels, groups)
    }

    fn into<T: Element, O: Element>(what: Fold, values: &[T], labels: &[i64], groups: usize) -> Vec<O> {
        assert_eq!(out_dtype(what, T::DTYPE), O::DTYPE);
        let mut out = vec![O::default(); groups * values.len() / labels.len()];
        let bytes = bytemuck::cast_slice_mut(&mut out);
        // in two parts of what are whole rows
        let (others, half) = (values.len() / labels.len(), labels.len() / 2);
        let parts = [(&values[..half * others], &labels[..half]), (&values[half * others..], &labels[half..])];
        for (first, (values, labels)) in [true, false].into_iter().zip(parts) {
            let into = Groups { count: groups, single: others == 1, first };
            fold(what, T::DTYPE, bytemuck::cast_slice(values), labels, into, bytes).unwrap();
        }
        out
    }

    #[test]
    fn what_is_no_nan_is_added_and_counted() {
        const NAN: f64 = f64::NAN;
        let (values, labels) = ([1.0, NAN, 3.0, 4.0, NAN, 6.0, f64::INFINITY, NAN], [1, 0, 1, 0]);
        let found: Vec<C128> = into(Fold::Present, &values, &labels, 3);
        let expected = [(f64::INFINITY, 2.0), (4.0, 1.0), (1.0, 1.0), (6.0, 1.0), (0.0, 0.0), (0.0, 0.0)];
        assert_eq!(found, expected.map(|(sum, count)| C128::new(sum, count)));
        let one: Vec<C128> = into(Fold::Present, &[1.0, NAN, 3.0, NAN, 5.0, 6.0, 7.0], &[0, 1, 0, 1, -1, 2, 0], 3);
        assert_eq!(one, [C128::new(11.0, 3.0), C128::new(0.0, 0.0), C128::new(6.0, 1.0)]);
    }

    #[test]
    fn nan_is_least_and_greatest_of_nothing_else() {
        const NAN: f32 = f32::NAN;
        let values = [NAN, NAN, 3.0, -4.0, -1.0, NAN, 7.0, NAN];
        for (fold, expected) in [(Fold::NanMin, [3.0, -4.0, -1.0]), (Fold::NanMax, [7.0, -4.0, -1.0])] {
            let found = of(fold, &values, &[0, 0, 1, 0], 3);
            assert_eq!(found[..3], expected);
            assert!(found[3..].iter().all(|v| v.is_nan()), "{found:?}");
            assert_eq!(of(fold, &values, &[0, 0, 1, 0, 1, 0, 1, 2], 3)[1], if fold == Fold::NanMin { -1.0 } else { 7.0 });
        }
    }

    #[test]
    fn rows_fold_into_their_groups() {
        let labels = [1, 0, 1, -1];
        assert_eq!(of(Fold::Sum, &[1i64, 2, 3, 4, 5, 6, 7, 8], &labels, 3), [3, 4, 6, 8, 0, 0]);
        assert_eq!(of(Fold::Product, &[1i64, 2, 3, 4, 5, 6, 7, 8], &labels, 3), [3, 4, 5, 12, 1, 1]);
        assert_eq!(of(Fold::Product, &[2.0, 0.5, 3.0, 4.0, 5.0], &[0, 1, 0, -1, 1], 3), [6.0, 2.5, 1.0]);
        assert_eq!(of(Fold::Min, &[1i8, 2, 3, 4, 0, 6, 7, 8], &labels, 2), [3, 4, 0, 2]);
        let max = of(Fold::Max, &[1.0, f64::NAN, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &labels, 2);
        assert_eq!(max[..3], [3.0, 4.0, 5.0]);
        assert!(max[3].is_nan());
        assert_eq!(of(Fold::Sum, &[1i64, 2, 3, 4, 5, 6, 7, 8, 9], &[0, 1, 0, 2, -1, 1, 1, 0, 2], 4), [12, 15, 13, 0]);
        assert_eq!(of(Fold::Max, &[1i64, 2, 3, 4, 5, 6, 7, 8, 9], &[0, 1, 0, 2, -1, 1, 1, 0, 2], 3), [8, 7, 9]);
        let mut out = [0i64; 2];
        let into = Groups { count: 2, single: true, first: true };
        let refused = fold(Fold::Sum, DType::I64, bytemuck::cast_slice(&[1i64, 2]), &[0, 2], into, bytemuck::cast_slice_mut(&mut out));
        assert_eq!(refused, Err(NoGroup(2)));
    }
}
