//! One bucket, or one server → bytes of its objects, and back. Calls return when they are done; each is tried several times.

use super::environment::{self, NO_PARTS, Service, words};
use super::{Arrived, Object, PAST_END, Reply, Wanted};
use crate::error::{Error, Result};
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error as ClientError, GetOptions, GetRange, GetResult, ObjectStoreExt, PutPayload};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How often an answer that broke off is asked for again.
const TRIES: u32 = 4;
/// Before the second try; before each further one twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// So long nobody does anything about a server that does not answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// A bucket or server.
pub(crate) struct Bucket {
    service: Service,
    threads: &'static Runtime,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.service.base)
    }
}

/// Why a try failed, and whether another may do better.
pub(super) enum Failed {
    Missing,
    Again(String),
    Final(String),
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Failed {
        match error {
            ClientError::NotFound { .. } => Failed::Missing,
            // The client has tried again by itself, except where an answer broke off.
            ClientError::Generic { .. } => match words(&error) {
                // A server that does not know ranges will not learn them, and would send the whole object each time.
                // Neither does an object grow.
                what if what.starts_with(NO_PARTS) || what == PAST_END => Failed::Final(what),
                what => Failed::Again(what),
            },
            other => Failed::Final(words(&other)),
        }
    }
}

impl Bucket {
    /// The bucket of a URL, and the key that the URL names in it.
    ///
    /// # Errors
    /// `BadRequest` for a URL that is none, or settings that are refused.
    pub(crate) fn open(url: &str, address: &str) -> Result<(Arc<Bucket>, String)> {
        static OPEN: Mutex<Option<HashMap<String, Arc<Bucket>>>> = Mutex::new(None);
        let (base, key) = environment::split(url)
            .ok_or_else(|| Error::bad_request(address, format!("{url} names no bucket or server; expected s3://bucket/key")))?;
        if key.contains('?') {
            return Err(Error::bad_request(
                address,
                format!("{url}: queries such as those of signed URLs are not sent; name the object alone"),
            ));
        }
        let key = if base.starts_with("http") { Path::from_url_path(key) } else { Path::parse(key.trim_matches('/')) };
        let key = key.map_err(|e| Error::bad_request(address, format!("{url} names no object: {e}")))?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get_or_insert_default();
        if let Some(bucket) = open.get(&base) {
            return Ok((bucket.clone(), key.to_string()));
        }
        let threads = environment::threads()?;
        // Clients may look for the threads of the network when they are made.
        let _inside = threads.enter();
        let bucket = Arc::new(Bucket { service: environment::service(base.clone(), address)?, threads });
        open.insert(base, bucket.clone());
        Ok((bucket, key.to_string()))
    }

