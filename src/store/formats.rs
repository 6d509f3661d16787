//! What an address means → the format that opens, makes, lists or finds it: the one place that asks which format it is.

use super::address::{Address, EXPECTED, HDF5, extension, parse, target, text, unsupported_far};
use super::extent::Extent;
use super::flat::{self, RawLayout};
use super::on_disk::{OnDisk, Opener};
use super::publish;
use super::reach::open_file;
use super::remote::{self, FarFile};
use super::sniff::{self, Format};
use super::{AttributeKinds, Create, Node, Store, Writer, hdf5, netcdf, zarr};
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Opens the array at the address of one.
///
/// # Errors
/// `BadRequest` for an address that names no format, `Store` for what is missing (with what is near) or
/// corrupt, `Unsupported` for what the format can hold and this version cannot read.
pub(super) fn open_one(address: &str) -> Result<Arc<dyn Store>> {
    let parsed = parse(address)?;
    let files = files(&parsed);
    if files.iter().any(|file| remote::url(file).is_some()) {
        return open_as_it_is(address);
    }
    let (holds_places, may_grow): (bool, fn(&Path) -> bool) = match parsed {
        Address::Hdf5 { .. } => (true, hdf5::may_grow),
        // Files of chunks come and go under a document that is watched.
        Address::Zarr { dir, .. } => (dir.is_file(), |_| false),
        _ => (true, |_| false),
    };
    Ok(Arc::new(OnDisk::open(address, files, Opener { open: open_as_it_is, holds_places, may_grow })?))
}

/// The same, of files that nobody watches.
fn open_as_it_is(address: &str) -> Result<Arc<dyn Store>> {
    match parse(address)? {
        Address::Hdf5 { file, dataset } => {
            require_file(&file, address)?;
            let dataset = if dataset.trim_matches('/').is_empty() { only_dataset(&file, address)? } else { dataset };
            hdf5::open(&file, &dataset, address)
        }
        Address::Zarr { dir, path } => zarr::open(&dir, &path, address),
        Address::NetCdf { file, variable } => netcdf::open(&file, &variable, address),
        Address::Npy { file, field } => Ok(flat::open_npy(&file, named(&field), address)?),
        Address::Npz { file, member } => {
            require_file(&file, address)?;
            flat::open_npz(&file, &member, address)
        }
        Address::Raw { file, layout: Some(layout) } => Ok(flat::open_raw(&file, &layout, address)?),
        Address::Raw { .. } => Err(Error::bad_request("address", format!("{address:?}: a raw file needs ?dtype= and &shape=; {EXPECTED}"))),
    }
}

/// Shape, dtype, chunks and codec of the array at the address of one; of an HDF5 file nothing else is read.
///
/// # Errors
/// As [`open_one`].
pub fn extent(address: impl AsRef<Path>) -> Result<Extent> {
    let address = text(address.as_ref())?;
    let parsed = parse(address)?;
    let format = parsed.format();
    match parsed {
        Address::Hdf5 { file, dataset } if !dataset.trim_matches('/').is_empty() => {
            if remote::url(&file).is_some() {
                require_file(&file, address)?;
            }
            hdf5::extent(&file, &dataset, address)
        }
        _ => open_one(address).map(|store| Extent::of(&*store, format)),
    }
}

/// The files that change when somebody writes the array anew: of a Zarr array those of its metadata.
fn files(address: &Address) -> Vec<PathBuf> {
    match address {
        Address::Hdf5 { file, .. }
        | Address::NetCdf { file, .. }
        | Address::Npy { file, .. }
        | Address::Npz { file, .. }
        | Address::Raw { file, .. } => vec![file.clone()],
        Address::Zarr { dir, .. } if dir.is_file() => vec![dir.clone()],
        Address::Zarr { dir, path } => {
            let path = path.trim_matches('/');
            // behind a # may stand a field
            let whole = path.rsplit_once('#').map_or(path, |(whole, _)| if dir.join(path).exists() { path } else { whole });
            let array = dir.join(whole);
            ["zarr.json", ".zarray", ".zattrs"].iter().map(|name| array.join(name)).collect()
        }
    }
}

