//! Functions of blocks of several arrays whose axes have names: `blockwise`.

use super::values::OfBlocks;
use super::{called, of_type};
use crate::array::elementwise::broadcast;
use crate::array::{Array, ArrayElement, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Expr, Function};
use crate::grid::{AxisChunks, ChunkGrid};
use ndarray::{ArrayD, ArrayViewD};
use std::sync::Arc;

const NAME: &str = "blockwise";

/// The axes of a result, a letter each, and how they differ from those of the arguments.
///
/// ```
/// use flagstone::array::Blockwise;
/// // the axis z is new and 3 long; blocks come out with twice the places along i
/// let out = Blockwise::new("iz").new_axis('z', 3).adjusted('i', |n| 2 * n);
/// ```
#[derive(Clone)]
pub struct Blockwise {
    axes: String,
    new: Vec<(char, u64)>,
    adjusted: Vec<(char, Adjust)>,
}

type Adjust = Arc<dyn Fn(u64) -> u64 + Send + Sync>;

impl Blockwise {
    /// A result whose axes are those of the arguments with the same letters.
    pub fn new(axes: &str) -> Blockwise {
        Blockwise { axes: axes.to_string(), new: Vec::new(), adjusted: Vec::new() }
    }

    /// An axis that no argument has, of so many places in one block.
    pub fn new_axis(mut self, axis: char, len: u64) -> Blockwise {
        self.new.push((axis, len));
        self
    }

