//! An object → a file of which small parts are read, as of a file's metadata: what was read is kept in blocks, so that parts that lie near
//! each other cost one round trip.
//!
//! All files of the process share one [`Cache`] of blocks: so what it holds does not grow with the number of files, and stores count it
//! against the limit once. A file takes its blocks along when the last who reads it goes; of the file that was open last a few are left
//! for who opens it next.

use super::{Bucket, Fetch, Object, PAST_END, Reply, Wanted};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// What is fetched at once at least: at 40 MB/s it takes a thirtieth of a round trip of 50 ms.
const BLOCK_BYTES: u64 = 64 << 10;
/// Where one block follows the other, twice as many are fetched each time, up to so many.
const RUN_BLOCKS: u64 = 16;
/// So many blocks are kept of all files together, 4 MiB: those that were used last.
const BLOCKS_MAX: usize = 64;
/// So many are left of the file that was open last, 256 KiB: its superblock and what lies around it.
const LEFT_BLOCKS_MAX: usize = 4;
/// A file that was looked at so lately is not asked again whether it is still the same.
const FRESH: Duration = Duration::from_secs(2);

/// An object of which parts are read.
#[derive(Debug)]
pub(crate) struct FarFile {
    bucket: Arc<Bucket>,
    key: String,
    url: String,
    object: Object,
    /// Its number in the cache.
    id: u64,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    /// Behind what was fetched last, and how many blocks that were.
    next: u64,
    run: u64,
    /// When the server said last that the object is this one; `None` once it said another thing.
    seen: Option<Instant>,
    /// What failed since [`FarFile::watch`].
    failed: Option<String>,
}

/// A block, and the count of uses when it was used last.
type Block = (Vec<u8>, u64);

/// Blocks of all files that are open.
#[derive(Default)]
struct Cache {
    /// By the number of the file and of the block in it.
    blocks: HashMap<(u64, u64), Block>,
    uses: u64,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);

impl Cache {
    /// Does something with the cache of this process.
    fn with<T>(work: impl FnOnce(&mut Cache) -> T) -> T {
        work(CACHE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
    }

    /// A block that is here, which is used now.
    fn get(&mut self, name: (u64, u64)) -> Option<&[u8]> {
        let (block, used) = self.blocks.get_mut(&name)?;
        self.uses += 1;
        *used = self.uses;
        Some(block)
    }

    /// Keeps a block; the one that was used longest ago makes way.
    fn put(&mut self, name: (u64, u64), block: Vec<u8>) {
        self.uses += 1;
        self.blocks.insert(name, (block, self.uses));
        while self.blocks.len() > BLOCKS_MAX {
            let Some(oldest) = self.blocks.iter().min_by_key(|(_, (_, used))| *used).map(|(name, _)| *name) else { break };
            self.blocks.remove(&oldest);
        }
    }

    /// Removes the blocks of a file: what it had, by number.
    fn take(&mut self, file: u64) -> Vec<(u64, Block)> {
        self.blocks.extract_if(|(of, _), _| *of == file).map(|((_, number), block)| (number, block)).collect()
    }
}

/// The file that was opened last: who lists a file and opens an array in it then fetches its start once.
struct Last {
    open: Weak<FarFile>,
    /// What is left of it when nobody reads it any more.
    left: Option<Left>,
}

/// What is left of a file.
struct Left {
    bucket: Arc<Bucket>,
    key: String,
    url: String,
    object: Object,
    seen: Option<Instant>,
    /// [`LEFT_BLOCKS_MAX`] or fewer, by number.
    blocks: Vec<(u64, Vec<u8>)>,
}

static LAST: Mutex<Last> = Mutex::new(Last { open: Weak::new(), left: None });

fn last() -> MutexGuard<'static, Last> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of blocks that are kept now, of files that are open and of the one that was.
pub(crate) fn kept_bytes() -> u64 {
    let left = last().left.as_ref().map_or(0, |left| left.blocks.iter().map(|(_, block)| block.len()).sum());
    Cache::with(|cache| cache.blocks.values().map(|(block, _)| block.len()).sum::<usize>() + left) as u64
}

impl Drop for FarFile {
    fn drop(&mut self) {
        let mut blocks = Cache::with(|cache| cache.take(self.id));
        let seen = self.lock().seen;
        // One that was written anew is of no use to anybody.
        if seen.is_none() {
            return;
        }
        blocks.sort_by_key(|(_, (_, used))| std::cmp::Reverse(*used));
        let blocks = blocks.into_iter().take(LEFT_BLOCKS_MAX).map(|(number, (block, _))| (number, block)).collect();
        let (bucket, object) = (self.bucket.clone(), self.object.clone());
        let left = Left { bucket, key: std::mem::take(&mut self.key), url: std::mem::take(&mut self.url), object, seen, blocks };
        let before = last().left.replace(left);
        drop(before);
    }
}

impl FarFile {
    /// The file at a URL.
    ///
    /// # Errors
    /// `BadRequest` for a URL that is none, `Store` where nothing is there, and for servers that do not send parts.
    pub(crate) fn open(url: &str, address: &str) -> Result<Arc<FarFile>> {
        let failed = |what| Error::store(address, what);
        if let Some(last) = FarFile::opened_last(url)
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
        let left = Left { bucket, key, url: url.to_string(), object, seen: Some(Instant::now()), blocks: vec![(0, start)] };
        Ok(FarFile::of(left))
    }

