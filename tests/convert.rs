//! `flagstone convert`, `diff` and `verify` from outside: what is copied is the same, what differs is said.

use flagstone::Runtime;
use flagstone::array::StoreOptions;
use flagstone::grid::Region;
use flagstone::store::conformance::{read_dense, write_all};
use flagstone::store::{AttributeKinds, Create, create, create_group, open, tree};
use flagstone::{DType, Scalar};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

fn flagstone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstone")).args(args).env("RUST_BACKTRACE", "0").output().expect("the binary runs")
}

/// The output of a call that must succeed.
fn ok(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

/// Output and error of a call that must fail.
fn fails(args: &[&str]) -> (String, String) {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    (String::from_utf8_lossy(&output.stdout).trim_end().to_string(), String::from_utf8_lossy(&output.stderr).trim_end().to_string())
}

fn at(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// Runs a script of `tests/python` in a directory.
fn python(script: &str, dir: &Path, arguments: &[&str]) {
    let program =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with netCDF4 and zarr; `make test` sets one up");
    let script = Path::new("tests/python").join(script);
    let run = Command::new(program).args(["-W", "ignore"]).arg(script).arg(dir).args(arguments).output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// Writes float64 numbers `first`, `first` + 1, … as an array with all that formats keep.
fn put(address: &str, shape: &[u64], first: f64) {
    let mut wanted = Create::new(shape.to_vec(), DType::F64);
    wanted.fill = Some(Scalar::Float(-9.0));
    wanted.chunks = Some(shape.iter().map(|&n| n.min(4)).collect());
    wanted.attributes = json!({"units": "K", "levels": [1, 2], "scale": 0.5}).as_object().unwrap().clone();
    wanted.dimension_names = Some((0..shape.len()).map(|axis| Some(["time", "lat", "lon"][axis].to_string())).collect());
    let bytes: Vec<u8> = (0..shape.iter().product()).flat_map(|i: u64| (first + i as f64).to_ne_bytes()).collect();
    write_all(&*create(address, &wanted).unwrap(), shape, DType::F64, &bytes);
}

fn values(address: &str) -> Vec<u8> {
    let store = open(address).unwrap();
    read_dense(&*store, &Region::whole(&store.meta().shape))
}

#[test]
fn a_group_goes_round_all_formats_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let source = at(dir.path(), "a.zarr");
    create_group(&source, json!({"title": "all", "version": 3}).as_object().unwrap(), &AttributeKinds::new(), 3).unwrap();
    create_group(format!("{source}:/g"), json!({"deep": true}).as_object().unwrap(), &AttributeKinds::new(), 3).unwrap();
    put(&format!("{source}:/t"), &[10, 7], 0.0);
    put(&format!("{source}:/g/u"), &[5], 100.0);
    let mut before = source.clone();
    for (name, options) in [
        ("b.h5", &["--codec", "gzip:1"][..]),
        ("c.zarr", &["--zarr-version", "2", "--codec", "zstd:3"]),
        ("d.zarr", &["--chunks", "time=3,lat=2", "--verify"]),
        ("e.h5:/inside", &[]),
    ] {
        let target = at(dir.path(), name);
        let said = ok(&[&["convert", &before, &target], options].concat());
        assert!(said.starts_with("2 arrays to copy, 600 B"), "{said}");
        assert_eq!(said.matches(", verified").count(), if options.contains(&"--verify") { 2 } else { 0 }, "{said}");
        assert_eq!(ok(&["diff", &before, &target]), "");
        let (x, y) = (tree(&source).unwrap(), tree(&target).unwrap());
        assert_eq!((y.arrays(), y.attributes), (x.arrays(), x.attributes), "{name}");
        assert_eq!(
            tree(flagstone::convert::inside(&target, "g").unwrap()).unwrap().attributes,
            json!({"deep": true}).as_object().unwrap().clone()
        );
        for path in ["t", "g/u"] {
            let (x, y) = (open(format!("{source}:/{path}")).unwrap(), open(flagstone::convert::inside(&target, path).unwrap()).unwrap());
            let (x, y) = (x.meta(), y.meta());
            assert_eq!(
                (&y.attributes, &y.dimension_names, y.fill),
                (&x.attributes, &x.dimension_names, Some(Scalar::Float(-9.0))),
                "{name}: {path}"
            );
        }
        before = target;
    }
    let chunks = |address: &str| open(address).unwrap().meta().chunks.clone();
    assert_eq!(chunks(&at(dir.path(), "d.zarr:/t")), Some(vec![3, 2]));
    assert_eq!(chunks(&at(dir.path(), "d.zarr:/g/u")), Some(vec![3]));
}

#[test]
fn what_was_stopped_is_gone_on_with_and_nothing_is_replaced_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"));
    put(&format!("{source}:/t"), &[10, 7], 0.0);
    put(&format!("{source}:/u"), &[5], 100.0);
    assert!(ok(&["convert", &source, &target, "--dry-run"]).contains("2 arrays to copy"));
    assert!(!Path::new(&target).exists());
    ok(&["convert", &source, &target]);
    let (_, message) = fails(&["convert", &source, &target]);
    assert!(message.contains("is there already; ask for overwrite (--overwrite), or for resume (--resume)"), "{message}");
    // As after a kill: one array is whole, of the other there is a hidden part.
    std::fs::remove_dir_all(at(dir.path(), "b.zarr/u")).unwrap();
    std::fs::create_dir(at(dir.path(), "b.zarr/.u.partial-999999999-0")).unwrap();
    let said = ok(&["convert", &source, &target, "--resume"]);
    assert!(said.starts_with("1 array to copy (1 are there), 40 B"), "{said}");
    assert_eq!(ok(&["diff", &source, &target]), "");
    assert!(!Path::new(&at(dir.path(), "b.zarr/.u.partial-999999999-0")).exists());
    // What is there under the name is not what would be copied.
    put(&at(dir.path(), "c.zarr:/t"), &[3], 0.0);
    let (_, message) = fails(&["convert", &source, &at(dir.path(), "c.zarr"), "--resume"]);
    assert!(message.contains("is there with another shape or dtype"), "{message}");
    ok(&["convert", &source, &at(dir.path(), "c.zarr"), "--overwrite"]);
    assert_eq!(ok(&["diff", &source, &at(dir.path(), "c.zarr")]), "");
}

#[test]
fn what_is_long_says_how_long_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"));
    put(&source, &[10, 7], 0.0);
    // As large as its metadata say; chunks that are not there are the fill value.
    let document = at(dir.path(), "a.zarr/zarr.json");
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
    text["shape"] = json!([20_000, 7000]);
    std::fs::write(&document, text.to_string()).unwrap();
    let said = ok(&["convert", &source, &target, "--dry-run"]);
    let seconds = said.lines().next().unwrap().strip_prefix("1 array to copy, 1.0 GiB, about ").and_then(|rest| rest.strip_suffix(" s"));
    assert!(seconds.is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{said}");
    assert!(!Path::new(&target).exists());
}

#[test]
fn many_files_become_one_array_in_the_order_of_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for (name, rows, first) in [("a_9", 3, 0.0), ("a_10", 2, 21.0), ("a_11", 4, 35.0)] {
        put(&at(dir.path(), &format!("{name}.h5:/x")), &[rows, 7], first);
    }
    let pattern = at(dir.path(), "a_*.h5:/x");
    let target = at(dir.path(), "all.zarr");
    let said = ok(&["convert", &pattern, &target, "--axis", "time", "--chunks", "time=-1", "--verify"]);
    assert!(said.contains("3 files along axis 0"), "{said}");
    let want: Vec<u8> = (0..63).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    assert_eq!(values(&target), want);
    assert_eq!(open(&target).unwrap().meta().chunks, Some(vec![9, 4]));
    let (_, message) = fails(&["convert", &pattern, &at(dir.path(), "no.zarr"), "--axis", "lat"]);
    assert!(message.contains("they are no one array along axis 1"), "{message}");
    let (_, message) = fails(&["convert", &pattern, &at(dir.path(), "no.zarr"), "--axis", "depth"]);
    assert!(message.contains("has no axis depth") && message.contains("time, lat"), "{message}");
    let (_, message) = fails(&["convert", &at(dir.path(), "b_*.h5:/x"), &target]);
    assert!(message.contains("no file is called as in"), "{message}");
}

