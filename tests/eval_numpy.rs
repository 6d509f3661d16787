//! The same texts mean the same to `flagstone eval` and to NumPy: dtype, shape and values.

use std::process::Command;

#[test]
fn expressions_mean_what_they_mean_to_numpy() {
    let python = std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with NumPy: `make test` sets it up");
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/eval_numpy.py"))
        .arg(env!("CARGO_BIN_EXE_flagstone"))
        .arg(dir.path())
        .output()
        .expect("Python runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
}
