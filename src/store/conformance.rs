//! What every store must do, as one suite that each format's tests run. It asserts: a failure panics.
//!
//! Write regions by granule from several threads, read any strided region into any strided view, every
//! dtype, 0-d and empty arrays, edges; nothing visible before commit, nothing left after a drop, an
//! overwrite that is all or nothing.

use super::{Create, Store, Writer, create, exists, open, parse};
use crate::error::Result;
use crate::grid::{Region, Span, element_count, unravel};
use flagstone_kernels::copy::copy;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Bytes that the process keeps of files that are far away.
pub fn far_files_bytes() -> u64 {
    super::remote::kept_bytes()
}

/// The checksum that HDF5's metadata have, for who damages them and sums them anew.
pub fn hdf5_checksum(bytes: &[u8]) -> u32 {
    super::hdf5::lookup3(bytes)
}

/// What a format keeps beside the elements.
#[derive(Clone, Copy, Debug)]
pub struct Keeps {
    /// Attributes.
    pub attributes: bool,
    /// Names of the axes.
    pub dimension_names: bool,
    /// Whether regions that were never written read as zero.
    pub missing: bool,
}

/// Makes a fresh address for an array; may set codec, chunks and version as the format wants them. `None`
/// where the format cannot hold such an array.
pub type Make<'a> = &'a dyn Fn(&mut Create) -> Option<String>;

/// Runs the suite.
///
/// # Panics
/// Where the store does not do what it must.
pub fn conformance(make: Make<'_>, keeps: Keeps) {
    every_dtype_round_trips(make);
    every_shape_round_trips(make);
    what_describes_the_array_is_kept(make, keeps);
    if keeps.missing {
        missing_regions_are_zero(make);
    }
    an_existing_array_is_refused_and_left_alone(make);
    a_dropped_writer_leaves_nothing(make);
    an_overwrite_is_all_or_nothing(make);
    bad_regions_are_errors(make);
}

/// Scratch aligned as the seam promises.
#[derive(Debug)]
pub struct Scratch(Vec<u8>, usize);

impl Scratch {
    /// At least `len` bytes, aligned to 64.
    pub fn new(len: u64) -> Scratch {
        let bytes = vec![0xA5; len as usize + 64];
        let skip = bytes.as_ptr().align_offset(64);
        Scratch(bytes, skip)
    }
    /// The bytes.
    pub fn bytes(&mut self, len: u64) -> &mut [u8] {
        &mut self.0[self.1..][..len as usize]
    }
}

/// A small generator: the suite needs variety, not quality.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

/// Any bytes that are elements of `dtype`.
fn elements(shape: &[u64], dtype: DType, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let len = element_count(shape).unwrap() as usize * dtype.size();
    let range = if dtype == DType::Bool { 2 } else { 256 };
    (0..len).map(|_| dice.below(range) as u8).collect()
}

/// Writes all of `bytes` by granule from three threads and commits.
///
/// # Panics
/// When the writer fails.
pub fn write_all(writer: &dyn Writer, shape: &[u64], dtype: DType, bytes: &[u8]) {
    write_some(writer, shape, dtype, bytes, 1);
    writer.commit().unwrap();
}

/// Writes every `every`-th granule.
fn write_some(writer: &dyn Writer, shape: &[u64], dtype: DType, bytes: &[u8], every: usize) {
    // Rows of a granule of one are too many calls; any multiple is allowed.
    let granule: Vec<u64> = writer.granule().iter().map(|&g| if g == 1 { 3 } else { g }).collect();
    let counts: Vec<u64> = shape.iter().zip(&granule).map(|(&n, &g)| n.div_ceil(g)).collect();
    let total = element_count(&counts).unwrap();
    let full: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    let whole = View::dense(bytes, dtype, &full);
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let (granule, counts, whole) = (&granule, &counts, &whole);
            scope.spawn(move || {
                for n in (worker..total).step_by(3).filter(|&n| (n as usize).is_multiple_of(every)) {
                    let at = unravel(n, counts);
                    let start: Vec<u64> = at.iter().zip(granule).map(|(i, g)| i * g).collect();
                    let len: Vec<u64> = start.iter().zip(granule).zip(shape).map(|((s, &g), &n)| g.min(n - s)).collect();
                    let part = whole.part(&usizes(&start), &usizes(&len));
                    if n % 2 == 0 {
                        let needed = writer.scratch_bytes(&len);
                        writer.write(&Region::dense(&start, &len), &part, Scratch::new(needed).bytes(needed)).unwrap();
                        continue;
                    }
                    let mut dense = vec![0; (element_count(&len).unwrap() as usize) * dtype.size()];
                    copy(&part, &mut ViewMut::dense(&mut dense, dtype, &usizes(&len)));
                    let needed = writer.dense_scratch_bytes(granule);
                    let data = View::dense(&dense, dtype, &usizes(&len));
                    writer.write(&Region::dense(&start, &len), &data, Scratch::new(needed).bytes(needed)).unwrap();
                }
            });
        }
    });
}

