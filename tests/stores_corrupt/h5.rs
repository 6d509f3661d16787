//! Damaged files of h5py and netCDF4.

use crate::damage::{LONGEST, PEAK_BYTES_MAX, busy, cases, kept, peak_bytes, python, sealed_hdf5};
use flagstone::grid::Region;
use flagstone::store::conformance::read_if_small;
use flagstone::store::{open, tree};
use flagstone_kernels::view::ViewMut;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file with little besides one dataset.
struct Small {
    dir: PathBuf,
    file: String,
    dataset: String,
    good: Vec<u8>,
}

impl Small {
    /// The address of its dataset.
    fn address(&self) -> String {
        format!("{}:{}", self.dir.join(&self.file).display(), self.dataset)
    }

    /// Another file with these bytes, and the address of its dataset. Its name is new: libhdf5 must not know the file.
    fn with_bytes(&self, bad: &[u8]) -> (PathBuf, String) {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let path = self.dir.join(format!("damaged-{}.h5", MADE.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, bad).unwrap();
        let address = format!("{}:{}", path.display(), self.dataset);
        (path, address)
    }
}

/// The files that make_h5_small.py makes in `dir`.
fn small_files(dir: &Path) -> Vec<Small> {
    python("make_h5_small.py", dir);
    let list = std::fs::read_to_string(dir.join("small.txt")).unwrap();
    let of = |line: &str| {
        let [file, dataset] = line.split('\t').take(2).collect::<Vec<_>>()[..] else { panic!("{line}") };
        Small { dir: dir.to_owned(), file: file.to_owned(), dataset: dataset.to_owned(), good: std::fs::read(dir.join(file)).unwrap() }
    };
    list.lines().map(of).collect()
}

/// Opens a dataset and reads all of it.
fn read(address: &str) -> flagstone::error::Result<Option<Vec<u8>>> {
    open(address).and_then(|store| read_if_small(&*store))
}

/// The elements of a version 1 `.npy` file.
fn npy(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    bytes[10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))..].to_vec()
}

#[test]
fn damaged_files_of_h5py_and_netcdf4_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let list = std::fs::read_to_string(dir.path().join("small.txt")).unwrap();
    let samples: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let (count, mut random) = cases(3000);
    let (mut refused, mut summed) = (0, 0);
    let mut blocks = BTreeMap::new();
    // Those that are few, often: what lies in global heaps, and what has checksums over all.
    let (few, many): (Vec<_>, Vec<_>) = samples.iter().partition(|sample| sample[3] == "summed" || sample[2] == "heaps.npy");
    for n in 0..count {
        let from = if random.below(4) == 0 { &few } else { &many };
        let [file, dataset, expected, sums] = random.of(from)[..] else { panic!("{list}") };
        let good = std::fs::read(dir.path().join(file)).unwrap();
        let sealed = blocks.entry(file).or_insert_with(|| sealed_hdf5(&good));
        let anew = !sealed.is_empty() && random.below(2) == 0;
        let bad = if anew { random.resealed(&good, sealed) } else { random.damaged(&good) };
        // A new name each time: libhdf5 must not know the file. After a crash it is there.
        let path = dir.path().join(format!("damaged{n}.{}", file.rsplit('.').next().unwrap()));
        std::fs::write(&path, &bad).unwrap();
        let address = format!("{}:{dataset}", path.display());
        let started = busy();
        let outcome = std::panic::catch_unwind(|| {
            let _ = tree(&path);
            open(&address).and_then(|store| Ok((store.meta().shape.clone(), store.meta().dtype, read_if_small(&*store)?)))
        });
        let took = busy() - started;
        let keep = || format!("{dataset} of {}", kept(Path::new(file), &bad));
        assert!(took < LONGEST, "{} took {took:?}", keep());
        assert!(peak_bytes() < PEAK_BYTES_MAX, "{} took {} bytes", keep(), peak_bytes());
        match outcome {
            Err(_) => panic!("{} panicked", keep()),
            Ok(Err(e)) => {
                refused += 1;
                assert!(e.to_string().contains(&path.display().to_string()), "{}: {e}", keep());
            }
            Ok(Ok((shape, dtype, Some(found)))) if sums == "summed" && !anew => {
                summed += 1;
                let right = open(format!("{}:{dataset}", dir.path().join(file).display())).unwrap();
                assert!((&shape, dtype) == (&right.meta().shape, right.meta().dtype), "{}: another shape or dtype", keep());
                assert!(found == npy(&dir.path().join(expected)), "{} gives wrong values", keep());
            }
            Ok(Ok(_)) => {}
        }
        std::fs::remove_file(&path).unwrap();
    }
    println!("{refused} of {count} were refused, {summed} with checksums were right; {} MiB at most", peak_bytes() >> 20);
    assert!(refused > count / 10, "{refused} of {count} were refused");
}

