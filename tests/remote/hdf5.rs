//! HDF5 files that are far away: read by ranges, and never as a whole.

use crate::server::{Fault, Server};
use crate::{fails, flagstone, noise, ok, values, wanted};
use flagstone::convert::difference;
use flagstone::grid::Region;
use flagstone::store::conformance::{check_reads, far_files_bytes, read_dense, write_all};
use flagstone::store::{AttributeKinds, Codec, Create, Store, create, create_group, extent, open, tree};
use flagstone::{DType, Runtime, ViewMut};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn written(address: &str, wanted: &Create, bytes: &[u8]) {
    write_all(&*create(address, wanted).unwrap(), &wanted.shape, wanted.dtype, bytes);
}

/// Reads a region, or says why not.
fn read(store: &dyn Store, region: &Region) -> flagstone::Result<Vec<u8>> {
    let meta = store.meta();
    let mut out = vec![0; region.elements() as usize * meta.dtype.size()];
    let mut scratch = vec![0; store.scratch_bytes(region) as usize];
    let shape: Vec<usize> = region.shape().iter().map(|&n| n as usize).collect();
    store.read(region, &mut ViewMut::dense(&mut out, meta.dtype, &shape), &mut scratch)?;
    Ok(out)
}

/// A file of 20 chunks of 0.8 MB that no codec makes short, and of a contiguous array of 16 MB, in groups.
fn large(directory: &Path) -> (String, Vec<u8>) {
    let file = format!("{}/large.h5", directory.display());
    let bytes = noise(&[4000, 1000], 4, 5);
    let mut chunked = wanted(&[4000, 1000], DType::U32, &[200, 1000]);
    chunked.codec = Some(Codec::Gzip(1));
    written(&format!("{file}:/a/chunked"), &chunked, &bytes);
    written(&format!("{file}:/b/plain"), &Create::new(vec![4000, 1000], DType::U32), &bytes);
    (file, bytes)
}

#[test]
fn every_kind_of_dataset_is_read_as_from_a_disk() {
    let directory = tempfile::tempdir().unwrap();
    let near = format!("{}/a b.h5", directory.path().display());
    create_group(&near, json!({"title": "é"}).as_object().unwrap(), &AttributeKinds::new(), 3).unwrap();
    let shape = [37, 50];
    let mut names = Vec::new();
    for (n, codec) in [Codec::None, Codec::Gzip(1), Codec::Lzf].into_iter().enumerate() {
        for (chunks, dtype) in [(vec![5, 7], DType::F32), (vec![37, 50], DType::I16), (vec![1, 50], DType::Bool)] {
            let mut wanted = wanted(&shape, dtype, &chunks);
            (wanted.codec, wanted.checksum) = (Some(codec.clone()), n == 1);
            let mut bytes = noise(&shape, dtype.size(), names.len() as u64);
            if dtype == DType::Bool {
                bytes.iter_mut().for_each(|b| *b &= 1);
            }
            let name = format!("g{n}/x{}", names.len());
            written(&format!("{near}:/{name}"), &wanted, &bytes);
            names.push(name);
        }
    }
    // Longer than a slab, rows longer than one, axes of one place, and no axis.
    for shape in [vec![300, 700], vec![3, 200_000], vec![2, 1, 150_000, 1], vec![]] {
        let name = format!("plain/x{}", names.len());
        written(&format!("{near}:/{name}"), &Create::new(shape.clone(), DType::F64), &noise(&shape, 8, names.len() as u64));
        names.push(name);
    }
    let server = Server::of(directory.path());
    let url = server.url("a%20b.h5");
    assert_eq!(tree(&url).unwrap().arrays(), tree(&near).unwrap().arrays());
    assert_eq!(tree(&url).unwrap().attributes["title"], "é");
    let runtimes = ["16MiB", "64MiB"].map(|limit| Runtime::builder().memory_limit(limit).threads(2).build().unwrap());
    for (n, name) in names.iter().enumerate() {
        let (here, there) = (format!("{near}:/{name}"), format!("{url}:/{name}"));
        let far = open(&there).unwrap();
        check_reads(&*far, &values(&here), n as u64);
        assert_eq!(extent(&there).unwrap(), extent(&here).unwrap());
        // Through the engine, which reads ahead.
        for runtime in &runtimes {
            let found = difference(&flagstone::open(&there).unwrap(), &flagstone::open(&here).unwrap(), runtime).unwrap();
            assert!(found.is_none(), "{there}: {found:?}");
        }
    }
    // A far file is what its bytes say.
    std::fs::copy(&near, directory.path().join("measured")).unwrap();
    let address = server.url(&format!("measured:/{}", names[0]));
    assert_eq!(values(&address), values(&format!("{near}:/{}", names[0])));
}

