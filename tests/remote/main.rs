//! Arrays that are far away: read at the link's rate under the limit, written, and every failure in words.
#![cfg(feature = "remote")]

mod hdf5;
mod server;

use flagstone::convert::difference;
use flagstone::grid::Region;
use flagstone::store::conformance::{check_reads, read_dense, write_all};
use flagstone::store::{AttributeKinds, Codec, Create, create, create_group, open, tree};
use flagstone::{DType, Runtime, Scalar};
use serde_json::json;
use server::{Fault, Server};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Numbers that no codec makes short.
fn noise(shape: &[u64], item: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u8
    };
    std::iter::repeat_with(next).take(shape.iter().product::<u64>() as usize * item).collect()
}

fn wanted(shape: &[u64], dtype: DType, chunks: &[u64]) -> Create {
    let mut wanted = Create::new(shape.to_vec(), dtype);
    wanted.chunks = Some(chunks.to_vec());
    wanted
}

fn values(address: &str) -> Vec<u8> {
    let store = open(address).unwrap_or_else(|e| panic!("{e}"));
    read_dense(&*store, &Region::whole(&store.meta().shape))
}

/// The command line with what services want of the environment.
fn flagstone(server: &Server, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone"));
    command.args(args).env("RUST_BACKTRACE", "0").env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", server.port));
    command.env("AWS_ACCESS_KEY_ID", "somebody").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "here");
    for (name, value) in environment {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    command.output().expect("the binary runs")
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!message.contains("internal error") && !message.contains("Some("), "{message}");
    message
}

#[test]
fn every_kind_of_array_is_read_over_http_as_from_a_disk() {
    let directory = tempfile::tempdir().unwrap();
    let group = format!("{}/a b.zarr", directory.path().display());
    create_group(&group, json!({"title": "é"}).as_object().unwrap(), &AttributeKinds::new(), 3).unwrap();
    let shape = [37, 50];
    let mut seed = 0;
    let mut kinds = Vec::new();
    for codec in [Codec::None, Codec::Zstd(1), Codec::Gzip(1), Codec::Blosc { inner: "lz4".into(), level: 5 }] {
        for (shards, dtype) in [(None, DType::F32), (Some(vec![20, 14]), DType::I16), (None, DType::Bool)] {
            let mut wanted = wanted(&shape, dtype, &[5, 7]);
            (wanted.codec, wanted.shards) = (Some(codec.clone()), shards);
            kinds.push(wanted);
        }
    }
    let names: Vec<String> = (0..kinds.len()).map(|n| format!("x{n}")).collect();
    for (name, wanted) in names.iter().zip(&kinds) {
        seed += 1;
        let mut bytes = noise(&shape, wanted.dtype.size(), seed);
        if wanted.dtype == DType::Bool {
            bytes.iter_mut().for_each(|b| *b &= 1);
        }
        // Some chunks are never written.
        bytes[..300].fill(0);
        write_all(&*create(format!("{group}:/{name}"), wanted).unwrap(), &shape, wanted.dtype, &bytes);
    }
    let mut scalar = Create::new(vec![], DType::F64);
    scalar.zarr_version = 2;
    write_all(&*create(format!("{}/scalar.zarr", directory.path().display()), &scalar).unwrap(), &[], DType::F64, &1.5f64.to_ne_bytes());

    let server = Server::of(directory.path());
    for (n, name) in names.iter().enumerate() {
        let address = server.url(&format!("a%20b.zarr:/{name}"));
        let (near, far) = (values(&format!("{group}:/{name}")), open(&address).unwrap());
        check_reads(&*far, &near, n as u64);
        // Through the engine, which reads ahead.
        let array = flagstone::open(&address).unwrap();
        for limit in ["400KiB", "64MiB"] {
            let runtime = Runtime::builder().memory_limit(limit).threads(2).build().unwrap();
            let found = difference(&array, &flagstone::open(format!("{group}:/{name}")).unwrap(), &runtime).unwrap();
            assert!(found.is_none(), "{address} under {limit}: {found:?}");
        }
    }
    assert_eq!(values(&server.url("scalar.zarr")), 1.5f64.to_ne_bytes());
    let message = tree(server.url("a%20b.zarr")).unwrap_err().to_string();
    assert!(message.contains("does not tell what it has; name an array"), "{message}");
}

