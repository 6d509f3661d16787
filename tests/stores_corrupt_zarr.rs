//! Damaged files of zarr-python: an error or the right answer, never a panic, never a huge allocation, never without end.

use flagstone::DType;
use flagstone::array::StoreOptions;
use flagstone::grid::Region;
use flagstone::store::conformance::{Scratch, read_dense};
use flagstone::store::{Codec, Store, open, tree};
use flagstone_kernels::view::ViewMut;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A store, its files, and its elements where they are known.
struct Sample {
    address: String,
    files: Vec<PathBuf>,
    elements: Option<Vec<u8>>,
}

fn files(below: &Path) -> Vec<PathBuf> {
    if below.is_file() {
        return vec![below.to_path_buf()];
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(below).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect();
    found.sort();
    found
}

/// What make_zarr.py writes, of every codec and kind of metadata.
fn samples(directory: &Path) -> Vec<Sample> {
    let program = std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with zarr; `make test` sets one up");
    let script = Path::new("tests/python/make_zarr.py");
    assert!(Command::new(program).args(["-W", "ignore"]).arg(script).arg(directory).status().unwrap().success());
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

/// As the engine would, with sizes that lie left alone: they are refused where memory is planned.
fn try_read(store: &dyn Store) -> flagstone::Result<Option<Vec<u8>>> {
    let meta = store.meta();
    let region = Region::whole(&meta.shape);
    let bytes = region.elements().saturating_mul(meta.dtype.size() as u64);
    let needed = store.scratch_bytes(&region);
    if bytes > 1 << 22 || needed > 1 << 28 {
        return Ok(None);
    }
    let shape: Vec<usize> = meta.shape.iter().map(|&n| n as usize).collect();
    let mut out = vec![0; bytes as usize];
    store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &shape), Scratch::new(needed).bytes(needed))?;
    Ok(Some(out))
}

/// Numbers and words that a document may be given instead of its own.
const WORDS: [&str; 12] =
    ["0", "-1", "1e400", "18446744073709551615", "99999999999", "null", "\"x\"", "[]", "{}", "NaN", "true", "\"<f8\""];

/// A damage: flipped bits, an end cut off, or, of a document, one value by another.
#[derive(Clone, Debug)]
enum Damage {
    Flips(Vec<(prop::sample::Index, u8)>),
    Cut(prop::sample::Index),
    Value(prop::sample::Index, usize),
}

impl Damage {
    fn of(&self, good: &[u8]) -> Vec<u8> {
        let mut bad = good.to_vec();
        match self {
            _ if bad.is_empty() => {}
            Damage::Flips(flips) => flips.iter().for_each(|(at, bit)| bad[at.index(good.len())] ^= 1 << bit),
            Damage::Cut(at) => bad.truncate(at.index(good.len())),
            Damage::Value(which, word) => {
                // What stands between a colon, comma or bracket and the next comma or bracket.
                let starts: Vec<usize> = (0..good.len()).filter(|&i| b":,[".contains(&good[i])).collect();
                if !starts.is_empty() {
                    let start = starts[which.index(starts.len())] + 1;
                    let len = good[start..].iter().position(|c| b",]}".contains(c)).unwrap_or(good.len() - start);
                    bad.splice(start..start + len, WORDS[*word].bytes());
                }
            }
        }
        bad
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4).prop_map(Damage::Flips),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        4 => (any::<prop::sample::Index>(), 0..WORDS.len()).prop_map(|(which, word)| Damage::Value(which, word)),
    ]
}

/// As many as the gate has time for; `PROPTEST_CASES` asks for others.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_stores_of_zarr_python_never_panic(
        which in any::<prop::sample::Index>(),
        file in any::<prop::sample::Index>(),
        damage in damage(),
    ) {
        thread_local! {
            static MADE: (tempfile::TempDir, Vec<Sample>) = {
                let directory = tempfile::tempdir().unwrap();
                let samples = samples(directory.path());
                assert!(samples.len() > 250, "{}", samples.len());
                (directory, samples)
            };
        }
        MADE.with(|(_, samples)| {
            let Sample { address, files, elements } = which.get(samples);
            let file = file.get(files);
            let good = std::fs::read(file).unwrap();
            std::fs::write(file, damage.of(&good)).unwrap();
            let started = Instant::now();
            let outcome = std::panic::catch_unwind(|| {
                let _ = tree(address);
                open(address).and_then(|store| try_read(&*store))
            });
            let took = started.elapsed();
            std::fs::write(file, &good).unwrap();
            assert!(took < Duration::from_secs(20), "{}: {damage:?} took {took:?}", file.display());
            let Ok(outcome) = outcome else { panic!("{}: {damage:?} panicked", file.display()) };
            // A chunk with a checksum of 32 bits is right or refused.
            let name = file.file_name().unwrap().to_string_lossy();
            let summed = address.contains("_crc32") && !name.starts_with('.') && !name.ends_with(".json");
            if let (Ok(Some(read)), Some(elements), true) = (&outcome, elements, summed) {
                assert!(read == elements, "{}: {damage:?} gives wrong values", file.display());
            }
            if let Err(e) = outcome {
                assert!(e.to_string().contains(address.as_str()) || e.to_string().contains("address"), "{e}");
            }
        });
    }
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
    let error = try_read(&*store).unwrap_err().to_string();
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
