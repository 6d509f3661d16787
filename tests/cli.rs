//! The command line from outside: exit codes, messages, carets, JSON, what is written and what is not.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn flagstone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstone")).args(args).env("RUST_BACKTRACE", "0").output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The output of a call that must succeed.
fn ok(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    stdout(&output)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&ok(args)).expect("JSON")
}

/// An expression that must be refused: the whole of stderr.
fn refused(args: &[&str]) -> String {
    let output = flagstone(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output), "", "{args:?}: a partial answer");
    stderr(&output)
}

/// Runs a script of `tests/python` in a directory.
fn python(script: &str, dir: &Path, arguments: &[&str]) {
    let program =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with netCDF4 and zarr; `make test` sets one up");
    let run = Command::new(program).args(["-W", "ignore"]).arg(Path::new("tests/python").join(script)).arg(dir).args(arguments).output();
    let run = run.expect("Python runs");
    assert!(run.status.success(), "{script} {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [
        &["eval"][..],
        &[],
        &["frobnicate"],
        &["eval", "1", "--no-such-option"],
        &["eval", "--no-such-option"],
        &["eval", "x", "x"],
        &["eval", "x", "1x=a.npy"],
        &["eval", "x", "x="],
        &["eval", "x", "if=a.npy"],
        &["eval", "x", "x=a.npy", "x=b.npy"],
        &["eval", "1", "--memory-limit", "plenty"],
        &["eval", "1", "--threads", "0"],
        &["eval", "1", "--chunks", "10"],
        &["eval", "1", "-o", "a.npy", "--chunks", "10,0"],
        &["eval", "1", "--shards", "10"],
        &["eval", "1", "-o", "a.zarr", "--shards", "10,x"],
        &["eval", "1", "-o", "a.zarr", "--codec", "rar"],
        &["eval", "1", "--explain=poem"],
        &["info"],
    ] {
        let output = flagstone(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{args:?}");
    }
    for threads in ["two", "-1"] {
        let output = flagstone(&["eval", "1", "--threads", threads]);
        assert!(stderr(&output).contains(&format!("invalid value '{threads}' for '--threads <N>': expected how many, from 1 to")));
    }
}

#[test]
fn what_an_address_cannot_be_is_said_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = path(directory.path(), "a.h5");
    ok(&["eval", "ones(3)", "-o", &format!("{file}:/x")]);
    for (args, expected) in [
        (&["eval", "ones(3)", "-o", "/dev/null"][..], "its ending does not say what is to be written; expected file.h5:/dataset"),
        (&["info", "ftp://host/x.zarr"], "what is far away is read from s3://, s3a://, gs://, http://, https://; ftp is unknown"),
        (&["run", &file], "expected what `flagstone eval … --explain=json` wrote"),
    ] {
        let message = refused(args);
        assert!(message.contains(expected), "{args:?}: {message}");
    }
    ok(&["eval", "ones(3)", "-o", &path(directory.path(), "old.zarr:/g/x"), "--zarr-version", "2"]);
    let message = refused(&["eval", "ones(3)", "-o", &path(directory.path(), "old.zarr:/g/y")]);
    assert!(message.contains("write version 2 (zarr_version=2, --zarr-version 2)"), "{message}");
    let explained = ok(&["eval", "ones(3) + 1", "--explain", "--json"]);
    assert!(
        serde_json::from_str::<Value>(&explained).is_ok_and(|told| told["stages"].is_array() || told["plan"].is_object()),
        "{explained}"
    );
}

