//! Arrays of what is in memory already.

use crate::array::{Array, ArrayElement};
use crate::error::Result;
use crate::expr::{Expr, Node, Op, ops};
use crate::store;
use flagstone_kernels::dtype::DType;
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