/// A shard that is written anew between its index and its chunks: the index's places are not those of the new bytes.
#[test]
fn a_shard_that_changes_while_it_is_read_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let near = format!("{}/x.zarr", directory.path().display());
    let mut wanted = wanted(&[64, 64], DType::U16, &[16, 16]);
    (wanted.codec, wanted.shards) = (Some(Codec::None), Some(vec![64, 64]));
    let mut written = |seed| {
        wanted.overwrite = true;
        write_all(&*create(&near, &wanted).unwrap(), &[64, 64], DType::U16, &noise(&[64, 64], 2, seed));
        std::fs::read(format!("{near}/c/0/0")).unwrap()
    };
    let (new, old) = (written(2), written(1));
    assert_eq!(new.len(), old.len());
    let shard = directory.path().join("x.zarr/c/0/0");
    for (now, what) in [
        (Some(new.clone()), "its ETag or time of change was".to_string()),
        (Some(new[..1000].to_vec()), format!("it had {} bytes then, and has 1000 now", new.len())),
        (Some(new[..new.len() - 700].to_vec()), format!("it had {} bytes then, and has {} now", new.len(), new.len() - 700)),
        (None, "is gone while it is read".to_string()),
    ] {
        for through_engine in [false, true] {
            std::fs::write(&shard, &old).unwrap();
            let server = Server::of(directory.path());
            let (asked, at, now) = (AtomicUsize::new(0), shard.clone(), now.clone());
            server.failing(move |_, path| {
                // The first request is for the index.
                if path.ends_with("c/0/0") && asked.fetch_add(1, Ordering::SeqCst) == 1 {
                    match &now {
                        Some(bytes) => std::fs::write(&at, bytes).unwrap(),
                        None => std::fs::remove_file(&at).unwrap(),
                    }
                }
                None
            });
            let url = server.url("x.zarr");
            let message = if through_engine {
                let runtime = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
                runtime.item::<u64>(&flagstone::open(&url).unwrap().sum(..)).unwrap_err()
            } else {
                let store = open(&url).unwrap();
                let region = Region::dense(&[40, 40], &[20, 20]);
                let (mut out, mut scratch) = (vec![0; 800], vec![0; store.scratch_bytes(&region) as usize]);
                store.read(&region, &mut flagstone::ViewMut::dense(&mut out, DType::U16, &[20, 20]), &mut scratch).unwrap_err()
            };
            let message = message.to_string();
            assert!(message.contains(&what) && message.contains(&server.url("x.zarr/c/0/0")), "{message}");
        }
    }
}

/// An array of 80 chunks of a megabyte, in shards where they are asked for.
fn far_array(shards: Option<Vec<u64>>) -> (tempfile::TempDir, Server, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let shape = [80 * 250, 1000];
    let mut wanted = wanted(&shape, DType::U32, &[250, 1000]);
    (wanted.codec, wanted.shards) = (Some(Codec::Zstd(1)), shards);
    let bytes = noise(&shape, 4, 7);
    write_all(&*create(format!("{}/x.zarr", directory.path().display()), &wanted).unwrap(), &shape, DType::U32, &bytes);
    let server = Server::of(directory.path());
    (directory, server, bytes)
}

/// In the link's own time, so that how busy this machine is makes no difference.
#[test]
fn a_link_of_50_ms_is_filled() {
    for shards in [None, Some(vec![2500, 1000])] {
        let (_directory, server, bytes) = far_array(shards.clone());
        let server = server.timed(Duration::from_millis(50), 40e6);
        let expected: u64 = bytes.as_chunks::<4>().0.iter().map(|&n| u64::from(u32::from_ne_bytes(n))).sum();
        let array = flagstone::open(server.url("x.zarr")).unwrap();
        let runtime = Runtime::builder().memory_limit("256MiB").threads(2).build().unwrap();
        let (before, start) = (server.sent_bytes(), server.seconds());
        assert_eq!(runtime.item::<u64>(&array.sum(..)).unwrap(), expected);
        let (seconds, sent) = (server.seconds() - start, server.sent_bytes() - before);
        let rate = sent as f64 / seconds;
        println!("shards {shards:?}: {sent} bytes in {seconds:.2} s, {:.2} of the link, {} at once", rate / 40e6, server.at_once_most());
        assert!(sent < bytes.len() as u64 * 11 / 10, "{sent} bytes were sent for {}", bytes.len());
        assert!(rate >= 0.8 * 40e6, "{:.2} of the link's rate", rate / 40e6);
    }
}