/// The decoders of filters that are plugins elsewhere, each with chunks of its own.
#[test]
fn damaged_chunks_of_plugin_filters_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_filters.py", dir.path());
    let list = std::fs::read_to_string(dir.path().join("chunks.txt")).unwrap();
    let chunks: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let file = std::fs::OpenOptions::new().read(true).write(true).open(dir.path().join(chunks[0][0])).unwrap();
    let (count, mut random) = cases(3000);
    let mut stores = BTreeMap::new();
    let mut refused = 0;
    for _ in 0..count {
        let [name, dataset, at, len] = random.of(&chunks)[..] else { panic!("{list}") };
        let address = format!("{}:{dataset}", dir.path().join(name).display());
        let store = stores.entry(dataset).or_insert_with(|| open(&address).unwrap());
        let region = Region::dense(&vec![0; store.meta().shape.len()], store.meta().chunks.as_ref().unwrap());
        let (dtype, shape) = (store.meta().dtype, region.shape().iter().map(|&n| n as usize).collect::<Vec<_>>());
        let (at, mut good) = (at.parse().unwrap(), vec![0; len.parse().unwrap()]);
        file.read_exact_at(&mut good, at).unwrap();
        // Headers are at the start: half of the damages are there.
        let head = if random.below(2) == 0 { good.len().min(64) } else { good.len() };
        let mut bad = random.damaged(&good[..head]);
        bad.resize(head, 0);
        file.write_all_at(&bad, at).unwrap();
        let started = busy();
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let (mut out, mut scratch) =
                (vec![0; region.elements() as usize * dtype.size()], vec![0; store.scratch_bytes(&region) as usize]);
            store.read(&region, &mut ViewMut::dense(&mut out, dtype, &shape), &mut scratch).map(drop)
        }));
        assert!(busy() - started < LONGEST, "{dataset}: {bad:?}");
        file.write_all_at(&good, at).unwrap();
        let Ok(read) = read else { panic!("{dataset} panicked: its first {head} bytes are {bad:?}") };
        refused += u64::from(read.is_err());
    }
    println!("{refused} of {count} were refused");
    assert!(refused > count / 4, "{refused} of {count} were refused");
}

/// Where something stands in a file.
fn places(file: &[u8], mark: &[u8]) -> Vec<usize> {
    (0..file.len().saturating_sub(mark.len())).filter(|&at| file[at..].starts_with(mark)).collect()
}

