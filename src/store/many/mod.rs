//! Many files → one array: one after the other along an axis, or stacked along a new one.
//!
//! Of all but a few files the headers alone are read when the array is opened. A file is opened when something of it is read, and stays
//! open, as many at once as [`Handles`] allows. What reading takes is known before: files that are cut and encoded alike are alike in
//! what they need, and the longest of each kind is opened at once to ask it.

mod as_one;
mod handles;
mod names;
mod order;

pub use as_one::AsOne;
pub use as_one::decoding;

use super::extent::Extent;
use super::in_memory::check_region;
use super::packing::Packing;
use super::together::together;
use super::{Meta, Moved, Store, formats};
use crate::error::{Error, Result};
use crate::grid::{AxisChunks, ChunkGrid, Region, Span};
use flagstone_kernels::view::ViewMut;
use handles::Handles;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Bytes that encoded chunks may take above their own size, beside a sixteenth of it: headers of codecs, checksums.
const CHUNK_HEAD_BYTES: u64 = 4096;

/// Many stored arrays as one.
#[derive(Debug)]
pub struct Many {
    name: String,
    meta: Meta,
    packing: Packing,
    /// Whether somebody asked what the numbers stand for: then it must be the same in all.
    decodes: AtomicBool,
    grid: Option<ChunkGrid>,
    /// The axis along which they lie; a new one where they are stacked.
    axis: usize,
    is_stacked: bool,
    parts: Vec<Part>,
    /// Where each part begins along the axis, and its length at the end.
    starts: Vec<u64>,
    /// One store of each kind of part: what all of that kind need is what it needs.
    kinds: Vec<Arc<dyn Store>>,
    handles: Handles,
}

/// One of them.
#[derive(Debug)]
struct Part {
    address: String,
    /// Elements along the axis.
    len: u64,
    kind: usize,
}

/// The files that an address stands for, where it is a pattern or says how many become one: with options of `more` where the address has
/// none. `None` where it is the address of one array.
///
/// # Errors
/// `Store` when no file has such a name or they are no one array, naming the one that does not fit; `BadRequest` for axes that they do not
/// have and a pattern that is none.
pub fn find(address: &str, more: &AsOne) -> Result<Option<Many>> {
    let (plain, here) = as_one::of(address)?;
    let as_one = here.or(more);
    if as_one == AsOne::default() && !names::is_pattern(&plain) {
        return Ok(None);
    }
    let name = format!("{plain}{}", as_one.text());
    Many::new(name, names::expand(&plain)?, &as_one).map(Some)
}

/// The addresses that an address stands for, where it is a pattern or says how many become one, in the order of their names.
///
/// # Errors
/// `Store` when no file has such a name, `BadRequest` for a pattern that is none.
pub(super) fn names_of(address: &str) -> Result<Option<Vec<String>>> {
    let (plain, as_one) = as_one::of(address)?;
    let is_one = as_one == AsOne::default() && !names::is_pattern(&plain);
    if is_one { Ok(None) } else { names::expand(&plain).map(Some) }
}

