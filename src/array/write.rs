//! A user's own values → a stored array, part by part: for data that comes from elsewhere and is larger than memory.

use super::pieces::cut;
use super::{ArrayElement, Shape, StoreOptions};
use crate::error::{Error, Result};
use crate::grid::{ChunkGrid, Region, element_count};
use crate::runtime::Runtime;
use crate::store::{self, Writer};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::View;
use ndarray::{ArrayView, ArrayViewD, Axis, Dimension, Slice};
use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};

/// Parts are handed to the store in pieces of about so many bytes, or of a chunk where that is more.
const PIECE_BYTES: u64 = 1 << 20;

/// Creates an array at `address`, to be written part by part; see [`ArrayWriter`]. `options.chunks` are its chunks.
/// Nothing is at the address before [`ArrayWriter::finish`], and what stood there stays until then.
///
/// # Errors
/// `BadRequest` for a shape, chunks or an address that cannot be, `Store` when something is at the address.
///
/// ```
/// # fn main() -> flagstone::Result<()> {
/// use flagstone::{DType, array::{StoreOptions, create}};
/// let directory = std::env::temp_dir().join(format!("flagstone-create-{}", std::process::id()));
/// std::fs::create_dir_all(&directory).unwrap();
/// let address = directory.join("x.zarr");
/// let options = StoreOptions::new().chunks([100, 50]);
/// let mut writer = create(&address, [250, 50], DType::F32, &options)?;
/// for day in 0..5 {
///     writer.append(ndarray::Array2::from_elem((50, 50), day as f32).view())?;
/// }
/// writer.finish()?;
/// assert_eq!(flagstone::open(&address)?.sum(..).item::<f32>()?, 2500.0 * 10.0);
/// std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(()) }
/// ```
pub fn create(address: impl AsRef<Path>, shape: impl Into<Shape>, dtype: DType, options: &StoreOptions) -> Result<ArrayWriter> {
    Runtime::default_runtime()?.create(address, shape, dtype, options)
}

/// Writes an array that [`create`] began. Its buffers count against the runtime's memory limit.
///
/// Dropped without [`ArrayWriter::finish`], nothing is at the address.
pub struct ArrayWriter {
    writer: Box<dyn Writer>,
    shape: Vec<u64>,
    dtype: DType,
    /// How a part is cut for the store: runs of granules.
    pieces: ChunkGrid,
    /// Those that no thread uses now.
    buffers: Mutex<Vec<Buffers>>,
    given_back: Condvar,
    /// Elements.
    written: AtomicU64,
    /// Rows that were appended and make no whole chunk yet, and bytes that they take at most.
    pending: Vec<u8>,
    pending_bytes: u64,
    appended: u64,
    _room: Box<dyn Any + Send + Sync>,
}

/// All of a runtime's threads may write at once where their buffers take no more than this part of its memory.
const BUFFERS_PART: u64 = 4;

/// Scratch is aligned as stores want theirs.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// What one thread needs to write a piece.
#[derive(Default)]
struct Buffers {
    piece: Vec<u8>,
    scratch: Vec<Line>,
}

/// Creating with this runtime.
impl Runtime {
    /// As [`create`], with this runtime's memory.
    ///
    /// # Errors
    /// As [`create`], and `WouldNotFit` when a chunk, or a row of chunks, does not fit the memory limit.
    pub fn create(&self, address: impl AsRef<Path>, shape: impl Into<Shape>, dtype: DType, options: &StoreOptions) -> Result<ArrayWriter> {
        let address = store::text(address.as_ref())?;
        let shape = shape.into().lengths("create")?;
        let item = dtype.size() as u64;
        if element_count(&shape).and_then(|n| n.checked_mul(item)).is_none_or(|bytes| bytes > i64::MAX as u64) {
            return Err(Error::bad_request("create", format!("shape {shape:?} is over 2⁶³ bytes")));
        }
        let writer = store::create(address, &options.of(&shape, dtype, None, address)?)?;
        let granules = ChunkGrid::regular(&shape, &writer.granule().iter().map(|&n| n.max(1)).collect::<Vec<_>>());
        let pieces = cut(&granules, (PIECE_BYTES / item).max(granules.largest_elements()).max(1));
        let longest: Vec<u64> = pieces.axes.iter().map(|axis| axis.longest()).collect();
        let piece_bytes = pieces.largest_elements() * item;
        let scratch_bytes = writer.scratch_bytes(&longest);
        // a row of chunks may have to wait for its last rows
        let row_bytes = shape.iter().skip(1).product::<u64>() * item;
        let pending_bytes = granules.axes.first().map_or(0, |axis| axis.longest() * row_bytes);
        let each = piece_bytes.saturating_add(scratch_bytes);
        let threads = (self.memory_limit_bytes() / BUFFERS_PART / each.max(1)).clamp(1, self.threads() as u64);
        let room = self.hold("create", each.saturating_mul(threads).saturating_add(pending_bytes), "; or smaller chunks")?;
        let scratch = || vec![Line([0; 64]); scratch_bytes.div_ceil(64) as usize];
        let buffers = (0..threads).map(|_| Buffers { piece: Vec::with_capacity(piece_bytes as usize), scratch: scratch() });
        Ok(ArrayWriter {
            writer,
            shape,
            dtype,
            pieces,
            buffers: Mutex::new(buffers.collect()),
            given_back: Condvar::new(),
            written: AtomicU64::new(0),
            pending: Vec::new(),
            pending_bytes,
            appended: 0,
            _room: room,
        })
    }
}

