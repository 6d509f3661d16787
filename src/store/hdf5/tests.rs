//! What this module writes and libhdf5 writes, read back; corrupt files; times.

use super::library::{self, Id, done, id, sync};
use super::{create, open};
use crate::error::Result;
use crate::grid::{Region, Span};
use crate::store::{Codec, Create, Store, Writer};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::view::{View, ViewMut};
use hdf5_sys::h5d::*;
use hdf5_sys::h5f::*;
use hdf5_sys::h5p::*;
use hdf5_sys::h5s::H5Screate_simple;
use hdf5_sys::h5t::*;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn settings(shape: &[u64], dtype: DType) -> Create {
    Create::new(shape.to_vec(), dtype)
}

fn chunked(shape: &[u64], dtype: DType, chunks: &[u64], codec: Codec) -> Create {
    Create { chunks: Some(chunks.to_vec()), codec: Some(codec), ..settings(shape, dtype) }
}

/// Bytes that differ from element to element, and compress.
fn values(shape: &[u64], dtype: DType) -> Vec<u8> {
    let n: u64 = shape.iter().product();
    let mut bytes = vec![0; n as usize * dtype.size()];
    for (i, out) in bytes.chunks_exact_mut(dtype.size()).enumerate() {
        let value = match dtype {
            DType::Bool => Scalar::Bool(i % 3 == 0),
            DType::C64 | DType::C128 => Scalar::Complex(i as f64, -(i as f64) / 2.0),
            _ => Scalar::Int(i as i64 % 1000),
        };
        value.write(dtype, out);
    }
    bytes
}