/// Compact datasets are in their header: libhdf5 reads them, through the driver.
#[test]
fn what_only_libhdf5_reads_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let near = directory.path().join("x.h5");
    {
        let file = hdf5::File::create(&near).unwrap();
        let numbers: Vec<i32> = (0..300).collect();
        let compact = file.new_dataset::<i32>().shape(300).layout(hdf5::plist::dataset_create::Layout::Compact);
        compact.create("compact").unwrap().write(&numbers).unwrap();
    }
    let server = Server::of(directory.path());
    let far = open(server.url("x.h5:/compact")).unwrap();
    check_reads(&*far, &values(&format!("{}:/compact", near.display())), 3);
}

#[test]
fn little_is_fetched_to_list_a_file_and_for_one_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let (file, bytes) = large(directory.path());
    let total = std::fs::metadata(&file).unwrap().len();
    let server = Server::of(directory.path());
    let listed = ok(&flagstone(&server, &[], &["info", &server.url("large.h5")]));
    assert!(listed.contains("chunked") && listed.contains("(4000, 1000)"), "{listed}");
    let (requests, sent) = (server.requests(), server.sent_bytes());
    println!("info: {requests} requests, {sent} bytes of {total}");
    assert!(requests <= 12 && sent <= 1 << 20, "{requests} requests, {sent} bytes of {total}");

    let store = open(server.url("large.h5:/a/chunked")).unwrap();
    let (opened, at_open) = (server.requests() - requests, server.sent_bytes() - sent);
    println!("open: {opened} requests, {at_open} bytes");
    assert!(opened <= 12 && at_open <= 1 << 20, "{opened} requests, {at_open} bytes");
    let region = |first: u64, rows: u64| Region::dense(&[first, 0], &[rows, 1000]);
    let (requests, sent) = (server.requests(), server.sent_bytes());
    assert!(read_dense(&*store, &region(400, 200)) == bytes[400 * 4000..600 * 4000]);
    assert_eq!(server.requests() - requests, 1);
    assert!(server.sent_bytes() - sent <= 900_000, "{} bytes", server.sent_bytes() - sent);

    let store = open(server.url("large.h5:/b/plain")).unwrap();
    let (requests, sent) = (server.requests(), server.sent_bytes());
    assert!(read_dense(&*store, &region(7, 1)) == bytes[7 * 4000..8 * 4000]);
    assert_eq!((server.requests() - requests, server.sent_bytes() - sent), (1, 4000));
}

#[test]
fn a_link_of_50_ms_is_filled_by_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (_, bytes) = large(directory.path());
    let expected: u64 = bytes.as_chunks::<4>().0.iter().map(|&n| u64::from(u32::from_ne_bytes(n))).sum();
    for name in ["a/chunked", "b/plain"] {
        let server = Server::of(directory.path()).timed(Duration::from_millis(50), 40e6);
        let array = flagstone::open(server.url(&format!("large.h5:/{name}"))).unwrap();
        let runtime = Runtime::builder().memory_limit("256MiB").threads(2).build().unwrap();
        let (before, start) = (server.sent_bytes(), server.seconds());
        assert_eq!(runtime.item::<u64>(&array.sum(..)).unwrap(), expected);
        let (seconds, sent) = (server.seconds() - start, server.sent_bytes() - before);
        let filled = sent as f64 / seconds / 40e6;
        println!("{name}: {sent} bytes in {seconds:.2} s, {filled:.2} of the link, {} at once", server.at_once_most());
        assert!(sent < bytes.len() as u64 * 11 / 10, "{sent} bytes were sent for {}", bytes.len());
        assert!(filled >= 0.8, "{filled:.2} of the link's rate");
    }
}

