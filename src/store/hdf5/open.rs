//! A path in an HDF5 file → a dataset that workers can read.

use super::attributes;
use super::attributes::Scales;
use super::chunk_table::{Dense, Grid, Index};
use super::chunked::Chunked;
use super::filter_names;
use super::filters::{self, Pipeline};
use super::header::{self, Raw, UNDEFINED};
use super::index;
use super::lagging::{self, Lagging};
use super::library::{self, FilterInfo, Id, done, id, sync};
use super::links::{self, links};
use super::objects;
use super::place::Place;
use super::read::{Dataset, Kind};
use super::source::Source;
use super::through::Through;
use super::types::{Element, element, type_text};
use crate::error::{Error, Result};
use crate::store::{Extent, Meta, Refused, Store};
use flagstone_kernels::copy::swap_bytes;
use flagstone_kernels::dtype::Scalar;
use hdf5_sys::h5d::*;
use hdf5_sys::h5i::H5I_type_t;
use hdf5_sys::h5p::*;
use hdf5_sys::h5z::H5Zfilter_avail;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What libhdf5 tells of a dataset.
pub(super) struct Described {
    pub(super) meta: Meta,
    element: Element,
    /// Extents that the dataset may grow to.
    most: Vec<u64>,
    /// Lengths by its dimensions, where it is shorter.
    lengths: Option<Vec<u64>>,
    layout: H5D_layout_t,
    external: bool,
    filters: Vec<FilterInfo>,
    /// Native bytes of one element that was never written.
    fill: Vec<u8>,
}

impl Described {
    /// What a reader sees of it.
    pub(super) fn seen(self) -> Meta {
        let shape = self.lengths.unwrap_or(self.meta.shape);
        Meta { shape, ..self.meta }
    }
}

/// Describes an open dataset, or one field of its compounds.
///
/// # Errors
/// `Store` for a dtype that is not a number.
pub(super) fn describe(address: &str, dataset: &Id, field: Option<&str>, scales: &mut Scales) -> Result<Described> {
    // SAFETY: identifiers are alive and the lock is held; buffers have the sizes that are passed.
    sync(|| unsafe {
        let datatype = id(address, "datatype", H5Dget_type(dataset.raw()))?;
        let element = element(address, &datatype, field)?;
        let of = element.of;
        let space = id(address, "dataspace", H5Dget_space(dataset.raw()))?;
        let (shape, most) = library::extents(address, &space)?;
        let bytes = crate::grid::element_count(&shape).and_then(|n| n.checked_mul(element.bytes as u64));
        if bytes.is_none_or(|n| n > i64::MAX as u64) {
            return Err(Error::store(address, format!("shape {shape:?} has more bytes than can be counted")));
        }
        let creation = library::creation(address, dataset)?;
        let layout = H5Pget_layout(creation.raw());
        let filters = library::filters(address, &creation)?;
        let chunks = chunks(address, &creation, &shape, &element)?;
        let mut status = H5D_fill_value_t::H5D_FILL_VALUE_DEFAULT;
        let mut fill = vec![0u8; element.bytes];
        H5Pfill_value_defined(creation.raw(), &raw mut status);
        if status == H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED {
            done(address, "fill value", H5Pget_fill_value(creation.raw(), datatype.raw(), fill.as_mut_ptr().cast()))?;
        }
        fill.drain(..element.offset);
        fill.truncate(element.inner_bytes());
        if fill.chunks_exact(of.dtype.size()).any(|value| *value != fill[..of.dtype.size()]) {
            return Err(Error::store(address, "a fill value whose parts differ is not supported"));
        }
        fill.resize(of.dtype.size(), 0);
        if of.swap {
            swap_bytes(of.dtype, &mut fill);
        }
        let mut told = fill.clone();
        of.expand_bits(&mut told);
        let names = attributes::dimension_names(address, dataset, shape.len(), scales);
        let lengths = lagging::lengths(address, dataset, (&shape, &most), scales);
        let lengths = lengths.map(|lengths| lengths.into_iter().chain(element.axes.iter().copied()).collect());
        let (found, attribute_kinds) = attributes::read(address, dataset);
        let meta = Meta {
            dimension_names: names.map(|names| names.into_iter().chain(element.axes.iter().map(|_| None)).collect()),
            shape: shape.iter().chain(&element.axes).copied().collect(),
            dtype: of.dtype,
            chunks,
            shards: None,
            codec: filter_names::text(&filters),
            compressed: !filters.is_empty(),
            fill: Some(Scalar::read(of.dtype, &told)),
            attributes: found,
            attribute_kinds,
        };
        let external = H5Pget_external_count(creation.raw()) > 0;
        Ok(Described { meta, element, most, lengths, layout, external, filters, fill })
    })
}

