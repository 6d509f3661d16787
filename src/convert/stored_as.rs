//! Arguments of command lines → how arrays are stored: the same for `flagstone convert`, `eval -o`, `run -o` and `data-gen`.

use super::Lengths;
use crate::array::StoreOptions;
use crate::error::{Error, Result};
use crate::store::Codec;

/// How arrays are stored: what `flagstone convert` is told, and with [`NewArray`] who makes arrays anew.
///
/// ```
/// # fn main() -> flagstone::Result<()> {
/// use flagstone::convert::StoredAs;
/// let mut stored = StoredAs::default();
/// stored.chunks = Some("time=-1,lat=90".parse()?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, clap::Args)]
#[non_exhaustive]
pub struct StoredAs {
    /// Chunk lengths: 1000,-1 or by axis time=-1,1=90 (-1: the whole axis) [default: those of the source, if it has some of 64 KiB to 16 MiB, or the format's choice]
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    pub chunks: Option<Lengths>,
    /// Shard lengths of Zarr v3, written as --chunks
    #[arg(long, value_name = "N,...", allow_hyphen_values = true)]
    pub shards: Option<Lengths>,
    /// How it is compressed: none, zstd:3, gzip:1, blosc:lz4:5, lzf [default: the format's choice]
    #[arg(long)]
    pub codec: Option<Codec>,
    /// Zarr format version [default: 3]
    #[arg(long, value_name = "V", value_parser = clap::value_parser!(u8).range(2..=3))]
    pub zarr_version: Option<u8>,
}

/// How an array is stored that comes from no file.
#[derive(Clone, Debug, Default, clap::Args)]
#[non_exhaustive]
pub struct NewArray {
    /// As what.
    #[command(flatten)]
    pub stored: StoredAs,
    /// Names of the axes: time,lat,lon; --chunks and --shards may use them
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub dims: Option<Vec<String>>,
}

impl NewArray {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        let StoredAs { chunks, shards, codec, zarr_version } = &self.stored;
        chunks.is_none() && shards.is_none() && codec.is_none() && zarr_version.is_none() && self.dims.is_none()
    }

    /// The options for an array of `shape`.
    ///
    /// # Errors
    /// `BadRequest` when there are not as many names or lengths as axes, and for an axis that is none.
    pub fn options(&self, shape: &[u64]) -> Result<StoreOptions> {
        let mut options = StoreOptions::new();
        if let Some(names) = &self.dims {
            if names.len() != shape.len() {
                let what = format!("{} for an array of {} axes: {shape:?}", names.join(","), shape.len());
                return Err(Error::bad_request("dims", what));
            }
            let name = |name: &String| Some(name.trim().to_string()).filter(|name| !name.is_empty());
            options = options.dimension_names(names.iter().map(name).collect::<Vec<_>>());
        }
        options.codec = self.stored.codec.clone();
        options.zarr_version = self.stored.zarr_version.unwrap_or(options.zarr_version);
        options.lengths(shape, self.stored.chunks.as_ref(), self.stored.shards.as_ref())
    }

    /// Lengths of chunks for an array of `shape`, where they were asked for.
    ///
    /// # Errors
    /// As [`options`](NewArray::options).
    pub fn chunk_lengths(&self, shape: &[u64]) -> Result<Option<Vec<u64>>> {
        let options = self.options(shape)?;
        self.stored.chunks.as_ref().map(|lengths| lengths.along(shape, options.dimension_names.as_deref(), "chunks")).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_stored_so() {
        let mut wanted = NewArray::default();
        assert!(wanted.is_default());
        wanted.dims = Some(vec!["time".into(), " ".into()]);
        wanted.stored.chunks = Some("time=5,1=-1".parse().unwrap());
        wanted.stored.shards = Some("time=-1".parse().unwrap());
        wanted.stored.zarr_version = Some(2);
        assert!(!wanted.is_default());
        let options = wanted.options(&[12, 4]).unwrap();
        assert_eq!(options.dimension_names, Some(vec![Some("time".into()), None]));
        assert_eq!((options.shards.as_deref(), options.zarr_version), (Some(&[15, 4][..]), 2));
        assert_eq!(wanted.chunk_lengths(&[12, 4]).unwrap(), Some(vec![5, 4]));
        assert!(wanted.options(&[12]).unwrap_err().to_string().contains("time,  for an array of 1 axes"));
        wanted.stored.chunks = Some("lat=5".parse().unwrap());
        assert!(wanted.options(&[12, 4]).unwrap_err().to_string().contains("no array has an axis called \"lat\""));
    }
}
