//! NetCDF files across programs: what netCDF4 writes is read, as stored and decoded; damaged files are errors.
//!
//! Needs a Python with netCDF4, named by `FLAGSTONE_PYTHON`.

use flagstone::grid::{Region, Span};
use flagstone::store::{self, Store};
use flagstone::{Runtime, ViewMut, open};
use std::path::Path;
use std::process::Command;

fn made(directory: &Path) -> String {
    let python =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with numpy and netCDF4; `make test` sets it up");
    let script = Path::new("tests/python/make_netcdf.py");
    let ran = Command::new(&python).arg(script).arg(directory).output().expect("FLAGSTONE_PYTHON should run");
    assert!(ran.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&ran.stderr));
    std::fs::read_to_string(directory.join("cases.txt")).unwrap()
}

fn read(store: &dyn Store, region: &Region) -> flagstone::Result<Vec<u8>> {
    let dtype = store.meta().dtype;
    let mut out = vec![0x55; region.elements() as usize * dtype.size()];
    let mut scratch = vec![0; store.scratch_bytes(region) as usize];
    let shape: Vec<usize> = region.shape().iter().map(|&n| n as usize).collect();
    store.read(region, &mut ViewMut::dense(&mut out, dtype, &shape), &mut scratch)?;
    Ok(out)
}

/// Header and data of a version 1 `.npy` file.
fn npy(path: &Path) -> (String, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8_lossy(&bytes[10..10 + len]).into_owned(), bytes[10 + len..].to_vec())
}

/// The elements of `region` in a dense array of `shape`.
fn select(data: &[u8], item: usize, shape: &[u64], region: &Region) -> Vec<u8> {
    let counts = region.shape();
    (0..region.elements())
        .flat_map(|n| {
            let (mut rest, mut place) = (n, vec![0; counts.len()]);
            for axis in (0..counts.len()).rev() {
                place[axis] = region.0[axis].start + rest % counts[axis] * region.0[axis].step;
                rest /= counts[axis];
            }
            let at = place.iter().zip(shape).fold(0, |at, (p, n)| at * n + p) as usize * item;
            data[at..at + item].to_vec()
        })
        .collect()
}

#[test]
fn files_of_netcdf4_are_read_and_decoded_value_for_value() {
    let dir = tempfile::tempdir().unwrap();
    let cases = made(dir.path());
    let runtime = Runtime::builder().memory_limit("64MiB").build().unwrap();
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let [file, variable, stored, decoded, dimensions] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let address = format!("{}:{variable}", dir.path().join(file).display());
        let (header, data) = npy(&dir.path().join(stored));
        let store = store::open(&address).unwrap();
        let meta = store.meta();
        assert!(header.contains(meta.dtype.code()), "{line}: {header}");
        if read(&*store, &Region::whole(&meta.shape)).unwrap() != data {
            wrong.push(line.to_string());
        }
        let part: Vec<Span> = meta.shape.iter().map(|&n| Span { start: n / 3, len: (n - n / 3).div_ceil(2), step: 2 }).collect();
        if read(&*store, &Region(part.clone())).unwrap() != select(&data, meta.dtype.size(), &meta.shape, &Region(part)) {
            wrong.push(format!("part of {line}"));
        }
        let names: Vec<String> = meta.dimension_names.iter().flatten().map(|name| name.clone().unwrap_or("-".into())).collect();
        assert_eq!(names.join(","), dimensions, "{line}");
        if decoded != "-" {
            let (header, data) = npy(&dir.path().join(decoded));
            let values = open(format!("{address}?decode=cf")).unwrap();
            let dtype = values.dtype().unwrap();
            assert!(header.contains(dtype.code()), "{line}: {dtype}, {header}");
            let copy = dir.path().join("values.npy");
            runtime.store_with(&values, &copy, &flagstone::array::StoreOptions::new().overwrite(true)).unwrap();
            let found = npy(&copy).1;
            // A NaN has many bit patterns; any is missing.
            let same = match dtype.size() {
                4 => found
                    .chunks(4)
                    .zip(data.chunks(4))
                    .all(|(a, b)| a == b || [a, b].iter().all(|x| f32::from_le_bytes((*x).try_into().unwrap()).is_nan())),
                _ => found
                    .chunks(8)
                    .zip(data.chunks(8))
                    .all(|(a, b)| a == b || [a, b].iter().all(|x| f64::from_le_bytes((*x).try_into().unwrap()).is_nan())),
            };
            if !same || found.len() != data.len() {
                wrong.push(format!("values of {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    assert!(cases.lines().filter(|line| line.split('\t').nth(3) != Some("-")).count() > 50);

    let classic = dir.path().join("NETCDF3_CLASSIC.nc").display().to_string();
    let tree = store::tree(&classic).unwrap();
    assert_eq!((&tree.attributes["title"], &tree.attributes["numbers"]), (&"a title".into(), &serde_json::json!([1, 2, 3])));
    let text = tree.children.iter().find(|child| child.name == "text").unwrap().refused.as_ref().unwrap();
    assert!(text.why.contains("dtype char (text)"), "{}", text.why);
    for (address, what) in [
        (format!("{classic}:/text"), "text is of dtype char (text), which is not a number"),
        (format!("{classic}:/nothing"), "has no variable nothing; there is"),
        (classic.clone(), "choose one"),
        (dir.path().join("empty.nc").display().to_string(), "holds no variable of numbers"),
    ] {
        let message = store::open(&address).unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
    assert_eq!(store::open(dir.path().join("one.nc").display().to_string()).unwrap().meta().shape, [7, 3]);
    let message = open(format!("{classic}:/lat?decode=xarray")).unwrap_err().to_string();
    assert!(message.contains("expected decode=cf"), "{message}");
}

#[test]
fn damaged_classic_files_are_errors_or_values_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let mut refused = 0;
    for name in ["NETCDF3_CLASSIC.nc", "NETCDF3_64BIT_OFFSET.nc", "NETCDF3_64BIT_DATA.nc", "one.nc"] {
        let whole = std::fs::read(dir.path().join(name)).unwrap();
        let path = dir.path().join("damaged.nc");
        let address = path.display().to_string();
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for i in 0..600 {
            let mut bytes = whole.clone();
            if i % 4 == 0 {
                bytes.truncate(random(whole.len()));
            } else {
                for _ in 0..1 + i % 3 {
                    let at = random(whole.len().min(6000));
                    bytes[at] = [0, 0xFF, bytes[at] ^ (1 << random(8)), random(256) as u8][random(4)];
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            let Ok(tree) = store::tree(&address) else {
                refused += 1;
                continue;
            };
            for child in &tree.children {
                let Some(meta) = &child.meta else {
                    refused += 1;
                    continue;
                };
                let Ok(store) = store::open(format!("{address}:/{}", child.name)) else { continue };
                // No more than the file has: a variable that reaches past it was refused.
                if meta.shape.iter().product::<u64>() < 1 << 20 {
                    refused += usize::from(read(&*store, &Region::whole(&store.meta().shape)).is_err());
                }
            }
        }
    }
    assert!(refused > 200, "{refused}");
}