    /// The URL of a key, for messages.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("{}{key}", self.service.base)
    }

    /// Whether it tells which objects it has: plain servers do not.
    pub(crate) fn lists(&self) -> bool {
        self.service.lists
    }

    pub(super) fn threads(&self) -> &'static Runtime {
        self.threads
    }

    pub(super) fn fail(&self, key: &str, what: impl std::fmt::Display) -> String {
        format!("{}: {what}", self.url(key))
    }

    pub(super) fn path(&self, key: &str) -> Reply<Path> {
        Path::parse(key).map_err(|e| self.fail(key, e))
    }

    pub(super) fn wait<T>(&self, key: &str, work: impl Future<Output = object_store::Result<T>>) -> Reply<T> {
        self.threads.block_on(work).map_err(|e| self.fail(key, words(&e)))
    }

    /// Asks for bytes; the answer's head says how many there are.
    async fn ask(&self, key: &str, wanted: Wanted) -> std::result::Result<GetResult, Failed> {
        let range = match wanted {
            Wanted::Whole => None,
            Wanted::Range { at, len } => Some(GetRange::Bounded(at..at.saturating_add(len))),
            Wanted::Last(len) => Some(GetRange::Suffix(len)),
        };
        let path = self.path(key).map_err(Failed::Final)?;
        Ok(self.service.client.get_opts(&path, GetOptions { range, ..GetOptions::default() }).await?)
    }

    /// Tries until the bytes are there or it is clear that they will not be. `room` gives the place for so many bytes.
    async fn fetch<R: AsMut<[u8]>, F: Future<Output = Reply<R>>>(
        &self,
        key: &str,
        wanted: Wanted,
        mut room: impl FnMut(u64) -> F,
    ) -> Reply<Option<(R, usize, Object)>> {
        let mut pause = PAUSE;
        for tries in 1.. {
            let failed = match self.ask(key, wanted).await {
                Ok(answer) => {
                    let (len, object) = (answer.range.end - answer.range.start, object(&answer));
                    let mut place = room(len).await.map_err(|what| self.fail(key, what))?;
                    match fill(answer, &mut place.as_mut()[..len as usize]).await {
                        Ok(()) => return Ok(Some((place, len as usize, object))),
                        Err(failed) => failed,
                    }
                }
                Err(failed) => failed,
            };
            match failed {
                Failed::Missing => return Ok(None),
                Failed::Again(_) if tries < TRIES => tokio::time::sleep(pause).await,
                Failed::Again(what) => return Err(self.fail(key, format!("{what} ({TRIES} tries)"))),
                Failed::Final(what) => return Err(self.fail(key, what)),
            }
            pause *= 2;
        }
        Err(self.fail(key, "no try was made"))
    }

    /// Fetches bytes into memory for which `room` waits.
    pub(super) async fn arrive<F: Future<Output = Reply<()>>>(
        &self,
        key: &str,
        wanted: Wanted,
        mut room: impl FnMut(u64) -> F,
    ) -> Reply<Option<Arrived>> {
        let found = self.fetch(key, wanted, |len| {
            let granted = room(len);
            async move {
                granted.await?;
                Ok(vec![0; len as usize])
            }
        });
        Ok(found.await?.map(|(bytes, _, object)| Arrived { bytes: Arc::new(bytes), object }))
    }

    /// The bytes of a small object, at most `len_max`; `None` where there is none.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn get(&self, key: &str, len_max: u64) -> Reply<Option<Vec<u8>>> {
        let found = self.fetch(key, Wanted::Whole, |len| async move {
            if len > len_max {
                return Err(format!("has {len} bytes; at most {len_max} are read"));
            }
            Ok(vec![0; len as usize])
        });
        Ok(self.threads.block_on(found)?.map(|(bytes, _, _)| bytes))
    }

    /// Reads bytes into `out`; returns how many there were, and of which object. `None` where there is none.
    ///
    /// # Errors
    /// What failed, with the URL; also when `out` is too short.
    pub(crate) fn read(&self, key: &str, wanted: Wanted, out: &mut [u8]) -> Reply<Option<(usize, Object)>> {
        self.read_watched(key, wanted, out, || {})
    }

    /// As [`Bucket::read`]; calls `waits` whenever the server has not answered for [`PATIENCE`].
    ///
    /// # Errors
    /// As [`Bucket::read`].
    pub(crate) fn read_watched(&self, key: &str, wanted: Wanted, out: &mut [u8], waits: impl Fn()) -> Reply<Option<(usize, Object)>> {
        let room = out.len() as u64;
        let answered = AtomicBool::new(false);
        // One place for all tries: it is lent to one at a time.
        let place = Mutex::new(out);
        let found = self.fetch(key, wanted, |len| {
            answered.store(true, Ordering::Relaxed);
            let lent = place.try_lock().map(Lent).map_err(|_| "two tries at once".to_string());
            async move {
                match lent {
                    Ok(_) if len > room => Err(format!("{len} bytes are stored, more than {room} that there can be")),
                    other => other,
                }
            }
        });
        let watched = async {
            let mut found = pin!(found);
            loop {
                match tokio::time::timeout(PATIENCE, &mut found).await {
                    Ok(found) => return found,
                    Err(_) if !answered.load(Ordering::Relaxed) => waits(),
                    Err(_) => {}
                }
            }
        };
        Ok(self.threads.block_on(watched)?.map(|(_, len, object)| (len, object)))
    }

    /// Writes an object.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) -> Reply<()> {
        let path = self.path(key)?;
        self.wait(key, async { self.service.client.put(&path, PutPayload::from(bytes)).await.map(drop) })
    }

    pub(super) fn client(&self) -> &dyn object_store::ObjectStore {
        &*self.service.client
    }

    /// Deletes objects; those that are not there are no error.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn delete(&self, keys: &[String]) -> Reply<()> {
        let paths = keys.iter().map(|key| self.path(key).map(Ok)).collect::<Reply<Vec<_>>>()?;
        let first = keys.first().map_or("", String::as_str);
        self.wait(first, async {
            let mut done = self.service.client.delete_stream(futures_util::stream::iter(paths).boxed());
            while let Some(one) = done.next().await {
                match one {
                    Ok(_) | Err(ClientError::NotFound { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(())
        })
    }

    /// Names below `prefix`, which ends in a slash or is empty, that have more below them.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn directories(&self, prefix: &str) -> Reply<Vec<String>> {
        if !self.lists() {
            return Err(self.fail(prefix, "a plain server does not tell what it has; name an array, or consolidate the group's metadata"));
        }
        let path = self.path(prefix.trim_end_matches('/'))?;
        let found = self.wait(prefix, async { self.service.client.list_with_delimiter(Some(&path)).await })?;
        Ok(found.common_prefixes.iter().filter_map(|path| path.filename().map(String::from)).collect())
    }

    /// Calls `visit` with the keys and lengths of the objects below `prefix` until it returns false.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn objects(&self, prefix: &str, visit: &mut dyn FnMut(&str, u64) -> bool) -> Reply<()> {
        if !self.lists() {
            return Err(self.fail(prefix, "a plain server does not tell what it has"));
        }
        let path = self.path(prefix.trim_end_matches('/'))?;
        self.wait(prefix, async {
            let mut found = self.service.client.list(Some(&path));
            while let Some(object) = found.next().await {
                let object = object?;
                if !visit(object.location.as_ref(), object.size) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// What an answer says of its object.
fn object(answer: &GetResult) -> Object {
    let state = answer.meta.e_tag.clone().unwrap_or_else(|| answer.meta.last_modified.to_string());
    Object { total: answer.meta.size, state: state.into() }
}

/// A place that is lent to one try.
struct Lent<'a, 'b>(std::sync::MutexGuard<'a, &'b mut [u8]>);

impl AsMut<[u8]> for Lent<'_, '_> {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Puts the body of an answer in its place.
async fn fill(answer: GetResult, out: &mut [u8]) -> std::result::Result<(), Failed> {
    let mut stream = answer.into_stream();
    let mut n = 0;
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        let Some(room) = out.get_mut(n..n + bytes.len()) else {
            return Err(Failed::Again(format!("more than the {} bytes that were announced", out.len())));
        };
        room.copy_from_slice(&bytes);
        n += bytes.len();
    }
    if n < out.len() {
        return Err(Failed::Again(format!("{n} bytes arrived of {} that were announced", out.len())));
    }
    Ok(())
}