#[test]
fn what_netcdf4_wrote_keeps_its_dimensions_on_every_way() {
    let dir = tempfile::tempdir().unwrap();
    python("make_convert.py", dir.path(), &[]);
    for (from, to, options) in [
        ("a.nc", "b3.zarr", &["--chunks", "time=-1,lat=2", "--verify"][..]),
        ("a.nc", "b2.zarr", &["--zarr-version", "2"]),
        ("a.nc", "b.nc", &["--codec", "gzip:1"]),
        ("b3.zarr", "c.nc", &[]),
        ("b2.zarr", "d.h5", &[]),
        ("d.h5", "e.nc4", &[]),
        ("c.nc", "f.zarr", &[]),
    ] {
        ok(&[&["convert", &at(dir.path(), from), &at(dir.path(), to)], options].concat());
    }
    // What libnetcdf would have where nothing was written is not what is missing.
    let of_v2 = |path: &str| -> serde_json::Value { serde_json::from_slice(&std::fs::read(dir.path().join(path)).unwrap()).unwrap() };
    assert_eq!(of_v2("b2.zarr/deep/level/.zarray")["fill_value"], serde_json::Value::Null);
    assert_eq!(of_v2("b2.zarr/tas/.zarray")["fill_value"], -999);
    let refused = flagstone::zeros([3], flagstone::DType::F16).store(at(dir.path(), "half.nc:/x")).unwrap_err().to_string();
    assert!(refused.contains("NetCDF has no float16"), "{refused}");
    // Again over what is there: dimensions are made anew of those that it has.
    std::fs::copy(at(dir.path(), "b.nc"), at(dir.path(), "g.nc")).unwrap();
    ok(&["convert", &at(dir.path(), "a.nc:/tas"), &at(dir.path(), "g.nc:/tas"), "--overwrite"]);
    python("check_convert.py", dir.path(), &["b3.zarr", "b2.zarr", "b.nc", "c.nc", "e.nc4", "f.zarr", "g.nc"]);
    // What libnetcdf attached stays: an array more in its own file shares its dimensions.
    std::fs::copy(at(dir.path(), "a.nc"), at(dir.path(), "h.nc")).unwrap();
    ok(&["convert", &at(dir.path(), "b3.zarr:/tas"), &at(dir.path(), "h.nc:/more")]);
    python("check_convert.py", dir.path(), &["h.nc"]);
    // An array alone takes its dimensions along, as names without values.
    ok(&["convert", &at(dir.path(), "a.nc:/tas"), &at(dir.path(), "tas.nc:/tas")]);
    let alone = tree(at(dir.path(), "tas.nc")).unwrap();
    assert_eq!(alone.arrays(), ["/tas"]);
    assert_eq!(alone.children[0].meta.as_ref().unwrap().dimension_names, open(at(dir.path(), "a.nc:/tas")).unwrap().meta().dimension_names);
}

