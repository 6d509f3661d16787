//! Arrays of what is in memory already.

use crate::array::{Array, ArrayElement};
use crate::error::Result;
use crate::expr::{Expr, Node, Op, ops};
use crate::grid::Region;
use crate::store;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::view::ViewMut;
use ndarray::ArrayViewD;
use std::sync::Arc;

/// The elements of an ndarray array, copied.
#[track_caller]
pub(in crate::array) fn from_ndarray<T: ArrayElement>(array: ArrayViewD<'_, T>) -> Array {
    Array::build(|| {
        let shape: Vec<u64> = array.shape().iter().map(|&n| n as u64).collect();
        let mut bytes = Vec::with_capacity(array.len() * T::DTYPE.size());
        for value in array.iter() {
            bytes.extend_from_slice(bytemuck::bytes_of(&value.clone().into_stored()));
        }
        in_memory(T::DTYPE, &shape, bytes)
    })
}

fn in_memory(dtype: DType, shape: &[u64], bytes: Vec<u8>) -> Result<Expr> {
    Node::new(Op::Source(ops::Source { store: Arc::new(store::InMemory::new(dtype, shape, bytes)?) }))
}

/// The elements of an array that is in memory as it is, and has no more than so many; `None` of every other.
pub(in crate::array) fn at_hand(expr: &Expr, most: u64) -> Result<Option<Vec<Scalar>>> {
    let Op::Source(source) = &expr.op else { return Ok(None) };
    let len = expr.shape.iter().fold(1, |n: u64, &len| n.saturating_mul(len));
    let region = Region::whole(&expr.shape);
    if !source.store.is_in_memory() || len > most || source.store.scratch_bytes(&region) > 0 {
        return Ok(None);
    }
    let shape: Vec<usize> = expr.shape.iter().map(|&n| n as usize).collect();
    let size = expr.dtype.size();
    let mut bytes = vec![0; len as usize * size];
    source.store.read(&region, &mut ViewMut::dense(&mut bytes, expr.dtype, &shape), &mut [])?;
    Ok(Some(bytes.chunks_exact(size).map(|bytes| Scalar::read(expr.dtype, bytes)).collect()))
}

/// An array of bytes in C order.
#[track_caller]
pub(in crate::array) fn from_bytes(dtype: DType, shape: &[u64], bytes: Vec<u8>) -> Array {
    Array::build(|| in_memory(dtype, shape, bytes))
}

impl Array {
    /// The elements of an ndarray array, copied.
    ///
    /// ```
    /// let x = flagstone::Array::from_ndarray(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(x.shape().unwrap(), [2, 2]);
    /// ```
    #[track_caller]
    pub fn from_ndarray<T: ArrayElement, D: ndarray::Dimension>(array: ndarray::Array<T, D>) -> Array {
        from_ndarray(array.view().into_dyn())
    }
}

impl<T: ArrayElement, D: ndarray::Dimension> From<ndarray::Array<T, D>> for Array {
    fn from(array: ndarray::Array<T, D>) -> Array {
        Array::from_ndarray(array)
    }
}
