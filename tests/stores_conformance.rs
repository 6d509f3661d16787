//! Every store through the one suite.

use flagstone::store::conformance::{Keeps, conformance, write_all};
use flagstone::store::{Codec, Create, create};
use std::cell::Cell;

fn run(keeps: Keeps, make: impl Fn(&mut Create, &str) -> Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let n = Cell::new(0);
    conformance(
        &|create| {
            n.set(n.get() + 1);
            let below = directory.path().join(n.get().to_string());
            std::fs::create_dir(&below).unwrap();
            make(create, below.to_str().unwrap())
        },
        keeps,
    );
}

const ALL: Keeps = Keeps { attributes: true, dimension_names: true, missing: true };
const FLAT: Keeps = Keeps { attributes: false, dimension_names: false, missing: true };

fn zarr(codec: &str, version: u8, checksum: bool) {
    let codec: Option<Codec> = if codec.is_empty() { None } else { Some(codec.parse().unwrap()) };
    run(ALL, |create, directory| {
        if version == 2 && create.dtype == flagstone::DType::BF16 {
            return None;
        }
        create.codec = codec.clone();
        create.zarr_version = version;
        create.checksum = checksum;
        Some(format!("{directory}/a.zarr"))
    });
}

#[test]
fn zarr_v3_by_default() {
    zarr("", 3, false);
}

#[test]
fn zarr_v3_plain() {
    zarr("none", 3, false);
}

#[test]
fn zarr_v3_zstd_gzip_blosc() {
    zarr("zstd:0", 3, true);
    zarr("gzip:1", 3, false);
    zarr("blosc:zstd:1", 3, true);
}

#[test]
fn zarr_v2() {
    zarr("none", 2, false);
    zarr("zstd:1", 2, false);
    zarr("gzip:5", 2, false);
    zarr("blosc:lz4:5", 2, false);
}

#[test]
fn zarr_v3_sharded() {
    for codec in ["none", "zstd:1", "blosc:lz4:5"] {
        run(ALL, |create, directory| {
            create.codec = Some(codec.parse().unwrap());
            if let Some(chunks) = &create.chunks {
                create.shards = Some(chunks.iter().map(|n| n * 2).collect());
            }
            Some(format!("{directory}/a.zarr"))
        });
    }
}

#[test]
fn zarr_array_inside_groups() {
    run(ALL, |_, directory| Some(format!("{directory}/a.zarr:/g/h/x")));
}

#[test]
fn npy() {
    run(FLAT, |create, directory| {
        let kept = create.dtype != flagstone::DType::BF16;
        kept.then(|| format!("{directory}/a.npy"))
    });
}

#[test]
fn durable_writes_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.zarr", "a.npy"] {
        let address = format!("{}/{name}", directory.path().display());
        let mut create = Create::new(vec![4], flagstone::DType::F64);
        create.durable = true;
        let bytes: Vec<u8> = (0..32).collect();
        let writer = flagstone::store::create(&address, &create).unwrap();
        flagstone::store::conformance::write_all(&*writer, &create.shape, create.dtype, &bytes);
        let store = flagstone::store::open(&address).unwrap();
        flagstone::store::conformance::check_reads(&*store, &bytes, 1);
    }
}

#[test]
fn stored_edge_chunks_are_padded_with_zeros() {
    let directory = tempfile::tempdir().unwrap();
    for version in [2, 3] {
        let address = format!("{}/{version}.zarr", directory.path().display());
        let mut wanted = Create::new(vec![5, 3], flagstone::DType::U8);
        (wanted.chunks, wanted.codec, wanted.zarr_version) = (Some(vec![4, 2]), Some(Codec::None), version);
        // The scratch that the suite passes is not zero.
        write_all(&*create(&address, &wanted).unwrap(), &[5, 3], flagstone::DType::U8, &[7; 15]);
        let chunk = |key: &str| std::fs::read(std::path::Path::new(&address).join(key)).unwrap();
        let keys = if version == 2 { ["0.0", "0.1", "1.0", "1.1"] } else { ["c/0/0", "c/0/1", "c/1/0", "c/1/1"] };
        let expected = [[7; 8], [7, 0, 7, 0, 7, 0, 7, 0], [7, 7, 0, 0, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0]];
        assert_eq!(keys.map(chunk), expected.map(Vec::from));
    }
}

