//! Addresses as users write them, as text or as paths → a file of some format and what is meant inside.

use super::flat::RawLayout;
use super::reach::near_misses;
use super::remote::{self, FarFile};
use super::sniff::{self, Format};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use std::path::{Path, PathBuf};

/// Where an array is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// `file.h5:/group/x`; an empty dataset stands for the only one.
    Hdf5 {
        /// The file.
        file: PathBuf,
        /// The path inside; behind a `#` a field of its compounds.
        dataset: String,
    },
    /// `dir.zarr:/group/x`; an empty path is the directory itself.
    Zarr {
        /// The outermost directory.
        dir: PathBuf,
        /// The path inside.
        path: String,
    },
    /// `file.nc:/x` in a NetCDF classic file; an empty variable stands for the only one.
    NetCdf {
        /// The file.
        file: PathBuf,
        /// The variable.
        variable: String,
    },
    /// `file.npy`, or `file.npy#field`.
    Npy {
        /// The file.
        file: PathBuf,
        /// A field of its elements; empty for all of each.
        field: String,
    },
    /// `file.npz:/name`; an empty member stands for the only one.
    Npz {
        /// The file.
        file: PathBuf,
        /// The member, without its ending; behind a `#` a field of its elements.
        member: String,
    },
    /// `data.bin?dtype=f4&shape=1000,2000&offset=2048&order=F`, `dtype=>f4` for big-endian.
    Raw {
        /// The file.
        file: PathBuf,
        /// What it holds; `None` where the address does not say (good enough to create one).
        layout: Option<RawLayout>,
    },
}

impl Address {
    pub(super) fn format(&self) -> &'static str {
        match self {
            Address::Hdf5 { .. } => "hdf5",
            Address::Zarr { .. } => "zarr",
            Address::NetCdf { .. } => "netcdf",
            Address::Npy { .. } => "npy",
            Address::Npz { .. } => "npz",
            Address::Raw { .. } => "raw",
        }
    }
    /// The file or outermost directory, and the path inside: empty where there is none.
    pub fn into_parts(self) -> (PathBuf, String) {
        match self {
            Address::Hdf5 { file, dataset: inside }
            | Address::Zarr { dir: file, path: inside }
            | Address::NetCdf { file, variable: inside }
            | Address::Npz { file, member: inside } => (file, inside),
            Address::Npy { file, .. } | Address::Raw { file, .. } => (file, String::new()),
        }
    }
}

/// Endings that are written as HDF5.
pub(super) const HDF5: [&str; 9] = ["h5", "hdf5", "he5", "hdf", "nc", "nc4", "h5ad", "nwb", "nxs"];
const RAW: [&str; 3] = ["bin", "raw", "dat"];
pub(super) const EXPECTED: &str = "expected file.h5:/dataset (.h5 .hdf5 .he5 .nc), dir.zarr or dir.zarr:/group/x, file.npy, file.npz:/name, \
                        or data.bin?dtype=f4&shape=1000,2000&offset=0";
const WRITTEN: &str = "expected file.h5:/dataset (.h5 .hdf5 .he5 .nc), dir.zarr or dir.zarr:/group/x, file.npy, or data.bin";

/// The extension of the last part of a path, in lower case.
pub(super) fn extension(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase()).unwrap_or_default()
}

/// Reads the address of something to read: what stands there decides, and the ending where nothing does.
///
/// # Errors
/// `BadRequest` naming the forms that are understood.
pub fn parse(address: impl AsRef<Path>) -> Result<Address> {
    let address = text(address.as_ref())?;
    if raw(address).is_none()
        && let Some(found) = standing(address)
    {
        return Ok(found);
    }
    by_ending(address)?.ok_or_else(|| unknown(address))
}

/// Reads the address of something to write: the ending decides, and what stands there where it names no format.
///
/// # Errors
/// As [`parse`].
pub fn target(address: impl AsRef<Path>) -> Result<Address> {
    let address = text(address.as_ref())?;
    if let Some(found) = by_ending(address)?.or_else(|| standing(address)) {
        return Ok(found);
    }
    Err(Error::bad_request("address", format!("{address:?}: its ending does not say what is to be written; {WRITTEN}")))
}

/// The file of an address that ends in the layout of a raw file, and the layout. A name inside of a file may have a `?` and a `=` too.
fn raw(address: &str) -> Option<(&str, &str)> {
    let (file, query) = address.rsplit_once('?').filter(|(_, query)| query.contains('='))?;
    let is_inside = || file.match_indices(':').any(|(at, _)| holds_names(&file[..at]).is_some() || standing(&file[..at]).is_some());
    (remote::is_url(address) || Path::new(file).is_file() || !is_inside()).then_some((file, query))
}

