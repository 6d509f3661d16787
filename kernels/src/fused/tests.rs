//! Runs against element-by-element evaluation, on random shapes, strides and axes.

use super::*;
use crate::dtype::{DType, Kind, Scalar};
use crate::generate::{Generator, Rule};
use crate::isa::on_every_isa;
use crate::op::{BinaryOp, ReduceOp, UnaryOp};
use crate::program::{Follow, Leaf, StepOp};
use std::cell::Cell as Slot;

/// Bytes aligned for any dtype.
pub(crate) struct Aligned {
    words: Vec<[u128; 4]>,
    len: usize,
    skip: usize,
}

impl Aligned {
    pub(crate) fn new(len: usize) -> Aligned {
        let words = vec![[0; 4]; len.div_ceil(64) + 1];
        let skip = (words.as_ptr() as usize).next_multiple_of(64) - words.as_ptr() as usize;
        Aligned { words, len, skip }
    }
    pub(crate) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[self.skip..self.skip + self.len]
    }
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[self.skip..self.skip + self.len]
    }
}

thread_local! { static SEED: Slot<u64> = const { Slot::new(1) }; }

fn random() -> u64 {
    SEED.with(|s| {
        let mut x = s.get().wrapping_add(0x9E3779B97F4A7C15);
        s.set(x);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D049BB133111EB);
        x ^ (x >> 31)
    })
}

pub(crate) fn below(n: usize) -> usize {
    (random() % n as u64) as usize
}

fn value(dtype: DType, special: bool) -> Scalar {
    let real = || {
        if special && below(12) == 0 {
            [f64::NAN, f64::INFINITY, -0.0, f64::NEG_INFINITY][below(4)]
        } else {
            (below(2001) as f64 - 1000.0) / 64.0
        }
    };
    match dtype {
        DType::Bool => Scalar::Bool(below(3) == 0),
        d if d.kind() == crate::dtype::Kind::Unsigned => Scalar::UInt(below(200) as u64),
        d if d.is_integer() => Scalar::Int(below(200) as i64 - 100),
        d if d.is_complex() => Scalar::Complex(real(), real()),
        _ => Scalar::Float(real()),
    }
}

/// An array with odd strides.
pub(crate) struct Strided {
    pub data: Aligned,
    pub dtype: DType,
    pub shape: Vec<usize>,
    strides: Vec<isize>,
    offset: isize,
}

impl Strided {
    /// Axes in a random memory order, with gaps, flips and broadcasts.
    pub(crate) fn random(dtype: DType, shape: &[usize], special: bool) -> Strided {
        let n = shape.len();
        let mut order: Vec<usize> = (0..n).collect();
        if below(2) == 0 {
            for i in (1..n).rev() {
                order.swap(i, below(i + 1));
            }
        }
        let (mut strides, mut offset) = (vec![0isize; n], 0);
        let mut step = dtype.size();
        for &axis in order.iter().rev() {
            let gap = if below(4) == 0 { 2 } else { 1 };
            if below(8) == 0 {
                continue;
            }
            strides[axis] = (step * gap) as isize;
            let extent = step * gap * shape[axis];
            if below(6) == 0 {
                offset += (step * gap * (shape[axis] - 1)) as isize;
                strides[axis] = -strides[axis];
            }
            step = extent;
        }
        let mut data = Aligned::new(step);
        for element in data.bytes_mut().chunks_exact_mut(dtype.size()) {
            value(dtype, special).write(dtype, element);
        }
        Strided { data, dtype, shape: shape.to_vec(), strides, offset }
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::strided(self.data.bytes(), self.dtype, &self.shape, &self.strides, self.offset)
    }

    pub(crate) fn get(&self, index: &[usize]) -> Scalar {
        let at = self.offset + index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum::<isize>();
        Scalar::read(self.dtype, &self.data.bytes()[at as usize..][..self.dtype.size()])
    }

    pub(crate) fn dense(&self) -> Aligned {
        let size = self.dtype.size();
        let mut out = Aligned::new(self.shape.iter().product::<usize>() * size);
        for (i, element) in out.bytes_mut().chunks_exact_mut(size).enumerate() {
            self.get(&unravel(i, &self.shape)).write(self.dtype, element);
        }
        out
    }
}

pub(crate) fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = at % shape[axis];
        at /= shape[axis];
    }
    index
}

pub(crate) fn input(slot: usize, dtype: DType) -> Leaf {
    Leaf::Input { slot, dtype }
}