/// The chunk lengths of a dataset of `shape`, axes inside of its elements included; `None` where it has no chunks.
///
/// # Errors
/// `Store` for lengths that no file has.
fn chunks(address: &str, creation: &Id, shape: &[u64], element: &Element) -> Result<Option<Vec<u64>>> {
    let mut chunk = vec![0; shape.len()];
    // SAFETY: plain queries of an identifier that is alive, under the lock, into a list of the length that is passed.
    let rank = unsafe {
        if H5Pget_layout(creation.raw()) != H5D_layout_t::H5D_CHUNKED {
            return Ok(None);
        }
        H5Pget_chunk(creation.raw(), shape.len() as i32, chunk.as_mut_ptr())
    };
    if rank < 0 || rank as usize != shape.len() || chunk.contains(&0) {
        return Err(Error::store(address, format!("the file is corrupt: chunks {chunk:?} of an array of shape {shape:?}")));
    }
    chunk.extend(&element.axes);
    Ok(Some(chunk))
}

/// Opens `dataset` (`/group/name`) of `file` for reading.
///
/// # Errors
/// `Store` when the file or the dataset is missing, is not numeric, or is corrupt.
pub fn open(file: &Path, dataset: &str, address: &str) -> Result<Arc<dyn Store>> {
    let place = Place::of(file, address)?;
    place.require(address)?;
    // The lock is held while the index is read: libhdf5 writes metadata under it, so none changes meanwhile.
    let opened = || {
        let hdf5 = library::open_at(address, &place)?;
        library::require_free(address, &place, &hdf5)?;
        // Only a file that this process writes too has anything to flush.
        let _ = library::flush(address, &hdf5);
        let (object, dataset, field) = dataset_at(address, &hdf5, dataset)?;
        let mut found = describe(address, &object, field, &mut Scales::default())?;
        let lengths = found.lengths.take();
        let opened = build(address, &place, dataset, &object, found)?;
        Ok(match lengths {
            Some(lengths) => Arc::new(Lagging::new(opened, lengths)) as Arc<dyn Store>,
            None => Arc::new(opened),
        })
    };
    sync(|| place.watch(address, opened))
}

/// Shape, dtype, chunks and filters of `dataset` of `file`, and no more than that of its header.
///
/// # Errors
/// As [`open`], for what can be told by these.
pub fn extent(file: &Path, dataset: &str, address: &str) -> Result<Extent> {
    let place = Place::of(file, address)?;
    // SAFETY: identifiers are alive and the lock is held.
    let found = || unsafe {
        // Where there is no file, what is near is worth more than what the library says.
        let hdf5 = library::open_at(address, &place).or_else(|e| place.require(address).and(Err(e)))?;
        let _ = library::flush(address, &hdf5);
        let (object, _, field) = dataset_at(address, &hdf5, dataset)?;
        let element = element(address, &id(address, "datatype", H5Dget_type(object.raw()))?, field)?;
        let (mut shape, most) = library::extents(address, &id(address, "dataspace", H5Dget_space(object.raw()))?)?;
        let creation = library::creation(address, &object)?;
        let chunks = chunks(address, &creation, &shape, &element)?;
        let codec = filter_names::text(&library::filters(address, &creation)?);
        shape = lagging::lengths(address, &object, (&shape, &most), &mut Scales::default()).unwrap_or(shape);
        shape.extend(&element.axes);
        Ok(Extent { shape, dtype: element.of.dtype, chunks, shards: None, codec, format: "hdf5" })
    };
    sync(|| place.watch(address, found))
}

/// The dataset at `path`, the path without a field, and the field: what follows the last #, where the name is not one with # in it.
fn dataset_at<'a>(address: &str, file: &Id, path: &'a str) -> Result<(Id, &'a str, Option<&'a str>)> {
    let (path, field) = match path.rsplit_once('#') {
        Some((above, field)) if !objects::exists(address, file, path)? => (above, Some(field)),
        _ => (path, None),
    };
    match find(address, file, path)? {
        (object, H5I_type_t::H5I_DATASET) => Ok((object, path, field)),
        (_, H5I_type_t::H5I_GROUP) => {
            let what = format!("{path} is a group, not a dataset{}", listed(address, file, path.trim_end_matches('/')));
            Err(Error::store(address, what))
        }
        _ => Err(Error::store(address, format!("{path} is not a dataset"))),
    }
}

