//! A new dataset, written in parallel: contiguous data by `pwrite`, chunks encoded in Rust and handed to
//! libhdf5 one at a time.
//!
//! A new file is written beside its place and renamed; a dataset of an existing file is written under a
//! hidden name at the root and moved. What is not committed is removed.

use super::attribute_write::{self, Readers};
use super::attributes::Scales;
use super::dimensions::{self, is_netcdf};
use super::filter_names::{DEFLATE, FLETCHER32, LZF, SHUFFLE};
use super::filters::{Pipeline, padded};
use super::library::{self, FilterInfo, Id, Writable, c_string, done, id, sync};
use super::objects;
use super::types::memory_type;
use super::{attributes, header, links, paths};
use crate::error::{Error, Result};
use crate::grid::{Region, element_count};
use crate::store::box_read::{PIECE_BYTES, RUN_BYTES, write_box};
use crate::store::copy_box::{self, advance};
use crate::store::publish::{already_exists, is_left_over, parent, partial_path, partial_start, publish};
use crate::store::{Codec, Create, Writer};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use hdf5_sys::h5d::*;
use hdf5_sys::h5i::H5I_type_t;
use hdf5_sys::h5l::H5Lmove;
use hdf5_sys::h5o::H5Ocopy;
use hdf5_sys::h5p::*;
use hdf5_sys::h5s::{H5S_class_t, H5Screate, H5Screate_simple};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A chunk's bytes when the caller names none.
const CHUNK_BYTES: u64 = 1 << 20;

/// A dataset being written.
#[derive(Debug)]
struct Hdf5Writer {
    address: String,
    /// The file that the user named.
    target: PathBuf,
    /// The dataset's path that the user named.
    dataset: String,
    /// The new file beside the target; `None` when the target existed.
    partial: Option<PathBuf>,
    /// Where the dataset is until commit.
    hidden: String,
    overwrite: bool,
    durable: bool,
    shape: Vec<u64>,
    dtype: DType,
    granule: Vec<u64>,
    data: Data,
    /// For plain writes, and fsync.
    file: File,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
enum Data {
    /// At this byte; nowhere when there are no elements.
    Contiguous(Option<u64>),
    Chunked(Pipeline, usize),
}

/// libhdf5's handles; the dataset is released before its file.
#[derive(Debug)]
struct Open {
    dataset: Id,
    file: Writable,
}

/// Removes what writers of a dataset of this name left at the root when they were killed.
fn remove_left_over(file: &Id, name: &str) {
    let Ok((root, _)) = objects::open_object("", file, "/") else { return };
    let start = partial_start(Path::new(name));
    for name in links::link_names("", &root).unwrap_or_default().iter().filter(|name| is_left_over(name, &start)) {
        library::unlink(file, name);
    }
}

/// Creates `dataset` (`/group/name`) in `file`, which may exist. Groups on the way are made.
///
/// # Errors
/// `Store` when it exists and `overwrite` was not asked for, for dtypes and codecs that HDF5 does not hold,
/// or when the disk fails. Nothing is changed then.
pub fn create(file: &Path, dataset: &str, address: &str, create: &Create) -> Result<Box<dyn Writer>> {
    check_holdable(file, dataset, address, create)?;
    let layout = DatasetLayout::new(address, create)?;
    let begun: Result<Hdf5Writer> = sync(|| {
        // A file that is not there yet is made aside, in one that is there the dataset.
        let exists = file.symlink_metadata().is_ok();
        let partial = (!exists).then(|| partial_path(parent(file), file));
        let hdf5 = match &partial {
            None => library::open_write(address, file)?,
            Some(partial) => library::create_file(address, partial, is_netcdf(file))?,
        };
        match begin(file, partial.as_deref(), &hdf5, dataset, address, create, &layout) {
            Ok((writer, dataset)) => {
                *writer.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Open { dataset, file: hdf5 });
                Ok(writer)
            }
            Err(e) => {
                drop(hdf5);
                if let Some(partial) = &partial {
                    let _ = std::fs::remove_file(partial);
                }
                Err(e)
            }
        }
    });
    Ok(Box::new(begun?))
}

