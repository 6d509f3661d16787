//! Running totals against a plain loop, whole and in pieces, cell by cell and by totals, and NumPy's odd cases by name.

use super::*;
use crate::dtype::{DType, Scalar};
use crate::fused::tests::{Aligned, Strided, below, random_shape, unravel};
use crate::isa::on_every_isa;

/// All running totals of `x` along `axis`, in cells of `cell` elements that come in pieces of at most `piece`.
fn in_turn(scan: &Scan, x: &View, axis: usize, cell: usize, piece: usize) -> Vec<u8> {
    let shape = x.shape();
    let kept = scan.kept(x, axis);
    let mut out = vec![0; shape.iter().product::<usize>() * scan.out.size()];
    let mut to = ViewMut::dense(&mut out, scan.out, shape);
    let [mut prefix, mut carry] = [(), ()].map(|()| Aligned::new(scan.carry_bytes(kept)));
    scan.empty(kept, carry.bytes_mut());
    for first in (0..shape[axis]).step_by(cell.max(1)) {
        let end = shape[axis].min(first + cell);
        let mut at = first;
        while at < end {
            let n = (1 + below(piece)).min(end - at);
            let (start, part) = place(shape, axis, at, n);
            let before = (first > 0).then(|| prefix.bytes());
            scan.run(&x.part(&start, &part), axis, before, carry.bytes_mut(), &mut to.part(&start, &part));
            at += n;
        }
        if end < shape[axis] {
            scan.next_cell(kept, first == 0, prefix.bytes_mut(), carry.bytes_mut());
        }
    }
    out
}

/// The same with totals of all cells first, the last cell's first of all.
fn by_totals(scan: &Scan, x: &View, axis: usize, cell: usize) -> Vec<u8> {
    let shape = x.shape();
    let kept = scan.kept(x, axis);
    let mut out = vec![0; shape.iter().product::<usize>() * scan.out.size()];
    let mut to = ViewMut::dense(&mut out, scan.out, shape);
    let cells: Vec<usize> = (0..shape[axis]).step_by(cell.max(1)).collect();
    let fresh = || {
        let mut carry = Aligned::new(scan.carry_bytes(kept));
        scan.empty(kept, carry.bytes_mut());
        carry
    };
    let mut totals: Vec<Aligned> = cells.iter().map(|_| fresh()).collect();
    for (&first, total) in cells.iter().zip(&mut totals).rev() {
        let (start, part) = place(shape, axis, first, cell.min(shape[axis] - first));
        scan.total(&x.part(&start, &part), axis, total.bytes_mut());
    }
    let mut prefix: Option<Aligned> = None;
    for (&first, total) in cells.iter().zip(totals) {
        let (start, part) = place(shape, axis, first, cell.min(shape[axis] - first));
        scan.run(&x.part(&start, &part), axis, prefix.as_ref().map(|p| p.bytes()), fresh().bytes_mut(), &mut to.part(&start, &part));
        prefix = match prefix {
            None => Some(total),
            Some(mut before) => {
                scan.join(kept, before.bytes_mut(), total.bytes());
                Some(before)
            }
        };
    }
    out
}

fn place(shape: &[usize], axis: usize, at: usize, n: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut start, mut part) = (vec![0; shape.len()], shape.to_vec());
    (start[axis], part[axis]) = (at, n);
    (start, part)
}

fn is_nan(x: Scalar) -> bool {
    match x {
        Scalar::Float(x) => x.is_nan(),
        Scalar::Complex(re, im) => re.is_nan() || im.is_nan(),
        _ => false,
    }
}

fn parts(x: Scalar) -> [f64; 2] {
    match x {
        Scalar::Complex(re, im) => [re, im],
        other => [other.as_f64(), 0.0],
    }
}

