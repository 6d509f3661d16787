//! Machine → its limits as JSON: what a comparison's times are measured against.
//!
//! `probe [--file PATH] [--zarr DIR] [--hdf5 FILE:/DATASET] [--deflated FILE:/DATASET] [--threads N]`; without arguments, as under `cargo test`,
//! it only proves that it runs.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut limits = serde_json::Map::new();
    let mut threads = std::thread::available_parallelism()?.get();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let quick = arguments.is_empty();
    let bytes = if quick { 1 << 20 } else { 1 << 30 };
    if let Some(at) = arguments.iter().position(|argument| argument == "--threads") {
        threads = arguments.get(at + 1).ok_or("--threads needs a number")?.parse()?;
    }
    for pair in arguments.chunks(2) {
        let value = pair.get(1).ok_or_else(|| format!("{} needs a value", pair[0]))?;
        match pair[0].as_str() {
            "--file" => {
                let path = PathBuf::from(value);
                read_file(&path, threads)?;
                limits.insert("file_warm_gb_s".into(), read_file(&path, threads)?.into());
            }
            "--zarr" => {
                limits.insert("zarr_codec_core_gb_s".into(), zstd_rate(Path::new(value), 1)?.into());
                limits.insert("zarr_codec_gb_s".into(), zstd_rate(Path::new(value), threads)?.into());
                limits.insert("zarr_encode_gb_s".into(), zstd_encode_rate(Path::new(value), threads)?.into());
            }
            "--hdf5" | "--deflated" => {
                let name = pair[0].trim_start_matches('-');
                limits.insert(format!("{name}_codec_core_gb_s"), deflate_rate(value, 1)?.into());
                limits.insert(format!("{name}_codec_gb_s"), deflate_rate(value, threads)?.into());
            }
            "--threads" => {}
            other => return Err(format!("{other}: expected --file, --zarr, --hdf5, --deflated or --threads").into()),
        }
    }
    limits.insert("threads".into(), threads.into());
    limits.insert("memory_gb_s".into(), memory(bytes, threads).into());
    limits.insert("fma_f64_core_gflop_s".into(), fma(if quick { 1000 } else { 30_000_000 }).into());
    println!("{}", serde_json::Value::from(limits));
    Ok(())
}

fn gb_s(bytes: u64, since: Instant) -> f64 {
    bytes as f64 / since.elapsed().as_secs_f64() / 1e9
}

/// The whole file by `pread` into one reused buffer of 1 MiB a thread.
fn read_file(path: &Path, threads: usize) -> Result<f64, Failure> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let share = length.div_ceil(threads as u64);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads as u64)
            .map(|thread| {
                let file = &file;
                scope.spawn(move || -> std::io::Result<()> {
                    let mut buffer = vec![0u8; 1 << 20];
                    let (mut at, end) = (thread * share, ((thread + 1) * share).min(length));
                    while at < end {
                        let want = buffer.len().min((end - at) as usize);
                        let got = file.read_at(&mut buffer[..want], at)?;
                        if got == 0 {
                            break;
                        }
                        at += got as u64;
                    }
                    black_box(&buffer);
                    Ok(())
                })
            })
            .collect();
        readers.into_iter().try_for_each(|reader| reader.join().unwrap_or_else(|_| Err(std::io::Error::other("a reader panicked"))))
    })?;
    Ok(gb_s(length, start))
}

/// The sum of an array of `bytes`, a part a thread; the best of three.
fn memory(bytes: usize, threads: usize) -> f64 {
    let values = vec![1u64; bytes / 8];
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in values.chunks(values.len().div_ceil(threads)) {
                scope.spawn(move || {
                    let mut sums = [0u64; 16];
                    for line in part.chunks_exact(16) {
                        for (sum, value) in sums.iter_mut().zip(line) {
                            *sum = sum.wrapping_add(*value);
                        }
                    }
                    black_box(sums);
                });
            }
        });
        best = best.max(gb_s(bytes as u64, start));
    }
    best
}

