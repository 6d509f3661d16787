//! An address → the same arrays at another one, through the engine: any format that is read to any that is written, in bounded
//! memory. First a [`Plan`] is made, which reads metadata alone and says what will be copied; then each array of it is copied.
//!
//! An array appears at its place when it is whole. What was stopped is gone on with by planning again with [`Options::resume`]: arrays
//! that are there are not copied again, nor are the finished chunks or shards of a Zarr array that was being written. HDF5 and NumPy
//! files are begun anew: what libhdf5 knows of chunks is on the disk only when the file is closed.

mod compare;
mod lengths;
mod pyramid;
mod stored_as;

pub use compare::{Difference, difference, read_all};
pub use lengths::Lengths;
pub use pyramid::{Halving, Pyramid, PyramidOptions};
pub use stored_as::{NewArray, StoredAs};

use crate::array::{self, Array, StoreOptions};
use crate::error::{Error, Result};
use crate::grid::element_count;
use crate::runtime::Runtime;
use crate::store::{self, Address, AsOne, AttributeKinds, Codec, Many, Meta, Node, Packing, Store};
use flagstone_kernels::dtype::Kind;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// What is to be different at the other address, and what may happen there.
///
/// ```
/// use flagstone::convert::Options;
/// let options = Options::default().chunks("100,-1".parse::<flagstone::convert::Lengths>().unwrap()).overwrite(true);
/// assert!(options.codec.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Chunk lengths; without it the source's own, where those are of 64 KiB to 16 MiB, else the format's choice.
    pub chunks: Option<Lengths>,
    /// Shard lengths (Zarr v3).
    pub shards: Option<Lengths>,
    /// The codec; without it the format's default.
    pub codec: Option<Codec>,
    /// Zarr format version; without it 3.
    pub zarr_version: Option<u8>,
    /// Replace arrays that are there.
    pub overwrite: bool,
    /// Leave arrays that are there with the same shape and dtype as they are, and go on with those that were being written.
    pub resume: bool,
    /// Several sources become one along this axis, by name or number; without it that of `by`, else the first.
    pub axis: Option<String>,
    /// Several sources are ordered by the values of this coordinate; without it by the numbers in their names.
    pub by: Option<String>,
    /// Several sources are stacked along a new axis, which comes before the one of this number.
    pub stack: Option<i64>,
}

impl Options {
    /// With chunks, shards, codec and version as a command line has them.
    pub fn stored_as(self, stored: StoredAs) -> Options {
        let StoredAs { chunks, shards, codec, zarr_version } = stored;
        Options { chunks, shards, codec, zarr_version, ..self }
    }
    /// With these lengths of chunks.
    pub fn chunks(mut self, chunks: impl Into<Option<Lengths>>) -> Options {
        self.chunks = chunks.into();
        self
    }
    /// With these lengths of shards (Zarr v3).
    pub fn shards(mut self, shards: impl Into<Option<Lengths>>) -> Options {
        self.shards = shards.into();
        self
    }
    /// With this codec.
    pub fn codec(mut self, codec: impl Into<Option<Codec>>) -> Options {
        self.codec = codec.into();
        self
    }
    /// In this Zarr format version, 2 or 3.
    pub fn zarr_version(mut self, zarr_version: impl Into<Option<u8>>) -> Options {
        self.zarr_version = zarr_version.into();
        self
    }
    /// Whether arrays that are there are replaced.
    pub fn overwrite(mut self, overwrite: bool) -> Options {
        self.overwrite = overwrite;
        self
    }
    /// Whether a copy that was stopped goes on.
    pub fn resume(mut self, resume: bool) -> Options {
        self.resume = resume;
        self
    }
    /// With several sources along this axis, by name or number.
    pub fn axis(mut self, axis: impl Into<Option<String>>) -> Options {
        self.axis = axis.into();
        self
    }
    /// With several sources in the order of this coordinate: an array of one axis beside each of them.
    pub fn by(mut self, by: impl Into<Option<String>>) -> Options {
        self.by = by.into();
        self
    }
    /// With several sources stacked along a new axis, which comes before the one of this number (-1: after all).
    pub fn stack(mut self, stack: impl Into<Option<i64>>) -> Options {
        self.stack = stack.into();
        self
    }
}

/// What will be copied.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Arrays in the order in which they are copied.
    pub copies: Vec<ArrayCopy>,
    /// Groups to make, outermost first.
    pub groups: Vec<GroupCopy>,
    /// What is there already and stays.
    pub there: Vec<String>,
    /// What cannot be kept or copied, in words, one a line.
    pub notes: Vec<String>,
    zarr_version: u8,
}

/// One group to make.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupCopy {
    /// Where it goes.
    pub target: String,
    /// Its attributes as JSON.
    pub attributes: Map<String, Value>,
    /// What the JSON of some of them does not say.
    pub attribute_kinds: AttributeKinds,
}