/// What a file or directory of this ending is, where there are names inside of it.
pub(super) fn holds_names(file: &str) -> Option<&'static str> {
    match extension(file).as_str() {
        ext if HDF5.contains(&ext) => Some("hdf5"),
        "zarr" => Some("zarr"),
        "npz" => Some("npz"),
        _ => None,
    }
}

/// The file or directory that an address starts with, by its bytes. A colon may be part of its name: the longest path that
/// exists is meant.
fn standing(address: &str) -> Option<Address> {
    if remote::is_url(address) {
        return standing_far(address);
    }
    let cuts = address.match_indices(':').map(|(at, _)| at).rev();
    for cut in std::iter::once(address.len()).chain(cuts) {
        let (path, inside) = (Path::new(&address[..cut]), address.get(cut + 1..).unwrap_or_default());
        let Ok(found) = path.metadata() else { continue };
        return match sniff::format_of(path, &found) {
            Some(Format::Hdf5) => Some(Address::Hdf5 { file: path.into(), dataset: inside.to_string() }),
            Some(Format::Zarr) => Some(Address::Zarr { dir: path.into(), path: inside.to_string() }),
            Some(Format::NetCdf) => Some(Address::NetCdf { file: path.into(), variable: inside.to_string() }),
            Some(Format::Npz) => Some(Address::Npz { file: path.into(), member: inside.to_string() }),
            Some(Format::Npy) if inside.is_empty() => Some(Address::Npy { file: path.into(), field: String::new() }),
            _ => None,
        };
    }
    // A field of a file's elements, where no file has the # in its name.
    let (path, field) = address.rsplit_once('#')?;
    match sniff::format(Path::new(path)).filter(|_| Path::new(path).exists()) {
        Some(Format::Npy) => Some(Address::Npy { file: path.into(), field: field.to_string() }),
        Some(Format::Zarr) => Some(Address::Zarr { dir: path.into(), path: format!("#{field}") }),
        _ => None,
    }
}

/// Whether the address is of something far away, where names are not listed.
pub(super) fn is_far(address: &str) -> bool {
    remote::is_url(address)
}

/// Reads an address by its ending; `None` where that names no format.
///
/// # Errors
/// `BadRequest` for what has no meaning whatever stands there.
fn by_ending(address: &str) -> Result<Option<Address>> {
    let bad = |what: String| Error::bad_request("address", format!("{address:?}: {what}; {EXPECTED}"));
    if address.is_empty() {
        return Err(bad("is empty".into()));
    }
    if remote::is_url(address) {
        return far(address).map(Some);
    }
    if let Some((scheme, _)) = address.split_once("://").filter(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric())) {
        return Err(bad(format!("what is far away is read from {}; {scheme} is unknown", remote::SCHEMES.join(", "))));
    }
    if let Some((file, query)) = raw(address) {
        return Ok(Some(Address::Raw { file: file.into(), layout: Some(raw_layout(query).map_err(bad)?) }));
    }
    // The last colon after a file that has an inside; a colon elsewhere is part of a name.
    let colons: Vec<usize> = address.match_indices(':').map(|(at, _)| at).rev().collect();
    let split = colons.into_iter().find_map(|at| holds_names(&address[..at]).map(|k| (k, &address[..at], &address[at + 1..])));
    let whole = || holds_names(address).map(|k| (k, address, ""));
    match split.or_else(whole) {
        Some(("hdf5", file, inside)) => return Ok(Some(Address::Hdf5 { file: file.into(), dataset: inside.to_string() })),
        Some(("npz", file, inside)) => return Ok(Some(Address::Npz { file: file.into(), member: inside.to_string() })),
        Some((_, dir, inside)) => return Ok(Some(Address::Zarr { dir: dir.into(), path: inside.to_string() })),
        None => {}
    }
    let path = Path::new(address);
    match extension(address).as_str() {
        "npy" => return Ok(Some(Address::Npy { file: path.into(), field: String::new() })),
        ext if RAW.contains(&ext) => return Ok(Some(Address::Raw { file: path.into(), layout: None })),
        _ => {}
    }
    // A path inside a Zarr directory.
    if path.ancestors().skip(1).any(|d| extension(&d.to_string_lossy()) == "zarr") {
        return Ok(Some(Address::Zarr { dir: path.into(), path: String::new() }));
    }
    Ok(None)
}

/// Why nothing can be read at an address whose ending names no format.
fn unknown(address: &str) -> Error {
    let path = Path::new(address);
    const NOTHING: &str = "holds no HDF5, Zarr, NetCDF or NumPy array, and its ending names no format";
    // What is there may be divided from a name inside of it.
    let there = address.match_indices(':').map(|(at, _)| &address[..at]).rfind(|file| Path::new(file).exists());
    let what = match (path.exists(), there) {
        (true, _) => format!("it {NOTHING}"),
        (false, Some(file)) => format!("{file} {NOTHING}"),
        (false, None) => format!("there is no such file, and its ending names no format{}", near_misses(path)),
    };
    Error::bad_request("address", format!("{address:?}: {what}; {EXPECTED}"))
}

