//! `time=-1,lat=90` or `100,-1` → the lengths of chunks.

use crate::array::StoreOptions;
use crate::error::{Error, Result};
use crate::store::Meta;
use flagstone_kernels::dtype::DType;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Lengths of chunks or shards by the axes of an array; -1 stands for the whole axis.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lengths {
    /// One an axis.
    All(Vec<i64>),
    /// Of some axes, by name or number; others keep what the source has.
    Some(Vec<(String, i64)>),
}

impl FromStr for Lengths {
    type Err = Error;

    fn from_str(text: &str) -> Result<Lengths> {
        let bad = |part: &str| {
            let what =
                format!("{part:?} is no length; expected whole numbers above 0, or -1 for the whole axis, as in 100,-1 or time=-1,lat=90");
            Error::bad_request("chunks", what)
        };
        let length = |part: &str| part.trim().parse().ok().filter(|&n: &i64| n > 0 || n == -1).ok_or_else(|| bad(part));
        if !text.contains('=') {
            return text.split(',').map(length).collect::<Result<_>>().map(Lengths::All);
        }
        let named = text.split(',').map(|part| match part.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_string(), length(value)?)),
            _ => Err(bad(part)),
        });
        named.collect::<Result<_>>().map(Lengths::Some)
    }
}

/// Chunks of fewer or more bytes than this are not taken over.
const CHUNK_BYTES: RangeInclusive<u64> = 1 << 16..=16 << 20;

/// The chunks of an array, where they are of a sensible size; none is longer than the array.
pub(super) fn own_chunks(meta: &Meta) -> Option<Vec<u64>> {
    let own = meta.chunks.as_ref()?;
    let own: Vec<u64> = own.iter().zip(&meta.shape).map(|(&len, &n)| len.min(n.max(1))).collect();
    let bytes = own.iter().fold(meta.dtype.size() as u64, |bytes, &len| bytes.saturating_mul(len));
    CHUNK_BYTES.contains(&bytes).then_some(own)
}

/// `options` with chunks and shards of these lengths, for an array such as `meta`: without such the chunks are its own. A shard has whole chunks: where it reaches the end of an
/// axis it goes on to the end of a chunk.
///
/// # Errors
/// `BadRequest` when there are not as many lengths as axes.
pub(super) fn applied(options: StoreOptions, meta: &Meta, chunks: Option<&Lengths>, shards: Option<&Lengths>) -> Result<StoreOptions> {
    let (mut options, mut step) = (options, meta.chunks.clone());
    let lengths = match chunks {
        Some(lengths) => Some(lengths.of(meta, "chunks", None)?),
        None => own_chunks(meta),
    };
    if let Some(lengths) = lengths {
        options = options.chunks(lengths.clone());
        step = Some(lengths);
    }
    if let Some(lengths) = shards {
        options = options.shards(lengths.of(meta, "shards", step.as_deref())?);
    }
    Ok(options)
}

impl StoreOptions {
    /// With chunks and shards (Zarr v3) as `flagstone convert` takes them, for an array of `shape`: -1 is the whole axis, and axes are
    /// known by number, or by the names that they are given here. Where a shard reaches the end of an axis it goes on to the end of a chunk.
    ///
    /// # Errors
    /// `BadRequest` when there are not as many lengths as axes, and for an axis that is none.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{array::StoreOptions, convert::Lengths};
    /// let (chunks, shards): (Lengths, Lengths) = ("0=10".parse()?, "20,-1".parse()?);
    /// let options = StoreOptions::new().lengths(&[100, 7], Some(&chunks), Some(&shards))?;
    /// assert_eq!(options.shards, Some(vec![20, 7]));
    /// # Ok(()) }
    /// ```
    pub fn lengths(self, shape: &[u64], chunks: Option<&Lengths>, shards: Option<&Lengths>) -> Result<StoreOptions> {
        let meta = Meta { dimension_names: self.dimension_names.clone(), ..Meta::plain(shape.to_vec(), DType::U8) };
        for (what, lengths) in [("chunks", chunks), ("shards", shards)] {
            known(what, lengths, [&meta].into_iter())?;
        }
        applied(self, &meta, chunks, shards)
    }
}

/// Refuses a name that none of these arrays has an axis of.
///
/// # Errors
/// `BadRequest`.
pub(super) fn known<'a>(what: &str, lengths: Option<&Lengths>, metas: impl Iterator<Item = &'a Meta> + Clone) -> Result<()> {
    match lengths.and_then(|lengths| lengths.unknown(metas)) {
        Some(name) => Err(Error::bad_request(what, format!("no array has an axis called {name:?}"))),
        None => Ok(()),
    }
}