pub(crate) fn random_shape() -> Vec<usize> {
    match below(8) {
        0 => vec![],
        1 => vec![1 + below(5000)],
        2 => vec![1 + below(40), 1 + below(2500)],
        3 => vec![1 + below(2500), 1 + below(4)],
        4 => vec![1 + below(70), 1 + below(70)],
        5 => vec![1 + below(6), 1 + below(30), 1 + below(60)],
        6 => vec![1 + below(3), 1, 1 + below(300), 1 + below(9)],
        _ => vec![1 + below(12), 1 + below(12), 1 + below(12), 1 + below(12)],
    }
}

/// (x · 2 + y, x < y) over strided views is what its formula says, element by element, on every
/// instruction set.
#[test]
fn a_run_is_its_formula() {
    for _ in 0..120 {
        let shape = random_shape();
        let (x, y) = (Strided::random(DType::F64, &shape, true), Strided::random(DType::F64, &shape, false));
        let mut program = Program {
            leaves: vec![input(0, DType::F64), input(1, DType::F64), Leaf::Constant { value: Scalar::Float(2.0), dtype: DType::F64 }],
            steps: vec![],
        };
        let double = program.push(StepOp::Binary(BinaryOp::Multiply), [0, 2, 0], DType::F64);
        let sum = program.push(StepOp::Binary(BinaryOp::Add), [double, 1, 0], DType::F64);
        let less = program.push(StepOp::Binary(BinaryOp::Less), [0, 1, 0], DType::Bool);
        let pick = program.push(StepOp::Where, [less, sum, 0], DType::F64);
        let fused = Fused::new(program, vec![sum, less, pick, 1], vec![]);
        let n: usize = shape.iter().product();
        let mut scratch = Aligned::new(fused.scratch_bytes());
        on_every_isa(|| {
            let (mut a, mut b, mut c, mut d) = (vec![0u8; n * 16], vec![0u8; n], vec![0u8; n * 8], vec![0u8; n * 8]);
            let gaps: Vec<isize> = crate::view::dense_strides(&shape, 16);
            let mut outputs = [
                ViewMut::strided(&mut a, DType::F64, &shape, &gaps, 0),
                ViewMut::dense(&mut b, DType::Bool, &shape),
                ViewMut::dense(&mut c, DType::F64, &shape),
                ViewMut::dense(&mut d, DType::F64, &shape),
            ];
            fused.run(&vec![0; shape.len()], &shape, &[x.view(), y.view()], &mut outputs, scratch.bytes_mut());
            for i in 0..n {
                let index = unravel(i, &shape);
                let (x, y) = (x.get(&index).as_f64(), y.get(&index).as_f64());
                let read = |bytes: &[u8], at: usize| f64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
                let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(same(read(&a, i * 16), x * 2.0 + y), "{shape:?} {index:?}: {} for {}", read(&a, i * 16), x * 2.0 + y);
                assert_eq!(b[i], (x < y) as u8);
                assert!(same(read(&c, i * 8), if x < y { x * 2.0 + y } else { x }));
                assert!(same(read(&d, i * 8), y));
            }
        });
    }
}

/// Generators follow the loop's place, flipped and transposed axes too.
#[test]
fn generators_know_their_place() {
    let shape = [7usize, 300];
    let rule = Rule::Arange { start: 0.0, step: 1.0, start_int: 5, step_int: 2, dtype: DType::I64 };
    let generator = Generator { shape: vec![1000, 50], rule };
    let axes = vec![Follow { start: 900, step: -1, axis: Some(1) }, Follow { start: 3, step: 2, axis: Some(0) }];
    let program = Program { leaves: vec![Leaf::Generate { generator, axes }], steps: vec![] };
    let fused = Fused::new(program, vec![0], vec![]);
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut out = vec![0u8; 7 * 300 * 8];
    let origin = [4u64, 10];
    fused.run(&origin, &shape, &[], &mut [ViewMut::dense(&mut out, DType::I64, &shape)], scratch.bytes_mut());
    for (i, got) in out.chunks_exact(8).enumerate() {
        let (row, column) = (i as i64 / 300 + 4, i as i64 % 300 + 10);
        let flat = (900 - column) * 50 + 3 + 2 * row;
        assert_eq!(i64::from_ne_bytes(got.try_into().unwrap()), 5 + 2 * flat);
    }
}