fn dims(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

fn write_all(writer: &dyn Writer, shape: &[u64], dtype: DType, bytes: &[u8]) -> Result<()> {
    // Scratch is what the last task left in it.
    let mut scratch = vec![0xa5; writer.scratch_bytes(shape) as usize];
    writer.write(&Region::whole(shape), &View::dense(bytes, dtype, &dims(shape)), &mut scratch)?;
    Ok(())
}

fn read(store: &dyn Store, region: &Region) -> Result<Vec<u8>> {
    let shape = dims(&region.shape());
    let dtype = store.meta().dtype;
    let mut out = vec![0xaa; region.elements() as usize * dtype.size()];
    let mut scratch = vec![0x55; store.scratch_bytes(region) as usize];
    store.read(region, &mut ViewMut::dense(&mut out, dtype, &shape), &mut scratch)?;
    Ok(out)
}

fn read_all(store: &dyn Store) -> Result<Vec<u8>> {
    read(store, &Region::whole(&store.meta().shape))
}

/// What indexing gives.
fn select(bytes: &[u8], item: usize, shape: &[u64], region: &Region) -> Vec<u8> {
    let counts = region.shape();
    (0..region.elements())
        .flat_map(|i| {
            let place = crate::grid::unravel(i, &counts);
            let at: Vec<u64> = place.iter().zip(&region.0).map(|(p, s)| s.start + p * s.step).collect();
            let at = crate::grid::ravel(&at, shape) as usize * item;
            bytes[at..at + item].to_vec()
        })
        .collect()
}

fn span(start: u64, len: u64, step: u64) -> Span {
    Span { start, len, step }
}

/// Regions that cut chunks in every way.
fn regions(shape: &[u64]) -> Vec<Region> {
    let each: Vec<Vec<Span>> = shape
        .iter()
        .map(|&n| {
            vec![
                span(0, n, 1),
                span(n / 3, n - n / 3, 1),
                span(n - 1, 1, 1),
                span(1 % n, (n - 1 % n).div_ceil(2), 2),
                span(0, n.div_ceil(7), 7),
                span(0, 2.min(n), (n - 1).max(1)),
            ]
        })
        .collect();
    let mut found = Vec::new();
    let counts: Vec<usize> = each.iter().map(Vec::len).collect();
    let mut at = vec![0; shape.len()];
    loop {
        found.push(Region(at.iter().zip(&each).map(|(&i, spans)| spans[i]).collect()));
        if !crate::store::copy_box::advance(&mut at, &counts) {
            return found;
        }
    }
}

fn check_regions(store: &dyn Store, bytes: &[u8]) {
    let (shape, dtype) = (store.meta().shape.clone(), store.meta().dtype);
    for region in regions(&shape) {
        let expected = select(bytes, dtype.size(), &shape, &region);
        assert_eq!(read(store, &region).unwrap(), expected, "{region:?}");
        // The same into a transposed output with holes.
        let counts = dims(&region.shape());
        let item = dtype.size() as isize;
        let mut strides = vec![0; counts.len()];
        let mut step = 2 * item;
        for (stride, n) in strides.iter_mut().zip(&counts) {
            *stride = step;
            step *= *n as isize;
        }
        let mut out = vec![0; step as usize];
        let mut scratch = vec![0; store.scratch_bytes(&region) as usize];
        store.read(&region, &mut ViewMut::strided(&mut out, dtype, &counts, &strides, 0), &mut scratch).unwrap();
        let view = View::strided(&out, dtype, &counts, &strides, 0);
        let mut dense = vec![0; expected.len()];
        crate::store::copy_box::copy(&view, &mut ViewMut::dense(&mut dense, dtype, &counts), false);
        assert_eq!(dense, expected, "transposed, {region:?}");
    }
}

fn file(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("x.h5")
}

fn names(dir: &tempfile::TempDir) -> Vec<String> {
    let mut found: Vec<String> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    found
}

fn put(path: &Path, dataset: &str, settings: &Create, bytes: &[u8]) -> Result<()> {
    let writer = create(path, dataset, dataset, settings)?;
    write_all(&*writer, &settings.shape, settings.dtype, bytes)?;
    writer.commit()
}

fn get(path: &Path, dataset: &str) -> Result<Arc<dyn Store>> {
    open(path, dataset, &format!("{}:{dataset}", path.display()))
}

#[test]
fn every_dtype_and_layout_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    for dtype in DType::ALL.into_iter().filter(|d| *d != DType::BF16) {
        for (i, settings) in [
            settings(&[7, 12, 5], dtype),
            chunked(&[7, 12, 5], dtype, &[3, 4, 5], Codec::None),
            chunked(&[7, 12, 5], dtype, &[3, 4, 5], Codec::Gzip(1)),
            chunked(&[7, 12, 5], dtype, &[2, 12, 2], Codec::Lzf),
            Create { checksum: true, ..chunked(&[7, 12, 5], dtype, &[5, 5, 3], Codec::Gzip(6)) },
            Create { shuffle: false, checksum: true, ..chunked(&[7, 12, 5], dtype, &[7, 1, 5], Codec::None) },
        ]
        .into_iter()
        .enumerate()
        {
            let bytes = values(&settings.shape, dtype);
            let name = format!("/{dtype}/{i}");
            put(&path, &name, &settings, &bytes).unwrap();
            let store = get(&path, &name).unwrap();
            assert_eq!((store.meta().dtype, &store.meta().shape), (dtype, &settings.shape));
            assert_eq!(store.meta().chunks, settings.chunks);
            check_regions(&*store, &bytes);
        }
    }
    let message = create(&path, "/bf", "x.h5:/bf", &settings(&[2], DType::BF16)).err().unwrap().to_string();
    assert!(message.contains("bfloat16"), "{message}");
}

#[test]
fn scalars_and_empty_arrays_are_ordinary() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    put(&path, "/s", &settings(&[], DType::F64), &2.5f64.to_ne_bytes()).unwrap();
    assert_eq!(read_all(&*get(&path, "/s").unwrap()).unwrap(), 2.5f64.to_ne_bytes());
    put(&path, "/e", &settings(&[3, 0], DType::F32), &[]).unwrap();
    put(&path, "/c", &chunked(&[0, 4], DType::F32, &[2, 2], Codec::Gzip(1)), &[]).unwrap();
    for name in ["/e", "/c"] {
        assert!(read_all(&*get(&path, name).unwrap()).unwrap().is_empty());
    }
}