/// Where the address of something far away may be divided into a file and what is inside, the last place first.
fn far_splits(address: &str) -> impl Iterator<Item = (&str, &str)> {
    let colons = address.match_indices(':').map(|(at, _)| at).rev();
    colons.filter(|&at| !address[at..].starts_with("://")).map(|at| (&address[..at], &address[at + 1..]))
}

/// The last colon behind an ending divides the address of something far away; without one it is the file's or directory's.
fn far_parts(address: &str) -> (&str, &str) {
    let has_ending = |file: &str| HDF5.iter().chain(&FAR).any(|ending| extension(file) == *ending);
    far_splits(address).find(|(file, _)| has_ending(file)).unwrap_or((address, ""))
}

/// Endings that say what is far away, beside HDF5's.
const FAR: [&str; 4] = ["zarr", "npy", "npz", "zip"];

/// Reads the address of something far away by its ending; what has none is a Zarr directory.
fn far(address: &str) -> Result<Address> {
    let (file, inside) = far_parts(address);
    let ending = extension(file);
    if HDF5.contains(&ending.as_str()) {
        return Ok(Address::Hdf5 { file: file.into(), dataset: inside.to_string() });
    }
    if ["npy", "npz", "zip"].contains(&ending.as_str()) || RAW.contains(&ending.as_str()) {
        return Err(unsupported_far(address, &format!("a .{ending} file")));
    }
    Ok(Address::Zarr { dir: file.into(), path: inside.to_string() })
}

pub(super) fn unsupported_far(address: &str, what: &str) -> Error {
    Error::unsupported(address, format!("{what} that is far away; copy it to a disk first, or convert it to Zarr there"))
}

/// The far HDF5 file that an address starts with, by its bytes, where its ending says nothing. A Zarr directory below one whose name
/// ends in .zarr is not asked for.
fn standing_far(address: &str) -> Option<Address> {
    let (file, _) = far_parts(address);
    let ending = extension(file);
    let known = HDF5.iter().chain(&FAR).chain(&RAW).any(|known| ending == *known);
    if known || address.contains(".zarr/") {
        return None;
    }
    let (file, inside) = far_splits(address).find(|(_, inside)| inside.starts_with('/')).unwrap_or((address, ""));
    let found = FarFile::open(file, address).ok()?;
    (sniff::far_format(&found) == Some(Format::Hdf5)).then(|| Address::Hdf5 { file: file.into(), dataset: inside.to_string() })
}

fn raw_layout(query: &str) -> std::result::Result<RawLayout, String> {
    let (mut dtype, mut shape, mut offset, mut big_endian, mut fortran_order) = (None, None, 0, false, false);
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no key=value"))?;
        match key {
            "dtype" => {
                dtype = Some(DType::parse(value).ok_or_else(|| format!("dtype {value:?} is unknown"))?);
                big_endian |= value.starts_with('>');
            }
            "shape" => {
                let lens = value.split(',').map(str::trim).filter(|t| !t.is_empty());
                let lens = lens.map(|t| t.parse::<u64>().map_err(|_| format!("the length {t:?} of the shape")));
                shape = Some(lens.collect::<std::result::Result<Vec<u64>, String>>()?);
            }
            "offset" => offset = value.parse().map_err(|_| format!("offset {value:?} is no number of bytes"))?,
            "order" => {
                fortran_order = match value {
                    "C" | "c" => false,
                    "F" | "f" => true,
                    other => return Err(format!("order {other:?}, C or F")),
                }
            }
            "endian" => {
                big_endian = match value {
                    "little" => false,
                    "big" => true,
                    other => return Err(format!("endian {other:?}, little or big")),
                }
            }
            other => return Err(format!("{other:?} is unknown; known are dtype, shape, offset, order, endian")),
        }
    }
    let dtype = dtype.ok_or("a raw file needs dtype=")?;
    let shape = shape.ok_or("a raw file needs shape=")?;
    if shape.len() > 64 {
        return Err(format!("{} axes", shape.len()));
    }
    Ok(RawLayout { dtype, shape, offset, big_endian, fortran_order })
}

