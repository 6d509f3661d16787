//! `flagstone pyramid` from outside: each level is what NumPy makes of the one before it, read by zarr-python.

use flagstone::grid::Region;
use flagstone::store::conformance::{read_dense, write_all};
use flagstone::store::{Create, create, open};
use flagstone::{DType, Scalar};
use std::path::Path;
use std::process::{Command, Output};

fn flagstone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstone")).args(args).env("RUST_BACKTRACE", "0").output().expect("the binary runs")
}

fn ok(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fails(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Holds a pyramid against NumPy; returns how many levels it has.
fn check(source: &str, target: &str, method: &str, axes: &str, halved: &str) -> usize {
    let program = std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with zarr; `make test` sets one up");
    let script = Path::new("tests/python/check_pyramid.py");
    let run = Command::new(program).args(["-W", "ignore"]).arg(script).args([source, target, method, axes, halved]).output().unwrap();
    assert!(run.status.success(), "{target}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().parse().unwrap()
}

/// Writes an image with few different values, so that modes are not all ties.
fn image(address: &str, shape: &[u64], dtype: DType, below: u64) {
    let mut state = 5u64;
    let mut bytes = vec![0; shape.iter().product::<u64>() as usize * dtype.size()];
    for out in bytes.chunks_exact_mut(dtype.size()) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Scalar::Int((state >> 33) as i64 % below as i64).write(dtype, out);
    }
    write_all(&*create(address, &Create::new(shape.to_vec(), dtype)).unwrap(), shape, dtype, &bytes);
}

#[test]
fn levels_are_those_of_numpy() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for (n, (shape, dtype, method, options, axes, halved)) in [
        (&[700, 901][..], DType::U16, "mean", &["--chunks", "64,128"][..], "yx", "yx"),
        (&[2, 37, 300, 290], DType::F32, "mean", &["--axes", "czyx", "--chunks", "1,8,32,32", "--levels", "5"], "czyx", "zyx"),
        (&[3, 2, 5, 130, 70], DType::I8, "nearest", &["--chunks", "1,1,4,16,16", "--levels", "4", "--codec", "zstd:1"], "tczyx", "zyx"),
        (&[9, 260, 530], DType::U8, "mode", &["--halve", "yx", "--chunks", "3,32,32", "--shards", "3,64,64"], "zyx", "yx"),
        (&[1, 1], DType::I32, "mean", &[], "yx", "yx"),
    ]
    .into_iter()
    .enumerate()
    {
        let (source, target) = (at(&format!("{n}.npy")), at(&format!("{n}.ome.zarr")));
        image(&source, shape, dtype, if method == "mode" { 4 } else { 120 });
        let args = [&["pyramid", &source, &target, "--method", method, "--scale", "x=0.5"][..], options].concat();
        let limited = [&args[..], &["--memory-limit", "24MiB"]].concat();
        ok(&limited);
        let levels = check(&source, &target, method, axes, halved);
        assert!(levels > 1 || n == 4, "{levels} levels of {shape:?}");
        let message = fails(&args);
        assert!(message.contains("is there already"), "{message}");
    }
}

#[test]
fn what_was_stopped_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (source, target) = (at("a.npy"), at("a.ome.zarr"));
    image(&source, &[600, 500], DType::I16, 1000);
    let args = ["pyramid", &source, &target, "--chunks", "32,32", "--levels", "6", "--scale", "x=0.5"];
    ok(&args);
    // As it is when it was killed behind the third level: no metadata, and the others are missing.
    for level in 3..6 {
        std::fs::remove_dir_all(at(&format!("a.ome.zarr/{level}"))).unwrap();
    }
    std::fs::write(at("a.ome.zarr/zarr.json"), r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#).unwrap();
    let before = std::fs::metadata(at("a.ome.zarr/0/zarr.json")).unwrap().modified().unwrap();
    let told = ok(&[&args[..], &["--resume"]].concat());
    assert!(told.contains("6 levels (3 are there)"), "{told}");
    assert_eq!(check(&source, &target, "mean", "yx", "yx"), 6);
    assert_eq!(std::fs::metadata(at("a.ome.zarr/0/zarr.json")).unwrap().modified().unwrap(), before);
    // What is there of something else is not taken for a level.
    image(&at("b.npy"), &[600, 501], DType::I16, 1000);
    let message = fails(&["pyramid", &at("b.npy"), &target, "--resume"]);
    assert!(message.contains("no level 0 of this pyramid"), "{message}");
}

#[test]
fn a_failure_leaves_no_image() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let mut wanted = Create::new(vec![512, 512], DType::U16);
    wanted.chunks = Some(vec![64, 64]);
    let bytes: Vec<u8> = (0..512 * 512u32).flat_map(|i| (i as u16).to_ne_bytes()).collect();
    write_all(&*create(at("a.zarr"), &wanted).unwrap(), &[512, 512], DType::U16, &bytes);
    std::fs::write(at("a.zarr/c/5/5"), "damaged").unwrap();
    let message = fails(&["pyramid", &at("a.zarr"), &at("a.ome.zarr"), "--levels", "3"]);
    assert!(message.contains("c/5/5"), "{message}");
    assert!(!Path::new(&at("a.ome.zarr")).exists());
}

#[test]
fn what_is_no_image_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    image(&at("a.npy"), &[8, 8, 8], DType::F32, 100);
    image(&at("line.npy"), &[8], DType::F32, 100);
    image(&at("colours.npy"), &[8, 8, 3], DType::U8, 100);
    for (source, options, what) in [
        ("line.npy", &[][..], "2 to 5 axes"),
        ("a.npy", &["--axes", "xyt"], "time t first"),
        ("colours.npy", &[], "looks like 3 colours"),
        ("a.npy", &["--axes", "yx"], "2 to 5 axes"),
        ("a.npy", &["--method", "mode"], "a mode is of integers"),
        ("a.npy", &["--halve", "q"], "no axis q"),
        ("a.npy", &["--scale", "q=2"], "no axis q"),
    ] {
        let message = fails(&[&["pyramid", &at(source), &at("x.zarr")][..], options].concat());
        assert!(message.contains(what), "{message}");
    }
    let message = fails(&["pyramid", &at("a.npy"), &at("x.h5")]);
    assert!(message.contains("no Zarr group"), "{message}");
    let made = open(at("a.npy")).unwrap();
    assert_eq!(read_dense(&*made, &Region::whole(&[8, 8, 8])).len(), 2048);
}