#[test]
fn a_server_that_fails_now_and_then_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let (file, _) = large(directory.path());
    for fault in [Fault::Status(503), Fault::Short] {
        let server = Server::of(directory.path());
        let (asked, failed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let count = failed.clone();
        server.failing(move |_, _| {
            let fails = asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(4);
            count.fetch_add(usize::from(fails), Ordering::SeqCst);
            fails.then_some(fault)
        });
        let runtime = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
        for name in ["a/chunked", "b/plain"] {
            let far = flagstone::open(server.url(&format!("large.h5:/{name}"))).unwrap();
            let near = flagstone::open(format!("{file}:/{name}")).unwrap();
            assert!(difference(&far, &near, &runtime).unwrap().is_none(), "{fault:?} {name}");
        }
        assert!(failed.load(Ordering::SeqCst) > 5, "{fault:?}");
    }
}

#[test]
fn failures_say_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let (_, bytes) = large(directory.path());
    // The file's start arrives, and the dataset's header at its end does not.
    let server = Server::of(directory.path());
    let url = server.url("large.h5:/b/plain");
    let asked = AtomicUsize::new(0);
    server.failing(move |_, _| (asked.fetch_add(1, Ordering::SeqCst) > 0).then_some(Fault::Status(403)));
    let message = open(&url).unwrap_err().to_string();
    assert!(message.contains(&url) && message.contains("access is refused (403)"), "{message}");

    // A server that does not know ranges: no more of the file is taken than was on its way.
    let server = Server::of(directory.path());
    server.failing(|_, _| Some(Fault::Whole));
    let message = fails(&flagstone(&server, &[], &["eval", "x.sum()", &format!("x={}", server.url("large.h5:/a/chunked"))]));
    assert!(message.contains("does not send parts of objects"), "{message}");
    assert!(server.requests() <= 2, "{} requests", server.requests());

    // A file that is written anew while it is open.
    let server = Server::of(directory.path());
    let url = server.url("large.h5:/b/plain");
    let (store, array) = (open(&url).unwrap(), flagstone::open(&url).unwrap());
    let other: Vec<u8> = bytes.iter().map(|b| !b).collect();
    let mut again = Create::new(vec![4000, 1000], DType::U32);
    again.overwrite = true;
    written(&format!("{}/large.h5:/b/plain", directory.path().display()), &again, &other);
    let runtime = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
    for message in [read(&*store, &Region::dense(&[0, 0], &[1, 1000])).map(drop), runtime.item::<u64>(&array.sum(..)).map(drop)] {
        let message = message.unwrap_err().to_string();
        assert!(message.contains("has changed since it was opened"), "{message}");
    }
    assert!(values(&url) == other);

    // What is not there, is no HDF5 file, or would be written.
    std::fs::write(directory.path().join("old.nc"), b"CDF\x01\0\0\0\0").unwrap();
    std::fs::write(directory.path().join("text.h5"), "no numbers at all").unwrap();
    for (name, what) in [
        ("none.h5:/x", "there is no such object"),
        ("old.nc:/t", "a NetCDF classic file that is far away; copy it to a disk first"),
        ("text.h5:/x", "signature"),
        ("large.h5:/b/none", "the file has no dataset /b/none; there is /b/plain"),
    ] {
        let message = open(server.url(name)).unwrap_err().to_string();
        assert!(message.contains(what) && message.contains(name), "{message}");
    }
    let message = create(server.url("new.h5:/x"), &Create::new(vec![3], DType::U8)).err().unwrap().to_string();
    assert!(message.contains("is read, not written"), "{message}");
    let message = create_group(server.url("new.h5:/g"), &serde_json::Map::new(), &AttributeKinds::new(), 3).unwrap_err().to_string();
    assert!(message.contains("is read, not written"), "{message}");
}