/// Refuses what no HDF5 file holds.
fn check_holdable(file: &Path, dataset: &str, address: &str, create: &Create) -> Result<()> {
    if dataset.trim_matches('/').is_empty() || !dataset.starts_with('/') {
        return Err(Error::store(address, "the dataset has no name; expected FILE:/name or FILE:/group/name"));
    }
    if create.dtype == DType::BF16 {
        return Err(Error::store(address, "HDF5 has no bfloat16; cast to float32, or store as .zarr"));
    }
    if create.dtype == DType::F16 && super::is_netcdf(file) {
        let what = "NetCDF has no float16: libnetcdf takes it for text; cast to float32, or store as .h5 or .zarr";
        return Err(Error::store(address, what));
    }
    if element_count(&create.shape).and_then(|n| n.checked_mul(create.dtype.size() as u64)).is_none_or(|n| n > i64::MAX as u64) {
        return Err(Error::store(address, format!("shape {:?} has more bytes than a file can hold", create.shape)));
    }
    Ok(())
}

/// Makes the dataset in `hdf5`, which is open at `partial`, or at `file` where it was there: then under a hidden name.
fn begin(
    file: &Path,
    partial: Option<&Path>,
    hdf5: &Id,
    dataset: &str,
    address: &str,
    create: &Create,
    layout: &DatasetLayout,
) -> Result<(Hdf5Writer, Id)> {
    check_free(address, hdf5, dataset, create.overwrite, &create.shape)?;
    let name = dataset.trim_end_matches('/');
    let last = name.rsplit('/').next().unwrap_or_default();
    let hidden = if partial.is_none() {
        remove_left_over(hdf5, last);
        format!("/{}", partial_path(Path::new(""), Path::new(last)).display())
    } else {
        name.to_string()
    };
    let names = names_of(file, dataset, address, hdf5, create)?;
    let readers = Readers::of(is_netcdf(file));
    paths::make_above(address, hdf5, &hidden, is_netcdf(file))?;
    let object = layout.create(address, hdf5, &hidden, create)?;
    let opened = fill_in(address, hdf5, &object, create, names.as_deref(), layout, readers).and_then(|data| {
        let plain = File::options().read(true).write(true).open(partial.unwrap_or(file));
        Ok((data, plain.map_err(|e| Error::store_io(address, "opening the file to write", &e))?))
    });
    let (data, plain) = match opened {
        Ok(opened) => opened,
        Err(e) => {
            drop(object);
            library::unlink(hdf5, &hidden);
            return Err(e);
        }
    };
    let writer = Hdf5Writer {
        address: address.into(),
        target: file.into(),
        dataset: name.into(),
        partial: partial.map(Path::to_path_buf),
        hidden,
        overwrite: create.overwrite,
        durable: create.durable,
        shape: create.shape.clone(),
        dtype: create.dtype,
        granule: layout.chunk.clone().unwrap_or_else(|| vec![1; create.shape.len()]),
        data,
        file: plain,
        open: Mutex::new(None),
    };
    Ok((writer, object))
}

/// Refuses a path that is taken for an array of `shape`. By a dimension of NetCDF's without values it is not; what other arrays have as a dimension
/// keeps its length.
fn check_free(address: &str, file: &Id, dataset: &str, overwrite: bool, shape: &[u64]) -> Result<()> {
    if !objects::exists(address, file, dataset)? {
        return Ok(());
    }
    let object = match objects::open_object(address, file, dataset) {
        Ok((_, H5I_type_t::H5I_GROUP)) => {
            return Err(Error::store(address, format!("{dataset} is a group: it is not replaced by a dataset")));
        }
        Ok((object, _)) => object,
        Err(_) if overwrite => return Ok(()),
        Err(_) => return Err(already_exists(address)),
    };
    let is_bare = attributes::is_bare_dimension(address, &object);
    if !overwrite && !is_bare {
        return Err(already_exists(address));
    }
    // SAFETY: the identifier is alive.
    let space = sync(|| id(address, "dataspace", unsafe { H5Dget_space(object.raw()) }));
    let Ok((now, most)) = space.and_then(|space| library::extents(address, &space)) else { return Ok(()) };
    if now != most {
        // One without a limit has as many places as the longest of its arrays.
        return if overwrite { Ok(()) } else { Err(already_exists(address)) };
    }
    if now != shape && (is_bare || attributes::is_used_as_dimension(address, &object)) {
        let what = format!("is a dimension of other arrays, of shape {now:?}; an array of shape {shape:?} cannot take its place");
        return Err(Error::store(address, what));
    }
    Ok(())
}

