//! What is computed: a list of operations, each on values made before it.

use flagstone::DType;

/// The position of a value in the list.
pub type V = usize;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Un {
    Neg,
    Abs,
    Square,
    Sqrt,
    Exp,
    Sin,
    Floor,
    IsNan,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bin {
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    Lt,
    Ge,
    Eq,
    Ne,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Red {
    Sum,
    Prod,
    Mean,
    Var,
    Std,
    Min,
    Max,
    Any,
    All,
    Argmin,
    Argmax,
    CountNonzero,
    NanSum,
    NanMean,
    NanMin,
    NanMax,
}

/// A scalar that lifts the kind of an array and never its size.
#[derive(Clone, Copy, Debug)]
pub enum Weak {
    Int(i64),
    Float(f64),
}

#[derive(Clone, Debug)]
pub enum Item {
    Int(i64),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    New,
    List(Vec<i64>),
}

#[derive(Clone, Debug)]
pub enum Op {
    Source(usize),
    Unary(Un, V),
    Binary(Bin, V, V),
    Scalar(Bin, V, Weak),
    Where(V, V, V),
    Cast(DType, V),
    Reduce { op: Red, x: V, axes: Option<Vec<usize>>, keepdims: bool, ddof: u8 },
    Index(V, Vec<Item>),
    Transpose(V, Vec<usize>),
    Flip(V, Vec<usize>),
    Concatenate(Vec<V>, usize),
    Matmul(V, V),
    Mask(V, V),
    Median(V),
    Rechunk(V, Vec<usize>),
    Persist(V),
}

/// Where the elements of a source come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Memory,
    Npy,
    Zarr,
    Hdf5,
    Hdf5Chunked,
    Arange,
    Random,
}

/// What the elements are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// Small integers, with many ties.
    Whole,
    /// Values of all signs with fractions.
    Wild,
    /// As `Wild`, some NaN.
    Nan,
}

#[derive(Clone, Debug)]
pub struct Source {
    pub kind: Kind,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub chunks: Vec<usize>,
    pub style: Style,
    pub seed: u64,
}

/// Operations in order, and which of their values are asked for.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    pub sources: Vec<Source>,
    pub ops: Vec<Op>,
    pub results: Vec<V>,
}

impl std::fmt::Display for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, source) in self.sources.iter().enumerate() {
            writeln!(f, "  source {i}: {source:?}")?;
        }
        for (i, op) in self.ops.iter().enumerate() {
            writeln!(f, "  v{i} = {op:?}")?;
        }
        write!(f, "  results {:?}", self.results)
    }
}
