# Written by `python -m flagstone._stubs`: what stands in the engine's table. Do not edit.
from typing import Any, Sequence
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

_Operand = Any
from flagstone import Array

def matrix_transpose(x: Any) -> Array:
    """The last two axes exchanged."""
def matmul(x1: Any, x2: Any) -> Array:
    """The matrix product of the last two axes."""
def tensordot(x1: Any, x2: Any, *, axes: Any = ...) -> Array:
    """Sums of products over pairs of axes."""
def vecdot(x1: Any, x2: Any, *, axis: int | Sequence[int] | None = ...) -> Array:
    """Sums of products along an axis, the first conjugated."""
def outer(x1: Any, x2: Any) -> Array:
    """All products of two vectors."""
def cross(x1: Any, x2: Any, *, axis: int | Sequence[int] | None = ...) -> Array:
    """Vector products of 3 components."""
def trace(x: Any, *, offset: Any = ..., dtype: DTypeLike | None = ...) -> Array:
    """Sums along a diagonal of the last two axes."""
def multi_dot(arrays: Any) -> Array:
    """The product of several matrices, in the cheapest order."""
def matrix_power(a: Any, n: Any) -> Array:
    """Square matrices to a power."""
def diagonal(x: Any, *, offset: Any = ...) -> Array:
    """Diagonals of matrices in the last two axes."""
def qr(a: Any, mode: Any = ...) -> Any:
    """Q and R; mode 'reduced', 'complete', 'r' or 'raw'."""
def lu(a: Any, permute_l: Any = ..., *, p_indices: Any = ...) -> Any:
    """P, L and U with A = P @ L @ U (SciPy)."""
def lu_factor(a: Any) -> Any:
    """L and U in one matrix, and the exchanges of rows (SciPy)."""
def cholesky(a: Any, *, upper: Any = ...) -> Array:
    """L with A = L @ L.H, or U with A = U.H @ U."""
def solve(a: Any, b: Any, *, assume_a: Any = ...) -> Array:
    """x with a @ x = b; assume_a 'gen' or 'pos' (SciPy)."""
def solve_triangular(a: Any, b: Any, trans: Any = ..., lower: Any = ..., unit_diagonal: Any = ...) -> Array:
    """x with op(a) @ x = b for a triangle of a (SciPy)."""
def expm(a: Any) -> Array:
    """The exponential of a matrix."""
def inv(a: Any) -> Array:
    """The inverse."""
def det(a: Any) -> Array:
    """The determinant."""
def svd(a: Any, full_matrices: Any = ..., compute_uv: Any = ..., hermitian: Any = ...) -> Any:
    """U, s and Vh with A = (U * s) @ Vh."""
def svdvals(x: Any) -> Array:
    """Singular values, descending."""
def svd_compressed(a: Any, k: Any, n_oversamples: Any = ..., n_power_iter: Any = ..., seed: int | None = ...) -> Any:
    """The leading k singular values and vectors, by random directions (dask)."""
def eigh(a: Any, UPLO: Any = ...) -> Any:
    """Eigenvalues and eigenvectors of a Hermitian matrix."""
def eigvalsh(a: Any, UPLO: Any = ...) -> Array:
    """Eigenvalues of a Hermitian matrix."""
def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors, complex."""
def eigvals(a: Any) -> Array:
    """Eigenvalues, complex."""
def lstsq(a: Any, b: Any, rcond: Any = ...) -> Any:
    """Least squares: x, residuals, rank, singular values."""
def pinv(a: Any, rcond: Any = ..., hermitian: Any = ..., *, rtol: Any = ...) -> Array:
    """The pseudoinverse."""
def matrix_rank(A: Any, tol: Any = ..., hermitian: Any = ..., *, rtol: Any = ...) -> Array:
    """How many singular values are not zero."""
def cond(x: Any, p: Any = ...) -> Array:
    """The condition number."""
def norm(x: Any, ord: Any = ..., axis: int | Sequence[int] | None = ..., keepdims: bool = ...) -> Array:
    """Norms of vectors and matrices."""
def vector_norm(x: Any, *, axis: int | Sequence[int] | None = ..., keepdims: bool = ..., ord: Any = ...) -> Array:
    """Norms of vectors."""
def matrix_norm(x: Any, *, keepdims: bool = ..., ord: Any = ...) -> Array:
    """Norms of matrices."""
def tensorinv(a: Any, ind: Any = ...) -> Array:
    """The inverse of an array whose first axes are rows."""
def tensorsolve(a: Any, b: Any, axes: Any = ...) -> Array:
    """x with tensordot(a, x, x.ndim) = b."""
def tsqr(data: Any) -> Array:
    """Q and R of a tall matrix (dask)."""
def sfqr(data: Any) -> Array:
    """Q and R of a wide matrix (dask)."""
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the determinant."""
