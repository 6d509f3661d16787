//! An object → a file of which small parts are read, as of a file's metadata: what was read is kept in blocks, so that parts that lie near
//! each other cost one round trip.

use super::{Bucket, Fetch, Object, Reply, Wanted};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is fetched at once at least: at 40 MB/s it takes a thirtieth of a round trip of 50 ms.
const BLOCK_BYTES: u64 = 64 << 10;
/// Where one block follows the other, twice as many are fetched each time, up to so many.
const RUN_BLOCKS: u64 = 16;
/// So many blocks are kept, 4 MiB: those that were used last.
const BLOCKS_MAX: usize = 64;
/// A file that was looked at so lately is not asked again whether it is still the same.
const FRESH: Duration = Duration::from_secs(2);

/// An object of which parts are read.
#[derive(Debug)]
pub(crate) struct FarFile {
    bucket: Arc<Bucket>,
    key: String,
    url: String,
    object: Object,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// By number; with the count of uses at the last one.
    blocks: HashMap<u64, (Vec<u8>, u64)>,
    uses: u64,
    /// Behind what was fetched last, and how many blocks that were.
    next: u64,
    run: u64,
    /// When the server said last that the object is this one; `None` once it said another thing.
    seen: Option<Instant>,
    /// What failed since [`FarFile::watch`].
    failed: Option<String>,
}

/// The file that was opened last: who lists a file and opens an array in it then fetches its start once. Its blocks are the only
/// ones that are kept for nobody.
static LAST: Mutex<Option<Arc<FarFile>>> = Mutex::new(None);

