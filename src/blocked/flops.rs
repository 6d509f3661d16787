//! How many floating-point operations products are.

use flagstone_kernels::dtype::DType;

/// Of as many multiplications of `dtype` as the product of `sides` is, each with an addition.
pub fn of_products(dtype: DType, sides: &[u64]) -> u64 {
    sides.iter().fold(if dtype.is_complex() { 8 } else { 2 }, |n: u64, &side| n.saturating_mul(side))
}