/// Names of the axes: those that are wanted, else in NetCDF-4 files those of what is replaced by an array of its shape.
fn names_of(file: &Path, dataset: &str, address: &str, hdf5: &Id, create: &Create) -> Result<Option<Vec<Option<String>>>> {
    if create.dimension_names.is_some() || !is_netcdf(file) || !objects::exists(address, hdf5, dataset)? {
        return Ok(create.dimension_names.clone());
    }
    sync(|| {
        let (old, kind) = objects::open_object(address, hdf5, dataset)?;
        // SAFETY: the identifier is alive.
        let space = id(address, "dataspace", unsafe { H5Dget_space(old.raw()) });
        let extents = space.and_then(|space| library::extents(address, &space));
        if kind != H5I_type_t::H5I_DATASET || !extents.is_ok_and(|(shape, _)| shape == create.shape) {
            return Ok(None);
        }
        Ok(attributes::dimension_names(address, &old, create.shape.len(), &mut Scales::default()))
    })
}

/// Attributes, names of axes, and where the data go.
fn fill_in(
    address: &str,
    file: &Id,
    object: &Id,
    create: &Create,
    names: Option<&[Option<String>]>,
    layout: &DatasetLayout,
    readers: Readers,
) -> Result<Data> {
    attribute_write::write(address, object, &create.attributes, &create.attribute_kinds, readers)?;
    if let Some(names) = names.filter(|n| !n.is_empty()) {
        attribute_write::write_dimension_names(address, object, names)?;
    }
    if let Some(pipeline) = &layout.pipeline {
        return Ok(Data::Chunked(pipeline.clone(), layout.chunk_bytes as usize));
    }
    // Addresses are final once the metadata are on disk.
    library::flush(address, file)?;
    // SAFETY: the identifier is alive.
    let at = unsafe { H5Dget_offset(object.raw()) };
    let empty = element_count(&create.shape) == Some(0);
    if at == header::UNDEFINED && !empty {
        return Err(Error::store(address, "libhdf5 did not allocate the data"));
    }
    Ok(Data::Contiguous((!empty).then_some(at)))
}

/// How the dataset will be laid out.
struct DatasetLayout {
    chunk: Option<Vec<u64>>,
    chunk_bytes: u64,
    filters: Vec<FilterInfo>,
    pipeline: Option<Pipeline>,
}

impl DatasetLayout {
    fn new(address: &str, create: &Create) -> Result<DatasetLayout> {
        let (shape, item) = (&create.shape, create.dtype.size() as u64);
        let codec = create.codec.as_ref().unwrap_or(&Codec::None);
        let wanted = create.chunks.is_some() || *codec != Codec::None || create.checksum;
        if let Some(chunks) = create.chunks.as_ref().filter(|c| c.len() != shape.len()) {
            return Err(Error::store(address, format!("chunks {chunks:?} for shape {shape:?}: expected {} lengths", shape.len())));
        }
        let compressor = match codec {
            Codec::None => None,
            Codec::Gzip(level @ 0..=9) => Some((DEFLATE, vec![*level])),
            Codec::Lzf => Some((LZF, vec![])),
            other => {
                return Err(Error::store(
                    address,
                    format!("codec {other}: HDF5 files are written plain, with gzip:0 to gzip:9 or with lzf"),
                ));
            }
        };
        // HDF5 has no chunks of a scalar, and none of no elements.
        if !wanted || shape.is_empty() || shape.contains(&0) {
            return Ok(DatasetLayout { chunk: None, chunk_bytes: 0, filters: Vec::new(), pipeline: None });
        }
        let chunk = create.chunks.clone().unwrap_or_else(|| default_chunk(shape, item));
        let chunk: Vec<u64> = chunk.iter().zip(shape).map(|(&c, &n)| if c == 0 { n } else { c.min(n) }).collect();
        let chunk_bytes = element_count(&chunk).and_then(|n| n.checked_mul(item)).filter(|&n| n < u64::from(u32::MAX));
        let Some(chunk_bytes) = chunk_bytes else {
            return Err(Error::store(address, format!("chunks {chunk:?} of {item}-byte elements: HDF5 allows less than 4 GiB a chunk")));
        };
        let mut filters = Vec::new();
        let mut add = |id, values| filters.push(FilterInfo { id, values, name: String::new() });
        if create.shuffle && item > 1 {
            add(SHUFFLE, vec![item as u32]);
        }
        if let Some((id, values)) = compressor {
            // h5py's filter: its version, liblzf's, the chunk's bytes.
            add(id, if id == LZF { vec![4, 0x0105, chunk_bytes as u32] } else { values });
        }
        if create.checksum {
            add(FLETCHER32, vec![]);
        }
        let pipeline = Pipeline::new(&filters, chunk_bytes as usize, item as usize);
        Ok(DatasetLayout { chunk: Some(chunk), chunk_bytes, filters, pipeline })
    }

