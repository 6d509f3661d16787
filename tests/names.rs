//! docs/names.md: which functions of NumPy, of dask.array and of the array API standard are there, by the table itself.
//! `UPDATE=1` writes the page. NumPy's names are those of the Python that `FLAGSTONE_PYTHON` names, dask's and the
//! standard's stand in `tests/data`.

use flagstone::array::{method, signatures};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// What is there under no name of the table: in Rust alone, since it takes functions or writes arrays.
const IN_RUST: &[(&str, &str)] = &[
    ("apply_along_axis", "`Array::apply_along_axis`"),
    ("apply_gufunc", "`apply_gufunc`"),
    ("apply_over_axes", "`Array::apply_over_axes`"),
    ("blockwise", "`blockwise`"),
    ("coarsen", "`Array::coarsen`"),
    ("from_array", "`Array::from`, `open`"),
    ("from_zarr", "`open`"),
    ("fromfunction", "`from_function`"),
    ("map_blocks", "`Array::map_blocks`"),
    ("map_overlap", "`Array::map_overlap`"),
    ("moment", "`stats.moment`"),
    ("reduction", "`Array::reduction`"),
    ("store", "`Array::store`"),
    ("to_hdf5", "`Array::store`"),
    ("to_zarr", "`Array::store`"),
];

/// What stays out, and why.
const STAYS_OUT: &[(&str, &str)] = &[
    ("as_gufunc", "a decorator of Python; `apply_gufunc` calls the function"),
    ("elemwise", "dask's own; operators and ufuncs of any number of arrays fuse"),
    ("finfo", "about dtypes, not arrays: `fs.finfo` in Python"),
    ("from_delayed", "a graph of dask's; `from_function` and `map_blocks` make blocks"),
    ("from_dlpack", "memory of another library: `fs.from_dlpack` in Python"),
    ("from_npy_stack", "dask's own format; `stack*.npy` as an address opens the files as one array"),
    ("from_tiledb", "a library of its own, in C++"),
    ("frompyfunc", "gives arrays of objects, which there are none of; `map_blocks` takes functions"),
    ("gufunc", "a class of Python; `apply_gufunc` calls the function"),
    ("iinfo", "about dtypes, not arrays: `fs.iinfo` in Python"),
    ("isnat", "there are no dates and times among the dtypes"),
    ("linalg.compression_level", "a step of dask's `svd_compressed`, which is `linalg.svd_compressed`"),
    ("linalg.compression_matrix", "a step of dask's `svd_compressed`, which is `linalg.svd_compressed`"),
    ("ma.normalize_masked_array", "a helper of dask's own"),
    ("real_if_close", "the dtype of its result would follow from elements; `x.imag` says whether there is anything"),
    ("reshape_blockwise", "gives elements in the order of dask's chunks; `reshape` gives them in NumPy's on any chunks"),
    ("to_npy_stack", "dask's own format; `store` writes `.npy`"),
    ("to_tiledb", "a library of its own, in C++"),
    ("unify_chunks", "chunks of operands need not agree here"),
];

fn listed(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_string).collect()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn numpy() -> BTreeSet<String> {
    let python = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with NumPy: `make test` sets it up");
    let script = "tests/python/names_numpy.py";
    let ran = Command::new(python).arg(script).output().expect("FLAGSTONE_PYTHON should run");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    listed(&String::from_utf8_lossy(&ran.stdout))
}

fn page() -> String {
    let ours: BTreeSet<&str> = signatures().map(|signature| signature.name).collect();
    let have = |name: &str| -> Option<String> {
        let in_rust = || IN_RUST.iter().find(|(known, _)| *known == name).map(|(_, what)| what.to_string());
        let called = || method(name).filter(|_| !ours.contains(name) && !is_refused(name)).map(|_| format!("`x.{name}`"));
        ours.contains(name).then(|| "yes".to_string()).or_else(in_rust).or_else(called)
    };
    let sources = [
        ("NumPy", numpy()),
        ("dask.array", listed(&file("tests/data/names_dask.txt"))),
        ("array API", listed(&file("tests/data/names_array_api.txt"))),
    ];
    let mut all: BTreeMap<&str, [bool; 3]> = BTreeMap::new();
    for (at, (_, names)) in sources.iter().enumerate() {
        for name in names {
            all.entry(name).or_default()[at] = true;
        }
    }
    let mut out = String::from(
        "# Names\n\nWhich functions of NumPy, of dask.array and of the Python array API standard are there, under their names, in the Rust API\n\
         and in `flagstone eval`. Written by `UPDATE=1 cargo test --test names`; the test keeps it true.\n\n| source | names | there |\n|---|---|---|\n",
    );
    for (source, names) in &sources {
        let there = names.iter().filter(|name| have(name).is_some()).count();
        let _ = writeln!(out, "| {source} | {} | {there} |", names.len());
    }
    out += "\n| name | NumPy | dask.array | array API | here |\n|---|---|---|---|---|\n";
    for (name, [numpy, dask, api]) in &all {
        let mark = |there: &bool| if *there { "×" } else { "" };
        let _ = writeln!(out, "| `{name}` | {} | {} | {} | {} |", mark(numpy), mark(dask), mark(api), have(name).unwrap_or_default());
    }
    out += "\nWhat stays out, and why:\n\n";
    for (name, why) in STAYS_OUT {
        let _ = writeln!(out, "- `{name}`: {why}");
    }
    out += "\nBeyond these lists: ";
    let more: Vec<String> = ours.iter().filter(|name| !all.contains_key(*name)).map(|name| format!("`{name}`")).collect();
    out + &more.join(", ") + ".\n"
}

/// Whether `name` is found only to be refused with what to use instead.
fn is_refused(name: &str) -> bool {
    method(name).is_some_and(|found| found.params.iter().any(|param| param.name == "**kwargs"))
}

#[test]
fn the_page_says_what_is_there() {
    let (page, path) = (page(), Path::new("docs/names.md"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(page == written, "docs/names.md is not what is there ({differs:?}): UPDATE=1 cargo test --test names writes it");
}

/// What is missing without a reason has been forgotten, and what is there needs none.
#[test]
fn what_is_missing_stays_out_for_a_reason() {
    let ours: BTreeSet<&str> = signatures().map(|signature| signature.name).collect();
    let reasons: BTreeSet<&str> = STAYS_OUT.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<String> = [numpy(), listed(&file("tests/data/names_dask.txt")), listed(&file("tests/data/names_array_api.txt"))]
        .into_iter()
        .flatten()
        .collect();
    for name in &all {
        let there = ours.contains(name.as_str())
            || IN_RUST.iter().any(|(known, _)| known == name)
            || method(name).is_some_and(|_| !is_refused(name));
        assert_eq!(there, !reasons.contains(name.as_str()), "{name}: missing without a reason in STAYS_OUT, or there with one");
    }
}

#[test]
fn what_is_said_to_be_in_rust_is_no_name_of_the_table() {
    for (name, _) in IN_RUST {
        assert!(!signatures().any(|signature| signature.name == *name), "{name} is in the table: leave it out of IN_RUST");
    }
}
