# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from . import linalg as linalg
from . import special as special
from . import stats as stats
from . import fft as fft
from . import random as random
from . import ma as ma

__version__: str
pi: float
e: float
euler_gamma: float
inf: float
nan: float
newaxis: None
bool_ = np.bool_
int8 = np.int8
int16 = np.int16
int32 = np.int32
int64 = np.int64
uint8 = np.uint8
uint16 = np.uint16
uint32 = np.uint32
uint64 = np.uint64
float16 = np.float16
float32 = np.float32
float64 = np.float64
complex64 = np.complex64
complex128 = np.complex128

class Runtime:
    """Memory, threads and a spill directory that computations use within `with`."""
    def __init__(self, memory_limit: str | int | None = ..., threads: int | None = ..., spill_dir: str | None = ...) -> None: ...
    @property
    def memory_limit(self) -> int: ...
    @property
    def threads(self) -> int: ...
    def counters(self) -> dict[str, int]: ...
    def __enter__(self) -> Runtime: ...
    def __exit__(self, *args: Any) -> None: ...

class _Orthogonal:
    def __getitem__(self, index: Any, /) -> Array: ...

class _Config:
    def set(self, memory_limit: str | int | None = ..., threads: int | None = ..., spill_dir: str | None = ...) -> Runtime: ...
    @property
    def memory_limit(self) -> int: ...
    @property
    def threads(self) -> int: ...

config: _Config

class MaskedArray:
    """Data and a mask, true where an element does not count."""
    data: Array
    mask: Array
    fill_value: Any
    def __init__(self, data: Array, mask: Array, fill_value: Any = ...) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __getitem__(self, at: Any) -> MaskedArray: ...
    def compute(self) -> Any: ...

class ProgressBar:
    def __enter__(self) -> ProgressBar: ...
    def __exit__(self, *args: Any) -> None: ...

class profile:
    def __init__(self, path: str) -> None: ...
    def __enter__(self) -> profile: ...
    def __exit__(self, *args: Any) -> None: ...

def open(
    address: Any, *, axis: int | str | None = None, by: str | None = None, stack: int | None = None, decode: str | None = None
) -> Array: ...
def from_array(x: Any, chunks: Any = ..., name: str | None = ...) -> Array: ...
def from_zarr(url: str, component: str | None = ...) -> Array: ...
def from_dlpack(x: Any, /, *, device: Any = ..., copy: bool | None = ...) -> Array: ...
def compute(*args: Any) -> Any: ...
def persist(*args: Any) -> Any: ...
def store(arrays: Any, addresses: Any, *, chunks: Any = ..., shards: Any = ..., codec: str | None = ..., overwrite: bool = ..., attributes: Any = ..., dimension_names: Any = ..., zarr_version: int = ...) -> None: ...
def map_blocks(func: Any, *args: Any, **kwargs: Any) -> Array: ...
def map_overlap(func: Any, *args: Any, depth: Any = ..., boundary: Any = ..., trim: bool = ..., **kwargs: Any) -> Array: ...
def apply_gufunc(func: Any, signature: str, *args: Any, **kwargs: Any) -> Any: ...
def blockwise(func: Any, out_ind: Any, *args: Any, **kwargs: Any) -> Array: ...
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, dtype: Any = None, shape: Any = None, **kwargs: Any) -> Array: ...
def apply_over_axes(func: Any, a: Any, axes: Any) -> Array: ...
def coarsen(reduction: Any, x: Any, axes: dict[int, int], trim_excess: bool = False, **kwargs: Any) -> Array: ...
def fromfunction(function: Any, shape: Any, *, dtype: Any = ..., **kwargs: Any) -> Any: ...
def reduction(
    x: Any, chunk: Any, aggregate: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None, combine: Any = None,
    name: str | None = None, concatenate: bool = True, **kwargs: Any
) -> Array: ...

