//! The hot loops: reductions of a cell, elementary functions, transposed operands.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::op::{BinaryOp, ReduceOp, UnaryOp};
use flagstone_kernels::program::{Leaf, Program, Reg, StepOp};
use flagstone_kernels::reduce::Reduction;
use flagstone_kernels::view::{View, ViewMut};
use std::hint::black_box;
use std::time::Duration;

/// `len` bytes, 64-byte aligned, inside `words`.
fn room(words: &mut Vec<[u64; 8]>, len: usize) -> &mut [u8] {
    words.resize(len.div_ceil(64) + 1, [0; 8]);
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(words);
    let skip = (bytes.as_ptr() as usize).next_multiple_of(64) - bytes.as_ptr() as usize;
    &mut bytes[skip..skip + len]
}

/// x, or x + y for two inputs.
fn sum_of(inputs: usize, dtype: DType) -> (Program, Reg) {
    let mut program = Program { leaves: (0..inputs).map(|slot| Leaf::Input { slot, dtype }).collect(), steps: vec![] };
    let reg = if inputs == 2 { program.push(StepOp::Binary(BinaryOp::Add), [0, 1, 0], dtype) } else { 0 };
    (program, reg)
}

fn reduce(c: &mut Criterion, name: &str, op: ReduceOp, dtype: DType, shape: [usize; 2], reduced: [bool; 2], transposed: bool) {
    let n = shape[0] * shape[1];
    let mut data = Vec::new();
    let bytes = room(&mut data, n * dtype.size());
    for (i, element) in bytes.chunks_exact_mut(dtype.size()).enumerate() {
        flagstone_kernels::dtype::Scalar::Float((i % 1000) as f64 / 7.0).write(dtype, element);
    }
    let bytes: &[u8] = bytes;
    let (program, reg) = sum_of(if transposed { 2 } else { 1 }, dtype);
    let reduction = Reduction { op, dtype, out: op.out_dtype(dtype).unwrap(), skip_nan: false, ddof: 0.0, masked: false };
    let fused = Fused::new(program, vec![], vec![(reg, reduction)]);
    let kept = (0..2).filter(|&a| !reduced[a]).map(|a| shape[a]).product();
    let (mut scratch, mut partial) = (Vec::new(), Vec::new());
    let scratch = room(&mut scratch, fused.scratch_bytes());
    let partial = room(&mut partial, reduction.partial_bytes(kept));
    let size = dtype.size() as isize;
    let views = [View::dense(bytes, dtype, &shape), View::strided(bytes, dtype, &shape, &[size, size * shape[0] as isize], 0)];
    let mut group = c.benchmark_group("reduce");
    group.throughput(Throughput::Bytes((n * dtype.size()) as u64));
    group.bench_function(BenchmarkId::new(name, format!("{dtype} {shape:?}")), |b| {
        b.iter(|| {
            let inputs = if transposed { &views[..] } else { &views[..1] };
            let full = [shape[0] as u64, shape[1] as u64];
            fused.reduce(&[0, 0], &shape, &full, &reduced, inputs, &mut [], &mut [&mut partial[..]], scratch);
            black_box(&partial);
        })
    });
}

fn map(c: &mut Criterion, name: &str, ops: &[UnaryOp], dtype: DType) {
    let n = 1 << 15;
    let mut data = Vec::new();
    let bytes = room(&mut data, n * dtype.size());
    for (i, element) in bytes.chunks_exact_mut(dtype.size()).enumerate() {
        flagstone_kernels::dtype::Scalar::Float(0.01 + (i % 1000) as f64 / 300.0).write(dtype, element);
    }
    let mut program = Program { leaves: vec![Leaf::Input { slot: 0, dtype }], steps: vec![] };
    let mut reg = program.push(StepOp::Unary(ops[0]), [0, 0, 0], dtype);
    for &op in &ops[1..] {
        let other = program.push(StepOp::Unary(op), [0, 0, 0], dtype);
        reg = program.push(StepOp::Binary(BinaryOp::Multiply), [reg, other, 0], dtype);
    }
    let fused = Fused::new(program, vec![reg], vec![]);
    let (mut scratch, mut out) = (Vec::new(), Vec::new());
    let scratch = room(&mut scratch, fused.scratch_bytes());
    let out = room(&mut out, n * dtype.size());
    let mut group = c.benchmark_group("map");
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(BenchmarkId::new(name, dtype), |b| {
        b.iter(|| {
            let view = View::dense(bytes, dtype, &[n]);
            fused.run(&[0], &[n], &[view], &mut [ViewMut::dense(&mut out[..], dtype, &[n])], scratch);
            black_box(&out);
        })
    });
}

fn kernels(c: &mut Criterion) {
    let cell = [256, 1024];
    for dtype in [DType::F32, DType::F64, DType::I32] {
        reduce(c, "sum", ReduceOp::Sum, dtype, cell, [true, true], false);
    }
    for op in [ReduceOp::Mean, ReduceOp::Var, ReduceOp::Max, ReduceOp::Argmax] {
        reduce(c, op.name(), op, DType::F32, cell, [true, true], false);
    }
    reduce(c, "var", ReduceOp::Var, DType::F64, cell, [true, true], false);
    reduce(c, "sum rows", ReduceOp::Sum, DType::F64, [262, 1000], [true, false], false);
    reduce(c, "sum rows", ReduceOp::Sum, DType::F32, [262, 1000], [true, false], false);
    reduce(c, "var rows", ReduceOp::Var, DType::F64, [262, 1000], [true, false], false);
    reduce(c, "sum columns", ReduceOp::Sum, DType::F64, [262, 1000], [false, true], false);
    reduce(c, "x + x.T mean rows", ReduceOp::Mean, DType::F64, [1000, 1000], [true, false], true);
    use UnaryOp::*;
    for op in [Sqrt, Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sin, Cos, Tan, Arctan, Sinh, Cosh, Tanh] {
        map(c, op.name(), &[op], DType::F64);
    }
    map(c, "exp", &[Exp], DType::F32);
    map(c, "sin", &[Sin], DType::F32);
    map(c, "exp * sin", &[Exp, Sin], DType::F64);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300));
    targets = kernels
}
criterion_main!(benches);