/// Whether `got` is the running total of `values`: exact for integers and extremes, near for sums and products of
/// floats, NaN or infinite where the plain loop is.
fn agrees(scan: &Scan, values: &[Scalar], got: Scalar) -> Result<(), String> {
    let used: Vec<Scalar> = values.iter().copied().filter(|x| !(scan.skip_nan && is_nan(*x))).collect();
    let expected = |want: String| Err(format!("got {got:?}, expected {want} of {} values", values.len()));
    match scan.op {
        ScanOp::Min | ScanOp::Max => {
            let want = match used.iter().find(|x| is_nan(**x)) {
                Some(nan) => *nan,
                None => match used.iter().copied().reduce(|a, b| {
                    let ahead = match (a, b) {
                        (Scalar::Int(a), Scalar::Int(b)) => a < b,
                        (Scalar::UInt(a), Scalar::UInt(b)) => a < b,
                        _ => parts(a) < parts(b),
                    };
                    if ahead == (scan.op == ScanOp::Min) { a } else { b }
                }) {
                    Some(best) => best,
                    None => return if is_nan(got) { Ok(()) } else { expected("NaN".into()) },
                },
            };
            if got == want || (is_nan(got) && is_nan(want)) { Ok(()) } else { expected(format!("{want:?}")) }
        }
        ScanOp::Sum | ScanOp::Prod => match scan.out {
            DType::I64 | DType::U64 => {
                let wide = |x: Scalar| match x {
                    Scalar::Bool(b) => b as i64,
                    Scalar::Int(i) => i,
                    Scalar::UInt(u) => u as i64,
                    other => panic!("{other:?}"),
                };
                let want = used.iter().fold((scan.op == ScanOp::Prod) as i64, |total, &x| match scan.op {
                    ScanOp::Sum => total.wrapping_add(wide(x)),
                    _ => total.wrapping_mul(wide(x)),
                });
                if wide(got) == want { Ok(()) } else { expected(format!("{want}")) }
            }
            _ => {
                let multiply = |[a, b]: [f64; 2], [c, d]: [f64; 2]| {
                    if scan.dtype.is_complex() { [a * c - b * d, a * d + b * c] } else { [a * c, 0.0] }
                };
                let (mut want, mut size) = ([(scan.op == ScanOp::Prod) as u8 as f64, 0.0], 0.0f64);
                let (mut least, mut greatest) = (f64::INFINITY, 0.0f64);
                // a product starts at its first factor, which is 1 where that is passed over
                let starts = values.first().is_some_and(|x| !(scan.skip_nan && is_nan(*x)));
                for (at, x) in used.iter().map(|x| parts(*x)).enumerate() {
                    want = match scan.op {
                        ScanOp::Sum => [want[0] + x[0], want[1] + x[1]],
                        _ if at == 0 && starts => x,
                        _ => multiply(want, x),
                    };
                    let length = want[0].hypot(want[1]);
                    size = if scan.op == ScanOp::Sum { size + x[0].hypot(x[1]) } else { length };
                    if length.is_finite() {
                        greatest = greatest.max(length);
                        least = if scan.op == ScanOp::Prod && length > 0.0 { least.min(length) } else { least };
                    }
                }
                let (epsilon, most) = match scan.dtype.real() {
                    DType::F16 => (1e-3, 6e4),
                    DType::BF16 => (8e-3, 1e38),
                    DType::F32 => (6e-8, 1e38),
                    _ => (1.2e-16, 1e300),
                };
                // past the dtype's range the loops in f64 and in the dtype go apart
                if least < 1.0 / most || greatest > most {
                    return Ok(());
                }
                // sums are rounded at the end; products at each step
                let steps = if scan.op == ScanOp::Sum { 2.0 } else { 3.0 * (values.len() + 1) as f64 };
                let near = parts(got)
                    .iter()
                    .zip(want)
                    .all(|(&g, w)| (g.is_nan() && w.is_nan()) || g == w || (g - w).abs() <= epsilon * steps * size.max(f64::MIN_POSITIVE));
                if near { Ok(()) } else { expected(format!("{want:?} within {}", epsilon * steps * size)) }
            }
        },
    }
}

/// Every scan of every dtype, with strides of any kind, along any axis: the plain loop's values; and the same bits on
/// every instruction set, in any pieces, with kept axes cut, cell by cell and by totals.
#[test]
fn scans_are_the_plain_loop_however_they_are_cut() {
    for round in 0..4 {
        for dtype in DType::ALL {
            for &op in ScanOp::ALL {
                let shape = random_shape();
                if shape.is_empty() {
                    continue;
                }
                let axis = below(shape.len());
                let scan = Scan::new(op, dtype, below(2) == 0);
                one(&scan, &Strided::random(dtype, &shape, round % 3 == 0), axis);
            }
        }
    }
}

