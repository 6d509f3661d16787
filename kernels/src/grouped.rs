//! Rows with labels → a row a label: sums, least and greatest values.

use crate::dtype::{C128, DType, Element};
use serde::{Deserialize, Serialize};

/// What becomes of the rows of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fold {
    /// Added, in an order that follows from the number of groups and from whether rows are single values, in the dtype of the values.
    Sum,
    /// The least value; NaN wins.
    Min,
    /// The greatest value; NaN wins.
    Max,
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

/// Whether `fold` can be done with values of `dtype`: sums add int64, uint64, float64 and complex128, all others are cast to one of
/// them first.
pub fn folds(fold: Fold, dtype: DType) -> bool {
    match fold {
        Fold::Sum => matches!(dtype, DType::I64 | DType::U64 | DType::F64 | DType::C128),
        Fold::Min | Fold::Max => !dtype.is_complex(),
    }
}

/// Folds rows [labels, others] of dense `values` into rows [groups, others] of `out`, which may hold anything before where these are the
/// `first` ones. Groups without a row get 0, or for extremes the other end of the dtype. Rows whose label is negative belong to no group.
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
        (Fold::Sum, other) => panic!("a sum of {other}"),
        (_, DType::C64 | DType::C128) => panic!("{dtype} has no order"),
        (fold, _) => real_extremes(fold, dtype, values, labels, groups, out),
    }
    Ok(())
}

/// Least or greatest values; a group without rows gets the dtype's greatest or least value.
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
        DType::F16 => of!(f16, f16::NEG_INFINITY, f16::INFINITY),
        DType::BF16 => of!(bf16, bf16::NEG_INFINITY, bf16::INFINITY),
        DType::F32 => of!(f32, f32::NEG_INFINITY, f32::INFINITY),
        DType::F64 => of!(f64, f64::NEG_INFINITY, f64::INFINITY),
        DType::C64 | DType::C128 => panic!("{dtype} has no order"),
    }
}

fn rows<T: Element>(values: &[u8], labels: &[i64], groups: Groups, out: &mut [u8], nothing: T, with: impl Fn(T, T) -> T) {
    let (values, out): (&[T], &mut [T]) = (bytemuck::cast_slice(values), bytemuck::cast_slice_mut(out));
    let others = values.len() / labels.len().max(1);
    let out = &mut out[..groups.count * others];
    if groups.first {
        out.fill(nothing);
    }
    if groups.single && groups.count <= FEW {
        return single(values, labels, out, nothing, with);
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
fn single<T: Element>(values: &[T], labels: &[i64], out: &mut [T], nothing: T, with: impl Fn(T, T) -> T) {
    let mut lanes = [[nothing; FEW]; 4];
    let fold = |lane: &mut [T; FEW], label: i64, value: T| {
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
        *out = with(*out, with(with(lanes[0][at], lanes[1][at]), with(lanes[2][at], lanes[3][at])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Element>(what: Fold, values: &[T], labels: &[i64], groups: usize) -> Vec<T> {
        let mut out = vec![T::default(); groups * values.len() / labels.len()];
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
    fn rows_fold_into_their_groups() {
        let labels = [1, 0, 1, -1];
        assert_eq!(of(Fold::Sum, &[1i64, 2, 3, 4, 5, 6, 7, 8], &labels, 3), [3, 4, 6, 8, 0, 0]);
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