    /// The file that was opened last, if it is the one at this URL.
    fn opened_last(url: &str) -> Option<Arc<FarFile>> {
        let left = {
            let mut last = last();
            let open = last.open.upgrade();
            if open.as_ref().is_some_and(|file| file.url == url) {
                return open;
            }
            let left = last.left.take_if(|left| left.url == url);
            drop(last);
            // It may be the last handle of another file, which then wants the lock.
            drop(open);
            left
        };
        left.map(FarFile::of)
    }

    /// A file of which this is known.
    fn of(left: Left) -> Arc<FarFile> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let next = left.blocks.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        Cache::with(|cache| left.blocks.into_iter().for_each(|(number, block)| cache.put((id, number), block)));
        let inside = Mutex::new(Inside { next, run: 1, seen: left.seen, failed: None });
        let file = Arc::new(FarFile { bucket: left.bucket, key: left.key, url: left.url, object: left.object, id, inside });
        let mut last = last();
        last.open = Arc::downgrade(&file);
        let before = last.left.take();
        drop((last, before));
        file
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
        Err(format!("{}: {}", self.url, self.object.changed(object)))
    }

    /// Why bytes did not arrive, where that says that the object ends before them: somebody wrote a shorter one meanwhile. Asks the
    /// server how it is now.
    pub(crate) fn why(&self, what: String) -> String {
        if !what.contains(PAST_END) {
            return what;
        }
        match self.bucket.read(&self.key, Wanted::Range { at: 0, len: 1 }, &mut [0]) {
            Ok(Some((_, now))) => self.require_same(&now).err().unwrap_or(what),
            // Nothing is left of it that could be asked for.
            _ => format!("{}: {}", self.url, self.object.changed(&Object { total: 0, state: "".into() })),
        }
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
            self.block(number, &mut |block: &[u8]| {
                let found = block.get(start..start + n).ok_or_else(|| format!("{}: block {number} is cut short", self.url))?;
                to[..n].copy_from_slice(found);
                Ok(())
            })?;
            from += n as u64;
        }
        Ok(())
    }

    /// Shows a block to `see`.
    fn block(&self, number: u64, see: &mut impl FnMut(&[u8]) -> Reply<()>) -> Reply<()> {
        // Who else asks meanwhile waits here, and finds it in the cache.
        let mut inside = self.lock();
        if let Some(seen) = Cache::with(|cache| cache.get((self.id, number)).map(&mut *see)) {
            return seen;
        }
        let run = if number == inside.next { (inside.run * 2).min(RUN_BLOCKS) } else { 1 };
        let at = number * BLOCK_BYTES;
        let len = (run * BLOCK_BYTES).min(self.len() - at);
        let mut bytes = vec![0; len as usize];
        let found = self.bucket.read(&self.key, Wanted::Range { at, len }, &mut bytes);
        let (got, object) = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                inside.seen = None;
                return Err(format!("{}: is gone while it is read", self.url));
            }
            Err(what) => {
                drop(inside);
                return Err(self.why(what));
            }
        };
        if object != self.object || got != bytes.len() {
            drop(inside);
            self.require_same(&object)?;
            return Err(format!("{}: {got} bytes came of {len} at byte {at}", self.url));
        }
        (inside.next, inside.run, inside.seen) = (number + run, run, Some(Instant::now()));
        let blocks = bytes.chunks(BLOCK_BYTES as usize);
        let shown = blocks.clone().next().map_or(Ok(()), see);
        Cache::with(|cache| blocks.zip(number..).for_each(|(block, number)| cache.put((self.id, number), block.to_vec())));
        shown
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

    /// What all files that are open keep together: the number of the cache, and its bytes at most.
    pub(crate) fn shared_bytes() -> (usize, u64) {
        ((&raw const CACHE).addr(), BLOCKS_MAX as u64 * BLOCK_BYTES)
    }
}