fn usizes(lens: &[u64]) -> Vec<usize> {
    lens.iter().map(|&n| n as usize).collect()
}

/// Reads `region` densely.
///
/// # Panics
/// When the store fails.
pub fn read_dense(store: &dyn Store, region: &Region) -> Vec<u8> {
    let shape = usizes(&region.shape());
    let dtype = store.meta().dtype;
    let mut out = vec![0x5A; shape.iter().product::<usize>() * dtype.size()];
    let needed = store.scratch_bytes(region);
    store.read(region, &mut ViewMut::dense(&mut out, dtype, &shape), Scratch::new(needed).bytes(needed)).unwrap();
    out
}

/// Reads all of an array whose metadata may lie, of a damaged file: `None` where it is said to have more than 4 MiB, or to need more than 256 MiB
/// of scratch. Such sizes are refused where memory is planned; here they only must not be believed before that.
///
/// # Errors
/// What the store says.
pub fn read_if_small(store: &dyn Store) -> Result<Option<Vec<u8>>> {
    const BYTES_MAX: u64 = 4 << 20;
    const SCRATCH_BYTES_MAX: u64 = 256 << 20;
    let meta = store.meta();
    let region = Region::whole(&meta.shape);
    let bytes = region.elements().saturating_mul(meta.dtype.size() as u64);
    let needed = store.scratch_bytes(&region);
    if bytes > BYTES_MAX || needed > SCRATCH_BYTES_MAX {
        return Ok(None);
    }
    let mut out = vec![0; bytes as usize];
    store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &usizes(&meta.shape)), Scratch::new(needed).bytes(needed))?;
    Ok(Some(out))
}

/// The elements of `region` by indexing one by one.
fn expected(bytes: &[u8], shape: &[u64], item: usize, region: &Region) -> Vec<u8> {
    let counts = region.shape();
    let mut out = Vec::new();
    for n in 0..element_count(&counts).unwrap() {
        let place: Vec<u64> = unravel(n, &counts).iter().zip(&region.0).map(|(i, s)| s.start + i * s.step).collect();
        let at = crate::grid::ravel(&place, shape) as usize * item;
        out.extend_from_slice(&bytes[at..at + item]);
    }
    out
}

fn random_region(shape: &[u64], dice: &mut Dice) -> Region {
    let span = |&n: &u64| {
        let start = dice.below(n + 1);
        let step = 1 + if dice.below(2) == 0 { 0 } else { dice.below(n / 2 + 2) };
        let most = (n - start).div_ceil(step);
        Span { start, len: if dice.below(3) == 0 { most } else { dice.below(most + 1) }, step }
    };
    Region(shape.iter().map(span).collect())
}

/// Reads random regions into views with gaps, reversed and transposed axes; what lies between is untouched.
///
/// # Panics
/// Where an element differs from `bytes`, the array's elements in C order.
pub fn check_reads(store: &dyn Store, bytes: &[u8], seed: u64) {
    let meta = store.meta();
    let (shape, item) = (&meta.shape, meta.dtype.size());
    assert_eq!(read_dense(store, &Region::whole(shape)), bytes, "{}: the whole array", store.address());
    let mut dice = Dice(seed);
    for _ in 0..24 {
        let region = random_region(shape, &mut dice);
        let want = expected(bytes, shape, item, &region);
        assert_eq!(read_dense(store, &region), want, "{}: {region:?}", store.address());

        // Axes in a random order, each with a gap, some backwards.
        let counts = usizes(&region.shape());
        let mut axes: Vec<usize> = (0..counts.len()).collect();
        for i in (1..axes.len()).rev() {
            axes.swap(i, dice.below(i as u64 + 1) as usize);
        }
        let (mut strides, mut step, mut offset) = (vec![0isize; counts.len()], item as isize, 0);
        for &axis in &axes {
            let gap = 1 + dice.below(2) as isize;
            strides[axis] = step * gap;
            if dice.below(2) == 0 {
                offset += strides[axis] * (counts[axis] as isize - 1).max(0);
                strides[axis] = -strides[axis];
            }
            step *= gap * counts[axis].max(1) as isize;
        }
        let mut out = vec![0x5A; step as usize];
        let needed = store.scratch_bytes(&region);
        let mut view = ViewMut::strided(&mut out, meta.dtype, &counts, &strides, offset);
        store.prefetch(&region);
        store.read(&region, &mut view, Scratch::new(needed).bytes(needed)).unwrap();
        let mut touched = vec![false; out.len()];
        for n in 0..want.len() / item {
            let place = unravel(n as u64, &region.shape());
            let at = offset + place.iter().zip(&strides).map(|(&i, s)| i as isize * s).sum::<isize>();
            let at = at as usize;
            assert_eq!(out[at..at + item], want[n * item..][..item], "{}: {region:?} at {place:?}", store.address());
            touched[at..at + item].fill(true);
        }
        assert!(out.iter().zip(&touched).all(|(&b, &t)| t || b == 0x5A), "{}: wrote between elements", store.address());
    }
}

