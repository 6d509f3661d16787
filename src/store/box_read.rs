//! A dense C-order array somewhere in a file → any region of it in any layout, by positioned reads.

use super::copy_box::{advance, copy, is_dense};
use crate::grid::Region;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The largest piece that is staged at once.
pub(crate) const PIECE_BYTES: u64 = 1 << 20;
/// Rows of a file of fewer bytes than this are written whole, where that can be had: a call takes as long as copying them.
pub(crate) const RUN_BYTES: u64 = 4 << 10;
/// Wanted bytes farther apart than this are read one by one, not with what lies between them.
const GAP_BYTES: u64 = 8 << 10;
/// Dense stretches at least this long go straight to the output, one call each.
const DIRECT_BYTES: u64 = 32 << 10;

/// A dense array in a file.
#[derive(Debug)]
pub(crate) struct BoxFile<'a> {
    /// The file.
    pub(crate) file: &'a File,
    /// Byte of the first element.
    pub(crate) base: u64,
    /// Element type.
    pub(crate) dtype: DType,
    /// Whether the bytes are of the other order.
    pub(crate) swap: bool,
    /// Lengths of the axes as stored, slowest first.
    pub(crate) shape: &'a [u64],
    /// Stored axis i is axis `order[i]` of the region and of the output; `None`: the same.
    pub(crate) order: Option<&'a [usize]>,
}

/// Staging that [`BoxFile::read_strided`] needs at most.
pub(crate) fn scratch_bytes(region: &Region, dtype: DType) -> u64 {
    let reach = region.0.iter().fold(dtype.size() as u64, |n, s| n.saturating_mul(s.len.saturating_mul(s.step).max(1)));
    // A transposed file may span more between two wanted elements than the region's box holds.
    if region.0.len() <= 1 { reach.min(PIECE_BYTES) } else { PIECE_BYTES }
}

/// Bytes from one index to the next along each axis of a dense array of items.
pub(crate) fn file_strides(shape: &[u64], item: u64) -> Vec<u64> {
    let mut strides = vec![item; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

struct Walk<'a> {
    file: &'a BoxFile<'a>,
    /// (start, len, step) along each stored axis.
    spans: Vec<(u64, u64, u64)>,
    /// Bytes in the file from one index to the next along each stored axis.
    file_strides: Vec<u64>,
    out_strides: Vec<isize>,
    moved: u64,
}

impl BoxFile<'_> {
    /// Reads `region` into `out`; returns the bytes read. Stored axes step by `strides` bytes where something else lies between
    /// elements.
    ///
    /// # Errors
    /// Those of reading the file, `UnexpectedEof` where it is short.
    pub(crate) fn read_strided(
        &self,
        strides: Option<&[u64]>,
        region: &Region,
        out: &mut ViewMut<'_>,
        scratch: &mut [u8],
    ) -> io::Result<u64> {
        if region.elements() == 0 {
            return Ok(0);
        }
        let out_strides =
            self.order.map_or_else(|| out.strides().to_vec(), |order| order.iter().map(|&axis| out.strides()[axis]).collect());
        let spans = (0..self.shape.len()).map(|i| {
            let span = region.0[self.order.map_or(i, |order| order[i])];
            (span.start, span.len, span.step)
        });
        let spans: Vec<_> = spans.collect();
        let file_strides = strides.map_or_else(|| file_strides(self.shape, self.dtype.size() as u64), <[u64]>::to_vec);
        let first: u64 = spans.iter().zip(&file_strides).map(|(s, stride)| s.0 * stride).sum();
        let mut walk = Walk { file: self, spans, file_strides, out_strides, moved: 0 };
        let len = (PIECE_BYTES as usize).min(scratch.len());
        walk.axis(0, self.base + first, out.ptr(), &mut scratch[..len])?;
        Ok(walk.moved)
    }
}