/// "; there is …": what a group holds.
fn listed(address: &str, file: &Id, path: &str) -> String {
    let names = || {
        let (group, _) = objects::open_object(address, file, if path.is_empty() { "/" } else { path }).ok()?;
        let mut names = links::link_names(address, &group).ok()?;
        names.retain(|name| !name.starts_with('.'));
        names.truncate(20);
        Some(names.iter().map(|name| format!("{path}/{name}")).collect::<Vec<_>>().join(", "))
    };
    names().filter(|names| !names.is_empty()).map_or(String::new(), |names| format!("; there is {names}"))
}

/// What link stands at `path`, where it is one that leads to another path.
fn link(address: &str, file: &Id, path: &str) -> Option<links::Leads> {
    let (parent, name) = path.rsplit_once('/')?;
    let (group, _) = objects::open_object(address, file, if parent.is_empty() { "/" } else { parent }).ok()?;
    links(address, &group).ok()?.into_iter().find(|link| link.name == name).map(|link| link.leads)
}

/// Opens the object at `path` and says what it is.
///
/// # Errors
/// `Store` where there is none, with what there is instead.
pub(super) fn find(address: &str, file: &Id, path: &str) -> Result<(Id, H5I_type_t)> {
    let path = path.trim_end_matches('/');
    if !objects::exists(address, file, path)? {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        return Err(Error::store(address, format!("the file has no dataset {path}{}", listed(address, file, parent))));
    }
    let path = if path.is_empty() { "/" } else { path };
    objects::open_object(address, file, path).map_err(|e| {
        let leads = link(address, file, path);
        match leads.as_ref().and_then(|leads| Some((leads.text()?, leads.nothing()))) {
            Some((link, nothing)) if !library::leads_somewhere(address, file, path).unwrap_or(false) => {
                Error::store(address, format!("{path} is the {link}, and {nothing}"))
            }
            _ => e,
        }
    })
}

/// Whether the file has an object at `path`.
pub fn exists(file: &Path, path: &str, address: &str) -> bool {
    let Ok(place) = Place::of(file, address) else { return false };
    let found = || library::open_at(address, &place).and_then(|hdf5| find(address, &hdf5, path).map(drop));
    sync(|| place.watch(address, found)).is_ok()
}

/// What is known of a dataset that cannot be read.
pub(super) fn outline(address: &str, dataset: &Id, why: String) -> Refused {
    // SAFETY: plain queries of an identifier that is alive, under the lock.
    sync(|| unsafe {
        let space = id(address, "dataspace", H5Dget_space(dataset.raw()));
        let datatype = id(address, "datatype", H5Dget_type(dataset.raw()));
        let filters = library::creation(address, dataset).and_then(|creation| library::filters(address, &creation));
        Refused {
            shape: space.and_then(|space| library::extents(address, &space)).ok().map(|(shape, _)| shape),
            dtype: datatype.ok().map(|datatype| type_text(&datatype)),
            codec: filters.ok().map(|filters| filter_names::text(&filters)),
            why,
        }
    })
}

/// Refuses chunks that nobody here can decode, without a look at one.
///
/// # Errors
/// `Store` naming the filter.
pub(super) fn require_decoder(address: &str, found: &Described) -> Result<()> {
    let item = found.element.bytes;
    if found.layout != H5D_layout_t::H5D_CHUNKED || Pipeline::new(&found.filters, 0, item).is_some() {
        return Ok(());
    }
    sync(|| require_filters(address, &found.filters))
}

/// Refuses chunks that libhdf5 cannot decode.
fn require_filters(address: &str, filters: &[FilterInfo]) -> Result<()> {
    // SAFETY: a plain query, under the lock.
    let Some(missing) = (0..filters.len()).find(|&i| unsafe { H5Zfilter_avail(filters[i].id) } <= 0) else { return Ok(()) };
    let name = filter_names::text(&filters[missing..=missing]);
    Err(Error::store(
        address,
        format!(
            "{name} is not installed: its chunks cannot be decoded; repack the file with `h5repack -f SHUF -f GZIP=1`, or point \
             HDF5_PLUGIN_PATH at the plugin"
        ),
    ))
}

