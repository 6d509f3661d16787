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
def empty_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """An array of that shape under the same mask."""
def zeros_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """Zeros of that shape under the same mask."""
def ones_like(a: Any, dtype: DTypeLike | None = ...) -> Any:
    """Ones of that shape under the same mask."""