#[test]
fn meta_tells_attributes_names_codec_and_fill() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let attributes =
        json!({"units": "m", "n": 3, "big": u64::MAX, "x": 1.5, "ok": true, "list": [1, 2], "words": ["a", "bc"], "deep": {"a": [1]}});
    let settings = Create {
        attributes: attributes.as_object().unwrap().clone(),
        dimension_names: Some(vec![Some("time".into()), None]),
        checksum: true,
        ..chunked(&[10, 10], DType::I16, &[4, 4], Codec::Gzip(3))
    };
    put(&path, "/g/x", &settings, &values(&[10, 10], DType::I16)).unwrap();
    let store = get(&path, "/g/x").unwrap();
    let meta = store.meta();
    assert_eq!(meta.codec, "shuffle + deflate:3 + fletcher32");
    assert!(meta.compressed);
    assert_eq!(meta.dimension_names, settings.dimension_names);
    assert_eq!(meta.fill, Some(Scalar::Int(0)));
    assert_eq!(meta.attributes["deep"], json!("{\"a\":[1]}"));
    for key in ["units", "n", "big", "x", "ok", "list", "words"] {
        assert_eq!(meta.attributes[key], attributes[key], "{key}");
    }
    // 12 bytes a chunk, and 4 for the masks of chunks that skip a filter which would not make them smaller.
    assert!(store.stored_bytes().unwrap() > 0 && (9 * 12..=9 * 16).contains(&store.resident_bytes()));
    let node = super::tree(&path, "", "x.h5").unwrap();
    assert_eq!(node.children[0].name, "g");
    assert_eq!(node.children[0].children[0].meta.as_ref(), Some(meta));
    let message = get(&path, "/g").unwrap_err().to_string();
    assert!(message.contains("is a group") && message.contains("/g/x"), "{message}");
    let message = get(&path, "/g/y").unwrap_err().to_string();
    assert!(message.contains("no dataset /g/y; there is /g/x"), "{message}");
}

#[test]
fn nothing_is_seen_before_commit_and_nothing_left_after_a_drop() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let plain = settings(&[100], DType::F64);
    let bytes = values(&[100], DType::F64);
    let writer = create(&path, "/a", "x.h5:/a", &plain).unwrap();
    write_all(&*writer, &[100], DType::F64, &bytes).unwrap();
    assert!(!path.exists());
    drop(writer);
    assert!(names(&dir).is_empty(), "{:?}", names(&dir));
    put(&path, "/a", &plain, &bytes).unwrap();
    assert_eq!(names(&dir), ["x.h5"]);
    // Into the existing file, dropped: the other dataset stays, no group or hidden name is left.
    for overwrite in [false, true] {
        let settings = Create { overwrite, ..chunked(&[100], DType::F64, &[10], Codec::Gzip(1)) };
        let writer = create(&path, "/new/group/b", "x.h5:/b", &settings).unwrap();
        write_all(&*writer, &[100], DType::F64, &bytes).unwrap();
        assert_eq!(super::tree(&path, "", "x.h5").unwrap().children.len(), 1, "hidden while written");
        drop(writer);
        let left = hidden_names(&path);
        assert_eq!(left, ["a"]);
    }
    assert_eq!(read_all(&*get(&path, "/a").unwrap()).unwrap(), bytes);
}

/// All names at the root, hidden ones too.
fn hidden_names(path: &Path) -> Vec<String> {
    let file = library::open_read("x", path).unwrap();
    let (root, _) = library::open_object("x", &file, "/").unwrap();
    super::links::link_names("x", &root).unwrap()
}

#[test]
fn an_existing_dataset_is_kept_unless_overwrite_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let (one, two) = (values(&[50], DType::I32), vec![7u8; 80]);
    put(&path, "/g/a", &settings(&[50], DType::I32), &one).unwrap();
    let before = std::fs::read(&path).unwrap();
    let message = create(&path, "/g/a", "x.h5:/g/a", &settings(&[20], DType::I32)).err().unwrap().to_string();
    assert!(message.contains("already exists"), "{message}");
    assert!(create(&path, "/g", "x.h5:/g", &Create { overwrite: true, ..settings(&[20], DType::I32) }).is_err());
    assert!(create(&path, "/", "x.h5:/", &settings(&[20], DType::I32)).is_err());
    assert!(create(&path, "/z", "x.h5:/z", &chunked(&[20], DType::I32, &[5], Codec::Zstd(3))).is_err());
    assert!(create(&path, "/z", "x.h5:/z", &chunked(&[20], DType::I32, &[5, 5], Codec::None)).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let replace = Create { overwrite: true, durable: true, ..settings(&[20], DType::I32) };
    drop(create(&path, "/g/a", "x.h5:/g/a", &replace).unwrap());
    assert_eq!(read_all(&*get(&path, "/g/a").unwrap()).unwrap(), one);
    put(&path, "/g/a", &replace, &two).unwrap();
    assert_eq!(read_all(&*get(&path, "/g/a").unwrap()).unwrap(), two);
    assert_eq!(hidden_names(&path), ["g"]);
}