fn one(scan: &Scan, x: &Strided, axis: usize) {
    let shape = &x.shape;
    let n = shape[axis];
    let what = format!("{scan:?} along {axis} of {shape:?}");
    let size = scan.out.size();
    let cells = if scan.is_one_cell() { vec![n] } else { vec![n, 1 + below(n)] };
    for cell in cells {
        let whole = in_turn(scan, &x.view(), axis, cell, 1);
        on_every_isa(|| {
            // the sign of a NaN follows the order of operands, which is the compiler's
            let same = |a: &[u8], b: &[u8]| a == b || (is_nan(Scalar::read(scan.out, a)) && is_nan(Scalar::read(scan.out, b)));
            let check = |got: &[u8], how: &str| {
                let bad = whole.chunks_exact(size).zip(got.chunks_exact(size)).position(|(a, b)| !same(a, b));
                assert!(bad.is_none(), "{what}, cells of {cell}, {how}: element {bad:?}");
            };
            check(&in_turn(scan, &x.view(), axis, cell, n), "in pieces");
            check(&in_turn(scan, &View::dense(x.dense().bytes(), x.dtype, shape), axis, cell, n), "dense");
            if !scan.is_one_cell() {
                check(&by_totals(scan, &x.view(), axis, cell), "by totals");
            }
            if let Some(cut) = (0..shape.len()).find(|&a| a != axis && shape[a] > 1) {
                let at = 1 + below(shape[cut] - 1);
                let mut out = vec![0; whole.len()];
                let mut to = ViewMut::dense(&mut out, scan.out, shape);
                for (first, n) in [(0, at), (at, shape[cut] - at)] {
                    let (start, part) = place(shape, cut, first, n);
                    let half = in_turn(scan, &x.view().part(&start, &part), axis, cell, shape[axis]);
                    crate::copy::copy(&View::dense(&half, scan.out, &part), &mut to.part(&start, &part));
                }
                check(&out, "with a kept axis cut");
            }
        });
        for at in 0..shape.iter().product() {
            let index = unravel(at, shape);
            // the plain loop over long axes is slow: some places of them will do
            let before = index[axis];
            if before >= 40 && below(before * before / 200 + 1) > 0 {
                continue;
            }
            let values: Vec<Scalar> = (0..=index[axis])
                .map(|i| {
                    let mut place = index.clone();
                    place[axis] = i;
                    x.get(&place)
                })
                .collect();
            let got = Scalar::read(scan.out, &whole[at * size..][..size]);
            agrees(scan, &values, got).unwrap_or_else(|wrong| panic!("{what}, cells of {cell}, at {index:?}: {wrong}"));
        }
    }
}

fn floats(op: ScanOp, skip_nan: bool, values: &[f64]) -> Vec<f64> {
    let view = View::dense(bytemuck::cast_slice(values), DType::F64, &[values.len()]);
    let out = in_turn(&Scan::new(op, DType::F64, skip_nan), &view, 0, values.len(), 2);
    out.chunks_exact(8).map(|element| Scalar::read(DType::F64, element).as_f64()).collect()
}

#[test]
fn signs_of_zero_nan_and_infinity_are_numpys() {
    let nan = f64::NAN;
    let same = |got: Vec<f64>, want: &[f64]| {
        let bits = |x: &f64| if x.is_nan() { None } else { Some(x.to_bits()) };
        assert!(got.iter().map(bits).eq(want.iter().map(bits)), "{got:?}, expected {want:?}");
    };
    same(floats(ScanOp::Sum, false, &[-0.0, -0.0, 0.0, -0.0]), &[-0.0, -0.0, 0.0, 0.0]);
    same(floats(ScanOp::Sum, false, &[1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY]), &[1.0, f64::INFINITY, f64::INFINITY, nan]);
    same(floats(ScanOp::Sum, true, &[nan, 1.0, nan, 2.0]), &[0.0, 1.0, 1.0, 3.0]);
    same(floats(ScanOp::Prod, true, &[nan, 2.0, nan, 3.0]), &[1.0, 2.0, 2.0, 6.0]);
    same(floats(ScanOp::Prod, false, &[1e-300, 1e200, 1e200]), &[1e-300, 1e-300 * 1e200, 1e-300 * 1e200 * 1e200]);
    same(floats(ScanOp::Max, false, &[1.0, nan, 3.0]), &[1.0, nan, nan]);
    same(floats(ScanOp::Min, true, &[nan, 4.0, nan, 3.0, 5.0]), &[nan, 4.0, 4.0, 3.0, 3.0]);
    // exact where a plain f64 sum forgets the ones
    same(floats(ScanOp::Sum, false, &[1e16, 1.0, 1.0, -1e16]), &[1e16, 1e16, 1e16 + 2.0, 2.0]);
}

#[test]
#[should_panic(expected = "the whole axis is one cell")]
fn products_of_floats_are_not_cut_into_cells() {
    let values = [1.0f64; 4];
    in_turn(&Scan::new(ScanOp::Prod, DType::F64, false), &View::dense(bytemuck::cast_slice(&values), DType::F64, &[4]), 0, 2, 1);
}

#[test]
fn scans_have_numpys_dtypes() {
    use DType::*;
    for (arg, sum, max) in
        [(Bool, I64, Bool), (I8, I64, I8), (U16, U64, U16), (I64, I64, I64), (F16, F16, F16), (F32, F32, F32), (C64, C64, C64)]
    {
        assert_eq!([ScanOp::Sum.out_dtype(arg), ScanOp::Prod.out_dtype(arg)], [sum, sum], "{arg}");
        assert_eq!([ScanOp::Min.out_dtype(arg), ScanOp::Max.out_dtype(arg)], [max, max], "{arg}");
    }
}
