//! A NetCDF-4 variable that is shorter than its dimension without a limit → an array of the dimension's length. HDF5 knows how far the
//! variable was written; of the rest libnetcdf gives the fill value.
//!
//! Source: libnetcdf's `nc4hdf.c`: an unlimited dimension is as long as the longest variable that has it.

use super::attributes::{self, Scales};
use super::dimensions;
use super::library::{self, Id, id, sync};
use super::objects;
use super::read::Dataset;
use crate::error::Result;
use crate::grid::{Region, Span};
use crate::store::in_memory::check_region;
use crate::store::{Meta, Moved, Packing, Store};
use flagstone_kernels::copy::fill;
use flagstone_kernels::view::ViewMut;
use hdf5_sys::h5d::H5Dget_space;
use hdf5_sys::h5i::H5I_type_t;
use std::path::Path;

/// The extent of an axis that may grow without end.
const UNLIMITED: u64 = u64::MAX;

/// The lengths of a dataset's axes by its dimensions, where one is longer than it; `most` are the extents that it may grow to. Variables
/// that have its dimensions are looked for in its group and those above.
pub(super) fn lengths(address: &str, dataset: &Id, (shape, most): (&[u64], &[u64]), scales: &mut Scales) -> Option<Vec<u64>> {
    if !most.contains(&UNLIMITED) {
        return None;
    }
    sync(|| {
        // a variable without scales may be one
        let itself = || (shape.len() == 1).then(|| vec![attributes::path_of(dataset)]);
        let paths = attributes::attached_to(address, dataset, shape.len(), scales).or_else(itself)?;
        let mut all = shape.to_vec();
        for ((len, most), path) in all.iter_mut().zip(most).zip(paths) {
            if let (UNLIMITED, Some(path)) = (*most, path) {
                *len = (*len).max(length(address, dataset, &path, scales).unwrap_or(0));
            }
        }
        (all != shape).then_some(all)
    })
}

/// How long the dimension is whose scale stands at `path`, as far as variables say that `dataset` has beside or above it.
fn length(address: &str, dataset: &Id, path: &str, scales: &mut Scales) -> Option<u64> {
    let (scale, _) = objects::open_object(address, dataset, path).ok()?;
    let at = library::identity(address, &scale).ok()?;
    if let Some(known) = scales.lengths.get(&at) {
        return Some(*known);
    }
    let mut longest = 0;
    if dimensions::is_of_netcdf(address, &scale) {
        longest = extent(address, &scale, 0).unwrap_or(0);
        for (variable, axis) in dimensions::attached(address, &scale).unwrap_or_default() {
            let path = scales.path(address, dataset, variable);
            let opened = path.and_then(|path| objects::open_object(address, dataset, &path).ok());
            longest = longest.max(
                opened
                    .and_then(|(variable, kind)| match kind {
                        H5I_type_t::H5I_DATASET => extent(address, &variable, axis),
                        _ => None,
                    })
                    .unwrap_or(0),
            );
        }
    }
    scales.lengths.insert(at, longest);
    Some(longest)
}

/// How long a dataset is along an axis.
fn extent(address: &str, dataset: &Id, axis: usize) -> Option<u64> {
    // SAFETY: the identifier is alive.
    let space = id(address, "dataspace", unsafe { H5Dget_space(dataset.raw()) }).ok()?;
    library::extents(address, &space).ok()?.0.get(axis).copied()
}

/// A dataset, and beyond its ends its fill value.
#[derive(Debug)]
pub(super) struct Lagging {
    of: Dataset,
    meta: Meta,
}

impl Lagging {
    /// `of` as long as `shape`, which is nowhere shorter than it is.
    pub(super) fn new(of: Dataset, shape: Vec<u64>) -> Lagging {
        Lagging { meta: Meta { shape, ..of.meta.clone() }, of }
    }

    /// The part of a region that lies in the dataset.
    fn inside(&self, region: &Region) -> Region {
        let within = |(span, &n): (&Span, &u64)| {
            let len = n.saturating_sub(span.start).div_ceil(span.step.max(1)).min(span.len);
            if len == 0 { Span::dense(0, 0) } else { Span { len, ..*span } }
        };
        Region(region.0.iter().zip(&self.of.meta.shape).map(within).collect())
    }
}

impl Store for Lagging {
    fn address(&self) -> &str {
        self.of.address()
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn packing(&self) -> Packing {
        self.of.packing()
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        self.of.scratch_bytes(region)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        check_region(self.address(), &self.meta, region, out)?;
        let inside = self.inside(region);
        if inside == *region {
            return self.of.read(region, out, scratch);
        }
        let mut value = vec![0; self.meta.dtype.size()];
        if let Some(of) = self.meta.fill {
            of.write(self.meta.dtype, &mut value);
        }
        fill(&value, out);
        if inside.elements() == 0 {
            return Ok(Moved::default());
        }
        let shape: Vec<usize> = inside.shape().iter().map(|&n| n as usize).collect();
        self.of.read(&inside, &mut out.part(&vec![0; shape.len()], &shape), scratch)
    }
    fn prefetch(&self, region: &Region) {
        self.of.prefetch(&self.inside(region));
    }
    fn ahead_bytes(&self) -> u64 {
        self.of.ahead_bytes()
    }
    fn allow_ahead(&self, bytes: u64) -> Box<dyn Send> {
        self.of.allow_ahead(bytes)
    }
    fn stored_bytes(&self) -> Option<u64> {
        self.of.stored_bytes()
    }
    fn resident_bytes(&self) -> u64 {
        self.of.resident_bytes()
    }
    fn elsewhere(&self) -> Option<&Path> {
        self.of.elsewhere()
    }
    fn shared_bytes(&self) -> Option<(usize, u64)> {
        self.of.shared_bytes()
    }
}
