//! Damaged files are errors, never panics.

use super::*;
use crate::store::hdf5::{chunk_table, header, index};

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
    let raw = header::Raw::open("x", &file).unwrap();
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
        let (object, _) = objects::open_object("x", &file, "/d").unwrap();
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
        let Ok(raw) = header::Raw::open("x", &file) else { continue };
        let Ok(layout) = header::chunk_layout(&raw, header) else { continue };
        let grid = chunk_table::Grid {
            chunk: &[4, 5],
            counts: &[10, 8],
            counts_max: vec![10, 8],
            chunk_bytes: 80,
            size_bytes: index::size_bytes(&raw, &layout, 80),
            filtered: true,
            stored_max: 1 << 17,
            stored_min: 0,
            known,
        };
        if let Ok(Some(index)) = index::read(&raw, &layout, &grid) {
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

/// libhdf5 goes round for ever in such a heap, and holds its lock: no array of the process would open any more.
#[test]
fn a_global_heap_whose_free_space_has_no_bytes_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    let attributes = json!({"title": "\u{e9}", "n": 3});
    let wanted = Create { attributes: attributes.as_object().unwrap().clone(), ..settings(&[2], DType::U8) };
    put(&path, "/x", &wanted, &[1, 2]).unwrap();
    let good = std::fs::read(&path).unwrap();
    let heap = good.windows(4).position(|word| word == b"GCOL").unwrap();
    // One text, then free space; the length of that is zeroed, as where a write was not finished.
    let free = (heap + 16..).step_by(8).find(|&at| good[at..at + 8] == [0; 8] && good[at + 8..at + 16] != [0; 8]).unwrap();
    let mut bad = good.clone();
    bad[free + 8..free + 16].fill(0);
    let damaged = dir.path().join("damaged.h5");
    std::fs::write(&damaged, bad).unwrap();
    let store = get(&damaged, "/x").unwrap();
    assert_eq!(store.meta().attributes["n"], json!(3));
    let title = store.meta().attributes["title"].as_str().unwrap();
    assert!(title.contains("free space without bytes in a global heap"), "{title}");
    assert_eq!(read_all(&*store).unwrap(), [1, 2]);
}
