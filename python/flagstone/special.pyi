# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def erf(x: Any) -> Array:
    """The error function (SciPy)."""
def erfc(x: Any) -> Array:
    """1 − erf (SciPy)."""
def erfinv(x: Any) -> Array:
    """The inverse of erf (SciPy)."""
def erfcinv(x: Any) -> Array:
    """The inverse of erfc (SciPy)."""
def gamma(x: Any) -> Array:
    """Γ (SciPy)."""
def gammaln(x: Any) -> Array:
    """log |Γ| (SciPy)."""
def digamma(x: Any) -> Array:
    """The slope of log Γ (SciPy)."""
def psi(x: Any) -> Array:
    """The slope of log Γ (SciPy)."""
def expit(x: Any) -> Array:
    """1/(1 + e⁻ˣ) (SciPy)."""
def logit(x: Any) -> Array:
    """log(x/(1 − x)) (SciPy)."""
def log_expit(x: Any) -> Array:
    """log(1/(1 + e⁻ˣ)) (SciPy)."""
def xlogy(x: Any, y: Any) -> Array:
    """x·log(y), 0 where x is 0 (SciPy)."""
def xlog1py(x: Any, y: Any) -> Array:
    """x·log(1 + y), 0 where x is 0 (SciPy)."""
