//! docs/formats.md: what of HDF5 and NetCDF is read and written, as files of other programs show it here.
//!
//! Each row of the page is a set of cases. It is *read* where every value is that of the other program, *lazy* where a part of an
//! array moves fewer bytes than the whole, *parallel* where values arrive while somebody else holds libhdf5's lock, *written*
//! where h5py reads back what is written here. `UPDATE=1` writes the page.
//!
//! Needs a Python with h5py, hdf5plugin and netCDF4, named by `FLAGSTONE_PYTHON`.

use flagstone::grid::Region;
use flagstone::store::{self, Codec, Create, Store};
use flagstone::{DType, Scalar, View, ViewMut};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const BEGIN: &str = "<!-- begin: tests/formats.rs -->\n";
const END: &str = "<!-- end: tests/formats.rs -->\n";

/// Runs a script of `tests/python`; returns the lines of a file that it wrote.
fn python(script: &str, directory: &Path, told: &str) -> Vec<String> {
    let python = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py; `make test` sets it up");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let ran = Command::new(&python).arg(&script).arg(directory).output().expect("FLAGSTONE_PYTHON should run");
    assert!(ran.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&ran.stderr));
    std::fs::read_to_string(directory.join(told)).unwrap().lines().map(str::to_string).collect()
}

fn dims(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

/// The bytes of `region`, and how many were moved from the file.
fn read(store: &dyn Store, region: &Region) -> flagstone::Result<(Vec<u8>, u64)> {
    let dtype = store.meta().dtype;
    let mut out = vec![0x55; region.elements() as usize * dtype.size()];
    let mut scratch = vec![0; store.scratch_bytes(region) as usize];
    let moved = store.read(region, &mut ViewMut::dense(&mut out, dtype, &dims(&region.shape())), &mut scratch)?;
    Ok((out, moved.stored_bytes))
}

/// Whether a part of the array costs less than all of it.
fn is_lazy(store: &dyn Store) -> bool {
    let shape = &store.meta().shape;
    let one = Region::dense(&vec![0; shape.len()], &vec![1; shape.len()]);
    let cost = |region: &Region| read(store, region).unwrap().1;
    !shape.contains(&0) && cost(&one) < cost(&Region::whole(shape))
}

/// Whether the array is read while libhdf5's lock is held.
fn is_parallel(store: &Arc<dyn Store>) -> bool {
    let (done, arrived) = mpsc::channel();
    let reader = store.clone();
    hdf5::sync::sync(|| {
        std::thread::spawn(move || {
            let _ = done.send(read(&*reader, &Region::whole(&reader.meta().shape)).is_ok());
        });
        arrived.recv_timeout(Duration::from_secs(5)).unwrap_or(false)
    })
}

/// How a feature is written here.
#[derive(Clone, Copy)]
struct Written {
    codec: Option<fn() -> Codec>,
    shuffle: bool,
    checksum: bool,
}

const PLAIN: Written = Written { codec: None, shuffle: false, checksum: false };
const CHUNKS: Written = Written { codec: Some(|| Codec::None), ..PLAIN };
const GZIP: Written = Written { codec: Some(|| Codec::Gzip(4)), ..PLAIN };

/// A row: the feature, which cases show it, and how it is written.
type Row = (&'static str, fn(&str, &str) -> bool, Option<Written>);

const HDF5: &[Row] = &[
    (
        "bool, integers, IEEE floats, complex as `{r, i}`, both byte orders",
        |_, d| d.starts_with("/types/") && !d.contains("enum"),
        Some(PLAIN),
    ),
    ("enumerations, as their integers", |_, d| d.starts_with("/types/enum"), None),
    ("complex numbers of HDF5 2.0", |_, d| d.starts_with("/complex/"), None),
    ("integers of fewer bits, bit fields", |_, d| d.starts_with("/integers/") && !d.ends_with("nbit"), None),
    ("fields of compounds (`file.h5:/table#field`)", |_, d| d.starts_with("/table/"), None),
    ("array datatypes, as further axes", |_, d| d.starts_with("/array/"), None),
    ("scalars and arrays without elements", |_, d| ["/scalar", "/empty"].contains(&d), None),
    ("contiguous layout, attributes, dimension labels", |_, d| d == "/group/with/attributes", Some(PLAIN)),
    ("chunks without filters", |_, d| d == "/plain_chunks", Some(CHUNKS)),
    ("compact layout", |_, d| d == "/compact", None),
    ("virtual datasets", |_, d| d == "/virtual", None),
    (
        "chunks that were never written, grown and shrunk extents",
        |_, d| d.starts_with("/sparse/") || ["/grown", "/shrunk"].contains(&d),
        None,
    ),
    ("chunk index: version 1 B-tree", |f, d| f.starts_with("earliest") && d.starts_with("/resizable/"), Some(CHUNKS)),
    ("chunk index: single chunk", |f, d| f.starts_with("v") && d.starts_with("/resizable/single"), None),
    ("chunk index: implicit", |f, d| f.starts_with("v") && d == "/implicit", None),
    ("chunk index: fixed array", |f, d| f.starts_with("v") && d.starts_with("/long/fixed"), None),
    ("chunk index: extensible array", |f, d| f.starts_with("v") && d.starts_with("/long/extensible"), None),
    ("chunk index: version 2 B-tree", |f, d| f.starts_with("v") && d.starts_with("/long/btree2"), None),
    ("user blocks", |f, _| f.ends_with("-1024.h5"), None),
    ("`libver='latest'` of HDF5 2.0", |f, _| f.starts_with("latest") || f.starts_with("v200"), None),
    ("names with spaces, `:`, `#`, beyond ASCII", |_, d| ["/with space", "/a:b", "/odd#name", "/größe", "/日本"].contains(&d), None),
    ("deflate", |_, d| ["/gzip", "/noise_gzip"].contains(&d), Some(GZIP)),
    ("shuffle", |_, d| d == "/gzip9_shuffle", Some(Written { shuffle: true, ..GZIP })),
    ("fletcher32", |_, d| ["/sum", "/gzip_sum"].contains(&d), Some(Written { checksum: true, ..GZIP })),
    ("lzf", |_, d| d.starts_with("/lzf"), Some(Written { codec: Some(|| Codec::Lzf), ..PLAIN })),
    ("szip", |_, d| d.starts_with("/szip/"), None),
    ("nbit", |_, d| d.starts_with("/integers/") && d.ends_with("nbit"), None),
    ("scaleoffset", |_, d| d == "/scaleoffset", None),
    ("blosc (32001): blosclz, lz4, lz4hc, zlib, zstd", |_, d| d.starts_with("/blosc_"), None),
    ("blosc2 (32026): the same, frames, boxes, delta", |_, d| d.starts_with("/blosc2_"), None),
    ("lz4 (32004)", |_, d| d.starts_with("/lz4_"), None),
    ("bitshuffle (32008): plain, lz4, zstd", |_, d| d.starts_with("/bitshuffle_"), None),
    ("zstd (32015)", |_, d| d.starts_with("/zstd_"), None),
    ("bzip2 (307)", |_, d| d.starts_with("/bzip2_"), None),
    ("chains of these, in any order", |_, d| d.starts_with("/chains/"), None),
];

const NETCDF: &[Row] = &[
    ("NetCDF-4 (HDF5), names of dimensions", |f, _| f == "NETCDF4.nc" || f == "NETCDF4_CLASSIC.nc", None),
    ("CDF-1, fixed variables", |f, d| f == "NETCDF3_CLASSIC.nc" && d.starts_with("/flat"), None),
    ("CDF-2 (64-bit offsets), fixed variables", |f, d| f == "NETCDF3_64BIT_OFFSET.nc" && d.starts_with("/flat"), None),
    ("CDF-5 (64-bit data), fixed variables", |f, d| f == "NETCDF3_64BIT_DATA.nc" && d.starts_with("/flat"), None),
    ("interleaved records, one record variable alone", |f, d| f.starts_with("NETCDF3") && d.starts_with("/record") || f == "one.nc", None),
];

/// Bytes that differ, as f4.
fn values(n: u64) -> Vec<u8> {
    let mut bytes = vec![0; n as usize * 4];
    bytes.chunks_exact_mut(4).enumerate().for_each(|(i, out)| Scalar::Float(i as f64 / 4.0).write(DType::F32, out));
    bytes
}

/// Writes each feature that is written here, and has h5py read all back.
fn write_all(dir: &Path) {
    let attributes = serde_json::json!({"units": "m", "list": [1, 2], "flag": true, "x": 1.5});
    let (shape, data) = (vec![40u64, 60], values(2400));
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (40, 60), }".to_vec();
    npy.resize(127, b' ');
    npy.push(b'\n');
    npy.extend(&data);
    std::fs::write(dir.join("written.npy"), npy).unwrap();
    let mut told = String::new();
    for (i, written) in HDF5.iter().filter_map(|(_, _, written)| *written).enumerate() {
        let create = Create {
            chunks: written.codec.is_some().then(|| vec![32, 32]),
            codec: written.codec.map(|codec| codec()),
            shuffle: written.shuffle,
            checksum: written.checksum,
            attributes: attributes.as_object().unwrap().clone(),
            dimension_names: Some(vec![Some("time".into()), None]),
            ..Create::new(shape.clone(), DType::F32)
        };
        let address = format!("{}:/x{i}", dir.join("written.h5").display());
        let writer = store::create(&address, &create).unwrap();
        let mut scratch = vec![0; writer.scratch_bytes(&shape) as usize];
        writer.write(&Region::whole(&shape), &View::dense(&data, DType::F32, &dims(&shape)), &mut scratch).unwrap();
        writer.commit().unwrap();
        let chunks = if written.codec.is_some() { "32,32" } else { "none" };
        let compression = match create.codec {
            Some(Codec::Gzip(_)) => "gzip",
            Some(Codec::Lzf) => "lzf",
            _ => "none",
        };
        writeln!(told, "written.h5\t/x{i}\twritten.npy\t{chunks}\t{compression}").unwrap();
    }
    std::fs::write(dir.join("written.txt"), told).unwrap();
    python("check_h5.py", dir, "written.txt");
}

/// The rows of one format as a table.
fn table(rows: &[Row], cases: &[(std::path::PathBuf, String)]) -> String {
    let mut out = String::from("| feature | read | write | lazy | parallel |\n|---|---|---|---|---|\n");
    for (feature, shows, written) in rows {
        let mut mine = Vec::new();
        for (dir, line) in cases {
            let parts: Vec<&str> = line.split('\t').collect();
            if shows(parts[0], parts[1]) {
                let npy = std::fs::read(dir.join(parts[2])).unwrap();
                let data = npy[10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]))..].to_vec();
                let address = format!("{}:{}", dir.join(parts[0]).display(), parts[1]);
                let store = store::open(&address).unwrap();
                assert_eq!(read(&*store, &Region::whole(&store.meta().shape)).unwrap().0, data, "{feature}: {line}");
                mine.push(store);
            }
        }
        assert!(!mine.is_empty(), "{feature}: no case");
        let mark = |yes: bool| if yes { "yes" } else { "no" };
        let lazy = mine.iter().any(|store| is_lazy(&**store));
        let parallel = is_parallel(&mine[0]);
        writeln!(out, "| {feature} | yes | {} | {} | {} |", mark(written.is_some()), mark(lazy), mark(parallel)).unwrap();
    }
    out
}

