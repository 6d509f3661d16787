//! ns a value of the random laws, one core. `cargo bench -p flagstone-kernels --bench random`
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::random::{Distribution, Random};

fn fill(c: &mut Criterion) {
    const LEN: usize = 1 << 11;
    let mut group = c.benchmark_group("random");
    group.throughput(Throughput::Elements(LEN as u64));
    let laws = [
        (Distribution::Uniform { low: 0.0, high: 1.0 }, DType::F64),
        (Distribution::Uniform { low: 0.0, high: 1.0 }, DType::F32),
        (Distribution::Normal { loc: 0.0, scale: 1.0 }, DType::F64),
        (Distribution::Normal { loc: 0.0, scale: 1.0 }, DType::F32),
        (Distribution::Exponential { scale: 1.0 }, DType::F64),
        (Distribution::Exponential { scale: 1.0 }, DType::F32),
        (Distribution::Integers { low: 0, high: 100 }, DType::I64),
        (Distribution::Integers { low: 0, high: 100 }, DType::U8),
        (Distribution::Lognormal { mean: 0.0, sigma: 1.0 }, DType::F64),
        (Distribution::Gamma { shape: 2.0, scale: 1.0 }, DType::F64),
        (Distribution::Poisson { lam: 5.0 }, DType::I64),
    ];
    for (distribution, dtype) in laws {
        let random = Random { distribution, dtype, seed: 1, stream: 2 };
        let mut out = vec![0u8; LEN * dtype.size()];
        for step in [1, 10] {
            let name = BenchmarkId::new(format!("{}/{dtype}", distribution.name()), format!("step{step}"));
            group.bench_function(name, |b| {
                let mut first = 0;
                b.iter(|| {
                    random.fill(first, step, &mut out);
                    first += LEN as u64;
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(200));
    targets = fill
}
criterion_main!(benches);
