//! Objects that are far away (`s3://`, `gs://`, `http://`, `https://`) ↔ their bytes.
//!
//! A [`Bucket`] is where the objects are; its calls return when the bytes are there. [`Ahead`] holds what was asked for before it is
//! needed, within bytes that its owner was given: workers then wait for the link, not for round trips. [`Fetch`] is how a store reads:
//! what is there already, else what it fetches now. [`FarFile`] is one object as a file of which small parts are read.

#[cfg(not(feature = "remote"))]
mod absent;
#[cfg(feature = "remote")]
mod ahead;
#[cfg(feature = "remote")]
mod bucket;
#[cfg(feature = "remote")]
mod environment;
mod far_file;
mod fetch;
#[cfg(feature = "remote")]
mod upload;

#[cfg(not(feature = "remote"))]
pub(crate) use absent::{Ahead, Bucket, Upload};
#[cfg(feature = "remote")]
pub(crate) use ahead::Ahead;
#[cfg(feature = "remote")]
pub(crate) use bucket::Bucket;
pub(crate) use far_file::{FarFile, kept_bytes};
pub(crate) use fetch::{Bytes, Fetch, together};
#[cfg(feature = "remote")]
pub(crate) use upload::Upload;

use std::path::Path;
use std::sync::Arc;

/// How addresses of far objects start.
pub(super) const SCHEMES: [&str; 5] = ["s3://", "s3a://", "gs://", "http://", "https://"];

/// Whether an address is that of something far away.
pub(crate) fn is_url(address: &str) -> bool {
    SCHEMES.iter().any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// The address of something far away, of a path that is one.
pub(crate) fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| is_url(text))
}

/// How it is said that an object ends before the bytes that were asked for.
pub(crate) const PAST_END: &str = "the object ends before the bytes that were asked for (416)";

/// What an object that is being sent holds in memory at most.
pub(crate) const UPLOAD_BYTES: u64 = 8 << 20;

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All.
    Whole,
    /// So many from a place on.
    Range {
        /// The first.
        at: u64,
        /// How many.
        len: u64,
    },
    /// The last ones.
    Last(u64),
}

/// What arrived of an object.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The bytes.
    pub(crate) bytes: Arc<Vec<u8>>,
    /// What they are bytes of.
    pub(crate) object: Object,
}

/// An object as it was when bytes of it were sent. Who writes it anew makes another one of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Bytes of all of it.
    pub(crate) total: u64,
    /// What the server calls this state of it (its ETag), else when it was changed.
    pub(crate) state: Arc<str>,
}

impl Object {
    /// What to tell who read bytes of this object and finds it to be `now`.
    pub(crate) fn changed(&self, now: &Object) -> String {
        let how = if self.total != now.total {
            format!("it had {} bytes then, and has {} now", self.total, now.total)
        } else {
            format!("its ETag or time of change was {} then, and is {} now", self.state, now.state)
        };
        format!("the object has changed since it was opened: {how}. Somebody wrote it anew; read it again")
    }
}

/// Something to be fetched before it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The object.
    pub(crate) key: String,
    /// Which bytes of it.
    pub(crate) wanted: Wanted,
    /// Elements that will be read out of it: when they were, it is let go.
    pub(crate) elements: u64,
    /// More bytes than this are not believed.
    pub(crate) len_max: u64,
}

/// Parts in the order in which they will be needed.
pub(crate) type Parts = Box<dyn Iterator<Item = Next> + Send>;

/// What a part that arrived says comes behind it.
pub(crate) type Behind = Box<dyn FnOnce(&Arrived) -> Parts + Send>;

/// What comes next of what is wanted.
pub(crate) enum Next {
    /// A part.
    Fetch(Part),
    /// A part that says what comes behind it.
    FetchThen(Part, Behind),
}

/// Whether something was fetched before it was needed.
pub(crate) enum Taken {
    /// Bytes from this place of what arrived on.
    Here(Arrived, usize),
    /// There is no such object.
    Missing,
    /// Nobody asked for it, or there was no room.
    NotFetched,
}

/// Why bytes did not arrive, as text.
pub(crate) type Reply<T> = std::result::Result<T, String>;
