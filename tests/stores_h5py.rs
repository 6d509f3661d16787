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
    let script = Path::new("tests/python").join(script);
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
    let message = hdf5::open(&dir.path().join("v200-0.h5"), "/half_complex", "v200-0.h5").unwrap_err().to_string();
    assert!(message.contains("dtype complex of float16 is not supported"), "{message}");
    for file in ["earliest-0.h5", "v110-1024.h5", "v200-1024.h5", "latest-0.h5"] {
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
        for (name, members) in [("row_idx", "row, idx"), ("rate_intensity", "rate, intensity"), ("i_r", "i, r")] {
            let message = hdf5::open(&path, &format!("/refused/{name}"), file).unwrap_err().to_string();
            assert!(message.contains(&format!("compound {{{members}}} is not a number")), "{message}");
        }
        let tree = hdf5::tree(&path, "", file).unwrap();
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
            let mut create = Create::new(shape.clone(), dtype);
            create.attributes = json!({"units": "m", "list": [1, 2], "flag": true, "x": 1.5}).as_object().unwrap_or(&none).clone();
            create.dimension_names = (!shape.is_empty()).then(|| vec![Some("time".into()), None]);
            (create.chunks, create.codec, create.checksum) = (chunks, codec.clone(), checksum);
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

#[test]
fn chunk_indexes_of_every_kind_and_length_are_read_value_for_value() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_indexes.py", dir.path());
    let cases = std::fs::read_to_string(dir.path().join("cases.txt")).unwrap();
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let [file, dataset, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (_, data) = npy(&dir.path().join(expected));
        let store = hdf5::open(&dir.path().join(file), dataset, line).unwrap();
        let found = read(&*store, &Region::whole(&store.meta().shape));
        let differ = found.chunks(2).zip(data.chunks(2)).filter(|(a, b)| a != b).count();
        if found.len() != data.len() || differ > 0 {
            wrong.push(format!("{line}: {differ} of {} values", data.len() / 2));
        }
        // Without a table of its own it was read through libhdf5: the walk missed chunks.
        if store.resident_bytes() == 0 {
            wrong.push(format!("{line}: the walk was not believed"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
}

#[test]
fn links_and_what_cannot_be_read_are_listed_as_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_links.py", dir.path());
    let path = dir.path().join("links.h5");
    let root = hdf5::tree(&path, "", "links.h5").unwrap();
    let at = |path: &str| {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.fold(&root, |node, part| node.children.iter().find(|c| c.name == part).unwrap_or_else(|| panic!("no {part} of {path}")))
    };
    // The soft link sorts first; its target is listed where it is.
    assert_eq!(at("/a_soft").link.as_deref(), Some("soft link to /grp1"));
    assert!(at("/a_soft").children.is_empty() && at("/grp1/x").meta.is_some() && at("/grp1").link.is_none());
    // A group of another file at the same byte hides none of this one.
    assert_eq!(at("/b_external").link.as_deref(), Some("external link to other.h5:/grp1"));
    assert_eq!(at("/b_external/y").meta.as_ref().unwrap().shape, [7]);
    assert_eq!(at("/circle/up").link.as_deref(), Some("the group /circle"));
    for (name, link) in [("/dangling", "soft link to /nothing"), ("/dangling_external", "external link to none.h5:/x")] {
        assert_eq!((at(name).link.as_deref(), at(name).refused.as_ref().unwrap().why.as_str()), (Some(link), "nothing is there"));
        let message = hdf5::open(&path, name, "links.h5").unwrap_err().to_string();
        assert_eq!(message, format!("links.h5: {name} is the {link}, and nothing is there"));
    }
    for (name, shape, dtype, codec, why) in [
        ("compound", vec![5], "compound {row, idx}", "deflate:4", "dtype compound {row, idx} is not a number"),
        ("longdouble", vec![3], "float of 16 bytes", "none", "dtype float of 16 bytes with unusual bits"),
        ("text", vec![2], "string", "none", "dtype string is not a number"),
        ("huge", vec![1 << 40, 1 << 40], "float64", "none", "more bytes than can be counted"),
    ] {
        let found = at(&format!("/refused/{name}")).refused.as_ref().unwrap();
        assert_eq!((found.shape.as_ref(), found.dtype.as_deref(), found.codec.as_deref()), (Some(&shape), Some(dtype), Some(codec)));
        assert!(found.why.contains(why), "{found:?}");
    }
    assert_eq!(root.arrays(), ["/b_external/y", "/grp1/x", "/scaled/t", "/scaled/x"]);
    assert_eq!(at("/scaled/x").meta.as_ref().unwrap().dimension_names, Some(vec![Some("t".into()), None]));
    let alone = hdf5::tree(&path, "/scaled/x", "links.h5").unwrap();
    assert_eq!((alone.meta.as_ref(), alone.children.len()), (at("/scaled/x").meta.as_ref(), 0));
    let below = hdf5::tree(&path, "/grp1", "links.h5").unwrap();
    assert_eq!((below.meta.is_none(), below.children.len()), (true, 1));
    for (name, driver) in [("split-", "multi or split"), ("family-", "family")] {
        for version in ["earliest", "latest"] {
            let end = if name == "family-" { "-0.h5" } else { "-m.h5" };
            let file = dir.path().join(format!("{name}{version}{end}"));
            let message = hdf5::open(&file, "/x", "x.h5").unwrap_err().to_string();
            assert!(message.contains(&format!("one of several files that HDF5's {driver} driver wrote")), "{message}");
        }
    }
}

#[test]
fn what_is_odd_in_a_file_hides_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_links.py", dir.path());
    let at = |name: &str| dir.path().join(name);
    let listed = |name: &str| hdf5::tree(&at(name), "", name).unwrap();
    let refusal = |file: &str, name: &str| hdf5::open(&at(file), name, file).unwrap_err().to_string();
    let doubles = |n: u32| (0..n).flat_map(|i| f64::from(i).to_ne_bytes()).collect::<Vec<u8>>();
    let read_all = |file: &str, name: &str| {
        let store = hdf5::open(&at(file), name, file).unwrap();
        read(&*store, &Region::whole(&store.meta().shape))
    };

    // A link that another program defines.
    let tree = listed("odd.h5");
    let own = tree.children.iter().find(|child| child.name == "own").unwrap();
    assert_eq!(own.link.as_deref(), Some("user-defined link of class 187"));
    assert_eq!(own.refused.as_ref().unwrap().why, "only the program that made it can follow it");
    let message = refusal("odd.h5", "/own");
    assert_eq!(message, "odd.h5: /own is the user-defined link of class 187, and only the program that made it can follow it");
    assert_eq!((tree.arrays(), read_all("odd.h5", "/x")), (vec!["/blanks".to_string(), "/x".into()], doubles(3)));
    let attributes = hdf5::open(&at("odd.h5"), "/blanks", "odd.h5").unwrap().meta().attributes.clone();
    assert_eq!(serde_json::Value::Object(attributes), json!({"spaces": "hi", "zeros": "hi", "ended": "hi"}));

    // A damaged attribute: the others, the array and what stands beside it are there.
    let tree = listed("damaged.h5");
    assert_eq!(tree.arrays(), ["/bad", "/good"]);
    assert_eq!(tree.children[1].attributes["units"], "m");
    let told: Vec<(&String, &serde_json::Value)> = tree.children[0].attributes.iter().collect();
    assert!(told.len() == 1 && told[0].0.starts_with("(unreadable 0 to 4"), "{told:?}");
    assert!(told[0].1.as_str().unwrap().contains("bad version number for attribute message"), "{told:?}");
    assert_eq!(read_all("damaged.h5", "/bad"), doubles(4));

    // Elements in other files, one of which is not there.
    assert_eq!(read_all("raw.h5", "/there"), doubles(100));
    let message = refusal("raw.h5", "/gone");
    assert!(message.contains("gone b.bin, which cannot be opened: No such file") && !message.contains("Span"), "{message}");

    // As many datasets as one has, on the same scales: the time of each must not grow with their number.
    let start = std::time::Instant::now();
    let tree = listed("scales.h5");
    let took = start.elapsed();
    println!("2002 datasets were listed in {took:?}");
    assert_eq!(tree.arrays().len(), 2002);
    for child in tree.children.iter().filter(|child| child.name.starts_with('x')) {
        assert_eq!(child.meta.as_ref().unwrap().dimension_names, Some(vec![Some("t".into()), Some("y".into())]), "{}", child.name);
    }
    assert!(took.as_secs_f64() < 1.5, "{took:?}; it was 17 s when each dataset was looked for in the whole file");
}

#[test]
fn chunks_of_plugin_filters_are_read_value_for_value_and_damaged_ones_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_filters.py", dir.path());
    let cases = std::fs::read_to_string(dir.path().join("cases.txt")).unwrap();
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let [file, dataset, expected, codec] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (_, data) = npy(&dir.path().join(expected));
        let store = hdf5::open(&dir.path().join(file), dataset, line).unwrap();
        let (meta, region) = (store.meta(), Region::whole(&store.meta().shape));
        let mut out = vec![0x55; region.elements() as usize * meta.dtype.size()];
        let mut scratch = vec![0xAA; store.scratch_bytes(&region) as usize];
        let read = store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &dims(&meta.shape)), &mut scratch);
        match read {
            Err(e) => wrong.push(e.to_string()),
            Ok(_) if out != data => wrong.push(line.to_string()),
            Ok(_) => {}
        }
        assert_eq!(meta.codec, codec, "{line}");
        // Chunks that go through libhdf5 have no table of their own.
        assert!(store.resident_bytes() > 0, "{line}: not decoded here");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    for (name, filter) in [("zfp", "ZFP (filter 32013)"), ("sz3", "SZ3 (filter 32024)"), ("sperr", "SPERR (filter 32028)")] {
        let message = hdf5::open(&dir.path().join("filters.h5"), &format!("/refused/{name}"), "filters.h5").unwrap_err().to_string();
        assert!(message.contains(&format!("{filter} is not installed")), "{message}");
        // A listing says so too, of each beside the others.
        let listed = flagstone::store::tree(format!("{}:/refused", dir.path().join("filters.h5").display())).unwrap();
        let refused = listed.children.iter().find(|child| child.name == name).and_then(|child| child.refused.as_ref()).unwrap();
        assert!(refused.shape.is_some() && refused.dtype.as_deref() == Some("float32"), "{refused:?}");
        assert!(refused.codec.as_deref() == Some(filter) && refused.why.contains("is not installed"), "{refused:?}");
    }
    // Where plugins are, libhdf5 reads with them: in a process of its own, since the environment belongs to all threads.
    let told = std::fs::read_to_string(dir.path().join("plugins.txt")).unwrap();
    let (plugins, names) = told.split_once('\n').unwrap();
    for name in names.lines() {
        let (address, out) = (format!("x={}:/refused/{name}", dir.path().join("filters.h5").display()), dir.path().join("out.npy"));
        let mut eval = Command::new(env!("CARGO_BIN_EXE_flagstone"));
        eval.args(["eval", "x", &address, "--overwrite", "-o"]).arg(&out).env("HDF5_PLUGIN_PATH", plugins);
        let ran = eval.output().unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(npy(&out).1 == npy(&dir.path().join(format!("refused-{name}.npy"))).1, "{name}: elements differ");
    }
    assert_eq!(names.lines().count(), 3);
    damage_chunks(dir.path());
}

