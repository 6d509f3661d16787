//! `flagstone convert` that is stopped in the middle of an array and gone on with: the rest alone is done, and the result is what it
//! would have been.

use flagstone::Runtime;
use flagstone::convert::{Lengths, Options, Plan};
use flagstone::grid::element_count;
use flagstone::store::conformance::write_all;
use flagstone::store::{Codec, Create, create, exists, is_begun};
use flagstone::{DType, Scalar};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const SHAPE: [u64; 2] = [16 * 96, 16 * 128];
/// The source's chunks and their bytes; those of the first row hold nothing but the fill value, and are not stored.
const CHUNK: [u64; 2] = [96, 128];
const CHUNK_BYTES: u64 = 96 * 128 * 8;
const STORED_CHUNKS: u64 = 15 * 16;

fn at(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// Numbers that do not compress, below a row of chunks of the fill value.
fn put(address: &str, checksum: bool) {
    put_of(address, SHAPE, checksum);
}

fn put_of(address: &str, shape: [u64; 2], checksum: bool) {
    let mut wanted = Create::new(shape.to_vec(), DType::F64);
    (wanted.chunks, wanted.codec, wanted.checksum) = (Some(CHUNK.to_vec()), Some(Codec::None), checksum);
    wanted.fill = Some(Scalar::Float(-9.0));
    let mut state = 1u64;
    let value = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        if n < CHUNK[0] * shape[1] { -9.0f64 } else { (state >> 11) as f64 }
    };
    let bytes: Vec<u8> = (0..element_count(&shape).unwrap()).map(value).flat_map(f64::to_ne_bytes).collect();
    write_all(&*create(address, &wanted).unwrap(), &shape, DType::F64, &bytes);
}

/// All files of a directory by their names below it.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(root: &Path, directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(directory, directory, &mut found);
    found
}

/// Where a stopped writer of `target` left what it had.
fn aside(target: &Path) -> Option<PathBuf> {
    let start = format!(".{}.partial-", target.file_name().unwrap().to_str().unwrap());
    let entries = std::fs::read_dir(target.parent().unwrap()).unwrap();
    let mut found =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&start));
    found.next()
}

/// Records of finished granules.
fn records(partial: &Path) -> u64 {
    std::fs::metadata(partial.join(".flagstone-journal")).map_or(0, |found| (found.len() / 32).saturating_sub(1))
}

/// Stored bytes of the granules that the records name.
fn recorded_bytes(partial: &Path) -> u64 {
    let journal = std::fs::read(partial.join(".flagstone-journal")).unwrap();
    journal[32..].chunks_exact(32).map(|record| u64::from_le_bytes(record[8..16].try_into().unwrap())).sum()
}

/// Copies with one worker, and gives the bytes read and written.
fn convert(source: &str, target: &str, options: &Options) -> flagstone::Result<(u64, u64)> {
    let runtime = Runtime::builder().memory_limit("64MiB").threads(1).build()?;
    let plan = Plan::new(source, target, options)?;
    plan.copies.iter().try_for_each(|copy| copy.run(&runtime))?;
    Ok((runtime.counters().read_bytes.load(Relaxed), runtime.counters().written_bytes.load(Relaxed)))
}

