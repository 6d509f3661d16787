//! Names that are values or come from Python itself: constants, dtypes, `len` and friends.

use super::python;
use crate::array::Value;
use flagstone_kernels::dtype::{DType, Scalar};

/// NumPy's submodules and SciPy's `stats` and `special`, whose functions stand in the table under dotted names.
pub(super) const MODULES: [&str; 6] = ["random", "linalg", "fft", "stats", "special", "ma"];

/// A function of Python itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Builtin {
    Len,
    Slice,
    Tuple,
    List,
    /// `int`, `float`, `complex`: conversions, and dtypes where a value is wanted.
    Number(DType),
}

/// The value of NumPy's constant or dtype `name`.
pub(super) fn constant(name: &str) -> Option<Value> {
    let float = |x| Some(Value::Scalar(Scalar::Float(x)));
    match name {
        "pi" => float(std::f64::consts::PI),
        "e" => float(std::f64::consts::E),
        "euler_gamma" => float(0.577_215_664_901_532_9),
        "inf" => float(f64::INFINITY),
        "nan" => float(f64::NAN),
        "newaxis" => Some(Value::None),
        _ => dtype(name).map(Value::DType),
    }
}

fn dtype(name: &str) -> Option<DType> {
    if let Some(found) = DType::ALL.into_iter().find(|d| d.name() == name) {
        return Some(found);
    }
    Some(match name {
        "bool_" => DType::Bool,
        "byte" => DType::I8,
        "short" => DType::I16,
        "intc" => DType::I32,
        "int_" | "intp" | "long" | "longlong" => DType::I64,
        "ubyte" => DType::U8,
        "ushort" => DType::U16,
        "uintc" => DType::U32,
        "uint" | "uintp" | "ulong" | "ulonglong" => DType::U64,
        "half" => DType::F16,
        "single" => DType::F32,
        "double" => DType::F64,
        "csingle" => DType::C64,
        "cdouble" => DType::C128,
        _ => return None,
    })
}

/// NumPy's functions (2.4) that the array layer had not at the time of writing: naming one is another error
/// than a misspelt name. The table is asked first.
const NUMPY: &str = "\
    append apply_along_axis apply_over_axes argpartition argsort argwhere array_equiv array_split asanyarray \
    asarray_chkfinite ascontiguousarray asfortranarray asmatrix atleast_1d atleast_2d atleast_3d bartlett \
    base_repr binary_repr bincount blackman block bmat broadcast_shapes can_cast choose column_stack common_type \
    compress convolve corrcoef correlate cov cross cumprod cumsum cumulative_prod cumulative_sum delete diag \
    diag_indices diag_indices_from diagflat diagonal diff digitize divmod dsplit dstack ediff1d einsum \
    einsum_path extract flatnonzero frexp fromfunction fromiter frompyfunc geomspace gradient hamming hanning \
    histogram histogram2d histogram_bin_edges histogramdd hsplit i0 indices insert interp intersect1d iscomplex \
    iscomplexobj isdtype isfortran isin isreal isrealobj isscalar issubdtype iterable ix_ kaiser kron lexsort \
    mask_indices matvec meshgrid min_scalar_type mintypecode modf nancumprod nancumsum nanpercentile nanquantile \
    nonzero packbits pad partition percentile piecewise poly polyadd polyder polydiv polyfit polyint polymul \
    polysub polyval promote_types quantile ravel_multi_index real_if_close repeat result_type roll rollaxis \
    roots rot90 row_stack searchsorted select setdiff1d setxor1d sort sort_complex split take take_along_axis \
    tensordot tile trace trapezoid tri tril tril_indices tril_indices_from trim_zeros triu triu_indices \
    triu_indices_from union1d unique unique_all unique_counts unique_inverse unique_values unpackbits \
    unravel_index unstack unwrap vander vdot vecdot vecmat vsplit linalg.matrix_power linalg.solve \
    linalg.tensorsolve linalg.tensorinv linalg.inv linalg.cholesky linalg.eigvals linalg.eigvalsh linalg.pinv \
    linalg.slogdet linalg.det linalg.svd linalg.svdvals linalg.eig linalg.eigh linalg.lstsq linalg.norm \
    linalg.qr linalg.cond linalg.matrix_rank linalg.multi_dot linalg.trace linalg.diagonal linalg.cross \
    linalg.outer linalg.tensordot linalg.matmul linalg.matrix_transpose linalg.matrix_norm linalg.vector_norm \
    linalg.vecdot fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft fft.rfftn fft.irfftn fft.rfft2 \
    fft.irfft2 fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.fftshift fft.ifftshift fft.fftfreq fft.rfftfreq \
    random.beta random.binomial random.bytes random.chisquare random.choice random.dirichlet random.f \
    random.geometric random.get_state random.gumbel random.hypergeometric random.laplace random.logistic \
    random.logseries random.multinomial random.multivariate_normal random.negative_binomial \
    random.noncentral_chisquare random.noncentral_f random.pareto random.permutation random.power random.rand \
    random.randn random.random_integers random.random_sample random.ranf random.rayleigh random.sample \
    random.seed random.set_state random.shuffle random.standard_cauchy random.standard_exponential \
    random.standard_gamma random.standard_t random.triangular random.vonmises random.wald random.weibull \
    random.zipf random.default_rng";

