//! Files that other people's packages ship, and such as PyTables, pandas, anndata and xarray write: every array is read as by the program
//! that knows the format, bit for bit, or refused with a reason.

use flagstone::array::StoreOptions;
use flagstone::grid::Region;
use flagstone::store::conformance::read_dense;
use flagstone::store::open;
use flagstone::{DType, Runtime};
use std::path::Path;
use std::process::Command;

/// So many arrays were there when this was written; with fewer, the packages have changed or the walk finds nothing.
const READ_MIN: usize = 400;
/// Of each format at least so many.
const OF_EACH: [(&str, usize); 4] = [("hdf5", 2), ("nc", 4), ("npy", 6), ("npz", 300)];

/// Runs a script of `tests/python` and holds each array that it lists in cases.txt against the values that it wrote beside it. The formats of
/// those that were read, and why the others are refused.
///
/// # Panics
/// Where an array is another one, or a file that holds no numbers is read.
fn compared(script: &str) -> (Vec<&'static str>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let program = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py; `make test` sets one up");
    let script = Path::new("tests/python").join(script);
    let run = Command::new(program).args(["-W", "ignore"]).arg(script).arg(directory.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let cases = std::fs::read_to_string(directory.path().join("cases.txt")).unwrap();
    let (mut read, mut refused, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for line in cases.lines() {
        let [file, array, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let address = if array.is_empty() || array.starts_with('#') { format!("{file}{array}") } else { format!("{file}:{array}") };
        let decoded = address.ends_with("?decode=cf");
        match (flagstone::open(&address).and_then(|array| array.check()), expected) {
            (Err(e), "-") => refused.push(e.to_string()),
            (Ok(_), "-") => wrong.push(format!("{address} is read, though it holds no numbers")),
            (Err(e), _) => wrong.push(e.to_string()),
            (Ok(_), expected) => {
                let want = open(directory.path().join(expected)).unwrap();
                let wanted = want.meta();
                let (shape, dtype, found) = if decoded { computed(&address) } else { stored(&address) };
                if (&shape, dtype) != (&wanted.shape, wanted.dtype) {
                    wrong.push(format!("{address} is {dtype} {shape:?}, expected {} {:?}", wanted.dtype, wanted.shape));
                } else if found != read_dense(&*want, &Region::whole(&wanted.shape)) {
                    wrong.push(format!("{address}: other values"));
                }
                read.push(format(Path::new(file)));
            }
        }
    }
    println!("{} arrays read, {} refused:\n{}", read.len(), refused.len(), refused.join("\n"));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    assert!(refused.iter().all(|why| !why.contains("internal error") && !why.contains("corrupt")), "{}", refused.join("\n"));
    (read, refused)
}

/// Shape, dtype and bytes as the store has them.
fn stored(address: &str) -> (Vec<u64>, DType, Vec<u8>) {
    let store = open(address).unwrap();
    let meta = store.meta();
    (meta.shape.clone(), meta.dtype, read_dense(&*store, &Region::whole(&meta.shape)))
}

/// The same of what the engine makes of it, NaN in the bits that NumPy has.
fn computed(address: &str) -> (Vec<u64>, DType, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("x.npy").display().to_string();
    Runtime::default_runtime().unwrap().store_with(&flagstone::open(address).unwrap(), &to, &StoreOptions::new()).unwrap();
    stored(&to)
}

#[test]
fn files_that_packages_ship_are_read_as_by_their_own_programs() {
    let (read, _) = compared("corpus.py");
    assert!(read.len() >= READ_MIN, "only {} arrays were read", read.len());
    for (kind, least) in OF_EACH {
        let found = read.iter().filter(|found| **found == kind).count();
        assert!(found >= least, "only {found} of {kind} were read");
    }
}

/// What is no number is refused by its dtype.
#[test]
fn what_programs_write_for_their_own_ends_is_read() {
    let (read, refused) = compared("make_programs.py");
    assert!(read.len() > 190, "only {} arrays were read", read.len());
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused.iter().all(|why| why.contains("dtype")), "{refused:?}");
}

/// What a file is called here, by its ending: HDF5 files have many.
fn format(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("nc") => "nc",
        Some("zarr") => "zarr",
        Some("npy") => "npy",
        Some("npz") => "npz",
        _ => "hdf5",
    }
}