/// Changes bytes of a chunk of each dataset and reads it: an error, or values; and the right ones once the bytes are back.
fn damage_chunks(dir: &Path) {
    use std::os::unix::fs::FileExt;
    const TRIES: u64 = 24;
    let chunks = std::fs::read_to_string(dir.join("chunks.txt")).unwrap();
    let (mut refused, mut state) = (0u64, 0x2545_F491_4F6C_DD1Du64);
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for line in chunks.lines() {
        let [file, dataset, at, len] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (at, len): (u64, u64) = (at.parse().unwrap(), len.parse().unwrap());
        let path = dir.join(file);
        let store = hdf5::open(&path, dataset, line).unwrap();
        let region = Region::dense(&vec![0; store.meta().shape.len()], store.meta().chunks.as_ref().unwrap());
        let dtype = store.meta().dtype;
        let mut out = vec![0; region.elements() as usize * dtype.size()];
        let mut scratch = vec![0; store.scratch_bytes(&region) as usize];
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut kept = vec![0; len as usize];
        file.read_exact_at(&mut kept, at).unwrap();
        for i in 0..TRIES {
            let mut bytes = kept.clone();
            for _ in 0..1 + i % 3 {
                // Headers are at the start: half of the changes go there.
                let place = if random(2) == 0 { random(len.min(40)) } else { random(len) } as usize;
                bytes[place] = match random(4) {
                    0 => 0,
                    1 => 0xFF,
                    2 => bytes[place] ^ (1 << random(8)),
                    _ => random(256) as u8,
                };
            }
            file.write_all_at(&bytes, at).unwrap();
            let read = store.read(&region, &mut ViewMut::dense(&mut out, dtype, &dims(&region.shape())), &mut scratch);
            refused += u64::from(read.is_err());
        }
        file.write_all_at(&kept, at).unwrap();
        store.read(&region, &mut ViewMut::dense(&mut out, dtype, &dims(&region.shape())), &mut scratch).unwrap();
    }
    assert!(refused > 1000, "only {refused} damaged chunks were refused");
}