impl Walk<'_> {
    /// Bytes from the first to the last wanted element of axes `axis..`, with `len` indices along `axis`.
    fn reach(&self, axis: usize) -> u64 {
        let tail = self.spans[axis..].iter().zip(&self.file_strides[axis..]);
        tail.map(|(&(_, len, step), stride)| (len - 1) * step * stride).sum::<u64>() + self.file.dtype.size() as u64
    }

    /// Reads axes `axis..` of what starts at byte `at`, to `to`.
    fn axis(&mut self, axis: usize, at: u64, to: *mut u8, scratch: &mut [u8]) -> io::Result<()> {
        let item = self.file.dtype.size();
        let shape: Vec<usize> = self.spans[axis..].iter().map(|s| s.1 as usize).collect();
        let bytes = shape.iter().product::<usize>() * item;
        let reach = self.reach(axis);
        if bytes as u64 == reach && !self.file.swap && is_dense(&shape, &self.out_strides[axis..], item) {
            // SAFETY: `to` is the first of `bytes` dense bytes of the output, which the caller borrows
            // uniquely.
            let out = unsafe { std::slice::from_raw_parts_mut(to, bytes) };
            self.file.file.read_exact_at(out, at)?;
            self.moved += reach;
            return Ok(());
        }
        let Some(&(_, len, step)) = self.spans.get(axis) else {
            return self.staged(axis, &[], at, to, scratch, reach);
        };
        let (file_step, out_step) = (step * self.file_strides[axis], self.out_strides[axis]);
        let rest = if axis + 1 < self.spans.len() { self.reach(axis + 1) } else { item as u64 };
        let near = file_step <= rest.saturating_add(GAP_BYTES);
        let tail = (shape[1..].iter().product::<usize>() * item) as u64;
        let straight =
            !self.file.swap && tail == rest && rest >= DIRECT_BYTES && is_dense(&shape[1..], &self.out_strides[axis + 1..], item);
        if straight || rest > scratch.len() as u64 || !near && len > 1 {
            for i in 0..len {
                let to = to.wrapping_offset(i as isize * out_step);
                self.axis(axis + 1, at + i * file_step, to, scratch)?;
            }
            return Ok(());
        }
        // As many indices at once as fit the staging.
        let fit = 1 + (scratch.len() as u64 - rest) / file_step.max(1);
        let mut done = 0;
        while done < len {
            let n = fit.min(len - done);
            let mut shape = shape.clone();
            shape[0] = n as usize;
            let to = to.wrapping_offset(done as isize * out_step);
            self.staged(axis, &shape, at + done * file_step, to, scratch, (n - 1) * file_step + rest)?;
            done += n;
        }
        Ok(())
    }

    fn staged(&mut self, axis: usize, shape: &[usize], at: u64, to: *mut u8, scratch: &mut [u8], reach: u64) -> io::Result<()> {
        let staging = &mut scratch[..reach as usize];
        self.file.file.read_exact_at(staging, at)?;
        self.moved += reach;
        let spans = self.spans[axis..].iter().zip(&self.file_strides[axis..]);
        let strides: Vec<isize> = spans.map(|(s, stride)| (s.2 * stride) as isize).collect();
        let dtype = self.file.dtype;
        // SAFETY: `to` and its strides lead to elements of the output inside its shape, which the caller borrows uniquely.
        let mut out = unsafe { ViewMut::from_raw(to, dtype, shape, &self.out_strides[axis..]) };
        copy(&View::strided(staging, dtype, shape, &strides, 0), &mut out, self.file.swap);
        Ok(())
    }
}

/// Writes `data`, which lies at `region` of a dense array of `shape` at byte `base`.
///
/// # Errors
/// Those of writing the file.
pub(crate) fn write_box(file: &File, base: u64, shape: &[u64], region: &Region, data: &View<'_>, scratch: &mut [u8]) -> io::Result<u64> {
    if region.elements() == 0 {
        return Ok(0);
    }
    let item = data.dtype().size();
    // Trailing axes that the region covers whole are one stretch of the file.
    let mut stretch_axis = shape.len();
    while stretch_axis > 0 && (stretch_axis == shape.len() || region.0[stretch_axis].len == shape[stretch_axis]) {
        stretch_axis -= 1;
    }
    let counts: Vec<usize> = data.shape()[..stretch_axis].to_vec();
    let stretch_shape = &data.shape()[stretch_axis..];
    let file_strides = file_strides(shape, item as u64);
    let mut place = vec![0; counts.len()];
    loop {
        let mut start = place.clone();
        start.resize(shape.len(), 0);
        let mut part = vec![1; counts.len()];
        part.extend_from_slice(stretch_shape);
        let at = base + region.0.iter().zip(&start).zip(&file_strides).map(|((s, &i), n)| (s.start + i as u64) * n).sum::<u64>();
        write_stretch(file, at, &data.part(&start, &part), scratch)?;
        if !advance(&mut place, &counts) {
            break;
        }
    }
    Ok(region.elements() * item as u64)
}

/// Writes the elements of `stretch` at `at`, staging what does not lie dense.
fn write_stretch(file: &File, at: u64, stretch: &View<'_>, scratch: &mut [u8]) -> io::Result<()> {
    if let Some(bytes) = stretch.as_bytes() {
        return file.write_all_at(bytes, at);
    }
    let item = stretch.dtype().size();
    // Cut along the first axis that is longer than one until a part fits the staging.
    let len: usize = stretch.shape().iter().product::<usize>() * item;
    if len <= scratch.len() {
        let staging = &mut scratch[..len];
        copy(stretch, &mut ViewMut::dense(staging, stretch.dtype(), stretch.shape()), false);
        return file.write_all_at(staging, at);
    }
    let axis = stretch.shape().iter().position(|&n| n > 1).unwrap_or(0);
    let each = len / stretch.shape()[axis];
    let n = (scratch.len() / each).max(1);
    let mut done = 0;
    while done < stretch.shape()[axis] {
        let (mut start, mut shape) = (vec![0; stretch.shape().len()], stretch.shape().to_vec());
        start[axis] = done;
        shape[axis] = n.min(stretch.shape()[axis] - done);
        write_stretch(file, at + (done * each) as u64, &stretch.part(&start, &shape), scratch)?;
        done += shape[axis];
    }
    Ok(())
}

/// C-order strides of `shape` laid out with axis `order[i]` as stored axis i, by axis of the array.
pub(crate) fn stored_strides(shape: &[usize], order: Option<&[usize]>, item: usize) -> Vec<isize> {
    let Some(order) = order else { return dense_strides(shape, item) };
    let stored: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let mut strides = vec![0; shape.len()];
    for (&axis, &stride) in order.iter().zip(&dense_strides(&stored, item)) {
        strides[axis] = stride;
    }
    strides
}