/// The arrays at all `addresses`, patterns among them, in this order, as one.
///
/// # Errors
/// As [`find`]; `BadRequest` when there is no address.
pub fn open_many<T: AsRef<std::path::Path>>(addresses: &[T], as_one: &AsOne) -> Result<Many> {
    let mut found = Vec::new();
    for address in addresses {
        found.extend(names::expand(super::text(address.as_ref())?)?);
    }
    let name = match &found[..] {
        [] => return Err(Error::bad_request("open", "no address is given")),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    Many::new(name, found, as_one)
}

impl Many {
    /// The arrays at `addresses`, one at least, as one.
    fn new(name: String, mut addresses: Vec<String>, as_one: &AsOne) -> Result<Many> {
        if let Some(coordinate) = &as_one.by {
            order::order(&mut addresses, coordinate, as_one.stack.is_some())?;
        }
        let first = formats::open_one(&addresses[0])?;
        let (axis, is_stacked) = as_one.place(first.meta(), &addresses[0])?;
        // Side by side, since each is a few calls of the system; the first one that fails is told.
        let extents: Vec<Result<Extent>> = together(|| addresses.par_iter().map(formats::extent).collect());
        let extents = extents.into_iter().collect::<Result<Vec<Extent>>>()?;
        require_alike(&addresses, &extents, axis, is_stacked)?;

        let mut meta = first.meta().clone();
        let lens = extents.iter().map(|extent| if is_stacked { 1 } else { extent.shape[axis] });
        let (kinds, kind_of) = kinds(&addresses, &extents, axis, first.clone())?;
        let parts: Vec<Part> =
            addresses.into_iter().zip(lens).zip(kind_of).map(|((address, len), kind)| Part { address, len, kind }).collect();
        let mut starts = vec![0u64];
        for part in &parts {
            starts.push(starts[starts.len() - 1].saturating_add(part.len));
        }
        let len = starts[parts.len()];
        let grid = grid(&parts, &kinds, axis, is_stacked, len);
        meta.compressed = kinds.iter().any(|kind| kind.meta().compressed);
        meta.shards = None;
        if is_stacked {
            meta.shape.insert(axis, len);
            meta.chunks = meta.chunks.map(|mut chunks| {
                chunks.insert(axis, 1);
                chunks
            });
            let new = as_one.by.clone();
            if meta.dimension_names.is_some() || new.is_some() {
                let names = meta.dimension_names.get_or_insert_with(|| vec![None; meta.shape.len() - 1]);
                names.insert(axis, new);
            }
        } else {
            meta.shape[axis] = len;
        }
        let packing = first.packing();
        let handles = Handles::new(parts.len());
        Ok(Many { name, meta, packing, decodes: AtomicBool::new(false), grid, axis, is_stacked, parts, starts, kinds, handles })
    }

    /// The addresses of the parts, in their order.
    pub fn addresses(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.address.clone()).collect()
    }
    /// The axis along which they lie, and whether it is a new one.
    pub fn axis(&self) -> (usize, bool) {
        (self.axis, self.is_stacked)
    }

    /// The store of part `n`, opened where it is not.
    fn part(&self, n: usize) -> Result<Arc<dyn Store>> {
        self.handles.get(n, || {
            let part = &self.parts[n];
            let store = formats::open_one(&part.address)?;
            let (meta, kind) = (store.meta(), self.kinds[part.kind].meta());
            let len = if self.is_stacked { 1 } else { meta.shape.get(self.axis).copied().unwrap_or(0) };
            if len != part.len || meta.dtype != kind.dtype || meta.chunks != kind.chunks || meta.shape.len() != kind.shape.len() {
                let what =
                    format!("is {:?} {} now: it has changed since {} was opened; open that again", meta.shape, meta.dtype, self.name);
                return Err(Error::store(&part.address, what));
            }
            let packing = store.packing();
            let alike = if self.decodes.load(Relaxed) { packing == self.packing } else { packing.scales_as(&self.packing) };
            if !alike {
                let first = &self.parts[0].address;
                let what = "its numbers stand for other values than those of";
                let why = "(scale_factor, add_offset, _FillValue, valid_range); open each with ?decode=cf and concatenate them";
                return Err(Error::store(&part.address, format!("{what} {first} {why}")));
            }
            Ok(store)
        })
    }

    /// What `region` has of each part: its number, the places of the region along the axis, and the part's own region.
    fn pieces<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = (usize, usize, Region)> + 'a {
        let Span { start, len, step } = region.0[self.axis];
        let mut done = 0;
        std::iter::from_fn(move || {
            if done >= len {
                return None;
            }
            let (at, place) = (done, start + done * step);
            // The last part that begins there or before: those without elements begin where the next one does.
            let n = self.starts.partition_point(|&begin| begin <= place) - 1;
            let inside = place - self.starts[n];
            let count = (self.parts[n].len - inside).div_ceil(step).min(len - done);
            done += count;
            let mut own = region.clone();
            if self.is_stacked {
                own.0.remove(self.axis);
            } else {
                own.0[self.axis] = Span { start: inside, len: count, step };
            }
            Some((n, at as usize, own))
        })
    }

    /// A region of a part that is as large as what `region` may have of any.
    fn largest_piece(&self, region: &Region) -> Region {
        let mut own = region.clone();
        if self.is_stacked {
            own.0.remove(self.axis);
        } else {
            let longest = self.parts.iter().map(|part| part.len).max().unwrap_or(0);
            let Span { len, step, .. } = region.0[self.axis];
            own.0[self.axis] = Span { start: 0, len: len.min(longest.div_ceil(step)), step };
        }
        own
    }
}

/// Bytes that encoded chunks of another file may take more than those of the one that was asked.
fn spread_bytes(meta: &Meta) -> u64 {
    let chunk = meta.chunks.iter().flatten().fold(meta.dtype.size() as u64, |n, &len| n.saturating_mul(len));
    if meta.compressed { chunk.saturating_add(chunk / 16).saturating_add(CHUNK_HEAD_BYTES) } else { 0 }
}

/// Refuses arrays that differ in more than the length of `axis`, or at all where they are stacked.
fn require_alike(addresses: &[String], extents: &[Extent], axis: usize, is_stacked: bool) -> Result<()> {
    let across =
        |shape: &[u64]| -> Vec<u64> { shape.iter().enumerate().filter(|(at, _)| is_stacked || *at != axis).map(|(_, &n)| n).collect() };
    let first = &extents[0];
    for (address, extent) in addresses.iter().zip(extents).skip(1) {
        if extent.shape.len() != first.shape.len() || across(&extent.shape) != across(&first.shape) || extent.dtype != first.dtype {
            let what =
                format!("is {:?} {}, the first one, {}, is {:?} {}", extent.shape, extent.dtype, addresses[0], first.shape, first.dtype);
            let how = if is_stacked { "they do not stack".to_string() } else { format!("they are no one array along axis {axis}") };
            return Err(Error::store(address, format!("{what}: {how}")));
        }
    }
    Ok(())
}

