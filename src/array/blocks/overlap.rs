//! Functions of blocks that see what lies around them: `map_overlap`.

use super::values::OfBlocks;
use super::{called, of_type};
use crate::array::{Array, ArrayElement, Ends, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Expr, Function};
use flagstone_kernels::dtype::DType;
use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use std::sync::Arc;

pub use flagstone_kernels::halo::Boundary;

/// How far a function sees beyond its block, and what it sees beyond the ends of the array.
///
/// ```
/// use flagstone::array::{Boundary, Halo};
/// // one place to every side; two before and none behind on axis 0, which is a circle
/// let (_, _) = (Halo::new(1), Halo::new(vec![[2, 0], [1, 1]]).boundaries(vec![Boundary::Periodic, Boundary::Nearest]));
/// ```
#[derive(Clone, Debug)]
pub struct Halo {
    depth: Ends<u64>,
    boundaries: Vec<Boundary>,
    trim: bool,
}

impl Halo {
    /// So many places before and behind: one number for all sides, a pair for every axis, or a pair for each.
    pub fn new(depth: impl Into<Ends<u64>>) -> Halo {
        Halo { depth: depth.into(), boundaries: vec![Boundary::None], trim: true }
    }

    /// What stands beyond the ends of every axis; nothing, unless this says otherwise.
    pub fn boundary(self, boundary: Boundary) -> Halo {
        self.boundaries(vec![boundary])
    }

    /// What stands beyond the ends of each axis.
    pub fn boundaries(mut self, boundaries: Vec<Boundary>) -> Halo {
        self.boundaries = boundaries;
        self
    }

    /// The function gives blocks without what lies around them; otherwise it gives blocks as large as it is given, which are
    /// trimmed.
    pub fn untrimmed(mut self) -> Halo {
        self.trim = false;
        self
    }

    /// Along each axis of an array of `shape`: depth before, behind, and the boundary.
    fn sees(&self, shape: &[u64]) -> Result<Vec<(u64, u64, Boundary)>> {
        const NAME: &str = "map_overlap";
        self.depth.check(NAME, "depths", shape.len())?;
        if ![1, shape.len()].contains(&self.boundaries.len()) {
            let what = format!("{} boundaries for {} axes; expected one, or one an axis", self.boundaries.len(), shape.len());
            return Err(Error::bad_request(NAME, what));
        }
        let along = |(axis, &n): (usize, &u64)| {
            let [before, after] = self.depth.on(axis).unwrap_or_default();
            let boundary = self.boundaries[if self.boundaries.len() == 1 { 0 } else { axis }];
            let most = if matches!(boundary, Boundary::Periodic | Boundary::Reflect) { n } else { i64::MAX as u64 / 4 };
            match before.max(after) <= most {
                true => Ok((before, after, boundary)),
                false => {
                    let (depth, name) = (before.max(after), boundary.name());
                    let what =
                        format!("a depth of {depth} on axis {axis} with length {n}; expected {most} at most with the boundary '{name}'");
                    Err(Error::bad_request(NAME, what))
                }
            }
        };
        shape.iter().enumerate().map(along).collect()
    }
}

impl From<u64> for Halo {
    fn from(depth: u64) -> Halo {
        Halo::new(depth)
    }
}

impl From<Vec<[u64; 2]>> for Halo {
    fn from(depth: Vec<[u64; 2]>) -> Halo {
        Halo::new(depth)
    }
}

/// How many places before and behind a block of `len` from `start` on a function sees of an axis of `n`.
fn around(&(before, after, boundary): &(u64, u64, Boundary), start: u64, len: u64, n: u64) -> (usize, usize) {
    match boundary {
        Boundary::None => (before.min(start) as usize, after.min(n - start - len) as usize),
        _ => (before as usize, after as usize),
    }
}

/// What a function gave of a block with what lies around it, without that.
fn trimmed<U: Clone>(mut block: ArrayD<U>, info: &BlockInfo, sees: &[(u64, u64, Boundary)], shape: &[u64]) -> ArrayD<U> {
    for (axis, (span, sees)) in info.region.0.iter().zip(sees).enumerate() {
        let (before, after) = around(sees, span.start, span.len, shape[axis]);
        let given = before + span.len as usize + after;
        assert!(
            block.shape().get(axis) == Some(&given),
            "the function gave a block of shape {:?}; expected one of the shape that it was given, {given} along axis {axis}",
            block.shape()
        );
        block.slice_axis_inplace(Axis(axis), Slice::new(before as isize, Some((before + span.len as usize) as isize), 1));
    }
    block
}

