//! [`ArrayLayout`]: all that reading an array needs, nothing per chunk.

use super::chain::Chain;
use super::keys::Keys;
use crate::store::Meta;
use crate::store::record::Part;
use flagstone_kernels::dtype::Scalar;
use serde_json::Value;
use zarrs::metadata::ArrayMetadata;

/// How chunk files hold elements.
#[derive(Clone, Debug)]
pub(super) enum Coding {
    /// One chunk a file.
    Chunks(Chain),
    /// Inner chunks of shape `inner` with an index.
    Shards { chain: Chain, inner: Vec<u64>, index_at_end: bool, index_checksum: bool },
    /// A chain that is not ours, for the reason given: zarrs may decode it.
    Foreign(Box<ArrayMetadata>, String),
}

/// An array's layout.
#[derive(Clone, Debug)]
pub(super) struct ArrayLayout {
    pub(super) meta: Meta,
    /// What of each element is read, where that is a field of several.
    pub(super) part: Option<Part>,
    /// The box of one file.
    pub(super) file_chunk: Vec<u64>,
    /// One element of the fill value, native byte order.
    pub(super) fill: Vec<u8>,
    /// The fill value, where it says what is missing and no attribute need say so.
    pub(super) missing: Option<Scalar>,
    pub(super) keys: Keys,
    pub(super) coding: Coding,
}

impl ArrayLayout {
    /// Bytes of an element as it is stored.
    pub(super) fn element_bytes(&self) -> usize {
        self.part.as_ref().map_or(self.meta.dtype.size(), |part| part.element_bytes as usize)
    }

    /// Where in it the numbers start.
    pub(super) fn element_offset(&self) -> usize {
        self.part.as_ref().map_or(0, |part| part.offset as usize)
    }

    /// Bytes of a dense box of stored elements.
    pub(super) fn bytes_of(&self, shape: &[u64]) -> u64 {
        shape.iter().fold(self.element_bytes() as u64, |n, &len| n.saturating_mul(len))
    }

    /// Whether this is the key of a chunk of the array.
    pub(super) fn is_chunk(&self, key: &str) -> bool {
        if self.meta.shape.is_empty() {
            return key == self.keys.key(&[]);
        }
        let lens = self.meta.shape.iter().zip(&self.file_chunk);
        let inside =
            |index: Vec<u64>| index.len() == lens.len() && index.iter().zip(lens).all(|(&i, (&n, &chunk))| i < n.div_ceil(chunk.max(1)));
        self.keys.index(key).is_some_and(inside)
    }
}

/// What was read of a document, or why it cannot be.
pub(super) type Parsed<T> = std::result::Result<T, String>;

/// A list of lengths of a document.
pub(super) fn lengths(value: Option<&Value>) -> Parsed<Vec<u64>> {
    let list = value.and_then(Value::as_array).ok_or("no list of lengths")?;
    let one = |v: &Value| v.as_u64().ok_or_else(|| format!("{v} is no length"));
    list.iter().map(one).collect()
}