/// A store of each kind of array, which are those of one format that are cut and encoded alike, and the kind of each address. The longest is opened: no other one
/// of its kind needs more.
fn kinds(addresses: &[String], extents: &[Extent], axis: usize, first: Arc<dyn Store>) -> Result<(Vec<Arc<dyn Store>>, Vec<usize>)> {
    let mut numbers: HashMap<(&str, &Option<Vec<u64>>, &Option<Vec<u64>>, &str), usize> = HashMap::new();
    let mut longest: Vec<usize> = Vec::new();
    let len = |n: usize| extents[n].shape.get(axis).copied().unwrap_or(1);
    let mut kind_of = Vec::with_capacity(extents.len());
    for (n, extent) in extents.iter().enumerate() {
        let kind = *numbers.entry((extent.format, &extent.chunks, &extent.shards, &extent.codec)).or_insert(longest.len());
        match longest.get_mut(kind) {
            Some(so_far) if len(*so_far) < len(n) => *so_far = n,
            Some(_) => {}
            None => longest.push(n),
        }
        kind_of.push(kind);
    }
    let open = |&n: &usize| if n == 0 { Ok(first.clone()) } else { formats::open_one(&addresses[n]) };
    Ok((longest.iter().map(open).collect::<Result<_>>()?, kind_of))
}

/// Where the chunks of all lie, if any has chunks: those that have none are cut as the first of these are, and along the other axes all are.
fn grid(parts: &[Part], kinds: &[Arc<dyn Store>], axis: usize, is_stacked: bool, len: u64) -> Option<ChunkGrid> {
    let reference = kinds.iter().find(|kind| kind.meta().chunks.is_some())?;
    let mut axes = reference.chunk_grid()?.axes;
    if is_stacked {
        axes.insert(axis, AxisChunks::regular(len, 1));
        return Some(ChunkGrid { axes });
    }
    let cut = |part: &Part| {
        let chunks = kinds[part.kind].meta().chunks.as_ref().or(reference.meta().chunks.as_ref());
        AxisChunks::regular(part.len, chunks.map_or(part.len, |chunks| chunks[axis]))
    };
    let cuts: Vec<AxisChunks> = parts.iter().map(cut).collect();
    let even = || AxisChunks::regular(len, cuts.iter().map(AxisChunks::longest).max().unwrap_or(1));
    axes[axis] = AxisChunks::concatenated(&cuts).unwrap_or_else(even);
    Some(ChunkGrid { axes })
}

impl Store for Many {
    fn address(&self) -> &str {
        &self.name
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn chunk_grid(&self) -> Option<ChunkGrid> {
        self.grid.clone()
    }
    fn packing(&self) -> Packing {
        self.decodes.store(true, Relaxed);
        self.packing.clone()
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        let own = self.largest_piece(region);
        let needs = |kind: &Arc<dyn Store>| kind.scratch_bytes(&own).saturating_add(spread_bytes(kind.meta()));
        self.kinds.iter().map(needs).max().unwrap_or(0)
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        check_region(&self.name, &self.meta, region, out)?;
        let mut moved = Moved::default();
        if region.elements() == 0 {
            return Ok(moved);
        }
        for (n, at, own) in self.pieces(region) {
            let store = self.part(n)?;
            let (need, have) = (store.scratch_bytes(&own), scratch.len() as u64);
            if need > have {
                let what =
                    format!("its chunks take {need} bytes to decode, those of {} at most {have}", self.kinds[self.parts[n].kind].address());
                return Err(Error::store(&self.parts[n].address, what));
            }
            let mut start = vec![0; out.shape().len()];
            start[self.axis] = at;
            let mut shape = out.shape().to_vec();
            shape[self.axis] = if self.is_stacked { 1 } else { own.0[self.axis].len as usize };
            let mut there = out.part(&start, &shape);
            moved += if self.is_stacked {
                store.read(&own, &mut there.without(self.axis), scratch)?
            } else {
                store.read(&own, &mut there, scratch)?
            };
        }
        Ok(moved)
    }
    fn prefetch(&self, region: &Region) {
        if region.elements() == 0 {
            return;
        }
        // Opening a file is no advice: it waits.
        for (n, _, own) in self.pieces(region) {
            if let Some(store) = self.handles.opened(n) {
                store.prefetch(&own);
            }
        }
    }
    fn shared_bytes(&self) -> Option<(usize, u64)> {
        self.kinds.iter().find_map(|kind| kind.shared_bytes())
    }
    fn stored_bytes(&self) -> Option<u64> {
        let bytes: Vec<Option<u64>> =
            together(|| (0..self.parts.len()).into_par_iter().map(|n| self.part(n).ok()?.stored_bytes()).collect());
        bytes.into_iter().sum()
    }
    fn renewed(&self) -> Result<Option<Arc<dyn Store>>> {
        self.handles.keep_where(|store| matches!(store.renewed(), Ok(None)));
        Ok(None)
    }
    fn resident_bytes(&self) -> u64 {
        let names: u64 = self.parts.iter().map(|part| (part.address.len() + std::mem::size_of::<Part>() + 8) as u64).sum();
        let handle = self.kinds.iter().map(|kind| kind.resident_bytes()).max().unwrap_or(0);
        names.saturating_add(handle.saturating_mul(self.handles.most() as u64))
    }
}
