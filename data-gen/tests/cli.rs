//! The program as a person runs it.

use std::path::Path;
use std::process::{Command, Output};

fn data_gen(dir: &Path, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-gen"));
    command.current_dir(dir).args(args.split(' ')).args(if args.contains("--verify") { &[][..] } else { &["--memory-limit", "128MiB"] });
    command.output().unwrap()
}

fn made(dir: &Path, args: &str) {
    let output = data_gen(dir, args);
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

fn refused(dir: &Path, args: &str, why: &str) {
    let output = data_gen(dir, args);
    let message = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(!output.status.success() && message.contains(why), "{args}: {message}");
}

fn manifest(dir: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
}

fn open(dir: &Path, address: &str) -> flagstone::Array {
    flagstone::open(dir.join(address).to_str().unwrap()).unwrap()
}

#[test]
fn chunks_codec_and_format_do_not_change_the_values() {
    let dir = tempfile::tempdir().unwrap();
    let common = "--shape 300,70 --dtype f4 --dist exponential --param scale=3 --seed 7";
    made(dir.path(), &format!("a.h5:/x {common}"));
    made(dir.path(), &format!("b.h5:/g/y {common} --chunks 64,64 --codec gzip:1"));
    made(dir.path(), &format!("c.zarr {common} --chunks 100,9 --codec zstd:1"));
    made(dir.path(), &format!("d.npy {common}"));
    let first = manifest(dir.path(), "a.h5.x.manifest.json");
    for name in ["b.h5.g.y.manifest.json", "c.zarr.manifest.json", "d.npy.manifest.json"] {
        assert_eq!(manifest(dir.path(), name)["checksum"], first["checksum"], "{name}");
    }
    assert_eq!(first["seed"], 7);
    assert_eq!(first["parameters"]["scale"], 3.0);
    made(dir.path(), &format!("e.npy {common}8"));
    assert_ne!(manifest(dir.path(), "e.npy.manifest.json")["checksum"], first["checksum"]);
    let same = open(dir.path(), "a.h5:/x").eq(open(dir.path(), "c.zarr")).all(..).item::<bool>().unwrap();
    assert!(same);
    made(dir.path(), "b.h5:/g/y --verify");
}

#[test]
fn what_stands_there_is_replaced_only_when_told() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path(), "x.npy --shape 100 --dist normal");
    let before = std::fs::read(dir.path().join("x.npy")).unwrap();
    refused(dir.path(), "x.npy --shape 50 --dist normal", "--overwrite");
    assert_eq!(std::fs::read(dir.path().join("x.npy")).unwrap(), before);
    made(dir.path(), "x.npy --shape 50 --dist normal --overwrite");
    assert_eq!(manifest(dir.path(), "x.npy.manifest.json")["shape"], serde_json::json!([50]));
    // a manifest without its data is somebody's, too
    std::fs::remove_file(dir.path().join("x.npy")).unwrap();
    refused(dir.path(), "x.npy --shape 50", "manifest.json");
}

#[test]
fn a_changed_value_is_found() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path(), "x.npy --shape 1000 --dtype i4 --dist integers --param low=-5 high=5");
    made(dir.path(), "x.npy --verify");
    let path = dir.path().join("x.npy");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    refused(dir.path(), "x.npy --verify", "its manifest says");
}

#[test]
fn the_asked_part_is_nan_and_the_rest_as_without() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path(), "n.npy --shape 20000 --dtype f4 --dist normal --nan-fraction 0.25");
    made(dir.path(), "p.npy --shape 20000 --dtype f4 --dist normal");
    let (with, plain) = (open(dir.path(), "n.npy"), open(dir.path(), "p.npy"));
    let nan: i64 = with.isnan().count_nonzero(..).item().unwrap();
    assert!((4700..5300).contains(&nan), "{nan} of 20000");
    let kept: i64 = with.eq(&plain).count_nonzero(..).item().unwrap();
    assert_eq!(kept + nan, 20000);
    refused(dir.path(), "q.npy --shape 10 --dtype i4 --dist integers --nan-fraction 0.5", "no NaN");
}

