//! Masked reductions against the plain loop over what the mask selects; and bits that do not depend on how
//! kept axes are cut.

use super::tests::{Aligned, Strided, below, input, naive_agrees, random_shape, unravel};
use super::*;
use crate::dtype::{DType, Scalar};
use crate::isa::on_every_isa;
use crate::op::ReduceOp;
use crate::program::Leaf;
use proptest::prelude::*;

/// One reduction of inputs 0 and, for its mask, 1.
fn fused_of(reduction: Reduction) -> Fused {
    let mut leaves = vec![input(0, reduction.dtype)];
    if reduction.masked {
        leaves.push(input(1, DType::Bool));
    }
    Fused::with_masks(Program { leaves, steps: vec![] }, vec![], vec![(0, reduction.masked.then_some(1), reduction)])
}

/// A box of a reduction: the partial.
fn partial_of(reduction: &Reduction, views: &[View], origin: &[u64], full: &[u64], reduced: &[bool]) -> (usize, Aligned) {
    let fused = fused_of(*reduction);
    let shape = views[0].shape();
    let kept = shape.iter().zip(reduced).filter(|(_, r)| !**r).map(|(n, _)| n).product();
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut partial = Aligned::new(reduction.partial_bytes(kept));
    fused.reduce(origin, shape, full, reduced, views, &mut [], &mut [partial.bytes_mut()], scratch.bytes_mut());
    (kept, partial)
}

fn finished(reduction: &Reduction, (kept, partial): &(usize, Aligned)) -> Vec<u8> {
    let mut out = Aligned::new(kept * reduction.out.size());
    reduction.finish(*kept, partial.bytes(), out.bytes_mut());
    out.bytes().to_vec()
}

/// The same bits, or both NaN: the sign and payload of one follow the compiler's choice of operands.
fn same_bits(out: DType, a: &[u8], b: &[u8]) -> bool {
    let same =
        |(a, b): (&[u8], &[u8])| a == b || (Scalar::read(out, a) != Scalar::read(out, a) && Scalar::read(out, b) != Scalar::read(out, b));
    a.len() == b.len() && a.chunks_exact(out.size()).zip(b.chunks_exact(out.size())).all(same)
}

fn random_mask(shape: &[usize], kind: usize) -> Strided {
    let mut mask = Strided::random(DType::Bool, shape, false);
    match kind {
        0 => mask.data.bytes_mut().fill(0),
        1 => mask.data.bytes_mut().fill(1),
        2 => mask.data.bytes_mut().iter_mut().for_each(|m| *m = (below(40) == 0) as u8),
        _ => {}
    }
    mask
}

/// Every masked reduction of every dtype is the plain loop over the selected values, dense or strided, whole
/// or merged of two; a mask of ones gives the bits of no mask, and empty selections are seen.
#[test]
fn masked_reductions_see_what_the_mask_selects() {
    for round in 0..10 {
        for dtype in DType::ALL {
            for &op in ReduceOp::ALL {
                let Some(out) = op.out_dtype(dtype) else { continue };
                let shape = random_shape();
                if op == ReduceOp::Prod && shape.iter().product::<usize>() > 2000 {
                    continue;
                }
                let skip_nan = below(2) == 0 && (dtype.is_float() || dtype.is_complex());
                let reduction = Reduction { op, dtype, out, skip_nan, ddof: below(2) as f64, masked: true };
                let reduced: Vec<bool> = shape.iter().map(|_| below(2) == 0).collect();
                let x = Strided::random(dtype, &shape, round % 2 == 0);
                one_masked(&reduction, &x, &random_mask(&shape, below(5)), &reduced);
            }
        }
    }
}

