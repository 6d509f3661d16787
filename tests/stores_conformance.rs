//! Every store through the one suite.

use flagstone::store::conformance::{Keeps, conformance};
use flagstone::store::{Codec, Create};
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