#[test]
fn every_distribution_has_its_mean() {
    let dir = tempfile::tempdir().unwrap();
    for (dist, mean, slack) in [
        ("uniform --param low=2 high=4", 3.0, 0.02),
        ("integers --param low=0 high=11 --dtype i2", 5.0, 0.1),
        ("normal --param loc=-1 scale=2", -1.0, 0.05),
        ("exponential --param scale=2 --dtype f4", 2.0, 0.05),
        ("lognormal --param mean=0 sigma=0.5", 1.133, 0.03),
        ("gamma --param shape=3 scale=0.5", 1.5, 0.03),
        ("poisson --param lam=4 --dtype f4", 4.0, 0.06),
        ("beta --param a=2 b=3", 0.4, 0.01),
        ("negative_binomial --param n=3 p=0.5 --dtype i4", 3.0, 0.06),
        ("triangular --param left=0 mode=1 right=5 --dtype f4", 2.0, 0.03),
        ("arange --param start=1 step=0.5 --dtype f8", 1.0 + 0.5 * 39999.0 / 2.0, 1e-9),
    ] {
        made(dir.path(), &format!("d.npy --shape 200,200 --overwrite --dist {dist}"));
        let found: f64 = open(dir.path(), "d.npy").astype(flagstone::DType::F64).mean(..).item().unwrap();
        assert!((found - mean).abs() <= slack, "{dist}: {found}");
    }
}

#[test]
fn wrong_parameters_are_named() {
    let dir = tempfile::tempdir().unwrap();
    refused(dir.path(), "x.npy --shape 10 --dist normal --param sigma=1", "loc, scale");
    refused(dir.path(), "x.npy --shape 10 --dist normal --param scale=-1", "0 or more");
    refused(dir.path(), "x.npy --shape 10 --dtype c8", "expected f2, f4");
    refused(dir.path(), "x.npy --dist normal", "--shape");
    refused(dir.path(), "x.csv --shape 10", "names no format");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a refused call leaves nothing");
}

/// Runs a script of the tests of Flagstone in a directory.
fn python(script: &str, dir: &Path, arguments: &[&str]) {
    let program =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with netCDF4 and zarr; `make test` sets one up");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python").join(script);
    let run = Command::new(program).args(["-W", "ignore"]).arg(script).arg(dir).args(arguments).output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn shards_are_those_that_convert_makes() {
    let dir = tempfile::tempdir().unwrap();
    let common = "--shape 30,7 --dtype f4 --dist normal --seed 3";
    made(dir.path(), &format!("plain.npy {common}"));
    made(dir.path(), &format!("s.zarr {common} --chunks 4,3 --shards 0=8,1=-1"));
    made(dir.path(), "s.zarr --verify");
    let (plain, sharded) = (manifest(dir.path(), "plain.npy.manifest.json"), manifest(dir.path(), "s.zarr.manifest.json"));
    assert_eq!(plain["checksum"], sharded["checksum"]);
    assert_eq!((&sharded["chunks"], &sharded["shards"]), (&serde_json::json!([4, 3]), &serde_json::json!([8, 9])));
    assert!(plain.get("shards").is_none());
    // The elements as NumPy's file has them, after its header.
    let raw = std::fs::read(dir.path().join("plain.npy")).unwrap();
    std::fs::write(dir.path().join("s.zarr.bin"), &raw[raw.len() - 30 * 7 * 4..]).unwrap();
    let about = serde_json::json!({
        "ending": "", "inside": "", "dtype": "<f4", "shape": [30, 7], "chunks": [4, 3], "shards": [8, 9], "version": 3, "attributes": {},
        "names": null,
    });
    let checked = dir.path().join("check");
    std::fs::create_dir(&checked).unwrap();
    for name in ["s.zarr", "s.zarr.bin"] {
        std::fs::rename(dir.path().join(name), checked.join(name)).unwrap();
    }
    std::fs::write(checked.join("s.zarr.json"), about.to_string()).unwrap();
    python("check_zarr.py", &checked, &[]);
    refused(dir.path(), &format!("t.zarr {common} --chunks 4,3 --shards 6,3"), "no multiple of chunks of shape [4, 3]");
    refused(dir.path(), &format!("t.h5 {common} --shards 6,3"), "shards need Zarr version 3");
    refused(dir.path(), &format!("t.zarr {common} --shards 6"), "6 for an array of 2 axes: [30, 7]");
}

#[test]
fn what_is_made_as_netcdf_has_dimensions() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path(), "d.nc:/x --shape 30,7 --dtype f4");
    python("check_dimensions.py", dir.path(), &["data-gen"]);
    made(dir.path(), "d.nc:/x --verify");
}