/// The plain meaning of a reduction.
fn naive(reduction: &Reduction, values: &[(i64, Scalar)]) -> Scalar {
    let nan = |s: &Scalar| matches!(s, Scalar::Float(x) if x.is_nan()) || matches!(s, Scalar::Complex(a, b) if a.is_nan() || b.is_nan());
    let skip = reduction.skip_nan && !matches!(reduction.op, ReduceOp::Any | ReduceOp::All | ReduceOp::CountNonzero);
    let values: Vec<(i64, Scalar)> = values.iter().filter(|(_, v)| !(skip && nan(v))).copied().collect();
    let parts = |s: &Scalar| match *s {
        Scalar::Complex(a, b) => (a, b),
        other => (other.as_f64(), 0.0),
    };
    let n = values.len() as f64;
    let sum = values.iter().fold((0.0, 0.0), |t, (_, v)| (t.0 + parts(v).0, t.1 + parts(v).1));
    let truthy = |v: &Scalar| parts(v) != (0.0, 0.0);
    let complex = |re: f64, im: f64| if reduction.dtype.is_complex() { Scalar::Complex(re, im) } else { Scalar::Float(re) };
    let less = |a: &Scalar, b: &Scalar| {
        let (a, b) = (parts(a), parts(b));
        (a.0 < b.0 && !a.1.is_nan() && !b.1.is_nan()) || (a.0 == b.0 && a.1 < b.1)
    };
    let best = |max: bool| {
        values.iter().copied().reduce(|best, v| {
            let ahead = if max { less(&best.1, &v.1) } else { less(&v.1, &best.1) };
            if !nan(&best.1) && (ahead || nan(&v.1)) { v } else { best }
        })
    };
    match reduction.op {
        ReduceOp::Sum => complex(sum.0, sum.1),
        ReduceOp::Mean => complex(sum.0 / n, sum.1 / n),
        ReduceOp::Prod => {
            let p = values.iter().fold((1.0, 0.0), |p: (f64, f64), (_, v)| {
                let v = parts(v);
                if reduction.dtype.is_complex() { (p.0 * v.0 - p.1 * v.1, p.0 * v.1 + p.1 * v.0) } else { (p.0 * v.0, 0.0) }
            });
            complex(p.0, p.1)
        }
        ReduceOp::Var | ReduceOp::Std => {
            let mean = (sum.0 / n, sum.1 / n);
            let squares: f64 = values.iter().map(|(_, v)| (parts(v).0 - mean.0).powi(2) + (parts(v).1 - mean.1).powi(2)).sum();
            let freedom = n - reduction.ddof;
            let variance = squares / if reduction.skip_nan && freedom <= 0.0 { f64::NAN } else { freedom.max(0.0) };
            Scalar::Float(if reduction.op == ReduceOp::Std { variance.sqrt() } else { variance })
        }
        ReduceOp::Min | ReduceOp::Max => best(reduction.op == ReduceOp::Max).map_or(complex(f64::NAN, f64::NAN), |b| b.1),
        ReduceOp::Argmin | ReduceOp::Argmax => Scalar::Int(best(reduction.op == ReduceOp::Argmax).map_or(-1, |b| b.0)),
        ReduceOp::Any => Scalar::Bool(values.iter().any(|(_, v)| truthy(v))),
        ReduceOp::All => Scalar::Bool(values.iter().all(|(_, v)| truthy(v))),
        ReduceOp::BitwiseAnd | ReduceOp::BitwiseOr | ReduceOp::BitwiseXor => {
            let bits = |v: &Scalar| match *v {
                Scalar::Bool(b) => b as u64,
                Scalar::Int(i) => i as u64,
                Scalar::UInt(u) => u,
                _ => panic!("{v:?} has no bits"),
            };
            let each = values.iter().map(|(_, v)| bits(v));
            let joined = match reduction.op {
                ReduceOp::BitwiseAnd => each.fold(u64::MAX, |a, b| a & b),
                ReduceOp::BitwiseOr => each.fold(0, |a, b| a | b),
                _ => each.fold(0, |a, b| a ^ b),
            };
            match reduction.dtype.kind() {
                Kind::Bool => Scalar::Bool(joined & 1 == 1),
                Kind::Signed => Scalar::Int(joined as i64),
                _ => Scalar::UInt(joined & (u64::MAX >> (64 - 8 * reduction.dtype.size()))),
            }
        }
        ReduceOp::CountNonzero => Scalar::Int(values.iter().filter(|(_, v)| truthy(v)).count() as i64),
    }
}

