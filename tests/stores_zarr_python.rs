//! Files of zarr-python and NumPy read here, ours read there.

use flagstone::DType;
use flagstone::grid::Region;
use flagstone::store::conformance::{check_reads, read_dense, write_all};
use flagstone::store::{Codec, Create, Store, create, open, tree};
use std::path::Path;
use std::process::Command;

/// Runs a script of `tests/python`; its output.
fn python(script: &str, argument: &Path) -> String {
    let program =
        std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with numpy and zarr; `make test` sets one up");
    let script = Path::new("tests/python").join(script);
    let run = Command::new(program).args(["-W", "ignore"]).arg(script).arg(argument).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn elements(store: &dyn Store) -> Vec<u8> {
    read_dense(store, &Region::whole(&store.meta().shape))
}

#[test]
fn what_zarr_python_and_numpy_write_is_read() {
    let directory = tempfile::tempdir().unwrap();
    python("make_zarr.py", directory.path());
    let mut checked = 0;
    let mut entries: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for expected in entries.iter().filter(|p| p.to_string_lossy().ends_with(".expected.npy")) {
        let stem = expected.to_str().unwrap().strip_suffix(".expected.npy").unwrap().to_string();
        let there =
            [".npy", ".zarr.zip", ".zarr"].map(|ending| format!("{stem}{ending}")).into_iter().find(|path| Path::new(path).exists());
        let address = there.unwrap();
        if address.contains("/refused_") {
            continue;
        }
        let want = open(expected.to_str().unwrap()).unwrap();
        let store = open(&address).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((&store.meta().shape, store.meta().dtype), (&want.meta().shape, want.meta().dtype), "{address}");
        let bytes = elements(&*want);
        assert!(elements(&*store) == bytes, "{address} ({}): elements differ", store.meta().codec);
        check_reads(&*store, &bytes, checked + 1);
        checked += 1;
    }
    assert!(checked > 270, "only {checked} files were compared");

    let at = |name: &str| format!("{}/{name}", directory.path().display());
    for (name, what) in [
        ("text", "dtype <U4"),
        ("bytes", "dtype |S5"),
        ("string", "dtype |O"),
        ("string3", "data type string"),
        ("fixed3", "data type fixed_length_utf32"),
        ("table", "have the fields"),
        ("lookup3", "\"jenkins_lookup3\"; known are zstd"),
        ("raw", "lzma: raw streams (format 3)"),
        ("transposed", "the filter astype:int16 of transposed elements"),
    ] {
        let message = open(at(&format!("refused_{name}.zarr"))).unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
    assert_eq!(open(at("v2_four_zlib_C.zarr")).unwrap().meta().codec, "astype:int32 + delta:int16 + delta + shuffle + zlib:1");
    let described = open(at("v3_described.zarr")).unwrap();
    assert_eq!(described.meta().attributes["list"], serde_json::json!([1, 2]));
    assert_eq!(described.meta().dimension_names, Some(vec![Some("lat".into()), None]));
    let described = open(at("v2_described.zarr")).unwrap();
    assert_eq!(described.meta().dimension_names, Some(vec![Some("lat".into()), Some("lon".into())]));
    assert_eq!(described.meta().attributes.len(), 1);
    assert_eq!(open(at("v3_default.zarr")).unwrap().meta().codec, "zstd:0");

    let message = open(at("refused_zip_shards.zarr.zip")).unwrap_err().to_string();
    assert!(message.contains("shards that are packed in the zip file"), "{message}");
    let zipped = at("group.zarr.zip");
    assert_eq!(tree(&zipped).unwrap().arrays(), ["/a/x", "/y"]);
    assert_eq!(open(format!("{zipped}:/a/x")).unwrap().meta().chunks, Some(vec![10, 10]));
    let message = open(format!("{zipped}:/a/z")).unwrap_err().to_string();
    assert!(message.contains("it holds /a/x"), "{message}");
    let message = create(format!("{zipped}:/new"), &Create::new(vec![3], DType::F32)).err().unwrap().to_string();
    assert!(message.contains("a zip file is read, not written"), "{message}");

    for version in [2, 3] {
        let address = at(&format!("consolidated_v{version}.zarr"));
        let found = tree(&address).unwrap();
        assert_eq!(found.arrays(), ["/a", "/g/x", "/g-h", "/z"]);
        assert_eq!((&found.attributes["title"], &found.children[1].attributes["deep"]), (&"all".into(), &1.into()));
        assert_eq!(found.children[1].children[1].meta.as_ref().unwrap().attributes["units"], "K");
        assert!(found.children[1].children[0].refused.as_ref().unwrap().why.contains("numbers, bool and times are read"));
        // What it does not know of is not hidden by it.
        let mut wanted = Create::new(vec![3], DType::F32);
        wanted.zarr_version = version;
        write_all(&*create(format!("{address}:/new"), &wanted).unwrap(), &wanted.shape, DType::F32, &[1; 12]);
        assert_eq!(tree(&address).unwrap().arrays(), ["/new"], "the documents of the others were removed");
        assert_eq!(tree(&address).unwrap().attributes["title"], "all");
    }

    let group = tree(at("nczarr.zarr")).unwrap();
    assert_eq!(group.arrays(), ["/g/s", "/t"]);
    assert_eq!(group.attributes.keys().collect::<Vec<_>>(), ["_NCProperties"]);
    for (path, file, names) in [("t", "nczarr_t.npy", vec!["lat", "lon"]), ("g/s", "nczarr_s.npy", vec!["lat"])] {
        let store = open(at(&format!("nczarr.zarr:/{path}"))).unwrap();
        assert!(elements(&*store) == elements(&*open(at(file)).unwrap()), "{path}");
        assert_eq!(store.meta().dimension_names, Some(names.into_iter().map(|name| Some(name.to_string())).collect()));
        assert!(store.meta().attributes.keys().all(|name| !name.starts_with("_nczarr")), "{:?}", store.meta().attributes);
    }

    for version in ["v2", "v3"] {
        let store = open(at(&format!("{version}_nan_attributes.zarr"))).unwrap();
        assert_eq!(store.meta().attributes["_FillValue"], "NaN");
        assert_eq!(store.meta().attributes["range"], serde_json::json!(["-Infinity", "Infinity", 1.5]));
        assert!(store.resident_bytes() > 0);
        let store = open(at(&format!("{version}_time_M.zarr"))).unwrap();
        assert_eq!(store.meta().attributes["(integers are)"], "datetime64[ns]");
        assert_eq!(store.meta().fill, Some(flagstone::Scalar::Int(i64::MIN)));
        assert_eq!(open(at(&format!("{version}_time_m.zarr"))).unwrap().meta().attributes["(integers are)"], "timedelta64[10s]");
    }

    let group = tree(at("group.zarr")).unwrap();
    assert_eq!(group.attributes["title"], "a group");
    assert_eq!(group.arrays(), ["/a/x", "/y"]);
    let message = open(at("group.zarr")).unwrap_err().to_string();
    assert!(message.contains("/a/x, /y"), "{message}");
    let message = open(at("group.zarr:/a/z")).unwrap_err().to_string();
    assert!(message.contains("it holds /a/x"), "{message}");
    let message = open(at("grup.zarr")).unwrap_err().to_string();
    assert!(message.contains("did you mean") && message.contains("group.zarr"), "{message}");
    assert_eq!(open(at("one.zarr")).unwrap().meta().shape, [37, 29]);
}

#[test]
fn what_is_written_here_is_read_by_zarr_python_and_numpy() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = 0;
    let mut put = |inside: &str, ending: &str, create_with: Create| {
        let stem = directory.path().join(format!("n{written}"));
        let stem = stem.to_str().unwrap();
        let inside_address = if inside.is_empty() { String::new() } else { format!(":/{inside}") };
        let address = format!("{stem}{ending}{inside_address}");
        let size = create_with.dtype.size() * create_with.shape.iter().product::<u64>() as usize;
        let range = if create_with.dtype == DType::Bool { 2 } else { 251 };
        let bytes: Vec<u8> = (0..size as u64).map(|i| ((i * i / 7 + i) % range) as u8).collect();
        write_all(&*create(&address, &create_with).unwrap(), &create_with.shape, create_with.dtype, &bytes);
        std::fs::write(format!("{stem}.bin"), &bytes).unwrap();
        let meta = open(&address).unwrap().meta().clone();
        let described = serde_json::json!({
            "ending": ending, "inside": inside, "dtype": create_with.dtype.name(), "shape": create_with.shape,
            "chunks": meta.chunks, "shards": meta.shards, "version": create_with.zarr_version,
            "attributes": create_with.attributes, "names": create_with.dimension_names,
        });
        std::fs::write(format!("{stem}.json"), described.to_string()).unwrap();
        written += 1;
    };
    let dtypes = || DType::ALL.into_iter().filter(|d| *d != DType::BF16);
    for dtype in dtypes() {
        for version in [2, 3] {
            let mut wanted = Create::new(vec![11, 13], dtype);
            (wanted.chunks, wanted.zarr_version) = (Some(vec![4, 5]), version);
            put("", ".zarr", wanted);
        }
        put("", ".npy", Create::new(vec![3, 4, 5], dtype));
    }
    for codec in ["none", "zstd:0", "zstd:9", "gzip:1", "gzip:0", "blosc:lz4:5", "blosc:zstd:3", "blosc:blosclz:9", "blosc:zlib:1"] {
        for (version, checksum, shards) in [(2, false, None), (3, false, None), (3, true, None), (3, false, Some(vec![20, 12]))] {
            let mut wanted = Create::new(vec![37, 29], DType::F64);
            wanted.chunks = Some(vec![10, 6]);
            wanted.codec = Some(codec.parse::<Codec>().unwrap());
            (wanted.zarr_version, wanted.checksum, wanted.shards) = (version, checksum, shards);
            wanted.attributes.insert("units".into(), "K".into());
            wanted.dimension_names = Some(vec![Some("lat".into()), Some("lon".into())]);
            put("", ".zarr", wanted);
        }
    }
    for shape in [vec![], vec![0, 3], vec![1000]] {
        put("", ".zarr", Create::new(shape.clone(), DType::F32));
        put("", ".npy", Create::new(shape.clone(), DType::F32));
        put("g/h/x", ".zarr", Create::new(shape, DType::F32));
    }
    assert_eq!(python("check_zarr.py", directory.path()).trim(), written.to_string());
}

#[test]
fn fields_times_and_members_of_npz_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    python("make_npz.py", directory.path());
    let at = |name: &str| format!("{}/{name}", directory.path().display());
    let told = std::fs::read_to_string(at("told.txt")).unwrap();
    for (n, line) in told.lines().enumerate() {
        let (address, expected) = line.split_once('\t').unwrap();
        let (store, want) = (open(at(address)).unwrap_or_else(|e| panic!("{e}")), open(at(expected)).unwrap());
        assert_eq!((&store.meta().shape, store.meta().dtype), (&want.meta().shape, want.meta().dtype), "{address}");
        let bytes = elements(&*want);
        assert!(elements(&*store) == bytes, "{address}: elements differ");
        check_reads(&*store, &bytes, n as u64);
    }
    assert!(told.lines().count() > 60, "only {} were compared", told.lines().count());
    assert_eq!(open(at("M8-25s.npy")).unwrap().meta().attributes["(integers are)"], "datetime64[25s]");
    assert_eq!(open(at("plain.npy#in.t")).unwrap().meta().attributes["(integers are)"], "timedelta64[10us]");

    let listed = tree(at("packed.npz")).unwrap();
    let names: Vec<&str> = listed.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["empty", "flags", "grö ße/y", "scalar", "when", "x", "zeros"]);
    assert_eq!(listed.children[5].meta.as_ref().unwrap().codec, "deflate (zip)");
    for (address, what) in [
        ("plain.npy", "the fields a, b, flag, in, pair, text; name one: …#a"),
        ("plain.npy#c", "there is no field c; there is a, b, flag, in, pair, text"),
        ("plain.npy#text", "dtype |S3"),
        ("plain.npy#in", "the fields x, t"),
        ("plain.npz", "the fields a"),
        ("stored.npz", "holds 7 arrays; choose one"),
        ("stored.npz:/z", "there is no z.npy in it; there is"),
        ("objects.npy", "objects of Python"),
        ("tables.zarr:/zstd", "the fields a, b, c, t; name one"),
        ("none.npz:/x", "No such file"),
    ] {
        let message = open(at(address)).unwrap_err().to_string();
        assert!(message.contains(what), "{address}: {message}");
    }
    // Damaged members are errors, and what is packed is checked before any of it is used.
    let good = std::fs::read(at("packed.npz")).unwrap();
    let want = elements(&*open(at("packed.npz:/x")).unwrap());
    let mut refused = 0;
    for at_byte in (0..good.len()).step_by(good.len() / 400) {
        let mut bad = good.clone();
        bad[at_byte] ^= 0x10;
        std::fs::write(at("bad.npz"), bad).unwrap();
        // A short member is checked when it is opened, a long one when it is read.
        let Ok(store) = open(at("bad.npz:/x")) else {
            refused += 1;
            continue;
        };
        let region = Region::whole(&store.meta().shape);
        let mut out = vec![0; want.len()];
        let mut scratch = vec![0; store.scratch_bytes(&region) as usize];
        if store.meta().shape != [70, 30] || store.meta().dtype != DType::F64 {
            continue;
        }
        match store.read(&region, &mut flagstone::ViewMut::dense(&mut out, DType::F64, &[70, 30]), &mut scratch) {
            Ok(_) => assert!(out == want, "byte {at_byte} changed the values"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused} damaged files were refused");
}