#[test]
fn names_that_begin_with_two_underscores_are_names() {
    let dir = tempfile::tempdir().unwrap();
    let x = flagstone::arange(0, 7, 1, None);
    for name in ["a.h5:/obs/__categories/cell", "b.zarr:/__d"] {
        Runtime::default_runtime().unwrap().store(&x, at(dir.path(), name)).unwrap();
    }
    for (from, to, name) in [("a.h5", "c.zarr", "obs/__categories/cell"), ("b.zarr", "d.h5", "__d"), ("b.zarr", "e.zarr", "__d")] {
        ok(&["convert", &at(dir.path(), from), &at(dir.path(), to), "--zarr-version", "2"]);
        let found = flagstone::open(format!("{}:/{name}", at(dir.path(), to))).unwrap().compute::<i64>().unwrap();
        assert_eq!(found.into_raw_vec_and_offset().0, [0, 1, 2, 3, 4, 5, 6], "{to}");
    }
}

#[test]
fn chunks_of_a_sensible_size_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let x = flagstone::arange(0, 600_000, 1, None).reshape([1000, 600]);
    for (chunks, kept) in [([100, 200], true), ([10, 20], false)] {
        let from = at(dir.path(), &format!("{chunks:?}.zarr"));
        Runtime::default_runtime().unwrap().store_with(&x, &from, &StoreOptions::new().chunks(chunks)).unwrap();
        for to in ["a.h5:/x", "b.zarr", "c.nc:/x"] {
            ok(&["convert", &from, &at(dir.path(), to), "--overwrite"]);
            let found = open(at(dir.path(), to)).unwrap().meta().chunks.clone();
            assert_eq!(found == Some(chunks.map(|n| n as u64).to_vec()), kept, "{to}: {found:?}");
        }
    }
}