#[test]
fn two_datasets_of_one_new_file_both_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let (a, b) = (chunked(&[64, 64], DType::F32, &[16, 16], Codec::Gzip(1)), settings(&[30], DType::U8));
    let first = create(&path, "/a", "x.h5:/a", &a).unwrap();
    let second = create(&path, "/b", "x.h5:/b", &b).unwrap();
    write_all(&*first, &[64, 64], DType::F32, &values(&[64, 64], DType::F32)).unwrap();
    write_all(&*second, &[30], DType::U8, &values(&[30], DType::U8)).unwrap();
    first.commit().unwrap();
    second.commit().unwrap();
    assert!(second.commit().is_err());
    assert_eq!(read_all(&*get(&path, "/a").unwrap()).unwrap(), values(&[64, 64], DType::F32));
    assert_eq!(read_all(&*get(&path, "/b").unwrap()).unwrap(), values(&[30], DType::U8));
    assert_eq!(names(&dir), ["x.h5"]);
}

#[test]
fn one_file_is_read_and_written_at_once_by_several_threads() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let shape = [96u64, 64];
    put(&path, "/a", &chunked(&shape, DType::F64, &[8, 64], Codec::Gzip(1)), &values(&shape, DType::F64)).unwrap();
    let source = get(&path, "/a").unwrap();
    let chunked = create(&path, "/b", "x.h5:/b", &chunked(&shape, DType::F64, &[8, 16], Codec::Gzip(1))).unwrap();
    let plain = create(&path, "/c", "x.h5:/c", &settings(&shape, DType::F64)).unwrap();
    std::thread::scope(|scope| {
        for half in 0..2u64 {
            let (source, chunked, plain, path) = (&source, &chunked, &plain, &path);
            scope.spawn(move || {
                for row in (half * 48..half * 48 + 48).step_by(8) {
                    let region = Region::dense(&[row, 0], &[8, 64]);
                    let bytes = read(&**source, &region).unwrap();
                    for writer in [chunked, plain] {
                        let mut scratch = vec![0; writer.scratch_bytes(&[8, 64]) as usize];
                        writer.write(&region, &View::dense(&bytes, DType::F64, &[8, 64]), &mut scratch).unwrap();
                    }
                    assert!(get(path, "/a").is_ok(), "opened while another dataset is written");
                }
            });
        }
    });
    chunked.commit().unwrap();
    plain.commit().unwrap();
    for name in ["/a", "/b", "/c"] {
        assert_eq!(read_all(&*get(&path, name).unwrap()).unwrap(), values(&shape, DType::F64), "{name}");
    }
}

#[test]
fn a_write_that_cuts_chunks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let writer = create(&file(&dir), "/a", "x.h5:/a", &chunked(&[10, 10], DType::U8, &[4, 4], Codec::None)).unwrap();
    let mut scratch = vec![0; writer.scratch_bytes(&[4, 4]) as usize];
    let bytes = [1; 16];
    let mut put = |start: [u64; 2], shape: [usize; 2]| {
        let region = Region::dense(&start, &[shape[0] as u64, shape[1] as u64]);
        writer.write(&region, &View::dense(&bytes[..shape[0] * shape[1]], DType::U8, &shape), &mut scratch)
    };
    assert!(put([2, 0], [4, 4]).is_err());
    assert!(put([0, 0], [4, 3]).is_err());
    assert!(put([8, 8], [2, 2]).is_ok());
    assert!(put([8, 8], [4, 4]).is_err());
}

/// Makes a dataset with libhdf5: filters and layout as the closures ask.
fn raw_dataset(path: &Path, userblock: u64, shape: &[u64], datatype: i64, prepare: impl Fn(i64), fill: impl Fn(&Id)) {
    sync(|| unsafe {
        let creation = id("x", "", H5Pcreate(*H5P_CLS_FILE_CREATE)).unwrap();
        done("x", "", H5Pset_userblock(creation.raw(), userblock)).unwrap();
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let file = id("x", "", H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, creation.raw(), 0)).unwrap();
        let list = id("x", "", H5Pcreate(*H5P_CLS_DATASET_CREATE)).unwrap();
        prepare(list.raw());
        let space = id("x", "", H5Screate_simple(shape.len() as i32, shape.as_ptr(), std::ptr::null())).unwrap();
        let dataset = id("x", "making", H5Dcreate2(file.raw(), c"d".as_ptr(), datatype, space.raw(), 0, list.raw(), 0)).unwrap();
        fill(&dataset);
    });
}

