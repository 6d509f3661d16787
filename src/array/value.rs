//! What a call of a NumPy function takes and gives: the values of the expression language.

use super::{Array, Masked};
use flagstone_kernels::dtype::{DType, Scalar};

/// An argument or a result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// A lazy array.
    Array(Array),
    /// A lazy array of which some elements do not count.
    Masked(Masked),
    /// A Python-like number or bool: weak in promotion.
    Scalar(Scalar),
    /// A number of a dtype, as NumPy's own scalars are: an operand whose dtype counts in promotion, and a number where one is expected.
    Typed(Scalar, DType),
    /// `None`.
    None,
    /// A string.
    Str(String),
    /// A dtype, from its name.
    DType(DType),
    /// `(a, b)`.
    Tuple(Vec<Value>),
    /// `[a, b]`.
    List(Vec<Value>),
    /// `start:stop:step` inside of an index.
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// `...` inside of an index.
    Ellipsis,
}

impl Value {
    /// The same with plain arrays in the place of masked ones: their fill values where elements do not count.
    pub fn filled(self) -> Value {
        match self {
            Value::Masked(masked) => Value::Array(masked.filled_by_default()),
            Value::Tuple(items) => Value::Tuple(items.into_iter().map(Value::filled).collect()),
            Value::List(items) => Value::List(items.into_iter().map(Value::filled).collect()),
            other => other,
        }
    }

    /// Whether it is a masked array, or a list that has one in it.
    pub(super) fn has_masked(&self) -> bool {
        match self {
            Value::Masked(_) => true,
            Value::Tuple(items) | Value::List(items) => items.iter().any(Value::has_masked),
            _ => false,
        }
    }

    /// The number that it is.
    pub(super) fn number(&self) -> Option<Scalar> {
        match self {
            Value::Scalar(scalar) | Value::Typed(scalar, _) => Some(*scalar),
            _ => None,
        }
    }

    /// The number that it is, and the dtype that it has or would have by itself.
    pub(super) fn typed(&self) -> Option<(Scalar, DType)> {
        match self {
            Value::Scalar(scalar) => Some((*scalar, scalar.natural_dtype())),
            Value::Typed(scalar, dtype) => Some((*scalar, *dtype)),
            _ => None,
        }
    }
}

/// A parameter of a function, under NumPy's name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Param {
    /// The name.
    pub name: &'static str,
    /// The default as source text (`"None"`, `"0"`, `"False"`); `None` for a required parameter.
    pub default: Option<&'static str>,
    /// Whether it can only be given by name.
    pub keyword_only: bool,
}

/// What a function does of masked arrays. NumPy's `ma.` functions stand in the table beside those of plain arrays, and are called in
/// their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfMasked {
    /// The call heeds the mask itself, or refuses masked arrays.
    Itself,
    /// It moves elements of the arguments of these numbers, and of lists in them, and changes none: it moves data and mask.
    Moves(&'static [usize]),
    /// It makes another element of each: it is called for the data, under the same mask.
    Each,
}

/// A function that users may call by name.
#[non_exhaustive]
pub struct Signature {
    /// NumPy's name, dotted for submodules: `mean`, `random.normal`.
    pub name: &'static str,
    /// Its parameters in order.
    pub params: &'static [Param],
    /// The names of its results, in their order, where it gives several and NumPy names them.
    pub results: &'static [&'static str],
    /// One line for the reference.
    pub doc: &'static str,
    /// Whether `x.name(...)` calls it with x first.
    pub method: bool,
    /// What it does of masked arrays.
    pub of_masked: OfMasked,
    /// Calls it. `args[i]` belongs to `params[i]`; defaults are filled in.
    pub call: fn(&[Value]) -> crate::Result<Value>,
}

impl Signature {
    /// Whether a call draws numbers, so that another one gives others.
    pub(super) fn draws(&self) -> bool {
        self.name.starts_with("random.")
    }
}
