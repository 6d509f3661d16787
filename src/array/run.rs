//! Array → results, through a runtime.

use super::any::{AnyArray, ArrayElement, wrong_dtype};
use super::into_view::Lent;
use super::io::StoreOptions;
use super::{Array, counted, rest};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::runtime::{Dense, Explanation, Runtime};
use crate::store;
use flagstone_kernels::dtype::Scalar;
use ndarray::{ArrayD, ArrayViewMutD};
use std::path::Path;

/// Arrays that are computed together: tuples of up to six, and slices.
pub trait ComputeMany {
    /// As many results.
    type Output;
    /// The arrays.
    fn arrays(&self) -> Vec<&Array>;
    /// The results in the same order.
    fn results(&self, results: Vec<AnyArray>) -> Result<Self::Output>;
}

impl ComputeMany for &[Array] {
    type Output = Vec<AnyArray>;
    fn arrays(&self) -> Vec<&Array> {
        self.iter().collect()
    }
    fn results(&self, results: Vec<AnyArray>) -> Result<Vec<AnyArray>> {
        Ok(results)
    }
}

impl ComputeMany for &[&Array] {
    type Output = Vec<AnyArray>;
    fn arrays(&self) -> Vec<&Array> {
        self.to_vec()
    }
    fn results(&self, results: Vec<AnyArray>) -> Result<Vec<AnyArray>> {
        Ok(results)
    }
}

macro_rules! tuples {
    ($($any:ident: $($a:ident $n:tt),*;)*) => { $(
        impl ComputeMany for ($(&$a,)*) {
            type Output = ($($any![$a],)*);
            fn arrays(&self) -> Vec<&Array> {
                vec![$(self.$n),*]
            }
            fn results(&self, results: Vec<AnyArray>) -> Result<Self::Output> {
                let mut results = results.into_iter();
                let mut next = || results.next().ok_or_else(|| Error::internal("fewer results than arrays"));
                Ok(($($any![next $a],)*))
            }
        }
    )* };
}
macro_rules! any {
    ($a:ident) => {
        AnyArray
    };
    ($next:ident $a:ident) => {
        $next()?
    };
}
tuples! {
    any: Array 0;
    any: Array 0, Array 1;
    any: Array 0, Array 1, Array 2;
    any: Array 0, Array 1, Array 2, Array 3;
    any: Array 0, Array 1, Array 2, Array 3, Array 4;
    any: Array 0, Array 1, Array 2, Array 3, Array 4, Array 5;
}

fn typed<T: ArrayElement>(operation: &str, expr: &Expr) -> Result<()> {
    if expr.dtype == T::DTYPE { Ok(()) } else { Err(wrong_dtype(operation, expr.dtype, T::DTYPE)) }
}

/// Computing arrays with this runtime.
impl Runtime {
    fn dense(&self, expr: Expr) -> Result<Dense> {
        let results = self.compute_exprs(&[expr])?;
        results.into_iter().next().ok_or_else(|| Error::internal("no result"))
    }

    /// The elements, as `T`.
    ///
    /// # Errors
    /// `BadRequest` when `array` has another dtype or an error of its own; `WouldNotFit`, `Store` and the rest
    /// of what computing meets.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, Runtime, ones};
    /// let rt = Runtime::builder().memory_limit("64MiB").threads(2).build()?;
    /// assert_eq!(rt.compute::<f64>(&(ones([2], DType::F64) * 3.0))?.sum(), 6.0);
    /// # Ok(()) }
    /// ```
    pub fn compute<T: ArrayElement>(&self, array: &Array) -> Result<ArrayD<T>> {
        let expr = array.expr()?;
        typed::<T>("compute", &expr)?;
        T::array(self.dense(expr)?.into_array()?)
    }

    /// The elements, of whatever dtype.
    ///
    /// # Errors
    /// As [`Runtime::compute`].
    pub fn compute_any(&self, array: &Array) -> Result<AnyArray> {
        AnyArray::from_dense(self.dense(array.expr()?)?)
    }

    /// The only element, as `T`.
    ///
    /// # Errors
    /// As [`Runtime::compute`], and `BadRequest` when there is not exactly one element.
    pub fn item<T: ArrayElement>(&self, array: &Array) -> Result<T> {
        let expr = array.expr()?;
        typed::<T>("item", &expr)?;
        let many = |shape: &[u64]| Error::bad_request("item", format!("an array of shape {shape:?}; expected one element"));
        if !expr.is_counted() && expr.elements() != 1 {
            return Err(many(&expr.shape));
        }
        let result = self.dense(expr)?;
        let shape = result.shape.clone();
        let values: ArrayD<T::Stored> = result.into_array()?;
        match values.len() {
            1 => values.first().copied().map(T::from_stored).ok_or_else(|| Error::internal("no result")),
            _ => Err(many(&shape)),
        }
    }