/// A chunk that ends where the array ends is a whole one: there is none behind it, it is stored as the others are, and read whole or in part.
#[test]
fn an_edge_chunk_that_fits_exactly_is_a_chunk_like_the_others() {
    let directory = tempfile::tempdir().unwrap();
    // no edge fits, the rows' does, the columns' does, both do, and there is one chunk alone
    for (n, shape) in [[10u64, 12], [8, 12], [10, 15], [8, 15], [4, 5]].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..shape[0] * shape[1]).flat_map(|i| (i as i32 / 7 - 3).to_ne_bytes()).collect();
        for (name, codec, shards) in [
            ("plain.zarr", Codec::None, None),
            ("gzip.zarr", Codec::Gzip(1), None),
            ("shards.zarr", Codec::Gzip(1), Some(vec![8, 15])),
            ("plain.h5:/x", Codec::None, None),
            ("gzip.h5:/x", Codec::Gzip(1), None),
        ] {
            let address = format!("{}/{n}{name}", directory.path().display());
            let mut wanted = Create::new(shape.to_vec(), flagstone::DType::I32);
            (wanted.chunks, wanted.codec, wanted.shards) = (Some(vec![4, 5]), Some(codec), shards);
            write_all(&*create(&address, &wanted).unwrap(), &shape, flagstone::DType::I32, &bytes);
            let store = flagstone::store::open(&address).unwrap();
            flagstone::store::conformance::check_reads(&*store, &bytes, n as u64 + 1);
            let Some(directory) = address.strip_suffix("plain.zarr").map(|_| std::path::Path::new(&address).join("c")) else { continue };
            let files = |at: &std::path::Path| std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
            let chunks: Vec<_> = files(&directory).iter().flat_map(|row| files(row)).collect();
            assert_eq!(chunks.len() as u64, shape[0].div_ceil(4) * shape[1].div_ceil(5), "{shape:?}");
            assert!(chunks.iter().all(|chunk| chunk.metadata().unwrap().len() == 80), "{shape:?}: a chunk has 20 elements");
        }
    }
}

#[test]
fn two_encoded_stores_are_read_under_the_smallest_limit() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.zarr", "a.h5:/x", "shards.zarr"] {
        let addresses = [0u8, 1].map(|n| format!("{}/{n}{name}", directory.path().display()));
        let shape = [300u64, 200];
        for (n, address) in addresses.iter().enumerate() {
            let mut wanted = Create::new(shape.to_vec(), flagstone::DType::F64);
            (wanted.chunks, wanted.codec) = (Some(vec![100, 40 + 10 * n as u64]), Some(Codec::Gzip(1)));
            if name == "shards.zarr" {
                (wanted.chunks, wanted.shards) = (Some(vec![50, 20]), Some(vec![100, 100]));
            }
            let bytes: Vec<u8> = (0..60_000).flat_map(|i| f64::from(i * (n as i32 + 1)).to_ne_bytes()).collect();
            write_all(&*create(address, &wanted).unwrap(), &shape, flagstone::DType::F64, &bytes);
        }
        let [a, b] = addresses.map(|address| flagstone::open(&address).unwrap());
        let sum = |limit: u64| {
            let runtime = flagstone::Runtime::builder().memory_limit_bytes(limit).threads(2).build()?;
            Ok::<f64, flagstone::Error>(runtime.compute::<f64>(&(&a + &b).sum(..))?.sum())
        };
        // What the refusal names is enough; a little less is not.
        let mut smallest = 1 << 10;
        for _ in 0..6 {
            match sum(smallest) {
                Ok(_) => break,
                Err(e) => match e.kind() {
                    flagstone::error::ErrorKind::WouldNotFit { smallest_bytes, .. } => smallest = *smallest_bytes,
                    _ => panic!("{name} under {smallest} bytes: {e}"),
                },
            }
        }
        assert_eq!(sum(smallest).unwrap(), 3.0 * 59_999.0 * 60_000.0 / 2.0, "{name} under {smallest} bytes");
        assert!(sum(smallest - 1).is_err(), "{name}");
    }
}
