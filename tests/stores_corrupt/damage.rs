//! Good files → damaged ones, and how a damaged file must be met.

use flagstone::store::conformance::{hdf5_checksum, read_if_small};
use flagstone::store::{open, tree};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Runs a script of `tests/python`, which writes to `directory`.
pub fn python(script: &str, directory: &Path) {
    let program =
        std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py and zarr; `make test` sets one up");
    let ran = Command::new(program).args(["-W", "ignore"]).arg(Path::new("tests/python").join(script)).arg(directory).output().unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// The files below a directory, or the one file.
pub fn files(below: &Path) -> Vec<PathBuf> {
    if below.is_file() {
        return vec![below.to_path_buf()];
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(below).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect();
    found.sort();
    found
}

/// The most memory that this process had, in bytes.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// No damaged file may take longer, of the processor's time: other programs may have that too.
pub const LONGEST: Duration = Duration::from_secs(20);

/// What this thread had of the processor's time.
pub fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Nor more memory; what is read here has 4 MiB, and 256 MiB of scratch.
pub const PEAK_BYTES_MAX: u64 = 768 << 20;

/// Puts `bad` in the place of `file` and reads all of `address`, then puts `good` back.
///
/// # Panics
/// Where reading panics, takes too long, or its error does not say of what it speaks; the message names a copy of the damaged file.
pub fn read_damaged(address: &str, file: &Path, good: &[u8], bad: &[u8]) -> flagstone::Result<Option<Vec<u8>>> {
    std::fs::write(file, bad).unwrap();
    let started = busy();
    let outcome = std::panic::catch_unwind(|| {
        let _ = tree(address);
        open(address).and_then(|store| read_if_small(&*store))
    });
    let took = busy() - started;
    std::fs::write(file, good).unwrap();
    let kept = || kept(file, bad);
    assert!(took < LONGEST, "{address} with {} took {took:?}", kept());
    let Ok(outcome) = outcome else { panic!("{address} with {} panicked", kept()) };
    assert!(peak_bytes() < PEAK_BYTES_MAX, "{address} with {} took {} bytes", kept(), peak_bytes());
    if let Err(e) = &outcome {
        let text = e.to_string();
        assert!(text.contains(address) || text.contains("address"), "{address} with {}: {text}", kept());
    }
    outcome
}

/// Keeps the damaged bytes of a file, so that one can look at them.
pub fn kept(file: &Path, bad: &[u8]) -> String {
    let (mut to, path) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
    std::io::Write::write_all(&mut to, bad).unwrap();
    format!("{} as {}", file.display(), path.display())
}

/// As many as the gate has time for; `PROPTEST_CASES` asks for others, which begin elsewhere.
pub fn cases(few: u64) -> (u64, Random) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let seed = asked.map_or(0, |_| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64);
    (asked.unwrap_or(few), Random(0x2545_F491_4F6C_DD1D ^ seed))
}

/// Numbers and words that a document may be given instead of its own.
const WORDS: [&str; 14] =
    ["0", "-1", "1e400", "18446744073709551615", "99999999999", "null", "\"x\"", "[]", "{}", "NaN", "true", "\"<f8\"", "(3,)", "'>M8[0s]'"];

pub struct Random(u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n.max(1) as u64) as usize
    }

    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A file with a few bytes changed, or its end cut off.
    pub fn damaged(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bad = good.to_vec();
        if good.is_empty() {
            return bad;
        }
        if self.below(8) == 0 {
            bad.truncate(self.below(good.len()));
            return bad;
        }
        for _ in 0..1 + self.below(3) {
            let at = self.place(good);
            self.change(&mut bad, at);
        }
        bad
    }

    /// A document with one value by another: what stands between a colon, comma or bracket and the next comma or bracket.
    pub fn reworded(&mut self, good: &[u8]) -> Vec<u8> {
        let starts: Vec<usize> = (0..good.len()).filter(|&i| b":,[(".contains(&good[i])).collect();
        let mut bad = good.to_vec();
        if !starts.is_empty() {
            let start = *self.of(&starts) + 1;
            let len = good[start..].iter().position(|c| b",]})".contains(c)).unwrap_or(good.len() - start);
            bad.splice(start..start + len, self.of(&WORDS).bytes());
        }
        bad
    }

    /// A file in which a block with a checksum was changed, and summed anew: what reads it has nothing but its own checks.
    pub fn resealed(&mut self, good: &[u8], sealed: &[Sealed]) -> Vec<u8> {
        let mut bad = good.to_vec();
        let block = self.of(sealed);
        for _ in 0..1 + self.below(3) {
            let at = block.start + self.below(block.len);
            self.change(&mut bad, at);
        }
        block.seal(&mut bad);
        bad
    }

    fn change(&mut self, bad: &mut [u8], at: usize) {
        match self.below(6) {
            0 => bad[at] = 0,
            1 => bad[at] = 0xFF,
            2 | 3 => bad[at] ^= 1 << self.below(8),
            4 => bad[at] = self.below(256) as u8,
            // A number by another.
            _ => {
                let len = (bad.len() - at).min(1 << self.below(4));
                let value = [0, 1, 0x7FFF_FFFF, u64::MAX, 1 << 40, bad.len() as u64][self.below(6)];
                bad[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
            }
        }
    }

    /// A place that says something: most zeros of a file are room that nobody uses.
    fn place(&mut self, good: &[u8]) -> usize {
        (0..20).map(|_| self.below(good.len())).find(|&at| good[at] != 0).unwrap_or(0)
    }
}