#[test]
fn errors_point_at_their_place() {
    for (text, expected) in [
        (
            "1 + nothing",
            "error: name 'nothing' is not defined; an array is named by nothing=ADDRESS after the expression\n  1 + nothing\n      ^^^^^^^\n",
        ),
        ("zeros((2, 3)) + ones(4)", "error: add: "),
        ("zeros(3).mean(axis=2) + 1", "  zeros(3).mean(axis=2) + 1\n  ^^^^^^^^^^^^^^^^^^^^^\n"),
        ("ones(3).sum(axs=0)", "did you mean 'axis'?\n  ones(3).sum(axs=0)\n              ^^^\n"),
        ("y = ones(3);\ny.maen()", "did you mean 'mean'?\n  y.maen()\n    ^^^^\n"),
        ("ones(3).quantile(0.5)", "'quantile' is a function, and no method of arrays: write quantile(x, …)"),
        ("1 +", "error: expected an expression, found the end\n  1 +\n     ^\n"),
        ("0 < ones(3) < 2", "write (a < b) & (b < c)\n  0 < ones(3) < 2\n  ^^^^^^^^^^^^^^^\n"),
        ("not ones(3)", "ambiguous"),
        ("ones(2) and 1", "ambiguous"),
        ("1 if ones(2) else 2", "use where(c, a, b)\n  1 if ones(2) else 2\n    ^^\n"),
        ("apply_along_axis(ones(2))", "apply_along_axis: not supported yet"),
        ("a = 1", "nothing to compute"),
        ("1 / 0", "division by zero"),
        ("mean", "`mean` is a function; call it"),
    ] {
        let message = refused(&["eval", text]);
        assert!(message.contains(expected), "{text}:\n{message}");
        assert!(message.starts_with("error: ") && message.contains('^'), "{text}:\n{message}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = refused(&["eval", "x", "x=/no/such/file.npy"]);
    assert!(message.contains("/no/such/file.npy"), "{message}");
    let message = refused(&["info", "/no/such/file.h5"]);
    assert!(message.contains("/no/such/file.h5"), "{message}");
}

#[test]
fn values_print_as_in_python() {
    for (text, expected) in [
        ("1 + 1", "2"),
        ("-2 ** 2", "-4"),
        ("1 / 3", "0.3333333333333333"),
        ("(1, 'a', None)", "(1, 'a', None)"),
        ("float32", "float32"),
        ("ones((2, 3)).shape", "(2, 3)"),
        ("ones((2, 3)).sum()", "6.0"),
        ("arange(6) * 2", "[ 0  2  4  6  8 10]"),
        ("a, b = 1, 2; a - b", "-1"),
        ("arange(10000)", "[   0    1    2 ... 9997 9998 9999]"),
        ("np.arange(3), numpy.pi", "([0 1 2], 3.141592653589793)"),
        ("-arange(3)", "[ 0 -1 -2]"),
    ] {
        assert_eq!(ok(&["eval", text]), expected, "{text}");
    }
}

#[test]
fn json_tells_the_result_and_its_cost() {
    let dir = tempfile::tempdir().unwrap();
    let x = path(dir.path(), "x.npy");
    ok(&["eval", "arange(12.0).astype(float32) / 0", "-o", &x]);
    let out = json(&["eval", "x[:3]", &format!("x={x}"), "--json"]);
    assert_eq!((&out["dtype"], &out["shape"]), (&"float32".into(), &serde_json::json!([3])));
    assert_eq!(out["data"], serde_json::json!(["NaN", "Infinity", "Infinity"]));
    for field in ["wall_seconds", "peak_resident_bytes", "read_bytes", "decoded_bytes", "tasks"] {
        assert!(out[field].as_f64().unwrap() > 0.0, "{field}: {out}");
    }
    for field in ["written_bytes", "spilled_bytes"] {
        assert_eq!(out[field], 0, "{field}");
    }
    assert_eq!(out["warnings"], serde_json::json!([]));
    let near = json(&["eval", "linalg.inv(array([[1.0, 1.0], [1.0, 1.0000000000000002]]))", "--json"]);
    let warnings = near["warnings"].as_array().unwrap();
    assert!(warnings.len() == 1 && warnings[0].as_str().unwrap().contains("close to a singular one"), "{near}");
    let large = json(&["eval", "zeros((50, 50))", "--json"]);
    assert_eq!((&large["shape"], large.get("data")), (&serde_json::json!([50, 50]), None));
    let several = json(&["eval", "ones(2), 3", "--json"]);
    assert_eq!(several["results"][0]["data"], serde_json::json!([1.0, 1.0]));
    assert_eq!(several["results"][1]["data"], 3);
}

#[test]
fn what_is_stored_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    for (name, codec) in [("a.npy", None), ("a.zarr", Some("zstd:3")), ("b.zarr:/g/x", Some("gzip:1")), ("a.h5:/x", None)] {
        let address = path(dir.path(), name);
        let mut args = vec!["eval", "arange(3000.0)[:, None] * ones(4)", "-o", address.as_str()];
        if let Some(codec) = codec {
            args.extend(["--codec", codec, "--chunks", "1000,2"]);
        }
        assert_eq!(ok(&args), "", "{name}");
        let sum = ok(&["eval", "x.sum(), x[-1, -1]", &format!("x={address}")]);
        assert_eq!(sum, "(17994000.0, 2999.0)", "{name}");
        let again = flagstone(&args);
        assert_eq!(again.status.code(), Some(1), "{name}: what is there must stay");
        args.push("--overwrite");
        ok(&args);
        let info = json(&["info", &address, "--json"]);
        assert_eq!((&info["kind"], &info["shape"]), (&"array".into(), &serde_json::json!([3000, 4])), "{name}: {info}");
        assert_eq!(info["raw_bytes"], 96000);
        let stored = info["stored_bytes"].as_u64().unwrap_or_else(|| panic!("{name}: {info}"));
        assert!(if codec.is_some() { (1..96000).contains(&stored) } else { stored == 96000 }, "{name}: {stored} bytes");
        if codec.is_some() {
            assert_eq!(info["chunks"], serde_json::json!([1000, 2]), "{name}");
        }
    }
    let tree = ok(&["info", &path(dir.path(), "a.h5")]);
    assert!(tree.contains("└── x  (3000, 4) float64"), "{tree}");
}

/// The sizes of the files at a path and below.
fn files_bytes(path: &Path) -> u64 {
    if path.is_file() {
        return std::fs::metadata(path).unwrap().len();
    }
    std::fs::read_dir(path).unwrap().map(|entry| files_bytes(&entry.unwrap().path())).sum()
}

#[test]
fn what_zarr_chunks_take_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let stored = |address: &str| json(&["info", address, "--json"])["stored_bytes"].as_u64().unwrap();
    let address = path(dir.path(), "a.zarr");
    ok(&["eval", "arange(3000.0)[:, None] * ones(4)", "-o", &address, "--codec", "zstd:3", "--chunks", "1000,2"]);
    let chunks = dir.path().join("a.zarr/c");
    let want = files_bytes(&chunks);
    assert_eq!(stored(&address), want);
    // a chunk elsewhere counts, what is no chunk of the array does not
    std::fs::rename(chunks.join("0/1"), dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), chunks.join("0/1")).unwrap();
    std::fs::write(chunks.join("0/2"), "outside of the shape").unwrap();
    std::fs::write(chunks.join("0/notes"), "no key").unwrap();
    std::fs::create_dir(dir.path().join("a.zarr/more")).unwrap();
    std::fs::write(dir.path().join("a.zarr/more/0"), "no key either").unwrap();
    assert_eq!(stored(&address), want);
    let padded = path(dir.path(), "padded.zarr");
    ok(&["eval", "ones(5)", "-o", &padded, "--codec", "none", "--chunks", "4"]);
    assert_eq!(stored(&padded), 64);
    assert!(ok(&["info", &padded]).contains("1.60 times larger"));
    let single = path(dir.path(), "single.zarr");
    ok(&["eval", "ones(3).sum()", "-o", &single, "--codec", "none"]);
    assert_eq!(stored(&single), 8);
}