/// What changes when somebody writes the file of the array at `plain` anew, under the name `address`: the length and time of the file, of a
/// Zarr array those of its metadata. Chunks that were changed under the same metadata are not seen.
///
/// # Errors
/// As [`parse`].
pub(super) fn version_of_one(address: &str, plain: &str) -> Result<String> {
    let files = files(&parse(plain)?);
    let mut version = address.to_string();
    for url in files.iter().filter_map(|file| remote::url(file)).filter(|url| HDF5.contains(&extension(url).as_str())) {
        version.push_str(&format!(" ({})", FarFile::open(url, address)?.state()));
    }
    for found in files.iter().filter_map(|file| file.metadata().ok()) {
        let time = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        version.push_str(&format!(" ({} bytes of {} ns)", found.len(), time.as_nanos()));
    }
    Ok(version)
}

/// Whether there is something, aside of the Zarr array at this address, of a writer that was stopped.
pub fn is_begun(address: impl AsRef<Path>) -> bool {
    let Ok(address) = text(address.as_ref()) else { return false };
    match target(address) {
        Ok(Address::Zarr { dir, path }) if !remote::is_url(address) => {
            let array = dir.join(path.trim_matches('/'));
            !publish::left_over(publish::parent(&array), &array).is_empty()
        }
        _ => false,
    }
}

/// Maps a `.npy` or raw file: a read-only array without a copy.
///
/// # Errors
/// `BadRequest` for other formats, otherwise as [`open`](crate::store::open).
pub fn map(address: impl AsRef<Path>) -> Result<flat::Mapped> {
    let address = text(address.as_ref())?;
    match parse(address)? {
        Address::Npy { file, field } => flat::open_npy(&file, named(&field), address)?.map(),
        Address::Raw { file, layout: Some(layout) } => flat::open_raw(&file, &layout, address)?.map(),
        _ => Err(Error::bad_request("map", format!("{address:?}: only .npy and raw files can be mapped"))),
    }
}

fn named(field: &str) -> Option<&str> {
    Some(field).filter(|field| !field.is_empty())
}

/// Refuses what is no file; of what is far away also what is of another format than HDF5.
fn require_file(file: &Path, address: &str) -> Result<()> {
    let Some(url) = remote::url(file) else { return open_file(file, address).map(drop) };
    match sniff::far_format(&*FarFile::open(url, address)?) {
        Some(Format::NetCdf) => Err(unsupported_far(address, "a NetCDF classic file")),
        Some(Format::Npy | Format::Npz) => Err(unsupported_far(address, "a file of NumPy")),
        _ => Ok(()),
    }
}

/// Refuses to write an HDF5 file far away.
fn require_near(file: &Path, address: &str) -> Result<()> {
    match remote::url(file) {
        None => Ok(()),
        Some(_) => Err(Error::unsupported(
            address,
            "an HDF5 file that is far away is read, not written; write Zarr there (s3:// and gs:// are written), or a file on a disk and copy it",
        )),
    }
}

fn only_dataset(file: &Path, address: &str) -> Result<String> {
    let arrays = hdf5::tree(file, "", address)?.arrays();
    match &arrays[..] {
        [only] => Ok(only.clone()),
        [] => Err(Error::store(address, "holds no dataset")),
        many => {
            let shown = many.iter().take(12).map(|name| format!("{}:{name}", file.display()));
            let more = if many.len() > 12 { format!(" and {} more", many.len() - 12) } else { String::new() };
            let shown = shown.collect::<Vec<_>>().join(", ");
            Err(Error::store(address, format!("holds {} datasets; choose one: {shown}{more}", many.len())))
        }
    }
}

/// The dataset that is written where none is named.
fn written(dataset: String) -> String {
    if dataset.trim_matches('/').is_empty() { "/x".to_string() } else { dataset }
}

