use super::{Gives, Sorter};
use crate::dtype::DType;

/// Values sorted in two runs that are merged, and where each came from.
fn sorted<T: bytemuck::Pod>(dtype: DType, values: &[T]) -> (Vec<T>, Vec<i64>) {
    let one = |gives: Gives| -> Vec<u64> {
        let sorter = Sorter { dtype, gives };
        let item = sorter.item_bytes();
        let mut items = vec![0u64; values.len() * item.div_ceil(8) + 1];
        let items: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut items)[..values.len() * item];
        let mut spare = vec![0u64; items.len().div_ceil(8)];
        sorter.items(bytemuck::cast_slice(values), |i| i as u64, items);
        let first = values.len() / 3;
        let (a, b) = items.split_at_mut(first * item);
        sorter.sort(a);
        sorter.sort(b);
        sorter.merge(items, &[first, 0, values.len() - first], bytemuck::cast_slice_mut(&mut spare));
        for pair in items.chunks(item).collect::<Vec<_>>().windows(2) {
            assert!(sorter.order(pair[0]) <= sorter.order(pair[1]), "{dtype} {gives:?}");
        }
        let mut out = vec![0u64; values.len() * sorter.out().size() / 8 + 2];
        sorter.write(items, &mut bytemuck::cast_slice_mut(&mut out)[..values.len() * sorter.out().size()]);
        out
    };
    let (values_out, places) = (one(Gives::Values), one(Gives::Places));
    let bytes: &[u8] = bytemuck::cast_slice(&values_out);
    let places: &[i64] = bytemuck::cast_slice(&places);
    (bytes[..size_of_val(values)].chunks(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect(), places[..values.len()].to_vec())
}

#[test]
fn floats_sort_with_nan_last_and_ties_by_place() {
    let x = [2.0, f64::NAN, -0.0, f64::NEG_INFINITY, 0.0, -1.5, f64::INFINITY, 0.0, f64::NAN, -0.0, 1e-310];
    let (values, places) = sorted(DType::F64, &x);
    let numbers: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    assert_eq!(numbers, [f64::NEG_INFINITY, -1.5, 0.0, 0.0, 0.0, 0.0, 1e-310, 2.0, f64::INFINITY]);
    assert!(numbers[2].is_sign_negative() && numbers[3].is_sign_negative() && numbers[4].is_sign_positive());
    assert!(values[9].is_nan() && values[10].is_nan());
    // −0.0 equals 0.0: they keep their places, and so do the NaNs
    assert_eq!(places, [3, 5, 2, 4, 7, 9, 10, 0, 6, 1, 8]);
}

#[test]
fn every_integer_dtype_sorts() {
    assert_eq!(sorted(DType::I8, &[3i8, -128, 127, 0, -1]).0, [-128, -1, 0, 3, 127]);
    assert_eq!(sorted(DType::I16, &[3i16, i16::MIN, i16::MAX, 0, -1]).0, [i16::MIN, -1, 0, 3, i16::MAX]);
    assert_eq!(sorted(DType::I32, &[3i32, i32::MIN, i32::MAX, 0, -1]).0, [i32::MIN, -1, 0, 3, i32::MAX]);
    assert_eq!(sorted(DType::I64, &[3i64, i64::MIN, i64::MAX, 0, -1]).0, [i64::MIN, -1, 0, 3, i64::MAX]);
    assert_eq!(sorted(DType::U64, &[3u64, u64::MAX, 0]).0, [0, 3, u64::MAX]);
    assert_eq!(sorted(DType::U32, &[3u32, u32::MAX, 0]).1, [2, 0, 1]);
    assert_eq!(sorted(DType::Bool, &[1u8, 0, 1, 0]), (vec![0, 0, 1, 1], vec![1, 3, 0, 2]));
}

#[test]
fn halves_sort_as_their_values() {
    use half::{bf16, f16};
    let x = [1.5f32, -2.0, 0.25, -0.5, 65504.0, -65504.0];
    let mut expected = x;
    expected.sort_by(f32::total_cmp);
    assert_eq!(sorted(DType::F16, &x.map(f16::from_f32)).0, expected.map(f16::from_f32));
    assert_eq!(sorted(DType::BF16, &x.map(bf16::from_f32)).0, expected.map(bf16::from_f32));
}

#[test]
fn complex_numbers_sort_as_numpy_does() {
    use crate::dtype::C128;
    let n = f64::NAN;
    let x = [(1.0, n), (2.0, 0.0), (n, 0.0), (1.0, 5.0), (n, n), (0.0, n), (1.0, -5.0), (n, -1.0)].map(|(re, im)| C128::new(re, im));
    // np.argsort(x, kind="stable")
    assert_eq!(sorted(DType::C128, &x).1, [6, 3, 1, 5, 0, 7, 2, 4]);
    let zeros = [(-0.0, 1.0), (0.0, -5.0), (0.0, 1.0), (-0.0, 1.0)].map(|(re, im)| C128::new(re, im));
    let (values, places) = sorted(DType::C128, &zeros);
    assert_eq!((values.iter().map(|x| x.im).collect::<Vec<_>>(), places), (vec![-5.0, 1.0, 1.0, 1.0], vec![1, 0, 2, 3]));
    assert_eq!(values[1..].iter().map(|x| x.re.is_sign_negative()).collect::<Vec<_>>(), [true, true, false]);
    let single = x.map(|x| crate::dtype::C64::new(x.re as f32, x.im as f32));
    assert_eq!(sorted(DType::C64, &single).1, [6, 3, 1, 5, 0, 7, 2, 4]);
}