impl FarFile {
    /// The file at a URL.
    ///
    /// # Errors
    /// `BadRequest` for a URL that is none, `Store` where nothing is there, and for servers that do not send parts.
    pub(crate) fn open(url: &str, address: &str) -> Result<Arc<FarFile>> {
        let failed = |what| Error::store(address, what);
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|file| file.url == url)
            && last.is_still_there().map_err(failed)?
        {
            return Ok(last);
        }
        let (bucket, key) = Bucket::open(url, address)?;
        let mut start = vec![0; BLOCK_BYTES as usize];
        let found = bucket.read(&key, Wanted::Range { at: 0, len: BLOCK_BYTES }, &mut start).map_err(failed)?;
        let (len, object) =
            found.ok_or_else(|| failed(format!("{}: there is no such object, or no such bucket (404)", bucket.url(&key))))?;
        start.truncate(len);
        let inside =
            Inside { blocks: HashMap::from([(0, (start, 0))]), uses: 0, next: 1, run: 1, seen: Some(Instant::now()), failed: None };
        let file = Arc::new(FarFile { bucket, key, url: url.to_string(), object, inside: Mutex::new(inside) });
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.clone());
        Ok(file)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is at the URL now is what it was.
    fn is_still_there(&self) -> Reply<bool> {
        match self.lock().seen {
            None => return Ok(false),
            Some(seen) if seen.elapsed() < FRESH => return Ok(true),
            Some(_) => {}
        }
        let found = self.bucket.read(&self.key, Wanted::Range { at: 0, len: 1 }, &mut [0])?;
        let same = found.is_some_and(|(_, object)| object == self.object);
        self.lock().seen = same.then(Instant::now);
        Ok(same)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its name in its bucket.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Bytes of all of it.
    pub(crate) fn len(&self) -> u64 {
        self.object.total
    }

    /// What changes when somebody writes it anew.
    pub(crate) fn state(&self) -> &str {
        &self.object.state
    }

    /// What reads larger parts of it, ahead of who needs them.
    pub(crate) fn fetch(&self) -> Fetch {
        Fetch::new(self.bucket.clone())
    }

    /// Holds the object that bytes came of against the one that was opened.
    ///
    /// # Errors
    /// Where somebody wrote it anew since.
    pub(crate) fn require_same(&self, object: &Object) -> Reply<()> {
        if *object == self.object {
            return Ok(());
        }
        self.lock().seen = None;
        Err(format!("{}: the file has changed since it was opened; open it again", self.url))
    }

    /// Fills `out` with the bytes from `at` on: of blocks that are kept, or fetched now.
    ///
    /// # Errors
    /// What failed, with the URL; also when the file ends before.
    pub(crate) fn read_exact_at(&self, out: &mut [u8], at: u64) -> Reply<()> {
        let read = self.read(out, at);
        if let Err(what) = &read {
            self.lock().failed.get_or_insert_with(|| what.clone());
        }
        read
    }

    fn read(&self, out: &mut [u8], at: u64) -> Reply<()> {
        let end = at.checked_add(out.len() as u64).filter(|&end| end <= self.len());
        let Some(end) = end else {
            return Err(format!("{}: {} bytes at byte {at} reach past its {} bytes", self.url, out.len(), self.len()));
        };
        let mut from = at;
        while from < end {
            let number = from / BLOCK_BYTES;
            let start = (from - number * BLOCK_BYTES) as usize;
            let to = &mut out[(from - at) as usize..];
            let n = to.len().min(BLOCK_BYTES as usize - start);
            self.block(number, |block| {
                let found = block.get(start..start + n).ok_or_else(|| format!("{}: block {number} is cut short", self.url))?;
                to[..n].copy_from_slice(found);
                Ok(())
            })?;
            from += n as u64;
        }
        Ok(())
    }

    /// Shows a block to `see`.
    fn block(&self, number: u64, see: impl FnOnce(&[u8]) -> Reply<()>) -> Reply<()> {
        let mut inside = self.lock();
        inside.uses += 1;
        let uses = inside.uses;
        if let Some((block, used)) = inside.blocks.get_mut(&number) {
            *used = uses;
            return see(block);
        }
        let run = if number == inside.next { (inside.run * 2).min(RUN_BLOCKS) } else { 1 };
        // Who else asks meanwhile waits at the lock, and finds it here.
        let at = number * BLOCK_BYTES;
        let len = (run * BLOCK_BYTES).min(self.len() - at);
        let mut bytes = vec![0; len as usize];
        let found = self.bucket.read(&self.key, Wanted::Range { at, len }, &mut bytes)?;
        let Some((got, object)) = found else {
            inside.seen = None;
            return Err(format!("{}: is gone while it is read", self.url));
        };
        if object != self.object || got != bytes.len() {
            drop(inside);
            self.require_same(&object)?;
            return Err(format!("{}: {got} bytes came of {len} at byte {at}", self.url));
        }
        (inside.next, inside.run, inside.seen) = (number + run, run, Some(Instant::now()));
        for (i, block) in bytes.chunks(BLOCK_BYTES as usize).enumerate() {
            inside.blocks.insert(number + i as u64, (block.to_vec(), uses));
        }
        while inside.blocks.len() > BLOCKS_MAX {
            let Some(oldest) = inside.blocks.iter().min_by_key(|(n, (_, used))| (*used, **n)).map(|(n, _)| *n) else { break };
            // The one that is asked for now is of the newest.
            if oldest == number {
                break;
            }
            inside.blocks.remove(&oldest);
        }
        inside.blocks.get(&number).map_or_else(|| Err(format!("{}: block {number} is lost", self.url)), |(block, _)| see(block))
    }

    /// Does something that reads through others, which may pass over failures: one that happened meanwhile is the result.
    ///
    /// # Errors
    /// What failed, else what `work` says.
    pub(crate) fn watch<T>(&self, address: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.lock().failed = None;
        let done = work();
        match self.lock().failed.take() {
            Some(what) => Err(Error::store(address, what)),
            None => done,
        }
    }

    /// Bytes of blocks that are kept at most.
    pub(crate) fn resident_bytes(&self) -> u64 {
        (BLOCKS_MAX as u64 * BLOCK_BYTES).min(self.len())
    }
}