#[test]
fn attributes_of_arrays_and_groups_keep_their_types_on_every_way() {
    let dir = tempfile::tempdir().unwrap();
    python("make_attributes.py", dir.path(), &[]);
    let ways = [
        ("a.h5", "b.h5", &[][..]),
        ("a.h5", "b2.zarr", &["--zarr-version", "2"]),
        ("a.h5", "b3.zarr", &[]),
        ("b2.zarr", "c.h5", &[]),
        ("b3.zarr", "d.h5", &[]),
        ("b3.zarr", "e2.zarr", &["--zarr-version", "2"]),
        ("e2.zarr", "e.h5", &[]),
        ("a.h5", "f.nc", &[]),
        ("e2.zarr", "g.nc", &[]),
        ("n.zarr", "n.h5", &[]),
        ("n.zarr", "n3.zarr", &[]),
        ("n3.zarr", "n4.h5", &[]),
    ];
    for (from, to, options) in ways {
        ok(&[&["convert", &at(dir.path(), from), &at(dir.path(), to)], options].concat());
    }
    let made: Vec<&str> = ways.iter().map(|(_, to, _)| *to).filter(|to| *to != "n3.zarr").collect();
    python("make_attributes.py", dir.path(), &made);
    // A group that is written once more keeps what is not replaced, with its type; an array in it takes nothing away.
    for name in ["b2.zarr", "b3.zarr", "c.h5"] {
        let address = at(dir.path(), name);
        let version = if name == "b2.zarr" { 2 } else { 3 };
        create_group(&address, json!({"one_i2": 7}).as_object().unwrap(), &AttributeKinds::new(), version).unwrap();
        let mut more = Create::new(vec![3], DType::F64);
        more.zarr_version = version;
        write_all(&*create(format!("{address}:/more"), &more).unwrap(), &[3], DType::F64, &[0; 24]);
        let (before, after) = (tree(at(dir.path(), "a.h5")).unwrap(), tree(&address).unwrap());
        assert!(!after.attribute_kinds.contains_key("one_i2") && after.attributes["one_i2"] == json!(7), "{name}");
        for (attribute, kind) in before.attribute_kinds.iter().filter(|(attribute, _)| *attribute != "one_i2") {
            assert_eq!(after.attribute_kinds.get(attribute), Some(kind), "{name}: {attribute}");
            assert_eq!(after.attributes[attribute], before.attributes[attribute], "{name}: {attribute}");
        }
    }
}