#[test]
fn odd_integers_fields_arrays_and_names_are_read_value_for_value() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_types.py", dir.path());
    let cases = std::fs::read_to_string(dir.path().join("cases.txt")).unwrap();
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let [file, dataset, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (header, data) = npy(&dir.path().join(expected));
        // By an address, in which names are found too.
        let address = format!("{}:{dataset}", dir.path().join(file).display());
        let store = match flagstone::store::open(&address) {
            Ok(store) => store,
            Err(e) => {
                wrong.push(e.to_string());
                continue;
            }
        };
        let meta = store.meta();
        assert!(header.contains(meta.dtype.code()), "{line}: {} {header}", meta.dtype);
        // A name is meant as it is, also where it looks like a wish to decode.
        assert_eq!(flagstone::open(&address).unwrap().shape().unwrap(), meta.shape, "{line}");
        if read(&*store, &Region::whole(&meta.shape)) != data {
            wrong.push(line.to_string());
        }
        // A part that starts inside a chunk, into an output whose first axis runs fastest.
        if let [rows, columns, ..] = meta.shape[..] {
            let (item, inner) = (meta.dtype.size(), meta.shape[2..].iter().product::<u64>() as usize);
            let (start, mut lens) = ([rows / 3, 2], meta.shape.clone());
            (lens[0], lens[1]) = (rows - rows / 3, columns - 2);
            let region = Region::dense(&[&start[..], &vec![0; lens.len() - 2]].concat(), &lens);
            let mut out = vec![0; region.elements() as usize * item];
            let mut strides = vec![item as isize; lens.len()];
            for axis in 1..lens.len() {
                strides[axis] = strides[axis - 1] * lens[axis - 1] as isize;
            }
            let mut scratch = vec![0; store.scratch_bytes(&region) as usize];
            store.read(&region, &mut ViewMut::strided(&mut out, meta.dtype, &dims(&lens), &strides, 0), &mut scratch).unwrap();
            for (row, column) in (0..lens[0]).flat_map(|row| (0..lens[1]).map(move |column| (row, column))) {
                let at = ((row + start[0]) * columns + column + start[1]) as usize * inner * item;
                let to = row as usize * item + column as usize * lens[0] as usize * item;
                if out[to..to + item] != data[at..at + item] {
                    wrong.push(format!("part of {line}"));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    let path = dir.path().join("types_latest.h5");
    for (dataset, what) in [
        ("/table/plain#nothing", "there is no field nothing; there is a, b, c, z, flag, in"),
        ("/table/plain", "Name a field: …#a"),
        ("/array/plain#a", "the datatype is no compound"),
        ("/pairs/whole", "dtype complex of int32 is not supported. Name a field: …#r"),
        ("/pairs/padded", "dtype complex with bytes between or behind its parts is not supported. Name a field: …#r"),
        ("/pairs/unlike", "dtype complex with unlike parts is not supported. Name a field: …#r"),
    ] {
        let message = hdf5::open(&path, dataset, "types.h5").unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn files_that_a_writer_holds_are_read_where_that_is_safe_and_no_message_advises_damage() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_types.py", dir.path());
    let expected: Vec<u8> = (0..1000).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    let store = hdf5::open(&dir.path().join("swmr.h5"), "/x", "swmr.h5").unwrap();
    assert_eq!(read(&*store, &Region::whole(&[1000])), expected);
    // What this process writes it may read meanwhile, whatever the file says of writers.
    let latest = dir.path().join("types_latest.h5");
    let writer = hdf5::create(&latest, "/new", "types_latest.h5:/new", &Create::new(vec![3], DType::F64)).unwrap();
    assert_eq!(hdf5::open(&latest, "/tail.", "types_latest.h5").unwrap().meta().shape, [3]);
    drop(writer);
    let before = std::fs::read(dir.path().join("alone.h5")).unwrap();
    let message = hdf5::open(&dir.path().join("alone.h5"), "/x", "alone.h5").unwrap_err().to_string();
    assert!(message.contains("was not closed") && message.contains("FLAGSTONE_READ_UNCLOSED=1"), "{message}");
    assert!(!message.contains("h5clear"), "{message}");
    // Where the user says so, in a process of its own: the environment belongs to all threads.
    let address = format!("x={}:/x", dir.path().join("alone.h5").display());
    let ran = Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .args(["eval", "x.sum()", &address])
        .env("FLAGSTONE_READ_UNCLOSED", "1")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "499500.0", "{}", String::from_utf8_lossy(&ran.stderr));
    let message = hdf5::create(&dir.path().join("alone.h5"), "/y", "alone.h5:/y", &Create::new(vec![3], DType::F64));
    let message = message.err().expect("a file that somebody writes").to_string();
    assert!(!message.contains("h5clear"), "{message}");
    assert_eq!(std::fs::read(dir.path().join("alone.h5")).unwrap(), before);
}

/// A Python that has a file open, until it is told to close it.
struct Holder(std::process::Child);

impl Holder {
    fn of(path: &Path, script: &str) -> Holder {
        use std::io::BufRead;
        let python = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py; `make test` sets it up");
        let piped = std::process::Stdio::piped;
        let mut child = Command::new(python).args(["-c", script]).arg(path).stdin(piped()).stdout(piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");
        Holder(child)
    }

    fn close(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn a_file_that_another_program_has_locked_is_read_where_the_user_says_so_and_never_written() {
    const HOLD: &str = "
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r+')
f['x'][...] = np.arange(10.0) + 1
f['later'] = np.arange(5.0)
print('open', flush=True)
sys.stdin.read()
f.close()";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("held.h5");
    let doubles = |from: u32, n: u32| (from..from + n).flat_map(|i| f64::from(i).to_ne_bytes()).collect::<Vec<u8>>();
    // A file whose superblock does not say who has it, as h5py makes them.
    let make = "import sys, h5py, numpy as np\nwith h5py.File(sys.argv[1], 'w') as f: f['x'] = np.arange(10.0)\nprint('open')";
    Holder::of(&path, make).close();
    let holder = Holder::of(&path, HOLD);
    let message = hdf5::open(&path, "/x", "held.h5").unwrap_err().to_string();
    assert!(message.contains("holds a lock on it") && message.contains("FLAGSTONE_READ_UNCLOSED=1"), "{message}");
    let create = |name: &str| hdf5::create(&path, name, &format!("held.h5:{name}"), &Create::new(vec![3], DType::F64));
    let message = create("/y").err().expect("a file that somebody writes").to_string();
    assert!(message.contains("holds a lock on it") && message.contains("would damage it"), "{message}");
    let address = format!("x={}:/x", path.display());
    let ran = Command::new(env!("CARGO_BIN_EXE_flagstone")).args(["eval", "x.size", &address]).env("FLAGSTONE_READ_UNCLOSED", "1").output();
    let ran = ran.unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "10", "{}", String::from_utf8_lossy(&ran.stderr));
    holder.close();
    let whole = |name: &str, n: u64| read(&*hdf5::open(&path, name, "held.h5").unwrap(), &Region::whole(&[n]));
    assert_eq!((whole("/x", 10), whole("/later", 5)), (doubles(1, 10), doubles(0, 5)));
    // Those who only read hold one together with others; and what this process writes it reads meanwhile.
    let reader = Holder::of(&path, "import sys, h5py\nf = h5py.File(sys.argv[1], 'r')\nprint('open', flush=True)\nsys.stdin.read()");
    assert_eq!(whole("/x", 10), doubles(1, 10));
    let message = create("/y").err().expect("a file that somebody reads").to_string();
    assert!(message.contains("holds a lock on it"), "{message}");
    reader.close();
    let writer = create("/y").unwrap();
    assert_eq!(whole("/x", 10), doubles(1, 10));
    let written = doubles(7, 3);
    writer
        .write(&Region::whole(&[3]), &View::dense(&written, DType::F64, &[3]), &mut vec![0; writer.scratch_bytes(&[3]) as usize])
        .unwrap();
    writer.commit().unwrap();
    assert_eq!(whole("/y", 3), written);
}
