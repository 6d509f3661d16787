//! Damaged stores of zarr-python.

use crate::damage::{cases, files, kept, peak_bytes, python, read_damaged, sealed_zarr};
use flagstone::DType;
use flagstone::array::StoreOptions;
use flagstone::grid::Region;
use flagstone::store::conformance::{read_dense, read_if_small};
use flagstone::store::{Codec, open};
use flagstone_kernels::view::ViewMut;
use std::path::{Path, PathBuf};

/// A store, its files, and its elements where they are known.
struct Sample {
    address: String,
    files: Vec<PathBuf>,
    elements: Option<Vec<u8>>,
}

/// What make_zarr.py writes, of every codec and kind of metadata.
fn samples(directory: &Path) -> Vec<Sample> {
    python("make_zarr.py", directory);
    let mut stores: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    stores.sort();
    stores.retain(|path| path.to_string_lossy().ends_with(".zarr") || path.to_string_lossy().ends_with(".zarr.zip"));
    let sample = |path: PathBuf| {
        let address = path.display().to_string();
        let elements = open(&address).ok().map(|store| read_dense(&*store, &Region::whole(&store.meta().shape)));
        Sample { files: files(&path), address, elements }
    };
    stores.into_iter().map(sample).collect()
}

#[test]
fn damaged_stores_of_zarr_python_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let samples = samples(directory.path());
    assert!(samples.len() > 250, "{}", samples.len());
    let (count, mut random) = cases(4000);
    let (mut refused, mut summed) = (0, 0);
    for _ in 0..count {
        let Sample { address, files, elements } = random.of(&samples);
        let file = random.of(files);
        let good = std::fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        let document = name.starts_with('.') || name.ends_with(".json");
        let sealed = if document { Vec::new() } else { sealed_zarr(&good) };
        let anew = !sealed.is_empty() && random.below(2) == 0;
        let bad = match random.below(2) {
            _ if anew => random.resealed(&good, &sealed),
            0 if document || name.ends_with(".zip") => random.reworded(&good),
            _ => random.damaged(&good),
        };
        let outcome = read_damaged(address, file, &good, &bad);
        refused += u64::from(outcome.is_err());
        // A chunk with a checksum of 32 bits is right or refused.
        if let (Ok(Some(read)), Some(elements), true) = (&outcome, elements, address.contains("_crc32") && !document && !anew) {
            summed += 1;
            assert!(read == elements, "{address} gives wrong values with {}", kept(file, &bad));
        }
    }
    println!("{refused} of {count} were refused, {summed} with checksums were right; {} MiB at most", peak_bytes() >> 20);
    assert!(refused > count / 10, "{refused} of {count} were refused");
}

/// Two inner chunks of one length exchanged in a shard's index: every other part of the file is right, only the sum over the index is not.
#[test]
fn an_index_of_a_shard_whose_sum_is_wrong_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr");
    let options = StoreOptions::new().chunks([4]).shards([16]).codec(Codec::None);
    flagstone::Runtime::default_runtime().unwrap().store_with(&flagstone::arange(0, 16, 1, None), &address, &options).unwrap();
    let shard = address.join("c/0");
    let mut bytes = std::fs::read(&shard).unwrap();
    let index = bytes.len() - 4 * 16 - 4;
    let (first, second) = bytes[index..index + 32].split_at_mut(16);
    first.swap_with_slice(second);
    std::fs::write(&shard, bytes).unwrap();
    let store = open(&address).unwrap();
    let error = read_if_small(&*store).unwrap_err().to_string();
    assert!(error.contains("the shard's index"), "{error}");
}

/// Of an index that is too long to be read for each chunk the sum is checked too: once, and again when the shard is another one.
#[test]
fn a_long_index_of_a_shard_whose_sum_is_wrong_is_not_believed() {
    const N: u64 = 1 << 17;
    let directory = tempfile::tempdir().unwrap();
    let address = directory.path().join("x.zarr");
    let options = StoreOptions::new().chunks([1]).shards([N]).codec(Codec::None);
    flagstone::Runtime::default_runtime()
        .unwrap()
        .store_with(&flagstone::arange(0, N as i64, 1, Some(DType::U8)), &address, &options)
        .unwrap();
    let store = open(&address).unwrap();
    let one = |at: u64| {
        let region = Region::dense(&[at], &[1]);
        let (mut out, mut scratch) = ([0], vec![0; store.scratch_bytes(&region) as usize]);
        store.read(&region, &mut ViewMut::dense(&mut out, DType::U8, &[1]), &mut scratch).map(|_| out[0])
    };
    assert_eq!((one(3).unwrap(), one(N - 1).unwrap(), one(700).unwrap()), (3, 255, 188));
    let shard = address.join("c/0");
    let right = std::fs::read(&shard).unwrap();
    let index = right.len() - 16 * N as usize - 4;
    // In either piece of it, and its sum.
    for at in [index, right.len() - 100, right.len() - 1] {
        let mut bytes = right.clone();
        bytes[at] ^= 1;
        std::fs::write(&shard, bytes).unwrap();
        let error = one(700).unwrap_err().to_string();
        assert!(error.contains("the shard's index: crc32c is"), "{error}");
    }
    std::fs::write(&shard, &right).unwrap();
    assert_eq!(one(700).unwrap(), 188);
}