#[test]
fn what_cannot_be_read_is_described_and_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let group = path(dir.path(), "group.zarr");
    ok(&["eval", "ones((2, 3))", "-o", &format!("{group}:/good")]);
    let array = dir.path().join("group.zarr/records");
    std::fs::create_dir(&array).unwrap();
    let document = r#"{"zarr_format": 2, "shape": [5, 4], "chunks": [5, 4], "dtype": [["a", "<f4"], ["b", "<i8"]], "compressor": {"id": "zlib"},
        "fill_value": null, "order": "C", "filters": null}"#;
    std::fs::write(array.join(".zarray"), document).unwrap();
    let tree = ok(&["info", &group]);
    assert!(tree.contains("good  (2, 3) float64"), "{tree}");
    assert!(
        tree.contains(
            r#"records  (5, 4) [["a","<f4"],["b","<i8"]], zlib: cannot be read: not supported yet: elements have the fields a, b"#
        ),
        "{tree}"
    );
    let alone = flagstone(&["info", array.to_str().unwrap()]);
    assert_eq!(alone.status.code(), Some(1));
    let (out, error) = (String::from_utf8_lossy(&alone.stdout).into_owned(), stderr(&alone));
    assert!(out.contains("(5, 4)") && error.contains("the fields a, b"), "{out}\n{error}");
    // What nobody decodes is no readable array, though its metadata are.
    let odd = dir.path().join("group.zarr/odd");
    std::fs::create_dir(&odd).unwrap();
    let good = std::fs::read_to_string(dir.path().join("group.zarr/good/zarr.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&good).unwrap();
    document["codecs"] = serde_json::json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "whatever"}]);
    std::fs::write(odd.join("zarr.json"), document.to_string()).unwrap();
    let tree = ok(&["info", &group]);
    assert!(tree.contains("odd  (2, 3) float64, bytes + whatever: cannot be read: not supported yet: codecs: codec or filter"), "{tree}");
    let listed: serde_json::Value = serde_json::from_str(&ok(&["info", &group, "--json"])).unwrap();
    let kinds: Vec<(&str, &str)> = listed["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|child| (child["name"].as_str().unwrap(), child["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("good", "array"), ("odd", "unreadable"), ("records", "unreadable")]);
    let alone = flagstone(&["info", odd.to_str().unwrap()]);
    assert_eq!(alone.status.code(), Some(1));
    assert!(stdout(&alone).contains("(2, 3) float64") && stderr(&alone).contains("whatever"), "{}{}", stdout(&alone), stderr(&alone));
    // Another ending hides no format.
    let file = path(dir.path(), "a.h5");
    ok(&["eval", "arange(6.0)", "-o", &file]);
    std::fs::rename(&file, dir.path().join("a.keras")).unwrap();
    let renamed = path(dir.path(), "a.keras");
    assert!(ok(&["info", &renamed]).contains("x  (6,) float64"));
    assert_eq!(ok(&["eval", "x.sum()", &format!("x={renamed}:/x")]), "15.0");
}