    /// An axis along which a block of n places comes out with `len(n)`.
    pub fn adjusted(mut self, axis: char, len: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Blockwise {
        self.adjusted.push((axis, Arc::new(len)));
        self
    }
}

impl From<&str> for Blockwise {
    fn from(axes: &str) -> Blockwise {
        Blockwise::new(axes)
    }
}

/// The letters of axes, each once.
fn letters(of: &str, axes: &str) -> Result<Vec<char>> {
    let letters: Vec<char> = axes.chars().collect();
    match letters.iter().enumerate().find(|(at, letter)| letters[..*at].contains(letter)) {
        None => Ok(letters),
        Some((_, twice)) => Err(Error::bad_request(NAME, format!("the axes '{axes}' of {of} have '{twice}' twice; expected each once"))),
    }
}

/// The chunks that an axis of the result has where its blocks come out with other lengths.
fn adjusted(axis: char, cuts: &AxisChunks, len: &Adjust) -> Result<AxisChunks> {
    let lengths: Vec<u64> = cuts.lengths().map(|n| len(n)).collect();
    match lengths.contains(&0) {
        false => Ok(AxisChunks::from_lengths(&lengths)),
        true => Err(Error::bad_request(NAME, format!("blocks of 0 places along '{axis}'; expected 1 or more"))),
    }
}

fn blocks_of(
    out: &Blockwise,
    args: &[Expr],
    axes: &[Vec<char>],
    f: &Arc<dyn BlockFn>,
    dtype: flagstone_kernels::dtype::DType,
) -> Result<Expr> {
    let of_out = letters("the result", &out.axes)?;
    // the axes of the calls: the result's, then those that are in arguments alone
    let mut all = of_out.clone();
    for &letter in axes.iter().flatten() {
        if !all.contains(&letter) {
            all.push(letter);
        }
    }
    let mut cuts = Vec::new();
    for (at, &letter) in all.iter().enumerate() {
        let of = |(arg, axes): (&Expr, &Vec<char>)| axes.iter().position(|a| *a == letter).map(|at| arg.chunks.axes[at].clone());
        let mut found: Vec<AxisChunks> = args.iter().zip(axes).filter_map(of).collect();
        // an axis of one place is repeated
        if found.iter().any(|chunks| chunks.len() != 1) {
            found.retain(|chunks| chunks.len() != 1);
        }
        let new = out.new.iter().find(|(axis, _)| *axis == letter).map(|(_, n)| *n);
        let chunks = match (found.first(), new) {
            (Some(chunks), None) => chunks.clone(),
            (None, Some(n)) => AxisChunks::whole(n),
            (Some(_), Some(_)) => return Err(Error::bad_request(NAME, format!("the axis '{letter}' as new, which an argument has"))),
            (None, None) => {
                return Err(Error::bad_request(
                    NAME,
                    format!("the axis '{letter}' of the result is of no argument; expected its length, by new_axis"),
                ));
            }
        };
        if let Some(other) = found.iter().find(|other| other.len() != chunks.len()) {
            let what = format!("the axis '{letter}' has lengths {} and {}; expected one length, or 1", chunks.len(), other.len());
            return Err(Error::bad_request(NAME, what));
        }
        let is_summed = at >= of_out.len();
        if is_summed && chunks.is_empty() {
            return Err(Error::bad_request(NAME, format!("the axis '{letter}' has no element, and is not the result's")));
        }
        cuts.push(if is_summed { AxisChunks::whole(chunks.len()) } else { chunks });
    }
    let chunk = |(letter, cuts): (&char, &AxisChunks)| match out.adjusted.iter().find(|(axis, _)| axis == letter) {
        None => Ok(cuts.clone()),
        Some((_, len)) => adjusted(*letter, cuts, len),
    };
    let chunks = ChunkGrid { axes: of_out.iter().zip(&cuts).map(chunk).collect::<Result<_>>()? };
    let arg = |(arg, axes): (&Expr, &Vec<char>)| {
        let axes: Vec<usize> = axes.iter().filter_map(|letter| all.iter().position(|a| a == letter)).collect();
        let shape: Vec<u64> = axes.iter().map(|&axis| cuts[axis].len()).collect();
        Ok(BlockArg { expr: broadcast(NAME, arg, &shape)?, axes, sees: Vec::new() })
    };
    let args = args.iter().zip(axes).map(arg).collect::<Result<_>>()?;
    let axes = cuts.into_iter().map(CallAxis::Cut).collect();
    called(Function { name: NAME.into(), f: f.clone().into(), args, axes, dtype, chunks })
}

/// `f` of blocks of several arrays of `T`, whose axes are named by letters; axes with the same letter are cut alike. The blocks
/// of the result are as the first array with a letter is cut, along axes that are not the result's a call is given all places.
/// Axes of one place are repeated. The other arrays may have any chunks.
///
/// ```
/// use flagstone::array::blockwise;
/// use ndarray::{Ix1, Ix2};
/// let (a, b) = (flagstone::ones([4, 3], flagstone::DType::F64).rechunk([2, 2]), flagstone::arange(0.0, 3.0, 1.0, None));
/// let product = |blocks: &[ndarray::ArrayViewD<f64>]| {
///     let (a, b) = (blocks[0].view().into_dimensionality::<Ix2>().unwrap(), blocks[1].view().into_dimensionality::<Ix1>().unwrap());
///     a.dot(&b).into_dyn()
/// };
/// let y = blockwise("i", &[(&a, "ij"), (&b, "j")], product);
/// assert_eq!(y.compute::<f64>().unwrap().as_slice().unwrap(), [3.0; 4]);
/// ```
#[track_caller]
pub fn blockwise<T: ArrayElement, U: ArrayElement>(
    out: impl Into<Blockwise>,
    args: &[(&Array, &str)],
    f: impl Fn(&[ArrayViewD<'_, T>]) -> ArrayD<U> + Send + Sync + 'static,
) -> Array {
    let (out, f): (Blockwise, Arc<dyn BlockFn>) =
        (out.into(), Arc::new(OfBlocks::new(move |_: &BlockInfo, args: &[ArrayViewD<'_, T>]| f(args))));
    Array::build(|| {
        let mut exprs = Vec::new();
        let mut axes = Vec::new();
        for (n, (array, letters_of)) in args.iter().enumerate() {
            let expr = of_type::<T>(NAME, array)?;
            let names = letters(&format!("argument {n}"), letters_of)?;
            if names.len() != expr.shape.len() {
                let what = format!("the axes '{letters_of}' for argument {n} of shape {:?}; expected a letter an axis", expr.shape);
                return Err(Error::bad_request(NAME, what));
            }
            exprs.push(expr);
            axes.push(names);
        }
        counted::when_known(NAME, &exprs, &[], move |args| blocks_of(&out, args, &axes, &f, U::DTYPE))
    })
}