#[test]
fn missing_chunks_and_data_never_written_are_the_fill_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let fill = 7i32;
    let big = sync(|| *H5T_STD_I32BE);
    // SAFETY: the pointers lead to values that live across the calls.
    let set_fill = |list: i64| unsafe {
        H5Pset_fill_value(list, *H5T_NATIVE_INT32, (&raw const fill).cast());
    };
    let chunk = |list: i64| unsafe {
        H5Pset_chunk(list, 2, [4u64, 4].as_ptr());
        set_fill(list);
    };
    let one = |dataset: &Id| unsafe {
        let block: Vec<u8> = (0..16).flat_map(|i: i32| i.to_be_bytes()).collect();
        done("x", "writing", H5Dwrite_chunk(dataset.raw(), 0, 0, [4u64, 8].as_ptr(), 64, block.as_ptr().cast())).unwrap();
    };
    raw_dataset(&path, 0, &[10, 10], big, chunk, one);
    let store = get(&path, "/d").unwrap();
    assert_eq!(store.meta().fill, Some(Scalar::Int(7)));
    let mut expected = vec![7i32; 100];
    for i in 0..4 {
        for j in 0..2 {
            expected[(4 + i) * 10 + 8 + j] = (i * 4 + j) as i32;
        }
    }
    check_regions(&*store, bytemuck::cast_slice(&expected));
    raw_dataset(&path, 0, &[10, 10], big, set_fill, |_| {});
    check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&[7i32; 100]));
}

#[test]
fn userblocks_big_endian_and_filter_masks_are_honoured() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let of = sync(|| *H5T_IEEE_F64BE);
    let bytes: Vec<u8> = (0..32).flat_map(|i: i32| f64::from(i).to_be_bytes()).collect();
    let expected: Vec<f64> = (0..32).map(f64::from).collect();
    for userblock in [0, 512, 2048] {
        raw_dataset(
            &path,
            userblock,
            &[32],
            of,
            |_| {},
            |dataset| unsafe {
                done("x", "", H5Dwrite(dataset.raw(), *H5T_IEEE_F64BE, 0, 0, 0, bytes.as_ptr().cast())).unwrap();
            },
        );
        check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&expected));
        let prepare = |list: i64| unsafe {
            H5Pset_chunk(list, 1, [16u64].as_ptr());
            H5Pset_shuffle(list);
            H5Pset_deflate(list, 4);
        };
        raw_dataset(&path, userblock, &[32], of, prepare, |dataset| unsafe {
            // The first chunk is stored without any filter, the second shuffled only.
            done("x", "", H5Dwrite_chunk(dataset.raw(), 0, 3, [0u64].as_ptr(), 128, bytes.as_ptr().cast())).unwrap();
            let mut planes = vec![0; 128];
            crate::store::shuffle::shuffle(&bytes[128..], &mut planes, 8);
            done("x", "", H5Dwrite_chunk(dataset.raw(), 0, 2, [16u64].as_ptr(), 128, planes.as_ptr().cast())).unwrap();
        });
        check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&expected));
    }
}

#[test]
fn edge_chunks_may_be_stored_without_filters() {
    let dir = tempfile::tempdir().unwrap();
    // Both axes cut their last chunks, one does, none does: a chunk that just fits is filtered like the others.
    for (n, shape) in [[10u64, 12], [8, 12], [10, 10], [8, 10]].into_iter().enumerate() {
        let path = dir.path().join(format!("{n}.h5"));
        let expected: Vec<i32> = (0..(shape[0] * shape[1]) as i32).map(|i| i / 5).collect();
        // SAFETY: plain calls on identifiers that are alive; buffers live across the calls.
        sync(|| unsafe {
            let access = id("x", "", H5Pcreate(*H5P_CLS_FILE_ACCESS)).unwrap();
            let newest = H5F_libver_t::H5F_LIBVER_V110;
            done("x", "", H5Pset_libver_bounds(access.raw(), newest, newest)).unwrap();
            let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
            let file = id("x", "", H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, 0, access.raw())).unwrap();
            let list = id("x", "", H5Pcreate(*H5P_CLS_DATASET_CREATE)).unwrap();
            H5Pset_chunk(list.raw(), 2, [4u64, 5].as_ptr());
            H5Pset_deflate(list.raw(), 1);
            /// `H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS`.
            const PLAIN_EDGES: u32 = 2;
            done("x", "", H5Pset_chunk_opts(list.raw(), PLAIN_EDGES)).unwrap();
            let space = id("x", "", H5Screate_simple(2, shape.as_ptr(), std::ptr::null())).unwrap();
            let dataset = id("x", "", H5Dcreate2(file.raw(), c"d".as_ptr(), *H5T_STD_I32LE, space.raw(), 0, list.raw(), 0)).unwrap();
            done("x", "", H5Dwrite(dataset.raw(), *H5T_NATIVE_INT32, 0, 0, 0, expected.as_ptr().cast())).unwrap();
        });
        check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&expected));
    }
}