#[test]
fn a_store_takes_one_array() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "out.npy");
    assert!(refused(&["eval", "1 + 1", "-o", &out]).contains("-o stores one array"));
    assert!(refused(&["eval", "ones(2), ones(3)", "-o", &out]).contains("2 values"));
    assert!(!Path::new(&out).exists());
}

/// What is stored is planned for the chunks that were asked for, and nothing stands at the address then.
#[test]
fn explaining_what_is_stored_is_about_its_chunks() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["x.zarr", "x.h5", "x.npy", "s3.zarr/deep/x.zarr"] {
        let out = dir.path().join(name).display().to_string();
        let args = ["eval", "ones((4000, 4000))", "-o", &out, "--chunks", "1000,4000", "--memory-limit", "256MiB", "--explain=json"];
        let unchunked = [&args[..4], &args[6..]].concat();
        let plan = json(if name.ends_with("npy") { &unchunked } else { &args });
        let write = plan["stages"].as_array().unwrap().last().unwrap();
        assert_eq!(write["name"], "write");
        assert_eq!(plan["limit_bytes"], 256 << 20);
        let smallest = plan["smallest_bytes"].as_u64().unwrap();
        if !name.ends_with("npy") {
            assert_eq!(write["tasks"], 4, "{plan}");
            assert!((1000 * 32000..200 << 20).contains(&smallest), "{plan}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    // the limit that it names does, and a smaller one does not
    let text = "random.random((600, 700)) @ random.random((700, 500))";
    let out = dir.path().join("y.zarr").display().to_string();
    let with = |limit: u64| flagstone(&["eval", text, "-o", &out, "--overwrite", "--memory-limit", &limit.to_string()]);
    let smallest = json(&["eval", text, "-o", &out, "--explain=json"])["smallest_bytes"].as_u64().unwrap();
    assert!(ok(&["eval", text, "-o", &out, "--explain", "--memory-limit", "1"]).contains("which is too small"));
    assert!(with(smallest).status.success());
    assert!(!with(smallest - 1).status.success());
}

#[test]
fn explaining_computes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "out.npy");
    let trace = path(dir.path(), "trace.json");
    // 8 TB: to compute it would fail, and take long.
    let text = "random.normal(0, 1, size=(1000000, 1000000), seed=1).std(axis=0)";
    let shown = ok(&["eval", text, "--explain", "-o", &out, "--profile", &trace]);
    assert!(shown.contains("std") || shown.contains("var"), "{shown}");
    assert!(ok(&["eval", text, "--explain=dot"]).starts_with("digraph"));
    let plan = json(&["eval", text, "--explain=json"]);
    assert!(plan["stages"].as_array().is_some_and(|stages| !stages.is_empty()), "{plan}");
    assert!(!Path::new(&out).exists() && !Path::new(&trace).exists());
}

