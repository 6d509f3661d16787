//! Python's functions of blocks, and Python's objects that are written to. Both get arrays of their own: a frame or a traceback may keep
//! them longer than the block lives.

use crate::array::Array;
use crate::interpreter::{ENDED, attached};
use crate::memory::{dtype_of, expect_shape, look_at, native, numpy, place_of};
use crate::run::{in_task, run};
use flagstone::array::{BlockFn, BlockInfo, Boundary, Halo, block_function, overlap_function};
use flagstone::error::{Cause, Error, Result};
use flagstone::grid::Region;
use flagstone::store::Writer;
use flagstone::{DType, Scalar, View, ViewMut};
use flagstone_kernels::copy::copy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyTuple};
use std::sync::Arc;

/// The elements of a block as an array of NumPy that owns them.
fn owned<'py>(py: Python<'py>, view: &View<'_>) -> PyResult<Bound<'py, PyAny>> {
    let shape = view.shape().to_vec();
    let mut bytes = vec![0u8; shape.iter().product::<usize>() * view.dtype().size()];
    copy(view, &mut ViewMut::dense(&mut bytes, view.dtype(), &shape));
    let address = bytes.as_mut_ptr() as usize;
    look_at(py, (Box::new(bytes), address), view.dtype(), shape.iter().map(|&n| n as u64).collect(), None, false)
}

/// A function of Python: of the blocks of its arguments, and of where they lie if it wants to know.
struct Called {
    f: Py<PyAny>,
    dtype: DType,
    /// Whether it takes `block_info`.
    informed: bool,
}

impl Called {
    fn made(&self, py: Python<'_>, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) -> PyResult<()> {
        let args = args.iter().map(|view| owned(py, view)).collect::<PyResult<Vec<_>>>()?;
        let args = PyTuple::new(py, args)?;
        let given = if self.informed {
            let place = PyDict::new(py);
            place.set_item("chunk-location", PyTuple::new(py, &info.index)?)?;
            let ends: Vec<(u64, u64)> = info.region.0.iter().map(|span| (span.start, span.stop())).collect();
            place.set_item("array-location", ends)?;
            let named = PyDict::new(py);
            named.set_item("block_info", place)?;
            self.f.bind(py).call(args, Some(&named))?
        } else {
            self.f.bind(py).call1(args)?
        };
        let given = native(&numpy(py, "asarray")?.call1((given,))?)?;
        let declared = crate::memory::to_dtype(py, self.dtype)?;
        let given = if dtype_of(&given.getattr("dtype")?)? == self.dtype {
            given
        } else {
            let same_kind = PyDict::new(py);
            same_kind.set_item("casting", "same_kind")?;
            given.call_method("astype", (declared,), Some(&same_kind))?
        };
        let place = place_of(&given)?;
        let expected: Vec<u64> = out.shape().iter().map(|&n| n as u64).collect();
        expect_shape("the function", &place.shape, &expected)?;
        if expected.contains(&0) {
            return Ok(());
        }
        // SAFETY: `given` holds elements of its dtype, shape and strides until the end of this call.
        let view = unsafe { View::from_raw(place.address as *const u8, place.dtype, out.shape(), &place.strides) };
        copy(&view, out);
        Ok(())
    }
}

impl BlockFn for Called {
    fn call(&self, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
        let cause: Box<Cause> = match in_task(|| attached(|py| self.made(py, info, args, out))) {
            Some(Ok(())) => return,
            Some(Err(raised)) => Box::new(raised),
            None => ENDED.into(),
        };
        // As a panic would, and without its message on stderr: the engine names the block.
        std::panic::resume_unwind(Box::new(cause));
    }

    /// The arrays that the function is given. What it makes of them on the way is its own affair.
    fn own_bytes(&self, args: &[u64], _out: u64) -> u64 {
        args.iter().fold(0, |sum, &bytes| sum.saturating_add(bytes))
    }
}

