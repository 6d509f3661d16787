//! Many files as one array, in `eval`, `info`, `diff` and the interface: concatenated, stacked, by a coordinate. The files are those of other
//! programs.

use flagstone::array::{StoreOptions, open_many};
use flagstone::store::AsOne;
use flagstone::{Array, Runtime, idx, open, random};
use std::process::{Command, Output};
use std::sync::atomic::Ordering::SeqCst;

fn flagstone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstone")).args(args).env("RUST_BACKTRACE", "0").output().expect("the binary runs")
}

fn ok(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

fn refuses(args: &[&str], parts: &[&str]) {
    let output = flagstone(args);
    let message = String::from_utf8_lossy(&output.stderr).to_string();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
    assert!(parts.iter().all(|part| message.contains(part)), "{args:?}: {message}");
}

/// Files of `make_many.py` in a directory of their own.
fn files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let program = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py, netCDF4 and zarr");
    let run = Command::new(program).args(["-W", "ignore", "tests/python/make_many.py"]).arg(directory.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    directory
}

fn at(directory: &tempfile::TempDir, name: &str) -> String {
    directory.path().join(name).display().to_string()
}

fn runtime() -> Runtime {
    Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap()
}

fn same(runtime: &Runtime, found: &Array, wanted: &Array) -> bool {
    found.shape().unwrap() == wanted.shape().unwrap()
        && found.dtype().unwrap() == wanted.dtype().unwrap()
        && runtime.item::<bool>(&(found.eq(wanted) | (found.ne(found.clone()) & wanted.ne(wanted.clone()))).all(..)).unwrap()
}

#[test]
fn files_of_others_are_one_array() {
    let directory = files();
    let whole = open(at(&directory, "whole.npy")).unwrap();
    let rows = open(at(&directory, "rows.npy")).unwrap();
    let runtime = runtime();
    // Of unequal chunks, codecs and lengths, one of them without a row.
    for (pattern, back) in [("a_*.h5:/x", false), ("n_*.npy", false), ("z_*.zarr?axis=1", true), ("z_*.zarr?axis=-1", true)] {
        let x = open(at(&directory, pattern)).unwrap();
        let x = if back { x.t() } else { x };
        assert!(same(&runtime, &x, &whole), "{pattern}");
        for (name, part, wanted) in [
            ("steps", x.index(idx![2..61;7, ..;2]), whole.index(idx![2..61;7, ..;2])),
            ("one row", x.index(idx![30]), whole.index(idx![30])),
            ("downwards", x.flip(0).index(idx![..20]), whole.flip(0).index(idx![..20])),
            ("columns in order", x.sort(0), whole.sort(0)),
            ("a product", x.t().matmul(&x), whole.t().matmul(&whole)),
            ("nothing", x.index(idx![5..5]), whole.index(idx![5..5])),
        ] {
            if name == "a product" {
                let most = runtime.item::<f32>(&(part - wanted).abs().max(..)).unwrap();
                assert!(most < 1e-4, "{pattern}: {name}: {most}");
            } else {
                assert!(same(&runtime, &part, &wanted), "{pattern}: {name}");
            }
        }
    }
    let raw = open(at(&directory, "r_*.bin?dtype=>f4&shape=8,6&order=F&stack=0")).unwrap();
    assert!(same(
        &runtime,
        &raw,
        &open_many(&[at(&directory, "n_1.npy"), at(&directory, "n_10.npy")], &AsOne::default().stack(0), false).unwrap()
    ));
    for (stack, moved) in [(0, rows.clone()), (1, rows.moveaxis(0, 1)), (-1, rows.moveaxis(0, -1))] {
        let x = open(at(&directory, &format!("s_*.h5:/x?stack={stack}"))).unwrap();
        assert!(same(&runtime, &x, &moved), "stack={stack}");
        assert!(same(&runtime, &x.index(idx![1, 2..4]), &moved.index(idx![1, 2..4])), "stack={stack}");
    }
    // A coordinate of one value beside each goes down with their numbers.
    let x = open(at(&directory, "s_*.h5:/x?stack=0&by=when")).unwrap();
    assert!(same(&runtime, &x, &rows.flip(0)));
    let tas = open(at(&directory, "p_*.nc:/tas?by=time&decode=cf")).unwrap();
    assert!(same(&runtime, &tas, &open(at(&directory, "tas.npy")).unwrap()));
    let tos = open(at(&directory, "p_*.nc:/tos?by=time")).unwrap();
    assert!(same(&runtime, &tos, &open(at(&directory, "p_*.nc:/tas?by=time")).unwrap().astype(flagstone::DType::F32)));
    let some = [at(&directory, "a_1.h5:/x"), at(&directory, "a_0.h5:/x")];
    assert!(same(&runtime, &open_many(&some, &AsOne::default(), false).unwrap().index(idx![8..]), &whole.index(idx![..3])));
}

#[test]
fn the_command_line_takes_patterns_everywhere() {
    let directory = files();
    let pattern = |name: &str| at(&directory, name);
    let bind = |name: &str, address: &str| format!("{name}={}", at(&directory, address));
    let same = "abs(x - y).max()";
    assert_eq!(ok(&["eval", same, &bind("x", "a_*.h5:/x"), &bind("y", "whole.npy")]), "0.0");
    assert_eq!(ok(&["eval", "x.shape", &bind("x", "s_*.h5:/x?stack=1")]), "(4, 12, 6)");
    assert_eq!(ok(&["eval", "nanmax(abs(x - y))", &bind("x", "p_*.nc:/tas?by=time&decode=cf"), &bind("y", "tas.npy")]), "0.0");
    let told = ok(&["info", &pattern("p_*.nc:/tas?by=time")]);
    assert!(told.contains("(14, 3)") && told.contains("time, lat") && told.contains("stored"), "{told}");
    let told: serde_json::Value = serde_json::from_str(&ok(&["info", "--json", &pattern("a_*.h5:/x")])).unwrap();
    assert_eq!((told["shape"].to_string(), told["kind"].as_str()), ("[64,6]".to_string(), Some("array")));
    assert_eq!(ok(&["diff", &pattern("n_*.npy"), &pattern("whole.npy")]), "");
    ok(&["verify", &pattern("z_*.zarr?axis=1")]);
    let said = ok(&["convert", &pattern("s_*.h5:/x"), &pattern("s.zarr"), "--stack", "0", "--by", "when", "--verify"]);
    assert!(said.contains("12 files along axis 0"), "{said}");
    assert_eq!(ok(&["eval", "abs(x[::-1] - y).max()", &bind("x", "s.zarr"), &bind("y", "rows.npy")]), "0.0");
    // Values are taken from one, and from many, wherever an array is read.
    ok(&["convert", &pattern("p_*.nc:/tas?by=time&decode=cf"), &pattern("tas.zarr"), "--verify"]);
    ok(&["convert", &pattern("p_1.nc:/tas?decode=cf"), &pattern("one.npy")]);
    assert_eq!(ok(&["diff", &pattern("p_*.nc:/tas?by=time&decode=cf"), &pattern("tas.npy")]), "");
    assert_eq!(ok(&["diff", &pattern("tas.zarr"), &pattern("tas.npy")]), "");
    assert_eq!(ok(&["diff", &pattern("p_1.nc:/tas?decode=cf"), &pattern("one.npy")]), "");
    ok(&["verify", &pattern("p_1.nc:/tas?decode=cf")]);
    let told = ok(&["info", &pattern("p_1.nc:/tas?decode=cf")]);
    assert!(told.contains("float64") && !told.contains("scale_factor"), "as it is read: {told}");
    // A whole file is decoded array by array.
    let told = ok(&["info", &pattern("p_1.nc?decode=cf")]);
    assert!(told.contains("tas  (3, 3) float64") && told.contains("is_land  (3,) bool") && !told.contains("scale_factor"), "{told}");
    ok(&["convert", &pattern("p_1.nc?decode=cf"), &pattern("all.zarr"), "--verify"]);
    assert_eq!(ok(&["diff", &pattern("p_1.nc?decode=cf"), &pattern("all.zarr")]), "");
    assert_eq!(ok(&["diff", &pattern("all.zarr:/tas"), &pattern("one.npy")]), "");
    assert_eq!(ok(&["eval", "x.dtype, sum(x)", &bind("x", "all.zarr:/is_land")]), "(dtype('bool'), 2)");
    ok(&["verify", &pattern("p_1.nc?decode=cf")]);
    ok(&["convert", &pattern("filled.zarr?decode=cf"), &pattern("filled.npy")]);
    assert_eq!(ok(&["eval", "x", &bind("x", "filled.npy")]), "[ 1. nan  3.  4.]");
    refuses(&["convert", &pattern("p_1.nc"), &pattern("b.zarr?decode=cf")], &["of what is read, not of what is written"]);
    let told = ok(&["info", &pattern("tas.zarr")]);
    assert!(
        told.contains("float64") && !told.contains("scale_factor") && !told.contains("_FillValue") && told.contains("time, lat"),
        "{told}"
    );
    // A plan that is written down names the pattern, and sees when one of the files is written again.
    let plan = pattern("plan.json");
    std::fs::write(&plan, ok(&["eval", "x.sum()", &bind("x", "n_*.npy"), "--explain=json"])).unwrap();
    ok(&["run", &plan]);
    std::fs::copy(pattern("n_9.npy"), pattern("n_9b.npy")).unwrap();
    refuses(&["run", &plan], &["make it again"]);
}

#[test]
fn what_is_no_one_array_is_refused_by_the_name_of_the_file() {
    let directory = files();
    let of = |address: &str| format!("x={}", at(&directory, address));
    let eval = |address: &str, parts: &[&str]| refuses(&["eval", "x.sum()", &of(address)], parts);
    eval("none_*.h5:/x", &["no file is called as in", "none_*.h5"]);
    eval("a_*.h5:/y", &["a_0.h5", "no dataset /y"]);
    eval("a_*.h5:/x?stack=0", &["a_1.h5", "[8, 6] float32, the first one", "[3, 6] float32", "do not stack"]);
    eval("z_*.zarr", &["z_1.zarr", "no one array along axis 0"]);
    eval("a_*.h5:/x?axis=depth", &["no axis depth"]);
    eval("a_*.h5:/x?axis=2", &["no axis 2"]);
    eval("s_*.h5:/x?stack=4", &["no place for a new axis 4"]);
    eval("s_*.h5:/x?stack=0&axis=1", &["not both"]);
    eval("p_*.nc:/tas?by=lat", &["lat"]);
    eval("q_*.nc:/tas?by=time", &["q_2.nc", "stand for other values"]);
    let (path, other) = (at(&directory, "n_4.npy"), at(&directory, "tas.npy"));
    std::fs::copy(other, path).unwrap();
    eval("n_*.npy", &["n_4.npy", "[14, 3] float64, the first one", "no one array"]);
}

/// Rows of files whose chunks do not end where the files do: each chunk is decoded once, whatever is made of it, and of a slice only the
/// files that it lies in are touched.
#[test]
fn each_chunk_is_decoded_once_and_slices_touch_their_files() {
    const COLUMNS: i64 = 600;
    let directory = tempfile::tempdir().unwrap();
    let rows = [700i64, 1300, 450, 1000, 990, 1510];
    let mut decoded_all = 0;
    for (n, rows) in rows.iter().enumerate() {
        let x = random::normal(0.0, 1.0).shape([*rows, COLUMNS]).seed(n as u64).build();
        Runtime::builder()
            .build()
            .unwrap()
            .store_with(
                &x,
                at(&directory, &format!("a_{n}.h5:/x")),
                &StoreOptions::new().chunks([200, 300]).codec("gzip:1".parse().unwrap()),
            )
            .unwrap();
        decoded_all += (*rows as u64).div_ceil(200) * 200 * COLUMNS as u64 * 8;
    }
    let x = open(at(&directory, "a_*.h5:/x")).unwrap();
    let decoded = |array: &Array| {
        let runtime = Runtime::builder().memory_limit("48MiB").threads(2).build().unwrap();
        runtime.compute_any(array).unwrap();
        runtime.counters().decoded_bytes.load(SeqCst)
    };
    for (name, array) in [
        ("sum", x.sum(..)),
        ("mean of columns", x.mean(flagstone::axis(0))),
        ("rows", x.max(flagstone::axis(1))),
        ("anomaly of rows", (x.clone() - x.mean(flagstone::axis(1).keepdims())).abs().max(..)),
        ("median of columns", x.median(flagstone::axis(0))),
    ] {
        assert_eq!(decoded(&array), decoded_all, "{name}");
    }
    // The third file's chunks, and those of a row.
    assert_eq!(decoded(&x.index(idx![2000..2450]).sum(..)), 600 * COLUMNS as u64 * 8);
    assert_eq!(decoded(&x.index(idx![2001]).sum(..)), 200 * COLUMNS as u64 * 8);
    let again = open(at(&directory, "a_*.h5:/x")).unwrap();
    std::fs::remove_file(at(&directory, "a_0.h5")).unwrap();
    assert_eq!(decoded(&again.index(idx![2001]).sum(..)), 200 * COLUMNS as u64 * 8);
    let error = Runtime::builder().build().unwrap().compute_any(&again.sum(..)).unwrap_err().to_string();
    assert!(error.contains("a_0.h5"), "{error}");
}