/// Multiply-adds of f64 on one core at the widest vectors there are, 12 chains of them.
#[cfg(target_arch = "x86_64")]
fn fma(rounds: u64) -> f64 {
    macro_rules! chains {
        ($register:literal) => {
            // SAFETY: touches only the registers that it declares; the caller checked the instruction set.
            unsafe {
                std::arch::asm!(
                    "vpxor xmm14, xmm14, xmm14", "vpxor xmm15, xmm15, xmm15",
                    "2:",
                    concat!("vfmadd231pd ", $register, "0, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "1, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "2, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "3, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "4, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "5, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "6, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "7, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "8, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "9, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "10, ", $register, "14, ", $register, "15"),
                    concat!("vfmadd231pd ", $register, "11, ", $register, "14, ", $register, "15"),
                    "sub {rounds}, 1",
                    "jnz 2b",
                    "vzeroupper",
                    rounds = inout(reg) rounds => _,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                    out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm14") _, out("xmm15") _,
                    options(nostack),
                )
            }
        };
    }
    let rate = |lanes: u64, start: Instant| (rounds * 12 * lanes * 2) as f64 / start.elapsed().as_secs_f64() / 1e9;
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        let start = Instant::now();
        chains!("zmm");
        rate(8, start)
    } else {
        0.0
    }
}

/// Not measured on other machines.
#[cfg(not(target_arch = "x86_64"))]
fn fma(_rounds: u64) -> f64 {
    0.0
}

/// The first chunk files of a Zarr array.
fn chunk_files(directory: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let mut files = vec![];
    let mut stack = vec![directory.join("c")];
    while let (Some(path), true) = (stack.pop(), files.len() < 32) {
        if path.is_dir() {
            stack.extend(std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?);
        } else {
            files.push(std::fs::read(path)?);
        }
    }
    Ok(files)
}

/// Decoded bytes a second of `threads` at once, over the zstd frames of a Zarr array's first chunks. Cores that
/// share caches and memory are slower together than one alone, times their number.
fn zstd_rate(directory: &Path, threads: usize) -> Result<f64, Failure> {
    let files = chunk_files(directory)?;
    rate(threads, || {
        let mut decoder = zstd::bulk::Decompressor::new()?;
        let mut out = vec![0u8; 64 << 20];
        files.iter().map(|file| decoder.decompress_to_buffer(file, &mut out).map(|n| n as u64)).sum()
    })
}

/// Bytes of values a second that `threads` at once encode by zstd's default level, over the first chunks.
fn zstd_encode_rate(directory: &Path, threads: usize) -> Result<f64, Failure> {
    let files = chunk_files(directory)?;
    let chunks: Vec<Vec<u8>> = files.iter().take(4).map(|file| zstd::bulk::decompress(file, 64 << 20)).collect::<Result<_, _>>()?;
    rate(threads, || {
        let mut encoder = zstd::bulk::Compressor::new(0)?;
        chunks.iter().map(|chunk| encoder.compress(chunk).map(|_| chunk.len() as u64)).sum()
    })
}

/// Decoded bytes a second of `threads` at once, over the deflated chunks of an HDF5 dataset; no unshuffling.
fn deflate_rate(address: &str, threads: usize) -> Result<f64, Failure> {
    let (path, name) = address.rsplit_once(':').ok_or("expected FILE:/DATASET")?;
    let dataset = hdf5::File::open(path)?.dataset(name)?;
    let file = File::open(path)?;
    let mut chunks = vec![];
    for at in 0..dataset.num_chunks().unwrap_or(0).min(32) {
        let info = dataset.chunk_info(at).ok_or("a chunk without a place")?;
        let mut bytes = vec![0u8; info.size as usize];
        file.read_exact_at(&mut bytes, info.addr)?;
        chunks.push(bytes);
    }
    let length = dataset.chunk().ok_or("the dataset has no chunks")?.iter().product::<usize>() * dataset.dtype()?.size();
    rate(threads, || {
        let mut decoder = libdeflater::Decompressor::new();
        let mut out = vec![0u8; length];
        chunks.iter().map(|chunk| decoder.zlib_decompress(chunk, &mut out).map(|n| n as u64).map_err(std::io::Error::other)).sum()
    })
}

/// The best of three, in GB/s of all threads together.
fn rate(threads: usize, decode: impl Fn() -> std::io::Result<u64> + Sync) -> Result<f64, Failure> {
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        let bytes = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&decode)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| Err(std::io::Error::other("a decoder panicked"))))
                .sum::<std::io::Result<u64>>()
        })?;
        best = best.max(gb_s(bytes, start));
    }
    Ok(best)
}