fn close(got: Scalar, want: Scalar, scale: f64, tolerance: f64) -> bool {
    let near = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (b.abs() + scale);
    match (got, want) {
        // which of several NaN stands depends on the lanes
        (Scalar::Complex(a, b), Scalar::Complex(c, d)) if (a.is_nan() || b.is_nan()) && (c.is_nan() || d.is_nan()) => true,
        (Scalar::Complex(a, b), Scalar::Complex(c, d)) => near(a, c) && near(b, d),
        (a, b) => near(a.as_f64(), b.as_f64()),
    }
}

/// Every reduction of every dtype over random axes of random strided cells, cut in two and merged, equals
/// the plain loop; and its bits are those of the dense copy, on every instruction set.
#[test]
fn reductions_are_their_formulas() {
    for round in 0..14 {
        for dtype in DType::ALL {
            for &op in ReduceOp::ALL {
                let Some(out) = op.out_dtype(dtype) else { continue };
                let skip_nan = below(2) == 0;
                let shape = random_shape();
                // products of many values only overflow
                if op == ReduceOp::Prod && shape.iter().product::<usize>() > 2000 {
                    continue;
                }
                let reduced: Vec<bool> = shape.iter().map(|_| below(2) == 0).collect();
                let x = Strided::random(dtype, &shape, round % 2 == 0);
                one_reduction(&x, &reduced, Reduction { op, dtype, out, skip_nan, ddof: below(2) as f64, masked: false });
            }
        }
    }
}

fn one_reduction(x: &Strided, reduced: &[bool], reduction: Reduction) {
    let shape = &x.shape;
    let origin: Vec<u64> = shape.iter().map(|_| below(5) as u64).collect();
    let full: Vec<u64> = shape.iter().zip(&origin).map(|(&n, &o)| n as u64 + o + 2).collect();
    let kept_shape: Vec<usize> = shape.iter().zip(reduced).map(|(&n, &r)| if r { 1 } else { n }).collect();
    let kept: usize = kept_shape.iter().product();
    let program = Program { leaves: vec![input(0, reduction.dtype)], steps: vec![] };
    let fused = Fused::new(program, vec![], vec![(0, reduction)]);
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut partial = Aligned::new(reduction.partial_bytes(kept));
    let mut results: Vec<Vec<u8>> = Vec::new();
    let dense = x.dense();
    on_every_isa(|| {
        for view in [x.view(), View::dense(dense.bytes(), x.dtype, shape)] {
            let partials = &mut [partial.bytes_mut()];
            fused.reduce(&origin, shape, &full, reduced, &[view], &mut [], partials, scratch.bytes_mut());
            let mut out = Aligned::new(kept * reduction.out.size());
            reduction.finish(kept, partial.bytes(), out.bytes_mut());
            results.push(out.bytes().to_vec());
        }
    });
    for other in &results[1..] {
        let same = results[0].chunks_exact(reduction.out.size()).zip(other.chunks_exact(reduction.out.size())).all(|(a, b)| {
            // the sign and payload of a NaN follow the compiler's choice of operands
            a == b || Scalar::read(reduction.out, a) != Scalar::read(reduction.out, a)
        });
        assert!(same, "{reduction:?} over {reduced:?} of {shape:?} {:?}: bits differ", x.strides);
    }

    // two cells along the longest axis, merged in order
    let axis = (0..shape.len()).max_by_key(|&a| shape[a]).filter(|&a| shape[a] > 1 && reduced[a]);
    let mut merged = None;
    if let Some(axis) = axis {
        let cut = 1 + below(shape[axis] - 1);
        let mut halves = Vec::new();
        for (first, n) in [(0, cut), (cut, shape[axis] - cut)] {
            let (mut start, mut part, mut place) = (vec![0; shape.len()], shape.clone(), origin.clone());
            (start[axis], part[axis], place[axis]) = (first, n, origin[axis] + first as u64);
            let mut partial = Aligned::new(reduction.partial_bytes(kept));
            let view = x.view().part(&start, &part);
            fused.reduce(&place, &part, &full, reduced, &[view], &mut [], &mut [partial.bytes_mut()], scratch.bytes_mut());
            halves.push(partial);
        }
        let right = halves.pop().unwrap();
        let mut left = halves.pop().unwrap();
        reduction.merge(kept, left.bytes_mut(), right.bytes());
        let mut out = vec![0; kept * reduction.out.size()];
        reduction.finish(kept, left.bytes(), &mut out);
        merged = Some(out);
    }

    let mut groups: Vec<Vec<(i64, Scalar)>> = vec![Vec::new(); kept];
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
        groups[k].push((flat, x.get(&index)));
    }
    let size = reduction.out.size();
    for (k, group) in groups.iter().enumerate() {
        for out in [Some(&results[0]), merged.as_ref()].into_iter().flatten() {
            let got = Scalar::read(reduction.out, &out[k * size..][..size]);
            naive_agrees(&reduction, group, got, &format!("{reduction:?} over {reduced:?} of {shape:?}"));
        }
    }
}