    /// Several arrays in one shared pass: sources are read once.
    ///
    /// # Errors
    /// As [`Runtime::compute`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, Runtime, ones};
    /// let rt = Runtime::builder().memory_limit("64MiB").build()?;
    /// let x = ones([4], DType::F64);
    /// let (sum, max) = rt.compute_many((&x.sum(..), &x.max(..)))?;
    /// assert_eq!((sum.item().unwrap().as_f64(), max.item().unwrap().as_f64()), (4.0, 1.0));
    /// # Ok(()) }
    /// ```
    pub fn compute_many<M: ComputeMany>(&self, arrays: M) -> Result<M::Output> {
        let exprs: Vec<Expr> = arrays.arrays().into_iter().map(Array::expr).collect::<Result<_>>()?;
        let results = self.compute_exprs(&exprs)?;
        arrays.results(results.into_iter().map(AnyArray::from_dense).collect::<Result<_>>()?)
    }

    /// The elements into a view, without memory for a second copy.
    ///
    /// # Errors
    /// As [`Runtime::compute`], and `BadRequest` when the shapes differ.
    pub fn compute_into<T: ArrayElement>(&self, array: &Array, out: &mut ArrayViewMutD<'_, T>) -> Result<()> {
        let expr = counted::settled(&array.expr()?, Some(self))?;
        typed::<T>("compute_into", &expr)?;
        if !out.shape().iter().map(|&n| n as u64).eq(expr.shape.iter().copied()) {
            return Err(Error::bad_request("compute_into", format!("an array of shape {:?} into one of {:?}", expr.shape, out.shape())));
        }
        let lent = Lent::new(out);
        self.store_exprs(vec![(expr, lent.writer())])
    }

    /// Computes into a new file or array at `address`, block by block.
    ///
    /// # Errors
    /// As [`Runtime::compute`], and `Store` when something is at the address.
    pub fn store(&self, array: &Array, address: impl AsRef<Path>) -> Result<()> {
        self.store_with(array, address, &StoreOptions::default())
    }

    /// As [`Runtime::store`], with chunks, codec and the rest. Where it is cancelled ([`Runtime::cancelled_by`]) nothing is left at the
    /// address that was not there.
    ///
    /// # Errors
    /// As [`Runtime::store`].
    pub fn store_with(&self, array: &Array, address: impl AsRef<Path>, options: &StoreOptions) -> Result<()> {
        let address = store::text(address.as_ref())?;
        self.store_part(array, address, options)?;
        store::share_dimensions(&[address], options.durable)
    }

    /// As [`Runtime::store_with`], of an array that others will come beside: what NetCDF-4 files have when all are there is left out.
    pub(crate) fn store_part(&self, array: &Array, address: &str, options: &StoreOptions) -> Result<()> {
        let expr = counted::settled(&array.expr()?, Some(self))?;
        let writer = store::create(address, &options.create(&expr, address, self.memory_limit_bytes())?)?;
        match writer.take_finished() {
            None => self.store_exprs(vec![(expr, writer)]),
            Some(finished) => rest::store(self, &expr, writer, finished),
        }
    }

    /// Computes several arrays into new files or arrays, in one shared pass: sources are read once. What an earlier call left unfinished
    /// is computed anew.
    ///
    /// # Errors
    /// As [`Runtime::store`]. Nothing is visible at any address before all are computed; where making one visible fails, those
    /// before it are, each whole.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, Runtime, array::StoreOptions, ones, open};
    /// let dir = std::env::temp_dir().join(format!("flagstone-doc-many-{}", std::process::id()));
    /// std::fs::create_dir_all(&dir).unwrap();
    /// let x = ones([4], DType::F32);
    /// let both = [(&x + 1.0, dir.join("a.npy")), (&x * 3.0, dir.join("b.npy"))];
    /// Runtime::default_runtime()?.store_many(&both, &StoreOptions::new())?;
    /// assert_eq!(open(dir.join("b.npy"))?.sum(..).item::<f32>()?, 12.0);
    /// std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok(()) }
    /// ```
    pub fn store_many(&self, arrays: &[(Array, impl AsRef<Path>)], options: &StoreOptions) -> Result<()> {
        let addresses: Vec<&Path> = arrays.iter().map(|(_, address)| address.as_ref()).collect();
        store::require_apart(&addresses)?;
        let created = arrays.iter().map(|(array, address)| -> Result<_> {
            let address = store::text(address.as_ref())?;
            let expr = counted::settled(&array.expr()?, Some(self))?;
            let writer = store::create(address, &options.create(&expr, address, self.memory_limit_bytes())?)?;
            Ok((expr, writer))
        });
        self.store_exprs(created.collect::<Result<_>>()?)?;
        store::share_dimensions(&addresses, options.durable)
    }