#[test]
fn an_index_walk_that_misses_a_chunk_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    for (name, codec) in [("/plain", Codec::None), ("/gzip", Codec::Gzip(1))] {
        put(&path, name, &chunked(&[40, 40], DType::I32, &[4, 5], codec), &values(&[40, 40], DType::I32)).unwrap();
        let (header, known) = {
            let file = library::open_read("x", &path).unwrap();
            let (object, _) = library::open_object("x", &file, name).unwrap();
            let each = (name == "/plain").then_some(80);
            (library::header_address("x", &object).unwrap(), library::known_chunks("x", &object, each).unwrap())
        };
        assert_eq!(known.chunks, 80);
        let file = std::fs::File::open(&path).unwrap();
        let raw = super::header::Raw::open("x", &file).unwrap();
        let layout = super::header::chunk_layout(&raw, header).unwrap();
        let walk = |known| {
            let (chunk, counts, filtered) = (&[4, 5], &[10, 8], name == "/gzip");
            let grid =
                super::chunk_table::Grid { chunk, counts, counts_max: vec![10, 8], chunk_bytes: 80, filtered, stored_max: 1 << 17, known };
            super::index::read(&raw, &layout, &grid).unwrap()
        };
        assert!(walk(known).is_some());
        // One more or one fewer than the walk finds, and as many of another size.
        for other in [known.chunks + 1, known.chunks - 1, 0, 1000] {
            assert!(walk(super::chunk_table::Known { chunks: other, ..known }).is_none(), "{other} of 80");
        }
        assert!(walk(super::chunk_table::Known { bytes: known.bytes + 1, ..known }).is_none());
    }
}

#[test]
fn chunks_that_the_edge_cuts_are_padded_with_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    put(&path, "/d", &chunked(&[5, 3], DType::U8, &[4, 2], Codec::None), &[7; 15]).unwrap();
    let mut stored = Vec::new();
    for place in [[0u64, 0], [0, 2], [4, 0], [4, 2]] {
        let mut chunk = [0xaau8; 8];
        // SAFETY: the buffer has the bytes of a chunk.
        sync(|| unsafe {
            let file = library::open_read("x", &path).unwrap();
            let (object, _) = library::open_object("x", &file, "/d").unwrap();
            let mut mask = 0;
            done("x", "reading", H5Dread_chunk1(object.raw(), 0, place.as_ptr(), &raw mut mask, chunk.as_mut_ptr().cast())).unwrap();
        });
        stored.push(chunk);
    }
    assert_eq!(stored, [[7; 8], [7, 0, 7, 0, 7, 0, 7, 0], [7, 7, 0, 0, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0]]);
}

#[test]
fn what_only_the_library_reads_is_read_through_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let of = sync(|| *H5T_STD_I32BE);
    let expected: Vec<i32> = (0..120).map(|i| i / 2).collect();
    let fill = |dataset: &Id| unsafe {
        done("x", "", H5Dwrite(dataset.raw(), *H5T_NATIVE_INT32, 0, 0, 0, expected.as_ptr().cast())).unwrap();
    };
    // SAFETY: plain calls on an identifier that is alive.
    let compact = |list: i64| unsafe {
        H5Pset_layout(list, H5D_layout_t::H5D_COMPACT);
    };
    raw_dataset(&path, 0, &[10, 12], of, compact, fill);
    check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&expected));
    // SAFETY: as above.
    let nbit = |list: i64| unsafe {
        H5Pset_chunk(list, 2, [3u64, 5].as_ptr());
        H5Pset_nbit(list);
    };
    raw_dataset(&path, 512, &[10, 12], of, nbit, fill);
    let store = get(&path, "/d").unwrap();
    assert_eq!(store.meta().codec, "nbit");
    check_regions(&*store, bytemuck::cast_slice(&expected));
    // A filter that nobody has is named.
    // SAFETY: as above.
    let unknown = |list: i64| unsafe {
        H5Pset_chunk(list, 2, [3u64, 5].as_ptr());
        H5Pset_filter(list, 32_123, 1, 0, std::ptr::null());
    };
    raw_dataset(&path, 0, &[10, 12], of, unknown, |_| {});
    let message = get(&path, "/d").unwrap_err().to_string();
    assert!(message.contains("filter 32123"), "{message}");
}

