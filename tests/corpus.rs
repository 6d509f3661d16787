//! Files that other people's packages ship: every array of those that are installed for the tests is read as by the program that knows
//! the format, bit for bit, or refused with a reason.

use flagstone::grid::Region;
use flagstone::store::conformance::read_dense;
use flagstone::store::open;
use std::path::Path;
use std::process::Command;

/// So many arrays were there when this was written; with fewer, the packages have changed or the walk finds nothing.
const READ_MIN: usize = 400;
/// Of each format at least so many.
const OF_EACH: [(&str, usize); 4] = [("hdf5", 2), ("nc", 4), ("npy", 6), ("npz", 300)];

#[test]
fn files_that_packages_ship_are_read_as_by_their_own_programs() {
    let directory = tempfile::tempdir().unwrap();
    let program =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py and netCDF4; `make test` sets one up");
    let run = Command::new(program).args(["-W", "ignore", "tests/python/corpus.py"]).arg(directory.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let cases = std::fs::read_to_string(directory.path().join("cases.txt")).unwrap();
    let (mut read, mut refused, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for line in cases.lines() {
        let [file, array, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let address = if array.is_empty() || array.starts_with('#') { format!("{file}{array}") } else { format!("{file}:{array}") };
        match (open(&address), expected) {
            (Err(e), "-") => refused.push(e.to_string()),
            (Ok(_), "-") => wrong.push(format!("{address} is read, though it holds no numbers")),
            (Err(e), _) => wrong.push(e.to_string()),
            (Ok(store), expected) => {
                let want = open(directory.path().join(expected)).unwrap();
                let (meta, wanted) = (store.meta(), want.meta());
                if (&meta.shape, meta.dtype) != (&wanted.shape, wanted.dtype) {
                    wrong.push(format!("{address} is {} {:?}, expected {} {:?}", meta.dtype, meta.shape, wanted.dtype, wanted.shape));
                } else if read_dense(&*store, &Region::whole(&meta.shape)) != read_dense(&*want, &Region::whole(&wanted.shape)) {
                    wrong.push(format!("{address}: other values"));
                }
                read.push(format(Path::new(file)));
            }
        }
    }
    println!("{} arrays read, {} refused:\n{}", read.len(), refused.len(), refused.join("\n"));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
    assert!(refused.iter().all(|why| !why.contains("internal error") && !why.contains("corrupt")), "{}", refused.join("\n"));
    assert!(read.len() >= READ_MIN, "only {} arrays were read", read.len());
    for (kind, least) in OF_EACH {
        let found = read.iter().filter(|found| **found == kind).count();
        assert!(found >= least, "only {found} of {kind} were read");
    }
}

/// What a file is called here, by its ending: HDF5 files have many.
fn format(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("nc") => "nc",
        Some("npy") => "npy",
        Some("npz") => "npz",
        _ => "hdf5",
    }
}
