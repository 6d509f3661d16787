//! Damaged files of h5py and netCDF4: an error or a value, where all has checksums an error or the right one; never a panic, never a huge
//! allocation, never without end.

use flagstone::grid::Region;
use flagstone::store::conformance::Scratch;
use flagstone::store::{Store, open, tree};
use flagstone_kernels::view::ViewMut;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn python(script: &str, directory: &Path) {
    let program = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py; `make test` sets one up");
    let ran = Command::new(program).args(["-W", "ignore"]).arg(Path::new("tests/python").join(script)).arg(directory).output().unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// As many as the gate has time for; `PROPTEST_CASES` asks for others, which begin elsewhere.
fn cases(few: u64) -> (u64, Random) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let seed = asked.map_or(0, |_| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64);
    (asked.unwrap_or(few), Random(0x2545_F491_4F6C_DD1D ^ seed))
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n.max(1) as u64) as usize
    }

    /// A file with a few bytes changed, or its end cut off.
    fn damaged(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bad = good.to_vec();
        if self.below(8) == 0 {
            bad.truncate(self.below(good.len()));
            return bad;
        }
        for _ in 0..1 + self.below(3) {
            let at = self.place(good);
            match self.below(6) {
                0 => bad[at] = 0,
                1 => bad[at] = 0xFF,
                2 | 3 => bad[at] ^= 1 << self.below(8),
                4 => bad[at] = self.below(256) as u8,
                // A number by another.
                _ => {
                    let len = (good.len() - at).min(1 << self.below(4));
                    let value = [0, 1, 0x7FFF_FFFF, u64::MAX, 1 << 40, good.len() as u64][self.below(6)];
                    bad[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
                }
            }
        }
        bad
    }

    /// A place that says something: most zeros of a file are room that nobody uses.
    fn place(&mut self, good: &[u8]) -> usize {
        (0..20).map(|_| self.below(good.len())).find(|&at| good[at] != 0).unwrap_or(0)
    }
}

/// Sizes that lie are left alone: they are refused where memory is planned.
fn try_read(store: &dyn Store) -> flagstone::Result<Option<Vec<u8>>> {
    let meta = store.meta();
    let region = Region::whole(&meta.shape);
    let bytes = region.elements().saturating_mul(meta.dtype.size() as u64);
    let needed = store.scratch_bytes(&region);
    if bytes > 1 << 22 || needed > 1 << 26 {
        return Ok(None);
    }
    let shape: Vec<usize> = meta.shape.iter().map(|&n| n as usize).collect();
    let mut out = vec![0; bytes as usize];
    store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &shape), Scratch::new(needed).bytes(needed))?;
    Ok(Some(out))
}

/// The elements of a version 1 `.npy` file.
fn npy(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    bytes[10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))..].to_vec()
}

/// The most memory that this process had, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn damaged_files_of_h5py_and_netcdf4_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let list = std::fs::read_to_string(dir.path().join("small.txt")).unwrap();
    let samples: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let (count, mut random) = cases(3000);
    let (mut refused, mut summed) = (0, 0);
    for n in 0..count {
        let [file, dataset, expected, sums] = samples[random.below(samples.len())][..] else { panic!("{list}") };
        let good = std::fs::read(dir.path().join(file)).unwrap();
        let bad = random.damaged(&good);
        // A new name each time: libhdf5 must not know the file. After a crash it is there.
        let path = dir.path().join(format!("damaged{n}.{}", file.rsplit('.').next().unwrap()));
        std::fs::write(&path, &bad).unwrap();
        let address = format!("{}:{dataset}", path.display());
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| {
            let _ = tree(&path);
            open(&address).and_then(|store| Ok((store.meta().shape.clone(), store.meta().dtype, try_read(&*store)?)))
        });
        let took = started.elapsed();
        let kept = dir.path().join("failed");
        let keep = || {
            std::fs::copy(&path, &kept).unwrap();
            format!("{file} {dataset} as {}", kept.display())
        };
        assert!(took < Duration::from_secs(20), "{} took {took:?}", keep());
        match outcome {
            Err(_) => panic!("{} panicked", keep()),
            Ok(Err(e)) => {
                refused += 1;
                assert!(e.to_string().contains(&path.display().to_string()), "{}: {e}", keep());
            }
            Ok(Ok((shape, dtype, Some(found)))) if sums == "summed" => {
                summed += 1;
                let right = open(format!("{}:{dataset}", dir.path().join(file).display())).unwrap();
                assert!((&shape, dtype) == (&right.meta().shape, right.meta().dtype), "{}: another shape or dtype", keep());
                assert!(found == npy(&dir.path().join(expected)), "{} gives wrong values", keep());
            }
            Ok(Ok(_)) => {}
        }
        std::fs::remove_file(&path).unwrap();
    }
    println!("{refused} of {count} were refused, {summed} with checksums were right; {} MiB at most", peak_bytes() >> 20);
    assert!(refused > count / 10, "{refused} of {count} were refused");
    assert!(peak_bytes() < 1 << 30, "{} bytes", peak_bytes());
}

/// The decoders of filters that are plugins elsewhere, each with chunks of its own.
#[test]
fn damaged_chunks_of_plugin_filters_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_filters.py", dir.path());
    let list = std::fs::read_to_string(dir.path().join("chunks.txt")).unwrap();
    let chunks: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(dir.path().join(chunks[0][0])).unwrap();
    let (count, mut random) = cases(3000);
    let mut stores = BTreeMap::new();
    let mut refused = 0;
    for _ in 0..count {
        let [name, dataset, at, len] = chunks[random.below(chunks.len())][..] else { panic!("{list}") };
        let address = format!("{}:{dataset}", dir.path().join(name).display());
        let store = stores.entry(dataset).or_insert_with(|| open(&address).unwrap());
        let region = Region::dense(&vec![0; store.meta().shape.len()], store.meta().chunks.as_ref().unwrap());
        let (dtype, shape) = (store.meta().dtype, region.shape().iter().map(|&n| n as usize).collect::<Vec<_>>());
        let (at, mut good) = (at.parse().unwrap(), vec![0; len.parse().unwrap()]);
        file.read_exact_at(&mut good, at).unwrap();
        // Headers are at the start: half of the damages are there.
        let head = if random.below(2) == 0 { good.len().min(64) } else { good.len() };
        let mut bad = random.damaged(&good[..head]);
        bad.resize(head, 0);
        file.write_all_at(&bad, at).unwrap();
        let started = Instant::now();
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let (mut out, mut scratch) =
                (vec![0; region.elements() as usize * dtype.size()], vec![0; store.scratch_bytes(&region) as usize]);
            store.read(&region, &mut ViewMut::dense(&mut out, dtype, &shape), &mut scratch).map(drop)
        }));
        assert!(started.elapsed() < Duration::from_secs(20), "{dataset}: {bad:?}");
        file.write_all_at(&good, at).unwrap();
        let Ok(read) = read else { panic!("{dataset} panicked: its first {head} bytes are {bad:?}") };
        refused += u64::from(read.is_err());
    }
    println!("{refused} of {count} were refused");
    assert!(refused > count / 4, "{refused} of {count} were refused");
}
