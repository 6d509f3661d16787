//! LAPACK's calls, one a matrix of a stack.

use crate::array::{Array, identity, ones, zeros};
use crate::error::Result;
use crate::expr::{Expr, ops, outputs};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::linalg::Dense;

/// All results of one call a matrix.
pub(super) fn dense(call: Dense, arg: Expr, other: Option<Expr>) -> Result<Vec<Array>> {
    if arg.shape.contains(&0) {
        return Ok(of_nothing(call, &arg));
    }
    let op = ops::Dense { call, arg, other };
    Ok(outputs(op.into())?.into_iter().map(Array::from_expr).collect())
}

/// What NumPy gives of matrices without elements, or of none.
fn of_nothing(call: Dense, arg: &Expr) -> Vec<Array> {
    let Some(([m, n], stack)) = arg.shape.split_last_chunk::<2>().map(|(stack, last)| (*last, stack)) else { return vec![] };
    let made = |(at, (last, dtype)): (usize, (Vec<u64>, DType))| {
        let shape = [stack, &last[..]].concat();
        let squares = matches!((call, at), (Dense::Svd { full: true }, 0 | 2) | (Dense::Qr { full: true }, 0));
        match call {
            _ if squares => identity(last[0], dtype).broadcast_to(shape),
            Dense::Det => ones(shape, dtype),
            Dense::SlogDet if at == 0 => ones(shape, dtype),
            _ => zeros(shape, dtype),
        }
    };
    call.makes(arg.dtype, m, n, 0).into_iter().enumerate().map(made).collect()
}
