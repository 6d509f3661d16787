//! Users' functions of blocks under a name, so that plans which are written down can say it.

use super::blocks::{called, of_type, values::OfBlocks};
use super::{Array, ArrayElement, counted};
use crate::error::Result;
use crate::expr::{BlockFn, BlockInfo, Function};
use ndarray::{ArrayD, ArrayViewD};
use std::marker::PhantomData;
use std::sync::Arc;

/// A function of blocks of `T` that gives blocks of `U`, under a name. Made by [`register`], called by [`Array::map_registered`].
pub struct Registered<T, U> {
    name: String,
    f: Arc<dyn BlockFn>,
    types: PhantomData<fn(T) -> U>,
}

/// Names a function of blocks, for as long as the process runs. A process that computes a plan in which it stands must have registered
/// it under the same name first.
///
/// # Errors
/// `BadRequest` if the name is taken.
///
/// ```
/// # fn main() -> flagstone::Result<()> {
/// use flagstone::array::{Value, plan_of, planned, register};
/// let double = register("double", |block: ndarray::ArrayViewD<'_, f64>| block.mapv(|v| 2.0 * v))?;
/// let plan = plan_of(&Value::Array(flagstone::ones([4], flagstone::DType::F64).map_registered(&double)))?;
/// let Value::Array(y) = planned(&plan)? else { unreachable!() };
/// assert_eq!(y.sum(..).item::<f64>()?, 8.0);
/// # Ok(()) }
/// ```
pub fn register<T, U>(name: &str, f: impl Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Send + Sync + 'static) -> Result<Registered<T, U>>
where
    T: ArrayElement,
    U: ArrayElement,
{
    let f: Arc<dyn BlockFn> = Arc::new(OfBlocks::new(move |_: &BlockInfo, args: &[ArrayViewD<'_, T>]| f(args[0].view())));
    crate::expr::register(name, f.clone())?;
    Ok(Registered { name: name.to_string(), f, types: PhantomData })
}

impl Array {
    /// As [`Array::map_blocks`], by a function that has a name.
    #[track_caller]
    pub fn map_registered<T: ArrayElement, U: ArrayElement>(&self, f: &Registered<T, U>) -> Array {
        Array::build(|| {
            let (name, f) = (f.name.clone(), f.f.clone());
            counted::when_known("map_blocks", &[of_type::<T>("map_blocks", self)?], &[], move |args| {
                called(Function::of_blocks(&name, f.clone(), args.to_vec(), U::DTYPE, args[0].chunks.clone()))
            })
        })
    }
}