fn one_masked(reduction: &Reduction, x: &Strided, mask: &Strided, reduced: &[bool]) {
    let shape = &x.shape;
    let what = format!("{reduction:?} over {reduced:?} of {shape:?}");
    let origin: Vec<u64> = shape.iter().map(|_| below(5) as u64).collect();
    let full: Vec<u64> = shape.iter().zip(&origin).map(|(&n, &o)| n as u64 + o + 2).collect();
    let (dense, dense_mask) = (x.dense(), mask.dense());
    let whole = partial_of(reduction, &[x.view(), mask.view()], &origin, &full, reduced);
    let out = finished(reduction, &whole);
    on_every_isa(|| {
        let views = [View::dense(dense.bytes(), x.dtype, shape), View::dense(dense_mask.bytes(), DType::Bool, shape)];
        let again = finished(reduction, &partial_of(reduction, &views, &origin, &full, reduced));
        assert!(same_bits(reduction.out, &out, &again), "{what}: bits differ");
    });

    let mut groups: Vec<Vec<(i64, Scalar)>> = vec![Vec::new(); whole.0];
    for i in 0..shape.iter().product() {
        let index = unravel(i, shape);
        let (mut k, mut flat) = (0, 0);
        for a in 0..shape.len() {
            if reduced[a] {
                flat = flat * full[a] as i64 + (index[a] as u64 + origin[a]) as i64;
            } else {
                k = k * shape[a] + index[a];
            }
        }
        if mask.get(&index) == Scalar::Bool(true) {
            groups[k].push((flat, x.get(&index)));
        }
    }
    let needs_one = matches!(reduction.op, ReduceOp::Min | ReduceOp::Max | ReduceOp::Argmin | ReduceOp::Argmax);
    let empty = needs_one && groups.iter().any(Vec::is_empty);
    assert_eq!(reduction.is_empty_selection(whole.0, whole.1.bytes()), empty, "{what}: an empty selection");
    let check = |out: &[u8]| {
        for (k, group) in groups.iter().enumerate().filter(|(_, group)| !(needs_one && group.is_empty())) {
            let got = Scalar::read(reduction.out, &out[k * reduction.out.size()..][..reduction.out.size()]);
            naive_agrees(reduction, group, got, &what);
        }
    };
    check(&out);

    // two boxes along the longest reduced axis
    if let Some(axis) = (0..shape.len()).filter(|&a| reduced[a]).max_by_key(|&a| shape[a]).filter(|&a| shape[a] > 1) {
        let cut = 1 + below(shape[axis] - 1);
        let mut halves = [(0, cut), (cut, shape[axis] - cut)].map(|(first, n)| {
            let (mut start, mut part, mut place) = (vec![0; shape.len()], shape.clone(), origin.clone());
            (start[axis], part[axis], place[axis]) = (first, n, origin[axis] + first as u64);
            partial_of(reduction, &[x.view().part(&start, &part), mask.view().part(&start, &part)], &place, &full, reduced)
        });
        let [left, right] = &mut halves;
        reduction.merge(left.0, left.1.bytes_mut(), right.1.bytes());
        assert_eq!(reduction.is_empty_selection(left.0, left.1.bytes()), empty, "{what}: an empty selection, merged");
        check(&finished(reduction, left));
    }

    let ones = vec![1u8; shape.iter().product()];
    let all = finished(reduction, &partial_of(reduction, &[x.view(), View::dense(&ones, DType::Bool, shape)], &origin, &full, reduced));
    let plain = Reduction { masked: false, ..*reduction };
    let plain = finished(&plain, &partial_of(&plain, &[x.view()], &origin, &full, reduced));
    assert!(same_bits(reduction.out, &all, &plain), "{what}: a mask of ones changes bits");
}

/// Nothing selected: NaN for mean and var, the identities for the rest.
#[test]
fn an_empty_selection_has_its_results() {
    for dtype in DType::ALL {
        for (op, want) in [
            (ReduceOp::Sum, 0.0),
            (ReduceOp::Prod, 1.0),
            (ReduceOp::Mean, f64::NAN),
            (ReduceOp::Var, f64::NAN),
            (ReduceOp::CountNonzero, 0.0),
            (ReduceOp::Any, 0.0),
            (ReduceOp::All, 1.0),
        ] {
            let reduction = Reduction { op, dtype, out: op.out_dtype(dtype).unwrap(), skip_nan: false, ddof: 0.0, masked: true };
            let (data, mask) = (vec![0x11u8; 12 * dtype.size()], [0u8; 12]);
            let aligned: Vec<u128> = vec![0x11; data.len().div_ceil(16)];
            let views =
                [View::dense(&bytemuck::cast_slice(&aligned)[..data.len()], dtype, &[4, 3]), View::dense(&mask, DType::Bool, &[4, 3])];
            for reduced in [[true, false], [false, true]] {
                let out = finished(&reduction, &partial_of(&reduction, &views, &[0, 0], &[4, 3], &reduced));
                for element in out.chunks_exact(reduction.out.size()) {
                    let got = Scalar::read(reduction.out, element).as_f64();
                    assert!(got == want || (got.is_nan() && want.is_nan()), "{} of {dtype}: {got}", op.name());
                }
            }
        }
    }
}