impl ArrayWriter {
    /// What a part must begin and end at: multiples of these along each axis, or the array's end. Chunks, or shards; ones
    /// where any part will do.
    pub fn chunks(&self) -> &[u64] {
        self.writer.granule()
    }

    /// Writes `part` with its first element at `start`. Each element is to be written once, in any order, from any
    /// thread.
    ///
    /// # Errors
    /// `BadRequest` when the part has another dtype, reaches past the array or cuts a chunk; `Store` when the disk fails.
    pub fn write<T: ArrayElement, D: Dimension>(&self, start: &[u64], part: ArrayView<'_, T, D>) -> Result<()> {
        let part = part.into_dyn();
        self.typed::<T>()?;
        let shape: Vec<u64> = part.shape().iter().map(|&n| n as u64).collect();
        let inside = start.len() == self.shape.len()
            && shape.len() == self.shape.len()
            && start.iter().zip(&shape).zip(&self.shape).all(|((&first, &n), &len)| first.checked_add(n).is_some_and(|end| end <= len));
        if !inside {
            let what = format!("a part of shape {shape:?} at {start:?} of an array of shape {:?}", self.shape);
            return Err(Error::bad_request("write", what));
        }
        let whole = |axis: usize| {
            let (chunk, end) = (self.chunks()[axis].max(1), start[axis] + shape[axis]);
            start[axis].is_multiple_of(chunk) && (end.is_multiple_of(chunk) || end == self.shape[axis])
        };
        if shape.contains(&0) {
            return Ok(());
        }
        if !(0..shape.len()).all(whole) {
            let what = format!(
                "a part of shape {shape:?} at {start:?} cuts chunks of {:?}: begin and end at multiples of them or at the \
                 array's end, or append rows",
                self.chunks()
            );
            return Err(Error::bad_request("write", what));
        }
        self.put(start, &shape, &|first, n, to| {
            let mut view = part.view();
            for axis in 0..first.len() {
                let from = (first[axis] - start[axis]) as isize;
                view.slice_axis_inplace(Axis(axis), Slice::from(from..from + n[axis] as isize));
            }
            collect(&view, to);
        })
    }

    /// Writes rows after the last ones: `rows` has the array's shape but for the length of axis 0, which is any. What makes no
    /// whole chunk yet waits in memory.
    ///
    /// # Errors
    /// As [`ArrayWriter::write`]; `BadRequest` for more rows than the array has.
    pub fn append<T: ArrayElement, D: Dimension>(&mut self, rows: ArrayView<'_, T, D>) -> Result<()> {
        self.typed::<T>()?;
        let mut rows = rows.into_dyn();
        let fits = rows.ndim() == self.shape.len()
            && rows.ndim() > 0
            && rows.shape().iter().zip(&self.shape).skip(1).all(|(&n, &len)| n as u64 == len)
            && self.appended + rows.shape()[0] as u64 <= self.shape[0];
        if !fits {
            let what = format!("rows of shape {:?} after {} of an array of shape {:?}", rows.shape(), self.appended, self.shape);
            return Err(Error::bad_request("append", what));
        }
        let chunk = self.chunks()[0].max(1);
        while rows.shape()[0] > 0 {
            let ready = (self.appended / chunk + 1) * chunk;
            let n = (ready.min(self.shape[0]) - self.appended).min(rows.shape()[0] as u64);
            let (now, rest) = rows.split_at(Axis(0), n as usize);
            let whole = self.appended.is_multiple_of(chunk) && (n == chunk || self.appended + n == self.shape[0]);
            if whole {
                let mut start = vec![0; self.shape.len()];
                start[0] = self.appended;
                self.write(&start, now)?;
            } else {
                self.pending.reserve_exact((self.pending_bytes as usize).saturating_sub(self.pending.len()));
                collect(&now, &mut self.pending);
            }
            self.appended += n;
            if !self.pending.is_empty() && (self.appended.is_multiple_of(chunk) || self.appended == self.shape[0]) {
                self.put_pending(chunk)?;
            }
            rows = rest;
        }
        Ok(())
    }

