//! Plans as text: `tests/plans/*.plan` hold sources and an expression above `----`, and the plan below it.
//! `UPDATE=1 cargo test --test plans` rewrites them.

use flagstone::array::Value;
use flagstone::eval::Evaluator;
use flagstone::store::{self, Codec, Create};
use flagstone::{DType, Runtime};
use std::path::Path;
use std::time::{Duration, Instant};

fn numbers(text: &str) -> Vec<u64> {
    text.split(',').map(|n| n.trim().parse().expect("a number")).collect()
}

/// `x = zarr float64 4000,3000 chunks 1000,1000`: makes the array, whose elements nobody will read.
fn declare(line: &str, directory: &Path) -> (String, String) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, "=", kind, dtype, shape, rest @ ..] = &words[..] else { panic!("{line:?} declares no source") };
    let mut create = Create::new(numbers(shape), DType::parse(dtype).expect("a dtype"));
    if let ["chunks", chunks] = rest {
        create.chunks = Some(numbers(chunks));
    }
    let path = directory.join(name);
    let address = match *kind {
        "zarr" => format!("{}.zarr", path.display()),
        "npy" => format!("{}.npy", path.display()),
        "hdf5" => format!("{}.h5:/x", path.display()),
        other => panic!("{other:?} is no kind of source"),
    };
    if *kind == "hdf5" && create.chunks.is_some() {
        create.codec = Some(Codec::Gzip(1));
    }
    store::create(&address, &create).and_then(|writer| writer.commit()).unwrap_or_else(|e| panic!("{line}: {e}"));
    (name.to_string(), address)
}

fn plan_of(question: &str, directory: &Path) -> String {
    let mut evaluator = Evaluator::new();
    let (mut limit, mut threads) = ("256MiB", 2);
    let mut expression = String::new();
    for line in question.lines().filter(|line| !line.starts_with('#')) {
        if let Some(text) = line.strip_prefix("> ") {
            expression.push_str(text);
        } else if let Some(text) = line.strip_prefix("limit ") {
            limit = text.trim();
        } else if let Some(text) = line.strip_prefix("threads ") {
            threads = text.trim().parse().expect("a number of threads");
        } else if !line.trim().is_empty() {
            let (name, address) = declare(line, directory);
            evaluator.define(name, Value::Array(flagstone::open(&address).expect("what was just made")));
        }
    }
    let runtime = Runtime::builder().memory_limit(limit).threads(threads).build().expect("a runtime");
    let value = evaluator.run(&expression).unwrap_or_else(|e| panic!("{}", e.render(&expression)));
    let arrays = match &value {
        Value::Array(array) => vec![array.expr()],
        Value::Tuple(items) => {
            items.iter().map(|item| if let Value::Array(array) = item { array.expr() } else { panic!("no array") }).collect()
        }
        _ => panic!("{expression:?} is no array"),
    };
    let exprs = arrays.into_iter().collect::<flagstone::Result<Vec<_>>>().expect("an expression that builds");
    let text = runtime.explain_exprs(&exprs).expect("a plan").to_string();
    text.replace(&format!("{}/", directory.display()), "").lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

#[test]
fn plans_are_what_they_were() {
    let mut files: Vec<_> = std::fs::read_dir("tests/plans").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ext| ext == "plan"));
    files.sort();
    assert!(files.len() >= 20, "{} plans", files.len());
    let update = std::env::var_os("UPDATE").is_some();
    let mut differ = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (question, expected) = text.split_once("----\n").unwrap_or((&text, ""));
        let directory = tempfile::tempdir().unwrap();
        // column widths must not follow the directory's name
        let got = plan_of(question, directory.path());
        let squeeze = |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        if update {
            let got: String = got.lines().map(|line| squeeze(line).concat() + "\n").collect();
            std::fs::write(&file, format!("{question}----\n{got}")).unwrap();
        } else if squeeze(&got) != squeeze(expected) {
            differ.push(format!("{}\n{got}", file.display()));
        }
    }
    assert!(differ.is_empty(), "plans differ; UPDATE=1 accepts them:\n{}", differ.join("\n"));
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn ten_million_chunks_plan_in_no_time_and_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("{}/x.zarr", directory.path().display());
    let mut create = Create::new(vec![1_000_000, 100_000], DType::F32);
    create.chunks = Some(vec![100, 100]);
    store::create(&address, &create).unwrap().commit().unwrap();
    let zarr = flagstone::open(&address).unwrap();
    let random = flagstone::random::normal(0.0, 1.0).shape([1_000_000u64, 100_000]).seed(1).chunks([100, 100]).build();
    let runtime = Runtime::builder().memory_limit("256MiB").threads(2).build().unwrap();
    let allowed = if cfg!(debug_assertions) { Duration::from_secs(1) } else { Duration::from_millis(100) };
    for (name, x) in [("zarr", zarr), ("random", random)] {
        for (what, y) in [
            ("mean", x.mean(..)),
            ("columns", x.mean(0)),
            ("demean", (&x - x.mean(flagstone::axis(1).keepdims())).std(..)),
            ("elementwise", (&x * 2.0 + 1.0).max(1)),
        ] {
            let before = resident_bytes();
            let started = Instant::now();
            let text = runtime.explain(&y).unwrap().to_string();
            let took = started.elapsed();
            assert!(took < allowed, "{name} {what}: planned in {took:?}\n{text}");
            let grown = resident_bytes().saturating_sub(before);
            assert!(grown < 50 << 20, "{name} {what}: planning took {grown} bytes");
        }
    }
}