fn round_trip(make: Make<'_>, shape: &[u64], chunks: &[u64], dtype: DType, seed: u64) {
    let mut wanted = Create::new(shape.to_vec(), dtype);
    wanted.chunks = Some(chunks.to_vec());
    let Some(address) = make(&mut wanted) else { return };
    let bytes = elements(shape, dtype, seed);
    let writer = create(&address, &wanted).unwrap();
    assert_eq!(writer.granule().len(), shape.len());
    write_all(&*writer, shape, dtype, &bytes);
    drop(writer);
    assert!(exists(&address), "{address}");
    let store = open(&address).unwrap();
    assert_eq!((&store.meta().shape[..], store.meta().dtype), (shape, dtype));
    if let (Some(given), Some(kept)) = (&wanted.chunks, &store.meta().chunks) {
        assert_eq!(given, kept, "{address}: chunks");
    }
    check_reads(&*store, &bytes, seed);
    // Many readers at once see the same.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(read_dense(&*store, &Region::whole(shape)), bytes));
        }
    });
}

fn every_dtype_round_trips(make: Make<'_>) {
    for (n, dtype) in DType::ALL.into_iter().enumerate() {
        round_trip(make, &[23, 17], &[5, 6], dtype, n as u64 + 1);
    }
}

fn every_shape_round_trips(make: Make<'_>) {
    let shapes: [(&[u64], &[u64]); 9] = [
        (&[], &[]),
        (&[0], &[4]),
        (&[3, 0, 2], &[2, 1, 2]),
        (&[1], &[1]),
        (&[97], &[10]),
        (&[12, 8], &[4, 8]),
        (&[5, 6, 7], &[2, 6, 3]),
        (&[3, 2, 4, 5], &[2, 2, 2, 2]),
        (&[600, 700], &[128, 256]),
    ];
    for (n, (shape, chunks)) in shapes.into_iter().enumerate() {
        round_trip(make, shape, chunks, DType::F32, 100 + n as u64);
    }
}

fn what_describes_the_array_is_kept(make: Make<'_>, keeps: Keeps) {
    let mut wanted = Create::new(vec![4, 6], DType::I16);
    wanted.attributes.insert("units".into(), "K".into());
    wanted.attributes.insert("scale".into(), 2.5.into());
    wanted.attributes.insert("count".into(), 7.into());
    wanted.dimension_names = Some(vec![Some("time".into()), Some("x".into())]);
    let Some(address) = make(&mut wanted) else { return };
    let bytes = elements(&wanted.shape, wanted.dtype, 5);
    write_all(&*create(&address, &wanted).unwrap(), &wanted.shape, wanted.dtype, &bytes);
    let store = open(&address).unwrap();
    if keeps.attributes {
        assert_eq!(store.meta().attributes, wanted.attributes, "{address}");
    }
    if keeps.dimension_names {
        assert_eq!(store.meta().dimension_names, wanted.dimension_names, "{address}");
    }
}

