# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def moment(a: Any, order: str | None = ..., axis: int | Sequence[int] | None = ..., nan_policy: Any = ..., *, center: Any = ..., keepdims: bool = ...) -> Array:
    """Central moments (SciPy)."""
def skew(a: Any, axis: int | Sequence[int] | None = ..., bias: Any = ..., nan_policy: Any = ..., *, keepdims: bool = ...) -> Array:
    """Skewness (SciPy)."""
def kurtosis(a: Any, axis: int | Sequence[int] | None = ..., fisher: Any = ..., bias: Any = ..., nan_policy: Any = ..., *, keepdims: bool = ...) -> Array:
    """Kurtosis (SciPy)."""
def ttest_1samp(a: Any, popmean: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Whether a mean is popmean: t and its probability (SciPy)."""
def ttest_ind(a: Any, b: Any, axis: int | Sequence[int] | None = ..., equal_var: Any = ...) -> Array:
    """Whether two means are equal: t and its probability (SciPy)."""
def ttest_rel(a: Any, b: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Whether pairs differ by 0 in the mean: t and its probability (SciPy)."""
def chisquare(f_obs: Any, f_exp: Any = ..., ddof: Any = ..., axis: int | Sequence[int] | None = ...) -> Array:
    """Frequencies held against those expected: χ² and its probability (SciPy)."""
def power_divergence(f_obs: Any, f_exp: Any = ..., ddof: Any = ..., axis: int | Sequence[int] | None = ..., lambda_: Any = ...) -> Array:
    """Frequencies held against those expected: a divergence and its probability (SciPy)."""
def f_oneway(*samples: Any, axis: int | Sequence[int] | None = ...) -> Array:
    """Whether the means of groups are equal: F and its probability (SciPy)."""
def skewtest(a: Any, axis: int | Sequence[int] | None = ..., nan_policy: Any = ...) -> Array:
    """Whether a skewness is a normal law's: z and its probability (SciPy)."""
def kurtosistest(a: Any, axis: int | Sequence[int] | None = ..., nan_policy: Any = ...) -> Array:
    """Whether a kurtosis is a normal law's: z and its probability (SciPy)."""
def normaltest(a: Any, axis: int | Sequence[int] | None = ..., nan_policy: Any = ...) -> Array:
    """Whether values follow a normal law: χ² and its probability (SciPy)."""
