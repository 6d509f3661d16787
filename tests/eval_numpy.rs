//! The same texts mean the same to `flagstone eval` and to NumPy: dtype, shape and values.

use std::process::Command;

/// Runs a script of `tests/python` on the program and a directory of its own.
fn run(script: &str) {
    let python = std::env::var("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with NumPy: `make test` sets it up");
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(python)
        .arg(std::path::Path::new("tests/python").join(script))
        .arg(env!("CARGO_BIN_EXE_flagstone"))
        .arg(dir.path())
        .output()
        .expect("Python runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
}

#[test]
fn expressions_mean_what_they_mean_to_numpy() {
    run("eval_numpy.py");
}

#[test]
fn elementary_functions_are_as_near_as_the_tables_of_numpy_ask() {
    run("check_umath.py");
}