/// libhdf5 goes round for ever in a global heap whose free space has no bytes, and holds its lock: whatever leads there is looked through first.
#[test]
fn global_heaps_that_do_not_end_are_refused_wherever_they_are_named() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let mut heaps = BTreeMap::new();
    for kind in ["virtual", "texts", "many"] {
        for libver in ["earliest", "latest"] {
            let good = std::fs::read(dir.path().join(format!("{kind}-{libver}.h5"))).unwrap();
            for (n, heap) in places(&good, b"GCOL").into_iter().enumerate() {
                let mut bad = good.clone();
                let len = u64::from_le_bytes(good[heap + 8..heap + 16].try_into().unwrap()) as usize;
                // Objects one after the other, the free space last: its length becomes nothing.
                let mut at = heap + 16;
                while at + 16 <= heap + len && good[at..at + 2] != [0, 0] {
                    at += 16 + u64::from_le_bytes(good[at + 8..at + 16].try_into().unwrap()).next_multiple_of(8) as usize;
                }
                if at + 16 > heap + len {
                    continue;
                }
                bad[at + 8..at + 16].fill(0);
                let path = dir.path().join(format!("{kind}-{libver}-{n}.h5"));
                std::fs::write(&path, &bad).unwrap();
                let told = match open(format!("{}:/x", path.display())) {
                    Ok(store) => {
                        assert!(kind != "virtual");
                        assert_eq!(read_if_small(&*store).unwrap().unwrap(), npy(&dir.path().join("heaps.npy")));
                        serde_json::to_string(&store.meta().attributes).unwrap()
                    }
                    Err(e) => e.to_string(),
                };
                assert!(told.contains("free space without bytes in a global heap"), "{kind} {libver} {n}: {told}");
                *heaps.entry((kind, libver)).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(heaps.len(), 6, "{heaps:?}");
    assert!(heaps[&("many", "latest")] > 2 && heaps[&("many", "earliest")] > 2, "{heaps:?}");
}

/// libhdf5 takes memory for as many attributes and links as a tree says that it has, and is asked for each of them.
#[test]
fn numbers_of_attributes_and_links_that_lie_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let good = std::fs::read(dir.path().join("many-latest.h5")).unwrap();
    let trees: Vec<_> = sealed_hdf5(&good).into_iter().filter(|block| good[block.start..].starts_with(b"BTHD")).collect();
    assert!(!trees.is_empty());
    for (n, tree) in trees.iter().enumerate() {
        for (m, records) in [1u64 << 59, 1 << 31, 1 << 20].into_iter().enumerate() {
            let mut bad = good.clone();
            // Behind signature, version, kind, lengths, the root's address and the number of its records.
            bad[tree.start + 26..tree.start + 34].copy_from_slice(&records.to_le_bytes());
            tree.seal(&mut bad);
            let path = dir.path().join(format!("lying-{n}-{m}.h5"));
            std::fs::write(&path, &bad).unwrap();
            let started = busy();
            let store = open(format!("{}:/x", path.display())).unwrap();
            let told = serde_json::to_string(&store.meta().attributes).unwrap();
            assert!(told.contains(&format!("a B-tree that is said to have {records}")) || good[tree.start + 5] != 8, "{told}");
            assert_eq!(read_if_small(&*store).unwrap().unwrap(), npy(&dir.path().join("heaps.npy")));
            assert!((busy() - started).as_secs() < 5, "{:?}", busy() - started);
        }
    }
}

/// libhdf5 believes what a fixed array says of its length, and reads past its end: also those that it alone decodes are walked first.
#[test]
fn indexes_shorter_than_their_grid_are_refused_whoever_decodes_the_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let mut codecs = Vec::new();
    for small in small_files(dir.path()) {
        let good = &small.good;
        let arrays: Vec<_> = sealed_hdf5(good).into_iter().filter(|block| good[block.start..].starts_with(b"FAHD")).collect();
        let [array] = arrays[..] else { continue };
        let mut bad = good.clone();
        // Behind signature, version, client and two lengths.
        bad[array.start + 8..array.start + 16].copy_from_slice(&1u64.to_le_bytes());
        array.seal(&mut bad);
        let (_, address) = small.with_bytes(&bad);
        // libhdf5 finds it itself where its counting of chunks meets a sum that is not right
        let e = open(&address).map(drop).unwrap_err().to_string();
        assert!(e.contains("a fixed array of 1 chunks") || e.contains("incorrect metadata checksum"), "{}: {e}", small.file);
        codecs.push(open(small.address()).unwrap().meta().codec.clone());
    }
    assert!(codecs.iter().any(|codec| codec.contains("nbit")), "{codecs:?}");
}