#[test]
fn many_files_become_one_array_in_the_order_of_a_coordinate() {
    let dir = tempfile::tempdir().unwrap();
    python("make_convert.py", dir.path(), &[]);
    let (pattern, target) = (at(dir.path(), "m_[0-9].nc:/tas"), at(dir.path(), "all.zarr"));
    let said = ok(&["convert", &pattern, &target, "--by", "time", "--verify"]);
    assert!(said.contains("9 files along axis 1"), "{said}");
    let want: Vec<u8> = (0..3).flat_map(|lat| (84..102).map(move |day| (lat * 1000 + day) as f32)).flat_map(f32::to_ne_bytes).collect();
    assert_eq!(values(&target), want);
    let refuses = |pattern: &str, options: &[&str], what: &str| {
        let (_, message) = fails(&[&["convert", &at(dir.path(), pattern), &at(dir.path(), "no.zarr")][..], options].concat());
        assert!(message.contains(what), "{message}");
    };
    // One of them counts days from another one.
    refuses("m_*.nc:/tas", &["--by", "time"], "values in unlike units give no order");
    refuses("m_[0-9].nc:/tas", &["--by", "lat"], "no variable lat");
    refuses("m_[0-9].nc:/tas", &["--by", "tas"], "expected values along one axis");
    std::fs::copy(at(dir.path(), "m_3.nc"), at(dir.path(), "m_3b.nc")).unwrap();
    refuses("m_*[0-9b].nc:/tas", &["--by", "time"], "unlike units");
    std::fs::remove_file(at(dir.path(), "m_12.nc")).unwrap();
    refuses("m_*.nc:/tas", &["--by", "time"], "they overlap, or do not go one way");
}

#[test]
fn one_array_goes_to_npy_and_what_it_does_not_keep_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (at(dir.path(), "a.zarr"), at(dir.path(), "x.npy"));
    put(&format!("{source}:/x"), &[3, 5], 0.0);
    let output = flagstone(&["convert", &source, &target]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("x.npy keeps no attributes and names of axes"));
    assert_eq!(values(&target), values(&source));
    put(&format!("{source}:/y"), &[3], 0.0);
    let (_, message) = fails(&["convert", &source, &at(dir.path(), "y.npy")]);
    assert!(message.contains("holds one array") && message.contains("holds 2"), "{message}");
    let (_, message) = fails(&["convert", &source, &at(dir.path(), "z.zarr"), "--chunks", "depth=3"]);
    assert!(message.contains("no array has an axis called \"depth\""), "{message}");
}

#[test]
fn differences_are_said_with_their_place_and_size() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"));
    put(&format!("{a}:/t"), &[4, 5], 0.0);
    put(&format!("{a}:/only"), &[2], 0.0);
    put(&format!("{a}:/shape"), &[2], 0.0);
    put(&format!("{b}:/shape"), &[3], 0.0);
    let mut bytes = values(&format!("{a}:/t"));
    bytes[8 * 7..8 * 8].copy_from_slice(&9.5f64.to_ne_bytes());
    bytes[8 * 19..].copy_from_slice(&f64::NAN.to_ne_bytes());
    let wanted = Create::new(vec![4, 5], DType::F64);
    write_all(&*create(format!("{b}:/t"), &wanted).unwrap(), &[4, 5], DType::F64, &bytes);
    let (said, message) = fails(&["diff", &a, &b]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("/only: only in {a}"));
    assert_eq!(lines[1], "/shape: [2] float64 and [3] float64");
    assert_eq!(lines[2], "/t: 2 of 20 elements; the first at [1, 2]: 7.0 and 9.5; the largest difference is 2.5");
    assert!(message.contains("3 of the arrays of"), "{message}");
    // NaN is what NaN is.
    assert_eq!(ok(&["diff", &format!("{b}:/t"), &format!("{b}:/t")]), "");
}

#[test]
fn a_damaged_chunk_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let address = at(dir.path(), "a.zarr");
    for name in ["x", "y"] {
        let mut wanted = Create::new(vec![8, 8], DType::F64);
        (wanted.chunks, wanted.checksum) = (Some(vec![4, 4]), true);
        let bytes: Vec<u8> = (0..64).flat_map(|i| f64::from(i + 1).to_ne_bytes()).collect();
        write_all(&*create(format!("{address}:/{name}"), &wanted).unwrap(), &[8, 8], DType::F64, &bytes);
    }
    assert_eq!(ok(&["verify", &address]).matches("512 B are good").count(), 2);
    let chunk = at(dir.path(), "a.zarr/y/c/1/0");
    let mut bytes = std::fs::read(&chunk).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&chunk, bytes).unwrap();
    let (said, message) = fails(&["verify", &address]);
    assert!(said.contains("/x: 512 B are good") && said.contains("/y: BAD: ") && said.contains("crc32c is"), "{said}");
    assert!(message.contains("1 cannot be read"), "{message}");
}
