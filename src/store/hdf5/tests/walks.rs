//! The walks through indexes of chunks: what they miss is noticed, and how long they take.

use super::*;
use crate::store::hdf5::{chunk_table, header, index};

#[test]
fn an_index_walk_that_misses_a_chunk_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    for (name, codec) in [("/plain", Codec::None), ("/gzip", Codec::Gzip(1))] {
        put(&path, name, &chunked(&[40, 40], DType::I32, &[4, 5], codec), &values(&[40, 40], DType::I32)).unwrap();
        let (header, known) = {
            let file = library::open_read("x", &path).unwrap();
            let (object, _) = objects::open_object("x", &file, name).unwrap();
            let each = (name == "/plain").then_some(80);
            (library::header_address("x", &object).unwrap(), library::known_chunks("x", &object, each).unwrap())
        };
        assert_eq!(known.chunks, 80);
        let file = std::fs::File::open(&path).unwrap();
        let raw = header::Raw::open("x", &file).unwrap();
        let layout = header::chunk_layout(&raw, header).unwrap();
        let walk = |known| {
            let (chunk, counts, filtered) = (&[4, 5], &[10, 8], name == "/gzip");
            let grid = chunk_table::Grid {
                chunk,
                counts,
                counts_max: vec![10, 8],
                chunk_bytes: 80,
                size_bytes: if filtered { index::size_bytes(&raw, &layout, 80) } else { 0 },
                filtered,
                stored_max: 1 << 17,
                stored_min: 0,
                known,
            };
            index::read(&raw, &layout, &grid).unwrap()
        };
        assert!(walk(known).is_some());
        // One more or one fewer than the walk finds, and as many of another size.
        for other in [known.chunks + 1, known.chunks - 1, 0, 1000] {
            assert!(walk(chunk_table::Known { chunks: other, ..known }).is_none(), "{other} of 80");
        }
        assert!(walk(chunk_table::Known { bytes: known.bytes + 1, ..known }).is_none());
    }
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