    /// Creates the dataset, and groups on the way.
    fn create(&self, address: &str, file: &Id, path: &str, create: &Create) -> Result<Id> {
        /// `H5Z_FLAG_OPTIONAL`: a chunk that a filter cannot make smaller is stored without it.
        const OPTIONAL: u32 = 1;
        let name = c_string(address, path)?;
        let datatype = memory_type(address, create.dtype)?;
        let fill = create.fill_bytes(address)?;
        // SAFETY: identifiers are alive and the lock is held; slices have the lengths that are passed.
        sync(|| unsafe {
            let space = if create.shape.is_empty() {
                H5Screate(H5S_class_t::H5S_SCALAR)
            } else {
                H5Screate_simple(create.shape.len() as i32, create.shape.as_ptr(), std::ptr::null())
            };
            let space = id(address, "dataspace", space)?;
            let list = id(address, "creation properties", H5Pcreate(*H5P_CLS_DATASET_CREATE))?;
            // Equal arrays make equal files.
            done(address, "times", H5Pset_obj_track_times(list.raw(), 0))?;
            if create.fill.is_some() {
                done(address, "fill value", H5Pset_fill_value(list.raw(), datatype.raw(), fill.as_ptr().cast()))?;
            }
            if let Some(chunk) = &self.chunk {
                done(address, "chunks", H5Pset_chunk(list.raw(), chunk.len() as i32, chunk.as_ptr()))?;
                for filter in &self.filters {
                    let set = match filter.id {
                        SHUFFLE => H5Pset_shuffle(list.raw()),
                        DEFLATE => H5Pset_deflate(list.raw(), filter.values[0]),
                        FLETCHER32 => H5Pset_fletcher32(list.raw()),
                        other => H5Pset_filter(list.raw(), other, OPTIONAL, filter.values.len(), filter.values.as_ptr()),
                    };
                    done(address, "filters", set)?;
                }
            } else {
                done(address, "allocation", H5Pset_alloc_time(list.raw(), H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY))?;
                done(address, "allocation", H5Pset_fill_time(list.raw(), H5D_fill_time_t::H5D_FILL_TIME_NEVER))?;
            }
            let links = paths::link_creation(address)?;
            id(
                address,
                "creating the dataset",
                H5Dcreate2(file.raw(), name.as_ptr(), datatype.raw(), space.raw(), links.raw(), list.raw(), library::DEFAULT),
            )
        })
    }
}

/// Halves the longest axis until a chunk has at most [`CHUNK_BYTES`].
fn default_chunk(shape: &[u64], item: u64) -> Vec<u64> {
    let mut chunk = shape.to_vec();
    while element_count(&chunk).unwrap_or(u64::MAX).saturating_mul(item) > CHUNK_BYTES {
        let Some(longest) = chunk.iter_mut().max_by_key(|n| **n) else { break };
        *longest = longest.div_ceil(2);
    }
    chunk
}