/// libhdf5 steps through the elements of an array as wide as its header says, and takes of each what the dataset's are: so it finds chunks of no
/// bytes, and reads a sum before their beginning.
#[test]
fn indexes_of_other_elements_than_the_dataset_has_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = BTreeMap::new();
    for small in small_files(dir.path()) {
        let good = &small.good;
        // The width of an element stands behind signature, version and client; that of a tree's record behind the length of a node.
        let kinds = [(&b"FAHD"[..], 6), (b"EAHD", 6), (b"BTHD", 10)];
        let wide = |start: usize| kinds.into_iter().find(|(sign, _)| good[start..].starts_with(sign)).map(|(sign, at)| (sign, start + at));
        for block in sealed_hdf5(good) {
            let Some((sign, at)) = wide(block.start) else { continue };
            // trees of attributes and of links have other kinds
            if sign == b"BTHD" && !matches!(good[block.start + 5], 10 | 11) {
                continue;
            }
            for other in [good[at] + 1, good[at] - 1] {
                let mut bad = good.clone();
                bad[at] = other;
                block.seal(&mut bad);
                let (_, address) = small.with_bytes(&bad);
                let read = read(&address);
                let e = read.map(drop).unwrap_err().to_string();
                assert!(e.contains(&format!("{other} bytes, expected")) || e.contains("libhdf5"), "{}: {e}", small.file);
                *refused.entry(sign).or_insert(0) += 1;
            }
        }
    }
    assert!(refused.len() == 3 && refused.values().all(|&n| n > 2), "{refused:?}");
}

/// libhdf5 divides by the length of a chunk along each axis of the dataset, whether the layout has one or not.
#[test]
fn chunks_of_fewer_axes_than_the_dataset_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for small in small_files(dir.path()) {
        let good = &small.good;
        // A layout of version 4 says class, flags and how many lengths a chunk has, that of an element too.
        let layout = |&at: &usize| good[at..].starts_with(&[4, 2]) && (2..5).contains(&good[at + 3]);
        for at in (0..good.len().saturating_sub(4)).filter(layout) {
            for lengths in [0, 1, good[at + 3] - 1] {
                let mut bad = good.clone();
                bad[at + 3] = lengths;
                sealed_hdf5(good).iter().for_each(|block| block.seal(&mut bad));
                let (_, address) = small.with_bytes(&bad);
                let read = read(&address);
                refused += read.is_err_and(|e| e.to_string().contains(" axes in a dataset of ")) as u64;
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

/// libhdf5 takes as many bytes as a datatype says that its elements have, and reads as many as they always have.
#[test]
fn elements_of_any_length_that_are_said_to_be_short_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let good = std::fs::read(dir.path().join("texts-latest.h5")).unwrap();
    // A datatype of any length, of strings of UTF-8: the class and its bits, then the size of an element.
    let types = places(&good, &[0x19, 0x01, 0x01, 0x00, 16, 0, 0, 0]);
    assert!(types.len() > 20, "{types:?}");
    for (n, size) in [9u8, 10, 12, 15, 17, 255].into_iter().enumerate() {
        let mut bad = good.clone();
        types.iter().for_each(|at| bad[at + 4] = size);
        sealed_hdf5(&good).iter().for_each(|block| block.seal(&mut bad));
        let path = dir.path().join(format!("short-{n}.h5"));
        std::fs::write(&path, &bad).unwrap();
        let store = open(format!("{}:/x", path.display())).unwrap();
        let told = serde_json::to_string(&store.meta().attributes).unwrap();
        assert!(told.contains("of any length, 16 bytes each") || told.contains("libhdf5 refuses"), "{size}: {told}");
        assert_eq!(read_if_small(&*store).unwrap().unwrap(), npy(&dir.path().join("heaps.npy")));
    }
}

/// libhdf5 looks for the heap of messages that objects share, and crashes where the file has none; and takes the memory of a node of the
/// tree of attributes before it looks whether the file has it.
#[test]
fn attributes_that_are_said_to_be_shared_and_nodes_of_gigabytes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let good = std::fs::read(dir.path().join("many-latest.h5")).unwrap();
    // The leaf of a tree of attributes by name: after six bytes, records of which the ninth byte has the flags. Its header: after six
    // bytes, the length of a node.
    let (leaves, trees) = (places(&good, b"BTLF\0\x08"), places(&good, b"BTHD\0\x08"));
    assert!(!leaves.is_empty() && !trees.is_empty());
    let shared = leaves.into_iter().map(|at| (at + 14, vec![good[at + 14] | 2], "said to be shared, in a file that shares nothing"));
    let large = trees.into_iter().map(|at| (at + 6, 0x5900_0000u32.to_le_bytes().to_vec(), "B-tree nodes of 1493172224 bytes"));
    for (n, (at, bytes, why)) in shared.chain(large).enumerate() {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(&bytes);
        for block in sealed_hdf5(&good) {
            block.seal(&mut bad);
        }
        let path = dir.path().join(format!("attributes-{n}.h5"));
        std::fs::write(&path, &bad).unwrap();
        let store = open(format!("{}:/x", path.display())).unwrap();
        let told = serde_json::to_string(&store.meta().attributes).unwrap();
        let told = format!("{told} {:?}", tree(&path).map(|node| node.attributes));
        assert!(told.contains(why), "{told}");
        assert_eq!(read_if_small(&*store).unwrap().unwrap(), npy(&dir.path().join("heaps.npy")));
    }
    assert!(peak_bytes() < PEAK_BYTES_MAX, "{} bytes", peak_bytes());
}

/// libhdf5 takes memory for as many letters as an attribute says that its text has, before it looks whether they are there.
#[test]
fn a_text_that_is_said_to_be_longer_than_the_file_takes_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_small.py", dir.path());
    let good = std::fs::read(dir.path().join("texts-latest.h5")).unwrap();
    // The text of one letter in two bytes, by its length and the collection that it is in; and what a letter is, one byte.
    let heap = places(&good, b"GCOL")[0] as u64;
    let texts = places(&good, &[&2u32.to_le_bytes()[..], &heap.to_le_bytes()].concat());
    let letters = places(&good, &[0x19, 1, 1, 0, 16, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0]);
    assert!(!texts.is_empty() && !letters.is_empty());
    for (n, at) in texts.into_iter().chain(letters.into_iter().map(|at| at + 12)).enumerate() {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&0x5900_0000u32.to_le_bytes());
        for block in sealed_hdf5(&good) {
            block.seal(&mut bad);
        }
        let path = dir.path().join(format!("long-{n}.h5"));
        std::fs::write(&path, &bad).unwrap();
        let store = open(format!("{}:/x", path.display())).unwrap();
        let told = serde_json::to_string(&store.meta().attributes).unwrap();
        assert!(told.contains("bytes or more in a global heap, in a file of"), "{told}");
        assert_eq!(read_if_small(&*store).unwrap().unwrap(), npy(&dir.path().join("heaps.npy")));
    }
    assert!(peak_bytes() < PEAK_BYTES_MAX, "{} bytes", peak_bytes());
}

