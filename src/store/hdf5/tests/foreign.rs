//! What libhdf5 writes is read.

use super::*;
use crate::store::hdf5::tree;

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
        let node = tree(&path, "", "x.h5").unwrap();
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
    let node = tree(&path, "", "x.h5").unwrap();
    assert!(node.children[0].meta.is_none());
}
