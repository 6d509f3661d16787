//! `time=-1,lat=90` or `100,-1` → the lengths of chunks.

use crate::error::{Error, Result};
use crate::store::Meta;
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

/// The axis of this name, or of this number.
pub(super) fn axis_of(meta: &Meta, name: &str) -> Option<usize> {
    let named = meta.dimension_names.iter().flatten().position(|found| found.as_deref() == Some(name));
    named.or_else(|| name.parse().ok().filter(|&axis: &usize| axis < meta.shape.len()))
}

impl Lengths {
    /// The lengths for one array; `what` they are for messages.
    ///
    /// # Errors
    /// `BadRequest` when there are not as many as axes.
    pub(super) fn of(&self, meta: &Meta, what: &str) -> Result<Vec<u64>> {
        let whole = |axis: usize| meta.shape[axis].max(1);
        let length = |axis: usize, n: i64| u64::try_from(n).map_or(whole(axis), |n| n.min(whole(axis)));
        match self {
            Lengths::All(all) if all.len() != meta.shape.len() => {
                let given = all.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                Err(Error::bad_request(what, format!("{given} for an array of {} axes: {:?}", meta.shape.len(), meta.shape)))
            }
            Lengths::All(all) => Ok(all.iter().enumerate().map(|(axis, &n)| length(axis, n)).collect()),
            Lengths::Some(named) => {
                let mut lengths = meta.chunks.clone().unwrap_or_else(|| (0..meta.shape.len()).map(whole).collect());
                for (name, n) in named {
                    if let Some(axis) = axis_of(meta, name) {
                        lengths[axis] = length(axis, *n);
                    }
                }
                Ok(lengths)
            }
        }
    }

    /// A name that none of these arrays has an axis of.
    pub(super) fn unknown<'a>(&self, metas: impl Iterator<Item = &'a Meta> + Clone) -> Option<&str> {
        let Lengths::Some(named) = self else { return None };
        named.iter().map(|(name, _)| name.as_str()).find(|name| !metas.clone().any(|meta| axis_of(meta, name).is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::DType;

    #[test]
    fn lengths_are_by_number_and_by_name() {
        let mut meta = Meta::plain(vec![100, 50, 0], DType::F32);
        meta.dimension_names = Some(vec![Some("time".into()), None, Some("x".into())]);
        let of = |text: &str| text.parse::<Lengths>().unwrap().of(&meta, "chunks");
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
}
