//! Many files as one array are opened and planned in a time that grows with their number, and not faster. A process of its own, whose processor time is
//! measured: other programs on the machine do not count.

use flagstone::DType;
use flagstone::convert::{Options, Plan};
use flagstone::store::conformance::write_all;
use flagstone::store::{Create, create};
use std::path::Path;

const FILES: usize = 10_000;
/// It takes 0.8 s for HDF5 here, also unoptimised, and may take twice as long where the machine is busy. What opens each file as arrays are opened
/// that will be read (attributes, scales, indexes) takes longer than this, and what looks at pairs of files much longer.
const SECONDS_MAX: f64 = 2.5;
/// 900 files take a tenth of the time or less, on a busy machine a sixteenth; of pairs it would be a hundredth.
const GROWTH_MAX: f64 = 30.0;

/// Seconds of the processors in this process, its threads and the system for it, in steps of 10 ms.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name of the program, which may hold anything, it is the 12th and 13th field.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn planned(directory: &Path, pattern: &str, rows: u64) -> f64 {
    let source = format!("{}/{pattern}", directory.display());
    let before = processor_seconds();
    let plan = Plan::new(&source, directory.join("out.zarr"), &Options::default()).unwrap();
    let seconds = processor_seconds() - before;
    assert_eq!(plan.copies[0].meta.shape, [rows, 3], "{pattern}");
    let before = processor_seconds();
    let explanation = flagstone::open(&source).unwrap().mean(flagstone::axis(0)).explain().unwrap();
    assert!(!explanation.to_string().is_empty(), "{pattern}");
    // Opened and planned for a computation, as well.
    seconds.max(processor_seconds() - before)
}

#[test]
fn ten_thousand_files_are_planned_as_one_array() {
    let directory = tempfile::tempdir().unwrap();
    for (ending, inside) in [("npy", ""), ("h5", ":/x")] {
        let first = directory.path().join(format!("a_0.{ending}"));
        let wanted = Create::new(vec![2, 3], DType::U8);
        write_all(&*create(format!("{}{inside}", first.display()), &wanted).unwrap(), &[2, 3], DType::U8, &[1, 2, 3, 4, 5, 6]);
        for n in 1..FILES {
            std::fs::copy(&first, directory.path().join(format!("a_{n}.{ending}"))).unwrap();
        }
        let few = planned(directory.path(), &format!("a_[0-9][0-9][0-9].{ending}{inside}"), 2 * 900);
        let all = planned(directory.path(), &format!("a_*.{ending}{inside}"), 2 * FILES as u64);
        println!("{ending}: {few} s for 900 files, {all} s for {FILES}");
        assert!(all < SECONDS_MAX, "{ending}: {all} s");
        // Less than this cannot be told from nothing.
        assert!(all < GROWTH_MAX * few.max(0.05), "{ending}: {all} s for {FILES} files, {few} s for 900");
    }
}