#[test]
fn the_page_says_what_files_show() {
    let dir = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for script in ["make_h5.py", "make_h5_filters.py", "make_h5_types.py", "make_netcdf.py"] {
        let directory = dir.path().join(script);
        std::fs::create_dir(&directory).unwrap();
        cases.extend(python(script, &directory, "cases.txt").into_iter().map(|line| (directory.clone(), line)));
    }
    let (netcdf, hdf5): (Vec<_>, Vec<_>) = cases.into_iter().partition(|(directory, _)| directory.ends_with("make_netcdf.py"));
    write_all(dir.path());
    let section = format!(
        "{BEGIN}\n## HDF5, against h5py and hdf5plugin\n\n{}\nFilters that are not in the table (ZFP, SZ, SZ3, SPERR, JPEG-LS, …) are refused by name, \
         unless HDF5_PLUGIN_PATH has a plugin: then libhdf5 reads them, one call at a time. Strings, references, opaque and \
         variable-length types are refused by name.\n\n## NetCDF, against netCDF4\n\n{}\nText (`char`) is refused by name. \
         `?decode=cf` gives values in place of stored numbers, lazily, in every format with attributes (`tests/stores_netcdf.rs`).\n\n{END}",
        table(HDF5, &hdf5),
        table(NETCDF, &netcdf),
    );
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (start, rest) = text.split_once(BEGIN).expect("docs/formats.md has no place for what tests/formats.rs says");
    let (_, end) = rest.split_once(END).expect("docs/formats.md has no end of what tests/formats.rs says");
    let wanted = format!("{start}{section}{end}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, wanted).unwrap();
    } else {
        assert!(text == wanted, "docs/formats.md is not what files show; UPDATE=1 writes it. Expected:\n{section}");
    }
}