/// One array to copy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ArrayCopy {
    /// Where it is: several become one along `axis`.
    pub sources: Vec<String>,
    /// The axis along which several sources lie.
    pub axis: usize,
    /// What reads several, or decodes.
    read: Option<Array>,
    /// Where it goes.
    pub target: String,
    /// What it is.
    pub meta: Meta,
    /// How it is stored.
    pub options: StoreOptions,
}

/// What is copied.
enum Source {
    /// The array at an address.
    One(String, Box<Meta>),
    /// Several as one.
    Many(Arc<Many>),
    /// The values of what is stored at one address, or at several as one.
    Decoded { values: Array, stored: Box<Meta>, addresses: Vec<String>, axis: usize },
}

impl Source {
    /// The array at an address: its values where that asks for them and its numbers stand for others.
    fn of(address: &str, stored: &Meta) -> Result<Source> {
        let (plain, decodes) = store::decoding(address)?;
        // asked of the store: a fill value may say what is missing, too
        let decodes =
            decodes && !matches!(stored.dtype.kind(), Kind::Bool | Kind::Complex) && store::open(&plain)?.packing() != Packing::default();
        let stored = Box::new(stored.clone());
        Ok(match decodes {
            true => Source::Decoded { values: array::open(address)?, stored, addresses: vec![plain], axis: 0 },
            false => Source::One(plain, stored),
        })
    }
}

impl ArrayCopy {
    /// Bytes of the elements.
    pub fn bytes(&self) -> u64 {
        element_count(&self.meta.shape).unwrap_or(u64::MAX).saturating_mul(self.meta.dtype.size() as u64)
    }

    /// What is read.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn array(&self) -> Result<Array> {
        match &self.read {
            Some(array) => Ok(array.clone()),
            None => array::open(&self.sources[0]),
        }
    }

    /// Copies it.
    ///
    /// # Errors
    /// Those of reading and writing; then nothing is at the target that was not there before. Finished chunks of a Zarr array are kept
    /// aside, hidden, for [`Options::resume`].
    pub fn run(&self, runtime: &Runtime) -> Result<()> {
        runtime.store_part(&self.array()?, &self.target, &self.options)
    }

    /// Compares what was written with what was read, element by element.
    ///
    /// # Errors
    /// `Store` where they differ, naming the first place.
    pub fn verify(&self, runtime: &Runtime) -> Result<()> {
        match difference(&self.array()?, &array::open(&self.target)?, runtime)? {
            None => Ok(()),
            Some(found) => Err(Error::store(&self.target, format!("differs from what was read: {found}"))),
        }
    }
}

impl Plan {
    /// Plans the copy of the array or the group at `source` to `target`. A source with `*`, `?` or `[…]` in its name stands for
    /// all files of that pattern, as one array.
    ///
    /// # Errors
    /// For what is not there or cannot be read, chunks that name no axis, and arrays that are at the target already.
    pub fn new(source: impl AsRef<Path>, target: impl AsRef<Path>, options: &Options) -> Result<Plan> {
        let (source, target) = (store::text(source.as_ref())?, store::text(target.as_ref())?);
        let zarr_version = options.zarr_version.unwrap_or(3);
        let (copies, groups, there, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut plan = Plan { copies, groups, there, notes, zarr_version };
        let as_one = AsOne::default().axis(options.axis.clone()).by(options.by.clone()).stack(options.stack);
        if store::decoding(target)?.1 {
            return Err(Error::bad_request("convert", format!("{target}: decode=cf is asked of what is read, not of what is written")));
        }
        let (plain, decodes) = store::decoding(source)?;
        if let Some(many) = store::find(&plain, &as_one)? {
            let what = if decodes {
                let (stored, addresses, axis) = (Box::new(many.meta().clone()), many.addresses(), many.axis().0);
                Source::Decoded { values: array::open_many(&[source], &as_one, true)?, stored, addresses, axis }
            } else {
                Source::Many(Arc::new(many))
            };
            plan.add(what, target.to_string(), options)?;
        } else {
            let node = store::tree(source)?;
            if let Some(refused) = &node.refused {
                return Err(Error::unsupported(source, refused.why.clone()));
            }
            plan.node(&node, source, target, options)?;
        }
        if plan.copies.is_empty() && plan.there.is_empty() {
            return Err(Error::store(source, "holds no array that can be read"));
        }
        if plan.there.is_empty() {
            for (what, lengths) in [("chunks", &options.chunks), ("shards", &options.shards)] {
                lengths::known(what, lengths.as_ref(), plan.copies.iter().map(|copy| &copy.meta))?;
            }
        }
        Ok(plan)
    }

    /// Bytes of all elements that will be copied.
    pub fn bytes(&self) -> u64 {
        self.copies.iter().map(ArrayCopy::bytes).fold(0, u64::saturating_add)
    }

    /// Makes the groups.
    ///
    /// # Errors
    /// Those of writing.
    pub fn make_groups(&self) -> Result<()> {
        let make = |group: &GroupCopy| store::create_group(&group.target, &group.attributes, &group.attribute_kinds, self.zarr_version);
        self.groups.iter().try_for_each(make)
    }

    /// Does what is left when all arrays are there: NetCDF-4 files get their dimensions.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&self) -> Result<()> {
        let targets: Vec<&String> = self.copies.iter().map(|copy| &copy.target).chain(&self.there).collect();
        store::share_dimensions(&targets, false)
    }