/// One program with steps and outputs, some of its reductions masked: registers are renumbered right.
#[test]
fn masks_live_beside_outputs_and_plain_reductions() {
    use crate::op::BinaryOp;
    use crate::program::StepOp;
    let x: Vec<f64> = (0..3000).map(|i| ((i * 37) % 101) as f64).collect();
    let mut program =
        Program { leaves: vec![input(0, DType::F64), Leaf::Constant { value: Scalar::Float(50.0), dtype: DType::F64 }], steps: vec![] };
    let shifted = program.push(StepOp::Binary(BinaryOp::Subtract), [0, 1, 0], DType::F64);
    let positive = program.push(StepOp::Binary(BinaryOp::Less), [1, 0, 0], DType::Bool);
    let of = |op: ReduceOp, masked| Reduction {
        op,
        dtype: DType::F64,
        out: op.out_dtype(DType::F64).unwrap(),
        skip_nan: false,
        ddof: 0.0,
        masked,
    };
    let reductions = vec![
        (shifted, Some(positive), of(ReduceOp::Mean, true)),
        (shifted, None, of(ReduceOp::Mean, false)),
        (shifted, Some(positive), of(ReduceOp::Min, true)),
        (shifted, Some(positive), of(ReduceOp::Argmax, true)),
    ];
    let fused = Fused::with_masks(program, vec![shifted], reductions.clone());
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut partials: Vec<Aligned> = reductions.iter().map(|(.., r)| Aligned::new(r.partial_bytes(1))).collect();
    let mut out = vec![0u8; 3000 * 8];
    {
        let mut partials: Vec<&mut [u8]> = partials.iter_mut().map(|p| p.bytes_mut()).collect();
        let outputs = &mut [ViewMut::dense(&mut out, DType::F64, &[3000])];
        let view = View::dense(bytemuck::cast_slice(&x), DType::F64, &[3000]);
        fused.reduce(&[0], &[3000], &[3000], &[true], &[view], outputs, &mut partials, scratch.bytes_mut());
    }
    let want: Vec<u8> = x.iter().flat_map(|x| (x - 50.0).to_ne_bytes()).collect();
    assert!(out == want, "the output");
    let selected: Vec<f64> = x.iter().filter(|&&x| x > 50.0).map(|x| x - 50.0).collect();
    let got: Vec<f64> = reductions
        .iter()
        .zip(&partials)
        .map(|((.., r), p)| {
            let mut out = [0u8; 8];
            r.finish(1, p.bytes(), &mut out);
            Scalar::read(r.out, &out).as_f64()
        })
        .collect();
    let first_of_100 = x.iter().position(|&x| x == 100.0).unwrap() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let all: Vec<f64> = x.iter().map(|x| x - 50.0).collect();
    for (got, want) in got.iter().zip([mean(&selected), mean(&all), 1.0, first_of_100]) {
        assert!((got - want).abs() < 1e-12, "{got} for {want}");
    }
}

fn of(op: ReduceOp, dtype: DType, masked: bool) -> Reduction {
    Reduction { op, dtype, out: op.out_dtype(dtype).unwrap(), skip_nan: false, ddof: 0.0, masked }
}

/// A column alone has the bits that it has inside of a wider box.
#[test]
fn a_column_alone_keeps_its_bits() {
    for dtype in [DType::F32, DType::F64] {
        for rows in [300, 3000] {
            let x = Strided::random(dtype, &[rows, 8], false);
            let mask = Strided::random(DType::Bool, &[rows, 8], false);
            for op in [ReduceOp::Sum, ReduceOp::Mean, ReduceOp::Var, ReduceOp::Min, ReduceOp::Prod] {
                for masked in [false, true] {
                    let reduction = of(op, dtype, masked);
                    let full = [rows as u64, 8];
                    let wide = finished(&reduction, &partial_of(&reduction, &[x.view(), mask.view()], &[0, 0], &full, &[true, false]));
                    for column in 0..8 {
                        let views = [x.view(), mask.view()].map(|view| view.part(&[0, column], &[rows, 1]));
                        let alone = finished(&reduction, &partial_of(&reduction, &views, &[0, column as u64], &full, &[true, false]));
                        let within = &wide[column * reduction.out.size()..][..reduction.out.size()];
                        assert!(same_bits(reduction.out, within, &alone), "{reduction:?}: column {column} of {rows} rows");
                    }
                }
            }
        }
    }
}