/// Writers may leave their cache of metadata in the file, and what is in it nowhere else.
#[test]
fn files_with_an_image_of_the_metadata_cache_are_read() {
    /// `H5AC_cache_image_config_t`, version 1.
    #[repr(C)]
    struct Image {
        version: i32,
        generate_image: bool,
        save_resize_status: bool,
        entry_ageout: i32,
    }
    unsafe extern "C" {
        fn H5Pset_mdc_image_config(list: hdf5_sys::h5i::hid_t, image: *const Image) -> i32;
    }
    let dir = tempfile::tempdir().unwrap();
    let expected: Vec<i32> = (0..6000).map(|i| i / 5).collect();
    for (n, chunk) in [None, Some(7u64)].into_iter().enumerate() {
        let path = dir.path().join(format!("{n}.h5"));
        // SAFETY: plain calls on identifiers that are alive; buffers live across the calls.
        sync(|| unsafe {
            let access = id("x", "", H5Pcreate(*H5P_CLS_FILE_ACCESS)).unwrap();
            let newest = H5F_libver_t::H5F_LIBVER_V110;
            done("x", "", H5Pset_libver_bounds(access.raw(), newest, newest)).unwrap();
            let image = Image { version: 1, generate_image: true, save_resize_status: false, entry_ageout: -1 };
            done("x", "", H5Pset_mdc_image_config(access.raw(), &raw const image)).unwrap();
            let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
            let file = id("x", "", H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, 0, access.raw())).unwrap();
            let list = id("x", "", H5Pcreate(*H5P_CLS_DATASET_CREATE)).unwrap();
            if let Some(chunk) = chunk {
                H5Pset_chunk(list.raw(), 1, [chunk].as_ptr());
                H5Pset_deflate(list.raw(), 1);
            }
            let most = [if chunk.is_some() { u64::MAX } else { 6000 }];
            let space = id("x", "", H5Screate_simple(1, [6000u64].as_ptr(), most.as_ptr())).unwrap();
            let dataset = id("x", "", H5Dcreate2(file.raw(), c"d".as_ptr(), *H5T_STD_I32LE, space.raw(), 0, list.raw(), 0)).unwrap();
            done("x", "", H5Dwrite(dataset.raw(), *H5T_NATIVE_INT32, 0, 0, 0, expected.as_ptr().cast())).unwrap();
        });
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.windows(4).any(|word| word == b"MDCI"), "no image in it");
        let node = super::tree(&path, "", "x.h5").unwrap();
        assert_eq!(node.arrays(), ["/d"]);
        check_regions(&*get(&path, "/d").unwrap(), bytemuck::cast_slice(&expected));
        assert!(std::fs::read(&path).unwrap() == bytes, "reading changed the file");
    }
}

#[test]
fn text_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    raw_dataset(&path, 0, &[3], sync(|| *H5T_C_S1), |_| {}, |_| {});
    let message = get(&path, "/d").unwrap_err().to_string();
    assert!(message.contains("dtype string is not a number"), "{message}");
    let node = super::tree(&path, "", "x.h5").unwrap();
    assert!(node.children[0].meta.is_none());
}

/// A file with 10⁵ chunks, the index and nothing else worth reading.
fn many_chunks(path: &Path, side: u64) {
    raw_dataset(
        path,
        0,
        &[side, side],
        sync(|| *H5T_NATIVE_UINT8),
        |list| unsafe { _ = H5Pset_chunk(list, 2, [1u64, 1].as_ptr()) },
        |dataset| unsafe {
            for i in 0..side {
                for j in 0..side {
                    let byte = (i * 7 + j) as u8;
                    H5Dwrite_chunk(dataset.raw(), 0, 0, [i, j].as_ptr(), 1, (&raw const byte).cast());
                }
            }
        },
    );
}

#[test]
fn a_hundred_thousand_chunks_open_in_half_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let side = 317;
    many_chunks(&path, side);
    let start = std::time::Instant::now();
    let store = get(&path, "/d").unwrap();
    let took = start.elapsed();
    println!("open of {} chunks: {took:?}, {} bytes resident", side * side, store.resident_bytes());
    assert!(took.as_secs_f64() < 0.5, "{took:?}");
    assert_eq!(store.resident_bytes(), 8 * side * side);
    let row = read(&*store, &Region::dense(&[300, 0], &[1, side])).unwrap();
    assert_eq!(row, (0..side).map(|j| (300 * 7 + j) as u8).collect::<Vec<_>>());
}