/// Answers that wait for room keep all connections of such a server while a reader waits for one that has not come: it was given up after half a
/// minute. Chunks are longer than what sockets hold of them.
#[test]
fn a_server_that_answers_few_at_once_is_read_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let shape = [12 * 3000, 1000];
    let mut wanted = wanted(&shape, DType::U32, &[3000, 1000]);
    wanted.codec = Some(Codec::None);
    let bytes = noise(&shape, 4, 7);
    write_all(&*create(format!("{}/x.zarr", directory.path().display()), &wanted).unwrap(), &shape, DType::U32, &bytes);
    let expected: u64 = bytes.as_chunks::<4>().0.iter().map(|&n| u64::from(u32::from_ne_bytes(n))).sum();
    let server = Server::of(directory.path()).busy(2);
    let array = flagstone::open(server.url("x.zarr")).unwrap();
    let start = Instant::now();
    let runtime = Runtime::builder().memory_limit("200MiB").threads(2).build().unwrap();
    assert_eq!(runtime.item::<u64>(&array.sum(..)).unwrap(), expected);
    println!("{} requests in {:?}", server.requests(), start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[test]
fn what_is_on_its_way_is_within_the_limit() {
    let (_directory, server, bytes) = far_array(None);
    let server = server.delayed(Duration::from_millis(50), 40e6);
    let url = server.url("x.zarr");
    for limit in ["16MiB", "48MiB"] {
        let found = flagstone(&server, &[], &["eval", "x.max()", &format!("x={url}"), "--memory-limit", limit, "--threads", "2", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&ok(&found)).unwrap();
        let most = bytes.as_chunks::<4>().0.iter().map(|&n| u32::from_ne_bytes(n)).max().unwrap();
        assert_eq!(found["data"].as_u64(), Some(u64::from(most)));
        // Beside the limit: the program, its threads, and clients with their certificates and buffers.
        let (peak, limit) = (found["peak_resident_bytes"].as_u64().unwrap(), flagstone::budget::parse_bytes(limit).unwrap());
        println!("limit {limit}: peak {peak}");
        assert!(peak < limit + (100 << 20), "{peak} bytes under a limit of {limit}");
    }
}

#[test]
fn the_smallest_limit_that_is_named_does() {
    let (_directory, server, _) = far_array(None);
    let server = server.delayed(Duration::from_millis(50), 40e6);
    let array = flagstone::open(server.url("x.zarr")).unwrap().sum(..);
    let message = Runtime::builder().memory_limit("1MiB").threads(1).build().unwrap().item::<u64>(&array).unwrap_err();
    let flagstone::error::ErrorKind::WouldNotFit { smallest_bytes, .. } = message.kind() else { panic!("{message}") };
    Runtime::builder().memory_limit_bytes(*smallest_bytes).threads(1).build().unwrap().item::<u64>(&array).unwrap();
}

#[test]
fn what_fails_once_is_asked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let near = format!("{}/x.zarr", directory.path().display());
    let bytes = noise(&[100, 100], 4, 3);
    write_all(&*create(&near, &wanted(&[100, 100], DType::I32, &[10, 100])).unwrap(), &[100, 100], DType::I32, &bytes);
    for fault in [Fault::Status(503), Fault::Status(500), Fault::Short] {
        let server = Server::of(directory.path());
        let seen = std::sync::Mutex::new(std::collections::HashSet::new());
        let failed = std::sync::Arc::new(AtomicUsize::new(0));
        let count = failed.clone();
        server.failing(move |_, path| {
            let first = seen.lock().unwrap().insert(path.to_string());
            count.fetch_add(usize::from(first), Ordering::SeqCst);
            first.then_some(fault)
        });
        let array = flagstone::open(server.url("x.zarr")).unwrap();
        let runtime = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
        assert!(difference(&array, &flagstone::open(&near).unwrap(), &runtime).unwrap().is_none(), "{fault:?}");
        assert!(failed.load(Ordering::SeqCst) > 10, "{fault:?}");
    }
}

#[test]
fn failures_name_the_address_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let near = format!("{}/x.zarr", bucket.display());
    write_all(&*create(&near, &wanted(&[100], DType::I32, &[10])).unwrap(), &[100], DType::I32, &noise(&[100], 4, 3));
    let eval = |server: &Server, environment: &[(&str, &str)], address: &str| {
        fails(&flagstone(server, environment, &["eval", "x.sum()", &format!("x={address}")]))
    };
    let server = Server::of(directory.path());
    let message = eval(&server, &[], "s3://bucket/none.zarr");
    assert!(message.contains("s3://bucket/none.zarr") && message.contains("no zarr.json, .zarray or .zgroup"), "{message}");

    server.failing(|_, path| path.contains("/c/3").then_some(Fault::Status(403)));
    let message = eval(&server, &[], "s3://bucket/x.zarr");
    assert!(message.contains("s3://bucket/x.zarr/c/3") && message.contains("AWS_ACCESS_KEY_ID"), "{message}");

    server.failing(|_, path| path.contains("/c/3").then_some(Fault::Short));
    let message = eval(&server, &[("FLAGSTONE_REMOTE_TIMEOUT", "1")], "s3://bucket/x.zarr");
    assert!(message.contains("s3://bucket/x.zarr/c/3"), "{message}");

    server.failing(|_, path| path.contains("/c/3").then_some(Fault::Silence));
    let start = Instant::now();
    let message = eval(&server, &[("FLAGSTONE_REMOTE_TIMEOUT", "0.3")], "s3://bucket/x.zarr");
    assert!(message.contains("no answer in time") && message.contains("FLAGSTONE_REMOTE_TIMEOUT"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());

    // A chunk that is longer than any codec makes it, and one that is cut short.
    server.failing(|_, _| None);
    for (len, what) in [(100_000, "100000 bytes are stored, more than"), (7, "c/3")] {
        std::fs::write(format!("{near}/c/3"), vec![7; len]).unwrap();
        let message = eval(&server, &[], "s3://bucket/x.zarr");
        assert!(message.contains(what) && message.contains("x.zarr"), "{message}");
    }

    let refused = Server::of(directory.path());
    refused.needs_user();
    let anonymous = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_SKIP_SIGNATURE", "true")];
    let message = eval(&refused, &anonymous, "s3://bucket/x.zarr");
    assert!(message.contains("access is refused (403)") && message.contains("AWS_ACCESS_KEY_ID"), "{message}");
    // No credentials at all, on a machine that has no service for them.
    let nobody = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1"),
        ("FLAGSTONE_REMOTE_TIMEOUT", "0.3"),
    ];
    let message = eval(&refused, &nobody, "s3://bucket/x.zarr");
    assert!(message.contains("no credentials") && message.contains("AWS_SKIP_SIGNATURE"), "{message}");

    for (address, what) in [
        ("http://127.0.0.1:1/x.zarr", "127.0.0.1:1"),
        ("s3://", "names no bucket"),
        ("http://127.0.0.1:1/x.zarr?sig=1", "queries"),
        ("s3://bucket/x.npy", "copy it to a disk first"),
        ("s3://bucket/x.h5:/d", "there is no such object"),
    ] {
        let message = eval(&server, &[("FLAGSTONE_REMOTE_TIMEOUT", "0.3")], address);
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn buckets_are_written_and_what_was_not_finished_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("bucket")).unwrap();
    let at = |name: &str| format!("{}/{name}", directory.path().display());
    create_group(at("a.zarr"), json!({"title": "all"}).as_object().unwrap(), &AttributeKinds::new(), 3).unwrap();
    let mut fine = wanted(&[70, 30], DType::F64, &[20, 20]);
    (fine.fill, fine.attributes) = (Some(Scalar::Float(-9.0)), json!({"units": "K"}).as_object().unwrap().clone());
    write_all(&*create(at("a.zarr:/g/t"), &fine).unwrap(), &[70, 30], DType::F64, &noise(&[70, 30], 8, 1));
    let server = Server::of(directory.path());
    for (n, options) in [&["--zarr-version", "2"][..], &["--codec", "none"]].iter().enumerate() {
        let (source, target) = (at("a.zarr"), format!("s3://bucket/deep/c{n}.zarr"));
        let args = [&["convert", &source, &target, "--verify"][..], options].concat();
        ok(&flagstone(&server, &[], &args));
        let there = at(&format!("bucket/deep/c{n}.zarr"));
        assert!(values(&format!("{there}:/g/t")) == values(&at("a.zarr:/g/t")));
        assert_eq!(tree(&there).unwrap().attributes["title"], "all");
        assert_eq!(open(format!("{there}:/g/t")).unwrap().meta().attributes["units"], "K");
        let listed = ok(&flagstone(&server, &[], &["info", &target]));
        assert!(listed.contains("g") && listed.contains("(70, 30)"), "{listed}");
        let message = fails(&flagstone(&server, &[], &args));
        assert!(message.contains("there already"), "{message}");
    }
    // A shard of more than a part: sent in several.
    let big = wanted(&[3000, 1000], DType::F64, &[3000, 1000]);
    let bytes = noise(&[3000, 1000], 8, 2);
    write_all(&*create(at("big.zarr"), &big).unwrap(), &[3000, 1000], DType::F64, &bytes);
    let shards = ["--shards", "3000,1000", "--chunks", "300,500", "--codec", "none"];
    ok(&flagstone(&server, &[], &[&["convert", &at("big.zarr"), "s3://bucket/big.zarr"][..], &shards].concat()));
    assert!(values(&at("bucket/big.zarr")) == bytes);
    // A server that fails in the middle: nothing is left, and the next try does it.
    let puts = AtomicUsize::new(0);
    server.failing(move |method, path| {
        let fails = method == "PUT" && path.contains("half.zarr") && puts.fetch_add(1, Ordering::SeqCst) == 5;
        fails.then_some(Fault::Status(403))
    });
    let half = ["convert", &at("big.zarr"), "s3://bucket/half.zarr", "--chunks", "300,500"];
    let message = fails(&flagstone(&server, &[], &half));
    assert!(message.contains("s3://bucket/half.zarr") && message.contains("403"), "{message}");
    let mut left = 0;
    count(&directory.path().join("bucket/half.zarr"), &mut left);
    assert_eq!(left, 0);
    // What a killed one left is not taken for values.
    std::fs::create_dir_all(at("bucket/half.zarr/c/0")).unwrap();
    std::fs::write(at("bucket/half.zarr/c/0/0"), "old").unwrap();
    let message = fails(&flagstone(&server, &[], &half));
    assert!(message.contains("not finished"), "{message}");
    ok(&flagstone(&server, &[], &[&half[..], &["--overwrite"]].concat()));
    assert!(values(&at("bucket/half.zarr")) == bytes);
    let message = fails(&flagstone(&server, &[], &[&half[..], &["--overwrite"]].concat()));
    assert!(message.contains("delete it first"), "{message}");
    let message = fails(&flagstone(&server, &[], &["convert", &at("big.zarr"), &server.url("bucket/no.zarr")]));
    assert!(message.contains("s3:// and gs:// are written"), "{message}");
}

fn count(directory: &Path, files: &mut usize) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() { count(&entry.path(), files) } else { *files += 1 }
    }
}

#[test]
fn google_buckets_are_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("bucket")).unwrap();
    let near = format!("{}/x.zarr", directory.path().display());
    let bytes = noise(&[100, 8], 2, 3);
    write_all(&*create(&near, &wanted(&[100, 8], DType::I16, &[10, 8])).unwrap(), &[100, 8], DType::I16, &bytes);
    let server = Server::of(directory.path());
    let account = json!({"gcs_base_url": format!("http://127.0.0.1:{}", server.port), "disable_oauth": true, "client_email": "", "private_key": "",
        "private_key_id": ""});
    let environment = [("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_string())];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ok(&flagstone(&server, &environment, &["convert", &near, "gs://bucket/y.zarr", "--verify"]));
    assert!(values(&format!("{}/bucket/y.zarr", directory.path().display())) == bytes);
}