/// A trailing reduced axis of length 1 does not put the rest out of order, nor does rank 0.
#[test]
fn axes_of_length_one_are_reduced_too() {
    let x: Vec<f64> = (0..12).map(|i| i as f64).collect();
    let sum = of(ReduceOp::Sum, DType::F64, false);
    let run = |shape: &[usize], reduced: &[bool]| -> Vec<f64> {
        let view = View::dense(bytemuck::cast_slice(&x[..shape.iter().product()]), DType::F64, shape);
        let full: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let out = finished(&sum, &partial_of(&sum, &[view], &vec![0; shape.len()], &full, reduced));
        out.chunks_exact(8).map(|x| f64::from_ne_bytes(x.try_into().unwrap())).collect()
    };
    assert_eq!(run(&[3, 4, 1], &[true, false, true]), [12.0, 15.0, 18.0, 21.0]);
    assert_eq!(run(&[3, 4, 1], &[false, true, false]), [6.0, 22.0, 38.0]);
    assert_eq!(run(&[3, 1, 4], &[false, false, true]), [6.0, 22.0, 38.0]);
    assert_eq!(run(&[3, 2, 1, 2], &[true, false, true, false]), [12.0, 15.0, 18.0, 21.0]);
    assert_eq!(run(&[1, 1], &[true, false]), [0.0]);
    assert_eq!(run(&[], &[]), [0.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    /// Cutting kept axes anywhere never changes bits.
    #[test]
    fn cuts_of_kept_axes_keep_bits(
        shape in prop::collection::vec(prop_oneof![Just(1usize), 1..12usize, 1..70usize], 0..4),
        long in 1..1500usize,
        seed in any::<u64>(),
        op in prop::sample::select(ReduceOp::ALL),
        dtype in prop::sample::select(vec![DType::F32, DType::F64, DType::I32, DType::C64]),
        masked in any::<bool>(),
        skip_nan in any::<bool>(),
    ) {
        prop_assume!(op.out_dtype(dtype).is_some());
        let mut shape = shape;
        let mut bits = seed;
        let mut next = |n: usize| { bits = bits.rotate_left(7).wrapping_mul(0x9E3779B97F4A7C15); (bits >> 33) as usize % n };
        if let Some(axis) = (!shape.is_empty()).then(|| next(shape.len())) && shape.iter().product::<usize>() < 600 {
            shape[axis] = long;
        }
        let reduced: Vec<bool> = shape.iter().map(|_| next(2) == 0).collect();
        let skip_nan = skip_nan && dtype != DType::I32;
        let reduction = Reduction { skip_nan, ..of(op, dtype, masked) };
        let x = Strided::random(dtype, &shape, next(2) == 0);
        let mask = Strided::random(DType::Bool, &shape, false);
        let full: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let origin = vec![0; shape.len()];
        let whole = finished(&reduction, &partial_of(&reduction, &[x.view(), mask.view()], &origin, &full, &reduced));
        // a random box of the kept axes
        let (mut start, mut part) = (vec![0; shape.len()], shape.clone());
        for a in 0..shape.len() {
            if !reduced[a] {
                start[a] = next(shape[a]);
                part[a] = 1 + next(shape[a] - start[a]);
            }
        }
        let place: Vec<u64> = start.iter().map(|&n| n as u64).collect();
        let views = [x.view().part(&start, &part), mask.view().part(&start, &part)];
        let cut = finished(&reduction, &partial_of(&reduction, &views, &place, &full, &reduced));
        let kept = |of: &[usize]| -> Vec<usize> { (0..shape.len()).filter(|&a| !reduced[a]).map(|a| of[a]).collect() };
        let (wide, narrow, first) = (kept(&shape), kept(&part), kept(&start));
        let size = reduction.out.size();
        for (i, element) in cut.chunks_exact(size).enumerate() {
            let at = unravel(i, &narrow).iter().zip(&first).zip(&wide).fold(0, |at, ((i, s), n)| at * n + i + s);
            let (a, b) = (&whole[at * size..][..size], element);
            prop_assert!(same_bits(reduction.out, a, b), "{reduction:?} over {reduced:?} of {shape:?}, box {start:?} {part:?}: element {i}");
        }
    }
}