impl Lengths {
    /// The lengths for an array of `shape`, whose axes are known by number and by `names`; `what` they are for messages.
    ///
    /// # Errors
    /// `BadRequest` when there are not as many lengths as axes, and for an axis that is none.
    pub fn along(&self, shape: &[u64], names: Option<&[Option<String>]>, what: &str) -> Result<Vec<u64>> {
        let meta = Meta { dimension_names: names.map(<[_]>::to_vec), ..Meta::plain(shape.to_vec(), DType::U8) };
        known(what, Some(self), [&meta].into_iter())?;
        self.of(&meta, what, None)
    }

    /// The lengths for one array; `what` they are for messages. None is longer than the axis; of shards, the axis made up to a multiple of
    /// the chunks `step`.
    ///
    /// # Errors
    /// `BadRequest` when there are not as many as axes.
    pub(super) fn of(&self, meta: &Meta, what: &str, step: Option<&[u64]>) -> Result<Vec<u64>> {
        let step_of = |axis: usize| step.and_then(|step| step.get(axis)).map_or(1, |&n| n.max(1));
        let whole = |axis: usize| meta.shape[axis].max(1).checked_next_multiple_of(step_of(axis)).unwrap_or(u64::MAX);
        let length = |axis: usize, n: i64| u64::try_from(n).map_or(whole(axis), |n| n.min(whole(axis)));
        match self {
            Lengths::All(all) if all.len() != meta.shape.len() => {
                let given = all.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                Err(Error::bad_request(what, format!("{given} for an array of {} axes: {:?}", meta.shape.len(), meta.shape)))
            }
            Lengths::All(all) => Ok(all.iter().enumerate().map(|(axis, &n)| length(axis, n)).collect()),
            Lengths::Some(named) => {
                let own = step.map(<[u64]>::to_vec).or_else(|| meta.chunks.clone());
                let mut lengths = own.unwrap_or_else(|| (0..meta.shape.len()).map(whole).collect());
                for (name, n) in named {
                    if let Some(axis) = meta.axis_named(name) {
                        lengths[axis] = length(axis, *n);
                    }
                }
                Ok(lengths)
            }
        }
    }

    /// A name that none of these arrays has an axis of.
    fn unknown<'a>(&self, metas: impl Iterator<Item = &'a Meta> + Clone) -> Option<&str> {
        let Lengths::Some(named) = self else { return None };
        named.iter().map(|(name, _)| name.as_str()).find(|name| !metas.clone().any(|meta| meta.axis_named(name).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_by_number_and_by_name() {
        let mut meta = Meta::plain(vec![100, 50, 0], DType::F32);
        meta.dimension_names = Some(vec![Some("time".into()), None, Some("x".into())]);
        let of = |text: &str| text.parse::<Lengths>().unwrap().of(&meta, "chunks", None);
        assert_eq!(of("10,-1,5").unwrap(), [10, 50, 1]);
        assert_eq!(of("time=-1,1=7").unwrap(), [100, 7, 1]);
        assert_eq!(of("time=1000").unwrap(), [100, 50, 1]);
        assert!(of("10,10").unwrap_err().to_string().contains("10,10 for an array of 3 axes"));
        let named = "time=1,lat=2".parse::<Lengths>().unwrap();
        assert_eq!(named.unknown([&meta].into_iter()), Some("lat"));
        for text in ["", "0", "a", "time=", "=3", "time=1,3", "-2"] {
            assert!(text.parse::<Lengths>().unwrap_err().to_string().contains("is no length"), "{text}");
        }
    }

    #[test]
    fn shards_have_whole_chunks() {
        let lengths = |text: &str| text.parse::<Lengths>().unwrap();
        let of = |chunks: Option<&str>, shards: &str| {
            let options = StoreOptions::new().lengths(&[10, 7], chunks.map(lengths).as_ref(), Some(&lengths(shards)));
            options.map(|options| options.shards.unwrap())
        };
        assert_eq!(of(Some("4,2"), "-1,4").unwrap(), [12, 4]);
        assert_eq!(of(Some("4,2"), "100,100").unwrap(), [12, 8]);
        // What is no multiple is refused where it is written, not made one.
        assert_eq!(of(Some("4,2"), "6,4").unwrap(), [6, 4]);
        assert_eq!(of(None, "1=-1").unwrap(), [10, 7]);
        assert!(of(None, "2=3").unwrap_err().to_string().contains("no array has an axis called \"2\""));
    }
}