/// Starts `flagstone convert` and kills it when a third of the granules is finished.
fn killed(source: &str, target: &Path, arguments: &[&str], granules: u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .args([&["convert", source, target.to_str().unwrap(), "--memory-limit", "64MiB"], arguments].concat())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    loop {
        let finished = aside(target).map_or(0, |partial| records(&partial));
        if finished > granules / 3 {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed, with {finished} of {granules}");
        assert!(start.elapsed() < Duration::from_secs(120), "{finished} of {granules} after two minutes");
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn lengths(text: &str) -> Lengths {
    text.parse().unwrap()
}

#[test]
fn after_a_kill_the_rest_alone_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let source = at(dir.path(), "a.zarr");
    put(&source, false);
    // A codec that takes long enough to be killed in it.
    let codec = || Some(Codec::Gzip(9));
    for (name, arguments, options, granules) in [
        ("v3.zarr", &[][..], Options::default(), 256),
        ("v2.zarr", &["--zarr-version", "2"], Options::default().zarr_version(2), 256),
        (
            "shards.zarr",
            &["--chunks", "32,128", "--shards", "96,128"],
            Options::default().chunks(lengths("32,128")).shards(lengths("96,128")),
            256,
        ),
        ("rows.zarr", &["--chunks", "24,-1"], Options::default().chunks(lengths("24,-1")), 64),
    ] {
        let (target, whole) = (dir.path().join(name), at(dir.path(), &format!("whole-{name}")));
        let options = options.codec(codec());
        convert(&source, &whole, &options).unwrap();
        killed(&source, &target, &[arguments, &["--codec", "gzip:9"]].concat(), granules);
        assert!(!exists(target.to_str().unwrap()), "{name}: something is at the address");
        let partial = aside(&target).unwrap();
        let (finished, finished_bytes) = (records(&partial), recorded_bytes(&partial));
        assert!(finished > granules / 3 && finished < granules, "{name}: {finished}");
        // As the machine's end would have left it: a granule that has no record is half there.
        let torn = partial.join(if name == "v2.zarr" {
            "15.15"
        } else if name == "rows.zarr" {
            "c/63/0"
        } else {
            "c/15/15"
        });
        std::fs::create_dir_all(torn.parent().unwrap()).unwrap();
        std::fs::write(&torn, "half").unwrap();

        let (read, written) = convert(&source, target.to_str().unwrap(), &options.resume(true)).unwrap();
        let (found, wanted) = (files(&target), files(Path::new(&whole)));
        assert!(found == wanted, "{name}: {:?}", found.keys().zip(wanted.keys()).find(|(a, b)| a != b));
        let stored: u64 = wanted
            .iter()
            .filter(|(name, _)| !name.ends_with("zarr.json") && !name.ends_with(".zarray"))
            .map(|(_, bytes)| bytes.len() as u64)
            .sum();
        assert_eq!(written, stored - finished_bytes, "{name}: of {stored} bytes {finished_bytes} were there");
        if granules == 256 {
            assert_eq!(read, (256 - finished) * CHUNK_BYTES, "{name}: {finished} of {granules} were there");
        } else {
            // A row of chunks makes four of the target: that at the cut is read for both.
            let rows = (64 - finished).div_ceil(4) + 2;
            assert!(read <= rows * 16 * CHUNK_BYTES && read < STORED_CHUNKS * CHUNK_BYTES, "{name}: {read} bytes for {rows} rows");
        }
        assert_eq!(aside(&target), None, "{name}");
    }
}

#[test]
fn after_a_failure_the_rest_alone_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target, whole) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"), at(dir.path(), "whole.zarr"));
    put(&source, true);
    let options = Options::default().codec(Codec::Zstd(1));
    convert(&source, &whole, &options).unwrap();
    let resume = options.clone().resume(true);
    // Chunk after chunk is damaged, so that it fails again and again, each time later.
    let mut had = 0;
    for row in [3u64, 7, 12] {
        let chunk = dir.path().join(format!("a.zarr/c/{row}/5"));
        let good = std::fs::read(&chunk).unwrap();
        std::fs::write(&chunk, [&good[..100], &[!good[100]], &good[101..]].concat()).unwrap();
        let message = convert(&source, &target, &resume).unwrap_err().to_string();
        assert!(message.contains(&format!("c/{row}/5")), "{message}");
        assert!(!exists(&target) && is_begun(&target));
        let finished = records(&aside(Path::new(&target)).unwrap());
        assert!(finished > had && finished >= row * 16, "{finished} in row {row}, {had} before");
        had = finished;
        std::fs::write(&chunk, good).unwrap();
    }
    // Of one finished chunk the bytes are lost, another is cut: they are made again.
    let partial = aside(Path::new(&target)).unwrap();
    std::fs::write(partial.join("c/1/0"), vec![0; std::fs::metadata(partial.join("c/1/0")).unwrap().len() as usize]).unwrap();
    std::fs::write(partial.join("c/2/7"), "").unwrap();
    let (read, _) = convert(&source, &target, &resume).unwrap();
    assert_eq!(read, (256 - had + 2) * (CHUNK_BYTES + 4), "{had} of 256 chunks were there, two of them lost");
    assert!(files(Path::new(&target)) == files(Path::new(&whole)));
    assert!(!is_begun(&target));
}

#[test]
fn chunks_that_an_edge_cuts_are_taken_up_like_others() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target, whole) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"), at(dir.path(), "whole.zarr"));
    put_of(&source, [SHAPE[0] - 50, SHAPE[1] - 9], true);
    let options = Options::default().codec(Codec::Zstd(1));
    convert(&source, &whole, &options).unwrap();
    let resume = options.resume(true);
    let chunk = dir.path().join("a.zarr/c/12/15");
    let good = std::fs::read(&chunk).unwrap();
    std::fs::write(&chunk, [&good[..100], &[!good[100]], &good[101..]].concat()).unwrap();
    convert(&source, &target, &resume).unwrap_err();
    std::fs::write(&chunk, good).unwrap();
    let had = records(&aside(Path::new(&target)).unwrap());
    assert!((12 * 16..256).contains(&had), "{had} of 256");
    let (read, _) = convert(&source, &target, &resume).unwrap();
    assert_eq!(read, (256 - had) * (CHUNK_BYTES + 4), "{had} of 256 chunks were there");
    assert!(files(Path::new(&target)) == files(Path::new(&whole)));
}

#[test]
fn what_is_another_copy_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (at(dir.path(), "a.zarr"), at(dir.path(), "b.zarr"));
    put(&source, true);
    let chunk = dir.path().join("a.zarr/c/9/9");
    let good = std::fs::read(&chunk).unwrap();
    let options = |codec, resume| Options::default().codec(codec).resume(resume);
    let all = STORED_CHUNKS * (CHUNK_BYTES + 4);
    let fail = || {
        std::fs::write(&chunk, "bad").unwrap();
        convert(&source, &target, &options(Codec::None, false)).unwrap_err();
        std::fs::write(&chunk, &good).unwrap();
        assert!(is_begun(&target));
    };
    // Another codec; another source of the same shape; no wish to go on.
    fail();
    assert_eq!(convert(&source, &target, &options(Codec::Zstd(1), true)).unwrap().0, all);
    std::fs::remove_dir_all(&target).unwrap();
    fail();
    let document = dir.path().join("a.zarr/zarr.json");
    let text = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, text + " ").unwrap();
    assert_eq!(convert(&source, &target, &options(Codec::None, true)).unwrap().0, all);
    std::fs::remove_dir_all(&target).unwrap();
    fail();
    assert_eq!(convert(&source, &target, &options(Codec::None, false)).unwrap().0, all);
    assert!(!is_begun(&target));
}
