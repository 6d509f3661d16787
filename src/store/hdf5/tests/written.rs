//! What is written is read back, with all that is kept of it.

use super::*;
use crate::store::hdf5::tree;

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
    let node = tree(&path, "", "x.h5").unwrap();
    assert_eq!(node.children[0].name, "g");
    assert_eq!(node.children[0].children[0].meta.as_ref(), Some(meta));
    let message = get(&path, "/g").unwrap_err().to_string();
    assert!(message.contains("is a group") && message.contains("/g/x"), "{message}");
    let message = get(&path, "/g/y").unwrap_err().to_string();
    assert!(message.contains("no dataset /g/y; there is /g/x"), "{message}");
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
            let (object, _) = objects::open_object("x", &file, "/d").unwrap();
            let mut mask = 0;
            done("x", "reading", H5Dread_chunk1(object.raw(), 0, place.as_ptr(), &raw mut mask, chunk.as_mut_ptr().cast())).unwrap();
        });
        stored.push(chunk);
    }
    assert_eq!(stored, [[7; 8], [7, 0, 7, 0, 7, 0, 7, 0], [7, 7, 0, 0, 0, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0]]);
}

#[test]
fn attributes_that_no_dtype_holds_are_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let attributes = json!({
        "wide": [-1, u64::MAX], "odd": [0.5, (1u64 << 53) + 1], "even": [0.5, 1u64 << 53], "ragged": [[1], [2, 3]], "mixed": [1, "a"],
        "cube": [[[1, 2]], [[3, 4]]], "none": [], "null": null,
    });
    let wanted = Create { attributes: attributes.as_object().unwrap().clone(), ..settings(&[2], DType::U8) };
    put(&path, "/x", &wanted, &[1, 2]).unwrap();
    let found = get(&path, "/x").unwrap().meta().attributes.clone();
    for name in ["wide", "odd", "ragged", "mixed"] {
        assert_eq!(found[name], json!(attributes[name].to_string()), "{name}");
    }
    for name in ["cube", "none", "null"] {
        assert_eq!(found[name], attributes[name], "{name}");
    }
    assert_eq!(found["even"], json!([0.5, 9_007_199_254_740_992.0]));
    // libnetcdf opens no file with attributes of several axes.
    let path = dir.path().join("x.nc");
    put(&path, "/x", &wanted, &[1, 2]).unwrap();
    assert_eq!(get(&path, "/x").unwrap().meta().attributes["cube"], json!("[[[1,2]],[[3,4]]]"));
}