/// Starts an array at an address.
///
/// # Errors
/// `BadRequest` for an address or a `create` that cannot be, `Store` where something stands that may not be
/// replaced.
pub fn create(address: impl AsRef<Path>, create: &Create) -> Result<Box<dyn Writer>> {
    let address = text(address.as_ref())?;
    let target = target(address)?;
    if create.shards.is_some() && !matches!(target, Address::Zarr { .. }) {
        return Err(Error::bad_request(address, "shards need Zarr version 3"));
    }
    match target {
        Address::Hdf5 { file, dataset } => {
            require_near(&file, address)?;
            hdf5::create(&file, &written(dataset), address, create)
        }
        Address::Zarr { dir, path } => zarr::create(&dir, &path, address, create),
        Address::NetCdf { .. } => Err(Error::unsupported(
            address,
            "NetCDF classic files are read, not written; name a file that is not there, which becomes NetCDF-4",
        )),
        Address::Npy { file, field } if field.is_empty() => flat::create_npy(&file, address, create),
        Address::Npy { .. } => Err(Error::unsupported(address, "a field of .npy is read, not written; write an array of its own")),
        Address::Npz { .. } => Err(Error::unsupported(address, ".npz files are read, not written; write .npy, or .zarr for many arrays")),
        Address::Raw { file, layout } => {
            let wanted = RawLayout::new(create.dtype, create.shape.clone());
            if let Some(layout) = layout.filter(|layout| *layout != wanted) {
                return Err(Error::bad_request("address", format!("{address:?} says {layout}, what is written is {wanted}")));
            }
            flat::create_raw(&file, address, create)
        }
    }
}

/// Refuses addresses of which two are one, or one lies inside of the other: both cannot be written.
///
/// # Errors
/// `BadRequest` naming two.
pub(crate) fn require_apart(addresses: &[&Path]) -> Result<()> {
    let place = |address: &&Path| -> Result<(PathBuf, String)> {
        let address = text(address)?;
        let (file, inside) = match target(address)? {
            Address::Hdf5 { file, dataset } => (file, written(dataset)),
            other => other.into_parts(),
        };
        let inside = inside.trim_matches('/');
        Ok((
            if inside.is_empty() { file } else { file.join(inside) }.components().filter(|part| *part != Component::CurDir).collect(),
            address.to_string(),
        ))
    };
    let mut places = addresses.iter().map(place).collect::<Result<Vec<_>>>()?;
    places.sort();
    for pair in places.windows(2) {
        if pair[1].0.starts_with(&pair[0].0) {
            let what = format!("{:?} and {:?} are one address, or one lies inside of the other", pair[0].1, pair[1].1);
            return Err(Error::bad_request("store", what));
        }
    }
    Ok(())
}

/// A writer as [`create`] makes one, in `directory` instead of at the address: for what its writes take. Nothing stands at the address
/// then, and what stands there is not looked at.
///
/// # Errors
/// As [`create`].
pub(crate) fn rehearse(address: &str, directory: &Path, create: &Create) -> Result<Box<dyn Writer>> {
    let name = match target(address)? {
        Address::Hdf5 { .. } => "x.h5:/x".to_string(),
        Address::Zarr { .. } => "x.zarr".to_string(),
        Address::Npy { field, .. } if field.is_empty() => "x.npy".to_string(),
        Address::Raw { .. } => format!("x.raw?{}", RawLayout::new(create.dtype, create.shape.clone())),
        // what says why it is not written
        _ => return self::create(address, create),
    };
    self::create(directory.join(name), &Create { overwrite: true, resume: false, ..create.clone() })
}

/// Makes a group at an address, and what is missing above it; attributes of the same names are replaced. `kinds` says what their JSON
/// does not, and `zarr_version` is that of a Zarr group that is not there yet.
///
/// # Errors
/// `BadRequest` for an address of a format without groups, `Store` where an array stands or the disk fails.
pub fn create_group(address: impl AsRef<Path>, attributes: &Map<String, Value>, kinds: &AttributeKinds, zarr_version: u8) -> Result<()> {
    let address = text(address.as_ref())?;
    match target(address)? {
        Address::Hdf5 { file, dataset } => {
            require_near(&file, address)?;
            hdf5::create_group(&file, &dataset, address, attributes, kinds)
        }
        Address::Zarr { dir, path } => zarr::create_group(&dir, &path, address, (attributes, kinds), zarr_version),
        _ => Err(Error::bad_request("address", format!("{address:?} can hold one array and no group; .zarr and .h5 can"))),
    }
}

