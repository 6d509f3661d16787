//! docs/formats.md: what of HDF5, NetCDF, Zarr and NumPy's files is read and written, as files of other programs show it here.
//!
//! Each row of the page is a set of cases. It is *read* where every value is that of the other program, *lazy* where a part of an
//! array moves fewer bytes than the whole, *parallel* where values arrive while somebody else holds libhdf5's lock, *written*
//! where h5py or zarr-python reads back what is written here. `UPDATE=1` writes the page.
//!
//! Needs a Python with h5py, hdf5plugin, netCDF4 and zarr, named by `FLAGSTONE_PYTHON`.

use flagstone::convert::{Options, Plan};
use flagstone::grid::Region;
use flagstone::store::{self, Codec, Create, Store};
use flagstone::{DType, Runtime, Scalar, View, ViewMut};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const BEGIN: &str = "<!-- begin: tests/formats.rs -->\n";
const END: &str = "<!-- end: tests/formats.rs -->\n";

/// Runs a script of `tests/python`; its output.
fn run_python(script: &str, directory: &Path) -> String {
    let python = std::env::var_os("FLAGSTONE_PYTHON").expect("FLAGSTONE_PYTHON must name a Python with h5py; `make test` sets it up");
    let script = Path::new("tests/python").join(script);
    let ran = Command::new(&python).args(["-W", "ignore"]).arg(&script).arg(directory).output().expect("FLAGSTONE_PYTHON should run");
    assert!(ran.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Runs a script of `tests/python`; returns the lines of a file that it wrote.
fn python(script: &str, directory: &Path, told: &str) -> Vec<String> {
    run_python(script, directory);
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
    ("floats of fewer bits, where a dtype has all their values", |_, d| d.starts_with("/floats/") && !d.ends_with("nbit"), None),
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
    ("nbit", |_, d| (d.starts_with("/integers/") || d.starts_with("/floats/")) && d.ends_with("nbit"), None),
    ("scaleoffset", |_, d| d.starts_with("/scaleoffset/"), None),
    ("blosc (32001): blosclz, lz4, lz4hc, zlib, zstd", |_, d| d.starts_with("/blosc_"), None),
    ("blosc2 (32026): the same, frames, boxes, delta", |_, d| d.starts_with("/blosc2_"), None),
    ("lz4 (32004)", |_, d| d.starts_with("/lz4_"), None),
    ("bitshuffle (32008): plain, lz4, zstd", |_, d| d.starts_with("/bitshuffle_"), None),
    ("zstd (32015)", |_, d| d.starts_with("/zstd_"), None),
    ("bzip2 (307)", |_, d| d.starts_with("/bzip2_"), None),
    ("chains of these, in any order", |_, d| d.starts_with("/chains/"), None),
];

const NETCDF: &[Row] = &[
    ("NetCDF-4 (HDF5), names of dimensions", |f, _| f == "NETCDF4.nc" || f == "NETCDF4_CLASSIC.nc", Some(PLAIN)),
    ("CDF-1, fixed variables", |f, d| f == "NETCDF3_CLASSIC.nc" && d.starts_with("/flat"), None),
    ("CDF-2 (64-bit offsets), fixed variables", |f, d| f == "NETCDF3_64BIT_OFFSET.nc" && d.starts_with("/flat"), None),
    ("CDF-5 (64-bit data), fixed variables", |f, d| f == "NETCDF3_64BIT_DATA.nc" && d.starts_with("/flat"), None),
    ("interleaved records, one record variable alone", |f, d| f.starts_with("NETCDF3") && d.starts_with("/record") || f == "one.nc", None),
];

/// How a feature of Zarr is written here.
#[derive(Clone, Copy)]
struct ZarrWritten {
    version: u8,
    codec: fn() -> Codec,
    shards: bool,
    checksum: bool,
}

const V3: ZarrWritten = ZarrWritten { version: 3, codec: || Codec::None, shards: false, checksum: false };

fn blosc() -> Codec {
    Codec::Blosc { inner: "zstd".into(), level: 5 }
}

/// A row of Zarr: the feature, which files show it, and how it is written.
type ZarrRow = (&'static str, fn(&str) -> bool, Option<ZarrWritten>);

/// Whether a file is one of these.
fn among(file: &str, names: &[&str]) -> bool {
    names.iter().any(|name| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('_')))
}

const ZARR: &[ZarrRow] = &[
    ("v3: bool, integers, IEEE floats, complex", |f| DTYPES.iter().any(|dtype| among(f, &[&format!("v3_{dtype}")])), Some(V3)),
    (
        "v2: the same, both byte orders",
        |f| f.starts_with("v2_big") || DTYPES.iter().any(|dtype| among(f, &[&format!("v2_{dtype}")])),
        Some(ZarrWritten { version: 2, ..V3 }),
    ),
    (
        "v3: `bytes` of both orders, or without one (little), `transpose`",
        |f| f.starts_with("v3_big") || f.starts_with("v3_transpose") || f.contains("endian"),
        None,
    ),
    ("v2: order F", |f| among(f, &["v2_f", "v2_f_plain"]), None),
    ("chunks without codecs", |f| among(f, &["v3_none", "v2_none"]), Some(V3)),
    ("blosc", |f| f.contains("_blosc"), Some(ZarrWritten { codec: blosc, ..V3 })),
    ("gzip, zlib, several members", |f| f.contains("_gzip") || f.contains("_zlib"), Some(ZarrWritten { codec: || Codec::Gzip(4), ..V3 })),
    ("zstd, with checksums too", |f| f.contains("_zstd"), Some(ZarrWritten { codec: || Codec::Zstd(3), ..V3 })),
    ("crc32c", |f| among(f, &["v3_crc", "v3_zstd_crc"]), Some(ZarrWritten { codec: || Codec::Zstd(1), checksum: true, ..V3 })),
    ("lz4, bz2, lzma", |f| ["_lz4", "_bz2", "_lzma"].iter().any(|codec| f.contains(codec)), None),
    (
        "filters of numcodecs: delta, fixedscaleoffset, quantize, astype, bitround, packbits, shuffle",
        |f| ["_delta", "_scale", "_quantize", "_astype", "_bitround", "_packbits", "_shuffle"].iter().any(|filter| f.contains(filter)),
        None,
    ),
    ("crc32, adler32, fletcher32", |f| ["_crc32", "_adler32", "_fletcher32"].iter().any(|sum| f.contains(sum)), None),
    (
        "`sharding_indexed`, index at the start or end",
        |f| among(f, &["v3_shards", "v3_shards_none", "v3_shards_crc", "v3_shards_start", "v3_shards_missing"]),
        Some(ZarrWritten { codec: || Codec::Zstd(1), shards: true, ..V3 }),
    ),
    ("shards in shards, packed shards", |f| among(f, &["v3_shards_zstd", "v3_shards_nested"]), None),
    ("chunk keys with `.` and `/`, of v2 in v3", |f| among(f, &["v3_dot", "v3_v2_keys", "v3_v2_nested", "v2_nested"]), None),
    ("fill values in all forms, chunks that were never written", |f| f.contains("_fill_"), None),
    ("datetime64, timedelta64, as their integers", |f| f.contains("_time_"), None),
    ("scalars and arrays without elements", |f| f.contains("_0d") || f.contains("_empty"), None),
    ("zip files, packed or not", |f| f.starts_with("zip"), None),
];

const DTYPES: [&str; 14] = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"];

const NUMPY: &[(&str, fn(&str) -> bool)] = &[
    ("`.npy` of bool, integers, IEEE floats, complex", |f| DTYPES.iter().any(|dtype| among(f, &[&format!("c_{dtype}")]))),
    ("order F, both byte orders, versions 1 to 3", |f| among(f, &["f_i2", "be", "be_f", "large_f", "version1", "version2", "version3"])),
    ("datetime64, timedelta64, as their integers", |f| f.starts_with("M8-") || f.starts_with("m8-")),
    ("fields of structured elements (`file.npy#field`)", |f| f.contains(".npy#")),
    ("members of `.npz` (`file.npz:/name`), stored", |f| f.starts_with("stored.npz")),
    ("members of `.npz`, deflated", |f| f.starts_with("packed.npz")),
    ("fields of structured Zarr v2 (`x.zarr:/table#field`)", |f| f.starts_with("tables.zarr")),
    ("fields of structured Zarr v3", |f| f.starts_with("tables3.zarr")),
];

/// Writes each feature of Zarr that is written here, and has zarr-python read all back.
fn write_zarr(dir: &Path) {
    let (shape, data) = (vec![40u64, 60], values(2400));
    let (mut written, attributes) = (0, serde_json::json!({"units": "m", "list": [1, 2]}));
    for (n, how) in ZARR.iter().filter_map(|(_, _, how)| *how).enumerate() {
        let mut create = Create::new(shape.clone(), DType::F32);
        create.chunks = Some(vec![8, 20]);
        create.shards = how.shards.then(|| vec![16, 60]);
        create.codec = Some((how.codec)());
        create.checksum = how.checksum;
        create.zarr_version = how.version;
        create.attributes = attributes.as_object().unwrap().clone();
        create.dimension_names = Some(vec![Some("time".into()), Some("x".into())]);
        let writer = store::create(dir.join(format!("w{n}.zarr")).display().to_string(), &create).unwrap();
        let granule = writer.granule().to_vec();
        let grid = flagstone::grid::ChunkGrid::regular(&shape, &granule);
        for block in 0..grid.blocks() {
            let (start, lens) = grid.block(block);
            let mut scratch = vec![0; writer.scratch_bytes(&lens) as usize];
            let part = View::dense(&data, DType::F32, &dims(&shape));
            writer.write(&Region::dense(&start, &lens), &part.part(&dims(&start), &dims(&lens)), &mut scratch).unwrap();
        }
        writer.commit().unwrap();
        std::fs::write(dir.join(format!("w{n}.bin")), &data).unwrap();
        let described = serde_json::json!({"ending": ".zarr", "inside": "", "chunks": create.chunks, "shards": create.shards,
            "version": how.version, "attributes": attributes, "names": ["time", "x"], "dtype": "<f4", "shape": shape});
        std::fs::write(dir.join(format!("w{n}.json")), described.to_string()).unwrap();
        written += 1;
    }
    assert_eq!(run_python("check_zarr.py", dir).trim(), written.to_string());
}

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
        let mut create = Create::new(shape.clone(), DType::F32);
        create.chunks = written.codec.is_some().then(|| vec![32, 32]);
        create.codec = written.codec.map(|codec| codec());
        create.shuffle = written.shuffle;
        create.checksum = written.checksum;
        create.attributes = attributes.as_object().unwrap().clone();
        create.dimension_names = Some(vec![Some("time".into()), None]);
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

/// Copies what netCDF4 wrote to a NetCDF-4 file, and has netCDF4 compare the two.
fn write_netcdf(dir: &Path) {
    run_python("make_convert.py", dir);
    let plan = Plan::new(dir.join("a.nc"), dir.join("b.nc"), &Options::default()).unwrap();
    plan.make_groups().unwrap();
    let runtime = Runtime::builder().memory_limit("64MiB").threads(1).build().unwrap();
    plan.copies.iter().for_each(|copy| copy.run(&runtime).unwrap());
    plan.finish().unwrap();
    let python = std::env::var_os("FLAGSTONE_PYTHON").unwrap();
    let ran = Command::new(&python).args(["-W", "ignore", "tests/python/check_convert.py"]).arg(dir).arg("b.nc").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// One case: where it is, its address there, and the file with its values.
struct Case {
    dir: PathBuf,
    file: String,
    inside: String,
    npy: String,
}

impl Case {
    fn address(&self) -> String {
        let file = self.dir.join(&self.file).display().to_string();
        if self.inside.is_empty() { file } else { format!("{file}:{}", self.inside) }
    }
}

/// Opens the cases of a feature, whose values must be those of the other program.
fn shown(feature: &str, cases: &[&Case]) -> Vec<Arc<dyn Store>> {
    assert!(!cases.is_empty(), "{feature}: no case");
    let open = |case: &&Case| {
        let npy = std::fs::read(case.dir.join(&case.npy)).unwrap();
        let data = npy[10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]))..].to_vec();
        let store = store::open(case.address()).unwrap_or_else(|e| panic!("{feature}: {e}"));
        assert!(read(&*store, &Region::whole(&store.meta().shape)).unwrap().0 == data, "{feature}: {}", case.address());
        store
    };
    cases.iter().map(open).collect()
}

