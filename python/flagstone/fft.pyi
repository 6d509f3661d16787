# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def fft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """The discrete Fourier transform along an axis."""
def ifft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def rfft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """The first half of the transform of real values."""
def irfft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """Real values from the first half of their transform."""
def hfft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """The real transform of the first half of what has Hermitian symmetry."""
def ihfft(a: Any, n: Any = ..., axis: int | Sequence[int] | None = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def fft2(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """The transform over two axes."""
def ifft2(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def fftn(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """The transform over several axes."""
def ifftn(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def rfft2(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """The transform of real values over two axes."""
def irfft2(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def rfftn(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """The transform of real values over several axes."""
def irfftn(a: Any, s: Any = ..., axes: Any = ..., norm: Any = ...) -> Array:
    """Its inverse."""
def fftfreq(n: Any, d: Any = ...) -> Array:
    """The frequencies of a transform."""
def rfftfreq(n: Any, d: Any = ...) -> Array:
    """The frequencies of the first half of a transform."""
def fftshift(x: Any, axes: Any = ...) -> Array:
    """The zero frequency in the middle."""
def ifftshift(x: Any, axes: Any = ...) -> Array:
    """The zero frequency first again."""