#[test]
fn what_a_plan_says_is_computed_later() {
    let dir = tempfile::tempdir().unwrap();
    let (file, plan, out) = (path(dir.path(), "x.npy"), path(dir.path(), "plan.json"), path(dir.path(), "out.zarr"));
    ok(&["eval", "random.normal(0, 1, size=(300, 200), seed=3)", "-o", &file]);
    let binding = format!("x={file}");
    let write = |text: &str| std::fs::write(&plan, ok(&["eval", text, &binding, "--explain=json"])).unwrap();
    for text in [
        "(x - x.mean(axis=1, keepdims=True))[::7, 3]",
        "x.sum(), [median(x), 3], x.T @ x > inf",
        "linalg.svd(x)[1]; where(x > 0, nan, -0.0)[:2]",
        "sort(x, axis=0)[0] + fft.rfft(x[0]).real[0] + quantile(x, [0.25, 0.5])[0]",
        "x[x > 2]",
        "x[array([5, 7])] * arange(200.0)",
        "histogram(x, 5)",
        "random.poisson(4.0, size=7, seed=1) + linspace(-inf, 0, 7)[0]",
    ] {
        write(text);
        assert_eq!(ok(&["run", &plan]), ok(&["eval", text, &binding]), "{text}");
    }
    write("x * 2");
    ok(&["run", &plan, "-o", &out, "--chunks", "100,100"]);
    assert_eq!(ok(&["eval", "all(x * 2 == y)", &binding, &format!("y={out}")]), "True");
    assert_eq!(json(&["run", &plan, "--explain=json"])["stages"], json(&["eval", "x * 2", &binding, "--explain=json"])["stages"]);
    // a number changed by hand, and another file at the address
    let changed = std::fs::read_to_string(&plan).unwrap().replace("300", "299");
    let by_hand = path(dir.path(), "changed.json");
    std::fs::write(&by_hand, changed).unwrap();
    assert!(refused(&["run", &by_hand]).contains("its checksum is another"));
    ok(&["eval", "zeros((300, 200))", "-o", &file, "--overwrite"]);
    assert!(refused(&["run", &plan]).contains("was written since the plan was made"));
    ok(&["eval", "zeros((30, 20))", "-o", &file, "--overwrite"]);
    assert!(refused(&["run", &plan]).contains("of shape [30, 20] now"));
    std::fs::write(&plan, "{}").unwrap();
    assert!(refused(&["run", &plan]).contains("expected what --explain=json writes"));
}