/// The rows of one format as a table: each a feature, its cases, and whether it is written.
fn table<'a>(rows: impl Iterator<Item = (&'a str, Vec<&'a Case>, bool)>) -> String {
    let mut out = String::from("| feature | read | write | lazy | parallel |\n|---|---|---|---|---|\n");
    for (feature, cases, is_written) in rows {
        let mine = shown(feature, &cases);
        let mark = |yes: bool| if yes { "yes" } else { "no" };
        let lazy = mine.iter().any(|store| is_lazy(&**store));
        let parallel = is_parallel(&mine[0]);
        writeln!(out, "| {feature} | yes | {} | {} | {} |", mark(is_written), mark(lazy), mark(parallel)).unwrap();
    }
    out
}

/// The table of HDF5 or NetCDF.
fn table_of(rows: &[Row], cases: &[Case]) -> String {
    table(rows.iter().map(|(feature, shows, written)| {
        (*feature, cases.iter().filter(|case| shows(&case.file, &case.inside)).collect(), written.is_some())
    }))
}

/// Cases of a script that lists them, one a line.
fn listed(script: &str, told: &str, root: &Path) -> Vec<Case> {
    let dir = root.join(script);
    std::fs::create_dir(&dir).unwrap();
    let case = |line: String| {
        let parts: Vec<&str> = line.split('\t').collect();
        // An address as a whole, or a file and what is in it.
        let (file, inside, npy) = match parts[..] {
            [address, npy] => (address, "", npy),
            _ => (parts[0], parts[1], parts[2]),
        };
        Case { dir: dir.clone(), file: file.into(), inside: inside.into(), npy: npy.into() }
    };
    python(script, &dir, told).into_iter().map(case).collect()
}

