//! HDF5 files across programs: what h5py writes is read, what this crate writes is read by h5py.
//!
//! Needs a Python with h5py, named by `FLAGSTONE_PYTHON`.

use flagstone::grid::Region;
use flagstone::store::{Codec, Create, Store, hdf5};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::view::{View, ViewMut};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Runs a script of `tests/python`.
fn python(script: &str, directory: &Path) {
    let python =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with numpy and h5py; `make test` sets it up");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let ran = Command::new(&python).arg(&script).arg(directory).output().expect("FLAGSTONE_PYTHON should run");
    assert!(ran.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&ran.stderr));
}

fn dims(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

fn read(store: &dyn Store, region: &Region) -> Vec<u8> {
    let dtype = store.meta().dtype;
    let mut out = vec![0x55; region.elements() as usize * dtype.size()];
    let mut scratch = vec![0; store.scratch_bytes(region) as usize];
    store.read(region, &mut ViewMut::dense(&mut out, dtype, &dims(&region.shape())), &mut scratch).unwrap();
    out
}

/// Descriptor, shape text and data of a version 1 `.npy` file.
fn npy(path: &Path) -> (String, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8_lossy(&bytes[10..10 + len]).into_owned(), bytes[10 + len..].to_vec())
}

fn write_npy(path: &Path, dtype: DType, shape: &[u64], data: &[u8]) {
    let mut text: String = shape.iter().fold(String::new(), |mut text, n| {
        write!(text, "{n},").unwrap();
        text
    });
    let order = if dtype.size() == 1 { '|' } else { '<' };
    text = format!("{{'descr': '{order}{}', 'fortran_order': False, 'shape': ({text}), }}", dtype.code());
    text.push_str(&" ".repeat(63 - (10 + text.len()) % 64));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn files_of_h5py_are_read_value_for_value() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5.py", dir.path());
    let cases = std::fs::read_to_string(dir.path().join("cases.txt")).unwrap();
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let [file, dataset, expected, codec] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (header, data) = npy(&dir.path().join(expected));
        let store = match hdf5::open(&dir.path().join(file), dataset, line) {
            Ok(store) => store,
            Err(e) => {
                wrong.push(e.to_string());
                continue;
            }
        };
        let meta = store.meta();
        assert!(header.contains(meta.dtype.code()), "{line}: {header}");
        assert_eq!(meta.codec, codec, "{line}");
        if read(&*store, &Region::whole(&meta.shape)) != data {
            wrong.push(line.to_string());
        }
        // A part that starts inside a chunk.
        if meta.shape.len() == 2 && !meta.shape.contains(&0) {
            let (rows, columns) = (meta.shape[0], meta.shape[1]);
            let part = Region::dense(&[rows / 2, 1], &[rows - rows / 2, columns - 1]);
            let item = meta.dtype.size() as u64;
            let expected: Vec<u8> = (rows / 2..rows)
                .flat_map(|row| data[((row * columns + 1) * item) as usize..((row + 1) * columns * item) as usize].to_vec())
                .collect();
            if read(&*store, &part) != expected {
                wrong.push(format!("part of {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    match hdf5::open(&dir.path().join("newest.h5"), "/x", "newest.h5:/x") {
        Ok(store) => {
            let expected: Vec<u8> = (0..400).flat_map(|i| ((i % 100) as f32).to_ne_bytes()).collect();
            assert_eq!(read(&*store, &Region::whole(&[20, 20])), expected);
        }
        Err(e) => assert!(e.to_string().contains("h5repack"), "{e}"),
    }
    for file in ["earliest-0.h5", "v110-1024.h5"] {
        let path = dir.path().join(file);
        let store = hdf5::open(&path, "/group/with/attributes", file).unwrap();
        let meta = store.meta();
        assert_eq!(meta.dimension_names, Some(vec![Some("time".into()), None]));
        let expected = json!({"units": "m", "numbers": [1, 2, 3], "nan": "NaN", "flag": true, "fixed": "abc", "a39": 39});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&meta.attributes[name], value, "{file}: {name}");
        }
        let message = hdf5::open(&path, "/text", file).unwrap_err().to_string();
        assert!(message.contains("dtype string is not a number"), "{message}");
        let tree = hdf5::tree(&path, file).unwrap();
        assert!(tree.arrays().contains(&"/long/btree2_gzip".to_string()), "{:?}", tree.arrays());
    }
}

#[test]
fn h5py_reads_what_is_written_here() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = String::new();
    let none = serde_json::Map::new();
    for dtype in DType::ALL.into_iter().filter(|d| *d != DType::BF16) {
        let layouts = [
            (vec![], None, None, false),
            (vec![11, 6], None, None, false),
            (vec![11, 6], Some(vec![4, 6]), Some(Codec::None), false),
            (vec![11, 6], Some(vec![4, 5]), Some(Codec::Gzip(1)), true),
            (vec![40, 60], Some(vec![32, 32]), Some(Codec::Gzip(9)), false),
            (vec![40, 60], Some(vec![32, 32]), Some(Codec::Lzf), true),
            (vec![40, 60], None, Some(Codec::Gzip(0)), true),
        ];
        for (i, (shape, chunks, codec, checksum)) in layouts.into_iter().enumerate() {
            let n = shape.iter().product::<u64>() as usize;
            let mut data = vec![0; n * dtype.size()];
            for (i, out) in data.chunks_exact_mut(dtype.size()).enumerate() {
                let value = match dtype {
                    DType::Bool => Scalar::Bool(i % 5 == 0),
                    _ => Scalar::Complex((i % 100) as f64, if dtype.real() == dtype { 0.0 } else { -1.0 }),
                };
                value.write(dtype, out);
            }
            let create = Create {
                attributes: json!({"units": "m", "list": [1, 2], "flag": true, "x": 1.5}).as_object().unwrap_or(&none).clone(),
                dimension_names: (!shape.is_empty()).then(|| vec![Some("time".into()), None]),
                shape: shape.clone(),
                dtype,
                chunks,
                shards: None,
                codec: codec.clone(),
                shuffle: true,
                checksum,
                zarr_version: 3,
                overwrite: false,
                durable: false,
            };
            let (file, dataset) = (format!("{dtype}.h5"), format!("/layouts/x{i}"));
            let writer = hdf5::create(&dir.path().join(&file), &dataset, &dataset, &create).unwrap();
            let mut scratch = vec![0; writer.scratch_bytes(&shape) as usize];
            writer.write(&Region::whole(&shape), &View::dense(&data, dtype, &dims(&shape)), &mut scratch).unwrap();
            writer.commit().unwrap();
            let expected = format!("{dtype}{i}.npy");
            write_npy(&dir.path().join(&expected), dtype, &shape, &data);
            let chunks: Vec<String> = writer.granule().iter().map(u64::to_string).collect();
            let chunks = if codec.is_none() { "none".into() } else { chunks.join(",") };
            let compression = match codec {
                Some(Codec::Gzip(_)) => "gzip",
                Some(Codec::Lzf) => "lzf",
                _ => "none",
            };
            writeln!(written, "{file}\t{dataset}\t{expected}\t{chunks}\t{compression}").unwrap();
        }
    }
    std::fs::write(dir.path().join("written.txt"), written).unwrap();
    python("check_h5.py", dir.path());
}