/// A dataset ready to be read: what is known of it, and where its elements are.
fn build(address: &str, place: &Place, dataset: &str, object: &Id, found: Described) -> Result<Dataset> {
    let packing = attributes::packing(address, object, found.element.of.dtype);
    let holder = match place {
        Place::Near(_) => Place::Near(library::holder(address, object)?),
        // The driver opens no other file.
        Place::Far(_) => place.clone(),
    };
    let source = Source::open(&holder, address)?;
    let elsewhere = Some(holder.path().to_path_buf()).filter(|holder| holder != place.path());
    let (kind, stored) = Building { address, place, dataset, object, found: &found }.kind(&Raw::open(address, source.bytes())?)?;
    let Described { mut meta, element, fill, .. } = found;
    if let Source::Far(_) = source {
        // A round trip costs as much as a chunk: what is far is fetched whole, plain or not.
        meta.compressed = true;
    }
    Ok(Dataset { address: address.into(), source, meta, packing, element, fill, kind, stored, elsewhere })
}

/// A dataset on the way to being opened.
struct Building<'a> {
    address: &'a str,
    place: &'a Place,
    dataset: &'a str,
    object: &'a Id,
    found: &'a Described,
}

impl Building<'_> {
    /// Lengths of the dataset's own axes: what is inside of an element is no axis of its index.
    fn outer(&self) -> &[u64] {
        let meta = &self.found.meta;
        &meta.shape[..meta.shape.len() - self.found.element.axes.len()]
    }

    /// Bytes of all elements.
    fn bytes(&self) -> u64 {
        crate::grid::element_count(self.outer()).unwrap_or(0) * self.found.element.bytes as u64
    }

    /// Bytes that libhdf5 says the dataset takes.
    fn stored(&self) -> u64 {
        // SAFETY: the identifier is alive.
        unsafe { H5Dget_storage_size(self.object.raw()) }
    }

    /// How the elements are stored, and in how many bytes, where that is known.
    fn kind(&self, raw: &Raw<'_>) -> Result<(Kind, Option<u64>)> {
        match (self.found.layout, &self.found.meta.chunks) {
            (layout, _) if matches!(self.place, Place::Far(_)) && (self.found.external || layout == H5D_layout_t::H5D_VIRTUAL) => {
                let what = "a dataset of a far file whose elements are in other files (external or virtual); copy them to a disk first";
                Err(Error::unsupported(self.address, what))
            }
            _ if self.found.external => {
                self.require_external()?;
                Ok((self.through(0)?, None))
            }
            (H5D_layout_t::H5D_CONTIGUOUS, _) => self.contiguous(raw),
            (H5D_layout_t::H5D_CHUNKED, Some(whole)) => self.chunked(raw, whole),
            (H5D_layout_t::H5D_COMPACT, _) => Ok((self.through(0)?, Some(self.stored()))),
            (H5D_layout_t::H5D_VIRTUAL, _) => Ok((self.through(0)?, None)),
            _ => Err(Error::store(self.address, "the dataset's layout is unknown")),
        }
    }

    /// Refuses elements in other files where one of those is not there, as libhdf5 would look for it.
    fn require_external(&self) -> Result<()> {
        let creation = library::creation(self.address, self.object)?;
        let prefix = std::env::var_os("HDF5_EXTFILE_PREFIX").filter(|prefix| !prefix.is_empty() && prefix != ".");
        for name in library::external_files(self.address, &creation)? {
            let given = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
            let beside = || self.place.path().parent().unwrap_or(Path::new("")).to_path_buf();
            let from = match prefix.as_ref().map(|prefix| prefix.to_string_lossy()) {
                None => PathBuf::new(),
                Some(prefix) => match prefix.strip_prefix("${ORIGIN}") {
                    Some(rest) => beside().join(rest.trim_start_matches('/')),
                    None => PathBuf::from(&*prefix),
                },
            };
            let path = from.join(given);
            if let Err(e) = std::fs::File::open(&path) {
                let what = format!(
                    "its elements are in {}, which cannot be opened: {e}. The name is taken from the working directory; set \
                     HDF5_EXTFILE_PREFIX to where such files are (${{ORIGIN}}: beside the HDF5 file)",
                    path.display()
                );
                return Err(Error::store(self.address, what));
            }
        }
        Ok(())
    }

    /// What libhdf5 alone reads.
    fn through(&self, chunk_bytes: u64) -> Result<Kind> {
        let element = &self.found.element;
        if !element.is_plain() {
            let what = "a field or an array inside of elements, in a dataset that only libhdf5 reads (compact, virtual, external, or a filter \
                        that is not decoded here), is not supported; copy the dataset into chunks first";
            return Err(Error::store(self.address, what));
        }
        Ok(Kind::Through(Through { place: self.place.clone(), dataset: self.dataset.into(), swap: element.of.swap, chunk_bytes }))
    }

    /// Elements that lie one after the other, all of them inside of the file.
    fn contiguous(&self, raw: &Raw<'_>) -> Result<(Kind, Option<u64>)> {
        let bytes = self.bytes();
        // SAFETY: the identifier is alive.
        let at = unsafe { H5Dget_offset(self.object.raw()) };
        // libhdf5 counts the bytes before the superblock with it, also where the data are nowhere
        let is_somewhere = at != UNDEFINED && at.wrapping_sub(raw.base) != UNDEFINED;
        let at = (is_somewhere && bytes > 0).then_some(at);
        if let Some(at) = at
            && at.checked_add(bytes).is_none_or(|end| end > raw.len)
        {
            let what = format!("the data's {bytes} bytes reach past the file's {} bytes (a truncated file?)", raw.len);
            return Err(raw.corrupt(at.wrapping_sub(raw.base), &what));
        }
        Ok((Kind::Contiguous(at), Some(if at.is_some() { bytes } else { 0 })))
    }

    /// Chunks of `whole`, the axes inside of an element included: read here where their filters and their index are understood.
    fn chunked(&self, raw: &Raw<'_>, whole: &[u64]) -> Result<(Kind, Option<u64>)> {
        let (address, Described { element, most, filters, .. }) = (self.address, self.found);
        let (outer, item) = (self.outer(), element.bytes as u64);
        let chunk = &whole[..outer.len()];
        let chunk_bytes = crate::grid::element_count(chunk).and_then(|n| n.checked_mul(item)).and_then(|n| u32::try_from(n).ok());
        let Some(chunk_bytes) = chunk_bytes else {
            return Err(Error::store(
                address,
                format!("chunks {chunk:?} of {item}-byte elements, of 4 GiB or more, are not supported; repack the file with smaller ones"),
            ));
        };
        let pipeline = Pipeline::new(filters, chunk_bytes as usize, item as usize);
        if pipeline.is_none() {
            if let Some(at) = filters::of_another_type(filters, item as usize) {
                let name = filter_names::text(&filters[at..=at]);
                return Err(Error::store(address, format!("is damaged: values of {name} are of no type of {item} bytes")));
            }
            require_filters(address, filters)?;
        }
        if library::has_cache_image(address, self.object)? {
            require_filters(address, filters)?;
            return Ok((self.through(chunk_bytes.into())?, Some(self.stored())));
        }
        let mut counts: Vec<u64> = outer.iter().zip(chunk).map(|(n, c)| n.div_ceil(*c)).collect();
        let counts_max: Vec<u64> = most.iter().zip(chunk).map(|(&n, c)| if n == UNDEFINED { n } else { n.div_ceil(*c) }).collect();
        let layout = header::chunk_layout(raw, library::header_address(address, self.object)?)?;
        let filtered = !filters.is_empty();
        let size_bytes = if filtered { index::size_bytes(raw, &layout, chunk_bytes) } else { 0 };
        index::require(raw, &layout, &counts, &counts_max, size_bytes)?;
        let stored_max = u64::from(chunk_bytes).saturating_mul(2).saturating_add(1 << 16);
        let known = library::known_chunks(address, self.object, (!filtered).then_some(chunk_bytes))?;
        let stored_min = filters::stored_min(filters);
        let grid = Grid { chunk, counts: &counts, counts_max, chunk_bytes, size_bytes, filtered, stored_max, stored_min, known };
        let index = match self.bytes() {
            0 => Some(Index::Dense(Dense::default())),
            _ => index::read(raw, &layout, &grid)?,
        };
        if index.is_none() && stored_min > 0 {
            // it reads a sum of each chunk, however short that is said to be
            let what = "its index holds other chunks than libhdf5 counts (a file that is being written? open it again then)";
            return Err(raw.corrupt(layout.at, what));
        }
        // what libhdf5 reads has an index that was walked all the same: it believes what a damaged one says of its own length
        let (Some(index), Some(pipeline)) = (index, pipeline) else {
            require_filters(address, filters)?;
            return Ok((self.through(chunk_bytes.into())?, Some(known.bytes)));
        };
        let (stored_most, stored) = index.sizes(counts.iter().product());
        counts.extend(element.axes.iter().map(|_| 1));
        let kind = Arc::new(Chunked {
            chunk: whole.to_vec(),
            counts,
            chunk_bytes: chunk_bytes as usize,
            pipeline,
            index,
            plain_edges: layout.plain_edges,
            stored_most,
        });
        Ok((Kind::Chunked(kind), Some(stored)))
    }
}
