# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def masked_array(data: Any, mask: Any = ..., dtype: DTypeLike | None = ..., *, fill_value: Any = ...) -> Any:
    """Data and a mask, true where an element does not count."""
def array(data: Any, dtype: DTypeLike | None = ..., copy: bool | None = ..., *, mask: Any = ..., fill_value: Any = ...) -> Any:
    """Data and a mask, true where an element does not count."""
def masked_where(condition: Any, a: Any, *, copy: bool | None = ...) -> Any:
    """Masked where condition holds."""
def masked_invalid(a: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements are NaN or infinite."""
def masked_equal(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements equal value, the fill value from then on."""
def masked_values(x: Any, value: Any, rtol: Any = ..., atol: Any = ..., *, copy: bool | None = ..., shrink: Any = ...) -> Any:
    """Masked where elements are close to value, the fill value from then on."""
def masked_not_equal(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements do not equal value."""
def masked_less(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements are less than value."""
def masked_less_equal(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements are not greater than value."""
def masked_greater(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements are greater than value."""
def masked_greater_equal(x: Any, value: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements are not less than value."""
def masked_inside(x: Any, v1: Any, v2: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements lie between two values, or equal one of them."""
def masked_outside(x: Any, v1: Any, v2: Any, *, copy: bool | None = ...) -> Any:
    """Masked where elements lie beyond two values."""
def fix_invalid(a: Any, mask: Any = ..., copy: bool | None = ..., fill_value: Any = ...) -> Any:
    """Masked where elements are NaN or infinite, with the fill value as their data."""
def getdata(a: Any, subok: Any = ...) -> Any:
    """All elements, those that do not count, too."""
def getmaskarray(arr: Any) -> Any:
    """True where an element does not count."""
def getmask(a: Any) -> Any:
    """True where an element does not count."""
def set_fill_value(a: Any, fill_value: Any) -> Any:
    """The same with another fill value (NumPy changes it in place)."""
def filled(a: Any, fill_value: Any = ...) -> Any:
    """The data with the fill value where elements do not count."""
def compressed(x: Any) -> Any:
    """The elements that count, along one axis."""
def count(a: Any, axis: int | Sequence[int] | None = ..., keepdims: bool = ...) -> Any:
    """How many elements count."""
def sum(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ...) -> Any:
    """The sum of what counts."""
def prod(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ...) -> Any:
    """The product of what counts."""
def mean(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, keepdims: bool = ...) -> Any:
    """The mean of what counts."""
def var(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ...) -> Any:
    """The variance of what counts."""
def std(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ..., *, ddof: Any = ..., keepdims: bool = ...) -> Any:
    """The standard deviation of what counts."""
def min(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """The least of what counts."""
def max(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """The greatest of what counts."""
def any(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """Whether any element that counts is not zero."""
def all(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """Whether all elements that count are not zero."""
def ptp(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """The greatest less the least of what counts."""
def argmin(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """Where the least of what counts is."""
def argmax(a: Any, axis: int | Sequence[int] | None = ..., *, keepdims: bool = ...) -> Any:
    """Where the greatest of what counts is."""
def cumsum(a: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """Running sums of what counts, masked where the elements are."""
def cumprod(a: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """Running products of what counts, masked where the elements are."""
def average(a: Any, axis: int | Sequence[int] | None = ..., weights: Any = ..., returned: Any = ..., *, keepdims: bool = ...) -> Any:
    """The weighted mean of what counts."""
def nonzero(a: Any) -> Any:
    """The places of what counts and is not zero, an array an axis."""
def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, y elsewhere; masked where what is taken is, or the condition."""
def sort(a: Any, axis: int | Sequence[int] | None = ..., kind: Any = ..., order: str | None = ..., endwith: Any = ..., fill_value: Any = ..., *, stable: Any = ...) -> Any:
    """In ascending order along an axis, what does not count last, or first."""
def argsort(a: Any, axis: int | Sequence[int] | None = ..., kind: Any = ..., order: str | None = ..., endwith: Any = ..., fill_value: Any = ..., *, stable: Any = ...) -> Any:
    """The places of the elements in ascending order, of what does not count last, or first."""
def median(a: Any, axis: int | Sequence[int] | None = ..., out: Any = ..., overwrite_input: Any = ..., keepdims: bool = ...) -> Any:
    """The exact median of what counts."""
def anom(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Any:
    """What counts less its mean."""
def anomalies(a: Any, axis: int | Sequence[int] | None = ..., dtype: DTypeLike | None = ...) -> Any:
    """What counts less its mean."""
def diff(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., prepend: Any = ..., append: Any = ...) -> Any:
    """Differences of neighbours, masked where one of them is."""
def ediff1d(arr: Any, to_end: Any = ..., to_begin: Any = ...) -> Any:
    """Differences of neighbours among all elements, masked where one of them is."""
def dot(a: Any, b: Any, strict: Any = ...) -> Any:
    """The product over the last axis and the last but one; strict: a masked row or column is masked whole."""
def inner(a: Any, b: Any) -> Any:
    """Sums of products over the last axes of what counts."""
def outer(a: Any, b: Any) -> Any:
    """All products of two flattened arrays, masked where one of the factors is."""
def trace(a: Any, offset: Any = ..., axis1: Any = ..., axis2: Any = ..., dtype: DTypeLike | None = ...) -> Any:
    """Sums along a diagonal of what counts."""
def maximum(a: Any, b: Any = ...) -> Any:
    """The greater of two, the second one where they have no order, masked where one of them is; of one its greatest."""
def minimum(a: Any, b: Any = ...) -> Any:
    """The less of two, the second one where they have no order, masked where one of them is; of one its least."""
def cov(x: Any, y: Any = ..., rowvar: Any = ..., bias: Any = ..., allow_masked: Any = ..., ddof: Any = ...) -> Any:
    """Covariances of variables, of what counts for both."""
def corrcoef(x: Any, y: Any = ..., rowvar: Any = ..., *, allow_masked: Any = ...) -> Any:
    """Correlation coefficients of variables, of what counts for both."""
def allclose(a: Any, b: Any, masked_equal: Any = ..., rtol: Any = ..., atol: Any = ...) -> Any:
    """Whether all that counts is close; masked elements are, or are not."""
def allequal(a: Any, b: Any, fill_value: Any = ...) -> Any:
    """Whether all that counts is equal; masked elements are, or are not."""
def unique(ar1: Any, return_index: Any = ..., return_inverse: Any = ...) -> Any:
    """The different elements, ascending, those that do not count as one behind them."""
def intersect1d(ar1: Any, ar2: Any, assume_unique: Any = ...) -> Any:
    """Elements of both."""
def union1d(ar1: Any, ar2: Any) -> Any:
    """Elements of either."""
def setdiff1d(ar1: Any, ar2: Any, assume_unique: Any = ...) -> Any:
    """Elements of the first that are none of the second."""
def setxor1d(ar1: Any, ar2: Any, assume_unique: Any = ...) -> Any:
    """Elements of exactly one."""
def mask_or(m1: Any, m2: Any, *, copy: bool | None = ..., shrink: Any = ...) -> Any:
    """True where one of two masks is."""
def count_masked(arr: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """How many elements do not count."""
def masked_all(shape: int | Sequence[int], dtype: DTypeLike | None = ...) -> Any:
    """An array of which nothing counts."""
def masked_all_like(arr: Any) -> Any:
    """An array of that shape of which nothing counts."""
def mask_rowcols(a: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """Masked along all of a row (axis 0) or a column (axis 1) in which something is."""
def mask_rows(a: Any) -> Any:
    """Masked along all of a row in which something is."""
def mask_cols(a: Any) -> Any:
    """Masked along all of a column in which something is."""
def compress_nd(x: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """The data without the places of axes at which something is masked."""
def compress_rowcols(x: Any, axis: int | Sequence[int] | None = ...) -> Any:
    """The data without the rows (axis 0) and columns (axis 1) in which something is masked."""
def compress_rows(a: Any) -> Any:
    """The data without the rows in which something is masked."""
def compress_cols(a: Any) -> Any:
    """The data without the columns in which something is masked."""
def empty_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """An array of that shape under the same mask."""
def zeros_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """Zeros of that shape under the same mask."""
def ones_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """Ones of that shape under the same mask."""