#[test]
fn a_profile_is_a_trace_of_every_task() {
    let dir = tempfile::tempdir().unwrap();
    let trace = path(dir.path(), "trace.json");
    let out = json(&["eval", "ones((2000, 2000)).sum(axis=0).mean()", "--json", "--profile", &trace]);
    let events: Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let tasks = events["traceEvents"].as_array().unwrap().iter().filter(|e| e["cat"] == "task").count() as u64;
    assert_eq!(out["tasks"].as_u64(), Some(tasks));
    assert!(tasks > 0);
}

#[test]
fn progress_is_drawn_only_where_asked_for() {
    for (when, drawn) in [("never", false), ("auto", false)] {
        let output = flagstone(&["eval", "ones(10).sum()", "--progress", when]);
        assert_eq!(!output.stderr.is_empty(), drawn, "{when}: {}", stderr(&output));
    }
}

/// An interrupt while an array is being stored: exit 130, and what was at the address is still there.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "out.npy");
    ok(&["eval", "arange(10)", "-o", &out]);
    let before = std::fs::read(&out).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .args(["eval", "random.normal(size=(400000, 2000), seed=1)", "-o", &out, "--overwrite", "--threads", "2"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Until the new file has been started beside the old one.
    for _ in 0..1000 {
        if std::fs::read_dir(dir.path()).unwrap().count() > 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // SAFETY: sends a signal to a child of this process that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(std::fs::read(&out).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was left beside the array");
}

#[test]
fn shards_are_stored_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let text = "arange(100.0).reshape((10, 10)).astype('f4')";
    let raw: Vec<u8> = (0..100).flat_map(|i| (i as f32).to_ne_bytes()).collect();
    let described = |name: &str, chunks: &[u64], shards: &[u64]| {
        let about = serde_json::json!({
            "ending": "", "inside": "", "dtype": "<f4", "shape": [10, 10], "chunks": chunks, "shards": shards, "version": 3,
            "attributes": {}, "names": null,
        });
        std::fs::write(path(dir.path(), &format!("{name}.json")), about.to_string()).unwrap();
        std::fs::write(path(dir.path(), &format!("{name}.bin")), &raw).unwrap();
    };
    for (name, options, chunks, shards) in [
        ("a.zarr", &["--chunks", "2,5", "--shards", "4,-1"][..], &[2, 5], &[4, 10]),
        ("b.zarr", &["--chunks", "4,3", "--shards", "-1,1000"], &[4, 3], &[12, 12]),
        ("c.zarr", &["--chunks", "1=5", "--shards", "1=5", "--codec", "zstd:3"], &[10, 5], &[10, 5]),
        ("d.zarr", &["--shards", "6,4"], &[6, 4], &[6, 4]),
    ] {
        ok(&[&["eval", text, "-o", &path(dir.path(), name)], options].concat());
        described(name, chunks, shards);
    }
    python("check_zarr.py", dir.path(), &[]);
    for (name, options, why) in [
        ("e.zarr", &["--chunks", "4,3", "--shards", "6,3"][..], "shards of shape [6, 3] are no multiple of chunks of shape [4, 3]"),
        ("e.zarr", &["--shards", "6"], "shards: 6 for an array of 2 axes: [10, 10]"),
        ("e.zarr", &["--shards", "lat=6"], "no array has an axis called \"lat\""),
        ("e.h5:/x", &["--shards", "6,3"], "shards need Zarr version 3"),
        ("e.npy", &["--shards", "6,3"], "shards need Zarr version 3"),
    ] {
        let message = refused(&[&["eval", text, "-o", &path(dir.path(), name)], options].concat());
        assert!(message.contains(why), "{message}");
    }
    assert!(!dir.path().join("e.zarr").exists() && !dir.path().join("e.h5").exists() && !dir.path().join("e.npy").exists());
}

#[test]
fn axes_are_stored_by_the_names_that_were_given() {
    let dir = tempfile::tempdir().unwrap();
    let text = "arange(12.0).reshape((3, 4))";
    let raw: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    for version in ["2", "3"] {
        let name = format!("v{version}.zarr");
        let to = path(dir.path(), &name);
        ok(&["eval", text, "-o", &to, "--zarr-version", version, "--dims", "lat,lon", "--chunks", "lat=-1,lon=2"]);
        let about = serde_json::json!({
            "ending": "", "inside": "", "dtype": "<f8", "shape": [3, 4], "chunks": [3, 2], "shards": null,
            "version": version.parse::<u64>().unwrap(), "attributes": {}, "names": ["lat", "lon"],
        });
        std::fs::write(format!("{to}.json"), about.to_string()).unwrap();
        std::fs::write(format!("{to}.bin"), &raw).unwrap();
        assert!(ok(&["info", &to]).contains("axes       lat, lon"), "{}", ok(&["info", &to]));
    }
    python("check_zarr.py", dir.path(), &[]);
    for (options, why) in [
        (&["--dims", "lat"][..], "dims: lat for an array of 2 axes: [3, 4]"),
        (&["--zarr-version", "4"], "invalid value '4' for '--zarr-version <V>'"),
        (&["--dims", "lat,lon", "--chunks", "depth=2"], "no array has an axis called \"depth\""),
    ] {
        let output = flagstone(&[&["eval", text, "-o", &path(dir.path(), "bad.zarr")], options].concat());
        assert!(!output.status.success() && stderr(&output).contains(why), "{options:?}: {}", stderr(&output));
    }
    assert!(!dir.path().join("bad.zarr").exists());
}

#[test]
fn what_is_stored_as_netcdf_has_dimensions() {
    let dir = tempfile::tempdir().unwrap();
    let stored = |text: &str, name: &str, options: &[&str]| {
        let address = path(dir.path(), name);
        assert_eq!(ok(&[&["eval", text, "-o", &address], options].concat()), "", "{name}");
    };
    // Lengths that are there already share a dimension; two axes of one array never do.
    stored("arange(12.0).reshape((3, 4))", "a.nc:/x", &[]);
    stored("arange(20.0).reshape((4, 5))", "a.nc:/y", &["--codec", "gzip:1", "--chunks", "2,-1"]);
    stored("arange(9.0).reshape((3, 3))", "a.nc:/square", &[]);
    stored("arange(4)", "a.nc:/g/line", &[]);
    stored("arange(7)", "a.nc:/g/alone", &[]);
    stored("ones(())", "a.nc:/scalar", &[]);
    python("check_dimensions.py", dir.path(), &["eval"]);
    // A coordinate in the place of a dimension without values, and over what libnetcdf wrote.
    python("make_convert.py", dir.path(), &[]);
    for name in ["time", "tas"] {
        stored(
            "(x * 2).astype('f8')",
            &format!("a.nc:/{name}"),
            &["--overwrite", &format!("x={}", path(dir.path(), &format!("a.nc:/{name}")))],
        );
    }
    stored("arange(2) + 10", "a.nc:/bnds", &["--overwrite"]);
    python("check_dimensions.py", dir.path(), &["replaced"]);
}

#[test]
fn labels_that_dimensions_cannot_have_leave_a_file_that_netcdf_opens() {
    let dir = tempfile::tempdir().unwrap();
    python("make_labels.py", dir.path(), &[]);
    ok(&["convert", &path(dir.path(), "labels.h5"), &path(dir.path(), "labels.nc")]);
    python("check_dimensions.py", dir.path(), &["clashing"]);
}

#[test]
fn what_is_stored_into_files_of_netcdf4_has_their_dimensions() {
    let dir = tempfile::tempdir().unwrap();
    python("make_labels.py", dir.path(), &[]);
    let file = path(dir.path(), "unlimited.nc");
    let (v, w, c, x) = (format!("{file}:/v"), format!("{file}:/w"), format!("{file}:/c"), format!("{file}:/x"));
    ok(&["eval", "v + 1", &format!("v={v}"), "-o", &w, "--dims", "t,x"]);
    ok(&["eval", "v * 2", &format!("v={v}"), "-o", &v, "--overwrite"]);
    ok(&["eval", "arange(4.0)", "-o", &c, "--dims", "y"]);
    ok(&["eval", "arange(3.0) + 1", "-o", &x, "--dims", "x", "--overwrite"]);
    python("check_dimensions.py", dir.path(), &["stored again"]);
}