impl Hdf5Writer {
    fn check(&self, region: &Region, data: &View<'_>) -> Result<()> {
        let rank = region.0.len() == self.shape.len();
        let cuts = rank
            && region.0.iter().zip(&self.shape).zip(&self.granule).all(|((s, n), g)| {
                s.stop() <= *n && (s.step == 1 || s.len <= 1) && s.start % g == 0 && (s.stop() % g == 0 || s.stop() == *n)
            });
        let same = data.shape().iter().map(|&n| n as u64).eq(region.shape()) && data.dtype() == self.dtype;
        if cuts && same {
            return Ok(());
        }
        Err(Error::bad_request(
            "write",
            format!(
                "{} {:?} at {region} of {}: expected whole chunks {:?} of {} {:?}",
                data.dtype(),
                data.shape(),
                self.address,
                self.granule,
                self.dtype,
                self.shape
            ),
        ))
    }

    fn write_chunks(&self, pipeline: &Pipeline, chunk_bytes: usize, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        let whole: Vec<usize> = self.granule.iter().map(|&g| g as usize).collect();
        let strides = dense_strides(&whole, self.dtype.size());
        let counts: Vec<usize> = region.0.iter().zip(&self.granule).map(|(s, g)| s.len.div_ceil(*g) as usize).collect();
        let (chunk, work) = scratch.split_at_mut(padded(chunk_bytes));
        let chunk = &mut chunk[..chunk_bytes];
        let mut place = vec![0; counts.len()];
        let mut stored = 0;
        loop {
            let start: Vec<usize> = place.iter().zip(&whole).map(|(i, g)| i * g).collect();
            let shape: Vec<usize> = start.iter().zip(&whole).zip(data.shape()).map(|((s, g), n)| (*g).min(n - s)).collect();
            if shape != whole {
                chunk.fill(0);
            }
            copy_box::copy(
                &data.part(&start, &shape),
                &mut ViewMut::strided(chunk, self.dtype, &shape, &strides, 0),
                cfg!(target_endian = "big"),
            );
            let (bytes, mask) = if pipeline.is_empty() { (&*chunk, 0) } else { pipeline.encode(chunk, work) };
            let at: Vec<u64> = region.0.iter().zip(&start).map(|(s, &i)| s.start + i as u64).collect();
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(open) = open.as_ref() else { return Err(self.closed()) };
            // SAFETY: the identifier is alive; `at` has an offset an axis, `bytes` the length that is passed.
            sync(|| {
                let wrote =
                    unsafe { H5Dwrite_chunk(open.dataset.raw(), library::DEFAULT, mask, at.as_ptr(), bytes.len(), bytes.as_ptr().cast()) };
                done(&self.address, &format!("writing the chunk at {at:?}"), wrote)
            })?;
            stored += bytes.len() as u64;
            if !advance(&mut place, &counts) {
                return Ok(stored);
            }
        }
    }

    fn closed(&self) -> Error {
        Error::internal(format!("{}: used after commit", self.address))
    }

    /// Moves the hidden dataset to its name, and what stood there away, under the library's lock: no other thread sees it half done.
    fn reveal(&self, file: &Id, hidden: &str) -> Result<()> {
        let address = &self.address;
        check_free(address, file, &self.dataset, self.overwrite, &self.shape)?;
        let replaced = objects::exists(address, file, &self.dataset)?;
        if replaced && is_netcdf(&self.target) {
            let (old, new) = (objects::open_object(address, file, &self.dataset)?.0, objects::open_object(address, file, hidden)?.0);
            dimensions::detach(address, &old, &new)?;
        }
        paths::make_above(address, file, &self.dataset, is_netcdf(&self.target))?;
        let (from, to) = (c_string(address, hidden)?, c_string(address, &self.dataset)?);
        let aside_name = format!("{hidden}-old");
        let aside = c_string(address, &aside_name)?;
        let links = paths::link_creation(address)?;
        let rename = |from: &std::ffi::CStr, to: &std::ffi::CStr| {
            // SAFETY: identifiers are alive and names outlive the call.
            let renamed = unsafe { H5Lmove(file.raw(), from.as_ptr(), file.raw(), to.as_ptr(), links.raw(), library::DEFAULT) };
            done(address, "naming the dataset", renamed)
        };
        if replaced {
            rename(&to, &aside)?;
        }
        if let Err(e) = rename(&from, &to) {
            if replaced {
                rename(&aside, &to)?;
            }
            return Err(e);
        }
        if replaced {
            library::unlink(file, &aside_name);
        }
        library::flush(address, file)
    }