/// # Panics
/// If `got` is not what the plain meaning gives, but for rounding.
pub(crate) fn naive_agrees(reduction: &Reduction, group: &[(i64, Scalar)], got: Scalar, what: &str) {
    // the out dtype's own rounding, and for products its precision
    let tolerance = match reduction.out.real() {
        DType::F16 => 2e-3,
        DType::BF16 => 2e-2,
        DType::F32 => 1e-5,
        _ => 1e-10,
    };
    let scale = group.iter().map(|(_, v)| v.as_f64().abs()).filter(|v| v.is_finite()).sum::<f64>() * 1e-3;
    let scale = if reduction.op == ReduceOp::Prod { 1e-7 } else { scale };
    let want = naive(reduction, group);
    let exact = matches!(reduction.op, ReduceOp::Prod) && (reduction.out.is_integer() || unbounded(want, reduction.out));
    assert!(exact || close(got, want, scale, tolerance), "{what}: {got:?} for {want:?}");
}

/// Products that leave the range of their dtype on the way depend on the order.
fn unbounded(want: Scalar, out: DType) -> bool {
    let (low, high) = match out.real() {
        DType::F16 => (1e-3, 1e4),
        DType::BF16 | DType::F32 => (1e-30, 1e30),
        _ => (1e-250, 1e250),
    };
    let bad = |x: f64| !x.is_finite() || x.abs() < low || x.abs() > high;
    match want {
        Scalar::Complex(a, b) => bad(a) || bad(b),
        other => bad(other.as_f64()),
    }
}

/// Integer products wrap as a wrapping loop does.
#[test]
fn integer_products_wrap() {
    let values: Vec<i32> = (0..100).map(|i| i * 2 + 3).collect();
    let reduction = Reduction { op: ReduceOp::Prod, dtype: DType::I32, out: DType::I64, skip_nan: false, ddof: 0.0, masked: false };
    let fused = Fused::new(Program { leaves: vec![input(0, DType::I32)], steps: vec![] }, vec![], vec![(0, reduction)]);
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut partial = Aligned::new(reduction.partial_bytes(1));
    let view = View::dense(bytemuck::cast_slice(&values), DType::I32, &[100]);
    fused.reduce(&[0], &[100], &[100], &[true], &[view], &mut [], &mut [partial.bytes_mut()], scratch.bytes_mut());
    let mut out = [0u8; 8];
    reduction.finish(1, partial.bytes(), &mut out);
    assert_eq!(i64::from_ne_bytes(out), values.iter().fold(1i64, |p, &v| p.wrapping_mul(v as i64)));
}

/// Nothing reduces to the identities.
#[test]
fn nothing_has_its_results() {
    for (op, want) in [
        (ReduceOp::Sum, 0.0),
        (ReduceOp::Prod, 1.0),
        (ReduceOp::Mean, f64::NAN),
        (ReduceOp::Var, f64::NAN),
        (ReduceOp::CountNonzero, 0.0),
        (ReduceOp::Any, 0.0),
        (ReduceOp::All, 1.0),
    ] {
        let reduction =
            Reduction { op, dtype: DType::F32, out: op.out_dtype(DType::F32).unwrap(), skip_nan: false, ddof: 0.0, masked: false };
        let mut partial = Aligned::new(reduction.partial_bytes(3));
        reduction.empty(3, partial.bytes_mut());
        let mut out = vec![1u8; 3 * reduction.out.size()];
        reduction.finish(3, partial.bytes(), &mut out);
        for element in out.chunks_exact(reduction.out.size()) {
            let got = Scalar::read(reduction.out, element).as_f64();
            assert!(got == want || (got.is_nan() && want.is_nan()), "{}: {got}", op.name());
        }
    }
}