    /// Computes each array into somebody else's writer, in one shared pass, and commits them all at the end, one after the other.
    ///
    /// # Errors
    /// As [`Runtime::compute`], and what the writers meet; then nothing is committed but what was before a commit that failed.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::store::{Create, MemoryWriter, Writer};
    /// let writer: Box<dyn Writer> = Box::new(MemoryWriter::new(&Create::new(vec![3], flagstone::DType::I64))?);
    /// let x = flagstone::arange(0, 3, 1, None);
    /// flagstone::Runtime::default_runtime()?.store_into(vec![(x, writer)])?;
    /// # Ok(()) }
    /// ```
    pub fn store_into(&self, arrays: Vec<(Array, Box<dyn store::Writer>)>) -> Result<()> {
        let known = arrays.into_iter().map(|(array, writer)| -> Result<_> { Ok((counted::settled(&array.expr()?, Some(self))?, writer)) });
        self.store_exprs(known.collect::<Result<_>>()?)
    }

    /// The array with every length known: counts what `x[mask]` selects, here and not in the default runtime.
    ///
    /// # Errors
    /// As [`Runtime::compute`], and `Cancelled`.
    pub fn settle(&self, array: &Array) -> Result<Array> {
        counted::settled(&array.expr()?, Some(self)).map(Array::from_expr)
    }

    /// Computes now and keeps the blocks in this runtime's pool, spilled when they must be.
    ///
    /// # Errors
    /// As [`Runtime::compute`].
    pub fn persist(&self, array: &Array) -> Result<Array> {
        let kept = self.persist_exprs(&[array.expr()?])?;
        kept.into_iter().next().map(Array::from_expr).ok_or_else(|| Error::internal("no result"))
    }

    /// What computing would do.
    ///
    /// # Errors
    /// As [`Runtime::compute`], without running anything.
    pub fn explain(&self, array: &Array) -> Result<Explanation> {
        self.explain_exprs(&[array.expr()?])
    }

    /// What [`Runtime::store_with`] would do. What stands at the address is neither looked at nor touched.
    ///
    /// # Errors
    /// As [`Runtime::store_with`], without running anything.
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, Runtime, array::StoreOptions, zeros};
    /// let options = StoreOptions::new().chunks([100, 1000]);
    /// let plan = Runtime::default_runtime()?.explain_store(&zeros([1000, 1000], DType::F32), "zeros.zarr", &options)?;
    /// assert!(plan.to_string().contains("write"));
    /// # Ok(()) }
    /// ```
    pub fn explain_store(&self, array: &Array, address: impl AsRef<Path>, options: &StoreOptions) -> Result<Explanation> {
        let (address, expr) = (store::text(address.as_ref())?, array.expr()?);
        let failed = |e| Error::store_io(address, "making a directory for files that are not kept", &e);
        let directory = tempfile::tempdir().map_err(failed)?;
        let writer = store::rehearse(address, directory.path(), &options.create(&expr, address, self.memory_limit_bytes())?)?;
        self.explain_into(&[expr], vec![writer])
    }
}

/// Computing with the default runtime.
impl Array {
    /// The elements, as `T`.
    ///
    /// # Errors
    /// As [`Runtime::compute`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let x = flagstone::arange(0, 4, 1, None) * 2;
    /// assert_eq!(x.compute::<i64>()?.into_raw_vec_and_offset().0, [0, 2, 4, 6]);
    /// assert!(x.compute::<f64>().unwrap_err().to_string().contains("int64"));
    /// # Ok(()) }
    /// ```
    pub fn compute<T: ArrayElement>(&self) -> Result<ArrayD<T>> {
        typed::<T>("compute", &self.expr()?)?;
        Runtime::default_runtime()?.compute(self)
    }