/// Bytes of a file with a checksum of 32 bits.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    pub start: usize,
    len: usize,
    /// Where the sum stands; inside of the block it counts as zeros.
    at: usize,
    sum: fn(&[u8]) -> u32,
}

impl Sealed {
    fn value(&self, file: &[u8]) -> Option<u32> {
        let mut block = file.get(self.start..self.start + self.len)?.to_vec();
        if let Some(inside) = self.at.checked_sub(self.start).and_then(|at| block.get_mut(at..at + 4)) {
            inside.fill(0);
        }
        Some((self.sum)(&block))
    }

    fn holds(&self, file: &[u8]) -> bool {
        file.get(self.at..self.at + 4).is_some_and(|sum| self.value(file).is_some_and(|value| value.to_le_bytes() == *sum))
    }

    /// Writes the sum of what the block is now.
    pub fn seal(&self, file: &mut [u8]) {
        if let Some(value) = self.value(file) {
            file[self.at..self.at + 4].copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The longest block that is looked for.
const SEALED_BYTES_MAX: usize = 2048;

/// The metadata of an HDF5 file that have checksums: from a signature on, as many bytes as fit the sum behind them.
pub fn sealed_hdf5(file: &[u8]) -> Vec<Sealed> {
    const SIGNATURES: [&[u8]; 13] =
        [b"\x89HDF", b"OHDR", b"OCHK", b"FRHP", b"FHIB", b"BTHD", b"BTLF", b"BTIN", b"FAHD", b"FADB", b"EAHD", b"EAIB", b"EADB"];
    let mut found = Vec::new();
    for start in 0..file.len().saturating_sub(8) {
        let signature = &file[start..start + 4];
        let fits = |one: &Sealed| one.holds(file);
        let lens = 4..SEALED_BYTES_MAX.min(file.len() - start - 4);
        if SIGNATURES.contains(&signature) {
            found.extend(lens.map(|len| Sealed { start, len, at: start + len, sum: hdf5_checksum }).find(fits));
        } else if signature == b"FHDB" {
            // The sum stands behind the block's offset in its heap, of one to eight bytes.
            let blocks = (6..13).flat_map(|log| (14..22).map(move |at| (1 << log, start + at)));
            found.extend(blocks.map(|(len, at)| Sealed { start, len, at, sum: hdf5_checksum }).find(fits));
        }
    }
    found
}

/// The whole of a chunk with a checksum of crc32c, or the index of a shard at either end.
pub fn sealed_zarr(file: &[u8]) -> Vec<Sealed> {
    let Some(end) = file.len().checked_sub(4) else { return Vec::new() };
    let entries = 1..SEALED_BYTES_MAX.min(end) / 16;
    let behind = std::iter::once(end).chain(entries.clone().map(|n| 16 * n)).map(|len| Sealed {
        start: end - len,
        len,
        at: end,
        sum: crc32c::crc32c,
    });
    let before = entries.map(|n| Sealed { start: 0, len: 16 * n, at: 16 * n, sum: crc32c::crc32c });
    behind.chain(before).filter(|one| one.holds(file)).collect()
}
