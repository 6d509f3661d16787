//! Arrays of all kinds, written here or by libhdf5, as the tests of each part want them.

mod commit;
mod damaged;
mod foreign;
mod walks;
mod written;

use super::library::{self, Id, done, id, sync};
use super::objects;
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