/// Whether NumPy has a function `name`.
pub(super) fn is_numpy(name: &str) -> bool {
    NUMPY.split_whitespace().any(|known| known == name)
}

/// Python's own function `name`.
pub(super) fn builtin(name: &str) -> Option<Builtin> {
    Some(match name {
        "len" => Builtin::Len,
        "slice" => Builtin::Slice,
        "tuple" => Builtin::Tuple,
        "list" => Builtin::List,
        "int" => Builtin::Number(DType::I64),
        "float" => Builtin::Number(DType::F64),
        "complex" => Builtin::Number(DType::C128),
        _ => return None,
    })
}

impl Builtin {
    /// Calls it with positional arguments.
    pub(super) fn call(self, args: &[Value]) -> Result<Value, String> {
        match (self, args) {
            (Builtin::Len, [Value::Tuple(items) | Value::List(items)]) => Ok(integer(items.len() as u64)),
            (Builtin::Len, [Value::Str(text)]) => Ok(integer(text.chars().count() as u64)),
            (Builtin::Len, [Value::Array(x)]) => match x.shape().map_err(|e| e.to_string())?.first() {
                Some(&len) => Ok(integer(len)),
                None => Err("len() of unsized object: the array has no axes".into()),
            },
            (Builtin::Slice, [stop]) => python::slice([None, Some(stop), None]),
            (Builtin::Slice, [start, stop]) => python::slice([Some(start), Some(stop), None]),
            (Builtin::Slice, [start, stop, step]) => python::slice([Some(start), Some(stop), Some(step)]),
            (Builtin::Tuple, []) => Ok(Value::Tuple(Vec::new())),
            (Builtin::Tuple, [Value::Tuple(items) | Value::List(items)]) => Ok(Value::Tuple(items.clone())),
            (Builtin::List, []) => Ok(Value::List(Vec::new())),
            (Builtin::List, [Value::Tuple(items) | Value::List(items)]) => Ok(Value::List(items.clone())),
            (Builtin::Number(dtype), [Value::Scalar(x)]) => python::convert(*x, dtype).map(Value::Scalar),
            (Builtin::Number(_), [Value::Array(_)]) => Err(format!(
                "{self}() of an array needs its value, which is not known before it is computed; \
                 leave it out or use x.astype(...)"
            )),
            (Builtin::Number(_), [_]) => Err(format!("{self}() takes a number")),
            _ => Err(format!("{self}() does not take these arguments")),
        }
    }
}

impl std::fmt::Display for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Builtin::Len => "len",
            Builtin::Slice => "slice",
            Builtin::Tuple => "tuple",
            Builtin::List => "list",
            Builtin::Number(DType::I64) => "int",
            Builtin::Number(DType::F64) => "float",
            Builtin::Number(_) => "complex",
        })
    }
}

fn integer(n: u64) -> Value {
    Value::Scalar(i64::try_from(n).map_or(Scalar::UInt(n), Scalar::Int))
}