    /// Makes the array visible at its address.
    ///
    /// # Errors
    /// `BadRequest` when not every element was written once; `Store` when the disk fails. Then nothing is at the address
    /// that was not there.
    pub fn finish(self) -> Result<()> {
        let written = self.written.load(Relaxed);
        let all = element_count(&self.shape).unwrap_or(u64::MAX);
        if written != all {
            let waiting = self.pending.len() / self.dtype.size();
            let what = format!("{written} elements were written and {waiting} wait for the rest of their chunk, of {all}; write each once");
            return Err(Error::bad_request("finish", what));
        }
        self.writer.commit()
    }

    fn typed<T: ArrayElement>(&self) -> Result<()> {
        if T::DTYPE == self.dtype {
            return Ok(());
        }
        let what = format!("values of {} for an array of {}; convert them first", T::DTYPE, self.dtype);
        Err(Error::bad_request("write", what))
    }

    /// Writes the rows that waited: the last ones of a chunk have come.
    fn put_pending(&mut self, chunk: u64) -> Result<()> {
        let first = (self.appended - 1) / chunk * chunk;
        let (mut start, mut shape) = (vec![0; self.shape.len()], self.shape.clone());
        (start[0], shape[0]) = (first, self.appended - first);
        let item = self.dtype.size();
        let rows: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let pending = std::mem::take(&mut self.pending);
        let view = View::dense(&pending, self.dtype, &rows);
        self.put(&start, &shape, &|at, n, to| {
            let from: Vec<usize> = at.iter().zip(&start).map(|(a, b)| (a - b) as usize).collect();
            let part: Vec<usize> = n.iter().map(|&n| n as usize).collect();
            to.resize(part.iter().product::<usize>() * item, 0);
            let mut dense = flagstone_kernels::view::ViewMut::dense(to, self.dtype, &part);
            flagstone_kernels::copy::copy(&view.part(&from, &part), &mut dense);
        })?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    /// Hands the box to the store piece by piece; `fill` appends the elements of a box, in C order.
    fn put(&self, start: &[u64], shape: &[u64], fill: &dyn Fn(&[u64], &[u64], &mut Vec<u8>)) -> Result<()> {
        let touched: Vec<(u64, u64)> = (0..shape.len())
            .map(|axis| {
                let cuts = &self.pieces.axes[axis];
                let first = cuts.find(start[axis]);
                (first, cuts.find(start[axis] + shape[axis] - 1) - first + 1)
            })
            .collect();
        let counts: Vec<u64> = touched.iter().map(|(_, n)| *n).collect();
        for number in 0..counts.iter().product::<u64>() {
            let place = crate::grid::unravel(number, &counts);
            let mut at = Vec::with_capacity(shape.len());
            let mut n = Vec::with_capacity(shape.len());
            for axis in 0..shape.len() {
                let (first, len) = self.pieces.axes[axis].chunk(touched[axis].0 + place[axis]);
                let low = first.max(start[axis]);
                at.push(low);
                n.push((first + len).min(start[axis] + shape[axis]) - low);
            }
            let local: Vec<usize> = n.iter().map(|&n| n as usize).collect();
            self.with_buffers(|Buffers { piece, scratch }| {
                piece.clear();
                fill(&at, &n, piece);
                self.writer.write(&Region::dense(&at, &n), &View::dense(piece, self.dtype, &local), bytemuck::cast_slice_mut(scratch))
            })?;
            self.written.fetch_add(n.iter().product::<u64>(), Relaxed);
        }
        Ok(())
    }

    /// What `f` does with buffers of its own, once there are some.
    fn with_buffers<T>(&self, f: impl FnOnce(&mut Buffers) -> T) -> T {
        let mut free = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lent = loop {
            match free.pop() {
                Some(buffers) => break Lent { of: self, buffers },
                None => free = self.given_back.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(free);
        f(&mut lent.buffers)
    }
}

/// Buffers that go back when dropped, also where what uses them panics.
struct Lent<'a> {
    of: &'a ArrayWriter,
    buffers: Buffers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.of.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.buffers));
        self.of.given_back.notify_one();
    }
}