/// Cases of a script that leaves the values beside the files.
fn beside(script: &str, root: &Path) -> Vec<Case> {
    let dir = root.join(script);
    std::fs::create_dir(&dir).unwrap();
    run_python(script, &dir);
    let names = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut stems: Vec<String> = names.filter_map(|name| name.strip_suffix(".expected.npy").map(String::from)).collect();
    stems.sort();
    let case = |stem: &String| {
        let file =
            [".zarr", ".zarr.zip", ".npy"].map(|ending| format!("{stem}{ending}")).into_iter().find(|file| dir.join(file).exists())?;
        Some(Case { dir: dir.clone(), file, inside: String::new(), npy: format!("{stem}.expected.npy") })
    };
    stems.iter().filter(|stem| !stem.starts_with("refused_")).filter_map(case).collect()
}

#[test]
fn the_page_says_what_files_show() {
    let dir = tempfile::tempdir().unwrap();
    let hdf5: Vec<Case> = ["make_h5.py", "make_h5_filters.py", "make_h5_types.py"]
        .iter()
        .flat_map(|script| listed(script, "cases.txt", dir.path()))
        .collect();
    let netcdf = listed("make_netcdf.py", "cases.txt", dir.path());
    let (zarr, members) = (beside("make_zarr.py", dir.path()), listed("make_npz.py", "told.txt", dir.path()));
    write_all(dir.path());
    let written = dir.path().join("written");
    std::fs::create_dir(&written).unwrap();
    write_zarr(&written);
    write_netcdf(&written);
    let zarr_table = table(ZARR.iter().map(|(feature, shows, how)| {
        (*feature, zarr.iter().filter(|case| !case.file.ends_with(".npy") && shows(&case.file)).collect(), how.is_some())
    }));
    let numpy_table = table(NUMPY.iter().enumerate().map(|(n, (feature, shows))| {
        let all = zarr.iter().filter(|case| case.file.ends_with(".npy")).chain(&members);
        (*feature, all.filter(|case| shows(&case.file)).collect(), n == 0)
    }));
    let section = format!(
        "{BEGIN}\n## HDF5, against h5py and hdf5plugin\n\n{}\nFilters that are not in the table (ZFP, SZ, SZ3, SPERR, JPEG-LS, …) are refused by name, \
         unless HDF5_PLUGIN_PATH has a plugin: then libhdf5 reads them, one call at a time. Strings, \
         references, opaque and variable-length types, and floats that no dtype holds (long doubles), are refused by name.\n\n## NetCDF, against netCDF4\n\n{}\nText (`char`) is refused by name. \
         `?decode=cf` gives values in place of stored numbers, lazily, in every format with attributes (`tests/stores_netcdf.rs`).\n\n\
         ## Zarr, against zarr-python and numcodecs\n\n{zarr_table}\nText, bytes, objects, irregular chunk grids and storage transformers are \
         refused by name.\n\n## NumPy's files\n\n{numpy_table}\nA deflated member is unpacked once, to a temporary file without a name.\n\n{END}",
        table_of(HDF5, &hdf5),
        table_of(NETCDF, &netcdf),
    );
    let page = Path::new("docs/formats.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (start, rest) = text.split_once(BEGIN).expect("docs/formats.md has no place for what tests/formats.rs says");
    let (_, end) = rest.split_once(END).expect("docs/formats.md has no end of what tests/formats.rs says");
    let wanted = format!("{start}{section}{end}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page, wanted).unwrap();
    } else {
        assert!(text == wanted, "docs/formats.md is not what files show; UPDATE=1 writes it. Expected:\n{section}");
    }
}