    /// Another file has come to the target since this one was begun: the dataset is copied into it.
    fn join(&self, partial: &Path) -> Result<()> {
        let address = &self.address;
        let hidden = format!("/{}", partial_path(Path::new(""), Path::new("joined")).display());
        let (from, to) = (c_string(address, &self.dataset)?, c_string(address, &hidden)?);
        sync(|| {
            let source = library::open_read(address, partial)?;
            let target = library::open_write(address, &self.target)?;
            // SAFETY: identifiers are alive; names outlive the call.
            let copied = unsafe { H5Ocopy(source.raw(), from.as_ptr(), target.raw(), to.as_ptr(), library::DEFAULT, library::DEFAULT) };
            let shown =
                done(address, "copying the dataset into the file that came meanwhile", copied).and_then(|()| self.reveal(&target, &hidden));
            if shown.is_err() {
                library::unlink(&target, &hidden);
            }
            shown
        })?;
        if self.durable {
            File::open(&self.target).and_then(|f| f.sync_all()).map_err(|e| Error::store_io(address, "fsync", &e))?;
        }
        Ok(())
    }
}

impl Writer for Hdf5Writer {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    fn run_bytes(&self) -> u64 {
        if let Data::Contiguous(_) = self.data { RUN_BYTES } else { 0 }
    }
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        match &self.data {
            Data::Contiguous(_) => element_count(shape).unwrap_or(u64::MAX).saturating_mul(self.dtype.size() as u64).min(PIECE_BYTES),
            Data::Chunked(pipeline, chunk_bytes) => padded(*chunk_bytes) as u64 + pipeline.encode_scratch(),
        }
    }
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64> {
        self.check(region, data)?;
        if region.elements() == 0 {
            return Ok(0);
        }
        if (scratch.len() as u64) < self.scratch_bytes(&region.shape()) {
            return Err(Error::internal(format!("{}: {} bytes of scratch are too few", self.address, scratch.len())));
        }
        match &self.data {
            Data::Chunked(pipeline, chunk_bytes) => self.write_chunks(pipeline, *chunk_bytes, region, data, scratch),
            Data::Contiguous(None) => Ok(0),
            Data::Contiguous(Some(base)) => write_box(&self.file, *base, &self.shape, region, data, scratch)
                .map_err(|e| Error::store_io(&self.address, &format!("writing {region}"), &e)),
        }
    }
    fn commit(&self) -> Result<()> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { dataset, file }) = slot.take() else { return Err(self.closed()) };
        let address = &self.address;
        let fsync = || {
            if self.durable { self.file.sync_all().map_err(|e| Error::store_io(address, "fsync", &e)) } else { Ok(()) }
        };
        let Some(partial) = &self.partial else {
            drop(dataset);
            let shown = sync(|| self.reveal(&file, &self.hidden));
            if shown.is_err() {
                library::unlink(&file, &self.hidden);
            }
            drop(file);
            shown?;
            return fsync();
        };
        let finished = library::flush(address, &file);
        drop(dataset);
        drop(file);
        let shown = finished.and_then(|()| fsync()).and_then(|()| {
            if self.target.symlink_metadata().is_ok() {
                return self.join(partial);
            }
            match publish(address, partial, &self.target, false, self.durable) {
                Err(_) if self.target.symlink_metadata().is_ok() => self.join(partial),
                other => other,
            }
        });
        let _ = std::fs::remove_file(partial);
        shown
    }
}

impl Drop for Hdf5Writer {
    fn drop(&mut self) {
        let slot = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { dataset, file }) = slot.take() else { return };
        drop(dataset);
        match &self.partial {
            Some(partial) => {
                drop(file);
                let _ = std::fs::remove_file(partial);
            }
            None => {
                library::unlink(&file, &self.hidden);
                let _ = library::flush(&self.address, &file);
            }
        }
    }
}