/// Compensation: a sum that loses everything in plain f64, and one that is infinite.
#[test]
fn f64_sums_are_compensated() {
    let reduction = Reduction { op: ReduceOp::Sum, dtype: DType::F64, out: DType::F64, skip_nan: false, ddof: 0.0, masked: false };
    let fused = Fused::new(Program { leaves: vec![input(0, DType::F64)], steps: vec![] }, vec![], vec![(0, reduction)]);
    let mut scratch = Aligned::new(fused.scratch_bytes());
    let mut sum = |values: &[f64]| {
        let mut partial = Aligned::new(reduction.partial_bytes(1));
        let view = View::dense(bytemuck::cast_slice(values), DType::F64, &[values.len()]);
        fused.reduce(
            &[0],
            &[values.len()],
            &[values.len() as u64],
            &[true],
            &[view],
            &mut [],
            &mut [partial.bytes_mut()],
            scratch.bytes_mut(),
        );
        let mut out = [0u8; 8];
        reduction.finish(1, partial.bytes(), &mut out);
        f64::from_ne_bytes(out)
    };
    let mut values = vec![1.0; 4096];
    values[0] = 1e17;
    values[4000] = -1e17;
    assert_eq!(sum(&values), 4094.0);
    values[7] = f64::INFINITY;
    assert_eq!(sum(&values), f64::INFINITY);
    values[9] = f64::NEG_INFINITY;
    assert!(sum(&values).is_nan());
}

/// x + x.T and its column means: the packed panels give the bits of the dense copy.
#[test]
fn transposed_inputs_keep_the_bits() {
    for (n, m) in [(100usize, 100usize), (37, 1500), (1100, 40), (20, 3000)] {
        let data: Vec<f64> = (0..n * m).map(|_| (below(1 << 20) as f64).sqrt()).collect();
        let turned: Vec<f64> = (0..n * m).map(|i| data[(i % m) * n + i / m]).collect();
        let view = View::strided(bytemuck::cast_slice(&data), DType::F64, &[n, m], &[8, 8 * n as isize], 0);
        let dense = View::dense(bytemuck::cast_slice(&turned), DType::F64, &[n, m]);
        let mut program = Program { leaves: vec![input(0, DType::F64), input(1, DType::F64)], steps: vec![] };
        let sum = program.push(StepOp::Binary(BinaryOp::Add), [0, 1, 0], DType::F64);
        let root = program.push(StepOp::Unary(UnaryOp::Sqrt), [sum, 0, 0], DType::F64);
        for reduced in [[true, false], [false, true], [true, true], [false, false]] {
            let ops = [ReduceOp::Mean, ReduceOp::Var, ReduceOp::Argmax];
            let reductions = ops.map(|op| {
                (
                    root,
                    Reduction { op, dtype: DType::F64, out: op.out_dtype(DType::F64).unwrap(), skip_nan: false, ddof: 0.0, masked: false },
                )
            });
            let fused = Fused::new(program.clone(), vec![root], reductions.to_vec());
            let mut scratch = Aligned::new(fused.scratch_bytes());
            let kept = if reduced[0] { 1 } else { n } * if reduced[1] { 1 } else { m };
            let mut runs = Vec::new();
            for x in [&view, &dense] {
                let mut out = vec![0u8; n * m * 8];
                let mut partials: Vec<Aligned> = reductions.iter().map(|(_, r)| Aligned::new(r.partial_bytes(kept))).collect();
                {
                    let mut partials: Vec<&mut [u8]> = partials.iter_mut().map(|p| p.bytes_mut()).collect();
                    let outputs = &mut [ViewMut::dense(&mut out, DType::F64, &[n, m])];
                    fused.reduce(
                        &[0, 0],
                        &[n, m],
                        &[n as u64, m as u64],
                        &reduced,
                        &[x.clone(), dense.clone()],
                        outputs,
                        &mut partials,
                        scratch.bytes_mut(),
                    );
                }
                runs.push((out, partials.iter().map(|p| p.bytes().to_vec()).collect::<Vec<_>>()));
            }
            assert_eq!(runs[0], runs[1], "{n} × {m} over {reduced:?}");
            let want: Vec<u8> = turned.iter().flat_map(|x| (x + x).sqrt().to_ne_bytes()).collect();
            assert!(runs[0].0 == want, "{n} × {m}: the outputs");
        }
    }
}