    fn node(&mut self, node: &Node, source: &str, target: &str, options: &Options) -> Result<()> {
        if let Some(refused) = &node.refused {
            self.notes.push(format!("{source} is left out: {}", refused.why));
            return Ok(());
        }
        if let Some(link) = &node.link {
            self.notes.push(format!("{source} is left out: it is a link to {link}"));
            return Ok(());
        }
        if let Some(meta) = &node.meta {
            return self.add(Source::of(source, meta)?, target.to_string(), options);
        }
        if !matches!(store::target(target)?, Address::Hdf5 { .. } | Address::Zarr { .. }) {
            // A file of one array takes the only array of a group.
            return match &node.arrays()[..] {
                [only] => {
                    let source = inside(source, only)?;
                    let found = store::open(store::decoding(&source)?.0)?;
                    self.add(Source::of(&source, found.meta())?, target.to_string(), options)
                }
                many => {
                    let what = format!("holds one array, {source} holds {}; write .zarr or .h5", many.len());
                    Err(Error::bad_request("convert", format!("{target} {what}")))
                }
            };
        }
        let (attributes, attribute_kinds) = (node.attributes.clone(), node.attribute_kinds.clone());
        self.groups.push(GroupCopy { target: target.to_string(), attributes, attribute_kinds });
        for child in &node.children {
            self.node(child, &inside(source, &child.name)?, &inside(target, &child.name)?, options)?;
        }
        Ok(())
    }

    fn add(&mut self, source: Source, target: String, options: &Options) -> Result<()> {
        let decodes = matches!(source, Source::Decoded { .. });
        let (sources, axis, meta, read) = match source {
            Source::One(address, meta) => (vec![address], 0, *meta, None),
            Source::Many(many) => (many.addresses(), many.axis().0, many.meta().clone(), Some(array::from_store(many))),
            Source::Decoded { values, stored, addresses, axis } => (addresses, axis, stored.decoded(values.dtype()?), Some(values)),
        };
        if store::exists(&target) && !options.overwrite {
            let found = store::open(&target).ok().map(|store| (store.meta().shape.clone(), store.meta().dtype));
            if !options.resume {
                return Err(Error::store(
                    target,
                    "is there already; ask for overwrite (--overwrite), or for resume (--resume) to leave it as it is",
                ));
            }
            if found.as_ref() != Some(&(meta.shape.clone(), meta.dtype)) {
                let what = format!("is there with another shape or dtype than {:?} {}; ask for overwrite", meta.shape, meta.dtype);
                return Err(Error::store(target, what));
            }
            self.there.push(target);
            return Ok(());
        }
        let mut stored = StoreOptions::like(&meta).zarr_version(self.zarr_version).overwrite(options.overwrite);
        stored.codec = options.codec.clone();
        // xarray takes the fill value of Zarr v2 for missing numbers, as which libnetcdf's own does not count
        if self.zarr_version == 2 && !meta.attributes.contains_key("_FillValue") {
            stored.fill = stored.fill.filter(|&fill| !store::is_default_fill(fill, meta.dtype));
        }
        let origin = store::versions(&sources)?;
        stored = stored.resumable(format!("{origin:?} along axis {axis}{}", if decodes { ", decoded" } else { "" }), options.resume);
        let keeps_all = matches!(store::target(&target)?, Address::Hdf5 { .. } | Address::Zarr { .. });
        if !keeps_all && (!meta.attributes.is_empty() || meta.dimension_names.is_some()) {
            self.notes.push(format!("{target} keeps no attributes and names of axes"));
        }
        stored = lengths::applied(stored, &meta, options.chunks.as_ref(), options.shards.as_ref())?;
        self.copies.push(ArrayCopy { sources, axis, read, target, meta, options: stored });
        Ok(())
    }
}

/// The address of `name` inside of the group at `address`; with `?decode=cf` behind it where that has it.
///
/// # Errors
/// `BadRequest` for an address that has no inside.
pub fn inside(address: impl AsRef<Path>, name: &str) -> Result<String> {
    let address = store::text(address.as_ref())?;
    let name = name.trim_matches('/');
    let (plain, decodes) = store::decoding(address)?;
    let parsed = store::parse(&plain).or_else(|_| store::target(&plain))?;
    if matches!(parsed, Address::Npy { .. } | Address::Raw { .. }) {
        return Err(Error::bad_request("convert", format!("{address} is no group")));
    }
    let (file, path) = parsed.into_parts();
    let path = path.trim_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    let asked = if decodes { "?decode=cf" } else { "" };
    Ok(format!("{}:/{path}{slash}{name}{asked}", file.display()))
}