/// The array of calls of `f`: see `block_function` of the Rust API.
#[pyfunction]
#[pyo3(signature = (name, f, args, cuts, dtype, chunks, informed))]
fn call_blocks(
    py: Python<'_>,
    name: &str,
    f: Py<PyAny>,
    args: Vec<(Bound<'_, Array>, Vec<usize>)>,
    cuts: Vec<Vec<u64>>,
    dtype: Bound<'_, PyAny>,
    chunks: Vec<Vec<u64>>,
    informed: bool,
) -> PyResult<Array> {
    let dtype = dtype_of(&dtype)?;
    let args: Vec<(flagstone::Array, Vec<usize>)> = args.into_iter().map(|(array, axes)| (array.get().array(), axes)).collect();
    Array::built(py, block_function(name, Arc::new(Called { f, dtype, informed }), &args, &cuts, dtype, &chunks))
}

/// What an argument of [`call_around`] sees: places before and behind along each axis, and what stands beyond its ends.
type Seen = (Vec<(u64, u64)>, Vec<(String, f64)>);

/// The array of calls of `f`, each of blocks with what lies around them: see `overlap_function` of the Rust API. It takes `block_info`.
#[pyfunction]
fn call_around(py: Python<'_>, name: &str, f: Py<PyAny>, args: Vec<(Bound<'_, Array>, Seen)>, dtype: Bound<'_, PyAny>) -> PyResult<Array> {
    let dtype = dtype_of(&dtype)?;
    let boundary = |(name, value): &(String, f64)| match name.as_str() {
        "none" => Ok(Boundary::None),
        "reflect" => Ok(Boundary::Reflect),
        "nearest" => Ok(Boundary::Nearest),
        "periodic" => Ok(Boundary::Periodic),
        // a whole number is one of any dtype
        "constant" if value.fract() == 0.0 && value.abs() < 1e15 => Ok(Boundary::Constant(Scalar::Int(*value as i64))),
        "constant" => Ok(Boundary::Constant(Scalar::Float(*value))),
        other => {
            let what = format!("map_overlap: boundary '{other}'; expected 'none', 'reflect', 'nearest', 'periodic' or a number");
            Err(PyValueError::new_err(what))
        }
    };
    let halo = |(array, (depth, boundaries)): &(Bound<'_, Array>, Seen)| {
        let depth: Vec<[u64; 2]> = depth.iter().map(|&(before, after)| [before, after]).collect();
        let boundaries = boundaries.iter().map(boundary).collect::<PyResult<Vec<_>>>()?;
        PyResult::Ok((array.get().array(), Halo::new(depth).boundaries(boundaries)))
    };
    let args = args.iter().map(halo).collect::<PyResult<Vec<_>>>()?;
    Array::built(py, overlap_function(name, Arc::new(Called { f, dtype, informed: true }), &args, dtype))
}

/// An object of Python that is written to by slices.
struct Target {
    object: Py<PyAny>,
    /// Where the array begins in it.
    origin: Vec<u64>,
    granule: Vec<u64>,
    item: u64,
}

impl Target {
    fn set(&self, py: Python<'_>, region: &Region, data: &View<'_>) -> PyResult<()> {
        let slice = |(span, origin): (&flagstone::grid::Span, &u64)| {
            PySlice::new(py, (span.start + origin) as isize, (span.stop() + origin) as isize, 1)
        };
        let index = PyTuple::new(py, region.0.iter().zip(&self.origin).map(slice))?;
        self.object.bind(py).set_item(index, owned(py, data)?)
    }
}

impl Writer for Target {
    fn granule(&self) -> &[u64] {
        &self.granule
    }
    /// The array that the object is given.
    fn scratch_bytes(&self, shape: &[u64]) -> u64 {
        shape.iter().product::<u64>().saturating_mul(self.item)
    }
    fn write(&self, region: &Region, data: &View<'_>, _scratch: &mut [u8]) -> Result<u64> {
        in_task(|| attached(|py| self.set(py, region, data)))
            .ok_or_else(|| Error::store("store", ENDED))?
            .map_err(|raised| Error::store("store", "an exception of Python").caused_by(raised))?;
        Ok(region.elements() * data.dtype().size() as u64)
    }
    fn commit(&self) -> Result<()> {
        Ok(())
    }
}

/// Writes arrays into objects of Python in one pass: (array, object, where it begins in the object, what one call writes at least).
#[pyfunction]
fn store_into(py: Python<'_>, items: Vec<(Bound<'_, Array>, Py<PyAny>, Vec<u64>, Vec<u64>)>) -> PyResult<()> {
    let target = |(array, object, origin, granule): (Bound<'_, Array>, _, _, _)| {
        let array = array.get().array();
        let item = array.dtype().map_or(16, |dtype| dtype.size() as u64);
        (array, Box::new(Target { object, origin, granule, item }) as Box<dyn Writer>)
    };
    let items: Vec<(flagstone::Array, Box<dyn Writer>)> = items.into_iter().map(target).collect();
    run(py, move |runtime| runtime.store_into(items))
}

pub(crate) fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(call_blocks, module)?)?;
    module.add_function(wrap_pyfunction!(call_around, module)?)?;
    module.add_function(wrap_pyfunction!(store_into, module)?)
}