/// Appends the elements in C order, as they are stored.
fn collect<T: ArrayElement>(view: &ArrayViewD<'_, T>, to: &mut Vec<u8>) {
    for value in view.iter() {
        to.extend_from_slice(bytemuck::bytes_of(&value.clone().into_stored()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use ndarray::{Array3, ArrayD, s};

    const SHAPE: [usize; 3] = [23, 10, 6];

    fn runtime() -> Runtime {
        Runtime::builder().memory_limit("4MiB").threads(2).build().unwrap()
    }

    fn values() -> Array3<f64> {
        Array3::from_shape_fn(SHAPE, |(i, j, k)| (i * 60 + j * 6 + k) as f64)
    }

    /// Every format, with chunks of several kinds.
    fn kinds() -> Vec<(&'static str, StoreOptions)> {
        let of = |chunks: [i64; 3]| StoreOptions::new().chunks(chunks);
        vec![
            ("x.npy", StoreOptions::default()),
            ("x.zarr", of([4, 3, 6])),
            ("whole.zarr", of([23, 10, 6])),
            ("sharded.zarr", of([4, 5, 6]).shards([8, 10, 6])),
            ("x.h5", of([5, 10, 2])),
            ("plain.h5", StoreOptions::default()),
        ]
    }

    #[test]
    fn rows_and_parts_make_up_what_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let (runtime, all) = (runtime(), values());
        for (name, options) in kinds() {
            for rows in [1, 3, 4, 9, 23] {
                let address = directory.path().join(format!("{rows}-{name}"));
                let mut writer = runtime.create(&address, SHAPE, DType::F64, &options).unwrap();
                let mut at = 0;
                while at < 23 {
                    let end = (at + rows).min(23);
                    // views that lie dense and views that do not
                    let turned = all.slice(s![at..end, .., ..]).reversed_axes().to_owned();
                    writer.append(turned.view().reversed_axes()).unwrap();
                    assert!(!address.exists(), "{name}: visible before it is whole");
                    at = end;
                }
                writer.finish().unwrap();
                let read: ArrayD<f64> = runtime.compute(&crate::open(&address).unwrap()).unwrap();
                assert_eq!(read, all.clone().into_dyn(), "{name} by {rows} rows");
            }
            let address = directory.path().join(format!("parts-{name}"));
            let writer = runtime.create(&address, SHAPE, DType::F64, &options).unwrap();
            let step: Vec<usize> =
                writer.chunks().iter().zip(SHAPE).map(|(&c, n)| if c == 1 { n.div_ceil(2) } else { c as usize }).collect();
            std::thread::scope(|scope| {
                for first in [0, 1] {
                    let (writer, all, step) = (&writer, &all, &step);
                    scope.spawn(move || {
                        for i in (first * step[0]..23).step_by(2 * step[0]) {
                            for j in (0..10).step_by(step[1]) {
                                let part = all.slice(s![i..(i + step[0]).min(23), j..(j + step[1]).min(10), ..]);
                                writer.write(&[i as u64, j as u64, 0], part).unwrap();
                            }
                        }
                    });
                }
            });
            writer.finish().unwrap();
            let read: ArrayD<f64> = runtime.compute(&crate::open(&address).unwrap()).unwrap();
            assert_eq!(read, all.clone().into_dyn(), "{name} by parts");
        }
        assert_eq!(runtime.pool_usage().reserved_bytes, 0, "rooms are given back");
    }

    #[test]
    fn what_is_not_whole_is_refused_and_leaves_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let (runtime, all) = (runtime(), values());
        let address = directory.path().join("x.zarr");
        runtime.store(&crate::ones([3], DType::F64), &address).unwrap();
        let options = StoreOptions::new().chunks([4, 5, 6]).overwrite(true);
        let begin = || runtime.create(&address, SHAPE, DType::F64, &options).unwrap();
        let words = |result: Result<()>| result.expect_err("an error").to_string();
        let mut writer = begin();
        let cuts = words(writer.write(&[0, 0, 0], all.slice(s![..3, .., ..])));
        assert!(cuts.contains("cuts chunks of [4, 5, 6]"), "{cuts}");
        let past = words(writer.write(&[20, 0, 0], all.slice(s![..4, .., ..])));
        assert!(past.contains("at [20, 0, 0] of an array of shape [23, 10, 6]"), "{past}");
        let other = words(writer.append(all.mapv(|x| x as f32).view()));
        assert!(other.contains("values of float32 for an array of float64"), "{other}");
        let narrow = words(writer.append(all.slice(s![.., ..9, ..])));
        assert!(narrow.contains("rows of shape [23, 9, 6]"), "{narrow}");
        writer.append(all.slice(s![..6, .., ..])).unwrap();
        let short = words(writer.finish());
        assert!(short.contains("240 elements were written and 120 wait") && short.contains("of 1380"), "{short}");
        drop(begin());
        assert_eq!(runtime.compute::<f64>(&crate::open(&address).unwrap()).unwrap().len(), 3, "what stood there stays");

        let large = StoreOptions::new().chunks([1 << 20]);
        let error = runtime.create(directory.path().join("large.zarr"), 1 << 24, DType::F64, &large).err().unwrap();
        assert!(matches!(error.kind(), ErrorKind::WouldNotFit { .. }), "{error}");
    }
}