/// libhdf5 believes what a tree says of the kind and the length of its records.
#[test]
fn trees_of_other_records_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut refused, mut owners) = (0, BTreeSet::new());
    for small in small_files(dir.path()) {
        let good = &small.good;
        for block in sealed_hdf5(good).into_iter().filter(|block| good[block.start..].starts_with(b"BTHD")) {
            // Behind the signature and the version: the kind, the bytes of a node, those of a record.
            let kind = good[block.start + 5];
            // Behind those its depth, when nodes are split, the root, how many records that has, and how many there are in all.
            let others = [(10, 1), (10, 7), (26, good[block.start + 26].wrapping_add(3)), (27, 1)];
            for (at, byte) in [0, 1, 5, 6, 8, 9, 10, 11, 255].map(|kind| (5, kind)).into_iter().chain(others) {
                let mut bad = good.clone();
                if bad[block.start + at] == byte {
                    continue;
                }
                bad[block.start + at] = byte;
                block.seal(&mut bad);
                let (path, address) = small.with_bytes(&bad);
                let told = format!("{:?}", tree(&path));
                let read = read(&address);
                if told.contains("B-tree") || read.is_err_and(|e| e.to_string().contains("B-tree")) {
                    refused += 1;
                    owners.insert(kind);
                }
            }
        }
    }
    // chunks with filters and without, attributes and links by name
    assert!(refused > 100 && [5, 8, 10, 11].iter().all(|kind| owners.contains(kind)), "{refused} of {owners:?}");
}

