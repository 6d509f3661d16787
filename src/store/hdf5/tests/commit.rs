//! What is seen of an array before it is whole, and what is left of one that never is.

use super::*;
use crate::store::hdf5::{links, tree};

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
        assert_eq!(tree(&path, "", "x.h5").unwrap().children.len(), 1, "hidden while written");
        drop(writer);
        let left = hidden_names(&path);
        assert_eq!(left, ["a"]);
    }
    assert_eq!(read_all(&*get(&path, "/a").unwrap()).unwrap(), bytes);
}

/// All names at the root, hidden ones too.
fn hidden_names(path: &Path) -> Vec<String> {
    library::sync(|| {
        let file = library::open_read("x", path).unwrap();
        let (root, _) = objects::open_object("x", &file, "/").unwrap();
        links::link_names("x", &root).unwrap()
    })
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "without its lock")]
fn libhdf5_is_not_called_without_its_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir);
    put(&path, "/a", &settings(&[3], DType::U8), &[1, 2, 3]).unwrap();
    library::open_read("x", &path).unwrap().raw();
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
