//! Damaged files of every kind that is written here, and metadata that lie.

use crate::damage::{cases, files, peak_bytes, read_damaged};
use flagstone::DType;
use flagstone::grid::Region;
use flagstone::store::conformance::{Scratch, read_if_small, write_all};
use flagstone::store::{Codec, Create, create, open};
use flagstone_kernels::view::ViewMut;
use std::path::{Path, PathBuf};

const SHAPE: [u64; 2] = [12, 10];

/// One small array of every kind; their addresses.
fn samples(directory: &Path) -> Vec<String> {
    let bytes: Vec<u8> = (0..SHAPE[0] * SHAPE[1] * 8).map(|i| (i * i % 251) as u8).collect();
    let mut addresses = Vec::new();
    let mut put = |name: &str, wanted: Create| {
        let address = format!("{}/{name}", directory.display());
        write_all(&*create(&address, &wanted).unwrap(), &SHAPE, DType::F64, &bytes);
        addresses.push(address);
    };
    put("a.npy", Create::new(SHAPE.to_vec(), DType::F64));
    for (n, codec) in ["none", "zstd:1", "gzip:1", "blosc:lz4:5", "blosc:zstd:1", "blosc:blosclz:5"].into_iter().enumerate() {
        for (version, shards, checksum) in [(2, None, false), (3, None, false), (3, Some(vec![8, 12]), false), (3, None, true)] {
            let mut wanted = Create::new(SHAPE.to_vec(), DType::F64);
            wanted.codec = Some(codec.parse::<Codec>().unwrap());
            (wanted.chunks, wanted.shards) = (Some(vec![4, 6]), shards.clone());
            (wanted.zarr_version, wanted.checksum) = (version, checksum);
            put(&format!("{n}_{version}_{}_{checksum}.zarr", shards.is_some()), wanted);
        }
    }
    addresses
}

#[test]
fn flipped_bits_and_cut_files_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = samples(directory.path());
    let (count, mut random) = cases(2000);
    let mut refused = 0;
    for _ in 0..count {
        let address = random.of(&addresses);
        let all = files(Path::new(address));
        let file = random.of(&all);
        let good = std::fs::read(file).unwrap();
        let bad = random.damaged(&good);
        refused += u64::from(read_damaged(address, file, &good, &bad).is_err());
    }
    println!("{refused} of {count} were refused; {} MiB at most", peak_bytes() >> 20);
    assert!(refused > count / 10, "{refused} of {count} were refused");
}

#[test]
fn lies_and_truncations_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = samples(directory.path());
    for address in &addresses {
        let path = Path::new(address);
        let chunk = if path.is_dir() {
            let name = |f: &PathBuf| f.file_name().unwrap().to_string_lossy().into_owned();
            files(path).into_iter().find(|f| !name(f).ends_with(".json") && !name(f).starts_with('.')).unwrap()
        } else {
            path.to_path_buf()
        };
        let good = std::fs::read(&chunk).unwrap();
        std::fs::write(&chunk, &good[..good.len() - 5]).unwrap();
        let message = open(address).and_then(|store| read_if_small(&*store)).unwrap_err().to_string();
        assert!(message.contains("bytes") || message.contains("chunk"), "{message}");
        std::fs::write(&chunk, &good).unwrap();
        assert!(open(address).and_then(|store| read_if_small(&*store)).is_ok());
    }

    let npy = format!("{}/a.npy", directory.path().display());
    let text = std::fs::read(&npy).unwrap();
    let lying = String::from_utf8_lossy(&text[10..128]).replace("(12, 10)", "(12, 99999999999999)");
    let mut header = vec![0x93, b'N', b'U', b'M', b'P', b'Y', 1, 0];
    header.extend((lying.len() as u16).to_le_bytes());
    header.extend(lying.bytes());
    header.extend(&text[128..]);
    std::fs::write(&npy, header).unwrap();
    let message = open(&npy).unwrap_err().to_string();
    assert!(message.contains("99999999999999") && message.contains("the file has"), "{message}");

    let zarr = format!("{}/1_3_false_false.zarr", directory.path().display());
    let document = Path::new(&zarr).join("zarr.json");
    let good = std::fs::read_to_string(&document).unwrap();
    for (from, to, what) in [
        ("12", "18446744073709551615", "too large"),
        ("6\n", "0\n", "zero"),
        ("\"float64\"", "\"decimal\"", "decimal"),
        ("\"zstd\"", "\"pcodec\"", "pcodec"),
        ("\"regular\"", "\"spiral\"", "spiral"),
        ("\"array\"", "\"arrow\"", "arrow"),
        ("0.0", "\"zero\"", "fill_value"),
        ("{", "{\"new\": {\"must_understand\": true},", "new"),
    ] {
        std::fs::write(&document, good.replacen(from, to, 1)).unwrap();
        let message = open(&zarr).unwrap_err().to_string();
        assert!(message.contains(what), "{from} → {to}: {message}");
    }
}