class Array:
    """A lazy array: computed when its value is asked for."""
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def itemsize(self) -> int: ...
    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def chunksize(self) -> tuple[int, ...]: ...
    @property
    def numblocks(self) -> tuple[int, ...]: ...
    @property
    def npartitions(self) -> int: ...
    @property
    def T(self) -> Array: ...
    @property
    def mT(self) -> Array: ...
    @property
    def real(self) -> Array: ...
    @property
    def imag(self) -> Array: ...
    @property
    def flat(self) -> Array: ...
    @property
    def oix(self) -> _Orthogonal: ...
    @property
    def device(self) -> str: ...
    def __add__(self, other: _Operand, /) -> Array: ...
    def __radd__(self, other: _Operand, /) -> Array: ...
    def __sub__(self, other: _Operand, /) -> Array: ...
    def __rsub__(self, other: _Operand, /) -> Array: ...
    def __mul__(self, other: _Operand, /) -> Array: ...
    def __rmul__(self, other: _Operand, /) -> Array: ...
    def __truediv__(self, other: _Operand, /) -> Array: ...
    def __rtruediv__(self, other: _Operand, /) -> Array: ...
    def __floordiv__(self, other: _Operand, /) -> Array: ...
    def __rfloordiv__(self, other: _Operand, /) -> Array: ...
    def __mod__(self, other: _Operand, /) -> Array: ...
    def __rmod__(self, other: _Operand, /) -> Array: ...
    def __pow__(self, other: _Operand, /) -> Array: ...
    def __rpow__(self, other: _Operand, /) -> Array: ...
    def __matmul__(self, other: _Operand, /) -> Array: ...
    def __rmatmul__(self, other: _Operand, /) -> Array: ...
    def __and__(self, other: _Operand, /) -> Array: ...
    def __rand__(self, other: _Operand, /) -> Array: ...
    def __or__(self, other: _Operand, /) -> Array: ...
    def __ror__(self, other: _Operand, /) -> Array: ...
    def __xor__(self, other: _Operand, /) -> Array: ...
    def __rxor__(self, other: _Operand, /) -> Array: ...
    def __lshift__(self, other: _Operand, /) -> Array: ...
    def __rlshift__(self, other: _Operand, /) -> Array: ...
    def __rshift__(self, other: _Operand, /) -> Array: ...
    def __rrshift__(self, other: _Operand, /) -> Array: ...
    def __lt__(self, other: _Operand, /) -> Array: ...
    def __le__(self, other: _Operand, /) -> Array: ...
    def __gt__(self, other: _Operand, /) -> Array: ...
    def __ge__(self, other: _Operand, /) -> Array: ...
    def __eq__(self, other: object, /) -> Array: ...  # type: ignore[override]
    def __ne__(self, other: object, /) -> Array: ...  # type: ignore[override]
    def __neg__(self) -> Array: ...
    def __pos__(self) -> Array: ...
    def __invert__(self) -> Array: ...
    def __abs__(self) -> Array: ...
    def __bool__(self) -> bool: ...
    def __int__(self) -> int: ...
    def __float__(self) -> float: ...
    def __complex__(self) -> complex: ...
    def __len__(self) -> int: ...
    def __round__(self, ndigits: int | None = ..., /) -> Array: ...
    def __iter__(self) -> Any: ...
    def __getitem__(self, index: Any, /) -> Array: ...
    def __setitem__(self, index: Any, value: Any, /) -> None: ...
    def __array__(self, dtype: DTypeLike | None = ..., copy: bool | None = ...) -> np.ndarray[Any, Any]: ...
    def compute(self) -> Any: ...
    def persist(self) -> Array: ...
    def item(self, *args: int) -> Any: ...
    def tolist(self) -> Any: ...
    def explain(self) -> str: ...
    def visualize(self, filename: str | None = ...) -> str | None: ...
    def map_blocks(self, func: Any, *args: Any, **kwargs: Any) -> Array: ...
    def map_overlap(self, func: Any, depth: Any = ..., boundary: Any = ..., trim: bool = ..., **kwargs: Any) -> Array: ...
    def store(self, address: Any, *, chunks: Any = ..., shards: Any = ..., codec: str | None = ..., overwrite: bool = ..., attributes: Any = ..., dimension_names: Any = ..., zarr_version: int = ...) -> None: ...
    def to_zarr(self, address: Any, **options: Any) -> None: ...
    def all(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
        """Whether all are nonzero."""
    def amax(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Largest values."""
    def amin(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Smallest values."""
    def any(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
        """Whether any is nonzero."""
    def argmax(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """Where the first largest value is."""
    def argmin(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """Where the first smallest value is."""
    def argpartition(self, kth: Any, axis: int | Sequence[int] | None = ...) -> Array:
        """The places of the partitioned values."""
    def argsort(self, axis: int | Sequence[int] | None = ..., kind: Any = ..., *, stable: Any = ...) -> Array:
        """The places of the sorted values; equal ones in their order."""
    def astype(self, dtype: DTypeLike | None, order: str | None = ..., casting: Any = ..., subok: Any = ..., copy: bool | None = ...) -> Array:
        """As another dtype."""
    def choose(self, choices: Any, out: Any = ..., mode: Any = ...) -> Array:
        """The choice by its number; another number is an error, or goes to the nearest ('clip') or around ('wrap')."""
    def clip(self, min: Any = ..., max: Any = ...) -> Array:
        """Limited to a range."""
    def compress(self, condition: Any, axis: int | Sequence[int] | None = ...) -> Array:
        """The elements where a condition of one axis holds."""
    def conj(self) -> Array:
        """Complex conjugates."""
    def conjugate(self) -> Array:
        """Complex conjugates."""
    def count_nonzero(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """How many are nonzero."""
    def cumprod(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running products."""
    def cumsum(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running sums."""
    def diagonal(self, offset: Any = ..., axis1: Any = ..., axis2: Any = ...) -> Array:
        """A diagonal of the plane of two axes."""
    def dot(self, b: Any) -> Array:
        """The product over the last axis and the last but one."""
    def flatten(self, order: str | None = ...) -> Array:
        """All elements along one axis."""
    def max(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Largest values."""
    def mean(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
        """Arithmetic means."""
    def min(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Smallest values."""
    def nanargmax(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """Where the first largest value is, NaN skipped."""
    def nanargmin(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """Where the first smallest value is, NaN skipped."""
    def nanmax(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Largest values, NaN skipped."""
    def nanmean(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
        """Means of what is not NaN."""
    def nanmin(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Smallest values, NaN skipped."""
    def nanprod(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Products of what is not NaN."""
    def nanstd(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
        """Standard deviations of what is not NaN."""
    def nansum(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Sums of what is not NaN."""
    def nanvar(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
        """Variances of what is not NaN."""
    def nonzero(self) -> Any:
        """Where the elements are that are not zero, an array an axis."""
    def partition(self, kth: Any, axis: int | Sequence[int] | None = ...) -> Array:
        """With the kth value at its place: sorted."""
    def prod(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Products."""
    def ptp(self, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
        """Largest minus smallest."""
    def ravel(self, order: str | None = ...) -> Array:
        """All elements along one axis."""
    def repeat(self, repeats: Any, axis: int | Sequence[int] | None = ...) -> Array:
        """Every element several times."""
    def reshape(self, *shape: Any, order: str | None = ..., copy: bool | None = ...) -> Array:
        """The same elements under another shape."""
    def round(self, decimals: Any = ...) -> Array:
        """Rounded to decimals, halves to even."""
    def searchsorted(self, v: Any, side: Any = ..., sorter: Any = ...) -> Array:
        """Where values belong in a sorted array."""
    def sort(self, axis: int | Sequence[int] | None = ..., kind: Any = ..., *, stable: Any = ...) -> Array:
        """In ascending order along an axis, NaN last."""
    def squeeze(self, axis: int | Sequence[int] | None = ...) -> Array:
        """Without axes of length 1."""
    def std(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
        """Standard deviations."""
    def sum(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
        """Sums."""
    def swapaxes(self, axis1: Any, axis2: Any) -> Array:
        """Two axes exchanged."""
    def take(self, indices: Any, axis: int | Sequence[int] | None = ..., *, mode: Any = ...) -> Array:
        """The elements at indices along an axis."""
    def trace(self, offset: Any = ..., axis1: Any = ..., axis2: Any = ..., dtype: DTypeLike | None = ...) -> Array:
        """Sums along a diagonal."""
    def transpose(self, *axes: Any) -> Array:
        """Axes in another order."""
    def var(self, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
        """Variances."""

def array(object: Any, dtype: DTypeLike | None = ..., *, copy: bool | None = ..., order: str | None = ..., subok: Any = ..., ndmin: Any = ...) -> Array:
    """An array of numbers or of what is one already."""
def asarray(a: Any, dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., copy: bool | None = ...) -> Array:
    """An array of numbers or of what is one already."""
def asanyarray(a: Any, dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., copy: bool | None = ...) -> Array:
    """An array of numbers or of what is one already."""
def ascontiguousarray(a: Any, dtype: DTypeLike | None = ...) -> Array:
    """An array with an axis at least."""
def asfortranarray(a: Any, dtype: DTypeLike | None = ...) -> Array:
    """An array: it has no order in memory."""
def zeros(shape: int | Sequence[int], dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., chunks: Any = ...) -> Array:
    """Zeros."""
def ones(shape: int | Sequence[int], dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., chunks: Any = ...) -> Array:
    """Ones."""
def empty(shape: int | Sequence[int], dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., chunks: Any = ...) -> Array:
    """Values that do not matter: zeros."""
def full(shape: int | Sequence[int], fill_value: Any, dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ..., chunks: Any = ...) -> Array:
    """The same value everywhere."""
def zeros_like(a: Any, dtype: DTypeLike | None = ..., order: str | None = ..., subok: Any = ..., shape: int | Sequence[int] | None = ..., *, device: str | None = ...) -> Array:
    """Zeros in the shape of an array."""
def ones_like(a: Any, dtype: DTypeLike | None = ..., order: str | None = ..., subok: Any = ..., shape: int | Sequence[int] | None = ..., *, device: str | None = ...) -> Array:
    """Ones in the shape of an array."""
def empty_like(a: Any, dtype: DTypeLike | None = ..., order: str | None = ..., subok: Any = ..., shape: int | Sequence[int] | None = ..., *, device: str | None = ...) -> Array:
    """Zeros in the shape of an array."""
def full_like(a: Any, fill_value: Any, dtype: DTypeLike | None = ..., order: str | None = ..., subok: Any = ..., shape: int | Sequence[int] | None = ..., *, device: str | None = ...) -> Array:
    """One value in the shape of an array."""
def arange(start: Any, stop: Any = ..., step: Any = ..., dtype: DTypeLike | None = ..., *, device: str | None = ..., chunks: Any = ...) -> Array:
    """start, start + step, … below stop."""
def logspace(start: Any, stop: Any, num: Any = ..., endpoint: Any = ..., base: Any = ..., dtype: DTypeLike | None = ...) -> Array:
    """Values evenly spaced on a log scale."""
def eye(N: Any, M: Any = ..., k: Any = ..., dtype: DTypeLike | None = ..., order: str | None = ..., *, device: str | None = ...) -> Array:
    """Ones on a diagonal."""
def identity(n: Any, dtype: DTypeLike | None = ...) -> Array:
    """The identity matrix."""
def negative(x: Any) -> Array:
    """−x."""
def positive(x: Any) -> Array:
    """+x."""
def absolute(x: Any) -> Array:
    """|x|."""
def abs(x: Any) -> Array:
    """|x|."""
def fabs(x: Any) -> Array:
    """|x| as float."""
def sign(x: Any) -> Array:
    """−1, 0 or 1."""
def signbit(x: Any) -> Array:
    """Whether the sign bit is set."""
def rint(x: Any) -> Array:
    """Nearest integers, halves to even."""
def floor(x: Any) -> Array:
    """Largest integers not above."""
def ceil(x: Any) -> Array:
    """Smallest integers not below."""
def trunc(x: Any) -> Array:
    """Integer parts."""
def fix(x: Any) -> Array:
    """Integer parts."""
def sqrt(x: Any) -> Array:
    """Square roots."""
def cbrt(x: Any) -> Array:
    """Cube roots."""
def square(x: Any) -> Array:
    """Squares."""
def reciprocal(x: Any) -> Array:
    """1/x."""
def exp(x: Any) -> Array:
    """eˣ."""
def exp2(x: Any) -> Array:
    """2ˣ."""
def expm1(x: Any) -> Array:
    """eˣ − 1."""
def log(x: Any) -> Array:
    """Natural logarithms."""
def log2(x: Any) -> Array:
    """Logarithms to base 2."""
def log10(x: Any) -> Array:
    """Logarithms to base 10."""
def log1p(x: Any) -> Array:
    """log(1 + x)."""
def sin(x: Any) -> Array:
    """Sines."""
def cos(x: Any) -> Array:
    """Cosines."""
def tan(x: Any) -> Array:
    """Tangents."""
def arcsin(x: Any) -> Array:
    """Inverse sines."""
def arccos(x: Any) -> Array:
    """Inverse cosines."""
def arctan(x: Any) -> Array:
    """Inverse tangents."""
def asin(x: Any) -> Array:
    """Inverse sines."""
def acos(x: Any) -> Array:
    """Inverse cosines."""
def atan(x: Any) -> Array:
    """Inverse tangents."""
def sinh(x: Any) -> Array:
    """Hyperbolic sines."""
def cosh(x: Any) -> Array:
    """Hyperbolic cosines."""
def tanh(x: Any) -> Array:
    """Hyperbolic tangents."""
def arcsinh(x: Any) -> Array:
    """Inverse hyperbolic sines."""
def arccosh(x: Any) -> Array:
    """Inverse hyperbolic cosines."""
def arctanh(x: Any) -> Array:
    """Inverse hyperbolic tangents."""
def asinh(x: Any) -> Array:
    """Inverse hyperbolic sines."""
def acosh(x: Any) -> Array:
    """Inverse hyperbolic cosines."""
def atanh(x: Any) -> Array:
    """Inverse hyperbolic tangents."""
def deg2rad(x: Any) -> Array:
    """Degrees to radians."""
def radians(x: Any) -> Array:
    """Degrees to radians."""
def rad2deg(x: Any) -> Array:
    """Radians to degrees."""
def degrees(x: Any) -> Array:
    """Radians to degrees."""
def isnan(x: Any) -> Array:
    """Whether NaN."""
def isinf(x: Any) -> Array:
    """Whether infinite."""
def isfinite(x: Any) -> Array:
    """Whether neither NaN nor infinite."""
def isposinf(x: Any) -> Array:
    """Whether +∞."""
def isneginf(x: Any) -> Array:
    """Whether −∞."""
def logical_not(x: Any) -> Array:
    """Whether zero."""
def invert(x: Any) -> Array:
    """Bits flipped."""
def bitwise_not(x: Any) -> Array:
    """Bits flipped."""
def bitwise_invert(x: Any) -> Array:
    """Bits flipped."""
def spacing(x: Any) -> Array:
    """Distance to the next number."""
def bitwise_count(x: Any) -> Array:
    """Bits that are set."""
def real(x: Any) -> Array:
    """Real parts."""
def imag(x: Any) -> Array:
    """Imaginary parts."""
def conjugate(x: Any) -> Array:
    """Complex conjugates."""
def conj(x: Any) -> Array:
    """Complex conjugates."""
def angle(z: Any, deg: Any = ...) -> Array:
    """Arguments of complex numbers."""
def sinc(x: Any) -> Array:
    """sin(πx)/(πx)."""
def nan_to_num(x: Any, copy: bool | None = ..., nan: Any = ..., posinf: Any = ..., neginf: Any = ...) -> Array:
    """NaN and infinities replaced."""
def round(a: Any, decimals: Any = ...) -> Array:
    """Rounded to decimals, halves to even."""
def around(a: Any, decimals: Any = ...) -> Array:
    """Rounded to decimals, halves to even."""
def divide(x1: Any, x2: Any) -> Array:
    """x1 / x2."""
def true_divide(x1: Any, x2: Any) -> Array:
    """x1 / x2."""
def floor_divide(x1: Any, x2: Any) -> Array:
    """Quotients rounded down."""
def remainder(x1: Any, x2: Any) -> Array:
    """Remainders with the divisor's sign."""
def mod(x1: Any, x2: Any) -> Array:
    """Remainders with the divisor's sign."""
def fmod(x1: Any, x2: Any) -> Array:
    """Remainders with the dividend's sign."""
def power(x1: Any, x2: Any) -> Array:
    """Powers."""
def pow(x1: Any, x2: Any) -> Array:
    """Powers."""
def float_power(x1: Any, x2: Any) -> Array:
    """Powers in float64."""
def equal(x1: Any, x2: Any) -> Array:
    """x1 == x2."""
def not_equal(x1: Any, x2: Any) -> Array:
    """x1 != x2."""
def less(x1: Any, x2: Any) -> Array:
    """x1 < x2."""
def less_equal(x1: Any, x2: Any) -> Array:
    """x1 <= x2."""
def greater(x1: Any, x2: Any) -> Array:
    """x1 > x2."""
def greater_equal(x1: Any, x2: Any) -> Array:
    """x1 >= x2."""
def left_shift(x1: Any, x2: Any) -> Array:
    """Bits to the left."""
def right_shift(x1: Any, x2: Any) -> Array:
    """Bits to the right."""
def bitwise_left_shift(x1: Any, x2: Any) -> Array:
    """Bits to the left."""
def bitwise_right_shift(x1: Any, x2: Any) -> Array:
    """Bits to the right."""
def arctan2(x1: Any, x2: Any) -> Array:
    """Angles of points."""
def atan2(x1: Any, x2: Any) -> Array:
    """Angles of points."""
def hypot(x1: Any, x2: Any) -> Array:
    """√(x1² + x2²)."""
def copysign(x1: Any, x2: Any) -> Array:
    """Magnitudes with other signs."""
def nextafter(x1: Any, x2: Any) -> Array:
    """The next number towards x2."""
def heaviside(x1: Any, x2: Any) -> Array:
    """The step function."""
def gcd(x1: Any, x2: Any) -> Array:
    """Greatest common divisors."""
def lcm(x1: Any, x2: Any) -> Array:
    """Least common multiples."""
def ldexp(x1: Any, x2: Any) -> Array:
    """x1 · 2^x2."""
def divmod(x1: Any, x2: Any) -> Any:
    """Quotients rounded down, and remainders."""
def modf(x: Any) -> Any:
    """Fractional and integral parts."""
def frexp(x: Any) -> Any:
    """Mantissas and exponents."""
def isclose(a: Any, b: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ...) -> Array:
    """Whether |a − b| ≤ atol + rtol·|b|."""
def allclose(a: Any, b: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ...) -> Array:
    """Whether all are close."""
def array_equal(a1: Any, a2: Any, equal_nan: Any = ...) -> Array:
    """Whether shapes and all elements are equal."""
def where(condition: Any, x: Any = ..., y: Any = ...) -> Array:
    """x where the condition holds, else y; of a condition alone, where it holds."""
def clip(a: Any, a_min: Any = ..., a_max: Any = ..., *, min: Any = ..., max: Any = ...) -> Array:
    """Limited to a range."""
def astype(x: Any, dtype: DTypeLike | None, *, copy: bool | None = ..., device: str | None = ...) -> Array:
    """As another dtype."""
def copy(a: Any, order: str | None = ..., subok: Any = ...) -> Array:
    """The array itself: arrays never change."""
def sum(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Sums."""
def prod(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Products."""
def mean(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
    """Arithmetic means."""
def var(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
    """Variances."""
def std(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
    """Standard deviations."""
def min(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Smallest values."""
def max(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Largest values."""
def amin(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Smallest values."""
def amax(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Largest values."""
def any(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
    """Whether any is nonzero."""
def all(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
    """Whether all are nonzero."""
def argmin(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """Where the first smallest value is."""
def argmax(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """Where the first largest value is."""
def count_nonzero(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """How many are nonzero."""
def nansum(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Sums of what is not NaN."""
def nanprod(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Products of what is not NaN."""
def nanmean(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., where: Any = ...) -> Array:
    """Means of what is not NaN."""
def nanvar(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
    """Variances of what is not NaN."""
def nanstd(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ..., where: Any = ..., correction: Any = ..., mean: Any = ...) -> Array:
    """Standard deviations of what is not NaN."""
def nanmin(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Smallest values, NaN skipped."""
def nanmax(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ..., where: Any = ..., initial: Any = ...) -> Array:
    """Largest values, NaN skipped."""
def nanargmin(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """Where the first smallest value is, NaN skipped."""
def nanargmax(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """Where the first largest value is, NaN skipped."""
def ptp(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Array:
    """Largest minus smallest."""
def cumsum(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running sums."""
def cumprod(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running products."""
def nancumsum(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running sums, NaN counting as 0."""
def nancumprod(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running products, NaN counting as 1."""
def cumulative_sum(x: Any, *, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., include_initial: Any = ...) -> Array:
    """Running sums, from 0 on if asked."""
def cumulative_prod(x: Any, *, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., include_initial: Any = ...) -> Array:
    """Running products, from 1 on if asked."""
def cummax(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running maxima."""
def cummin(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
    """Running minima."""
def tril(m: Any, k: Any = ...) -> Array:
    """Zeros above a diagonal."""
def triu(m: Any, k: Any = ...) -> Array:
    """Zeros below a diagonal."""
def transpose(a: Any, axes: Any = ...) -> Array:
    """Axes in another order."""
def permute_dims(a: Any, axes: Any = ...) -> Array:
    """Axes in another order."""
def matrix_transpose(x: Any) -> Array:
    """The last two axes exchanged."""
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Array:
    """Two axes exchanged."""
def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    """Axes moved."""
def squeeze(a: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Without axes of length 1."""
def expand_dims(a: Any, axis: int | Sequence[int] | None) -> Array:
    """New axes of length 1."""
def flip(m: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Reversed along axes."""
def flipud(m: Any) -> Array:
    """Reversed along axis 0."""
def fliplr(m: Any) -> Array:
    """Reversed along axis 1."""
def concatenate(arrays: Any, axis: int | Sequence[int] | None = ..., *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """One after the other along an axis."""
def concat(arrays: Any, axis: int | Sequence[int] | None = ..., *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """One after the other along an axis."""
def stack(arrays: Any, axis: int | Sequence[int] | None = ..., *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """Together along a new axis."""
def vstack(tup: Any, *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """Below one another."""
def hstack(tup: Any, *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """Beside one another."""
def broadcast_to(array: Any, shape: int | Sequence[int]) -> Array:
    """Repeated to a shape."""
def broadcast_arrays(*args: Any) -> Any:
    """Repeated to one shape."""
def reshape(a: Any, shape: int | Sequence[int], order: str | None = ..., *, copy: bool | None = ...) -> Array:
    """The same elements under another shape."""
def ravel(a: Any, order: str | None = ...) -> Array:
    """All elements along one axis."""
def rechunk(x: Any, chunks: Any = ...) -> Array:
    """The same elements in other chunks."""
def can_cast(from_: Any, to: Any, casting: Any = ...) -> bool:
    """Whether a dtype may be cast to another."""
def isdtype(dtype: DTypeLike | None, kind: Any) -> bool:
    """Whether a dtype is of a kind."""
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that several promote to."""
def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The dtype that two promote to."""
def shape(a: Any) -> tuple[int, ...]:
    """The lengths of the axes."""
def ndim(a: Any) -> int:
    """The number of axes."""
def size(a: Any, axis: int | Sequence[int] | None = ...) -> int:
    """The number of elements."""
def matmul(x1: Any, x2: Any) -> Array:
    """The matrix product of the last two axes."""
def dot(a: Any, b: Any) -> Array:
    """The product over the last axis and the last but one."""
def vdot(a: Any, b: Any) -> Array:
    """The sum of all products, the first conjugated."""
def vecdot(x1: Any, x2: Any, *, axis: int | Sequence[int] | None = ...) -> Array:
    """Sums of products along an axis, the first conjugated."""
def matvec(x1: Any, x2: Any) -> Array:
    """Matrices times vectors."""
def vecmat(x1: Any, x2: Any) -> Array:
    """Conjugated vectors times matrices."""
def inner(a: Any, b: Any) -> Array:
    """Sums of products over the last axes."""
def outer(a: Any, b: Any) -> Array:
    """All products of two flattened arrays."""
def kron(a: Any, b: Any) -> Array:
    """The Kronecker product."""
def tensordot(a: Any, b: Any, axes: Any = ...) -> Array:
    """Sums of products over pairs of axes."""
def einsum(subscripts: Any, *operands: Any, dtype: DTypeLike | None = ..., optimize: Any = ...) -> Array:
    """Products by labels of axes."""
def cross(a: Any, b: Any, axisa: Any = ..., axisb: Any = ..., axisc: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Vector products."""
def trace(a: Any, offset: Any = ..., axis1: Any = ..., axis2: Any = ..., dtype: DTypeLike | None = ...) -> Array:
    """Sums along a diagonal."""
def select(condlist: Any, choicelist: Any, default: Any = ...) -> Array:
    """The choice of the first condition that holds."""
def choose(a: Any, choices: Any, out: Any = ..., mode: Any = ...) -> Array:
    """The choice by its number; another number is an error, or goes to the nearest ('clip') or around ('wrap')."""
def piecewise(x: Any, condlist: Any, funclist: Any) -> Array:
    """Values by conditions."""
def isreal(x: Any) -> Array:
    """Whether the imaginary part is 0."""
def iscomplex(x: Any) -> Array:
    """Whether the imaginary part is not 0."""
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex."""
def isscalar(element: Any) -> bool:
    """Whether it is a number and no array."""
def i0(x: Any) -> Array:
    """The modified Bessel function I₀."""
def linspace(start: Any, stop: Any, num: Any = ..., endpoint: Any = ..., retstep: Any = ..., dtype: DTypeLike | None = ..., axis: int | Sequence[int] | None = ..., *, device: str | None = ...) -> Array:
    """Evenly spaced values."""
def geomspace(start: Any, stop: Any, num: Any = ..., endpoint: Any = ..., dtype: DTypeLike | None = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Values evenly spaced on a log scale."""
def meshgrid(*xi: Any, copy: bool | None = ..., sparse: Any = ..., indexing: Any = ...) -> Any:
    """Coordinates of a grid from those of its axes."""
def indices(dimensions: Any, dtype: DTypeLike | None = ..., sparse: Any = ...) -> Any:
    """The index along each axis at each place."""
def mgrid(*ranges: Any) -> Any:
    """Coordinates of a grid: mgrid[0:3, 0:1:5j]."""
def ogrid(*ranges: Any) -> Any:
    """Coordinates of a grid, each along its axis: ogrid[0:3, 0:1:5j]."""
def tri(N: Any, M: Any = ..., k: Any = ..., dtype: DTypeLike | None = ...) -> Array:
    """Ones below a diagonal."""
def vander(x: Any, N: Any = ..., increasing: Any = ...) -> Array:
    """Powers of elements as rows."""
def diag_indices(n: Any, ndim: Any = ...) -> Any:
    """The places of the main diagonal."""
def tril_indices(n: Any, k: Any = ..., m: Any = ...) -> Any:
    """The places of a lower triangle."""
def triu_indices(n: Any, k: Any = ..., m: Any = ...) -> Any:
    """The places of an upper triangle."""
def tril_indices_from(arr: Any, k: Any = ...) -> Any:
    """The places of a matrix's lower triangle."""
def triu_indices_from(arr: Any, k: Any = ...) -> Any:
    """The places of a matrix's upper triangle."""
def bartlett(M: Any) -> Array:
    """Bartlett's taper."""
def blackman(M: Any) -> Array:
    """Blackman's taper."""
def hamming(M: Any) -> Array:
    """Hamming's taper."""
def hanning(M: Any) -> Array:
    """Hann's taper."""
def kaiser(M: Any, beta: Any) -> Array:
    """Kaiser's taper."""
def roll(a: Any, shift: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Moved on along axes, what leaves at one end coming back at the other."""
def rot90(m: Any, k: Any = ..., axes: Any = ...) -> Array:
    """Turned by quarters in the plane of two axes."""
def rollaxis(a: Any, axis: int | Sequence[int] | None, start: Any = ...) -> Array:
    """An axis moved before another."""
def tile(A: Any, reps: Any) -> Array:
    """The array after itself, so many times along each axis."""
def repeat(a: Any, repeats: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Every element several times."""
def resize(a: Any, new_shape: Any) -> Array:
    """The elements, again and again, in another shape."""
def pad(array: Any, pad_width: Any, mode: Any = ..., *, stat_length: Any = ..., constant_values: Any = ..., end_values: Any = ..., reflect_type: Any = ...) -> Array:
    """New elements at the ends of axes, in all of NumPy's modes."""
def atleast_1d(*arys: Any) -> Any:
    """With an axis at least."""
def atleast_2d(*arys: Any) -> Any:
    """With two axes at least."""
def atleast_3d(*arys: Any) -> Any:
    """With three axes at least."""
def block(arrays: Any) -> Array:
    """Lists of lists of arrays as one."""
def dstack(tup: Any) -> Array:
    """Behind one another."""
def column_stack(tup: Any) -> Array:
    """Beside one another, vectors as columns."""
def row_stack(tup: Any, *, dtype: DTypeLike | None = ..., casting: Any = ...) -> Array:
    """Above one another."""
def ix_(*args: Any) -> Any:
    """Sequences as indices of axes, each of its own: x[ix_(a, b)]."""
def diag_indices_from(arr: Any) -> Any:
    """Indices of the diagonal of an array with equal sides."""
def shuffle(x: Any, indexer: Any, axis: int | Sequence[int] | None) -> Array:
    """The places that lists of places name, one list after the other (dask)."""
def split(ary: Any, indices_or_sections: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """Parts along an axis."""
def array_split(ary: Any, indices_or_sections: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """Parts along an axis, the first ones longer if need be."""
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 1."""
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 0."""
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Parts along axis 2."""
def unstack(x: Any, *, axis: int | Sequence[int] | None = ...) -> Any:
    """The arrays that lie along an axis."""
def append(arr: Any, values: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """With other elements after it."""
def insert(arr: Any, obj: Any, values: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """With other elements before places of an axis."""
def delete(arr: Any, obj: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Without places of an axis."""
def diag(v: Any, k: Any = ...) -> Array:
    """A matrix with a diagonal, or the diagonal of a matrix."""
def diagflat(v: Any, k: Any = ...) -> Array:
    """A matrix with all elements on a diagonal."""
def diagonal(a: Any, offset: Any = ..., axis1: Any = ..., axis2: Any = ...) -> Array:
    """A diagonal of the plane of two axes."""
def sliding_window_view(x: Any, window_shape: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """All windows, along new axes."""
def broadcast_shapes(*args: Any) -> Any:
    """The shape that several broadcast to."""
def diff(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., prepend: Any = ..., append: Any = ...) -> Array:
    """Differences of neighbours."""
def ediff1d(ary: Any, to_end: Any = ..., to_begin: Any = ...) -> Array:
    """Differences of neighbours among all elements."""
def gradient(f: Any, *varargs: Any, axis: int | Sequence[int] | None = ..., edge_order: Any = ...) -> Any:
    """Slopes along axes."""
def trapezoid(y: Any, x: Any = ..., dx: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Areas by the trapezoidal rule."""
def trapz(y: Any, x: Any = ..., dx: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Areas by the trapezoidal rule."""
def unwrap(p: Any, discont: Any = ..., axis: int | Sequence[int] | None = ..., *, period: Any = ...) -> Array:
    """Angles without jumps."""
def convolve(a: Any, v: Any, mode: Any = ...) -> Array:
    """Convolutions of two sequences."""
def correlate(a: Any, v: Any, mode: Any = ...) -> Array:
    """Correlations of two sequences."""
def cov(m: Any, y: Any = ..., rowvar: Any = ..., bias: Any = ..., ddof: Any = ..., fweights: Any = ..., aweights: Any = ..., *, dtype: DTypeLike | None = ...) -> Array:
    """Covariances of variables."""
def corrcoef(x: Any, y: Any = ..., rowvar: Any = ..., *, dtype: DTypeLike | None = ...) -> Array:
    """Correlation coefficients of variables."""
def average(a: Any, axis: int | Sequence[int] | None = ..., weights: Any = ..., returned: Any = ..., *, keepdims: bool = ...) -> Any:
    """Weighted means."""
def polyval(p: Any, x: Any) -> Array:
    """A polynomial, the highest power first."""
def polyadd(a1: Any, a2: Any) -> Array:
    """The sum of two polynomials."""
def polysub(a1: Any, a2: Any) -> Array:
    """The difference of two polynomials."""
def polymul(a1: Any, a2: Any) -> Any:
    """The product of two polynomials."""
def polyder(p: Any, m: Any = ...) -> Array:
    """Slopes of a polynomial."""
def polyint(p: Any, m: Any = ..., k: Any = ...) -> Array:
    """Areas under a polynomial, of these values at 0."""
def poly(seq_of_zeros: Any) -> Array:
    """The polynomial with these zeros, or the characteristic one of a matrix."""
def polydiv(u: Any, v: Any) -> Any:
    """Quotient and remainder of two polynomials."""
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = ..., *, w: Any = ...) -> Any:
    """The polynomial nearest to points, by least squares."""
def roots(p: Any) -> Array:
    """The zeros of a polynomial."""
def array_equiv(a1: Any, a2: Any) -> Array:
    """Whether two arrays are equal once broadcast."""
def sort(a: Any, axis: int | Sequence[int] | None = ..., kind: Any = ..., *, stable: Any = ...) -> Array:
    """In ascending order along an axis, NaN last."""
def argsort(a: Any, axis: int | Sequence[int] | None = ..., kind: Any = ..., *, stable: Any = ...) -> Array:
    """The places of the sorted values; equal ones in their order."""
def partition(a: Any, kth: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """With the kth value at its place: sorted."""
def argpartition(a: Any, kth: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """The places of the partitioned values."""
def sort_complex(a: Any) -> Array:
    """In ascending order along the last axis, as complex numbers."""
def median(a: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., keepdims: bool = ...) -> Array:
    """The exact median."""
def nanmedian(a: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., keepdims: bool = ...) -> Array:
    """The exact median of what is not NaN."""
def searchsorted(a: Any, v: Any, side: Any = ..., sorter: Any = ...) -> Array:
    """Where values belong in a sorted array."""
def digitize(x: Any, bins: Any, right: Any = ...) -> Array:
    """Between which edges each value lies."""
def isin(element: Any, test_elements: Any, assume_unique: Any = ..., invert: Any = ..., *, kind: Any = ...) -> Array:
    """Whether each element is one of others."""
def interp(x: Any, xp: Any, fp: Any, left: Any = ..., right: Any = ..., period: Any = ...) -> Array:
    """Linear interpolation of points."""
def take(a: Any, indices: Any, axis: int | Sequence[int] | None = ..., *, mode: Any = ...) -> Array:
    """The elements at indices along an axis."""
def take_along_axis(arr: Any, indices: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """The elements of each lane at places of its own."""
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | Sequence[int] | None) -> Array:
    """The array with values at places of each lane; NumPy changes its argument."""
def unravel_index(indices: Any, shape: int | Sequence[int], order: str | None = ...) -> Any:
    """The place along each axis of places in an array."""
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = ..., order: str | None = ...) -> Array:
    """Places along each axis as one place in an array."""
def trim_zeros(filt: Any, trim: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Without the zeros at the front and back of axes."""
def lexsort(keys: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """The order by several keys, the last one first."""
def compress(condition: Any, a: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """The elements where a condition of one axis holds."""
def extract(condition: Any, arr: Any) -> Array:
    """All elements where a condition holds."""
def nonzero(a: Any) -> Any:
    """Where the elements are that are not zero, an array an axis."""
def flatnonzero(a: Any) -> Array:
    """Where the elements of the flattened array are that are not zero."""
def argwhere(a: Any) -> Array:
    """Where the elements are that are not zero, a row an element."""
def unique(ar: Any, return_index: Any = ..., return_inverse: Any = ..., return_counts: Any = ..., axis: int | Sequence[int] | None = ..., *, equal_nan: Any = ..., sorted: Any = ...) -> Any:
    """The different elements, ascending."""
def unique_values(x: Any) -> Array:
    """The different elements, ascending."""
def unique_counts(x: Any) -> Any:
    """The different elements, and how often each occurs."""
def unique_inverse(x: Any) -> Any:
    """The different elements, and the place among them of each element."""
def unique_all(x: Any) -> Any:
    """The different elements, their first places, the place of each element, and their counts."""
def intersect1d(ar1: Any, ar2: Any, assume_unique: Any = ..., return_indices: Any = ...) -> Array:
    """Elements of both, and where they are first in each."""
def union1d(ar1: Any, ar2: Any) -> Array:
    """Elements of either."""
def setdiff1d(ar1: Any, ar2: Any, assume_unique: Any = ...) -> Array:
    """Elements of the first that are none of the second; in their order where they are unique."""
def setxor1d(ar1: Any, ar2: Any, assume_unique: Any = ...) -> Array:
    """Elements of exactly one."""
def topk(a: Any, k: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """The k largest values, descending; the smallest, ascending, for −k (dask)."""
def argtopk(a: Any, k: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Where the k largest values stand (dask)."""
def bincount(x: Any, weights: Any = ..., minlength: Any = ...) -> Array:
    """How often each of 0, 1, … up to the greatest occurs, with minlength bins at least."""
def histogram(a: Any, bins: Any = ..., range: Any = ..., density: Any = ..., weights: Any = ...) -> Any:
    """Counts between edges, and the edges."""
def histogram_bin_edges(a: Any, bins: Any = ..., range: Any = ..., weights: Any = ...) -> Array:
    """The edges of a histogram."""
def histogram2d(x: Any, y: Any, bins: Any = ..., range: Any = ..., density: Any = ..., weights: Any = ...) -> Any:
    """Counts of pairs, and both edges."""
def histogramdd(sample: Any, bins: Any = ..., range: Any = ..., density: Any = ..., weights: Any = ...) -> Any:
    """Counts of points in as many dimensions as there are columns, and the edges of each."""
def quantile(a: Any, q: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., method: Any = ..., keepdims: bool = ..., *, weights: Any = ...) -> Array:
    """Exact quantiles, by any of NumPy's methods."""
def percentile(a: Any, q: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., method: Any = ..., keepdims: bool = ..., *, weights: Any = ...) -> Array:
    """Exact percentiles, by any of NumPy's methods."""
def nanquantile(a: Any, q: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., method: Any = ..., keepdims: bool = ..., *, weights: Any = ...) -> Array:
    """Exact quantiles of what is not NaN."""
def nanpercentile(a: Any, q: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., method: Any = ..., keepdims: bool = ..., *, weights: Any = ...) -> Array:
    """Exact percentiles of what is not NaN."""
def groupby_reduce(array: Any, by: Any, *, func: Any = ..., axis: int | Sequence[int] | None = ..., num_groups: Any = ..., ddof: Any = ..., q: Any = ...) -> Array:
    """func ('sum', 'prod', 'mean', 'var', 'std', 'min', 'max', 'argmin', 'argmax', 'first', 'last', 'median', 'quantile', these with 'nan' before them, 'count' of what is no NaN, 'any', 'all') of the places along an axis, or as many from it on as by has, with each label 0, 1, … below num_groups, by default up to the greatest; quantiles q, of several along an axis before all others (flox)."""
def move_sum(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Sums of the windows that end at each place (bottleneck)."""
def move_mean(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Means of the windows that end at each place (bottleneck)."""
def move_min(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """The least values of the windows that end at each place (bottleneck)."""
def move_max(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """The greatest values of the windows that end at each place (bottleneck)."""
def move_median(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Medians of the windows that end at each place (bottleneck)."""
def move_var(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ..., ddof: Any = ...) -> Array:
    """Variances of the windows that end at each place (bottleneck)."""
def move_std(a: Any, window: Any, min_count: Any = ..., axis: int | Sequence[int] | None = ..., ddof: Any = ...) -> Array:
    """Standard deviations of the windows that end at each place (bottleneck)."""
def packbits(a: Any, axis: int | Sequence[int] | None = ..., bitorder: Any = ...) -> Array:
    """Elements as the bits of bytes."""
def unpackbits(a: Any, axis: int | Sequence[int] | None = ..., count: Any = ..., bitorder: Any = ...) -> Array:
    """The bits of bytes as elements."""
def isnull(values: Any) -> Array:
    """Where values are NaN (dask)."""
def notnull(values: Any) -> Array:
    """Where values are not NaN (dask)."""
def push(array: Any, n: Any, axis: int | Sequence[int] | None) -> Array:
    """NaN replaced by the last value before it, at most n places away (dask)."""

class _add:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """x1 + x2."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Sums."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running sums."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Sums of the elements from each index up to the next, and of one element where the next is not greater."""

add: _add

class _bitwise_and:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Bits of both."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Bits that all have."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Bits that all of such slices have."""

bitwise_and: _bitwise_and

class _bitwise_or:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Bits of either."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Bits that any has."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Bits that any of such slices has."""

bitwise_or: _bitwise_or

class _bitwise_xor:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Bits of exactly one."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Bits that an odd number of them has."""

bitwise_xor: _bitwise_xor

class _fmax:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """The larger; NaN loses."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Largest values of what is not NaN."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running maxima of what is not NaN."""

fmax: _fmax

class _fmin:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """The smaller; NaN loses."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Smallest values of what is not NaN."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running minima of what is not NaN."""

fmin: _fmin

class _logaddexp:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """log(eˣ¹ + eˣ²)."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """log Σ eˣ."""

logaddexp: _logaddexp

class _logaddexp2:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """log2(2ˣ¹ + 2ˣ²)."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """log₂ Σ 2ˣ."""

logaddexp2: _logaddexp2

class _logical_and:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Both nonzero."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Whether all are nonzero."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Whether all so far are nonzero."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Whether all of such slices are nonzero."""

logical_and: _logical_and

class _logical_or:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Either nonzero."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Whether any is nonzero."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Whether any so far is nonzero."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Whether any of such slices is nonzero."""

logical_or: _logical_or

class _logical_xor:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """Exactly one nonzero."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Whether an odd number of them is nonzero."""

logical_xor: _logical_xor

class _maximum:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """The larger; NaN wins."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Largest values."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running maxima."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Largest values of such slices."""

maximum: _maximum

class _minimum:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """The smaller; NaN wins."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Smallest values."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running minima."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Smallest values of such slices."""

minimum: _minimum

class _multiply:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """x1 · x2."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """Products."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Running products."""
    def reduceat(self, array: Any, indices: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """Products of such slices."""

multiply: _multiply

class _subtract:
    def __call__(self, x1: Any, x2: Any) -> Array:
        """x1 − x2."""
    def reduce(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ..., initial: Any = ..., where: Any = ...) -> Array:
        """The first element less all others."""
    def accumulate(self, array: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Array:
        """The first element less those so far."""

subtract: _subtract