/// An address as text: users give it as a path or as text.
///
/// # Errors
/// `BadRequest` for one that is no UTF-8.
pub fn text(address: &Path) -> Result<&str> {
    address.to_str().ok_or_else(|| Error::bad_request("address", format!("{}: no UTF-8; {EXPECTED}", address.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_is_understood() {
        let hdf5 = |file: &str, dataset: &str| Address::Hdf5 { file: file.into(), dataset: dataset.into() };
        let zarr = |dir: &str, path: &str| Address::Zarr { dir: dir.into(), path: path.into() };
        for (text, address) in [
            ("a/random.h5:/g/x", hdf5("a/random.h5", "/g/x")),
            ("random.HDF5", hdf5("random.HDF5", "")),
            ("a:b.nc:x", hdf5("a:b.nc", "x")),
            ("x.h5:/odd:name", hdf5("x.h5", "/odd:name")),
            ("x.h5:/a?b=c", hdf5("x.h5", "/a?b=c")),
            ("out.zarr", zarr("out.zarr", "")),
            ("out.zarr:/g/x", zarr("out.zarr", "/g/x")),
            ("out.zarr/g/x", zarr("out.zarr/g/x", "")),
            ("y.npy", Address::Npy { file: "y.npy".into(), field: String::new() }),
            ("d.bin", Address::Raw { file: "d.bin".into(), layout: None }),
        ] {
            assert_eq!(parse(text).unwrap(), address, "{text}");
        }
        let layout = RawLayout { dtype: DType::F32, shape: vec![10, 20], offset: 2048, big_endian: true, fortran_order: true };
        let raw = Address::Raw { file: "d".into(), layout: Some(layout) };
        assert_eq!(parse("d?dtype=>f4&shape=10,20&offset=2048&order=F").unwrap(), raw);
    }

    #[test]
    fn what_stands_at_an_address_decides_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let hdf5_at = |userblock: usize| [vec![7; userblock], b"\x89HDF\r\n\x1a\n".to_vec(), vec![0; 100]].concat();
        for (name, userblock) in [("a.h5ad", 0), ("b.mat", 512), ("c", 1024), ("d.npy", 4096), ("e:f.zarr", 0)] {
            std::fs::write(at(name), hdf5_at(userblock)).unwrap();
            let expected = |dataset: &str| Address::Hdf5 { file: at(name).into(), dataset: dataset.into() };
            assert_eq!(parse(at(name)).unwrap(), expected(""));
            assert_eq!(parse(format!("{}:/g/x:y", at(name))).unwrap(), expected("/g/x:y"));
        }
        std::fs::write(at("n.h5"), b"\x93NUMPY\x01\0").unwrap();
        assert_eq!(parse(at("n.h5")).unwrap(), Address::Npy { file: at("n.h5").into(), field: String::new() });
        for (name, document) in [("z", "zarr.json"), ("y.h5", ".zarray"), ("x", ".zgroup")] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(format!("{}/{document}", at(name)), "{}").unwrap();
            assert_eq!(parse(format!("{}:/a", at(name))).unwrap(), Address::Zarr { dir: at(name).into(), path: "/a".into() });
        }
        // A signature elsewhere is none.
        std::fs::write(at("no"), [vec![7; 100], hdf5_at(0)].concat()).unwrap();
        let message = parse(at("no")).unwrap_err().to_string();
        assert!(message.contains("holds no HDF5, Zarr, NetCDF or NumPy array"), "{message}");
        let message = parse(format!("{}:/x", at("no"))).unwrap_err().to_string();
        assert!(message.contains(&format!("{} holds no HDF5", at("no"))) && !message.contains("no directory"), "{message}");
        // A name inside of a file may look like the layout of a raw one.
        let inside = Address::Hdf5 { file: at("c").into(), dataset: "/x?shape=3".into() };
        assert_eq!(parse(format!("{}:/x?shape=3", at("c"))).unwrap(), inside);
        std::fs::write(at("c:d.bin"), "raw").unwrap();
        assert!(matches!(parse(format!("{}?dtype=u1&shape=3", at("c:d.bin"))).unwrap(), Address::Raw { layout: Some(_), .. }));
        std::fs::write(at("old.nc"), b"CDF\x01\0\0\0\0").unwrap();
        assert_eq!(parse(format!("{}:/t", at("old.nc"))).unwrap(), Address::NetCdf { file: at("old.nc").into(), variable: "/t".into() });
        // What is written is what the ending says.
        assert_eq!(target(at("n.h5")).unwrap(), Address::Hdf5 { file: at("n.h5").into(), dataset: String::new() });
        assert_eq!(target(format!("{}:/x", at("c"))).unwrap(), Address::Hdf5 { file: at("c").into(), dataset: "/x".into() });
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (text, what) in [
            ("", "is empty"),
            ("x.csv", "names no format"),
            ("d.bin?dtype=f4", "needs shape="),
            ("d.bin?dtype=q4&shape=1", "\"q4\" is unknown"),
            ("d.bin?dtype=f4&shape=1,x", "\"x\""),
            ("d.bin?dtype=f4&shape=1&pad=3", "\"pad\" is unknown"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(what) && message.contains("expected file.h5"), "{message}");
        }
    }
}