fn missing_regions_are_zero(make: Make<'_>) {
    let mut wanted = Create::new(vec![12, 12], DType::I32);
    wanted.chunks = Some(vec![3, 4]);
    let Some(address) = make(&mut wanted) else { return };
    let bytes = elements(&wanted.shape, wanted.dtype, 6);
    let writer = create(&address, &wanted).unwrap();
    write_some(&*writer, &wanted.shape, wanted.dtype, &bytes, 2);
    let granule = writer.granule().to_vec();
    writer.commit().unwrap();
    let mut want = bytes;
    let counts: Vec<u64> = wanted.shape.iter().zip(&granule).map(|(&n, &g)| n.div_ceil(if g == 1 { 3 } else { g })).collect();
    for n in 0..144u64 {
        let place = unravel(n, &wanted.shape);
        let at: Vec<u64> = place.iter().zip(&granule).map(|(p, &g)| p / if g == 1 { 3 } else { g }).collect();
        if crate::grid::ravel(&at, &counts) % 2 == 1 {
            want[n as usize * 4..][..4].fill(0);
        }
    }
    check_reads(&*open(&address).unwrap(), &want, 6);
}

/// The directory that holds the file of an address.
fn directory(address: &str) -> PathBuf {
    let (file, _) = parse(address).unwrap().into_parts();
    file.parent().unwrap().to_path_buf()
}

fn names(address: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory(address)).unwrap();
    entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn an_existing_array_is_refused_and_left_alone(make: Make<'_>) {
    let mut wanted = Create::new(vec![9, 9], DType::U8);
    let Some(address) = make(&mut wanted) else { return };
    let bytes = elements(&wanted.shape, wanted.dtype, 8);
    write_all(&*create(&address, &wanted).unwrap(), &wanted.shape, wanted.dtype, &bytes);
    let before = names(&address);
    let message = create(&address, &wanted).err().expect("an existing array is refused").to_string();
    assert!(message.contains("exists"), "{message}");
    assert_eq!(names(&address), before);
    check_reads(&*open(&address).unwrap(), &bytes, 8);
}

fn a_dropped_writer_leaves_nothing(make: Make<'_>) {
    let mut wanted = Create::new(vec![9, 9], DType::F64);
    let Some(address) = make(&mut wanted) else { return };
    let before = names(&address);
    let writer = create(&address, &wanted).unwrap();
    write_some(&*writer, &wanted.shape, wanted.dtype, &elements(&wanted.shape, wanted.dtype, 9), 1);
    assert!(!exists(&address), "{address}: visible before commit");
    drop(writer);
    assert!(!exists(&address));
    assert_eq!(names(&address), before, "{address}: left behind");
}

fn an_overwrite_is_all_or_nothing(make: Make<'_>) {
    let mut wanted = Create::new(vec![20, 10], DType::F64);
    wanted.chunks = Some(vec![7, 4]);
    let Some(address) = make(&mut wanted) else { return };
    let old = elements(&wanted.shape, wanted.dtype, 10);
    write_all(&*create(&address, &wanted).unwrap(), &wanted.shape, wanted.dtype, &old);
    let before = names(&address);

    let mut again = wanted.clone();
    again.overwrite = true;
    again.shape = vec![6, 11];
    let new = elements(&again.shape, again.dtype, 11);
    for commit in [false, true] {
        let writer = create(&address, &again).unwrap();
        write_some(&*writer, &again.shape, again.dtype, &new, 1);
        check_reads(&*open(&address).unwrap(), &old, 12);
        if commit {
            writer.commit().unwrap();
        }
        drop(writer);
        let (shape, want) = if commit { (&again.shape, &new) } else { (&wanted.shape, &old) };
        let store = open(&address).unwrap();
        assert_eq!(&store.meta().shape, shape, "{address}");
        check_reads(&*store, want, 13);
        assert_eq!(names(&address), before, "{address}: left behind");
    }
}

fn bad_regions_are_errors(make: Make<'_>) {
    let mut wanted = Create::new(vec![5, 5], DType::F32);
    let Some(address) = make(&mut wanted) else { return };
    let bytes = elements(&wanted.shape, wanted.dtype, 14);
    write_all(&*create(&address, &wanted).unwrap(), &wanted.shape, wanted.dtype, &bytes);
    let store = open(&address).unwrap();
    let mut out = vec![0u8; 400];
    for region in [Region::dense(&[4, 0], &[2, 5]), Region::dense(&[0], &[5]), Region(vec![Span { start: 0, len: 3, step: 3 }; 2])] {
        let shape = usizes(&region.shape());
        let mut scratch = Scratch::new(1 << 20);
        let read = store.read(&region, &mut ViewMut::dense(&mut out, DType::F32, &shape), scratch.bytes(1 << 20));
        assert!(read.is_err(), "{address}: {region:?}");
    }
}