    /// The elements, of whatever dtype.
    ///
    /// # Errors
    /// As [`Runtime::compute`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let x = flagstone::ones([2], flagstone::DType::F32).compute_any()?;
    /// assert_eq!(x.dtype(), flagstone::DType::F32);
    /// # Ok(()) }
    /// ```
    pub fn compute_any(&self) -> Result<AnyArray> {
        self.check()?;
        Runtime::default_runtime()?.compute_any(self)
    }

    /// The only element, as `T`.
    ///
    /// # Errors
    /// As [`Runtime::item`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let mean: f64 = flagstone::arange(0, 5, 1, None).mean(..).item()?;
    /// assert_eq!(mean, 2.0);
    /// # Ok(()) }
    /// ```
    pub fn item<T: ArrayElement>(&self) -> Result<T> {
        typed::<T>("item", &self.expr()?)?;
        Runtime::default_runtime()?.item(self)
    }

    /// The only element, of whatever dtype.
    ///
    /// # Errors
    /// As [`Runtime::item`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, Scalar};
    /// assert_eq!(flagstone::ones([3], DType::I8).sum(..).scalar()?, Scalar::Int(3));
    /// # Ok(()) }
    /// ```
    pub fn scalar(&self) -> Result<Scalar> {
        let result = self.compute_any()?;
        let many = || Error::bad_request("item", format!("an array of shape {:?}; expected one element", result.shape()));
        result.item().ok_or_else(many)
    }

    /// The elements into a view, without memory for a second copy.
    ///
    /// # Errors
    /// As [`Runtime::compute_into`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let mut out = ndarray::ArrayD::<f32>::zeros(vec![2, 3]);
    /// flagstone::ones([2, 3], flagstone::DType::F32).compute_into(&mut out.view_mut())?;
    /// assert_eq!(out.sum(), 6.0);
    /// # Ok(()) }
    /// ```
    pub fn compute_into<T: ArrayElement>(&self, out: &mut ArrayViewMutD<'_, T>) -> Result<()> {
        typed::<T>("compute_into", &self.expr()?)?;
        Runtime::default_runtime()?.compute_into(self, out)
    }

    /// Computes into a new file or array at `address`, block by block.
    ///
    /// # Errors
    /// As [`Runtime::store`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let dir = std::env::temp_dir().join(format!("flagstone-doc-{}", std::process::id()));
    /// std::fs::create_dir_all(&dir).unwrap();
    /// let address = dir.join("x.npy");
    /// flagstone::ones([2, 3], flagstone::DType::F32).store(&address)?;
    /// assert_eq!(flagstone::open(&address)?.sum(..).item::<f32>()?, 6.0);
    /// std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok(()) }
    /// ```
    pub fn store(&self, address: impl AsRef<Path>) -> Result<()> {
        self.check()?;
        Runtime::default_runtime()?.store(self, address)
    }

    /// As [`Array::store`], with chunks, codec and the rest.
    ///
    /// # Errors
    /// As [`Runtime::store`].
    ///
    /// ```no_run
    /// # fn main() -> flagstone::Result<()> {
    /// use flagstone::{DType, array::StoreOptions, ones};
    /// let options = StoreOptions::new().chunks([100]).overwrite(true);
    /// ones([1000], DType::F32).store_with("ones.zarr", &options)?;
    /// # Ok(()) }
    /// ```
    pub fn store_with(&self, address: impl AsRef<Path>, options: &StoreOptions) -> Result<()> {
        self.check()?;
        Runtime::default_runtime()?.store_with(self, address, options)
    }

    /// Computes now and keeps the blocks in the default runtime's pool, spilled when they must be.
    ///
    /// # Errors
    /// As [`Runtime::persist`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let x = flagstone::arange(0, 5, 1, None).persist()?;
    /// assert_eq!(x.sum(..).item::<i64>()?, 10);
    /// # Ok(()) }
    /// ```
    pub fn persist(&self) -> Result<Array> {
        self.check()?;
        Runtime::default_runtime()?.persist(self)
    }

    /// What computing would do.
    ///
    /// # Errors
    /// As [`Runtime::explain`].
    ///
    /// ```
    /// # fn main() -> flagstone::Result<()> {
    /// let text = flagstone::arange(0, 5, 1, None).sum(..).explain()?.to_string();
    /// assert!(text.contains("sum"));
    /// # Ok(()) }
    /// ```
    pub fn explain(&self) -> Result<Explanation> {
        self.check()?;
        Runtime::default_runtime()?.explain(self)
    }
}