/// Whoever reads a file that somebody makes shorter meanwhile is told that, in whatever way the bytes are fetched.
#[test]
fn a_file_that_becomes_shorter_while_it_is_read_is_said_to_have_changed() {
    let directory = tempfile::tempdir().unwrap();
    {
        // More than the driver keeps.
        let numbers: Vec<i32> = (0..2_000_000i32).map(|i| i.wrapping_mul(7919) & 0xFFFF).collect();
        let packed = hdf5::File::create(directory.path().join("large.h5")).unwrap();
        let packed = packed.new_dataset::<i32>().shape(2_000_000).chunk(50_000).scale_offset(hdf5::filters::ScaleOffset::Integer(0));
        packed.create("packed").unwrap().write(&numbers).unwrap();
    }
    let (file, _) = large(directory.path());
    let whole = std::fs::read(&file).unwrap();
    let server = Server::of(directory.path());
    let runtime = Runtime::builder().memory_limit("64MiB").threads(2).build().unwrap();
    // Behind all that is fetched, and in the middle of a stretch of it.
    for len in [3000, 9_000_001, whole.len() - 100_000] {
        for (name, last) in [("a/chunked", vec![3999, 0]), ("b/plain", vec![3999, 0]), ("packed", vec![1_999_000])] {
            let url = server.url(&format!("large.h5:/{name}"));
            let (store, array) = (open(&url).unwrap(), flagstone::open(&url).unwrap());
            std::fs::write(&file, &whole[..len]).unwrap();
            let lens: Vec<u64> = last.iter().map(|&start| if start > 4000 { 1000 } else { 1 }).collect();
            let one = read(&*store, &Region::dense(&last, &lens)).map(drop);
            let all = runtime.item::<f64>(&array.mean(..)).map(drop);
            for done in [one, all] {
                let message = done.unwrap_err().to_string();
                let (then, now) = (format!("it had {} bytes then, and has {len} now", whole.len()), server.url("large.h5"));
                assert!(message.contains(&then) && message.contains("read it again") && message.contains(&now), "{name}: {message}");
            }
            std::fs::write(&file, &whole).unwrap();
            assert!(values(&url).len() > 1_000_000, "{name} is read again");
        }
    }
}

/// In a process of its own, since what is kept is the process's.
#[test]
fn of_files_that_nobody_reads_little_is_kept_and_of_many_no_more_than_of_one() {
    const ALONE: &str = "FLAGSTONE_TEST_ALONE";
    let name = "hdf5::of_files_that_nobody_reads_little_is_kept_and_of_many_no_more_than_of_one";
    if std::env::var_os(ALONE).is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    const MIB: u64 = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let server = Server::of(directory.path());
    let mut stores = Vec::new();
    for n in 0..3 {
        let near = directory.path().join(format!("{n}.h5"));
        // What the driver hands on it keeps: 4.8 MB of datasets that lie in their headers, of each file.
        {
            let numbers: Vec<i32> = (0..15_000i32).map(|i| i.wrapping_mul(7919)).collect();
            let file = hdf5::File::create(&near).unwrap();
            for m in 0..80 {
                let compact = file.new_dataset::<i32>().shape(15_000).layout(hdf5::plist::dataset_create::Layout::Compact);
                compact.create(format!("{m}").as_str()).unwrap().write(&numbers).unwrap();
            }
        }
        for m in 0..80 {
            let far = open(server.url(&format!("{n}.h5:/{m}"))).unwrap();
            assert!(read_dense(&*far, &Region::whole(&[15_000])) == values(&format!("{}:/{m}", near.display())));
            stores.push(far);
        }
    }
    println!("{} bytes of three files", far_files_bytes());
    assert!(far_files_bytes() > 3 * MIB && far_files_bytes() <= 4 * MIB, "{} bytes", far_files_bytes());
    let shared = stores.iter().map(|store| store.shared_bytes().unwrap()).collect::<std::collections::HashSet<_>>();
    assert!(shared.len() == 1 && shared.iter().all(|(_, bytes)| *bytes == 4 * MIB), "{shared:?}");
    // It is counted, and once.
    let plans = |count: u64, limit: u64| {
        let arrays = (0..count).map(|n| flagstone::open(server.url(&format!("{n}.h5:/0"))).unwrap());
        let sum = arrays.reduce(|a, b| a + b).unwrap().sum(..);
        Runtime::builder().memory_limit_bytes(limit).threads(1).build().unwrap().item::<i64>(&sum)
    };
    let smallest = |count| {
        let message = plans(count, MIB).unwrap_err();
        let flagstone::error::ErrorKind::WouldNotFit { smallest_bytes, .. } = message.kind() else { panic!("{message}") };
        *smallest_bytes
    };
    let (one, three) = (smallest(1), smallest(3));
    println!("the smallest limits are {one} and {three}");
    assert!(one > 4 * MIB, "{one}");
    plans(3, three).unwrap();
    drop(stores);
    println!("{} bytes of none", far_files_bytes());
    assert!(far_files_bytes() <= MIB / 4, "{} bytes are kept for nobody", far_files_bytes());
    // What is left serves who opens the file again.
    let before = server.requests();
    let far = open(server.url("2.h5:/79")).unwrap();
    assert_eq!(far.meta().shape, [15_000]);
    assert!(server.requests() - before <= 3, "{} requests", server.requests() - before);
}