fn overlapping<T: ArrayElement, U: ArrayElement>(
    x: &Expr,
    halo: &Halo,
    f: &Arc<impl Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Send + Sync + 'static>,
) -> Result<Expr> {
    let (sees, shape, trim, f) = (halo.sees(&x.shape)?, x.shape.clone(), halo.trim, f.clone());
    let arg = BlockArg { sees: sees.clone(), ..BlockArg::whole(x.clone()) };
    let of_block = move |info: &BlockInfo, args: &[ArrayViewD<'_, T>]| {
        let made = f(args[0].view());
        if trim { trimmed(made, info, &sees, &shape) } else { made }
    };
    let f: Arc<dyn BlockFn> = Arc::new(OfBlocks::new(of_block));
    let axes = x.chunks.axes.iter().cloned().map(CallAxis::Cut).collect();
    called(Function { name: "map_overlap".into(), f: f.into(), args: vec![arg], axes, dtype: U::DTYPE, chunks: x.chunks.clone() })
}

/// Calls of `f`, each given a block of the first array and the same places of the others with what lies around them, as the halo of each
/// says: where the types of elements are known at run time only. `f` writes the block without what lies around it, of `dtype`. All arrays
/// have the shape of the first, whose chunks are the blocks.
///
/// ```
/// use flagstone::array::{BlockFn, BlockInfo, Halo, overlap_function};
/// use flagstone::{DType, View, ViewMut, arange};
/// struct Seen;
/// impl BlockFn for Seen {
///     fn call(&self, _: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>) {
///         (0..out.shape()[0]).for_each(|i| assert!(out.set(&[i], args[0].shape()[0] as u64)));
///     }
/// }
/// let x = arange(0, 5, 1, None).rechunk([2]);
/// let y = overlap_function("seen", std::sync::Arc::new(Seen), &[(x, Halo::new(1))], DType::U64);
/// assert_eq!(y.compute::<u64>().unwrap().as_slice().unwrap(), [3, 3, 4, 4, 2]);
/// ```
#[track_caller]
pub fn overlap_function(name: &str, f: Arc<dyn BlockFn>, args: &[(Array, Halo)], dtype: DType) -> Array {
    Array::build(|| {
        let given = args.iter().map(|(array, halo)| Ok((array.known()?, halo))).collect::<Result<Vec<_>>>()?;
        let (first, _) = given.first().ok_or_else(|| Error::bad_request(name, "no array; expected one at least"))?;
        let (shape, chunks) = (first.shape.clone(), first.chunks.clone());
        let seen = |(expr, halo): &(Expr, &Halo)| match expr.shape == shape {
            true => Ok(BlockArg { sees: halo.sees(&shape)?, ..BlockArg::whole(expr.clone()) }),
            false => Err(Error::bad_request(name, format!("arrays of shapes {shape:?} and {:?}; expected one shape", expr.shape))),
        };
        let args = given.iter().map(seen).collect::<Result<_>>()?;
        let axes = chunks.axes.iter().cloned().map(CallAxis::Cut).collect();
        called(Function { name: name.to_string(), f: f.into(), args, axes, dtype, chunks })
    })
}

impl Array {
    /// `f` of every block with what lies around it, one task a block; what it gives is as large as what it is given, and is trimmed
    /// to the block. Blocks are the array's chunks, however small or large beside the depth. A slice of the result calls `f`
    /// for the blocks that it needs, and reads what those see.
    ///
    /// ```
    /// use flagstone::array::{Boundary, Halo};
    /// let x = flagstone::arange(0.0, 6.0, 1.0, None).rechunk([2]);
    /// let sums = |block: ndarray::ArrayViewD<f64>| {
    ///     let n = block.len();
    ///     ndarray::Array1::from_shape_fn(n, |i| block[[i]] + if i > 0 { block[[i - 1]] } else { 0.0 }).into_dyn()
    /// };
    /// let y = x.map_overlap(Halo::new([1u64, 0]).boundary(Boundary::Periodic), sums);
    /// assert_eq!(y.compute::<f64>().unwrap().as_slice().unwrap(), [5.0, 1.0, 3.0, 5.0, 7.0, 9.0]);
    /// ```
    #[track_caller]
    pub fn map_overlap<T, U>(&self, halo: impl Into<Halo>, f: impl Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Send + Sync + 'static) -> Array
    where
        T: ArrayElement,
        U: ArrayElement,
    {
        let (halo, f) = (halo.into(), Arc::new(f));
        Array::build(|| {
            let x = of_type::<T>("map_overlap", self)?;
            counted::when_known("map_overlap", &[x], &[], move |args| overlapping(&args[0], &halo, &f))
        })
    }
}