#[test]
fn truncated_files_and_spoilt_chunks_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let shape = [64u64, 64];
    let settings = Create { checksum: true, ..chunked(&shape, DType::I32, &[16, 64], Codec::Gzip(1)) };
    put(&path, "/d", &settings, &values(&shape, DType::I32)).unwrap();
    let good = std::fs::read(&path).unwrap();
    for len in [0, 10, 100, 600, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..len]).unwrap();
        let failed = get(&path, "/d").and_then(|store| read_all(&*store));
        assert!(failed.is_err(), "{len} of {} bytes", good.len());
    }
    // One byte inside the third chunk.
    let file = std::fs::File::open({
        std::fs::write(&path, &good).unwrap();
        &path
    })
    .unwrap();
    let raw = super::header::Raw::open("x", &file).unwrap();
    let at = good.windows(2).enumerate().filter(|(_, w)| *w == [0x78, 0x01] || *w == [0x78, 0x5e]).map(|(i, _)| i).nth(2).unwrap();
    assert!((at as u64) < raw.len);
    let mut bad = good.clone();
    bad[at + 20] ^= 0x10;
    std::fs::write(&path, &bad).unwrap();
    let message = read_all(&*get(&path, "/d").unwrap()).unwrap_err().to_string();
    assert!(message.contains("x.h5:/d") && message.contains("chunk [") && message.contains(&format!("byte {at}")), "{message}");
}

/// A small xorshift: the flips are the same on every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn our_own_parsers_survive_any_bytes() {
    // The walks alone, without libhdf5: random bytes in headers, trees and arrays.
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let shape = [40u64, 40];
    put(&path, "/d", &chunked(&shape, DType::I32, &[4, 5], Codec::Gzip(1)), &values(&shape, DType::I32)).unwrap();
    let good = std::fs::read(&path).unwrap();
    let (header, known) = {
        let file = library::open_read("x", &path).unwrap();
        let (object, _) = library::open_object("x", &file, "/d").unwrap();
        (library::header_address("x", &object).unwrap(), library::known_chunks("x", &object, None).unwrap())
    };
    let mut state = 0x1234_5678_9abc_def1;
    for _ in 0..2000 {
        let mut bad = good.clone();
        for _ in 0..1 + next(&mut state) % 8 {
            let at = (next(&mut state) % bad.len() as u64) as usize;
            bad[at] = next(&mut state) as u8;
        }
        let path = dir.path().join("bad.h5");
        std::fs::write(&path, &bad).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let Ok(raw) = super::header::Raw::open("x", &file) else { continue };
        let Ok(layout) = super::header::chunk_layout(&raw, header) else { continue };
        let grid = super::chunk_table::Grid {
            chunk: &[4, 5],
            counts: &[10, 8],
            counts_max: vec![10, 8],
            chunk_bytes: 80,
            filtered: true,
            stored_max: 1 << 17,
            known,
        };
        if let Ok(Some(index)) = super::index::read(&raw, &layout, &grid) {
            assert!(index.resident_bytes() < 1 << 16);
        }
    }
}

#[test]
fn flipped_bytes_give_an_error_or_values_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let shape = [40u64, 40];
    put(&path, "/d", &Create { checksum: true, ..chunked(&shape, DType::I32, &[4, 5], Codec::Gzip(1)) }, &values(&shape, DType::I32))
        .unwrap();
    put(&path, "/c", &settings(&[9, 9], DType::F64), &values(&[9, 9], DType::F64)).unwrap();
    let good = std::fs::read(&path).unwrap();
    let (mut state, mut read_well) = (0x9e37_79b9_7f4a_7c15, 0);
    for i in 0..500 {
        let mut bad = good.clone();
        let at = (next(&mut state) % bad.len() as u64) as usize;
        bad[at] ^= 1 << (next(&mut state) % 8);
        // A new name each time: libhdf5 must not know the file.
        let path = dir.path().join(format!("bad{i}.h5"));
        std::fs::write(&path, &bad).unwrap();
        for name in ["/d", "/c"] {
            if let Ok(store) = get(&path, name)
                && store.meta().shape.iter().product::<u64>() < 1 << 20
                && store.scratch_bytes(&Region::whole(&store.meta().shape)) < 1 << 28
            {
                read_well += usize::from(read_all(&*store).is_ok());
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert!(read_well > 500, "{read_well} of 1000 reads");
}