/// In NetCDF-4 files, named by their ending, makes dimensions of the names of axes, so that arrays share them: what programs for NetCDF know
/// axes by. Axes of the arrays at `addresses` that have no name are called `dim_0` and so on. Of other formats nothing is to be done. It is
/// called once, when all arrays are there; `durable`: then what it wrote is on the disk.
///
/// # Errors
/// `Store` when a file cannot be written.
pub fn share_dimensions<T: AsRef<Path>>(addresses: &[T], durable: bool) -> Result<()> {
    let mut files: BTreeMap<PathBuf, (&str, Vec<String>)> = BTreeMap::new();
    for address in addresses {
        let address = text(address.as_ref())?;
        match target(address)? {
            Address::Hdf5 { file, dataset } if hdf5::is_netcdf(&file) => {
                require_near(&file, address)?;
                files.entry(file).or_insert_with(|| (address, Vec::new())).1.push(written(dataset));
            }
            _ => {}
        }
    }
    for (file, (address, datasets)) in files {
        hdf5::share_dimensions(&file, &datasets, address)?;
        if durable {
            fs::File::open(&file).and_then(|file| file.sync_all()).map_err(|e| Error::store_io(address, "fsync", &e))?;
        }
    }
    Ok(())
}

/// The groups and arrays at the address of one file: the array alone, or the group with all that is below.
///
/// # Errors
/// As [`open_one`].
pub(super) fn tree_of_one(address: &str) -> Result<Node> {
    match parse(address)? {
        Address::Hdf5 { file, dataset } => {
            require_file(&file, address)?;
            hdf5::tree(&file, &dataset, address)
        }
        Address::Zarr { dir, path } => zarr::tree(&dir, &path, address),
        Address::NetCdf { file, variable } => netcdf::tree(&file, &variable, address),
        Address::Npz { file, member } => {
            require_file(&file, address)?;
            flat::npz_tree(&file, &member, address)
        }
        Address::Npy { .. } | Address::Raw { .. } => {
            let meta = open_one(address)?.meta().clone();
            Ok(Node { attributes: meta.attributes.clone(), meta: Some(meta), ..Node::new(String::new()) })
        }
    }
}

/// Whether there is an array (or a group of arrays) at an address.
pub fn exists(address: impl AsRef<Path>) -> bool {
    let Ok(address) = text(address.as_ref()) else { return false };
    match parse(address) {
        Ok(Address::Hdf5 { file, dataset }) => {
            let dataset = format!("/{}", dataset.trim_matches('/'));
            let near = remote::url(&file).is_none();
            if near && (dataset == "/" || !file.is_file()) { file.is_file() } else { hdf5::exists(&file, &dataset, address) }
        }
        Ok(Address::Zarr { dir, path }) => zarr::exists(&dir, &path),
        Ok(Address::NetCdf { file, variable }) => variable.trim_matches('/').is_empty() || netcdf::exists(&file, &variable, address),
        Ok(Address::Npz { file, member }) => file.is_file() && flat::npz_exists(&file, &member),
        Ok(Address::Npy { file, .. } | Address::Raw { file, .. }) => file.is_file(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        fs::write(at("old.nc"), b"CDF\x01\0\0\0\0").unwrap();
        let message = open_one(&format!("{}:/t", at("old.nc"))).unwrap_err().to_string();
        assert!(message.contains("NetCDF classic file: the header is cut short"), "{message}");
        let message = open_one(&at("none/deeper/x.h5")).unwrap_err().to_string();
        assert!(message.contains(&format!("there is no directory {}", at("none"))) && !message.contains("either"), "{message}");
    }
}