/// libhdf5 reads past the end of a chunk that is shorter than its type says, or than a sum.
#[test]
fn chunks_that_are_short_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    python("make_h5_short_chunks.py", dir.path());
    let open = |name: &str| open(format!("{}:/{name}", dir.path().join("short.h5").display()));
    assert_eq!(read_if_small(&*open("whole").unwrap()).unwrap().unwrap(), npy(&dir.path().join("whole.npy")));
    let e = read_if_small(&*open("short").unwrap()).unwrap_err().to_string();
    assert!(e.contains("nbit is cut short"), "{e}");
    let e = read_if_small(&*open("scaled").unwrap()).unwrap_err().to_string();
    assert!(e.contains("scaleoffset is cut short"), "{e}");
}

/// libhdf5 looks at each chunk up to the last one that an extensible array is said to have, and at all that a fixed one is.
#[test]
fn arrays_that_are_said_to_be_long_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    // How it is told, and where it says how many: behind the prefix, of an extensible array and four lengths.
    let kinds = [(b"EAHD", 12 + 32, "an extensible array"), (b"FAHD", 8, "a fixed array")];
    let mut refused = [0; 2];
    for small in small_files(dir.path()) {
        let good = &small.good;
        for block in sealed_hdf5(good) {
            let Some(kind) = kinds.iter().position(|(magic, ..)| good[block.start..].starts_with(*magic)) else { continue };
            let (_, at, what) = kinds[kind];
            let mut bad = good.clone();
            bad[block.start + at..][..8].copy_from_slice(&(1u64 << 45).to_le_bytes());
            block.seal(&mut bad);
            let (_, address) = small.with_bytes(&bad);
            let e = open(&address).map(drop).unwrap_err().to_string();
            assert!(e.contains(&format!("{what} of 35184372088832 chunks")), "{}: {e}", small.file);
            refused[kind] += 1;
        }
    }
    assert!(refused.iter().all(|n| *n > 5), "{refused:?}");
}

/// libhdf5 follows the free blocks of a local heap for as long as one names another, and takes memory for each: of an old group's names, and of
/// those of external files.
#[test]
fn local_heaps_whose_free_blocks_have_no_last_one_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut refused, mut external) = ([0; 2], 0);
    for small in small_files(dir.path()) {
        let good = &small.good;
        for heap in places(good, b"HEAP\0\0\0\0") {
            let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap());
            let (bytes, free, names) = (number(heap + 8), number(heap + 16), number(heap + 24) as usize);
            // where names are, if there is none; room for two
            let free = if free == 1 { 8 } else { free };
            if free < 8 || free + 32 > bytes || names + bytes as usize > good.len() {
                continue;
            }
            let block = names + free as usize;
            for next in [free, free + 16] {
                let mut bad = good.clone();
                bad[heap + 16..heap + 24].copy_from_slice(&free.to_le_bytes());
                bad[block..block + 8].copy_from_slice(&next.to_le_bytes());
                bad[block + 16..block + 24].copy_from_slice(&free.to_le_bytes());
                bad[block + 24..block + 32].copy_from_slice(&16u64.to_le_bytes());
                let (path, address) = small.with_bytes(&bad);
                let told = format!("{:?}", tree(&path));
                let without_end = "free blocks without a last one";
                let opened = read(&address).map_err(|e| e.to_string());
                assert!(opened.as_ref().is_ok() || opened.as_ref().is_err_and(|e| e.contains(without_end)), "{}: {opened:?}", small.file);
                refused[0] += told.contains(without_end) as u64;
                refused[1] += opened.is_err() as u64;
                external += (small.file.starts_with("external-latest") && opened.is_err()) as u64;
            }
        }
    }
    assert!(external > 0 && refused.iter().all(|n| *n > 20), "{refused:?}, {external} of external files");
    assert!(peak_bytes() < PEAK_BYTES_MAX, "{} bytes", peak_bytes());
}