#[test]
fn ten_million_chunks_open_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("{}/many.zarr", directory.path().display());
    let mut wanted = Create::new(vec![100_000, 100_000], DType::F32);
    (wanted.chunks, wanted.shards) = (Some(vec![10, 100]), Some(vec![1000, 1000]));
    create(&address, &wanted).unwrap().commit().unwrap();
    let started = std::time::Instant::now();
    let store = open(&address).unwrap();
    let region = Region::dense(&[99_990, 5], &[10, 10]);
    let mut out = vec![1u8; 400];
    let needed = store.scratch_bytes(&region);
    store.read(&region, &mut ViewMut::dense(&mut out, DType::F32, &[10, 10]), Scratch::new(needed).bytes(needed)).unwrap();
    assert!(out.iter().all(|&b| b == 0));
    assert!(started.elapsed().as_millis() < 200, "{:?}", started.elapsed());
    assert_eq!(store.resident_bytes(), 0);
}

#[test]
fn raw_files_are_read_in_any_layout_and_mapped() {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("{}/d.bin", directory.path().display());
    let mut bytes = vec![7u8; 5];
    bytes.extend((0..12i16).flat_map(i16::to_be_bytes));
    std::fs::write(&file, &bytes).unwrap();
    let read = |query: &str| {
        let store = open(format!("{file}?{query}")).unwrap();
        let got = read_if_small(&*store).unwrap().unwrap();
        got.chunks_exact(2).map(|b| i16::from_ne_bytes([b[0], b[1]])).collect::<Vec<_>>()
    };
    assert_eq!(read("dtype=>i2&shape=3,4&offset=5"), (0..12).collect::<Vec<i16>>());
    assert_eq!(read("dtype=>i2&shape=3,4&offset=5&order=F"), [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    let message = open(format!("{file}?dtype=i2&shape=3,5&offset=5")).unwrap_err().to_string();
    assert!(message.contains("needs 35 bytes, the file has 29"), "{message}");

    let mapped = flagstone::store::map(format!("{file}?dtype=u1&shape=4,6&offset=5&order=F")).unwrap();
    let view = mapped.view();
    assert_eq!((view.shape(), view.strides()), (&[4, 6][..], &[1, 4][..]));
    assert!(flagstone::store::map(format!("{file}?dtype=>i2&shape=3,4&offset=5")).is_err());

    // Written raw, then read back by the same address.
    let address = format!("{file}2?dtype=f4&shape=5,3");
    let data: Vec<u8> = (0..60).collect();
    write_all(&*create(&address, &Create::new(vec![5, 3], DType::F32)).unwrap(), &[5, 3], DType::F32, &data);
    assert_eq!(read_if_small(&*open(&address).unwrap()).unwrap().unwrap(), data);
    assert!(create(&address, &Create::new(vec![5, 4], DType::F32)).is_err(), "the address says another shape");
}

#[test]
fn a_shard_index_whose_checksum_is_wrong_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("{}/a.zarr", directory.path().display());
    let mut wanted = Create::new(vec![8, 8], DType::U8);
    (wanted.chunks, wanted.shards, wanted.codec) = (Some(vec![4, 4]), Some(vec![8, 8]), Some(Codec::None));
    let bytes: Vec<u8> = (1..=64).collect();
    write_all(&*create(&address, &wanted).unwrap(), &[8, 8], DType::U8, &bytes);
    let shard = Path::new(&address).join("c/0/0");
    let good = std::fs::read(&shard).unwrap();
    assert_eq!(good.len(), 64 + 4 * 16 + 4);
    // The first two entries exchanged: each leads to 16 bytes of the file, but not to its own.
    let mut bad = good.clone();
    bad[64..80].copy_from_slice(&good[80..96]);
    bad[80..96].copy_from_slice(&good[64..80]);
    std::fs::write(&shard, &bad).unwrap();
    let message = open(&address).and_then(|store| read_if_small(&*store)).unwrap_err().to_string();
    assert!(message.contains("the shard's index") && message.contains("crc32c"), "{message}");
    std::fs::write(&shard, &good).unwrap();
    assert_eq!(open(&address).and_then(|store| read_if_small(&*store)).unwrap(), Some(bytes));
}
